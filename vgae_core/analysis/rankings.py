"""Which links may be missing, ranked in several ways and filtered, over all pairs of nodes without an edge.

A ranking by score begins with the nodes of most links, whose codes are long.  A ranking by surprise asks how far the
model's view of a pair is from what its degrees alone say; a ranking by node gives each node its best new link.  Filters
are a part of the search: what is listed is the best of all pairs that pass, not what passes of the best.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy import sparse

from vgae_core.analysis.link_filters import Allowed, LinkSearch, across, allowed_pairs
from vgae_core.analysis.link_search import CANDIDATES, Report, likeliest, missing_links
from vgae_core.analysis.scoring import BLOCK_VALUES, Score, score_pairs, scorer
from vgae_core.analysis.stacking import stacked
from vgae_core.analysis.surprise import Degrees, pattern_of

PER_NODE = 20
"""Candidates that are scored for each node, where a score has no factors to rank all pairs by."""

SAMPLED = 5_000
"""Edges, and as many random pairs, on which factors are brought near such a score."""

SCORED_TOGETHER = 500_000
"""Pairs that are scored at a time."""


def rank_links(
    search: LinkSearch,
    left: np.ndarray,
    right: np.ndarray,
    known: sparse.csr_array,
    k: int,
    *,
    score: Score | None = None,
    allowed: Allowed | None = None,
    directed: bool = False,
    sides: np.ndarray | None = None,
    progress: Report | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first `k` pairs of a ranking, over all pairs without an edge that pass the filters.

    Exact where the score is the inner product of the factors.  With `score`, candidates are chosen by the factors, as
    :func:`vgae_core.analysis.link_search.missing_links` does, and ranked by it.

    Parameters
    ----------
    search : LinkSearch
    left, right : ndarray of float32, shape (n_nodes, d)
        Factors of the network's logits.
    known : csr_array, shape (n_nodes, n_nodes)
        Edges of the graph.
    k : int
    score : callable, optional
        The model's logit, where it is no inner product of the factors.
    allowed : callable, optional
        From :func:`allowed_pairs`.
    directed : bool
    sides : ndarray of int8, shape (n_nodes,), optional
        The side of each node of a two-sided graph: only pairs that join both are ranked.
    progress : callable, optional

    Returns
    -------
    pairs : ndarray of int64, shape (at most k, 2)
    logits : ndarray of float32
        The model's.
    """
    if sides is not None:
        allowed = across(sides, allowed)
    options: dict[str, Any] = {"allowed": allowed, "directed": directed, "progress": progress}
    same = None if left is right else right
    if search.ranking == "node_best":
        return _best_of_each(left, right, known, k, score, **options)
    if search.ranking == "score":
        return missing_links(left, known, k, right=same, score=score, **options)
    return _most_surprising(left, right, known, k, score, sides=sides, **options)


def _strips(
    left: np.ndarray,
    right: np.ndarray,
    pattern: sparse.csr_array,
    *,
    allowed: Allowed | None,
    whole: bool,
    progress: Report | None,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield rows, columns and the factors' products of all pairs, in strips; -inf where a pair is no candidate.

    Candidates are pairs of different nodes that are no entry of `pattern` and are `allowed`: each once, the smaller
    node first, unless rows are `whole`.
    """
    n = len(left)
    step = int(np.clip(BLOCK_VALUES // max(n, 1), 1, 1024))
    for start in range(0, n, step):
        rows = np.arange(start, min(start + step, n))
        columns = np.arange(0 if whole else start, n)
        products = left[rows] @ right[columns].T
        products[rows[:, None] == columns if whole else columns <= rows[:, None]] = -np.inf
        seen = pattern[rows][:, columns].tocoo()
        products[seen.row, seen.col] = -np.inf
        if allowed is not None:
            products[~allowed(rows, columns)] = -np.inf
        yield rows, columns, products
        if progress is not None:
            progress((rows[-1] + 1) / n, f"{rows[-1] + 1:,} of {n:,} nodes")


def _most_surprising(
    left: np.ndarray,
    right: np.ndarray,
    known: sparse.csr_array,
    k: int,
    score: Score | None,
    *,
    allowed: Allowed | None,
    directed: bool,
    sides: np.ndarray | None,
    progress: Report | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k` pairs without an edge of the greatest surprise, strip by strip."""
    degrees = Degrees(known, directed=directed, sides=sides)
    pattern = pattern_of(known, directed=directed)
    slope, offset = (1.0, 0.0) if score is None else _line(left, right, pattern, score)
    many = k if score is None else CANDIDATES * k
    pairs, values = np.zeros((0, 2), np.int64), np.zeros(0)
    for rows, columns, logits in _strips(
        left, right, pattern, allowed=allowed, whole=directed, progress=progress
    ):
        if score is not None:
            logits = np.float32(slope) * logits + np.float32(offset)
        floor = float(values.min()) if len(values) == many else -np.inf
        row, column = np.nonzero(logits > degrees.least_logit(floor))
        nats = degrees.surprise(rows[row], columns[column], logits[row, column])
        over = np.flatnonzero(nats > floor)
        pairs = np.concatenate([pairs, np.column_stack([rows[row[over]], columns[column[over]]])])
        values = np.concatenate([values, nats[over]])
        if len(values) > many:
            top = np.argpartition(-values, many - 1)[:many]
            pairs, values = pairs[top], values[top]
    logits = score_pairs(left, pairs, right) if score is None else score(pairs)
    value = degrees.surprise(pairs[:, 0], pairs[:, 1], logits)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -value))[:k]
    return pairs[order], logits[order]


def _line(
    left: np.ndarray, right: np.ndarray, pattern: sparse.csr_array, score: Score
) -> tuple[float, float]:
    """Return slope and offset that bring the factors' products near a score, on edges and random pairs.

    On a graph of 1,406 nodes, candidates chosen by this line held 99 of the 100 most surprising pairs of a stacked
    score; with the network's own share of that score, which leaves out what the other scores add, 67.
    """
    rng = np.random.default_rng(0)
    coo = pattern.tocoo()
    some = rng.permutation(coo.nnz)[:SAMPLED]
    edges = np.column_stack([coo.row[some], coo.col[some]]).astype(np.int64)
    pairs = np.concatenate([edges, rng.integers(0, len(left), (SAMPLED, 2))])
    product, logits = score_pairs(left, pairs, right).astype(np.float64), score(pairs).astype(np.float64)
    spread = float(product.var())
    slope = float(np.mean((product - product.mean()) * logits)) / spread if spread > 0 else 1.0
    return slope, float(logits.mean() - slope * product.mean())


def _best_of_each(
    left: np.ndarray,
    right: np.ndarray,
    known: sparse.csr_array,
    k: int,
    score: Score | None,
    *,
    allowed: Allowed | None,
    directed: bool,
    progress: Report | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return each node's likeliest new link (or arc from it), the `k` likeliest of these."""
    n = len(left)
    pattern = pattern_of(known, directed=directed)
    many = 1 if score is None else min(PER_NODE, n)
    best_pairs, best_logits = [np.zeros((0, 2), np.int64)], [np.zeros(0, np.float32)]
    waiting: list[np.ndarray] = []

    def settle() -> None:
        """Score the candidates and keep the best of each node."""
        pairs = np.concatenate(waiting)
        waiting.clear()
        logits = score_pairs(left, pairs, right) if score is None else score(pairs)
        order = np.lexsort((pairs[:, 1], -logits, pairs[:, 0]))
        leads = order[np.concatenate([[True], np.diff(pairs[order, 0]) > 0])] if len(order) else order
        best_pairs.append(pairs[leads])
        best_logits.append(logits[leads])

    for rows, _, logits in _strips(left, right, pattern, allowed=allowed, whole=True, progress=progress):
        at = np.argpartition(-logits, many - 1, axis=1)[:, :many]
        row = np.repeat(np.arange(len(rows)), many)
        there = np.isfinite(logits[row, at.ravel()])
        waiting.append(np.column_stack([rows[row], at.ravel()])[there].astype(np.int64))
        if sum(map(len, waiting)) >= SCORED_TOGETHER or rows[-1] == n - 1:
            settle()
    pairs, logits = np.concatenate(best_pairs), np.concatenate(best_logits)
    if not directed:
        pairs, places = np.unique(np.sort(pairs, axis=1), axis=0, return_index=True)
        logits = logits[places]
    return likeliest(pairs, logits, k)


def rank_links_task(
    arrays: Mapping[str, np.ndarray], options: Mapping[str, Any], progress: Report
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return :func:`rank_links` as a task of a child process.

    Parameters
    ----------
    arrays : mapping
        ``left`` and ``right`` float32 (n_nodes, k), the factors, ``edges`` int64 (n_edges, 2), the pairs to
        leave out; for a decoder without factors ``z`` and its weights, as ``weight_NAME``; for stacking
        ``message`` int64 (n_edges, 2), the edges that training-free scores see, and the features, dense or as three
        arrays of a CSR matrix; for filters ``named``, ``labels`` and ``communities``; ``sides`` int8 (n_nodes,) of a
        two-sided graph.
    options : mapping
        ``k`` int, ``directed`` bool, ``decoder`` str, ``stack`` dict, ``search`` dict of a :class:`LinkSearch` and
        ``n_features`` int of sparse features.
    progress : callable

    Returns
    -------
    arrays : dict
        ``pairs`` int64 (k, 2) and ``logits`` float32 (k,).
    values : dict
        Empty.
    """
    left, right, edges = arrays["left"], arrays["right"], arrays["edges"]
    search, directed, stack = (
        LinkSearch.from_dict(options["search"]),
        bool(options["directed"]),
        options["stack"],
    )
    decoder, start = str(options["decoder"]), "weight_"
    weights = {name.removeprefix(start): value for name, value in arrays.items() if name.startswith(start)}
    score = scorer(arrays["z"], (left, right), decoder, weights)
    if stack:
        features = arrays.get("features")
        if "features_data" in arrays:
            parts = tuple(arrays[f"features_{part}"] for part in ("data", "indices", "indptr"))
            features = sparse.csr_array(parts, shape=(len(left), int(options["n_features"])))
        score = stacked(score, stack, _matrix_of(arrays["message"], len(left)), features)
    known = _matrix_of(edges, len(left))
    filters = {name: arrays[name] for name in ("named", "labels", "communities") if name in arrays}
    pairs, logits = rank_links(
        search,
        left,
        left if np.array_equal(left, right) else right,
        known,
        int(options["k"]),
        score=score if weights or stack else None,
        allowed=allowed_pairs(search, known, directed=directed, **filters),
        directed=directed,
        sides=arrays.get("sides"),
        progress=progress,
    )
    return {"pairs": pairs, "logits": logits}, {}


def _matrix_of(pairs: np.ndarray, n: int) -> sparse.csr_array:
    """Return the matrix with a 1 at each pair, float32 (n, n)."""
    return sparse.csr_array((np.ones(len(pairs), np.float32), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
