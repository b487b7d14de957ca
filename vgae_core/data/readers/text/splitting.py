"""Rows of text cut at a separator, and the separator that cuts them best."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SEPARATORS = {"tab": "\t", "semicolon": ";", "comma": ",", "bar": "|", "colons": "::", "space": ""}
"""Separators by name, likeliest first; "" is any run of blanks."""
UNIT = "\x1f"
"""Stands for a separator of two characters, since tables are split at one."""
LONGEST = 16_000_000
"""Bytes of the longest line, or field."""
_PARTICULAR = re.compile(r'["\0]')
"""What only the reader of CSV knows how to take."""
_BLANK = re.compile(r"[^\S\n]")


def split(lines: Sequence[str], separator: str, *, quoted: bool = True) -> list[list[str]]:
    """Return the fields of each row."""
    csv.field_size_limit(LONGEST)
    text = "\n".join(lines)
    if len(text) < LONGEST and _PARTICULAR.search(text) is None:  # most files: a tenth of the time
        if not separator:
            return [row for row in map(str.split, lines) if row]
        if _BLANK.search(text) is None:
            return [line.split(separator) for line in lines if line]
    if not quoted:
        pieces = (line.split(separator or None) for line in lines if line.strip())
        return [[unquoted(field.strip()) for field in row] for row in pieces]
    if separator:
        one = separator if len(separator) == 1 else UNIT
        rows = csv.reader(
            (line.replace(separator, one) + "\n" for line in lines), delimiter=one, skipinitialspace=True
        )
    else:
        rows = csv.reader((re.sub(r"\s+", " ", line.strip()) + "\n" for line in lines), delimiter=" ")
    return [[field.strip() for field in row] for row in rows if row]


def are_columns(
    lines: Sequence[str], separators: Sequence[str] = ("\t", ";", ",", "|"), *, least: int = 2
) -> bool:
    """Return whether one of the separators cuts nearly all lines into as many columns, two or more.

    Parameters
    ----------
    lines : sequence of str
        Whole lines.
    separators : sequence of str
    least : int
        Rows that it takes.
    """
    text = "\n".join(lines)
    ways = (True, False) if '"' in text else (True,)
    return any(_evenly_cut(lines, sign, way, least) for sign in separators if sign in text for way in ways)


def _evenly_cut(lines: Sequence[str], separator: str, quoted: bool, least: int) -> bool:
    try:
        widths = list(map(len, split(lines, separator, quoted=quoted)))
    except csv.Error:
        return False
    usual = max(set(widths), key=widths.count, default=0)
    return usual > 1 and len(widths) >= least and widths.count(usual) >= 0.9 * len(widths)


def unquoted(field: str) -> str:
    """Return the field without the quotation marks around it."""
    return field[1:-1].replace('""', '"') if len(field) > 1 and field[0] == field[-1] == '"' else field


def leaves_open(line: str, separator: str) -> bool:
    """Return whether a quotation mark at the beginning of a field is not closed at the end of one."""
    is_open = False
    for field in line.rstrip("\r\n").split(separator or None):
        text = field.strip()
        if not is_open and text.startswith('"'):
            is_open = not (len(text) > 1 and text.endswith('"'))
        elif is_open and text.endswith('"'):
            is_open = False
    return is_open


@dataclass(frozen=True)
class Cut:
    """The first rows, cut at a separator."""

    separator: str
    quoted: bool
    rows: list[list[str]]
    others: tuple[str, ...] = ()
    """Other separators that cut them evenly, into more or fewer columns."""

    def fields(self, lines: Sequence[str]) -> list[list[str]]:
        """Return the fields of other lines."""
        try:
            return split(lines, self.separator, quoted=self.quoted)
        except csv.Error:
            return split(lines, self.separator, quoted=False)


def choose(lines: list[str], complete: bool, separators: tuple[str, ...]) -> Cut:
    """Return the rows cut at the separator that gives the most even columns."""
    cuts: dict[str, tuple[tuple[bool, bool, bool], Cut]] = {}
    for separator in separators:
        try:
            quoted = separator in (",", ";") or not _has_lone_quote(lines, separator)
            rows = split(lines, separator, quoted=quoted)
        except csv.Error:
            continue
        # A row cut off by the end of the head (an open quote) says nothing.
        counted = rows if complete or len(rows) < 2 else rows[:-1]
        if not counted:
            continue
        counts = [len(row) for row in counted]
        tail = counts[1:] or counts  # the first row may be a header or a SNAP count
        usual = max(set(tail), key=tail.count)
        is_even = sum(c == usual for c in tail) >= 0.9 * len(tail)
        score = (usual > 1 and is_even and counts[0] == usual, usual > 1 and is_even, usual > 1)
        cuts[separator] = (score, Cut(separator, quoted, counted))
    if not cuts:
        return Cut("", False, [line.split() for line in lines])
    best = max(cuts, key=lambda separator: cuts[separator][0])  # the first of several
    even = [separator for separator, (score, _) in cuts.items() if score[1]]
    widths = {separator: len(cut.rows[-1]) for separator, (_, cut) in cuts.items()}
    if best == ",":
        rest = [separator for separator in even if separator in ("|", "::")]
        if rest and all(re.search(r",(?!\s)", line) is None for line in lines):
            best = rest[0]  # commas are followed by a blank: they belong to texts
        elif "" in even and _have_decimal_commas(lines):
            best = ""
    # Names of as many words each are no columns between blanks.
    others = tuple(separator for separator in even if separator and widths[separator] != widths[best])
    return dataclasses.replace(cuts[best][1], others=others)


def _has_lone_quote(lines: list[str], separator: str) -> bool:
    if not any('"' in line for line in lines):
        return False
    counts = [len(line.split(separator or None)) for line in lines]
    even = all(count == counts[-1] for count in counts[1:])
    return even and counts[-1] > 1 and any(leaves_open(line, separator) for line in lines)


def _have_decimal_commas(lines: list[str]) -> bool:
    """Return whether every comma stands within a number between blanks."""
    words = [word for line in lines for word in line.split() if "," in word]
    return all(re.fullmatch(r"[+-]?\d*,\d+([eE][+-]?\d+)?", word) for word in words)


class Joined(io.RawIOBase):
    """A file in which each separator of two characters is one."""

    def __init__(self, path: Path, separator: str) -> None:
        self._file = open(path, "rb")  # noqa: SIM115  closed by close()
        self._separator = separator.encode()

    @classmethod
    def open(cls, path: Path, separator: str) -> io.BufferedReader:
        """Return it with a buffer."""
        return io.BufferedReader(cls(path, separator), 1 << 20)

    def readable(self) -> bool:
        """Return True, as files do that can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read up to as many bytes as the buffer has; return how many."""
        block = self._file.read(len(buffer))
        sign = self._separator[:1]
        if (len(block) - len(block.rstrip(sign))) % 2 and len(block) > 1:
            self._file.seek(-1, io.SEEK_CUR)  # the other half of a separator may come next
            block = block[:-1]
        block = block.replace(self._separator, UNIT.encode())
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
