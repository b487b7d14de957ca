"""Kinds of values that a matrix holds, from the narrowest to the widest."""

from __future__ import annotations

from vgae_core.catalogue.base import Entry

KINDS: dict[str, Entry] = {
    "binary": Entry(title="0 or 1", help="Something is there or not: words of a document, clicks, tags."),
    "count": Entry(title="Counts", help="Whole numbers from 0: how often."),
    "non-negative": Entry(title="Non-negative", help="Numbers from 0: how much."),
    "real": Entry(title="Real", help="Some values are negative: measurements."),
}

MATRIX_KINDS = tuple(KINDS)

POSITIVE = ("binary", "count", "non-negative")
"""Those without negative values."""
