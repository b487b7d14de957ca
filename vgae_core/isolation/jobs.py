"""Start a task in a child process, look how far it is, take its result or its error."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vgae_core.errors import DataError, LimitError, RunError, StudioError
from vgae_core.host import limits as installation
from vgae_core.isolation.exchange import ERRORS, load_arrays, save_arrays
from vgae_core.isolation.queue import Child, ChildLimits, room
from vgae_core.isolation.tasks import TASKS, ProgressCallback

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """How far a job is: `fraction` in [0, 1], a message, and whether the child has ended."""

    fraction: float
    message: str
    done: bool


class Job:
    """A child that works or waits for its turn; made by :func:`start`. Forgetting it kills the child and its folder."""

    def __init__(self, task: str, child: Child) -> None:
        self.task = task
        self._child = child
        self._progress = Progress(0.0, "Starting", False)
        self._outcome: tuple[dict[str, np.ndarray], dict[str, Any]] | StudioError | None = None
        self._close = weakref.finalize(self, _dispose, child)

    def poll(self) -> Progress:
        """Return how far the job is, or how many come before it; kills it when its time is up. Never blocks."""
        if self._outcome is not None:
            return Progress(1.0, self._progress.message, True)
        ahead = room.ahead(self._child)
        if ahead:
            return Progress(0.0, f"Queued: {ahead} task{'s' * (ahead > 1)} before this one", False)
        process = self._child.process
        if process is None:
            self._fail(self._not_started("the system could start no process"))
            return Progress(1.0, self._progress.message, True)
        done = process.poll() is not None
        if not done and time.monotonic() > self._child.deadline:
            self._fail(self._timeout())
            done = True
        else:
            self._progress = _last_progress(self._child.folder, self._progress)
        return Progress(1.0 if done else self._progress.fraction, self._progress.message, done)

    def result(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Wait for the child and return its arrays and its JSON object.

        Raises
        ------
        StudioError
            Of the kind the task raised; LimitError if the child ran into a limit; DataError
            if it died of anything else; RunError if it was cancelled.
        """
        if self._outcome is None:
            try:
                process = room.wait(self._child)
                process.wait(timeout=max(0.0, self._child.deadline - time.monotonic()))
            except OSError as error:
                if self._outcome is None:  # it was not cancelled meanwhile
                    self._fail(self._not_started(str(error.strerror)))
            except subprocess.TimeoutExpired:
                self._fail(self._timeout())
            else:
                try:
                    self._outcome = self._collect()
                except StudioError as error:
                    self._outcome = error
                self._close()
        if self._outcome is None:  # pragma: no cover - set on every path above
            raise RunError("No result.", where=self.task)
        if isinstance(self._outcome, StudioError):
            raise self._outcome
        return self._outcome

    def cancel(self) -> None:
        """Kill the child; :meth:`result` then raises RunError. Does nothing once a result is there."""
        if self._outcome is None:
            self._fail(RunError("Cancelled.", where=self.task))

    def _fail(self, error: StudioError) -> None:
        self._outcome = error
        self._close()

    def _not_started(self, why: str) -> RunError:
        return RunError(
            f"The task could not be started: {why}.", where=self.task, mend="Try again in a moment."
        )

    def _timeout(self) -> LimitError:
        return LimitError(
            f"Took longer than the limit of {self._child.limits.seconds:g} s and was stopped.",
            where=self.task,
            mend="Use smaller data, or raise VGAE_STUDIO_LIMIT_CHILD_SECONDS on your own machine.",
        )

    def _collect(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        folder, process = self._child.folder, self._child.process
        if process is None:
            raise RunError("The task was not started.", where=self.task)
        code = process.returncode
        failure = folder / "error.json"
        if failure.exists():
            failed = json.loads(failure.read_text("utf-8"))
            kind = ERRORS.get(failed["kind"], DataError)
            raise kind(failed["message"], where=failed["where"], mend=failed["mend"])
        output = folder / "output.json"
        if code == 0 and output.exists():
            finished = json.loads(output.read_text("utf-8"))
            return load_arrays(folder, "output", finished["arrays"]), finished["values"]
        stderr = (folder / "stderr").read_text("utf-8", "replace")[-2000:]
        _log.error("Child of task %s ended with code %s: %s", self.task, code, stderr)
        raise _death(self.task, code, stderr, self._child.limits)


def start(
    task: str,
    *,
    arrays: Mapping[str, np.ndarray] | None = None,
    options: Mapping[str, Any] | None = None,
    limits: ChildLimits | None = None,
) -> Job:
    """Start a task of :data:`TASKS` in a child process, as soon as there is room for it.

    All children of this process together are bounded in number and memory
    (:class:`vgae_core.host.limits.ServerLimits`); the others queue in the order they came.

    Parameters
    ----------
    task : str
        Key of :data:`TASKS`.
    arrays : mapping of str to ndarray
        Handed over as npy; no object arrays.
    options : mapping
        Handed over as JSON.
    limits : ChildLimits
        What the child may use.

    Returns
    -------
    Job

    Raises
    ------
    KeyError
        If no task has that name.
    LimitError
        If too many tasks are waiting.
    RunError
        If the system can start no process, or the disk is full.
    """
    if task not in TASKS:
        raise KeyError(f"Unknown task: {task!r}. Known: {', '.join(sorted(TASKS))}.")
    from vgae_core.host import scratch  # not before: the child imports this module too, and needs no folder

    limits = limits or ChildLimits()
    try:
        folder = scratch.folder("task-")
    except OSError as error:
        raise RunError(f"The task could not be started: {error.strerror}.", where=task) from error
    try:
        request = {
            "arrays": save_arrays(folder, "input", arrays or {}),
            "target": TASKS[task],
            "options": dict(options or {}),
            "memory_bytes": limits.memory_bytes,
            "seconds": limits.seconds,
        }
        (folder / "input.json").write_text(json.dumps(request), "utf-8")
        child = Child(folder, limits)
        room.enter(child, installation.SERVER_LIMITS)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise RunError(f"The task could not be started: {error.strerror}.", where=task) from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Job(task, child)


def call(
    task: str,
    *,
    arrays: Mapping[str, np.ndarray] | None = None,
    options: Mapping[str, Any] | None = None,
    limits: ChildLimits | None = None,
    progress: ProgressCallback | None = None,
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Start a task, wait for it and return its result; see :func:`start` and :meth:`Job.result`.

    `progress` is called as ``progress(fraction, message)`` about ten times a second.
    """
    job = start(task, arrays=arrays, options=options, limits=limits)
    try:
        if progress is not None:
            while not (state := job.poll()).done:
                progress(state.fraction, state.message)
                time.sleep(0.1)
        return job.result()
    except BaseException:
        job.cancel()
        raise


def _dispose(child: Child) -> None:
    process = child.process
    if process is not None and process.poll() is None:
        process.kill()
        process.wait()
    room.leave(child)
    shutil.rmtree(child.folder, ignore_errors=True)


def _last_progress(folder: Path, before: Progress) -> Progress:
    try:
        with open(folder / "progress.jsonl", "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 4096))
            lines = file.read().split(b"\n")[:-1]  # the last piece may be half written
        if lines:
            latest = json.loads(lines[-1])
            return Progress(min(1.0, max(0.0, float(latest["fraction"]))), str(latest["message"]), False)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return before  # not written yet
    return before


def _death(task: str, code: int, stderr: str, limits: ChildLimits) -> StudioError:
    """Return what to tell the user about a child that ended without a word."""
    memory = LimitError(
        f"Needs more memory than the limit of {limits.memory_bytes / 1e6:,.0f} MB for this step.",
        where=task,
        mend="Use smaller data, or raise VGAE_STUDIO_LIMIT_CHILD_MEMORY_BYTES on your own machine.",
    )
    if sys.platform != "win32" and code < 0:
        import signal

        name = signal.Signals(-code).name
        if name in ("SIGXCPU", "SIGALRM"):
            return LimitError(
                f"Took longer than the limit of {limits.seconds:g} s and was stopped.",
                where=task,
                mend="Use smaller data, or raise VGAE_STUDIO_LIMIT_CHILD_SECONDS on your own machine.",
            )
        if name in ("SIGKILL", "SIGABRT") or "alloc" in stderr.lower():
            return memory
        return DataError(
            f"The process working on it crashed ({name}).",
            where=task,
            mend="The file is probably damaged: save it again and retry.",
        )
    if any(
        sign in stderr for sign in ("MemoryError", "bad_alloc", "Cannot allocate", "failed to map segment")
    ):
        return memory
    return DataError(
        f"The process working on it ended without a result (code {code}).",
        where=task,
        mend="Try again; the log has the details.",
    )
