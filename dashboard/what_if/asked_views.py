"""What the What if page answers: neighbourhood, codes, reasons, what it would take, the graph trained again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from dashboard.app import frame, state
from dashboard.figures import charts
from dashboard.finished_runs import asking, judged, results, scenarios, scores
from dashboard.finished_runs.shared import KEPT
from dashboard.train import live
from dashboard.what_if import answer_figures, answers
from vgae_core.analysis import decisions, linear_map
from vgae_core.training.progress import progress
from vgae_core.what_if import around, crossing, why
from vgae_core.what_if.answer import Answer, watched
from vgae_core.what_if.ego import DEPTHS, SHOWN, ego
from vgae_core.what_if.model import WhatIf
from vgae_core.what_if.row_reasons import leave_out_entries
from vgae_core.what_if.rows import RowsWhatIf
from vgae_core.what_if.scenario import Scenario, edit
from vgae_core.what_if.variant import compare

T = TypeVar("T")

VIEWS = {
    "links": "New links",
    "codes": "Moved codes",
    "nodes": "Edited nodes",
    "why": "Why this score?",
    "takes": "What would it take?",
    "retrain": "With retraining",
}


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
        answer_figures.picture(drawn), height=420, key=f"ego_{held.id}", on_select="rerun",
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
    changes: Any = model.changes(scenario.active)  # of either kind of model, for the same model
    names = [node.node for node in answer.moved]
    nodes = model.places(names, changes)
    show_arrows(held, model, names, nodes, model.codes_of(nodes, changes), "moved_map")
    st.caption("Principal components of the codes before the edits; arrows lead to the codes after them.")


def show_arrows(
    held: results.Opened, model: answers.Model, names: list[str], nodes: Any, after: Any, key: str
) -> None:
    """Draw the map of the run with arrows to new codes."""
    where = KEPT.get((held.id, "map of all edges"), lambda: linear_map.pca(model.z_mean, 2))
    charts.show(
        answer_figures.arrows(where, names, nodes, after, results.shown_nodes(held.id), held.noun), key=key, height=460,
        alt=f"Map of all {held.noun}s with arrows for the {len(names)} codes that moved most.",
    )  # fmt: skip


def worked_out(held: results.Opened, scenario: Scenario, what: str, ask: Callable[[around.Progress], T]) -> T:
    """Return what takes a while, with a bar while it is worked out; any click elsewhere cancels it."""

    def make() -> T:
        bar = st.progress(0.0, text="Starting…")

        def tell(share: float, text: str) -> None:
            bar.progress(share, text=text)  # a new click ends the script here

        try:
            return ask(tell)
        finally:
            bar.empty()

    return KEPT.get((held.id, asking.digest(scenario), what), make)


def show_effects(key: str, title: str, effects: why.Effects) -> None:
    """Draw the largest effects as bars, and say what was not tried."""
    if not effects.found:
        return
    st.markdown(f"**{title}**")
    charts.show(
        answer_figures.bars(effects, "What it adds to the logit"), key=f"why_{key}",
        height=120 + 24 * min(len(effects.found), answer_figures.BARS), alt=f"Bars of the largest effects: {title}.",
    )  # fmt: skip
    if effects.n_left:
        st.caption(f"{effects.n_left:,} more were not tried: {why.LEFT[key]}")


def show_why(held: results.Opened, model: WhatIf, scenario: Scenario, pair: tuple[int, int]) -> None:
    """Draw what speaks for a pair and what against it."""
    changes = model.changes(scenario.active)
    for kind, title, ask in why.REASONS:
        effects = worked_out(held, scenario, f"why {kind}", functools.partial(ask, model, changes, pair))
        show_effects(kind, title, effects)
    parts = why.score_parts(model, changes, pair)
    if len(parts) > 1:
        st.markdown("**The parts of the stacked score**")
        titles = {"offset": "Offset", "network": "Network", "calibration": "Calibration"} | {
            part.name: scores.title(part.name) for part in parts[2:]
        }
        charts.show(
            answer_figures.waterfall(parts, titles), key="waterfall", alt="Parts of the stacked logit."
        )


def show_why_entry(held: results.Opened, model: RowsWhatIf, scenario: Scenario) -> None:
    """Draw what each entry of the watched row does to the watched column."""
    changes = model.changes(scenario.active)
    named_row, named_column = scenario.pair or ("", "")
    row, column = model.names.find(named_row, changes.new), model.columns.find(named_column)
    effects = worked_out(
        held, scenario, "why entries", functools.partial(leave_out_entries, model, changes, row, column)
    )
    show_effects("entries", "Each entry of the row cleared", effects)


def show_takes(held: results.Opened, model: WhatIf, scenario: Scenario, pair: tuple[int, int]) -> None:
    """Draw the smallest sets of edges found that move the pair across the threshold."""
    chosen = st.session_state.get(f"threshold_{held.id}")
    if chosen is None:
        best = judged.start_threshold(held.id)
        chosen = decisions.EVEN if best is None else best
    low, high, step = crossing.THRESHOLDS
    level = st.slider(
        "Threshold (probability)", low, high, min(max(float(chosen), low), high), step, key=f"takes_{held.id}",
        help="An edge is predicted at or above it; it starts at the one of the Reconstruction page.",
    )  # fmt: skip
    changes = model.changes(scenario.active)
    for add in (False, True):
        st.markdown("**By adding edges**" if add else "**By dropping edges**")

        def search_for(tell: around.Progress, add: bool = add) -> crossing.Search:
            return crossing.what_it_takes(
                model, changes, pair, crossing.logit_at(level), add=add, progress=tell
            )

        search = worked_out(held, scenario, f"takes {add} {level:.2f}", search_for)
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
    run_id: str, model: answers.Model, scenario: Scenario, search: crossing.Search, add: bool
) -> None:
    """Add the edges that were found to the scenario."""
    changes: Any = model.changes(scenario.active)
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
    words = held.family.words
    views = VIEWS | {"links": words.fresh, "nodes": f"Edited {words.node}s"}
    if not held.family.links_nodes:
        del views["takes"], views["retrain"]
    if answer.pair is None:
        views = {key: title for key, title in views.items() if key not in ("why", "takes")}
    return views


def show_answers(held: results.Opened, model: answers.Model, scenario: Scenario, answer: Answer) -> None:
    """Draw what the edits change."""
    st.markdown(answers.headline(answer, held.result.words))
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
    elif view == "retrain" and isinstance(model, WhatIf):
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
    st.markdown(f"**{held.family.words.likeliest} {name}**")
    answers.show_top(answer, held.result.words.end)
