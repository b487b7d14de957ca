"""The table of runs: one row a run, or a row for runs that differ only in the seed."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.figures import charts
from dashboard.train import live
from vgae_core.catalogue.families import FAMILIES
from vgae_core.catalogue.identifiers import label
from vgae_core.data.text import contains
from vgae_core.runs.store.info import RunInfo, Status
from vgae_core.runs.sweeps.catalogue import Part
from vgae_core.runs.views import score_rows, setting_rows

UNREADABLE = "Unreadable"
"""Status of a run whose entry this version cannot read."""

MARKS: dict[Status, str] = {
    "queued": "…",
    "running": "▶",
    "finished": "✓",
    "cancelled": "■",
    "failed": "✕",
    "lost": "?",
}
"""Marks each status, so that the others stand out among runs that have finished."""

SCORES = {
    "auc": ("test", "roc_auc"),
    "ap": ("test", "average_precision"),
    "labels": ("labels", "accuracy"),
    "macro_f1": ("labels", "macro_f1"),
    "features": ("features", "mean_error"),
    "weights": ("weights", "model", "spearman"),
    "recall": ("test", "recall_at_20"),
    "recall_50": ("test", "recall_at_50"),
    "ndcg": ("test", "ndcg_at_20"),
    "ndcg_100": ("test", "ndcg_at_100"),
}
"""Held-out scores of every output, by column: where they stand in the metrics of a run."""

_TITLES = {
    "auc": ("Test AUC", "Of held-out edges, or held-out entries of a matrix."),
    "ap": ("Test AP", "Average precision"),
    "baseline": ("Best baseline AUC", "The best of the scores that need no training."),
    "labels": ("Label accuracy", "Of nodes whose labels were held out."),
    "macro_f1": ("Label macro F1", "Mean over the classes, of nodes whose labels were held out."),
    "features": ("Loss per value", "Of node features, or of a matrix; lower is better."),
    "weights": ("Weight rank correlation", "Spearman's, of predicted and true weights of test edges."),
    "recall": ("Recall@20", "Mean over the rows of a matrix."),
    "recall_50": ("Recall@50", "Mean over the rows of a matrix."),
    "ndcg": ("NDCG@20", "Mean over the rows of a matrix."),
    "ndcg_100": ("NDCG@100", "Mean over the rows of a matrix."),
}


@dataclass(frozen=True)
class Row:
    """What a row of the table stands for."""

    runs: tuple[RunInfo, ...]

    @property
    def first(self) -> RunInfo:
        """The newest run of the row."""
        return self.runs[0]

    @property
    def key(self) -> str:
        """Names the row as long as its runs are the same."""
        return "+".join(info.id for info in self.runs)


def folded(runs: Sequence[RunInfo], unfolded: Collection[str]) -> list[Row]:
    """Return one row for finished runs that differ in nothing but the seed, and one for every other run.

    Parameters
    ----------
    runs : sequence of RunInfo
        In the order of the table.
    unfolded : collection of str
        Ids of runs that keep a row of their own.
    """
    fold = [i for i, info in enumerate(runs) if info.metrics and not info.problem and info.id not in unfolded]
    groups = setting_rows.seed_groups([(runs[i].fingerprint, runs[i].spec) for i in fold])
    rows: dict[int, Row] = {}
    for group in groups:
        members = [runs[fold[place]] for place in group]
        if len({info.spec.seed for info in members}) > 1:
            rows[fold[group[0]]] = Row(tuple(members))
    inside = {info.id for row in rows.values() for info in row.runs}
    alone = {i: Row((info,)) for i, info in enumerate(runs) if info.id not in inside}
    return [row for _, row in sorted((rows | alone).items())]


def filtered(
    runs: Sequence[RunInfo],
    text: str,
    tags: Collection[str],
    *,
    starred: bool,
    hidden: Collection[str] = (),
) -> list[RunInfo]:
    """Return the runs whose name, data, settings, tags or note contain a text, with all of some tags."""
    return [
        info
        for info in runs
        if (not starred or info.starred)
        and info.id not in hidden
        and set(tags) <= set(info.tags)
        and all(contains(_text(info), word) for word in text.split())
    ]


def _text(info: RunInfo) -> str:
    parts = [info.title, info.dataset, info.note, info.id, *info.tags, live.STATUS[info.status][0]]
    if not info.problem:
        parts += [info.spec.model.encoder, outputs(info), f"seed {info.spec.seed}"]
    return " ".join(parts)


def outputs(info: RunInfo) -> str:
    """Return the outputs of a run with loss and weight, in a line."""
    parts = []
    for output in info.spec.active_outputs:
        weight = "" if output.weight == 1 else f" × {output.weight:g}"
        parts.append(f"{output.name}: {label(output.loss)}{weight}")
    return ", ".join(parts)


def table(
    rows: Sequence[Row], visited: Collection[str] = (), parts: Mapping[str, Part] | None = None
) -> pd.DataFrame:
    """Return what the table shows: name, status, data, settings and held-out scores.

    Scores of a row of several runs are text, mean ± standard deviation, and so are those beside them. Columns that
    hold nothing are left out; a run that cannot be read has a row without settings and hides no other.

    Parameters
    ----------
    rows : sequence of Row
    visited : collection of str
        Ids of runs of others, opened by a link.
    parts : mapping of str to Part, optional
        What runs are in a sweep, by id.
    """
    parts = parts or {}
    several = any(len(row.runs) > 1 for row in rows)
    frame = pd.DataFrame(
        [_row(row, several) | {"whose": _whose(row, visited), "sweep": _in_sweep(row, parts)} for row in rows]
    )
    numbers = ["latent", "rate", "best", "seconds"] + ([] if several else [*SCORES, "baseline"])
    frame = frame.astype(dict.fromkeys(numbers, float))
    needed = [
        "sweep",
        "whose",
        "note",
        "starred",
        "labels",
        "macro_f1",
        "features",
        "weights",
        "recall",
        "recall_50",
        "ndcg",
        "ndcg_100",
    ]
    empty = [name for name in needed if not any(value == value and value for value in frame[name])]
    if not any(len(tags) for tags in frame["tags"]):
        empty.append("tags")
    return frame.drop(columns=empty)


def _whose(row: Row, visited: Collection[str]) -> str:
    return "by link" if row.first.id in visited else ""


def _in_sweep(row: Row, parts: Mapping[str, Part]) -> str:
    titles = dict.fromkeys(parts[info.id].title for info in row.runs if info.id in parts)
    return ", ".join(titles)


def _row(row: Row, several: bool) -> dict[str, Any]:
    info = row.first
    values: dict[str, Any] = {
        "starred": "★" if any(one.starred for one in row.runs) else "",
        "name": charts.visible(info.title),
        "status": f"{MARKS[info.status]} {live.STATUS[info.status][0]}",
        "sweep": "",
        "data": charts.visible(info.dataset, 60),
        **dict.fromkeys(("auc", "ap", "baseline", *SCORES)),
        **dict.fromkeys(("model", "encoder", "outputs", "metrics", "seed"), ""),
        **dict.fromkeys(("latent", "rate", "best", "seconds")),
        "started": pd.Timestamp(info.created, unit="s", tz="UTC"),
        "tags": sorted({tag for one in row.runs for tag in one.tags}),
        "note": charts.visible(" ".join(info.note.split())),
        "id": info.id,
    }
    if info.problem:
        return values | {"status": UNREADABLE}
    if any(not _is_sound(one.metrics) for one in row.runs):  # kept by a version that believed bundles
        return values | {"status": UNREADABLE}
    seeds = sorted({one.spec.seed for one in row.runs})
    if len(row.runs) > 1:
        values["name"] = f"{values['name']} and {len(row.runs) - 1} more"
    found = {name: [_score(one, path) for one in row.runs] for name, path in SCORES.items()}
    found["baseline"] = [score_rows.tested_baseline(one.metrics or {}, "roc_auc") for one in row.runs]
    values |= {name: _told(numbers, several) for name, numbers in found.items()}
    metrics = [label(metric) for output in info.spec.active_outputs for metric in output.metrics]
    return values | {
        "model": info.spec.model.family.upper(),
        "encoder": info.spec.model.encoder,
        "outputs": outputs(info),
        "metrics": ", ".join(dict.fromkeys(metrics)),
        "latent": info.spec.model.latent_dim,
        "rate": info.spec.training.learning_rate,
        "seed": str(seeds[0]) if len(seeds) == 1 else f"{len(seeds)} seeds: {', '.join(map(str, seeds[:8]))}",
        "best": _number(info.best_epoch) or None if len(row.runs) == 1 else None,
        "seconds": score_rows.mean_and_sd([_number(one.seconds) for one in row.runs])[0]  # type: ignore[index]
        if any(_number(one.seconds) is not None for one in row.runs)
        else None,
    }


def _is_sound(metrics: Mapping[str, Any] | None) -> bool:
    """Return whether the groups of a run's scores are groups."""
    groups = [
        (metrics or {}).get(name, {}) for name in ("test", "baselines", "labels", "features", "weights")
    ]
    return all(isinstance(group, Mapping) for group in groups)


def _score(info: RunInfo, path: Sequence[str]) -> float | None:
    value: Any = info.metrics or {}
    if path[0] in score_rows.TESTED and value.get("scored_on") == "validation":
        return None  # a trial of a sweep, of which no test pair was scored
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return _number(value)


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _told(values: Sequence[float | None], several: bool) -> float | str | None:
    """Return the mean of some scores, as text with the standard deviation where a row of the table has several."""
    found = score_rows.mean_and_sd(values)
    if found is None:
        return "" if several else None
    mean, sd = found
    if not several:
        return mean
    return f"{mean:.3f}" if math.isnan(sd) else f"{mean:.3f} ± {sd:.3f}"


def columns(frame: pd.DataFrame) -> dict[str, Any]:
    """Return how Streamlit shows the columns of :func:`table`."""
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    scores = {
        name: number(title, help=help, format="%.3f")
        if pd.api.types.is_numeric_dtype(frame[name])
        else text(title, help=f"{help} Mean ± standard deviation over the seeds.")
        for name, (title, help) in _TITLES.items()
        if name in frame
    }
    return {
        "starred": text("★", pinned=True, width="small"),
        "name": text("Name", pinned=True),
        "status": text("Status"),
        "whose": text("Opened", help="Other people's runs that you opened by a link."),
        "started": st.column_config.DatetimeColumn("Started", format="distance"),
        "data": text("Data set"),
        "model": text(
            "Model",
            help="  \n".join(f"{name.upper()}: {entry.title.lower()}" for name, entry in FAMILIES.items()),
        ),
        "sweep": text(
            "Sweep",
            help="Only the chosen point of a sweep is scored on test pairs; its trials by validation pairs, on the "
            "Sweep page.",
        ),
        "encoder": text("Encoder"),
        "outputs": text("Outputs", help="Each output with its loss, and its weight where that is not 1."),
        "metrics": text("Metrics"),
        "latent": number("Latent size", format="%d"),
        "rate": number("Learning rate"),
        "seed": text("Seed"),
        **scores,
        "best": number("Best epoch", format="%d"),
        "seconds": number("Time (s)", format="%.0f", help="Of training."),
        "tags": st.column_config.ListColumn("Tags"),
        "note": text("Note"),
        "id": None,
    }
