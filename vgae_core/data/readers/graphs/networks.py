"""What graph formats share: a networkx graph with its attributes becomes edges and a node table."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from vgae_core.data.findings import Finding, Part
from vgae_core.data.readers.base import Content, Edges, Format, NodeTable, Probe, shorten
from vgae_core.data.readers.columns.first_edges import judge_whole, read_once
from vgae_core.data.readers.columns.sides import FEW, Sides, sides_told
from vgae_core.data.readers.columns.two_sides import sided
from vgae_core.data.readers.graphs.edge_attributes import (
    EDGE_USES,
    PREFIX,
    edge_attributes,
    edge_names,
)
from vgae_core.data.readers.graphs.node_attributes import (
    NODE_USES,
    Columns,
    node_columns,
    node_names,
    node_table,
    plain,
    vectors,
)

if TYPE_CHECKING:
    import networkx as nx  # takes a quarter of a second: loaded by those who need it

_BIPARTITE = "bipartite"
"""The node attribute by which networkx tells the two sides of a graph, 0 and 1."""
_SIDES = frozenset({"type", "side", "mode", "partition", "nodetype", "kind", "nodekind", "set", "labels"})
"""Attributes that tell the sides where they have two values and all edges join both; igraph's `type` is one."""
_ENOUGH = 5
"""Edges from which two values in words, different at both ends of each, are no coincidence."""
_T = TypeVar("_T")


def graph_format(
    key: str,
    title: str,
    suffixes: tuple[str, ...],
    recognise: Callable[[Probe], bool],
    read: Callable[[Probe], Edges],
) -> Format:
    """Return the format of files that hold a whole graph, which `read` returns as :func:`graph_edges` does."""

    def parts(probe: Probe, content: Content) -> tuple[Part, ...]:
        return read_once(probe, read).parts if content == "edges" else ()

    return Format(
        key=key,
        title=title,
        suffixes=suffixes,
        recognise=recognise,
        guess=lambda probe: "edges",
        edges=lambda probe: read_once(probe, read),
        parts=parts,
        judge=judge_whole(read),
    )


def parse(probe: Probe, title: str, work: Callable[[], _T]) -> _T:
    """Return ``work()``; what networkx raises on a damaged file becomes one clear error.

    Raises
    ------
    DataError
    """
    import networkx as nx

    mend = "The file is probably damaged: save it again."
    try:
        return work()
    except RecursionError as error:
        raise probe.error(f"Cannot be read as {title}: it is nested too deeply.", mend=mend) from error
    except (nx.NetworkXException, SyntaxError, AttributeError, RuntimeError) as error:
        raise probe.error(f"Cannot be read as {title}: {shorten(str(error), 200)}.", mend=mend) from error


def graph_edges(
    probe: Probe,
    graph: nx.Graph,
    title: str,
    *,
    n_nodes: int | None = None,
    n_edges: int | None = None,
) -> Edges:
    """Return edges, ids and node attributes of a networkx graph.

    Why they are what they are is kept in the memo of the probe, for `judge_whole`.

    Parameters
    ----------
    probe : Probe
    graph : networkx graph
    title : str
        Title of the format.
    n_nodes, n_edges : int, optional
        How many the file declares, to tell what networkx merged or added.

    Returns
    -------
    Edges
        Nodes are called by their labels if every node has its own, otherwise by their ids;
        whole-number ids are sorted.

    Raises
    ------
    DataError
        If the graph is empty, or ids or weights make no sense.
    LimitError
        If it is too large.
    """
    probe.limits.check("nodes", graph.number_of_nodes(), where=probe.name)
    probe.limits.check("edges", graph.number_of_edges(), where=probe.name)
    if not graph.number_of_nodes():
        raise probe.error("Holds no nodes.", mend="Provide a graph with nodes and edges.")
    findings = _merged(probe, graph, n_nodes, n_edges)
    columns = node_columns(graph.nodes(data=True), len(graph))
    of_edges = edge_names(graph)
    said_of_nodes, said_of_edges = _said(probe, columns, of_edges)
    ids, names, why_names = node_names(probe, list(graph), columns, said_of_nodes, findings)
    about = edge_attributes(probe, graph, of_edges, said_of_edges, findings)
    position = {node: i for i, node in enumerate(graph)}
    ends = np.fromiter(
        map(position.__getitem__, itertools.chain.from_iterable(graph.edges())), np.int64
    ).reshape(-1, 2)
    rows, cols, order = ends[:, 0], ends[:, 1], None
    if ids.dtype.kind == "i":  # sorted, as whole-number ids are everywhere
        order = np.argsort(ids, kind="stable")
        place = np.empty(len(ids), np.int64)
        place[order] = np.arange(len(ids))
        ids, rows, cols = ids[order], place[rows], place[cols]
    rows, cols = np.ascontiguousarray(rows), np.ascontiguousarray(cols)
    attribute, sides, side_names = _told_sides(
        probe, columns, said_of_nodes, rows, cols, ids, order, findings
    )
    table, why_label = node_table(
        probe, columns, ids, said_of_nodes, names=names, order=order, side=attribute
    )
    probe.memo["decided"] = [why for why in (*about.judgements, why_names, why_label) if why is not None]
    edges = Edges(
        rows=rows,
        cols=cols,
        weights=about.weights,
        node_ids=ids,
        format=title,
        directed=graph.is_directed() and sides is None,
        symmetric=not graph.is_directed(),
        tables=(_with_vectors(probe, graph, table, order, findings),),
        parts=(*table.parts, *about.parts),
        findings=tuple(findings),
        relations=about.relations,
        relation_names=about.relation_names,
        sides=sides,
        side_names=side_names,
    )
    return edges if sides is not None else _sided(probe, graph, edges, order)


def _with_vectors(
    probe: Probe, graph: nx.Graph, table: NodeTable, order: np.ndarray | None, findings: list[Finding]
) -> NodeTable:
    features, name = vectors(probe, graph, findings)
    if features is None:
        return table
    return dataclasses.replace(
        table,
        features=features if order is None else features[order],
        feature_names=tuple(f"{name}_{i}" for i in range(features.shape[1])),
    )


def _said(probe: Probe, columns: Columns, of_edges: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return what the user says of attributes of nodes and of edges."""
    names = [*columns, *(PREFIX + name for name in of_edges)]
    said = probe.said_of(names, tuple(dict.fromkeys((*NODE_USES, *EDGE_USES))))
    of_nodes = {name: use for name, use in said.items() if name in columns}
    others = {name.removeprefix(PREFIX): use for name, use in said.items() if name not in columns}
    for given, uses in ((of_nodes, NODE_USES), (others, EDGE_USES)):
        for name, use in given.items():
            if use not in uses:
                raise probe.error(
                    f"{shorten(name)!r} cannot be used as {use!r} here.",
                    mend=f"Choose one of: {', '.join(uses)}.",
                )
    return of_nodes, others


# ------------------------------------------------------------------------------------- sides
def _told_sides(
    probe: Probe,
    columns: Columns,
    said: Mapping[str, str],
    rows: np.ndarray,
    cols: np.ndarray,
    ids: np.ndarray,
    order: np.ndarray | None,
    findings: list[Finding],
) -> tuple[str, np.ndarray | None, tuple[str, ...]]:
    """Return the attribute that tells the sides, the side of each node, int8 (n_nodes,), and names of the sides.

    It is networkx's `bipartite`, or one like `type` that has two values and differs at the two ends of every edge.
    """
    free = [
        name for name in columns if plain(name) in {_BIPARTITE, *_SIDES} and said.get(name, "side") == "side"
    ]
    free.sort(key=lambda name: plain(name) != _BIPARTITE)
    chosen = [name for name, use in said.items() if use == "side"]
    for name in chosen or free:
        at, texts = columns[name]
        values = sorted(set(texts))
        if (
            probe.how.sides == "one"
            or len(at) < len(ids)
            or len(values) != 2
            or "" in values
            or not len(rows)
        ):
            continue
        told = np.array([text == values[1] for text in texts], np.int8)
        told = told if order is None else told[order]
        in_words = not {value.lower() for value in values} <= {"0", "1", "0.0", "1.0", "true", "false"}
        if chosen or (plain(name) == _BIPARTITE and not in_words):
            sides = sides_told(told, rows, cols, ids, f"The node attribute {name} of {probe.name}", findings)
            if sides is None:
                return "", None, ()
        elif (not in_words or len(rows) >= _ENOUGH) and bool((told[rows] != told[cols]).all()):
            sides = told
        else:
            continue
        if in_words and sides[rows[0]] == 1:  # the side that edges begin with is the first
            sides, values = (1 - sides).astype(np.int8), values[::-1]
        why = f"the node attribute {shorten(name)} has two values, and every edge joins both"
        probe.memo["sides"] = Sides(True, why, True, False, told=True)
        return name, sides, tuple(shorten(value, 40) for value in values) if in_words else ()
    return "", None, ()


def _sided(probe: Probe, graph: nx.Graph, edges: Edges, order: np.ndarray | None) -> Edges:
    """Return the edges with sides if no node is at both ends, or if the user says so."""
    import networkx as nx

    if probe.how.sides != "two":
        return sided(probe, edges) if len(edges.rows) >= FEW else edges
    try:
        colours: Mapping[object, int] = nx.bipartite.color(graph)
    except nx.NetworkXError as error:
        raise probe.error(
            "Its nodes do not form two sets: edges make a cycle of odd length.",
            mend="Read it as one set of nodes.",
        ) from error
    sides = np.fromiter((colours[node] for node in graph), np.int8, len(graph))
    sides = sides if order is None else sides[order]
    sides = sides if not len(edges.rows) or sides[edges.rows[0]] == 0 else (1 - sides).astype(np.int8)
    probe.memo["sides"] = Sides(True, "as chosen", True, False)
    return dataclasses.replace(edges, sides=sides, directed=False)


def _merged(probe: Probe, graph: nx.Graph, n_nodes: int | None, n_edges: int | None) -> list[Finding]:
    found: list[Finding] = []
    n, m = graph.number_of_nodes(), graph.number_of_edges()
    if n_nodes is not None and n > n_nodes:
        found.append(Finding("undeclared-nodes", "warning",
            f"{n - n_nodes:,} nodes of {probe.name} occur only in edges.", n - n_nodes))  # fmt: skip
    if n_nodes is not None and n < n_nodes:
        found.append(Finding("repeated-nodes", "warning",
            f"{n_nodes - n:,} nodes of {probe.name} repeat the id of another and were merged with it.",
            n_nodes - n))  # fmt: skip
    if n_edges is not None and m < n_edges:
        found.append(Finding("edges-ignored", "warning",
            f"{n_edges - m:,} of {n_edges:,} edges of {probe.name} could not be read (for example, edges of a second "
            f"graph).", n_edges - m))  # fmt: skip
    return found
