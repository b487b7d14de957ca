"""Errors of nodes and parts of the split against dense NumPy and scikit-learn."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats
from sklearn.metrics import (
    log_loss,
)

from tests.graphs import coded_graph, two_sided
from vgae_core.analysis import reconstruction
from vgae_core.data.dataset import GraphData
from vgae_core.data.link_splits import split_links
from vgae_core.settings import SplitSpec


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 25), st.floats(0, 1))
def test_drawn_non_edges_are_non_edges(seed, n, p):
    _, known, dense = coded_graph(n, p, seed, directed=True)
    known.setdiag(0)
    known.eliminate_zeros()
    np.fill_diagonal(dense, False)
    sources = np.repeat(np.arange(n), 20)
    pairs = reconstruction._draw_non_edges(known, sources, np.random.default_rng(seed))
    assert not dense[pairs[:, 0], pairs[:, 1]].any()
    assert (pairs[:, 0] != pairs[:, 1]).all()
    full = dense.sum(axis=1) == n - 1
    assert np.bincount(pairs[:, 0], minlength=n).tolist() == np.where(full, 0, 20).tolist()


def test_drawn_non_edges_are_uniform():
    known = sparse.csr_array(nx.to_scipy_sparse_array(nx.path_graph(6), dtype=np.int8))
    pairs = reconstruction._draw_non_edges(known, np.full(30_000, 2), np.random.default_rng(0))
    counts = np.bincount(pairs[:, 1], minlength=6)
    assert counts[[1, 2, 3]].sum() == 0
    np.testing.assert_allclose(counts[[0, 4, 5]], 10_000, rtol=0.05)


def test_node_errors_are_the_log_loss_of_edges_and_drawn_non_edges():
    z, known, dense = coded_graph(20, 0.3, 4)
    dense[7] = dense[:, 7] = False
    known = sparse.csr_array(dense.astype(np.float32))
    found = reconstruction.node_errors(z, known, seed=5)
    assert np.isnan(found[7])
    assert found.dtype == np.float32
    sources = np.repeat(np.arange(20), dense.sum(axis=1))
    drawn = reconstruction._draw_non_edges(known.astype(np.int8), sources, np.random.default_rng(5))
    p = 1 / (1 + np.exp(-(z @ z.T).astype(np.float64)))
    for node in set(range(20)) - {7}:
        others = drawn[drawn[:, 0] == node, 1]
        friends = np.flatnonzero(dense[node])
        assert len(others) == len(friends)
        y = np.r_[np.ones(len(friends)), np.zeros(len(others))]
        expected = log_loss(y, np.r_[p[node, friends], p[node, others]], labels=[0, 1])
        assert found[node] == pytest.approx(expected, rel=1e-4)


def test_a_perfect_decoder_has_no_error_and_a_hub_counts_its_edges_only():
    star = sparse.csr_array(nx.to_scipy_sparse_array(nx.star_graph(4), dtype=np.float32))
    z = np.zeros((5, 2), np.float32)
    np.testing.assert_allclose(reconstruction.node_errors(z, star), np.log(2), rtol=1e-6)
    two = sparse.csr_array(np.kron(np.eye(2), np.ones((3, 3))).astype(np.float32))
    apart = np.repeat(np.array([[30.0], [-30.0]], np.float32), 3, axis=0)
    assert reconstruction.node_errors(apart, two).max() < 1e-6


@pytest.mark.parametrize("directed", [False, True])
def test_edge_parts_find_every_edge_of_a_split(directed):
    _, known, _ = coded_graph(40, 0.2, directed=directed)
    known.setdiag(0)
    known.eliminate_zeros()
    graph = GraphData(name="g", adjacency=known, node_ids=np.arange(40), directed=directed)
    split = split_links(graph, SplitSpec(), 0)
    assert set(reconstruction.edge_parts(split, split.test, 40, directed=directed)) == {"test"}
    assert set(reconstruction.edge_parts(split, split.test_neg, 40, directed=directed)) == {""}
    parts = reconstruction.edge_parts(split, graph.edges, 40, directed=directed)
    assert [(parts == p).sum() for p in ("training", "validation", "test")] == [
        len(split.train), len(split.val), len(split.test),
    ]  # fmt: skip
    if not directed:
        assert set(reconstruction.edge_parts(split, split.val[:, ::-1], 40)) == {"validation"}


@settings(deadline=None, max_examples=60)
@given(n0=st.integers(1, 9), n1=st.integers(1, 9), seed=st.integers(0, 500))
def test_drawn_non_edges_of_a_two_sided_graph_are_on_the_other_side(n0, n1, seed):
    reference = nx.bipartite.random_graph(n0, n1, 0.5, seed=seed)
    reference.add_edge(0, n0)
    graph = two_sided(reference, seed=seed)
    dense = graph.adjacency.toarray()
    free = (graph.sides[:, None] != graph.sides[None]) & (dense == 0)
    sources = np.repeat(np.arange(graph.n_nodes), 3)
    pattern = sparse.csr_array(graph.adjacency.astype(np.int8))
    pairs = reconstruction._draw_non_edges(pattern, sources, np.random.default_rng(seed), graph.sides)
    assert free[pairs[:, 0], pairs[:, 1]].all()
    np.testing.assert_array_equal(pairs[:, 0], sources[free.any(axis=1)[sources]])


def test_drawn_non_edges_of_a_two_sided_graph_are_uniform():
    graph = two_sided(nx.bipartite.random_graph(4, 11, 0.4, seed=3), seed=1)
    node = int(np.flatnonzero(graph.sides == 0)[0])
    pattern = sparse.csr_array(graph.adjacency.astype(np.int8))
    pairs = reconstruction._draw_non_edges(
        pattern, np.full(20_000, node), np.random.default_rng(0), graph.sides
    )
    free = np.flatnonzero((graph.sides == 1) & (graph.adjacency.toarray()[node] == 0))
    counts = np.bincount(pairs[:, 1], minlength=graph.n_nodes)
    assert counts[free].sum() == len(pairs)
    assert stats.chisquare(counts[free]).pvalue > 0.001
