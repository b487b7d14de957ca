"""Vary settings, train the variants, and choose among them by validation pairs."""

import dataclasses

import streamlit as st

from dashboard.app import frame, state
from dashboard.sweep import sweep_form, sweep_view
from dashboard.train import live
from vgae_core.errors import RunError, SpecError, StudioError
from vgae_core.host.limits import SERVER_LIMITS
from vgae_core.settings import RunSpec
from vgae_core.settings.space import MAX_JSON, Space

frame.require_router("sweep")


def own_settings() -> RunSpec:
    """Return the specification at hand with settings of its own, which vary."""
    return dataclasses.replace(state.spec(), recipe="own")


def start(space: Space) -> None:
    """Begin a sweep of the specification and data at hand; a callback."""
    graph = state.graph()
    if graph is None:
        return
    try:
        st.query_params[sweep_view.PARAMETER] = state.sweeps().start(
            own_settings(), graph, space, state.workspace(), newcomer=state.is_newcomer()
        )
    except StudioError as error:
        st.session_state["sweep_error"] = error


def new_sweep() -> None:
    """Draw the form and what it would start."""
    if state.graph() is None:
        frame.empty("No data yet", "A sweep varies a run on your data.", "Load data", "data")
        return
    if (error := st.session_state.pop("sweep_error", None)) is not None:
        frame.report(error)
    try:
        space = sweep_form.form(own_settings())
    except SpecError as error:
        frame.report(error)
        return
    n_runs = space.trials * space.seeds
    st.caption(
        f"At most {space.trials} points, {n_runs} run{'s' * (n_runs > 1)}, {space.minutes:g} minutes; this server "
        f"allows {SERVER_LIMITS.sweep_runs} runs and {SERVER_LIMITS.sweep_minutes} minutes. All are scored on the same "
        "validation pairs. The test pairs choose nothing: they score the chosen point once."
    )
    st.button(
        "Start sweep",
        type="primary",
        icon=":material/play_arrow:",
        key="sweep_start",
        on_click=start,
        args=(space,),
    )
    with st.expander("On the command line", key="sweep_command"):
        st.code(sweep_form.command(own_settings(), space), language="bash")
        frame.downloads(
            [
                frame.File(
                    "sweep_space",
                    "space.json",
                    "space.json",
                    "application/json",
                    lambda: space.to_json().encode(),
                ),
                frame.File(
                    "sweep_spec",
                    "spec.json",
                    "spec.json",
                    "application/json",
                    lambda: sweep_form.as_json(own_settings()),
                ),
            ]
        )
        st.caption(f"`--schema` prints the JSON schema of space.json (at most {MAX_JSON:,} characters).")


def at_hand(own: list[str]) -> str | None:
    """Return the sweep that the address names, else the visitor's latest, and let the address name it."""
    named = str(st.query_params.get(sweep_view.PARAMETER, ""))
    if named and named not in own:
        try:
            return state.sweeps().catalogue.info(named).id  # of another visitor, opened by its link
        except RunError as error:
            frame.report(error)
            named = ""
    found = named or (own[0] if own else None)
    if found is None:
        st.query_params.pop(sweep_view.PARAMETER, None)
    elif st.query_params.get(sweep_view.PARAMETER) != found:
        st.query_params[sweep_view.PARAMETER] = found
    return found


def choose(known: dict[str, str], shown: str) -> None:
    """Draw the choice among the visitor's sweeps."""
    key = f"sweep_shown_{shown}"

    def take() -> None:
        st.query_params[sweep_view.PARAMETER] = st.session_state[key]

    names = list(known) if shown in known else [shown, *known]
    st.selectbox(
        "Sweep",
        names,
        index=names.index(shown),
        key=key,
        on_change=take,
        format_func=lambda sweep_id: known.get(sweep_id, "Opened by its link"),
    )


frame.header("Sweep", "Vary settings of the Model page, and keep the best by validation.")
with frame.guard():
    infos = state.sweeps().catalogue.of_workspace(state.workspace())
    form_key = f"sweep_new_{len(infos)}"  # it folds once the sweep has begun
    shown = at_hand([info.id for info in infos])
    with st.expander("New sweep", expanded=shown is None, key=form_key), frame.guard():
        new_sweep()
    if shown is not None:
        titles = {info.id: f"{sweep_view.title(info)} · {live.since(info.created)}" for info in infos}
        if len(titles) > 1 or shown not in titles:
            choose(titles, shown)
        sweep_view.show(shown)
