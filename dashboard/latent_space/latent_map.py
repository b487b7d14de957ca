"""The map of the latent page: every node in the browser's own drawing, or a figure where that cannot be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.figures import charts, maps
from dashboard.finished_runs import asking, results, scenarios
from dashboard.finished_runs.shared import KEPT, shared
from dashboard.latent_space import clusters, map_component, map_parts, selecting
from dashboard.latent_space.projections import Projected
from dashboard.widgets import pick
from vgae_core.analysis import latent_neighbours, map_points, selections
from vgae_core.errors import StudioError
from vgae_core.host.limits import LIMITS

FEATURE = "feature: "
"""Before the name of a feature that points are coloured by."""

MAX_LINES = 20_000
"""Edges drawn within a selection."""

FIGURE_POINTS = 5_000
"""Points of the figure that stands in for the map in a browser without WebGL, which draws each as an element."""


@dataclass(frozen=True)
class Looks:
    """What is drawn beside the points."""

    sized: bool = False
    """Whether nodes with more neighbours are drawn larger."""
    edges: bool = False
    """Whether edges within the selection are drawn."""
    arrows: bool = False
    """Whether arrows lead to the codes after the visitor's what-if edits."""


def colours(held: results.Opened, table: pd.DataFrame) -> list[str]:
    """Return what the points can be coloured by, what they are coloured by at first in front."""
    options = maps.choices(table)
    if st.session_state.get("map_colour") not in (None, FEATURE, *options):
        del st.session_state["map_colour"]  # clusters found in another way
    first = next((name for name in maps.FIRST if name in options), options[0])
    more = [FEATURE] if held.graph.features is not None else []
    return [first, *(name for name in options if name != first), *more]


def begin_with(held: results.Opened, options: list[str], colour: str) -> bool:
    """Begin with a colour, as :func:`choose_colour` returns it, and return whether the run has it."""
    name = colour.removeprefix(FEATURE)
    of_feature = colour.startswith(FEATURE) and FEATURE in options and name in results.column_names(held.id)
    if of_feature:
        pick.choose("map_feature", results.column_names(held.id), name)
    elif colour not in options or colour == FEATURE:
        return False
    st.session_state["map_colour"] = FEATURE if of_feature else colour
    return True


def choose_colour(held: results.Opened, options: list[str]) -> str:
    """Draw the choice of what the points are coloured by and return a column, or a feature after :data:`FEATURE`."""
    chosen = str(
        st.selectbox(
            "Colour by",
            options,
            key="map_colour",
            format_func=lambda name: "A feature…" if name == FEATURE else charts.visible(maps.title(name)),
        )
    )
    if chosen != FEATURE:
        return chosen
    names = results.column_names(held.id)
    name = pick.name("Feature", names, "map_feature", value=names[0])
    return options[0] if name is None else FEATURE + name


def choose_looks(held: results.Opened) -> Looks:
    """Draw what else can be shown."""
    if not held.family.links_nodes:
        return Looks()
    with st.popover("Show", icon=":material/visibility:"):
        sized = st.toggle("Larger points for more neighbours", key="map_sized")
        edges = st.toggle("Edges within the selection", key="map_edges", help=f"At most {MAX_LINES:,}.")
        edited = bool(scenarios.desk(held.id).scenario.active)
        arrows = edited and st.toggle(
            "Arrows of your what-if", value=True, key="map_arrows",
            help="From the codes that your edits on the What if page move, to where they move; on maps that are linear "
            "in the codes (PCA, latent axes).",
        )  # fmt: skip
    return Looks(sized, edges, arrows)


def draw(held: results.Opened, at: Projected, colour: str, looks: Looks, focus: int | None) -> None:
    """Draw the map; what is done on it changes the selection (:mod:`dashboard.latent_space.selecting`)."""
    names = results.node_names(held.id)
    flat = at.coordinates.shape[1] == 2
    painted = lambda: map_parts.colour_bytes(values_of(held, colour).iloc[at.nodes])  # noqa: E731
    selecting.show(selecting.Shown(held.id, at.key, at.nodes, at.coordinates, names, painted))
    if flat and map_component.draw(map_parts.NAME, selecting.receive):
        map_component.send(map_parts.NAME, _parts(held, at, colour, looks, focus))
        hint = f"Select {held.noun}s by lasso or box (Shift adds, Alt takes away); click one for its card."
    else:
        _figure(held, at, colour, focus, flat=flat)
        hint = (
            f"Draw a lasso or a box to select {held.noun}s."
            if flat
            else "Maps of two dimensions can be selected on."
        )
    if looks.arrows and (at.place is None or not flat):
        hint += (
            " Arrows of your what-if need PCA or latent axes in 2-D: other maps cannot place changed codes."
        )
    st.caption(f"{charts.plain(at.note)} {hint}")


def values_of(held: results.Opened, colour: str) -> pd.Series:
    """Return what the nodes are coloured by; float32 or groups, of length n_nodes."""
    if not colour.startswith(FEATURE):
        return clusters.table(held)[colour]
    return pd.Series(feature(held.id, colour.removeprefix(FEATURE)), name=colour.removeprefix(FEATURE))


def groups_of(held: results.Opened, colour: str) -> list[object]:
    """Return the groups of a column, the largest first; at most 255."""
    return map_parts.groups(values_of(held, colour))[0]


@shared
def feature(run_id: str, name: str) -> np.ndarray:
    """Return a column of the features, float32 (n_nodes,)."""
    matrix: Any = results.graph_of(run_id).features
    column = matrix[:, [results.column_names(run_id).index(name)]]
    return np.asarray(column.toarray() if hasattr(column, "toarray") else column, np.float32).ravel()


# ------------------------------------------------------------------------------------ parts
def _parts(
    held: results.Opened, at: Projected, colour: str, looks: Looks, focus: int | None
) -> dict[str, bytes]:
    """Return the parts of the map, those that cost time kept for all visitors."""
    nodes, n = at.nodes, held.graph.n_nodes
    chosen = selecting.selected(held.id)
    mask = np.zeros(n, bool)
    mask[chosen] = True

    def kept(name: str, make: Callable[[], bytes], *what: object) -> bytes:
        return KEPT.get((held.id, at.key, name, *what), make)

    def column(name: str) -> pd.Series | None:
        table = results.node_table(held.id)
        return table[name].iloc[nodes] if name in table else None

    def size() -> bytes:
        degrees = column("degree")
        return map_parts.size(None if degrees is None else degrees.to_numpy())

    names = results.node_names(held.id)
    return {
        "points": kept("points", lambda: _points(held, at)),
        "colour": kept(
            "colour", lambda: map_parts.colour(values_of(held, colour).iloc[nodes], at.coordinates),
            colour, results.ready(held.id), clusters.key(held),
        ),
        "names": kept("names", lambda: map_parts.names([names[node] for node in nodes])),
        "label": kept("label", lambda: map_parts.label(column("label"))),
        "size": kept("size", size) if looks.sized else map_parts.size(None),
        "picked": map_parts.picked(mask[nodes], held.noun),
        "focus": _focus(held, at, focus, chosen if looks.edges else None, _arrows(held, at) if looks.arrows else ()),
    }  # fmt: skip


def _points(held: results.Opened, at: Projected) -> bytes:
    return map_parts.points(at.coordinates, at.key, at.axes, held.noun)


def _arrows(held: results.Opened, at: Projected) -> list[np.ndarray]:
    """Return arrows from codes to where the visitor's what-if edits move them, on a map that has a place for both."""
    scenario = scenarios.desk(held.id).scenario
    if at.place is None or at.coordinates.shape[1] != 2 or held.graph.n_nodes > LIMITS.answer_nodes:
        return []
    key = (held.id, at.key, asking.digest(scenario), "map_arrows")

    def make() -> list[np.ndarray]:
        model = asking.model(held.id)
        changes = model.changes(scenario.active)
        names = [moved.node for moved in asking.answered(held.id, scenario).moved]
        nodes = model.places(names, changes)
        nodes = nodes[nodes < held.graph.n_nodes]  # a new node comes from nowhere
        after = np.zeros((0, 2)) if at.place is None else at.place(model.codes_of(nodes, changes))
        return [np.array(ends, np.float64) for ends in zip(at.coordinates[nodes], after, strict=True)]

    try:
        return KEPT.get(key, make)
    except StudioError:  # an edit that can no longer be made: the What if page says why
        return []


def _focus(
    held: results.Opened,
    at: Projected,
    focus: int | None,
    chosen: np.ndarray | None,
    arrows: Sequence[np.ndarray],
) -> bytes:
    """Return the ring, the lines, the names of hubs and arrows, as points of the map."""
    place = np.full(held.graph.n_nodes, -1)
    place[at.nodes] = np.arange(len(at.nodes))
    lines = np.zeros((0, 2), np.int64)
    if held.family.links_nodes:
        if focus is not None:
            friends = latent_neighbours.true_neighbours(held.graph, focus)
            lines = np.column_stack([np.full(len(friends), focus), friends])
        elif chosen is not None:
            lines = selections.edges_inside(held.graph.edges, chosen, held.graph.n_nodes, MAX_LINES)
    ends = place[lines]
    hubs = place[hubs_of(held.id)]
    node = -1 if focus is None else int(place[focus])
    return map_parts.focus(node, ends[(ends >= 0).all(axis=1)], hubs[hubs >= 0], arrows)


@shared
def hubs_of(run_id: str) -> np.ndarray:
    """Return the nodes with most neighbours, int64; none of a matrix."""
    table = results.node_table(run_id)
    if "degree" not in table:
        return np.zeros(0, np.int64)
    return np.argsort(-table["degree"].to_numpy(), kind="stable")[: map_parts.HUBS]


# ----------------------------------------------------------------------------------- figure
def _figure(held: results.Opened, at: Projected, colour: str, focus: int | None, *, flat: bool) -> None:
    """Draw a fair sample of the nodes by Plotly, and select by the outline drawn on it."""
    most = FIGURE_POINTS if flat else map_points.MAX_POINTS
    classes = results.fair_classes(held.id)[at.nodes]
    sample = map_points.sample_points(len(at.nodes), classes, most)
    nodes = at.nodes[sample]
    friends = nodes[:0]
    if focus is not None and held.family.links_nodes:
        friends = latent_neighbours.true_neighbours(held.graph, focus)
    points = maps.Points(nodes, at.coordinates[sample], results.hover_texts(held.id, nodes), at.axes)
    fig = maps.figure(points, values_of(held, colour), focus, friends, selecting.selected(held.id))
    event = charts.show(
        fig,
        key="latent_figure" if flat else "latent_map_3d",
        alt=f"Map of {len(nodes):,} {held.noun}s by {maps.title(colour)}; the table below lists them.",
        on_select="rerun" if flat else "ignore",
        height=maps.HEIGHT,
    )
    if len(nodes) < len(at.nodes):
        st.caption(f"Points are a fair sample of {len(nodes):,} of {len(at.nodes):,} {held.noun}s.")
    if flat and event:
        selecting.receive_figure(event["selection"])
