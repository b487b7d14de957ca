"""Specifications as earlier versions wrote them, brought to what this one reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vgae_core.errors import SpecError

VERSION = 2
"""Of the specifications that this version writes. It grows when a setting is renamed, or a default changes."""

FIRST = 1
"""Of those that name no version, as VGAE Studio 0.1 wrote them."""


def _scaling_named(values: dict[str, Any]) -> dict[str, Any]:
    """Version 1 began before features were scaled: a run that does not name the setting was trained without."""
    return {"scaling": "none", **values}


STEPS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _scaling_named}
"""From each earlier version to the next."""


def migrated(values: Mapping[str, Any], *, unnamed: int = VERSION) -> dict[str, Any]:
    """Return a specification as this version writes it, without its version.

    Parameters
    ----------
    values : mapping
        From JSON; hostile until checked.
    unnamed : int
        What it counts as if it names no version.

    Raises
    ------
    SpecError
        If it was written by a later version, or names none that there is.
    """
    values = dict(values)
    version = values.pop("version", unnamed)
    if isinstance(version, bool) or not isinstance(version, int) or version < FIRST:
        raise SpecError(f"`version` must be a whole number from {FIRST} on. Received: {version!r:.40}.")
    if version > VERSION:
        raise SpecError(
            f"The settings are of version {version!s:.12}; this app reads them up to version {VERSION}.",
            where="version",
            mend="Update VGAE Studio.",
        )
    for step in range(version, VERSION):
        values = STEPS[step](values)
    return values
