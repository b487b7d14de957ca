"""From a scenario's sentences to changes of one graph: names become nodes, edges get new weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vgae_core.analysis.links import Links
from vgae_core.data.dataset import GraphData
from vgae_core.errors import DataError
from vgae_core.what_if.changes import Arc, Changes, Move, feature_row
from vgae_core.what_if.names import Names
from vgae_core.what_if.scenario import Edit

MAX_ARCS = 40_000
"""Arcs that a scenario may change: an answer then takes a second or two."""


class _Editor:
    """Applies edits one after the other; a later one sees what earlier ones did."""

    def __init__(self, graph: GraphData, links: Links, names: Names, columns: Names, latent_dim: int) -> None:
        self.graph, self.base, self.names, self.columns = graph, links, names, columns
        self.latent_dim = latent_dim
        self.weights: dict[Arc, float] = {}
        self.edited: dict[int, set[Arc]] = {}
        """The arcs of each node that are edited."""
        self.new: dict[str, int] = {}
        self.features: dict[int, np.ndarray] = {}
        self.moves: list[Move] = []
        self.sides: list[int] | None = None if graph.sides is None else []
        self.named: set[int] = set()
        self.notes: list[str] = []

    def node(self, name: str) -> int:
        place = self.names.find(name, self.new)
        self.named.add(place)
        return place

    # ------------------------------------------------------------------------- edges
    def weight(self, source: int, target: int) -> float:
        known = self.weights.get((source, target))
        return self.base.weight(source, target) if known is None else known

    def side(self, node: int) -> int | None:
        """Return the side of a node of a two-sided graph."""
        if self.sides is None or self.graph.sides is None:
            return None
        n = self.graph.n_nodes
        return int(self.graph.sides[node]) if node < n else self.sides[node - n]

    def set(self, source: int, target: int, weight: float) -> None:
        if source == target:
            raise DataError("Self-loops cannot be edited.")
        if weight and self.side(source) is not None and self.side(source) == self.side(target):
            raise DataError(
                "Edges of this graph join its two sides, and these two nodes are on the same side.",
                mend="Choose a node of the other side.",
            )
        for arc in ((source, target),) if self.graph.directed else ((source, target), (target, source)):
            self.weights[arc] = weight
            for end in arc:
                self.edited.setdefault(end, set()).add(arc)
        if len(self.weights) > MAX_ARCS:
            raise DataError(
                f"A scenario may change at most {MAX_ARCS // 2:,} edges.", mend="Edit fewer edges at a time."
            )

    def drop_edge(self, values: Mapping[str, Any]) -> None:
        source, target = self.node(values["source"]), self.node(values["target"])
        if not self.weight(source, target):
            back = self.graph.directed and self.weight(target, source)
            raise DataError(
                f"There is no edge from {values['source']!r:.60} to {values['target']!r:.60}.",
                mend="There is one in the other direction."
                if back
                else "Remove this edit, or switch it off.",
            )
        self.set(source, target, 0.0)

    def add_edge(self, values: Mapping[str, Any]) -> None:
        source, target = self.node(values["source"]), self.node(values["target"])
        before = self.weight(source, target)
        if before:
            self.notes.append(
                f"{values['source']} – {values['target']} is already an edge: its weight changes from {before:g} to "
                f"{values['weight']:g}."
            )
        self.set(source, target, values["weight"])

    def neighbours(self, node: int) -> list[Arc]:
        """Return all arcs of a node, in both directions, as (source, target)."""
        arcs = {(node, int(other)) for other in self.base.row(node)[0]}
        if self.graph.directed:
            arcs |= {(int(other), node) for other in self.base.row(node, "in")[0]}
        for arc in self.edited.get(node, ()):
            (arcs.add if self.weights[arc] else arcs.discard)(arc)
        return [arc for arc in arcs if arc[0] != arc[1] and (self.graph.directed or arc[0] == node)]

    def drop_edges(self, values: Mapping[str, Any]) -> None:
        arcs = self.neighbours(self.node(values["node"]))
        if not arcs:
            raise DataError(
                f"{values['node']!r:.60} has no edges.", mend="Remove this edit, or switch it off."
            )
        for source, target in arcs:
            self.set(source, target, 0.0)

    def join(self, values: Mapping[str, Any]) -> None:
        target, there = self.node(values["target"]), 0
        for name in values["nodes"]:
            source = self.node(name)
            if source == target:
                continue  # a selection may well contain the node it is linked to
            if self.weight(source, target):
                there += 1
            else:
                self.set(source, target, 1.0)
        if there:
            self.notes.append(f"{there:,} of the nodes were already linked to {values['target']}.")

    # ---------------------------------------------------------------------- features
    def row(self, node: int) -> np.ndarray:
        """Return the features of a node as they are now, float32 (n_columns,)."""
        if node in self.features:
            return self.features[node]
        return feature_row(self.graph, node)

    def set_feature(self, values: Mapping[str, Any]) -> None:
        node = self.node(values["node"])
        row = self.row(node).copy()
        row[self.columns.find(values["feature"])] = values["value"]
        self.features[node] = row

    def copy_features(self, values: Mapping[str, Any]) -> None:
        node, source = self.node(values["node"]), self.node(values["source"])
        self.features[node] = self.row(source).copy()

    # ----------------------------------------------------------------------- new nodes
    def add_node(self, values: Mapping[str, Any]) -> None:
        name = values["name"]
        if name in (values["like"], *values["nodes"]):
            raise DataError("A new node cannot be like itself, or be linked to itself.")
        if name in self.names or name in self.new:
            raise DataError(f"There already is a node {name!r:.60}.", mend="Choose another name.")
        node = self.graph.n_nodes + len(self.new)
        self.new[name] = node
        self.named.add(node)
        if self.sides is not None:
            model = values["like"] or next(iter(values["nodes"]), None)
            if model is None:
                raise DataError("A new node of a two-sided graph needs an edge, or a node it is like.")
            side = self.side(self.node(model))
            assert side is not None  # noqa: S101  the graph has sides
            self.sides.append(side if values["like"] else 1 - side)
        if values["like"]:
            like = self.node(values["like"])
            if self.graph.features is not None:
                self.features[node] = self.row(like).copy()
            for source, target in self.neighbours(like):
                ends = (node, target) if source == like else (source, node)
                self.set(*ends, self.weight(source, target))
        elif self.graph.features is not None:
            self.features[node] = self.row(node)
        for other in values["nodes"]:
            self.set(node, self.node(other), 1.0)
        if values["features"]:
            row = self.row(node).copy()
            for column, value in values["features"].items():
                row[self.columns.find(column)] = value
            self.features[node] = row
        if not any(self.weights[arc] for arc in self.edited.get(node, ())):
            self.notes.append(f"{name} has no edges: its code depends on its features alone.")
        elif self.graph.features is not None and not self.features[node].any():
            self.notes.append(f"{name} has no features: its code depends on its edges alone.")

    # --------------------------------------------------------------------------- codes
    def move_code(self, values: Mapping[str, Any]) -> None:
        axis = values["axis"]
        if axis >= self.latent_dim:
            raise DataError(f"Codes have the axes 0 to {self.latent_dim - 1}. Received: {axis}.")
        self.moves.append(Move(self.node(values["node"]), axis=axis, by=values["by"]))

    def move_towards(self, values: Mapping[str, Any]) -> None:
        node, target = self.node(values["node"]), self.node(values["target"])
        self.moves.append(Move(node, target=target, share=values["share"]))

    # -------------------------------------------------------------------------- result
    def changes(self) -> Changes:
        return Changes(
            base=self.base,
            weights={arc: weight for arc, weight in self.weights.items() if weight != self.base.weight(*arc)},
            new=dict(self.new),
            features=dict(self.features),
            moves=tuple(self.moves),
            new_sides=tuple(self.sides or ()),
            named=np.array(sorted(self.named), np.int64),
            notes=tuple(self.notes),
        )


def changes_of(
    edits: Sequence[Edit], graph: GraphData, links: Links, names: Names, columns: Names, latent_dim: int
) -> Changes:
    """Return what edits change in a graph, one after the other.

    Parameters
    ----------
    edits : sequence of Edit
        Of graphs; all count.
    graph : GraphData
    links : Links
        Its edges.
    names, columns : Names
        Of its nodes and of its features.
    latent_dim : int

    Raises
    ------
    DataError
        If a name is unknown, an edge to drop is not there, or features are missing; ``where`` names the edit.
    """
    editor = _Editor(graph, links, names, columns, latent_dim)
    for number, item in enumerate(edits, start=1):
        apply = getattr(editor, item.kind, None)
        if apply is None:
            raise DataError(f"`{item.kind}` is an edit of a matrix.", where=f"edit {number}")
        try:
            apply(item.values)
        except DataError as error:
            raise DataError(error.message, where=f"edit {number}", mend=error.mend) from error
    return editor.changes()
