"""How far a model's view of a pair is from what degrees alone say."""

from __future__ import annotations

import numpy as np
from scipy import sparse


class Degrees:
    """What degrees alone make of a pair, and by how much a model's view of it differs.

    Of all random graphs with given expected degrees, the one of largest entropy joins i and j independently with odds
    ``x_i x_j`` (Park & Newman 2004).  Where edges are few, ``x_i = k_i / sqrt(2m)``, and the odds are the expected
    number of edges of the configuration model, ``k_i k_j / 2m``; of arcs ``k_i^out k_j^in / m``, and ``k_i k_j / m``
    of the pairs across a two-sided graph.

    Parameters
    ----------
    known : csr_array, shape (n_nodes, n_nodes)
        Edges of the graph; weights and self-loops do not count, and a node without an edge counts as one of degree 1.
    directed : bool
    sides : ndarray of int8, shape (n_nodes,), optional
        Of a two-sided graph.

    References
    ----------
    Park & Newman 2004, Statistical mechanics of networks, arXiv:cond-mat/0405566.
    Itti & Baldi 2009, Bayesian surprise attracts human attention, doi:10.1016/j.visres.2008.09.007.
    Saerens, Latinne & Decaestecker 2002, Adjusting the outputs of a classifier to new a priori probabilities,
    doi:10.1162/089976602753284446.
    """

    def __init__(
        self, known: sparse.csr_array, *, directed: bool = False, sides: np.ndarray | None = None
    ) -> None:
        pattern = pattern_of(known, directed=directed)
        n = pattern.shape[0]
        out, into = np.diff(pattern.indptr), np.bincount(pattern.indices, minlength=n)
        # An undirected edge stands in the pattern twice, and so does every pair among the n (n - 1).
        self._from, self._to = np.log(np.maximum(out, 1)), np.log(np.maximum(into, 1))
        every = n * (n - 1)
        if sides is not None:
            first = int(np.count_nonzero(sides == 0))
            every = 2 * first * (n - first)
        self._prior = float(np.log(max(pattern.nnz, 1)) - np.log(max(every - pattern.nnz, 1)))
        # Across two sides the degrees of each add up to m.
        self._total = float(np.log(max(pattern.nnz // (1 if sides is None else 2), 1)))

    def log_odds(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return ``log(k_i k_j / 2m)`` of pairs, float64."""
        return self._from[first] + self._to[second] - self._total

    def surprise(self, first: np.ndarray, second: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """Return how far the model's probability of pairs is from that of their degrees, in nats.

        The Kullback-Leibler divergence of p from q, ``p log(p / q) + (1 - p) log((1 - p) / (1 - q))``, less than 0
        where p < q: the model's p against q by the degrees.  A logit speaks of a world with as many edges as
        non-edges; p is its probability among all pairs of the graph, of which few are edges (Saerens et al. 2002).
        So neither a hub, whose q is high, nor a pair of which the model is not sure comes first.
        """
        x, t = logits.astype(np.float64) + self._prior, self.log_odds(first, second)
        yes, no = -np.logaddexp(0.0, -x), -np.logaddexp(0.0, x)
        p = np.exp(yes)
        apart = p * (yes + np.logaddexp(0.0, -t)) + np.exp(no) * (no + np.logaddexp(0.0, t))
        return np.where(x > t, apart, -apart)

    def least_logit(self, floor: float) -> float:
        """Return a logit below which no surprise exceeds `floor`: where p > q, the divergence is below -p log q."""
        if floor <= 0:
            return -np.inf
        most = float(
            np.logaddexp(0.0, self._total - self._from.min() - self._to.min())
        )  # -log of the least q
        p = floor / most
        return float(np.log(p) - np.log1p(-p)) - self._prior - 1e-3 if p < 1 else np.inf


def surprise(
    known: sparse.csr_array,
    pairs: np.ndarray,
    logits: np.ndarray,
    *,
    directed: bool = False,
    sides: np.ndarray | None = None,
) -> np.ndarray:
    """Return :meth:`Degrees.surprise` of pairs int64 (n_pairs, 2), float64 (n_pairs,), in nats."""
    return Degrees(known, directed=directed, sides=sides).surprise(pairs[:, 0], pairs[:, 1], logits)


def pattern_of(known: sparse.csr_array, *, directed: bool) -> sparse.csr_array:
    """Return the edges as entries of 1, without self-loops, in both directions unless directed."""
    coo = sparse.coo_array(known)
    keep = coo.row != coo.col
    i, j = coo.row[keep], coo.col[keep]
    if not directed:
        i, j = np.concatenate([i, j]), np.concatenate([j, i])
    pattern = sparse.csr_array((np.ones(len(i), np.float32), (i, j)), shape=known.shape)
    pattern.sum_duplicates()
    pattern.data[:] = 1
    return pattern
