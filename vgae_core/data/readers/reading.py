"""Files in, one :class:`~vgae_core.data.dataset.RawGraph` out; or a first look at what they are."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from vgae_core.data.dataset import RawGraph
from vgae_core.data.findings import MAX_PARTS, FileReport, Finding, Judgement, Part
from vgae_core.data.readers import first_values, split_files
from vgae_core.data.readers.base import Content, Edges, Format, NodeTable, Probe, examples, shorten
from vgae_core.data.readers.columns.first_edges import sentences_of
from vgae_core.data.readers.columns.two_sides import read_matrix
from vgae_core.data.readers.containers import archives
from vgae_core.data.readers.matching import assemble
from vgae_core.data.readers.opening import guarded, open_probe, recognise, stem_of
from vgae_core.data.readers.registry import DENSE, FORMATS
from vgae_core.data.readers.roles import assign, roles_of, take
from vgae_core.data.readers.source import SourceFile
from vgae_core.data.readers.text import empty_rows, trailing_comments
from vgae_core.data.readers.text.json_file import missing_values
from vgae_core.errors import DataError, StudioError
from vgae_core.host.limits import LIMITS, Limits
from vgae_core.settings import FileSpec

ProgressCallback = Callable[[float, str], None]
NO_NODES = np.zeros(0, np.int64)
"""Handed to a reader of features where no graph says which nodes there are."""


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
        probes = _gathered([open_probe(file, h, Path(folder), limits) for file, h in wanted], unused)
        formats = [recognise(probe) for probe in probes]
        parts = assign(probes, formats)
        if "edges" in parts:
            probe, format_ = parts["edges"]
            tell(0.1, f"Reading edges from {probe.name}")
            assert format_.edges is not None  # noqa: S101  assign sees to it
            edges = guarded(probe, format_, lambda: format_.edges(probe))  # type: ignore[misc]
            probe.memo["edges"] = edges
        else:
            probe, format_ = parts.pop("features")
            tell(0.1, f"Reading the matrix in {probe.name}")
            edges = _rows_only(_read_table(probe, format_, "features", NO_NODES), format_)
        first: Content = "edges" if "edges" in parts else "features"
        inside = tuple(part for table in edges.tables for part in table.parts)
        contents: list[Edges | NodeTable] = [edges if first == "edges" else edges.tables[0]]
        found = [(probe, format_, first, edges.parts or inside)]
        tables = list(edges.tables)
        others: tuple[tuple[float, Content], ...] = ((0.5, "features"), (0.8, "labels"), (0.85, "names"))
        for at, content in others:
            if content not in parts:
                continue
            tell(at, f"Reading {content} from {parts[content][0].name}")
            tables.append(_read_table(*parts[content], content, edges.node_ids))
            found.append((*parts[content], content, tables[-1].parts))
            contents.append(tables[-1])
        tell(0.9, "Matching nodes")
        graph = assemble(name or stem_of(probe), edges, tables, limits)
        ignored = [h for h in hows if h.role == "ignore"]
        graph = dataclasses.replace(
            graph,
            files=(
                *(_shown(_reported(*one), one[1], was) for one, was in zip(found, contents, strict=True)),
                *(FileReport(how=h) for h in ignored),
            ),
            findings=(
                *graph.findings,
                *empty_rows.findings(probes),
                *split_files.findings(probes),
                *_texts_left_out(left_out, hows),
                *_unused(unused),
                *missing_values(probes),
                *trailing_comments.left_out(probes),
            ),
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
                probes.append(open_probe(member, h, Path(folder), limits))
            except StudioError as error:
                reports.append(FileReport(how=h, problem=str(error)))
        sound: list[tuple[Probe, Format]] = []
        for probe in _gathered(probes, unused):
            try:
                sound.append((probe, recognise(probe)))
            except StudioError as error:
                reports.append(FileReport(how=probe.how, problem=str(error)))
        try:
            roles = roles_of(*zip(*sound, strict=True)) if sound else []
        except StudioError as error:
            return (*(FileReport(how=p.how, format=f.title, problem=str(error)) for p, f in sound), *reports)
        return (*_looked(sound, roles), *reports)


def _looked(sound: Sequence[tuple[Probe, Format]], roles: Sequence[Content]) -> list[FileReport]:
    reports: list[FileReport] = []
    for (probe, format_), role in zip(sound, roles, strict=True):
        problem, parts = "", tuple[Part, ...]()
        try:
            take({r: s for s, r in zip(sound[: len(reports)], roles, strict=False)}, role, probe, format_)
            if format_.parts is not None:
                parts = guarded(probe, format_, functools.partial(format_.parts, probe, role))
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
        raise DataError("No file given.", mend="Provide an edge list or an adjacency matrix.")
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
    probes = split_files.joined(probes)
    for gather in (format_.gather for format_ in FORMATS):
        probes = gather(probes) if gather else probes
    called = {probe.name for probe in probes}
    unused[:] = [how for how in unused if how.name not in called]
    for probe in probes:
        probe.memo["alone"] = len(probes) == 1
    return probes


def _texts_left_out(names: Sequence[str], hows: Sequence[FileSpec]) -> list[Finding]:
    """Return the finding that texts about the data were left out, but for those that the user had read."""
    read_all_the_same = {how.name for how in hows if how.role != "ignore"}
    names = [name for name in names if name not in read_all_the_same]
    if not names:
        return []
    return [Finding("files-ignored", "info", f"Files beside the edges were ignored: {', '.join(examples(names))}"
                    f"{'…' if len(names) > 5 else ''}.", len(names), examples(names))]  # fmt: skip


def _unused(unused: Sequence[FileSpec]) -> list[Finding]:
    if not unused:
        return []
    names = examples(how.name for how in unused)
    return [Finding("choices-unused", "warning", f"No file is called {', '.join(names)}: settings for it were "
        f"ignored.", len(unused), names)]  # fmt: skip


def _reported(probe: Probe, format_: Format, role: Content, parts: Sequence[Part]) -> FileReport:
    """Return what a file was taken for."""
    judgements: tuple[Judgement, ...] = ()
    sentences: tuple[str, ...] = ()
    if format_.judge is not None:
        judgements, sentences = guarded(probe, format_, functools.partial(format_.judge, probe, role))
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
        judgements=(*split_files.judgements(probe), *judgements),
        sentences=sentences,
    )


def _shown(report: FileReport, format_: Format, content: Edges | NodeTable) -> FileReport:
    """Return the report with the first values of a matrix and the first edges in words, now that it has been read."""
    if isinstance(content, NodeTable):
        return dataclasses.replace(report, rows=first_values.of_features(content) or report.rows)
    rows = first_values.of_adjacency(content) if format_ in DENSE else report.rows
    return dataclasses.replace(
        report, rows=rows, sentences=report.sentences or sentences_of(content, once=not content.directed)
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
    if table is None:  # assign sees to it that this is a graph of two sides, said to be a matrix
        return guarded(probe, format_, lambda: read_matrix(probe, format_))
    found = guarded(probe, format_, lambda: table(probe, content, node_ids))
    if probe.how.first_row == "auto":
        return found
    return dataclasses.replace(found, first_row=int(probe.how.first_row))
