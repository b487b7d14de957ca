"""``prepare``: a folder to train from, of edges that come in parts and may exceed memory."""

from __future__ import annotations

import argparse
import json
import os
import sys

from vgae_core.cli import where
from vgae_core.cli.progress import Bar
from vgae_core.cli.specification import changed, parse_change
from vgae_core.cli.train import new_folder
from vgae_core.errors import SpecError
from vgae_core.host.limits import LIMITS, PREFIX
from vgae_core.runs.workers.where import LOCAL_WORKERS
from vgae_core.settings import RunSpec


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "path", nargs="+", metavar="DIR|FILE", help="Parquet or text files of edges, or folders of them"
    )
    parser.add_argument("--out", metavar="DIR", required=True, help="a new folder that all workers can reach")
    parser.add_argument(
        "--features",
        metavar="FILE|DIR",
        help="node features: an npy file with row i for node i, or a table (Parquet, CSV, a folder of them) "
        "with a column of node ids",
    )
    parser.add_argument(
        "--columns",
        metavar="SOURCE,TARGET[,WEIGHT]",
        default="",
        help="column names, where they are not detected",
    )
    parser.add_argument(
        "--names", action="store_true", help="treat node ids as names, even if they are numbers"
    )
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a repair or split setting: dataset.repairs.direction=directed, split.test_fraction=0.01",
    )
    parser.add_argument("--seed", type=int, metavar="S", default=0, help="seed of the split (default 0)")
    parser.add_argument("--json", action="store_true", help="print the manifest as one line of JSON")
    where.add_arguments(parser)
    parser.epilog = (
        f"A task holds about {LIMITS.partition_bytes / 1e6:,.0f} MB ({PREFIX}PARTITION_BYTES). Without workers by "
        "address one per processor is started."
    )


def run(options: argparse.Namespace) -> int:
    """Prepare a graph and say what came of it."""
    from vgae_core.data.partitions.preparation import (
        prepare,
    )  # pyarrow and Dask, only now that they are needed
    from vgae_core.runs.workers.part_workers import part_workers

    changes = [parse_change(text) for text in options.set]
    strange = next((key for key, _ in changes if not key.startswith(("dataset.repairs.", "split."))), None)
    if strange is not None:
        raise SpecError(
            "`prepare` takes repairs and the split only.", where=strange, mend="Give it to `train`."
        )
    spec = changed(RunSpec(), changes).replace("seed", options.seed)
    columns = tuple(filter(None, (name.strip() for name in options.columns.split(","))))
    if columns and len(columns) not in (2, 3):
        raise SpecError(
            f"Expected SOURCE,TARGET[,WEIGHT]. Received: {options.columns!r:.80}.", where="--columns"
        )
    if options.local_workers is None and not os.environ.get(LOCAL_WORKERS):
        options.local_workers = os.cpu_count() or 1
    out, bar = new_folder(options.out), Bar(sys.stderr)
    try:
        with part_workers(where.chosen(options), bar.part) as tasks:
            manifest = prepare(
                options.path,
                out,
                repairs=spec.dataset.repairs,
                split=spec.split,
                seed=spec.seed,
                features=options.features,
                columns=columns,
                names=options.names,
                tasks=tasks,
            )
    finally:
        bar.close()
    if options.json:
        print(json.dumps(manifest))
        return 0
    counts, seconds = manifest["counts"], manifest["seconds"]
    kind = "arcs" if manifest["directed"] else "edges"
    called = "named" if manifest["named"] else "numbered"
    print(
        f"{manifest['rows_read']:,} rows: {manifest['n_nodes']:,} {called} nodes, {counts['edges']:,} {kind}"
    )
    if left_out := manifest["features_without_edges"]:
        print(f"Rows of features left out, whose node has no edge: {left_out:,}")
    print(
        f"Split: {counts['train']:,} to train on, {counts['val']:,} for validation, {counts['test']:,} for the test"
    )
    print(f"{sum(seconds.values()):.1f} s ({', '.join(f'{stage} {s:.1f}' for stage, s in seconds.items())})")
    print(f"Written to {out}. Next: python -m vgae_core train --prepared {out} --out RUN_DIR")
    return 0
