"""Ask a finished run what edits of the graph would change, and why a pair has its score."""

import streamlit as st

from dashboard.app import frame
from dashboard.finished_runs import asking, results, run_view, scenarios
from dashboard.what_if import answers, asked_edits, asked_views, edit_form
from dashboard.widgets import pick
from vgae_core.errors import StudioError
from vgae_core.what_if.answer import Answer
from vgae_core.what_if.scenario import Scenario

frame.require_router("what_if")


# ---------------------------------------------------------------------------- watching
def choose_pair(held: results.Opened, model: answers.Model) -> None:
    """Draw the choice of what is watched."""
    at = scenarios.desk(held.id)
    names = asked_edits.names_of(held, at.scenario)
    others = names if held.family.links_nodes else results.column_names(held.id)
    first, second = at.scenario.pair or ("", "")
    first_label, second_label = held.family.words.watch
    with st.container(horizontal=True, vertical_alignment="bottom"):
        source = pick.name(first_label, names, f"watch_source_{at.version}", value=first or None)
        target = pick.name(
            second_label, others, f"watch_target_{at.version}", value=second or None, placeholder="None"
        )
    scenarios.watch(held.id, (source, target or "") if source else None)


def first_pair(held: results.Opened, model: answers.Model) -> None:
    """Watch the node with most edges and its likeliest new link, where a visitor comes without a pair."""
    at = scenarios.desk(held.id)
    if at.scenario.pair is None and not at.scenario.edits and not at.before:
        name = model.name(model.busiest)
        best = asking.answered(held.id, Scenario(pair=(name, ""))).top_after
        scenarios.watch(held.id, (name, best[0].node if best else ""))


frame.header(
    "What if", "Edit the data and see what the model would say: before, after, and why.", of_run=True
)
with frame.guard():
    held = run_view.opened()
    if held is not None:
        run_view.name_run(held)
        if not asking.too_large(held.graph.n_nodes, "whatif RUN --edits E.json"):
            problem = scenarios.open_link(held.id)
            if problem is not None:
                frame.report(problem)
            model = asking.any_model(held.id)
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
                asked_edits.show_edits(held, model)
                asked_edits.quick_edits(held, model, answer)
                selection = scenarios.desk(held.id).selection
                if selection:
                    st.caption(
                        f":material/select_all: {len(selection):,} nodes selected on the map are at hand: link them "
                        "to a node, or to a new one."
                    )
                with st.expander("Another edit", expanded=bool(selection)):
                    edit_form.draw(
                        held.id, asked_edits.kinds_for(held), asked_edits.names_of(held, scenario),
                        [model.columns[i] for i in range(len(model.columns))], model.latent_dim, model.changes,
                    )  # fmt: skip
                    asked_edits.say_missing_kinds(held)
                asked_edits.show_keeping(held)
            with right:
                if answer is not None:
                    asked_views.show_answers(held, model, scenario, answer)
