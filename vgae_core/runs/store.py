"""Where runs, data sets and visitors' work are kept: folders, and a catalogue that finds them.

One process writes a run's folder; any number may read it.  The catalogue is SQLite
with a write-ahead log.  Run ids and workspace tokens are unguessable: whoever holds
one may see what it names, and nobody else.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import re
import secrets
import shutil
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from vgae_core.data.dataset import GraphData, RawGraph
from vgae_core.data.limits import SERVER_LIMITS, ServerLimits
from vgae_core.errors import DataError, RunError, SpecError
from vgae_core.runs import notes
from vgae_core.runs.datasets import Cache, DataSets
from vgae_core.runs.event_log import EventLog
from vgae_core.runs.files import finite, write_arrays
from vgae_core.runs.folder import RunFolder, read_run_dir, write_result, write_run_dir, write_start
from vgae_core.runs.info import ACTIVE, LOST, RunInfo, Status, status_of
from vgae_core.runs.result import RunResult
from vgae_core.runs.room import bytes_in, catalogue_error, sweep, writing
from vgae_core.scratch import claim, is_claimed
from vgae_core.settings import RunSpec
from vgae_core.training.events import Event, Finished

__all__ = ["RunInfo", "Status", "Store", "StoredRun", "default_root", "read_run_dir", "write_run_dir"]

MAX_UNWRITTEN = 4
"""Results kept in memory while the disk is full."""

SAVED_LATER = (
    "Trained, but the result could not be written: {} "
    "It is kept in memory and saved as soon as there is space."
)

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
log = logging.getLogger(__name__)


def default_root() -> Path:
    """Return the folder of this user's studio: ``VGAE_STUDIO_HOME``, or the platform's data folder."""
    chosen = os.environ.get("VGAE_STUDIO_HOME")
    return (
        Path(chosen).expanduser() if chosen else platformdirs.user_data_path("vgae-studio", appauthor=False)
    )


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
        """Add one event to the log, and let the catalogue know what it changes.

        Raises
        ------
        RunError
            If it cannot be written.
        """
        with writing():
            self._log.append(event)
        if isinstance(event, Finished):
            self._store._note_end(self.id, event)

    def end(self, finished: Finished) -> None:
        """Note how the run ended, whatever the disk says: what cannot be written now is written later.

        See :meth:`Store.catch_up`.
        """
        self._store._finish(self.id, _Ending(finished))

    def keep(self, result: RunResult) -> None:
        """Keep what the run left behind and note its end, as :meth:`end` does."""
        self._store._finish(self.id, _Ending(result.finished, result))

    @property
    def checkpoint_path(self) -> Path:
        """Where the run's last checkpoint is kept, if it has one."""
        return self.path / "checkpoint.npz"

    def save_checkpoint(self, arrays: Mapping[str, Any]) -> None:
        """Keep a checkpoint in the place of the one before.

        Raises
        ------
        RunError
            If it cannot be written.
        """
        with writing():
            write_arrays(self.checkpoint_path, arrays)

    def set_running(self) -> None:
        """Note that the run has left the queue."""
        self._store._update(self.id, status="running")

    def save_result(self, result: RunResult) -> None:
        """Keep what the run left behind; its end (:class:`Finished`) is appended afterwards.

        Raises
        ------
        RunError
            If it cannot be written.
        """
        with writing():
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
    limits : ServerLimits, optional
        How much is kept.
    """

    def __init__(self, root: Path | str | None = None, *, limits: ServerLimits = SERVER_LIMITS) -> None:
        self._limits = limits
        self.root = Path(root) if root is not None else default_root()
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)  # uploaded data: nobody else's business
        for name in ("runs", "datasets", "owners"):
            (self.root / name).mkdir(exist_ok=True)
        self._lock = threading.RLock()
        self._logs: OrderedDict[str, EventLog] = OrderedDict()
        self._results: Cache[RunResult] = Cache(3)
        self._datasets = DataSets(self.root / "datasets", self._wanted)
        self._database = sqlite3.connect(
            self.root / "catalogue.sqlite", timeout=10, check_same_thread=False, isolation_level=None
        )
        self._database.row_factory = sqlite3.Row
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(_SCHEMA)
        notes.prepare(self._database)
        self._owner, self._claim = self._become_owner()
        self._unwritten: OrderedDict[str, _Ending] = OrderedDict()
        ids = {row["id"] for row in self._database.execute("SELECT id FROM runs")}
        self.swept = sweep(self.root, ids)
        for path in self.swept:
            log.info("Removed what an earlier process left behind: %s", path)

    def close(self) -> None:
        """Let go of the catalogue; runs of this store that have not ended count as lost from now on."""
        with self._lock:
            self._claim.close()
            self._database.close()
            (self.root / "owners" / f"{self._owner}.sqlite").unlink(missing_ok=True)

    # ------------------------------------------------- for others who keep tables here
    @property
    def owner(self) -> str:
        """Name of this process among those that use the store."""
        return self._owner

    def is_alive(self, owner: str) -> bool:
        """Return whether the process that was called `owner` still uses the store."""
        return self._alive(owner)

    def transaction(self) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        """Return a context with the catalogue, which nobody else of this process uses meanwhile."""
        return self._transaction()

    # ------------------------------------------------------------------ data sets
    def save_dataset(self, graph: GraphData) -> str:
        """Keep a graph by its content and return its fingerprint."""
        return self._datasets.save(graph)

    def load_dataset(self, fingerprint: str) -> GraphData:
        """Return the graph with this fingerprint; raise RunError if it is not kept here."""
        return self._datasets.load(fingerprint)

    def save_raw(self, raw: RawGraph) -> str:
        """Keep a graph as it was read and return the key that finds it."""
        return self._datasets.save_raw(raw)

    def load_raw(self, key: str) -> RawGraph:
        """Return the graph kept by :meth:`save_raw`; raise RunError if it is not kept here."""
        return self._datasets.load_raw(key)

    def _wanted(self, key: str, since: float) -> bool:
        """Return whether a visitor who was here after `since` works on this upload."""
        with self._transaction() as database:
            row = database.execute(
                "SELECT EXISTS (SELECT 1 FROM sessions WHERE seen >= ? AND instr(body, ?))", (since, key)
            ).fetchone()
        return bool(row[0])

    # ----------------------------------------------------------------------- runs
    def create_run(self, spec: RunSpec, graph: GraphData, workspace: str) -> StoredRun:
        """Make a queued run of `workspace` and return it.

        Raises
        ------
        RunError
            If the visitor, or all together, keep as many runs as there may be, or the disk is full.
        """
        _check_token(workspace)
        self._check_room(workspace)
        fingerprint = self.save_dataset(graph)
        run_id = secrets.token_urlsafe(12)
        folder = self.root / "runs" / run_id
        try:
            with writing():
                write_start(folder, spec, name=graph.name, fingerprint=fingerprint)
            with self._transaction() as database:
                database.execute(
                    "INSERT INTO runs (id, workspace, owner, created, status, message, dataset, fingerprint, "
                    "spec, number) VALUES (?, ?, ?, ?, 'queued', '', ?, ?, ?, "
                    "(SELECT COALESCE(MAX(number), 0) + 1 FROM runs WHERE workspace = ?))",
                    (
                        *(run_id, workspace, self._owner, time.time(), graph.name, fingerprint),
                        *(spec.to_json(), workspace),
                    ),
                )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return StoredRun(self, run_id)

    def _check_room(self, workspace: str) -> None:
        """Raise RunError if no more runs can be kept."""
        limits, runs = self._limits, self.root / "runs"
        with self._transaction() as database:
            owners = dict(database.execute("SELECT id, workspace FROM runs").fetchall())
        mine = [run_id for run_id, owner in owners.items() if owner == workspace]
        delete = "Delete some on the Runs page; they can be downloaded there as bundles first."
        if len(mine) >= limits.kept_runs:
            raise RunError(f"{len(mine):,} of your runs are kept here, the most there may be.", mend=delete)
        size = bytes_in(runs / run_id for run_id in mine)
        if size > limits.kept_bytes_of_one:
            raise RunError(f"Your runs take {size / 1e9:.1f} GB here, the most they may.", mend=delete)
        if bytes_in([*(runs / run_id for run_id in owners), self.root / "datasets"]) > limits.kept_bytes:
            raise RunError(
                f"The runs of all visitors take the {limits.kept_bytes / 1e9:.1f} GB that this server keeps.",
                mend=delete,
            )

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
        """Return the catalogue's entry of a run; raise RunError if there is none that can be read."""
        info = self._entry(run_id)
        if info.problem:
            raise RunError(info.problem, where=run_id)
        return info

    def _entry(self, run_id: str) -> RunInfo:
        """Return the entry of a run whether or not it can be read; raise RunError if there is none."""
        row = None
        if isinstance(run_id, str) and _TOKEN.fullmatch(run_id):
            with self._transaction() as database:
                row = database.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row is None:
            raise RunError("There is no such run.", mend="It may have been deleted: look at the Runs page.")
        return self._info(row)

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

    def all_runs(self) -> list[RunInfo]:
        """Return the runs of all visitors, the newest first: for whoever runs this server."""
        with self._transaction() as database:
            rows = database.execute("SELECT * FROM runs ORDER BY created DESC").fetchall()
        return [self._info(row) for row in rows]

    def workspace_of(self, run_id: str) -> str:
        """Return whose a run is: for whoever runs this server; raise RunError if there is no such run."""
        self._entry(run_id)
        with self._transaction() as database:
            row = database.execute("SELECT workspace FROM runs WHERE id = ?", (run_id,)).fetchone()
        return str(row["workspace"])

    def annotate(self, run_id: str, workspace: str, **changes: Any) -> None:
        """Change ``name``, ``tags``, ``note`` or ``starred`` of a run of `workspace`.

        Raises
        ------
        RunError
            If the workspace has no such run, or a text is too long.
        """
        if not self.owns(workspace, run_id):
            raise RunError("There is no such run among yours.")
        if changes:
            self._update(run_id, **notes.checked(changes))

    def visit(self, run_id: str, workspace: str) -> None:
        """Note that a visitor opened a run of another by its link; the latest of these can be listed."""
        if self.owns(workspace, run_id):
            return
        self._entry(run_id)
        with self._transaction() as database:
            database.execute(
                "INSERT INTO visits VALUES (?, ?, ?) "
                "ON CONFLICT (workspace, run) DO UPDATE SET seen = excluded.seen",
                (workspace, run_id, time.time()),
            )
            database.execute(
                "DELETE FROM visits WHERE workspace = ? AND run NOT IN "
                "(SELECT run FROM visits WHERE workspace = ? ORDER BY seen DESC LIMIT ?)",
                (workspace, workspace, notes.VISITED),
            )

    def list_visited(self, workspace: str) -> list[RunInfo]:
        """Return the runs of others that this visitor opened by a link, the latest visit first, as others see them.

        Tags, note and star are their owners' own.
        """
        _check_token(workspace)
        with self._transaction() as database:
            rows = database.execute(
                "SELECT runs.* FROM runs JOIN visits ON visits.run = runs.id "
                "WHERE visits.workspace = ? AND runs.workspace != ? ORDER BY visits.seen DESC",
                (workspace, workspace),
            ).fetchall()
        return [dataclasses.replace(self._info(row), tags=(), note="", starred=False) for row in rows]

    def forget_visit(self, run_id: str, workspace: str) -> None:
        """Take a run of another off the list of those that a visitor opened by a link."""
        _check_token(workspace)
        with self._transaction() as database:
            database.execute("DELETE FROM visits WHERE workspace = ? AND run = ?", (workspace, run_id))

    def delete_run(self, run_id: str, workspace: str) -> None:
        """Remove a run of `workspace`, and its data set when nothing else needs it.

        Raises
        ------
        RunError
            If the workspace has no such run, or it has not ended.
        """
        if not self.owns(workspace, run_id):
            raise RunError("There is no such run among yours.")
        info = self._entry(run_id)
        if info.active and not info.problem:
            raise RunError("A run that has not ended cannot be deleted.", mend="Cancel it first.")
        with self._transaction() as database:
            database.execute("DELETE FROM runs WHERE id = ?", (run_id,))
            database.execute("DELETE FROM visits WHERE run = ?", (run_id,))
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
            self._datasets.drop(info.fingerprint)

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
        self._check_room(workspace)
        self._datasets.adopt(fingerprint, folder.path / "graph.npz")
        target = self.root / "runs" / run_id
        try:
            with writing():
                shutil.copytree(folder.path, target, ignore=shutil.ignore_patterns("graph.npz"))
                run = StoredRun(self, run_id)
                if not any(isinstance(event, Finished) for event in run.events()):
                    run._log.append(end)
            with self._transaction() as database:
                database.execute(
                    "INSERT INTO runs (id, workspace, owner, created, status, message, seconds, best_epoch, "
                    "dataset, fingerprint, spec, metrics, number) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                    "(SELECT COALESCE(MAX(number), 0) + 1 FROM runs WHERE workspace = ?))",
                    (
                        *(run_id, workspace, self._owner, time.time(), status_of(end), end.message),
                        *(end.seconds, end.best_epoch, dataset["name"], fingerprint),
                        *(spec.to_json(), json.dumps(metrics), workspace),
                    ),
                )
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
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

    def has_session(self, workspace: str) -> bool:
        """Return whether :meth:`save_session` kept anything of this workspace."""
        _check_token(workspace)
        with self._transaction() as database:
            row = database.execute("SELECT 1 FROM sessions WHERE workspace = ?", (workspace,)).fetchone()
        return row is not None

    def load_session(self, workspace: str) -> dict[str, Any]:
        """Return what :meth:`save_session` kept, or an empty dict."""
        _check_token(workspace)
        with self._transaction() as database:
            row = database.execute("SELECT body FROM sessions WHERE workspace = ?", (workspace,)).fetchone()
        return {} if row is None else json.loads(row["body"])

    # --------------------------------------------------------------- ends of runs
    def catch_up(self) -> None:
        """Write what could not be written when it happened, as far as there is room now."""
        with self._lock:
            late = list(self._unwritten.items())
        for run_id, ending in late:
            self._finish(run_id, ending)

    def _finish(self, run_id: str, ending: _Ending) -> None:
        """Write how a run ended, or remember it until there is room."""
        run = StoredRun(self, run_id)
        try:
            if ending.result is not None:
                run.save_result(ending.result)
            run.append_event(ending.finished)
        except RunError as error:
            with self._lock:
                if run_id not in self._unwritten:
                    log.error("The end of run %s could not be written: %s", run_id, error)
                    self._unwritten[run_id] = dataclasses.replace(ending, why=error.message)
                full = sum(e.result is not None for e in self._unwritten.values()) > MAX_UNWRITTEN
                if full and ending.result is not None:
                    lost = Finished(reason="failed", message=str(error), seconds=ending.finished.seconds)
                    self._unwritten[run_id] = _Ending(lost)
            return
        with self._lock:
            self._unwritten.pop(run_id, None)

    def _note_end(self, run_id: str, finished: Finished) -> None:
        self._update(
            run_id,
            status=status_of(finished),
            message=finished.message,
            seconds=finished.seconds,
            best_epoch=finished.best_epoch,
        )

    def _settle(self, run_id: str) -> None:
        """Note how a run ended whose process is gone: as its result says, if that is complete, else as lost."""
        run = StoredRun(self, run_id)
        try:
            result, events = RunFolder.result(run), run.events()
        except (RunError, DataError):
            self._update(run_id, status="lost", message=LOST)
            return
        self._update(run_id, spec=result.spec.to_json(), metrics=json.dumps(finite(result.metrics)))
        if any(isinstance(event, Finished) for event in events):
            self._note_end(run_id, result.finished)
        else:
            run.append_event(result.finished)

    # -------------------------------------------------------------------- private
    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._database
            except sqlite3.Error as error:
                raise catalogue_error(error, self.root) from error

    def _update(self, run_id: str, **values: Any) -> None:
        columns = ", ".join(f"{name} = ?" for name in values)
        with self._transaction() as database:
            database.execute(f"UPDATE runs SET {columns} WHERE id = ?", (*values.values(), run_id))  # noqa: S608

    def _info(self, row: sqlite3.Row) -> RunInfo:
        gone = row["status"] in ACTIVE and not self._alive(row["owner"])
        if gone:
            with contextlib.suppress(RunError):  # the disk is full
                self._settle(row["id"])
            with self._transaction() as database:
                row = database.execute("SELECT * FROM runs WHERE id = ?", (row["id"],)).fetchone() or row
        status, message = row["status"], row["message"]
        if gone and status in ACTIVE:
            status, message = "lost", LOST
        if (late := self._unwritten.get(row["id"])) is not None:
            status, message = "failed", late.finished.message
            if late.result is not None:
                message = SAVED_LATER.format(late.why)
        spec, metrics, problem = RunSpec(), None, ""
        try:
            spec = RunSpec.of_run(json.loads(row["spec"]))
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
            number=row["number"],
            name=row["name"],
            tags=tuple(json.loads(row["tags"])),
            note=row["note"],
            starred=bool(row["starred"]),
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
        """Return this store's name, and a lock on it that ends with the process, however it ends."""
        owner = secrets.token_hex(8)
        return owner, claim(self.root / "owners" / f"{owner}.sqlite")

    def _alive(self, owner: str) -> bool:
        if owner == self._owner:
            return True
        path = self.root / "owners" / f"{owner}.sqlite"
        if is_claimed(path):
            return True
        path.unlink(missing_ok=True)
        return False


@dataclass(frozen=True)
class _Ending:
    """How a run ended, and what it left behind."""

    finished: Finished
    result: RunResult | None = None
    why: str = ""
    """Why it could not be written."""


def _check_token(workspace: str) -> None:
    if not isinstance(workspace, str) or not _TOKEN.fullmatch(workspace):
        raise RunError("Not the token of a workspace.")
