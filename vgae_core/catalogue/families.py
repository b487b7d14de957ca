"""Families of models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

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
    data: str
    """What all of them make up."""
    end: str
    """What a pair ends at: another node, or a column."""
    proposal: str
    """What the model proposes."""
    proposals: str
    proposed: str
    """Title of a list of them."""
    missing: str
    """The same, where it is said that the data lack them."""
    likeliest: str
    """Title of those of one node, before its name."""
    fresh: str
    """The same, short."""
    pairs: str
    """Every two things that a proposal could join, of which few are joined."""
    watch: tuple[str, str]
    """What asks for the two ends of the pair that is watched."""
    put: str
    """The verb with which an edge is made."""
    take: str
    """The verb with which one is ended."""
    measures: str = ""
    """What there is to say of the measures that only its table of methods has."""

    @property
    def ends(self) -> str:
        """What a pair joins."""
        return f"two {self.node}s" if self.node == self.end else f"a {self.node} and a {self.end}"

    @property
    def members(self) -> str:
        """What either end of a pair is."""
        return f"{self.node}s" if self.node == self.end else f"{self.node}s or {self.end}s"

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
    table: str
    """The output that gives features back."""
    links_nodes: bool = True
    """Whether a pair joins two nodes with codes, which then have neighbours; else its other end is a column."""
    builder: str
    """``"package.module:name"`` of the function that builds its network."""
    estimate: str
    """The same of the function that estimates what a run costs."""
    answers: str
    """The same of the class that answers by a finished run: see :func:`vgae_core.runs.views.answers.answers_of`."""
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Settings of a new specification, by section, where they are not those of the fields."""
    recipes: bool = True
    """Whether recipes can be chosen for it, by hand or automatically."""
    needs: Literal["edges", "features"]
    """What the data must have; features alone are a matrix."""
    refused: str = ""
    """Why data without what it needs have no such model."""
    divided_by: Literal["nodes", "columns"]
    """What the weight of the KL divergence is divided by: whatever the reconstruction losses are means over."""
    words: Words


FAMILIES: dict[str, FamilyEntry] = {
    "vgae": FamilyEntry(
        title="Graph auto-encoder (VGAE)",
        help="Encodes nodes from their features and edges, and decodes edges. Needs edges.",
        reference="Kipf & Welling 2016, Variational Graph Auto-Encoders, arXiv:1611.07308",
        outputs=("adj_rec", "z_vars", "x_rec", "labels"),
        always=("adj_rec", "z_vars"),
        table="x_rec",
        needs="edges",
        builder="vgae_core.nn.graph_models:build_vgae",
        estimate="vgae_core.nn.budget:estimate_graph",
        answers="vgae_core.runs.views.answers:Answers",
        refused="The data are a matrix of rows x columns: there are no edges to decode.",
        divided_by="nodes",
        words=Words(
            node="node",
            one="edge",
            many="edges",
            other="non-edge",
            others="non-edges",
            whole="all edges",
            data="graph",
            end="node",
            proposal="link",
            proposals="links",
            proposed="Predicted links",
            missing="Links that may be missing",
            likeliest="Likeliest new links of",
            fresh="New links",
            pairs="pairs",
            watch=("Watch the links of", "and the pair with"),
            put="Add",
            take="Drop",
        ),
    ),
    "vae": FamilyEntry(
        title="Matrix auto-encoder (VAE)",
        help="Encodes the rows of a sparse matrix (documents x words, users x items, cells x genes) and "
        "decodes them. Needs features; edges are not used.",
        reference="Kingma & Welling 2014, Auto-Encoding Variational Bayes, arXiv:1312.6114",
        outputs=("output", "z_vars", "labels"),
        always=("output", "z_vars"),
        table="output",
        links_nodes=False,
        builder="vgae_core.nn.matrix_models:build_vae",
        estimate="vgae_core.nn.budget:estimate_rows",
        answers="vgae_core.runs.views.row_answers:RowAnswers",
        defaults={
            "model": {"hidden_units": [128], "latent_dim": 32},
            "training": {"batch_size": 256, "epochs": 100, "patience": 20, "learning_rate": 0.003},
        },
        recipes=False,
        needs="features",
        refused="The data are a graph without features: there is no matrix to encode.",
        divided_by="columns",
        words=Words(
            node="row",
            one="entry",
            many="entries",
            other="zero",
            others="zeros",
            whole="the whole matrix",
            data="matrix",
            end="column",
            proposal="entry",
            proposals="entries",
            proposed="Recommended entries",
            missing="Entries the matrix may lack",
            likeliest="Recommended to",
            fresh="Recommended",
            pairs="cells",
            watch=("Watch row", "and column"),
            put="Set",
            take="Clear",
            measures="Recall and NDCG rank all columns of a row that it did not show.",
        ),
    ),
}
