"""Networks of graphs: several inputs, several outputs, all nodes in every step or the rows of some."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.catalogue.node_inputs import NODE_INPUTS
from vgae_core.data.dataset import Profile
from vgae_core.data.node_inputs import input_columns
from vgae_core.errors import SpecError
from vgae_core.nn import decoders
from vgae_core.nn.encoders import GraphInput, encode, once
from vgae_core.nn.exact import AllPairsCrossentropy
from vgae_core.nn.latent import bounded, parts, sample, z_vars
from vgae_core.nn.layers import TakeRows
from vgae_core.nn.models import BuiltModel
from vgae_core.nn.seeds import Seeds
from vgae_core.settings import ModelSpec, RunSpec
from vgae_core.settings.resolved_outputs import Objective, Output


class GraphModel(BuiltModel):
    """Inputs ``adjacency``, ``features`` if there are any, ``pairs``, and ``nodes`` if a node-wise output is on."""

    @property
    def kind(self) -> dict[str, str]:
        """What the description of the model says of how pairs are decoded."""
        return {"decoder": self.spec.decoder}

    @property
    def feature_head(self) -> keras.layers.Dense:
        """The dense layer that gives one number for each column of the features."""
        return self.model.get_layer("x_rec")

    def decoder(self, output: str) -> Callable[[Any], Any]:
        """Return the layer of a node-wise output."""
        return self.model.get_layer(output)  # type: ignore[no-any-return]

    def factors(
        self, z_mean: np.ndarray, totals: np.ndarray | None = None, units: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the codes twice, or what the decoder makes of them; see :meth:`BuiltModel.factors`.

        Of a decoder without factors they say nothing: see :meth:`BuiltModel.scorer`.
        """
        return decoders.factors(self.model, z_mean)

    def decoder_weights(self) -> dict[str, np.ndarray]:
        """Return the weights of a decoder that has no factors; empty for any other."""
        return decoders.weights(self.model, self.spec.decoder)


def build_vgae(spec: RunSpec, profile: Profile, resolved: dict[str, Output]) -> GraphModel:
    """Several inputs, several outputs: a graph and the pairs to score."""
    decoders.check(spec.model, directed=profile.directed)
    if profile.n_first and spec.training.supervision == "all":
        raise SpecError(
            "Supervision by all pairs includes pairs within one side, which a two-sided graph cannot have.",
            where="training.supervision",
            mend="Choose sampled supervision, which draws pairs across the two sides.",
        )
    seeds = Seeds(spec.seed)
    encoding = _once if spec.training.propagation == "once" else _every_step
    inputs, latent = encoding(spec, profile, seeds)
    latent = bounded(latent, spec.model)
    encoder = keras.Model(dict(inputs), parts(latent, spec.model), name="encoder")

    pairs = keras.Input((2,), dtype="int32", name="pairs")
    inputs["pairs"] = pairs
    z = sample(latent, spec.model, seeds)
    outputs: dict[str, Any] = {}
    node_rows: Any = None
    for output in resolved.values():
        if output.name == "adj_rec":
            if spec.training.supervision == "all":
                outputs["adj_rec"] = _all_pairs(output.loss, spec.model)([z, pairs])
            else:
                outputs["adj_rec"] = decoders.decode(z, pairs, spec.model, seeds)
        elif output.name == "z_vars":
            outputs["z_vars"] = z_vars(latent, spec.model)
        else:
            if node_rows is None:
                nodes = keras.Input((1,), dtype="int32", name="nodes")
                inputs["nodes"] = nodes
                node_rows = TakeRows(name="node_rows")([z, nodes])
            outputs[output.name] = seeds.dense(output.columns, output.name)(node_rows)
    return GraphModel(keras.Model(inputs, outputs, name="vgae"), encoder, resolved, spec.model)


def _every_step(spec: RunSpec, profile: Profile, seeds: Seeds) -> tuple[dict[str, Any], Any]:
    """Return the inputs of an encoder that sees the whole graph in every step, and the latent distribution."""
    n = profile.n_nodes
    adjacency = keras.Input((n,), batch_size=n, sparse=True, name="adjacency")
    inputs: dict[str, Any] = {"adjacency": adjacency}
    features = None
    columns = input_columns(spec.model, profile)
    if columns:
        features = keras.Input((columns,), batch_size=n, sparse=profile.sparse_features, name="features")
        inputs["features"] = features

    free = not profile.n_features and NODE_INPUTS[spec.model.node_input].free
    symmetric = not profile.directed and ENCODERS[spec.model.encoder].propagation == "symmetric"
    graph = GraphInput(features, adjacency, n, symmetric=symmetric, free=free)
    return inputs, encode(graph, spec.model, seeds)


def _once(spec: RunSpec, profile: Profile, seeds: Seeds) -> tuple[dict[str, Any], Any]:
    """Return the input of an encoder of rows that messages have reached already, and the latent distribution."""
    if ENCODERS[spec.model.encoder].once == "never":
        fitting = [name for name, entry in ENCODERS.items() if entry.once != "never"]
        raise SpecError(
            f"Encoder `{spec.model.encoder}` has weights before its first hop, so propagation cannot be `once`.",
            where="training.propagation",
            mend=f"Choose the encoder {', '.join(fitting[:-1])} or {fitting[-1]}, or propagation `every_step`.",
        )
    if not profile.n_features and NODE_INPUTS[spec.model.node_input].free:
        inputs = " or ".join(f"`{name}`" for name, entry in NODE_INPUTS.items() if not entry.free)
        raise SpecError(
            "The data have no features, and learned embeddings come before the first hop, so propagation cannot be "
            "`once`.",
            where="model.node_input",
            mend=f"Choose {inputs}, or propagation `every_step`.",
        )
    for what, wrong in (
        ("training.supervision", spec.training.supervision == "all"),
        *((f"outputs.{o.name}", o.name not in ("adj_rec", "z_vars")) for o in spec.active_outputs),
    ):
        if wrong:
            raise SpecError(
                "With propagation `once`, a step sees only some of the nodes.",
                where=what,
                mend="Choose sampled supervision and only the outputs adj_rec and z_vars, or propagation `every_step`.",
            )
    rows = keras.Input((input_columns(spec.model, profile),), name="rows")
    return {"rows": rows}, once(rows, spec.model, seeds)


def _all_pairs(loss: Objective, model: ModelSpec) -> AllPairsCrossentropy:
    """Return the layer that scores all pairs of nodes with the output's loss."""
    if model.decoder != "inner_product":
        raise SpecError(
            f"Supervision by all pairs needs the inner-product decoder. Received: {model.decoder}.",
            where="model.decoder",
            mend="Choose `inner_product`, or sampled supervision.",
        )
    name, config = loss.key, loss.config
    if name == "weighted_binary_crossentropy":
        return AllPairsCrossentropy(**config, name="adj_rec")
    if name == "binary_crossentropy" and not config["label_smoothing"]:
        return AllPairsCrossentropy(name="adj_rec")
    raise SpecError(
        f"Supervision by all pairs needs cross-entropy, plain or weighted. Received: {name}.",
        where="outputs.adj_rec",
        mend="Choose `binary_crossentropy` or `weighted_binary_crossentropy`, or sampled supervision.",
    )
