"""What every reader shares: the file being read, what a file yields, and the shape of a format."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from vgae_core.data.dataset import Features
from vgae_core.data.findings import Finding, Judgement, Part
from vgae_core.data.readers.source import SourceFile as SourceFile
from vgae_core.errors import DataError
from vgae_core.host.limits import Limits
from vgae_core.settings import FileSpec

Content = Literal["edges", "features", "labels", "names"]
ONCE = {
    "edges",
    "source",
    "target",
    "targets",
    "weight",
    "id",
    "name",
    "label",
    "side",
    "feature_name",
    "feature_value",
}
"""Uses that only one part of a file can have."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
"""Control characters, marks that turn the direction of writing, and halves of characters."""
N_EXAMPLES = 5
"""How many examples a finding or a message shows."""
HEAD = 65_536
"""Bytes that a probe has of the beginning of its file."""


def head_of(path: Path) -> bytes:
    """Return the beginning of a file, of :data:`HEAD` bytes at most."""
    with open(path, "rb") as stream:
        return stream.read(HEAD)


@dataclass(frozen=True)
class Probe:
    """A file as formats see it: decompressed, its beginning at hand, bounded by limits.

    Parameters
    ----------
    name : str
        Name shown in messages.
    stem : str
        Lower-case name without ``.gz``.
    path : Path
        Where the decompressed bytes are.
    head : bytes
        The first :data:`HEAD` bytes.
    limits : Limits
    how : FileSpec
        What the user says about it.
    memo : dict
        What formats found out about the file and need again.
    encoding : str
        What a text was written in; what is at `path` is UTF-8.
    """

    name: str
    stem: str
    path: Path
    head: bytes
    limits: Limits
    how: FileSpec = field(default_factory=FileSpec)
    memo: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)
    encoding: str = "utf-8"

    def moved_to(self, path: Path, **changes: Any) -> Probe:
        """Return the probe of the same file once it has been rewritten at `path`; `changes` are other fields."""
        return dataclasses.replace(self, path=path, head=head_of(path), **changes)

    def error(self, message: str, *, line: int | None = None, column: str = "", mend: str = "") -> DataError:
        """Return a DataError that names the file and, if known, the line and the column."""
        where = self.name + (f", line {line}" if line else "") + (f", column {column}" if column else "")
        return DataError(message, where=where, mend=mend)

    def said(self, names: Sequence[str], uses: Sequence[str]) -> dict[int, str]:
        """Return the uses the user gave, by the position of the part.

        Parameters
        ----------
        names : sequence of str
            What the parts of the file are called.
        uses : sequence of str
            What they can be used for.

        Raises
        ------
        DataError
            If no part is called so, or it cannot be used for that.
        """
        said: dict[int, str] = {}
        for name, use in self.how.uses.items():
            if use not in uses:
                raise self.error(
                    f"{shorten(name)!r} cannot be used as {use!r} here.",
                    mend=f"Choose one of: {', '.join(uses)}.",
                )
            if name not in names:
                raise self.error(
                    f"It has no part called {shorten(name)!r}.",
                    mend=f"It has: {', '.join(examples(names))}{'…' if len(names) > N_EXAMPLES else ''}.",
                )
            said[list(names).index(name)] = use
        for use in ONCE.intersection(said.values()):
            parts = [shorten(names[i]) for i, other in said.items() if other == use]
            if len(parts) > 1:
                raise self.error(
                    f"Two parts have the use `{use}`: {', '.join(parts)}.", mend="Choose one of them."
                )
        return said

    def said_of(self, names: Sequence[str], uses: Sequence[str]) -> dict[str, str]:
        """Return the same as :meth:`said`, by name."""
        return {names[i]: use for i, use in self.said(names, uses).items()}

    @property
    def as_matrix(self) -> bool:
        """Whether the user wants the edges in it as a matrix: rows on one side, columns on the other."""
        return self.how.role == "features" and self.how.sides == "two"

    @functools.cached_property
    def is_text(self) -> bool:
        """Whether the beginning looks like text."""
        return b"\0" not in self.head or self.head[:2] in (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, eq=False, kw_only=True)
class NodeTable:
    """What a file says about nodes, before it is matched to the graph.

    Parameters
    ----------
    where : str
        Name of the file.
    ids : ndarray of str objects or of integers, shape (n_rows,), or None
        Node of each row, each once; None if row i is simply the i-th node.
    features : csr_array or ndarray of float32, shape (n_rows, n_features), or None
    feature_names : tuple of str
    classes : ndarray of int32, shape (n_rows,), or None
        Index into `class_names`, -1 where unknown.
    class_names : tuple of str
    values : mapping of str to ndarray of float32, shape (n_rows,)
        Numeric attributes; NaN where unknown.
    first_row : int or None
        The node of the first row of a table without ids, if the user says.
    names : ndarray of str objects, shape (n_rows,), or None
        What nodes are called besides their ids; empty where unknown.
    parts : tuple of Part
        What each part of the file was used for.
    findings : tuple of Finding
    """

    where: str
    n_rows: int
    ids: np.ndarray | None = None
    features: Features | None = None
    feature_names: tuple[str, ...] = ()
    classes: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    values: dict[str, np.ndarray] = field(default_factory=dict)
    first_row: int | None = None
    names: np.ndarray | None = None
    parts: tuple[Part, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Edges:
    """The adjacency part of a file.

    Parameters
    ----------
    rows, cols : ndarray of int64, shape (n_entries,)
        Positions in `node_ids`.
    weights : ndarray of float32, shape (n_entries,), or None
    node_ids : ndarray of int64 or of str objects, shape (n_nodes,)
    directed : bool or None
        None if only the entries can tell.
    symmetric : bool
        Whether the format says that every entry stands for both directions.
    format : str
        Title of the format, for the user.
    tables : tuple of NodeTable
        What the same file says about nodes.
    parts : tuple of Part
        What each part of the file was used for.
    relations : ndarray of int32, shape (n_entries,), or None
        Kind of each entry, an index into `relation_names`.
    relation_names : tuple of str
    findings : tuple of Finding
    sides : ndarray of int8, shape (n_nodes,), or None
        The side of each node, 0 or 1, of a two-sided graph.
    side_names : tuple of str
        What the nodes of both sides are called; empty if the file does not say.
    """

    rows: np.ndarray
    cols: np.ndarray
    weights: np.ndarray | None
    node_ids: np.ndarray
    format: str
    directed: bool | None = None
    symmetric: bool = False
    tables: tuple[NodeTable, ...] = ()
    parts: tuple[Part, ...] = ()
    relations: np.ndarray | None = None
    relation_names: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    sides: np.ndarray | None = None
    side_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Format:
    """One file format; adding one is a module with a `Format` and a line in the registry.

    Parameters
    ----------
    key, title : str
    suffixes : tuple of str
        Usual endings, for the upload form; content decides, not the name.
    recognise : callable
        ``recognise(probe) -> bool``: is the content of this format? Cheap; reads the head.
    guess : callable
        ``guess(probe) -> Content``: what the file holds if the user does not say.
    edges : callable or None
        ``edges(probe) -> Edges``.
    table : callable or None
        ``table(probe, content, node_ids) -> NodeTable``, content being features, labels or names.
    judge : callable or None
        ``judge(probe, content) -> (judgements, sentences)``: what was decided about the file and why, and its
        first edges or rows in words; told from its beginning or its headers.
    parts : callable or None
        ``parts(probe, content) -> parts``, for a file of several parts: what each would be used
        for, told from its beginning or its headers.
    gather : callable or None
        ``gather(probes) -> probes``, for a format of several files: those that belong
        together become one probe, whose memo holds them.
    """

    key: str
    title: str
    suffixes: tuple[str, ...]
    recognise: Callable[[Probe], bool]
    guess: Callable[[Probe], Content]
    edges: Callable[[Probe], Edges] | None = None
    table: Callable[[Probe, Content, np.ndarray], NodeTable] | None = None
    parts: Callable[[Probe, Content], tuple[Part, ...]] | None = None
    gather: Callable[[Sequence[Probe]], list[Probe]] | None = None
    judge: Callable[[Probe, Content], tuple[tuple[Judgement, ...], tuple[str, ...]]] | None = None


def examples(values: object) -> tuple[str, ...]:
    """Return the first few values as text, shortened to what a message can carry."""
    return tuple(shorten(str(value)) for value in list(values)[:N_EXAMPLES])  # type: ignore[call-overload]


def shorten(text: str, length: int = 60) -> str:
    """Return the text on one line, cut to `length` characters, without what a terminal would obey."""
    text = " ".join(_CONTROL.sub(" ", text).split())
    return text if len(text) <= length else text[: length - 1] + "…"


def object_array(texts: object) -> np.ndarray:
    """Return a one-dimensional object array of the texts."""
    if isinstance(texts, pd.Series | pd.Index):
        return np.array(texts.to_numpy(dtype=object))
    listed = list(texts)  # type: ignore[call-overload]
    array = np.empty(len(listed), dtype=object)
    array[:] = listed
    return array


def whole_numbers(texts: pd.Series) -> np.ndarray | None:
    """Return int64 if every text is a whole number ("7", "7.0"), else None."""
    plain = texts.str.fullmatch(r"[+-]?\d{1,18}(\.0*)?")
    if not bool(plain.all()):
        return None
    return texts.str.replace(r"\.0*$", "", regex=True).astype(np.int64).to_numpy()


def may_number_rows(node_ids: np.ndarray, n_rows: int) -> bool:
    """Return whether the sorted ids of nodes may be numbers of `n_rows` rows, counted from 0 or from 1."""
    if node_ids.dtype.kind not in "iu" or not len(node_ids):
        return False
    low, high = int(node_ids[0]), int(node_ids[-1])
    return low >= 0 and (high < n_rows or (low >= 1 and high == n_rows))


def factorize_ids(
    source: np.ndarray | pd.Series, target: np.ndarray | pd.Series
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return positions of sources and targets (int64) and the ids themselves.

    Whole-number ids are sorted, texts stand in order of appearance.
    """
    n = len(source)
    if isinstance(source, np.ndarray) and isinstance(target, np.ndarray):
        ends = [np.asarray(end, np.int64) for end in (source, target)]
        low = min((int(end.min()) for end in ends if len(end)), default=0)
        high = max((int(end.max()) for end in ends if len(end)), default=-1)
        if low >= 0 and high < 8 * n + 1024:  # dense enough for a table: no hashing, no sort
            present = np.zeros(high + 1, bool)
            for end in ends:
                present[end] = True
            ids = np.flatnonzero(present).astype(np.int64)
            if len(ids) <= high:  # some numbers are nobody's
                position = np.cumsum(present, dtype=np.int64) - 1
                ends = [position[end] for end in ends]
            return ends[0], ends[1], ids
        ids, codes = np.unique(np.concatenate(ends), return_inverse=True)
        return codes[:n], codes[n:], ids
    texts = pd.concat([pd.Series(source), pd.Series(target)], ignore_index=True)
    positions, names = pd.factorize(texts)
    positions = positions.astype(np.int64)
    return positions[:n], positions[n:], object_array(names)
