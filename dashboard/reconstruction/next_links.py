"""One node of a finished run: its likeliest new links, beside the links it has."""

from __future__ import annotations

from typing import get_args

import pandas as pd
import streamlit as st

from dashboard.app import frame
from dashboard.figures import charts
from dashboard.finished_runs import asking, judged, link_columns, results, scenarios
from dashboard.finished_runs.shared import shared
from dashboard.widgets import pick
from vgae_core.analysis.links import Direction
from vgae_core.errors import RunError
from vgae_core.runs.views import link_tables

TELLING = 1.1
"""Times the density from which on a probability says more than the density."""

_DIRECTIONS = dict(zip(get_args(Direction), ("Links from it", "Links to it"), strict=True))


@shared
def table(run_id: str, node: int, direction: Direction, existing: bool) -> pd.DataFrame:
    """Return the likeliest new links of a node, or its own from the most doubtful on."""
    answers = asking.answers(run_id)
    find = answers.existing if existing else answers.rank
    links = answers.table(find(node, direction=direction))
    other, own = ("target", "source") if direction == "out" else ("source", "target")
    links = links.drop(columns=[name for name in (own, f"{own}_degree", f"{own}_label") if name in links])
    return links.rename(columns={other: "node", f"{other}_degree": "degree", f"{other}_label": "label"})


@shared
def busiest(run_id: str) -> int:
    """Return the node with most links: where to begin."""
    return asking.answers(run_id).busiest


def choose(held: results.Opened, first: int = 0) -> int | None:
    """Draw the search for a node or a row and return its place."""
    names = results.node_names(held.id)
    chosen = pick.name(held.noun.capitalize(), names, f"{held.noun}_of_interest", value=names[first])
    return None if chosen is None else names.index(chosen)


@frame.fragment()
def show(held: results.Opened) -> None:
    """Draw the likely links of one node; another node redraws only this part."""
    if asking.too_large(held.graph.n_nodes, "rank RUN --node NAME"):
        return
    try:
        first = busiest(held.id)
    except RunError as error:
        st.caption(f"This run cannot be asked about single nodes. {charts.message(error.message)}")
        return
    node = choose(held, first)
    if node is None:
        return
    direction: Direction = "out"
    if held.graph.directed:
        chosen = st.segmented_control(
            "Direction", list(_DIRECTIONS), default="out", format_func=_DIRECTIONS.__getitem__,
            key="next_direction", label_visibility="collapsed",
        )  # fmt: skip
        direction = chosen or "out"
    name = results.node_names(held.id)[node]
    new, own = (table(held.id, node, direction, existing) for existing in (False, True))
    new, own = judged.with_precision(held.id, new), judged.with_precision(held.id, own)
    own = own.drop(columns="expected_precision", errors="ignore")  # they are links
    _say_how_sure(held, new)
    _draw_both(held, name, new, own, ("next", "own"))


@frame.fragment()
def card(held: results.Opened, node: int) -> None:
    """Draw the likeliest new links of a node beside its most doubtful ones, where a page tells of that node."""
    try:
        new, own = (table(held.id, node, "out", existing) for existing in (False, True))
    except RunError as error:
        st.caption(f"This run cannot be asked about single nodes. {charts.message(error.message)}")
        return
    name = results.node_names(held.id)[node]
    _draw_both(held, name, new, own, ("card", "card_own"))


def _draw_both(
    held: results.Opened, name: str, new: pd.DataFrame, own: pd.DataFrame, keys: tuple[str, str]
) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Most likely new links**, best first")
        _draw(held, new, name, keys[0])
    with right:
        st.markdown(f"**Its links** ({len(own):,}), least likely first")
        _draw(held, own, name, keys[1])


def _say_how_sure(held: results.Opened, links: pd.DataFrame) -> None:
    """Say in a sentence how likely the first link is, by what held-out edges tell where these are enough."""
    if links.empty:
        return
    first, measured = links.iloc[0], judged.precision(held.id)
    name = charts.plain(links["node"].iloc[0], 60)  # a row makes floats of numbers that are names
    expected = first.get("expected_precision")
    if measured is not None and pd.notna(expected):
        sure = (
            f"of pairs that score like this one, **{link_columns.chance(expected)}** were among the "
            f"{measured.n_test:,} held-out edges; guessing finds {link_columns.chance(measured.share)}."
        )
    else:
        density, likely = link_tables.density(held.graph), first["probability_at_density"]
        share, sure_of = link_columns.chance(density), link_columns.chance(likely)
        sure = f"an edge with a probability of **{sure_of}** among all pairs, of which {share} are edges."
        if likely < TELLING * density:
            sure += " The model hardly tells these pairs apart."
    st.markdown(f":material/fact_check: **{name}** comes first: {sure}")


def _draw(held: results.Opened, links: pd.DataFrame, node: str, name: str) -> None:
    if links.empty:
        st.caption("None.")
        return
    if "expected_precision" in links and links["expected_precision"].isna().all():
        links = links.drop(columns="expected_precision")  # none of them comes among the first pairs of all
    event = st.dataframe(
        link_columns.styled(links),
        column_config=link_columns.columns(held, links)
        | {
            "rank": st.column_config.NumberColumn("#", width=44),
            "shared_neighbours": st.column_config.NumberColumn("Shared", help="Neighbours that both have."),
            "logit": None,
        },
        hide_index=True,
        width="stretch",
        height=link_columns.height(links, 320),
        placeholder=link_columns.NOTHING,
        key=f"{name}_links",
        on_select="rerun",
        selection_mode="single-row",
    )
    scenarios.offer(held.id, event, [(node, str(other)) for other in links["node"]], f"{name}_what_if")
    link_columns.say_difference(held, links)
