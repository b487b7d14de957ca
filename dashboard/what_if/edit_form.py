"""The form that makes one edit: its kind, and a widget for each of its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.figures import charts
from dashboard.finished_runs import scenarios
from dashboard.widgets import pick
from vgae_core.analysis.map_points import MAX_LISTED
from vgae_core.errors import SpecError, StudioError
from vgae_core.what_if.checks import MAX_NUMBER, MIN_WEIGHT
from vgae_core.what_if.edit_kinds import EDITS, EditField
from vgae_core.what_if.scenario import Edit, edit

SELECTED = "The nodes selected on the map"


def draw(
    run_id: str,
    kinds: Sequence[str],
    names: Sequence[str],
    columns: Sequence[str],
    latent_dim: int,
    check: Callable[[Sequence[Edit]], object],
) -> None:
    """Draw the form; an edit that cannot be made is said in its place, and what was typed stays.

    Parameters
    ----------
    run_id : str
    kinds : sequence of str
        Keys of :data:`EDITS` on offer.
    names : sequence of str
        Of nodes (or rows), new ones among them.
    columns : sequence of str
        Of features.
    latent_dim : int
    check : callable
        Raises StudioError if some edits cannot be made one after the other.
    """
    at = scenarios.desk(run_id)
    first = kinds.index("join") if at.selection and "join" in kinds else 0
    kind = st.selectbox(
        "Kind of edit", kinds, index=first, format_func=lambda key: EDITS[key].title, key="edit_kind",
        help="  \n".join(f"**{EDITS[key].title}**: {EDITS[key].help}" for key in kinds),
    )  # fmt: skip
    pair = at.scenario.pair or ("", "")
    guesses = iter([*pair, *pair])
    values: dict[str, Any] = {}
    for name, item in EDITS[kind].fields.items():
        key = f"edit_{kind}_{name}_{at.version}"
        guess = next(guesses, "") if item.kind == "node" and item.required else ""
        values[name] = _field(item, key, names, columns, latent_dim, guess, at.selection)
    if st.button("Add this edit", icon=":material/add:", key="add_edit", width="stretch"):
        try:
            made = edit(kind, on=True, where="", **_given(kind, values))
            check([*at.scenario.active, made])
            scenarios.add(run_id, made)
        except StudioError as error:
            st.warning(charts.message(str(error)), icon=":material/warning:")
        else:
            st.rerun()


def _given(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was typed as values of an edit, without those that were left out."""
    fields = EDITS[kind].fields
    read = {
        name: _numbers(value) if fields[name].kind == "values" else value for name, value in values.items()
    }
    return {name: value for name, value in read.items() if value is not None}


def _field(
    item: EditField,
    key: str,
    names: Sequence[str],
    columns: Sequence[str],
    latent_dim: int,
    guess: str,
    selection: tuple[str, ...],
) -> Any:
    if item.kind == "node":
        return pick.name(item.title, names, key, value=guess or None) or ("" if not item.required else None)
    if item.kind == "column":
        return pick.name(item.title, columns, key)
    if item.kind == "nodes":
        return _nodes(item, key, names, selection)
    if item.kind == "values":
        return st.text_area(
            item.title, key=key, placeholder="One per line: name = number", height=100,
            help="One per line: a name, then = and a number.",
        )  # fmt: skip
    if item.kind == "new":
        return st.text_input(item.title, key=key, max_chars=80) or None
    if item.kind == "share":
        return st.slider(item.title, 0.0, 1.0, float(item.default), 0.05, key=key)
    if item.kind == "axis":
        return st.number_input(item.title, 0, latent_dim - 1, int(item.default), key=key)
    low = MIN_WEIGHT if item.kind == "weight" else -MAX_NUMBER
    return st.number_input(item.title, low, MAX_NUMBER, float(item.default), step=0.5, key=key, format="%g")


def _nodes(item: EditField, key: str, names: Sequence[str], selection: tuple[str, ...]) -> list[str]:
    chosen: list[str] = []
    if selection and st.checkbox(f"{SELECTED} ({len(selection):,})", value=True, key=f"{key}_selected"):
        chosen = list(selection)
    if len(names) <= MAX_LISTED:
        more = st.multiselect(item.title, names, key=key, format_func=charts.visible)
    else:
        text = st.text_area(item.title, key=key, placeholder="One name per line", height=100)
        more = [line.strip() for line in text.splitlines() if line.strip()]
    return [*chosen, *more]


def _numbers(text: str) -> dict[str, float]:
    """Return the values in a text of lines ``name = number``; raise SpecError where a line is none."""
    found: dict[str, float] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, equals, value = line.rpartition("=")
        try:
            if not equals or not name.strip():
                raise ValueError
            found[name.strip()] = float(value)
        except ValueError as error:
            raise SpecError(
                f"Expected `name = number`. Received: {line.strip()!r:.60}.", where=f"line {number}"
            ) from error
    return found
