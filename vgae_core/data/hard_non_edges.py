"""Non-edges that are harder to tell from test edges than random ones: ends of short walks."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from vgae_core.data.dataset import GraphData
from vgae_core.data.non_edges import codes, contains, sample_non_edges
from vgae_core.data.splits import LinkSplit


def hard_non_edges(
    graph: GraphData, split: LinkSplit, rng: np.random.Generator, *, edges: int = 500, each: int = 50
) -> tuple[np.ndarray, np.ndarray]:
    """Return test edges and, for each, non-edges that are harder to tell from it than random ones.

    One end of the test edge is kept, in turn, and the other replaced by the end of a walk of two steps over the
    training edges: nodes with many shared neighbours come up most.  In a two-sided graph the walk has three steps, so
    that it ends on the other side.  Where such walks keep ending at neighbours, a random non-edge stands in, which in a
    dense graph may come more than once.

    Parameters
    ----------
    graph : GraphData
        The whole graph, so that no edge is taken for a non-edge.
    split : LinkSplit
    rng : numpy.random.Generator
    edges : int
        Test edges at most.
    each : int
        Non-edges for each of them, drawn with repeats.

    Returns
    -------
    chosen : ndarray of int64, shape (m,)
        Places in ``split.test``, sorted.
    pairs : ndarray of int64, shape (m, each, 2)

    References
    ----------
    Li et al. 2023, Evaluating Graph Neural Networks for Link Prediction: Current Pitfalls and New Benchmarking,
    arXiv:2306.10453 (negatives for each edge, corrupted at one end, chosen by heuristics).
    """
    n = graph.n_nodes
    chosen = np.sort(rng.permutation(len(split.test))[:edges])
    ends = np.concatenate([split.train, split.train[:, ::-1]])
    steps = sparse.csr_array((np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), shape=(n, n))
    degree = np.diff(steps.indptr)

    def walk(nodes: np.ndarray) -> np.ndarray:
        """Return a random neighbour of each node; a lonely node stays where it is."""
        many = degree[nodes]
        place = steps.indptr[nodes] + (rng.random(len(nodes)) * many).astype(np.int64)
        reached = nodes.copy()
        reached[many > 0] = steps.indices[place[many > 0]]
        return reached

    pairs = np.repeat(split.test[chosen], each, axis=0)
    replaced = (1 - np.arange(len(pairs)) % each % 2).astype(np.int64)  # the second end, the first, …
    taken = codes(graph.edges, n, directed=graph.directed)  # in order, as edges are
    open_ = np.arange(len(pairs))
    for _ in range(10):
        row, column = open_, replaced[open_]
        reached = pairs[row, 1 - column]
        for _ in range(2 if graph.sides is None else 3):
            reached = walk(reached)
        pairs[row, column] = reached
        known = contains(taken, codes(pairs[open_], n, directed=graph.directed))
        open_ = open_[known | (pairs[open_, 0] == pairs[open_, 1])]
    pairs[open_] = sample_non_edges(graph, len(open_), rng, repeats=True)
    return chosen, pairs.reshape(len(chosen), each, 2)
