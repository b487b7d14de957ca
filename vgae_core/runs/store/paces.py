"""How fast epochs are here beside their estimate, as the latest runs measured it."""

from __future__ import annotations

import platform
import sqlite3
import statistics
import time

from vgae_core.training.progress import Progress

LATEST = 9
"""Runs of a host and family that are kept, and whose median tells."""

LEAST_EPOCHS = 5
"""Epochs from which a run tells; the first traces the model too."""

BOUNDS = (0.2, 20.0)
"""Times of the estimate beyond which a run tells of something else."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS paces (
    run TEXT PRIMARY KEY, host TEXT NOT NULL, family TEXT NOT NULL, ratio REAL NOT NULL, seen REAL NOT NULL
);
"""


def prepare(database: sqlite3.Connection) -> None:
    """Give a catalogue the table of paces; it may lie on a disk that several hosts use."""
    database.executescript(_SCHEMA)


def note(database: sqlite3.Connection, run_id: str, family: str, at: Progress) -> None:
    """Note the pace of a run that ended; the oldest are forgotten."""
    expected = at.estimate.get("seconds_per_epoch", 0.0)
    if at.pace is None or at.epoch < LEAST_EPOCHS or not expected > 0:
        return
    ratio = min(max(at.pace / expected, BOUNDS[0]), BOUNDS[1])
    key = (platform.node(), family)
    database.execute(
        "INSERT OR REPLACE INTO paces VALUES (?, ?, ?, ?, ?)", (run_id, *key, ratio, time.time())
    )
    database.execute(
        "DELETE FROM paces WHERE host = ? AND family = ? AND run NOT IN "
        "(SELECT run FROM paces WHERE host = ? AND family = ? ORDER BY seen DESC LIMIT ?)",
        (*key, *key, LATEST),
    )


def typical(database: sqlite3.Connection, family: str) -> float | None:
    """Return how many times its estimate an epoch takes here, the median of the latest runs; None without any."""
    rows = database.execute(
        "SELECT ratio FROM paces WHERE host = ? AND family = ?", (platform.node(), family)
    ).fetchall()
    return statistics.median(row["ratio"] for row in rows) if rows else None
