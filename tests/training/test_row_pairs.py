"""Messages that pass once: the same numbers as with the whole graph in every step, from rows on disk."""

from __future__ import annotations

import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from tests.graphs import batches_of, communities, graph_from, karate
from vgae_core.analysis.stacking import joined
from vgae_core.catalogue.decoders import DECODERS
from vgae_core.data.blocks import on_disk
from vgae_core.data.dataset import RawGraph
from vgae_core.data.link_splits import split_links
from vgae_core.errors import RunError, SpecError
from vgae_core.nn import decoders
from vgae_core.nn.models import build
from vgae_core.nn.objectives import compile_arguments
from vgae_core.nn.seeds import Seeds
from vgae_core.runs.execution.pipeline import execute
from vgae_core.runs.exports.script import equivalent_script
from vgae_core.runs.results.embed import embed
from vgae_core.runs.store.folder import read_run_dir, write_run_dir
from vgae_core.settings import RunSpec, SplitSpec
from vgae_core.settings.resolved_outputs import resolve
from vgae_core.training.trainer import make_encode


def spec_of(**changes):
    spec = RunSpec().replace("training.propagation", "once").replace("model.latent_dim", 6)
    for key, value in {"model__encoder": "linear", **changes}.items():
        spec = spec.replace(key.replace("__", "."), value)
    return spec


def of_node(graph, split, spec, batches):
    """Return the node of each propagated row: rows of these graphs are all different."""
    table = np.concatenate([inputs["rows"].numpy() for inputs in batches.encoder_inputs])
    node = {row.tobytes(): i for i, row in enumerate(table)}
    assert len(node) == graph.n_nodes
    return lambda rows: np.array([node[row.tobytes()] for row in rows.numpy()])


@pytest.mark.parametrize("encoder", ["linear", "sgc"])
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("directed", [False, True])
def test_loss_and_gradients_of_a_full_batch_are_those_of_every_step(encoder, dense, directed):
    graph = communities(dense=dense)
    if directed:
        graph = graph_from(sparse.triu(graph.adjacency), graph.features, directed=True)
    split = split_links(graph, SplitSpec(), 0)
    once = spec_of(model__encoder=encoder, outputs__z_vars__weight=30.0)
    found = []
    for spec in (once, once.replace("training.propagation", "every_step")):
        batches = batches_of(graph, split, spec)
        built = build(spec, graph.profile)
        built.model.compile(**compile_arguments(resolve(spec, graph.profile))[0])
        rng = np.random.default_rng(0)
        built.model.set_weights([rng.normal(size=w.shape, scale=0.3) for w in built.model.get_weights()])
        x, y, weight = next(iter(batches.dataset))
        with tf.GradientTape() as tape:
            answer = built.model(x, training=False)
            loss = built.model.compute_loss(x, y, answer, weight)
        gradients = tape.gradient(loss, built.model.trainable_variables)
        codes = make_encode(built, batches)()
        found.append([loss, *gradients, codes["z_mean"], codes["z_log_var"]])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_codes_are_the_dense_formula():
    graph = communities(dense=True)
    split = split_links(graph, SplitSpec(), 0)
    train = np.zeros((120, 120))
    train[tuple(split.train.T)] = train[tuple(split.train.T[::-1])] = 1
    looped = train + np.eye(120)
    p = looped / np.sqrt(looped.sum(axis=0)) / np.sqrt(looped.sum(axis=1))[:, None]
    x = StandardScaler().fit_transform(graph.features.astype(np.float64))
    scaled = 1.8 * x / np.linalg.norm(x, axis=1, keepdims=True)
    for encoder, rows in (("linear", p @ x), ("sgc", p @ p @ x), ("normalised", p @ scaled)):
        spec = spec_of(model__encoder=encoder, model__hops=2)
        built = build(spec, graph.profile)
        rng = np.random.default_rng(0)
        weights = [rng.normal(size=w.shape) for w in built.model.get_weights()]
        built.model.set_weights(weights)
        bias = weights[1] if encoder == "normalised" else 0
        codes = make_encode(built, batches_of(graph, split, spec))()
        both = np.concatenate([codes["z_mean"], codes["z_log_var"]], axis=1)
        np.testing.assert_allclose(both, rows @ weights[0] + bias, rtol=1e-4, atol=1e-4)
        assert isinstance(codes["z_mean"], np.memmap)


def test_normalised_codes_are_those_of_every_step_where_the_map_keeps_lengths():
    graph = communities(dense=True, n_features=6)
    split = split_links(graph, SplitSpec(), 0)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0]
    found = []
    for how in ("once", "every_step"):
        spec = spec_of(model__encoder="normalised", model__variational=False, training__propagation=how)
        batches = batches_of(graph, split, spec)
        built = build(spec, graph.profile)
        built.model.set_weights([turn, np.zeros(6)])
        found.append(make_encode(built, batches)()["z_mean"])
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [1, 7, 64, 10_000, 0])
@pytest.mark.parametrize("ratio", [1, 2])
def test_the_batch_size_counts_and_every_edge_and_node_comes_once_an_epoch(size, ratio):
    graph = communities(n=60, dense=True)
    split = split_links(graph, SplitSpec(), 0)
    spec = spec_of(training__batch_size=size, training__negatives_per_positive=ratio)
    batches = batches_of(graph, split, spec)
    m, n = len(split.train), graph.n_nodes
    steps = -(-m // size) if size else 1
    assert batches.steps_per_epoch == steps
    node = of_node(graph, split, spec, batches)
    orders = []
    for epoch in range(2):
        seen, divergence = [], np.zeros(n)
        for x, y, weight in batches.dataset.skip(epoch * steps).take(steps):
            nodes = node(x["rows"])
            positive = y["adj_rec"].numpy().ravel() == 1
            assert positive.sum() <= (size or m)
            assert len(positive) == (1 + ratio) * positive.sum()
            assert len(y["z_vars"]) == len(weight["z_vars"]) == len(nodes) == len(np.unique(nodes))
            seen.append(nodes[x["pairs"].numpy()[positive]])
            # The loss is the mean of weighted rows; a step's counts for 1 / steps of the epoch.
            np.add.at(divergence, nodes, weight["z_vars"].numpy()[:, 0] / len(nodes) / steps)
        orders.append(np.concatenate(seen))
        np.testing.assert_array_equal(
            orders[-1][np.lexsort(orders[-1].T[::-1])], split.train[np.lexsort(split.train.T[::-1])]
        )
        np.testing.assert_allclose(divergence, 1 / n, rtol=1e-5)
    assert steps == 1 or not np.array_equal(*orders)


def test_nodes_without_an_edge_count_in_the_divergence():
    adjacency = np.zeros((9, 9))
    adjacency[:5, :5] = 1 - np.eye(5)
    graph = graph_from(adjacency, np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32))
    batches = batches_of(graph, split_links(graph, SplitSpec(), 0), spec_of())
    ((x, _, weight),) = batches.dataset.take(1)
    assert x["rows"].shape == (9, 4)
    np.testing.assert_array_equal(weight["z_vars"], np.ones((9, 1)))


@pytest.mark.parametrize("encoder", ["linear", "sgc", "normalised"])
def test_a_run_finds_the_communities_and_repeats_itself(encoder):
    graph = communities(dense=True)
    spec = spec_of(model__encoder=encoder, training__batch_size=100, training__epochs=15)
    one, again = execute(spec, graph), execute(spec, graph)
    assert one.metrics["test"]["roc_auc"] > 0.8
    np.testing.assert_array_equal(one.z_mean, again.z_mean)
    np.testing.assert_array_equal(one.scores["model"], again.scores["model"])


@pytest.mark.parametrize("features", ["mapped", "sparse", "random", "spectral"])
def test_any_features_will_do(features):
    graph = communities(dense=features == "mapped") if features in ("mapped", "sparse") else karate()
    spec = spec_of(training__epochs=2, training__batch_size=50)
    if features == "mapped":
        table = on_disk(graph.features.shape)
        table[:] = graph.features
        mapped = graph_from(graph.adjacency, table, name=graph.name)
        expected = execute(spec, graph_from(graph.adjacency, graph.features, name=graph.name))
        np.testing.assert_array_equal(execute(spec, mapped).z_mean, expected.z_mean)
        return
    if features != "sparse":
        spec = spec.replace("model.node_input", features).replace("model.input_dim", 5)
    assert execute(spec, graph).z_mean.shape == (graph.n_nodes, 6)


@pytest.mark.parametrize("decoder", list(DECODERS))
def test_every_decoder_reads_codes_from_disk(decoder):
    graph = communities(dense=True)
    if DECODERS[decoder].directed:
        graph = graph_from(sparse.triu(graph.adjacency), graph.features, directed=True)
    spec = spec_of(model__decoder=decoder, training__epochs=2, training__batch_size=100)
    result = execute(spec, graph)
    assert isinstance(result.z_mean, np.memmap)
    built = build(spec, graph.profile)
    built.model.set_weights([result.state[f"model/{i}"] for i in range(len(result.state))])
    pairs = np.concatenate([result.split.test, result.split.test_neg])
    # What the network itself says of the pairs, all codes in memory:
    z = keras.Input((6,))
    where = keras.Input((2,), dtype="int32")
    network = keras.Model([z, where], decoders.decode(z, where, spec.model, Seeds(0)))
    taken = {layer.name: layer for layer in built.model.layers}
    for layer in network.layers:
        if layer.weights:
            layer.set_weights(taken[layer.name].get_weights())
    logits = network([np.asarray(result.z_mean), pairs.astype(np.int32)]).numpy()[:, 0]
    np.testing.assert_allclose(result.network()(pairs), logits, rtol=1e-4, atol=1e-4)
    if result.stack:  # calibrated on the validation pairs
        logits = joined(logits, {}, result.stack)
    np.testing.assert_allclose(result.scores["model"], logits, rtol=1e-4, atol=1e-4)


def test_a_run_is_written_read_and_given_new_nodes(tmp_path):
    graph = communities(dense=True)
    spec = spec_of(model__encoder="normalised", training__epochs=2, training__batch_size=100)
    result = execute(spec, graph)
    write_run_dir(tmp_path / "run", spec, graph, result, [])
    read = read_run_dir(tmp_path / "run").result()
    np.testing.assert_array_equal(read.z_mean, result.z_mean)

    more = RawGraph(
        name="more", rows=np.array([120, 120]), cols=np.array([0, 4]), weights=None, node_ids=np.arange(121),
        directed=False, format="test", features=np.concatenate([graph.features, graph.features[:1]]),
    )  # fmt: skip
    found = embed(spec, read, graph, more)
    assert found.z_mean.shape == (121, 6)
    assert (found.moved[[0, 4]] > 1e-4).all()
    far = np.setdiff1d(np.arange(120), np.concatenate([[0, 4], _neighbours(graph, [0, 4])]))
    np.testing.assert_allclose(found.moved[far], 0, atol=1e-5)


def _neighbours(graph, nodes):
    return graph.adjacency[nodes].indices


def test_a_cancelled_run_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    graph = communities(dense=True)
    polls = iter([False, True])
    spec = spec_of(training__batch_size=10, training__epochs=50)
    result = execute(spec, graph, should_stop=lambda: next(polls, True))
    assert result.finished.reason == "cancelled"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"model__encoder": "gcn"}, "training.propagation"),
        ({"model__encoder": "appnp"}, "training.propagation"),
        ({"model__encoder": "sage"}, "training.propagation"),
        ({"training__supervision": "all"}, "training.supervision"),
    ],
)
def test_what_cannot_pass_once_is_refused(changes, where):
    with pytest.raises(SpecError) as error:
        build(spec_of(**changes), communities().profile)
    assert error.value.where == where
    assert "every_step" in str(error.value)


@pytest.mark.parametrize("node_input", ["table", "spectral_table"])
def test_free_vectors_cannot_pass_once(node_input):
    with pytest.raises(SpecError, match="learned embeddings"):
        build(spec_of(model__node_input=node_input), karate().profile)


@pytest.mark.parametrize("name", ["x_rec", "labels"])
def test_other_outputs_are_refused(name):
    loss = {"x_rec": "binary_crossentropy", "labels": "sparse_categorical_crossentropy"}[name]
    values = spec_of().to_dict()
    values["outputs"].append({"name": name, "loss": loss, "metrics": []})
    with pytest.raises(SpecError) as error:
        build(RunSpec.from_dict(values), communities().profile)
    assert error.value.where == f"outputs.{name}"


def test_there_is_no_script_of_it():
    with pytest.raises(RunError, match="cannot be exported as a script"):
        equivalent_script(spec_of(), communities().profile)
