"""The propagation matrix: how messages flow over the training edges, and rows that have flowed before training."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
from scipy import sparse

from vgae_core.data.blocks import dense_rows, let_go, on_disk, row_blocks
from vgae_core.data.dataset import Features
from vgae_core.errors import DataError

SLAB_BYTES = 2**28
"""Columns that are propagated together: 256 MiB, and as much again for their product."""

LENGTH = 1.8
"""Euclidean length of scaled rows (Ahn & Kim 2021, arXiv:2108.08046)."""

_BLOCK_ENTRIES = 2**20
"""Entries scaled at a time, about."""


def normalise(message: sparse.csr_array, how: Literal["symmetric", "mean"] = "symmetric") -> sparse.csr_array:
    """Return ``D^-1/2 (A + I) D^-1/2`` of the message edges, with A transposed for arcs.

    A symmetric adjacency gets the normalisation of Kipf & Welling (2017).  For a directed
    one, ``D_in^-1/2 (A + I)^T D_out^-1/2`` lets every node hear from the nodes that
    point to it.

    Parameters
    ----------
    message : csr_array, shape (n_nodes, n_nodes)
        Adjacency of the message edges, weights >= 0; entry (i, j) is an arc from i to j.
    how : str
        ``"mean"`` gives ``D_in^-1 A^T`` instead: the (weighted) mean over the neighbours, or over the nodes that
        point here, without the node itself; a node that hears from none gets zeros.

    Returns
    -------
    csr_array of float32, shape (n_nodes, n_nodes)
        Sorted indices.

    Raises
    ------
    DataError
        If a weight is negative: degrees would lose their meaning.

    References
    ----------
    Kipf & Welling 2017, Semi-Supervised Classification with Graph Convolutional
    Networks, arXiv:1609.02907.
    """
    check_weights(message)
    if how == "mean":
        heard = sparse.csr_array(message.T, dtype=np.float32, copy=True)
        heard.sort_indices()
        degree = row_sums(heard)
        _scale(heard, np.divide(1.0, degree, out=np.zeros_like(degree), where=degree > 0))
        return heard
    looped = sparse.csr_array(message + sparse.eye_array(message.shape[0], dtype=np.float32, format="csr"))
    heard = sparse.csr_array(looped.T, dtype=np.float32)
    heard.sort_indices()
    _scale(heard, 1.0 / np.sqrt(row_sums(heard)), 1.0 / np.sqrt(row_sums(looped)))
    return heard


def check_weights(message: sparse.csr_array) -> None:
    """Raise DataError if a weight is negative: degrees would lose their meaning."""
    if message.nnz and message.data.min() < 0:
        raise DataError(
            f"Message passing needs edge weights >= 0. Received: {message.data.min():g}.",
            mend="Set the repair `weights` to `ignore`.",
        )


def row_sums(matrix: sparse.csr_array) -> np.ndarray:
    """Return the sum of each row, added up in float64, shape (n_rows,)."""
    sums = np.zeros(matrix.shape[0])
    filled = np.flatnonzero(np.diff(matrix.indptr))  # the entries of one end where those of the next begin
    if len(filled):
        sums[filled] = np.add.reduceat(matrix.data, matrix.indptr[filled], dtype=np.float64)
    return sums


def _scale(matrix: sparse.csr_array, left: np.ndarray, right: np.ndarray | None = None) -> None:
    """Multiply entry (i, j) by ``left_i`` and ``right_j``, in place and a block of rows at a time."""
    ends = matrix.indptr
    step = max(1, _BLOCK_ENTRIES * matrix.shape[0] // max(1, matrix.nnz))
    for start in range(0, matrix.shape[0], step):
        rows = slice(start, min(matrix.shape[0], start + step))
        part = slice(ends[rows.start], ends[rows.stop])
        values = matrix.data[part] * np.repeat(left[rows], np.diff(ends[rows.start : rows.stop + 1]))
        matrix.data[part] = values if right is None else values * right[matrix.indices[part]]


def propagated_rows(
    message: sparse.csr_array,
    features: Features,
    *,
    hops: int = 1,
    scaled: bool = False,
    symmetric: bool = False,
    normalised: sparse.csr_array | None = None,
    slab_bytes: int = SLAB_BYTES,
) -> np.ndarray:
    """Return ``P^k X`` in a mapped file, P the matrix of :func:`normalise`, which is never made here.

    Columns do not mix in a product with P.  As many as fit `slab_bytes` are taken into memory and propagated there,
    all hops in a row; files are read and written from beginning to end, whatever the number of hops.

    Parameters
    ----------
    message : csr_array of float32, shape (n_nodes, n_nodes)
        Adjacency of the message edges, weights >= 0; entry (i, j) is an arc from i to j.
    features : csr_array or ndarray, shape (n_nodes, n_features)
        Read block by block, if it is a mapped file.
    hops : int
        The power k, 1 or more.
    scaled : bool
        Whether the rows of X are first scaled to :data:`LENGTH`; zero rows stay zero.
    symmetric : bool
        Whether `message` equals its transpose, which then need not be made.
    normalised : csr_array of float32, shape (n_nodes, n_nodes), optional
        P, where it lies in mapped files already; `message` is not looked at then.
    slab_bytes : int
        Memory for columns, beside as much again for their product; a column at least.

    Returns
    -------
    memmap of float32, shape (n_nodes, n_features)

    Raises
    ------
    DataError
        If a weight is negative.
    RunError
        If the disk has not enough room: twice that of the result.
    """
    n, width = features.shape
    if normalised is None:
        check_weights(message)
        heard = message if symmetric else sparse.csr_array(message.T)
        out_degree = row_sums(message) + 1
        in_degree = out_degree if symmetric else row_sums(heard) + 1
        left, right = (
            (1 / np.sqrt(degree)).astype(np.float32)[:, None] for degree in (in_degree, out_degree)
        )

    columns = min(width, max(1, slab_bytes // (4 * n)))
    starts = range(0, width, columns)
    slabs = [on_disk((n, min(columns, width - start))) for start in starts]
    for part, block in row_blocks(features):
        rows = dense_rows(block)
        if scaled:
            length = np.linalg.norm(rows, axis=1, keepdims=True)
            rows = rows * np.divide(LENGTH, length, out=np.zeros_like(length), where=length > 0)
        for slab, start in zip(slabs, starts, strict=True):
            slab[part] = rows[:, start : start + columns]
            let_go(slab)
    for slab in slabs:
        values = np.array(slab)
        let_go(slab)
        for _ in range(hops):
            if normalised is not None:
                values = _product(normalised, values)
                continue
            values *= right
            values += _product(heard, values)
            values *= left
        slab[:] = values
        let_go(slab)
        del values
    if len(slabs) == 1:
        return slabs[0]
    result = on_disk((n, width))
    for part, block in row_blocks(result):
        np.concatenate([slab[part] for slab in slabs], axis=1, out=block)
        for slab in slabs:
            let_go(slab)
    return result


def _product(matrix: sparse.csr_array, dense: np.ndarray) -> np.ndarray:
    """Return ``matrix @ dense``, blocks of rows in as many threads as there are processors."""
    result = np.empty_like(dense)
    step = max(1, _BLOCK_ENTRIES * matrix.shape[0] // max(1, matrix.nnz))

    def fill(start: int) -> None:
        result[start : start + step] = matrix[start : start + step] @ dense

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(fill, range(0, matrix.shape[0], step)))
    return result
