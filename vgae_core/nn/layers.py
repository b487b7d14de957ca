"""Keras layers for graphs: sparse maps, propagation, sampling and pair scores."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from vgae_core.analysis.network import LOG_VAR_BOUNDS
from vgae_core.nn.sparse import matmul, pair_dots


@keras.saving.register_keras_serializable("vgae")
class SparseDense(keras.layers.Layer):
    """A dense map ``x W + b`` whose input may be sparse.

    Parameters
    ----------
    units : int
        Width of the output.
    use_bias : bool
        Whether to add b.
    """

    def __init__(self, units: int, *, use_bias: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.use_bias = units, use_bias

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create W, shape (n_features, units), and b, shape (units,)."""
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="kernel"
        )
        self.bias = (
            self.add_weight(shape=(self.units,), initializer="zeros", name="bias") if self.use_bias else None
        )

    def call(self, x: Any) -> Any:
        """Return ``x W + b``, shape (n_nodes, units)."""
        product = matmul(x, self.kernel)
        return product if self.bias is None else product + self.bias

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (n_nodes, units)."""
        return (input_shape[0], self.units)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "units": self.units, "use_bias": self.use_bias}


@keras.saving.register_keras_serializable("vgae")
class NodeTable(keras.layers.Layer):
    """A free vector a node: what ``X W`` is when X is the identity (a graph without features).

    Parameters
    ----------
    n_nodes, units : int
        Shape of the table.
    """

    def __init__(self, n_nodes: int, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n_nodes, self.units = n_nodes, units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the table, shape (n_nodes, units)."""
        self.table = self.add_weight(
            shape=(self.n_nodes, self.units), initializer="glorot_uniform", name="table"
        )

    def call(self, adjacency: Any) -> Any:
        """Return the table; the input only anchors the layer in the functional graph."""
        return ops.convert_to_tensor(self.table)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int, int]:
        """Return (n_nodes, units)."""
        return (self.n_nodes, self.units)

    def compute_output_spec(self, adjacency: Any) -> keras.KerasTensor:
        """Return a dense float spec, whatever the anchor is."""
        return keras.KerasTensor((self.n_nodes, self.units), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "n_nodes": self.n_nodes, "units": self.units}


@keras.saving.register_keras_serializable("vgae")
class Propagate(keras.layers.Layer):
    """One hop over the graph, ``A h``, for inputs ``[h, A]``.

    Parameters
    ----------
    activation : str, optional
        Applied to the result.
    symmetric : bool
        Whether A equals its transpose, as for an undirected graph.
    """

    def __init__(self, activation: str | None = None, *, symmetric: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = keras.activations.get(activation)
        self.symmetric = symmetric

    def call(self, inputs: list[Any]) -> Any:
        """Return ``activation(A h)``, shape (n_nodes, units)."""
        hidden, adjacency = inputs
        return self.activation(matmul(adjacency, hidden, symmetric=self.symmetric))

    def compute_output_spec(self, inputs: list[Any]) -> keras.KerasTensor:
        """Return a dense spec of shape (n_nodes, units)."""
        return keras.KerasTensor(inputs[0].shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "symmetric": self.symmetric,
        }


@keras.saving.register_keras_serializable("vgae")
class PropagateBack(Propagate):
    """One hop that returns to the start, ``(1 - a) A h + a h_0``, for inputs ``[h, A, h_0]``.

    Parameters
    ----------
    teleport : float
        The share a.

    References
    ----------
    Gasteiger et al. 2019, Predict then Propagate, arXiv:1810.05997.
    """

    def __init__(self, teleport: float, *, symmetric: bool = False, **kwargs: Any) -> None:
        super().__init__(symmetric=symmetric, **kwargs)
        self.teleport = teleport

    def call(self, inputs: list[Any]) -> Any:
        """Return the mixture, shape (n_nodes, units)."""
        hidden, adjacency, start = inputs
        far = super().call([hidden, adjacency])
        return (1.0 - self.teleport) * far + self.teleport * start

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        config = {**super().get_config(), "teleport": self.teleport}
        del config["activation"]
        return config


@keras.saving.register_keras_serializable("vgae")
class ScaleRows(keras.layers.Layer):
    """Scale every row to one Euclidean length.

    References
    ----------
    Ahn & Kim 2021, Variational Graph Normalized AutoEncoders, arXiv:2108.08046 (length 1.8).
    """

    def __init__(self, length: float = 1.8, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.length = length

    def call(self, x: Any) -> Any:
        """Return x with rows of the given length; a zero row stays zero."""
        square = ops.sum(ops.square(x), axis=-1, keepdims=True)
        return x * (self.length * ops.rsqrt(ops.maximum(square, 1e-12)))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "length": self.length}


@keras.saving.register_keras_serializable("vgae")
class FeatureDropout(keras.layers.Layer):
    """Dropout for a dense or a sparse input: of a sparse one, stored entries are dropped."""

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, x: Any, training: bool = False) -> Any:
        """Return x with a share `rate` of entries zero and the rest scaled up, in training only."""
        if not training:
            return x
        if isinstance(x, tf.SparseTensor):
            values = keras.random.dropout(x.values, self.rate, seed=self.seed_generator)
            return tf.SparseTensor(x.indices, values, x.dense_shape)
        return keras.random.dropout(x, self.rate, seed=self.seed_generator)

    def compute_output_spec(self, x: Any, training: bool = False) -> keras.KerasTensor:
        """Return the input's spec, sparseness included."""
        return keras.KerasTensor(x.shape, dtype=self.compute_dtype, sparse=x.sparse)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "rate": self.rate}


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


@keras.saving.register_keras_serializable("vgae")
class PairDots(keras.layers.Layer):
    """The logit ``left_i . right_j`` of each pair, for inputs ``[left, right, pairs]``."""

    def call(self, inputs: list[Any]) -> Any:
        """Return logits, shape (n_pairs, 1), for factors (n_nodes, k) and pairs (n_pairs, 2)."""
        left, right, pairs = inputs
        return pair_dots(left, right, pairs)

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> tuple[int | None, int]:
        """Return (n_pairs, 1)."""
        return (input_shape[2][0], 1)


@keras.saving.register_keras_serializable("vgae")
class BiasedFactors(keras.layers.Layer):
    """Factors of ``z_i . z_j + w . z_i + w . z_j + b``: some nodes have more edges than others."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create w, shape (latent_dim, 1), and b, shape ()."""
        self.kernel = self.add_weight(shape=(input_shape[-1], 1), initializer="zeros", name="kernel")
        self.bias = self.add_weight(shape=(), initializer="zeros", name="bias")

    def call(self, z: Any) -> Any:
        """Return left and right side by side, shape (n_nodes, 2 * (latent_dim + 2))."""
        term, one = ops.matmul(z, self.kernel), ops.ones_like(z[:, :1])
        return ops.concatenate([z, term + self.bias, one, z, one, term], 1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, int]:
        """Return the shape of the two together."""
        return (input_shape[0], 2 * ((input_shape[-1] or 0) + 2))


@keras.saving.register_keras_serializable("vgae")
class DistanceFactors(keras.layers.Layer):
    """Factors of ``b - s |z_i - z_j|^2`` with a learned scale s > 0: lengths are extra columns."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create log s and b, shape ()."""
        self.log_scale = self.add_weight(shape=(), initializer="zeros", name="log_scale")
        self.bias = self.add_weight(shape=(), initializer="zeros", name="bias")

    def call(self, z: Any) -> Any:
        """Return left and right side by side, shape (n_nodes, 2 * (latent_dim + 2))."""
        scale, one = ops.exp(self.log_scale), ops.ones_like(z[:, :1])
        length = -scale * ops.sum(ops.square(z), axis=1, keepdims=True)
        return ops.concatenate([2.0 * scale * z, length + self.bias, one, z, one, length], 1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, int]:
        """Return the shape of the two together."""
        return (input_shape[0], 2 * ((input_shape[-1] or 0) + 2))


@keras.saving.register_keras_serializable("vgae")
class DiagonalFactors(keras.layers.Layer):
    """Factors of ``sum_k w_k z_ik z_jk + b``: each latent dimension counts as much as it helps, or against."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create w, shape (latent_dim,), and b, shape ()."""
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")
        self.bias = self.add_weight(shape=(), initializer="zeros", name="bias")

    def call(self, z: Any) -> Any:
        """Return left and right side by side, shape (n_nodes, 2 * (latent_dim + 1))."""
        one = ops.ones_like(z[:, :1])
        return ops.concatenate([z * self.scale, one * self.bias, z, one], 1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, int]:
        """Return the shape of the two together."""
        return (input_shape[0], 2 * ((input_shape[-1] or 0) + 1))


@keras.saving.register_keras_serializable("vgae")
class HalfFactors(keras.layers.Layer):
    """Factors of ``s_i . t_j + b``, s and t the halves of the code: what a node points to, what points to it."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create b, shape ()."""
        self.bias = self.add_weight(shape=(), initializer="zeros", name="bias")

    def call(self, z: Any) -> Any:
        """Return left and right side by side, shape (n_nodes, latent_dim + 2)."""
        half, one = z.shape[-1] // 2, ops.ones_like(z[:, :1])
        return ops.concatenate([z[:, :half], one * self.bias, z[:, half:], one], 1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, int]:
        """Return the shape of the two together."""
        return (input_shape[0], (input_shape[-1] or 0) + 2)


@keras.saving.register_keras_serializable("vgae")
class PairProducts(keras.layers.Layer):
    """The products ``z_i * z_j`` of each pair, for inputs ``[z, pairs]``."""

    def call(self, inputs: list[Any]) -> Any:
        """Return the products, shape (n_pairs, latent_dim)."""
        z, pairs = inputs
        return ops.take(z, pairs[:, 0], axis=0) * ops.take(z, pairs[:, 1], axis=0)

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        """Return (n_pairs, latent_dim)."""
        return (input_shape[1][0], input_shape[0][-1])


@keras.saving.register_keras_serializable("vgae")
class PairGravity(keras.layers.Layer):
    """The logit ``m_j - s log(|z_i - z_j|^2 + 0.01) + b`` of each arc, m the last column, for ``[z, pairs]``.

    References
    ----------
    Salha et al. 2019, Gravity-Inspired Graph Autoencoders for Directed Link Prediction, arXiv:1905.09570.
    """

    def build(self, input_shape: list[tuple[int | None, ...]]) -> None:
        """Create log s and b, shape ()."""
        self.log_strength = self.add_weight(shape=(), initializer="zeros", name="log_strength")
        self.bias = self.add_weight(shape=(), initializer="zeros", name="bias")

    def call(self, inputs: list[Any]) -> Any:
        """Return logits, shape (n_pairs, 1)."""
        z, pairs = inputs
        place, mass = z[:, :-1], z[:, -1:]
        one = ops.ones_like(mass)
        length = ops.sum(ops.square(place), axis=1, keepdims=True)
        left = ops.concatenate([-2.0 * place, length, one], 1)
        right = ops.concatenate([place, one, length], 1)
        square = ops.maximum(pair_dots(left, right, pairs), 0.0)  # rounding can take it below
        return pair_dots(one, mass, pairs) - ops.exp(self.log_strength) * ops.log(square + 0.01) + self.bias

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> tuple[int | None, int]:
        """Return (n_pairs, 1)."""
        return (input_shape[1][0], 1)


@keras.saving.register_keras_serializable("vgae")
class TakeRows(keras.layers.Layer):
    """The rows of z of the supervised nodes, for inputs ``[z, nodes]``."""

    def call(self, inputs: list[Any]) -> Any:
        """Return rows, shape (n_batch, latent_dim), for nodes of shape (n_batch,) or (n_batch, 1)."""
        z, nodes = inputs
        return ops.take(z, ops.reshape(nodes, (-1,)), axis=0)

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        """Return (n_batch, latent_dim)."""
        return (input_shape[1][0], input_shape[0][-1])


@keras.saving.register_keras_serializable("vgae")
class ScaleInput(keras.layers.Layer):
    """Bring rows of a matrix, sparse or dense, to a scale a network likes.

    Parameters
    ----------
    how : str
        ``"log"`` for log(1 + x), ``"length"`` for rows of Euclidean length 1 (Liang et al. 2018).
    """

    def __init__(self, how: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.how = how

    def call(self, x: Any) -> Any:
        """Return the scaled rows, sparse where the input is."""
        if not isinstance(x, tf.SparseTensor):
            if self.how == "log":
                return ops.log1p(x)
            return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=-1, keepdims=True), 1e-12))
        if self.how == "log":
            return tf.SparseTensor(x.indices, ops.log1p(x.values), x.dense_shape)
        square = tf.math.unsorted_segment_sum(ops.square(x.values), x.indices[:, 0], x.dense_shape[0])
        scale = ops.rsqrt(ops.maximum(square, 1e-12))
        return tf.SparseTensor(x.indices, x.values * tf.gather(scale, x.indices[:, 0]), x.dense_shape)

    def compute_output_spec(self, x: Any) -> keras.KerasTensor:
        """Return the input's spec, sparseness included."""
        return keras.KerasTensor(x.shape, dtype=self.compute_dtype, sparse=x.sparse)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "how": self.how}


@keras.saving.register_keras_serializable("vgae")
class Dispersion(keras.layers.Layer):
    """Append to each row of log-means the log inverse dispersion of every column."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the log inverse dispersions, shape (n_columns,)."""
        self.log_r = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="log_r")

    def call(self, log_mean: Any) -> Any:
        """Return ``[log m, log r]``, shape (n, 2 * n_columns)."""
        return ops.concatenate([log_mean, ops.broadcast_to(self.log_r, ops.shape(log_mean))], axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (n, 2 * n_columns)."""
        return (input_shape[0], 2 * (input_shape[-1] or 0))
