"""What it takes to move a pair across a threshold: a greedy search, each step checked exactly."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from vgae_core.what_if.around import EDGES, Progress, check_pair, edge_title, edges_at, named_arc, rarest
from vgae_core.what_if.changes import Arc, Changes
from vgae_core.what_if.model import WhatIf

ADDITIONS = 100
"""Edges tried that the graph does not have."""

STEPS = 20
"""Edges of the largest set that a search may find."""

THRESHOLDS = (0.01, 0.99, 0.01)
"""Probabilities on offer as a threshold: lowest, highest, step."""


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
    check_pair(changes, pair)
    logit = model.logit_after(changes, pair)
    sign = -1.0 if logit >= threshold else 1.0

    def changed(arcs: Iterable[Arc]) -> float:
        edited = changes.with_weight(arcs, 1.0) if add else changes.without(arcs)
        return model.logit_after(edited, pair)

    if add:
        possible = _additions(model, changes, pair)
    else:
        possible = rarest(model, changes, edges_at(model, changes, pair), pair, EDGES)
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
        tuple(edge_title(model, changes, arc) for arc in chosen),
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
                arcs[named_arc(model, *ends)] = None
    return rarest(model, changes, list(arcs), pair, ADDITIONS)


def logit_at(probability: float) -> float:
    """Return the logit of a probability between 0 and 1."""
    return math.log(probability / (1 - probability))
