"""The runs that are asked: each opened once for all visitors, answers kept by what was asked."""

from __future__ import annotations

import streamlit as st

from dashboard import state
from dashboard.shared import KEPT
from vgae_core.data.limits import LIMITS
from vgae_core.runs.datasets import Cache
from vgae_core.what_if.answer import Answer, answer
from vgae_core.what_if.model import WhatIf
from vgae_core.what_if.scenario import Scenario

_models: Cache[WhatIf] = Cache(2)
"""Encoders of the runs asked last; the key is the run's unguessable id."""


def model(run_id: str) -> WhatIf:
    """Return a run that answers.

    Raises
    ------
    RunError
        If its weights do not fit, or it is one of a matrix.
    """
    run = state.store().open_run(run_id)
    return _models.get(run_id, lambda: WhatIf(run.result(), run.graph()))


def answered(run_id: str, scenario: Scenario, direction: str = "out") -> Answer:
    """Return what a scenario changes; whoever asks the same of the same run gets the same answer."""
    unnamed = Scenario(edits=scenario.active, pair=scenario.pair)
    key = (run_id, unnamed.to_json(), direction, "answer")
    return KEPT.get(key, lambda: answer(model(run_id), unnamed, direction))  # type: ignore[arg-type]


def refuse_large(n_nodes: int) -> bool:
    """Say so where a graph is too large to be asked on a page, and return whether it is."""
    if n_nodes <= LIMITS.answer_nodes:
        return False
    st.info(
        f"This graph has {n_nodes:,} nodes; pages answer for up to {LIMITS.answer_nodes:,}. The command line has no "
        "such limit: `python -m vgae_core whatif RUN --edits E.json`.",
        title="Ask this run from the command line",
        icon=":material/terminal:",
    )
    return True
