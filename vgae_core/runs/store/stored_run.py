"""A run of a store: its folder and its entry in the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vgae_core.data.dataset import GraphData
from vgae_core.runs.disk.files import write_arrays
from vgae_core.runs.disk.room import writing
from vgae_core.runs.results.result import RunResult
from vgae_core.runs.store.folder import RunFolder
from vgae_core.runs.store.info import RunInfo
from vgae_core.runs.store.listing import Listing
from vgae_core.training.events import Event, Finished


class StoredRun(RunFolder):
    """A run of the store."""

    def __init__(self, listing: Listing, run_id: str) -> None:
        self._listing, self._home = listing, listing.home
        super().__init__(self._home.path_of(run_id), log=self._home.log_of(run_id))
        self.id = run_id

    @property
    def info(self) -> RunInfo:
        """The catalogue's entry, as it is now."""
        return self._listing.info(self.id)

    @property
    def active(self) -> bool:
        """Whether the run waits or works."""
        return self.info.active

    def append_event(self, event: Event) -> None:
        """Add one event to the log, and let the catalogue know what it changes.

        Raises
        ------
        RunError
            If it cannot be written.
        """
        self._home.append_event(self.id, event)

    def end(self, finished: Finished) -> None:
        """Note how the run ended, whatever the disk says: what cannot be written now is written later.

        See :meth:`vgae_core.runs.store.endings.Endings.catch_up`.
        """
        self._listing.endings.write(self.id, finished)

    def keep(self, result: RunResult) -> None:
        """Keep what the run left behind and note its end, as :meth:`end` does."""
        self._listing.endings.write(self.id, result.finished, result)

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
        self._home.update(self.id, status="running")

    def save_result(self, result: RunResult) -> None:
        """Keep what the run left behind; its end (:class:`Finished`) is appended afterwards.

        Raises
        ------
        RunError
            If it cannot be written.
        """
        self._home.save_result(self.id, result)

    def result(self) -> RunResult:
        """Return what the run left behind (arrays are read-only); raise RunError if nothing."""
        return self._home.results.get(self.id, super().result)

    @property
    def graph_path(self) -> Path:
        """Where the data set of the run is kept."""
        return self._home.root / "datasets" / f"{self.dataset['fingerprint']}.npz"

    def graph(self) -> GraphData:
        """Return the data set the run was trained on."""
        return self._home.datasets.load(self.dataset["fingerprint"])
