"""Held-out edges and non-edges, drawn before anything sees the graph.

Every later number rests on these arrays: the encoder sees :meth:`LinkSplit.message`
and nothing else of the graph, the validation pairs choose the best epoch, the test
pairs are scored once.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from vgae_core.data.arrays import load_npz, save_npz
from vgae_core.data.blocks import row_blocks
from vgae_core.data.dataset import Features, GraphData, count_first, count_pairs, within_a_side
from vgae_core.data.non_edges import codes, contains, distinct, sample_non_edges
from vgae_core.errors import DataError
from vgae_core.settings import RunSpec, SplitSpec

_MESSAGE_BLOCK = 2**19
"""Rows whose edges are looked up at a time, in bytes of one number each."""

_FEW_ARCS = 100
"""Arcs up to which a form tries a split to see whether there is one."""

PARTS = ("train", "val", "val_neg", "test", "test_neg")
"""The arrays of a split, as named in a split file."""


@dataclass(frozen=True, eq=False, kw_only=True)
class LinkSplit:
    """Edges to learn from, and edges and non-edges to score.

    Parameters
    ----------
    train, val, test : ndarray of int64, shape (pairs, 2)
        Edges, each once and in one part only: ``i < j``, or arcs ``i → j`` of a directed
        graph. Sorted by node, so shuffle before cutting them into batches.
    val_neg, test_neg : ndarray of int64, shape (pairs, 2)
        Pairs of different nodes without an edge in the whole graph, as many as `val`
        and `test`, none of them twice; of a two-sided graph pairs that join both sides.
    """

    train: np.ndarray
    val: np.ndarray
    val_neg: np.ndarray
    test: np.ndarray
    test_neg: np.ndarray

    def __post_init__(self) -> None:
        for name in PARTS:
            pairs = getattr(self, name)
            if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype != np.int64:
                raise DataError(
                    f"`{name}` must be an int64 array of shape (pairs, 2). "
                    f"Received: {pairs.dtype} of shape {pairs.shape}.",
                    where="split",
                )

    def check(self, graph: GraphData, family: str = "vgae") -> None:
        """Raise DataError unless the split belongs to `graph` and leaks nothing.

        Parameters
        ----------
        graph : GraphData
            The whole graph, held-out edges included.
        family : str
            Of the model: pairs of a ``"vae"`` are entries (row, column) of the features.

        Raises
        ------
        DataError
            If there is nothing to train on or to test, validation edges and non-edges are not as many, a pair names a
            node the graph lacks, an edge is listed twice or in two parts, a listed edge is not one, or a negative pair
            is an edge, or joins nodes of one side; and the same of entries.
        """
        matrix = family == "vae"
        if matrix and graph.features is None:
            raise DataError("The data have no matrix whose entries a split could hold out.", where="split")
        edge, whole, first = ("entry", "matrix", "row") if matrix else ("edge", "graph", "node")
        shape = graph.features.shape if matrix and graph.features is not None else graph.adjacency.shape
        mend = f"Use a split made for this {whole} with the same repairs."
        for name in PARTS:
            pairs = getattr(self, name)
            for axis, what in enumerate((first, "column" if matrix else "node")):
                ends = pairs[:, axis]
                if len(ends) and (ends.min() < 0 or ends.max() >= shape[axis]):
                    raise DataError(
                        f"`{name}` names {what} {int(ends.max() if ends.max() >= shape[axis] else ends.min())}, "
                        f"but the {whole} has {what}s 0 to {shape[axis] - 1}.",
                        where="split",
                        mend=mend,
                    )
        for name in ("train", "test", "test_neg"):
            if not len(getattr(self, name)):
                raise DataError(f"`{name}` must hold a pair at least.", where="split", mend=mend)
        if bool(len(self.val)) != bool(len(self.val_neg)):
            raise DataError(
                f"`val` and `val_neg` must both hold pairs, or neither. Received: {len(self.val)} and "
                f"{len(self.val_neg)}.",
                where="split",
                mend=mend,
            )
        edges, width, directed = (
            (_entry_codes(graph.features), shape[1], True)
            if matrix
            else (codes(graph.edges, shape[0], directed=True), shape[0], graph.directed)  # in order
        )
        for names, wanted in ((("train", "val", "test"), True), (("val_neg", "test_neg"), False)):
            parts = [codes(getattr(self, name), width, directed=directed) for name in names]
            together = np.concatenate(parts)
            if len(np.unique(together)) != len(together):
                raise DataError(
                    f"A pair is listed twice in {', '.join(names)}.",
                    where="split",
                    mend=f"A held-out {edge} must be in one part only.",
                )
            for name, code in zip(names, parts, strict=True):
                wrong = int(np.count_nonzero(contains(edges, code) != wanted))
                if wrong:
                    plural = "entries" if matrix else "edges"
                    what = f"are not {plural}" if wanted else f"are {plural}"
                    raise DataError(
                        f"{wrong} pairs of `{name}` {what} of this {whole}.", where="split", mend=mend
                    )
        if not matrix and graph.sides is not None:
            for name in ("val_neg", "test_neg"):
                wrong = int(within_a_side(graph.sides, *getattr(self, name).T).sum())
                if wrong:
                    raise DataError(
                        f"{wrong} pairs of `{name}` join nodes of one side of this two-sided graph.",
                        where="split",
                        mend=mend,
                    )
        if matrix and (
            left_out := len(edges) - sum(len(getattr(self, name)) for name in ("train", "val", "test"))
        ):
            raise DataError(
                f"{left_out:,} entries of this matrix are in no part of the split.", where="split", mend=mend
            )

    def message(self, n_nodes: int, graph: GraphData) -> sparse.csr_array:
        """Return the adjacency the encoder may see: training edges only.

        Parameters
        ----------
        n_nodes : int
            Number of nodes.
        graph : GraphData
            Gives the weights of the training edges, its direction, and its self-loops
            where a repair kept them; nothing else of it is used.

        Returns
        -------
        csr_array of float32, shape (n_nodes, n_nodes)
            Canonical; symmetric unless the graph is directed.

        Raises
        ------
        DataError
            If a training pair is not an edge of `graph`.
        """
        message = _listed(self.train, n_nodes, directed=graph.directed)
        missing = 0
        # An entry-wise product goes through both matrices once, and keeps what is in both.
        for rows, _ in row_blocks(message.indptr[:-1], _MESSAGE_BLOCK):
            found = message[rows].multiply(graph.adjacency[rows])
            place = slice(message.indptr[rows.start], message.indptr[rows.stop])
            missing += place.stop - place.start - found.nnz
            if not missing:
                message.data[place] = found.tocsr().data
        if missing:
            raise DataError(
                f"{missing} training pairs are not edges of this graph.",
                where="split",
                mend="Use a split made for this graph with the same repairs.",
            )
        if not graph.directed:
            message = sparse.csr_array(message + message.T)
        loops = graph.adjacency.diagonal()
        if np.any(loops):
            message = sparse.csr_array(message + sparse.diags_array(loops.astype(np.float32), format="csr"))
        message.sum_duplicates()
        return message


def split_links(graph: GraphData, spec: SplitSpec, seed: int) -> LinkSplit:
    """Return a random split of the edges, with exact non-edges for validation and test.

    Both arcs of a reciprocated pair of a directed graph go to the same part: the decoder
    is symmetric, so a model that was shown ``j → i`` has been shown ``i → j``.

    Parameters
    ----------
    graph : GraphData
    spec : SplitSpec
        Fractions of the edges; a part asked for gets one edge at least.
    seed : int
        Same graph, specification and seed, same split.

    Returns
    -------
    LinkSplit

    Raises
    ------
    DataError
        If no edge would be left to learn from, or the graph has fewer non-edges than the
        evaluation needs.
    """
    n, edges = graph.n_nodes, graph.edges
    check_edges(n, len(edges), spec, directed=graph.directed, n_first=count_first(graph.sides))
    n_val, n_test = _held_out(len(edges), spec)
    rng = np.random.default_rng(seed)
    part = _assign(edges, n, n_val, n_test, directed=graph.directed, rng=rng)
    train, val, test = (edges[part == k] for k in range(3))
    if not (len(train) and len(test)):
        raise _few_pairs(edges, n)
    negatives = sample_non_edges(graph, len(val) + len(test), rng)
    return LinkSplit(
        train=train, val=val, test=test, val_neg=negatives[: len(val)], test_neg=negatives[len(val) :]
    )


def _few_pairs(edges: np.ndarray, n: int) -> DataError:
    joined = len(np.unique(codes(edges, n, directed=False)))
    return DataError(
        f"{joined} joined pairs of nodes are too few for training, validation and testing: both arcs of a pair go to "
        "the same part.",
        where="split",
        mend="Bring a graph of at least 3 joined pairs of nodes, or lower the held-out fractions.",
    )


def check_edges(
    n_nodes: int, n_edges: int, spec: SplitSpec, *, directed: bool = False, n_first: int = 0
) -> None:
    """Raise DataError if a graph has too few edges to divide, or too few non-edges to tell held-out ones from.

    Parameters
    ----------
    n_nodes, n_edges : int
        Edges between different nodes, or arcs.
    spec : SplitSpec
        Shares of the edges that are held out.
    directed : bool
    n_first : int
        Nodes of side 0 of a two-sided graph: only pairs that join both sides are without an edge.
    """
    n_val, n_test = _held_out(n_edges, spec)
    if n_edges - n_val - n_test < 1:
        least = 2 + (spec.val_fraction > 0)
        parts = "training, validation and testing" if spec.val_fraction > 0 else "training and testing"
        few = n_edges < least
        raise DataError(
            f"{n_edges:,} edge{'s are' if n_edges != 1 else ' is'} too few: {parts} need "
            + ("one each." if few else f"{n_val + n_test + 1:,} at these held-out fractions."),
            where="split",
            mend=f"Bring a graph of at least {least} edges"
            + (", or set `val_fraction` to 0." if n_edges == 2 else ".")
            if few
            else "Lower the held-out fractions, or bring a larger graph.",
        )
    pairs = count_pairs(n_nodes, directed=directed, n_first=n_first)
    weak = "Leave weak edges out, for example those below a threshold of the weight."
    if pairs == n_edges:
        every = (
            "Each node of one side is joined to each of the other"
            if n_first
            else "Every pair of nodes is joined"
        )
        raise DataError(
            f"{every} by an edge, so there is no missing link to find: the evaluation needs "
            f"{n_val + n_test:,} pairs of nodes without an edge, and the graph has 0.",
            where="split",
            mend=weak + (" Or read the file as one set of nodes." if n_first else ""),
        )
    if n_val + n_test > pairs - n_edges:
        smaller = _fitting_fractions(n_edges, pairs - n_edges, spec)
        raise DataError(
            f"The evaluation needs {n_val + n_test:,} pairs of nodes without an edge, and the graph has "
            f"{pairs - n_edges:,} (density {n_edges / pairs:.3f}).",
            where="split",
            mend=f"Set `val_fraction` to {smaller.val_fraction:g} and `test_fraction` to {smaller.test_fraction:g}, "
            "or leave weak edges out."
            if smaller
            else weak,
        )


def _fitting_fractions(n_edges: int, non_edges: int, spec: SplitSpec) -> SplitSpec | None:
    """Return fractions in the proportion of `spec`, to two places, for which non-edges suffice; None where none do."""
    factor = non_edges / sum(_held_out(n_edges, spec))
    val, test = (math.floor(100 * share * factor) / 100 for share in (spec.val_fraction, spec.test_fraction))
    least = next(f.metadata["low"] for f in dataclasses.fields(SplitSpec) if f.name == "test_fraction")
    for choice in ((val, max(test, least)), (0.0, max(test, least))):
        fitting = SplitSpec(val_fraction=choice[0], test_fraction=choice[1])
        if sum(_held_out(n_edges, fitting)) <= non_edges:
            return fitting
    return None


def _held_out(n_edges: int, spec: SplitSpec) -> tuple[int, int]:
    """Return how many edges are held out for validation and for testing; a part asked for gets one at least."""
    n_val = max(1, round(n_edges * spec.val_fraction)) if spec.val_fraction > 0 else 0
    return n_val, max(1, round(n_edges * spec.test_fraction))


def edge_weights(adjacency: sparse.csr_array, edges: np.ndarray) -> np.ndarray:
    """Return the weight of each of some edges of a graph, float64 (n_edges,).

    Parameters
    ----------
    adjacency : csr_array, shape (n_nodes, n_nodes)
        Canonical: columns sorted, none twice.
    edges : ndarray of int, shape (n_edges, 2)
        Each an entry of `adjacency`.
    """
    n = np.int64(adjacency.shape[0])
    keys = np.repeat(np.arange(n), np.diff(adjacency.indptr)) * n + adjacency.indices
    places = np.searchsorted(keys, edges[:, 0] * n + edges[:, 1])
    return np.asarray(adjacency.data[places], np.float64)


def weight_unit(weights: np.ndarray) -> float:
    """Return the unit in which weights of edges are learnt: the mean of the training edges'; 1 if that is 0."""
    return float(weights.mean()) or 1.0


def hard_non_edges(
    graph: GraphData, split: LinkSplit, rng: np.random.Generator, *, edges: int = 500, each: int = 50
) -> tuple[np.ndarray, np.ndarray]:
    """Return test edges and, for each, non-edges that are harder to tell from it than random ones.

    One end of the test edge is kept, in turn, and the other replaced by the end of a walk of two steps over the
    training edges: nodes with many shared neighbours come up most.  In a two-sided graph the walk has three steps, so
    that it ends on the other side.  Where such walks keep ending at neighbours, a random non-edge stands in, which in a
    dense graph may come more than once.

    Parameters
    ----------
    graph : GraphData
        The whole graph, so that no edge is taken for a non-edge.
    split : LinkSplit
    rng : numpy.random.Generator
    edges : int
        Test edges at most.
    each : int
        Non-edges for each of them, drawn with repeats.

    Returns
    -------
    chosen : ndarray of int64, shape (m,)
        Places in ``split.test``, sorted.
    pairs : ndarray of int64, shape (m, each, 2)

    References
    ----------
    Li et al. 2023, Evaluating Graph Neural Networks for Link Prediction: Current Pitfalls and New Benchmarking,
    arXiv:2306.10453 (negatives for each edge, corrupted at one end, chosen by heuristics).
    """
    n = graph.n_nodes
    chosen = np.sort(rng.permutation(len(split.test))[:edges])
    ends = np.concatenate([split.train, split.train[:, ::-1]])
    steps = sparse.csr_array((np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), shape=(n, n))
    degree = np.diff(steps.indptr)

    def walk(nodes: np.ndarray) -> np.ndarray:
        """Return a random neighbour of each node; a lonely node stays where it is."""
        many = degree[nodes]
        place = steps.indptr[nodes] + (rng.random(len(nodes)) * many).astype(np.int64)
        found = nodes.copy()
        found[many > 0] = steps.indices[place[many > 0]]
        return found

    pairs = np.repeat(split.test[chosen], each, axis=0)
    replaced = (1 - np.arange(len(pairs)) % each % 2).astype(np.int64)  # the second end, the first, …
    taken = codes(graph.edges, n, directed=graph.directed)  # in order, as edges are
    open_ = np.arange(len(pairs))
    for _ in range(10):
        row, column = open_, replaced[open_]
        reached = pairs[row, 1 - column]
        for _ in range(2 if graph.sides is None else 3):
            reached = walk(reached)
        pairs[row, column] = reached
        known = contains(taken, codes(pairs[open_], n, directed=graph.directed))
        open_ = open_[known | (pairs[open_, 0] == pairs[open_, 1])]
    pairs[open_] = sample_non_edges(graph, len(open_), rng, repeats=True)
    return chosen, pairs.reshape(len(chosen), each, 2)


def split_entries(graph: GraphData, spec: SplitSpec, seed: int) -> LinkSplit:
    """Return a random split of the entries of a matrix, with exact zeros for validation and test.

    Parameters
    ----------
    graph : GraphData
        Its features are the matrix; pairs of the split are (row, column).
    spec : SplitSpec
        Shares of the stored entries that are held out.
    seed : int

    Returns
    -------
    LinkSplit
        ``train``, ``val`` and ``test`` are entries other than 0, the others zeros.  A row keeps at
        least one entry, so that there is something to code it from.

    Raises
    ------
    DataError
        If the matrix has too few entries, or too few zeros to tell them from.
    """
    matrix = sparse.csr_array(graph.features, dtype=np.float32)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    n, width = matrix.shape
    counts = np.diff(matrix.indptr)
    rows = np.repeat(np.arange(n, dtype=np.int64), counts)
    entries = np.column_stack([rows, matrix.indices.astype(np.int64)])
    rng = np.random.default_rng([seed, 0xE27])
    order = rng.permutation(len(entries))
    # The entry drawn last in each row stays: it is never held out.
    last = np.zeros(len(entries), bool)
    last[order[len(order) - 1 - np.unique(rows[order][::-1], return_index=True)[1]]] = True
    free = order[~last[order]]
    n_val, n_test = round(spec.val_fraction * len(entries)), max(1, round(spec.test_fraction * len(entries)))
    if n_val + n_test > len(free):
        raise DataError(
            f"{n_val + n_test} entries are to be held out, but only {len(free)} can be: each row keeps one.",
            where="split",
            mend="Lower the held-out fractions.",
        )
    check_zeros((n, width), len(entries), spec)
    zeros = n * width - len(entries)
    chosen = distinct(zeros, n_val + n_test, rng)
    taken = np.sort(entries[:, 0] * width + entries[:, 1])
    chosen += np.searchsorted(taken - np.arange(len(taken)), chosen, side="right")
    negatives = np.column_stack(np.divmod(chosen, width)).astype(np.int64)
    test, val = free[:n_test], free[n_test : n_test + n_val]
    held = np.zeros(len(entries), bool)
    held[test] = held[val] = True
    return LinkSplit(
        train=entries[~held],
        val=entries[val],
        val_neg=negatives[:n_val],
        test=entries[test],
        test_neg=negatives[n_val:],
    )


def check_zeros(shape: tuple[int, int], n_entries: int, spec: SplitSpec) -> None:
    """Raise DataError if a matrix has too few zeros to tell its held-out entries from.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    n_entries : int
        Values other than 0.
    spec : SplitSpec
        Shares of the entries that are held out.
    """
    needed = round(spec.val_fraction * n_entries) + max(1, round(spec.test_fraction * n_entries))
    zeros = shape[0] * shape[1] - n_entries
    if needed > zeros:
        raise DataError(
            f"The evaluation needs {needed:,} zeros to tell entries from, but the matrix has {zeros:,}.",
            where="split",
            mend="A matrix auto-encoder here is for sparse matrices: hand in counts, clicks or words, "
            "or lower the held-out fractions.",
        )


def check_split(graph: GraphData, spec: RunSpec) -> None:
    """Raise DataError if a run's held-out edges or entries could not be drawn; cheap enough for a form.

    Parameters
    ----------
    graph : GraphData
    spec : RunSpec
    """
    profile = graph.profile
    if spec.model.family == "vae":
        check_zeros((profile.n_nodes, profile.n_features), profile.feature_nnz, spec.split)
    else:
        check_edges(
            profile.n_nodes, profile.n_edges, spec.split, directed=profile.directed, n_first=profile.n_first
        )
        if (
            profile.directed and profile.n_edges <= _FEW_ARCS
        ):  # as few may be both directions of too few pairs
            split_links(graph, spec.split, spec.seed)


def without_entries(features: Features, entries: np.ndarray) -> sparse.csr_array:
    """Return the matrix, sparse float32, with the given entries (row, column) left out.

    Parameters
    ----------
    features : csr_array or ndarray, shape (n_rows, n_columns)
    entries : ndarray of int64, shape (n_entries, 2)
    """
    matrix = sparse.csr_array(features, dtype=np.float32, copy=True)
    matrix.sum_duplicates()
    width = matrix.shape[1]
    rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))
    matrix.data[np.isin(rows * width + matrix.indices, entries[:, 0] * width + entries[:, 1])] = 0
    matrix.eliminate_zeros()
    return matrix


def _entry_codes(features: Features) -> np.ndarray:
    """Return ``row * n_columns + column`` of every entry other than 0, int64, sorted."""
    matrix = sparse.coo_array(features)
    there = matrix.data != 0
    return np.unique(matrix.row[there].astype(np.int64) * matrix.shape[1] + matrix.col[there])


def save_split(path: Path | str, split: LinkSplit) -> None:
    """Write `split` as an npz of its five int64 arrays, atomically.

    Parameters
    ----------
    path : Path or str
    split : LinkSplit

    Raises
    ------
    OSError
        If the file cannot be written; an older file then stays as it was.
    """
    save_npz(Path(path), {name: getattr(split, name) for name in PARTS}, compress=True)


def load_split(path: Path | str) -> LinkSplit:
    """Return the split in an npz file; call :meth:`LinkSplit.check` before using it.

    Parameters
    ----------
    path : Path or str
        As written by :func:`save_split`; any integer type is accepted.

    Returns
    -------
    LinkSplit

    Raises
    ------
    DataError
        If the file is not such an npz.
    """
    where = Path(path).name
    arrays = load_npz(Path(path), keys=PARTS, where=where)
    for name, pairs in arrays.items():
        if pairs.dtype.kind not in "iu" or pairs.ndim != 2 or pairs.shape[1] != 2:
            raise DataError(
                f"`{name}` must be an int64 array of shape (pairs, 2). "
                f"Received: {pairs.dtype} of shape {pairs.shape}.",
                where=where,
            )
    return LinkSplit(**{name: pairs.astype(np.int64) for name, pairs in arrays.items()})


def _listed(pairs: np.ndarray, n: int, *, directed: bool) -> sparse.csr_array:
    """Return a 1 for each pair, above the diagonal unless `directed`; float32 (n, n), canonical."""
    small = np.int32 if max(n, len(pairs)) <= np.iinfo(np.int32).max else np.int64
    first, second = pairs.T
    if not directed:
        first, second = np.minimum(first, second), np.maximum(first, second)
    ends = first.astype(small), second.astype(small)
    return sparse.csr_array((np.ones(len(pairs), np.float32), ends), shape=(n, n))


def _assign(
    edges: np.ndarray, n: int, n_val: int, n_test: int, *, directed: bool, rng: np.random.Generator
) -> np.ndarray:
    """Return the part of each edge (0 train, 1 validation, 2 test); int8, shape (n_edges,)."""
    m = len(edges)
    if not directed:
        part = np.zeros(m, dtype=np.int8)
        order = rng.permutation(m)[: n_val + n_test]
        part[order[:n_val]] = 1
        part[order[n_val:]] = 2
        return part
    _, unit, size = np.unique(codes(edges, n, directed=False), return_inverse=True, return_counts=True)
    order = rng.permutation(len(size))
    before = np.cumsum(size[order]) - size[order]  # arcs dealt before each pair of nodes
    of_unit = np.zeros(len(size), dtype=np.int8)
    in_val = before < n_val
    of_unit[order[in_val]] = 1
    of_unit[order[~in_val & (before < size[order][in_val].sum() + n_test)]] = 2
    return of_unit[unit]


LABEL_TRAIN, LABEL_VAL, LABEL_TEST, LABEL_NONE = 0, 1, 2, -1
"""What :func:`label_parts` gives a node."""


def label_parts(graph: GraphData, split: SplitSpec, seed: int) -> np.ndarray | None:
    """Return the part of each node's label, int8 (n_nodes,), drawn class by class."""
    if graph.labels is None:
        return None
    rng = np.random.default_rng([seed, 0x1ABE1])
    part = np.full(graph.n_nodes, LABEL_NONE, np.int8)
    for label in np.unique(graph.labels[graph.labels >= 0]):
        members = rng.permutation(np.flatnonzero(graph.labels == label))
        n_val, n_test = round(len(members) * split.val_fraction), round(len(members) * split.test_fraction)
        part[members[:n_val]] = LABEL_VAL
        part[members[n_val : n_val + n_test]] = LABEL_TEST
        part[members[n_val + n_test :]] = LABEL_TRAIN
    return part
