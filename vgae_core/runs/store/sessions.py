"""What visitors were doing, so that a reload of the page finds it again."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from vgae_core.runs.store.database import Database, check_token

MOST_SESSIONS = 50_000
"""Visitors whose work is found again after a reload; beyond them those go who were here longest ago."""

_TIDY_EVERY = 100
"""Sessions kept between two looks at how many there are."""


class Sessions:
    """What each workspace was doing, in the catalogue of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._n_saved = 0

    def save(self, workspace: str, values: Mapping[str, Any]) -> None:
        """Keep what a visitor was doing (plain JSON types)."""
        check_token(workspace)
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO sessions VALUES (?, ?, ?) "
                "ON CONFLICT (workspace) DO UPDATE SET body = excluded.body, seen = excluded.seen",
                (workspace, json.dumps(dict(values)), time.time()),
            )
            self._n_saved += 1
            if self._n_saved % _TIDY_EVERY == 1:
                connection.execute(
                    "DELETE FROM sessions WHERE seen < "
                    "(SELECT seen FROM sessions ORDER BY seen DESC LIMIT 1 OFFSET ?)",
                    (MOST_SESSIONS - 1,),
                )

    def has(self, workspace: str) -> bool:
        """Return whether :meth:`save` kept anything of this workspace."""
        return self._body(workspace) is not None

    def load(self, workspace: str) -> dict[str, Any]:
        """Return what :meth:`save` kept, or an empty dict."""
        body = self._body(workspace)
        return {} if body is None else json.loads(body)

    def uses(self, key: str, since: float) -> bool:
        """Return whether a visitor who was here after `since` works on the upload with this key."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT EXISTS (SELECT 1 FROM sessions WHERE seen >= ? AND instr(body, ?))", (since, key)
            ).fetchone()
        return bool(row[0])

    def _body(self, workspace: str) -> str | None:
        check_token(workspace)
        with self._database.reading() as connection:
            row = connection.execute("SELECT body FROM sessions WHERE workspace = ?", (workspace,)).fetchone()
        return None if row is None else str(row["body"])
