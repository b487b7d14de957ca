"""Decoders of pairs against their formulas in plain NumPy, in training, after it, and in whole runs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from scipy import sparse

from tests.graphs import communities, graph_from
from vgae_core.analysis import decoders as plain
from vgae_core.analysis.metrics import link_metrics
from vgae_core.catalogue.decoders import DECODERS
from vgae_core.errors import RunError, SpecError
from vgae_core.nn.models import build
from vgae_core.nn.pair_layers import PairDots
from vgae_core.runs.execution.pipeline import execute
from vgae_core.runs.results.result_parts import result_from_parts, result_to_parts
from vgae_core.settings import ModelSpec, RunSpec

D = 6


def directed_graph(decoder="source_target", n=90, seed=0):
    """Return arcs from a group to the next one, or within a group to its heavy nodes."""
    rng = np.random.default_rng(seed)
    group, mass = np.arange(n) % 3, np.arange(n) / n
    chance = np.where((group[:, None] + 1) % 3 == group[None, :], 0.3, 0.02)
    if decoder == "gravity":
        chance = np.where(group[:, None] == group[None, :], 0.6 * mass[None, :] ** 2, 0.02)
    arcs = (rng.random((n, n)) < chance) & ~np.eye(n, dtype=bool)
    noise = 0.1 * rng.normal(size=(n, 3))
    features = np.column_stack([np.eye(3)[group] + noise, 2 * mass]).astype(np.float32)
    return graph_from(arcs.astype(np.float32), features, directed=True)


def made(decoder):
    """Return a model with weights that are not the initial ones, codes and pairs."""
    graph = directed_graph() if DECODERS[decoder].directed else communities()
    spec = RunSpec(model=ModelSpec(decoder=decoder, latent_dim=D, decoder_units=5))
    built = build(spec, graph.profile)
    rng = np.random.default_rng(1)
    for weight in built.model.trainable_variables:
        weight.assign(rng.normal(size=weight.shape) * 0.7)
    z = rng.normal(size=(graph.n_nodes, D)).astype(np.float32)
    pairs = rng.integers(0, graph.n_nodes, (40, 2))
    return built, spec, z, pairs


def dense_logits(decoder, built, z):
    """Return the logits of all pairs, float64 (n, n), one pair at a time."""
    weights = {w.path: np.asarray(w, np.float64) for w in built.model.weights}
    w = {path.split("/")[-2] + "/" + path.split("/")[-1]: value for path, value in weights.items()}
    z, n = z.astype(np.float64), len(z)

    def logit(a, b):
        if decoder == "inner_product":
            return a @ b
        if decoder == "inner_product_bias":
            term = w["pair_factors/kernel"][:, 0]
            return a @ b + term @ a + term @ b + w["pair_factors/bias"]
        if decoder == "distance":
            return w["pair_factors/bias"] - np.exp(w["pair_factors/log_scale"]) * np.sum((a - b) ** 2)
        if decoder == "distmult":
            return np.sum(w["pair_factors/scale"] * a * b) + w["pair_factors/bias"]
        if decoder == "hadamard_mlp":
            hidden = np.maximum((a * b) @ w["pair_hidden/kernel"] + w["pair_hidden/bias"], 0)
            return (hidden @ w["adj_rec/kernel"] + w["adj_rec/bias"])[0]
        if decoder == "source_target":
            return a[: D // 2] @ b[D // 2 :] + w["pair_factors/bias"]
        assert decoder == "gravity"
        apart = np.sum((a[:-1] - b[:-1]) ** 2)
        return b[-1] - np.exp(w["adj_rec/log_strength"]) * np.log(apart + 0.01) + w["adj_rec/bias"]

    return np.array([[logit(z[i], z[j]) for j in range(n)] for i in range(n)])


def network_logits(built, z, pairs):
    """Return what the layers of the training model give for codes of one's own."""
    model = built.model
    names = {layer.name for layer in model.layers}
    pairs = tf.constant(pairs, tf.int32)
    if "pair_factors" in names:
        left, right = tf.split(model.get_layer("pair_factors")(z), 2, axis=1)
        return model.get_layer("adj_rec")([left, right, pairs])
    if "pair_products" in names:
        products = model.get_layer("pair_products")([tf.constant(z), pairs])
        return model.get_layer("adj_rec")(model.get_layer("pair_hidden")(products))
    layer, z = model.get_layer("adj_rec"), tf.constant(z)
    return layer([z, z, pairs] if isinstance(layer, PairDots) else [z, pairs])


@pytest.mark.parametrize("decoder", list(DECODERS))
def test_the_network_and_what_is_kept_of_it_equal_the_formula(decoder):
    built, _, z, pairs = made(decoder)
    expected = dense_logits(decoder, built, z)[tuple(pairs.T)]
    got = np.asarray(network_logits(built, z, pairs))[:, 0]
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-3)
    kept = built.scorer(z)(pairs)
    np.testing.assert_allclose(kept, expected, rtol=1e-3, atol=1e-3)
    assert kept.dtype == np.float32


@pytest.mark.parametrize("decoder", list(DECODERS))
def test_only_directed_decoders_tell_directions_apart(decoder):
    built, _, z, pairs = made(decoder)
    score = built.scorer(z)
    same = np.allclose(score(pairs), score(pairs[:, ::-1]), rtol=1e-4, atol=1e-4)
    assert same != DECODERS[decoder].directed


@pytest.mark.parametrize("name", DECODERS)
def test_weights_are_those_the_entry_names(name):
    built, spec, *_ = made(name)
    entry, weights = DECODERS[name], built.decoder_weights()
    assert set(weights) == (set() if entry.factors else set(entry.weights))
    for key, value in weights.items():
        assert value.shape == entry.weights[key].sizes(spec.model)


@pytest.mark.parametrize("decoder", ["hadamard_mlp", "gravity"])
def test_scores_do_not_depend_on_the_block(decoder, monkeypatch):
    built, _, z, pairs = made(decoder)
    whole = built.scorer(z)(pairs)
    monkeypatch.setattr(plain, "_BLOCK", 64)
    np.testing.assert_allclose(built.scorer(z)(pairs), whole, rtol=1e-5)


@pytest.mark.parametrize("directed", [False, True])
def test_a_bilinear_score_is_found_exactly(directed):
    rng = np.random.default_rng(0)
    z = rng.normal(size=(50, D)).astype(np.float32)
    scale, u, v = rng.normal(size=D), rng.normal(size=D), rng.normal(size=D)
    v = v if directed else u
    square = np.square(z).sum(1)
    every = (z * scale) @ z.T + 0.3 * (square[:, None] + square) + (z @ u)[:, None] + z @ v + 2
    pairs = rng.integers(0, 50, (2000, 2))
    left, right = plain.bilinear(z, pairs, every[tuple(pairs.T)], directed=directed)
    np.testing.assert_allclose(left @ right.T, every, atol=0.1)


def test_senseless_choices_are_refused():
    graph = communities()
    for model, fragment in (
        (ModelSpec(decoder="gravity"), "needs a directed graph"),
        (ModelSpec(decoder="source_target"), "needs a directed graph"),
    ):
        with pytest.raises(SpecError, match=fragment):
            build(RunSpec(model=model), graph.profile)
    for model, fragment in (
        (ModelSpec(decoder="source_target", latent_dim=5), "code of length 5"),
        (ModelSpec(decoder="gravity", latent_dim=1), "code of length 1"),
    ):
        with pytest.raises(SpecError, match=fragment):
            build(RunSpec(model=model), directed_graph().profile)
    spec = RunSpec(model=ModelSpec(decoder="distance")).replace("training.supervision", "all")
    with pytest.raises(SpecError, match="inner-product"):
        build(spec, graph.profile)


@pytest.mark.parametrize("decoder", list(DECODERS))
def test_a_whole_run_with_every_decoder(decoder):
    graph = directed_graph(decoder) if DECODERS[decoder].directed else communities()
    model = {"decoder": decoder, "latent_dim": 8, "decoder_units": 8, "encoder": "linear"}
    spec = RunSpec.from_dict({"model": model, "training": {"epochs": 60}, "stacking": False})
    result = execute(spec, graph)
    again = execute(spec, graph)
    assert result.metrics["test"]["roc_auc"] > 0.6
    np.testing.assert_array_equal(result.z_mean, again.z_mean)  # also through the gradients of this decoder

    pairs = np.concatenate([result.split.test, result.split.test_neg])
    truth = np.arange(len(pairs)) < len(result.split.test)
    kept = result_from_parts(*result_to_parts(result), n_nodes=graph.n_nodes)
    score = kept.scorer(graph)
    np.testing.assert_allclose(score(pairs), result.scores["model"], rtol=1e-5, atol=1e-6)
    assert link_metrics(truth, result.scores["model"]).items() <= result.metrics["test"].items()
    assert kept.family.links_nodes

    score = kept.link_scorer(graph)
    found, logits = kept.missing_links(graph, 25)
    np.testing.assert_allclose(score(found), logits, rtol=1e-4, atol=1e-4)
    free = ~graph.adjacency.toarray().astype(bool) & ~np.eye(graph.n_nodes, dtype=bool)
    free = free if graph.directed else np.triu(free, 1)
    every = score(np.argwhere(free))
    if DECODERS[decoder].factors:
        np.testing.assert_allclose(logits, np.sort(every)[::-1][:25], rtol=1e-4, atol=1e-4)
    else:  # among 1250 candidates of some 7000 pairs hardly one of the best 25 is missed
        assert np.mean(logits >= np.sort(every)[-25]) >= 0.8


def test_a_stored_decoder_that_does_not_fit_is_refused():
    spec = RunSpec.from_dict(
        {"model": {"decoder": "hadamard_mlp", "latent_dim": 4}, "training": {"epochs": 1}}
    )
    documents, arrays = result_to_parts(execute(spec, communities()))
    for change in ({"decoder_kernel": np.zeros((3, 64), np.float32)}, {"decoder_out": np.zeros(64)}):
        with pytest.raises(RunError, match=next(iter(change))):
            result_from_parts(documents, {**arrays, "embedding": {**arrays["embedding"], **change}})
    missing = {k: v for k, v in arrays["embedding"].items() if k != "decoder_bias"}
    with pytest.raises(RunError, match="embedding"):
        result_from_parts(documents, {**arrays, "embedding": missing})


def test_the_message_graph_may_be_weighted_and_directed():
    graph = directed_graph()
    heavy = sparse.csr_array(graph.adjacency * np.float32(2.5))
    weighted = dataclasses.replace(graph, adjacency=heavy)
    result = execute(
        RunSpec.from_dict(
            {"model": {"decoder": "source_target", "encoder": "sage"}, "training": {"epochs": 3}}
        ),
        weighted,
    )
    assert np.isfinite(result.z_mean).all()
