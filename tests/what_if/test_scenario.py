"""Scenarios: there and back, hostile ones, and what an answer says against a dense computation."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.what_if.asking import STACK, asked, keras_view, small, spec_of
from vgae_core.errors import SpecError, StudioError
from vgae_core.what_if.answer import LEARNT, NO_NOISE, answer
from vgae_core.what_if.changes import edited_graph
from vgae_core.what_if.checks import MAX_NAMES
from vgae_core.what_if.edit_kinds import EDITS
from vgae_core.what_if.scenario import MAX_EDITS, MAX_JSON, Scenario, edit, pair_edit

NAMES = st.text(min_size=1, max_size=20)
NEW = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20)
NUMBERS = st.floats(-1e6, 1e6)
VALUES = {
    "node": NAMES, "new": NEW, "column": NAMES, "nodes": st.lists(NAMES, max_size=4, unique=True).map(tuple),
    "values": st.dictionaries(NAMES, NUMBERS, max_size=4), "number": NUMBERS, "weight": st.floats(1e-6, 1e6),
    "axis": st.integers(0, 500), "share": st.floats(0, 1),
}  # fmt: skip


@st.composite
def edits(draw):
    kind = draw(st.sampled_from(sorted(EDITS)))
    values = {name: draw(VALUES[item.kind]) for name, item in EDITS[kind].fields.items()}
    return edit(kind, on=draw(st.booleans()), **values)


@given(st.lists(edits(), max_size=6), st.none() | st.tuples(NAMES, NAMES | st.just("")), st.text(max_size=30))
def test_a_scenario_comes_back_from_json_as_it_was(items, pair, name):
    scenario = Scenario(edits=tuple(items), pair=pair, name=name)
    again = Scenario.from_json(scenario.to_json())
    assert again == scenario
    for item in items:
        assert item.sentence()


def test_edits_read_as_sentences():
    assert edit("drop_edge", source="A", target="B").sentence() == "Drop A – B"
    assert edit("add_edge", source="A", target="C", weight=2).sentence() == "Add A – C, weight 2"
    assert edit("drop_edges", node="A").sentence() == "Drop all edges of A"
    assert edit("join", nodes=["A", "B", "C", "D"], target="E").sentence() == "Link A, B and 2 more to E"
    assert edit("set_feature", node="A", feature="tensor", value=0).sentence() == "Set tensor of A to 0"
    assert edit("copy_features", node="A", source="B").sentence() == "Give A the features of B"
    assert edit("add_node", name="X", like="A").sentence() == "Add node X like A"
    assert edit("add_node", name="X", nodes=["A", "B"]).sentence() == "Add node X, linked to A, B"
    assert edit("move_code", node="A", axis=3, by=-0.5).sentence() == "Move the code of A by -0.5 along z_3"
    assert (
        edit("move_towards", node="A", target="B", share=0.25).sentence()
        == "Move the code of A 25% of the way to B"
    )
    assert edit("add_row", name="me", values={"Dune": 5}).sentence() == "Add row me with Dune = 5"


ONE = {"kind": "drop_edge", "source": "n1", "target": "n2"}
HOSTILE = [
    ("[]", "A scenario is an object"),
    ('"x"', "A scenario is an object"),
    ("{", "Not JSON"),
    ("[" * 100_000, "nested too deeply|Not JSON"),
    ('{"edits": [], "run": "x"}', "no `run`"),
    ('{"version": 2}', "reads version 1"),
    ('{"version": true}', "reads version 1"),
    ('{"name": 3}', "Expected a name"),
    ('{"pair": "ab"}', "two names"),
    ('{"pair": ["a"]}', "two names"),
    ('{"pair": ["a", 3]}', "Expected a name"),
    ('{"pair": ["", "b"]}', "Expected a name"),
    ('{"edits": {}}', "list of edits"),
    ('{"edits": [3]}', "edit 1: An edit is an object"),
    ('{"edits": [{"kind": "os.system"}]}', "Unknown kind"),
    ('{"edits": [{"kind": ["drop_edge"]}]}', "Unknown kind"),
    ('{"edits": [{}]}', "Unknown kind"),
    (json.dumps({"edits": [{**ONE, "on": 1}]}), "true or false"),
    ('{"name": "\\ud800"}', "incomplete character"),
    ('{"edits": [{"kind": "add_node", "name": "\\u0000\\u202e"}]}', "invisible characters"),
    ('{"edits": [{"kind": "add_edge", "source": "a", "target": "b", "weight": 1e-46}]}', "at least 1e-06"),
    (json.dumps({"edits": [{**ONE, "where": "/etc"}]}), "has no `where`"),
    (json.dumps({"edits": [{**ONE, "__class__": "x"}]}), "has no `__class__`"),
    (json.dumps({"edits": [{**ONE, "source": ["n1"]}]}), "edit 1: source: Expected a name"),
    (json.dumps({"edits": [{**ONE, "source": "x" * 501}]}), "500 characters"),
    (json.dumps({"edits": [{"kind": "drop_edge", "source": "n1"}]}), "needs `target`"),
    (json.dumps({"edits": [ONE] * (MAX_EDITS + 1)}), "100 edits"),
    (json.dumps({"edits": [{"kind": "join", "nodes": "n1", "target": "n2"}]}), "list of names"),
    (
        json.dumps({"edits": [{"kind": "join", "nodes": ["a"] * (MAX_NAMES + 1), "target": "n2"}]}),
        "1,000 names",
    ),
    ('{"edits": [{"kind": "move_code", "node": "n1", "by": NaN}]}', "NaN is not a number"),
    ('{"edits": [{"kind": "move_code", "node": "n1", "by": 1e999}]}', "Expected a number from"),
    ('{"edits": [{"kind": "move_code", "node": "n1", "by": ' + "9" * 4000 + "}]}", "whole number of"),
    ('{"edits": [{"kind": "move_code", "node": "n1", "by": true}]}', "Expected a number"),
    ('{"edits": [{"kind": "move_code", "node": "n1", "by": "1"}]}', "Expected a number"),
    ('{"edits": [{"kind": "move_code", "node": "n1", "axis": -1}]}', "whole number from 0"),
    ('{"edits": [{"kind": "move_code", "node": "n1", "axis": 0.5}]}', "whole number from 0"),
    ('{"edits": [{"kind": "move_towards", "node": "n1", "target": "n2", "share": 2}]}', "from 0 to 1"),
    ('{"edits": [{"kind": "add_edge", "source": "n1", "target": "n2", "weight": -1}]}', "at least 1e-06"),
    ('{"edits": [{"kind": "add_node", "name": "x", "features": [1]}]}', "names with numbers"),
    ('{"edits": [{"kind": "add_node", "name": ""}]}', "Expected a name"),
    (" " * (MAX_JSON + 1), "500,000 characters"),
]


@pytest.mark.parametrize(("text", "message"), HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_scenario_gets_one_clear_line(text, message):
    with pytest.raises(SpecError, match=message) as caught:
        Scenario.from_json(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["edits", "pair", "kind", "nodes", "target", "node", "by", "on", "name", "values"])
        | st.text(max_size=4), inner, max_size=5),
    max_leaves=20,
))  # fmt: skip
def test_any_other_value_is_a_scenario_or_a_clear_error(value):
    try:
        scenario = Scenario.from_dict(value)
    except SpecError:
        return
    assert Scenario.from_json(scenario.to_json()) == scenario


# ------------------------------------------------------------------------------- answers
def test_an_answer_is_what_dense_arrays_say():
    graph = small(50)
    spec = spec_of(graph, encoder="gcn")
    model, built = asked(spec, graph)
    i, j = (int(k) for k in graph.edges[6])
    names = graph.node_ids
    scenario = Scenario(
        edits=(
            edit("drop_edge", source=names[i], target=names[j]),
            edit("add_node", name="X", like=names[3]),
            edit("drop_edges", node=names[8], on=False),
        ),
        pair=(names[i], names[j]),
    )
    found = answer(model, scenario)
    changes = model.changes(scenario.active)
    other = edited_graph(graph, changes, "edited")
    sides = []
    for one in (graph, other):
        codes, _ = keras_view(built, spec, one, one.features)
        z = codes["z_mean"].astype(float)
        logits = z[i] @ z.T
        free = one.adjacency.toarray()[i] == 0
        free[i] = False
        order = np.flatnonzero(free)[np.argsort(-logits[free], kind="stable")][:10]
        sides.append((codes, logits, free, [str(one.node_ids[k]) for k in order]))
    pair = found.pair
    for value, (_, logits, free, _) in zip(("before", "after"), sides, strict=True):
        assert getattr(pair.logit, value) == pytest.approx(logits[j], rel=1e-4)
        most = 1 - 1 / (len(model.result.split.val) + 2)  # n + 1 to 1, by Laplace's rule of succession
        p = np.clip(1 / (1 + np.exp(-logits[j])), 1 - most, most)
        assert getattr(pair.probability, value) == pytest.approx(p, rel=1e-4)
        assert getattr(pair.rank, value) == 1 + (logits[free] > logits[j]).sum()
        assert getattr(pair.candidates, value) == free.sum() + (
            not free[j]
        )  # an edge counts as if it were none
    assert (pair.weight.before, pair.weight.after) == (1, 0)
    assert pair.logit.difference == pytest.approx(sides[1][1][j] - sides[0][1][j], abs=1e-4)
    variances = []
    for codes, *_ in sides:
        m, s = codes["z_mean"].astype(float), np.exp(codes["z_log_var"].astype(float))
        variances.append((s[i] * m[j] ** 2 + s[j] * m[i] ** 2 + s[i] * s[j]).sum())
    assert pair.logit.noise == pytest.approx(np.sqrt(sum(variances)), rel=1e-3)
    assert [link.node for link in found.top_before] == sides[0][3]
    assert [link.node for link in found.top_after] == sides[1][3]
    share = graph.profile.n_edges / (50 * 49 / 2)
    for link in found.top_before:
        odds = np.clip(np.exp(link.logit), (1 - most) / most, most / (1 - most)) * share / (1 - share)
        assert link.at_density == pytest.approx(odds / (1 + odds))
    assert set(found.entered) == set(sides[1][3]) - set(sides[0][3])
    assert set(found.left) == set(sides[0][3]) - set(sides[1][3])
    distance = np.linalg.norm(sides[1][0]["z_mean"][:50] - sides[0][0]["z_mean"], axis=1)
    assert found.moved[0].node == "X"
    assert found.moved[0].new
    assert found.moved[1].node == names[int(distance.argmax())]
    assert found.moved[1].distance == pytest.approx(distance.max(), rel=1e-3)
    assert found.n_moved - 1 == (distance > 1e-5).sum()
    assert found.sentences == (f"Drop {names[i]} – {names[j]}", f"Add node X like {names[3]}")
    assert LEARNT in found.notes
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False)) == found.to_dict()


def test_answers_without_edits_change_nothing():
    graph = small(50)
    model, _ = asked(spec_of(graph), graph, stack=STACK)
    found = answer(model, Scenario(pair=("n3", "n9")))
    assert found.pair.logit.difference == 0
    assert found.top_before == found.top_after
    assert found.n_moved == 0
    assert found.nodes == ()


def test_who_watches_a_new_node_gets_no_before():
    graph = small(50)
    model, _ = asked(spec_of(graph, variational=False), graph)
    found = answer(model, Scenario(edits=(edit("add_node", name="X", like="n3"),), pair=("X", "n9")))
    assert found.pair.logit.before is None
    assert found.pair.logit.after is not None
    assert found.top_before == ()
    assert len(found.top_after) == 10
    assert not found.has_noise
    assert NO_NOISE in found.notes


def test_unknown_names_in_a_scenario_are_told():
    graph = small(50)
    model, _ = asked(spec_of(graph), graph)
    with pytest.raises(StudioError, match=r"No node is called 'n300'"):
        answer(model, Scenario(pair=("n300", "n9")))


@pytest.mark.parametrize(
    ("family", "made", "ended"),
    [
        ("vgae", "Add a – b, weight 1", "Drop a – b"),
        ("vae", "Set b of a to 1", "Set b of a to 0"),
    ],
)
def test_a_pair_is_joined_or_parted_as_its_family_does(family, made, ended):
    assert pair_edit(family, "a", "b", there=False).sentence() == made
    assert pair_edit(family, "a", "b", there=True).sentence() == ended
