"""Why a pair has its score, and what it would take to change it: every answer exact, none a guess.

Each edge at both ends and each feature of both ends is left out in turn, short paths between them likewise; a greedy
search over these finds few edges that move the pair across a threshold.

References
----------
Zhang et al. 2023, PaGE-Link, arXiv:2302.12465 (people judge paths better than masks of edges).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from vgae_core.analysis.calibration import CALIBRATION, calibrated
from vgae_core.errors import DataError
from vgae_core.what_if.changes import Arc, Changes, feature_row
from vgae_core.what_if.model import WhatIf

EDGES = 100
"""Edges at the two ends that are left out in turn; of more, those to the nodes of the fewest edges."""

FEATURES = 1_000
"""Features of the two ends that are left out in turn; of more, as many of both ends, the largest first."""

PATHS = 100
"""Paths that are left out in turn; of more, those whose first and last edge do most by themselves."""

POOL = 5_000
"""Paths from which they are chosen; of more, those through the nodes of the fewest edges."""

ASKED_ARCS = 2_000
"""Arcs that a scenario may change for its reasons to be asked: each of them is a scenario of its own."""

PATH_NEIGHBOURS = 1_000
"""Neighbours of an end from which paths start; of more, those of the fewest edges."""

ADDITIONS = 100
"""Edges tried that the graph does not have."""

STEPS = 20
"""Edges of the largest set that a search may find."""

THRESHOLDS = (0.01, 0.99, 0.01)
"""Probabilities on offer as a threshold: lowest, highest, step."""

Progress = Callable[[float, str], None]
"""Called with the share of the work done, 0 to 1, and what is being done; may raise to cancel."""


@dataclass(frozen=True)
class Effect:
    """What goes when something is left out (or comes when it is added).

    Parameters
    ----------
    what : str
        Names of the nodes it joins, or of the feature and its node.
    kind : {"edge", "feature", "path"}
    arcs : tuple of (int, int)
        Edges it stands for.
    logit : float
        Of the pair without it.
    change : float
        That less the pair's logit as it is: below 0 where it speaks for the pair.
    """

    what: str
    kind: str
    arcs: tuple[Arc, ...]
    logit: float
    change: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {"what": self.what, "logit": self.logit, "change": self.change}


@dataclass(frozen=True)
class Effects:
    """Effects, the largest first, and how many there were to try."""

    logit: float
    found: tuple[Effect, ...]
    n_possible: int

    @property
    def n_left(self) -> int:
        """How many were not tried."""
        return self.n_possible - len(self.found)


Reason = Callable[[WhatIf, Changes, Arc, Progress | None], Effects]


def _sorted(logit: float, effects: Iterable[Effect], n_possible: int) -> Effects:
    return Effects(logit, tuple(sorted(effects, key=lambda effect: -abs(effect.change))), n_possible)


def _arc(model: WhatIf, source: int, target: int) -> Arc:
    """Return an edge as it is named: with the smaller number first unless arcs have a direction."""
    return (source, target) if model.graph.directed or source < target else (target, source)


def _edges_at(model: WhatIf, changes: Changes, pair: Arc) -> list[Arc]:
    """Return the edges at both ends of a pair, each once, its own first."""
    arcs: dict[Arc, None] = {}
    links = changes.links
    if links.weight(*pair):
        arcs[_arc(model, *pair)] = None
    for node in pair:
        for other in links.row(node)[0].tolist():
            if other != node:
                arcs[_arc(model, node, other)] = None
        if links.directed:
            for other in links.row(node, "in")[0].tolist():
                if other != node:
                    arcs[other, node] = None
    return list(arcs)


def _rarest(model: WhatIf, changes: Changes, arcs: list[Arc], pair: Arc, limit: int) -> list[Arc]:
    """Return at most `limit` arcs, those to nodes of the fewest edges; the pair's own is kept."""
    if len(arcs) <= limit:
        return arcs

    def degree(arc: Arc) -> tuple[bool, int]:
        others = [node for node in arc if node not in pair]
        return bool(others), min((len(changes.links.row(node)[0]) for node in others), default=0)

    return sorted(arcs, key=degree)[:limit]


def _title(model: WhatIf, changes: Changes, arc: Arc) -> str:
    return (
        f"{model.name(arc[0], changes)} {'→' if model.graph.directed else '–'} {model.name(arc[1], changes)}"
    )


def leave_out_edges(model: WhatIf, changes: Changes, pair: Arc, progress: Progress | None = None) -> Effects:
    """Return what each edge at both ends of a pair does to its logit: all others stay.

    Parameters
    ----------
    model : WhatIf
    changes : Changes
        The graph as it is asked about.
    pair : tuple of int
    progress : callable, optional
    """
    _check(changes, pair)
    logit = model.logit_after(changes, pair)
    arcs = _edges_at(model, changes, pair)
    effects = []
    tried = _rarest(model, changes, arcs, pair, EDGES)
    for done, arc in enumerate(tried):
        if progress is not None:
            progress(done / len(tried), f"edge {done + 1} of {len(tried)}")
        without = model.logit_after(changes.without([arc]), pair)
        effects.append(Effect(_title(model, changes, arc), "edge", (arc,), without, without - logit))
    return _sorted(logit, effects, len(arcs))


def leave_out_features(
    model: WhatIf, changes: Changes, pair: Arc, progress: Progress | None = None
) -> Effects:
    """Return what each feature of both ends that is not 0 does to a pair's logit: set to 0, all others as they are.

    Parameters are those of :func:`leave_out_edges`.  Without features there are no effects.
    """
    _check(changes, pair)
    logit = model.logit_after(changes, pair)
    if model.graph.features is None:
        return Effects(logit, (), 0)
    rows = {
        node: changes.features[node] if node in changes.features else feature_row(model.graph, node)
        for node in pair
    }
    columns = [np.flatnonzero(rows[node]) for node in pair]
    ordered = [
        at[np.argsort(-np.abs(rows[node][at]), kind="stable")] for node, at in zip(pair, columns, strict=True)
    ]
    found = [
        (node, int(at[place]))
        for place in range(max(map(len, ordered), default=0))
        for node, at in zip(pair, ordered, strict=True)
        if place < len(at)
    ]
    tried = found[:FEATURES]
    effects = []
    for done, (node, column) in enumerate(tried):
        if progress is not None:
            progress(done / len(tried), f"feature {done + 1} of {len(tried)}")
        row = rows[node].copy()
        row[column] = 0
        without = model.logit_after(changes.and_also(features={node: row}), pair)
        what = f"{model.columns[column]} of {model.name(node, changes)}"
        effects.append(Effect(what, "feature", (), without, without - logit))
    return _sorted(logit, effects, len(found))


def leave_out_paths(model: WhatIf, changes: Changes, pair: Arc, progress: Progress | None = None) -> Effects:
    """Return what each path of two or three edges between a pair does to its logit, all its edges left out together.

    Directions are not asked for: whoever is joined is joined.  Parameters are those of :func:`leave_out_edges`.
    """
    _check(changes, pair)
    logit = model.logit_after(changes, pair)
    paths, n_possible = short_paths(changes, pair)
    if len(paths) > PATHS:
        single = {effect.arcs[0]: effect.change for effect in leave_out_edges(model, changes, pair).found}

        def alone(path: tuple[int, ...]) -> float:
            ends = (_arc(model, *path[:2]), _arc(model, *path[-2:]))
            return -abs(sum(single.get(arc, 0.0) for arc in ends))

        paths = sorted(paths, key=alone)[:PATHS]
    effects = []
    for done, path in enumerate(paths):
        if progress is not None:
            progress(done / len(paths), f"path {done + 1} of {len(paths)}")
        arcs = [
            arc
            for ends in itertools.pairwise(path)
            for arc in {_arc(model, *ends), _arc(model, *ends[::-1])}
            if changes.links.weight(*arc)
        ]
        without = model.logit_after(changes.without(arcs), pair)
        what = " – ".join(model.name(node, changes) for node in path)
        effects.append(Effect(what, "path", tuple(sorted(arcs)), without, without - logit))
    return _sorted(logit, effects, n_possible)


REASONS: tuple[tuple[str, str, Reason], ...] = (
    ("edges", "Each edge at both ends left out", leave_out_edges),
    ("features", "Each feature of both ends set to 0", leave_out_features),
    ("paths", "Each short path between them left out", leave_out_paths),
)
"""What is left out in turn: a key, its title, and the function that does so."""


LEFT: dict[str, str] = {
    "edges": f"the {EDGES} edges to the nodes of the fewest edges were.",
    "features": f"{FEATURES:,} were, as many of both ends.",
    "paths": f"the {PATHS} whose first and last edge do most by themselves were. Others may do as much.",
    "entries": f"the {FEATURES:,} largest were.",
}
"""What was tried where not all could be, by the key of :data:`REASONS`."""


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
    found: list[tuple[float, tuple[int, ...]]] = []
    total = 0
    for start in starts:
        if goal[start]:
            total += 1
            found.append((1 / degree(start), (first, start, second)))
        between = links.around(start)
        between = between[goal[between] & (between != start)]
        total += len(between)
        found += [
            (1 / degree(start) / degree(other), (first, start, other, second)) for other in between.tolist()
        ]
        if len(found) > 2 * POOL:
            found = sorted(found, key=lambda item: -item[0])[:POOL]
    return [path for _, path in sorted(found, key=lambda item: -item[0])[:POOL]], total


@dataclass(frozen=True)
class Search:
    """A set of edges that was looked for.

    Parameters
    ----------
    found : bool
        Whether the pair crosses the threshold with it.
    arcs : tuple of (int, int)
        The edges; where nothing was found, the best set tried.
    whats : tuple of str
        The same in names.
    logits : tuple of float
        Of the pair: as it is, then with the first edge, the first two, ….
    threshold : float
        Logit to be crossed.
    """

    found: bool
    arcs: tuple[Arc, ...]
    whats: tuple[str, ...]
    logits: tuple[float, ...]
    threshold: float


def what_it_takes(
    model: WhatIf,
    changes: Changes,
    pair: Arc,
    threshold: float,
    *,
    add: bool = False,
    progress: Progress | None = None,
) -> Search:
    """Return a small set of edges whose change moves a pair across a threshold, each step checked exactly.

    Edges are tried by what each does alone; one that does not help beside those before it is passed over.  What is
    not needed in the end is taken out again.  Another set may be smaller: the search is greedy.

    Parameters
    ----------
    model : WhatIf
    changes : Changes
        The graph as it is asked about.
    pair : tuple of int
    threshold : float
        A logit.
    add : bool
        Whether edges are added, of weight 1, from one end to neighbours of the other; else those at both ends are
        dropped.
    progress : callable, optional
    """
    _check(changes, pair)
    logit = model.logit_after(changes, pair)
    sign = -1.0 if logit >= threshold else 1.0

    def changed(arcs: Iterable[Arc]) -> float:
        edited = changes.with_weight(arcs, 1.0) if add else changes.without(arcs)
        return model.logit_after(edited, pair)

    if add:
        possible = _additions(model, changes, pair)
    else:
        possible = _rarest(model, changes, _edges_at(model, changes, pair), pair, EDGES)
    single: list[tuple[float, Arc]] = []
    for done, arc in enumerate(possible):
        if progress is not None:
            progress(0.7 * done / len(possible), f"edge {done + 1} of {len(possible)}")
        single.append((sign * (changed([arc]) - logit), arc))
    chosen: list[Arc] = []
    at = logit

    def crosses(value: float) -> bool:
        return value < threshold if sign < 0 else value >= threshold

    for gain, arc in sorted(single, key=lambda item: -item[0]):
        if crosses(at) or len(chosen) >= STEPS or gain <= 0:
            break
        if progress is not None:
            progress(0.7 + 0.3 * len(chosen) / STEPS, f"{len(chosen)} edges")
        value = changed([*chosen, arc])
        if sign * (value - at) > 0:
            chosen.append(arc)
            at = value
    if crosses(at):
        for arc in list(reversed(chosen)):
            rest = [other for other in chosen if other != arc]
            if rest and crosses(changed(rest)):
                chosen = rest
    logits = [logit, *(changed(chosen[: count + 1]) for count in range(len(chosen)))]
    return Search(
        bool(chosen) and crosses(logits[-1]),
        tuple(chosen),
        tuple(_title(model, changes, arc) for arc in chosen),
        tuple(logits),
        threshold,
    )


def _additions(model: WhatIf, changes: Changes, pair: Arc) -> list[Arc]:
    """Return edges from one end to neighbours of the other that the graph lacks, to the busiest of them last.

    Of a two-sided graph to neighbours of these neighbours, which are on the other side.
    """
    links = changes.links
    arcs: dict[Arc, None] = {}
    for node, other in (pair, pair[::-1]):
        mine = set(links.around(node).tolist())
        near = links.around(other)
        if model.graph.sides is not None and len(near):
            near = np.unique(np.concatenate([links.around(third) for third in near.tolist()]))
        for third in near.tolist():
            if third != node and third not in mine:
                # Of a directed graph: out of the source, into the target.
                ends = (node, third) if node == pair[0] else (third, node)
                arcs[_arc(model, *ends)] = None
    return _rarest(model, changes, list(arcs), pair, ADDITIONS)


def logit_at(probability: float) -> float:
    """Return the logit of a probability between 0 and 1."""
    return math.log(probability / (1 - probability))


@dataclass(frozen=True)
class ScorePart:
    """What one score adds to a stacked logit: its name, its value, and value times weight."""

    name: str
    value: float
    adds: float


def score_parts(model: WhatIf, changes: Changes, pair: Arc) -> tuple[ScorePart, ...]:
    """Return what a pair's logit is the sum of: an offset, the network's logit, training-free scores, calibration.

    Without stacking the network's logit is the whole.
    """
    _check(changes, pair)
    parts = model.parts_after(changes, pair)
    stack = model.before.decoding.stack
    if not stack:
        return (ScorePart("network", parts["network"], parts["network"]),)
    rows = [ScorePart("offset", 1.0, float(stack["offset"]))]
    for name, value in parts.items():
        entered = value if name == "network" else float(np.log1p(max(value, 0.0)))
        rows.append(ScorePart(name, value, float(stack[name]) * entered))
    total = sum(row.adds for row in rows)
    if CALIBRATION.keys() & stack.keys():
        rows.append(ScorePart("calibration", total, float(calibrated(np.array(total), stack)) - total))
    return tuple(rows)


def _check(changes: Changes, pair: Arc) -> None:
    if pair[0] == pair[1]:
        raise DataError("A pair has two different nodes.")
    if len(changes.weights) > ASKED_ARCS:
        raise DataError(
            f"Reasons are given where at most {ASKED_ARCS // 2:,} edges are changed.",
            mend="Switch edits off that change many edges.",
        )
