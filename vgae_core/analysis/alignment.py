"""Two sets of codes of the same nodes: turned onto each other, and how far their neighbourhoods agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vgae_core.analysis.latent_neighbours import Similarity, directions
from vgae_core.errors import DataError

NEIGHBOURS = (5, 10, 20, 50)
"""How many nearest codes are compared, to choose from."""

USUAL_NEIGHBOURS = 10

MOST_NODES = 4_000
"""Nodes whose neighbourhoods are compared, each with all others; of more, a random part."""

SEED = 0x4E42

TIED = 1e-6
"""Share of a similarity by which two differ by rounding only."""

_BLOCK = 8_000_000
"""Similarities held at once: 32 MB of float32."""


@dataclass(frozen=True, eq=False)
class Turn:
    """How places are moved: ``scale * (places - centre) @ turn + goal``.

    Parameters
    ----------
    centre, goal : ndarray of float64, shapes (e,) and (d,)
    turn : ndarray of float64, shape (e, d)
        A rotation, with or without a mirror.
    scale : float
    """

    centre: np.ndarray
    goal: np.ndarray
    turn: np.ndarray
    scale: float

    def apply(self, places: np.ndarray) -> np.ndarray:
        """Return moved places; float64, shape (len(places), d)."""
        return np.asarray(self.scale * ((places - self.centre) @ self.turn) + self.goal)

    def numbers(self) -> list[float]:
        """Return what :meth:`of_plane` makes the same turn of; nine numbers for a turn of the plane."""
        return [float(n) for n in (*self.centre, *self.goal, *self.turn.ravel(), self.scale)]

    @classmethod
    def of_plane(cls, numbers: Sequence[float]) -> Turn:
        """Return the turn of the plane of :meth:`numbers`; raise DataError if they are of none."""
        values = np.array(numbers, np.float64)
        if values.shape != (9,) or not np.isfinite(values).all() or values[8] <= 0:
            raise DataError("These numbers turn no map.")
        turn = values[4:8].reshape(2, 2)
        if not np.allclose(turn @ turn.T, np.eye(2), atol=1e-3):
            raise DataError("These numbers turn no map.")
        return cls(values[:2], values[2:4], turn, float(values[8]))


def procrustes(moving: np.ndarray, goal: np.ndarray) -> Turn:
    """Return the turn and the scale that bring rows nearest to those of another array, by least squares.

    Parameters
    ----------
    moving, goal : ndarray of float, shapes (n, e) and (n, d)
        Row by row the same things; where e and d differ, the turn has orthonormal columns or rows.

    References
    ----------
    Schönemann 1966, A generalized solution of the orthogonal Procrustes problem.
    """
    from_centre, to_centre = (array.mean(axis=0, dtype=np.float64) for array in (moving, goal))
    centred, centred_goal = moving - from_centre, goal - to_centre
    u, s, vt = np.linalg.svd(centred.T @ centred_goal, full_matrices=False)
    scale = float(s.sum()) / max(float(((centred @ (u @ vt)) ** 2).sum()), 1e-12)
    return Turn(from_centre, to_centre, u @ vt, scale)


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
    places = procrustes(other, z).apply(other)
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
        Key of :data:`vgae_core.analysis.latent_neighbours.SIMILARITIES`.

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


def in_common(jaccard: np.ndarray, k: int) -> np.ndarray:
    """Return how many nodes have 0, 1, … `k` of their `k` nearest codes in common, int64 (k + 1,).

    Parameters
    ----------
    jaccard : ndarray of float64, shape (n_nodes,)
        As of :func:`neighbour_overlap`, with the same `k`.
    k : int
    """
    return np.bincount(np.rint(2 * k * jaccard / (1 + jaccard)).astype(np.int64), minlength=k + 1)


def _nearest(z: np.ndarray, nodes: np.ndarray, k: int, metric: Similarity) -> np.ndarray:
    """Return the `k` codes nearest to each of `nodes`, without itself, in any order; int64 (len(nodes), k).

    Of those equally near, the lower numbers: nodes with the same neighbours have the same code in every run, and are
    then each other's neighbours in all of them.
    """
    codes = directions(z) if metric == "cosine" else z
    squares = np.einsum("ij,ij->i", codes, codes) / 2 if metric == "euclidean" else 0.0
    step = max(1, _BLOCK // len(z))
    nearest = np.empty((len(nodes), k), np.int64)
    for start in range(0, len(nodes), step):
        some = nodes[start : start + step]
        likeness = codes[some] @ codes.T - squares
        likeness[np.arange(len(some)), some] = -np.inf
        last = -np.partition(-likeness, k - 1, axis=1)[:, k - 1 : k]
        slack = TIED * np.abs(last)
        nearer, as_near = likeness > last + slack, likeness >= last - slack
        tied = as_near & ~nearer
        room = k - nearer.sum(axis=1, keepdims=True)
        chosen = nearer | (tied & (np.cumsum(tied, axis=1, dtype=np.int32) <= room))
        nearest[start : start + step] = np.nonzero(chosen)[1].reshape(-1, k)
    return nearest
