"""Scores of several runs in rows, at the epoch that each kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vgae_core.analysis.metrics import HARD_METRICS, LINK_METRICS, WEIGHT_METRICS
from vgae_core.analysis.ranking_metrics import RANKING_METRICS


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
    scores = [
        _number(_mapping(row).get(key)) for row in _mapping(_mapping(metrics).get("baselines")).values()
    ]
    return max((value for value in scores if value is not None), default=None)


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
    """Return mean ± standard deviation of those of a row's values that there are, and how many, as text."""
    known = [value for place in places if (value := values[place]) is not None]
    summary = mean_and_sd(known)
    if summary is None:
        return ""
    mean, sd = summary
    return as_text(mean) if math.isnan(sd) else f"{mean:.3f} ± {sd:.3f} ({len(known)})"
