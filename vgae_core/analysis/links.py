"""The edges of a graph, row by row, before and after edits of a few of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy import sparse

Direction = Literal["out", "in"]
Row = tuple[np.ndarray, np.ndarray]
"""Neighbours int64, sorted, and the weights of the edges to them, float32."""


@dataclass(frozen=True, eq=False)
class Links:
    """Edges of a graph with some rows replaced.

    Parameters
    ----------
    out, into : csr_array, shape (n_base, n_base)
        Adjacency and its transpose (the same object unless directed).
    n_nodes : int
        With the nodes that were added.
    directed : bool
    changed : mapping of str to mapping of int to Row
        The rows that differ, by direction; an undirected graph has ``"out"`` alone.
    """

    out: sparse.csr_array
    into: sparse.csr_array
    n_nodes: int
    directed: bool
    changed: Mapping[Direction, Mapping[int, Row]] = field(default_factory=dict)

    @classmethod
    def of(cls, adjacency: sparse.csr_array, *, directed: bool) -> Links:
        """Return the edges of a graph as it is."""
        out = sparse.csr_array(adjacency)
        into = sparse.csr_array(out.T) if directed else out
        into.sort_indices()
        return cls(out, into, out.shape[0], directed)

    def row(self, node: int, direction: Direction = "out") -> Row:
        """Return the neighbours of a node and the weights of the edges to (or from) them."""
        direction = direction if self.directed else "out"
        replaced = self.changed.get(direction, {}).get(node)
        if replaced is not None:
            return replaced
        matrix = self.out if direction == "out" else self.into
        if node >= matrix.shape[0]:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        part = slice(matrix.indptr[node], matrix.indptr[node + 1])
        return matrix.indices[part].astype(np.int64), matrix.data[part]

    def weight(self, source: int, target: int) -> float:
        """Return the weight of an edge, 0 where there is none."""
        neighbours, weights = self.row(source)
        at = int(np.searchsorted(neighbours, target))
        return float(weights[at]) if at < len(neighbours) and neighbours[at] == target else 0.0

    def around(self, node: int) -> np.ndarray:
        """Return who is joined to a node in any direction, without itself; int64, sorted."""
        neighbours = self.row(node)[0]
        if self.directed:
            neighbours = np.union1d(neighbours, self.row(node, "in")[0])
        return neighbours[neighbours != node]

    @property
    def touched(self) -> np.ndarray:
        """Return the nodes with a row that differs; int64, sorted."""
        rows = [key for rows in self.changed.values() for key in rows]
        return np.unique(np.array(rows, np.int64))

    def edited(self, weights: Mapping[tuple[int, int], float], n_nodes: int) -> Links:
        """Return the edges after some get new weights.

        Parameters
        ----------
        weights : mapping of (int, int) to float
            New weight of each arc, 0 to remove it; both directions of an undirected edge.
        n_nodes : int
            Nodes after the edit.
        """
        changed: dict[Direction, dict[int, Row]] = {key: dict(rows) for key, rows in self.changed.items()}
        for direction in ("out", "in") if self.directed else ("out",):
            by_node: dict[int, dict[int, float]] = {}
            for (source, target), weight in weights.items():
                node, other = (source, target) if direction == "out" else (target, source)
                by_node.setdefault(node, {})[other] = weight
            rows = changed.setdefault(direction, {})
            for node, new in by_node.items():
                before, old = self.row(node, direction)
                others = np.array(sorted(new), np.int64)
                keep = ~np.isin(before, others)
                values = np.array([new[other] for other in others.tolist()], np.float32)
                there = values != 0
                neighbours = np.concatenate([before[keep], others[there]])
                order = np.argsort(neighbours, kind="stable")
                rows[node] = neighbours[order], np.concatenate([old[keep], values[there]])[order]
        return Links(self.out, self.into, n_nodes, self.directed, changed)

    def matrix(self) -> sparse.csr_array:
        """Return the whole adjacency, float32 (n_nodes, n_nodes), canonical."""
        return spliced(self.out, self.changed.get("out", {}), self.n_nodes)


def spliced(base: sparse.csr_array, rows: Mapping[int, Row], n: int) -> sparse.csr_array:
    """Return a square matrix with some rows replaced and empty ones added, csr (n, n).

    Copies runs of rows between the replaced ones: a hundredth of the time that a sparse sum takes.
    """
    counts = np.zeros(n, np.int64)
    counts[: base.shape[0]] = np.diff(base.indptr)
    for node, (neighbours, _) in rows.items():
        counts[node] = len(neighbours)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    indices, data, start = [], [], 0
    for node in sorted(rows):
        if start < min(node, base.shape[0]):
            part = slice(base.indptr[start], base.indptr[min(node, base.shape[0])])
            indices.append(base.indices[part])
            data.append(base.data[part])
        neighbours, weights = rows[node]
        indices.append(neighbours.astype(base.indices.dtype))
        data.append(weights.astype(base.data.dtype))
        start = node + 1
    if start < base.shape[0]:
        indices.append(base.indices[base.indptr[start] :])
        data.append(base.data[base.indptr[start] :])
    empty = np.zeros(0, base.indices.dtype), np.zeros(0, base.data.dtype)
    return sparse.csr_array(
        (np.concatenate([empty[1], *data]), np.concatenate([empty[0], *indices]), indptr), shape=(n, n)
    )
