"""Run 1 and one other: neighbourhoods in common, nodes that moved, links only one proposes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from pandas.io.formats.style import Styler

from dashboard.compare import comparing
from dashboard.compare.comparing import Side, heading
from dashboard.figures import charts
from dashboard.finished_runs import link_columns, results
from dashboard.finished_runs.shared import shared
from vgae_core.analysis import alignment, entries, latent_neighbours
from vgae_core.analysis.latent_neighbours import Similarity
from vgae_core.analysis.link_filters import LinkSearch
from vgae_core.runs.views import compare, link_tables

NEARNESS: tuple[Similarity, ...] = ("cosine", "euclidean")
"""By which codes are near, to choose from."""


@shared
def _overlap(first: str, second: str, k: int, metric: Similarity) -> tuple[np.ndarray, np.ndarray]:
    return alignment.neighbour_overlap(_z(first), _z(second), k, metric)


def overlap(first: Side, second: Side, k: int, metric: Similarity) -> tuple[np.ndarray, np.ndarray]:
    """Return :func:`vgae_core.analysis.alignment.neighbour_overlap` of two runs of the same nodes."""
    return _overlap(first.id, second.id, k, metric)


def _z(run_id: str) -> np.ndarray:
    return results.load(run_id)[0].codes.z_mean


@shared
def _moved(first: str, second: str) -> pd.DataFrame:
    found = compare.moved(_z(first), _z(second))
    nodes = found.farthest()
    columns = {"node": results.load(first)[1].node_ids[nodes].astype(str), "distance": found.distance[nodes]}
    table = pd.DataFrame(columns)
    graph = results.load(first)[1]
    if graph.labels is not None:
        names = np.array([*graph.label_names, ""], dtype=object)
        table.insert(1, "label", names[graph.labels[nodes]])
    return table


def moved(first: Side, second: Side) -> pd.DataFrame:
    """Return the nodes whose codes lie farthest apart, ``node, label`` (with labels) and ``distance``."""
    return _moved(first.id, second.id)


def is_searchable(side: Side) -> bool:
    """Return whether all pairs, or entries, of a run are few enough to be ranked while a page is drawn."""
    return link_tables.is_searchable(side.held.result, side.held.graph)


@shared
def _ranked(run_id: str) -> np.ndarray:
    result, graph = results.load(run_id)
    if not result.family.links_nodes:
        scores = results.entry_scores(run_id)
        known = results.matrix_of(graph)
        return entries.recommended(scores.left, scores.right, known, compare.RANKED)[0]
    return result.missing_links(graph, compare.RANKED, LinkSearch())[0]


@shared
def _only(first: str, second: str) -> pd.DataFrame:
    result, graph = results.load(first)
    pairs, others = _ranked(first), _ranked(second)
    n = max(graph.n_nodes, len(result.right))
    alone = compare.only_in(pairs, others, n, directed=result.ordered(graph))
    places, pairs = np.flatnonzero(alone) + 1, pairs[alone]
    other = results.load(second)[0]
    if not result.family.links_nodes:
        tables = [results.scored_entries(run_id, pairs) for run_id in (first, second)]
        combined = all("probability_at_density" in table for table in tables)
        names, value = ["row", "column"], "probability_at_density" if combined else "expected"
    else:
        tables = [link_tables.link_table(graph, pairs, r.link_scorer(graph)(pairs)) for r in (result, other)]
        names, value = ["source", "target"], "probability_at_density"
    table = tables[0][names].astype(str)
    table.insert(0, "place", places)
    here, there = (f"{side}_{'expected' if value == 'expected' else 'chance'}" for side in ("here", "there"))
    return table.assign(**{here: tables[0][value], there: tables[1][value]})


def only(first: Side, second: Side) -> pd.DataFrame:
    """Return the missing links that the first run ranks among its first, and the second does not.

    Returns
    -------
    DataFrame
        ``place`` (rank in the first), names of both ends, and by each run ``here_chance`` and ``there_chance``
        (probability among all pairs), or ``here_expected`` and ``there_expected`` (a value).
    """
    return _only(first.id, second.id)


def styled(table: pd.DataFrame) -> Styler:
    """Return a table for the screen, its probabilities in percent."""
    shown = results.shown(table)
    chances = [name for name in ("here_chance", "there_chance") if name in shown]
    return shown.style.format(dict.fromkeys(chances, link_columns.chance))


def overlap_figure(in_common: np.ndarray, k: int, noun: str, colour: str) -> go.Figure:
    """Return how many nodes have so many of their `k` nearest codes in common; `in_common` counts them."""
    fig = go.Figure(
        go.Bar(
            x=np.arange(len(in_common)),
            y=in_common,
            marker={"color": colour},
            hovertemplate=f"%{{x}} of {k}: %{{y:,}} {noun}s<extra></extra>",
        )
    )
    fig.update_xaxes(title=f"Nearest codes in common, of {k}")
    fig.update_yaxes(title=f"{noun.capitalize()}s (count)")
    fig.update_layout(bargap=0.05)
    return fig


def show(sides: list[Side]) -> None:
    """Draw neighbourhoods, moved nodes and links of two of the runs."""
    base = sides[0]
    same = [side for side in comparing.on_same_nodes(sides) if side.id != base.id]
    if not same:
        return
    st.subheader("Run 1 and one other", anchor=False)
    places = {side.id: place for place, side in enumerate(sides, 1)}
    other = same[0]
    if len(same) > 1:
        ids = [side.id for side in same]
        chosen = st.selectbox(
            "The other run", ids, key="compare_other", bind="query-params",
            format_func=lambda run_id: heading(places[run_id], sides[places[run_id] - 1]),
        )  # fmt: skip
        other = next(side for side in same if side.id == chosen)
    left, right = st.columns(2, gap="medium")
    with left:
        show_overlap(base, other)
    with right:
        show_moved(base, other)
    if base.held.result.words is other.held.result.words:
        show_links(base, other, places[other.id])


def show_overlap(base: Side, other: Side) -> None:
    """Draw how far the nearest codes of each node are the same in two runs."""
    st.markdown("**Shared neighbourhoods**")
    with st.container(horizontal=True):
        k = st.segmented_control(
            "Nearest codes", alignment.NEIGHBOURS, default=alignment.USUAL_NEIGHBOURS, required=True,
            key="near_k", bind="query-params",
        )  # fmt: skip
        metric = st.segmented_control(
            "Nearness", NEARNESS, default=NEARNESS[0], required=True, key="near_by",
            format_func=lambda key: latent_neighbours.SIMILARITIES[key].title, bind="query-params",
        )  # fmt: skip
    nodes, jaccard = overlap(base, other, k, metric)
    sampled = "" if len(nodes) == base.held.graph.n_nodes else f" of {len(nodes):,} sampled {base.held.noun}s"
    st.metric(f"Mean overlap{sampled} (Jaccard)", f"{jaccard.mean():.2f}", border=True,
              help="Neighbours in both over neighbours in either: 1 if all are the same, 0 if none is.")  # fmt: skip
    k = min(k, base.held.graph.n_nodes - 1)
    charts.show(
        overlap_figure(alignment.in_common(jaccard, k), k, base.held.noun, charts.colour(0)), key="overlap", height=240,
        alt=f"How many {base.held.noun}s have how many of their nearest codes in common.",
    )  # fmt: skip


def show_moved(base: Side, other: Side) -> None:
    """Draw the nodes whose codes lie farthest apart once aligned."""
    st.markdown(f"**{base.held.noun.capitalize()}s that moved most**")
    table = moved(base, other)
    st.dataframe(
        results.shown(table), hide_index=True, width="stretch", key="moved", height=390,
        column_config={
            "node": base.held.noun.capitalize(), "label": "Label",
            "distance": st.column_config.NumberColumn(
                "Distance", format="%.2f",
                help="Between the aligned codes, in units of their root mean square distance from the mean.",
            ),
        },
    )  # fmt: skip


def show_links(base: Side, other: Side, place: int) -> None:
    """Draw the missing links that only one of two runs proposes."""
    what = base.held.result.words.proposals
    st.markdown(f"**Missing {what} that only one of them proposes**")
    if not (is_searchable(base) and is_searchable(other)):
        st.caption("These data are too large to rank all pairs here; the Reconstruction page searches them.")
        return
    columns = st.columns(2, gap="medium")
    for column, first, second, here, there in (
        (columns[0], base, other, 1, place), (columns[1], other, base, place, 1),
    ):  # fmt: skip
        table = only(first, second)
        with column:
            st.caption(
                f"Among the first {compare.RANKED} of run {here} and not of run {there}: {len(table):,} {what}."
            )
            number, chance = st.column_config.NumberColumn, "Probability of an edge among all pairs."
            by = {"here": here, "there": there}
            st.dataframe(
                styled(table), hide_index=True, width="stretch", height=link_columns.height(table, 320),
                key=f"only_{here}",
                column_config={
                    "place": number(f"Rank in {here}"),
                    "source": "Source", "target": "Target", "row": "Row", "column": "Column",
                    **{f"{side}_chance": number(f"By run {run}", help=chance) for side, run in by.items()},
                    **{f"{side}_expected": number(f"By run {run}", format="%.3f") for side, run in by.items()},
                },
            )  # fmt: skip
