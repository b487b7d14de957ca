"""How well the decoder explains each node, and which part of the split an edge was in."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from vgae_core.analysis.scoring import Score, score_pairs
from vgae_core.data.node_pairs import count_first
from vgae_core.data.non_edges import places_within
from vgae_core.data.splits import LinkSplit


def node_errors(
    z: np.ndarray,
    adjacency: sparse.csr_array,
    *,
    seed: int = 0,
    score: Score | None = None,
    sides: np.ndarray | None = None,
) -> np.ndarray:
    """Return how badly the decoder explains each node: mean binary cross-entropy of its pairs.

    The pairs of a node are its edges and as many non-edges drawn at random for it (with
    repeats where it lacks fewer).  ``log 2 = 0.693`` is a coin toss.

    Parameters
    ----------
    z : ndarray of float32, shape (n_nodes, latent_dim)
        Latent codes.
    adjacency : csr_array, shape (n_nodes, n_nodes)
        Edges of the graph; row i holds the edges (or outgoing arcs) of node i.
    seed : int
        Fixes the non-edges.
    score : callable, optional
        The decoder; inner products of `z` unless given.
    sides : ndarray of int8, shape (n_nodes,), optional
        The side of each node of a two-sided graph: its non-edges are drawn from the other side.

    Returns
    -------
    ndarray of float32, shape (n_nodes,)
        In nats per pair; NaN for a node without edges.
    """
    n = z.shape[0]
    coo = sparse.coo_array(adjacency)
    off = coo.row != coo.col
    pattern = sparse.csr_array((np.ones(int(off.sum()), np.int8), (coo.row[off], coo.col[off])), shape=(n, n))
    pattern.sum_duplicates()
    edges = np.column_stack([np.repeat(np.arange(n), np.diff(pattern.indptr)), pattern.indices])
    non_edges = _draw_non_edges(pattern, edges[:, 0].astype(np.int64), np.random.default_rng(seed), sides)
    loss = np.zeros(n)
    count = np.zeros(n)
    for pairs, sign in ((edges, -1.0), (non_edges, 1.0)):
        logits = score_pairs(z, pairs) if score is None else score(pairs)
        terms = np.logaddexp(0.0, sign * logits.astype(np.float64))  # -log p of the truth
        loss += np.bincount(pairs[:, 0], weights=terms, minlength=n)
        count += np.bincount(pairs[:, 0], minlength=n)
    result = np.full(n, np.nan, dtype=np.float32)
    np.divide(loss, count, out=result, where=count > 0, casting="same_kind")
    return result


def _draw_non_edges(
    pattern: sparse.csr_array, sources: np.ndarray, rng: np.random.Generator, sides: np.ndarray | None = None
) -> np.ndarray:
    """Return one uniform non-neighbour (not itself) for each source; sources that have none are left out.

    With `sides`, int8 (n_nodes,), non-neighbours are those of the other side, and columns are numbered within it.
    The r-th non-neighbour of a row comes after as many forbidden columns as satisfy ``column[t] - t <= r``: a search
    in sorted keys, so no draw is ever rejected.
    """
    n = pattern.shape[0]
    if sides is None:
        forbidden = sparse.csr_array(pattern + sparse.eye_array(n, dtype=np.int8, format="csr"))
        nodes = place = np.arange(n, dtype=np.int64)
        start, width = np.zeros(n, np.int64), np.full(n, n)
    else:
        forbidden, n_first = pattern, count_first(sides)
        nodes, place = places_within(sides)
        start, width = np.where(sides == 0, n_first, 0), np.where(sides == 0, n - n_first, n_first)
    forbidden.sort_indices()
    counts = np.diff(forbidden.indptr).astype(np.int64)
    free = width - counts
    sources = sources[free[sources] > 0]
    rank = rng.integers(0, free[sources])
    within = np.arange(forbidden.nnz) - np.repeat(forbidden.indptr[:-1], counts)
    keys = np.repeat(np.arange(n, dtype=np.int64), counts) * (n + 1) + place[forbidden.indices] - within
    before = np.searchsorted(keys, sources * (n + 1) + rank, side="right") - forbidden.indptr[sources]
    return np.column_stack([sources, nodes[start[sources] + rank + before]]).astype(np.int64)


def edge_parts(split: LinkSplit, pairs: np.ndarray, n_nodes: int, *, directed: bool = False) -> np.ndarray:
    """Return the part of the split each edge belongs to.

    Parameters
    ----------
    split : LinkSplit
    pairs : ndarray of int64, shape (n_pairs, 2)
        Edges of the graph.
    n_nodes : int
        Number of nodes.
    directed : bool
        Whether (i, j) and (j, i) are different edges.

    Returns
    -------
    ndarray of str objects, shape (n_pairs,)
        ``"training"``, ``"validation"``, ``"test"``, or ``""`` for a pair in none.
    """

    def code(array: np.ndarray) -> np.ndarray:
        ordered = array if directed else np.sort(array, axis=1)
        return ordered[:, 0] * np.int64(n_nodes) + ordered[:, 1]

    codes = code(pairs)
    parts = np.full(len(pairs), "", dtype=object)
    if not len(pairs):
        return parts
    ordered = np.sort(codes)  # few pairs and many edges: the edges are looked up, not sorted
    for name, edges in (("training", split.train), ("validation", split.val), ("test", split.test)):
        edge_codes = code(edges)
        place = np.minimum(np.searchsorted(ordered, edge_codes), len(ordered) - 1)
        parts[np.isin(codes, edge_codes[ordered[place] == edge_codes])] = name
    return parts
