"""What is shown of a graph before training: sizes, degrees, adjacency picture, features and labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from vgae_core.data.dataset import Features, GraphData, filled

PICTURE_BINS = 180
"""Cells a side of the adjacency picture; smaller graphs are drawn node by node."""

DISTINCT_DEGREES = 800
"""Points of a degree distribution at most; beyond, neighbouring degrees share a point."""


@dataclass(frozen=True)
class Numbers:
    """Sizes of a graph after its repairs."""

    n_nodes: int
    n_edges: int
    """Distinct pairs without self-loops; for a directed graph arcs."""
    n_self_loops: int
    density: float
    """Share of the pairs that may be edges (ordered pairs when directed) that are edges, in [0, 1]."""
    mean_degree: float
    """Neighbours a node; for a directed graph outgoing arcs a node."""
    max_degree: int
    n_isolated: int
    n_components: int
    """Connected components, directions ignored."""
    largest_component: int
    """Nodes of the largest component."""


def numbers(graph: GraphData) -> Numbers:
    """Return the sizes of `graph`."""
    n = graph.n_nodes
    n_edges = graph.profile.n_edges
    outgoing, incoming = degrees(graph)
    total = outgoing + incoming if graph.directed else outgoing
    n_components, component = csgraph.connected_components(graph.adjacency, directed=False)
    return Numbers(
        n_nodes=n,
        n_edges=n_edges,
        n_self_loops=int(np.count_nonzero(graph.adjacency.diagonal())),
        density=n_edges / graph.n_pairs if graph.n_pairs else 0.0,
        mean_degree=float(outgoing.mean()) if n else 0.0,
        max_degree=int(outgoing.max(initial=0)),
        n_isolated=int(np.count_nonzero(total == 0)),
        n_components=int(n_components),
        largest_component=int(np.bincount(component).max(initial=0)),
    )


def degrees(graph: GraphData) -> tuple[np.ndarray, np.ndarray]:
    """Return how many other nodes each node points to and is pointed at by.

    Returns
    -------
    outgoing, incoming : ndarray of int64, shape (n_nodes,)
        Self-loops and weights do not count; equal for an undirected graph.
    """
    adjacency = graph.adjacency
    loops = (adjacency.diagonal() != 0).astype(np.int64)
    outgoing = np.diff(adjacency.indptr).astype(np.int64) - loops
    if not graph.directed:
        return outgoing, outgoing
    incoming = np.bincount(adjacency.indices, minlength=graph.n_nodes).astype(np.int64) - loops
    return outgoing, incoming


@dataclass(frozen=True, eq=False)
class DegreeDistribution:
    """How many nodes have each degree; nodes without neighbours stand apart, since log 0 does not."""

    degree: np.ndarray
    """float64, shape (n_points,), rising; the geometric mean where degrees share a point."""
    n_nodes: np.ndarray
    """float64, shape (n_points,): nodes a degree."""
    n_zero: int


def degree_distribution(degree: np.ndarray, points: int = DISTINCT_DEGREES) -> DegreeDistribution:
    """Return the distribution of `degree` (int64, shape (n_nodes,)) over at most `points` degrees."""
    values, counts = np.unique(degree[degree > 0], return_counts=True)
    n_zero = int(np.count_nonzero(degree == 0))
    if len(values) <= points:
        return DegreeDistribution(values.astype(np.float64), counts.astype(np.float64), n_zero)
    edges = np.unique(np.round(np.geomspace(values[0], values[-1] + 1, points + 1)).astype(np.int64))
    which = np.searchsorted(edges, values, side="right") - 1
    used, first = np.unique(which, return_index=True)
    n_values = np.add.reduceat(np.ones(len(values)), first)
    logs = np.add.reduceat(np.log(values), first) / n_values
    width = (edges[np.minimum(used + 1, len(edges) - 1)] - edges[used]).clip(1)
    return DegreeDistribution(np.exp(logs), np.add.reduceat(counts, first) / width, n_zero)


@dataclass(frozen=True, eq=False)
class Picture:
    """An adjacency matrix seen from afar: nodes from the highest degree to the lowest, in cells."""

    fill: np.ndarray
    """float32, shape (n_cells, n_cells): share of a cell's entries that are stored, in [0, 1]."""
    log_fill: np.ndarray
    """float32, shape (n_cells, n_cells): log10 of `fill`, NaN where it is 0."""
    rank: np.ndarray
    """int64, shape (n_cells,): rank (from 1) of the first node of each cell."""
    nodes_per_cell: float
    ticks: tuple[tuple[float, str], ...]
    """(log_fill, label) of a colour scale."""


def adjacency_picture(adjacency: sparse.csr_array, cells: int = PICTURE_BINS) -> Picture:
    """Return the degree-sorted picture of `adjacency`.

    Parameters
    ----------
    adjacency : csr_array, shape (n_nodes, n_nodes)
        Canonical; weights do not count.
    cells : int
        Cells a side at most; a graph of as many nodes or fewer is drawn exactly.

    Returns
    -------
    Picture
        Costs one pass over the edges and cells² numbers, whatever the size of the graph.
    """
    n = adjacency.shape[0]
    side = min(cells, n)
    reach = np.diff(adjacency.indptr) + np.bincount(adjacency.indices, minlength=n)
    order = np.argsort(-reach, kind="stable")
    cell = np.empty(n, np.int64)
    cell[order] = np.arange(n, dtype=np.int64) * side // max(n, 1)
    counts = np.zeros(side * side)
    rows = np.repeat(cell, np.diff(adjacency.indptr))
    if len(rows):
        counts += np.bincount(rows * side + cell[adjacency.indices], minlength=side * side)
    size = np.bincount(cell, minlength=side).astype(np.float64)
    fill = counts.reshape(side, side) / np.outer(size, size) if side else np.zeros((0, 0))
    fill = fill.astype(np.float32)  # half the bytes to the browser; a picture needs no more
    log_fill = np.full_like(fill, np.nan)
    np.log10(fill, out=log_fill, where=fill > 0)
    drawn = log_fill[~np.isnan(log_fill)]
    return Picture(
        fill=fill,
        log_fill=log_fill,
        rank=1 + np.concatenate([[0], np.cumsum(size)[:-1]]).astype(np.int64)
        if side
        else np.zeros(0, np.int64),
        nodes_per_cell=n / side if side else 0.0,
        ticks=_ticks(float(drawn.min()), float(drawn.max())) if drawn.size else (),
    )


@dataclass(frozen=True, eq=False)
class MatrixPicture:
    """A matrix seen from afar: fullest rows above, fullest columns on the left, in cells."""

    fill: np.ndarray
    """float64, shape (row_cells, column_cells): share of a cell's values that are not 0, in [0, 1]."""
    log_fill: np.ndarray
    """float64, same shape: log10 of `fill`, NaN where it is 0."""
    row_rank: np.ndarray
    """int64, shape (row_cells,): rank (from 1) of the first row of each cell."""
    column_rank: np.ndarray
    """int64, shape (column_cells,)."""
    rows_per_cell: float
    columns_per_cell: float
    ticks: tuple[tuple[float, str], ...]
    """(log_fill, label) of a colour scale."""


def matrix_picture(matrix: Features, cells: int = PICTURE_BINS) -> MatrixPicture:
    """Return the picture of a matrix, rows and columns sorted by how many values they hold.

    Parameters
    ----------
    matrix : csr_array or ndarray, shape (n_rows, n_columns)
    cells : int
        Cells a side at most; a side of as many or fewer is drawn exactly.
    """
    coo = sparse.coo_array(matrix)
    stored = coo.data != 0
    a_row, a_column = filled(matrix)
    row_cell, row_size = _cells(a_row, cells)
    column_cell, column_size = _cells(a_column, cells)
    shape = (len(row_size), len(column_size))
    places = row_cell[coo.row[stored]] * shape[1] + column_cell[coo.col[stored]]
    counts = np.bincount(places, minlength=shape[0] * shape[1]).reshape(shape)
    fill = counts / np.outer(row_size, column_size)
    log_fill = np.full(fill.shape, np.nan)
    np.log10(fill, out=log_fill, where=fill > 0)
    drawn = log_fill[~np.isnan(log_fill)]
    return MatrixPicture(
        fill=fill,
        log_fill=log_fill,
        row_rank=1 + np.concatenate([[0], np.cumsum(row_size)[:-1]]).astype(np.int64),
        column_rank=1 + np.concatenate([[0], np.cumsum(column_size)[:-1]]).astype(np.int64),
        rows_per_cell=len(a_row) / shape[0],
        columns_per_cell=len(a_column) / shape[1],
        ticks=_ticks(float(drawn.min()), float(drawn.max())) if drawn.size else (),
    )


def _cells(counts: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the cell of each row (or column), the fullest in the first, and the size of each cell."""
    n = len(counts)
    side = min(most, n)
    cell = np.empty(n, np.int64)
    cell[np.argsort(-counts, kind="stable")] = np.arange(n, dtype=np.int64) * side // n
    return cell, np.bincount(cell, minlength=side).astype(np.float64)


def _ticks(low: float, high: float, most: int = 6) -> tuple[tuple[float, str], ...]:
    """Return ticks at 1, 2 and 5 times the powers of ten between two logarithms, or at fewer of these."""
    powers = range(int(np.floor(low)), int(np.ceil(high)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        values = [factor * 10.0**power for power in powers for factor in factors]
        inside = [value for value in values if low - 1e-9 <= np.log10(value) <= high + 1e-9]
        if len(inside) <= most:
            break
    return tuple((float(np.log10(value)), f"{100 * value:.3g}%") for value in inside)


@dataclass(frozen=True, eq=False)
class FeatureView:
    """How full the node features are."""

    n_features: int
    n_values: int
    """Values other than 0."""
    density: float
    """Share of the values that are not 0, in [0, 1]."""
    n_empty_nodes: int
    """Nodes whose features are all 0."""
    n_empty_features: int
    """Features that are 0 everywhere."""
    row_edges: np.ndarray
    """float64, shape (n_bins + 1,): edges of the histogram of values a node."""
    row_counts: np.ndarray
    """int64, shape (n_bins,): nodes in each bin."""
    per_column: np.ndarray
    """int64, shape (n_features,): nodes with a value other than 0 in each column."""
    most_used: tuple[tuple[int, int], ...]
    """(column, nodes) of the features used by the most nodes."""


def feature_view(features: Features, bins: int = 40, top: int = 15) -> FeatureView:
    """Return how many values each node and each feature has.

    Parameters
    ----------
    features : csr_array or ndarray, shape (n_nodes, n_features)
    bins : int
        Bins of the histogram at most.
    top : int
        Number of features in ``most_used``.
    """
    n, m = features.shape
    a_row, a_column = filled(features)
    total = int(a_row.sum())
    low, high = int(a_row.min(initial=m)), int(a_row.max(initial=0))
    # Whole-number edges half-way between counts, so that no bin is favoured by rounding.
    step = max(1, -(-(high - low + 1) // bins))
    edges = np.arange(low, high + step + 1, step) - 0.5
    counts, _ = np.histogram(a_row, bins=edges)
    order = np.argsort(-a_column, kind="stable")[:top]
    return FeatureView(
        n_features=m,
        n_values=total,
        density=total / (n * m) if n * m else 0.0,
        n_empty_nodes=int(np.count_nonzero(a_row == 0)),
        n_empty_features=int(np.count_nonzero(a_column == 0)),
        row_edges=edges,
        row_counts=counts.astype(np.int64),
        per_column=a_column.astype(np.int64),
        most_used=tuple((int(c), int(a_column[c])) for c in order if a_column[c]),
    )


def rank_curve(counts: np.ndarray, points: int = DISTINCT_DEGREES) -> tuple[np.ndarray, np.ndarray]:
    """Return counts from the largest to the smallest, at most `points` of them, over their ranks from 1.

    Parameters
    ----------
    counts : ndarray of int64, shape (n,)
    points : int

    Returns
    -------
    rank, count : ndarray of int64, shape (at most points,)
        The first and the last are always among them.
    """
    falling = np.sort(counts)[::-1]
    at = np.unique(np.linspace(0, max(len(falling) - 1, 0), min(points, len(falling))).astype(np.int64))
    return at + 1, falling[at]


@dataclass(frozen=True, eq=False)
class ValueView:
    """How the values of a matrix are spread; zeros are left out."""

    edges: np.ndarray
    """float64, shape (n_bins + 1,): edges of the bins."""
    counts: np.ndarray
    """int64, shape (n_bins,): values in each bin."""
    mean: float
    """Of the values other than 0."""
    least: float
    most: float


def value_view(features: Features, bins: int = 40) -> ValueView:
    """Return the histogram of the values other than 0; whole numbers get a bin each while they fit.

    Parameters
    ----------
    features : csr_array or ndarray, shape (n_rows, n_columns)
    bins : int
        Bins at most.
    """
    stored = np.asarray(features.data if sparse.issparse(features) else features, np.float64).ravel()
    stored = stored[stored != 0]
    if not stored.size:
        return ValueView(np.array([0.5, 1.5]), np.zeros(1, np.int64), 0.0, 0.0, 0.0)
    low, high = float(stored.min()), float(stored.max())
    if bool(np.all(stored == np.floor(stored))):
        step = max(1, -(-int(high - low + 1) // bins))
        edges = np.arange(low, high + step + 1, step) - 0.5
    else:
        edges = np.linspace(low, high if high > low else low + 1.0, bins + 1)
    counts, _ = np.histogram(stored, bins=edges)
    return ValueView(edges, counts.astype(np.int64), float(stored.mean()), low, high)


@dataclass(frozen=True)
class LabelView:
    """How many nodes carry each class, the most frequent first."""

    names: tuple[str, ...]
    counts: tuple[int, ...]
    n_unlabelled: int
    n_rest: int
    """Nodes of the classes beyond the listed ones."""
    n_rest_classes: int


def label_view(labels: np.ndarray, names: tuple[str, ...], top: int = 16) -> LabelView:
    """Return the counts of the `top` classes of `labels` (int32, shape (n_nodes,), -1 where unknown)."""
    known = labels[labels >= 0]
    counts = np.bincount(known, minlength=len(names))
    order = np.argsort(-counts, kind="stable")
    shown, rest = order[:top], order[top:]
    return LabelView(
        names=tuple(names[i] for i in shown),
        counts=tuple(int(counts[i]) for i in shown),
        n_unlabelled=int(len(labels) - len(known)),
        n_rest=int(counts[rest].sum()),
        n_rest_classes=len(rest),
    )
