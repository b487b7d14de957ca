"""The edits of a scenario on the What if page: listed, suggested, added, kept and shared."""

from __future__ import annotations

import functools

import streamlit as st

from dashboard.app import frame
from dashboard.figures import charts
from dashboard.finished_runs import results, scenarios
from dashboard.what_if import answers
from vgae_core.catalogue.node_inputs import NODE_INPUTS
from vgae_core.errors import StudioError
from vgae_core.what_if.answer import Answer
from vgae_core.what_if.edit_kinds import EDITS
from vgae_core.what_if.kept import Kept
from vgae_core.what_if.model import WhatIf
from vgae_core.what_if.scenario import Scenario, edit, pair_edit


def names_of(held: results.Opened, scenario: Scenario) -> list[str]:
    """Return the names of all nodes, first those that the scenario adds."""
    new = [item.values["name"] for item in scenario.active if item.kind in ("add_node", "add_row")]
    return [*new, *results.node_names(held.id)]


# ------------------------------------------------------------------------------- edits
def show_edits(held: results.Opened, model: answers.Model) -> None:
    """Draw the list of edits, each of which can be switched off, moved and removed."""
    at = scenarios.desk(held.id)
    edits = at.scenario.edits
    if not edits:
        st.caption("No edits yet: these are the answers for the data as they are.")
    for place, item in enumerate(edits):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.checkbox(
                charts.plain(item.sentence(), 160), value=item.on, key=f"on_{at.version}_{len(at.before)}_{place}",
                on_change=scenarios.switch, args=(held.id, place), width="stretch",
            )  # fmt: skip
            if place:
                st.button("", icon=":material/arrow_upward:", key=f"up_{place}", help="Apply it earlier",
                          on_click=scenarios.earlier, args=(held.id, place), type="tertiary")  # fmt: skip
            st.button("", icon=":material/close:", key=f"remove_{place}", help="Remove this edit",
                      on_click=scenarios.remove, args=(held.id, place), type="tertiary")  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        st.button("Undo", icon=":material/undo:", key="undo", disabled=not at.before,
                  on_click=scenarios.undo, args=(held.id,))  # fmt: skip
        st.button("Redo", icon=":material/redo:", key="redo", disabled=not at.after,
                  on_click=scenarios.redo, args=(held.id,))  # fmt: skip
        st.button("Clear", icon=":material/delete_sweep:", key="clear", disabled=not edits,
                  on_click=scenarios.edited, args=(held.id, ()))  # fmt: skip


def quick_edits(held: results.Opened, model: answers.Model, answer: Answer | None) -> None:
    """Draw the edits that suggest themselves for what is watched."""
    pair = answer.pair if answer else None
    source = answer.source if answer else None
    active = scenarios.desk(held.id).scenario.active
    with st.container(horizontal=True, gap="small"):
        if pair is not None:
            there, names = bool(pair.weight.after), (pair.source, pair.target)
            item = pair_edit(held.result.spec.model.family, *names, there=there)
            verb = held.family.words.take if there else held.family.words.put
            st.button(
                f"{verb} {charts.plain(pair.source, 24)} – {charts.plain(pair.target, 24)}",
                icon=":material/link_off:" if there else ":material/add_link:", key="quick_pair",
                on_click=scenarios.add, args=(held.id, item),
            )  # fmt: skip
        if isinstance(model, WhatIf) and source is not None and model.has_edges(source, active):
            st.button(
                f"Drop all edges of {charts.plain(source, 24)}", icon=":material/remove_circle:", key="quick_all",
                on_click=scenarios.add, args=(held.id, edit("drop_edges", node=source)),
            )  # fmt: skip


def kinds_for(held: results.Opened) -> list[str]:
    """Return the kinds of edits that this run can answer."""
    has_features, model = held.graph.features is not None, held.result.spec.model
    new_nodes = has_features or not NODE_INPUTS[model.node_input].not_for_new
    allowed = {"": True, "features": has_features, "new nodes": new_nodes}
    return [key for key, entry in EDITS.items() if entry.family == model.family and allowed[entry.needs]]


def say_missing_kinds(held: results.Opened) -> None:
    """Say which edits this run cannot answer, and why."""
    kinds = kinds_for(held)
    if held.family.links_nodes and "set_feature" not in kinds:
        st.caption(
            "This graph has no features to edit."
            + (
                ""
                if "add_node" in kinds
                else " New nodes need features, or `node_input` = `random` when training."
            )
        )


def show_keeping(held: results.Opened) -> None:
    """Draw how a scenario is kept, shared, loaded and downloaded."""
    at = scenarios.desk(held.id)
    with st.expander("Save, share, load"):
        name = st.text_input(
            "Name of the scenario", value=at.scenario.name, max_chars=80, key=f"name_{at.version}"
        )
        if st.button(
            "Save and make a link", icon=":material/link:", key="keep", disabled=not at.scenario.edits
        ):
            scenarios.keep(held.id, name)
        if at.opened:
            st.caption(
                "Saved. The address of this page is now a link to it; anyone who has the link can open it."
            )
        frame.downloads([frame.File("scenario_json", "Download as JSON", "scenario.json", "application/json",
                                    lambda: at.scenario.to_json().encode())])  # fmt: skip
        st.caption(
            "`python -m vgae_core whatif RUN --edits scenario.json` gives the same numbers. `RUN` is the run's folder "
            "on the server, or its bundle (Runs page), unpacked."
        )
        file = st.file_uploader("Load a scenario", type="json", key=f"scenario_file_{at.version}")
        if file is not None:
            try:
                scenario = Scenario.from_json(file.getvalue().decode("utf-8-sig"))
            except UnicodeDecodeError:
                st.warning("This is no text in UTF-8.", icon=":material/warning:")
            except StudioError as error:
                frame.report(error)
            else:
                scenarios.change(held.id, scenario, replace=True)
                st.rerun()
        for kept in scenarios.mine(held.id):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                if kept.scenario is None:
                    st.caption("A scenario that cannot be read", width="stretch")
                else:
                    open_kept(held, kept)
                st.button("", icon=":material/delete:", key=f"forget_{kept.id}", help="Delete this scenario",
                          on_click=scenarios.forget, args=(held.id, kept.id), type="tertiary")  # fmt: skip


def open_kept(held: results.Opened, kept: Kept) -> None:
    """Draw the button that opens a kept scenario."""
    assert kept.scenario is not None  # noqa: S101  the caller has one
    st.button(
        charts.plain(kept.scenario.name or "Without a name", 60), key=f"open_{kept.id}", type="tertiary",
        icon=":material/bookmark:",
        on_click=functools.partial(scenarios.change, held.id, kept.scenario, replace=True),
    )  # fmt: skip
