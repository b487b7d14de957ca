"""``report``: one or several runs, or a sweep, as a single HTML file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from vgae_core.cli.runs import WORKSPACE, find_runs, open_store
from vgae_core.errors import RunError
from vgae_core.runs.disk.files import atomic
from vgae_core.runs.results.codes import completed
from vgae_core.runs.store.store import Store
from vgae_core.runs.sweeps.catalogue import SweepCatalogue


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("runs", metavar="RUN", nargs="*", help="a run's folder, or its id in the store")
    parser.add_argument(
        "--sweep", metavar="SWEEP", help="a sweep's folder, or its id in the store, instead of runs"
    )
    parser.add_argument(
        "--to", metavar="R.html", required=True, help="the report, one file that opens offline"
    )


def run(options: argparse.Namespace) -> int:
    """Write a report of runs, the others compared with the first."""
    to = Path(options.to)
    if to.suffix not in (".html", ".htm"):
        raise RunError(
            f"A report is HTML. Received: {to.name}.", where="--to", mend="Use a name that ends in .html."
        )
    if bool(options.runs) == (options.sweep is not None):
        raise RunError("Expected runs, or --sweep with a sweep.", where="RUN")
    what, content = _of_runs(options.runs) if options.sweep is None else _of_sweep(options.sweep)
    with atomic(to) as temporary:
        temporary.write_text(content, "utf-8")
    print(f"{what}, {len(content.encode()) / 1e6:.1f} MB. Written to {to}")
    return 0


def _of_runs(names: Sequence[str]) -> tuple[str, str]:
    """Return what is reported, in words, and the report."""
    from vgae_core.runs.exports.report import Reported, report  # brings Plotly

    runs = []
    for title, folder in find_runs(names):
        graph = folder.graph()
        runs.append(Reported(title, completed(folder.result(), graph), graph, folder.history()))
    return f"{len(runs)} {'run' if len(runs) == 1 else 'runs'}", report(runs)


def _of_sweep(name: str) -> tuple[str, str]:
    """Return the same of a sweep: one in a folder of its own, or with an id in the store."""
    from vgae_core.runs.sweeps.report import sweep_report, swept  # brings Plotly and Optuna

    path = Path(name)
    if path.is_dir() and not (path / "catalogue.sqlite").exists():
        raise RunError(f"Not the folder of a sweep: {path}.", where="--sweep")
    store = Store(path) if path.is_dir() else open_store()
    try:
        known = [info.id for info in SweepCatalogue(store).of_workspace(WORKSPACE)]
        if path.is_dir() and not known:
            raise RunError(f"There is no sweep in {path}.", where="--sweep")
        sweep = swept(store, known[0] if path.is_dir() else name)
        return f"A sweep of {len(sweep.trials)} trials", sweep_report(sweep)
    finally:
        store.close()
