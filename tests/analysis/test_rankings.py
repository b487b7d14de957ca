"""Rankings of missing links and their filters against dense formulas over all pairs."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from tests.pages.finished_runs import make_graph, make_result
from vgae_core.analysis import link_filters, link_search, rankings, surprise
from vgae_core.analysis.link_filters import COMMUNITIES, DISTANCES, LinkSearch, allowed_pairs
from vgae_core.analysis.rankings import rank_links
from vgae_core.data.text import contains


def random_graph(n, p, directed, seed):
    a = np.random.default_rng(seed).random((n, n)) < p
    np.fill_diagonal(a, False)
    return a if directed else np.triu(a, 1) | np.triu(a, 1).T


def surprising(a, logits, directed):
    """Return the signed divergence of the model's probabilities from those of the degrees, dense, by its definition."""
    out, into = np.maximum(a.sum(axis=1), 1), np.maximum(a.sum(axis=0), 1)
    odds = np.outer(out, into) / max(a.sum(), 1)  # k_i k_j / 2m, or k_out k_in / m of arcs
    q = odds / (1 + odds)
    n = len(a)
    share = max(a.sum(), 1) / max(n * (n - 1) - a.sum(), 1)  # edges for each non-edge
    model = np.exp(logits.astype(np.float64)) * share
    p = model / (1 + model)
    return np.sign(p - q) * (p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))


def listed(a, directed, passes=None):
    """Return every pair without an edge, once, that passes."""
    free = ~a & ~np.eye(len(a), dtype=bool)
    if passes is not None:
        free &= passes
    return np.argwhere(free if directed else np.triu(free, 1))


CASES = {
    "seed": st.integers(0, 10_000),
    "n": st.integers(2, 18),
    "directed": st.booleans(),
    "k": st.integers(1, 30),
}


@given(**CASES, block=st.sampled_from([7, 40, 4_000_000]))
@settings(max_examples=80, deadline=None)
def test_surprise_ranks_as_the_dense_formula(seed, n, directed, k, block):
    rng = np.random.default_rng(seed)
    a = random_graph(n, 0.3, directed, seed)
    left, right = (rng.normal(size=(n, 4)).astype(np.float32) for _ in range(2))
    right = right if directed else left
    dense = surprising(a, left.astype(np.float64) @ right.T, directed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(link_search, "BLOCK_VALUES", block)
        known = sparse.csr_array(a.astype(np.float32))
        pairs, logits = rank_links(LinkSearch(ranking="surprise"), left, right, known, k, directed=directed)
    every = listed(a, directed)
    expected = np.sort(dense[tuple(every.T)])[::-1][:k]
    found = surprise.surprise(known, pairs, logits, directed=directed)
    np.testing.assert_allclose(found, dense[tuple(pairs.T)], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert not a[tuple(pairs.T)].any()


@given(**CASES, block=st.sampled_from([7, 4_000_000]))
@settings(max_examples=60, deadline=None)
def test_each_node_has_its_best_link(seed, n, directed, k, block):
    rng = np.random.default_rng(seed)
    a = random_graph(n, 0.4, directed, seed)
    z = rng.normal(size=(n, 3)).astype(np.float32)
    dense = z.astype(np.float64) @ z.T
    best = {}
    for i in range(n):
        free = [j for j in range(n) if j != i and not a[i, j]]
        if free:
            j = max(free, key=lambda j: dense[i, j])
            best[(i, j) if directed else (min(i, j), max(i, j))] = dense[i, j]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rankings, "BLOCK_VALUES", block)
        known = sparse.csr_array(a.astype(np.float32))
        pairs, logits = rank_links(LinkSearch(ranking="node_best"), z, z, known, k, directed=directed)
    expected = sorted(best.values(), reverse=True)[:k]
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)
    if k >= len(best):
        assert set(map(tuple, pairs.tolist())) == set(best)


def passing(a, search, labels, communities, named, directed):
    """Return which pairs pass a search, one by one, by networkx."""
    n = len(a)
    either = a | a.T
    lengths = dict(nx.all_pairs_shortest_path_length(nx.from_numpy_array(either)))
    keep = np.zeros((n, n), bool)
    for i in range(n):
        for j in range(n):
            degree = either[i].sum(), either[j].sum()
            fits = lambda x, y: search.label in (-1, x) and search.other_label in (-1, y)  # noqa: E731
            apart = lengths[i].get(j)
            same = communities[i] == communities[j] >= 0
            keep[i, j] = (
                min(degree) >= search.least_degree
                and (not search.most_degree or max(degree) <= search.most_degree)
                and (named is None or named[i] or named[j])
                and (fits(labels[i], labels[j]) or (not directed and fits(labels[j], labels[i])))
                and {"any": True, "same": same, "other": not same}[search.community]
                and {
                    "any": True,
                    "two": apart in (1, 2) and bool((either[i] & either[j]).any()),
                    "more": apart is not None and not (either[i] & either[j]).any(),
                    "none": apart is None,
                }[search.distance]
            )
    return keep


@given(
    seed=st.integers(0, 10_000),
    n=st.integers(2, 16),
    directed=st.booleans(),
    ranking=st.sampled_from(["score", "surprise"]),
    search=st.fixed_dictionaries(
        {
            "label": st.integers(-1, 2),
            "other_label": st.integers(-1, 2),
            "least_degree": st.integers(0, 3),
            "most_degree": st.integers(0, 6),
            "distance": st.sampled_from(list(DISTANCES)),
            "community": st.sampled_from(list(COMMUNITIES)),
        }
    ),
    by_name=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_filters_are_part_of_the_search(seed, n, directed, ranking, search, by_name):
    rng = np.random.default_rng(seed)
    a = random_graph(n, 0.15, directed, seed)
    z = rng.normal(size=(n, 3)).astype(np.float32)
    labels, communities = rng.integers(-1, 3, n), rng.integers(-1, 2, n)
    named = rng.random(n) < 0.3 if by_name else None
    wanted = LinkSearch(ranking=ranking, **search)
    known = sparse.csr_array(a.astype(np.float32))
    allowed = allowed_pairs(
        wanted, known, named=named, labels=labels, communities=communities, directed=directed
    )
    pairs, _ = rank_links(wanted, z, z, known, 5, allowed=allowed, directed=directed)
    every = listed(a, directed, passing(a, wanted, labels, communities, named, directed))
    value = z.astype(np.float64) @ z.T
    if ranking == "surprise":
        value = surprising(a, value, directed)
    best = np.sort(value[tuple(every.T)])[::-1][:5]
    np.testing.assert_allclose(value[tuple(pairs.T)], best, rtol=1e-4, atol=1e-4)
    assert set(map(tuple, pairs.tolist())) <= set(map(tuple, every.tolist()))


def test_a_search_over_all_pairs_finds_what_no_list_of_the_best_holds():
    graph = make_graph(240)
    result = make_result(graph)
    first, _ = result.missing_links(graph, 20)
    alone = next(i for i in range(240) if i not in first)
    name = str(graph.node_ids[alone])
    pairs, logits = result.missing_links(graph, 20, LinkSearch(name=name.upper()))
    named = np.flatnonzero([name in str(node) for node in graph.node_ids])
    assert np.isin(pairs, named).any(axis=1).all()
    dense = result.z_mean.astype(np.float64) @ result.z_mean.T
    every = listed(graph.adjacency.toarray() > 0, False)
    every = every[np.isin(every, named).any(axis=1)]
    np.testing.assert_allclose(logits, np.sort(dense[tuple(every.T)])[::-1][:20], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("ranking", link_filters.RANKINGS)
def test_a_stacked_ranking_is_that_of_the_joint_score(ranking):
    graph = make_graph()
    alone = make_result(graph)
    stack = {"offset": 0.2, "network": 0.5, "common_neighbours": 0.6}
    result = type(alone)(**{**vars(alone), "model": {**alone.model, "stack": stack}})
    pairs, logits = result.missing_links(graph, 15, LinkSearch(ranking=ranking))
    score = result.link_scorer(graph)
    np.testing.assert_allclose(logits, score(pairs), rtol=1e-6)
    a = graph.adjacency.toarray() > 0
    every = listed(a, False)
    value = score(every).astype(np.float64)
    if ranking == "surprise":
        full = np.zeros(a.shape)
        full[tuple(every.T)] = value
        value = surprising(a, full, False)[tuple(every.T)]
    if ranking == "node_best":
        best = set()
        for node in range(graph.n_nodes):
            mine = np.flatnonzero((every == node).any(axis=1))
            best.add(int(mine[np.argmax(value[mine])]))
        value = value[sorted(best)]
    got = surprise.surprise(graph.adjacency, pairs, logits) if ranking == "surprise" else logits
    # Candidates are chosen by the network alone: of these few pairs hardly one is missed.
    assert np.mean(got >= np.sort(value)[-15] - 1e-4) >= 0.8
    arrays, options = result.ranking_task(graph, 15, LinkSearch(ranking=ranking))
    told, _ = rankings.rank_links_task(arrays, options, lambda share, text: None)
    np.testing.assert_array_equal(told["pairs"], pairs)


def test_a_filtered_search_is_the_same_in_another_process():
    graph = make_graph()
    result = make_result(graph)
    search = LinkSearch(
        ranking="surprise", name="PERSON1", label=0, least_degree=2, distance="two", community="same"
    )
    communities = np.arange(graph.n_nodes) % 2
    pairs, logits = result.missing_links(graph, 30, search, communities)
    arrays, options = result.ranking_task(graph, 30, search, communities)
    told, _ = rankings.rank_links_task(arrays, options, lambda share, text: None)
    np.testing.assert_array_equal(told["pairs"], pairs)
    np.testing.assert_allclose(told["logits"], logits)
    assert len(pairs)


def test_other_rankings_are_no_lists_of_hubs():
    """Communities with hubs in each: codes along the community, as long as the degree is high."""
    rng = np.random.default_rng(0)
    n, groups = 300, 6
    group, weight = np.arange(n) % groups, rng.pareto(1.5, n) + 0.3
    chance = np.outer(weight, weight) * np.where(group[:, None] == group, 0.05, 0.002)
    a = np.triu(rng.random((n, n)) < chance, 1)
    a = a | a.T
    degree = a.sum(axis=1)
    z = (np.eye(groups)[group] * 3 * np.sqrt(np.maximum(degree, 1))[:, None] / np.sqrt(degree.mean())).astype(
        np.float32
    )
    known = sparse.csr_array(a.astype(np.float32))
    mean = {}
    for ranking in link_filters.RANKINGS:
        pairs, _ = rank_links(LinkSearch(ranking=ranking), z, z, known, 60)
        mean[ranking] = degree[pairs].mean()
        if ranking == "surprise":
            assert (group[pairs[:, 0]] == group[pairs[:, 1]]).all()
    assert mean["surprise"] < mean["score"] / 2
    every, _ = rank_links(LinkSearch(ranking="node_best"), z, z, known, n)
    assert len(np.unique(every)) == n


def test_names_are_found_as_people_type_them():
    assert contains("Jon-Snow", "jon snow")
    assert contains("Zürich 2", "ZURICH")
    assert contains("a.b", ".")
    assert not contains("ab", ".")
    assert not contains("Arya", "jon")
