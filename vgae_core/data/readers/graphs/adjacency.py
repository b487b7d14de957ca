"""Adjacency lists: a node and its neighbours on each line, ``a: b c`` or ``a b c``."""

from __future__ import annotations

import dataclasses
import itertools
import re

import numpy as np
import pandas as pd

from vgae_core.data.findings import Finding
from vgae_core.data.readers.base import Edges, Format, Probe, factorize_ids, whole_numbers
from vgae_core.data.readers.columns.first_edges import judge_by
from vgae_core.data.readers.columns.two_sides import sided
from vgae_core.data.readers.text.encodings import what_else
from vgae_core.data.readers.text.frames import is_number, is_whole
from vgae_core.data.readers.text.layouts import COMMENTS
from vgae_core.data.readers.text.lines import head_lines, read_text

_SUFFIXES = ("adjlist", "adj")
_RECURRING = 0.4
"""Share of the neighbours with a row of their own from which rows of three lengths and more are lists."""
_HEAD = 1000
"""Rows that tell what the file is."""
_COLON = re.compile(r"^[^:\s][^:]*:(\s|$)")


def _head(probe: Probe) -> list[str]:
    """Return the first rows, comments left out; none if it is no text."""
    if what_else(probe) is not None:
        return []
    lines = (line.strip() for line in head_lines(probe))
    return list(itertools.islice((line for line in lines if not line.startswith(COMMENTS)), _HEAD))


def _separator(lines: list[str]) -> str | None:
    """Return tab, semicolon or comma if the rows have them, None for blanks."""
    return next((sign for sign in ("\t", ";", ",") if any(sign in line for line in lines)), None)


def _cells(line: str, separator: str | None) -> list[str]:
    """Return the fields of a row without quotes and without empty ones at its end."""
    cells = [cell.strip().strip('"') for cell in line.split(separator)]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _recognise(probe: Probe) -> bool:
    """Tell lists from tables and from prose.

    A colon after every node, or rows of different lengths that list each node once and, behind it, nodes that
    have rows of their own (or whole numbers only).
    """
    if probe.how.role in ("features", "labels") and not probe.as_matrix:
        return False
    lines = _head(probe)
    if not lines or lines[0][0] in "{[<*(":
        return False
    if probe.stem.endswith(tuple(f".{suffix}" for suffix in _SUFFIXES)):
        return True
    if all(_COLON.match(line) for line in lines):
        return _is_list([_cells(line.replace(":", " ", 1), None) for line in lines], strict=False)
    separator = _separator(lines)
    rows = [_cells(line, separator) for line in lines]
    tail = [len(row) for row in rows[1:]]  # the first row may be a header or a count
    usual = max(map(tail.count, set(tail)), default=0)
    uneven = len(set(tail)) > 1 and usual < 0.9 * len(tail)
    several = len(set(tail)) > 2 and separator in (None, "\t")
    if uneven and len(set(map(len, rows))) > 2 and _are_nodes(rows):
        return True
    # With commas a damaged table is likelier: nearly every neighbour must have a row of its own.
    return uneven and _is_list(rows, strict=not several, share=0.9 if separator == "," else 0.5)


def _are_nodes(rows: list[list[str]]) -> bool:
    """Return whether each row begins with another node, and many of those behind begin one; none has a blank in it."""
    if not all(row and all(cell and " " not in cell for cell in row) for row in rows):
        return False
    if any(len(set(row)) < len(row) for row in rows):
        return False
    first = {row[0] for row in rows}
    behind = {cell for row in rows for cell in row[1:]}
    if len(set(map(is_whole, first | behind))) > 1:
        return False  # numbers and words: columns of a table
    return len(first) == len(rows) and len(behind & first) >= max(2, _RECURRING * len(behind))


def _is_list(rows: list[list[str]], *, strict: bool, share: float = 0.5) -> bool:
    """Return whether rows are nodes with their neighbours; whole numbers are taken for that unless `strict`."""
    if not all(row and all(row) for row in rows):
        return False
    first = {row[0] for row in rows}
    behind = {cell for row in rows for cell in row[1:]}
    third = {cell for row in rows for cell in row[2:]}
    if third and all(map(is_number, third)) and not any(is_number(cell) for row in rows for cell in row[:2]):
        return False  # two names and, in some rows, a weight
    if not strict and all(map(is_whole, first | behind)):
        return True
    listed_once = len(first) >= 0.95 * len(rows)
    return listed_once and len(behind & first) >= share * len(behind)


def _edges(probe: Probe) -> Edges:
    findings: list[Finding] = []
    text = read_text(probe)
    head = _head(probe)
    colon = bool(head) and all(_COLON.match(line) for line in head)
    lines = pd.Series(text.split("\n"), dtype="str").str.strip()
    del text
    lines.index += 1
    lines = lines[(lines != "") & ~lines.str.startswith(COMMENTS)]
    if not len(lines):
        raise probe.error("Holds no rows.", mend="One node per line, followed by its neighbours.")
    probe.limits.check("nodes", len(lines), where=probe.name)
    if colon:
        missing = np.flatnonzero(~lines.str.contains(":", regex=False).to_numpy(bool))
        if len(missing):
            raise probe.error(
                "A row lacks a colon after its node.",
                line=int(lines.index[missing[0]]),
                mend="Write every row as `node: neighbour neighbour`.",
            )
        lines = lines.str.replace(r"\s*:\s*", " " if _separator(head) is None else _separator(head), n=1,
                                  regex=True)  # fmt: skip
    signs = int(lines.str.count(r"[\t,;]" if _separator(head) else r"\s+").sum())
    probe.limits.check("edges", signs, where=probe.name)
    fields = [
        [f for f in (g.strip().strip('"') for g in row) if f] for row in lines.str.split(_separator(head))
    ]
    counts = np.fromiter(map(len, fields), np.int64, len(fields))
    flat = pd.Series([field for row in fields for field in row], dtype="str")
    filled = counts[counts > 0]  # a row of separators names nobody
    if not len(filled):
        raise probe.error("Holds no nodes.", mend="One node per line, followed by its neighbours.")
    first = np.zeros(len(flat), bool)
    first[np.cumsum(filled) - filled] = True
    whole = None if flat.str.fullmatch(r"[+-]?0\d+").any() else whole_numbers(flat)
    positions, _, ids = factorize_ids(
        flat if whole is None else whole, (flat if whole is None else whole)[:0]
    )
    probe.limits.check("nodes", len(ids), where=probe.name)
    edges = Edges(
        rows=np.repeat(positions[first], filled - 1),
        cols=positions[~first],
        weights=None,
        node_ids=ids,
        format=FORMAT.title,
        findings=tuple(findings),
    )
    # Of users and the numbers of their items some are the same by chance; nodes that are their own neighbours are rare.
    loops = whole is not None and bool((edges.rows == edges.cols).any())
    edges = sided(probe, edges, same_names=not loops)
    if loops and probe.how.sides == "auto":
        probe.memo["sides"] = dataclasses.replace(probe.memo["sides"], sure=False)
    return edges


FORMAT = Format(
    key="adjacency-list",
    title="adjacency list",
    suffixes=_SUFFIXES,
    recognise=_recognise,
    guess=lambda probe: "edges",
    edges=_edges,
    judge=judge_by(_edges, "a node and its neighbours on each line"),
)
