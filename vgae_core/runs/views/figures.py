"""Figures of several runs beside each other, for pages and for reports."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from vgae_core.analysis.alignment import aligned
from vgae_core.analysis.linear_map import pca
from vgae_core.analysis.map_points import sample_points
from vgae_core.catalogue.outputs import OUTPUTS
from vgae_core.catalogue.palette import CATEGORICAL, DASHES, MUTED
from vgae_core.data.text import shortened, visible
from vgae_core.runs.views.paired_runs import Paired
from vgae_core.runs.views.score_rows import score_title
from vgae_core.settings import RunSpec
from vgae_core.training.events import EpochEnd
from vgae_core.training.progress import by_output

POINTS = 400
"""Epochs drawn of each run."""

SMOOTHING = (1, 5, 15, 50)
"""Epochs of the running mean, to choose from."""

APART = 10.0
"""Ratio of the middle values of two curves from which each run has its own axis."""

MAP_POINTS = 24_000
"""Points on all maps together."""

FEW = 2
"""Runs that are called by their titles in legends; more go by their numbers."""

_BELOW = {"orientation": "h", "yanchor": "top", "y": -0.3, "x": 0, "xanchor": "left"}
"""A legend below the figure: names of runs are long, and above it they would meet the title."""

GROUPS = 7
"""Labels with a colour of their own; the others are grey."""


def label_of(text: object, limit: int = 60) -> str:
    """Return text of unknown origin as a Plotly label shows it literally."""
    return html.escape(shortened(visible(text), limit), quote=False)


def name_of(rank: int, title: str, count: int) -> str:
    """Return how one of `count` runs is called where there is little room: by its number, of few with its title."""
    return label_of(f"{rank + 1}. {title}", 40) if count <= FEW else f"Run {rank + 1}"


def smoothed(values: np.ndarray, window: int) -> np.ndarray:
    """Return the running mean over `window` values, fewer at both ends; NaN counts for nothing and stays."""
    if window <= 1 or not len(values):
        return values
    known = np.isfinite(values)
    kernel = np.ones(min(window, len(values)))
    total = np.convolve(np.where(known, values, 0.0), kernel, "same")
    count = np.convolve(known.astype(float), kernel, "same")
    return np.where(known, total / np.maximum(count, 1), np.nan)


@dataclass(frozen=True, eq=False)
class History:
    """The epochs of a run.

    Parameters
    ----------
    title : str
    epochs : list of EpochEnd
    best_epoch : int
        The one that is kept, 0 if none is.
    """

    title: str
    epochs: Sequence[EpochEnd]
    best_epoch: int

    def names(self) -> list[str]:
        """Return what is logged: ``val_…`` for validation scores, else Keras' names."""
        names = dict.fromkeys(name for event in self.epochs for name in event.logs)
        return [*names, *dict.fromkeys(f"val_{name}" for event in self.epochs for name in event.val)]

    def values(self, name: str) -> np.ndarray:
        """Return a number of every epoch, NaN where it is not logged; float64 (n_epochs,)."""
        val = name.removeprefix("val_") if name.startswith("val_") else ""
        rows = [event.val.get(val, np.nan) if val else event.logs.get(name, np.nan) for event in self.epochs]
        return np.array(rows, np.float64)


def outputs_of(specs: Sequence[RunSpec]) -> list[str]:
    """Return the outputs that any of some runs has."""
    return list(dict.fromkeys(output.name for spec in specs for output in spec.active_outputs))


def logged(histories: Sequence[History], outputs: Sequence[str]) -> list[str]:
    """Return what any of some runs logged: validation scores, then losses and metrics by output."""
    names = list(dict.fromkeys(name for one in histories for name in one.names()))
    ours = [name for name in names if not name.startswith("val_")]
    order = [name for name in names if name.startswith("val_")]
    return order + [name for group in by_output(ours, outputs).values() for name in group]


def title_of(name: str, outputs: Sequence[str]) -> str:
    """Return what a logged number is called."""
    if name.startswith("val_"):
        return f"Validation {score_title(name.removeprefix('val_'))}"
    owner = max((output for output in outputs if name.startswith(f"{output}_")), key=len, default="")
    if not owner:
        return "Total loss" if name == "loss" else name.replace("_", " ")
    return f"{OUTPUTS[owner].title}: {name.removeprefix(f'{owner}_').replace('_', ' ')}"


def scales_differ(histories: Sequence[History], name: str) -> bool:
    """Return whether curves of a number lie so far apart that one axis hides what happens in some."""
    middles = [np.nanmedian(values) for one in histories if np.isfinite(values := one.values(name)).any()]
    if len(middles) < 2 or min(middles) <= 0:
        return False
    return bool(max(middles) > APART * min(middles))


def curves(
    histories: Sequence[History],
    name: str,
    title: str,
    *,
    log: bool = False,
    window: int = 1,
    apart: bool = False,
    palette: Sequence[str] = CATEGORICAL,
) -> go.Figure:
    """Return one number of several runs over the epochs, the kept epoch of each marked.

    Parameters
    ----------
    histories : sequence of History
    name : str
        As of :meth:`History.names`.
    title : str
    log : bool
        Whether the axis is logarithmic.
    window : int
        Epochs of the running mean; the raw values stay as a thin line.
    apart : bool
        Whether each run has axes of its own, one below the other.
    palette : sequence of str
        Colours by run.
    """
    drawn = [(rank, one) for rank, one in enumerate(histories) if np.isfinite(one.values(name)).any()]
    rows = max(len(drawn), 1) if apart else 1
    fig = make_subplots(rows=rows, cols=1, shared_xaxes=True, vertical_spacing=0.25 / max(rows, 2))
    for place, (rank, one) in enumerate(drawn):
        values, at = one.values(name), np.array([event.epoch for event in one.epochs])
        keep = np.unique(np.linspace(0, len(at) - 1, min(POINTS, len(at))).round().astype(int))
        where = {"row": place + 1 if apart else 1, "col": 1}
        line = {
            "color": palette[rank % len(palette)],
            "width": 2,
            "dash": DASHES[rank // len(palette) % len(DASHES)],
        }
        text = name_of(rank, one.title, len(histories))
        full = label_of(f"{rank + 1}. {one.title}").replace("%", "&#37;")
        if window > 1:
            faint = {**line, "width": 1}
            fig.add_scatter(
                x=at[keep], y=values[keep].astype(np.float32), mode="lines", line=faint, opacity=0.3,
                hoverinfo="skip", showlegend=False, legendgroup=str(rank), **where,
            )  # fmt: skip
        smooth = smoothed(values, window)
        fig.add_scatter(
            x=at[keep], y=smooth[keep].astype(np.float32), name=text, legendgroup=str(rank), line=line,
            mode="lines" if len(keep) > 1 else "markers",
            hovertemplate="epoch %{x}: %{y:.4g}<extra>" + full + "</extra>", **where,
        )  # fmt: skip
        best = np.flatnonzero(at == one.best_epoch)
        if len(best):
            fig.add_scatter(
                x=[one.best_epoch], y=smooth[best[:1]].astype(np.float32), mode="markers", showlegend=False,
                legendgroup=str(rank), marker={"symbol": "star", "size": 12, "color": line["color"]},
                hovertemplate=f"kept epoch {one.best_epoch}: {values[best[0]]:.4g}<extra></extra>", **where,
            )  # fmt: skip
    fig.update_yaxes(type="log" if log else "linear")
    fig.update_xaxes(title="Epoch", row=rows, col=1)
    fig.update_layout(title={"text": label_of(title), "font": {"size": 15}}, showlegend=len(drawn) > 1)
    fig.update_layout(legend=_BELOW)
    return fig


def forest(titles: Sequence[str], found: Sequence[Paired], palette: Sequence[str] = CATEGORICAL) -> go.Figure:
    """Return differences of scores with their intervals, one row a run, one colour a score."""
    fig = go.Figure()
    names = [label_of(f"{place}. {title}") for place, title in enumerate(titles, 2)]
    keys = list(dict.fromkeys(key for one in found for key in one.scores))
    for rank, key in enumerate(keys):
        rows = [(name, one.scores[key]) for name, one in zip(names, found, strict=True) if key in one.scores]
        middle = np.array([row.difference for _, row in rows])
        fig.add_scatter(
            x=middle,
            y=[name for name, _ in rows],
            error_x={
                "array": np.array([row.high for _, row in rows]) - middle,
                "arrayminus": middle - np.array([row.low for _, row in rows]),
                "thickness": 2,
            },
            orientation="h",
            offsetgroup=key,
            mode="markers",
            marker={"size": 9, "color": palette[rank], "symbol": ("circle", "diamond", "square")[rank % 3]},
            name=score_title(key),
            hovertemplate="%{x:+.4f}<extra>" + score_title(key) + "</extra>",
        )
    fig.add_vline(x=0, line={"color": MUTED, "width": 1, "dash": "dot"})
    fig.update_layout(scattermode="group", scattergap=0.6)
    fig.update_xaxes(title="Difference from run 1 (positive: finds more)")
    fig.update_yaxes(autorange="reversed", ticks="")
    return fig


# ------------------------------------------------------------------------------- maps
@dataclass(frozen=True, eq=False)
class Maps:
    """Aligned maps of several runs on the axes of the first.

    Parameters
    ----------
    titles : list of str
    nodes : ndarray of int64, shape (n_points,)
        The nodes drawn, the same on each.
    places : list of ndarray of float32, shape (n_points, 2)
    labels : ndarray of int, shape (n_nodes,), or None
    label_names : sequence of str
    explained : ndarray of float64, shape (2,)
        Share of the variance of the first run's codes along each axis.
    """

    titles: list[str]
    nodes: np.ndarray
    places: list[np.ndarray]
    labels: np.ndarray | None = None
    label_names: Sequence[str] = field(default_factory=tuple)
    explained: np.ndarray = field(default_factory=lambda: np.zeros(2))


def maps_of(
    titles: Sequence[str], z: Sequence[np.ndarray], labels: np.ndarray | None, label_names: Sequence[str]
) -> Maps:
    """Return maps of codes (n_nodes, d_i): the first's principal components, and the others turned onto its codes."""
    first, n = pca(z[0], 2), len(z[0])
    most = MAP_POINTS // len(z)
    nodes = sample_points(n, labels, most)
    places = [first.coordinates[nodes]]
    places += [first.place(aligned(z[0], other)[0][nodes]).astype(np.float32) for other in z[1:]]
    return Maps(list(titles), nodes, places, labels, label_names, first.explained)


def maps(
    shown: Maps, names: np.ndarray | None, selected: np.ndarray | None, palette: Sequence[str] = CATEGORICAL
) -> go.Figure:
    """Return maps beside each other with linked axes.

    Parameters
    ----------
    shown : Maps
    names : ndarray of str objects, shape (n_nodes,), or None
        Of the nodes; None where whoever draws the figure adds them.
    selected : ndarray of int64, or None
        Nodes that stand out on every map; None for all.
    palette : sequence of str
        Colours of labels.
    """
    count = len(shown.places)
    cols = min(count, 3 if count != 4 else 2)
    rows = -(-count // cols)
    fig = make_subplots(
        rows=rows, cols=cols, horizontal_spacing=0.03, vertical_spacing=0.16 / max(rows, 1),
        subplot_titles=[name_of(rank, title, count) for rank, title in enumerate(shown.titles)],
    )  # fmt: skip
    size = 6 if len(shown.nodes) <= 1500 else 4
    for rank, (text, where, colour) in enumerate(_groups(shown, palette)):
        nodes = shown.nodes[where]
        for place, xy in enumerate(shown.places):
            marker = {"size": size, "color": colour, "opacity": 0.85}
            fig.add_trace(
                go.Scattergl(
                    x=xy[where, 0], y=xy[where, 1], mode="markers", name=text, legendgroup=str(rank),
                    showlegend=place == 0 and bool(text), customdata=nodes.astype(np.int32), marker=marker,
                    text=None if names is None else [label_of(name) for name in names[nodes]],
                    hovertemplate="%{text}<extra></extra>",
                    unselected={"marker": {"opacity": 0.12}}, selected={"marker": {"opacity": 1.0}},
                    selectedpoints=None if selected is None else np.flatnonzero(np.isin(nodes, selected)),
                ),
                row=place // cols + 1, col=place % cols + 1,
            )  # fmt: skip
    fig.update_xaxes(matches="x", showticklabels=False, zeroline=False)
    fig.update_yaxes(matches="y", showticklabels=False, zeroline=False)
    fig.update_layout(
        legend={**_BELOW, "y": -0.02, "itemsizing": "constant"}, dragmode="lasso", uirevision="maps"
    )
    return fig


def _groups(shown: Maps, palette: Sequence[str]) -> list[tuple[str, np.ndarray, str]]:
    """Return name, places in `shown.nodes` and colour of the largest labels, what is grey first."""
    if shown.labels is None:
        return [("", np.arange(len(shown.nodes)), palette[0])]
    labels = shown.labels[shown.nodes]
    sizes = np.bincount(labels[labels >= 0], minlength=len(shown.label_names))
    largest = [int(i) for i in np.argsort(-sizes, kind="stable")[:GROUPS] if sizes[i]]
    colours = [colour for colour in palette if colour.lower() not in ("#8c8c8c", "#a6a6a6")]
    rest = np.flatnonzero(~np.isin(labels, largest))
    grey = [("other or no label", rest, MUTED)] if len(rest) else []
    return grey + [
        (label_of(shown.label_names[i], 28), np.flatnonzero(labels == i), colours[place])
        for place, i in enumerate(largest)
    ]
