"""Families of models."""

from __future__ import annotations

from dataclasses import dataclass

from vgae_core.catalogue.base import Entry


@dataclass(frozen=True, kw_only=True)
class FamilyEntry(Entry):
    """A family of models: the outputs it can have and those it always has."""

    outputs: tuple[str, ...]
    always: tuple[str, ...]


FAMILIES: dict[str, FamilyEntry] = {
    "vgae": FamilyEntry(
        title="Graph auto-encoder (VGAE)",
        help="Codes nodes from their features and edges, and decodes edges. Needs edges.",
        reference="Kipf & Welling 2016, Variational Graph Auto-Encoders, arXiv:1611.07308",
        outputs=("adj_rec", "z_vars", "x_rec", "labels"),
        always=("adj_rec", "z_vars"),
    ),
    "vae": FamilyEntry(
        title="Matrix auto-encoder (VAE)",
        help="Codes the rows of a sparse matrix (documents x words, users x items, cells x genes) and "
        "decodes them. Needs features; edges are not used.",
        reference="Kingma & Welling 2014, Auto-Encoding Variational Bayes, arXiv:1312.6114",
        outputs=("output", "z_vars", "labels"),
        always=("output", "z_vars"),
    ),
}
