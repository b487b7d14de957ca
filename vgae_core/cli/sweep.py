"""``sweep``: many runs of one specification with some settings varied, kept in a folder that can be gone on with."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from vgae_core.cli import specification, where
from vgae_core.cli.progress import read
from vgae_core.cli.runs import WORKSPACE
from vgae_core.cli.specification import specify
from vgae_core.data import arguments
from vgae_core.data.dataset import GraphData
from vgae_core.data.limits import SERVER_LIMITS
from vgae_core.data.text import visible
from vgae_core.errors import RunError
from vgae_core.runs.files import finite
from vgae_core.runs.store import Store
from vgae_core.settings import RunSpec
from vgae_core.settings.space import MAX_JSON, Space, objective, schema

if TYPE_CHECKING:
    from vgae_core.runs.sweeps.manager import Sweeps

LOOK_SECONDS = 0.2
NO_LIMIT = 10**9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--space", metavar="SPACE.json", help="which settings vary, and how")
    parser.add_argument("--schema", action=_PrintSchema, help="print the JSON schema of SPACE.json and exit")
    arguments.add(parser)
    specification.add_arguments(parser)
    parser.add_argument(
        "--trials", type=int, metavar="N", help="points at most, instead of those in SPACE.json"
    )
    parser.add_argument("--minutes", type=float, metavar="M", help="minutes after which no run begins")
    parser.add_argument("--seeds", type=int, metavar="K", help="runs of each point")
    where.add_arguments(parser)
    parser.add_argument(
        "--out", metavar="DIR", required=True, help="a new folder, or that of a sweep that was interrupted"
    )


class _PrintSchema(argparse.Action):
    def __init__(self, option_strings: list[str], dest: str, **more: object) -> None:
        super().__init__(option_strings, dest, nargs=0, help=str(more["help"]))

    def __call__(self, parser: argparse.ArgumentParser, *ignored: object) -> None:
        print(json.dumps(schema(), indent=2))
        parser.exit()


def run(options: argparse.Namespace) -> int:
    """Sweep, choose by validation pairs, and score the chosen point on the test pairs once."""
    if options.space is None:
        raise RunError("Expected --space SPACE.json.", mend="Print what it may hold with --schema.")
    with Path(options.space).open(encoding="utf-8-sig") as file:
        space = Space.from_json(file.read(MAX_JSON + 1))
    given = {name: getattr(options, name) for name in ("trials", "minutes", "seeds")}
    space = dataclasses.replace(space, **{name: value for name, value in given.items() if value is not None})
    place, out = where.chosen(options), Path(options.out)
    if out.exists() and (
        not out.is_dir() or (any(out.iterdir()) and not (out / "catalogue.sqlite").exists())
    ):
        raise RunError(f"Expected a new folder, or that of a sweep. Received: {out}.", where="--out")
    spec, graph = specify(options, read(options))
    space.check(spec)

    os.environ.setdefault("DASK_DISTRIBUTED__LOGGING__DISTRIBUTED", "error")  # its start is no news
    from vgae_core.runs.engine import Engine  # Dask and Optuna, only now that they are needed
    from vgae_core.runs.sweeps.choice import optimism_of, table
    from vgae_core.runs.sweeps.manager import Sweeps

    # One's own machine: nobody else waits.
    limits = dataclasses.replace(
        SERVER_LIMITS,
        **dict.fromkeys(
            ("sweep_runs", "sweep_minutes", "kept_runs", "kept_bytes_of_one", "kept_bytes"), NO_LIMIT
        ),
    )
    store = Store(out, limits=limits)
    engine = Engine(store, place, limits=limits)
    sweeps = Sweeps(engine, store, limits=limits)
    try:
        sweep_id = _the_sweep(sweeps, spec, graph, space)
        _follow(sweeps, sweep_id, as_json=options.json)
        info = sweeps.catalogue.info(sweep_id)
        if info.refit is None:
            sweeps.refit(sweep_id, WORKSPACE)
            info = sweeps.catalogue.info(sweep_id)
        refit = store.open_run(str(info.refit))
        while refit.info.active:
            time.sleep(LOOK_SECONDS)
        if refit.info.status != "finished":
            raise RunError(f"The chosen point could not be trained again. {refit.info.message}")
        trials = sweeps.catalogue.trials(sweep_id)
        luck = optimism_of(store, trials)
        found = table(info, trials)
        found.to_csv(out / "trials.csv", index=False)
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on where it was.", file=sys.stderr)
        return 130
    finally:
        sweeps.close()
        engine.close()
        store.close()
    chosen = next(trial for trial in trials if trial.number == info.chosen)
    names = [objective(name, spec).title for name in space.objectives]
    summary = {
        "chosen": {"trial": chosen.number, "settings": dict(chosen.point)},
        "validation": dict(zip(names, chosen.values or (), strict=False)),
        "optimism": None if luck is None else luck.by,
        "test": refit.metrics()["test"],
        "run": str(refit.path),
    }
    if options.json:
        print(json.dumps({"event": "Result", **finite(summary)}))
        return 0
    print(found.drop(columns="message").to_string(index=False, float_format=lambda value: f"{value:.4g}"))
    settings = ", ".join(f"{key} = {value}" for key, value in chosen.point.items())
    print(f"\nChosen by validation pairs: trial {chosen.number} ({visible(settings)}).")
    if luck is not None:
        print(
            f"The best of {luck.n_trials} validation scores is optimistic by about {luck.by:.4f} "
            f"(AUC + AP {luck.best:.4f}; {luck.corrected:.4f} on validation pairs that had no part in the choice)."
        )
    test = summary["test"]
    print(
        f"Trained again and scored on the test pairs, once: AUC {test['roc_auc']:.4f}, "
        f"average precision {test['average_precision']:.4f}. Run: {refit.path}"
    )
    return 0


def _the_sweep(sweeps: Sweeps, spec: RunSpec, graph: GraphData, space: Space) -> str:
    """Return the sweep of this folder: the one that was begun, else a new one.

    Raises
    ------
    RunError
        If the folder holds another one.
    """
    for info in sweeps.catalogue.of_workspace(WORKSPACE):
        if (info.spec, info.space, info.fingerprint) != (spec, space, graph.fingerprint):
            raise RunError(
                "This folder holds a sweep of other settings or data.", where="--out", mend="Use a new one."
            )
        sweeps.resume(info.id, WORKSPACE)
        return str(info.id)
    return str(sweeps.start(spec, graph, space, WORKSPACE))


def _follow(sweeps: Sweeps, sweep_id: str, *, as_json: bool) -> None:
    """Tell each trial as it ends, until the sweep does; a message only once."""
    told: set[int] = set()
    message = ""
    while True:
        info = sweeps.catalogue.info(sweep_id)
        for trial in sweeps.catalogue.trials(sweep_id):
            if trial.state == "running" or trial.number in told:
                continue
            told.add(trial.number)
            if as_json:
                event = {
                    "event": "Trial",
                    "trial": trial.number,
                    "state": trial.state,
                    "settings": trial.point,
                }
                print(json.dumps({**event, "values": trial.values, "message": trial.message}), flush=True)
            else:
                values = "  ".join(f"{value:.4f}" for value in trial.values or ())
                print(
                    f"trial {trial.number:>3}  {trial.state:<8}  {values or visible(trial.message)}",
                    file=sys.stderr,
                )
        if info.message and info.message != message:
            print(visible(info.message), file=sys.stderr)
        message = info.message
        if info.status == "paused":
            raise RunError(info.message or "The sweep was paused.", mend="The same command goes on with it.")
        if not info.active:
            return
        time.sleep(LOOK_SECONDS)
