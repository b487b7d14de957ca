"""Building the network of a run: functional Keras models with named inputs and outputs.

Those of graphs are made by :mod:`vgae_core.nn.graph_models`, those of matrices by :mod:`vgae_core.nn.matrix_models`.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from vgae_core.analysis.scoring import Score, scorer
from vgae_core.catalogue.base import load
from vgae_core.catalogue.families import FAMILIES
from vgae_core.data.dataset import Profile
from vgae_core.nn.budget import estimate
from vgae_core.nn.objectives import compile_arguments
from vgae_core.settings import ModelSpec, RunSpec
from vgae_core.settings.resolved_outputs import Output, resolve


@dataclass(frozen=True)
class BuiltModel(ABC):
    """The training model and the encoder that shares its layers.

    Parameters
    ----------
    model : keras.Model
        With named inputs, and outputs as the specification names them.
    encoder : keras.Model
        To ``z_mean`` and, if variational, ``z_log_var``.
    outputs : dict of str to Output
        What each output of the specification became.
    spec : ModelSpec
    """

    model: keras.Model
    encoder: keras.Model
    outputs: dict[str, Output]
    spec: ModelSpec

    @property
    def kind(self) -> dict[str, str]:
        """What the description of the model says of how pairs are decoded."""
        return {}

    @property
    @abstractmethod
    def feature_head(self) -> keras.layers.Dense:
        """The dense layer that gives one number for each column of the features or of the matrix."""

    @abstractmethod
    def decoder(self, output: str) -> Callable[[Any], Any]:
        """Return the function from latent codes (n, latent_dim) to a node-wise output, e.g. ``"x_rec"``."""

    @abstractmethod
    def factors(
        self, z_mean: np.ndarray, totals: np.ndarray | None = None, units: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return factors whose inner products are the logits of pairs.

        Parameters
        ----------
        z_mean : ndarray of float32, shape (n_nodes, latent_dim)
        totals : ndarray of float32, shape (n_nodes,), optional
            Sum of each row of a multinomial matrix.  A softmax says nothing of pairs in different rows; times the
            row's total it is the expected value, whose logarithm then is the logit, as that of a Poisson rate.
        units : ndarray of float, shape (n_columns,), optional
            What the columns of a matrix were divided by: logits, which are values then, are in the columns' own units.

        Returns
        -------
        left : ndarray of float32, shape (n_nodes, k)
        right : ndarray of float32, shape (n_nodes or n_columns, k)
            The logit of pair (i, j) is ``left_i . right_j``.
        """

    def decoder_weights(self) -> dict[str, np.ndarray]:
        """Return the weights of a decoder of pairs that has no factors; empty for any other."""
        return {}

    def scorer(
        self, z_mean: np.ndarray, totals: np.ndarray | None = None, units: np.ndarray | None = None
    ) -> Score:
        """Return the function from pairs int64 (n_pairs, 2) to their logits, float32 (n_pairs,), for any decoder.

        Parameters are those of :meth:`factors`.
        """
        weights = self.decoder_weights()
        factors = (z_mean, z_mean) if weights else self.factors(z_mean, totals, units)
        return scorer(z_mean, factors, self.spec.decoder, weights)


def build(spec: RunSpec, profile: Profile) -> BuiltModel:
    """Return the uncompiled model of a run.

    Raises
    ------
    SpecError
        As :func:`vgae_core.settings.resolved_outputs.resolve`, and if settings of the network do not go together.
    """
    outputs = resolve(spec, profile)
    build_family = load(FAMILIES[spec.model.family].builder)
    return build_family(spec, profile, outputs)  # type: ignore[no-any-return]


def describe(spec: RunSpec, profile: Profile) -> dict[str, Any]:
    """Return what a run would build, as JSON types, without touching any data.

    Returns
    -------
    dict
        ``layers`` (name, type, output shape, parameters, inputs), ``parameters``, ``inputs``, ``outputs``,
        ``objectives`` (what was written, what it became, why) and ``estimate``
        (:func:`vgae_core.nn.budget.estimate`).

    Raises
    ------
    SpecError
        As :func:`build`, and for losses or metrics that do not resolve.
    """
    # Keras keeps variables without values per thread, and the next layer built there would give them some: gigabytes
    # of what was only described. They end with a thread of their own.
    with ThreadPoolExecutor(1) as thread:
        built = thread.submit(_build_shapes, spec, profile).result()
    _, notes = compile_arguments(built.outputs)
    return description(built, spec, profile, notes)


def _build_shapes(spec: RunSpec, profile: Profile) -> BuiltModel:
    with keras.StatelessScope(initialize_variables=False):  # whatever their size, variables have shapes only
        return build(spec, profile)


def description(built: BuiltModel, spec: RunSpec, profile: Profile, notes: list[Any]) -> dict[str, Any]:
    """Return the JSON description of an already built model."""
    model = built.model
    layers = [
        {
            "name": layer.name,
            "type": type(layer).__name__,
            "shape": _shape(layer.output.shape),
            "parameters": int(layer.count_params()),
            "inputs": sorted(
                {t._keras_history.operation.name for n in layer._inbound_nodes for t in n.input_tensors}
            ),
        }
        for layer in model.layers
    ]
    return {
        **built.kind,
        "layers": layers,
        "parameters": int(model.count_params()),
        "inputs": {
            name: _shape(tensor.shape) + (" sparse" if tensor.sparse else "")
            for name, tensor in model.input.items()
        },
        "outputs": {name: _shape(tensor.shape) for name, tensor in model.output.items()},
        "objectives": [dataclasses.asdict(note) for note in notes],
        "estimate": estimate(spec, profile, int(model.count_params())),
    }


def _shape(shape: tuple[int | None, ...]) -> str:
    return " x ".join("batch" if size is None else f"{size:,}" for size in shape)
