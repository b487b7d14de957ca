"""The latent axes: which are used, which nodes and features go with each, and a walk along one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.finished_runs import results
from dashboard.finished_runs.shared import shared
from dashboard.latent_space import node_card
from vgae_core.analysis import axes, latent_use
from vgae_core.host.limits import LIMITS
from vgae_core.runs.results import decoded

ROWS = 100
"""Features listed at most."""


@shared
def table(run_id: str) -> pd.DataFrame:
    """Return :func:`vgae_core.analysis.axes.axis_table` of a run."""
    codes, graph = results.codes_of(run_id), results.graph_of(run_id)
    nodes = results.node_table(run_id)
    degree = nodes["degree"].to_numpy() if "degree" in nodes else None
    return axes.axis_table(codes.z_mean, codes.z_log_var, degree=degree, labels=graph.labels)


def show(held: results.Opened, focus: int | None) -> None:
    """Draw the axes of a run, and what goes with the chosen one."""
    summary = table(held.id)
    active = int(summary["active"].sum())
    st.markdown(f"**{active:,} of {len(summary):,} axes are active**" + _collapsed(len(summary) - active))
    number = st.column_config.NumberColumn
    event = st.dataframe(
        summary,
        column_config={
            "axis": number("Axis", width="small"),
            "variance": number(
                "Variance", format="%.4f", help=f"Of the mean codes. Above {latent_use.ACTIVE} an axis is active."
            ),
            "active": st.column_config.CheckboxColumn("Active"),
            "kl": number("KL", format="%.4f", help=f"Nats per {held.noun}, from the standard normal."),
            "sigma": number("Mean σ", format="%.3f", help="1 is the prior: the axis carries no information."),
            "degree": number("With degree", format="%.3f", help="Spearman's rank correlation, -1 to 1."),
            "labels": number("Between labels", format="%.3f", help="η²: share of the axis' variance between labels."),
        },
        hide_index=True, width="stretch", key="axis_table", on_select="rerun", selection_mode="single-row-required",
        height=min(388, 38 + 35 * len(summary)), selection_default={"selection": {"rows": [0]}},
    )  # fmt: skip
    rows = event["selection"]["rows"]
    _show_axis(held, rows[0] if rows else 0, focus)


def _collapsed(count: int) -> str:
    if not count:
        return "."
    return (
        "; 1 has collapsed and says nothing."
        if count == 1
        else f"; {count:,} have collapsed and say nothing."
    )


@shared
def _features(run_id: str, axis: int) -> pd.DataFrame:
    names = np.array(results.column_names(run_id), dtype=object)
    values = results.codes_of(run_id).z_mean[:, axis]
    return axes.axis_features(
        values, results.graph_of(run_id).features, names, node_card.column_summary(run_id)
    )


def _comparable(held: results.Opened) -> bool:
    """Return whether the features are few enough to be compared on a page."""
    graph = held.graph
    return graph.features is not None and graph.profile.feature_nnz <= LIMITS.compared_values


def _show_axis(held: results.Opened, axis: int, focus: int | None) -> None:
    values = held.result.codes.z_mean[:, axis]
    high, low = axes.ends(values)
    left, right = st.columns(2, gap="medium")
    for side, nodes, title in ((left, high, "Highest"), (right, low, "Lowest")):
        with side:
            st.markdown(f"**{title} on axis {axis + 1}**")
            _nodes(held, nodes, f"axis_{title.lower()}", z=values[nodes])
    number = st.column_config.NumberColumn
    left, right = st.columns(2, gap="medium")
    with left:
        if held.graph.labels is not None:
            st.markdown("**Labels along it**")
            along = axes.axis_labels(values, held.graph.labels, held.graph.label_names)
            st.dataframe(
                results.shown(along),
                column_config={
                    "label": "Label", "nodes": number(f"{held.noun.capitalize()}s"),
                    "mean": number("Mean z", format="%.3f"),
                    "correlation": number("Correlation", format="%.3f", help="Of having the label, with the axis."),
                },
                hide_index=True, width="stretch", key="axis_labels", height=min(320, 38 + 35 * max(len(along), 1)),
            )  # fmt: skip
    with right:
        if _comparable(held):
            st.markdown("**Features that go with it**")
            features = _features(held.id, axis).head(ROWS)
            st.dataframe(
                results.shown(features),
                column_config={
                    "feature": "Feature", "share": number("Filled", format="percent"),
                    "correlation": number("Correlation", format="%.3f", help="Pearson's, with the axis."),
                },
                hide_index=True, width="stretch", key="axis_features", height=min(320, 38 + 35 * max(len(features), 1)),
            )  # fmt: skip
    _walk(held, axis, focus)


def _nodes(held: results.Opened, nodes: np.ndarray, key: str, **more: Any) -> None:
    known = results.node_table(held.id)
    columns = [name for name in ("node", "label", "degree") if name in known]
    shown = known.iloc[nodes][columns].reset_index(drop=True).assign(**more)
    st.dataframe(
        results.shown(shown),
        column_config={
            "node": held.noun.capitalize(), "label": "Label", "degree": st.column_config.NumberColumn("Degree"),
            "z": st.column_config.NumberColumn("z", format="%.3f"),
        },
        hide_index=True, width="stretch", key=key, height="content" if len(nodes) <= axes.ENDS else 388,
    )  # fmt: skip


def _walk(held: results.Opened, axis: int, focus: int | None) -> None:
    """Draw a walk along an axis: which nodes and which features appear."""
    start = "the mean code" if focus is None else f"the code of the {held.noun} looked at"
    st.markdown(f"**Move along axis {axis + 1}**, from {start}")
    steps = st.slider(
        "Standard deviations along the axis", -axes.RANGE, axes.RANGE, 0.0, 0.5, key=f"axis_walk_{axis}"
    )
    z = held.result.codes.z_mean
    place = axes.place_on(z, axis, steps, focus)
    nodes = axes.near_place(z, place)
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(f"**The {len(nodes)} {held.noun}s with such codes**")
        _nodes(held, nodes, "walk_nodes")
    with right:
        if _comparable(held):
            st.markdown("**What they have more of than others**")
            names = np.array(results.column_names(held.id), dtype=object)
            table = axes.features_of(nodes, held.graph.features, names, node_card.column_summary(held.id))
            number = st.column_config.NumberColumn
            st.dataframe(
                results.shown(table.head(ROWS)),
                column_config={
                    "feature": "Feature", "here": number("Mean here", format="%.4g"),
                    "mean": number("Mean of all", format="%.4g"), "score": number("Score", format="%.2f"),
                },
                hide_index=True, width="stretch", key="walk_features", height=388,
            )  # fmt: skip
    if decoded.decodes(held.result):
        names = np.array(results.column_names(held.id), dtype=object)
        origin = axes.place_on(z, axis, 0.0, focus)
        number = st.column_config.NumberColumn
        st.markdown("**What the model expects here**, what grows most from the start first")
        st.dataframe(
            results.shown(decoded.along(held.result, names, origin, place).head(ROWS)),
            column_config={
                "feature": "Feature", "here": number("Expected here", format="%.4g"),
                "start": number("At the start", format="%.4g"), "change": number("Change", format="%+.4g"),
            },
            hide_index=True, width="stretch", key="walk_expected", height=388,
        )  # fmt: skip
