"""Why a pair has its score: every answer exact, none a guess.

Each edge at both ends and each feature of both ends is left out in turn, short paths between them likewise.

References
----------
Zhang et al. 2023, PaGE-Link, arXiv:2302.12465 (people judge paths better than masks of edges).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from vgae_core.analysis.calibration import CALIBRATION, calibrated
from vgae_core.what_if.around import (
    EDGES,
    Progress,
    check_pair,
    edge_title,
    edges_at,
    named_arc,
    rarest,
    short_paths,
)
from vgae_core.what_if.changes import Arc, Changes, feature_row
from vgae_core.what_if.model import WhatIf

FEATURES = 1_000
"""Features of the two ends that are left out in turn; of more, as many of both ends, the largest first."""

PATHS = 100
"""Paths that are left out in turn; of more, those whose first and last edge do most by themselves."""


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
    check_pair(changes, pair)
    logit = model.logit_after(changes, pair)
    arcs = edges_at(model, changes, pair)
    effects = []
    tried = rarest(model, changes, arcs, pair, EDGES)
    for done, arc in enumerate(tried):
        if progress is not None:
            progress(done / len(tried), f"edge {done + 1} of {len(tried)}")
        without = model.logit_after(changes.without([arc]), pair)
        effects.append(Effect(edge_title(model, changes, arc), "edge", (arc,), without, without - logit))
    return _sorted(logit, effects, len(arcs))


def leave_out_features(
    model: WhatIf, changes: Changes, pair: Arc, progress: Progress | None = None
) -> Effects:
    """Return what each feature of both ends that is not 0 does to a pair's logit: set to 0, all others as they are.

    Parameters are those of :func:`leave_out_edges`.  Without features there are no effects.
    """
    check_pair(changes, pair)
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
    check_pair(changes, pair)
    logit = model.logit_after(changes, pair)
    paths, n_possible = short_paths(changes, pair)
    if len(paths) > PATHS:
        single = {effect.arcs[0]: effect.change for effect in leave_out_edges(model, changes, pair).found}

        def alone(path: tuple[int, ...]) -> float:
            ends = (named_arc(model, *path[:2]), named_arc(model, *path[-2:]))
            return -abs(sum(single.get(arc, 0.0) for arc in ends))

        paths = sorted(paths, key=alone)[:PATHS]
    effects = []
    for done, path in enumerate(paths):
        if progress is not None:
            progress(done / len(paths), f"path {done + 1} of {len(paths)}")
        arcs = [
            arc
            for ends in itertools.pairwise(path)
            for arc in {named_arc(model, *ends), named_arc(model, *ends[::-1])}
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
    "edges": f"the {EDGES} edges to the nodes with the fewest edges were tried.",
    "features": f"{FEATURES:,} were tried, equally many from both ends.",
    "paths": f"the {PATHS} with the strongest first and last edges were tried; others may matter as much.",
    "entries": f"the {FEATURES:,} largest were tried.",
}
"""What was tried where not all could be, by the key of :data:`REASONS`."""


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
    check_pair(changes, pair)
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
