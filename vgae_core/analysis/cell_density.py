"""Density of a graph in cells of pairs, as it is and as a model expects it: blocks of groups, or an ordered matrix.

Nodes are put into bins; a cell holds the pairs of two bins.  A cell's own density is counted; what the model expects of
it is the mean probability over its pairs, or over a sample of them, since all pairs are too many to score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from vgae_core.analysis.calibration import at_share
from vgae_core.analysis.scoring import Score

MOST_GROUPS = 12
"""Largest groups shown separately; the others are merged into one."""

GROUP_PAIRS = 4_000
"""Pairs scored for each two groups: the standard error of a mean probability of 0.01 is then at most 0.0016."""

BINS = 120
"""Bins of an ordered matrix along a side."""

BIN_PAIRS = 24
"""Pairs scored for each cell of it."""


@dataclass(frozen=True, eq=False)
class CellDensity:
    """Densities of the pairs of bins.

    Parameters
    ----------
    observed, expected : ndarray of float64, shape (n_rows, n_columns)
        Share of edges, and mean probability; NaN in cells without a pair. Symmetric unless the graph is directed, or
        rows and columns are different bins.
    n_pairs : ndarray of int64, shape (n_rows, n_columns)
    is_sampled : bool
        Whether there is a cell of which not all pairs were scored.
    """

    observed: np.ndarray
    expected: np.ndarray
    n_pairs: np.ndarray
    is_sampled: bool


def largest_groups(classes: np.ndarray, most: int = MOST_GROUPS) -> tuple[np.ndarray, np.ndarray]:
    """Return the group of each node, the largest first, and which class each is.

    Parameters
    ----------
    classes : ndarray of int, shape (n_nodes,)
        -1 where unknown.
    most : int
        Groups; classes beyond them are one more, as are nodes without a class.

    Returns
    -------
    groups : ndarray of int64, shape (n_nodes,)
    kept : ndarray of int64
        Class of each group; the last group has none where classes are left.
    """
    known, counts = np.unique(classes[classes >= 0], return_counts=True)
    kept = known[np.argsort(-counts, kind="stable")][:most]
    place = np.full(int(known.max(initial=-1)) + 2, len(kept), np.int64)
    place[kept] = np.arange(len(kept))
    return place[classes], kept


def bins_in_order(*orders: np.ndarray, n_nodes: int, n_bins: int = BINS) -> np.ndarray:
    """Return the bin of each node, consecutive ones together; -1 of nodes in no order; int64 (n_nodes,).

    Parameters
    ----------
    *orders : ndarray of int64
        Nodes, each in one order at most; bins of a later order follow those of the one before.
    n_nodes : int
    n_bins : int
        Of each order, at most.
    """
    bins, first = np.full(n_nodes, -1, np.int64), 0
    for order in orders:
        n = min(n_bins, len(order))
        bins[order] = first + np.arange(len(order)) * n // max(len(order), 1)
        first += n
    return bins


def cell_density(
    bins: np.ndarray,
    adjacency: sparse.csr_array,
    score: Score,
    share: float,
    *,
    per_cell: int,
    n_rows: int | None = None,
    directed: bool = False,
    sides: np.ndarray | None = None,
    seed: int = 0,
) -> CellDensity:
    """Return the density of every cell, counted and expected.

    Parameters
    ----------
    bins : ndarray of int64, shape (n_nodes,)
        From 0; -1 leaves a node out.
    adjacency : csr_array, shape (n_nodes, n_nodes)
    score : callable
        From pairs to log odds among as many edges as non-edges.
    share : float
        Of edges among all pairs, to which probabilities refer.
    per_cell : int
        Pairs scored per cell: all of a cell that has no more, else so many random ones.
    n_rows : int, optional
        So many first bins are rows and the others columns, instead of every bin both.
    directed : bool
        Whether (i, j) and (j, i) are different pairs.
    sides : ndarray of int8, shape (n_nodes,), optional
        Of a two-sided graph, whose pairs join both sides.
    seed : int
        Fixes the sample.
    """
    n_bins = int(bins.max(initial=-1)) + 1
    rows = range(n_bins if n_rows is None else n_rows)
    members = [np.flatnonzero(bins == place) for place in range(n_bins)]
    rng = np.random.default_rng([seed, 0xCE11])
    pairs, cells = [np.zeros((0, 2), np.int64)], [np.zeros(0, np.int64)]
    n_pairs = np.zeros((n_bins, n_bins), np.int64)
    is_sampled = False
    for a in rows:
        for b in range(0 if directed else a, n_bins) if n_rows is None else range(n_rows, n_bins):
            n_pairs[a, b] = _count(members[a], members[b], same=a == b, directed=directed, sides=sides)
            n_cells = len(members[a]) * len(members[b])
            if n_cells <= per_cell:
                chosen = np.arange(n_cells)
            else:
                chosen, is_sampled = rng.integers(0, n_cells, per_cell), True
            first, second = members[a][chosen // len(members[b])], members[b][chosen % len(members[b])]
            drawn = np.column_stack([first, second])
            keep = first != second
            if a == b and not directed and n_cells <= per_cell:
                keep &= first < second
            if sides is not None:
                keep &= sides[first] != sides[second]
            pairs.append(drawn[keep])
            cells.append(np.full(int(keep.sum()), a * n_bins + b))
    every, where = np.concatenate(pairs), np.concatenate(cells)
    p = at_share(score(every), share) if len(every) else np.zeros(0)
    size = n_bins * n_bins
    expected = _means(np.bincount(where, weights=p, minlength=size), np.bincount(where, minlength=size))
    edges = sparse.coo_array(adjacency)
    there = (edges.data != 0) & (edges.row != edges.col) & (bins[edges.row] >= 0) & (bins[edges.col] >= 0)
    at = bins[edges.row[there]] * n_bins + bins[edges.col[there]]
    counted = np.bincount(at, minlength=size).reshape(n_bins, n_bins).astype(np.float64)
    expected = expected.reshape(n_bins, n_bins)
    if not directed:  # each edge is stored twice, within a bin in one cell
        counted[np.diag_indices(n_bins)] /= 2
        upper = np.triu_indices(n_bins, 1)
        n_pairs.T[upper], expected.T[upper] = n_pairs[upper], expected[upper]
    start = 0 if n_rows is None else n_rows  # of the columns
    observed, expected, n_pairs = (
        cells[: len(rows), start:] for cells in (_means(counted, n_pairs), expected, n_pairs)
    )
    return CellDensity(observed, expected, n_pairs, is_sampled)


def _count(
    first: np.ndarray, second: np.ndarray, *, same: bool, directed: bool, sides: np.ndarray | None
) -> int:
    """Return how many pairs two bins have."""
    if sides is None:
        ordered = len(first) * len(second) - (len(first) if same else 0)
    else:
        one, other = (np.bincount(sides[nodes], minlength=2) for nodes in (first, second))
        ordered = int(one[0] * other[1] + one[1] * other[0])
    return ordered // 2 if same and not directed else ordered


def _means(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
