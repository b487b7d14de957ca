"""What the latent codes say: maps, neighbours, communities, uncertainty, fair samples."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse

from vgae_core.catalogue.base import Entry
from vgae_core.data.blocks import row_blocks
from vgae_core.data.dataset import GraphData
from vgae_core.errors import DataError

MAX_POINTS = 20_000
"""Points drawn and selectable one by one; above it a fair sample stands on a density."""

MAX_LISTED = 5_000
"""Names offered in one list; of more, those that contain a text."""

MIN_ALIGNED = 3
"""Nodes on two maps from which one is turned onto the other."""

Similarity = Literal["inner_product", "cosine", "euclidean"]
"""How near two latent codes are; a key of :data:`SIMILARITIES`."""

SIMILARITIES: dict[str, Entry] = {
    "inner_product": Entry(
        title="Inner product",
        help="z_i · z_j, the decoder's own logit: the highest is the likeliest edge. Favours long codes.",
    ),
    "cosine": Entry(title="Cosine", help="The angle between two codes, whatever their length."),
    "euclidean": Entry(title="Euclidean distance", help="The straight distance; the lowest is the nearest."),
}

NEIGHBOURS = 10
"""Nearest codes listed beside the true neighbours of a node."""

IGRAPH_LOCK = threading.Lock()  # igraph has one random generator a process


@dataclass(frozen=True, eq=False)
class Map:
    """Coordinates of nodes in two or three dimensions.

    Parameters
    ----------
    coordinates : ndarray of float32, shape (n_points, dim)
    explained : ndarray of float64, shape (dim,)
        Share of the variance of z_mean along each axis, 0 to 1; empty where the method has none.
    centre, axes : ndarray of float64, shapes (latent_dim,) and (dim, latent_dim), or None
        Of a linear map: the code at the origin, and the direction of each axis.
    """

    coordinates: np.ndarray
    explained: np.ndarray
    centre: np.ndarray | None = None
    axes: np.ndarray | None = None

    def place(self, z: np.ndarray) -> np.ndarray:
        """Return where codes lie on this map, which must be linear; float64 (len(z), dim)."""
        if self.centre is None or self.axes is None:
            raise ValueError("Only a linear map has a place for other codes.")
        return np.asarray((z.astype(np.float64) - self.centre) @ self.axes.T)


def pca(z: np.ndarray, dim: int) -> Map:
    """Return the projection of `z` on its first `dim` principal components.

    The sign of each axis is fixed (the largest loading is positive), so that the same codes
    give the same map.  Axes beyond the latent size are zero.

    Parameters
    ----------
    z : ndarray of float32, shape (n_nodes, latent_dim)
        Latent codes.
    dim : int
        2 or 3.

    Returns
    -------
    Map
        Coordinates, shape (n_nodes, dim), and the share of variance of each axis.

    Raises
    ------
    DataError
        If there are fewer than two nodes.
    """
    n, latent_dim = z.shape
    if n < 2:
        raise DataError(f"A map needs at least 2 nodes. Received: {n}.")
    keep = min(dim, latent_dim, n)
    coordinates = np.zeros((n, dim), dtype=np.float32)
    explained, axes = np.zeros(dim), np.zeros((dim, latent_dim))
    spread = z.astype(np.float64).var(axis=0).sum()
    if spread > 0:  # all codes equal: the posterior collapsed, and every node sits at the origin
        from sklearn.decomposition import PCA  # a second, which answers need not wait for

        model = PCA(n_components=keep, svd_solver="covariance_eigh" if n >= latent_dim else "full")
        coordinates[:, :keep] = model.fit_transform(z.astype(np.float64))
        explained[:keep], axes[:keep] = model.explained_variance_ratio_, model.components_
    return Map(coordinates, explained, z.mean(axis=0, dtype=np.float64), axes)


def directions(z: np.ndarray) -> np.ndarray:
    """Return every code scaled to length 1; a code of zeros stays one.

    Parameters
    ----------
    z : ndarray of float32, shape (n_nodes, latent_dim)
        Latent codes.

    Returns
    -------
    ndarray of float32, shape (n_nodes, latent_dim)
    """
    lengths = np.linalg.norm(z, axis=1, keepdims=True)
    return np.divide(z, lengths, out=np.zeros_like(z), where=lengths > 0)


def neighbours(
    z: np.ndarray, node: int, k: int, metric: Similarity = "inner_product"
) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k` nodes nearest to `node` in latent space, nearest first.

    Parameters
    ----------
    z : ndarray of float32, shape (n_nodes, latent_dim)
        Latent codes.
    node : int
        Row of the node asked about; never among its own neighbours.
    k : int
        How many, at most n_nodes - 1 are returned.
    metric : {"inner_product", "cosine", "euclidean"}
        What near means; see :data:`SIMILARITIES`.

    Returns
    -------
    nodes : ndarray of int64, shape (k,)
        Ties go to the lower row.
    values : ndarray of float32, shape (k,)
        The inner product (a logit), the cosine, or the distance in units of z.

    Raises
    ------
    DataError
        If the node does not exist or the metric is unknown.
    """
    values, order = _by_nearness(z, node, metric)
    return order[:k], values[order[:k]]


def ranks(z: np.ndarray, node: int, metric: Similarity = "inner_product") -> tuple[np.ndarray, np.ndarray]:
    """Return the place of every node in the order of nearness to `node`.

    Parameters
    ----------
    z : ndarray of float32, shape (n_nodes, latent_dim)
        Latent codes.
    node : int
        Row of the node asked about.
    metric : {"inner_product", "cosine", "euclidean"}
        What near means; see :data:`SIMILARITIES`.

    Returns
    -------
    places : ndarray of int64, shape (n_nodes,)
        1 for the nearest, n_nodes - 1 for the farthest, 0 for the node itself.
    values : ndarray of float32, shape (n_nodes,)
        As in :func:`neighbours`.

    Raises
    ------
    DataError
        As :func:`neighbours`.
    """
    values, order = _by_nearness(z, node, metric)
    places = np.zeros(len(z), dtype=np.int64)
    places[order] = np.arange(1, len(z))
    return places, values


def _by_nearness(z: np.ndarray, node: int, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the value of every node and the other nodes by falling nearness, ties to the lower row."""
    n = z.shape[0]
    if not 0 <= node < n:
        raise DataError(f"`node` must be between 0 and {n - 1}. Received: {node}.")
    if metric == "inner_product":
        values = z @ z[node]
    elif metric == "cosine":
        lengths = np.linalg.norm(z, axis=1)
        scale = lengths * lengths[node]
        values = np.divide(z @ z[node], scale, out=np.zeros(n, dtype=z.dtype), where=scale > 0)
    elif metric == "euclidean":
        values = np.linalg.norm(z - z[node], axis=1)
    else:
        raise DataError(f"`metric` must be one of {', '.join(SIMILARITIES)}. Received: {metric!r}.")
    rank = (values if metric == "euclidean" else -values).astype(np.float64)
    rank[node] = np.inf
    order = np.argsort(rank, kind="stable")[: n - 1]
    return values.astype(np.float32), order.astype(np.int64)


def true_neighbours(graph: GraphData, node: int) -> np.ndarray:
    """Return the nodes that share an edge with `node`, in either direction, without itself.

    Parameters
    ----------
    graph : GraphData
    node : int
        Row of the node.

    Returns
    -------
    ndarray of int64, shape (degree,)
        Ascending.
    """
    both = undirected(graph.adjacency)
    found = both.indices[both.indptr[node] : both.indptr[node + 1]]
    return np.sort(found[found != node]).astype(np.int64)


def degree(adjacency: sparse.csr_array) -> np.ndarray:
    """Return the number of distinct neighbours of each node, directions and self-loops aside.

    Parameters
    ----------
    adjacency : csr_array, shape (n_nodes, n_nodes)

    Returns
    -------
    ndarray of int64, shape (n_nodes,)
    """
    return np.diff(undirected(adjacency).indptr).astype(np.int64)


def communities(adjacency: sparse.csr_array, seed: int = 0) -> np.ndarray:
    """Return the community of each node: groups with more edges inside than by chance.

    Leiden optimisation of modularity on the undirected graph, weighted where all weights
    are positive.

    Parameters
    ----------
    adjacency : csr_array, shape (n_nodes, n_nodes)
    seed : int
        Fixes the order in which nodes are visited.

    Returns
    -------
    ndarray of int32, shape (n_nodes,)
        0 is the largest community, 1 the next, …; -1 a node without edges.

    References
    ----------
    Traag, Waltman & van Eck 2019, From Louvain to Leiden, arXiv:1810.08473.
    """
    both = sparse.triu(undirected(adjacency), k=1, format="coo")
    n = both.shape[0]
    weights = both.data if both.nnz and bool((both.data > 0).all()) else None
    import igraph

    graph = igraph.Graph(n=n, edges=np.column_stack([both.row, both.col]))
    with IGRAPH_LOCK:
        igraph.set_random_number_generator(random.Random(seed))  # noqa: S311 - not for secrets
        try:
            found = graph.community_leiden(
                objective_function="modularity",
                weights=None if weights is None else weights.tolist(),
                n_iterations=10,
            )
        finally:
            igraph.set_random_number_generator(random)
    member = np.asarray(found.membership, dtype=np.int64)
    lonely = np.diff(undirected(adjacency).indptr) == 0
    sizes = np.bincount(member[~lonely], minlength=int(member.max(initial=-1)) + 1)
    rank = np.empty(len(sizes), dtype=np.int32)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes), dtype=np.int32)
    result = rank[member] if n else np.zeros(0, dtype=np.int32)
    result[lonely] = -1
    return result


def core_numbers(adjacency: sparse.csr_array) -> np.ndarray:
    """Return the core number of each node: the largest k whose k-core it is in.

    In a k-core each node has at least k neighbours in it; directions, weights and self-loops aside.

    Parameters
    ----------
    adjacency : csr_array, shape (n_nodes, n_nodes)

    Returns
    -------
    ndarray of int32, shape (n_nodes,)

    References
    ----------
    Batagelj & Zaversnik 2003, An O(m) algorithm for cores decomposition of networks, arXiv:cs/0310049.
    """
    import igraph  # late, as in `communities`

    both = sparse.triu(undirected(adjacency), k=1, format="coo")
    graph = igraph.Graph(n=both.shape[0], edges=np.column_stack([both.row, both.col]))
    return np.asarray(graph.coreness(), np.int32)


ACTIVE = 0.01
"""Variance over nodes above which a latent dimension says something (Burda et al. 2016)."""


def latent_metrics(z_mean: np.ndarray, z_log_var: np.ndarray) -> dict[str, float]:
    """Return how much of the latent space is used: whether the posterior collapsed to the prior.

    Parameters
    ----------
    z_mean, z_log_var : ndarray of float32, shape (n_nodes, latent_dim)
        Gone through block by block.

    Returns
    -------
    dict of str to float
        ``active_units`` (dimensions whose mean varies by more than :data:`ACTIVE` over nodes), ``latent_dim``,
        ``kl`` (nats per node, from the standard normal) and ``mean_sigma``.

    References
    ----------
    Burda et al. 2016, Importance Weighted Autoencoders, arXiv:1509.00519, section 5.1.
    """
    n, width = z_mean.shape
    total, squares = np.zeros(width), np.zeros(width)
    divergence = sigma = 0.0
    for (_, mean), (_, log_var) in zip(row_blocks(z_mean), row_blocks(z_log_var), strict=True):
        mean, log_var = mean.astype(np.float64), log_var.astype(np.float64)
        variance = np.exp(np.clip(log_var, -50.0, 50.0))
        divergence += 0.5 * float((np.square(mean) + variance - 1.0 - log_var).sum())
        sigma += float(np.sqrt(variance).sum())
        mean -= z_mean[0]  # near the mean, so that the squares below do not cancel
        total += mean.sum(axis=0)
        squares += np.square(mean).sum(axis=0)
    spread = squares / n - np.square(total / n)
    return {
        "active_units": float(np.count_nonzero(spread > ACTIVE)),
        "latent_dim": float(width),
        "kl": divergence / n,
        "mean_sigma": sigma / (n * width),
    }


def uncertainty(z_log_var: np.ndarray) -> np.ndarray:
    """Return the mean standard deviation σ of each node's latent code.

    1 is the prior (nothing learnt of the node); towards 0 the code is certain.

    Parameters
    ----------
    z_log_var : ndarray of float32, shape (n_nodes, latent_dim)
        log σ².

    Returns
    -------
    ndarray of float32, shape (n_nodes,)
        In units of z.
    """
    return np.exp(0.5 * z_log_var.astype(np.float64)).mean(axis=1).astype(np.float32)


def sample_points(n: int, by: np.ndarray | None, cap: int = MAX_POINTS, seed: int = 0) -> np.ndarray:
    """Return a fair sample of rows: every class keeps its share, and none disappears.

    Parameters
    ----------
    n : int
        Number of rows.
    by : ndarray of int, shape (n,), or None
        Class of each row; None draws uniformly.
    cap : int
        Rows to keep at most.
    seed : int
        Same seed, same sample.

    Returns
    -------
    ndarray of int64, shape (min(n, cap),)
        Ascending rows; all of them when they fit.  A class keeps its share of `cap` rounded
        to a neighbouring whole number, and at least one row while there are no more classes
        than `cap`.
    """
    if n <= cap:
        return np.arange(n, dtype=np.int64)
    rng = np.random.default_rng(seed)
    if by is None:
        return np.sort(rng.choice(n, size=cap, replace=False)).astype(np.int64)
    _, member = np.unique(by, return_inverse=True)
    sizes = np.bincount(member)
    floor_one = 1 if len(sizes) <= cap else 0
    quota = _shares(sizes, cap, floor_one)
    # Shuffled, then stable-sorted by class: the first rows of each class are its random sample.
    shuffled = rng.permutation(n)
    order = shuffled[np.argsort(member[shuffled], kind="stable")]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    rank = np.arange(n) - np.repeat(starts, sizes)
    return np.sort(order[rank < np.repeat(quota, sizes)]).astype(np.int64)


def _shares(sizes: np.ndarray, cap: int, least: int) -> np.ndarray:
    """Split `cap` over classes in proportion to their sizes, largest remainders first."""
    exact = sizes * (cap / sizes.sum())
    quota = np.maximum(np.floor(exact), least).astype(np.int64)
    missing = cap - int(quota.sum())
    if missing > 0:
        quota[np.argsort(-(exact - quota), kind="stable")[:missing]] += 1
    while missing < 0:  # the minimum of one row took from the others: take it back from the largest
        take = np.argsort(-quota, kind="stable")[: min(-missing, int((quota > 1).sum()))]
        quota[take] -= 1
        missing += len(take)
    return quota


def colour_range(values: np.ndarray) -> tuple[float, float]:
    """Return the 1st and 99th percentile of the finite values, so that no outlier takes the whole scale.

    Parameters
    ----------
    values : ndarray of float, shape (n,)

    Returns
    -------
    low, high : float
        Always different; 0 and 1 without finite values.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = np.percentile(finite, [1, 99]).tolist()
    if low == high:
        low, high = float(finite.min()), float(finite.max())
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def density(xy: np.ndarray, bins: int = 160) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how many points fall in each cell of a grid laid over them.

    Parameters
    ----------
    xy : ndarray of float32, shape (n_points, 2)
    bins : int
        Cells along each axis.

    Returns
    -------
    counts : ndarray of int64, shape (bins, bins)
        Row is y, column is x, as a heat map wants them.
    x, y : ndarray of float64, shape (bins,)
        Centres of the cells.
    """
    counts, x_edges, y_edges = np.histogram2d(xy[:, 0], xy[:, 1], bins=bins)
    return (
        counts.T.astype(np.int64),
        (x_edges[:-1] + x_edges[1:]) / 2,
        (y_edges[:-1] + y_edges[1:]) / 2,
    )


def undirected(adjacency: sparse.csr_array) -> sparse.csr_array:
    """Return (A + Aᵀ) / 2 without the diagonal; an edge stays one even where its weights cancel."""
    coo = sparse.coo_array(adjacency)
    keep = coo.row != coo.col
    rows, cols, data = coo.row[keep], coo.col[keep], coo.data[keep] / 2
    result = sparse.csr_array(
        (np.concatenate([data, data]), (np.concatenate([rows, cols]), np.concatenate([cols, rows]))),
        shape=adjacency.shape,
    )
    result.sum_duplicates()
    return result
