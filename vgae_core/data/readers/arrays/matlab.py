"""MATLAB files (.mat) of version 5, what ``save`` and ``save -v7`` write."""

from __future__ import annotations

import dataclasses
import re
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse

from vgae_core.data.csr import validate_csr
from vgae_core.data.findings import Finding, Part
from vgae_core.data.readers.arrays.matrices import (
    check_finite,
    check_matrix,
    matrix_edges,
    matrix_table,
    refuse_labels,
)
from vgae_core.data.readers.base import Content, Edges, Format, NodeTable, Probe, examples, shorten
from vgae_core.data.readers.text.lines import numbered_edges

_MEND = "Save it again with save('file.mat', 'A', '-v7')."
_NUMERIC = {
    "sparse",
    "double",
    "single",
    "logical",
    *(f"{u}int{b}" for u in ("", "u") for b in (8, 16, 32, 64)),
}
_LABELS = re.compile(r"(labels?|class(es)?|y|gnd|groups?|targets?|communit(y|ies))", re.IGNORECASE)
_LISTS = re.compile(r"(edges?(_?(list|index))?|links|arcs|el)", re.IGNORECASE)
_FEATURES = re.compile(r"(x|(node_?)?feat(ure)?s?|attr(ibute)?s?|fea)", re.IGNORECASE)
_USES = ("edges", "features", "label", "ignore")
_COMPRESSED = 15
_MAX_VARIABLES = 1000


def _recognise(probe: Probe) -> bool:
    return probe.head.startswith(b"MATLAB ") and probe.head[126:128] in (b"IM", b"MI")


_Variables = dict[str, tuple[tuple[int, ...], str]]


def _variables(probe: Probe) -> _Variables:
    """Return shape and class of every variable; nothing is read before all of it is bounded."""
    from scipy.io import whosmat

    if "mat" not in probe.memo:
        if probe.head[124:126] in (b"\x00\x02", b"\x02\x00"):
            raise probe.error("MATLAB files of version 7.3 are not supported.", mend=_MEND)
        _bounded(probe)
        found = whosmat(probe.path, appendmat=False)
        known = {name: (tuple(map(int, shape)), kind) for name, shape, kind in found}
        probe.memo["mat"] = _with_fields(probe, known)
    variables: _Variables = probe.memo["mat"]
    return variables


def _with_fields(probe: Probe, known: _Variables) -> _Variables:
    """Return the variables with the matrices in structs beside them, as SuiteSparse keeps them: ``Problem.A``."""
    from scipy.io import loadmat

    structs = [name for name, (shape, kind) in known.items() if kind == "struct" and shape == (1, 1)]
    if not structs:
        return known
    inside: dict[str, Any] = {}
    loaded = loadmat(probe.path, variable_names=structs, appendmat=False, spmatrix=False)
    for name in structs:
        struct = loaded[name][0, 0]
        for field in (struct.dtype.names or ())[:_MAX_VARIABLES]:
            value = struct[field]
            numeric = isinstance(value, np.ndarray) and value.dtype.kind in "biuf" and value.ndim == 2
            if sparse.issparse(value) or numeric:
                inside[f"{name}.{field}"] = value
    probe.memo["fields"] = inside
    return known | {
        name: (tuple(map(int, value.shape)), "sparse" if sparse.issparse(value) else "double")
        for name, value in inside.items()
    }


def _bounded(probe: Probe) -> None:
    """Walk the elements of the file and count what they decompress to, keeping nothing."""
    order = "<" if probe.head[126:128] == b"IM" else ">"
    total = count = 0
    length = probe.path.stat().st_size
    with open(probe.path, "rb") as file:
        file.seek(128)
        while len(tag := file.read(8)) == 8:
            kind, size = struct.unpack(order + "II", tag)
            count += 1
            if size > length - file.tell():
                raise probe.error("The file is cut off, or a size in it is wrong.", mend=_MEND)
            if count > _MAX_VARIABLES:
                raise probe.error(f"Holds more than {_MAX_VARIABLES} variables.", mend=_MEND)
            if kind != _COMPRESSED:
                file.seek(size, 1)
                continue
            inflate, left = zlib.decompressobj(), size
            while left > 0 and (piece := file.read(min(left, 1 << 16))):
                left -= len(piece)
                while piece:
                    total += len(inflate.decompress(piece, 1 << 20))
                    probe.limits.check("decompressed_bytes", total, where=probe.name)
                    piece = inflate.unconsumed_tail


def _choose(probe: Probe, content: Content) -> str:
    """Return the variable to read: the largest square matrix, or the largest matrix for features."""
    found = {
        name: shape
        for name, (shape, kind) in _variables(probe).items()
        if kind in _NUMERIC and len(shape) == 2 and min(shape) > 1
    }
    if content == "edges":
        found = {name: shape for name, shape in found.items() if shape[0] == shape[1]}
    said = probe.said_of(list(_variables(probe)), _USES)
    found = {name: shape for name, shape in found.items() if said.get(name, content) == content}
    if wanted := [name for name in found if name in said]:
        return wanted[0]
    if not found:
        there = ", ".join(
            f"{shorten(n, 40)} ({'x'.join(map(str, s))} {k})"
            for n, (s, k) in list(_variables(probe).items())[:8]
        )
        what = "square matrix" if content == "edges" else "matrix"
        raise probe.error(f"Holds no {what} of numbers. Holds: {there or 'nothing'}.", mend=_MEND)
    return max(found, key=lambda name: found[name][0] * found[name][1])


def _load(probe: Probe, name: str, content: Content) -> Any:
    """Return one variable as a checked csr_array or as an ndarray."""
    from scipy.io import loadmat

    shape, kind = _variables(probe)[name]
    check_matrix(probe, shape, 0, content)
    if kind != "sparse":
        probe.limits.check("feature_values", shape[0] * shape[1], where=probe.name)
    inside = probe.memo.get("fields", {})
    value = (
        inside[name]
        if name in inside
        else loadmat(probe.path, variable_names=[name], appendmat=False, spmatrix=False)[name]
    )
    if not sparse.issparse(value):
        if not isinstance(value, np.ndarray) or value.shape != shape:
            raise probe.error(f"Variable {shorten(name)} does not match its header.", mend=_MEND)
        return value
    if value.format != "csc" or value.shape != shape:
        raise probe.error(f"Variable {shorten(name)} does not match its header.", mend=_MEND)
    # MATLAB stores columns: the three arrays are those of the transpose.
    flipped = validate_csr(
        value.data, value.indices, value.indptr, (shape[1], shape[0]), where=f"{probe.name}, {shorten(name)}"
    )
    check_matrix(probe, shape, flipped.nnz, content)
    return flipped.T.tocsr()


def _edge_list(probe: Probe) -> str | None:
    """Return the variable that lists edges in rows of two or three, where no matrix is square."""
    variables = _variables(probe).items()
    if any(
        len(shape) == 2 and shape[0] == shape[1] > 1 and kind in _NUMERIC for _, (shape, kind) in variables
    ):
        return None
    return next(
        (
            name
            for name, (shape, kind) in variables
            if _LISTS.fullmatch(name.rpartition(".")[2]) and kind in _NUMERIC and shape[1:] in ((2,), (3,))
            and probe.how.uses.get(name, "edges") == "edges"
        ),
        None,
    )  # fmt: skip


def _listed(probe: Probe, name: str) -> Edges:
    """Return edges that are listed in rows of two numbers of nodes from 1 and, if there is one, a weight."""
    rows = _load(probe, name, "features")
    listed = np.asarray(rows.toarray() if sparse.issparse(rows) else rows, np.float64)
    probe.limits.check("edges", len(listed), where=probe.name)
    ends = listed[:, :2]
    first = int(ends.min(initial=1))
    if not (np.isfinite(listed).all() and (ends == np.floor(ends)).all() and first in (0, 1)):
        raise probe.error(
            f"Variable {shorten(name)} lists edges, but not between nodes numbered from 1.", mend=_MEND
        )
    probe.limits.check("nodes", int(ends.max(initial=0)), where=probe.name)
    n = int(ends.max(initial=0)) + 1 - first
    weights = listed[:, 2].astype(np.float32) if listed.shape[1] == 3 else None
    sources, targets = (ends.astype(np.int64) - first).T
    return numbered_edges(probe, sources, targets, n, "MATLAB", first=first, weights=weights)


def _edges(probe: Probe) -> Edges:
    listed = _edge_list(probe)
    name = listed or _choose(probe, "edges")
    if listed:
        edges = _listed(probe, name)
    else:
        matrix = _load(probe, name, "edges")
        if not sparse.issparse(matrix):
            probe.limits.check("edges", int(np.count_nonzero(matrix)), where=probe.name)
        edges = matrix_edges(probe, sparse.coo_array(matrix), "MATLAB")
    others = [other for other in _variables(probe) if other != name]
    message = f"The adjacency is variable {shorten(name)} of {probe.name}."
    tables, used = _node_tables(probe, others, len(edges.node_ids))
    unused = [other for other in others if other not in used]
    if used:
        message += f" Its nodes are described by {', '.join(map(shorten, used))}."
    if unused:
        message += f" Not used: {', '.join(map(shorten, unused[:5]))}{'…' if len(unused) > 5 else ''}."
    finding = Finding("variable", "info", message, len(unused), examples(unused))
    uses = {name: "edges"} | {
        other: "features" if at == 0 and tables[0].features is not None else "label"
        for at, other in enumerate(used)
    }
    return dataclasses.replace(
        edges, tables=tuple(tables), parts=_described(probe, uses), findings=(finding,)
    )


def _described(probe: Probe, uses: Mapping[str, str]) -> tuple[Part, ...]:
    """Return each variable with its use, shape and class."""
    return tuple(
        Part(name, uses.get(name, "ignore"), f"{' x '.join(map(str, shape))} {kind}", _USES)
        for name, (shape, kind) in _variables(probe).items()
    )


def _parts(probe: Probe, content: Content) -> tuple[Part, ...]:
    if content == "edges":
        return _edges(probe).parts
    return _described(probe, {_choose(probe, "features"): "features"})


def _node_tables(probe: Probe, others: list[str], n: int) -> tuple[list[NodeTable], list[str]]:
    """Return features and labels of `n` nodes, and the variables they are.

    Features are the matrix that is called so, else the widest one with a row per node that is no adjacency; labels are
    the vector, or the matrix with a column per class, that is called so.
    """
    found = {
        o: s for o, (s, kind) in _variables(probe).items() if o in others and kind in _NUMERIC and len(s) == 2
    }
    tables: list[NodeTable] = []
    used: list[str] = []
    said = probe.said_of(list(_variables(probe)), _USES)
    found = {o: s for o, s in found.items() if said.get(o) != "ignore"}
    told = {use: o for o, use in said.items() if o in found}
    wide = {
        o: (_FEATURES.fullmatch(o) is not None, s[1] != n, s[1])
        for o, s in found.items()
        if s[0] == n and s[1] > 1 and not _LABELS.fullmatch(o) and said.get(o, "features") == "features"
    }
    if wide:
        used.append(told.get("features") or max(wide, key=wide.__getitem__))
        tables.append(matrix_table(probe, _load(probe, used[0], "features")))
    for other, shape in found.items():
        named = other == told["label"] if "label" in told else _LABELS.fullmatch(other)
        if other in used or not named or shape[0] not in (1, n):
            continue
        vector = _classes(probe, other, shape, n)
        if vector is None:
            continue
        if (vector == np.floor(vector)).all() and len(known := np.unique(vector)) <= max(2, n // 2):
            codes = np.searchsorted(known, vector).astype(np.int32)
            names = tuple(str(int(k)) for k in known)
            tables.append(NodeTable(where=probe.name, n_rows=n, classes=codes, class_names=names))
            return tables, [*used, other]
    return tables, used


def _classes(probe: Probe, name: str, shape: tuple[int, ...], n: int) -> np.ndarray | None:
    """Return a number per node, of a vector or of a matrix with one 1 per row; None if it is neither."""
    if shape in ((n, 1), (1, min(n, probe.limits.feature_columns))):
        return _load_vector(probe, name)
    if shape[0] != n or shape[1] > n:
        return None
    marks = sparse.coo_array(_load(probe, name, "features"))
    marks.eliminate_zeros()
    if marks.nnz != n or bool((marks.data != 1).any()) or len(np.unique(marks.row)) != n:
        return None  # several classes per node, or none
    return np.asarray(marks.col[np.argsort(marks.row)] + 1.0)


def _load_vector(probe: Probe, name: str) -> np.ndarray:
    matrix = _load(probe, name, "features")
    vector: np.ndarray = (matrix.toarray() if sparse.issparse(matrix) else matrix).ravel()
    check_finite(probe, vector, np.arange(len(vector)), np.zeros(len(vector), np.int64))
    return vector


def _table(probe: Probe, content: Content, node_ids: np.ndarray) -> NodeTable:
    refuse_labels(probe, content)
    name = _choose(probe, "features")
    finding = Finding("variable", "info", f"The features are variable {shorten(name)} of {probe.name}.")
    return dataclasses.replace(
        matrix_table(probe, _load(probe, name, "features")),
        parts=_described(probe, {name: "features"}),
        findings=(finding,),
    )


def _guess(probe: Probe) -> Content:
    square = any(len(s) == 2 and s[0] == s[1] > 1 and k in _NUMERIC for s, k in _variables(probe).values())
    return "edges" if square or _edge_list(probe) else "features"


FORMAT = Format(
    key="matlab",
    title="MATLAB (.mat)",
    suffixes=("mat",),
    recognise=_recognise,
    guess=_guess,
    edges=_edges,
    table=_table,
    parts=_parts,
)
