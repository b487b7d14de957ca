"""GEXF (Gephi), by networkx on a tree that was parsed without entities."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from vgae_core.data.readers.base import Probe
from vgae_core.data.readers.graphs.xml import document_format, fill

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
    fill(graph.nodes.values(), graph.graph.get("node_default", {}))
    if any("weight" in attributes for _, _, attributes in graph.edges(data=True)):
        for _, _, attributes in graph.edges(data=True):
            attributes.setdefault("weight", 1.0)  # the format's default
    return graph


FORMAT = document_format("gexf", "GEXF", _tag, _graph)
