"""From the graph as read to the graph that is trained on: every repair chosen and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from vgae_core.data.dataset import GraphData, RawGraph
from vgae_core.data.missing import filled_features, missing_counts, with_weights
from vgae_core.data.non_edges import joined_pairs
from vgae_core.errors import DataError
from vgae_core.settings import RepairSpec

Merge = Literal["sum", "max", "first"]


@dataclass(frozen=True)
class Offer:
    """What one repair would touch.

    Parameters
    ----------
    setting : str
        Field of :class:`~vgae_core.settings.RepairSpec`.
    count : int
        Entries, or nodes for ``component``, that the repair would touch; 0 if there is
        nothing to decide.
    message : str
        One sentence for the user.
    """

    setting: str
    count: int
    message: str


@dataclass(frozen=True)
class Structure:
    """Counts of a graph as read; entries of weight 0 are no edges and do not count.

    Parameters
    ----------
    pairs : ndarray of int64, shape (n_edges,)
        Distinct unordered pairs i < j, as i * n_nodes + j, sorted.
    n_arcs : int
        Distinct ordered pairs i != j.
    n_one_way : int
        Arcs without one in the other direction.
    n_self_loops : int
        Entries from a node to itself.
    n_duplicates : int
        Entries beyond the first of their ordered pair, self-loops left out.
    components : ndarray of int32, shape (n_nodes,)
        Weakly connected component of each node.
    """

    n_nodes: int
    pairs: np.ndarray
    n_arcs: int
    n_one_way: int
    n_self_loops: int
    n_duplicates: int
    components: np.ndarray

    @property
    def n_edges(self) -> int:
        """Distinct undirected pairs without self-loops."""
        return len(self.pairs)

    @property
    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Both ends of every distinct pair, int64, shape (n_edges,)."""
        return self.pairs // self.n_nodes, self.pairs % self.n_nodes

    @property
    def degrees(self) -> np.ndarray:
        """Neighbours of each node, int64, shape (n_nodes,)."""
        low, high = self.ends
        return np.bincount(low, minlength=self.n_nodes) + np.bincount(high, minlength=self.n_nodes)


def structure(raw: RawGraph) -> Structure:
    """Return the counts of a graph as read; see :class:`Structure`."""
    n = max(raw.n_nodes, 1)
    proper = raw.rows != raw.cols
    loops = ~proper
    if raw.weights is not None:  # a stored zero is no edge
        proper &= raw.weights != 0
        loops &= raw.weights != 0
    rows, cols = raw.rows[proper], raw.cols[proper]
    if raw.symmetric:  # (i, j) and (j, i) of a symmetric file are the same entry
        rows, cols = np.minimum(rows, cols), np.maximum(rows, cols)
    pairs, n_arcs = joined_pairs(rows, cols, n)
    low, high = pairs // n, pairs % n
    graph = sparse.coo_array((np.ones(len(low), np.int8), (low, high)), shape=(n, n)).tocsr()
    _, components = csgraph.connected_components(graph, directed=False)
    return Structure(
        n_nodes=n,
        pairs=pairs,
        n_arcs=2 * len(pairs) if raw.symmetric else n_arcs,
        n_one_way=0 if raw.symmetric else 2 * len(pairs) - n_arcs,
        n_self_loops=int(np.count_nonzero(loops)),
        n_duplicates=len(rows) - n_arcs,
        components=components[: raw.n_nodes].astype(np.int32),
    )


def offers(raw: RawGraph, counts: Structure | None = None) -> tuple[Offer, ...]:
    """Return what each repair would touch, in the order of :class:`~vgae_core.settings.RepairSpec`.

    Parameters
    ----------
    raw : RawGraph
    counts : Structure, optional
        From :func:`structure`, if it is at hand.

    Returns
    -------
    tuple of Offer
        For a matrix of rows x columns only that of missing values: all others are of edges.
    """
    if raw.is_matrix:
        return _missing_offer(raw)
    counts = counts or structure(raw)
    sizes = np.bincount(counts.components) if raw.n_nodes else np.zeros(1, np.int64)
    outside = raw.n_nodes - int(sizes.max())
    one_way = counts.n_one_way if raw.directed and raw.sides is None else 0
    weighted = 0 if raw.weights is None else int(np.count_nonzero(raw.weights != 1))
    return (
        Offer(
            "direction",
            one_way,
            "Edges of a two-sided graph have no direction."
            if raw.sides is not None
            else f"{one_way:,} of {counts.n_arcs:,} arcs have no reverse arc."
            if raw.directed
            else "Every edge already counts in both directions.",
        ),
        Offer(
            "self_loops",
            counts.n_self_loops,
            f"{counts.n_self_loops:,} entries connect a node to itself.",
        ),
        Offer(
            "duplicates",
            counts.n_duplicates,
            f"{counts.n_duplicates:,} entries repeat an earlier one.",
        ),
        Offer(
            "component",
            outside,
            f"{outside:,} of {raw.n_nodes:,} nodes are outside the largest of {len(sizes):,} components."
            if raw.n_nodes
            else "There are no nodes.",
        ),
        Offer("weights", weighted, f"{weighted:,} entries have a weight other than 1."),
        *_relation_offer(raw),
        *_missing_weights_offer(raw),
        *_missing_offer(raw),
    )


def _missing_weights_offer(raw: RawGraph) -> tuple[Offer, ...]:
    """Return what to do about entries of unknown weight, if there are any."""
    missing = np.zeros(0, np.int64) if raw.weights is None else np.flatnonzero(np.isnan(raw.weights))
    count = len(missing)
    if not count:
        return ()
    edges = ", ".join(f"{raw.node_ids[raw.rows[i]]} – {raw.node_ids[raw.cols[i]]}" for i in missing[:3])
    message = f"{count:,} of {len(raw.rows):,} entries have no known weight, e.g. {edges}."
    return (Offer("missing_weights", count, message),)


def _missing_offer(raw: RawGraph) -> tuple[Offer, ...]:
    """Return what to do about missing feature values, with how many there are by column, if there are any."""
    counts = missing_counts(raw.features)
    columns = np.flatnonzero(counts)
    if not len(columns):
        return ()
    total = int(counts.sum())
    worst = columns[np.argsort(-counts[columns], kind="stable")][:5]
    names = raw.feature_names or tuple(f"column {i}" for i in range(1, len(counts) + 1))
    listed = ", ".join(f"{names[i][:30]} ({counts[i]:,})" for i in worst)
    message = (
        f"{total:,} feature {'value is' if total == 1 else 'values are'} missing, in {len(columns):,} of "
        f"{len(counts):,} columns: {listed}{'…' if len(columns) > len(worst) else ''}."
    )
    return tuple(Offer(setting, total, message) for setting in ("missing", "missing_indicator"))


def _relation_offer(raw: RawGraph) -> tuple[Offer, ...]:
    """Return the choice of relations, with how many entries each has."""
    if raw.relations is None:
        return ()
    counts = np.bincount(raw.relations, minlength=len(raw.relation_names))
    listed = ", ".join(
        f"{name} ({count:,})" for name, count in zip(raw.relation_names[:3], counts, strict=False)
    )
    more = "…" if len(raw.relation_names) > 3 else ""
    return (Offer("relations", len(raw.relations), f"Relations: {listed}{more}."),)


def repair(raw: RawGraph, spec: RepairSpec) -> GraphData:
    """Return the graph that is trained on.

    Entries of one ordered pair are merged by ``spec.duplicates``; files without weights give
    weight 1, however often an edge is listed.  Where two directions of different weight are
    joined the larger counts (with ``"first"``, the one read first), so that a symmetric
    adjacency keeps its weights.  Entries of weight 0 are no edges.  A matrix of rows x columns
    has no edges to repair and is taken as it is.

    Parameters
    ----------
    raw : RawGraph
    spec : RepairSpec

    Returns
    -------
    GraphData
        Nodes in the order of `raw`.

    Raises
    ------
    DataError
        If fewer than two nodes or no edge between two nodes is left, or a weight is negative
        or not finite.
    """
    if raw.n_nodes < 2:
        what = "A matrix needs at least two rows" if raw.is_matrix else "A graph needs at least two nodes"
        raise DataError(
            f"{what}. Received: {raw.n_nodes}.",
            where=raw.name,
            mend="Provide a graph with edges between different nodes.",
        )
    if raw.is_matrix:
        return _matrix(raw, spec)
    if raw.weights is not None and np.isnan(raw.weights).any():
        raw = with_weights(raw, spec)
    weights = None if raw.weights is None or spec.weights == "ignore" else _weights(raw)
    rows, cols, relations = raw.rows, raw.cols, raw.relations
    kept = np.ones(len(rows), bool) if spec.self_loops == "keep" else rows != cols
    if raw.weights is not None:
        kept &= raw.weights != 0
    if spec.relations:
        kept &= _of_relations(raw, spec.relations)
    if not kept.all():
        rows, cols = rows[kept], cols[kept]
        weights = None if weights is None else weights[kept]
        relations = None if relations is None else relations[kept]
    rule: Merge = spec.duplicates
    n = raw.n_nodes
    if weights is None:
        adjacency = _pattern(rows, cols, n, both=raw.symmetric or spec.direction == "undirected")
    elif raw.symmetric:
        rows, cols = np.maximum(rows, cols), np.minimum(rows, cols)
        adjacency = _mirror(_merge(rows, cols, weights, n, rule))
    elif spec.direction == "directed":
        adjacency = _merge(rows, cols, weights, n, rule)
    else:
        adjacency = _undirected(rows, cols, weights, n, rule)
    adjacency.eliminate_zeros()
    adjacency.sort_indices()
    if relations is not None:
        both = raw.symmetric or spec.direction == "undirected"
        relations = _first_relations(adjacency, raw.rows[kept], raw.cols[kept], relations, both=both)
    keep = np.arange(n)
    if spec.component == "largest":
        keep = _largest(adjacency)
        if relations is not None:
            kinds = (relations + 1, adjacency.indices, adjacency.indptr)  # 0 would be no entry
            relations = sparse.csr_array(sparse.csr_array(kinds, shape=(n, n))[keep][:, keep])
            relations.sort_indices()
            relations = relations.data - 1
        adjacency = sparse.csr_array(adjacency[keep][:, keep])
        adjacency.sort_indices()
    if int(np.count_nonzero(adjacency.indices != _row_of(adjacency))) == 0:
        raise DataError(
            "There is no edge between two different nodes.",
            where=raw.name,
            mend="Provide a graph with edges between different nodes.",
        )
    small = np.int32 if max(adjacency.nnz, len(keep)) <= np.iinfo(np.int32).max else np.int64
    adjacency = sparse.csr_array(
        (adjacency.data.astype(np.float32), adjacency.indices.astype(small), adjacency.indptr.astype(small)),
        shape=(len(keep), len(keep)),
    )
    everything = len(keep) == n
    features = raw.features if raw.features is None or everything else raw.features[keep]
    features, feature_names = filled_features(features, raw.feature_names, spec, raw.name)
    return GraphData(
        name=raw.name,
        adjacency=adjacency,
        node_ids=raw.node_ids[keep],
        directed=spec.direction == "directed",
        features=features,
        feature_names=feature_names,
        labels=None if raw.labels is None else raw.labels[keep],
        label_names=raw.label_names,
        values={name: values[keep] for name, values in raw.values.items()},
        relations=None if relations is None else relations.astype(np.int32),
        relation_names=raw.relation_names,
        sides=None if raw.sides is None else raw.sides[keep],
        side_names=raw.side_names,
    )


def _of_relations(raw: RawGraph, names: Sequence[str]) -> np.ndarray:
    """Return which entries are of one of the relations.

    Raises
    ------
    DataError
        If the data name no relations, or not these.
    """
    unknown = [name for name in names if name not in raw.relation_names]
    if raw.relations is None or unknown:
        known = ", ".join(raw.relation_names[:5]) or "none"
        raise DataError(
            f"No edge has the relation {(unknown or names)[0]!r}.",
            where=raw.name,
            mend=f"Relations of this graph: {known}{'…' if len(raw.relation_names) > 5 else ''}.",
        )
    return np.isin(raw.relations, [raw.relation_names.index(name) for name in names])


def _first_relations(
    adjacency: sparse.csr_array, rows: np.ndarray, cols: np.ndarray, relations: np.ndarray, *, both: bool
) -> np.ndarray:
    """Return the relation of each entry of the adjacency: that of the first edge read between the two."""
    n = adjacency.shape[0]
    keys = np.concatenate([rows * n + cols, cols * n + rows] if both else [rows * n + cols])
    known, first = np.unique(keys, return_index=True)
    places = np.searchsorted(known, _row_of(adjacency).astype(np.int64) * n + adjacency.indices)
    return relations[first[places] % len(rows)]


def _matrix(raw: RawGraph, spec: RepairSpec) -> GraphData:
    """Return a matrix as data without edges.

    Raises
    ------
    DataError
        If every value is 0.
    """
    x, names = filled_features(raw.features, raw.feature_names, spec, raw.name)
    assert x is not None  # noqa: S101  a matrix has features
    if not np.any(x.data if sparse.issparse(x) else x):
        raise DataError(
            "Every value of the matrix is 0.", where=raw.name, mend="Provide a matrix with non-zero values."
        )
    n = raw.n_nodes
    return GraphData(
        name=raw.name,
        adjacency=sparse.csr_array((n, n), dtype=np.float32),
        node_ids=raw.node_ids,
        features=x,
        feature_names=names,
        labels=raw.labels,
        label_names=raw.label_names,
        values=dict(raw.values),
    )


def _weights(raw: RawGraph) -> np.ndarray:
    """Return one weight an entry, float64 so that sums stay exact."""
    assert raw.weights is not None  # noqa: S101  whoever asks has looked
    weights = raw.weights.astype(np.float64)
    for bad, what in ((~np.isfinite(weights), "not finite"), (weights < 0, "negative")):
        if bad.any():
            at = int(np.flatnonzero(bad)[0])
            edge = f"{raw.node_ids[raw.rows[at]]} – {raw.node_ids[raw.cols[at]]}"
            raise DataError(
                f"{int(bad.sum()):,} of {len(weights):,} weights are {what}, "
                f"e.g. {weights[at]:g} of edge {edge}.",
                where=raw.name,
                mend="Choose to ignore weights (`weights` = ignore), or provide weights >= 0.",
            )
    return weights


def _merge(rows: np.ndarray, cols: np.ndarray, weights: np.ndarray, n: int, rule: Merge) -> sparse.csr_array:
    """Return the matrix with one entry an ordered pair."""
    if rule != "sum":
        # A stable order keeps the file's order within a pair, which "first" needs.
        keys = rows * n + cols
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else order
        ordered = weights[order]
        if len(starts):
            weights = np.maximum.reduceat(ordered, starts) if rule == "max" else ordered[starts]
            rows, cols = keys[starts] // n, keys[starts] % n
    return sparse.coo_array((weights, (rows, cols)), shape=(n, n)).tocsr()


def _pattern(rows: np.ndarray, cols: np.ndarray, n: int, *, both: bool) -> sparse.csr_array:
    """Return the matrix with a 1 for every pair that is listed, in `both` directions or as listed."""
    # Row and column side by side in one number: sorting these is the fastest way to a sorted matrix.
    bits = max(1, int(n - 1).bit_length())
    ends = [(rows, cols), (cols, rows)] if both else [(rows, cols)]
    keys = np.empty(len(ends) * len(rows), np.int64)
    for part, (row, col) in zip(np.split(keys, len(ends)), ends, strict=True):
        np.left_shift(row, bits, out=part)
        part |= col
    keys.sort()
    if len(keys):
        new = np.empty(len(keys), bool)
        new[0] = True
        np.not_equal(keys[1:], keys[:-1], out=new[1:])
        keys = keys[new]
    starts = np.searchsorted(keys, np.arange(n + 1, dtype=np.int64) << bits)
    keys &= (1 << bits) - 1
    return sparse.csr_array((np.ones(len(keys), np.float32), keys, starts), shape=(n, n))


def _mirror(lower: sparse.csr_array) -> sparse.csr_array:
    """Return the symmetric matrix of one triangle, the diagonal once."""
    return sparse.csr_array(
        lower + sparse.tril(lower, -1, format="csr").T + sparse.triu(lower, 1, format="csr").T
    )


def _undirected(
    rows: np.ndarray, cols: np.ndarray, weights: np.ndarray, n: int, rule: Merge
) -> sparse.csr_array:
    """Join both directions of every edge."""
    if rule == "first":  # of both directions together, in the order of the file
        return _mirror(_merge(np.maximum(rows, cols), np.minimum(rows, cols), weights, n, rule))
    arcs = _merge(rows, cols, weights, n, rule)
    return sparse.csr_array(arcs.maximum(arcs.T))


def _row_of(matrix: sparse.csr_array) -> np.ndarray:
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def _largest(adjacency: sparse.csr_array) -> np.ndarray:
    """Return the nodes of the largest weakly connected component, in order."""
    _, component = csgraph.connected_components(adjacency, directed=True, connection="weak")
    return np.flatnonzero(component == np.bincount(component).argmax())
