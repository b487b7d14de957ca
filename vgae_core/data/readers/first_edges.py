"""What formats of one edge per line say of a file: how it was read, and its first edges in words."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path

from vgae_core.data.findings import Judgement
from vgae_core.data.readers.base import N_EXAMPLES, Content, Edges, Probe, shorten
from vgae_core.data.readers.lines import is_whole

Judge = Callable[[Probe, Content], tuple[tuple[Judgement, ...], tuple[str, ...]]]


def judge_by(read: Callable[[Probe], Edges], layout: str) -> Judge:
    """Return the `judge` of a format, which reads the whole lines of the beginning.

    Parameters
    ----------
    read : callable
        ``read(probe) -> Edges``.
    layout : str
        How a line is read, in a few words.
    """

    def judge(probe: Probe, content: Content) -> tuple[tuple[Judgement, ...], tuple[str, ...]]:
        head = probe.head if is_whole(probe) else probe.head[: probe.head.rfind(b"\n") + 1]
        if content != "edges" or not head.strip():
            return (), ()
        with tempfile.TemporaryDirectory(prefix="vgae-head-") as folder:
            path = Path(folder) / "head"
            path.write_bytes(head)
            edges = read(dataclasses.replace(probe, path=path, head=head, memo={}))
        return (Judgement("format", _decision(edges, layout)),), _sentences(edges)

    return judge


def _decision(edges: Edges, layout: str) -> str:
    text = f"Read as {edges.format}: {layout}."
    if edges.relation_names:
        names = ", ".join(shorten(name, 30) for name in edges.relation_names[:N_EXAMPLES] if name)
        more = "…" if len(edges.relation_names) > N_EXAMPLES else ""
        text += f" Relations ({names}{more}) are kept with the edges and are not nodes."
    if edges.weights is not None:
        text += " Numbers beside the nodes are weights."
    return text


def _sentences(edges: Edges) -> tuple[str, ...]:
    """Return the first edges in words."""
    sentences = []
    for at in range(min(N_EXAMPLES, len(edges.rows))):
        source, target = (shorten(str(edges.node_ids[ends[at]]), 30) for ends in (edges.rows, edges.cols))
        relation = "" if edges.relations is None else edges.relation_names[int(edges.relations[at])]
        link = f" {shorten(relation, 30)} " if relation else " – "
        weight = "" if edges.weights is None else f" (weight {float(edges.weights[at]):.6g})"
        sentences.append(f"{source}{link}{target}{weight}")
    return tuple(sentences)
