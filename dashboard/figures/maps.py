"""The figure of a map: nodes as points, coloured by what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.figures import charts
from vgae_core.analysis import map_points

TITLES = {
    "node": "Node",
    "label": "Label",
    "community": "Community",
    "degree": "Degree (neighbours)",
    "row_values": "Values in the row",
    "row_total": "Row total",
    "uncertainty": "Uncertainty (mean σ)",
    "reconstruction_error": "Reconstruction error (nats per pair)",
    "feature_error": "Error of its values (mean loss)",
    "predicted_label": "Predicted label",
    "label_part": "Part of the label split",
    "core": "Core number",
    "cluster_kmeans": "Cluster (k-means)",
    "cluster_hdbscan": "Cluster (HDBSCAN)",
    "cluster_smoothed": "Cluster (smoothed features)",
    "label_probability": "Probability of the predicted label",
}
"""How the columns of a node table are called; the graph's own values go by their names."""

HELP = {
    "community": "Groups with more edges inside than by chance (Leiden, modularity); 0 is the largest.",
    "degree": "Distinct neighbours; the colour follows the logarithm.",
    "core": "The largest k of which the node is in the k-core, where all have at least k neighbours among each other.",
    "label_part": "Whether the network learnt from the node's label, or it was held out.",
    "row_values": "Values other than 0; the colour follows the logarithm.",
    "row_total": "Sum of the row's values.",
    "feature_error": "The loss of its feature row, or of its row of the matrix, as scaled for training: the mean "
    "over columns.",
    "uncertainty": "Mean posterior standard deviation; 1 is the prior, so nothing was learned.",
    "reconstruction_error": "Mean cross-entropy of its edges and as many non-edges; 0.693 is a coin toss.",
}

CLUSTERS = ("cluster_kmeans", "cluster_hdbscan", "cluster_smoothed")
GROUPS = ("label", "community", "predicted_label", "label_part", *CLUSTERS)
FIRST = ("label", "community")
"""What points are coloured by at first, as far as there is such a column."""

LOGARITHMIC = ("degree", "core", "row_values")
"""Columns whose colour follows the logarithm."""
OTHER = "#8c98a3"
COLOURS = tuple(index for index, colour in enumerate(charts.CATEGORICAL) if colour != "#8c8c8c")
"""Numbers of the categorical colours of groups (:func:`dashboard.figures.charts.colour`): grey is for the others."""
HEIGHT = 580


@dataclass(frozen=True, eq=False)
class Points:
    """What a map shows.

    Parameters
    ----------
    nodes : ndarray of int64, shape (n_points,)
        The node of each point.
    coordinates : ndarray of float32, shape (n_points, dim)
    hover : ndarray of str objects, shape (n_points,)
        Escaped text of each point.
    axes : tuple of str
        Title of each axis.
    """

    nodes: np.ndarray
    coordinates: np.ndarray
    hover: np.ndarray
    axes: tuple[str, ...]


def choices(table: pd.DataFrame) -> list[str]:
    """Return the columns a map can be coloured by."""
    return [str(name) for name in table if name in GROUPS or pd.api.types.is_numeric_dtype(table[name])]


def columns(table: pd.DataFrame, noun: str = "node") -> dict[str, Any]:
    """Return how Streamlit shows the columns of a node table; `noun` is what has a code."""
    decimals = {"uncertainty", "reconstruction_error", "feature_error", "label_probability"}
    named = {
        str(name): (
            st.column_config.NumberColumn(title(str(name)), help=HELP.get(str(name)), format="%.3f")
            if name in decimals
            else st.column_config.Column(title(str(name)), help=HELP.get(str(name)))
        )
        for name in table
    }
    return named | {"node": st.column_config.Column(noun.capitalize())} if "node" in named else named


def title(column: str) -> str:
    """Return how a column is called, as plain text."""
    return TITLES.get(column) or charts.visible(column)


def group_name(column: str, name: object) -> str:
    """Return what a group of a column is called, as plain text."""
    if column == "community":
        return f"Community {name}"
    return f"Cluster {name}" if column in CLUSTERS else str(name)


def figure(
    points: Points,
    values: pd.Series,
    focus: int | None,
    friends: np.ndarray,
    chosen: np.ndarray | None = None,
) -> go.Figure:
    """Return the map.

    Parameters
    ----------
    points : Points
    values : Series, length n_nodes
        The column of the node table to colour by.
    focus : int or None
        Node to mark.
    friends : ndarray of int64
        Its true neighbours, joined to it by lines.
    chosen : ndarray of int64, optional
        Selected nodes, which get a ring.
    """
    fig = go.Figure()
    column = str(values.name)
    of_points = values.iloc[points.nodes]
    if column in GROUPS:
        _groups(fig, points, of_points, column)
    else:
        _scale(fig, points, of_points.to_numpy(dtype=np.float64), column)
    if chosen is not None and len(chosen) and points.coordinates.shape[1] == 2:
        ringed = np.isin(points.nodes, chosen)
        ring = {"symbol": "circle-open", "size": 9, "color": "#d55e00"}
        fig.add_trace(_scatter(points, ringed, ring, name="selected"))
    if focus is not None:
        _mark(fig, points, focus, friends)
    text = [charts.escape(axis) for axis in points.axes]
    if points.coordinates.shape[1] == 3:
        fig.update_layout(
            scene={
                "xaxis_title": text[0], "yaxis_title": text[1], "zaxis_title": text[2], "aspectmode": "cube",
            },
        )  # fmt: skip
    else:
        fig.update_layout(xaxis_title=text[0], yaxis_title=text[1])
        fig.update_xaxes(zeroline=False)
        fig.update_yaxes(zeroline=False, scaleanchor="x")
    fig.update_layout(legend={"itemsizing": "constant", "title": {"text": ""}}, uirevision="map")
    return fig


def _groups(fig: go.Figure, points: Points, values: pd.Series, column: str) -> None:
    """Add one trace for each of the largest groups, one for the others and one for nodes without."""
    known = values >= 0 if pd.api.types.is_numeric_dtype(values) else values.notna()
    sizes = values[known].value_counts(sort=True)
    largest = list(sizes.index[: len(COLOURS)])
    if len(sizes) == len(COLOURS) + 1:  # one left over needs no group of its own
        largest = largest[:-1]
    rest = (known & ~values.isin(largest)).to_numpy()
    # What is grey lies below the colours, so it comes first in the figure, and last in the legend.
    for text, where in (
        ("no group", (~known).to_numpy()),
        (f"{len(sizes) - len(largest)} other groups", rest),
    ):
        if where.any():
            marker = {"color": OTHER, "opacity": 0.45}
            fig.add_trace(_scatter(points, where, marker, name=text, legendrank=2000, showlegend=True))
    for name, index in zip(largest, COLOURS, strict=False):
        text = charts.escape(group_name(column, name), 28)
        marker = {"color": charts.colour(index), "opacity": 0.9}
        where = (values == name).to_numpy()
        fig.add_trace(_scatter(points, where, marker, name=text, showlegend=True))


def _scale(fig: go.Figure, points: Points, values: np.ndarray, column: str) -> None:
    """Add the points on a colour scale, and below them in grey those without a value."""
    logarithmic = column in LOGARITHMIC
    shown = np.log10(1 + values) if logarithmic else values
    low, high = map_points.colour_range(shown)
    bar: dict[str, Any] = {
        "title": {"text": charts.escape(title(column), 60), "side": "right"},
        "thickness": 12,
        "outlinewidth": 0,
    }
    if logarithmic:
        ticks = [t for t in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000, 100_000) if t <= 10**high]
        bar |= {"tickvals": np.log10(1 + np.array(ticks)), "ticktext": [f"{t:,}" for t in ticks]}
    finite = np.isfinite(shown)
    if not finite.all():
        fig.add_trace(_scatter(points, ~finite, {"color": OTHER, "opacity": 0.45}, name="no value"))
    marker = {
        "color": shown[finite],
        "colorscale": charts.SEQUENTIAL
        + ("" if st.context.theme.type == "dark" else "_r"),  # as the browser's map has it
        "cmin": low,
        "cmax": high,
        "colorbar": bar,
        "line": {"width": 0.4, "color": OTHER},
    }
    fig.add_trace(_scatter(points, finite, marker, name=charts.escape(title(column), 60), showlegend=False))


def _scatter(points: Points, where: np.ndarray, marker: dict[str, Any], **kwargs: Any) -> Any:
    at = points.coordinates[where]
    n = len(points.nodes)
    flat = at.shape[1] == 2
    size = (7 if n <= 2000 else 5 if n <= 10_000 else 4) - (0 if flat else 3)
    common: dict[str, Any] = {
        "mode": "markers",
        "marker": {"size": max(size, 2), **marker},
        "customdata": points.nodes[where],
        "text": points.hover[where],
        "hovertemplate": "%{text}<extra></extra>",
        **kwargs,
    }
    if flat:
        # Drawn where WebGL is missing.  What is not selected stays visible.
        return go.Scatter(x=at[:, 0], y=at[:, 1], unselected={"marker": {"opacity": 0.4}}, **common)
    return go.Scatter3d(x=at[:, 0], y=at[:, 1], z=at[:, 2], **common)


def _mark(fig: go.Figure, points: Points, focus: int, friends: np.ndarray) -> None:
    """Join the node to its true neighbours and ring it, where they are on the map."""
    place = np.full(int(max(points.nodes.max(), focus, friends.max(initial=0))) + 1, -1)
    place[points.nodes] = np.arange(len(points.nodes))
    if place[focus] < 0:
        return
    at = points.coordinates[place[focus]]
    there = points.coordinates[place[friends][place[friends] >= 0]]
    ends = np.full((3 * len(there), len(at)), np.nan, dtype=np.float32)  # start, end, gap
    ends[0::3], ends[1::3] = at, there
    ring = {"symbol": "circle-open", "size": 16, "color": "#d55e00", "line": {"width": 3}}
    name = points.hover[place[focus]].split("<br>")[0]
    skip: dict[str, Any] = {"hoverinfo": "skip"}
    line = {"color": "rgba(213,94,0,0.45)", "width": 1.5}
    if len(at) == 2:
        if len(there):
            fig.add_trace(
                go.Scatter(x=ends[:, 0], y=ends[:, 1], mode="lines", line=line, name="its edges", **skip)
            )
        fig.add_trace(go.Scatter(x=at[:1], y=at[1:], mode="markers", marker=ring, name=name, **skip))
        return
    x, y, z = ends.T
    if len(there):
        fig.add_trace(go.Scatter3d(x=x, y=y, z=z, mode="lines", line=line, name="its edges", **skip))
    ring["size"] = 10
    fig.add_trace(go.Scatter3d(x=at[:1], y=at[1:2], z=at[2:], mode="markers", marker=ring, name=name, **skip))
