"""A table of delimited text: its header, its columns, and the names that columns usually have."""

from __future__ import annotations

import collections
import csv
import dataclasses
import functools
import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pandas as pd

from vgae_core.data.findings import Part
from vgae_core.data.readers.base import Probe, shorten
from vgae_core.data.readers.columns.header import Header, decide_header
from vgae_core.data.readers.columns.names import NODE_NAMES, USUAL_NAMES, plain_name
from vgae_core.data.readers.text.frames import is_number
from vgae_core.data.readers.text.layouts import Layout, layout
from vgae_core.data.readers.text.splitting import split

_PREVIEW_ROWS, _PREVIEW_COLUMNS = 6, 12
_PLACES, _PIECE = 8, 8192
EDGE_USES = ("source", "target", "targets", "weight", "relation", "time", "ignore")
NODE_USES = ("id", "features", "label", "value", "name", "ignore")
LONG_USES = ("id", "feature_name", "feature_value", "ignore")


@dataclass(frozen=True)
class TextTable:
    """A text file with its header told from its rows."""

    shape: Layout
    header: tuple[str, ...] | None
    skip: int
    """Lines before the first data row."""
    decision: Header
    """Why there is a header, or none."""
    more: tuple[tuple[str, ...], ...] = ()
    """Rows from further down: files are often sorted, and their first rows all of one node."""

    @functools.cached_property
    def plain(self) -> tuple[str, ...]:
        """Names of the columns as :func:`plain_name` gives them; empty without a header."""
        return tuple(map(plain_name, self.header or ()))

    @property
    def data(self) -> list[list[str]]:
        """The first rows below the header."""
        return self.shape.rows[self.skip - self.shape.skip :]  # a header in a comment is no row

    @property
    def preview(self) -> tuple[tuple[str, ...], ...]:
        """The first rows below the names of the columns, as far as a screen shows them."""
        rows = [self.names, *self.data[:_PREVIEW_ROWS]]
        return tuple(tuple(map(shorten, row[:_PREVIEW_COLUMNS])) for row in rows)

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """What each column is called: by its header, or by its number if that is empty or another's."""
        given = self.header or ("",) * self.shape.width
        twice = collections.Counter(given)
        return tuple(n if n and twice[n] == 1 else str(i) for i, n in enumerate(given, 1))

    def name(self, column: int) -> str:
        """Return the header of a column, or its number (from 1)."""
        given = self.header[column] if self.header and column < len(self.header) else ""
        return given or str(column + 1)

    def find(self, names: frozenset[str], but: Collection[int] = ()) -> int | None:
        """Return the first column with one of the plain `names`."""
        return next((i for i, n in enumerate(self.plain) if n in names and i not in but), None)

    def parts(self, uses: Mapping[int, str], possible: tuple[str, ...]) -> tuple[Part, ...]:
        """Return each column with its use and its first values."""
        first = list(itertools.zip_longest(*self.data[:3], fillvalue=""))
        return tuple(
            Part(
                name, uses.get(i, "ignore"), shorten(", ".join(first[i] if i < len(first) else ())), possible
            )
            for i, name in enumerate(self.names)
        )


def table_of(probe: Probe) -> TextTable:
    """Return the table in a text file; worked out once per probe."""
    if "table" not in probe.memo:
        table = _table(probe)
        probe.memo["table"] = dataclasses.replace(table, more=_rows_further_down(probe, table.shape))
    found: TextTable = probe.memo["table"]
    return found


def _rows_further_down(probe: Probe, shape: Layout) -> tuple[tuple[str, ...], ...]:
    """Return whole rows from some places of a file, where it has more than those at hand."""
    size = probe.path.stat().st_size
    piece = min(_PIECE, size // _PLACES)
    rows: list[tuple[str, ...]] = []
    if piece < _PIECE // 8:
        return ()
    with open(probe.path, "rb") as file:
        for place in range(1, _PLACES + 1):
            file.seek(size * place // (_PLACES + 1))
            lines = file.read(piece).decode("utf-8", "replace").split("\n")[1:-1]
            try:
                cut = split(lines, shape.separator, quoted=shape.quoted)
            except csv.Error:
                continue  # an open quote: a piece that says nothing
            rows.extend(tuple(row) for row in cut if len(row) == shape.width)
    return tuple(rows)


def _table(probe: Probe) -> TextTable:
    shape = layout(probe)
    first, rest = shape.rows[0], shape.rows[1:]
    decision = decide_header(probe, shape)
    names = _commented_names(probe, shape)
    if names is not None:
        listed = ", ".join(map(shorten, names[:3])) + ("…" if len(names) > 3 else ".")
        why = f"Lines above the first row: {listed}"
        return TextTable(shape, names, shape.skip, Header(True, why))
    if not decision.present:
        return TextTable(shape, None, shape.skip, decision)
    if not rest and probe.how.header == "yes":
        raise probe.error("Holds a header and no rows.", mend="Provide a file with one row per edge or node.")
    if len(first) == shape.width - 1:  # R leaves out the name of the column of row names
        named = plain_name(first[0]) in NODE_NAMES and shape.width == 2  # the last column has no name
        repeats = len({row[0] for row in rest}) < len(rest)  # names of rows do not
        first = [*first, ""] if named or repeats else ["", *first]
    return TextTable(shape, tuple(first), shape.skip + 1, decision)


def _commented_names(probe: Probe, shape: Layout) -> tuple[str, ...] | None:
    """Return the names of the columns if the comment above the first row has them, and that row has not.

    Between blanks every comment of as many words would do: there one must be a usual name.
    """
    names = shape.commented_header
    if names is None or probe.how.header == "no" or not all(names) or len(set(names)) < len(names):
        return None
    if any(map(is_number, names)) or not (shape.separator or USUAL_NAMES & set(map(plain_name, names))):
        return None
    auto = dataclasses.replace(probe, how=dataclasses.replace(probe.how, header="auto"))
    return None if decide_header(auto, shape).present else names


def texts_of(column: pd.Series) -> pd.Series:
    """Return the fields of a column as text, without blanks around them."""
    return column.astype(str).str.strip()
