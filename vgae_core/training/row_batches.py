"""Batches of rows of a matrix: as a sparse tensor, or dense from a generator for models that take no sparse input.

Both give the same batches in the same order.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy import sparse

from vgae_core.catalogue.lookup import head_of
from vgae_core.settings import RunSpec
from vgae_core.training.batches import Again, Batches, as_it_is, sparse_row_reader, untuned


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
    return untuned(ids.map(as_it_is(batch)).prefetch(1))


def row_batches(
    matrix: sparse.csr_array,
    spec: RunSpec,
    labels: np.ndarray | None = None,
    label_part: np.ndarray | None = None,
    *,
    units: np.ndarray | None = None,
    trained: np.ndarray | None = None,
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
    trained : ndarray of int64, optional
        Rows that are learnt from; all unless given. All are encoded.
    """
    n = matrix.shape[0]
    learnt = matrix
    if trained is not None:
        learnt = matrix[trained]
        labels = None if labels is None else labels[trained]
        label_part = None if label_part is None else label_part[trained]
    size = min(spec.training.batch_size or learnt.shape[0], learnt.shape[0])
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
        dataset = sparse_rows(learnt, size, targets, seed=spec.seed)
        read = sparse_row_reader(matrix)
        inputs: Iterable[dict[str, Any]] = Again(
            lambda: ({"rows": read(tf.range(s, min(s + size, n)))} for s in range(0, n, size))
        )
    else:
        dataset = DenseRows(learnt, size, targets, seed=spec.seed).endless()
        plain = DenseRows(matrix, size)
        inputs = Again(lambda: (plain[i] for i in range(len(plain))))
    return Batches(
        dataset=dataset,
        steps_per_epoch=math.ceil(learnt.shape[0] / size),
        encoder_inputs=inputs,
        totals=np.asarray(matrix.sum(axis=1), np.float32).ravel() if shares else None,
        units=units,
    )
