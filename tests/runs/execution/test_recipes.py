"""Recipes: what each changes, and the sweep over them that the automatic choice is."""

import dataclasses

import pytest

from tests.runs.made import make_graph
from vgae_core.catalogue.recipes import RECIPES
from vgae_core.errors import SpecError
from vgae_core.runs.execution.pipeline import execute
from vgae_core.runs.sweeps.study import Study
from vgae_core.settings import RunSpec
from vgae_core.settings.recipes import recipe_of, with_recipe
from vgae_core.settings.space import Space, over_recipes

AUTO = dataclasses.replace(RunSpec().replace("training.epochs", 8), recipe="auto", seed=3)


@pytest.mark.parametrize("has_features", [True, False])
def test_the_automatic_choice_is_a_sweep_over_every_recipe_that_fits(has_features):
    names = [n for n, e in RECIPES.items() if e.tried and e.features in (None, has_features)]
    spec, space = over_recipes(AUTO, has_features=has_features, minutes=10**9)
    space.check(spec)
    study = Study(space, spec)
    points = [study.point(params) for params in iter(study.ask, None)]
    assert sorted(point["recipe"] for point in points) == sorted(names)
    assert len(names) >= 2
    for point in points:
        assert space.at(spec, point) == with_recipe(AUTO, point["recipe"])
    assert Space.from_json(space.to_json()) == space


def test_a_run_itself_has_settings_of_its_own():
    with pytest.raises(SpecError, match="let a sweep choose one"):
        execute(AUTO, make_graph())


def test_auto_is_for_graphs_with_validation_edges():
    with pytest.raises(SpecError, match="needs validation edges"):
        AUTO.replace("split.val_fraction", 0.0)
    values = {**AUTO.to_dict(), "model": {"family": "vae", "encoder": "dense"}}
    values["outputs"] = [
        {"name": "output", "loss": "binary_crossentropy"},
        {"name": "z_vars", "loss": "kl_normal"},
    ]
    with pytest.raises(SpecError, match="needs a graph"):
        RunSpec.from_dict(values)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_changes_what_it_says_and_nothing_else_of_data_split_and_outputs(name):
    asked = RunSpec(seed=7).replace("split.test_fraction", 0.2).replace("model.latent_dim", 5)
    found = with_recipe(asked, name)
    assert (found.dataset, found.split, found.seed) == (asked.dataset, asked.split, asked.seed)
    assert found.training.epochs == asked.training.epochs * RECIPES[name].longer
    assert found.model.latent_dim == RECIPES[name].settings.get("model.latent_dim", 64)
    with pytest.raises(SpecError, match="`recipe` is unknown"):
        with_recipe(asked, name + "s")


def test_epochs_stay_within_their_bounds():
    found = with_recipe(RunSpec().replace("training.epochs", 90_000), "masked")
    assert found.training.epochs == 100_000
    assert found.training.patience == 4 * RunSpec().training.patience


@pytest.mark.parametrize("names", [["normalised", "masked", "kipf"], ["positions", "free_vectors"]])
def test_a_specification_tells_its_recipe(names):
    for name in names:
        found = with_recipe(RunSpec(), name)
        assert recipe_of(found, names) == recipe_of(found.replace("training.epochs", 3), names) == name
        assert recipe_of(found.replace("training.learning_rate", 0.02), names) is None
    assert recipe_of(AUTO, names) is None
