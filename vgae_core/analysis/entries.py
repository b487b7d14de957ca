"""What a matrix auto-encoder says of entries: items a row lacks, and values it did not expect.

Entry (i, j) has the logit ``left_i . right_j``, and the model's head says what that stands for
(:mod:`vgae_core.model_parts.heads`).  Nothing here holds an n_rows x n_columns array.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from scipy import sparse

from vgae_core.analysis.link_search import likeliest
from vgae_core.analysis.scoring import BLOCK_VALUES, score_pairs
from vgae_core.errors import DataError
from vgae_core.model_parts.heads import Head

EXACT_CELLS = 200_000_000
"""Cells up to which the search over all of them takes a few seconds; beyond it belongs in the background."""

FOR_A_ROW = 20
"""Columns recommended to one row."""

LEAST_TOTAL = 1e-6
"""Total of an empty row, so that its logarithm is finite."""

Left: TypeAlias = np.ndarray | sparse.csr_array
"""Left factors, float32 (n_rows, k): dense ones of a network, sparse ones where EASE has a part in them."""

Report = Callable[[float, str], None]
"""Called with the share of the work done, 0 to 1, and what is being done."""


def with_totals(left: np.ndarray, right: np.ndarray, totals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return factors whose products are logarithms of expected values, from those of a softmax.

    A softmax says nothing of pairs in different rows; times the row's total it is the expected value.

    Parameters
    ----------
    left : ndarray of float32, shape (n_rows, d)
    right : ndarray of float32, shape (n_columns, d)
    totals : ndarray of float32, shape (n_rows,)

    Returns
    -------
    left, right : ndarray of float32, shapes (n_rows, d + 1) and (n_columns, d + 1)
    """
    offset = np.log(np.maximum(totals, LEAST_TOTAL)) - _log_sums(left, right)
    return (
        np.concatenate([left, offset[:, None].astype(np.float32)], axis=1),
        np.concatenate([right, np.ones((len(right), 1), np.float32)], axis=1),
    )


def _log_sums(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return log(sum_j exp(left_i . right_j)), float32 (n_rows,), a block of rows at a time."""
    sums = np.empty(len(left), np.float32)
    step = max(1, BLOCK_VALUES // len(right))
    for start in range(0, len(left), step):
        logits = left[start : start + step] @ right.T
        top = logits.max(axis=1, keepdims=True)
        np.exp(logits - top, out=logits)
        sums[start : start + step] = np.log(logits.sum(axis=1)) + top[:, 0]
    return sums


def recommended(
    left: Left,
    right: np.ndarray,
    known: sparse.csr_array,
    k: int,
    *,
    progress: Report | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k` entries the matrix lacks that the model expects most, over all rows.

    Parameters
    ----------
    left : ndarray or csr_array of float32, shape (n_rows, d)
    right : ndarray of float32, shape (n_columns, d)
    known : csr_array, shape (n_rows, n_columns)
        Stored entries are left out.
    k : int
    progress : callable, optional
        Told the share of the rows done.

    Returns
    -------
    pairs : ndarray of int64, shape (at most k, 2)
        (row, column), the highest logit first; equal ones in the order of their pairs.
    logits : ndarray of float32

    Raises
    ------
    DataError
        If `k` < 1 or shapes disagree.
    """
    n, width = left.shape[0], len(right)
    if k < 1:
        raise DataError(f"`k` must be >= 1. Received: {k}.")
    if known.shape != (n, width):
        raise DataError(f"`known` must have shape ({n}, {width}). Received: {known.shape}.")
    best, pairs = np.zeros(0, np.float32), np.zeros((0, 2), np.int64)
    step = max(1, BLOCK_VALUES // max(width, 1))
    for start in range(0, n, step):
        stop = min(start + step, n)
        strip = np.asarray(left[start:stop] @ right.T)
        seen = known[start:stop].tocoo()
        strip[seen.row, seen.col] = -np.inf
        flat = strip.ravel()
        floor = best.min() if len(best) == k else -np.inf
        at = np.flatnonzero(flat > floor)
        if len(at) > k:
            at = at[np.argpartition(-flat[at], k - 1)[:k]]
        best = np.concatenate([best, flat[at]])
        row, column = np.divmod(at, width)
        pairs = np.concatenate([pairs, np.column_stack([row + start, column])])
        if len(best) > k:
            top = np.argpartition(-best, k - 1)[:k]
            best, pairs = best[top], pairs[top]
        if progress is not None:
            progress(stop / n, f"{stop:,} of {n:,} rows")
    return likeliest(pairs, best, k)


def recommended_to(
    left: Left, right: np.ndarray, known: sparse.csr_array, row: int, k: int = FOR_A_ROW
) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns a row lacks that the model expects most in it, best first.

    Parameters
    ----------
    left, right, known
        As in :func:`recommended`.
    row : int
    k : int

    Returns
    -------
    columns : ndarray of int64, shape (at most k,)
    logits : ndarray of float32

    Raises
    ------
    DataError
        If there is no such row.
    """
    if not 0 <= row < left.shape[0]:
        raise DataError(f"`row` must be between 0 and {left.shape[0] - 1}. Received: {row}.")
    pairs, logits = recommended(left[row : row + 1], right, known[[row]], k)
    return pairs[:, 1], logits


def unexpected(
    left: np.ndarray, right: np.ndarray, matrix: sparse.csr_array, k: int, head: Head
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the `k` values of a matrix that the model expected least, the greatest surprise first.

    Parameters
    ----------
    left, right
        As in :func:`recommended`.
    matrix : csr_array, shape (n_rows, n_columns)
        Every stored value counts, held-out ones too.
    k : int
    head : Head

    Returns
    -------
    pairs : ndarray of int64, shape (at most k, 2)
        (row, column).
    logits : ndarray of float32
    surprise : ndarray of float64
        In nats.
    """
    coo = matrix.tocoo()
    stored = coo.data != 0
    pairs = np.column_stack([coo.row[stored], coo.col[stored]]).astype(np.int64)
    logits = score_pairs(left, pairs, right)
    nats = head.surprise(coo.data[stored], logits)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -nats))[:k]
    return pairs[order], logits[order], nats[order]
