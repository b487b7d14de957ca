"""How far scores vary if codes are drawn anew from what the encoder says of them: samples of z, with a fixed seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vgae_core.analysis.baselines import run_baselines
from vgae_core.analysis.calibration import calibrated
from vgae_core.analysis.full_pass import entry_factors
from vgae_core.analysis.metrics import fast_auc_ap
from vgae_core.analysis.network import layers_of
from vgae_core.analysis.scored_graph import Decoding
from vgae_core.analysis.scoring import score_pairs
from vgae_core.analysis.stacking import others_of, summed
from vgae_core.data.dataset import GraphData
from vgae_core.data.node_inputs import scaled_features
from vgae_core.runs.results.result import Embedding, RunResult

SAMPLES = 50
"""Samples of z by which an interval is estimated."""

SEED = 0x2A3E

LEVEL = 0.9
"""Share of the samples within an interval."""

MOST_VALUES = 1_000_000_000
"""Logits of a matrix worked out for all samples together; of a larger one fewer samples are drawn."""

LEAST_SAMPLES = 10


@dataclass(frozen=True)
class Interval:
    """A score with the mean codes, and the bounds of the middle :data:`LEVEL` of the samples."""

    at_mean: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Sampled:
    """The test scores over samples of z.

    Parameters
    ----------
    roc_auc, average_precision : Interval
    n_samples : int
    """

    roc_auc: Interval
    average_precision: Interval
    n_samples: int


def n_samples(result: RunResult, pairs: np.ndarray) -> int:
    """Return how many samples are drawn: 0 of codes without a variance, or of a matrix too large for that."""
    if result.z_log_var is None:
        return 0
    if result.family.links_nodes:
        return SAMPLES
    most = MOST_VALUES // max(len(np.unique(pairs[:, 0])) * len(result.right), 1)
    return min(SAMPLES, most) if most >= LEAST_SAMPLES else 0


def sample_links(result: RunResult, graph: GraphData, pairs: np.ndarray) -> np.ndarray:
    """Return the logits of links with codes of all edges drawn anew, float32 (n_samples, n_pairs).

    Training-free scores that the model combines stay as they are.

    Parameters
    ----------
    result : RunResult
        Of a graph.
    graph : GraphData
        The graph it was trained on.
    pairs : ndarray of int64, shape (n_pairs, 2)
    """
    return _drawn(result, graph, result.codes, pairs, _training_free(result, graph, pairs, whole=True))


def sampled_scores(result: RunResult, graph: GraphData) -> Sampled | None:
    """Return the test scores over samples of z, codes of the training edges; None where none are drawn."""
    split, scores = result.split, result.scores
    pairs = np.concatenate([split.test, split.test_neg])
    if not n_samples(result, pairs):
        return None
    if not result.family.links_nodes:
        fixed = _fixed_entries(result, graph, pairs)
    else:
        fixed = _training_free(result, graph, pairs, whole=False)
    logits = _drawn(result, graph, result.scored, pairs, fixed)
    n = len(split.test)
    auc_ap = np.array([fast_auc_ap(row[:n], row[n:]) for row in logits])
    at_mean = fast_auc_ap(scores["model"][:n], scores["model"][n:])
    low, high = np.quantile(auc_ap, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    auc, ap = (Interval(float(at_mean[at]), float(low[at]), float(high[at])) for at in (0, 1))
    return Sampled(auc, ap, len(logits))


def _drawn(
    result: RunResult, graph: GraphData, codes: Embedding, pairs: np.ndarray, fixed: np.ndarray
) -> np.ndarray:
    """Return the model's logits of pairs over samples; `fixed` is added to the network's weighted logit."""
    draws, layers = n_samples(result, pairs), layers_of(result.model, result.state)
    rng = np.random.default_rng([result.spec.seed, SEED])
    nodes, place = np.unique(pairs if result.family.links_nodes else pairs[:, 0], return_inverse=True)
    mean, log_var = codes.z_mean[nodes], codes.z_log_var
    deviation = np.zeros_like(mean) if log_var is None else np.exp(log_var[nodes] / 2)
    if not result.family.links_nodes:
        totals = _row_totals(result, graph)[nodes] if result.head.of_shares else None
        at = np.column_stack([place.ravel(), pairs[:, 1]])

        def network(z: np.ndarray) -> np.ndarray:
            return score_pairs(entry_factors(result.spec, layers, z, codes.right, totals), at, codes.right)
    else:
        decoding, ends = Decoding(result.decoder_name, layers, {}), place.reshape(pairs.shape)

        def network(z: np.ndarray) -> np.ndarray:
            return decoding.network(z)(ends)

    found = np.empty((draws, len(pairs)), np.float32)
    for draw in range(draws):
        logits = network(mean + deviation * rng.standard_normal(mean.shape, np.float32))
        if result.stack:
            logits = calibrated(fixed + float(result.stack["network"]) * logits, result.stack)
        found[draw] = logits
    return found


def _training_free(result: RunResult, graph: GraphData, pairs: np.ndarray, *, whole: bool) -> np.ndarray:
    """Return what scores that need no training add to a pair's, before calibration, float64 (n_pairs,)."""
    stack, zeros = result.stack, np.zeros(len(pairs), np.float32)
    if not stack:
        return zeros.astype(np.float64)
    message = result.encoded_edges(graph) if whole else result.known(graph)
    names = others_of(stack)
    others = run_baselines(message, scaled_features(graph, result.spec), pairs, names) if names else {}
    return summed(zeros, others, stack)


def _fixed_entries(result: RunResult, graph: GraphData, pairs: np.ndarray) -> np.ndarray:
    """Return the same of test entries: the scores of EASE that the run keeps, and how many values the row holds."""
    stack = result.stack
    if not stack:
        return np.zeros(len(pairs))
    per_row = np.diff(result.known(graph).indptr)[pairs[:, 0]]
    return np.asarray(
        stack["offset"] + stack["ease"] * result.scores["ease"] + stack["row_values"] * np.log1p(per_row),
        np.float64,
    )


def _row_totals(result: RunResult, graph: GraphData) -> np.ndarray:
    return np.asarray(result.known(graph).sum(axis=1), np.float32).ravel()
