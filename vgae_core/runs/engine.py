"""Runs and their workers: one queue, one run at a time in each worker process.

By default a local cluster of one worker process is started; with an address the same
runs go to that cluster.  Data are sent once by content, events stream back, and results
are returned: no shared disk is assumed, and this process is the only writer of the
runs' folders.

The workers of a cluster given by address must offer the resource ``train=1`` and have
at least two threads, so that a model can be described while another is trained::

    dask worker ADDRESS --nworkers 1 --nthreads 2 --resources "train=1"
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import logging
import os
import queue
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import dask.config
from distributed import Client, Future, KilledWorker
from distributed.deploy.subprocess import SubprocessCluster
from distributed.system import MEMORY_LIMIT

from vgae_core.data.arrays import graph_to_arrays
from vgae_core.data.dataset import GraphData, Profile
from vgae_core.errors import RunError, StudioError
from vgae_core.nn.budget import BASE_MIB, estimate
from vgae_core.runs import environment, watchdog, worker
from vgae_core.runs.folder import parse_event, result_from_parts
from vgae_core.runs.store import Store, StoredRun
from vgae_core.spec import RunSpec, candidates
from vgae_core.training.events import Finished

logger = logging.getLogger(__name__)

State = Literal["cold", "starting", "ready", "failed", "closed"]

MAX_WAITING = 20
"""Runs that may wait in all."""

MAX_WAITING_OF_ONE = 5
"""Runs of one workspace that may wait."""

RECYCLE_ABOVE_BYTES = 1200 * 2**20
"""Resident memory above which an idle worker is started afresh: TensorFlow gives little back."""

AHEAD_SECONDS = 0.5
"""Estimated time of an epoch up to which a run is prepared before anyone starts it."""

AHEAD_MIB = 100.0
"""Estimated memory up to which that is done."""

START_SECONDS = 180.0
"""Patience with a worker that starts or warms up."""

EXCHANGE_SECONDS = 30.0
"""How often a worker may be exchanged for a run that nobody has started yet."""

IDLE_SECONDS = 2.0
"""How often an idle engine looks whether its worker is still the one it warmed."""

DIED = "The worker process died in the middle of the run (out of memory?)."
DIED_MEND = "Run it again, with a smaller batch or latent size if it happens twice."
CLOSED = "The server stopped before the run ended. Run it again."

_TOPIC = "vgae-studio"
_TRAIN = {"train": 1}
_HELD = ("pending", "finished")


class Engine:
    """The queue of runs and the worker processes that execute them.

    Parameters
    ----------
    store : Store
        Where runs are kept.
    address : str, optional
        A Dask scheduler, ``"tcp://host:port"``; a local cluster of one worker unless given.
    """

    def __init__(self, store: Store, address: str | None = None) -> None:
        self._store = store
        self._address = address
        self._lock = threading.Condition()
        self._waiting: list[_Job] = []
        self._active: dict[str, _Job] = {}
        self._next_run: _Expected | None = None
        self._lanes: list[threading.Thread] = []
        self._cluster: _Cluster | None = None
        self._threads = 1  # an operation of our worker is shared out among; a newcomer's graph is small
        self._exchanged = -EXCHANGE_SECONDS
        self._ensuring = threading.Lock()
        self._descriptions: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()
        self._phase: State = "cold"
        self.problem = ""
        """Why the state is ``"failed"``."""
        _close_at_exit(self)

    # -------------------------------------------------------------------- for pages
    @property
    def state(self) -> State:
        """``"cold"``, ``"starting"``, ``"ready"``, ``"failed"`` (the next run tries again), ``"closed"``."""
        return self._phase

    def warm(self) -> None:
        """Start the worker in the background; returns at once, and again costs nothing."""
        with self._lock:
            if self._lanes or self._phase == "closed":
                return
            self._phase = "starting"
            self._add_lane()

    def prepare(self, spec: RunSpec, graph: GraphData, *, after: float = 0.0) -> None:
        """Let an idle worker build the model of a run that may be started soon, so that it starts sooner.

        Returns at once; the run's numbers are the same without.  A worker keeps one such model, and none
        that is large: for those it is only exchanged for one with the threads that the run will take.
        Where a recipe is to be chosen, it is the model of the first one tried.

        Parameters
        ----------
        spec, graph : RunSpec, GraphData
            The run that may come.
        after : float
            Seconds to wait first; another call meanwhile takes this one's place.
        """
        with self._lock:
            if self._address or self._phase in ("failed", "closed") or self._active or self._waiting:
                return
            first = spec
            if spec.recipe == "auto":
                first = next(iter(candidates(spec, has_features=graph.features is not None).values()))
            cost = estimate(first, graph.profile, parameters=0)
            small = cost["seconds_per_epoch"] < AHEAD_SECONDS and cost["memory_mib"] < BASE_MIB + AHEAD_MIB
            self._next_run = _Expected(spec, graph, small, time.monotonic() + after)
            self._lock.notify_all()

    def submit(self, spec: RunSpec, graph: GraphData, workspace: str) -> str:
        """Queue a run and return its id.

        Raises
        ------
        RunError
            If too many runs wait already.
        """
        if self._phase == "closed":
            raise RunError("The server is stopping.")
        with self._lock:
            if len(self._waiting) >= MAX_WAITING:
                raise RunError(f"{len(self._waiting)} runs are waiting already.", mend="Try again later.")
            mine = sum(job.workspace == workspace for job in self._waiting)
            if mine >= MAX_WAITING_OF_ONE:
                raise RunError(
                    f"{mine} of your runs are waiting already.", mend="Wait for one, or cancel one."
                )
        run = self._store.create_run(spec, graph, workspace)
        with self._lock:
            self._waiting.append(_Job(run, workspace, environment.operation_threads(spec, graph.profile)))
            self._lock.notify_all()
        self.warm()
        return run.id

    def cancel(self, run_id: str) -> None:
        """Ask a run to end: at once while it waits, after the step it is in while it trains."""
        with self._lock:
            job = next((j for j in self._waiting if j.run.id == run_id), None)
            if job is not None:
                self._waiting.remove(job)
            elif run_id in self._active:
                self._active[run_id].cancelled.set()
        if job is not None:
            job.run.append_event(Finished(reason="cancelled", message="Cancelled before it began."))

    def is_active(self, run_id: str) -> bool:
        """Return whether the run waits or works in this engine."""
        with self._lock:
            return run_id in self._active or any(job.run.id == run_id for job in self._waiting)

    def runs_ahead(self, run_id: str) -> int | None:
        """Return how many runs come before this one, or None if it does not wait."""
        with self._lock:
            for place, job in enumerate(self._waiting):
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
        model: dict[str, Any] = self._ask(worker.describe, spec, profile, timeout)
        with self._lock:
            self._descriptions[key] = model
            while len(self._descriptions) > 128:
                self._descriptions.popitem(last=False)
        return model

    def script(self, spec: RunSpec, profile: Profile, *, timeout: float = 60.0) -> str:
        """Return the equivalent script of a run (:func:`vgae_core.runs.script.equivalent_script`), from the worker.

        Raises
        ------
        SpecError, RunError
            If there is no such script, or no worker answers within `timeout` seconds.
        """
        return str(self._ask(worker.script, spec, profile, timeout))

    def _ask(
        self, task: Callable[..., dict[str, Any]], spec: RunSpec, profile: Profile, timeout: float
    ) -> Any:
        """Return what a worker answers to a question about a specification."""
        end = time.monotonic() + timeout
        while True:
            cluster = self._ready(end - time.monotonic())
            try:
                future = cluster.client.submit(task, spec.to_json(), profile.to_dict(), pure=False, retries=1)
                answer = future.result(timeout=max(0.1, end - time.monotonic()))
            except (Exception, asyncio.CancelledError) as error:
                if cluster is not self._cluster and not self._is_closed():
                    continue  # exchanged meanwhile: the next one is asked
                raise RunError("The worker gave no answer.", mend="Try again in a moment.") from error
            return _unless_error(answer)["answer"]

    def close(self) -> None:
        """End the workers and everything they do; runs that have not ended are marked failed."""
        with self._lock:
            if self._phase == "closed":
                return
            self._phase = "closed"
            waiting, self._waiting = self._waiting, []
            self._lock.notify_all()
        for job in waiting:
            job.fail(CLOSED)
        self._drop_cluster()  # whoever waits for an answer of it gets an error
        for lane in self._lanes:
            if lane is not threading.current_thread():
                lane.join(timeout=10)
        self._drop_cluster()  # in case one was just being started

    # ------------------------------------------------------------------------ lanes
    def _add_lane(self) -> None:
        lane = threading.Thread(target=self._lane, name=f"engine lane {len(self._lanes)}", daemon=True)
        self._lanes.append(lane)
        lane.start()

    def _lane(self) -> None:
        """Take one run after the other, and keep the worker warm in between."""
        self._try_to_be_ready()
        while (job := self._next()) is not None:
            try:
                self._perform(job)
            except Exception:
                logger.exception("Run %s ended by a fault of the engine", job.run.id)
                job.fail("The run ended by a fault of the server, whose log says more. Run it again.")
            finally:
                with self._lock:
                    self._active.pop(job.run.id, None)
            self._try_to_be_ready()

    def _next(self) -> _Job | None:
        """Wait for a run; return None when the engine closes."""
        while True:
            with self._lock:
                if self._phase == "closed":
                    return None
                if self._waiting:
                    self._next_run = None
                    job = self._waiting.pop(0)
                    self._active[job.run.id] = job
                    return job
                expected, wait = self._next_run, IDLE_SECONDS
                if expected is not None:
                    wait = min(wait, expected.due - time.monotonic())
                if wait > 0:
                    self._lock.wait(wait)
                    expected = None
                else:
                    self._next_run = None
                idle = not self._waiting and not self._active and self._phase == "ready"
            if expected is not None:
                self._try_to_prepare(expected)
            elif idle:
                self._try_to_be_ready()

    def _perform(self, job: _Job) -> None:
        """Send one run to a worker, keep what it tells, and note how it ended."""
        job.run.set_running()
        self._threads = job.threads
        try:
            cluster = self._ensure()
            outcome = cluster.execute(job, closing=lambda: self._phase == "closed")
        except StudioError as error:
            outcome = {"error": error.message, "where": error.where, "mend": error.mend}
        except _ClosedError:
            job.fail(CLOSED)
            return
        if "error" in outcome:
            job.fail(str(StudioError(outcome["error"], where=outcome["where"], mend=outcome["mend"])))
            return
        result = result_from_parts(outcome["documents"], outcome["arrays"])
        job.run.save_result(result)
        job.run.append_event(result.finished)

    # ---------------------------------------------------------------------- workers
    def _try_to_be_ready(self) -> None:
        try:
            cluster = self._ensure()
            if cluster.is_worn:
                self._enter("starting")
                cluster.recycle()
                self._ensure()
        except (Exception, asyncio.CancelledError):
            if self._phase != "closed":  # told to the user by the run that needs it
                logger.exception("The worker is not ready")

    def _try_to_prepare(self, expected: _Expected) -> None:
        threads = environment.operation_threads(expected.spec, expected.graph.profile)
        if threads != self._threads:
            if time.monotonic() < self._exchanged + EXCHANGE_SECONDS:
                return  # two visitors with graphs of different sizes would have it exchanged at every click
            self._threads, self._exchanged = threads, time.monotonic()
        try:
            cluster = self._ensure()
            if expected.small:
                cluster.prepare(expected.spec, expected.graph)
        except (Exception, asyncio.CancelledError):
            if self._phase != "closed":  # the run will do without
                logger.exception("A run could not be prepared")

    def _ready(self, timeout: float) -> _Cluster:
        """Return the cluster once its worker is warm."""
        self.warm()
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            cluster = self._cluster
            if self._phase == "ready" and cluster is not None:
                return cluster
            if self._phase in ("failed", "closed"):
                raise RunError(self.problem or CLOSED)
            time.sleep(0.05)
        raise RunError("The worker is still starting.", mend="Try again in a moment.")

    def _ensure(self) -> _Cluster:
        """Return a cluster whose workers are warm, starting what is not there.

        Raises
        ------
        RunError
            If it cannot be started, or the engine closes.
        """
        with self._ensuring:
            cluster = self._cluster
            if cluster is not None and cluster.suits(self._threads) and cluster.is_warm():
                self._enter("ready")
                return cluster
            self._enter("starting")
            try:
                cluster = self._start()
            except (Exception, asyncio.CancelledError) as error:
                self._drop_cluster()
                if self._is_closed():
                    raise RunError(CLOSED) from error
                logger.exception("The worker could not be started")
                self._enter("failed", f"The worker could not be started: {error}")
                raise RunError(self.problem, mend="The server's log says more.") from error
            self._enter("ready")
        with self._lock:
            for _ in range(cluster.slots - len(self._lanes)):
                self._add_lane()
        return cluster

    def _start(self) -> _Cluster:
        """Start a cluster unless one lives, and warm its new workers."""
        if self._is_closed():
            raise RunError(CLOSED)
        cluster = self._cluster
        if cluster is not None and not (cluster.is_alive and cluster.suits(self._threads)):
            self._drop_cluster()
            cluster = None
        if cluster is None:
            cluster = _Cluster(self._address, self._threads)
            with self._lock:
                self._cluster = cluster
            if self._is_closed():  # meanwhile
                self._drop_cluster()
                raise RunError(CLOSED)
        cluster.warm()
        return cluster

    def _is_closed(self) -> bool:
        return self._phase == "closed"

    def _enter(self, phase: State, problem: str = "") -> None:
        with self._lock:
            if self._phase != "closed":  # which is for ever
                self._phase, self.problem = phase, problem

    def _drop_cluster(self) -> None:
        with self._lock:
            cluster, self._cluster = self._cluster, None
        if cluster is not None:
            cluster.close()


class _Expected(NamedTuple):
    """A run that may be started soon."""

    spec: RunSpec
    graph: GraphData
    small: bool
    """Whether its model is built ahead."""
    due: float
    """When to prepare it, on the monotonic clock."""


class _ClosedError(Exception):
    """The engine closes."""


class _Job:
    """A run on its way through the engine."""

    def __init__(self, run: StoredRun, workspace: str, threads: int) -> None:
        self.run = run
        self.workspace = workspace
        self.threads = threads
        self.cancelled = threading.Event()
        self.inbox: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
        self.received = 0
        self.began = time.time()

    def fail(self, message: str) -> None:
        """Note that the run failed."""
        seconds = max(0.0, time.time() - self.began)
        self.run.append_event(Finished(reason="failed", message=message, seconds=seconds))

    def drain(self, *, timeout: float) -> None:
        """Keep the events that have arrived, waiting up to `timeout` seconds for the first."""
        with contextlib.suppress(queue.Empty):
            lines = self.inbox.get(timeout=timeout)
            while True:
                for line in lines:
                    event = parse_event(line)
                    # The end is appended by the engine, once the result is on disk.
                    if not isinstance(event, Finished):
                        self.run.append_event(event)
                self.received += len(lines)
                lines = self.inbox.get_nowait()


class _Cluster:
    """A connection to workers, local or remote, and the data they hold.

    Parameters
    ----------
    address : str, optional
        Of workers elsewhere; one of our own is started unless given.
    threads : int
        Threads that an operation of our own worker is shared out among. TensorFlow reads it when it is loaded.
    """

    def __init__(self, address: str | None, threads: int) -> None:
        self._threads = threads
        self._local = None if address else _start_local(threads)
        try:
            self.client = Client(
                address or self._local, set_as_default=False, timeout=START_SECONDS, name="studio"
            )
        except BaseException:
            if self._local is not None:
                self._local.close()
            raise
        self._jobs: dict[str, _Job] = {}
        self._data: OrderedDict[str, Future] = OrderedDict()
        self._ahead: tuple[str, str, Future] | None = None
        self._lock = threading.Lock()
        self._warmed: dict[str, str] = {}
        self._worn: set[str] = set()
        self.client.subscribe_topic(_TOPIC, self._receive)

    @property
    def slots(self) -> int:
        """Runs that can work at the same time."""
        return max(1, len(self._warmed))

    def close(self) -> None:
        """Let go of the workers, and end them if they are ours."""
        for part in (self.client, self._local):
            if part is not None:
                try:
                    part.close(timeout=10)
                except Exception:
                    logger.exception("The cluster did not close in order")

    # --------------------------------------------------------------------- warming
    @property
    def is_alive(self) -> bool:
        """Whether the scheduler is there."""
        return self.client.status == "running"

    def suits(self, threads: int) -> bool:
        """Return whether the workers have so many threads for an operation, or are not ours to choose."""
        return self._local is None or self._threads == threads

    def is_warm(self) -> bool:
        """Return whether the workers there are now are those that were warmed."""
        if not (self.is_alive and self._warmed):
            return False
        try:
            return self._trainers() == self._warmed
        except Exception:
            logger.exception("The scheduler does not answer")
            return False

    def warm(self) -> None:
        """Wait for a worker, and let every new one import TensorFlow and train a tiny model."""
        self.client.wait_for_workers(1, timeout=START_SECONDS)
        end = time.monotonic() + START_SECONDS
        while not (trainers := self._trainers()):
            if time.monotonic() > end:
                raise RunError("No worker offers the resource train=1.")
            time.sleep(0.1)
        futures = {
            address: self.client.submit(
                worker.warm,
                workers=[address],
                resources=_TRAIN,
                pure=False,
                retries=0,
                allow_other_workers=False,
            )
            for address, identity in trainers.items()
            if self._warmed.get(address) != identity
        }
        for address, future in futures.items():
            logger.info("Worker %s warm after %.1f s", address, future.result(timeout=START_SECONDS))
        self._warmed = trainers

    @property
    def is_worn(self) -> bool:
        """Whether a worker of ours has grown so much that it should be started afresh."""
        return self._local is not None and bool(self._worn)

    def recycle(self) -> None:
        """Start the workers afresh that have grown."""
        worn, self._worn = sorted(self._worn & set(self._trainers())), set()
        if worn:
            self.client.restart_workers(worn, timeout=START_SECONDS)

    def _trainers(self) -> dict[str, str]:
        """Return address and identity of each worker that trains, as the scheduler knows them now.

        The client's own copy of this is seconds old, and a worker started afresh is another one.
        """

        def trainers(dask_scheduler: Any) -> dict[str, str]:
            workers = dask_scheduler.workers.values()
            return {w.address: w.server_id for w in workers if w.resources.get("train", 0) >= 1}

        return self.client.run_on_scheduler(trainers)

    # ------------------------------------------------------------------------ runs
    def prepare(self, spec: RunSpec, graph: GraphData) -> None:
        """Let the worker prepare a run, unless that is the one it prepared last."""
        key = spec.to_json(), graph.fingerprint
        if self._ahead is not None and self._ahead[:2] == key and self._ahead[2].status in _HELD:
            return
        future = self.client.submit(
            worker.prepare,
            *key,
            self._send(graph.fingerprint, lambda: graph),
            resources=_TRAIN,  # before or after a run, never beside one
            pure=False,
            retries=0,
        )
        self._ahead = (*key, future)

    def execute(self, job: _Job, *, closing: Any) -> dict[str, Any]:
        """Run one job to its end and return what the worker returned.

        Raises
        ------
        RunError
            If the worker died.
        """
        run = job.run
        self._jobs[run.id] = job
        try:
            self._ahead = None  # used now, or put aside
            fingerprint = run.dataset["fingerprint"]
            data = self._send(fingerprint, run.graph)
            future = self.client.submit(
                worker.run,
                run.id,
                _TOPIC,
                run.spec.to_json(),
                fingerprint,
                data,
                resources=_TRAIN,
                key=f"run-{run.id}",
                pure=False,
                retries=0,
            )
            asked = 0.0
            while not future.done():
                job.drain(timeout=0.05)
                if closing():
                    raise _ClosedError
                if not self.is_alive:
                    raise RunError(DIED, mend=DIED_MEND)
                # Asked again now and then: a run may not have reached its worker the first time.
                if job.cancelled.is_set() and time.monotonic() - asked > 1.0:
                    asked = time.monotonic()
                    self._ask_to_stop(run.id)
            return self._outcome(future, job)
        finally:
            self._jobs.pop(run.id, None)

    def _outcome(self, future: Future, job: _Job) -> dict[str, Any]:
        if future.status != "finished":
            problem = future.exception(timeout=10) if future.status == "error" else None
            logger.error("Run %s: its task is %s (%r)", job.run.id, future.status, problem)
            if problem is not None and not isinstance(problem, KilledWorker):
                raise RunError("The run could not be sent to the worker.", mend="Run it again.")
            raise RunError(DIED, mend=DIED_MEND)
        outcome: dict[str, Any] = future.result(timeout=START_SECONDS)
        end = time.monotonic() + 5
        while job.received < outcome["sent"] and time.monotonic() < end:
            job.drain(timeout=0.05)
        if job.received < outcome["sent"]:
            logger.warning("Run %s: %d of %d events arrived", job.run.id, job.received, outcome["sent"])
        self._note_memory()
        return outcome

    def _note_memory(self) -> None:
        try:
            resident = self.client.run(worker.resident_bytes)
        except Exception:
            logger.exception("No worker told its memory")
            return
        self._worn |= {name for name, size in resident.items() if size > RECYCLE_ABOVE_BYTES}

    def _ask_to_stop(self, run_id: str) -> None:
        try:
            self.client.run(worker.stop, run_id)
        except Exception:
            logger.exception("The worker could not be told to stop")  # the run's future tells if it died

    def _send(self, fingerprint: str, graph: Callable[[], GraphData]) -> Future:
        """Return the data set on the workers, sent once while they live."""
        with self._lock:
            future = self._data.pop(fingerprint, None)
            if future is None or future.status != "finished":
                arrays = graph_to_arrays(graph())
                # In a list, because the entries of a bare dict would be scattered one by one.
                (future,) = self.client.scatter([arrays], hash=False, direct=self._local is not None or None)
            self._data[fingerprint] = future
            while len(self._data) > 2:
                self._data.popitem(last=False)
            return future

    def _receive(self, event: tuple[float, str]) -> None:
        run_id, lines = json.loads(event[1])
        if (job := self._jobs.get(run_id)) is not None:
            job.inbox.put(lines)


def _start_local(threads: int) -> Any:
    """Start scheduler, nanny and worker as processes of their own, on this machine only."""
    root = str(Path(__file__).resolve().parents[2])
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if root not in paths:  # for the children, which are started from any folder
        os.environ["PYTHONPATH"] = os.pathsep.join([root, *filter(None, paths)])
    os.environ[watchdog.SERVER] = str(os.getpid())
    preload = [watchdog.__name__]
    # A worker that spills or pauses would look hung: it is ended at the limit, or not at all.
    # Dask's own sampling of what a worker does would only cost time here.
    ours = {
        "worker": {
            "memory": {"target": False, "spill": False, "pause": False},
            "profile": {"enabled": False},
        },
        "admin": {"system-monitor": {"gil": {"enabled": False}}},
    }
    defaults = {"distributed": dask.config.get("distributed")}  # a nanny merges one level deep only
    return SubprocessCluster(
        host="127.0.0.1",
        n_workers=1,
        threads_per_worker=2,  # one trains, one describes models meanwhile
        scheduler_kwargs={
            "dashboard": False,
            "dashboard_address": "127.0.0.1:0",
            "allowed_failures": 0,  # a run that kills its worker is not tried again
            "preload": preload,
        },
        worker_kwargs={
            "resources": _TRAIN,
            "dashboard": False,
            # The rest is for the server; above it the nanny ends the worker, not the kernel the server.
            "memory_limit": int(0.8 * MEMORY_LIMIT),
            "preload_nanny": [*preload, environment.__name__],
            "env": environment.variables(threads),
            "config": dask.config.merge(defaults, {"distributed": ours}),
        },
        silence_logs=logging.ERROR,
    )


def _unless_error(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    if "error" in answer:
        raise RunError(answer["error"], where=answer["where"], mend=answer["mend"])
    return answer


def _close_at_exit(engine: Engine) -> None:
    reference = weakref.ref(engine)

    def close() -> None:
        if (living := reference()) is not None:
            living.close()

    atexit.register(close)
