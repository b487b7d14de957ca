"""Differences on the same held-out pairs, and training again on the same split."""

from __future__ import annotations

import streamlit as st

from dashboard.app import frame, state
from dashboard.compare import comparing
from dashboard.compare.comparing import Side, name_of
from dashboard.figures import charts
from dashboard.finished_runs import results
from dashboard.finished_runs.shared import shared
from dashboard.train import live
from vgae_core.errors import StudioError
from vgae_core.runs.views import figures, paired_runs


@shared
def _paired(first: str, second: str) -> paired_runs.Paired:
    return paired_runs.paired(results.load(first), results.load(second))


def paired(first: Side, second: Side) -> paired_runs.Paired:
    """Return how the second run differs from the first on the same held-out pairs."""
    return _paired(first.id, second.id)


def submit_again(base: Side, other: Side) -> str:
    """Queue the settings of a run once more, on the split of another of the same data, and return the new run's id."""
    run = state.store().open_run(other.id)
    new = state.engine().submit(
        run.spec,
        base.held.graph,
        state.workspace(),
        newcomer=state.is_newcomer(),
        split=base.held.result.split,
    )
    name = f"{other.info.title}, on the split of {base.info.title}"
    state.store().annotate(new, state.workspace(), name=name[:80])
    return new


def show(sides: list[Side]) -> None:
    """Draw how each run differs from the first on the same held-out pairs."""
    st.subheader("On the same held-out pairs", anchor=False)
    base, others = sides[0], sides[1:]
    st.markdown(f"Compared with {name_of(1, base)}:")
    found = [paired(base, side) for side in others]
    for place, (side, one) in enumerate(zip(others, found, strict=True), 2):
        said = paired_runs.verdict(one)
        sizes = f" ({one.n_edges:,} + {one.n_others:,} pairs)" if said else ""
        st.markdown(f"- {name_of(place, side)} {charts.plain(said) or 'is not compared'}{sizes}")
        if one.caution:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(f":material/warning: {charts.message(one.caution)}", width="stretch")
                if one.retrain:
                    st.button(
                        "Retrain on the same split", key=f"retrain_{place}", icon=":material/replay:",
                        help="Trains the settings of this run again, with the held-out pairs of the first.",
                        on_click=retrain, args=(place - 1,),
                    )  # fmt: skip
    if error := st.session_state.pop("retrain_error", None):
        frame.report(error)
    if any(one.scores for one in found):
        if len(others) > 1:
            charts.show(
                figures.forest([side.info.title for side in others], found, charts.palette()),
                key="forest", height=120 + 44 * len(others),
                alt="Differences of scores with their intervals; the sentences above say the same.",
            )  # fmt: skip
        st.caption(paired_runs.explained(len(others)))


def retrain(place: int) -> None:
    """Train a run again on the split of the first and compare that one instead; a callback."""
    sides, _ = comparing.opened(comparing.named())
    try:
        new = submit_again(sides[0], sides[place])
    except StudioError as error:
        st.session_state["retrain_error"] = error
        return
    st.session_state["compare_waits"] = (
        new,
        [new if i == place else side.id for i, side in enumerate(sides)],
    )


@frame.fragment(run_every=live.CURVES_SECONDS)
def wait_for_retrained() -> None:
    """Say how far the run is that is trained again, and put it in the place of the other once it has ended."""
    new, ids = st.session_state["compare_waits"]
    run = state.store().open_run(new)
    if not run.info.active:
        del st.session_state["compare_waits"]
        if run.has_result:
            comparing.set_runs(ids)
        st.rerun()
    state.engine().look_at(new)
    st.info(
        f"{charts.plain(run.info.title, 100)}: {live.STATUS[run.info.status][0].lower()}. It takes its place in this "
        "comparison as soon as it has ended.",
        icon=":material/progress_activity:",
    )
