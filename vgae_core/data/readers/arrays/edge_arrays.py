"""NumPy archives of edges, node features and labels as separate arrays, as PyTorch Geometric names them.

``edge_index`` (2, m), ``x`` (n, d), ``y`` (n,), ``edge_weight`` (m,); the names of the heterophilous
graphs of Platonov et al. (2023): ``edges`` (m, 2), ``node_features``, ``node_labels``; and their like.
Edges may also be two arrays of ends, ``src`` and ``dst`` (m,), or a dense adjacency ``adj`` (n, n) beside
arrays of n rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from vgae_core.data.findings import Finding, Part
from vgae_core.data.npz import load_npz
from vgae_core.data.readers.arrays.matrices import (
    check_dense,
    check_finite,
    dense_edges,
    label_codes,
    matrix_table,
)
from vgae_core.data.readers.arrays.npz import array_headers, as_texts, is_archive
from vgae_core.data.readers.base import Content, Edges, Format, NodeTable, Probe, examples, shorten
from vgae_core.data.readers.text.lines import numbered_edges

_NAMES: dict[str, tuple[str, ...]] = {
    "edges": ("edge_index", "edges", "edge_list", "edgelist"),
    "source": (),
    "target": (),
    "features": (
        "x", "node_features", "features", "feat", "feats", "node_feat", "node_attr", "attr", "attrs", "attributes",
    ),
    "label": ("y", "node_labels", "labels", "label", "node_label", "target"),
    "weight": ("edge_weight", "edge_weights", "weights", "weight", "edge_attr", "w", "data"),
}  # fmt: skip
_ENDS = (("src", "dst"), ("source", "target"), ("row", "col"), ("rows", "cols"), ("sources", "targets"), ("u", "v"),
         ("from", "to"), ("head", "tail"), ("i", "j"))  # fmt: skip
"""Pairs of names for sources and targets in two arrays."""
_ADJACENCY = frozenset(
    {"adj", "a", "adjacency", "adj_matrix", "adjacency_matrix", "adj_mat", "graph", "affinity", "w"}
)
_MATRIX = frozenset({*_NAMES["features"], "data", "matrix", "values", "m"})
"""Names of a square matrix that is no adjacency."""
_TITLE = "edge_index, x, y (npz)"
_MATRIX_TITLE = "adjacency, features, labels (npz)"
Headers = Mapping[str, tuple[tuple[int, ...], np.dtype]]
_MEND = "Save it with numpy.savez(path, edge_index=…, x=…, y=…): whole numbers (2, edges), (nodes, features), (nodes,)."


def _lists_edges(shape: tuple[int, ...], dtype: np.dtype) -> bool:
    return dtype.kind in "iu" and len(shape) == 2 and 2 in shape


def _lists_ends(shape: tuple[int, ...], dtype: np.dtype) -> bool:
    return dtype.kind in "iu" and len(shape) == 1


def _is_square(shape: tuple[int, ...], dtype: np.dtype) -> bool:
    return dtype.kind in "biuf" and len(shape) == 2 and shape[0] == shape[1] > 2


def _two_ends(headers: Headers) -> tuple[str, str] | None:
    """Return the names of two arrays that list sources and targets."""
    named = {name.lower(): name for name in headers}
    if "shape" in named:
        return None  # of a matrix, which need not be square
    for pair in _ENDS:
        if not named.keys() >= set(pair):
            continue
        source, target = (named[name] for name in pair)
        same = headers[source][0] == headers[target][0]
        if same and _lists_ends(*headers[source]) and _lists_ends(*headers[target]):
            return source, target
    return None


def _adjacency(headers: Headers) -> str | None:
    """Return the name of the only square matrix, or the one called so, beside arrays with a row per node."""
    squares = [name for name, header in headers.items() if _is_square(*header)]
    called_so = [name for name in squares if name.lower() in _ADJACENCY]
    likely = called_so or [name for name in squares if name.lower() not in _MATRIX]
    if len(likely) != 1:
        return None
    n = headers[likely[0]][0][0]
    others = [(name.lower(), shape) for name, (shape, _) in headers.items() if name != likely[0]]
    beside = any(len(shape) in (1, 2) and shape[0] == n for _, shape in others)
    return likely[0] if beside else None


def _is_edge_index(probe: Probe) -> bool:
    if not is_archive(probe):
        return False
    headers = array_headers(probe)
    named = {name.lower(): header for name, header in headers.items()}
    listed = any(name in named and _lists_edges(*named[name]) for name in _NAMES["edges"])
    if listed or probe.how.role not in ("auto", "edges"):
        return listed
    kept = {
        name: header
        for name, header in headers.items()
        if probe.how.uses.get(name) not in ("ignore", "features")
    }
    return _two_ends(kept) is not None or _adjacency(headers) in kept


def _possible(shape: tuple[int, ...], dtype: np.dtype) -> tuple[str, ...]:
    uses = []
    if _lists_edges(shape, dtype) or _is_square(shape, dtype):
        uses.append("edges")
    if _lists_ends(shape, dtype):
        uses += ["source", "target"]
    if dtype.kind in "biuf" and len(shape) in (1, 2):
        uses += ["features"] if len(shape) == 2 else []
        uses += ["label", "weight"]
    elif dtype.kind in "US" and len(shape) == 1:
        uses.append("label")
    return (*uses, "ignore")


def _uses(probe: Probe) -> dict[str, str]:
    """Return the array of each use: what the user says, then the usual names."""
    headers = array_headers(probe)
    chosen = probe.said_of(list(headers), (*_NAMES, "ignore"))
    for name, use in chosen.items():
        if use not in _possible(*headers[name]):
            raise probe.error(
                f"{shorten(name)!r} cannot be used as {use!r} here.",
                mend=f"Choose one of: {', '.join(_possible(*headers[name]))}.",
            )
    uses = {use: name for name, use in chosen.items() if use != "ignore"}
    unsaid = {name: header for name, header in headers.items() if name not in chosen}
    if not {"edges", "source", "target"} & uses.keys():
        uses |= _usual_edges(unsaid, headers)
    for use, usual in _NAMES.items():
        left = {name: header for name, header in unsaid.items() if name not in uses.values()}
        free = {name.lower(): name for name, header in left.items() if use in _possible(*header)}
        first = next((free[n] for n in usual if n in free), None)
        if use not in uses and first is not None:
            uses[use] = first
    return uses


def _usual_edges(headers: Headers, every: Headers) -> dict[str, str]:
    """Return the arrays that hold the edges, as they are usually called, among those nobody chose of `every` array."""
    lists = {name.lower(): name for name, header in headers.items() if _lists_edges(*header)}
    listed = next((lists[name] for name in _NAMES["edges"] if name in lists), None)
    if listed is not None:
        return {"edges": listed}
    ends = _two_ends(headers)
    if ends is not None:
        return dict(zip(("source", "target"), ends, strict=True))
    matrix = _adjacency(every)
    return {"edges": matrix} if matrix is not None and matrix in headers else {}


def _array(probe: Probe, name: str) -> np.ndarray:
    return load_npz(probe.path, keys=[name], where=probe.name, limits=probe.limits)[name]


def _ends(probe: Probe, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return sources and targets, int64, of an array (2, m) or (m, 2)."""
    shape, _ = array_headers(probe)[name]
    probe.limits.check("edges", max(shape), where=probe.name)
    listed = _array(probe, name)
    across = shape[0] == 2 and (shape[1] != 2 or name.lower() == "edge_index")
    return _node_numbers(probe, name, listed if across else listed.T)


def _two_arrays(probe: Probe, source: str, target: str) -> tuple[np.ndarray, np.ndarray]:
    """Return sources and targets, int64, of two arrays (m,)."""
    (n_sources,), (n_targets,) = (array_headers(probe)[name][0] for name in (source, target))
    probe.limits.check("edges", max(n_sources, n_targets), where=probe.name)
    if n_sources != n_targets:
        raise probe.error(
            f"`{shorten(source)}` lists {n_sources:,} ends of edges, `{shorten(target)}` {n_targets:,}.",
            mend=_MEND,
        )
    ends = np.stack([_array(probe, name).astype(np.int64) for name in (source, target)])
    return _node_numbers(probe, source, ends)


def _node_numbers(probe: Probe, name: str, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if ends.size and ends.dtype.kind == "u" and int(ends.max()) > np.iinfo(np.int64).max:
        raise probe.error(f"Node number {ends.max()} is too large.", mend="Number the nodes from 0.")
    ends = ends.astype(np.int64)
    if ends.size and int(ends.min()) < 0:
        at = int(np.flatnonzero((ends < 0).any(axis=0))[0])
        raise probe.error(
            f"Edge {at} of `{shorten(name)}`, counted from 0, is ({ends[0, at]}, {ends[1, at]}): node numbers cannot "
            "be negative.",
            mend="Number the nodes from 0.",
        )
    return ends[0], ends[1]


def _n_nodes(probe: Probe, uses: dict[str, str], highest: int) -> int:
    """Return how many nodes there are: as features, labels or `num_nodes` say, else as the edges name."""
    headers = array_headers(probe)
    counts = {headers[uses[use]][0][0]: uses[use] for use in ("features", "label") if use in uses}
    if len(counts) > 1:
        told = " and ".join(f"`{shorten(name)}` for {n:,}" for n, name in counts.items())
        raise probe.error(f"Has rows in {told} nodes.", mend=_MEND)
    if (
        "num_nodes" in headers
        and headers["num_nodes"][0] in ((), (1,))
        and headers["num_nodes"][1].kind in "iu"
    ):
        counts.setdefault(int(_array(probe, "num_nodes").ravel()[0]), "num_nodes")
    n = max(counts, default=highest + 1)
    if highest >= n:
        raise probe.error(
            f"An edge names node {highest:,}, counted from 0. `{shorten(counts[n])}` is for {n:,} nodes.",
            mend=_MEND,
        )
    return n


def _labels(probe: Probe, name: str, n: int, findings: list[Finding]) -> NodeTable | None:
    """Return classes, or values where the labels are no whole numbers."""
    labels = _array(probe, name)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2:
        if not bool(((labels == 0) | (labels == 1)).all() and (labels.sum(axis=1) == 1).all()):
            findings.append(Finding("labels-ignored", "warning",
                f"`{shorten(name)}` of {probe.name} has {labels.shape[1]:,} labels per node and was not used: a node "
                f"has one class.", n))  # fmt: skip
            return None
        labels = labels.argmax(axis=1)
    if labels.dtype.kind in "US":
        texts = as_texts(probe, name, labels)
        names, codes = np.unique(np.array(texts, object), return_inverse=True)
        return NodeTable(
            where=probe.name, n_rows=n, classes=codes.astype(np.int32), class_names=tuple(map(str, names))
        )
    if labels.dtype.kind == "f":
        known = np.isfinite(labels)
        if (
            not bool((labels[known] == np.floor(labels[known])).all())
            or np.abs(labels[known]).max(initial=0) > 2**31
        ):
            with np.errstate(over="ignore"):
                numbers = np.where(np.isinf(labels), np.nan, labels).astype(np.float32)
            return NodeTable(where=probe.name, n_rows=n, values={name: numbers})
        labels = np.where(known, labels, -1).astype(np.int64)
    codes, names_of = label_codes(labels.astype(np.uint8) if labels.dtype.kind == "b" else labels)
    return NodeTable(where=probe.name, n_rows=n, classes=codes, class_names=names_of)


def _tables(probe: Probe, uses: dict[str, str], n: int) -> tuple[tuple[NodeTable, ...], list[Finding]]:
    """Return features and labels of `n` nodes."""
    findings: list[Finding] = []
    tables: list[NodeTable | None] = []
    if "features" in uses:
        check_dense(probe, array_headers(probe)[uses["features"]][0], "features")
        tables.append(matrix_table(probe, _array(probe, uses["features"])))
    if "label" in uses:
        tables.append(_labels(probe, uses["label"], n, findings))
    return tuple(table for table in tables if table is not None), findings


def _arrays_left(probe: Probe, uses: dict[str, str]) -> list[Finding]:
    left = [name for name in array_headers(probe) if name not in uses.values() and name != "num_nodes"]
    if not left:
        return []
    return [Finding("arrays-ignored", "info",
            f"Arrays of {probe.name} that were not used: {', '.join(map(shorten, left[:5]))}"
            f"{'…' if len(left) > 5 else ''}. Training makes its own splits.", len(left),
            examples(left))]  # fmt: skip


def _matrix_edges(probe: Probe, uses: dict[str, str]) -> Edges:
    """Return the entries of a dense adjacency, with the features and labels beside it."""
    name = uses["edges"]
    shape = array_headers(probe)[name][0]
    check_dense(probe, shape, "edges")
    for use in ("features", "label"):
        rows = array_headers(probe)[uses[use]][0][0] if use in uses else shape[0]
        if rows != shape[0]:
            raise probe.error(
                f"`{shorten(uses[use])}` has {rows:,} rows. `{shorten(name)}` is for {shape[0]:,} nodes.",
                mend="Save arrays with one row per node.",
            )
    uses = {use: array for use, array in uses.items() if use in ("edges", "features", "label")}
    tables, findings = _tables(probe, uses, shape[0])
    edges = dense_edges(probe, _array(probe, name), _MATRIX_TITLE)
    return dataclasses.replace(
        edges, tables=tables, parts=_parts(probe, "edges"), findings=(*findings, *_arrays_left(probe, uses))
    )


def _edges(probe: Probe) -> Edges:
    uses = _uses(probe)
    if "edges" in uses and _is_square(*array_headers(probe)[uses["edges"]]):
        return _matrix_edges(probe, uses)
    if "edges" in uses:
        rows, cols = _ends(probe, uses["edges"])
    elif {"source", "target"} <= uses.keys():
        rows, cols = _two_arrays(probe, uses["source"], uses["target"])
    else:
        raise probe.error("No array is left for edges.", mend=_MEND)
    highest = max(int(rows.max(initial=-1)), int(cols.max(initial=-1)))
    n = _n_nodes(probe, uses, highest)
    if not n:
        raise probe.error("Holds no nodes.", mend=_MEND)
    probe.limits.check("nodes", n, where=probe.name)
    tables, findings = _tables(probe, uses, n)
    weights = None
    if "weight" in uses:
        values = _array(probe, uses["weight"])
        values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
        if values.shape == rows.shape:
            check_finite(probe, values, rows, cols)
            weights = values.astype(np.float32)
        else:
            del uses["weight"]
    findings += _arrays_left(probe, uses)
    return numbered_edges(
        probe, rows, cols, n, _TITLE, first=0, weights=weights,
        tables=tables, findings=findings, parts=_parts(probe, "edges"),
    )  # fmt: skip


def _parts(probe: Probe, content: Content) -> tuple[Part, ...]:
    used = {name: use for use, name in _uses(probe).items()}
    return tuple(
        Part(
            name, used.get(name, "ignore"), f"{' x '.join(map(str, shape))} {dtype}", _possible(shape, dtype)
        )
        for name, (shape, dtype) in array_headers(probe).items()
    )


FORMAT = Format(
    key="edge-arrays",
    title=_TITLE,
    suffixes=("npz",),
    recognise=_is_edge_index,
    guess=lambda probe: "edges",
    edges=_edges,
    parts=_parts,
)
