"""A file a user brings, by name and path (standard library only)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath


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


def names_of(paths: Sequence[PurePath]) -> list[str]:
    """Return what to call each file: its name, with as many folders in front as tell it from all others.

    ``a/edges.csv`` and ``b/edges.csv`` of one archive are two files; ``a/edges.csv`` and ``a/nodes.csv`` are called
    ``edges.csv`` and ``nodes.csv``. Files of the same path share a name.
    """
    names = [path.name for path in paths]
    for depth in (2, 3, 4, 0):  # at last the whole path
        shared = {name for name, count in Counter(names).items() if count > 1}
        if not shared:
            break
        names = [
            PurePath(*path.parts[-depth:]).as_posix() if name in shared else name
            for name, path in zip(names, paths, strict=True)
        ]
    return names
