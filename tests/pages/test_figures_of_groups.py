"""Figures by group, over samples of z, and of a matrix equal those computed from the run's folder by other means."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
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


def at_folder(folder):  # noqa: F811
    from dashboard import state

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
