"""From logits to probabilities that hold: among as many non-edges as edges, and among all pairs of a graph.

A regression on held-out pairs makes a score the log odds of an edge (Platt 1999).  Beta calibration adds one slope for
each side of even odds, since a network is seldom as sure of edges as of non-edges; the order of pairs stays.

References
----------
Kull, Silva Filho & Flach 2017, Beyond sigmoids: how to obtain well-calibrated probabilities from binary classifiers
with beta calibration, doi:10.1214/17-EJS1338SI.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import expit

CALIBRATION = {"shift": 0.0, "above": 1.0, "below": 1.0}
"""What calibration adds to log odds, and its slopes above and below even odds; these leave logits as they are."""

RANKS_TOGETHER = 10
"""Consecutive ranks whose precision is measured together, at least."""

LEAST_SLOPE = 0.01
"""Slopes stay positive, so that calibration keeps the order of pairs."""


def calibrated(logits: np.ndarray, calibration: Mapping[str, float]) -> np.ndarray:
    """Return logits after calibration, float64: ``shift + above softplus(x) - below softplus(-x)``.

    Parameters
    ----------
    logits : ndarray of float, any shape
    calibration : mapping of str to float
        Keys of :data:`CALIBRATION`; those that are absent change nothing.
    """
    shift, above, below = ({**CALIBRATION, **calibration}[key] for key in ("shift", "above", "below"))
    wide = np.asarray(logits, np.float64)
    return shift + above * np.logaddexp(0.0, wide) - below * np.logaddexp(0.0, -wide)


def steepness(logits: np.ndarray, calibration: Mapping[str, float]) -> np.ndarray:
    """Return the derivative of :func:`calibrated` at some logits, float64."""
    _, above, below = ({**CALIBRATION, **calibration}[key] for key in ("shift", "above", "below"))
    p = expit(np.asarray(logits, np.float64))
    return np.asarray(above * p + below * (1.0 - p))


def fit_calibration(logits: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Return the calibration of the highest likelihood of held-out pairs, with a small ridge towards none.

    Parameters
    ----------
    logits : ndarray of float, shape (n_pairs,)
        About log odds, as of a regression on the same pairs.
    truth : ndarray of bool or int, shape (n_pairs,)
        1 for an edge.

    Returns
    -------
    dict of str to float
        Keys of :data:`CALIBRATION`.
    """
    from scipy.optimize import minimize  # needed once a run, and slow to load

    wide = np.asarray(logits, np.float64)
    columns = np.column_stack([np.ones_like(wide), np.logaddexp(0.0, wide), -np.logaddexp(0.0, -wide)])
    start = np.array(list(CALIBRATION.values()))

    def cost(values: np.ndarray) -> tuple[float, np.ndarray]:
        logits, off = columns @ values, values - start
        slope = columns.T @ (expit(logits) - truth) + off
        return float((np.logaddexp(0.0, logits) - truth * logits).sum() + 0.5 * off @ off), slope

    bounds = [(None, None), (LEAST_SLOPE, None), (LEAST_SLOPE, None)]
    best = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return dict(zip(CALIBRATION, best.tolist(), strict=True))


def chance_error(p: np.ndarray, n_validation: int, bins: int = 10) -> float:
    """Return the expected calibration error that chance alone leads one to expect of a calibrated model.

    Two sources: so few test pairs that shares of edges differ from probabilities that are right, and so few validation
    pairs that the three numbers of the calibration are uncertain.

    Parameters
    ----------
    p : ndarray of float, shape (n_pairs,)
        Probabilities of the test pairs.
    n_validation : int
        Validation edges; as many non-edges calibrated with them.
    bins : int
        Of :func:`vgae_core.analysis.threshold_curves.calibration`.

    Notes
    -----
    Bin b with n_b pairs and sum of variances v_b adds E|N(0, v_b)| / n = sqrt(2 v_b / pi) / n.  Of a regression with k
    coefficients on m pairs of variances w, the fitted probabilities have a mean variance of about k/m mean(w).
    """
    if not len(p):
        return 0.0
    variance = p * (1 - p)
    which = np.minimum((p * bins).astype(np.int64), bins - 1)
    tested = np.sqrt(np.bincount(which, weights=variance, minlength=bins)).sum() / len(p)
    fitted = np.sqrt(len(CALIBRATION) * variance.mean() / max(2 * n_validation, 1))
    return float(np.sqrt(2 / np.pi) * np.hypot(tested, fitted))


def at_share(logits: np.ndarray, share: float) -> np.ndarray:
    """Return probabilities where a given share of the pairs are edges, from log odds among as many of both.

    Parameters
    ----------
    logits : ndarray of float, any shape
        Log odds where half of the pairs are edges.
    share : float
        Of edges among the pairs asked about, between 0 and 1; 0.5 changes nothing.

    Returns
    -------
    ndarray of float64, same shape

    References
    ----------
    Elkan 2001, The foundations of cost-sensitive learning, theorem 2.
    """
    with np.errstate(divide="ignore"):
        prior = np.log(share) - np.log1p(-share)
    return np.asarray(expit(np.asarray(logits, np.float64) + prior))


def vouched(logits: np.ndarray, n_pairs: int) -> np.ndarray:
    """Return log odds no larger than so many held-out pairs of each kind can vouch for, float64.

    After `n` pairs without a single exception the odds of the next are n + 1 by Laplace's rule of succession; what a
    regression says beyond them is extrapolated.

    Parameters
    ----------
    logits : ndarray of float, any shape
    n_pairs : int
        Edges, or non-edges, that calibrated them.
    """
    bound = np.log1p(n_pairs)
    return np.clip(np.asarray(logits, np.float64), -bound, bound)


def precision_by_rank(hits: np.ndarray) -> np.ndarray:
    """Return the share of hits about each rank, falling with it: the best such fit by least squares.

    Shares of fewer than :data:`RANKS_TOGETHER` ranks are not told apart, and no share is larger than its ranks can
    vouch for (:func:`vouched`): one hit at the first rank does not make the next one certain.

    Parameters
    ----------
    hits : ndarray of bool, shape (n,)
        Whether the pair at each rank is one that was to be found, the first rank first.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 to 1.
    """
    from sklearn.isotonic import IsotonicRegression  # slow to load

    if not len(hits):
        return np.zeros(0)
    group = np.minimum(np.arange(len(hits)) // RANKS_TOGETHER, max(len(hits) // RANKS_TOGETHER - 1, 0))
    sizes = np.bincount(group)
    shares = np.bincount(group, weights=hits) / sizes
    fit = IsotonicRegression(increasing=False).fit_transform(
        np.arange(len(sizes)), shares, sample_weight=sizes
    )
    _, level = np.unique(-fit, return_inverse=True)
    alike = np.bincount(level, weights=sizes)[level]
    return np.asarray(np.minimum(fit, (alike + 1) / (alike + 2))[group])
