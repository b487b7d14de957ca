"""Which latent codes are near to each other, and which nodes are neighbours in the graph."""

from __future__ import annotations

from typing import Literal

import numpy as np

from vgae_core.catalogue.base import Entry
from vgae_core.data.dataset import GraphData
from vgae_core.errors import DataError

Similarity = Literal["inner_product", "cosine", "euclidean"]
"""How near two latent codes are; a key of :data:`SIMILARITIES`."""

SIMILARITIES: dict[str, Entry] = {
    "inner_product": Entry(
        title="Inner product",
        help="z_i · z_j, the decoder's own logit: the highest is the likeliest edge. Favours long codes.",
    ),
    "cosine": Entry(title="Cosine", help="The angle between two codes, ignoring their lengths."),
    "euclidean": Entry(title="Euclidean distance", help="Euclidean distance; lower is nearer."),
}

NEIGHBOURS = 10
"""Nearest codes listed beside the true neighbours of a node."""


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
        1 for the nearest, n_nodes - 1 for the farthest, 0 for the node itself; ties go to the lower row.
    values : ndarray of float32, shape (n_nodes,)
        The inner product (a logit), the cosine, or the distance in units of z.

    Raises
    ------
    DataError
        If the node does not exist or the metric is unknown.
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
    indptr, indices = graph.adjacency.indptr, graph.adjacency.indices
    targets = indices[indptr[node] : indptr[node + 1]]
    sources = np.searchsorted(indptr, np.flatnonzero(indices == node), side="right") - 1
    both = np.union1d(targets, sources)
    return both[both != node].astype(np.int64)
