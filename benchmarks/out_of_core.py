"""Memory where messages pass once, on graphs of growing size: it stays that of the edges, while disk grows.

`python -m benchmarks.out_of_core NODES EDGES FEATURES` measures one size in the same way.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.peaks import Peaks

SIZES = (
    (500_000, 5_000_000, 64),
    (500_000, 5_000_000, 512),
    (1_500_000, 15_000_000, 64),
    (5_000_000, 50_000_000, 64),
)
"""Nodes, edges (drawn; a few percent repeat), features."""

SETTINGS = {
    "model.encoder": "linear",
    "model.latent_dim": 16,
    "training.propagation": "once",
    "training.epochs": 1,
}


BATCH_VALUES = 65_536 * 64
"""Pairs of a batch times features: the rows of a batch then take the same memory at every size."""


def held() -> dict[str, float]:
    """Return memory and disk that this process holds, in MiB (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    now = {
        line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.startswith(("Rss", "VmHWM"))
    }
    return {**now, "disk": sum(unnamed_files().values()) / 2**20}


def unnamed_files() -> dict[int, int]:
    """Return inode and bytes of every unnamed file that this process holds."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            state = os.stat(f"/proc/self/fd/{name}")
        except OSError:
            continue  # closed in between
        if state.st_nlink == 0:
            found[state.st_ino] = state.st_blocks * 512
    return found


def one(n_nodes: int, n_edges: int, n_features: int) -> dict[str, Any]:
    """Return what training one size cost."""
    from vgae_core.data.synthetic import synthetic
    from vgae_core.runs.execution.benchmark import measure
    from vgae_core.settings import RunSpec

    spec = RunSpec()
    for key, value in SETTINGS.items():
        spec = spec.replace(key, value)
    spec = spec.replace("training.batch_size", BATCH_VALUES // n_features)
    with Peaks(held, 0.05) as peaks:
        started = time.perf_counter(), time.process_time()
        graph = synthetic(n_nodes, n_edges, n_features=n_features, mapped=True)
        made = time.perf_counter() - started[0]
        figures = measure(spec, graph)
        whole = time.perf_counter() - started[0], time.process_time() - started[1]
    return {
        **figures,
        "made_s": round(made),
        "whole_s": round(whole[0]),
        "whole_cpu_s": round(whole[1]),
        **{f"peak_{key}_mib": round(value) for key, value in peaks.highest.items()},
    }


def main() -> None:
    for size in SIZES:
        call = [sys.executable, "-m", "benchmarks.out_of_core", *map(str, size)]
        done = subprocess.run(call, capture_output=True, text=True, check=True)
        figures = json.loads(done.stdout.splitlines()[-1])
        print(
            f"  {figures['nodes']:>9,} nodes {figures['edges']:>10,} edges {figures['features']:>4} features   "
            f"memory of its own {figures['peak_RssAnon_mib']:5,} MiB, resident {figures['peak_VmHWM_mib']:5,} MiB, "
            f"on disk {figures['peak_disk_mib']:6,} MiB   prepared in {figures['prepare_s']:.0f} s, "
            f"an epoch {figures['s_per_epoch']:.0f} s ({figures['cpu_s_per_epoch']:.0f} s of processor)",
            flush=True,
        )


if __name__ == "__main__":
    print(json.dumps(one(*map(int, sys.argv[1:]))))
