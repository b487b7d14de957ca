"""A connection to workers, of our own or elsewhere by address: who is there, what they have, and runs sent to them."""

from __future__ import annotations

import json
import logging
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from distributed import Client, Future, KilledWorker

from vgae_core import scratch
from vgae_core.data.arrays import graph_to_arrays
from vgae_core.data.dataset import GraphData
from vgae_core.data.splits import PARTS
from vgae_core.errors import RunError
from vgae_core.runs import worker
from vgae_core.runs.local_cluster import TRAIN, end_local, start_local
from vgae_core.runs.turns import Job, Overstays
from vgae_core.runs.versions import differences, versions
from vgae_core.runs.where import Where
from vgae_core.settings import RunSpec
from vgae_core.training.checkpoints import CHECKPOINT_SECONDS

logger = logging.getLogger(__name__)

RECYCLE_ABOVE_BYTES = 1200 * 2**20
"""Resident memory above which an idle worker is started afresh: TensorFlow gives little back."""

START_SECONDS = 180.0
"""Patience with a worker that starts or warms up; one that died is noticed at once."""

DIED = "The worker process died in the middle of the run (out of memory?)."
DIED_MEND = "Run it again, with a smaller batch or latent size if it happens twice."
DIED_EARLY = "The worker process ended while it started."

CONNECT_SECONDS = 5.0
"""Patience with a scheduler elsewhere that does not answer."""

LOOK_SECONDS = 2.0
"""How often a run looks whether its worker is still there; the same worker started again does not know the run."""

KEPT_DATA = 2
"""Data sets kept on each worker."""

_TOPIC = "vgae-studio"
_ON_THE_WAY = ("pending", "finished")


class ClosingError(Exception):
    """The engine closes."""


class StuckError(RunError):
    """A run did not end when it was asked to."""


class LostError(RunError):
    """The workers elsewhere cannot be reached (any more)."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"The workers at {address} cannot be reached.",
            mend="The app goes on and connects again as soon as their scheduler answers.",
        )


class Cluster:
    """A connection to workers, local or remote, and the data they have.

    Parameters
    ----------
    where : Where
        Workers elsewhere, or how many of our own are started.
    threads : int
        Threads that an operation of our own worker is shared out among. TensorFlow reads it when it is loaded.

    Raises
    ------
    LostError
        If no scheduler answers at the address.
    """

    def __init__(self, where: Where, threads: int) -> None:
        self._where, self._threads = where, threads
        # Nobody else may read where the scheduler listens, nor what its processes leave on disk.
        self._folder = None if where.address else scratch.folder("cluster-")
        self._local = (
            None if self._folder is None else start_local(threads, str(self._folder), where.local_workers)
        )
        patience = START_SECONDS if self._local is not None else CONNECT_SECONDS
        try:
            self.client = Client(
                where.address or self._local, set_as_default=False, timeout=patience, name="studio"
            )
            self._scheduler = self._identity()["id"]
        except BaseException as error:
            if self._local is not None:
                self._local.close()
            if where.address and isinstance(error, OSError):
                raise LostError(where.address) from error
            raise
        self._jobs: dict[str, Job] = {}
        self._data: OrderedDict[tuple[str, str], Future] = OrderedDict()
        self._ahead: tuple[str, str, Future, str] | None = None
        self._lock = threading.Lock()
        self._warmed: dict[str, str] = {}
        self._refused: dict[str, str] = {}
        self._busy: set[str] = set()
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
                    if part is self._local:
                        end_local(part)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    # --------------------------------------------------------------------- warming
    @property
    def is_alive(self) -> bool:
        """Whether the connection to the scheduler stands."""
        return self.client.status == "running"

    def suits(self, threads: int) -> bool:
        """Return whether the workers have so many threads for an operation, or are not to be exchanged for that."""
        return self._where.many or self._threads == threads

    def is_warm(self) -> bool:
        """Return whether the worker there is now was warmed; of several, whether one of them was."""
        if not (self.is_alive and self._warmed):
            return False
        try:
            trainers = self._trainers()
        except Exception as error:
            logger.warning("The scheduler does not answer: %s", error)
            return False
        if not self._where.many:
            return trainers == self._warmed
        self._warmed = {a: i for a, i in self._warmed.items() if trainers.get(a) == i}
        return bool(self._warmed)

    def welcome(self) -> None:
        """Warm those workers that have come since; others may train meanwhile."""
        if set(self._trainers().items()) - set((self._warmed | self._refused).items()):
            self.warm()

    def warm(self) -> None:
        """Wait for a worker, and let every new one import TensorFlow and train a tiny model.

        Raises
        ------
        RunError
            If none comes that trains, a worker of ours dies meanwhile, or all those elsewhere have other versions.
        """
        end = time.monotonic() + START_SECONDS
        while not (trainers := self._trainers()):
            self._check_nannies()
            if time.monotonic() > end:
                raise RunError("No worker offers the resource train=1.")
            time.sleep(0.1)
        new = {a: i for a, i in trainers.items() if self._warmed.get(a) != i and self._refused.get(a) != i}
        why = ""
        for address in list(new) if self._local is None else ():
            why = self._unlike(address) or why
            if why:
                logger.error("Worker %s is not used: %s", address, why)
                self._refused[address] = new.pop(address)
        futures = {address: self._on(address, worker.warm) for address in new}
        ready = {a: i for a, i in self._warmed.items() if trainers.get(a) == i}
        for address, future in futures.items():
            try:
                self._await(address, trainers[address], future, end)
            except RunError:
                if not self._where.many:
                    raise
                logger.exception("Worker %s did not get warm", address)
            else:
                logger.info("Worker %s warm after %.1f s", address, future.result(timeout=START_SECONDS))
                ready[address] = trainers[address]
        if not ready:
            raise RunError(why or DIED_EARLY)
        self._warmed = ready

    def _await(self, address: str, identity: str, future: Future, end: float) -> None:
        while not future.done():  # a task for a worker that is gone would wait for ever
            self._check_nannies()
            if self._trainers().get(address) != identity:
                raise RunError(DIED_EARLY)
            if time.monotonic() > end:
                raise RunError(f"The worker was not ready after {START_SECONDS:.0f} s.")
            time.sleep(0.1)

    def _unlike(self, address: str) -> str:
        """Return why a worker elsewhere cannot be used, empty if it can."""
        try:
            theirs = self._on(address, worker.versions).result(timeout=START_SECONDS)
        except Exception as error:
            cause = (
                error.__cause__ or error
            )  # where the package is missing, Dask says only that it cannot read the task
            first = (str(cause).strip().splitlines() or [""])[0]
            return (
                f"The worker at {address}, or its scheduler, cannot run this app: {type(cause).__name__}: "
                f"{first:.200}. Both need the same checkout on their Python path."
            )
        other = differences(versions(), theirs)
        return (
            f"The worker at {address} has other versions: {other}. Install the same there." if other else ""
        )

    def _on(self, address: str, task: Callable[..., Any], *arguments: Any, **more: Any) -> Future:
        """Let one worker do a task that trains, beside no other of that kind."""
        return self.client.submit(
            task,
            *arguments,
            workers=[address],
            resources=TRAIN,
            pure=False,
            retries=0,
            allow_other_workers=False,
            **more,
        )

    def _check_nannies(self) -> None:
        """Raise RunError if a process that looks after a worker of ours has ended, or the scheduler has."""
        if not self.is_alive:
            raise self._lost(DIED_EARLY)
        for nanny in () if self._local is None else self._local.workers.values():
            if nanny.process is None or nanny.process.returncode is not None:
                raise RunError(DIED_EARLY)

    def _lost(self, message: str, mend: str = "") -> RunError:
        """Return what to raise where the scheduler is gone: `message` if it was ours."""
        return LostError(self._where.address) if self._where.address else RunError(message, mend=mend)

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

        Raises
        ------
        LostError, RunError
            If the scheduler does not answer, or another one does.
        """
        try:
            identity = self._identity()
        except Exception as error:
            if self._where.address is None:
                raise
            raise LostError(self._where.address) from error
        if identity["id"] != self._scheduler:  # started afresh: it knows nothing of us
            raise self._lost(DIED_EARLY)
        workers = identity["workers"].items()
        return {address: w["server_id"] for address, w in workers if w["resources"].get("train", 0) >= 1}

    def _identity(self) -> dict[str, Any]:
        def identity(dask_scheduler: Any) -> dict[str, Any]:
            workers = dask_scheduler.workers.values()
            return {
                "id": str(dask_scheduler.id),
                "workers": {
                    w.address: {"server_id": w.server_id, "resources": dict(w.resources)} for w in workers
                },
            }

        return self.client.sync(
            self.client._run_on_scheduler,
            identity,
            callback_timeout=CONNECT_SECONDS if self._where.address else None,
        )

    # ------------------------------------------------------------------------ runs
    def prepare(self, spec: RunSpec, graph: GraphData) -> None:
        """Let a worker prepare a run, unless that is the one it prepared last."""
        key = spec.to_json(), graph.fingerprint
        if self._ahead is not None and self._ahead[:2] == key and self._ahead[2].status in _ON_THE_WAY:
            return
        address = next(iter(self._warmed))
        data = self._send(graph.fingerprint, lambda: graph, address)
        # Before or after a run, never beside one.
        self._ahead = (*key, self._on(address, worker.prepare, *key, data), address)

    def _take_worker(self, spec_json: str, fingerprint: str, closing: Callable[[], bool]) -> tuple[str, str]:
        """Return address and identity of a free worker, that which prepared the run if it is among them."""
        while not closing():
            with self._lock:
                free = [address for address in self._warmed if address not in self._busy]
                ahead, self._ahead = self._ahead, None  # used now, or put aside
                if free:
                    address = free[0]
                    if ahead is not None and ahead[:2] == (spec_json, fingerprint) and ahead[3] in free:
                        address = ahead[3]
                    self._busy.add(address)
                    return address, self._warmed[address]
            if not self.is_warm():
                raise self._lost(DIED, DIED_MEND)
            time.sleep(0.1)
        raise ClosingError

    def execute(
        self, job: Job, *, overstays: Overstays, ending_seconds: float, closing: Callable[[], bool]
    ) -> dict[str, Any]:
        """Run one job to its end and return what the worker returned.

        Whatever happens here, the worker does not go on with it.

        Raises
        ------
        RunError
            If the worker died, or what it tells cannot be written.
        LostError
            If the workers elsewhere cannot be reached any more.
        StuckError
            If the run was asked to end and did not within `ending_seconds`.
        ClosingError
            If `closing` returns True.
        """
        run = job.run
        spec_json, fingerprint = run.spec.to_json(), run.dataset["fingerprint"]
        address, identity = self._take_worker(spec_json, fingerprint, closing)
        self._jobs[run.id] = job
        future: Future | None = None
        try:
            future = self._on(
                address,
                worker.run,
                run.id,
                _TOPIC,
                spec_json,
                fingerprint,
                self._send(fingerprint, run.graph, address),
                None if job.split is None else {part: getattr(job.split, part) for part in PARTS},
                job.start,
                CHECKPOINT_SECONDS,
                key=f"run-{run.id}",
            )
            asked = 0.0
            looked = fetched = time.monotonic()
            while not future.done():
                job.drain(timeout=0.05)
                if closing():
                    raise ClosingError
                if not self.is_alive:
                    raise self._lost(DIED, DIED_MEND)
                if time.monotonic() - looked > LOOK_SECONDS:
                    looked = time.monotonic()
                    self._check_there(address, identity)
                if time.monotonic() - fetched > CHECKPOINT_SECONDS:
                    fetched = time.monotonic()
                    self._fetch_checkpoint(job, address)
                if not job.cancelled.is_set() and (why := overstays(job)):
                    job.cancel(why)
                # Asked again now and then: a run may not have reached its worker the first time.
                if job.cancelled.is_set() and time.monotonic() - asked > 1.0:
                    asked = time.monotonic()
                    self._ask_to_stop(run.id)
                    if asked - job.asked_to_end > ending_seconds:
                        self._end_worker(address)
                        raise StuckError("The run did not end when it was asked to, so its worker was ended.")
            return self._outcome(future, job)
        except BaseException:
            if future is not None and not future.done() and not closing() and self.is_alive:
                self._abandon(run.id, future)
            raise
        finally:
            self._jobs.pop(run.id, None)
            with self._lock:
                self._busy.discard(address)

    def _fetch_checkpoint(self, job: Job, address: str) -> None:
        """Bring a run's last checkpoint here, where it outlives the worker."""
        try:
            found = self.client.run(worker.checkpoint, job.run.id, job.checkpointed, workers=[address])
        except Exception:
            logger.exception("No checkpoint came of run %s", job.run.id)  # the run's future tells if it died
            return
        arrays = found.get(address)
        end = time.monotonic() + 2
        while arrays is not None and job.epoch < int(arrays["epochs"][0]) and time.monotonic() < end:
            job.drain(timeout=0.05)  # its epochs are on their way
        job.keep_checkpoint(arrays)

    def _end_worker(self, address: str) -> None:
        """Let one of several workers be started afresh by its nanny."""
        if self._where.many:
            try:
                self.client.restart_workers([address], timeout=START_SECONDS)
            except Exception:
                logger.exception("Worker %s could not be ended", address)

    def _check_there(self, address: str, identity: str) -> None:
        """Raise RunError if a worker has gone, or the scheduler does not answer."""
        if self._trainers().get(address) != identity:
            raise RunError(DIED, mend=DIED_MEND)

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
            if self._where.address:  # cancelled where the connection breaks, or the worker goes with its data
                if not self.is_alive:
                    raise self._lost(DIED)
                self._trainers()
            raise RunError(DIED, mend=DIED_MEND)
        outcome: dict[str, Any] = future.result(timeout=START_SECONDS)
        end = time.monotonic() + 5
        while job.received < outcome["sent"] and time.monotonic() < end:
            job.drain(timeout=0.05)
        if job.received < outcome["sent"]:
            logger.warning("Run %s: %d of %d events arrived", job.run.id, job.received, outcome["sent"])
        self._note_memory()
        job.keep_checkpoint(outcome["checkpoint"])
        return outcome

    def _note_memory(self) -> None:
        if self._local is None:
            return
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

    def _send(self, fingerprint: str, graph: Callable[[], GraphData], address: str) -> Future:
        """Return the data set on a worker, sent once while it lives."""
        with self._lock:
            future = self._data.pop((address, fingerprint), None)
            if future is None or future.status != "finished":
                arrays = graph_to_arrays(graph())
                # In a list, because the entries of a bare dict would be scattered one by one.
                (future,) = self.client.scatter(
                    [arrays], workers=[address], hash=False, direct=self._local is not None or None
                )
            self._data[address, fingerprint] = future
            there = [key for key in self._data if key[0] == address]
            for key in there[:-KEPT_DATA]:
                del self._data[key]
            return future

    def _receive(self, event: tuple[float, str]) -> None:
        run_id, lines = json.loads(event[1])
        if (job := self._jobs.get(run_id)) is not None:
            job.inbox.put(lines)
