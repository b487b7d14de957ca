"""The card of one node, or of one row of a matrix: who it is, what it is like, what it is linked to."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.app import frame
from dashboard.figures import charts, maps
from dashboard.finished_runs import asking, link_columns, results, scenarios, scores
from dashboard.finished_runs.shared import KEPT, shared
from dashboard.latent_space import clusters
from dashboard.reconstruction import next_links
from dashboard.what_if import answer_figures
from vgae_core.analysis import latent_neighbours, node_profile
from vgae_core.analysis.node_profile import ColumnSummary
from vgae_core.errors import RunError
from vgae_core.host.limits import LIMITS
from vgae_core.what_if.ego import DEPTHS, SHOWN, ego

TOLD = ("label", "predicted_label", "label_part", "degree", "core", "community", "row_values", *maps.CLUSTERS)
"""Columns of the node table that the card tells, in this order."""

PLACED = ("reconstruction_error", "feature_error", "uncertainty")
"""Columns of which the card tells where the node stands among all."""

ROWS = 300
"""Features listed at most."""

ORDERS = {"score": "What sets it apart", "value": "Value"}

HEIGHT = 320
"""Pixels of a table."""


def show(held: results.Opened, node: int) -> None:
    """Draw the card of a node or a row."""
    name = results.node_names(held.id)[node]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(charts.plain(name, 60), anchor=False, width="content")
        if st.button(
            "What if…", key="node_what_if", icon=":material/alt_route:", help="Edit it and see what changes."
        ):
            scenarios.ask(held.id, (name, ""))
    _show_facts(held, node)
    _show_neighbours(held, node)
    if not held.family.links_nodes:
        _show_expected(held, node)
    elif held.graph.n_nodes <= LIMITS.answer_nodes:
        next_links.card(held, node)
    if not held.family.links_nodes:
        _show_code(held, node)
        return
    left, right = st.columns(2, gap="medium")
    with left:
        _show_network(held, node)
    if held.graph.features is not None:
        with right:
            _show_features(held, node)
    with right if held.graph.features is None else left:
        _show_code(held, node)


def _show_facts(held: results.Opened, node: int) -> None:
    """Draw what the node table says, and where the node's errors stand among all."""
    table = clusters.table(held)
    row = table.iloc[node]
    facts = []
    for column in TOLD:
        if column in table and not pd.isna(row[column]) and row[column] != -1:
            value = row[column]
            told = charts.plain(value, 40) if column in maps.GROUPS else f"{value:,}"
            facts.append(f"{charts.plain(maps.title(column))} **{told}**")
    st.markdown(" · ".join(facts))
    places = []
    for column in PLACED:
        if column not in table:
            continue
        share = _percentile(held, column, node)
        if not np.isnan(share):
            places.append(
                f"{charts.plain(maps.title(column))} {row[column]:.3g}, higher than {share:.0f} % of the others"
            )
    if places:
        st.caption(" · ".join(places))


def _percentile(held: results.Opened, column: str, node: int) -> float:
    values = results.node_table(held.id)[column].to_numpy(np.float64)
    return node_profile.percentile(values, node)


# ------------------------------------------------------------------------------- neighbours
def _show_neighbours(held: results.Opened, node: int) -> None:
    """Draw the nearest codes of a node beside its true neighbours, or beside the entries of a row."""
    # An inner product of codes is the logit of an edge; of two rows it says nothing.
    known = get_args(latent_neighbours.Similarity)
    measures: list[latent_neighbours.Similarity] = [
        n for n in known if n != "inner_product" or held.family.links_nodes
    ]
    metric = st.segmented_control(
        "Nearness",
        measures,
        default=measures[0],
        required=True,
        format_func=lambda key: latent_neighbours.SIMILARITIES[key].title,
        help="  \n".join(
            f"**{entry.title}**: {entry.help}"
            for entry in map(latent_neighbours.SIMILARITIES.__getitem__, measures)
        ),
        key=f"map_metric_{held.noun}",
    )
    metric = metric or measures[0]
    near, true, hits = results.near_and_true(held, node, metric)
    columns: dict[str, Any] = {
        "place": st.column_config.NumberColumn(
            "Rank", help=f"Rank by nearness among all other {held.noun}s."
        ),
        "node": held.noun.capitalize(),
        "label": "Label",
        "value": st.column_config.NumberColumn(latent_neighbours.SIMILARITIES[metric].title, format="%.3f"),
        "edge": st.column_config.CheckboxColumn("Edge", help="Whether an edge joins the two."),
    }
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Nearest in latent space**")
        _table(near, columns, "near_table")
    with right:
        if not held.family.links_nodes:
            entries = results.row_entries(held.id, node)
            st.markdown(f"**Its entries** ({len(entries):,})")
            if entries.empty:
                st.caption("All its values are 0.")
                return
            _table(entries, scores.entry_columns(held), "row_table")
            return
        st.markdown(f"**True neighbours** ({len(true):,})")
        if len(true):
            _table(true, columns, "true_table")
            st.caption(
                f"{hits:,} of its {len(true):,} true neighbours are among its {len(true):,} nearest codes."
            )
        else:
            st.caption("No edge leads to or from this node.")


def _table(table: pd.DataFrame, columns: dict[str, Any], key: str) -> None:
    height = min(388, 38 + link_columns.ROW_HEIGHT * max(len(table), 1))
    st.dataframe(
        link_columns.styled(table),
        column_config=columns,
        hide_index=True,
        width="stretch",
        key=key,
        height=height,
    )


def _show_expected(held: results.Opened, row: int) -> None:
    """Draw the entries that a row lacks, those first that the model expects most."""
    table = results.recommended_to(held.id, row)
    st.markdown("**Expected entries** that it lacks, the most expected first")
    _table(table, scores.entry_columns(held) | {"place": "#"}, "expected_table")


# ---------------------------------------------------------------------------------- network
@frame.fragment()
def _show_network(held: results.Opened, node: int) -> None:
    """Draw the neighbourhood of a node with the model's view of each edge."""
    if held.graph.n_nodes > LIMITS.answer_nodes:
        return
    try:
        model = asking.model(held.id)
    except RunError:  # the links above say why
        return
    st.markdown("**Neighbourhood**")
    depth = st.segmented_control("Steps", DEPTHS, default=DEPTHS[0], required=True, key="card_depth")
    changes = model.changes(())
    drawn = KEPT.get(
        (held.id, node, depth, "card_ego"), lambda: ego(model, changes, model.after(changes), (node,), depth)
    )
    st.echarts_chart(
        answer_figures.picture(drawn), height=380, key=f"card_ego_{held.id}",
        alt=f"Neighbourhood of the node: {len(drawn.nodes)} nodes and {len(drawn.edges)} edges.",
    )  # fmt: skip
    more = f" The {SHOWN} likeliest of {drawn.n_nodes:,} nodes." if drawn.n_nodes > len(drawn.nodes) else ""
    st.caption(f"Wider edges are likelier to the model.{more}")


# ------------------------------------------------------------------------- code and features
def _show_code(held: results.Opened, node: int) -> None:
    codes = held.result.codes
    table = node_profile.code_table(codes.z_mean, codes.z_log_var, _code_bounds(held.id), node)
    st.markdown("**Latent code**")
    charts.show(
        code_figure(table, held.noun), key="card_code", height=300,
        alt="Latent code: " + ", ".join(f"axis {row.axis}: {row.mean:.2f}" for row in table.itertuples()),
    )  # fmt: skip


@shared
def _code_bounds(run_id: str) -> np.ndarray:
    return node_profile.code_bounds(results.codes_of(run_id).z_mean)


def code_figure(table: pd.DataFrame, noun: str) -> go.Figure:
    """Return the picture of a code: each axis' mean with its σ, over the range of all nodes."""
    fig = go.Figure()
    fig.add_bar(
        x=table["axis"], y=table["high"] - table["low"], base=table["low"],
        marker={"color": charts.MUTED, "opacity": 0.3}, name=f"5 to 95 % of all {noun}s", hoverinfo="skip",
    )  # fmt: skip
    spread = {"type": "data", "array": table["sigma"]} if "sigma" in table else None
    fig.add_scatter(
        x=table["axis"], y=table["mean"], error_y=spread, mode="markers", marker={"size": 8, "color": charts.colour(0)},
        name=f"This {noun}" + (" ± σ" if spread else ""), hovertemplate="axis %{x}: %{y:.3f}<extra></extra>",
    )  # fmt: skip
    fig.update_layout(xaxis_title="Latent axis", yaxis_title="z (units of the prior's σ)", bargap=0.35)
    fig.update_xaxes(dtick=1 if len(table) <= 20 else None)
    return fig


@shared
def column_summary(run_id: str) -> ColumnSummary:
    """Return what every column of the features of a run's data holds."""
    return node_profile.summarise_columns(results.graph_of(run_id).features)


def _show_features(held: results.Opened, node: int) -> None:
    names = np.array(results.column_names(held.id), dtype=object)
    table = node_profile.node_features(held.graph.features, names, column_summary(held.id), node)
    st.markdown(f"**Features** ({len(table):,})")
    if table.empty:
        st.caption("All its features are 0.")
        return
    order = st.segmented_control(
        "First by",
        ORDERS,
        default="score",
        required=True,
        format_func=ORDERS.__getitem__,
        key="card_features",
    )
    if order == "value":
        table = table.sort_values("value", ascending=False, kind="stable", ignore_index=True)
    number = st.column_config.NumberColumn
    st.dataframe(
        results.shown(table.head(ROWS)),
        column_config={
            "feature": "Feature", "value": number("Value", format="%.4g"),
            "mean": number("Mean of all", format="%.4g"),
            "share": number("Nodes with it", format="percent", help="Share of nodes with a value other than 0."),
            "score": number("Score", format="%.2f", help="Standard deviations above the mean of all nodes."),
        },
        hide_index=True, width="stretch", key="card_feature_table",
        height=min(HEIGHT * 2, 38 + link_columns.ROW_HEIGHT * len(table)),
    )  # fmt: skip
