"""What is around a pair: the edges at its ends, and the short paths between them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vgae_core.errors import DataError
from vgae_core.what_if.changes import Arc, Changes
from vgae_core.what_if.model import WhatIf

EDGES = 100
"""Edges at the two ends that are left out in turn; of more, those to the nodes of the fewest edges."""

POOL = 5_000
"""Paths from which they are chosen; of more, those through the nodes of the fewest edges."""

ASKED_ARCS = 2_000
"""Arcs that a scenario may change for its reasons to be asked: each of them is a scenario of its own."""

PATH_NEIGHBOURS = 1_000
"""Neighbours of an end from which paths start; of more, those of the fewest edges."""

Progress = Callable[[float, str], None]
"""Called with the share of the work done, 0 to 1, and what is being done; may raise to cancel."""


def named_arc(model: WhatIf, source: int, target: int) -> Arc:
    """Return an edge as it is named: with the smaller number first unless arcs have a direction."""
    return (source, target) if model.graph.directed or source < target else (target, source)


def edges_at(model: WhatIf, changes: Changes, pair: Arc) -> list[Arc]:
    """Return the edges at both ends of a pair, each once, its own first."""
    arcs: dict[Arc, None] = {}
    links = changes.links
    if links.weight(*pair):
        arcs[named_arc(model, *pair)] = None
    for node in pair:
        for other in links.row(node)[0].tolist():
            if other != node:
                arcs[named_arc(model, node, other)] = None
        if links.directed:
            for other in links.row(node, "in")[0].tolist():
                if other != node:
                    arcs[other, node] = None
    return list(arcs)


def rarest(model: WhatIf, changes: Changes, arcs: list[Arc], pair: Arc, limit: int) -> list[Arc]:
    """Return at most `limit` arcs, those to nodes of the fewest edges; the pair's own is kept."""
    if len(arcs) <= limit:
        return arcs

    def degree(arc: Arc) -> tuple[bool, int]:
        others = [node for node in arc if node not in pair]
        return bool(others), min((len(changes.links.row(node)[0]) for node in others), default=0)

    return sorted(arcs, key=degree)[:limit]


def edge_title(model: WhatIf, changes: Changes, arc: Arc) -> str:
    """Return an edge by the names of its ends."""
    return (
        f"{model.name(arc[0], changes)} {'→' if model.graph.directed else '–'} {model.name(arc[1], changes)}"
    )


def short_paths(changes: Changes, pair: Arc) -> tuple[list[tuple[int, ...]], int]:
    """Return paths of two or three edges between a pair, and how many there are.

    Returns
    -------
    paths : list of tuple of int
        At most :data:`POOL`, with both ends; first those with the largest product of 1 / degree over the nodes
        between.
    n_paths : int
        All that start within :data:`PATH_NEIGHBOURS` neighbours of the first end.
    """
    first, second = pair
    links = changes.links

    def degree(node: int) -> int:
        return max(len(links.around(node)), 1)

    ends = links.around(second)
    goal = np.zeros(changes.n_nodes, bool)
    goal[ends] = True
    goal[first] = False
    starts = [node for node in links.around(first).tolist() if node != second]
    starts = sorted(starts, key=degree)[:PATH_NEIGHBOURS]
    paths: list[tuple[float, tuple[int, ...]]] = []
    total = 0
    for start in starts:
        if goal[start]:
            total += 1
            paths.append((1 / degree(start), (first, start, second)))
        between = links.around(start)
        between = between[goal[between] & (between != start)]
        total += len(between)
        paths += [
            (1 / degree(start) / degree(other), (first, start, other, second)) for other in between.tolist()
        ]
        if len(paths) > 2 * POOL:
            paths = sorted(paths, key=lambda item: -item[0])[:POOL]
    return [path for _, path in sorted(paths, key=lambda item: -item[0])[:POOL]], total


def check_pair(changes: Changes, pair: Arc) -> None:
    """Raise DataError unless reasons can be given for a pair."""
    if pair[0] == pair[1]:
        raise DataError("A pair needs two different nodes.")
    if len(changes.weights) > ASKED_ARCS:
        raise DataError(
            f"Reasons are available if at most {ASKED_ARCS // 2:,} edges are changed.",
            mend="Switch off edits that change many edges.",
        )
