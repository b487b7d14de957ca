"""Whether the first row of a table names its columns, told from what the rows hold."""

from __future__ import annotations

import collections
import itertools
import mmap
import re
from dataclasses import dataclass

from vgae_core.data.readers.base import Probe, shorten
from vgae_core.data.readers.columns.names import (
    FEATURE_NAMES,
    LABEL_NAMES,
    NODE_NAMES,
    SOURCE_NAMES,
    TARGET_NAMES,
    TITLE_NAMES,
    VALUE_NAMES,
    WIDEST,
    are_people,
    plain_name,
    same_but_for_a_mark,
    two_kinds,
)
from vgae_core.data.readers.text.frames import is_number
from vgae_core.data.readers.text.layouts import Layout

_RARE = 0.05
"""Share of rows that share nothing with another row below which such a first row is no edge."""


_ENOUGH = 10
"""Rows from which the way in which values are written says something."""

_WORDS = 4
"""Words of the name of a column, at most, where the row is too short to be one of data."""
_LISTED = re.compile(r"\s*[;|]\s*|,\s+")
"""What stands between the names where a field lists several."""


@dataclass(frozen=True)
class Header:
    """Whether there is a header row, the evidence in words, and whether it suffices."""

    present: bool
    why: str
    sure: bool = True


def decide_header(probe: Probe, shape: Layout) -> Header:
    """Return whether the first row names the columns.

    In this order: what the user says; names that columns usually have; columns that hold numbers below a word;
    and, where all is text, whether what stands in the first row occurs again in the file.
    """
    if probe.how.header != "auto":
        return Header(probe.how.header == "yes", "As chosen.")
    first, rest = shape.rows[0], shape.rows[1:]
    plain = [plain_name(name) for name in first]
    if any(_is_numeric(name) for name in first):
        # pandas writes ",0,1,2" for unnamed columns: an empty corner over a column of ids
        corner = len(first) > 2 and first[0] == "" and all(map(is_number, first[1:]))
        return Header(
            corner, "The corner of the table is empty." if corner else "The first row holds numbers."
        )
    if rest and len(first) == shape.width - 1 and all(len(name.split()) <= _WORDS for name in first):
        return Header(True, "The first row is one field short: the column of row names has no heading.")
    known = SOURCE_NAMES | TARGET_NAMES | NODE_NAMES | FEATURE_NAMES | LABEL_NAMES
    named = plain[0] in SOURCE_NAMES | NODE_NAMES and len(plain) > 1
    if named and (plain[1] in known | VALUE_NAMES | TITLE_NAMES or len(set(plain)) == len(plain)):
        below = {field for row in rest for field in row}
        again = next((name for name in first if name in below), None)
        if again is None or plain[1] in known | VALUE_NAMES | TITLE_NAMES:
            return Header(True, f"{_listed(first)} are usual column names.")
    rows = [row for row in rest if len(row) == len(first)]
    for name, fields in zip(first, zip(*rows, strict=True), strict=False):
        if any(fields) and name and all(_is_numeric(field) for field in fields if field):
            return Header(True, f"Below {shorten(name)!r} there are only numbers.")
    return _of_texts(probe, shape, first, rows)


def _of_texts(probe: Probe, shape: Layout, first: list[str], rows: list[list[str]]) -> Header:
    """Return whether a row of words over columns of words names them."""
    if len(first) < 2 or not rows:
        return Header(False, "There is only one row." if not rows else "There is only one column.")
    below = {field for row in rows for field in row}
    again = next((name for name in first if name and name in below), None)
    if again is not None:
        return Header(False, f"{shorten(again)!r} of the first row occurs again below.")
    near = first[:WIDEST]
    couples = [(a, b) for at, a in enumerate(near) for b in near[at + 1 :]]
    pair = next((couple for couple in couples if same_but_for_a_mark(*couple)), None)
    stems = {re.sub(r"\d+$", "", field) for row in rows for field in row}
    if pair is not None and not {re.sub(r"\d+$", "", end) for end in pair} & stems:
        return Header(True, f"{_listed(pair)} name the two ends of an edge and occur nowhere below.")
    if any(two_kinds(a, b) and (are_people(a) or are_people(b) or _is_of_ids(a, b)) for a, b in couples):
        return Header(True, f"{_listed(first)} are usual column names and occur nowhere below.")
    usual = [name for name in first[1:] if plain_name(name) in LABEL_NAMES | TITLE_NAMES and len(name) > 1]
    if usual:
        return Header(True, f"{_listed(usual)} is a usual column name and occurs nowhere below.")
    if len(rows) >= _ENOUGH and _is_written_otherwise(first[:WIDEST], rows):
        return Header(True, f"{_listed(first)} are written differently from all values below them.")
    named = [{name for field in row for name in _LISTED.split(field)} for row in rows]
    counts = collections.Counter(itertools.chain.from_iterable(named))
    alone = sum(all(counts[name] == 1 for name in names) for names in named)
    later = _found_later(probe, shape, first)
    if later:
        return Header(False, f"{shorten(later)!r} of the first row occurs again further down.")
    if alone <= _RARE * len(rows):
        return Header(
            True, f"No value of the first row ({_listed(first)}) occurs again; almost all others do.",
            sure=len(rows) >= 3,
        )  # fmt: skip
    return Header(
        False,
        f"No value of the first row ({_listed(first)}) occurs again, but that is also true of {alone:,} of the next "
        f"{len(rows):,} rows.",
        sure=len(rows) < 3,
    )


def _found_later(probe: Probe, shape: Layout, first: list[str]) -> str:
    """Return the field of the first row that occurs again beyond the rows at hand; empty if none."""
    if probe.path.stat().st_size <= len(probe.head):
        return ""
    ends = re.escape(shape.separator.encode() or b" ") + (b"" if shape.separator else rb"\t")
    with open(probe.path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for field in first:
            pattern = rb'[\r\n"' + ends + rb"]" + re.escape(field.encode()) + rb'[\r\n"' + ends + rb"]"
            here = data.find(field.encode())
            if field and re.compile(pattern).search(data, here + len(field.encode())):
                return field
    return ""


def _is_of_ids(*names: str) -> bool:
    return any(re.search(r"(?<=[_\W])(id|name|code)$|[a-z]I[dD]$", name, re.IGNORECASE) for name in names)


def _is_written_otherwise(first: list[str], rows: list[list[str]]) -> bool:
    """Return whether some columns are written in one way throughout, and the first row in none of them so."""
    uniform = []
    for name, fields in zip(first, zip(*rows, strict=True), strict=False):
        shapes = {_shape(field) for field in fields}
        if len(shapes) == 1:
            uniform.append(bool(name) and _shape(name) not in shapes)
    return bool(uniform) and all(uniform)


def _shape(text: str) -> str:
    """Return how a value is written: letters as a, digits as 9, runs as one."""
    return re.sub(r"9+", "9", re.sub(r"[^\W\d_]+", "a", re.sub(r"\d", "9", text)))


def _is_numeric(text: str) -> bool:
    return is_number(text) or is_number(text.replace(",", ".", 1))


def _listed(names: list[str] | tuple[str, ...]) -> str:
    shown = [f"{shorten(name, 30)!r}" for name in names[:3]]
    return ", ".join(shown) + ("…" if len(names) > 3 else "")
