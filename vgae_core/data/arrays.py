"""Graphs as plain arrays and back, as they are stored and sent.

Everything read here may come from a stranger: sizes are checked before memory is taken, and
every index before SciPy sees it (SciPy does not, and a bad index ends the process).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from vgae_core.data.csr import validate_csr
from vgae_core.data.dataset import Features, GraphData, RawGraph
from vgae_core.data.findings import FileReport, Finding
from vgae_core.data.node_pairs import within_a_side
from vgae_core.data.npz import DAMAGED, load_npz, save_npz
from vgae_core.data.packed_texts import decode_texts, encode_texts
from vgae_core.errors import DataError, SpecError
from vgae_core.host.limits import LIMITS, Limits

VERSION = 1
_NAMES = ("feature_names", "label_names", "relation_names", "side_names")
"""Tuples of texts of a graph."""


def _object_array(texts: Collection[str]) -> np.ndarray:
    array = np.empty(len(texts), dtype=object)
    array[:] = list(texts)
    return array


def graph_to_arrays(graph: GraphData | RawGraph) -> dict[str, np.ndarray]:
    """Return the graph as arrays without objects; :func:`graph_from_arrays` is the inverse.

    Returns
    -------
    dict of str to ndarray
        ``meta`` holds JSON as uint8; texts are UTF-8 bytes with offsets; sparse matrices
        their three arrays.
    """
    raw = isinstance(graph, RawGraph)
    meta: dict[str, Any] = {
        "version": VERSION,
        "kind": "raw" if raw else "graph",
        "name": graph.name,
        "n_nodes": graph.n_nodes,
        "directed": bool(graph.directed),
        "values": list(graph.values),
    }
    arrays: dict[str, np.ndarray] = {}
    if isinstance(graph, RawGraph):
        meta |= {
            "format": graph.format,
            "symmetric": bool(graph.symmetric),
            "findings": [
                [f.code, f.level, f.message, int(f.count), list(f.examples)] for f in graph.findings
            ],
            "files": [report.to_dict() for report in graph.files],
        }
        arrays["rows"], arrays["cols"] = graph.rows, graph.cols
        if graph.weights is not None:
            arrays["weights"] = graph.weights
    else:
        _put_csr(arrays, "adjacency", graph.adjacency)
    if graph.relations is not None:
        arrays["relations"] = graph.relations
    if graph.sides is not None:
        arrays["sides"] = graph.sides
    if graph.node_ids.dtype.kind in "iu":
        arrays["node_ids"] = graph.node_ids.astype(np.int64, copy=False)
    else:
        arrays["node_ids.text"], arrays["node_ids.offsets"] = encode_texts(graph.node_ids.tolist())
    if graph.features is not None:
        meta["n_features"] = int(graph.features.shape[1])
        if sparse.issparse(graph.features):
            _put_csr(arrays, "features", graph.features)
        else:
            arrays["features"] = np.asarray(graph.features, np.float32)
    for name in _NAMES:
        texts = getattr(graph, name)
        if texts:
            arrays[f"{name}.text"], arrays[f"{name}.offsets"] = encode_texts(texts)
    if graph.labels is not None:
        arrays["labels"] = graph.labels
    for position, values in enumerate(graph.values.values()):
        arrays[f"values.{position}"] = values
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    return arrays


def _put_csr(arrays: dict[str, np.ndarray], name: str, matrix: sparse.csr_array) -> None:
    arrays[f"{name}.data"] = matrix.data.astype(np.float32, copy=False)
    arrays[f"{name}.indices"] = matrix.indices
    arrays[f"{name}.indptr"] = matrix.indptr


def graph_from_arrays(
    arrays: Mapping[str, np.ndarray], *, where: str = "graph", limits: Limits = LIMITS
) -> GraphData | RawGraph:
    """Return the graph that :func:`graph_to_arrays` took apart, after checking all of it.

    Raises
    ------
    DataError
        If an array is missing, of the wrong type or shape, or points out of range.
    LimitError
        If the graph is larger than `limits`.
    """
    return _Loader(arrays, where, limits).load()


class _Loader:
    """Reads one graph out of arrays nobody has checked yet."""

    def __init__(self, arrays: Mapping[str, np.ndarray], where: str, limits: Limits) -> None:
        self.arrays, self.where, self.limits = arrays, where, limits

    def refuse(self, message: str) -> DataError:
        return DataError(message, where=self.where, mend=DAMAGED)

    def take(self, name: str, kind: type, shape: tuple[int, ...]) -> np.ndarray:
        array = self.arrays.get(name)
        if array is None:
            raise self.refuse(f"`{name}` is missing.")
        if array.dtype != np.dtype(kind) or array.shape != shape:
            raise self.refuse(
                f"`{name}` must be {np.dtype(kind)} of shape {shape}. "
                f"Received: {array.dtype} of {array.shape}."
            )
        return array

    def finite(self, name: str, array: np.ndarray, *, gaps: bool = False) -> np.ndarray:
        """Return the array if all of it is finite, or missing (NaN) where `gaps` are allowed."""
        if not (np.isfinite(array).all() or (gaps and not np.isinf(array).any())):
            raise self.refuse(f"`{name}` must hold finite numbers.")
        return array

    def csr(self, name: str, shape: tuple[int, int], *, gaps: bool = False) -> sparse.csr_array:
        parts = [self.arrays.get(f"{name}.{part}") for part in ("data", "indices", "indptr")]
        if any(part is None for part in parts):
            raise self.refuse(f"`{name}` is incomplete.")
        data, indices, indptr = (part for part in parts if part is not None)
        if data.dtype != np.float32:
            raise self.refuse(f"`{name}.data` must be float32. Received: {data.dtype}.")
        self.finite(f"{name}.data", data, gaps=gaps)
        return validate_csr(data, indices, indptr, shape, where=f"{self.where}, {name}")

    def texts(self, name: str, count: int | None = None) -> list[str]:
        data, offsets = self.arrays.get(f"{name}.text"), self.arrays.get(f"{name}.offsets")
        if data is None or offsets is None:
            raise self.refuse(f"`{name}` is missing.")
        texts = decode_texts(data, offsets, where=f"{self.where}, {name}")
        if count is not None and len(texts) != count:
            raise self.refuse(f"`{name}` must have {count} entries. Received: {len(texts)}.")
        return texts

    def meta(self) -> dict[str, Any]:
        stored = self.arrays.get("meta")
        if stored is None or stored.dtype != np.uint8 or stored.ndim != 1:
            raise DataError(
                "This is not a graph stored by VGAE Studio.",
                where=self.where,
                mend="Choose a file written by VGAE Studio.",
            )
        try:
            meta = json.loads(stored.tobytes().decode())
        except (ValueError, RecursionError) as error:
            raise self.refuse(f"`meta` is not JSON: {error}.") from error
        kinds = {"version": int, "kind": str, "name": str, "n_nodes": int, "directed": bool, "values": list}
        if isinstance(meta, dict) and meta.get("kind") == "raw":
            kinds |= {"format": str, "symmetric": bool, "findings": list}
        for key, kind in kinds.items():
            if not isinstance(meta, dict) or type(meta.get(key)) is not kind:
                raise self.refuse(f"`meta` must have `{key}` of type {kind.__name__}.")
        if meta["version"] != VERSION:
            raise DataError(
                f"Stored in another version of the format: {meta['version']}; this one reads {VERSION}.",
                where=self.where,
                mend="Use the version of VGAE Studio that wrote it.",
            )
        if meta["kind"] not in ("raw", "graph") or meta["n_nodes"] < 0:
            raise self.refuse("`meta` describes no graph.")
        if len(meta["values"]) > 1000 or not all(isinstance(name, str) for name in meta["values"]):
            raise self.refuse("`meta` must name each list of values.")
        self.limits.check("nodes", meta["n_nodes"], where=self.where)
        return meta

    def features(self, meta: dict[str, Any], n: int) -> Features | None:
        columns = meta.get("n_features")
        if columns is None:
            return None
        if type(columns) is not int or columns < 0:
            raise self.refuse(f"`n_features` must be a whole number. Received: {columns!r}.")
        self.limits.check("feature_columns", columns, where=self.where)
        gaps = meta["kind"] == "raw"  # a repair fills them
        if "features" in self.arrays:
            return self.finite("features", self.take("features", np.float32, (n, columns)), gaps=gaps)
        matrix = self.csr("features", (n, columns), gaps=gaps)
        matrix.sum_duplicates()  # kernels downstream expect sorted indices, each once
        return matrix

    def load(self) -> GraphData | RawGraph:
        meta = self.meta()
        n: int = meta["n_nodes"]
        if "node_ids" in self.arrays:
            node_ids = self.take("node_ids", np.int64, (n,))
        else:
            node_ids = _object_array(self.texts("node_ids", n))
        features = self.features(meta, n)
        names: dict[str, tuple[str, ...]] = {}
        for name in _NAMES:
            names[name] = tuple(self.texts(name)) if f"{name}.text" in self.arrays else ()
        n_features = 0 if features is None else features.shape[1]
        if names["feature_names"] and len(names["feature_names"]) != n_features:
            raise self.refuse(f"`feature_names` must have {n_features} entries.")
        labels = None
        if "labels" in self.arrays:
            labels = self.take("labels", np.int32, (n,))
            if labels.size and not -1 <= int(labels.min()) <= int(labels.max()) < len(names["label_names"]):
                raise self.refuse(f"`labels` must be between -1 and {len(names['label_names']) - 1}.")
        sides = None
        if "sides" in self.arrays:
            sides = self.take("sides", np.int8, (n,))
            if not np.isin(sides, (0, 1)).all():
                raise self.refuse("`sides` must be 0 or 1.")
        if len(names["side_names"]) not in ((0,) if sides is None else (0, 2)):
            raise self.refuse("`side_names` must name both sides.")
        values = {
            name: self.take(f"values.{position}", np.float32, (n,))
            for position, name in enumerate(meta["values"])
        }
        shared: dict[str, Any] = {
            "name": meta["name"], "node_ids": node_ids, "directed": meta["directed"], "features": features,
            "feature_names": names["feature_names"], "labels": labels,
            "label_names": names["label_names"], "values": values, "relation_names": names["relation_names"],
            "sides": sides, "side_names": names["side_names"],
        }  # fmt: skip
        return self.raw(meta, n, shared) if meta["kind"] == "raw" else self.graph(n, shared)

    def relations(self, count: int, names: tuple[str, ...]) -> np.ndarray | None:
        if "relations" not in self.arrays:
            return None
        relations = self.take("relations", np.int32, (count,))
        if count and not 0 <= int(relations.min()) <= int(relations.max()) < len(names):
            raise self.refuse(f"`relations` must be between 0 and {len(names) - 1}.")
        return relations

    def raw(self, meta: dict[str, Any], n: int, shared: dict[str, Any]) -> RawGraph:
        rows = self.arrays.get("rows")
        if rows is None or rows.ndim != 1:
            raise self.refuse("`rows` is missing.")
        m = len(rows)
        self.limits.check("edges", m, where=self.where)
        ends = {name: self.take(name, np.int64, (m,)) for name in ("rows", "cols")}
        for name, array in ends.items():
            if m and not 0 <= int(array.min()) <= int(array.max()) < n:
                raise self.refuse(f"`{name}` must be between 0 and {n - 1}.")
        weights = None
        if "weights" in self.arrays:
            weights = self.finite("weights", self.take("weights", np.float32, (m,)), gaps=True)
        shared["relations"] = self.relations(m, shared["relation_names"])
        if shared["sides"] is not None and within_a_side(shared["sides"], *ends.values()).any():
            raise self.refuse("Edges of a two-sided graph must join both sides.")
        try:
            findings = tuple(
                Finding(str(code), level, str(message), int(count), tuple(map(str, examples)))
                for code, level, message, count, examples in meta["findings"]
            )
        except (TypeError, ValueError) as error:
            raise self.refuse(f"`findings` cannot be read: {error}.") from error
        try:
            files = tuple(FileReport.from_dict(report) for report in meta.get("files", []))
        except (TypeError, ValueError, KeyError, SpecError) as error:
            raise self.refuse(f"`files` cannot be read: {error}.") from error
        return RawGraph(
            rows=ends["rows"], cols=ends["cols"], weights=weights, format=meta["format"],
            symmetric=meta["symmetric"], findings=findings, files=files, **shared,
        )  # fmt: skip

    def graph(self, n: int, shared: dict[str, Any]) -> GraphData:
        adjacency = self.csr("adjacency", (n, n))
        # A symmetric adjacency holds each undirected edge twice.
        stored = adjacency.nnz if shared["directed"] else adjacency.nnz // 2
        self.limits.check("edges", stored, where=self.where)
        if not adjacency.has_canonical_format or (adjacency.data == 0).any():
            raise self.refuse("`adjacency` must have sorted indices without duplicates or stored zeros.")
        if (adjacency.data < 0).any():
            raise self.refuse("`adjacency` must have weights >= 0.")
        difference: Any = adjacency - adjacency.T
        if not shared["directed"] and difference.count_nonzero():
            raise self.refuse("`adjacency` of an undirected graph must be symmetric.")
        shared["relations"] = self.relations(adjacency.nnz, shared["relation_names"])
        try:
            return GraphData(adjacency=adjacency, **shared)
        except DataError as error:
            raise self.refuse(error.message) from error


def save_graph(path: Path, graph: GraphData | RawGraph, *, compress: bool = False) -> None:
    """Write the graph to `path` (npz), whole or not at all.

    Parameters
    ----------
    path : Path
    graph : GraphData or RawGraph
    compress : bool
        Deflate: smaller, and much slower for large graphs.
    """
    save_npz(path, graph_to_arrays(graph), compress=compress)


def load_graph(path: Path, *, where: str | None = None, limits: Limits = LIMITS) -> GraphData | RawGraph:
    """Return the graph :func:`save_graph` wrote; every part is checked.

    Raises
    ------
    DataError
        If the file is not a stored graph or is damaged.
    """
    where = where or Path(path).name
    return graph_from_arrays(load_npz(path, where=where, limits=limits), where=where, limits=limits)
