"""Sparse-dense products through TensorFlow's CSR kernels.

``tf.sparse.sparse_dense_matmul`` works on coordinates and is several times slower
than the CSR kernels behind the public raw operations used here.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from scipy import sparse


@tf.custom_gradient
def _csr_matmul(
    indices: tf.Tensor, values: tf.Tensor, dense_shape: tf.Tensor, dense: tf.Tensor
) -> tuple[tf.Tensor, object]:
    csr = tf.raw_ops.SparseTensorToCSRSparseMatrix(indices=indices, values=values, dense_shape=dense_shape)
    product = tf.raw_ops.SparseMatrixMatMul(a=csr, b=dense)

    def gradient(upstream: tf.Tensor) -> tuple[None, None, None, tf.Tensor]:
        # Transposing first keeps the product row by row: with `transpose_a` the kernel's threads add
        # into shared rows, and the order of the sums, so the last bit, changes from run to run.
        turned = tf.raw_ops.SparseMatrixTranspose(input=csr, type=tf.float32)
        return None, None, None, tf.raw_ops.SparseMatrixMatMul(a=turned, b=upstream)

    return product, gradient


def sparse_matmul(matrix: tf.SparseTensor, dense: tf.Tensor) -> tf.Tensor:
    """Return ``matrix @ dense``; differentiable in `dense` only.

    Parameters
    ----------
    matrix : tf.SparseTensor of float32, shape (n, m)
        Indices in row-major order.
    dense : tf.Tensor of float32, shape (m, k)

    Returns
    -------
    tf.Tensor of float32, shape (n, k)
    """
    dense = tf.convert_to_tensor(dense)  # a custom gradient may not capture a variable
    product = _csr_matmul(matrix.indices, matrix.values, matrix.dense_shape, dense)
    product.set_shape([matrix.shape[0], dense.shape[-1]])
    return product


def matmul(matrix: object, dense: object) -> object:
    """Return ``matrix @ dense`` for a sparse or a dense first factor, shape (n, k).

    While Keras only infers shapes its symbolic tensors take Keras' own product.
    """
    if isinstance(matrix, tf.SparseTensor):
        return sparse_matmul(matrix, dense)
    return keras.ops.matmul(matrix, dense)


def to_sparse_tensor(matrix: sparse.csr_array) -> tf.SparseTensor:
    """Return a scipy matrix of shape (n, m) as a row-major float32 tf.SparseTensor."""
    csr = sparse.csr_array(matrix)
    csr.sort_indices()
    coo = csr.tocoo()
    indices = np.column_stack([coo.row, coo.col]).astype(np.int64)
    return tf.SparseTensor(indices, coo.data.astype(np.float32), coo.shape)
