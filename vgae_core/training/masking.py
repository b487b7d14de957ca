"""Training edges that are hidden from the encoder in the step that scores them.

A decoder that is asked for edges the encoder has just seen learns to copy them.  With a mask it has to find edges from
the others, as it will have to for held-out ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import tensorflow as tf
from scipy import sparse

Mask = Callable[[tf.Tensor], tuple[tf.SparseTensor, tf.Tensor]]
"""From a seed, int32 (2,), to the normalised adjacency without the hidden edges, float32 (n_nodes, n_nodes), and which
training edges are hidden, float32 (n_train,), 1 or 0."""


def sorted_pairs(train: np.ndarray) -> np.ndarray:
    """Return the training edges in order of their first node, int32 (n_train, 2)."""
    pairs = train.astype(np.int32)
    if np.any(np.diff(pairs[:, 0]) < 0):  # a split of the user's own
        pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    return pairs


def masking(
    message: sparse.csr_array,
    train: np.ndarray,
    share: float,
    how: Literal["symmetric", "mean"],
    *,
    directed: bool,
) -> Mask:
    """Return the function that hides a random share of the training edges and normalises what is left.

    Hidden edges stay as zeros, so that every step has the same entries in the same places.

    Parameters
    ----------
    message : csr_array, shape (n_nodes, n_nodes)
        Adjacency of the training edges, weights >= 0; entry (i, j) is an arc from i to j.
    train : ndarray of int64, shape (n_train, 2)
        The same edges as pairs; :func:`sorted_pairs` says in which order they are told to be hidden.
    share : float
        Chance of each edge to be hidden, independently in each step.
    how : str
        See :func:`vgae_core.data.propagation.normalise`; with no edge hidden, the result is the same.
    directed : bool

    References
    ----------
    Li et al. 2023, What's Behind the Mask: Understanding Masked Graph Modeling for Graph Autoencoders,
    arXiv:2205.10053.
    """
    n = message.shape[0]
    pairs = sorted_pairs(train).astype(np.int64)
    looped = message if how == "mean" else message + sparse.eye_array(n, format="csr")
    heard = sparse.csr_array(sparse.csr_array(looped).T, dtype=np.float32)
    heard.sort_indices()
    rows, cols = np.repeat(np.arange(n), np.diff(heard.indptr)), heard.indices.astype(np.int64)

    def code(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return first * n + second if directed else np.minimum(first, second) * n + np.maximum(first, second)

    codes = code(pairs[:, 0], pairs[:, 1])
    order = np.argsort(codes)
    # The edge behind each entry; the loops come after the last edge and are never hidden.
    edge = order[np.minimum(np.searchsorted(codes, code(cols, rows), sorter=order), len(codes) - 1)]
    edge[rows == cols] = len(codes)

    places = tf.constant(np.column_stack([rows, cols]))
    values, edges = tf.constant(heard.data), tf.constant(edge.astype(np.int32))
    shape = tf.constant([n, n], tf.int64)
    # One more entry of zero gives the sums of segments as many rows as there are nodes.
    in_row = tf.constant(np.append(rows, n - 1))

    def mask(seed: tf.Tensor) -> tuple[tf.SparseTensor, tf.Tensor]:
        chance = tf.random.stateless_uniform((len(codes),), seed)
        hidden = tf.cast(chance < share, tf.float32)
        kept = values * tf.gather(tf.concat([1.0 - hidden, [1.0]], axis=0), edges)
        degree = tf.math.segment_sum(tf.concat([kept, [0.0]], axis=0), in_row)
        if how == "mean":
            kept *= tf.gather(tf.math.divide_no_nan(1.0, degree), places[:, 0])
        else:
            out = tf.math.unsorted_segment_sum(kept, places[:, 1], n) if directed else degree
            kept *= tf.gather(tf.math.rsqrt(degree), places[:, 0]) * tf.gather(
                tf.math.rsqrt(out), places[:, 1]
            )
        return tf.SparseTensor(places, kept, shape), hidden

    return mask
