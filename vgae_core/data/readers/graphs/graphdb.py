"""The ARG graph database (Foggia, Sansone and Vento 2001; igraph's GraphDB): 16-bit words, without attributes.

The number of nodes, then for each node the number of its neighbours and the neighbours, counted from 0.
"""

from __future__ import annotations

import numpy as np

from vgae_core.data.readers.base import Edges, Format, Probe
from vgae_core.data.readers.columns.first_edges import judge_whole, read_once
from vgae_core.data.readers.text.lines import numbered_edges

_TITLE = "GraphDB (ARG database)"


def _lists(words: np.ndarray, *, part: bool) -> list[np.ndarray] | None:
    """Return the neighbours of each node; None unless the words are that, whole or, in `part`, their beginning."""
    n = int(words[0]) if len(words) else 0
    lists: list[np.ndarray] = []
    at = 1
    while at < len(words) and len(lists) < n:
        count = int(words[at])
        neighbours = words[at + 1 : at + 1 + count]
        if count > n or bool((neighbours >= n).any()):
            return None
        lists.append(neighbours)
        at += 1 + count
    whole = len(lists) == n and at == len(words)
    return lists if n > 1 and (whole or (part and at >= len(words))) else None


def _words(raw: bytes) -> np.ndarray:
    return np.frombuffer(raw[: len(raw) // 2 * 2], "<u2")


def _recognise(probe: Probe) -> bool:
    size = probe.path.stat().st_size
    if probe.is_text or size % 2:
        return False
    return _lists(_words(probe.head), part=size > len(probe.head)) is not None


def _edges(probe: Probe) -> Edges:
    lists = _lists(_words(probe.path.read_bytes()), part=False)
    if lists is None:
        raise probe.error(
            "The file is cut off, or continues after its last node.", mend="Copy the file again."
        )
    counts = np.fromiter(map(len, lists), np.int64, len(lists))
    rows = np.repeat(np.arange(len(lists)), counts)
    cols = np.concatenate(lists).astype(np.int64)
    return numbered_edges(probe, rows, cols, len(lists), _TITLE, first=0)


FORMAT = Format(
    key="graphdb",
    title=_TITLE,
    suffixes=("graphdb",),
    recognise=_recognise,
    guess=lambda probe: "edges",
    edges=lambda probe: read_once(probe, _edges),
    judge=judge_whole(_edges),
)
