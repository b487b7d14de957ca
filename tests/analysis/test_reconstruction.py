"""Pairs scored by the decoder against dense NumPy and scikit-learn."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats
from sklearn.metrics import (
    confusion_matrix,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from tests.graphs import two_sided
from vgae_core.analysis import rankings, reconstruction
from vgae_core.analysis.metrics import fast_auc_ap
from vgae_core.data.dataset import GraphData
from vgae_core.data.splits import split_links
from vgae_core.errors import DataError
from vgae_core.settings import SplitSpec


def make(n=30, p=0.15, seed=0, directed=False, d=5):
    rng = np.random.default_rng(seed)
    dense = rng.random((n, n)) < p
    if not directed:
        dense = np.triu(dense, 1)
        dense = dense | dense.T
    z = (rng.normal(size=(n, d)) * rng.gamma(1.0, size=(n, 1))).astype(np.float32)
    return z, sparse.csr_array(dense.astype(np.float32)), dense


def dense_missing(z, dense, directed):
    n = len(z)
    free = ~dense & ~np.eye(n, dtype=bool)
    if not directed:
        free = np.triu(free & ~dense.T, 1)
    i, j = np.nonzero(free)
    return np.sort((z.astype(np.float64) @ z.T.astype(np.float64))[i, j])[::-1], set(zip(i, j, strict=True))


def test_probabilities_are_the_sigmoid_and_never_overflow():
    found = reconstruction.probabilities(np.array([-1000, -1, 0, 1, 1000], np.float32))
    np.testing.assert_allclose(found, [0, 1 / (1 + np.e), 0.5, np.e / (1 + np.e), 1])


def test_score_pairs_in_blocks(monkeypatch):
    z, *_ = make()
    pairs = np.random.default_rng(1).integers(0, 30, size=(101, 2))
    monkeypatch.setattr(reconstruction, "BLOCK_VALUES", 37)
    found = reconstruction.score_pairs(z, pairs)
    np.testing.assert_allclose(found, (z @ z.T)[pairs[:, 0], pairs[:, 1]], rtol=1e-5, atol=1e-6)
    assert found.dtype == np.float32
    assert reconstruction.score_pairs(z, np.zeros((0, 2), np.int64)).shape == (0,)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 10_000), st.integers(2, 40), st.floats(0, 1), st.integers(1, 60), st.booleans(),
    st.sampled_from([16, 100, 4_000_000]),
)  # fmt: skip
def test_missing_links_equal_the_dense_search(seed, n, p, k, directed, block):
    z, known, dense = make(n, p, seed, directed)
    before, reconstruction.BLOCK_VALUES = reconstruction.BLOCK_VALUES, block
    try:
        pairs, logits = reconstruction.missing_links(z, known, k, directed=directed)
    finally:
        reconstruction.BLOCK_VALUES = before
    expected, allowed = dense_missing(z, dense, directed)
    np.testing.assert_allclose(logits, expected[:k], rtol=1e-4, atol=1e-5)
    found = [tuple(pair) for pair in pairs]
    assert len(set(found)) == len(found) == min(k, len(expected))
    assert set(found) <= allowed
    np.testing.assert_allclose(logits, reconstruction.score_pairs(z, pairs), rtol=1e-4, atol=1e-5)


def test_missing_links_prune_without_looking_at_every_strip(monkeypatch):
    z, known, dense = make(400, 0.02, d=4)
    z *= np.linspace(0.01, 3, 400)[:, None].astype(np.float32)
    monkeypatch.setattr(reconstruction, "BLOCK_VALUES", 4000)
    told = []
    _, logits = reconstruction.missing_links(z, known, 20, progress=lambda share, _: told.append(share))
    np.testing.assert_allclose(logits, dense_missing(z, dense, False)[0][:20], rtol=1e-4)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) < 30  # 40 strips without the bound


def test_known_arcs_block_both_directions_of_an_undirected_search():
    z = np.ones((3, 2), np.float32)
    known = sparse.csr_array((np.ones(1, np.float32), ([2], [0])), shape=(3, 3))
    pairs, _ = reconstruction.missing_links(z, known, 9)
    assert pairs.tolist() == [[0, 1], [1, 2]]
    pairs, _ = reconstruction.missing_links(z, known, 9, directed=True)
    assert pairs.tolist() == [[0, 1], [0, 2], [1, 0], [1, 2], [2, 1]]


def test_missing_links_of_a_complete_graph_and_bad_arguments():
    z, *_ = make(5)
    full = sparse.csr_array(1 - np.eye(5, dtype=np.float32))
    pairs, logits = reconstruction.missing_links(z, full, 3)
    assert pairs.shape == (0, 2)
    assert logits.shape == (0,)
    with pytest.raises(DataError, match="`k` must be >= 1"):
        reconstruction.missing_links(z, full, 0)
    with pytest.raises(DataError, match=r"\(5, 5\)"):
        reconstruction.missing_links(z, sparse.csr_array((4, 4)), 3)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 10_000), st.integers(2, 40), st.integers(1, 60), st.booleans(), st.sampled_from([16, 100])
)
def test_missing_links_by_two_factors_equal_the_dense_search(seed, n, k, directed, block):
    z, known, dense = make(n, 0.2, seed, directed)
    left, right = z * np.float32([1, -2, 0, 3, 0.5]), z  # symmetric, and not an inner product of codes
    if directed:
        right = np.random.default_rng(seed).normal(size=z.shape).astype(np.float32)
    before, reconstruction.BLOCK_VALUES = reconstruction.BLOCK_VALUES, block
    try:
        pairs, logits = reconstruction.missing_links(left, known, k, right=right, directed=directed)
    finally:
        reconstruction.BLOCK_VALUES = before
    free = ~dense & ~np.eye(n, dtype=bool)
    free = free if directed else np.triu(free, 1)
    every = (left.astype(np.float64) @ right.T.astype(np.float64))[free]
    np.testing.assert_allclose(logits, np.sort(every)[::-1][:k], rtol=1e-4, atol=1e-4)
    assert all(free[i, j] for i, j in pairs)


def test_a_decoder_without_factors_orders_the_candidates():
    z, known, dense = make()
    score = lambda pairs: -np.abs(pairs[:, 0] - pairs[:, 1]).astype(np.float32)  # noqa: E731
    pairs, logits = reconstruction.missing_links(z, known, 9, score=score)
    i, j = np.nonzero(np.triu(~dense, 1))  # fewer than the candidates of nine, so all are scored
    assert len(i) <= reconstruction.CANDIDATES * 9
    assert logits.tolist() == np.sort(-np.abs(i - j))[::-1][:9].tolist()
    assert score(pairs).tolist() == logits.tolist()


def test_the_task_gives_the_same_links():
    z, known, _ = make()
    told = []
    arrays, values = rankings.rank_links_task(
        {"z": z, "left": z, "right": z, "edges": np.column_stack(known.nonzero())},
        {"k": 7, "directed": False, "decoder": "inner_product", "stack": {}, "search": {}},
        lambda share, message: told.append((share, message)),
    )
    pairs, logits = reconstruction.missing_links(z, known, 7)
    assert arrays["pairs"].tolist() == pairs.tolist()
    assert arrays["logits"].tolist() == logits.tolist()
    assert values == {}
    assert told[-1][0] == 1.0


def test_unlikely_links_are_the_lowest_logits():
    z, known, _ = make()
    edges = np.column_stack(np.nonzero(np.triu(known.toarray())))
    pairs, logits = reconstruction.unlikely_links(z, edges, 6)
    every = (z @ z.T)[edges[:, 0], edges[:, 1]]
    np.testing.assert_allclose(logits, np.sort(every)[:6], rtol=1e-5)
    np.testing.assert_allclose(logits, (z @ z.T)[pairs[:, 0], pairs[:, 1]], rtol=1e-5)
    assert len(reconstruction.unlikely_links(z, edges, 10_000)[0]) == len(edges)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 25), st.floats(0, 1))
def test_drawn_non_edges_are_non_edges(seed, n, p):
    _, known, dense = make(n, p, seed, directed=True)
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
    z, known, dense = make(20, 0.3, 4)
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


def test_threshold_table_against_scikit_learn():
    rng = np.random.default_rng(0)
    y = rng.random(200) < 0.4
    p = np.round(np.clip(rng.normal(0.3 + 0.3 * y, 0.2), 0, 1), 2)  # ties with the thresholds themselves
    table = reconstruction.threshold_table(y, p, steps=11)
    assert table["threshold"].tolist() == pytest.approx(np.linspace(0, 1, 11))
    for row in table.itertuples():
        called = p >= row.threshold
        tn, fp, fn, tp = confusion_matrix(y, called, labels=[False, True]).ravel()
        assert (row.tn, row.fp, row.fn, row.tp) == (tn, fp, fn, tp)
        assert row.precision == pytest.approx(precision_score(y, called, zero_division=0))
        assert row.recall == pytest.approx(recall_score(y, called))
        assert row.f1 == pytest.approx(f1_score(y, called, zero_division=0))
        assert row.accuracy == pytest.approx((called == y).mean())
    best = reconstruction.best_threshold(table)
    assert table.set_index("threshold")["f1"][best] == table["f1"].max()


def separated(n, shift, seed):
    y = np.arange(2 * n) < n
    return y, np.random.default_rng(seed).normal(size=2 * n) + shift * y


def test_compare_names_the_best_baseline_and_who_wins():
    y, strong = separated(2000, 3.0, 0)
    weak, weaker = separated(2000, 1.0, 1)[1], separated(2000, 0.5, 2)[1]
    found = reconstruction.compare(y, {"model": strong, "a": weaker, "b": weak})
    assert (found.outcome, found.name) == ("wins", "b")
    assert found.model == pytest.approx(roc_auc_score(y, strong))
    assert found.baseline == pytest.approx(roc_auc_score(y, weak))
    assert reconstruction.compare(y, {"model": weak, "a": strong}).outcome == "loses"
    assert reconstruction.compare(y, {"model": weak, "a": weak + 1e-3 * strong}).outcome == "ties"
    assert reconstruction.compare(y, {"model": weak}).outcome == "alone"


def test_few_pairs_do_not_decide():
    y = np.repeat([True, False], 8)
    strong = np.array([9, 8, 7, 6, 5, 4, 3, 1, 2, 0, 0, 0, 0, 0, 0, 0.0])
    weak = np.array([9, 8, 7, 6, 5, 0, 3, 1, 2, 4, 0, 0, 0, 0, 0, 0.5])
    found = reconstruction.compare(y, {"model": strong, "a": weak})
    assert abs(found.model - found.baseline) > reconstruction.TIE
    assert found.outcome == "ties"
    assert reconstruction.auc_difference_error(np.array([1, 0]), np.zeros(2), np.zeros(2)) == np.inf


def test_the_error_of_a_difference_is_its_spread_over_samples():
    def draw(seed):
        y, first = separated(300, 1.5, seed)
        return y, first, 0.7 * first + np.random.default_rng(seed + 10_000).normal(size=600)

    differences, errors = [], []
    for seed in range(300):
        y, first, second = draw(seed)
        differences.append(fast_auc_ap(first[y], first[~y])[0] - fast_auc_ap(second[y], second[~y])[0])
        errors.append(reconstruction.auc_difference_error(y, first, second))
    assert np.mean(errors) == pytest.approx(np.std(differences), rel=0.12)


def test_score_histogram_counts_every_pair_once():
    y = np.array([1, 1, 0, 0, 0])
    table = reconstruction.score_histogram(y, np.array([1.0, 0.26, 0.0, 0.24, 0.25]), bins=4)
    assert table["edges"].tolist() == [0, 1, 0, 1]
    assert table["non_edges"].tolist() == [2, 1, 0, 0]
    assert table["high"].tolist() == [0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize("directed", [False, True])
def test_edge_parts_find_every_edge_of_a_split(directed):
    _, known, _ = make(40, 0.2, directed=directed)
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


def test_scores_that_are_no_probabilities_are_spread_over_their_own_range():
    rng = np.random.default_rng(0)
    y, scores = rng.random(200) < 0.4, rng.normal(3, 10, 200)
    got = reconstruction.spread(y, scores, bins=7)
    ends = np.linspace(scores.min(), scores.max(), 8)
    np.testing.assert_allclose(got["low"], ends[:-1])
    assert got["edges"].tolist() == np.histogram(scores[y], bins=ends)[0].tolist()
    assert got["non_edges"].sum() == np.count_nonzero(~y)
    flat = reconstruction.spread(y, np.ones(200), bins=4)
    assert flat["edges"].sum() == np.count_nonzero(y)


# --------------------------------------------------------------------------- two-sided graphs
@settings(deadline=None, max_examples=40)
@given(n0=st.integers(1, 14), n1=st.integers(1, 14), seed=st.integers(0, 500), k=st.integers(1, 60))
def test_missing_links_of_a_two_sided_graph_are_the_best_across(n0, n1, seed, k):
    reference = nx.bipartite.random_graph(n0, n1, 0.3, seed=seed)
    reference.add_edge(0, n0)
    graph = two_sided(reference, seed=seed)
    n, rng = graph.n_nodes, np.random.default_rng(seed)
    z = (rng.normal(size=(n, 4)) * rng.gamma(1.0, size=(n, 1))).astype(np.float32)
    pairs, logits = reconstruction.missing_links(z, graph.adjacency, k, sides=graph.sides)
    free = (graph.sides[:, None] != graph.sides[None]) & (graph.adjacency.toarray() == 0)
    i, j = np.nonzero(np.triu(free, 1))
    expected = np.sort((z.astype(np.float64) @ z.T.astype(np.float64))[i, j])[::-1][:k]
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)
    assert {tuple(pair) for pair in pairs.tolist()} <= set(zip(i.tolist(), j.tolist(), strict=True))


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
