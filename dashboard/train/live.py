"""A run while it learns: its curves, and what is said of it in a line."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.figures import charts
from vgae_core.catalogue.metrics import METRICS
from vgae_core.catalogue.outputs import OUTPUTS
from vgae_core.data.dataset import Profile
from vgae_core.errors import LimitError, StudioError
from vgae_core.host.limits import SERVER_LIMITS, ServerLimits
from vgae_core.nn.budget import check_memory, estimate_run
from vgae_core.runs.store.info import RunInfo, Status
from vgae_core.settings import RunSpec
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

FEW_EPOCHS = 3
"""From so many epochs on their pace is compared with the estimate."""

NEAR = 1.25
"""Times that differ by less are said to be the same."""

TOLD = 2.0
"""Shorter times, in seconds, are not worth a word."""

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


def at_most(seconds: float) -> str:
    """Return the longest that something takes, as people say it."""
    return duration(seconds) if seconds < 1 else f"at most {duration(seconds)}"


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


def cost_lines(
    spec: RunSpec, profile: Profile, limits: ServerLimits = SERVER_LIMITS, *, pace: float | None = None
) -> tuple[str, str]:
    """Return what a run is estimated to cost, and what to warn of before it starts; either may be empty.

    Parameters
    ----------
    spec, profile : RunSpec, Profile
    limits : ServerLimits
    pace : float, optional
        How many times its estimate an epoch takes here (:meth:`vgae_core.runs.store.Store.pace`).
    """
    try:
        cost = at_pace(estimate_run(spec, profile), pace)
        check_memory(spec, profile, limits.run_memory_bytes)
    except LimitError as error:
        return "", str(error)
    except StudioError:  # a specification that cannot be: Start says why
        return "", ""
    memory, seconds = cost["memory_mib"] / 1024, cost["seconds"]
    scoring = (
        f", then {duration(cost['scoring_seconds'])} of scoring" if cost["scoring_seconds"] >= TOLD else ""
    )
    where = "on two idle cores" if pace is None else "as fast as the latest runs here"
    line = f"Estimated: {at_most(seconds)} of training{scoring}, {where}, and {memory:.1f} GiB of memory."
    kept = "with the best weights so far."
    if seconds > limits.run_seconds:
        return line, (
            f"This run may take about {duration(seconds)}; it ends after {duration(limits.run_seconds)} {kept} "
            "Lower the epochs, or train on your own machine."
        )
    if seconds > limits.turn_seconds:
        line += f" If another visitor waits, it ends after {duration(limits.turn_seconds)} {kept}"
    return line, ""


def at_pace(cost: Mapping[str, float], pace: float | None) -> dict[str, float]:
    """Return an estimate with its times as epochs take them here."""
    times = ("seconds", "seconds_per_epoch", "scoring_seconds")
    return {key: value * (pace or 1.0) if key in times else value for key, value in cost.items()}


def cost_badge(spec: RunSpec, profile: Profile, pace: float | None = None) -> str:
    """Return the estimated time of a run, and its epochs, in few words."""
    seconds = at_pace(estimate_run(spec, profile), pace)["seconds"]
    return f"{at_most(seconds)}, {spec.training.epochs:,} epochs"


def queue_text(ahead: int | None) -> str:
    """Return what the progress bar of a queued run says."""
    if not ahead:
        return "Queued · waiting for the worker"
    return f"Queued · {ahead} run{'s' * (ahead > 1)} before this one · visitors take turns"


def bar_text(at: Progress, patience: int = 0) -> str:
    """Return what the progress bar says.

    Parameters
    ----------
    at : Progress
    patience : int
        Epochs without a better one after which training stops early; 0 never.
    """
    parts = [at.title]
    if at.epoch:
        parts.append(f"epoch {at.epoch:,} of at most {at.epochs:,}")
    if left := left_text(at, patience):
        parts.append(left)
    if at.best is not None and at.best.val:
        parts.append(_kept_text(at.best.val, at.best.epoch))
    return " · ".join(parts)


def left_text(at: Progress, patience: int) -> str:
    """Return how long training goes on at the pace of the last epochs, and scoring after it; empty while unknown."""
    most, least = at.seconds_left, at.least_left(patience)
    if most is None or least is None:
        return ""
    close = most < NEAR * least or duration(most) == duration(least)
    about = "about " if most >= 1 else ""
    text = f"{about}{duration(most)} left" if close else f"{_span(least, most)} left"
    return text + (f", then {duration(at.scoring_seconds)} of scoring" if at.scoring_seconds >= TOLD else "")


def _span(least: float, most: float) -> str:
    """Return two time spans as people say them together."""
    if least >= 1 and most < 90:
        return f"{least:.0f} to {most:.0f} s"
    return f"{duration(least)} to {duration(most)}"


def pace_text(at: Progress, pace: float | None = None) -> str:
    """Return how the time for all epochs compares with the estimate, once a few epochs tell; empty before."""
    expected = at_pace(at.estimate, pace).get("seconds", 0.0)
    if at.pace is None or at.epoch < FEW_EPOCHS or not expected:
        return ""
    measured = at.pace * at.epochs
    if max(measured, expected) < NEAR * min(measured, expected) or max(measured, expected) < TOLD:
        return ""
    slower = "slower" if measured > expected else "faster"
    return (
        f"Epochs are {max(measured, expected) / min(measured, expected):.1f} times {slower} than estimated: "
        f"all of them take {duration(measured)} here, not {duration(expected)}."
    )


def _kept_text(val: Mapping[str, float], epoch: int) -> str:
    name = next(iter(val))
    return f"best so far: validation {VALIDATION.get(name, name)} {val[name]:.3f} (epoch {epoch:,})"


def settings_line(info: RunInfo) -> str:
    """Return the main settings of a run in a line of Markdown; none of a run that cannot be read."""
    model, training = info.spec.model, info.spec.training
    if info.problem:
        return ""
    kind = "variational" if model.variational else "not variational"
    return (
        f"{model.family.upper()}, {charts.plain(model.encoder)} encoder, "
        f"{kind} · latent size {model.latent_dim} · learning rate {training.learning_rate:g} · seed {info.spec.seed}"
    )


# ------------------------------------------------------------------------------- figures
def difference_text(before: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """Return how the held-out scores of a run differ from those of another, by the metrics of both."""
    parts = [
        f"{title} {metrics['test'][name] - before['test'][name]:+.3f}" for name, title in VALIDATION.items()
    ]
    if metrics.get("labels") and before.get("labels"):
        parts.append(f"label accuracy {metrics['labels']['accuracy'] - before['labels']['accuracy']:+.1%}")
    return ", ".join(part.replace("Average", "average") for part in parts)


def comparable(before: RunSpec, thin: Curves, spec: RunSpec) -> Curves:
    """Return the curves of a run that mean the same in another: validation scores, metrics, and losses of one kind."""
    one, other = ({output.name: output for output in each.active_outputs} for each in (before, spec))
    alike = {name for name in one.keys() & other.keys() if one[name].loss == other[name].loss}
    kept = {
        name: values
        for name, values in thin.logs.items()
        if (before.outputs == spec.outputs if name == "loss" else not name.endswith("_loss"))
        or name.removesuffix("_loss") in alike
    }
    return Curves(thin.epochs, kept, thin.val)


def total_figure(thin: Curves, at: Progress, scale: Scale, before: Curves | None = None) -> go.Figure:
    """Return the total loss over the epochs, that of the run before in grey."""
    grey = None if before is None else (before.epochs, before.logs)
    return _figure(thin, {"loss": "Total loss"}, thin.logs, at, "Total loss", scale, grey)


def validation_figure(thin: Curves, at: Progress, before: Curves | None = None) -> go.Figure:
    """Return the exact validation scores over the epochs, the one that is kept marked, the run before in grey."""
    names = {name: VALIDATION.get(name, name) for name in thin.val}
    grey = None if before is None else (before.epochs, before.val)
    return _figure(thin, names, thin.val, at, "Validation scores", "linear", grey)


def output_figures(
    output: str,
    members: list[str],
    thin: Curves,
    at: Progress,
    scale: Scale,
    before: Curves | None = None,
    *,
    node: str = "row",
) -> list[go.Figure]:
    """Return the figure of an output's loss and, where it has metrics, the figure of these; the run before in grey.

    `node` is the word for what has a code.
    """
    grey = None if before is None else (before.epochs, before.logs)
    title = OUTPUTS[output].title if output in OUTPUTS else output
    losses = [name for name in members if name.endswith("_loss")]
    others = {name: _metric_title(name.removeprefix(f"{output}_")) for name in members if name not in losses}
    unit = f", nats per {node}" if output == "z_vars" else ""
    loss = dict.fromkeys(losses, "Training" if thin.val_logs.keys() & set(losses) else "Loss")
    figures = [_figure(thin, loss, thin.logs, at, f"{title}: loss{unit}", scale, grey, thin.val_logs)]
    if others:
        heading = next(iter(others.values())).lower() if len(others) == 1 else "metrics"
        if len(others) == 1 and thin.val_logs.keys() & others.keys():
            others = dict.fromkeys(others, "Training")
        figures.append(
            _figure(thin, others, thin.logs, at, f"{title}: {heading}", "linear", grey, thin.val_logs)
        )
    return figures


def numbers(thin: Curves) -> pd.DataFrame:
    """Return the curves as a table, the last epoch first."""
    validation = {f"validation {VALIDATION.get(name, name)}": values for name, values in thin.val.items()}
    validation |= {f"validation {name}": values for name, values in thin.val_logs.items()}
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
    before: tuple[np.ndarray, Mapping[str, np.ndarray]] | None = None,
    held_out: Mapping[str, np.ndarray] | None = None,
) -> go.Figure:
    """Return the figure of some curves; those of held-out data are dashed, and the others then solid."""
    fig = go.Figure()
    validated = {} if held_out is None else {name: held_out[name] for name in names if name in held_out}
    for rank, name in enumerate(names):
        if before is not None and name in before[1]:
            fig.add_scatter(
                x=before[0],
                y=before[1][name],
                name="Previous run",
                mode="lines",
                line={"color": charts.MUTED, "width": 1.5, "dash": _DASHES[rank % len(_DASHES)]},
                showlegend=False,
                hovertemplate="previous run, epoch %{x}<br>%{y:.4g}<extra></extra>",
            )
    for rank, (name, label) in enumerate(names.items()):
        y = values[name]  # type: ignore[index]
        fig.add_scatter(
            x=thin.epochs,
            y=y,
            name=charts.escape(label),
            mode="lines" if len(thin.epochs) > 1 else "markers",
            line={
                "color": charts.colour(rank),
                "width": 2,
                "dash": "solid" if validated else _DASHES[rank % len(_DASHES)],
            },
            hovertemplate=f"epoch %{{x}}<br>{charts.escape(label)} %{{y:.4g}}<extra></extra>",
        )
        _mark_best(fig, thin, y, at, rank)
        if name in validated:
            words = "Validation" if len(names) == 1 else f"{charts.escape(label)}, validation"
            fig.add_scatter(
                x=thin.epochs,
                y=validated[name],
                name=words,
                mode="lines" if len(thin.epochs) > 1 else "markers",
                line={"color": charts.colour(rank), "width": 2, "dash": "dash"},
                hovertemplate=f"epoch %{{x}}<br>{words} %{{y:.4g}}<extra></extra>",
            )
    if at.best is not None:
        fig.add_vline(x=at.best.epoch, line={"color": charts.MUTED, "width": 1, "dash": "dot"})
    fig.update_layout(
        title={"text": charts.escape(title), "font": {"size": 15}, "y": 1, "yanchor": "top", "pad": {"t": 8}}
    )
    fig.update_layout(showlegend=len(names) + len(validated) > 1)
    last = at.epoch if before is None or not len(before[0]) else max(at.epoch, int(before[0][-1]))
    fig.update_xaxes(title="Epoch", rangemode="tozero" if last > 20 else "normal")
    if last < 8:
        fig.update_xaxes(dtick=1)  # no half epochs
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
            hovertemplate=f"kept epoch {at.best.epoch}: %{{y:.4g}}<extra></extra>",
        )
