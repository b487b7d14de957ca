"""One node of a finished run: its likeliest new links, beside the links it has."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import charts, frame, results, state
from dashboard.shared import shared
from vgae_core.analysis import embedding
from vgae_core.data.limits import LIMITS
from vgae_core.errors import RunError
from vgae_core.runs.answers import Answers, Direction
from vgae_core.runs.datasets import Cache

_DIRECTIONS = dict(zip(get_args(Direction), ("Links from it", "Links to it"), strict=True))

_answers: Cache[Answers] = Cache(2)
"""Encoders of the runs asked last; the key is the run's unguessable id."""


def answers_of(run_id: str) -> Answers:
    """Return what a run can be asked; encoders of the runs asked last are kept."""
    run = state.store().open_run(run_id)
    return _answers.get(run_id, lambda: Answers(run.result(), run.graph()))


@shared
def table(run_id: str, node: int, direction: Direction, existing: bool) -> pd.DataFrame:
    """Return the likeliest new links of a node, or its own from the most doubtful on."""
    answers = answers_of(run_id)
    find = answers.existing if existing else answers.rank
    links = answers.table(find(node, direction=direction))
    other, own = ("target", "source") if direction == "out" else ("source", "target")
    links = links.drop(columns=[name for name in (own, f"{own}_degree", f"{own}_label") if name in links])
    return links.rename(columns={other: "node", f"{other}_degree": "degree", f"{other}_label": "label"})


@shared
def busiest(run_id: str) -> int:
    """Return the node with most links: where to begin."""
    return int(np.argmax(np.diff(answers_of(run_id).graph.adjacency.indptr)))


def choose(held: results.Opened, first: int = 0) -> int | None:
    """Draw the search for a node or a row and return its place."""
    names, noun = results.node_names(held.id), held.noun.capitalize()
    if len(names) <= embedding.MAX_LISTED:
        name = st.selectbox(
            noun, names, index=min(first, len(names) - 1), key=f"{held.noun}_of_interest",
            format_func=charts.visible,
        )  # fmt: skip
        return None if name is None else names.index(name)
    part = st.text_input(noun, placeholder="Type a part of its name", key=f"{held.noun}_part")
    matches = [name for name in names if part and part.casefold() in name.casefold()]
    if not matches:
        return None
    name = st.selectbox(
        f"{len(matches):,} matches", matches[:100], key=f"{held.noun}_match", format_func=charts.visible
    )
    return None if name is None else names.index(name)


def too_large(held: results.Opened, command: str) -> bool:
    """Return whether a graph is too large to be asked on a page; then say which command asks it."""
    if held.graph.n_nodes <= LIMITS.answer_nodes:
        return False
    st.caption(
        f"Graphs of more than {LIMITS.answer_nodes:,} nodes are asked from the command line: "
        f"`python -m vgae_core {command}`."
    )
    return True


@frame.fragment()
def show(held: results.Opened) -> None:
    """Draw the likely links of one node; another node redraws only this part."""
    if too_large(held, "rank RUN --node NAME"):
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
    left, right = st.columns(2, gap="medium")
    new, own = (table(held.id, node, direction, existing) for existing in (False, True))
    with left:
        st.markdown("**Most likely new links**, best first")
        _draw(new, "next")
    with right:
        st.markdown(f"**Its links** ({len(own):,}), least likely first")
        _draw(own, "own")
    st.caption(
        "The encoder sees all edges. Probabilities assume as many non-edges as edges; compare ranks, not values."
    )


def _draw(links: pd.DataFrame, name: str) -> None:
    if links.empty:
        st.caption("None.")
        return
    st.dataframe(
        results.shown(links),
        column_config={
            "rank": st.column_config.NumberColumn("#", width="small"),
            "node": "Node",
            "probability": st.column_config.NumberColumn("Probability", format="%.4f"),
            "logit": None,
            "shared_neighbours": st.column_config.NumberColumn(
                "Shared", help="Nodes that both are linked to."
            ),
            "degree": "Degree",
            "label": "Label",
        },
        hide_index=True,
        width="stretch",
        height=320,
        key=f"{name}_links",
    )
