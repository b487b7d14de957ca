"""Explore what the latent code of each node, or of each row of a matrix, tells."""

import functools

import pandas as pd
import pyarrow as pa
import streamlit as st

from dashboard.app import frame
from dashboard.figures import maps
from dashboard.finished_runs import results, run_view, scenarios
from dashboard.latent_space import (
    axes,
    clusters,
    latent_map,
    map_views,
    node_card,
    projections,
    selecting,
    selection_panel,
    views,
)
from dashboard.widgets import pick
from vgae_core.runs.exports import embedding_files, subgraph_files, table_files
from vgae_core.runs.results import codes
from vgae_core.runs.store.kept_selections import KeptSelection

frame.require_router("latent_space")


def find_node(held: results.Opened) -> int | None:
    """Draw the search for a node, which a click on the map fills in, and return its row."""
    names = results.node_names(held.id)
    name = pick.name(f"Find a {held.noun}", names, selecting.NODE, placeholder="Type a part of its name")
    return None if name is None else names.index(name)


def show_node(held: results.Opened, focus: int | None) -> None:
    """Draw the card of the node looked at."""
    if focus is None:
        st.caption(f"Click a {held.noun} on the map, or find it by its name, to see its card.")
    else:
        node_card.show(held, focus)


# ------------------------------------------------------------------------------ table
def show_selected(held: results.Opened, focus: int | None, colour: str, kept: list[KeptSelection]) -> None:
    """Draw the ways to select nodes, the selected ones, and what sets them apart."""
    selection_panel.choose(held, focus, colour)
    table, picked = clusters.table(held), selecting.selected(held.id)
    if not len(picked):
        st.caption("Nothing is selected yet: draw a lasso on the map, or select by one of these ways.")
        return
    chosen = table.iloc[picked]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(f"Selected {held.noun}s ({len(picked):,})", anchor=False, width="content")
        if held.family.links_nodes and st.button(
            "What if… with these nodes",
            key="selection_what_if",
            icon=":material/alt_route:",
            help="Link all of them to a node, or to a new one.",
        ):
            scenarios.ask(held.id, None, selection=[str(name) for name in chosen["node"]])
    if selecting.link(held.id, held.graph.n_nodes) is None:
        st.caption(
            "This selection is too long for a link. Keep it under a name, and the address leads to it."
        )
    draw_table(held, results.shown(chosen))
    files = table_downloads(held, chosen)
    if held.family.links_nodes:
        files += [
            frame.File(
                f"nodes_{name}", f"Subgraph as {entry.title}", f"selection{entry.suffix}", entry.mime,
                functools.partial(subgraph_files.write_subgraph, held.graph, table, picked, name),
            )
            for name, entry in subgraph_files.GRAPH_FORMATS.items()
        ]  # fmt: skip
    frame.downloads(files)
    selection_panel.compare(held, {item.name: item.nodes for item in kept})


def show_all(held: results.Opened) -> None:
    """Draw the table of all nodes and the files of the whole embedding."""
    table = clusters.table(held)
    st.subheader(f"All {held.noun}s ({len(table):,})", anchor=False)
    draw_table(held, results.node_rows(held.id) if clusters.key(held) is None else results.shown(table))
    frame.downloads(table_downloads(held, table))
    show_downloads(held)


def draw_table(held: results.Opened, rows: pd.DataFrame | pa.Table) -> None:
    st.dataframe(
        rows,
        column_config=maps.columns(clusters.table(held), held.noun),
        hide_index=True,
        width="stretch",
        height=min(330, 38 + 35 * max(len(rows), 1)),
        lazy=True,  # the browser gets the rows it shows
        key="node_table",
    )  # fmt: skip


def table_downloads(held: results.Opened, chosen: pd.DataFrame) -> list[frame.File]:
    protect = run_view.protect("nodes")
    return [
        frame.File(
            "nodes_csv", f"These {held.noun}s as CSV", f"{held.noun}s.csv", "text/csv",
            functools.partial(table_files.to_csv, chosen, protect=protect),
        ),
        frame.File(
            "nodes_parquet", "Parquet", f"{held.noun}s.parquet", "application/vnd.apache.parquet",
            functools.partial(table_files.to_parquet, chosen),
        ),
    ]  # fmt: skip


def show_downloads(held: results.Opened) -> None:
    """Draw one button a format of the whole embedding."""
    st.subheader("Download the embedding", anchor=False)
    st.caption(
        f"Every {held.noun} with its mean latent code, encoded from {codes.encoded_from(held.result)}."
    )
    protect = run_view.protect("embedding")

    def write(entry: embedding_files.EmbeddingFormat) -> bytes:
        results.whole_node_table(held.id)  # waits for the columns that take long
        return entry.write(held.result, held.graph, clusters.table(held), protect)

    frame.downloads(
        [
            frame.File(
                f"embedding_{name}",
                entry.title,
                f"embedding-{held.id}{entry.suffix}",
                entry.mime,
                functools.partial(write, entry),
                entry.help,
            )
            for name, entry in embedding_files.formats_for(held.graph).items()
        ]
    )


frame.header(
    "Latent space",
    "Each node (or matrix row) has a latent code. Nodes with similar codes look alike to the model.",
    of_run=True,
)
with frame.guard():
    held = run_view.opened()
    if held is not None:
        run_view.name_run(held)
        run_view.say_codes(held)
        if not results.ready(held.id):
            run_view.wait_for_columns(held.id)
        map_views.open_settings(held)
        colours = latent_map.colours(held, clusters.table(held))
        map_views.open_link(held, colours)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            spec, turned = projections.choose(held)
            colour = latent_map.choose_colour(held, colours)
            looks = latent_map.choose_looks(held)
            kept = map_views.keep(held)
            focus = find_node(held)
        projected = projections.projected(held, spec, turned)
        latent_map.draw(held, projected, colour, looks, focus)
        map_views.note(held, spec, projected.turn, colour, focus)
        match views.choose(held, focus):
            case "node":
                show_node(held, focus)
            case "selection":
                show_selected(held, focus, colour, kept)
            case "clusters":
                clusters.show(held)
            case "axes":
                axes.show(held, focus)
            case _:
                show_all(held)
