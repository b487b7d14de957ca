"""Vary settings, train the variants, and choose among them by validation pairs."""

import streamlit as st

from dashboard import charts, frame, live, state, sweep_charts, sweep_form
from vgae_core.data.limits import SERVER_LIMITS
from vgae_core.errors import SpecError, StudioError
from vgae_core.runs.sweeps.catalogue import SweepInfo, TrialInfo
from vgae_core.runs.sweeps.choice import optimism_of, table, varied
from vgae_core.settings.space import MAX_JSON, Space, objective

frame.require_router("sweep")

STATUS = {
    "running": ("At work", ":material/progress_activity:"),
    "paused": ("Paused", ":material/pause_circle:"),
    "finished": ("Finished", ":material/check_circle:"),
    "cancelled": ("Cancelled", ":material/cancel:"),
}


# ----------------------------------------------------------------------------- a new one
def start(space: Space) -> None:
    """Begin a sweep of the specification and data at hand; a callback."""
    graph = state.graph()
    if graph is None:
        return
    try:
        st.session_state["sweep_shown"] = state.sweeps().start(
            state.spec(), graph, space, state.workspace(), newcomer=state.is_newcomer()
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
        space = sweep_form.form(state.spec())
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
    with st.expander("On the command line", icon=":material/terminal:", key="sweep_command"):
        st.code(sweep_form.command(state.spec(), space), language="bash")
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
                    lambda: sweep_form.as_json(state.spec()),
                ),
            ]
        )
        st.caption(f"`--schema` prints the JSON schema of space.json (at most {MAX_JSON:,} characters).")


# ------------------------------------------------------------------------------ one sweep
def controls(info: SweepInfo) -> None:
    """Draw what its owner can do with a sweep now."""
    sweeps, mine = state.sweeps(), state.workspace()
    actions = {
        "running": (("Pause", "pause", sweeps.pause), ("Cancel", "close", sweeps.cancel)),
        "paused": (("Resume", "play_arrow", sweeps.resume), ("Cancel", "close", sweeps.cancel)),
    }.get(info.status, (("Delete", "delete", sweeps.delete),))
    with st.container(horizontal=True, gap="small"):
        for name, icon, act in actions:
            if st.button(
                name,
                icon=f":material/{icon}:",
                key=f"sweep_{icon}",
                help="The runs stay on the Runs page." if name == "Delete" else None,
            ):
                act(info.id, mine)
                st.rerun()


def choice(info: SweepInfo, trials: list[TrialInfo]) -> None:
    """Say what was chosen by which pairs, and how far that can be trusted."""
    study = state.sweeps().study(info)
    if info.refit is None:
        front = study.front()
        if info.active or not front:
            return
        st.markdown(
            f"**Choose one of the {len(front)} points that no other beats.** It is trained again, and scored "
            "on the test pairs once."
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            number = st.selectbox("Trial", front, key="sweep_choice", width=160)
            if st.button("Score on the test pairs", icon=":material/verified:", key="sweep_refit"):
                state.sweeps().refit(info.id, state.workspace(), number, newcomer=state.is_newcomer())
                st.rerun()
        return
    chosen = next((trial for trial in trials if trial.number == info.chosen), None)
    refit = state.store().open_run(info.refit)
    if chosen is None:
        return
    settings = ", ".join(f"{key} = {sweep_charts.text(value)}" for key, value in chosen.point.items())
    st.markdown(f"**Chosen by the validation pairs: trial {chosen.number}** · {charts.plain(settings)}")
    status = refit.info.status
    if refit.info.active:
        st.progress(0.0, text="Training the chosen point again, to score it on the test pairs")
        return
    if status != "finished":
        st.warning(charts.message(refit.info.message), title="The chosen point could not be trained again")
        return
    test, val = refit.metrics()["test"], refit.metrics()["val"]
    with st.grid(min_column_width=240):
        for key, label in live.VALIDATION.items():
            st.metric(
                f"Test {label}",
                f"{test[key]:.3f}",
                f"{test[key] - val[key]:+.3f}",
                delta_description=f"against validation ({val[key]:.3f})",
                delta_color="off",
                border=True,
                help="Of the chosen point, trained again. The only time that test pairs were scored.",
            )
        luck = state.kept_of_sweep(info.id, lambda: optimism_of(state.store(), trials))
        if luck is not None:
            st.metric(
                "Optimism of the choice",
                f"{luck.by:.3f}",
                f"AUC + AP {luck.best:.3f}, corrected {luck.corrected:.3f}",
                delta_color="off",
                delta_arrow="off",
                border=True,
                help=f"The best of {luck.n_trials} validation scores is best partly by luck. So much less is "
                "expected of the same choice on validation pairs that had no part in it (bootstrap, "
                "Tsamardinos et al. 2018).",
            )
    st.page_link(
        "pages/train.py", label="Open the run", icon=":material/open_in_new:", query_params={"run": refit.id}
    )


def trial_table(info: SweepInfo, trials: list[TrialInfo]) -> None:
    """Draw filters, the trials that pass them, and their coordinates."""
    whole, keys = table(info, trials), varied(info, trials)
    shown = whole
    with st.container(horizontal=True, gap="small"):
        states = st.pills(
            "Trials",
            list(sweep_charts.STATES),
            format_func=lambda name: sweep_charts.STATES[name],
            selection_mode="multi",
            default=list(sweep_charts.STATES),
            key="sweep_states",
        )
    shown = shown[shown["state"].isin(states)]
    score = objective(info.space.objectives[0], info.spec).title
    scores = whole[score].dropna()
    if len(scores) > 1 and scores.min() < scores.max():
        low, high = float(scores.min()), float(scores.max())
        least, most = st.slider(
            f"{score} within",
            low,
            high,
            (low, high),
            step=(high - low) / 100,
            format="%.4f",
            key=f"sweep_within_{info.id}",
        )
        if (least, most) != (low, high):
            shown = shown[shown[score].between(least, most)]
    complete = (shown["state"] == "complete").sum()
    if complete > 1:
        charts.show(
            sweep_charts.parallel(shown, info, keys),
            key="sweep_parallel",
            alt=f"Settings and scores of {complete} trials as parallel coordinates; the table below has the same.",
        )
    first_runs = {trial.number: f"train?run={trial.runs[0]}" for trial in trials if trial.runs}
    texts = shown.assign(
        **{key: shown[key].map(charts.visible) for key in keys if not sweep_charts.is_number(shown[key])},
        message=shown["message"].map(charts.visible),
        state=shown["state"].map(sweep_charts.STATES),
        run=shown["trial"].map(first_runs),
    )
    st.dataframe(
        texts,
        hide_index=True,
        width="stretch",
        height="content" if len(texts) < 12 else 420,
        key="sweep_table",
        column_config={
            "trial": st.column_config.NumberColumn("Trial", pinned=True),
            "state": st.column_config.TextColumn("State"),
            "seconds": st.column_config.NumberColumn("Seconds", format="%.1f"),
            "message": st.column_config.TextColumn("Message"),
            "run": st.column_config.LinkColumn("Run", display_text="Open", help="Its first seed."),
            **{
                objective(name, info.spec).title: st.column_config.NumberColumn(format="%.4f")
                for name in info.space.objectives
            },
        },
        alt="Each trial with its settings and scores.",
    )


def pictures(info: SweepInfo, trials: list[TrialInfo]) -> None:
    """Draw each setting against the score, the importance of settings, and the front of two objectives."""
    whole, keys = table(info, trials), varied(info, trials)
    if (whole["state"] == "complete").sum() < 2:
        return
    study = state.sweeps().study(info)
    names = info.space.objectives
    figures = [
        (
            f"front_{other}",
            sweep_charts.front(whole, info, study.front(), (names[0], other)),
            "Two objectives",
        )
        for other in names[1:]
    ]
    figures += [
        (key, sweep_charts.against(whole, info, key, info.chosen), f"{key} against the score")
        for key in keys[:6]
    ]
    shares = study.importance()
    if len(shares) > 1:
        figures.append(("importance", sweep_charts.importance(shares), "Importance of each setting"))
    with st.grid(min_column_width=340):
        for name, figure, alt in figures:
            with st.container():
                charts.show(
                    figure, key=f"sweep_{name}", height=290, alt=f"{alt}; the table above has the numbers."
                )


def show(sweep_id: str) -> None:
    """Draw a sweep; while it works it is drawn again by itself."""
    info = state.sweeps().catalogue.info(sweep_id)
    working = info.status == "running" or (
        info.refit is not None and state.store().open_run(info.refit).info.active
    )

    @frame.fragment(run_every=live.CURVES_SECONDS if working else None)
    def body() -> None:
        now = state.sweeps().catalogue.info(sweep_id)
        refit_works = now.refit is not None and state.store().open_run(now.refit).info.active
        if working and now.status != "running" and not refit_works:
            st.rerun()  # once, for the controls
        trials = state.sweeps().catalogue.trials(sweep_id)
        over = sum(trial.state != "running" for trial in trials)
        name, icon = STATUS[now.status]
        st.markdown(
            f"{icon} **{name}** · {charts.plain(now.dataset, 60)} · {over} of at most {now.space.trials} trials · "
            f"{live.duration(now.seconds)} of {now.space.minutes:g} min"
        )
        if now.message:
            st.warning(charts.message(now.message), icon=":material/info:")
        if now.status == "running":
            st.progress(min(1.0, over / now.space.trials), text="Trials are trained as workers are free")
        choice(now, trials)
        if trials:
            trial_table(now, trials)
            pictures(now, trials)

    if info.workspace == state.workspace():
        controls(info)
    body()


frame.header("Sweep", "Vary settings of the Model page, and keep the best by validation.")
with frame.guard():
    known = {info.id: info for info in state.sweeps().catalogue.of_workspace(state.workspace())}
    form_key = f"sweep_new_{len(known)}"  # it folds once the sweep has begun
    with st.expander("New sweep", icon=":material/add:", expanded=not known, key=form_key), frame.guard():
        new_sweep()
    if known:
        if st.session_state.get("sweep_shown") not in known:
            st.session_state["sweep_shown"] = next(iter(known))
        shown = st.selectbox(
            "Sweep",
            list(known),
            key="sweep_shown",
            format_func=lambda sweep_id: (
                f"{STATUS[known[sweep_id].status][0]} · {known[sweep_id].dataset[:40]} · "
                f"{live.since(known[sweep_id].created)}"
            ),
            persist_state="session",
        )
        show(shown)
