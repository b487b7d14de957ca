"""``score``: how likely the pairs in a file are."""

from __future__ import annotations

import argparse
from pathlib import Path

from vgae_core.data import arguments
from vgae_core.errors import DataError
from vgae_core.runs.exports.table_files import write_table
from vgae_core.runs.store.folder import read_run_dir
from vgae_core.runs.views.answers import answers_of, same_side, tell_same_side


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("run_dir", metavar="RUN_DIR")
    parser.add_argument("pairs", metavar="PAIRS", help="a text file with one pair of names per line")
    parser.add_argument("--to", metavar="FILE", required=True, help=".csv or .parquet")


def run(options: argparse.Namespace) -> int:
    """Write what a run says of the pairs in a file."""
    folder = read_run_dir(options.run_dir)
    graph = folder.graph()
    result, names = folder.result(), arguments.read_pairs(options.pairs)
    words, answers = result.words, answers_of(result, graph)
    pairs, unknown = answers.pairs_of(names)
    if not len(pairs):
        raise DataError(f"No pair joins {words.ends} of the run, which has no {unknown[0]!r:.60}.",
                        where=options.pairs, mend="Use the ids of the run.")  # fmt: skip
    within = tell_same_side(graph, pairs)
    n_within = int(same_side(graph, pairs).sum())
    if n_within == len(pairs):
        raise DataError(within, where=options.pairs, mend="Pair each node with one of the other side.")
    table = answers.score_table(pairs)
    write_table(Path(options.to), table)
    left_out = f" {len(unknown):,} names are no {words.members}: {', '.join(unknown[:5])}." if unknown else ""
    summary = f"{len(table) - n_within:,} pairs scored.{left_out} {within}".rstrip()
    print(f"{summary} Written to {options.to}")
    return 0
