"""``score``: how likely the pairs in a file are."""

from __future__ import annotations

import argparse
from pathlib import Path

from vgae_core.data import arguments
from vgae_core.errors import DataError
from vgae_core.runs.answers import Answers, pairs_of
from vgae_core.runs.folder import read_run_dir
from vgae_core.runs.table_files import write_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("run_dir", metavar="RUN_DIR")
    parser.add_argument("pairs", metavar="PAIRS", help="a file with one pair of names per row")
    parser.add_argument("--to", metavar="FILE", required=True, help=".csv or .parquet")


def run(options: argparse.Namespace) -> int:
    """Write what a run says of the pairs in a file."""
    folder = read_run_dir(options.run_dir)
    graph = folder.graph()
    pairs, unknown = pairs_of(graph, arguments.read_pairs(options.pairs))
    if not len(pairs):
        raise DataError(f"No pair joins two nodes of the run, which has no {unknown[0]!r:.60}.",
                        where=options.pairs, mend="Use the node ids of the run.")  # fmt: skip
    table = Answers(folder.result(), graph).score_table(pairs)
    write_table(Path(options.to), table)
    left_out = f" {len(unknown):,} names are no nodes: {', '.join(unknown[:5])}." if unknown else ""
    print(f"{len(table):,} pairs scored.{left_out} Written to {options.to}")
    return 0
