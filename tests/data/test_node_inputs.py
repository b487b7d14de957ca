"""What stands in for features: eigenvectors of the training edges, and nothing of the others."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from scipy import sparse

from tests.graphs import communities, karate
from vgae_core.catalogue.node_inputs import NODE_INPUTS
from vgae_core.data import node_inputs as module
from vgae_core.data.link_splits import split_links
from vgae_core.data.node_inputs import encoder_features, input_columns, node_inputs
from vgae_core.data.propagation import normalise
from vgae_core.settings import ModelSpec, RunSpec, SplitSpec


def spectral(message, k, seed=0):
    return node_inputs(message, ModelSpec(node_input="spectral", input_dim=k), seed) / module.SPREAD


@pytest.mark.parametrize("dense_nodes", [0, 1000])
def test_spectral_columns_are_the_leading_eigenvectors(dense_nodes, monkeypatch):
    monkeypatch.setattr(module, "_DENSE_NODES", dense_nodes)
    message = communities().adjacency
    found = spectral(message, 8).astype(np.float64)
    values, vectors = np.linalg.eigh(normalise(message).toarray().astype(np.float64))
    for column in range(8):
        against = vectors[:, -1 - column] * np.sqrt(len(vectors))
        assert abs(found[:, column] @ against) / len(vectors) == pytest.approx(1, abs=1e-3)
    degree = np.log1p(message.sum(axis=1))
    np.testing.assert_allclose(found[:, 8], (degree - degree.mean()) / degree.std(), rtol=1e-4, atol=1e-5)
    assert values[-1] == pytest.approx(1)


def test_the_solver_does_not_decide_the_signs(monkeypatch):
    message = communities().adjacency
    exact = spectral(message, 4)
    monkeypatch.setattr(module, "_DENSE_NODES", 0)
    np.testing.assert_allclose(spectral(message, 4), exact, atol=0.02)
    np.testing.assert_array_equal(spectral(message, 4), spectral(message, 4))


def test_subspace_iteration_finds_the_communities(monkeypatch):
    graph = communities(n=400)
    exact = spectral(graph.adjacency, 4).astype(np.float64)[:, :4]
    monkeypatch.setattr(module, "_ITERATED_NODES", 300)
    found = spectral(graph.adjacency, 4).astype(np.float64)[:, :4]
    # The two spaces agree: the cosines of their principal angles are near 1.
    cosines = np.linalg.svd(np.linalg.qr(exact)[0].T @ np.linalg.qr(found)[0], compute_uv=False)
    assert cosines.min() > 0.95


def test_random_columns_have_their_variance_and_their_seed():
    model = ModelSpec(node_input="random", input_dim=50)
    message = sparse.csr_array((4000, 4000), dtype=np.float32)
    one = node_inputs(message, model, 1)
    assert one.var() == pytest.approx(1 / 50, rel=0.02)
    np.testing.assert_array_equal(one, node_inputs(message, model, 1))
    assert not np.array_equal(one, node_inputs(message, model, 2))


@pytest.mark.parametrize("how", list(NODE_INPUTS))
@pytest.mark.parametrize("k", [1, 10, 64])
def test_the_columns_are_as_many_as_announced(how, k):
    graph, model = karate(), ModelSpec(node_input=how, input_dim=k)
    found = node_inputs(graph.adjacency, model, 0)
    assert (0 if found is None else found.shape[1]) == input_columns(model, graph.profile)
    assert found is None or (found.dtype == np.float32 and np.isfinite(found).all())


def test_features_come_first():
    graph, model = communities(), ModelSpec(node_input="spectral")
    assert encoder_features(graph, graph.adjacency, RunSpec(model=model)) is graph.features
    assert input_columns(model, graph.profile) == graph.features.shape[1]


def test_an_empty_and_a_broken_graph_have_positions():
    for edges in ([], [(0, 1), (2, 3)]):
        graph = nx.Graph(edges)
        graph.add_nodes_from(range(5))
        message = sparse.csr_array(nx.to_scipy_sparse_array(graph, nodelist=range(5), dtype=np.float32))
        assert np.isfinite(spectral(message, 3)).all()


def test_held_out_edges_do_not_move_a_node():
    graph = communities()
    split = split_links(graph, SplitSpec(), 0)
    message = split.message(graph.n_nodes, graph)
    kept = np.zeros(graph.adjacency.shape, np.float32)
    kept[tuple(split.train.T)] = kept[tuple(split.train.T[::-1])] = 1
    np.testing.assert_array_equal(spectral(message, 8), spectral(sparse.csr_array(kept), 8))
