"""The benchmark trains what it is told to and says what it was."""

from __future__ import annotations

import pytest

from tests.graphs import karate
from vgae_core.data.synthetic import synthetic
from vgae_core.runs.execution.benchmark import measure
from vgae_core.settings import RunSpec


@pytest.mark.parametrize("decoder", ["inner_product", "distmult"])
def test_the_figures_are_those_of_the_graph_and_the_specification(decoder):
    graph = karate()
    spec = RunSpec().replace("training.epochs", 3).replace("model.decoder", decoder)
    told = measure(spec, graph)
    assert (told["nodes"], told["edges"], told["epochs"], told["steps"]) == (34, 78, 3, 1)
    assert (told["encoder"], told["decoder"], told["supervision"]) == ("normalised", decoder, "sampled")
    assert 0 < told["s_per_epoch"] <= told["s_per_epoch_validated"]


def test_the_generated_graph_is_symmetric_without_loops():
    graph = synthetic(500, 2000, n_features=8)
    assert abs(graph.adjacency - graph.adjacency.T).nnz == 0
    assert not graph.adjacency.diagonal().any()
    assert set(graph.adjacency.data) == {1.0}
    assert 1800 < graph.profile.n_edges <= 2000
    assert graph.features.shape == (500, 8)
