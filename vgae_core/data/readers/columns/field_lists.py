"""Several names in one field of a table: ``ann;bob``, ``t1|t2``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from vgae_core.data.readers.text.frames import is_number
from vgae_core.data.readers.text.written_numbers import is_missing

SIGNS = (";", "|", ", ", ",")
"""What stands between the names, likeliest first."""
_OFTEN = 0.1
"""Share of the fields with such a sign from which they are lists."""
_AGAIN = 0.3
"""Share of the names in lists that are to stand in other fields as well."""


def list_sign(fields: Sequence[str]) -> str:
    """Return the sign between the names if fields are lists of different lengths whose names recur; empty if not."""
    known = {field for field in fields if not is_missing(field)}
    for sign in SIGNS:
        lists = [pieces(field, sign) for field in known]
        several = [names for names in lists if len(names) > 1]
        if len(several) < max(2, _OFTEN * len(known)) or len(set(map(len, lists))) < 2:
            continue
        if any(is_number(field) for field in known if sign in field):
            continue  # decimal commas
        counts = Counter(name for names in lists for name in set(names))
        listed = {name for names in several for name in names}
        if sum(counts[name] > 1 for name in listed) >= _AGAIN * len(listed):
            return sign
    return ""


def pieces(field: str, sign: str) -> list[str]:
    """Return the names in a field."""
    return [name for piece in field.split(sign) if (name := piece.strip())]


def taken_apart(texts: pd.Series, sign: str) -> tuple[pd.Series, np.ndarray]:
    """Return the names in all fields, one after the other, and the row of each."""
    lists = [pieces(field, sign) for field in texts]
    rows = np.repeat(np.arange(len(texts)), list(map(len, lists)))
    return pd.Series([name for names in lists for name in names], dtype="str"), rows
