"""How a text file is laid out: delimiter, comments, quotes, decimal mark, and what makes up its rows."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vgae_core.data.findings import Choice, Judgement
from vgae_core.data.readers.base import Probe
from vgae_core.data.readers.text import byte_scans, encodings
from vgae_core.data.readers.text.encodings import what_else
from vgae_core.data.readers.text.splitting import LONGEST, SEPARATORS, UNIT, Cut, choose, split
from vgae_core.data.readers.text.written_numbers import Decimal, decimal_mark, is_number, is_whole
from vgae_core.errors import DataError

COMMENTS = ("#", "%")
_SEPARATOR_NAMES = {separator: name for name, separator in SEPARATORS.items()}
_HEAD_ROWS = 200
_MOST_MARKED = 100_000
"""Of more lines that begin with a comment sign only the next character is looked at."""
_SEP_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
"""What Excel writes above a table to say the separator."""
_REMARK = re.compile(r"(//|;)(\s|$)")
_TITLE = re.compile(r"(?=.*[^\W\d_])\S+( \S+)+")
"""Words in one field above a table of several: what the table is called."""
_NAME_AFTER_SIGN = re.compile(r"[#%][^\s#%!]")
ENCODING = "utf-8-sig"


@dataclass(frozen=True)
class Layout:
    """How a text file is laid out.

    Parameters
    ----------
    separator : str
        Tab, semicolon, comma, bar or two colons; empty for any run of blanks.
    encoding : str
        What it was written in; what is read here is UTF-8.
    skip : int
        Lines before the first row: comments, blank lines and Excel's ``sep=``.
    rows : list of list of str
        The first rows, the header included.
    comments : tuple of str
        The comment lines at the top.
    width : int
        Number of columns.
    inner_comments : bool
        Whether comment lines between the rows are left out too.
    decimal : str
        The decimal mark.
    trailing : bool
        Whether each row ends with a separator, after which there is nothing.
    quoted : bool
        Whether quotation marks hold fields together; if not they are as any other character.
    marked_rows : bool
        Whether a line that begins with a comment sign can be a row: it has the columns of one.
    commented_header : tuple of str or None
        The last comment before the first row, without its sign, if it has as many fields as a row.
    """

    separator: str
    encoding: str
    skip: int
    rows: list[list[str]]
    comments: tuple[str, ...]
    width: int
    inner_comments: bool = False
    decimal: Decimal = "."
    trailing: bool = False
    quoted: bool = True
    marked_rows: bool = False
    commented_header: tuple[str, ...] | None = None

    @property
    def separator_name(self) -> str:
        """Return the separator in words."""
        return _SEPARATOR_NAMES[self.separator]

    @property
    def title(self) -> str:
        """Return what such a text is usually called."""
        return {",": "CSV", "\t": "TSV"}.get(self.separator, f"{self.separator_name}-separated")


def layout(probe: Probe) -> Layout:
    """Return how the text file is laid out.

    Raises
    ------
    DataError
        If it is not text, is empty, or its rows differ in length.
    """
    if "layout" not in probe.memo:
        probe.memo["layout"] = _layout(probe)
    shape: Layout = probe.memo["layout"]
    return shape


def _layout(probe: Probe) -> Layout:
    other = what_else(probe)
    if other:
        raise probe.error(
            f"This is {other}, not a table of text.",
            mend="Provide CSV, TSV, Matrix Market, npz or JSON (also .gz).",
        )
    lines, complete = _head_lines(probe)
    announced = _SEP_LINE.fullmatch(lines[0].strip(" \r"))
    before = _remarks(lines) if announced is None else 1
    filled = [i for i, line in enumerate(lines) if i >= before and line.strip()]
    text = "\n".join(lines)
    if any(sign in text for sign in COMMENTS):
        plain = [i for i in filled if not lines[i].lstrip().startswith(COMMENTS)]
        # Lines such as "#ai,#ml,3" or "%C3%96tzi,Italy" may be rows, and "#node1 node2" a header.
        marked = [i for i in filled if _NAME_AFTER_SIGN.match(lines[i])]
    else:
        plain, marked = filled, []
    if not plain and not marked:
        what = "only comments" if filled else "no rows"
        raise probe.error(f"Holds {what}.", mend="Provide a file with one row per edge or node.")
    given = SEPARATORS.get(probe.how.separator)
    if given is None and announced is not None and announced.group(1) in _SEPARATOR_NAMES:
        given = announced.group(1)
    choices = tuple(SEPARATORS.values()) if given is None else (given,)
    told = plain if len(plain) > 1 else sorted(plain + marked)
    cut = choose([lines[i] for i in told[:_HEAD_ROWS]], complete, choices)
    if given is None:
        probe.memo["separators"] = cut.others
    counts = [len(row) for row in cut.rows[1:]] or [len(cut.rows[0])]
    width = max(set(counts), key=counts.count)
    first = plain[0] if plain else len(lines)
    alike = [i for i in marked if sum(map(len, cut.fields([lines[i]]))) == width]
    at_top, below = [i for i in alike if i < first], [i for i in alike if i > first]
    kept = [lines[i] for i in plain[:_HEAD_ROWS]]
    names = cut.fields(kept)
    at_top = at_top if _are_rows(cut.fields([lines[i] for i in at_top]), names) else []
    if cut.separator == "" and len(plain) > 1 and not _are_rows(cut.fields([lines[i] for i in below]), names):
        below = []  # a comment of as many words as there are columns
    elif len(names) > 1 and is_whole(names[-1][0]):
        below = []  # "#3,4" is an edge that somebody took out
    if not plain and not at_top:
        raise probe.error("Holds only comments.", mend="Provide a file with one row per edge or node.")
    body = sorted([*plain, *at_top, *below])
    skip = body[0]
    comments = [lines[i].strip() for i in filled if i < skip]
    rows = cut.rows if body == told else cut.fields([lines[i] for i in body[:_HEAD_ROWS]])
    if rows is not cut.rows and not complete and len(rows) > 1 and len(body) <= _HEAD_ROWS:
        rows = rows[:-1]
    if len(rows) > 2 and width > 1 and len(rows[0]) == 1 and _TITLE.fullmatch(rows[0][0]):
        comments, skip, rows = [*comments, rows[0][0]], body[1], rows[1:]
    if len(rows) > 2 and width > 1 and all(len(row) == 1 and row[0].isdigit() for row in rows[:2]):
        skip, rows = (
            body[1],
            [[rows[0][0], rows[1][0]], *rows[2:]],
        )  # nodes and edges, each counted on its own line
    trailing = _trailing(rows, cut.separator)
    if trailing:
        width -= 1
        rows = [row[:width] for row in rows]
    probe.limits.check("feature_columns", width, where=probe.name)
    decimal: Decimal = "."
    if probe.how.decimal == "auto":
        decimal, probe.memo["decimal-sure"] = decimal_mark(itertools.chain.from_iterable(rows))
    elif probe.how.decimal == "comma":
        decimal = ","
    shape = Layout(
        cut.separator, probe.encoding, skip, rows, tuple(comments), width,
        decimal=decimal, trailing=trailing, quoted=cut.quoted, marked_rows=bool(at_top or below) or not (
            alike or cut.separator == "" or is_whole(rows[-1][0])
        ), commented_header=_commented_header(comments, cut, width),
    )  # fmt: skip
    # The first row may be a header without a name for the ids, or a count of nodes and edges.
    counted = len(rows[0]) <= 3 and all(field.isdigit() for field in rows[0])
    expected = len(rows[0]) if len(rows[0]) in (width, width - 1) or counted else None
    uneven = next((i for i, row in enumerate(rows) if len(row) != (expected if i == 0 else width)), None)
    if uneven is not None:
        at = line_of(probe, dataclasses.replace(shape, inner_comments=True), skip, uneven)
        raise uneven_row(probe, shape, len(rows[uneven]), at)
    return shape


def _remarks(lines: list[str]) -> int:
    """Return how many lines at the top are comments that begin with ``//`` or ``;`` and a blank."""
    if not lines or not (sign := _REMARK.match(lines[0])):
        return 0
    n = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith(sign[1])), len(lines))
    return 0 if n == len(lines) or sign[1] in lines[n] else n


def _are_rows(marked: list[list[str]], plain: list[list[str]]) -> bool:
    """Return whether lines that begin with a comment sign are rows, by what stands in them and elsewhere.

    A name of theirs is an end of another row as well, or all of them have a number where rows have one.
    """
    if not marked or (len(plain) > 1 and is_whole(plain[-1][0])):
        return False
    if len(plain) == 1 and len(marked) > 1 and len(plain[0]) == len(marked[0]) > 2:
        return True  # a header above nothing but such rows
    firsts = {row[0] for row in marked}
    seconds = {row[1] for row in marked if len(row) > 1}
    elsewhere = {field for row in plain for field in row[:2]}
    if any(not is_number(name) for name in (firsts & seconds) | ((firsts | seconds) & elsewhere)):
        return True
    below = plain[1:] or marked
    return any(
        all(is_number(row[i]) for row in (*marked, *below) if i < len(row)) for i in range(2, len(marked[0]))
    )


def _trailing(rows: list[list[str]], separator: str) -> bool:
    """Return whether each row ends with a separator; a header need not."""
    if not separator or len(rows) < 2 or len(rows[1]) < 2:
        return False
    return all(row[-1] == "" for row in rows[1:]) and (rows[0][-1] == "" or len(rows[0]) == len(rows[1]) - 1)


def _commented_header(comments: list[str], cut: Cut, width: int) -> tuple[str, ...] | None:
    if not comments or not comments[-1].startswith(COMMENTS):
        return None
    names = cut.fields([comments[-1].lstrip("#%").strip(" ")])
    return tuple(names[0]) if names and len(names[0]) == width else None


def uneven_row(probe: Probe, shape: Layout, seen: int, line: int | None) -> DataError:
    """Return the error of a row of `seen` columns."""
    return probe.error(
        f"Expected {shape.width} {shape.separator_name}-separated columns. Received: {seen}.",
        line=line,
        mend="Give every row the same columns; quote texts that contain the separator.",
    )


def _head_lines(probe: Probe) -> tuple[list[str], bool]:
    """Return the first lines, and whether that is all of them; long lines get a longer look."""
    size = probe.path.stat().st_size
    head = probe.head
    if size > len(head) and head.count(b"\n") < 20:
        with open(probe.path, "rb") as file:
            head = file.read(LONGEST)
    complete = len(head) >= size
    try:
        text = head.decode(ENCODING, "strict" if complete else "ignore")
    except UnicodeDecodeError as error:
        line = head[: error.start].count(b"\n") + 1
        raise probe.error(
            f"Not UTF-8 text: byte 0x{head[error.start]:02x}.",
            line=line,
            mend="Choose another encoding, or save the file as UTF-8.",
        ) from error
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not complete:
        if len(lines) < 2:
            raise probe.error(
                f"The first line is longer than {LONGEST:,} bytes.", mend="Write one row per line."
            )
        lines = lines[:-1]
    return lines, complete


def inner_comments(probe: Probe, skip: int) -> list[int]:
    """Return the numbers (from 0) of comment lines after `skip`: they begin with a sign, and are no rows."""
    if ("comments", skip) not in probe.memo:
        shape = layout(probe)
        numbers, places = byte_scans.lines_that_begin(probe, "".join(COMMENTS).encode())
        numbers, places = numbers[numbers >= skip], places[numbers >= skip]
        if shape.marked_rows and len(numbers) > _MOST_MARKED:
            numbers = numbers[byte_scans.are_followed_by_blank(probe, places)]
        elif shape.marked_rows and len(numbers):
            width = shape.width + shape.trailing
            is_comment = [
                _NAME_AFTER_SIGN.match(text := line.decode("utf-8", "replace")) is None
                or sum(map(len, split([text], shape.separator, quoted=shape.quoted))) != width
                for line in byte_scans.lines_at(probe, places)
            ]
            numbers = numbers[np.array(is_comment, bool)]
        probe.memo["comments", skip] = numbers.tolist()
    comments: list[int] = probe.memo["comments", skip]
    return comments


def numbered_rows(probe: Probe, shape: Layout, skip: int) -> Iterator[tuple[int, list[str]]]:
    """Yield line number (from 1) and fields of every row; slow, for messages only."""
    comments = (
        frozenset(inner_comments(probe, skip)) if shape.inner_comments and "layout" in probe.memo else None
    )

    def is_comment(number: int, line: str) -> bool:
        if not shape.inner_comments:
            return False
        return line.startswith(COMMENTS) if comments is None else number - 1 in comments

    with open(probe.path, encoding=ENCODING, newline="", errors="replace") as file:
        lines = itertools.islice(file, skip, None)
        if not shape.separator or not shape.quoted:
            for number, line in enumerate(lines, skip + 1):
                if line.strip() and not is_comment(number, line):
                    yield number, line.split(shape.separator or None)
            return
        kept: list[int] = []
        one = shape.separator if len(shape.separator) == 1 else UNIT

        def plain() -> Iterator[str]:
            for number, line in enumerate(lines, skip + 1):
                if line.strip("\r\n") and not is_comment(number, line):
                    kept.append(number)
                    yield line.replace(shape.separator, one)

        reader = csv.reader(plain(), delimiter=one, skipinitialspace=True)
        before = 0
        for row in reader:
            first = kept[before] if before < len(kept) else kept[-1]
            before = reader.line_num
            yield first, row


def line_of(probe: Probe, shape: Layout, skip: int, row: int) -> int | None:
    """Return the line number (from 1) of the row-th row (from 0) after `skip` lines."""
    place = next(itertools.islice(numbered_rows(probe, shape, skip), row, None), None)
    return None if place is None else place[0]


def layout_judgements(probe: Probe) -> tuple[Judgement, ...]:
    """Return what was decided about how the text is laid out, as far as it might be otherwise."""
    shape = layout(probe)
    judged = list(encodings.judgements(probe, shape.rows))
    others = probe.memo.get("separators", ())
    if others:
        names = {"space": "blanks", "colons": "::", "bar": "|"}
        title = names.get(shape.separator_name, shape.separator_name)
        judged.append(
            Judgement(
                "separator",
                f"Columns are delimited by {title}, which gives {shape.width} columns.",
                others=tuple(
                    Choice(f"Delimited by {names.get(name, name)}", {"separator": name})
                    for name in (_SEPARATOR_NAMES[other] for other in others)
                ),
            )
        )
    sure = probe.memo.get("decimal-sure", True)
    if shape.decimal == "," or not sure:
        example = next(
            (field for row in shape.rows for field in row if "," in field and is_number(field)), "0,5"
        )
        if shape.decimal == ",":
            text, other = "a decimal comma", Choice("Decimal point", {"decimal": "point"})
        else:
            text, other = "commas between thousands", Choice("Decimal comma", {"decimal": "comma"})
        judged.append(
            Judgement("decimal", f"Numbers such as {example} are read with {text}.", sure, (other,))
        )
    if shape.marked_rows:
        count = sum(row[0].startswith(COMMENTS) for row in shape.rows)
        if count:
            judged.append(
                Judgement(
                    "comments",
                    f"Lines that begin with # or % and have {shape.width} columns are rows, not comments "
                    f"({count:,} of the first {len(shape.rows):,}).",
                )
            )
    return tuple(judged)
