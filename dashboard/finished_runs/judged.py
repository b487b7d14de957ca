"""How good a finished run is on its held-out pairs, worked out once for all visitors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dashboard.finished_runs import results
from dashboard.finished_runs.shared import shared
from vgae_core.analysis import calibration as calibration_of
from vgae_core.analysis import decisions, link_search, scoring, threshold_curves, verdict
from vgae_core.data import entry_splits
from vgae_core.runs.results.precision import Precision, measure_precision
from vgae_core.runs.views import link_tables


@dataclass(frozen=True, eq=False)
class Tested:
    """The held-out pairs: what they are and what the model says of them."""

    y_true: np.ndarray
    probabilities: np.ndarray


@shared
def tested(run_id: str) -> Tested:
    """Return the test pairs of a run, edges first."""
    result, _ = results.load(run_id)
    n_edges = len(result.split.test)
    y_true = np.arange(n_edges + len(result.split.test_neg)) < n_edges
    return Tested(y_true, scoring.probabilities(result.scores[results.MODEL]))


@shared
def comparison(run_id: str) -> verdict.Comparison:
    """Return how the model stands against the best baseline."""
    return verdict.compare(tested(run_id).y_true, results.load(run_id)[0].scores)


@shared
def curves(run_id: str, name: str) -> tuple[threshold_curves.Roc, threshold_curves.PrecisionRecall]:
    """Return the ROC and the precision-recall curve of the model, of the network alone or of a baseline."""
    scores, y_true = results.load(run_id)[0].scores[name], tested(run_id).y_true
    return threshold_curves.roc(y_true, scores), threshold_curves.precision_recall(y_true, scores)


@shared
def start_threshold(run_id: str) -> float | None:
    """Return the probability of the highest F1 on the validation pairs; None where they are too few to judge by."""
    result, graph = results.load(run_id)
    split = result.split
    if len(split.val) < decisions.LEAST_TESTED:
        return None
    pairs = np.concatenate([split.val, split.val_neg])
    score = result.scorer(graph) if result.family.links_nodes else _entry_scorer(run_id)
    if score is None:
        return None
    truth = np.arange(len(pairs)) < len(split.val)
    table = decisions.threshold_table(truth, scoring.probabilities(score(pairs)))
    return decisions.best_threshold(table)


def _entry_scorer(run_id: str) -> scoring.Score | None:
    """Return the scorer of entries as they were held out; None of a matrix too wide for that here."""
    (result, graph), scores = results.load(run_id), results.entry_scores(run_id)
    if result.stack and not scores.stack:
        return None
    split = result.split
    known = entry_splits.without_entries(graph.features, np.concatenate([split.val, split.test]))
    return scores.of_rows(result.left, known)


@shared
def thresholds(run_id: str) -> pd.DataFrame:
    """Return :func:`vgae_core.analysis.decisions.threshold_table` of the test pairs."""
    held = tested(run_id)
    return decisions.threshold_table(held.y_true, held.probabilities)


@shared
def distributions(run_id: str) -> pd.DataFrame:
    """Return :func:`vgae_core.analysis.decisions.score_histogram` of the test pairs."""
    held = tested(run_id)
    return decisions.score_histogram(held.y_true, held.probabilities)


@shared
def calibration(run_id: str) -> threshold_curves.Calibration:
    """Return the calibration of the test pairs."""
    held = tested(run_id)
    return threshold_curves.calibration(held.y_true, held.probabilities)


@shared
def calibration_by_chance(run_id: str) -> float:
    """Return the calibration error that so few held-out pairs alone let one expect."""
    n_validation = len(results.load(run_id)[0].split.val)
    return calibration_of.chance_error(tested(run_id).probabilities, n_validation)


@shared
def logit_histogram(run_id: str) -> pd.DataFrame:
    """Return :func:`vgae_core.analysis.decisions.score_histogram` of the model's own scores."""
    result, _ = results.load(run_id)
    return decisions.spread(tested(run_id).y_true, result.scores[results.MODEL])


@shared
def precision(run_id: str) -> Precision | None:
    """Return how many of the first pairs are held-out edges; None of a graph too large to search at once."""
    result, graph = results.load(run_id)
    if graph.n_nodes > link_search.EXACT_NODES or len(result.split.test) < decisions.LEAST_TESTED:
        return None
    return measure_precision(result, graph)


def with_precision(run_id: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of pairs with the precision their scores let one expect, before the probabilities.

    Probabilities are no larger than the validation pairs can vouch for.
    """
    measured, (result, graph) = precision(run_id), results.load(run_id)
    logits = table["logit"].to_numpy()
    bounded = calibration_of.vouched(logits, len(result.split.val))
    more = table.assign(
        probability=scoring.probabilities(bounded),
        probability_at_density=calibration_of.at_share(bounded, link_tables.density(graph)),
    )
    if measured is not None:
        more.insert(list(table).index("probability"), "expected_precision", measured.at(logits))
    return more
