"""The weights of training edges, and the unit in which they are learnt."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def edge_weights(adjacency: sparse.csr_array, edges: np.ndarray) -> np.ndarray:
    """Return the weight of each of some edges of a graph, float64 (n_edges,).

    Parameters
    ----------
    adjacency : csr_array, shape (n_nodes, n_nodes)
        Canonical: columns sorted, none twice.
    edges : ndarray of int, shape (n_edges, 2)
        Each an entry of `adjacency`.
    """
    n = np.int64(adjacency.shape[0])
    keys = np.repeat(np.arange(n), np.diff(adjacency.indptr)) * n + adjacency.indices
    places = np.searchsorted(keys, edges[:, 0] * n + edges[:, 1])
    return np.asarray(adjacency.data[places], np.float64)


def weight_unit(weights: np.ndarray) -> float:
    """Return the unit in which weights of edges are learnt: the mean of the training edges'; 1 if that is 0."""
    return float(weights.mean()) or 1.0
