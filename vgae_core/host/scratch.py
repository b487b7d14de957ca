"""Temporary files of this process: one private folder, swept by the next process if this one is killed.

The folder's name holds the process id, and its owner keeps a lock in it for as long as it lives, however it ends.
What another living process works with is never touched.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import sqlite3
import stat
import tempfile
import threading
import time
from pathlib import Path

PREFIX = "vgae-studio-"

YOUNG_SECONDS = 60.0
"""A folder younger than this may not have its lock yet."""

_LOCK = "owner.sqlite"
_guard = threading.Lock()
_mine: tuple[int, Path, sqlite3.Connection] | None = None


def claim(path: Path) -> sqlite3.Connection:
    """Return a lock on the file `path` that ends with the process, however it ends.

    An SQLite transaction is the lock: it works on every platform and, unlike a process id, is not taken over by a
    stranger after a restart.

    Raises
    ------
    sqlite3.OperationalError
        If another process, or another part of this one, holds it.
    """
    connection = sqlite3.connect(path, timeout=0, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        connection.close()
        raise
    return connection


def is_claimed(path: Path) -> bool:
    """Return whether somebody alive holds the lock `path`."""
    if not path.exists():
        return False
    try:
        claim(path).close()
    except sqlite3.OperationalError:
        return True
    return False


def root() -> Path:
    """Return the folder of this process, which nobody else may enter (mode 0700); made when first asked for."""
    global _mine
    with _guard:
        if _mine is None or _mine[0] != os.getpid() or not _mine[1].is_dir():
            path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
            _mine = os.getpid(), path, claim(path / _LOCK)
            atexit.register(_leave, os.getpid(), path)
        return _mine[1]


def folder(prefix: str) -> Path:
    """Return a new folder of this process whose name begins with `prefix`."""
    return Path(tempfile.mkdtemp(prefix=prefix, dir=root()))


def _leave(pid: int, path: Path) -> None:
    if os.getpid() == pid:  # not a child that was forked
        shutil.rmtree(path, ignore_errors=True)


def sweep() -> list[Path]:
    """Remove the folders of processes of this user that were killed; return them."""
    swept = []
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another process sweeps too
            about = path.lstat()
            ours = not hasattr(os, "getuid") or about.st_uid == os.getuid()
            old = time.time() - about.st_mtime > YOUNG_SECONDS
            if ours and old and stat.S_ISDIR(about.st_mode) and not is_claimed(path / _LOCK):
                shutil.rmtree(path, ignore_errors=True)
                swept.append(path)
    return swept
