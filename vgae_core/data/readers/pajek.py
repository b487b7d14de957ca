"""Pajek networks (.net): vertices, arcs, edges, their lists, and matrices.

networkx takes an ``*Arcslist`` for weighted arcs, joins vertices of one label and reads section
headings as edges, so the sections are read here.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from vgae_core.data.dataset import Finding
from vgae_core.data.readers.base import Edges, Format, Probe, examples, object_array, shorten

_START = re.compile(rb"(?i)\A(\xef\xbb\xbf)?(\s*(%|/\*)[^\n]*\n)*\s*\*(network|vertices)\b")
_LINKS = {"arcs": True, "arcslist": True, "matrix": True, "edges": False, "edgeslist": False}
"""Sections that hold links, and whether these have a direction."""
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"


def _sections(probe: Probe) -> list[tuple[str, str, pd.Series]]:
    """Return name, rest of the heading and rows of each section, rows by line number from 1."""
    try:
        text = probe.path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise probe.error(f"Not UTF-8 text: {error.reason}.", mend="Save the file as UTF-8.") from error
    lines = pd.Series(text.split("\n"), dtype="str").str.strip()
    lines.index += 1
    lines = lines[(lines != "") & ~lines.str.startswith(("%", "/*"))]
    heads = np.flatnonzero(lines.str.startswith("*").to_numpy(bool))
    ends = [*heads[1:], len(lines)]
    found = []
    for head, end in zip(heads, ends, strict=True):
        name, _, rest = lines.iloc[head][1:].strip().partition(" ")
        found.append((name.lower(), rest.strip(), lines.iloc[head + 1 : end]))
    return found


def _vertices(probe: Probe, rest: str, rows: pd.Series, findings: list[Finding]) -> tuple[int, np.ndarray]:
    """Return how many vertices there are and what they are called."""
    counts = rest.split()
    if not counts or not re.fullmatch(r"\d{1,18}", counts[0]) or int(counts[0]) < 1:
        raise probe.error(f"*Vertices needs a count. Received: {shorten(rest)!r}.", mend="*Vertices 34")
    n = int(counts[0])
    probe.limits.check("nodes", n, where=probe.name)
    numbers = np.arange(1, n + 1, dtype=np.int64)
    if len(rows) == 0:
        return n, numbers
    parts = rows.str.extract(r'^(\d{1,18})(?:\s+(?:"([^"]*)"|(\S+)))?')
    at = _numbers(probe, parts[0], rows, n)
    names = parts[1].fillna(parts[2]).fillna("").str.strip()
    labels = pd.Series(numbers.astype(str), dtype=object)
    labels[at - 1] = names.where(names != "", pd.Series(at.astype(str), index=names.index)).to_numpy(object)
    if bool((labels.to_numpy(str) == numbers.astype(str)).all()):
        return n, numbers
    if not labels.is_unique:
        twice = labels[labels.duplicated(keep=False)]
        findings.append(Finding("labels-not-unique", "warning",
            f"{len(twice):,} vertices of {probe.name} share their label with another: "
            "all are called by their number.", len(twice), examples(twice.unique())))  # fmt: skip
        return n, numbers
    return n, object_array(labels)


def _numbers(probe: Probe, column: pd.Series, rows: pd.Series, n: int) -> np.ndarray:
    """Return vertex numbers as int64; each must be between 1 and n."""
    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    bad = np.flatnonzero(~((values >= 1) & (values <= n) & (values == np.floor(values))))
    if len(bad):
        raise probe.error(
            f"Vertices are numbered from 1 to {n}. Received: {shorten(rows.iloc[int(bad[0])])!r}.",
            line=int(rows.index[bad[0]]),
            mend="Number the vertices as *Vertices announces them.",
        )
    return values.astype(np.int64)


def _pairs(probe: Probe, rows: pd.Series, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Read rows of source, target and, if there is one, weight."""
    parts = rows.str.extract(rf"^(\d+)\s+(\d+)(?:\s+({_NUMBER})(?=\s|$))?")
    sources, targets = (_numbers(probe, parts[i], rows, n) for i in (0, 1))
    if parts[2].isna().all():
        return sources, targets, None
    return sources, targets, parts[2].fillna("1").astype(float).to_numpy(np.float64)


def _lists(probe: Probe, rows: pd.Series, n: int) -> tuple[np.ndarray, np.ndarray, None]:
    """Read rows of a source and its targets."""
    fields = rows.str.split().array
    counts = np.fromiter(map(len, fields), np.int64, len(fields))
    flat = pd.Series([field for row in fields for field in row], dtype="str")
    at = np.repeat(np.arange(len(rows)), counts)
    numbers = _numbers(probe, flat, rows.iloc[at], n)
    first = np.zeros(len(numbers), bool)
    first[np.cumsum(counts) - counts] = True
    return np.repeat(numbers[first], counts - 1), numbers[~first], None


def _matrix(probe: Probe, rows: pd.Series, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read n rows of n numbers."""
    probe.limits.check("feature_values", n * n, where=probe.name)
    values = np.array(" ".join(rows).split(), dtype=np.float64)
    if len(values) != n * n:
        raise probe.error(
            f"*Matrix needs {n} x {n} numbers. Received: {len(values):,}.", mend="Write the file anew."
        )
    sources, targets = np.nonzero(values.reshape(n, n))
    return sources + 1, targets + 1, values[values != 0]


def _edges(probe: Probe) -> Edges:
    findings: list[Finding] = []
    n, ids = 0, np.arange(0)
    links: list[tuple[str, np.ndarray, np.ndarray, np.ndarray | None]] = []
    ignored: list[str] = []
    for name, rest, lines in _sections(probe):
        if name == "vertices" and not n:
            n, ids = _vertices(probe, rest, lines, findings)
        elif name in _LINKS and n and "vertices" not in ignored:
            probe.limits.check("edges", len(lines), where=probe.name)
            read = _matrix if name == "matrix" else _lists if name.endswith("list") else _pairs
            if len(lines):
                links.append((name, *read(probe, lines, n)))
        elif name != "network" or n:
            ignored.append(name)
    if not n:
        raise probe.error("Has no section *Vertices.", mend="Write the file with Pajek or networkx.")
    if ignored:
        findings.append(Finding("sections-ignored", "info",
            f"Sections of {probe.name} that were not used: {', '.join(map(shorten, ignored[:5]))}.",
            len(ignored), examples(ignored)))  # fmt: skip
    directed = any(_LINKS[name] for name, *_ in links)
    if directed:  # an undirected edge beside arcs is one arc each way
        links += [
            (name, targets, sources, weights) for name, sources, targets, weights in links if not _LINKS[name]
        ]
    rows = np.concatenate([np.arange(0), *(sources - 1 for _, sources, _, _ in links)])
    cols = np.concatenate([np.arange(0), *(targets - 1 for _, _, targets, _ in links)])
    probe.limits.check("edges", len(rows), where=probe.name)
    weights = None
    if any(link[3] is not None for link in links):
        parts = [np.ones(len(link[1])) if link[3] is None else link[3] for link in links]
        with np.errstate(over="ignore"):
            weights = np.concatenate(parts).astype(np.float32)
        bad = np.flatnonzero(~np.isfinite(weights))
        if len(bad):
            raise probe.error(
                f"{len(bad):,} weights are not finite.", mend="Write a finite number for every weight."
            )
    return Edges(
        rows=rows.astype(np.int64),
        cols=cols.astype(np.int64),
        weights=weights,
        node_ids=ids,
        format=FORMAT.title,
        directed=directed,
        symmetric=not directed,
        findings=tuple(findings),
    )


FORMAT = Format(
    key="pajek",
    title="Pajek",
    suffixes=("net", "paj"),
    recognise=lambda probe: _START.match(probe.head) is not None,
    guess=lambda probe: "edges",
    edges=_edges,
)
