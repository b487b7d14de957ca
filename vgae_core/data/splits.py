"""Held-out edges and non-edges, drawn before anything sees the graph.

Every later number rests on these arrays: the encoder sees :meth:`LinkSplit.message`
and nothing else of the graph, the validation pairs choose the best epoch, the test
pairs are scored once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from vgae_core.catalogue.families import FAMILIES
from vgae_core.data.blocks import row_blocks
from vgae_core.data.dataset import Features, GraphData
from vgae_core.data.node_pairs import within_a_side
from vgae_core.data.non_edges import codes, contains
from vgae_core.data.npz import load_npz, save_npz
from vgae_core.errors import DataError

_MESSAGE_BLOCK = 2**19
"""Rows whose edges are looked up at a time, in bytes of one number each."""

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
            Of the model, a key of :data:`FAMILIES`: pairs of a ``"vae"`` are entries (row, column) of the features.

        Raises
        ------
        DataError
            If there is nothing to train on or to test, validation edges and non-edges are not as many, a pair names a
            node the graph lacks, an edge is listed twice or in two parts, a listed edge is not one, or a negative pair
            is an edge, or joins nodes of one side; and the same of entries.
        """
        words, matrix = FAMILIES[family].words, not FAMILIES[family].links_nodes
        if matrix and graph.features is None:
            raise DataError("The data have no matrix from which entries could be held out.", where="split")
        edge, whole = words.one, words.data
        shape = graph.features.shape if matrix and graph.features is not None else graph.adjacency.shape
        mend = f"Use a split made for this {whole} with the same repairs."
        for name in PARTS:
            pairs = getattr(self, name)
            for axis, what in enumerate((words.node, words.end)):
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
                raise DataError(f"`{name}` must hold at least one pair.", where="split", mend=mend)
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
        for names, are_edges in ((("train", "val", "test"), True), (("val_neg", "test_neg"), False)):
            parts = [codes(getattr(self, name), width, directed=directed) for name in names]
            together = np.concatenate(parts)
            if len(np.unique(together)) != len(together):
                arcs = np.concatenate([codes(getattr(self, name), width, directed=True) for name in names])
                if are_edges and not directed and len(np.unique(arcs)) == len(arcs):
                    raise DataError(
                        f"Pairs in {', '.join(names)} are listed in both directions, but this graph is undirected: the "
                        "split was made for a directed graph, or for a matrix.",
                        where="split",
                        mend=mend,
                    )
                raise DataError(
                    f"A pair is listed twice in {', '.join(names)}.",
                    where="split",
                    mend=f"A held-out {edge} must be in one part only.",
                )
            for name, code in zip(names, parts, strict=True):
                wrong = int(np.count_nonzero(contains(edges, code) != are_edges))
                if wrong:
                    what = f"are not {words.many}" if are_edges else f"are {words.many}"
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
        if matrix:
            parts = [codes(getattr(self, name), width, directed=True) for name in ("train", "val", "test")]
            rest = edges[~contains(np.sort(np.concatenate(parts)), edges)] // width
            # What held-out rows keep is encoded and in no part.
            new = np.setdiff1d(np.concatenate([self.val[:, 0], self.test[:, 0]]), self.train[:, 0])
            if left_out := int(np.count_nonzero(~np.isin(rest, new))):
                raise DataError(
                    f"{left_out:,} entries of this matrix are in no part of the split.",
                    where="split",
                    mend=mend,
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
            common = message[rows].multiply(graph.adjacency[rows])
            place = slice(message.indptr[rows.start], message.indptr[rows.stop])
            missing += place.stop - place.start - common.nnz
            if not missing:
                message.data[place] = common.tocsr().data
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

    def normalised(self) -> sparse.csr_array | None:
        """Return the propagation matrix of the training edges where it was made before; None here."""
        return None


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
