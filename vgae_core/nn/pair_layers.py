"""Keras layers of pairs of nodes: what decoders make of two codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from vgae_core.catalogue.base import load
from vgae_core.catalogue.decoders import DECODERS
from vgae_core.model_parts.decoders import NEAREST
from vgae_core.nn.sparse import pair_dots


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


class DecoderLayer(keras.layers.Layer):
    """A layer with the weights of a decoder, by its entry.

    Parameters
    ----------
    decoder : str
        Key of :data:`vgae_core.catalogue.decoders.DECODERS`.
    sizes : mapping of str to sequence of int
        Shape of each weight.
    """

    def __init__(self, decoder: str, sizes: Mapping[str, Sequence[int]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.decoder, self.sizes = decoder, {name: tuple(size) for name, size in sizes.items()}
        self.formula = load(DECODERS[decoder].formula)

    def build(self, input_shape: Any) -> None:
        """Create the weights, or their logarithms."""
        self.learnt = {
            name: self.add_weight(
                shape=self.sizes[name],
                initializer=weight.initial,
                name=f"log_{name}" if weight.log else name,
            )
            for name, weight in DECODERS[self.decoder].weights.items()
        }

    def values(self) -> dict[str, Any]:
        """Return the weights as the formula reads them."""
        entry = DECODERS[self.decoder]
        return {n: ops.exp(w) if entry.weights[n].log else w for n, w in self.learnt.items()}

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "decoder": self.decoder, "sizes": self.sizes}


@keras.saving.register_keras_serializable("vgae")
class PairFactors(DecoderLayer):
    """Both factors of a decoder, side by side."""

    def call(self, z: Any) -> Any:
        """Return left and right, shape (n_nodes, 2 * k), for codes (n_nodes, latent_dim)."""
        left, right = self.formula(ops, z, self.values())
        return ops.concatenate([*left, *right], axis=1)


@keras.saving.register_keras_serializable("vgae")
class PairLogits(DecoderLayer):
    """The logit of each pair by a decoder without factors, for inputs ``[z, pairs]``: it gathers both ends."""

    def call(self, inputs: list[Any]) -> Any:
        """Return logits, shape (n_pairs, 1)."""
        z, pairs = inputs
        ends = (ops.take(z, pairs[:, end], axis=0) for end in (0, 1))
        return ops.expand_dims(self.formula(ops, *ends, self.values()), 1)

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> tuple[int | None, int]:
        """Return (n_pairs, 1)."""
        return (input_shape[1][0], 1)


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
    """The logit of :func:`vgae_core.model_parts.decoders.gravity`, for ``[z, pairs]``, by inner products of each pair.

    Of 400,000 pairs of 64 numbers it takes a sixth of the time of :class:`PairLogits`, and 1.5 GB less memory.

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
        return (
            pair_dots(one, mass, pairs) - ops.exp(self.log_strength) * ops.log(square + NEAREST) + self.bias
        )

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> tuple[int | None, int]:
        """Return (n_pairs, 1)."""
        return (input_shape[1][0], 1)
