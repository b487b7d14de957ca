"""Drawn pairs: in order, repeatable, and of the distributions they promise."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tests.graphs import communities
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
