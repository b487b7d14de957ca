"""Encoders: how node features and message edges become a latent distribution.

An encoder returns mean and log-variance side by side, shape (n, 2 * latent_dim), or the mean alone for a
plain auto-encoder: one product and one hop serve both.

Each is named by its entry in :data:`vgae_core.catalogue.encoders.ENCODERS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras

from vgae_core.catalogue.base import load
from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.nn.layers import (
    FeatureDropout,
    NodeTable,
    Propagate,
    PropagateBack,
    ScaleInput,
    ScaleRows,
    SparseDense,
)
from vgae_core.settings import ModelSpec


@dataclass(frozen=True)
class GraphInput:
    """What an encoder of nodes is given.

    Parameters
    ----------
    features : KerasTensor, shape (n_nodes, n_features), or None
        Sparse or dense.
    adjacency : sparse KerasTensor, shape (n_nodes, n_nodes)
        Normalised message edges, as the encoder's entry of :data:`vgae_core.catalogue.encoders.ENCODERS` says.
    n_nodes : int
    symmetric : bool
        Whether the adjacency equals its transpose.
    free : bool
        Whether every node has a free vector beside its features.
    """

    features: Any | None
    adjacency: Any
    n_nodes: int
    symmetric: bool
    free: bool = False

    def hop(self, hidden: Any, *, activation: str | None = None, name: str) -> Any:
        """Return one hop over the message edges."""
        layer = Propagate(activation, symmetric=self.symmetric, name=name)
        return layer([hidden, self.adjacency])


@dataclass(frozen=True)
class RowInput:
    """What an encoder of the rows of a matrix is given.

    Parameters
    ----------
    rows : KerasTensor, shape (batch, n_columns)
        Sparse or dense.
    scale : str or None
        How :class:`~vgae_core.nn.layers.ScaleInput` prepares the rows.
    """

    rows: Any
    scale: str | None = None


def encode(given: GraphInput | RowInput, model: ModelSpec) -> Any:
    """Return the latent distribution that the encoder of `model` makes, its parts side by side."""
    return load(ENCODERS[model.encoder].builder)(given, model)


def _first_map(graph: GraphInput, model: ModelSpec, units: int, name: str, bias: bool) -> Any:
    """Return ``X W``, or a table of free vectors where the graph has no features, or the sum of the two."""
    if graph.features is None:
        return NodeTable(graph.n_nodes, units, name=name)(graph.adjacency)
    features = _dropped(graph.features, model.input_dropout, name)
    mapped = SparseDense(units, use_bias=bias, name=name)(features)
    if not graph.free:
        return mapped
    table = NodeTable(graph.n_nodes, units, name=f"{name}_table")(graph.adjacency)
    return keras.layers.Add(name=f"{name}_both")([mapped, table])


def gcn(graph: GraphInput, model: ModelSpec) -> Any:
    """Return the latent distribution of ``A relu(A X W0) W1`` (any number of hidden layers).

    References
    ----------
    Kipf & Welling 2016, Variational Graph Auto-Encoders, arXiv:1611.07308.
    """
    hidden: Any = None
    for depth, units in enumerate(model.hidden_units or (model.latent_dim,), start=1):
        name = f"hidden_{depth}"
        mapped = _map(graph, model, hidden, units, name, bias=False)
        hidden = _activated(graph.hop(mapped, name=f"{name}_propagate"), model, name)

    mapped = SparseDense(_width(model), name="latent_map")(_dropped(hidden, model.dropout, "latent_map"))
    return graph.hop(mapped, name="latent")


def _width(model: ModelSpec) -> int:
    return model.latent_dim * (2 if model.variational else 1)


def _dropped(rows: Any, share: float, name: str) -> Any:
    return FeatureDropout(share, name=f"{name}_dropout")(rows) if share else rows


def _activated(hidden: Any, model: ModelSpec, name: str) -> Any:
    """Return what a hidden layer hands on: relu, after batch normalisation where it is wanted.

    References
    ----------
    Ioffe & Szegedy 2015, Batch Normalization, arXiv:1502.03167.
    """
    if model.batch_normalisation:
        # Runs are a few hundred steps long: the usual 0.99 would remember the first ones to the end.
        hidden = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_normalised")(hidden)
    return keras.layers.ReLU(name=f"{name}_relu")(hidden)


def normalised(graph: GraphInput, model: ModelSpec) -> Any:
    """Return the latent distribution whose mean is one hop over rows of X W scaled to one length.

    References
    ----------
    Ahn & Kim 2021, Variational Graph Normalized AutoEncoders, arXiv:2108.08046.
    """
    mapped = _first_map(graph, model, _width(model), "latent_map", bias=True)
    if model.variational:
        mean, spread = mapped[:, : model.latent_dim], mapped[:, model.latent_dim :]
        mapped = keras.layers.Concatenate(name="latent_rows")([ScaleRows(name="mean_scale")(mean), spread])
    else:
        mapped = ScaleRows(name="mean_scale")(mapped)
    return graph.hop(mapped, name="latent")


def linear(graph: GraphInput, model: ModelSpec) -> Any:
    """Return the latent distribution of ``A X W``.

    References
    ----------
    Salha et al. 2020, Simple and Effective Graph Autoencoders with One-Hop Linear Models, arXiv:2001.07614.
    """
    return graph.hop(_first_map(graph, model, _width(model), "latent_map", bias=False), name="latent")


def sgc(graph: GraphInput, model: ModelSpec) -> Any:
    """Return the latent distribution of ``A^k X W``; the map comes first, since it makes rows short.

    References
    ----------
    Wu et al. 2019, Simplifying Graph Convolutional Networks, arXiv:1902.07153.
    """
    hidden = _first_map(graph, model, _width(model), "latent_map", bias=False)
    for hop in range(1, model.hops):
        hidden = graph.hop(hidden, name=f"hop_{hop}")
    return graph.hop(hidden, name="latent")


def once(rows: Any, model: ModelSpec) -> Any:
    """Return the latent distribution of rows that messages have reached before training: one map.

    For `linear` and `sgc` the rows are those of ``A^k X``, and ``(A^k X) W`` is what the encoder is.  For `normalised`
    they are those of ``A S X``, with S scaling rows to one length: scaling ``X W`` cannot be done before W is learnt.

    Parameters
    ----------
    rows : KerasTensor, shape (batch, n_columns)
    model : ModelSpec
    """
    rows = _dropped(rows, model.input_dropout, "latent_map")
    return SparseDense(_width(model), use_bias=ENCODERS[model.encoder].bias, name="latent_map")(rows)


def appnp(graph: GraphInput, model: ModelSpec) -> Any:
    """Return the latent distribution of dense layers, propagated k times with a share of the start.

    References
    ----------
    Gasteiger et al. 2019, Predict then Propagate, arXiv:1810.05997.
    """
    hidden: Any = None
    for depth, units in enumerate(model.hidden_units, start=1):
        mapped = _map(graph, model, hidden, units, f"hidden_{depth}", bias=True)
        hidden = _activated(mapped, model, f"hidden_{depth}")
    start = hidden = _map(graph, model, hidden, _width(model), "latent_map", bias=True)
    for hop in range(1, model.hops + 1):
        name = "latent" if hop == model.hops else f"hop_{hop}"
        layer = PropagateBack(model.teleport, symmetric=graph.symmetric, name=name)
        hidden = layer([hidden, graph.adjacency, start])
    return hidden


def sage(graph: GraphInput, model: ModelSpec) -> Any:
    """Return the latent distribution of layers ``relu(X W + b + M (X V + c))``, M the mean over the neighbours.

    References
    ----------
    Hamilton et al. 2017, Inductive Representation Learning on Large Graphs, arXiv:1706.02216.
    """
    hidden: Any = None
    layers = [(f"hidden_{i}", units) for i, units in enumerate(model.hidden_units, start=1)]
    for name, units in [*layers, ("latent", _width(model))]:
        both = _map(graph, model, hidden, 2 * units, f"{name}_maps", bias=True)  # one product serves both
        near = graph.hop(both[:, units:], name=f"{name}_mean")
        hidden = keras.layers.Add(name=name)([both[:, :units], near])
        if name != "latent":
            hidden = _activated(hidden, model, name)
    return hidden


def _map(graph: GraphInput, model: ModelSpec, hidden: Any, units: int, name: str, *, bias: bool) -> Any:
    """Return ``H W``, or :func:`_first_map` where there is no hidden layer before."""
    if hidden is None:
        return _first_map(graph, model, units, name, bias=bias)
    return SparseDense(units, use_bias=bias, name=name)(_dropped(hidden, model.dropout, name))


def dense(given: RowInput, model: ModelSpec) -> Any:
    """Return the latent distribution of rows of a matrix: dense layers, the first on sparse input.

    References
    ----------
    Kingma & Welling 2014, arXiv:1312.6114, appendix C.
    """
    hidden = given.rows if given.scale is None else ScaleInput(given.scale, name="scale")(given.rows)
    for depth, units in enumerate(model.hidden_units, start=1):
        name = f"hidden_{depth}"
        share = model.dropout if depth > 1 else model.input_dropout
        mapped = SparseDense(units, use_bias=True, name=name)(_dropped(hidden, share, name))
        hidden = _activated(mapped, model, name)

    share = model.dropout if model.hidden_units else model.input_dropout
    return SparseDense(_width(model), use_bias=True, name="latent")(_dropped(hidden, share, "latent"))
