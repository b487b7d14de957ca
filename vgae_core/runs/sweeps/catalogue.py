"""What is kept of sweeps: two tables of the runs' own catalogue; every trial's runs are ordinary runs of the store."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from vgae_core.data.dataset import GraphData
from vgae_core.errors import RunError
from vgae_core.host.limits import SERVER_LIMITS, ServerLimits
from vgae_core.runs.store.home import new_id
from vgae_core.runs.store.store import Store
from vgae_core.settings import RunSpec
from vgae_core.settings.space import Space

SweepStatus = Literal["running", "paused", "finished", "cancelled"]
TrialState = Literal["running", "complete", "pruned", "failed"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sweeps (
    id TEXT PRIMARY KEY, workspace TEXT NOT NULL, owner TEXT NOT NULL, created REAL NOT NULL,
    status TEXT NOT NULL, message TEXT NOT NULL, seconds REAL NOT NULL, dataset TEXT NOT NULL,
    fingerprint TEXT NOT NULL, spec TEXT NOT NULL, space TEXT NOT NULL, chosen INTEGER, refit TEXT
);
CREATE TABLE IF NOT EXISTS trials (
    sweep TEXT NOT NULL, number INTEGER NOT NULL, params TEXT NOT NULL, point TEXT NOT NULL, state TEXT NOT NULL,
    message TEXT NOT NULL, score TEXT, seconds REAL, course TEXT NOT NULL, PRIMARY KEY (sweep, number)
);
CREATE TABLE IF NOT EXISTS trial_runs (
    run TEXT PRIMARY KEY, sweep TEXT NOT NULL, number INTEGER NOT NULL, seed INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS runs_of_sweep ON trial_runs (sweep, number, seed);
"""


@dataclass(frozen=True)
class SweepInfo:
    """The catalogue's entry of a sweep."""

    id: str
    workspace: str
    status: SweepStatus
    message: str
    created: float
    seconds: float
    """At work, pauses not counted."""
    dataset: str
    fingerprint: str
    spec: RunSpec
    space: Space
    chosen: int | None
    """Number of the trial that was refitted."""
    refit: str | None
    """The run that was scored on the test pairs."""
    owner: str
    """The process that works on it."""

    @property
    def active(self) -> bool:
        """Whether it has not ended."""
        return self.status in ("running", "paused")


@dataclass(frozen=True)
class TrialInfo:
    """One point of a sweep."""

    number: int
    params: Mapping[str, Any]
    """As the search has them."""
    point: Mapping[str, Any]
    """The settings they stand for, by key."""
    state: TrialState
    message: str
    values: tuple[float, ...] | None
    """One for each objective, the mean over seeds."""
    seconds: float | None
    course: Mapping[int, float]
    """What pruning was told, by epoch."""
    runs: tuple[str, ...]
    """Ids, one for each seed."""


class Part(NamedTuple):
    """What a run is in a sweep."""

    sweep: str
    number: int
    """Of the trial."""
    chosen: bool
    """Whether it is the chosen point, trained again and scored on the test pairs."""

    @property
    def title(self) -> str:
        """In words."""
        return f"Chosen, as trial {self.number}" if self.chosen else f"Trial {self.number}"


class SweepCatalogue:
    """Sweeps and trials of a store.

    Parameters
    ----------
    store : Store
    limits : ServerLimits, optional
        How many sweeps are kept.
    """

    def __init__(self, store: Store, *, limits: ServerLimits = SERVER_LIMITS) -> None:
        self._store, self._limits = store, limits
        with store.reading() as database:
            tables = database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'runs_of_sweep'").fetchall()
        if not tables:
            with store.writing() as database:
                database.executescript(_SCHEMA)

    def create(self, spec: RunSpec, graph: GraphData, space: Space, workspace: str) -> str:
        """Note a new sweep and return its id.

        Raises
        ------
        RunError
            If too many are at work already, or kept.
        """
        limits = self._limits
        with self._store.reading() as database:
            rows = database.execute("SELECT workspace, status FROM sweeps").fetchall()
        mine = [row["status"] for row in rows if row["workspace"] == workspace]
        if sum(status in ("running", "paused") for status in mine) >= limits.sweeps_of_one:
            raise RunError(
                f"{limits.sweeps_of_one} of your sweeps are still running or paused.",
                mend="Wait for one, or cancel one.",
            )
        if sum(row["status"] == "running" for row in rows) >= limits.sweeps:
            raise RunError(f"{limits.sweeps} sweeps are running already.", mend="Try again later.")
        if len(mine) >= limits.kept_sweeps_of_one:
            raise RunError(f"{len(mine)} of your sweeps are stored, which is the limit.", mend="Delete some.")
        fingerprint = self._store.save_dataset(graph)
        sweep_id = new_id()
        with self._store.writing() as database:
            database.execute(
                "INSERT INTO sweeps VALUES (?, ?, ?, ?, 'running', '', 0, ?, ?, ?, ?, NULL, NULL)",
                (
                    *(sweep_id, workspace, self._store.owner, time.time(), graph.name, fingerprint),
                    *(spec.to_json(), space.to_json()),
                ),
            )
        return sweep_id

    def info(self, sweep_id: str) -> SweepInfo:
        """Return a sweep's entry; whoever holds its id may see it. Raise RunError if there is none."""
        with self._store.reading() as database:
            row = database.execute("SELECT * FROM sweeps WHERE id = ?", (sweep_id,)).fetchone()
        if row is None:
            raise RunError("There is no such sweep.", mend="It may have been deleted.")
        return _sweep(row)

    def of_workspace(self, workspace: str) -> list[SweepInfo]:
        """Return the sweeps of a workspace, the newest first."""
        with self._store.reading() as database:
            rows = database.execute(
                "SELECT * FROM sweeps WHERE workspace = ? ORDER BY created DESC", (workspace,)
            ).fetchall()
        return [_sweep(row) for row in rows]

    def any_active(self) -> bool:
        """Return whether a sweep of anyone has not ended."""
        with self._store.reading() as database:
            row = database.execute(
                "SELECT EXISTS (SELECT 1 FROM sweeps WHERE status IN ('running', 'paused'))"
            ).fetchone()
        return bool(row[0])

    def adopt_orphans(self) -> list[str]:
        """Take over the sweeps whose process is gone before they ended, and return their ids."""
        with self._store.reading() as database:
            rows = database.execute(
                "SELECT id, owner FROM sweeps WHERE status IN ('running', 'paused')"
            ).fetchall()
        ids = [row["id"] for row in rows if not self._store.is_alive(row["owner"])]
        for sweep_id in ids:
            self.update(sweep_id, owner=self._store.owner)
        return ids

    def update(self, sweep_id: str, **values: Any) -> None:
        """Change columns of a sweep's entry."""
        columns = ", ".join(f"{name} = ?" for name in values)
        with self._store.writing() as database:
            database.execute(
                f"UPDATE sweeps SET {columns} WHERE id = ?",  # noqa: S608
                (*values.values(), sweep_id),
            )

    def delete(self, sweep_id: str) -> None:
        """Forget a sweep; its runs stay."""
        with self._store.writing() as database:
            for table, column in (("sweeps", "id"), ("trials", "sweep"), ("trial_runs", "sweep")):
                database.execute(f"DELETE FROM {table} WHERE {column} = ?", (sweep_id,))  # noqa: S608

    # --------------------------------------------------------------------------- trials
    def add_trial(
        self, sweep_id: str, number: int, params: Mapping[str, Any], point: Mapping[str, Any]
    ) -> None:
        """Note that a trial begins."""
        with self._store.writing() as database:
            database.execute(
                "INSERT INTO trials VALUES (?, ?, ?, ?, 'running', '', NULL, NULL, '{}')",
                (sweep_id, number, json.dumps(dict(params)), json.dumps(dict(point))),
            )

    def add_run(self, sweep_id: str, number: int, seed: int, run_id: str) -> None:
        """Note the run of a trial's seed, in the place of one that was interrupted."""
        with self._store.writing() as database:
            database.execute(
                "DELETE FROM trial_runs WHERE sweep = ? AND number = ? AND seed = ?", (sweep_id, number, seed)
            )
            database.execute("INSERT INTO trial_runs VALUES (?, ?, ?, ?)", (run_id, sweep_id, number, seed))

    def end_trial(
        self,
        sweep_id: str,
        number: int,
        state: TrialState,
        *,
        values: Sequence[float] | None = None,
        seconds: float | None = None,
        course: Mapping[int, float] | None = None,
        message: str = "",
    ) -> None:
        """Note how a trial ended."""
        with self._store.writing() as database:
            database.execute(
                "UPDATE trials SET state = ?, message = ?, score = ?, seconds = ?, course = ? "
                "WHERE sweep = ? AND number = ?",
                (
                    *(state, message, None if values is None else json.dumps(list(values)), seconds),
                    *(json.dumps(dict(course or {})), sweep_id, number),
                ),
            )

    def trials(self, sweep_id: str) -> list[TrialInfo]:
        """Return the trials of a sweep in order."""
        with self._store.reading() as database:
            rows = database.execute(
                "SELECT * FROM trials WHERE sweep = ? ORDER BY number", (sweep_id,)
            ).fetchall()
            runs = database.execute(
                "SELECT run, number FROM trial_runs WHERE sweep = ? ORDER BY number, seed", (sweep_id,)
            ).fetchall()
        return [
            TrialInfo(
                number=row["number"],
                params=json.loads(row["params"]),
                point=json.loads(row["point"]),
                state=row["state"],
                message=row["message"],
                values=None if row["score"] is None else tuple(json.loads(row["score"])),
                seconds=row["seconds"],
                course={int(epoch): value for epoch, value in json.loads(row["course"]).items()},
                runs=tuple(run["run"] for run in runs if run["number"] == row["number"]),
            )
            for row in rows
        ]

    def parts(self, run_ids: Sequence[str]) -> dict[str, Part]:
        """Return which of some runs belong to a sweep, and as what."""
        asked = json.dumps(list(run_ids))
        with self._store.reading() as database:
            trials = database.execute(
                "SELECT run, sweep, number FROM trial_runs WHERE run IN (SELECT value FROM json_each(?))",
                (asked,),
            ).fetchall()
            chosen = database.execute(
                "SELECT refit AS run, id AS sweep, chosen AS number FROM sweeps "
                "WHERE refit IN (SELECT value FROM json_each(?))",
                (asked,),
            ).fetchall()
        return {
            row["run"]: Part(row["sweep"], row["number"], chosen=is_chosen)
            for rows, is_chosen in ((trials, False), (chosen, True))
            for row in rows
        }


def _sweep(row: Any) -> SweepInfo:
    return SweepInfo(
        **{
            name: row[name]
            for name in (
                "id",
                "workspace",
                "status",
                "message",
                "created",
                "seconds",
                "dataset",
                "fingerprint",
            )
        },
        spec=RunSpec.of_run(json.loads(row["spec"])),
        space=Space.from_json(row["space"]),
        chosen=row["chosen"],
        refit=row["refit"],
        owner=row["owner"],
    )
