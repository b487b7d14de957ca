"""The runs that are asked: each opened once for all visitors, answers kept by what was asked."""

from __future__ import annotations

import hashlib

import streamlit as st

from dashboard.app import state
from dashboard.finished_runs import results
from dashboard.finished_runs.shared import KEPT
from vgae_core.analysis.entry_scores import AT_ONCE_COLUMNS
from vgae_core.analysis.links import Direction
from vgae_core.errors import RunError
from vgae_core.host.limits import LIMITS
from vgae_core.runs.views.answers import Answers
from vgae_core.what_if.answer import Answer, answer
from vgae_core.what_if.model import WhatIf
from vgae_core.what_if.rows import RowsWhatIf
from vgae_core.what_if.scenario import Scenario


def any_model(run_id: str) -> WhatIf | RowsWhatIf:
    """Return a run that answers, kept within the bound of bytes of everything that is worked out of runs.

    Raises
    ------
    RunError
        If its weights do not fit.
    """
    run = state.store().open_run(run_id)

    def load() -> WhatIf | RowsWhatIf:
        result = run.result()
        if result.family.links_nodes:
            return WhatIf(result, results.graph_of(run_id))
        return RowsWhatIf(result, results.graph_of(run_id), most_columns=AT_ONCE_COLUMNS)

    return KEPT.get((run_id, "model"), load)


def model(run_id: str) -> WhatIf:
    """Return a run of a graph that answers; raise RunError if its weights do not fit, or it is one of a matrix."""
    found = any_model(run_id)
    if not isinstance(found, WhatIf):
        raise RunError("A matrix has entries, not links between nodes.", mend="Ask a run of a graph.")
    return found


def answers(run_id: str) -> Answers:
    """Return who is next, and the scores of pairs, of a run of a graph."""
    return KEPT.get((run_id, "answers"), lambda: Answers(*results.load(run_id)))


def asked(scenario: Scenario) -> Scenario:
    """Return what an answer depends on: the edits that count and the pair."""
    return Scenario(edits=scenario.active, pair=scenario.pair)


def digest(scenario: Scenario) -> str:
    """Return a short key of a scenario for what is worked out of it: its text may be long."""
    return hashlib.blake2b(asked(scenario).to_json().encode(), digest_size=16).hexdigest()


def answered(run_id: str, scenario: Scenario, direction: Direction = "out") -> Answer:
    """Return what a scenario changes; whoever asks the same of the same run gets the same answer."""
    unnamed = asked(scenario)

    def make() -> Answer:
        found = any_model(run_id)
        return found.answer(unnamed) if isinstance(found, RowsWhatIf) else answer(found, unnamed, direction)

    return KEPT.get((run_id, digest(unnamed), direction, "answer"), make)


def too_large(n_nodes: int, command: str) -> bool:
    """Return whether a graph is too large to be asked on a page; then say which command asks it."""
    if n_nodes <= LIMITS.answer_nodes:
        return False
    st.caption(
        f"Graphs of more than {LIMITS.answer_nodes:,} nodes are asked from the command line: "
        f"`python -m vgae_core {command}`."
    )
    return True
