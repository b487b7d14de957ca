"""Children start in the order they came, as many as there are places and memory for."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from vgae_core.errors import LimitError, SpecError
from vgae_core.host.limits import ServerLimits

_log = logging.getLogger(__name__)
_ROOT = Path(__file__).resolve().parents[2]
# Settings of the app may hold secrets: the child sees only what starting Python needs.
_ENVIRONMENT = (
    "PATH", "HOME", "LANG", "LC_ALL", "SYSTEMROOT", "PYTHONPATH", "VIRTUAL_ENV",
    "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_CACHE_DIR", "NUMBA_NUM_THREADS",
)  # fmt: skip
_LOOK_SECONDS = 0.02


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


class Child:
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
                [sys.executable, "-m", "vgae_core.isolation.child", str(self.folder)],
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
        self._waiting: list[Child] = []
        self._working: list[Child] = []

    def enter(self, child: Child, sharing: ServerLimits) -> None:
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

    def ahead(self, child: Child) -> int:
        """Return how many children work or wait before this one; 0 if it does not wait."""
        with self._lock:
            self._advance()
            return self._waiting.index(child) + len(self._working) if child in self._waiting else 0

    def wait(self, child: Child) -> subprocess.Popen[bytes]:
        """Wait until the child has been started, and return its process."""
        while True:
            with self._lock:
                self._advance()
                if child.process is not None:
                    return child.process
                if child not in self._waiting:
                    raise OSError(0, "the system could start no process")
            time.sleep(_LOOK_SECONDS)

    def leave(self, child: Child) -> None:
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

    def _has_room(self, child: Child) -> bool:
        taken = sum(c.limits.memory_bytes for c in self._working)
        most = self._sharing.children_memory_bytes
        return not self._working or (
            len(self._working) < self._sharing.children and taken + child.limits.memory_bytes <= most
        )


room = _Room()
