"""Runs that learn the weights of edges: targets, predictions, and probabilities made of them."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import sklearn.metrics
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.graphs import batches_of, communities, graph_from
from tests.runs.execution.test_pipeline import run, spec_for
from tests.runs.exports.test_script import assert_same, run_both
from vgae_core.analysis.calibration import CALIBRATION, calibrated
from vgae_core.analysis.stacking import joins
from vgae_core.cli import main
from vgae_core.data.link_splits import split_links
from vgae_core.errors import RunError, SpecError
from vgae_core.nn.models import build
from vgae_core.nn.objectives import compile_arguments
from vgae_core.runs.store.folder import read_run_dir, write_run_dir
from vgae_core.settings.resolved_outputs import resolve
from vgae_core.training.events import EpochEnd

LOSSES = ("weight_poisson", "weight_squared_error")


def weighted(seed=0, directed=False):
    """Return communities whose edges weigh more the higher the number of their group, with some noise."""
    plain, rng = communities(n=160, groups=4), np.random.default_rng(seed)
    dense = plain.adjacency.toarray()
    heavy = 10.0 * (1 + plain.labels[:, None]) * (1 + plain.labels[None, :]) / 4
    values = np.triu(rng.poisson(heavy) + 1, 1)
    values = dense * (values + values.T)
    if directed:
        values[np.tril_indices_from(values)] *= rng.random(len(np.tril_indices_from(values)[0])) < 0.5
    return graph_from(values, plain.features, plain.labels, directed=directed, name="weighted")


def asked(graph, loss, **changes):
    changes = {"outputs__adj_rec__metrics": ["mean_squared_error"], **changes}
    return spec_for(graph, outputs__adj_rec__loss=loss, **changes)


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"training__batch_size": 60},
        {"training__masked_edges": 0.5, "training__batch_size": 60},
        {"training__propagation": "once", "training__batch_size": 60},
    ],
)
def test_targets_are_the_weights_of_the_edges_in_units_of_their_mean(directed, changes):
    graph = weighted(directed=directed)
    spec = asked(graph, "weight_poisson", **changes)
    split = split_links(graph, spec.split, 0)
    dense = graph.adjacency.toarray()
    mean = dense[tuple(split.train.T)].mean()
    once = spec.training.propagation == "once"
    batches = batches_of(graph, split, spec)
    seen = 0
    for inputs, targets, _ in batches.dataset.take(batches.steps_per_epoch):
        pairs, truth = inputs["pairs"].numpy(), targets["adj_rec"].numpy()[:, 0]
        edges = len(pairs) // 2
        assert not truth[edges:].any()
        if not once:  # whose pairs are numbered anew in each batch
            np.testing.assert_allclose(truth[:edges], dense[tuple(pairs[:edges].T)] / mean, rtol=1e-6)
        seen += truth[:edges].sum(dtype=np.float64)
    assert seen == pytest.approx(len(split.train), rel=1e-5)


def test_other_losses_learn_that_there_is_an_edge():
    graph = weighted()
    spec = asked(graph, "mean_squared_error")
    batches = batches_of(graph, split_links(graph, spec.split, 0), spec)
    _, targets, _ = next(iter(batches.dataset))
    assert set(np.unique(targets["adj_rec"])) == {0.0, 1.0}


@pytest.mark.parametrize("loss", LOSSES)
def test_heavier_edges_are_told_from_lighter_ones(loss):
    graph = weighted()
    result, events = run(
        graph, asked(graph, loss, training__epochs=300, model__decoder="inner_product_bias", stacking=False)
    )
    test = result.split.test
    truth = graph.adjacency.toarray()[tuple(test.T)]
    predicted = dataclasses.replace(result, whole=None).weights(test)  # scores are of training edges' codes
    told = result.metrics["weights"]
    assert told["model"]["spearman"] == pytest.approx(stats.spearmanr(truth, predicted).statistic)
    assert told["model"]["mean_absolute_error"] == pytest.approx(np.abs(truth - predicted).mean())
    assert told["model"]["root_mean_squared_error"] == pytest.approx(
        np.sqrt(np.mean((truth - predicted) ** 2))
    )
    assert told["model"]["spearman"] > 0.5
    assert told["mean_weight"]["spearman"] is None
    mean = graph.adjacency.toarray()[tuple(result.split.train.T)].mean()
    assert told["mean_weight"]["mean_absolute_error"] == pytest.approx(np.abs(truth - mean).mean())
    # The metric of an epoch is on the scale of the targets: the error of means is that of a poor answer at most.
    last = [event for event in events if isinstance(event, EpochEnd)][-1]
    assert 0 < last.logs["adj_rec_mean_squared_error"] < 2


def test_strengths_multiply_to_weights_of_the_right_mean():
    graph = weighted(directed=True)
    result, _ = run(graph, asked(graph, "weight_poisson"))
    dense = result.split.message(graph.n_nodes, graph).toarray()
    product = np.outer(dense.sum(1), dense.sum(0))
    train, test = (tuple(part.T) for part in (result.split.train, result.split.test))
    expected = product[test] * dense[train].mean() / product[train].mean()
    truth = graph.adjacency.toarray()[test]
    told = result.metrics["weights"]["strength_product"]
    assert told["mean_absolute_error"] == pytest.approx(np.abs(truth - expected).mean(), rel=1e-5)


@pytest.mark.parametrize("val", [0.2, 0.0])
def test_scores_become_logits_by_a_regression_on_them_alone(val):
    graph = weighted()
    result, _ = run(
        graph, asked(graph, "weight_poisson", stacking=False, split__val_fraction=val, training__epochs=60)
    )
    assert set(result.stack) == {"offset", "network", *CALIBRATION}
    assert not joins(result.stack)
    assert "network" not in result.metrics
    own = result.network()(np.concatenate([result.split.test, result.split.test_neg])).astype(np.float64)
    regression = result.stack["offset"] + result.stack["network"] * own
    np.testing.assert_allclose(
        result.scores["model"], calibrated(regression, result.stack), rtol=1e-4, atol=1e-4
    )
    if val:
        split = result.split
        pairs = np.concatenate([split.val, split.val_neg])
        truth = np.repeat([1, 0], [len(split.val), len(split.val_neg)])
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(
            result.network()(pairs)[:, None], truth
        )
        np.testing.assert_allclose(regression, model.decision_function(own[:, None]), rtol=1e-3, atol=1e-3)
    # Calibrated: as many are called edges as there are, among as many non-edges.
    assert (1 / (1 + np.exp(-result.scores["model"]))).mean() == pytest.approx(0.5, abs=0.1)
    truth = np.repeat([1, 0], [len(result.split.test), len(result.split.test_neg)])
    assert result.metrics["test"]["roc_auc"] == pytest.approx(sklearn.metrics.roc_auc_score(truth, own))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("metric", ["accuracy", "precision", "crossentropy", "= abs(y_true - probability)"])
def test_metrics_of_probabilities_are_refused(loss, metric):
    graph = weighted()
    spec = asked(graph, loss, outputs__adj_rec__metrics=[])
    if metric.startswith("="):
        from vgae_core.catalogue.identifiers import identify

        metric = identify("metric", metric)
    spec = spec.replace("outputs.adj_rec.metrics", [metric])
    with pytest.raises(SpecError, match=r"the head gives (weights|values)") as caught:
        compile_arguments(resolve(spec, graph.profile))
    assert "are not accepted" not in str(caught.value)  # said once, not as a complaint of Keras too


def test_all_pairs_are_not_scored_by_weights():
    graph = weighted()
    with pytest.raises(SpecError, match="needs cross-entropy"):
        build(asked(graph, "weight_poisson", training__supervision="all"), graph.profile)


def test_a_folder_brings_the_expected_weights_back_and_refuses_a_false_unit(tmp_path):
    graph = weighted()
    spec = asked(graph, "weight_poisson")
    result, events = run(graph, spec)
    folder = tmp_path / "run"
    back = write_run_dir(folder, spec, graph, result, events).result()
    np.testing.assert_allclose(back.weights(result.split.test), result.weights(result.split.test))
    for key, value in (("weight_unit", "much"), ("weight_unit", True), ("scale", "ounces")):
        model = json.loads((folder / "model.json").read_text())
        (folder / "model.json").write_text(json.dumps({**model, key: value}))
        with pytest.raises(RunError, match=f"`{key}` must"):
            read_run_dir(folder).result()
        (folder / "model.json").write_text(json.dumps(model))


def test_the_command_line_prints_the_weights(tmp_path, capsys):
    graph = weighted()
    edges = tmp_path / "edges.csv"
    low = np.argwhere(np.triu(graph.adjacency.toarray()))
    rows = [f"{i},{j},{graph.adjacency[i, j]:g}" for i, j in low]
    edges.write_text("\n".join(["source,target,weight", *rows]))
    out = tmp_path / "run"
    settings = ["outputs.adj_rec.loss=weight_poisson", "outputs.adj_rec.metrics=[]", "training.epochs=2"]
    extra = [part for setting in settings for part in ("--set", setting)]
    assert main(["train", str(edges), *extra, "--out", str(out)]) == 0
    assert "weights of held-out edges" in capsys.readouterr().out
    links = tmp_path / "links.csv"
    assert main(["export", str(out), "--what", "links", "--to", str(links)]) == 0
    assert "expected_weight" in links.read_text().partition("\n")[0]


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "batch_size"), [("weight_poisson", 60), ("weight_squared_error", 0)])
def test_weights_are_learnt_the_same_as_a_script(loss, batch_size, tmp_path):
    graph = weighted()
    # As many validation edges as stacking needs, and the order of their weights has a say in the best epoch.
    spec = asked(graph, loss, training__epochs=8, training__batch_size=batch_size, split__val_fraction=0.1)
    assert_same(*run_both(spec, graph, tmp_path))
