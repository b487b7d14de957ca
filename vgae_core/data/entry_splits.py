"""Draw the held-out entries of a matrix, and as many exact zeros."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from vgae_core.data.dataset import Features, GraphData
from vgae_core.data.non_edges import distinct
from vgae_core.data.splits import LinkSplit
from vgae_core.errors import DataError
from vgae_core.settings import SplitSpec


def split_entries(graph: GraphData, spec: SplitSpec, seed: int) -> LinkSplit:
    """Return a random split of the entries of a matrix, with exact zeros for validation and test.

    Parameters
    ----------
    graph : GraphData
        Its features are the matrix; pairs of the split are (row, column).
    spec : SplitSpec
        Shares of the stored entries that are held out.
    seed : int

    Returns
    -------
    LinkSplit
        ``train``, ``val`` and ``test`` are entries other than 0, the others zeros.  A row keeps at
        least one entry, so that there is something to code it from.

    Raises
    ------
    DataError
        If the matrix has too few entries, or too few zeros to tell them from.
    """
    matrix = sparse.csr_array(graph.features, dtype=np.float32)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    n, width = matrix.shape
    counts = np.diff(matrix.indptr)
    rows = np.repeat(np.arange(n, dtype=np.int64), counts)
    entries = np.column_stack([rows, matrix.indices.astype(np.int64)])
    rng = np.random.default_rng([seed, 0xE27])
    order = rng.permutation(len(entries))
    # The entry drawn last in each row stays: it is never held out.
    last = np.zeros(len(entries), bool)
    last[order[len(order) - 1 - np.unique(rows[order][::-1], return_index=True)[1]]] = True
    free = order[~last[order]]
    n_val, n_test = round(spec.val_fraction * len(entries)), max(1, round(spec.test_fraction * len(entries)))
    if n_val + n_test > len(free):
        raise DataError(
            f"{n_val + n_test} entries are to be held out, but only {len(free)} can be: each row keeps one.",
            where="split",
            mend="Lower the held-out fractions.",
        )
    check_zeros((n, width), len(entries), spec)
    zeros = n * width - len(entries)
    chosen = distinct(zeros, n_val + n_test, rng)
    taken = np.sort(entries[:, 0] * width + entries[:, 1])
    chosen += np.searchsorted(taken - np.arange(len(taken)), chosen, side="right")
    negatives = np.column_stack(np.divmod(chosen, width)).astype(np.int64)
    test, val = free[:n_test], free[n_test : n_test + n_val]
    held = np.zeros(len(entries), bool)
    held[test] = held[val] = True
    return LinkSplit(
        train=entries[~held],
        val=entries[val],
        val_neg=negatives[:n_val],
        test=entries[test],
        test_neg=negatives[n_val:],
    )


def check_zeros(shape: tuple[int, int], n_entries: int, spec: SplitSpec) -> None:
    """Raise DataError if a matrix has too few zeros to tell its held-out entries from.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    n_entries : int
        Values other than 0.
    spec : SplitSpec
        Shares of the entries that are held out.
    """
    needed = round(spec.val_fraction * n_entries) + max(1, round(spec.test_fraction * n_entries))
    zeros = shape[0] * shape[1] - n_entries
    if needed > zeros:
        raise DataError(
            f"The evaluation needs {needed:,} zeros to tell entries from, but the matrix has {zeros:,}.",
            where="split",
            mend="A matrix auto-encoder here is for sparse matrices: hand in counts, clicks or words, "
            "or lower the held-out fractions.",
        )


def without_entries(features: Features, entries: np.ndarray) -> sparse.csr_array:
    """Return the matrix, sparse float32, with the given entries (row, column) left out.

    Parameters
    ----------
    features : csr_array or ndarray, shape (n_rows, n_columns)
    entries : ndarray of int64, shape (n_entries, 2)
    """
    matrix = sparse.csr_array(features, dtype=np.float32, copy=True)
    matrix.sum_duplicates()
    width = matrix.shape[1]
    rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))
    matrix.data[np.isin(rows * width + matrix.indices, entries[:, 0] * width + entries[:, 1])] = 0
    matrix.eliminate_zeros()
    return matrix
