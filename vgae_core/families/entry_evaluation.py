"""The scores of a run of a matrix, beside every baseline, and joined with EASE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from vgae_core.analysis import ease
from vgae_core.analysis.baselines import entry_baselines
from vgae_core.analysis.metrics import link_metrics
from vgae_core.analysis.ranking_metrics import ranking_metrics
from vgae_core.analysis.scoring import Score, score_pairs
from vgae_core.analysis.stacking import LEAST_EDGES, fit_stack, joined
from vgae_core.data.splits import LinkSplit
from vgae_core.families.base import labelled_pairs
from vgae_core.settings import RunSpec

WEIGHED_STREAM = 0xEA5E
"""Keeps the draws by which EASE is weighed apart from others of the same seed."""


def evaluate_entries(
    spec: RunSpec,
    split: LinkSplit,
    network: Score,
    matrix: tuple[np.ndarray, np.ndarray, sparse.csr_array],
    before_baselines: Callable[[], None],
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Score held-out entries; see :meth:`vgae_core.families.base.Family.evaluate`.

    Where there are enough validation entries, the network's score is joined with that of EASE.  The order of the
    columns of a row goes by the weighted sum of both; a regression on that sum and on how much each row holds makes
    it the log odds of an entry.

    Returns
    -------
    scores : dict of str to ndarray of float32
        ``"model"`` is the network, ``"joined"`` the log odds of both, where there are such.
    metrics : dict
        ``test``, ``val``, ``baselines``, ``left_out``, and ``joined``; ``ease`` says with which penalty and weights.
    """
    pairs, truth = labelled_pairs(split.test, split.test_neg)
    left, right, known = matrix
    scores = {"model": network(pairs)}
    metrics: dict[str, Any] = {
        "test": link_metrics(truth, scores["model"]) | ranking_metrics(left, right, known, split.test)
    }
    if len(split.val):
        val_pairs, val_truth = labelled_pairs(split.val, split.val_neg)
        metrics["val"] = link_metrics(val_truth, network(val_pairs))
    before_baselines()
    metrics["baselines"] = {}
    for name, (rows, columns) in entry_baselines(known, spec.model.latent_dim).items():
        scores[name] = score_pairs(rows, pairs, columns)
        ranked = ranking_metrics(rows, columns, known, split.test)
        metrics["baselines"][name] = link_metrics(truth, scores[name]) | ranked
    if known.shape[1] > ease.MOST_COLUMNS:
        metrics["left_out"] = {"ease": ease.TOO_WIDE}
        return scores, metrics
    factors, penalty = ease.fit_ease(known, split.val)
    scores["ease"] = ease.score_entries(factors, pairs)
    metrics["baselines"]["ease"] = link_metrics(truth, scores["ease"]) | ranking_metrics(
        *factors, known, split.test
    )
    metrics["ease"] = {"penalty": penalty}
    if len(split.val) >= LEAST_EDGES:
        rng = np.random.default_rng([spec.seed, WEIGHED_STREAM])
        weighed = ease.weigh((left, right), factors, known, split.val, rng)
        both = weighed.factors((left, right), factors)
        per_row = np.diff(known.indptr).astype(np.float64)
        row_of = {"row_values": per_row[val_pairs[:, 0]]}
        stack = fit_stack(ease.score_entries(both, val_pairs), row_of, val_truth)
        row_of = {"row_values": per_row[pairs[:, 0]]}
        scores["joined"] = joined(ease.score_entries(both, pairs), row_of, stack)
        metrics["joined"] = link_metrics(truth, scores["joined"]) | ranking_metrics(*both, known, split.test)
        metrics["ease"] |= {"network": weighed.network, "ease": weighed.ease}
    return scores, metrics
