"""Graphviz DOT: nodes, edges and their attributes, by the grammar at graphviz.org/doc/info/lang.html.

networkx needs pydot for this, which parses a hundred times slower; layout and defaults are left out.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from vgae_core.data.findings import Finding
from vgae_core.data.readers.base import Edges, Probe, shorten
from vgae_core.data.readers.graphs.networks import graph_edges, graph_format, parse
from vgae_core.data.readers.text.lines import read_text

if TYPE_CHECKING:
    import networkx as nx

_START = re.compile(
    r"(?:\s++|//[^\n]*+|#[^\n]*+\n|/\*.*?\*/)*+(?:strict\s+)?(di)?graph\b\s*(?:\"(?:[^\"\\]|\\.)*+\"|[^\s{\"\[]++)?\s*+\{",
    re.I | re.S,
)
_TOKEN = re.compile(
    r"""(?P<skip>[\s;,]++|//[^\n]*+|(?<![^\n])\#[^\n]*+)
    |(?P<comment>/\*)
    |(?P<arrow>->|--)
    |(?P<text>"(?:[^"\\]|\\.)*+")
    |(?P<html><)
    |(?P<mark>[{}\[\]=:+])
    |(?P<word>-?(?:\.\d++|\d++(?:\.\d*+)?)|[^\W\d]\w*+|[^\s;,{}\[\]=:+"<>-]++)""",
    re.X | re.S,
)
_LAYOUT = frozenset(
    {
        "arrowhead",
        "arrowsize",
        "arrowtail",
        "bb",
        "bgcolor",
        "color",
        "colorscheme",
        "constraint",
        "decorate",
        "dir",
        "fillcolor",
        "fixedsize",
        "fontcolor",
        "fontname",
        "fontsize",
        "headlabel",
        "headport",
        "height",
        "id",
        "image",
        "labelangle",
        "labeldistance",
        "labelfloat",
        "labelfontcolor",
        "labelfontname",
        "labelfontsize",
        "lhead",
        "lp",
        "ltail",
        "len",
        "margin",
        "minlen",
        "nojustify",
        "ordering",
        "orientation",
        "penwidth",
        "peripheries",
        "pin",
        "pos",
        "rank",
        "ranksep",
        "samehead",
        "sametail",
        "shape",
        "sides",
        "skew",
        "splines",
        "style",
        "tailport",
        "taillabel",
        "tooltip",
        "url",
        "href",
        "vertices",
        "width",
        "xlabel",
        "xlp",
        "z",
        "layer",
        "target",
    }
)
"""Attributes that say how a drawing looks."""
_MAX_DEPTH = 200
_MEND = "Check it with `dot -Tcanon FILE`, which rewrites a valid file."


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


@dataclass
class _Block:
    """A graph or subgraph that is being read: the nodes in it, and the edge that waits for it."""

    nodes: dict[str, None] = field(default_factory=dict)
    before: list[str] | None = None
    """Left end of an edge whose right end this block is."""
    chain: list[tuple[list[str], list[str]]] = field(default_factory=list)
    """What that edge continues."""


def _recognise(probe: Probe) -> bool:
    if not probe.is_text:
        return False
    return _START.match(probe.head.decode("utf-8-sig", "replace")) is not None


def _tokens(probe: Probe, text: str, start: int) -> Iterator[_Token]:
    at = start
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _error(probe, text, at, f"Not DOT: {shorten(text[at : at + 20])!r}")
        kind = match.lastgroup or ""
        end = match.end()
        if kind == "comment":
            end = text.find("*/", at) + 2
            if end == 1:
                raise _error(probe, text, at, "A comment is never closed")
        elif kind == "html":
            end = _html_end(probe, text, at)
            yield _Token("word", text[at + 1 : end - 1].strip(), at)
        elif kind == "text":
            yield _Token("word", _plain(match[0]), at)
        elif kind != "skip":
            yield _Token(kind, match[0], at)
        elif ";" in match[0] or "," in match[0]:
            yield _Token("end", ";", at)
        at = end
    yield _Token("end of file", "", at)


def _html_end(probe: Probe, text: str, at: int) -> int:
    depth = 0
    for bracket in re.finditer(r"[<>]", text[at : at + 1_000_000]):
        depth += 1 if bracket[0] == "<" else -1
        if not depth:
            return at + bracket.end()
    raise _error(probe, text, at, "A text in < > is never closed")


def _plain(quoted: str) -> str:
    return quoted[1:-1].replace("\\\n", "").replace('\\"', '"').strip()


def _error(probe: Probe, text: str, at: int, what: str) -> Exception:
    return probe.error(f"{what}.", line=text.count("\n", 0, at) + 1, mend=_MEND)


class _Reader:
    """Reads the statements between the braces; keeps its own stack, so that nesting costs no recursion."""

    def __init__(self, probe: Probe, text: str) -> None:
        import networkx as nx

        self.probe, self.text = probe, text
        start = _START.match(text)
        if start is None:
            raise probe.error("Does not begin with `graph {` or `digraph {`.", mend=_MEND)
        self.graph: nx.Graph = nx.MultiDiGraph() if start[1] else nx.MultiGraph()
        self.strict = re.search(r"\bstrict\b", text[: start.end()], re.I) is not None
        self.tokens = _tokens(probe, text, start.end())
        self.token = next(self.tokens)
        self.blocks = [_Block()]
        self.chain: list[tuple[list[str], list[str]]] = []
        self.n_edges = 0

    def step(self) -> _Token:
        token, self.token = self.token, self.token if self.token.kind == "end of file" else next(self.tokens)
        return token

    def fail(self, token: _Token, expected: str) -> Exception:
        received = shorten(token.text) if token.text else "the end of the file"
        return _error(self.probe, self.text, token.at, f"Expected {expected}. Received: {received!r}")

    def read(self) -> nx.Graph:
        ends: list[str] | None = None  # nodes at the left of an edge whose right end comes next
        while True:
            token = self.step()
            if token.kind == "end" and ends is None:
                continue
            if token.kind == "mark" and token.text == "{":
                if len(self.blocks) >= _MAX_DEPTH:
                    raise _error(self.probe, self.text, token.at, f"Nested more than {_MAX_DEPTH} deep")
                self.blocks.append(_Block(before=ends, chain=self.chain))
                self.chain, ends = [], None
            elif token.kind == "mark" and token.text == "}" and ends is None:
                block = self.blocks.pop()
                if not self.blocks:
                    return self.graph
                self.blocks[-1].nodes.update(block.nodes)
                self.chain = block.chain
                ends = self.after(list(block.nodes), block.before)
            elif token.kind == "word":
                ends = self.statement(token, ends)
            else:
                raise self.fail(token, "a node, an edge, a subgraph or }")

    def statement(self, token: _Token, ends: list[str] | None) -> list[str] | None:
        """Read what begins with a word; return the left end of an edge whose right end is still to come."""
        bare = self.text[token.at] not in '"<'
        keyword = token.text.lower() if bare else ""
        if keyword == "subgraph":
            if self.token.kind == "word":
                self.step()
            if self.token.text != "{":
                raise self.fail(self.token, "{ after subgraph")
            return ends
        if keyword in ("graph", "node", "edge") and ends is None:
            while self.token.text == "[":
                self.attributes()
            return None
        if self.token.kind == "mark" and self.token.text == "=" and ends is None:
            self.step()
            self.value()
            return None
        name = self.joined(token)
        while self.token.kind == "mark" and self.token.text == ":":  # a port of the node
            self.step()
            self.value()
        if name not in self.graph:
            self.probe.limits.check("nodes", len(self.graph) + 1, where=self.probe.name)
            self.graph.add_node(name)
        self.blocks[-1].nodes[name] = None
        return self.after([name], ends)

    def after(self, right: list[str], left: list[str] | None) -> list[str] | None:
        """Add the edges from left to right and read on: the next end, or the attributes of all."""
        if left is None:
            self.chain = []
        else:
            self.chain.append((left, right))
        if self.token.kind == "arrow":
            self.step()
            return right
        given: dict[str, str] = {}
        while self.token.kind == "mark" and self.token.text == "[":
            given.update(self.attributes())
        given = {name: value for name, value in given.items() if name.lower() not in _LAYOUT}
        if not self.chain and len(right) == 1:
            self.graph.nodes[right[0]].update(given)
        for sources, targets in self.chain:
            self.n_edges += len(sources) * len(targets)
            self.probe.limits.check("edges", self.n_edges, where=self.probe.name)
            for source in sources:
                self.graph.add_edges_from((source, target, given) for target in targets)
        self.chain = []
        return None

    def attributes(self) -> dict[str, str]:
        """Read ``[name=value, …]``."""
        self.step()
        found: dict[str, str] = {}
        while not (self.token.kind == "mark" and self.token.text == "]"):
            token = self.step()
            if token.kind == "end":
                continue
            if token.kind != "word":
                raise self.fail(token, "an attribute or ]")
            found[token.text] = "true"
            if self.token.kind == "mark" and self.token.text == "=":
                self.step()
                found[token.text] = self.value()
        self.step()
        return found

    def value(self) -> str:
        token = self.step()
        if token.kind != "word":
            raise self.fail(token, "a value")
        return self.joined(token)

    def joined(self, token: _Token) -> str:
        """Return a text, with those that + adds to it."""
        text = token.text
        while self.token.kind == "mark" and self.token.text == "+":
            self.step()
            more = self.step()
            if more.kind != "word":
                raise self.fail(more, "a text after +")
            text += more.text
        return text


def _edges(probe: Probe) -> Edges:
    findings: list[Finding] = []
    text = read_text(probe)
    reader = _Reader(probe, text)
    graph: nx.Graph = parse(probe, FORMAT.title, reader.read)
    if _START.match(text, reader.token.at):
        findings.append(Finding("edges-ignored", "warning",
            f"{probe.name} holds more than one graph; only the first was read.", 1))  # fmt: skip
    for (
        attributes
    ) in graph.nodes.values():  # a label as Graphviz shows it by default, or a table for a drawing
        if attributes.get("label") in ("\\N", "") or "<" in attributes.get("label", ""):
            del attributes["label"]
    if reader.strict:
        import networkx as nx

        graph = nx.DiGraph(graph) if graph.is_directed() else nx.Graph(graph)
    edges = graph_edges(probe, graph, FORMAT.title)
    return dataclasses.replace(edges, findings=(*edges.findings, *findings))


FORMAT = graph_format("dot", "Graphviz DOT", ("dot", "gv"), _recognise, _edges)
