"""Families of models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vgae_core.catalogue.base import Entry


@dataclass(frozen=True)
class Words:
    """The family's words."""

    node: str
    """What has a code."""
    one: str
    """What is held out."""
    many: str
    other: str
    """What it is scored against."""
    others: str
    whole: str
    """All of what a part is held out of."""

    def tested(self, number: int) -> str:
        """Return a number of held-out edges or entries in words."""
        return f"{number:,} held-out {self.one if number == 1 else self.many}"

    def tested_against(self, number: int) -> str:
        """Return a number of random non-edges or zeros in words."""
        return f"{number:,} random {self.other if number == 1 else self.others}"


@dataclass(frozen=True, kw_only=True)
class FamilyEntry(Entry):
    """A family of models: the outputs it can have and those it always has."""

    outputs: tuple[str, ...]
    always: tuple[str, ...]
    builder: str
    """``"package.module:name"`` of the function that builds its network."""
    divided_by: Literal["nodes", "columns"]
    """What the weight of the KL divergence is divided by: whatever the reconstruction losses are means over."""
    words: Words


FAMILIES: dict[str, FamilyEntry] = {
    "vgae": FamilyEntry(
        title="Graph auto-encoder (VGAE)",
        help="Codes nodes from their features and edges, and decodes edges. Needs edges.",
        reference="Kipf & Welling 2016, Variational Graph Auto-Encoders, arXiv:1611.07308",
        outputs=("adj_rec", "z_vars", "x_rec", "labels"),
        always=("adj_rec", "z_vars"),
        builder="vgae_core.nn.graph_models:build_vgae",
        divided_by="nodes",
        words=Words("node", "edge", "edges", "non-edge", "non-edges", "all edges"),
    ),
    "vae": FamilyEntry(
        title="Matrix auto-encoder (VAE)",
        help="Codes the rows of a sparse matrix (documents x words, users x items, cells x genes) and "
        "decodes them. Needs features; edges are not used.",
        reference="Kingma & Welling 2014, Auto-Encoding Variational Bayes, arXiv:1312.6114",
        outputs=("output", "z_vars", "labels"),
        always=("output", "z_vars"),
        builder="vgae_core.nn.matrix_models:build_vae",
        divided_by="columns",
        words=Words("row", "entry", "entries", "zero", "zeros", "the whole matrix"),
    ),
}
