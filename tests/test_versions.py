"""Specifications and runs as earlier versions wrote them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from vgae_core.analysis.metrics import link_metrics
from vgae_core.errors import SpecError
from vgae_core.runs.store.folder import read_run_dir
from vgae_core.settings import RunSpec
from vgae_core.settings.versions import STEPS, VERSION

OLD = Path(__file__).parent / "written_by_0_1"


BEFORE = {"scaling": "none"}
"""What runs did before there was a setting, where that is not its default."""


def flat(values, prefix=""):
    """Return settings by their dotted keys; outputs stay a list."""
    rows = {}
    for key, value in values.items():
        rows |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return rows


def documents():
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(OLD.glob("*.json"))}


@pytest.mark.parametrize("name", documents())
def test_what_0_1_wrote_is_read_setting_by_setting(name):
    values = documents()[name]
    assert "version" not in values
    spec = RunSpec.of_run(values)
    again, written, default = flat(spec.to_dict()), flat(values), flat(RunSpec().to_dict())
    younger = {key: BEFORE.get(key, default[key]) for key in again.keys() - written.keys()}
    assert again == written | younger
    assert RunSpec.of_run(spec.to_dict()) == RunSpec.from_json(spec.to_json()) == spec


def test_a_run_that_0_1_trained_gives_its_scores(tmp_path):
    run = read_run_dir(shutil.copytree(OLD / "run", tmp_path / "run"))
    result = run.result()
    pairs = np.concatenate([result.split.test, result.split.test_neg])
    truth = np.arange(len(pairs)) < len(result.split.test)
    scores = link_metrics(truth, result.scorer(run.graph())(pairs))
    assert scores["roc_auc"] == pytest.approx(result.metrics["test"]["roc_auc"], abs=1e-6)
    assert run.spec.scaling == "by_kind"
    assert len(run.events()) > 20


def test_what_is_written_names_its_version():
    assert json.loads(RunSpec().to_json())["version"] == VERSION
    assert set(STEPS) == set(range(1, VERSION))


def test_a_specification_written_by_hand_needs_no_version_and_takes_todays_defaults():
    assert RunSpec.from_json("{}") == RunSpec()
    assert RunSpec.from_dict({"version": 1}).scaling == "none"


@pytest.mark.parametrize("version", [0, -1, True, "2", 1.5, None, [2], 10**400])
def test_a_version_that_there_is_not_is_refused(version):
    with pytest.raises(SpecError, match="version"):
        RunSpec.of_run({"version": version})


def test_a_later_version_is_said_to_be_one():
    with pytest.raises(SpecError, match=f"version {VERSION + 1}.*up to version {VERSION}") as caught:
        RunSpec.of_run({"version": VERSION + 1, "something": "new"})
    assert "Update" in caught.value.mend


def test_a_version_is_no_setting():
    with pytest.raises(SpecError, match="No setting is called"):
        RunSpec().replace("version", 1)
