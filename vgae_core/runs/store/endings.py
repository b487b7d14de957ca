"""How runs end in a store: what cannot be written when it happens is kept in memory and written later."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vgae_core.errors import DataError, RunError, StudioError
from vgae_core.runs.results.result import RunResult
from vgae_core.runs.store import paces
from vgae_core.runs.store.folder import RunFolder
from vgae_core.runs.store.info import LOST, Status, status_of
from vgae_core.runs.store.stored_run import StoredRun, described
from vgae_core.training.events import Finished
from vgae_core.training.progress import progress

if TYPE_CHECKING:
    from vgae_core.runs.store.store import Store

MAX_UNWRITTEN = 4
"""Results kept in memory while the disk is full."""

SAVED_LATER = (
    "Trained, but the result could not be written: {} "
    "It is kept in memory and saved as soon as there is space."
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Ending:
    """How a run ended, and what it left behind."""

    finished: Finished
    result: RunResult | None = None
    why: str = ""
    """Why it could not be written."""


class Endings:
    """The ends of a store's runs."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._unwritten: OrderedDict[str, _Ending] = OrderedDict()
        self._lock = threading.RLock()

    def write(self, run_id: str, finished: Finished, result: RunResult | None = None) -> None:
        """Write how a run ended, or remember it until there is room."""
        self._write(run_id, _Ending(finished, result))

    def catch_up(self) -> None:
        """Write what could not be written when it happened, as far as there is room now."""
        with self._lock:
            late = list(self._unwritten.items())
        for run_id, ending in late:
            self._write(run_id, ending)

    def unwritten(self, run_id: str) -> tuple[Status, str] | None:
        """Return status and message of a run whose end could not be written yet."""
        if (late := self._unwritten.get(run_id)) is None:
            return None
        return "failed", late.finished.message if late.result is None else SAVED_LATER.format(late.why)

    def note(self, run_id: str, finished: Finished) -> None:
        """Tell the catalogue how a run ended."""
        self._store.update(
            run_id,
            status=status_of(finished),
            message=finished.message,
            seconds=finished.seconds,
            best_epoch=finished.best_epoch,
        )
        run = StoredRun(self._store, run_id)
        with contextlib.suppress(StudioError):  # a folder that cannot be read says nothing of its pace
            family, at = run.spec.model.family, progress(run.events())
            with self._store.catalogue() as database:
                paces.note(database, run_id, family, at)

    def settle(self, run_id: str) -> None:
        """Note how a run ended whose process is gone: as its result says, if that is complete, else as lost."""
        run = StoredRun(self._store, run_id)
        try:
            result, events = RunFolder.result(run), run.events()
        except (RunError, DataError):
            self._store.update(run_id, status="lost", message=LOST)
            return
        self._store.update(run_id, **described(result))
        if any(isinstance(event, Finished) for event in events):
            self.note(run_id, result.finished)
        else:
            run.append_event(result.finished)

    def _write(self, run_id: str, ending: _Ending) -> None:
        run = StoredRun(self._store, run_id)
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
