"""A report of one or several runs: a single HTML file with everything it needs, for a browser without a network.

Every text of unknown origin is escaped; data stand in the page as JSON in which no ``<`` is left.
"""

from __future__ import annotations

import html
import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from vgae_core import __version__
from vgae_core.data.dataset import GraphData
from vgae_core.data.text import shortened, visible
from vgae_core.runs.exports.report_page import SCRIPT, STYLE
from vgae_core.runs.results.result import RunResult
from vgae_core.runs.views import figures, paired_runs, score_rows, setting_rows
from vgae_core.runs.views.link_tables import is_searchable, proposals
from vgae_core.training.events import EpochEnd

LINKS = 50
"""Missing links listed of each run."""

COLUMNS = {
    "probability": "Probability if half were edges",
    "probability_at_density": "Probability among all pairs",
    "surprise": "Surprise (nats)",
}
"""How columns of links are called whose own names say too little."""

LISTED = 10
"""Runs whose links are listed and whose maps are drawn; a sweep may have many more."""


@dataclass(frozen=True, eq=False)
class Reported:
    """A run of a report.

    Parameters
    ----------
    title : str
    result : RunResult
        With codes of all edges.
    graph : GraphData
    history : sequence of EpochEnd
    """

    title: str
    result: RunResult
    graph: GraphData
    history: Sequence[EpochEnd]


class Page:
    """The page of a report while it is written: its sections, and the figures in them."""

    def __init__(self) -> None:
        self.sections: list[str] = []
        self._plots: list[go.Figure] = []

    def plot(self, fig: go.Figure, height: int) -> str:
        """Return the place of a figure, some pixels high."""
        fig.update_layout(template="plotly_white", margin={"l": 60, "r": 16, "t": 48, "b": 48}, height=height)
        self._plots.append(fig)
        return f'<div class="plot" id="plot{len(self._plots) - 1}" style="height:{height}px"></div>'

    def html(self, title: str, names: Sequence[str]) -> str:
        """Return the page; `names` are those of the nodes on maps."""
        data = {"plots": [json.loads(str(fig.to_json())) for fig in self._plots], "names": list(names)}
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{text(title)}</title><style>{STYLE}</style></head><body><main>"
            f'<h1>{text(title)}</h1><p class="muted">Made with VGAE Studio {__version__}.</p>'
            f"{''.join(self.sections)}</main>"
            f'<script type="application/json" id="data">{_json(data)}</script>'
            f"<script>{get_plotlyjs()}</script><script>{SCRIPT}</script></body></html>"
        )


def report(runs: Sequence[Reported]) -> str:
    """Return the report of some runs, the first being the one the others are compared with, as HTML.

    Parameters
    ----------
    runs : sequence of Reported
        At least one.
    """
    first, page = runs[0], Page()
    title = first.title if len(runs) == 1 else f"{len(runs)} runs on {first.graph.name}"
    page.sections += [data_of([run.graph for run in runs]), *sections(runs, page)]
    return page.html(title, node_names(first.graph))


def sections(runs: Sequence[Reported], page: Page) -> list[str]:
    """Return the sections of a report about some runs, below the data; figures go to `page`."""
    first, drawn = runs[0], runs[:LISTED]
    same = [run for run in drawn if run.graph.fingerprint == first.graph.fingerprint]
    found = [_settings(runs), _scores(runs)]
    if len(runs) > 1:
        found.append(_differences(runs, page.plot))
    found += [_curves(drawn, page.plot), _maps(same, page.plot)]
    found += [_links(place, run) for place, run in enumerate(drawn, 1)]
    return [*found, _versions(runs), _repeat(runs)]


def node_names(graph: GraphData) -> list[str]:
    """Return the names of nodes as labels on a map."""
    return [figures.label_of(name) for name in graph.node_ids]


# ------------------------------------------------------------------------------ parts
def text(value: object, limit: int = 200) -> str:
    """Return text of unknown origin as HTML shows it literally."""
    return html.escape(shortened(visible(value), limit))


def _json(value: Any) -> str:
    """Return JSON that can stand within a script element."""
    plain = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return plain.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def table(head: Iterable[object], rows: Iterable[Iterable[object]], marked: Iterable[set[int]] = ()) -> str:
    """Return a table as HTML, some cells of each row marked as the best."""
    marks = iter(marked)
    body = []
    for row in rows:
        best = next(marks, set())
        cells = (f"<td{' class=best' if i in best else ''}>{text(cell)}</td>" for i, cell in enumerate(row))
        body.append(f"<tr>{''.join(cells)}</tr>")
    top = "".join(f"<th>{text(cell)}</th>" for cell in head)
    return (
        f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'
    )


def _titles(runs: Sequence[Reported]) -> list[str]:
    return [f"{place}. {run.title}" for place, run in enumerate(runs, 1)]


def data_of(graphs: Sequence[GraphData]) -> str:
    """Return the section of the data sets, each once."""
    rows = [
        [graph.name, ", ".join(graph.sizes), graph.profile.n_classes, graph.fingerprint]
        for graph in {graph.fingerprint: graph for graph in graphs}.values()
    ]
    return f"<h2>Data</h2>{table(['Data set', 'Size', 'Labels', 'Fingerprint'], rows)}"


def _settings(runs: Sequence[Reported]) -> str:
    rows = setting_rows.settings_rows([run.result.spec for run in runs])
    head = ["Section", "Setting", *_titles(runs)]

    def lines(some: Iterable[setting_rows.SettingRow]) -> list[list[str]]:
        return [[row.section, row.title, *row.values] for row in some]

    differing = [row for row in rows if row.differs]
    shown = table(head, lines(differing)) if differing else ""
    return f"<h2>Settings</h2>{shown}<details><summary>All settings</summary>{table(head, lines(rows))}</details>"


def _scores(runs: Sequence[Reported]) -> str:
    rows = score_rows.score_rows([run.result.metrics for run in runs])
    cells = [[row.part, row.title, *(score_rows.as_text(value) for value in row.values)] for row in rows]
    unranked = paired_runs.why_not_ranked([(run.graph, run.result) for run in runs])
    marked = [set() if unranked else {place + 2 for place in row.leaders()} for row in rows]
    return (
        f"<h2>Scores</h2>{table(['Part', 'Score', *_titles(runs)], cells, marked)}"
        '<p class="muted">At the epoch each run kept, test pairs scored once. '
        f"{unranked or 'Shaded: the best.'} Baselines need no "
        "training and are scored on the same test pairs.</p>"
    )


def _differences(runs: Sequence[Reported], plot: Any) -> str:
    first, others = runs[0], runs[1:]
    found = [paired_runs.paired((first.result, first.graph), (run.result, run.graph)) for run in others]
    lines = [
        f"<li><b>{text(title)}</b> {text(paired_runs.verdict(one) or 'is not compared', 400)}. "
        f"{text(one.caution, 400)}</li>"
        for title, one in zip(_titles(runs)[1:], found, strict=True)
    ]
    titles = [run.title for run in others]
    figure = (
        plot(figures.forest(titles, found), 140 + 44 * len(others)) if any(o.scores for o in found) else ""
    )
    return (
        f"<h2>On the same held-out pairs</h2><p>Compared with <b>{text(_titles(runs)[0])}</b>:</p>"
        f'<ul>{"".join(lines)}</ul>{figure}<p class="muted">{text(paired_runs.explained(len(others)), 600)}</p>'
    )


def _curves(runs: Sequence[Reported], plot: Any) -> str:
    histories = [figures.History(run.title, run.history, run.result.finished.best_epoch) for run in runs]
    outputs = figures.outputs_of([run.result.spec for run in runs])
    names = figures.logged(histories, outputs)
    if not names:
        return ""
    drawn = [
        plot(
            figures.curves(
                histories, name, figures.title_of(name, outputs), apart=figures.scales_differ(histories, name)
            ),
            320,
        )
        for name in names
    ]
    return (
        '<h2>Curves</h2><label><input type="checkbox" id="log"> Logarithmic axis</label>'
        f'<div class="grid curves">{"".join(drawn)}</div><p class="muted">Not smoothed. A star marks the epoch each '
        "run kept.</p>"
    )


def _maps(runs: Sequence[Reported], plot: Any) -> str:
    first = runs[0]
    z = [run.result.codes.z_mean for run in runs]
    shown = figures.maps_of([run.title for run in runs], z, first.graph.labels, first.graph.label_names)
    fig = figures.maps(shown, None, None)
    fig.update_layout(meta="maps")
    rows = -(-len(runs) // 3)
    return (
        f'<h2>Map</h2>{plot(fig, 120 + 400 * rows)}<p id="selection" class="muted">Select nodes with the lasso to see '
        "them on every map; zooming one zooms all. Axes are the principal components of run 1; other runs are turned "
        "and scaled onto it.</p>"
    )


def _links(place: int, run: Reported) -> str:
    result, graph = run.result, run.graph
    if not is_searchable(result, graph):
        return ""
    links = proposals(result, graph, LINKS)
    rows = [
        [rank, *(f"{value:.4g}" if isinstance(value, float | np.floating) else value for value in row)]
        for rank, row in enumerate(links.itertuples(index=False, name=None), 1)
    ]
    head = ["Rank", *(COLUMNS.get(str(name), str(name).replace("_", " ").capitalize()) for name in links)]
    what = result.words.missing
    return (
        f'<details class="links"{" open" if place == 1 else ""}><summary>{what}, by {text(f"{place}. {run.title}")}'
        '</summary><input type="search" placeholder="Filter by name" aria-label="Filter by name">'
        f"{table(head, rows)}</details>"
    )


def _versions(runs: Sequence[Reported]) -> str:
    keys = list(dict.fromkeys(key for run in runs for key in run.result.environment))
    rows = [[key, *(run.result.environment.get(key, "") for run in runs)] for key in keys]
    return f"<h2>Versions</h2><details><summary>Of each run</summary>{table(['', *_titles(runs)], rows)}</details>"


def _repeat(runs: Sequence[Reported]) -> str:
    parts = []
    for title, run in zip(_titles(runs), runs, strict=True):
        spec = run.result.spec
        sample = spec.dataset.source.startswith("sample:")
        data = shlex.quote(spec.dataset.source) if sample else "FILES"
        command = f"python -m vgae_core train {data} --spec spec.json --out RUN_DIR"
        parts.append(
            f"<details><summary>{text(title)}</summary><pre>{html.escape(command)}</pre><p>spec.json:</p>"
            f"<pre>{html.escape(visible_lines(spec.to_json()))}</pre></details>"
        )
    return (
        "<h2>How to repeat it</h2><p>Save the settings as spec.json and train on the same data. A run that was given "
        "the split of another also takes its split.npz, with --split; a bundle of the run holds it."
        f"</p>{''.join(parts)}"
    )


def visible_lines(lines: str) -> str:
    """Return a text of several lines without what cannot be seen."""
    return "\n".join(visible(line) for line in lines.splitlines())
