"""Tables as CSV, in which spreadsheets calculate nothing, and as Parquet."""

from __future__ import annotations

import csv
import functools
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pandas as pd

from vgae_core.catalogue.base import Entry
from vgae_core.errors import DataError

_FORMULA = r"^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
"""Beginnings that spreadsheets take for a formula, as OWASP lists them; the full-width forms too."""

_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"


PROTECT = Entry(
    title="For spreadsheets: protect cells that look like formulas",
    help="Puts an apostrophe before texts (not numbers) that begin with = + - or @, so that Excel and LibreOffice do "
    "not run them as formulas. Leave it off to join the file with other data: names then stay unchanged.",
)
"""The choice beside downloads of text."""


def to_csv(table: pd.DataFrame, *, protect: bool = False) -> bytes:
    """Return `table` as CSV (UTF-8).

    Parameters
    ----------
    table : DataFrame
    protect : bool
        Put an apostrophe in front of text, column names too, that a spreadsheet takes for a formula, as OWASP
        advises: it starts with ``= + - @``, one of their full-width forms or a control character, and is not a
        number. The names are then no longer those of the data.

    Returns
    -------
    bytes
    """
    return text_of(protected(table) if protect else table, ",")


def text_of(table: pd.DataFrame, separator: str) -> bytes:
    """Return a table as UTF-8, a line per row, with a separator between columns."""
    texts = [table[name] for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    # A carriage return alone ends a row for most readers, but is not quoted of itself.
    returns = any(column.astype("str").str.contains("\r", regex=False, na=False).any() for column in texts)
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    content = table.to_csv(index=False, sep=separator, lineterminator="\n", quoting=quoting)
    return content.encode("utf-8", "backslashreplace")


def protected(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table in which spreadsheets take no text for a formula; see :func:`to_csv`."""
    safe = table.copy()
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name]):
            safe[name] = _defused(safe[name])
    safe.columns = pd.Index(_defused(pd.Series(safe.columns.astype(str))))
    return safe


def _defused(column: pd.Series) -> pd.Series:
    text = column.astype("str")
    risky = text.str.contains(_FORMULA, regex=True, na=False) & ~text.str.match(_NUMBER, na=False)
    return text.where(~risky, "'" + text)


def to_parquet(table: pd.DataFrame) -> bytes:
    """Return `table` as Parquet; ids that are text stay text, untouched.

    Parameters
    ----------
    table : DataFrame

    Returns
    -------
    bytes
    """
    plain = table.copy()
    for name in plain.columns:
        if plain[name].dtype == object:
            plain[name] = plain[name].astype("str")
    return plain.to_parquet(index=False)


def write_table(path: Path | str, table: pd.DataFrame, *, protect: bool = False) -> None:
    """Write `table` to `path` as CSV or Parquet, as its suffix says, atomically.

    Parameters
    ----------
    path : Path or str
        Ends in ``.csv`` or ``.parquet``.
    table : DataFrame
    protect : bool
        As in :func:`to_csv`.

    Raises
    ------
    DataError
        If the suffix names no format.
    """
    path = Path(path)
    writers: dict[str, Callable[[pd.DataFrame], bytes]] = {
        ".csv": functools.partial(to_csv, protect=protect),
        ".parquet": to_parquet,
    }
    if path.suffix.lower() not in writers:
        raise DataError(
            f"No table format has the suffix {path.suffix!r}.", where=str(path), mend="Use .csv or .parquet."
        )
    write_bytes(path, writers[path.suffix.lower()](table))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
