"""Which pairs of nodes may be edges, of one set of nodes or of two sides."""

from __future__ import annotations

import numpy as np


def count_pairs(n_nodes: int, *, directed: bool = False, n_first: int = 0) -> int:
    """Return how many pairs of different nodes may be edges: ordered pairs if `directed`.

    With `n_first` nodes on side 0, only the pairs of a two-sided graph that join both sides.
    """
    if n_first:
        return n_first * (n_nodes - n_first)
    return n_nodes * (n_nodes - 1) // (1 if directed else 2)


def count_first(sides: np.ndarray | None) -> int:
    """Return how many nodes are on side 0; 0 without sides."""
    return 0 if sides is None else int(np.count_nonzero(sides == 0))


def describe_sides(sides: np.ndarray, names: tuple[str, ...]) -> str:
    """Return how many nodes a two-sided graph has on each side, in words."""
    n_first = count_first(sides)
    first, second = (f" ({name})" for name in names) if names else ("", "")
    return f"Two-sided graph: {n_first:,} nodes{first} on one side, {len(sides) - n_first:,}{second} on the other"


def within_a_side(sides: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return which pairs are of two nodes of one side, bool; a node with itself is no such pair."""
    return (sides[first] == sides[second]) & (first != second)
