"""Readers: files in, one :class:`~vgae_core.data.dataset.RawGraph` out, or one clear error.

Each format is a module with a :class:`~vgae_core.data.readers.base.Format`, listed in
:data:`FORMATS`.  The content of a file decides which format reads it, never its name.

How nodes are matched
---------------------
The adjacency decides which nodes exist. Node ids of features and labels are matched to it:

- ids it lacks are left out and reported with their count and examples (an edge list with a
  typo must not grow a node, and a table of all users must not bury a graph of some);
- nodes without a row get zero features or no label, which is reported too;
- if no id at all matches, the files do not belong together: an error.

A matrix without ids numbers its nodes from 0. A table without ids is matched by position.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import re
import tempfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from scipy import sparse

from vgae_core import isolation
from vgae_core.data.arrays import graph_from_arrays, graph_to_arrays
from vgae_core.data.dataset import MAX_PARTS, FileReport, Finding, Judgement, Part, RawGraph
from vgae_core.data.limits import LIMITS, Limits
from vgae_core.data.readers import (
    adjacency,
    anndata,
    archives,
    compressed,
    delimited,
    dense_csv,
    dot,
    edge_arrays,
    encodings,
    gexf,
    gml,
    graphdata,
    graphdb,
    graphml,
    json_tables,
    lists,
    matlab,
    matrix_market,
    node_link,
    node_lists,
    npy,
    npz,
    obo,
    pajek,
    planetoid,
    refused,
    single_cell,
    solver_graphs,
    svmlight,
    tables,
    ten_x,
    text,
    triples,
    ucinet,
    vectors,
)
from vgae_core.data.readers.base import (
    Content,
    Edges,
    Format,
    NodeTable,
    Probe,
    SourceFile,
    directions,
    examples,
    object_array,
    shorten,
    whole_numbers,
)
from vgae_core.data.text import shortened
from vgae_core.errors import DataError, LimitError, StudioError
from vgae_core.spec import FileSpec

__all__ = [
    "FORMATS", "SUFFIXES", "SourceFile", "look", "look_isolated", "look_task", "read", "read_isolated", "read_task",
]  # fmt: skip

FORMATS: tuple[Format, ...] = (
    planetoid.FORMAT,
    ten_x.FORMAT,
    vectors.PROJECTOR,
    npz.SCIPY,
    npz.GNN_BENCHMARK,
    edge_arrays.FORMAT,
    graphdata.FORMAT,
    npz.DENSE,
    npy.FORMAT,
    matrix_market.FORMAT,
    matlab.FORMAT,
    single_cell.TEN_X,
    single_cell.LOOM,
    anndata.FORMAT,
    tables.FORMAT,
    graphml.FORMAT,
    gexf.FORMAT,
    dot.FORMAT,
    gml.FORMAT,
    pajek.FORMAT,
    ucinet.FORMAT,
    obo.FORMAT,
    lists.TUPLES,
    node_link.CYTOSCAPE,
    node_link.ADJACENCY,
    node_link.FORMAT,
    json_tables.FORMAT,
    planetoid.NEIGHBOUR_LISTS,
    node_lists.FORMAT,
    svmlight.FORMAT,
    archives.BENCHMARK,
    triples.TRIPLES,
    triples.SIF,
    triples.ARROWS,
    triples.TGF,
    lists.WITH_DATA,
    lists.LGL,
    lists.NCOL,
    solver_graphs.DIMACS,
    solver_graphs.METIS,
    vectors.WORD2VEC,
    vectors.DOCWORD,
    graphdb.FORMAT,
    adjacency.FORMAT,
    dense_csv.FORMAT,
    delimited.FORMAT,
)
"""Every format, the most particular first: the first that recognises a file reads it."""

SUFFIXES: tuple[str, ...] = tuple(
    dict.fromkeys(
        [suffix for f in FORMATS for suffix in f.suffixes] + [*compressed.SUFFIXES, "zip", "tar", "tgz"]
    )
)
"""Usual endings of the files that can be read, for upload forms."""

_T = TypeVar("_T")
ProgressCallback = Callable[[float, str], None]
_HEAD = 65_536
NO_NODES = np.zeros(0, np.int64)
"""Handed to a reader of features where no graph says which nodes there are."""
_NAME_HINTS: tuple[tuple[Content, re.Pattern[str]], ...] = (
    ("edges", re.compile(r"(^|[_\W])(edges?|links?|adj|adjacency|graph|edgelist)([_\W]|$)")),
    ("features", re.compile(r"(^|[_\W])(features?|feats?|attrs?|attributes?|x)([_\W]|$)")),
    ("labels", re.compile(r"(^|[_\W])(labels?|targets?|class|classes|y|communit(y|ies))([_\W]|$)")),
    ("names", re.compile(r"(^|[_\W])(node_?names?|names|titles)([_\W]|$)")),
)
_CONTENTS: dict[Content, str] = {
    "edges": "edges", "features": "node features", "labels": "node labels", "names": "node names",
}  # fmt: skip


def read(
    files: Sequence[SourceFile],
    how: Sequence[FileSpec] = (),
    *,
    name: str | None = None,
    limits: Limits = LIMITS,
    progress: ProgressCallback | None = None,
) -> RawGraph:
    """Return the graph that the files describe, unrepaired, with everything noticed.

    Runs in this process; see :func:`read_isolated` for files of unknown origin.

    Parameters
    ----------
    files : sequence of SourceFile
        At most one each with edges, features, labels and node names, in any order; archives of them.
        Features without edges are a matrix of rows x columns.
    how : sequence of FileSpec
        What is known about files, which are found by name; the rest is told from their content.
    name : str, optional
        Name of the graph; by default the stem of the file with the edges, or with the matrix.
    limits : Limits
        Upper bounds.
    progress : callable, optional
        ``progress(fraction, message)``.

    Returns
    -------
    RawGraph

    Raises
    ------
    DataError
        If a file cannot be read or the files do not fit together; it names file and line.
    LimitError
        If something is larger than `limits`.
    """
    tell = progress or _silent
    with tempfile.TemporaryDirectory(prefix="vgae-read-") as folder:
        tell(0.0, "Opening files")
        members, left_out = _members(files, Path(folder), limits)
        if not name and len(files) == 1 and [m.path for m in members] != [files[0].path]:
            name = Path(files[0].name).stem  # the archive's name says more than "edges"
        hows, unused = _hows(members, how)
        wanted = [(m, h) for m, h in zip(members, hows, strict=True) if h.role != "ignore"]
        probes = _gathered([_probe(file, h, Path(folder), limits) for file, h in wanted], unused)
        formats = [_recognise(probe) for probe in probes]
        parts = _assign(probes, formats)
        if "edges" in parts:
            probe, format_ = parts["edges"]
            tell(0.1, f"Reading edges from {probe.name}")
            assert format_.edges is not None  # noqa: S101  _assign sees to it
            edges = _guarded(probe, format_, lambda: format_.edges(probe))  # type: ignore[misc]
        else:
            probe, format_ = parts.pop("features")
            tell(0.1, f"Reading the matrix in {probe.name}")
            edges = _rows_only(_read_table(probe, format_, "features", NO_NODES), format_)
        first: Content = "edges" if "edges" in parts else "features"
        inside = tuple(part for table in edges.tables for part in table.parts)
        found = [(probe, format_, first, edges.parts or inside)]
        tables = list(edges.tables)
        others: tuple[tuple[float, Content], ...] = ((0.5, "features"), (0.8, "labels"), (0.85, "names"))
        for at, content in others:
            if content not in parts:
                continue
            tell(at, f"Reading {content} from {parts[content][0].name}")
            tables.append(_read_table(*parts[content], content, edges.node_ids))
            found.append((*parts[content], content, tables[-1].parts))
        tell(0.9, "Matching nodes")
        graph = _assemble(name or _stem(probe), edges, tables, limits)
        ignored = [h for h in hows if h.role == "ignore"]
        graph = dataclasses.replace(
            graph,
            files=(*(_reported(*one) for one in found), *(FileReport(how=h) for h in ignored)),
            findings=(*graph.findings, *_texts_left_out(left_out, hows), *_unused(unused)),
        )
        tell(1.0, "Done")
        return graph


def look(
    files: Sequence[SourceFile], how: Sequence[FileSpec] = (), *, limits: Limits = LIMITS
) -> tuple[FileReport, ...]:
    """Return what :func:`read` would take each file for, told from its beginning or its headers.

    A file that cannot be read, or that does not go with the others, has a `problem`.

    Raises
    ------
    DataError, LimitError
        If there is no file, or an archive is damaged or too large.
    """
    with tempfile.TemporaryDirectory(prefix="vgae-read-") as folder:
        members, _ = _members(files, Path(folder), limits)
        hows, unused = _hows(members, how)
        reports: list[FileReport] = []
        probes: list[Probe] = []
        for member, h in zip(members, hows, strict=True):
            if h.role == "ignore":
                reports.append(FileReport(how=h))
                continue
            try:
                probes.append(_probe(member, h, Path(folder), limits))
            except StudioError as error:
                reports.append(FileReport(how=h, problem=str(error)))
        sound: list[tuple[Probe, Format]] = []
        for probe in _gathered(probes, unused):
            try:
                sound.append((probe, _recognise(probe)))
            except StudioError as error:
                reports.append(FileReport(how=probe.how, problem=str(error)))
        try:
            roles = _roles(*zip(*sound, strict=True)) if sound else []
        except StudioError as error:
            return (*(FileReport(how=p.how, format=f.title, problem=str(error)) for p, f in sound), *reports)
        return (*_looked(sound, roles), *reports)


def _looked(sound: Sequence[tuple[Probe, Format]], roles: Sequence[Content]) -> list[FileReport]:
    reports: list[FileReport] = []
    for (probe, format_), role in zip(sound, roles, strict=True):
        problem, parts = "", tuple[Part, ...]()
        try:
            _take({r: s for s, r in zip(sound[: len(reports)], roles, strict=False)}, role, probe, format_)
            if format_.parts is not None:
                parts = _guarded(probe, format_, functools.partial(format_.parts, probe, role))
        except StudioError as error:
            problem = str(error)
        try:
            report = _reported(probe, format_, role, parts)
        except StudioError as error:  # its judgements need more of it than can be read
            report = FileReport(how=dataclasses.replace(probe.how, role=role), format=format_.title)
            problem = problem or str(error)
        reports.append(dataclasses.replace(report, problem=problem))
    return reports


def _members(files: Sequence[SourceFile], folder: Path, limits: Limits) -> tuple[list[SourceFile], list[str]]:
    """Return the files, archives replaced by their members, and the names of texts about the data."""
    if not files:
        raise DataError("No file was given.", mend="Hand in an edge list or an adjacency matrix.")
    named = [SourceFile(shorten(file.name, 200), file.path) for file in files]
    return archives.expand(named, folder, limits)


def _hows(files: Sequence[SourceFile], how: Sequence[FileSpec]) -> tuple[list[FileSpec], list[FileSpec]]:
    """Return what is known about each file, and what is known about no file."""
    left = list(how)
    hows = []
    for file in files:
        at = next((i for i, h in enumerate(left) if h.name == file.name), None)
        known = FileSpec(name=file.name) if at is None else left.pop(at)
        hows.append(
            dataclasses.replace(known, role="ignore") if file.aside and known.role == "auto" else known
        )
    return hows, left


def _gathered(probes: list[Probe], unused: list[FileSpec]) -> list[Probe]:
    """Return the probes with those of formats of several files made one, which may have a name of its own."""
    for gather in (format_.gather for format_ in FORMATS):
        probes = gather(probes) if gather else probes
    called = {probe.name for probe in probes}
    unused[:] = [how for how in unused if how.name not in called]
    return probes


def _texts_left_out(names: Sequence[str], hows: Sequence[FileSpec]) -> list[Finding]:
    """Return the finding that texts about the data were left out, but for those that the user had read."""
    read_all_the_same = {how.name for how in hows if how.role != "ignore"}
    names = [name for name in names if name not in read_all_the_same]
    if not names:
        return []
    return [Finding("files-ignored", "info", f"Texts about the data were left out: {', '.join(examples(names))}"
                    f"{'…' if len(names) > 5 else ''}.", len(names), examples(names))]  # fmt: skip


def _unused(unused: Sequence[FileSpec]) -> list[Finding]:
    if not unused:
        return []
    names = examples(how.name for how in unused)
    return [Finding("choices-unused", "warning", f"No file is called {', '.join(names)}: what was said about "
                    "it was not used.", len(unused), names)]  # fmt: skip


def _reported(probe: Probe, format_: Format, role: Content, parts: Sequence[Part]) -> FileReport:
    """Return what a file was taken for."""
    judgements: tuple[Judgement, ...] = ()
    sentences: tuple[str, ...] = ()
    if format_.judge is not None:
        judgements, sentences = _guarded(probe, format_, functools.partial(format_.judge, probe, role))
    table = probe.memo.get("table")
    shown = (
        sorted(parts, key=lambda part: part.use == "features")[:MAX_PARTS]
        if len(parts) > MAX_PARTS
        else parts
    )
    return FileReport(
        how=dataclasses.replace(probe.how, role=role),
        format=format_.title,
        separator="" if table is None else table.shape.separator_name,
        header="" if table is None else "no" if table.header is None else "yes",
        parts=tuple(shown),
        n_parts=len(parts),
        rows=probe.memo.get("preview", ()) if table is None else table.preview,
        judgements=judgements,
        sentences=sentences,
    )


def _rows_only(table: NodeTable, format_: Format) -> Edges:
    """Return a matrix without a graph: its rows, and no edge between them."""
    none = np.zeros(0, np.int64)
    ids = np.arange(table.n_rows, dtype=np.int64) if table.ids is None else table.ids
    return Edges(
        rows=none,
        cols=none,
        weights=None,
        node_ids=ids,
        format=f"matrix ({format_.title})",
        directed=False,
        tables=(table,),
    )


def _silent(fraction: float, message: str) -> None:
    """Tell nobody."""


def _read_table(probe: Probe, format_: Format, content: Content, node_ids: np.ndarray) -> NodeTable:
    table = format_.table
    assert table is not None  # noqa: S101  _assign sees to it
    found = _guarded(probe, format_, lambda: table(probe, content, node_ids))
    if probe.how.first_row == "auto":
        return found
    return dataclasses.replace(found, first_row=int(probe.how.first_row))


def _guarded(probe: Probe, format_: Format, work: Callable[[], _T]) -> _T:
    """Run a reader; what a library raises on a damaged file becomes one clear error."""
    try:
        return work()
    except StudioError:
        raise
    except MemoryError as error:
        raise LimitError(
            "There is not enough memory to read it.",
            where=probe.name,
            mend="Take a part of the data, or raise VGAE_STUDIO_LIMIT_CHILD_MEMORY_BYTES on your machine.",
        ) from error
    except (
        ValueError,
        TypeError,
        LookupError,
        ArithmeticError,
        OSError,
        EOFError,
        zlib.error,
        RuntimeError,
    ) as error:
        raise probe.error(
            f"Cannot be read as {format_.title}: {type(error).__name__}: {shorten(str(error), 200)}.",
            mend="The file is probably damaged: write it anew.",
        ) from error


# ----------------------------------------------------------------------------- opening files
def _probe(file: SourceFile, how: FileSpec, folder: Path, limits: Limits) -> Probe:
    path = Path(file.path)
    try:
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "does not exist"
            raise DataError(f"The file {what}.", where=file.name, mend="Give the path of a file.")
        size = path.stat().st_size
        limits.check("upload_bytes", size, where=file.name)
        if size == 0:
            raise DataError("The file is empty.", where=file.name, mend="Hand in a file with content.")
        with open(path, "rb") as stream:
            head = stream.read(_HEAD)
        if compressed.kind(head):
            path = compressed.unpacked(path, folder, file.name, limits)
            with open(path, "rb") as stream:
                head = stream.read(_HEAD)
    except OSError as error:
        raise DataError(
            f"Cannot be opened: {error.strerror or error}.", where=file.name, mend="Check the path."
        ) from error
    stem = compressed.without_suffix(file.name.lower())
    return encodings.as_utf8(Probe(file.name, stem, path, head, limits, how), folder)


def _recognise(probe: Probe) -> Format:
    refused.refuse(probe)
    for format_ in FORMATS:
        if _guarded(probe, format_, lambda f=format_: f.recognise(probe)):  # type: ignore[misc]
            return format_
    text.layout(probe)  # says what it is instead
    raise probe.error("The format is not known.", mend=f"Known: {', '.join(f.title for f in FORMATS)}.")


def _stem(probe: Probe) -> str:
    return re.sub(r"\.[a-z0-9]{1,8}$", "", compressed.without_suffix(probe.name), flags=re.IGNORECASE)


# ---------------------------------------------------------------------------- who holds what
def _assign(probes: Sequence[Probe], formats: Sequence[Format]) -> dict[Content, tuple[Probe, Format]]:
    """Return the file of each content."""
    parts: dict[Content, tuple[Probe, Format]] = {}
    for probe, format_, role in zip(probes, formats, _roles(probes, formats), strict=True):
        _take(parts, role, probe, format_)
    if "edges" not in parts and "features" not in parts:
        raise DataError(
            "No file holds edges or a matrix.",
            where=", ".join(probe.name for probe in probes),
            mend="Hand in an edge list, a square .mtx or a square .npz as well, or a matrix of rows x columns.",
        )
    return parts


def _roles(probes: Sequence[Probe], formats: Sequence[Format]) -> list[Content]:
    """Return what each file holds: what the user says first, then content, then names."""
    roles: list[Content | None] = [None if p.how.role in ("auto", "ignore") else p.how.role for p in probes]  # type: ignore[misc]
    guesses: dict[int, tuple[Content, Content | None]] = {}
    for at, (probe, format_) in enumerate(zip(probes, formats, strict=True)):
        if roles[at] is None:
            guess = _guarded(probe, format_, lambda f=format_, p=probe: f.guess(p))  # type: ignore[misc]
            hint = next((content for content, pattern in _NAME_HINTS if pattern.search(probe.stem)), None)
            guesses[at] = (guess, hint)
    if len(guesses) == 1 and "edges" not in roles:
        # A single file, or the only one left: the edges, unless it can only be a matrix.
        at, (guess, _) = next(iter(guesses.items()))
        matrix = "features" not in roles and _is_matrix(probes[at], formats[at], guess)
        if formats[at].edges is not None and not matrix:
            roles[at] = "edges"
            del guesses[at]
    # Square matrices and two-column tables may be either: the name breaks the tie.
    for at, (guess, hint) in sorted(guesses.items(), key=lambda item: item[1][0] != "edges"):
        role: Content = guess
        if guess == "edges" and hint not in (None, "edges") and formats[at].table is not None:
            role = hint or guess
        elif guess == "labels" and hint == "features":
            role = hint  # a column called `y` may well be a coordinate
        elif guess == "edges" and "edges" in roles and formats[at] is not delimited.FORMAT:
            role = "features"  # a second square matrix
        roles[at] = role
    return [role or "edges" for role in roles]


def _is_matrix(probe: Probe, format_: Format, guess: Content) -> bool:
    """Return whether a file that came without another one is a matrix of rows x columns."""
    if guess != "features":
        return False
    # Of text tables the guess is only as good as their names: columns beyond the third may be dates of edges.
    wide = {id(delimited.FORMAT): delimited.is_wide, id(tables.FORMAT): tables.is_wide}.get(id(format_))
    return wide is None or wide(probe)


def _take(parts: dict[Content, tuple[Probe, Format]], role: Content, probe: Probe, format_: Format) -> None:
    if role in parts:
        raise DataError(
            f"Two files hold {role}: {parts[role][0].name} and {probe.name}.",
            mend="Hand in one file for each of edges, features, labels and names, and say which is which.",
        )
    if (format_.edges if role == "edges" else format_.table) is None:
        raise DataError(
            f"{format_.title} holds no {_CONTENTS[role]}.",
            where=probe.name,
            mend="Choose another file for them.",
        )
    parts[role] = (probe, format_)


# ----------------------------------------------------------------------------- putting together
def _assemble(name: str, edges: Edges, tables: Sequence[NodeTable], limits: Limits) -> RawGraph:
    findings = list(edges.findings)
    parts: dict[str, Any] = {}
    values: dict[str, np.ndarray] = {}
    called: np.ndarray | None = None
    for table in tables:
        rows, nodes = _match(table, edges.node_ids, findings)
        findings.extend(table.findings)
        n = len(edges.node_ids)
        if table.features is not None:
            parts["features"] = _place(table.features, rows, nodes, n)
            parts["feature_names"] = table.feature_names
        if table.classes is not None:
            labels = np.full(n, -1, np.int32)
            labels[nodes] = table.classes[rows]
            used = np.unique(labels[labels >= 0])
            if len(used) < len(table.class_names):  # classes of rows that were left out
                labels = np.where(labels >= 0, np.searchsorted(used, labels), -1).astype(np.int32)
            parts["labels"] = labels
            parts["label_names"] = tuple(table.class_names[i] for i in used)
        for key, column in table.values.items():
            placed = np.full(n, np.nan, np.float32)
            placed[nodes] = column[rows]
            values[key] = placed
        if table.names is not None:
            called = np.full(n, "", object)
            called[nodes] = table.names[rows]
    directed = edges.directed
    if directed is None:
        directed = tells_directions(edges.rows, edges.cols, edges.weights, len(edges.node_ids))
    ids = edges.node_ids if called is None else _named(edges.node_ids, called, findings)
    short = functools.partial(_short, limit=limits.name_length, findings=findings)
    if ids.dtype == object:
        ids = object_array(short("nodes", ids.tolist()))
    for key, kind in (("feature_names", "features"), ("label_names", "classes")):
        if parts.get(key):
            parts[key] = tuple(short(kind, parts[key]))
    values = dict(zip(short("columns", list(values)), values.values(), strict=True))
    return RawGraph(
        name=shortened(name, limits.name_length),
        rows=edges.rows,
        cols=edges.cols,
        weights=edges.weights,
        node_ids=ids,
        directed=directed,
        format=edges.format,
        values=values,
        findings=tuple(findings),
        symmetric=edges.symmetric,
        relations=edges.relations,
        relation_names=edges.relation_names,
        **parts,
    )


def _short(kind: str, names: Sequence[str], *, limit: int, findings: list[Finding]) -> Sequence[str]:
    """Return names within the limit: of longer ones the beginning and a digest, which still tells them apart."""
    long = [name for name in names if len(name) > limit]
    if not long:
        return names
    findings.append(Finding("long-names", "warning", f"{len(long):,} names of {kind} are longer than {limit} "
        f"characters: their beginning and a digest stand for them. The longest has {max(map(len, long)):,}; "
        "is a quotation mark missing, or is it the wrong column?", len(long), examples(long[:5])))  # fmt: skip
    return [shortened(name, limit) for name in names]


def _named(ids: np.ndarray, called: np.ndarray, findings: list[Finding]) -> np.ndarray:
    """Return the names of nodes: with the id where there is none, or where others have the same."""
    names = pd.Series(called, dtype="str")
    plain = pd.Series(ids).astype(str).astype("str")
    empty, twice = names == "", names.duplicated(keep=False)
    names = names.mask(twice, names + " (" + plain + ")").mask(empty, plain)
    if not names.is_unique:  # a node is called as another with its id
        names = names + " [" + plain + "]"
    shared = int((twice & ~empty).sum())
    more = f" {shared:,} share a name with another: their id stands behind it." if shared else ""
    findings.append(Finding("named-nodes", "info", f"{int((~empty).sum()):,} of {len(ids):,} nodes are called by "
        f"their names, not by their ids.{more}", shared,
        examples(f"{i} = {t}" for i, t in zip(plain[:5], names[:5], strict=True))))  # fmt: skip
    return object_array(names)


def tells_directions(rows: np.ndarray, cols: np.ndarray, weights: np.ndarray | None, n: int) -> bool:
    """Return whether the entries tell directions apart.

    They do if some entries, but not all, have one in the other direction, or if the two
    directions differ in weight; a missing weight is as any other.
    """
    arcs, mutual = directions(rows, cols, n)
    if mutual == 0:
        return False
    if mutual < arcs:
        return True
    if weights is None:
        return False
    keep = rows != cols
    entries = (np.nan_to_num(weights[keep].astype(np.float64), nan=1.0), (rows[keep], cols[keep]))
    adjacency = sparse.coo_array(entries, shape=(n, n)).tocsr()
    return not bool(np.allclose((adjacency - adjacency.T).data, 0.0, atol=1e-6))


def _place(
    features: sparse.csr_array | np.ndarray, rows: np.ndarray, nodes: np.ndarray, n: int
) -> sparse.csr_array | np.ndarray:
    """Return the features with `rows[k]` moved to `nodes[k]` and zeros elsewhere."""
    if len(rows) == n == features.shape[0] and bool((nodes[np.argsort(rows)] == np.arange(n)).all()):
        return features
    if not sparse.issparse(features):
        placed = np.zeros((n, features.shape[1]), np.float32)
        placed[nodes] = features[rows]
        return placed
    moves = sparse.csr_array((np.ones(len(rows), np.float32), (nodes, rows)), shape=(n, features.shape[0]))
    moved = sparse.csr_array(moves @ features, dtype=np.float32)
    moved.sort_indices()
    return moved


def _match(table: NodeTable, node_ids: np.ndarray, findings: list[Finding]) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the table that belong to nodes, and the position of each node."""
    n = len(node_ids)
    if table.ids is None and table.n_rows == n and table.first_row is None:
        if node_ids.dtype.kind not in "iu" or not bool((node_ids == np.arange(n)).all()):
            order = "sorted" if node_ids.dtype.kind in "iu" else "in the order the edges name them"
            findings.append(
                Finding(
                    "matched-by-position",
                    "warning",
                    f"{table.where} has no node ids: its rows were given to the nodes {order}.",
                    n,
                    examples(node_ids),
                )
            )
        return np.arange(n), np.arange(n)
    ids = table.ids
    if ids is None:
        first = _first_row(table, node_ids)
        if first is None:
            raise DataError(
                f"Has {table.n_rows:,} rows for {n:,} nodes, and no column of node ids.",
                where=table.where,
                mend="Hand in one row a node, or a table with a column of node ids.",
            )
        ids = np.arange(first, first + table.n_rows)  # row i is the node called first + i
        if first:
            findings.append(Finding("rows-from-one", "info",
                f"Rows of {table.where} were numbered from 1, as the nodes are.", table.n_rows))  # fmt: skip
    positions = _positions(ids, node_ids)
    rows = np.flatnonzero(positions >= 0)
    unknown = np.flatnonzero(positions < 0)
    if not len(rows):
        raise DataError(
            f"None of its {len(ids):,} node ids is in the graph: it has {', '.join(examples(ids[:3]))}; "
            f"the graph has {', '.join(examples(node_ids[:3]))}.",
            where=table.where,
            mend="Use the same node ids in all files.",
        )
    if len(unknown):
        findings.append(
            Finding(
                "unknown-nodes",
                "warning",
                f"{len(unknown):,} of {len(ids):,} node ids in {table.where} are not in the graph "
                f"and were left out, e.g. {', '.join(examples(ids[unknown]))}.",
                len(unknown),
                examples(ids[unknown]),
            )
        )
    nodes = positions[rows]
    if len(nodes) < n:
        present = np.zeros(n, bool)
        present[nodes] = True
        missing = node_ids[~present]
        effect = "; their features are zero" if table.features is not None else ""
        findings.append(
            Finding(
                "nodes-without-row",
                "warning",
                f"{len(missing):,} of {n:,} nodes have no row in {table.where}, "
                f"e.g. {', '.join(examples(missing))}{effect}.",
                len(missing),
                examples(missing),
            )
        )
    return rows, nodes


def _first_row(table: NodeTable, node_ids: np.ndarray) -> int | None:
    """Return the node of the first row of a table without ids, or None if its rows cannot be nodes."""
    n = len(node_ids)
    if node_ids.dtype.kind not in "iu" or (n and int(node_ids[0]) < 0):
        return None
    if table.first_row is not None:
        return table.first_row
    if table.n_rows < n or (n and int(node_ids[-1]) > table.n_rows):
        return None
    # The last node is called as many as there are rows: they count from 1.
    return int(bool(n) and int(node_ids[-1]) == table.n_rows and int(node_ids[0]) >= 1)


def _positions(ids: np.ndarray, node_ids: np.ndarray) -> np.ndarray:
    """Return the position of each id in `node_ids`, -1 where it is not there."""
    if node_ids.dtype.kind in "iu":
        if ids.dtype.kind not in "iu":
            texts = pd.Series(ids, dtype="str")
            whole = texts.str.fullmatch(r"[+-]?\d{1,18}(\.0*)?").to_numpy(bool)
            numbers = np.zeros(len(ids), np.int64)
            converted = whole_numbers(texts[whole])
            if converted is not None:
                numbers[whole] = converted
            found = pd.Index(node_ids).get_indexer(pd.Index(numbers))
            return np.where(whole, found, -1)
        return np.asarray(pd.Index(node_ids).get_indexer(pd.Index(ids)))
    known = pd.Index(pd.Series(node_ids, dtype="str"))
    if not known.is_unique:
        raise DataError("Node ids of the graph are not unique.", mend="Give every node its own id.")
    return np.asarray(known.get_indexer(pd.Index(pd.Series(ids, dtype=object).astype(str).astype("str"))))


# -------------------------------------------------------------------------------- isolation
def read_isolated(
    files: Sequence[SourceFile],
    how: Sequence[FileSpec] = (),
    *,
    name: str | None = None,
    limits: Limits = LIMITS,
    progress: ProgressCallback | None = None,
) -> RawGraph:
    """Return the same as :func:`read`, from a child process with bounded memory and time.

    For files of unknown origin: whatever they do to the reader, this process lives on.

    Raises
    ------
    DataError, LimitError
        As :func:`read`; LimitError also if the child needs too much memory or time.
    """
    request = {**_request(files, how, limits), "name": name}
    arrays, _ = isolation.call("read", options=request, limits=_bounds(limits), progress=progress)
    arrays |= {name: arrays[name].astype(np.int64) for name in ("rows", "cols") if name in arrays}
    graph = graph_from_arrays(arrays, where=", ".join(f.name for f in files), limits=limits)
    if not isinstance(graph, RawGraph):
        raise DataError("The reader gave back a graph of the wrong kind.", mend="Try again.")
    return graph


def look_isolated(
    files: Sequence[SourceFile],
    how: Sequence[FileSpec] = (),
    *,
    limits: Limits = LIMITS,
    progress: ProgressCallback | None = None,
) -> tuple[FileReport, ...]:
    """Return the same as :func:`look`, from a child process with bounded memory and time."""
    _, told = isolation.call(
        "look", options=_request(files, how, limits), limits=_bounds(limits), progress=progress
    )
    return tuple(FileReport.from_dict(report) for report in told["files"])


def _request(files: Sequence[SourceFile], how: Sequence[FileSpec], limits: Limits) -> dict[str, Any]:
    return {
        "files": [{"name": f.name, "path": os.fspath(Path(f.path).resolve())} for f in files],
        "how": [h.to_dict() for h in how],
        "limits": dataclasses.asdict(limits),
    }


def _requested(options: dict[str, Any]) -> tuple[list[SourceFile], list[FileSpec], Limits]:
    files = [SourceFile(f["name"], Path(f["path"])) for f in options["files"]]
    return files, [FileSpec.from_dict(h) for h in options["how"]], Limits(**options["limits"])


def _bounds(limits: Limits) -> isolation.ChildLimits:
    return isolation.ChildLimits(memory_bytes=limits.child_memory_bytes, seconds=limits.child_seconds)


def read_task(
    arrays: dict[str, np.ndarray], options: dict[str, Any], progress: ProgressCallback
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Run :func:`read` in the child: files in `options`, the graph's arrays out."""
    files, how, limits = _requested(options)
    arrays = graph_to_arrays(read(files, how, name=options["name"], limits=limits, progress=progress))
    if (
        len(arrays["rows"]) and max(arrays["rows"].max(), arrays["cols"].max()) < 2**31
    ):  # half as much to hand over
        arrays |= {name: arrays[name].astype(np.int32) for name in ("rows", "cols")}
    return arrays, {}


def look_task(
    arrays: dict[str, np.ndarray], options: dict[str, Any], progress: ProgressCallback
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Run :func:`look` in the child: files in `options`, what they were taken for out."""
    files, how, limits = _requested(options)
    return {}, {"files": [report.to_dict() for report in look(files, how, limits=limits)]}
