"""Preparation of a graph from parts on disk: seconds by stage, memory of all processes, disk; then an epoch from it.

`python -m benchmarks.prepare [EDGES [WORKERS [FEATURES]]]`, 5 million edges by default; TMPDIR says where files lie.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.peaks import Peaks
from vgae_core.data.blocks import row_blocks

EDGES, WORKERS, FEATURES = 5_000_000, 2, 64
EDGES_PER_NODE, COMMUNITY, PART_ROWS = 10, 50, 5_000_000
BATCH = 65_536


def taken(folder: Path) -> dict[str, float]:
    """Return the memory of this process and all below it, shared pages counted once, and disk of a folder, in MiB."""
    me, total = psutil.Process(), 0
    for process in (me, *me.children(recursive=True)):
        try:
            total += process.memory_full_info().pss
        except psutil.Error:
            continue  # ended meanwhile
    return {"pss": total / 2**20, "disk": size_mib(folder)}


def size_mib(folder: Path) -> float:
    """Return what the files of a folder take on disk."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:
            continue  # removed meanwhile
    return total / 2**20


def write_parts(folder: Path, n_edges: int, n_features: int) -> int:
    """Write edges of small communities, four in five inside one, and features; return the number of nodes."""
    rng = np.random.default_rng(0)
    n_nodes = max(2 * COMMUNITY, n_edges // EDGES_PER_NODE)
    (folder / "edges").mkdir()
    for number, start in enumerate(range(0, n_edges, PART_ROWS)):
        count = min(PART_ROWS, n_edges - start)
        first = rng.integers(0, n_nodes, count)
        inside = np.minimum(first // COMMUNITY * COMMUNITY + rng.integers(0, COMMUNITY, count), n_nodes - 1)
        second = np.where(rng.random(count) < 0.8, inside, rng.integers(0, n_nodes, count))
        table = pa.table({"source": first, "target": second})
        pq.write_table(table, folder / "edges" / f"{number:04d}.parquet")
    features = np.lib.format.open_memmap(folder / "features.npy", "w+", np.float32, (n_nodes, n_features))
    centres = rng.standard_normal((n_nodes // COMMUNITY + 1, n_features), dtype=np.float32)
    for part, rows in row_blocks(features):
        rng.standard_normal(out=rows, dtype=np.float32)
        rows += centres[np.arange(part.start, part.stop) // COMMUNITY]
    return n_nodes


def prepared(folder: Path, workers: int) -> dict[str, Any]:
    """Prepare the parts in a folder and return what it cost."""
    from vgae_core.data.partitions.preparation import prepare
    from vgae_core.runs.workers.part_workers import part_workers
    from vgae_core.runs.workers.where import Where

    out = folder / "prepared"
    begun, used = time.perf_counter(), os.times()
    with Peaks(lambda: taken(out), 0.25) as peaks, part_workers(Where(local_workers=workers)) as tasks:
        manifest = prepare([str(folder / "edges")], out, features=str(folder / "features.npy"), tasks=tasks)
    cpu = sum(os.times()[:4]) - sum(used[:4])  # with the workers, which have ended
    return {
        "rows": manifest["rows_read"],
        "nodes": manifest["n_nodes"],
        "edges": manifest["counts"]["edges"],
        "blocks": len(manifest["bounds"]) - 1,
        "seconds": manifest["seconds"],
        "whole_s": round(time.perf_counter() - begun, 1),
        "cpu_s": round(cpu, 1),
        "peak_pss_mib": round(peaks.highest.get("pss", 0)),
        "parts_mib": round(size_mib(folder / "edges")),
        "disk_peak_mib": round(peaks.highest.get("disk", 0)),
        "disk_mib": round(size_mib(out)),
    }


def trained(folder: Path) -> dict[str, Any]:
    """Train an epoch from a prepared folder and return what it cost."""
    from vgae_core.data.partitions.prepared import open_prepared
    from vgae_core.runs.execution.benchmark import measure
    from vgae_core.settings import RunSpec

    begun = time.perf_counter()
    with Peaks(lambda: taken(folder / "nothing"), 0.25) as peaks:
        graph, split, _ = open_prepared(folder / "prepared")
        opened = time.perf_counter() - begun
        spec = RunSpec().replace("model.encoder", "linear").replace("model.latent_dim", 16)
        spec = spec.replace("training.propagation", "once").replace("training.batch_size", BATCH)
        costs = measure(spec.replace("training.epochs", 1), graph, split)
    return {"opened_s": round(opened, 1), "peak_pss_mib": round(peaks.highest.get("pss", 0)), **costs}


def run(n_edges: int, workers: int, n_features: int) -> None:
    """Measure one size and print it."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        write_parts(folder, n_edges, n_features)
        for name in (f"prepared:{workers}", "trained"):
            call = [sys.executable, "-m", "benchmarks.prepare", name, home]
            done = subprocess.run(call, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(done.stderr)
            print(f"  {name.partition(':')[0]}: {done.stdout.splitlines()[-1]}", flush=True)


def main() -> None:
    """Measure the default size."""
    run(EDGES, WORKERS, FEATURES)


if __name__ == "__main__":
    step, *rest = sys.argv[1:] or [str(EDGES)]
    if step.startswith("prepared:"):
        print(json.dumps(prepared(Path(rest[0]), int(step.partition(":")[2]))))
    elif step == "trained":
        print(json.dumps(trained(Path(rest[0]))))
    else:
        given = [int(step), *map(int, rest)]
        run(*given, *(WORKERS, FEATURES)[len(given) - 1 :])  # type: ignore[call-arg]
