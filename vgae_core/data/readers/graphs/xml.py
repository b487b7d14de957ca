"""XML without entities or document types, bounded while it is parsed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from vgae_core.data.readers.base import Edges, Format, Probe, shorten
from vgae_core.data.readers.graphs.networks import graph_edges, graph_format, parse

if TYPE_CHECKING:
    import networkx as nx

MAX_DEPTH = 200


def has_root(probe: Probe, name: str) -> bool:
    """Return whether the document's beginning holds an element, or declares a type, of that name."""
    head = probe.head
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in head[:4]:
        head = head.replace(b"\0", b"")  # UTF-16, near enough to find a tag
    text = head.decode("latin-1")
    marked = re.match(r"(\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*<", text) is not None
    return marked and re.search(rf"<(!DOCTYPE\s+)?([\w.-]+:)?{name}[\s>/\[]", text, re.IGNORECASE) is not None


class _Builder(TreeBuilder):
    """Builds the tree, counts nodes and edges, and refuses what is too large or too deep."""

    def __init__(self, probe: Probe, rename: Callable[[str, str], str]) -> None:
        super().__init__()
        self.probe = probe
        self.rename = rename
        self.depth = 0
        self.n_graphs = 0
        self.n_nodes = 0
        self.n_edges = 0
        self._tags: dict[str, tuple[str, str]] = {}

    def start(self, tag: str, attrs: dict[str, str]) -> Element:  # type: ignore[override]
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.probe.error(
                f"Elements are nested more than {MAX_DEPTH} deep.", mend="Write the graph without nesting."
            )
        if tag not in self._tags:
            space, _, local = tag.rpartition("}")
            self._tags[tag] = (local, self.rename(space.lstrip("{"), local))
        local, renamed = self._tags[tag]
        if local == "node":
            self.n_nodes += 1
            self.probe.limits.check("nodes", self.n_nodes, where=self.probe.name)
            if not attrs.get("id", "").strip():
                raise self.probe.error("A node has no id.", mend="Give every node an id.")
        elif local == "edge":
            self.n_edges += 1
            self.probe.limits.check("edges", self.n_edges, where=self.probe.name)
            if not ("source" in attrs and "target" in attrs):
                raise self.probe.error("An edge has no source or no target.", mend="Give every edge both.")
            attrs.pop("id", None)  # edges that share an id would be taken for one
        elif local == "graph":
            self.n_graphs += 1
        return super().start(renamed, attrs)

    def end(self, tag: str) -> Element:
        self.depth -= 1
        return super().end(self._tags[tag][1])


def document_format(
    key: str, title: str, rename: Callable[[str, str], str], graph: Callable[[Probe, Element], nx.Graph]
) -> Format:
    """Return the format of an XML document with the root `key`, whose tree `graph` turns into a graph."""

    def edges(probe: Probe) -> Edges:
        root, n_nodes, n_edges = parse_tree(probe, rename)
        found = parse(probe, title, lambda: graph(probe, root))
        return graph_edges(probe, found, title, n_nodes=n_nodes, n_edges=n_edges)

    return graph_format(key, title, (key,), lambda probe: has_root(probe, key), edges)


def fill(several: Iterable[dict[str, Any]], defaults: Mapping[str, Any]) -> None:
    """Give all of several attributes what they lack, which networkx leaves to its user."""
    for attributes in several:
        attributes.update({**defaults, **attributes})


def parse_tree(probe: Probe, rename: Callable[[str, str], str]) -> tuple[Element, int, int]:
    """Return the root of the document, and how many nodes and edges it declares.

    Parameters
    ----------
    probe : Probe
    rename : callable
        ``rename(namespace, local name) -> tag`` in the form that the next reader looks for.

    Raises
    ------
    DataError
        If it is no XML, has a document type or entities, or is nested too deeply.
    LimitError
        If it declares too many nodes or edges.
    """
    builder = _Builder(probe, rename)
    parser = DefusedXMLParser(target=builder, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        with open(probe.path, "rb") as file:
            start = True
            while piece := file.read(1 << 22):  # small pieces make expat read a long tag again and again
                # A byte order mark before the declaration is legal, blanks are common.
                parser.feed(piece.removeprefix(b"\xef\xbb\xbf").lstrip() if start else piece)
                start = False
        root: Element = parser.close()
    except DefusedXmlException as error:
        raise probe.error(
            "The XML declares a document type or entities, which can read files or exhaust memory.",
            mend="Remove everything from <!DOCTYPE to its closing >, or save the file again without it.",
        ) from error
    except ParseError as error:
        line = error.position[0] if getattr(error, "position", None) else None
        raise probe.error(
            f"Not well-formed XML: {shorten(str(error), 200)}.", line=line, mend="Save the file again."
        ) from error
    except (ValueError, LookupError) as error:
        if type(error).__module__.startswith("vgae_core"):
            raise
        raise probe.error(
            f"Not readable XML: {shorten(str(error), 200)}.", mend="Save it as UTF-8."
        ) from error
    return root, builder.n_nodes, builder.n_edges
