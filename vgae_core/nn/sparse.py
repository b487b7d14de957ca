"""Sparse-dense products through TensorFlow's CSR kernels.

``tf.sparse.sparse_dense_matmul`` works on coordinates and is several times slower
than the CSR kernels behind the public raw operations used here.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from scipy import sparse

from vgae_core.data.blocks import ALIGNMENT

BLOCK_ENTRIES = 2**20
"""Entries gathered at once for the dot products of pairs: what fits the caches of a core."""

MOST_RUNS = 4
"""Sorted lists that pairs may be made of before sorting them all is cheaper."""


def _csr(indices: tf.Tensor, values: tf.Tensor, dense_shape: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.SparseTensorToCSRSparseMatrix(indices=indices, values=values, dense_shape=dense_shape)


def _times(csr: tf.Tensor, dense: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.SparseMatrixMatMul(a=csr, b=dense)


def _turned_times(csr: tf.Tensor, dense: tf.Tensor) -> tf.Tensor:
    # Transposing first keeps the product row by row: with `transpose_a` the kernel's threads add
    # into shared rows, and the order of the sums, so the last bit, changes from run to run.
    return _times(tf.raw_ops.SparseMatrixTranspose(input=csr, type=tf.float32), dense)


def sparse_matmul(matrix: tf.SparseTensor, dense: tf.Tensor, *, symmetric: bool = False) -> tf.Tensor:
    """Return ``matrix @ dense``; differentiable in `dense` only.

    Parameters
    ----------
    matrix : tf.SparseTensor of float32, shape (n, m)
        Indices in row-major order.
    dense : tf.Tensor of float32, shape (m, k)
    symmetric : bool
        Whether the matrix equals its transpose, which the gradient then need not make.

    Returns
    -------
    tf.Tensor of float32, shape (n, k)
    """

    @tf.custom_gradient
    def product(right: tf.Tensor) -> tuple[tf.Tensor, object]:
        csr = _csr(matrix.indices, matrix.values, matrix.dense_shape)
        return _times(csr, right), lambda upstream: (_times if symmetric else _turned_times)(csr, upstream)

    result = product(tf.convert_to_tensor(dense))  # a custom gradient may not capture a variable
    result.set_shape([matrix.shape[0], dense.shape[-1]])
    return result


def pair_dots(left: tf.Tensor, right: tf.Tensor, pairs: tf.Tensor) -> tf.Tensor:
    """Return ``left_i . right_j`` of each pair (i, j); differentiable in both factors.

    Gathering rows takes memory for every pair, and adding their gradients back a scatter.  Here pairs are taken
    block by block, and the gradient is a product: with the upstream values as a sparse matrix G at the pairs,
    ``d left = G right`` and ``d right = G^T left``.

    Parameters
    ----------
    left : tf.Tensor of float32, shape (n, k)
    right : tf.Tensor of float32, shape (m, k)
    pairs : tf.Tensor of int32, shape (n_pairs, 2)
        Any order; sorted by the first column, or a few such lists one after another, is fastest.

    Returns
    -------
    tf.Tensor of float32, shape (n_pairs, 1)
    """
    return _pair_dots(tf.convert_to_tensor(left), tf.convert_to_tensor(right), tf.cast(pairs, tf.int32))


@tf.custom_gradient
def _pair_dots(left: tf.Tensor, right: tf.Tensor, pairs: tf.Tensor) -> tuple[tf.Tensor, object]:
    n_pairs = tf.shape(pairs)[0]

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, None]:
        values, first = upstream[:, 0], pairs[:, 0]
        falls = first[1:] < first[:-1]

        def by_runs() -> tuple[tf.Tensor, tf.Tensor]:
            begins = 1 + tf.cast(tf.where(falls), tf.int32)[:, 0]
            run = tf.math.count_nonzero(tf.range(n_pairs)[:, None] >= begins, axis=1, dtype=tf.int32)
            return _scatter(left, right, pairs, values, run)

        def by_sorting() -> tuple[tf.Tensor, tf.Tensor]:
            order = tf.argsort(first, stable=True)
            return _scatter(
                left, right, tf.gather(pairs, order), tf.gather(values, order), tf.zeros_like(first)
            )

        return *tf.cond(tf.math.count_nonzero(falls) < MOST_RUNS, by_runs, by_sorting), None

    return _block_dots(left, right, pairs)[:, None], gradient


def _block_dots(left: tf.Tensor, right: tf.Tensor, pairs: tf.Tensor) -> tf.Tensor:
    """Return the dot product of each pair, shape (n_pairs,), block by block unless one is known to do."""

    def dots_of(chosen: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(tf.gather(left, chosen[:, 0]) * tf.gather(right, chosen[:, 1]), axis=1)

    size = max(1, BLOCK_ENTRIES // (left.shape[-1] or 1))
    if pairs.shape[0] is not None and pairs.shape[0] <= size:
        return dots_of(pairs)
    blocks = tf.maximum((tf.shape(pairs)[0] + size - 1) // size, 1)  # one empty block of no pairs

    def step(block: tf.Tensor, dots: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        return block + 1, dots.write(block, dots_of(pairs[block * size : (block + 1) * size]))

    empty = tf.TensorArray(tf.float32, size=blocks, infer_shape=False, element_shape=[None])
    _, dots = tf.while_loop(lambda block, _: block < blocks, step, (0, empty), parallel_iterations=1)
    return dots.concat()


def _scatter(
    left: tf.Tensor, right: tf.Tensor, pairs: tf.Tensor, values: tf.Tensor, run: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return ``G right`` and ``G^T left`` for G with `values` at `pairs`, which are sorted within each run.

    Runs stand below one another as blocks of rows, so that the rows of all of them are in order.
    """
    n, runs = tf.shape(left)[0], 1 + tf.reduce_max(tf.concat([run, [0]], axis=0))
    rows = pairs[:, 0] + run * n
    places = tf.cast(tf.stack([rows, pairs[:, 1]], axis=1), tf.int64)
    csr = _csr(places, values, tf.cast([n * runs, tf.shape(right)[0]], tf.int64))
    to_left = tf.reduce_sum(tf.reshape(_times(csr, right), (runs, n, left.shape[1])), axis=0)
    return to_left, _turned_times(csr, tf.tile(left, [runs, 1]))


def matmul(matrix: object, dense: object, *, symmetric: bool = False) -> object:
    """Return ``matrix @ dense`` for a sparse or a dense first factor, shape (n, k).

    While Keras only infers shapes its symbolic tensors take Keras' own product.
    """
    if isinstance(matrix, tf.SparseTensor):
        return sparse_matmul(matrix, dense, symmetric=symmetric)
    return keras.ops.matmul(matrix, dense)


def to_sparse_tensor(matrix: sparse.csr_array) -> tf.SparseTensor:
    """Return a scipy matrix of shape (n, m) as a row-major float32 tf.SparseTensor."""
    csr = sparse.csr_array(matrix)
    csr.sort_indices()
    coo = csr.tocoo()
    indices = np.column_stack([coo.row, coo.col]).astype(np.int64)
    return tf.SparseTensor(indices, coo.data.astype(np.float32), coo.shape)


def to_dense_tensor(matrix: np.ndarray) -> tf.Tensor:
    """Return a matrix as a float32 tensor, in the memory of the array if that suits TensorFlow: see `aligned`.

    Parameters
    ----------
    matrix : ndarray, shape (n, m)
        Not to be changed while the tensor is in use.
    """
    suits = matrix.dtype == np.float32 and matrix.flags.carray and matrix.ctypes.data % ALIGNMENT == 0
    if not (suits and matrix.size):
        return tf.constant(matrix, tf.float32)
    return tf.experimental.dlpack.from_dlpack(matrix.__dlpack__())
