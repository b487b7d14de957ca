"""``embed``: codes of new nodes, with the weights of a run."""

from __future__ import annotations

import argparse
from pathlib import Path

from vgae_core.cli.progress import read
from vgae_core.data import arguments
from vgae_core.runs.exports.table_files import write_table
from vgae_core.runs.store.folder import read_run_dir

MOVED = 1e-3
"""Distance from its code in the run from which a node counts as moved."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("run_dir", metavar="RUN_DIR")
    arguments.add(parser)
    parser.add_argument("--to", metavar="FILE", required=True, help=".csv or .parquet")


def run(options: argparse.Namespace) -> int:
    """Write the codes that a run's encoder gives a graph enlarged by new nodes and edges."""
    folder = read_run_dir(options.run_dir)
    more = read(options)

    from vgae_core.runs.results.embed import embed

    embedded = embed(folder.spec, folder.result(), folder.graph(), more)
    write_table(Path(options.to), embedded.table())
    print(
        f"{len(embedded.z_mean) - embedded.n_trained:,} new nodes; {int((embedded.moved > MOVED).sum()):,} of "
        f"{embedded.n_trained:,} training nodes moved. Written to {options.to}"
    )
    return 0
