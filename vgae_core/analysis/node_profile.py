"""One node among all others: its features, and where its numbers stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from vgae_core.data.blocks import row_blocks
from vgae_core.data.dataset import Features, filled


@dataclass(frozen=True, eq=False)
class ColumnSummary:
    """What every column of the features holds.

    Parameters
    ----------
    mean, sd, share : ndarray of float64, shape (n_features,)
        Mean and standard deviation over all nodes; share of nodes with a value other than 0.
    """

    mean: np.ndarray
    sd: np.ndarray
    share: np.ndarray


def summarise_columns(matrix: Features) -> ColumnSummary:
    """Return mean, standard deviation and filled share of each column of features, (n_nodes, n_features)."""
    n, width = matrix.shape
    total, squares = np.zeros(width), np.zeros(width)
    if sparse.issparse(matrix):
        values = matrix.data.astype(np.float64)
        total = np.bincount(matrix.indices, values, minlength=width)
        mean = total / max(n, 1)
        apart = np.square(values - mean[matrix.indices])
        stored = np.bincount(matrix.indices, minlength=width)
        squares = np.bincount(matrix.indices, apart, minlength=width) + (n - stored) * np.square(mean)
    else:
        for _, block in row_blocks(matrix):
            total += block.sum(axis=0, dtype=np.float64)
        mean = total / max(n, 1)
        for _, block in row_blocks(matrix):
            squares += np.square(block.astype(np.float64) - mean).sum(axis=0)
    return ColumnSummary(mean, np.sqrt(squares / max(n, 1)), filled(matrix)[1] / max(n, 1))


def node_features(matrix: Features, names: np.ndarray, summary: ColumnSummary, node: int) -> pd.DataFrame:
    """Return the features of a node, what distinguishes it most in front.

    Parameters
    ----------
    matrix : csr_array or ndarray, shape (n_nodes, n_features)
    names : ndarray of str objects, shape (n_features,)
    summary : ColumnSummary
    node : int

    Returns
    -------
    DataFrame
        ``feature``, ``value``, ``mean`` (of all nodes), ``share`` (of nodes with a value other than 0) and ``score``
        (standard deviations above the mean; 0 where all nodes have the same), by falling |score|. Of sparse features
        those with a value other than 0.
    """
    row = matrix[[node]]
    if sparse.issparse(row):
        row = sparse.csr_array(row)
        columns, value = row.indices[row.data != 0], row.data[row.data != 0].astype(np.float64)
    else:
        columns, value = np.arange(matrix.shape[1]), np.asarray(row, np.float64).ravel()
    mean, sd = summary.mean[columns], summary.sd[columns]
    score = np.divide(value - mean, sd, out=np.zeros(len(columns)), where=sd > 0)
    order = np.lexsort((columns, -np.abs(score)))
    made = {
        "feature": names[columns],
        "value": value,
        "mean": mean,
        "share": summary.share[columns],
        "score": score,
    }
    return pd.DataFrame(made).iloc[order].reset_index(drop=True)


def percentile(values: np.ndarray, node: int) -> float:
    """Return the share of nodes with a lower value than a node's, those with the same counted half; in percent.

    NaN where the node has none; nodes without a value do not count, nor does the node itself.
    """
    value = float(values[node])
    others = np.delete(values.astype(np.float64), node)
    others = others[~np.isnan(others)]
    if np.isnan(value) or not len(others):
        return float("nan")
    return float(100 * ((others < value).sum() + 0.5 * (others == value).sum()) / len(others))


def code_bounds(z_mean: np.ndarray) -> np.ndarray:
    """Return the 5th and 95th percentile of the means of all nodes on each axis, shape (2, latent_dim)."""
    return np.percentile(z_mean, [5, 95], axis=0)


def code_table(
    z_mean: np.ndarray, z_log_var: np.ndarray | None, bounds: np.ndarray, node: int
) -> pd.DataFrame:
    """Return a node's latent code.

    Parameters
    ----------
    z_mean : ndarray, shape (n_nodes, latent_dim)
    z_log_var : ndarray, shape (n_nodes, latent_dim), or None
    bounds : ndarray, shape (2, latent_dim)
        Of :func:`code_bounds`.
    node : int

    Returns
    -------
    DataFrame
        ``axis`` (from 1), ``mean``, ``sigma`` (its standard deviation, in a variational run), and ``low`` and ``high``,
        the bounds.
    """
    table = pd.DataFrame({"axis": np.arange(1, z_mean.shape[1] + 1), "mean": z_mean[node].astype(np.float64)})
    if z_log_var is not None:
        table["sigma"] = np.exp(0.5 * z_log_var[node].astype(np.float64))
    return table.assign(low=bounds[0], high=bounds[1])
