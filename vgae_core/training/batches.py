"""Batches: supervision pairs over the full message graph, or rows of a matrix.

Of a graph the encoder sees the whole training graph in every step; what is batched are the pairs that the
loss scores.  Matrices that never change are constants of the input pipeline, so a step copies nothing.

Rows of a matrix go to the model as a sparse tensor, or, for models that take none, from a generator that
makes one batch at a time dense.  Both give the same batches in the same order.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from scipy import sparse

from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.catalogue.lookup import head_of
from vgae_core.data.dataset import GraphData
from vgae_core.data.edge_weights import edge_weights, weight_unit
from vgae_core.data.node_inputs import encoder_features, feature_targets
from vgae_core.data.node_pairs import count_first, count_pairs
from vgae_core.data.propagation import normalise
from vgae_core.data.splits import LinkSplit
from vgae_core.nn.budget import node_batch
from vgae_core.nn.sparse import to_dense_tensor, to_sparse_tensor
from vgae_core.settings import RunSpec
from vgae_core.training.masking import Mask, masking, sorted_pairs
from vgae_core.training.negatives import drawing, proper

EXCLUDE_COLLISIONS_FROM = 0.001
"""Density from which drawn non-edges are checked against the training edges.

Below it at most one negative in a thousand is an edge, and the check would cost more than it mends."""


PREFETCH_PAIRS = 250_000
"""Training edges a batch up to which the next batch is drawn while the model learns; larger ones would only
double the memory, with every core at work already."""


@dataclass(frozen=True)
class Batches:
    """The training batches of a run and how its encoder is fed.

    Parameters
    ----------
    dataset : tf.data.Dataset
        Complete dicts ``(inputs, targets, sample_weights)``, without end.
    steps_per_epoch : int
    encoder_inputs : iterable of dict
        What the encoder sees: the message graph as one, or the rows of a matrix batch by batch.
    expected_collisions : float
        Expected share of negatives that are training edges and count as negatives all the same.
    totals : ndarray of float32, shape (n_rows,), or None
        Where the model gives shares of a row: the sum of each row.
    units : ndarray of float, shape (n_columns,), or None
        Where the columns of a matrix are divided before training: what by.
    val_weights : ndarray of float, shape (n_val,), or None
        Where the model learns weights: those of the validation edges, by which its best epoch is chosen too.
    room : callable, optional
        Where codes may exceed memory: from a number of columns to the float32 array (n_nodes, columns) they go to.
    """

    dataset: tf.data.Dataset
    steps_per_epoch: int
    encoder_inputs: Iterable[dict[str, Any]]
    expected_collisions: float = 0.0
    totals: np.ndarray | None = None
    units: np.ndarray | None = None
    val_weights: np.ndarray | None = None
    room: Callable[[int], np.ndarray] | None = None


def graph_batches(
    graph: GraphData, split: LinkSplit, spec: RunSpec, label_part: np.ndarray | None = None
) -> Batches:
    """Return the batches of one run.

    Parameters
    ----------
    graph : GraphData
    split : LinkSplit
        ``split.train`` are messages and positive pairs; nothing else of it reaches the model.
    spec : RunSpec
    label_part : ndarray of int8, shape (n_nodes,), optional
        Nodes marked 0 count in the label loss.
    """
    n = graph.n_nodes
    message = split.message(graph.n_nodes, graph)
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


def endless(batch: Callable[[tf.Tensor], Any], *, ahead: bool = True) -> tf.data.Dataset:
    """Return what `batch` makes of the steps 0, 1, 2, ..., int32 ().

    Parameters
    ----------
    batch : callable
    ahead : bool
        Whether the next batch is drawn while the model learns from this one.
    """
    dataset = tf.data.Dataset.counter(dtype=tf.int32).map(batch)
    return untuned(dataset.prefetch(1) if ahead else dataset)


def untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Return the data set, to be worked off by one thread that TensorFlow does not tune.

    There is nothing to tune, and whoever lets go of an iterator waits for the thread that would: it sleeps for as long
    as the iterator has lived, a minute at most, and may miss the call to end.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    # A batch is many small operations: handing them around among threads takes longer than they do.
    options.threading.private_threadpool_size = 1
    return dataset.with_options(options)


def draws(seed_number: int) -> Callable[[tf.Tensor, int], tf.Tensor]:
    """Return a function from step and stream to a seed of its own, int32 (2,)."""
    seed = tf.constant([seed_number, 0x5EED], tf.int32)
    fold = tf.random.experimental.stateless_fold_in
    return lambda step, stream: fold(fold(seed, step), stream)


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


def row_order(n_rows: int, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """Return the row numbers of each batch of an epoch, every row once, int32."""
    order = np.random.default_rng([seed, 0x0D0E5, epoch]).permutation(n_rows).astype(np.int32)
    return [order[start : start + batch_size] for start in range(0, n_rows, batch_size)]


RowTargets = Callable[[Any, np.ndarray], tuple[dict[str, Any], dict[str, Any]]]
"""From dense rows (b, n_columns) and their numbers (b,) to targets and sample weights."""


class DenseRows(keras.utils.PyDataset):
    """A generator of dense rows of a sparse matrix, one batch at a time.

    Memory stays that of the sparse matrix and the batches in the queue, whatever the matrix would
    take when dense.

    Parameters
    ----------
    matrix : csr_array of float32, shape (n_rows, n_columns)
    batch_size : int
        Rows of a batch; the last one of an epoch may have fewer.
    targets : callable, optional
        See :data:`RowTargets`; without it, batches are inputs only.
    name : str
        Key of the input.
    seed : int or None
        Fixes the order, which is new in each epoch; None keeps the order of the matrix.
    workers, use_multiprocessing, max_queue_size
        See keras.utils.PyDataset.
    """

    def __init__(
        self,
        matrix: sparse.csr_array,
        batch_size: int,
        targets: RowTargets | None = None,
        *,
        name: str = "rows",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.matrix, self.batch_size, self.targets = matrix, batch_size, targets
        self.name, self.seed, self.epoch = name, seed, -1
        self._rows = self._order(0)

    def _order(self, epoch: int) -> list[np.ndarray]:
        n = self.matrix.shape[0]
        if self.seed is None:
            return [
                np.arange(s, min(s + self.batch_size, n), dtype=np.int32)
                for s in range(0, n, self.batch_size)
            ]
        return row_order(n, self.batch_size, self.seed, epoch)

    def __len__(self) -> int:
        """Return the batches of an epoch."""
        return math.ceil(self.matrix.shape[0] / self.batch_size)

    def __getitem__(self, index: int) -> Any:
        """Return batch `index` of this epoch: dense inputs, targets and sample weights."""
        return self._batch(self._rows[index])

    def _batch(self, rows: np.ndarray) -> Any:
        block = self.matrix[rows].toarray().astype(np.float32)
        inputs = {self.name: block}
        return inputs if self.targets is None else (inputs, *self.targets(block, rows))

    def on_epoch_begin(self) -> None:
        """Draw a new order: at the beginning, since Keras ends an epoch that never was before the first."""
        self.epoch += 1
        self._rows = self._order(self.epoch)

    def endless(self) -> tf.data.Dataset:
        """Return the batches of all epochs, one after the other.

        Keras wraps a PyDataset in a data set of its own that TensorFlow tunes, see :func:`untuned`.
        """

        def batches() -> Iterator[Any]:
            for epoch in itertools.count():
                yield from map(self._batch, self._order(epoch))

        signature = tf.nest.map_structure(
            lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), self._batch(self._rows[0])
        )
        return untuned(tf.data.Dataset.from_generator(batches, output_signature=signature).prefetch(1))


def sparse_rows(
    matrix: sparse.csr_array, batch_size: int, targets: RowTargets, *, seed: int, name: str = "rows"
) -> tf.data.Dataset:
    """Return endless batches of rows as sparse tensors, in the order of :class:`DenseRows`.

    Parameters are those of :class:`DenseRows`.
    """
    read = sparse_row_reader(matrix)

    def numbers() -> Iterator[np.ndarray]:
        for epoch in itertools.count():
            yield from row_order(matrix.shape[0], batch_size, seed, epoch)

    def batch(rows: tf.Tensor) -> tuple[Any, Any, Any]:
        block = read(rows)
        return ({name: block}, *targets(tf.sparse.to_dense(block), rows))

    ids = tf.data.Dataset.from_generator(numbers, output_signature=tf.TensorSpec((None,), tf.int32))
    return untuned(ids.map(batch).prefetch(1))


def row_batches(
    matrix: sparse.csr_array,
    spec: RunSpec,
    labels: np.ndarray | None = None,
    label_part: np.ndarray | None = None,
    *,
    units: np.ndarray | None = None,
) -> Batches:
    """Return the batches of a matrix auto-encoder, whose rows are inputs and targets.

    Parameters
    ----------
    matrix : csr_array of float32, shape (n_rows, n_columns)
        Without its held-out entries.
    spec : RunSpec
    labels : ndarray of int32, shape (n_rows,), optional
        Class of each row, -1 where unknown.
    label_part : ndarray of int8, shape (n_rows,), optional
        Rows marked 0 count in the label loss.
    units : ndarray of float, shape (n_columns,), optional
        What the columns of `matrix` have been divided by.
    """
    n = matrix.shape[0]
    size = min(spec.training.batch_size or n, n)
    labelled = labels is not None and any(o.name == "labels" for o in spec.active_outputs)
    classes = np.zeros((0, 1), np.int32) if labels is None else np.maximum(labels, 0)[:, None]
    known = (label_part == 0).astype(np.float32)[:, None] if labelled and label_part is not None else classes
    shares = head_of("output", spec.output("output").loss, matrix.shape[1]).of_shares

    def targets(block: Any, rows: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        tensors = isinstance(block, tf.Tensor)
        ones = tf.ones((tf.shape(rows)[0], 1)) if tensors else np.ones((len(rows), 1), np.float32)
        goal, weight = {"output": block, "z_vars": ones * 0}, {"output": ones, "z_vars": ones}
        if labelled:
            take = tf.gather if tensors else np.take
            goal["labels"], weight["labels"] = take(classes, rows, axis=0), take(known, rows, axis=0)
        return goal, weight

    if spec.model.sparse_input:
        dataset = sparse_rows(matrix, size, targets, seed=spec.seed)
        read = sparse_row_reader(matrix)
        inputs: Iterable[dict[str, Any]] = Again(
            lambda: ({"rows": read(tf.range(s, min(s + size, n)))} for s in range(0, n, size))
        )
    else:
        dataset = DenseRows(matrix, size, targets, seed=spec.seed).endless()
        plain = DenseRows(matrix, size)
        inputs = Again(lambda: (plain[i] for i in range(len(plain))))
    return Batches(
        dataset=dataset,
        steps_per_epoch=math.ceil(n / size),
        encoder_inputs=inputs,
        totals=np.asarray(matrix.sum(axis=1), np.float32).ravel() if shares else None,
        units=units,
    )


@dataclass(frozen=True)
class Again:
    """An iterable that begins anew each time."""

    begin: Callable[[], Iterator[dict[str, Any]]]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self.begin()


def sparse_row_reader(matrix: sparse.csr_array) -> Any:
    """Return a function from row numbers (b,) to a tf.SparseTensor (b, n_columns)."""
    columns = tf.RaggedTensor.from_row_splits(matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64))
    values = tf.RaggedTensor.from_row_splits(matrix.data.astype(np.float32), matrix.indptr.astype(np.int64))

    def read(rows: tf.Tensor) -> tf.SparseTensor:
        column, value = tf.gather(columns, rows), tf.gather(values, rows)
        place = tf.stack([column.value_rowids(), column.values], axis=1)
        shape = tf.stack([tf.cast(tf.shape(rows)[0], tf.int64), matrix.shape[1]])
        tensor = tf.SparseTensor(place, value.values, shape)
        return tf.sparse.reorder(tensor) if not matrix.has_sorted_indices else tensor

    return read


def _row_reader(features: Any) -> Any:
    """Return a function from node numbers (b,) to their dense feature rows (b, n_features)."""
    if not sparse.issparse(features):
        table = to_dense_tensor(features)
        return lambda nodes: tf.gather(table, nodes)
    read = sparse_row_reader(features)
    return lambda nodes: tf.sparse.to_dense(read(nodes))
