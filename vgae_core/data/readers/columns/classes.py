"""Classes of nodes: which columns of texts or whole numbers are classes, and what stands for an unknown one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from vgae_core.data.findings import Finding
from vgae_core.data.readers.base import examples, shorten, whole_numbers
from vgae_core.data.readers.text.written_numbers import MISSING

UNKNOWN = MISSING | {"unknown", "unlabeled", "unlabelled", "missing"}
"""What stands for a label that is not known, in lower case."""
MAX_NUMERIC_CLASSES = 100
"""A numeric label with more distinct values than this is a measurement, not a class."""
MAX_TEXT_CLASSES = 1000


def as_classes(texts: pd.Series, *, certain: bool) -> tuple[np.ndarray, tuple[str, ...]] | None:
    """Return class index (int32, -1 unknown) and names, or None if these are no classes."""
    known = ~(is_unknown(texts) | _are_minus_one(texts))
    labelled = texts[known]
    if not len(labelled):
        return None
    n_classes = labelled.nunique()
    enough = 2 * n_classes <= len(labelled) or (certain and n_classes <= 20)
    whole = whole_numbers(labelled)
    if whole is not None:
        # All different, and with gaps between them: a measurement of a small graph.
        spread = n_classes == len(labelled) and int(whole.max()) - int(whole.min()) >= n_classes
        return (
            _numeric_classes(known, whole)
            if enough and not spread and n_classes <= MAX_NUMERIC_CLASSES
            else None
        )
    numeric = pd.to_numeric(labelled, errors="coerce").notna().all()
    if numeric or not enough or n_classes > MAX_TEXT_CLASSES:
        return None
    names, codes = np.unique(labelled.to_numpy(object).astype(str), return_inverse=True)
    return _spread(known, codes), tuple(map(str, names))


def _numeric_classes(known: pd.Series, whole: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    names, codes = np.unique(whole, return_inverse=True)
    return _spread(known, codes), tuple(map(str, names))


def _spread(known: pd.Series, codes: np.ndarray) -> np.ndarray:
    result = np.full(len(known), -1, np.int32)
    result[known.to_numpy()] = codes
    return result


def is_unknown(texts: pd.Series) -> pd.Series:
    """Return where a text stands for an unknown label."""
    return texts.str.lower().isin(UNKNOWN)


def _are_minus_one(texts: pd.Series) -> pd.Series:
    """Return where -1 stands for an unknown label: the others count three classes or more from 0 on."""
    marked = texts == "-1"
    if marked.any():
        whole = whole_numbers(texts[~marked & ~is_unknown(texts)])
        if whole is not None and len(whole) and int(whole.min()) == 0 and int(whole.max()) > 1:
            return marked
    return marked & False


def tell_unknown(texts: pd.Series, column: str, where: str) -> list[Finding]:
    """Return what is to be told about labels that are read as unknown: how they are written, and how often."""
    unknown = texts[is_unknown(texts) | _are_minus_one(texts)]
    if not len(unknown):
        return []
    counts = unknown.value_counts()
    listed = ", ".join(f"{shorten(str(text))!r} ({count:,})" if text else f"blank ({count:,})"
                       for text, count in counts.head(5).items())  # fmt: skip
    words = set(counts.index.str.lower()) & {
        "nan", "none", "unknown", "missing", "unlabeled", "unlabelled", "-1",
    }  # fmt: skip
    message = (
        f"{len(unknown):,} of {len(texts):,} labels in {where}, column {shorten(column)}, are read as unknown: "
        f"{listed}."
    )
    if words:
        message += " If that is a class name, rename it."
    return [
        Finding(
            "unknown-labels", "warning" if words else "info", message, len(unknown), examples(counts.index)
        )
    ]
