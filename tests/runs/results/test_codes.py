"""Codes of all edges against a full pass of Keras, kept, worked out again and refused."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
from scipy import sparse

from tests.graphs import communities, graph_from, karate
from tests.runs.made import OTHER
from tests.runs.views.test_answers import keras_codes
from vgae_core.analysis.baselines import run_baselines
from vgae_core.analysis.stacking import joined
from vgae_core.catalogue.decoders import DECODERS
from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.data.entry_splits import without_entries
from vgae_core.data.link_splits import split_links
from vgae_core.data.node_inputs import matrix_scaling, scaled_features
from vgae_core.errors import RunError
from vgae_core.nn.models import build
from vgae_core.nn.sparse import to_sparse_tensor
from vgae_core.runs.execution.pipeline import execute
from vgae_core.runs.exports.bundle import export_bundle, import_bundles
from vgae_core.runs.results import codes as codes_module
from vgae_core.runs.results.codes import WHY, completed, with_all_edges
from vgae_core.runs.results.evaluation import evaluate_result
from vgae_core.runs.results.result_parts import result_from_parts, result_to_parts
from vgae_core.runs.store.folder import write_run_dir
from vgae_core.runs.views.answers import Answers
from vgae_core.settings import RunSpec
from vgae_core.settings.defaults import for_family, offered_outputs

ONCE = [name for name, entry in ENCODERS.items() if entry.once != "never"]
GRAPH_ENCODERS = [name for name, entry in ENCODERS.items() if "vgae" in entry.families]


def spec_of(directed=False, epochs=4, **model):
    spec = RunSpec.from_dict(
        {"model": {"latent_dim": 6, **model}, "training": {"epochs": epochs}, "stacking": False}
    )
    return spec.replace("dataset.repairs.direction", "directed" if directed else "undirected")


def directed(n=90):
    graph = communities(n=n)
    arcs = graph.adjacency.toarray() * (np.random.default_rng(0).random((n, n)) < 0.7)
    return graph_from(arcs, graph.features, graph.labels, directed=True)


def old(result):
    """Return the result as runs were kept before they had codes of all edges."""
    return dataclasses.replace(result, whole=None)


@pytest.fixture(scope="module")
def run():
    graph, spec = communities(), spec_of()
    return graph, execute(spec, graph)


# ------------------------------------------------------------------------------- graphs
@pytest.mark.parametrize("encoder", GRAPH_ENCODERS)
def test_codes_are_those_keras_gives_all_edges(encoder):
    graph = communities()
    result = execute(spec_of(encoder=encoder), graph)
    z = keras_codes(result, graph)
    scale = np.abs(z).max()
    np.testing.assert_allclose(result.codes.z_mean / scale, z / scale, atol=1e-5)
    assert np.abs(result.z_mean - z).max() > 1e-3 * scale
    assert result.codes.z_log_var is not None
    assert WHY not in result.model


@pytest.mark.parametrize("node_input", ["table", "random", "spectral", "spectral_table"])
def test_positions_stay_those_of_training(node_input):
    graph = karate()
    spec = spec_of(node_input=node_input, input_dim=5)
    result = execute(spec, graph)
    z = keras_codes(result, graph)  # whose inputs are worked out from the training edges
    np.testing.assert_allclose(result.codes.z_mean, z, atol=1e-5 * np.abs(z).max())


@pytest.mark.parametrize("decoder", DECODERS)
def test_links_are_scored_with_these_codes(decoder):
    graph = directed() if DECODERS[decoder].directed else communities(n=90)
    result = execute(spec_of(graph.directed, decoder=decoder, decoder_units=8), graph)
    built = build(result.spec, graph.profile)
    built.model.set_weights([result.state[f"model/{i}"] for i in range(len(result.state))])
    pairs = np.random.default_rng(0).integers(0, 90, (50, 2))
    expected = built.scorer(keras_codes(result, graph))(pairs)
    if result.stack:  # calibrated on the validation pairs
        expected = joined(expected, {}, result.stack)
    np.testing.assert_allclose(result.link_scorer(graph)(pairs), expected, rtol=1e-4, atol=1e-4)
    found, logits = result.missing_links(graph, 10)
    np.testing.assert_allclose(result.link_scorer(graph)(found), logits, rtol=1e-4, atol=1e-4)


def test_stacking_joins_scores_of_all_edges(run):
    graph, result = run
    stack = {"offset": -1.0, "network": 0.7, "common_neighbours": 0.4}
    result = dataclasses.replace(result, model={**result.model, "stack": stack})
    pairs = np.random.default_rng(0).integers(0, graph.n_nodes, (40, 2))
    z = keras_codes(result, graph)
    logits = np.einsum("ij,ij->i", z[pairs[:, 0]], z[pairs[:, 1]])
    expected = joined(logits, run_baselines(graph.adjacency, graph.features, pairs), stack)
    np.testing.assert_allclose(result.link_scorer(graph)(pairs), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(Answers(result, graph).score(pairs), expected, rtol=1e-4, atol=1e-4)
    assert np.abs(result.scorer(graph)(pairs) - expected).max() > 1e-3


def test_scores_are_measured_with_codes_of_the_training_edges(run):
    graph, result = run
    scores, metrics = evaluate_result(result, graph)
    again, _ = evaluate_result(old(result), graph)
    np.testing.assert_array_equal(scores["model"], again["model"])
    np.testing.assert_allclose(scores["model"], result.scores["model"], rtol=1e-5, atol=1e-6)
    assert metrics["test"]["roc_auc"] == pytest.approx(result.metrics["test"]["roc_auc"])


@pytest.mark.parametrize("encoder", ONCE)
@pytest.mark.parametrize("arcs", [False, True])
def test_where_messages_pass_once_codes_go_through_files(encoder, arcs):
    graph = directed(120) if arcs else communities(dense=True)
    spec = spec_of(arcs, encoder=encoder, hops=2).replace("training.propagation", "once")
    result = execute(spec.replace("training.batch_size", 50), graph)
    assert isinstance(result.codes.z_mean, np.memmap)
    a = graph.adjacency.toarray().astype(np.float64).T + np.eye(graph.n_nodes)
    p = a / np.sqrt(a.sum(axis=1))[:, None] / np.sqrt(a.sum(axis=0))[None, :]
    scaled = scaled_features(graph, spec)
    x = scaled.toarray() if sparse.issparse(scaled) else scaled
    if encoder == "normalised":
        length = np.linalg.norm(x, axis=1, keepdims=True)
        x = 1.8 * np.divide(x, length, out=np.zeros_like(x), where=length > 0)
    hops = 2 if "hops" in ENCODERS[encoder].settings else 1
    kernel, *bias = (
        result.state[f"model/{i}"] for i in range(len(result.state)) if result.state[f"model/{i}"].ndim
    )
    bias = bias[0] if bias and bias[0].shape == kernel.shape[1:] else 0
    latent = np.linalg.matrix_power(p, hops) @ x @ kernel + bias
    np.testing.assert_allclose(result.codes.z_mean, latent[:, :6], atol=1e-4 * np.abs(latent).max())
    np.testing.assert_allclose(result.codes.z_log_var, latent[:, 6:], atol=1e-4 * np.abs(latent).max())


def test_a_held_out_edge_that_cannot_be_encoded_is_told():
    graph = communities()
    split = split_links(graph, spec_of().split, 0)
    adjacency = graph.adjacency.tolil()
    i, j = split.test[0]
    adjacency[i, j] = adjacency[j, i] = -1
    graph = graph_from(adjacency.tocsr(), graph.features, graph.labels)
    result = execute(spec_of(), graph, split=split)
    assert result.whole is None
    assert "weights >= 0" in result.model[WHY]
    np.testing.assert_array_equal(result.codes.z_mean, result.z_mean)


def test_outputs_of_nodes_are_those_of_these_codes():
    graph = communities()
    outputs = offered_outputs(feature_kind="binary", has_labels=True)
    spec = dataclasses.replace(
        spec_of(), outputs=tuple(dataclasses.replace(one, enabled=True) for one in outputs)
    )
    result = execute(spec, graph)
    built = build(result.spec, graph.profile)
    built.model.set_weights([result.state[f"model/{i}"] for i in range(len(result.state))])
    logits = np.asarray(built.decoder("labels")(keras_codes(result, graph)), np.float64)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(result.nodes["label_probabilities"], p, atol=1e-4)
    accuracy = result.metrics["labels"]["accuracy"]
    own = np.asarray(built.decoder("labels")(result.z_mean)).argmax(axis=1)
    test = result.nodes["label_part"] == 2
    assert accuracy == pytest.approx((own == graph.labels)[test].mean())


# ------------------------------------------------------------------------------ matrices
@pytest.mark.parametrize(
    "loss",
    ["multinomial", "poisson", "mean_squared_error", "negative_binomial", "zero_inflated_negative_binomial"],
)
def test_rows_of_a_matrix_are_encoded_whole(loss):
    graph = communities(n=80)
    values = graph.features.copy()
    values.data = np.random.default_rng(0).poisson(3.0, len(values.data)).astype(np.float32) * 5 + 1
    graph = dataclasses.replace(graph, features=values)
    spec = for_family(RunSpec(), "vae", feature_kind="count", has_labels=False)
    spec = spec.replace("outputs.output.loss", loss).replace("training.epochs", 3)
    result = execute(spec, graph)
    built = build(result.spec, graph.profile)
    built.model.set_weights([result.state[f"model/{i}"] for i in range(len(result.state))])
    known = without_entries(values, np.concatenate([result.split.val, result.split.test]))
    scaling = matrix_scaling(known, result.spec)
    rows = values if scaling is None else scaling.apply(values)
    expected = built.encoder({"rows": to_sparse_tensor(sparse.csr_array(rows))}, training=False)
    z = np.asarray(expected["z_mean"])
    np.testing.assert_allclose(result.codes.z_mean, z, atol=1e-5 * np.abs(z).max())
    assert np.abs(result.z_mean - z).max() > 1e-3 * np.abs(z).max()
    totals = values.sum(axis=1) if result.model["scale"] == "softmax" else None
    left, right = built.factors(z, totals, None if scaling is None else scaling.unit)
    logits = left @ right.T
    np.testing.assert_allclose(
        result.codes.left @ result.codes.right.T, logits, atol=1e-4 * np.abs(logits).max()
    )
    again = completed(old(result), graph)
    np.testing.assert_allclose(again.codes.left, result.codes.left, rtol=1e-5, atol=1e-6)


# ---------------------------------------------------------------------------- kept runs
def test_codes_are_kept_with_the_run(run, tmp_path):
    graph, result = run
    kept = write_run_dir(tmp_path / "run", result.spec, graph, result, []).result()
    np.testing.assert_array_equal(kept.codes.z_mean, result.codes.z_mean)
    np.testing.assert_array_equal(kept.codes.z_log_var, result.codes.z_log_var)
    assert completed(kept, graph) is kept


def test_a_run_kept_without_them_is_completed_from_its_weights(run, tmp_path):
    graph, result = run
    kept = write_run_dir(tmp_path / "run", result.spec, graph, old(result), []).result()
    assert kept.whole is None
    whole = completed(kept, graph)
    np.testing.assert_array_equal(whole.codes.z_mean, result.codes.z_mean)
    np.testing.assert_array_equal(whole.z_mean, result.z_mean)


def test_weights_that_give_other_codes_are_not_used(run):
    graph, result = run
    state = {key: value + 0.1 for key, value in result.state.items()}
    whole = completed(dataclasses.replace(old(result), state=state), graph)
    assert whole.whole is None
    assert "do not reproduce its codes" in whole.model[WHY]
    np.testing.assert_array_equal(whole.codes.z_mean, result.z_mean)
    for broken in ({}, {"model/0": np.zeros((2, 2), np.float32)}):
        whole = completed(dataclasses.replace(old(result), state=broken), graph)
        assert whole.model[WHY]
    assert "too large" in completed(old(result), graph, most_nodes=50).model[WHY]


def test_positions_of_many_nodes_are_not_worked_out_again(monkeypatch):
    graph = karate()
    result = execute(spec_of(node_input="spectral", input_dim=5), graph)
    np.testing.assert_allclose(completed(old(result), graph).codes.z_mean, result.codes.z_mean, atol=1e-5)
    monkeypatch.setattr(codes_module, "POSITIONS_NODES", 20)
    assert "positions" in completed(old(result), graph).model[WHY]


@pytest.mark.parametrize(
    "change",
    [
        {"all_z_mean": np.zeros((120, 5), np.float32)},
        {"all_z_mean": np.zeros((120, 6), np.float64)},
        {"all_z_log_var": None},
        {"all_z_mean": None},
        {"all_left": np.zeros((120, 6), np.float32)},
        {"all_else": np.zeros((120, 6), np.float32)},
    ],
    ids=["width", "type", "no variances", "no means", "factors", "name"],
)
def test_arrays_that_do_not_fit_are_refused(run, change):
    documents, arrays = result_to_parts(run[1])
    embedding = {**arrays["embedding"], **change}
    embedding = {name: values for name, values in embedding.items() if values is not None}
    with pytest.raises(RunError, match="all_"):
        result_from_parts(documents, {**arrays, "embedding": embedding})


@pytest.mark.parametrize("kind", ["lying", "missing"])
def test_a_bundle_gets_codes_from_its_weights_whatever_it_claims(run, store, tmp_path, kind):
    graph, result = run
    claimed = None if kind == "missing" else dataclasses.replace(result.whole, z_mean=-result.whole.z_mean)
    folder = write_run_dir(
        tmp_path / "run", result.spec, graph, dataclasses.replace(result, whole=claimed), []
    )
    file = io.BytesIO()
    export_bundle(folder, file)
    got = import_bundles(store, file, OTHER)[0].result()
    np.testing.assert_allclose(got.codes.z_mean, result.codes.z_mean, rtol=1e-5, atol=1e-6)


def test_a_bundle_whose_weights_fit_nothing_has_codes_of_the_training_edges(run, store, tmp_path):
    graph, result = run
    folder = write_run_dir(tmp_path / "run", result.spec, graph, dataclasses.replace(result, state={}), [])
    file = io.BytesIO()
    export_bundle(folder, file)
    got = import_bundles(store, file, OTHER)[0].result()
    assert got.whole is None
    assert got.model[WHY]


def test_a_claimed_reason_is_not_believed(run):
    graph, result = run
    told = dataclasses.replace(old(result), model={**result.model, WHY: "![](https://example.org/i.png)"})
    assert WHY not in with_all_edges(told, graph, told.known(graph)).model
