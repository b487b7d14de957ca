"""Where a run stands, told from its events: for progress bars and curves, on any screen."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from vgae_core.training.events import EpochEnd, Event, Finished, Stage, Started

RECENT = 30
"""Epochs whose pace tells the time left."""

STAGES = {
    "splitting": "Holding out edges",
    "building": "Building the model",
    "positions": "Computing node positions (eigenvectors)",
    "compiling": "Preparing the first epoch",
    "training": "Training",
    "scoring": "Scoring the held-out edges",
    "baselines": "Scoring the baselines",
    "whole": "Encoding all edges",
}
"""What each stage is called; ``compiling`` and ``training`` follow from the other events."""


@dataclass(frozen=True)
class Progress:
    """Where a run stands."""

    stage: str
    """A key of :data:`STAGES`, or empty before the first event."""
    epoch: int = 0
    epochs: int = 0
    """At most; early stopping may end it sooner."""
    seconds_left: float | None = None
    """Of the training, if it takes all its epochs; None while unknown."""
    pace: float | None = None
    """Seconds of an epoch lately; None before the first."""
    estimate: Mapping[str, float] = field(default_factory=dict)
    """What was estimated before it began (:func:`vgae_core.nn.budget.estimate`)."""
    best: EpochEnd | None = None
    last: EpochEnd | None = None
    finished: Finished | None = None

    @property
    def fraction(self) -> float:
        """Share of the epochs done, 0 to 1; 1 once training is over."""
        if self.finished is not None or self.stage in ("scoring", "baselines", "whole"):
            return 1.0
        return min(1.0, self.epoch / self.epochs) if self.epochs else 0.0

    def least_left(self, patience: int) -> float | None:
        """Return the seconds left if no epoch to come is better; None while unknown.

        Parameters
        ----------
        patience : int
            Epochs without a better one after which training stops early; 0 never.
        """
        if self.seconds_left is None or self.pace is None:
            return None
        if not patience or self.best is None:
            return self.seconds_left
        return min(self.seconds_left, max(0, self.best.epoch + patience - self.epoch) * self.pace)

    @property
    def scoring_seconds(self) -> float:
        """What scoring will take after training: the estimate, in proportion to the pace of the epochs."""
        expected, epoch = (
            self.estimate.get("scoring_seconds", 0.0),
            self.estimate.get("seconds_per_epoch", 0.0),
        )
        slower = self.pace / epoch if self.pace and epoch else 1.0
        return expected * max(1.0, slower)

    @property
    def title(self) -> str:
        """The stage in words."""
        return STAGES.get(self.stage, self.stage.capitalize())


def progress(events: Sequence[Event]) -> Progress:
    """Return where a run stands after `events`."""
    stage, epochs = "", 0
    estimate: Mapping[str, float] = {}
    history: list[EpochEnd] = []
    finished: Finished | None = None
    for event in events:
        if isinstance(event, Stage):
            stage = event.name
        elif isinstance(event, Started):
            stage, epochs = "compiling", event.epochs
            estimate = event.model.get("estimate", {})
        elif isinstance(event, EpochEnd):
            stage = "training"
            history.append(event)
        else:
            finished = event
    best = next((event for event in reversed(history) if event.best), None)
    if not history:
        return Progress(stage, epochs=epochs, finished=finished)
    recent = history[1:][-RECENT:] or history  # the first one traces the model too
    pace = statistics.median(event.seconds for event in recent)
    last = history[-1]
    left = max(0, epochs - last.epoch) * pace if stage == "training" else None
    return Progress(stage, last.epoch, epochs, left, pace, estimate, best, last, finished)


@dataclass(frozen=True, eq=False)
class Curves:
    """The numbers of a run over its epochs, thinned so that a browser draws them at once.

    Parameters
    ----------
    epochs : ndarray of int64, shape (p,)
    logs : dict of str to ndarray of float64, shape (p,)
        Keras' numbers: ``loss``, ``<output>_loss``, ``<output>_<metric>``; NaN where missing.
    val : dict of str to ndarray of float64, shape (p,)
        ``roc_auc`` and ``average_precision``.
    val_logs : dict of str to ndarray of float64, shape (p,)
        Numbers of the outputs on what is held out for validation, named as in `logs`.
    """

    epochs: np.ndarray
    logs: Mapping[str, np.ndarray]
    val: Mapping[str, np.ndarray]
    val_logs: Mapping[str, np.ndarray] = field(default_factory=dict)


def curves(history: Sequence[EpochEnd], *, points: int = 400) -> Curves:
    """Return the curves of a run, at most about `points` epochs of it.

    The first, the best and the last epoch are always among them.
    """
    n = len(history)
    keep = np.unique(np.linspace(0, max(n - 1, 0), min(points, n)).round().astype(int))
    best = next((i for i in range(n - 1, -1, -1) if history[i].best), None)
    if best is not None:
        keep = np.union1d(keep, [best])
    chosen = [history[i] for i in keep]
    return Curves(
        epochs=np.array([event.epoch for event in chosen], dtype=np.int64),
        logs=_columns([event.logs for event in chosen]),
        val=_columns([event.val for event in chosen]),
        val_logs=_columns([event.val_logs for event in chosen]),
    )


def _columns(rows: Sequence[Mapping[str, float]]) -> dict[str, np.ndarray]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: np.array([row.get(name, np.nan) for row in rows], dtype=np.float64) for name in names}


def by_output(names: Sequence[str], outputs: Sequence[str]) -> dict[str, list[str]]:
    """Return the logged names of each output, its loss first; the total loss stands under ``""``.

    Keras joins output and metric with an underscore, so the longest output that fits is meant.
    """
    grouped: dict[str, list[str]] = {"": [], **{output: [] for output in outputs}}
    for name in names:
        owners = [output for output in outputs if name.startswith(f"{output}_")]
        grouped[max(owners, key=len, default="")].append(name)
    return {
        output: sorted(members, key=lambda name: not name.endswith("_loss"))
        for output, members in grouped.items()
        if members
    }
