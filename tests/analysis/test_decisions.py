"""Thresholds and histograms of held-out pairs against scikit-learn and counts."""

import numpy as np
import pytest
from sklearn.metrics import (
    confusion_matrix,
    f1_score,
    precision_score,
    recall_score,
)

from vgae_core.analysis import decisions


def test_threshold_table_against_scikit_learn():
    rng = np.random.default_rng(0)
    y = rng.random(200) < 0.4
    p = np.round(np.clip(rng.normal(0.3 + 0.3 * y, 0.2), 0, 1), 2)  # ties with the thresholds themselves
    table = decisions.threshold_table(y, p, steps=11)
    assert table["threshold"].tolist() == pytest.approx(np.linspace(0, 1, 11))
    for row in table.itertuples():
        called = p >= row.threshold
        tn, fp, fn, tp = confusion_matrix(y, called, labels=[False, True]).ravel()
        assert (row.tn, row.fp, row.fn, row.tp) == (tn, fp, fn, tp)
        assert row.precision == pytest.approx(precision_score(y, called, zero_division=0))
        assert row.recall == pytest.approx(recall_score(y, called))
        assert row.f1 == pytest.approx(f1_score(y, called, zero_division=0))
        assert row.accuracy == pytest.approx((called == y).mean())
    best = decisions.best_threshold(table)
    assert table.set_index("threshold")["f1"][best] == table["f1"].max()


def test_score_histogram_counts_every_pair_once():
    y = np.array([1, 1, 0, 0, 0])
    table = decisions.score_histogram(y, np.array([1.0, 0.26, 0.0, 0.24, 0.25]), bins=4)
    assert table["edges"].tolist() == [0, 1, 0, 1]
    assert table["non_edges"].tolist() == [2, 1, 0, 0]
    assert table["high"].tolist() == [0.25, 0.5, 0.75, 1.0]


def test_scores_that_are_no_probabilities_are_spread_over_their_own_range():
    rng = np.random.default_rng(0)
    y, scores = rng.random(200) < 0.4, rng.normal(3, 10, 200)
    got = decisions.spread(y, scores, bins=7)
    ends = np.linspace(scores.min(), scores.max(), 8)
    np.testing.assert_allclose(got["low"], ends[:-1])
    assert got["edges"].tolist() == np.histogram(scores[y], bins=ends)[0].tolist()
    assert got["non_edges"].sum() == np.count_nonzero(~y)
    flat = decisions.spread(y, np.ones(200), bins=4)
    assert flat["edges"].sum() == np.count_nonzero(y)
