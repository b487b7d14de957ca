"""Keras layers of the latent distribution: bounds and samples."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from vgae_core.analysis.network import LOG_VAR_BOUNDS


@tf.custom_gradient
def bounded_log_var(latent: Any) -> Any:
    """Return `latent` (n, 2 k) with its second half, the log-variances, kept within :data:`LOG_VAR_BOUNDS`.

    The gradient is that of the value within bounds: a clip's own is 0 beyond, where nothing would bring it back.
    """
    free = tf.fill([latent.shape[-1] // 2], float("inf"))
    low = tf.concat([-free, tf.fill(tf.shape(free), LOG_VAR_BOUNDS[0])], 0)
    high = tf.concat([free, tf.fill(tf.shape(free), LOG_VAR_BOUNDS[1])], 0)
    return tf.clip_by_value(latent, low, high), lambda gradient: gradient


@keras.saving.register_keras_serializable("vgae")
class BoundLogVar(keras.layers.Layer):
    """Keep log-variances within :data:`LOG_VAR_BOUNDS`, so that no divergence is infinite; nothing changes within.

    The input is mean and log-variance side by side.
    """

    def call(self, latent: Any) -> Any:
        """Return the same with bounded log-variances, shape (n_nodes, 2 * latent_dim)."""
        return bounded_log_var(latent)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape."""
        return input_shape


@keras.saving.register_keras_serializable("vgae")
class SampleNormal(keras.layers.Layer):
    """Draw ``z = mu + exp(log_var / 2) e`` in training, and return mu otherwise.

    The input is mean and log-variance side by side.

    References
    ----------
    Kingma & Welling 2014, Auto-Encoding Variational Bayes, arXiv:1312.6114, section 2.4.
    """

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, latent: Any, training: bool = False) -> Any:
        """Return a sample, shape (n_nodes, latent_dim), for means and log-variances (n_nodes, 2 * latent_dim)."""
        z_mean, z_log_var = ops.split(latent, 2, axis=-1)
        if not training:
            return z_mean
        return z_mean + ops.exp(0.5 * z_log_var) * _noise(z_mean, self.seed_generator)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the mean."""
        return (input_shape[0], (input_shape[-1] or 0) // 2)


def _noise(like: Any, seed: keras.random.SeedGenerator) -> Any:
    """Return standard normal numbers in the shape of `like`, (n, k): by radius and angle of two at a time.

    TensorFlow's own kernel makes them one by one and takes more than twice as long.

    References
    ----------
    Box & Muller 1958, A Note on the Generation of Random Normal Deviates.
    """
    columns = like.shape[-1]
    chance = keras.random.uniform((2, ops.shape(like)[0], -(-columns // 2)), seed=seed)
    radius, angle = ops.sqrt(-2.0 * ops.log(1.0 - chance[0])), 2.0 * math.pi * chance[1]
    return ops.concatenate([radius * ops.cos(angle), radius * ops.sin(angle)], axis=1)[:, :columns]
