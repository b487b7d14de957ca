"""Probabilities that hold: beta calibration, the share of edges, and precision by rank."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from vgae_core.analysis.calibration import (
    CALIBRATION,
    at_share,
    calibrated,
    chance_error,
    fit_calibration,
    precision_by_rank,
    steepness,
    vouched,
)
from vgae_core.analysis.stacking import fit_stack, joined
from vgae_core.analysis.threshold_curves import calibration

SLOPES = st.floats(0.01, 5.0)


def drawn(n=20_000, seed=0):
    """Logits, and truth drawn from probabilities that bend them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=3.0, size=n)
    p = expit(calibrated(logits, {"shift": -0.5, "above": 0.4, "below": 1.7}))
    return logits, (rng.random(n) < p).astype(int)


@given(st.floats(-3, 3), SLOPES, SLOPES, st.floats(-20, 20))
def test_a_calibrated_logit_is_that_of_the_beta_map_of_its_probability(shift, above, below, x):
    p = expit(x)
    expected = shift - above * np.log1p(-p) + below * np.log(p) if 0 < p < 1 else None
    found = calibrated(np.array([x]), {"shift": shift, "above": above, "below": below})[0]
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-5)


@given(st.floats(-3, 3), SLOPES, SLOPES)
def test_calibration_keeps_the_order_and_its_steepness_is_the_derivative(shift, above, below):
    values = {"shift": shift, "above": above, "below": below}
    x = np.linspace(-12, 12, 201)
    found = calibrated(x, values)
    assert (np.diff(found) > 0).all()
    step = 1e-5
    slope = (calibrated(x + step, values) - calibrated(x - step, values)) / (2 * step)
    np.testing.assert_allclose(steepness(x, values), slope, rtol=1e-4)


def test_no_calibration_changes_nothing():
    x = np.linspace(-50, 50, 11)
    for values in ({}, CALIBRATION):
        np.testing.assert_allclose(calibrated(x, values), x, atol=1e-12)
        np.testing.assert_allclose(steepness(x, values), 1.0)


def test_the_fit_is_a_logistic_regression_on_the_logs_of_both_probabilities():
    logits, truth = drawn()
    columns = np.column_stack([np.logaddexp(0, logits), -np.logaddexp(0, -logits)])
    model = LogisticRegression(C=1e6, tol=1e-10).fit(columns, truth)  # Kull et al. 2017, section 3.2
    found = fit_calibration(logits, truth)
    assert found["above"] == pytest.approx(model.coef_[0, 0], abs=0.01)
    assert found["below"] == pytest.approx(model.coef_[0, 1], abs=0.01)
    assert found["shift"] == pytest.approx(model.intercept_[0], abs=0.01)


def test_slopes_stay_positive_where_the_likelihood_would_turn_the_order():
    rng = np.random.default_rng(0)
    logits = np.abs(rng.normal(size=500))
    found = fit_calibration(logits, (rng.random(500) < expit(-2 * logits)).astype(int))
    assert min(found["above"], found["below"]) > 0


def test_a_network_too_sure_of_edges_alone_is_calibrated_on_new_pairs():
    (logits, truth), (new, new_truth) = drawn(2000), drawn(seed=1)
    stack = fit_stack(logits, {}, truth)
    bent = calibration(new_truth, expit(joined(new, {}, stack))).expected_error
    straight = calibration(new_truth, expit(stack["offset"] + stack["network"] * new)).expected_error
    assert bent < 0.03 < straight


def test_the_probability_at_another_share_of_edges_is_that_of_bayes():
    p, share = np.array([0.1, 0.5, 0.97]), 0.004
    expected = p * share / (p * share + (1 - p) * (1 - share))
    np.testing.assert_allclose(at_share(logit(p), share), expected, rtol=1e-12)
    np.testing.assert_allclose(at_share(logit(p), 0.5), p, rtol=1e-12)


def test_the_probability_at_the_true_share_holds_among_all_pairs():
    rng = np.random.default_rng(2)
    truth = rng.random(400_000) < 0.01
    scores = np.where(truth, rng.normal(2.0, 1.0, len(truth)), rng.normal(0.0, 1.0, len(truth)))
    p = at_share(2.0 * scores - 2.0, 0.01)  # log odds of two normals of the same spread
    assert calibration(truth, p).expected_error < 0.001


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_precision_falls_with_the_rank_and_is_measured_over_ten_ranks_at_least(hits):
    found = precision_by_rank(np.array(hits))
    assert (np.diff(found) <= 1e-12).all()
    assert found.min() >= 0
    ends = [10 * k for k in range(1, len(hits) // 10)] + [len(hits)]
    best = max(
        sum(hits[:end]) / end for end in ends
    )  # of pooled adjacent violators the first block is the best start
    size = np.count_nonzero(found == found[0])
    assert found[0] == pytest.approx(min(best, (size + 1) / (size + 2)))  # Laplace's rule of succession
    if found[0] < best:
        assert all(hits[:size])
    else:
        assert found.mean() == pytest.approx(np.mean(hits))


def test_no_more_is_said_than_pairs_vouch_for():
    found = vouched(np.array([-70.0, -1.0, 0.0, 2.0, 70.0]), 98)
    np.testing.assert_allclose(found, [-np.log(99), -1, 0, 2, np.log(99)])
    assert expit(found[-1]) == pytest.approx((98 + 1) / (98 + 2))  # Laplace: successes + 1 of trials + 2


def test_no_ranks_have_no_precision():
    assert len(precision_by_rank(np.zeros(0, bool))) == 0


@pytest.mark.parametrize(("n_validation", "n_test"), [(60, 120), (300, 600)])
def test_the_error_by_chance_is_that_of_models_calibrated_on_so_many_pairs(n_validation, n_test):
    errors, expected = [], []
    for seed in range(40):
        logits, truth = drawn(2 * (n_validation + n_test), seed)
        values = fit_calibration(logits[: 2 * n_validation], truth[: 2 * n_validation])
        p = expit(calibrated(logits[2 * n_validation :], values))
        errors.append(calibration(truth[2 * n_validation :], p).expected_error)
        expected.append(chance_error(p, n_validation))
    assert np.mean(expected) == pytest.approx(np.mean(errors), rel=0.15)
