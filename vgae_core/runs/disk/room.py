"""Room on the disk of a store: what is written is whole, or a clear error; what was left behind is swept."""

from __future__ import annotations

import contextlib
import errno
import shutil
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from vgae_core.errors import RunError
from vgae_core.host import scratch

STALE_SECONDS = 3600.0
"""Age from which a half-written file or folder is nobody's: writing takes minutes at most."""

FULL = "The disk of the server is full."
CATALOGUE_MEND = "Another program may be using it: try again in a minute, or ask the server's administrator."
FULL_MEND = "Delete runs you no longer need on the Runs page, or ask the server's administrator for space."


class StorageError(RunError):
    """Disk or catalogue refuse; later they may not."""


def full(error: BaseException) -> StorageError | None:
    """Return what to tell of a disk without room, also one of temporary files; None of any other error."""
    is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return StorageError(FULL, mend=FULL_MEND) if is_full else None


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Turn what the disk refuses in the enclosed block into StorageError."""
    try:
        yield
    except OSError as error:
        if (disk_full := full(error)) is not None:
            raise disk_full from error
        raise StorageError(f"The run could not be written to disk: {error.strerror or error}.") from error


def catalogue_error(error: sqlite3.Error) -> StorageError:
    """Return what to tell of an error of SQLite, to visitors too: without the server's folders."""
    if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
        return StorageError(FULL, mend=FULL_MEND)
    return StorageError(f"The catalogue of runs cannot be used: {error}.", mend=CATALOGUE_MEND)


def bytes_in(folders: Iterable[Path]) -> int:
    """Return the size of the files in these folders, subfolders not counted."""
    total = 0
    for folder in folders:
        with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
            for path in folder.iterdir():
                with contextlib.suppress(FileNotFoundError):
                    total += path.stat().st_size
    return total


def sweep(root: Path, run_ids: Collection[str]) -> list[Path]:
    """Remove what processes that were killed left in a store, and return it.

    Half-written files and run folders without an entry in the catalogue, if they are old enough that nobody can be
    writing them, and the files of owners who are gone. Another process may work on the same store.

    Parameters
    ----------
    root : Path
        Of the store.
    run_ids : collection of str
        The runs in its catalogue.
    """
    since = time.time() - STALE_SECONDS
    swept = []
    for pattern in ("datasets/.*", "runs/*/.*"):  # names that `atomic` gives
        for path in root.glob(pattern):
            with contextlib.suppress(OSError):  # another process sweeps too
                if path.is_file() and path.stat().st_mtime < since:
                    path.unlink()
                    swept.append(path)
    for path in (root / "runs").iterdir():
        with contextlib.suppress(OSError):
            if path.name not in run_ids and path.is_dir() and _last_change(path) < since:
                shutil.rmtree(path)
                swept.append(path)
    for path in (root / "owners").glob("*.sqlite"):
        with contextlib.suppress(OSError):
            young = time.time() - path.stat().st_mtime < scratch.YOUNG_SECONDS
            if not young and not scratch.is_claimed(path):
                for part in (path, path.with_name(f"{path.name}-journal")):
                    part.unlink(missing_ok=True)
                swept.append(path)
    return swept


def _last_change(folder: Path) -> float:
    return max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
