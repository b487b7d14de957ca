"""The command line as a user calls it."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
import zipfile

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.io import mmwrite

from tests.pages import matrix_runs
from tests.pages.finished_runs import make_graph, make_result
from vgae_core.analysis.metrics import HARD_METRICS
from vgae_core.cli import main
from vgae_core.cli.progress import tell_warnings
from vgae_core.data import arguments, readers
from vgae_core.data.findings import Choice, Judgement
from vgae_core.data.readers import opening
from vgae_core.data.readers.tables import delimited
from vgae_core.data.splits import load_split
from vgae_core.runs.store.folder import read_run_dir, write_run_dir
from vgae_core.settings import RunSpec


@pytest.fixture
def karate_csv(tmp_path):
    path = tmp_path / "karate.csv"
    lines = [f"member {a},member {b}" for a, b in nx.karate_club_graph().edges]
    path.write_text("\n".join(["source,target", *lines, lines[0], "member 3,member 3"]))
    return path


@pytest.fixture
def run_dir(tmp_path):
    graph = make_graph()
    result = make_result(graph)
    write_run_dir(tmp_path / "run", RunSpec(), graph, result, [result.finished])
    return tmp_path / "run"


# ---------------------------------------------------------------------------- inspect
def test_inspect_tells_everything_in_one_object(karate_csv, capsys):
    assert main(["inspect", str(karate_csv), "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    graph = nx.karate_club_graph()
    assert told["n_nodes"] == graph.number_of_nodes()
    assert told["n_edges"] == graph.number_of_edges()
    assert told["n_rows_read"] == graph.number_of_edges() + 2
    assert (told["n_self_loops"], told["n_duplicates"]) == (1, 1)
    assert (told["n_isolated"], told["n_components"]) == (0, 1)
    assert told["density"] == pytest.approx(nx.density(graph))
    assert {"directed", "weighted", "n_features", "n_labels", "format", "findings"} <= set(told)


def test_inspect_speaks_to_people_too(capsys):
    assert main(["inspect", "sample:karate-club"]) == 0
    out = capsys.readouterr().out
    assert "n_nodes  34" in out
    assert "weighted  yes" in out


# -------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["inspect", "no-such-file.csv"], "no-such-file.csv"),
        (["inspect", "sample:karat-club"], "karate-club"),
        (["train", "sample:karate-club", "--out", "{new}", "--set", "model.laten_dim=3"], "model.latent_dim"),
        (["train", "sample:karate-club", "--out", "{new}", "--set", "seed"], "dotted.key=value"),
        (["train", "sample:karate-club", "--out", "{new}", "--set", "training.epochs=-1"], "between 1 and"),
        (["train", "sample:karate-club", "--out", "{new}", "--set", "model.encoder=transformer"], "gcn"),
        (["train", "sample:karate-club", "--out", "{full}"], "empty folder"),
        (["train", "sample:karate-club", "--out", "{new}", "--spec", "{full}/not.json"], "JSON"),
        (["train", "sample:karate-club", "--out", "{new}", "--spec", "nowhere.json"], "nowhere.json"),
        (["train", "sample:karate-club", "--out", "{new}", "--split", "{full}/not.json"], "not.json"),
        (["train", "sample:karate-club", "--out", "{new}", "--labels", "x.csv"], "own features and labels"),
        (["train", "{full}/one.csv", "--out", "{new}"], "node"),
        (["inspect", "{full}/empty.csv"], "empty.csv"),
        (["inspect", "{full}/inf.csv"], "inf.csv"),
        (["evaluate", "{full}"], "spec.json"),
        (["export", "{full}", "--what", "links", "--to", "x.csv"], "spec.json"),
    ],
)
def test_bad_input_is_one_line_and_exit_two(arguments, told, tmp_path, capsys):
    full = tmp_path / "full"
    full.mkdir()
    (full / "not.json").write_text("{")
    (full / "one.csv").write_text("a,a\n")
    (full / "empty.csv").write_text("")
    (full / "inf.csv").write_text("source,target,weight\na,b,1\nb,c,inf\n")
    code = main([a.format(full=full, new=tmp_path / "new") for a in arguments])
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("error: ")
    assert told in line
    assert not (tmp_path / "new").exists()


def test_an_export_to_another_suffix_names_the_right_ones(run_dir, tmp_path, capsys):
    assert main(["export", str(run_dir), "--what", "links", "--to", str(tmp_path / "x.docx")]) == 2
    assert ".csv or .parquet" in capsys.readouterr().err


# --------------------------------------------------------------------- a finished run
def test_evaluate_works_the_scores_out_again(run_dir, capsys):
    assert main(["evaluate", str(run_dir), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    kept = json.loads((run_dir / "metrics.json").read_text())
    assert told["test"] == pytest.approx({**told["test"], **kept["test"]})
    assert set(HARD_METRICS) <= set(told["test"])
    assert set(told["baselines"]) == set(kept["baselines"])
    for name, values in kept["baselines"].items():
        assert told["baselines"][name] == pytest.approx({**told["baselines"][name], **values})


def test_evaluate_does_not_believe_the_folder(run_dir, capsys):
    kept = json.loads((run_dir / "metrics.json").read_text())
    (run_dir / "metrics.json").write_text(
        json.dumps({**kept, "test": {"roc_auc": 1.0, "average_precision": 1.0}})
    )
    main(["evaluate", str(run_dir), "--json"])
    told = json.loads(capsys.readouterr().out)["test"]
    assert told == pytest.approx({**told, **kept["test"]})


def test_new_nodes_get_a_code(karate_csv, tmp_path, capsys):
    settings = ["--set", "model.node_input=random", "--epochs", "2", "--json"]
    assert main(["train", str(karate_csv), "--out", str(tmp_path / "run"), *settings]) == 0
    more = tmp_path / "more.csv"
    more.write_text("source,target\nnewcomer,member 0\nnewcomer,member 1\nguest,newcomer\n")
    to = tmp_path / "codes.csv"
    capsys.readouterr()
    assert main(["embed", str(tmp_path / "run"), str(more), "--to", str(to)]) == 0
    assert "of 34 training nodes moved" in capsys.readouterr().out
    table = pd.read_csv(to)
    assert table.loc[table["new"], "node"].tolist() == ["newcomer", "guest"]
    assert np.isfinite(table.filter(like="z_")).all(axis=None)
    assert main(["embed", str(tmp_path / "run"), str(tmp_path / "none.csv"), "--to", str(to)]) == 2


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_exported_links_are_new_and_ranked(run_dir, tmp_path, suffix):
    to = tmp_path / f"links.{suffix}"
    assert main(["export", str(run_dir), "--what", "links", "--to", str(to)]) == 0
    table = pd.read_csv(to) if suffix == "csv" else pd.read_parquet(to)
    graph = read_run_dir(run_dir).graph()
    number = {name: i for i, name in enumerate(graph.node_ids)}
    pairs = table[["source", "target"]].map(number.__getitem__).to_numpy()
    assert len(table) == 1000
    assert np.all(graph.adjacency.toarray()[pairs[:, 0], pairs[:, 1]] == 0)
    assert table["logit"].is_monotonic_decreasing


def test_exported_embedding_and_bundle(run_dir, tmp_path):
    for what, name in (("embedding", "z.npz"), ("embedding", "z.csv"), ("bundle", "run.zip")):
        assert main(["export", str(run_dir), "--what", what, "--to", str(tmp_path / name)]) == 0
        assert (tmp_path / name).stat().st_size > 1000


# ------------------------------------------------------------------- training, for real
def call(*arguments, **kwargs):
    return subprocess.run(
        [sys.executable, "-m", "vgae_core", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        **kwargs,
    )


def test_training_leaves_a_folder_and_repeats_on_its_split(karate_csv, tmp_path):
    first = call(
        "train", karate_csv, "--epochs", 12, "--seed", 3, "--set", "outputs.z_vars.weight=0.5",
        "--out", tmp_path / "a", "--json",
    )  # fmt: skip
    assert first.returncode == 0, first.stderr
    assert "absl" not in first.stderr  # nor else what TensorFlow says of itself as it starts
    lines = [json.loads(line) for line in first.stdout.splitlines()]
    assert [line["epoch"] for line in lines if line["event"] == "EpochEnd"] == list(range(1, 13))
    assert [line["event"] for line in lines[-2:]] == ["Finished", "Result"]
    run = read_run_dir(tmp_path / "a")
    assert run.spec.output("z_vars").weight == 0.5
    assert (run.spec.seed, run.spec.training.epochs) == (3, 12)
    assert run.result().z_mean.shape[0] == 34
    assert lines[-1]["metrics"] == run.metrics()

    again = call(
        "train", karate_csv, "--spec", tmp_path / "a/spec.json", "--split", tmp_path / "a/split.npz",
        "--out", tmp_path / "b",
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert "Training" in again.stderr
    assert "this model" in again.stdout
    assert read_run_dir(tmp_path / "b").metrics() == run.metrics()
    np.testing.assert_array_equal(
        load_split(tmp_path / "b/split.npz").test, load_split(tmp_path / "a/split.npz").test
    )


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_an_interrupt_keeps_what_was_learnt(karate_csv, tmp_path):
    out = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "vgae_core", "train", str(karate_csv), "--epochs", "100000", "--json",
         "--set", "training.patience=0", "--out", str(out)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        while '"EpochEnd"' not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        asked = time.monotonic()
        process.communicate(timeout=60)
        assert time.monotonic() - asked < 30
    finally:
        process.kill()
    assert process.returncode == 130
    assert read_run_dir(out).result().finished.reason == "cancelled"


# ------------------------------------------------------------------- how files are read
@pytest.fixture
def folder(tmp_path):
    files = tmp_path / "club"
    (files / "inner").mkdir(parents=True)
    (files / "edges.csv").write_text("\n".join(f"{a},{b}" for a, b in nx.karate_club_graph().edges))
    rows = [f"{i},{i % 3},{i % 2},{i / 10}" for i in range(34)]
    (files / "inner" / "features.csv").write_text("\n".join(["id,x,y,z", *rows]))
    (files / "README.md").write_text("# A club")
    return files


def inspected(capsys, *arguments):
    assert main(["inspect", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_folder_its_files_and_an_archive_are_the_same(folder, tmp_path, capsys):
    files = [folder / "edges.csv", folder / "inner" / "features.csv"]
    with zipfile.ZipFile(tmp_path / "club.zip", "w") as archive:
        for path in files:
            archive.write(path, path.name)
    told = [inspected(capsys, *what) for what in ([folder], files, [tmp_path / "club.zip"])]
    assert [(t["n_nodes"], t["n_edges"], t["n_features"]) for t in told] == [(34, 78, 3)] * 3
    assert [[(f["how"]["name"], f["how"]["role"]) for f in t["files"]] for t in told] == [
        [("edges.csv", "edges"), ("features.csv", "features")]
    ] * 3


def test_columns_are_told_and_can_be_used_otherwise(folder, capsys):
    told = inspected(capsys, folder)
    assert [(p["name"], p["use"]) for p in told["files"][1]["parts"]] == [
        ("id", "id"), ("x", "features"), ("y", "features"), ("z", "features"),
    ]  # fmt: skip
    told = inspected(
        capsys, folder, "--read", "features.csv:uses.y=label", "--read", "features.csv:uses.z=value"
    )
    assert (told["n_features"], told["n_labels"], told["values"]) == (1, 2, ["z"])
    assert main(["inspect", str(folder)]) == 0
    assert "features.csv: features from" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("features.csv", "FILE:SETTING=VALUE"),
        ("features.csv:colour=red", "FILE:SETTING=VALUE"),
        ("features.csv:role=feature", "must be one of"),
        ("features.csv:uses.y=labels", "Did you mean 'label'"),
        ("features.csv:uses.q=label", "It has no part called 'q'"),
        ("feature.csv:role=labels", "The files are: edges.csv, features.csv"),
    ],
)
def test_a_wrong_word_about_a_file_is_one_line(folder, said, told, capsys):
    assert main(["inspect", str(folder), "--read", said]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line


def test_a_run_is_repeated_from_its_files_and_its_specification(folder, tmp_path, capsys):
    arguments = ["--read", "features.csv:uses.y=label", "--read", "edges.csv:header=no"]
    small = ["--epochs", "2", "--set", "training.patience=0"]
    assert main(["train", str(folder), *arguments, *small, "--out", str(tmp_path / "a"), "--json"]) == 0
    spec = tmp_path / "a" / "spec.json"
    files = RunSpec.from_json(spec.read_text()).dataset.files
    assert [(f.name, f.role, f.header, dict(f.uses)) for f in files] == [
        ("edges.csv", "edges", "no", {}), ("features.csv", "features", "auto", {"y": "label"}),
    ]  # fmt: skip
    assert main(["train", str(folder), "--spec", str(spec), "--out", str(tmp_path / "b"), "--json"]) == 0
    first, second = (read_run_dir(tmp_path / name) for name in "ab")
    assert first.graph().fingerprint == second.graph().fingerprint
    assert second.graph().label_names == ("0", "1")
    np.testing.assert_array_equal(first.result().z_mean, second.result().z_mean)


def test_folders_of_several_formats(tmp_path, capsys):
    cells = tmp_path / "cells"
    cells.mkdir()
    mmwrite(cells / "matrix.mtx", sparse.coo_array([[1, 0, 2], [0, 3, 0]]))
    (cells / "features.tsv").write_text("g0\tG0\ng1\tG1\n")
    (cells / "barcodes.tsv").write_text("c0\nc1\nc2\n")
    told = inspected(capsys, cells)
    assert (told["is_matrix"], told["n_nodes"], told["n_features"]) == (True, 3, 2)
    (cells / "edges.csv").write_text("c0,c1\nc1,c2\n")
    told = inspected(capsys, cells)
    assert (told["n_nodes"], told["n_edges"], told["n_features"]) == (3, 2, 2)

    benchmark = tmp_path / "ogb"
    for name, text in {
        "raw/edge.csv": "0,1\n1,2\n",
        "raw/node-feat.csv": "1,2\n3,4\n5,6\n7,8\n",
        "raw/node-label.csv": "0\n1\n1\n0\n",
        "raw/num-node-list.csv": "4\n",
        "raw/num-edge-list.csv": "2\n",
        "split/time/train.csv": "0\n1\n",
        "mapping/README.md": "nothing",
    }.items():
        (benchmark / name).parent.mkdir(parents=True, exist_ok=True)
        (benchmark / name).write_text(text)
    told = inspected(capsys, benchmark)
    assert (told["n_nodes"], told["n_edges"], told["n_features"], told["n_labels"]) == (4, 2, 2, 2)


def test_a_set_of_pickles(shared_data, capsys):
    files = sorted((shared_data / "planetoid").glob("ind.citeseer.*"))
    told = inspected(capsys, *files)
    assert (told["n_nodes"], told["n_edges"], told["n_features"], told["format"]) == (
        3327,
        4552,
        3703,
        "Planetoid",
    )


@pytest.mark.parametrize(
    ("name", "n_nodes", "n_edges", "n_features"),
    [("musae_facebook", 22470, 170823, 4714), ("karateclub_twitch", 7126, 35324, 2545)],
)
def test_real_folders(shared_data, capsys, name, n_nodes, n_edges, n_features):
    told = inspected(capsys, shared_data / name)
    assert (told["n_nodes"], told["n_edges"], told["n_features"]) == (n_nodes, n_edges, n_features)


def test_a_matrix_run_is_evaluated_and_exported(tmp_path, capsys):
    graph, folder = matrix_runs.make_matrix(), tmp_path / "run"
    result = matrix_runs.make_result(graph)
    write_run_dir(folder, matrix_runs.spec_of(graph), graph, result, [])
    assert main(["evaluate", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["test"] == pytest.approx(result.metrics["test"])
    assert found["baselines"]["svd"] == pytest.approx(result.metrics["baselines"]["svd"])
    assert main(["evaluate", str(folder)]) == 0
    assert "Popularity" in capsys.readouterr().out
    to = tmp_path / "items.csv"
    assert main(["export", str(folder), "--what", "links", "--to", str(to)]) == 0
    table = pd.read_csv(to)
    assert {"row", "column", "expected"} <= set(table)
    dense = graph.features.toarray()
    places = [(int(a.split()[1]), int(b.split()[1])) for a, b in table[["row", "column"]].to_numpy()]
    assert not dense[tuple(np.array(places).T)].any()


# ------------------------------------------------------------------- given splits, recipes
def test_a_matrix_repeats_on_its_split(tmp_path, capsys):
    rng = np.random.default_rng(0)
    matrix = sparse.csr_array(rng.poisson(0.4, (40, 12)).astype(np.float32))
    mmwrite(tmp_path / "counts.mtx", matrix)
    arguments = ["train", str(tmp_path / "counts.mtx"), "--epochs", "1"]
    assert main([*arguments, "--out", str(tmp_path / "a")]) == 0
    split = str(tmp_path / "a/split.npz")
    assert main([*arguments, "--seed", "3", "--split", split, "--out", str(tmp_path / "b")]) == 0
    one, two = (load_split(tmp_path / name / "split.npz") for name in "ab")
    np.testing.assert_array_equal(one.test, two.test)
    np.testing.assert_array_equal(one.val_neg, two.val_neg)
    mmwrite(tmp_path / "counts.mtx", matrix[:, ::-1])
    assert main([*arguments, "--split", split, "--out", str(tmp_path / "c")]) == 2
    assert "are not entries of this matrix" in capsys.readouterr().err


def test_columns_that_mislead_are_told_before_training(karate_csv, tmp_path, capsys):
    features = tmp_path / "features.csv"
    rows = "".join(f"member {i},{5000 + i},1\n" for i in range(34))
    features.write_text(f"node,customer_id,always\n{rows}")
    raw = readers.read([readers.SourceFile(path.name, path) for path in (karate_csv, features)])
    tell_warnings(raw)
    told = capsys.readouterr().err
    assert "customer_id" in told
    assert "always" in told


def test_train_says_that_a_sweep_chooses_the_recipe(karate_csv, tmp_path, capsys):
    command = ["train", str(karate_csv), "--set", "recipe=auto", "--out", str(tmp_path / "run")]
    assert main(command) == 2
    told = capsys.readouterr().err
    assert f"vgae_core sweep {karate_csv} --set recipe=auto" in told
    assert not (tmp_path / "run").exists()


# ------------------------------------------------------------- what a reader is not sure of
@pytest.fixture
def unsure(monkeypatch, tmp_path):
    """A folder whose edge list leaves two questions open, until the settings that decide are given."""

    def judge(probe, content):
        ends = Judgement(
            "sides",
            "Both columns hold numbers from 1 to 3.",
            sure=probe.how.sides != "auto",
            others=(Choice("two sets", {"sides": "two"}),),
            accept={"sides": "one"},
        )
        third = Judgement(
            "weight",
            "Column 3 grows with the rows.",
            sure="3" in probe.how.uses,
            others=(Choice("the weight", {"uses.3": "weight"}),),
            accept={"uses.3": "ignore"},
        )
        return (ends, third), ("1 — 2",)

    text = dataclasses.replace(delimited.FORMAT, judge=judge)
    monkeypatch.setattr(
        opening, "FORMATS", tuple(text if f is delimited.FORMAT else f for f in readers.FORMATS)
    )
    monkeypatch.setattr(arguments, "read_isolated", readers.read)
    monkeypatch.setattr(arguments, "look_isolated", readers.look)
    path = tmp_path / "my visits.txt"
    path.write_text("1 2 10\n2 3 11\n3 1 12\n1 3 13\n")
    return path


def test_what_is_not_certain_is_asked_with_what_decides(unsure, tmp_path, capsys):
    for command in (["inspect"], ["inspect", "--json"], ["train", "--out", str(tmp_path / "run")]):
        assert main([command[0], str(unsure), *command[1:]]) == 2
        told = capsys.readouterr()
        (line,) = told.err.splitlines()
        assert told.out == ""
        assert line.startswith(
            "error: my visits.txt: Not certain about the sets of nodes: Both columns hold numbers from 1 to 3."
        )
        assert "--read 'my visits.txt:sides=one' (as proposed)" in line
        assert "--read 'my visits.txt:sides=two' (two sets)" in line
        assert "--yes" in line
        assert line.endswith("1 more to decide.")
        assert not (tmp_path / "run").exists()


def test_the_named_arguments_decide(unsure, capsys):
    def said(*arguments):
        return [part for text in arguments for part in ("--read", f"my visits.txt:{text}")]

    assert main(["inspect", str(unsure), *said("sides=one")]) == 2
    line = capsys.readouterr().err
    assert "Not certain about the weight" in line
    assert "more to decide" not in line
    told = inspected(capsys, unsure, *said("sides=one", "uses.3=ignore"))
    assert told["weighted"] is False
    assert [one["sure"] for one in told["files"][0]["judgements"]] == [True, True]
    assert told["files"][0]["sentences"] == ["1 — 2"]
    assert inspected(capsys, unsure, *said("sides=one", "uses.3=weight"))["weighted"] is True


def test_yes_takes_the_likeliest_and_a_run_of_it_repeats_without_asking(unsure, tmp_path, capsys):
    (judgement, _) = inspected(capsys, unsure, "--yes")["files"][0]["judgements"]
    assert judgement["sure"] is False
    assert judgement["others"] == [{"title": "two sets", "changes": {"sides": "two"}}]
    assert main(["inspect", str(unsure), "--yes"]) == 0
    assert "sets of nodes?  Both columns hold numbers from 1 to 3." in capsys.readouterr().out
    parser = argparse.ArgumentParser()
    arguments.add(parser)
    parser.add_argument("--spec")
    first = arguments.read(parser.parse_args([str(unsure), "--yes"]))
    spec = tmp_path / "spec.json"
    files = [report.how.to_dict() for report in first.files]
    spec.write_text(RunSpec().replace("dataset.files", files).to_json())
    again = arguments.read(parser.parse_args([str(unsure), "--spec", str(spec)]))
    np.testing.assert_array_equal(again.rows, first.rows)


def test_a_question_comes_before_the_error_that_a_wrong_guess_gives(unsure, capsys):
    unsure.write_text("1 2 10\n2 3 inf\n")
    assert main(["inspect", str(unsure)]) == 2
    assert "Not certain" in capsys.readouterr().err
    assert main(["inspect", str(unsure), "--yes"]) == 2
    assert "Not certain" not in capsys.readouterr().err


def test_numbers_of_one_set_or_two_are_asked_for(tmp_path, capsys):
    path = tmp_path / "visits.txt"
    path.write_text("\n".join(f"{1 + i % 25} {1 + (7 * i + i // 25) % 30}" for i in range(60)))
    assert main(["inspect", str(path), "--json"]) == 2
    line = capsys.readouterr().err
    assert "visits.txt: Not certain about the sets of nodes" in line
    assert "--read visits.txt:sides=" in line
    n_nodes = {
        sides: inspected(capsys, path, "--read", f"visits.txt:sides={sides}")["n_nodes"]
        for sides in ("one", "two")
    }
    assert n_nodes == {"one": 30, "two": 55}
    assert inspected(capsys, path, "--yes")["n_nodes"] in n_nodes.values()
