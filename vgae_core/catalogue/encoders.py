"""Encoders on offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vgae_core.catalogue.base import Entry


@dataclass(frozen=True, kw_only=True)
class EncoderEntry(Entry):
    """An encoder and the families of models it serves."""

    families: tuple[str, ...]
    settings: tuple[str, ...] = ()
    """Settings of the network that only some encoders use, and this one does."""
    propagation: Literal["symmetric", "mean"] = "symmetric"
    """How messages are weighted (:mod:`vgae_core.data.propagation`)."""
    once: bool = False
    """Whether messages can pass before training, since nothing is learnt before them."""


HIDDEN = ("hidden_units", "dropout", "batch_normalisation")
"""Settings of encoders that have hidden layers."""


ENCODERS: dict[str, EncoderEntry] = {
    "normalised": EncoderEntry(
        families=("vgae",),
        once=True,
        title="Normalised propagation",
        help="A linear map whose rows are scaled to one length, then one hop over the graph. "
        "The strongest simple choice for link prediction; hidden layers are not used.",
        reference="Ahn & Kim 2021, Variational Graph Normalized AutoEncoders, arXiv:2108.08046",
    ),
    "gcn": EncoderEntry(
        families=("vgae",),
        title="Graph convolution (GCN)",
        help="relu(A X W) for each hidden layer, then A H W: the encoder of the VGAE paper.",
        reference="Kipf & Welling 2017, arXiv:1609.02907",
        settings=HIDDEN,
    ),
    "linear": EncoderEntry(
        families=("vgae",),
        once=True,
        title="Linear, one hop",
        help="A X W and nothing else. Often as good as a GCN, and faster.",
        reference="Salha et al. 2020, Simple and Effective Graph Autoencoders with One-Hop Linear Models, "
        "arXiv:2001.07614",
    ),
    "sgc": EncoderEntry(
        families=("vgae",),
        once=True,
        title="Linear, several hops (SGC)",
        help="A^k X W: as far as k hops, without hidden layers.",
        reference="Wu et al. 2019, Simplifying Graph Convolutional Networks, arXiv:1902.07153",
        settings=("hops",),
    ),
    "appnp": EncoderEntry(
        families=("vgae",),
        title="Personalised PageRank (APPNP)",
        help="Dense layers, then k hops z = (1 - a) A z + a h that return to the start h with the teleport share a: "
        "far hops without losing the node itself.",
        reference="Gasteiger et al. 2019, Predict then Propagate, arXiv:1810.05997",
        settings=(*HIDDEN, "hops", "teleport"),
    ),
    "sage": EncoderEntry(
        families=("vgae",),
        title="Own and neighbours' mean (GraphSAGE)",
        help="relu(X W + M X V) for each hidden layer, then the same without relu; M is the mean over the neighbours, "
        "so a node's own row has weights of its own.",
        reference="Hamilton et al. 2017, Inductive Representation Learning on Large Graphs, arXiv:1706.02216",
        settings=HIDDEN,
        propagation="mean",
    ),
    "dense": EncoderEntry(
        families=("vae",),
        title="Dense layers",
        help="relu(X W) for each hidden layer; the decoder mirrors them. Counts enter as log(1 + x), rows of a "
        "multinomial scaled to length 1.",
        reference="Kingma & Welling 2014, arXiv:1312.6114, appendix C",
        settings=HIDDEN,
    ),
}
