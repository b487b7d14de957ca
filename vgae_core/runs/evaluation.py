"""The scores of a run: the same function when it ends and when they are worked out again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from vgae_core.analysis.baselines import (
    ALIKE,
    left_out,
    run_baselines,
    usable,
    weight_baselines,
)
from vgae_core.analysis.metrics import hard_metrics, link_metrics, weight_metrics
from vgae_core.analysis.scoring import Score
from vgae_core.analysis.stacking import Stack, joined, joins
from vgae_core.catalogue.lookup import head_of
from vgae_core.data.dataset import GraphData
from vgae_core.data.edge_weights import edge_weights, weight_unit
from vgae_core.data.entry_splits import without_entries
from vgae_core.data.hard_non_edges import hard_non_edges
from vgae_core.data.node_inputs import scaled_features
from vgae_core.data.splits import LinkSplit
from vgae_core.errors import RunError
from vgae_core.runs.entry_evaluation import evaluate_entries, labelled_pairs
from vgae_core.runs.result import RunResult
from vgae_core.settings import RunSpec

HARD_STREAM = 0x4A2D
"""Keeps the draw of hard non-edges apart from others of the same seed."""


def evaluate(
    spec: RunSpec,
    graph: GraphData,
    split: LinkSplit,
    network: Score,
    *,
    stack: Stack | None = None,
    matrix: tuple[np.ndarray, np.ndarray, sparse.csr_array] | None = None,
    before_baselines: Callable[[], None] = lambda: None,
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Score held-out pairs by the model and by every baseline.

    Parameters
    ----------
    spec : RunSpec
    graph : GraphData
    split : LinkSplit
    network : callable
        From pairs to the network's logits.
    stack : mapping, optional
        What stacking makes of them and of the baselines; the model is the network alone without it.
    matrix : tuple, optional
        Of a matrix auto-encoder: left and right factors, and the matrix without its held-out entries.
    before_baselines : callable
        Called when the network is done.

    Returns
    -------
    scores : dict of str to ndarray of float32, shape (n_test + n_test_neg,)
        ``"model"``, ``"network"`` where it is not the same, ``"joined"`` of a matrix, and the baselines; test edges
        first.
    metrics : dict
        ``test``, ``val`` (of the network, where there are validation pairs: stacking has been fitted to them),
        ``network`` and ``baselines``, ``left_out`` (why baselines of a two-sided graph are not among them, by name),
        and ``weights`` of a network that learns them.  On a graph they include
        :data:`vgae_core.analysis.metrics.HARD_METRICS`, on a matrix
        :data:`vgae_core.analysis.ranking_metrics.RANKING_METRICS`.
    """
    if matrix is not None:
        return evaluate_entries(spec, split, network, matrix, before_baselines)
    pairs, truth = labelled_pairs(split.test, split.test_neg)
    val_pairs, val_truth = labelled_pairs(split.val, split.val_neg)
    chosen, hard = hard_non_edges(graph, split, np.random.default_rng([spec.seed, HARD_STREAM]))
    shape = hard.shape[:2]
    everything = np.concatenate([pairs, hard.reshape(-1, 2), val_pairs])
    test, rest = slice(len(pairs)), slice(len(pairs), len(everything) - len(val_pairs))

    def measured(values: np.ndarray) -> dict[str, float]:
        on_hard = hard_metrics(values[test][chosen], values[rest].reshape(shape))
        return link_metrics(truth, values[test]) | on_hard

    logits = network(everything)
    before_baselines()
    message = split.message(graph.n_nodes, graph)
    baselines = run_baselines(message, scaled_features(graph, spec), everything, usable(graph))
    model = joined(logits, baselines, stack) if stack else logits
    baselines = {name: values.astype(np.float32) for name, values in baselines.items()}
    if graph.sides is not None:  # say, features of which both sides have columns of their own
        alike = [name for name, values in baselines.items() if np.ptp(values[test]) == 0]
        baselines = {name: values for name, values in baselines.items() if name not in alike}
        reasons = left_out(graph) | dict.fromkeys(alike, ALIKE)
    else:
        reasons = {}
    scores = {"model": model[test]}
    metrics: dict[str, Any] = {"test": measured(model)}
    if len(val_pairs):
        metrics["val"] = link_metrics(val_truth, logits[len(everything) - len(val_pairs) :])
    if spec.learns_weights:
        unit = weight_unit(edge_weights(message, split.train))
        head = head_of("adj_rec", spec.output("adj_rec").loss)
        found = {"model": unit * head.expected(logits[: len(split.test)])}
        found |= weight_baselines(message, split.train, split.test)
        actual = edge_weights(graph.adjacency, split.test)
        metrics["weights"] = {name: weight_metrics(actual, values) for name, values in found.items()}
    if stack and joins(stack):
        scores["network"], metrics["network"] = logits[test], measured(logits)
    scores |= {name: values[test] for name, values in baselines.items()}
    metrics["baselines"] = {name: measured(values) for name, values in baselines.items()}
    if reasons:
        metrics["left_out"] = reasons
    return scores, metrics


def evaluate_result(result: RunResult, graph: GraphData) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return scores and metrics of a run as :func:`evaluate` does, from its codes, data and split alone.

    Raises
    ------
    RunError
        If the run is not of this graph.
    """
    if len(result.z_mean) != graph.n_nodes:
        raise RunError(f"The embedding has {len(result.z_mean)} rows and the data set {graph.n_nodes} nodes.")
    matrix = None
    if result.spec.model.family == "vae":
        held_out = np.concatenate([result.split.val, result.split.test])
        matrix = (result.left, result.right, without_entries(graph.features, held_out))
    return evaluate(
        result.spec, graph, result.split, result.network(), stack=result.stack or None, matrix=matrix
    )
