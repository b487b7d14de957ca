"""The likeliest missing links within a selection of nodes, or between two."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from vgae_core.analysis.link_search import CANDIDATES
from vgae_core.analysis.scoring import BLOCK_VALUES, Score, score_pairs
from vgae_core.analysis.surprise import pattern_of
from vgae_core.errors import LimitError

MAX_PAIRS = 30_000_000
"""Pairs that are searched at once: about a second."""

TOP = 100
"""Links listed."""


def likely_links(
    left: np.ndarray,
    right: np.ndarray,
    known: sparse.csr_array,
    first: np.ndarray,
    second: np.ndarray,
    k: int = TOP,
    *,
    score: Score | None = None,
    directed: bool = False,
    sides: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the likeliest pairs without an edge that join two sets of nodes.

    Exact where the score is the inner product of the factors. With `score`, 50 times as many candidates are chosen by
    the factors and ranked by it.

    Parameters
    ----------
    left, right : ndarray of float32, shape (n_nodes, d)
        Factors of the network's logits.
    known : csr_array, shape (n_nodes, n_nodes)
        Edges of the graph.
    first, second : ndarray of int64
        Two sets without a common node, or the same set twice: then pairs within it, each once unless `directed`.
    k : int
    score : callable, optional
        The model's logit, where it is no inner product of the factors.
    directed : bool
        Pairs within a set are then taken in both directions, and so are those between two.
    sides : ndarray of int8, shape (n_nodes,), optional
        The side of each node of a two-sided graph: only pairs that join both are ranked.

    Returns
    -------
    pairs : ndarray of int64, shape (at most k, 2)
    logits : ndarray of float32

    Raises
    ------
    LimitError
        If there are more than :data:`MAX_PAIRS` pairs.
    """
    if len(first) * len(second) > MAX_PAIRS:
        raise LimitError(
            f"Links are searched among at most {MAX_PAIRS:,} pairs. Received: {len(first) * len(second):,}.",
            mend="Select fewer nodes.",
        )
    same = first is second or np.array_equal(first, second)
    pattern = pattern_of(known, directed=directed)
    many = k if score is None else CANDIDATES * k
    blocks = [(first, second)] if same or not directed else [(first, second), (second, first)]
    pairs, values = np.zeros((0, 2), np.int64), np.zeros(0, np.float32)
    for rows, columns in blocks:
        step = max(1, BLOCK_VALUES // max(len(columns), 1))
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            products = left[some] @ right[columns].T
            hidden = pattern[some][:, columns].tocoo()
            products[hidden.row, hidden.col] = -np.inf
            if same:
                ahead = some[:, None] == columns if directed else some[:, None] >= columns
                products[ahead] = -np.inf
            if sides is not None:
                products[sides[some][:, None] == sides[columns]] = -np.inf
            flat = products.ravel()
            top = np.argpartition(-flat, many - 1)[:many] if len(flat) > many else np.arange(len(flat))
            top = top[np.isfinite(flat[top])]
            pairs = np.concatenate(
                [pairs, np.column_stack([some[top // len(columns)], columns[top % len(columns)]])]
            )
            values = np.concatenate([values, flat[top]])
            if len(values) > many:
                best = np.argpartition(-values, many - 1)[:many]
                pairs, values = pairs[best], values[best]
    logits = score_pairs(left, pairs, right) if score is None else score(pairs)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -logits))[:k]
    return pairs[order], logits[order]
