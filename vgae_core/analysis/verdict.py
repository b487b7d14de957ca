"""How the model stands against the training-free scores on the same held-out pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from vgae_core.analysis.metrics import fast_auc_ap

TIE = 0.01
"""Difference of AUC below which two scores are about equal: another split moves them as much."""

LISTED_MEASURES = 3
"""Measures by which a baseline is ahead that a verdict names."""


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
        ``"model"``, ``"network"`` where there is such, and the baselines, larger for a likelier edge.

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
        if name != "network"  # of the model, no rival
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
        Of a run: ``test`` and ``baselines``, as of :func:`vgae_core.runs.results.evaluation.evaluate`.
    """
    rivals: Mapping[str, Mapping[str, float]] = metrics["baselines"]
    measures = []
    for key, value in metrics["test"].items():
        named = {name: values[key] for name, values in rivals.items() if values.get(key) is not None}
        if value is not None and named:
            best = max(named, key=named.__getitem__)
            measures.append(Measured(key, float(value), float(named[best]), best))
    return tuple(measures)


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

    from scipy.stats import rankdata  # half a second

    def placements(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the share of the other class that each edge, each non-edge is on the right side of."""
        every = rankdata(scores)
        edges, others = scores[truth], scores[~truth]
        return (every[truth] - rankdata(edges)) / n_neg, 1 - (every[~truth] - rankdata(others)) / n_pos

    (pos_a, neg_a), (pos_b, neg_b) = placements(first), placements(second)
    variance = np.var(pos_a - pos_b, ddof=1) / n_pos + np.var(neg_a - neg_b, ddof=1) / n_neg
    return float(np.sqrt(variance))
