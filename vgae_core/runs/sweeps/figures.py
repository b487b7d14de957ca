"""Pictures of a sweep that grow with its trials, for pages and for reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from vgae_core.catalogue.palette import CATEGORICAL, MUTED, SEQUENTIAL
from vgae_core.runs.sweeps.catalogue import SweepInfo, TrialInfo
from vgae_core.runs.sweeps.choice import in_words, titles
from vgae_core.runs.views.axis_marks import log_marks
from vgae_core.runs.views.figures import label_of
from vgae_core.settings.space import objective
from vgae_core.training.events import EpochEnd
from vgae_core.training.progress import curves as thinned

COURSE_POINTS = 120
"""Epochs drawn of each trial."""


def title(key: str, info: SweepInfo) -> str:
    """Return what a setting is called, as an axis says it."""
    return label_of(titles(info.spec).get(key, key))


def is_number(column: pd.Series) -> bool:
    """Return whether a column of settings is numbers, not names or lists."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def against(
    table: pd.DataFrame, info: SweepInfo, key: str, chosen: int | None, palette: Sequence[str] = CATEGORICAL
) -> go.Figure:
    """Return one setting against the first objective, a point for each complete trial."""
    score = objective(info.space.objectives[0], info.spec)
    done = table[table["state"] == "complete"]
    values = done[key] if is_number(done[key]) else done[key].astype(str).map(label_of)
    figure = go.Figure()
    for mine, name, symbol, index in ((False, "Trial", "circle", 0), (True, "Chosen", "star", 1)):
        here = (done["trial"] == chosen) == mine
        if here.any():
            figure.add_scatter(
                x=values[here],
                y=done.loc[here, score.title],
                mode="markers",
                name=name,
                marker={"color": palette[index], "size": 14 if mine else 9, "symbol": symbol},
                customdata=done.loc[here, "trial"],
                hovertemplate=f"trial %{{customdata}}<br>{title(key, info)} %{{x}}<br>{score.title} "
                "%{y:.4f}<extra></extra>",
            )
    figure.update_layout(xaxis_title=title(key, info), yaxis_title=score.title, showlegend=chosen is not None)
    dimension = next((d for d in info.space.vary if d.key == key), None)
    if dimension is not None and dimension.log:
        figure.update_xaxes(type="log", **log_marks(done[key].tolist()))
    return figure


def parallel(
    table: pd.DataFrame, info: SweepInfo, keys: Sequence[str], span: tuple[float, float] = (0.0, 0.85)
) -> go.Figure:
    """Return settings and objectives of complete trials as parallel coordinates, coloured by the first objective.

    `span` is the part of the colour scale that is seen on the ground: its ends are near white and near black.
    """
    names = [objective(name, info.spec).title for name in info.space.objectives]
    done = table[table["state"] == "complete"]
    axes: list[dict[str, Any]] = []
    logs = {dimension.key for dimension in info.space.vary if dimension.log}
    for key in [*keys, *names]:
        column = done[key]
        if is_number(column) and key in logs:
            axes.append(_log_axis(title(key, info), column.to_numpy(float)))
        elif is_number(column):
            axes.append({"label": title(key, info), "values": column})
        else:
            texts = sorted(set(column.astype(str)))
            places = [texts.index(text) for text in column.astype(str)]
            ticks = list(range(len(texts)))
            axes.append(
                {
                    "label": title(key, info),
                    "values": places,
                    "tickvals": ticks,
                    "ticktext": [label_of(name, 24) for name in texts],
                }
            )
    first = objective(info.space.objectives[0], info.spec)
    return go.Figure(
        go.Parcoords(
            dimensions=axes,
            line={
                "color": done[names[0]],
                "colorscale": sample_colorscale(SEQUENTIAL, np.linspace(*span, 12).tolist()),
                "reversescale": first.direction == "minimize",
            },
            labelfont={"size": 12},
            domain={"x": [0.1, 0.9], "y": [0.07, 0.84]},  # the labels of the axes stand outside
        )
    )


def _log_axis(label: str, values: np.ndarray) -> dict[str, Any]:
    low, high = np.log10(values.min()), np.log10(values.max())
    ticks = np.linspace(low, high, 4) if high > low else np.array([low])
    return {
        "label": label,
        "values": np.log10(values),
        "tickvals": ticks.tolist(),
        "ticktext": [f"{10**tick:.2g}" for tick in ticks],
    }


def importance(
    shares: Mapping[str, float], info: SweepInfo, palette: Sequence[str] = CATEGORICAL
) -> go.Figure:
    """Return how much of the first objective's variation each setting explains."""
    rising = list(shares.items())[::-1]
    figure = go.Figure(
        go.Bar(
            x=[100 * value for _, value in rising],
            y=[title(key, info) for key, _ in rising],
            orientation="h",
            marker={"color": palette[0]},
            hovertemplate="%{y}: %{x:.0f} %<extra></extra>",
        )
    )
    return figure.update_layout(xaxis_title="Share of the variation explained (%)")


def front(
    table: pd.DataFrame,
    info: SweepInfo,
    numbers: Sequence[int],
    names: tuple[str, str],
    palette: Sequence[str] = CATEGORICAL,
) -> go.Figure:
    """Return two objectives against each other, the Pareto front marked and joined."""
    first, second = (objective(name, info.spec) for name in names)
    done = table[table["state"] == "complete"]
    best = done["trial"].isin(list(numbers))
    figure = go.Figure()
    for mine, name, symbol, index in (
        (False, "Beaten in all objectives", "circle-open", 6),
        (True, "Pareto front", "diamond", 1),
    ):
        part = done[best == mine].sort_values(first.title)
        figure.add_scatter(
            x=part[first.title],
            y=part[second.title],
            mode="lines+markers" if mine and len(names) == len(info.space.objectives) else "markers",
            name=name,
            line={"dash": "dot", "width": 1},
            marker={"color": palette[index], "size": 10, "symbol": symbol},
            customdata=part["trial"],
            hovertemplate="trial %{customdata}<br>%{x:.4f}, %{y:.4f}<extra></extra>",
        )
    return figure.update_layout(xaxis_title=first.title, yaxis_title=second.title)


MOST_COURSES = 30
"""Trials whose curves are drawn: the latest ones, and the best."""


@dataclass(frozen=True, eq=False)
class Course:
    """How a trial learnt: the epochs of its first seed.

    Parameters
    ----------
    trial : TrialInfo
    history : sequence of EpochEnd
    """

    trial: TrialInfo
    history: Sequence[EpochEnd]


def drawn_courses(trials: Sequence[TrialInfo], best: int | None) -> list[TrialInfo]:
    """Return the trials whose curves are drawn, in order."""
    latest = {trial.number for trial in trials[-MOST_COURSES:]}
    return [trial for trial in trials if trial.runs and (trial.number in latest or trial.number == best)]


def courses(
    found: Sequence[Course], info: SweepInfo, best: int | None, palette: Sequence[str] = CATEGORICAL
) -> go.Figure:
    """Return validation AUC + AP of trials over their epochs: the best so far and those at work stand out."""
    figure = go.Figure()
    few, called = len(found) <= len(palette) - 1, titles(info.spec)
    ranked = sorted(found, key=lambda one: (one.trial.number == best, one.trial.state == "running"))
    for one in ranked:
        thin = thinned(one.history, points=COURSE_POINTS)
        if not len(thin.epochs) or not thin.val:
            continue
        number, state = one.trial.number, one.trial.state
        main = number == best or state == "running"
        colour = palette[number % (len(palette) - 1)] if few else palette[1 if number == best else 0]
        names = [f"Trial {number}", "best" if number == best else state if state != "complete" else ""]
        label = label_of(in_words(one.trial.point, called), 100).replace("%", "&#37;")
        figure.add_scatter(
            x=thin.epochs,
            y=np.sum(list(thin.val.values()), axis=0).astype(np.float32),
            mode="lines" if len(thin.epochs) > 1 else "markers",
            name=", ".join(filter(None, names)),
            line={"color": colour if few or main else MUTED, "width": 2.5 if main else 1.2},
            opacity=1.0 if few or main else 0.55,
            showlegend=few or main,
            hovertemplate=f"trial {number}, epoch %{{x}}: %{{y:.4f}}<br>{label}<extra></extra>",
        )
    figure.update_layout(xaxis_title="Epoch", yaxis_title="Validation AUC + AP")
    return figure
