"""A run while it learns: its curves, and what is said of it in a line."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard import charts
from vgae_core.runs.store import RunInfo, Status
from vgae_core.spec import METRICS, OUTPUTS
from vgae_core.training.progress import Curves, Progress

Scale = Literal["linear", "log"]

STATUS: dict[Status, tuple[str, str]] = {
    "queued": ("Queued", ":material/hourglass_top:"),
    "running": ("Training", ":material/progress_activity:"),
    "finished": ("Finished", ":material/check_circle:"),
    "cancelled": ("Cancelled", ":material/cancel:"),
    "failed": ("Failed", ":material/error:"),
    "lost": ("Lost", ":material/link_off:"),
}
"""Name and icon of each status."""

PROGRESS_SECONDS = 0.5
"""Between two looks at how far a run is."""

CURVES_SECONDS = 2.0
"""Between two drawings of its curves, and before the first: the browser often shares its cores with the trainer."""

VALIDATION = {"roc_auc": "AUC", "average_precision": "Average precision"}
_DASHES = ("solid", "dash", "dot", "dashdot")


# ----------------------------------------------------------------------------- in words
def duration(seconds: float) -> str:
    """Return a time span as people say it."""
    if seconds < 1:
        return "less than a second"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def since(moment: float) -> str:
    """Return how long ago a moment was, or its date."""
    seconds = time.time() - moment
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min ago"
    if seconds < 86400:
        return f"{seconds / 3600:.0f} h ago"
    return datetime.fromtimestamp(moment).strftime("%Y-%m-%d")


def bar_text(at: Progress) -> str:
    """Return what the progress bar says."""
    parts = [at.title]
    if at.epoch:
        parts.append(f"epoch {at.epoch:,} of at most {at.epochs:,}")
    if at.seconds_left is not None:
        parts.append(f"{duration(at.seconds_left)} left at most")
    if at.best is not None and at.best.val:
        name = next(iter(at.best.val))
        score = f"{at.best.val[name]:.3f}"
        parts.append(f"best validation {VALIDATION.get(name, name)} {score} (epoch {at.best.epoch:,})")
    return " · ".join(parts)


def settings_line(info: RunInfo) -> str:
    """Return data set and main settings of a run in a line of Markdown."""
    model, training = info.spec.model, info.spec.training
    kind = "variational" if model.variational else "not variational"
    return (
        f"**{charts.plain(info.dataset, 60)}** · {model.family.upper()}, {charts.plain(model.encoder)} encoder, "
        f"{kind} · latent size {model.latent_dim} · learning rate {training.learning_rate:g} · seed {info.spec.seed}"
    )


def run_table(runs: list[RunInfo]) -> pd.DataFrame:
    """Return one row a run: status, data, main settings and test scores beside the best baseline."""
    rows = []
    for info in runs:
        found = info.metrics or {}
        test = found.get("test", {})
        baselines = [row.get("roc_auc") for row in found.get("baselines", {}).values()]
        rows.append(
            {
                "status": STATUS[info.status][0],
                "started": pd.Timestamp(info.created, unit="s", tz="UTC"),
                "data": info.dataset,
                "model": info.spec.model.family.upper(),
                "encoder": info.spec.model.encoder,
                "latent": info.spec.model.latent_dim,
                "rate": info.spec.training.learning_rate,
                "seed": info.spec.seed,
                "auc": test.get("roc_auc"),
                "ap": test.get("average_precision"),
                "baseline": max((value for value in baselines if value is not None), default=None),
                "best": info.best_epoch or None,
                "seconds": info.seconds,
                "id": info.id,
            }
        )
    return pd.DataFrame(rows)


# ------------------------------------------------------------------------------- figures
def total_figure(thin: Curves, at: Progress, scale: Scale) -> go.Figure:
    """Return the total loss over the epochs."""
    return _figure(thin, {"loss": "Total loss"}, thin.logs, at, "Total loss", scale)


def validation_figure(thin: Curves, at: Progress) -> go.Figure:
    """Return the exact validation scores over the epochs, the best epoch marked."""
    names = {name: VALIDATION.get(name, name) for name in thin.val}
    return _figure(thin, names, thin.val, at, "Validation scores", "linear")


def output_figures(
    output: str, members: list[str], thin: Curves, at: Progress, scale: Scale
) -> list[go.Figure]:
    """Return the figure of an output's loss and, where it has metrics, the figure of these."""
    title = OUTPUTS[output].title if output in OUTPUTS else output
    losses = [name for name in members if name.endswith("_loss")]
    others = {name: _metric_title(name.removeprefix(f"{output}_")) for name in members if name not in losses}
    unit = ", nats a row" if output == "z_vars" else ""
    figures = [_figure(thin, dict.fromkeys(losses, "Loss"), thin.logs, at, f"{title}: loss{unit}", scale)]
    if others:
        heading = next(iter(others.values())).lower() if len(others) == 1 else "metrics"
        figures.append(_figure(thin, others, thin.logs, at, f"{title}: {heading}", "linear"))
    return figures


def numbers(thin: Curves) -> pd.DataFrame:
    """Return the curves as a table, the last epoch first."""
    validation = {f"validation {VALIDATION.get(name, name)}": values for name, values in thin.val.items()}
    return pd.DataFrame({"epoch": thin.epochs, **thin.logs, **validation}).iloc[::-1]


def _metric_title(name: str) -> str:
    return METRICS[name].title.capitalize() if name in METRICS else name.replace("_", " ").capitalize()


def _figure(
    thin: Curves,
    names: dict[str, str],
    values: object,
    at: Progress,
    title: str,
    scale: Scale,
) -> go.Figure:
    fig = go.Figure()
    for rank, (name, label) in enumerate(names.items()):
        y = values[name]  # type: ignore[index]
        fig.add_scatter(
            x=thin.epochs,
            y=y,
            name=charts.escape(label),
            mode="lines" if len(thin.epochs) > 1 else "markers",
            line={"color": charts.colour(rank), "width": 2, "dash": _DASHES[rank % len(_DASHES)]},
            hovertemplate=f"epoch %{{x}}<br>{charts.escape(label)} %{{y:.4g}}<extra></extra>",
        )
        _mark_best(fig, thin, y, at, rank)
    if at.best is not None:
        fig.add_vline(x=at.best.epoch, line={"color": charts.MUTED, "width": 1, "dash": "dot"})
    fig.update_layout(title={"text": charts.escape(title), "font": {"size": 15}}, showlegend=len(names) > 1)
    fig.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 1, "xanchor": "right"})
    fig.update_xaxes(title="Epoch", rangemode="tozero" if at.epoch > 20 else "normal")
    fig.update_yaxes(type=scale)
    return fig


def _mark_best(fig: go.Figure, thin: Curves, y: np.ndarray, at: Progress, rank: int) -> None:
    if at.best is None:
        return
    place = int(np.searchsorted(thin.epochs, at.best.epoch))
    if place < len(thin.epochs) and thin.epochs[place] == at.best.epoch and np.isfinite(y[place]):
        fig.add_scatter(
            x=[at.best.epoch],
            y=[y[place]],
            mode="markers",
            marker={"symbol": "star", "size": 12, "color": charts.colour(rank)},
            showlegend=False,
            hovertemplate=f"best epoch {at.best.epoch}: %{{y:.4g}}<extra></extra>",
        )
