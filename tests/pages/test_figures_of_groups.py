"""Figures by group, over samples of z, and of a matrix equal those computed from the run's folder by other means."""

import base64
import dataclasses
import json
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from tests.dense_entries import dense_logits
from tests.pages import matrix_runs
from tests.pages.finished_runs import WORKSPACE
from tests.pages.test_figures_apart import folder, held_out, probability  # noqa: F401
from vgae_core.analysis import cell_density
from vgae_core.cli import main
from vgae_core.data.arrays import save_graph
from vgae_core.families import family_of
from vgae_core.runs.results.evaluation import evaluate_result


def values_of(array):
    """Return an array of a figure, which Plotly may have packed."""
    if not isinstance(array, dict):
        return np.array(array, float)
    return np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"]).reshape(shape_of(array))


def shape_of(array):
    return [int(size) for size in str(array.get("shape", "-1")).split(",")]


def view(at, name):
    at = at.segmented_control(key="structure_view").set_value(name).run()
    assert not at.exception
    return at


def test_blocks_kinds_and_samples_of_a_graph(app, folder, monkeypatch):  # noqa: F811
    monkeypatch.setattr(cell_density, "GROUP_PAIRS", 10**6)
    run, graph, z, split, stack = folder
    at = app("reconstruction", run=run)
    at = at.segmented_control(key="blocks_by").set_value("label").run()
    assert not at.exception
    table = next(one.value for one in at.dataframe if {"pairs", "expected"} <= set(one.value)).set_index(
        "groups"
    )
    names = np.array([*graph.label_names, "Other or unknown"])
    group = names[np.where(graph.labels < 0, 3, graph.labels)]
    i, j = np.triu_indices(240, 1)
    p = probability(z, stack, np.column_stack([i, j]))
    share = graph.adjacency.nnz / 2 / len(i)
    p = p * share / (p * share + (1 - p) * (1 - share))
    is_edge = graph.adjacency.toarray()[i, j] > 0
    for a, b in (("red", "red"), ("red", "green"), ("blue", "Other or unknown")):
        here = ((group[i] == a) & (group[j] == b)) | ((group[i] == b) & (group[j] == a))
        row = table.loc[a if a == b else next(n for n in (f"{a} – {b}", f"{b} – {a}") if n in table.index)]
        assert row["pairs"] == here.sum()
        assert row["edges"] == is_edge[here].sum()
        assert row["expected"] == pytest.approx(p[here].sum(), rel=1e-3, abs=0.06)

    at = view(at, "By kind of pair")
    table = next(one.value for one in at.dataframe if "probability_edges" in one.value).set_index("kind")
    pairs, truth, p = held_out(folder)
    degree = np.zeros(240, int)
    np.add.at(degree, split["train"].ravel(), 1)
    least = degree[pairs].min(axis=1)
    here = (least >= 4) & (least <= 7)
    assert table.loc["4 to 7", "edges"] == truth[here].sum()
    assert table.loc["4 to 7", "loss"] == pytest.approx(log_loss(truth[here], p[here]), rel=1e-3)
    assert table.loc["4 to 7", "auc"] == pytest.approx(roc_auc_score(truth[here], p[here]), abs=1e-3)

    at = view(at, "Over samples of z")
    log_var = np.load(at_folder(folder))["z_log_var"]
    nodes, place = np.unique(pairs, return_inverse=True)
    rng = np.random.default_rng([0, 0x2A3E])
    aucs = []
    for _ in range(50):
        drawn = z[nodes] + np.exp(log_var[nodes] / 2) * rng.standard_normal(
            (len(nodes), z.shape[1]), np.float32
        )
        aucs.append(roc_auc_score(truth, probability(drawn, stack, place.reshape(-1, 2))))
    tile = next(metric for metric in at.metric if metric.label == "Test AUC")
    assert tile.value == f"{roc_auc_score(truth, p):.3f}"
    low, high = (float(text) for text in tile.delta.split(" to "))
    assert (low, high) == pytest.approx(np.quantile(aucs, [0.05, 0.95]), abs=1.1e-3)

    figure = next(one for one in at.get("plotly_chart") if "error_x" in one.proto.spec)
    dots = json.loads(figure.proto.spec)["data"][0]
    ends = np.array([[int(part) for part in re.findall(r"person (\d+)", name)] for name in dots["y"]])
    nodes, place = np.unique(ends, return_inverse=True)
    rng = np.random.default_rng([0, 0x2A3E])
    logits = []
    for _ in range(50):
        drawn = z[nodes] + np.exp(log_var[nodes] / 2) * rng.standard_normal(
            (len(nodes), z.shape[1]), np.float32
        )
        p = probability(drawn, stack, place.reshape(-1, 2))
        logits.append(np.log(p / (1 - p)))
    low, high = np.quantile(logits, [0.05, 0.95], axis=0)
    np.testing.assert_allclose(values_of(dots["x"]) + values_of(dots["error_x"]["array"]), high, rtol=1e-3)
    np.testing.assert_allclose(
        values_of(dots["x"]) - values_of(dots["error_x"]["arrayminus"]), low, rtol=1e-3
    )


def cells_of(at):
    """Return the values that the two heat maps show."""
    traces = [trace for one in at.get("plotly_chart") for trace in json.loads(one.proto.spec)["data"]]
    return [
        values_of(one["customdata"]) for one in traces if one["type"] == "heatmap" and "customdata" in one
    ]


def test_the_ordered_adjacency_of_two_groups_and_kinds_of_labels_and_communities(app, folder, monkeypatch):  # noqa: F811
    monkeypatch.setattr(cell_density, "BIN_PAIRS", 10**6)
    run, graph, z, _, stack = folder
    at = view(app("reconstruction", run=run), "Ordered adjacency")
    at = at.segmented_control(key="ordered_by").set_value("label").run()
    at = at.selectbox(key="ordered_group_label").set_value(0).run()
    at = at.selectbox(key="ordered_other_label_0").set_value(2).run()
    assert not at.exception
    shown = cells_of(at)
    a = graph.adjacency.toarray() > 0
    sizes = {name: int((graph.labels == at_).sum()) for at_, name in enumerate(graph.label_names)}
    by_size = sorted(range(3), key=lambda one: (-sizes[graph.label_names[one]], one))
    rows, columns = (np.flatnonzero(graph.labels == by_size[place]) for place in (0, 2))
    rows, columns = (nodes[np.argsort(-a.sum(axis=1)[nodes], kind="stable")] for nodes in (rows, columns))
    p = probability(z, stack, np.column_stack([np.repeat(rows, len(columns)), np.tile(columns, len(rows))]))
    share = a.sum() / (240 * 239)
    p = (p * share / (p * share + (1 - p) * (1 - share))).reshape(len(rows), len(columns))
    np.testing.assert_allclose(shown[0], a[np.ix_(rows, columns)])
    np.testing.assert_allclose(shown[1], p, rtol=1e-3)

    at = view(at, "By kind of pair")
    pairs, truth, chance = held_out(folder)
    names = np.array([*graph.label_names, ""])[graph.labels[pairs]]
    both = np.array([sorted(ends) for ends in names.tolist()])
    communities = at_communities(run)[pairs]
    known = (communities >= 0).all(axis=1)
    for title, kind, here in (
        ("Pair of labels", "red – green", (both == ["green", "red"]).all(axis=1)),
        ("Labels of both ends", "Different", (names != "").all(axis=1) & (names[:, 0] != names[:, 1])),
        ("Communities of both ends", "Same", known & (communities[:, 0] == communities[:, 1])),
    ):
        at = at.selectbox(key="kinds_by").set_value(title).run()
        table = next(one.value for one in at.dataframe if "probability_edges" in one.value).set_index("kind")
        assert table.loc[kind, "edges"] == truth[here].sum()
        assert table.loc[kind, "non_edges"] == (1 - truth)[here].sum()
        assert table.loc[kind, "loss"] == pytest.approx(
            log_loss(truth[here], chance[here], labels=[0, 1]), rel=1e-3
        )
        assert table.loc[kind, "probability_non_edges"] == pytest.approx(
            chance[here & (truth == 0)].mean(), rel=1e-3
        )


def at_communities(run):
    """Return the community of every node, which test_graph_structure compares with other means."""
    from dashboard.finished_runs import results

    return results.whole_node_table(run)["community"].to_numpy()


def test_thresholds_by_a_budget_and_by_links_to_find(app, folder):  # noqa: F811
    run, _, z, split, stack = folder
    i, j = np.triu_indices(240, 1)
    known = {tuple(sorted(pair)) for name in ("train", "val") for pair in split[name].tolist()}
    free = np.array([pair for pair in zip(i.tolist(), j.tolist(), strict=True) if pair not in known])
    p = probability(z, stack, free)
    order = np.argsort(-p, kind="stable")[:1000]
    test = {tuple(sorted(pair)) for pair in split["test"].tolist()}
    hits = np.array([tuple(pair) in test for pair in free[order].tolist()], float)
    tens = hits.reshape(100, 10).mean(axis=1)
    expected = np.repeat(IsotonicRegression(increasing=False).fit_transform(np.arange(100), tens), 10)
    assert expected.max() < 1  # so that no share is bounded
    _, truth, chance = held_out(folder)
    at = app("reconstruction", run=run)
    for way, key, value in (("budget", "threshold_budget", 80), ("links", "threshold_links", 1)):
        at = at.segmented_control(key="threshold_way").set_value(way).run()
        at = at.number_input(key=key).set_value(value).run()
        assert not at.exception
        n = value if way == "budget" else int(np.searchsorted(expected.cumsum(), value - 1e-9)) + 1
        (said,) = [text.value for text in at.markdown if "Check the first" in text.value]
        assert f"first **{n:,}** pairs" in said
        assert f"about **{expected[:n].sum():.0f}** of them" in said
        called = chance >= p[order[n - 1]] - 1e-6
        shown = {metric.label: metric.value for metric in at.metric}
        assert shown["Precision"] == f"{precision_score(truth, called):.1%}"
        assert shown["Recall"] == f"{recall_score(truth, called):.1%}"


def at_folder(folder):  # noqa: F811
    from dashboard.app import state

    return state.store().open_run(folder[0]).path / "embedding.npz"


@pytest.fixture
def of_matrix(studio_store):
    """A kept run of counts whose scores are combined with EASE, and dense logits as it is scored and shown."""
    graph = matrix_runs.make_matrix(200, 40)
    result = matrix_runs.make_result(graph)
    result = dataclasses.replace(result, spec=result.spec.replace("split.val_fraction", 0.05))
    family = family_of(result.spec)
    known = family.known(graph, result.split)
    stack = family.stack(
        result.spec, graph, result.split, known, result.network(), lambda: (result.left, result.right)
    )
    assert stack
    result = dataclasses.replace(result, model={**result.model, "stack": stack})
    scores, metrics = evaluate_result(result, graph)
    result = dataclasses.replace(result, scores=scores, metrics=metrics)
    run = studio_store.create_run(result.spec, graph, WORKSPACE)
    run.save_result(result)
    run.append_event(result.finished)
    arrays = {name: np.load(run.path / f"{name}.npz") for name in ("embedding", "split")}
    left, right = (arrays["embedding"][side].astype(float) for side in ("left", "right"))
    seen = graph.features.toarray()
    for part in ("val", "test"):
        seen[tuple(arrays["split"][part].T)] = 0
    return run, graph, arrays["split"], dense_logits(stack, left @ right.T, seen, seen), seen


def test_the_page_of_a_matrix(app, of_matrix):
    run, graph, split, logits, seen = of_matrix
    at = app("reconstruction", run=run.id)
    assert not at.exception
    pairs = np.concatenate([split["test"], split["test_neg"]])
    truth = np.repeat([1, 0], [len(split["test"]), len(split["test_neg"])])
    p = 1 / (1 + np.exp(-logits[tuple(pairs.T)]))
    table = next(one.value for one in at.dataframe if "method" in one.value).set_index("method")
    assert table.loc["This model", "roc_auc"] == pytest.approx(roc_auc_score(truth, p), abs=1e-3)
    assert table.loc["This model", "average_precision"] == pytest.approx(
        average_precision_score(truth, p), abs=1e-3
    )
    recall = []
    for row in np.unique(split["test"][:, 0]):
        hidden = set(split["test"][split["test"][:, 0] == row, 1])
        order = [j for j in np.argsort(-logits[row]) if seen[row, j] == 0][:20]
        recall.append(len(hidden & set(order)) / min(20, len(hidden)))
    assert table.loc["This model", "recall_at_20"] == pytest.approx(np.mean(recall), abs=5e-3)

    best = next(one.value for one in at.dataframe if "place" in one.value)
    row = int(str(at.session_state["row_of_interest"]).split()[1])
    lacks = np.flatnonzero(graph.features.toarray()[row] == 0)
    order = lacks[np.argsort(-logits[row, lacks], kind="stable")]  # without codes of the whole matrix
    assert [int(str(name).split()[1]) for name in best["column"]][:5] == order[:5].tolist()
    bound = np.log(len(split["val"]) + 1)
    q = 1 / (1 + np.exp(-np.clip(logits[row, order[: len(best)]], -bound, bound)))
    np.testing.assert_allclose(best["probability"], q, rtol=2e-3)
    share = np.count_nonzero(graph.features.toarray()) / graph.features.toarray().size
    bayes = q * share / (q * share + (1 - q) * (1 - share))
    np.testing.assert_allclose(best["probability_at_density"], bayes, rtol=3e-3)

    val = np.concatenate([split["val"], split["val_neg"]])
    val_truth = np.repeat([1, 0], [len(split["val"]), len(split["val_neg"])])
    chance = 1 / (1 + np.exp(-logits[tuple(val.T)]))
    f1 = {step / 100: f1_score(val_truth, chance >= step / 100, zero_division=0) for step in range(101)}
    threshold = at.slider[0].value
    assert f1[round(threshold, 2)] == pytest.approx(max(f1.values()))
    shown = {metric.label: metric.value for metric in at.metric}
    assert shown["Precision"] == f"{precision_score(truth, p >= threshold):.1%}"
    assert shown["Recall"] == f"{recall_score(truth, p >= threshold):.1%}"
    tenth = np.minimum((p * 10).astype(int), 9)
    error = sum(abs(np.sum(truth[tenth == i]) - np.sum(p[tenth == i])) for i in range(10)) / len(p)
    (said,) = [text.value for text in at.markdown if "Calibration" in text.value]
    assert f"{error:.3f}"[:4] in said

    kinds = next(one.value for one in at.dataframe if "probability_edges" in one.value).set_index("kind")
    per_row = np.count_nonzero(seen, axis=1)[pairs[:, 0]]
    here = (per_row >= 4) & (per_row <= 7)
    assert kinds.loc["4 to 7", "loss"] == pytest.approx(log_loss(truth[here], p[here]), rel=2e-3)


def test_the_commands_rank_and_score_of_a_matrix(of_matrix, tmp_path, capsys):
    run, graph, split, logits, _ = of_matrix
    save_graph(run.path / "graph.npz", graph)
    assert main(["rank", str(run.path), "--node", "user 7", "--top", "4", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    x = graph.features.toarray()
    lacks = np.flatnonzero(x[7] == 0)
    order = lacks[np.argsort(-logits[7, lacks], kind="stable")][:4]
    assert [row["column"] for row in told["entries"]] == [f"film {j}" for j in order]
    assert told["base_rate"] == pytest.approx(np.count_nonzero(x) / x.size)
    (tmp_path / "pairs.csv").write_text("a,b\nuser 3,film 5\nuser 9,film 1\nuser 9,no film\n")
    to = tmp_path / "scores.csv"
    assert main(["score", str(run.path), str(tmp_path / "pairs.csv"), "--to", str(to)]) == 0
    assert "1 names are no rows or columns: no film" in capsys.readouterr().out
    bound = np.log(len(split["val"]) + 1)
    expected = 1 / (1 + np.exp(-np.clip(logits[[3, 9], [5, 1]], -bound, bound)))
    np.testing.assert_allclose(pd.read_csv(to)["probability"], expected, rtol=2e-3)
