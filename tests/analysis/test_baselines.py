"""Baselines against networkx, dense NumPy and scikit-learn, and blind to held-out edges."""

import dataclasses
import time

import networkx as nx
import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics.pairwise import cosine_similarity

from tests.graphs import two_sided
from vgae_core.analysis import baselines
from vgae_core.analysis.baselines import explained, left_out, run_baselines, score, stackable, usable
from vgae_core.catalogue.baselines import BASELINES, baselines_of
from vgae_core.data.dataset import GraphData
from vgae_core.data.link_splits import split_links
from vgae_core.settings import SplitSpec

LINKS = baselines_of("links")


@pytest.fixture
def graph():
    rng = np.random.default_rng(0)
    g = nx.gnp_random_graph(60, 0.12, seed=1)
    g.add_nodes_from([60, 61])  # isolated
    adjacency = sparse.csr_array(nx.to_scipy_sparse_array(g, dtype=np.float32, nodelist=range(62)))
    features = sparse.random_array((62, 25), density=0.2, rng=rng, dtype=np.float32, format="csr")
    return GraphData(name="g", adjacency=adjacency, node_ids=np.arange(62), features=features)


def every_pair(n):
    return np.array([(i, j) for i in range(n) for j in range(n) if i != j], dtype=np.int64)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("degree_product", nx.preferential_attachment),
        ("adamic_adar", nx.adamic_adar_index),
        ("resource_allocation", nx.resource_allocation_index),
        ("common_neighbours", lambda g, p: [(u, v, len(list(nx.common_neighbors(g, u, v)))) for u, v in p]),
    ],
)
@pytest.mark.parametrize("budget", [8_000_000, 40])
def test_neighbourhood_scores_equal_networkx(graph, name, theirs, budget, monkeypatch):
    monkeypatch.setattr(baselines, "_BUDGET", budget)
    pairs = every_pair(62)
    expected = [s for _, _, s in theirs(nx.from_scipy_sparse_array(graph.adjacency), pairs.tolist())]
    np.testing.assert_allclose(score(name, graph.adjacency, None, pairs), expected, rtol=1e-12)


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("budget", [8_000_000, 100])
def test_cosines_equal_dense_formulas(graph, dense, budget, monkeypatch):
    monkeypatch.setattr(baselines, "_BUDGET", budget)
    x = graph.features.toarray().astype(np.float64)
    given = x if dense else graph.features
    pairs = every_pair(62)
    i, j = pairs.T
    np.testing.assert_allclose(
        score("feature_cosine", graph.adjacency, given, pairs),
        cosine_similarity(x)[i, j],
        atol=1e-6,
    )
    looped = graph.adjacency.toarray() + np.eye(62)
    scale = 1 / np.sqrt(looped.sum(1))
    unit = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-30)
    smooth = (looped * scale[:, None] * scale) @ unit
    np.testing.assert_allclose(
        score("one_hop_cosine", graph.adjacency, given, pairs),
        cosine_similarity(smooth)[i, j],
        atol=1e-6,
    )


def test_weights_directions_and_self_loops_do_not_count(graph):
    arcs = sparse.triu(graph.adjacency).tocsr() * np.float32(-3.5) + sparse.eye_array(62, dtype=np.float32)
    pairs = every_pair(62)
    for name in LINKS:
        np.testing.assert_allclose(
            score(name, sparse.csr_array(arcs), graph.features, pairs),
            score(name, graph.adjacency, graph.features, pairs),
            err_msg=name,
        )


def test_all_baselines_at_once_score_as_each_alone(graph):
    split = split_links(graph, SplitSpec(val_fraction=0.1, test_fraction=0.2), 0)
    message = split.message(62, graph)
    pairs = np.concatenate([split.test, split.test_neg])
    scores = run_baselines(message, graph.features, pairs)
    assert list(scores) == [name for name, entry in LINKS.items() if not entry.two_sided]
    for name, values in scores.items():
        np.testing.assert_allclose(values, score(name, message, graph.features, pairs))
    featureless = run_baselines(message, None, pairs)
    assert set(featureless) == {name for name in scores if not LINKS[name].needs_features}


def test_features_are_asked_for_by_name(graph):
    with pytest.raises(ValueError, match="One-hop feature cosine"):
        score("one_hop_cosine", graph.adjacency, None, every_pair(3))


def test_no_pairs_and_no_edges(graph):
    empty = sparse.csr_array((62, 62), dtype=np.float32)
    for name in LINKS:
        assert score(name, graph.adjacency, graph.features, np.empty((0, 2), np.int64)).shape == (0,)
        assert np.all(np.isfinite(score(name, empty, graph.features, every_pair(5))))


@pytest.mark.slow
def test_a_large_graph_with_hubs_is_scored_in_seconds():
    n, m = 300_000, 3_000_000
    rng = np.random.default_rng(0)
    rows, cols = (n * rng.random((2, m)) ** 2).astype(np.int64)  # degrees from 10 to thousands
    adjacency = sparse.csr_array((np.ones(m, np.float32), (rows, cols)), shape=(n, n))
    adjacency = sparse.csr_array(adjacency + adjacency.T)
    adjacency.setdiag(0)
    adjacency.eliminate_zeros()
    graph = GraphData(name="hubs", adjacency=adjacency, node_ids=np.arange(n))
    split = split_links(graph, SplitSpec(), 0)
    started = time.perf_counter()
    pairs = np.concatenate([split.test, split.test_neg])
    run_baselines(split.message(n, graph), None, pairs)
    assert time.perf_counter() - started < 20  # 2 s on two idle cores


# --------------------------------------------------------------------------- two-sided graphs
def paths_by_hand(graph, i, j):
    """Return the sum over paths i – a – b – j, by a loop over both ends' neighbours."""
    degree = dict(graph.degree)
    return sum(1 / np.sqrt(degree[a] * degree[b]) for a in graph[i] for b in graph[j] if graph.has_edge(a, b))


@pytest.mark.parametrize("budget", [1, 300, 8_000_000])
def test_paths_of_three_equal_a_naive_loop(budget, monkeypatch):
    monkeypatch.setattr(baselines, "_BUDGET", budget)
    graph = two_sided(nx.bipartite.random_graph(14, 9, 0.3, seed=1), seed=1)
    pairs = np.argwhere(graph.sides[:, None] != graph.sides[None])
    pairs = np.concatenate([pairs, pairs[::5]])
    found = run_baselines(graph.adjacency, None, pairs, usable(graph))
    assert list(found) == ["degree_product", "paths_of_three"]
    reference = nx.Graph(graph.edges.tolist())
    reference.add_nodes_from(range(graph.n_nodes))
    expected = [paths_by_hand(reference, i, j) for i, j in pairs.tolist()]
    np.testing.assert_allclose(found["paths_of_three"], expected, rtol=1e-9, atol=1e-12)
    assert np.ptp(expected) > 0


def test_shared_neighbours_are_left_out_where_there_are_none():
    graph = two_sided(nx.bipartite.random_graph(14, 9, 0.3, seed=1))
    across = np.argwhere(graph.sides[:, None] != graph.sides[None])
    out = left_out(graph)
    for name, values in run_baselines(graph.adjacency, None, across, out).items():
        assert not values.any(), name
    assert set(out) | set(usable(graph)) == set(LINKS)
    assert left_out(dataclasses.replace(graph, sides=None)) == {}
    assert "common_neighbours" in usable(dataclasses.replace(graph, sides=None))
    told = explained(out | {"feature_cosine": baselines.ALIKE})
    shared = [entry.title for entry in BASELINES.values() if entry.two_sided is False]
    assert told.startswith(f"Left out: {', '.join(shared)} (nodes of different")
    assert told.endswith("Feature cosine (the same for all pairs).")


def test_too_many_paths_are_not_walked(monkeypatch):
    graph = two_sided(nx.bipartite.random_graph(14, 9, 0.3, seed=1))
    monkeypatch.setattr(baselines, "MOST_PATHS", 100)
    assert left_out(graph)["paths_of_three"] == baselines.TOO_MANY
    assert "paths_of_three" not in usable(graph)


@pytest.mark.slow
def test_paths_of_many_ratings_are_counted_in_seconds():
    rng = np.random.default_rng(0)
    users, items, m = 6000, 4000, 1_000_000  # as MovieLens 1M, its items a little less uneven
    rows, cols = rng.integers(0, users, m), users + (items * rng.random(m) ** 2).astype(np.int64)
    adjacency = sparse.csr_array((np.ones(m, np.float32), (rows, cols)), shape=(users + items,) * 2)
    adjacency = sparse.csr_array(adjacency + adjacency.T)
    sides = (np.arange(users + items) >= users).astype(np.int8)
    graph = GraphData(name="ratings", adjacency=adjacency, node_ids=np.arange(users + items), sides=sides)
    split = split_links(graph, SplitSpec(), 0)
    pairs = np.concatenate([split.test, split.test_neg])
    started = time.perf_counter()
    assert "paths_of_three" in run_baselines(split.message(graph.n_nodes, graph), None, pairs, usable(graph))
    assert time.perf_counter() - started < 20  # 2 s on two idle cores


def test_a_baseline_says_whether_it_joins_stacking(graph, monkeypatch):
    assert stackable(graph) == usable(graph)
    entry = dataclasses.replace(BASELINES["degree_product"], stacked=False)
    monkeypatch.setitem(BASELINES, "degree_product", entry)
    assert set(usable(graph)) - set(stackable(graph)) == {"degree_product"}
