"""The specification of a run: every setting, its default, its bounds and its help.

This module is the one place where a default, a bound, a choice or a help text
lives.  Pages, command line and documentation read them from here through
:func:`settings`.  Standard library only.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from vgae_core.catalogue import LOSSES as LOSSES
from vgae_core.catalogue import MATRIX_KINDS as MATRIX_KINDS
from vgae_core.catalogue import METRICS as METRICS
from vgae_core.catalogue import OUTPUTS as OUTPUTS
from vgae_core.catalogue import Entry, identify, learns_weights
from vgae_core.catalogue import Identifier as Identifier
from vgae_core.catalogue import ObjectiveEntry as ObjectiveEntry
from vgae_core.catalogue import nearest as nearest
from vgae_core.errors import SpecError
from vgae_core.settings.fields import Section, field_of, hints_of
from vgae_core.settings.fields import Setting as Setting


# ------------------------------------------------------------------ catalogues
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


@dataclass(frozen=True, kw_only=True)
class DecoderEntry(Entry):
    """A decoder of pairs of nodes."""

    directed: bool = False
    """Whether (i, j) and (j, i) get different logits, which only a directed graph can teach."""
    factors: bool = True
    """Whether its logit is an inner product of two factors, so that all pairs can be ranked exactly."""
    settings: tuple[str, ...] = ()
    """Settings of the network that only this one uses."""


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

NODE_INPUTS: dict[str, Entry] = {
    "table": Entry(
        title="A free vector each",
        help="Learnt for every node, as if the features were the identity matrix. Nodes that come later have none.",
    ),
    "random": Entry(
        title="Random numbers",
        help="Fixed normal numbers: enough to tell nodes apart, far fewer to learn.",
        reference="Sato et al. 2021, Random Features Strengthen Graph Neural Networks, arXiv:2002.03155",
    ),
    "spectral": Entry(
        title="Positions (spectral)",
        help="Leading eigenvectors of the normalised training edges, and the degree: where a node lies in the graph.",
        reference="Dwivedi et al. 2023, Benchmarking Graph Neural Networks, arXiv:2003.00982",
    ),
    "spectral_table": Entry(
        title="Positions and a free vector each",
        help="Both together: the best of these on the graphs measured. Nodes that come later have no free vector.",
        reference="Dwivedi et al. 2023, Benchmarking Graph Neural Networks, arXiv:2003.00982",
    ),
}
"""What an encoder is given of nodes without features."""


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


RECIPES: dict[str, RecipeEntry] = {
    "normalised": RecipeEntry(
        title="Normalised propagation",
        help="One learnt map, one hop, inner products: quick, and strong where features say much.",
        reference="Ahn & Kim 2021, arXiv:2108.08046",
        settings={},
        features=True,
    ),
    "masked": RecipeEntry(
        title="Masked auto-encoder",
        help="GraphSAGE with a neural decoder; most edges and feature values are hidden from it in each step, and the "
        "hidden edges are what it has to find. A small KL weight.",
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
        help="GraphSAGE with a neural decoder on eigenvectors of the training edges and a free vector for each node.",
        reference="Dwivedi et al. 2023, arXiv:2003.00982",
        settings={
            "model.encoder": "sage",
            "model.hidden_units": [32],
            "model.latent_dim": 32,
            "model.decoder": "hadamard_mlp",
            "model.node_input": "spectral_table",
        },
        features=False,
    ),
    "free_vectors": RecipeEntry(
        title="A free vector each",
        help="Normalised propagation of a learnt vector for each node.",
        reference="Ahn & Kim 2021, arXiv:2108.08046",
        settings={},
        features=False,
    ),
    "kipf": RecipeEntry(
        title="As published (Kipf & Welling)",
        help="GCN with 32 hidden units, latent size 16, cross-entropy over all pairs, weighted: the VGAE of the paper. "
        "Time grows with the square of the nodes.",
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

USES: dict[str, Entry] = {
    "edges": Entry(title="Adjacency", help="The square matrix of edges."),
    "source": Entry(title="Source", help="The node an edge leaves."),
    "target": Entry(title="Target", help="The node an edge reaches."),
    "weight": Entry(title="Weight", help="The weight of an edge."),
    "relation": Entry(title="Relation", help="The kind of an edge."),
    "time": Entry(title="Time", help="When an edge was seen; set aside."),
    "id": Entry(title="Node id", help="The node a row is about."),
    "name": Entry(title="Node name", help="What the node is called."),
    "features": Entry(title="Feature", help="A number a node, or the matrix of all of them."),
    "feature_name": Entry(title="Feature name", help="Lists of node, feature and value: which feature."),
    "feature_value": Entry(title="Feature value", help="Lists of node, feature and value: how much."),
    "label": Entry(title="Label", help="The class of a node."),
    "value": Entry(title="Value", help="A number a node, for colouring only."),
    "ignore": Entry(title="Not used", help="Left out."),
}
"""What a part of a file (a column, a variable, an attribute) may be used for."""


# ------------------------------------------------------------------------ sections
@dataclass(frozen=True, kw_only=True)
class RepairSpec(Section):
    """What is done to a graph as read before anything is learnt; never silently."""

    direction: Literal["undirected", "directed"] = field_of(
        "undirected",
        "Undirected joins both directions of every edge (symmetrise); directed keeps arcs.",
        title="Direction",
    )
    self_loops: Literal["drop", "keep"] = field_of(
        "drop", "Edges from a node to itself carry no information for link prediction.", title="Self-loops"
    )
    duplicates: Literal["sum", "max", "first"] = field_of(
        "sum", "How the weights of repeated edges are merged.", title="Merge duplicates by"
    )
    component: Literal["all", "largest"] = field_of(
        "all", "Keep every node, or only the largest connected component.", title="Components"
    )
    weights: Literal["keep", "ignore"] = field_of(
        "keep", "Keep edge weights for message passing, or treat every edge as 1.", title="Weights"
    )
    relations: tuple[str, ...] = field_of(
        (), "Keep only edges of these kinds; empty keeps all.", title="Only these relations"
    )
    missing_weights: Literal["one", "drop"] = field_of(
        "one", "Edges without a known weight: weigh 1, or drop them.", title="Missing weights"
    )
    missing: Literal["mean", "zero", "drop"] = field_of(
        "mean",
        "Missing feature values: the column's mean, 0, or drop the columns that have some.",
        title="Missing values",
    )
    missing_indicator: bool = field_of(
        False, "Add a 0/1 column for each column with missing values.", title="Mark missing values"
    )


@dataclass(frozen=True, kw_only=True)
class FileSpec(Section):
    """How one file is read: what its content does not tell, or tells wrong.

    A file has parts (columns of a table, variables of a container) and each part one use;
    parts that are not mentioned take the use that the reader proposes.
    """

    name: str = field_of("", "The file's name, or that of a member of an archive.", title="File")
    role: Literal["auto", "edges", "features", "labels", "names", "ignore"] = field_of(
        "auto", "What the file holds.", title="Holds"
    )
    encoding: Literal["auto", "utf-8", "utf-16", "cp1252", "latin-1"] = field_of(
        "auto", "Character encoding of a text.", title="Encoding",
        labels={"utf-8": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252", "latin-1": "Latin-1"},
    )  # fmt: skip
    separator: Literal["auto", "comma", "tab", "semicolon", "space", "bar", "colons"] = field_of(
        "auto", "Column delimiter of a text.", title="Delimiter"
    )
    decimal: Literal["auto", "point", "comma"] = field_of(
        "auto", "Decimal mark of the numbers in a text.", title="Decimal mark"
    )
    header: Literal["auto", "yes", "no"] = field_of(
        "auto", "Whether the first row of a text contains column names.", title="Header row"
    )
    sides: Literal["auto", "one", "two"] = field_of(
        "auto",
        "Whether both ends of an edge are nodes of one set, or of two sets that share no node (users and items). Of "
        "two sets only pairs of one node from each are trained on, scored and ranked.",
        title="Sets of nodes",
        labels={"one": "One set", "two": "Two sets"},
    )
    first_row: Literal["auto", "0", "1"] = field_of(
        "auto", "The node of the first row, where rows are not named.", title="First row is node"
    )
    uses: Mapping[str, str] = field_of(
        dict, "Name of a part (a column without a name is called by its number, from 1) to its use.",
        title="Uses", catalogue=USES,
    )  # fmt: skip

    def replace(self, key: str, value: str) -> FileSpec:
        """Return a copy with one setting changed, named as the command line does: ``header``, ``uses.PART``.

        Raises
        ------
        SpecError
            If there is no such setting, or the value is none of its choices.
        """
        values = self.to_dict()
        if key.startswith("uses."):
            values["uses"] = {**self.uses, key.removeprefix("uses."): value}
        else:
            values[key] = value
        return FileSpec.from_dict(values)


@dataclass(frozen=True, kw_only=True)
class DatasetSpec(Section):
    """Which data, and what is done to it before training."""

    source: str = field_of(
        "sample:import-graph", "`sample:NAME`, or `upload:FINGERPRINT` of a stored data set.", title="Source"
    )
    name: str = field_of("Python import graph", "The name shown in lists.", title="Name")
    files: tuple[FileSpec, ...] = field_of((), "How each file is read; empty for a sample.", title="Files")
    repairs: RepairSpec = field_of(RepairSpec, "What is done to the graph as read.", title="Repairs")


@dataclass(frozen=True, kw_only=True)
class OutputSpec(Section):
    """One named output of the model: its loss, its weight and its metrics."""

    name: str = field_of(
        "adj_rec", "The output's name in the Keras model.", title="Output", catalogue=OUTPUTS
    )
    enabled: bool = field_of(True, "Whether the model has this output.", title="On")
    loss: Identifier = field_of("binary_crossentropy", "The loss of this output.", title="Loss")
    weight: float = field_of(
        1.0,
        "Factor of this output's loss in the total. For the KL term 1 is the evidence lower bound: the mean KL "
        "of a row is divided by the number of nodes (VGAE) or of columns (VAE), as the other losses are.",
        title="Weight",
        low=0.0,
        high=1e6,
    )
    metrics: tuple[Identifier, ...] = field_of((), "Metrics logged during training.", title="Metrics")

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            object.__setattr__(self, "loss", identify("loss", self.loss))
            object.__setattr__(self, "metrics", tuple(identify("metric", m) for m in self.metrics))
        except SpecError as error:
            where = f"outputs.{self.name}" + (f", {error.where}" if error.where else "")
            raise SpecError(error.message, where=where, mend=error.mend) from error


@dataclass(frozen=True, kw_only=True)
class ModelSpec(Section):
    """The network."""

    family: str = field_of("vgae", "What is coded, and from what.", title="Family", catalogue=FAMILIES)
    encoder: str = field_of(
        "normalised", "How node features and edges become a latent code.", title="Encoder", catalogue=ENCODERS
    )
    hidden_units: tuple[int, ...] = field_of(
        (32,),
        "Width of each hidden layer, where the encoder has some.",
        title="Hidden units",
        low=1,
        high=4096,
    )
    latent_dim: int = field_of(
        64, "Length of the latent code.", title="Latent size", low=1, high=1024, step=1
    )
    input_dropout: float = field_of(
        0.0,
        "Share of the input's entries dropped in each training step.",
        title="Input dropout",
        low=0.0,
        high=0.95,
        step=0.05,
    )
    dropout: float = field_of(
        0.0,
        "Share of the hidden layers' units dropped in each training step.",
        title="Dropout",
        low=0.0,
        high=0.95,
        step=0.05,
    )
    batch_normalisation: bool = field_of(
        False,
        "Scale each hidden unit to mean 0 and variance 1 over the rows of a step, before relu.",
        title="Batch normalisation",
    )
    hops: int = field_of(
        3,
        "How far messages travel (SGC and APPNP encoders).",
        title="Hops",
        low=1,
        high=50,
        step=1,
        families=("vgae",),
    )
    teleport: float = field_of(
        0.1,
        "Share of a node's own start in every hop (APPNP encoder).",
        title="Teleport share",
        low=0.0,
        high=1.0,
        step=0.05,
        families=("vgae",),
    )
    node_input: str = field_of(
        "table",
        "What the encoder is given of each node where the data have no features.",
        title="Input without features",
        catalogue=NODE_INPUTS,
        families=("vgae",),
    )
    input_dim: int = field_of(
        64,
        "Columns of random numbers or eigenvectors, where these stand in for features.",
        title="Input columns",
        low=1,
        high=1024,
        step=1,
        families=("vgae",),
    )
    decoder: str = field_of(
        "inner_product",
        "How two latent codes become the logit of an edge.",
        title="Decoder",
        catalogue=DECODERS,
        families=("vgae",),
    )
    decoder_units: int = field_of(
        64,
        "Width of the hidden layer of the neural-network decoder.",
        title="Decoder units",
        low=1,
        high=4096,
        step=1,
        families=("vgae",),
    )
    sparse_input: bool = field_of(
        True,
        "VAE: feed rows as a sparse tensor (`keras.Input(sparse=True)`). Off, a generator makes one batch at a time "
        "dense, for models that take no sparse input.",
        title="Sparse input",
        families=("vae",),
    )
    variational: bool = field_of(
        True,
        "Sample the latent code (VGAE); off trains a plain auto-encoder on the mean (GAE).",
        title="Variational",
    )

    def unused(self) -> set[str]:
        """Return the names of the settings that the chosen encoder and decoder do not use."""
        chosen = {*ENCODERS[self.encoder].settings, *DECODERS[self.decoder].settings}
        entries: tuple[EncoderEntry | DecoderEntry, ...] = (*ENCODERS.values(), *DECODERS.values())
        return {name for entry in entries for name in entry.settings} - chosen


@dataclass(frozen=True, kw_only=True)
class SplitSpec(Section):
    """Which edges are held out. Made before anything sees the graph."""

    val_fraction: float = field_of(
        0.05,
        "Share of edges held out to choose the best epoch.",
        title="Validation edges",
        wording={"vae": ("Validation entries", "Share of entries held out to choose the best epoch.")},
        low=0.0,
        high=0.4,
        step=0.01,
    )
    test_fraction: float = field_of(
        0.10,
        "Share of edges held out, scored once at the end.",
        title="Test edges",
        wording={"vae": ("Test entries", "Share of entries held out, scored once at the end.")},
        low=0.01,
        high=0.5,
        step=0.01,
    )


@dataclass(frozen=True, kw_only=True)
class TrainingSpec(Section):
    """How the model learns."""

    epochs: int = field_of(
        200,
        "Passes over the training edges at most.",
        title="Epochs",
        wording={"vae": ("Epochs", "Passes over the rows at most.")},
        low=1,
        high=100_000,
        step=10,
    )
    learning_rate: float = field_of(
        0.01, "Step size of the Adam optimiser.", title="Learning rate", low=1e-6, high=1.0
    )
    batch_size: int = field_of(
        0,
        "VGAE: positive pairs a step; each comes with its negatives, and every step passes messages over the "
        "full training graph. VAE: rows a step. 0 takes all in one step.",
        title="Batch size",
        low=0,
        high=100_000_000,
        step=1024,
    )
    supervision: Literal["sampled", "all"] = field_of(
        "sampled",
        "Pairs the adjacency loss scores in a step: the training edges with random non-edges, or all pairs of nodes "
        "(exact, as Kipf & Welling; time grows with the square of the nodes, memory does not). All pairs take "
        "cross-entropy, plain or weighted, the inner product as decoder, no metrics, and no two-sided graph.",
        title="Supervision",
        families=("vgae",),
    )
    negatives: Literal["uniform", "degree", "hard"] = field_of(
        "uniform",
        "How the random pairs are drawn: uniformly; both ends by their degree (to the power of 0.75); or hard, from a "
        "node by its degree to one at the end of a walk of two steps (three in a two-sided graph, to the other side).",
        title="Negatives",
        families=("vgae",),
    )
    negatives_per_positive: int = field_of(
        1,
        "Random non-edges drawn for each edge, anew in each epoch.",
        title="Negatives an edge",
        families=("vgae",),
        low=1,
        high=50,
        step=1,
    )
    masked_edges: float = field_of(
        0.0,
        "Share of the training edges hidden from the encoder in each step, drawn anew; only these are then scored, so "
        "that the model learns to find edges it has not seen (masked graph auto-encoder). It wants more epochs.",
        title="Masked edges",
        families=("vgae",),
        low=0.0,
        high=0.95,
        step=0.05,
    )
    propagation: Literal["every_step", "once"] = field_of(
        "every_step",
        "When messages pass: in every step, over the whole graph in memory; or once before training, into a temporary "
        "file, from which a step takes the rows of its pairs' nodes. Once is for features or codes that exceed memory: "
        "memory then grows with the edges and the batch alone. It takes the encoders whose only map can follow the "
        "hops (linear, SGC, and normalised, which then scales the rows of the features and not those of their map), "
        "the outputs adj_rec and z_vars, and is meant with a batch size.",
        title="Propagation",
        families=("vgae",),
    )
    patience: int = field_of(
        50,
        "Epochs without a better validation score before training stops early; 0 never stops early.",
        title="Early stopping patience",
        low=0,
        high=100_000,
        step=5,
    )
    keep: Literal["best", "last"] = field_of(
        "best",
        "The weights that are kept: those of the epoch that finds the validation edges best, or those of the last "
        "epoch, in which case training never stops early.",
        title="Epoch kept",
        labels={"best": "Best", "last": "Last"},
        wording={
            "vae": (
                "Epoch kept",
                "The weights that are kept: those of the epoch that finds the validation entries best, or those of the "
                "last epoch, in which case training never stops early.",
            )
        },
    )
    kl_warmup_epochs: int = field_of(
        0,
        "Epochs over which the KL weight rises linearly from 0.",
        title="KL warm-up epochs",
        low=0,
        high=100_000,
        step=5,
    )

    def unused(self) -> set[str]:
        """Return the names of the settings that the others leave without effect."""
        drawn = {"batch_size", "negatives", "negatives_per_positive"} if self.supervision == "all" else set()
        return drawn | ({"patience"} if self.keep == "last" else set())


_BEFORE: dict[str, Any] = {"scaling": "none"}
"""Settings that came later, with what runs did before: a stored run that does not name them must give its numbers."""


def _default_outputs() -> tuple[OutputSpec, ...]:
    return (
        OutputSpec(name="adj_rec", loss="binary_crossentropy", metrics=("accuracy",)),
        OutputSpec(name="z_vars", loss="kl_normal", metrics=()),
    )


@dataclass(frozen=True, kw_only=True)
class RunSpec(Section):
    """Everything that determines a run: same specification, data and machine, same metrics."""

    dataset: DatasetSpec = field_of(DatasetSpec, "The data.", title="Data")
    model: ModelSpec = field_of(ModelSpec, "The network.", title="Model")
    recipe: Literal["own", "auto"] = field_of(
        "own",
        "`own` trains with the settings of network and training as they stand. `auto` (graphs only) puts recipes in "
        "their place: each that fits the data is trained, and the one that finds the validation edges best is kept. "
        "Epochs and patience are multiplied by what a recipe wants.",
        title="Settings",
        labels={"own": "Own", "auto": "Automatic"},
        families=("vgae",),
    )
    stacking: bool = field_of(
        True,
        "After training, a logistic regression on the validation edges joins the network's score of a pair with "
        "scores that need no training: neighbours in common, degrees, likeness of features. Used where it finds "
        "validation edges better than the network alone, which takes 50 of them; the network's own scores stay "
        "beside it. (Ghasemian et al. 2020, arXiv:1909.07578)",
        title="Stacking",
        families=("vgae",),
    )
    scaling: Literal["by_kind", "none"] = field_of(
        "by_kind",
        "How feature columns enter the network. By kind: zeros and ones, and counts, stay as they are; any other "
        "column is scaled to mean 0 and standard deviation 1, or, if more than half of it is zeros, divided by the "
        "size of its other values where these are very large or very small, so that zeros stay zeros. Columns of a "
        "matrix are only ever divided, under losses of values such as the squared error. Expected values and exports "
        "are in the columns' own units either way.",
        title="Feature scaling",
        labels={"by_kind": "By kind of column", "none": "None"},
    )
    outputs: tuple[OutputSpec, ...] = field_of(
        _default_outputs, "The model's named outputs.", title="Outputs"
    )
    split: SplitSpec = field_of(SplitSpec, "The held-out edges.", title="Split")
    training: TrainingSpec = field_of(TrainingSpec, "The training.", title="Training")
    seed: int = field_of(
        0, "Fixes split, initial weights, sampling and dropout.", title="Seed", low=0, high=2**31 - 1, step=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        names = [o.name for o in self.outputs]
        if len(set(names)) != len(names):
            raise SpecError(f"Each output may be listed once. Received: {', '.join(names)}.", where="outputs")
        family = FAMILIES[self.model.family]
        strange = [name for name in names if name not in family.outputs]
        if strange:
            raise SpecError(
                f"Output `{strange[0]}` is not one of a {self.model.family} model.",
                where="outputs",
                mend=f"It can have: {', '.join(family.outputs)}.",
            )
        if self.model.family not in ENCODERS[self.model.encoder].families:
            fitting = [name for name, entry in ENCODERS.items() if self.model.family in entry.families]
            raise SpecError(
                f"Encoder `{self.model.encoder}` is not one of a {self.model.family} model.",
                where="model.encoder",
                mend=f"Choose one of: {', '.join(fitting)}.",
            )
        training = self.training
        if training.masked_edges and (training.supervision == "all" or training.propagation == "once"):
            key = "supervision" if training.supervision == "all" else "propagation"
            raise SpecError(
                f"Edges cannot be masked with {key} `{getattr(training, key)}`.",
                where="training.masked_edges",
                mend=f"Set it to 0, or leave `training.{key}` as it comes.",
            )
        if self.recipe == "auto" and (self.model.family != "vgae" or not self.split.val_fraction):
            what = "validation edges" if self.model.family == "vgae" else "a graph"
            raise SpecError(
                f"The automatic choice of a recipe needs {what}.",
                where="recipe",
                mend="Set `split.val_fraction` above 0, or set `recipe` to `own`."
                if self.model.family == "vgae"
                else "Set `recipe` to `own`.",
            )
        for needed in family.always:
            if needed not in names or not self.output(needed).enabled:
                raise SpecError(
                    f"Output `{needed}` is always on in a {self.model.family} model.", where="outputs"
                )

    def output(self, name: str) -> OutputSpec:
        """Return the output called `name`; raise KeyError if there is none."""
        for output in self.outputs:
            if output.name == name:
                return output
        raise KeyError(name)

    @property
    def learns_weights(self) -> bool:
        """Whether the targets of the pairs are the weights of edges, not whether there is an edge."""
        return self.model.family == "vgae" and learns_weights(self.output("adj_rec").loss)

    def unused(self) -> set[str]:
        """Return the keys of the settings that the others leave without effect."""
        parts = {"model": self.model.unused(), "training": self.training.unused()}
        return {f"{part}.{name}" for part, names in parts.items() for name in names}

    @property
    def active_outputs(self) -> tuple[OutputSpec, ...]:
        """The outputs that are switched on, in order."""
        return tuple(o for o in self.outputs if o.enabled)

    def to_json(self) -> str:
        """Return the specification as JSON text."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_json(cls, text: str) -> RunSpec:
        """Return the specification in `text`; raise SpecError if it is not one."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SpecError(f"Not a JSON specification: {error}.") from error
        return cls.from_dict(values)

    @classmethod
    def of_run(cls, values: Mapping[str, Any]) -> RunSpec:
        """Return the specification that a run was stored with; what it does not name did not exist when it was made.

        Raises
        ------
        SpecError
            As :meth:`from_dict`.
        """
        return cls.from_dict({**_BEFORE, **values} if isinstance(values, Mapping) else values)

    def replace(self, key: str, value: Any) -> RunSpec:
        """Return a copy with one setting changed, named by its dotted path.

        ``outputs`` are addressed by name: ``outputs.z_vars.weight``.

        Raises
        ------
        SpecError
            If no setting has that path or the value is out of bounds.
        """
        values = self.to_dict()
        *path, last = key.split(".")
        node: Any = values
        for part in path:
            if isinstance(node, list):
                node = next((o for o in node if o["name"] == part), None)
            else:
                node = node.get(part) if isinstance(node, dict) else None
            if node is None:
                raise SpecError(f"No setting is called `{key}`.{nearest(key, [s.key for s in settings()])}")
        if not isinstance(node, dict) or last not in node:
            raise SpecError(f"No setting is called `{key}`.{nearest(key, [s.key for s in settings()])}")
        node[last] = value
        return RunSpec.from_dict(values)


def _lists_sections(hint: Any) -> bool:
    inner = typing.get_args(hint)[:1]
    return bool(inner) and isinstance(inner[0], type) and issubclass(inner[0], Section)


def settings(
    section: type[Section] = RunSpec, prefix: str = "", *, family: str | None = None
) -> Iterator[Setting]:
    """Yield every setting below `section`, depth first, as forms and documentation need them.

    With a `family`, only the settings and choices that a model of that family has.
    """
    hints = hints_of(section)
    for item in dataclasses.fields(section):  # type: ignore[arg-type]
        hint, meta = hints[item.name], item.metadata
        if isinstance(hint, type) and issubclass(hint, Section):
            yield from settings(hint, f"{prefix}{item.name}.", family=family)
            continue
        if _lists_sections(hint) or (family and family not in meta.get("families", (family,))):
            continue
        title, text = meta.get("wording", {}).get(family, (meta["title"], meta["help"]))
        default = item.default if item.default_factory is dataclasses.MISSING else item.default_factory()
        catalogue = {
            key: entry
            for key, entry in meta.get("catalogue", {}).items()
            if not family or family in getattr(entry, "families", (family,))
        }
        yield Setting(
            key=prefix + item.name,
            name=item.name,
            title=title,
            type=hint,
            default=default,
            help=text,
            low=meta.get("low"),
            high=meta.get("high"),
            step=meta.get("step"),
            choices=typing.get_args(hint) if typing.get_origin(hint) is Literal else tuple(catalogue),
            labels=meta.get("labels") or {k: entry.title for k, entry in catalogue.items()},
            unit=meta.get("unit", ""),
        )


KINDS: dict[str, Entry] = {
    "binary": Entry(title="0 or 1", help="Something is there or not: words of a document, clicks, tags."),
    "count": Entry(title="Counts", help="Whole numbers from 0: how often."),
    "non-negative": Entry(title="Non-negative", help="Numbers from 0: how much."),
    "real": Entry(title="Real", help="Some values are negative: measurements."),
}
"""What the kinds of values of :data:`MATRIX_KINDS` are called, and what they mean."""


def with_recipe(spec: RunSpec, name: str) -> RunSpec:
    """Return `spec` with network and training of a recipe; whatever else it does not name stays.

    Epochs and patience are those of `spec`, times what the recipe wants, within their bounds.

    Raises
    ------
    SpecError
        If there is no such recipe.
    """
    if name not in RECIPES:
        raise SpecError(f"`recipe` is unknown: {name!r}.{nearest(name, RECIPES)}", where="recipe")
    entry, old = RECIPES[name], spec.training
    longer = {
        item.name: min(getattr(old, item.name) * entry.longer, item.metadata["high"])
        for item in dataclasses.fields(TrainingSpec)
        if item.name in ("epochs", "patience")
    }
    training = TrainingSpec(**longer, batch_size=old.batch_size)
    chosen = dataclasses.replace(spec, recipe="own", model=ModelSpec(), training=training)
    for key, value in entry.settings.items():
        chosen = chosen.replace(key, value)
    return chosen


def candidates(spec: RunSpec, *, has_features: bool) -> dict[str, RunSpec]:
    """Return the specification of each recipe that the automatic choice tries on such data."""
    return {
        name: with_recipe(spec, name)
        for name, entry in RECIPES.items()
        if entry.tried and entry.features in (None, has_features)
    }


def recipe_of(spec: RunSpec, names: Iterable[str]) -> str | None:
    """Return which of the recipes called `names` the network and training of `spec` are, whatever its epochs."""
    for name in names:
        found = with_recipe(spec, name)
        kept = dataclasses.replace(
            found.training, epochs=spec.training.epochs, patience=spec.training.patience
        )
        if dataclasses.replace(found, training=kept) == spec:
            return name
    return None


LIKELIHOODS: dict[str, tuple[str, str]] = {
    "binary": ("binary_crossentropy", "every value is 0 or 1"),
    "count": ("multinomial", "values are whole and >= 0: how a row's total falls on its columns"),
    "non-negative": ("multinomial", "values are >= 0: how a row's total falls on its columns"),
    "real": ("mean_squared_error", "some values are negative: a Gaussian likelihood"),
}
"""For each kind of values, the default likelihood of a matrix and the reason shown with it."""


def for_family(
    spec: RunSpec, family: str, *, feature_kind: str | None, has_labels: bool, own_units: bool = False
) -> RunSpec:
    """Return `spec` turned into a model of another family, with that family's defaults.

    Data, split fractions and seed are kept; outputs, encoder, batch size and learning rate take their defaults.
    Arguments about the data are those of :func:`offered_outputs`.

    Raises
    ------
    SpecError
        If the family is unknown, or the data lack what it needs.
    """
    if family not in FAMILIES:
        raise SpecError(f"`family` is unknown: {family!r}.{nearest(family, FAMILIES)}")
    if family == "vae" and feature_kind is None:
        raise SpecError(
            "A matrix auto-encoder needs features.",
            where="model.family",
            mend="Bring a matrix, or choose `vgae`.",
        )
    matrix = (
        {"batch_size": 256, "epochs": 100, "patience": 20, "learning_rate": 0.003} if family == "vae" else {}
    )
    encoder = next(name for name, entry in ENCODERS.items() if family in entry.families)
    network: dict[str, Any] = {"encoder": encoder}
    if family == "vae":
        network |= {"hidden_units": [128], "latent_dim": 32}
    elif feature_kind is None:
        network = {key.removeprefix("model."): value for key, value in RECIPES["positions"].settings.items()}
    values = spec.to_dict()
    return RunSpec.from_dict(
        {
            "dataset": values["dataset"],
            "split": values["split"],
            "seed": spec.seed,
            "stacking": spec.stacking,
            "scaling": spec.scaling,
            "model": {"family": family, **network},
            "training": matrix,
            "outputs": [
                o.to_dict()
                for o in offered_outputs(
                    feature_kind=feature_kind, has_labels=has_labels, family=family, own_units=own_units
                )
            ],
        }
    )


def offered_outputs(
    *, feature_kind: str | None, has_labels: bool, family: str = "vgae", own_units: bool = False
) -> tuple[OutputSpec, ...]:
    """Return the outputs a data set can have, with the default loss and metrics of each.

    Parameters
    ----------
    feature_kind : str or None
        One of :data:`MATRIX_KINDS`, or None without features.
    has_labels : bool
        Whether some nodes carry a class label.
    own_units : bool
        Whether some columns are scaled: whole numbers such as years are then no counts of anything.
    """
    if family == "vae":
        loss, _ = LIKELIHOODS[feature_kind or "real"]
        outputs = [OutputSpec(name="output", loss=loss), OutputSpec(name="z_vars", loss="kl_normal")]
    else:
        outputs = list(_default_outputs())
    if feature_kind is not None and family == "vgae":
        losses = {"binary": "binary_crossentropy", "count": "mean_squared_error" if own_units else "poisson"}
        loss = losses.get(feature_kind, "mean_squared_error")
        outputs.append(OutputSpec(name="x_rec", enabled=False, loss=loss, weight=0.1, metrics=()))
    if has_labels:
        outputs.append(
            OutputSpec(
                name="labels",
                enabled=False,
                loss="sparse_categorical_crossentropy",
                weight=0.1,
                metrics=("accuracy",),
            )
        )
    return tuple(outputs)
