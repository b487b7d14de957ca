"""Runs beside each other: which are compared, and what is worked out of two or more of them, once for all visitors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.app import state
from dashboard.finished_runs import results
from dashboard.finished_runs.shared import shared
from vgae_core.analysis import alignment, entries
from vgae_core.analysis.latent_neighbours import Similarity
from vgae_core.analysis.link_filters import LinkSearch
from vgae_core.errors import RunError, StudioError
from vgae_core.runs.store.info import RunInfo
from vgae_core.runs.store.stored_run import StoredRun
from vgae_core.runs.views import compare, figures, link_tables, paired_runs

PARAMETER = "runs"
"""Of the page's address: ids of the runs that are compared, with commas between them."""


@dataclass(frozen=True, eq=False)
class Side:
    """One of the runs that are compared."""

    info: RunInfo
    held: results.Opened

    @property
    def id(self) -> str:
        """The run's id."""
        return self.info.id


def named() -> list[str]:
    """Return the ids in the page's address, each once, as many as can be compared."""
    text = st.query_params.get(PARAMETER, "")
    return list(dict.fromkeys(part for part in text.split(",") if part))[: compare.MOST_RUNS]


def set_runs(ids: Sequence[str]) -> None:
    """Let the page's address name these runs."""
    st.query_params[PARAMETER] = ",".join(ids)


def opened(ids: Sequence[str]) -> tuple[list[Side], list[StudioError]]:
    """Return the runs with these ids that have a result, and what kept the others from being compared.

    A run of another visitor counts as opened by its link: whoever holds an id may see the run.
    """
    sides, problems = [], []
    for run_id in ids:
        try:
            run = state.store().open_run(run_id)
            if not run.has_result:
                raise RunError("This run has no result yet.", where=run.info.title)
            state.visited(run_id)
            sides.append(Side(run.info, open_run(run)))
        except StudioError as error:
            problems.append(error)
    return sides, problems


def open_run(run: StoredRun) -> results.Opened:
    """Return a run with its result and graph."""
    return results.Opened(run, *results.load(run.id))


@shared
def _paired(first: str, second: str) -> paired_runs.Paired:
    return paired_runs.paired(results.load(first), results.load(second))


def paired(first: Side, second: Side) -> paired_runs.Paired:
    """Return how the second run differs from the first on the same held-out pairs."""
    return _paired(first.id, second.id)


@shared
def _why_not_ranked(*ids: str) -> str:
    return paired_runs.why_not_ranked([(graph, result) for result, graph in map(results.load, ids)])


def why_not_ranked(sides: Sequence[Side]) -> str:
    """Return why the scores of these runs do not say which is best, as a sentence; empty where they do."""
    return _why_not_ranked(*(side.id for side in sides))


def history(side: Side) -> figures.History:
    """Return the epochs of a run."""
    return figures.History(side.info.title, side.held.run.history(), side.held.result.finished.best_epoch)


def on_same_nodes(sides: Sequence[Side]) -> list[Side]:
    """Return the runs whose codes are of the nodes of the first run's data."""
    first = sides[0].held.graph.fingerprint
    return [side for side in sides if side.held.graph.fingerprint == first]


@shared
def _maps(*ids: str) -> figures.Maps:
    runs = [results.load(run_id) for run_id in ids]
    graph = runs[0][1]
    return figures.maps_of(
        list(ids), [result.codes.z_mean for result, _ in runs], graph.labels, graph.label_names
    )


def maps(sides: Sequence[Side]) -> figures.Maps:
    """Return aligned maps of runs of the same nodes."""
    found = _maps(*(side.id for side in sides))
    return figures.Maps(
        [side.info.title for side in sides],
        found.nodes,
        found.places,
        found.labels,
        found.label_names,
        found.explained,
    )


@shared
def _overlap(first: str, second: str, k: int, metric: Similarity) -> tuple[np.ndarray, np.ndarray]:
    return alignment.neighbour_overlap(_z(first), _z(second), k, metric)


def overlap(first: Side, second: Side, k: int, metric: Similarity) -> tuple[np.ndarray, np.ndarray]:
    """Return :func:`vgae_core.analysis.alignment.neighbour_overlap` of two runs of the same nodes."""
    return _overlap(first.id, second.id, k, metric)


def _z(run_id: str) -> np.ndarray:
    return results.load(run_id)[0].codes.z_mean


@shared
def _moved(first: str, second: str) -> pd.DataFrame:
    found = compare.moved(_z(first), _z(second))
    nodes = found.farthest()
    columns = {"node": results.load(first)[1].node_ids[nodes].astype(str), "distance": found.distance[nodes]}
    table = pd.DataFrame(columns)
    graph = results.load(first)[1]
    if graph.labels is not None:
        names = np.array([*graph.label_names, ""], dtype=object)
        table.insert(1, "label", names[graph.labels[nodes]])
    return table


def moved(first: Side, second: Side) -> pd.DataFrame:
    """Return the nodes whose codes lie farthest apart, ``node, label`` (with labels) and ``distance``."""
    return _moved(first.id, second.id)


def is_searchable(side: Side) -> bool:
    """Return whether all pairs, or entries, of a run are few enough to be ranked while a page is drawn."""
    return link_tables.is_searchable(side.held.result, side.held.graph)


@shared
def _ranked(run_id: str) -> np.ndarray:
    result, graph = results.load(run_id)
    if not result.family.links_nodes:
        scores = results.entry_scores(run_id)
        known = results.matrix_of(graph)
        return entries.recommended(scores.left, scores.right, known, compare.RANKED)[0]
    return result.missing_links(graph, compare.RANKED, LinkSearch())[0]


@shared
def _only(first: str, second: str) -> pd.DataFrame:
    result, graph = results.load(first)
    pairs, others = _ranked(first), _ranked(second)
    n = max(graph.n_nodes, len(result.right))
    alone = compare.only_in(pairs, others, n, directed=result.ordered(graph))
    places, pairs = np.flatnonzero(alone) + 1, pairs[alone]
    other = results.load(second)[0]
    if not result.family.links_nodes:
        tables = [results.scored_entries(run_id, pairs) for run_id in (first, second)]
        combined = all("probability" in table for table in tables)
        names, value = ["row", "column"], "probability" if combined else "expected"
    else:
        tables = [link_tables.link_table(graph, pairs, r.link_scorer(graph)(pairs)) for r in (result, other)]
        names, value = ["source", "target"], "probability"
    table = tables[0][names].astype(str)
    table.insert(0, "place", places)
    return table.assign(here=tables[0][value], there=tables[1][value])


def only(first: Side, second: Side) -> pd.DataFrame:
    """Return the missing links that the first run ranks among its first, and the second does not.

    Returns
    -------
    DataFrame
        ``place`` (rank in the first), names of both ends, ``here`` and ``there`` (what each run gives the pair).
    """
    return _only(first.id, second.id)


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table for the screen."""
    return results.shown(table)


def map_figure(
    found: figures.Maps, names: np.ndarray, selected: Sequence[int], palette: Sequence[str]
) -> go.Figure:
    """Return the figure of aligned maps, with some nodes selected on all of them."""
    return figures.maps(found, names, np.array(selected, np.int64) if selected else None, palette)


def picked(event: Any) -> list[int]:
    """Return the nodes that a selection on the maps holds, in order; empty where there is none."""
    points = event["selection"]["points"] if event else []
    held = [point.get("customdata") for point in points]
    return sorted({int(one[0] if isinstance(one, list) else one) for one in held if one is not None})


def selected_table(sides: Sequence[Side], nodes: Sequence[int]) -> pd.DataFrame:
    """Return the rows of the node table of the first run that are selected."""
    return results.shown(results.node_table(sides[0].id).iloc[list(nodes)])


def overlap_figure(jaccard: np.ndarray, palette: Sequence[str]) -> go.Figure:
    """Return the histogram of overlaps."""
    fig = go.Figure(
        go.Histogram(
            x=jaccard,
            xbins={"start": 0, "end": 1.0001, "size": 0.1},
            marker={"color": palette[0]},
            hovertemplate="%{y:,} nodes<extra></extra>",
        )
    )
    fig.update_xaxes(title="Overlap of the nearest codes (Jaccard)", range=[0, 1])
    fig.update_yaxes(title="Nodes (count)")
    fig.update_layout(bargap=0.05)
    return fig


def report_of(sides: Sequence[Side]) -> bytes:
    """Return the report of runs as an HTML file."""
    from vgae_core.runs.exports.report import Reported, report  # brings Plotly's script

    runs = [
        Reported(side.info.title, side.held.result, side.held.graph, side.held.run.history())
        for side in sides
    ]
    return report(runs).encode()


def retrain(base: Side, other: Side) -> str:
    """Queue the settings of a run once more, on the split of another of the same data, and return the new run's id."""
    run = state.store().open_run(other.id)
    new = state.engine().submit(
        run.spec,
        base.held.graph,
        state.workspace(),
        newcomer=state.is_newcomer(),
        split=base.held.result.split,
    )
    name = f"{other.info.title}, on the split of {base.info.title}"
    state.store().annotate(new, state.workspace(), name=name[:80])
    return new
