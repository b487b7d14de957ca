from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgae_core.training.events import EpochEnd, Finished, Stage, Started
from vgae_core.training.progress import STAGES, by_output, curves, progress

STARTED = Started(model={}, epochs=100, steps_per_epoch=1, at=0.0)


def epoch(number: int, *, best: bool = False, seconds: float = 0.5, **logs: float) -> EpochEnd:
    return EpochEnd(
        epoch=number, logs=logs or {"loss": 1 / number}, val={"roc_auc": 0.5}, seconds=seconds, best=best
    )


def test_before_anything():
    at = progress([])
    assert (at.stage, at.fraction, at.seconds_left, at.best) == ("", 0.0, None, None)


def test_the_stages_follow_the_events():
    events = [Stage(name="splitting", at=0)]
    assert progress(events).title == STAGES["splitting"]
    events.append(STARTED)
    assert progress(events).title == STAGES["compiling"]
    events.append(epoch(1))
    assert progress(events).title == STAGES["training"]
    events.append(Stage(name="scoring", at=1))
    assert (progress(events).fraction, progress(events).seconds_left) == (1.0, None)


def test_the_time_left_follows_the_pace_not_the_slow_first_epoch():
    at = progress([STARTED, epoch(1, seconds=9.0), *(epoch(k, seconds=0.1) for k in range(2, 41))])
    assert at.seconds_left == pytest.approx(60 * 0.1)
    assert at.fraction == pytest.approx(0.4)


def test_the_best_epoch_is_the_last_one_called_best():
    at = progress([STARTED, epoch(1, best=True), epoch(2, best=True), epoch(3)])
    assert (at.best.epoch, at.last.epoch) == (2, 3)


def test_early_stopping_fills_the_bar():
    at = progress([STARTED, epoch(1), Finished(reason="early_stopped", best_epoch=1)])
    assert at.fraction == 1.0
    assert at.finished.reason == "early_stopped"


@given(n=st.integers(0, 3000), best=st.integers(0, 2999), points=st.integers(1, 500))
def test_curves_are_thin_and_keep_what_matters(n, best, points):
    history = [epoch(k + 1, best=k == best) for k in range(n)]
    thin = curves(history, points=points)
    assert len(thin.epochs) <= min(points, n) + 1
    assert np.all(np.diff(thin.epochs) > 0)
    if n:
        assert thin.epochs[0] == 1
        assert thin.epochs[-1] == n or points == 1
        np.testing.assert_allclose(thin.logs["loss"], 1 / thin.epochs)
    if best < n:
        assert best + 1 in thin.epochs


def test_what_is_missing_in_an_epoch_is_nan():
    thin = curves([epoch(1, loss=1.0), epoch(2, loss=0.5, extra=3.0)])
    np.testing.assert_array_equal(thin.logs["extra"], [np.nan, 3.0])


def test_names_belong_to_the_longest_output_that_fits():
    names = ["loss", "adj_rec_accuracy", "adj_rec_loss", "adj_loss", "z_vars_loss"]
    assert by_output(names, ["adj", "adj_rec", "z_vars", "labels"]) == {
        "": ["loss"],
        "adj": ["adj_loss"],
        "adj_rec": ["adj_rec_loss", "adj_rec_accuracy"],
        "z_vars": ["z_vars_loss"],
    }
