"""Graphs as Neo4j writes them in JSON: APOC's lines, arrays and objects, and records of the Browser.

APOC (neo4j.com, "Export to JSON"): nodes and relationships one per line, in one array, or under ``nodes`` and ``rels``
in lists or by id. Neo4j Browser ("Export JSON"): an array of records, whose fields hold nodes, relationships and paths.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vgae_core.data.readers.text.json_file import all_objects, is_scalar

_Entities = list[dict[str, Any]]


def entities(content: Any) -> _Entities | None:
    """Return nodes and relationships in the form of APOC, or None if the content is no such graph."""
    return _of_apoc(content) or _of_browser(content)


def ends(entity: dict[str, Any]) -> list[Any]:
    """Return the ids of the ends of a relationship; none of a node."""
    return [entity[end].get("id") for end in ("start", "end")] if entity["type"] == "relationship" else []


def _of_apoc(content: Any) -> _Entities | None:
    listed = content
    if isinstance(content, dict) and "rels" in content:
        listed = [entity for name in ("nodes", "rels") for entity in _values(content.get(name))]
    if not isinstance(listed, list) or not listed or not all_objects(listed):
        return None
    kinds = {str(entity.get("type")) for entity in listed}
    if not {"relationship"} <= kinds <= {"node", "relationship"}:
        return None
    edges = [entity for entity in listed if entity["type"] == "relationship"]
    whole = all(isinstance(entity.get(end), dict) for entity in edges for end in ("start", "end"))
    return listed if whole else None


def _values(container: Any) -> list[Any]:
    return (
        list(container.values())
        if isinstance(container, dict)
        else container
        if isinstance(container, list)
        else []
    )


# ------------------------------------------------------------------------- records of the Browser
def _of_browser(content: Any) -> _Entities | None:
    if not isinstance(content, list) or not content or not all_objects(content):
        return None
    nodes: dict[Any, dict[str, Any]] = {}
    edges: dict[Any, dict[str, Any]] = {}
    for value in _parts(content):
        if {"identity", "labels"} <= value.keys() and is_scalar(value["identity"]):
            nodes[value["identity"]] = {"type": "node", "id": value["identity"], "labels": value["labels"],
                                        "properties": value.get("properties")}  # fmt: skip
        elif {"identity", "start", "end", "type"} <= value.keys() and is_scalar(value["identity"]):
            edges[value["identity"]] = {
                "type": "relationship", "label": value["type"], "start": {"id": value["start"]},
                "end": {"id": value["end"]}, "properties": value.get("properties"),
            }  # fmt: skip
    return [*nodes.values(), *edges.values()] if edges else None


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects in a record, those inside of paths and lists, too; properties are no entities."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
        inner = list(value.values()) if isinstance(value, dict) and "properties" not in value else value
        if isinstance(inner, list):
            waiting.extend(reversed([one for one in inner if isinstance(one, dict | list)]))
