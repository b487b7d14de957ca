"""Building the network of a run: functional Keras models with named inputs and outputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from vgae_core.analysis.entries import with_totals
from vgae_core.analysis.scoring import Score, scorer
from vgae_core.catalogue.base import load
from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.catalogue.families import FAMILIES
from vgae_core.data.dataset import Profile
from vgae_core.data.node_inputs import input_columns
from vgae_core.errors import SpecError
from vgae_core.nn import decoders
from vgae_core.nn.budget import estimate
from vgae_core.nn.encoders import GraphInput, RowInput, encode, once
from vgae_core.nn.exact import AllPairsCrossentropy
from vgae_core.nn.heads import KERAS_HEADS, LOGITS
from vgae_core.nn.layers import BoundLogVar, SampleNormal, TakeRows
from vgae_core.nn.objectives import compile_arguments
from vgae_core.outputs import Objective, Output, resolve
from vgae_core.settings import ModelSpec, RunSpec


@dataclass(frozen=True)
class BuiltModel:
    """The training model and the encoder that shares its layers.

    Parameters
    ----------
    model : keras.Model
        Named inputs and outputs. VGAE: ``adjacency``, ``features`` (where there are any), ``pairs``, and
        ``nodes`` where a node-wise output is on. VAE: ``rows``. Outputs as the specification names them.
    encoder : keras.Model
        To ``z_mean`` and, if variational, ``z_log_var``.
    outputs : dict of str to Output
        What each output of the specification became.
    """

    model: keras.Model
    encoder: keras.Model
    outputs: dict[str, Output]


def build(spec: RunSpec, profile: Profile) -> BuiltModel:
    """Return the uncompiled model of a run.

    Raises
    ------
    SpecError
        As :func:`vgae_core.outputs.resolve`, and if settings of the network do not go together.
    """
    outputs = resolve(spec, profile)
    build_family = load(FAMILIES[spec.model.family].builder)
    return build_family(spec, profile, outputs)  # type: ignore[no-any-return]


def build_vgae(spec: RunSpec, profile: Profile, resolved: dict[str, Output]) -> BuiltModel:
    """Several inputs, several outputs: a graph and the pairs to score."""
    decoders.check(spec.model, directed=profile.directed)
    if profile.n_first and spec.training.supervision == "all":
        raise SpecError(
            "All pairs of nodes include those within one side, which can be no edges of a two-sided graph.",
            where="training.supervision",
            mend="Choose sampled supervision, which draws pairs that join both sides.",
        )
    inputs, latent = (_once if spec.training.propagation == "once" else _every_step)(spec, profile)
    latent = _bounded(latent, spec.model)
    encoder = keras.Model(dict(inputs), _parts(latent, spec.model), name="encoder")

    pairs = keras.Input((2,), dtype="int32", name="pairs")
    inputs["pairs"] = pairs
    z = _sample(latent, spec.model)
    outputs: dict[str, Any] = {}
    node_rows: Any = None
    for output in resolved.values():
        if output.name == "adj_rec":
            if spec.training.supervision == "all":
                outputs["adj_rec"] = _all_pairs(output.loss, spec.model)([z, pairs])
            else:
                outputs["adj_rec"] = decoders.decode(z, pairs, spec.model)
        elif output.name == "z_vars":
            outputs["z_vars"] = _z_vars(latent, spec.model)
        else:
            if node_rows is None:
                nodes = keras.Input((1,), dtype="int32", name="nodes")
                inputs["nodes"] = nodes
                node_rows = TakeRows(name="node_rows")([z, nodes])
            outputs[output.name] = keras.layers.Dense(output.columns, name=output.name)(node_rows)
    return BuiltModel(keras.Model(inputs, outputs, name="vgae"), encoder, resolved)


def _every_step(spec: RunSpec, profile: Profile) -> tuple[dict[str, Any], Any]:
    """Return the inputs of an encoder that sees the whole graph in every step, and the latent distribution."""
    n = profile.n_nodes
    adjacency = keras.Input((n,), batch_size=n, sparse=True, name="adjacency")
    inputs: dict[str, Any] = {"adjacency": adjacency}
    features = None
    columns = input_columns(spec.model, profile)
    if columns:
        features = keras.Input((columns,), batch_size=n, sparse=profile.sparse_features, name="features")
        inputs["features"] = features

    free = not profile.n_features and spec.model.node_input == "spectral_table"
    symmetric = not profile.directed and ENCODERS[spec.model.encoder].propagation == "symmetric"
    graph = GraphInput(features, adjacency, n, symmetric=symmetric, free=free)
    return inputs, encode(graph, spec.model)


def _once(spec: RunSpec, profile: Profile) -> tuple[dict[str, Any], Any]:
    """Return the input of an encoder of rows that messages have reached already, and the latent distribution."""
    if ENCODERS[spec.model.encoder].once == "never":
        fitting = [name for name, entry in ENCODERS.items() if entry.once != "never"]
        raise SpecError(
            f"Encoder `{spec.model.encoder}` learns before messages pass, so they cannot pass once.",
            where="training.propagation",
            mend=f"Choose the encoder {', '.join(fitting[:-1])} or {fitting[-1]}, or propagation `every_step`.",
        )
    if not profile.n_features and spec.model.node_input not in ("random", "spectral"):
        raise SpecError(
            "The data has no features, and free vectors are learnt before messages pass, so they cannot pass once.",
            where="model.node_input",
            mend="Choose `random` or `spectral`, or propagation `every_step`.",
        )
    for what, wrong in (
        ("training.supervision", spec.training.supervision == "all"),
        *((f"outputs.{o.name}", o.name not in ("adj_rec", "z_vars")) for o in spec.active_outputs),
    ):
        if wrong:
            raise SpecError(
                "With messages that pass once, a step sees some nodes only.",
                where=what,
                mend="Choose sampled supervision and switch off other outputs than adj_rec and z_vars, "
                "or choose propagation `every_step`.",
            )
    rows = keras.Input((input_columns(spec.model, profile),), name="rows")
    return {"rows": rows}, once(rows, spec.model)


def _all_pairs(loss: Objective, model: ModelSpec) -> AllPairsCrossentropy:
    """Return the layer that scores all pairs of nodes with the output's loss."""
    if model.decoder != "inner_product":
        raise SpecError(
            f"All pairs of nodes are scored by inner products. Received: decoder {model.decoder}.",
            where="model.decoder",
            mend="Choose `inner_product`, or sampled supervision.",
        )
    name, config = loss.key, loss.config
    if name == "weighted_binary_crossentropy":
        return AllPairsCrossentropy(**config, name="adj_rec")
    if name == "binary_crossentropy" and not config["label_smoothing"]:
        return AllPairsCrossentropy(name="adj_rec")
    raise SpecError(
        f"All pairs of nodes are scored by cross-entropy, plain or weighted. Received: {name}.",
        where="outputs.adj_rec",
        mend="Choose `binary_crossentropy` or `weighted_binary_crossentropy`, or sampled supervision.",
    )


def build_vae(spec: RunSpec, profile: Profile, resolved: dict[str, Output]) -> BuiltModel:
    """One input, several outputs: rows of a matrix."""
    rows = keras.Input((profile.n_features,), sparse=spec.model.sparse_input, name="rows")
    head = resolved["output"].head
    latent = _bounded(encode(RowInput(rows, head.row_scaling), spec.model), spec.model)
    encoder = keras.Model({"rows": rows}, _parts(latent, spec.model), name="encoder")

    z = _sample(latent, spec.model)
    hidden = z
    for depth, units in enumerate(reversed(spec.model.hidden_units), start=1):
        hidden = keras.layers.Dense(units, activation="relu", name=f"decoder_{depth}")(hidden)
    outputs: dict[str, Any] = {}
    for output in resolved.values():
        if output.name == "output":
            outputs["output"] = KERAS_HEADS[head.name].layers(hidden, profile.n_features, "output")
        elif output.name == "z_vars":
            outputs["z_vars"] = _z_vars(latent, spec.model)
        else:
            outputs["labels"] = keras.layers.Dense(profile.n_classes, name="labels")(z)
    return BuiltModel(keras.Model({"rows": rows}, outputs, name="vae"), encoder, resolved)


def _bounded(latent: Any, model: ModelSpec) -> Any:
    return BoundLogVar(name="z_bounds")(latent) if model.variational else latent


def _parts(latent: Any, model: ModelSpec) -> dict[str, Any]:
    """Return ``z_mean`` and, if variational, ``z_log_var`` from the two side by side."""
    if not model.variational:
        return {"z_mean": latent}
    return {"z_mean": latent[:, : model.latent_dim], "z_log_var": latent[:, model.latent_dim :]}


def _sample(latent: Any, model: ModelSpec) -> Any:
    return SampleNormal(name="z")(latent) if model.variational else latent


def _z_vars(latent: Any, model: ModelSpec) -> Any:
    """Return mean and log-variance side by side; a plain auto-encoder repeats its mean."""
    return latent if model.variational else keras.layers.Concatenate(name="z_vars")([latent, latent])


def feature_head(built: BuiltModel) -> keras.layers.Dense:
    """Return the dense layer that gives one number for each column of the features or of the matrix."""
    return built.model.get_layer(next(name for name in ("x_rec", LOGITS, "output") if name in _names(built)))


def decoder(built: BuiltModel, output: str) -> Callable[[Any], Any]:
    """Return the function from latent codes (n, latent_dim) to a node-wise output, e.g. ``"x_rec"``."""
    if output != "output":
        return built.model.get_layer(output)  # type: ignore[no-any-return]
    z = built.model.get_layer("z").output if "z" in _names(built) else built.encoder.output["z_mean"]
    return keras.Model(z, built.model.output["output"])  # type: ignore[no-any-return]


def _names(built: BuiltModel) -> set[str]:
    return {layer.name for layer in built.model.layers}


def pair_factors(
    built: BuiltModel, z_mean: np.ndarray, totals: np.ndarray | None = None, units: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return factors whose inner products are the logits of pairs.

    Parameters
    ----------
    built : BuiltModel
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
        The logit of pair (i, j) is ``left_i . right_j``. For a VGAE both are `z_mean` or what its decoder makes
        of it (nothing is said of a decoder without factors: see :func:`pair_scorer`); for a VAE the rows of
        `left` are the decoder's last hidden layer with a 1, those of `right` a column's weights and bias.
    """
    if "adj_rec" in built.model.output:
        return decoders.factors(built.model, z_mean)
    hidden: Any = z_mean
    for layer in built.model.layers:
        if layer.name.startswith("decoder_"):
            hidden = layer(hidden)
    kernel, bias = (np.asarray(weight) for weight in feature_head(built).weights)
    left = np.asarray(hidden)
    left = np.concatenate([left, np.ones((len(left), 1), np.float32)], axis=1)
    right = np.concatenate([kernel.T, bias[:, None]], axis=1)
    if units is not None:
        right = (right * units[:, None]).astype(np.float32)
    return (left, right) if totals is None else with_totals(left, right, totals)


def pair_scorer(
    built: BuiltModel,
    spec: ModelSpec,
    z_mean: np.ndarray,
    totals: np.ndarray | None = None,
    units: np.ndarray | None = None,
) -> Score:
    """Return the function from pairs int64 (n_pairs, 2) to their logits, float32 (n_pairs,), for any decoder.

    Parameters are those of :func:`pair_factors`, with the network's settings.
    """
    weights = pair_weights(built, spec)
    factors = (z_mean, z_mean) if weights else pair_factors(built, z_mean, totals, units)
    return scorer(z_mean, factors, spec.decoder, weights)


def pair_weights(built: BuiltModel, spec: ModelSpec) -> dict[str, np.ndarray]:
    """Return the weights of a decoder of pairs that has no factors; empty for any other."""
    return decoders.weights(built.model, spec.decoder) if "adj_rec" in built.model.output else {}


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
    with keras.StatelessScope(initialize_variables=False):  # whatever their size, variables have shapes only
        built = build(spec, profile)
    _, notes = compile_arguments(built.outputs)
    return description(built, spec, profile, notes)


def description(built: BuiltModel, spec: RunSpec, profile: Profile, notes: list[Any]) -> dict[str, Any]:
    """Return the JSON description of an already built model."""
    model = built.model
    kind = {"decoder": spec.model.decoder} if spec.model.family == "vgae" else {}
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
        **kind,
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
