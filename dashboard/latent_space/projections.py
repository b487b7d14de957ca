"""Which map of the latent codes is drawn: the method, its settings, and where each node lies."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from dashboard.app import state
from dashboard.finished_runs import results
from dashboard.finished_runs.shared import KEPT, shared
from dashboard.widgets import background, forms
from vgae_core.analysis import latent_neighbours, map_points, projection
from vgae_core.analysis.alignment import Turn, procrustes
from vgae_core.analysis.linear_map import Map
from vgae_core.analysis.projection import ProjectionSpec
from vgae_core.errors import StudioError
from vgae_core.settings.fields import Setting, settings_of

USED_BY = {
    "pca": ("unit_length",),
    "axes": ("axis_x", "axis_y"),
    "tsne": ("unit_length", "perplexity", "max_points", "seed"),
    "umap": ("unit_length", "n_neighbors", "min_dist", "max_points", "seed"),
}
"""Settings of each method beside its dimensions."""

_ASKED = "map_asked"
_LINKED = "map_linked_turn"


@dataclass(frozen=True, eq=False)
class Projected:
    """Where nodes lie on a map.

    Parameters
    ----------
    key : str
        Names the run and the projection.
    nodes : ndarray of int64, shape (n_points,)
        The node of each point, ascending.
    coordinates : ndarray of float32, shape (n_points, dim)
    axes : tuple of str
        Title of each axis.
    note : str
        What the map shows.
    place : callable, optional
        From codes (n, latent_dim) to their places on a map that is linear in the codes.
    turn : Turn, optional
        How the map was turned, mirrored and scaled.
    """

    key: str
    nodes: np.ndarray
    coordinates: np.ndarray
    axes: tuple[str, ...]
    note: str
    place: Callable[[np.ndarray], np.ndarray] | None = None
    turn: Turn | None = None


def ask(spec: ProjectionSpec) -> None:
    """Begin with these settings, where the page has not drawn its choices yet."""
    st.session_state[_ASKED] = spec


def ask_turn(turn: Turn | None) -> None:
    """Turn the map that a link asks for in this way, None for not at all; before the page draws its choices."""
    st.session_state[_LINKED] = [turn, None]


def choose(held: results.Opened) -> tuple[ProjectionSpec, str | Turn | None]:
    """Draw the choice of a projection; return it, and the run whose map it is turned like, by its id, or the turn."""
    known = {setting.name: setting for setting in settings_of(ProjectionSpec)}
    asked: ProjectionSpec = st.session_state.get(_ASKED, ProjectionSpec())
    method = forms.field(known["method"], known["method"].default, "map_method")
    values = {"method": method}
    with st.popover("Settings", icon=":material/tune:"):
        dim = known["dim"]
        values["dim"] = st.segmented_control(
            dim.title, range(int(dim.low or 0), int(dim.high or 0) + 1), default=asked.dim,
            format_func="{}-D".format, required=True, help=dim.help, key="map_dim",
        )  # fmt: skip
        for name in USED_BY[str(method)]:
            if name.startswith("axis"):
                values[name] = _axis(held, known[name], getattr(asked, name))
            else:
                values[name] = forms.field(known[name], getattr(asked, name), f"map_{name}")
        spec = ProjectionSpec.from_dict(values)
        turned = _choose_turn(held, spec) if spec.dim == dim.default and method != "axes" else None
    return spec, turned


def _choose_turn(held: results.Opened, spec: ProjectionSpec) -> str | Turn | None:
    """Draw whether the map is turned as a link asks, or like that of the visitor's run before."""
    linked = st.session_state.setdefault(_LINKED, [None, ()])
    if linked[1] is None:  # the link asks for the map that is drawn first
        linked[1] = (held.id, spec)
    of_link = linked[1] == (held.id, spec)
    if of_link and linked[0] is not None:
        asked = st.toggle(
            "Turn as in the link", value=True, key="map_align_link",
            help="The link's map was turned, mirrored and scaled so that nodes lie near their places in another run.",
        )  # fmt: skip
        return linked[0] if asked else None
    before = _before(held)
    if before is not None and st.toggle(
        "Turn like the run before", value=not of_link, key="map_align",
        help="Codes of two runs are only defined up to a turn and a mirror. The map is turned, mirrored and scaled "
        "(Procrustes) so that nodes lie as near as may be to their places in your previous run of the same data.",
    ):  # fmt: skip
        return before
    return None


def _axis(held: results.Opened, setting: Setting, first: int) -> int:
    width = held.result.codes.z_mean.shape[1]
    return int(
        st.selectbox(
            setting.title,
            range(1, width + 1),
            index=min(first, width) - 1,
            format_func="z {}".format,
            help=setting.help,
            key=f"map_{setting.name}",
        )
    )


def projected(held: results.Opened, spec: ProjectionSpec, turned: str | Turn | None) -> Projected:
    """Return the map; while a slow one has not been made, draw the button that makes it and return PCA."""
    key = f"{held.id}|{spec}"
    if spec.method in ("pca", "axes"):
        return _quick(held, spec, turned)
    made = _made(held.run.path, key)
    entry = projection.METHODS[spec.method]
    if made is None:
        background.panel(
            "map", key, "project",
            lambda: ({"z": held.result.codes.z_mean, "by": results.fair_classes(held.id)}, spec.to_dict()),
            label=f"Make the {entry.title} map",
            about=f"{entry.help} Until it is made you see PCA.",
            seconds=projection.SECONDS, keep=held.run.path,
        )  # fmt: skip
        return _quick(held, ProjectionSpec(dim=spec.dim, unit_length=spec.unit_length), turned)
    nodes, coordinates = made
    note = entry.help
    if len(nodes) < held.graph.n_nodes:
        note += f" A fair sample of {len(nodes):,} of {held.graph.n_nodes:,} {held.noun}s."
    axes = tuple(f"{entry.title} {i + 1} (no unit)" for i in range(spec.dim))
    turn = turned if isinstance(turned, Turn) else None
    if isinstance(turned, str):
        goal = _made(state.store().open_run(turned).path, f"{turned}|{spec}") or (
            np.arange(held.graph.n_nodes),
            results.pca_map(turned, spec.dim, spec.unit_length).coordinates,
        )
        turn = _onto(nodes, coordinates, *goal)
    if turn is not None:
        coordinates = turn.apply(coordinates).astype(np.float32)
    return Projected(f"{key}|{_told(turned)}", nodes, coordinates, axes, note, turn=turn)


def _told(turned: str | Turn | None) -> str:
    """Return what tells one turn from another."""
    return str(turned.numbers()) if isinstance(turned, Turn) else str(turned)


def _made(folder: Path, key: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Return nodes and coordinates of a map that took a while, kept for all who may see the run."""
    made = background.result(key, folder)
    if made is None:
        return None
    arrays, _ = made
    return arrays["index"], arrays["coordinates"]


def _quick(held: results.Opened, spec: ProjectionSpec, turned: str | Turn | None) -> Projected:
    """Return a map that is linear in the codes."""
    place: Callable[[np.ndarray], np.ndarray]
    if spec.method == "axes":
        coordinates, place = _axes(held.id, spec), functools.partial(projection.raw_axes, spec=spec)
        axes = tuple(
            f"z {i}" for i in (spec.axis_x, spec.axis_y, max(spec.axis_x, spec.axis_y) + 1)[: spec.dim]
        )
        note = projection.METHODS["axes"].help
    else:
        made = results.pca_map(held.id, spec.dim, spec.unit_length)
        coordinates, place = made.coordinates, functools.partial(_placed, made, spec.unit_length)
        axes = tuple(f"PC {i + 1} ({share:.0%} of variance)" for i, share in enumerate(made.explained))
        note = f"{spec.dim} principal components hold {made.explained.sum():.0%} of the variance of the mean codes"
        note += ", each scaled to length 1." if spec.unit_length else "."
    turn = _pca_turn(held.id, turned, spec) if isinstance(turned, str) else turned
    if turn is not None:
        straight = place
        place = lambda z: turn.apply(straight(z))  # noqa: E731
        coordinates = KEPT.get(
            (held.id, spec, _told(turned), "turned"),
            lambda flat=coordinates: turn.apply(flat).astype(np.float32),  # type: ignore[misc]
        )
        axes = tuple(f"Turned PC {i + 1}" for i in range(spec.dim))
        note += " Turned and scaled onto " + (
            "your previous run of the same data." if isinstance(turned, str) else "the map of the link."
        )
    key = f"{held.id}|{spec}|{_told(turned)}"
    return Projected(key, np.arange(len(coordinates)), coordinates, axes, note, place, turn)


def _placed(made: Map, unit_length: bool, z: np.ndarray) -> np.ndarray:
    return made.place(latent_neighbours.directions(z) if unit_length else z)


@shared
def _axes(run_id: str, spec: ProjectionSpec) -> np.ndarray:
    return projection.raw_axes(results.codes_of(run_id).z_mean, spec)


@shared
def _pca_turn(run_id: str, before: str, spec: ProjectionSpec) -> Turn:
    """Return how the map of a run is turned onto that of another."""
    coordinates, goal = (
        results.pca_map(run, spec.dim, spec.unit_length).coordinates for run in (run_id, before)
    )
    return procrustes(coordinates, goal)


def _onto(nodes: np.ndarray, coordinates: np.ndarray, others: np.ndarray, goal: np.ndarray) -> Turn | None:
    """Return how a map is turned onto another, by the nodes that are on both; None if these are too few."""
    _, mine, theirs = np.intersect1d(nodes, others, assume_unique=True, return_indices=True)
    return procrustes(coordinates[mine], goal[theirs]) if len(mine) >= map_points.MIN_ALIGNED else None


def _before(held: results.Opened) -> str | None:
    """Return the visitor's latest run of the same data before this one, None if there is none that can be read."""
    known: dict[str, list[str]] = st.session_state.setdefault("runs_before", {})
    if held.id not in known:
        runs = state.store().list_runs(state.workspace())  # the newest first
        same = [r.id for r in runs if r.fingerprint == held.graph.fingerprint and r.metrics and not r.problem]
        known[held.id] = same[same.index(held.id) + 1 :] if held.id in same else []
    for run_id in known[held.id]:
        try:
            if len(results.codes_of(run_id).z_mean) == held.graph.n_nodes:
                return run_id
        except StudioError:  # deleted since, or damaged
            continue
    return None
