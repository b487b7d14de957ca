"""Graphs as solvers and partitioners exchange them: DIMACS and METIS.

DIMACS: the shortest-path format (``p sp n m``, ``a u v w``; 9th Implementation Challenge), the
colouring format (``p edge n m``, ``e u v``), maximum flow (``p max n m``, ``a u v capacity``), minimum cost
(``p min n m``, ``a u v lowest capacity cost``, of which the capacity is the weight), and pairs below ``p tw n m``.
METIS: the manual of version 5, section 4.1.1: a header ``n m [fmt [ncon]]``, then line i lists the
neighbours of node i; comments begin with ``%``.
"""

from __future__ import annotations

import itertools
import re

import numpy as np
import pandas as pd

from vgae_core.data.findings import Finding
from vgae_core.data.readers.base import Edges, Format, Probe, shorten
from vgae_core.data.readers.columns.first_edges import judge_whole, read_once
from vgae_core.data.readers.text.lines import head_lines, is_whole, named, numbered_edges, read_text

# ------------------------------------------------------------------------------------ DIMACS
_PROBLEM = re.compile(r"p\s+([A-Za-z]\w*)\s+(\d{1,18})\s+(\d{1,18})\s*")
_ARC = re.compile(r"[ae]\s+\d+\s+\d+(\s+\S+){0,3}\s*")
_DIMACS_MEND = "Write `p sp nodes arcs`, then `a source target weight` per arc (or `p edge …` and `e u v`)."


def _is_dimacs(probe: Probe) -> bool:
    rows = (line for line in head_lines(probe) if not re.match(r"c(\s|$)", line))
    lines = list(itertools.islice(rows, 50))
    if lines and re.match(r"p\s+aux\s+sp\s+co\s", lines[0]):
        raise probe.error(
            "Holds the coordinates of the nodes of a DIMACS graph.",
            mend="Provide the .gr file with its arcs; this one as a table of features: node,x,y.",
        )
    if not lines or _PROBLEM.fullmatch(lines[0]) is None:
        return False
    if lines[0].split()[1] == "tw":  # the PACE challenge: bare pairs
        return all(re.fullmatch(r"\d+\s+\d+", line) for line in lines[1:])
    return all(re.match(r"[aenvdxp]\s", line) for line in lines[1:]) and any(map(_ARC.fullmatch, lines[1:]))


def _table(probe: Probe, lines: pd.Series, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return positions from 0, and weights if every row has one."""
    parts = lines.str.extract(r"^(?:[ae]\s+)?(\d{1,18})\s+(\d{1,18})(?:\s+(\S+))?\s*$")
    ends = [pd.to_numeric(parts[i], errors="coerce").to_numpy(np.float64) for i in (0, 1)]
    bad = np.flatnonzero(~((np.minimum(*ends) >= 1) & (np.maximum(*ends) <= n)))
    if len(bad):
        raise probe.error(
            f"Nodes are numbered from 1 to {n:,}. Received: {shorten(str(lines.iloc[int(bad[0])]))!r}.",
            line=int(lines.index[int(bad[0])]),
            mend=_DIMACS_MEND,
        )
    weights = None
    if len(parts) and parts[2].notna().any():
        with np.errstate(over="ignore"):
            weights = pd.to_numeric(parts[2], errors="coerce").to_numpy(np.float64).astype(np.float32)
        bad = np.flatnonzero(~np.isfinite(weights))
        if len(bad):
            raise probe.error(
                f"The weight is not a finite number: {shorten(str(lines.iloc[int(bad[0])]))!r}.",
                line=int(lines.index[int(bad[0])]),
                mend=_DIMACS_MEND,
            )
    rows, cols = (end.astype(np.int64) - 1 for end in ends)
    return rows, cols, weights


def _dimacs_edges(probe: Probe) -> Edges:
    findings: list[Finding] = []
    lines = pd.Series(read_text(probe).split("\n"), dtype="str").str.strip()
    lines.index += 1
    first = lines.str[:1]
    problem = lines[first == "p"]
    match = _PROBLEM.fullmatch(str(problem.iloc[0])) if len(problem) == 1 else None
    if match is None:
        raise probe.error(f"Expected one line `p`. Found: {len(problem)}.", mend=_DIMACS_MEND)
    kind, n, announced = match[1].lower(), int(match[2]), int(match[3])
    probe.limits.check("nodes", n, where=probe.name)
    arcs = lines[first.isin(["a", "e"]) if kind != "tw" else first.str.isdigit()]
    if kind == "min":  # a source target lowest capacity cost
        arcs = arcs.str.replace(r"^(a\s+\d+\s+\d+)\s+\S+\s+(\S+)\s+\S+$", r"\1 \2", regex=True)
    probe.limits.check("edges", len(arcs), where=probe.name)
    rows, cols, weights = _table(probe, arcs, n)
    directed = bool((arcs.str[:1] == "a").any())
    if len(rows) != announced and not (not directed and len(rows) * 2 == announced):
        findings.append(Finding("announced-edges", "warning",
            f"{probe.name} declares {announced:,} edges but lists {len(rows):,}.",
            abs(len(rows) - announced)))  # fmt: skip
    others = lines[~first.isin(["a", "e", "p", "c", ""]) & ~lines.index.isin(arcs.index)]
    if len(others):
        findings.append(Finding("lines-ignored", "info",
            f"{len(others):,} lines of {probe.name} describe nodes of a {kind} problem and were not used, e.g. line "
            f"{int(others.index[0]):,}: {shorten(str(others.iloc[0]))}.", len(others)))  # fmt: skip
    if not directed and len(rows):  # many colouring instances list both directions
        low, high = np.minimum(rows, cols), np.maximum(rows, cols)
        _, kept = np.unique(low * n + high, return_index=True)
        if len(kept) * 2 == len(rows):
            kept.sort()
            rows, cols, weights = rows[kept], cols[kept], None if weights is None else weights[kept]
    return numbered_edges(
        probe,
        rows,
        cols,
        n,
        DIMACS.title,
        weights=weights,
        directed=(True if kind in ("max", "min", "asn") else None) if directed else False,
        findings=findings,
    )


DIMACS = Format(
    key="dimacs",
    title="DIMACS",
    suffixes=("gr", "col", "max", "dimacs"),
    recognise=_is_dimacs,
    guess=lambda probe: "edges",
    edges=lambda probe: read_once(probe, _dimacs_edges),
    judge=judge_whole(_dimacs_edges),
)

# ------------------------------------------------------------------------------------- METIS
_METIS_HEADER = re.compile(r"\d{1,18}\s+\d{1,18}(\s+[01]{1,3}(\s+\d{1,3})?)?")
_METIS_MEND = "Write `nodes edges [format]`, then one line per node with its neighbours, numbered from 1."


def _is_metis(probe: Probe) -> bool:
    """Tell by the counts and by symmetry: line i names node j if, and only if, line j names node i."""
    first = next((line for line in head_lines(probe) if not line.startswith("%")), "")
    if _METIS_HEADER.fullmatch(first.strip()) is None:
        return False
    early = [len(line.split()) for line in head_lines(probe)[1:200]]
    if not is_whole(probe) and not named(probe, "graph", "metis") and len(set(early)) < 2:
        return False  # edges below a row of two numbers
    lines = _metis_lines(probe.head.decode("utf-8-sig", "replace"))
    if not lines or _METIS_HEADER.fullmatch(lines[0]) is None:
        return False
    if named(probe, "metis"):
        return True
    n, m, vertex, edge = _metis_header(lines[0])
    whole = is_whole(probe)
    rows = [line.split() for line in (lines[1:] if whole else lines[1:-1])]
    while whole and len(rows) > n and not rows[-1]:
        rows.pop()
    fields = [field for row in rows for field in row]
    if (
        not fields
        or (len(rows) != n if whole else len(rows) > n)
        or not all(re.fullmatch(r"\d{1,18}", f) for f in fields)
    ):
        return False
    listed = [{int(f) for f in (row[vertex::2] if edge else row[vertex:])} for row in rows]
    if not all(1 <= j <= n for row in listed for j in row):
        return False
    if named(probe, "graph"):
        return True
    mutual = [i in listed[j - 1] for i, row in enumerate(listed, 1) for j in row if j <= len(listed)]
    return any(mutual) and all(mutual) and (not whole or sum(map(len, listed)) == 2 * m)


def _metis_lines(text: str) -> list[str]:
    """Return the lines with empty ones, which are nodes without neighbours, but without comments."""
    lines = [line.strip() for line in text.replace("\r\n", "\n").split("\n") if not line.startswith("%")]
    while lines and not lines[0]:
        lines.pop(0)
    return lines


def _metis_header(line: str) -> tuple[int, int, int, bool]:
    """Return numbers of nodes and edges, how many numbers stand before the neighbours, whether edges have weights."""
    fields = line.split()
    kind = fields[2].zfill(3) if len(fields) > 2 else "000"
    weights = (int(fields[3]) if len(fields) > 3 else 1) if kind[1] == "1" else 0
    return int(fields[0]), int(fields[1]), weights + (kind[0] == "1"), kind[2] == "1"


def _metis_edges(probe: Probe) -> Edges:
    findings: list[Finding] = []
    text = read_text(probe)
    numbers = [i for i, line in enumerate(text.split("\n"), 1) if not line.startswith("%")]
    lines = [line.strip() for line in text.split("\n") if not line.startswith("%")]
    while lines and not lines[0]:
        lines.pop(0)
        numbers.pop(0)
    if not lines or _METIS_HEADER.fullmatch(lines[0]) is None:
        raise probe.error("The first line must be: nodes edges [format [weights]].", mend=_METIS_MEND)
    n, m, vertex, edge = _metis_header(lines[0])
    probe.limits.check("nodes", n, where=probe.name)
    probe.limits.check("edges", m, where=probe.name)
    body = lines[1:]
    while len(body) > n and not body[-1]:
        body.pop()
    if len(body) != n:
        raise probe.error(f"Declares {n:,} nodes. Lines that follow: {len(body):,}.", mend=_METIS_MEND)
    fields = [line.split() for line in body]
    short = next((i for i, row in enumerate(fields) if len(row) < vertex), None)
    if short is not None:
        raise probe.error(
            f"The line has no {vertex} weights of its node: {shorten(body[short])!r}.",
            line=numbers[short + 1],
            mend=_METIS_MEND,
        )
    fields = [row[vertex:] for row in fields]
    counts = np.fromiter(map(len, fields), np.int64, n)
    at = np.repeat(np.arange(n), counts)
    flat = pd.to_numeric(
        pd.Series([f for row in fields for f in row], dtype="str"), errors="coerce"
    ).to_numpy(float)
    within = np.arange(len(flat)) - np.repeat(np.cumsum(counts) - counts, counts)
    is_weight = (within % 2 == 1) if edge else np.zeros(len(flat), bool)
    bad = ~np.isfinite(flat) | (~is_weight & ~((flat >= 1) & (flat <= n) & (flat == np.floor(flat))))
    if edge:
        bad |= (counts % 2 == 1)[at]
    if bad.any():
        row = int(at[int(np.flatnonzero(bad)[0])])
        raise probe.error(
            f"Neighbours are numbered from 1 to {n:,}{', each followed by a weight' if edge else ''}. Received: "
            f"{shorten(body[row])!r}.",
            line=numbers[row + 1],
            mend=_METIS_MEND,
        )
    rows, cols = at[~is_weight], flat[~is_weight].astype(np.int64) - 1
    with np.errstate(over="ignore"):
        weights = flat[is_weight].astype(np.float32) if edge else None
    # Each edge stands in the lines of both of its nodes; what stands in one line only is kept as well.
    keys = np.minimum(rows, cols) * n + np.maximum(rows, cols)
    _, first = np.unique(keys, return_index=True)
    first.sort()
    rows, cols = rows[first], cols[first]
    weights = None if weights is None else weights[first]
    if len(rows) != m:
        findings.append(Finding("announced-edges", "warning",
            f"{probe.name} declares {m:,} edges but lists {len(rows):,}.", abs(len(rows) - m)))  # fmt: skip
    if vertex:
        findings.append(Finding("weights-of-nodes", "info",
            f"The weights of nodes in {probe.name} were not used.", n))  # fmt: skip
    return numbered_edges(
        probe, rows, cols, n, METIS.title, weights=weights, directed=False, findings=findings
    )


METIS = Format(
    key="metis",
    title="METIS",
    suffixes=("graph", "metis"),
    recognise=_is_metis,
    guess=lambda probe: "edges",
    edges=lambda probe: read_once(probe, _metis_edges),
    judge=judge_whole(_metis_edges),
)
