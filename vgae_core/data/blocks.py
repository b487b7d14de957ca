"""Arrays on disk and blocks of rows: how data larger than memory are gone through.

A page of a mapped file counts as resident memory once it was touched, although it is a copy of what is on disk.
Whoever goes through a mapped array lets go of its pages again (:func:`let_go`), so that resident memory stays what is
needed at a time; the system keeps them in its cache for as long as it has room.
"""

from __future__ import annotations

import itertools
import mmap
import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

from vgae_core.errors import RunError

BLOCK_BYTES = 2**25
"""A block of rows: 32 MiB, so that a handful of temporary copies do no harm."""

ALIGNMENT = 64
"""Multiple that the address of an array must be for TensorFlow to take it as it is."""


def on_disk(shape: tuple[int, ...], dtype: type[np.generic] = np.float32) -> np.memmap:
    """Return zeros in a file without a name, in the system's temporary folder.

    The disk is given back when the array is forgotten or the process ends, however it ends.

    Parameters
    ----------
    shape : tuple of int
        At least one entry.
    dtype : NumPy type

    Returns
    -------
    memmap of `dtype`

    Raises
    ------
    RunError
        If the disk has not that much room.
    """
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if size > free:
        raise RunError(
            f"Expected {size / 2**30:,.1f} GiB of free space for a temporary array. Received: {free / 2**30:,.1f} GiB.",
            where=folder,
            mend="Set the environment variable TMPDIR to a folder on a larger disk.",
        )
    with tempfile.TemporaryFile(prefix="vgae-", dir=folder) as file:
        if hasattr(os, "posix_fallocate"):  # a mapped file that outgrows its disk would kill the process
            os.posix_fallocate(file.fileno(), 0, size)
        return np.memmap(file, dtype, "w+", shape=shape)


def rows_like(matrix: np.ndarray, width: int) -> np.ndarray:
    """Return room for float32 rows of `width`, as many as `matrix` has: on disk if it is, else in memory."""
    shape = (len(matrix), width)
    return np.empty(shape, np.float32) if _mapping(matrix) is None else on_disk(shape)


def let_go(array: object) -> None:
    """Take the pages of a mapped array out of resident memory; what was written stays written.

    Nothing happens to an array in memory, or where the system has no such request.
    """
    mapping = _mapping(array)
    if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)


def _mapping(array: object) -> mmap.mmap | None:
    """Return the mapping behind an array or a view of it; None unless it shares its pages with a file."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap) and array.mode == "c":  # changes of its own would be lost
            return None
        array = array.base
    return array if isinstance(array, mmap.mmap) else None


def row_blocks(matrix: Any, block_bytes: int = BLOCK_BYTES) -> Iterator[tuple[slice, Any]]:
    """Yield the places of consecutive rows and these rows, and let go of each block after its turn.

    Parameters
    ----------
    matrix : csr_array or ndarray, shape (n_rows,) or (n_rows, n_columns)
    block_bytes : int
        Of a block, were it dense float32; a row at least.
    """
    width = int(np.prod(matrix.shape[1:], dtype=np.int64))
    step = max(1, block_bytes // (4 * max(1, width)))
    for start in range(0, matrix.shape[0], step):
        part = slice(start, min(matrix.shape[0], start + step))
        yield part, matrix[part]
        let_go(matrix)


def take_rows(matrix: np.ndarray, places: np.ndarray, range_bytes: int = BLOCK_BYTES) -> np.ndarray:
    """Return ``matrix[places]``; a mapped file is gone through from beginning to end, one range of it at a time.

    Parameters
    ----------
    matrix : ndarray, shape (n_rows, n_columns)
    places : ndarray of int, shape (n,)
        In any order.
    range_bytes : int
        Of the file in resident memory at a time.
    """
    if _mapping(matrix) is None:
        return np.take(matrix, places, axis=0)
    if np.any(places[1:] < places[:-1]):
        order = np.argsort(places)
        result = np.empty((len(places), matrix.shape[1]), matrix.dtype)
        result[order] = take_rows(matrix, places[order], range_bytes)
        return result
    step = max(1, range_bytes // (matrix.itemsize * matrix.shape[1]))
    ends = np.searchsorted(places, np.arange(0, len(matrix) + step, step))
    result = np.empty((len(places), matrix.shape[1]), matrix.dtype)
    for start, stop in itertools.pairwise(ends.tolist()):
        if stop > start:
            np.take(matrix, places[start:stop], axis=0, out=result[start:stop], mode="clip")  # unbuffered
            let_go(matrix)
    return result


def dense_rows(block: Any) -> np.ndarray:
    """Return rows, sparse or dense, as a dense float32 array of the same shape."""
    return np.asarray(block.toarray() if sparse.issparse(block) else block, np.float32)


def aligned(values: np.ndarray) -> np.ndarray:
    """Return an array whose address is a multiple of :data:`ALIGNMENT`, copied only if its own is not."""
    if values.ctypes.data % ALIGNMENT == 0:
        return values
    room = np.empty(values.nbytes + ALIGNMENT, np.uint8)
    start = -room.ctypes.data % ALIGNMENT
    copy = room[start : start + values.nbytes].view(values.dtype).reshape(values.shape)
    copy[...] = values
    return copy
