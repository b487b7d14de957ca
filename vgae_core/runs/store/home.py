"""What the parts of a store share: one folder, one catalogue, one writer of each run's events."""

from __future__ import annotations

import contextlib
import json
import secrets
import sqlite3
from collections import OrderedDict
from pathlib import Path
from typing import Any

from vgae_core.errors import RunError, StudioError
from vgae_core.runs.disk.event_log import EventLog
from vgae_core.runs.disk.files import finite
from vgae_core.runs.disk.room import catalogue_error, full, writing
from vgae_core.runs.results.result import RunResult
from vgae_core.runs.store import paces
from vgae_core.runs.store.database import Database
from vgae_core.runs.store.datasets import Cache, DataSets
from vgae_core.runs.store.folder import RunFolder, write_result
from vgae_core.runs.store.info import status_of
from vgae_core.runs.store.owners import Owners
from vgae_core.runs.store.sessions import Sessions
from vgae_core.training.events import Event, Finished
from vgae_core.training.progress import progress

HOME_MEND = "Whoever runs this server can make it writable, or name another in VGAE_STUDIO_HOME."

MOST_LOGS = 64
"""Logs of runs that are kept open."""


def new_id() -> str:
    """Return a random id of 16 characters for a run or a sweep, none that the command line takes for an option."""
    while (drawn := secrets.token_urlsafe(12)).startswith("-"):
        pass
    return drawn


class Home:
    """The folder of a store, its catalogue, and what is kept in memory of both.

    Parameters
    ----------
    root : Path
        Made when missing.

    Raises
    ------
    RunError
        If it cannot be written to, or its catalogue not be used.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)  # uploaded data: nobody else's business
            for name in ("runs", "datasets", "owners"):
                (root / name).mkdir(exist_ok=True)
            self.database = Database(root)
            self.owners = Owners(root / "owners")
        except OSError as error:
            raise full(error) or RunError(
                f"The folder for runs cannot be used: {error.strerror}.", mend=HOME_MEND
            ) from error
        except sqlite3.Error as error:
            raise catalogue_error(error) from error
        self.sessions = Sessions(self.database)
        self.datasets = DataSets(root / "datasets", self.sessions.uses)
        self.results: Cache[RunResult] = Cache(3)
        self._logs: OrderedDict[str, EventLog] = OrderedDict()

    def close(self) -> None:
        """Let go of the catalogue."""
        with self.database.lock:
            self.owners.close()
            self.database.close()

    def path_of(self, run_id: str) -> Path:
        """Return the folder of a run."""
        return self.root / "runs" / run_id

    def log_of(self, run_id: str) -> EventLog:
        """Return the one reader and writer of a run's events in this process."""
        with self.database.lock:
            log = self._logs.pop(run_id, None) or EventLog(self.path_of(run_id) / "events.jsonl")
            self._logs[run_id] = log
            while len(self._logs) > MOST_LOGS:
                self._logs.popitem(last=False)
            return log

    def folder(self, run_id: str) -> RunFolder:
        """Return the folder of a run, to be read."""
        return RunFolder(self.path_of(run_id), log=self.log_of(run_id))

    def forget(self, run_id: str) -> None:
        """Keep nothing of a run in memory."""
        self.results.drop(run_id)
        with self.database.lock:
            self._logs.pop(run_id, None)

    def update(self, run_id: str, **values: Any) -> None:
        """Change columns of the catalogue's entry of a run."""
        self.database.update_run(run_id, **values)

    def append_event(self, run_id: str, event: Event) -> None:
        """Add one event to the log of a run, and let the catalogue know what it changes.

        Raises
        ------
        RunError
            If it cannot be written.
        """
        with writing():
            self.log_of(run_id).append(event)
        if isinstance(event, Finished):
            self.note_end(run_id, event)

    def note_end(self, run_id: str, finished: Finished) -> None:
        """Tell the catalogue how a run ended."""
        self.update(
            run_id,
            status=status_of(finished),
            message=finished.message,
            seconds=finished.seconds,
            best_epoch=finished.best_epoch,
        )
        folder = self.folder(run_id)
        with contextlib.suppress(StudioError):  # a folder that cannot be read says nothing of its pace
            family, at = folder.spec.model.family, progress(folder.events())
            with self.database.writing() as database:
                paces.note(database, run_id, family, at)

    def save_result(self, run_id: str, result: RunResult) -> None:
        """Keep what a run left behind; its end (:class:`Finished`) is appended afterwards.

        Raises
        ------
        RunError
            If it cannot be written.
        """
        with writing():
            write_result(self.path_of(run_id), result)
        self.note_result(run_id, result)

    def note_result(self, run_id: str, result: RunResult) -> None:
        """Tell the catalogue what a run left behind."""
        metrics = json.dumps(finite(result.metrics))
        self.update(run_id, spec=result.spec.to_json(), metrics=metrics)
