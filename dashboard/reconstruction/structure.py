"""Where the reconstruction is right and wrong: by groups, in the ordered matrix, by kind of pair, over samples of z."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from dashboard.app import frame
from dashboard.figures import charts
from dashboard.finished_runs import link_columns, results
from dashboard.finished_runs.shared import shared
from vgae_core.analysis import cell_density as cells
from vgae_core.analysis.cell_density import CellDensity
from vgae_core.analysis.scoring import probabilities
from vgae_core.errors import RunError
from vgae_core.host.limits import LIMITS
from vgae_core.runs.results import pair_kinds, posterior
from vgae_core.runs.views import first_view, link_tables

GROUPINGS = {"community": "Communities", "label": "Labels"}
"""What nodes are grouped by."""

DECADES = 3
"""Powers of ten of density that colours tell apart."""

SIDES = ("In the data", "Expected by the model")
"""What stands side by side."""

LINKS = 25
"""First predicted links whose scores are drawn over samples of z."""


# ------------------------------------------------------------------------- worked out once
def _groups(run_id: str, by: str) -> tuple[np.ndarray, list[str]]:
    """Return the group of each node, the largest first, and their names; the last is of all others."""
    graph = results.graph_of(run_id)
    if by == "label" and graph.labels is not None:
        groups, kept = cells.largest_groups(graph.labels)
        names = [charts.visible(graph.label_names[at]) for at in kept.tolist()]
    else:
        groups, kept = cells.largest_groups(results.whole_node_table(run_id)["community"].to_numpy())
        names = [f"Community {at}" for at in kept.tolist()]
    rest = "Other or unknown" if by == "label" else "All other"
    return groups, [*names, rest] if groups.max(initial=-1) == len(kept) else names


@shared
def blocks(run_id: str, by: str) -> tuple[CellDensity, list[str]]:
    """Return the density between groups, counted and expected, and their names."""
    groups, names = _groups(run_id, by)
    between = first_view.blocks(results.costly(run_id).result()) if by == "community" else None
    if between is None:
        between = first_view.group_density(*results.load(run_id), groups, cells.GROUP_PAIRS)
    return between, names


@shared
def ordered(run_id: str, by: str, group: int, other: int) -> tuple[CellDensity, np.ndarray, np.ndarray]:
    """Return the ordered matrix, and how many nodes each group takes of its rows and of its columns.

    Of all nodes where `group` is negative, else of that group (rows) with `other` (columns).
    """
    graph = results.graph_of(run_id)
    groups, _ = _groups(run_id, by)
    order = np.lexsort((-np.diff(graph.adjacency.indptr), groups))
    rows = order if group < 0 else order[groups[order] == group]
    if group < 0 or group == other:
        bins = cells.bins_in_order(rows, n_nodes=graph.n_nodes)
        sizes = np.bincount(groups[rows])
        return first_view.group_density(*results.load(run_id), bins, cells.BIN_PAIRS), sizes, sizes
    columns = order[groups[order] == other]
    bins = cells.bins_in_order(rows, columns, n_nodes=graph.n_nodes)
    n_rows = int(bins[rows].max()) + 1
    density = first_view.group_density(*results.load(run_id), bins, cells.BIN_PAIRS, n_rows)
    return density, np.array([len(rows)]), np.array([len(columns)])


@shared
def kinds(run_id: str, with_communities: bool) -> dict[str, pd.DataFrame]:
    """Return how well held-out pairs of each kind are scored."""
    communities = results.whole_node_table(run_id)["community"].to_numpy() if with_communities else None
    return pair_kinds.kind_tables(*results.load(run_id), communities)


@shared
def sampled(run_id: str) -> list[posterior.Sampled]:
    """Return the test scores over samples of z, in a list that is empty where there are none."""
    found = posterior.sampled_scores(*results.load(run_id))
    return [] if found is None else [found]


@shared
def sampled_links(run_id: str) -> pd.DataFrame:
    """Return the first predicted links with the interval of their probability over samples of z."""
    result, graph = results.load(run_id)
    pairs, logits = result.missing_links(graph, LINKS)
    drawn = posterior.sample_links(result, graph, pairs)
    low, high = np.quantile(drawn, [(1 - posterior.LEVEL) / 2, (1 + posterior.LEVEL) / 2], axis=0)
    names = graph.node_ids
    return pd.DataFrame(
        {
            "link": [f"{names[i]} – {names[j]}" for i, j in pairs.tolist()],
            "probability": probabilities(logits), "low": probabilities(low), "high": probabilities(high),
            "logit": logits, "logit_low": low, "logit_high": high,
        }
    )  # fmt: skip


# -------------------------------------------------------------------------------- drawing
@frame.fragment()
def show(held: results.Opened) -> None:
    """Draw one view after the other, each worked out when it is chosen."""
    views: dict[str, Callable[[results.Opened], None]] = {}
    if held.family.links_nodes and held.graph.n_nodes <= LIMITS.answer_nodes:
        views |= {"Between groups": show_blocks, "Ordered adjacency": show_ordered}
    if held.result.gives_probabilities:
        views["By kind of pair"] = show_kinds
    views["Over samples of z"] = show_samples
    chosen = st.segmented_control(
        "View", list(views), default=next(iter(views)), required=True, key="structure_view",
        label_visibility="collapsed",
    )  # fmt: skip
    views[chosen or next(iter(views))](held)


def _choose_grouping(held: results.Opened, key: str) -> str | None:
    """Draw what nodes are grouped by; None while communities are still worked out and there are no labels."""
    ready = results.ready(held.id)
    possible = ["community"] * ready + ["label"] * (held.graph.labels is not None)
    if not possible:
        st.caption("Communities of this large graph are still being computed.")
        return None
    if len(possible) == 1:
        return possible[0]
    return st.segmented_control(
        "Groups", possible, default=possible[0], required=True, format_func=GROUPINGS.__getitem__, key=key
    )


def show_blocks(held: results.Opened) -> None:
    """Draw the density between groups beside that which the model expects."""
    by = _choose_grouping(held, "blocks_by")
    if by is None:
        return
    with st.spinner("Scoring pairs of each two groups…", show_time=True):
        found, names = blocks(held.id, by)
    charts.show(
        side_by_side(found, names), key="blocks", height=460,
        alt="Density of edges between groups: in the data on the left, expected by the model on the right.",
    )  # fmt: skip
    st.dataframe(
        results.shown(block_table(found, names, directed=held.graph.directed)), hide_index=True, width="stretch",
        height=280, key="blocks_table",
        column_config={
            "groups": "Groups",
            "pairs": st.column_config.NumberColumn("Pairs", format="localized"),
            "edges": st.column_config.NumberColumn("Edges", format="localized"),
            "expected": st.column_config.NumberColumn(
                "Expected edges", format="%,.1f", help="Sum of the probabilities at the density of the graph."
            ),
        },
    )  # fmt: skip
    _say_sampled(held, found, cells.GROUP_PAIRS)


def _say_sampled(held: results.Opened, found: CellDensity, per_cell: int) -> None:
    share = link_columns.chance(link_tables.density(held.graph))
    how = (
        f"the mean over {per_cell:,} random pairs of each cell (fixed seed)" if found.is_sampled else "exact"
    )
    st.caption(
        f"Expected: calibrated probabilities among all pairs of the graph, of which {share} are edges; {how}. The "
        "encoder sees all edges."
    )


def block_table(found: CellDensity, names: list[str], *, directed: bool) -> pd.DataFrame:
    """Return one row per pair of groups, those first whose edges differ most from what is expected."""
    places = np.argwhere(found.n_pairs > 0)
    if not directed:
        places = places[places[:, 0] <= places[:, 1]]
    a, b = places.T
    pairs = found.n_pairs[a, b]
    between = " → " if directed else " – "
    table = pd.DataFrame(
        {
            "groups": [names[i] if i == j else f"{names[i]}{between}{names[j]}" for i, j in places.tolist()],
            "pairs": pairs,
            "edges": np.rint(found.observed[a, b] * pairs).astype(np.int64),
            "expected": found.expected[a, b] * pairs,
        }
    )
    order = (table["edges"] - table["expected"]).abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def side_by_side(found: CellDensity, names: list[str] | None = None) -> go.Figure:
    """Return two heat maps on one logarithmic scale: what is, and what the model expects."""
    fig = make_subplots(1, 2, shared_yaxes=True, horizontal_spacing=0.04)
    both = np.concatenate([found.observed.ravel(), found.expected.ravel()])
    top = float(np.nanmax(both)) if np.isfinite(both).any() else 1.0
    high = np.log10(top or 1.0)
    low = high - DECADES
    text = None if names is None else [charts.escape(name, 24) for name in names]
    for column, (title, values) in enumerate(
        zip(SIDES, (found.observed, found.expected), strict=True), start=1
    ):
        fig.add_heatmap(
            z=np.log10(np.maximum(values, 10**low)), x=text, y=text, coloraxis="coloraxis", row=1, col=column,
            hoverongaps=False, customdata=values,
            hovertemplate=("%{y} – %{x}: " if text else "") + "%{customdata:.2%}<extra></extra>",
        )  # fmt: skip
        fig.add_annotation(
            text=f"<b>{title}</b>", x=0, y=1, xref="x domain", yref="y domain", xanchor="left", yanchor="bottom",
            showarrow=False, font={"color": charts.ink()}, row=1, col=column,
        )  # fmt: skip
    marks = high - np.arange(DECADES + 1)
    shown = [f"{100 * 10**mark:.2g}%" for mark in marks.tolist()]
    shown[-1] = f"≤ {shown[-1]}"
    fig.update_layout(
        coloraxis={
            "colorscale": charts.one_hue(), "cmin": low, "cmax": high,
            "colorbar": {
                "title": {"text": "Density", "side": "top"}, "tickvals": marks.tolist(), "ticktext": shown,
                "thickness": 10, "len": 0.8, "orientation": "h",
                "x": 0, "xanchor": "left", "y": -0.04, "yanchor": "top",
            },
        },
    )  # fmt: skip
    fig.update_yaxes(autorange="reversed", showgrid=False, zeroline=False, ticks="")
    fig.update_xaxes(
        showgrid=False, zeroline=False, ticks="", showticklabels=False
    )  # in the order of the rows
    return fig


def choose_part(names: list[str], by: str, directed: bool) -> tuple[int, int]:
    """Draw which part of the ordered matrix is looked at; return its groups of rows and columns, -1 for all nodes."""
    with st.container(horizontal=True):
        group = st.selectbox(
            "From" if directed else "Show", [-1, *range(len(names))], key=f"ordered_group_{by}", width=320,
            format_func=lambda at: "All nodes" if at < 0 else names[at],
        )  # fmt: skip
        if group < 0:
            return -1, -1
        other = st.selectbox(
            "To" if directed else "With", range(len(names)), index=group, key=f"ordered_other_{by}_{group}", width=320,
            format_func=lambda at: "Itself" if at == group else names[at],
        )  # fmt: skip
    return int(group), int(other)


def show_ordered(held: results.Opened) -> None:
    """Draw the adjacency ordered by groups beside its reconstruction, or the part of two groups of it."""
    by = _choose_grouping(held, "ordered_by")
    if by is None:
        return
    _, names = _groups(held.id, by)
    group, other = choose_part(names, by, held.graph.directed)
    with st.spinner("Scoring pairs of each cell…", show_time=True):
        found, *sizes = ordered(held.id, by, group, other)
    fig = side_by_side(found)
    totals = [int(side.sum()) for side in sizes]
    shape = found.n_pairs.shape
    for border in np.cumsum(sizes[0])[:-1] / max(totals[0], 1) * shape[0] - 0.5 if group < 0 else ():
        for column in (1, 2):
            line = {"color": charts.MUTED, "width": 1}
            fig.add_vline(x=border, line=line, row=1, col=column)
            fig.add_hline(y=border, line=line, row=1, col=column)
    fig.update_xaxes(showticklabels=False)
    fig.update_yaxes(showticklabels=False)
    charts.show(
        fig, key="ordered", height=520,
        alt="Adjacency ordered by groups on the left, its reconstruction on the right.",
    )  # fmt: skip
    per = [total / max(n_bins, 1) for total, n_bins in zip(totals, shape, strict=True)]
    cell = (
        "one pair of nodes"
        if max(per) <= 1
        else f"the pairs of about {max(per[0], 1):.0f} by {max(per[1], 1):.0f} nodes"
    )
    if group == other:
        which, end = (
            (", the largest group first and", ", lines part groups")
            if group < 0
            else (f" of {charts.message(names[group])},", "")
        )
        st.caption(f"{totals[0]:,} nodes{which} those with most edges first; a cell is {cell}{end}.")
    else:
        rows, columns = (charts.message(names[at]) for at in (group, other))
        st.caption(
            f"Rows: {totals[0]:,} nodes of {rows}; columns: {totals[1]:,} of {columns}; those with most edges first. A "
            f"cell is {cell}."
        )
    _say_sampled(held, found, cells.BIN_PAIRS)


def show_kinds(held: results.Opened) -> None:
    """Draw how well held-out pairs of each kind are scored."""
    ready = held.family.links_nodes and results.ready(held.id)
    tables = kinds(held.id, ready)
    title = st.selectbox("Kind", list(tables), key="kinds_by", width=320)
    table, words = tables[title], held.result.words
    if table.empty:
        st.caption("No held-out pair is of a known kind.")
        return
    fig = go.Figure()
    names = [charts.escape(name, 40) for name in table["kind"]]
    fig.add_bar(
        x=names, y=table["loss"], marker={"color": charts.colour(0)}, name="Mean error",
        customdata=table[["edges", "non_edges"]],
        hovertemplate=f"%{{y:.3f}} nats; %{{customdata[0]:,}} {words.many}, %{{customdata[1]:,}} {words.others}"
        "<extra>%{x}</extra>",
    )  # fmt: skip
    fig.add_scatter(
        x=names, y=np.full(len(names), np.log(2)), mode="lines", name="A coin toss", hoverinfo="skip",
        line={"color": charts.MUTED, "dash": "dot"},
    )  # fmt: skip
    fig.update_layout(showlegend=True)
    fig.update_xaxes(title=title, type="category")
    fig.update_yaxes(title="Mean cross-entropy (nats)", rangemode="tozero")
    charts.show(
        fig, key="kinds", height=360, alt="Mean error of held-out pairs by their kind; see the table below."
    )
    number = st.column_config.NumberColumn
    st.dataframe(
        results.shown(table), hide_index=True, width="stretch", key="kinds_table", placeholder=link_columns.NOTHING,
        column_config={
            "kind": title,
            "edges": number(words.many.capitalize(), format="localized"),
            "non_edges": number(words.others.capitalize(), format="localized"),
            "loss": number("Error (nats)", format="%.3f", help="Mean cross-entropy; a coin toss has 0.693."),
            "probability_edges": number(f"Mean probability of {words.many}", format="percent"),
            "probability_non_edges": number(f"Mean probability of {words.others}", format="percent"),
            "auc": number("AUC", format="%.3f", help="With five pairs of either sort at least."),
        },
    )  # fmt: skip
    st.caption(
        "Test pairs, none of which the model has seen; probabilities are among as many of both. Degrees and numbers of "
        "values are those of the training part."
    )


def show_samples(held: results.Opened) -> None:
    """Draw how far scores vary if codes are drawn from their distribution."""
    try:
        with st.spinner("Drawing codes…", show_time=True):
            found = sampled(held.id)
    except RunError as error:
        st.caption(f"Codes of this run cannot be drawn anew. {charts.message(error.message)}")
        return
    if not found:
        why = (
            "The codes of a plain auto-encoder are points" if held.result.z_log_var is None
            else "This matrix is too large to decode many times here"
        )  # fmt: skip
        st.caption(f"{why}: there is nothing to draw.")
        return
    one = found[0]
    with st.grid(min_column_width=220, gap="small"):
        for title, value in (("Test AUC", one.roc_auc), ("Test average precision", one.average_precision)):
            st.metric(
                title, f"{value.at_mean:.3f}", f"{value.low:.3f} to {value.high:.3f}", delta_color="off",
                delta_arrow="off", border=True,
                help=f"With the mean codes; below, the middle {posterior.LEVEL:.0%} of {one.n_samples} samples of z.",
            )  # fmt: skip
    st.caption(
        f"{one.n_samples} samples of every code from the encoder's normal distribution, with a fixed seed. Other "
        "scores that the model combines stay as they are. Samples are noisier than the mean code, so they may score "
        "less."
    )
    if not held.family.links_nodes or held.graph.n_nodes > LIMITS.answer_nodes:
        return
    table = sampled_links(held.id)
    if table.empty:
        return
    fig = go.Figure()
    fig.add_scatter(
        x=table["logit"], y=[f"{at + 1}. {charts.escape(name, 40)}" for at, name in enumerate(table["link"])],
        mode="markers", marker={"size": 8, "color": charts.colour(0)}, name="With the mean codes",
        error_x={
            "type": "data", "symmetric": False, "array": table["logit_high"] - table["logit"],
            "arrayminus": table["logit"] - table["logit_low"],
        },
        customdata=table[["probability", "low", "high"]],
        hovertemplate="probability %{customdata[0]:.1%} (%{customdata[1]:.1%} to %{customdata[2]:.1%}) among as many"
        "<extra></extra>",
    )  # fmt: skip
    fig.update_xaxes(title="Logit (log odds of an edge among as many non-edges)")
    fig.update_yaxes(autorange="reversed")
    st.markdown(
        f"**The first {len(table)} predicted links**, with the middle {posterior.LEVEL:.0%} of the samples"
    )
    charts.show(
        fig, key="sampled_links", height=120 + 24 * len(table),
        alt="Logits of the first predicted links with intervals over samples of z.",
    )  # fmt: skip
