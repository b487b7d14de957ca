"""Edited graphs against a full re-encoding by Keras, and scores against the formulas of pairs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networkx.algorithms import bipartite
from scipy import sparse

from tests.graphs import graph_from, two_sided
from tests.what_if.asking import STACK, asked, keras_view, named, small, spec_of
from vgae_core.analysis.baselines import run_baselines
from vgae_core.analysis.links import Links
from vgae_core.analysis.node_baselines import NodeBaselines
from vgae_core.analysis.stacking import joined
from vgae_core.catalogue.baselines import BASELINES, BaselineEntry, baselines_of
from vgae_core.catalogue.decoders import DECODERS
from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.data.node_inputs import encoder_features
from vgae_core.errors import DataError, RunError
from vgae_core.what_if import crossing
from vgae_core.what_if import edits as edits_module
from vgae_core.what_if.answer import answer
from vgae_core.what_if.changes import edited_graph
from vgae_core.what_if.scenario import Scenario, edit

GRAPH_ENCODERS = [name for name, entry in ENCODERS.items() if "vgae" in entry.families]
GRAPHS = {
    "plain": small(),
    "dense features": small(dense=True),
    "directed": small(directed=True),
    "weighted": small(weighted=True),
}


def close(got, expected, tolerance=1e-5):
    scale = max(float(np.abs(expected).max()), 1e-6)
    np.testing.assert_allclose(np.asarray(got) / scale, np.asarray(expected) / scale, atol=tolerance)


def some_edits(graph, rng, n_edits=6, *, new=True):
    """Return random edits that can be made one after the other."""
    model_edges = {tuple(edge) for edge in graph.edges.tolist()}
    names = graph.node_ids
    edits = []
    for number in range(n_edits):
        kind = rng.choice(["drop", "add", "feature", "copy", "clear", "join", *(["new"] if new else [])])
        a, b, c = (int(node) for node in rng.choice(graph.n_nodes, 3, replace=False))
        if kind == "drop" and model_edges:
            edge = sorted(model_edges)[int(rng.integers(len(model_edges)))]
            model_edges.discard(edge)
            edits.append(edit("drop_edge", source=names[edge[0]], target=names[edge[1]]))
        elif kind == "add":
            edits.append(edit("add_edge", source=names[a], target=names[b], weight=float(rng.integers(1, 4))))
            model_edges.add((a, b) if graph.directed or a < b else (b, a))
        elif kind == "feature":
            edits.append(
                edit(
                    "set_feature", node=names[a], feature=str(rng.integers(30)), value=float(rng.integers(3))
                )
            )
        elif kind == "copy":
            edits.append(edit("copy_features", node=names[a], source=names[b]))
        elif kind == "clear" and any(a in edge for edge in model_edges):
            model_edges = {edge for edge in model_edges if a not in edge}
            edits.append(edit("drop_edges", node=names[a]))
        elif kind == "join":
            edits.append(edit("join", nodes=[names[a], names[b]], target=names[c]))
            for node in (a, b):
                model_edges.add((node, c) if graph.directed or node < c else (c, node))
        elif kind == "new":
            edits.append(edit("add_node", name=f"new {number}", like=names[a], nodes=[names[b]]))
    return edits


@pytest.mark.parametrize("encoder", GRAPH_ENCODERS)
@pytest.mark.parametrize("kind", GRAPHS)
def test_edited_codes_and_scores_are_those_of_keras_on_the_edited_graph(encoder, kind):
    graph = GRAPHS[kind]
    spec = spec_of(graph, encoder=encoder, hidden_units=(6, 5), batch_normalisation=encoder == "gcn")
    model, built = asked(spec, graph)
    for seed in range(4):
        changes = model.changes(some_edits(graph, np.random.default_rng(seed)))
        other = edited_graph(graph, changes, "edited")
        expected, score = keras_view(built, spec, other, other.features)
        edited = model.after(changes)
        close(edited.view.codes.z_mean, expected["z_mean"])
        close(edited.view.codes.z_log_var, expected["z_log_var"])
        unmoved = np.setdiff1d(np.arange(graph.n_nodes), edited.nodes)
        close(model.before.codes.z_mean[unmoved], expected["z_mean"][unmoved])
        pairs = np.array([[3, j] for j in range(other.n_nodes) if j != 3])
        row = score(pairs)
        close(edited.view.row(3)[pairs[:, 1]], row)
        for pair in ((3, 9), (0, other.n_nodes - 1)):
            # Beside a whole row: a logit near 0 is a sum of large terms.
            expected_logits = np.append(score(np.array([pair])), row)
            close(np.append(model.logit_after(changes, pair), row), expected_logits)
            close(np.append(edited.view.logit(*pair), row), expected_logits)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), encoder=st.sampled_from(GRAPH_ENCODERS), kind=st.sampled_from(sorted(GRAPHS)),
       stacked=st.booleans())  # fmt: skip
def test_asking_one_pair_gives_what_the_whole_edited_graph_gives(seed, encoder, kind, stacked):
    rng = np.random.default_rng(seed)
    graph = GRAPHS[kind]
    model, _ = asked(spec_of(graph, encoder=encoder, hops=3), graph, stack=STACK if stacked else None)
    changes = model.changes(some_edits(graph, rng, int(rng.integers(0, 7))))
    fresh, _ = asked(spec_of(graph, encoder=encoder, hops=3), edited_graph(graph, changes, "edited"),
                     stack=STACK if stacked else None)  # fmt: skip
    edited = model.after(changes).view
    close(edited.codes.z_mean, fresh.before.codes.z_mean)
    node, other = (int(i) for i in rng.choice(edited.n_nodes, 2, replace=False))
    for direction in ("out", "in"):
        close(edited.row(node, direction), fresh.before.row(node, direction), 3e-5)
    scale = max(1.0, abs(fresh.before.logit(node, other)))
    assert abs(model.logit_after(changes, (node, other)) - fresh.before.logit(node, other)) < 3e-5 * scale
    assert edited.links.matrix().toarray().tolist() == fresh.graph.adjacency.toarray().tolist()
    np.testing.assert_array_equal(edited.candidates(node), fresh.before.candidates(node))


@pytest.mark.parametrize("decoder", DECODERS)
def test_every_decoder_answers_after_edits(decoder):
    graph = GRAPHS["directed" if DECODERS[decoder].directed else "plain"]
    spec = spec_of(graph, encoder="gcn", decoder=decoder)
    model, built = asked(spec, graph)
    changes = model.changes(some_edits(graph, np.random.default_rng(7)))
    other = edited_graph(graph, changes, "edited")
    _, score = keras_view(built, spec, other, other.features)
    pairs = np.array([[5, j] for j in range(other.n_nodes) if j != 5])
    edited = model.after(changes).view
    close(edited.row(5)[pairs[:, 1]], score(pairs), 2e-5)
    close(edited.row(5, "in")[pairs[:, 1]], score(pairs[:, ::-1]), 2e-5)
    close([edited.logit(*pair) for pair in pairs.tolist()], score(pairs), 2e-5)


@pytest.mark.parametrize("node_input", ["random", "spectral", "spectral_table", "table"])
def test_graphs_without_features(node_input):
    graph = dataclasses.replace(GRAPHS["plain"], features=None)
    spec = spec_of(graph, encoder="gcn", node_input=node_input, input_dim=6)
    model, built = asked(spec, graph)
    alone = [edit("drop_edges", node="n3")]
    linked = [*alone, edit("add_edge", source="n3", target="n9")]
    assert [model.has_edges("n3", edits) for edits in ([], alone, linked)] == [True, False, True]
    changes = model.changes(linked)
    other = edited_graph(graph, changes, "edited")
    positions = encoder_features(graph, model.result.split.message(graph.n_nodes, graph), spec)
    expected, _ = keras_view(built, spec, other, positions)
    close(model.after(changes).view.codes.z_mean, expected["z_mean"])
    with pytest.raises(DataError, match="no features"):
        model.changes([edit("copy_features", node="n3", source="n4")])
    if node_input != "random":
        with pytest.raises(RunError, match="cannot encode new nodes"):
            model.changes([edit("add_node", name="X", nodes=["n3"])])
    else:
        changes = model.changes([edit("add_node", name="X", nodes=["n3"])])
        other = edited_graph(graph, changes, "edited")
        expected, _ = keras_view(built, spec, other)
        close(model.after(changes).view.codes.z_mean, expected["z_mean"])


def test_features_in_their_own_units_are_scaled_as_in_training():
    graph = GRAPHS["dense features"]
    wide = graph.features * np.float32(1000) + np.float32(2000)
    graph = dataclasses.replace(graph, features=wide)
    spec = dataclasses.replace(spec_of(graph, encoder="gcn"), scaling="by_kind")
    model, built = asked(spec, graph)
    changes = model.changes([edit("set_feature", node="n4", feature="7", value=9000.0)])
    rows = wide.copy()
    rows[4, 7] = 9000
    expected, _ = keras_view(built, spec, graph, graph.scaling.apply(rows))
    close(model.after(changes).view.codes.z_mean, expected["z_mean"])


def test_codes_move_after_the_encoder_in_order():
    graph = GRAPHS["plain"]
    model, _ = asked(spec_of(graph), graph)
    z = model.before.codes.z_mean
    changes = model.changes([
        edit("move_code", node="n1", axis=2, by=1.5),
        edit("move_towards", node="n2", target="n1", share=0.25),
    ])  # fmt: skip
    edited = model.after(changes)
    first = z[1] + np.array([0, 0, 1.5, 0], np.float32)
    np.testing.assert_allclose(edited.view.codes.z_mean[1], first, rtol=1e-6)
    second = 0.75 * z[2] + 0.25 * first
    np.testing.assert_allclose(edited.view.codes.z_mean[2], second, rtol=1e-5)
    np.testing.assert_allclose(model.logit_after(changes, (1, 2)), first @ second, rtol=1e-4)
    assert edited.nodes.tolist() == [1, 2]
    with pytest.raises(DataError, match="axes 0 to 3"):
        model.changes([edit("move_code", node="n1", axis=4, by=1.0)])


def test_what_cannot_be_edited_is_told_with_its_place():
    graph = GRAPHS["plain"]
    model, _ = asked(spec_of(graph), graph)
    i, j = graph.edges[0]
    a, b = graph.node_ids[i], graph.node_ids[j]
    free = graph.node_ids[int(model.before.candidates(int(i))[0])]
    for edits, message in (
        ([edit("drop_edge", source=a, target=free)], "no edge"),
        ([edit("drop_edge", source=a, target=b), edit("drop_edge", source=b, target=a)], "no edge"),
        ([edit("add_edge", source=a, target=a)], "Self-loops"),
        ([edit("add_edge", source=a, target="N1")], "No node is called 'N1'"),
        ([edit("set_feature", node=a, feature="nothing")], "No feature"),
        ([edit("add_node", name=a)], "already is a node"),
        ([edit("drop_edges", node=a), edit("drop_edges", node=a)], "has no edges"),
        ([edit("set_entry", row=a, column="3")], "edit of a matrix"),
    ):
        with pytest.raises(DataError, match=message) as caught:
            model.changes(edits)
        assert caught.value.where == f"edit {len(edits)}"


def test_a_later_edit_sees_what_earlier_ones_did():
    graph = GRAPHS["plain"]
    model, _ = asked(spec_of(graph), graph)
    changes = model.changes([
        edit("add_node", name="X", nodes=["n1", "n2"]),
        edit("add_node", name="Y", like="X"),
        edit("drop_edge", source="Y", target="n1"),
    ])  # fmt: skip
    links = changes.links
    assert links.row(40)[0].tolist() == [1, 2]
    assert links.row(41)[0].tolist() == [2]
    assert 41 in links.row(2)[0]
    assert 41 not in links.row(1)[0]
    near = [str(graph.node_ids[k]) for k in model.before.links.row(5)[0]]
    back = model.changes([edit("drop_edges", node="n5"), edit("join", nodes=near, target="n5")])
    assert not len(back.arcs[0])


# ------------------------------------------------------------------------- training-free
def jaccard(pattern, features, pairs):
    """A baseline that has no form for single nodes, with a feature so that edits of these count too."""
    near = pattern.toarray() > 0
    both = (near[pairs[:, 0]] & near[pairs[:, 1]]).sum(axis=1)
    column = np.asarray(features[:, [0]].todense() if sparse.issparse(features) else features[:, [0]]).ravel()
    return both / np.maximum((near[pairs[:, 0]] | near[pairs[:, 1]]).sum(axis=1), 1) + column[pairs].sum(
        axis=1
    )


@pytest.fixture(scope="module", autouse=True)
def _with_jaccard():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BASELINES, "jaccard", LINKS["jaccard"])
        yield


LINKS = {
    **baselines_of("links"),
    "jaccard": BaselineEntry(
        title="Jaccard",
        help="Shared of all neighbours.",
        score="tests.what_if.test_model:jaccard",
        needs_features=True,
    ),
}


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), kind=st.sampled_from(sorted(GRAPHS)))
def test_scores_of_single_nodes_are_those_of_pairs(seed, kind):
    rng = np.random.default_rng(seed)
    graph = GRAPHS[kind]
    model, _ = asked(spec_of(graph, encoder="linear"), graph)
    changes = model.changes(some_edits(graph, rng, int(rng.integers(0, 6))))
    other = edited_graph(graph, changes, "edited")
    scores = NodeBaselines(graph.adjacency, graph.features, LINKS)
    features = None
    if len(changes.rows):
        rows = np.stack([changes.features[node] for node in changes.rows.tolist()])
        features = sparse.csr_array(rows) if sparse.issparse(graph.features) else rows
    scores = scores.edited(changes.links, changes.rows, features)
    for node in rng.choice(other.n_nodes, 2, replace=False).tolist():
        pairs = np.array([(node, j) for j in range(other.n_nodes) if j != node])
        expected = run_baselines(other.adjacency, other.features, pairs, LINKS)
        row = scores.row(node)
        for name, values in expected.items():
            np.testing.assert_allclose(row[name][pairs[:, 1]], values, rtol=1e-4, atol=1e-6, err_msg=name)
            single = [scores.pair(*pair)[name] for pair in pairs[:5].tolist()]
            np.testing.assert_allclose(single, values[:5], rtol=1e-4, atol=1e-6, err_msg=name)


def test_a_stacked_row_is_the_stack_of_its_parts():
    graph = GRAPHS["plain"]
    plain, _ = asked(spec_of(graph), graph)
    model, _ = asked(spec_of(graph), graph, stack=STACK)
    pairs = np.array([(7, j) for j in range(graph.n_nodes) if j != 7])
    others = run_baselines(graph.adjacency, graph.features, pairs, STACK)
    expected = joined(plain.before.row(7)[pairs[:, 1]], others, STACK)
    close(model.before.row(7)[pairs[:, 1]], expected, 1e-5)


def test_a_two_sided_graph_stays_two_sided():
    graph = named(two_sided(bipartite.random_graph(14, 11, 0.25, seed=2), seed=1))
    spec = spec_of(graph, encoder="gcn", node_input="random", input_dim=5)
    stack = {"offset": -1.0, "network": 0.7, "degree_product": 0.2, "paths_of_three": 0.9}
    model, _ = asked(spec, graph, stack=stack)
    (i, j), other = (int(k) for k in graph.edges[3]), None
    names = [str(name) for name in graph.node_ids]
    mine = np.flatnonzero(graph.sides == graph.sides[i])
    other = int(mine[mine != i][0])
    changes = model.changes([
        edit("drop_edge", source=names[i], target=names[j]),
        edit("add_node", name="X", like=names[i]),
        edit("add_node", name="Y", nodes=[names[i]]),
    ])  # fmt: skip
    assert changes.new_sides == (graph.sides[i], 1 - graph.sides[i])
    fresh, _ = asked(spec, edited_graph(graph, changes, "edited"), stack=stack)
    edited = model.after(changes).view
    for node in (i, j, other, 25, 26):
        candidates = edited.candidates(node)
        np.testing.assert_array_equal(candidates, fresh.before.candidates(node))
        assert (fresh.graph.sides[candidates] != fresh.graph.sides[node]).all()
        close(edited.row(node), fresh.before.row(node), 3e-5)
    assert model.logit_after(changes, (i, j)) == pytest.approx(fresh.before.logit(i, j), rel=1e-4)
    with pytest.raises(DataError, match="on the same side"):
        model.changes([edit("add_edge", source=names[i], target=names[other])])
    with pytest.raises(DataError, match="needs an edge"):
        model.changes([edit("add_node", name="Z")])
    search = crossing.what_it_takes(model, model.changes([]), (i, j), 1e9, add=True)
    assert all(graph.sides[a] != graph.sides[b] for a, b in search.arcs)


def test_a_new_node_is_not_like_itself_and_pairs_within_a_side_are_not_watched():
    graph = named(two_sided(bipartite.random_graph(14, 11, 0.25, seed=2), seed=1))
    model, _ = asked(spec_of(graph, node_input="random", input_dim=5), graph)
    for values in ({"like": "X"}, {"nodes": ["X"]}):
        with pytest.raises(DataError, match="like itself"):
            model.changes([edit("add_node", name="X", **values)])
    first, second = (str(graph.node_ids[i]) for i in np.flatnonzero(graph.sides == 0)[:2])
    with pytest.raises(DataError, match="same side"):
        answer(model, Scenario(pair=(first, second)))


def test_large_weights_that_become_small_leave_nothing_behind():
    graph = small(directed=False)
    i, j = (int(k) for k in graph.edges[3])
    adjacency = graph.adjacency.tolil()
    adjacency[i, j] = adjacency[j, i] = 1e6
    graph = dataclasses.replace(graph, adjacency=sparse.csr_array(adjacency, dtype=np.float32))
    spec = spec_of(graph, encoder="gcn")
    model, built = asked(spec, graph)
    for weight in (0.3, 0.01):
        changes = model.changes([edit("add_edge", source=f"n{i}", target=f"n{j}", weight=weight)])
        other = edited_graph(graph, changes, "edited")
        expected, _ = keras_view(built, spec, other, other.features)
        close(model.after(changes).view.codes.z_mean, expected["z_mean"])


def test_a_scenario_that_changes_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(edits_module, "MAX_ARCS", 10)
    graph = small()
    model, _ = asked(spec_of(graph), graph)
    with pytest.raises(DataError, match="may change at most 5 edges"):
        model.changes([edit("join", nodes=[f"n{i}" for i in range(1, 40)], target="n0")])


def test_candidates_that_tie_share_a_rank_and_do_not_enter_or_leave():
    hubs, leaves = 3, 20
    n = hubs * (leaves + 1)
    adjacency = np.zeros((n, n))
    for leaf in range(hubs, n):
        adjacency[leaf, leaf % hubs] = adjacency[leaf % hubs, leaf] = 1
    features = sparse.csr_array(np.eye(hubs, dtype=np.float32)[np.arange(n) % hubs])
    graph = named(graph_from(adjacency, features))
    model, _ = asked(spec_of(graph, encoder="gcn"), graph)
    # The leaves of the longest code score one another highest.
    lengths = np.linalg.norm(model.before.codes.z_mean[hubs : 2 * hubs], axis=1)
    leaf = hubs + int(np.argmax(lengths))
    found = answer(model, Scenario(pair=(f"n{leaf}", f"n{leaf + hubs}")))
    ranks = {int(link.node[1:]): link.rank for link in found.top_after}
    alike = [rank for node, rank in ranks.items() if node % hubs == leaf % hubs and node >= hubs]
    assert len(set(alike)) == 1
    assert found.pair.rank.after == alike[0]


# -------------------------------------------------------------------------------- links
@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), directed=st.booleans())
def test_edited_links_are_those_of_a_dense_matrix(seed, directed):
    rng = np.random.default_rng(seed)
    n, n_new = 12, int(rng.integers(0, 3))
    dense = (rng.random((n, n)) < 0.3) * rng.integers(1, 5, (n, n)).astype(np.float32)
    dense = dense if directed else np.triu(dense) + np.triu(dense, 1).T
    links = Links.of(sparse.csr_array(dense), directed=directed)
    after = np.zeros((n + n_new, n + n_new), np.float32)
    after[:n, :n] = dense
    for _ in range(2):
        weights = {}
        for _ in range(int(rng.integers(0, 8))):
            i, j, value = (
                int(rng.integers(n + n_new)),
                int(rng.integers(n + n_new)),
                float(rng.integers(0, 3)),
            )
            weights[i, j] = after[i, j] = value
            if not directed:
                weights[j, i] = after[j, i] = value
        links = links.edited(weights, n + n_new)
    assert links.matrix().toarray().tolist() == after.tolist()
    for node in range(n + n_new):
        for direction, row in (("out", after[node]), ("in", after[:, node])):
            neighbours, values = links.row(node, direction)
            assert neighbours.tolist() == np.flatnonzero(row).tolist()
            assert values.tolist() == row[row != 0].tolist()
        both = np.flatnonzero((after[node] != 0) | (after[:, node] != 0))
        assert links.around(node).tolist() == [other for other in both if other != node]
        assert links.weight(node, 3) == after[node, 3]


def test_a_model_says_about_how_many_bytes_it_keeps():
    graph = small(200)
    model, _ = asked(spec_of(graph, encoder="gcn"), graph, stack=STACK)
    parts = [
        model.before.codes.z_mean, model.before.codes.z_log_var,
        *(value for value in model.network._values if isinstance(value, np.ndarray)),
        *(getattr(matrix, name) for name in ("data", "indices") for matrix in (
            model.network.messages.matrix, model.network.messages._sent, model.network.messages._heard,
            model.before.baselines._links.out, model.before.baselines._unit,
        )),
    ]  # fmt: skip
    kept = sum(part.nbytes for part in parts)
    assert 0.7 * kept < model.nbytes < 2 * kept + 40 * 200 + 8 * 4 * 200
