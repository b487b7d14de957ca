"""A sweep at work: it asks for points, starts their runs, watches them, and tells the search what came of them."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vgae_core.data.dataset import GraphData
from vgae_core.data.splits import LinkSplit
from vgae_core.errors import LimitError, RunError, StudioError
from vgae_core.families import family_of
from vgae_core.runs.store.store import Store
from vgae_core.runs.store.stored_run import StoredRun
from vgae_core.runs.sweeps.catalogue import SweepCatalogue, SweepInfo, TrialInfo, TrialState
from vgae_core.runs.sweeps.study import Study
from vgae_core.runs.workers.engine import Engine
from vgae_core.settings import RunSpec
from vgae_core.settings.space import LOSS
from vgae_core.training.events import EpochEnd

log = logging.getLogger(__name__)

REFUSED_SECONDS = 300.0
"""How long runs of a sweep may be refused, as when the queue is full, before it pauses and says why."""

RETRY_SECONDS = 2.0


def validation_split(spec: RunSpec, graph: GraphData) -> LinkSplit:
    """Return the split that all trials of a sweep are trained and scored on, whatever their seeds.

    In the place of the test pairs stand the validation pairs: the test pairs are held out of training, and no trial
    scores them.
    """
    split = family_of(spec).split(graph, spec)
    return dataclasses.replace(split, test=split.val, test_neg=split.val_neg)


def best_epoch(run: StoredRun) -> EpochEnd | None:
    """Return the epoch whose weights a run keeps, None before there is one."""
    return next((event for event in reversed(run.history()) if event.best), None)


def score(name: str, run: StoredRun) -> float:
    """Return what an objective is in a run that has ended; raise RunError if it is not there or not finite."""
    best = best_epoch(run)
    if name == "seconds":
        value = sum(event.seconds for event in run.history())
    elif best is None:
        value = float("nan")
    elif name == "validation":
        value = sum(best.val.values()) if best.val else float("nan")
    else:
        value = best.logs.get(name, float("nan")) if name.endswith(LOSS) else best.val.get(name, float("nan"))
    if not np.isfinite(value):
        raise RunError(f"The run has no finite `{name}`.")
    return float(value)


@dataclass
class _Trial:
    """A trial whose runs have not all ended."""

    number: int
    params: Mapping[str, Any]
    point: Mapping[str, Any]
    runs: dict[int, StoredRun] = field(default_factory=dict)
    """By seed, as far as they were started."""
    course: dict[int, float] = field(default_factory=dict)
    seen: int = 0
    """Epochs of the first seed that pruning knows."""
    ending: TrialState = "complete"
    message: str = ""

    @property
    def n_active(self) -> int:
        return sum(run.info.active for run in self.runs.values())


class SweepAtWork:
    """One sweep, moved on by :meth:`step`; not locked, since one thread works on all.

    What was under way when a server stopped is run again at the same point.

    Parameters
    ----------
    info : SweepInfo
    engine, store, catalogue
    newcomer : bool
        See :meth:`vgae_core.runs.workers.engine.Engine.submit`.
    """

    def __init__(
        self, info: SweepInfo, engine: Engine, store: Store, catalogue: SweepCatalogue, *, newcomer: bool
    ) -> None:
        self.id, self.spec, self.space = info.id, info.spec, info.space
        self.workspace, self.newcomer = info.workspace, newcomer
        self._engine, self._store, self._catalogue = engine, store, catalogue
        self._graph = store.load_dataset(info.fingerprint)
        self._split = validation_split(self.spec, self._graph)
        self._seconds = self._kept_seconds = info.seconds
        self._looked = time.monotonic()
        self._refused_since: float | None = None
        self._again = 0.0
        self._study = Study(self.space, self.spec)
        self._open: dict[int, _Trial] = {}
        self._n_trials = 0
        self._asked: dict[str, Any] | None = None
        """A point whose trial the catalogue does not know yet."""
        self._unnoted: list[tuple[int, int, str]] = []
        """Trial, seed and id of runs that the catalogue does not know as a trial's yet."""
        for trial in catalogue.trials(self.id):
            self._restore(trial)

    def _restore(self, trial: TrialInfo) -> None:
        self._n_trials += 1
        self._study.add(trial.params, trial.state, trial.values, trial.course)
        if trial.state != "running":
            return
        under_way = _Trial(trial.number, trial.params, trial.point)
        for seed, run_id in enumerate(trial.runs):
            run = self._store.find(run_id)
            if run is None:
                continue  # deleted
            if run.info.active or run.info.status == "finished":
                under_way.runs[seed] = run
        self._open[trial.number] = under_way

    # ------------------------------------------------------------------------- moving on
    def step(self, status: str) -> str:
        """Look after the runs under way, begin others, and return the status: as given, or ``"finished"``.

        Parameters
        ----------
        status : str
            ``"running"``; ``"paused"`` begins nothing, ``"cancelled"`` ends what is under way.

        Raises
        ------
        StorageError
            If disk or catalogue refuse; the next step does what this one could not.
        """
        now = time.monotonic()
        if status == "running":
            self._seconds += now - self._looked
        self._looked = now
        self._note_runs()
        for trial in list(self._open.values()):
            self._watch(trial, cancelled=status == "cancelled")
        if status == "running" and now >= self._again:
            try:
                while self._n_active() < self._engine.slots and self._begin_one():
                    self._refused_since = None
            except StudioError as error:
                self._again = now + RETRY_SECONDS
                self._refused_since = self._refused_since or now
                self._catalogue.update(self.id, message=str(error))
                if now - self._refused_since > REFUSED_SECONDS:
                    status = "paused"
        if status == "running" and not self._open and not self._may_begin():
            status = "finished"
        if status == "finished" or int(self._seconds) != int(self._kept_seconds):
            self._catalogue.update(self.id, seconds=self._seconds)
            self._kept_seconds = self._seconds
        return status

    @property
    def is_idle(self) -> bool:
        """Whether none of its trials is under way."""
        return not self._open

    def _n_active(self) -> int:
        return sum(trial.n_active for trial in self._open.values())

    def _may_begin(self) -> bool:
        return (
            self._n_trials < self.space.trials
            and self._seconds < 60 * self.space.minutes
            and not self._exhausted
        )

    _exhausted = False
    """Whether a grid has no more points."""

    def _begin_one(self) -> bool:
        """Begin one run: of a trial whose seeds are not all there, else of a new one; False if there is none."""
        for trial in self._open.values():
            missing = [seed for seed in range(self.space.seeds) if seed not in trial.runs]
            if missing and trial.ending == "complete":
                return self._start(trial, missing[0])
        if not self._may_begin():
            return False
        if self._asked is None:
            self._asked = self._study.ask()
        if self._asked is None:
            self._exhausted = True
            return False
        params = self._asked
        number, point = self._n_trials, self._study.point(params)
        self._catalogue.add_trial(self.id, number, params, point)
        self._asked = None
        self._n_trials += 1
        self._open[number] = trial = _Trial(number, params, point)
        return self._start(trial, 0)

    def _start(self, trial: _Trial, seed: int) -> bool:
        try:
            spec = self.space.at(self.spec, trial.point).replace("seed", self.spec.seed + seed)
        except (
            StudioError
        ) as error:  # settings that do not go together: a point of no use, not the end of the sweep
            self._end(trial, "failed", str(error))
            return True
        try:
            run_id = self._engine.submit(
                spec, self._graph, self.workspace, newcomer=self.newcomer, split=self._split
            )
        except LimitError as error:  # too large for this host, however long one waits
            self._end(trial, "failed", str(error))
            return True
        trial.runs[seed] = self._store.open_run(run_id)
        self._unnoted.append((trial.number, seed, run_id))
        self._note_runs()
        self._catalogue.update(self.id, message="")
        return True

    def _note_runs(self) -> None:
        while self._unnoted:
            self._catalogue.add_run(self.id, *self._unnoted[0])
            self._unnoted.pop(0)

    def _watch(self, trial: _Trial, *, cancelled: bool) -> None:
        for seed, run in list(trial.runs.items()):
            self._engine.look_at(run.id)
            if self._store.find(run.id) is None:
                del trial.runs[seed]
                trial.ending, trial.message = "failed", "One of its runs was deleted."
        if cancelled:
            self._give_up(trial, "failed", "The sweep was cancelled.")
        elif trial.ending == "complete" and 0 in trial.runs and self._is_hopeless(trial, trial.runs[0]):
            self._give_up(trial, "pruned", "Its best score so far was below the median of the others.")
        if trial.n_active:
            return
        for run in trial.runs.values():
            if trial.ending == "complete" and run.info.status != "finished":
                trial.ending, trial.message = "failed", run.info.message or "The run was cancelled."
        if trial.ending != "complete":
            self._end(trial, trial.ending, trial.message)
        elif len(trial.runs) == self.space.seeds:
            self._end(trial, "complete")

    def _give_up(self, trial: _Trial, ending: TrialState, message: str) -> None:
        if trial.ending == "complete":
            trial.ending, trial.message = ending, message
        for run in trial.runs.values():
            if run.info.active:
                self._engine.cancel(run.id)

    def _is_hopeless(self, trial: _Trial, run: StoredRun) -> bool:
        """Tell the search of the first seed's epochs, one after the other, so that timing decides nothing."""
        if not self.space.prunes:
            return False
        name, history = self.space.objectives[0], run.history()
        for event in history[trial.seen :]:
            trial.seen = event.epoch
            if event.epoch % self._study.every or not event.val:
                continue
            so_far = [
                sum(e.val.values()) if name == "validation" else e.val[name] for e in history[: event.epoch]
            ]
            trial.course[event.epoch] = max(so_far)
            if self._study.is_hopeless(trial.number, event.epoch, trial.course[event.epoch]):
                return True
        return False

    def _end(self, trial: _Trial, state: TrialState, message: str = "") -> None:
        values = None
        if state == "complete":
            try:
                scores = [[score(name, run) for name in self.space.objectives] for run in trial.runs.values()]
                values = [float(value) for value in np.mean(scores, axis=0)]
            except RunError as error:
                state, message = "failed", error.message
        seconds = sum(event.seconds for run in trial.runs.values() for event in run.history())
        self._catalogue.end_trial(
            self.id,
            trial.number,
            state,
            values=values,
            seconds=seconds,
            course=trial.course,
            message=message,
        )
        self._study.tell(trial.number, state, values)
        self._open.pop(trial.number, None)
