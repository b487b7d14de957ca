"""Link scores as numbers and curves: how well edges are told from non-edges.

Pure functions of arrays.  Scores may be logits, probabilities or any other number that is
larger for a likelier edge; what needs probabilities says so.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from vgae_core.errors import DataError, RunError

HITS_AT = (10, 50, 100)
"""The K of the Hits@K reported by :func:`link_metrics`."""


RANKED_AT = 20
"""The k of the recall@k and NDCG@k of a matrix."""

_BLOCK = 8_000_000
"""Scores held at once: 32 MB of float32."""


class Metric(NamedTuple):
    """What a reported number is called and how to read it."""

    title: str
    help: str


METRICS: dict[str, Metric] = {
    "roc_auc": Metric("AUC", "Chance that a random edge scores above a random non-edge; 0.5 is guessing."),
    "average_precision": Metric(
        "AP",
        "Precision averaged over recall: how pure the top of the ranking is. Guessing: the share of edges.",
    ),
    **{
        f"hits_at_{k}": Metric(
            f"Hits@{k}",
            f"Share of the edges that score above all but {k - 1} of the non-edges (Hu et al. 2020).",
        )
        for k in HITS_AT
    },
}
"""Every key of :func:`link_metrics`; all lie between 0 and 1, and larger is better."""


WEIGHTS: dict[str, Metric] = {
    "spearman": Metric(
        "Rank correlation",
        "Spearman's, of predicted and true weights: 1 is the same order, 0 none, -1 the reverse.",
    ),
    "mean_absolute_error": Metric("Mean error", "Mean of |predicted - true|, in units of the weights."),
    "root_mean_squared_error": Metric(
        "Root mean squared error", "Far misses count more than in the mean error; in units of the weights."
    ),
}
"""Every key of :func:`weight_metrics`."""


class Ranking(NamedTuple):
    """A metric of the first k of a ranking."""

    title: str
    help: str

    def at(self, k: int | str) -> Metric:
        """Return the metric of one k."""
        return Metric(f"{self.title}@{k}", self.help.format(k=k))


RANKINGS: dict[str, Ranking] = {
    "recall": Ranking(
        "Recall",
        "Among the {k} columns ranked first in a row, without those it showed: the share of its held-out entries, "
        "at most {k}. The mean over rows.",
    ),
    "ndcg": Ranking(
        "NDCG",
        "As the recall of the first {k}, but a hit counts the more, the further up it stands; 1 is the best order.",
    ),
}
"""What the keys of :func:`ranking_metrics` stand for, before ``_at_k``."""


HARD: dict[str, Metric] = {
    "hard_auc": Metric(
        "Hard AUC",
        "Chance that a test edge scores above a non-edge that shares one of its ends and mostly a neighbour with the "
        "other (Li et al. 2023); 0.5 is guessing. Random non-edges are far easier.",
    ),
    "hard_mrr": Metric(
        "Hard MRR",
        "Mean of 1 / rank of each test edge among its own hard non-edges; 1 where it always comes first.",
    ),
    "hard_hits_at_10": Metric(
        "Hard Hits@10",
        "Share of the test edges among the first 10 of their own hard non-edges and themselves.",
    ),
}
"""Every key of :func:`hard_metrics`."""


class Roc(NamedTuple):
    """A ROC curve from (0, 0) to (1, 1); float64 arrays of shape (points,)."""

    false_positive_rate: np.ndarray
    true_positive_rate: np.ndarray
    thresholds: np.ndarray


class PrecisionRecall(NamedTuple):
    """A precision-recall curve, recall falling; float64 arrays of shape (points,).

    `thresholds` has one value a point; the last point (recall 0) has threshold +inf.
    """

    precision: np.ndarray
    recall: np.ndarray
    thresholds: np.ndarray


class Confusion(NamedTuple):
    """Counts of a decision at one threshold, and what follows from them."""

    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int

    @property
    def precision(self) -> float:
        """Share of the pairs called edges that are edges; 0 where none is called one."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """Share of the edges that are called edges; 0 without edges."""
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        errors = self.false_positives + self.false_negatives
        return _ratio(2 * self.true_positives, 2 * self.true_positives + errors)

    @property
    def accuracy(self) -> float:
        """Share of the pairs called right."""
        return _ratio(self.true_positives + self.true_negatives, sum(self))

    @property
    def false_positive_rate(self) -> float:
        """Share of the non-edges that are called edges; 0 without non-edges."""
        return _ratio(self.false_positives, self.false_positives + self.true_negatives)


class Calibration(NamedTuple):
    """How often pairs of a predicted probability are edges; arrays of shape (non-empty bins,)."""

    mean_predicted: np.ndarray
    fraction_positive: np.ndarray
    counts: np.ndarray
    expected_error: float
    """Mean of |fraction - prediction|, weighted by their counts (Naeini et al. 2015)."""


def link_metrics(y_true: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Return the ranking metrics of :data:`METRICS`.

    Parameters
    ----------
    y_true : ndarray of bool or int, shape (pairs,)
        1 for an edge, 0 for a non-edge.
    scores : ndarray of float, shape (pairs,)
        Larger for a likelier edge.

    Returns
    -------
    dict of str to float
        ``roc_auc``, ``average_precision``, ``hits_at_10``, ``hits_at_50``, ``hits_at_100``.

    Raises
    ------
    DataError
        If shapes disagree, or edges or non-edges are absent.
    RunError
        If a score is not finite.

    References
    ----------
    Hu et al. 2020, Open Graph Benchmark, arXiv:2005.00687 (Hits@K).
    """
    from sklearn import metrics as sk  # a second, which whoever only reads scores need not wait for

    y, s = _checked(y_true, scores)
    result = {
        "roc_auc": float(sk.roc_auc_score(y, s)),
        "average_precision": float(sk.average_precision_score(y, s)),
    }
    positives, negatives = s[y], s[~y]
    for k in HITS_AT:
        if k <= len(negatives):
            bar = np.partition(negatives, len(negatives) - k)[len(negatives) - k]
            result[f"hits_at_{k}"] = float(np.mean(positives > bar))
        else:  # fewer than K non-edges: none can push an edge out of the first K
            result[f"hits_at_{k}"] = 1.0
    return result


def fast_auc_ap(pos_scores: np.ndarray, neg_scores: np.ndarray) -> tuple[float, float]:
    """Return ROC AUC and average precision from one sort; equal to scikit-learn's, ties included.

    Parameters
    ----------
    pos_scores : ndarray of float, shape (edges,)
    neg_scores : ndarray of float, shape (non_edges,)

    Returns
    -------
    roc_auc : float
    average_precision : float

    Raises
    ------
    DataError
        If edges or non-edges are absent.
    RunError
        If a score is not finite.
    """
    n_pos, n_neg = len(pos_scores), len(neg_scores)
    y, s = _checked(np.arange(n_pos + n_neg) < n_pos, np.concatenate([pos_scores, neg_scores]))
    order = np.argsort(s)[::-1]
    s = s[order]
    last = np.append(np.flatnonzero(s[1:] != s[:-1]), len(s) - 1)  # one threshold for each distinct score
    true_pos = np.cumsum(y[order], dtype=np.int64)[last]
    false_pos = last + 1 - true_pos
    gained = np.diff(true_pos, prepend=0)
    crossed = np.diff(false_pos, prepend=0)
    auc = float(np.sum(crossed * (2 * true_pos - gained), dtype=np.float64)) / (2.0 * n_pos * n_neg)
    precision = float(np.sum(gained * (true_pos / (last + 1)))) / n_pos
    return auc, precision


def rank_correlation(truth: np.ndarray, predicted: np.ndarray) -> float | None:
    """Return Spearman's rank correlation, -1 to 1; None where one side is constant, or of fewer than two edges.

    Parameters
    ----------
    truth, predicted : ndarray of float, shape (n_edges,)
    """
    from scipy.stats import spearmanr  # half a second, and few runs need it

    if len(truth) < 2 or not np.ptp(truth) > 0 or not np.ptp(predicted) > 0:
        return None
    return float(spearmanr(truth, predicted).statistic)


def weight_metrics(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float | None]:
    """Return how well the weights of held-out edges were predicted, as :data:`WEIGHTS` says.

    Parameters
    ----------
    truth, predicted : ndarray of float, shape (n_edges,)

    Returns
    -------
    dict of str to float
        The first may be None, see :func:`rank_correlation`.

    Raises
    ------
    RunError
        If a predicted weight is not finite.
    """
    from sklearn import metrics as sk

    if not np.isfinite(predicted).all():
        raise RunError("A predicted weight is not a finite number.", where="scores")
    return {
        "spearman": rank_correlation(truth, predicted),
        "mean_absolute_error": float(sk.mean_absolute_error(truth, predicted)),
        "root_mean_squared_error": float(sk.root_mean_squared_error(truth, predicted)),
    }


def hard_metrics(positive: np.ndarray, negative: np.ndarray) -> dict[str, float]:
    """Return how edges rank among non-edges of their own.

    Parameters
    ----------
    positive : ndarray of float, shape (edges,)
        Larger for a likelier edge.
    negative : ndarray of float, shape (edges, each)
        Row i holds the scores of the non-edges that edge i is compared with.

    Returns
    -------
    dict of str to float
        ``hard_auc``, ``hard_mrr`` and ``hard_hits_at_10``; of equal scores half count as above.

    Raises
    ------
    DataError
        If shapes disagree or there is nothing to compare.
    RunError
        If a score is not finite.

    References
    ----------
    Hu et al. 2020, Open Graph Benchmark, arXiv:2005.00687 (MRR); Li et al. 2023, arXiv:2306.10453.
    """
    if positive.ndim != 1 or negative.ndim != 2 or len(positive) != len(negative) or not negative.size:
        raise DataError(
            f"Expected scores of edges (m,) and of their non-edges (m, each). Received: shapes {positive.shape} and "
            f"{negative.shape}."
        )
    both = np.concatenate([positive, negative.ravel()])
    _checked(np.arange(len(both)) < len(positive), both)
    own = positive[:, None]
    above = (negative > own).sum(axis=1) + 0.5 * (negative == own).sum(axis=1)
    return {
        "hard_auc": float(1.0 - above.mean() / negative.shape[1]),
        "hard_mrr": float(np.mean(1.0 / (1.0 + above))),
        "hard_hits_at_10": float(np.mean(1.0 + above <= 10)),
    }


def ranking_metrics(
    left: np.ndarray, right: np.ndarray, seen: sparse.csr_array, held_out: np.ndarray, k: int = RANKED_AT
) -> dict[str, float]:
    """Return recall@k and NDCG@k of held-out entries among all columns a row has not shown.

    Parameters
    ----------
    left : ndarray of float32, shape (n_rows, d)
    right : ndarray of float32, shape (n_columns, d)
        Column j scores ``left_i . right_j`` in row i.
    seen : csr_array, shape (n_rows, n_columns)
        Entries the model was given; they are not ranked.
    held_out : ndarray of int64, shape (n_held_out, 2)
        Entries (row, column) to find.
    k : int

    Returns
    -------
    dict
        ``recall_at_k``: entries found among the first k, divided by min(k, held-out entries of the row);
        ``ndcg_at_k``. Means over rows with a held-out entry.

    References
    ----------
    Liang et al. 2018, Variational Autoencoders for Collaborative Filtering, arXiv:1802.05814, section 4.2.
    """
    rows, place = np.unique(held_out[:, 0], return_inverse=True)
    truth = sparse.csr_array(
        (np.ones(len(held_out), np.float32), (place, held_out[:, 1])), shape=(len(rows), right.shape[0])
    )
    k = min(k, right.shape[0])
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discount)
    recall = gain = 0.0
    step = max(1, _BLOCK // right.shape[0])
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        scores = left[part] @ right.T
        known = seen[part].tocoo()
        scores[known.row, known.col] = -np.inf
        top = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        top = np.take_along_axis(
            top, np.argsort(-np.take_along_axis(scores, top, 1), axis=1, kind="stable"), 1
        )
        relevant = truth[start : start + step]
        hit = np.take_along_axis(relevant.toarray(), top, axis=1)
        possible = np.minimum(np.diff(relevant.indptr), k)
        recall += float((hit.sum(axis=1) / possible).sum())
        gain += float((hit @ discount / ideal[possible - 1]).sum())
    return {f"recall_at_{k}": recall / len(rows), f"ndcg_at_{k}": gain / len(rows)}


def roc(y_true: np.ndarray, scores: np.ndarray, max_points: int = 1000) -> Roc:
    """Return the ROC curve, thinned to points evenly spaced along it.

    Parameters
    ----------
    y_true : ndarray of bool or int, shape (pairs,)
    scores : ndarray of float, shape (pairs,)
    max_points : int
        Points kept at most; the two ends always are.

    Returns
    -------
    Roc

    Raises
    ------
    DataError, RunError
        As :func:`link_metrics`.
    """
    from sklearn import metrics as sk

    y, s = _checked(y_true, scores)
    x, t, thresholds = sk.roc_curve(y, s)
    keep = _thin(x, t, max_points)
    return Roc(x[keep], t[keep], thresholds[keep])


def precision_recall(y_true: np.ndarray, scores: np.ndarray, max_points: int = 1000) -> PrecisionRecall:
    """Return the precision-recall curve, thinned to points evenly spaced along it.

    Parameters
    ----------
    y_true : ndarray of bool or int, shape (pairs,)
    scores : ndarray of float, shape (pairs,)
    max_points : int
        Points kept at most; the two ends always are.

    Returns
    -------
    PrecisionRecall

    Raises
    ------
    DataError, RunError
        As :func:`link_metrics`.
    """
    from sklearn import metrics as sk

    y, s = _checked(y_true, scores)
    precision, recall, thresholds = sk.precision_recall_curve(y, s)
    keep = _thin(precision, recall, max_points)
    return PrecisionRecall(precision[keep], recall[keep], np.append(thresholds, np.inf)[keep])


def confusion(y_true: np.ndarray, probabilities: np.ndarray, threshold: float) -> Confusion:
    """Return the counts when every pair at or above `threshold` is called an edge.

    Parameters
    ----------
    y_true : ndarray of bool or int, shape (pairs,)
    probabilities : ndarray of float, shape (pairs,)
        Or scores, with a threshold on their scale.
    threshold : float

    Returns
    -------
    Confusion

    Raises
    ------
    DataError
        If shapes disagree.
    RunError
        If a probability is not finite.
    """
    y, p = _checked(y_true, probabilities, both=False)
    called = p >= threshold
    tp = int(np.count_nonzero(called & y))
    fp = int(np.count_nonzero(called)) - tp
    fn = int(np.count_nonzero(y)) - tp
    return Confusion(tp, fp, len(y) - tp - fp - fn, fn)


def calibration(y_true: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> Calibration:
    """Return predicted probability against the share of edges, in bins of equal width.

    Held-out pairs hold as many edges as non-edges, so a model that knows how rare edges
    are in the whole graph looks over-cautious here.

    Parameters
    ----------
    y_true : ndarray of bool or int, shape (pairs,)
    probabilities : ndarray of float, shape (pairs,)
        Between 0 and 1.
    bins : int
        Number of bins; empty ones are left out.

    Returns
    -------
    Calibration

    Raises
    ------
    DataError
        If shapes disagree or a value is not a probability.
    RunError
        If a probability is not finite.
    """
    y, p = _checked(y_true, probabilities, both=False)
    if len(p) and (p.min() < 0 or p.max() > 1):
        raise DataError(f"Probabilities must be between 0 and 1. Received: {p.min():g} to {p.max():g}.")
    which = np.minimum((p * bins).astype(np.int64), bins - 1)
    count = np.bincount(which, minlength=bins)
    used = count > 0
    predicted = np.bincount(which, weights=p, minlength=bins)[used] / count[used]
    positive = np.bincount(which, weights=y, minlength=bins)[used] / count[used]
    error = float(np.sum(count[used] * np.abs(positive - predicted)) / max(len(p), 1))
    return Calibration(predicted, positive, count[used], error)


def _checked(y_true: np.ndarray, scores: np.ndarray, *, both: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return `y_true` as bool and `scores` as float, or raise what the public functions promise."""
    y, s = np.asarray(y_true).astype(bool), np.asarray(scores)
    if y.shape != s.shape or y.ndim != 1:
        raise DataError(
            f"Expected one score a pair, in one dimension. Received: shapes {y.shape} and {s.shape}."
        )
    if both and not 0 < np.count_nonzero(y) < len(y):
        raise DataError(
            f"Scoring needs edges and non-edges. Received: {np.count_nonzero(y)} and {np.count_nonzero(~y)}."
        )
    bad = int(len(s) - np.count_nonzero(np.isfinite(s)))
    if bad:
        raise RunError(
            f"{bad} of {len(s)} scores are not finite.", mend="Lower the learning rate and train again."
        )
    return y, s


def _thin(x: np.ndarray, y: np.ndarray, max_points: int) -> np.ndarray:
    """Return the places of at most `max_points` points, evenly spaced along the curve."""
    if len(x) <= max_points:
        return np.arange(len(x))
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    places = np.searchsorted(length, np.linspace(0.0, length[-1], max_points))
    places[0], places[-1] = 0, len(x) - 1
    return np.unique(places)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
