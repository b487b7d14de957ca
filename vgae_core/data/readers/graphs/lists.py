"""Lists of edges that are written as Python prints them, and igraph's LGL.

Printed tuples, ``(0, 1)`` or ``[('a', 'b'), …]``, and ``networkx.write_edgelist`` with its data,
``1 2 {'weight': 3}``. Literals are read by an expression of their own; nothing is evaluated.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from vgae_core.data.findings import Finding
from vgae_core.data.readers.base import Edges, Format, Probe, examples, shorten
from vgae_core.data.readers.columns.first_edges import judge_by
from vgae_core.data.readers.columns.two_sides import sided
from vgae_core.data.readers.text.frames import is_number
from vgae_core.data.readers.text.lines import (
    head_lines,
    named,
    named_edges,
    numbered,
    read_text,
    weight_values,
)
from vgae_core.data.readers.text.written_numbers import MISSING
from vgae_core.errors import DataError

_TEXT = r"""(?:[rubRUB]{0,2}(?:'(?:[^'\\\n]|\\.)*+'|"(?:[^"\\\n]|\\.)*+"))"""
_NUMBER = r"[+-]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d++)?"
_VALUE = rf"(?:{_TEXT}|np\.\w++\({_NUMBER}\)|np\.str_\({_TEXT}\)|{_NUMBER}|True|False|None|nan|inf|-inf)"
_DATUM = rf"(?:{_VALUE}|[A-Za-z_][\w.]*+\([^()]*+\)|\[[^\[\]]*+\])"
"""A literal, or a date or a list, of which only the end matters."""
_DICT = rf"\{{\s*(?:{_TEXT}\s*:\s*{_DATUM}\s*,?\s*)*+\}}"
_TUPLE = re.compile(rf"[(\[]\s*({_VALUE})\s*,\s*({_VALUE})\s*(?:,\s*({_VALUE}|{_DICT})\s*)?,?\s*[)\]]")
_BEFORE = re.compile(r"\s*+(?:[A-Za-z_]\w*+\s*+=\s*+)?(?:[A-Za-z_][\w.]*+\s*+\()?\s*+[\[({]?\s*+(?=\()")
"""What may stand before the first tuple: ``edges = [``, ``EdgeView([``, ``OutEdgeDataView([``."""
_BETWEEN = re.compile(r"[\s,;]*+")
_WITH_DATA = re.compile(rf"(.+?)(?<![\s,;])[\s,;]++({_DICT})")
_PAIR = re.compile(rf"({_TEXT})\s*:\s*({_VALUE})")
_RELATIONS = ("relation", "relationship", "interaction", "predicate", "rel", "edge_type", "type")
_MEND = "Write one edge per line: (source, target), (source, target, weight) or source target {'weight': 1}."


def _plain(value: str) -> str:
    """Return a text without its quotes, a number of NumPy without its type, anything else as it stands."""
    if value.startswith("np."):
        value = value[value.index("(") + 1 : -1]
    match = re.fullmatch(r"[A-Za-z]{0,2}(['\"])(.*)\1", value, re.S)
    return re.sub(r"\\(['\"\\])", r"\1", match[2]).strip() if match else value


class _Collected:
    """Edges with what is said about them."""

    def __init__(self, probe: Probe, *, same_names: bool = True) -> None:
        self.probe, self.same_names = probe, same_names
        self.sources: list[str] = []
        self.targets: list[str] = []
        self.lines: list[int] = []
        self.attributes: dict[str, dict[int, str]] = {}

    def add(self, source: str, target: str, data: str | None, line: int) -> None:
        if data and not data.startswith("{"):
            self.attributes.setdefault("weight", {})[len(self.sources)] = _plain(data)
        elif data:
            for name, value in _PAIR.findall(data):
                self.attributes.setdefault(_plain(name), {})[len(self.sources)] = _plain(value)
        self.sources.append(source)
        self.targets.append(target)
        self.lines.append(line)
        self.probe.limits.check("edges", len(self.sources), where=self.probe.name)

    def edges(self, title: str, alone: Sequence[str] = ()) -> Edges:
        """Return the edges, and nodes without any."""
        findings: list[Finding] = []
        n = len(self.sources)
        weights = relations = None
        given = self.attributes.pop("weight", {})
        if given and all(is_number(value) or value.lower() in MISSING for value in given.values()):
            weights = weight_values(self.probe, [given.get(i, "") for i in range(n)], self.lines)
        elif given:
            relations = [given.get(i, "") for i in range(n)]  # (a, b, 'relation')
        for name in _RELATIONS:
            if relations is None and name in self.attributes:
                column = self.attributes.pop(name)
                relations = [column.get(i, "") for i in range(n)]
        if self.attributes:
            findings.append(Finding("attributes-ignored", "info",
                f"Attributes of edges in {self.probe.name} that were not used: "
                f"{', '.join(map(shorten, list(self.attributes)[:5]))}.", len(self.attributes),
                examples(self.attributes)))  # fmt: skip
        edges = named_edges(
            self.probe,
            self.sources,
            self.targets,
            title,
            weights=weights,
            relations=relations,
            others=alone,
            findings=findings,
        )
        return sided(self.probe, edges, same_names=self.same_names)


# ------------------------------------------------------------------------------ printed tuples
def _is_tuples(probe: Probe) -> bool:
    other = probe.how.role in ("features", "labels", "names") and not probe.as_matrix
    if other or not probe.is_text:
        return False
    text = probe.head.decode("utf-8-sig", "replace")
    before = _BEFORE.match(text)
    return before is not None and _TUPLE.match(text, before.end()) is not None


def _tuples(probe: Probe, text: str) -> Iterator[tuple[re.Match[str], int]]:
    """Yield each tuple and its line."""
    before = _BEFORE.match(text)
    at = before.end() if before else 0
    end, line, counted = len(text), 1, 0
    while at < end:
        match = _TUPLE.match(text, at)
        line += text.count("\n", counted, at)
        counted = at
        if match is None:
            rest = text[at:].strip()
            if before and before[0].strip() and re.fullmatch(r"[\])}]{1,2}\s*[;,]?", rest):
                return
            raise probe.error(f"Not a pair of nodes: {shorten(text[at : at + 40])!r}.", line=line, mend=_MEND)
        yield match, line
        between = _BETWEEN.match(text, match.end())
        at = between.end() if between else match.end()


def _tuple_edges(probe: Probe) -> Edges:
    collected = _Collected(probe, same_names=False)
    text = read_text(probe)
    for match, line in _tuples(probe, text):
        collected.add(_plain(match[1]), _plain(match[2]), match[3], line)
    edges = collected.edges(TUPLES.title)
    arcs = text.lstrip().startswith("OutEdge")  # as networkx prints those of a DiGraph
    return dataclasses.replace(edges, directed=True, symmetric=False) if arcs else edges


TUPLES = Format(
    key="tuples",
    title="printed tuples",
    suffixes=("txt",),
    recognise=_is_tuples,
    guess=lambda probe: "edges",
    edges=_tuple_edges,
    judge=judge_by(_tuple_edges, "source, target and the data of the edge in parentheses"),
)


# ------------------------------------------------------------------ networkx.write_edgelist
def _is_with_data(probe: Probe) -> bool:
    lines = list(itertools.islice((line for line in head_lines(probe) if not line.startswith("#")), 200))
    matches = [_WITH_DATA.fullmatch(line.strip()) for line in lines]
    edges = [match is not None and len(_ends(match[1])) == 2 for match in matches]
    return bool(lines) and sum(edges) > 0.9 * len(lines)


def _with_data_edges(probe: Probe) -> Edges:
    collected = _Collected(probe)
    for number, line in numbered(read_text(probe), ("#",)):
        match = _WITH_DATA.fullmatch(line)
        ends = [] if match is None else _ends(match[1])
        if match is None or len(ends) != 2:
            raise probe.error(f"Not an edge with its data: {shorten(line)!r}.", line=number, mend=_MEND)
        collected.add(ends[0], ends[1], match[2], number)
    return collected.edges(WITH_DATA.title)


def _ends(text: str) -> list[str]:
    sign = next((sign for sign in ("\t", ",", ";") if text.strip(sign + " ").count(sign) == 1), None)
    return [field.strip() for field in (text.split() if sign is None else text.strip(sign + " ").split(sign))]


WITH_DATA = Format(
    key="networkx-edgelist",
    title="networkx edge list with data",
    suffixes=("edgelist",),
    recognise=_is_with_data,
    guess=lambda probe: "edges",
    edges=_with_data_edges,
    judge=judge_by(_with_data_edges, "source, target and the attributes of the edge"),
)

# ---------------------------------------------------------- networkx.write_multiline_adjlist


def _multiline_rows(probe: Probe, lines: Iterable[tuple[int, str]]) -> Iterator[tuple[str, str, str, int]]:
    """Yield source, target, data and line of each neighbour; an empty target where a node begins.

    Raises
    ------
    DataError
        If a line is neither a node with its number of neighbours nor one of these.
    """
    left, source = 0, ""
    for number, line in lines:
        match = _WITH_DATA.fullmatch(line) if left else None
        node, _, count = line.rpartition(" ")
        if match is not None:
            left -= 1
            yield source, match[1], match[2], number
        elif not left and node and re.fullmatch(r"\d{1,9}", count):
            source, left = node.strip(), int(count)
            yield source, "", "", number
        else:
            what = "neighbour with its data" if left else "node with its number of neighbours"
            raise probe.error(f"Not a {what}: {shorten(line)!r}.", line=number, mend=_MEND)


def _is_multiline(probe: Probe) -> bool:
    lines = [line.strip() for line in head_lines(probe) if not line.startswith("#")]
    if len(lines) < 2 or "{" not in probe.head.decode("utf-8-sig", "replace"):
        return False
    try:
        return any(data for _, _, data, _ in _multiline_rows(probe, enumerate(lines)))
    except DataError:
        return False


def _multiline_edges(probe: Probe) -> Edges:
    collected = _Collected(probe)
    alone: list[str] = []
    for source, target, data, line in _multiline_rows(probe, numbered(read_text(probe), ("#",))):
        if target:
            collected.add(source, target, data, line)
        else:
            alone.append(source)
    return collected.edges(MULTILINE.title, alone)


MULTILINE = Format(
    key="networkx-multiline",
    title="networkx multiline adjacency list",
    suffixes=("adjlist",),
    recognise=_is_multiline,
    guess=lambda probe: "edges",
    edges=_multiline_edges,
    judge=judge_by(_multiline_edges, "a node with its number of neighbours, then one per line"),
)

# --------------------------------------------------------------------------------------- LGL
_LGL_MEND = "Write `# node`, then one line per neighbour: its name and, if there is one, a weight."


def _is_lgl(probe: Probe) -> bool:
    lines = head_lines(probe)
    if not lines or not lines[0].startswith("# "):
        return False
    heads = [line for line in lines if re.fullmatch(r"#\s+\S+", line)]
    rest = [line.split() for line in lines if not line.startswith("#")]
    if not heads or not rest or len(heads) + len(rest) != len(lines):
        return False
    if not all(len(row) == 1 or (len(row) == 2 and is_number(row[1])) for row in rest):
        return False
    # Comments between the rows of a table look alike; but a node has one list.
    several = len(heads) == len(set(heads)) > 1 and not any("," in row[0] or ";" in row[0] for row in rest)
    return named(probe, "lgl") or (several and any(len(row) == 1 for row in rest))


def _lgl_edges(probe: Probe) -> Edges:
    collected = _Collected(probe)
    alone: list[str] = []
    source = ""
    for number, line in numbered(read_text(probe)):
        fields = line.split()
        if fields[0] == "#" and len(fields) == 2:
            source = fields[1]
            alone.append(source)
            continue
        if not source or len(fields) > 2:
            raise probe.error(f"Not a neighbour: {shorten(line)!r}.", line=number, mend=_LGL_MEND)
        collected.add(source, fields[0], fields[1] if len(fields) == 2 else None, number)
    weights = None
    given = collected.attributes.get("weight", {})
    if given:
        texts = [given.get(i, "") for i in range(len(collected.sources))]
        weights = weight_values(probe, texts, collected.lines)
    edges = named_edges(
        probe, collected.sources, collected.targets, LGL.title, weights=weights, others=alone, directed=False,
    )  # fmt: skip
    return sided(probe, edges)


LGL = Format(
    key="lgl",
    title="LGL",
    suffixes=("lgl",),
    recognise=_is_lgl,
    guess=lambda probe: "edges",
    edges=_lgl_edges,
    judge=judge_by(_lgl_edges, "neighbours below each node"),
)


# -------------------------------------------------------------------------------------- NCOL
def _is_ncol(probe: Probe) -> bool:
    lines = head_lines(probe)[:200]
    return named(probe, "ncol", "ncl") and bool(lines) and all(len(line.split()) in (2, 3) for line in lines)


def _ncol_edges(probe: Probe) -> Edges:
    collected = _Collected(probe)
    for number, line in numbered(read_text(probe), ("#",)):
        fields = line.split()
        if len(fields) not in (2, 3):
            raise probe.error(
                f"Expected 2 or 3 columns. Received: {len(fields)}.", line=number, mend=_NCOL_MEND
            )
        collected.add(fields[0], fields[1], fields[2] if len(fields) == 3 else None, number)
    return collected.edges(NCOL.title)


_NCOL_MEND = "Write one edge per line: its two nodes and, if there is one, a weight."
NCOL = Format(
    key="ncol",
    title="NCOL",
    suffixes=("ncol", "ncl"),
    recognise=_is_ncol,
    guess=lambda probe: "edges",
    edges=_ncol_edges,
    judge=judge_by(_ncol_edges, "two nodes and a weight"),
)
