"""A file a user brings, by name and path (standard library only)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SourceFile:
    """One file a user brings.

    Parameters
    ----------
    name : str
        Name shown in messages; the file on disk may be called otherwise.
    path : Path
    aside : bool
        Whether it is a text about the data in an archive, left out unless the user says what it holds.
    """

    name: str
    path: Path
    aside: bool = False
