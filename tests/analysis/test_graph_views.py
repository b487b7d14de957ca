"""Views of a graph against NetworkX and dense NumPy."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from vgae_core.analysis import graph_views as views
from vgae_core.data.dataset import GraphData


def made(graph: nx.Graph) -> GraphData:
    adjacency = nx.to_scipy_sparse_array(graph, format="csr", dtype=np.float32, weight=None)
    adjacency.sort_indices()
    return GraphData(
        name="made",
        adjacency=sparse.csr_array(adjacency),
        node_ids=np.arange(len(graph)),
        directed=graph.is_directed(),
    )


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_numbers_match_networkx(directed, seed):
    theirs = nx.gnp_random_graph(40, 0.03, seed=seed, directed=directed)
    theirs.add_edge(3, 3)
    ours = views.numbers(made(theirs))
    theirs_without = theirs.copy()
    theirs_without.remove_edges_from(list(nx.selfloop_edges(theirs)))
    parts = list((nx.weakly_connected_components if directed else nx.connected_components)(theirs))
    assert ours.n_nodes == 40
    assert ours.n_edges == theirs_without.number_of_edges()
    assert ours.n_self_loops == 1
    assert ours.density == pytest.approx(nx.density(theirs_without))
    assert ours.n_components == len(parts)
    assert ours.largest_component == max(map(len, parts))
    assert ours.n_isolated == len(list(nx.isolates(theirs_without)))
    outgoing = dict(theirs_without.out_degree() if directed else theirs_without.degree())
    assert ours.max_degree == max(outgoing.values())
    assert ours.mean_degree == pytest.approx(np.mean(list(outgoing.values())))


def test_degrees_of_a_directed_graph():
    graph = made(nx.DiGraph([(0, 1), (0, 2), (2, 2), (1, 2)]))
    outgoing, incoming = views.degrees(graph)
    assert outgoing.tolist() == [2, 1, 0]
    assert incoming.tolist() == [0, 1, 2]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=200))
def test_degree_distribution_counts_every_node(values):
    degree = np.array(values)
    got = views.degree_distribution(degree)
    assert got.n_nodes.sum() + got.n_zero == len(values)
    for k, count in zip(got.degree, got.n_nodes, strict=True):
        assert count == np.count_nonzero(degree == k)


@given(st.lists(st.integers(1, 5000), min_size=30, max_size=200, unique=True), st.integers(3, 12))
def test_many_degrees_share_points(values, points):
    degree = np.array(values)
    got = views.degree_distribution(degree, points=points)
    assert len(got.degree) <= points
    assert np.all(np.diff(got.degree) > 0)
    assert degree.min() <= got.degree[0] + 1e-9
    assert got.degree[-1] <= degree.max() + 1e-9


def test_small_picture_is_the_sorted_matrix():
    graph = made(nx.star_graph(5))
    picture = views.adjacency_picture(graph.adjacency)
    dense = graph.adjacency.toarray() > 0
    order = np.argsort(-dense.sum(0), kind="stable")
    np.testing.assert_array_equal(picture.fill, dense[np.ix_(order, order)])
    assert picture.nodes_per_cell == 1
    assert picture.ticks == ((0.0, "100%"),)
    assert picture.rank.tolist() == [1, 2, 3, 4, 5, 6]


@settings(deadline=None)
@given(st.integers(2, 60), st.integers(1, 20), st.integers(0, 2**31 - 1))
def test_picture_against_a_dense_sum_over_blocks(n, cells, seed):
    rng = np.random.default_rng(seed)
    dense = np.triu(rng.random((n, n)) < 0.2, 1)
    dense = dense | dense.T
    picture = views.adjacency_picture(sparse.csr_array(dense.astype(np.float32)), cells=cells)
    order = np.argsort(-dense.sum(0), kind="stable")
    blocks = [order[np.arange(n) * min(cells, n) // n == c] for c in range(min(cells, n))]
    expected = np.array([[dense[np.ix_(a, b)].mean() for b in blocks] for a in blocks])
    np.testing.assert_allclose(picture.fill, expected, rtol=1e-6)
    np.testing.assert_array_equal(np.isnan(picture.log_fill), expected == 0)
    np.testing.assert_allclose(10 ** picture.log_fill[expected > 0], expected[expected > 0], rtol=1e-5)
    starts = np.cumsum([1] + [len(b) for b in blocks])[:-1]
    assert picture.rank.tolist() == starts.tolist()


def test_ticks_of_a_colour_scale():
    assert [label for _, label in views._ticks(-2.1, -0.9)] == ["1%", "2%", "5%", "10%"]
    ticks = views._ticks(-4.0, 0.0)
    assert [label for _, label in ticks] == ["0.01%", "0.1%", "1%", "10%", "100%"]
    assert [place for place, _ in ticks] == pytest.approx([-4, -3, -2, -1, 0])


@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_feature_view_against_dense(kind):
    rng = np.random.default_rng(3)
    dense = np.where(rng.random((50, 30)) < 0.1, rng.random((50, 30)), 0).astype(np.float32)
    dense[7] = 0
    dense[:, 4] = 0
    features = sparse.csr_array(dense) if kind == "sparse" else dense
    if kind == "sparse":
        features.data[0] = 0  # stored zeros are no values
        dense = features.toarray()
    got = views.feature_view(features, bins=5, top=3)
    assert got.n_values == np.count_nonzero(dense)
    assert got.density == pytest.approx(np.mean(dense != 0))
    assert got.n_empty_nodes == np.count_nonzero(~dense.any(1))
    assert got.n_empty_features == np.count_nonzero(~dense.any(0))
    assert got.row_counts.sum() == 50
    assert len(got.row_counts) <= 5
    used = np.count_nonzero(dense, axis=0)
    assert [c for _, c in got.most_used] == sorted(used, reverse=True)[:3]
    assert all(used[column] == count for column, count in got.most_used)


def test_label_view_orders_and_folds():
    labels = np.array([2, 2, 2, 0, 0, 1, -1], dtype=np.int32)
    got = views.label_view(labels, ("a", "b", "c"), top=2)
    assert got.names == ("c", "a")
    assert got.counts == (3, 2)
    assert (got.n_unlabelled, got.n_rest, got.n_rest_classes) == (1, 1, 1)


def test_empty_inputs_do_not_fail():
    picture = views.adjacency_picture(sparse.csr_array((3, 3), dtype=np.float32))
    assert picture.fill.sum() == 0
    assert picture.ticks == ()
    got = views.feature_view(np.zeros((3, 4), np.float32))
    assert (got.n_values, got.most_used) == (0, ())
    assert views.degree_distribution(np.zeros(4, np.int64)).n_zero == 4


# ---------------------------------------------------------------------------- matrices
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("cells", [3, 100])
def test_picture_of_a_matrix_against_a_dense_sum_over_blocks(dense, cells):
    rng = np.random.default_rng(0)
    x = (rng.random((13, 7)) < np.linspace(0.1, 0.9, 7)).astype(np.float32)
    got = views.matrix_picture(x if dense else sparse.csr_array(x), cells=cells)
    rows = np.argsort(-np.count_nonzero(x, axis=1), kind="stable")
    columns = np.argsort(-np.count_nonzero(x, axis=0), kind="stable")
    sorted_ = x[rows][:, columns]
    row_cell = np.arange(13) * min(cells, 13) // 13
    column_cell = np.arange(7) * min(cells, 7) // 7
    expected = np.array(
        [
            [sorted_[row_cell == a][:, column_cell == b].mean() for b in range(min(cells, 7))]
            for a in range(min(cells, 13))
        ]
    )
    np.testing.assert_allclose(got.fill, expected)
    assert got.row_rank.tolist() == [int(np.flatnonzero(row_cell == a)[0]) + 1 for a in range(min(cells, 13))]
    assert got.columns_per_cell == 7 / min(cells, 7)


def test_values_of_a_matrix_are_counted_without_zeros():
    x = np.array([[0, 1, 2], [2, 2, 5]], np.float32)
    for features in (x, sparse.csr_array(x)):
        got = views.value_view(features)
        assert got.edges.tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
        assert got.counts.tolist() == [1, 3, 0, 0, 1]
        assert (got.least, got.most, got.mean) == (1.0, 5.0, pytest.approx(12 / 5))
    many = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    got = views.value_view(many, bins=10)
    assert len(got.counts) == 10
    assert got.counts.sum() == 200
    assert views.value_view(np.zeros((2, 2), np.float32)).counts.sum() == 0


def test_values_a_column_are_counted():
    x = np.array([[0, 1, 2], [0, 2, 0]], np.float32)
    assert views.feature_view(sparse.csr_array(x)).per_column.tolist() == [0, 2, 1]


def test_a_rank_curve_falls_and_keeps_both_ends():
    counts = np.random.default_rng(0).integers(0, 50, 500)
    rank, count = views.rank_curve(counts, points=20)
    assert (len(rank), rank[0], rank[-1]) == (20, 1, 500)
    assert (count[0], count[-1]) == (counts.max(), counts.min())
    assert np.all(np.diff(count) <= 0)
    np.testing.assert_array_equal(count, np.sort(counts)[::-1][rank - 1])
