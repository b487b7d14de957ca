"""What a scenario changes in a graph, and the graph as these changes make it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from vgae_core.analysis.links import Links
from vgae_core.data.dataset import GraphData
from vgae_core.errors import DataError

Arc = tuple[int, int]


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
