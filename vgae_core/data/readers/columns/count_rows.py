"""A first row that counts what follows: "nodes edges", "rows columns entries", or "nodes edges" and a third number."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from vgae_core.data.findings import Finding
from vgae_core.data.readers.base import Probe, examples
from vgae_core.data.readers.columns.text_table import TextTable
from vgae_core.data.readers.text.byte_scans import count_lines

_LEAST = 3
"""Rows from which two numbers that count nodes and rows exactly are no edge."""

_SOME = 5
"""Rows from which those below a first one are evidence enough."""


def count_row(probe: Probe, table: TextTable) -> tuple[int, ...] | None:
    """Return the first row if it may count what follows: "edges", "nodes edges" or "rows columns entries"."""
    first = table.shape.rows[0]
    if table.header is not None or len(first) > 3 or len(table.shape.rows) < 2:
        return None
    if not all(re.fullmatch(r"\d{1,18}", field) for field in first):
        return None
    counts = tuple(map(int, first))
    below = _rows_below(probe, table)
    if len(first) == 3 == table.shape.width and below not in counts[1:]:
        return None
    return counts


def _rows_below(probe: Probe, table: TextTable) -> int:
    """Return how many rows a table has below its first one."""
    return count_lines(probe) - table.skip - 1


def begins_with_counts(probe: Probe, table: TextTable) -> bool:
    """Return whether the first row seems to count the rows below it, as far as their number tells."""
    counts = count_row(probe, table)
    below = _rows_below(probe, table)
    return counts is not None and (_is_near(counts[-1], below) or below in counts)


def counts_entries(probe: Probe, table: TextTable) -> bool:
    """Return whether the first row counts rows, columns and entries of a matrix, whose third column is then values."""
    counts = count_row(probe, table)
    return counts is not None and len(counts) == 3 and counts[2] == _rows_below(probe, table)


def without_counts(probe: Probe, table: TextTable) -> TextTable:
    """Return the table without the first row if that seems to count the others: as evidence it is none of them."""
    if len(table.shape.rows) <= _SOME or not begins_with_counts(probe, table):
        return table
    return dataclasses.replace(table, shape=dataclasses.replace(table.shape, rows=table.shape.rows[1:]))


def counted_shape(
    probe: Probe, table: TextTable, ends: Sequence[np.ndarray | pd.Series]
) -> tuple[int, int] | None:
    """Return the rows and columns of a matrix that the first row counts, if the ids below are within them."""
    counts = count_row(probe, table)
    below = _rows_below(probe, table)
    if (
        counts is None
        or len(counts) != 3
        or not _is_near(counts[2], below)
        or counts[2] != below == counts[1]
    ):
        return None
    within = all(
        isinstance(end, np.ndarray) and len(end) and int(end.max()) <= most
        for end, most in zip(ends, counts, strict=False)
    )
    return (counts[0], counts[1]) if within else None


def _is_near(announced: int, listed: int) -> bool:
    """Return whether a count is that of the rows: once, in both directions; some drop self-loops and keep it."""
    return any(abs(announced - rows) <= 0.05 * rows for rows in (listed, 2 * listed, listed / 2))


def counted(
    probe: Probe,
    table: TextTable,
    counts: tuple[int, ...],
    ends: list[np.ndarray | pd.Series],
    text: bool,
    findings: list[Finding],
) -> tuple[int, ...] | None:
    """Return nodes and edges from the first row if the rows below agree with it, else None: it is an edge."""
    what: tuple[str, ...]
    if text:
        nodes = 0  # names tell of no node without an edge
        names = pd.concat(list(map(pd.Series, ends))).nunique()
        agree = counts[-1] == len(ends[0]) and (len(counts) == 1 or (len(counts) == 2 and counts[0] >= names))
        what = ("nodes", "edges")[-len(counts) :]
    else:
        nodes, what = _told_by(counts, *ends)
        agree = bool(what)
    if not agree:
        return None
    listed = ", ".join(f"{count:,} {word}" for count, word in zip(counts, what, strict=False))
    findings.append(
        Finding("count-row", "info", f"The first row of {probe.name} was read as counts: {listed}.")
    )
    return nodes, counts[-1]


def _told_by(
    counts: tuple[int, ...], source: np.ndarray | pd.Series, target: np.ndarray | pd.Series
) -> tuple[int, tuple[str, ...]]:
    """Return how many nodes a first row announces and what each of its numbers counts; nothing if it is an edge."""
    n_rows = len(source)
    low, high = (
        (min(int(source.min()), int(target.min())), max(int(source.max()), int(target.max())))
        if n_rows
        else (0, 0)
    )
    if len(counts) == 1:  # a row of one number is no edge
        (count,) = counts
        beyond = count == high + 1 and (low == 0 or count != n_rows)
        if beyond or count == high or (count != n_rows and high < count <= 2 * high):
            return count, ("nodes",)
        return 0, ("edges",) if count == n_rows else ()
    names = np.unique(np.concatenate([source, target]))
    if len(counts) == 3:
        if counts[1] == n_rows != counts[2] and _are_counts(counts[:2], source, target):
            return counts[0], ("nodes", "edges")
        within = all(int(end.max()) <= most for end, most in zip((source, target), counts, strict=False))
        agree = within and _are_counts((max(counts[:-1]), counts[-1]), source, target)
        return (max(counts[:-1]), ("rows", "columns", "entries")) if agree else (0, ())
    if _are_counts(counts[:2], source, target):
        return counts[0], ("nodes", "edges")
    if n_rows < _LEAST:
        return 0, ()  # any two small numbers are those of so few rows
    if counts == (len(names), n_rows):
        return counts[0], ("nodes", "edges")
    if counts == (n_rows, len(names)) and counts[0] not in names:
        return counts[1], ("edges", "nodes")
    return 0, ()


def _are_counts(
    counts: tuple[int, ...], source: np.ndarray | pd.Series, target: np.ndarray | pd.Series
) -> bool:
    """Whether "a b" on the first line counts the nodes and edges of the rows below it."""
    n_nodes, n_edges = counts
    entries = len(source)
    if not entries:
        return n_edges == 0  # a graph that is announced to be empty
    low, high = min(int(source.min()), int(target.min())), max(int(source.max()), int(target.max()))
    fits = low >= 0 and (high < n_nodes or (low >= 1 and high <= n_nodes))
    return fits and _is_near(n_edges, entries)


def with_announced(
    announced: int, rows: np.ndarray, cols: np.ndarray, ids: np.ndarray, findings: list[Finding]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Add the nodes that the count row announces and no edge names."""
    missing = announced - len(ids)
    if missing <= 0 or missing > 1_000_000:
        return rows, cols, ids
    first = 0 if len(ids) and ids[0] == 0 else 1
    complete = np.arange(first, first + announced, dtype=np.int64)
    if len(ids) and ids[-1] > complete[-1]:
        complete -= first
    findings.append(
        Finding("announced-nodes", "info", f"{missing:,} declared nodes have no edge.", missing,
                examples(np.setdiff1d(complete, ids, assume_unique=True)))
    )  # fmt: skip
    offset = int(complete[0]) if len(complete) else 0
    return ids[rows] - offset, ids[cols] - offset, complete
