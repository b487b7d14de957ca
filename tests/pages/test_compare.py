"""The Compare page on a temporary store."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.pages import matrix_runs
from tests.pages.finished_runs import WORKSPACE, make_graph, make_result
from tests.pages.test_train import button, texts, titles
from vgae_core.data.link_splits import split_links
from vgae_core.runs.views import compare
from vgae_core.settings import SplitSpec
from vgae_core.training.events import EpochEnd

STRANGER = "another-visitor-s-token-0123456789-0123"


def keep(store, graph, result, *, workspace=WORKSPACE):
    """Keep a run with a few epochs."""
    run = store.create_run(result.spec, graph, workspace)
    for epoch in range(1, 8):
        run.append_event(
            EpochEnd(
                epoch=epoch,
                logs={"loss": 1.0 / epoch, "adj_rec_loss": 0.5 / epoch, "z_vars_loss": 0.1},
                val={"roc_auc": 0.5 + epoch / 20},
                seconds=0.1,
                best=True,
            )
        )
    run.save_result(result)
    run.append_event(result.finished)
    return run


def variants(graph, count):
    """Results that differ in codes, seed and latent size."""
    for i in range(count):
        result = make_result(graph, quality=1.0 - i / count)
        spec = result.spec.replace("seed", i).replace("model.latent_dim", 8 if i % 2 else 16)
        yield dataclasses.replace(result, spec=spec)


@pytest.fixture(scope="module")
def graph():
    return make_graph(120)


def address(runs):
    return ",".join(run.id for run in runs)


@pytest.mark.parametrize("count", [2, 10])
def test_runs_are_compared(app, studio_store, graph, count):
    runs = [keep(studio_store, graph, result) for result in variants(graph, count)]
    at = app("compare", workspace=WORKSPACE, runs=address(runs))
    assert not at.exception
    assert not at.error
    differing = at.dataframe[0].value
    assert list(differing["Setting"]) == ["Latent size", "Seed"]
    assert differing.shape[1] == 2 + count
    scores = at.dataframe[1].value
    row = scores[(scores["Part"] == "Test") & (scores["Score"] == "AUC")].iloc[0, 2:]
    assert [float(text) for text in row] == [
        pytest.approx(run.metrics()["test"]["roc_auc"], abs=5e-4) for run in runs
    ]
    said = texts(at).replace("\\", "")
    assert "finds less: AUC −" in said
    assert "Axes are the principal components of run 1" in said


def test_all_settings_and_folded_seeds_on_request(app, studio_store, graph):
    results = list(variants(graph, 3))
    runs = [keep(studio_store, graph, result) for result in results]
    at = app("compare", workspace=WORKSPACE, runs=address(runs))
    before = len(at.dataframe[0].value)
    next(one for one in at.toggle if one.key == "all_settings").set_value(True).run()
    assert len(at.dataframe[0].value) > before + 10
    next(one for one in at.toggle if one.key == "fold_seeds").set_value(True).run()
    assert not at.exception
    scores = at.dataframe[1].value
    assert scores.shape[1] == 4  # part, score, two folded seeds, one alone
    folded = scores[(scores["Part"] == "Test") & (scores["Score"] == "AUC")].iloc[0, 2]
    values = [results[i].metrics["test"]["roc_auc"] for i in (0, 2)]
    assert folded == f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f} (2)"


def test_rows_of_matrices_are_compared(app, studio_store):
    matrix = matrix_runs.make_matrix()
    result = matrix_runs.make_result(matrix)
    other = dataclasses.replace(
        result, spec=result.spec.replace("seed", 4), z_mean=result.z_mean[:, ::-1].copy()
    )
    runs = [keep(studio_store, matrix, one) for one in (result, other)]
    at = app("compare", workspace=WORKSPACE, runs=address(runs))
    assert not at.exception
    assert not at.error
    assert "within noise" in texts(at)
    assert "Missing entries that only one of them proposes" in texts(at)


def test_another_visitor_opens_the_comparison_by_its_link(app, studio_store, graph):
    runs = [keep(studio_store, graph, result) for result in variants(graph, 2)]
    studio_store.annotate(runs[0].id, WORKSPACE, name="shared", note="private words", tags=["private tag"])
    at = app("compare", workspace=STRANGER, runs=address(runs))
    assert not at.exception
    assert "1. shared" in at.dataframe[0].value
    assert "private" not in texts(at)
    assert {info.id for info in studio_store.list_visited(STRANGER)} == {run.id for run in runs}
    assert studio_store.list_runs(STRANGER) == []


def test_different_splits_are_told_with_a_way_to_mend_it(app, studio_store, studio_engine, graph):
    first = make_result(graph)
    split = split_links(graph, SplitSpec(), 9)
    n = len(split.test) + len(split.test_neg)
    scores = {name: np.random.default_rng(0).normal(size=n).astype(np.float32) for name in first.scores}
    second = dataclasses.replace(first, split=split, scores=scores, spec=first.spec.replace("seed", 9))
    runs = [keep(studio_store, graph, result) for result in (first, second)]
    asked = []

    def submit(spec, data, workspace, *, newcomer, split):
        asked.append((spec, split))
        return keep(studio_store, data, dataclasses.replace(first, spec=spec)).id

    studio_engine.submit = submit
    at = app("compare", workspace=WORKSPACE, runs=address(runs))
    assert "hold out different edges" in texts(at)
    button(at, "retrain_2").click().run()
    at.run()
    assert not at.exception
    (spec, same) = asked[0]
    assert spec == second.spec
    assert np.array_equal(same.test, first.split.test)
    ids = at.query_params["runs"].split(",")
    assert ids[0] == runs[0].id
    assert ids[1] != runs[1].id
    assert "on the split of" in studio_store.info(ids[1]).title
    assert "hold out different edges" not in texts(at)


def test_other_data_are_told(app, studio_store, graph):
    elsewhere = make_graph(90, seed=3)
    runs = [keep(studio_store, one, make_result(one)) for one in (graph, elsewhere)]
    at = app("compare", workspace=WORKSPACE, runs=address(runs))
    assert not at.exception
    assert "Trained on other data" in texts(at)
    assert "cannot be aligned" in texts(at)


def test_hostile_addresses_are_refused_in_words(app, studio_store, graph):
    run = keep(studio_store, graph, make_result(graph))
    nasty = f"{run.id},../../etc/passwd,<script>,{'x' * 5000},{run.id}"
    at = app("compare", workspace=WORKSPACE, runs=nasty)
    assert not at.exception
    assert titles(at).count("No such run\\.") == 3 or len(at.error) == 3
    many = ",".join(f"run-that-never-was-{i:03}" for i in range(500))
    at = app("compare", workspace=WORKSPACE, runs=many)
    assert len(at.error) <= compare.MOST_RUNS


def test_without_runs_the_way_to_train_is_shown(app):
    at = app("compare")
    assert not at.exception
    assert button(at, "go_train").label == "Train a model"
