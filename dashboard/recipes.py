"""Recipes: whose settings are trained, and what each of them is."""

from __future__ import annotations

import functools
from typing import Any

import streamlit as st

from dashboard import charts, forms, state
from vgae_core.catalogue.recipes import RECIPES
from vgae_core.settings import RunSpec
from vgae_core.settings.fields import settings_of
from vgae_core.settings.recipes import candidates, recipe_of, with_recipe

KEPT = ("training.epochs", "training.patience", "training.batch_size")
"""What a recipe leaves of the training to the visitor."""

_TAKEN = "recipe_taken"


def fitting() -> list[str]:
    """Return the names of the recipes for such data, tried by the automatic choice or not."""
    has_features = state.profile().n_features > 0
    return [name for name, entry in RECIPES.items() if entry.features in (None, has_features)]


def tried(spec: RunSpec) -> dict[str, RunSpec]:
    """Return what the automatic choice would try on these data, by recipe."""
    return candidates(spec, has_features=state.profile().n_features > 0)


def _take(name: str) -> None:
    """Put a recipe in the place of network and training, before any page runs.

    What a recipe taken before has changed of the rest, and nobody has touched since, is first put back:
    epochs are not multiplied twice.
    """
    spec = state.spec()
    for key, (before, after) in st.session_state.get(_TAKEN, {}).items():
        if value_of(spec, key) == after:
            spec = spec.replace(key, before)
    taken = with_recipe(spec, name)
    beyond = [key for key in RECIPES[name].settings if not key.startswith(("model.", "training."))]
    st.session_state[_TAKEN] = {
        key: (value_of(spec, key), value_of(taken, key))
        for key in ("training.epochs", "training.patience", *beyond)
    }
    state.set_spec(taken, replace=True)


def value_of(spec: RunSpec, key: str) -> Any:
    """Return the value of a setting, of an output if `key` names one."""
    section, *path = key.split(".")
    if section == "outputs":
        return getattr(spec.output(path[0]), path[1])
    return functools.reduce(getattr, path, getattr(spec, section))


def choose() -> None:
    """Draw whose settings are trained: the visitor's own, which may start from a recipe, or those of the best one."""
    spec = state.spec()
    setting = next(setting for setting in settings_of(RunSpec) if setting.key == "recipe")
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        with st.container(width="content"):
            chosen = forms.field(setting, spec.recipe, setting.key)
        if chosen == "own":
            # Another key once one is taken: the list then closes.
            with st.popover(
                "Start from a recipe", icon=":material/menu_book:", key=f"recipes_{state.spec_version()}"
            ):
                _offer(spec)
    in_use = recipe_of(spec, fitting()) if chosen == "own" else None
    if in_use:
        entry = RECIPES[in_use]
        st.caption(f"As recipe **{charts.plain(entry.title)}**: {forms.about(entry)}")


def _offer(spec: RunSpec) -> None:
    """Draw every recipe for such data, the one in use marked."""
    st.caption(
        "A recipe sets network and training, and of the rest what it needs. Data, held-out edges and seed stay."
    )
    names = fitting()
    in_use = recipe_of(spec, names)
    for name in names:
        with st.container(gap="xsmall"):
            st.button(
                charts.plain(RECIPES[name].title),
                icon=":material/check:" if name == in_use else ":material/arrow_forward:",
                key=f"recipe_{name}",
                on_click=_take,
                args=(name,),
            )
            st.caption(forms.about(RECIPES[name]))


def show_tried(spec: RunSpec) -> None:
    """Draw what the automatic choice trains, and for how long at most."""
    for name, candidate in tried(spec).items():
        with st.container(border=True, gap="xsmall"):
            with st.container(horizontal=True, horizontal_alignment="distribute", gap="small"):
                st.markdown(f"**{charts.plain(RECIPES[name].title)}**", width="content")
                st.caption(
                    f"at most {candidate.training.epochs:,} epochs",
                    width="content",
                )
            st.caption(forms.about(RECIPES[name]))
