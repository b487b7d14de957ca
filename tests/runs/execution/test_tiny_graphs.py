"""Tiny and dense graphs: each trains and is scored, or is refused before training with what it takes."""

from __future__ import annotations

import re

import networkx as nx
import numpy as np
import pytest

from tests.graphs import graph_from
from vgae_core.data.link_splits import split_links
from vgae_core.data.non_edges import sample_non_edges
from vgae_core.data.split_checks import check_split
from vgae_core.errors import DataError
from vgae_core.runs.execution.pipeline import execute
from vgae_core.settings import RunSpec, SplitSpec


def of_density(n, density):
    pairs = np.column_stack(np.triu_indices(n, 1))
    chosen = np.random.default_rng(0).permutation(len(pairs))[: round(density * len(pairs))]
    graph = nx.empty_graph(n)
    graph.add_edges_from(pairs[chosen].tolist())
    return graph


def one_edge():
    graph = nx.empty_graph(6)
    graph.add_edge(0, 1)
    return graph


def data_of(graph, directed):
    return graph_from(nx.to_numpy_array(nx.DiGraph(graph) if directed else graph), directed=directed)


TRAINS = {
    "star": nx.star_graph(4),
    "path": nx.path_graph(4),
    "square": nx.cycle_graph(4),
    "two components": nx.disjoint_union(nx.path_graph(3), nx.cycle_graph(4)),
    "dense": of_density(40, 0.85),
}


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("name", TRAINS)
def test_it_trains_and_is_scored(name, directed):
    graph = data_of(TRAINS[name], directed)
    spec = RunSpec().replace("training.epochs", 2).replace("model.latent_dim", 4)
    check_split(graph, spec)
    metrics = execute(spec, graph).metrics
    assert {"roc_auc", "average_precision", "hard_auc", "hard_mrr"} <= set(metrics["test"])
    assert all(0 <= value <= 1 for value in metrics["test"].values())


REFUSED = {
    "triangle": (
        nx.complete_graph(3),
        r"Every pair .* needs 2 pairs of nodes without an edge, and the graph has 0",
    ),
    "complete": (
        nx.complete_graph(8),
        r"Every pair .* needs \d pairs of nodes without an edge, and the graph has 0",
    ),
    "two nodes": (
        nx.path_graph(2),
        r"too few: training, validation and testing need one each.* at least 3 edges",
    ),
    "one edge": (one_edge(), r"too few: training, validation and testing need one each.* at least 3 edges"),
    "dense": (
        of_density(40, 0.9),
        r"needs \d+ pairs of nodes without an edge, and the graph has \d+ .* Set `val_fr",
    ),
}


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_before_training_with_the_number_needed_and_the_way_on(name, directed):
    graph, message = data_of(REFUSED[name][0], directed), REFUSED[name][1]
    events = []
    with pytest.raises(DataError) as caught:
        execute(RunSpec(), graph, on_event=events.append)
    assert [event.name for event in events] == ["splitting"]
    with pytest.raises(DataError) as early:
        check_split(graph, RunSpec())
    assert str(early.value) == str(caught.value)
    assert re.search(message, str(caught.value))


def test_both_arcs_of_two_pairs_cannot_be_divided():
    graph = data_of(nx.path_graph(3), directed=True)
    for attempt in (lambda: split_links(graph, SplitSpec(), 0), lambda: check_split(graph, RunSpec())):
        with pytest.raises(DataError, match=r"2 connected pairs of nodes are too few.*at least 3"):
            attempt()


@pytest.mark.parametrize("density", [0.88, 0.9, 0.95, 0.99])
def test_the_fractions_that_the_message_names_can_be_held_out(density):
    graph = data_of(of_density(40, density), directed=False)
    with pytest.raises(DataError) as caught:
        split_links(graph, SplitSpec(), 0)
    words = caught.value.mend.replace(",", " ").split()
    if "`val_fraction`" not in words:
        assert density == 0.99
        return
    val, test = (float(words[words.index(name) + 2]) for name in ("`val_fraction`", "`test_fraction`"))
    split_links(graph, SplitSpec(val_fraction=val, test_fraction=test), 0).check(graph)


def test_non_edges_repeat_only_where_there_are_too_few():
    graph = data_of(nx.cycle_graph(5), directed=False)
    rng = np.random.default_rng(0)
    assert len(np.unique(sample_non_edges(graph, 5, rng, repeats=True), axis=0)) == 5
    many = sample_non_edges(graph, 40, rng, repeats=True)
    assert len(np.unique(many, axis=0)) == 5
    assert not graph.adjacency.toarray()[tuple(many.T)].any()
    with pytest.raises(DataError, match="40 pairs of nodes without an edge are needed, and the graph has 5"):
        sample_non_edges(graph, 40, rng)
