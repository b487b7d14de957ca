"""What formats of edges say of a file: how it was read, what was decided, and its first edges in words."""

from __future__ import annotations

import dataclasses
import math
import tempfile
from collections.abc import Callable
from pathlib import Path

from vgae_core.data.findings import Choice, Judgement
from vgae_core.data.readers.base import N_EXAMPLES, Content, Edges, Probe, shorten
from vgae_core.data.readers.columns.sides import Sides
from vgae_core.data.readers.columns.two_sides import sides_judgement

Judge = Callable[[Probe, Content], tuple[tuple[Judgement, ...], tuple[str, ...]]]
_LOOKED_AT = 1_000
"""Entries among which the first edges are looked for."""
_BEGINNING = 4_000_000
"""Bytes that are judged by, where the whole file has not been read."""


def read_once(probe: Probe, read: Callable[[Probe], Edges]) -> Edges:
    """Return ``read(probe)``, which is kept in the memo of the probe."""
    if "edges" not in probe.memo:
        probe.memo["edges"] = read(probe)
    edges: Edges = probe.memo["edges"]
    return edges


def judge_by(read: Callable[[Probe], Edges], layout: str) -> Judge:
    """Return the `judge` of a format of lines, which reads the whole lines of the beginning.

    Parameters
    ----------
    read : callable
        ``read(probe) -> Edges``.
    layout : str
        How a line is read, in a few words.
    """

    def judge(probe: Probe, content: Content) -> tuple[tuple[Judgement, ...], tuple[str, ...]]:
        if content != "edges":
            return _as_matrix(), ()
        if "edges" in probe.memo:
            return _judged(probe, probe.memo["edges"], layout)
        with open(probe.path, "rb") as file:
            begin = file.read(_BEGINNING)
            begin = begin[: begin.rfind(b"\n") + 1] if file.read(1) else begin
        if not begin.strip():
            return (), ()
        with tempfile.TemporaryDirectory(prefix="vgae-head-") as folder:
            path = Path(folder) / "head"
            path.write_bytes(begin)
            beginning = dataclasses.replace(probe, path=path, memo={})
            return _judged(beginning, read(beginning), layout)

    return judge


def judge_whole(read: Callable[[Probe], Edges], layout: str = "") -> Judge:
    """Return the `judge` of a format whose beginning tells nothing: the whole file is read."""

    def judge(probe: Probe, content: Content) -> tuple[tuple[Judgement, ...], tuple[str, ...]]:
        return _judged(probe, read_once(probe, read), layout) if content == "edges" else (_as_matrix(), ())

    return judge


def _as_matrix() -> tuple[Judgement, ...]:
    as_graph = Choice("A two-sided graph", {"role": "edges", "sides": "two"})
    text = "Read as a matrix: a row for each node of the first side, a column for each of the second."
    return (Judgement("role", text, others=(as_graph,)),)


def _judged(probe: Probe, edges: Edges, layout: str) -> tuple[tuple[Judgement, ...], tuple[str, ...]]:
    sides: Sides | None = probe.memo.get("sides")
    judgements = [_decision(edges, layout), *probe.memo.get("decided", ())]
    about_sides = None if sides is None else sides_judgement(sides)
    if about_sides is not None:
        judgements.append(about_sides)
    return tuple(judgements), sentences_of(edges)


def _decision(edges: Edges, layout: str) -> Judgement:
    if not layout:
        undirected = edges.directed is False and edges.sides is None
        kind = "directed " if edges.directed else "undirected " if undirected else ""
        return Judgement("graph", f"{len(edges.node_ids):,} nodes and {len(edges.rows):,} {kind}edges.")
    text = f"Read as {edges.format}: {layout}."
    if edges.relation_names:
        names = ", ".join(shorten(name, 30) for name in edges.relation_names[:N_EXAMPLES] if name)
        more = "…" if len(edges.relation_names) > N_EXAMPLES else ""
        text += f" Relations ({names}{more}) are kept with the edges and are not nodes."
    if edges.weights is not None:
        text += " Numbers beside the nodes are weights."
    return Judgement("format", text)


def sentences_of(edges: Edges, *, once: bool = False) -> tuple[str, ...]:
    """Return the first edges in words; of a matrix, which has an entry for each direction, each pair `once`."""
    sentences: list[str] = []
    seen: set[tuple[int, int]] = set()
    plain = edges.weights is None or (once and bool((edges.weights == 1).all()))
    for at, ends in enumerate(
        zip(edges.rows[:_LOOKED_AT].tolist(), edges.cols[:_LOOKED_AT].tolist(), strict=True)
    ):
        if len(sentences) == N_EXAMPLES:
            break
        if once and ends[::-1] in seen:
            continue
        seen.add(ends)
        source, target = (shorten(str(edges.node_ids[end]), 30) for end in ends)
        relation = "" if edges.relations is None else edges.relation_names[int(edges.relations[at])]
        link = f" {shorten(relation, 30)} " if relation else " → " if edges.directed else " – "
        value = float("nan") if plain or edges.weights is None else float(edges.weights[at])
        weight = "" if math.isnan(value) else f" (weight {value:.6g})"
        sentences.append(f"{source}{link}{target}{weight}")
    return tuple(sentences)
