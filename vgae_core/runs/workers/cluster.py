"""Runs sent to workers: the data they need, the events they tell, and how they end."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from distributed import Future, KilledWorker

from vgae_core.data.arrays import graph_to_arrays
from vgae_core.data.dataset import GraphData
from vgae_core.data.splits import PARTS
from vgae_core.errors import RunError
from vgae_core.runs.workers import worker
from vgae_core.runs.workers.turns import Job, Overstays
from vgae_core.runs.workers.where import Where
from vgae_core.runs.workers.worker_pool import DIED, DIED_MEND, START_SECONDS, WorkerPool
from vgae_core.settings import RunSpec
from vgae_core.training.checkpoints import CHECKPOINT_SECONDS

logger = logging.getLogger(__name__)

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


class Cluster:
    """A pool of workers, the runs they work on and the data they have.

    Parameters are those of :class:`WorkerPool`.
    """

    def __init__(self, where: Where, threads: int) -> None:
        self.pool = WorkerPool(where, threads)
        self._jobs: dict[str, Job] = {}
        self._data: OrderedDict[tuple[str, str], Future] = OrderedDict()
        self._ahead: tuple[str, str, Future, str] | None = None
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self.pool.client.subscribe_topic(_TOPIC, self._receive)

    def prepare(self, spec: RunSpec, graph: GraphData) -> None:
        """Let a worker prepare a run, unless that is the one it prepared last."""
        key = spec.to_json(), graph.fingerprint
        if self._ahead is not None and self._ahead[:2] == key and self._ahead[2].status in _ON_THE_WAY:
            return
        address = next(iter(self.pool.warmed))
        data = self._send(graph.fingerprint, lambda: graph, address)
        # Before or after a run, never beside one.
        self._ahead = (*key, self.pool.submit(address, worker.prepare, *key, data), address)

    def _take_worker(self, spec_json: str, fingerprint: str, closing: Callable[[], bool]) -> tuple[str, str]:
        """Return address and identity of a free worker, that which prepared the run if it is among them."""
        while not closing():
            with self._lock:
                free = [address for address in self.pool.warmed if address not in self._busy]
                ahead, self._ahead = self._ahead, None  # used now, or put aside
                if free:
                    address = free[0]
                    if ahead is not None and ahead[:2] == (spec_json, fingerprint) and ahead[3] in free:
                        address = ahead[3]
                    self._busy.add(address)
                    return address, self.pool.warmed[address]
            if not self.pool.is_warm():
                raise self.pool.lost(DIED, DIED_MEND)
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
            future = self.pool.submit(
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
                if not self.pool.is_alive:
                    raise self.pool.lost(DIED, DIED_MEND)
                if time.monotonic() - looked > LOOK_SECONDS:
                    looked = time.monotonic()
                    self.pool.check_there(address, identity)
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
                        self.pool.end(address)
                        raise StuckError("The run did not stop when asked to, so its worker was ended.")
            return self._outcome(future, job)
        except BaseException:
            if future is not None and not future.done() and not closing() and self.pool.is_alive:
                self._abandon(run.id, future)
            raise
        finally:
            self._jobs.pop(run.id, None)
            with self._lock:
                self._busy.discard(address)

    def _fetch_checkpoint(self, job: Job, address: str) -> None:
        """Bring a run's last checkpoint here, where it outlives the worker."""
        try:
            answers = self.pool.client.run(worker.checkpoint, job.run.id, job.checkpointed, workers=[address])
        except Exception:
            logger.exception("No checkpoint came of run %s", job.run.id)  # the run's future tells if it died
            return
        arrays = answers.get(address)
        end = time.monotonic() + 2
        while arrays is not None and job.epoch < int(arrays["epochs"][0]) and time.monotonic() < end:
            job.drain(timeout=0.05)  # its epochs are on their way
        job.keep_checkpoint(arrays)

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
                raise RunError("The run could not be sent to the worker.", mend="Start it again.")
            if (
                not self.pool.is_ours
            ):  # cancelled where the connection breaks, or the worker goes with its data
                if not self.pool.is_alive:
                    raise self.pool.lost(DIED)
                self.pool.trainers()
            raise RunError(DIED, mend=DIED_MEND)
        outcome: dict[str, Any] = future.result(timeout=START_SECONDS)
        end = time.monotonic() + 5
        while job.received < outcome["sent"] and time.monotonic() < end:
            job.drain(timeout=0.05)
        if job.received < outcome["sent"]:
            logger.warning("Run %s: %d of %d events arrived", job.run.id, job.received, outcome["sent"])
        self.pool.note_memory()
        job.keep_checkpoint(outcome["checkpoint"])
        return outcome

    def _ask_to_stop(self, run_id: str) -> None:
        try:
            self.pool.client.run(worker.stop, run_id)
        except Exception:
            logger.exception("The worker could not be told to stop")  # the run's future tells if it died

    def _send(self, fingerprint: str, graph: Callable[[], GraphData], address: str) -> Future:
        """Return the data set on a worker, sent once while it lives."""
        with self._lock:
            future = self._data.pop((address, fingerprint), None)
            if future is None or future.status != "finished":
                arrays = graph_to_arrays(graph())
                # In a list, because the entries of a bare dict would be scattered one by one.
                (future,) = self.pool.client.scatter(
                    [arrays], workers=[address], hash=False, direct=self.pool.is_ours or None
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
