"""The model against its baselines: who wins, and what may be chance."""

import numpy as np
import pytest
from sklearn.metrics import (
    roc_auc_score,
)

from vgae_core.analysis import verdict
from vgae_core.analysis.metrics import fast_auc_ap


def separated(n, shift, seed):
    y = np.arange(2 * n) < n
    return y, np.random.default_rng(seed).normal(size=2 * n) + shift * y


def test_compare_names_the_best_baseline_and_who_wins():
    y, strong = separated(2000, 3.0, 0)
    weak, weaker = separated(2000, 1.0, 1)[1], separated(2000, 0.5, 2)[1]
    found = verdict.compare(y, {"model": strong, "a": weaker, "b": weak})
    assert (found.outcome, found.name) == ("wins", "b")
    assert found.model == pytest.approx(roc_auc_score(y, strong))
    assert found.baseline == pytest.approx(roc_auc_score(y, weak))
    assert verdict.compare(y, {"model": weak, "a": strong}).outcome == "loses"
    assert verdict.compare(y, {"model": weak, "a": weak + 1e-3 * strong}).outcome == "ties"
    assert verdict.compare(y, {"model": weak}).outcome == "alone"


def test_few_pairs_do_not_decide():
    y = np.repeat([True, False], 8)
    strong = np.array([9, 8, 7, 6, 5, 4, 3, 1, 2, 0, 0, 0, 0, 0, 0, 0.0])
    weak = np.array([9, 8, 7, 6, 5, 0, 3, 1, 2, 4, 0, 0, 0, 0, 0, 0.5])
    found = verdict.compare(y, {"model": strong, "a": weak})
    assert abs(found.model - found.baseline) > verdict.TIE
    assert found.outcome == "ties"
    assert verdict.auc_difference_error(np.array([1, 0]), np.zeros(2), np.zeros(2)) == np.inf


def test_the_error_of_a_difference_is_its_spread_over_samples():
    def draw(seed):
        y, first = separated(300, 1.5, seed)
        return y, first, 0.7 * first + np.random.default_rng(seed + 10_000).normal(size=600)

    differences, errors = [], []
    for seed in range(300):
        y, first, second = draw(seed)
        differences.append(fast_auc_ap(first[y], first[~y])[0] - fast_auc_ap(second[y], second[~y])[0])
        errors.append(verdict.auc_difference_error(y, first, second))
    assert np.mean(errors) == pytest.approx(np.std(differences), rel=0.12)
