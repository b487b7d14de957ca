"""The nodes that a visitor has selected of a run, whatever they are coloured by, and the one looked at closely."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import streamlit as st

from dashboard.latent_space import map_parts
from dashboard.widgets import pick
from vgae_core.analysis import selections
from vgae_core.analysis.selections import Combination

RUNS = 5
"""Runs whose selections a visitor's session remembers."""

NODE = "map_node"
"""Key of the search for a node, which is also what a click on the map sets."""

_SELECTED = "map_selected"
_LINKS = "map_selected_links"
_SHOWN = "map_shown"
_DRAWN = "map_drawn"


@dataclass(frozen=True, eq=False)
class Shown:
    """The map at hand.

    Parameters
    ----------
    run_id, key : str
        Of the run and its projection.
    nodes : ndarray of int64, shape (n_points,)
        The node of each point.
    coordinates : ndarray of float32, shape (n_points, dim)
    names : list of str
        Of all nodes.
    colours : callable
        Returns the byte of the colour of each point, uint8 (n_points,), as the map numbers them.
    """

    run_id: str
    key: str
    nodes: np.ndarray
    coordinates: np.ndarray
    names: list[str]
    colours: Callable[[], np.ndarray]


def selected(run_id: str) -> np.ndarray:
    """Return the selected nodes of a run, ascending; none at first."""
    return st.session_state.get(_SELECTED, {}).get(run_id, np.zeros(0, np.int64))


def select(run_id: str, nodes: np.ndarray, how: Combination = "replace", link: str | None = None) -> None:
    """Change which nodes of a run are selected.

    Parameters
    ----------
    run_id : str
    nodes : ndarray of int64
    how : {"replace", "add", "subtract", "intersect"}
    link : str, optional
        How :func:`dashboard.latent_space.selection_links.read` gets the same nodes.
    """
    held: dict[str, np.ndarray] = st.session_state.setdefault(_SELECTED, {})
    now = selections.combine(selected(run_id), nodes, how)
    held.pop(run_id, None)
    held[run_id] = now
    while len(held) > RUNS:
        del held[next(iter(held))]
    if link and how == "replace" and len(link) <= selections.MAX_LINK:
        st.session_state.setdefault(_LINKS, {})[run_id] = (now, link)


def link(run_id: str, n_nodes: int) -> str | None:
    """Return the text that stands for the selection in an address: "" for none, None if it has to be kept first."""
    nodes = selected(run_id)
    if not len(nodes):
        return ""
    links: dict[str, tuple[np.ndarray, str | None]] = st.session_state.setdefault(_LINKS, {})
    if run_id not in links or links[run_id][0] is not nodes:
        text = selections.packed(nodes, n_nodes)
        links[run_id] = (nodes, text and f"nodes:{text}")
        while len(links) > RUNS:
            del links[next(iter(links))]
    return links[run_id][1]


def relink(run_id: str, text: str) -> None:
    """Let another text stand for the selection, such as the id under which it was kept."""
    st.session_state.setdefault(_LINKS, {})[run_id] = (selected(run_id), text)


def show(shown: Shown) -> None:
    """Note which map is drawn, so that what is done on it can be understood."""
    st.session_state[_SHOWN] = shown


def look_at(name: str | None, names: list[str]) -> None:
    """Make a node the one looked at closely; None for none.  Only where the page has not drawn its search yet."""
    pick.choose(NODE, names, name)


def receive() -> None:
    """Take what was done on the map: a click, an outline, or Escape."""
    shown: Shown | None = st.session_state.get(_SHOWN)
    event = (st.session_state.get(map_parts.NAME) or {}).get("event")
    if shown is None or not isinstance(event, Mapping) or event.get("projection") != shown.key:
        return
    if event.get("kind") == "clear":
        select(shown.run_id, np.zeros(0, np.int64))
        look_at(None, shown.names)
    elif event.get("kind") == "click":
        _click(shown, event.get("point"), combination(event))
    elif (inside := outlined(event, shown.coordinates, shown.colours)) is not None:
        select(shown.run_id, shown.nodes[inside], combination(event))


def combination(event: Mapping[str, Any]) -> Combination:
    """Return what an event of a map asks to do with the nodes selected before."""
    mode = event.get("mode")
    return next((known for known in get_args(Combination) if known == mode), "replace")


def outlined(
    event: Mapping[str, Any], coordinates: np.ndarray, colours: Callable[[], np.ndarray]
) -> np.ndarray | None:
    """Return which points lie within the outline of an event, bool (n_points,); None if it has none.

    Parameters
    ----------
    event : mapping
        What a browser sent.
    coordinates : ndarray of float32, shape (n_points, 2)
    colours : callable
        Returns the byte of the colour of each point, as the map has it: points of a hidden colour are left out.
    """
    outline = _outline(event.get("outline")) if event.get("kind") == "outline" else None
    if outline is None:
        return None
    inside = selections.inside(coordinates, outline)
    hidden = event.get("hidden")
    if isinstance(hidden, list) and hidden:  # who hides a group does not mean its nodes
        inside &= ~np.isin(colours(), [byte for byte in hidden[:256] if type(byte) is int])
    return inside


def _click(shown: Shown, point: Any, how: Combination) -> None:
    if not isinstance(point, int) or not 0 <= point < len(shown.nodes):
        return
    node = int(shown.nodes[point])
    if how == "replace":
        look_at(shown.names[node], shown.names)
    else:
        select(shown.run_id, np.array([node]), how)


def _outline(corners: Any) -> np.ndarray | None:
    """Return the corners that a browser sent, None if they are none."""
    if not isinstance(corners, list) or not 3 <= len(corners) <= selections.MAX_CORNERS:
        return None
    for corner in corners:
        if not isinstance(corner, list) or len(corner) != 2:
            return None
        if not all(type(value) in (int, float) and math.isfinite(value) for value in corner):
            return None
    return np.array(corners, np.float64)


def receive_figure(event: Mapping[str, Any]) -> None:
    """Take an outline drawn on the figure that stands in for the map; each counts once."""
    shown: Shown | None = st.session_state.get(_SHOWN)
    drawn = [*event.get("lasso", ()), *event.get("box", ())]
    if shown is None or not drawn or st.session_state.get(_DRAWN) == drawn:
        return
    st.session_state[_DRAWN] = drawn
    x, y = list(drawn[-1]["x"]), list(drawn[-1]["y"])
    if len(x) == 2:  # two corners of a box
        x, y = [x[0], x[1], x[1], x[0]], [y[0], y[0], y[1], y[1]]
    outline = _outline([list(corner) for corner in zip(x, y, strict=False)])
    if outline is not None:
        select(shown.run_id, shown.nodes[selections.inside(shown.coordinates, outline)])
        st.rerun()
