"""The axes of the latent space: which are used, and what goes with each."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse, stats

from vgae_core.analysis.latent_use import ACTIVE
from vgae_core.analysis.node_profile import ColumnSummary
from vgae_core.data.dataset import Features

ENDS = 10
"""Nodes shown at either end of an axis."""

NEAR = 20
"""Nodes nearest to a place on an axis, whose features are averaged."""

RANKED = 50_000
"""Nodes whose ranks are compared."""

RANGE = 3.0
"""How far a traversal leads, in standard deviations of the axis."""


def axis_table(
    z_mean: np.ndarray,
    z_log_var: np.ndarray | None = None,
    *,
    degree: np.ndarray | None = None,
    labels: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return what each axis of the codes says.

    Parameters
    ----------
    z_mean, z_log_var : ndarray of float32, shape (n_nodes, latent_dim)
    degree : ndarray of int, shape (n_nodes,), optional
    labels : ndarray of int, shape (n_nodes,), optional
        -1 where unknown.

    Returns
    -------
    DataFrame
        ``axis`` (from 1), ``variance`` (of the means over nodes), ``active`` (whether above
        :data:`vgae_core.analysis.embedding.ACTIVE`), ``kl`` (nats per node, of a variational run), ``sigma`` (mean
        over nodes), ``degree`` (Spearman's ρ with the degree, over :data:`RANKED` nodes drawn at random where there are
        more; NaN where either is constant) and ``labels`` (η²: share
        of the variance that lies between labels).

    References
    ----------
    Burda et al. 2016, Importance Weighted Autoencoders, arXiv:1509.00519, section 5.1.
    """
    z = z_mean.astype(np.float64)
    variance = z.var(axis=0)
    table = pd.DataFrame(
        {"axis": np.arange(1, z.shape[1] + 1), "variance": variance, "active": variance > ACTIVE}
    )
    if z_log_var is not None:
        log_var = z_log_var.astype(np.float64)
        spread = np.exp(np.clip(log_var, -50, 50))
        table["kl"] = 0.5 * (np.square(z) + spread - 1 - log_var).mean(axis=0)
        table["sigma"] = np.sqrt(spread).mean(axis=0)
    if degree is not None:
        some = (
            slice(None)
            if len(z) <= RANKED
            else np.random.default_rng(0).choice(len(z), RANKED, replace=False)
        )
        ranks = stats.rankdata(degree[some])
        table["degree"] = [_correlation(stats.rankdata(column), ranks) for column in z[some].T]
    if labels is not None:
        known = labels >= 0
        table["labels"] = _explained(z[known], labels[known])
    return table


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    # No inner products of BLAS, whose threads take longer to start than this.
    size = float(np.sqrt(np.square(a).sum() * np.square(b).sum()))
    return float((a * b).sum()) / size if size > 0 else float("nan")


def _explained(z: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return η² of each column; float64 (latent_dim,)."""
    if not len(z):
        return np.full(z.shape[1], np.nan)
    z = z - z.mean(axis=0)
    total = np.square(z).sum(axis=0)
    sizes = np.bincount(labels)
    member = sparse.csr_array((np.ones(len(z)), labels, np.arange(len(z) + 1)), shape=(len(z), len(sizes)))
    between = (np.square(member.T @ z) / np.maximum(sizes, 1)[:, None]).sum(axis=0)
    return np.divide(between, total, out=np.full(len(total), np.nan), where=total > 0)


def axis_labels(values: np.ndarray, labels: np.ndarray, names: tuple[str, ...]) -> pd.DataFrame:
    """Return where the nodes of each label lie on an axis, the highest first.

    Parameters
    ----------
    values : ndarray of float, shape (n_nodes,)
        Of the axis.
    labels : ndarray of int, shape (n_nodes,)
        -1 where unknown; such nodes do not count.
    names : tuple of str

    Returns
    -------
    DataFrame
        ``label``, ``nodes``, ``mean``, and ``correlation`` (of having the label with the axis).
    """
    known = labels >= 0
    z, of = values[known].astype(np.float64), labels[known]
    rows = []
    for label in np.unique(of):
        member = of == label
        rows.append(
            (names[label], int(member.sum()), float(z[member].mean()), _correlation(member.astype(float), z))
        )
    table = pd.DataFrame(rows, columns=["label", "nodes", "mean", "correlation"])
    return table.sort_values("mean", ascending=False, ignore_index=True)


def axis_features(
    values: np.ndarray, matrix: Features, names: np.ndarray, summary: ColumnSummary
) -> pd.DataFrame:
    """Return the features that go with an axis, the strongest first.

    Parameters
    ----------
    values : ndarray of float, shape (n_nodes,)
        Of the axis.
    matrix : csr_array or ndarray, shape (n_nodes, n_features)
    names : ndarray of str objects, shape (n_features,)
    summary : ColumnSummary
        Of the matrix.

    Returns
    -------
    DataFrame
        ``feature``, ``share`` (of nodes with a value other than 0) and ``correlation`` (Pearson's, with the axis);
        features that are the same everywhere are left out.
    """
    z = values.astype(np.float64) - values.mean(dtype=np.float64)
    size = float(np.sqrt(np.mean(z * z)))
    varies = summary.sd > 0
    if size == 0 or not varies.any():
        return pd.DataFrame(
            {"feature": names[:0], "share": summary.share[:0], "correlation": summary.share[:0]}
        )
    products = np.asarray(matrix.T @ z, np.float64) / len(z)  # z has mean 0, so columns need not be centred
    correlation = products[varies] / (summary.sd[varies] * size)
    order = np.lexsort((np.flatnonzero(varies), -np.abs(correlation)))
    made = {"feature": names[varies], "share": summary.share[varies], "correlation": correlation}
    return pd.DataFrame(made).iloc[order].reset_index(drop=True)


def ends(values: np.ndarray, k: int = ENDS) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k` nodes highest on an axis, the highest first, and the `k` lowest, the lowest first; int64."""
    order = np.argsort(values, kind="stable")
    return order[::-1][:k].astype(np.int64), order[:k].astype(np.int64)


def place_on(z: np.ndarray, axis: int, steps: float, start: int | None = None) -> np.ndarray:
    """Return a place on a line along one axis; float64 (latent_dim,).

    Parameters
    ----------
    z : ndarray of float32, shape (n_nodes, latent_dim)
    axis : int
        From 0.
    steps : float
        How far along the axis from the start, in its standard deviations.
    start : int, optional
        The node whose code the line goes through; the mean of all codes without one.
    """
    place = (z.mean(axis=0, dtype=np.float64) if start is None else z[start]).astype(np.float64)
    place[axis] += steps * float(z[:, axis].std(dtype=np.float64))
    return place


def near_place(z: np.ndarray, place: np.ndarray, k: int = NEAR) -> np.ndarray:
    """Return the nodes whose codes lie nearest to a place, the nearest first.

    Parameters
    ----------
    z : ndarray of float32, shape (n_nodes, latent_dim)
    place : ndarray of float, shape (latent_dim,)
    k : int

    Returns
    -------
    ndarray of int64, shape (at most k,)
        By Euclidean distance; ties go to the lower row.
    """
    distance = np.linalg.norm(z - place.astype(np.float32), axis=1)
    return np.argsort(distance, kind="stable")[:k].astype(np.int64)


def features_of(
    nodes: np.ndarray, matrix: Features, names: np.ndarray, summary: ColumnSummary
) -> pd.DataFrame:
    """Return the features that some nodes have more of than all nodes.

    Returns
    -------
    DataFrame
        ``feature``, ``here`` and ``mean`` (means over these and over all nodes) and ``score`` (their difference in
        standard deviations), the highest first; features that are the same everywhere are left out.
    """
    rows = matrix[nodes]
    here = np.asarray(rows.mean(axis=0), np.float64).ravel()
    varies = summary.sd > 0
    score = np.divide(here - summary.mean, summary.sd, out=np.zeros(len(here)), where=varies)
    order = np.lexsort((np.arange(len(here)), -score))
    order = order[varies[order]]
    made = {"feature": names, "here": here, "mean": summary.mean, "score": score}
    return pd.DataFrame(made).iloc[order].reset_index(drop=True)
