"""Runs beside each other: how many, nodes whose codes moved, and links that only one proposes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vgae_core.analysis.alignment import aligned
from vgae_core.data.non_edges import codes

MOST_RUNS = 20
"""Runs compared at once."""

MOST_MAPS = 10
"""Maps drawn beside each other."""

RANKED = 100
"""Missing links of each run that are compared with those of another."""

MOVED = 20
"""Nodes listed whose codes lie farthest apart."""


@dataclass(frozen=True, eq=False)
class Moved:
    """Codes of a run turned onto those of another.

    Parameters
    ----------
    places : ndarray of float64, shape (n_nodes, latent_dim of the other)
        The turned and scaled codes.
    distance : ndarray of float64, shape (n_nodes,)
        From the other's codes, in units of their root mean square distance from their mean.
    """

    places: np.ndarray
    distance: np.ndarray

    def farthest(self) -> np.ndarray:
        """Return the nodes that lie farthest apart, int64 (at most :data:`MOVED`,)."""
        return np.argsort(-self.distance, kind="stable")[:MOVED]


def moved(z: np.ndarray, other: np.ndarray) -> Moved:
    """Return where codes of another run lie among these, shapes (n_nodes, d) and (n_nodes, e)."""
    places, distance = aligned(z, other)
    radius = float(np.sqrt(np.square(z - z.mean(axis=0, dtype=np.float64)).sum(axis=1).mean()))
    return Moved(places, distance / max(radius, 1e-12))


def only_in(first: np.ndarray, second: np.ndarray, n: int, *, directed: bool) -> np.ndarray:
    """Return which pairs of a ranking another does not have, bool (len(first),).

    Parameters
    ----------
    first, second : ndarray of int64, shape (n_pairs, 2)
    n : int
        Nodes; of a matrix the larger of its sides, `directed`.
    directed : bool
    """
    return ~np.isin(codes(first, n, directed=directed), codes(second, n, directed=directed))
