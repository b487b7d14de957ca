"""GML, by networkx; parallel edges and text beyond ASCII, which it refuses, included."""

from __future__ import annotations

import re

from vgae_core.data.readers.base import Edges, Probe
from vgae_core.data.readers.graphs.networks import graph_edges, graph_format, parse

_GRAPH = re.compile(r"(?im)^([ \t]*)graph(\s*)\[")  # not \s: a run of newlines would take quadratic time


def _recognise(probe: Probe) -> bool:
    return re.search(rb"(?im)^[ \t]*graph\s*\[", probe.head) is not None


def _text(probe: Probe) -> str:
    try:
        text = probe.path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise probe.error(f"Not UTF-8 text: {error.reason}.", mend="Save the file as UTF-8.") from error
    for keyword, limit in (("node", "nodes"), ("edge", "edges")):
        count = sum(1 for _ in re.finditer(rf"(?i)\b{keyword}\s*\[", text))
        probe.limits.check(limit, count, where=probe.name)
    # As GML wants it: ASCII with character references.
    text = text.encode("ascii", "xmlcharrefreplace").decode("ascii")
    return _GRAPH.sub(r"\1graph\2[ multigraph 1 ", text, count=1)


def _edges(probe: Probe) -> Edges:
    import networkx as nx

    graph: nx.Graph = parse(probe, FORMAT.title, lambda: nx.parse_gml(_text(probe), label="id"))
    return graph_edges(probe, graph, FORMAT.title)


FORMAT = graph_format("gml", "GML", ("gml",), _recognise, _edges)
