"""GraphML, by networkx on a tree that was parsed without entities."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from vgae_core.data.readers.base import Probe
from vgae_core.data.readers.graphs.xml import document_format, fill

if TYPE_CHECKING:
    import networkx as nx

_SPACE = "http://graphml.graphdrawing.org/xmlns"


def _tag(space: str, local: str) -> str:
    """Read every GraphML dialect, and files without a namespace, as the one networkx knows."""
    own = not space or "graphdrawing" in space
    return f"{{{_SPACE if own else space}}}{local}"


def _graph(probe: Probe, root: Element) -> nx.Graph:
    from networkx.readwrite.graphml import GraphMLReader

    for element in root.iter():  # <data> true </data> as some programs indent it
        element.text = element.text and element.text.strip()
    reader = GraphMLReader(force_multigraph=True)
    found = root.find(f"{{{_SPACE}}}graph")
    if found is None:
        raise probe.error("Holds no <graph>.", mend="Write it with networkx.write_graphml, yEd or Gephi.")
    keys, defaults = reader.find_graphml_keys(root)
    graph = reader.make_graph(found, keys, defaults)
    fill(graph.nodes.values(), graph.graph["node_default"])
    fill(graph.edges.values(), graph.graph["edge_default"])
    return graph


FORMAT = document_format("graphml", "GraphML", _tag, _graph)
