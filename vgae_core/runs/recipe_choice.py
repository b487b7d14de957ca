"""The automatic choice of a recipe: each one that fits the data is trained on the same split, the best is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vgae_core.data.dataset import GraphData
from vgae_core.data.splits import LinkSplit
from vgae_core.errors import DataError, RunError, StudioError
from vgae_core.runs.preparation import Building, Prepared, prepare, started, train_prepared
from vgae_core.settings import RunSpec
from vgae_core.settings.recipes import candidates
from vgae_core.training.events import EpochEnd, Event, Finished, Trial
from vgae_core.training.progress import best_trial

if TYPE_CHECKING:
    import keras

TELL_SECONDS = 0.5
"""Between two events of a trial."""


def best_recipe(
    spec: RunSpec,
    graph: GraphData,
    split: LinkSplit | None,
    prepared: Prepared | None,
    *,
    on_event: Callable[[Event], None],
    should_stop: Callable[[], bool],
    callbacks: Sequence[keras.callbacks.Callback],
    building: Building,
) -> tuple[RunSpec, Prepared, Finished, list[Trial]]:
    """Train every recipe that fits the data and return the best: specification, trained model, end and all trials.

    The best has the highest validation AUC + AP.  Its epochs are told at the end, as if it had been alone.  Only its
    weights are held while others are trained.  Stopping ends the recipe at work and leaves the rest untried.

    Raises
    ------
    StudioError
        If no recipe could be trained: why the last one could not; or a given split has no validation edges.
    """
    if split is not None and not len(split.val):
        raise DataError(
            "The automatic choice of a recipe needs validation edges, and the given split has none.",
            where="split",
            mend="Give a split with some, or set `recipe` to `own`.",
        )
    tried: list[Trial] = []
    refused: StudioError | None = None
    kept: tuple[RunSpec, list[np.ndarray], Finished, list[EpochEnd]] | None = None
    for name, candidate in candidates(spec, has_features=graph.features is not None).items():
        teller = _Teller(name, candidate.training.epochs, on_event)
        message = ""
        try:
            prepared = prepared or prepare(
                candidate, graph, split=split, on_event=on_event, building=building
            )
            split = prepared.split
            finished = train_prepared(
                candidate, graph, prepared, on_event=teller, should_stop=should_stop, callbacks=callbacks
            )
            if finished.reason == "failed" and not finished.best_epoch:
                message = finished.message
        except StudioError as error:
            refused, message = error, error.message
        tried.append(teller.end(message))
        if not message and prepared is not None and best_trial(tried) is tried[-1]:
            kept = (candidate, prepared.built.model.get_weights(), finished, teller.epochs)
        prepared = None
        if should_stop():
            break
    if kept is None:
        raise refused or RunError(tried[-1].message)
    spec, weights, finished, epochs = kept
    prepared = prepare(spec, graph, split=split, on_event=on_event, building=building)
    prepared.built.model.set_weights(weights)
    on_event(started(spec, prepared))
    for event in epochs:
        on_event(event)
    return spec, prepared, finished, tried


class _Teller:
    """Keeps the epochs of a trial and tells of them in a few events."""

    def __init__(self, recipe: str, n_epochs: int, on_event: Callable[[Event], None]) -> None:
        self._recipe, self._n_epochs, self._on_event = recipe, n_epochs, on_event
        self._begun, self._told = time.perf_counter(), 0.0
        self.epochs: list[EpochEnd] = []
        self._on_event(self._trial())

    def __call__(self, event: Event) -> None:
        if not isinstance(event, EpochEnd):
            return
        self.epochs.append(event)
        if time.perf_counter() - self._told > TELL_SECONDS:
            self._told = time.perf_counter()
            self._on_event(self._trial())

    def end(self, message: str) -> Trial:
        """Tell how the trial ended, and return it."""
        trial = self._trial(message)
        self._on_event(trial)
        return trial

    def _trial(self, message: str = "") -> Trial:
        best = next((event for event in reversed(self.epochs) if event.best), None)
        return Trial(
            recipe=self._recipe,
            epoch=len(self.epochs),
            epochs=self._n_epochs,
            val=dict(best.val) if best and not message else {},
            best_epoch=best.epoch if best else 0,
            seconds=time.perf_counter() - self._begun,
            message=message,
        )
