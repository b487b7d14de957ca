"""Encoders: how node features and message edges become a latent distribution.

An encoder returns mean and log-variance side by side, shape (n, 2 * latent_dim), or the mean alone for a
plain auto-encoder: one product and one hop serve both.

To add one, write a function with the signature of :func:`gcn`, list it in
:data:`BUILDERS` and describe it in :data:`vgae_core.spec.ENCODERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from vgae_core.nn.layers import FeatureDropout, NodeTable, Propagate, ScaleInput, ScaleRows, SparseDense
from vgae_core.spec import ModelSpec


@dataclass(frozen=True)
class GraphInput:
    """What an encoder of nodes is given.

    Parameters
    ----------
    features : KerasTensor, shape (n_nodes, n_features), or None
        Sparse or dense.
    adjacency : sparse KerasTensor, shape (n_nodes, n_nodes)
        Normalised message edges.
    n_nodes : int
    symmetric : bool
        Whether the adjacency equals its transpose.
    """

    features: Any | None
    adjacency: Any
    n_nodes: int
    symmetric: bool

    def hop(self, hidden: Any, *, activation: str | None = None, name: str) -> Any:
        """Return one hop over the message edges."""
        layer = Propagate(activation, symmetric=self.symmetric, name=name)
        return layer([hidden, self.adjacency])


def _first_map(graph: GraphInput, model: ModelSpec, units: int, name: str, bias: bool) -> Any:
    """Return ``X W``, or a table of free vectors where the graph has no features."""
    if graph.features is None:
        return NodeTable(graph.n_nodes, units, name=name)(graph.adjacency)
    features = _dropped(graph.features, model, name)
    return SparseDense(units, use_bias=bias, name=name)(features)


def gcn(graph: GraphInput, model: ModelSpec) -> Any:
    """Return the latent distribution of ``A relu(A X W0) W1`` (any number of hidden layers).

    References
    ----------
    Kipf & Welling 2016, Variational Graph Auto-Encoders, arXiv:1611.07308.
    """
    hidden: Any = None
    for depth, units in enumerate(model.hidden_units or (model.latent_dim,), start=1):
        name = f"hidden_{depth}"
        if depth == 1:
            mapped = _first_map(graph, model, units, name, bias=False)
        else:
            mapped = SparseDense(units, name=name)(_dropped(hidden, model, name))
        hidden = graph.hop(mapped, activation="relu", name=f"{name}_propagate")

    mapped = SparseDense(_width(model), name="latent_map")(_dropped(hidden, model, "latent_map"))
    return graph.hop(mapped, name="latent")


def _width(model: ModelSpec) -> int:
    return model.latent_dim * (2 if model.variational else 1)


def _dropped(hidden: Any, model: ModelSpec, name: str) -> Any:
    return FeatureDropout(model.dropout, name=f"{name}_dropout")(hidden) if model.dropout else hidden


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


def dense(rows: Any, model: ModelSpec, scale: str | None) -> Any:
    """Return the latent distribution of rows of a matrix: dense layers, the first on sparse input.

    Parameters
    ----------
    rows : KerasTensor, shape (batch, n_columns)
        Sparse or dense.
    model : ModelSpec
    scale : str or None
        How :class:`~vgae_core.nn.layers.ScaleInput` prepares the rows.

    References
    ----------
    Kingma & Welling 2014, arXiv:1312.6114, appendix C.
    """
    hidden = rows if scale is None else ScaleInput(scale, name="scale")(rows)
    for depth, units in enumerate(model.hidden_units, start=1):
        name = f"hidden_{depth}"
        mapped = SparseDense(units, use_bias=True, name=name)(_dropped(hidden, model, name))
        hidden = keras.layers.ReLU(name=f"{name}_relu")(mapped)

    return SparseDense(_width(model), use_bias=True, name="latent")(_dropped(hidden, model, "latent"))


BUILDERS: dict[str, Callable[[GraphInput, ModelSpec], Any]] = {
    "gcn": gcn,
    "normalised": normalised,
}
