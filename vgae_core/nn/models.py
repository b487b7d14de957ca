"""Building the network of a run: functional Keras models with named inputs and outputs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import keras

from vgae_core.data.dataset import Profile
from vgae_core.errors import SpecError
from vgae_core.nn.encoders import BUILDERS
from vgae_core.nn.layers import PairInnerProduct, SampleNormal, TakeRows
from vgae_core.nn.objectives import check_targets, compile_arguments
from vgae_core.spec import RunSpec
from vgae_core.training.budget import estimate


@dataclass(frozen=True)
class BuiltModel:
    """The training model and the encoder that shares its layers.

    Parameters
    ----------
    model : keras.Model
        Inputs ``adjacency``, ``features`` (where there are any), ``pairs`` and ``nodes`` (where a
        node-wise output is on); outputs as the specification names them.
    encoder : keras.Model
        From ``adjacency`` and ``features`` to ``z_mean`` and, if variational, ``z_log_var``.
    """

    model: keras.Model
    encoder: keras.Model


def build(spec: RunSpec, profile: Profile) -> BuiltModel:
    """Return the uncompiled model of a run.

    Raises
    ------
    SpecError
        If an active output has no data behind it, or its loss makes no sense for the data.
    """
    for output in spec.active_outputs:
        if output.name == "x_rec" and not profile.n_features:
            raise SpecError(
                "The data has no features to reconstruct.", where="outputs.x_rec", mend="Switch it off."
            )
        if output.name == "labels" and profile.n_classes < 2:
            raise SpecError(
                f"Label prediction needs at least two classes. Received: {profile.n_classes}.",
                where="outputs.labels",
                mend="Switch it off, or upload labels.",
            )
        check_targets(output, profile.feature_kind)

    n = profile.n_nodes
    adjacency = keras.Input((n,), batch_size=n, sparse=True, name="adjacency")
    inputs: dict[str, Any] = {"adjacency": adjacency}
    features = None
    if profile.n_features:
        features = keras.Input(
            (profile.n_features,), batch_size=n, sparse=profile.sparse_features, name="features"
        )
        inputs["features"] = features

    z_mean, z_log_var = BUILDERS[spec.model.encoder](features, adjacency, n, spec.model)
    latent = {"z_mean": z_mean} | ({} if z_log_var is None else {"z_log_var": z_log_var})
    encoder = keras.Model(dict(inputs), latent, name="encoder")

    pairs = keras.Input((2,), dtype="int32", name="pairs")
    inputs["pairs"] = pairs
    z = z_mean if z_log_var is None else SampleNormal(name="z")([z_mean, z_log_var])
    outputs: dict[str, Any] = {}
    node_rows: Any = None
    for output in spec.active_outputs:
        if output.name == "adj_rec":
            outputs["adj_rec"] = PairInnerProduct(name="adj_rec")([z, pairs])
        elif output.name == "z_vars":
            both = [z_mean, z_mean if z_log_var is None else z_log_var]
            outputs["z_vars"] = keras.layers.Concatenate(name="z_vars")(both)
        else:
            if node_rows is None:
                nodes = keras.Input((1,), dtype="int32", name="nodes")
                inputs["nodes"] = nodes
                node_rows = TakeRows(name="node_rows")([z, nodes])
            units = profile.n_features if output.name == "x_rec" else profile.n_classes
            outputs[output.name] = keras.layers.Dense(units, name=output.name)(node_rows)
    return BuiltModel(keras.Model(inputs, outputs, name=spec.model.family), encoder)


def describe(spec: RunSpec, profile: Profile) -> dict[str, Any]:
    """Return what a run would build, as JSON types, without touching any data.

    Returns
    -------
    dict
        ``layers`` (name, type, output shape, parameters, inputs), ``parameters``, ``inputs``, ``outputs``,
        ``objectives`` (what was written, what it became, why) and ``estimate``
        (:func:`vgae_core.training.budget.estimate`).

    Raises
    ------
    SpecError
        As :func:`build`, and for losses or metrics that do not resolve.
    """
    built = build(spec, profile)
    _, notes = compile_arguments(spec, profile.n_nodes)
    return description(built, spec, profile, notes)


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
