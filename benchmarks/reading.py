"""From an edge list on disk to a trained-ready matrix, beside pandas and SciPy alone."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from vgae_core.data.readers import SourceFile, read, read_isolated
from vgae_core.data.repairs import repair
from vgae_core.spec import RepairSpec

N_EDGES = 1_000_000
ROUNDS = 3


def bare(path: Path) -> sparse.csr_array:
    """The least there is to do: parse two columns, sum into a matrix, join directions."""
    table = pd.read_csv(path, dtype=np.int64)
    n = int(table.to_numpy().max()) + 1
    half = sparse.coo_array(
        (np.ones(len(table), np.float32), (table["source"], table["target"])), shape=(n, n)
    )
    return sparse.csr_array(half + half.T)


def main() -> None:
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, N_EDGES // 5, (N_EDGES, 2))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "edges.csv"
        pd.DataFrame(pairs, columns=["source", "target"]).to_csv(path, index=False)
        file = [SourceFile(path.name, path)]
        ways = {
            "pandas + SciPy alone": lambda: bare(path),
            "read + repair": lambda: repair(read(file), RepairSpec()),
            "read in a child + repair": lambda: repair(read_isolated(file), RepairSpec()),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                start = time.perf_counter()
                way()
                seconds[name].append(time.perf_counter() - start)
    base = statistics.median(seconds["pandas + SciPy alone"])
    print(f"{N_EDGES:,} rows of CSV, median of {ROUNDS}")
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"  {name:28s} {median:6.2f} s   {median / base:5.1f} x pandas + SciPy")
