"""Zip and tar archives of files that can be read, and the layout of the Open Graph Benchmark.

No path of an archive is ever used: members are decompressed under names of our own, within
the limits, and are called by the last part of their name. Nothing is ever extracted by
:mod:`tarfile` itself, which follows links and paths.
"""

from __future__ import annotations

import dataclasses
import re
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from vgae_core.data.findings import Finding
from vgae_core.data.readers.about import BESIDE, DOCUMENTS, HIDDEN, beside_edges, is_member, is_prose
from vgae_core.data.readers.base import Content, Edges, Format, Probe, examples, shorten
from vgae_core.data.readers.containers import compressed
from vgae_core.data.readers.source import SourceFile, names_of
from vgae_core.data.readers.tables import delimited
from vgae_core.errors import DataError, LimitError, StudioError
from vgae_core.host.limits import Limits

MAX_MEMBERS = 1000
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, LookupError, OverflowError,
    NotImplementedError, RuntimeError, tarfile.TarError,
)  # fmt: skip
"""What :mod:`zipfile` and :mod:`tarfile` raise on damaged archives."""
_MEND = "Put only the files of one graph into the archive, without nested folders or archives."


def expand(files: Sequence[SourceFile], folder: Path, limits: Limits) -> tuple[list[SourceFile], list[str]]:
    """Return the files with every zip or tar archive replaced by its members, and what was left out.

    Parameters
    ----------
    files : sequence of SourceFile
    folder : Path
        Where members are decompressed to.
    limits : Limits

    Returns
    -------
    list of SourceFile
        NumPy archives stay whole. Texts about the data are marked as `aside` if there is another file.
    list of str
        Names of the texts about the data, which are not read.

    Raises
    ------
    DataError
        If an archive is damaged, encrypted, or has members that no honest archive has.
    LimitError
        If it holds too much.
    """
    found: list[SourceFile] = []
    paths: list[PurePosixPath] = []
    left_out: list[str] = []
    for file in files:
        path = Path(file.path)
        try:
            with open(path, "rb") as stream:
                zipped = stream.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
            tarred = not zipped and _is_tar(path)
        except OSError:
            found.append(file)  # whoever opens it next says what is wrong
            paths.append(PurePosixPath(file.name))
            continue
        if not zipped and not tarred:
            found.append(file)
            paths.append(PurePosixPath(file.name))
            continue
        members, documents = _members(file, folder, limits) if zipped else _tar_members(file, folder, limits)
        found.extend(members)
        paths.extend(
            PurePosixPath(file.name) if member is file else PurePosixPath(file.name, member.name)
            for member in members
        )
        left_out += documents
    names = [shorten(name, 200) for name in names_of(paths)]
    plain = [path.name for path in paths]
    beside = beside_edges(plain)
    texts = [name in beside or is_prose(Path(f.path), name) for f, name in zip(found, plain, strict=True)]
    found = [
        SourceFile(name, file.path, aside=text and not all(texts))
        for file, name, text in zip(found, names, texts, strict=True)
    ]
    left_out += [file.name for file in found if file.aside]
    return found, left_out


def _members(file: SourceFile, folder: Path, limits: Limits) -> tuple[list[SourceFile], list[str]]:
    """Return the members of a zip archive, and the names of documents in it."""
    where = file.name
    limits.check("upload_bytes", Path(file.path).stat().st_size, where=where)
    try:
        with zipfile.ZipFile(file.path) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            if names and (file.name.lower().endswith(".npz") or all(n.endswith(".npy") for n in names)):
                return [file], []
            _refuse_others(names, where)
            wanted = _wanted(entries, where)
            budget = limits.decompressed_bytes
            sources = []
            for entry in wanted:
                path, size = _decompress(archive, entry, folder, budget, where, limits)
                budget -= size
                sources.append(SourceFile(entry.filename, path))
            return sources, _documents(names)
    except StudioError:
        raise
    except _DAMAGE as error:
        raise DataError(
            f"The zip archive is damaged or of an unsupported kind: {shorten(str(error), 200)}.",
            where=where,
            mend="Save it again, without a password.",
        ) from error


def _documents(names: Sequence[str]) -> list[str]:
    """Return the members that are documents by their names, hidden ones left out."""
    texts = [name for name in names if not name.endswith("/") and not HIDDEN.search(name)]
    return [PurePosixPath(name).name for name in texts if DOCUMENTS.search(name) or BESIDE.search(name)]


def _is_tar(path: Path) -> bool:
    """Return whether a file, decompressed if it is compressed, begins as a tar archive."""
    head = compressed.head(path, 512)
    return head[257:262] == b"ustar" or (len(head) == 512 and _has_checksum(head))


def _has_checksum(head: bytes) -> bool:
    """Return whether 512 bytes are a header of an archive from before POSIX: its own sum is in it."""
    stated = re.fullmatch(rb"\s*([0-7]{1,6})[\0 ]+", head[148:156])
    plain = head[:148] + b" " * 8 + head[156:]
    return stated is not None and head[0] != 0 and int(stated[1], 8) == sum(plain)


def _tar_members(file: SourceFile, folder: Path, limits: Limits) -> tuple[list[SourceFile], list[str]]:
    """Return the members of a tar archive, also of a compressed one, and the names of documents in it."""
    where = file.name
    limits.check("upload_bytes", Path(file.path).stat().st_size, where=where)
    path = compressed.unpacked(Path(file.path), folder, where, limits)
    sources: list[SourceFile] = []
    names: list[str] = []
    budget = limits.decompressed_bytes
    try:
        with tarfile.open(path, "r:") as archive:
            while (member := archive.next()) is not None:
                names.append(member.name)
                if len(names) > MAX_MEMBERS:
                    raise LimitError(
                        f"The archive has more than {MAX_MEMBERS:,} members.", where=where, mend=_MEND
                    )
                if not _is_wanted(member, where):
                    continue
                unpacked = _copied(archive, member, folder, budget, where, limits)
                budget -= member.size
                sources.append(SourceFile(member.name, unpacked))
    except StudioError:
        raise
    except _DAMAGE as error:
        raise DataError(
            f"The tar archive is damaged: {shorten(str(error), 200)}.", where=where, mend="Save it again."
        ) from error
    if not sources:
        raise DataError("The archive holds no file that can be read.", where=where, mend=_MEND)
    return sources, _documents(names)


def _is_wanted(member: tarfile.TarInfo, where: str) -> bool:
    """Return whether a member is a file that may hold data; whatever no honest archive has is refused."""
    _refuse_path(member.name, where)
    if member.issym() or member.islnk():
        raise DataError(f"The member {shorten(member.name)!r} is a link.", where=where, mend=_MEND)
    if member.isdir():
        return False
    if not member.isreg() or member.issparse():
        raise DataError(
            f"The member {shorten(member.name)!r} is not a regular file.", where=where, mend=_MEND
        )
    return member.size > 0 and is_member(PurePosixPath(member.name))


def _copied(
    archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, budget: int, where: str, limits: Limits
) -> Path:
    """Write one member to a file of our own."""
    if member.size > budget:
        limits.check("decompressed_bytes", limits.decompressed_bytes - budget + member.size, where=where)
    stream = archive.extractfile(member)
    assert stream is not None  # noqa: S101  a plain file
    size = 0
    with stream, tempfile.NamedTemporaryFile(dir=folder, delete=False) as out:
        while piece := stream.read(1 << 20):
            if not size and piece[:4] == b"PK\x03\x04" and not member.name.lower().endswith(".npz"):
                raise DataError(
                    f"The member {shorten(member.name)!r} is itself an archive.", where=where, mend=_MEND
                )
            size += len(piece)
            out.write(piece)
    if size != member.size:
        raise DataError(
            f"The tar archive is damaged: {shorten(member.name)!r} is not as long as it says.",
            where=where,
            mend="Save it again.",
        )
    return Path(out.name)


def _refuse_path(name: str, where: str) -> None:
    """Refuse a member whose name leads outside the archive."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if ".." in parts or name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or "\0" in name:
        raise DataError(f"The member {shorten(name)!r} leads outside the archive.", where=where, mend=_MEND)


def _refuse_others(names: Sequence[str], where: str) -> None:
    """Refuse archives that are files of a program."""
    if any(PurePosixPath(name).name == "data.pkl" for name in names):
        raise DataError(
            "This is a PyTorch file (.pt), which can run code when it is read.", where=where, mend=PYTORCH
        )
    if "[Content_Types].xml" in names:
        raise DataError(
            "This is an Excel or other Office document.",
            where=where,
            mend="Save the sheet as CSV and use that.",
        )
    if "mimetype" in names and "content.xml" in names:
        raise DataError(
            "This is an OpenDocument file (.ods, .odt).",
            where=where,
            mend="Save the sheet as CSV and use that.",
        )
    if "Project_xml" in names or where.lower().endswith(".gephi"):
        raise DataError(
            "This is a Gephi project.",
            where=where,
            mend="In Gephi: File > Export > Graph file, as GEXF or GraphML.",
        )
    if where.lower().endswith(".cys") or any(name.endswith("cysession.xml") for name in names):
        raise DataError(
            "This is a Cytoscape session.", where=where,
            mend="In Cytoscape: File > Export > Network to File, as Cytoscape.js JSON (.cyjs) or SIF.",
        )  # fmt: skip


PYTORCH = (
    "Export it where it was made: numpy.savez('graph.npz', adj_data=A.data, adj_indices=A.indices, "
    "adj_indptr=A.indptr, adj_shape=A.shape) with A = torch_geometric.utils.to_scipy_sparse_matrix("
    "data.edge_index, num_nodes=data.num_nodes).tocsr()."
)
"""How to bring a PyTorch graph, in one line."""


def _wanted(entries: Sequence[zipfile.ZipInfo], where: str) -> list[zipfile.ZipInfo]:
    """Return the members to read; whatever no honest archive has is refused."""
    if len(entries) > MAX_MEMBERS:
        raise LimitError(
            f"The archive has {len(entries):,} members; at most {MAX_MEMBERS:,} are read.",
            where=where,
            mend=_MEND,
        )
    wanted = []
    for entry in entries:
        name = entry.filename
        _refuse_path(name, where)
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise DataError(f"The member {shorten(name)!r} is a link.", where=where, mend=_MEND)
        if entry.flag_bits & 0x1:
            raise DataError(
                f"The member {shorten(name)!r} is encrypted.",
                where=where,
                mend="Provide it without a password.",
            )
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(
                f"The member {shorten(name)!r} is compressed by method {entry.compress_type}.",
                where=where,
                mend="Create the archive with the usual method, deflate.",
            )
        if not entry.is_dir() and entry.file_size and is_member(PurePosixPath(name)):
            wanted.append(entry)
    if not wanted:
        raise DataError("The archive holds no file that can be read.", where=where, mend=_MEND)
    return wanted


def _decompress(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, budget: int, where: str, limits: Limits
) -> tuple[Path, int]:
    """Write one member to a file of our own; return it and its size."""
    size = 0
    with archive.open(entry) as stream, tempfile.NamedTemporaryFile(dir=folder, delete=False) as out:
        while piece := stream.read(1 << 20):
            if not size and piece[:4] == b"PK\x03\x04" and not entry.filename.lower().endswith(".npz"):
                raise DataError(
                    f"The member {shorten(entry.filename)!r} is itself an archive.", where=where, mend=_MEND
                )
            size += len(piece)
            if size > budget:
                limits.check("decompressed_bytes", limits.decompressed_bytes - budget + size, where=where)
            compressed.check_ratio(
                size, entry.compress_size, f"The member {shorten(entry.filename)!r}", where
            )
            out.write(piece)
    if size != entry.file_size:
        raise DataError(
            f"The zip archive is damaged: {shorten(entry.filename)!r} is not as long as it says.",
            where=where,
            mend="Save it again.",
        )
    return Path(out.name), size


# ------------------------------------------------------------------- Open Graph Benchmark
_PARTS: dict[str, Content] = {"edge": "edges", "node-feat": "features", "node-label": "labels"}
_ASIDE = re.compile(
    r"(num-(node|edge)-list|edge-feat|edge_(reltype|weight)|node[-_](year|species|.*time)|train|valid|test|"
    r"master|release.*|mapping|nodeidx2.*|labelidx2.*|triplet-type-list|num-node-dict)$"
)


def _part(probe: Probe) -> str:
    return re.sub(r"\.(csv|txt|gz)$", "", re.sub(r"\.csv$", "", probe.stem.replace("\\", "/").split("/")[-1]))


def gather_benchmark(probes: Sequence[Probe]) -> list[Probe]:
    """Return the probes with the files of an OGB folder put into their roles.

    Files that say nothing about nodes or edges (splits, mappings, years) are left out and
    named in a finding.
    """
    names = [_part(probe) for probe in probes]
    if names.count("edge") != 1 or not {"node-feat", "num-node-list", "num-edge-list"} & set(names):
        return list(probes)
    aside = [probe for probe, name in zip(probes, names, strict=True) if _ASIDE.match(name)]
    kept = []
    for probe, name in zip(probes, names, strict=True):
        if name in _PARTS and probe.how.role == "auto":
            memo = {"ogb": probes[names.index("num-node-list")] if "num-node-list" in names else None,
                    "ogb-aside": aside} if name == "edge" else {}  # fmt: skip
            how = dataclasses.replace(probe.how, role=_PARTS[name])
            kept.append(dataclasses.replace(probe, how=how, memo=memo))
        elif probe not in aside:
            kept.append(probe)
    return kept


def _benchmark_edges(probe: Probe) -> Edges:
    read = delimited.FORMAT.edges
    assert read is not None  # noqa: S101  tables hold edges
    edges = dataclasses.replace(read(probe), format=BENCHMARK.title, directed=None)
    counts: Probe | None = probe.memo["ogb"]
    findings = list(edges.findings)
    aside: list[Probe] = [p for p in probe.memo["ogb-aside"] if p is not counts]
    if aside:
        findings.append(Finding("files-ignored", "info",
            f"Files that were not used: {', '.join(shorten(p.name) for p in aside[:5])}.", len(aside),
            examples(p.name for p in aside)))  # fmt: skip
    if counts is not None and edges.node_ids.dtype.kind == "i":
        edges = _numbered(counts, edges, findings)
    return dataclasses.replace(edges, findings=tuple(findings))


def _numbered(counts: Probe, edges: Edges, findings: list[Finding]) -> Edges:
    """Return the edges among as many nodes as the file of counts says."""
    fields = counts.head.decode("utf-8", "replace").split()
    if len(fields) != 1:
        raise counts.error(
            f"Expected the number of nodes of one graph. Received: {len(fields):,} numbers.",
            mend="Provide one graph; data sets of many graphs are not supported.",
        )
    if not re.fullmatch(r"\d{1,18}", fields[0]):
        raise counts.error(f"{shorten(fields[0])!r} is not a number of nodes.", line=1, mend="Save it again.")
    n = int(fields[0])
    counts.limits.check("nodes", n, where=counts.name)
    if len(edges.node_ids) and not 0 <= int(edges.node_ids[0]) <= int(edges.node_ids[-1]) < n:
        raise counts.error(
            f"Declares {n:,} nodes, but an edge names node {int(edges.node_ids[-1]):,}.",
            mend="Nodes are numbered from 0.",
        )
    if n > len(edges.node_ids):
        missing = n - len(edges.node_ids)
        findings.append(Finding("announced-nodes", "info",
            f"{missing:,} declared nodes have no edge.", missing))  # fmt: skip
    ids = edges.node_ids
    return dataclasses.replace(
        edges, node_ids=np.arange(n, dtype=np.int64), rows=ids[edges.rows], cols=ids[edges.cols]
    )


BENCHMARK = Format(
    key="ogb",
    title="Open Graph Benchmark (CSV)",
    suffixes=("csv", "gz", "zip"),
    recognise=lambda probe: "ogb" in probe.memo,
    guess=lambda probe: "edges",
    edges=_benchmark_edges,
    gather=gather_benchmark,
)
