"""UCINET DL: edge lists, node lists and matrices with their labels.

Formats as in the UCINET 6 user's guide ("DL files"): ``edgelist1`` (default of one mode), ``nodelist1``,
``fullmatrix`` (default), ``edgelist2``, ``nodelist2``; labels listed or embedded; rows and columns of
two modes (``nr``, ``nc``); halves of matrices with or without their diagonal. Several matrices are refused by name.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field

import numpy as np

from vgae_core.data.findings import Finding
from vgae_core.data.readers.base import Edges, Format, Probe, object_array, shorten
from vgae_core.data.readers.columns.first_edges import judge_whole, read_once
from vgae_core.data.readers.columns.sides import Sides, sides_told
from vgae_core.data.readers.text.lines import named_edges, numbered_edges, read_text, weight_values

_START = re.compile(rb"\A(\xef\xbb\xbf)?\s*dl\s+(n|nr|nc|nm|format)\s*=", re.I)
_SETTING = re.compile(r"(nr|nc|nm|n|format)\s*=\s*([\w.]+)", re.I)
_SECTION = re.compile(
    r"\b(?P<labels>(?:(?P<axis>row|column|col|matrix|level)\s+)?labels)\s*(?P<embedded>embedded)?\s*:?|\b(?P<data>data)\s*:",
    re.I,
)
_HALVES = ("lowerhalf", "upperhalf")
_FORMATS = ("edgelist1", "edgelist2", "nodelist1", "nodelist1b", "nodelist2", "fullmatrix", *_HALVES)
_MEND = "Write it as `dl n=5 format=edgelist1`, `labels embedded:`, `data:`, then `source target weight` per line."


@dataclass
class _Header:
    settings: dict[str, str]
    labels: dict[str, list[str]] = field(default_factory=dict)
    embedded: bool = False
    data: str = ""
    line: int = 1
    """Line of the first character of the data."""

    def count(self, *names: str) -> int | None:
        return next((int(self.settings[name]) for name in names if name in self.settings), None)


def _header(probe: Probe, text: str) -> _Header:
    """Return what stands before ``data:``, and the data."""
    start = re.match(r"\s*dl\b", text, re.I)
    at = start.end() if start else 0
    header = _Header({})
    data = re.search(r"(?im)\bdata\s*:", text)
    if data is None:
        raise probe.error("Has no line `data:`.", mend=_MEND)
    sections = list(_SECTION.finditer(text, at, data.end()))
    for match in _SETTING.finditer(text, at, sections[0].start()):
        header.settings[match[1].lower()] = match[2].lower()
    for name in ("n", "nr", "nc", "nm"):
        if name in header.settings and not re.fullmatch(r"\d{1,9}", header.settings[name]):
            raise probe.error(f"{name} is {shorten(header.settings[name])!r}, not a number.", mend=_MEND)
    for match, following in zip(sections, [*sections[1:], None], strict=True):
        end = following.start() if following else len(text)
        if match["data"]:
            header.data, header.line = text[match.end() :], text.count("\n", 0, match.end()) + 1
            break
        if match["embedded"]:
            header.embedded = True
        else:
            header.labels[(match["axis"] or "both").lower().replace("column", "col")] = _labels(
                text[match.end() : end]
            )
    return header


def _labels(text: str) -> list[str]:
    """Return labels that stand in lines or behind commas; quoted ones may hold blanks."""
    return [(a or b).strip() for a, b in re.findall(r'"([^"]*)"|([^\s,"]+)', text)]


def _fields(line: str) -> list[str]:
    return [a or b for a, b in re.findall(r'"([^"]*)"|([^\s,"]+)', line)]


def _rows(header: _Header) -> list[tuple[int, list[str]]]:
    lines = enumerate(header.data.split("\n"), header.line)
    return [(number, _fields(line)) for number, line in lines if line.strip() and line.strip() != "!"]


class _Names:
    """What a mode's nodes are called: by label, or by number from 1."""

    def __init__(self, probe: Probe, labels: list[str], n: int | None, prefix: str, embedded: bool) -> None:
        self.probe, self.labels, self.n, self.prefix, self.embedded = probe, labels, n, prefix, embedded
        self.known = {label.lower(): label for label in labels}

    def __call__(self, text: str, line: int) -> str:
        if self.embedded:
            return text
        if text.lower() in self.known:  # labels may be used although they are not said to be embedded
            return self.known[text.lower()]
        if re.fullmatch(r"\d{1,9}", text) and 1 <= int(text) <= (self.n or 10**9):
            number = int(text)
            return self.labels[number - 1] if number <= len(self.labels) else f"{self.prefix}{number}"
        raise self.probe.error(
            f"{shorten(text)!r} is neither a label nor a number from 1 to {self.n or '…'}.",
            line=line,
            mend="Write `labels embedded:` if the data contain names.",
        )

    @property
    def all(self) -> list[str]:
        if self.labels:
            return self.labels
        return [] if self.embedded or self.n is None else [f"{self.prefix}{i}" for i in range(1, self.n + 1)]


def _edges(probe: Probe) -> Edges:
    findings: list[Finding] = []
    header = _header(probe, read_text(probe))
    kind = header.settings.get("format", "fullmatrix")
    if kind not in _FORMATS:
        raise probe.error(
            f"DL of the format {shorten(kind)!r} is not supported. Supported: {', '.join(_FORMATS)}.",
            mend="In UCINET: Data > Export > DL, as edgelist1 or full matrix.",
        )
    if (header.count("nm") or 1) > 1:
        raise probe.error(f"Holds {header.count('nm')} matrices.", mend="Write one file per matrix.")
    n = header.count("n", "nr")
    two = kind.endswith("2") or header.count("nc") not in (None, n)
    width = header.count("nc") if two else n
    for count in (n, width):
        probe.limits.check("nodes", count or 0, where=probe.name)
    both = header.labels.get("both", [])
    rows = _Names(probe, header.labels.get("row", both), n, "r" if two else "", header.embedded)
    cols = _Names(
        probe, header.labels.get("col", [] if two else both), width, "c" if two else "", header.embedded
    )
    if two:
        findings.append(Finding("two-mode", "info",
            f"{probe.name} has two modes: rows and columns were read as the two sides of one graph.", 1))  # fmt: skip
    if kind == "fullmatrix" or kind in _HALVES:
        return _matrix(probe, header, rows, cols if two else rows, n, width, findings)
    sources: list[str] = []
    targets: list[str] = []
    weights: list[str] = []
    lines: list[int] = []
    listed = kind.startswith("nodelist")
    for number, fields in _rows(header):
        if (len(fields) < 2 and not listed) or (not listed and len(fields) > 3):
            raise probe.error(f"Expected 2 or 3 columns. Received: {len(fields)}.", line=number, mend=_MEND)
        source = rows(fields[0], number)
        others = fields[1:] if listed else fields[1:2]
        if kind == "nodelist1b":
            others = fields[2:]
        sources += [source] * len(others)
        targets += [(cols if two else rows)(text, number) for text in others]
        weights += [""] * len(others) if listed else [fields[2] if len(fields) > 2 else ""]
        lines += [number] * len(others)
        probe.limits.check("edges", len(sources), where=probe.name)
    values = weight_values(probe, weights, lines) if any(weights) else None
    every = [*rows.all, *(cols.all if two else [])]
    if two and not header.embedded and set(rows.all) & set(cols.all):
        raise probe.error(
            "A row and a column have the same label.", mend="Give rows and columns different labels."
        )
    edges = named_edges(
        probe, sources, targets, FORMAT.title, weights=values, others=every, directed=False if two else None,
        findings=findings,
    )  # fmt: skip
    if not two:
        return edges
    second = {*cols.all, *targets}
    sides = np.array([str(name) in second for name in edges.node_ids], np.int8)
    return _two_sided(probe, edges, sides)


def _two_sided(probe: Probe, edges: Edges, sides: np.ndarray) -> Edges:
    findings = list(edges.findings)
    if probe.how.sides == "one":
        return edges
    probe.memo["sides"] = Sides(True, "the file has two modes, rows and columns", True, False)
    sides_or_none = sides_told(sides, edges.rows, edges.cols, edges.node_ids, probe.name, findings)
    return dataclasses.replace(edges, sides=sides_or_none, findings=tuple(findings))


def _matrix(
    probe: Probe,
    header: _Header,
    rows: _Names,
    cols: _Names,
    n: int | None,
    width: int | None,
    findings: list[Finding],
) -> Edges:
    lines = _rows(header)
    two = cols is not rows
    if header.embedded and lines:
        cols.labels, lines = lines[0][1], lines[1:]
        if not two:
            rows.labels = cols.labels
        else:
            rows.labels = [fields[0] for _, fields in lines]
        lines = [(number, fields[1:]) for number, fields in lines]
    n = n or len(lines)
    width = width or n
    probe.limits.check("feature_values", n * width, where=probe.name)
    flat = [field for _, fields in lines for field in fields]
    at = [number for number, fields in lines for _ in fields]
    values = weight_values(probe, flat, at, may_miss=False)
    half = header.settings.get("format") in _HALVES
    values = _whole(probe, header, values, n) if half else values
    if values.size != n * width:
        raise probe.error(f"Expected {n} x {width} numbers. Received: {len(flat):,}.", mend=_MEND)
    values = values.reshape(n, width)
    i, j = np.nonzero(values)
    probe.limits.check("edges", len(i), where=probe.name)
    called = [
        names.labels if len(names.labels) == size else None for names, size in ((rows, n), (cols, width))
    ]
    numbers = [
        labels or [f"{names.prefix}{k}" for k in range(1, size + 1)]
        for labels, names, size in zip(called, (rows, cols), (n, width), strict=True)
    ]
    everybody = [*numbers[0], *(numbers[1] if two else [])]
    if len(set(everybody)) < len(everybody):
        raise probe.error("Two nodes have the same label.", mend="Give every node its own label.")
    ids = object_array(everybody) if two or called[0] else None
    weights = values[i, j]
    edges = numbered_edges(
        probe, i, j + (n if two else 0), len(everybody), FORMAT.title, ids=ids,
        weights=None if bool((weights == 1).all()) else weights, directed=False if two or half else None,
        findings=findings,
    )  # fmt: skip
    return _two_sided(probe, edges, np.repeat(np.array([0, 1], np.int8), [n, width])) if two else edges


def _whole(probe: Probe, header: _Header, values: np.ndarray, n: int) -> np.ndarray:
    """Return the upper triangle of a symmetric matrix (n, n), 0 elsewhere, of the numbers of one of its halves."""
    for diagonal, size in ((1, n * (n - 1) // 2), (0, n * (n + 1) // 2)):
        if len(values) != size:
            continue
        matrix = np.zeros((n, n), np.float32)
        if header.settings["format"] == "upperhalf":
            matrix[np.triu_indices(n, diagonal)] = values
            return matrix
        matrix[np.tril_indices(n, -diagonal)] = values
        return matrix.T
    raise probe.error(
        f"A half of {n} x {n} has {n * (n - 1) // 2:,} numbers, with the diagonal {n * (n + 1) // 2:,}. Received: "
        f"{len(values):,}.",
        mend=_MEND,
    )


FORMAT = Format(
    key="ucinet-dl",
    title="UCINET DL",
    suffixes=("dl",),
    recognise=lambda probe: _START.match(probe.head) is not None,
    guess=lambda probe: "edges",
    edges=lambda probe: read_once(probe, _edges),
    judge=judge_whole(_edges),
)
