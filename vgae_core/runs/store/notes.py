"""What the owner of a run calls it and notes of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from vgae_core.data.text import visible
from vgae_core.errors import RunError

MAX_NAME = 80
"""Characters of a name."""

MAX_TAGS, MAX_TAG = 8, 24
"""Tags of a run, and characters of each."""

MAX_NOTE = 2000
"""Characters of a note."""

COLUMNS = {
    "number": "INTEGER NOT NULL DEFAULT 0",
    "name": "TEXT NOT NULL DEFAULT ''",
    "tags": "TEXT NOT NULL DEFAULT '[]'",
    "note": "TEXT NOT NULL DEFAULT ''",
    "starred": "INTEGER NOT NULL DEFAULT 0",
}
"""Columns that the catalogue of an earlier version lacks."""


def prepare(database: sqlite3.Connection) -> None:
    """Give a catalogue what it needs for names and notes; runs without a number get theirs by their age."""
    columns = {row["name"] for row in database.execute("PRAGMA table_info(runs)")}
    for name, kind in COLUMNS.items():
        if name not in columns:
            database.execute(f"ALTER TABLE runs ADD COLUMN {name} {kind}")
    if "number" not in columns:
        database.execute(
            "UPDATE runs SET number = 1 + (SELECT COUNT(*) FROM runs AS other WHERE other.workspace = runs.workspace "
            "AND (other.created, other.id) < (runs.created, runs.id))"
        )


def checked(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes of ``name``, ``tags``, ``note`` and ``starred`` as the catalogue keeps them.

    Raises
    ------
    RunError
        If a text is too long, or there are too many tags.
    """
    values: dict[str, Any] = {}
    for key, value in changes.items():
        if key == "name":
            values[key] = _text(value, MAX_NAME, "A name")
        elif key == "note":
            lines = str(value).splitlines()
            values[key] = _bounded(
                "\n".join(visible(line).rstrip() for line in lines).strip(), MAX_NOTE, "A note"
            )
        elif key == "tags":
            values[key] = json.dumps(_tags(value), ensure_ascii=False)
        elif key == "starred":
            values[key] = int(bool(value))
        else:
            raise TypeError(f"Not a part of an annotation: {key}.")
    return values


def _tags(values: Iterable[Any]) -> list[str]:
    tags = list(dict.fromkeys(text for value in values if (text := _text(value, MAX_TAG, "A tag"))))
    if len(tags) > MAX_TAGS:
        raise RunError(f"A run has at most {MAX_TAGS} tags. Received: {len(tags)}.")
    return tags


def _text(value: Any, limit: int, what: str) -> str:
    return _bounded(" ".join(visible(value).split()), limit, what)


def _bounded(text: str, limit: int, what: str) -> str:
    if len(text) > limit:
        raise RunError(f"{what} has at most {limit:,} characters. Received: {len(text):,}.")
    return text
