"""Mutated binary files: a graph or one typed error, and the process that asked lives on.

A thousand inputs per reader; ``VGAE_STUDIO_FUZZ=100000`` for the night. They are read in forked batches, as
libraries in C may die of a file.
"""

import json
import os

import pytest

from tests.data.readers import fuzz_binary
from tests.data.readers.forked import start

COUNT = int(os.environ.get("VGAE_STUDIO_FUZZ", "1000"))
MAY_DIE = {"h5ad": 0.01, "mat": 0.01, "arrow": 0.01, "parquet": 0.01}
"""Share of inputs that may end the child or its time: code in C, which is why it runs in a child.

Known: SciPy follows the pointers of a sparse MATLAB matrix whose arrays are empty; HDF5 walks a
damaged global heap in circles.
"""


@pytest.mark.parametrize("key", fuzz_binary.KEYS)
def test_whatever_the_bytes(key, tmp_path):
    report = tmp_path / "report"
    first = deaths = done = 0
    while first < COUNT:
        process = start(fuzz_binary.batch, key, first, COUNT - first, report)
        process.join()
        lines = [json.loads(line) for line in report.read_text("utf-8").splitlines()]
        done += lines[0]["done"]
        assert len(lines) == 1, f"mutation {lines[0]['number']}: {lines[1]['problem']}"
        if process.exitcode == 0:
            break
        deaths += 1
        first = lines[0]["number"] + 1
        told = f"mutation {lines[0]['number']} ended the process: {process.exitcode}"
        assert deaths <= MAY_DIE.get(key, 0) * COUNT, told
    assert done > 0


def test_every_seed_reads(tmp_path):
    """Mutations of a file that is refused anyway try nothing."""
    for key in fuzz_binary.KEYS:
        for at, files in enumerate(fuzz_binary.corpus(key)):
            sources = []
            for name, content in files:
                path = tmp_path / f"{key}{at}{name}"
                path.write_bytes(content)
                sources.append(fuzz_binary.SourceFile(name, path))
            assert fuzz_binary.read(sources, limits=fuzz_binary.LIMITS).n_nodes > 0
