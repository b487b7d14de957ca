"""Numbers as people write them: decimal commas, thousands, per cent, currencies, and marks of what is missing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import numpy as np
import pandas as pd

Decimal = Literal[".", ","]

MISSING = frozenset(
    (
        "",
        "na",
        "n/a",
        "#n/a",
        "n.a.",
        "<na>",
        "nan",
        "#nan",
        "null",
        "none",
        "nil",
        "?",
        "-",
        "--",
        ".",
        "\\n",
    )
)
"""What stands for a missing value, in lower case; ``\\N`` is that of MySQL, Hive and IMDb."""
_WHOLE = re.compile(r"[+-]?\d+(\.0*)?")
_PLAIN = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_GROUPED = re.compile(
    r"[+-]?\d{1,3}(?:(,\d{3})+(\.\d*)?|(\.\d{3})+(,\d*)?|([ \u00a0\u202f'’]\d{3})+([.,]\d*)?)"
)
_COMMA_DECIMAL = re.compile(
    r"[+-]?(\d*,(\d{1,2}|\d{4,})|0+,\d+|\d{4,},\d+|\d{1,3}([. \u00a0\u202f'’]\d{3})+,\d+|\d*,\d+[eE][+-]?\d+)"
)
_POINTED = re.compile(r"[+-]?\d+(\.\d+)+")
_POINT_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+")
_COMMA_GROUP = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
_POINT_DECIMAL = re.compile(r"[+-]?\d*\.(\d{1,2}|\d{4,})([eE][+-]?\d+)?")


_CURRENCY = re.compile(
    r"(?P<sign>[+-]?)(?:[$€£¥₹]\s?|(?:USD|EUR|GBP|CHF|JPY)\s)(?P<after>[+-]?)(?P<number>[\d.,].*)|"
    r"(?P<before>.*\d[.,]?)(?:\s?[$€£¥₹]|\s(?:USD|EUR|GBP|CHF|JPY))"
)

_LONGEST = 40
"""Characters of a price."""


def _bare(text: str) -> str:
    """Return a number without a per cent sign behind it, or a currency before or behind it."""
    text = text.strip().replace("\N{MINUS SIGN}", "-", 1)
    other = len(text) > _LONGEST or (text[:1].isdigit() and text[-1:].isdigit())
    match = None if other else _CURRENCY.fullmatch(text)
    if match is None:
        return text.removesuffix("%").rstrip()
    return match["before"] or f"{match['sign']}{match['after']}{match['number']}"


def is_missing(text: str) -> bool:
    """Return whether the text stands for a missing value."""
    return text.strip().lower() in MISSING


def is_whole(text: str) -> bool:
    """Return whether the text is a whole number."""
    return _WHOLE.fullmatch(text) is not None


def is_number(text: str) -> bool:
    """Return whether the text is a number in any notation, NaN and infinity included."""
    try:
        float(text)
    except ValueError:
        bare = _bare(text)
        return (_PLAIN.fullmatch(bare) or _GROUPED.fullmatch(bare)) is not None
    return "_" not in text


def _mark_of_points(fields: list[str]) -> tuple[Decimal, bool]:
    """Return the decimal mark where no field has a comma: points group thousands if one field has two of them."""
    pointed = [
        bare for field in fields if "." in field for bare in [_bare(field)] if _POINTED.fullmatch(bare)
    ]
    grouped = any(bare.count(".") > 1 for bare in pointed) and all(map(_POINT_GROUPS.fullmatch, pointed))
    return ("," if grouped else "."), True


def decimal_mark(fields: Iterable[str]) -> tuple[Decimal, bool]:
    """Return the decimal mark of these fields, and whether they leave no doubt.

    ``1,5`` has a decimal comma and ``1,234,567`` has none; ``1,234`` alone may be either.
    """
    fields = list(fields)
    if not any("," in field for field in fields):
        return _mark_of_points(fields)
    commas = points = groups = doubtful = 0
    for field in fields:
        bare = _bare(field)
        if "," not in bare:
            points += _POINT_DECIMAL.fullmatch(bare) is not None
        elif _COMMA_DECIMAL.fullmatch(bare):
            commas += 1
        elif _COMMA_GROUP.fullmatch(bare):
            sure = bare.count(",") > 1 or "." in bare
            groups += sure
            doubtful += not sure
    if commas > groups and commas > points:
        return ",", True
    return ".", not doubtful or bool(groups or points)


def parse(texts: pd.Series, decimal: Decimal) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers that fields hold.

    Parameters
    ----------
    texts : Series of str
    decimal : str
        The decimal mark; the other one groups thousands where three digits follow.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        NaN where a field is missing or no number.
    ndarray of bool, shape (n_rows,)
        Where a field is neither a number nor missing.
    """
    texts = texts.astype("str").str.strip()
    plain = texts
    if decimal == ",":
        plain = texts.mask(texts.str.contains(".", regex=False), "").str.replace(",", ".", regex=False)
    values = pd.to_numeric(plain, errors="coerce").to_numpy(np.float64, copy=True)
    left = np.flatnonzero(np.isnan(values))
    bad = np.zeros(len(values), bool)
    if len(left):
        codes, distinct = pd.factorize(texts.iloc[left])
        parsed = np.array([number(text, decimal) for text in distinct], np.float64)
        missing = np.array([is_missing(text) for text in distinct], bool)
        values[left] = parsed[codes]
        bad[left] = np.isnan(parsed)[codes] & ~missing[codes]
    return values, bad


def _plain(text: str) -> float:
    """Return what Python takes for a number, infinity included; NaN if it takes it for none."""
    try:
        return float(text) if "_" not in text else float("nan")
    except ValueError:
        return float("nan")


def number(text: str, decimal: Decimal = ".") -> float:
    """Return the number that a text is, in any notation; NaN if it is none."""
    bare = _bare(text)
    if _GROUPED.fullmatch(bare) and (decimal == "," or not re.fullmatch(r"[+-]?\d+\.\d+", bare)):
        other = "." if decimal == "," else ","
        if decimal == "," and re.fullmatch(r"[+-]?\d+,\d{3}", bare):
            other = "."  # one comma before three digits is the decimal mark here
        elif bare.count(".") > 1:
            other = "."
        elif bare.count(",") and bare.count("."):
            other = "," if bare.index(",") < bare.index(".") else "."
        bare = re.sub(r"[ \u00a0\u202f'’]", "", bare).replace(other, "")
    elif not _PLAIN.fullmatch(bare):
        return _plain(bare)
    value = float(bare.replace(",", "."))
    return value / 100 if text.endswith("%") else value
