"""Comments behind the numbers of a row, ``1 2 # friends``, taken off before any format sees them."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from vgae_core.data.findings import Finding
from vgae_core.data.readers.base import Probe

_NUMBERS = re.compile(rb"[\s\d.,;+\-eE]*")
_MARK = re.compile(rb" #(?=\s|$)")
"""A mark between blanks: what is written together may be a hashtag in a column of its own."""


def without(probe: Probe, folder: Path) -> Probe:
    """Return the probe without comments behind the numbers of its rows, if every row is of numbers; lines stay.

    Parameters
    ----------
    probe : Probe
        Text as UTF-8.
    folder : Path
        Where the text without comments goes.
    """
    if not probe.is_text or not _MARK.search(probe.head):
        return probe
    lines = [
        line for line in probe.head.split(b"\n")[:1000] if line.strip() and not line.lstrip().startswith(b"#")
    ]
    fronts = [_front(line) for line in lines]
    plain = [_NUMBERS.fullmatch(line) is not None for line in lines]
    if not any(front is not None for front in fronts):
        return probe
    if not all(row or front is not None for row, front in zip(plain[:-1], fronts[:-1], strict=True)):
        return probe
    count = 0
    with open(probe.path, "rb") as stream, tempfile.NamedTemporaryFile(dir=folder, delete=False) as out:
        for line in stream:
            front = _front(line)
            count += front is not None
            out.write(line if front is None else front + b"\n")
    probe = probe.moved_to(Path(out.name))
    probe.memo["comments-behind"] = count
    return probe


def _front(line: bytes) -> bytes | None:
    """Return the numbers before a comment, None if there is no comment or there is more than numbers before it."""
    mark = _MARK.search(line)
    front = b"" if mark is None else line[: mark.start()].rstrip(b" ")
    if not front[-1:].isdigit() or not _NUMBERS.fullmatch(front):
        return None
    return front if len(re.split(rb"[\s,;]+", front.strip())) > 1 else None


def left_out(probes: Iterable[Probe]) -> list[Finding]:
    """Return the findings that comments behind rows were left out."""
    counts = {probe.name: probe.memo.get("comments-behind", 0) for probe in probes}
    return [
        Finding(
            "comments-ignored", "info", f"Comments (#) after {count:,} rows of {name} were left out.", count
        )
        for name, count in counts.items()
        if count
    ]
