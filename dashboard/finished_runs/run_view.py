"""What pages draw of the run at hand: its name, which codes are shown, what is still being computed."""

from __future__ import annotations

import streamlit as st

from dashboard.app import frame, state
from dashboard.figures import charts
from dashboard.finished_runs import results, scenarios
from vgae_core.runs.exports import table_files
from vgae_core.runs.results import codes
from vgae_core.what_if.variant import variant_of

UNCHECKED = {
    "curves": "codes, training curves",
    "labels": "label scores",
    "features": "feature errors",
}
"""What of a loaded bundle cannot be computed again without its network, by name in ``metrics["unchecked"]``."""


def opened() -> results.Opened | None:
    """Return the run at hand if it has a result; else say what is missing and return None."""
    run = state.current_run()
    if run is None:
        frame.empty(
            "No run yet",
            "Train a model first: it takes a few seconds on a sample.",
            "Train a model",
            "train",
        )
        return None
    if run.has_result:
        return results.Opened(run, *results.load(run.id))
    info = run.info
    if info.active:
        frame.empty(
            "This run is still training",
            "Its results appear here as soon as it has ended.",
            "Watch it learn",
            "train",
        )
    else:
        frame.empty(
            f"This run has no result ({info.status})",
            charts.plain(info.message) or "It ended before there was anything to keep.",
            "Train again",
            "train",
        )
    return None


def name_run(held: results.Opened) -> None:
    """Draw the line that names the run, and say so where it was trained on other data than those loaded."""
    st.caption(
        f":material/hub: Run **{charts.plain(held.run.info.title, 80)}** · "
        f"{held.result.z_mean.shape[1]} latent dimensions · "
        f"{held.result.spec.training.keep} epoch {held.result.finished.best_epoch:,}"
    )
    about = variant_of(held.run.path)
    if about is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                ":material/alt_route: A variant, trained on edited data: "
                f"{charts.plain('; '.join(item.sentence() for item in about.scenario.active), 160)}",
                width="content",
            )
            # Whoever holds the id of a run may see it: the way there is shown to its owner alone.
            mine = state.store().owns(state.workspace(), about.of)
            if mine and st.button("Compare", key="compare_variant", type="tertiary"):
                scenarios.open_variant(held.id, about)
    unchecked = held.result.metrics.get("unchecked")
    if unchecked:
        st.caption(
            ":material/inventory_2: Loaded from a bundle. Link scores were computed again here; "
            f"{', '.join(UNCHECKED[name] for name in unchecked if name in UNCHECKED)} and times are as the bundle "
            "states them, not checked."
        )
    loaded = state.graph()
    if loaded is None or loaded.fingerprint != held.graph.fingerprint:
        st.caption(
            f":material/info: This page is about **{charts.plain(held.graph.name, 60)}** "
            f"({' · '.join(held.graph.sizes)}), on which the run was trained, not about the data loaded now."
        )


def say_codes(held: results.Opened) -> None:
    """Draw the line that says which codes are shown."""
    first, _, more = codes.explained(held.result, held.graph).partition("\n")
    st.caption(f":material/polyline: {charts.message(first)}", help=charts.message(more) or None)


def protect(name: str) -> bool:
    """Draw the choice beside downloads called `name`: whether spreadsheets will open them."""
    choice = table_files.PROTECT
    return bool(st.checkbox(choice.title, help=choice.help, key=f"{name}_protect"))


@frame.fragment(run_every=1.5)
def wait_for_columns(run_id: str) -> None:
    """Say that columns of the node table are still being worked out, until they are: then draw the page again."""
    future = results.costly(run_id)
    if future.done():
        future.result()  # raises what went wrong, for the guard
        st.rerun()
    st.caption(
        ":material/hourglass_top: Communities and reconstruction errors of this large graph are being computed; they "
        "appear here by themselves."
    )
