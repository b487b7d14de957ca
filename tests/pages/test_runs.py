"""The Runs page on a temporary store."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile

import numpy as np
import pytest
import streamlit as st

from tests.pages.finished_runs import finish_run, make_graph, make_result
from tests.pages.test_train import button, engine, texts, titles  # noqa: F401  engine is a fixture
from vgae_core.runs.exports.bundle import export_bundle
from vgae_core.settings import RunSpec
from vgae_core.settings.versions import VERSION
from vgae_core.training.events import EpochEnd, Finished

VISITOR = "a-visitor-s-workspace-token-0123456789"
STRANGER = "another-visitor-s-token-0123456789-0123"


@pytest.fixture
def runs(studio_store):
    """Three runs of the visitor, the newest first: failed, finished, finished."""
    graph = make_graph()
    first, second = finish_run(studio_store, graph), finish_run(studio_store, graph, quality=0.2)
    third = studio_store.create_run(RunSpec(seed=3), graph, VISITOR)
    third.append_event(Finished(reason="failed", message="The worker process died."))
    return [third, second, first]


def rows(at):
    return at.dataframe[0].value


def test_without_runs_the_way_to_train_is_shown(app):
    at = app("runs")
    assert not at.exception
    assert button(at, "go_train").label == "Train a model"


def test_the_visitor_s_runs_are_listed_with_their_scores(app, runs, studio_store):
    studio_store.create_run(RunSpec(), make_graph(), STRANGER)
    at = app("runs", workspace=VISITOR)
    assert not at.exception
    table = rows(at)
    assert list(table["id"]) == [run.id for run in runs]
    assert list(table["status"]) == ["✕ Failed", "✓ Finished", "✓ Finished"]
    assert list(table["data"]) == ["three communities"] * 3
    metrics = runs[1].metrics()
    assert table["auc"][1] == metrics["test"]["roc_auc"]
    assert table["baseline"][1] == max(row["roc_auc"] for row in metrics["baselines"].values())


def test_the_run_at_hand_is_the_one_chosen(app, runs):
    at = app("runs", workspace=VISITOR, run=runs[2].id)
    assert f"`{runs[2].id}`" in texts(at)


def test_a_run_without_result_cannot_be_opened_further(app, runs):
    at = app("runs", workspace=VISITOR, run=runs[0].id)
    assert button(at, "open_latent").disabled
    assert "The worker process died" in texts(at).replace("\\", "")
    assert not button(at, "open").disabled


def test_opening_a_run_makes_it_the_one_at_hand(app, engine, runs):  # noqa: F811
    at = app("runs", workspace=VISITOR, run=runs[1].id)
    button(at, "open").click().run()
    assert not at.exception
    assert at.session_state["run_id"] == runs[1].id
    assert "Train" in [title.value for title in at.title]


UNREADABLE = {
    "settings of a later version": {"spec": json.dumps({**RunSpec().to_dict(), "version": VERSION + 1})},
    "settings": {"spec": '{"seed": -5}'},
    "a loss that is not registered here": {
        "spec": RunSpec().to_json().replace("binary_crossentropy", "home_made")
    },
    "JSON": {"spec": "[" * 5000},
    "scores": {"metrics": "{"},
    "scores of another kind": {"metrics": '{"test": [], "baselines": 7, "trials": [1]}'},
    "texts for scores": {"metrics": '{"test": {"roc_auc": "x"}, "baselines": {"a": {"roc_auc": []}}}'},
    "texts for numbers": {"seconds": "x", "best_epoch": "[1]"},
    "a status it never reached": {"status": "queued", "spec": "{}]"},
}


@pytest.mark.parametrize("values", UNREADABLE.values(), ids=UNREADABLE)
def test_one_bad_run_hides_no_other_and_can_be_deleted(app, runs, studio_store, values):
    bad = runs[1]
    studio_store.update(bad.id, **values)
    at = app("runs", workspace=VISITOR, run=bad.id)
    assert not at.exception
    assert list(rows(at)["id"]) == [run.id for run in runs]
    assert rows(at)["auc"][2] == runs[2].metrics()["test"]["roc_auc"]
    assert at.file_uploader
    assert not button(at, "delete").disabled
    button(at, "delete").click().run()
    assert button(at, "delete_now") is not None
    studio_store.delete_run(bad.id, VISITOR)
    assert [info.id for info in studio_store.list_runs(VISITOR)] == [runs[0].id, runs[2].id]


def test_a_run_that_cannot_be_read_says_so(app, runs, studio_store):
    studio_store.update(runs[0].id, spec='{"seed": -5}')
    at = app("runs", workspace=VISITOR)
    assert rows(at)["status"][0] == "Unreadable"
    assert rows(at)["model"][0] == ""
    (warning,) = at.warning
    assert "seed" in warning.value
    studio_store.update(runs[0].id, spec=json.dumps({"version": VERSION + 1, "anything": {}}))
    (warning,) = app("runs", workspace=VISITOR).warning
    assert f"up to version {VERSION}" in warning.value


def test_deleting_asks_first(app, runs, studio_store):
    """What the dialog does when confirmed is for the browser test: here it closes with its run."""
    at = app("runs", workspace=VISITOR, run=runs[1].id)
    assert button(at, "delete_now") is None
    button(at, "delete").click().run()
    assert not at.exception
    assert button(at, "delete_now").label == "Delete"
    assert len(studio_store.list_runs(VISITOR)) == 3


def test_a_run_at_work_cannot_be_deleted(app, engine, runs, studio_store):  # noqa: F811
    run = studio_store.create_run(RunSpec(), make_graph(), VISITOR)
    at = app("runs", workspace=VISITOR, run=run.id)
    assert button(at, "delete").disabled


def upload(at, name, content):
    at.file_uploader[0].upload(name, content, "application/zip").run()
    return at


def test_a_bundle_comes_back(app, runs, studio_store):
    file = io.BytesIO()
    export_bundle(runs[2], file)
    at = upload(app("runs", workspace=STRANGER), "run.zip", file.getvalue())
    assert not at.exception
    (info,) = studio_store.list_runs(STRANGER)
    assert info.status == "finished"
    assert info.metrics["test"].items() >= runs[2].metrics()["test"].items()
    assert at.session_state["run_id"] == info.id
    at.run()
    assert len(studio_store.list_runs(STRANGER)) == 1  # not loaded twice


@pytest.mark.parametrize("content", [b"", b"not a zip at all"])
def test_another_file_is_told_and_nothing_is_kept(app, studio_store, content):
    at = upload(app("runs", workspace=VISITOR), "cat.zip", content)
    assert not at.exception
    assert any("bundle" in title for title in titles(at))
    assert studio_store.list_runs(VISITOR) == []


@pytest.fixture
def buttons(monkeypatch):
    """What each download button would give, by its key."""
    made = {}
    drawn = st.download_button

    def draw(*args, **kwargs):
        made[kwargs["key"]] = kwargs
        return drawn(*args, **kwargs)

    monkeypatch.setattr(st, "download_button", draw)
    return made


def test_a_run_is_downloaded_as_a_script_with_its_data(app, engine, runs, buttons):  # noqa: F811
    at = app("runs", workspace=VISITOR, run=runs[1].id)
    assert not at.exception
    assert not buttons["download_script"]["disabled"]
    with zipfile.ZipFile(io.BytesIO(buttons["download_script"]["data"]())) as archive:
        program = archive.read("train.py").decode()
        compile(program, "train.py", "exec")
        assert "sparse=True" in program
        assert "vgae_core" not in program
        assert RunSpec.from_json(archive.read("spec.json").decode()) == runs[1].spec
        with archive.open("data.npz") as file, np.load(file, allow_pickle=False) as data:
            assert np.array_equal(data["test"], runs[1].result().split.test)


def test_a_run_without_a_script_says_why_in_its_place(app, engine, studio_store, buttons):  # noqa: F811
    graph = make_graph()
    spec = RunSpec().replace("training.propagation", "once")
    run = studio_store.create_run(spec, graph, VISITOR)
    result = dataclasses.replace(make_result(graph), spec=spec)
    run.save_result(result)
    run.append_event(result.finished)
    app("runs", workspace=VISITOR, run=run.id)
    with zipfile.ZipFile(io.BytesIO(buttons["download_script"]["data"]())) as archive:
        assert archive.namelist() == ["no-script.txt"]
        assert "propagation" in archive.read("no-script.txt").decode()


def test_the_log_is_downloaded_as_csv_and_for_tensorboard(app, runs, buttons):
    runs[1].append_event(EpochEnd(epoch=1, logs={"loss": 0.5}, val={"roc_auc": 0.75}, seconds=0.1, best=True))
    app("runs", workspace=VISITOR, run=runs[1].id)
    assert buttons["download_csv"]["data"]().decode() == "epoch,loss,val_roc_auc\n0,0.5,0.75\n"
    assert b"epoch_val_roc_auc" in buttons["download_tensorboard"]["data"]()


def test_the_report_is_one_file(app, runs, buttons):
    app("runs", workspace=VISITOR, run=runs[1].id)
    assert buttons["download_report"]["data"]().startswith(b"<!doctype html>")


def test_a_failed_run_has_nothing_to_download(app, runs, buttons):
    app("runs", workspace=VISITOR, run=runs[0].id)
    assert buttons
    assert all(button["disabled"] for button in buttons.values())
