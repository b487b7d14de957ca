"""The rankings of a matrix: what rows lack, and values the model did not expect."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from dashboard.app import frame
from dashboard.figures import charts
from dashboard.finished_runs import link_columns, results, scenarios, scores
from dashboard.reconstruction import next_links, predicted_links
from dashboard.widgets import background
from vgae_core.analysis import entries, link_search
from vgae_core.analysis.entry_scores import AT_ONCE_COLUMNS
from vgae_core.runs.views import link_tables


def recommended(held: results.Opened) -> pd.DataFrame | None:
    """Return the ranked entries the matrix lacks; a large one is searched in the background, on demand."""
    cells = held.graph.n_nodes * held.graph.profile.n_features
    wide = bool(held.result.stack) and held.graph.profile.n_features > AT_ONCE_COLUMNS
    if cells <= entries.EXACT_CELLS and not wide:
        with st.spinner("Searching all entries…", show_time=True):
            return results.recommended(held.id)
    key = f"{held.id}|recommended"
    made = background.result(key)
    if made is None:
        background.panel(
            "recommended", key, "recommended", lambda: results.search_inputs(held),
            label="Search all entries", about=f"{cells:,} entries, in the background; this may take minutes.",
            seconds=link_search.SECONDS,
        )  # fmt: skip
        return None
    pairs, logits = made[0]["pairs"], made[0]["logits"]
    return link_tables.scored_entries(
        held.result, held.graph, pairs, logits, combined=bool(held.result.stack)
    )


def _styled(held: results.Opened, table: pd.DataFrame) -> Styler:
    """Return a table of entries for the screen; what the network expects is in percent where it is a probability."""
    styled = link_columns.styled(table)
    is_chance = "expected" in table and held.result.head.of_probabilities
    return styled.format({"expected": link_columns.chance}) if is_chance else styled


def show_entries(held: results.Opened, table: pd.DataFrame, name: str) -> None:
    """Draw a ranked table of entries with a filter and downloads."""
    part = st.text_input(
        "Only rows or columns named", placeholder="Type a part of a row's or column's name",
        key=f"{name}_filter", label_visibility="collapsed", icon=":material/search:",
    )  # fmt: skip
    shown = results.named(table, part, ["row", "column"])
    st.dataframe(
        _styled(held, shown), column_config=scores.entry_columns(held), hide_index=True, width="stretch",
        height=link_columns.height(shown, 420), key=f"{name}_table", placeholder=link_columns.NOTHING,
    )  # fmt: skip
    if part:
        st.caption(f"{len(shown):,} of {len(table):,} entries match.")
    predicted_links.downloads(shown, name)


@frame.fragment()
def show_one_row(held: results.Opened) -> None:
    """Draw what is recommended to one row, beside what it holds; another row redraws only this part."""
    row = next_links.choose(held)
    if row is None:
        return
    columns = scores.entry_columns(held)
    best = results.recommended_to(held.id, row)
    if "probability_at_density" in best and len(best):
        column, sure = best.iloc[0][["column", "probability_at_density"]]
        share = link_columns.chance(link_tables.filled_share(held.graph))
        st.markdown(
            f":material/fact_check: **{charts.plain(column, 60)}** comes first: an entry with a probability of "
            f"**{link_columns.chance(sure)}** among all cells, of which {share} are entries."
        )
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Recommended**: columns it does not have, best first")
        if held.result.stack and not results.entry_scores(held.id).stack:
            st.caption(
                f"By the network alone: combined with EASE, a matrix of more than {AT_ONCE_COLUMNS:,} columns ranks in "
                "the background (next tab), or by `python -m vgae_core rank RUN --node NAME`."
            )
        event = st.dataframe(
            link_columns.styled(best), column_config=columns, hide_index=True, width="stretch", key="row_best",
            on_select="rerun", selection_mode="single-row",
        )  # fmt: skip
        name = results.node_names(held.id)[row]
        scenarios.offer(held.id, event, [(name, str(column)) for column in best["column"]], "row_what_if")
        predicted_links.downloads(best, "recommended_to_row")
    with right:
        table = results.row_entries(held.id, row)
        st.markdown(f"**Its values** ({len(table):,}), most expected first")
        st.dataframe(
            _styled(held, table), column_config=columns, hide_index=True, width="stretch", key="row_values"
        )


def show_entry_rankings(held: results.Opened) -> None:
    """Draw the rankings of a matrix."""

    def every() -> None:
        table = recommended(held)
        if table is not None:
            st.caption(
                f"The {len(table):,} entries that the matrix lacks and the model expects most, searched among all "
                "rows: what may be missing from the data, or come next."
            )
            show_entries(held, table, "missing_entries")

    def least() -> None:
        st.caption(
            "Values of the matrix that the model expected least: errors in the data, or rows unlike all others."
            + (" It has seen each of them, held-out ones too." if held.result.whole is not None else "")
        )
        show_entries(held, results.unexpected(held.id), "unexpected_entries")

    def worst() -> None:
        st.caption(
            "Rows that the model explains worst: the mean loss of a row's values, held-out ones included."
        )
        predicted_links.show_worst(held)

    frame.tabs(
        f"rankings_{held.id}",
        {
            "Recommended to a row": lambda: show_one_row(held),
            "Most expected missing entries": every,
            "Least expected values": least,
            "Worst rows": worst,
        },
    )
