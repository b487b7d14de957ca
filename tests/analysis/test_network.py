"""The plain forward pass against Keras', and local recomputation against a full pass over the edited graph."""

from __future__ import annotations

import dataclasses
import itertools

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from tests.graphs import communities, graph_from
from vgae_core.analysis.decoders import decoder_weights, pair_factors, pair_logits
from vgae_core.analysis.network import (
    Network,
    decode_rows,
    encode_rows,
    layers_of,
    node_head,
)
from vgae_core.catalogue.base import load
from vgae_core.catalogue.decoders import DECODERS
from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.data.node_inputs import encoder_features
from vgae_core.errors import RunError
from vgae_core.nn import decoders
from vgae_core.nn.models import build, describe
from vgae_core.nn.objectives import compile_arguments  # noqa: F401  registers losses
from vgae_core.settings import ModelSpec, RunSpec
from vgae_core.settings.defaults import for_family, offered_outputs
from vgae_core.training.pair_batches import graph_inputs

GRAPH_ENCODERS = [name for name, entry in ENCODERS.items() if "vgae" in entry.families]
GRAPH = communities(n=60)


def randomised(built, seed=0):
    """Give every weight a random value, the moving averages of batch normalisation too."""
    rng = np.random.default_rng(seed)
    built.model.set_weights(
        [(np.abs(w) if w.ndim == 1 and (w == 1).all() else w) + 0.3 * np.abs(rng.normal(size=w.shape)).astype(w.dtype)
         for w in built.model.get_weights()]
    )  # fmt: skip


def state_of(built):
    return {f"model/{i}": w for i, w in enumerate(built.model.get_weights())}


def both(spec, graph, seed=0):
    """Return the codes of Keras and the plain network, with the built model and the layers."""
    keras.utils.set_random_seed(1)
    built = build(spec, graph.profile)
    randomised(built, seed)
    layers = layers_of(describe(spec, graph.profile), state_of(built))
    features = encoder_features(graph, graph.adjacency, spec)
    got = built.encoder(graph_inputs(graph.adjacency, features, spec), training=False)
    network = Network(spec, layers, graph.adjacency, features, has_own_features=graph.features is not None)
    return {name: np.asarray(value) for name, value in got.items()}, network, built


def assert_same(got, expected):
    scale = np.abs(expected).max()
    np.testing.assert_allclose(got / scale, expected / scale, atol=1e-5)


def directed(graph):
    rng = np.random.default_rng(3)
    arcs = graph.adjacency.toarray() * (rng.random(graph.adjacency.shape) < 0.7)
    return graph_from(arcs, graph.features, graph.labels, directed=True)


def weighted(graph):
    rng = np.random.default_rng(4)
    weights = rng.integers(1, 5, graph.adjacency.shape)
    weights = np.maximum(weights, weights.T)
    return graph_from(graph.adjacency.toarray() * weights, graph.features, graph.labels)


GRAPHS = {
    "plain": GRAPH,
    "dense features": communities(n=60, dense=True),
    "directed": directed(GRAPH),
    "weighted": weighted(GRAPH),
}
OPTIONS = {
    "default": {},
    "two layers, normalised": {"hidden_units": (9, 5), "batch_normalisation": True},
    "no hidden layer": {"hidden_units": ()},
    "not variational": {"variational": False},
    "three hops": {"hops": 3, "teleport": 0.3},
}


def test_every_encoder_and_decoder_has_a_plain_form():
    for entry in ENCODERS.values():
        assert callable(load(entry.builder))
    for entry in DECODERS.values():
        assert callable(load(entry.formula))


@pytest.mark.parametrize("encoder", GRAPH_ENCODERS)
def test_codes_equal_those_of_keras(encoder):
    for (name, graph), (option, changes) in itertools.product(GRAPHS.items(), OPTIONS.items()):
        if name != "plain" and option not in ("default", "two layers, normalised"):
            continue
        spec = RunSpec(model=ModelSpec(encoder=encoder, latent_dim=4, **changes))
        expected, network, _ = both(spec, graph)
        assert_same(network.codes.z_mean, expected["z_mean"])
        assert (network.codes.z_log_var is None) == ("z_log_var" not in expected)
        if "z_log_var" in expected:
            assert_same(network.codes.z_log_var, expected["z_log_var"])


@pytest.mark.parametrize("node_input", ["table", "random", "spectral", "spectral_table"])
def test_codes_of_nodes_without_features(node_input):
    graph = dataclasses.replace(GRAPH, features=None, feature_names=())
    for encoder in GRAPH_ENCODERS:
        spec = RunSpec(model=ModelSpec(encoder=encoder, latent_dim=4, node_input=node_input, input_dim=6))
        expected, network, _ = both(spec, graph)
        assert_same(network.codes.z_mean, expected["z_mean"])


def test_log_variances_keep_their_bounds():
    spec = RunSpec(model=ModelSpec(encoder="linear", latent_dim=3))
    keras.utils.set_random_seed(1)
    built = build(spec, GRAPH.profile)
    built.model.set_weights([200 * w for w in built.model.get_weights()])
    layers = layers_of(describe(spec, GRAPH.profile), state_of(built))
    network = Network(spec, layers, GRAPH.adjacency, GRAPH.features, has_own_features=True)
    expected = built.encoder(graph_inputs(GRAPH.adjacency, GRAPH.features, spec), training=False)
    assert np.abs(network.codes.z_log_var).max() == 36
    assert_same(network.codes.z_log_var, np.asarray(expected["z_log_var"]))


def test_weights_that_fit_no_layers_are_refused():
    spec = RunSpec(model=ModelSpec(encoder="linear", latent_dim=3))
    built = build(spec, GRAPH.profile)
    described, state = describe(spec, GRAPH.profile), state_of(built)
    with pytest.raises(RunError, match="do not fit"):
        layers_of(described, {"model/0": state["model/0"][:-1]})
    with pytest.raises(RunError, match="more than its layers"):
        layers_of(described, {**state, f"model/{len(state)}": np.zeros(3)})


# ------------------------------------------------------------------------------- scores
PAIRS = np.array([[0, 1], [3, 17], [5, 5], [40, 2]])


@pytest.mark.parametrize("name", DECODERS)
def test_decoders_equal_those_of_keras(name):
    graph = GRAPHS["directed"] if DECODERS[name].directed else GRAPH
    spec = RunSpec(model=ModelSpec(encoder="linear", latent_dim=4, decoder=name))
    _, network, built = both(spec, graph)
    z = network.codes.z_mean / np.abs(network.codes.z_mean).max()
    expected = built.scorer(z)(PAIRS)
    weights = decoder_weights(name, network.layers)
    if DECODERS[name].factors:
        left, right = pair_factors(name, network.layers, z)
        got = np.einsum("ij,ij->i", left[PAIRS[:, 0]], right[PAIRS[:, 1]])
        for mine, other in zip((left, right), decoders.factors(built.model, z), strict=True):
            assert_same(mine, other)
    else:
        got = pair_logits(name, z, PAIRS, weights)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_node_outputs_equal_those_of_keras():
    outputs = offered_outputs(feature_kind="binary", has_labels=True)
    spec = RunSpec(
        model=ModelSpec(encoder="gcn", latent_dim=4),
        outputs=tuple(dataclasses.replace(output, enabled=True) for output in outputs),
    )
    _, network, built = both(spec, GRAPH)
    for name in ("labels", "x_rec"):
        expected = np.asarray(built.decoder(name)(network.codes.z_mean))
        assert_same(node_head(network.layers, name, network.codes.z_mean), expected)


@pytest.mark.parametrize(
    ("kind", "scale"), [("binary", None), ("count", "log"), ("real", None)]
)  # fmt: skip
@pytest.mark.parametrize("normalised", [False, True])
def test_rows_of_matrices_equal_those_of_keras(kind, scale, normalised):
    rng = np.random.default_rng(0)
    values = rng.poisson(1.0, (30, 12)).astype(np.float32)
    matrix = np.minimum(values, 1) if kind == "binary" else values
    graph = graph_from(np.zeros((30, 30)), sparse.csr_array(matrix))
    spec = for_family(RunSpec(), "vae", feature_kind=kind, has_labels=False)
    spec = spec.replace("model.hidden_units", [7, 5]).replace("model.latent_dim", 3)
    if kind == "count":
        spec = spec.replace("outputs.output.loss", "poisson")
    spec = spec.replace("model.batch_normalisation", normalised)
    keras.utils.set_random_seed(2)
    built = build(spec, graph.profile)
    randomised(built)
    layers = layers_of(describe(spec, graph.profile), state_of(built))
    inputs = matrix if not spec.model.sparse_input else graph.features
    if spec.model.sparse_input:
        from vgae_core.nn.sparse import to_sparse_tensor

        inputs = to_sparse_tensor(graph.features)
    expected = built.encoder({"rows": inputs}, training=False)
    for rows in (matrix, graph.features):
        codes = encode_rows(spec, layers, rows, scale)
        assert_same(codes.z_mean, np.asarray(expected["z_mean"]))
        assert_same(codes.z_log_var, np.asarray(expected["z_log_var"]))
    left, _ = built.factors(codes.z_mean)
    assert_same(decode_rows(layers, codes.z_mean, 2), left)


# -------------------------------------------------------------------------------- edits
@st.composite
def edited_graphs(draw):
    """Return a random graph, edits of it, and what they make of adjacency and features."""
    n, n_new = draw(st.integers(3, 14)), draw(st.integers(0, 2))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    is_directed = draw(st.booleans())
    weights = rng.integers(1, 4, (n, n)) * (rng.random((n, n)) < draw(st.sampled_from([0.1, 0.3, 0.7])))
    before = np.triu(weights, 1) if not is_directed else weights * (1 - np.eye(n, dtype=int))
    before = before if is_directed else before + before.T
    after = np.zeros((n + n_new, n + n_new))
    after[:n, :n] = before
    for _ in range(draw(st.integers(0, 6))):
        i, j = rng.choice(n + n_new, 2, replace=False)
        after[i, j] = rng.integers(0, 4)
        if not is_directed:
            after[j, i] = after[i, j]
    dense = draw(st.booleans())
    x = rng.random((n + n_new, 5)) * (rng.random((n + n_new, 5)) < 0.6)
    rows = np.unique(np.concatenate([rng.choice(n, draw(st.integers(0, 3))), np.arange(n, n + n_new)]))
    changed = x.copy()
    changed[rows.astype(int)] = rng.random((len(rows), 5))
    return before, after, x[:n], changed, rows.astype(np.int64), is_directed, dense


LAYERS = {}


def random_layers(encoder, spec, n_columns):
    """Return the layers of an encoder with random weights, built once."""
    key = (encoder, spec.model)
    if key not in LAYERS:
        profile = dataclasses.replace(GRAPH.profile, n_features=n_columns)
        built = build(spec, profile)
        randomised(built)
        LAYERS[key] = layers_of(describe(spec, profile), state_of(built))
    return LAYERS[key]


@pytest.mark.parametrize("encoder", GRAPH_ENCODERS)
@given(edited_graphs())
@settings(max_examples=60, deadline=None)
def test_an_edit_gives_what_a_full_pass_over_the_edited_graph_gives(encoder, case):
    before, after, x, changed, rows, _, dense = case
    spec = RunSpec(
        model=ModelSpec(encoder=encoder, latent_dim=3, hidden_units=(4,), hops=2, batch_normalisation=True)
    )
    layers = random_layers(encoder, spec, 5)

    def features(values):
        values = values.astype(np.float32)
        return values if dense else sparse.csr_array(values)

    def network(adjacency, values):
        message = sparse.csr_array(adjacency.astype(np.float32))
        return Network(spec, layers, message, features(values), has_own_features=True)

    n, total = len(before), len(after)
    larger = np.zeros_like(after)
    larger[:n, :n] = before
    arcs = np.argwhere(after != larger)
    base = network(before, x)
    moved = base.edit(
        arcs,
        (after - larger)[arcs[:, 0], arcs[:, 1]],
        n_new=total - n,
        rows=rows,
        features=features(changed[rows]),
    )
    full = network(after, changed).codes
    mean = np.concatenate([base.codes.z_mean, np.zeros((total - n, 3), np.float32)])
    log_var = np.concatenate([base.codes.z_log_var, np.zeros((total - n, 3), np.float32)])
    mean[moved.nodes], log_var[moved.nodes] = moved.codes.z_mean, moved.codes.z_log_var
    np.testing.assert_allclose(mean, full.z_mean, rtol=1e-5, atol=1e-5 * (1 + np.abs(full.z_mean).max()))
    np.testing.assert_allclose(
        log_var, full.z_log_var, rtol=1e-5, atol=1e-5 * (1 + np.abs(full.z_log_var).max())
    )


def test_an_edit_leaves_rows_out_of_reach_alone():
    path = np.diag(np.ones(19), 1)
    graph = graph_from(path + path.T, sparse.csr_array(np.eye(20, dtype=np.float32)))
    spec = RunSpec(model=ModelSpec(encoder="linear", latent_dim=3))
    _, network, _ = both(spec, graph)
    moved = network.edit(np.array([[0, 1], [1, 0]]), np.array([-1.0, -1.0]))
    assert moved.nodes.tolist() == [0, 1, 2]


def test_a_network_of_free_vectors_takes_no_new_nodes():
    graph = dataclasses.replace(GRAPH, features=None, feature_names=())
    spec = RunSpec(model=ModelSpec(encoder="linear", latent_dim=3, node_input="table"))
    _, network, _ = both(spec, graph)
    with pytest.raises(RunError, match="none for new nodes"):
        network.edit(np.array([[60, 0], [0, 60]]), np.ones(2), n_new=1)
