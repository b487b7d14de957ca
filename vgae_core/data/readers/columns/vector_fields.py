"""Vectors written in one field: ``[0.6, 0.1]``, as pandas and numpy print them."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from vgae_core.data.readers.text.written_numbers import is_missing

_BRACKETS = ("[]", "()")
_BETWEEN = re.compile(r"[,;]|\s")


def vector(text: str) -> list[float] | None:
    """Return the two or more numbers between brackets, or None if the text is no vector."""
    text = text.strip()
    if text[:1] + text[-1:] not in _BRACKETS:
        return None
    try:
        numbers = [float(number) for number in _BETWEEN.split(text[1:-1]) if number]
    except ValueError:
        return None
    return numbers if len(numbers) > 1 else None


def are_vectors(texts: Iterable[str]) -> bool:
    """Return whether every known field is a vector; their lengths are told when all are read."""
    known = [text for text in texts if not is_missing(text)]
    return bool(known) and all(vector(text) is not None for text in known)


def width(texts: pd.Series) -> int:
    """Return the length of the first vector of a column."""
    return next(len(row) for text in texts if (row := vector(text)) is not None)


def parse_vectors(texts: pd.Series, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors of `n` numbers as float32, shape (n_rows, n), NaN where missing, and the rows that are none."""
    values = np.full((len(texts), n), np.nan, np.float32)
    bad: list[int] = []
    for at, text in enumerate(texts):
        row = vector(text)
        if row is not None and len(row) == n and np.isfinite(row).all():
            values[at] = row
        elif not is_missing(text):
            bad.append(at)
    return values, np.array(bad, np.int64)
