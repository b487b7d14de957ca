"""Drawn pairs: in order, repeatable, and of the distributions they promise."""

from __future__ import annotations

import hashlib

import networkx as nx
import numpy as np
import pytest
import tensorflow as tf

from tests.graphs import communities, two_sided
from vgae_core.training.negatives import DEGREE_POWER, by_degree, drawing, proper

WAYS = ["uniform", "degree", "hard"]


def drawn(how, count, seed=0):
    graph = communities()
    draw = drawing(how, graph.edges, graph.n_nodes)
    return graph, draw(tf.constant([seed, 7], tf.int32), tf.constant(count)).numpy()


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("count", [1, 5, 3000])
def test_pairs_are_nodes_in_order_and_repeatable(how, count):
    graph, pairs = drawn(how, count)
    assert pairs.shape == (count, 2)
    assert pairs.dtype == np.int32
    assert (np.diff(pairs[:, 0]) >= 0).all()
    assert pairs.min() >= 0
    assert pairs.max() < graph.n_nodes
    np.testing.assert_array_equal(pairs, drawn(how, count)[1])
    if count > 1:
        assert not np.array_equal(pairs, drawn(how, count, seed=1)[1])


@pytest.mark.parametrize("how", WAYS)
def test_both_ends_have_their_distribution(how):
    graph, pairs = drawn(how, 400_000)
    n, degree = graph.n_nodes, graph.adjacency.sum(axis=1)
    by = degree**DEGREE_POWER / np.sum(degree**DEGREE_POWER)
    first = np.full(n, 1 / n) if how == "uniform" else by
    walk = graph.adjacency.toarray() / degree[:, None]
    second = {"uniform": first, "degree": by, "hard": by @ walk @ walk}[how]
    for column, expected in ((0, first), (1, second)):
        share = np.bincount(pairs[:, column], minlength=n) / len(pairs)
        # Five standard errors of a share among 400,000 draws.
        np.testing.assert_allclose(share, expected, atol=5 * np.sqrt(expected.max() / len(pairs)))


def test_a_node_without_edges_is_not_drawn_by_degree():
    draw = by_degree(np.array([0, 3, 0, 1, 0]))
    assert set(np.unique(draw(tf.constant([0, 0]), tf.constant(2000)))) == {1, 3}


@pytest.mark.parametrize("directed", [False, True])
def test_proper_pairs_equal_a_naive_look(directed):
    graph, pairs = drawn("hard", 2000)
    train, n = graph.edges[::2], graph.n_nodes
    keys = tf.constant(np.sort(train[:, 0] * n + train[:, 1]))
    known = {tuple(pair) for pair in train} | (
        set() if directed else {tuple(pair) for pair in train[:, ::-1]}
    )
    expected = [i != j and (i, j) not in known for i, j in pairs.tolist()]
    assert proper(tf.constant(pairs), keys, n, directed=directed).numpy().tolist() == expected
    assert 0 < np.mean(expected) < 1


# --------------------------------------------------------------------------- two-sided graphs
def drawn_across(how, count, seed=0):
    graph = two_sided(nx.bipartite.preferential_attachment_graph([3] * 30, 0.6, seed=1), seed=2)
    draw = drawing(how, graph.edges, graph.n_nodes, graph.sides)
    return graph, draw(tf.constant([seed, 7], tf.int32), tf.constant(count)).numpy()


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("count", [1, 3000])
def test_pairs_of_a_two_sided_graph_join_both_sides(how, count):
    graph, pairs = drawn_across(how, count)
    assert pairs.dtype == np.int32
    assert (graph.sides[pairs[:, 0]] != graph.sides[pairs[:, 1]]).all()
    assert (np.diff(pairs[:, 0]) >= 0).all()
    np.testing.assert_array_equal(pairs, drawn_across(how, count)[1])


@pytest.mark.parametrize("how", WAYS)
def test_both_ends_of_a_two_sided_graph_have_their_distribution(how):
    graph, pairs = drawn_across(how, 400_000)
    n, degree = graph.n_nodes, graph.adjacency.sum(axis=1)
    power = degree**DEGREE_POWER
    walk = graph.adjacency.toarray() / degree[:, None]
    for column in (0, 1):
        mine = (graph.sides == column).astype(float)
        expected = {
            "uniform": mine / mine.sum(),
            "degree": power * mine / (power * mine).sum(),
            "hard": power / power.sum() @ np.linalg.matrix_power(walk, 3 * column),
        }[how]
        share = np.bincount(pairs[:, column], minlength=n) / len(pairs)
        np.testing.assert_allclose(share, expected, atol=5 * np.sqrt(expected.max() / len(pairs)))


DRAWN_BEFORE = {"uniform": "75377ed7bbf43343", "degree": "42f41ddaa7723423", "hard": "10c3ae93eee278ce"}


@pytest.mark.parametrize("how", WAYS)
def test_graphs_without_sides_are_drawn_as_before(how):
    graph = communities()
    pairs = drawing(how, graph.edges, graph.n_nodes)(tf.constant([3, 7], tf.int32), tf.constant(500)).numpy()
    assert hashlib.sha256(pairs.tobytes()).hexdigest()[:16] == DRAWN_BEFORE[how]
