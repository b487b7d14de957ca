"""The worker processes: a local Dask cluster of one, or workers elsewhere by address."""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.config
from distributed import Client, Future, KilledWorker
from distributed.deploy.subprocess import SubprocessCluster

from vgae_core import scratch
from vgae_core.data.arrays import graph_to_arrays
from vgae_core.data.dataset import GraphData
from vgae_core.data.limits import SERVER_LIMITS
from vgae_core.data.splits import PARTS
from vgae_core.errors import RunError
from vgae_core.runs import environment, watchdog, worker
from vgae_core.runs.turns import Job, Overstays
from vgae_core.settings import RunSpec

logger = logging.getLogger(__name__)

RECYCLE_ABOVE_BYTES = 1200 * 2**20
"""Resident memory above which an idle worker is started afresh: TensorFlow gives little back."""

START_SECONDS = 180.0
"""Patience with a worker that starts or warms up; one that died is noticed at once."""

DIED = "The worker process died in the middle of the run (out of memory?)."
DIED_MEND = "Run it again, with a smaller batch or latent size if it happens twice."
DIED_EARLY = "The worker process ended while it started."

_TOPIC = "vgae-studio"
_TRAIN = {"train": 1}
_ON_THE_WAY = ("pending", "finished")


class ClosingError(Exception):
    """The engine closes."""


class StuckError(RunError):
    """A run did not end when it was asked to."""


class Cluster:
    """A connection to workers, local or remote, and the data they have.

    Parameters
    ----------
    address : str, optional
        Of workers elsewhere; one of our own is started unless given.
    threads : int
        Threads that an operation of our own worker is shared out among. TensorFlow reads it when it is loaded.
    """

    def __init__(self, address: str | None, threads: int) -> None:
        self._threads = threads
        # Nobody else may read where the scheduler listens, nor what its processes leave on disk.
        self._folder = None if address else scratch.folder("cluster-")
        self._local = None if self._folder is None else _start_local(threads, str(self._folder))
        try:
            self.client = Client(
                address or self._local, set_as_default=False, timeout=START_SECONDS, name="studio"
            )
        except BaseException:
            if self._local is not None:
                self._local.close()
            raise
        self._jobs: dict[str, Job] = {}
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

    @property
    def is_local(self) -> bool:
        """Whether the workers are ours to start and end."""
        return self._local is not None

    def close(self) -> None:
        """Let go of the workers, and end them if they are ours."""
        for part in (self.client, self._local):
            if part is not None:
                try:
                    part.close(timeout=10)
                except Exception:
                    logger.exception("The cluster did not close in order")
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

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
        """Wait for a worker, and let every new one import TensorFlow and train a tiny model.

        Raises
        ------
        RunError
            If a worker of ours dies meanwhile, or none comes that trains.
        """
        end = time.monotonic() + START_SECONDS
        while not (trainers := self._trainers()):
            self._check_nannies()
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
            while not future.done():  # a task for a worker that is gone would wait for ever
                self._check_nannies()
                if self._trainers().get(address) != trainers[address]:
                    raise RunError(DIED_EARLY)
                if time.monotonic() > end:
                    raise RunError(f"The worker was not ready after {START_SECONDS:.0f} s.")
                time.sleep(0.1)
            logger.info("Worker %s warm after %.1f s", address, future.result(timeout=START_SECONDS))
        self._warmed = trainers

    def _check_nannies(self) -> None:
        """Raise RunError if a process that looks after a worker of ours has ended, or the scheduler has."""
        if not self.is_alive:
            raise RunError(DIED_EARLY)
        for nanny in () if self._local is None else self._local.workers.values():
            if nanny.process is None or nanny.process.returncode is not None:
                raise RunError(DIED_EARLY)

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
        if self._ahead is not None and self._ahead[:2] == key and self._ahead[2].status in _ON_THE_WAY:
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

    def execute(
        self, job: Job, *, overstays: Overstays, ending_seconds: float, closing: Callable[[], bool]
    ) -> dict[str, Any]:
        """Run one job to its end and return what the worker returned.

        Whatever happens here, the worker does not go on with it.

        Raises
        ------
        RunError
            If the worker died, or what it tells cannot be written.
        StuckError
            If the run was asked to end and did not within `ending_seconds`.
        ClosingError
            If `closing` returns True.
        """
        run = job.run
        self._jobs[run.id] = job
        future: Future | None = None
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
                None if job.split is None else {part: getattr(job.split, part) for part in PARTS},
                resources=_TRAIN,
                key=f"run-{run.id}",
                pure=False,
                retries=0,
            )
            asked = 0.0
            while not future.done():
                job.drain(timeout=0.05)
                if closing():
                    raise ClosingError
                if not self.is_alive:
                    raise RunError(DIED, mend=DIED_MEND)
                if not job.cancelled.is_set() and (why := overstays(job)):
                    job.cancel(why)
                # Asked again now and then: a run may not have reached its worker the first time.
                if job.cancelled.is_set() and time.monotonic() - asked > 1.0:
                    asked = time.monotonic()
                    self._ask_to_stop(run.id)
                    if asked - job.asked_to_end > ending_seconds:
                        raise StuckError("The run did not end when it was asked to, so its worker was ended.")
            return self._outcome(future, job)
        except BaseException:
            if future is not None and not future.done() and not closing() and self.is_alive:
                self._abandon(run.id, future)
            raise
        finally:
            self._jobs.pop(run.id, None)

    def _abandon(self, run_id: str, future: Future) -> None:
        """Let the worker end a run whose outcome nobody takes."""
        self._ask_to_stop(run_id)
        try:
            future.cancel()  # not begun yet: it never will
        except Exception:
            logger.exception("Run %s could not be taken back", run_id)

    def _outcome(self, future: Future, job: Job) -> dict[str, Any]:
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


def _start_local(threads: int, private: str) -> Any:
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
            "scheduler_file": os.path.join(private, "scheduler.json"),
        },
        worker_kwargs={
            "resources": _TRAIN,
            "dashboard": False,
            # Above it the nanny ends the worker, not the kernel the server.
            "memory_limit": SERVER_LIMITS.run_memory_bytes,
            "local_directory": private,
            "preload_nanny": [*preload, environment.__name__],
            "env": {**environment.variables(threads), "TMPDIR": private},
            "config": dask.config.merge(defaults, {"distributed": ours}),
        },
        silence_logs=logging.ERROR,
    )
