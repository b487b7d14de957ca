"""Link scores as numbers and curves: how well edges are told from non-edges.

Pure functions of arrays.  Scores may be logits, probabilities or any other number that is
larger for a likelier edge; what needs probabilities says so.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vgae_core.errors import DataError, RunError

HITS_AT = (10, 50, 100)
"""The K of the Hits@K reported by :func:`link_metrics`."""


class Metric(NamedTuple):
    """What a reported number is called and how to read it."""

    title: str
    help: str


LINK_METRICS: dict[str, Metric] = {
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


WEIGHT_METRICS: dict[str, Metric] = {
    "spearman": Metric(
        "Rank correlation",
        "Spearman's, of predicted and true weights: 1 is the same order, 0 none, -1 the reverse.",
    ),
    "mean_absolute_error": Metric("Mean error", "Mean of |predicted - true|, in units of the weights."),
    "root_mean_squared_error": Metric(
        "Root mean squared error",
        "Large errors count more than in the mean absolute error; in units of the weights.",
    ),
}
"""Every key of :func:`weight_metrics`."""


HARD_METRICS: dict[str, Metric] = {
    "hard_auc": Metric(
        "Hard AUC",
        "Chance that a test edge scores above a non-edge that shares one of its ends and mostly a neighbour with the "
        "other (Li et al. 2023); 0.5 is guessing. Random non-edges are far easier.",
    ),
    "hard_mrr": Metric(
        "Hard MRR",
        "Mean of 1 / rank of each test edge among its own hard non-edges; 1 if it always comes first.",
    ),
    "hard_hits_at_10": Metric(
        "Hard Hits@10",
        "Share of the test edges among the first 10 of their own hard non-edges and themselves.",
    ),
}
"""Every key of :func:`hard_metrics`."""


def link_metrics(y_true: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Return the ranking metrics of :data:`LINK_METRICS`.

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

    y, s = checked(y_true, scores)
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
    y, s = checked(np.arange(n_pos + n_neg) < n_pos, np.concatenate([pos_scores, neg_scores]))
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
    """Return how well the weights of held-out edges were predicted, as :data:`WEIGHT_METRICS` says.

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
    checked(np.arange(len(both)) < len(positive), both)
    own = positive[:, None]
    above = (negative > own).sum(axis=1) + 0.5 * (negative == own).sum(axis=1)
    return {
        "hard_auc": float(1.0 - above.mean() / negative.shape[1]),
        "hard_mrr": float(np.mean(1.0 / (1.0 + above))),
        "hard_hits_at_10": float(np.mean(1.0 + above <= 10)),
    }


def checked(y_true: np.ndarray, scores: np.ndarray, *, both: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return `y_true` as bool and `scores` as float, or raise what the public functions promise."""
    y, s = np.asarray(y_true).astype(bool), np.asarray(scores)
    if y.shape != s.shape or y.ndim != 1:
        raise DataError(
            f"Expected one score per pair, in one dimension. Received: shapes {y.shape} and {s.shape}."
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
