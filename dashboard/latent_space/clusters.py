"""Clusters of the codes beside those that need no training, and what a linear classifier reads from codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.app import state
from dashboard.figures import charts, maps
from dashboard.finished_runs import results
from dashboard.finished_runs.shared import KEPT
from dashboard.latent_space import selecting
from dashboard.widgets import background, forms
from vgae_core.analysis import clusters, probe
from vgae_core.analysis.clusters import METHODS, ClusterSpec
from vgae_core.host.limits import LIMITS
from vgae_core.runs.views.groupings import probe_table
from vgae_core.settings.fields import settings_of

COLUMN = {
    "kmeans": "cluster_kmeans", "hdbscan": "cluster_hdbscan", "leiden": "community", "smoothed": "cluster_smoothed",
}  # fmt: skip
"""Column of the node table that holds the clusters of each method."""

_SPECS = "cluster_specs"


def chosen(run_id: str) -> ClusterSpec:
    """Return how the visitor has clusters found of a run."""
    return st.session_state.get(_SPECS, {}).get(run_id, ClusterSpec())


def choose(run_id: str, spec: ClusterSpec) -> None:
    """Have clusters of a run found in this way."""
    st.session_state.setdefault(_SPECS, {})[run_id] = spec


def _made(held: results.Opened) -> background.Result | None:
    return background.result(f"clusters|{held.id}|{chosen(held.id)}", held.run.path)


def key(held: results.Opened) -> ClusterSpec | None:
    """Return what tells one :func:`table` from another."""
    return chosen(held.id) if _made(held) is not None else None


def table(held: results.Opened) -> pd.DataFrame:
    """Return the node table, with the clusters that were found as further columns."""
    plain = results.node_table(held.id)
    made = _made(held)
    if made is None:
        return plain
    columns = {COLUMN[name]: member for name, member in made[0].items() if name != "leiden"}
    whole = results.ready(held.id)
    return KEPT.get((held.id, whole, chosen(held.id), "clustered"), lambda: plain.assign(**columns))


def _inputs(held: results.Opened, **more: Any) -> background.Inputs:
    options = {"run": str(held.run.path), "graph": str(state.store().open_run(held.id).graph_path)}
    return lambda: ({}, {**options, "most_nodes": LIMITS.answer_nodes, **more})


def show(held: results.Opened) -> None:
    """Draw the clusters of a run, how good they are, and the probe of its labels."""
    spec = _choose(held)
    made = _made(held)
    if made is None:
        background.panel(
            "clusters", f"clusters|{held.id}|{spec}", "clusters", _inputs(held, spec=spec.to_dict()),
            label="Find clusters", seconds=clusters.SECONDS, keep=held.run.path,
            about="Clusters of the latent codes, next to clusters that need no training. They colour the map and can "
            "be selected.",
        )  # fmt: skip
    else:
        _show_scores(held, *made)
    if held.graph.labels is not None:
        _show_probe(held, spec)


def _choose(held: results.Opened) -> ClusterSpec:
    """Draw the settings and return them."""
    before = chosen(held.id)
    with st.popover("Settings", icon=":material/tune:"):
        values = {
            setting.name: forms.field(setting, getattr(before, setting.name), f"clusters_{setting.name}")
            for setting in settings_of(ClusterSpec)
            if held.family.links_nodes or setting.name != "hops"
        }
    spec = ClusterSpec.from_dict(values)
    choose(held.id, spec)
    return spec


def _show_scores(held: results.Opened, members: dict[str, np.ndarray], values: dict[str, Any]) -> None:
    scores = pd.DataFrame(values["scores"])
    names = scores["method"].tolist()
    titles = {name: entry.title for name, entry in METHODS.items()}
    if not held.family.links_nodes:
        titles["smoothed"] = "k-means of the rows"  # there is no neighbourhood to average over
    scores["method"] = [titles[name] for name in names]
    number = st.column_config.NumberColumn
    event = st.dataframe(
        scores,
        column_config={
            "method": st.column_config.Column("Clusters by", width="medium"),
            "clusters": number("Clusters"),
            "without": number("Without", help=f"{held.noun.capitalize()}s that are in no cluster."),
            "nmi": number("NMI", format="%.3f", help="Normalised mutual information with the labels: 0 to 1."),
            "ari": number("ARI", format="%.3f", help="Adjusted Rand index with the labels: 0 by chance, 1 the same."),
            "modularity": number(
                "Modularity", format="%.3f", help="Edges inside clusters beyond those that chance puts there."
            ),
            "conductance": number(
                "Conductance", format="%.3f",
                help="Share of a cluster's edge ends that lead out of it, mean over clusters; lower is better.",
            ),
            "silhouette": number(
                "Silhouette", format="%.3f",
                help="How much nearer a code is to its own cluster than to the next, -1 to 1. Measured among the codes "
                "for every method, which favours clusters of the codes.",
            ),
        },
        hide_index=True, width="stretch", key="cluster_scores", on_select="rerun", selection_mode="single-row-required",
        selection_default={"selection": {"rows": [0]}},
    )  # fmt: skip
    for name, why in values["left_out"].items():
        st.caption(f"Without {titles[name]}: {charts.message(why)}")
    rows = event["selection"]["rows"]
    method = names[rows[0] if rows else 0]
    if held.family.links_nodes or method != "smoothed":
        st.caption(METHODS[method].help)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        column = COLUMN[method]
        there = column in table(held)
        st.button(
            "Colour the map by it", key="cluster_colour", icon=":material/palette:", disabled=not there,
            on_click=_colour, args=(column,),
        )  # fmt: skip
        sizes = np.bincount(members[method][members[method] >= 0])
        if len(sizes):
            cluster = st.selectbox(
                "Cluster", range(len(sizes)), key=f"cluster_of_{method}", width=240,
                format_func=lambda i: f"{maps.group_name(column, i)} ({sizes[i]:,})",
            )  # fmt: skip
            st.button(
                "Select it", key="cluster_select", icon=":material/select:",
                on_click=selecting.select, args=(held.id, np.flatnonzero(members[method] == cluster)),
                kwargs={"link": f"group:{column}:{cluster}"} if there else None,
            )  # fmt: skip


def _colour(column: str) -> None:
    st.session_state["map_colour"] = column


def _show_probe(held: results.Opened, spec: ClusterSpec) -> None:
    st.markdown("**What a linear classifier can tell about the labels**")
    key = f"probe|{held.id}|{spec.hops}|{spec.seed}"
    made = background.result(key, held.run.path)
    if made is None:
        background.panel(
            "probe", key, "probe", _inputs(held, hops=spec.hops, seed=spec.seed), label="Probe the labels",
            about=f"Logistic regression in {probe.FOLDS} folds, on the codes and on features without training.",
            seconds=probe.SECONDS, keep=held.run.path,
        )  # fmt: skip
        return
    values = made[1]
    number = st.column_config.NumberColumn
    st.dataframe(
        probe_table(values),
        column_config={
            "input": st.column_config.Column("Read from", width="medium"),
            "accuracy": number("Accuracy", format="%.3f", help="Share of labels predicted right, mean over folds."),
            "accuracy_sd": number("± sd", format="%.3f", help="Standard deviation over folds."),
            "macro_f1": number("Macro F1", format="%.3f", help="Mean over labels: rare ones count as much."),
            "macro_f1_sd": number("± sd ", format="%.3f", help="Standard deviation over folds."),
        },
        hide_index=True, width="stretch", key="probe_table",
    )  # fmt: skip
    rare = f" {values['n_rare']:,} rarer labels are left out." if values["n_rare"] else ""
    st.caption(
        f"{values['n_nodes']:,} {held.noun}s, {values['n_classes']:,} labels; the most frequent has "
        f"{values['majority']:.1%}.{rare}"
    )
    if "label_probabilities" in held.result.nodes:
        st.caption("The network learnt labels too, so its codes know those of training nodes.")
