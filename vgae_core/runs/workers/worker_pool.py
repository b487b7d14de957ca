"""Workers, of our own or elsewhere by address: who is there, which of them are ready, and what becomes of them."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from typing import Any

from distributed import Client, Future

from vgae_core.errors import RunError
from vgae_core.host import scratch
from vgae_core.runs.processes.versions import differences, versions
from vgae_core.runs.workers import worker
from vgae_core.runs.workers.local_cluster import TRAIN, end_local, start_local
from vgae_core.runs.workers.where import Where

logger = logging.getLogger(__name__)

RECYCLE_ABOVE_BYTES = 1200 * 2**20
"""Resident memory above which an idle worker is started afresh: TensorFlow gives little back."""

START_SECONDS = 180.0
"""Patience with a worker that starts or warms up; one that died is noticed at once."""

DIED = "The worker process died during the run (out of memory?)."
DIED_MEND = "Resume or restart it; if it happens again, use a smaller batch or latent size."
DIED_EARLY = "The worker process ended during start-up."

CONNECT_SECONDS = 5.0
"""Patience with a scheduler elsewhere that does not answer."""


class LostError(RunError):
    """The workers elsewhere cannot be reached (any more)."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"The workers at {address} cannot be reached.",
            mend="The app goes on and connects again as soon as their scheduler answers.",
        )


class WorkerPool:
    """A connection to workers, local or remote: those that are ready, one run each at a time.

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
        self.warmed: dict[str, str] = {}
        """Address and identity of each worker that is ready."""
        self._refused: dict[str, str] = {}
        self._worn: set[str] = set()

    @property
    def is_ours(self) -> bool:
        """Whether the workers are processes of this machine that end with us."""
        return self._local is not None

    @property
    def slots(self) -> int:
        """Runs that can work at the same time."""
        return max(1, len(self.warmed))

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
        if not (self.is_alive and self.warmed):
            return False
        try:
            trainers = self.trainers()
        except Exception as error:
            logger.warning("The scheduler does not answer: %s", error)
            return False
        if not self._where.many:
            return trainers == self.warmed
        self.warmed = {a: i for a, i in self.warmed.items() if trainers.get(a) == i}
        return bool(self.warmed)

    def welcome(self) -> None:
        """Warm those workers that have come since; others may train meanwhile."""
        if set(self.trainers().items()) - set((self.warmed | self._refused).items()):
            self.warm()

    def warm(self) -> None:
        """Wait for a worker, and let every new one import TensorFlow and train a tiny model.

        Raises
        ------
        RunError
            If none comes that trains, a worker of ours dies meanwhile, or all those elsewhere have other versions.
        """
        end = time.monotonic() + START_SECONDS
        while not (trainers := self.trainers()):
            self._check_nannies()
            if time.monotonic() > end:
                raise RunError("No worker offers the resource train=1.")
            time.sleep(0.1)
        new = {a: i for a, i in trainers.items() if self.warmed.get(a) != i and self._refused.get(a) != i}
        why = ""
        for address in list(new) if self._local is None else ():
            why = self._unlike(address) or why
            if why:
                logger.error("Worker %s is not used: %s", address, why)
                self._refused[address] = new.pop(address)
        futures = {address: self.submit(address, worker.warm) for address in new}
        ready = {a: i for a, i in self.warmed.items() if trainers.get(a) == i}
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
        self.warmed = ready

    def _await(self, address: str, identity: str, future: Future, end: float) -> None:
        while not future.done():  # a task for a worker that is gone would wait for ever
            self._check_nannies()
            if self.trainers().get(address) != identity:
                raise RunError(DIED_EARLY)
            if time.monotonic() > end:
                raise RunError(f"The worker was not ready after {START_SECONDS:.0f} s.")
            time.sleep(0.1)

    def _unlike(self, address: str) -> str:
        """Return why a worker elsewhere cannot be used, empty if it can."""
        try:
            theirs = self.submit(address, worker.versions).result(timeout=START_SECONDS)
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
            f"The worker at {address} has other package versions: {other}. Install the same versions there."
            if other
            else ""
        )

    def submit(self, address: str, task: Callable[..., Any], *arguments: Any, **more: Any) -> Future:
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
            raise self.lost(DIED_EARLY)
        for nanny in () if self._local is None else self._local.workers.values():
            if nanny.process is None or nanny.process.returncode is not None:
                raise RunError(DIED_EARLY)

    def lost(self, message: str, mend: str = "") -> RunError:
        """Return what to raise where the scheduler is gone: `message` if it was ours."""
        return LostError(self._where.address) if self._where.address else RunError(message, mend=mend)

    @property
    def is_worn(self) -> bool:
        """Whether a worker of ours has grown so much that it should be started afresh."""
        return self._local is not None and bool(self._worn)

    def recycle(self) -> None:
        """Start the workers afresh that have grown."""
        worn, self._worn = sorted(self._worn & set(self.trainers())), set()
        if worn:
            self.client.restart_workers(worn, timeout=START_SECONDS)

    def trainers(self) -> dict[str, str]:
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
            raise self.lost(DIED_EARLY)
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

    def end(self, address: str) -> None:
        """Let one of several workers be started afresh by its nanny."""
        if self._where.many:
            try:
                self.client.restart_workers([address], timeout=START_SECONDS)
            except Exception:
                logger.exception("Worker %s could not be ended", address)

    def check_there(self, address: str, identity: str) -> None:
        """Raise RunError if a worker has gone, or the scheduler does not answer."""
        if self.trainers().get(address) != identity:
            raise RunError(DIED, mend=DIED_MEND)

    def note_memory(self) -> None:
        """Note which workers of ours have grown so much that they should be started afresh."""
        if self._local is None:
            return
        try:
            resident = self.client.run(worker.resident_bytes)
        except Exception:
            logger.exception("No worker told its memory")
            return
        self._worn |= {name for name, size in resident.items() if size > RECYCLE_ABOVE_BYTES}
