"""How runs end in a store: what cannot be written when it happens is kept in memory and written later."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass

from vgae_core.errors import DataError, RunError
from vgae_core.runs.results.result import RunResult
from vgae_core.runs.store.home import Home
from vgae_core.runs.store.info import LOST, Status
from vgae_core.training.events import Finished

MAX_UNWRITTEN = 4
"""Results kept in memory while the disk is full."""

SAVED_LATER = (
    "Trained, but the result could not be written: {} "
    "It is kept in memory and saved as soon as that is possible."
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

    def __init__(self, home: Home) -> None:
        self._home = home
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

    def settle(self, run_id: str) -> None:
        """Note how a run ended whose process is gone: as its result says, if that is complete, else as lost."""
        home, folder = self._home, self._home.folder(run_id)
        try:
            result, events = folder.result(), folder.events()
        except (RunError, DataError):
            home.update(run_id, status="lost", message=LOST)
            return
        home.note_result(run_id, result)
        if any(isinstance(event, Finished) for event in events):
            home.note_end(run_id, result.finished)
        else:
            home.append_event(run_id, result.finished)

    def _write(self, run_id: str, ending: _Ending) -> None:
        try:
            if ending.result is not None:
                self._home.save_result(run_id, ending.result)
            self._home.append_event(run_id, ending.finished)
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
