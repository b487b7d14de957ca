"""Answers of a finished run against a full pass of Keras and a dense ranking."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.stats import rankdata

from tests.graphs import communities, graph_from
from vgae_core.analysis.baselines import run_baselines
from vgae_core.analysis.stacking import joined
from vgae_core.cli import main
from vgae_core.data.node_inputs import encoder_features
from vgae_core.errors import DataError
from vgae_core.nn.models import build
from vgae_core.runs.execution.pipeline import execute
from vgae_core.runs.store.folder import write_run_dir
from vgae_core.runs.views.answers import Answers, find_node, pairs_of
from vgae_core.settings import RunSpec
from vgae_core.training.pair_batches import graph_inputs

N = 120


def named(directed=False):
    graph = communities(n=N)
    adjacency = graph.adjacency.toarray()
    if directed:
        adjacency *= np.random.default_rng(0).random(adjacency.shape) < 0.7
    graph = graph_from(adjacency, graph.features, graph.labels, directed=directed)
    return dataclasses.replace(graph, node_ids=np.array([f"Node-{i}" for i in range(N)], object))


def spec_of(directed=False, **changes):
    spec = RunSpec.from_dict(
        {"model": {"latent_dim": 6, **changes}, "training": {"epochs": 15}, "stacking": False}
    )
    return spec.replace("dataset.repairs.direction", "directed" if directed else "undirected")


@pytest.fixture(scope="module")
def run():
    graph, spec = named(), spec_of()
    result = execute(spec, graph)
    # Bare logits of the network, to be compared with those of Keras.
    model = {key: value for key, value in result.model.items() if key != "stack"}
    return graph, dataclasses.replace(result, model=model)


def keras_codes(result, graph):
    """Return the codes that Keras gives the whole graph."""
    built = build(result.spec, graph.profile)
    built.model.set_weights([result.state[f"model/{i}"] for i in range(len(result.state))])
    features = encoder_features(graph, result.split.message(graph.n_nodes, graph), result.spec)
    return np.asarray(built.encoder(graph_inputs(graph.adjacency, features, result.spec))["z_mean"])


def test_a_node_linked_to_all_others_is_no_place_to_begin(run):
    graph, result = run
    dense = graph.adjacency.toarray()
    dense[3], dense[:, 3] = 1, 1
    np.fill_diagonal(dense, 0)
    degree = (dense > 0).sum(1)
    begun = Answers(result, dataclasses.replace(graph, adjacency=sparse.csr_array(dense))).busiest
    assert degree[begun] == degree[degree < len(dense) - 1].max()


def test_ranks_are_those_of_all_edges_encoded_by_keras(run):
    graph, result = run
    z = keras_codes(result, graph)
    logits = z @ z.T
    assert np.abs(z - result.z_mean).max() > 1e-3  # all edges say something else than those of training
    answers = Answers(result, graph)
    joined_to = graph.adjacency.toarray() > 0
    for node in (0, 7, 50):
        free = ~joined_to[node]
        free[node] = False
        expected = np.flatnonzero(free)[np.argsort(-logits[node, free], kind="stable")][:10]
        ranking = answers.rank(node, 10)
        assert ranking.n_candidates == free.sum()
        assert set(ranking.pairs[:, 0]) == {node}
        np.testing.assert_allclose(ranking.logits, logits[node, ranking.pairs[:, 1]], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(ranking.logits, logits[node, expected], rtol=1e-4, atol=1e-4)
        doubtful = answers.existing(node)
        assert set(doubtful.pairs[:, 1]) == set(np.flatnonzero(joined_to[node]))
        assert (np.diff(doubtful.logits) >= 0).all()


def test_pairs_get_their_part_and_their_rank_within_both_ends(run):
    graph, result = run
    z = keras_codes(result, graph)
    logits = z @ z.T
    joined_to = graph.adjacency.toarray() > 0
    absent = np.argwhere(np.triu(~joined_to, 1))[5]
    pairs = np.array([result.split.train[0], result.split.val[0][::-1], result.split.test[0], absent])
    table = Answers(result, graph).score_table(pairs)
    assert table["edge"].tolist() == ["training", "validation", "test", ""]
    for name, at in (("source_rank", 0), ("target_rank", 1)):
        for (row, pair), got in zip(enumerate(pairs), table[name], strict=True):
            node, other = pair[at], pair[1 - at]
            free = ~joined_to[node]
            free[node] = False
            better = (logits[node, free] > logits[node, other] + 1e-4).sum()
            level = (np.abs(logits[node, free] - logits[node, other]) <= 1e-4).sum()
            assert better < got <= better + level + 1, (name, row)


def test_directions_of_arcs_are_ranked_apart():
    graph = named(directed=True)
    result = execute(spec_of(directed=True, decoder="source_target"), graph)
    answers = Answers(result, graph)
    out, into = answers.rank(3, 5), answers.rank(3, 5, "in")
    arcs = graph.adjacency.toarray() > 0
    assert set(out.pairs[:, 0]) == {3} == set(into.pairs[:, 1])
    assert not arcs[tuple(out.pairs.T)].any()
    assert not arcs[tuple(into.pairs.T)].any()
    np.testing.assert_allclose(into.logits, answers.score(into.pairs))


def test_a_stacked_score_joins_what_all_edges_say(run):
    graph, result = run
    stack = {"offset": -1.0, "network": 0.7, "common_neighbours": 0.4}
    stacked = dataclasses.replace(result, model={**result.model, "stack": stack})
    answers, plain = Answers(stacked, graph), Answers(result, graph)
    pairs = answers.candidates(11)
    others = run_baselines(graph.adjacency, graph.features, pairs)
    expected = joined(plain.score(pairs), others, stack)
    np.testing.assert_allclose(answers.score(pairs), expected, rtol=1e-6)
    best = answers.rank(11, 5)
    np.testing.assert_allclose(best.logits, np.sort(expected)[::-1][:5], rtol=1e-6)


def test_nodes_are_found_as_people_write_them(run):
    graph, _ = run
    assert find_node(graph, "Node-12") == 12
    assert find_node(graph, "node 12") == 12
    with pytest.raises(DataError, match="'Node-110'"):
        find_node(graph, "Nod-110")
    other = dataclasses.replace(graph, node_ids=np.array(["Ann", "ann ", *graph.node_ids[2:]], object))
    with pytest.raises(DataError, match="More than one"):
        find_node(other, "ANN")


def test_unknown_names_of_pairs_are_listed(run):
    graph, _ = run
    pairs, unknown = pairs_of(graph, [("Node-1", " Node-2"), ("Node-1", "Zed"), ("Zed", "Ygg")])
    assert pairs.tolist() == [[1, 2]]
    assert unknown == ["Zed", "Ygg"]


def test_commands_give_the_same(run, tmp_path, capsys):
    graph, result = run
    write_run_dir(tmp_path / "run", result.spec, graph, result, [])
    assert main(["rank", str(tmp_path / "run"), "--node", "node 7", "--top", "4", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    ranking = Answers(result, graph).rank(7, 4)
    assert told["node"] == "Node-7"
    assert [link["target"] for link in told["links"]] == [f"Node-{j}" for j in ranking.pairs[:, 1]]
    assert [link["rank"] for link in told["links"]] == [1, 2, 3, 4]
    (tmp_path / "mine.csv").write_text("first,second\nNode-1,Node-2\nNode-3,Nobody\nNode-9,Node-4\n")
    arguments = [str(tmp_path / "run"), str(tmp_path / "mine.csv"), "--to", str(tmp_path / "out.csv")]
    assert main(["score", *arguments]) == 0
    assert "1 names are no nodes: Nobody" in capsys.readouterr().out
    table = pd.read_csv(tmp_path / "out.csv")
    assert table["source"].tolist() == ["Node-1", "Node-9"]
    expected = Answers(result, graph).score(np.array([[1, 2], [9, 4]]))
    np.testing.assert_allclose(table["logit"], expected, rtol=1e-5)
    assert main(["rank", str(tmp_path / "run"), "--node", "Nobody"]) == 2
    assert "No node is called 'Nobody'" in capsys.readouterr().err


def test_ranks_of_probabilities_fall(run):
    graph, result = run
    table = Answers(result, graph).table(Answers(result, graph).rank(5, 30))
    assert rankdata(-table["probability"], method="ordinal").tolist() == table["rank"].tolist()
