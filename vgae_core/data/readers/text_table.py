"""A table of delimited text: its header, its columns, and the names that columns usually have."""

from __future__ import annotations

import collections
import functools
import itertools
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pandas as pd

from vgae_core.data.dataset import Part
from vgae_core.data.readers.base import Probe, shorten
from vgae_core.data.readers.text import Layout, is_number, layout


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Usual column names, in lower case and without blanks and punctuation.
SOURCE_NAMES = _names("source src from fromnodeid fromid node1 nodea id1 u sourceid")
TARGET_NAMES = _names("target dst dest destination to tonodeid toid node2 nodeb id2 v targetid")
WEIGHT_NAMES = _names("weight weights w value count score strength combinedscore")
NODE_NAMES = _names("id ids node nodes nodeid nodename name key index vertex vertexid uid userid")
FEATURE_NAMES = _names("feature features featureid feat attribute attributeid word wordid gene column")
VALUE_NAMES = _names("value val weight count x data")
LABEL_NAMES = _names(
    "label labels class classes classlabel target targets y category community group cluster club type "
    "pagetype department"
)
TITLE_NAMES = _names("name names title nodename pagename caption")
_PREVIEW_ROWS, _PREVIEW_COLUMNS = 6, 12
EDGE_USES = ("source", "target", "weight", "ignore")
NODE_USES = ("id", "features", "label", "value", "name", "ignore")
LONG_USES = ("id", "feature_name", "feature_value", "ignore")


def plain_name(name: str) -> str:
    """Return a column name in lower case, without blanks and punctuation."""
    return re.sub(r"[\s_\-.]+", "", name).lower()


@dataclass(frozen=True)
class TextTable:
    """A text file with its header told from its rows."""

    shape: Layout
    header: tuple[str, ...] | None
    skip: int
    """Lines before the first data row."""

    @property
    def plain(self) -> tuple[str, ...]:
        """Names of the columns as :func:`plain_name` gives them; empty without a header."""
        return tuple(map(plain_name, self.header or ()))

    @property
    def data(self) -> list[list[str]]:
        """The first rows below the header."""
        return self.shape.rows[self.skip - self.shape.skip :]  # a header in a comment is no row

    @property
    def preview(self) -> tuple[tuple[str, ...], ...]:
        """The first rows, as far as a screen shows them."""
        return tuple(tuple(map(shorten, row[:_PREVIEW_COLUMNS])) for row in self.data[:_PREVIEW_ROWS])

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """What each column is called: by its header, or by its number if that is empty or another's."""
        given = self.header or ("",) * self.shape.width
        twice = collections.Counter(given)
        return tuple(n if n and twice[n] == 1 else str(i) for i, n in enumerate(given, 1))

    def name(self, column: int) -> str:
        """Return the header of a column, or its number (from 1)."""
        return self.header[column] if self.header and column < len(self.header) else str(column + 1)

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
        probe.memo["table"] = _table(probe)
    found: TextTable = probe.memo["table"]
    return found


def _table(probe: Probe) -> TextTable:
    shape = layout(probe)
    first, rest = shape.rows[0], shape.rows[1:]
    said = probe.how.header
    commented = _commented_header(shape)
    if commented is not None and said != "no" and not _has_header(first, rest):
        return TextTable(shape, commented, shape.skip)
    if said == "no" or (said == "auto" and not _has_header(first, rest)):
        return TextTable(shape, None, shape.skip)
    if not rest and said == "yes":
        raise probe.error("Holds a header and no rows.", mend="Hand in a file with one row an edge or node.")
    if len(first) == shape.width - 1:  # R leaves out the name of the column of row names
        first = [*first, ""] if plain_name(first[0]) in SOURCE_NAMES | NODE_NAMES else ["", *first]
    return TextTable(shape, tuple(first), shape.skip + 1)


def _commented_header(shape: Layout) -> tuple[str, ...] | None:
    """Return the names of the columns if they stand in the comment above the first row.

    Between blanks every comment of as many words would do: there one must be a usual name.
    """
    names = shape.commented_header
    if names is None or not all(names) or len(set(names)) < len(names) or any(map(is_number, names)):
        return None
    usual = SOURCE_NAMES | TARGET_NAMES | NODE_NAMES | WEIGHT_NAMES | FEATURE_NAMES | LABEL_NAMES
    return names if shape.separator or usual & set(map(plain_name, names)) else None


def _has_header(first: list[str], rest: list[list[str]]) -> bool:
    plain = [plain_name(name) for name in first]
    if any(is_number(name) for name in first):
        # pandas writes ",0,1,2" for unnamed columns: an empty corner over a column of ids
        return len(first) > 2 and first[0] == "" and all(is_number(n) for n in first[1:])
    known = SOURCE_NAMES | TARGET_NAMES | NODE_NAMES | FEATURE_NAMES | LABEL_NAMES
    if (
        plain[0] in SOURCE_NAMES | NODE_NAMES
        and len(plain) > 1
        and (plain[1] in known | VALUE_NAMES or len(set(plain)) == len(plain))
    ):
        return True
    columns = list(zip(*[row for row in rest if len(row) == len(first)], strict=False))
    return bool(rest) and any(
        column and all(is_number(v) for v in column if v) and any(column) for column in columns
    )


def leading_zeros(table: TextTable, source: int, target: int) -> bool:
    """Whether ids such as "007" must stay texts."""
    return any(re.fullmatch(r"0\d+", row[i]) for row in table.data for i in (source, target) if i < len(row))


def texts_of(column: pd.Series) -> pd.Series:
    """Return the fields of a column as text, without blanks around them."""
    return column.astype(str).str.strip()
