"""Batches of pairs over the whole message graph, which the encoder sees in every step.

What is batched are the pairs that the loss scores.  Matrices that never change are constants of the input pipeline, so
a step copies nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import tensorflow as tf
from scipy import sparse

from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.data.dataset import GraphData
from vgae_core.data.edge_weights import edge_weights, weight_unit
from vgae_core.data.node_inputs import encoder_features, feature_targets
from vgae_core.data.node_pairs import count_first, count_pairs
from vgae_core.data.propagation import normalise
from vgae_core.data.splits import LinkSplit
from vgae_core.nn.budget import node_batch
from vgae_core.nn.sparse import to_dense_tensor, to_sparse_tensor
from vgae_core.settings import RunSpec
from vgae_core.training.batches import Batches, draws, endless, sparse_row_reader
from vgae_core.training.masking import Mask, masking, sorted_pairs
from vgae_core.training.negatives import drawing, proper

EXCLUDE_COLLISIONS_FROM = 0.001
"""Density from which drawn non-edges are checked against the training edges.

Below it at most one negative in a thousand is an edge, and the check would cost more than it mends."""


PREFETCH_PAIRS = 250_000
"""Training edges a batch up to which the next batch is drawn while the model learns; larger ones would only
double the memory, with every core at work already."""


def graph_batches(
    graph: GraphData,
    split: LinkSplit,
    message: sparse.csr_array,
    spec: RunSpec,
    label_part: np.ndarray | None = None,
) -> Batches:
    """Return the batches of one run.

    Parameters
    ----------
    graph : GraphData
    split : LinkSplit
        ``split.train`` are positive pairs; nothing else of it reaches the model.
    message : csr_array, shape (n_nodes, n_nodes)
        Adjacency of the training edges.
    spec : RunSpec
    label_part : ndarray of int8, shape (n_nodes,), optional
        Nodes marked 0 count in the label loss.
    """
    n = graph.n_nodes
    features = encoder_features(graph, message, spec)
    encoder_inputs = graph_inputs(message, features, spec)

    names = [output.name for output in spec.active_outputs]
    columns = max(
        (graph.profile.n_features if "x_rec" in names else 0),
        graph.profile.n_classes if "labels" in names else 0,
    )
    node_wise = "x_rec" in names or "labels" in names
    rows = node_batch(n, columns)
    every_row = rows == n
    feature_rows = _row_reader(feature_targets(graph, spec, features)) if "x_rec" in names else None
    all_features = feature_rows(tf.range(n)) if feature_rows is not None and every_row else None
    labels = known = None
    if "labels" in names and graph.labels is not None and label_part is not None:
        labels = tf.constant(np.maximum(graph.labels, 0)[:, None], tf.int32)
        known = tf.constant((label_part == 0).astype(np.float32)[:, None])

    def node_targets(nodes: tf.Tensor) -> tuple[dict[str, Any], dict[str, Any]]:
        targets: dict[str, Any] = {}
        weights: dict[str, Any] = {}
        if feature_rows is not None:
            targets["x_rec"] = all_features if every_row else feature_rows(nodes)
            weights["x_rec"] = tf.ones((rows, 1))
        if labels is not None:
            targets["labels"] = tf.gather(labels, nodes)
            weights["labels"] = tf.gather(known, nodes)
        return targets, weights

    if spec.training.supervision == "all":
        dataset = all_pair_batches(
            split.train,
            n,
            encoder_inputs,
            seed_number=spec.seed,
            directed=graph.directed,
            node_targets=node_targets if node_wise else None,
            rows=rows,
        )
        return Batches(dataset=dataset, steps_per_epoch=1, encoder_inputs=[encoder_inputs])
    mask = None
    if spec.training.masked_edges:
        how = ENCODERS[spec.model.encoder].propagation
        mask = masking(message, split.train, spec.training.masked_edges, how, directed=graph.directed)
    weighted = spec.learns_weights
    dataset, steps, collisions = pair_batches(
        split.train,
        n,
        encoder_inputs,
        batch_size=spec.training.batch_size,
        ratio=spec.training.negatives_per_positive,
        negatives=spec.training.negatives,
        seed_number=spec.seed,
        directed=graph.directed,
        sides=graph.sides,
        masked=spec.training.masked_edges,
        mask=mask,
        weights=edge_weights(message, sorted_pairs(split.train)) if weighted else None,
        node_targets=node_targets if node_wise else None,
        rows=rows,
    )
    return Batches(
        dataset=dataset,
        steps_per_epoch=steps,
        encoder_inputs=[encoder_inputs],
        expected_collisions=collisions,
        val_weights=edge_weights(graph.adjacency, split.val) if weighted else None,
    )


def graph_inputs(message: sparse.csr_array, features: Any, spec: RunSpec) -> dict[str, Any]:
    """Return what the encoder of a run takes: ``adjacency`` and, where there are any, ``features``.

    Parameters
    ----------
    message : csr_array, shape (n_nodes, n_nodes)
        Adjacency of the edges that messages pass over.
    features : csr_array or ndarray, shape (n_nodes, n_columns), or None
    spec : RunSpec
    """
    propagation = normalise(message, ENCODERS[spec.model.encoder].propagation)
    inputs: dict[str, Any] = {"adjacency": to_sparse_tensor(propagation)}
    if features is not None:
        dense = not sparse.issparse(features)
        inputs["features"] = to_dense_tensor(features) if dense else to_sparse_tensor(features)
    return inputs


NodeTargets = Callable[[tf.Tensor], tuple[dict[str, Any], dict[str, Any]]]
"""From node numbers (rows,) to targets and sample weights of node-wise outputs."""


def relative(weights: np.ndarray) -> tf.Tensor:
    """Return weights of training edges in their unit, float32 (n_edges,), as targets."""
    return tf.constant((weights / weight_unit(weights)).astype(np.float32))


def pair_batches(
    train: np.ndarray,
    n: int,
    encoder_inputs: dict[str, Any],
    *,
    batch_size: int,
    ratio: int,
    negatives: Literal["uniform", "degree", "hard"],
    seed_number: int,
    directed: bool,
    sides: np.ndarray | None = None,
    masked: float = 0.0,
    mask: Mask | None = None,
    weights: np.ndarray | None = None,
    node_targets: NodeTargets | None = None,
    rows: int = 0,
) -> tuple[tf.data.Dataset, int, float]:
    """Return endless batches of training pairs and random ones over the whole message graph.

    Parameters
    ----------
    train : ndarray of int64, shape (n_train, 2)
        Training edges: ``i < j``, or arcs.
    n : int
        Number of nodes.
    encoder_inputs : dict
        Inputs that are the same in every batch.
    batch_size : int
        Training edges a batch; 0 takes all.
    ratio : int
        Random pairs for each edge, drawn anew in every step.
    negatives : str
        How they are drawn, see :func:`vgae_core.training.negatives.drawing`.
    seed_number : int
        Fixes order and random pairs.
    directed : bool
    sides : ndarray of int8, shape (n,), optional
        The side of each node of a two-sided graph: random pairs then join both sides.
    masked : float
        Share of the training edges that `mask` hides.
    mask : callable, optional
        From :func:`vgae_core.training.masking.masking` for the same edges: of a batch, only the hidden ones then
        count, each ``1 / masked`` times, so that the expected loss is that of the whole batch.
    weights : ndarray of float, shape (n_train,), optional
        Of the training edges, in the order of :func:`vgae_core.training.masking.sorted_pairs`: divided by their mean
        they are the targets, which are 1 without.
    node_targets : callable, optional
        See :data:`NodeTargets`; with it, each batch also has `rows` nodes.
    rows : int
        All nodes if it is `n`, else drawn ones.

    Returns
    -------
    dataset : tf.data.Dataset
    steps : int
        Batches of an epoch.
    expected_collisions : float
        See :class:`Batches`.
    """
    positives = sorted_pairs(train)  # which then need no sort in a step
    n_train = len(positives)
    size = min(batch_size or n_train, n_train)
    steps = -(-n_train // size)
    pairs = tf.constant(positives)
    goals = None if weights is None else relative(weights)

    n_pairs = count_pairs(n, directed=directed, n_first=count_first(sides))
    keys, collisions = edge_keys(positives, n, n_pairs, directed=directed, negatives=negatives)
    draw, draw_pairs = draws(seed_number), drawing(negatives, train, n, sides)

    def batch(step: tf.Tensor) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        chosen, index = pairs, None
        if steps > 1:
            # A fresh order an epoch, the same for all its steps, so that each pair comes once.
            epoch, part = step // steps, step % steps
            places = tf.range(part * size, tf.minimum((part + 1) * size, n_train))
            shuffled = tf.random.experimental.index_shuffle(places, draw(epoch, 1), n_train - 1)
            index = tf.sort(shuffled)
            chosen = tf.gather(pairs, index)
        count = n_train if steps == 1 else tf.shape(chosen)[0]
        fakes = draw_pairs(draw(step, 0), count * ratio)
        counts = fakes[:, 0] != fakes[:, 1] if keys is None else proper(fakes, keys, n, directed=directed)
        inputs = {**encoder_inputs, "pairs": tf.concat([chosen, fakes], 0)}  # two sorted lists
        there = tf.ones((count,))
        if goals is not None:
            there = goals if index is None else tf.gather(goals, index)
        truth = tf.concat([there, tf.zeros((count * ratio,))], 0)
        targets = {"adj_rec": truth[:, None], "z_vars": tf.zeros((n, 1))}
        scored = tf.ones((count,))
        if mask is not None:
            inputs["adjacency"], hidden = mask(draw(step, 3))
            scored = (hidden if index is None else tf.gather(hidden, index)) / masked
        counted = tf.concat([scored, tf.cast(counts, tf.float32)], 0)
        counting = {"adj_rec": counted[:, None], "z_vars": tf.ones((n, 1))}
        if node_targets is not None:
            _add_nodes(inputs, targets, counting, node_targets, rows, n, draw(step, 2))
        return inputs, targets, counting

    return endless(batch, ahead=size <= PREFETCH_PAIRS), steps, collisions


def edge_keys(
    train: np.ndarray, n: int, n_pairs: int, *, directed: bool, negatives: str
) -> tuple[tf.Tensor | None, float]:
    """Return what :func:`vgae_core.training.negatives.proper` looks pairs up in, and the collisions expected without.

    The first is None where edges are so few that the look-up costs more than it mends; the second is the share of
    negatives that are training edges and count as negatives all the same, of `n_pairs` pairs that may be edges.
    """
    density = len(train) / max(1, n_pairs)
    if negatives != "hard" and density <= EXCLUDE_COLLISIONS_FROM:
        return None, float(density)
    low, high = train.min(axis=1), train.max(axis=1)
    first, second = (train[:, 0], train[:, 1]) if directed else (low, high)
    return tf.constant(np.sort(first.astype(np.int64) * n + second)), 0.0


def all_pair_batches(
    train: np.ndarray,
    n: int,
    encoder_inputs: dict[str, Any],
    *,
    seed_number: int,
    directed: bool,
    node_targets: NodeTargets | None = None,
    rows: int = 0,
) -> tf.data.Dataset:
    """Return endless batches for the loss of all pairs: the pairs whose target is 1.

    These are the training edges, in both directions unless directed, and each node with itself, as in the code of
    Kipf & Welling.  Parameters are those of :func:`pair_batches`.
    """
    loops = np.repeat(np.arange(n, dtype=np.int32)[:, None], 2, axis=1)
    arcs = train.astype(np.int32)
    ones = np.concatenate([arcs, loops] if directed else [arcs, arcs[:, ::-1], loops])
    pairs = tf.constant(ones[np.argsort(ones[:, 0], kind="stable")])
    draw = draws(seed_number)

    def batch(step: tf.Tensor) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        inputs = {**encoder_inputs, "pairs": pairs}
        targets = {"adj_rec": tf.zeros((1, 1)), "z_vars": tf.zeros((n, 1))}
        weights = {"adj_rec": tf.ones((1, 1)), "z_vars": tf.ones((n, 1))}
        if node_targets is not None:
            _add_nodes(inputs, targets, weights, node_targets, rows, n, draw(step, 2))
        return inputs, targets, weights

    return endless(batch)


def _add_nodes(
    inputs: dict[str, Any],
    targets: dict[str, Any],
    weights: dict[str, Any],
    node_targets: NodeTargets,
    rows: int,
    n: int,
    seed: tf.Tensor,
) -> None:
    """Add the nodes that node-wise outputs are scored on: all, or `rows` drawn ones."""
    nodes = tf.range(n)
    if rows < n:
        nodes = tf.random.stateless_uniform((rows,), seed, maxval=n, dtype=tf.int32)
    inputs["nodes"] = nodes[:, None]
    more = node_targets(nodes)
    targets |= more[0]
    weights |= more[1]


def _row_reader(features: Any) -> Any:
    """Return a function from node numbers (b,) to their dense feature rows (b, n_features)."""
    if not sparse.issparse(features):
        table = to_dense_tensor(features)
        return lambda nodes: tf.gather(table, nodes)
    read = sparse_row_reader(features)
    return lambda nodes: tf.sparse.to_dense(read(nodes))
