"""Pictures of data before anything is trained: degrees, adjacency, values, features, labels."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from dashboard.figures import charts
from vgae_core.analysis import graph_views as views


def degrees(distributions: dict) -> None:
    """Draw how many nodes have which degree, by direction."""
    fig = go.Figure()
    for index, (name, shown) in enumerate(distributions.items()):
        fig.add_scatter(
            x=shown.degree,
            y=shown.n_nodes,
            mode="markers",
            name=name,
            marker={
                "size": 7,
                "color": charts.colour(index),
                "symbol": ("circle", "diamond")[index],
                "opacity": 0.8,
            },
            hovertemplate="degree %{x:,.4~g}<br>%{y:,.4~g} nodes<extra></extra>",
        )
    degrees = [degree for shown in distributions.values() for degree in shown.degree]
    counts = [count for shown in distributions.values() for count in shown.n_nodes]
    fig.update_xaxes(type="log", title="Degree", **charts.log_marks(degrees))
    fig.update_yaxes(type="log", title="Nodes", **charts.log_marks(counts))
    fig.update_layout(showlegend=len(distributions) > 1)
    charts.show(fig, key="degrees", alt="Number of nodes by degree, both axes logarithmic.")
    zero = {
        "Nodes": "without any neighbour",
        "Outgoing": "with no arc leaving them",
        "Incoming": "with no arc reaching them",
    }
    notes = [f"{shown.n_zero:,} nodes {zero[name]}" for name, shown in distributions.items() if shown.n_zero]
    if notes:
        st.caption(f"Not drawn, since a logarithmic axis has no 0: {', '.join(notes)}.")


def _filled_cells(
    picture: views.Picture | views.MatrixPicture,
    x: np.ndarray,
    y: np.ndarray,
    *,
    exact: bool,
    hover: str,
) -> go.Figure:
    """Return the heat map of a matrix: which entries are stored, or how filled each cell is."""
    return go.Figure(
        go.Heatmap(
            z=picture.fill if exact else picture.log_fill,
            x=x,
            y=y,
            colorscale=[[0, charts.CLEAR], [1, charts.colour(0)]] if exact else charts.one_hue(),
            showscale=not exact,
            customdata=None if exact else picture.fill,
            colorbar={
                "title": {"text": "Filled"},
                "tickvals": [place for place, _ in picture.ticks],
                "ticktext": [label for _, label in picture.ticks],
                "thickness": 12,
            },
            hovertemplate=hover + ("" if exact else "<br>%{customdata:.3~%} filled") + "<extra></extra>",
        )
    )


def picture(picture: views.Picture) -> None:
    """Draw the adjacency matrix, nodes by falling degree."""
    exact = picture.nodes_per_cell <= 1
    fig = _filled_cells(picture, picture.rank, picture.rank, exact=exact, hover="rank %{y:,} – rank %{x:,}")
    fig.update_xaxes(title="Node, by falling degree", constrain="domain", showgrid=False)
    fig.update_yaxes(autorange="reversed", scaleanchor="x", constrain="domain", showgrid=False)
    charts.show(fig, key="picture", alt="Adjacency matrix, nodes sorted by falling degree.")
    if not exact:
        st.caption(
            f"Each cell stands for about {picture.nodes_per_cell:,.0f} x {picture.nodes_per_cell:,.0f} pairs."
        )


def columns(curve: tuple, seen: views.FeatureView, names: tuple[str, ...]) -> None:
    """Draw how many values each column holds, the fullest first, and name the first."""
    rank, count = curve
    fig = go.Figure(
        go.Scatter(
            x=rank,
            y=count,
            mode="lines",
            fill="tozeroy",
            line={"color": charts.colour(0), "width": 2, "shape": "hv"},
            hovertemplate="column of rank %{x:,}<br>%{y:,} values<extra></extra>",
        )
    )
    fig.update_xaxes(title="Column, the fullest first")
    fig.update_yaxes(title="Values other than 0", rangemode="tozero")
    charts.show(fig, key="columns", alt="Values of each column, the fullest column first.")
    if seen.most_used:
        listed = ", ".join(
            f"{charts.plain(names[column], 40) if names else f'column {column + 1}'} ({count:,})"
            for column, count in seen.most_used
        )
        st.caption(f"Most frequent: {listed}")


def values(view: views.ValueView) -> None:
    """Draw how often each value occurs."""
    fig = go.Figure(
        go.Bar(
            x=view.edges[:-1],
            y=view.counts,
            width=view.edges[1:] - view.edges[:-1],
            offset=0,
            marker={"color": charts.colour(0)},
            hovertemplate="from %{x:,.4~g}<br>%{y:,} values<extra></extra>",
        )
    )
    fig.update_xaxes(title="Value (zeros are not drawn)")
    fig.update_yaxes(title="How often", rangemode="tozero")
    fig.update_layout(bargap=0)
    charts.show(fig, key="values", alt="How often each value other than 0 occurs.")


def matrix(picture: views.MatrixPicture) -> None:
    """Draw the matrix, the fullest rows and columns first."""
    exact = picture.rows_per_cell <= 1 and picture.columns_per_cell <= 1
    hover = "row rank %{y:,} – column rank %{x:,}"
    fig = _filled_cells(picture, picture.column_rank, picture.row_rank, exact=exact, hover=hover)
    fig.update_xaxes(title="Column, the fullest first", showgrid=False)
    fig.update_yaxes(title="Row, the fullest first", autorange="reversed", showgrid=False)
    charts.show(
        fig, key="matrix", alt="The matrix, the fullest rows above and the fullest columns on the left."
    )
    if not exact:
        st.caption(
            f"Each cell stands for about {picture.rows_per_cell:,.0f} rows x "
            f"{picture.columns_per_cell:,.0f} columns."
        )


def features(view: views.FeatureView, names: tuple[str, ...], whose: str = "node") -> None:
    """Draw how many nodes or rows have how many values."""
    fig = go.Figure(
        go.Bar(
            x=view.row_edges[:-1],
            y=view.row_counts,
            width=view.row_edges[1:] - view.row_edges[:-1],
            offset=0,
            marker={"color": charts.colour(0)},
            hovertemplate=f"%{{x:,}} values or more<br>%{{y:,}} {whose}s<extra></extra>",
        )
    )
    fig.update_xaxes(title=f"Non-zero values per {whose}")
    fig.update_yaxes(title=f"{whose.capitalize()}s")
    fig.update_layout(bargap=0)
    charts.show(fig, key="features", alt=f"How many {whose}s have how many values.")
    if whose == "row":
        return
    st.caption(
        f"{view.density:.2%} of all values are not 0 · {view.n_empty_nodes:,} nodes without any · "
        f"{view.n_empty_features:,} features that no node has"
    )
    if names and view.most_used:
        listed = ", ".join(
            f"{charts.plain(names[column], 40)} ({count:,})" for column, count in view.most_used
        )
        st.caption(f"Most frequent: {listed}")


def labels(view: views.LabelView, whose: str = "node") -> None:
    """Draw how many nodes or rows each class has."""
    fig = go.Figure(
        go.Bar(
            x=view.counts,
            y=[charts.escape(name, 32) for name in view.names],
            orientation="h",
            width=min(0.8, 0.12 * len(view.names)),  # two classes are no walls
            marker={"color": charts.colour(0)},
            hovertemplate=f"%{{y}}: %{{x:,}} {whose}s<extra></extra>",
        )
    )
    fig.update_xaxes(title=f"{whose.capitalize()}s")
    fig.update_yaxes(autorange="reversed", type="category", dtick=1)
    charts.show(fig, key="labels", alt=f"Number of {whose}s of each class, the largest first.")
    notes = []
    if view.n_rest_classes:
        notes.append(f"{view.n_rest_classes:,} smaller classes with {view.n_rest:,} {whose}s are not drawn")
    if view.n_unlabelled:
        notes.append(f"{view.n_unlabelled:,} {whose}s have no label")
    if notes:
        st.caption(" · ".join(notes))
