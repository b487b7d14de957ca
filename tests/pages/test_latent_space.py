"""The latent space page on finished runs."""

import dataclasses
import io
import json
import time
import zlib

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, silhouette_score
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dashboard.figures import charts
from dashboard.finished_runs import results
from dashboard.latent_space import latent_map
from tests.nearest import nearest
from tests.pages.finished_runs import WORKSPACE, finish_run, make_graph, make_result, make_square
from tests.pages.map_parts import part
from vgae_core import isolation
from vgae_core.analysis import contrast, latent_neighbours, linear_map, map_points
from vgae_core.analysis.clusters import METHODS, by_size
from vgae_core.errors import LimitError
from vgae_core.host import limits
from vgae_core.runs.exports import embedding_files
from vgae_core.runs.store import kept_selections
from vgae_core.runs.views import first_view, node_tables


def places(at):
    return np.frombuffer(part(at, "points")[1], "<f4").reshape(-1, 2)


def picked(at):
    return np.frombuffer(part(at, "picked")[1], "<u4")


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


def test_the_map_has_every_node_where_its_code_is(app, run):
    at = fine(app("latent_space", run=run.id))
    z = latent_neighbours.directions(run.result().z_mean)
    np.testing.assert_array_equal(places(at), linear_map.pca(z, 2).coordinates)
    assert "% of variance" in part(at, "points")[0]["axes"][0]
    names = zlib.decompress(part(at, "names")[1]).decode().split("\n")
    assert names == [f"person {i}" for i in range(90)]
    head, content = part(at, "colour")
    member = content[:90]
    assert content[90:] == member  # as many colours as groups
    assert sorted(head["names"]) == ["blue", "green", "red"]
    assert head["entries"][-1] == [255, "no group", 9]
    labels = run.graph().labels
    of_name = {name: k for k, name in enumerate(run.graph().label_names)}
    expected = [of_name[head["names"][byte]] if byte < 255 else -1 for byte in member]
    assert expected == labels.tolist()
    written = {name: place for _, name, place in head["labels"]}
    np.testing.assert_allclose(written["green"], np.median(places(at)[labels == 1], axis=0))
    table = at.dataframe[-1].value
    assert table["node"].tolist() == [f"person {i}" for i in range(90)]


def test_every_colour_draws_and_only_the_colour_changes(app, run):
    at = fine(app("latent_space", run=run.id))
    before = {name: part(at, name) for name in ("points", "names", "label", "size", "picked", "focus")}
    options = at.selectbox(key="map_colour").options
    assert {"Label", "Community", "Core number", "income"} <= set(options)
    assert sum("σ" in option for option in options) == 1
    table = results.node_table(run.id)
    for value in ("community", "degree", "core", "uncertainty", "reconstruction_error", "income"):
        fine(at.selectbox(key="map_colour").set_value(value).run())
        head, content = part(at, "colour")
        assert head["column"] == value
        if head["kind"] == "scale":
            shown = np.frombuffer(content, "<f4", count=90)
            np.testing.assert_allclose(shown, table[value].to_numpy(float), rtol=1e-4, atol=1e-4)
            painted = np.frombuffer(content[4 * 90 :], np.uint8)
            assert (np.diff(painted[np.argsort(shown, kind="stable")].astype(int)) >= 0).all()  # a scale
            assert (painted.min(), painted.max()) == (0, 254)
        assert {name: part(at, name) for name in before} == before


def test_points_are_coloured_by_any_feature(app, studio_store):
    graph = dataclasses.replace(
        make_graph(),
        features=sparse.random_array((90, 3), density=0.4, rng=0, dtype=np.float32).tocsr(),
        feature_names=("a", "b [x](y)", "c"),
    )
    run = finish_run(studio_store, graph)
    at = fine(app("latent_space", run=run.id))
    fine(at.selectbox(key="map_colour").set_value(latent_map.FEATURE).run())
    fine(at.selectbox(key="map_feature").set_value("b [x](y)").run())
    np.testing.assert_array_equal(
        np.frombuffer(part(at, "colour")[1], "<f4", count=90), graph.features.toarray()[:, 1]
    )
    link = {name: "".join(at.query_params[name]) for name in at.query_params}
    other = fine(app("latent_space", **link))
    assert part(other, "colour") == part(at, "colour")
    assert not other.toast


def test_a_link_says_what_this_run_does_not_have(app, run):
    at = fine(app("latent_space", run=run.id, node="nobody", colour="feature: x", map="globe"))
    assert [toast.value.split("asks for ")[1].split(",")[0] for toast in at.toast] == [
        "globe", "feature\\: x", "nobody",
    ]  # fmt: skip


def test_two_latent_axes_make_a_map(app, run):
    at = fine(app("latent_space", run=run.id))
    fine(at.selectbox(key="map_method").set_value("axes").run())
    fine(at.selectbox(key="map_axis_x").set_value(3).run())
    np.testing.assert_array_equal(places(at), run.result().z_mean[:, [2, 1]])
    assert part(at, "points")[0]["axes"] == ["z 3", "z 2"]
    link = {name: "".join(at.query_params[name]) for name in at.query_params}
    assert link["map_settings"] == "axis_x:3"
    shown = part(fine(app("latent_space", **link)), "points")
    assert (shown[0]["axes"], shown[1]) == (["z 3", "z 2"], part(at, "points")[1])


@pytest.mark.parametrize(
    "hostile", ["axis_x:0", "x:1", "perplexity:[", "perplexity", "[" * 5000, "seed:1e999"]
)
def test_settings_in_a_link_that_cannot_be_are_left_out(app, run, hostile):
    at = fine(app("latent_space", run=run.id, map_settings=hostile, clusters="n_clusters:5,hops:2"))
    assert "could not be read" in at.toast[0].value
    assert "map_settings" not in at.query_params
    assert "".join(at.query_params["clusters"]) == "n_clusters:5,hops:2"
    fine(app("latent_space", run=run.id, map="axes", map_settings="axis_x:99"))  # of a run with longer codes
    for turn in ("1,2,3", "0,0,0,0,1,0,0,1,nan", "0,0,0,0,5,0,0,1,1", "0,0,0,0,1,0,0,1,x"):
        at = fine(app("latent_space", run=run.id, map="pca", map_turn=turn))
        assert at.toast
        assert "map_turn" not in at.query_params


def test_the_map_is_turned_like_that_of_the_run_before(app, studio_store):
    graph = make_graph()
    first = finish_run(studio_store, graph)
    turned = dataclasses.replace(make_result(graph), z_mean=-make_result(graph).z_mean)
    second = finish_run(studio_store, graph, turned)
    before = places(fine(app("latent_space", run=first.id, workspace=WORKSPACE)))
    at = fine(app("latent_space", run=second.id, workspace=WORKSPACE))
    np.testing.assert_allclose(places(at), before, atol=1e-5)
    assert "previous run" in text(at)
    link = {name: value[0] if isinstance(value, list) else value for name, value in at.query_params.items()}
    theirs = fine(app("latent_space", **link))  # of a visitor without that run
    np.testing.assert_allclose(places(theirs), places(at), atol=1e-5)
    fine(theirs.toggle(key="map_align_link").set_value(False).run())
    assert "map_turn" not in theirs.query_params
    fine(at.toggle(key="map_align").set_value(False).run())
    z = latent_neighbours.directions(turned.z_mean)
    np.testing.assert_array_equal(places(at), linear_map.pca(z, 2).coordinates)
    # Another visitor has no run before.
    assert "previous run" not in text(fine(app("latent_space", run=second.id)))


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
    expected, _ = nearest(z, 4, latent_neighbours.NEIGHBOURS)
    assert near["node"].tolist() == [f"person {i}" for i in expected]
    friends = latent_neighbours.true_neighbours(graph, 4)
    assert sorted(true["node"]) == sorted(f"person {i}" for i in friends)
    assert near["edge"].tolist() == np.isin(expected, friends).tolist()
    assert true["place"].is_monotonic_increasing
    head, lines = part(at, "focus")
    assert head["node"] == 4
    assert {tuple(pair) for pair in np.frombuffer(lines, "<u4").reshape(-1, 2).tolist()} == {
        (4, friend) for friend in friends
    }
    hits = len(set(nearest(z, 4, len(friends))[0]) & set(friends))
    assert f"{hits} of its {len(friends)} true neighbours" in text(at)


def select(at, run, *nodes):
    at.session_state["map_selected"] = {run.id: np.array(sorted(nodes))}
    return fine(at.run())


def test_a_selection_fills_the_table_and_stays_when_the_colour_changes(app, run):
    at = fine(app("latent_space", run=run.id))
    select(at, run, 5, 70, 11)
    for colour in ("label", "degree"):
        fine(at.selectbox(key="map_colour").set_value(colour).run())
        table = next(t.value for t in at.dataframe if "node" in t.value)
        assert table["node"].tolist() == ["person 5", "person 11", "person 70"]
        assert "Selected nodes (3)" in text(at)
        assert picked(at).tolist() == [5, 11, 70]
    fine(at.toggle(key="map_edges").set_value(True).run())
    select(at, run, *range(40))
    lines = np.frombuffer(part(at, "focus")[1], "<u4").reshape(-1, 2)
    edges = run.graph().edges
    np.testing.assert_array_equal(lines, edges[(edges < 40).all(axis=1)])


def wait_for(at, key):
    """Press a button that starts a child, and draw the page again until it has ended."""
    fine(at.button(key=f"{key}_start").click().run())
    deadline = time.monotonic() + 60
    while key in at.session_state["background_jobs"] and time.monotonic() < deadline:
        time.sleep(0.3)
        fine(at.run())
    return fine(at.run())


def test_clusters_colour_the_map_and_are_selected_and_kept_for_others(app, run):
    at = fine(app("latent_space", run=run.id, tab="clusters"))
    at = wait_for(at, "clusters")
    scores = at.dataframe[0].value
    assert scores["method"].tolist() == [METHODS[name].title for name in ("kmeans", "hdbscan", "leiden")]
    assert "no features" in text(at)
    z = latent_neighbours.directions(run.result().z_mean)
    member = KMeans(3, n_init=10, random_state=0).fit_predict(z)  # as many as there are labels
    labels, known = run.graph().labels, run.graph().labels >= 0
    assert scores["nmi"][0] == pytest.approx(normalized_mutual_info_score(labels[known], member[known]))
    assert scores["ari"][0] == pytest.approx(adjusted_rand_score(labels[known], member[known]))
    plain = nx.Graph(run.graph().edges.tolist())
    groups = [set(np.flatnonzero(member == k).tolist()) & set(plain) for k in range(3)]
    assert scores["modularity"][0] == pytest.approx(nx.community.modularity(plain, groups), abs=1e-6)
    leaving = [nx.conductance(plain, group) for group in groups]
    assert scores["conductance"][0] == pytest.approx(np.mean(leaving), abs=1e-6)
    assert scores["silhouette"][0] == pytest.approx(silhouette_score(z, member), abs=1e-5)
    fine(at.button(key="cluster_colour").click().run())
    head, shown = part(at, "colour")
    assert head["title"] == "Cluster (k-means)"
    assert adjusted_rand_score(np.frombuffer(shown, np.uint8, count=head["n"]), member) == pytest.approx(1)
    fine(at.button(key="cluster_select").click().run())
    table = at.dataframe[0].value
    assert set(table["cluster_kmeans"]) == {0}
    assert len(table) == (by_size(member) == 0).sum()
    # They are kept with the run: another visitor finds them, and a link colours by them.
    other = fine(app("latent_space", run=run.id, colour="cluster_kmeans"))
    assert part(other, "colour")[1] == shown


def test_labels_are_probed_beside_features_without_training(app, run):
    at = wait_for(fine(app("latent_space", run=run.id, tab="clusters")), "probe")
    table = at.dataframe[-1].value
    assert table["input"].tolist() == ["Codes"]  # these data have no features
    known = run.graph().labels >= 0
    each = cross_validate(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)),
        np.load(run.path / "embedding.npz")["z_mean"][known], run.graph().labels[known],
        cv=StratifiedKFold(5, shuffle=True, random_state=0), scoring=("accuracy", "f1_macro"),
    )  # fmt: skip
    assert table["accuracy"][0] == pytest.approx(each["test_accuracy"].mean())
    assert table["macro_f1"][0] == pytest.approx(each["test_f1_macro"].mean())
    assert "81 nodes, 3 labels" in text(at)


def test_the_address_names_the_tab_and_opens_it(app, run):
    at = fine(app("latent_space", run=run.id))
    at.selectbox(key="map_node").set_value("person 4").run()
    assert at.query_params["tab"] in ("node", ["node"])
    assert "higher than" in text(at)  # where its error stands
    at = fine(app("latent_space", run=run.id, node="person 4", tab="axes"))
    assert "axes are active" in text(at)


def test_a_plain_auto_encoder_has_no_uncertainty(app, studio_store):
    run = finish_run(studio_store, make_graph(), variational=False)
    at = fine(app("latent_space", run=run.id))
    assert not any("σ" in option for option in at.selectbox(key="map_colour").options)


def test_names_cannot_become_markup(app, studio_store):
    run = finish_run(studio_store, make_graph(nasty="<b onclick=x>[a](http://evil)"))
    at = fine(app("latent_space", run=run.id))
    assert b"<b onclick" in zlib.decompress(part(at, "names")[1])  # which the browser shows as text
    fine(at.segmented_control(key="map_dim").set_value(3).run())
    hover = json.dumps(figure(at))
    assert "<b onclick" not in hover
    assert "&lt;b onclick" in hover
    at.selectbox(key="map_node").set_value(at.selectbox(key="map_node").options[3])
    fine(at.run())
    assert "](http" not in text(at)


def test_a_node_among_many_is_found_by_a_part_of_its_name(app, studio_store, monkeypatch):
    monkeypatch.setattr(map_points, "MAX_LISTED", 30)
    run = finish_run(studio_store, make_graph(300))
    at = fine(app("latent_space", run=run.id))
    assert len(places(at)) == 300
    at.text_input(key="map_node_part").set_value("person 12")
    fine(at.run())
    assert "person 12" in at.selectbox(key="map_node_match").options
    at.selectbox(key="map_node_match").set_value("person 121")
    fine(at.run())
    assert "person 121" in [s.value for s in at.subheader]


def test_tsne_is_made_on_demand_in_a_child(app, run):
    at = fine(app("latent_space", run=run.id))
    fine(at.selectbox(key="map_method").set_value("tsne").run())
    assert "PC 1" in part(at, "points")[0]["axes"][0]  # until the map is made
    fine(at.button(key="map_start").click().run())
    fine(at)
    assert at.button(key="map_cancel").label == "Cancel"
    deadline = time.monotonic() + 60
    while "t-SNE" not in part(at, "points")[0]["axes"][0] and time.monotonic() < deadline:
        time.sleep(0.5)
        fine(at.run())
    assert part(at, "points")[0]["axes"][0] == "t-SNE 1 (no unit)"


def test_a_slow_map_can_be_cancelled(app, run):
    at = fine(app("latent_space", run=run.id))
    at.selectbox(key="map_method").set_value("tsne").run()
    at.button(key="map_start").click().run()
    job = at.session_state["background_jobs"]["map"][1]
    fine(at.button(key="map_cancel").click().run())
    assert job.poll().done
    assert at.button(key="map_start")


def test_a_map_that_cannot_be_made_says_why(app, studio_store):
    run = finish_run(studio_store, make_square())
    at = fine(app("latent_space", run=run.id))
    at.selectbox(key="map_method").set_value("tsne").run()
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
    at.selectbox(key="map_method").set_value("umap").run()
    fine(at.button(key="map_start").click().run())
    assert at.get("progress")[0].proto.text == charts.plain("Queued: 2 tasks before this one")
    at.button(key="map_cancel").click().run()


def test_a_busy_server_says_so(app, run, busy_server, monkeypatch):
    monkeypatch.setattr(limits, "SERVER_LIMITS", limits.ServerLimits(children=1, waiting_children=1))
    at = fine(app("latent_space", run=run.id))
    at.selectbox(key="map_method").set_value("umap").run()
    at.button(key="map_start").click().run()
    assert not at.exception
    assert "Try again in a moment" in at.error[0].value


def test_downloads_are_the_embedding(app, run):
    at = fine(app("latent_space", run=run.id))
    labels = [b.proto.label for b in at.get("download_button")]
    assert labels[-7:] == [entry.title for entry in embedding_files.formats_for(run.graph()).values()]
    content = embedding_files.EMBEDDING_FORMATS["csv"].write(run.result(), run.graph(), None, False)
    assert len(pd.read_csv(io.BytesIO(content))) == 90


def test_a_large_graph_is_shown_before_its_communities_are_known(app, run, monkeypatch):
    monkeypatch.setattr(first_view, "SMALL_EDGES", 10)
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


def test_a_run_of_a_large_graph_that_brings_its_first_view_shows_it_at_once(app, studio_store, monkeypatch):
    def never(*args, **kwargs):
        raise AssertionError("It was worked out again.")

    graph = make_graph()
    brought = first_view.with_first_view(make_result(graph), graph)
    run = finish_run(studio_store, graph, brought)
    monkeypatch.setattr(first_view, "SMALL_EDGES", 10)
    monkeypatch.setattr(isolation, "call", never)
    at = fine(app("latent_space", run=run.id))
    assert "being computed" not in text(at)
    np.testing.assert_array_equal(at.dataframe[-1].value["community"], brought.first_view["community"])


def test_communities_that_cannot_be_had_leave_the_rest_of_the_page(app, run, monkeypatch):
    def refuse(*args, **kwargs):
        raise LimitError("Took longer than the limit of 600 s.")

    monkeypatch.setattr(first_view, "SMALL_EDGES", 10)
    monkeypatch.setattr(isolation, "call", refuse)
    at = app("latent_space", run=run.id)
    with pytest.raises(LimitError):
        results.whole_node_table(run.id)
    at.run()
    assert not at.exception
    assert "600 s" in at.error[0].proto.title
    assert len(at.dataframe[-1].value) == 90


def test_a_query_selects_and_says_what_is_wrong(app, run):
    at = fine(app("latent_space", run=run.id, tab="selection"))
    at.text_input(key="select_query").set_value('degree > 8 and label == "red"')
    fine(at.run())
    fine(at.button(key="select_replace").click().run())
    table = results.node_table(run.id)
    expected = table[(table["degree"] > 8) & (table["label"] == "red")]
    assert picked(at).tolist() == expected.index.tolist()
    at.text_input(key="select_query").set_value("degre > 8")
    at.run()
    assert not at.exception
    assert "degre" in at.error[0].proto.title


def test_names_and_neighbourhoods_are_selected_and_combined(app, run):
    at = fine(app("latent_space", run=run.id, tab="selection"))
    fine(at.segmented_control(key="select_way").set_value("names").run())
    fine(at.text_area(key="select_names").set_value("person 3\nperson 5, nobody").run())
    assert "1 unknown: nobody" in text(at)
    fine(at.button(key="select_add").click().run())
    assert picked(at).tolist() == [3, 5]
    assert at.text_area(key="select_names").value  # to be mended and used again
    fine(at.text_area(key="select_names").set_value("person 5\n" * 4_000).run())
    fine(at.button(key="select_add").click().run())
    assert picked(at).tolist() == [3, 5]
    assert not at.text_area(key="select_names").value  # a long list is slow to replace
    at.selectbox(key="map_node").set_value("person 3").run()
    fine(at.segmented_control(key="explore_view").set_value("selection").run())
    fine(at.segmented_control(key="select_way").set_value("around").run())
    fine(at.button(key="select_intersect").click().run())
    near = {3, *latent_neighbours.true_neighbours(run.graph(), 3).tolist()}
    assert picked(at).tolist() == sorted(near & {3, 5})


def test_what_sets_a_selection_apart_is_that_of_the_core(app, run):
    at = fine(app("latent_space", run=run.id, workspace=WORKSPACE))
    select(at, run, *range(30))
    rest = np.arange(30, 90)
    tables = [t.value for t in at.dataframe]
    expected = contrast.counts(results.node_table(run.id)["label"], np.arange(30), rest)
    labels = next(t for t in tables if "value" in t and "adjusted_p" in t)
    np.testing.assert_allclose(labels["p"], expected["p"])
    links = contrast.linked(run.graph().adjacency, np.arange(30), rest)
    shown = {m.label: m.value for m in at.metric}
    assert shown["Edges within the selection"] == f"{links.inside_first:,}"
    kept_selections.save(run.path, "B", np.arange(20, 60), 90, WORKSPACE)
    select(at, run, *range(30))
    fine(at.selectbox(key="compare_with").set_value("B").run())
    assert "10 nodes are in both" in text(at)
    links = contrast.linked(run.graph().adjacency, np.arange(20), np.arange(30, 60))
    shown = {m.label: m.value for m in at.metric}
    assert shown["Edges between both"] == f"{links.between:,}"
    fine(at.selectbox(key="compare_with").set_value("").run())
    select(at, run, *range(90))
    assert "need a node" in text(at)


def test_a_kept_selection_is_a_link(app, run):
    at = fine(app("latent_space", run=run.id, workspace=WORKSPACE))
    select(at, run, 4, 8)
    fine(at.text_input(key="selection_name").set_value("two of *them*").run())
    fine(at.button(key="keep_selection").click().run())
    link = {name: at.query_params[name] for name in at.query_params}
    link = {name: value[0] if isinstance(value, list) else value for name, value in link.items()}
    assert {"run", "selection", "colour", "map"} <= set(link)
    other = fine(
        app("latent_space", **{**link, "colour": "degree", "map": "axes", "node": "person 4", "tab": "node"})
    )
    assert picked(other).tolist() == [4, 8]
    assert part(other, "colour")[0]["column"] == "degree"
    assert part(other, "points")[0]["axes"][0] == "z 1"
    assert "person 4" in [s.value for s in other.subheader]
    assert "two of" not in text(other)  # the list is of its owner's own
    lost = app("latent_space", **{**link, "selection": "a" * 22})
    assert not lost.exception
    assert picked(lost).size == 0


@pytest.mark.parametrize("way", ["query", "group", "lasso"])
def test_a_selection_without_a_name_is_in_the_address(app, run, way):
    at = fine(app("latent_space", run=run.id, tab="selection"))
    if way == "lasso":
        select(at, run, 3, 30, 31)
    else:
        fine(at.segmented_control(key="select_way").set_value(way).run())
        if way == "query":
            fine(at.text_input(key="select_query").set_value("degree > 8").run())
        fine(at.button(key="select_replace").click().run())
    link = {name: value[0] if isinstance(value, list) else value for name, value in at.query_params.items()}
    assert link["selection"].startswith({"lasso": "nodes:"}.get(way, f"{way}:"))
    other = fine(app("latent_space", **link))
    assert len(picked(at)) > 0
    assert picked(other).tolist() == picked(at).tolist()


@pytest.mark.parametrize(
    "hostile",
    ["query:", "query:((((", "around:9:person 1", "around:x:", "group:node:person 1", "group:label:pink", "nodes:AAAA",
     "nodes:" + "A" * 9999, "../../x"],
)  # fmt: skip
def test_a_selection_in_a_link_that_cannot_be_is_left_out(app, run, hostile):
    at = fine(app("latent_space", run=run.id, selection=hostile))
    assert picked(at).size == 0
    assert at.toast
    assert "selection" not in at.query_params
