"""Maps of the runs that are compared: aligned, with linked zoom and one selection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.compare import comparing
from dashboard.compare.comparing import Side, name_of
from dashboard.figures import charts, maps
from dashboard.finished_runs import results
from dashboard.finished_runs.shared import shared
from dashboard.latent_space import map_component, map_parts, selecting
from vgae_core.analysis import selections
from vgae_core.runs.views import compare, figures

LINK = "compared_maps"
"""What the maps are linked by, and how their names begin."""

LEGEND = f"{LINK}_legend"
"""The map of which only the legend is shown."""

_SELECTED = "compare_selected"
_DRAWN = "compare_drawn"


@dataclass(frozen=True, eq=False)
class Drawn:
    """The maps at hand, by which what is done on them is understood.

    Parameters
    ----------
    key : str
        Names these maps.
    data : str
        Fingerprint of the data whose nodes are drawn.
    maps : Maps
    colours : pandas.Series
        What the points are coloured by, in the order of ``maps.nodes``.
    """

    key: str
    data: str
    maps: figures.Maps
    colours: pd.Series


@shared
def _maps(*ids: str) -> figures.Maps:
    runs = [results.load(run_id) for run_id in ids]
    graph = runs[0][1]
    z = [result.codes.z_mean for result, _ in runs]
    return figures.maps_of(list(ids), z, graph.labels, graph.label_names)


@shared
def _parts(noun: str, column: str, *ids: str) -> dict[str, dict[str, bytes]]:
    """Return the parts of each map that stay the same whatever is selected, by name of the map."""
    aligned, names = _maps(*ids), results.node_names(ids[0])
    places, colours = aligned.places, _colours(column, ids[0], aligned)
    corners = np.concatenate([[xy.min(axis=0), xy.max(axis=0)] for xy in places])
    frame = np.array([corners.min(axis=0), corners.max(axis=0)])
    texts, axes = [names[node] for node in aligned.nodes], ["PC 1", "PC 2"]
    return {
        name: {
            "points": map_parts.points(xy, ",".join(ids), axes, noun, name=name, within=frame),
            "colour": map_parts.colour(colours, xy, name=name),
            "names": map_parts.names(texts, name=name),
        }
        for name, xy in [*((name_at(place), xy) for place, xy in enumerate(places)), (LEGEND, places[0])]
    }


def _colours(column: str, run_id: str, aligned: figures.Maps) -> pd.Series:
    return results.node_table(run_id)[column].iloc[aligned.nodes]


def _column(run_id: str) -> str:
    """Return what points are coloured by: what groups them, else a number."""
    options = maps.choices(results.node_table(run_id))
    return next((name for name in maps.FIRST if name in options), options[0])


def name_at(place: int) -> str:
    """Return the name of the map of the run at a place."""
    return f"{LINK}_{place}"


def selected(data: str) -> np.ndarray:
    """Return the nodes selected of a data set, ascending; none at first and where others are selected."""
    of, nodes = st.session_state.get(_SELECTED, ("", np.zeros(0, np.int64)))
    return nodes if of == data else np.zeros(0, np.int64)


def clear() -> None:
    """Let no node be selected; a callback."""
    st.session_state.pop(_SELECTED, None)


def receive(place: int) -> None:
    """Take what was done on the map at a place: a click, an outline, or Escape; a callback."""
    shown: Drawn | None = st.session_state.get(_DRAWN)
    event = (st.session_state.get(name_at(place)) or {}).get("event")
    if shown is None or not isinstance(event, Mapping) or event.get("projection") != shown.key:
        return
    if place >= len(shown.maps.places):
        return
    if event.get("kind") == "clear":
        clear()
    elif (points := _points(event, shown, place)) is not None:
        nodes = np.sort(shown.maps.nodes[points])
        now = selections.combine(selected(shown.data), nodes, selecting.combination(event))
        st.session_state[_SELECTED] = (shown.data, now)


def _points(event: Mapping[str, Any], shown: Drawn, place: int) -> np.ndarray | None:
    """Return the points that an event is about, None if it is about none."""
    point = event.get("point")
    if event.get("kind") == "click" and isinstance(point, int) and 0 <= point < len(shown.maps.nodes):
        return np.array([point])
    inside = selecting.outlined(
        event, shown.maps.places[place], lambda: map_parts.colour_bytes(shown.colours)
    )
    return None if inside is None else np.flatnonzero(inside)


def show(sides: list[Side]) -> None:
    """Draw aligned maps with linked zoom, the selection they share, and a table of it."""
    st.subheader("Maps", anchor=False)
    same = comparing.on_same_nodes(sides)
    if len(same) < 2:
        st.caption("These runs are of different data: their maps cannot be aligned.")
        return
    some = same[: compare.MOST_MAPS]
    if len(some) < len(sides):
        st.caption(f"Drawn are the {len(some)} first runs on the data of run 1.")
    ids, noun, data = [side.id for side in some], some[0].held.noun, some[0].held.graph.fingerprint
    aligned, column = _maps(*ids), _column(ids[0])
    shown = Drawn(",".join(ids), data, aligned, _colours(column, ids[0], aligned))
    st.session_state[_DRAWN] = shown
    if not _draw(some, sides, shown, noun):
        _figure(some, shown)
    explained = " and ".join(f"{share:.0%}" for share in shown.maps.explained)
    st.caption(
        f"Axes are the principal components of run 1 ({explained} of the variance of its codes); the codes of each "
        "other run are turned and scaled onto those of run 1 (Procrustes). Moving or zooming one map moves all. Select "
        f"{noun}s on one by lasso or box to see them on all (Shift adds, Alt takes away)."
    )
    nodes = selected(shown.data)
    if len(nodes):
        table = results.shown(results.node_table(some[0].id).iloc[nodes])
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{len(nodes):,} {noun}s selected**", width="content")
            st.button("Clear", icon=":material/close:", key="compare_clear", type="tertiary", on_click=clear)
        st.dataframe(table, hide_index=True, width="stretch", height=250, key="selected",
                     column_config=maps.columns(table, noun))  # fmt: skip


def _draw(some: Sequence[Side], sides: Sequence[Side], shown: Drawn, noun: str) -> bool:
    """Draw a map of each run, and return whether the browser can."""
    places = {side.id: place for place, side in enumerate(sides, 1)}
    can = map_component.draw(LEGEND, lambda: None, link=LINK, shows="legend")
    with st.grid(min_column_width=340):
        for place, side in enumerate(some):
            with st.container(gap="small"):
                st.markdown(name_of(places[side.id], side))
                draws = map_component.draw(name_at(place), partial(receive, place), link=LINK, shows="stage")
                can = can and draws
    if not can:
        return False
    mask = np.isin(shown.maps.nodes, selected(shown.data))
    with st.container(key=f"{LINK}_parts", height=1, border=False, gap=None):
        for name, parts in _parts(noun, str(shown.colours.name), *(side.id for side in some)).items():
            map_component.send(name, {**parts, "picked": map_parts.picked(mask, noun, name=name)})
    return True


def _figure(some: Sequence[Side], shown: Drawn) -> None:
    """Draw what stands in for the maps in a browser without WebGL: a figure to look at."""
    titled = figures.Maps(
        [side.info.title for side in some], shown.maps.nodes, shown.maps.places, shown.maps.labels,
        shown.maps.label_names, shown.maps.explained,
    )  # fmt: skip
    nodes = selected(shown.data)
    fig = figures.maps(titled, some[0].held.graph.node_ids, nodes if len(nodes) else None, charts.palette())
    charts.show(
        fig, key="maps", height=80 + 380 * -(-len(some) // 3),
        alt="Maps of the latent codes of each run, aligned; a table of the selected nodes stands below.",
    )  # fmt: skip
