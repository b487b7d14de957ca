"""The scenario a visitor works on: what is watched, the list of edits, undo, links; one for each run."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from dashboard.app import state
from dashboard.figures import charts
from dashboard.finished_runs import asking
from vgae_core.errors import StudioError
from vgae_core.what_if import kept
from vgae_core.what_if.changes import edited_graph
from vgae_core.what_if.checks import MAX_NAMES
from vgae_core.what_if.scenario import MAX_EDITS, Edit, Scenario
from vgae_core.what_if.variant import Variant, mark, variant_split

PARAMETER = "scenario"
"""Of the page's address: the id of a kept scenario."""

STEPS = 100
"""Changes that can be undone."""

HISTORY_NAMES = 50_000
"""Names and numbers in all of them together: a few megabytes."""

DESKS = 20
"""Runs whose scenarios a visitor's session remembers."""


@dataclass
class Desk:
    """The scenario of one run, with what came before it and after it."""

    scenario: Scenario = field(default_factory=Scenario)
    before: list[Scenario] = field(default_factory=list)
    after: list[Scenario] = field(default_factory=list)
    opened: str = ""
    """Id of the kept scenario that it was opened from, or kept as."""
    selection: tuple[str, ...] = ()
    """Nodes that were selected on a map, to be edited together."""
    variants: dict[str, str] = field(default_factory=dict)
    """Runs trained on the edited graph, by the edits as JSON."""
    version: int = 0
    """Grows whenever the scenario is replaced: widgets made before are forgotten."""


def desk(run_id: str) -> Desk:
    """Return the scenario of a run, empty at first."""
    desks: dict[str, Desk] = st.session_state.setdefault("scenarios", {})
    if run_id not in desks:
        while len(desks) >= DESKS:
            del desks[next(iter(desks))]
        desks[run_id] = Desk()
    return desks[run_id]


def _recent(steps: list[Scenario]) -> list[Scenario]:
    """Return the last steps, as many as may be kept."""
    kept_steps, total = [], 0
    for step in reversed(steps[-STEPS:]):
        total += step.size
        if total > HISTORY_NAMES:
            break
        kept_steps.append(step)
    return kept_steps[::-1]


def change(run_id: str, scenario: Scenario, *, replace: bool = False) -> None:
    """Make this the scenario of a run; the one before can be had back.

    Parameters
    ----------
    run_id : str
    scenario : Scenario
    replace : bool
        Whether it comes from elsewhere than the page's own widgets, which then take its values.
    """
    at = desk(run_id)
    at.version += replace  # what is asked for from elsewhere replaces what was typed, even if it is the same
    if scenario == at.scenario:
        return
    at.before = _recent([*at.before, at.scenario])
    at.after.clear()
    at.scenario = scenario
    _forget_link(at)


def _forget_link(at: Desk) -> None:
    at.opened = ""
    st.query_params.pop(PARAMETER, None)


def undo(run_id: str) -> None:
    """Take the last change back."""
    at = desk(run_id)
    _step(at, at.before, at.after)


def redo(run_id: str) -> None:
    """Make a change again that was taken back."""
    at = desk(run_id)
    _step(at, at.after, at.before)


def _step(at: Desk, taken: list[Scenario], left: list[Scenario]) -> None:
    """Make the last scenario of one list that at hand, which goes to the other; the watched pair stays."""
    if taken:
        left.append(at.scenario)
        at.scenario = dataclasses.replace(taken.pop(), pair=at.scenario.pair)
        at.version += 1
        _forget_link(at)


def edited(run_id: str, edits: Sequence[Edit]) -> None:
    """Replace the edits."""
    change(run_id, dataclasses.replace(desk(run_id).scenario, edits=tuple(edits)))


def add(run_id: str, *items: Edit) -> None:
    """Add edits at the end, or none with a message if there would be too many."""
    edits = desk(run_id).scenario.edits
    if len(edits) + len(items) > MAX_EDITS:
        st.toast(f"A scenario has at most {MAX_EDITS} edits.", icon=":material/warning:")
        return
    edited(run_id, (*edits, *items))


def switch(run_id: str, place: int) -> None:
    """Switch an edit on or off."""
    edits = list(desk(run_id).scenario.edits)
    edits[place] = dataclasses.replace(edits[place], on=not edits[place].on)
    edited(run_id, edits)


def remove(run_id: str, place: int) -> None:
    """Remove an edit."""
    edits = list(desk(run_id).scenario.edits)
    del edits[place]
    edited(run_id, edits)


def earlier(run_id: str, place: int) -> None:
    """Move an edit one place up."""
    edits = list(desk(run_id).scenario.edits)
    edits[place - 1 : place + 1] = edits[place - 1 : place + 1][::-1]
    edited(run_id, edits)


def watch(run_id: str, pair: tuple[str, str] | None) -> None:
    """Watch another pair; this alone is nothing to be undone."""
    at = desk(run_id)
    if pair != at.scenario.pair:
        at.scenario = dataclasses.replace(at.scenario, pair=pair)
        _forget_link(at)


def change_pair(run_id: str, pair: tuple[str, str]) -> None:
    """Watch a pair that was chosen elsewhere than in the page's own lists, which then take it."""
    watch(run_id, pair)
    desk(run_id).version += 1


def ask(run_id: str, pair: tuple[str, str] | None, *, selection: Sequence[str] = ()) -> None:
    """Watch a pair on the What if page, with some nodes at hand to be edited, and go there."""
    at = desk(run_id)
    if pair is not None and pair != at.scenario.pair:
        at.scenario = dataclasses.replace(at.scenario, pair=pair)
        at.version += 1
    at.selection = tuple(selection)[:MAX_NAMES]
    at.opened = ""
    st.switch_page("pages/what_if.py", query_params={"run": run_id})


def offer(run_id: str, event: Any, pairs: Sequence[tuple[str, str]], key: str) -> None:
    """Draw the way from a row of a table to the What if page, once a row is selected.

    Parameters
    ----------
    run_id : str
    event : Any
        What the table returned.
    pairs : sequence of tuple of str
        The pair of each row.
    key : str
        Of the button.
    """
    rows = event["selection"]["rows"]
    if rows and rows[0] < len(pairs):
        first, second = pairs[rows[0]]
        name = " – ".join(charts.plain(part, 40) for part in (first, second) if part)
        if st.button(f"What if… {name}", key=key, icon=":material/alt_route:"):
            ask(run_id, (first, second))
    else:
        st.caption("Select a row to ask what would change it.")


def edits_key(scenario: Scenario) -> str:
    """Return the edits that count, as JSON: what a variant is known by."""
    return Scenario(edits=scenario.active).to_json()


def train_variant(run_id: str) -> None:
    """Queue a run of the same settings on the edited graph; a callback. What is wrong is said on the page."""
    at = desk(run_id)
    st.session_state.pop("variant_error", None)
    try:
        run = state.store().open_run(run_id)
        model = asking.model(run_id)
        changes = model.changes(at.scenario.active)
        graph = edited_graph(model.graph, changes, f"{model.graph.name}, edited")
        spec = run.spec.replace("dataset.name", graph.name)
        spec = spec.replace("dataset.source", f"upload:{graph.fingerprint}").replace("dataset.files", [])
        split = variant_split(model.result.split, changes, graph)
        variant = state.engine().submit(
            spec, graph, state.workspace(), newcomer=state.is_newcomer(), split=split
        )
        mark(state.store().open_run(variant).path, Variant(run_id, at.scenario))
        at.variants[edits_key(at.scenario)] = variant
    except StudioError as error:
        st.session_state["variant_error"] = (run_id, error)


def open_variant(variant: str, about: Variant) -> None:
    """Go to the What if page of the run that another is a variant of, with its edits."""
    change(about.of, about.scenario, replace=True)
    desk(about.of).variants[edits_key(about.scenario)] = variant
    st.switch_page("pages/what_if.py", query_params={"run": about.of})


def open_link(run_id: str) -> StudioError | None:
    """Take the scenario that the page's address names, once; return what kept it from that."""
    named = st.query_params.get(PARAMETER)
    at = desk(run_id)
    if not named or named == at.opened:
        return None
    try:
        scenario = kept.load(state.store().open_run(run_id).path, named)
    except StudioError as error:
        st.query_params.pop(PARAMETER, None)
        return error
    change(run_id, scenario, replace=True)
    at.opened = named
    st.query_params[PARAMETER] = named
    return None


def keep(run_id: str, name: str) -> None:
    """Keep the scenario under a name, so that the page's address is a link to it."""
    at = desk(run_id)
    scenario = dataclasses.replace(at.scenario, name=name)
    saved = kept.save(state.store().open_run(run_id).path, scenario, state.workspace())
    at.scenario = scenario
    at.opened = saved
    st.query_params[PARAMETER] = saved


def mine(run_id: str) -> list[kept.Kept]:
    """Return what the visitor kept of a run."""
    return kept.listed(state.store().open_run(run_id).path, state.workspace())


def forget(run_id: str, scenario_id: str) -> None:
    """Delete a kept scenario of the visitor."""
    kept.delete(state.store().open_run(run_id).path, scenario_id, state.workspace())
    if desk(run_id).opened == scenario_id:
        _forget_link(desk(run_id))
