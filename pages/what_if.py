"""Ask a finished run what edits of the graph would change, and why a pair has its score."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from dashboard import (
    answers,
    asking,
    charts,
    edit_form,
    frame,
    judged,
    live,
    pick,
    results,
    run_view,
    scenarios,
    scores,
    state,
)
from dashboard.shared import KEPT
from vgae_core.analysis import decisions, embedding
from vgae_core.errors import StudioError
from vgae_core.training.progress import progress
from vgae_core.what_if import why
from vgae_core.what_if.answer import Answer, watched
from vgae_core.what_if.ego import DEPTHS, SHOWN, ego
from vgae_core.what_if.kept import Kept
from vgae_core.what_if.model import WhatIf
from vgae_core.what_if.rows import RowsWhatIf, leave_out_entries
from vgae_core.what_if.scenario import EDITS, Edit, Scenario, edit
from vgae_core.what_if.variant import compare

frame.require_router("what_if")

T = TypeVar("T")

VIEWS = {
    "links": "New links",
    "codes": "Moved codes",
    "nodes": "Edited nodes",
    "why": "Why this score?",
    "takes": "What would it take?",
    "retrain": "With retraining",
}


# ---------------------------------------------------------------------------- watching
def choose_pair(held: results.Opened, model: answers.Model) -> None:
    """Draw the choice of what is watched."""
    at = scenarios.desk(held.id)
    names = names_of(held, at.scenario)
    others = results.column_names(held.id) if held.on_matrix else names
    first, second = at.scenario.pair or ("", "")
    first_label, second_label = (
        ("Watch row", "and column") if held.on_matrix else ("Watch the links of", "and the pair with")
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        source = pick.name(first_label, names, f"watch_source_{at.version}", value=first or None)
        target = pick.name(
            second_label, others, f"watch_target_{at.version}", value=second or None, placeholder="None"
        )
    scenarios.watch(held.id, (source, target or "") if source else None)


def names_of(held: results.Opened, scenario: Scenario) -> list[str]:
    """Return the names of all nodes, first those that the scenario adds."""
    new = [item.values["name"] for item in scenario.active if item.kind in ("add_node", "add_row")]
    return [*new, *results.node_names(held.id)]


def first_pair(held: results.Opened, model: answers.Model) -> None:
    """Watch the node with most edges and its likeliest new link, where a visitor comes without a pair."""
    at = scenarios.desk(held.id)
    if at.scenario.pair is None and not at.scenario.edits and not at.before:
        name = model.name(model.busiest)
        best = asking.answered(held.id, Scenario(pair=(name, ""))).top_after
        scenarios.watch(held.id, (name, best[0].node if best else ""))


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
            if held.on_matrix:
                verb, item = "Clear" if there else "Set", entry_edit(*names, there=there)
            else:
                verb, item = "Drop" if there else "Add", pair_edit(*names, there=there)
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


def pair_edit(source: str, target: str, *, there: bool) -> Edit:
    """Return the edit that drops an edge, or adds it."""
    return edit("drop_edge" if there else "add_edge", source=source, target=target)


def entry_edit(row: str, column: str, *, there: bool) -> Edit:
    """Return the edit that clears an entry, or sets it to its default."""
    return edit("set_entry", row=row, column=column, **({"value": 0.0} if there else {}))


def kinds_for(held: results.Opened) -> list[str]:
    """Return the kinds of edits that this run can answer."""
    if held.on_matrix:
        return [key for key, entry in EDITS.items() if entry.family == "vae"]
    has_features = held.graph.features is not None
    new_nodes = has_features or held.result.spec.model.node_input == "random"
    allowed = {"": True, "features": has_features, "new nodes": new_nodes}
    return [key for key, entry in EDITS.items() if entry.family == "vgae" and allowed[entry.needs]]


def say_missing_kinds(held: results.Opened) -> None:
    """Say which edits this run cannot answer, and why."""
    kinds = kinds_for(held)
    if not held.on_matrix and "set_feature" not in kinds:
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
    with st.expander("Save, share, load", icon=":material/bookmark:"):
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


# ------------------------------------------------------------------------------ answers
@frame.fragment()
def show_picture(held: results.Opened, model: WhatIf, scenario: Scenario) -> None:
    """Draw the neighbourhood of what is watched; a click on a node or an edge offers what to do with it."""
    changes = model.changes(scenario.active)
    ends = watched(model, scenario, changes)
    if ends is None:
        return
    depth = st.segmented_control(
        "Steps from the watched nodes", DEPTHS, default=DEPTHS[0], required=True, key="ego_depth"
    )
    nodes = tuple(node for node in ends if node is not None)
    drawn = KEPT.get((held.id, asking.digest(scenario), depth, "ego"),
                     lambda: ego(model, changes, model.after(changes), nodes, depth))  # fmt: skip
    event = st.echarts_chart(
        answers.picture(drawn), height=420, key=f"ego_{held.id}", on_select="rerun",
        alt=f"Neighbourhood of the watched nodes: {len(drawn.nodes)} nodes and {len(drawn.edges)} edges.",
    )  # fmt: skip
    parts = ["Wider edges are likelier to the model. Solid: kept; dashed: added; dotted: dropped."]
    if drawn.n_nodes > len(drawn.nodes):
        parts.append(f"The {SHOWN} likeliest of {drawn.n_nodes:,} nodes are shown.")
    st.caption(" ".join(parts))
    for group in event["selection"]["selected"]:
        for at in group["data_indices"]:
            if group["data_type"] == "node" and at < len(drawn.nodes):
                offer_node(held, scenario, drawn.nodes[at].name)
            elif group["data_type"] == "edge" and at < len(drawn.edges):
                arc = drawn.edges[at]
                offer_edge(held, model.name(arc.arc[0], changes), model.name(arc.arc[1], changes), arc.status)


def offer_node(held: results.Opened, scenario: Scenario, name: str) -> None:
    """Draw what can be done with a node of the picture."""
    source = scenario.pair[0] if scenario.pair else name
    with st.container(horizontal=True, gap="small"):
        if name != source:
            if st.button(f"Watch the pair with {charts.plain(name, 40)}", key="pick_pair"):
                scenarios.change_pair(held.id, (source, name))
                st.rerun()
            if st.button(f"Watch the links of {charts.plain(name, 40)}", key="pick_source"):
                scenarios.change_pair(held.id, (name, ""))
                st.rerun()
        if st.button(f"Drop all edges of {charts.plain(name, 40)}", key="pick_drop_all"):
            scenarios.add(held.id, edit("drop_edges", node=name))
            st.rerun()


def offer_edge(held: results.Opened, source: str, target: str, status: str) -> None:
    """Draw what can be done with an edge of the picture."""
    if status == "dropped":
        return
    if st.button(f"Drop {charts.plain(source, 40)} – {charts.plain(target, 40)}", key="pick_drop",
                 icon=":material/link_off:"):  # fmt: skip
        scenarios.add(held.id, edit("drop_edge", source=source, target=target))
        st.rerun()


def show_codes(held: results.Opened, model: answers.Model, answer: Answer, scenario: Scenario) -> None:
    """Draw whose codes moved, as a table and on the map of the run."""
    if not answer.moved:
        st.caption("No code moved.")
        return
    st.markdown(
        "**1 code moved**" if answer.n_moved == 1 else f"**{answer.n_moved:,} codes moved**, most of all:"
    )
    answers.show_moved(answer, held.noun)
    changes = model.changes(scenario.active)
    names = [node.node for node in answer.moved]
    nodes = model.places(names, changes)
    show_arrows(held, model, names, nodes, model.codes_of(nodes, changes), "moved_map")
    st.caption("Principal components of the codes before the edits; arrows lead to the codes after them.")


def show_arrows(
    held: results.Opened, model: answers.Model, names: list[str], nodes: Any, after: Any, key: str
) -> None:
    """Draw the map of the run with arrows to new codes."""
    where = KEPT.get((held.id, "map of all edges"), lambda: embedding.pca(model.z_mean, 2))
    charts.show(
        answers.arrows(where, names, nodes, after, results.shown_nodes(held.id), held.noun), key=key, height=460,
        alt=f"Map of all {held.noun}s with arrows for the {len(names)} codes that moved most.",
    )  # fmt: skip


def worked_out(
    held: results.Opened,
    scenario: Scenario,
    what: str,
    ask: Callable[[why.Progress], why.Effects | why.Search],
) -> why.Effects | why.Search:
    """Return what takes a while, with a bar while it is worked out; any click elsewhere cancels it."""

    def make() -> T:
        bar = st.progress(0.0, text="Starting…")
        try:
            return ask(lambda share, text: bar.progress(share, text=text))  # a new click ends the script here
        finally:
            bar.empty()

    return KEPT.get((held.id, asking.digest(scenario), what), make)


def show_effects(key: str, title: str, effects: why.Effects) -> None:
    """Draw the largest effects as bars, and say what was not tried."""
    if not effects.found:
        return
    st.markdown(f"**{title}**")
    charts.show(
        answers.bars(effects, "What it adds to the logit"), key=f"why_{key}",
        height=120 + 24 * min(len(effects.found), answers.BARS), alt=f"Bars of the largest effects: {title}.",
    )  # fmt: skip
    if effects.n_left:
        st.caption(f"{effects.n_left:,} more were not tried: {why.LEFT[key]}")


def show_why(held: results.Opened, model: WhatIf, scenario: Scenario, pair: tuple[int, int]) -> None:
    """Draw what speaks for a pair and what against it."""
    changes = model.changes(scenario.active)
    for kind, title, ask in why.REASONS:
        effects = worked_out(
            held, scenario, f"why {kind}", lambda tell, ask=ask: ask(model, changes, pair, tell)
        )
        show_effects(kind, title, effects)
    parts = why.score_parts(model, changes, pair)
    if len(parts) > 1:
        st.markdown("**The parts of the stacked score**")
        titles = {"offset": "Offset", "network": "Network", "calibration": "Calibration"} | {
            part.name: scores.title(part.name) for part in parts[2:]
        }
        charts.show(answers.waterfall(parts, titles), key="waterfall", alt="Parts of the stacked logit.")


def show_why_entry(held: results.Opened, model: RowsWhatIf, scenario: Scenario) -> None:
    """Draw what each entry of the watched row does to the watched column."""
    changes = model.changes(scenario.active)
    row = model.names.find(scenario.pair[0], changes.new)
    column = model.columns.find(scenario.pair[1])
    effects = worked_out(
        held, scenario, "why entries", lambda tell: leave_out_entries(model, changes, row, column, tell)
    )
    show_effects("entries", "Each entry of the row cleared", effects)


def show_takes(held: results.Opened, model: WhatIf, scenario: Scenario, pair: tuple[int, int]) -> None:
    """Draw the smallest sets of edges found that move the pair across the threshold."""
    chosen = st.session_state.get(f"threshold_{held.id}")
    if chosen is None:
        best = judged.start_threshold(held.id)
        chosen = decisions.EVEN if best is None else best
    low, high, step = why.THRESHOLDS
    level = st.slider(
        "Threshold (probability)", low, high, min(max(float(chosen), low), high), step, key=f"takes_{held.id}",
        help="An edge is predicted at or above it; it starts at the one of the Reconstruction page.",
    )  # fmt: skip
    changes = model.changes(scenario.active)
    for add in (False, True):
        st.markdown("**By adding edges**" if add else "**By dropping edges**")
        search = worked_out(
            held, scenario, f"takes {add} {level:.2f}",
            lambda tell, add=add: why.what_it_takes(
                model, changes, pair, why.logit_at(level), add=add, progress=tell
            ),
        )  # fmt: skip
        answers.aim(search, add=add)
        if not search.found:
            continue
        st.markdown(answers.steps(search))
        st.button(
            "Add these edits", key=f"apply_{add}", icon=":material/playlist_add:",
            on_click=apply_search, args=(held.id, model, scenario, search, add),
        )  # fmt: skip
    st.caption("Found by a greedy search, each step checked exactly; a smaller set may exist.")


def apply_search(
    run_id: str, model: answers.Model, scenario: Scenario, search: why.Search, add: bool
) -> None:
    """Add the edges that were found to the scenario."""
    changes = model.changes(scenario.active)
    kind = "add_edge" if add else "drop_edge"
    more = [edit(kind, source=model.name(i, changes), target=model.name(j, changes)) for i, j in search.arcs]
    scenarios.add(run_id, *more)


def show_retraining(held: results.Opened, model: WhatIf, scenario: Scenario) -> None:
    """Draw how a run trained on the edited graph differs, or the button that trains one."""
    failed = st.session_state.get("variant_error")
    if failed is not None and failed[0] == held.id:
        frame.report(failed[1])
    variant = scenarios.desk(held.id).variants.get(scenarios.edits_key(scenario))
    if variant is None:
        st.caption(
            "Trains a run of the same settings on the edited graph. It holds out the same pairs, so both can be "
            "compared; it is kept among your runs."
        )
        st.button(
            "Train the edited graph", type="primary", icon=":material/play_arrow:", key="train_variant",
            disabled=not model.changes(scenario.active).edit_the_graph,
            on_click=scenarios.train_variant, args=(held.id,),
        )  # fmt: skip
        return
    run = state.store().open_run(variant)
    if run.info.active:
        wait_for_variant(variant)
        return
    if not run.has_result:
        st.warning(
            charts.plain(run.info.message) or "It ended without a result.",
            title="The variant was not trained",
        )
        return
    key = (held.id, asking.digest(scenario), variant, "variant")
    found = KEPT.get(key, lambda: compare(model, asking.model(variant), scenario))
    answers.compared(found)
    names = [node.node for node in found.moved]
    nodes = model.places(names, model.changes(()))
    show_arrows(held, model, names, nodes, found.places, "variant_map")
    st.caption("Arrows lead from a node's code to its code in the variant, turned onto the run's.")
    st.page_link(
        "pages/train.py", label="Open the variant", icon=":material/open_in_new:", query_params={"run": variant}
    )  # fmt: skip


@frame.fragment(run_every=live.CURVES_SECONDS)
def wait_for_variant(variant: str) -> None:
    """Say how far the variant is, until it has ended: then draw the page again."""
    run = state.store().open_run(variant)
    state.engine().look_at(variant)
    if not run.info.active:
        st.rerun()
    shown = progress(run.events())
    st.progress(shown.fraction, text=live.bar_text(shown))


def views_of(held: results.Opened, answer: Answer) -> dict[str, str]:
    """Return the parts of an answer that can be looked at, and what they are called."""
    views = dict(VIEWS)
    if held.on_matrix:
        views |= {"links": "Recommended", "nodes": "Edited rows"}
        del views["takes"], views["retrain"]
    if answer.pair is None:
        views = {key: title for key, title in views.items() if key not in ("why", "takes")}
    return views


def show_answers(held: results.Opened, model: answers.Model, scenario: Scenario, answer: Answer) -> None:
    """Draw what the edits change."""
    st.markdown(answers.headline(answer))
    if answer.pair is not None:
        answers.tiles(answer, answer.pair, model)
    st.caption(" ".join(charts.plain(note) for note in answer.notes))
    if isinstance(model, WhatIf):
        show_picture(held, model, scenario)
    views = views_of(held, answer)
    view = st.segmented_control(
        "Look at", list(views), default="links", required=True, format_func=views.__getitem__,
        key="what_if_view", label_visibility="collapsed",
    )  # fmt: skip
    if view == "links":
        show_links(held, answer)
    elif view == "codes":
        show_codes(held, model, answer, scenario)
    elif view == "nodes":
        answers.show_nodes(answer, held.noun)
    elif view == "retrain":
        show_retraining(held, model, scenario)
    elif isinstance(model, RowsWhatIf):
        show_why_entry(held, model, scenario)
    elif (ends := watched(model, scenario, model.changes(scenario.active))) and ends[1] is not None:
        (show_why if view == "why" else show_takes)(held, model, scenario, (ends[0], ends[1]))


def show_links(held: results.Opened, answer: Answer) -> None:
    """Draw what is likeliest next for what is watched."""
    if answer.source is None:
        st.caption(f"Choose a {held.noun} to watch.")
        return
    name = charts.plain(answer.source, 60)
    st.markdown(f"**Recommended to {name}**" if held.on_matrix else f"**Likeliest new links of {name}**")
    answers.show_top(answer, "column" if held.on_matrix else "node")


frame.header(
    "What if", "Edit the graph and see what the model would say: before, after, and why.", of_run=True
)
with frame.guard():
    held = run_view.opened()
    if held is not None:
        run_view.name_run(held)
        if not asking.too_large(held.graph.n_nodes, "whatif RUN --edits E.json"):
            problem = scenarios.open_link(held.id)
            if problem is not None:
                frame.report(problem)
            model = asking.rows(held.id) if held.on_matrix else asking.model(held.id)
            first_pair(held, model)
            left, right = st.columns([2, 3], gap="large")
            answer: Answer | None = None
            with left:
                choose_pair(held, model)
                scenario = scenarios.desk(held.id).scenario
                try:
                    answer = asking.answered(held.id, scenario)
                except StudioError as error:
                    frame.report(error)
                st.subheader("Edits", anchor=False)
                show_edits(held, model)
                quick_edits(held, model, answer)
                selection = scenarios.desk(held.id).selection
                if selection:
                    st.caption(
                        f":material/select_all: {len(selection):,} nodes selected on the map are at hand: link them "
                        "to a node, or to a new one."
                    )
                with st.expander("Another edit", icon=":material/edit:", expanded=bool(selection)):
                    edit_form.draw(
                        held.id, kinds_for(held), names_of(held, scenario),
                        [model.columns[i] for i in range(len(model.columns))], model.latent_dim, model.changes,
                    )  # fmt: skip
                    say_missing_kinds(held)
                show_keeping(held)
            with right:
                if answer is not None:
                    show_answers(held, model, scenario, answer)
