"""How tables of pairs of nodes look: their columns, and probabilities that never pretend to be 1."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from dashboard.finished_runs import results
from vgae_core.analysis import link_filters
from vgae_core.analysis.stacking import joins
from vgae_core.catalogue.decoders import DECODERS
from vgae_core.runs.views import link_tables

CHANCES = ("expected_precision", "probability_at_density", "probability")
"""Columns of shares of 1."""


ROW_HEIGHT = 35
"""Pixels of a row of a table."""

NOTHING = "–"
"""What a cell without a value shows."""


def chance(p: Any) -> str:
    """Return a probability in percent, with three digits where it is small, and bounds instead of 0% and 100%."""
    if pd.isna(p):
        return NOTHING
    if p > 0.999:
        return "> 99.9%"
    if p < 0.0001:
        return "< 0.01%"
    return f"{p:.1%}" if p >= 0.01 else f"{p:.2%}"


def say_difference(held: results.Opened, table: pd.DataFrame) -> None:
    """Say why the two shares of a table of new links differ, where both are shown."""
    if "expected_precision" not in table or table["expected_precision"].isna().all():
        return
    split, share = held.result.split, link_tables.density(held.graph)
    st.caption(
        "**Expected precision** and **Among all pairs** differ in how many links they take to be missing: the first as "
        f"many as the {len(split.test):,} test edges, the second {chance(share)} of all pairs, as many as are edges."
    )


def styled(table: pd.DataFrame) -> Styler:
    """Return a table for the screen, its probabilities in percent; sorting still goes by the numbers."""
    shown = results.shown(table)
    return shown.style.format({name: chance for name in CHANCES if name in shown})


def height(table: pd.DataFrame, most: int) -> int | Literal["content"]:
    """Return the height of a table on the screen: of its rows, or so many pixels where that is less."""
    return "content" if len(table) * ROW_HEIGHT < most - 2 * ROW_HEIGHT else most


def columns(held: results.Opened, table: pd.DataFrame) -> dict[str, Any]:
    """Return how Streamlit shows the columns of a table of pairs."""
    number = st.column_config.NumberColumn
    low, high = (float(table["logit"].min()), float(table["logit"].max())) if len(table) else (0.0, 0.0)
    entry = DECODERS.get(held.result.decoder_name)
    network = f" Decoder: {entry.title.lower()}." if entry else ""
    share = link_tables.density(held.graph)
    stack = held.result.stack
    parts = "The network's, joined with training-free scores" if joins(stack) else "The network's"
    how = f"{parts}, calibrated on the validation edges" if stack else f"{parts}, not calibrated"
    bounded = f"Capped at what {len(held.result.split.val):,} validation edges support."
    return {
        "node": "Node", "degree": "Degree", "label": "Label",
        "source": "From" if held.graph.directed else "Node",
        "target": "To" if held.graph.directed else "Other node",
        "expected_precision": number(
            "Expected precision",
            help="Of pairs scored like this one, the share that were held-out edges, when all pairs outside the "
            "training and validation edges were ranked. It assumes that as many links are "
            "missing as were held out; – is below the first 1,000 pairs.",
        ),
        "probability_at_density": number(
            "Among all pairs",
            help=f"Probability of an edge among all pairs of the graph, of which {chance(share)} are edges. {bounded}",
        ),
        "probability": number(
            "If half were edges",
            help=f"Probability of an edge where half of the pairs are edges, as in the held-out pairs. "
            f"{bounded}",
        ),
        "logit": st.column_config.ProgressColumn(
            "Logit", format="%.2f", help=f"Log odds of an edge where half of the pairs are. {how}.{network}",
            min_value=low, max_value=high if high > low else low + 1,
        ),
        "surprise": number("Surprise (nats)", format="%.2f", help=link_filters.RANKINGS["surprise"].help),
        "expected_weight": number(
            "Expected weight", format="%.4g", help="By the network, with 0 for pairs without an edge."
        ),
        "weight": number("Weight", format="%.4g", help="Of the edge in the data."),
        "shared_neighbours": number("Shared neighbours", help="Nodes that both are joined to."),
        "source_degree": "Degree", "target_degree": "Other degree",
        "source_label": "Label", "target_label": "Other label",
        "part": st.column_config.Column("Part", help="Of the split. These scores are of the graph as it is."),
    }  # fmt: skip
