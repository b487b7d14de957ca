"""Node-link JSON, as networkx, D3, vis.js, graphology and the JSON Graph Format write it, and its relatives.

The relatives are Cytoscape.js and networkx' adjacency data.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from vgae_core.data.findings import Finding
from vgae_core.data.readers.base import Edges, Probe, examples, shorten
from vgae_core.data.readers.graphs.networks import graph_edges, graph_format, parse
from vgae_core.data.readers.text.json_file import (
    all_lists,
    all_objects,
    is_json,
    is_lines,
    is_scalar,
    load_json,
)

if TYPE_CHECKING:
    import networkx as nx

_LINKS = ("links", "edges")
_ENDS = (
    ("source", "target"), ("from", "to"), ("src", "dst"), ("start", "end"), ("u", "v"), ("sub", "obj"),
    ("subject", "object"), ("head", "tail"), ("_outV", "_inV"), ("outV", "inV"),
)  # fmt: skip
_CLASSES = ("labels", "y", "classes", "target", "targets")
"""Names of a list with the class of each node, beside edges between numbers."""
_MEND = 'Expected {"nodes": [{"id": …}, …], "links": [{"source": …, "target": …}, …]}.'
_PROGRAM = frozenset({"SUID", "selected", "shared_name", "shared_interaction", "id_original"})
"""What Cytoscape notes for itself."""

_KNOWN = frozenset({"nodes", "vertices", "links", "edges", "graph", "metadata", "attributes", "options"})
"""Parts that hold the graph, or nothing about its nodes and edges."""
_Objects = list[dict[str, Any]]


def _inner(content: Any) -> Any:
    """Return the graph of the JSON Graph Format, which stands in "graph", or in "graphs" if it is the only one."""
    if not isinstance(content, dict):
        return content
    if _links_of(content) is None:  # {"status": "ok", "data": {"nodes": …, "edges": …}}, as services answer
        inner = [part for part in content.values() if _links_of(part) is not None]
        if len(inner) == 1 and not isinstance(content.get("nodes"), list):
            return inner[0]
    graph, graphs = content.get("graph"), content.get("graphs")
    if isinstance(graph, dict) and any(isinstance(graph.get(name), list) for name in _LINKS):
        return graph
    if isinstance(graphs, list) and len(graphs) == 1 and isinstance(graphs[0], dict):
        return graphs[0]
    return content


def _links_of(content: Any) -> list[Any] | None:
    """Return the list of links, or None if there is none."""
    if not isinstance(content, dict):
        return None
    return next((content[name] for name in _LINKS if isinstance(content.get(name), list)), None)


# ---------------------------------------------------------------------------------- node-link
def _recognise(probe: Probe) -> bool:
    if not is_json(probe) or is_lines(probe):
        return False
    content = _inner(load_json(probe))
    if isinstance(content, dict) and isinstance(content.get("graphs"), list):
        raise probe.error(f"Holds {len(content['graphs'])} graphs.", mend="Provide one graph per file.")
    return _links_of(content) is not None or (
        isinstance(content, dict) and isinstance(content.get("nodes"), list) and all_objects(content["nodes"])
    )


def _lists(probe: Probe, content: Any) -> tuple[_Objects, _Objects, bool]:
    """Return nodes, links and whether the nodes are listed."""
    links = _links_of(content)
    nodes = content.get("nodes", content.get("vertices"))
    if nodes is None and links:
        nodes = _numbered(content, links)
    if isinstance(nodes, dict):  # by id
        nodes = [{**(node if isinstance(node, dict) else {}), "id": name} for name, node in nodes.items()]
    if isinstance(nodes, list) and all(map(is_scalar, nodes)):
        nodes = [{"id": node} for node in nodes]
    if nodes is not None and not (isinstance(nodes, list) and all_objects(nodes)):
        raise probe.error("`nodes` must be a list of objects.", mend=_MEND)
    if links is None:
        raise probe.error("`links` must be a list of objects.", mend=_MEND)
    ends = next(
        (ends for ends in _ENDS if links and all(isinstance(x, dict) and ends[0] in x for x in links)),
        _ENDS[0],
    )
    return (
        [_flat(node) for node in nodes or []],
        [_link(probe, link, ends) for link in links],
        nodes is not None,
    )


def _numbered(content: dict[str, Any], links: list[Any]) -> _Objects | None:
    """Return nodes numbered from 0 with their classes, if a list beside pairs of numbers has one for each."""
    classes = next((content[name] for name in _CLASSES if isinstance(content.get(name), list)), None)
    ends = [end for link in links if isinstance(link, list) for end in link[:2]]
    counted = bool(ends) and all(isinstance(end, int) for end in ends)
    if classes is None or not counted or not 0 <= min(ends) <= max(ends) < len(classes):
        return None
    if not all(map(is_scalar, classes)):
        return None
    return [{"id": i, "class": label} for i, label in enumerate(classes)]


def _flat(item: dict[str, Any]) -> dict[str, Any]:
    """Return an object with its inner attributes beside the others."""
    inner: dict[str, Any] = next(
        (item[k] for k in ("attributes", "metadata", "data") if isinstance(item.get(k), dict)), {}
    )
    return {**inner, **{k: v for k, v in item.items() if not isinstance(v, dict)}}


def _link(probe: Probe, link: Any, ends: tuple[str, str]) -> dict[str, Any]:
    """Return a link, which may be a pair, with its ends as `source` and `target`."""
    if isinstance(link, list) and len(link) in (2, 3):
        more = link[2] if len(link) == 3 else {}
        found = {
            **(more if isinstance(more, dict) else {"weight": more}),
            "source": link[0],
            "target": link[1],
        }
    elif isinstance(link, dict):
        found = _flat(link)
        for name, end in zip(("source", "target"), ends, strict=True):
            value = link.get(end)
            if isinstance(value, dict):  # D3 puts the node itself in place of its id
                value = value.get("id", value.get("index"))
            found[name] = value
    else:
        raise probe.error(f"A link is {shorten(repr(link))}.", mend=_MEND)
    for end in ("source", "target"):
        if not is_scalar(found[end]):
            raise probe.error(f"The {end} of a link is {shorten(repr(found[end]))}.", mend=_MEND)
    return found


def _key(nodes: _Objects, links: _Objects) -> str | None:
    """Return the attribute that links call nodes by, or None if they count them from 0."""
    ends = {link[end] for link in links for end in ("source", "target")}
    keys = [
        k
        for k in ("id", "key", "_id", "name", "label")
        if all(isinstance(n.get(k), str | int) for n in nodes)
    ]
    if "id" in keys and ends <= {node["id"] for node in nodes}:
        return "id"
    if all(isinstance(end, int) and 0 <= end < len(nodes) for end in ends):
        return None
    texts = set(map(str, ends))
    return next((k for k in keys if texts <= {str(n[k]) for n in nodes}), keys[0] if keys else None)


def _graph(probe: Probe, content: Any) -> tuple[nx.Graph, int | None, int]:
    import networkx as nx

    nodes, links, listed = _lists(probe, content)
    probe.limits.check("nodes", len(nodes), where=probe.name)
    probe.limits.check("edges", len(links), where=probe.name)
    key = _key(nodes, links) if listed else "id"
    if key is not None and len({str(node[key]) for node in nodes}) < len({node[key] for node in nodes}):
        raise probe.error(
            "A node id is not unique: once a number, once a text.", mend="Give every node its own id."
        )
    # Not networkx.node_link_graph, which joins parallel edges and stumbles over an attribute "key".
    graph: nx.Graph = nx.MultiDiGraph() if content.get("directed") is True else nx.MultiGraph()
    # Ids may be numbers in one place and texts in the other.
    name = int if key is None else str
    named = ((i if key is None else str(node[key]), node) for i, node in enumerate(nodes))
    graph.add_nodes_from((called, {k: v for k, v in node.items() if k != key}) for called, node in named)
    graph.add_edges_from((name(link["source"]), name(link["target"]), _about(link)) for link in links)
    return graph, len(nodes) if listed else None, len(links)


def _about(link: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in link.items() if k not in ("source", "target", "id", "key", "index")}


def _edges(probe: Probe) -> Edges:
    content = _inner(load_json(probe))
    graph, n_nodes, n_edges = parse(probe, FORMAT.title, lambda: _graph(probe, content))
    edges = graph_edges(probe, graph, FORMAT.title, n_nodes=n_nodes, n_edges=n_edges)
    left = [
        name
        for name, value in content.items()
        if name not in _KNOWN and isinstance(value, list | dict) and value
    ]
    if left:
        told = Finding("parts-ignored", "info", f"Parts of {probe.name} that were not used: "
                       f"{', '.join(map(shorten, left[:5]))}.", len(left), examples(left))  # fmt: skip
        edges = dataclasses.replace(edges, findings=(*edges.findings, told))
    return edges


FORMAT = graph_format("node-link", "node-link JSON", ("json",), _recognise, _edges)


# --------------------------------------------------------------------------------- Cytoscape.js
def _elements(content: Any) -> tuple[list[Any], list[Any]] | None:
    """Return the elements that are nodes and those that are edges, or None if this is not Cytoscape.js."""
    found = content.get("elements", content) if isinstance(content, dict) else content
    if isinstance(found, dict):
        lists = [found.get(name, []) for name in ("nodes", "edges")]
        if not all_lists(lists) or not any(lists):
            return None
        nodes, edges = lists
    elif isinstance(found, list):
        edges = [
            x
            for x in found
            if isinstance(x, dict) and isinstance(x.get("data"), dict) and "source" in x["data"]
        ]
        taken = set(map(id, edges))
        nodes = [x for x in found if id(x) not in taken]
    else:
        return None
    every = [*nodes, *edges]
    return (
        (nodes, edges)
        if every and all(isinstance(x, dict) and isinstance(x.get("data"), dict) for x in every)
        else None
    )


def _is_cytoscape(probe: Probe) -> bool:
    return is_json(probe) and not is_lines(probe) and _elements(load_json(probe)) is not None


def _cytoscape_edges(probe: Probe) -> Edges:
    nodes, edges = _elements(load_json(probe)) or ([], [])
    for kind, elements in (("node", nodes), ("edge", edges)):
        for at, element in enumerate(elements):
            needed = ("id",) if kind == "node" else ("source", "target")
            missing = next((name for name in needed if not is_scalar(element["data"].get(name))), None)
            if missing:
                raise probe.error(
                    f"The {kind} {at + 1:,} has no {missing}.",
                    mend="Export it again as Cytoscape.js JSON (.cyjs).",
                )
    plain = {
        "nodes": [{**_own(node["data"]), "id": str(node["data"]["id"])} for node in nodes],
        "links": [
            {**_own(e["data"]), "source": str(e["data"]["source"]), "target": str(e["data"]["target"])}
            for e in edges
        ],
    }
    title = CYTOSCAPE.title
    graph, n_nodes, n_edges = parse(probe, title, lambda: _graph(probe, plain))
    return graph_edges(probe, graph, title, n_nodes=n_nodes if nodes else None, n_edges=n_edges)


def _own(data: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in data.items() if k not in _PROGRAM and not isinstance(v, dict | list)}


CYTOSCAPE = graph_format("cytoscape", "Cytoscape.js JSON", ("cyjs", "json"), _is_cytoscape, _cytoscape_edges)


# ----------------------------------------------------------------- networkx.adjacency_data
def _is_adjacency(probe: Probe) -> bool:
    if not is_json(probe) or is_lines(probe):
        return False
    content = load_json(probe)
    return isinstance(content, dict) and isinstance(content.get("adjacency"), list) and "nodes" in content


def _adjacency_edges(probe: Probe) -> Edges:
    content = load_json(probe)
    nodes, lists = content["nodes"], content["adjacency"]
    mend = "Write it with json.dump(networkx.adjacency_data(graph), file)."
    if not (isinstance(nodes, list) and all_objects(nodes) and all_lists(lists) and len(lists) == len(nodes)):
        raise probe.error("`nodes` and `adjacency` must be lists of the same length.", mend=mend)
    directed = content.get("directed") is True
    links: _Objects = []
    seen: set[tuple[str, str, str]] = set()
    for at, (node, neighbours) in enumerate(zip(nodes, lists, strict=True)):
        if not is_scalar(node.get("id")):
            raise probe.error(f"Node {at + 1:,} has no id.", mend=mend)
        for neighbour in neighbours:
            if not isinstance(neighbour, dict) or not is_scalar(neighbour.get("id")):
                raise probe.error(f"A neighbour of node {shorten(str(node['id']))} has no id.", mend=mend)
            source, target, key = str(node["id"]), str(neighbour["id"]), str(neighbour.get("key", 0))
            if (
                not directed and (target, source, key) in seen
            ):  # an edge stands in the lists of both of its nodes
                continue
            seen.add((source, target, key))
            links.append({**neighbour, "source": source, "target": target})
    plain = {"nodes": nodes, "links": links, "directed": directed}
    title = ADJACENCY.title
    graph, n_nodes, n_edges = parse(probe, title, lambda: _graph(probe, plain))
    return graph_edges(probe, graph, title, n_nodes=n_nodes, n_edges=n_edges)


ADJACENCY = graph_format(
    "adjacency-data", "networkx adjacency data (JSON)", ("json",), _is_adjacency, _adjacency_edges
)
