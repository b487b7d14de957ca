"""Where runs, data sets and visitors' work are kept: folders, and a catalogue that finds them.

One process writes a run's folder; any number may read it.  The catalogue is SQLite
with a write-ahead log.  Run ids and workspace tokens are unguessable: whoever holds
one may see what it names, and nobody else.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import numpy as np
import platformdirs

from vgae_core.data.arrays import graph_to_arrays, load_graph, save_graph
from vgae_core.data.dataset import GraphData, RawGraph
from vgae_core.errors import RunError, SpecError
from vgae_core.runs.folder import (
    EventLog,
    RunFolder,
    atomic,
    finite,
    read_run_dir,
    write_result,
    write_run_dir,
    write_start,
)
from vgae_core.runs.result import RunResult
from vgae_core.spec import RunSpec
from vgae_core.training.events import Event, Finished

__all__ = ["RunInfo", "Status", "Store", "StoredRun", "default_root", "read_run_dir", "write_run_dir"]

Status = Literal["queued", "running", "finished", "cancelled", "failed", "lost"]
ACTIVE: tuple[Status, ...] = ("queued", "running")
LOST = "The server stopped before the run ended. Run it again."

RAW_DAYS = 30
"""Days after which an upload that nobody used, and no visitor of that time works on, is dropped."""

RAW_BYTES = 4_000_000_000
"""Bytes of all uploads kept; beyond them the least recently used ones go."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,64}")
_FINGERPRINT = re.compile(r"(raw-)?[0-9a-f]{64}")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, workspace TEXT NOT NULL, owner TEXT NOT NULL, created REAL NOT NULL,
    status TEXT NOT NULL, message TEXT NOT NULL, seconds REAL, best_epoch INTEGER,
    dataset TEXT NOT NULL, fingerprint TEXT NOT NULL, spec TEXT NOT NULL, metrics TEXT
);
CREATE INDEX IF NOT EXISTS runs_of_workspace ON runs (workspace, created);
CREATE TABLE IF NOT EXISTS sessions (workspace TEXT PRIMARY KEY, body TEXT NOT NULL, seen REAL NOT NULL);
"""
T = TypeVar("T")


def default_root() -> Path:
    """Return the folder of this user's studio: ``VGAE_STUDIO_HOME``, or the platform's data folder."""
    chosen = os.environ.get("VGAE_STUDIO_HOME")
    return (
        Path(chosen).expanduser() if chosen else platformdirs.user_data_path("vgae-studio", appauthor=False)
    )


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """One line of the list of runs."""

    id: str
    status: Status
    created: float
    """Seconds since the Unix epoch, UTC."""
    dataset: str
    """Name of the data set."""
    fingerprint: str
    spec: RunSpec
    message: str = ""
    seconds: float | None = None
    best_epoch: int | None = None
    metrics: Mapping[str, Any] | None = None
    """As in metrics.json, once the run has a result."""
    problem: str = ""
    """Why this version cannot read the run's entry; its `spec` is then no more than the default."""

    @property
    def active(self) -> bool:
        """Whether the run waits or works."""
        return self.status in ACTIVE


class StoredRun(RunFolder):
    """A run of the store."""

    def __init__(self, store: Store, run_id: str) -> None:
        super().__init__(store.root / "runs" / run_id, log=store._log(run_id))
        self.id = run_id
        self._store = store

    @property
    def info(self) -> RunInfo:
        """The catalogue's entry, as it is now."""
        return self._store.info(self.id)

    def append_event(self, event: Event) -> None:
        """Add one event to the log, and let the catalogue know what it changes."""
        self._log.append(event)
        if isinstance(event, Finished):
            self._store._update(
                self.id,
                status=_status(event),
                message=event.message,
                seconds=event.seconds,
                best_epoch=event.best_epoch,
            )

    def set_running(self) -> None:
        """Note that the run has left the queue."""
        self._store._update(self.id, status="running")

    def save_result(self, result: RunResult) -> None:
        """Keep what the run left behind; its end (:class:`Finished`) is appended afterwards."""
        write_result(self.path, result)
        self._store._update(self.id, spec=result.spec.to_json(), metrics=json.dumps(finite(result.metrics)))

    def result(self) -> RunResult:
        """Return what the run left behind (arrays are read-only); raise RunError if nothing."""
        return self._store._results.get(self.id, super().result)

    @property
    def graph_path(self) -> Path:
        """Where the data set of the run is kept."""
        return self._store.root / "datasets" / f"{self.dataset['fingerprint']}.npz"

    def graph(self) -> GraphData:
        """Return the data set the run was trained on."""
        return self._store.load_dataset(self.dataset["fingerprint"])


class Store:
    """Runs, data sets and visitors' work under one folder.

    Parameters
    ----------
    root : Path, optional
        Made when missing; :func:`default_root` unless given.
    """

    def __init__(self, root: Path | str | None = None) -> None:
        self.root = Path(root) if root is not None else default_root()
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)  # uploaded data: nobody else's business
        for name in ("runs", "datasets", "owners"):
            (self.root / name).mkdir(exist_ok=True)
        self._lock = threading.RLock()
        self._logs: OrderedDict[str, EventLog] = OrderedDict()
        self._results: _Cache[RunResult] = _Cache(3)
        self._graphs: _Cache[GraphData] = _Cache(3)
        self._raws: _Cache[RawGraph] = _Cache(3)
        self._database = sqlite3.connect(
            self.root / "catalogue.sqlite", timeout=10, check_same_thread=False, isolation_level=None
        )
        self._database.row_factory = sqlite3.Row
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(_SCHEMA)
        self._owner, self._claim = self._become_owner()

    def close(self) -> None:
        """Let go of the catalogue; runs of this store that have not ended count as lost from now on."""
        with self._lock:
            self._claim.close()
            self._database.close()
            (self.root / "owners" / f"{self._owner}.sqlite").unlink(missing_ok=True)

    # ------------------------------------------------------------------ data sets
    def save_dataset(self, graph: GraphData) -> str:
        """Keep a graph by its content and return its fingerprint."""
        self._keep(graph.fingerprint, graph)
        return graph.fingerprint

    def load_dataset(self, fingerprint: str) -> GraphData:
        """Return the graph with this fingerprint; raise RunError if it is not kept here."""
        graph = self._graphs.get(fingerprint, lambda: self._load(fingerprint))
        if not isinstance(graph, GraphData):
            raise RunError("Expected a graph after repairs.", where=fingerprint)
        return graph

    def save_raw(self, raw: RawGraph) -> str:
        """Keep a graph as it was read and return the key that finds it."""
        digest = hashlib.sha256()
        for key, array in sorted(graph_to_arrays(raw).items()):
            digest.update(f"{key}|{array.dtype.str}|{array.shape}|".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        key = f"raw-{digest.hexdigest()}"
        self._keep(key, raw)
        self._touch(key)
        self._tidy(spare=key)
        return key

    def load_raw(self, key: str) -> RawGraph:
        """Return the graph kept by :meth:`save_raw`; raise RunError if it is not kept here."""
        raw = self._raws.get(key, lambda: self._load(key))
        if not isinstance(raw, RawGraph):
            raise RunError("Expected a graph as it was read.", where=key)
        self._touch(key)
        return raw

    def _touch(self, key: str) -> None:
        """Note that a data set was used now."""
        with contextlib.suppress(FileNotFoundError):  # dropped while it was still in memory
            os.utime(self.root / "datasets" / f"{key}.npz")

    def _tidy(self, *, spare: str) -> None:
        """Drop uploads that nobody needs any more, and the least recently used ones beyond :data:`RAW_BYTES`.

        Runs keep data sets of their own; a visitor whose upload was dropped is asked to hand it in again.
        """
        since = time.time() - 86_400 * RAW_DAYS
        found = []
        for path in (self.root / "datasets").glob("raw-*.npz"):
            with contextlib.suppress(FileNotFoundError):  # another process tidies too
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in found)
        for used, size, path in sorted(found):
            if path.stem == spare:
                continue
            if total > RAW_BYTES or (used < since and not self._wanted(path.stem, since)):
                path.unlink(missing_ok=True)
                self._raws.drop(path.stem)
                total -= size

    def _wanted(self, key: str, since: float) -> bool:
        """Return whether a visitor who was here after `since` works on this upload."""
        with self._transaction() as database:
            row = database.execute(
                "SELECT EXISTS (SELECT 1 FROM sessions WHERE seen >= ? AND instr(body, ?))", (since, key)
            ).fetchone()
        return bool(row[0])

    def _keep(self, key: str, graph: GraphData | RawGraph) -> None:
        path = self.root / "datasets" / f"{key}.npz"
        if not path.exists():
            with atomic(path) as temporary:
                save_graph(temporary, graph)

    def _load(self, key: str) -> Any:
        if not isinstance(key, str) or not _FINGERPRINT.fullmatch(key):
            raise RunError(f"Not the fingerprint of a data set: {key!r}.")
        path = self.root / "datasets" / f"{key}.npz"
        if not path.exists():
            raise RunError("This data set is no longer kept here.", mend="Load it again on the Data page.")
        return load_graph(path)

    # ----------------------------------------------------------------------- runs
    def create_run(self, spec: RunSpec, graph: GraphData, workspace: str) -> StoredRun:
        """Make a queued run of `workspace` and return it."""
        _check_token(workspace)
        fingerprint = self.save_dataset(graph)
        run_id = secrets.token_urlsafe(12)
        write_start(self.root / "runs" / run_id, spec, name=graph.name, fingerprint=fingerprint)
        with self._transaction() as database:
            database.execute(
                "INSERT INTO runs (id, workspace, owner, created, status, message, dataset, fingerprint, "
                "spec) VALUES (?, ?, ?, ?, 'queued', '', ?, ?, ?)",
                (run_id, workspace, self._owner, time.time(), graph.name, fingerprint, spec.to_json()),
            )
        return StoredRun(self, run_id)

    def open_run(self, run_id: str) -> StoredRun:
        """Return the run with this id; whoever holds the id may see the run.

        Raises
        ------
        RunError
            If there is no such run.
        """
        self.info(run_id)
        return StoredRun(self, run_id)

    def info(self, run_id: str) -> RunInfo:
        """Return the catalogue's entry of a run; raise RunError if there is none."""
        row = None
        if isinstance(run_id, str) and _TOKEN.fullmatch(run_id):
            with self._transaction() as database:
                row = database.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row is None:
            raise RunError("There is no such run.", mend="It may have been deleted: look at the Runs page.")
        info = self._info(row)
        if info.problem:
            raise RunError(info.problem, where=run_id)
        return info

    def owns(self, workspace: str, run_id: str) -> bool:
        """Return whether the run belongs to this workspace, which alone may cancel or delete it."""
        _check_token(workspace)
        with self._transaction() as database:
            row = database.execute(
                "SELECT 1 FROM runs WHERE id = ? AND workspace = ?", (run_id, workspace)
            ).fetchone()
        return row is not None

    def list_runs(self, workspace: str) -> list[RunInfo]:
        """Return the runs of a workspace, the newest first; one that cannot be read says why (`problem`)."""
        _check_token(workspace)
        with self._transaction() as database:
            rows = database.execute(
                "SELECT * FROM runs WHERE workspace = ? ORDER BY created DESC", (workspace,)
            ).fetchall()
        return [self._info(row) for row in rows]

    def delete_run(self, run_id: str, workspace: str) -> None:
        """Remove a run of `workspace`, and its data set when nothing else needs it.

        Raises
        ------
        RunError
            If the workspace has no such run, or it has not ended.
        """
        info = next((i for i in self.list_runs(workspace) if i.id == run_id), None)
        if info is None:
            raise RunError("There is no such run among yours.")
        if info.active and not info.problem:
            raise RunError("A run that has not ended cannot be deleted.", mend="Cancel it first.")
        with self._transaction() as database:
            database.execute("DELETE FROM runs WHERE id = ?", (run_id,))
            needed = database.execute(
                "SELECT EXISTS (SELECT 1 FROM runs WHERE fingerprint = ?) "
                "OR EXISTS (SELECT 1 FROM sessions WHERE instr(body, ?))",
                (info.fingerprint, info.fingerprint),
            ).fetchone()[0]
        shutil.rmtree(self.root / "runs" / run_id, ignore_errors=True)
        self._results.drop(run_id)
        with self._lock:
            self._logs.pop(run_id, None)
        if not needed:
            self._graphs.drop(info.fingerprint)
            (self.root / "datasets" / f"{info.fingerprint}.npz").unlink(missing_ok=True)

    def adopt_run(self, folder: RunFolder, workspace: str) -> StoredRun:
        """Keep a copy of a finished run that stands alone under a new id of `workspace` and return it.

        The catalogue learns of it last, so that there is either the whole run or none.

        Raises
        ------
        RunError
            If the run has no result, or cannot be written.
        """
        _check_token(workspace)
        if not folder.has_result:
            raise RunError("This run has no result.", where=folder.path.name)
        spec, metrics, dataset, end = folder.spec, folder.metrics(), folder.dataset, folder.finished()
        fingerprint, run_id = dataset["fingerprint"], secrets.token_urlsafe(12)
        if not _FINGERPRINT.fullmatch(fingerprint):
            raise RunError("Not the fingerprint of a data set.", where="dataset.json")
        target = self.root / "runs" / run_id
        try:
            graph = self.root / "datasets" / f"{fingerprint}.npz"
            if not graph.exists():
                with atomic(graph) as temporary:
                    shutil.copyfile(folder.path / "graph.npz", temporary)
            shutil.copytree(folder.path, target, ignore=shutil.ignore_patterns("graph.npz"))
            run = StoredRun(self, run_id)
            if not any(isinstance(event, Finished) for event in run.events()):
                run._log.append(end)
            with self._transaction() as database:
                database.execute(
                    "INSERT INTO runs (id, workspace, owner, created, status, message, seconds, best_epoch, "
                    "dataset, fingerprint, spec, metrics) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        *(run_id, workspace, self._owner, time.time(), _status(end), end.message),
                        *(end.seconds, end.best_epoch, dataset["name"], fingerprint),
                        *(spec.to_json(), json.dumps(metrics)),
                    ),
                )
        except (OSError, RunError) as error:
            shutil.rmtree(target, ignore_errors=True)
            if isinstance(error, RunError):
                raise
            raise RunError(
                f"The run could not be written: {error.strerror}.",
                mend="Delete runs, or free some disk space.",
            ) from error
        return run

    # ------------------------------------------------------------------- sessions
    def save_session(self, workspace: str, values: Mapping[str, Any]) -> None:
        """Keep what a visitor was doing (plain JSON types), so that a reload finds it again."""
        _check_token(workspace)
        with self._transaction() as database:
            database.execute(
                "INSERT INTO sessions VALUES (?, ?, ?) "
                "ON CONFLICT (workspace) DO UPDATE SET body = excluded.body, seen = excluded.seen",
                (workspace, json.dumps(dict(values)), time.time()),
            )

    def load_session(self, workspace: str) -> dict[str, Any]:
        """Return what :meth:`save_session` kept, or an empty dict."""
        _check_token(workspace)
        with self._transaction() as database:
            row = database.execute("SELECT body FROM sessions WHERE workspace = ?", (workspace,)).fetchone()
        return {} if row is None else json.loads(row["body"])

    # -------------------------------------------------------------------- private
    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._database
            except sqlite3.Error as error:
                raise RunError(
                    f"The catalogue of runs cannot be used: {error}.", where=str(self.root)
                ) from error

    def _update(self, run_id: str, **values: Any) -> None:
        columns = ", ".join(f"{name} = ?" for name in values)
        with self._transaction() as database:
            database.execute(f"UPDATE runs SET {columns} WHERE id = ?", (*values.values(), run_id))  # noqa: S608

    def _info(self, row: sqlite3.Row) -> RunInfo:
        status, message = row["status"], row["message"]
        if status in ACTIVE and not self._alive(row["owner"]):
            status, message = "lost", LOST
            self._update(row["id"], status=status, message=message)
        spec, metrics, problem = RunSpec(), None, ""
        try:
            spec = RunSpec.from_json(row["spec"])
            metrics = None if row["metrics"] is None else json.loads(row["metrics"])
        except (SpecError, ValueError, RecursionError) as error:
            problem = f"This version cannot read the run: {error}"
        return RunInfo(
            id=row["id"],
            status=status,
            created=row["created"],
            dataset=row["dataset"],
            fingerprint=row["fingerprint"],
            spec=spec,
            message=problem or message,
            seconds=row["seconds"],
            best_epoch=row["best_epoch"],
            metrics=metrics,
            problem=problem,
        )

    def _log(self, run_id: str) -> EventLog:
        """Return the one reader and writer of a run's events in this process."""
        with self._lock:
            log = self._logs.pop(run_id, None) or EventLog(self.root / "runs" / run_id / "events.jsonl")
            self._logs[run_id] = log
            while len(self._logs) > 64:
                self._logs.popitem(last=False)
            return log

    def _become_owner(self) -> tuple[str, sqlite3.Connection]:
        """Return this store's name, and a lock on it that ends with the process, however it ends.

        An SQLite transaction is the lock: it works on every platform and, unlike a
        process id, is not taken over by a stranger after a restart.
        """
        owner = secrets.token_hex(8)
        return owner, _lock_database(self.root / "owners" / f"{owner}.sqlite")

    def _alive(self, owner: str) -> bool:
        if owner == self._owner:
            return True
        path = self.root / "owners" / f"{owner}.sqlite"
        if not path.exists():
            return False
        try:
            _lock_database(path).close()
        except sqlite3.OperationalError:
            return True
        path.unlink(missing_ok=True)
        return False


def _lock_database(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=0, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        connection.close()
        raise
    return connection


def _status(end: Finished) -> Status:
    statuses: dict[str, Status] = {"cancelled": "cancelled", "failed": "failed"}
    return statuses.get(end.reason, "finished")


def _check_token(workspace: str) -> None:
    if not isinstance(workspace, str) or not _TOKEN.fullmatch(workspace):
        raise RunError("Not the token of a workspace.")


class _Cache(Generic[T]):
    """The few values used last; they are shared, and by convention nobody changes them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._loading = threading.Lock()  # who else wants the same waits, instead of loading it too
        self._values: OrderedDict[str, T] = OrderedDict()

    def get(self, key: str, load: Callable[[], T]) -> T:
        """Return the value of `key`, loaded when it is not at hand."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        with self._loading:
            with self._lock:
                if key in self._values:
                    return self._values[key]
            value = load()
            with self._lock:
                self._values[key] = value
                while len(self._values) > self._size:
                    self._values.popitem(last=False)
        return value

    def drop(self, key: str) -> None:
        """Forget one value."""
        with self._lock:
            self._values.pop(key, None)
