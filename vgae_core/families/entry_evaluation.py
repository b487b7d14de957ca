"""The scores of a run of a matrix, beside every baseline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from vgae_core.analysis import ease
from vgae_core.analysis.baselines import entry_baselines
from vgae_core.analysis.entries import Left
from vgae_core.analysis.entry_scores import EntryScores, combined
from vgae_core.analysis.metrics import link_metrics
from vgae_core.analysis.ranking_metrics import ranking_metrics
from vgae_core.analysis.stacking import Stack
from vgae_core.data.splits import LinkSplit
from vgae_core.families.base import Factors, labelled_pairs
from vgae_core.settings import RunSpec


def evaluate_entries(
    spec: RunSpec,
    split: LinkSplit,
    factors: Factors,
    matrix: tuple[sparse.csr_array, sparse.csr_array],
    stack: Stack,
    before_baselines: Callable[[], None],
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Score held-out entries, and rank the columns of each row with some.

    Parameters
    ----------
    spec : RunSpec
    split : LinkSplit
    factors : tuple of ndarray
        Of the network.
    matrix : tuple of two csr_array
        What is learnt from, and what rows hold without their held-out entries.
    stack : mapping of str to float
        Of :func:`vgae_core.analysis.entry_scores.fit_entries`; empty where the network scores alone.
    before_baselines : callable
        Called when the network is done.

    Returns
    -------
    scores, metrics : dict
        See :meth:`vgae_core.families.base.Family.evaluate`.
    """
    pairs, truth = labelled_pairs(split.test, split.test_neg)
    learnt, known = matrix

    def measured(values: np.ndarray, left: Left, right: np.ndarray) -> dict[str, float]:
        return link_metrics(truth, values) | ranking_metrics(left, right, known, split.test)

    alone = EntryScores(*factors)
    scores = {"model": alone(pairs)}
    metrics: dict[str, Any] = {"test": measured(scores["model"], *factors)}
    if len(split.val):
        val_pairs, val_truth = labelled_pairs(split.val, split.val_neg)
        metrics["val"] = link_metrics(val_truth, alone(val_pairs))
    before_baselines()
    rivals: dict[str, tuple[Left, np.ndarray]] = dict(entry_baselines(known, spec.model.latent_dim, learnt))
    if known.shape[1] <= ease.MOST_COLUMNS:
        rivals["ease"], _ = ease.fit_ease(known, split.val, stack.get("penalty"), learnt=learnt)
    else:
        metrics["left_out"] = {"ease": ease.TOO_WIDE}
    if stack and "ease" in rivals:
        both = combined(stack, factors, rivals["ease"][1], known)
        scores["network"], metrics["network"] = scores["model"], metrics["test"]
        scores["model"] = both(pairs)
        metrics["test"] = measured(scores["model"], both.left, both.right)
    metrics["baselines"] = {}
    for name, (left, right) in rivals.items():
        scores[name] = EntryScores(left, right)(pairs)
        metrics["baselines"][name] = measured(scores[name], left, right)
    return scores, metrics
