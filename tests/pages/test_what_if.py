"""The What if page: a finished run asked from the page, by a link, and by hostile scenarios."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from sklearn.decomposition import PCA

from dashboard.finished_runs import scenarios
from tests.pages.finished_runs import WORKSPACE, finish_run, make_graph, make_result
from tests.pages.map_parts import part
from tests.what_if.asking import named, small
from vgae_core.runs.execution.pipeline import execute
from vgae_core.settings import RunSpec
from vgae_core.what_if import kept
from vgae_core.what_if.answer import answer
from vgae_core.what_if.model import WhatIf
from vgae_core.what_if.scenario import Scenario, edit


@pytest.fixture(scope="module")
def trained():
    graph = small(60)
    spec = RunSpec.from_dict({"model": {"latent_dim": 6}, "training": {"epochs": 10}})
    return graph, execute(spec, graph)


@pytest.fixture
def run(studio_store, trained):
    graph, result = trained
    return finish_run(studio_store, graph, result)


def fine(at):
    assert not at.exception
    assert not at.error
    return at


def texts(at):
    return " ".join(item.value for item in [*at.markdown, *at.caption])


def click(at, label):
    next(button for button in at.button if button.label.startswith(label)).click()
    return at.run()


def tile(at, label):
    return next(metric for metric in at.metric if metric.label == label)


def test_dropping_an_edge_is_answered_undone_and_done_again(app, run, trained):
    graph, result = trained
    model = WhatIf(result, graph)
    i, j = (model.name(int(k)) for k in graph.edges[4])
    at = fine(app("what_if", run=run.id))
    at.selectbox(key="watch_source_0").select(i).run()
    at.selectbox(key="watch_target_0").select(j).run()
    before = answer(model, Scenario(pair=(i, j)))
    assert tile(at, "Logit").value == f"{before.pair.logit.after:.3f}"
    assert tile(at, "Edge").value == "1"
    at = fine(click(at, "Drop " + i.replace("-", "\\-")))
    after = answer(model, Scenario(pair=(i, j), edits=(edit("drop_edge", source=i, target=j),)))
    assert tile(at, "Logit").value == f"{after.pair.logit.after:.3f}"
    assert tile(at, "Edge").value == "0"
    assert "These edits" in texts(at)
    assert "weights trained on the original data" in texts(at)
    assert any("Drop" in box.label for box in at.checkbox)
    at = fine(click(at, "Undo"))
    assert tile(at, "Logit").value == f"{before.pair.logit.after:.3f}"
    at = fine(click(at, "Redo"))
    assert tile(at, "Logit").value == f"{after.pair.logit.after:.3f}"
    at.checkbox[0].uncheck().run()
    assert tile(at, "Logit").value == f"{before.pair.logit.after:.3f}"


@pytest.mark.parametrize("view", ["codes", "nodes", "why", "takes"])
def test_every_view_of_an_answer_is_drawn(app, run, trained, view):
    graph, _ = trained
    i, j = (str(graph.node_ids[k]) for k in graph.edges[4])
    scenario = Scenario(
        pair=(i, j), edits=(edit("add_node", name="X", like=i), edit("drop_edge", source=i, target=j))
    )
    link = kept.save(run.path, scenario, WORKSPACE)
    at = fine(app("what_if", run=run.id, scenario=link))
    at = fine(at.segmented_control(key="what_if_view").set_value(view).run())
    expected = {
        "codes": "codes moved", "nodes": "Edit", "why": "Each edge at both ends left out", "takes": "By dropping edges",
    }[view]  # fmt: skip
    assert expected in texts(at) or view == "nodes"
    assert len(at.get("dataframe")) == (1 if view in ("codes", "nodes") else 0)


def test_a_link_opens_the_same_scenario_for_another_visitor(app, run, trained):
    graph, result = trained
    i, j = (str(graph.node_ids[k]) for k in graph.edges[4])
    scenario = Scenario(pair=(i, j), edits=(edit("drop_edge", source=i, target=j),), name="without it")
    link = kept.save(run.path, scenario, WORKSPACE)
    at = fine(app("what_if", run=run.id, scenario=link))
    after = answer(WhatIf(result, graph), scenario)
    assert tile(at, "Logit").value == f"{after.pair.logit.after:.3f}"
    assert at.query_params["scenario"] == link
    # It is listed for its owner alone.
    assert not any(button.label == "without it" for button in at.button)
    at = fine(app("what_if", run=run.id, workspace=WORKSPACE))
    assert any(button.label == "without it" for button in at.button)


def test_keeping_a_scenario_makes_a_link(app, run):
    at = fine(app("what_if", run=run.id, workspace=WORKSPACE))
    at = fine(click(at, "Drop all edges"))
    at = fine(click(at, "Save and make a link"))
    (saved,) = kept.listed(run.path, WORKSPACE)
    assert at.query_params["scenario"] == saved.id
    assert "link to it" in texts(at)
    at = fine(click(at, "Undo"))
    assert "scenario" not in at.query_params


def test_a_link_to_nothing_says_so_and_the_page_works(app, run):
    at = app("what_if", run=run.id, scenario="../../../etc/passwd")
    assert not at.exception
    assert [error.value for error in at.error]
    assert tile(at, "Logit")


def test_a_scenario_of_unknown_nodes_is_one_clear_message(app, run):
    scenario = Scenario(edits=(edit("drop_edges", node="<b>no</b> ![x](http://x.example/y.png)"),))
    link = kept.save(run.path, scenario, WORKSPACE)
    at = app("what_if", run=run.id, scenario=link)
    assert not at.exception
    (error,) = at.error
    assert "edit 1" in error.value
    assert "![x](" not in " ".join(item.label for item in at.checkbox)
    at = fine(click(at, "Clear"))


def test_names_of_nodes_are_no_markup(app, studio_store, trained):
    graph, result = trained
    nasty = dataclasses.replace(graph, node_ids=named(graph, "![x](http://x.example/y.png) $").node_ids)
    run = finish_run(studio_store, nasty, result)
    at = fine(app("what_if", run=run.id))
    at = fine(click(at, "Drop all edges"))
    shown = texts(at) + " ".join(item.label for item in [*at.checkbox, *at.button])
    assert "![x](" not in shown
    spec = json.loads(at.get("echarts_chart")[0].proto.spec)
    assert any("![x]" in node["name"] for node in spec["series"][0]["data"])  # ECharts draws text as text


def test_a_run_without_weights_says_why_it_cannot_be_asked(app, studio_store):
    graph = make_graph()
    run = finish_run(studio_store, graph, make_result(graph))
    at = app("what_if", run=run.id)
    assert not at.exception
    assert at.error


def test_a_scenario_that_is_on_screen_can_be_loaded_again(app, run, monkeypatch):
    at = fine(app("what_if", run=run.id, workspace=WORKSPACE))
    at = fine(click(at, "Drop all edges"))
    text = at.session_state["scenarios"][run.id].scenario.to_json()
    calls = []
    change = scenarios.change
    monkeypatch.setattr(scenarios, "change", lambda *a, **k: (calls.append(a), change(*a, **k)))
    at.get("file_uploader")[0].upload("scenario.json", text.encode())
    at = fine(at.run(timeout=30))
    assert len(calls) == 1
    assert "These edits" in texts(at)


@pytest.mark.parametrize("text", ["[1", '{"name": "\\ud800"}', "\ufeff[]"])
def test_a_file_that_is_no_scenario_is_told_and_the_answers_stay(app, run, text):
    at = fine(app("what_if", run=run.id, workspace=WORKSPACE))
    at.get("file_uploader")[0].upload("scenario.json", text.encode("utf-8", "surrogatepass"))
    at.run(timeout=30)
    assert not at.exception
    assert len(at.error) == 1
    assert tile(at, "Logit")


def test_a_damaged_scenario_is_listed_and_can_be_deleted(app, run):
    link = kept.save(run.path, Scenario(edits=(edit("drop_edges", node="n3"),)), WORKSPACE)
    next(run.path.glob(f"scenario-{link}.*")).write_text("{", "utf-8")
    at = fine(app("what_if", run=run.id, workspace=WORKSPACE))
    assert "cannot be read" in texts(at)
    at.button(key=f"forget_{link}").click()
    at = fine(at.run())
    assert kept.listed(run.path, WORKSPACE) == []


def test_undo_keeps_the_pair_that_is_watched(app, run):
    at = fine(app("what_if", run=run.id, workspace=WORKSPACE))
    at = fine(click(at, "Drop all edges"))
    at.selectbox(key="watch_target_0").select("n11").run()
    at = fine(click(at, "Undo"))
    assert at.session_state["scenarios"][run.id].scenario.pair[1] == "n11"


def test_an_edit_that_cannot_be_made_is_not_added(app, run):
    at = fine(app("what_if", run=run.id, workspace=WORKSPACE))
    desk = at.session_state["scenarios"][run.id]
    at = click(at, "Add this edit")
    assert not at.exception
    assert any("no edge" in item.value for item in at.warning)
    assert desk.scenario.edits == ()
    assert tile(at, "Logit")


def test_the_latent_map_has_arrows_to_the_codes_after_the_edits(app, run, trained):
    graph, result = trained
    model = WhatIf(result, graph)
    i, j = (model.name(int(k)) for k in graph.edges[4])
    scenario = Scenario(edits=(edit("drop_edge", source=i, target=j),))
    at = app("latent_space", run=run.id)
    assert not part(at, "focus")[0]["arrows"]
    at.session_state["scenarios"] = {run.id: scenarios.Desk(scenario)}
    arrows = part(fine(at.run()), "focus")[0]["arrows"]
    changes = model.changes(scenario.edits)
    after = model.after(changes).view.codes.z_mean
    unit = [z / np.linalg.norm(z, axis=1, keepdims=True) for z in (result.codes.z_mean, after)]
    plane = PCA(2).fit(unit[0].astype(np.float64))
    ends = [plane.transform(z.astype(np.float64)) for z in unit]
    moved = [model.names.find(node.node) for node in answer(model, scenario).moved]
    assert len(arrows) == len(moved) > 0
    for arrow, node in zip(np.array(arrows), moved, strict=True):
        flip = np.sign(ends[0][node] / arrow[0])  # the sign of an axis is ours to choose
        np.testing.assert_allclose(arrow * flip, [ends[0][node], ends[1][node]], atol=1e-4)
    at.toggle(key="map_arrows").set_value(False)
    assert not part(fine(at.run()), "focus")[0]["arrows"]


def test_a_node_of_the_map_shows_its_likeliest_new_links(app, run, trained):
    graph, result = trained
    at = fine(app("latent_space", run=run.id))
    at.selectbox(key="map_node").select("n3")
    at = fine(at.run())
    assert "Most likely new links" in texts(at)
    best = WhatIf(result, graph).answers.rank(3, 1)
    shown = next(item.value for item in at.dataframe if item.key == "card_links")
    assert shown["node"].iloc[0] == str(graph.node_ids[best.pairs[0, 1]])
