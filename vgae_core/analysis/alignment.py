"""Two sets of codes of the same nodes: turned onto each other, and how far their neighbourhoods agree."""

from __future__ import annotations

import numpy as np

from vgae_core.analysis.embedding import Similarity, directions

NEIGHBOURS = (5, 10, 20, 50)
"""How many nearest codes are compared, to choose from."""

USUAL_NEIGHBOURS = 10

MOST_NODES = 4_000
"""Nodes whose neighbourhoods are compared, each with all others; of more, a random part."""

SEED = 0x4E42

_BLOCK = 8_000_000
"""Similarities held at once: 32 MB of float32."""


def aligned(z: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return codes of another run turned and scaled onto these, and how far each lies from its own.

    Codes are only defined up to a rotation: the turn and the scale that bring both nearest (Schönemann 1966).
    Codes of another length are turned into as many dimensions by a map with orthonormal columns or rows.

    Parameters
    ----------
    z, other : ndarray of float32, shapes (n_nodes, d) and (n_nodes, e)

    Returns
    -------
    places : ndarray of float64, shape (n_nodes, d)
    distance : ndarray of float64, shape (n_nodes,)
    """
    centre, moved = z.mean(axis=0, dtype=np.float64), other - other.mean(axis=0, dtype=np.float64)
    goal = z - centre
    u, s, vt = np.linalg.svd(moved.T @ goal, full_matrices=False)
    turned = moved @ (u @ vt)
    places = turned * (float(s.sum()) / max(float((turned**2).sum()), 1e-12)) + centre
    return places, np.linalg.norm(places - z, axis=1)


def neighbour_overlap(
    z: np.ndarray, other: np.ndarray, k: int = USUAL_NEIGHBOURS, metric: Similarity = "cosine"
) -> tuple[np.ndarray, np.ndarray]:
    """Return how far the `k` nearest codes of a node are the same in two sets of codes.

    Parameters
    ----------
    z, other : ndarray of float32, shapes (n_nodes, d) and (n_nodes, e)
    k : int
        At most n_nodes - 1.
    metric : str
        Key of :data:`vgae_core.analysis.embedding.SIMILARITIES`.

    Returns
    -------
    nodes : ndarray of int64
        All, or :data:`MOST_NODES` of them drawn at random, in order.
    jaccard : ndarray of float64, shape (len(nodes),)
        Neighbours in both over neighbours in either (Jaccard 1912), 0 to 1.
    """
    n = len(z)
    k = min(k, n - 1)
    nodes = np.arange(n)
    if n > MOST_NODES:
        nodes = np.sort(np.random.default_rng(SEED).choice(n, MOST_NODES, replace=False))
    first, second = _nearest(z, nodes, k, metric), _nearest(other, nodes, k, metric)
    both = np.array(
        [len(np.intersect1d(a, b, assume_unique=True)) for a, b in zip(first, second, strict=True)]
    )
    return nodes, both / (2 * k - both)


def _nearest(z: np.ndarray, nodes: np.ndarray, k: int, metric: Similarity) -> np.ndarray:
    """Return the `k` codes nearest to each of `nodes`, without itself, in any order; int64 (len(nodes), k)."""
    codes = directions(z) if metric == "cosine" else z
    squares = np.einsum("ij,ij->i", codes, codes) / 2 if metric == "euclidean" else 0.0
    step = max(1, _BLOCK // len(z))
    nearest = np.empty((len(nodes), k), np.int64)
    for start in range(0, len(nodes), step):
        some = nodes[start : start + step]
        likeness = codes[some] @ codes.T - squares
        likeness[np.arange(len(some)), some] = -np.inf
        nearest[start : start + step] = np.argpartition(-likeness, k - 1, axis=1)[:, :k]
    return nearest
