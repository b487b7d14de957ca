"""A part of the graph with what the run says of its nodes, in files that Gephi, igraph and networkx open."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vgae_core.analysis.selections import edges_inside
from vgae_core.data.dataset import GraphData
from vgae_core.data.edge_weights import edge_weights
from vgae_core.data.limits import LIMITS
from vgae_core.data.text import visible
from vgae_core.errors import LimitError


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
    import networkx as nx  # late: a page that offers the file need not wait for it

    if len(nodes) > LIMITS.answer_nodes:
        raise LimitError(
            f"A graph file holds at most {LIMITS.answer_nodes:,} nodes. Received: {len(nodes):,}.",
            mend="Select fewer, or download the table.",
        )
    made = nx.DiGraph() if graph.directed else nx.Graph()
    named = table.iloc[nodes].rename(columns={"label": "class", "node": "label"})
    for node, row in zip(nodes.tolist(), named.to_dict("records"), strict=True):
        made.add_node(
            str(node), **{visible(name): _plain(value) for name, value in row.items() if not pd.isna(value)}
        )
    edges = edges_inside(graph.edges, nodes, graph.n_nodes, len(graph.edges))
    weights = edge_weights(graph.adjacency, edges)
    made.add_weighted_edges_from(
        (str(a), str(b), float(weight)) for (a, b), weight in zip(edges.tolist(), weights, strict=True)
    )
    file = io.BytesIO()
    getattr(nx, GRAPH_FORMATS[format].writer)(made, file)
    return file.getvalue()


def _plain(value: object) -> str | int | float:
    """Return a value as one of Python's own types, which both formats know."""
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, int | float) else visible(value)
