"""The latent space page on finished runs."""

import io
import json
import time

import numpy as np
import pandas as pd
import pytest

from dashboard import charts, results
from tests.pages.finished_runs import finish_run, make_graph, make_square
from vgae_core import isolation
from vgae_core.analysis import embedding
from vgae_core.data import limits
from vgae_core.errors import LimitError
from vgae_core.runs import embedding_files, node_tables


def figure(at, index=0):
    return json.loads(at.get("plotly_chart")[index].proto.spec)


def fine(at):
    assert not at.exception
    assert not at.error
    return at


def text(at):
    return " ".join(m.value for m in (*at.markdown, *at.caption, *at.subheader))


@pytest.fixture
def run(studio_store):
    return finish_run(studio_store, make_graph())


def test_without_a_run_the_page_leads_to_training(app):
    at = fine(app("latent_space"))
    assert not at.get("plotly_chart")
    assert "No run yet" in text(at)


def test_the_map_names_every_node(app, run):
    at = fine(app("latent_space", run=run.id))
    fig = figure(at)
    names = " ".join(str(trace.get("text")) for trace in fig["data"])
    assert "person 89" in names
    assert {"red", "green", "blue", "no group"} == {trace["name"] for trace in fig["data"]}
    assert "% of variance" in fig["layout"]["xaxis"]["title"]["text"]
    table = at.get("arrow_data_frame")[-1].value if at.get("arrow_data_frame") else at.dataframe[-1].value
    assert len(table) == 90
    assert table["node"].tolist() == [f"person {i}" for i in range(90)]


def test_every_colour_draws(app, run):
    at = fine(app("latent_space", run=run.id))
    options = at.selectbox(key="map_colour").options
    assert {"Label", "Community", "income"} <= set(options)
    assert sum("σ" in option for option in options) == 1
    for value in ("label", "community", "degree", "uncertainty", "reconstruction_error", "income"):
        fine(at.selectbox(key="map_colour").set_value(value).run())
        assert sum(len(trace["customdata"]) if isinstance(trace.get("customdata"), list) else 0
                   for trace in figure(at)["data"]) in (0, 90)  # fmt: skip


def test_three_dimensions_draw_and_select_nothing(app, run):
    at = fine(app("latent_space", run=run.id))
    at.segmented_control(key="map_dim").set_value(3)
    fine(at.run())
    assert {trace["type"] for trace in figure(at)["data"]} == {"scatter3d"}


def test_a_searched_node_shows_both_kinds_of_neighbours(app, run):
    at = fine(app("latent_space", run=run.id))
    at.selectbox(key="map_node").set_value("person 4")
    fine(at.run())
    graph, z = run.graph(), run.result().z_mean
    tables = [t.value for t in at.dataframe]
    near, true = tables[0], tables[1]
    expected, _ = embedding.neighbours(z, 4, embedding.NEIGHBOURS)
    assert near["node"].tolist() == [f"person {i}" for i in expected]
    friends = embedding.true_neighbours(graph, 4)
    assert sorted(true["node"]) == sorted(f"person {i}" for i in friends)
    assert near["edge"].tolist() == np.isin(expected, friends).tolist()
    assert true["place"].is_monotonic_increasing
    assert "its edges" in {trace["name"] for trace in figure(at)["data"]}
    hits = len(set(embedding.neighbours(z, 4, len(friends))[0]) & set(friends))
    assert f"{hits} of its {len(friends)} true neighbours" in text(at)


def select(at, *nodes):
    points = [{"customdata": node, "curve_number": 0, "point_index": i} for i, node in enumerate(nodes)]
    at.session_state["latent_map"] = {
        "selection": {"points": points, "point_indices": list(range(len(nodes))), "box": [], "lasso": []}
    }
    return fine(at.run())


def test_a_lasso_fills_the_table_and_one_point_shows_its_neighbours(app, run):
    at = fine(app("latent_space", run=run.id))
    select(at, 5, 70, 11)
    assert at.dataframe[-1].value["node"].tolist() == ["person 5", "person 11", "person 70"]
    assert "Selected nodes (3)" in text(at)
    select(at, 11)
    assert "Neighbours of person 11" in text(at)


def test_a_plain_auto_encoder_has_no_uncertainty(app, studio_store):
    run = finish_run(studio_store, make_graph(), variational=False)
    at = fine(app("latent_space", run=run.id))
    assert not any("σ" in option for option in at.selectbox(key="map_colour").options)


def test_names_cannot_become_markup(app, studio_store):
    run = finish_run(studio_store, make_graph(nasty="<b onclick=x>[a](http://evil)"))
    at = fine(app("latent_space", run=run.id))
    hover = json.dumps(figure(at))
    assert "<b onclick" not in hover
    assert "&lt;b onclick" in hover
    at.selectbox(key="map_node").set_value(at.selectbox(key="map_node").options[3])
    fine(at.run())
    assert "](http" not in text(at)


def test_many_nodes_are_sampled_fairly_and_say_so(app, studio_store, monkeypatch):
    monkeypatch.setattr(embedding, "MAX_POINTS", 30)
    monkeypatch.setattr(embedding, "MAX_LISTED", 30)
    graph = make_graph(300)
    run = finish_run(studio_store, graph)
    monkeypatch.setattr(embedding.sample_points, "__defaults__", (30, 0))
    at = fine(app("latent_space", run=run.id))
    kinds = [trace["type"] for trace in figure(at)["data"]]
    assert kinds[0] == "heatmap"
    assert "fair sample of 30 of 300 nodes" in text(at)
    at.text_input(key="map_node_part").set_value("person 12")
    fine(at.run())
    assert "person 12" in at.selectbox(key="map_node_match").options
    at.selectbox(key="map_node_match").set_value("person 121")
    fine(at.run())
    assert "Neighbours of person 121" in text(at)


def test_tsne_is_made_on_demand_in_a_child(app, run):
    at = fine(app("latent_space", run=run.id))
    fine(at.segmented_control(key="map_method").set_value("tsne").run())
    assert "PC 1" in figure(at)["layout"]["xaxis"]["title"]["text"]  # until the map is made
    fine(at.button(key="map_start").click().run())
    fine(at)
    assert at.button(key="map_cancel").label == "Cancel"
    deadline = time.monotonic() + 60
    while "t-SNE" not in figure(at)["layout"]["xaxis"]["title"]["text"] and time.monotonic() < deadline:
        time.sleep(0.5)
        fine(at.run())
    assert figure(at)["layout"]["xaxis"]["title"]["text"] == "t-SNE 1 (no unit)"


def test_a_slow_map_can_be_cancelled(app, run):
    at = fine(app("latent_space", run=run.id))
    at.segmented_control(key="map_method").set_value("tsne").run()
    at.button(key="map_start").click().run()
    job = at.session_state["background_jobs"]["map"][1]
    fine(at.button(key="map_cancel").click().run())
    assert job.poll().done
    assert at.button(key="map_start")


def test_a_map_that_cannot_be_made_says_why(app, studio_store):
    run = finish_run(studio_store, make_square())
    at = fine(app("latent_space", run=run.id))
    at.segmented_control(key="map_method").set_value("tsne").run()
    at.button(key="map_start").click().run()
    deadline = time.monotonic() + 60
    while not at.error and time.monotonic() < deadline:
        time.sleep(0.5)
        at.run()
    assert not at.exception
    assert "Use PCA" in at.error[0].value


@pytest.fixture
def busy_server(monkeypatch, tmp_path):
    """Other visitors' tasks: one works, one waits."""
    (tmp_path / "endless.py").write_text(
        "import time\ndef task(arrays, options, progress):\n    time.sleep(60)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setitem(isolation.TASKS, "endless", "endless:task")
    monkeypatch.setattr(limits, "SERVER_LIMITS", limits.ServerLimits(children=1))
    others = [isolation.start("endless") for _ in range(2)]
    yield
    for other in others:
        other.cancel()


def test_the_place_in_the_queue_of_tasks_is_shown(app, run, busy_server):
    at = fine(app("latent_space", run=run.id))
    at.segmented_control(key="map_method").set_value("umap").run()
    fine(at.button(key="map_start").click().run())
    assert at.get("progress")[0].proto.text == charts.plain("Queued: 2 tasks before this one")
    at.button(key="map_cancel").click().run()


def test_a_busy_server_says_so(app, run, busy_server, monkeypatch):
    monkeypatch.setattr(limits, "SERVER_LIMITS", limits.ServerLimits(children=1, waiting_children=1))
    at = fine(app("latent_space", run=run.id))
    at.segmented_control(key="map_method").set_value("umap").run()
    at.button(key="map_start").click().run()
    assert not at.exception
    assert "Try again in a moment" in at.error[0].value


def test_downloads_are_the_embedding(app, run):
    at = fine(app("latent_space", run=run.id))
    labels = [b.proto.label for b in at.get("download_button")]
    assert labels[-4:] == [entry.title for entry in embedding_files.EMBEDDING_FORMATS.values()]
    content = embedding_files.EMBEDDING_FORMATS["csv"].write(run.result(), run.graph(), None, False)
    assert len(pd.read_csv(io.BytesIO(content))) == 90


def test_a_large_graph_is_shown_before_its_communities_are_known(app, run, monkeypatch):
    monkeypatch.setattr(node_tables, "SMALL_EDGES", 10)
    at = fine(app("latent_space", run=run.id))
    assert "being computed" in text(at)
    assert "community" not in at.selectbox(key="map_colour").options
    assert len(at.dataframe[-1].value) == 90
    whole = results.whole_node_table(run.id)  # waits for the child
    pd.testing.assert_frame_equal(whole, node_tables.node_table(run.result(), run.graph()))
    at = fine(at.run())
    assert "being computed" not in text(at)
    assert "Community" in at.selectbox(key="map_colour").options
    assert "reconstruction_error" in at.dataframe[-1].value


def test_communities_that_cannot_be_had_leave_the_rest_of_the_page(app, run, monkeypatch):
    def refuse(*args, **kwargs):
        raise LimitError("Took longer than the limit of 600 s.")

    monkeypatch.setattr(node_tables, "SMALL_EDGES", 10)
    monkeypatch.setattr(isolation, "call", refuse)
    at = app("latent_space", run=run.id)
    with pytest.raises(LimitError):
        results.whole_node_table(run.id)
    at.run()
    assert not at.exception
    assert "600 s" in at.error[0].proto.title
    assert len(at.dataframe[-1].value) == 90
