"""GEXF (Gephi), by networkx on a tree that was parsed without entities."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from vgae_core.data.readers.base import Edges, Format, Probe
from vgae_core.data.readers.networks import graph_edges, inner_parts, parse
from vgae_core.data.readers.xml import has_root, parse_tree

if TYPE_CHECKING:
    import networkx as nx

_SPACE = "http://www.gexf.net/1.2draft"


def _tag(space: str, local: str) -> str:
    """Read every version, 1.0 to 1.3, as the one networkx reads by default."""
    return f"{{{_SPACE}/viz}}{local}" if space.endswith("viz") else f"{{{_SPACE}}}{local}"


def _graph(probe: Probe, root: Element) -> nx.Graph:
    from networkx.readwrite.gexf import GEXFReader

    reader = GEXFReader(version="1.2draft")
    reader.simple_graph = False  # keep parallel edges
    found = root.find(f"{{{_SPACE}}}graph")
    if found is None:
        raise probe.error("Holds no <graph>.", mend="Write it with Gephi or networkx.write_gexf.")
    graph = reader.make_graph(found)
    for key, value in graph.graph.get("node_default", {}).items():
        for attributes in graph.nodes.values():
            attributes.setdefault(key, value)
    return graph


def _edges(probe: Probe) -> Edges:
    root, n_nodes, n_edges = parse_tree(probe, _tag)
    graph = parse(probe, FORMAT.title, lambda: _graph(probe, root))
    return graph_edges(probe, graph, FORMAT.title, n_nodes=n_nodes, n_edges=n_edges)


FORMAT = Format(
    key="gexf",
    title="GEXF",
    suffixes=("gexf",),
    recognise=lambda probe: has_root(probe, "gexf"),
    guess=lambda probe: "edges",
    edges=_edges,
    parts=lambda probe, content: inner_parts(_edges(probe)),
)
