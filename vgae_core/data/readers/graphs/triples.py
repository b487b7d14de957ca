"""Edges with the kind of their relation: Cytoscape's SIF, RDF N-Triples, and arrows between names.

SIF (cytoscape.org, manual, "Supported Network File Formats"): a line is a lone node, or a source, a
relation and one or more targets; columns are separated by tabs if the file has any, else by blanks.
"""

from __future__ import annotations

import collections
import itertools
import re

import numpy as np

from vgae_core.data.findings import Finding
from vgae_core.data.readers.base import Edges, Format, NodeTable, Probe, examples, object_array, shorten
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
from vgae_core.data.readers.text.splitting import are_columns

# --------------------------------------------------------------------------------------- SIF
_SIF_MEND = "A line of SIF is a lone node, or: source relation target target …"
_HEADERS = (
    frozenset(
        ["source", "sourcenode", "node1", "nodea", "participanta", "interactora", "from", "subject", "head"]
    ),
    frozenset(
        {
            "interaction",
            "interactiontype",
            "relation",
            "relationship",
            "type",
            "edgetype",
            "predicate",
        }
    ),
)
_MAX_SHARE = 0.5
"""Above this share of distinct middle words, rows of words are no relations."""


def _plain(text: str) -> str:
    return re.sub(r"[\s_\-.]+", "", text).lower()


def _fields(line: str, tabs: bool) -> list[str]:
    if not tabs:
        return line.split()
    fields = [field.strip() for field in line.split("\t")]
    while fields and not fields[-1]:
        fields.pop()
    return fields


def _has_header(fields: list[str]) -> bool:
    return len(fields) > 2 and all(_plain(f) in names for f, names in zip(fields, _HEADERS, strict=False))


def _is_table(lines: list[str], tabs: bool) -> bool:
    """Return whether a delimiter cuts the lines, whose blanks then belong to names and texts."""
    nearly_all = 0.9 * len(lines)  # of the lines: texts without quotes may hold further commas
    cut = not tabs and any(sum(sign in line for line in lines) >= nearly_all for sign in ",;")
    return cut or are_columns(lines)


def _is_sif(probe: Probe) -> bool:
    """Tell by the name, or by rows of different lengths whose second words recur and are nobody's name."""
    lines = head_lines(probe)[:500]
    tabs = any("\t" in line for line in lines)
    rows = [_fields(line, tabs) for line in lines]
    if not named(probe, "sif") and _is_table(lines, tabs):
        return False
    if rows and _has_header(rows[0]):
        rows = rows[1:]
    full = [row for row in rows if len(row) > 2]
    if not tabs and any(re.search(r'[",;]', row[1]) for row in full[:20]) and not named(probe, "sif"):
        return False  # names of two words in a table with other delimiters
    if not full or probe.how.separator not in ("auto", "tab" if tabs else "space"):
        return False
    middle = collections.Counter(row[1] for row in full)
    ends = {field for row in rows for field in (row[0], *row[2:]) if row}
    apart = not middle.keys() & ends
    if named(probe, "sif"):
        return apart or len(middle) <= _MAX_SHARE * len(full)
    lengths = {len(row) for row in rows}
    other = probe.how.role not in ("auto", "edges") and not probe.as_matrix
    if other or len(lengths) < 2 or 2 in lengths or not apart:
        return False
    if not all(re.search(r"[^\W\d_]", word) for word in middle) or all(is_number(row[2]) for row in full):
        return False
    few = len(middle) <= max(_MAX_SHARE * len(full), min(3, len(full) - 1))
    return few and lines[0].lstrip()[0] not in "{[<*\"'("


def _sif_edges(probe: Probe) -> Edges:
    findings: list[Finding] = []
    text = read_text(probe)
    tabs = "\t" in text
    sources: list[str] = []
    relations: list[str] = []
    targets: list[str] = []
    lines: list[int] = []
    alone: list[str] = []
    wide = False
    for at, (number, line) in enumerate(numbered(text)):
        fields = _fields(line, tabs)
        if at == 0 and _has_header(fields):
            wide = True
            findings.append(Finding("header", "info", f"The first line of {probe.name} names its columns."))
            continue
        if wide:
            if len(fields) < 3:
                findings.append(Finding("lines-ignored", "info",
                    f"Everything from line {number:,} of {probe.name} on was left out, since the table of edges ends "
                    f"there.", 1))  # fmt: skip
                break
            fields = fields[:3]
        if len(fields) == 2 or not all(fields):
            what = "has an empty column" if len(fields) != 2 else "has two columns, so no target"
            raise probe.error(f"The line {what}: {shorten(line)!r}.", line=number, mend=_SIF_MEND)
        if len(fields) == 1:
            alone.append(fields[0])
        for target in fields[2:]:
            sources.append(fields[0])
            relations.append(fields[1])
            targets.append(target)
            lines.append(number)
    probe.limits.check("edges", len(sources), where=probe.name)
    weights = None
    # Some programs write the weight where the relation stands.
    if relations and all(map(is_number, relations)) and any(not re.fullmatch(r"\d+", r) for r in relations):
        weights = weight_values(probe, relations, lines)
        findings.append(Finding("weights", "info",
            f"{probe.name} has numbers where relations could be: they were read as weights.",
            len(lines)))  # fmt: skip
    edges = named_edges(
        probe, sources, targets, SIF.title, weights=weights, relations=None if weights is not None else relations,
        others=alone, findings=findings,
    )  # fmt: skip
    return sided(probe, edges)


SIF = Format(
    key="sif",
    title="SIF",
    suffixes=("sif",),
    recognise=_is_sif,
    guess=lambda probe: "edges",
    edges=_sif_edges,
    judge=judge_by(_sif_edges, "source, relation and targets on each line"),
)

# --------------------------------------------------------------------------------- N-Triples
_IRI = r"<[^<>\"{}|^`\s]*+>"
_BLANK = r"_:[^\s<>\".]++(?:\.++[^\s<>\".]++)*+"
_LITERAL = rf'"(?:[^"\\]|\\.)*+"(?:\^\^{_IRI}|@[A-Za-z0-9-]++)?'
_TRIPLE = re.compile(
    rf"({_IRI}|{_BLANK})\s*+({_IRI})\s*+({_IRI}|{_BLANK}|{_LITERAL})\s*+({_IRI}|{_BLANK})?\s*+\.\s*+(?:#.*)?"
)
_NAMING = re.compile(r"(rdf-schema#label|core#prefLabel|foaf/0\.1/name|schema\.org/name|/terms/title)$")
_ESCAPE = re.compile(r'\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([tbnrf"\'\\]))')
_ESCAPED = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f"}


def _unescaped(text: str) -> str:
    def letter(match: re.Match[str]) -> str:
        if match[3]:
            return _ESCAPED.get(match[3], match[3])
        code = int(match[1] or match[2], 16)
        return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"

    return _ESCAPE.sub(letter, text) if "\\" in text else text


def _term(text: str) -> str:
    return _unescaped(text[1:-1]) if text.startswith("<") else text


def _short_relations(relations: list[str]) -> list[str]:
    """Return the last part of each IRI, where no other relation has the same."""
    last = {iri: re.split(r"[/#:]", iri.rstrip("/#"))[-1] or iri for iri in set(relations)}
    shared = collections.Counter(last.values())
    return [last[iri] if shared[last[iri]] == 1 else iri for iri in relations]


def _is_triples(probe: Probe) -> bool:
    lines = [line.strip() for line in _head(probe) if not line.lstrip().startswith("#")][:200]
    if named(probe, "nt", "nq") and lines:
        return lines[0].startswith(("<", "_:", '"'))
    return bool(lines) and all(_TRIPLE.fullmatch(line) for line in lines)


def _head(probe: Probe) -> list[str]:
    if probe.head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"<", b"_", b"#", b'"') or not probe.is_text:
        return []
    lines = probe.head.decode("utf-8-sig", "replace").split("\n")
    whole = len(probe.head) >= probe.path.stat().st_size
    return [line for line in (lines if whole else lines[:-1]) if line.strip()]


def _triple_edges(probe: Probe) -> Edges:
    findings: list[Finding] = []
    sources: list[str] = []
    relations: list[str] = []
    targets: list[str] = []
    called: dict[str, str] = {}
    literals = quads = 0
    for number, line in numbered(read_text(probe), ("#",)):
        match = _TRIPLE.fullmatch(line)
        if match is None:
            raise probe.error(
                f"Not a triple: {shorten(line)!r}.",
                line=number,
                mend="Write one triple per line: <subject> <predicate> <object> .",
            )
        subject, predicate, thing = _term(match[1]), _term(match[2]), match[3]
        quads += match[4] is not None
        if thing.startswith('"'):
            literals += 1
            if _NAMING.search(predicate) and (subject not in called or thing.endswith("@en")):
                called[subject] = _unescaped(thing[1 : thing.rindex('"')]).strip()
            continue
        sources.append(subject)
        relations.append(predicate)
        targets.append(_term(thing))
        probe.limits.check("edges", len(sources), where=probe.name)
    if literals:
        findings.append(Finding("literals-ignored", "info",
            f"{literals:,} triples of {probe.name} end in a text or number instead of a node and are not edges."
            + (f" Of these, {len(called):,} give names of nodes." if called else ""), literals))  # fmt: skip
    if quads:
        findings.append(Finding("graphs-joined", "info",
            f"{quads:,} lines of {probe.name} also name a graph (N-Quads): all graphs were merged.",
            quads))  # fmt: skip
    tables: tuple[NodeTable, ...] = ()
    nodes = set(sources) | set(targets)
    names = {node: name for node, name in called.items() if name and node in nodes}
    if names:
        tables = (
            NodeTable(
                where=probe.name,
                n_rows=len(names),
                ids=object_array(names),
                names=object_array(names.values()),
            ),
        )
    edges = named_edges(
        probe, sources, targets, TRIPLES.title, relations=_short_relations(relations), directed=True,
        tables=tables, findings=findings,
    )  # fmt: skip
    return sided(probe, edges)


TRIPLES = Format(
    key="n-triples",
    title="N-Triples (RDF)",
    suffixes=("nt", "nq"),
    recognise=_is_triples,
    guess=lambda probe: "edges",
    edges=_triple_edges,
    judge=judge_by(_triple_edges, "subject, predicate and object on each line"),
)

# ------------------------------------------------------------------------------------ arrows
_ARROW = re.compile(
    r"(?:(?<!\s)\s++)?+(?:-\[:?([^\]\[]*+)\]->?|<-+>|(?<!-)-+>|(?<!=)=+>|→)\s*+|(?<!\s)\s++(?:--|—|–|<->|↔)\s++"
)
"""No run of spaces, dashes or equals signs is begun in its middle, or a long one would take time in its square."""
_DIRECTED = re.compile(r"-\[[^\]\[]*+\]->|(?<![<-])-+>|=>|→")
_BEHIND = re.compile(r"\s*+(?:\[([^\[\]]*+)\]|\(([^()]*+)\)|:\s++(\S++))\s*+;?$")
"""What may stand behind an edge: attributes in brackets, or a weight in parentheses or behind a colon."""
_ARROW_MEND = "Write one edge per line: a -> b, or a -- b without a direction."


def _is_arrows(probe: Probe) -> bool:
    plain = (line.strip() for line in head_lines(probe) if not line.lstrip().startswith(("#", "%", "//")))
    lines = list(itertools.islice(plain, 500))
    other = probe.how.role in ("features", "labels", "names") and not probe.as_matrix
    if other or not lines or lines[0][0] in "{[<*(":
        return False
    if _are_arrows_in_columns(lines):
        return False
    marked = sum(_ARROW.search(line) is not None for line in lines)
    return marked > 0.9 * len(lines) and not any("{" in line for line in lines[:5])


def _are_arrows_in_columns(lines: list[str]) -> bool:
    """Return whether arrows are parts of the names in a table: below a header without one, or in several columns."""
    for sign in ("\t", ";", ",", "|"):
        rows = [line.rstrip(" ;") for line in lines]
        if not are_columns(rows, [sign]):
            continue
        if not _ARROW.search(rows[0]):
            return True
        cells = [line.split(sign) for line in rows]
        if sum(sum(_ARROW.search(cell) is not None for cell in row) > 1 for row in cells) > 0.9 * len(cells):
            return True
    return False


def _unquoted(text: str) -> str:
    text = text.strip().rstrip(";").strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _weighted(line: str) -> tuple[str, str]:
    """Return an edge without what stands behind it, and the weight in that, empty if there is none."""
    behind = _BEHIND.search(line)
    if behind is None:
        return line, ""
    if behind[1] is not None:
        weight = re.search(r"(?:^|[\s,;])weight\s*=\s*\"?([^\s,;\"]+)", behind[1])
        return line[: behind.start()], weight[1] if weight else ""
    number = (behind[2] or behind[3] or "").strip()
    return (line[: behind.start()], number) if is_number(number) else (line, "")


def _arrow_edges(probe: Probe) -> Edges:
    findings: list[Finding] = []
    text = read_text(probe)
    sources: list[str] = []
    relations: list[str] = []
    targets: list[str] = []
    alone: list[str] = []
    weights: list[str] = []
    lines: list[int] = []
    for number, line in numbered(text, ("#", "%", "//")):
        line, weight = _weighted(line)
        pieces, kinds, at = [], [], 0
        for arrow in _ARROW.finditer(line):
            pieces.append(line[at : arrow.start()])
            kinds.append((arrow[1] or "").strip())
            at = arrow.end()
        pieces.append(line[at:])
        groups = [[_unquoted(name) for name in _unquoted(piece).split(",")] for piece in pieces]
        if not all(name for group in groups for name in group):
            raise probe.error(f"A name is missing: {shorten(line)!r}.", line=number, mend=_ARROW_MEND)
        if not kinds:
            alone.extend(groups[0])
        for left, kind, right in zip(groups, kinds, groups[1:], strict=False):
            probe.limits.check("edges", len(sources) + len(left) * len(right), where=probe.name)
            for source in left:
                sources.extend([source] * len(right))
                targets.extend(right)
                relations.extend([kind] * len(right))
                weights.extend([weight] * len(right))
                lines.extend([number] * len(right))
    values = weight_values(probe, weights, lines) if any(weights) else None
    directed = _DIRECTED.search(text) is not None
    edges = named_edges(
        probe, sources, targets, ARROWS.title, weights=values, relations=relations if any(relations) else None,
        others=alone, directed=directed, findings=findings,
    )  # fmt: skip
    return sided(probe, edges)


ARROWS = Format(
    key="arrows",
    title="arrows (a -> b)",
    suffixes=("txt",),
    recognise=_is_arrows,
    guess=lambda probe: "edges",
    edges=_arrow_edges,
    judge=judge_by(_arrow_edges, "two nodes with an arrow or a line between them"),
)

# --------------------------------------------------------------------- Trivial Graph Format
_TGF_MEND = "Write `id label` per node, then a line with only #, then `source target label` per edge."


def _is_tgf(probe: Probe) -> bool:
    if "#" not in head_lines(probe):
        return False
    lines = [line.strip() for line in head_lines(probe)]
    if named(probe, "tgf") and "#" in lines:
        return True
    if lines.count("#") != 1 or any(line.startswith("#") and line != "#" for line in lines):
        return False
    at = lines.index("#")
    nodes = {line.split()[0] for line in lines[:at]}
    edges = [line.split()[:2] for line in lines[at + 1 :]]
    return bool(nodes) and bool(edges) and all(len(edge) == 2 and nodes.issuperset(edge) for edge in edges)


def _tgf_edges(probe: Probe) -> Edges:
    findings: list[Finding] = []
    nodes: dict[str, str] = {}
    listed: list[list[str]] = []
    below = False
    for number, line in numbered(read_text(probe)):
        if line == "#":
            below = True
        elif not below:
            name, _, label = line.partition(" ")
            nodes[name] = label.strip()
        else:
            fields = line.split(None, 2)
            if len(fields) < 2:
                raise probe.error(f"An edge needs two nodes: {shorten(line)!r}.", line=number, mend=_TGF_MEND)
            listed.append([*fields, ""][:3])
    sources, targets, labels = ([edge[i] for edge in listed] for i in range(3))
    names = {node: label for node, label in nodes.items() if label}
    table = NodeTable(
        where=probe.name, n_rows=len(names), ids=object_array(names), names=object_array(names.values())
    )
    kinds = np.unique(np.array(labels, object)) if any(labels) else np.array([])
    related = 0 < len(kinds) <= _MAX_SHARE * len(labels) and not all(map(is_number, filter(None, labels)))
    if any(labels) and not related:
        findings.append(Finding("attributes-ignored", "info", f"Labels of edges in {probe.name} were not used.",
                                len(kinds), examples(kinds)))  # fmt: skip
    edges = named_edges(
        probe, sources, targets, TGF.title, relations=labels if related else None, others=nodes, directed=True,
        tables=(table,) if names else (), findings=findings,
    )  # fmt: skip
    return sided(probe, edges)


TGF = Format(
    key="tgf",
    title="Trivial Graph Format (TGF)",
    suffixes=("tgf",),
    recognise=_is_tgf,
    guess=lambda probe: "edges",
    edges=_tgf_edges,
    judge=judge_by(_tgf_edges, "nodes, then edges below a line with #"),
)
