"""The search over all pairs against a dense one."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from tests.graphs import coded_graph, two_sided
from vgae_core.analysis import link_search, rankings, scoring
from vgae_core.errors import DataError


def dense_missing(z, dense, directed):
    n = len(z)
    free = ~dense & ~np.eye(n, dtype=bool)
    if not directed:
        free = np.triu(free & ~dense.T, 1)
    i, j = np.nonzero(free)
    return np.sort((z.astype(np.float64) @ z.T.astype(np.float64))[i, j])[::-1], set(zip(i, j, strict=True))


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 10_000), st.integers(2, 40), st.floats(0, 1), st.integers(1, 60), st.booleans(),
    st.sampled_from([16, 100, 4_000_000]),
)  # fmt: skip
def test_missing_links_equal_the_dense_search(seed, n, p, k, directed, block):
    z, known, dense = coded_graph(n, p, seed, directed)
    before, link_search.BLOCK_VALUES = link_search.BLOCK_VALUES, block
    try:
        pairs, logits = link_search.missing_links(z, known, k, directed=directed)
    finally:
        link_search.BLOCK_VALUES = before
    expected, allowed = dense_missing(z, dense, directed)
    np.testing.assert_allclose(logits, expected[:k], rtol=1e-4, atol=1e-5)
    found = [tuple(pair) for pair in pairs]
    assert len(set(found)) == len(found) == min(k, len(expected))
    assert set(found) <= allowed
    np.testing.assert_allclose(logits, scoring.score_pairs(z, pairs), rtol=1e-4, atol=1e-5)


def test_missing_links_prune_without_looking_at_every_strip(monkeypatch):
    z, known, dense = coded_graph(400, 0.02, d=4)
    z *= np.linspace(0.01, 3, 400)[:, None].astype(np.float32)
    monkeypatch.setattr(link_search, "BLOCK_VALUES", 4000)
    told = []
    _, logits = link_search.missing_links(z, known, 20, progress=lambda share, _: told.append(share))
    np.testing.assert_allclose(logits, dense_missing(z, dense, False)[0][:20], rtol=1e-4)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) < 30  # 40 strips without the bound


def test_known_arcs_block_both_directions_of_an_undirected_search():
    z = np.ones((3, 2), np.float32)
    known = sparse.csr_array((np.ones(1, np.float32), ([2], [0])), shape=(3, 3))
    pairs, _ = link_search.missing_links(z, known, 9)
    assert pairs.tolist() == [[0, 1], [1, 2]]
    pairs, _ = link_search.missing_links(z, known, 9, directed=True)
    assert pairs.tolist() == [[0, 1], [0, 2], [1, 0], [1, 2], [2, 1]]


def test_missing_links_of_a_complete_graph_and_bad_arguments():
    z, *_ = coded_graph(5)
    full = sparse.csr_array(1 - np.eye(5, dtype=np.float32))
    pairs, logits = link_search.missing_links(z, full, 3)
    assert pairs.shape == (0, 2)
    assert logits.shape == (0,)
    with pytest.raises(DataError, match="`k` must be >= 1"):
        link_search.missing_links(z, full, 0)
    with pytest.raises(DataError, match=r"\(5, 5\)"):
        link_search.missing_links(z, sparse.csr_array((4, 4)), 3)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 10_000), st.integers(2, 40), st.integers(1, 60), st.booleans(), st.sampled_from([16, 100])
)
def test_missing_links_by_two_factors_equal_the_dense_search(seed, n, k, directed, block):
    z, known, dense = coded_graph(n, 0.2, seed, directed)
    left, right = z * np.float32([1, -2, 0, 3, 0.5]), z  # symmetric, and not an inner product of codes
    if directed:
        right = np.random.default_rng(seed).normal(size=z.shape).astype(np.float32)
    before, link_search.BLOCK_VALUES = link_search.BLOCK_VALUES, block
    try:
        pairs, logits = link_search.missing_links(left, known, k, right=right, directed=directed)
    finally:
        link_search.BLOCK_VALUES = before
    free = ~dense & ~np.eye(n, dtype=bool)
    free = free if directed else np.triu(free, 1)
    every = (left.astype(np.float64) @ right.T.astype(np.float64))[free]
    np.testing.assert_allclose(logits, np.sort(every)[::-1][:k], rtol=1e-4, atol=1e-4)
    assert all(free[i, j] for i, j in pairs)


def test_a_decoder_without_factors_orders_the_candidates():
    z, known, dense = coded_graph()
    score = lambda pairs: -np.abs(pairs[:, 0] - pairs[:, 1]).astype(np.float32)  # noqa: E731
    pairs, logits = link_search.missing_links(z, known, 9, score=score)
    i, j = np.nonzero(np.triu(~dense, 1))  # fewer than the candidates of nine, so all are scored
    assert len(i) <= link_search.CANDIDATES * 9
    assert logits.tolist() == np.sort(-np.abs(i - j))[::-1][:9].tolist()
    assert score(pairs).tolist() == logits.tolist()


def test_the_task_gives_the_same_links():
    z, known, _ = coded_graph()
    told = []
    arrays, values = rankings.rank_links_task(
        {"z": z, "left": z, "right": z, "edges": np.column_stack(known.nonzero())},
        {"k": 7, "directed": False, "decoder": "inner_product", "stack": {}, "search": {}},
        lambda share, message: told.append((share, message)),
    )
    pairs, logits = link_search.missing_links(z, known, 7)
    assert arrays["pairs"].tolist() == pairs.tolist()
    assert arrays["logits"].tolist() == logits.tolist()
    assert values == {}
    assert told[-1][0] == 1.0


def test_unlikely_links_are_the_lowest_logits():
    z, known, _ = coded_graph()
    edges = np.column_stack(np.nonzero(np.triu(known.toarray())))
    pairs, logits = link_search.unlikely_links(z, edges, 6)
    every = (z @ z.T)[edges[:, 0], edges[:, 1]]
    np.testing.assert_allclose(logits, np.sort(every)[:6], rtol=1e-5)
    np.testing.assert_allclose(logits, (z @ z.T)[pairs[:, 0], pairs[:, 1]], rtol=1e-5)
    assert len(link_search.unlikely_links(z, edges, 10_000)[0]) == len(edges)


@settings(deadline=None, max_examples=40)
@given(n0=st.integers(1, 14), n1=st.integers(1, 14), seed=st.integers(0, 500), k=st.integers(1, 60))
def test_missing_links_of_a_two_sided_graph_are_the_best_across(n0, n1, seed, k):
    reference = nx.bipartite.random_graph(n0, n1, 0.3, seed=seed)
    reference.add_edge(0, n0)
    graph = two_sided(reference, seed=seed)
    n, rng = graph.n_nodes, np.random.default_rng(seed)
    z = (rng.normal(size=(n, 4)) * rng.gamma(1.0, size=(n, 1))).astype(np.float32)
    pairs, logits = link_search.missing_links(z, graph.adjacency, k, sides=graph.sides)
    free = (graph.sides[:, None] != graph.sides[None]) & (graph.adjacency.toarray() == 0)
    i, j = np.nonzero(np.triu(free, 1))
    expected = np.sort((z.astype(np.float64) @ z.T.astype(np.float64))[i, j])[::-1][:k]
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)
    assert {tuple(pair) for pair in pairs.tolist()} <= set(zip(i.tolist(), j.tolist(), strict=True))
