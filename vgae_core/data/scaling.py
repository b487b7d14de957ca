"""Columns of features in their own units, and how they are brought to a scale that a network can learn from.

A weight matrix starts out for inputs of size about 1.  Zeros and ones, and counts, are that already; years, salaries
or measurements are not, and what the encoder makes of them overflows in the first step.  Each column is scaled by what
it holds (:func:`column_scaling`), so a table of both kinds keeps its flags and has its measurements scaled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from vgae_core.data.blocks import aligned, dense_rows, row_blocks, rows_like

MAX_COUNT = 100
"""Whole numbers that begin at 0 or 1 and go no further than this are counts, and stay as they are."""

SPARSE_SIZES = (1e-3, 10.0)
"""Root mean squares of a mostly zero column's other values between which it stays as it is.

Shares and TF-IDF weights lie within, and what distinguishes their columns (rare words weigh more) is kept."""


@dataclass(frozen=True, eq=False)
class ColumnStatistics:
    """What each column of a matrix holds; arrays of shape (n_columns,), missing values (NaN) left out.

    Parameters
    ----------
    n_rows : int
    low, high : ndarray of float64
        Smallest and largest value, the zeros that a sparse matrix does not store included.
    whole : ndarray of bool
        Whether every value is a whole number.
    filled : ndarray of int64
        Values other than 0.
    mean, sd : ndarray of float64
        Mean and (population) standard deviation over all rows.
    size : ndarray of float64
        Root mean square of the values other than 0; 0 where there are none.
    """

    n_rows: int
    low: np.ndarray
    high: np.ndarray
    whole: np.ndarray
    filled: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    size: np.ndarray

    @property
    def constant(self) -> np.ndarray:
        """Which columns hold the same value in every row."""
        return self.low == self.high

    @property
    def counts(self) -> np.ndarray:
        """Which columns hold zeros and ones, or counts: whole numbers from 0 or 1 to at most :data:`MAX_COUNT`."""
        return self.whole & (self.low >= 0) & (self.low <= 1) & (self.high <= MAX_COUNT)

    @property
    def mostly_zero(self) -> np.ndarray:
        """Which columns hold more zeros than other values."""
        return 2 * self.filled < self.n_rows


def describe_columns(features: Any) -> ColumnStatistics:
    """Return what each column holds, going through the rows once (twice where the matrix is sparse).

    Parameters
    ----------
    features : csr_array or ndarray, shape (n_rows, n_columns)
        A mapped file is read block by block.
    """
    return (_of_sparse if sparse.issparse(features) else _of_dense)(features)


def _of_dense(features: np.ndarray) -> ColumnStatistics:
    n, width = features.shape
    low, high = np.full(width, np.inf), np.full(width, -np.inf)
    whole, filled = np.ones(width, bool), np.zeros(width, np.int64)
    count, mean, spread, squares = (np.zeros(width) for _ in range(4))
    for _, block in row_blocks(features):
        values = np.asarray(block, np.float64)
        there = ~np.isnan(values)
        np.fmin(low, np.fmin.reduce(values, axis=0, initial=np.inf), out=low)
        np.fmax(high, np.fmax.reduce(values, axis=0, initial=-np.inf), out=high)
        whole &= np.all((values == np.floor(values)) | ~there, axis=0)
        values = np.where(there, values, 0.0)
        filled += np.count_nonzero(values, axis=0)
        squares += np.square(values).sum(axis=0)
        # Chan, Golub & LeVeque 1983: means and squared deviations of two parts make those of the whole.
        more = there.sum(axis=0).astype(np.float64)
        own = values.sum(axis=0) / np.maximum(more, 1.0)
        deviations = np.where(there, values - own, 0.0)
        total = np.maximum(count + more, 1.0)
        spread += np.square(deviations).sum(axis=0) + np.square(own - mean) * count * more / total
        mean += (own - mean) * more / total
        count += more
    return _columns(n, low, high, whole, filled, mean, spread / np.maximum(count, 1.0), squares)


def _of_sparse(features: sparse.csr_array) -> ColumnStatistics:
    n, width = features.shape
    there = ~np.isnan(features.data)
    values, column = features.data[there].astype(np.float64), features.indices[there]
    missing = np.bincount(features.indices[~there], minlength=width)
    stored = np.bincount(column, minlength=width)
    gaps = np.where(stored + missing < n, 0.0, np.inf)  # the zeros that are not stored
    low, high = gaps.copy(), -gaps
    np.minimum.at(low, column, values)
    np.maximum.at(high, column, values)
    filled = np.bincount(column[values != 0], minlength=width)
    whole = np.bincount(column[values != np.floor(values)], minlength=width) == 0
    rows = np.maximum(n - missing, 1)
    mean = np.bincount(column, values, minlength=width) / rows
    spread = np.bincount(column, np.square(values - mean[column]), minlength=width)
    spread = spread + (n - missing - stored) * np.square(mean)
    squares = np.bincount(column, np.square(values), minlength=width)
    return _columns(n, low, high, whole, filled, mean, spread / rows, squares)


def _columns(
    n: int,
    low: np.ndarray,
    high: np.ndarray,
    whole: np.ndarray,
    filled: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    squares: np.ndarray,
) -> ColumnStatistics:
    empty = low > high  # no value at all
    low, high = np.where(empty, 0.0, low), np.where(empty, 0.0, high)
    # The mean of equal values is off by rounding, and their deviations are then not 0.
    mean, variance = np.where(low == high, low, mean), np.where(low == high, 0.0, variance)
    return ColumnStatistics(
        n, low, high, whole, filled, mean, np.sqrt(variance), np.sqrt(squares / np.maximum(filled, 1))
    )


@dataclass(frozen=True, eq=False)
class ColumnScaling:
    """``(x - centre) / unit`` by column; columns that stay as they are have centre 0 and unit 1.

    Parameters
    ----------
    centre, unit : ndarray of float64, shape (n_columns,)
        Units are above 0.
    """

    centre: np.ndarray
    unit: np.ndarray

    @property
    def changes(self) -> bool:
        """Whether any column is changed at all."""
        return bool(np.any(self.centre != 0) or np.any(self.unit != 1))

    def apply(self, features: Any) -> Any:
        """Return scaled features of the same form: the same object where nothing changes.

        Sparse features stay sparse: a column that is centred has few zeros to lose.  A mapped file gives another.

        Parameters
        ----------
        features : csr_array or ndarray, shape (n_rows, n_columns)

        Returns
        -------
        csr_array or ndarray of float32, shape (n_rows, n_columns)

        Raises
        ------
        RunError
            If a mapped file has no room for another beside it.
        """
        if not self.changes:
            return features
        if sparse.issparse(features):
            return self._apply_sparse(features)
        result = rows_like(features, features.shape[1])
        if not isinstance(result, np.memmap):
            result = aligned(result)
        for part, block in row_blocks(features):
            result[part] = (dense_rows(block) - self.centre) / self.unit
        return result

    def _apply_sparse(self, features: sparse.csr_array) -> sparse.csr_array:
        scaled = sparse.csr_array(features, dtype=np.float32, copy=True)
        scaled.data = (scaled.data / self.unit[scaled.indices]).astype(np.float32)
        centred = np.flatnonzero(self.centre)
        if not len(centred):
            return scaled
        dense = (features[:, centred].toarray() - self.centre[centred]) / self.unit[centred]
        rest = np.flatnonzero(self.centre == 0)
        together = sparse.hstack([scaled[:, rest], sparse.csr_array(dense.astype(np.float32))], format="csr")
        result = sparse.csr_array(together[:, np.argsort(np.concatenate([rest, centred]))])
        result.sort_indices()
        return result


def column_scaling(columns: ColumnStatistics, *, centred: bool = True) -> ColumnScaling:
    """Return how each column is scaled, by what it holds.

    Zeros and ones, and counts, stay as they are.  A column of more zeros than other values is divided by the root mean
    square of these others if that lies outside :data:`SPARSE_SIZES`, and its zeros stay zeros.  Any other column is
    brought to mean 0 and standard deviation 1 (a constant one to 0).

    Parameters
    ----------
    columns : ColumnStatistics
    centred : bool
        False for a matrix whose zeros stand for nothing: then every column is treated as one that is mostly zeros.

    References
    ----------
    LeCun, Bottou, Orr & Müller 1998, Efficient BackProp, section 4.3 (inputs of mean 0 and variance 1).
    """
    stay = columns.counts
    sparse_ = columns.mostly_zero if centred else np.ones(len(stay), bool)
    sized = (columns.size >= SPARSE_SIZES[0]) & (columns.size <= SPARSE_SIZES[1]) | (columns.size == 0)
    unit = np.where(sparse_, np.where(sized, 1.0, columns.size), np.where(columns.constant, 1.0, columns.sd))
    return ColumnScaling(
        centre=np.where(stay | sparse_, 0.0, columns.mean),
        unit=np.where(stay | (unit == 0), 1.0, unit),
    )
