"""Arrays that tasks leave for each other: written whole or not at all, read as mapped files."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from vgae_core.data.blocks import row_blocks


def replace_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file that then takes the place of `path`."""
    temporary = path.with_name(f".{secrets.token_hex(6)}-{path.name}")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def save(path: Path, array: np.ndarray) -> None:
    """Write an array as npy."""

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.save(file, array, allow_pickle=False)

    replace_whole(path, write)


def load(path: Path) -> np.ndarray:
    """Return an array that :func:`save` wrote: a mapped file, unless it is empty."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError:  # nothing to map
        return np.load(path, allow_pickle=False)


def join(path: Path, parts: Iterable[Path], shape: tuple[int, ...], dtype: Any) -> str:
    """Write arrays one after the other as one npy, remove them, and return the SHA-256 (hex) of the file's values.

    Parameters
    ----------
    path : Path
    parts : iterable of Path
        Whose first dimensions add up to that of `shape`.
    shape : tuple of int
    dtype : NumPy type
        That of the result.
    """
    parts, digest = list(parts), hashlib.sha256()
    about = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, about)
            for part in parts:
                for _, block in row_blocks(load(part)):
                    values = np.ascontiguousarray(block, dtype)
                    file.write(values.data)
                    digest.update(values.data)
            file.flush()
            os.fsync(file.fileno())

    replace_whole(path, write)
    for part in parts:
        part.unlink()
    return digest.hexdigest()


def digest_of(array: np.ndarray) -> str:
    """Return the SHA-256 (hex) of the values of an array."""
    digest = hashlib.sha256()
    for _, block in row_blocks(array):
        digest.update(np.ascontiguousarray(block).data)
    return digest.hexdigest()
