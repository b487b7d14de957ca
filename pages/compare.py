"""Runs beside each other: settings, scores, curves, maps and links."""

import streamlit as st

from dashboard.app import frame, state
from dashboard.compare import aligned_maps, comparing, differences, epochs, tables, two_runs
from dashboard.figures import charts
from vgae_core.runs.views import compare

frame.require_router("compare")


def choose() -> list[comparing.Side]:
    """Draw the list of runs that are compared and return them, the one others are compared with first."""
    mine, visited = state.store().list_runs(state.workspace()), state.store().list_visited(state.workspace())
    sides, problems = comparing.opened(comparing.named())
    for problem in problems:
        frame.report(problem)
    known = {info.id: info for info in [*mine, *visited] if info.metrics is not None and not info.problem}
    known |= {side.id: side.info for side in sides}
    if not known:
        return []
    ids = [side.id for side in sides]
    # Chosen runs go by their place in the page's address; the list itself has no memory of its own.
    chosen = st.multiselect(
        "Runs",
        list(known),
        ids,
        format_func=lambda run_id: charts.visible(known[run_id].title, 80),
        max_selections=compare.MOST_RUNS,
        placeholder="Choose at least two runs",
        help="The others are compared with the first.",
        key=f"compared_{','.join(ids)}",
    )
    if chosen != ids:
        comparing.set_runs(chosen)
        st.rerun()
    return sides


frame.header(
    "Compare",
    "Settings, scores, curves, maps and proposed links of several runs. The address of this page is a link to the "
    "comparison.",
)
with frame.guard():
    sides = choose()
    if "compare_waits" in st.session_state:
        differences.wait_for_retrained()
    if len(sides) < 2:
        if not sides and not state.store().list_runs(state.workspace()):
            frame.empty("No runs to compare", "Train at least two models first.", "Train a model", "train")
        else:
            st.info("Choose at least two finished runs.", icon=":material/compare_arrows:")
    else:
        tables.show_settings(sides)
        tables.show_scores(sides)
        differences.show(sides)
        frame.paint_first()
        epochs.show(sides)
        aligned_maps.show(sides)
        two_runs.show(sides)
        frame.downloads(
            [
                frame.File(
                    "report",
                    "Report, HTML",
                    "vgae-report.html",
                    "text/html",
                    lambda: comparing.report_of(sides),
                    "One file that opens without a network: data, settings, scores, curves, maps and links.",
                )
            ]
        )
