"""Adjacency matrices as delimited text: as many rows as columns, with or without names."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from vgae_core.data.findings import Finding
from vgae_core.data.readers.arrays.matrices import matrix_edges
from vgae_core.data.readers.base import Edges, Format, Probe, object_array, shorten, whole_numbers
from vgae_core.data.readers.columns.evidence import Column
from vgae_core.data.readers.columns.names import SOURCE_NAMES, TARGET_NAMES, plain_name
from vgae_core.data.readers.columns.text_table import texts_of
from vgae_core.data.readers.tables import delimited
from vgae_core.data.readers.text.byte_scans import count_lines
from vgae_core.data.readers.text.encodings import what_else
from vgae_core.data.readers.text.frames import is_number, numbers, read_frame
from vgae_core.data.readers.text.layouts import Layout, layout
from vgae_core.data.readers.text.written_numbers import is_missing
from vgae_core.errors import DataError

_BLANK = frozenset(("", "-", "."))
"""Cells of an adjacency in which nothing stands: no edge."""
_SMALLEST = 4
"""A narrower matrix without names is an edge list, unless it looks like an adjacency."""
_LIST = 6
"""Columns that an edge list may well have."""


def _square(probe: Probe) -> tuple[Layout, list[str] | None, bool] | None:
    """Return layout, column names, and whether the first column names the rows; None if not square."""
    try:
        shape = layout(probe)
    except DataError:
        return None  # the reader of tables says what is wrong
    first, rest = shape.rows[0], shape.rows[1:]
    n_rows = _count_rows(probe, shape)
    size = str(shape.width)
    if len(first) < min(shape.width, 3) and set(first) == {size} and n_rows == shape.width + 1:
        shape = dataclasses.replace(
            shape, skip=shape.skip + 1, rows=rest
        )  # "4" or "4 4" above four rows of four
        n = shape.width
        return (shape, None, False) if n > 2 and _numeric(rest, 0) and not _is_list(rest) else None
    if not rest or n_rows > shape.width + 1:
        return None
    # An empty corner before different names, or before the first row of a matrix with an empty diagonal.
    corner = first[0] == "" and "" not in first[1:] and len(set(first)) == len(first)
    if len(first) == shape.width == n_rows and not corner and _numeric(shape.rows, 0):
        large = n_rows >= _SMALLEST and not _is_list(shape.rows)
        return (shape, None, False) if large or (n_rows > 2 and _is_adjacency(shape.rows)) else None
    named = shape.width == n_rows and len(first) in (shape.width - 1, shape.width)
    named = named and (len(first) < shape.width or not is_number(first[0]))
    if named and shape.width > 2:  # a row and a column of names, which agree
        columns = first if len(first) == shape.width - 1 else first[1:]
        named = len(set(columns)) == len(columns) or not all(map(is_number, columns))
        named = named and all(row[0] == name for row, name in zip(rest, columns, strict=False))
        if named and _numeric(rest, 1):
            return shape, columns, True
    if len(first) != shape.width:
        return None
    if shape.width == n_rows - 1 >= _SMALLEST and _numeric(rest, 0) and not _is_list(rest, first):
        counted = [str(i) for i in range(shape.width)]
        if first == counted or not any(is_number(name) for name in first):
            return shape, first, False
    return None


def _is_list(rows: list[list[str]], header: Sequence[str] = ()) -> bool:
    """Return whether a square of numbers is a list of as many edges as it has columns.

    It is not symmetric, and is called so, holds times, or begins with numbers of its rows, or with two columns of ids
    and has no zero anywhere.
    """
    if len(rows) > _LIST or _is_symmetric(rows):
        return False
    names = set(map(plain_name, header))
    if names & SOURCE_NAMES and names & TARGET_NAMES:
        return True
    columns = [Column(i, "", fields) for i, fields in enumerate(zip(*rows, strict=True))]
    if header and columns[0].counts_rows:
        return True  # saved with its index
    filled = all(column.filled == 1 and 0 not in column.numbers for column in columns)
    return any(column.time for column in columns) or (filled and all(end.is_whole for end in columns[:2]))


def _is_adjacency(rows: list[list[str]]) -> bool:
    """Return whether a square is symmetric, of 0 and 1, and 0 on its diagonal."""
    return (
        {field for row in rows for field in row} == {"0", "1"}
        and _is_symmetric(rows)
        and all(row[i] == "0" for i, row in enumerate(rows))
    )


def _is_symmetric(rows: list[list[str]]) -> bool:
    return all(row == list(column) for row, column in zip(rows, zip(*rows, strict=True), strict=True))


def _count_rows(probe: Probe, shape: Layout) -> int:
    """Return the number of lines with something on them, blank lines at the end left out."""
    size = probe.path.stat().st_size
    with open(probe.path, "rb") as file:
        file.seek(max(0, size - 65_536))
        tail = file.read()
    blank = tail[len(tail.rstrip(b" \t\r\n\0")) :]
    newlines = count_lines(probe) - (0 if tail.endswith(b"\n") else 1)
    return newlines - blank.count(b"\n") + 1 - shape.skip


def _numeric(rows: list[list[str]], start: int) -> bool:
    """Return whether all cells are numbers or blank, some of them numbers."""
    cells = {field for row in rows for field in row[start:]}
    return any(map(is_number, cells)) and all(is_number(cell) or is_missing(cell) for cell in cells)


def _without_gaps(column: pd.Series, values: np.ndarray, diagonal: int) -> tuple[int, int]:
    """Set cells without a number to 0; return how many are blank, or on the diagonal, and how many say unknown."""
    gaps = np.flatnonzero(np.isnan(values))
    if not len(gaps):
        return 0, 0
    written = texts_of(column)
    unknown = sum(written.iloc[at] not in _BLANK and at != diagonal for at in gaps.tolist())
    values[gaps] = 0
    return len(gaps) - unknown, unknown


def _recognise(probe: Probe) -> bool:
    if probe.how.role in ("labels", "names") or what_else(probe) is not None:
        return False
    if "dense" not in probe.memo:
        probe.memo["dense"] = _square(probe)
    return probe.memo["dense"] is not None


def _edges(probe: Probe) -> Edges:
    shape, names, rows_named = probe.memo["dense"]
    n = shape.width - (1 if rows_named else 0)
    probe.limits.check("nodes", n, where=probe.name)
    probe.limits.check("feature_values", n * n, where=probe.name)
    skip = shape.skip + (0 if names is None else 1)
    frame = read_frame(probe, shape, skip=skip, dtype={0: str} if rows_named else None)
    if rows_named:
        texts = frame[0].astype(str).str.strip().tolist()
        if texts != names:
            at = next((i for i, (a, b) in enumerate(zip(texts, names, strict=False)) if a != b), 0)
            raise probe.error(
                f"Row {at + 1} and column {at + 1} are called {shorten(texts[at])!r} and "
                f"{shorten(names[at])!r}: an adjacency names both alike.",
                mend="Put rows and columns into the same order.",
            )
        frame = frame.iloc[:, 1:]
    if len(frame) != n:
        raise probe.error(
            f"An adjacency must be square. Received: {len(frame)} x {n}.", mend="Include every row."
        )
    matrix = np.empty((n, n), np.float32)
    n_blank = n_unknown = 0
    for at, column in enumerate(frame):
        name = names[at] if names is not None else str(at + 1)
        matrix[:, at] = numbers(probe, shape, skip, frame[column], name)
        blank, unknown = _without_gaps(frame[column], matrix[:, at], at)
        n_blank, n_unknown = n_blank + blank, n_unknown + unknown
    edges = matrix_edges(probe, sparse.coo_array(matrix), FORMAT.title)
    if shape.skip > layout(probe).skip:
        told = Finding("count-row", "info", f"The first row of {probe.name} counts the nodes: {n:,}.")
        edges = dataclasses.replace(edges, findings=(*edges.findings, told))
    if n_blank:
        told = Finding(
            "blank-cells",
            "info",
            f"{n_blank:,} of {n * n:,} cells of {probe.name} are blank and were read as no edge.",
            n_blank,
        )
        edges = dataclasses.replace(edges, findings=(*edges.findings, told))
    if n_unknown:
        told = Finding(
            "unknown-cells",
            "warning",
            f"{n_unknown:,} of {n * n:,} cells of {probe.name} are unknown (NA): read as no edge. Where there is one, "
            "write its weight.",
            n_unknown,
        )
        edges = dataclasses.replace(edges, findings=(*edges.findings, told))
    probe.limits.check("edges", len(edges.rows), where=probe.name)
    if names is None or names == [str(i) for i in range(n)]:
        return edges
    if len(set(names)) < n or not all(names):
        raise probe.error("The names of the columns are not unique.", mend="Give every node its own name.")
    whole = whole_numbers(pd.Series(names, dtype="str"))
    if whole is None or bool((np.diff(whole) <= 0).any()):
        return dataclasses.replace(edges, node_ids=object_array(names))
    return dataclasses.replace(edges, node_ids=whole)


FORMAT = Format(
    key="dense-csv",
    title="dense matrix (text)",
    suffixes=("csv", "tsv", "txt"),
    recognise=_recognise,
    guess=lambda probe: "edges",
    edges=_edges,
    table=delimited.FORMAT.table,
)
