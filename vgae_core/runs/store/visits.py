"""Runs of others that a visitor opened by a link, and finds again."""

from __future__ import annotations

import sqlite3
import time

MAX_VISITS = 50
"""Runs that a visitor finds again."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS visits (
    workspace TEXT NOT NULL, run TEXT NOT NULL, seen REAL NOT NULL, PRIMARY KEY (workspace, run)
);
"""


def prepare(database: sqlite3.Connection) -> None:
    """Give a catalogue the table of visits."""
    database.executescript(_SCHEMA)


def note(database: sqlite3.Connection, workspace: str, run_id: str) -> None:
    """Note that a visitor opened a run just now; the oldest visit is forgotten where there are too many."""
    database.execute(
        "INSERT INTO visits VALUES (?, ?, ?) ON CONFLICT (workspace, run) DO UPDATE SET seen = excluded.seen",
        (workspace, run_id, time.time()),
    )
    database.execute(
        "DELETE FROM visits WHERE workspace = ? AND run NOT IN "
        "(SELECT run FROM visits WHERE workspace = ? ORDER BY seen DESC LIMIT ?)",
        (workspace, workspace, MAX_VISITS),
    )


def visited(database: sqlite3.Connection, workspace: str) -> list[sqlite3.Row]:
    """Return the catalogue's rows of the runs of others that a visitor opened, the latest visit first."""
    return database.execute(
        "SELECT runs.* FROM runs JOIN visits ON visits.run = runs.id "
        "WHERE visits.workspace = ? AND runs.workspace != ? ORDER BY visits.seen DESC",
        (workspace, workspace),
    ).fetchall()


def forget(database: sqlite3.Connection, workspace: str, run_id: str) -> None:
    """Take a run off the list of those that a visitor opened."""
    database.execute("DELETE FROM visits WHERE workspace = ? AND run = ?", (workspace, run_id))
