"""The rankings of a graph's pairs: missing links, doubtful links, badly explained nodes."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.app import frame
from dashboard.figures import charts, maps
from dashboard.finished_runs import judged, link_columns, results, run_view, scenarios
from dashboard.reconstruction import my_pairs
from dashboard.widgets import background, forms
from vgae_core.analysis import link_filters, link_search, stacking
from vgae_core.analysis.link_filters import LinkSearch
from vgae_core.runs.exports import table_files
from vgae_core.runs.views import link_tables
from vgae_core.settings.fields import Setting, settings_of

FIRST = (10, 50, 200, 1000)
"""How many of the first ranked pairs are counted when the page states their share of held-out edges."""


def choose_search(held: results.Opened) -> LinkSearch:
    """Draw how missing links are ranked, the search for a name and, folded, the filters."""
    known = {setting.name: setting for setting in settings_of(LinkSearch)}

    def draw(name: str, *, disabled: bool = False) -> Any:
        return forms.field(known[name], known[name].default, f"missing_{name}", disabled=disabled)

    values: dict[str, Any] = {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        values["ranking"] = draw("ranking")
        name = known["name"]
        values["name"] = st.text_input(
            name.title, placeholder="Type a part of a node's name", key="missing_links_filter",
            help=name.help, icon=":material/search:", width=420,
        )  # fmt: skip
        with st.popover("Filters", icon=":material/filter_list:"):
            if held.graph.labels is not None:
                left, right = st.columns(2)
                for column, one in ((left, "label"), (right, "other_label")):
                    with column:
                        values[one] = choose_label(held, known[one])
            left, right = st.columns(2)
            with left:
                values["least_degree"] = draw("least_degree")
            with right:
                values["most_degree"] = draw("most_degree")
            values["distance"] = draw("distance")
            ready = results.ready(held.id)
            community = draw("community", disabled=not ready)
            if ready:
                values["community"] = community
            else:
                st.caption("Communities of this large graph are still being computed.")
    return LinkSearch.from_dict(values)


def choose_label(held: results.Opened, setting: Setting) -> int:
    """Draw the list of labels and return the number of the chosen one."""
    names = held.graph.label_names
    return int(
        st.selectbox(
            setting.title, [setting.default, *range(len(names))], key=f"missing_{setting.name}", help=setting.help,
            format_func=lambda number: charts.visible(names[number]) if number >= 0 else "Any",
        )
    )  # fmt: skip


def missing(held: results.Opened, search: LinkSearch) -> pd.DataFrame | None:
    """Return the ranked non-edges; a large graph is searched in the background, on demand."""
    if held.graph.n_nodes <= link_search.EXACT_NODES:
        with st.spinner("Searching all pairs…", show_time=True):
            return results.missing_links(held.id, search)
    key = f"{held.id}|missing|{search}"
    made = background.result(key)
    if made is None:
        pairs = held.graph.n_pairs
        background.panel(
            "missing", key, "missing_links", lambda: results.link_search_inputs(held, search),
            label="Search all pairs", about=f"{pairs:,} pairs, in the background; this may take minutes.",
            seconds=link_search.SECONDS,
        )  # fmt: skip
        return None
    ranked = made[0]["pairs"]
    return link_tables.missing_table(held.graph, ranked, made[0]["logits"], held.result.weights(ranked))


def show_missing(held: results.Opened) -> None:
    """Draw the ranking of missing links, with what it goes by and the filters on it."""
    search = choose_search(held)
    table = missing(held, search)
    if table is None:
        return
    table = judged.with_precision(held.id, table)
    passing = " that pass the filters" if search.name or search.n_filters else ""
    if table.empty:
        st.caption(f"There are no pairs without an edge{passing}.")
        return
    st.caption(
        f"The first {len(table):,} pairs without an edge, searched among all pairs{passing}: links that may be missing "
        f"from the data, or come next. {charts.plain(link_filters.RANKINGS[search.ranking].help)}"
        + (
            " The network's own score chose the candidates that were ranked."
            if held.result.decoder or stacking.joins(held.result.stack)
            else ""
        )
    )
    say_precision(held)
    draw_links(held, table, "missing_links")
    link_columns.say_difference(held, table)


def say_precision(held: results.Opened) -> None:
    """Say how many of the pairs that came first were held-out edges."""
    measured = judged.precision(held.id)
    if measured is None:
        return
    told = [f"**{measured.within(n):.0%}** of the first {n:,}" for n in FIRST if n <= len(measured.hits)]
    if told:
        st.markdown(
            f":material/fact_check: **How sure?** Among all {measured.n_candidates:,} pairs outside the training and "
            f"validation edges, {', '.join(told)} were held-out edges; guessing finds "
            f"{link_columns.chance(measured.share)}."
        )


def show_unlikely(held: results.Opened) -> None:
    """Draw the ranking of doubtful links, with a filter."""
    table = judged.with_precision(held.id, results.unlikely_links(held.id)).drop(
        columns="expected_precision", errors="ignore"
    )
    part = st.text_input(
        "Only links of", placeholder="Type a part of a node's name", key="unlikely_links_filter",
        label_visibility="collapsed", icon=":material/search:",
    )  # fmt: skip
    shown = results.named(table, part, ["source", "target"])
    if part:
        st.caption(f"{len(shown):,} of {len(table):,} links match.")
    draw_links(held, shown, "unlikely_links")


@frame.fragment()
def draw_links(held: results.Opened, table: pd.DataFrame, name: str) -> None:
    """Draw a ranked table of pairs with downloads; selecting a row redraws only this part."""
    event = st.dataframe(
        link_columns.styled(table), column_config=link_columns.columns(held, table), hide_index=True, width="stretch",
        height=link_columns.height(table, 420), key=f"{name}_table", on_select="rerun", selection_mode="single-row",
        placeholder=link_columns.NOTHING,
    )  # fmt: skip
    ends = zip(table["source"].astype(str), table["target"].astype(str), strict=True)
    scenarios.offer(held.id, event, list(ends), f"{name}_what_if")
    downloads(table, name)


def downloads(table: pd.DataFrame, name: str) -> None:
    """Draw the buttons that download a table, and the choice that goes with them."""
    protect = run_view.protect(name)
    frame.downloads(
        [
            frame.File(
                f"{name}_csv", "CSV", f"{name}.csv", "text/csv", lambda: table_files.to_csv(table, protect=protect)
            ),
            frame.File(
                f"{name}_parquet", "Parquet", f"{name}.parquet", "application/vnd.apache.parquet",
                lambda: table_files.to_parquet(table),
            ),
        ]
    )  # fmt: skip


def show_rankings(held: results.Opened) -> None:
    """Draw the three rankings, and what the model says of the visitor's own pairs."""

    def unlikely() -> None:
        st.caption(
            "Existing edges that the model finds least likely: errors in the data, or connections between "
            "parts that otherwise have little in common."
            + (
                " The encoder has seen each of them, the held-out ones too, and doubts it all the same."
                if held.result.whole is not None
                else ""
            )
        )
        show_unlikely(held)

    def worst() -> None:
        st.caption(
            "Nodes whose edges the model explains worst: mean cross-entropy of a node's edges and as many "
            "random non-edges, in nats per pair; 0.693 is a coin toss."
        )
        show_worst(held)

    frame.tabs(
        f"rankings_{held.id}",
        {
            "Most likely missing links": lambda: show_missing(held),
            "Least likely links": unlikely,
            "Worst nodes": worst,
            "My pairs": lambda: my_pairs.show(held),
        },
    )


def show_worst(held: results.Opened) -> None:
    """Draw the nodes or rows that are explained worst, with a filter and downloads."""
    if not results.ready(held.id):
        run_view.wait_for_columns(held.id)
        return
    part = st.text_input(
        f"Only {held.noun}s named", placeholder=f"Type a part of a {held.noun}'s name", key="worst_filter",
        label_visibility="collapsed", icon=":material/search:",
    )  # fmt: skip
    worst = results.named(results.worst_nodes(held.id), part, ["node"])
    st.dataframe(
        results.shown(worst), column_config=maps.columns(worst, held.noun), hide_index=True, width="stretch",
        height=link_columns.height(worst, 420), key="worst_table",
    )  # fmt: skip
    downloads(worst, f"worst_{held.noun}s")
