"""Logits of all entries of a matrix by a run, from the formulas of its parts in float64."""

from __future__ import annotations

import numpy as np


def dense_ease(learnt, rows, penalty):
    """Return the scores of EASE by the formula of its paper, in float64."""
    x, left = np.log1p(learnt.astype(float)), np.log1p(rows.astype(float))
    inverse = np.linalg.inv(x.T @ x + penalty * (x**2).sum() / x.shape[1] * np.eye(x.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return left @ weights


def dense_logits(stack, network, learnt, rows):
    """Return the network's logits combined with EASE and calibrated; the network's own without a stack."""
    if not stack:
        return network
    per_row = np.count_nonzero(rows, axis=1)[:, None]
    x = (
        stack["offset"]
        + stack["network"] * network
        + stack["ease"] * dense_ease(learnt, rows, stack["penalty"])
    )
    x = x + stack["row_values"] * np.log1p(per_row)
    return stack["shift"] + stack["above"] * np.log1p(np.exp(x)) - stack["below"] * np.log1p(np.exp(-x))
