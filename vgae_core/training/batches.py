"""Batches of supervision pairs over the full message graph.

The encoder sees the whole training graph in every step; what is batched are the pairs that the loss
scores.  Matrices that never change are constants of the input pipeline, so a step copies nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from scipy import sparse

from vgae_core.data.dataset import GraphData
from vgae_core.data.propagation import normalise
from vgae_core.data.splits import LinkSplit
from vgae_core.nn.sparse import to_sparse_tensor
from vgae_core.spec import RunSpec
from vgae_core.training.budget import node_batch, pairs_per_step

EXCLUDE_COLLISIONS_FROM = 0.001
"""Density from which drawn non-edges are checked against the training edges.

Below it at most one negative in a thousand is an edge, and the check would cost more than it mends."""


@dataclass(frozen=True)
class GraphBatches:
    """The training batches of a graph and the constants the encoder needs.

    Parameters
    ----------
    dataset : tf.data.Dataset
        Endless ``(inputs, targets, sample_weights)``, each a complete dict.
    steps_per_epoch : int
    encoder_inputs : dict
        ``adjacency`` and ``features`` of the message graph.
    expected_collisions : float
        Expected share of negatives that are training edges and count as negatives all the same.
    """

    dataset: tf.data.Dataset
    steps_per_epoch: int
    encoder_inputs: dict[str, Any]
    expected_collisions: float


def graph_batches(
    graph: GraphData, split: LinkSplit, spec: RunSpec, label_part: np.ndarray | None = None
) -> GraphBatches:
    """Return the batches of one run.

    Parameters
    ----------
    graph : GraphData
    split : LinkSplit
        Only ``split.train`` is used, as messages and as positive pairs.
    spec : RunSpec
    label_part : ndarray of int8, shape (n_nodes,), optional
        Nodes marked 0 count in the label loss.
    """
    n = graph.n_nodes
    adjacency = to_sparse_tensor(normalise(split.message(graph.n_nodes, graph)))
    encoder_inputs: dict[str, Any] = {"adjacency": adjacency}
    if graph.features is not None:
        dense = not sparse.issparse(graph.features)
        encoder_inputs["features"] = (
            tf.constant(graph.features, tf.float32) if dense else to_sparse_tensor(graph.features)
        )

    positives = split.train.astype(np.int32)
    n_train = len(positives)
    size = pairs_per_step(spec, n_train)
    steps = -(-n_train // size)
    ratio = spec.training.negatives_per_positive
    pairs = tf.constant(positives)
    seed = tf.constant([spec.seed, 0x5EED], tf.int32)

    density = n_train / max(1, n * (n - 1) / (1 if graph.directed else 2))
    exclude = density > EXCLUDE_COLLISIONS_FROM
    low, high = positives.min(axis=1), positives.max(axis=1)
    first, second = (positives[:, 0], positives[:, 1]) if graph.directed else (low, high)
    keys = tf.constant(np.sort(first.astype(np.int64) * n + second)) if exclude else None

    names = [output.name for output in spec.active_outputs]
    columns = max(
        (graph.profile.n_features if "x_rec" in names else 0),
        graph.profile.n_classes if "labels" in names else 0,
    )
    node_wise = "x_rec" in names or "labels" in names
    rows = node_batch(n, columns)
    every_row = rows == n
    feature_rows = _row_reader(graph.features) if "x_rec" in names else None
    all_features = feature_rows(tf.range(n)) if feature_rows is not None and every_row else None
    labels = known = None
    if "labels" in names and graph.labels is not None and label_part is not None:
        labels = tf.constant(np.maximum(graph.labels, 0)[:, None], tf.int32)
        known = tf.constant((label_part == 0).astype(np.float32)[:, None])

    def draw(step: tf.Tensor, stream: int) -> tf.Tensor:
        return tf.random.experimental.stateless_fold_in(
            tf.random.experimental.stateless_fold_in(seed, step), stream
        )

    def negatives(step: tf.Tensor, count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        drawn = tf.random.stateless_uniform((count, 2), draw(step, 0), maxval=n, dtype=tf.int32)
        proper = drawn[:, 0] != drawn[:, 1]
        if keys is not None:
            ends = drawn if graph.directed else tf.sort(drawn, axis=1)
            wide = tf.cast(ends, tf.int64)
            key = wide[:, 0] * n + wide[:, 1]
            place = tf.minimum(tf.searchsorted(keys, key), n_train - 1)
            proper &= tf.gather(keys, place) != key
        return drawn, tf.cast(proper, tf.float32)

    def batch(step: tf.Tensor) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        if steps == 1:
            chosen = pairs
        else:
            # A fresh order an epoch, the same for all its steps, so that each pair comes once.
            epoch, part = step // steps, step % steps
            index = tf.range(part * size, tf.minimum((part + 1) * size, n_train))
            order = tf.random.experimental.index_shuffle(index, draw(epoch, 1), n_train - 1)
            chosen = tf.gather(pairs, order)
        count = tf.shape(chosen)[0]
        fakes, proper = negatives(step, count * ratio)
        inputs = {**encoder_inputs, "pairs": tf.concat([chosen, fakes], 0)}
        targets = {
            "adj_rec": tf.concat([tf.ones((count, 1)), tf.zeros((count * ratio, 1))], 0),
            "z_vars": tf.zeros((n, 1)),
        }
        weights = {"adj_rec": tf.concat([tf.ones((count,)), proper], 0)[:, None], "z_vars": tf.ones((n, 1))}
        if node_wise:
            nodes = tf.range(n)
            if not every_row:
                nodes = tf.random.stateless_uniform((rows,), draw(step, 2), maxval=n, dtype=tf.int32)
            inputs["nodes"] = nodes[:, None]
            if feature_rows is not None:
                targets["x_rec"] = all_features if every_row else feature_rows(nodes)
                weights["x_rec"] = tf.ones((rows, 1))
            if labels is not None:
                targets["labels"] = tf.gather(labels, nodes)
                weights["labels"] = tf.gather(known, nodes)
        return inputs, targets, weights

    dataset = tf.data.Dataset.counter(dtype=tf.int32).map(batch, num_parallel_calls=1, deterministic=True)
    return GraphBatches(
        dataset=dataset.prefetch(2),
        steps_per_epoch=steps,
        encoder_inputs=encoder_inputs,
        expected_collisions=0.0 if exclude else float(density),
    )


def _row_reader(features: Any) -> Any:
    """Return a function from node numbers (b,) to their dense feature rows (b, n_features)."""
    if not sparse.issparse(features):
        table = tf.constant(features, tf.float32)
        return lambda nodes: tf.gather(table, nodes)
    columns = tf.RaggedTensor.from_row_splits(
        features.indices.astype(np.int64), features.indptr.astype(np.int64)
    )
    values = tf.RaggedTensor.from_row_splits(
        features.data.astype(np.float32), features.indptr.astype(np.int64)
    )
    width = features.shape[1]

    def read(nodes: tf.Tensor) -> tf.Tensor:
        column, value = tf.gather(columns, nodes), tf.gather(values, nodes)
        place = tf.stack([column.value_rowids(), column.values], axis=1)
        return tf.scatter_nd(place, value.values, tf.cast(tf.stack([tf.shape(nodes)[0], width]), tf.int64))

    return read
