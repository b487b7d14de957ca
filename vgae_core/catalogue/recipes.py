"""Recipes on offer for graphs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vgae_core.catalogue.base import Entry


@dataclass(frozen=True, kw_only=True)
class RecipeEntry(Entry):
    """Settings that are known to go together."""

    settings: Mapping[str, Any]
    """By dotted path; the rest of the network and of the training take their defaults."""
    features: bool | None = None
    """Whether it needs features (True), or is for data without (False)."""
    longer: int = 1
    """How many times the epochs and the patience it wants."""
    tried: bool = True
    """Whether the automatic choice tries it."""
    why: str = ""
    """Why it is recommended for the data it is for; empty where it is not."""


RECIPES: dict[str, RecipeEntry] = {
    "normalised": RecipeEntry(
        title="Normalised propagation",
        help="One linear map, one hop, inner products: fast, and strong where features are informative.",
        reference="Ahn & Kim 2021, arXiv:2108.08046",
        settings={},
        features=True,
        why="Ahead of every training-free score on all six benchmark graphs with features, and fast.",
    ),
    "masked": RecipeEntry(
        title="Masked auto-encoder",
        help="GraphSAGE with a neural decoder; in each step most edges and feature values are hidden, and it learns "
        "to recover the hidden edges. Small KL weight.",
        reference="Li et al. 2023, What's Behind the Mask, arXiv:2205.10053",
        settings={
            "model.encoder": "sage",
            "model.hidden_units": [128],
            "model.decoder": "hadamard_mlp",
            "model.batch_normalisation": True,
            "model.input_dropout": 0.7,
            "model.dropout": 0.3,
            "training.masked_edges": 0.7,
            "training.learning_rate": 0.005,
            "outputs.z_vars.weight": 0.1,
        },
        features=True,
        longer=4,
    ),
    "positions": RecipeEntry(
        title="Positions in the graph",
        help="GraphSAGE with a neural decoder on eigenvectors of the training edges and a learned embedding per node.",
        reference="Dwivedi et al. 2023, arXiv:2003.00982",
        settings={
            "model.encoder": "sage",
            "model.hidden_units": [32],
            "model.latent_dim": 32,
            "model.decoder": "hadamard_mlp",
            "model.node_input": "spectral_table",
        },
        features=False,
        why="Ahead of every training-free score on all four benchmark graphs without features.",
    ),
    "free_vectors": RecipeEntry(
        title="Learned embeddings",
        help="Normalised propagation of a learned embedding per node.",
        reference="Ahn & Kim 2021, arXiv:2108.08046",
        settings={},
        features=False,
    ),
    "kipf": RecipeEntry(
        title="As published (Kipf & Welling)",
        help="GCN with 32 hidden units, latent size 16, weighted cross-entropy over all pairs: the VGAE of the "
        "paper. Time grows with the square of the number of nodes.",
        reference="Kipf & Welling 2016, arXiv:1611.07308",
        settings={
            "model.encoder": "gcn",
            "model.hidden_units": [32],
            "model.latent_dim": 16,
            "training.supervision": "all",
            "training.keep": "last",
            "outputs.adj_rec.loss": "weighted_binary_crossentropy",
            "outputs.adj_rec.metrics": [],
            "stacking": False,
        },
        tried=False,
    ),
}
"""Recipes on offer for graphs; :func:`with_recipe` turns one into a specification."""
