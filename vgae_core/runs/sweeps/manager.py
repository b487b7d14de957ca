"""The sweeps of a process: started, paused, resumed and cancelled by visitors, worked on by one thread."""

from __future__ import annotations

import atexit
import logging
import threading
import weakref

from vgae_core.data.dataset import GraphData
from vgae_core.data.split_checks import check_split
from vgae_core.errors import RunError, StudioError
from vgae_core.host.limits import SERVER_LIMITS, ServerLimits
from vgae_core.runs.disk.room import StorageError
from vgae_core.runs.store.store import Store
from vgae_core.runs.sweeps.catalogue import SweepCatalogue, SweepInfo
from vgae_core.runs.sweeps.driver import RETRY_SECONDS, SweepAtWork
from vgae_core.runs.sweeps.study import Study
from vgae_core.runs.workers.engine import Engine
from vgae_core.settings import RunSpec
from vgae_core.settings.space import Space, over_recipes

log = logging.getLogger(__name__)

STEP_SECONDS = 0.2
"""Between two looks at the runs of all sweeps."""


class Sweeps:
    """The sweeps of a store, worked on by one engine.

    Those that an earlier process left unfinished go on where they were.

    Parameters
    ----------
    engine : Engine
    store : Store
    limits : ServerLimits, optional
        How long a sweep may be, and how many there may be.
    """

    def __init__(self, engine: Engine, store: Store, *, limits: ServerLimits = SERVER_LIMITS) -> None:
        self.catalogue = SweepCatalogue(store, limits=limits)
        self._engine, self._store, self._limits = engine, store, limits
        self._lock = threading.RLock()
        self._at_work: dict[str, SweepAtWork] = {}
        self._wake, self._closed = threading.Event(), threading.Event()
        _close_at_exit(self)  # before the engine closes, whose ends of runs are then nobody's failures
        for sweep_id in self.catalogue.adopt_orphans():
            try:
                self._open(self.catalogue.info(sweep_id), newcomer=False)
            except StudioError as error:
                self.catalogue.update(sweep_id, status="cancelled", message=str(error))
        self._thread = threading.Thread(target=self._work, name="sweeps", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Work on no sweep any more; whoever opens the store next goes on with them."""
        self._closed.set()
        self._wake.set()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=30)

    # -------------------------------------------------------------------------- for pages
    def start(
        self, spec: RunSpec, graph: GraphData, space: Space, workspace: str, *, newcomer: bool = False
    ) -> str:
        """Begin a sweep and return its id.

        Raises
        ------
        SpecError, DataError
            If the space does not fit the specification, or the specification not the data.
        RunError
            If the sweep is longer than this server allows, or too many are at work.
        """
        limits = self._limits
        space.check(spec)
        check_split(graph, spec)
        if space.trials * space.seeds > limits.sweep_runs:
            raise RunError(
                f"A sweep may have at most {limits.sweep_runs} runs here. Received: {space.trials * space.seeds}.",
                mend="Lower the trials, or the seeds per point.",
            )
        if space.minutes > limits.sweep_minutes:
            raise RunError(
                f"A sweep may take at most {limits.sweep_minutes} minutes here. Received: {space.minutes:g}."
            )
        with self._lock:
            sweep_id = self.catalogue.create(spec, graph, space, workspace)
            self._open(self.catalogue.info(sweep_id), newcomer=newcomer)
        self._wake.set()
        return sweep_id

    def try_recipes(self, spec: RunSpec, graph: GraphData, workspace: str, *, newcomer: bool = False) -> str:
        """Begin the sweep over recipes that the automatic choice is, and return its id.

        Raises
        ------
        RunError, SpecError, DataError
            As :meth:`start`.
        """
        minutes = float(self._limits.sweep_minutes)
        own, space = over_recipes(spec, has_features=graph.features is not None, minutes=minutes)
        return self.start(own, graph, space, workspace, newcomer=newcomer)

    def pause(self, sweep_id: str, workspace: str) -> None:
        """Begin no more runs of a sweep until it is resumed; those under way go on."""
        self._change(sweep_id, workspace, "paused", of=("running",))

    def resume(self, sweep_id: str, workspace: str) -> None:
        """Go on with a paused sweep."""
        self._change(sweep_id, workspace, "running", of=("paused",))

    def cancel(self, sweep_id: str, workspace: str) -> None:
        """End a sweep; what its complete trials found is kept."""
        self._change(sweep_id, workspace, "cancelled", of=("running", "paused"))

    def delete(self, sweep_id: str, workspace: str) -> None:
        """Forget a sweep that has ended; its runs stay."""
        info = self._mine(sweep_id, workspace)
        if info.active:
            raise RunError("A sweep that is running or paused cannot be deleted.", mend="Cancel it first.")
        self.catalogue.delete(sweep_id)

    def study(self, info: SweepInfo) -> Study:
        """Return the search with all trials that have ended, for pictures."""
        return Study.of(info.space, info.spec, self.catalogue.trials(info.id))

    def refit(
        self, sweep_id: str, workspace: str, number: int | None = None, *, newcomer: bool = False
    ) -> str:
        """Train a point once more, with the test pairs scored, and return the run: once for each sweep.

        Parameters
        ----------
        sweep_id, workspace : str
        number : int, optional
            Of the trial; the best by the first objective unless given.
        newcomer : bool
            See :meth:`vgae_core.runs.workers.engine.Engine.submit`.

        Raises
        ------
        RunError
            If the sweep has not ended, nothing is complete, or a point was scored on the test pairs already.
        """
        with self._lock:
            info = self._mine(sweep_id, workspace)
            if info.active:
                raise RunError("The sweep is still running or paused.", mend="Wait for it, or cancel it.")
            return self._refit(info, number, newcomer=newcomer)

    def is_refitted(self, info: SweepInfo) -> bool:
        """Return whether a point was trained again, or is now; a run that ended without a result does not count."""
        if info.refit is None:
            return False
        run = self._store.find(info.refit)
        if run is None:  # deleted, maybe after it was scored
            return True
        entry = run.info
        return entry.active or entry.metrics is not None

    # ----------------------------------------------------------------------------- inside
    def _refit(self, info: SweepInfo, number: int | None, *, newcomer: bool) -> str:
        if self.is_refitted(info):
            raise RunError(
                "A point of this sweep has already been scored on the test pairs, which happens only once."
            )
        number = self.study(info).best() if number is None else number
        trials = {trial.number: trial for trial in self.catalogue.trials(info.id)}
        if number is None or number not in trials or trials[number].state != "complete":
            raise RunError("No finished trial has this number.", where="trial")
        spec = info.space.at(info.spec, trials[number].point)
        graph = self._store.load_dataset(info.fingerprint)
        run_id = self._engine.submit(spec, graph, info.workspace, newcomer=newcomer)
        try:
            self.catalogue.update(info.id, chosen=number, refit=run_id)
        except StorageError:
            self._engine.cancel(run_id)  # a run that nobody knows as the one that scores the test pairs
            raise
        return run_id

    def _mine(self, sweep_id: str, workspace: str) -> SweepInfo:
        info = self.catalogue.info(sweep_id)
        if info.workspace != workspace:
            raise RunError("There is no such sweep among yours.")
        return info

    def _change(self, sweep_id: str, workspace: str, status: str, *, of: tuple[str, ...]) -> None:
        with self._lock:
            if self._mine(sweep_id, workspace).status in of:
                self.catalogue.update(sweep_id, status=status, message="")
        self._wake.set()

    def _open(self, info: SweepInfo, *, newcomer: bool) -> None:
        self._at_work[info.id] = SweepAtWork(
            info, self._engine, self._store, self.catalogue, newcomer=newcomer
        )

    def _work(self) -> None:
        while not self._closed.is_set():
            with self._lock:
                sweeps = list(self._at_work.values())
            for sweep in sweeps:
                if self._closed.is_set():
                    return
                self._try_to_step(sweep)
            self._wake.wait(STEP_SECONDS if sweeps else None)
            self._wake.clear()

    def _try_to_step(self, sweep: SweepAtWork) -> None:
        """Move a sweep on; no error ends the thread, which works on all of them."""
        try:
            self._step(sweep)
        except StorageError as error:  # the next step does what this one could not
            log.warning("Sweep %s waits: %s", sweep.id, error)
            self._closed.wait(RETRY_SECONDS)
        except Exception:
            log.exception("Sweep %s met an error", sweep.id)
            try:
                message = "The sweep stopped at a server error; resume it."
                self.catalogue.update(sweep.id, status="paused", message=message)
            except StorageError:
                log.exception("Sweep %s could not be paused", sweep.id)
                self._closed.wait(RETRY_SECONDS)

    def _step(self, sweep: SweepAtWork) -> None:
        with self._lock:
            before = self.catalogue.info(sweep.id).status
            after = sweep.step(before)
            if after == "finished" and len(sweep.space.objectives) == 1:  # of several a person chooses
                self._refit_best(sweep)  # first: whoever sees that it has finished sees the refit too
            if after != before:
                self.catalogue.update(sweep.id, status=after)
            if after in ("finished", "cancelled") and sweep.is_idle:
                self._at_work.pop(sweep.id, None)

    def _refit_best(self, sweep: SweepAtWork) -> None:
        trials = self.catalogue.trials(sweep.id)
        if not any(trial.state == "complete" for trial in trials):
            reasons = list(dict.fromkeys(trial.message for trial in trials if trial.message))
            self.catalogue.update(sweep.id, message=" ".join(["No trial finished.", *reasons[:2]]))
            return
        try:
            self._refit(self.catalogue.info(sweep.id), None, newcomer=sweep.newcomer)
        except StudioError as error:
            self.catalogue.update(sweep.id, message=f"The best point could not be trained again: {error}")


def _close_at_exit(sweeps: Sweeps) -> None:
    reference = weakref.ref(sweeps)

    def close() -> None:
        if (living := reference()) is not None:
            living.close()

    atexit.register(close)
