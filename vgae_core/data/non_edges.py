"""Pairs of nodes as numbers, and non-edges drawn exactly by them."""

from __future__ import annotations

import numpy as np

from vgae_core.data.dataset import GraphData
from vgae_core.data.node_pairs import count_first
from vgae_core.errors import DataError


def codes(pairs: np.ndarray, n: int, *, directed: bool) -> np.ndarray:
    """Return ``i * n + j`` of each pair, with i < j unless `directed`; int64, shape (pairs,)."""
    first, second = pairs[:, 0], pairs[:, 1]
    if not directed:
        first, second = np.minimum(first, second), np.maximum(first, second)
    return first * np.int64(n) + second


def sorted_unique(keys: np.ndarray) -> np.ndarray:
    """Return the distinct keys in order; many times faster than hashing (`numpy.unique`) here."""
    keys = np.sort(keys)
    return keys[np.concatenate([[True], keys[1:] != keys[:-1]])] if len(keys) else keys


def joined_pairs(rows: np.ndarray, cols: np.ndarray, n: int) -> tuple[np.ndarray, int]:
    """Return the different pairs of nodes that some arcs join, and how many different arcs there are.

    One sort of one key an arc: the pair, and in the last bit the direction.  As many arcs as there are more than pairs
    have one back.

    Parameters
    ----------
    rows, cols : ndarray of int64, shape (n_entries,)
        Both ends of each arc; repeats and arcs from a node to itself do not count.
    n : int
        Number of nodes.

    Returns
    -------
    pairs : ndarray of int64
        ``i * n + j`` with i < j, sorted.
    n_arcs : int
    """
    proper = rows != cols
    if not proper.all():
        rows, cols = rows[proper], cols[proper]
    keys = np.minimum(rows, cols)
    keys *= n
    keys += np.maximum(rows, cols)
    keys <<= 1
    keys |= rows > cols
    keys.sort()
    new = np.ones(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    n_arcs = int(np.count_nonzero(new))
    keys >>= 1
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    return keys[new], n_arcs


def contains(haystack: np.ndarray, needles: np.ndarray) -> np.ndarray:
    """Return whether each needle is in `haystack`, which is sorted; bool, shape (needles,)."""
    if not len(haystack):
        return np.zeros(len(needles), dtype=bool)
    at = np.minimum(np.searchsorted(haystack, needles), len(haystack) - 1)
    return haystack[at] == needles


def _row_starts(n: int) -> np.ndarray:
    """Return the number of pairs i < j that come before row i; int64, shape (n,)."""
    i = np.arange(n, dtype=np.int64)
    return i * n - i * (i + 1) // 2


def places_within(sides: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the nodes of side 0, then of side 1, and the place of each node among those of its side; int64 (n,)."""
    order = np.argsort(sides, kind="stable")
    place = np.empty(len(sides), np.int64)
    place[order] = np.arange(len(sides))
    return order, place - np.where(sides == 1, count_first(sides), 0)


def rank(pairs: np.ndarray, n: int, *, directed: bool, sides: np.ndarray | None = None) -> np.ndarray:
    """Return each pair's place among all pairs that may be edges, in row-major order.

    Those are the pairs of different nodes; with `sides` (int8, shape (n,)) the rectangle of the nodes of side 0 and
    those of side 1, in which a pair has its place whichever end comes first.
    """
    i, j = pairs[:, 0], pairs[:, 1]
    if sides is not None:
        place, width = places_within(sides)[1], n - count_first(sides)
        swapped = sides[i] == 1
        return place[np.where(swapped, j, i)] * width + place[np.where(swapped, i, j)]
    if directed:
        return i * np.int64(n - 1) + j - (j > i)
    return _row_starts(n)[i] + (j - i - 1)


def unrank(places: np.ndarray, n: int, *, directed: bool, sides: np.ndarray | None = None) -> np.ndarray:
    """Return the pairs at these places: the inverse of :func:`rank`; i < j unless `directed`."""
    if sides is not None:
        order, n_first = places_within(sides)[0], count_first(sides)
        i, j = np.divmod(places, n - n_first)
        return np.sort(np.column_stack([order[i], order[n_first + j]]), axis=1)
    if directed:
        i, j = np.divmod(places, n - 1)
        return np.column_stack([i, j + (j >= i)])
    starts = _row_starts(n)
    i = np.searchsorted(starts[: n - 1], places, side="right") - 1
    return np.column_stack([i, places - starts[i] + i + 1])


def distinct(total: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return `count` distinct integers below `total`, uniformly, in random order."""
    if 2 * count >= total:
        return rng.permutation(total)[:count]
    drawn = np.empty(0, dtype=np.int64)
    while len(drawn) < count:  # at most half are taken: a few rounds at worst
        fresh = rng.integers(total, size=count - len(drawn) + 16)
        drawn = sorted_unique(np.concatenate([drawn, fresh]))
    return rng.permutation(drawn)[:count]


def sample_non_edges(
    graph: GraphData, count: int, rng: np.random.Generator, *, repeats: bool = False
) -> np.ndarray:
    """Return distinct pairs of nodes that may be edges and are none, uniformly and in random order.

    Of a two-sided graph these join both sides.  Non-edges are numbered 0, 1, … in row-major order; distinct random
    numbers are drawn and translated by one binary search among the edges, so nothing is rejected and dense graphs
    cost no more than sparse ones.

    Parameters
    ----------
    graph : GraphData
    count : int
        Pairs wanted.
    rng : numpy.random.Generator
    repeats : bool
        Whether pairs may come more than once where the graph has fewer than `count`.

    Returns
    -------
    ndarray of int64, shape (count, 2)
        ``i < j``, or any ``i != j`` of a directed graph.

    Raises
    ------
    DataError
        If the graph has fewer than `count` non-edges and they may not be repeated, or none at all.
    """
    n, sides = graph.n_nodes, graph.sides
    taken = rank(graph.edges, n, directed=graph.directed, sides=sides)
    available = graph.n_pairs - len(taken)
    if count > available and not (repeats and available):
        raise DataError(
            f"{count:,} pairs of nodes without an edge are needed, and the graph has {available:,}.",
            where="split",
            mend="Lower the held-out fractions; a complete graph has no missing links to find.",
        )
    taken.sort()
    taken -= np.arange(len(taken))
    drawn = distinct(available, count, rng) if count <= available else rng.integers(available, size=count)
    order = np.argsort(drawn)  # searching for numbers in order finds the memory in its caches
    drawn = drawn[order]
    # As many non-edges come before edge k as `taken` says now, so this many edges come before non-edge `drawn`:
    drawn += np.searchsorted(taken, drawn, side="right")
    pairs = np.empty((count, 2), np.int64)
    pairs[order] = unrank(drawn, n, directed=graph.directed, sides=sides)
    return pairs
