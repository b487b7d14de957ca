"""What sets some nodes apart from others: labels, numbers, features and edges, with effect sizes and p-values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse, stats

from vgae_core.analysis.graph_structure import undirected
from vgae_core.data.dataset import Features
from vgae_core.errors import DataError

COLUMN_BLOCK = 512
"""Columns of dense features compared at a time."""


def check_groups(first: np.ndarray, second: np.ndarray) -> None:
    """Raise DataError unless two sets of nodes can be compared: neither empty, and no node in both."""
    if not len(first) or not len(second):
        raise DataError("Both sides of a comparison need a node.", mend="Select some nodes, but not all.")
    member = np.zeros(1 + max(int(first.max()), int(second.max())), bool)
    member[first] = True
    if member[second].any():
        raise DataError("A node is in both selections.", mend="Subtract one selection from the other first.")


def counts(values: pd.Series, first: np.ndarray, second: np.ndarray) -> pd.DataFrame:
    """Return how often each value occurs on either side.

    Parameters
    ----------
    values : Series, length n_nodes
        Missing where unknown.
    first, second : ndarray of int64
        Nodes of both sides, none in common.

    Returns
    -------
    DataFrame
        ``value``, ``first``, ``second`` (nodes), ``first_share``, ``second_share`` (0 to 1, of nodes with a value),
        ``p`` (two-sided Fisher's test by doubling, this value against all others) and ``adjusted_p`` (Benjamini &
        Hochberg); the most telling first.
    """
    of_first, of_second = (values.iloc[nodes].value_counts() for nodes in (first, second))
    names = of_first.index.union(of_second.index, sort=False)
    a, b = (np.asarray(side.reindex(names, fill_value=0), np.int64) for side in (of_first, of_second))
    table = pd.DataFrame({"value": names, "first": a, "second": b})
    table["first_share"], table["second_share"] = a / max(a.sum(), 1), b / max(b.sum(), 1)
    table["p"] = fisher(a, b, int(a.sum()), int(b.sum()))
    return _ranked(table, table["first_share"] - table["second_share"])


def fisher(a: np.ndarray, b: np.ndarray, n_first: int, n_second: int) -> np.ndarray:
    """Return twice the smaller tail of Fisher's exact test, at most 1, for many two-by-two tables at once.

    Parameters
    ----------
    a, b : ndarray of int64, shape (n_tables,)
        Nodes with the property on either side.
    n_first, n_second : int
        Nodes of either side.

    Returns
    -------
    ndarray of float64, shape (n_tables,)
    """
    if not len(a):
        return np.zeros(0)
    total, with_it = n_first + n_second, a + b
    more = stats.hypergeom.sf(a - 1, total, with_it, n_first)
    fewer = stats.hypergeom.cdf(a, total, with_it, n_first)
    return np.minimum(1.0, 2 * np.minimum(more, fewer))


def numbers(table: pd.DataFrame, first: np.ndarray, second: np.ndarray) -> pd.DataFrame:
    """Return how the numeric columns of a table of nodes differ between both sides.

    Parameters
    ----------
    table : DataFrame, n_nodes rows
    first, second : ndarray of int64
        Nodes of both sides, none in common.

    Returns
    -------
    DataFrame
        ``column``, medians ``first_median`` and ``second_median``, ``effect`` (Cliff's δ: how much likelier a node
        of the first side has the larger value than the smaller one, -1 to 1), ``p`` (Wilcoxon rank-sum, normal
        approximation with ties) and ``adjusted_p`` (Benjamini & Hochberg); the most telling first.
        Missing values are left out.

    References
    ----------
    Cliff 1993, Dominance statistics, Psychological Bulletin 114.
    """
    rows = []
    for name in table.columns:
        if not pd.api.types.is_numeric_dtype(table[name]):
            continue
        sides = [table[name].iloc[nodes].dropna().to_numpy(np.float64) for nodes in (first, second)]
        if not all(len(side) for side in sides):
            continue
        effect, p = _rank_sum(*sides)
        rows.append((name, float(np.median(sides[0])), float(np.median(sides[1])), effect, p))
    made = pd.DataFrame(rows, columns=["column", "first_median", "second_median", "effect", "p"])
    return _ranked(made, made["effect"])


def _rank_sum(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    if max(a.max(), b.max()) == min(a.min(), b.min()):  # nothing to rank, of which SciPy warns
        return 0.0, 1.0
    u, p = stats.mannwhitneyu(a, b, alternative="two-sided", method="asymptotic", use_continuity=False)
    return float(2 * u / (len(a) * len(b)) - 1), 1.0 if np.isnan(p) else float(p)


def features(matrix: Features, names: np.ndarray, first: np.ndarray, second: np.ndarray) -> pd.DataFrame:
    """Return the features that distinguish both sides, the most telling first.

    Columns of zeros and ones are compared by Fisher's test, others by Wilcoxon's.

    Parameters
    ----------
    matrix : csr_array or ndarray, shape (n_nodes, n_features)
    names : ndarray of str objects, shape (n_features,)
    first, second : ndarray of int64
        Nodes of both sides, none in common.

    Returns
    -------
    DataFrame
        ``feature``, ``first_share`` and ``second_share`` (nodes with a value other than 0), ``first_mean``,
        ``second_mean``, ``effect`` (Cliff's δ; of zeros and ones the difference of shares), ``p`` and ``adjusted_p``
        (Benjamini & Hochberg over all features).
    """
    n_first, n_second = len(first), len(second)
    parts = []
    rows = sparse.csr_array(matrix[np.concatenate([first, second])]) if sparse.issparse(matrix) else None
    for start in range(0, matrix.shape[1], COLUMN_BLOCK):
        stop = min(start + COLUMN_BLOCK, matrix.shape[1])
        block = sparse.csc_array(
            rows[:, start:stop] if rows is not None else matrix[np.r_[first, second], start:stop]
        )
        parts.append(_compare_columns(block, n_first, n_second))
    share_a, share_b, mean_a, mean_b, effect, p = np.concatenate(parts, axis=1)
    made = pd.DataFrame(
        {
            "feature": names, "first_share": share_a, "second_share": share_b, "first_mean": mean_a,
            "second_mean": mean_b, "effect": effect, "p": p,
        }
    )  # fmt: skip
    return _ranked(made, made["effect"])


def _compare_columns(block: sparse.csc_array, n_first: int, n_second: int) -> np.ndarray:
    """Return shares, means, effect and p of each column; float64 (6, n_columns).

    Ranks are worked out from the stored values alone: zeros are one tie.
    """
    block.eliminate_zeros()
    width, n = block.shape[1], n_first + n_second
    column = np.repeat(np.arange(width), np.diff(block.indptr))
    mine, value = block.indices < n_first, block.data.astype(np.float64)
    filled_a = np.bincount(column[mine], minlength=width)
    filled_b = np.bincount(column[~mine], minlength=width)
    mean_a = np.bincount(column[mine], value[mine], minlength=width) / n_first
    mean_b = np.bincount(column[~mine], value[~mine], minlength=width) / n_second
    order = np.lexsort((value, column))
    c, v, m = column[order], value[order], mine[order]
    # Each run of equal values in a column is a tie; zeros lie between negative and positive values.
    starts = (
        np.flatnonzero(np.r_[True, (c[1:] != c[:-1]) | (v[1:] != v[:-1])])
        if len(c)
        else np.zeros(0, np.int64)
    )
    sizes = np.diff(np.r_[starts, len(c)])
    of_column = c[starts] if len(c) else np.zeros(0, np.int64)
    zeros = n - filled_a - filled_b
    below = (
        starts - block.indptr[of_column] + np.where(v[starts] > 0, zeros[of_column], 0) if len(c) else starts
    )
    rank = below + (sizes + 1) / 2
    negative = np.bincount(column[value < 0], minlength=width)
    rank_sum = np.bincount(c[m], np.repeat(rank, sizes)[m], minlength=width) if len(c) else np.zeros(width)
    rank_sum = rank_sum + (n_first - filled_a) * (negative + (zeros + 1) / 2)
    u = rank_sum - n_first * (n_first + 1) / 2
    ties = (
        np.bincount(of_column, (sizes**3 - sizes).astype(np.float64), minlength=width)
        + zeros.astype(float) ** 3
        - zeros
    )
    variance = n_first * n_second / 12 * ((n + 1) - ties / (n * max(n - 1, 1)))
    z = np.divide(u - n_first * n_second / 2, np.sqrt(variance), out=np.zeros(width), where=variance > 0)
    p = 2 * stats.norm.sf(np.abs(z))
    odd = np.bincount(column[value != 1], minlength=width) > 0
    binary = np.flatnonzero(~odd)
    p[binary] = fisher(filled_a[binary], filled_b[binary], n_first, n_second)
    effect = 2 * u / (n_first * n_second) - 1
    return np.array([filled_a / n_first, filled_b / n_second, mean_a, mean_b, effect, p])


def _ranked(table: pd.DataFrame, effect: pd.Series) -> pd.DataFrame:
    """Return a table with adjusted p-values, the smallest p first, the larger effect where they are equal."""
    table["adjusted_p"] = stats.false_discovery_control(table["p"]) if len(table) else table["p"]
    order = np.lexsort((-effect.abs().to_numpy(), table["p"].to_numpy()))
    return table.iloc[order].reset_index(drop=True)


@dataclass(frozen=True)
class LinksBetween:
    """Edges within and between two sets of nodes, and how many chance would put there.

    Parameters
    ----------
    inside_first, inside_second, between : int
        Edges, directions aside.
    expected_first, expected_second, expected_between : float
        In a random graph with the same degrees: k_i k_j / 2m for each pair (Newman 2006).
    """

    inside_first: int
    inside_second: int
    between: int
    expected_first: float
    expected_second: float
    expected_between: float


def linked(adjacency: sparse.csr_array, first: np.ndarray, second: np.ndarray) -> LinksBetween:
    """Return how two sets of nodes are linked.

    Parameters
    ----------
    adjacency : csr_array, shape (n_nodes, n_nodes)
    first, second : ndarray of int64
        Nodes of both sides, none in common.
    """
    both = undirected(adjacency)
    k = np.diff(both.indptr).astype(np.float64)
    member = np.zeros(both.shape[0], np.int8)
    member[first], member[second] = 1, 2
    row = np.repeat(member, np.diff(both.indptr))
    column = member[both.indices]
    ends = max(float(k.sum()), 1.0)

    def expected(nodes: np.ndarray) -> float:
        return float((k[nodes].sum() ** 2 - np.square(k[nodes]).sum()) / (2 * ends))

    return LinksBetween(
        inside_first=int(((row == 1) & (column == 1)).sum()) // 2,
        inside_second=int(((row == 2) & (column == 2)).sum()) // 2,
        between=int(((row == 1) & (column == 2)).sum()),
        expected_first=expected(first),
        expected_second=expected(second),
        expected_between=float(k[first].sum() * k[second].sum() / ends),
    )
