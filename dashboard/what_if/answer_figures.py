"""Figures of the answers of the What if page: effects, parts of a score, neighbourhoods, moves on the map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures import charts
from vgae_core.analysis.linear_map import Map
from vgae_core.what_if.ego import Ego, EgoNode
from vgae_core.what_if.why import Effects, ScorePart

BARS = 15
"""Effects drawn as bars; the table has all."""

STATUS = {"kept": ("Edge", "solid"), "added": ("Added", "dashed"), "dropped": ("Dropped", "dotted")}
"""How an edge of the picture is named and drawn, by its status."""


def arrows(
    where: Map, names: Sequence[str], nodes: np.ndarray, after: np.ndarray, shown: np.ndarray, noun: str
) -> go.Figure:
    """Return the map of the run with an arrow to the new code of each node.

    Parameters
    ----------
    where : Map
        Of all codes before.
    names : sequence of str
        Of the nodes that are marked.
    nodes : ndarray of int64
        Their numbers; those that the map does not have are new and get no arrow.
    after : ndarray of float, shape (len(nodes), latent_dim)
        Their new codes.
    shown : ndarray of int64
        Nodes drawn as points.
    noun : str
        What has a code.
    """
    ends = where.place(after)
    fig = go.Figure()
    fig.add_trace(go.Scattergl(
        x=where.coordinates[shown, 0], y=where.coordinates[shown, 1], mode="markers", hoverinfo="skip",
        marker={"size": 3, "color": charts.MUTED, "opacity": 0.35}, name=f"All {noun}s",
    ))  # fmt: skip
    for at in np.flatnonzero(nodes < len(where.coordinates)).tolist():
        start = where.coordinates[nodes[at]]
        fig.add_annotation(
            x=ends[at, 0], y=ends[at, 1], ax=start[0], ay=start[1], xref="x", yref="y", axref="x", ayref="y",
            text="", showarrow=True, arrowhead=2, arrowwidth=1.5, arrowcolor=charts.colour(5), standoff=3,
        )  # fmt: skip
    fig.add_trace(go.Scattergl(
        x=ends[:, 0], y=ends[:, 1], mode="markers", name="After the edits",
        text=[charts.escape(name, 40) for name in names],
        hovertemplate="%{text}<extra></extra>", marker={"size": 8, "color": charts.colour(5)},
    ))  # fmt: skip
    axes = [f"PC {i + 1} ({share:.0%} of variance)" for i, share in enumerate(where.explained)]
    fig.update_xaxes(title=axes[0])
    fig.update_yaxes(title=axes[1], scaleanchor="x", scaleratio=1)
    return fig


def bars(effects: Effects, title: str) -> go.Figure:
    """Return the largest effects as bars: what the logit loses or gains without each."""
    shown = effects.found[:BARS][::-1]
    fig = go.Figure()
    for name, sign, colour in (("Speaks for the pair", -1, 0), ("Speaks against it", 1, 5)):
        mine = [effect for effect in shown if np.sign(effect.change) == sign]
        fig.add_trace(go.Bar(
            x=[-effect.change for effect in mine], y=[charts.escape(effect.what, 60) for effect in mine],
            orientation="h", name=name, marker={"color": charts.colour(colour)},
            hovertemplate="%{y}<br>%{x:+.4f}<extra></extra>",
        ))  # fmt: skip
    fig.update_yaxes(
        categoryorder="array", categoryarray=[charts.escape(effect.what, 60) for effect in shown], title=None
    )
    fig.update_xaxes(title=title, zeroline=True)
    return fig


def waterfall(parts: tuple[ScorePart, ...], titles: dict[str, str]) -> go.Figure:
    """Return what a stacked logit is the sum of."""
    names = [charts.escape(titles.get(part.name, part.name), 60) for part in parts]
    values = [part.adds for part in parts]
    fig = go.Figure(go.Waterfall(
        x=[*names, "Logit"], y=[*values, 0], measure=["relative"] * len(parts) + ["total"],
        text=[f"{value:+.2f}" for value in values] + [f"{sum(values):.2f}"], textposition="outside",
        increasing={"marker": {"color": charts.colour(0)}}, decreasing={"marker": {"color": charts.colour(5)}},
        totals={"marker": {"color": charts.MUTED}}, connector={"line": {"color": charts.MUTED, "width": 1}},
        hovertemplate="%{x}: %{delta:+.3f}<extra></extra>",
    ))  # fmt: skip
    fig.update_yaxes(title="Logit")
    fig.update_layout(showlegend=False)
    return fig


def _label(node: EgoNode) -> dict[str, Any]:
    """Return the label of a node of the picture, on the side where there is room."""
    bold = {}
    if node.is_end or node.is_new or node.is_edited:
        bold = {
            "show": True, "fontWeight": "bold", "textBorderColor": charts.ground(), "textBorderWidth": 3,
        }  # fmt: skip
    return {"label": {**bold, "position": "left" if node.x > 0 else "right"}}


def picture(ego: Ego) -> dict[str, Any]:
    """Return the neighbourhood as an ECharts option: edges by status, as wide as they are likely."""
    places = {node.node: at for at, node in enumerate(ego.nodes)}
    few = len(ego.nodes) <= 40  # more names, or edges as wide, would cover each other
    ink = charts.ink()
    colours = {"kept": charts.MUTED, "added": charts.colour(2), "dropped": charts.colour(5)}
    return {
        "tooltip": {"trigger": "item", "confine": True},
        "animation": False,
        "legend": {"show": False},
        "series": [{
            "type": "graph", "layout": "none", "roam": True, "preserveAspect": "contain", "selectedMode": "single",
            "left": 40, "right": 40, "top": 24, "bottom": 24,
            "edgeSymbol": ["none", "none"],
            "label": {"show": few, "position": "right", "color": ink, "fontSize": 11},
            "labelLayout": {"hideOverlap": True},
            "emphasis": {"focus": "adjacency", "label": {"show": True}},
            "data": [
                {
                    "id": str(at), "name": charts.visible(node.name, 40), "x": 500 * node.x, "y": 500 * node.y,
                    "symbolSize": 22 if node.is_end else 10,
                    "itemStyle": {"color": charts.colour(1 if node.is_new else 0 if node.is_end else 4)},
                    **_label(node),
                }
                for at, node in enumerate(ego.nodes)
            ],
            "links": [
                {
                    "source": str(places[edge.arc[0]]), "target": str(places[edge.arc[1]]),
                    "value": round(edge.probability, 3),
                    "lineStyle": {
                        "width": 0.5 + (4.5 if few else 1.5) * edge.probability ** 2, "type": STATUS[edge.status][1],
                        "color": colours[edge.status], "opacity": 1 if edge.status != "kept" else 0.55 if few else 0.3,
                    },
                }
                for edge in ego.edges
            ],
        }],
    }  # fmt: skip
