"""Training-free scores of one node with all others, or of one pair, on a graph of which a few edges may be edited.

The same scores as :func:`vgae_core.analysis.baselines.run_baselines`, which walks the neighbours of every pair.  Here a
node's scores with all others are products of the adjacency with one vector, and a pair's come from two rows, so that a
ranking takes milliseconds and an edit needs nothing but the rows it touches.  A baseline without such a form here is
scored by its own function, for all pairs of the node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from scipy import sparse

from vgae_core.analysis.baselines import pattern_of, run_baselines
from vgae_core.analysis.links import Links
from vgae_core.catalogue.base import load
from vgae_core.catalogue.baselines import BASELINES
from vgae_core.data.dataset import Features

_OWN = frozenset({"degree_product", "paths_of_three", "feature_cosine", "one_hop_cosine"})
"""Scores with a form of their own here, beside sums over shared neighbours."""

_BLOCK = 4_000
"""Nodes whose averages are made at once, to find their lengths."""


class NodeBaselines:
    """Training-free scores of one node or one pair.

    Parameters
    ----------
    adjacency : csr_array, shape (n_nodes, n_nodes)
        Edges that count, in any direction; weights are not used.
    features : csr_array or ndarray, shape (n_nodes, n_features), or None
        As the run takes them.
    names : iterable of str
        Which scores, of links; the others cost nothing.

    Raises
    ------
    ValueError
        If there is no such score.
    """

    def __init__(self, adjacency: sparse.csr_array, features: Features | None, names: Iterable[str]) -> None:
        self.names = tuple(names)
        for name in self.names:
            if name not in BASELINES or BASELINES[name].of != "links":
                raise ValueError(f"No score of single nodes is called {name!r}.")
        pattern = pattern_of(adjacency)
        self._links = Links.of(pattern, directed=False)
        self._degree = np.diff(pattern.indptr).astype(np.float64)
        self._weights = {
            name: load(BASELINES[name].shared)(self._degree) for name in self.names if BASELINES[name].shared
        }
        self._unit: Any = None
        self._edited_unit: dict[int, np.ndarray] = {}
        self._hop_length = np.zeros(0)
        self._stale = np.zeros(0, np.int64)  # whose length is worked out when a ranking first reads it
        self._features = (
            features if any(name not in _OWN and name not in self._weights for name in self.names) else None
        )
        self._edited_rows: dict[int, Any] = {}
        if features is not None and {"feature_cosine", "one_hop_cosine"} & set(self.names):
            self._unit = _unit_rows(features)
        if "one_hop_cosine" in self.names:
            self._hop_length = self._lengths(pattern)

    @property
    def nbytes(self) -> int:
        """About how many bytes it keeps: the pattern of edges, a few numbers per node, and features of length 1."""
        unit = self._unit
        features = 0 if unit is None else 8 * unit.nnz if sparse.issparse(unit) else unit.nbytes
        return 8 * self._links.out.nnz + 40 * self._links.n_nodes + features

    def _lengths(self, pattern: sparse.csr_array) -> np.ndarray:
        """Return the length of each node's average row, float64 (n_nodes,)."""
        n = pattern.shape[0]
        scale = 1 / np.sqrt(self._degree + 1)
        looped = sparse.csr_array(pattern + sparse.eye_array(n, format="csr", dtype=np.float32))
        looped.data = (looped.data * scale[looped.indices]).astype(np.float32)
        square = np.empty(n)
        for start in range(0, n, _BLOCK):
            part = looped[start : start + _BLOCK] @ self._unit
            values = part.multiply(part).sum(axis=1) if sparse.issparse(part) else np.square(part).sum(axis=1)
            square[start : start + _BLOCK] = np.asarray(values).ravel()
        return np.sqrt(square) * scale

    def edited(self, links: Links, rows: np.ndarray, features: Features | None) -> NodeBaselines:
        """Return the scores after an edit; only what it touches is worked out anew.

        Parameters
        ----------
        links : Links
            All edges after the edit.
        rows : ndarray of int64, shape (n_rows,)
            Nodes whose features differ.
        features : csr_array or ndarray, shape (n_rows, n_features), or None
            Their features, as the run takes them.
        """
        other = object.__new__(NodeBaselines)
        other.names, other._unit = self.names, self._unit
        base, n = self._links, links.n_nodes
        touched = links.touched
        one = np.float32(1)
        around = {node: links.around(node) for node in touched.tolist()}
        other._links = Links(
            base.out, base.into, n, False,
            {"out": {node: (near, np.full(len(near), one)) for node, near in around.items()}},
        )  # fmt: skip
        other._degree = np.concatenate([self._degree, np.zeros(n - len(self._degree))])
        other._degree[touched] = [len(around[node]) for node in touched.tolist()]
        other._weights = {}
        for name, weights in self._weights.items():
            new = np.concatenate([weights, np.ones(n - len(weights))])
            new[touched] = load(BASELINES[name].shared)(other._degree[touched])
            other._weights[name] = new
        other._edited_unit, other._features = dict(self._edited_unit), self._features
        other._edited_rows = dict(self._edited_rows)
        if self._features is not None:
            other._edited_rows.update((int(node), _dense(features, at)) for at, node in enumerate(rows))
        if self._unit is not None and len(rows):
            unit = _unit_rows(features)
            other._edited_unit.update((int(node), _dense(unit, at)) for at, node in enumerate(rows))
        other._hop_length, other._stale = np.zeros(0), np.zeros(0, np.int64)
        if len(self._hop_length):
            other._hop_length = np.concatenate([self._hop_length, np.zeros(n - len(self._hop_length))])
            nodes = np.union1d(touched, rows)
            reached = [nodes, self._stale, *(other._links.row(node)[0] for node in nodes.tolist())]
            other._stale = np.unique(np.concatenate(reached).astype(np.int64))
        return other

    # ------------------------------------------------------------------------ one pair
    def pair(self, first: int, second: int) -> dict[str, float]:
        """Return every score of one pair."""
        scores: dict[str, float] = {}
        near, far = self._links.row(first)[0], self._links.row(second)[0]
        shared = np.intersect1d(near, far, assume_unique=True)
        for name in self.names:
            if name == "degree_product":
                scores[name] = float(self._degree[first] * self._degree[second])
            elif name in self._weights:
                scores[name] = float(self._weights[name][shared].sum())
            elif name == "paths_of_three":
                scores[name] = float(self._two_steps(first)[far].sum())
            elif name == "feature_cosine":
                scores[name] = float(self._row(first) @ self._row(second))
            elif name not in _OWN:
                scores[name] = float(self._scored(name, np.array([[first, second]]))[0])
            else:
                left, right = self._average(first), self._average(second)
                length = np.linalg.norm(left) * np.linalg.norm(right)
                scores[name] = float(left @ right / length) if length > 0 else 0.0
        return scores

    def _scored(self, name: str, pairs: np.ndarray) -> np.ndarray:
        """Return the score of pairs by the baseline's own function, on the whole graph after the edit."""
        features = self._features
        if features is not None and (self._edited_rows or self._links.n_nodes > features.shape[0]):
            dense = features.toarray() if sparse.issparse(features) else np.array(features)
            dense = np.concatenate(
                [dense, np.zeros((self._links.n_nodes - len(dense), dense.shape[1]), dense.dtype)]
            )
            for node, row in self._edited_rows.items():
                dense[node] = row
            features = sparse.csr_array(dense) if sparse.issparse(features) else dense
        return run_baselines(self._links.matrix(), features, pairs, [name])[name]

    def _row(self, node: int) -> np.ndarray:
        """Return a node's features at length 1, dense."""
        edited = self._edited_unit.get(node)
        if edited is not None:
            return edited
        if node >= self._unit.shape[0]:
            return np.zeros(self._unit.shape[1], np.float32)
        return _dense(self._unit, node)

    def _average(self, node: int) -> np.ndarray:
        """Return the average of the features around a node, itself among them, dense."""
        nodes = np.append(self._links.row(node)[0], node)
        scale = 1 / np.sqrt(self._degree[nodes] + 1)
        known = np.array(
            [place < self._unit.shape[0] and place not in self._edited_unit for place in nodes.tolist()]
        )
        total = np.asarray(scale[known] @ self._unit[nodes[known]]).ravel()
        for place, factor in zip(nodes[~known].tolist(), scale[~known], strict=True):
            total = total + factor * self._row(place)
        return total * scale[-1]

    # ---------------------------------------------------------------- one node, all others
    def row(self, node: int) -> dict[str, np.ndarray]:
        """Return every score of a node with each node, itself too; float64 (n_nodes,) each."""
        scores: dict[str, np.ndarray] = {}
        n = self._links.n_nodes
        near = self._links.row(node)[0]
        around = [self._links.row(other)[0] for other in near.tolist()] if self._weights else []
        counts = [len(others) for others in around]
        reached = np.concatenate(around) if around else near[:0]
        for name in self.names:
            if name == "degree_product":
                scores[name] = self._degree[node] * self._degree
            elif name in self._weights:
                # Few nodes are two steps away: a product with the whole adjacency takes ten times as long.
                weights = np.repeat(self._weights[name][near], counts)
                scores[name] = np.bincount(reached, weights, minlength=n)
            elif name == "paths_of_three":
                scores[name] = self._product(self._two_steps(node))
            elif name == "feature_cosine":
                scores[name] = self._similar(self._row(node))
            elif name not in _OWN:
                others = np.arange(n)
                scores[name] = self._scored(name, np.column_stack([np.full(n, node), others]))
            else:
                average = self._average(node)
                length = float(np.linalg.norm(average))
                scale = 1 / np.sqrt(self._degree + 1)
                towards = self._similar(average) * scale
                dots = (self._product(towards) + towards) * scale
                lengths = self._hop_lengths() * length
                scores[name] = np.divide(dots, lengths, out=np.zeros(n), where=lengths > 0)
        return scores

    def _two_steps(self, node: int) -> np.ndarray:
        """Return the sum over walks node – a – b of ``1 / sqrt(degree_a degree_b)`` for each b, float64 (n_nodes,)."""
        near = self._links.row(node)[0]
        around = [self._links.row(other)[0] for other in near.tolist()]
        share = 1 / np.sqrt(np.maximum(self._degree, 1))
        weights = np.repeat(share[near], [len(others) for others in around])
        reached = np.concatenate(around) if around else near
        return np.bincount(reached, weights, minlength=self._links.n_nodes) * share

    def _hop_lengths(self) -> np.ndarray:
        if len(self._stale):
            rows = [np.append(self._links.row(node)[0], node) for node in self._stale.tolist()]
            nodes, local = np.unique(np.concatenate(rows), return_inverse=True)
            counts = np.array([len(row) for row in rows])
            scale = 1 / np.sqrt(self._degree + 1)
            weights = scale[nodes][local] * np.repeat(scale[self._stale], counts)
            ends = np.concatenate([[0], np.cumsum(counts)])
            average = sparse.csr_array((weights, local, ends), shape=(len(rows), len(nodes))) @ self._rows(
                nodes
            )
            square = average.multiply(average) if sparse.issparse(average) else np.square(average)
            self._hop_length[self._stale] = np.sqrt(np.asarray(square.sum(axis=1)).ravel())
            self._stale = self._stale[:0]
        return self._hop_length

    def _rows(self, nodes: np.ndarray) -> Any:
        """Return the features of some nodes at length 1, csr or dense, float32 (len(nodes), n_columns)."""
        n = self._unit.shape[0]
        own = np.array([place in self._edited_unit or place >= n for place in nodes.tolist()])
        known = self._unit[np.where(own, 0, nodes)]
        if not own.any():
            return known
        keep = sparse.diags_array((~own).astype(np.float32))
        rows = np.zeros((len(nodes), self._unit.shape[1]), np.float32)
        for at in np.flatnonzero(own).tolist():
            rows[at] = self._row(int(nodes[at]))
        return keep @ known + (sparse.csr_array(rows) if sparse.issparse(known) else rows)

    def _product(self, values: np.ndarray) -> np.ndarray:
        """Return the sum of `values` over each node's neighbours, float64 (n_nodes,)."""
        base = self._links.out
        result = np.zeros(self._links.n_nodes)
        result[: base.shape[0]] = base @ values[: base.shape[0]]
        for node, (near, _) in self._links.changed.get("out", {}).items():
            result[node] = values[near].sum()
        return result

    def _similar(self, row: np.ndarray) -> np.ndarray:
        """Return the inner product of each node's features at length 1 with `row`, float64 (n_nodes,)."""
        result = np.zeros(self._links.n_nodes)
        result[: self._unit.shape[0]] = self._unit @ row
        for node, own in self._edited_unit.items():
            result[node] = own @ row
        return result


def _unit_rows(matrix: Features) -> Any:
    """Return the matrix with every row at length 1 (zero rows stay zero), float32."""
    if sparse.issparse(matrix):
        square = np.asarray(matrix.multiply(matrix).sum(axis=1), np.float64).ravel()
    else:
        square = np.einsum("ij,ij->i", matrix, matrix, dtype=np.float64)
    scale = np.divide(1, np.sqrt(square), out=np.zeros(len(square)), where=square > 0).astype(np.float32)
    if not sparse.issparse(matrix):
        return np.asarray(matrix, np.float32) * scale[:, None]
    csr = sparse.csr_array(matrix, dtype=np.float32, copy=True)
    csr.data *= np.repeat(scale, np.diff(csr.indptr))
    return csr


def _dense(matrix: Any, row: int) -> np.ndarray:
    """Return one row, float32 (n_columns,)."""
    if not sparse.issparse(matrix):
        return np.asarray(matrix[row])
    dense = np.zeros(matrix.shape[1], np.float32)
    part = slice(matrix.indptr[row], matrix.indptr[row + 1])
    dense[matrix.indices[part]] = matrix.data[part]
    return dense


def columns(scores: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return scores of pairs as arrays, as :func:`vgae_core.analysis.stacking.joined` takes them."""
    return {name: np.atleast_1d(np.asarray(value, np.float64)) for name, value in scores.items()}
