"""Hard non-edges: exact, one end kept, and mostly near."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from tests.graphs import communities, graph_from, karate
from vgae_core.data.hard_non_edges import hard_non_edges
from vgae_core.data.link_splits import split_links
from vgae_core.settings import SplitSpec


def hard(graph, seed=0, **sizes):
    split = split_links(graph, SplitSpec(), seed)
    return split, *hard_non_edges(graph, split, np.random.default_rng(seed), **sizes)


@pytest.mark.parametrize("make", [karate, communities])
@pytest.mark.parametrize("directed", [False, True])
def test_they_are_non_edges_that_keep_one_end(make, directed):
    adjacency = make().adjacency.toarray()
    if directed:
        adjacency *= np.random.default_rng(0).random(adjacency.shape) < 0.6
    graph = graph_from(adjacency, directed=directed)
    split, chosen, pairs = hard(graph, edges=20, each=10)
    assert pairs.shape == (len(chosen), 10, 2)
    assert len(chosen) == min(20, len(split.test)) == len(set(chosen))
    assert not graph.adjacency.toarray()[pairs[..., 0], pairs[..., 1]].any()
    assert (pairs[..., 0] != pairs[..., 1]).all()
    same = pairs == split.test[chosen][:, None, :]
    assert np.mean(same.any(axis=2)) > 0.7  # the others are random stand-ins
    assert same[:, ::2, 0].mean() > 0.6  # the ends take turns
    assert same[:, 1::2, 1].mean() > 0.6


def test_they_are_two_steps_apart_over_the_training_edges():
    graph = communities()
    split, chosen, pairs = hard(graph)
    message = nx.Graph(split.train.tolist())
    message.add_nodes_from(range(graph.n_nodes))
    kept = (pairs == split.test[chosen][:, None, :]).any(axis=2)
    far = [nx.has_path(message, i, j) and nx.shortest_path_length(message, i, j) for i, j in pairs[kept]]
    assert np.mean([distance == 2 for distance in far]) > 0.99


def test_a_graph_whose_walks_never_leave_the_neighbours_gets_random_ones():
    adjacency = np.zeros((30, 30), np.float32)
    adjacency[:10, :10] = 1 - np.eye(10)  # a clique: two steps from a member is a member
    graph = graph_from(adjacency)
    _, _, pairs = hard(graph)
    assert not adjacency[pairs[..., 0], pairs[..., 1]].any()


def test_the_generator_decides():
    graph = communities()
    (_, *one), (_, *two) = hard(graph), hard(graph)
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
