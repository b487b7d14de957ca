"""A sweep while it works and after: its choice, its trials and their pictures."""

from __future__ import annotations

import streamlit as st

from dashboard.app import frame, state
from dashboard.figures import charts
from dashboard.train import live
from vgae_core.runs.store.stored_run import StoredRun
from vgae_core.runs.sweeps import figures
from vgae_core.runs.sweeps.catalogue import SweepInfo, TrialInfo
from vgae_core.runs.sweeps.choice import STATES, in_words, optimism_of, table, titles, varied
from vgae_core.runs.sweeps.report import courses_of, sweep_report, swept
from vgae_core.runs.sweeps.study import Study
from vgae_core.settings.space import RECIPE, objective
from vgae_core.training.progress import progress

PARAMETER = "sweep"
"""Of the page's address: the id of the sweep that is shown. Whoever has it may look, and only its owner change it."""

STATUS = {
    "running": ("At work", ":material/progress_activity:"),
    "paused": ("Paused", ":material/pause_circle:"),
    "finished": ("Finished", ":material/check_circle:"),
    "cancelled": ("Cancelled", ":material/cancel:"),
}
TESTED = {"roc_auc": "Test AUC", "average_precision": "Test average precision"}


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
    if not state.sweeps().is_refitted(info):
        if info.refit is not None:
            ended = state.store().info(info.refit)
            st.warning(charts.message(ended.message), title="The chosen point could not be trained again")
        front = state.sweeps().study(info).front()
        if info.active or not front or info.workspace != state.workspace():
            return
        said = (
            f"**Trial {front[0]} is the best.** Trained"
            if len(front) == 1
            else f"**Choose one of the {len(front)} points that no other beats.** It is trained"
        )
        st.markdown(f"{said} again, it is scored on the test pairs once.")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            number = st.selectbox("Trial", front, key="sweep_choice", width=160)
            if st.button("Score on the test pairs", icon=":material/verified:", key="sweep_refit"):
                state.sweeps().refit(info.id, state.workspace(), number, newcomer=state.is_newcomer())
                st.rerun()
        return
    chosen = next((trial for trial in trials if trial.number == info.chosen), None)
    refit = state.store().find(str(info.refit))
    if refit is None:
        st.caption("The chosen point was trained again; its run has been deleted.")
        return
    if chosen is None:
        return
    settings = charts.plain(in_words(chosen.point, titles(info.spec)))
    st.markdown(f"**Chosen on validation pairs: trial {chosen.number}** · {settings}")
    if refit.info.active:
        at = progress(refit.events())
        st.progress(at.fraction, text=f"Training the chosen point again · {live.bar_text(at) or 'waiting'}")
        return
    follow(info, refit)
    test, val = refit.metrics()["test"], refit.metrics()["val"]
    with st.grid(min_column_width=240):
        for key, label in TESTED.items():
            st.metric(
                label,
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


def follow(info: SweepInfo, refit: StoredRun) -> None:
    """Make the chosen run the one at hand, once, for a visitor who asked for the recipes on the Train page."""
    if st.session_state.get("recipes_sweep") == info.id:
        del st.session_state["recipes_sweep"]
        state.select_run(refit.id)


def trial_table(info: SweepInfo, trials: list[TrialInfo]) -> None:
    """Draw filters, the trials that pass them, and their coordinates."""
    whole, keys = table(info, trials), varied(info, trials)
    shown = whole
    with st.container(horizontal=True, gap="small"):
        states = st.pills(
            "Trials",
            list(STATES),
            format_func=lambda name: STATES[name],
            selection_mode="multi",
            default=list(STATES),
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
            figures.parallel(shown, info, keys, charts.seen()),
            key="sweep_parallel",
            alt=f"Settings and scores of {complete} trials as parallel coordinates; the table below has the same.",
        )
    first_runs = {trial.number: f"train?run={trial.runs[0]}" for trial in trials if trial.runs}
    texts = shown.assign(
        **{key: shown[key].map(charts.visible) for key in keys if not figures.is_number(shown[key])},
        message=shown["message"].map(charts.visible),
        state=shown["state"].map(STATES),
        run=shown["trial"].map(first_runs),
    )
    if not any(texts["message"]):
        texts = texts.drop(columns="message")
    st.dataframe(
        texts,
        hide_index=True,
        placeholder="–",
        width="stretch",
        height="content" if len(texts) < 12 else 420,
        key="sweep_table",
        column_config={
            **{key: st.column_config.Column(name) for key, name in titles(info.spec).items()},
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


def pictures(info: SweepInfo, trials: list[TrialInfo], study: Study) -> None:
    """Draw each setting against the score, the importance of settings, and the front of two objectives."""
    whole, keys = table(info, trials), varied(info, trials)
    if (whole["state"] == "complete").sum() < 2:
        return
    names = info.space.objectives
    drawn = [
        (
            f"front_{other}",
            figures.front(whole, info, study.front(), (names[0], other), charts.palette()),
            "Two objectives",
        )
        for other in names[1:]
    ]
    drawn += [
        (key, figures.against(whole, info, key, info.chosen, charts.palette()), f"{key} against the score")
        for key in keys[:6]
    ]
    shares = study.importance()
    if len(shares) > 1:
        drawn.append(
            ("importance", figures.importance(shares, info, charts.palette()), "Importance of each setting")
        )
    with st.grid(min_column_width=340):
        for name, figure, alt in drawn:
            with st.container():
                charts.show(
                    figure, key=f"sweep_{name}", height=290, alt=f"{alt}; the table above has the numbers."
                )


def courses(info: SweepInfo, trials: list[TrialInfo], study: Study) -> None:
    """Draw how the trials learn: validation scores over their epochs, which grow while they train."""
    best = study.best()
    found = courses_of(state.store(), trials, best)
    if any(course.history for course in found):
        charts.show(
            figures.courses(found, info, best, charts.palette()),
            key="sweep_courses",
            height=300,
            alt="Validation AUC + AP of each trial over its epochs.",
        )


def downloads(info: SweepInfo) -> None:
    """Draw the button that downloads the report."""
    frame.downloads(
        [
            frame.File(
                "sweep_report",
                "Report, HTML",
                f"vgae-sweep-{info.id}.html",
                "text/html",
                lambda: sweep_report(swept(state.store(), info.id)).encode(),
                "One file that opens without a network: what varied, every trial, pictures, and the chosen run.",
            )
        ]
    )


def title(info: SweepInfo) -> str:
    """Return what a sweep is called in a list."""
    what = (
        "recipes" if [one.key for one in info.space.vary] == [RECIPE] else f"{len(info.space.vary)} settings"
    )
    return f"{STATUS[info.status][0]} · {charts.visible(info.dataset, 40)} · {what}"


def at_work(info: SweepInfo, trials: list[TrialInfo]) -> tuple[float, str]:
    """Return how much of a sweep is done, and what it is at."""
    done = sum(trial.state != "running" for trial in trials)
    share, parts = float(done), []
    for trial in trials:
        for run_id in trial.runs if trial.state == "running" else ():
            run = state.store().open_run(run_id)
            at = progress(run.events())
            if run.info.active and at.epoch:
                share += at.fraction / max(info.space.seeds, 1)
                parts.append(f"trial {trial.number}: epoch {at.epoch:,} of at most {at.epochs:,}")
    return min(1.0, share / info.space.trials), " · ".join(parts) or "Waiting for a worker"


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
            share, text = at_work(now, trials)
            st.progress(share, text=text)
        choice(now, trials)
        if trials:
            study = state.sweeps().study(now)
            courses(now, trials, study)
            trial_table(now, trials)
            pictures(now, trials, study)
            if not working:
                downloads(now)

    if info.workspace == state.workspace():
        controls(info)
    body()
