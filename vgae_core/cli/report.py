"""``report``: one or several runs as a single HTML file."""

from __future__ import annotations

import argparse
from pathlib import Path

from vgae_core.cli.runs import find_runs
from vgae_core.errors import RunError
from vgae_core.runs.codes import completed
from vgae_core.runs.files import atomic


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("runs", metavar="RUN", nargs="+", help="a run's folder, or its id in the store")
    parser.add_argument(
        "--to", metavar="R.html", required=True, help="the report; it opens without a network"
    )


def run(options: argparse.Namespace) -> int:
    """Write a report of runs, the others compared with the first."""
    from vgae_core.runs.report import Reported, report  # brings Plotly

    to = Path(options.to)
    if to.suffix not in (".html", ".htm"):
        raise RunError(
            f"A report is HTML. Received: {to.name}.", where="--to", mend="Use a name that ends in .html."
        )
    runs = []
    for title, folder in find_runs(options.runs):
        graph = folder.graph()
        runs.append(Reported(title, completed(folder.result(), graph), graph, folder.history()))
    text = report(runs)
    with atomic(to) as temporary:
        temporary.write_text(text, "utf-8")
    print(
        f"{len(runs)} {'run' if len(runs) == 1 else 'runs'}, {len(text.encode()) / 1e6:.1f} MB. Written to {to}"
    )
    return 0
