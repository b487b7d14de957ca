"""Peak memory of the generator route: a Sequential fed one dense batch at a time, for matrices of growing size."""

from __future__ import annotations

import json
import subprocess
import sys

SIZES = ((10_000, 1_000), (40_000, 2_000), (160_000, 4_000))
ENTRIES = 1_000_000
BATCH = 256

CODE = """
import json, resource, sys, time
import keras, numpy as np
from scipy import sparse
from vgae_core.training.row_batches import DenseRows

n, m, entries, batch = json.loads(sys.argv[1])
rng = np.random.default_rng(0)
places = rng.integers(0, n, entries), rng.integers(0, m, entries)
matrix = sparse.csr_array((np.ones(entries, np.float32), places), (n, m))
model = keras.Sequential([keras.Input((m,), name="rows"), keras.layers.Dense(8), keras.layers.Dense(m)])
model.compile("sgd", "mse")
def targets(block, rows):
    return block, np.ones(len(rows), np.float32)
model.fit(DenseRows(matrix, batch, targets, seed=0), steps_per_epoch=2, verbose=0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
start = time.perf_counter()
model.fit(DenseRows(matrix, batch, targets, seed=0), steps_per_epoch=40, verbose=0)
seconds = time.perf_counter() - start
print(json.dumps([before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, seconds / 40]))
"""


def main() -> None:
    print(f"  {ENTRIES:,} entries, batches of {BATCH} rows, 40 steps")
    for n, m in SIZES:
        call = [sys.executable, "-c", CODE, json.dumps([n, m, ENTRIES, BATCH])]
        done = subprocess.run(call, capture_output=True, text=True, check=True)
        before, peak, seconds = json.loads(done.stdout.splitlines()[-1])
        print(
            f"  {n:>8,} x {m:<6,} dense {n * m * 4 / 2**20:8.0f} MiB   peak {peak:6.0f} MiB "
            f"({before:.0f} after two steps)   {1e3 * seconds:5.1f} ms a step"
        )
