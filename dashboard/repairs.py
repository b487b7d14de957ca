"""The repairs of a graph as read: what has something to decide is open, the rest folded."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import streamlit as st

from dashboard import charts, forms, frame, state
from vgae_core.data.dataset import RawGraph
from vgae_core.data.repairs import Offer
from vgae_core.errors import StudioError
from vgae_core.spec import RepairSpec, Setting, settings

Drawn: TypeAlias = tuple[Setting, Offer | None]
"""A repair and what it would touch."""

_DECIDED_BY = {"missing_indicator": "missing"}
"""Repairs that matter only where another one has something to decide."""

_ERROR = "repair_error"


def choose() -> None:
    """Draw the repairs that have something to decide, and the others folded; a change applies at once."""
    offers = {offer.setting: offer for offer in state.report().offers}
    asked: list[Drawn] = []
    others: list[Drawn] = []
    for setting in settings(RepairSpec, "dataset.repairs."):
        offer = offers.get(_DECIDED_BY.get(setting.name, setting.name))
        count = offer.count if offer is not None else 0
        if setting.name == "relations":
            setting = _of_data(setting)
            count = len(setting.choices)
            if not count:
                continue
        if count or _value(setting) != setting.default:
            asked.append((setting, offer))
        elif offer is not None and setting.name not in _DECIDED_BY:
            others.append((setting, offer))
    if not asked and not others:
        return
    st.subheader("Repairs", anchor=False, help="Nothing is repaired silently: choose what happens.")
    values = _draw(asked) if asked else {}
    if others:
        title, icon = ("Other repairs", None) if asked else ("Nothing to repair", ":material/check_circle:")
        with st.expander(title, icon=icon):
            values |= _draw(others)
    _apply(values)


def _raw() -> RawGraph:
    raw = state.raw()
    assert raw is not None  # noqa: S101  there is a report of it
    return raw


def _value(setting: Setting) -> Any:
    return getattr(state.spec().dataset.repairs, setting.name)


def _of_data(setting: Setting) -> Setting:
    """Return the setting of relations with those of the data as its choices, the most frequent first."""
    raw = _raw()
    if raw.relations is None:
        return setting
    counts = np.bincount(raw.relations, minlength=len(raw.relation_names))
    names = [raw.relation_names[i] for i in np.argsort(-counts, kind="stable")]
    labels = {name: f"{name} ({count:,})" for name, count in zip(names, -np.sort(-counts), strict=True)}
    return dataclasses.replace(setting, choices=tuple(names), labels={**labels, "": "All"})


def _draw(offered: Sequence[Drawn]) -> dict[str, Any]:
    """Draw repairs with what each would touch; return their values by key."""
    values: dict[str, Any] = {}
    with st.grid(min_column_width=210):
        for setting, offer in offered:
            with st.container():
                values[setting.key] = forms.field(setting, _value(setting), setting.key)
                if offer and offer.setting == setting.name and offer.count:
                    st.caption(charts.message(offer.message))
    return values


def _apply(values: Mapping[str, Any]) -> None:
    spec = wanted = state.spec()
    for key, value in values.items():
        wanted = wanted.replace(key, value)
    if wanted != spec:
        try:
            state.set_spec(wanted)
        except StudioError as error:
            state.set_spec(spec, replace=True)
            st.session_state[_ERROR] = error
        st.rerun()
    if kept := st.session_state.pop(_ERROR, None):
        frame.report(kept)
