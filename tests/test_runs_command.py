"""``runs`` and ``report`` on the command line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from tests.pages.finished_runs import finish_run, make_graph
from vgae_core.cli import main
from vgae_core.runs.store.folder import read_run_dir
from vgae_core.runs.store.store import Store


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Ids of two runs in the store of this user."""
    monkeypatch.setenv("VGAE_STUDIO_HOME", str(tmp_path / "home"))
    store = Store()
    graph = make_graph(90)
    ids = [finish_run(store, graph, quality=quality).id for quality in (1.0, 0.2)]
    store.close()
    return ids


def test_runs_are_listed_compared_reported_and_deleted(runs, tmp_path, capsys):
    assert main(["runs", "list", "--json"]) == 0
    assert [line["id"] for line in json.loads(capsys.readouterr().out)] == runs[::-1]
    assert main(["runs", "list"]) == 0
    assert runs[0] in capsys.readouterr().out
    assert main(["runs", "compare", *runs, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["differences"][0]["verdict"].startswith("finds less: AUC −")
    auc = found["differences"][0]["scores"]["roc_auc"]
    assert auc["difference"] == auc["second"] - auc["first"]
    assert auc["low"] <= auc["difference"] <= auc["high"] < 0
    assert main(["runs", "compare", *runs]) == 0
    assert "Run 2 finds less" in capsys.readouterr().out
    assert main(["runs", "show", runs[0]]) == 0
    assert "Test: AUC:" in capsys.readouterr().out
    assert main(["report", *runs, "--to", str(tmp_path / "r.html")]) == 0
    assert (tmp_path / "r.html").read_text("utf-8").startswith("<!doctype html>")
    bundle = str(tmp_path / "two.zip")
    assert main(["runs", "export", *runs, "--to", bundle]) == 0
    capsys.readouterr()
    assert main(["runs", "import", bundle]) == 0
    again = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert main(["runs", "compare", runs[0], again[0], "--json"]) == 0
    assert not [row for row in json.loads(capsys.readouterr().out)["settings"] if row["differs"]]
    assert main(["runs", "delete", runs[0], *again]) == 0
    capsys.readouterr()
    assert main(["runs", "list", "--json"]) == 0
    assert [line["id"] for line in json.loads(capsys.readouterr().out)] == [runs[1]]
    assert main(["runs", "gc"]) == 0
    assert "1 runs kept" in capsys.readouterr().out


def test_a_run_is_gone_on_with_and_trained_further_with_the_numbers_of_one_run(tmp_path, capsys):
    def train(*arguments, out):
        assert main([*arguments, "--out", str(tmp_path / out)]) == 0
        return json.loads((tmp_path / out / "metrics.json").read_text())

    sample = ["train", "sample:karate-club", "--seed", "3", "--set", "training.keep=last", "--epochs"]
    whole, short = train(*sample, "6", out="whole"), train(*sample, "3", out="short")
    assert short["latent"] != whole["latent"]
    further = train("resume", str(tmp_path / "short"), "--more-epochs", "3", out="further")
    assert further["latent"] == pytest.approx(whole["latent"], abs=1e-6)
    # Killed after three of six epochs: no result, but a checkpoint.
    killed = shutil.copytree(tmp_path / "short", tmp_path / "killed")
    (killed / "finished.json").unlink()
    shutil.copy(tmp_path / "whole" / "spec.json", killed)
    resumed = train("resume", str(killed), out="resumed")
    assert resumed["latent"] == pytest.approx(whole["latent"], abs=1e-6)
    epochs = [event.epoch for event in read_run_dir(tmp_path / "resumed").history()]
    assert epochs == [1, 2, 3, 4, 5, 6]
    capsys.readouterr()
    assert main(["resume", str(tmp_path / "whole"), "--out", str(tmp_path / "again")]) == 2
    assert "all its epochs" in capsys.readouterr().err
    assert not (tmp_path / "again").exists()


def test_whoever_stops_reading_ends_a_command_quietly():
    command = [sys.executable, "-m", "vgae_core", "sweep", "--schema"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.wait(timeout=120) == 141
    assert process.stderr.read() == b""


@pytest.mark.parametrize(
    "arguments",
    [
        ["runs", "delete", "a-run-that-never-was"],
        ["runs", "compare", "one"],
        ["report", "nowhere", "--to", "r.html"],
        ["report", "nowhere", "--to", "r.pdf"],
    ],
    ids=" ".join,
)
def test_bad_input_is_told_in_one_line(runs, capsys, arguments):
    assert main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1
