"""``resume``: a run that was interrupted, or trained further, as a new run."""

from __future__ import annotations

import argparse

from vgae_core.cli.runs import find_run
from vgae_core.cli.train import new_folder, train_into
from vgae_core.runs.store.resuming import continuation
from vgae_core.settings.fields import settings_of
from vgae_core.settings.training import TrainingSpec


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    most = next(setting for setting in settings_of(TrainingSpec) if setting.name == "epochs").high
    parser.add_argument(
        "run_dir", metavar="RUN", help="the run's folder, or its id in the store; it is not changed"
    )
    parser.add_argument(
        "--more-epochs",
        type=int,
        default=0,
        metavar="N",
        help=f"epochs beyond those it has done, up to {most:,.0f} in all; without, it goes on to the end it was "
        "meant to have, with the numbers of a run that was not interrupted",
    )
    parser.add_argument("--out", metavar="RUN_DIR", required=True, help="a new folder for the run")
    parser.add_argument("--json", action="store_true", help="print events as lines of JSON")


def run(options: argparse.Namespace) -> int:
    """Go on with a run from its last checkpoint."""
    out = new_folder(options.out)
    _, folder = find_run(options.run_dir)
    start = continuation(folder, options.more_epochs)
    return train_into(out, start.spec, folder.graph(), as_json=options.json, split=start.split, start=start)
