"""How nodes are selected beside the map, and what sets the selected ones apart from the others."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.app import frame
from dashboard.figures import charts, maps
from dashboard.finished_runs import link_columns, results, run_view, scenarios
from dashboard.finished_runs.shared import KEPT
from dashboard.latent_space import clusters, selecting, selection_links
from vgae_core.analysis import contrast, queries, selections
from vgae_core.analysis.selection_links import likely_links
from vgae_core.analysis.selections import Combination
from vgae_core.errors import StudioError
from vgae_core.host.limits import LIMITS
from vgae_core.runs.exports import table_files
from vgae_core.runs.views import link_tables

HOW: dict[Combination, str] = {
    "replace": "New selection",
    "add": "Add",
    "subtract": "Take away",
    "intersect": "Keep common",
}
WAYS = {"query": "Query", "names": "Names", "around": "Around a node", "group": "Group"}

LONG_LIST = 20_000
"""Characters of a list of names that is cleared once it was used: Chromium takes minutes to replace a longer one."""

NAMES = "select_names"
"""Key of the field for a list of names."""

_USED = "select_used"

ROWS = 500
"""Rows of a comparison on the page; the file has all."""


def choose(held: results.Opened, focus: int | None, colour: str) -> None:
    """Draw the ways to select nodes without the map."""
    ways = [way for way in WAYS if way != "around" or held.family.links_nodes]
    if colour not in maps.GROUPS:
        ways.remove("group")
    with frame.guard():
        way = st.segmented_control(
            "Select by", ways, default=ways[0], required=True, format_func=WAYS.__getitem__, key="select_way",
            label_visibility="collapsed",
        )  # fmt: skip
        nodes, link = _asked(held, str(way), focus, colour)
        with st.container(horizontal=True, vertical_alignment="center"):
            for how, title in HOW.items():
                if st.button(title, key=f"select_{how}", disabled=nodes is None, width="content"):
                    selecting.select(held.id, np.zeros(0, np.int64) if nodes is None else nodes, how, link)
                    st.session_state[_USED] = True
                    st.rerun()
            if nodes is not None:
                st.caption(f"{len(nodes):,} {held.noun}s", width="content")


def _asked(
    held: results.Opened, way: str, focus: int | None, colour: str
) -> tuple[np.ndarray | None, str | None]:
    """Draw the fields of one way to select; return the nodes, None while nothing is asked for, and their link."""
    nothing = None, None
    table = clusters.table(held)
    if way == "query":
        text = st.text_input(
            "Query", placeholder=f"{_example(table)}", help=charts.message(queries.HELP), key="select_query",
            max_chars=queries.MAX_TEXT,
        )  # fmt: skip
        st.caption(f"Columns: {charts.plain(', '.join(map(str, table.columns)), 400)}")
        return (selection_links.by_query(held, text), f"query:{text}") if text.strip() else nothing
    used = st.session_state.pop(_USED, False)
    if way == "names":
        if used and len(st.session_state.get(NAMES, "")) > LONG_LIST:
            st.session_state[NAMES] = ""
        text = st.text_area(
            "Names, one per line", key=NAMES, max_chars=500_000, height=120,
            placeholder="\n".join(results.node_names(held.id)[:3]),
        )  # fmt: skip
        if not text.strip():
            return nothing
        nodes, unknown = selections.named(text, results.node_names(held.id))
        if unknown:
            few = ", ".join(charts.plain(name, 40) for name in unknown[:5])
            st.caption(
                f":material/warning: {len(unknown):,} unknown: {few}{' …' if len(unknown) > 5 else ''}"
            )
        return nodes, None
    if way == "around":
        hops = st.segmented_control(
            "Steps", range(1, selections.MAX_HOPS + 1), default=1, required=True, key="select_hops"
        )
        if focus is None:
            st.caption("Click a node on the map, or find it by name, first.")
            return nothing
        name = results.node_names(held.id)[focus]
        return selection_links.around(held, focus, int(hops)), f"around:{hops}:{name}"
    names = selection_links.groups(held, colour)
    group = st.selectbox(
        maps.title(colour), names, key=f"select_group_{colour}",
        format_func=lambda value: charts.visible(maps.group_name(colour, value)),
    )  # fmt: skip
    return selection_links.in_group(held, colour, group), f"group:{colour}:{group}"


def _example(table: pd.DataFrame) -> str:
    if "degree" in table:
        return 'degree > 10 and label == "…"' if "label" in table else "degree > 10"
    return "row_values > 10"


# ------------------------------------------------------------------------------- comparison
@frame.fragment()
def compare(held: results.Opened, others: Mapping[str, np.ndarray]) -> None:
    """Draw what sets the selected nodes apart from the rest, or from another selection.

    Parameters
    ----------
    held : Opened
    others : mapping of str to ndarray of int64
        Kept selections by name.
    """
    chosen = selecting.selected(held.id)
    st.markdown(f"**What sets these {held.noun}s apart**")
    names = ["", *others]
    against = st.selectbox(
        "Compare with", names, key="compare_with",
        format_func=lambda name: charts.visible(name) if name else f"All other {held.noun}s",
    )  # fmt: skip
    everyone = np.arange(held.graph.n_nodes)
    rest = others[against] if against else selections.combine(everyone, chosen, "subtract")
    both = selections.combine(chosen, rest, "intersect")
    if len(both):
        chosen, rest = (selections.combine(side, both, "subtract") for side in (chosen, rest))
        st.caption(f"{len(both):,} {held.noun}s are in both selections; the comparison leaves them out.")
    try:
        contrast.check_groups(chosen, rest)
    except StudioError as error:
        st.caption(f"{charts.message(error.message)} {charts.message(error.mend or '')}")
        return
    sides = (held.id, clusters.key(held), results.ready(held.id), _digest(chosen), _digest(rest))
    tables = KEPT.get((*sides, "contrast"), lambda: _tables(held, chosen, rest))
    if held.family.links_nodes:
        _say_links(KEPT.get((*sides, "linked"), lambda: contrast.linked(held.graph.adjacency, chosen, rest)))
        _show_likely(held, chosen, rest if against else None)
    if held.graph.features is not None and "Features" not in tables:
        st.caption(
            f"Features are compared up to {LIMITS.compared_values:,} stored values; these data have "
            f"{held.graph.profile.feature_nnz:,}."
        )
    tabs = st.tabs(list(tables))
    for tab, (title, table) in zip(tabs, tables.items(), strict=True):
        with tab:
            st.dataframe(
                results.shown(table.head(ROWS)), column_config=_columns(), hide_index=True, width="stretch",
                key=f"contrast_{title}", height=min(388, 38 + 35 * max(len(table), 1)),
            )  # fmt: skip
            protect = run_view.protect(f"contrast_{title}")
            frame.downloads(
                [
                    frame.File(
                        f"contrast_{title}_csv", f"All {len(table):,} rows as CSV", f"{title.lower()}.csv", "text/csv",
                        functools.partial(table_files.to_csv, table, protect=protect),
                    )
                ]
            )  # fmt: skip
    st.caption(
        "Effect is Cliff's δ: how much likelier a selected node has the larger value than the smaller one, -1 to 1; of "
        "zeros and ones, the difference of shares. p by Fisher's test (zeros and ones, labels) or Wilcoxon's (values), "
        "adjusted for the number of tests (Benjamini-Hochberg)."
    )


def _tables(held: results.Opened, chosen: np.ndarray, rest: np.ndarray) -> dict[str, pd.DataFrame]:
    """Return the comparisons by title."""
    table = clusters.table(held)
    tables = {}
    if "label" in table:
        tables["Labels"] = contrast.counts(table["label"], chosen, rest)
    numeric = contrast.numbers(table.drop(columns=[*maps.GROUPS], errors="ignore"), chosen, rest)
    numeric["column"] = [maps.title(name) for name in numeric["column"]]
    tables["Numbers"] = numeric
    if held.graph.features is not None and held.graph.profile.feature_nnz <= LIMITS.compared_values:
        names = np.array(results.column_names(held.id), dtype=object)
        tables["Features"] = contrast.features(held.graph.features, names, chosen, rest)
    return tables


def _digest(nodes: np.ndarray) -> str:
    return hashlib.blake2b(nodes.tobytes(), digest_size=16).hexdigest()


def _show_likely(held: results.Opened, chosen: np.ndarray, other: np.ndarray | None) -> None:
    """Draw the likeliest missing links within the selection, and between it and another."""
    shown = [("within the selection", "within", chosen, chosen)]
    if other is not None:
        shown.append(("between both", "between", chosen, other))
    with st.expander("Most likely new links", on_change="rerun", key="likely") as opened:
        if not opened.open:
            return
        for title, name, first, second in shown:
            st.markdown(f"**Most likely links {title}**, best first")
            key = (held.id, _digest(first), _digest(second), "likely_links")
            try:
                links = KEPT.get(key, lambda first=first, second=second: _likely(held, first, second))  # type: ignore[misc]
            except StudioError as error:
                st.caption(f"{charts.message(error.message)} {charts.message(error.mend or '')}")
                continue
            event = st.dataframe(
                link_columns.styled(links), column_config=link_columns.columns(held, links), hide_index=True,
                width="stretch", height=320, key=f"likely_{name}", on_select="rerun", selection_mode="single-row",
            )  # fmt: skip
            pairs = list(zip(links["source"].astype(str), links["target"].astype(str), strict=True))
            scenarios.offer(held.id, event, pairs, f"likely_{name}_what_if")
            protect = run_view.protect(f"likely_{name}")
            frame.downloads(
                [
                    frame.File(
                        f"likely_{name}_csv", "CSV", f"links-{name}.csv", "text/csv",
                        functools.partial(table_files.to_csv, links, protect=protect),
                    )
                ]
            )  # fmt: skip


def _likely(held: results.Opened, first: np.ndarray, second: np.ndarray) -> pd.DataFrame:
    result, graph = held.result, held.graph
    pairs, logits = likely_links(
        result.codes.left, result.codes.right, graph.adjacency, first, second,
        score=result.link_scorer(graph) if result.decoder or result.stack else None,
        directed=graph.directed, sides=graph.sides,
    )  # fmt: skip
    return link_tables.link_table(graph, pairs, logits, result.weights(pairs))


def _say_links(links: contrast.LinksBetween) -> None:
    with st.container(horizontal=True):
        for title, count, expected in (
            ("Edges within the selection", links.inside_first, links.expected_first),
            ("Edges between both", links.between, links.expected_between),
            ("Edges within the others", links.inside_second, links.expected_second),
        ):
            st.metric(
                title, f"{count:,}", f"{expected:,.1f} expected", delta_color="off", delta_arrow="off",
                help="Expected in a random graph with the same degrees.",
            )  # fmt: skip


def _columns() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    shares: dict[str, Any] = {
        "first_share": number("Share, selected", format="percent"),
        "second_share": number("Share, others", format="percent"),
        "effect": number("Effect", format="%.3f"),
        "p": number("p", format="%.3g"),
        "adjusted_p": number("Adjusted p", format="%.3g"),
    }
    return shares | {
        "value": st.column_config.Column("Label"),
        "first": number("Selected"),
        "second": number("Others"),
        "column": st.column_config.Column("Column"),
        "feature": st.column_config.Column("Feature"),
        "first_median": number("Median, selected", format="%.4g"),
        "second_median": number("Median, others", format="%.4g"),
        "first_mean": number("Mean, selected", format="%.4g"),
        "second_mean": number("Mean, others", format="%.4g"),
    }
