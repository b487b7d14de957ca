"""Sparse matrices of unknown origin: every index is checked before SciPy sees it."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from vgae_core.data.npz import DAMAGED
from vgae_core.errors import DataError


def validate_csr(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    shape: tuple[int, int],
    *,
    where: str = "",
) -> sparse.csr_array:
    """Return the CSR matrix of three arrays after checking every index.

    Parameters
    ----------
    data : ndarray of a real number type, shape (nnz,)
    indices : ndarray of integers, shape (nnz,)
        Column of each entry, in [0, n_columns).
    indptr : ndarray of integers, shape (n_rows + 1,)
        Starts with 0, never falls, ends with nnz.
    shape : tuple of int
        (n_rows, n_columns).
    where : str
        What the message names, e.g. ``"adj.npz"``.

    Returns
    -------
    csr_array, shape (n_rows, n_columns)
        Indices int32 where they fit, otherwise int64; order and duplicates as given.

    Raises
    ------
    DataError
        If the arrays do not describe a matrix.
    """
    n_rows, n_columns = int(shape[0]), int(shape[1])

    def refuse(message: str) -> DataError:
        return DataError(message, where=where, mend=DAMAGED)

    for name, array, kinds in (("data", data, "biuf"), ("indices", indices, "iu"), ("indptr", indptr, "iu")):
        if array.ndim != 1:
            raise refuse(f"`{name}` must have one dimension. Received: shape {array.shape}.")
        if array.dtype.kind not in kinds:
            numbers = "real" if kinds == "biuf" else "whole"
            raise refuse(f"`{name}` must hold {numbers} numbers. Received: {array.dtype}.")
    if n_rows < 0 or n_columns < 0:
        raise refuse(f"A shape cannot be negative. Received: {n_rows} x {n_columns}.")
    if len(indptr) != n_rows + 1:
        raise refuse(f"`indptr` must have {n_rows + 1} entries for {n_rows} rows. Received: {len(indptr)}.")
    if len(indices) != len(data):
        raise refuse(f"`indices` and `data` differ in length: {len(indices)} and {len(data)}.")
    if int(indptr[0]) != 0 or int(indptr[-1]) != len(indices):
        raise refuse(
            f"`indptr` must run from 0 to {len(indices)}. Received: {int(indptr[0])} to {int(indptr[-1])}."
        )
    falls = np.flatnonzero(indptr[1:] < indptr[:-1])
    if falls.size:
        raise refuse(f"`indptr` decreases after row {int(falls[0])}.")
    if len(indices):
        low, high = int(indices.min()), int(indices.max())
        if low < 0 or high >= n_columns:
            raise refuse(
                f"`indices` must be between 0 and {n_columns - 1}. Received: {low if low < 0 else high}."
            )
    small = max(n_rows, n_columns, len(indices)) <= np.iinfo(np.int32).max
    kind = np.int32 if small else np.int64
    return sparse.csr_array(
        (data, indices.astype(kind, copy=False), indptr.astype(kind, copy=False)), shape=(n_rows, n_columns)
    )
