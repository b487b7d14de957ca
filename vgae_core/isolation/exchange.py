"""What parent and child hand each other: arrays as npy files, errors by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vgae_core.errors import DataError, LimitError, RunError, SpecError, StudioError

ERRORS: dict[str, type[StudioError]] = {
    kind.__name__: kind for kind in (SpecError, DataError, LimitError, RunError)
}
"""Kinds of errors that a child hands over, by name."""


def save_arrays(folder: Path, stem: str, arrays: Mapping[str, np.ndarray]) -> list[str]:
    """Write each array to a file of its own, which an archive would take three times as long for; return names."""
    for at, array in enumerate(arrays.values()):
        np.save(folder / f"{stem}-{at}.npy", array, allow_pickle=False)
    return list(arrays)


def load_arrays(folder: Path, stem: str, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return what :func:`save_arrays` wrote."""
    return {name: np.load(folder / f"{stem}-{at}.npy", allow_pickle=False) for at, name in enumerate(names)}
