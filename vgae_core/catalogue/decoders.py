"""Decoders of pairs on offer.

``formula`` says what the logit is, for Keras, which learns it, and for plain arrays, by which a finished run scores and
ranks pairs without TensorFlow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from vgae_core.catalogue.base import Entry


@dataclass(frozen=True, kw_only=True)
class Weight:
    """A weight that the formula of a decoder reads, and where the network keeps it."""

    layer: str = "pair_factors"
    place: int = 0
    """Among the weights of that layer, in Keras' order."""
    shape: tuple[str | int, ...] = ()
    """By numbers, and by the settings of the network that give them; what the layer has beyond is 1."""
    log: bool = False
    """Whether the network learns its logarithm."""
    initial: Literal["zeros", "ones"] = "zeros"
    """What the network starts from."""

    def sizes(self, model: object) -> tuple[int, ...]:
        """Return its shape in a network of these settings (:class:`~vgae_core.settings.ModelSpec`)."""
        return tuple(size if isinstance(size, int) else int(getattr(model, size)) for size in self.shape)


@dataclass(frozen=True, kw_only=True)
class DecoderEntry(Entry):
    """A decoder of pairs of nodes."""

    formula: str
    """``"package.module:name"`` of the function, see :mod:`vgae_core.model_parts.decoders`."""
    script: tuple[str, ...]
    """Its lines in the script of a run: from `left` and `right`, codes of both ends of pairs, they set `logits`, with
    settings of the network in braces; or they return them and read weights as `self.NAME`."""
    builder: str = ""
    """Of a function that makes other Keras layers than the usual one: see :mod:`vgae_core.nn.decoders`."""
    factors: bool = True
    """Whether its logit is an inner product of two factors, so that all pairs can be ranked exactly."""
    weights: Mapping[str, Weight] = field(default_factory=dict)
    """What the formula reads, by name.  Of a decoder without factors they are kept with the run."""
    directed: bool = False
    """Whether (i, j) and (j, i) get different logits, which only a directed graph can teach."""
    settings: tuple[str, ...] = ()
    """Settings of the network that only this one uses."""
    least_latent: int = 1
    """The shortest code it can read."""
    latent_multiple: int = 1
    """Of what the length of the code must be a multiple."""


_CANDIDATES = " Rankings of all pairs score only the candidates found by a bilinear approximation."


DECODERS: dict[str, DecoderEntry] = {
    "inner_product": DecoderEntry(
        title="Inner product",
        help="z_i . z_j: codes that point the same way are linked. Nothing to learn.",
        reference="Kipf & Welling 2016, Variational Graph Auto-Encoders, arXiv:1611.07308",
        formula="vgae_core.model_parts.decoders:inner_product",
        script=("logits = ops.sum(left * right, axis=1, keepdims=True)",),
        builder="vgae_core.nn.decoders:inner_product",
    ),
    "inner_product_bias": DecoderEntry(
        title="Inner product with biases",
        help="z_i . z_j + w . z_i + w . z_j + b: a level, and a term for each node, since some have more edges.",
        reference="Koren, Bell & Volinsky 2009, Matrix Factorization Techniques, doi:10.1109/MC.2009.263",
        formula="vgae_core.model_parts.decoders:inner_product_bias",
        script=(
            "dots = ops.sum(left * right, axis=1, keepdims=True)",
            "return dots + ops.matmul(left + right, self.kernel) + self.bias",
        ),
        weights={"kernel": Weight(shape=("latent_dim", 1)), "bias": Weight(place=1)},
    ),
    "distance": DecoderEntry(
        title="Distance",
        help="b - s |z_i - z_j|^2 with learned s > 0 and b: codes that lie close are linked, wherever they lie.",
        reference="Hoff, Raftery & Handcock 2002, Latent Space Approaches, doi:10.1198/016214502388618906",
        formula="vgae_core.model_parts.decoders:distance",
        script=(
            "square = ops.sum((left - right) ** 2, axis=1, keepdims=True)",
            "return self.bias - ops.exp(self.log_scale) * square",
        ),
        weights={"scale": Weight(log=True), "bias": Weight(place=1)},
    ),
    "distmult": DecoderEntry(
        title="Diagonal bilinear (DistMult)",
        help="sum of w_k z_ik z_jk + b: a dimension can count more, less, or against an edge (unlike attracts unlike).",
        reference="Yang et al. 2015, Embedding Entities and Relations, arXiv:1412.6575",
        formula="vgae_core.model_parts.decoders:distmult",
        script=("return ops.sum(left * self.scale * right, axis=1, keepdims=True) + self.bias",),
        weights={"scale": Weight(shape=("latent_dim",), initial="ones"), "bias": Weight(place=1)},
    ),
    "hadamard_mlp": DecoderEntry(
        title="Neural network on products",
        help="One hidden layer on the products z_ik z_jk: fits more than an inner product can." + _CANDIDATES,
        reference="Wang et al. 2022, Flashlight: Scalable Link Prediction with Effective Decoders, arXiv:2209.10100",
        formula="vgae_core.model_parts.decoders:hadamard_mlp",
        script=(
            'both = keras.layers.Dense({decoder_units}, activation="relu", name="pair_hidden")(left * right)',
            'logits = keras.layers.Dense(1, name="adj_rec")(both)',
        ),
        builder="vgae_core.nn.decoders:hadamard_mlp",
        factors=False,
        settings=("decoder_units",),
        weights={
            "kernel": Weight(layer="pair_hidden", shape=("latent_dim", "decoder_units")),
            "bias": Weight(layer="pair_hidden", place=1, shape=("decoder_units",)),
            "out": Weight(layer="adj_rec", shape=("decoder_units",)),
            "offset": Weight(layer="adj_rec", place=1),
        },
    ),
    "source_target": DecoderEntry(
        title="Source and target (directed)",
        help="s_i . t_j + b: one half of a code says what the node points to, the other what points to it.",
        reference="Salha et al. 2019, arXiv:1905.09570, section 4.1",
        formula="vgae_core.model_parts.decoders:source_target",
        script=(
            "half = left.shape[-1] // 2",
            "return ops.sum(left[:, :half] * right[:, half:], axis=1, keepdims=True) + self.bias",
        ),
        directed=True,
        weights={"bias": Weight()},
        latent_multiple=2,
    ),
    "gravity": DecoderEntry(
        title="Gravity (directed)",
        help="m_j - s log |z_i - z_j|^2 + b: nearby nodes with a large mass (the last column of the code) attract arcs."
        + _CANDIDATES,
        reference="Salha et al. 2019, Gravity-Inspired Graph Autoencoders, arXiv:1905.09570",
        formula="vgae_core.model_parts.decoders:gravity",
        script=(
            "square = ops.sum((left - right)[:, :-1] ** 2, axis=1, keepdims=True)",
            "pull = ops.exp(self.log_strength) * ops.log(square + 0.01)",
            "return right[:, -1:] - pull + self.bias",
        ),
        builder="vgae_core.nn.decoders:gravity",
        directed=True,
        factors=False,
        weights={"strength": Weight(layer="adj_rec", log=True), "bias": Weight(layer="adj_rec", place=1)},
        least_latent=2,
    ),
}


def without_factors(name: str) -> DecoderEntry | None:
    """Return the entry of a decoder whose logit is no inner product of factors, None for every other name."""
    entry = DECODERS.get(name)
    return None if entry is None or entry.factors else entry
