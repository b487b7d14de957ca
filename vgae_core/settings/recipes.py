"""A recipe makes a specification of another."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from vgae_core.catalogue.base import nearest
from vgae_core.catalogue.recipes import RECIPES
from vgae_core.errors import SpecError
from vgae_core.settings.model import ModelSpec
from vgae_core.settings.run import RunSpec
from vgae_core.settings.training import TrainingSpec


def with_recipe(spec: RunSpec, name: str) -> RunSpec:
    """Return `spec` with network and training of a recipe; whatever else it does not name stays.

    Epochs and patience are those of `spec`, times what the recipe wants, within their bounds.

    Raises
    ------
    SpecError
        If there is no such recipe.
    """
    if name not in RECIPES:
        raise SpecError(f"`recipe` is unknown: {name!r}.{nearest(name, RECIPES)}", where="recipe")
    entry, old = RECIPES[name], spec.training
    longer = {
        item.name: min(getattr(old, item.name) * entry.longer, item.metadata["high"])
        for item in dataclasses.fields(TrainingSpec)
        if item.name in ("epochs", "patience")
    }
    training = TrainingSpec(**longer, batch_size=old.batch_size)
    chosen = dataclasses.replace(spec, recipe="own", model=ModelSpec(), training=training)
    for key, value in entry.settings.items():
        chosen = chosen.replace(key, value)
    return chosen


def fitting(*, has_features: bool) -> list[str]:
    """Return the names of the recipes for such data, whether they are tried or not, the recommended one first."""
    names = [name for name, entry in RECIPES.items() if entry.features in (None, has_features)]
    return sorted(names, key=lambda name: not RECIPES[name].why)


def candidates(spec: RunSpec, *, has_features: bool) -> dict[str, RunSpec]:
    """Return the specification of each recipe that the automatic choice tries on such data."""
    return {
        name: with_recipe(spec, name)
        for name, entry in RECIPES.items()
        if entry.tried and entry.features in (None, has_features)
    }


def recipe_of(spec: RunSpec, names: Iterable[str]) -> str | None:
    """Return which of the recipes called `names` the network and training of `spec` are, whatever its epochs."""
    for name in names:
        candidate = with_recipe(spec, name)
        kept = dataclasses.replace(
            candidate.training, epochs=spec.training.epochs, patience=spec.training.patience
        )
        if dataclasses.replace(candidate, training=kept) == spec:
            return name
    return None
