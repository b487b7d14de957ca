"""Stacking: the network's logit and the training-free scores of a pair as one score.

A logistic regression on the validation pairs says how much each of them counts.  The network has never been told of
those pairs, so the regression learns how far its logit can be trusted beside scores that need no training.  The same
pairs then calibrate the sum (:mod:`vgae_core.analysis.calibration`).  A network that is not stacked is a sum of one.

References
----------
Ghasemian et al. 2020, Stacking models for nearly optimal link prediction in complex networks, arXiv:1909.07578.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import sparse

from vgae_core.analysis.baselines import run_baselines
from vgae_core.analysis.calibration import CALIBRATION, calibrated, fit_calibration
from vgae_core.data.dataset import Features

Stack = Mapping[str, float]
"""``offset``, what ``network`` and each training-free score count, and how their sum is calibrated."""

Others = Mapping[str, np.ndarray]
"""Training-free scores by name, float (n_pairs,), as of :func:`vgae_core.analysis.baselines.run_baselines`."""

FOLDS = 5
"""Parts of the validation pairs, each scored by a regression on the rest, to see whether stacking helps."""

LEAST_EDGES = 50
"""Validation edges below which that says too little."""


def fit_stack(logits: np.ndarray, others: Others, truth: np.ndarray) -> dict[str, float]:
    """Return what each score counts, by a logistic regression with a small ridge penalty, and its calibration.

    Parameters
    ----------
    logits : ndarray of float, shape (n_pairs,)
        Of the network.
    others : mapping of str to ndarray of float, shape (n_pairs,)
    truth : ndarray of bool or int, shape (n_pairs,)
        1 for an edge; both kinds must occur.

    Returns
    -------
    dict of str to float
        See :data:`Stack`.
    """
    model = _regression()
    model.fit(_columns(logits, others), truth)
    scale, regression = model[0], model[1]
    slopes = regression.coef_[0] / scale.scale_
    offset = float(regression.intercept_[0] - slopes @ scale.mean_)
    stack = {"offset": offset, **dict(zip(("network", *others), slopes.tolist(), strict=True))}
    return {**stack, **fit_calibration(summed(logits, others, stack), truth)}


def _regression() -> Any:
    """Return the regression; scikit-learn takes a second to load, and joining scores does without."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression())


def others_of(stack: Stack) -> list[str]:
    """Return the training-free scores that a stack joins to the network's."""
    return [name for name in stack if name not in ("offset", "network", *CALIBRATION)]


def summed(logits: np.ndarray, others: Others, stack: Stack) -> np.ndarray:
    """Return the sum of what each score counts, float64 (n_pairs,), before calibration.

    ``offset + network * logit + sum_k stack_k * log(1 + max(0, score_k))``: counts and products have long tails.
    Scores that `stack` does not name are left out.
    """
    used = {name: values for name, values in others.items() if name in stack}
    slopes = np.array([stack[name] for name in ("network", *used)])
    return np.asarray(stack["offset"] + _columns(logits, used) @ slopes)


def joined(logits: np.ndarray, others: Others, stack: Stack) -> np.ndarray:
    """Return the logit of each pair after stacking, float32 (n_pairs,): :func:`summed`, calibrated."""
    return calibrated(summed(logits, others, stack), stack).astype(np.float32)


def _columns(logits: np.ndarray, others: Others) -> np.ndarray:
    return np.column_stack([logits, *(np.log1p(np.maximum(values, 0)) for values in others.values())])


def joins(stack: Stack) -> bool:
    """Return whether a stack joins other scores to the network's; one that does not only makes it a logit."""
    return bool(others_of(stack))


def helps(logits: np.ndarray, others: Others, truth: np.ndarray) -> bool:
    """Return whether stacking finds validation edges better than the network does alone, by AUC + AP.

    Each pair is scored by a regression that has not seen it.  False with fewer than :data:`LEAST_EDGES` edges or
    non-edges.  Parameters are those of :func:`fit_stack`.
    """
    if min(np.count_nonzero(truth), np.count_nonzero(truth == 0)) < LEAST_EDGES:
        return False
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    model = _regression()
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    stacked = cross_val_predict(model, _columns(logits, others), truth, cv=folds, method="decision_function")
    return bool(_quality(truth, stacked) > _quality(truth, logits))


def _quality(truth: np.ndarray, scores: np.ndarray) -> float:
    from sklearn.metrics import average_precision_score, roc_auc_score

    return float(roc_auc_score(truth, scores) + average_precision_score(truth, scores))


def stacked(
    score: Callable[[np.ndarray], np.ndarray],
    stack: Stack,
    message: sparse.csr_array,
    features: Features | None,
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from pairs int64 (n_pairs, 2) to their logits after stacking, float32 (n_pairs,).

    Parameters
    ----------
    score : callable
        From pairs to the network's logits.
    stack : mapping of str to float
    message : csr_array, shape (n_nodes, n_nodes)
        Adjacency of the training edges.
    features : csr_array or ndarray, shape (n_nodes, n_features), or None
    """

    def both(pairs: np.ndarray) -> np.ndarray:
        others = run_baselines(message, features, pairs, stack) if joins(stack) else {}
        return joined(score(pairs), others, stack)

    return both
