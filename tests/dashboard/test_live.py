"""What is said of a run in a line or a table."""

import pytest

from dashboard.runs import run_table
from dashboard.train import live
from vgae_core.runs.store.info import RunInfo
from vgae_core.runs.sweeps.catalogue import Part
from vgae_core.settings import RunSpec
from vgae_core.training.events import EpochEnd, Stage, Started
from vgae_core.training.progress import curves, progress

BEGUN = Started(model={}, epochs=800, steps_per_epoch=1, at=0)


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([Stage(name="building", at=0)], "Building the model"),
        ([BEGUN], "Preparing the first epoch"),
        (
            [BEGUN, EpochEnd(epoch=1, logs={}, val={}, seconds=0.1, best=False)],
            "Training · epoch 1 of at most 800 · about 80 s left",
        ),
    ],
)
def test_the_bar_says_what_a_run_is_at(events, told):
    assert live.bar_text(progress(events)) == told


def at_epoch(number, *, best=2, seconds=0.5, epochs=100, estimate=None):
    started = Started(model={"estimate": estimate or {}}, epochs=epochs, steps_per_epoch=1, at=0)
    ends = [
        EpochEnd(epoch=k, logs={}, val={}, seconds=9.0 if k == 1 else seconds, best=k <= best)
        for k in range(1, number + 1)
    ]
    return progress([started, *ends])


def test_the_time_left_is_a_range_where_training_may_stop_early():
    assert live.left_text(at_epoch(10), 0) == "about 45 s left"  # 90 epochs of half a second
    assert live.left_text(at_epoch(10), 20) == "6 to 45 s left"  # the 22nd epoch may be the last
    assert live.left_text(at_epoch(10, best=10), 95) == "about 45 s left"


def test_estimates_follow_the_first_epochs():
    cost = {"seconds": 18.0, "seconds_per_epoch": 0.18, "scoring_seconds": 3.0}
    at = at_epoch(4, seconds=0.54, epochs=100, estimate=cost)
    assert live.pace_text(at) == (
        "Epochs are 3.0 times slower than estimated: all of them take 54 s here, not 18 s."
    )
    assert live.left_text(at, 0) == "about 52 s left, then 9 s of scoring"
    assert live.pace_text(at, 2.9) == ""  # as the latest runs here
    assert live.pace_text(at_epoch(2, seconds=0.54, estimate=cost)) == ""  # too few to tell
    assert live.pace_text(at_epoch(9, seconds=0.19, estimate=cost)) == ""  # as estimated


def test_the_table_says_what_a_run_is_in_a_sweep():
    rows = [
        run_table.Row(
            (
                RunInfo(
                    id=name, dataset="data", fingerprint="f", spec=RunSpec(), status="finished", created=0.0,
                    metrics={}, best_epoch=1, seconds=1.0,
                ),
            )
        )
        for name in ("alone", "trial", "refit")
    ]  # fmt: skip
    parts = {"trial": Part("sweep", 2, chosen=False), "refit": Part("sweep", 2, chosen=True)}
    assert run_table.table(rows, (), parts)["sweep"].tolist() == ["", "Trial 2", "Chosen, as trial 2"]
    assert "sweep" not in run_table.table(rows)


def test_a_matrix_run_has_its_further_ranking_scores_in_the_table():
    scores = {"recall_at_20": 0.2, "recall_at_50": 0.5, "ndcg_at_20": 0.3, "ndcg_at_100": 0.4}
    info = RunInfo(
        id="a", dataset="data", fingerprint="f", spec=RunSpec(), status="finished", created=0.0,
        metrics={"test": scores}, best_epoch=1, seconds=1.0,
    )  # fmt: skip
    shown = run_table.table([run_table.Row((info,))])
    assert shown[["recall", "recall_50", "ndcg", "ndcg_100"]].iloc[0].tolist() == [0.2, 0.5, 0.3, 0.4]
    assert {"Recall@50", "NDCG@100"} <= {
        column["label"] for column in run_table.columns(shown).values() if column
    }


@pytest.mark.parametrize(("epochs", "step"), [(1, 1), (3, 1), (60, None)])
def test_a_few_epochs_have_no_marks_between_them(epochs, step):
    history = [
        EpochEnd(epoch=i, logs={"loss": 1.0 / i}, val={}, seconds=0.1, best=i == 1)
        for i in range(1, epochs + 1)
    ]
    figure = live.total_figure(curves(history), progress(history), "linear")
    assert figure.layout.xaxis.dtick == step
