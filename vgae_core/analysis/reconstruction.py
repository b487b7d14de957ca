"""What the decoder says of pairs of nodes: missing links, doubtful links, badly explained nodes.

The decoder is the inner product of two latent codes, or of two factors made from them; its
probability is the sigmoid of that logit.  Decoders that are no inner product bring their own
score.  Nothing here holds an n_nodes × n_nodes array.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import expit
from scipy.stats import rankdata

from vgae_core.analysis import decoders
from vgae_core.analysis.metrics import fast_auc_ap
from vgae_core.data.blocks import take_rows
from vgae_core.data.dataset import count_first
from vgae_core.data.non_edges import places_within
from vgae_core.data.splits import LinkSplit
from vgae_core.errors import DataError

BLOCK_VALUES = 4_000_000
"""Values of a temporary array: 16 MB of float32."""

EXACT_NODES = 20_000
"""Nodes up to which the search over all pairs takes a few seconds; beyond it belongs in the background."""

RANKED = 1000
"""Pairs listed in a ranking."""

TIE = 0.01
"""Difference of AUC below which two scores are about equal: another split moves them as much."""

SECONDS = 900.0
"""Time a search in the background may take; who waits for it can cancel it."""

CANDIDATES = 50
"""Pairs that are scored for each one listed, where a decoder has no factors to rank all pairs by."""

Score = Callable[[np.ndarray], np.ndarray]
"""From pairs int64 (n_pairs, 2) to the decoder's logits, float32 (n_pairs,)."""

Report = Callable[[float, str], None]
"""Called with the share of the work done, 0 to 1, and what is being done."""


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Return ``1 / (1 + exp(-logits))``, the decoder's probability of an edge.

    Parameters
    ----------
    logits : ndarray of float, any shape

    Returns
    -------
    ndarray of float64, same shape
        0 to 1.
    """
    return np.asarray(expit(logits.astype(np.float64)))


def score_pairs(z: np.ndarray, pairs: np.ndarray, right: np.ndarray | None = None) -> np.ndarray:
    """Return the decoder's logit of each pair, ``z_i · z_j``, or ``z_i · right_j``.

    Parameters
    ----------
    z : ndarray of float32, shape (n_nodes, latent_dim)
        Latent codes, or the left factors of the pairs.
    pairs : ndarray of int64, shape (n_pairs, 2)
    right : ndarray of float32, shape (n_columns, latent_dim), optional
        Right factors; `z` unless given.

    Returns
    -------
    ndarray of float32, shape (n_pairs,)
    """
    other = z if right is None else right
    logits = np.empty(len(pairs), dtype=np.float32)
    step = max(1, BLOCK_VALUES // max(1, z.shape[1]))
    for start in range(0, len(pairs), step):
        part = pairs[start : start + step]
        ends = take_rows(z, part[:, 0]), take_rows(other, part[:, 1])
        np.einsum("ij,ij->i", *ends, out=logits[start : start + step])
    return logits


def scorer(
    z: np.ndarray,
    factors: tuple[np.ndarray, np.ndarray],
    decoder: str = "inner_product",
    weights: Mapping[str, np.ndarray] | None = None,
) -> Score:
    """Return the function from pairs to logits of any decoder.

    Parameters
    ----------
    z : ndarray of float32, shape (n_nodes, latent_dim)
        Latent codes.
    factors : tuple of ndarray of float32, shapes (n_nodes, k) and (n_columns, k)
    decoder : str
        A key of :data:`vgae_core.analysis.decoders.SCORES`; any other is the inner product of `factors`.
    weights : mapping of str to ndarray, optional
        What that formula reads.
    """
    if decoder in decoders.SCORES:
        return lambda pairs: decoders.SCORES[decoder](z, pairs, weights or {})
    return lambda pairs: score_pairs(factors[0], pairs, factors[1])


def missing_links(
    z: np.ndarray,
    known: sparse.csr_array,
    k: int = 1000,
    *,
    right: np.ndarray | None = None,
    score: Score | None = None,
    allowed: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
    directed: bool = False,
    sides: np.ndarray | None = None,
    progress: Report | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k` pairs without an edge that the decoder finds likeliest.

    Exact over all pairs, strip by strip in memory, unless `score` is given.  Nodes are visited by
    falling length of their code, and a strip ends where ``|z_i| |z_j|``, the largest logit still
    possible (Cauchy-Schwarz), falls below the k-th best found so far.

    Parameters
    ----------
    z : ndarray of float32, shape (n_nodes, latent_dim)
        Latent codes, or left factors.
    known : csr_array, shape (n_nodes, n_nodes)
        Entries are pairs to leave out: every edge of the graph.  Taken in both directions
        unless `directed`.
    k : int
        How many; fewer are returned when the graph lacks fewer.
    right : ndarray of float32, shape (n_nodes, latent_dim), optional
        Right factors; `z` unless given.  Unless `directed`, the logit must not depend on the order of a pair.
    score : callable, optional
        The logit of a decoder without factors.  It ranks the :data:`CANDIDATES` · k pairs of the largest inner
        products of the factors, which only approximate it: a pair outside them is not found.
    allowed : callable, optional
        Which pairs of some rows and columns may be listed, bool (n_rows, n_columns); unless `directed` it must not
        depend on the order of a pair.
    directed : bool
        Rank arcs (i, j) and (j, i) separately.  The inner product of codes gives both the same logit.
    sides : ndarray of int8, shape (n_nodes,), optional
        The side of each node of a two-sided graph: only pairs that join both are ranked.
    progress : callable, optional
        Told the share of strips done.

    Returns
    -------
    pairs : ndarray of int64, shape (k, 2)
        Likeliest first; i < j unless `directed`; never i = j.  Equal logits stand in the
        order of their pairs.
    logits : ndarray of float32, shape (k,)

    Raises
    ------
    DataError
        If `k` < 1 or shapes disagree.
    """
    n, latent_dim = z.shape
    if k < 1:
        raise DataError(f"`k` must be >= 1. Received: {k}.")
    if known.shape != (n, n):
        raise DataError(f"`known` must have shape ({n}, {n}). Received: {known.shape}.")
    if score is not None:
        pairs, _ = missing_links(
            z,
            known,
            CANDIDATES * k,
            right=right,
            allowed=allowed,
            directed=directed,
            sides=sides,
            progress=progress,
        )
        return likeliest(pairs, score(pairs), k)
    lengths = np.linalg.norm(z.astype(np.float64), axis=1)
    order = np.argsort(-lengths, kind="stable")
    codes, lengths = np.ascontiguousarray(z[order], dtype=np.float32), lengths[order]
    others = codes if right is None else np.ascontiguousarray(right[order], dtype=np.float32)
    reach = lengths if right is None else np.linalg.norm(others.astype(np.float64), axis=1)
    # The longest right factor from each place on: what rows further down can still be paired with.
    longest = np.maximum.accumulate(reach[::-1])[::-1]
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n)
    blocked = _blocked(known, place, directed=directed)
    side = None if sides is None else sides[order]

    best = np.zeros(0, dtype=np.float32)
    found = np.zeros((0, 2), dtype=np.int64)
    floor = -np.inf
    step = int(np.clip(BLOCK_VALUES // max(n, 1), 1, 1024))
    for start in range(0, n, step):
        stop = min(start + step, n)
        first = 0 if directed else start
        # Rounding of a float32 product of `latent_dim` terms must not prune a true winner.
        slack = 1e-6 * (latent_dim + 8) * lengths[start] * longest[0]
        end = n
        if np.isfinite(floor):
            possible = lengths[start] * longest + slack >= floor
            end = int(np.count_nonzero(possible))
            if end <= first:
                break  # every later strip has shorter codes on both sides
        strip = codes[start:stop] @ others[first:end].T
        rows = np.arange(start, stop)[:, None]
        if directed:
            inside = rows[:, 0] < end
            strip[np.flatnonzero(inside), rows[inside, 0]] = -np.inf
        else:
            strip[np.arange(first, end)[None, :] <= rows] = -np.inf
        if side is not None:
            strip[side[start:stop, None] == side[None, first:end]] = -np.inf
        part = slice(blocked.indptr[start], blocked.indptr[stop])
        i = np.repeat(np.arange(stop - start), np.diff(blocked.indptr[start : stop + 1]))
        j = blocked.indices[part]
        keep = (j >= first) & (j < end)
        strip[i[keep], j[keep] - first] = -np.inf
        if allowed is not None:
            strip[~allowed(order[start:stop], order[first:end])] = -np.inf
        flat = strip.ravel()
        over = flat > floor
        if np.count_nonzero(over) > k:
            at = np.argpartition(flat, len(flat) - k)[len(flat) - k :]
        else:
            at = np.flatnonzero(over)
        best = np.concatenate([best, flat[at]])
        row, column = np.divmod(at, end - first)
        found = np.concatenate([found, np.column_stack([row + start, column + first])])
        if len(best) > k:
            top = np.argpartition(-best, k - 1)[:k]
            best, found = best[top], found[top]
        if len(best) == k:
            floor = float(best.min())
        if progress is not None:
            progress(stop / n, f"{stop:,} of {n:,} nodes")
    if progress is not None:
        progress(1.0, f"{n:,} of {n:,} nodes")
    pairs = order[found]
    if not directed:
        pairs = np.sort(pairs, axis=1)
    return likeliest(pairs, best, k)


def likeliest(pairs: np.ndarray, logits: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k` pairs of the largest logits, the largest first; equal ones in the order of their pairs."""
    rank = np.lexsort((pairs[:, 1], pairs[:, 0], -logits))[:k]
    return pairs[rank].astype(np.int64), logits[rank]


def _blocked(known: sparse.csr_array, place: np.ndarray, *, directed: bool) -> sparse.csr_array:
    """Return the pairs to leave out, as a CSR pattern in the order in which nodes are visited."""
    coo = sparse.coo_array(known)
    i, j = place[coo.row], place[coo.col]
    if not directed:
        i, j = np.concatenate([i, j]), np.concatenate([j, i])
    return sparse.csr_array((np.ones(len(i), dtype=np.int8), (i, j)), shape=known.shape)


def unlikely_links(
    z: np.ndarray, edges: np.ndarray, k: int = 1000, *, score: Score | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k` existing edges that the decoder finds least likely, the least likely first.

    Parameters
    ----------
    z : ndarray of float32, shape (n_nodes, latent_dim)
        Latent codes.
    edges : ndarray of int64, shape (n_edges, 2)
        Each edge once.
    k : int
        How many; all edges when there are fewer.
    score : callable, optional
        The decoder; inner products of `z` unless given.

    Returns
    -------
    pairs : ndarray of int64, shape (min(k, n_edges), 2)
    logits : ndarray of float32, shape (min(k, n_edges),)
    """
    logits = score_pairs(z, edges) if score is None else score(edges)
    rank = np.lexsort((edges[:, 1], edges[:, 0], logits))[:k]
    return edges[rank].astype(np.int64), logits[rank]


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
        In nats a pair; NaN for a node without edges.
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


def threshold_table(y_true: np.ndarray, p: np.ndarray, steps: int = 101) -> pd.DataFrame:
    """Return the counts and rates of calling every pair with ``p >= threshold`` an edge.

    Parameters
    ----------
    y_true : ndarray of bool or int, shape (n_pairs,)
        1 for an edge.
    p : ndarray of float, shape (n_pairs,)
        Probabilities, 0 to 1.
    steps : int
        Thresholds, evenly spaced from 0 to 1.

    Returns
    -------
    DataFrame
        One row a threshold: ``threshold, tp, fp, fn, tn`` (pairs), ``precision, recall, f1,
        accuracy`` (0 to 1).  Precision is 0 where nothing is called an edge, as in
        :class:`~vgae_core.analysis.metrics.Confusion`.
    """
    thresholds = np.linspace(0.0, 1.0, steps)
    edges = np.sort(p[y_true.astype(bool)])
    others = np.sort(p[~y_true.astype(bool)])
    tp = len(edges) - np.searchsorted(edges, thresholds, side="left")
    fp = len(others) - np.searchsorted(others, thresholds, side="left")
    fn, tn = len(edges) - tp, len(others) - fp
    called = tp + fp
    precision = np.divide(tp, called, out=np.zeros(steps), where=called > 0)
    recall = np.divide(tp, len(edges), out=np.zeros(steps), where=len(edges) > 0)
    f1 = np.divide(2 * tp, 2 * tp + fp + fn, out=np.zeros(steps), where=(2 * tp + fp + fn) > 0)
    accuracy = np.divide(tp + tn, len(p), out=np.zeros(steps), where=len(p) > 0)
    return pd.DataFrame(
        {
            "threshold": thresholds, "tp": tp, "fp": fp, "fn": fn, "tn": tn,
            "precision": precision, "recall": recall, "f1": f1, "accuracy": accuracy,
        }
    )  # fmt: skip


LEAST_TESTED = 10
"""Held-out edges or entries below which nothing is judged by them."""


THRESHOLDS = (0.0, 1.0)
THRESHOLD_STEP = 0.01
"""Probabilities on offer as a threshold."""

EVEN = 0.5
"""The threshold where too few pairs are held out to choose one by."""

LISTED_MEASURES = 3
"""Measures by which a baseline is ahead that a verdict names."""


def best_threshold(table: pd.DataFrame) -> float:
    """Return the threshold of the highest F1 in `table`, the lowest where several tie."""
    return float(table["threshold"].iloc[int(table["f1"].to_numpy().argmax())])


@dataclass(frozen=True)
class Comparison:
    """How the model stands against the best baseline, by test AUC.

    Parameters
    ----------
    outcome : {"wins", "ties", "loses", "alone"}
        Of the model; ``"ties"`` where the difference is below `margin`, ``"alone"``
        without baselines.
    model, baseline : float
        Test AUC, 0 to 1; `baseline` is NaN when alone.
    name : str
        Key of the best baseline, empty when alone.
    margin : float
        Difference of AUC that would count: the larger of :data:`TIE` and 1.96 standard
        errors of the difference on these pairs.
    """

    outcome: Literal["wins", "ties", "loses", "alone"]
    model: float
    baseline: float
    name: str
    margin: float


def compare(y_true: np.ndarray, scores: Mapping[str, np.ndarray]) -> Comparison:
    """Return how the model stands against the best of its baselines on the same pairs.

    Parameters
    ----------
    y_true : ndarray of bool or int, shape (n_pairs,)
        1 for an edge.
    scores : mapping of str to ndarray of float, shape (n_pairs,)
        ``"model"``, ``"network"`` where it is a part of it, and the baselines, larger for a likelier edge.

    Returns
    -------
    Comparison

    Raises
    ------
    DataError
        If edges or non-edges are absent.
    """
    truth = y_true.astype(bool)
    auc = {
        name: fast_auc_ap(values[truth], values[~truth])[0]
        for name, values in scores.items()
        if name != "network"  # a part of the model, not a rival
    }
    model = auc.pop("model")
    if not auc:
        return Comparison("alone", model, float("nan"), "", TIE)
    name = max(auc, key=auc.__getitem__)
    ahead = model - auc[name]
    margin = max(TIE, 1.96 * auc_difference_error(y_true, scores["model"], scores[name]))
    outcome: Literal["wins", "ties", "loses"] = (
        "ties" if abs(ahead) < margin else "wins" if ahead > 0 else "loses"
    )
    return Comparison(outcome, model, auc[name], name, margin)


@dataclass(frozen=True)
class Measured:
    """One measure of the model beside that of the baseline that does best by it."""

    key: str
    model: float
    baseline: float
    name: str

    @property
    def is_won(self) -> bool:
        """Whether no baseline is ahead by this measure."""
        return self.model >= self.baseline


def measure_all(metrics: Mapping[str, Any]) -> tuple[Measured, ...]:
    """Return every measure of a run beside the best baseline by it; empty without baselines.

    Parameters
    ----------
    metrics : mapping
        Of a run: ``test`` and ``baselines``, as of :func:`vgae_core.runs.evaluation.evaluate`.
    """
    rivals: Mapping[str, Mapping[str, float]] = metrics["baselines"]
    found = []
    for key, value in metrics["test"].items():
        named = {name: values[key] for name, values in rivals.items() if values.get(key) is not None}
        if value is not None and named:
            best = max(named, key=named.__getitem__)
            found.append(Measured(key, float(value), float(named[best]), best))
    return tuple(found)


def auc_difference_error(y_true: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """Return the standard error of the difference of two AUC on the same pairs.

    Parameters
    ----------
    y_true : ndarray of bool or int, shape (n_pairs,)
        1 for an edge.
    first, second : ndarray of float, shape (n_pairs,)
        Scores.

    Returns
    -------
    float
        In units of AUC; infinite with fewer than two edges or non-edges.

    References
    ----------
    DeLong, DeLong & Clarke-Pearson 1988, Comparing the areas under two or more correlated
    receiver operating characteristic curves, doi:10.2307/2531595.
    """
    truth = y_true.astype(bool)
    n_pos, n_neg = int(truth.sum()), int((~truth).sum())
    if min(n_pos, n_neg) < 2:
        return float("inf")

    def placements(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the share of the other class that each edge, each non-edge is on the right side of."""
        every = rankdata(scores)
        edges, others = scores[truth], scores[~truth]
        return (every[truth] - rankdata(edges)) / n_neg, 1 - (every[~truth] - rankdata(others)) / n_pos

    (pos_a, neg_a), (pos_b, neg_b) = placements(first), placements(second)
    variance = np.var(pos_a - pos_b, ddof=1) / n_pos + np.var(neg_a - neg_b, ddof=1) / n_neg
    return float(np.sqrt(variance))


def score_histogram(y_true: np.ndarray, p: np.ndarray, bins: int = 50) -> pd.DataFrame:
    """Return how the probabilities of edges and of non-edges are spread.

    Parameters
    ----------
    y_true : ndarray of bool or int, shape (n_pairs,)
        1 for an edge.
    p : ndarray of float, shape (n_pairs,)
        Probabilities, 0 to 1.
    bins : int
        Bins of equal width from 0 to 1.

    Returns
    -------
    DataFrame
        One row a bin: ``low, high`` (its ends), ``edges, non_edges`` (pairs).
    """
    return _histogram(y_true, p, np.linspace(0.0, 1.0, bins + 1))


def spread(y_true: np.ndarray, scores: np.ndarray, bins: int = 50) -> pd.DataFrame:
    """Return :func:`score_histogram` of scores that are no probabilities, over their own range.

    Parameters
    ----------
    y_true : ndarray of bool or int, shape (n_pairs,)
    scores : ndarray of float, shape (n_pairs,)
        Finite.
    bins : int

    Returns
    -------
    DataFrame
        One row a bin: ``low, high`` (its ends), ``edges, non_edges`` (pairs).
    """
    low, high = float(scores.min()), float(scores.max())
    ends = np.linspace(low, high if high > low else low + 1.0, bins + 1)
    return _histogram(y_true, scores, ends)


def _histogram(y_true: np.ndarray, scores: np.ndarray, ends: np.ndarray) -> pd.DataFrame:
    truth = y_true.astype(bool)
    return pd.DataFrame(
        {
            "low": ends[:-1],
            "high": ends[1:],
            "edges": np.histogram(scores[truth], bins=ends)[0],
            "non_edges": np.histogram(scores[~truth], bins=ends)[0],
        }
    )


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
