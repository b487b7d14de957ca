"""A plain matrix and runs on it, page by page: rows and columns, never nodes and edges."""

from __future__ import annotations

import dataclasses
import io
import json
import zlib

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from dashboard.app import state
from dashboard.data import panels
from tests.pages.finished_runs import make_graph, open_tab
from tests.pages.map_parts import part
from tests.pages.matrix_runs import finish_run, make_matrix, make_raw
from tests.pages.test_data import in_process, metric, open_upload, put, texts, use  # noqa: F401
from tests.pages.test_model import asked  # noqa: F401
from vgae_core.analysis import entries
from vgae_core.catalogue.losses import LIKELIHOODS, LOSSES
from vgae_core.catalogue.values import KINDS
from vgae_core.data.samples import load_sample

NOT_OF_ROWS = ("node", "edge", "neighbour", "degree", "communit")


def fine(at):
    assert not at.exception
    assert not at.error, [(e.proto.title, e.value) for e in at.error]
    return at


def said(at):
    """Return every text of the page in lower case, with labels and help left out."""
    kinds = ("title", "header", "subheader", "caption", "markdown", "metric", "info", "success", "warning")
    parts = [str(e.value) for kind in kinds for e in getattr(at, kind)]
    parts += [m.label for m in at.metric] + [tab.label for tab in at.tabs]
    return " ".join(parts).replace("\\", "").lower()


def figures(at):
    return [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]


def tables(at):
    return {frame.proto.id.rsplit("-", 1)[-1]: frame.value for frame in at.dataframe}


def axes(at):
    return {
        str(fig["layout"].get(axis, {}).get("title", {}).get("text"))
        for fig in figures(at)
        for axis in ("xaxis", "yaxis")
    }


@pytest.fixture(params=[True, False], ids=["counts", "binary"])
def run(studio_store, request):
    return finish_run(studio_store, make_matrix(counts=request.param))


@pytest.fixture
def load(app, monkeypatch):
    """Return a function that opens a page with a matrix as the data at hand."""

    def open_page(graph, page="data"):
        monkeypatch.setattr(state, "load_sample", lambda name: make_raw(graph))
        return app(page)

    return open_page


# ------------------------------------------------------------------------------------- data
def test_a_matrix_is_shown_as_rows_and_columns(load):
    graph = make_matrix()
    at = fine(load(graph))
    assert metric(at, "Rows") == "60"
    assert metric(at, "Columns") == "30"
    dense = graph.features.toarray()
    assert metric(at, "Values") == f"{np.count_nonzero(dense):,}"
    assert metric(at, "Density") == f"{np.count_nonzero(dense) / dense.size:.2%}"
    assert metric(at, "Empty rows") == str(int((~dense.any(axis=1)).sum()))
    assert {m.label for m in at.metric} >= {"Empty columns", "Values per row", "Classes"}
    assert KINDS["count"].help.lower() in said(at)
    assert "60 rows · 30 columns" in said(at)
    assert not [w for w in NOT_OF_ROWS if w in said(at)]
    assert len(figures(at)) == 5  # matrix, rows, columns, values, labels
    most = int(np.count_nonzero(dense, axis=0).argmax())
    assert f"most frequent: film {most} (" in said(at)
    assert not [c for c in at.segmented_control if c.key and c.key.startswith("dataset.repairs")]


def test_a_sample_is_a_matrix(app):
    at = app()
    at.selectbox(key="sample").set_value("import-words").run()
    next(b for b in at.button if b.label == "Load sample").click()
    fine(at.run())
    assert metric(at, "Rows") == "1,406"
    assert metric(at, "Columns") == "2,670"
    spec = at.session_state["spec"]
    assert spec.model.family == "vae"
    assert spec.output("output").loss == "binary_crossentropy"
    at.selectbox(key="sample").set_value("karate-club").run()
    next(b for b in at.button if b.label == "Load sample").click()
    fine(at.run())
    assert at.session_state["spec"].model.family == "vgae"
    assert metric(at, "Edges") == "78"


def test_an_uploaded_matrix(app):
    dense = make_matrix().features.toarray()
    out = io.BytesIO()
    sparse.save_npz(out, sparse.csr_array(dense))
    at = fine(put(open_upload(app), ("counts.npz", out.getvalue())))
    assert metric(at, "Rows") == "60"
    assert at.session_state["graph"].is_matrix
    np.testing.assert_array_equal(at.session_state["graph"].features.toarray(), dense)


def test_a_matrix_survives_a_reload(app, studio_store):
    frame = pd.DataFrame(make_matrix().features.toarray(), columns=[f"film {j}" for j in range(30)])
    frame.insert(0, "id", [f"user {i}" for i in range(60)])
    at = fine(put(open_upload(app), ("films.csv", frame.to_csv(index=False).encode())))
    again = fine(app(workspace=at.session_state["workspace"]))
    assert metric(again, "Rows") == "60"
    assert again.session_state["graph"].feature_names[:2] == ("film 0", "film 1")


def test_names_of_rows_and_columns_cannot_be_markup(load, app, studio_store):
    nasty = " <b>[x](http://e.org)"
    graph = make_matrix(nasty=nasty)
    pages = [load(graph)]
    held = finish_run(studio_store, graph)
    pages += [app("reconstruction", run=held.id), app("latent_space", run=held.id)]
    for at in pages:
        fine(at)
        for element in [*at.caption, *at.markdown, *at.subheader]:
            assert "[x](" not in element.value
            assert "<b>" not in element.value.replace("\\<b", "")
        for spec in (chart.proto.spec for chart in at.get("plotly_chart")):
            assert "<b>[x]" not in spec


# ------------------------------------------------------------------------------------ model
@pytest.mark.parametrize("counts", [True, False])
def test_the_likelihood_is_preselected_with_its_reason(load, asked, counts):  # noqa: F811
    graph = make_matrix(counts=counts)
    at = fine(load(graph, "model"))
    kind = "count" if counts else "binary"
    assert at.selectbox(key="outputs.output.loss").value == LIKELIHOODS[kind][0]
    assert LIKELIHOODS[kind][1].lower() in said(at)
    *options, own = at.selectbox(key="outputs.output.loss").options
    assert own.startswith("Formula · ")
    for option in options:
        (entry,) = (e for e in LOSSES.values() if e.title == option and "output" in e.outputs)
        assert not entry.targets or kind in entry.targets
    family = next(c for c in at.get("button_group") if c.proto.label == "Model type")
    assert family.proto.disabled
    assert "there are no edges" in said(at)
    assert at.toggle(key="model.sparse_input").value
    assert not at.text_input(key="model.hidden_units").disabled
    assert {"Validation share (%)", "Test share (%)"} <= {n.label for n in at.number_input}
    assert asked[-1][0].model.family == "vae"


def test_graphs_with_features_can_be_coded_either_way(app, asked):  # noqa: F811
    at = fine(app("model"))
    assert at.session_state["spec"].model.family == "vgae"
    at.session_state["spec"] = dataclasses.replace(at.session_state["spec"], seed=5)
    key = next(c.key for c in at.segmented_control if c.label == "Model type")
    fine(at.segmented_control(key=key).set_value("vae").run())
    spec = at.session_state["spec"]
    assert (spec.model.family, spec.seed) == ("vae", 5)
    assert [o.name for o in spec.outputs] == ["output", "z_vars", "labels"]
    at.toggle(key="model.sparse_input").set_value(False).run()
    assert not at.session_state["spec"].model.sparse_input
    next(b for b in at.button if b.label == "Reset to defaults").click().run()
    assert at.session_state["spec"].model.family == "vae"
    assert at.session_state["spec"].model.sparse_input
    key = next(c.key for c in at.segmented_control if c.label == "Model type")
    fine(at.segmented_control(key=key).set_value("vgae").run())
    assert at.session_state["spec"].output("adj_rec").enabled


def test_a_graph_without_features_says_why_it_has_one_family(app, asked, monkeypatch):  # noqa: F811
    monkeypatch.setattr(state, "load_sample", lambda name: load_sample("karate-club"))
    at = fine(app("model"))
    assert "a graph without features" in said(at)


def test_too_few_zeros_are_refused_before_training(load, asked, app):  # noqa: F811
    graph = dataclasses.replace(make_matrix(), features=np.ones((60, 30), np.float32) * 2)
    at = load(graph, "model")
    assert not at.exception
    assert ["zeros to compare with entries" in e.proto.title for e in at.error] == [True]


# ------------------------------------------------------------------------------------ pages
def test_train_page_of_a_finished_run(app, run):
    at = fine(app("train", run=run.id))
    assert "VAE" in texts(at)
    assert metric(at, "Test AUC") == f"{run.metrics()['test']['roc_auc']:.3f}"
    rival = max(run.metrics()["baselines"].values(), key=lambda scores: scores["roc_auc"])
    auc = next(m for m in at.metric if m.label == "Test AUC")
    assert f"({rival['roc_auc']:.3f})" in auc.proto.delta_description


def test_latent_space_of_rows(app, run):
    at = fine(app("latent_space", run=run.id))
    head, _ = part(at, "colour")
    assert {"crime", "love", "space", "no group"} == {name for _, name, _ in head["entries"]}
    assert b"user 59" in zlib.decompress(part(at, "names")[1])
    options = at.selectbox(key="map_colour").options
    for wanted in ("Label", "Row total", "Error of its values (mean loss)", "Uncertainty (mean σ)"):
        assert wanted in options
    assert not {"Community", "Degree (neighbours)"} & set(options)
    for choice in ("row_total", "feature_error", "uncertainty", "row_values"):
        fine(at.selectbox(key="map_colour").set_value(choice).run())
    at.selectbox(key="map_node").set_value("user 4").run()
    fine(at)
    near = next(f.value for f in at.dataframe if "place" in f.value)
    z = run.result().z_mean
    cosine = z @ z[4] / np.linalg.norm(z, axis=1) / np.linalg.norm(z[4])
    order = [i for i in np.argsort(-cosine) if i != 4]
    assert near["node"].tolist() == [f"user {i}" for i in order[:10]]
    assert "edge" not in near
    own = next(f.value for f in at.dataframe if "expected" in f.value)
    row = run.graph().features.toarray()[4]
    assert sorted(own["column"]) == sorted(f"film {j}" for j in np.flatnonzero(row))
    assert "true neighbours" not in said(at)
    lacking = next(f.value for f in at.dataframe if "column_values" in f.value)
    assert set(lacking["column"]) <= {f"film {j}" for j in np.flatnonzero(row == 0)}
    assert lacking["expected"].is_monotonic_decreasing
    fine(at.segmented_control(key="explore_view").set_value("table").run())
    assert "all rows (60)" in said(at)


def test_reconstruction_shows_ranked_scores_beside_baselines(app, run):
    at = fine(app("reconstruction", run=run.id))
    table = next(f.value for f in at.dataframe if "method" in f.value)
    assert set(table["method"]) == {"This model", "Popularity", "Row x column", "Truncated SVD"}
    stored = run.metrics()
    mine = table[table["method"] == "This model"].iloc[0]
    for key in ("roc_auc", "average_precision", "recall_at_20", "ndcg_at_20"):
        assert mine[key] == pytest.approx(stored["test"][key])
    popular = table[table["method"] == "Popularity"].iloc[0]
    assert popular["recall_at_20"] == pytest.approx(stored["baselines"]["popularity"]["recall_at_20"])
    assert "a held-out entry scores above a random zero" in said(at)
    best = max(scores["ndcg_at_20"] for scores in stored["baselines"].values())
    ahead = "is ahead of" if stored["test"]["ndcg_at_20"] > best else "does not reach"
    assert f"ndcg@20) the model {ahead} the best baseline" in said(at)
    words = " ".join([*(m.value for m in at.markdown), *(s.value for s in at.subheader)]).lower()
    assert not [w for w in NOT_OF_ROWS if w in words]
    assert not [a for a in axes(at) if "edge" in a.lower()]


def test_thresholds_where_the_model_gives_probabilities(app, studio_store):
    binary = fine(app("reconstruction", run=finish_run(studio_store, make_matrix(counts=False)).id))
    assert binary.slider
    assert "Probability of an entry" in axes(binary)
    counted = fine(app("reconstruction", run=finish_run(studio_store, make_matrix()).id))
    assert not counted.slider
    assert "Logarithm of the expected value" in axes(counted)


def test_recommended_items_by_name(app, run):
    at = fine(app("reconstruction", run=run.id))
    result, dense = run.result(), run.graph().features.toarray()
    logits = result.left @ result.right.T
    at.selectbox(key="row_of_interest").set_value("user 7").run()
    fine(at)
    best = next(f.value for f in at.dataframe if "place" in f.value)
    free = [j for j in np.argsort(-logits[7]) if dense[7, j] == 0]
    assert best["column"].tolist() == [f"film {j}" for j in free[:20]]
    open_tab(at, run.id, "Most expected missing entries")
    every = next(
        f.value for f in at.dataframe if {"row", "column"} <= set(f.value) and "value" not in f.value
    )
    masked = np.where(dense == 0, logits, -np.inf)
    i, j = np.unravel_index(masked.argmax(), masked.shape)
    assert (every["row"][0], every["column"][0]) == (f"user {i}", f"film {j}")
    places = [(int(a.split()[1]), int(b.split()[1])) for a, b in every[["row", "column"]].to_numpy()]
    assert not dense[tuple(np.array(places).T)].any()


def test_unexpected_values_by_name(app, run):
    at = open_tab(app("reconstruction", run=run.id), run.id, "Least expected values")
    table = next(f.value for f in at.dataframe if {"row", "column", "value"} <= set(f.value))
    dense = run.graph().features.toarray()
    assert len(table) == np.count_nonzero(dense)
    assert table["surprise"].is_monotonic_decreasing
    for row, column, value in zip(table["row"][:50], table["column"], table["value"], strict=False):
        assert dense[int(row.split()[1]), int(column.split()[1])] == value
    assert set(table["part"]) == {"training", "validation", "test"}
    at.text_input(key="unexpected_entries_filter").set_value("film 3").run()
    shown = next(f.value for f in fine(at).dataframe if {"row", "column", "value"} <= set(f.value))
    assert all("film 3" in name for name in shown["column"])


def test_worst_rows(app, run):
    at = open_tab(app("reconstruction", run=run.id), run.id, "Worst rows")
    worst = next(f.value for f in at.dataframe if {"node", "feature_error"} <= set(f.value))
    errors = run.result().nodes["feature_error"]
    assert worst["node"][0] == f"user {errors.argmax()}"
    assert worst["feature_error"].is_monotonic_decreasing


def test_runs_page_names_the_family(app, run, studio_store):
    from tests.pages.finished_runs import WORKSPACE
    from tests.pages.finished_runs import finish_run as finish_graph_run

    finish_graph_run(studio_store, make_graph())
    at = fine(app("runs", workspace=WORKSPACE))
    table = at.dataframe[0].value
    assert sorted(table["model"]) == ["VAE", "VGAE"]


def test_a_bundle_of_a_matrix_run_comes_back(studio_store, run):
    from vgae_core.runs.exports.bundle import export_bundle, import_bundles

    file = io.BytesIO()
    export_bundle(run, file)
    file.seek(0)
    (again,) = import_bundles(studio_store, file, "b" * 43)
    np.testing.assert_array_equal(again.result().right, run.result().right)
    assert again.graph().is_matrix
    assert again.graph().fingerprint == run.graph().fingerprint
    assert again.spec == run.spec


def test_the_role_of_a_square_matrix_can_be_said(app):
    out = io.BytesIO()
    sparse.save_npz(out, sparse.csr_array(make_matrix(n=30).features))
    at = open_upload(app)
    at.file_uploader[0].upload("square.npz", out.getvalue())
    at.run()
    role = next(box for box in at.selectbox if box.key and box.key.startswith("upload_role_"))
    assert role.value == "edges"
    fine(role.set_value("features").run())
    fine(use(at))
    assert at.session_state["graph"].is_matrix
    assert metric(at, "Rows") == metric(at, "Columns") == "30"
    assert panels.ROLES["features"].endswith("matrix")


def test_a_matrix_model_of_a_graph_s_features(app, studio_store):
    graph = dataclasses.replace(make_graph(60), features=make_matrix().features)
    run = finish_run(studio_store, graph)
    at = fine(app("latent_space", run=run.id))
    assert {"Community", "Row total"} <= set(at.selectbox(key="map_colour").options)
    at.selectbox(key="map_node").set_value("person 4").run()
    fine(at)
    assert "edge" in next(f.value for f in at.dataframe if "place" in f.value)
    at = fine(app("reconstruction", run=run.id))
    best = next(f.value for f in at.dataframe if "place" in f.value)
    assert set(best["column"]) <= {f"column {j + 1}" for j in range(30)}


def test_a_large_matrix_is_searched_on_demand(app, run, monkeypatch):
    monkeypatch.setattr(entries, "EXACT_CELLS", 50)
    at = open_tab(app("reconstruction", run=run.id), run.id, "Most expected missing entries")
    before = len(at.dataframe)
    at.button(key="recommended_start").click()
    fine(at.run())
    for _ in range(60):
        if len(at.dataframe) > before:
            break
        at.session_state["background_jobs"]["recommended"][1].result()
        fine(at.run())
    result, graph = run.result(), run.graph()
    pairs, _ = entries.recommended(result.left, result.right, graph.features, 1000)
    table = next(
        f.value for f in at.dataframe if {"row", "column"} <= set(f.value) and "value" not in f.value
    )
    assert table["row"].tolist() == [f"user {i}" for i in pairs[:, 0]]
    assert table["column"].tolist() == [f"film {j}" for j in pairs[:, 1]]
