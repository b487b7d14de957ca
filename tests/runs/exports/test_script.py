"""The script of a run: short, by itself, and of the run's scores."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from scipy import sparse

from tests.graphs import communities, graph_from, karate
from tests.runs.execution.test_matrix_runs import counts
from tests.runs.exports.scripts import exported, run_script
from vgae_core.analysis.stacking import joins
from vgae_core.catalogue.decoders import DECODERS
from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.catalogue.losses import LOSSES
from vgae_core.cli import main
from vgae_core.data.repairs import repair
from vgae_core.data.samples import load_sample
from vgae_core.errors import RunError
from vgae_core.runs.execution.pipeline import execute
from vgae_core.runs.exports.script import TOLERANCE, equivalent_script
from vgae_core.runs.store.folder import write_run_dir
from vgae_core.settings import RepairSpec, RunSpec
from vgae_core.settings.defaults import for_family

LINES_OF_THE_DEFAULT, LINES = 250, 300
CLOSE = 0.01
"""Largest difference between the AUC of a run and that of its script, trained anew, in the mean of three seeds."""


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


def arcs():
    """Return a directed graph: each of 60 nodes points to nodes a little further on a ring."""
    chance = np.random.default_rng(0)
    adjacency = np.zeros((60, 60), np.float32)
    for node in range(60):
        adjacency[node, (node + chance.integers(1, 9, size=4)) % 60] = 1
    return graph_from(sparse.csr_array(adjacency), directed=True)


def run_both(spec, graph, tmp_path, *, anew=True):
    """Return a run and what its script prints with the run's weights; the script is trained anew as well, if asked."""
    result = execute(spec, graph)
    path = exported(spec, graph, result, tmp_path)
    text = path.read_text()
    assert {name.split(".")[0] for name in imported(text)}.isdisjoint({"vgae_core", "dashboard"})
    assert len(text.splitlines()) <= LINES
    rules = ["--isolated", "--preview", "--line-length", "120", "--select", "F,E1,E2,E3,E5,E7"]
    check = subprocess.run(
        [sys.executable, "-m", "ruff", "check", *rules, str(path)], capture_output=True, text=True
    )
    assert check.returncode == 0, check.stdout
    if anew:
        assert 0 <= run_script(path)["test"]["roc_auc"] <= 1
    return result, run_script(path, "--trained")


def imported(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def assert_same(result, printed):
    assert {"roc_auc", "average_precision"} <= set(printed["test"])
    for part in ("test", "val"):
        for key, value in printed.get(part, {}).items():
            assert value == pytest.approx(result.metrics[part][key], abs=TOLERANCE), (part, key)
    for key, value in printed.get("labels", {}).items():
        assert value == pytest.approx(result.metrics["labels"][key], abs=TOLERANCE)


FAMILIES = [(encoder, family) for encoder, entry in ENCODERS.items() for family in entry.families]


@pytest.mark.slow
@pytest.mark.parametrize(("encoder", "family"), FAMILIES)
def test_with_the_weights_of_the_run_every_encoder_gives_its_scores(encoder, family, tmp_path):
    graph = counts() if family == "vae" else communities()
    spec = spec_for(
        graph,
        family,
        encoder,
        outputs__labels__enabled=True,
        model__dropout=0.1,
        model__input_dropout=0.2,
        training__kl_warmup_epochs=4,
    )
    more = ("outputs.x_rec.enabled", True) if family == "vgae" else ("training.batch_size", 40)
    spec = spec.replace(*more)
    result, printed = run_both(spec, graph, tmp_path)
    assert_same(result, printed)
    assert "labels" in printed


@pytest.mark.slow
@pytest.mark.parametrize("decoder", DECODERS)
def test_with_the_weights_of_the_run_every_decoder_gives_its_scores(decoder, tmp_path):
    directed = DECODERS[decoder].directed
    graph = arcs() if directed else karate()
    spec = spec_for(graph, "vgae", "sage", model__node_input="spectral", model__decoder=decoder)
    # Not trained anew: those lines are the same for every decoder.
    assert_same(*run_both(spec, graph, tmp_path, anew=False))


@pytest.mark.slow
@pytest.mark.parametrize("node_input", ["table", "spectral_table", "random"])
def test_a_graph_without_features(node_input, tmp_path):
    spec = spec_for(karate(), "vgae", "gcn", model__node_input=node_input)
    assert_same(*run_both(spec, karate(), tmp_path))


@pytest.mark.slow
def test_stacking(tmp_path):
    spec = spec_for(communities(), "vgae", "gcn", split__val_fraction=0.15, model__latent_dim=2)
    result, printed = run_both(spec, communities(), tmp_path)
    assert result.stack
    assert_same(result, printed)


@pytest.mark.slow
@pytest.mark.parametrize(("encoder", "batch_size"), [("gcn", 0), ("sage", 60)])
def test_hidden_edges_normalised_units_and_many_layers(encoder, batch_size, tmp_path):
    spec = spec_for(
        communities(),
        "vgae",
        encoder,
        model__hidden_units=(12, 10, 8),
        model__batch_normalisation=True,
        training__masked_edges=0.5,
        training__batch_size=batch_size,
        training__epochs=5,
    )
    assert_same(*run_both(spec, communities(), tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["negative_binomial", "zero_inflated_negative_binomial"])
def test_dense_rows_of_counts(loss, tmp_path):
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
def test_a_formula_without_validation_edges(tmp_path):
    spec = spec_for(
        karate(),
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
    assert_same(*run_both(spec, karate(), tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["binary_crossentropy", "weighted_binary_crossentropy"])
def test_all_pairs(loss, tmp_path):
    spec = spec_for(
        communities(),
        "vgae",
        "gcn",
        training__supervision="all",
        training__keep="last",
        outputs__adj_rec__loss=loss,
        outputs__adj_rec__metrics=[],
        outputs__x_rec__enabled=True,
        outputs__labels__enabled=True,
    )
    assert_same(*run_both(spec, communities(), tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("encoder", [name for name, entry in ENCODERS.items() if "vgae" in entry.families])
def test_trained_anew_it_comes_close_to_the_run_on_the_sample(encoder, tmp_path):
    graph = repair(load_sample("import-graph"), RepairSpec())
    spec = spec_for(graph, "vgae", encoder, training__epochs=15, training__patience=0)
    result = execute(spec, graph)
    path = exported(spec, graph, result, tmp_path)
    scores = [run_script(path, "--seed", str(seed))["test"]["roc_auc"] for seed in range(3)]
    assert np.mean(scores) == pytest.approx(result.metrics["test"]["roc_auc"], abs=CLOSE), scores


def test_the_default_is_short():
    for graph, family in ((communities(), "vgae"), (counts(), "vae")):
        spec = spec_for(graph, family)
        assert len(equivalent_script(spec, graph.profile).splitlines()) <= LINES_OF_THE_DEFAULT


@pytest.mark.parametrize("encoder", [name for name, entry in ENCODERS.items() if "vgae" in entry.families])
@pytest.mark.parametrize("decoder", [name for name, entry in DECODERS.items() if not entry.directed])
def test_with_everything_on_it_stays_short(encoder, decoder):
    graph = communities()
    spec = spec_for(
        graph,
        "vgae",
        encoder,
        model__decoder=decoder,
        model__node_input="spectral_table",
        model__batch_normalisation=True,
        model__dropout=0.1,
        model__input_dropout=0.2,
        training__kl_warmup_epochs=4,
        training__batch_size=20,
        training__masked_edges=0.5,
        training__negatives="hard",
        training__negatives_per_positive=2,
        outputs__adj_rec__loss="= mean(square(y_true - probability)) / (1 + mean(probability))",
        outputs__z_vars__loss="kl_free_bits(nats=0.1)",
        outputs__x_rec__enabled=True,
        outputs__labels__enabled=True,
    )
    assert len(equivalent_script(spec, graph.profile, stacked=True).splitlines()) <= LINES


@pytest.mark.parametrize(("encoder", "family"), FAMILIES)
def test_hidden_layers_are_a_loop(encoder, family):
    graph = counts() if family == "vae" else communities()
    lengths = set()
    for widths in ((16, 8, 9), tuple(range(20, 60))):
        spec = spec_for(graph, family, encoder, model__hidden_units=widths, model__batch_normalisation=True)
        text = equivalent_script(spec, graph.profile)
        ast.parse(text)
        assert max(map(len, text.splitlines())) <= 120
        lengths.add(len(text.splitlines()))
    assert max(lengths) - min(lengths) <= 8  # the widths themselves
    assert max(lengths) <= LINES


def test_every_loss_of_the_catalogue_has_a_form():
    assert not [name for name, entry in LOSSES.items() if not entry.script]


def test_messages_that_pass_once_have_no_script():
    spec = spec_for(communities(), "vgae", "linear", training__propagation="once")
    with pytest.raises(RunError, match="exceed memory"):
        equivalent_script(spec, communities().profile)


def test_the_command_line_exports_the_script(tmp_path):
    graph = communities()
    spec = spec_for(graph, "vgae", training__epochs=1)
    result = execute(spec, graph)
    write_run_dir(tmp_path / "run", spec, graph, result, [])
    assert main(["export", str(tmp_path / "run"), "--what", "script", "--to", str(tmp_path / "s.zip")]) == 0
    with zipfile.ZipFile(tmp_path / "s.zip") as archive:
        text = equivalent_script(spec, graph.profile, stacked=joins(result.stack or {}))
        assert archive.read("train.py").decode() == text
        with archive.open("data.npz") as file, np.load(file, allow_pickle=False) as data:
            assert data["message_shape"].tolist() == [graph.n_nodes] * 2


def test_a_name_with_quotes_stays_text():
    graph = communities()
    spec = spec_for(graph, "vgae", dataset__name='x"""\nimport os\nos.remove("y")\n"""')
    body = ast.parse(equivalent_script(spec, graph.profile)).body
    assert isinstance(body[0], ast.Expr)
    assert all(not isinstance(node, ast.Expr) or "remove" not in ast.unparse(node) for node in body[1:])
