"""Node-link JSON, as networkx and D3 write it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from vgae_core.data.readers.base import Edges, Format, Probe, shorten
from vgae_core.data.readers.networks import graph_edges, inner_parts, parse

if TYPE_CHECKING:
    import networkx as nx

_START = re.compile(rb"\A(\xef\xbb\xbf)?\s*\{")
_LISTS = re.compile(rb'"(nodes|links|edges)"\s*:\s*\[\s*[{\]]')
_MEND = 'Expected {"nodes": [{"id": …}, …], "links": [{"source": …, "target": …}, …]}.'
MAX_DEPTH = 100


def _recognise(probe: Probe) -> bool:
    return _START.match(probe.head) is not None and _LISTS.search(probe.head) is not None


def _constant(name: str) -> float:
    raise ValueError(f"{name} is not a number in JSON")


def load_json(probe: Probe, mend: str) -> Any:
    """Return what the JSON file holds; numbers are finite and nesting is bounded.

    Raises
    ------
    DataError
        If it is not JSON, with the line where that shows.
    """
    try:
        text = probe.path.read_text("utf-8-sig")
        brackets = re.sub(r'"(?:[^"\\]|\\.)*"|[^][{}"]+', "", text, flags=re.DOTALL)
        opening = np.isin(np.frombuffer(brackets.encode(), np.uint8), np.frombuffer(b"[{", np.uint8))
        if np.cumsum(np.where(opening, 1, -1)).max(initial=0) > MAX_DEPTH:
            raise probe.error(f"Nested more than {MAX_DEPTH} deep.", mend=mend)
        return json.loads(text, parse_constant=_constant)
    except UnicodeDecodeError as error:
        raise probe.error(f"Not UTF-8 text: {error.reason}.", mend="Save it as UTF-8.") from error
    except json.JSONDecodeError as error:
        raise probe.error(f"Not JSON: {error.msg}.", line=error.lineno, mend=mend) from error
    except RecursionError as error:
        raise probe.error("Not JSON: nested too deeply.", mend=mend) from error


def _lists(probe: Probe, content: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return nodes and links."""
    name = next((n for n in ("links", "edges") if isinstance(content.get(n), list)), "links")
    found: list[list[dict[str, Any]]] = []
    for key in ("nodes", name):
        items = content.get(key)
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise probe.error(f"`{key}` must be a list of objects.", mend=_MEND)
        found.append(items)
    for end in ("source", "target"):
        if any(not isinstance(link.get(end), str | int) for link in found[1]):
            bad = next(link for link in found[1] if not isinstance(link.get(end), str | int))
            raise probe.error(f"The {end} of a link is {shorten(repr(bad.get(end)))}.", mend=_MEND)
    return found[0], found[1]


def _key(nodes: list[dict[str, Any]], links: list[dict[str, Any]]) -> str | None:
    """Return the attribute that links call nodes by, or None if they count them from 0."""
    ends = {link[end] for link in links for end in ("source", "target")}
    keys = [k for k in ("id", "key", "name", "label") if all(isinstance(n.get(k), str | int) for n in nodes)]
    if "id" in keys and ends <= {node["id"] for node in nodes}:
        return "id"
    if all(isinstance(end, int) and 0 <= end < len(nodes) for end in ends):
        return None
    return next((k for k in keys if ends <= {node[k] for node in nodes}), keys[0] if keys else None)


def _graph(probe: Probe, content: Any) -> tuple[nx.Graph, int, int]:
    import networkx as nx

    nodes, links = _lists(probe, content)
    probe.limits.check("nodes", len(nodes), where=probe.name)
    probe.limits.check("edges", len(links), where=probe.name)
    key = _key(nodes, links)
    # Not networkx.node_link_graph, which joins parallel edges and stumbles over an attribute "key".
    graph: nx.Graph = nx.MultiDiGraph() if content.get("directed") is True else nx.MultiGraph()
    named = ((i if key is None else node[key], node) for i, node in enumerate(nodes))
    graph.add_nodes_from((name, {k: v for k, v in node.items() if k != key}) for name, node in named)
    graph.add_edges_from((link["source"], link["target"], link) for link in links)
    return graph, len(nodes), len(links)


def _edges(probe: Probe) -> Edges:
    content = load_json(probe, _MEND)
    graph, n_nodes, n_edges = parse(probe, FORMAT.title, lambda: _graph(probe, content))
    return graph_edges(probe, graph, FORMAT.title, n_nodes=n_nodes, n_edges=n_edges)


FORMAT = Format(
    key="node-link",
    title="node-link JSON",
    suffixes=("json",),
    recognise=_recognise,
    guess=lambda probe: "edges",
    edges=_edges,
    parts=lambda probe, content: inner_parts(_edges(probe)),
)
