"""What every family's training batches are: endless, drawn from seed and step, worked off by one thread.

Of a graph they are made by :mod:`vgae_core.training.pair_batches`, or by :mod:`vgae_core.training.row_pairs` where
messages pass once; of a matrix by :mod:`vgae_core.training.row_batches`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from scipy import sparse


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


@dataclass(frozen=True)
class Again:
    """An iterable that begins anew each time."""

    begin: Callable[[], Iterator[dict[str, Any]]]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self.begin()


def endless(batch: Callable[[tf.Tensor], Any], *, ahead: bool = True) -> tf.data.Dataset:
    """Return what `batch` makes of the steps 0, 1, 2, ..., int32 ().

    Parameters
    ----------
    batch : callable
    ahead : bool
        Whether the next batch is drawn while the model learns from this one.
    """
    dataset = tf.data.Dataset.counter(dtype=tf.int32).map(as_it_is(batch))
    return untuned(dataset.prefetch(1) if ahead else dataset)


def as_it_is(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that TensorFlow traces without rewriting its `if` and `for`, which takes 0.3 s per process.

    None of ours depends on a tensor; one that did would raise an error as it is traced.
    """
    return tf.autograph.experimental.do_not_convert(function)


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
