"""Draw the held-out entries of a matrix, and as many exact zeros."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from vgae_core.data.dataset import Features, GraphData
from vgae_core.data.non_edges import distinct
from vgae_core.data.splits import LinkSplit
from vgae_core.errors import DataError
from vgae_core.settings import SplitSpec

HIDDEN_SHARE = 0.2
"""Of the entries of a held-out row, the share that is to be found from the rest."""


def split_entries(graph: GraphData, spec: SplitSpec, seed: int) -> LinkSplit:
    """Return a random split of the entries of a matrix, with exact zeros for validation and test.

    Parameters
    ----------
    graph : GraphData
        Its features are the matrix; pairs of the split are (row, column).
    spec : SplitSpec
        Shares of the stored entries, or of the rows, that are held out.
    seed : int

    Returns
    -------
    LinkSplit
        ``train``, ``val`` and ``test`` are entries other than 0, the others zeros.  A row keeps at
        least one entry, so that there is something to code it from.  Where rows are held out, what they keep is in no
        part: it is encoded, not learnt from.

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
    if spec.held_out == "rows":
        return _split_rows(matrix, entries, spec, rng)
    order = rng.permutation(len(entries))
    # The entry drawn last in each row stays: it is never held out.
    last = np.zeros(len(entries), bool)
    last[order[len(order) - 1 - np.unique(rows[order][::-1], return_index=True)[1]]] = True
    free = order[~last[order]]
    n_val, n_test = round(spec.val_fraction * len(entries)), max(1, round(spec.test_fraction * len(entries)))
    if n_val + n_test > len(free):
        raise DataError(
            f"{n_val + n_test} entries should be held out, but only {len(free)} can be: each row keeps one.",
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
    held_out = np.zeros(len(entries), bool)
    held_out[test] = held_out[val] = True
    return LinkSplit(
        train=entries[~held_out],
        val=entries[val],
        val_neg=negatives[:n_val],
        test=entries[test],
        test_neg=negatives[n_val:],
    )


def _split_rows(
    matrix: sparse.csr_array, entries: np.ndarray, spec: SplitSpec, rng: np.random.Generator
) -> LinkSplit:
    """Return a split whose validation and test entries are those of rows without any training entry."""
    n, width = matrix.shape
    counts = np.diff(matrix.indptr)
    hidden = np.minimum(np.maximum(np.rint(HIDDEN_SHARE * counts).astype(np.int64), 1), width - counts)
    eligible = rng.permutation(np.flatnonzero((counts > 1) & (hidden > 0)))
    n_val, n_test = round(spec.val_fraction * n), max(1, round(spec.test_fraction * n))
    if n_val + n_test > len(eligible) or n_val + n_test >= np.count_nonzero(counts):
        raise DataError(
            f"{n_val + n_test:,} rows should be held out, but only {len(eligible):,} have two entries and a zero.",
            where="split",
            mend="Lower the held-out fractions, or hold out entries.",
        )
    test, val = eligible[:n_test], eligible[n_test : n_test + n_val]
    parts: dict[str, np.ndarray] = {}
    for name, rows in (("val", np.sort(val)), ("test", np.sort(test))):
        entries_held_out, zeros = [np.zeros((0, 2), np.int64)], [np.zeros((0, 2), np.int64)]
        for row in rows.tolist():
            own = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]].astype(np.int64)
            chosen = np.sort(rng.permutation(own)[: hidden[row]])
            free = distinct(width - len(own), len(chosen), rng)
            free += np.searchsorted(np.sort(own) - np.arange(len(own)), free, side="right")
            for into, columns in ((entries_held_out, chosen), (zeros, free)):
                into.append(np.column_stack([np.full(len(columns), row), columns]))
        parts[name], parts[f"{name}_neg"] = np.concatenate(entries_held_out), np.concatenate(zeros)
    return LinkSplit(train=entries[~np.isin(entries[:, 0], np.concatenate([val, test]))], **parts)


def check_zeros(shape: tuple[int, int], n_entries: int, spec: SplitSpec) -> None:
    """Raise DataError if a matrix has too few zeros to tell its held-out entries from.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    n_entries : int
        Values other than 0.
    spec : SplitSpec
        Shares of the entries, or rows, that are held out.
    """
    if spec.held_out == "rows":  # of each row no more than it has zeros
        return
    needed = round(spec.val_fraction * n_entries) + max(1, round(spec.test_fraction * n_entries))
    zeros = shape[0] * shape[1] - n_entries
    if needed > zeros:
        raise DataError(
            f"The evaluation needs {needed:,} zeros to compare with entries, but the matrix has {zeros:,}.",
            where="split",
            mend="The matrix auto-encoder is for sparse matrices: provide counts, clicks or words, or lower the "
            "held-out fractions.",
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


def new_rows(split: LinkSplit) -> np.ndarray:
    """Return the rows that a run is tested on without having been trained on them, int64, sorted.

    They are the rows with held-out entries and without training entries; what else they hold is only encoded.
    """
    return np.setdiff1d(np.concatenate([split.val[:, 0], split.test[:, 0]]), split.train[:, 0])


def training_entries(features: Features, split: LinkSplit) -> sparse.csr_array:
    """Return the matrix that a run learns from, sparse float32: no held-out entries, and new rows empty.

    Parameters
    ----------
    features : csr_array or ndarray, shape (n_rows, n_columns)
    split : LinkSplit
    """
    known = without_entries(features, np.concatenate([split.val, split.test]))
    new = new_rows(split)
    if len(new):
        known.data[np.isin(np.repeat(np.arange(known.shape[0]), np.diff(known.indptr)), new)] = 0
        known.eliminate_zeros()
    return known
