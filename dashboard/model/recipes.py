"""Recipes: one model or the best of several, and a card for each."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard.app import state
from dashboard.figures import charts
from dashboard.train import live
from dashboard.widgets import forms
from vgae_core.catalogue.losses import LIKELIHOODS, LOSSES
from vgae_core.catalogue.recipes import RECIPES
from vgae_core.settings import RunSpec
from vgae_core.settings.fields import settings_of
from vgae_core.settings.recipes import candidates, recipe_of, with_recipe
from vgae_core.settings.recipes import fitting as recipes_for

KEPT = ("training.epochs", "training.patience", "training.batch_size")
"""What a recipe leaves of the training to the visitor."""

_TAKEN = "recipe_taken"
_KEPT_BESIDE = "Replaces the network and training settings. Data, held-out fractions and seed are kept."


def fitting() -> list[str]:
    """Return the names of the recipes for such data, the recommended one first."""
    return recipes_for(has_features=state.profile().n_features > 0)


def tried(spec: RunSpec) -> dict[str, RunSpec]:
    """Return what the automatic choice would try on these data, by recipe."""
    return candidates(spec, has_features=state.profile().n_features > 0)


def _take(name: str) -> None:
    """Put a recipe in the place of network and training, before any page runs."""
    spec = _before(state.spec())
    taken = with_recipe(spec, name)
    beyond = [key for key in RECIPES[name].settings if not key.startswith(("model.", "training."))]
    st.session_state[_TAKEN] = {
        key: (value_of(spec, key), value_of(taken, key))
        for key in ("training.epochs", "training.patience", *beyond)
    }
    state.set_spec(taken, replace=True)


def _before(spec: RunSpec) -> RunSpec:
    """Return `spec` without what the recipe taken last changed beside network and training.

    What the visitor has touched since stays. So epochs are not multiplied twice.
    """
    for key, (before, after) in st.session_state.get(_TAKEN, {}).items():
        if value_of(spec, key) == after:
            spec = spec.replace(key, before)
    return spec


def value_of(spec: RunSpec, key: str) -> Any:
    """Return the value of a setting, of an output if `key` names one."""
    section, *path = key.split(".")
    if section == "outputs":
        return getattr(spec.output(path[0]), path[1])
    return functools.reduce(getattr, path, getattr(spec, section))


def choose() -> None:
    """Draw what is trained: one model, which may start from a recipe, or every recipe, of which the best is kept."""
    spec = state.spec()
    setting = next(setting for setting in settings_of(RunSpec) if setting.key == "recipe")
    chosen = forms.field(setting, spec.recipe, setting.key, side_by_side=True)
    names = fitting() if chosen == "own" else list(tried(spec))
    in_use = recipe_of(spec, names) if chosen == "own" else None
    with st.grid(3 if len(names) > 4 else max(len(names), 1), min_column_width=300, gap="small"):
        for name in names:
            _card(spec, name, in_use=name == in_use, trained=chosen == "auto")
    if chosen == "own" and in_use is None:
        st.caption(":material/tune: Your own settings: no recipe.")


def show_default(default: RunSpec, take: Callable[[], None]) -> None:
    """Draw the settings that a matrix starts with, as the one recipe there is for it."""
    spec = state.spec()
    loss, reason = LIKELIHOODS[state.profile().feature_kind or "real"]
    in_use = all(
        getattr(spec, part) == getattr(default, part) for part in ("model", "training", "active_outputs")
    )
    line, problem = live.cost_lines(default, state.profile(), pace=state.pace(default))
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**{charts.plain(LOSSES[loss].title)} auto-encoder**")
        st.badge("Recommended for this data", icon=":material/star:", color="blue")
        st.caption(f"The likelihood goes by the values of the matrix: {charts.message(reason)}.")
        if problem and not line:
            st.caption(f":material/memory: {charts.message(problem)}")
        else:
            st.caption(
                f":material/schedule: {live.cost_badge(default, state.profile(), state.pace(default))}"
            )
        st.button(
            "In use" if in_use else "Use this recipe",
            icon=":material/check:" if in_use else None,
            key="recipe_default",
            on_click=take,
        )


def _card(spec: RunSpec, name: str, *, in_use: bool, trained: bool) -> None:
    """Draw a recipe: what it is, why it is recommended, what it costs, and the button that takes it."""
    entry, candidate = RECIPES[name], spec if in_use else with_recipe(_before(spec), name)
    line, problem = live.cost_lines(candidate, state.profile(), pace=state.pace(candidate))
    with st.container(border=True, gap="xsmall", height="stretch"):
        st.markdown(f"**{charts.plain(entry.title)}**")
        if entry.why:
            st.badge("Recommended for this data", icon=":material/star:", color="blue")
            st.caption(charts.message(entry.why))
        st.caption(forms.about(entry))
        if problem and not line:
            st.caption(f":material/memory: {charts.message(problem)}")
        else:
            st.caption(
                f":material/schedule: {live.cost_badge(candidate, state.profile(), state.pace(candidate))}"
            )
        if trained:
            return
        st.button(
            "In use" if in_use else "Use this recipe",
            icon=":material/check:" if in_use else None,
            key=f"recipe_{name}",
            help=_KEPT_BESIDE,
            disabled=bool(problem and not line),
            on_click=_take,
            args=(name,),
        )
