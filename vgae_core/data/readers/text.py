"""Delimited text: find separator, header and comments, then let pandas read it."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from vgae_core.data.readers.base import Probe, shorten
from vgae_core.errors import DataError

COMMENTS = ("#", "%")
_SEPARATORS = ("\t", ";", ",", "")  # "" is any run of blanks
_SEPARATOR_NAMES = {"\t": "tab", ";": "semicolon", ",": "comma", "": "space"}
_LONG_HEAD = 16_000_000
_MAGIC = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive (or an Excel or Word document)"),
    (b"\x89HDF", "an HDF5 file"),
    (b"MATLAB 5.0", "a MATLAB file"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"\x93NUMPY", "a NumPy array (npy)"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x03", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x80\x05", "a Python pickle"),
)
_MARKUP = re.compile(rb"\s*<(\?xml|!doctype|html|graphml|gexf|svg)", re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?\d+(\.0*)?")


@dataclass(frozen=True)
class Layout:
    """How a text file is laid out.

    Parameters
    ----------
    separator : str
        Tab, comma or semicolon; empty for any run of blanks.
    encoding : str
    skip : int
        Lines before the first row: comments and blank lines.
    rows : list of list of str
        The first rows, the header included.
    comments : tuple of str
        The comment lines at the top.
    width : int
        Number of columns.
    inner_comments : bool
        Whether comment lines between the rows are left out too.
    """

    separator: str
    encoding: str
    skip: int
    rows: list[list[str]]
    comments: tuple[str, ...]
    width: int
    inner_comments: bool = False

    @property
    def separator_name(self) -> str:
        """Return the separator in words."""
        return _SEPARATOR_NAMES[self.separator]


def what_else(probe: Probe) -> str | None:
    """Return what a file that is no text is, in words, or None if it may be text."""
    for magic, name in _MAGIC:
        if probe.head.startswith(magic):
            return name
    if _MARKUP.match(probe.head):
        return "an XML or HTML document"
    return None if probe.is_text else "a binary file"


def layout(probe: Probe) -> Layout:
    """Return how the text file is laid out.

    Raises
    ------
    DataError
        If it is not text, is empty, or its rows differ in length.
    """
    if "layout" not in probe.memo:
        probe.memo["layout"] = _layout(probe)
    found: Layout = probe.memo["layout"]
    return found


def _layout(probe: Probe) -> Layout:
    other = what_else(probe)
    if other:
        raise probe.error(
            f"This is {other}, not a table of text.",
            mend="Hand in CSV, TSV, Matrix Market, npz or JSON (also .gz).",
        )
    encoding = "utf-16" if probe.head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    lines, complete = _head_lines(probe, encoding)
    comments: list[str] = []
    skip = 0
    for line in lines:
        text = line.strip()
        if text and not text.startswith(COMMENTS):
            break
        skip += 1
        if text:
            comments.append(text)
    body = [line for line in lines[skip:] if line.strip() and not line.lstrip().startswith(COMMENTS)]
    if not body:
        what = "only comments" if comments else "no rows"
        raise probe.error(f"Holds {what}.", mend="Hand in a file with one row an edge or node.")
    said = {name: separator for separator, name in _SEPARATOR_NAMES.items()}.get(probe.how.separator)
    separator, rows = _choose(body, complete, _SEPARATORS if said is None else (said,))
    counts = [len(row) for row in rows[1:]] or [len(rows[0])]
    width = max(set(counts), key=counts.count)
    probe.limits.check("feature_columns", width, where=probe.name)
    shape = Layout(separator, encoding, skip, rows, tuple(comments), width)
    # The first row may be a header without a name for the ids, or a count of nodes and edges.
    counted = len(rows[0]) <= 3 and all(field.isdigit() for field in rows[0])
    first = len(rows[0]) if len(rows[0]) in (width, width - 1) or counted else None
    uneven = next((i for i, row in enumerate(rows) if len(row) != (first if i == 0 else width)), None)
    if uneven is not None:
        at = line_of(probe, dataclasses.replace(shape, inner_comments=True), skip, uneven)
        raise _uneven(probe, shape, len(rows[uneven]), at)
    return shape


def _uneven(probe: Probe, shape: Layout, seen: int, line: int | None) -> DataError:
    return probe.error(
        f"Expected {shape.width} {shape.separator_name}-separated columns. Received: {seen}.",
        line=line,
        mend="Give every row the same columns; quote texts that contain the separator.",
    )


def _head_lines(probe: Probe, encoding: str) -> tuple[list[str], bool]:
    """Return the first lines, and whether that is all of them; long lines get a longer look."""
    size = probe.path.stat().st_size
    head = probe.head
    if size > len(head) and head.count(b"\n") < 20:
        with open(probe.path, "rb") as file:
            head = file.read(_LONG_HEAD)
    complete = len(head) >= size
    try:
        text = head.decode(encoding, "strict" if complete else "ignore")
    except UnicodeDecodeError as error:
        line = head[: error.start].count(b"\n") + 1
        raise probe.error(
            f"Not UTF-8 text: byte 0x{head[error.start]:02x}.", line=line, mend="Save the file as UTF-8."
        ) from error
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not complete:
        if len(lines) < 2:
            raise probe.error(
                f"The first line is longer than {_LONG_HEAD:,} bytes.", mend="One row a line, please."
            )
        lines = lines[:-1]
    return lines, complete


def split(lines: list[str], separator: str) -> list[list[str]]:
    """Return the fields of each row."""
    if separator:
        rows = csv.reader((line + "\n" for line in lines), delimiter=separator, skipinitialspace=True)
    else:
        rows = csv.reader((re.sub(r"\s+", " ", line.strip()) + "\n" for line in lines), delimiter=" ")
    csv.field_size_limit(_LONG_HEAD)
    return [[field.strip() for field in row] for row in rows if row]


def _choose(lines: list[str], complete: bool, separators: tuple[str, ...]) -> tuple[str, list[list[str]]]:
    """Return the separator that cuts the rows into the most even columns, and the rows."""
    best: tuple[tuple[bool, bool, bool, int], str, list[list[str]]] | None = None
    for order, separator in enumerate(separators):
        try:
            rows = split(lines[:200], separator)
        except csv.Error:
            continue
        # A row cut off by the end of the head (an open quote) says nothing.
        counted = rows if complete or len(rows) < 2 else rows[:-1]
        counts = [len(row) for row in counted]
        tail = counts[1:] or counts  # the first row may be a header or a SNAP count
        usual = max(set(tail), key=tail.count)
        even = sum(c == usual for c in tail) >= 0.9 * len(tail)
        all_even = even and counts[0] == usual
        score = (usual > 1 and all_even, usual > 1 and even, usual > 1, -order)
        if best is None or score > best[0]:
            best = (score, separator, counted)
    if best is None:
        return "", [line.split() for line in lines[:200]]
    return best[1], best[2]


def is_whole(text: str) -> bool:
    """Return whether the text is a whole number."""
    return _WHOLE.fullmatch(text) is not None


def is_number(text: str) -> bool:
    """Return whether the text is a number, NaN and infinity included."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_frame(
    probe: Probe,
    shape: Layout,
    *,
    skip: int,
    dtype: Any = None,
    columns: list[int] | None = None,
    rows: int | None = None,
) -> pd.DataFrame:
    """Return the rows after the first `skip` lines, columns numbered from 0, empty fields as "".

    At most `rows` of them, if given.

    Raises
    ------
    DataError
        If a row has too many fields, a quote is never closed, or the text is not UTF-8.
    """
    comment_lines = inner_comments(probe, skip) if shape.inner_comments and shape.encoding != "utf-16" else []
    skipped: int | list[int] = skip if not comment_lines else [*range(skip), *comment_lines]
    try:
        return pd.read_csv(
            probe.path,
            sep=shape.separator or r"\s+",
            header=None,
            names=list(range(shape.width)),
            index_col=False if columns is not None else None,
            usecols=columns,
            nrows=rows,
            skiprows=skipped,
            skipinitialspace=True,
            na_filter=False,
            low_memory=False,
            dtype=dtype,
            encoding=shape.encoding,
            engine="c",
        )
    except pd.errors.EmptyDataError as error:
        raise probe.error("Holds no rows.", mend="Hand in a file with one row an edge or node.") from error
    except pd.errors.ParserError as error:
        raise _parser_error(probe, shape, str(error)) from error
    except UnicodeDecodeError as error:
        raise _decoding_error(probe, error) from error
    except (ValueError, OverflowError) as error:
        raise probe.error(f"Cannot be read as a table: {shorten(str(error), 200)}.") from error


def _parser_error(probe: Probe, shape: Layout, message: str) -> DataError:
    uneven = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message)
    if uneven:
        return _uneven(probe, shape, int(uneven.group(3)), int(uneven.group(2)))
    quote = re.search(r"EOF inside string starting at row (\d+)", message)
    if quote:
        return probe.error(
            "A quotation mark is opened and never closed.",
            line=shape.skip + int(quote.group(1)) + 1,
            mend='Close it, or write " as "" inside a quoted text.',
        )
    return probe.error(f"Cannot be read as a table: {shorten(message, 200)}.")


def _decoding_error(probe: Probe, error: UnicodeDecodeError) -> DataError:
    line = None
    with open(probe.path, "rb") as file:
        for number, raw in enumerate(file, 1):
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError:
                line = number
                break
    return probe.error("Not UTF-8 text.", line=line, mend="Save the file as UTF-8.")


def inner_comments(probe: Probe, skip: int) -> list[int]:
    """Return the numbers (from 0) of lines after `skip` that begin with a comment sign.

    Scans bytes, not lines, so that ten million rows take a fraction of a second.
    """
    if ("comments", skip) in probe.memo:
        known: list[int] = probe.memo["comments", skip]
        return known
    data = np.memmap(probe.path, dtype=np.uint8, mode="r")
    signs = [ord(c) for c in COMMENTS]
    found: list[int] = []
    lines_before, block = 0, 1 << 24
    for start in range(0, len(data), block):
        # One byte more than the block, to see what follows its last newline.
        piece = np.asarray(data[start : start + block + 1])
        ends = np.flatnonzero(piece[:block] == 10)
        inner = ends[ends + 1 < len(piece)]
        follows = piece[inner + 1]
        marked = np.flatnonzero((follows == signs[0]) | (follows == signs[1]))
        found.extend((marked + lines_before + 1).tolist())
        lines_before += len(ends)
    probe.memo["comments", skip] = [line for line in found if line >= skip]
    return [line for line in found if line >= skip]


def count_lines(probe: Probe) -> int:
    """Return the number of lines, at memory speed."""
    data = np.memmap(probe.path, dtype=np.uint8, mode="r")
    block = 1 << 24
    total = sum(int(np.count_nonzero(data[at : at + block] == 10)) for at in range(0, len(data), block))
    return total + (1 if len(data) and data[-1] != 10 else 0)


def numbered_rows(probe: Probe, shape: Layout, skip: int) -> Iterator[tuple[int, list[str]]]:
    """Yield line number (from 1) and fields of every row; slow, for messages only."""
    with open(probe.path, encoding=shape.encoding, newline="", errors="replace") as file:
        lines = itertools.islice(file, skip, None)
        if not shape.separator:
            for number, line in enumerate(lines, skip + 1):
                if line.strip() and not (shape.inner_comments and line.startswith(COMMENTS)):
                    yield number, line.split()
            return
        kept: list[int] = []

        def plain() -> Iterator[str]:
            for number, line in enumerate(lines, skip + 1):
                if line.strip("\r\n") and not (shape.inner_comments and line.startswith(COMMENTS)):
                    kept.append(number)
                    yield line

        reader = csv.reader(plain(), delimiter=shape.separator, skipinitialspace=True)
        before = 0
        for row in reader:
            first = kept[before] if before < len(kept) else kept[-1]
            before = reader.line_num
            yield first, row


def line_of(probe: Probe, shape: Layout, skip: int, row: int) -> int | None:
    """Return the line number (from 1) of the row-th row (from 0) after `skip` lines."""
    found = next(itertools.islice(numbered_rows(probe, shape, skip), row, None), None)
    return None if found is None else found[0]


def numbers(probe: Probe, shape: Layout, skip: int, column: pd.Series, name: str) -> np.ndarray:
    """Return a column as float32.

    Raises
    ------
    DataError
        Naming the line of the first field that is no finite number.
    """
    if column.dtype.kind in "biuf":
        values = column.to_numpy(np.float64)
    else:
        values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(single))
    if len(bad):
        at = int(bad[0])
        text = str(column.iloc[at]).strip()
        what = "is empty" if not text else f"is {shorten(text)!r}, not a finite number"
        raise probe.error(
            f"The value {what} (rows like this: {len(bad):,}).",
            line=line_of(probe, shape, skip, at),
            column=name,
            mend="Write a finite number in every row.",
        )
    return single
