"""What a run predicts, how good it is on held-out edges or entries, and where to draw the line."""

import streamlit as st

from dashboard.app import frame
from dashboard.finished_runs import results, run_view
from dashboard.reconstruction import (
    next_links,
    predicted_entries,
    predicted_links,
    structure,
    threshold,
    verdicts,
)

frame.require_router("reconstruction")


def show_predicted(held: results.Opened) -> None:
    """Draw what people come for first: the links of one node, or the columns of one row, and the rankings of all."""
    st.subheader(held.result.words.proposed, anchor=False)
    if held.family.links_nodes:
        next_links.show(held)
    run_view.say_codes(held)
    rankings = (
        predicted_links.show_rankings if held.family.links_nodes else predicted_entries.show_entry_rankings
    )
    rankings(held)


frame.header(
    "Reconstruction",
    "What the model predicts, how good it is on held-out edges or entries, and where to draw the line.",
    of_run=True,
)
with frame.guard():
    held = run_view.opened()
    if held is not None:
        run_view.name_run(held)
        show_predicted(held)
        st.subheader("How good is it?", anchor=False)
        verdicts.say_verdict(held)
        verdicts.show_scores(held)
        if held.result.gives_probabilities:
            st.subheader("Threshold", anchor=False)
            threshold.show_decisions(held)
        else:
            st.subheader("What the model expects", anchor=False)
            threshold.show_spread(held)
        st.subheader("Where is it right, and where wrong?", anchor=False)
        structure.show(held)
