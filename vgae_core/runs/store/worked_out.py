"""What is worked out of a finished run and kept beside it: its first view, slow maps, clusters, label probes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vgae_core.errors import RunError
from vgae_core.runs.disk.files import finite, read_arrays, write_arrays
from vgae_core.runs.disk.room import writing

MOST = 24
"""Answers kept of one run: those used last, whoever asked for them."""

MOST_BYTES = 100_000_000
"""Size of one that is kept."""

FIRST_VIEW = "first view"
"""Key of :func:`vgae_core.runs.views.first_view.first_view`."""

_VALUES = "__values__"


def _path(folder: Path, key: str) -> Path:
    return folder / f"worked-{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"


def save(folder: Path, key: str, arrays: Mapping[str, np.ndarray], values: Mapping[str, Any]) -> bool:
    """Keep an answer under a key and forget the oldest; return whether it was kept.

    Parameters
    ----------
    folder : Path
        Of the run.
    key : str
        Names the question with all its settings.
    arrays : mapping of str to ndarray
    values : mapping
        JSON types.

    Raises
    ------
    RunError
        If it cannot be written.
    """
    if sum(array.nbytes for array in arrays.values()) > MOST_BYTES or not folder.is_dir():
        return False
    text = json.dumps(finite(values), allow_nan=False).encode()
    with writing():
        write_arrays(_path(folder, key), {**arrays, _VALUES: np.frombuffer(text, np.uint8)})
        dated = []
        for path in folder.glob("worked-*.npz"):
            with contextlib.suppress(FileNotFoundError):  # another visitor's server thread forgets too
                dated.append((path.stat().st_mtime_ns, path))
        for _, path in sorted(dated)[:-MOST]:
            path.unlink(missing_ok=True)
    return True


def load(folder: Path, key: str) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """Return the arrays and values kept under a key; None where there are none that can be read."""
    path = _path(folder, key)
    if not path.exists():
        return None
    try:
        with contextlib.suppress(OSError):  # forgotten meanwhile, or not ours to change
            os.utime(path)
        arrays = read_arrays(path)
        values = json.loads(arrays.pop(_VALUES).tobytes())
    except (RunError, KeyError, ValueError):  # damaged: it can be worked out again
        return None
    return arrays, values
