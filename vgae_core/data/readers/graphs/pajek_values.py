"""Pajek partitions (.clu) and vectors (.vec): ``*Vertices n``, then one number per vertex, a class or a value."""

from __future__ import annotations

import re

import numpy as np

from vgae_core.data.readers.base import Content, Format, NodeTable, Probe
from vgae_core.data.readers.text.lines import head_lines, is_whole, named, numbered, read_text

_HEADING = re.compile(r"\*vertices\s+(\d{1,9})", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_MEND = "Write `*Vertices n`, then one number per vertex."


def _recognise(probe: Probe) -> bool:
    if not probe.is_text:
        return False
    first, *rest = [line.strip() for line in head_lines(probe) if not line.startswith("%")] or [""]
    heading = _HEADING.fullmatch(first)
    if heading is None or not rest or not all(map(_NUMBER.fullmatch, rest)):
        return False
    return not is_whole(probe) or len(rest) == int(heading[1])


def _guess(probe: Probe) -> Content:
    whole = all(re.fullmatch(r"\d+", line.strip()) for line in head_lines(probe)[1:])
    return "features" if named(probe, "vec") or not whole else "labels"


def _table(probe: Probe, content: Content, node_ids: np.ndarray) -> NodeTable:
    lines = list(numbered(read_text(probe), ("%",)))
    heading = _HEADING.fullmatch(lines[0][1])
    n = int(heading[1]) if heading else 0
    probe.limits.check("nodes", n, where=probe.name)
    if len(lines) - 1 != n:
        raise probe.error(f"Declares {n:,} vertices. Numbers: {len(lines) - 1:,}.", mend=_MEND)
    bad = next((number for number, line in lines[1:] if _NUMBER.fullmatch(line) is None), None)
    if bad is not None:
        raise probe.error("Not a number.", line=bad, mend=_MEND)
    values = np.array([float(line) for _, line in lines[1:]])
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float32)
    if not np.isfinite(numbers).all():
        raise probe.error("A number is too large.", mend=_MEND)
    if content == "features":
        return NodeTable(where=probe.name, n_rows=n, features=numbers[:, None], feature_names=(probe.stem,))
    classes, codes = np.unique(values, return_inverse=True)
    return NodeTable(
        where=probe.name,
        n_rows=n,
        classes=codes.astype(np.int32),
        class_names=tuple(f"{value:g}" for value in classes),
    )


FORMAT = Format(
    key="pajek-values",
    title="Pajek partition or vector",
    suffixes=("clu", "vec"),
    recognise=_recognise,
    guess=_guess,
    table=_table,
)
