"""The neighbourhood of a watched pair as a small graph to be drawn, edits drawn in."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

import igraph
import numpy as np

from vgae_core.analysis.graph_structure import IGRAPH_LOCK
from vgae_core.analysis.scored_graph import probability
from vgae_core.what_if.changes import Arc, Changes
from vgae_core.what_if.model import Edited, WhatIf

DEPTHS = (1, 2)
"""Steps from the watched nodes on offer."""

SHOWN = 80
"""Nodes drawn; of more, the likeliest neighbours."""

EDGES = 400
"""Edges drawn; of more, those at the ends and the likeliest others."""

NAMED = 20
"""Edited nodes up to which each is named in the picture."""

Status = Literal["kept", "dropped", "added"]


@dataclass(frozen=True)
class EgoNode:
    """A node of the picture, with its place (both coordinates from -1 to 1)."""

    node: int
    name: str
    x: float
    y: float
    is_end: bool
    is_new: bool
    is_edited: bool


@dataclass(frozen=True)
class EgoEdge:
    """An edge of the picture, with the model's probability after the edits."""

    arc: Arc
    status: Status
    probability: float


@dataclass(frozen=True)
class Ego:
    """The picture, and how many nodes the neighbourhood has in all."""

    nodes: tuple[EgoNode, ...]
    edges: tuple[EgoEdge, ...]
    n_nodes: int


def ego(model: WhatIf, changes: Changes, edited: Edited, ends: tuple[int, ...], depth: int = 1) -> Ego:
    """Return the nodes within `depth` steps of one or two nodes, and the edges among them, before and after edits.

    Parameters
    ----------
    model : WhatIf
    changes : Changes
    edited : Edited
        The graph after these changes.
    ends : tuple of int
        The watched nodes.
    depth : int
        1 or 2.
    """
    before, after = model.before.links, edited.view.links
    rows = {node: edited.view.row(node) for node in ends}

    def around(node: int) -> np.ndarray:
        near = after.around(node)
        return np.union1d(near, before.around(node)) if node < before.n_nodes else near

    reached = dict.fromkeys(ends, 0)
    for step in range(1, depth + 1):
        for node in [node for node, at in reached.items() if at == step - 1]:
            for other in around(node).tolist():
                reached.setdefault(other, step)
    edits = {node for arc in changes.weights for node in arc}

    def first(node: int) -> tuple[int, bool, float]:
        return reached[node], node not in edits, -max(float(row[node]) for row in rows.values())

    nodes = sorted(reached, key=first)[:SHOWN]
    shown = set(nodes)
    statuses: dict[Arc, Status] = {}
    for node in nodes:
        for other in around(node).tolist():
            if other not in shown:
                continue
            for arc in ((node, other), (other, node)):
                if not model.graph.directed and arc[0] > arc[1]:
                    continue
                there = all(place < before.n_nodes for place in arc) and before.weight(*arc) > 0
                now = after.weight(*arc) > 0
                if there or now:
                    statuses[arc] = "kept" if there and now else "dropped" if there else "added"

    def likely(arc: Arc) -> float:
        for end, other in (arc, arc[::-1]):
            if end in rows and not model.graph.directed:
                return probability(float(rows[end][other]))
        return probability(edited.view.logit(*arc))

    inner = [arc for arc in statuses if not set(arc) & set(ends) and statuses[arc] == "kept"]
    outer = [arc for arc in statuses if arc not in set(inner)]
    chosen = (outer + inner)[:EDGES]
    edges = tuple(EgoEdge(arc, statuses[arc], likely(arc)) for arc in chosen)
    places = _layout(nodes, chosen)
    return Ego(
        tuple(
            EgoNode(
                node,
                model.name(node, changes),
                x,
                y,
                node in rows,
                node >= before.n_nodes,
                is_edited=len(edits) <= NAMED and node in edits,
            )
            for node, (x, y) in zip(nodes, places, strict=True)
        ),
        edges,
        len(reached),
    )


def _layout(nodes: list[int], arcs: list[Arc]) -> list[tuple[float, float]]:
    """Return a place for each node, both coordinates from -1 to 1.

    The same for the same nodes and edges, kept or dropped: so that a picture before an edit can be told from one after.
    """
    ordered = sorted(nodes)
    at = {node: place for place, node in enumerate(ordered)}
    pairs = sorted({(min(at[i], at[j]), max(at[i], at[j])) for i, j in arcs})
    graph = igraph.Graph(n=len(nodes), edges=pairs)
    with IGRAPH_LOCK:
        igraph.set_random_number_generator(random.Random(0))  # noqa: S311  a picture, no secret
        try:
            places = np.array(graph.layout_fruchterman_reingold(niter=300).coords, float).reshape(-1, 2)
        finally:
            igraph.set_random_number_generator(random)
    places -= places.mean(axis=0)
    places /= max(float(np.abs(places).max()), 1e-9)
    return [(float(places[at[node], 0]), float(places[at[node], 1])) for node in nodes]
