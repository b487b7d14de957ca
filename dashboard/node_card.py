"""The card of one node, or of one row of a matrix: where it lies and what it is linked to."""

from __future__ import annotations

from typing import Any, get_args

import streamlit as st

from dashboard import charts, results, scenarios, scores
from vgae_core.analysis import embedding


def show(held: results.Opened, node: int) -> None:
    """Draw the nearest codes of a node beside its true neighbours."""
    row = results.node_table(held.id).iloc[node]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(f"Neighbours of {charts.plain(row['node'], 60)}", anchor=False, width="content")
        if st.button(
            "What if…", key="node_what_if", icon=":material/alt_route:", help="Edit it and see what changes."
        ):
            scenarios.ask(held.id, (str(row["node"]), ""))
    # An inner product of codes is the logit of an edge; of two rows it says nothing.
    known = get_args(embedding.Similarity)
    measures: list[embedding.Similarity] = [n for n in known if n != "inner_product" or not held.on_matrix]
    metric = st.segmented_control(
        "Nearness",
        measures,
        default=measures[0],
        required=True,
        format_func=lambda key: embedding.SIMILARITIES[key].title,
        help="  \n".join(
            f"**{entry.title}**: {entry.help}" for entry in map(embedding.SIMILARITIES.__getitem__, measures)
        ),
        key=f"map_metric_{held.noun}",
    )
    metric = metric or measures[0]
    near, true, hits = results.near_and_true(held, node, metric)
    title = embedding.SIMILARITIES[metric].title
    columns: dict[str, Any] = {
        "place": st.column_config.NumberColumn(
            "Rank", help=f"Place by nearness among all other {held.noun}s."
        ),
        "node": held.noun.capitalize(),
        "label": "Label",
        "value": st.column_config.NumberColumn(title, format="%.3f"),
        "edge": st.column_config.CheckboxColumn("Edge", help="Whether the graph joins the two."),
    }
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Nearest in latent space**")
        st.dataframe(
            results.shown(near), column_config=columns, hide_index=True, width="stretch", key="near_table"
        )
    with right:
        if held.on_matrix:
            _show_row(held, node)
            return
        st.markdown(f"**True neighbours** ({len(true):,})")
        if len(true):
            st.dataframe(results.shown(true), column_config=columns, hide_index=True, width="stretch", key="true_table",
                         height=min(388, 38 + 35 * len(true)))  # fmt: skip
            st.caption(
                f"{hits:,} of its {len(true):,} true neighbours are among its {len(true):,} nearest codes."
            )
        else:
            st.caption("No edge leads to or from this node.")


def _show_row(held: results.Opened, row: int) -> None:
    """Draw what a row holds, with what the model expects of it."""
    table = results.row_entries(held.id, row)
    st.markdown(f"**Its values** ({len(table):,})")
    st.dataframe(
        results.shown(table), column_config=scores.entry_columns(held.result.head), hide_index=True, width="stretch",
        key="row_table", height=388,
    )  # fmt: skip
