"""What the catalogue says of each run, with what only this process knows of its end."""

from __future__ import annotations

import contextlib
import json
import sqlite3

from vgae_core.errors import RunError, SpecError
from vgae_core.runs.store.endings import Endings
from vgae_core.runs.store.home import Home
from vgae_core.runs.store.info import ACTIVE, LOST, RunInfo
from vgae_core.settings import RunSpec


class Listing:
    """The entries of a store's runs.

    Parameters
    ----------
    home : Home
    endings : Endings
    """

    def __init__(self, home: Home, endings: Endings) -> None:
        self.home, self.endings = home, endings

    def info(self, run_id: str) -> RunInfo:
        """Return the catalogue's entry of a run; raise RunError if there is none that can be read."""
        info = self.entry(run_id)
        if info.problem:
            raise RunError(info.problem, where=run_id)
        return info

    def entry(self, run_id: str) -> RunInfo:
        """Return the entry of a run whether or not it can be read; raise RunError if there is none."""
        return self.of_row(self.home.database.run(run_id))

    def of_row(self, row: sqlite3.Row) -> RunInfo:
        """Return the entry that a row of the catalogue holds; settle how a run ended whose process is gone."""
        gone = row["status"] in ACTIVE and not self.home.owners.is_alive(row["owner"])
        if gone:
            with contextlib.suppress(RunError):  # the disk is full
                self.endings.settle(row["id"])
            with contextlib.suppress(RunError):  # deleted meanwhile
                row = self.home.database.run(row["id"])
        status, message = row["status"], row["message"]
        if gone and status in ACTIVE:
            status, message = "lost", LOST
        if (late := self.endings.unwritten(row["id"])) is not None:
            status, message = late
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
