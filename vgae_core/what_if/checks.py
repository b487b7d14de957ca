"""Values of an edit, which come from anywhere: each is checked and bounded before anything is done with it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from vgae_core.errors import SpecError

MAX_NAMES = 1_000
"""Names in one edit, such as the nodes that are linked to another."""

MAX_TEXT = 500
"""Characters of one name."""

MIN_WEIGHT = 1e-6
"""Smallest weight of an edge that is added."""

MAX_NUMBER = 1e6
"""Largest size of a number in an edit."""


def checked(kind: str, value: Any, where: str) -> Any:
    """Return a value of this kind; raise SpecError where it is none."""
    if (
        kind == "new"
        and isinstance(value, str)
        and any(unicodedata.category(sign)[0] == "C" for sign in value)
    ):
        raise SpecError("The new name contains invisible characters.", where=where)
    if kind in ("node", "column", "new"):
        return checked_name(value, where, empty=kind == "node" and value == "")
    if kind == "nodes":
        if not isinstance(value, list | tuple):
            raise SpecError(f"Expected a list of names. Received: {short(value)}.", where=where)
        _few(value, where)
        return tuple(dict.fromkeys(checked_name(name, where) for name in value))
    if kind == "values":
        if not isinstance(value, Mapping):
            raise SpecError(f"Expected names with numbers. Received: {short(value)}.", where=where)
        _few(value, where)
        return {checked_name(name, where): _number(number, where) for name, number in value.items()}
    number = _number(value, where)
    if kind == "axis":
        if number < 0 or number != int(number):
            raise SpecError(f"Expected a whole number from 0 on. Received: {short(value)}.", where=where)
        return int(number)
    if kind == "share" and not 0 <= number <= 1:
        raise SpecError(f"Expected a number from 0 to 1. Received: {short(value)}.", where=where)
    if kind == "weight" and number < MIN_WEIGHT:
        raise SpecError(f"A weight must be at least {MIN_WEIGHT:g}. Received: {short(value)}.", where=where,
                        mend="Use `drop_edge` to remove an edge.")  # fmt: skip
    return number


def checked_name(value: Any, where: str, *, empty: bool = False) -> str:
    """Return a name; raise SpecError where it is none."""
    if not isinstance(value, str) or not (value or empty):
        raise SpecError(f"Expected a name. Received: {short(value)}.", where=where)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise SpecError(
            "The name contains an incomplete character (a lone surrogate).", where=where
        ) from error
    if len(value) > MAX_TEXT:
        raise SpecError(
            f"A name may have at most {MAX_TEXT} characters. Received: {len(value):,}.", where=where
        )
    return value


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpecError(f"Expected a number. Received: {short(value)}.", where=where)
    # Compared before it becomes a float: JSON may hold whole numbers that no float can.
    if value != value or not -MAX_NUMBER <= value <= MAX_NUMBER:
        raise SpecError(
            f"Expected a number from -{MAX_NUMBER:g} to {MAX_NUMBER:g}. Received: {short(value)}.",
            where=where,
        )
    return float(value)


def _few(value: Any, where: str) -> None:
    if len(value) > MAX_NAMES:
        raise SpecError(
            f"An edit may list at most {MAX_NAMES:,} names. Received: {len(value):,}.", where=where
        )


def short(value: Any, *, quoted: bool = True) -> str:
    """Return a value as it can be shown in a message, however long it is."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 200:
        return f"a whole number of {value.bit_length():,} bits"
    if isinstance(value, str):
        return f"{value!r:.60}" if quoted else f"{value:.60}"
    if isinstance(value, float | int) or value is None:
        return repr(value)
    return f"a {type(value).__name__}"
