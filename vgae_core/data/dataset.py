"""Dataset types: what was read, what is trained on, and its size at a glance."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from vgae_core.catalogue.families import FAMILIES, Words
from vgae_core.data.blocks import aligned, row_blocks
from vgae_core.data.findings import FileReport, Finding
from vgae_core.data.node_pairs import count_first, count_pairs, within_a_side
from vgae_core.data.scaling import ColumnScaling, column_scaling, describe_columns
from vgae_core.errors import DataError

Features: TypeAlias = Any
"""Node features, shape (n_nodes, n_features), float32: a csr_array or an ndarray, which may be a mapped file
(``np.load(path, mmap_mode="r")``)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RawGraph:
    """A graph exactly as its files say, before any repair.

    Parameters
    ----------
    name : str
        Name shown to the user.
    rows, cols : ndarray of int64, shape (n_entries,)
        Source and target of every entry read, duplicates and self-loops included.
        For a symmetric file format only the stored triangle.
    weights : ndarray of float32, shape (n_entries,), or None
        NaN where an entry's weight is missing; None where the files give no weights.
    node_ids : ndarray of int64 or of str objects, shape (n_nodes,)
    features : csr_array or ndarray of float32, shape (n_nodes, n_features), or None
        NaN where a value is missing.
    feature_names : tuple of str
        Empty where the files name none.
    labels : ndarray of int32, shape (n_nodes,), or None
        Class of each node, -1 where unknown.
    label_names : tuple of str
        Name of each class.
    values : mapping of str to ndarray of float32, shape (n_nodes,)
        Numeric node attributes, for colouring only.
    directed : bool
        Whether the file format or the entries themselves tell directions apart.
    format : str
        Format of the adjacency file, e.g. ``"edge list (CSV)"``.
    findings : tuple of Finding
        What the readers noticed.
    symmetric : bool
        Whether the file format itself says that every entry stands for both directions.
    relations : ndarray of int32, shape (n_entries,), or None
        Kind of each entry, an index into `relation_names`; None where the files name none.
    relation_names : tuple of str
    files : tuple of FileReport
        What each file was taken for; empty for a sample.
    sides : ndarray of int8, shape (n_nodes,), or None
        The side of each node, 0 or 1, of a two-sided graph (users and items): every entry of two different nodes
        joins one of each. None for a graph of one set of nodes.
    side_names : tuple of str
        What nodes of side 0 and of side 1 are called, ``("user", "item")``; empty where the files do not say.
    """

    name: str
    rows: np.ndarray
    cols: np.ndarray
    weights: np.ndarray | None
    node_ids: np.ndarray
    directed: bool
    format: str
    features: Features | None = None
    feature_names: tuple[str, ...] = ()
    labels: np.ndarray | None = None
    label_names: tuple[str, ...] = ()
    values: Mapping[str, np.ndarray] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    symmetric: bool = False
    relations: np.ndarray | None = None
    relation_names: tuple[str, ...] = ()
    files: tuple[FileReport, ...] = ()
    sides: np.ndarray | None = None
    side_names: tuple[str, ...] = ()

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.node_ids)

    @property
    def is_matrix(self) -> bool:
        """Whether the data are a matrix of rows x columns: features without a single edge."""
        return self.features is not None and not len(self.rows)


@dataclass(frozen=True)
class Profile:
    """The sizes of a data set that forms, estimates and model building need (JSON both ways)."""

    n_nodes: int
    n_edges: int
    n_features: int
    feature_nnz: int
    feature_kind: str | None
    sparse_features: bool
    n_classes: int
    directed: bool
    weighted: bool
    own_units: bool = False
    """Whether a column of the features holds neither zeros and ones nor counts, but values to be scaled."""
    n_first: int = 0
    """Nodes of side 0 of a two-sided graph; 0 for any other."""

    @property
    def n_pairs(self) -> int:
        """How many pairs of nodes may be edges, see :func:`count_pairs`."""
        return count_pairs(self.n_nodes, directed=self.directed, n_first=self.n_first)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, eq=False, kw_only=True)
class GraphData:
    """A graph ready to be split and trained on.

    Parameters
    ----------
    adjacency : csr_array of float32, shape (n_nodes, n_nodes)
        Canonical (sorted indices, no duplicates, no explicit zeros); symmetric unless
        `directed`.
    node_ids, features, feature_names, labels, label_names, values
        As in :class:`RawGraph`, for the nodes kept.
    relations : ndarray of int32, shape (adjacency.nnz,), or None
        Kind of each entry of `adjacency`, an index into `relation_names`: the first that was read.
    relation_names : tuple of str
    sides, side_names
        As in :class:`RawGraph`; a two-sided graph has no directions.

    Raises
    ------
    DataError
        If shapes disagree or values are not finite, or an edge of a two-sided graph joins nodes of one side.
    """

    name: str
    adjacency: sparse.csr_array
    node_ids: np.ndarray
    directed: bool = False
    features: Features | None = None
    feature_names: tuple[str, ...] = ()
    labels: np.ndarray | None = None
    label_names: tuple[str, ...] = ()
    values: Mapping[str, np.ndarray] = field(default_factory=dict)
    relations: np.ndarray | None = None
    relation_names: tuple[str, ...] = ()
    sides: np.ndarray | None = None
    side_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = self.adjacency.shape[0]
        if self.adjacency.shape != (n, n):
            raise DataError(
                f"An adjacency must be square. Received: {n} x {self.adjacency.shape[1]}.",
                mend="Upload a square matrix, or an edge list.",
            )
        for what, array in (
            ("node_ids", self.node_ids),
            ("features", self.features),
            ("labels", self.labels),
            ("sides", self.sides),
        ):
            if array is not None and array.shape[0] != n:
                raise DataError(f"`{what}` must have one row per node ({n}). Received: {array.shape[0]}.")
        if self.relations is not None and len(self.relations) != self.adjacency.nnz:
            raise DataError(
                f"`relations` must have one value per entry ({self.adjacency.nnz}). "
                f"Received: {len(self.relations)}."
            )
        if self.sides is not None:
            self._check_sides(self.sides)
        if isinstance(self.features, np.ndarray) and not isinstance(self.features, np.memmap):
            # So that training shares them instead of copying; a mapped file must stay one.
            object.__setattr__(self, "features", aligned(self.features))

    def _check_sides(self, sides: np.ndarray) -> None:
        if sides.dtype != np.int8 or sides.ndim != 1 or np.unique(sides).tolist() != [0, 1]:
            raise DataError("`sides` must hold 0 or 1 for each node, as int8, and both must occur.")
        if self.directed:
            raise DataError(
                "A two-sided graph has no directions: each edge joins both sides, in either order.",
                where="direction",
                mend="Set the repair `direction` to `undirected`, or read the file as one set of nodes.",
            )
        within = within_a_side(sides, *self.edges.T)
        if within.any():
            raise DataError(
                f"{int(within.sum()):,} edges join two nodes of one side of this two-sided graph.",
                where="sides",
                mend="Remove these edges, or read the file as one set of nodes.",
            )

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return int(self.adjacency.shape[0])

    @property
    def is_matrix(self) -> bool:
        """Whether the data are a matrix of rows x columns: features without a single edge."""
        return self.features is not None and not self.has_edges

    @property
    def has_edges(self) -> bool:
        """Whether there are edges: degrees, neighbours, communities."""
        return bool(self.adjacency.nnz)

    @property
    def families(self) -> tuple[str, ...]:
        """The families of models that can learn from the data; the first is the one they ask for."""
        given = {"edges": not self.is_matrix, "features": self.features is not None}
        return tuple(name for name, entry in FAMILIES.items() if given[entry.needs])

    @property
    def words(self) -> Words:
        """What the parts of the data are called: nodes and edges, or rows and entries."""
        return FAMILIES[self.families[0]].words

    @property
    def sizes(self) -> tuple[str, str]:
        """How many nodes and edges there are, or rows and columns, in words."""
        if self.is_matrix:
            return f"{self.n_nodes:,} rows", f"{self.profile.n_features:,} columns"
        return f"{self.n_nodes:,} nodes", f"{self.profile.n_edges:,} {'arcs' if self.directed else 'edges'}"

    @property
    def n_pairs(self) -> int:
        """How many pairs of nodes may be edges, see :func:`count_pairs`."""
        return count_pairs(self.n_nodes, directed=self.directed, n_first=count_first(self.sides))

    @functools.cached_property
    def edges(self) -> np.ndarray:
        """Every edge once, int64, shape (n_edges, 2): i < j, or all arcs i != j if directed."""
        ends, columns = self.adjacency.indptr, self.adjacency.indices
        parts = []
        for rows, first in row_blocks(np.arange(self.n_nodes)):
            row = np.repeat(first, np.diff(ends[rows.start : rows.stop + 1])).astype(columns.dtype)
            column = columns[ends[rows.start] : ends[rows.stop]]
            keep = row != column if self.directed else row < column
            parts.append(np.column_stack([row[keep], column[keep]]))
        return np.concatenate(parts, dtype=np.int64)

    @functools.cached_property
    def profile(self) -> Profile:
        """Sizes and kinds of values."""
        x = self.features
        nnz = 0
        if x is not None:
            nnz = (
                x.nnz if sparse.issparse(x) else sum(int(np.count_nonzero(rows)) for _, rows in row_blocks(x))
            )
        weights = self.adjacency.data
        kind = None if x is None else value_kind(x)
        return Profile(
            n_nodes=self.n_nodes,
            n_edges=len(self.edges),
            n_features=0 if x is None else int(x.shape[1]),
            feature_nnz=int(nnz),
            feature_kind=kind,
            sparse_features=x is not None and sparse.issparse(x),
            n_classes=0 if self.labels is None else len(self.label_names),
            directed=self.directed,
            weighted=bool(weights.size) and bool(np.any(weights != 1)),
            own_units=kind not in (None, "binary") and self.scaling.changes,
            n_first=count_first(self.sides),
        )

    @functools.cached_property
    def scaling(self) -> ColumnScaling:
        """How the columns of the features are scaled for a network (:func:`vgae_core.data.scaling.column_scaling`)."""
        return column_scaling(describe_columns(self.features))

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the content: same data, same fingerprint, on any machine."""
        digest = hashlib.sha256()

        def add(tag: str, array: np.ndarray | sparse.csr_array | None) -> None:
            digest.update(f"|{tag}:".encode())
            if array is None:
                return
            if sparse.issparse(array):
                for part in ("indptr", "indices", "data"):
                    kind = np.float32 if part == "data" else np.int64
                    for _, values in row_blocks(getattr(array, part)):
                        digest.update(np.ascontiguousarray(values, dtype=kind).data)
                return
            if array.dtype == object or array.dtype.kind in "UT":
                for text in array:
                    raw = str(text).encode("utf-8", "surrogatepass")
                    digest.update(len(raw).to_bytes(4, "little") + raw)
                return
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            for _, rows in row_blocks(array):
                digest.update(np.ascontiguousarray(rows).data)

        digest.update(f"{self.name}|{self.directed}|{self.n_nodes}".encode())
        add("adjacency", self.adjacency)
        add("node_ids", self.node_ids)
        add("features", self.features)
        add("labels", self.labels)
        add("feature_names", np.array(self.feature_names, dtype=object))
        add("label_names", np.array(self.label_names, dtype=object))
        if self.relations is not None:
            add("relations", self.relations)
            add("relation_names", np.array(self.relation_names, dtype=object))
        if self.sides is not None:
            add("sides", self.sides)
            add("side_names", np.array(self.side_names, dtype=object))
        for key in sorted(self.values):
            add(f"values.{key}", self.values[key])
        return digest.hexdigest()


def filled(matrix: Features) -> tuple[np.ndarray, np.ndarray]:
    """Return how many values other than 0 each row and each column holds; int64 (n_rows,) and (n_columns,)."""
    if not sparse.issparse(matrix):
        present = np.asarray(matrix) != 0
        return np.count_nonzero(present, axis=1), np.count_nonzero(present, axis=0)
    present = matrix.data != 0
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))[present]
    return (
        np.bincount(rows, minlength=matrix.shape[0]),
        np.bincount(matrix.indices[present], minlength=matrix.shape[1]),
    )


def value_kind(matrix: Features) -> str:
    """Return the narrowest kind of :data:`vgae_core.catalogue.values.MATRIX_KINDS` that holds every value present."""
    binary = whole = True
    for _, block in row_blocks(matrix.data if sparse.issparse(matrix) else np.asarray(matrix)):
        if block.dtype.kind == "f" and np.isnan(block.min(initial=0)):
            block = block[~np.isnan(block)]
        binary = binary and bool(np.all((block == 0) | (block == 1)))
        if not binary:  # blocks before hold zeros and ones, which are whole and not negative
            if block.min(initial=0) < 0:
                return "real"
            whole = whole and bool(np.all(block == np.floor(block)))
    return "binary" if binary else "count" if whole else "non-negative"
