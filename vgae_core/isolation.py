"""One function in a bounded child process: what a hostile file breaks is the child, never the app.

The child gets its arguments and gives its results through files without pickle (npy and
JSON) in a private temporary folder. On POSIX its memory and processor time are bounded by
the kernel; its wall time is bounded everywhere.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vgae_core.errors import DataError, LimitError, RunError, SpecError, StudioError

if TYPE_CHECKING:
    from vgae_core.data.limits import ServerLimits

TASKS: dict[str, str] = {
    "bundle": "vgae_core.runs.bundle_checks:check_task",
    "read": "vgae_core.data.readers:read_task",
    "look": "vgae_core.data.readers:look_task",
    "node_columns": "vgae_core.runs.export:node_columns_task",
    "project": "vgae_core.analysis.projection:project_task",
    "recommended": "vgae_core.analysis.entries:recommended_task",
    "missing_links": "vgae_core.analysis.rankings:rank_links_task",
}
"""What a child may run: name → ``"module:function"``."""

ProgressCallback = Callable[[float, str], None]
Task = Callable[
    [dict[str, np.ndarray], dict[str, Any], ProgressCallback], tuple[dict[str, np.ndarray], dict[str, Any]]
]

_ERRORS: dict[str, type[StudioError]] = {
    kind.__name__: kind for kind in (SpecError, DataError, LimitError, RunError)
}
_ROOT = Path(__file__).resolve().parent.parent
# Settings of the app may hold secrets: the child sees only what starting Python needs.
_ENVIRONMENT = (
    "PATH", "HOME", "LANG", "LC_ALL", "SYSTEMROOT", "PYTHONPATH", "VIRTUAL_ENV",
    "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_CACHE_DIR", "NUMBA_NUM_THREADS",
)  # fmt: skip
_LOOK_SECONDS = 0.02
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ChildLimits:
    """What one child process may use.

    Parameters
    ----------
    memory_bytes : int
        Address space beyond what the child's code takes once it is loaded (POSIX only).
    seconds : float
        Wall time; processor time is bounded by the same number for each core.
    """

    memory_bytes: int = 1_500_000_000
    seconds: float = 120.0

    def __post_init__(self) -> None:
        if self.memory_bytes < 1 or self.seconds <= 0:
            raise SpecError(f"Limits of a child must be positive. Received: {self}.")


@dataclass(frozen=True)
class Progress:
    """How far a job is: `fraction` in [0, 1], a message, and whether the child has ended."""

    fraction: float
    message: str
    done: bool


class _Child:
    """A child process that runs, or waits until there is room for it."""

    def __init__(self, folder: Path, limits: ChildLimits) -> None:
        self.folder = folder
        self.limits = limits
        self.process: subprocess.Popen[bytes] | None = None
        self.deadline = 0.0
        """When it is ended, on the monotonic clock."""

    def launch(self) -> None:
        """Start the process; its time begins now."""
        environment = {key: os.environ[key] for key in _ENVIRONMENT if key in os.environ}
        # What a child that is killed leaves behind goes with the folder.
        environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self.folder))
        with open(self.folder / "stderr", "wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "vgae_core.isolation", str(self.folder)],
                cwd=_ROOT,  # the package is found from here, whatever the parent's folder
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,  # a Ctrl-C in the terminal ends the app first
            )
        self.deadline = time.monotonic() + self.limits.seconds


class _Room:
    """Lets children start in the order they came, as many as there are places and memory for."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a job may be forgotten, and its child leave, at any line
        self._waiting: list[_Child] = []
        self._working: list[_Child] = []

    def enter(self, child: _Child, sharing: ServerLimits) -> None:
        """Start a child, or let it wait.

        Raises
        ------
        LimitError
            If too many wait.
        OSError
            If it cannot be started.
        """
        with self._lock:
            self._sharing = sharing
            self._advance()
            if len(self._waiting) >= sharing.waiting_children:
                raise LimitError(
                    f"{len(self._waiting)} tasks are waiting on this server.", mend="Try again in a moment."
                )
            self._waiting.append(child)
            self._advance()

    def ahead(self, child: _Child) -> int:
        """Return how many children work or wait before this one; 0 if it does not wait."""
        with self._lock:
            self._advance()
            return self._waiting.index(child) + len(self._working) if child in self._waiting else 0

    def wait(self, child: _Child) -> subprocess.Popen[bytes]:
        """Wait until the child has been started, and return its process."""
        while True:
            with self._lock:
                self._advance()
                if child.process is not None:
                    return child.process
                if child not in self._waiting:
                    raise OSError(0, "the system could start no process")
            time.sleep(_LOOK_SECONDS)

    def leave(self, child: _Child) -> None:
        """Forget a child that ended or gave up, and start whoever comes next."""
        with self._lock:
            for children in (self._waiting, self._working):
                if child in children:
                    children.remove(child)
            self._advance()

    def _advance(self) -> None:
        """Start whom there is room for; whoever polls does it for all."""
        # A child whose parent no longer asks ends by its own alarm, and its place is free.
        self._working = [c for c in self._working if c.process is not None and c.process.poll() is None]
        while self._waiting and self._has_room(self._waiting[0]):
            child = self._waiting.pop(0)
            try:
                child.launch()
            except OSError:
                _log.exception("A child could not be started")
                continue
            self._working.append(child)

    def _has_room(self, child: _Child) -> bool:
        taken = sum(c.limits.memory_bytes for c in self._working)
        most = self._sharing.children_memory_bytes
        return not self._working or (
            len(self._working) < self._sharing.children and taken + child.limits.memory_bytes <= most
        )


_room = _Room()


class Job:
    """A child that works or waits for its turn; made by :func:`start`. Forgetting it kills the child and its folder."""

    def __init__(self, task: str, child: _Child) -> None:
        self.task = task
        self._child = child
        self._progress = Progress(0.0, "Starting", False)
        self._outcome: tuple[dict[str, np.ndarray], dict[str, Any]] | StudioError | None = None
        self._close = weakref.finalize(self, _dispose, child)

    def poll(self) -> Progress:
        """Return how far the job is, or how many come before it; kills it when its time is up. Never blocks."""
        if self._outcome is not None:
            return Progress(1.0, self._progress.message, True)
        ahead = _room.ahead(self._child)
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
                process = _room.wait(self._child)
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
            f"Took longer than the limit of {self._child.limits.seconds:g} s and was ended.",
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
            told = json.loads(failure.read_text("utf-8"))
            kind = _ERRORS.get(told["kind"], DataError)
            raise kind(told["message"], where=told["where"], mend=told["mend"])
        output = folder / "output.json"
        if code == 0 and output.exists():
            told = json.loads(output.read_text("utf-8"))
            return _load(folder, "output", told["arrays"]), told["values"]
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
    (:class:`vgae_core.data.limits.ServerLimits`); the others queue in the order they came.

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
    # Not before: the child imports this module too, and needs neither.
    from vgae_core import scratch
    from vgae_core.data import limits as installation

    limits = limits or ChildLimits()
    try:
        folder = scratch.folder("task-")
    except OSError as error:
        raise RunError(f"The task could not be started: {error.strerror}.", where=task) from error
    try:
        request = {
            "arrays": _save(folder, "input", arrays or {}),
            "target": TASKS[task],
            "options": dict(options or {}),
            "memory_bytes": limits.memory_bytes,
            "seconds": limits.seconds,
        }
        (folder / "input.json").write_text(json.dumps(request), "utf-8")
        child = _Child(folder, limits)
        _room.enter(child, installation.SERVER_LIMITS)
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


def _save(folder: Path, stem: str, arrays: Mapping[str, np.ndarray]) -> list[str]:
    """Write each array to a file of its own, which an archive would take three times as long for; return names."""
    for at, array in enumerate(arrays.values()):
        np.save(folder / f"{stem}-{at}.npy", array, allow_pickle=False)
    return list(arrays)


def _load(folder: Path, stem: str, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return what :func:`_save` wrote."""
    return {name: np.load(folder / f"{stem}-{at}.npy", allow_pickle=False) for at, name in enumerate(names)}


def _dispose(child: _Child) -> None:
    process = child.process
    if process is not None and process.poll() is None:
        process.kill()
        process.wait()
    _room.leave(child)
    shutil.rmtree(child.folder, ignore_errors=True)


def _last_progress(folder: Path, before: Progress) -> Progress:
    try:
        with open(folder / "progress.jsonl", "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 4096))
            lines = file.read().split(b"\n")[:-1]  # the last piece may be half written
        if lines:
            told = json.loads(lines[-1])
            return Progress(min(1.0, max(0.0, float(told["fraction"]))), str(told["message"]), False)
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
                f"Took longer than the limit of {limits.seconds:g} s and was ended.",
                where=task,
                mend="Use smaller data, or raise VGAE_STUDIO_LIMIT_CHILD_SECONDS on your own machine.",
            )
        if name in ("SIGKILL", "SIGABRT") or "alloc" in stderr.lower():
            return memory
        return DataError(
            f"The process that worked on it crashed ({name}).",
            where=task,
            mend="The file is probably damaged: write it anew and try again.",
        )
    if any(sign in stderr for sign in ("MemoryError", "bad_alloc", "Cannot allocate")):
        return memory
    return DataError(
        f"The process that worked on it ended without a result (code {code}).",
        where=task,
        mend="Try again; the log has the details.",
    )


# ------------------------------------------------------------------------------ in the child
def _bound(memory_bytes: int, seconds: float) -> None:
    """Let the kernel bound this process, counted from the memory its code already takes."""
    if sys.platform == "win32":
        return
    import resource
    import signal

    signal.alarm(int(seconds) + 2)  # ends the child even if the parent is gone
    cpu = int(seconds * (os.cpu_count() or 1)) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * os.sysconf("SC_PAGE_SIZE") + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _run(folder: Path) -> None:
    request = json.loads((folder / "input.json").read_text("utf-8"))
    module, _, name = request["target"].partition(":")
    task: Task = getattr(importlib.import_module(module), name)
    arrays = _load(folder, "input", request["arrays"])
    _bound(request["memory_bytes"], request["seconds"])
    with open(folder / "progress.jsonl", "w", encoding="utf-8") as told:

        def progress(fraction: float, message: str) -> None:
            told.write(json.dumps({"fraction": float(fraction), "message": message}) + "\n")
            told.flush()

        results, values = task(arrays, request["options"], progress)
    told_of = {"arrays": _save(folder, "output", results), "values": values}
    (folder / "output.json").write_text(json.dumps(told_of), "utf-8")


def main(folder: Path) -> int:
    """Run the request in `folder` and leave the result or the error there; return the exit code."""
    try:
        _run(folder)
    except StudioError as error:
        told = {
            "kind": next((k for k in (t.__name__ for t in type(error).__mro__) if k in _ERRORS), "DataError"),
            "message": error.message,
            "where": error.where,
            "mend": error.mend,
        }
        (folder / "error.json").write_text(json.dumps(told), "utf-8")
        return 1
    except BaseException:  # told to the parent by the exit code and this text
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    # The module's second copy, under its real name, shares its classes with everything imported.
    from vgae_core.isolation import main as real_main

    sys.exit(real_main(Path(sys.argv[1])))
