"""What a sweep found, as a table, and how far the best of many validation scores can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from vgae_core.analysis.metrics import fast_auc_ap
from vgae_core.catalogue.recipes import RECIPES
from vgae_core.errors import RunError
from vgae_core.runs.store.store import Store
from vgae_core.runs.sweeps.catalogue import SweepInfo, TrialInfo
from vgae_core.settings import RunSpec
from vgae_core.settings.space import RECIPE, objective
from vgae_core.settings.variable import variable

RESAMPLES = 100
"""Bootstrap samples of the validation pairs."""

MOST_TRIALS = 100
"""Trials that the bootstrap chooses among: the first ones of a longer sweep."""

MOST_PAIRS = 20_000
"""Validation edges, and as many non-edges, that it draws from."""


@dataclass(frozen=True)
class Optimism:
    """How much of the best validation score is luck.

    Parameters
    ----------
    best : float
        Validation AUC + AP of the chosen trial on all pairs, the mean over its seeds.
    corrected : float
        What choosing in the same way is worth on pairs that had no part in the choice.
    n_trials : int
        Trials chosen among.
    """

    best: float
    corrected: float
    n_trials: int

    @property
    def by(self) -> float:
        """What the best of the scores exceeds its expectation on new pairs by."""
        return self.best - self.corrected


def optimism(
    trials: Sequence[Sequence[np.ndarray]], n_edges: int, *, resamples: int = RESAMPLES, seed: int = 0
) -> Optimism:
    """Return how optimistic the best of some trials' validation AUC + AP is, by bootstrap.

    Validation pairs are drawn with replacement; the trial that is best on the drawn ones is scored on those left out.

    Parameters
    ----------
    trials : sequence of sequences of ndarray of float, shape (n_edges + n_non_edges,)
        For each trial and seed the scores of the validation pairs, edges first.
    n_edges : int
    resamples, seed : int

    References
    ----------
    Tsamardinos, Greasidou & Borboudakis 2018, Bootstrapping the out-of-sample predictions for efficient and accurate
    cross-validation, Machine Learning 107, section 4.
    """
    rng = np.random.default_rng(seed)
    n_pairs = len(trials[0][0])

    def quality(edges: np.ndarray, others: np.ndarray) -> np.ndarray:
        return np.array(
            [np.mean([sum(fast_auc_ap(run[edges], run[others])) for run in runs]) for runs in trials]
        )

    everything = quality(np.arange(n_edges), np.arange(n_edges, n_pairs))
    left_out = []
    for _ in range(resamples):
        edges = rng.integers(0, n_edges, n_edges)
        others = rng.integers(n_edges, n_pairs, n_pairs - n_edges)
        rest = np.setdiff1d(np.arange(n_edges), edges), np.setdiff1d(np.arange(n_edges, n_pairs), others)
        if not (len(rest[0]) and len(rest[1])):
            continue
        left_out.append(quality(*rest)[int(np.argmax(quality(edges, others)))])
    corrected = float(np.mean(left_out)) if left_out else float("nan")
    return Optimism(float(everything.max()), corrected, len(trials))


def optimism_of(store: Store, trials: Sequence[TrialInfo]) -> Optimism | None:
    """Return :func:`optimism` of the complete trials of a sweep; None with fewer than two whose runs are kept."""
    scores: list[list[np.ndarray]] = []
    n_edges = 0
    for trial in [trial for trial in trials if trial.state == "complete"][:MOST_TRIALS]:
        try:
            results = [store.open_run(run_id).result() for run_id in trial.runs]
        except RunError:
            continue  # deleted
        n_edges = len(results[0].split.test)
        take = np.linspace(0, n_edges - 1, min(n_edges, MOST_PAIRS)).astype(int)
        take = np.concatenate([take, take + n_edges])
        # What the epochs were chosen by is the network's own score.
        scores.append([result.scores.get("network", result.scores["model"])[take] for result in results])
    if len(scores) < 2 or n_edges < 2:
        return None
    found = optimism(scores, min(n_edges, MOST_PAIRS))
    return found if np.isfinite(found.by) else None


def varied(info: SweepInfo, trials: Sequence[TrialInfo]) -> list[str]:
    """Return the keys of the settings that differ between trials, in the order of the space."""
    return list(dict.fromkeys(key for trial in trials for key in trial.point)) or [
        dimension.key for dimension in info.space.vary
    ]


def table(info: SweepInfo, trials: Sequence[TrialInfo]) -> pd.DataFrame:
    """Return one row for each trial: number, state, its settings, its objectives, seconds and message."""
    keys = varied(info, trials)
    names = [objective(name, info.spec).title for name in info.space.objectives]
    rows: list[dict[str, Any]] = []
    for trial in trials:
        row: dict[str, Any] = {"trial": trial.number, "state": trial.state}
        row |= {key: _shown(key, trial.point.get(key)) for key in keys}
        row |= dict(zip(names, trial.values or [None] * len(names), strict=True))
        rows.append({**row, "seconds": trial.seconds, "message": trial.message})
    return pd.DataFrame(rows, columns=["trial", "state", *keys, *names, "seconds", "message"])


STATES = {"complete": "Complete", "running": "Running", "pruned": "Stopped early", "failed": "Failed"}
"""States of a trial, in words."""


def titles(spec: RunSpec) -> dict[str, str]:
    """Return what the settings that can vary are called, by key."""
    return {setting.key: setting.title for setting in variable(spec)}


def in_words(point: Mapping[str, Any], called: Mapping[str, str] | None = None) -> str:
    """Return the settings of a point in a line, numbers to four digits, keys by the names of :func:`titles`."""
    shown = {(called or {}).get(key, key): _shown(key, value) for key, value in point.items()}
    return ", ".join(
        f"{key} = {value:.4g}" if isinstance(value, float) else f"{key} = {value}"
        for key, value in shown.items()
    )


def _shown(key: str, value: Any) -> Any:
    if key == RECIPE:
        return RECIPES[value].title if value in RECIPES else "Own settings"
    return " · ".join(map(str, value)) if isinstance(value, list | tuple) else value
