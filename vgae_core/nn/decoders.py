"""Decoders of pairs: how two latent codes become the logit of an edge.

To add one, write a function with the signature of :func:`inner_product`, list it in :data:`BUILDERS` and describe it
in :data:`vgae_core.catalogue.decoders.DECODERS`.  A decoder whose logit is an inner product makes both factors, side
by side, in one layer called ``"pair_factors"``; any other also needs its formula in
:data:`vgae_core.analysis.decoders.SCORES` and its weights in :func:`weights`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from vgae_core.catalogue.decoders import DECODERS
from vgae_core.data.blocks import let_go, row_blocks, rows_like
from vgae_core.errors import SpecError
from vgae_core.nn.layers import (
    BiasedFactors,
    DiagonalFactors,
    DistanceFactors,
    HalfFactors,
    PairDots,
    PairGravity,
    PairProducts,
)
from vgae_core.settings import ModelSpec

NAME = "adj_rec"
FACTORS = "pair_factors"


def inner_product(z: Any, pairs: Any, model: ModelSpec) -> Any:
    """Return ``z_i . z_j``, shape (n_pairs, 1).

    Parameters
    ----------
    z : KerasTensor, shape (n_nodes, latent_dim)
    pairs : KerasTensor of int32, shape (n_pairs, 2)
    model : ModelSpec

    References
    ----------
    Kipf & Welling 2016, Variational Graph Auto-Encoders, arXiv:1611.07308.
    """
    return PairDots(name=NAME)([z, z, pairs])


def _factored(layer: type[keras.layers.Layer]) -> Callable[[Any, Any, ModelSpec], Any]:
    """Return the decoder whose factors `layer` makes."""

    def decode(z: Any, pairs: Any, model: ModelSpec) -> Any:
        both = layer(name=FACTORS)(z)
        width = both.shape[-1] // 2
        return PairDots(name=NAME)([both[:, :width], both[:, width:], pairs])

    return decode


def hadamard_mlp(z: Any, pairs: Any, model: ModelSpec) -> Any:
    """Return one hidden layer on ``z_i * z_j``, shape (n_pairs, 1)."""
    hidden = PairProducts(name="pair_products")([z, pairs])
    hidden = keras.layers.Dense(model.decoder_units, activation="relu", name="pair_hidden")(hidden)
    return keras.layers.Dense(1, name=NAME)(hidden)


def gravity(z: Any, pairs: Any, model: ModelSpec) -> Any:
    """Return the pull of node j on node i, shape (n_pairs, 1).

    References
    ----------
    Salha et al. 2019, arXiv:1905.09570.
    """
    return PairGravity(name=NAME)([z, pairs])


BUILDERS: dict[str, Callable[[Any, Any, ModelSpec], Any]] = {
    "inner_product": inner_product,
    "inner_product_bias": _factored(BiasedFactors),
    "distance": _factored(DistanceFactors),
    "distmult": _factored(DiagonalFactors),
    "hadamard_mlp": hadamard_mlp,
    "source_target": _factored(HalfFactors),
    "gravity": gravity,
}


def check(model: ModelSpec, *, directed: bool) -> None:
    """Refuse a decoder that makes no sense for the graph or the latent size.

    Raises
    ------
    SpecError
        If it tells directions apart and the graph has none, or the code cannot be divided as it needs.
    """
    entry = DECODERS[model.decoder]
    if entry.directed and not directed:
        raise SpecError(
            f"Decoder `{model.decoder}` tells directions apart, and this graph has none.",
            where="model.decoder",
            mend="Set the repair `direction` to `directed`, or choose another decoder.",
        )
    if model.decoder == "source_target" and model.latent_dim % 2:
        raise SpecError(
            f"Decoder `source_target` halves the code. Received: an odd latent size, {model.latent_dim}.",
            where="model.latent_dim",
            mend="Choose an even one.",
        )
    if model.decoder == "gravity" and model.latent_dim < 2:
        raise SpecError(
            "Decoder `gravity` needs a place and a mass for each node. Received: latent size 1.",
            where="model.latent_dim",
            mend="Choose 2 or more.",
        )


def factors(model: keras.Model, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return left and right factors of the logits, float32 (n_nodes, k); `z` twice where there is no such layer.

    Parameters
    ----------
    model : keras.Model
        Of a run on a graph.
    z : ndarray of float32, shape (n_nodes, latent_dim)
    """
    if not any(layer.name == FACTORS for layer in model.layers):
        return z, z
    layer = model.get_layer(FACTORS)
    left, right = (rows_like(z, layer.output.shape[-1] // 2) for _ in range(2))
    for part, rows in row_blocks(z):
        for whole, half in zip((left, right), np.split(np.asarray(layer(rows)), 2, axis=1), strict=True):
            whole[part] = half
            let_go(whole)
    return left, right


def weights(model: keras.Model) -> dict[str, np.ndarray]:
    """Return the weights of a decoder that is no inner product, as :mod:`vgae_core.analysis.decoders` reads them.

    Empty for every other decoder.
    """
    layer = model.get_layer(NAME)
    if isinstance(layer, PairGravity):
        log_strength, bias = (np.asarray(weight) for weight in layer.weights)
        return {"strength": np.exp(log_strength), "bias": bias}
    if isinstance(layer, keras.layers.Dense):
        kernel, bias = (np.asarray(weight) for weight in model.get_layer("pair_hidden").weights)
        out, offset = (np.asarray(weight) for weight in layer.weights)
        return {"kernel": kernel, "bias": bias, "out": out[:, 0], "offset": offset[0]}
    return {}
