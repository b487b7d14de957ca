"""Maps of the runs that are compared, with one selection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.compare import comparing
from dashboard.compare.comparing import Side
from dashboard.figures import charts, maps
from dashboard.finished_runs import results
from dashboard.finished_runs.shared import shared
from vgae_core.runs.views import compare, figures


@shared
def _maps(*ids: str) -> figures.Maps:
    runs = [results.load(run_id) for run_id in ids]
    graph = runs[0][1]
    return figures.maps_of(
        list(ids), [result.codes.z_mean for result, _ in runs], graph.labels, graph.label_names
    )


def aligned(sides: Sequence[Side]) -> figures.Maps:
    """Return aligned maps of runs of the same nodes."""
    found = _maps(*(side.id for side in sides))
    return figures.Maps(
        [side.info.title for side in sides],
        found.nodes,
        found.places,
        found.labels,
        found.label_names,
        found.explained,
    )


def map_figure(
    found: figures.Maps, names: np.ndarray, selected: Sequence[int], palette: Sequence[str]
) -> go.Figure:
    """Return the figure of aligned maps, with some nodes selected on all of them."""
    return figures.maps(found, names, np.array(selected, np.int64) if selected else None, palette)


def picked(event: Any) -> list[int]:
    """Return the nodes that a selection on the maps holds, in order; empty where there is none."""
    points = event["selection"]["points"] if event else []
    held = [point.get("customdata") for point in points]
    return sorted({int(one[0] if isinstance(one, list) else one) for one in held if one is not None})


def selected_table(sides: Sequence[Side], nodes: Sequence[int]) -> pd.DataFrame:
    """Return the rows of the node table of the first run that are selected."""
    return results.shown(results.node_table(sides[0].id).iloc[list(nodes)])


def select(nodes: list[int]) -> None:
    """Let these nodes be selected on all maps."""
    st.session_state["compare_selected"] = nodes
    st.session_state["compare_maps_turn"] = st.session_state.get("compare_maps_turn", 0) + 1


def show(sides: list[Side]) -> list[int]:
    """Draw aligned maps with one selection and linked zoom, and return the nodes selected."""
    st.subheader("Maps", anchor=False)
    same = comparing.on_same_nodes(sides)
    if len(same) < 2:
        st.caption("These runs are of different data: their maps cannot be aligned.")
        return []
    drawn = same[: compare.MOST_MAPS]
    if len(drawn) < len(sides):
        st.caption(f"Drawn are the {len(drawn)} first runs on the data of run 1.")
    selected: list[int] = st.session_state.get("compare_selected", [])
    found = aligned(drawn)
    names = drawn[0].held.graph.node_ids
    rows = -(-len(drawn) // 3)
    # A figure with another selection is another widget to Streamlit: each has a key of its own, else the selection of
    # the one before would be lost and come back for ever.
    turn = st.session_state.setdefault("compare_maps_turn", 0)
    event = charts.show(
        map_figure(found, names, selected, charts.palette()), key=f"maps_{turn}", height=80 + 380 * rows,
        on_select="rerun", selection_mode=("box", "lasso"),
        alt="Maps of the latent codes of each run, aligned; a table of the selected nodes stands below.",
    )  # fmt: skip
    explained = " and ".join(f"{share:.0%}" for share in found.explained)
    st.caption(
        f"Axes are the principal components of run 1 ({explained} of the variance of its codes); the codes of each "
        "other run are turned and scaled onto those of run 1 (Procrustes). Select nodes on one map with the lasso or "
        "the box to see them on all; zooming one zooms all."
    )
    if nodes := picked(event):
        select(nodes)
        st.rerun()
    if selected:
        table = selected_table(drawn, selected)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{len(selected):,} {drawn[0].held.noun}s selected**", width="content")
            st.button(
                "Clear",
                icon=":material/close:",
                key="compare_clear",
                type="tertiary",
                on_click=select,
                args=([],),
            )
        st.dataframe(table, hide_index=True, width="stretch", height=250, key="selected",
                     column_config=maps.columns(table, drawn[0].held.noun))  # fmt: skip
    return selected
