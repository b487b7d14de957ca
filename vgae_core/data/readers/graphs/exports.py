"""What graph programs export: nodes and edges of Neo4j in one file, and Cytoscape's table of edges.

APOC (neo4j.com, "Export to CSV"): rows of nodes have ``_id`` and ``_labels``, rows of edges
``_start``, ``_end`` and ``_type``; for JSON see :mod:`vgae_core.data.readers.graphs.neo4j_json`.
Cytoscape: an edge is called ``source (interaction) target``.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from vgae_core.data.findings import Finding
from vgae_core.data.readers.base import Edges, Format, Probe, examples, shorten
from vgae_core.data.readers.columns.first_edges import judge_by
from vgae_core.data.readers.columns.two_sides import sided
from vgae_core.data.readers.graphs import neo4j_json
from vgae_core.data.readers.graphs.networks import graph_edges, graph_format
from vgae_core.data.readers.text.json_file import is_json, is_scalar, load_json
from vgae_core.data.readers.text.lines import head_lines, named_edges, read_text, weight_values
from vgae_core.data.readers.text.splitting import LONGEST

if TYPE_CHECKING:
    import networkx as nx

_EDGE = re.compile(r"(\S[^()]*) \(([^()]+)\) (\S.*)")
_NEO4J = frozenset({"_id", "_labels", "_start", "_end", "_type"})


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the last line of each row and its fields."""
    csv.field_size_limit(LONGEST)
    rows = csv.reader(io.StringIO(text), delimiter="\t" if "\t" in text.split("\n", 1)[0] else ",")
    try:
        for row in rows:
            if any(row):
                yield rows.line_num, row
    except csv.Error as error:
        raise ValueError(f"line {rows.line_num}: {error}") from error


def _header(probe: Probe) -> list[str]:
    lines = head_lines(probe)
    try:
        return next(_rows(lines[0]))[1] if lines else []
    except (ValueError, StopIteration):
        return []


# ------------------------------------------------------------------------------------- Neo4j
def _is_neo4j(probe: Probe) -> bool:
    if is_json(probe):
        return neo4j_json.entities(load_json(probe)) is not None
    return set(_header(probe)) >= _NEO4J


def _records(probe: Probe) -> Iterator[tuple[str, list[Any], str, dict[str, Any]]]:
    """Yield where a node or an edge stands, its id or its two ends, its kind, and what is said about it."""
    if is_json(probe):
        lines = probe.memo.get("lines")
        for at, entity in enumerate(neo4j_json.entities(load_json(probe)) or ()):
            about: Any = entity.get("properties")
            edge = neo4j_json.ends(entity)
            labels: Any = entity.get("labels") or []
            kind = (
                entity.get("label", "")
                if edge
                else ":".join(map(str, labels if isinstance(labels, list) else [labels]))
            )
            where = f"line {lines[at]:,}" if lines else f"entry {at + 1:,}"
            yield where, edge or [entity.get("id")], str(kind), about if isinstance(about, dict) else {}
        return
    rows = _rows(read_text(probe))
    names = next(rows)[1]
    for number, row in rows:
        values = {name: value for name, value in zip(names, row, strict=False) if value}
        about = {name: value for name, value in values.items() if name not in _NEO4J}
        if "_start" in values or "_end" in values:
            yield (
                f"line {number:,}",
                [values.get("_start"), values.get("_end")],
                values.get("_type", ""),
                about,
            )
        else:
            yield f"line {number:,}", [values.get("_id")], values.get("_labels", "").strip(":"), about


def _neo4j_edges(probe: Probe) -> Edges:
    import networkx as nx

    graph: nx.Graph = nx.MultiDiGraph()
    n_nodes = n_edges = 0
    for where, ids, kind, about in _records(probe):
        if not all(map(is_scalar, ids)):
            raise probe.error(
                f"A node has no id, or an edge lacks an end: {where}.",
                mend="Export it again with apoc.export.",
            )
        named = list(map(str, ids))
        if len(named) == 1:
            n_nodes += 1
            graph.add_node(named[0], **{"_labels": kind}, **{str(k): v for k, v in about.items()})
        else:
            n_edges += 1
            graph.add_edges_from([(*named, {**about, "relation": kind})])
        probe.limits.check("nodes", n_nodes, where=probe.name)
        probe.limits.check("edges", n_edges, where=probe.name)
    return graph_edges(probe, graph, NEO4J.title, n_nodes=n_nodes, n_edges=n_edges)


NEO4J = graph_format("neo4j", "Neo4j export (APOC)", ("csv", "json"), _is_neo4j, _neo4j_edges)


# --------------------------------------------------------------------------------- Cytoscape
def _name_column(probe: Probe) -> int | None:
    """Return the column in which edges are called `source (interaction) target`."""
    names = [name.lower() for name in _header(probe)]
    at = next((names.index(name) for name in ("shared name", "name") if name in names), None)
    if at is None or {"source", "target"} & set(names):
        return None
    try:
        rows = [row for _, row in _rows("\n".join(head_lines(probe)))][1:]
    except ValueError:
        return None
    edges = [len(row) > at and _EDGE.fullmatch(row[at]) is not None for row in rows]
    return at if edges and all(edges) else None


def _table_edges(probe: Probe) -> Edges:
    at = _name_column(probe)
    if at is None:
        raise probe.error("No column has edges of the form `source (interaction) target`.", mend=_MEND)
    rows = _rows(read_text(probe))
    names = next(rows)[1]
    lower = [name.lower() for name in names]
    weight = lower.index("weight") if "weight" in lower else None
    called: list[tuple[str, str, str]] = []
    lines: list[int] = []
    weights: list[str] = []
    for number, row in rows:
        edge = _EDGE.fullmatch(row[at]) if len(row) > at else None
        if edge is None:
            raise probe.error(
                "The edge does not have the form `source (interaction) target`.", line=number, mend=_MEND
            )
        called.append((edge[1], edge[2], edge[3]))
        lines.append(number)
        weights.append(row[weight] if weight is not None and len(row) > weight else "")
        probe.limits.check("edges", len(called), where=probe.name)
    edges = named_edges(
        probe, [edge[0] for edge in called], [edge[2] for edge in called], EDGE_TABLE.title,
        weights=None if weight is None else weight_values(probe, weights, lines),
        relations=[edge[1] for edge in called],
        findings=_columns_left(probe, names, lower, weight),
    )  # fmt: skip
    return sided(probe, edges)


def _columns_left(probe: Probe, names: list[str], lower: Iterable[str], weight: int | None) -> list[Finding]:
    used = {"suid", "selected", "name", "shared name", "interaction", "shared interaction"}
    left = [
        name
        for i, (name, plain) in enumerate(zip(names, lower, strict=True))
        if plain not in used and i != weight
    ]
    if not left:
        return []
    return [Finding("columns-ignored", "info",
        f"Columns of {probe.name} that were not used: {', '.join(map(shorten, left[:5]))}.", len(left),
        examples(left))]  # fmt: skip


_MEND = "In Cytoscape: File > Export > Network to File, as SIF or Cytoscape.js JSON (.cyjs)."
EDGE_TABLE = Format(
    key="cytoscape-edges",
    title="Cytoscape edge table (CSV)",
    suffixes=("csv",),
    recognise=lambda probe: _name_column(probe) is not None,
    guess=lambda probe: "edges",
    edges=_table_edges,
    judge=judge_by(_table_edges, "source, interaction and target in the name of each edge"),
)
