"""Opening a file, recognising its format, and one clear error for what a library raises on a damaged one."""

from __future__ import annotations

import errno
import re
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TypeVar

from vgae_core.data.readers import refused
from vgae_core.data.readers.base import Format, Probe, head_of, shorten
from vgae_core.data.readers.containers import compressed
from vgae_core.data.readers.registry import FORMATS
from vgae_core.data.readers.source import SourceFile
from vgae_core.data.readers.text import (
    empty_rows,
    encodings,
    frames,
    literals,
    trailing_comments,
)
from vgae_core.errors import DataError, LimitError, StudioError
from vgae_core.host.limits import Limits
from vgae_core.settings import FileSpec

_T = TypeVar("_T")
_RAISED = (
    MemoryError, ValueError, TypeError, LookupError, ArithmeticError, OSError, EOFError, zlib.error, RuntimeError,
)  # fmt: skip
"""What libraries raise on damaged files."""


def guarded(probe: Probe, format_: Format, work: Callable[[], _T]) -> _T:
    """Run a reader; what a library raises on a damaged file becomes one clear error."""
    try:
        return work()
    except StudioError:
        raise
    except _RAISED as error:
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            raise LimitError(
                "Not enough memory to read it.",
                where=probe.name,
                mend="Use part of the data, or raise VGAE_STUDIO_LIMIT_CHILD_MEMORY_BYTES on your machine.",
            ) from error
        raise probe.error(
            f"Cannot be read as {format_.title}: {type(error).__name__}: {shorten(str(error), 200)}.",
            mend="The file is probably damaged: save it again.",
        ) from error


def open_probe(file: SourceFile, how: FileSpec, folder: Path, limits: Limits) -> Probe:
    """Return a file as formats see it: decompressed into `folder`, its text as UTF-8."""
    path = Path(file.path)
    try:
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "does not exist"
            raise DataError(f"The file {what}.", where=file.name, mend="Give the path of a file.")
        size = path.stat().st_size
        limits.check("upload_bytes", size, where=file.name)
        if size == 0:
            raise DataError("The file is empty.", where=file.name, mend="Provide a file with content.")
        head = head_of(path)
        if compressed.kind(head):
            path = compressed.unpacked(path, folder, file.name, limits)
            head = head_of(path)
    except OSError as error:
        raise DataError(
            f"Cannot be opened: {error.strerror or error}.", where=file.name, mend="Check the path."
        ) from error
    stem = compressed.without_suffix(PurePosixPath(file.name).name.lower())
    probe = encodings.as_utf8(Probe(file.name, stem, path, head, limits, how), folder)
    probe = literals.as_json(probe, folder)
    return trailing_comments.without(empty_rows.without_empty_rows(probe, folder), folder)


def recognise(probe: Probe) -> Format:
    """Return the format of a file; raise DataError, by name where it is known, if it is none of them."""
    refused.refuse(probe)
    for format_ in FORMATS:
        if guarded(probe, format_, lambda f=format_: f.recognise(probe)):  # type: ignore[misc]
            return format_
    frames.layout(probe)  # says what it is instead
    raise probe.error("Unknown format.", mend=f"Known: {', '.join(f.title for f in FORMATS)}.")


def stem_of(probe: Probe) -> str:
    """Return the name of a file without its endings."""
    return re.sub(
        r"\.[a-z0-9]{1,8}$",
        "",
        compressed.without_suffix(PurePosixPath(probe.name).name),
        flags=re.IGNORECASE,
    )
