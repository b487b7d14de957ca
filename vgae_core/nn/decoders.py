"""Decoders of pairs as Keras layers: the formulas of :mod:`vgae_core.model_parts.decoders`, or layers of their own."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from vgae_core.analysis.decoders import decoder_weights
from vgae_core.catalogue.base import load
from vgae_core.catalogue.decoders import DECODERS, without_factors
from vgae_core.data.blocks import let_go, row_blocks, rows_like
from vgae_core.errors import SpecError
from vgae_core.nn.pair_layers import PairDots, PairFactors, PairGravity, PairLogits, PairProducts
from vgae_core.nn.seeds import Seeds
from vgae_core.settings import ModelSpec

NAME = "adj_rec"
FACTORS = "pair_factors"


def inner_product(z: Any, pairs: Any, model: ModelSpec, seeds: Seeds) -> Any:
    """Return ``z_i . z_j``, shape (n_pairs, 1).

    Parameters
    ----------
    z : KerasTensor, shape (n_nodes, latent_dim)
    pairs : KerasTensor of int32, shape (n_pairs, 2)
    model : ModelSpec
    seeds : Seeds

    References
    ----------
    Kipf & Welling 2016, Variational Graph Auto-Encoders, arXiv:1611.07308.
    """
    return PairDots(name=NAME)([z, z, pairs])


def hadamard_mlp(z: Any, pairs: Any, model: ModelSpec, seeds: Seeds) -> Any:
    """Return one hidden layer on ``z_i * z_j``, shape (n_pairs, 1): Keras' own layers, as kept runs have them."""
    hidden = PairProducts(name="pair_products")([z, pairs])
    hidden = seeds.dense(model.decoder_units, "pair_hidden", "relu")(hidden)
    return seeds.dense(1, NAME)(hidden)


def gravity(z: Any, pairs: Any, model: ModelSpec, seeds: Seeds) -> Any:
    """Return the pull of node j on node i, shape (n_pairs, 1).

    References
    ----------
    Salha et al. 2019, arXiv:1905.09570.
    """
    return PairGravity(name=NAME)([z, pairs])


def decode(z: Any, pairs: Any, model: ModelSpec, seeds: Seeds) -> Any:
    """Return the logits of the decoder of `model`, shape (n_pairs, 1)."""
    entry = DECODERS[model.decoder]
    if entry.builder:
        return load(entry.builder)(z, pairs, model, seeds)
    sizes = {name: weight.sizes(model) for name, weight in entry.weights.items()}
    if not entry.factors:
        return PairLogits(model.decoder, sizes, name=NAME)([z, pairs])
    both = PairFactors(model.decoder, sizes, name=FACTORS)(z)
    width = both.shape[-1] // 2
    return PairDots(name=NAME)([both[:, :width], both[:, width:], pairs])


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
            f"Decoder `{model.decoder}` needs a directed graph, and this one is undirected.",
            where="model.decoder",
            mend="Set the repair `direction` to `directed`, or choose another decoder.",
        )
    if model.latent_dim % entry.latent_multiple or model.latent_dim < entry.least_latent:
        multiple = f"a multiple of {entry.latent_multiple}" if entry.latent_multiple > 1 else ""
        least = f"{entry.least_latent} or more" if entry.least_latent > 1 else ""
        needed = ", ".join(filter(None, (multiple, least)))
        raise SpecError(
            f"Decoder `{model.decoder}` cannot read a code of length {model.latent_dim}.",
            where="model.latent_dim",
            mend=f"Choose {needed}.",
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


def weights(model: keras.Model, decoder: str) -> dict[str, np.ndarray]:
    """Return the weights of a decoder that is no inner product, as its plain form reads them; empty for any other."""
    entry = without_factors(decoder)
    names = {weight.layer for weight in entry.weights.values()} if entry else set()
    layers = {name: tuple(np.asarray(value) for value in model.get_layer(name).weights) for name in names}
    return decoder_weights(decoder, layers) if entry else {}
