"""Pairs that a visitor brings: what the model says of each, and whether the data have it."""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboard.app import frame
from dashboard.figures import charts
from dashboard.finished_runs import asking, link_columns, results, run_view
from dashboard.finished_runs.shared import shared
from vgae_core.data.pairs import EXAMPLE, FILE_MB, pairs_in, typed_pairs
from vgae_core.data.readers import SourceFile
from vgae_core.errors import RunError
from vgae_core.host.limits import LIMITS
from vgae_core.runs.exports import table_files
from vgae_core.runs.views.answers import RANKED_NODES, tell_same_side

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

Names = tuple[tuple[str, str], ...]

LISTED = 10
"""Unknown names that are named."""

_READ = "my_pairs_read"


@shared
def scored(run_id: str, names: Names) -> tuple[pd.DataFrame, list[str], str]:
    """Return what a run says of pairs, the names that are no nodes, and why some pairs have no score."""
    answers = asking.answers(run_id)
    pairs, unknown = answers.pairs_of(names)
    return answers.score_table(pairs), unknown, tell_same_side(answers.graph, pairs)


@frame.fragment()
def show(held: results.Opened) -> None:
    """Draw the form for pairs and what the model says of them; another list redraws only this part."""
    if asking.too_large(held.graph.n_nodes, "score RUN PAIRS.csv --to OUT.csv"):
        return
    left, right = st.columns([3, 2], gap="medium")
    with left:
        text = st.text_area(
            "Pairs, one per line", placeholder=f"{EXAMPLE}\n…", height=150, key="my_pairs_text",
            help="Two names with a comma, semicolon, tab or | between them; or two words. Names with commas go in "
            f"quotation marks. At most {LIMITS.asked_pairs:,} pairs.",
        )  # fmt: skip
    with right:
        upload = st.file_uploader("Or a file of pairs", key="my_pairs_file", max_upload_size=FILE_MB)
    names = (*typed_pairs(text), *(() if upload is None else _uploaded(upload)))
    if not names:
        st.caption(
            "Each pair gets its score, its rank among the candidates of both nodes, and its part of the split."
        )
        return
    LIMITS.check("asked_pairs", len(names), where="pairs")
    try:
        with st.spinner("Scoring the pairs…", show_time=True):
            table, unknown, within = scored(held.id, names)
    except RunError as error:
        st.caption(f"This run cannot be asked about pairs. {charts.message(error.message)}")
        return
    if unknown:
        some = ", ".join(charts.plain(name, 60) for name in unknown[:LISTED])
        rest = f" and {len(unknown) - LISTED:,} more" if len(unknown) > LISTED else ""
        st.warning(f"{some}{rest}", title=_are_no_nodes(len(unknown)), icon=":material/person_search:")
    if within:
        st.info(charts.message(within), icon=":material/call_split:")
    if table.empty or table["logit"].isna().all():
        return
    _draw(held, table)


def _are_no_nodes(number: int) -> str:
    return (
        "One name is no node of this graph" if number == 1 else f"{number:,} names are no nodes of this graph"
    )


def _uploaded(upload: UploadedFile) -> Names:
    """Return the pairs in an upload, read once."""
    kept = st.session_state.get(_READ)
    if kept is None or kept[0] != upload.file_id:
        LIMITS.check("upload_bytes", upload.size, where=upload.name)
        with tempfile.TemporaryDirectory(prefix="vgae-pairs-") as folder, st.spinner("Reading the file…"):
            path = Path(folder) / "pairs"  # never the visitor's own file name
            path.write_bytes(upload.getbuffer())
            names = tuple(pairs_in(SourceFile(PurePosixPath(upload.name).name, path)))
        LIMITS.check("asked_pairs", len(names), where=upload.name)
        kept = st.session_state[_READ] = (upload.file_id, names)
    return kept[1]


def _draw(held: results.Opened, table: pd.DataFrame) -> None:
    number = st.column_config.NumberColumn
    st.dataframe(
        results.shown(table),
        column_config={
            **link_columns.columns(held, table),
            "edge": st.column_config.Column("Edge", help="Its part of the split; empty where there is no edge."),
            "source_rank": number("Rank", help="Place among all new links of the first node; an edge gets the place it "
                                  "would have."),
            "target_rank": number("Other rank", help="The same, of the second node."),
        },
        hide_index=True, width="stretch", key="my_pairs_table",
    )  # fmt: skip
    if table[["source_rank", "target_rank"]].isna().all(axis=None):
        st.caption(f"Ranks are left out where pairs name more than {RANKED_NODES:,} different nodes.")
    protect = run_view.protect("my_pairs")
    make = lambda: table_files.to_csv(table, protect=protect)  # noqa: E731
    frame.downloads(
        [
            frame.File("my_pairs_csv", "CSV", "my_pairs.csv", "text/csv", make),
            frame.File("my_pairs_parquet", "Parquet", "my_pairs.parquet", "application/vnd.apache.parquet",
                       lambda: table_files.to_parquet(table)),
        ]
    )  # fmt: skip
