"""The views below the map (node, selection, clusters, axes, table); the page's address names the open one."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.finished_runs import results
from dashboard.latent_space import selecting

TAB = "tab"
"""Parameter of the address."""

VIEWS = {
    "table": "Table and files",
    "node": "Node",
    "selection": "Selection",
    "clusters": "Clusters",
    "axes": "Latent axes",
}
"""Views by their name in the address."""

_KEY = "explore_view"
_SEEN = "explore_seen"


def choose(held: results.Opened, focus: int | None) -> str:
    """Draw the choice of a view and return it; a node or a selection that is new leads to its own."""
    now = (held.id, focus, selecting.selected(held.id))
    seen: tuple[Any, ...] | None = st.session_state.get(_SEEN)
    st.session_state[_SEEN] = now
    asked = st.query_params.get(TAB)
    if seen is None and asked in VIEWS:
        st.session_state[_KEY] = asked
    elif focus is not None and (seen is None or seen[:2] != now[:2]):
        st.session_state[_KEY] = "node"
    elif len(now[2]) and (seen is None or seen[2] is not now[2]):
        st.session_state[_KEY] = "selection"
    view = st.segmented_control(
        "Show", VIEWS, default=None if _KEY in st.session_state else "table", required=True, key=_KEY,
        format_func=lambda name: held.noun.capitalize() if name == "node" else VIEWS[name],
        label_visibility="collapsed",
    )  # fmt: skip
    chosen = str(view or "table")
    if st.query_params.get(TAB) != chosen:
        st.query_params[TAB] = chosen
    return chosen
