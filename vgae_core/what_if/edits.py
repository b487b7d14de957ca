"""From a scenario's sentences to changes of one graph: names become nodes, edges get new weights."""

from __future__ import annotations

import dataclasses
import difflib
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse

from vgae_core.analysis.links import Links
from vgae_core.data.dataset import GraphData
from vgae_core.errors import DataError
from vgae_core.what_if.scenario import Edit

CLOSE_NAMES = 100_000
"""Names up to which near misses are looked for."""


class Names:
    """Finds things by name, exactly.

    Parameters
    ----------
    names : sequence
        In order.
    what : str
        What they are names of: ``"node"``, ``"feature"``, ``"row"`` or ``"column"``.
    """

    def __init__(self, names: Sequence[Any], what: str) -> None:
        self._names, self._what = names, what
        self._places: dict[str, int] = {}
        for place, name in enumerate(names):
            self._places.setdefault(str(name), place)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._names)

    def __contains__(self, name: str) -> bool:
        """Return whether something is called so."""
        return name in self._places

    def __getitem__(self, place: int) -> str:
        """Return the name at a place."""
        return str(self._names[place])

    def find(self, name: str, added: Mapping[str, int] | None = None) -> int:
        """Return the place of a name, among those that were added too.

        Raises
        ------
        DataError
            If nothing is called so; it names the nearest.
        """
        place = (added or {}).get(name, self._places.get(name))
        if place is not None:
            return place
        known = list(self._places) if len(self._places) <= CLOSE_NAMES else []
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
        mend = (
            f"Did you mean {', '.join(f'{other!r:.60}' for other in near)}?"
            if near
            else "Check its spelling."
        )
        raise DataError(f"No {self._what} is called {name!r:.60}.", mend=mend)


Arc = tuple[int, int]

MAX_ARCS = 40_000
"""Arcs that a scenario may change: an answer then takes a second or two."""


@dataclass(frozen=True)
class Move:
    """A code that is moved after the encoder: by a step along one axis, or a share of the way to another node's."""

    node: int
    axis: int = 0
    by: float = 0.0
    target: int | None = None
    share: float = 0.0


@dataclass(frozen=True, eq=False)
class Changes:
    """What a scenario changes in a graph.

    Parameters
    ----------
    base : Links
        The edges as they were.
    weights : mapping of (int, int) to float
        New weight of each arc that is edited, 0 where it goes; both directions of an undirected edge.
    new : mapping of str to int
        Name and number of each node that is added; they follow the others.
    features : mapping of int to ndarray of float32, shape (n_columns,)
        Features of each node whose features are edited, in their own units.
    moves : tuple of Move
        In order, after the encoder.
    new_sides : tuple of int
        The side of each new node of a two-sided graph.
    named : ndarray of int64
        Nodes that the edits name, sorted.
    notes : tuple of str
        What an edit does that its sentence does not say.
    """

    base: Links
    weights: Mapping[Arc, float] = field(default_factory=dict)
    new: Mapping[str, int] = field(default_factory=dict)
    features: Mapping[int, np.ndarray] = field(default_factory=dict)
    moves: tuple[Move, ...] = ()
    new_sides: tuple[int, ...] = ()
    named: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    notes: tuple[str, ...] = ()

    @property
    def n_nodes(self) -> int:
        """Nodes after the edits."""
        return self.base.n_nodes + len(self.new)

    @property
    def edit_the_graph(self) -> bool:
        """Whether anything but codes is edited."""
        return bool(self.weights or self.new or self.features)

    @functools.cached_property
    def links(self) -> Links:
        """All edges after the edits."""
        return self.base.edited(self.weights, self.n_nodes)

    @functools.cached_property
    def arcs(self) -> tuple[np.ndarray, np.ndarray]:
        """Arcs whose weights differ, int64 (n_changes, 2), and what is added to each, float64 (n_changes,)."""
        pairs = np.array(sorted(self.weights), np.int64).reshape(-1, 2)
        # In float64, or a large weight that becomes a small one would leave its rounding behind.
        change = np.array(
            [float(np.float32(self.weights[i, j])) - self.base.weight(i, j) for i, j in pairs.tolist()],
            np.float64,
        )
        return pairs[change != 0], change[change != 0]

    @functools.cached_property
    def rows(self) -> np.ndarray:
        """Nodes whose features are edited, int64, sorted."""
        return np.array(sorted(self.features), np.int64)

    def and_also(
        self, weights: Mapping[Arc, float] | None = None, features: Mapping[int, np.ndarray] | None = None
    ) -> Changes:
        """Return these changes and some more."""
        return dataclasses.replace(
            self, weights={**self.weights, **(weights or {})}, features={**self.features, **(features or {})}
        )

    def without(self, arcs: Iterable[Arc]) -> Changes:
        """Return these changes with some edges dropped besides, in both directions unless the graph is directed."""
        return self.with_weight(arcs, 0.0)

    def with_weight(self, arcs: Iterable[Arc], weight: float) -> Changes:
        """Return these changes with some edges of this weight besides."""
        more = {}
        for source, target in arcs:
            more[source, target] = weight
            if not self.base.directed:
                more[target, source] = weight
        return self.and_also(more)


def feature_row(graph: GraphData, node: int) -> np.ndarray:
    """Return the features of a node in their own units, float32 (n_columns,); zeros of one that the graph has not.

    Raises
    ------
    DataError
        If the graph has no features.
    """
    if graph.features is None:
        raise DataError("This graph has no features.", mend="Edit its edges or codes instead.")
    if node >= graph.n_nodes:
        return np.zeros(graph.features.shape[1], np.float32)
    row = graph.features[[node]]
    return np.asarray(row.toarray() if sparse.issparse(row) else row, np.float32).ravel()


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
            raise DataError("Edges of a node with itself cannot be edited.")
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
                f"A scenario may change {MAX_ARCS // 2:,} edges.", mend="Ask about fewer edges at a time."
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
                f"{values['source']} – {values['target']} is an edge already: its weight goes from {before:g} to "
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
            self.notes.append(f"{there:,} of the nodes were linked to {values['target']} already.")

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
            raise DataError(f"A node called {name!r:.60} is there already.", mend="Choose another name.")
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
            self.notes.append(f"{name} has no edges: its code rests on its features alone.")
        elif self.graph.features is not None and not self.features[node].any():
            self.notes.append(f"{name} has no features: its code rests on its edges alone.")

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


def edited_graph(graph: GraphData, changes: Changes, name: str) -> GraphData:
    """Return a graph as changes make it, to be trained on.

    Labels, values and kinds of edges stay; new nodes have no label, the mean of each value, and an edge that is added
    is of the first kind.  Moved codes are no part of a graph.

    Parameters
    ----------
    graph : GraphData
    changes : Changes
        Of this graph.
    name : str
        Of the new data set.
    """
    n_new = len(changes.new)
    features = graph.features
    if features is not None:
        if sparse.issparse(features):
            lil = sparse.vstack(
                [features, sparse.csr_array((n_new, features.shape[1]), dtype=np.float32)]
            ).tolil()
            for node, row in changes.features.items():
                lil[[node]] = sparse.csr_array(row[None])
            features = sparse.csr_array(lil, dtype=np.float32)
        else:
            features = np.concatenate([features, np.zeros((n_new, features.shape[1]), np.float32)])
            for node, row in changes.features.items():
                features[node] = row
    adjacency = changes.links.matrix()
    relations = graph.relations
    if relations is not None:
        kinds = sparse.csr_array(
            (relations + 1, graph.adjacency.indices, graph.adjacency.indptr), graph.adjacency.shape
        )
        kinds.resize(adjacency.shape)
        there = sparse.coo_array(adjacency)
        relations = np.maximum(np.asarray(kinds[there.row, there.col]).ravel() - 1, 0).astype(np.int32)
    ids = [*graph.node_ids.tolist(), *changes.new] if n_new else graph.node_ids
    return dataclasses.replace(
        graph,
        name=name,
        adjacency=adjacency,
        node_ids=np.array([str(item) for item in ids], object) if n_new else graph.node_ids,
        features=features,
        sides=None
        if graph.sides is None
        else np.concatenate([graph.sides, np.array(changes.new_sides, np.int8)]),
        labels=None if graph.labels is None else np.concatenate([graph.labels, np.full(n_new, -1, np.int32)]),
        values={
            key: np.concatenate([value, np.full(n_new, np.nanmean(value), value.dtype)])
            for key, value in graph.values.items()
        },
        relations=relations,
    )
