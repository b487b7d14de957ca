"""Where runs, data sets and visitors' work are kept: folders, and a catalogue that finds them.

One process writes a run's folder; any number may read it.  :mod:`vgae_core.runs.store.database` is the catalogue,
:mod:`vgae_core.runs.store.listing` what it says of runs, :mod:`vgae_core.runs.store.endings` how they end.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import platformdirs

from vgae_core.data.dataset import GraphData, RawGraph
from vgae_core.errors import RunError
from vgae_core.host.limits import SERVER_LIMITS, ServerLimits
from vgae_core.runs.disk.room import StorageError, bytes_in, sweep, writing
from vgae_core.runs.store import notes, paces, visits
from vgae_core.runs.store.database import TOLD_SECONDS, check_token
from vgae_core.runs.store.endings import Endings
from vgae_core.runs.store.folder import RunFolder, write_start
from vgae_core.runs.store.home import Home, new_id
from vgae_core.runs.store.info import RunInfo, status_of
from vgae_core.runs.store.listing import Listing
from vgae_core.runs.store.stored_run import StoredRun
from vgae_core.settings import RunSpec
from vgae_core.training.events import Finished

log = logging.getLogger(__name__)


def default_root() -> Path:
    """Return the folder of this user's studio: ``VGAE_STUDIO_HOME``, or the platform's data folder."""
    chosen = os.environ.get("VGAE_STUDIO_HOME")
    return (
        Path(chosen).expanduser() if chosen else platformdirs.user_data_path("vgae-studio", appauthor=False)
    )


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
        self._home = Home(Path(root) if root is not None else default_root())
        self.root, self.sessions = self._home.root, self._home.sessions
        self._database, self._datasets = self._home.database, self._home.datasets
        self.endings = Endings(self._home)
        self._listing = Listing(self._home, self.endings)
        ids = {row["id"] for row in self._database.runs()}
        self.swept = sweep(self.root, ids)
        for path in self.swept:
            log.info("Removed what an earlier process left behind: %s", path)

    def close(self) -> None:
        """Let go of the catalogue; runs of this store that have not ended count as lost from now on."""
        self._home.close()

    # ------------------------------------------------- for others who keep tables here
    @property
    def owner(self) -> str:
        """Name of this process among those that use the store."""
        return self._home.owners.me

    def is_alive(self, owner: str) -> bool:
        """Return whether the process that was called `owner` still uses the store."""
        return self._home.owners.is_alive(owner)

    def reading(self) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        """Return a context in which one thread of this process reads the catalogue."""
        return self._database.reading()

    def writing(self) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        """Return a context in which one thread of this process writes to the catalogue, all or nothing."""
        return self._database.writing()

    @property
    def trouble(self) -> str:
        """What to tell visitors while another program holds the catalogue; mostly empty."""
        seconds = self._database.held_seconds
        if seconds < TOLD_SECONDS:
            return ""
        return (
            f"Another program has held the catalogue of runs for {seconds:.0f} s. "
            "Runs begin and end as soon as it lets go; nothing is lost."
        )

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

    # ----------------------------------------------------------------------- runs
    def create_run(self, spec: RunSpec, graph: GraphData, workspace: str) -> StoredRun:
        """Make a queued run of `workspace` and return it.

        Raises
        ------
        RunError
            If the visitor, or all together, keep as many runs as there may be, or the disk is full.
        """
        check_token(workspace)
        self._check_room(workspace)
        fingerprint = self.save_dataset(graph)
        run_id = new_id()
        folder = self._home.path_of(run_id)
        try:
            with writing():
                write_start(folder, spec, name=graph.name, fingerprint=fingerprint)
            self._database.add_run(
                run_id,
                workspace,
                owner=self.owner,
                status="queued",
                message="",
                dataset=graph.name,
                fingerprint=fingerprint,
                spec=spec.to_json(),
            )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return StoredRun(self._listing, run_id)

    def _check_room(self, workspace: str) -> None:
        """Raise RunError if no more runs can be kept."""
        limits, runs = self._limits, self.root / "runs"
        owners = {row["id"]: row["workspace"] for row in self._database.runs()}
        mine = [run_id for run_id, owner in owners.items() if owner == workspace]
        delete = "Delete some on the Runs page; they can be downloaded there as bundles first."
        if len(mine) >= limits.kept_runs:
            raise RunError(f"{len(mine):,} of your runs are stored here, which is the limit.", mend=delete)
        size = bytes_in(runs / run_id for run_id in mine)
        if size > limits.kept_bytes_of_one:
            raise RunError(f"Your runs take {size / 1e9:.1f} GB here, which is the limit.", mend=delete)
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
        return StoredRun(self._listing, run_id)

    def find(self, run_id: str) -> StoredRun | None:
        """Return the run with this id; None if it was deleted, or its entry cannot be read.

        Raises
        ------
        StorageError
            If disk or catalogue refuse, which says nothing of the run.
        """
        try:
            return self.open_run(run_id)
        except StorageError:
            raise
        except RunError:
            return None

    def info(self, run_id: str) -> RunInfo:
        """Return the catalogue's entry of a run; raise RunError if there is none that can be read."""
        return self._listing.info(run_id)

    def owns(self, workspace: str, run_id: str) -> bool:
        """Return whether the run belongs to this workspace, which alone may cancel or delete it."""
        check_token(workspace)
        return self._database.owns(workspace, run_id)

    def list_runs(self, workspace: str) -> list[RunInfo]:
        """Return the runs of a workspace, the newest first; one that cannot be read says why (`problem`)."""
        check_token(workspace)
        return [self._listing.of_row(row) for row in self._database.runs(workspace)]

    def all_runs(self) -> list[RunInfo]:
        """Return the runs of all visitors, the newest first: for whoever runs this server."""
        return [self._listing.of_row(row) for row in self._database.runs()]

    def workspace_of(self, run_id: str) -> str:
        """Return whose a run is: for whoever runs this server; raise RunError if there is no such run."""
        return str(self._database.run(run_id)["workspace"])

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
            self.update(run_id, **notes.checked(changes))

    def visit(self, run_id: str, workspace: str) -> None:
        """Note that a visitor opened a run of another by its link; the latest of these can be listed."""
        if self.owns(workspace, run_id):
            return
        self._listing.entry(run_id)
        with self.writing() as database:
            visits.note(database, workspace, run_id)

    def list_visited(self, workspace: str) -> list[RunInfo]:
        """Return the runs of others that this visitor opened by a link, the latest visit first, as others see them.

        Tags, note and star are their owners' own.
        """
        check_token(workspace)
        with self.reading() as database:
            rows = visits.visited(database, workspace)
        return [
            dataclasses.replace(self._listing.of_row(row), tags=(), note="", starred=False) for row in rows
        ]

    def forget_visit(self, run_id: str, workspace: str) -> None:
        """Take a run of another off the list of those that a visitor opened by a link."""
        check_token(workspace)
        with self.writing() as database:
            visits.forget(database, workspace, run_id)

    def pace(self, family: str) -> float | None:
        """Return how many times its estimate an epoch takes here, as the latest runs of a family tell; None before."""
        with self.reading() as database:
            return paces.typical(database, family)

    def delete_run(self, run_id: str, workspace: str) -> None:
        """Remove a run of `workspace`, and its data set when nothing else needs it.

        Raises
        ------
        RunError
            If the workspace has no such run, or it has not ended.
        """
        if not self.owns(workspace, run_id):
            raise RunError("There is no such run among yours.")
        info = self._listing.entry(run_id)
        if info.active and not info.problem:
            raise RunError(
                "A run that is still training or waiting cannot be deleted.", mend="Cancel it first."
            )
        needed = self._database.delete_run(run_id, info.fingerprint)
        shutil.rmtree(self._home.path_of(run_id), ignore_errors=True)
        self._home.forget(run_id)
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
        check_token(workspace)
        if not folder.has_result:
            raise RunError("This run has no result.", where=folder.path.name)
        spec, metrics, dataset, end = folder.spec, folder.metrics(), folder.dataset, folder.finished()
        fingerprint, run_id = dataset["fingerprint"], new_id()
        self._check_room(workspace)
        self._datasets.adopt(fingerprint, folder.path / "graph.npz")
        target = self._home.path_of(run_id)
        try:
            with writing():
                shutil.copytree(folder.path, target, ignore=shutil.ignore_patterns("graph.npz"))
                run = StoredRun(self._listing, run_id)
                if not any(isinstance(event, Finished) for event in run.events()):
                    run._log.append(end)
            self._database.add_run(
                run_id,
                workspace,
                owner=self.owner,
                status=status_of(end),
                message=end.message,
                seconds=end.seconds,
                best_epoch=end.best_epoch,
                dataset=dataset["name"],
                fingerprint=fingerprint,
                spec=spec.to_json(),
                metrics=json.dumps(metrics),
            )
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
        return run

    # --------------------------------------------------------- what runs tell the store
    def update(self, run_id: str, **values: Any) -> None:
        """Change columns of the catalogue's entry of a run."""
        self._home.update(run_id, **values)
