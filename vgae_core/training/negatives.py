"""Pairs to tell edges from, drawn anew in every step: uniform, by degree, or hard.

Each drawing is a pure function of a seed, so the same step gives the same pairs on any machine.  Pairs come sorted by
their first node: their source is drawn once in each of as many equal slices of the distribution, which needs no sort
and has less variance than independent draws.  Pairs may be edges or a node with itself: :func:`proper` tells.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import tensorflow as tf

DEGREE_POWER = 0.75
"""Exponent of the degree in the distribution of :func:`by_degree` (Mikolov et al. 2013)."""

Draw = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""From a seed, int32 (2,), and a count, int32 (), to pairs int32 (count, 2) sorted by their first node."""


def drawing(
    how: Literal["uniform", "degree", "hard"],
    train: np.ndarray,
    n_nodes: int,
    sides: np.ndarray | None = None,
) -> Draw:
    """Return the function that draws pairs.

    Parameters
    ----------
    how : str
        ``"uniform"``: any two nodes. ``"degree"``: both by their degree to the power of 0.75. ``"hard"``: the source
        by the same, the target at the end of a walk of two steps over the training edges.
    train : ndarray of int64, shape (n_train, 2)
        Training edges, each once.
    n_nodes : int
    sides : ndarray of int8, shape (n_nodes,), optional
        The side of each node of a two-sided graph: one node of each is drawn, and a walk takes three steps.

    References
    ----------
    Mikolov et al. 2013, Distributed Representations of Words and Phrases, arXiv:1310.4546 (the power of 0.75);
    Li et al. 2023, arXiv:2306.10453 (hard negatives share neighbours).
    """
    if how == "uniform":
        return uniform(n_nodes) if sides is None else uniform_across(sides)
    degree = np.bincount(train.ravel(), minlength=n_nodes)
    if how == "degree":
        return (
            by_degree(degree) if sides is None else by_degree(*(degree * (sides == side) for side in (0, 1)))
        )
    ends = np.concatenate([train, train[:, ::-1]])
    order = np.argsort(ends[:, 0], kind="stable")
    return by_walk(degree, ends[order, 1], 2 if sides is None else 3)


def uniform(n_nodes: int) -> Draw:
    """Return the drawing of any two nodes."""

    def draw(seed: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        return tf.stack([_spread(seed, count, n_nodes), _any(seed, count, n_nodes)], axis=1)

    return draw


def uniform_across(sides: np.ndarray) -> Draw:
    """Return the drawing of any node of side 0 and any of side 1; `sides` is int8, shape (n_nodes,)."""
    first, second = (tf.constant(np.flatnonzero(sides == side).astype(np.int32)) for side in (0, 1))

    def draw(seed: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        source, target = _spread(seed, count, len(first)), _any(seed, count, len(second))
        return tf.stack([tf.gather(first, source), tf.gather(second, target)], axis=1)

    return draw


def by_degree(degree: np.ndarray, other: np.ndarray | None = None) -> Draw:
    """Return the drawing of two nodes by their degrees, int64 (n_nodes,), to the power of :data:`DEGREE_POWER`.

    The second goes by the degrees `other`, if they are given.
    """
    bounds = _bounds(degree)
    ends = bounds if other is None else _bounds(other)

    def draw(seed: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        chance = tf.random.stateless_uniform((count,), _stream(seed, 1), dtype=tf.float64)
        return tf.stack([_by(bounds, _slices(seed, count)), _by(ends, chance)], axis=1)

    return draw


def by_walk(degree: np.ndarray, neighbours: np.ndarray, steps: int = 2) -> Draw:
    """Return the drawing of a node by its degree and of one at the end of a walk of some steps.

    Parameters
    ----------
    degree : ndarray of int64, shape (n_nodes,)
    neighbours : ndarray of int64, shape (sum of degrees,)
        Of node 0, then of node 1, and so on.
    steps : int
    """
    bounds, starts = _bounds(degree), np.concatenate([[0], np.cumsum(degree)[:-1]]).astype(np.int64)
    begin, many = tf.constant(starts), tf.constant(degree.astype(np.int64))
    ends = tf.constant(neighbours.astype(np.int32))

    def step(nodes: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Return a random neighbour of each node; all have one, since they were drawn by degree."""
        chance = tf.random.stateless_uniform(tf.shape(nodes), seed, dtype=tf.float64)
        size = tf.gather(many, nodes)
        inside = tf.minimum(tf.cast(chance * tf.cast(size, tf.float64), tf.int64), size - 1)
        return tf.gather(ends, tf.gather(begin, nodes) + inside)

    def draw(seed: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        source = target = _by(bounds, _slices(seed, count))
        for number in range(1, steps + 1):
            target = step(target, _stream(seed, number))
        return tf.stack([source, target], axis=1)

    return draw


def proper(pairs: tf.Tensor, keys: tf.Tensor, n_nodes: int, *, directed: bool) -> tf.Tensor:
    """Return which pairs are of two different nodes without a training edge, bool (n_pairs,).

    Parameters
    ----------
    pairs : tf.Tensor of int32, shape (n_pairs, 2)
    keys : tf.Tensor of int64, shape (n_train,)
        ``i n + j`` of every training edge, sorted, with i < j unless `directed`.
    n_nodes : int
    directed : bool
    """
    first, second = pairs[:, 0], pairs[:, 1]
    low, high = (first, second) if directed else (tf.minimum(first, second), tf.maximum(first, second))
    key = tf.cast(low, tf.int64) * n_nodes + tf.cast(high, tf.int64)
    place = tf.minimum(tf.searchsorted(keys, key), tf.shape(keys)[0] - 1)
    return (first != second) & (tf.gather(keys, place) != key)


def _stream(seed: tf.Tensor, number: int) -> tf.Tensor:
    return tf.random.experimental.stateless_fold_in(seed, number)


def _slices(seed: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """Return one uniform number in each of `count` equal slices of [0, 1), float64, so in order."""
    offset = tf.random.stateless_uniform((count,), _stream(seed, 0), dtype=tf.float64)
    return (tf.cast(tf.range(count), tf.float64) + offset) / tf.cast(count, tf.float64)


def _spread(seed: tf.Tensor, count: tf.Tensor, n_nodes: int) -> tf.Tensor:
    return tf.minimum(tf.cast(_slices(seed, count) * n_nodes, tf.int32), n_nodes - 1)


def _any(seed: tf.Tensor, count: tf.Tensor, n_nodes: int) -> tf.Tensor:
    return tf.random.stateless_uniform((count,), _stream(seed, 1), maxval=n_nodes, dtype=tf.int32)


def _bounds(degree: np.ndarray) -> tf.Tensor:
    """Return where each node's share of [0, 1) ends, float64 (n_nodes,); a node without edges has none."""
    share = np.cumsum(degree.astype(np.float64) ** DEGREE_POWER)
    bounds = share / share[-1]
    bounds[np.flatnonzero(degree)[-1] :] = 1.0  # whatever rounding says
    return tf.constant(bounds)


def _by(bounds: tf.Tensor, chance: tf.Tensor) -> tf.Tensor:
    return tf.searchsorted(bounds, chance, side="right", out_type=tf.int32)
