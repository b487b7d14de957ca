"""Single files compressed by gzip, bzip2 or xz, decompressed to private files within the limits."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from vgae_core.errors import DataError, LimitError
from vgae_core.host.limits import Limits

MAX_RATIO = 200
_RATIO_FROM = 20_000_000
"""Below this many bytes, text of many zeros may well shrink more than that."""
_MEMORY = 100_000_000
"""Bytes a dictionary of xz may take: `xz -9` needs 65 MB, a hostile header asks for gigabytes."""
_DAMAGE = (gzip.BadGzipFile, lzma.LZMAError, zlib.error, EOFError)
_PIECE = 1 << 20
_ENDING = re.compile(r"\.(gz|bz2|xz)$", re.IGNORECASE)


def kind(head: bytes) -> str | None:
    """Return how a file with this beginning is compressed, or None if it is not."""
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"\xfd7zXZ\0"):
        return "xz"
    # The digit is the block size; then the marks of a block, or of an empty file.
    return "bzip2" if re.match(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)", head) else None


def without_suffix(name: str) -> str:
    """Return the name without the ending that says how it is compressed."""
    return _ENDING.sub("", name)


def _pieces(path: Path, how: str) -> Iterator[bytes]:
    """Yield the decompressed bytes, at most a megabyte at a time."""
    if how == "xz":
        yield from _xz(path)
        return
    with cast(IO[bytes], gzip.open(path, "rb") if how == "gzip" else bz2.open(path, "rb")) as stream:
        while piece := stream.read(_PIECE):
            yield piece


def _xz(path: Path) -> Iterator[bytes]:
    """Yield the bytes of the streams of an xz file; :class:`lzma.LZMAFile` passes no bound of memory on."""
    with open(path, "rb") as file:
        data = file.read(_PIECE)
        while data:
            stream = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_MEMORY)
            while not stream.eof:
                if stream.needs_input and not data:
                    data = file.read(_PIECE)
                    if not data:
                        raise EOFError("it ends early")
                piece = stream.decompress(data, _PIECE)
                data = b""
                if piece:
                    yield piece
            data = stream.unused_data.lstrip(b"\0") or file.read(_PIECE).lstrip(b"\0")


def head(path: Path, size: int) -> bytes:
    """Return the first bytes, decompressed if the file is compressed; what is damaged ends them.

    Raises
    ------
    OSError
        If the file cannot be opened.
    """
    with open(path, "rb") as stream:
        start = stream.read(size)
    how = kind(start)
    if how is None:
        return start
    try:
        return next(_pieces(path, how), b"")[:size]
    except (*_DAMAGE, OSError):
        return b""


def unpacked(path: Path, folder: Path, name: str, limits: Limits) -> Path:
    """Return the path itself, or that of its decompressed bytes in `folder`, no more than the limits.

    Raises
    ------
    DataError
        If it is damaged or empty.
    LimitError
        If it is too large, or grows more than no honest text does.
    """
    with open(path, "rb") as stream:
        how = kind(stream.read(16))
    if how is None:
        return path
    size = path.stat().st_size
    written = 0
    try:
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as out:
            for piece in _pieces(path, how):
                written += len(piece)
                limits.check("decompressed_bytes", written, where=name)
                if how != "gzip":
                    check_ratio(written, size, "The file", name)
                out.write(piece)
    except (*_DAMAGE, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # a disk that is full is not the file's fault
        raise DataError(
            f"The {how} data is damaged: {error}.", where=name, mend="Compress the file again."
        ) from error
    if not written:
        raise DataError("The file is empty.", where=name, mend="Provide a file with content.")
    return Path(out.name)


def check_ratio(size: int, compressed: int, what: str, where: str) -> None:
    """Refuse what grows as only zeros do.

    Raises
    ------
    LimitError
    """
    if size > _RATIO_FROM and size > MAX_RATIO * max(compressed, 1):
        raise LimitError(
            f"{what} expands more than {MAX_RATIO} times.", where=where, mend="Provide it uncompressed."
        )
