"""Features smoothed over a graph: what is known of nodes without training anything."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from vgae_core.analysis.graph_structure import undirected
from vgae_core.data.dataset import Features
from vgae_core.data.propagation import normalise
from vgae_core.errors import LimitError

WIDTH = 128
"""Columns to which wider features are shortened, by a truncated singular value decomposition."""

MAX_VALUES = 100_000_000
"""Values of smoothed features: 400 MB of float32."""


def short(features: Features, seed: int = 0) -> np.ndarray:
    """Return features as few dense columns: as they are, or their first singular vectors, scaled.

    Parameters
    ----------
    features : csr_array or ndarray, shape (n_nodes, n_features)
    seed : int

    Returns
    -------
    ndarray of float32, shape (n_nodes, at most :data:`WIDTH`)

    Raises
    ------
    LimitError
        If they would hold more than :data:`MAX_VALUES` values.
    """
    n, width = features.shape
    if n * min(width, WIDTH) > MAX_VALUES:
        raise LimitError(f"Features of {n:,} nodes are too many to be compared without training.")
    if width <= WIDTH or n <= WIDTH:
        dense = features.toarray() if sparse.issparse(features) else features
        return np.array(dense, np.float32)
    from sklearn.decomposition import TruncatedSVD

    svd = TruncatedSVD(WIDTH, n_iter=4, random_state=seed)
    return np.asarray(svd.fit_transform(features), np.float32)


def smoothed(columns: np.ndarray, adjacency: sparse.csr_array, hops: int) -> np.ndarray:
    """Return columns after `hops` steps of the propagation matrix: P^k X.

    Directions count as edges, and so do negative weights, as edges of weight 1.

    Parameters
    ----------
    columns : ndarray of float32, shape (n_nodes, d)
    adjacency : csr_array, shape (n_nodes, n_nodes)
    hops : int

    Returns
    -------
    ndarray of float32, shape (n_nodes, d)

    References
    ----------
    Wu et al. 2019, Simplifying Graph Convolutional Networks, arXiv:1902.07153.
    """
    both = undirected(adjacency).astype(np.float32)
    if both.nnz and both.data.min() < 0:
        both.data[:] = 1
    matrix = normalise(both)
    for _ in range(hops):
        columns = matrix @ columns
    return np.asarray(columns, np.float32)
