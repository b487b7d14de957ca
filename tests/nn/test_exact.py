"""The loss of all pairs against the dense formula."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from vgae_core.nn import exact
from vgae_core.nn.exact import AllPairsCrossentropy, mean_softplus


def dense(z, target, pos_weight, norm):
    logits = z.astype(np.float64) @ z.T.astype(np.float64)
    value = pos_weight * target * np.logaddexp(0, -logits) + (1 - target) * np.logaddexp(0, logits)
    p = 1 / (1 + np.exp(-logits))
    slope = norm * (-pos_weight * target * (1 - p) + (1 - target) * p) / target.size
    return norm * value.mean(), (slope + slope.T) @ z


@pytest.mark.parametrize("n", [1, 2, 37, 64])
@pytest.mark.parametrize("block", [1, 100, 2**20])
def test_loss_and_gradient_equal_the_dense_ones(n, block, monkeypatch):
    monkeypatch.setattr(exact, "BLOCK_LOGITS", block)
    rng = np.random.default_rng(n)
    z = rng.normal(size=(n, 3)).astype(np.float32)
    target = np.triu(rng.random((n, n)) < 0.2, 1)
    target = target | target.T | np.eye(n, dtype=bool)
    weights = {"pos_weight": 7.5, "norm": 0.6}
    value = tf.constant(z)
    with tf.GradientTape() as tape:
        tape.watch(value)
        loss = AllPairsCrossentropy(**weights)([value, np.argwhere(target).astype(np.int32)])
    expected, slope = dense(z, target, **weights)
    assert float(loss[0, 0]) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(tape.gradient(loss, value), slope, rtol=1e-3, atol=1e-6)


def test_weights_are_counted_as_in_the_published_code():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(12, 3)).astype(np.float32)
    target = np.triu(rng.random((12, 12)) < 0.3, 1)
    target = target | target.T
    edges = target.sum()
    expected, _ = dense(z, target | np.eye(12, dtype=bool), (144 - edges) / edges, 144 / (2 * (144 - edges)))
    ones = np.argwhere(target | np.eye(12, dtype=bool)).astype(np.int32)
    loss = AllPairsCrossentropy(pos_weight=None, norm=None)([tf.constant(z), ones])
    assert float(loss[0, 0]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("largest", [0.99, 1.01, 20.0], ids=["below", "above", "far above"])
def test_both_ways_to_a_softplus_agree_with_the_dense_formula_where_they_meet(largest):
    rng = np.random.default_rng(1)
    z = rng.normal(size=(40, 2))
    z *= np.sqrt(-largest * exact.LEAST_LOGIT) / np.linalg.norm(z, axis=1, keepdims=True)
    z = z.astype(np.float32)
    value = tf.constant(z)
    with tf.GradientTape() as tape:
        tape.watch(value)
        loss = mean_softplus(value)
    with np.errstate(over="ignore"):  # the reference's exponential; its probability is 0 there
        expected, slope = dense(z.astype(np.float64), np.zeros((40, 40)), 1.0, 1.0)
    assert float(loss) == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(tape.gradient(loss, value), slope, rtol=1e-5, atol=1e-6)


def test_extreme_logits_stay_finite():
    z = tf.constant([[100.0], [-100.0], [0.0]])
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = mean_softplus(z)
    assert float(value) == pytest.approx((2e4 + 5 * np.log(2)) / 9, rel=1e-6)
    assert np.isfinite(tape.gradient(value, z)).all()
