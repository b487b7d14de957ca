"""Explore what the latent code of each node, or of each row of a matrix, tells."""

import functools

import pandas as pd
import streamlit as st

from dashboard import background, charts, forms, frame, maps, next_links, pick, results, scenarios, scores
from vgae_core.analysis import embedding, projection
from vgae_core.analysis.projection import ProjectionSpec
from vgae_core.runs import codes, embedding_files, table_files
from vgae_core.settings.fields import settings_of

frame.require_router("latent_space")

USED_BY = {"tsne": ("perplexity", "max_points", "seed"),
           "umap": ("n_neighbors", "min_dist", "max_points", "seed")}  # fmt: skip


# ---------------------------------------------------------------------------- controls
def choose_map() -> ProjectionSpec:
    """Draw method, dimensions and, for the slow methods, their settings."""
    known = {s.name: s for s in settings_of(ProjectionSpec)}
    values = {"method": forms.field(known["method"], known["method"].default, "map_method")}
    dim = known["dim"]
    values["dim"] = st.segmented_control(
        dim.title,
        range(int(dim.low), int(dim.high) + 1),
        default=dim.default,
        format_func="{}-D".format,
        required=True,
        help=dim.help,
        key="map_dim",
    )
    values["unit_length"] = forms.field(known["unit_length"], known["unit_length"].default, "map_unit_length")
    used = USED_BY.get(values["method"], ())
    if used:
        with st.popover("Settings", icon=":material/tune:"):
            for name in used:
                values[name] = forms.field(known[name], known[name].default, f"map_{name}")
    return ProjectionSpec.from_dict(values)


def choose_colour(table: pd.DataFrame) -> str:
    """Draw the list of what the points can be coloured by."""
    return st.selectbox(
        "Colour by",
        maps.choices(table),
        format_func=lambda name: (
            charts.plain(maps.title(name)) if name not in maps.TITLES else maps.TITLES[name]
        ),
        key="map_colour",
    )


def find_node(held: results.Opened) -> int | None:
    """Draw the search for a node and return its row."""
    names = results.node_names(held.id)
    name = pick.name(f"Find a {held.noun}", names, "map_node", placeholder="Type a part of its name")
    return None if name is None else names.index(name)


# -------------------------------------------------------------------------------- map
def points_of(held: results.Opened, spec: ProjectionSpec) -> tuple[maps.Points, str]:
    """Return what to draw, and a note in Markdown on what it is."""
    n = held.graph.n_nodes
    key = f"{held.id}|{spec}"
    made = None
    if spec.method != "pca":
        made = background.result(key)
        title = projection.METHODS[spec.method].title
        if made is None:
            background.panel(
                "map", key, "project",
                lambda: ({"z": held.result.codes.z_mean, "by": results.fair_classes(held.id)}, spec.to_dict()),
                label=f"Make the {title} map",
                about=f"{projection.METHODS[spec.method].help} Until it is made you see PCA.",
                seconds=projection.SECONDS,
            )  # fmt: skip
    if made is not None:
        arrays, _ = made
        nodes = arrays["index"]
        hover = results.hover_texts(held.id, nodes)
        axes = tuple(f"{title} {i + 1} (no unit)" for i in range(spec.dim))
        note = projection.METHODS[spec.method].help
        if len(nodes) < n:
            note += f" A fair sample of {len(nodes):,} of {n:,} {held.noun}s."
        return maps.Points(nodes, arrays["coordinates"], hover, axes), note
    coordinates, explained = results.pca_map(held.id, spec.dim, spec.unit_length)
    nodes = results.shown_nodes(held.id)
    axes = tuple(f"PC {i + 1} ({share:.0%} of variance)" for i, share in enumerate(explained))
    note = f"{spec.dim} principal components hold {explained.sum():.0%} of the variance of the mean codes"
    note += ", each scaled to length 1." if spec.unit_length else "."
    crowd = None
    if len(nodes) < n:
        note += (
            f" Points are a fair sample of {len(nodes):,} of {n:,} {held.noun}s"
            + ("; the grey density counts all of them." if spec.dim == 2 else ".")
        )  # fmt: skip
        crowd = coordinates if spec.dim == 2 else None
    return maps.Points(nodes, coordinates[nodes], results.hover_texts(held.id, nodes), axes, crowd), note


def draw_map(held: results.Opened, spec: ProjectionSpec, colour: str, focus: int | None) -> list[int]:
    """Draw the map and return the nodes selected on it."""
    points, note = points_of(held, spec)
    joined = focus is not None and not held.graph.is_matrix
    friends = embedding.true_neighbours(held.graph, focus) if joined else points.nodes[:0]
    fig = maps.figure(points, results.node_table(held.id)[colour], focus, friends)
    flat = spec.dim == 2
    event = charts.show(
        fig,
        key="latent_map" if flat else "latent_map_3d",
        alt=f"Map of {len(points.nodes):,} {held.noun}s by {maps.title(colour)}; the table below lists them.",
        on_select="rerun" if flat else "ignore",
        height=maps.HEIGHT,
    )
    hint = (
        f" Draw a lasso or a box to list {held.noun}s below; click one to see its neighbours." if flat else ""
    )
    st.caption(charts.plain(note) + hint)
    if not flat or not event:
        return []
    picked = [point.get("customdata") for point in event["selection"]["points"]]
    # Plotly gives a number, or a list of one.
    return [int(p[0] if isinstance(p, list) else p) for p in picked if p is not None]


# ------------------------------------------------------------------------------- node
def show_neighbours(held: results.Opened, node: int) -> None:
    """Draw the nearest codes of a node beside its true neighbours."""
    row = results.node_table(held.id).iloc[node]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(f"Neighbours of {charts.plain(row['node'], 60)}", anchor=False, width="content")
        if st.button(
            "What if…", key="node_what_if", icon=":material/alt_route:", help="Edit it and see what changes."
        ):
            scenarios.ask(held.id, (str(row["node"]), ""))
    # An inner product of codes is the logit of an edge; of two rows it says nothing.
    measures = [name for name in embedding.SIMILARITIES if name != "inner_product" or not held.on_matrix]
    metric = st.segmented_control(
        "Nearness",
        measures,
        default=measures[0],
        required=True,
        format_func=lambda key: embedding.SIMILARITIES[key].title,
        help="  \n".join(
            f"**{entry.title}**: {entry.help}" for entry in map(embedding.SIMILARITIES.get, measures)
        ),
        key=f"map_metric_{held.noun}",
    )
    near, true, hits = results.near_and_true(held, node, metric)
    title = embedding.SIMILARITIES[metric].title
    columns = {
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
            show_row(held, node)
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


def show_row(held: results.Opened, row: int) -> None:
    """Draw what a row holds, with what the model expects of it."""
    table = results.row_entries(held.id, row)
    st.markdown(f"**Its values** ({len(table):,})")
    st.dataframe(
        results.shown(table), column_config=scores.entry_columns(held.result.head), hide_index=True, width="stretch",
        key="row_table", height=388,
    )  # fmt: skip


# ------------------------------------------------------------------------------ table
def show_table(held: results.Opened, picked: list[int]) -> None:
    """Draw the table of the selected nodes, or of all."""
    table = results.node_table(held.id)
    if picked:
        chosen = table.iloc[sorted(set(picked))]
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.subheader(f"Selected {held.noun}s ({len(picked):,})", anchor=False, width="content")
            if not held.on_matrix and st.button(
                "What if… with these nodes",
                key="selection_what_if",
                icon=":material/alt_route:",
                help="Link all of them to a node, or to a new one.",
            ):
                scenarios.ask(held.id, None, selection=[str(name) for name in chosen["node"]])
        rows = results.shown(chosen)
    else:
        st.subheader(f"All {held.noun}s ({len(table):,})", anchor=False)
        chosen, rows = table, results.node_rows(held.id)
    st.dataframe(
        rows,
        column_config=maps.columns(table, held.noun),
        hide_index=True,
        width="stretch",
        height=330,
        lazy=True,  # the browser gets the rows it shows
        key="node_table",
    )  # fmt: skip
    protect = results.protect("nodes")
    make = lambda: table_files.to_csv(chosen, protect=protect)  # noqa: E731
    frame.downloads(
        [frame.File("nodes_csv", f"These {held.noun}s as CSV", f"{held.noun}s.csv", "text/csv", make)]
    )


def show_downloads(held: results.Opened) -> None:
    """Draw one button a format of the whole embedding."""
    st.subheader("Download the embedding", anchor=False)
    st.caption(
        f"Every {held.noun} with its mean latent code, encoded from {codes.encoded_from(held.result)}."
    )
    protect = results.protect("embedding")

    def write(entry: embedding_files.EmbeddingFormat) -> bytes:
        return entry.write(held.result, held.graph, results.whole_node_table(held.id), protect)

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
            for name, entry in embedding_files.EMBEDDING_FORMATS.items()
        ]
    )


frame.header(
    "Latent space",
    "Each node (or matrix row) has a latent code. Nodes with similar codes look alike to the model.",
    of_run=True,
)
with frame.guard():
    held = results.opened()
    if held is not None:
        results.name_run(held)
        results.say_codes(held)
        if not results.ready(held.id):
            results.wait_for_columns(held.id)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            spec = choose_map()
            colour = choose_colour(results.node_table(held.id))
            focus = find_node(held)
        picked = draw_map(held, spec, colour, focus)
        if focus is None and len(picked) == 1:
            focus = picked[0]
        if focus is not None:
            show_neighbours(held, focus)
            if not held.on_matrix:
                next_links.of_node(held, focus)
        show_table(held, picked)
        show_downloads(held)
