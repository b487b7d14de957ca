"""Reading delimited text: pandas reads the columns, numbers are told from texts, errors name their line."""

from __future__ import annotations

import contextlib
import csv
import re
from typing import Any

import numpy as np
import pandas as pd

from vgae_core.data.readers.base import Probe, shorten
from vgae_core.data.readers.text import byte_scans
from vgae_core.data.readers.text.byte_scans import count_lines
from vgae_core.data.readers.text.encodings import what_else
from vgae_core.data.readers.text.layouts import (
    COMMENTS,
    ENCODING,
    Layout,
    inner_comments,
    layout,
    layout_judgements,
    line_of,
    uneven_row,
)
from vgae_core.data.readers.text.splitting import UNIT, Joined, leaves_open, split, unquoted
from vgae_core.data.readers.text.written_numbers import is_number, is_whole, parse
from vgae_core.errors import DataError

__all__ = [
    "COMMENTS", "Layout", "count_lines", "inner_comments", "is_number", "is_whole", "layout", "layout_judgements",
    "line_of", "numbers", "read_frame", "what_else",
]  # fmt: skip


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

    At most `rows` of them, if given. Columns in which a field has leading zeros ("007") are texts.

    Raises
    ------
    DataError
        If a row has too many fields, a quote is never closed, or the text is not UTF-8.
    """
    comment_lines = inner_comments(probe, skip) if shape.inner_comments else []
    skipped: int | list[int] = skip if not comment_lines else [*range(skip), *comment_lines]
    quoted = shape.quoted and not _lone_quotes(probe, shape)
    padded = frozenset[int]() if dtype is str else _padded(probe, shape, quoted=quoted)
    if padded:
        dtype = dict.fromkeys(padded, str) | (dtype or {})
    width = shape.width + shape.trailing
    single = len(shape.separator) < 2
    source: Any = contextlib.nullcontext(probe.path) if single else Joined.open(probe.path, shape.separator)
    try:
        with source as stream:
            frame = pd.read_csv(
                stream,
                sep=(shape.separator if single else UNIT) or r"\s+",
                header=None,
                names=list(range(width)),
                index_col=False if columns is not None else None,
                usecols=columns,
                nrows=rows,
                skiprows=skipped,
                skipinitialspace=True,
                na_filter=False,
                low_memory=False,
                dtype=dtype,
                encoding=ENCODING,
                decimal=shape.decimal if shape.separator != "," else ".",
                quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
                engine="c",
            )
    except pd.errors.EmptyDataError as error:
        raise probe.error("Holds no rows.", mend="Provide a file with one row per edge or node.") from error
    except pd.errors.ParserError as error:
        raise _parser_error(probe, shape, str(error)) from error
    except UnicodeDecodeError as error:
        raise _decoding_error(probe) from error
    except (ValueError, OverflowError) as error:
        raise probe.error(f"Cannot be read as a table: {shorten(str(error), 200)}.") from error
    if shape.trailing and columns is None:
        frame = _without_last(probe, shape, skip, frame)
    if not quoted:
        for column in frame.columns[[pd.api.types.is_string_dtype(kind) for kind in frame.dtypes]]:
            frame[column] = frame[column].astype("str").map(unquoted).astype("str")
    return frame


def _without_last(probe: Probe, shape: Layout, skip: int, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the columns but the one after the last separator, in which nothing may stand."""
    filled = np.flatnonzero((frame[shape.width].astype(str).str.strip() != "").to_numpy())
    if len(filled):
        raise uneven_row(probe, shape, shape.width + 1, line_of(probe, shape, skip, int(filled[0])))
    return frame.drop(columns=shape.width)


def _padded(probe: Probe, shape: Layout, *, quoted: bool) -> frozenset[int]:
    """Return the columns in which a field has leading zeros."""
    if "padded" not in probe.memo:
        probe.memo["padded"] = byte_scans.padded_columns(
            probe,
            shape.separator,
            lambda line: next(iter(split([line], shape.separator, quoted=quoted)), []),
        )
    columns: frozenset[int] | None = probe.memo["padded"]
    return frozenset(range(shape.width)) if columns is None else columns & frozenset(range(shape.width))


def _lone_quotes(probe: Probe, shape: Layout) -> bool:
    """Return whether quotation marks cannot be meant to hold fields together."""
    if shape.separator in (",", ";"):
        return False  # such tables do have fields of several lines
    if "lone-quotes" not in probe.memo:
        width = shape.width + shape.trailing

        def is_lone(line: str, after: str | None) -> bool:
            counts = [len(text.split(shape.separator or None)) for text in (line, after) if text is not None]
            return leaves_open(line, shape.separator) and set(counts) == {width}

        probe.memo["lone-quotes"] = byte_scans.has_lone_quote(probe, shape.separator, is_lone)
    lone: bool = probe.memo["lone-quotes"]
    return lone


def _parser_error(probe: Probe, shape: Layout, message: str) -> DataError:
    uneven = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message)
    if uneven:
        return uneven_row(probe, shape, int(uneven.group(3)), int(uneven.group(2)))
    quote = re.search(r"EOF inside string starting at row (\d+)", message)
    if quote:
        return probe.error(
            "A quotation mark is never closed.",
            line=shape.skip + int(quote.group(1)) + 1,
            mend='Close it, or write " as "" inside a quoted text.',
        )
    return probe.error(f"Cannot be read as a table: {shorten(message, 200)}.")


def _decoding_error(probe: Probe) -> DataError:
    line = None
    with open(probe.path, "rb") as file:
        for number, raw in enumerate(file, 1):
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError:
                line = number
                break
    return probe.error(
        "Not UTF-8 text.", line=line, mend="Choose another encoding, or save the file as UTF-8."
    )


def numbers(probe: Probe, shape: Layout, skip: int, column: pd.Series, name: str) -> np.ndarray:
    """Return a column as float32, NaN where a value is missing.

    Raises
    ------
    DataError
        Naming the line of the first field that is neither a finite number nor missing.
    """
    if column.dtype.kind in "biuf":
        values = column.to_numpy(np.float64)
        bad = np.zeros(len(values), bool)
    else:
        values, bad = parse(column, shape.decimal)
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    wrong = np.flatnonzero(bad | np.isinf(single))
    if len(wrong):
        at = int(wrong[0])
        text = str(column.iloc[at]).strip()
        raise probe.error(
            f"The value is {shorten(text)!r}, not a finite number (rows like this: {len(wrong):,}).",
            line=line_of(probe, shape, skip, at),
            column=name,
            mend="Write a finite number in every row.",
        )
    return single
