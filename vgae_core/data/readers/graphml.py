"""GraphML, by networkx on a tree that was parsed without entities."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from vgae_core.data.readers.base import Edges, Format, Probe
from vgae_core.data.readers.networks import graph_edges, inner_parts, parse
from vgae_core.data.readers.xml import has_root, parse_tree

if TYPE_CHECKING:
    import networkx as nx

_SPACE = "http://graphml.graphdrawing.org/xmlns"


def _tag(space: str, local: str) -> str:
    """Read every GraphML dialect, and files without a namespace, as the one networkx knows."""
    own = not space or "graphdrawing" in space
    return f"{{{_SPACE if own else space}}}{local}"


def _graph(probe: Probe, root: Element) -> nx.Graph:
    from networkx.readwrite.graphml import GraphMLReader

    reader = GraphMLReader(force_multigraph=True)
    found = root.find(f"{{{_SPACE}}}graph")
    if found is None:
        raise probe.error("Holds no <graph>.", mend="Write it with networkx.write_graphml, yEd or Gephi.")
    keys, defaults = reader.find_graphml_keys(root)
    graph = reader.make_graph(found, keys, defaults)
    for key, value in graph.graph["node_default"].items():
        for attributes in graph.nodes.values():
            attributes.setdefault(key, value)
    for key, value in graph.graph["edge_default"].items():
        for attributes in graph.edges.values():
            attributes.setdefault(key, value)
    return graph


def _edges(probe: Probe) -> Edges:
    root, n_nodes, n_edges = parse_tree(probe, _tag)
    graph = parse(probe, FORMAT.title, lambda: _graph(probe, root))
    return graph_edges(probe, graph, FORMAT.title, n_nodes=n_nodes, n_edges=n_edges)


FORMAT = Format(
    key="graphml",
    title="GraphML",
    suffixes=("graphml",),
    recognise=lambda probe: has_root(probe, "graphml"),
    guess=lambda probe: "edges",
    edges=_edges,
    parts=lambda probe, content: inner_parts(_edges(probe)),
)
