"""A network of KONECT with the files beside it: ``out.NET``, ``ent.NET.KIND.ATTRIBUTE`` and ``rel.NET.KIND.ATTRIBUTE``.

Line i of an ``ent`` file is about node i, of the side of that many nodes where the network has two; line i of a ``rel``
file is about edge i (konect.cc, handbook). The edges are delimited text like any other.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np

from vgae_core.data.findings import Finding, Judgement, Part
from vgae_core.data.readers.base import (
    Content,
    Edges,
    Format,
    NodeTable,
    Probe,
    examples,
    object_array,
    shorten,
)
from vgae_core.data.readers.columns.names import TITLE_NAMES
from vgae_core.data.readers.graphs.node_attributes import node_table, plain
from vgae_core.data.readers.tables import delimited
from vgae_core.data.readers.text.lines import read_text, relation_codes

_NAME = re.compile(
    r"(?P<kind>out|ent|rel)\.(?P<network>[^.]+)(\.(?P<whose>[^.]+)\.(?P<attribute>[^.]+))?(\.(txt|tsv|csv))?"
)
_MEMO = "konect"


def _called(probe: Probe) -> re.Match[str] | None:
    return _NAME.fullmatch(PurePosixPath(probe.stem).name)


def _gather(probes: Sequence[Probe]) -> list[Probe]:
    """Return the probes with the files about nodes and edges of a network put into the memo of its edges."""
    networks = {m["network"]: p for p in probes if (m := _called(p)) is not None and m["kind"] == "out"}
    taken: set[int] = set()
    for probe in probes:
        match = _called(probe)
        if match is None or match["attribute"] is None or match["kind"] == "out" or probe.how.role != "auto":
            continue
        network = networks.get(match["network"])
        if network is not None and network.how.role in ("auto", "edges"):
            network.memo.setdefault(_MEMO, []).append(probe)
            taken.add(id(probe))
    return [probe for probe in probes if id(probe) not in taken]


def _beside(probe: Probe, kind: str) -> list[tuple[str, Probe]]:
    """Return attribute and file of those of one kind."""
    matches = [(_called(other), other) for other in probe.memo[_MEMO]]
    return [
        (match["attribute"], other) for match, other in matches if match is not None and match["kind"] == kind
    ]


def _lines(probe: Probe) -> list[str]:
    """Return what stands on each line; an empty one is about a node, too."""
    lines = [line.strip() for line in read_text(probe).split("\n")]
    return lines[:-1] if not lines[-1] else lines


def _edges(probe: Probe) -> Edges:
    assert delimited.FORMAT.edges is not None  # noqa: S101  narrows the type
    edges = delimited.FORMAT.edges(probe)
    findings = list(edges.findings)
    edges = _with_relations(probe, edges, findings)
    tables = _tables(probe, edges, findings)
    return dataclasses.replace(edges, tables=(*edges.tables, *tables), findings=tuple(findings))


def _with_relations(probe: Probe, edges: Edges, findings: list[Finding]) -> Edges:
    for attribute, other in _beside(probe, "rel"):
        lines = _lines(other)
        if (
            edges.relations is not None
            or len(lines) != len(edges.rows)
            or not 1 < 2 * len(set(lines)) <= len(lines)
        ):
            _left_out(
                other, f"it does not have one value for each of the {len(edges.rows):,} edges", findings
            )
            continue
        told: list[Finding] = []
        codes, names = relation_codes(other, lines, told)
        edges = dataclasses.replace(edges, relations=codes, relation_names=names)
        findings.append(Finding("relations", "info", f"The {attribute} of each edge is read from {other.name}: "
            f"{', '.join(map(shorten, names[:5]))}{'…' if len(names) > 5 else ''}.", len(names),
            examples(names)))  # fmt: skip
    return edges


def _tables(probe: Probe, edges: Edges, findings: list[Finding]) -> list[NodeTable]:
    """Return what the files of entities say of nodes: their names, and classes and numbers."""
    numbers = _numbers(edges)
    columns: dict[str, tuple[list[int], list[str]]] = {}
    names = np.full(len(edges.node_ids), "", object)
    for attribute, other in _beside(probe, "ent"):
        lines = _lines(other)
        side = _side(numbers, len(lines))
        if side is None:
            _left_out(
                other,
                f"its {len(lines):,} lines match the number of nodes of neither side, or of both",
                findings,
            )
            continue
        known = [(numbers[side][i], text) for i, text in enumerate(lines, 1) if text and i in numbers[side]]
        lone = sum(i not in numbers[side] for i in range(1, len(lines) + 1))
        if lone:
            findings.append(Finding("rows-without-node", "info",
                f"Lines of {other.name} about nodes without an edge: {lone:,}.", lone))  # fmt: skip
        if plain(attribute) in TITLE_NAMES | {"name", "label", "title"}:
            for at, text in known:
                names[at] = text
        else:
            columns[attribute] = ([at for at, _ in known], [text for _, text in known])
    table, _ = node_table(probe, columns, edges.node_ids, {})
    return [dataclasses.replace(table, names=object_array(names) if (names != "").any() else None, parts=())]


def _numbers(edges: Edges) -> list[dict[int, int]]:
    """Return the position of each numbered node, for each side."""
    of_sides = np.zeros(len(edges.node_ids), np.int8) if edges.sides is None else edges.sides
    numbers: list[dict[int, int]] = [{} for _ in range(int(of_sides.max(initial=0)) + 1)]
    for at, (side, node) in enumerate(zip(of_sides.tolist(), edges.node_ids.tolist(), strict=True)):
        match = re.fullmatch(r"[^\W\d]?(\d{1,18})", str(node))
        if match:
            numbers[side][int(match[1])] = at
    return numbers


def _side(numbers: Sequence[dict[int, int]], n_lines: int) -> int | None:
    """Return the side whose nodes the lines are about: the only one that has a node of the last line's number."""
    if len(numbers) == 1:
        return 0
    fitting = [side for side, its in enumerate(numbers) if max(its, default=0) == n_lines]
    return fitting[0] if len(fitting) == 1 else None


def _left_out(probe: Probe, why: str, findings: list[Finding]) -> None:
    findings.append(Finding("files-ignored", "info", f"{probe.name} was left out: {why}.", 1, (probe.name,)))


def _parts(probe: Probe, content: Content) -> tuple[Part, ...]:
    assert delimited.FORMAT.parts is not None  # noqa: S101  narrows the type
    return delimited.FORMAT.parts(probe, content)


def _judge(probe: Probe, content: Content) -> tuple[tuple[Judgement, ...], tuple[str, ...]]:
    assert delimited.FORMAT.judge is not None  # noqa: S101  narrows the type
    judgements, sentences = delimited.FORMAT.judge(probe, content)
    files = ", ".join(shorten(other.name) for other in probe.memo[_MEMO])
    return (
        *judgements,
        Judgement("files", f"A KONECT network, with data about its nodes and edges in {files}."),
    ), sentences


FORMAT = Format(
    key="konect",
    title="KONECT (out.*, ent.*)",
    suffixes=(),
    recognise=lambda probe: _MEMO in probe.memo,
    guess=lambda probe: "edges",
    edges=_edges,
    parts=_parts,
    judge=_judge,
    gather=_gather,
)
