"""Sparse products against dense ones, gradients included."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy import sparse

from vgae_core.nn.sparse import sparse_matmul, to_sparse_tensor


@pytest.mark.parametrize("shape", [(5, 7, 3), (1, 4, 1), (30, 30, 16)])
def test_product_and_gradient_equal_the_dense_ones(shape):
    n, m, k = shape
    rng = np.random.default_rng(0)
    matrix = sparse.random_array((n, m), density=0.3, rng=rng, dtype=np.float32, format="csr")
    dense = tf.constant(rng.normal(size=(m, k)).astype(np.float32))
    upstream = tf.constant(rng.normal(size=(n, k)).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(dense)
        product = sparse_matmul(to_sparse_tensor(matrix), dense)
        loss = tf.reduce_sum(product * upstream)
    np.testing.assert_allclose(product, matrix.toarray() @ dense.numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        tape.gradient(loss, dense), matrix.toarray().T @ upstream.numpy(), rtol=1e-5, atol=1e-6
    )


def test_unsorted_indices_are_put_in_order():
    matrix = sparse.csr_array((np.array([2.0, 1.0]), np.array([2, 0]), np.array([0, 2, 2])), shape=(2, 3))
    tensor = to_sparse_tensor(matrix)
    assert tensor.indices.numpy().tolist() == [[0, 0], [0, 2]]
    assert tensor.values.numpy().tolist() == [1.0, 2.0]
