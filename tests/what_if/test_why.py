"""Reasons against loops over whole edited graphs; noise against draws; searches that really cross."""

from __future__ import annotations

import dataclasses
import itertools

import networkx as nx
import numpy as np
import pytest
from scipy.special import expit

from tests.graphs import graph_from
from tests.what_if.asking import STACK, asked, keras_view, small, spec_of
from vgae_core.analysis.network import Codes
from vgae_core.catalogue.decoders import DECODERS
from vgae_core.errors import DataError
from vgae_core.settings.defaults import offered_outputs
from vgae_core.what_if import around, crossing, why
from vgae_core.what_if.changes import edited_graph
from vgae_core.what_if.scenario import edit


@pytest.fixture(scope="module")
def plain():
    graph = small(60)
    spec = spec_of(graph, encoder="gcn", hidden_units=(6,))
    return graph, spec, *asked(spec, graph)


def keras_logit(built, spec, graph, pair):
    _, score = keras_view(built, spec, graph, graph.features)
    return float(score(np.array([pair]))[0])


def without(graph, arcs):
    adjacency = graph.adjacency.toarray()
    for i, j in arcs:
        adjacency[i, j] = 0
        if not graph.directed:
            adjacency[j, i] = 0
    return graph_from(adjacency, graph.features, directed=graph.directed)


def test_every_edge_left_out_gives_what_keras_gives_without_it(plain):
    graph, spec, model, built = plain
    changes = model.changes([])
    pair = tuple(int(i) for i in graph.edges[4])
    effects = why.leave_out_edges(model, changes, pair)
    at_ends = {tuple(edge) for edge in graph.edges.tolist() if set(edge) & set(pair)}
    assert {effect.arcs[0] for effect in effects.found} == at_ends
    assert effects.n_left == 0
    assert [abs(e.change) for e in effects.found] == sorted(
        (abs(e.change) for e in effects.found), reverse=True
    )
    logit = keras_logit(built, spec, graph, pair)
    assert effects.logit == pytest.approx(logit, rel=1e-4)
    for effect in effects.found[:6]:
        expected = keras_logit(built, spec, without(graph, effect.arcs), pair)
        assert effect.logit == pytest.approx(expected, rel=1e-4, abs=1e-5)
        assert effect.change == pytest.approx(expected - logit, rel=1e-3, abs=1e-4)


def test_every_feature_left_out_gives_what_keras_gives_without_it(plain):
    graph, spec, model, built = plain
    pair = (2, 9)
    effects = why.leave_out_features(model, model.changes([]), pair)
    dense = graph.features.toarray()
    assert len(effects.found) == effects.n_possible == np.count_nonzero(dense[2]) + np.count_nonzero(dense[9])
    for effect in effects.found[:5]:
        column, _, node = effect.what.partition(" of ")
        rows = dense.copy()
        assert rows[int(node[1:]), int(column)] == 1
        rows[int(node[1:]), int(column)] = 0
        other = dataclasses.replace(graph, features=type(graph.features)(rows))
        expected = keras_logit(built, spec, other, pair)
        assert effect.logit == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_short_paths_are_those_of_networkx():
    for seed in range(5):
        graph = small(16, seed=seed)
        model, _ = asked(spec_of(graph), graph)
        network = nx.from_numpy_array(graph.adjacency.toarray())
        pair = (0, 4)
        expected = {tuple(path) for path in nx.all_simple_paths(network, *pair, cutoff=3) if len(path) > 2}
        paths, total = around.short_paths(model.changes([]), pair)
        assert total == len(expected)
        assert set(paths) <= expected
        assert len(paths) == min(total, around.POOL)
        scores = [np.prod([1 / network.degree(node) for node in path[1:-1]]) for path in paths]
        assert scores == sorted(scores, reverse=True)


def test_a_path_left_out_gives_what_keras_gives_without_its_edges(plain):
    graph, spec, model, built = plain
    pair = tuple(int(i) for i in graph.edges[4])
    effects = why.leave_out_paths(model, model.changes([]), pair)
    assert effects.found
    for effect in effects.found[:4]:
        nodes = [int(name[1:]) for name in effect.what.split(" – ")]
        assert nodes[0] == pair[0]
        assert nodes[-1] == pair[1]
        arcs = list(itertools.pairwise(nodes))
        expected = keras_logit(built, spec, without(graph, arcs), pair)
        assert effect.logit == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_reasons_are_given_for_the_graph_as_edited(plain):
    graph, spec, model, built = plain
    pair = tuple(int(i) for i in graph.edges[4])
    names = graph.node_ids
    free = int(model.before.candidates(pair[0])[0])
    changes = model.changes([edit("add_edge", source=names[pair[0]], target=names[free])])
    other = edited_graph(graph, changes, "edited")
    effects = why.leave_out_edges(model, changes, pair)
    added = next(effect for effect in effects.found if set(effect.arcs[0]) == {pair[0], free})
    assert effects.logit == pytest.approx(keras_logit(built, spec, other, pair), rel=1e-4)
    assert added.logit == pytest.approx(keras_logit(built, spec, graph, pair), rel=1e-4, abs=1e-5)


def test_only_the_rarest_edges_are_tried_where_there_are_many(plain, monkeypatch):
    graph, _, model, _ = plain
    monkeypatch.setattr(why, "EDGES", 5)
    pair = tuple(int(i) for i in graph.edges[4])
    effects = why.leave_out_edges(model, model.changes([]), pair)
    assert len(effects.found) == 5
    assert effects.n_left == effects.n_possible - 5 > 0
    assert any(set(effect.arcs[0]) == set(pair) for effect in effects.found)


def test_a_pair_with_itself_is_refused(plain):
    _, _, model, _ = plain
    with pytest.raises(DataError, match="two different nodes"):
        why.leave_out_edges(model, model.changes([]), (3, 3))


# --------------------------------------------------------------------------- what it takes
@pytest.mark.parametrize("add", [False, True])
def test_the_set_that_is_found_really_crosses(plain, add):
    graph, spec, model, built = plain
    changes = model.changes([])
    found = 0
    for pair in ((2, 9), (0, 4), tuple(int(i) for i in graph.edges[4])):
        logit = model.logit_after(changes, pair)
        for threshold in (logit - 0.05 * abs(logit), logit + 0.05 * abs(logit)):
            search = crossing.what_it_takes(model, changes, pair, threshold, add=add)
            assert len(search.logits) == len(search.arcs) + 1
            adjacency = graph.adjacency.toarray()
            for i, j in search.arcs:
                assert adjacency[i, j] == (0 if add else 1)
                adjacency[i, j] = adjacency[j, i] = 1 if add else 0
            expected = keras_logit(built, spec, graph_from(adjacency, graph.features), pair)
            assert search.logits[-1] == pytest.approx(expected, rel=1e-4, abs=1e-5)
            assert search.found == bool(search.arcs and (expected >= threshold) != (logit >= threshold))
            found += search.found
            for arc in search.arcs if search.found and len(search.arcs) > 1 else ():
                rest = [other for other in search.arcs if other != arc]
                part = changes.with_weight(rest, 1.0) if add else changes.without(rest)
                assert (model.logit_after(part, pair) >= threshold) == (
                    logit >= threshold
                )  # none is to spare
    assert found > 2


def test_a_threshold_out_of_reach_is_said_not_to_be_crossed(plain):
    _, _, model, _ = plain
    search = crossing.what_it_takes(model, model.changes([]), (2, 9), 1e9)
    assert not search.found


def test_long_answers_tell_how_far_they_are_and_can_be_cancelled(plain):
    _, _, model, _ = plain
    shares = []

    def stop(share, what):
        shares.append(share)
        if len(shares) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        why.leave_out_edges(model, model.changes([]), (2, 9), progress=stop)
    assert shares == sorted(shares)
    assert len(shares) == 3


# ---------------------------------------------------------------------------------- parts
def test_the_parts_of_a_stacked_score_add_up():
    graph = small()
    model, _ = asked(spec_of(graph), graph, stack=STACK)
    changes = model.changes([edit("drop_edges", node="n7")])
    parts = why.score_parts(model, changes, (2, 9))
    assert [part.name for part in parts] == list(STACK)
    assert sum(part.adds for part in parts) == pytest.approx(model.logit_after(changes, (2, 9)), rel=1e-5)
    alone, _ = asked(spec_of(graph), graph)
    (only,) = why.score_parts(alone, changes, (2, 9))
    assert only.adds == pytest.approx(alone.logit_after(changes, (2, 9)))


# ---------------------------------------------------------------------------------- noise
@pytest.mark.parametrize("decoder", DECODERS)
def test_the_noise_of_a_logit_is_that_of_many_draws(decoder):
    graph = small(directed=DECODERS[decoder].directed)
    model, _ = asked(
        spec_of(graph, decoder=decoder, latent_dim=6), graph, stack={"offset": 0.5, "network": -2.0}
    )
    rng = np.random.default_rng(3)
    mean = rng.normal(size=(2, 6)).astype(np.float32)
    log_var = rng.normal(-1, 1, size=(2, 6)).astype(np.float32)
    n = 100_000
    draws = [mean[k] + np.exp(log_var[k] / 2) * rng.standard_normal((n, 6)) for k in (0, 1)]
    z = np.concatenate(draws).astype(np.float32)
    pairs = np.column_stack([np.arange(n), n + np.arange(n)])
    expected = 2.0 * model.before.decoding.network(z)(pairs).astype(float).std()
    got = model.before.decoding.noise(Codes(mean[:1], log_var[:1]), Codes(mean[1:], log_var[1:]))
    assert got == pytest.approx(expected, rel=0.01 if decoder == "inner_product" else 0.12)


def test_a_plain_auto_encoder_has_no_noise():
    graph = small()
    model, _ = asked(spec_of(graph, variational=False), graph)
    assert model.before.noise(2, 9) is None


def test_probabilities_of_labels_and_errors_of_nodes():
    graph = small()
    spec = spec_of(graph)
    outputs = offered_outputs(feature_kind="binary", has_labels=True)
    spec = dataclasses.replace(spec, outputs=tuple(dataclasses.replace(o, enabled=True) for o in outputs))
    model, built = asked(spec, graph)
    nodes = np.array([3, 8])
    logits = np.asarray(built.model.get_layer("labels")(model.before.codes.z_mean[nodes]))
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.before.label_probabilities(nodes), expected, rtol=1e-4)
    z = model.before.codes.z_mean.astype(float)
    p = expit(z @ z[3])
    near = graph.adjacency.toarray()[3] > 0
    free = ~near
    free[3] = False
    assert model.before.error(3) == pytest.approx(
        (-np.log(p[near]).mean() - np.log1p(-p[free]).mean()) / 2, rel=1e-3
    )
