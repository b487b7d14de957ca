"""Metrics against scikit-learn, naive loops and hand-made cases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from vgae_core.analysis import metrics, threshold_curves
from vgae_core.errors import DataError, RunError

SCORES = st.lists(st.integers(-6, 6).map(float), min_size=1, max_size=40)  # few values: many ties


@settings(max_examples=200, deadline=None)
@given(pos=SCORES, neg=SCORES)
def test_fast_auc_ap_equals_scikit_learn_with_ties(pos, neg):
    y = np.r_[np.ones(len(pos)), np.zeros(len(neg))]
    auc, ap = metrics.fast_auc_ap(np.array(pos), np.array(neg))
    assert auc == pytest.approx(sk.roc_auc_score(y, pos + neg), abs=1e-12)
    assert ap == pytest.approx(sk.average_precision_score(y, pos + neg), abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(pos=SCORES, neg=SCORES)
def test_auc_is_the_share_of_ordered_pairs(pos, neg):
    wins = sum((p > q) + 0.5 * (p == q) for p in pos for q in neg)
    auc, _ = metrics.fast_auc_ap(np.array(pos, np.float32), np.array(neg, np.float32))
    assert auc == pytest.approx(wins / (len(pos) * len(neg)), abs=1e-12)


def test_link_metrics_by_hand():
    y = np.r_[np.ones(3), np.zeros(20)]
    scores = np.r_[100.0, 15.5, 8.5, np.arange(20)]  # 10th best non-edge scores 10
    result = metrics.link_metrics(y, scores)
    assert result["roc_auc"] == pytest.approx((20 + 16 + 9) / 60)
    assert result["average_precision"] == pytest.approx((1 / 1 + 2 / 6 + 3 / 14) / 3)
    assert result["hits_at_10"] == pytest.approx(2 / 3)
    assert result["hits_at_50"] == 1.0
    assert set(result) == set(metrics.LINK_METRICS)


def test_hits_equal_a_naive_loop():
    rng = np.random.default_rng(0)
    y = rng.random(400) < 0.5
    scores = np.round(rng.normal(size=400) + y, 1)
    result = metrics.link_metrics(y, scores)
    for k in (10, 50, 100):
        bar = sorted(scores[~y], reverse=True)[k - 1]
        assert result[f"hits_at_{k}"] == pytest.approx(np.mean([s > bar for s in scores[y]]))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8), st.integers(1, 30))
def test_hard_metrics_equal_naive_loops(seed, edges, each):
    rng = np.random.default_rng(seed)
    positive = rng.integers(0, 6, edges).astype(np.float32)  # few values: many ties
    negative = rng.integers(0, 6, (edges, each)).astype(np.float32)
    ranks = [
        1 + sum(1.0 if q > p else 0.5 if q == p else 0.0 for q in row)
        for p, row in zip(positive, negative, strict=True)
    ]
    found = metrics.hard_metrics(positive, negative)
    assert set(found) == set(metrics.HARD_METRICS)
    assert found["hard_mrr"] == pytest.approx(np.mean([1 / rank for rank in ranks]))
    assert found["hard_hits_at_10"] == pytest.approx(np.mean([rank <= 10 for rank in ranks]))
    areas = [sk.roc_auc_score([1] + [0] * each, [p, *row]) for p, row in zip(positive, negative, strict=True)]
    assert found["hard_auc"] == pytest.approx(np.mean(areas))


def test_hard_metrics_refuse_what_they_cannot_compare():
    with pytest.raises(DataError, match=r"\(3,\) and \(2, 5\)"):
        metrics.hard_metrics(np.zeros(3), np.zeros((2, 5)))
    with pytest.raises(RunError, match="not finite"):
        metrics.hard_metrics(np.array([np.nan]), np.zeros((1, 5)))


def test_curves_are_thin_keep_their_ends_and_their_area():
    rng = np.random.default_rng(0)
    y = rng.random(50_000) < 0.5
    scores = rng.normal(size=50_000) + 1.5 * y
    roc = threshold_curves.roc(y, scores)
    assert len(roc.thresholds) <= 1000
    assert (roc.false_positive_rate[0], roc.true_positive_rate[0]) == (0, 0)
    assert (roc.false_positive_rate[-1], roc.true_positive_rate[-1]) == (1, 1)
    assert sk.auc(roc[0], roc[1]) == pytest.approx(sk.roc_auc_score(y, scores), abs=1e-4)
    pr = threshold_curves.precision_recall(y, scores)
    assert len(pr.thresholds) == len(pr.precision) == len(pr.recall) <= 1000
    assert pr.recall[0] == 1
    assert pr.recall[-1] == 0
    assert sk.auc(pr.recall, pr.precision) == pytest.approx(sk.average_precision_score(y, scores), abs=1e-3)


def test_short_curves_are_scikit_learns():
    y, scores = np.array([0, 1, 1, 0, 1]), np.array([0.1, 0.4, 0.35, 0.8, 0.9])
    for ours, theirs in zip(threshold_curves.roc(y, scores), sk.roc_curve(y, scores), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    precision, recall, _ = sk.precision_recall_curve(y, scores)
    ours = threshold_curves.precision_recall(y, scores)
    np.testing.assert_array_equal(ours.precision, precision)
    np.testing.assert_array_equal(ours.recall, recall)


@settings(max_examples=60, deadline=None)
@given(
    y=st.lists(st.booleans(), min_size=1, max_size=30),
    seed=st.integers(0, 99),
    threshold=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]),
)
def test_confusion_equals_scikit_learn(y, seed, threshold):
    p = np.random.default_rng(seed).integers(0, 5, len(y)) / 4
    called = p >= threshold
    c = threshold_curves.confusion(np.array(y), p, threshold)
    tn, fp, fn, tp = sk.confusion_matrix(y, called, labels=[False, True]).ravel()
    assert tuple(c) == (tp, fp, tn, fn)
    assert c.precision == pytest.approx(sk.precision_score(y, called, zero_division=0))
    assert c.recall == pytest.approx(sk.recall_score(y, called, zero_division=0))
    assert c.f1 == pytest.approx(sk.f1_score(y, called, zero_division=0))
    assert c.accuracy == pytest.approx(sk.accuracy_score(y, called))
    assert c.false_positive_rate == pytest.approx(fp / (fp + tn) if fp + tn else 0)


def test_calibration_equals_scikit_learn():
    rng = np.random.default_rng(0)
    p = rng.random(2000)
    y = rng.random(2000) < p**2
    ours = threshold_curves.calibration(y, p, bins=10)
    positive, predicted = calibration_curve(y, p, n_bins=10)
    np.testing.assert_allclose(ours.fraction_positive, positive)
    np.testing.assert_allclose(ours.mean_predicted, predicted)
    assert ours.counts.sum() == 2000
    assert ours.expected_error == pytest.approx(np.average(np.abs(positive - predicted), weights=ours.counts))


def test_calibration_leaves_out_empty_bins_and_takes_one():
    ours = threshold_curves.calibration(np.array([True, False]), np.array([1.0, 0.05]), bins=10)
    np.testing.assert_allclose(ours.mean_predicted, [0.05, 1.0])
    with pytest.raises(DataError, match="between 0 and 1"):
        threshold_curves.calibration(np.array([True]), np.array([1.5]))


@pytest.mark.parametrize(
    "function", [metrics.link_metrics, threshold_curves.roc, threshold_curves.precision_recall]
)
def test_unusable_scores_are_refused(function):
    with pytest.raises(RunError, match="1 of 2 scores are not finite"):
        function(np.array([1, 0]), np.array([np.nan, 0.0]))
    with pytest.raises(DataError, match="edges and non-edges"):
        function(np.array([1, 1]), np.array([1.0, 0.0]))
    with pytest.raises(DataError, match="one score per pair"):
        function(np.array([1, 0, 1]), np.array([1.0, 0.0]))
    with pytest.raises(DataError, match="edges and non-edges"):
        metrics.fast_auc_ap(np.array([]), np.array([1.0]))
    with pytest.raises(RunError, match="not finite"):
        metrics.fast_auc_ap(np.array([np.inf]), np.array([1.0]))
