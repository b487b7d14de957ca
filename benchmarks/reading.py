"""From files on disk to a matrix ready to train on, beside pandas and SciPy alone."""

from __future__ import annotations

import functools
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from scipy import sparse

from benchmarks.peaks import Peaks
from vgae_core.data.link_splits import split_links
from vgae_core.data.readers import SourceFile, read, read_isolated
from vgae_core.data.repairs import repair
from vgae_core.host.limits import Limits
from vgae_core.settings import RepairSpec, RunSpec

SIZES = {1_000_000: 3, 10_000_000: 1}
"""Edges, and how often each way is tried."""
LIMITS = Limits(upload_bytes=500_000_000)


def bare(path: Path) -> sparse.csr_array:
    """The least there is to do: parse two columns, sum into a matrix, join directions."""
    table = pd.read_csv(path, dtype=np.int64)
    n = int(table.to_numpy().max()) + 1
    ends = (table["source"].to_numpy(), table["target"].to_numpy())
    half = sparse.coo_array((np.ones(len(table), np.float32), ends), shape=(n, n)).tocsr()
    return sparse.csr_array(half.maximum(half.T))


def bare_texts(path: Path) -> sparse.csr_array:
    """The same for ids that are texts."""
    table = pd.read_csv(path, dtype=str)
    codes, names = pd.factorize(pd.concat([table["source"], table["target"]], ignore_index=True))
    ends, n = np.split(codes, 2), len(names)
    half = sparse.coo_array((np.ones(len(table), np.float32), tuple(ends)), shape=(n, n)).tocsr()
    return sparse.csr_array(half.maximum(half.T))


def bare_long(path: Path) -> sparse.csr_array:
    """The least there is to do with lists of node, feature and value."""
    table = pd.read_csv(path)
    rows, columns = (pd.factorize(table[name])[0] for name in ("node_id", "feature_id"))
    return sparse.coo_array((table["value"].to_numpy(np.float32), (rows, columns))).tocsr()


def of_children() -> dict[str, float]:
    """Return the resident memory of the largest child of this process, in bytes."""
    largest = 0
    for child in psutil.Process().children():
        try:
            largest = max(largest, child.memory_info().rss)
        except psutil.NoSuchProcess:
            continue  # it ended in between
    return {"bytes": largest}


def compare(title: str, rounds: int, alone: Callable[[], object], files: list[Path]) -> None:
    """Print the median of each way."""
    sources = [SourceFile(path.name, path) for path in files]
    ways = {
        "pandas + SciPy alone": alone,
        "read + repair": lambda: repair(read(sources, limits=LIMITS), RepairSpec()),
        "read in a child + repair": lambda: repair(read_isolated(sources, limits=LIMITS), RepairSpec()),
    }
    print(f"{title}, median of {rounds}")
    base = 0.0
    for name, way in ways.items():
        seconds = []
        with Peaks(of_children, 0.02) as peaks:
            for _ in range(rounds):
                start = time.perf_counter()
                way()
                seconds.append(time.perf_counter() - start)
        median = statistics.median(seconds)
        base = base or median
        largest = peaks.highest.get("bytes", 0.0)
        child = f"   child at most {largest / 1e6:,.0f} MB" if largest else ""
        print(f"  {name:28s} {median:6.2f} s   {median / base:5.1f} x pandas + SciPy{child}", flush=True)


def ready(path: Path) -> None:
    """Print what it costs to go from a file to the batches of training, with random columns as node input."""
    from vgae_core.training.pair_batches import graph_batches  # TensorFlow, which is not what is measured

    def spent() -> float:
        return sum(
            sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )

    spec = RunSpec().replace("model.node_input", "random")
    began, used = time.perf_counter(), spent()
    graph = repair(read_isolated([SourceFile(path.name, path)], limits=LIMITS), RepairSpec())
    split = split_links(graph, spec.split, 0)
    graph_batches(graph, split, split.message(graph.n_nodes, graph), spec)
    print(
        f"  {graph.profile.n_edges:,} edges from file to trained-ready: {time.perf_counter() - began:.1f} s, "
        f"{spent() - used:.1f} s of processor",
        flush=True,
    )


def main() -> None:
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for n_edges, rounds in SIZES.items():
            edges = folder / "edges.csv"
            pairs = pd.DataFrame(rng.integers(0, n_edges // 5, (n_edges, 2)), columns=["source", "target"])
            pairs.to_csv(edges, index=False)
            compare(f"{n_edges:,} edges of CSV", rounds, functools.partial(bare, edges), [edges])
            ready(edges)
        texts, few, long = folder / "texts.csv", folder / "few.csv", folder / "features.csv"
        pairs = pairs.iloc[:1_000_000] % 200_000
        ("user-" + pairs.astype(str)).to_csv(texts, index=False)
        compare("1,000,000 edges with texts for ids", 3, lambda: bare_texts(texts), [texts])
        pairs.to_csv(few, index=False)
        listed = {"node_id": pairs["source"], "feature_id": pairs["target"] % 5000, "value": 1.0}
        pd.DataFrame(listed).to_csv(long, index=False)
        compare(
            "1,000,000 edges and 1,000,000 feature values in lists",
            3,
            lambda: (bare(few), bare_long(long)),
            [few, long],
        )
