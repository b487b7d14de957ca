"""Arrays in npz and npy files of unknown origin: written whole or not at all, headers read first, never a pickle."""

from __future__ import annotations

import io
import lzma
import os
import struct
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO

import numpy as np

from vgae_core.errors import DataError, StudioError
from vgae_core.host.limits import LIMITS, Limits

DAMAGED = "The file is damaged or was made by hand: save it again."
"""How to mend a stored file that cannot be."""

_UNREADABLE = (
    ValueError, TypeError, LookupError, OSError, EOFError, RuntimeError, SyntaxError, struct.error,
    tokenize.TokenError, zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip
"""What zipfile and NumPy raise on damaged files; NumPy reads the header of an array as Python."""


def save_npz(path: Path, arrays: Mapping[str, np.ndarray], *, compress: bool = False) -> None:
    """Write arrays as npz without pickle, whole or not at all (temporary file, fsync, rename).

    Raises
    ------
    ValueError
        If an array holds Python objects.
    """
    path = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            write = np.savez_compressed if compress else np.savez
            write(file, allow_pickle=False, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def npz_headers(
    file: IO[bytes] | Path, *, where: str, limits: Limits = LIMITS
) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Return shape and type of every array of an npz, without reading the arrays.

    Raises
    ------
    DataError
        If it is not an npz, or a header disagrees with the size of its member.
    LimitError
        If it would decompress to more than ``limits.decompressed_bytes``.
    """
    headers: dict[str, tuple[tuple[int, ...], np.dtype]] = {}
    try:
        with zipfile.ZipFile(file) as archive:
            members = [m for m in archive.infolist() if m.filename.endswith(".npy")]
            if len(members) > 10_000:
                raise DataError(f"Holds {len(members):,} arrays.", where=where, mend=DAMAGED)
            limits.check("decompressed_bytes", sum(m.file_size for m in members), where=where)
            for member in members:
                name = member.filename.removesuffix(".npy")
                with archive.open(member) as stream:
                    headers[name] = _npy_header(stream, member.file_size, where=f"{where}, {name}")
    except StudioError:
        raise
    except _UNREADABLE as error:
        raise DataError(f"Not a readable npz file: {error}.", where=where, mend=DAMAGED) from error
    if not headers:
        raise DataError(
            "Holds no arrays.", where=where, mend="Save it with numpy.savez or scipy.sparse.save_npz."
        )
    return headers


def _npy_header(stream: IO[bytes], size: int, *, where: str) -> tuple[tuple[int, ...], np.dtype]:
    head = io.BytesIO(stream.read(70_000))
    try:
        version = np.lib.format.read_magic(head)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(head)
        else:
            shape, _, dtype = np.lib.format.read_array_header_2_0(head)
    except _UNREADABLE as error:
        raise DataError(
            f"Not a readable array: {' '.join(str(error).split())[:200]}.", where=where, mend=DAMAGED
        ) from error
    if dtype.hasobject:
        return shape, dtype  # never read; callers that need it refuse it by name
    expected = int(np.prod([int(n) for n in shape], dtype=object)) * dtype.itemsize + head.tell()
    if any(n < 0 for n in shape) or expected != size:
        raise DataError(f"Claims {expected:,} bytes but holds {size:,}.", where=where, mend=DAMAGED)
    return shape, dtype


def load_npz(
    path: Path, *, keys: Collection[str] | None = None, where: str | None = None, limits: Limits = LIMITS
) -> dict[str, np.ndarray]:
    """Return arrays of an npz of unknown origin: header checks first, never a pickle.

    Parameters
    ----------
    path : Path
    keys : collection of str, optional
        The arrays wanted; by default all.
    where : str, optional
        What the message names; by default the file's name.

    Raises
    ------
    DataError
        If the file is not an npz, a wanted array is missing or holds Python objects.
    LimitError
        If it would decompress to more than ``limits.decompressed_bytes``.
    """
    where = where or Path(path).name
    headers = npz_headers(Path(path), where=where, limits=limits)
    names = list(headers) if keys is None else list(keys)
    for key in names:
        if key not in headers:
            raise DataError(f"Array `{key}` is missing.", where=where, mend=DAMAGED)
        if headers[key][1].hasobject:
            raise DataError(
                f"Array `{key}` holds pickled Python objects, which can run code when read.",
                where=where,
                mend="Save a sparse matrix with scipy.sparse.save_npz, other arrays as numbers or text.",
            )
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {key: stored[key] for key in names}
    except _UNREADABLE as error:
        raise DataError(f"Not a readable npz file: {error}.", where=where, mend=DAMAGED) from error


def npy_header(path: Path, *, where: str) -> tuple[tuple[int, ...], np.dtype]:
    """Return shape and type of the array in an npy file, without reading it.

    Raises
    ------
    DataError
        If it is no npy file, or its header disagrees with its size.
    """
    with path.open("rb") as stream:
        return _npy_header(stream, path.stat().st_size, where=where)


def load_npy(path: Path, *, where: str) -> np.ndarray:
    """Return the array in an npy file of unknown origin; never a pickle.

    Raises
    ------
    DataError
        If it cannot be read, or holds Python objects.
    """
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except _UNREADABLE as error:
        raise DataError(f"Not a readable npy file: {error}.", where=where, mend=DAMAGED) from error
