"""The queue of runs: who comes next, and what becomes of each; one run at a time in each worker process.

:mod:`vgae_core.runs.workers.workers` keeps workers ready and :mod:`vgae_core.runs.workers.cluster` talks to them.
By default a local cluster of one worker process is started; with an address the same
runs go to that cluster.  Data are sent once by content, events stream back, and results
are returned: no shared disk is assumed, and this process is the only writer of the
runs' folders.

The workers of a cluster given by address must offer the resource ``train=1`` and have
at least two threads, so that a model can be described while another is trained
(docs/scale-out.md).
"""

from __future__ import annotations

import asyncio
import atexit
import dataclasses
import json
import logging
import threading
import time
import weakref
from collections import OrderedDict
from typing import Any

from vgae_core.data.dataset import GraphData, Profile
from vgae_core.data.splits import LinkSplit
from vgae_core.errors import RunError, StudioError
from vgae_core.host import scratch
from vgae_core.host.limits import SERVER_LIMITS, ServerLimits
from vgae_core.nn.budget import check_memory
from vgae_core.runs.processes import environment
from vgae_core.runs.results.result_parts import result_from_parts
from vgae_core.runs.store.database import be_patient
from vgae_core.runs.store.resuming import Continuation, continuation
from vgae_core.runs.store.store import Store
from vgae_core.runs.store.stored_run import StoredRun
from vgae_core.runs.workers import worker
from vgae_core.runs.workers.cluster import ClosingError, Cluster, StuckError
from vgae_core.runs.workers.turns import Job, Turns
from vgae_core.runs.workers.where import Where
from vgae_core.runs.workers.workers import CLOSED, Expected, State, Workers
from vgae_core.settings import RunSpec
from vgae_core.training.events import Finished

logger = logging.getLogger(__name__)

IDLE_SECONDS = 2.0
"""How often an idle engine looks whether its worker is still the one it warmed."""


class Engine:
    """The queue of runs and the worker processes that execute them.

    Parameters
    ----------
    store : Store
        Where runs are kept.
    where : Where, optional
        Workers elsewhere or of our own; one of our own unless given.
    limits : ServerLimits, optional
        How visitors share it.
    """

    def __init__(
        self, store: Store, where: Where | None = None, *, limits: ServerLimits = SERVER_LIMITS
    ) -> None:
        self._store = store
        self._limits = limits
        self._workers = Workers(where or Where())
        self._lock = threading.Condition()
        self._waiting = Turns(limits)
        self._active: dict[str, Job] = {}
        self._next_run: Expected | None = None
        self._lanes: list[threading.Thread] = []
        self._room = 0
        self._exchanging = False
        self._looking = threading.Lock()
        self._descriptions: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()
        _close_at_exit(self)
        scratch.sweep()

    # -------------------------------------------------------------------- for pages
    @property
    def state(self) -> State:
        """``"cold"``, ``"starting"``, ``"ready"``, ``"failed"`` (the next run tries again), ``"closed"``."""
        return self._workers.state

    @property
    def problem(self) -> str:
        """Why the state is ``"failed"``."""
        return self._workers.problem

    def warm(self) -> None:
        """Start the worker in the background; returns at once, and again costs nothing."""
        with self._lock:
            self._lanes = [lane for lane in self._lanes if lane.is_alive()]
            if self._lanes or self._workers.is_closed:
                return
            self._workers.begin()
            self._add_lane()

    def prepare(self, spec: RunSpec, graph: GraphData, *, after: float = 0.0) -> None:
        """Let an idle worker build the model of a run that may be started soon, so that it starts sooner.

        Returns at once; the run's numbers are the same without.  A worker keeps one such model, and none
        that is large: for those it is only exchanged for one with the threads that the run will take.
        Nothing is prepared where a recipe is still to be chosen: that is a sweep.

        Parameters
        ----------
        spec, graph : RunSpec, GraphData
            The run that may come.
        after : float
            Seconds to wait first; another call meanwhile takes this one's place.
        """
        with self._lock:
            if (
                spec.recipe == "auto"
                or self._workers.where.address
                or self.state in ("failed", "closed")
                or self._active
                or self._waiting
            ):
                return
            self._next_run = Expected.after(after, spec, graph)
            self._lock.notify_all()

    @property
    def slots(self) -> int:
        """Runs that can be at work at the same time."""
        return self._workers.slots

    def submit(
        self,
        spec: RunSpec,
        graph: GraphData,
        workspace: str,
        *,
        newcomer: bool = False,
        split: LinkSplit | None = None,
        start: Continuation | None = None,
    ) -> str:
        """Queue a run and return its id.

        Parameters
        ----------
        spec, graph : RunSpec, GraphData
        workspace : str
            Of the visitor; visitors take turns.
        newcomer : bool
            Whether nothing tells this visitor from others who are here for the first time: all of them take
            turns as if they were one.
        split : LinkSplit, optional
            Held-out pairs to use instead of drawing them.
        start : Continuation, optional
            The run to go on with, from :func:`vgae_core.runs.store.resuming.continuation`.

        Raises
        ------
        RunError
            If too many runs wait already, the visitor keeps too many, or the disk is full.
        LimitError
            If this host has not the memory that the run needs.
        """
        if self._workers.is_closed:
            raise RunError("The server is stopping.")
        if self._workers.where.address is None:
            check_memory(spec, graph.profile, self._limits.run_memory_bytes)
        with self._lock:
            self._waiting.check(workspace, newcomer=newcomer)
        run = self._store.create_run(spec, graph, workspace)
        threads = environment.operation_threads(spec, graph.profile)
        for event in () if start is None else start.history:
            run.append_event(event)
        job = Job(
            run,
            workspace,
            threads,
            newcomer=newcomer,
            split=split,
            start=None if start is None else start.start,
        )
        with self._lock:
            self._waiting.add(job)
            self._lock.notify_all()
        self.warm()
        return run.id

    def go_on(self, run: StoredRun, workspace: str, *, more_epochs: int = 0, newcomer: bool = False) -> str:
        """Queue a run that goes on with another from its last checkpoint, and return its id.

        Parameters
        ----------
        run : StoredRun
            It has ended, and stays as it is.
        workspace : str
        more_epochs : int
            See :func:`vgae_core.runs.store.resuming.continuation`.
        newcomer : bool
            See :meth:`submit`.

        Raises
        ------
        RunError, SpecError, LimitError
            As :func:`~vgae_core.runs.store.resuming.continuation` and :meth:`submit`.
        """
        start = continuation(run, more_epochs)
        return self.submit(
            start.spec, run.graph(), workspace, newcomer=newcomer, split=start.split, start=start
        )

    def cancel(self, run_id: str) -> None:
        """Ask a run to end: at once while it waits, after the step it is in while it trains."""
        with self._lock:
            job = self._waiting.remove(run_id)
            if run_id in self._active:
                self._active[run_id].cancel()
        if job is not None:
            job.run.end(Finished(reason="cancelled", message="Cancelled before it started."))

    def look_at(self, run_id: str) -> None:
        """Note that somebody looks at a run; those that nobody looks at end after a while."""
        with self._lock:
            for job in (*self._active.values(), *self._waiting.order()):
                if job.run.id == run_id:
                    job.seen = time.monotonic()

    def runs_ahead(self, run_id: str) -> int | None:
        """Return how many runs come before this one as things stand, or None if it does not wait."""
        with self._lock:
            for place, job in enumerate(self._waiting.order()):
                if job.run.id == run_id:
                    return place + len(self._active)
        return None

    def is_cancelling(self, run_id: str) -> bool:
        """Return whether the run was asked to end and has not yet."""
        with self._lock:
            return run_id in self._active and self._active[run_id].cancelled.is_set()

    def describe(self, spec: RunSpec, profile: Profile, *, timeout: float = 60.0) -> dict[str, Any]:
        """Return the layers, shapes, parameters and costs of the model a run would build.

        Waits for the worker while it starts; the answers given last are kept.

        Raises
        ------
        SpecError, RunError
            If the model cannot be built, or no worker answers within `timeout` seconds.
        """
        key = (spec.to_json(), json.dumps(profile.to_dict(), sort_keys=True))
        with self._lock:
            if key in self._descriptions:
                self._descriptions.move_to_end(key)
                return self._descriptions[key]
        self.warm()
        model: dict[str, Any] = self._workers.ask(worker.describe, spec, profile, timeout)
        with self._lock:
            self._descriptions[key] = model
            while len(self._descriptions) > 128:
                self._descriptions.popitem(last=False)
        return model

    def close(self) -> None:
        """End the workers and everything they do; runs that have not ended are marked failed."""
        with self._lock:
            if self._workers.is_closed:
                return
            waiting = self._waiting.clear()
        self._workers.close()  # whoever waits for an answer of it gets an error
        with self._lock:
            self._lock.notify_all()
        for job in waiting:
            job.fail(CLOSED)
        for lane in self._lanes:
            if lane is not threading.current_thread():
                lane.join(timeout=10)
        self._workers.drop()  # in case one was just being started

    # ------------------------------------------------------------------------ lanes
    def _add_lane(self) -> None:
        lane = threading.Thread(target=self._lane, name=f"engine lane {len(self._lanes)}", daemon=True)
        self._lanes.append(lane)
        lane.start()

    def _lane(self) -> None:
        """Take one run after the other, and keep the worker warm in between; no run ends it."""
        be_patient()
        self._try_to_be_ready()
        while (job := self._next()) is not None:
            try:
                self._perform(job)
            except (Exception, asyncio.CancelledError):
                logger.exception("Run %s ended by a fault of the engine", job.run.id)
                job.fail(
                    "The run ended because of a bug in the app; the server's log has the details. Start it again."
                )
            finally:
                with self._lock:
                    self._active.pop(job.run.id, None)
            self._try_to_be_ready()

    def _next(self) -> Job | None:
        """Wait for a run; return None when the engine closes."""
        while True:
            job = None
            with self._lock:
                if self._workers.is_closed:
                    return None
                expected, wait = self._next_run, IDLE_SECONDS
                if self._waiting and self._has_room():
                    self._next_run = None
                    job = self._waiting.take()
                    if time.monotonic() - job.seen <= self._limits.unwatched_seconds:
                        self._active[job.run.id] = job
                        return job
                elif self._waiting:
                    self._lock.wait(wait)
                    expected = None
                elif expected is not None and (wait := min(wait, expected.due - time.monotonic())) <= 0:
                    self._next_run = None
                else:
                    self._lock.wait(wait)
                    expected = None
                quiet = not self._waiting and not self._active and self.state == "ready"
                idle = quiet or self._workers.where.many
            if job is not None:
                job.run.end(
                    Finished(reason="cancelled", message="Not started: nobody was waiting for it any more.")
                )
            elif expected is not None:
                self._try_to_prepare(expected)
            elif idle:
                self._try_to_be_ready()

    def _has_room(self) -> bool:
        """Return whether another run can begin; where the workers elsewhere cannot be reached, runs wait for them."""
        if self._exchanging or (self._workers.where.address and self.state != "ready"):
            return False
        return len(self._active) < self._workers.slots

    def _perform(self, job: Job) -> None:
        """Send one run to a worker, keep what it tells, and note how it ended."""
        self._workers.choose_threads(job.threads)
        try:
            job.begin()
            cluster = self._ensure()
            outcome = cluster.execute(
                job,
                overstays=self._overstays,
                ending_seconds=self._limits.ending_seconds,
                closing=lambda: self._workers.is_closed,
            )
            if "error" in outcome:
                raise RunError(outcome["error"], where=outcome["where"], mend=outcome["mend"])
            result = result_from_parts(outcome["documents"], outcome["arrays"])
        except ClosingError:
            job.fail(CLOSED)
        except StudioError as error:
            if isinstance(error, StuckError) and not self._workers.where.many:
                self._workers.drop()
            job.fail(" ".join(filter(None, [job.stopped, str(error)])))
        else:
            if job.stopped and result.finished.reason == "cancelled":
                ended = dataclasses.replace(result.finished, message=job.stopped)
                result = dataclasses.replace(result, finished=ended)
            job.run.keep(result)

    def _overstays(self, job: Job) -> str:
        """Return why a run at work has to end now, empty if it may go on."""
        with self._lock:
            return job.overstays(self._limits, others_wait=self._waiting.any_beside(job))

    # ---------------------------------------------------------------------- workers
    def _ensure(self) -> Cluster:
        """Return warm workers, with a lane for each."""
        return self._grow(self._workers.ensure())

    def _grow(self, cluster: Cluster) -> Cluster:
        """Have a lane for each worker, and one more that looks after those who come and go."""
        with self._lock:
            room, self._room = self._room, cluster.pool.slots
            for _ in range(self._room + self._workers.where.many - len(self._lanes)):
                self._add_lane()
            if self._room > room:  # else lanes that look after the workers would wake each other without end
                self._lock.notify_all()
        return cluster

    def _try_to_be_ready(self) -> None:
        if not self._looking.acquire(blocking=False):
            return  # another lane does
        try:
            self._store.endings.catch_up()
            self._grow(self._workers.refresh())
            if self._workers.are_worn:
                self._exchange_worn()
        except (Exception, asyncio.CancelledError) as error:
            if self._workers.where.address and isinstance(error, RunError):
                return  # the engine's state says so, and the next look connects again
            if not self._workers.is_closed:  # told to the user by the run that needs it
                logger.exception("The worker is not ready")
        finally:
            self._looking.release()

    def _exchange_worn(self) -> None:
        """Start workers afresh that have grown; no run is at work, and none begins meanwhile."""
        with self._lock:
            if self._active:
                return
            self._exchanging = True
        try:
            self._grow(self._workers.exchange_worn())
        finally:
            with self._lock:
                self._exchanging = False
                self._lock.notify_all()

    def _try_to_prepare(self, expected: Expected) -> None:
        try:
            self._workers.prepare(expected)
        except (Exception, asyncio.CancelledError):
            if not self._workers.is_closed:  # the run will do without
                logger.exception("A run could not be prepared")


def _close_at_exit(engine: Engine) -> None:
    reference = weakref.ref(engine)

    def close() -> None:
        if (living := reference()) is not None:
            living.close()

    atexit.register(close)
