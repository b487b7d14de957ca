"""Runs beside each other: the settings that differ, their scores, and differences on the same held-out pairs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from vgae_core.analysis.alignment import aligned
from vgae_core.analysis.decisions import LEAST_TESTED
from vgae_core.analysis.metrics import HARD_METRICS, LINK_METRICS, WEIGHT_METRICS
from vgae_core.analysis.paired import LEVEL, Difference, paired_differences
from vgae_core.analysis.ranking_metrics import RANKING_METRICS
from vgae_core.catalogue.identifiers import written
from vgae_core.catalogue.outputs import OUTPUTS
from vgae_core.data.dataset import GraphData
from vgae_core.data.non_edges import codes
from vgae_core.errors import DataError
from vgae_core.runs.results.result import RunResult
from vgae_core.settings import RunSpec
from vgae_core.settings.fields import Setting, settings_of

MOST_RUNS = 20
"""Runs compared at once."""

MOST_MAPS = 10
"""Maps drawn beside each other."""

RANKED = 100
"""Missing links of each run that are compared with those of another."""

MOVED = 20
"""Nodes listed whose codes lie farthest apart."""

UNUSED = "–"
"""Stands for a setting that a run does not have or that has no effect there."""


# --------------------------------------------------------------------------- settings
@dataclass(frozen=True)
class SettingRow:
    """One setting of several runs."""

    section: str
    title: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the runs do not all have the same."""
        return len(set(self.values)) > 1


def settings_rows(specs: Sequence[RunSpec]) -> list[SettingRow]:
    """Return every setting of some runs, in the order of the specification; those no run uses are left out."""
    flat = [_flat(spec) for spec in specs]
    keys = list(dict.fromkeys(key for values in flat for key in values))
    return [SettingRow(*key, tuple(values.get(key, UNUSED) for values in flat)) for key in keys]


_SECTIONS = {"": "General", "dataset": "Data", "model": "Model", "split": "Split", "training": "Training"}


def _flat(spec: RunSpec) -> dict[tuple[str, str], str]:
    """Return the settings that count in a run, by section and title."""
    rows: dict[tuple[str, str], str] = {}
    unused = spec.unused()
    for setting in settings_of(RunSpec, family=spec.model.family):
        path = setting.key.split(".")
        value: Any = spec
        for part in path:
            value = getattr(value, part)
        section = _SECTIONS.get(path[0] if len(path) > 1 else "", path[0].capitalize())
        rows[section, setting.title] = UNUSED if setting.key in unused else _value(setting, value)
    for output in spec.active_outputs:
        title = OUTPUTS[output.name].title
        rows["Outputs", f"{title}: loss"] = written(output.loss)
        rows["Outputs", f"{title}: weight"] = f"{output.weight:g}"
        rows["Outputs", f"{title}: metrics"] = ", ".join(map(written, output.metrics)) or "none"
    return rows


def _value(setting: Setting, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {one}" for key, one in value.items()) or "none"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return setting.labels.get(str(value), str(value))


def seed_groups(runs: Sequence[tuple[str, RunSpec]]) -> list[list[int]]:
    """Return which runs differ in nothing but the seed, groups and their members in the order given.

    Parameters
    ----------
    runs : sequence of tuple
        Fingerprint of the data, and specification.
    """
    groups: dict[str, list[int]] = {}
    for place, (fingerprint, spec) in enumerate(runs):
        values = spec.to_dict() | {"seed": 0, "fingerprint": fingerprint}
        groups.setdefault(json.dumps(values, sort_keys=True), []).append(place)
    return list(groups.values())


# ----------------------------------------------------------------------------- scores
@dataclass(frozen=True)
class ScoreRow:
    """One score of several runs, at the epoch that each kept."""

    part: str
    title: str
    values: tuple[float | None, ...]
    best: str = ""
    """``"high"`` or ``"low"``, whichever is better; empty where neither is."""

    def leaders(self) -> set[int]:
        """Return the places of the best value, where there are several different ones and one can be best."""
        known = [value for value in self.values if value is not None]
        if not self.best or len(set(known)) < 2:
            return set()
        top = max(known) if self.best == "high" else min(known)
        return {place for place, value in enumerate(self.values) if value == top}


_PARTS = {
    "test": "Test",
    "val": "Validation",
    "network": "Test, network alone",
    "weights": "Weights of test edges",
    "labels": "Labels",
    "features": "Features",
    "latent": "Latent space",
}
TESTED = ("test", "network", "weights")
"""Parts that are of test pairs."""

_TITLES = {
    "accuracy": "Accuracy",
    "macro_f1": "Macro F1",
    "majority_accuracy": "Accuracy of the commonest label",
    "n_test": "Labelled test nodes",
    "mean_error": "Mean loss per value",
    "column_mean_error": "Mean loss of the column means",
    "active_units": "Active dimensions",
    "latent_dim": "Dimensions",
    "kl": "KL divergence (nats per code)",
    "mean_sigma": "Mean σ",
}
_LOW = {"mean_error", "mean_absolute_error", "root_mean_squared_error"}
_NEITHER = {"majority_accuracy", "n_test", "column_mean_error"}


def score_title(key: str) -> str:
    """Return what a score in the metrics of a run is called."""
    name, _, k = key.rpartition("_at_")
    if name in RANKING_METRICS and k.isdecimal():
        return RANKING_METRICS[name].at(k).title
    entry = (LINK_METRICS | HARD_METRICS | WEIGHT_METRICS).get(key)
    return entry.title if entry else _TITLES.get(key, key.replace("_", " ").capitalize())


def score_rows(metrics: Sequence[Mapping[str, Any]]) -> list[ScoreRow]:
    """Return every score of some runs, and the best baseline's beside them.

    Parameters
    ----------
    metrics : sequence of mapping
        As of :attr:`vgae_core.runs.results.result.RunResult.metrics`; empty for a run without a result. Trials of a
        sweep are scored on validation pairs and have no test scores.
    """
    rows = []
    trials = [_mapping(one).get("scored_on") == "validation" for one in metrics]
    for part, title in _PARTS.items():
        groups = [
            {} if trial and part in TESTED else _mapping(_mapping(one).get(part))
            for one, trial in zip(metrics, trials, strict=True)
        ]
        if part == "weights":
            groups = [_mapping(group.get("model")) for group in groups]
        for key in dict.fromkeys(key for group in groups for key in group):
            values = tuple(_number(group.get(key)) for group in groups)
            if any(value is not None for value in values):
                best = "" if part == "latent" or key in _NEITHER else "low" if key in _LOW else "high"
                rows.append(ScoreRow(title, score_title(key), values, best))
    for key in ("roc_auc", "average_precision"):
        values = tuple(tested_baseline(one, key) for one in metrics)
        if any(value is not None for value in values):
            rows.append(ScoreRow("Best baseline", score_title(key), values))
    return rows


def best_baseline(metrics: Mapping[str, Any], key: str) -> float | None:
    """Return the highest score of the baselines of a run, None where there is none."""
    found = [_number(_mapping(row).get(key)) for row in _mapping(_mapping(metrics).get("baselines")).values()]
    return max((value for value in found if value is not None), default=None)


def tested_baseline(metrics: Mapping[str, Any], key: str) -> float | None:
    """Return :func:`best_baseline` on test pairs: None of a trial of a sweep, which is scored on validation pairs."""
    return None if _mapping(metrics).get("scored_on") == "validation" else best_baseline(metrics, key)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: Any) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if number else None


def mean_and_sd(values: Iterable[float | None]) -> tuple[float, float] | None:
    """Return mean and sample standard deviation of the values there are; NaN for that of one, None without any."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return float(np.mean(known)), float(np.std(known, ddof=1)) if len(known) > 1 else math.nan


def as_text(value: float | None) -> str:
    """Return a score as text; empty where there is none."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value == int(value) and abs(value) > 1 else f"{value:.3f}"


def folded(values: Sequence[float | None], places: Sequence[int]) -> str:
    """Return the mean ± standard deviation of some of a row's values, or the value of one, as text."""
    found = mean_and_sd(values[place] for place in places)
    if found is None:
        return ""
    mean, sd = found
    return as_text(mean) if math.isnan(sd) else f"{mean:.3f} ± {sd:.3f} ({len(places)})"


# ----------------------------------------------------------------------------- paired
@dataclass(frozen=True)
class Paired:
    """A run against another, on the test pairs that both hold out.

    Parameters
    ----------
    n_edges, n_others : int
        Edges (or entries) and non-edges (or zeros) compared.
    scores : mapping of str to Difference
        By key of :data:`vgae_core.analysis.paired.MEASURES`; empty where they are not compared.
    caution : str
        What is not the same in both, empty where data and split are.
    retrain : bool
        Whether training again on the same split makes them comparable.
    """

    n_edges: int
    n_others: int
    scores: Mapping[str, Difference]
    caution: str = ""
    retrain: bool = False


def paired(first: tuple[RunResult, GraphData], second: tuple[RunResult, GraphData]) -> Paired:
    """Compare the second run with the first on the same held-out pairs, or say why that is not possible."""
    (one, graph), (other, other_graph) = first, second
    if one.words is not other.words:
        return Paired(
            0, 0, {}, "One holds out edges, the other entries of a matrix: their scores are not comparable."
        )
    if graph.fingerprint != other_graph.fingerprint:
        return Paired(0, 0, {}, "Trained on other data: scores of different pairs are not compared.")
    same = same_split(one, other)
    caution, on = "", "test"
    if one.is_trial and other.is_trial:
        on, trial = (
            "validation",
            "Trials of a sweep: compared on the validation pairs that chose their epochs.",
        )
    elif one.is_trial or other.is_trial:
        trial = "One is a trial of a sweep, which is scored on validation pairs, the other on test pairs."
    else:
        trial = ""
    try:
        truth, left, right = shared_scores(one, other, graph)
    except DataError:
        truth = np.zeros(0, bool)
    n_edges, n_others = int(truth.sum()), int((~truth).sum())
    if not same:
        what, others = one.words.many, one.words.others
        caution = (
            f"They hold out different {what}: {n_edges:,} of {len(one.split.test):,} {on} {what} and {n_others:,} of "
            f"{len(one.split.test_neg):,} {others} are common to both, and only these are compared."
        )
    caution = f"{trial} {caution}".strip()
    if n_edges < LEAST_TESTED or n_others < LEAST_TESTED:
        caution = f"{caution} These are too few to compare (at least {LEAST_TESTED}).".strip()
        return Paired(n_edges, n_others, {}, caution, not same)
    return Paired(n_edges, n_others, paired_differences(truth, left, right), caution, not same)


def same_split(first: RunResult, second: RunResult) -> bool:
    """Return whether two runs train on, choose by and are tested on the same pairs."""
    parts = ("train", "val", "val_neg", "test", "test_neg")
    return all(_same_pairs(getattr(first.split, part), getattr(second.split, part)) for part in parts)


def why_not_ranked(runs: Sequence[tuple[GraphData, RunResult]]) -> str:
    """Return why the scores of these runs do not say which is best, as a sentence; empty where they do."""
    (graph, result), *others = runs
    if any(other.fingerprint != graph.fingerprint for other, _ in others):
        return "Different data: no score is the best."
    if not all(same_split(result, other) for _, other in others):
        return "Different held-out pairs: no score is the best."
    return ""


def _same_pairs(first: np.ndarray, second: np.ndarray) -> bool:
    if first.shape != second.shape:
        return False
    if np.array_equal(first, second):
        return True
    return np.array_equal(first[np.lexsort(first.T)], second[np.lexsort(second.T)])


def verdict(found: Paired) -> str:
    """Return in a line how the second run differs from the first, the interval in brackets; empty if not compared."""
    if not found.scores:
        return ""
    parts = {1: [], -1: [], 0: []}  # type: dict[int, list[str]]
    for key, difference in found.scores.items():
        sign = 0 if difference.may_be_chance else 1 if difference.difference > 0 else -1
        parts[sign].append(
            f"{score_title(key)} {_signed(difference.difference)} "
            f"({_signed(difference.low)} to {_signed(difference.high)})"
        )
    words = {1: "finds more", -1: "finds less", 0: "within noise"}
    return "; ".join(f"{words[sign]}: {', '.join(texts)}" for sign, texts in parts.items() if texts)


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def explained(n_compared: int) -> str:
    """Return how the intervals were made, and what several of them mean."""
    text = (
        f"In brackets the {LEVEL:.0%} interval of a paired bootstrap over the same held-out pairs. It holds the noise "
        "of which pairs were tested, not that of training again with another seed."
    )
    if n_compared > 2:
        text += (
            f" Of {n_compared} comparisons about one in {1 / (1 - LEVEL):.0f} excludes zero by chance alone."
        )
    return text


def shared_scores(
    first: RunResult, second: RunResult, graph: GraphData
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what two runs say of the test pairs that both hold out: which are edges, and the scores of each.

    Parameters
    ----------
    first, second : RunResult
    graph : GraphData
        That of the second, which has all nodes of the first.

    Raises
    ------
    DataError
        If there is no edge, or no other pair, in common.
    """
    n = max(graph.n_nodes, len(first.right), len(second.right))  # entries of a matrix are (row, column)
    directed = second.ordered(graph)
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    for positive in (True, False):
        mine, others = (
            codes(result.split.test if positive else result.split.test_neg, n, directed=directed)
            for result in (first, second)
        )
        _, at, other = np.intersect1d(mine, others, assume_unique=True, return_indices=True)
        if not len(at):
            raise DataError("The two runs hold out no pair in common.", mend="Train both on the same split.")
        starts = [0 if positive else len(result.split.test) for result in (first, second)]
        parts.append(
            (
                np.asarray(first.scores["model"])[at + starts[0]],
                np.asarray(second.scores["model"])[other + starts[1]],
            )
        )
    truth = np.repeat([True, False], [len(part[0]) for part in parts])
    return truth, np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


# ------------------------------------------------------------------------------- maps
@dataclass(frozen=True, eq=False)
class Moved:
    """Codes of a run turned onto those of another.

    Parameters
    ----------
    places : ndarray of float64, shape (n_nodes, latent_dim of the other)
        The turned and scaled codes.
    distance : ndarray of float64, shape (n_nodes,)
        From the other's codes, in units of their root mean square distance from their mean.
    """

    places: np.ndarray
    distance: np.ndarray

    def farthest(self) -> np.ndarray:
        """Return the nodes that lie farthest apart, int64 (at most :data:`MOVED`,)."""
        return np.argsort(-self.distance, kind="stable")[:MOVED]


def moved(z: np.ndarray, other: np.ndarray) -> Moved:
    """Return where codes of another run lie among these, shapes (n_nodes, d) and (n_nodes, e)."""
    places, distance = aligned(z, other)
    radius = float(np.sqrt(np.square(z - z.mean(axis=0, dtype=np.float64)).sum(axis=1).mean()))
    return Moved(places, distance / max(radius, 1e-12))


def only_in(first: np.ndarray, second: np.ndarray, n: int, *, directed: bool) -> np.ndarray:
    """Return which pairs of a ranking another does not have, bool (len(first),).

    Parameters
    ----------
    first, second : ndarray of int64, shape (n_pairs, 2)
    n : int
        Nodes; of a matrix the larger of its sides, `directed`.
    directed : bool
    """
    return ~np.isin(codes(first, n, directed=directed), codes(second, n, directed=directed))


def matrix_of(graph: GraphData) -> sparse.csr_array:
    """Return the matrix that rows are coded of, shape (n_nodes, n_features)."""
    return sparse.csr_array(graph.features)
