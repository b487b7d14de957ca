"""The strip of steps above every stage: what is done, where the visitor stands, what comes next."""

from __future__ import annotations

import streamlit as st

from dashboard.app import state

STEPS = {
    "Data": ("Data",),
    "Model": ("Model",),
    "Train": ("Train", "Sweep"),
    "Explore": ("Latent space", "Reconstruction", "What if"),
}
"""Each step with the titles of its pages."""

_VISITED = "_visited_steps"


def strip(title: str) -> None:
    """Draw the steps with ticks on those that are done; nothing on a page that belongs to none.

    Parameters
    ----------
    title : str
        Title of the page.
    """
    here = next((step for step, titles in STEPS.items() if title in titles), None)
    if here is None:
        return
    visited: set[str] = st.session_state.setdefault(_VISITED, set())
    visited.add(here)
    info, graph = state.run_info(), state.graph()
    if here != "Explore" and info is not None and (graph is None or info.fingerprint != graph.fingerprint):
        info = None  # a run of other data: on these nothing is trained yet
    done = {
        "Data": graph is not None,
        "Model": info is not None or "Model" in visited,
        "Train": info is not None and info.metrics is not None,
        "Explore": "Explore" in visited,
    }
    parts = []
    for number, step in enumerate(STEPS, start=1):
        if step == here:
            parts.append(f":primary[**{number} {step}**]")
        else:
            parts.append(f"{':material/check:' if done[step] else number} {step}")
    st.markdown(":small[" + " :material/chevron_right: ".join(parts) + "]")
