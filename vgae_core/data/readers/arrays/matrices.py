"""What matrix formats share: a checked sparse matrix becomes an adjacency or node features."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import sparse

from vgae_core.data.non_edges import joined_pairs
from vgae_core.data.readers.base import Content, Edges, NodeTable, Probe


def refuse_labels(probe: Probe, content: Content) -> None:
    """Raise DataError if a matrix is to be read as labels."""
    if content == "labels":
        raise probe.error("A matrix cannot hold labels.", mend="Provide labels as CSV: node,label.")


def check_matrix(probe: Probe, shape: tuple[int, ...], nnz: int, content: str) -> None:
    """Refuse a matrix whose declared size is over the limits or makes no sense as `content`.

    Raises
    ------
    DataError
        If an adjacency is not square.
    LimitError
        If it is too large.
    """
    if len(shape) != 2:
        raise probe.error(f"A matrix has two dimensions. Received: shape {tuple(shape)}.")
    probe.limits.check("nodes", shape[0], where=probe.name)
    if content == "edges":
        if shape[0] != shape[1]:
            raise probe.error(
                f"An adjacency must be square. Received: {shape[0]} x {shape[1]}.",
                mend="Provide a square matrix, or choose this file as node features.",
            )
        probe.limits.check("edges", nnz, where=probe.name)
    else:
        probe.limits.check("feature_columns", shape[1], where=probe.name)
        probe.limits.check("feature_values", nnz, where=probe.name)


def check_dense(probe: Probe, shape: tuple[int, ...], content: str) -> None:
    """Refuse a dense matrix as :func:`check_matrix` does, its cells counting as stored values."""
    probe.limits.check("feature_values", math.prod(shape), where=probe.name)
    check_matrix(probe, shape, 0, content)


def dense_edges(probe: Probe, dense: np.ndarray, title: str) -> Edges:
    """Return the entries of a dense square matrix that are not 0, as :func:`matrix_edges`."""
    probe.limits.check("edges", int(np.count_nonzero(dense)), where=probe.name)
    return matrix_edges(probe, sparse.coo_array(dense), title)


def label_codes(labels: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return classes int32 (n_rows,) of whole numbers, -1 where they are negative, and each class's number as text."""
    known = np.unique(labels[labels >= 0])
    codes = np.where(labels >= 0, np.searchsorted(known, labels), -1)
    return codes.astype(np.int32), tuple(map(str, known.tolist()))


def matrix_edges(
    probe: Probe, matrix: sparse.coo_array, title: str, *, pattern: bool = False, symmetric: bool = False
) -> Edges:
    """Return the entries of a square matrix; nodes are numbered 0 to n-1.

    For a symmetric format only the lower triangle is kept. A matrix with entries in one
    triangle only is taken as undirected; otherwise the entries tell.
    """
    rows, cols = matrix.row.astype(np.int64), matrix.col.astype(np.int64)
    values = matrix.data
    check_finite(probe, values, rows, cols)
    if symmetric:
        keep = rows >= cols
        rows, cols, values = rows[keep], cols[keep], values[keep]
    weights = None if pattern or values.dtype.kind == "b" else values.astype(np.float32)
    upper, lower = bool((rows < cols).any()), bool((rows > cols).any())
    directed = None
    if symmetric or not (upper and lower):
        directed = False
    elif not is_reciprocal(rows, cols, matrix.shape[0]):
        directed = True  # a full matrix with unpaired entries in both triangles means directions
    return Edges(
        rows=rows,
        cols=cols,
        weights=weights,
        node_ids=np.arange(matrix.shape[0], dtype=np.int64),
        format=title,
        directed=directed,
        symmetric=symmetric,
    )


def is_reciprocal(rows: np.ndarray, cols: np.ndarray, n: int) -> bool:
    """Return whether every entry has one in the other direction."""
    pairs, n_arcs = joined_pairs(rows, cols, n)
    return n_arcs == 2 * len(pairs)


def matrix_table(probe: Probe, matrix: Any) -> NodeTable:
    """Return a matrix as node features, row i being the i-th node."""
    if not isinstance(matrix, np.ndarray):
        coo = matrix.tocoo()
        check_finite(probe, coo.data, coo.row, coo.col)
        features = coo.astype(np.float32).tocsr()
        features.sum_duplicates()
        check_finite(probe, features.data, *features.tocoo().coords)
        features.eliminate_zeros()
        return NodeTable(where=probe.name, n_rows=features.shape[0], features=features)
    dense = np.ascontiguousarray(matrix, dtype=np.float32)
    rows, cols = np.nonzero(~np.isfinite(dense))
    if len(rows):
        check_finite(probe, dense[rows, cols], rows, cols)
    return NodeTable(where=probe.name, n_rows=dense.shape[0], features=compact(dense))


def compact(dense: np.ndarray) -> np.ndarray | sparse.csr_array:
    """Return a mostly empty matrix as CSR, any other as it is."""
    if dense.size and np.count_nonzero(dense) < 0.25 * dense.size:
        return sparse.csr_array(dense)
    return dense


def check_finite(probe: Probe, values: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> None:
    """Raise DataError naming the first entry that is not a finite float32."""
    if values.dtype.kind not in "biuf":
        raise probe.error(f"Values must be real numbers. Received: {values.dtype}.")
    with np.errstate(over="ignore"):
        bad = np.flatnonzero(~np.isfinite(values.astype(np.float32, copy=False)))
    if len(bad):
        at = bad[0]
        raise probe.error(
            f"Entry (row {int(rows[at])}, column {int(cols[at])}, counted from 0) is {values[at]}; "
            f"{len(bad):,} {'entry is' if len(bad) == 1 else 'entries are'} not finite.",
            mend="Replace NaN and infinite values by numbers.",
        )
