"""``rank``: the likeliest new links of one node."""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path

from vgae_core.runs.answers import TOP, Answers, find_node
from vgae_core.runs.files import finite
from vgae_core.runs.folder import read_run_dir
from vgae_core.runs.table_files import write_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("run_dir", metavar="RUN_DIR")
    parser.add_argument("--node", metavar="NAME", required=True, help="the node, by its name")
    parser.add_argument("--top", type=int, default=TOP, metavar="K", help=f"links to list (default {TOP})")
    parser.add_argument("--incoming", action="store_true", help="of a directed graph: links to the node")
    parser.add_argument("--existing", action="store_true", help="its links instead, the least likely first")
    parser.add_argument("--to", metavar="FILE", help=".csv or .parquet")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Print the likeliest new links of one node, or its own, the least likely first."""
    folder = read_run_dir(options.run_dir)
    graph = folder.graph()
    answers = Answers(folder.result(), graph)
    node = find_node(graph, options.node)
    find = answers.existing if options.existing else partial(answers.rank, k=options.top)
    table = answers.table(find(node, direction="in" if options.incoming else "out"))[: options.top]
    if options.to:
        write_table(Path(options.to), table)
        print(f"{len(table):,} links of {graph.node_ids[node]}. Written to {options.to}")
    elif options.json:
        print(json.dumps({"node": str(graph.node_ids[node]), "links": finite(table.to_dict("records"))}))
    else:
        print(table.to_string(index=False, float_format=lambda value: f"{value:.4g}"))
    return 0
