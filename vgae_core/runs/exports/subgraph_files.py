"""The graph, or a part of it, with what the run says of it, in files that Gephi, igraph and networkx open."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vgae_core.analysis.link_search import EXACT_NODES
from vgae_core.analysis.scoring import probabilities
from vgae_core.analysis.selections import edges_inside
from vgae_core.data.dataset import GraphData
from vgae_core.data.edge_weights import edge_weights
from vgae_core.data.text import visible
from vgae_core.errors import LimitError
from vgae_core.host.limits import LIMITS
from vgae_core.runs.results.result import RunResult
from vgae_core.runs.views.node_tables import embedding_table

MISSING = 1000
"""Missing links in a file of the whole graph, the likeliest."""

MAX_VALUES = 3_000_000
"""Attributes in such a file: about half a minute to write."""


@dataclass(frozen=True)
class GraphFormat:
    """One format of a graph: what a button says, and the function of networkx that writes it."""

    title: str
    suffix: str
    mime: str
    writer: str


GRAPH_FORMATS: dict[str, GraphFormat] = {
    "graphml": GraphFormat("GraphML", ".graphml", "application/xml", "write_graphml_xml"),
    "gexf": GraphFormat("GEXF", ".gexf", "application/xml", "write_gexf"),
}


_RESERVED = ("id", "pid", "start", "end", "viz", "parents", "slices", "spells")
"""Attributes of nodes that networkx takes out and writes as other parts of GEXF: an id, a time, a colour."""


def write_subgraph(graph: GraphData, table: pd.DataFrame, nodes: np.ndarray, format: str) -> bytes:
    """Return the graph between some nodes, with the columns of their table as attributes.

    Parameters
    ----------
    graph : GraphData
    table : DataFrame, n_nodes rows
        The node table; missing values are left out, and what cannot be seen is taken out of texts, as XML knows no
        control characters.
    nodes : ndarray of int64
        Ascending.
    format : str
        Key of :data:`GRAPH_FORMATS`.

    Returns
    -------
    bytes
        Nodes are called by their row; ``label`` is their name, ``class`` their label.

    Raises
    ------
    LimitError
        If there are more nodes than can be asked about on a page.
    """
    if len(nodes) > LIMITS.answer_nodes:
        raise LimitError(
            f"A graph file holds at most {LIMITS.answer_nodes:,} nodes. Received: {len(nodes):,}.",
            mend="Select fewer, or download the table.",
        )
    edges = edges_inside(graph.edges, nodes, graph.n_nodes, len(graph.edges))
    return _written(graph.directed, table.iloc[nodes], _edge_table(graph, edges), format)


def write_graph(result: RunResult, graph: GraphData, format: str, table: pd.DataFrame | None = None) -> bytes:
    """Return the whole graph with all that a run says of it.

    Parameters
    ----------
    result : RunResult
        Of a graph auto-encoder.
    graph : GraphData
        The graph it was trained on.
    format : str
        Key of :data:`GRAPH_FORMATS`.
    table : DataFrame, n_nodes rows, optional
        The node table, where it is known, with clusters or without.

    Returns
    -------
    bytes
        Nodes as in :func:`write_subgraph`, with codes ``z_0`` …; edges with ``kind``, "edge" or "missing link", the
        model's ``logit`` and ``probability``, and ``weight`` (1 of a missing link). Missing links are the
        :data:`MISSING` likeliest, in graphs of up to :data:`vgae_core.analysis.link_search.EXACT_NODES` nodes.

    Raises
    ------
    LimitError
        If it would hold more than :data:`MAX_VALUES` attributes.
    """
    table = embedding_table(result, graph, table)
    values = table.shape[0] * table.shape[1] + 4 * len(graph.edges)
    if values > MAX_VALUES:
        raise LimitError(
            f"A graph file holds at most {MAX_VALUES:,} values of nodes and edges. This one would hold {values:,}.",
            mend="Select part of the graph, or download the embedding as Parquet.",
        )
    if not result.family.links_nodes:
        parts = [_edge_table(graph, graph.edges)]
    else:
        parts = [_scored(graph, graph.edges, result.link_scorer(graph)(graph.edges), "edge")]
        if graph.n_nodes <= EXACT_NODES:
            pairs, logits = result.missing_links(graph, MISSING)
            parts.append(_scored(graph, pairs, logits, "missing link"))
    return _written(graph.directed, table, pd.concat(parts, ignore_index=True), format)


def _edge_table(graph: GraphData, pairs: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"a": pairs[:, 0], "b": pairs[:, 1], "weight": edge_weights(graph.adjacency, pairs)})


def _scored(graph: GraphData, pairs: np.ndarray, logits: np.ndarray, kind: str) -> pd.DataFrame:
    table = _edge_table(graph, pairs)
    if kind != "edge":
        table["weight"] = 1.0
    return table.assign(kind=kind, logit=logits.astype(np.float64), probability=probabilities(logits))


def _written(directed: bool, nodes: pd.DataFrame, edges: pd.DataFrame, format: str) -> bytes:
    """Return a graph of nodes (by the index of their table) and edges (columns a, b, and their attributes)."""
    import networkx as nx  # late: a page that offers the file need not wait for it

    made = nx.DiGraph() if directed else nx.Graph()
    named = nodes.set_axis(_attribute_names(nodes.columns), axis=1)
    for node, row in zip(nodes.index.tolist(), named.to_dict("records"), strict=True):
        made.add_node(
            str(node), **{str(name): _plain(value) for name, value in row.items() if not pd.isna(value)}
        )
    for a, b, *values in edges.itertuples(index=False):
        attributes = zip(edges.columns[2:], map(_plain, values), strict=True)
        made.add_edge(str(a), str(b), **dict(attributes))
    file = io.BytesIO()
    getattr(nx, GRAPH_FORMATS[format].writer)(made, file)
    return file.getvalue()


def _attribute_names(columns: Iterable[object]) -> list[str]:
    """Return what columns of a node table are called in the file, each name once and none that stands for more."""
    own = {"label": "class", "node": "label"}
    taken = [*_RESERVED, *own.values()]
    names = []
    for column in map(str, columns):
        name = own.get(column)
        if name is None:
            name = visible(column)
            while name in taken:
                name += "_"
            taken.append(name)
        names.append(name)
    return names


def _plain(value: object) -> str | int | float:
    """Return a value as one of Python's own types, which both formats know."""
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, int | float) else visible(value)
