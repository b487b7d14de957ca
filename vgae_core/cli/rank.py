"""``rank``: the likeliest new links of one node, or the columns recommended to one row."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from vgae_core.analysis.links import Direction
from vgae_core.runs.disk.files import finite
from vgae_core.runs.exports.table_files import write_table
from vgae_core.runs.store.folder import read_run_dir
from vgae_core.runs.views.answers import TOP, answers_of, find_node


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("run_dir", metavar="RUN_DIR")
    parser.add_argument("--node", metavar="NAME", required=True, help="the node or row, by its name")
    parser.add_argument("--top", type=int, default=TOP, metavar="K", help=f"links to list (default {TOP})")
    parser.add_argument(
        "--incoming", action="store_true", help="directed graphs: links to the node instead of from it"
    )
    parser.add_argument(
        "--existing", action="store_true", help="its existing links or entries, the least likely first"
    )
    parser.add_argument("--to", metavar="FILE", help=".csv or .parquet")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Print the likeliest new links of one node or columns of one row, or its own, the least likely first."""
    folder = read_run_dir(options.run_dir)
    graph, result = folder.graph(), folder.result()
    node = find_node(graph, options.node)
    answers = answers_of(result, graph)
    direction: Direction = "in" if options.incoming else "out"
    if options.existing:
        table = answers.existing_table(node, direction)[: options.top]
    else:
        table = answers.rank_table(node, options.top, direction)
    words = result.words
    noun, share = words.proposals, answers.base_rate
    if options.to:
        write_table(Path(options.to), table)
        print(f"{len(table):,} {noun} of {graph.node_ids[node]}. Written to {options.to}")
    elif options.json:
        heading = {"node": str(graph.node_ids[node]), "base_rate": share}
        print(json.dumps({**heading, noun: finite(table.to_dict("records"))}))
    else:
        print(table.to_string(index=False, float_format=lambda value: f"{value:.4g}"))
        if "probability" in table:
            print(
                f"probability assumes that half of the {words.pairs} are {noun}; probability_at_density "
                f"that {share:.2%} are, as in this {words.data}."
            )
    return 0
