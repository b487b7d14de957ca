"""What the columns of features show before training: constants, numbers of rows, units that differ."""

from __future__ import annotations

import re

import numpy as np
from scipy import sparse

from vgae_core.data.dataset import Features, RawGraph
from vgae_core.data.findings import Finding
from vgae_core.data.scaling import ColumnStatistics, column_scaling, describe_columns

DIFFERENT_SCALES = 1e6
"""Ratio of the largest to the smallest standard deviation from which columns are said to differ in scale."""

_EXAMPLES = 5
_LEAST_ROWS = 4
"""Rows from which a column that grows with them says something."""

_ID_NAME = re.compile(
    r"(.*[^a-z])?(id|ids|idx|index|key|no|nr|num|number|row|rowid|row_?id|rownum|uid|uuid)", re.IGNORECASE
)


def column_findings(raw: RawGraph) -> list[Finding]:
    """Return what is worth knowing of the feature columns of a graph or matrix as read; nothing of zeros and ones.

    Parameters
    ----------
    raw : RawGraph
        With features, in which missing values are NaN.
    """
    x = raw.features
    if x is None or not x.shape[0] or not x.shape[1]:
        return []
    columns = describe_columns(x)
    return [
        *_constant(raw, columns),
        *_like_ids(raw, x, columns),
        *_different_scales(raw, columns),
        *([] if raw.is_matrix else _own_units(raw, columns)),
    ]


def _name(raw: RawGraph, column: int) -> str:
    return f"{raw.feature_names[column]:.60}" if raw.feature_names else f"column {column + 1:,}"


def _names(raw: RawGraph, chosen: np.ndarray) -> tuple[str, ...]:
    return tuple(_name(raw, int(i)) for i in chosen[:_EXAMPLES])


def _range(columns: ColumnStatistics, column: int) -> str:
    return f"{columns.low[column]:.7g} to {columns.high[column]:.7g}"


def _constant(raw: RawGraph, columns: ColumnStatistics) -> list[Finding]:
    # In a matrix, columns of zeros are reported as empty.
    chosen = np.flatnonzero(columns.constant & (columns.filled > 0 if raw.is_matrix else True))
    if not len(chosen) or columns.n_rows < 2:
        return []
    named = ", ".join(map(repr, _names(raw, chosen))) + ("…" if len(chosen) > _EXAMPLES else "")
    message = (
        f"{len(chosen):,} of {len(columns.low):,} columns hold one value in all rows, so they tell no rows apart: "
        f"{named}."
    )
    return [Finding("constant-columns", "info", message, len(chosen), _names(raw, chosen))]


def _like_ids(raw: RawGraph, x: Features, columns: ColumnStatistics) -> list[Finding]:
    n = columns.n_rows
    # Whole numbers that all differ reach at least from 0 to n - 1, and only one of them can be 0.
    possible = columns.whole & (columns.filled >= n - 1) & (columns.high - columns.low >= n - 1)
    chosen = []
    for column in np.flatnonzero(possible) if n >= _LEAST_ROWS else ():
        values = x[:, [column]].toarray().ravel() if sparse.issparse(x) else np.asarray(x[:, column])
        steps = np.diff(values)
        grows = bool(np.all(steps > 0) or np.all(steps < 0))
        named = bool(raw.feature_names and _ID_NAME.fullmatch(raw.feature_names[column]))
        if grows or (named and len(np.unique(values)) == n):
            chosen.append(int(column))
    if not chosen:
        return []
    first = _name(raw, int(chosen[0]))
    rest = f" and {len(chosen) - 1:,} more look" if len(chosen) > 1 else " looks"
    message = (
        f"Feature {first!r}{rest} like a row number or an id: whole numbers, all different "
        f"({_range(columns, chosen[0])}). The network would take it for a quantity: set its use to 'Not used' if it "
        "is none."
    )
    return [Finding("id-like-columns", "warning", message, len(chosen), _names(raw, np.array(chosen)))]


def _different_scales(raw: RawGraph, columns: ColumnStatistics) -> list[Finding]:
    there = np.flatnonzero(columns.sd > 0)
    if len(there) < 2:
        return []
    order = there[np.argsort(columns.sd[there], kind="stable")]
    small, large = int(order[0]), int(order[-1])
    ratio = float(columns.sd[large] / columns.sd[small])
    if ratio < DIFFERENT_SCALES:
        return []
    message = (
        f"Columns differ in scale by a factor of {ratio:,.0f}: {_name(raw, small)!r} goes from "
        f"{_range(columns, small)}, {_name(raw, large)!r} from {_range(columns, large)}. "
        "Without scaling, only the large ones would count."
    )
    return [Finding("different-scales", "info", message, len(there), _names(raw, np.array([small, large])))]


def _own_units(raw: RawGraph, columns: ColumnStatistics) -> list[Finding]:
    scaling = column_scaling(columns)
    centred = (scaling.centre != 0) & ~columns.constant
    changed = np.flatnonzero(centred | (scaling.unit != 1))
    if not len(changed):
        return []
    first = int(changed[0])
    how = "to mean 0 and standard deviation 1" if centred[first] else "by the size of the values other than 0"
    many = f"{len(changed):,} of {len(columns.low):,} columns are" if len(changed) > 1 else "1 column is"
    message = (
        f"{many} in units of their own, such as {_name(raw, first)!r} ({_range(columns, first)}): scaled for training "
        f"({how}), shown and exported as they are. The setting `scaling` turns this off."
    )
    return [Finding("own-units", "info", message, len(changed), _names(raw, changed))]
