"""Figures of link scores: curves, distributions, decisions and calibration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.figures import charts
from dashboard.figures.maps import COLOURS
from dashboard.finished_runs import link_columns
from dashboard.finished_runs.results import MODEL, NETWORK, Opened
from vgae_core.analysis import metrics, ranking_metrics, threshold_curves
from vgae_core.analysis.decisions import LEAST_TESTED
from vgae_core.catalogue.baselines import BASELINES
from vgae_core.catalogue.families import FAMILIES, Words
from vgae_core.runs.views import link_tables

EDGES = FAMILIES["vgae"].words
ENTRIES = FAMILIES["vae"].words


def too_few(words: Words, number: int) -> str:
    """Say that so many held-out edges or entries are too few to judge by; empty where they are enough."""
    return f"{words.tested(number)}: too few to judge" if number < LEAST_TESTED else ""


OWN = {MODEL: "This model", NETWORK: "Its network alone"}
"""What is no baseline."""

EDGE, NON_EDGE = 0, 5
"""Numbers of their colours."""
_DASHES = ("dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "8px,3px,2px,3px,2px,3px")
"""One more than there are colours: the same hue never comes with the same dash."""
Curves = Mapping[str, tuple[threshold_curves.Roc, threshold_curves.PrecisionRecall]]


def title(name: str) -> str:
    """Return how a method is called."""
    if name in OWN:
        return OWN[name]
    return BASELINES[name].title if name in BASELINES else name


def how(name: str, *, stacked: bool = False) -> str:
    """Return how a method works, in a line."""
    if name == MODEL and stacked:
        return "The network's score combined with scores below, by weights fitted on the validation part."
    return BASELINES[name].help if name in BASELINES else "Trained on the training part."


def rows(found: Mapping[str, Any]) -> dict[str, Mapping[str, float]]:
    """Return the test scores of each method in a run's metrics: the model, its network and the baselines."""
    own = {NETWORK: found[NETWORK]} if NETWORK in found else {}
    return {MODEL: found["test"], **own, **found.get("baselines", {})}


def metric(key: str) -> metrics.Metric:
    """Return what a reported number is called and how to read it."""
    name, _, k = key.rpartition("_at_")
    return (
        ranking_metrics.RANKING_METRICS[name].at(k)
        if name in ranking_metrics.RANKING_METRICS
        else {**metrics.LINK_METRICS, **metrics.HARD_METRICS}[key]
    )


def entry_columns(held: Opened) -> dict[str, Any]:
    """Return how Streamlit shows the columns of a table of entries."""
    number, head = st.column_config.NumberColumn, held.result.head
    share = link_columns.chance(link_tables.filled_share(held.graph))
    bounded = f"Capped at what {len(held.result.split.val):,} validation entries support."
    expects = (
        "The probability the network gives it."
        if head.of_probabilities
        else "What the network expects there."
    )
    return {
        "place": number("Rank"),
        "row": "Row",
        "column": "Column",
        "value": number("Value", format="%.4g"),
        "probability_at_density": number(
            "Among all cells",
            help=f"Probability of an entry among all cells of the matrix, of which {share} are entries. The network's "
            f"score combined with that of EASE, calibrated on the validation entries. {bounded}",
        ),
        "probability": number(
            "If half were entries",
            help=f"Probability of an entry where half of the cells are entries, as in the held-out part. {bounded}",
        ),
        "expected": number(
            "Probability" if head.of_probabilities else "Expected", help=expects, format="%.4g"
        ),
        "surprise": number("Surprise (nats)", help=f"{head.nats_help}.", format="%.2f"),
        "row_values": number("Values in the row", help="Values other than 0.", format="localized"),
        "column_values": number("Values in the column", help="Values other than 0.", format="localized"),
        "row_label": "Label of the row",
        "part": st.column_config.Column(
            "Part", help="Of the split. These scores are of the matrix as it is."
        ),
    }


def _line(rank: int, name: str) -> dict[str, object]:
    """Return the model's thick line, its network's thin one, or a baseline's: told apart by dash and colour."""
    if name == MODEL:
        return {"color": charts.colour(0), "width": 3.5}
    if name in OWN:
        return {"color": charts.colour(0), "width": 1.8, "dash": "dot"}
    colour = charts.colour(COLOURS[1:][rank % (len(COLOURS) - 1)])
    return {"color": colour, "width": 1.8, "dash": _DASHES[rank % len(_DASHES)]}


def _ordered(curves: Curves) -> list[str]:
    own = [name for name in (NETWORK, MODEL) if name in curves]  # drawn on top
    return [name for name in curves if name not in own] + own


def _add_curve(
    fig: go.Figure, rank: int, name: str, score: float, x: np.ndarray, y: np.ndarray, hover: str
) -> None:
    """Draw the curve of one method, with its score in the legend."""
    fig.add_scatter(
        x=x,
        y=y,
        mode="lines",
        name=f"{charts.escape(title(name))} {score:.3f}",
        line=_line(rank, name),
        legendrank={MODEL: 1, NETWORK: 2}.get(name, 1000),
        hovertemplate=f"{hover}<extra>%{{fullData.name}}</extra>",
    )


def roc(curves: Curves, auc: Mapping[str, float], words: Words = EDGES) -> go.Figure:
    """Return the ROC curves of the model and the baselines, with their AUC in the legend."""
    fig = go.Figure()
    _guess(fig, [0, 1], [0, 1], "guessing")
    for rank, name in enumerate(_ordered(curves)):
        curve = curves[name][0]
        hover = f"%{{y:.1%}} of {words.many} found at %{{x:.1%}} false alarms"
        _add_curve(fig, rank, name, auc[name], curve.false_positive_rate, curve.true_positive_rate, hover)
    return _square(
        fig, f"False positive rate (share of {words.others})", f"True positive rate (share of {words.many})"
    )


def precision_recall(
    curves: Curves, ap: Mapping[str, float], share: float, words: Words = EDGES
) -> go.Figure:
    """Return the precision-recall curves, with the average precision in the legend."""
    fig = go.Figure()
    _guess(fig, [0, 1], [share, share], "guessing")
    for rank, name in enumerate(_ordered(curves)):
        curve = curves[name][1]
        hover = "precision %{y:.1%} at recall %{x:.1%}"
        _add_curve(fig, rank, name, ap[name], curve.recall, curve.precision, hover)
    return _square(
        fig,
        f"Recall (share of {words.many} found)",
        f"Precision (share of predicted {words.many} that are real)",
    )


def distributions(
    table: pd.DataFrame, threshold: float | None, words: Words = EDGES, axis: str = ""
) -> go.Figure:
    """Return the histograms of both kinds of pairs over probability, with the threshold, or over any score.

    Without a threshold the scores are no probabilities, and `axis` says what they are.
    """
    fig = go.Figure()
    centre, width = (table["low"] + table["high"]) / 2, (table["high"] - table["low"]).iloc[0]
    for name, column, index, pattern in (
        (words.many.capitalize(), "edges", EDGE, ""), (words.others.capitalize(), "non_edges", NON_EDGE, "/"),
    ):  # fmt: skip
        fig.add_bar(
            x=centre,
            y=table[column],
            width=width,
            name=name,
            marker={
                "color": charts.colour(index),
                "opacity": 0.65,
                "line": {"width": 0},
                "pattern": {"shape": pattern},
            },
            hovertemplate="%{y:,} pairs near %{x:.2f}<extra>" + name + "</extra>",
        )
    fig.update_layout(barmode="overlay", bargap=0)
    if threshold is None:
        fig.update_xaxes(title=axis)
    else:
        fig.add_vline(x=threshold, line={"width": 2, "dash": "dash", "color": charts.MUTED})
        fig.update_xaxes(title=f"Probability of an {words.one}", range=[0, 1])
    fig.update_yaxes(title="Held-out pairs (count)")
    return fig


def decisions(table: pd.DataFrame, threshold: float) -> go.Figure:
    """Return precision, recall and F1 over the threshold."""
    # Where nothing is called an edge there is no precision to draw.
    rates = table.assign(precision=table["precision"].where(table["tp"] + table["fp"] > 0))
    fig = go.Figure()
    for rank, (name, dash) in enumerate((("Precision", "solid"), ("Recall", "dash"), ("F1", "dot"))):
        fig.add_scatter(
            x=table["threshold"],
            y=rates[name.lower()],
            mode="lines",
            name=name,
            line={"color": charts.colour(rank), "width": 2.5, "dash": dash},
            hovertemplate="%{y:.1%} at %{x:.2f}<extra>" + name + "</extra>",
        )  # fmt: skip
    fig.add_vline(x=threshold, line={"width": 2, "dash": "dash", "color": charts.MUTED})
    fig.update_xaxes(title="Threshold (probability)", range=[0, 1])
    fig.update_yaxes(title="Share (0 to 1)", range=[0, 1.02])
    return fig


def confusion(counts: threshold_curves.Confusion, words: Words = EDGES) -> go.Figure:
    """Return the confusion matrix: what pairs are against what they are called."""
    tp, fp, tn, fn = counts
    cells = [[tn, fp], [fn, tp]]
    verdicts = [["rightly left out", "false alarm"], ["missed", "found"]]
    totals = [max(sum(row), 1) for row in cells]
    text = [
        [f"<b>{cells[i][j]:,}</b><br>{verdicts[i][j]}<br>{cells[i][j] / totals[i]:.1%}" for j in (0, 1)]
        for i in (0, 1)
    ]
    fig = go.Figure(
        go.Heatmap(
            x=[f"called {words.other}", f"called {words.one}"],
            y=[words.other, words.one],
            z=[[cells[i][j] / totals[i] * (1 if i == j else -1) for j in (0, 1)] for i in (0, 1)],
            zmin=-1,
            zmax=1,
            hoverinfo="skip",
            showscale=False,
            xgap=3,
            ygap=3,
            colorscale=[
                [0, "rgba(213,94,0,0.4)"],
                [0.5, "rgba(140,152,163,0.12)"],
                [1, "rgba(0,114,178,0.4)"],
            ],
        )
    )  # fmt: skip
    font = {"size": 14, "color": charts.ink()}
    for i, row in enumerate(text):
        for j, words_of_cell in enumerate(row):
            fig.add_annotation(x=j, y=i, text=words_of_cell, showarrow=False, font=font)
    fig.update_xaxes(title="Decision at the threshold", showgrid=False)
    fig.update_yaxes(title="Truth (held-out pairs)", showgrid=False, autorange="reversed")
    return fig


def calibration(found: threshold_curves.Calibration, words: Words = EDGES) -> go.Figure:
    """Return the share of edges against the predicted probability."""
    fig = go.Figure()
    _guess(fig, [0, 1], [0, 1], "perfect")
    fig.add_scatter(
        x=found.mean_predicted,
        y=found.fraction_positive,
        customdata=found.counts,
        mode="lines+markers",
        name="This model",
        line={"color": charts.colour(0), "width": 2.5},
        marker={"size": 9},
        cliponaxis=False,  # a share of 0 or 1 is a whole point
        hovertemplate=f"predicted %{{x:.2f}}, {words.many} %{{y:.1%}} of %{{customdata:,}} pairs<extra></extra>",
    )
    return _square(fig, "Mean predicted probability", f"Share of pairs that are {words.many}")


def _guess(fig: go.Figure, x: list[float], y: list[float], name: str) -> None:
    fig.add_scatter(
        x=x, y=y, mode="lines", name=name, hoverinfo="skip", legendrank=2000,
        line={"color": charts.MUTED, "width": 1.5, "dash": "dot"},
    )  # fmt: skip


def _square(fig: go.Figure, x: str, y: str) -> go.Figure:
    fig.update_xaxes(title=x, range=[-0.01, 1.01], zeroline=False)
    fig.update_yaxes(title=y, range=[-0.01, 1.02], zeroline=False)
    return fig
