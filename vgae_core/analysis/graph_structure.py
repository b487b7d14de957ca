"""What the edges alone say of nodes: degree, community, core."""

from __future__ import annotations

import random
import threading

import numpy as np
from scipy import sparse

IGRAPH_LOCK = threading.Lock()  # igraph has one random generator a process


def degree(adjacency: sparse.csr_array, *, directed: bool = True) -> np.ndarray:
    """Return the number of distinct neighbours of each node, directions and self-loops aside.

    Parameters
    ----------
    adjacency : csr_array, shape (n_nodes, n_nodes)
    directed : bool
        Whether it need not be symmetric; where it is, counting is enough.

    Returns
    -------
    ndarray of int64, shape (n_nodes,)
    """
    if directed:
        return np.diff(undirected(adjacency).indptr).astype(np.int64)
    sizes = np.diff(adjacency.indptr).astype(np.int64)
    nodes = np.repeat(np.arange(len(sizes)), sizes)
    return sizes - np.bincount(nodes[nodes == adjacency.indices], minlength=len(sizes))


def communities(adjacency: sparse.csr_array, seed: int = 0) -> np.ndarray:
    """Return the community of each node: groups with more edges inside than by chance.

    Leiden optimisation of modularity on the undirected graph, weighted where all weights
    are positive.

    Parameters
    ----------
    adjacency : csr_array, shape (n_nodes, n_nodes)
    seed : int
        Fixes the order in which nodes are visited.

    Returns
    -------
    ndarray of int32, shape (n_nodes,)
        0 is the largest community, 1 the next, …; -1 a node without edges.

    References
    ----------
    Traag, Waltman & van Eck 2019, From Louvain to Leiden, arXiv:1810.08473.
    """
    both = sparse.triu(undirected(adjacency), k=1, format="coo")
    n = both.shape[0]
    weights = both.data if both.nnz and bool((both.data > 0).all()) else None
    import igraph

    graph = igraph.Graph(n=n, edges=np.column_stack([both.row, both.col]))
    with IGRAPH_LOCK:
        igraph.set_random_number_generator(random.Random(seed))  # noqa: S311 - not for secrets
        try:
            found = graph.community_leiden(
                objective_function="modularity",
                weights=None if weights is None else weights.tolist(),
                n_iterations=10,
            )
        finally:
            igraph.set_random_number_generator(random)
    member = np.asarray(found.membership, dtype=np.int64)
    lonely = np.diff(undirected(adjacency).indptr) == 0
    sizes = np.bincount(member[~lonely], minlength=int(member.max(initial=-1)) + 1)
    rank = np.empty(len(sizes), dtype=np.int32)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes), dtype=np.int32)
    result = rank[member] if n else np.zeros(0, dtype=np.int32)
    result[lonely] = -1
    return result


def core_numbers(adjacency: sparse.csr_array) -> np.ndarray:
    """Return the core number of each node: the largest k whose k-core it is in.

    In a k-core each node has at least k neighbours in it; directions, weights and self-loops aside.

    Parameters
    ----------
    adjacency : csr_array, shape (n_nodes, n_nodes)

    Returns
    -------
    ndarray of int32, shape (n_nodes,)

    References
    ----------
    Batagelj & Zaversnik 2003, An O(m) algorithm for cores decomposition of networks, arXiv:cs/0310049.
    """
    import igraph  # late, as in `communities`

    both = sparse.triu(undirected(adjacency), k=1, format="coo")
    graph = igraph.Graph(n=both.shape[0], edges=np.column_stack([both.row, both.col]))
    return np.asarray(graph.coreness(), np.int32)


def undirected(adjacency: sparse.csr_array) -> sparse.csr_array:
    """Return (A + Aᵀ) / 2 without the diagonal; an edge stays one even where its weights cancel."""
    coo = sparse.coo_array(adjacency)
    keep = coo.row != coo.col
    rows, cols, data = coo.row[keep], coo.col[keep], coo.data[keep] / 2
    result = sparse.csr_array(
        (np.concatenate([data, data]), (np.concatenate([rows, cols]), np.concatenate([cols, rows]))),
        shape=adjacency.shape,
    )
    result.sum_duplicates()
    return result
