"""Whose run comes next: visitors take turns, however many runs each of them starts."""

from __future__ import annotations

import contextlib
import copy
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from vgae_core.data.splits import LinkSplit
from vgae_core.errors import RunError
from vgae_core.host.limits import ServerLimits
from vgae_core.runs.disk.event_log import parse_event
from vgae_core.runs.store.resuming import split_arrays
from vgae_core.runs.store.stored_run import StoredRun
from vgae_core.training.events import EpochEnd, Finished

log = logging.getLogger(__name__)

NEWCOMERS = "newcomers"
"""The one visitor that all browsers are together which have not shown their cookie yet, or refuse it."""


class Job:
    """A run on its way through the engine.

    Parameters
    ----------
    run : StoredRun
    workspace : str
        Of the visitor who started it.
    threads : int
        Threads that an operation of it is shared out among.
    newcomer : bool
        Whether the visitor's browser has not shown its cookie yet.
    split : LinkSplit, optional
        Held-out pairs to use instead of drawing them.
    start : mapping of str to ndarray, optional
        A checkpoint to go on from.
    """

    def __init__(
        self,
        run: StoredRun,
        workspace: str,
        threads: int,
        *,
        newcomer: bool = False,
        split: LinkSplit | None = None,
        start: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self.split, self.start = split, start
        self.epoch = 0 if start is None else int(start["epochs"][0])
        """The last epoch that was written."""
        self.checkpointed = 0
        """Epochs of the last checkpoint that was kept."""
        self.run = run
        self.workspace = workspace
        self.threads = threads
        self.newcomer = newcomer
        self.cancelled = threading.Event()
        self.stopped = ""
        """Why the server ended it, empty if it did not."""
        self.inbox: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
        self.received = 0
        self.began = self.asked_to_end = 0.0
        """When it left the queue, and when it was asked to end, on the monotonic clock."""
        self.seen = time.monotonic()
        """When somebody last looked at it."""

    @property
    def visitor(self) -> str:
        """Who takes turns with others: a workspace, or all newcomers together."""
        return NEWCOMERS if self.newcomer else self.workspace

    def begin(self) -> None:
        """Note that the run left the queue."""
        self.began = time.monotonic()
        self.run.set_running()

    def cancel(self, why: str = "") -> None:
        """Ask the run to end; with `why` if it was not its visitor's wish."""
        if not self.cancelled.is_set():
            self.stopped, self.asked_to_end = why, time.monotonic()
            self.cancelled.set()

    def keep_checkpoint(self, arrays: Mapping[str, np.ndarray] | None) -> None:
        """Write a checkpoint into the run's folder, unless there is none or epochs before it are not written yet.

        A full disk only costs the checkpoint.
        """
        if arrays is None or self.epoch < int(arrays["epochs"][0]):
            return
        try:
            self.run.save_checkpoint({**arrays, **split_arrays(self.split)})
        except RunError as error:
            log.warning("A checkpoint of run %s could not be written: %s", self.run.id, error)
        else:
            self.checkpointed = int(arrays["epochs"][0])

    def fail(self, message: str) -> None:
        """Note that the run failed."""
        seconds = time.monotonic() - self.began if self.began else 0.0
        self.run.end(Finished(reason="failed", message=message, seconds=seconds))

    def overstays(self, limits: ServerLimits, *, others_wait: bool) -> str:
        """Return why the run has to end now, empty if it may go on."""
        now = time.monotonic()
        kept = "The best weights so far are evaluated and kept."
        if others_wait and now - self.began > limits.turn_seconds:
            return f"Stopped after {_span(limits.turn_seconds)} because another visitor's run was waiting. {kept}"
        if now - self.began > limits.run_seconds:
            return f"Stopped after {_span(limits.run_seconds)}, the time limit of this server. {kept}"
        if now - self.seen > limits.unwatched_seconds:
            return f"Stopped because nobody had viewed it for {_span(limits.unwatched_seconds)}. {kept}"
        return ""

    def drain(self, *, timeout: float) -> None:
        """Keep the events that have arrived, waiting up to `timeout` seconds for the first.

        Raises
        ------
        RunError
            If they cannot be written.
        """
        with contextlib.suppress(queue.Empty):
            lines = self.inbox.get(timeout=timeout)
            while True:
                for line in lines:
                    event = parse_event(line)
                    # The end is appended by the engine, once the result is on disk.
                    if not isinstance(event, Finished):
                        self.run.append_event(event)
                    if isinstance(event, EpochEnd):
                        self.epoch = event.epoch
                self.received += len(lines)
                lines = self.inbox.get_nowait()


class _Rounds:
    """Start-time fair queueing of whoever has a key, one run a round.

    References
    ----------
    Goyal, Vin & Cheng 1996, Start-time Fair Queuing, SIGCOMM.
    """

    def __init__(self) -> None:
        self._now = 0
        self._next: dict[str, int] = {}

    def of(self, keys: Sequence[str]) -> list[int]:
        """Return the round of each of those who wait, given in the order they came."""
        rounds, following = [], dict(self._next)
        for key in keys:
            rounds.append(max(self._now, following.get(key, 0)))
            following[key] = rounds[-1] + 1
        return rounds

    def take(self, key: str) -> None:
        """Note that the turn of `key` begins."""
        (self._now,) = self.of([key])
        self._next = {k: n for k, n in self._next.items() if n > self._now}
        self._next[key] = self._now + 1


class Turns:
    """The runs that wait. Visitors take turns; newcomers share one turn and take theirs within it.

    Not locked: its owner is.

    Parameters
    ----------
    limits : ServerLimits
        How many runs may wait.
    """

    def __init__(self, limits: ServerLimits) -> None:
        self._limits = limits
        self._jobs: list[Job] = []
        self._visitors, self._newcomers = _Rounds(), _Rounds()

    def __len__(self) -> int:
        """Return how many runs wait."""
        return len(self._jobs)

    def check(self, workspace: str, *, newcomer: bool) -> None:
        """Raise RunError if another run of this visitor may not wait."""
        limits, later = self._limits, "Try again later."
        if len(self) >= limits.waiting_runs:
            raise RunError(f"{len(self)} runs are waiting already.", mend=later)
        mine = sum(job.workspace == workspace for job in self._jobs)
        if mine >= limits.waiting_runs_of_one:
            raise RunError(f"{mine} of your runs are waiting already.", mend="Wait for one, or cancel one.")
        new = sum(job.newcomer for job in self._jobs)
        if newcomer and new >= limits.waiting_runs_of_newcomers:
            raise RunError(
                f"{new} runs of first-time visitors are waiting already.",
                mend="Try again later. If your browser accepts cookies, reload the page: it then counts as a "
                "returning visitor.",
            )

    def add(self, job: Job) -> None:
        """Let a run wait."""
        self._jobs.append(job)

    def remove(self, run_id: str) -> Job | None:
        """Take a run out and return it, or None if it does not wait."""
        job = next((job for job in self._jobs if job.run.id == run_id), None)
        if job is not None:
            self._jobs.remove(job)
        return job

    def order(self) -> list[Job]:
        """Return the runs in the order in which they will be taken unless others come: taken on a copy."""
        rest = copy.copy(self)
        rest._jobs = list(self._jobs)
        rest._visitors, rest._newcomers = copy.copy(self._visitors), copy.copy(self._newcomers)
        return [rest.take() for _ in range(len(self))]

    def take(self) -> Job:
        """Take the run whose turn it is."""
        rounds = self._visitors.of([job.visitor for job in self._jobs])
        first = self._jobs[rounds.index(min(rounds))]  # of the same round who came first
        if first.newcomer:
            new = [job for job in self._jobs if job.newcomer]
            among = self._newcomers.of([job.workspace for job in new])
            first = new[among.index(min(among))]
            self._newcomers.take(first.workspace)
        self._visitors.take(first.visitor)
        self._jobs.remove(first)
        return first

    def any_beside(self, job: Job) -> bool:
        """Return whether a run of another visitor waits."""
        return any(other.workspace != job.workspace for other in self._jobs)

    def clear(self) -> list[Job]:
        """Take all runs out and return them."""
        jobs, self._jobs = self._jobs, []
        return jobs


def _span(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


Overstays = Callable[[Job], str]
"""Why a run has to end now, empty if it may go on."""
