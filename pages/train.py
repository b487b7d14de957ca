"""Start a run and watch it learn; leaving the page neither stops nor loses it."""

import streamlit as st

from dashboard.app import frame, state
from dashboard.figures import charts
from dashboard.finished_runs import judged, scores
from dashboard.train import live
from vgae_core.catalogue.families import FAMILIES
from vgae_core.data.split_checks import check_split
from vgae_core.errors import StudioError
from vgae_core.runs.store.resuming import can_continue, left
from vgae_core.runs.store.stored_run import StoredRun
from vgae_core.settings.fields import settings_of
from vgae_core.settings.training import TrainingSpec
from vgae_core.training.progress import by_output, curves, progress

frame.require_router("train")


# ----------------------------------------------------------------------------- controls
def start(run: StoredRun | None = None) -> None:
    """Queue a run, of the settings and data at hand or again those of `run`, and make it the one at hand.

    Where a recipe is to be chosen it is a sweep, which the Sweep page shows. A callback: it runs before the page is
    drawn, so the page need not be drawn twice.
    """
    try:
        spec, graph = (state.spec(), state.graph()) if run is None else (run.spec, run.graph())
        check_split(graph, spec)
        if spec.recipe == "auto":
            st.session_state["recipes_sweep"] = st.session_state["recipes_started"] = (
                state.sweeps().try_recipes(spec, graph, state.workspace(), newcomer=state.is_newcomer())
            )
            return
        run_id = state.engine().submit(spec, graph, state.workspace(), newcomer=state.is_newcomer())
        state.select_run(run_id)
    except StudioError as error:
        st.session_state["start_error"] = error


def go_on(run: StoredRun, more_epochs: int = 0) -> None:
    """Queue a run that goes on with another from its checkpoint, and make it the one at hand; a callback."""
    try:
        run_id = state.engine().go_on(
            run, state.workspace(), more_epochs=more_epochs, newcomer=state.is_newcomer()
        )
        state.select_run(run_id)
    except StudioError as error:
        st.session_state["start_error"] = error


def offer_more(run: StoredRun) -> None:
    """Offer to go on with a run that has ended: to its end where it was interrupted, else for more epochs."""
    if not can_continue(run):
        return
    rest = left(run)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        if rest:
            st.button(
                f"Resume (at most {rest:,} epochs left)",
                icon=":material/resume:",
                key="resume",
                help="A new run that continues from the last checkpoint, with the numbers of a run that was not "
                "interrupted.",
                on_click=go_on,
                args=(run,),
            )
            return
        setting = next(s for s in settings_of(TrainingSpec) if s.name == "epochs")
        more = st.number_input(
            "More epochs",
            1,
            int(setting.high or 1),
            50,
            step=int(setting.step or 1),
            key="more_epochs",
            width=160,
        )
        st.button(
            "Train further",
            icon=":material/resume:",
            key="further",
            help="A new run that continues where this one ended, with the same data, split and settings.",
            on_click=go_on,
            args=(run, int(more)),
        )


def expect_start(run: StoredRun | None) -> None:
    """Let the worker prepare the run that Start would begin, unless that is the run at hand once more."""
    graph, spec = state.graph(), state.spec()
    if graph is not None and (run is None or not (run.info.active or run.spec == spec)):
        state.engine().prepare(spec, graph)


def controls(run: StoredRun | None) -> None:
    """Draw what the visitor can do now."""
    mine = run is not None and state.store().owns(state.workspace(), run.id)
    active = run is not None and run.info.active
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        automatic = state.spec().recipe == "auto"
        st.button(
            "Try the recipes" if automatic else "Start training",
            type="secondary" if run is not None and run.has_result else "primary",
            icon=":material/play_arrow:",
            key="start",
            disabled=(active and mine) or state.graph() is None,
            help="Trains each recipe that fits the data loaded now, then the best of them once more."
            if automatic
            else "Trains on the data loaded now with the settings of the Model page.",
            on_click=start,
        )
        if active and mine:
            asked = state.engine().is_cancelling(run.id)
            if st.button(
                "Cancelling …" if asked else "Cancel",
                icon=":material/close:",
                key="cancel",
                disabled=asked,
                help="Stops after the current epoch. The best weights so far are evaluated and kept.",
            ):
                state.engine().cancel(run.id)
                st.rerun()
        st.page_link("pages/model.py", label="Change settings", icon=":material/tune:")
    if error := st.session_state.pop("start_error", None):
        frame.report(error)
    if not active and (graph := state.graph()) is not None:
        if run is not None and run.info.fingerprint != graph.fingerprint:
            st.caption(
                f":material/info: A new run trains on **{charts.plain(graph.name, 60)}**, the data loaded now; the run "
                "below was trained on other data."
            )
        line, warning = live.cost_lines(state.spec(), graph.profile, pace=state.pace(state.spec()))
        if line:
            st.caption(line)
        if warning:
            st.warning(charts.message(warning), icon=":material/memory:")
    if state.engine().state == "starting" and not active:
        warming_up()
    elif state.engine().state == "failed":
        st.warning(charts.message(state.engine().problem), icon=":material/cloud_off:")


@frame.fragment(run_every=live.CURVES_SECONDS)
def warming_up() -> None:
    """Say that the worker is not there yet, until it is."""
    if state.engine().state != "starting":
        st.rerun()
    st.caption("The worker is warming up; a run started now begins as soon as it is ready.")


# ------------------------------------------------------------------------------ a run
def name_run(run: StoredRun) -> None:
    """Draw the line that says which run this is."""
    status, icon = live.STATUS[run.info.status]
    st.markdown(
        f"{icon} **{status}** · **{charts.plain(run.info.title, 80)}** · {live.settings_line(run.info)}"
    )
    part = state.sweep_parts([run.id]).get(run.id)
    if part is not None:
        st.page_link(
            "pages/sweep.py",
            label=f"{part.title} of a sweep",
            icon=":material/tune:",
            query_params={"sweep": part.sweep},
        )


def failed(run: StoredRun) -> None:
    """Say why a run ended without a result, and offer to run it again."""
    info = run.info
    titles = {"failed": "This run failed", "lost": "This run was lost", "cancelled": "This run was cancelled"}
    kind = st.error if info.status in ("failed", "lost") else st.info
    kind(
        charts.message(info.message) or "It ended before there was anything to keep.",
        title=titles[info.status],
    )
    st.button(
        "Run again",
        icon=":material/replay:",
        key="again",
        help="The same settings and data once more.",
        on_click=start,
        args=(run,),
    )
    offer_more(run)


def outcome(run: StoredRun) -> None:
    """Draw the headline scores beside the best baseline, and where to look next."""
    result, found = run.result(), judged.comparison(run.id)
    test = result.metrics["test"]
    baseline = result.metrics["baselines"].get(found.name, {}) if found.name else {}
    rival = charts.plain(scores.title(found.name), 60) if found.name else ""
    words = result.words
    too_few = scores.too_few(words, len(result.split.test))
    trial = result.is_trial
    if trial:
        st.info(
            f"A trial of a sweep: these scores, and those on other pages, are of its validation {words.many}. Only the "
            "point that a sweep chooses is scored on test pairs.",
            icon=":material/tune:",
        )
    part = "Validation" if trial else "Test"
    margin = found.margin < 1
    labels, features = (result.metrics.get(name) for name in ("labels", "features"))
    with st.grid(3 + bool(labels) + bool(features), min_column_width=270):
        for key, label in {
            "roc_auc": f"{part} AUC",
            "average_precision": f"{part} average precision",
        }.items():
            other = None if too_few else baseline.get(key)
            st.metric(
                label,
                f"{test[key]:.3f}",
                None if other is None else f"{test[key] - other:+.3f}",
                delta_description=None if other is None else f"against {rival} ({other:.3f})",
                help=f"Of held-out {words.many}"
                + (", by which the epoch was chosen." if trial else ", scored once.")
                + (
                    f" Another split may move it by {found.margin:.3f}."
                    if key == "roc_auc" and margin
                    else ""
                ),
                border=True,
                height="stretch",
            )
        if labels:
            ahead = labels["accuracy"] - labels["majority_accuracy"]
            st.metric(
                "Label accuracy",
                f"{labels['accuracy']:.1%}",
                f"{ahead:+.1%}",
                delta_description=f"against the commonest label ({labels['majority_accuracy']:.1%})",
                help=f"Of {labels['n_test']:,} nodes whose labels were held out. Macro F1: {labels['macro_f1']:.3f}.",
                border=True,
                height="stretch",
            )
        if features:
            less = features["mean_error"] - features["column_mean_error"]
            st.metric(
                "Loss per value",
                f"{features['mean_error']:.4f}",
                f"{less:+.4f}",
                delta_description=f"against the column means ({features['column_mean_error']:.4f})",
                delta_color="inverse",
                help="Of the features or the matrix, on average, in nats or squared units; lower is better.",
                border=True,
                height="stretch",
            )
        ended = {"completed": "all done", "early_stopped": "stopped early", "cancelled": "cancelled"}
        st.metric(
            f"{result.spec.training.keep.capitalize()} epoch",
            f"{result.finished.best_epoch:,}",
            f"of {progress(run.events()).epoch:,}",
            delta_description=ended.get(result.finished.reason, ""),
            delta_color="off",
            delta_arrow="off",
            help=f"The weights of this epoch are kept. Training took {live.duration(result.finished.seconds)}.",
            border=True,
            height="stretch",
        )
    if too_few:
        st.caption(f":material/info: {too_few}.")
    if not trial and (before := previous(run)) is not None and not before.result().is_trial:
        say_difference(before, run)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        query = {"run": run.id}
        label = f"See {result.words.proposed.lower()}"
        if st.button(label, type="primary", icon=":material/join_inner:", key="see_predicted"):
            st.switch_page("pages/reconstruction.py", query_params=query)
        st.page_link(
            "pages/latent_space.py", label="Latent space", icon=":material/scatter_plot:", query_params=query
        )


def say_difference(before: StoredRun, run: StoredRun) -> None:
    """Say how the scores differ from those of the run before on the same data, with the way to all differences."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        text = live.difference_text(before.metrics(), run.metrics())
        same = (before.spec.split, before.spec.seed) == (run.spec.split, run.spec.seed)
        where = "" if same else ", on other held-out pairs"
        st.caption(
            f":material/history: Against {charts.plain(before.info.title, 60)}, the grey line: {text}{where}.",
            width="content",
        )
        st.page_link(
            "pages/compare.py", label="Compare", icon=":material/compare_arrows:",
            query_params={"runs": f"{before.id},{run.id}"},
        )  # fmt: skip


def choose_scale() -> live.Scale:
    return st.segmented_control(
        "Scale of the losses", ["linear", "log"], default="linear", required=True, key="loss_scale",
        persist_state="session", format_func=str.capitalize,
    )  # fmt: skip


def previous(run: StoredRun) -> StoredRun | None:
    """Return the visitor's last run before this one on the same data, if it was trained."""
    store, info = state.store(), run.info
    for other in store.list_runs(state.workspace()):
        if other.fingerprint == info.fingerprint and other.created < info.created and not other.problem:
            before = store.open_run(other.id)
            if before.has_result:
                return before
    return None


def show_curves(run: StoredRun) -> None:
    """Draw the loss, the validation scores and everything each output logs, beside the run before."""
    events = run.events()
    before = previous(run)
    grey = None if before is None else live.comparable(before.spec, curves(before.history()), run.spec)
    at, thin = progress(events), curves(run.history())
    if not len(thin.epochs):
        if run.info.active:  # the room that the curves will take
            st.skeleton(height=charts.HEIGHT)
        return
    if thin.val:
        charts.show(
            live.validation_figure(thin, at, grey), key="curve_validation", height=charts.HEIGHT,
            alt=f"Validation scores over {at.epoch} epochs; a table of them stands below.",
        )  # fmt: skip
    if at.best is not None:
        star = "The epoch that is kept" if run.has_result else "The best epoch"
        star += " so far" if run.info.active else ""
        st.caption(
            f":material/star: {star}." + (" Grey: your run before this one on the same data." if grey else "")
        )
    scale = choose_scale()
    figures = [("loss", live.total_figure(thin, at, scale, grey))]
    outputs = [output.name for output in run.spec.active_outputs]
    node = FAMILIES[run.spec.model.family].words.node
    for output, members in by_output(list(thin.logs), outputs).items():
        if output:
            drawn = live.output_figures(output, members, thin, at, scale, grey, node=node)
            figures += [(f"{output}_{rank}", figure) for rank, figure in enumerate(drawn)]
    with st.grid(2 if len(figures) == 4 else 3, min_column_width=380):
        for name, figure in figures:
            with st.container():
                charts.show(
                    figure, key=f"curve_{name}", height=270,
                    alt=f"{figure.layout.title.text} over {at.epoch} epochs; a table of it stands below.",
                )  # fmt: skip
    with st.expander("The numbers"):
        st.dataframe(live.numbers(thin), hide_index=True, width="stretch", key="numbers")


def show_end(run: StoredRun) -> None:
    """Draw how a run ended and what it brought."""
    if not run.has_result:
        failed(run)
        return
    if run.info.status == "failed":
        failed(run)
    elif run.info.status == "cancelled":
        st.info(
            charts.message(run.info.message) or "Results up to the cancellation are shown below.",
            title="This run was cancelled",
        )
    outcome(run)
    if run.info.status != "failed":  # which offers it above
        offer_more(run)


def show_work(run: StoredRun) -> None:
    """Draw how far a run is."""
    state.engine().look_at(run.id)
    ahead = state.engine().runs_ahead(run.id)
    if run.info.status == "queued":
        st.progress(0.0, text=live.queue_text(ahead))
    else:
        at = progress(run.events())
        patience = run.spec.training.patience if run.spec.training.keep == "best" else 0
        st.progress(at.fraction, text=live.bar_text(at, patience) or "Sending the data to the worker")
        if text := live.pace_text(at, state.pace(run.spec)):
            st.caption(text)
    frame.trouble()


def show(run: StoredRun) -> None:
    """Draw a run; while it works its progress and its curves run again by themselves."""
    working = run.info.active

    @frame.fragment(run_every=live.PROGRESS_SECONDS if working else None)
    def head() -> None:
        if working and not run.info.active:
            st.rerun()  # once, for the controls
        name_run(run)
        if not working:
            show_end(run)
            return
        show_work(run)

    @frame.fragment(run_every=live.CURVES_SECONDS if working else None)
    def body() -> None:
        show_curves(run)

    head()
    body()


frame.header(
    "Train", "Start a run and watch it learn. Training continues when you switch pages.", of_run=True
)
with frame.guard():
    if (sweep_id := st.session_state.pop("recipes_started", "")) != "":
        st.switch_page("pages/sweep.py", query_params={"sweep": sweep_id})
    at_hand = state.current_run()
    expect_start(at_hand)
    controls(at_hand)
    if at_hand is None:
        st.info(
            "The run that starts here trains on the data named above, with the settings of the Model page. "
            "Curves appear here, results on the pages after it.",
            title="Nothing has been trained yet",
            icon=":material/info:",
        )
    else:
        show(at_hand)
