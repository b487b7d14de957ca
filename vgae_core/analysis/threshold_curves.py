"""Curves and counts over a threshold: ROC, precision and recall, confusion, calibration."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vgae_core.analysis.metrics import checked
from vgae_core.errors import DataError


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
        """Share of the pairs predicted right."""
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

    y, s = checked(y_true, scores)
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

    y, s = checked(y_true, scores)
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
    y, p = checked(y_true, probabilities, both=False)
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
    y, p = checked(y_true, probabilities, both=False)
    if len(p) and (p.min() < 0 or p.max() > 1):
        raise DataError(f"Probabilities must be between 0 and 1. Received: {p.min():g} to {p.max():g}.")
    which = np.minimum((p * bins).astype(np.int64), bins - 1)
    count = np.bincount(which, minlength=bins)
    used = count > 0
    predicted = np.bincount(which, weights=p, minlength=bins)[used] / count[used]
    positive = np.bincount(which, weights=y, minlength=bins)[used] / count[used]
    error = float(np.sum(count[used] * np.abs(positive - predicted)) / max(len(p), 1))
    return Calibration(predicted, positive, count[used], error)


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
