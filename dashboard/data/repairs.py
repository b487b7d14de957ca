"""The repairs of a graph as read: what has something to decide is open, the rest folded."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
import streamlit as st

from dashboard.app import frame, state
from dashboard.figures import charts
from dashboard.widgets import forms
from vgae_core.data.dataset import RawGraph
from vgae_core.data.findings import Finding
from vgae_core.data.repairs import Offer
from vgae_core.data.report import Report
from vgae_core.settings import RepairSpec
from vgae_core.settings.fields import Setting, settings_of

Drawn: TypeAlias = tuple[Setting, Offer | None]
"""A repair and what it would touch."""

_DECIDED_BY = {"missing_indicator": "missing"}
"""Repairs that matter only where another one has something to decide."""

_PLANS = {
    ("direction", "undirected"): (
        "1 arc has none in the other direction: all arcs become undirected edges.",
        "{count} arcs have none in the other direction: all arcs become undirected edges.",
    ),
    ("self_loops", "drop"): ("1 self-loop will be removed.", "{count} self-loops will be removed."),
    ("duplicates", "sum"): (
        "1 repeated edge will be added up.",
        "{count} repeated edges will be added up.",
    ),
    ("duplicates", "once"): (
        "1 repeated edge will count once.",
        "{count} repeated edges will count once.",
    ),
    ("component", "all"): (
        "1 node outside the largest component will be kept.",
        "{count} nodes outside the largest component will be kept.",
    ),
    ("weights", "keep"): (
        "1 weight other than 1 will be kept.",
        "{count} weights other than 1 will be kept.",
    ),
    ("weights", "ignore"): ("Weights will be ignored.", "Weights will be ignored."),
    ("missing_weights", "one"): (
        "1 weight is missing and will be 1.",
        "{count} weights are missing and will be 1.",
    ),
    ("missing", "mean"): (
        "1 feature value is missing and will be its column's mean.",
        "{count} feature values are missing and will be their columns' means.",
    ),
}
"""What a repair does at a value of its setting, to one case and to several; edges without weights count once."""

_ERROR = "repair_error"


def choose() -> None:
    """Draw the repairs that have something to decide, and the others folded; a change applies at once."""
    offers = {offer.setting: offer for offer in state.report().offers}
    asked: list[Drawn] = []
    others: list[Drawn] = []
    for setting in settings_of(RepairSpec, "dataset.repairs."):
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
    if not asked and (not others or state.report().is_matrix):
        return
    if asked:
        st.subheader("Repairs", anchor=False, help="Nothing is repaired silently: choose what happens.")
    keys = _draw(asked) if asked else []
    if others:
        with st.expander("Other repairs" if asked else "Nothing to repair"):
            keys += _draw(others)
    _take_back(keys)


def other_findings(report: Report) -> list[Finding]:
    """Return the findings that no repair decides."""
    decided = {offer.message for offer in report.offers}
    return [finding for finding in report.findings if finding.message not in decided]


def planned(report: Report) -> list[str]:
    """Return what the repairs that data start with do to them, one sentence each."""
    start = state.default_repairs(report)
    plans = []
    for offer in report.offers:
        if offer.count and offer.setting not in (*_DECIDED_BY, "relations"):  # a finding names the relations
            value = str(getattr(start, offer.setting))
            if offer.setting == "duplicates" and (report.weight_range is None or start.weights == "ignore"):
                value = "once"
            one, many = _PLANS.get((offer.setting, value), (offer.message, offer.message))
            plans.append((one if offer.count == 1 else many).format(count=f"{offer.count:,}"))
    return plans


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


def _draw(offered: Sequence[Drawn]) -> list[str]:
    """Draw repairs with what each would touch; return the paths of their settings."""
    with st.grid(min_column_width=210):
        for setting, offer in offered:
            with st.container():
                forms.field(setting, _value(setting), setting.key)
                if offer and offer.setting == setting.name and offer.count:
                    st.caption(charts.message(offer.message))
    return [setting.key for setting, _ in offered]


def _take_back(keys: Iterable[str]) -> None:
    """Put the widget of a repair that cannot be made back to what it was, and say why."""
    errors = [error for key in keys if (error := forms.refused(key))]
    if errors:
        st.session_state[_ERROR] = errors[0]
        state.set_spec(state.spec(), replace=True)
        st.rerun()
    if kept := st.session_state.pop(_ERROR, None):
        frame.report(kept)
