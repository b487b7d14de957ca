"""Runs beside each other."""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from tests.pages.finished_runs import make_graph, make_result
from tests.pages.matrix_runs import make_matrix
from tests.pages.matrix_runs import make_result as make_matrix_result
from vgae_core.analysis.paired import paired_differences
from vgae_core.data.link_splits import split_links
from vgae_core.runs.views import compare, paired_runs, score_rows, setting_rows
from vgae_core.settings import RunSpec, SplitSpec
from vgae_core.settings.fields import settings_of


@pytest.fixture(scope="module")
def graph():
    return make_graph(150)


@pytest.fixture(scope="module")
def result(graph):
    return make_result(graph)


def test_only_settings_that_differ_and_count_are_told_apart():
    first = RunSpec()
    second = first.replace("model.latent_dim", 8).replace("outputs.adj_rec.loss", "focal(gamma=3.0)")
    rows = {(row.section, row.title): row for row in setting_rows.settings_rows([first, second])}
    differing = {key for key, row in rows.items() if row.differs}
    assert differing == {("Model", "Latent size"), ("Outputs", "Adjacency reconstruction: loss")}
    assert rows["Model", "Latent size"].values == ("64", "8")
    assert rows["Outputs", "Adjacency reconstruction: loss"].values == (
        "binary_crossentropy",
        "focal(gamma=3.0)",
    )
    # Values read as on the Model page: shares in percent, 0 and choices in words.
    assert rows["Split", "Test edges"].values == ("10 %", "10 %")
    assert rows["Training", "Propagation"].values == ("Every step", "Every step")
    (batch,) = [s for s in settings_of(RunSpec) if s.key == "training.batch_size"]
    assert rows["Training", batch.title].values[0] == batch.zero != ""
    # What another setting leaves without effect is no difference: a linear encoder has no hidden units.
    linear = RunSpec().replace("model.encoder", "linear")
    other = linear.replace("model.hidden_units", [7])
    assert "model.hidden_units" in linear.unused()
    assert not any(row.differs for row in setting_rows.settings_rows([linear, other]))


def test_runs_that_differ_in_the_seed_alone_are_one_group():
    spec = RunSpec()
    runs = [
        ("a", spec),
        ("a", spec.replace("seed", 5)),
        ("b", spec),
        ("a", spec.replace("model.latent_dim", 8)),
    ]
    assert setting_rows.seed_groups(runs) == [[0, 1], [2], [3]]
    assert score_rows.mean_and_sd([1.0, None, 3.0]) == pytest.approx((2.0, math.sqrt(2)))
    assert score_rows.mean_and_sd([None]) is None
    mean, sd = score_rows.mean_and_sd([0.5])
    assert mean == 0.5
    assert math.isnan(sd)


def test_scores_stand_in_rows_and_the_best_is_told():
    first = {"test": {"roc_auc": 0.8, "recall_at_20": 0.1}, "features": {"mean_error": 2.0}, "baselines": 7}
    second = {
        "test": {"roc_auc": 0.9},
        "labels": {"accuracy": 0.5, "n_test": 4},
        "features": {"mean_error": 1.0},
        "baselines": {"a": {"roc_auc": 0.7}, "b": {"roc_auc": 0.6, "average_precision": math.nan}},
    }
    rows = {(row.part, row.title): row for row in score_rows.score_rows([first, second, {}])}
    assert rows["Test", "AUC"].values == (0.8, 0.9, None)
    assert rows["Test", "AUC"].leaders() == {1}
    assert rows["Test", "Recall@20"].leaders() == set()
    assert rows["Features", "Mean loss per value"].leaders() == {1}
    assert rows["Labels", "Labelled test nodes"].leaders() == set()
    assert rows["Best baseline", "AUC"].values == (None, 0.7, None)
    assert ("Best baseline", "AP") not in rows


# ----------------------------------------------------------------------------- paired
def test_the_bootstrap_is_that_of_a_case_made_by_hand():
    """One edge and one non-edge, always drawn: every sample, and so the interval, is the difference itself."""
    truth = np.array([True, False])
    found = paired_differences(truth, np.array([0.0, 1.0]), np.array([1.0, 0.0]))["roc_auc"]
    assert (found.first, found.second, found.low, found.high) == (0.0, 1.0, 1.0, 1.0)
    assert not found.may_be_chance


def test_the_interval_covers_what_all_samples_of_a_small_case_give():
    """Two edges and one non-edge: the four equally likely samples of the edges give the exact quantiles."""
    truth = np.array([True, True, False])
    first, second = np.array([1.0, -1.0, 0.0]), np.array([1.0, 2.0, 0.0])
    # The AUC of the first is 1, 1/2, 1/2 or 0, that of the second always 1: differences 0, 1/2, 1/2 and 1.
    found = paired_differences(truth, first, second)["roc_auc"]
    assert found.difference == 0.5
    assert (found.low, found.high) == (0.0, 1.0)
    assert found.may_be_chance


def test_the_scores_of_both_runs_are_scikit_learn_s_on_the_same_pairs(graph):
    good, bad = make_result(graph), make_result(graph, quality=0.0)
    found = paired_runs.paired((bad, graph), (good, graph))
    truth = np.arange(found.n_edges + found.n_others) < found.n_edges
    auc = found.scores["roc_auc"]
    assert auc.first == pytest.approx(roc_auc_score(truth, bad.scores["model"]))
    assert auc.second == pytest.approx(roc_auc_score(truth, good.scores["model"]))
    assert auc.low > 0
    assert found.caution == ""
    assert paired_runs.verdict(found).startswith("finds more: AUC +")
    same = paired_runs.paired((good, graph), (good, graph))
    assert paired_runs.verdict(same) == "within noise: AUC 0.000 (0.000 to 0.000), AP 0.000 (0.000 to 0.000)"


def on_another_split(result, graph, seed, share=0.1):
    split = split_links(graph, SplitSpec(test_fraction=share), seed)
    n = len(split.test) + len(split.test_neg)
    scores = {"model": np.random.default_rng(seed).normal(size=n).astype(np.float32)}
    return dataclasses.replace(result, split=split, scores=scores)


def test_different_splits_are_told_and_only_common_pairs_compared(graph):
    result = make_result(graph)
    other = on_another_split(result, graph, 5)
    found = paired_runs.paired((result, graph), (other, graph))
    common = {tuple(sorted(p)) for p in result.split.test.tolist()} & {
        tuple(sorted(p)) for p in other.split.test.tolist()
    }
    assert found.n_edges == len(common)
    assert f"{len(common):,} of {len(result.split.test):,} test edges" in found.caution
    assert found.retrain
    assert bool(found.scores) == (
        len(common) >= paired_runs.LEAST_TESTED and found.n_others >= paired_runs.LEAST_TESTED
    )


@given(seed=st.integers(0, 1000), share=st.sampled_from([0.1, 0.3]), same_split=st.booleans())
@settings(max_examples=6)
def test_whichever_run_comes_first_the_comparison_is_the_same(graph, result, seed, share, same_split):
    other = on_another_split(result, graph, seed, share)
    if same_split:
        other = dataclasses.replace(
            other, split=result.split, scores={"model": -result.scores["degree_product"]}
        )
    one, two = (
        paired_runs.paired((result, graph), (other, graph)),
        paired_runs.paired((other, graph), (result, graph)),
    )
    assert (one.n_edges, one.n_others, one.caution, one.retrain) == (
        two.n_edges,
        two.n_others,
        two.caution,
        two.retrain,
    )
    assert one.scores.keys() == two.scores.keys()
    for key, here in one.scores.items():
        there = two.scores[key]
        assert (here.first, here.second) == (there.second, there.first)
        assert (here.low, here.high) == pytest.approx((-there.high, -there.low))
    swapped = str.maketrans("+−", "−+")
    for word, opposite in (("finds more", "finds less"), ("finds less", "finds more")):
        if paired_runs.verdict(one).startswith(word):
            assert paired_runs.verdict(two).startswith(opposite)
    signs = re.compile(r"[+−]0\.\d{3}(?= \()")
    assert sorted(signs.findall(paired_runs.verdict(one))) == sorted(
        sign.translate(swapped) for sign in signs.findall(paired_runs.verdict(two))
    )


def test_a_split_in_another_order_is_the_same(graph):
    result = make_result(graph)
    split = dataclasses.replace(result.split, test=result.split.test[::-1])
    n = len(split.test)
    scores = {"model": np.concatenate([result.scores["model"][:n][::-1], result.scores["model"][n:]])}
    other = dataclasses.replace(result, split=split, scores=scores)
    found = paired_runs.paired((result, graph), (other, graph))
    assert not found.caution
    assert found.scores["roc_auc"].difference == 0
    assert (found.scores["roc_auc"].low, found.scores["roc_auc"].high) == (0, 0)


def test_other_data_are_not_compared(graph):
    elsewhere = make_graph(150, seed=1)
    found = paired_runs.paired((make_result(graph), graph), (make_result(elsewhere), elsewhere))
    assert not found.scores
    assert "other data" in found.caution
    assert paired_runs.verdict(found) == ""
    matrix = make_matrix()
    found = paired_runs.paired((make_result(graph), graph), (make_matrix_result(matrix), matrix))
    assert "entries of a matrix" in found.caution


def test_entries_of_a_matrix_are_pairs_of_row_and_column():
    matrix = make_matrix()
    result = make_matrix_result(matrix)
    found = paired_runs.paired((result, matrix), (result, matrix))
    assert (found.n_edges, found.n_others) == (len(result.split.test), len(result.split.test_neg))
    assert not found.caution


# ------------------------------------------------------------------------------- maps
def test_nodes_that_moved_most_come_first():
    z = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    other = (z[:, ::-1] * 3 - 2).copy()  # mirrored, stretched and moved: the same
    assert compare.moved(z, other).distance.max() < 1e-5
    other[7] += 20
    found = compare.moved(z, other)
    assert found.farthest()[0] == 7
    assert len(found.farthest()) == compare.MOVED


def test_links_only_one_proposes():
    first, second = np.array([[0, 1], [2, 3], [4, 5]]), np.array([[1, 0], [5, 4]])
    assert compare.only_in(first, second, 6, directed=False).tolist() == [False, True, False]
    assert compare.only_in(first, second, 6, directed=True).tolist() == [True, True, True]


def test_a_trial_of_a_sweep_has_no_test_scores():
    scores = {"roc_auc": 0.9, "average_precision": 0.8}
    run = {"test": scores, "val": scores, "baselines": {"degree_product": scores}}
    rows = {
        (row.part, row.title): row.values
        for row in score_rows.score_rows([{**run, "scored_on": "validation"}, run])
    }
    assert rows["Test", "AUC"] == (None, 0.9)
    assert rows["Validation", "AUC"] == (0.9, 0.9)
    assert rows["Best baseline", "AUC"] == (None, 0.9)


def test_scores_on_other_pairs_or_other_data_have_no_best(graph):
    first, again = make_result(graph), make_result(graph)
    assert paired_runs.why_not_ranked([(graph, first), (graph, again)]) == ""
    elsewhere = dataclasses.replace(first, split=split_links(graph, SplitSpec(), 99))
    assert "held-out pairs" in paired_runs.why_not_ranked([(graph, first), (graph, elsewhere)])
    other = make_graph(120)
    assert "data" in paired_runs.why_not_ranked([(graph, first), (other, make_result(other))])
