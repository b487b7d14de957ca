"""Every figure on the pages of a run equals one computed from the files of its folder, by other means."""

import dataclasses
import json
import re

import networkx as nx
import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score

from tests.pages.finished_runs import WORKSPACE, finish_run, make_graph, make_result
from vgae_core.runs.results.evaluation import evaluate_result

STACK = {"offset": -1.2, "network": 0.9, "shift": 0.2, "above": 0.6, "below": 1.4}


@pytest.fixture
def folder(studio_store):
    """A kept run, its folder read by NumPy and JSON alone, and its graph."""
    graph = make_graph(240)
    alone = make_result(graph, quality=0.7)
    stacked = dataclasses.replace(alone, model={**alone.model, "stack": STACK})
    scores, measured = evaluate_result(stacked, graph)
    result = dataclasses.replace(stacked, scores=scores, metrics=measured)
    run = finish_run(studio_store, graph, result)
    arrays = {name: np.load(run.path / f"{name}.npz") for name in ("embedding", "split")}
    stack = json.loads((run.path / "model.json").read_text())["stack"]
    return run.id, graph, arrays["embedding"]["z_mean"].astype(float), arrays["split"], stack


def probability(z, stack, pairs):
    x = stack["offset"] + stack["network"] * (z[pairs[:, 0]] * z[pairs[:, 1]]).sum(axis=1)
    logit = stack["shift"] + stack["above"] * np.log1p(np.exp(x)) - stack["below"] * np.log1p(np.exp(-x))
    return 1 / (1 + np.exp(-logit))


def held_out(folder):
    _, _, z, split, stack = folder
    pairs = np.concatenate([split["test"], split["test_neg"]])
    return (
        pairs,
        np.repeat([1, 0], [len(split["test"]), len(split["test_neg"])]),
        probability(z, stack, pairs),
    )


def hits(truth, scores, k):
    return np.mean([np.sum(scores[truth == 0] >= one) < k for one in scores[truth == 1]])


def test_the_table_of_methods(app, folder):
    run, _, _, split, _ = folder
    pairs, truth, p = held_out(folder)
    at = app("reconstruction", run=run)
    assert not at.exception
    table = next(one.value for one in at.dataframe if "method" in one.value).set_index("method")
    seen = nx.Graph(split["train"].tolist())
    seen.add_nodes_from(range(240))
    adamic = np.array(
        [score for _, _, score in nx.adamic_adar_index(seen, [tuple(pair) for pair in pairs.tolist()])]
    )
    for name, scores in (("This model", p), ("Adamic-Adar", adamic)):
        assert table.loc[name, "roc_auc"] == pytest.approx(roc_auc_score(truth, scores), abs=1e-6)
        assert table.loc[name, "average_precision"] == pytest.approx(
            average_precision_score(truth, scores), abs=1e-6
        )
        assert table.loc[name, "hits_at_10"] == pytest.approx(hits(truth, scores, 10), abs=1e-6)
    assert any(
        f"in **{roc_auc_score(truth, p):.1%}** of cases" in one.value
        for one in (*at.warning, *at.info, *at.success)
    )


def test_the_threshold_and_the_calibration(app, folder):
    run, _, z, split, stack = folder
    _, truth, p = held_out(folder)
    at = app("reconstruction", run=run)
    assert not at.exception
    val = np.concatenate([split["val"], split["val_neg"]])
    val_truth = np.repeat([1, 0], [len(split["val"]), len(split["val_neg"])])
    q = probability(z, stack, val)
    f1 = {step / 100: f1_score(val_truth, q >= step / 100, zero_division=0) for step in range(101)}
    threshold = at.slider[0].value
    assert f1[round(threshold, 2)] == pytest.approx(max(f1.values()))
    called = p >= threshold
    shown = {metric.label: metric.value for metric in at.metric}
    assert shown["Precision"] == f"{precision_score(truth, called):.1%}"
    assert shown["Recall"] == f"{recall_score(truth, called):.1%}"
    assert shown["F1"] == f"{f1_score(truth, called):.1%}"
    assert shown["Accuracy"] == f"{np.mean(called == truth):.1%}"
    tenth = np.minimum((p * 10).astype(int), 9)
    error = sum(abs(np.sum(truth[tenth == i]) - np.sum(p[tenth == i])) for i in range(10)) / len(p)
    (said,) = [text.value for text in at.markdown if "Calibration" in text.value]
    assert float(re.search(r"error ([0-9.]+)", said)[1]) == pytest.approx(error, abs=6e-4)


def test_what_the_first_ranks_are_worth_and_the_probabilities_beside_them(app, folder):
    run, graph, z, split, stack = folder
    at = app("reconstruction", run=run)
    assert not at.exception
    i, j = np.triu_indices(240, 1)
    known = {tuple(sorted(pair)) for name in ("train", "val") for pair in split[name].tolist()}
    free = np.array([pair for pair in zip(i.tolist(), j.tolist(), strict=True) if pair not in known])
    test = {tuple(sorted(pair)) for pair in split["test"].tolist()}
    order = free[np.argsort(-probability(z, stack, free), kind="stable")]
    found = np.array([tuple(pair) in test for pair in order.tolist()])
    (said,) = [text.value for text in at.markdown if "How sure?" in text.value]
    for n in (10, 50, 200, 1000):
        assert f"**{found[:n].mean():.0%}** of the first {n:,}" in said
    table = next(one.value for one in at.dataframe if {"source", "target"} <= set(one.value))
    ends = table[["source", "target"]].map(lambda name: int(name.split()[1])).to_numpy()
    p = probability(z, stack, ends)
    most = (len(split["val"]) + 1) / (len(split["val"]) + 2)
    np.testing.assert_allclose(table["probability"], np.clip(p, 1 - most, most), rtol=1e-4)
    share = graph.adjacency.nnz / 2 / (240 * 239 / 2)
    bounded = np.clip(p, 1 - most, most)
    bayes = bounded * share / (bounded * share + (1 - bounded) * (1 - share))
    np.testing.assert_allclose(table["probability_at_density"], bayes, rtol=1e-4)
    assert (np.diff(table["expected_precision"].dropna()) <= 1e-12).all()
    assert table["probability"].max() < 1


def test_the_tiles_of_the_train_page(app, folder):
    run = folder[0]
    _, truth, p = held_out(folder)
    at = app("train", workspace=WORKSPACE, run=run)
    assert not at.exception
    shown = {metric.label: metric.value for metric in at.metric}
    assert shown["Test AUC"] == f"{roc_auc_score(truth, p):.3f}"
    assert shown["Test average precision"] == f"{average_precision_score(truth, p):.3f}"
