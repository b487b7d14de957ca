"""Runs beside each other: which are compared, and what is worked out of two or more of them, once for all visitors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.app import state
from dashboard.figures import charts
from dashboard.finished_runs import results
from dashboard.finished_runs.shared import shared
from vgae_core.errors import RunError, StudioError
from vgae_core.runs.store.info import RunInfo
from vgae_core.runs.store.stored_run import StoredRun
from vgae_core.runs.views import compare, paired_runs

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


def heading(place: int, side: Side) -> str:
    """Return the title of a run's column."""
    return f"{place}. {charts.visible(side.info.title, 60)}"


def name_of(place: int, side: Side) -> str:
    """Return the name of a run as Markdown."""
    return f"**{place}. {charts.plain(side.info.title, 60)}**"


@shared
def _why_not_ranked(*ids: str) -> str:
    return paired_runs.why_not_ranked([(graph, result) for result, graph in map(results.load, ids)])


def why_not_ranked(sides: Sequence[Side]) -> str:
    """Return why the scores of these runs do not say which is best, as a sentence; empty where they do."""
    return _why_not_ranked(*(side.id for side in sides))


def on_same_nodes(sides: Sequence[Side]) -> list[Side]:
    """Return the runs whose codes are of the nodes of the first run's data."""
    first = sides[0].held.graph.fingerprint
    return [side for side in sides if side.held.graph.fingerprint == first]


def report_of(sides: Sequence[Side]) -> bytes:
    """Return the report of runs as an HTML file."""
    from vgae_core.runs.exports.report import Reported, report  # brings Plotly's script

    runs = [
        Reported(side.info.title, side.held.result, side.held.graph, side.held.run.history())
        for side in sides
    ]
    return report(runs).encode()
