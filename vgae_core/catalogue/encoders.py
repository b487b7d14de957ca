"""Encoders on offer.

``builder`` says what an encoder does, for Keras, which learns it, and for plain arrays, which answer for a finished run
without TensorFlow.  Pages, command line, estimates and training ask the entry for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vgae_core.catalogue.base import Entry


@dataclass(frozen=True, kw_only=True)
class EncoderEntry(Entry):
    """An encoder: how it is built, and what others must know of it."""

    lesson: str
    """What its layers do, as the script of a run says it in front of them; lines of up to 110 characters."""
    families: tuple[str, ...] = ("vgae",)
    """Families of models that look it up here."""
    builder: str
    """``"package.module:name"`` of the function, see :mod:`vgae_core.model_parts.encoders`."""
    settings: tuple[str, ...] = ()
    """Settings of the network that only some encoders use, and this one does."""
    propagation: Literal["symmetric", "mean"] = "symmetric"
    """How messages are weighted (:mod:`vgae_core.data.propagation`)."""
    once: Literal["never", "rows", "scaled_rows"] = "never"
    """What messages carry that pass once, before training: rows of the features as they are, or scaled to one length.
    Never where something is learnt before they pass."""
    bias: bool = False
    """Whether its maps add one."""
    maps: int = 1
    """Maps per layer, side by side."""
    least_hidden: int = 0
    """Hidden layers it has at least; one that no setting asks for is as wide as the code."""
    sends_hidden: bool = True
    """Whether messages pass between hidden layers too, and not only after the last."""

    def widths(self, hidden_units: tuple[int, ...], latent_dim: int) -> tuple[int, ...]:
        """Return the units of its hidden layers."""
        hidden = hidden_units if "hidden_units" in self.settings else ()
        return hidden or (latent_dim,) * self.least_hidden


HIDDEN = ("hidden_units", "dropout", "batch_normalisation")
"""Settings of encoders that have hidden layers."""


ENCODERS: dict[str, EncoderEntry] = {
    "normalised": EncoderEntry(
        title="Normalised propagation",
        help="A linear map with rows scaled to the same length, then one hop over the graph. "
        "The strongest simple choice for link prediction; hidden layers are not used.",
        reference="Ahn & Kim 2021, Variational Graph Normalized AutoEncoders, arXiv:2108.08046",
        builder="vgae_core.model_parts.encoders:normalised",
        lesson="One map with rows scaled to the same length, then one hop: codes of nodes with few edges do not "
        "shrink to 0.",
        once="scaled_rows",
        bias=True,
    ),
    "gcn": EncoderEntry(
        title="Graph convolution (GCN)",
        help="relu(A X W) for each hidden layer, then A H W: the encoder of the VGAE paper.",
        reference="Kipf & Welling 2017, arXiv:1609.02907",
        builder="vgae_core.model_parts.encoders:gcn",
        lesson="Graph convolutions: map the numbers of each node, then take the weighted sum over its neighbours.\n"
        "The last one gives the distribution of the code of each node.",
        least_hidden=1,
        settings=HIDDEN,
    ),
    "linear": EncoderEntry(
        title="Linear, one hop",
        help="A X W and nothing else. Often as good as a GCN, and faster.",
        reference="Salha et al. 2020, Simple and Effective Graph Autoencoders with One-Hop Linear Models, "
        "arXiv:2001.07614",
        builder="vgae_core.model_parts.encoders:linear",
        lesson="One map and one hop: no hidden layer, and often as good.",
        once="rows",
    ),
    "sgc": EncoderEntry(
        title="Linear, several hops (SGC)",
        help="A^k X W: k hops, no hidden layers.",
        reference="Wu et al. 2019, Simplifying Graph Convolutional Networks, arXiv:1902.07153",
        builder="vgae_core.model_parts.encoders:sgc",
        lesson="One map, then several hops without anything between them.",
        once="rows",
        settings=("hops",),
    ),
    "appnp": EncoderEntry(
        title="Personalised PageRank (APPNP)",
        help="Dense layers, then k hops z = (1 - a) A z + a h that return to the start h with the teleport share a: "
        "far hops without losing the node itself.",
        reference="Gasteiger et al. 2019, Predict then Propagate, arXiv:1810.05997",
        builder="vgae_core.model_parts.encoders:appnp",
        lesson="First dense layers, node by node; then hops, each of which returns part of the way to the start.",
        bias=True,
        sends_hidden=False,
        settings=(*HIDDEN, "hops", "teleport"),
    ),
    "sage": EncoderEntry(
        title="Own and neighbours' mean (GraphSAGE)",
        help="relu(X W + M X V) for each hidden layer, then the same without relu; M is the mean over the neighbours, "
        "so a node's own row has weights of its own.",
        reference="Hamilton et al. 2017, Inductive Representation Learning on Large Graphs, arXiv:1706.02216",
        builder="vgae_core.model_parts.encoders:sage",
        lesson="GraphSAGE: each node adds a map of its own numbers and a map of the mean of its neighbours' numbers.",
        bias=True,
        maps=2,
        settings=HIDDEN,
        propagation="mean",
    ),
    "dense": EncoderEntry(
        title="Dense layers",
        help="relu(X W) for each hidden layer; the decoder mirrors them. Counts enter as log(1 + x), rows of a "
        "multinomial scaled to length 1.",
        reference="Kingma & Welling 2014, arXiv:1312.6114, appendix C",
        builder="vgae_core.model_parts.encoders:dense",
        lesson="Dense layers; the first multiplies a sparse matrix, so empty cells cost nothing.",
        families=("vae",),
        bias=True,
        settings=HIDDEN,
    ),
}
