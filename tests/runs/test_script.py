"""The equivalent script: it runs by itself and finds what the run found."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from tests.graphs import communities, karate
from tests.runs.test_matrix_runs import counts
from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.cli import main
from vgae_core.runs.folder import write_run_dir
from vgae_core.runs.pipeline import execute
from vgae_core.runs.script import TOLERANCE, equivalent_script, export_script
from vgae_core.settings import RunSpec
from vgae_core.settings.defaults import for_family


def spec_for(graph, family, encoder=None, **changes):
    profile = graph.profile
    spec = for_family(
        RunSpec(),
        family,
        feature_kind=profile.feature_kind,
        has_labels=profile.n_classes > 0,
        own_units=profile.own_units,
    )
    if encoder:
        spec = spec.replace("model.encoder", encoder)
    for key, value in {"training__epochs": 12, "training__patience": 5, **changes}.items():
        spec = spec.replace(key.replace("__", "."), value)
    return spec


def run_both(spec, graph, tmp_path):
    """Return the scores of a run and what its exported script prints in a process of its own."""
    result = execute(spec, graph)
    run = write_run_dir(tmp_path / "run", spec, graph, result, [])
    export_script(run, tmp_path / "script.zip")
    with zipfile.ZipFile(tmp_path / "script.zip") as archive:
        archive.extractall(tmp_path / "script")
    text = (tmp_path / "script" / "train.py").read_text()
    assert "vgae_core" not in {name.split(".")[0] for name in imported(text)}
    check = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F", "train.py"],
        cwd=tmp_path / "script",
        capture_output=True,
        text=True,
    )
    assert check.returncode == 0, check.stdout
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": ""}
    done = subprocess.run(
        [sys.executable, "train.py"], cwd=tmp_path / "script", capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr[-3000:] + text
    return result, json.loads(done.stdout)


def imported(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def assert_same(result, told):
    assert told["best_epoch"] == result.finished.best_epoch
    for part in ("test", "val"):
        wanted = result.metrics.get(part, {})
        assert set(told.get(part, {})) == set(wanted)
        for key, value in wanted.items():
            assert told[part][key] == pytest.approx(value, abs=TOLERANCE), (part, key)
    for key, value in told.get("labels", {}).items():
        assert value == pytest.approx(result.metrics["labels"][key], abs=TOLERANCE)


FAMILIES = [(encoder, family) for encoder, entry in ENCODERS.items() for family in entry.families]


@pytest.mark.slow
@pytest.mark.parametrize(("encoder", "family"), FAMILIES)
def test_every_encoder_runs_as_a_script_with_the_same_scores(encoder, family, tmp_path):
    graph = counts() if family == "vae" else communities()
    spec = spec_for(
        graph,
        family,
        encoder,
        outputs__labels__enabled=True,
        model__dropout=0.1,
        model__input_dropout=0.2,
    )
    if family == "vgae":
        spec = spec.replace("outputs.x_rec.enabled", True).replace("training.kl_warmup_epochs", 4)
    else:
        spec = spec.replace("training.batch_size", 40)
    result, told = run_both(spec, graph, tmp_path)
    assert_same(result, told)
    assert "labels" in told


@pytest.mark.slow
@pytest.mark.parametrize("decoder", ["hadamard_mlp", "distance"])
def test_a_graph_with_positions_and_another_decoder_is_the_same_as_a_script(decoder, tmp_path):
    graph = karate()
    spec = spec_for(graph, "vgae", "sage", model__node_input="spectral", model__decoder=decoder)
    result, told = run_both(spec, graph, tmp_path)
    assert_same(result, told)


@pytest.mark.slow
def test_stacking_is_the_same_as_a_script(tmp_path):
    spec = spec_for(communities(), "vgae", "gcn", split__val_fraction=0.15, model__latent_dim=2)
    result, told = run_both(spec, communities(), tmp_path)
    assert result.stack
    assert_same(result, told)


@pytest.mark.slow
@pytest.mark.parametrize(("encoder", "batch_size"), [("gcn", 0), ("sage", 60)])
def test_hidden_edges_and_normalised_units_are_the_same_as_a_script(encoder, batch_size, tmp_path):
    spec = spec_for(
        communities(),
        "vgae",
        encoder,
        model__batch_normalisation=True,
        training__masked_edges=0.5,
        training__batch_size=batch_size,
        training__epochs=5,
    )
    assert_same(*run_both(spec, communities(), tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["negative_binomial", "zero_inflated_negative_binomial"])
def test_a_generator_run_with_own_objectives_is_the_same_as_a_script(loss, tmp_path):
    graph = counts()
    spec = spec_for(
        graph,
        "vae",
        model__sparse_input=False,
        training__batch_size=32,
        outputs__output__loss=loss,
        outputs__output__metrics=["mse", "auc", "average_precision"],
        outputs__z_vars__loss="kl_free_bits(nats=0.1)",
        outputs__z_vars__metrics=["active_units", "= mean(exp(z_log_var / 2))"],
    )
    assert_same(*run_both(spec, graph, tmp_path))


@pytest.mark.slow
def test_a_graph_without_features_in_batches_with_a_formula_is_the_same_as_a_script(tmp_path):
    graph = karate()
    spec = spec_for(
        graph,
        "vgae",
        "gcn",
        training__batch_size=20,
        training__negatives_per_positive=2,
        training__negatives="hard",
        split__val_fraction=0.0,
        model__variational=False,
        outputs__adj_rec__loss="= mean(square(y_true - probability)) + 0.1 * abs(y_pred)",
        outputs__adj_rec__metrics=["acc", "f1", "ce", "binary_accuracy(threshold=0.4)"],
    )
    assert_same(*run_both(spec, graph, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["binary_crossentropy", "weighted_binary_crossentropy"])
def test_all_pairs_are_the_same_as_a_script(loss, tmp_path):
    graph = communities()
    spec = spec_for(
        graph,
        "vgae",
        "gcn",
        training__supervision="all",
        training__keep="last",
        training__batch_size=20,
        outputs__adj_rec__loss=loss,
        outputs__adj_rec__metrics=[],
        outputs__x_rec__enabled=True,
        outputs__labels__enabled=True,
    )
    assert_same(*run_both(spec, graph, tmp_path))


def test_the_command_line_exports_the_script(tmp_path):
    graph = communities()
    spec = spec_for(graph, "vgae", training__epochs=1)
    write_run_dir(tmp_path / "run", spec, graph, execute(spec, graph), [])
    assert main(["export", str(tmp_path / "run"), "--what", "script", "--to", str(tmp_path / "s.zip")]) == 0
    with zipfile.ZipFile(tmp_path / "s.zip") as archive:
        assert archive.read("train.py").decode() == equivalent_script(spec, graph.profile)
        with archive.open("data.npz") as file, np.load(file, allow_pickle=False) as data:
            assert data["message_shape"].tolist() == [graph.n_nodes] * 2


def test_a_name_with_quotes_stays_text():
    graph = communities()
    spec = spec_for(graph, "vgae", dataset__name='x"""\nimport os\nos.remove("y")\n"""')
    body = ast.parse(equivalent_script(spec, graph.profile)).body
    assert isinstance(body[0], ast.Expr)
    assert all(not isinstance(node, ast.Expr) or "remove" not in ast.unparse(node) for node in body[1:])
