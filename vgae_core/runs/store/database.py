"""The catalogue of a store: the SQLite file that finds runs, with a write-ahead log.

Ids of runs and tokens of workspaces are unguessable: whoever holds one may see what it names, and nobody else.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from vgae_core.errors import RunError
from vgae_core.runs.disk.room import catalogue_error
from vgae_core.runs.store import notes, paces, visits

PAGE_SECONDS = 10.0
"""Patience with another program that holds the catalogue, where somebody waits."""

BACKGROUND_SECONDS = 600.0
"""Patience of the threads that begin and end runs."""

TOLD_SECONDS = 2.0
"""How long something has waited for the catalogue before pages say so."""

_LOOK_SECONDS = 0.05

_patience: ContextVar[float] = ContextVar("patience", default=PAGE_SECONDS)

_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,64}")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, workspace TEXT NOT NULL, owner TEXT NOT NULL, created REAL NOT NULL,
    status TEXT NOT NULL, message TEXT NOT NULL, seconds REAL, best_epoch INTEGER,
    dataset TEXT NOT NULL, fingerprint TEXT NOT NULL, spec TEXT NOT NULL, metrics TEXT
);
CREATE INDEX IF NOT EXISTS runs_of_workspace ON runs (workspace, created);
CREATE TABLE IF NOT EXISTS sessions (workspace TEXT PRIMARY KEY, body TEXT NOT NULL, seen REAL NOT NULL);
"""


def be_patient() -> None:
    """Let this thread wait for the catalogue for :data:`BACKGROUND_SECONDS`, since nobody waits for it."""
    _patience.set(BACKGROUND_SECONDS)


class Database:
    """The catalogue, which threads of this process use one after the other.

    While another program holds it they wait, and read all the same: it has a write-ahead log.

    Parameters
    ----------
    root : Path
        Folder of the store.

    Raises
    ------
    RunError
        For whatever SQLite refuses.
    """

    def __init__(self, root: Path) -> None:
        self.lock = threading.RLock()
        self._waiting: dict[int, float] = {}
        """Since when threads wait, on the monotonic clock."""
        try:
            self._connection = sqlite3.connect(
                root / "catalogue.sqlite", timeout=PAGE_SECONDS, check_same_thread=False, isolation_level=None
            )
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.executescript(_SCHEMA)
            for part in (notes, visits, paces):
                part.prepare(self._connection)
            self._connection.execute("PRAGMA busy_timeout=0")  # threads wait without the lock
        except sqlite3.Error as error:
            raise catalogue_error(error) from error

    def reading(self) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        """Return a context in which one thread reads, as it stands at one time.

        Raises
        ------
        RunError
            For whatever SQLite refuses.
        """
        return self._transaction("BEGIN", "SELECT 1 FROM runs")

    def writing(self) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        """Return a context in which one thread writes all or nothing.

        Raises
        ------
        RunError
            For whatever SQLite refuses, and if another program has written to it for too long.
        """
        return self._transaction("BEGIN IMMEDIATE")

    @property
    def held_seconds(self) -> float:
        """For how long threads have waited for another program that holds the catalogue, 0 if none does."""
        waiting = list(self._waiting.values())
        return time.monotonic() - min(waiting) if waiting else 0.0

    @contextlib.contextmanager
    def _transaction(self, *begin: str) -> Iterator[sqlite3.Connection]:
        began, me = time.monotonic(), threading.get_ident()
        try:
            while True:
                with self.lock:
                    if self._begin(begin, may_wait=time.monotonic() - began < _patience.get()):
                        self._waiting.pop(me, None)
                        with self._ending():
                            yield self._connection
                        return
                self._waiting.setdefault(me, began)
                time.sleep(_LOOK_SECONDS)
        finally:
            self._waiting.pop(me, None)

    def _begin(self, begin: tuple[str, ...], *, may_wait: bool) -> bool:
        """Begin a transaction and return True, or False if another program is in the way."""
        try:
            for statement in begin:
                self._connection.execute(statement)
        except sqlite3.Error as error:
            self._roll_back()
            if may_wait and getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                return False
            raise catalogue_error(error) from error
        return True

    @contextlib.contextmanager
    def _ending(self) -> Iterator[None]:
        """Commit what was done in the block, or take all of it back."""
        try:
            yield
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise catalogue_error(error) from error
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # ended by SQLite already, as on a full disk
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def add_run(self, run_id: str, workspace: str, **values: Any) -> None:
        """Enter a run under the next number of its workspace, as made now."""
        values = {"id": run_id, "workspace": workspace, "created": time.time(), **values}
        columns, marks = ", ".join(values), ", ".join("?" * len(values))
        with self.writing() as connection:
            connection.execute(
                f"INSERT INTO runs ({columns}, number) VALUES ({marks}, "  # noqa: S608  names of columns
                "(SELECT COALESCE(MAX(number), 0) + 1 FROM runs WHERE workspace = ?))",
                (*values.values(), workspace),
            )

    def update_run(self, run_id: str, **values: Any) -> None:
        """Change columns of a run."""
        columns = ", ".join(f"{name} = ?" for name in values)
        with self.writing() as connection:
            connection.execute(f"UPDATE runs SET {columns} WHERE id = ?", (*values.values(), run_id))  # noqa: S608

    def run(self, run_id: str) -> sqlite3.Row:
        """Return the row of a run; raise RunError if there is none."""
        row = None
        if isinstance(run_id, str) and _TOKEN.fullmatch(run_id):
            with self.reading() as connection:
                row = connection.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row is None:
            raise RunError("No such run.", mend="It may have been deleted; the Runs page lists your runs.")
        return row

    def runs(self, workspace: str | None = None) -> list[sqlite3.Row]:
        """Return the rows of the runs of a workspace, or of all, the newest first."""
        every, own = (
            "SELECT * FROM runs ORDER BY created DESC",
            "SELECT * FROM runs WHERE workspace = ? ORDER BY created DESC",
        )
        with self.reading() as connection:
            rows = connection.execute(every) if workspace is None else connection.execute(own, (workspace,))
            return rows.fetchall()

    def owns(self, workspace: str, run_id: str) -> bool:
        """Return whether a run belongs to a workspace."""
        with self.reading() as connection:
            row = connection.execute(
                "SELECT 1 FROM runs WHERE id = ? AND workspace = ?", (run_id, workspace)
            ).fetchone()
        return row is not None

    def delete_run(self, run_id: str, fingerprint: str) -> bool:
        """Remove a run and return whether its data set is still needed, by another run or somebody's work."""
        with self.writing() as connection:
            connection.execute("DELETE FROM runs WHERE id = ?", (run_id,))
            connection.execute("DELETE FROM visits WHERE run = ?", (run_id,))
            needed = connection.execute(
                "SELECT EXISTS (SELECT 1 FROM runs WHERE fingerprint = ?) "
                "OR EXISTS (SELECT 1 FROM sessions WHERE instr(body, ?))",
                (fingerprint, fingerprint),
            ).fetchone()[0]
        return bool(needed)


def check_token(workspace: str) -> None:
    """Raise RunError unless this could be the token of a workspace."""
    if not isinstance(workspace, str) or not _TOKEN.fullmatch(workspace):
        raise RunError("Not the token of a workspace.")
