"""Batches of pairs and of the rows their nodes need, where messages pass once, before training.

The propagated rows lie in a mapped file (:func:`vgae_core.data.propagation.propagated_rows`).  A step takes the rows of
the nodes of its pairs, and no others: memory grows with the batch and the edges, disk with nodes times columns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from scipy import sparse

from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.data.blocks import row_blocks, rows_like, take_rows
from vgae_core.data.dataset import GraphData
from vgae_core.data.edge_weights import edge_weights
from vgae_core.data.node_inputs import encoder_features
from vgae_core.data.propagation import propagated_rows
from vgae_core.data.splits import LinkSplit
from vgae_core.settings import RunSpec
from vgae_core.training.batches import Again, Batches, draws, endless
from vgae_core.training.negatives import drawing, proper
from vgae_core.training.pair_batches import edge_keys, relative


def once_propagated(
    message: Any, features: Any, spec: RunSpec, *, directed: bool, normalised: Any = None
) -> np.ndarray:
    """Return the rows that the encoder of a run maps, a mapped float32 file of shape (n_nodes, n_columns).

    Parameters
    ----------
    message : csr_array, shape (n_nodes, n_nodes)
        Adjacency of the edges that messages pass over.
    features : csr_array or ndarray, shape (n_nodes, n_columns)
    spec : RunSpec
    directed : bool
    normalised : csr_array, shape (n_nodes, n_nodes), optional
        Propagation matrix of `message`, where it lies in mapped files already.
    """
    model = spec.model
    return propagated_rows(
        message,
        features,
        hops=model.hops if "hops" in ENCODERS[model.encoder].settings else 1,
        scaled=ENCODERS[model.encoder].once == "scaled_rows",
        symmetric=not directed,
        normalised=normalised,
    )


def row_pair_batches(graph: GraphData, split: LinkSplit, message: sparse.csr_array, spec: RunSpec) -> Batches:
    """Return the batches of a run whose messages pass once.

    Every training edge comes once per epoch, in a fresh order, with non-edges as in
    :func:`vgae_core.training.pair_batches.pair_batches`.  Every node comes once per epoch in the divergence: a step
    adds an equal share of all nodes to those of its pairs and weighs them so that the expected loss of a step, and the
    mean over an epoch, is the mean over all nodes.  With one step per epoch the loss is that of the whole graph.

    Parameters
    ----------
    graph : GraphData
        Its features may be a mapped file.
    split : LinkSplit
        ``split.train`` are positive pairs; nothing else of it reaches the model.
    message : csr_array, shape (n_nodes, n_nodes)
        Adjacency of the training edges.
    spec : RunSpec
        With ``training.propagation`` set to ``once``.
    """
    n, train, ratio = graph.n_nodes, split.train, spec.training.negatives_per_positive
    features = encoder_features(graph, message, spec)
    goals = relative(edge_weights(message, train)) if spec.learns_weights else None
    table = once_propagated(message, features, spec, directed=graph.directed, normalised=split.normalised())
    del features

    n_train = len(train)
    size = min(spec.training.batch_size or n_train, n_train)
    steps = -(-n_train // size)
    negatives = spec.training.negatives
    keys, collisions = edge_keys(train, n, graph.n_pairs, directed=graph.directed, negatives=negatives)
    draw, draw_pairs = draws(spec.seed), drawing(negatives, train, n, graph.sides)

    def gather(
        index: np.ndarray, fakes: np.ndarray, share: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return rows of the nodes at hand, the pairs in their numbers, and the weight of each node's divergence."""
        ends = np.concatenate([train[index].astype(np.int32), fakes])
        nodes = np.sort(np.concatenate([ends.ravel(), share]))
        nodes = nodes[np.concatenate([[True], nodes[1:] != nodes[:-1]])]
        weight = np.zeros((len(nodes), 1), np.float32)
        weight[np.searchsorted(nodes, share)] = len(nodes) * steps / n
        return take_rows(table, nodes), np.searchsorted(nodes, ends).astype(np.int32), weight

    def part(count: int, start: tf.Tensor, stop: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Return places `start` to `stop` of a shuffle of the numbers below `count`, sorted."""
        place, last = tf.range(start, stop), tf.constant(count - 1, tf.int64)
        shuffle = tf.random.experimental.index_shuffle  # which takes no empty list
        return tf.cond(start < stop, lambda: tf.sort(shuffle(place, seed, last)), lambda: place)

    def batch(step: tf.Tensor) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        # A fresh order an epoch, the same for all its steps, so that each edge and each node come once.
        epoch, at = step // steps, tf.cast(step % steps, tf.int64)
        index = part(n_train, at * size, tf.minimum((at + 1) * size, n_train), draw(epoch, 1))
        share = part(n, at * n // steps, (at + 1) * n // steps, draw(epoch, 4))
        count = tf.shape(index)[0]
        fakes = draw_pairs(draw(step, 0), count * ratio)
        counts = (
            fakes[:, 0] != fakes[:, 1] if keys is None else proper(fakes, keys, n, directed=graph.directed)
        )
        rows, pairs, weight = tf.numpy_function(
            gather,
            [index, fakes, tf.cast(share, tf.int32)],
            [tf.float32, tf.int32, tf.float32],
            stateful=False,
        )
        rows.set_shape((None, table.shape[1]))
        pairs.set_shape((None, 2))
        weight.set_shape((None, 1))
        there = tf.ones((count,)) if goals is None else tf.gather(goals, index)
        truth = tf.concat([there, tf.zeros((count * ratio,))], 0)
        counted = tf.concat([tf.ones((count,)), tf.cast(counts, tf.float32)], 0)
        targets = {"adj_rec": truth[:, None], "z_vars": tf.zeros_like(weight)}
        return {"rows": rows, "pairs": pairs}, targets, {"adj_rec": counted[:, None], "z_vars": weight}

    return Batches(
        dataset=endless(batch),
        steps_per_epoch=steps,
        encoder_inputs=encoder_blocks(table),
        expected_collisions=collisions,
        val_weights=edge_weights(graph.adjacency, split.val) if spec.learns_weights else None,
        room=lambda columns: rows_like(table, columns),
    )


def encoder_blocks(table: np.ndarray) -> Again:
    """Return what the encoder of a run takes, block by block, as often as it is asked."""
    return Again(lambda: ({"rows": tf.convert_to_tensor(rows)} for _, rows in row_blocks(table)))
