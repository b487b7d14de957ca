"""What the fields of a column look like: numbers, times, row numbers, kinds of edges.

Judged from the first rows of a table, so that a look at a file and its reading agree.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from vgae_core.data.readers.columns.names import WIDEST, plain_name, same_but_for_a_mark
from vgae_core.data.readers.columns.text_table import TextTable
from vgae_core.data.readers.text.frames import is_number, is_whole
from vgae_core.data.readers.text.written_numbers import MISSING, number

_SECONDS = (6e8, 2.2e9)  # 1989 to 2039, in seconds since 1970
_UNITS = ((1, "seconds"), (1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds"))
_CALENDAR = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])((0[1-9]|[12]\d|3[01])(([01]\d|2[0-3])([0-5]\d){1,2})?)?")
"""A month, a day, a minute or a second as one number: 202003, 20200317, 202003171455."""
_CODE = re.compile(r"0\d")
_SIGNS = frozenset("+-")
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?([T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}( .*)?")
_TIME_NAMES = re.compile(
    r"time|date|year|month|day|hour|created|updated|week|epoch$|^ts$|^when$|^since$|"
    r"^(wave|round|season|period|quarter)s?$"
)
_ID_NAMES = re.compile(r"(id|index|idx|key|number|no|rank)$|^(row|unnamed0?|x|#)$")

_ATTRIBUTES = re.compile(
    r"type|kind|class|category|database|species|organism|taxon|taxid|strain|length|score"
)
_POOR = 0.1
"""Share of the richest column's different values below which columns hold no nodes, whatever they are called."""

_CALLED = re.compile(r"symbol|name")


@dataclass(frozen=True)
class Column:
    """The first fields of one column.

    Parameters
    ----------
    index : int
        Position, from 0.
    name : str
        Header, or empty.
    fields : tuple of str
        One per row at the beginning of the file.
    more : tuple of str
        From rows further down.
    """

    index: int
    name: str
    fields: tuple[str, ...]
    more: tuple[str, ...] = ()

    @functools.cached_property
    def plain(self) -> str:
        """The header in lower case, without blanks and punctuation."""
        return plain_name(self.name)

    @functools.cached_property
    def known(self) -> tuple[str, ...]:
        """The fields that hold something; a ``-`` beside a ``+`` is a sign."""
        if "+" in self.fields:
            return tuple(f for f in self.fields if f in _SIGNS or f.lower() not in MISSING)
        return tuple(field for field in self.fields if field.lower() not in MISSING)

    @functools.cached_property
    def distinct(self) -> frozenset[str]:
        """The different known fields."""
        return frozenset(self.known)

    @functools.cached_property
    def seen(self) -> frozenset[str]:
        """The different known fields, those from further down included."""
        more = set(self.more) - self.distinct
        return self.distinct | {field for field in more if field.lower() not in MISSING}

    @property
    def filled(self) -> float:
        """Share of the fields that hold something."""
        return len(self.known) / len(self.fields) if self.fields else 0.0

    @functools.cached_property
    def is_numeric(self) -> bool:
        """Whether every known field is a number; decimal commas count."""
        return bool(self.known) and all(is_number(field) for field in self.known)

    @functools.cached_property
    def is_mostly_numeric(self) -> bool:
        """Whether at least half of the known fields are numbers: the others are then mistakes."""
        return 2 * sum(is_number(field) for field in self.known) >= max(len(self.known), 1)

    @functools.cached_property
    def is_whole(self) -> bool:
        """Whether every known field is a whole number."""
        return bool(self.known) and all(is_whole(field) for field in self.known)

    @functools.cached_property
    def is_code(self) -> bool:
        """Whether the known fields are numbers with zeros in front, such as ISBNs: texts."""
        return self.is_numeric and any(_CODE.match(field) for field in self.known)

    @functools.cached_property
    def has_points(self) -> bool:
        """Whether the known fields are numbers written with a decimal mark, be they whole: ``5.0``."""
        return self.is_numeric and any("." in field or "," in field for field in self.known)

    @functools.cached_property
    def numbers(self) -> tuple[float, ...]:
        """The known fields as numbers; only of a numeric column."""
        return tuple(number(field) for field in self.known)

    @functools.cached_property
    def steps(self) -> frozenset[float]:
        """The differences between neighbouring numbers."""
        return frozenset(b - a for a, b in zip(self.numbers, self.numbers[1:], strict=False))

    @property
    def counts_rows(self) -> bool:
        """Whether the fields are 0, 1, 2, … or 1, 2, 3, …."""
        return (
            self.is_whole and self.filled == 1 and self.numbers[0] in (0, 1) and self.steps in ({1.0}, set())
        )

    @functools.cached_property
    def time(self) -> str:
        """What kind of time the fields are, in words; empty if none."""
        if not self.known:
            return ""
        if not self.is_numeric:
            return "dates" if all(_DATE.fullmatch(field) for field in self.known) else ""
        low, high = min(self.numbers), max(self.numbers)
        for unit, words in _UNITS:
            if _SECONDS[0] * unit <= low and high <= _SECONDS[1] * unit:
                return f"{words} since 1970"
        if self.is_whole and len(self.distinct) > 1:
            if low >= 1700 and high <= 2100:
                return "years"
            if len(self.distinct) > 2 and all(_CALENDAR.fullmatch(field) for field in self.known):
                return "dates"
            if low >= 19_000_101 and high <= 21_001_231 and all(_is_day(n) for n in self.numbers):
                return "dates"
        return ""

    @property
    def is_named_time(self) -> bool:
        """Whether the header says that it holds times."""
        return bool(_TIME_NAMES.search(self.plain))

    @property
    def is_named_id(self) -> bool:
        """Whether the header says that it numbers something."""
        return bool(_ID_NAMES.search(self.plain))


def _is_day(number: float) -> bool:
    return 1 <= number // 100 % 100 <= 12 and 1 <= number % 100 <= 31


def columns_of(table: TextTable) -> list[Column]:
    """Return the columns of a table, as far as its first rows tell."""
    rows = [row for row in table.data if len(row) == table.shape.width]
    names = table.header or ("",) * table.shape.width
    fields: Sequence[tuple[str, ...]] = list(zip(*rows, strict=True)) or [()] * table.shape.width
    more: Sequence[tuple[str, ...]] = list(zip(*table.more, strict=True)) or [()] * table.shape.width
    return [Column(i, *column) for i, column in enumerate(zip(names, fields, more, strict=False))]


def overlap(left: Column, right: Column) -> float:
    """Return the share of the smaller column's different fields that the other one has, too."""
    smaller = min(len(left.seen), len(right.seen))
    return len(left.seen & right.seen) / smaller if smaller else 0.0


def named_pairs(columns: Sequence[Column]) -> list[tuple[Column, Column]]:
    """Return the pairs of columns whose headers say that they are the ends of an edge, the best first.

    Better are those that are filled, differ from row to row, and hold names rather than numbers or kinds.
    """
    columns = columns[:WIDEST]
    richest = max((len(c.seen) for c in columns if c.is_whole or not c.is_numeric), default=0)
    pairs = [
        (left, right)
        for at, left in enumerate(columns)
        for right in columns[at + 1 :]
        if same_but_for_a_mark(left.name, right.name)
        and max(len(left.seen), len(right.seen)) >= _POOR * richest
    ]

    def worth(pair: tuple[Column, Column]) -> tuple[bool, bool, bool, bool, bool, bool]:
        left, right = pair
        n = len(left.seen | right.seen)
        return (
            min(left.filled, right.filled) >= 0.9,
            2 * n >= richest,
            n > 1 and any(a != b for a, b in zip(left.fields, right.fields, strict=True)),
            not _ATTRIBUTES.search(left.plain),
            bool(overlap(left, right)),
            bool(_CALLED.search(left.plain)),
        )

    return sorted(pairs, key=worth, reverse=True)


def tells_of_one_end(column: Column, columns: Sequence[Column]) -> bool:
    """Return whether another header says the same of the other end: ``TYPEA`` and ``TYPEB`` tell of nodes."""
    others = [other for other in columns[:WIDEST] if other is not column]
    return any(
        same_but_for_a_mark(*pair)
        for other in others
        for pair in ((column.name, other.name), (other.name, column.name))
    )


def is_relation(column: Column, ends: tuple[Column, Column]) -> bool:
    """Return whether the column holds kinds of edges: few words, often repeated, that are no nodes."""
    rows = len(column.known)
    if column.is_mostly_numeric or column.time or not rows or rows < len(column.fields):
        return False
    if column.seen & (ends[0].seen | ends[1].seen):
        return False
    nodes = len(ends[0].seen | ends[1].seen)
    return len(column.distinct) <= max(1, 0.6 * rows) and len(column.distinct) < nodes
