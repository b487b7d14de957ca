"""Bring a graph or a matrix, look at it, decide on its repairs."""

import streamlit as st

from dashboard.app import frame, state
from dashboard.data import data_figures, repairs
from dashboard.figures import charts
from vgae_core.analysis import graph_views as views
from vgae_core.analysis import takeaways
from vgae_core.catalogue.values import KINDS
from vgae_core.data.dataset import GraphData
from vgae_core.data.node_pairs import describe_sides
from vgae_core.data.samples import SAMPLES, load_sample

frame.require_router("data")


# ------------------------------------------------------------------------ bringing data
def sample_title(name: str) -> str:
    """Return a sample's name in the list, with its size."""
    sample = SAMPLES[name]
    size = (
        f"{sample.n_nodes:,} nodes, {sample.n_edges:,} edges"
        if sample.n_edges
        else f"{sample.n_nodes:,} rows"
    )
    return f"{sample.title} ({size})"


def choose_sample() -> None:
    """Draw the list of samples; loading one is explicit, because some are fetched."""
    here = state.source().removeprefix("sample:")
    names = list(SAMPLES)
    name = st.selectbox(
        "Sample",
        names,
        index=names.index(here) if here in SAMPLES else 0,
        format_func=sample_title,
        key="sample",
    )
    sample = SAMPLES[name]
    fetched = " Fetched from the internet when loaded." if sample.online else ""
    st.caption(f"{charts.plain(sample.help)} Licence: {charts.plain(sample.licence)}.{fetched}")
    if name == here:
        st.button("Loaded", icon=":material/check:", disabled=True, width="stretch")
    elif st.button("Load sample", type="primary", icon=":material/download:", width="stretch"):
        with frame.guard(), st.spinner(f"Loading {charts.plain(sample.title)}…"):
            state.use_raw(load_sample(name), f"sample:{name}")
            st.rerun()


def upload() -> None:
    """Draw the drop zone and what is in it."""
    from dashboard.data import reading  # readers take half a second to import: not for the first page

    with frame.guard():
        reading.zone()
    with st.expander("Which files can be read?"):
        st.markdown(reading.formats())
    reading.ticket()


def has_waiting() -> bool:
    """Return whether the visitor has files that are not the loaded data."""
    return state.DESK in st.session_state and st.session_state[state.DESK].waits


def say_waiting() -> None:
    """Say beside the samples that files wait on the other tab."""
    n_files = len(st.session_state[state.DESK].files)
    waiting = "1 file is" if n_files == 1 else f"{n_files:,} files are"
    st.caption(f":material/upload_file: {waiting} waiting on the Upload tab.")


def show_waiting() -> None:
    """Draw what waits on the desk."""
    from dashboard.data import reading

    reading.waiting()


# ---------------------------------------------------------------------- looking at them
@st.cache_data(scope="session", max_entries=2, show_spinner=False)
def views_of(fingerprint: str) -> dict:  # the fingerprint is the key: the same content, the same views
    graph = state.graph()
    if graph.is_matrix:
        return matrix_views(graph)
    outgoing, incoming = views.degrees(graph)
    named = {"Outgoing": outgoing, "Incoming": incoming} if graph.directed else {"Nodes": outgoing}
    features = None if graph.features is None else views.feature_view(graph.features)
    labels = None if graph.labels is None else views.label_view(graph.labels, graph.label_names)
    seen = {
        "Degree distribution": takeaways.of_degrees(graph),
        "Adjacency": takeaways.of_adjacency(graph),
    }
    if features is not None:
        seen["Node features"] = takeaways.of_features(features)
    if labels is not None:
        seen["Labels"] = takeaways.of_labels(labels)
    return {
        "numbers": views.numbers(graph),
        "seen": seen,
        "degrees": {name: views.degree_distribution(degree) for name, degree in named.items()},
        "picture": views.adjacency_picture(graph.adjacency),
        "features": features,
        "labels": labels,
    }


def matrix_views(graph: GraphData) -> dict:
    filled, values = views.feature_view(graph.features), views.value_view(graph.features)
    labels = None if graph.labels is None else views.label_view(graph.labels, graph.label_names)
    seen = {
        "Matrix": takeaways.of_matrix(graph.features),
        "Values per row": takeaways.of_features(filled, "row"),
        "Values per column": takeaways.of_columns(filled),
        "Values": takeaways.of_values(values),
    }
    if labels is not None:
        seen["Labels"] = takeaways.of_labels(labels, "row")
    return {
        "rows": filled,
        "columns": views.rank_curve(filled.per_column),
        "values": values,
        "picture": views.matrix_picture(graph.features),
        "labels": labels,
        "seen": seen,
    }


def show_tiles(tiles: dict[str, tuple[str, str]]) -> None:
    with st.grid(4, min_column_width=150, gap="small"):
        for label, (value, about) in tiles.items():
            st.metric(label, value, help=about, border=True)


def show_matrix_numbers(drawn: dict) -> None:
    """Draw the sizes of a matrix and what its values are."""
    graph, seen, values = state.graph(), drawn["rows"], drawn["values"]
    kind = KINDS[graph.profile.feature_kind]
    tiles = {
        "Rows": (f"{graph.n_nodes:,}", "Rows get a latent code: documents, users, cells."),
        "Columns": (f"{seen.n_features:,}", "Columns describe rows: words, items, genes."),
        "Values": (f"{seen.n_values:,}", "Values other than 0."),
        "Density": (f"{seen.density:.2%}", "Share of all values that are not 0."),
        "Values per row": (f"{seen.n_values / graph.n_nodes:.1f}", "Non-zero values, averaged over rows."),
        "Empty rows": (f"{seen.n_empty_nodes:,}", "Rows with zeros only."),
        "Empty columns": (f"{seen.n_empty_features:,}", "Columns with zeros only."),
    }
    if graph.labels is not None:
        tiles["Classes"] = (f"{graph.profile.n_classes:,}", "Different labels of rows.")
    show_tiles(tiles)
    spread = f" From {values.least:,.4g} to {values.most:,.4g} where they are not 0, on average {values.mean:,.4g}."
    st.markdown(
        f":material/category: **{kind.title}** · {kind.help}"
        + ("" if graph.profile.feature_kind == "binary" else charts.plain(spread))
    )
    if not state.source().startswith("sample:"):
        st.caption(f"Read as {charts.plain(state.raw().format)}")


def show_numbers(numbers: views.Numbers) -> None:
    graph = state.graph()
    kind = "Arcs" if graph.directed else "Edges"
    tiles = {
        "Nodes": (f"{numbers.n_nodes:,}", "Nodes of the graph to train on."),
        kind: (f"{numbers.n_edges:,}", "Distinct pairs, self-loops not counted."),
        "Density": (f"{numbers.density:.2%}", "Share of possible pairs that are edges."),
        "Mean degree": (f"{numbers.mean_degree:.1f}", f"The highest is {numbers.max_degree:,}."),
        "Components": (
            f"{numbers.n_components:,}",
            f"Connected parts; the largest has {numbers.largest_component:,} nodes.",
        ),
        "Isolated": (f"{numbers.n_isolated:,}", "Nodes without any neighbour."),
        "Features": (f"{graph.profile.n_features:,}", "Columns of the node features."),
        "Classes": (f"{graph.profile.n_classes:,}", "Different labels of nodes."),
    }
    show_tiles(tiles)
    direction = "Directed" if graph.directed else "Undirected"
    if graph.sides is not None:
        direction = charts.plain(describe_sides(graph.sides, graph.side_names))
    weights = "weighted" if graph.profile.weighted else "unweighted"
    loops = f" · {numbers.n_self_loops:,} self-loops kept" if numbers.n_self_loops else ""
    read = "" if state.source().startswith("sample:") else f" · read as {charts.plain(state.raw().format)}"
    st.caption(f"{direction} · {weights}{loops}{read}")
    if used := takeaways.of_weights(graph, learnt=state.spec().learns_weights):
        st.caption(f":material/weight: {used}")


def show_findings() -> None:
    """Tell what was noticed while reading."""
    report = state.report()
    if report.files:
        from dashboard.data import reading

        with st.expander("How the files were read"):
            reading.files(report.files)
    findings = repairs.other_findings(report)  # the others stand beside the repairs that decide them
    if not findings:
        st.caption(":material/check_circle: Nothing unusual was found.")
    frame.findings(findings)


frame.header(
    "Data",
    "Bring a sparse graph or matrix, train a variational auto-encoder on it, and ask it what is missing. "
    "Start with a sample or your own files.",
)

source, overview = st.columns([1, 2], gap="large")
if state.TAB not in st.session_state:
    st.session_state[state.TAB] = "Sample" if state.source().startswith("sample:") else "Upload"
how = None
with source, frame.guard():
    how = st.segmented_control(
        "Where from",
        ["Sample", "Upload"],
        required=True,
        key=state.TAB,
        label_visibility="collapsed",
        persist_state="session",
    )
    if how == "Upload":
        upload()
    else:
        choose_sample()
        if has_waiting():
            say_waiting()

if how == "Upload" and has_waiting():  # the page shows the files that wait, not the data that are loaded
    with overview, frame.guard():
        show_waiting()
    st.stop()

with overview, frame.guard():
    graph = state.graph()
    drawn = views_of(graph.fingerprint)
    show_matrix_numbers(drawn) if graph.is_matrix else show_numbers(drawn["numbers"])
    show_findings()
    frame.go("Next: choose outputs and settings", "model")

with frame.guard():
    repairs.choose()

with frame.guard():
    graph = state.graph()
    whose = graph.words.node
    seen = drawn["seen"]
    if graph.is_matrix:
        pictures = {
            "Matrix": lambda: data_figures.matrix(drawn["picture"]),
            "Values per row": lambda: data_figures.features(drawn["rows"], graph.feature_names, whose),
            "Values per column": lambda: data_figures.columns(
                drawn["columns"], drawn["rows"], graph.feature_names
            ),
        }
        if graph.profile.feature_kind != "binary":
            pictures["Values"] = lambda: data_figures.values(drawn["values"])
    else:
        pictures = {
            "Degree distribution": lambda: data_figures.degrees(drawn["degrees"]),
            "Adjacency": lambda: data_figures.picture(drawn["picture"]),
        }
        if drawn["features"]:
            pictures["Node features"] = lambda: data_figures.features(drawn["features"], graph.feature_names)
    if drawn["labels"]:
        pictures["Labels"] = lambda: data_figures.labels(drawn["labels"], whose)
    frame.paint_first()
    with st.grid(3 if len(pictures) == 3 else 2, min_column_width=380, gap="medium"):
        for title, draw in pictures.items():
            with st.container(border=True, height="stretch"):
                st.subheader(title, anchor=False)
                if title in seen:
                    st.markdown(charts.plain(seen[title]))
                draw()
