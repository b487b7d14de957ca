"""What follows from a threshold on the probability of held-out pairs, and how these are spread."""

from __future__ import annotations

import numpy as np
import pandas as pd

LEAST_TESTED = 10
"""Held-out edges or entries below which nothing is judged by them."""

THRESHOLDS = (0.0, 1.0)

THRESHOLD_STEP = 0.01
"""Probabilities on offer as a threshold."""

EVEN = 0.5
"""The threshold where too few pairs are held out to choose one by."""

JUDGED_TO = 0.03
"""Calibration error that chance alone must stay below for the measured one to tell anything."""

BUDGET = 50
"""Pairs that someone can check, to begin with."""

LINKS = 10
"""Links that someone wants to find, to begin with."""


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
        One row per threshold: ``threshold, tp, fp, fn, tn`` (pairs), ``precision, recall, f1,
        accuracy`` (0 to 1).  Precision is 0 where nothing is called an edge, as in
        :class:`~vgae_core.analysis.threshold_curves.Confusion`.
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


def best_threshold(table: pd.DataFrame) -> float:
    """Return the threshold of the highest F1 in `table`, the lowest where several tie."""
    return float(table["threshold"].iloc[int(table["f1"].to_numpy().argmax())])


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
        One row per bin: ``low, high`` (its ends), ``edges, non_edges`` (pairs).
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
        One row per bin: ``low, high`` (its ends), ``edges, non_edges`` (pairs).
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
