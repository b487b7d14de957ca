"""What is said of a run in a line or a table."""

import dataclasses

import pandas as pd
import pytest

from dashboard import live, run_table
from vgae_core.catalogue.recipes import RECIPES
from vgae_core.runs.info import RunInfo
from vgae_core.settings import RunSpec
from vgae_core.settings.recipes import with_recipe
from vgae_core.training.events import EpochEnd, Stage, Started, Trial
from vgae_core.training.progress import curves, progress

AUTO = dataclasses.replace(RunSpec(), recipe="auto")
BEGUN = Trial(recipe="masked", epoch=0, epochs=200, val={}, best_epoch=0, seconds=0.0)
AT_WORK = Trial(
    recipe="masked", epoch=40, epochs=200, val={"roc_auc": 0.912, "average_precision": 0.9}, best_epoch=38,
    seconds=2.0,
)  # fmt: skip
FIRST = Trial(
    recipe="normalised", epoch=50, epochs=50, val={"roc_auc": 0.95, "average_precision": 0.94}, best_epoch=31,
    seconds=1.0,
)  # fmt: skip
REFUSED = dataclasses.replace(AT_WORK, val={}, message="The loss is not finite.")


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([BEGUN], "Trying recipes · Masked auto-encoder"),
        ([BEGUN, Stage(name="building", at=0)], "Trying recipes · Masked auto-encoder · Building the model"),
        (
            [BEGUN, Stage(name="building", at=0), AT_WORK],
            "Trying recipes · Masked auto-encoder · epoch 40 of at most 200 · "
            "best so far: validation AUC 0.912 (epoch 38)",
        ),
        ([AT_WORK, Stage(name="building", at=0)], "Building the model"),  # the one that was chosen
        (
            [AT_WORK, Started(model={}, epochs=800, steps_per_epoch=1, at=0)],
            "Preparing the first epoch",
        ),
        (
            [
                AT_WORK,
                Started(model={}, epochs=800, steps_per_epoch=1, at=0),
                EpochEnd(epoch=1, logs={}, val={}, seconds=0.1, best=False),
            ],
            "Training · epoch 1 of at most 800 · about 80 s left",
        ),
    ],
)
def test_the_bar_says_which_recipe_is_tried(events, told):
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
    assert live.pace_text(at_epoch(2, seconds=0.54, estimate=cost)) == ""  # too few to tell
    assert live.pace_text(at_epoch(9, seconds=0.19, estimate=cost)) == ""  # as estimated


def test_the_table_of_trials_marks_the_choice_and_says_what_failed():
    table = live.trial_table([FIRST, REFUSED], "normalised")
    assert table["outcome"].tolist() == ["Chosen", "The loss is not finite."]
    assert table["epochs"].tolist() == ["50 of 50", "40 of 200"]
    assert table["auc"][0] == 0.95
    assert pd.isna(table["auc"][1])


@pytest.mark.parametrize("name", ["normalised", "masked"])
def test_the_choice_is_told_by_what_was_trained_and_before_that_by_the_scores(name):
    tried = [FIRST, AT_WORK]
    assert live.chosen_recipe(with_recipe(AUTO, name), tried) == name
    assert live.chosen_recipe(AUTO, tried) == "normalised"
    assert live.chosen_recipe(AUTO, [REFUSED]) is None
    gone = dataclasses.replace(FIRST, recipe="a recipe of an older version")
    assert live.chosen_recipe(with_recipe(AUTO, name), [gone]) is None


def info(spec, **changes):
    return RunInfo(
        id="run", dataset="data", fingerprint="f", spec=spec, status="finished", created=0.0, metrics={},
        best_epoch=1, seconds=1.0, message="", **changes,
    )  # fmt: skip


def test_a_run_says_that_its_recipe_was_chosen():
    own, asked = info(RunSpec()), info(AUTO)
    chosen = dataclasses.replace(
        info(with_recipe(AUTO, "masked")),
        metrics={"trials": [dataclasses.asdict(one) for one in (FIRST, AT_WORK)]},
    )
    assert "utomatic" not in live.settings_line(own)
    assert "of a recipe to be chosen" in live.settings_line(asked)
    assert "encoder" not in live.settings_line(asked)
    assert f"Automatic: {RECIPES['masked'].title}" in live.settings_line(chosen).replace("\\", "")
    table = run_table.table([run_table.Row((one,)) for one in (own, asked, chosen)])
    assert table["recipe"].tolist() == ["", "Automatic", "Masked auto-encoder"]
    assert table["encoder"].fillna("").tolist() == ["normalised", "", "sage"]
    assert "recipe" not in run_table.table([run_table.Row((own,))])


@pytest.mark.parametrize(("epochs", "step"), [(1, 1), (3, 1), (60, None)])
def test_a_few_epochs_have_no_marks_between_them(epochs, step):
    history = [
        EpochEnd(epoch=i, logs={"loss": 1.0 / i}, val={}, seconds=0.1, best=i == 1)
        for i in range(1, epochs + 1)
    ]
    figure = live.total_figure(curves(history), progress(history), "linear")
    assert figure.layout.xaxis.dtick == step
