"""Runs with random weights, asked without training, and their Keras models."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np

from tests.graphs import communities, graph_from
from vgae_core.catalogue.decoders import without_factors
from vgae_core.data.link_splits import split_links
from vgae_core.data.node_inputs import encoder_features
from vgae_core.nn.models import build, describe
from vgae_core.nn.objectives import compile_arguments  # noqa: F401  registers losses
from vgae_core.runs.results.result import RunResult
from vgae_core.settings import RunSpec
from vgae_core.training.events import Finished
from vgae_core.training.pair_batches import graph_inputs
from vgae_core.what_if.model import WhatIf

STACK = {
    "offset": -1.5, "network": 0.6, "degree_product": 0.2, "common_neighbours": 0.4, "adamic_adar": 0.3,
    "resource_allocation": 0.9, "feature_cosine": 0.8, "one_hop_cosine": 1.1,
}  # fmt: skip


def named(graph, prefix="n"):
    return dataclasses.replace(
        graph, node_ids=np.array([f"{prefix}{i}" for i in range(graph.n_nodes)], object)
    )


def small(n=40, *, directed=False, dense=False, weighted=False, seed=0):
    graph = communities(n=n, dense=dense, seed=seed)
    adjacency = graph.adjacency.toarray()
    rng = np.random.default_rng(seed)
    if weighted:
        weights = rng.integers(1, 5, adjacency.shape)
        adjacency = adjacency * np.maximum(weights, weights.T)
    if directed:
        adjacency = adjacency * (rng.random(adjacency.shape) < 0.7)
    return named(graph_from(adjacency, graph.features, graph.labels, directed=directed))


def asked(spec, graph, *, stack=None, seed=0):
    """Return a run of random weights that answers, and its Keras model."""
    keras.utils.set_random_seed(1)
    built = build(spec, graph.profile)
    rng = np.random.default_rng(seed)
    built.model.set_weights(
        [(np.abs(w) if w.ndim == 1 and (w == 1).all() else w) + 0.3 * np.abs(rng.normal(size=w.shape)).astype(w.dtype)
         for w in built.model.get_weights()]
    )  # fmt: skip
    model = dict(describe(spec, graph.profile))
    if stack:
        model["stack"] = stack
    d, split = spec.model.latent_dim, split_links(graph, spec.split, 0)
    result = RunResult(
        spec=spec, metrics={}, z_mean=np.zeros((graph.n_nodes, d), np.float32), z_log_var=None,
        split=split, scores={"model": np.zeros(len(split.test) + len(split.test_neg), np.float32)},
        state={f"model/{i}": w for i, w in enumerate(built.model.get_weights())},
        model=model, finished=Finished(reason="completed", best_epoch=1, seconds=1.0),
        decoder={"a": np.zeros(1)} if without_factors(spec.model.decoder) else {},
    )  # fmt: skip
    return WhatIf(result, graph), built


def keras_view(built, spec, graph, features=None):
    """Return codes of a graph by Keras, and the function from pairs to logits."""
    features = encoder_features(graph, graph.adjacency, spec) if features is None else features
    weights, built = (
        built.model.get_weights(),
        build(spec, graph.profile),
    )  # a model knows its number of nodes
    built.model.set_weights(weights)
    codes = built.encoder(graph_inputs(graph.adjacency, features, spec), training=False)
    z = np.asarray(codes["z_mean"])
    return {name: np.asarray(value) for name, value in codes.items()}, built.scorer(z)


def spec_of(graph, **model):
    spec = RunSpec.from_dict({"model": {"latent_dim": 4, **model}, "stacking": False, "scaling": "none"})
    return spec.replace("dataset.repairs.direction", "directed" if graph.directed else "undirected")
