"""Encoders as Keras layers: :mod:`vgae_core.model_parts.encoders` carried out by Keras."""

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
from vgae_core.nn.seeds import Seeds
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


def encode(given: GraphInput | RowInput, model: ModelSpec, seeds: Seeds) -> Any:
    """Return the latent distribution that the encoder of `model` makes, its parts side by side."""
    return load(ENCODERS[model.encoder].builder)(KerasSteps(given, model, seeds), model)


def _width(model: ModelSpec) -> int:
    return model.latent_dim * (2 if model.variational else 1)


class KerasSteps:
    """The steps of an encoder as Keras layers; see :class:`vgae_core.model_parts.encoders.Steps`.

    Parameters
    ----------
    given : GraphInput or RowInput
    model : ModelSpec
    seeds : Seeds
    """

    def __init__(self, given: GraphInput | RowInput, model: ModelSpec, seeds: Seeds) -> None:
        self._given, self._model, self._seeds = given, model, seeds

    @property
    def width(self) -> int:
        """Units of the latent distribution."""
        return _width(self._model)

    def map(self, value: Any | None, units: int, name: str, *, bias: bool = False) -> Any:
        """Return ``H W + b``, of the input where there is no value before."""
        if value is not None:
            return self._dense(value, self._model.dropout, units, name, bias)
        given = self._given
        if isinstance(given, RowInput):
            rows = given.rows if given.scale is None else ScaleInput(given.scale, name="scale")(given.rows)
            return self._dense(rows, self._model.input_dropout, units, name, bias)
        if given.features is None:
            return NodeTable(given.n_nodes, units, seed=self._seeds(), name=name)(given.adjacency)
        mapped = self._dense(given.features, self._model.input_dropout, units, name, bias)
        if not given.free:
            return mapped
        table = NodeTable(given.n_nodes, units, seed=self._seeds(), name=f"{name}_table")(given.adjacency)
        return keras.layers.Add(name=f"{name}_both")([mapped, table])

    def _dense(self, value: Any, dropped: float, units: int, name: str, bias: bool) -> Any:
        rows = drop(value, dropped, name, self._seeds)
        return SparseDense(units, use_bias=bias, seed=self._seeds(), name=name)(rows)

    def hop(self, value: Any, name: str) -> Any:
        """Return one hop over the message edges."""
        return Propagate(symmetric=self._graph.symmetric, name=name)([value, self._graph.adjacency])

    def hop_back(self, value: Any, start: Any, share: float, name: str) -> Any:
        """Return one hop that returns to the start with a share."""
        layer = PropagateBack(share, symmetric=self._graph.symmetric, name=name)
        return layer([value, self._graph.adjacency, start])

    @property
    def _graph(self) -> GraphInput:
        if not isinstance(self._given, GraphInput):
            raise TypeError("A matrix has no edges for messages to pass over.")
        return self._given

    def activated(self, value: Any, name: str) -> Any:
        """Return relu, after batch normalisation where it is wanted.

        References
        ----------
        Ioffe & Szegedy 2015, Batch Normalization, arXiv:1502.03167.
        """
        if self._model.batch_normalisation:
            # Runs are a few hundred steps long: the usual 0.99 would remember the first ones to the end.
            value = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_normalised")(value)
        return keras.layers.ReLU(name=f"{name}_relu")(value)

    def half(self, value: Any, which: int) -> Any:
        """Return the first (0) or the second (1) half of the columns."""
        middle = value.shape[-1] // 2
        return value[:, middle:] if which else value[:, :middle]

    def scaled(self, value: Any, name: str) -> Any:
        """Return rows scaled to one length."""
        return ScaleRows(name=name)(value)

    def beside(self, left: Any, right: Any, name: str) -> Any:
        """Return the columns of both, side by side."""
        return keras.layers.Concatenate(name=name)([left, right])

    def add(self, left: Any, right: Any, name: str) -> Any:
        """Return the sum of both."""
        return keras.layers.Add(name=name)([left, right])


def drop(rows: Any, share: float, name: str, seeds: Seeds) -> Any:
    """Return rows of which a share of the entries is dropped in training."""
    return FeatureDropout(share, seed=seeds(), name=f"{name}_dropout")(rows) if share else rows


def once(rows: Any, model: ModelSpec, seeds: Seeds) -> Any:
    """Return the latent distribution of rows that messages have reached before training: one map.

    For `linear` and `sgc` the rows are those of ``A^k X``, and ``(A^k X) W`` is what the encoder is.  For `normalised`
    they are those of ``A S X``, with S scaling rows to one length: scaling ``X W`` cannot be done before W is learnt.

    Parameters
    ----------
    rows : KerasTensor, shape (batch, n_columns)
    model : ModelSpec
    seeds : Seeds
    """
    rows = drop(rows, model.input_dropout, "latent_map", seeds)
    bias = ENCODERS[model.encoder].bias
    return SparseDense(_width(model), use_bias=bias, seed=seeds(), name="latent_map")(rows)
