"""Encoders against the formulas of their papers, written densely in NumPy."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import keras
import numpy as np
import psutil
import pytest
import tensorflow as tf
from scipy import sparse, stats

from tests.graphs import communities, graph_from, karate
from vgae_core.analysis.network import LOG_VAR_BOUNDS
from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.catalogue.families import FAMILIES
from vgae_core.data.dataset import Profile
from vgae_core.data.propagation import normalise
from vgae_core.errors import DataError, SpecError
from vgae_core.nn.latent_layers import BoundLogVar, SampleNormal
from vgae_core.nn.layers import FeatureDropout
from vgae_core.nn.losses import kl_normal
from vgae_core.nn.models import build, describe
from vgae_core.nn.pair_layers import PairDots
from vgae_core.nn.sparse import to_sparse_tensor
from vgae_core.settings import ModelSpec, RunSpec
from vgae_core.settings.defaults import for_family, offered_outputs

GRAPH_ENCODERS = sorted(name for name, entry in ENCODERS.items() if "vgae" in entry.families)


def dense_normalised(adjacency):
    looped = adjacency + np.eye(len(adjacency))
    scale = 1 / np.sqrt(looped.sum(1))
    return scale[:, None] * looped * scale[None, :]


def encode(built, graph, how="symmetric"):
    inputs = {"adjacency": to_sparse_tensor(normalise(graph.adjacency, how))}
    if graph.features is not None:
        sparse_input = sparse.issparse(graph.features)
        x = graph.features
        inputs["features"] = to_sparse_tensor(x) if sparse_input else keras.ops.convert_to_tensor(x)
    return {k: v.numpy() for k, v in built.encoder(inputs, training=False).items()}


def weights(built, layer):
    return [w.numpy() for w in built.encoder.get_layer(layer).weights]


def test_normalise_equals_the_dense_formula():
    graph = communities()
    dense = graph.adjacency.toarray()
    np.testing.assert_allclose(normalise(graph.adjacency).toarray(), dense_normalised(dense), rtol=1e-6)


def test_normalise_of_arcs_lets_nodes_hear_from_their_sources():
    arcs = np.zeros((3, 3))
    arcs[0, 1] = arcs[0, 2] = 1
    got = normalise(sparse.csr_array(arcs)).toarray()
    assert got[1, 0] == pytest.approx(
        1 / np.sqrt(2 * 3)
    )  # in-degree of 1 (with loop) 2, out-degree of 0 is 3
    assert got[0, 1] == 0


def test_negative_weights_are_refused():
    with pytest.raises(DataError, match=r"-2"):
        normalise(sparse.csr_array(np.array([[0, -2.0], [-2.0, 0]])))


def test_no_encoder_is_without_a_formula_here():
    with_a_formula = {"gcn", "normalised", "linear", "sgc", "appnp", "sage"}
    assert {name for name, entry in ENCODERS.items() if "vgae" in entry.families} == with_a_formula


@pytest.mark.parametrize("dense", [False, True])
def test_gcn_equals_kipf(dense):
    graph = communities(dense=dense)
    spec = RunSpec(model=ModelSpec(encoder="gcn", hidden_units=(8,), latent_dim=3))
    built = build(spec, graph.profile)
    x = graph.features.toarray() if sparse.issparse(graph.features) else graph.features
    a = dense_normalised(graph.adjacency.toarray())
    hidden = np.maximum(a @ x @ weights(built, "hidden_1")[0], 0)
    got = encode(built, graph)
    kernel = weights(built, "latent_map")[0]
    np.testing.assert_allclose(got["z_mean"], a @ hidden @ kernel[:, :3], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(got["z_log_var"], a @ hidden @ kernel[:, 3:], rtol=1e-3, atol=1e-5)


def test_normalised_equals_vgnae():
    graph = communities()
    built = build(RunSpec(model=ModelSpec(encoder="normalised", latent_dim=5)), graph.profile)
    kernel, bias = weights(built, "latent_map")
    mapped = graph.features.toarray() @ kernel + bias
    rows = mapped[:, :5]
    rows = 1.8 * rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    a, got = dense_normalised(graph.adjacency.toarray()), encode(built, graph)
    np.testing.assert_allclose(got["z_mean"], a @ rows, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(got["z_log_var"], a @ mapped[:, 5:], rtol=1e-3, atol=1e-5)


def code(graph, **settings):
    """Return the code of a fresh encoder, its layers' weights and the dense matrices."""
    built = build(RunSpec(model=ModelSpec(latent_dim=3, **settings)), graph.profile)
    how = ENCODERS[settings["encoder"]].propagation
    return encode(built, graph, how)["z_mean"], lambda layer: weights(built, layer), graph.features.toarray()


def test_linear_is_one_hop():
    graph = communities()
    got, w, x = code(graph, encoder="linear")
    a = dense_normalised(graph.adjacency.toarray())
    np.testing.assert_allclose(got, (a @ x @ w("latent_map")[0])[:, :3], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("hops", [1, 2, 5])
def test_sgc_is_a_power_of_the_hop(hops):
    graph = communities()
    got, w, x = code(graph, encoder="sgc", hops=hops)
    a = np.linalg.matrix_power(dense_normalised(graph.adjacency.toarray()), hops)
    np.testing.assert_allclose(got, (a @ x @ w("latent_map")[0])[:, :3], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("hops", "teleport"), [(1, 0.3), (4, 0.1), (400, 0.2)])
def test_appnp_returns_to_its_start(hops, teleport):
    graph = communities()
    got, w, x = code(graph, encoder="appnp", hops=min(hops, 50), teleport=teleport, hidden_units=(8,))
    hidden = np.maximum(x @ w("hidden_1")[0] + w("hidden_1")[1], 0)
    start = hidden @ w("latent_map")[0] + w("latent_map")[1]
    a, expected = dense_normalised(graph.adjacency.toarray()), start
    if hops > 50:  # 50 hops are as good as endless ones, whose formula is closed
        expected = teleport * np.linalg.solve(np.eye(len(a)) - (1 - teleport) * a, start)
    else:
        for _ in range(hops):
            expected = (1 - teleport) * a @ expected + teleport * start
    np.testing.assert_allclose(got, expected[:, :3], rtol=2e-3, atol=1e-4)


def test_sage_is_own_and_mean():
    graph = communities()
    got, w, x = code(graph, encoder="sage", hidden_units=(8,))
    dense = graph.adjacency.toarray()
    mean = dense / np.maximum(dense.sum(1, keepdims=True), 1)

    def layer(h, name):
        own, near = np.split(h @ w(f"{name}_maps")[0] + w(f"{name}_maps")[1], 2, axis=1)
        return own + mean @ near

    expected = layer(np.maximum(layer(x, "hidden_1"), 0), "latent")
    np.testing.assert_allclose(got, expected[:, :3], rtol=1e-3, atol=1e-5)


def test_the_mean_over_neighbours_weighs_edges_and_leaves_lonely_nodes_at_zero():
    arcs = np.zeros((4, 4), np.float32)
    arcs[0, 1], arcs[2, 1], arcs[1, 0] = 3, 1, 2
    got = normalise(sparse.csr_array(arcs), "mean").toarray()
    np.testing.assert_allclose(got, [[0, 1, 0, 0], [0.75, 0, 0.25, 0], [0, 0, 0, 0], [0, 0, 0, 0]])


def test_settings_that_an_encoder_does_not_use_are_told():
    assert ModelSpec(encoder="appnp").unused() == {"decoder_units"}
    assert ModelSpec(encoder="linear", decoder="hadamard_mlp").unused() == {
        "hidden_units",
        "dropout",
        "batch_normalisation",
        "hops",
        "teleport",
    }


@pytest.mark.parametrize("encoder", ["gcn", "appnp", "sage"])
def test_hidden_units_can_be_normalised_over_the_nodes(encoder):
    model = ModelSpec(encoder=encoder, hidden_units=(8, 4), latent_dim=3, batch_normalisation=True)
    built = build(RunSpec(model=model), communities().profile)
    for depth, units in ((1, 8), (2, 4)):
        layer, after = (built.encoder.get_layer(f"hidden_{depth}_{end}") for end in ("normalised", "relu"))
        assert after.input is layer.output
        rows = np.random.default_rng(depth).normal(3, 2, (50, units)).astype(np.float32)
        got = np.asarray(layer(rows, training=True))
        np.testing.assert_allclose(
            got, (rows - rows.mean(0)) / np.sqrt(rows.var(0) + 1e-3), rtol=1e-3, atol=1e-4
        )


@pytest.mark.parametrize("encoder", ["gcn", "appnp", "sage"])
def test_input_and_hidden_layers_have_dropouts_of_their_own(encoder):
    model = ModelSpec(encoder=encoder, hidden_units=(8,), latent_dim=3, input_dropout=0.7, dropout=0.2)
    built = build(RunSpec(model=model), communities().profile)
    for layer in built.encoder.layers:
        if isinstance(layer, FeatureDropout):
            assert layer.rate == (0.7 if layer.input is built.encoder.input["features"] else 0.2)
    assert sum(isinstance(layer, FeatureDropout) for layer in built.encoder.layers) == 2


@pytest.mark.parametrize("encoder", GRAPH_ENCODERS)
def test_without_features_the_first_map_is_a_table(encoder):
    graph = karate()
    built = build(RunSpec(model=ModelSpec(encoder=encoder, latent_dim=4)), graph.profile)
    assert "features" not in built.model.input
    assert encode(built, graph)["z_mean"].shape == (34, 4)


@pytest.mark.parametrize("encoder", GRAPH_ENCODERS)
def test_renumbering_the_nodes_renumbers_the_code(encoder):
    graph = communities()
    built = build(RunSpec(model=ModelSpec(encoder=encoder, latent_dim=4)), graph.profile)
    order = np.random.default_rng(1).permutation(graph.n_nodes)
    turned = graph_from(graph.adjacency[order][:, order], graph.features[order])
    np.testing.assert_allclose(
        encode(built, turned)["z_mean"], encode(built, graph)["z_mean"][order], rtol=1e-4, atol=1e-5
    )


def test_plain_auto_encoder_has_no_variance():
    graph = karate()
    built = build(RunSpec(model=ModelSpec(variational=False)), graph.profile)
    assert set(built.encoder.output) == {"z_mean"}


@pytest.mark.parametrize("encoder", ENCODERS)
def test_an_encoder_is_looked_up_by_every_family_it_names_and_by_no_other(encoder, monkeypatch):
    entry = ENCODERS[encoder]
    monkeypatch.setitem(
        ENCODERS, encoder, dataclasses.replace(entry, builder="tests.nn.test_encoders:unbuilt")
    )
    for family in FAMILIES:
        data = {"feature_kind": "binary", "has_labels": False}
        if family not in entry.families:
            with pytest.raises(SpecError, match="not one of"):
                for_family(RunSpec(), family, **data).replace("model.encoder", encoder)
            continue
        with pytest.raises(NotImplementedError):
            build(
                for_family(RunSpec(), family, **data).replace("model.encoder", encoder), communities().profile
            )


def unbuilt(given, model):
    raise NotImplementedError


def test_pair_scores_are_inner_products():
    z = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    pairs = np.array([[0, 1], [2, 2], [5, 3]])
    expected = [[z[i] @ z[j]] for i, j in pairs]
    np.testing.assert_allclose(PairDots()([z, z, pairs]), expected, rtol=1e-5)


def test_sampling_has_the_mean_and_the_spread_it_is_given():
    mean, log_var = np.full((20_000, 2), 3.0, np.float32), np.full((20_000, 2), np.log(4.0), np.float32)
    layer = SampleNormal(seed=0)
    latent = np.concatenate([mean, log_var], axis=1)
    drawn = layer(latent, training=True).numpy()
    assert drawn.mean() == pytest.approx(3.0, abs=5 * 2 / np.sqrt(40_000))
    assert drawn.std() == pytest.approx(2.0, rel=0.03)
    np.testing.assert_array_equal(layer(latent, training=False), mean)


@pytest.mark.parametrize("columns", [1, 4, 5])
def test_noise_is_standard_normal_and_its_columns_are_independent(columns):
    layer, n = SampleNormal(seed=1), 20_000
    drawn = layer(np.zeros((n, 2 * columns), np.float32), training=True).numpy()
    assert drawn.shape == (n, columns)
    assert stats.kstest(drawn.ravel(), "norm").pvalue > 1e-3
    assert drawn.min() < -3 < 3 < drawn.max()
    for of in (drawn, drawn**2):  # two share a radius: their squares must not be correlated either
        between = np.atleast_2d(np.corrcoef(of.T))[np.triu_indices(columns, 1)]
        assert (np.abs(between) < 5 / np.sqrt(n)).all()


def test_dropout_of_a_sparse_input_drops_stored_entries_only():
    matrix = sparse.csr_array(np.tril(np.ones((100, 100), np.float32)))
    tensor = to_sparse_tensor(matrix)
    layer = FeatureDropout(0.25, seed=0)
    dropped = layer(tensor, training=True)
    np.testing.assert_array_equal(dropped.indices, tensor.indices)
    values = dropped.values.numpy()
    assert set(np.round(np.unique(values), 5)) == {0.0, np.float32(1.33333)}
    assert np.mean(values == 0) == pytest.approx(0.25, abs=0.03)
    assert layer(tensor, training=False) is tensor


def test_description_counts_what_the_model_has():
    graph = communities()
    outputs = [
        o.to_dict() | {"enabled": True} for o in offered_outputs(feature_kind="binary", has_labels=True)
    ]
    spec = RunSpec.from_dict({"model": {"latent_dim": 5}, "outputs": outputs})
    text = describe(spec, graph.profile)
    expected = 2 * (30 * 5 + 5) + (5 * 30 + 30) + (5 * 4 + 4)
    assert text["parameters"] == expected
    assert sum(layer["parameters"] for layer in text["layers"]) == expected
    assert set(text["outputs"]) == {"adj_rec", "z_vars", "x_rec", "labels"}
    assert text["estimate"]["memory_mib"] > 0
    assert "sparse" in text["inputs"]["adjacency"]


@pytest.mark.parametrize("encoder", ["normalised", "gcn", "sage"])
def test_a_model_is_described_without_the_memory_it_would_take(encoder):
    profile = Profile(2_000_000, 20_000_000, 200_000, 1_000_000, "binary", True, 0, False, False)
    spec = RunSpec().replace("model.latent_dim", 1024).replace("model.hidden_units", (2048,))
    describe(RunSpec(), profile)  # what is loaded once
    before = psutil.Process().memory_info().rss
    text = describe(spec.replace("model.encoder", encoder), profile)
    assert text["parameters"] > 400_000_000  # 1.6 GB
    assert psutil.Process().memory_info().rss - before < 100 * 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells the peak of a part of a process")
def test_the_next_model_does_not_take_the_memory_of_one_described():
    profile = Profile(2_000_000, 20_000_000, 200_000, 1_000_000, "binary", True, 0, False, False)
    describe(RunSpec().replace("model.latent_dim", 1024), profile)
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts anew
    before = psutil.Process().memory_info().rss
    keras.layers.Lambda(keras.ops.sin)(keras.Input((3,)))
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
    assert peak - before < 100 * 2**20


@pytest.mark.parametrize(
    ("name", "loss", "fragment"),
    [
        ("x_rec", "mean_squared_error", "no features"),
        ("labels", "sparse_categorical_crossentropy", "two classes"),
    ],
)
def test_an_output_without_data_is_refused(name, loss, fragment):
    graph = graph_from(karate().adjacency)
    values = RunSpec().to_dict()
    values["outputs"].append({"name": name, "loss": loss, "weight": 1.0, "metrics": []})
    with pytest.raises(SpecError, match=fragment):
        build(RunSpec.from_dict(values), graph.profile)


def test_layers_survive_keras_saving(tmp_path):
    graph = communities()
    built = build(RunSpec(model=ModelSpec(dropout=0.1)), graph.profile)
    built.encoder.save(tmp_path / "encoder.keras")
    loaded = keras.models.load_model(tmp_path / "encoder.keras")
    inputs = {
        "adjacency": to_sparse_tensor(normalise(graph.adjacency)),
        "features": to_sparse_tensor(graph.features),
    }
    np.testing.assert_allclose(
        loaded(inputs)["z_mean"], built.encoder(inputs, training=False)["z_mean"], rtol=1e-6
    )


def test_log_variances_within_bounds_and_their_gradients_stay_bit_for_bit():
    low, high = LOG_VAR_BOUNDS
    rng = np.random.default_rng(0)
    latent = np.concatenate(
        [rng.normal(scale=100.0, size=(50, 4)), rng.uniform(low, high, (50, 4))], axis=1
    ).astype(np.float32)
    np.testing.assert_array_equal(BoundLogVar()(latent), latent)
    wild = latent.copy()
    wild[:3, 4:] = [[1e30, 88.0, 37.0, 36.5], [-1e30, -88.0, -37.0, -36.5], [36.0, -36.0, 0.0, 1.0]]
    expected = np.concatenate([wild[:, :4], np.clip(wild[:, 4:], low, high)], axis=1)
    x = tf.constant(wild)
    with tf.GradientTape() as tape:
        tape.watch(x)
        bounded = BoundLogVar()(x)
        divergence = tf.reduce_sum(kl_normal(None, bounded))
    np.testing.assert_array_equal(bounded, expected)
    assert np.isfinite(divergence)
    # That of the closed form at the bound: it leads back from beyond.
    mean, log_var = expected[:, :4].astype(np.float64), expected[:, 4:].astype(np.float64)
    gradient = np.concatenate([mean, 0.5 * (np.exp(log_var) - 1)], axis=1)
    np.testing.assert_allclose(tape.gradient(divergence, x), gradient, rtol=1e-4, atol=1e-5)
