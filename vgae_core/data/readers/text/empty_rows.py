"""Rows of separators alone at the end of a text, as spreadsheets leave them, and the Ctrl-Z that ends a DOS file."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from vgae_core.data.findings import Finding
from vgae_core.data.readers.base import Probe
from vgae_core.data.readers.text.encodings import what_else

_TAIL = 1 << 16
"""Bytes at the end that are looked at."""
_SEPARATORS = b",;|\t"
_END_OF_FILE = b"\x1a"
_EMPTY = b' \r"' + _SEPARATORS + _END_OF_FILE


def without_empty_rows(probe: Probe, folder: Path) -> Probe:
    """Return a text without empty rows at its end; a copy in `folder`, if it has any.

    Where other rows begin with an empty field too, all of them stay: a matrix may have blank cells.
    """
    if not probe.is_text or what_else(probe) is not None:
        return probe
    size = probe.path.stat().st_size
    with open(probe.path, "rb") as stream:
        stream.seek(max(0, size - _TAIL))
        lines = stream.read().split(b"\n")
    kept = len(lines)
    while kept and not lines[kept - 1].strip(_EMPTY):
        kept -= 1
    rows = [line for line in lines[kept:] if line.strip(b" \r")]
    if not kept or not rows:
        return probe
    used = set(b"".join(rows)) & set(_SEPARATORS)
    first = lines[1 if size > _TAIL else 0 : kept]
    if not used <= set(lines[kept - 1]) or any(line[:1] and line[:1] in _SEPARATORS for line in first):
        return probe
    handle, target = tempfile.mkstemp(dir=folder)
    with open(probe.path, "rb") as source, os.fdopen(handle, "wb") as out:
        shutil.copyfileobj(source, out, 1 << 20)
        out.truncate(size - sum(map(len, lines[kept:])) - len(lines[kept:]) + 1)
    probe.memo["empty rows"] = sum(row.strip() != _END_OF_FILE for row in rows)
    return probe.moved_to(Path(target))


def findings(probes: Sequence[Probe]) -> list[Finding]:
    """Return what is to be told about empty rows that were left out."""
    return [
        Finding(
            "empty-rows", "info", f"{count:,} empty rows at the end of {probe.name} were left out.", count
        )
        for probe in probes
        if (count := probe.memo.get("empty rows", 0))
    ]
