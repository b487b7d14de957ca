"""Dataset types: what was read, what is trained on, and its size at a glance."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from scipy import sparse

from vgae_core.data.blocks import aligned, row_blocks
from vgae_core.data.scaling import ColumnScaling, column_scaling, describe_columns
from vgae_core.errors import DataError
from vgae_core.settings import FileSpec

Features: TypeAlias = Any
"""Node features, shape (n_nodes, n_features), float32: a csr_array or an ndarray, which may be a mapped file
(``np.load(path, mmap_mode="r")``)."""

MAX_PARTS = 200
"""Parts of a file that are told one by one."""

_TITLES = {"header": "Header row", "role": "Contents", "sides": "Sets of nodes"}


@dataclass(frozen=True)
class Finding:
    """One thing noticed while reading, told to the user and never silently repaired.

    ``level`` is ``"info"``, ``"choice"`` (a repair decides) or ``"warning"``.
    """

    code: str
    level: Literal["info", "choice", "warning"]
    message: str
    count: int = 0
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """A part of a file (a column, a variable, an attribute) and its use.

    ``use`` and ``uses`` (what it could be used for) are keys of :data:`vgae_core.catalogue.uses.USES`;
    ``about`` says what it looks like.
    """

    name: str
    use: str
    about: str = ""
    uses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choice:
    """Another way to read a file, and the settings of it that ask for it.

    ``changes`` maps keys of :class:`~vgae_core.settings.FileSpec` to values, written as the command line
    takes them: ``{"header": "no"}``, ``{"uses.3": "weight"}``.
    """

    title: str
    changes: Mapping[str, str]


@dataclass(frozen=True)
class Judgement:
    """One thing a reader decided about a file, with its evidence and what it might be instead.

    Parameters
    ----------
    about : str
        What was decided: ``"header"``, ``"columns"``, ``"weight"``, ``"relation"``, ``"sides"``, ….
    text : str
        The decision and its evidence, one sentence.
    sure : bool
        Whether the evidence suffices to go on without asking.
    others : tuple of Choice
        The other readings.
    accept : mapping of str to str
        The settings that confirm the decision, as in :class:`Choice`: the reader then asks no more.
    """

    about: str
    text: str
    sure: bool = True
    others: tuple[Choice, ...] = ()
    accept: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What was decided, as a heading."""
        return _TITLES.get(self.about, self.about.replace("_", " ").capitalize())


@dataclass(frozen=True, kw_only=True)
class FileReport:
    """What one file was taken for.

    Parameters
    ----------
    how : FileSpec
        How it is read: its name, its role (found out if not said), and what the user said.
    format : str
        Title of the format; empty if it is left out.
    separator, header : str
        Of a text: as in FileSpec, found out if not said; otherwise empty.
    parts : tuple of Part
        At most :data:`MAX_PARTS`, features last.
    n_parts : int
        How many there are.
    rows : tuple of tuple of str
        The first rows of a text table.
    problem : str
        Why it cannot be read, if a look was enough to see that.
    judgements : tuple of Judgement
        What was decided about it, with the evidence.
    sentences : tuple of str
        The first edges or rows in words: ``"pandas — numpy"``.
    """

    how: FileSpec
    format: str = ""
    separator: str = ""
    header: str = ""
    parts: tuple[Part, ...] = ()
    n_parts: int = 0
    rows: tuple[tuple[str, ...], ...] = ()
    problem: str = ""
    judgements: tuple[Judgement, ...] = ()
    sentences: tuple[str, ...] = ()

    @property
    def questions(self) -> tuple[Judgement, ...]:
        """What the reader is not sure of, and somebody should decide."""
        return tuple(judgement for judgement in self.judgements if not judgement.sure)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {**dataclasses.asdict(self), "how": self.how.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FileReport:
        """Return what :meth:`to_dict` gave; raise TypeError, ValueError or SpecError if it is not that."""
        parts = tuple(Part(**{**part, "uses": tuple(part["uses"])}) for part in values["parts"])
        rows = tuple(tuple(map(str, row)) for row in values["rows"])
        judgements = tuple(
            Judgement(**{**one, "others": tuple(Choice(**other) for other in one["others"])})
            for one in values.get("judgements", ())
        )
        return cls(**{
            **values, "how": FileSpec.from_dict(values["how"]), "parts": parts, "rows": rows,
            "judgements": judgements, "sentences": tuple(map(str, values.get("sentences", ()))),
        })  # fmt: skip


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
                "A two-sided graph has no directions: each edge joins both sides, whichever is named first.",
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
        return self.features is not None and self.adjacency.nnz == 0

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
                    digest.update(np.ascontiguousarray(getattr(array, part), dtype=kind).data)
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


def count_pairs(n_nodes: int, *, directed: bool = False, n_first: int = 0) -> int:
    """Return how many pairs of different nodes may be edges: ordered pairs if `directed`.

    With `n_first` nodes on side 0, only the pairs of a two-sided graph that join both sides.
    """
    if n_first:
        return n_first * (n_nodes - n_first)
    return n_nodes * (n_nodes - 1) // (1 if directed else 2)


def count_first(sides: np.ndarray | None) -> int:
    """Return how many nodes are on side 0; 0 without sides."""
    return 0 if sides is None else int(np.count_nonzero(sides == 0))


def describe_sides(sides: np.ndarray, names: tuple[str, ...]) -> str:
    """Return how many nodes a two-sided graph has on each side, in words."""
    n_first = count_first(sides)
    first, second = (f" ({name})" for name in names) if names else ("", "")
    return f"Two-sided graph: {n_first:,} nodes{first} on one side, {len(sides) - n_first:,}{second} on the other"


def within_a_side(sides: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return which pairs are of two nodes of one side, bool; a node with itself is no such pair."""
    return (sides[first] == sides[second]) & (first != second)


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
