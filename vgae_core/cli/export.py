"""``export``: a part of a run, written to a file."""

from __future__ import annotations

import argparse
from pathlib import Path

from vgae_core.analysis.link_filters import RANKINGS, LinkSearch
from vgae_core.data.text import visible
from vgae_core.errors import RunError
from vgae_core.runs.disk.files import atomic
from vgae_core.runs.exports.bundle import export_bundle
from vgae_core.runs.exports.embedding_files import write_embedding
from vgae_core.runs.exports.logs import LOGS
from vgae_core.runs.exports.script import export_script
from vgae_core.runs.exports.table_files import PROTECT, write_table
from vgae_core.runs.results.codes import WHY, completed, encoded_from
from vgae_core.runs.store.folder import read_run_dir
from vgae_core.runs.views.link_tables import proposals

LINKS = 1000
"""Missing links that are exported, the likeliest first."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("run_dir", metavar="RUN_DIR")
    parser.add_argument("--what", required=True, choices=["embedding", "links", "bundle", "script", "log"])
    parser.add_argument(
        "--to",
        metavar="FILE",
        required=True,
        help="embedding: .csv, .parquet, .npz, .zip (TensorBoard projector), .h5ad, "
        ".graphml or .gexf; links: .csv or .parquet; script: .zip; "
        "log: .csv or .tfevents (TensorBoard)",
    )
    parser.add_argument(
        "--ranking", choices=list(RANKINGS), default=LinkSearch().ranking, help="order of the links"
    )
    parser.add_argument(
        "--protect", action="store_true", help=f"{PROTECT.title[0].lower()}{PROTECT.title[1:]}"
    )


def run(options: argparse.Namespace) -> int:
    """Write a part of a run to a file."""
    folder, to = read_run_dir(options.run_dir), Path(options.to)
    if options.what == "log":
        if to.suffix not in LOGS:
            raise RunError(
                f"Logs cannot be written as {to.suffix!r}.", where=str(to), mend=f"Use {' or '.join(LOGS)}."
            )
        with atomic(to) as temporary:
            temporary.write_bytes(LOGS[to.suffix](folder.events()))
        return 0
    if options.what == "script":
        with atomic(to) as temporary:
            export_script(folder, temporary)
        return 0
    if options.what == "bundle":
        with atomic(to) as temporary:
            export_bundle(folder, temporary)
        return 0
    graph = folder.graph()
    result = completed(folder.result(), graph)
    if options.what == "embedding":
        write_embedding(to, result, graph, protect=options.protect)
    else:
        table = proposals(result, graph, LINKS, LinkSearch(ranking=options.ranking))
        write_table(to, table, protect=options.protect)
    why = f" ({visible(result.model[WHY])})" if WHY in result.model else ""
    print(f"Encoded from {encoded_from(result)}{why}. Written to {to}")
    return 0
