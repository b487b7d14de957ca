"""Keras layers of encoders and heads: sparse maps, propagation, tables, dropout, scaling."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from vgae_core.nn.sparse import matmul


@keras.saving.register_keras_serializable("vgae")
class SparseDense(keras.layers.Layer):
    """A dense map ``x W + b`` whose input may be sparse.

    Parameters
    ----------
    units : int
        Width of the output.
    use_bias : bool
        Whether to add b.
    seed : int, optional
        Of the initial W.
    """

    def __init__(self, units: int, *, use_bias: bool = False, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.use_bias, self.seed = units, use_bias, seed

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create W, shape (n_features, units), and b, shape (units,)."""
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units),
            initializer=keras.initializers.GlorotUniform(self.seed),
            name="kernel",
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
        return {**super().get_config(), "units": self.units, "use_bias": self.use_bias, "seed": self.seed}


@keras.saving.register_keras_serializable("vgae")
class NodeTable(keras.layers.Layer):
    """A free vector a node: what ``X W`` is when X is the identity (a graph without features).

    Parameters
    ----------
    n_nodes, units : int
        Shape of the table.
    seed : int, optional
        Of its initial values.
    """

    def __init__(self, n_nodes: int, units: int, *, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n_nodes, self.units, self.seed = n_nodes, units, seed

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the table, shape (n_nodes, units)."""
        self.table = self.add_weight(
            shape=(self.n_nodes, self.units),
            initializer=keras.initializers.GlorotUniform(self.seed),
            name="table",
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
        return {**super().get_config(), "n_nodes": self.n_nodes, "units": self.units, "seed": self.seed}


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
