"""The scores of a run: the same function when it ends and when they are worked out again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from vgae_core.analysis.baselines import entry_baselines, run_baselines
from vgae_core.analysis.metrics import hard_metrics, link_metrics, ranking_metrics
from vgae_core.analysis.reconstruction import Score, score_pairs
from vgae_core.data.dataset import GraphData
from vgae_core.data.splits import LinkSplit, hard_non_edges
from vgae_core.spec import RunSpec

HARD_STREAM = 0x4A2D
"""Keeps the draw of hard non-edges apart from others of the same seed."""


def evaluate(
    spec: RunSpec,
    graph: GraphData,
    split: LinkSplit,
    score: Score,
    *,
    matrix: tuple[np.ndarray, np.ndarray, sparse.csr_array] | None = None,
    before_baselines: Callable[[], None] = lambda: None,
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Score held-out pairs by the model and by every baseline.

    Parameters
    ----------
    spec : RunSpec
    graph : GraphData
    split : LinkSplit
    score : callable
        The model: from pairs to logits.
    matrix : tuple, optional
        Of a matrix auto-encoder: left and right factors, and the matrix without its held-out entries.
    before_baselines : callable
        Called when the model is done.

    Returns
    -------
    scores : dict of str to ndarray of float32, shape (n_test + n_test_neg,)
        ``"model"`` and the baselines; test edges first.
    metrics : dict
        ``test``, ``val`` (where there are validation pairs) and ``baselines``.  On a graph they include
        :data:`vgae_core.analysis.metrics.HARD`, on a matrix :data:`vgae_core.analysis.metrics.RANKINGS`.
    """
    pairs, truth = _pairs(split.test, split.test_neg)
    scores = {"model": score(pairs)}
    metrics: dict[str, Any] = {"test": link_metrics(truth, scores["model"])}
    if len(split.val):
        val_pairs, val_truth = _pairs(split.val, split.val_neg)
        metrics["val"] = link_metrics(val_truth, score(val_pairs))
    if matrix is not None:
        left, right, known = matrix
        metrics["test"] |= ranking_metrics(left, right, known, split.test)
        before_baselines()
        metrics["baselines"] = {}
        for name, (rows, columns) in entry_baselines(known, spec.model.latent_dim).items():
            scores[name] = score_pairs(rows, pairs, columns)
            ranked = ranking_metrics(rows, columns, known, split.test)
            metrics["baselines"][name] = link_metrics(truth, scores[name]) | ranked
        return scores, metrics
    chosen, hard = hard_non_edges(graph, split, np.random.default_rng([spec.seed, HARD_STREAM]))
    shape, hard = hard.shape[:2], hard.reshape(-1, 2)
    metrics["test"] |= hard_metrics(scores["model"][chosen], score(hard).reshape(shape))
    before_baselines()
    metrics["baselines"] = {}
    for name, values in run_baselines(graph, split, np.concatenate([pairs, hard])).items():
        scores[name] = values[: len(pairs)].astype(np.float32)
        on_hard = hard_metrics(values[chosen], values[len(pairs) :].reshape(shape))
        metrics["baselines"][name] = link_metrics(truth, scores[name]) | on_hard
    return scores, metrics


def _pairs(positive: np.ndarray, negative: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return edges and non-edges as one array of pairs, and which are edges, int8 (n_pairs,)."""
    truth = np.repeat(np.array([1, 0], np.int8), [len(positive), len(negative)])
    return np.concatenate([positive, negative]), truth
