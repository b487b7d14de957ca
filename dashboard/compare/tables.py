"""Settings and scores of the runs that are compared, a column each."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard.compare import comparing
from dashboard.compare.comparing import Side, heading
from dashboard.figures import charts
from vgae_core.runs.views import score_rows, setting_rows


def show_settings(sides: list[Side]) -> None:
    """Draw the settings that differ, or all of them."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader("Settings that differ", anchor=False, width="content")
        everything = st.toggle("All settings", key="all_settings", bind="query-params")
    rows = setting_rows.settings_rows([side.held.result.spec for side in sides])
    shown = [row for row in rows if everything or row.differs]
    if not shown:
        st.caption("Every setting is the same in these runs.")
        return
    table = pd.DataFrame(
        [[row.section, row.title, *(charts.visible(value) for value in row.values)] for row in shown],
        columns=["Section", "Setting", *(heading(place, side) for place, side in enumerate(sides, 1))],
    )
    st.dataframe(
        table, hide_index=True, width="stretch", key="differences",
        height="content" if len(table) < 12 else "auto",
        column_config={"Setting": st.column_config.TextColumn(pinned=True)},
        alt="Settings of the runs that are compared, a column each.",
    )  # fmt: skip


def show_scores(sides: list[Side]) -> None:
    """Draw the scores of every run at the epoch it kept; runs that differ only in the seed can share a column."""
    groups = setting_rows.seed_groups(
        [(side.held.graph.fingerprint, side.held.result.spec) for side in sides]
    )
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader("Scores", anchor=False, width="content")
        fold = len(groups) < len(sides) and st.toggle(
            "Fold seeds",
            key="fold_seeds",
            bind="query-params",
            help="Mean ± standard deviation over the seeds.",
        )
    rows = score_rows.score_rows([side.held.result.metrics for side in sides])
    unranked = comparing.why_not_ranked(sides)
    if fold:
        titles = [
            heading(group[0] + 1, sides[group[0]]) + (f" and {len(group) - 1} more" if group[1:] else "")
            for group in groups
        ]
        cells = [[score_rows.folded(row.values, group) for group in groups] for row in rows]
        leading = [set() for _ in rows]  # type: list[set[int]]
    else:
        titles = [heading(place, side) for place, side in enumerate(sides, 1)]
        cells = [[score_rows.as_text(value) for value in row.values] for row in rows]
        leading = [set() if unranked else row.leaders() for row in rows]
    table = pd.DataFrame(
        [[row.part, row.title, *texts] for row, texts in zip(rows, cells, strict=True)],
        columns=["Part", "Score", *titles],
    )
    shade = "background-color: rgba(0, 158, 115, 0.22)"
    styles = pd.DataFrame("", index=table.index, columns=table.columns)
    for place, leaders in enumerate(leading):
        for column in leaders:
            styles.iloc[place, column + 2] = shade
    st.dataframe(
        table.style.apply(lambda _: styles, axis=None), hide_index=True, width="stretch", key="scores",
        column_config={"Score": st.column_config.TextColumn(pinned=True)},
        alt="Scores of the runs that are compared, a column each.",
    )  # fmt: skip
    st.caption(
        "Scores are those of the epoch each run kept, not of its last one."
        + ("" if fold else f" {unranked or 'Shaded: the best.'}")
    )
