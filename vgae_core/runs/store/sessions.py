"""What visitors were doing, so that a reload of the page finds it again."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from vgae_core.runs.store.database import Database, check_token


class Sessions:
    """What each workspace was doing, in the catalogue of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, workspace: str, values: Mapping[str, Any]) -> None:
        """Keep what a visitor was doing (plain JSON types)."""
        check_token(workspace)
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO sessions VALUES (?, ?, ?) "
                "ON CONFLICT (workspace) DO UPDATE SET body = excluded.body, seen = excluded.seen",
                (workspace, json.dumps(dict(values)), time.time()),
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
