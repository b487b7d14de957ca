"""The cross-entropy of all pairs of nodes, summed block by block: exact, in memory that does not grow with N²."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from vgae_core.nn.sparse import pair_dots

BLOCK_LOGITS = 2_000_000
"""Logits of a block: arrays just below the size from which each would be asked of the system anew."""

LEAST_LOGIT = -80.0
"""From here on the probability is a normal float32 and has a logarithm; below it the softplus is 0."""


def mean_softplus(z: tf.Tensor) -> tf.Tensor:
    """Return the mean over all pairs (i, j), i = j included, of ``log(1 + exp(z_i . z_j))``; differentiable.

    With ``softplus(s) = s - log sigmoid(s)`` the first part needs no pairs, ``sum_ij z_i . z_j = |sum_i z_i|²``, and
    the second shares its sigmoid with the gradient.  Nothing is lost by the difference: as the mean of s is not
    negative, neither part is larger than the whole.  The matrix of logits is symmetric: of each block of rows
    only the part from the diagonal on is made, and forgotten once its sum and its share of the gradient are taken.

    Parameters
    ----------
    z : tf.Tensor of float32, shape (n, k)

    Returns
    -------
    tf.Tensor of float32, shape ()
        The sum is kept in float64.
    """
    return _mean_softplus(tf.convert_to_tensor(z))


@tf.custom_gradient
def _mean_softplus(z: tf.Tensor) -> tuple[tf.Tensor, Any]:
    n = tf.shape(z)[0]
    moderate = tf.reduce_max(tf.reduce_sum(tf.square(z), axis=1)) <= -LEAST_LOGIT  # no product is larger
    k = z.shape[1]
    finished = tf.TensorArray(z.dtype, size=0, dynamic_size=True, infer_shape=False, element_shape=[None, k])

    def step(
        block: tf.Tensor, start: tf.Tensor, total: tf.Tensor, slope: tf.Tensor, finished: Any
    ) -> tuple[Any, ...]:
        size = tf.minimum(n - start, tf.maximum(1, BLOCK_LOGITS // (n - start)))
        own, rest = z[start : start + size], z[start:]

        def over_pairs(values: tf.Tensor) -> tf.Tensor:  # a pair of own nodes stands in values both ways
            return tf.cast(2.0 * tf.reduce_sum(values) - tf.reduce_sum(values[:, :size]), tf.float64)

        def raised() -> tuple[tf.Tensor, tf.Tensor]:
            least = tf.maximum(products, LEAST_LOGIT)
            return least, over_pairs(least - products)

        products = tf.matmul(own, rest, transpose_b=True)
        logits, added = tf.cond(moderate, lambda: (products, tf.constant(0.0, tf.float64)), raised)
        probability = tf.sigmoid(logits)
        total += added - over_pairs(tf.math.log(probability))
        slope += tf.matmul(own, probability, transpose_a=True)  # (rest, k) would take twice the time
        to_own = tf.matmul(probability, rest) - tf.matmul(probability[:, :size], own)
        finished = finished.write(block, to_own + tf.transpose(slope[:, :size]))
        return block + 1, start + size, total, slope[:, size:], finished

    state = (0, 0, tf.constant(0.0, tf.float64), tf.zeros_like(tf.transpose(z)), finished)
    *_, total, _, finished = tf.while_loop(
        lambda block, start, *_: start < n,
        step,
        state,
        shape_invariants=(*3 * [tf.TensorShape([])], tf.TensorShape([k, None]), tf.TensorShape(None)),
        parallel_iterations=1,
    )
    many = tf.square(tf.cast(n, tf.float64))
    total += tf.reduce_sum(tf.square(tf.reduce_sum(tf.cast(z, tf.float64), axis=0)))
    slope = 2.0 * tf.ensure_shape(finished.concat(), z.shape) / tf.cast(many, z.dtype)
    return tf.cast(total / many, z.dtype), lambda upstream: upstream * slope


@keras.saving.register_keras_serializable("vgae")
class AllPairsCrossentropy(keras.layers.Layer):
    """The weighted cross-entropy of all pairs of nodes, for inputs ``[z, ones]``.

    With logits ``s_ij = z_i . z_j`` and targets y that are 1 at the pairs `ones`,
    ``norm / n² sum_ij [pos_weight y_ij softplus(-s_ij) + (1 - y_ij) softplus(s_ij)]``: softplus over all pairs, block
    by block, and a correction at the ones.  The layer gives the loss itself, since no output could hold all logits.

    Parameters
    ----------
    pos_weight, norm : float, optional
        Both 1 for the plain mean. None counts them as the code of Kipf & Welling does: with S pairs of different
        nodes among `ones`, ``pos_weight = (n² - S) / S`` and ``norm = n² / (2 (n² - S))``.

    References
    ----------
    Kipf & Welling 2016, Variational Graph Auto-Encoders, arXiv:1611.07308, and its published code.
    """

    def __init__(self, pos_weight: float | None = 1.0, norm: float | None = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pos_weight, self.norm = pos_weight, norm

    def call(self, inputs: list[Any]) -> Any:
        """Return the loss, shape (1, 1), for z (n, k) and the pairs whose target is 1 (n_ones, 2)."""
        z, ones = inputs
        logits = pair_dots(z, z, ones)
        many = tf.square(tf.cast(tf.shape(z)[0], z.dtype))
        edges = tf.math.count_nonzero(ones[:, 0] != ones[:, 1], dtype=z.dtype)
        pos_weight = (many - edges) / tf.maximum(edges, 1.0) if self.pos_weight is None else self.pos_weight
        norm = many / (2.0 * (many - edges)) if self.norm is None else self.norm
        correction = pos_weight * tf.nn.softplus(-logits) - tf.nn.softplus(logits)
        return tf.reshape(norm * (mean_softplus(z) + tf.reduce_sum(correction) / many), (1, 1))

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> tuple[int, int]:
        """Return (1, 1)."""
        return (1, 1)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "pos_weight": self.pos_weight, "norm": self.norm}


@keras.saving.register_keras_serializable("vgae")
def worked_out(y_true: Any, y_pred: Any) -> Any:
    """Return `y_pred`: the output is a loss already."""
    return y_pred
