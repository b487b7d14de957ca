"""Identifiers of losses and metrics: every spelling, what may be named, and registration."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import vgae_core
from tests.graphs import communities
from tests.nn.resolved import resolve_loss, resolve_metric
from vgae_core.catalogue.identifiers import identify, label, written
from vgae_core.catalogue.lookup import find, lookup
from vgae_core.catalogue.losses import LOSSES
from vgae_core.catalogue.registration import register_loss
from vgae_core.errors import SpecError
from vgae_core.runs.execution.pipeline import execute
from vgae_core.settings import OutputSpec, RunSpec


@pytest.mark.parametrize(
    ("kind", "value", "stored"),
    [
        ("loss", "mse", "mse"),
        ("loss", "huber(delta=2)", {"class_name": "huber", "config": {"delta": 2}}),
        ("loss", "= mean(y_pred)", {"formula": ["mean", "y_pred"]}),
        ("loss", {"formula": "abs(y_pred)"}, {"formula": ["abs", "y_pred"]}),
        (
            "loss",
            {"class_name": "Huber", "config": {"delta": 2.0}},
            {"class_name": "Huber", "config": {"delta": 2.0}},
        ),
        ("loss", keras.losses.Huber(delta=2.0), {"class_name": "Huber", "config": {"delta": 2.0}}),
        ("loss", keras.losses.serialize(keras.losses.Hinge()), "Hinge"),
        ("loss", keras.losses.MeanSquaredError, "MeanSquaredError"),
        ("loss", keras.losses.mean_squared_error, "mean_squared_error"),
        (
            "metric",
            keras.metrics.Precision(thresholds=0.4),
            {"class_name": "Precision", "config": {"thresholds": 0.4}},
        ),
        ("metric", keras.metrics.AUC(curve="PR"), "average_precision"),
        ("metric", keras.metrics.BinaryAccuracy, "BinaryAccuracy"),
    ],
)
def test_identifiers_are_stored_as_json_and_read_back(kind, value, stored):
    identifier = identify(kind, value)
    assert identifier == stored
    assert identify(kind, json.loads(json.dumps(identifier))) == identifier
    assert identify(kind, written(identifier)) == identifier


@pytest.mark.parametrize(
    ("kind", "name", "key"),
    [
        ("loss", "bce", "binary_crossentropy"),
        ("loss", "BinaryFocalCrossentropy", "focal"),
        ("loss", "LogCosh", "log_cosh"),
        ("metric", "MAE", "mean_absolute_error"),
        ("metric", "F1Score", "f1"),
        ("metric", "acc", "accuracy"),
        ("metric", "ce", "crossentropy"),
        ("metric", "nothing", None),
    ],
)
def test_kerass_spellings_are_found(kind, name, key):
    assert find(kind, name) == key


HOSTILE = [
    {"class_name": "os.system", "config": {}},
    {"class_name": "__lambda__", "config": {"value": "x"}},
    {
        "class_name": "LossFunctionWrapper",
        "config": {"fn": {"class_name": "function", "config": "system", "module": "os"}},
    },
    {"class_name": "Huber", "config": {"delta": {"class_name": "__lambda__", "config": {"value": ["e30="]}}}},
    {"class_name": "Huber", "config": {"delta": float("nan")}},
    {"class_name": "Huber", "config": {f"k{i}": 1 for i in range(100)}},
    {"class_name": "system", "config": {}, "module": "os", "registered_name": "system"},
    {"class_name": ["Huber"]},
    {"config": {}},
    {"formula": ["system", "y_pred"]},
    {"formula": "__import__('os')"},
    {"formula": ["abs", "y_pred"], "class_name": "Huber"},
    "os.system('x')",
    "huber(delta=__import__('os'))",
    "huber(**{})",
    "= y_pred.__class__",
    "Loss",
    "CTC",
    ["Huber"],
    7,
    None,
]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda v: str(v)[:40])
@pytest.mark.parametrize("kind", ["loss", "metric"])
def test_nothing_but_the_catalogue_can_be_named(kind, value):
    before = set(sys.modules)
    resolve = resolve_loss if kind == "loss" else resolve_metric
    with pytest.raises(SpecError):
        resolve(identify(kind, value), "adj_rec")
    assert set(sys.modules) == before


def test_a_hostile_specification_is_refused():
    values = RunSpec().to_dict()
    values["outputs"][0]["loss"] = HOSTILE[2]
    with pytest.raises(SpecError, match="adj_rec"):
        RunSpec.from_json(json.dumps(values))


@pytest.mark.parametrize(
    ("identifier", "fragment"),
    [
        ("huber(dleta=2)", "has no setting `dleta`. Did you mean 'delta'"),
        ("hinge(delta=2)", "It has none"),
        ("focal(gamma=2, alpha=0.5)", ""),
    ],
)
def test_settings_are_those_of_the_entry(identifier, fragment):
    if not fragment:
        assert lookup("loss", identify("loss", identifier), "adj_rec")[1]["alpha"] == 0.5
        return
    with pytest.raises(SpecError) as caught:
        resolve_loss(identify("loss", identifier), "adj_rec")
    assert fragment in str(caught.value)


def test_a_setting_that_keras_refuses_is_said():
    with pytest.raises(SpecError, match="are not accepted"):
        resolve_metric(identify("metric", "precision(thresholds=3)"), "adj_rec")


def test_settings_reach_the_loss():
    y, pred = np.zeros((4, 2), np.float32), np.full((4, 2), 3.0, np.float32)
    got = resolve_loss(identify("loss", keras.losses.Huber(delta=2.0)), "x_rec")(y, pred)
    assert float(got) == pytest.approx(2.0 * 3.0 - 0.5 * 2.0**2)


# ------------------------------------------------------------------------ registration
def squared_gap(y_true, y_pred):
    """The squared difference of probabilities."""
    return keras.ops.mean(keras.ops.square(y_true - keras.ops.sigmoid(y_pred)), axis=-1)


class Halved(keras.losses.Loss):
    def __init__(self, factor=0.5, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, y_true, y_pred):
        return self.factor * keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


class Largest(keras.metrics.Metric):
    def __init__(self, name="largest", **kwargs):
        super().__init__(name=name, **kwargs)
        self.top = self.add_weight(name="top", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.top.assign(keras.ops.maximum(self.top, keras.ops.max(y_pred)))

    def result(self):
        return self.top


@pytest.mark.usefixtures("own_catalogues")
def test_own_functions_and_classes_train_and_are_stored_by_name():
    graph = communities()
    outputs = (
        OutputSpec(name="adj_rec", loss=squared_gap, metrics=(Largest, squared_gap, "accuracy")),
        OutputSpec(name="z_vars", loss="kl_normal"),
        OutputSpec(name="x_rec", loss=Halved(factor=0.25), weight=0.1),
    )
    spec = RunSpec(outputs=outputs).replace("training.epochs", 2)
    assert spec.output("adj_rec").loss == "squared_gap"
    assert spec.output("x_rec").loss == {"class_name": "halved", "config": {"factor": 0.25}}
    assert RunSpec.from_json(spec.to_json()) == spec
    logs = {}
    execute(spec, graph, on_event=lambda event: logs.update(getattr(event, "logs", {})))
    assert {"adj_rec_largest", "adj_rec_squared_gap", "adj_rec_accuracy"} <= set(logs)
    assert 0 < logs["adj_rec_largest"] <= 1  # metrics of one's own see probabilities


@pytest.mark.usefixtures("own_catalogues")
def test_registration_shows_in_the_catalogue_and_guards_names():
    assert (
        vgae_core.register_loss(squared_gap, title="Gap", outputs=("adj_rec",), targets=("binary",))
        == "squared_gap"
    )
    entry = LOSSES["squared_gap"]
    assert (entry.title, entry.help) == ("Gap", "The squared difference of probabilities.")
    assert identify("loss", squared_gap) == "squared_gap"
    with pytest.raises(SpecError, match="taken"):
        register_loss(squared_gap)
    for name in ("focal", "mse", "BinaryCrossentropy"):
        with pytest.raises(SpecError, match="taken"):
            register_loss(squared_gap, name=name, replace=True)
    with pytest.raises(SpecError, match="outputs"):
        register_loss(squared_gap, name="other", outputs=("adj",))
    with pytest.raises(SpecError, match="without a name"):
        OutputSpec(loss=lambda y_true, y_pred: y_pred)
    with pytest.raises(SpecError, match="does not apply"):
        resolve_loss("squared_gap", "labels")


@pytest.mark.usefixtures("own_catalogues")
def test_a_registration_by_text_is_imported_when_it_is_used():
    register_loss("tests.test_catalogue:squared_gap", name="lazy_gap")
    y, pred = np.zeros((3, 1), np.float32), np.zeros((3, 1), np.float32)
    assert float(resolve_loss("lazy_gap", "adj_rec")(y, pred)) == pytest.approx(0.25)
    register_loss("tests.nowhere:x", name="lost")
    with pytest.raises(SpecError, match="cannot be imported"):
        resolve_loss("lost", "adj_rec")
    with pytest.raises(SpecError, match=r"package\.module:name"):
        register_loss("os.system", name="odd")


@pytest.mark.parametrize("wanted", ["1", ""])
def test_entry_points_are_loaded_only_where_the_environment_asks(tmp_path, wanted):
    (tmp_path / "house_losses.py").write_text(
        "import vgae_core\n\ndef register():\n"
        "    vgae_core.register_loss('house_losses:gap', title='House gap')\n\n"
        "def gap(y_true, y_pred):\n    return abs(y_true - y_pred)\n"
    )
    info = tmp_path / "house_losses-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: house-losses\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[vgae_core.objectives]\nhouse = house_losses:register\n")
    code = (
        "import sys; from vgae_core.catalogue.losses import LOSSES; "
        "print(getattr(LOSSES.get('gap'), 'title', None), 'tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{os.getcwd()}:{tmp_path}", "VGAE_STUDIO_PLUGINS": wanted},
    )
    assert done.stdout.strip() == ("House gap False" if wanted else "None False"), done.stderr


def test_names_in_the_log():
    assert label({"formula": "y_pred"}) == "formula"
    assert label({"class_name": "huber", "config": {}}) == "huber"
