"""Latent codes against NumPy, scikit-learn and networkx."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import adjusted_rand_score

from tests.nearest import nearest
from vgae_core.analysis import graph_structure, latent_neighbours, latent_use, linear_map, map_points
from vgae_core.data.dataset import GraphData
from vgae_core.errors import DataError


def codes(n=40, d=6, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def graph_of(nx_graph):
    adjacency = sparse.csr_array(nx.to_scipy_sparse_array(nx_graph, dtype=np.float32))
    return GraphData(
        name="g", adjacency=adjacency, node_ids=np.arange(len(nx_graph)), directed=nx_graph.is_directed()
    )


@pytest.mark.parametrize("dim", [2, 3])
def test_pca_is_the_singular_value_decomposition(dim):
    z = codes()
    found = linear_map.pca(z, dim)
    centred = z.astype(np.float64) - z.mean(axis=0)
    _, s, vt = np.linalg.svd(centred, full_matrices=False)
    expected = centred @ vt[:dim].T
    signs = np.sign((expected * found.coordinates).sum(axis=0))
    np.testing.assert_allclose(found.coordinates, expected * signs, atol=1e-4)
    np.testing.assert_allclose(found.explained, s[:dim] ** 2 / (s**2).sum(), atol=1e-6)


def test_pca_of_few_dimensions_and_of_a_collapsed_code():
    flat = linear_map.pca(codes(d=1), 3)
    assert flat.coordinates.shape == (40, 3)
    assert not flat.coordinates[:, 1:].any()
    assert flat.explained.tolist() == [1.0, 0.0, 0.0]
    collapsed = linear_map.pca(np.ones((5, 4), np.float32), 2)
    assert not collapsed.coordinates.any()
    assert not collapsed.explained.any()
    with pytest.raises(DataError, match="at least 2 nodes"):
        linear_map.pca(codes(n=1), 2)


def test_pca_of_fewer_nodes_than_dimensions():
    z = codes(n=4, d=9)
    shape = linear_map.pca(z, 3).coordinates
    before = np.linalg.norm(z[:, None] - z[None], axis=2)
    after = np.linalg.norm(shape[:, None] - shape[None], axis=2)  # 4 points span 3 dimensions
    np.testing.assert_allclose(after, before, atol=1e-4)


@pytest.mark.parametrize("metric", list(latent_neighbours.SIMILARITIES))
def test_neighbours_against_all_pairs(metric):
    z = codes()
    lengths = np.linalg.norm(z, axis=1)
    dense = {
        "inner_product": -(z @ z.T),
        "cosine": -(z @ z.T) / np.outer(lengths, lengths),
        "euclidean": np.linalg.norm(z[:, None] - z[None], axis=2),
    }[metric]
    for node in (0, 17, 39):
        nodes, values = nearest(z, node, 5, metric)
        row = dense[node].copy()
        row[node] = np.inf
        assert nodes.tolist() == np.argsort(row)[:5].tolist()
        np.testing.assert_allclose(values, np.abs(row[nodes]) * np.sign(values), rtol=1e-4)
    assert len(nearest(z, 0, 500, metric)[0]) == 39


def test_every_other_node_has_a_rank_of_its_own():
    places, _ = latent_neighbours.ranks(codes(), 5)
    assert sorted(places) == list(range(40))
    assert places[5] == 0


def test_neighbours_of_a_zero_code_and_bad_arguments():
    z = codes()
    z[3] = 0
    nodes, values = nearest(z, 3, 4, "cosine")
    assert nodes.tolist() == [0, 1, 2, 4]
    assert values.tolist() == [0, 0, 0, 0]
    with pytest.raises(DataError, match="Received: 40"):
        nearest(z, 40, 4)
    with pytest.raises(DataError, match="manhattan"):
        nearest(z, 0, 4, "manhattan")


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_degree_and_true_neighbours_against_networkx(seed, directed):
    g = nx.gnp_random_graph(15, 0.2, seed=seed, directed=directed)
    g.add_edge(3, 3)
    data = graph_of(g)
    plain = nx.Graph(g)
    plain.remove_edges_from(list(nx.selfloop_edges(plain)))
    assert graph_structure.degree(data.adjacency).tolist() == [plain.degree[v] for v in range(15)]
    for node in range(15):
        assert latent_neighbours.true_neighbours(data, node).tolist() == sorted(plain.neighbors(node))


def test_an_edge_whose_weights_cancel_is_still_an_edge():
    arcs = sparse.csr_array((np.array([1.0, -1.0], np.float32), ([0, 1], [1, 0])), shape=(3, 3))
    assert graph_structure.degree(arcs).tolist() == [1, 1, 0]
    assert graph_structure.communities(arcs)[2] == -1


def test_communities_of_a_planted_partition():
    sizes = [40, 30, 20]
    g = nx.random_partition_graph(sizes, 0.5, 0.01, seed=1)
    g.add_node(90)
    found = graph_structure.communities(graph_of(g).adjacency, seed=3)
    truth = np.repeat([0, 1, 2], sizes)
    assert adjusted_rand_score(truth, found[:90]) > 0.95
    assert np.bincount(found[:90]).tolist() == sorted(np.bincount(found[:90]).tolist(), reverse=True)
    assert found[90] == -1
    assert found.dtype == np.int32
    assert (graph_structure.communities(graph_of(g).adjacency, seed=3) == found).all()


def test_communities_reach_the_known_modularity_of_the_karate_club():
    g = nx.karate_club_graph()
    found = graph_structure.communities(graph_of(g).adjacency)
    groups = [set(np.flatnonzero(found == c)) for c in np.unique(found)]
    assert nx.community.modularity(g, groups, weight="weight") > 0.44  # 0.4449 is the optimum with weights


def test_communities_without_edges():
    assert graph_structure.communities(sparse.csr_array((4, 4), dtype=np.float32)).tolist() == [-1] * 4


def test_uncertainty_is_the_mean_sigma():
    z_log_var = np.log(np.array([[1.0, 4.0], [0.25, 0.25]], np.float32))
    np.testing.assert_allclose(latent_use.uncertainty(z_log_var), [1.5, 0.5], rtol=1e-6)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=12), st.integers(12, 80), st.integers(0, 1000))
def test_a_sample_is_fair(sizes, cap, seed):
    by = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    n = len(by)
    index = map_points.sample_points(n, by, cap, seed)
    assert len(index) == min(n, cap)
    assert (np.diff(index) > 0).all()
    if n > cap:
        kept = np.bincount(by[index], minlength=len(sizes))
        assert kept.min() >= 1
        raised = np.maximum(
            1, np.array(sizes) * cap / n
        )  # those raised to one row cost the others a row each
        assert (np.abs(kept - raised) <= 1 + (raised > np.array(sizes) * cap / n).sum()).all()
        assert (kept <= sizes).all()


def test_a_sample_is_random_within_a_class_and_repeatable():
    by = np.zeros(1000, int)
    first = map_points.sample_points(1000, by, 100, 0)
    assert (first == map_points.sample_points(1000, by, 100, 0)).all()
    assert (first != map_points.sample_points(1000, by, 100, 1)).any()
    assert 350 < first.mean() < 650
    assert len(map_points.sample_points(1000, None, 100, 0)) == 100
    assert map_points.sample_points(3, None, 100).tolist() == [0, 1, 2]


def test_more_classes_than_places():
    assert len(map_points.sample_points(50, np.arange(50), 7)) == 7


def test_directions_have_length_one_and_zero_stays():
    z = codes()
    z[3] = 0
    unit = latent_neighbours.directions(z)
    np.testing.assert_allclose(np.delete(np.linalg.norm(unit, axis=1), 3), 1, rtol=1e-6)
    assert not unit[3].any()
    np.testing.assert_allclose(unit * np.linalg.norm(z, axis=1, keepdims=True), z, rtol=1e-5)


def test_density_counts_every_point_in_its_cell():
    xy = codes(500, 2)
    expected, _, _ = np.histogram2d(xy[:, 1], xy[:, 0], bins=7)
    np.testing.assert_array_equal(map_points.points_per_cell(xy, 7), expected)
    assert map_points.points_per_cell(np.zeros((3, 2), np.float32), 2).tolist() == [[3, 0], [0, 0]]


def test_colour_range_ignores_outliers_and_what_is_not_finite():
    values = np.r_[np.linspace(0, 1, 1000), 1e9, np.nan, np.inf]
    low, high = map_points.colour_range(values)
    assert low == pytest.approx(0.01, abs=0.002)
    assert high == pytest.approx(0.99, abs=0.002)
    assert map_points.colour_range(np.full(9, 3.0)) == (2.5, 3.5)
    assert map_points.colour_range(np.full(3, np.nan)) == (0.0, 1.0)
    assert map_points.colour_range(np.r_[np.zeros(1000), 7.0]) == (0.0, 7.0)


def test_latent_metrics_tell_a_collapsed_dimension():
    rng = np.random.default_rng(0)
    z_mean = np.column_stack([rng.normal(size=500), np.zeros(500)]).astype(np.float32)
    z_log_var = np.column_stack([np.full(500, np.log(0.25)), np.zeros(500)]).astype(np.float32)
    found = latent_use.latent_metrics(z_mean, z_log_var)
    assert (found["active_units"], found["latent_dim"]) == (1, 2)
    assert found["mean_sigma"] == pytest.approx(0.75)
    # The divergence of two normals in one dimension, as textbooks have it.
    exact = np.mean(np.log(1 / 0.5) + (0.25 + z_mean[:, 0].astype(float) ** 2) / 2 - 0.5)
    assert found["kl"] == pytest.approx(exact, rel=1e-6)


@given(st.integers(0, 2**16))
@settings(max_examples=15, deadline=None)
def test_core_numbers_are_those_of_networkx(seed):
    graph = nx.gnp_random_graph(40, 0.12, seed=seed)
    adjacency = sparse.csr_array(nx.to_scipy_sparse_array(graph, dtype=np.float32))
    expected = nx.core_number(graph)
    assert graph_structure.core_numbers(adjacency).tolist() == [expected[i] for i in range(40)]
