"""GEXF (Gephi), by networkx on a tree that was parsed without entities."""

from __future__ import annotations

import copy
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


def _one_direction(graph: Element) -> None:
    """Make all edges directed where some are and some are not: an undirected one becomes two."""
    default = graph.get("defaultedgetype", "undirected")
    edges = [(parent, edge) for parent in graph.iter(f"{{{_SPACE}}}edges") for edge in list(parent)]
    kinds = {edge.get("type", default) for _, edge in edges}
    if "directed" not in kinds or len(kinds) == 1:
        kinds = {"directed"} if kinds == {"directed"} else {"undirected"}
    for parent, edge in edges:
        other_way = edge.get("type", default) != "directed" and "directed" in kinds
        edge.attrib.pop("type", None)
        if other_way:
            twin = copy.deepcopy(edge)
            twin.set("source", edge.get("target", ""))
            twin.set("target", edge.get("source", ""))
            twin.attrib.pop("id", None)
            parent.append(twin)
    graph.set("defaultedgetype", "directed" if "directed" in kinds else "undirected")


def _graph(probe: Probe, root: Element) -> nx.Graph:
    from networkx.readwrite.gexf import GEXFReader

    reader = GEXFReader(version="1.2draft")
    reader.simple_graph = False  # keep parallel edges
    found = root.find(f"{{{_SPACE}}}graph")
    if found is None:
        raise probe.error("Holds no <graph>.", mend="Write it with Gephi or networkx.write_gexf.")
    _one_direction(found)
    graph = reader.make_graph(found)
    fill(graph.nodes.values(), graph.graph.get("node_default", {}))
    if any("weight" in attributes for _, _, attributes in graph.edges(data=True)):
        for _, _, attributes in graph.edges(data=True):
            attributes.setdefault("weight", 1.0)  # the format's default
    return graph


FORMAT = document_format("gexf", "GEXF", _tag, _graph)
