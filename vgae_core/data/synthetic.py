"""Graphs of any size that are made up, for measuring only."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from vgae_core.data.blocks import on_disk, row_blocks
from vgae_core.data.dataset import GraphData


def synthetic(
    n_nodes: int, n_edges: int, *, n_features: int = 64, size: int = 50, seed: int = 0, mapped: bool = False
) -> GraphData:
    """Return a large graph of small communities with dense features.

    Parameters
    ----------
    n_nodes, n_edges : int
        Of `n_edges` draws four in five fall inside a community; repeated ones are dropped, so that the graph
        has a few percent fewer.
    n_features : int
        A normal direction a community, plus normal noise.
    size : int
        Nodes of a community.
    seed : int
    mapped : bool
        Whether features are made in a mapped file instead of in memory.

    Returns
    -------
    GraphData
    """
    rng = np.random.default_rng(seed)
    code = np.empty(n_edges, np.int64)
    for part, drawn in row_blocks(code):
        count = len(drawn)
        first = rng.integers(0, n_nodes, count)
        inside = np.minimum(first // size * size + rng.integers(0, size, count), n_nodes - 1)
        second = np.where(rng.random(count) < 0.8, inside, rng.integers(0, n_nodes, count))
        code[part] = np.minimum(first, second) * n_nodes + np.maximum(first, second)
    code.sort()
    code = code[(code // n_nodes != code % n_nodes) & np.concatenate([[True], code[1:] != code[:-1]])]
    starts = np.searchsorted(code, np.arange(n_nodes + 1) * n_nodes).astype(np.int32)
    columns = (code % n_nodes).astype(np.int32)
    half = sparse.csr_array((np.ones(len(code), np.float32), columns, starts), shape=(n_nodes, n_nodes))
    del code, columns
    centres = rng.standard_normal((n_nodes // size + 1, n_features), dtype=np.float32)
    shape = (n_nodes, n_features)
    features = on_disk(shape) if mapped else np.empty(shape, np.float32)
    for part, rows in row_blocks(features):
        rng.standard_normal(out=rows, dtype=np.float32)
        rows += centres[np.arange(part.start, part.stop) // size]
    return GraphData(
        name=f"Communities, {n_nodes:,} nodes",
        adjacency=sparse.csr_array(half + half.T),
        node_ids=np.arange(n_nodes),
        features=features,
    )
