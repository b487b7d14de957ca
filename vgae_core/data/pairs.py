"""Pairs of names, typed, pasted or in a file."""

from __future__ import annotations

import csv

from vgae_core.data.readers import SourceFile, read_isolated
from vgae_core.errors import DataError
from vgae_core.host.limits import LIMITS, Limits
from vgae_core.settings import FileSpec

DELIMITERS = "\t;,|"
"""What may stand between two names, the surest first; blanks, where a line has none of these."""

FILE_MB = 1
"""Size of a file of pairs that a browser may send, MB: room for longer names than most."""

EXAMPLE = "Arya, Jon-Snow"
"""A line that is a pair."""


def typed_pairs(text: str, *, limits: Limits = LIMITS) -> list[tuple[str, str]]:
    """Return the two names in each line of a text; empty lines are left out.

    The delimiter of a line is the first of :data:`DELIMITERS` in it, or blanks between two words.  A name in quotation
    marks may contain it.  What follows the second name is left out.

    Raises
    ------
    DataError
        If a line holds no two names.
    LimitError
        If there are more pairs than may be asked about at once.
    """
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    limits.check("asked_pairs", len(lines), where="pairs")
    return [_pair(number, line) for number, line in lines]


def _pair(number: int, line: str) -> tuple[str, str]:
    delimiter = next((sign for sign in DELIMITERS if sign in line), None)
    names = line.split()
    if delimiter is not None:
        try:
            (names,) = csv.reader([line], delimiter=delimiter, skipinitialspace=True)
        except (csv.Error, ValueError) as error:
            raise DataError(f"Not a pair of names: {line!r:.60}.", where=f"line {number}") from error
        names = [name.strip() for name in names[:2]]
    if len(names) != 2 or not all(names):
        raise DataError(
            f"Expected two names. Received: {line!r:.60}.",
            where=f"line {number}",
            mend=f"Write one pair per line, as in {EXAMPLE!r}; put names with commas in quotation marks.",
        )
    return names[0], names[1]


def pairs_in(file: SourceFile) -> list[tuple[str, str]]:
    """Return the two names in each row of a file, read as edges are, in a bounded child process.

    Raises
    ------
    DataError, LimitError
        If it cannot be read as pairs.
    """
    raw = read_isolated([file], [FileSpec(name=file.name, role="edges", sides="one")])
    ends = (raw.node_ids[raw.rows], raw.node_ids[raw.cols])
    return [(str(first), str(second)) for first, second in zip(*ends, strict=True)]
