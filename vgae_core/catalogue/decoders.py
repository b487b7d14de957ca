"""Decoders of pairs on offer."""

from __future__ import annotations

from dataclasses import dataclass

from vgae_core.catalogue.base import Entry


@dataclass(frozen=True, kw_only=True)
class DecoderEntry(Entry):
    """A decoder of pairs of nodes."""

    directed: bool = False
    """Whether (i, j) and (j, i) get different logits, which only a directed graph can teach."""
    factors: bool = True
    """Whether its logit is an inner product of two factors, so that all pairs can be ranked exactly."""
    settings: tuple[str, ...] = ()
    """Settings of the network that only this one uses."""


_CANDIDATES = " It has no factors: of all pairs it ranks the candidates that a bilinear approximation finds."


DECODERS: dict[str, DecoderEntry] = {
    "inner_product": DecoderEntry(
        title="Inner product",
        help="z_i . z_j: codes that point the same way are joined. Nothing to learn.",
        reference="Kipf & Welling 2016, Variational Graph Auto-Encoders, arXiv:1611.07308",
    ),
    "inner_product_bias": DecoderEntry(
        title="Inner product with biases",
        help="z_i . z_j + w . z_i + w . z_j + b: a level, and a term for each node, since some have more edges.",
        reference="Koren, Bell & Volinsky 2009, Matrix Factorization Techniques, doi:10.1109/MC.2009.263",
    ),
    "distance": DecoderEntry(
        title="Distance",
        help="b - s |z_i - z_j|^2 with learned s > 0 and b: codes that lie close are joined, wherever they lie.",
        reference="Hoff, Raftery & Handcock 2002, Latent Space Approaches, doi:10.1198/016214502388618906",
    ),
    "distmult": DecoderEntry(
        title="Diagonal bilinear (DistMult)",
        help="sum of w_k z_ik z_jk + b: a dimension can count more, less, or against an edge (unlike attracts unlike).",
        reference="Yang et al. 2015, Embedding Entities and Relations, arXiv:1412.6575",
    ),
    "hadamard_mlp": DecoderEntry(
        title="Neural network on products",
        help="One hidden layer on the products z_ik z_jk: fits more than an inner product can." + _CANDIDATES,
        reference="Wang et al. 2022, Flashlight: Scalable Link Prediction with Effective Decoders, arXiv:2209.10100",
        factors=False,
        settings=("decoder_units",),
    ),
    "source_target": DecoderEntry(
        title="Source and target (directed)",
        help="s_i . t_j + b: one half of a code says what the node points to, the other what points to it.",
        reference="Salha et al. 2019, arXiv:1905.09570, section 4.1",
        directed=True,
    ),
    "gravity": DecoderEntry(
        title="Gravity (directed)",
        help="m_j - s log |z_i - z_j|^2 + b: near nodes of great mass, the last column of the code, attract arcs."
        + _CANDIDATES,
        reference="Salha et al. 2019, Gravity-Inspired Graph Autoencoders, arXiv:1905.09570",
        directed=True,
        factors=False,
    ),
}
