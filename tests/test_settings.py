"""The specification: bounds, JSON both ways, paths, and catalogues that resolve."""

from __future__ import annotations

import dataclasses
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.catalogue.families import FAMILIES
from vgae_core.catalogue.losses import LOSSES
from vgae_core.catalogue.metrics import METRICS
from vgae_core.catalogue.outputs import OUTPUTS
from vgae_core.errors import SpecError
from vgae_core.settings import DatasetSpec, FileSpec, ModelSpec, OutputSpec, RunSpec, TrainingSpec
from vgae_core.settings.defaults import for_family, offered_outputs
from vgae_core.settings.fields import settings_of


@given(
    epochs=st.integers(1, 100_000),
    rate=st.floats(1e-6, 1.0),
    latent=st.integers(1, 1024),
    hidden=st.lists(st.integers(1, 4096), max_size=4),
    weight=st.floats(0, 1e6),
    encoder=st.sampled_from([name for name, entry in ENCODERS.items() if "vgae" in entry.families]),
    seed=st.integers(0, 2**31 - 1),
)
def test_json_round_trip(epochs, rate, latent, hidden, weight, encoder, seed):
    spec = RunSpec(
        model=ModelSpec(latent_dim=latent, hidden_units=tuple(hidden), encoder=encoder),
        training=TrainingSpec(epochs=epochs, learning_rate=rate),
        outputs=(
            OutputSpec(name="adj_rec"),
            OutputSpec(name="z_vars", loss="kl_normal", weight=weight),
        ),
        seed=seed,
    )
    assert RunSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    ("key", "value", "fragment"),
    [
        ("training.epochs", 0, "`epochs` must be between 1 and 100000. Received: 0"),
        ("training.epochs", 1.5, "whole number"),
        ("training.epochs", True, "must be a number"),
        ("training.learning_rate", float("nan"), "finite number"),
        ("training.learning_rate", "fast", "must be a number"),
        ("model.encoder", "gnc", "Did you mean 'sgc' or 'gcn'"),
        ("model.variational", 1, "true or false"),
        ("model.hidden_units", 32, "must be a list"),
        ("model.hidden_units", [0], "between 1 and 4096"),
        ("outputs.z_vars.weight", -1, "`weight` must be between 0"),
        ("outputs.adj_rec.enabled", False, "always on"),
        ("dataset.repairs.weights", "double", "must be one of keep, ignore"),
        ("training.epoch", 3, "Did you mean 'training.epochs'"),
        ("nowhere.at.all", 3, "No setting is called"),
        ("seed", -1, "`seed` must be between"),
    ],
)
def test_bad_values_are_refused_with_the_value(key, value, fragment):
    with pytest.raises(SpecError, match=r".") as caught:
        RunSpec().replace(key, value)
    assert fragment in str(caught.value)


@pytest.mark.parametrize("text", ["", "[", "3", '{"extra": 1}', "[" * 100_000, '{"model": 3}'])
def test_bad_json_is_a_spec_error(text):
    with pytest.raises(SpecError):
        RunSpec.from_json(text)


def test_replace_changes_one_setting_only():
    spec = RunSpec()
    changed = spec.replace("outputs.z_vars.weight", 0.25)
    assert changed.output("z_vars").weight == 0.25
    assert changed.replace("outputs.z_vars.weight", 1.0) == spec


def test_every_setting_has_help_and_a_default_within_its_bounds():
    listed = list(settings_of(RunSpec))
    assert len(listed) > 15
    for setting in listed:
        assert len(setting.help) > 10, setting.key
        assert setting.title, setting.key
        if setting.type in (int, float):
            assert setting.low is not None, setting.key
            assert setting.high is not None, setting.key
            assert setting.low <= setting.default <= setting.high, setting.key
        if setting.choices:
            assert setting.default in setting.choices, setting.key


def test_settings_cover_every_field_but_lists_of_sections():
    def leaves(section, prefix=""):
        for item in dataclasses.fields(section):
            hint = typing.get_type_hints(section)[item.name]
            if dataclasses.is_dataclass(hint):
                yield from leaves(hint, f"{prefix}{item.name}.")
            elif item.name not in ("outputs", "files"):
                yield prefix + item.name

    assert {s.key for s in settings_of(RunSpec)} == set(leaves(RunSpec))


@pytest.mark.parametrize("kind", [None, "binary", "count", "non-negative", "real"])
@pytest.mark.parametrize("has_labels", [False, True])
def test_offered_outputs_match_the_data_and_the_catalogues(kind, has_labels):
    outputs = offered_outputs(feature_kind=kind, has_labels=has_labels)
    names = [o.name for o in outputs]
    assert names[:2] == ["adj_rec", "z_vars"]
    assert ("x_rec" in names) == (kind is not None)
    assert ("labels" in names) == has_labels
    for output in outputs:
        assert output.name in OUTPUTS
        entry = LOSSES[output.loss]
        assert output.name in entry.outputs
        assert output.name != "x_rec" or not entry.targets or kind in entry.targets
        assert all(output.name in METRICS[m].outputs for m in output.metrics)
    RunSpec(outputs=outputs)


def test_an_output_may_be_listed_once():
    twice = (
        OutputSpec(name="adj_rec"),
        OutputSpec(name="adj_rec"),
        OutputSpec(name="z_vars", loss="kl_normal"),
    )
    with pytest.raises(SpecError, match="once"):
        RunSpec(outputs=twice)


def test_how_files_are_read_is_part_of_the_specification():
    file = FileSpec(name="f.csv", role="features", separator="tab", uses={"y": "features", "1": "id"})
    spec = RunSpec(dataset=DatasetSpec(files=(file,)))
    assert RunSpec.from_json(spec.to_json()) == spec
    assert RunSpec.from_json(spec.to_json()).dataset.files[0].uses == {"y": "features", "1": "id"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"role": "edge"}, "role"),
        ({"uses": {"y": "labels"}}, "Did you mean 'label'"),
        ({"uses": ["y"]}, "object of texts"),
        ({"uses": {"y": 3}}, "unknown: 3"),
        ({"header": "no", "colour": "red"}, "Unknown setting"),
    ],
)
def test_how_files_are_read_is_checked(values, said):
    with pytest.raises(SpecError, match=said):
        FileSpec.from_dict(values)
    with pytest.raises(SpecError):
        RunSpec.from_dict({"dataset": {"files": [values]}})
    with pytest.raises(SpecError, match="list objects"):
        DatasetSpec(files=("f.csv",))


def test_settings_speak_of_what_a_family_holds_out():
    titles = {family: {s.key: s.title for s in settings_of(RunSpec, family=family)} for family in FAMILIES}
    assert titles["vgae"]["split.test_fraction"] == "Test edges"
    assert titles["vae"]["split.test_fraction"] == "Test share"
    assert "edges" not in next(
        s.help for s in settings_of(RunSpec, family="vae") if s.key == "split.val_fraction"
    )


def test_a_graph_without_features_gets_a_network_of_its_own():
    spec = for_family(RunSpec(), "vgae", feature_kind=None, has_labels=False)
    assert (spec.model.encoder, spec.model.node_input) == ("sage", "spectral_table")
    assert for_family(RunSpec(), "vgae", feature_kind="binary", has_labels=False).model == ModelSpec()
