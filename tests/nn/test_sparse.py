"""Sparse products against dense ones, gradients included."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy import sparse

from vgae_core.data.blocks import aligned
from vgae_core.nn import sparse as module
from vgae_core.nn.sparse import pair_dots, sparse_matmul, to_dense_tensor, to_sparse_tensor


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


@pytest.mark.parametrize("order", ["sorted", "runs", "any"])
@pytest.mark.parametrize("n_pairs", [0, 1, 7, 5000])
def test_dots_of_pairs_and_their_gradients_equal_the_dense_ones(order, n_pairs, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_ENTRIES", 4096)  # several blocks, the last one not full
    rng = np.random.default_rng(n_pairs)
    left, right = (rng.normal(size=(n, 5)).astype(np.float32) for n in (40, 60))
    pairs = np.column_stack([rng.integers(0, 40, n_pairs), rng.integers(0, 60, n_pairs)]).astype(np.int32)
    if order == "sorted":
        pairs = pairs[np.argsort(pairs[:, 0])]
    if order == "runs":
        parts = np.array_split(pairs, 3)
        pairs = np.concatenate([part[np.argsort(part[:, 0])] for part in parts])
    upstream = rng.normal(size=(n_pairs, 1)).astype(np.float32)
    a, b = tf.constant(left), tf.constant(right)
    with tf.GradientTape() as tape:
        tape.watch([a, b])
        dots = pair_dots(a, b, pairs)
        loss = tf.reduce_sum(dots * upstream)
    values = np.zeros((40, 60))
    np.add.at(values, tuple(pairs.T), upstream[:, 0])
    np.testing.assert_allclose(
        dots, np.sum(left[pairs[:, 0]] * right[pairs[:, 1]], 1)[:, None], rtol=1e-4, atol=1e-5
    )
    d_left, d_right = tape.gradient(loss, [a, b])
    np.testing.assert_allclose(d_left, values @ right, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(d_right, values.T @ left, rtol=1e-4, atol=1e-4)


def test_a_symmetric_product_has_the_gradient_of_the_general_one():
    rng = np.random.default_rng(0)
    half = sparse.random_array((20, 20), density=0.2, rng=rng, dtype=np.float32)
    matrix = to_sparse_tensor(sparse.csr_array(half + half.T))
    dense = tf.constant(rng.normal(size=(20, 3)).astype(np.float32))
    upstream = tf.constant(rng.normal(size=(20, 3)).astype(np.float32))
    gradients = []
    for symmetric in (True, False):
        with tf.GradientTape() as tape:
            tape.watch(dense)
            loss = tf.reduce_sum(sparse_matmul(matrix, dense, symmetric=symmetric) * upstream)
        gradients.append(tape.gradient(loss, dense).numpy())
    np.testing.assert_allclose(*gradients, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("offset", range(0, 80, 16))
def test_aligned_rows_become_a_tensor_without_a_copy(offset):
    room = np.zeros(10_000, np.uint8)
    start = -room.ctypes.data % 64 + offset
    values = room[start : start + 4 * 300].view(np.float32).reshape(100, 3)
    values[:] = np.random.default_rng(0).normal(size=(100, 3))
    wanted = values.copy()
    rows = aligned(values)
    assert np.shares_memory(rows, values) == (offset % 64 == 0)
    tensor = to_dense_tensor(rows)
    np.testing.assert_array_equal(tensor, wanted)
    rows[0, 0] = wanted[0, 0] = 7.0
    np.testing.assert_array_equal(tensor, wanted)
    del room, values, rows  # the tensor keeps the memory
    np.testing.assert_array_equal(tensor, wanted)


@pytest.mark.parametrize(
    "values",
    [np.arange(6.0).reshape(2, 3), np.zeros((0, 3), np.float32), np.ones((4, 6), np.float32)[:, ::2]],
    ids=["float64", "empty", "strided"],
)
def test_other_rows_are_copied(values):
    tensor = to_dense_tensor(values)
    assert tensor.dtype == tf.float32
    np.testing.assert_array_equal(tensor, values)


def test_rows_that_may_not_be_written_are_copied():
    values = aligned(np.ones((4, 3), np.float32))
    values.flags.writeable = False
    np.testing.assert_array_equal(to_dense_tensor(values), values)
