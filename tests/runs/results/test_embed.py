"""New nodes: the trained encoder on the enlarged graph, worked out densely, and what is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import sparse

from tests.graphs import communities, graph_from, karate
from vgae_core.data.dataset import GraphData, RawGraph
from vgae_core.errors import DataError, RunError
from vgae_core.runs.execution.pipeline import execute
from vgae_core.runs.results.embed import _stacked, embed
from vgae_core.settings import RepairSpec, RunSpec

N, OLD = 120, 112


def whole():
    return communities(n=N)


def first_part():
    """Return the graph of the first nodes, and the rest as it is brought later."""
    graph = whole()
    dense = graph.adjacency.toarray()
    old = graph_from(dense[:OLD, :OLD], graph.features[:OLD])
    rows, cols = np.nonzero(np.triu(dense, 1))
    late = cols >= OLD
    more = RawGraph(
        name="more", rows=rows[late].astype(np.int64), cols=cols[late].astype(np.int64), weights=None,
        node_ids=np.arange(N), directed=False, format="test", features=graph.features,
    )  # fmt: skip
    return old, more


def spec_of(**model):
    model = {"encoder": "linear", "latent_dim": 6, **model}
    return RunSpec.from_dict({"model": model, "training": {"epochs": 4}})


def test_a_new_node_gets_what_the_encoder_gives_the_enlarged_graph():
    old, more = first_part()
    spec = spec_of()
    result = execute(spec, old)
    found = embed(spec, result, old, more)
    assert (found.n_trained, len(found.z_mean)) == (OLD, N)
    # A X W, dense: every edge of the graph and of a new node.
    edges = np.zeros((N, N))
    edges[tuple(old.edges.T)] = 1
    edges[more.rows, more.cols] = 1
    edges = edges + edges.T + np.eye(N)
    scale = 1 / np.sqrt(edges.sum(axis=1))
    kernel = result.state["model/0"].astype(np.float64)
    expected = (scale[:, None] * edges * scale) @ whole().features.toarray() @ kernel
    np.testing.assert_allclose(found.z_mean, expected[:, :6], rtol=1e-3, atol=1e-4)
    touched = np.unique(np.concatenate([more.rows, more.cols]))
    near = (edges[:OLD][:, touched[touched < OLD]] > 0).any(axis=1)  # degrees of neighbours change too
    assert found.moved[~near].max(initial=0) < 1e-5
    assert found.moved.max() > 0.01
    table = found.table()
    assert table["new"].sum() == N - OLD
    assert list(table["node"]) == list(range(N))


@pytest.mark.parametrize("encoder", ["normalised", "gcn", "sage", "appnp"])
def test_without_new_edges_nothing_moves(encoder):
    old, more = first_part()
    spec = spec_of(encoder=encoder)
    result = execute(spec, old)
    alone = dataclasses.replace(more, rows=more.rows[:0], cols=more.cols[:0])
    found = embed(spec, result, old, alone)
    assert found.moved.max() < 1e-4
    assert np.isfinite(found.z_mean).all()


def test_random_inputs_of_the_nodes_of_training_stay():
    old, more = first_part()
    bare = dataclasses.replace(old, features=None)
    spec = spec_of(node_input="random")
    result = execute(spec, bare)
    found = embed(spec, result, bare, dataclasses.replace(more, rows=more.rows[:0], cols=more.cols[:0]))
    assert found.moved.max() < 1e-5


@pytest.mark.parametrize("node_input", ["table", "spectral", "spectral_table"])
def test_an_encoder_with_vectors_of_its_own_refuses(node_input):
    graph = karate()
    spec = spec_of(node_input=node_input)
    with pytest.raises(RunError, match="cannot encode new nodes"):
        embed(spec, execute(spec, graph), graph, first_part()[1])


def test_features_that_do_not_fit_are_refused():
    old, more = first_part()
    spec = spec_of()
    result = execute(spec, old)
    for change, fragment in (
        ({"features": None}, "have no features"),
        ({"features": sparse.csr_array((N, 7), dtype=np.float32)}, "Expected 30 features"),
        ({"rows": more.rows[:0], "cols": more.cols[:0], "node_ids": np.arange(OLD)}, "no new nodes"),
    ):
        with pytest.raises(DataError, match=fragment):
            embed(spec, result, old, dataclasses.replace(more, **change))
    named = dataclasses.replace(old, feature_names=tuple(f"word {i}" for i in range(30)))
    shuffled = np.random.default_rng(0).permutation(30)
    other = dataclasses.replace(
        more, features=more.features[:, shuffled], feature_names=tuple(f"word {i}" for i in shuffled)
    )
    np.testing.assert_allclose(
        embed(spec, result, named, other).z_mean, embed(spec, result, old, more).z_mean, rtol=1e-4, atol=1e-5
    )
    strange = dataclasses.replace(more, feature_names=tuple(f"other {i}" for i in range(30)))
    with pytest.raises(DataError, match="lack 30 of 30"):
        embed(spec, result, named, strange)


@pytest.mark.parametrize(("missing", "value"), [("mean", 2.0), ("zero", 0.0)])
def test_gaps_of_new_nodes_are_filled_as_in_training(missing, value):
    known = GraphData(
        name="g", adjacency=sparse.csr_array((2, 2), dtype=np.float32), node_ids=np.arange(2),
        features=np.array([[1, 0, 1, 0], [3, 1, 0, 1]], np.float32),
        feature_names=("age", "age missing", "sex=f", "sex=m"),
    )  # fmt: skip
    more = RawGraph(
        name="g", rows=np.array([2]), cols=np.array([0]), weights=None, node_ids=np.arange(3), directed=False,
        format="test", features=np.array([[1, 1], [3, 1], [np.nan, 1]], np.float32), feature_names=("age", "sex=m"),
    )  # fmt: skip
    stacked = _stacked(known, more, np.array([2]), RepairSpec(missing=missing))
    assert stacked[2].tolist() == [value, 1, 0, 1]


def test_repeated_edges_count_as_in_training():
    old, more = first_part()
    spec = spec_of()
    result = execute(spec, old)
    twice = dataclasses.replace(more, rows=np.tile(more.rows, 2), cols=np.tile(more.cols, 2))
    expected = embed(spec, result, old, more).z_mean
    np.testing.assert_array_equal(embed(spec, result, old, twice).z_mean, expected)
