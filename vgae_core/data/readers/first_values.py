"""The first rows and columns of a matrix, as a visitor checks them before the data are used."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import sparse

from vgae_core.data.readers.base import Edges, NodeTable, shorten

ROWS, COLUMNS = 6, 8
Rows = tuple[tuple[str, ...], ...]


def of_features(table: NodeTable) -> Rows:
    """Return the first rows of features below the names of the columns, ids first; nothing of a table without any.

    Missing values are blank. Columns without names are numbered from 1, rows from 0, as the nodes will be.
    """
    if table.features is None:
        return ()
    first = table.features[:ROWS, :COLUMNS]
    values = np.asarray(first.toarray() if sparse.issparse(first) else first, np.float64)
    ids = range(table.n_rows) if table.ids is None else table.ids
    names = table.feature_names or range(1, table.features.shape[1] + 1)
    return _table(ids[: len(values)], names[: values.shape[1]], values)


def of_adjacency(edges: Edges) -> Rows:
    """Return the corner of the matrix that entries are read from, below the names of the nodes."""
    n = min(ROWS, len(edges.node_ids))
    corner = (edges.rows < n) & (edges.cols < n)
    values = np.zeros((n, n))
    weights = np.ones(len(edges.rows)) if edges.weights is None else edges.weights
    values[edges.rows[corner], edges.cols[corner]] = weights[corner]
    if edges.symmetric:
        values = np.where(values, values, values.T)
    return _table(edges.node_ids[:n], edges.node_ids[:n], values)


def _table(
    ids: Sequence[object] | np.ndarray, names: Sequence[object] | np.ndarray, values: np.ndarray
) -> Rows:
    cells = [["" if math.isnan(value) else f"{value:.6g}" for value in row] for row in values.tolist()]
    rows = [(shorten(str(name), 30), *row) for name, row in zip(ids, cells, strict=True)]
    return (("", *(shorten(str(name), 30) for name in names)), *rows)
