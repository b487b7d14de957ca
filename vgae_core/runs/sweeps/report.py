"""The report of a sweep: what varied, every trial, what was chosen and how far that holds, and the chosen run."""

from __future__ import annotations

import html
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from vgae_core.catalogue.outputs import OUTPUTS
from vgae_core.catalogue.sweeps import SEARCHES
from vgae_core.data.dataset import GraphData
from vgae_core.errors import RunError
from vgae_core.runs.exports.report import (
    Page,
    Reported,
    data_of,
    node_names,
    sections,
    table,
    text,
    visible_lines,
)
from vgae_core.runs.results.codes import completed
from vgae_core.runs.store.store import Store
from vgae_core.runs.sweeps import figures
from vgae_core.runs.sweeps.catalogue import SweepCatalogue, SweepInfo, TrialInfo
from vgae_core.runs.sweeps.choice import STATES, Optimism, in_words, optimism_of, titles, varied
from vgae_core.runs.sweeps.choice import table as trial_table
from vgae_core.runs.sweeps.study import Study
from vgae_core.settings.space import objective

MOST_PICTURES = 8
"""Settings drawn against the score."""


@dataclass(frozen=True, eq=False)
class Swept:
    """What is known of a sweep.

    Parameters
    ----------
    info : SweepInfo
    trials : sequence of TrialInfo
    graph : GraphData
    courses : sequence of Course
        Of the trials whose curves are drawn.
    best : int or None
        Number of the best trial by the first objective, or of the chosen one.
    front : sequence of int
        Trials that no other beats.
    shares : mapping of str to float
        Importance of each setting.
    luck : Optimism or None
    chosen : Reported or None
        The chosen point, trained again.
    """

    info: SweepInfo
    trials: Sequence[TrialInfo]
    graph: GraphData
    courses: Sequence[figures.Course]
    best: int | None
    front: Sequence[int]
    shares: Mapping[str, float]
    luck: Optimism | None
    chosen: Reported | None


def courses_of(store: Store, trials: Sequence[TrialInfo], best: int | None) -> list[figures.Course]:
    """Return how the trials learnt whose curves are drawn; those whose run was deleted are left out."""
    courses = []
    for trial in figures.drawn_courses(trials, best):
        try:
            courses.append(figures.Course(trial, store.open_run(trial.runs[0]).history()))
        except RunError:
            continue
    return courses


def swept(store: Store, sweep_id: str) -> Swept:
    """Return what a store knows of a sweep; raise RunError if there is none, or its data are gone."""
    catalogue = SweepCatalogue(store)
    info, trials = catalogue.info(sweep_id), catalogue.trials(sweep_id)
    graph = store.load_dataset(info.fingerprint)
    study = Study.of(info.space, info.spec, trials)
    best = study.best() if info.chosen is None else info.chosen
    chosen = None
    if info.refit is not None:
        try:
            run = store.open_run(info.refit)
            if run.has_result:
                chosen = Reported(run.info.title, completed(run.result(), graph), graph, run.history())
        except RunError:
            pass  # deleted: the report leaves it out
    return Swept(
        info, trials, graph, courses_of(store, trials, best), best, study.front(), study.importance(),
        optimism_of(store, trials), chosen,
    )  # fmt: skip


def sweep_report(sweep: Swept) -> str:
    """Return the report of a sweep as HTML."""
    page, info = Page(), sweep.info
    page.sections += [data_of([sweep.graph]), _search(info), _choice(sweep), _trials(sweep, page)]
    if sweep.chosen is not None:
        page.sections.append("<h2>The chosen point, trained again</h2>")
        page.sections += sections([sweep.chosen], page)
    page.sections.append(_repeat(info))
    n = len(sweep.trials)
    return page.html(
        f"Sweep of {n} {'trial' if n == 1 else 'trials'} on {info.dataset}", node_names(sweep.graph)
    )


def _search(info: SweepInfo) -> str:
    rows, called = [], titles(info.spec)
    for one in info.space.vary:
        among = ", ".join(map(str, one.values)) if one.values else f"{one.low:g} to {one.high:g}"
        rows.append([called.get(one.key, one.key), f"{among}, logarithmic" if one.log else among])
    if info.space.simplex:
        outputs = ", ".join(OUTPUTS[name].title for name in info.space.simplex)
        rows.append([f"Loss weights: {outputs}", "all that keep their sum"])
    goals = ", ".join(objective(name, info.spec).title for name in info.space.objectives)
    return (
        f"<h2>What varied</h2>{table(['Setting', 'Among'], rows)}"
        f"<p>Search: {text(SEARCHES[info.space.search].title)}. By: {text(goals)}. At most {info.space.trials} trials "
        f"in {info.space.minutes:g} minutes, {info.space.seeds} "
        f"{'seed' if info.space.seeds == 1 else 'seeds'} each; it took {info.seconds / 60:.1f} minutes.</p>"
    )


def _choice(sweep: Swept) -> str:
    info = sweep.info
    lines = []
    chosen = next((trial for trial in sweep.trials if trial.number == info.chosen), None)
    if chosen is not None:
        settings = text(in_words(chosen.point, titles(info.spec)))
        lines.append(f"<p><b>Chosen on validation pairs: trial {chosen.number}</b> ({settings}).</p>")
    if sweep.chosen is not None:
        test = sweep.chosen.result.metrics["test"]
        lines.append(
            f"<p>Trained again and scored on the test pairs, once: AUC {test['roc_auc']:.3f}, average precision "
            f"{test['average_precision']:.3f}.</p>"
        )
    if sweep.luck is not None and math.isfinite(sweep.luck.by):
        luck = sweep.luck
        lines.append(
            f"<p>The best of {luck.n_trials} validation scores is best partly by luck: AUC + AP {luck.best:.4f}, "
            f"corrected {luck.corrected:.4f} (bootstrap, Tsamardinos et al. 2018).</p>"
        )
    if chosen is None:
        lines.insert(
            0,
            f"<p>Nothing has been chosen yet: the sweep is {text(info.status)}. {text(info.message, 400)}</p>",
        )
    return f"<h2>What was chosen</h2>{''.join(lines)}"


def _trials(sweep: Swept, page: Page) -> str:
    info = sweep.info
    whole, keys = trial_table(info, sweep.trials), varied(info, sweep.trials)
    worded = whole.assign(state=whole["state"].map(STATES))
    called = {
        "trial": "Trial",
        "state": "State",
        "seconds": "Seconds",
        "message": "Message",
        **titles(info.spec),
    }
    rows = [
        [f"{value:.4g}" if isinstance(value, float) else "" if value is None else value for value in row]
        for row in worded.astype(object).where(whole.notna(), None).itertuples(index=False, name=None)
    ]
    place = list(whole.columns).index(objective(info.space.objectives[0], info.spec).title)
    marked = [{place} if trial.number == sweep.best else set() for trial in sweep.trials]
    listed = (
        '<details class="links" open><summary>Trials</summary>'
        '<input type="search" placeholder="Filter" aria-label="Filter trials">'
        f"{table([called.get(str(name), name) for name in whole], rows, marked)}</details>"
        '<p class="muted">All trials were scored on the same validation pairs, none on test pairs.</p>'
    )
    drawn: list[go.Figure] = [figures.courses(sweep.courses, info, sweep.best)] if sweep.courses else []
    if (whole["state"] == "complete").sum() > 1:
        names = info.space.objectives
        drawn += [figures.front(whole, info, sweep.front, (names[0], other)) for other in names[1:]]
        drawn += [figures.against(whole, info, key, info.chosen) for key in keys[:MOST_PICTURES]]
        if len(sweep.shares) > 1:
            drawn.append(figures.importance(sweep.shares, info))
        listed += page.plot(figures.parallel(whole, info, keys), 420)
    pictures = "".join(page.plot(figure, 320) for figure in drawn)
    return f'<h2>Trials</h2>{listed}<div class="grid">{pictures}</div>'


def _repeat(info: SweepInfo) -> str:
    source = info.spec.dataset.source
    data = shlex.quote(source) if source.startswith("sample:") else "FILES"
    command = f"python -m vgae_core sweep {data} --spec spec.json --space space.json --out DIR"
    return (
        "<h2>How to repeat the sweep</h2><p>Save both files and sweep the same data.</p>"
        f"<pre>{html.escape(command)}</pre><p>space.json:</p><pre>{html.escape(visible_lines(info.space.to_json()))}"
        f"</pre><details><summary>spec.json</summary><pre>{html.escape(visible_lines(info.spec.to_json()))}</pre>"
        "</details>"
    )
