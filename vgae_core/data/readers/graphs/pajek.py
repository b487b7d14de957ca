"""Pajek networks (.net): vertices, arcs, edges, their lists, and matrices.

networkx takes an ``*Arcslist`` for weighted arcs, joins vertices of one label and reads section
headings as edges, so the sections are read here.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from vgae_core.data.findings import Finding
from vgae_core.data.readers.base import Edges, Format, Probe, examples, object_array, shorten
from vgae_core.data.readers.columns.first_edges import judge_whole, read_once
from vgae_core.data.readers.columns.sides import Sides, sides_told
from vgae_core.data.readers.text.lines import relation_codes, weight_values
from vgae_core.data.readers.text.written_numbers import MISSING

_START = re.compile(rb"(?im)^(\xef\xbb\xbf)?[ \t]*\*(network|vertices)\b")
_RELATION = re.compile(r":\s*(\d+)\s*(?:\"([^\"]*)\"|(\S.*))?")
"""Behind *Arcs or *Edges of several relations: their number and name."""
_LINKS = {"arcs": True, "arcslist": True, "matrix": True, "edges": False, "edgeslist": False}
"""Sections that hold links, and whether these have a direction."""


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
        match = re.match(r"\*\s*([^\s:]*)\s*(.*)", lines.iloc[head])
        name, rest = (match[1], match[2]) if match else ("", "")
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
            f"{len(twice):,} vertices of {probe.name} share their label with another, so all are shown by "
            f"number.", len(twice), examples(twice.unique())))  # fmt: skip
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
            mend="Number the vertices as declared by *Vertices.",
        )
    return values.astype(np.int64)


def _pairs(
    probe: Probe, rows: pd.Series, n: int, findings: list[Finding]
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Read rows of source, target and, if there is one, weight; names of attributes may follow."""
    parts = rows.str.extract(r"^(\d+)\s+(\d+)(?:\s+(\S+))?")
    sources, targets = (_numbers(probe, parts[i], rows, n) for i in (0, 1))
    # What is no number is the name of an attribute (`c Red`, `l "text"`, `[1-3]`), unless it says "unknown".
    third = parts[2].fillna("absent")
    given = pd.to_numeric(third, errors="coerce").notna() | third.str.lower().isin(MISSING)
    if not given.any():
        return sources, targets, None
    return sources, targets, weight_values(probe, third.where(given, "1"), rows.index)


def _lists(
    probe: Probe, rows: pd.Series, n: int, findings: list[Finding]
) -> tuple[np.ndarray, np.ndarray, None]:
    """Read rows of a source and its targets."""
    fields = rows.str.split().array
    counts = np.fromiter(map(len, fields), np.int64, len(fields))
    flat = pd.Series([field for row in fields for field in row], dtype="str")
    at = np.repeat(np.arange(len(rows)), counts)
    numbers = _numbers(probe, flat, rows.iloc[at], n)
    first = np.zeros(len(numbers), bool)
    first[np.cumsum(counts) - counts] = True
    return np.repeat(numbers[first], counts - 1), numbers[~first], None


def _matrix(probe: Probe, rows: pd.Series, n: int, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read n rows of n numbers; of two modes, a row per vertex of the first and a column per vertex of the second."""
    height, width = (side, n - side) if side else (n, n)
    probe.limits.check("feature_values", height * width, where=probe.name)
    fields = rows.str.split()
    at = list(rows.index.repeat(fields.map(len)))
    values = weight_values(probe, [field for row in fields for field in row], at, may_miss=False)
    if len(values) != height * width:
        raise probe.error(
            f"*Matrix needs {height} x {width} numbers. Received: {len(values):,}.",
            line=int(rows.index[0]),
            mend="Write one row per vertex, or `*Vertices all first` for a matrix of two modes.",
        )
    sources, targets = np.nonzero(values.reshape(height, width))
    return sources + 1, targets + 1 + side, values[values != 0]


def _first_side(probe: Probe, rest: str, n: int) -> int:
    """Return how many of the vertices are of the first mode, 0 if there is one mode."""
    counts = rest.split()
    if len(counts) < 2 or not re.fullmatch(r"\d{1,18}", counts[1]):
        return 0
    if not 0 < int(counts[1]) < n:
        raise probe.error(
            f"*Vertices declares {n:,}, {int(counts[1]):,} of them in the first mode.", mend="*Vertices 5 2"
        )
    return int(counts[1])


def _edges(probe: Probe) -> Edges:
    findings: list[Finding] = []
    n, ids, side = 0, np.arange(0), 0
    links: list[tuple[str, np.ndarray, np.ndarray, np.ndarray | None]] = []
    relations: list[str] = []
    ignored: list[str] = []
    for name, rest, lines in _sections(probe):
        if name == "vertices" and not n:
            n, ids = _vertices(probe, rest, lines, findings)
            side = _first_side(probe, rest, n)
        elif name in _LINKS and n and "vertices" not in ignored:
            probe.limits.check("edges", len(lines), where=probe.name)
            if not len(lines):
                continue
            if name == "matrix":
                links.append((name, *_matrix(probe, lines, n, side)))
            else:
                read = _lists if name.endswith("list") else _pairs
                links.append((name, *read(probe, lines, n, findings)))
            match = _RELATION.match(rest)
            relations.append((match[2] or match[3] or match[1]).strip() if match else "")
        elif name != "network" or n:
            ignored.append(name)
    if not n:
        raise probe.error("Has no section *Vertices.", mend="Write the file with Pajek or networkx.")
    if ignored:
        findings.append(Finding("sections-ignored", "info",
            f"Sections of {probe.name} that were not used: {', '.join(map(shorten, ignored[:5]))}.",
            len(ignored), examples(ignored)))  # fmt: skip
    if side:
        findings.append(Finding("two-mode", "info",
            f"{probe.name} has two modes, of {side:,} and {n - side:,} vertices: they were read as the two sides of "
            "one graph.", n))  # fmt: skip
        links = [("edges", *link[1:]) if link[0] == "matrix" else link for link in links]
    directed = any(_LINKS[name] for name, *_ in links)
    if directed:  # an undirected edge beside arcs is one arc each way
        back = [(at, link) for at, link in enumerate(links) if not _LINKS[link[0]]]
        links += [(name, targets, sources, weights) for _, (name, sources, targets, weights) in back]
        relations += [relations[at] for at, _ in back]
    rows = np.concatenate([np.arange(0), *(sources - 1 for _, sources, _, _ in links)])
    cols = np.concatenate([np.arange(0), *(targets - 1 for _, _, targets, _ in links)])
    probe.limits.check("edges", len(rows), where=probe.name)
    weights = None
    if any(link[3] is not None for link in links):
        parts = [np.ones(len(link[1])) if link[3] is None else link[3] for link in links]
        weights = np.concatenate(parts).astype(np.float32)
    codes, names = None, tuple[str, ...]()
    if any(relations):
        of = [relation for relation, link in zip(relations, links, strict=True) for _ in range(len(link[1]))]
        codes, names = relation_codes(probe, of, findings)
    rows, cols = rows.astype(np.int64), cols.astype(np.int64)
    sides = None
    if side and probe.how.sides != "one":
        sides = sides_told((np.arange(n) >= side).astype(np.int8), rows, cols, ids, probe.name, findings)
    if sides is not None:
        probe.memo["sides"] = Sides(
            True, f"the file has two modes, of {side:,} and {n - side:,} vertices", True, False
        )
    return Edges(
        rows=rows,
        cols=cols,
        sides=sides,
        weights=weights,
        node_ids=ids,
        format=FORMAT.title,
        directed=directed and sides is None,
        symmetric=not directed,
        findings=tuple(findings),
        relations=codes,
        relation_names=names,
    )


FORMAT = Format(
    key="pajek",
    title="Pajek",
    suffixes=("net", "paj"),
    recognise=lambda probe: probe.is_text and _START.search(probe.head) is not None,
    guess=lambda probe: "edges",
    edges=lambda probe: read_once(probe, _edges),
    judge=judge_whole(_edges),
)
