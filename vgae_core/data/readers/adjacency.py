"""Adjacency lists: a node and its neighbours on each line, ``a: b c`` or ``a b c``."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from vgae_core.data.readers.base import Edges, Format, Probe, factorize_ids, whole_numbers
from vgae_core.data.readers.text import COMMENTS, what_else

_SUFFIXES = ("adjlist", "adj")
_COLON = re.compile(r"^[^:\s][^:]*:(\s|$)")


def _head(probe: Probe) -> list[str]:
    """Return the first rows, comments left out; none if it is no UTF-8 text."""
    if what_else(probe) is not None:
        return []
    text = probe.head.decode("utf-8-sig", "ignore")
    whole = len(probe.head) >= probe.path.stat().st_size
    lines = text.replace("\r\n", "\n").split("\n")
    lines = lines if whole or len(lines) == 1 else lines[:-1]
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith(COMMENTS)]


def _separator(lines: list[str]) -> str | None:
    """Return tab or comma if the rows have them, None for blanks."""
    return next((sign for sign in ("\t", ",") if any(sign in line for line in lines)), None)


def _recognise(probe: Probe) -> bool:
    """Tell lists from tables: a colon after every node, or rows of ever different lengths."""
    if probe.how.role in ("features", "labels"):
        return False
    lines = _head(probe)[:1000]
    if not lines or lines[0][0] in "{[<*\"'":
        return False
    if probe.stem.endswith(tuple(f".{suffix}" for suffix in _SUFFIXES)):
        return True
    if all(_COLON.match(line) for line in lines):
        return True
    separator = _separator(lines)
    if separator == ",":
        return False  # a damaged table is likelier
    counts = [len(line.split(separator)) for line in lines]
    tail = counts[1:]  # the first row may be a header or a count
    usual = max(tail.count(count) for count in set(tail)) if tail else 0
    return len(set(tail)) > 2 and usual < 0.9 * len(tail)


def _edges(probe: Probe) -> Edges:
    try:
        text = probe.path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise probe.error("Not UTF-8 text.", line=line, mend="Save the file as UTF-8.") from error
    head = _head(probe)[:1000]
    colon = bool(head) and all(_COLON.match(line) for line in head)
    lines = pd.Series(text.split("\n"), dtype="str").str.strip()
    del text
    lines.index += 1
    lines = lines[(lines != "") & ~lines.str.startswith(COMMENTS)]
    if not len(lines):
        raise probe.error("Holds no rows.", mend="One node a line, followed by its neighbours.")
    probe.limits.check("nodes", len(lines), where=probe.name)
    if colon:
        missing = np.flatnonzero(~lines.str.contains(":", regex=False).to_numpy(bool))
        if len(missing):
            raise probe.error(
                "A row has no colon after its node.",
                line=int(lines.index[missing[0]]),
                mend="Write every row as `node: neighbour neighbour`.",
            )
        lines = lines.str.replace(r"\s*:\s*", " " if _separator(head) is None else _separator(head), n=1,
                                  regex=True)  # fmt: skip
    signs = int(lines.str.count(r"[\t,]" if _separator(head) else r"\s+").sum())
    probe.limits.check("edges", signs, where=probe.name)
    fields = [[f.strip() for f in row if f.strip()] for row in lines.str.split(_separator(head))]
    counts = np.fromiter(map(len, fields), np.int64, len(fields))
    flat = pd.Series([field for row in fields for field in row], dtype="str")
    filled = counts[counts > 0]  # a row of separators names nobody
    if not len(filled):
        raise probe.error("Holds no nodes.", mend="One node a line, followed by its neighbours.")
    first = np.zeros(len(flat), bool)
    first[np.cumsum(filled) - filled] = True
    whole = None if flat.str.fullmatch(r"[+-]?0\d+").any() else whole_numbers(flat)
    positions, _, ids = factorize_ids(
        flat if whole is None else whole, (flat if whole is None else whole)[:0]
    )
    probe.limits.check("nodes", len(ids), where=probe.name)
    return Edges(
        rows=np.repeat(positions[first], filled - 1),
        cols=positions[~first],
        weights=None,
        node_ids=ids,
        format=FORMAT.title,
    )


FORMAT = Format(
    key="adjacency-list",
    title="adjacency list",
    suffixes=_SUFFIXES,
    recognise=_recognise,
    guess=lambda probe: "edges",
    edges=_edges,
)
