"""Graphs as plain arrays and back: the pickle-free npz every other module stores and sends.

Everything read here may come from a stranger: sizes are checked before memory is taken, and
every index before SciPy sees it (SciPy does not, and a bad index ends the process).
"""

from __future__ import annotations

import io
import itertools
import json
import lzma
import os
import struct
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from scipy import sparse

from vgae_core.data.dataset import Features, FileReport, Finding, GraphData, RawGraph, within_a_side
from vgae_core.data.limits import LIMITS, Limits
from vgae_core.errors import DataError, SpecError, StudioError

VERSION = 1
_NAMES = ("feature_names", "label_names", "relation_names", "side_names")
"""Tuples of texts of a graph."""

_DAMAGED = "The file is damaged or was made by hand: write it anew."
_UNREADABLE = (
    ValueError, TypeError, LookupError, OSError, EOFError, RuntimeError, SyntaxError, struct.error,
    tokenize.TokenError, zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip
"""What zipfile and NumPy raise on damaged files; NumPy reads the header of an array as Python."""


# ----------------------------------------------------------------------- sparse matrices
def validate_csr(
    data: np.ndarray,
    indices: np.ndarray,
    indptr: np.ndarray,
    shape: tuple[int, int],
    *,
    where: str = "",
) -> sparse.csr_array:
    """Return the CSR matrix of three arrays after checking every index.

    Parameters
    ----------
    data : ndarray of a real number type, shape (nnz,)
    indices : ndarray of integers, shape (nnz,)
        Column of each entry, in [0, n_columns).
    indptr : ndarray of integers, shape (n_rows + 1,)
        Starts with 0, never falls, ends with nnz.
    shape : tuple of int
        (n_rows, n_columns).
    where : str
        What the message names, e.g. ``"adj.npz"``.

    Returns
    -------
    csr_array, shape (n_rows, n_columns)
        Indices int32 where they fit, otherwise int64; order and duplicates as given.

    Raises
    ------
    DataError
        If the arrays do not describe a matrix.
    """
    n_rows, n_columns = int(shape[0]), int(shape[1])

    def refuse(message: str) -> DataError:
        return DataError(message, where=where, mend=_DAMAGED)

    for name, array, kinds in (("data", data, "biuf"), ("indices", indices, "iu"), ("indptr", indptr, "iu")):
        if array.ndim != 1:
            raise refuse(f"`{name}` must have one dimension. Received: shape {array.shape}.")
        if array.dtype.kind not in kinds:
            wanted = "real" if kinds == "biuf" else "whole"
            raise refuse(f"`{name}` must hold {wanted} numbers. Received: {array.dtype}.")
    if n_rows < 0 or n_columns < 0:
        raise refuse(f"A shape cannot be negative. Received: {n_rows} x {n_columns}.")
    if len(indptr) != n_rows + 1:
        raise refuse(f"`indptr` must have {n_rows + 1} entries for {n_rows} rows. Received: {len(indptr)}.")
    if len(indices) != len(data):
        raise refuse(f"`indices` and `data` differ in length: {len(indices)} and {len(data)}.")
    if int(indptr[0]) != 0 or int(indptr[-1]) != len(indices):
        raise refuse(
            f"`indptr` must run from 0 to {len(indices)}. Received: {int(indptr[0])} to {int(indptr[-1])}."
        )
    falls = np.flatnonzero(indptr[1:] < indptr[:-1])
    if falls.size:
        raise refuse(f"`indptr` falls after row {int(falls[0])}.")
    if len(indices):
        low, high = int(indices.min()), int(indices.max())
        if low < 0 or high >= n_columns:
            raise refuse(
                f"`indices` must be between 0 and {n_columns - 1}. Received: {low if low < 0 else high}."
            )
    small = max(n_rows, n_columns, len(indices)) <= np.iinfo(np.int32).max
    kind = np.int32 if small else np.int64
    return sparse.csr_array(
        (data, indices.astype(kind, copy=False), indptr.astype(kind, copy=False)), shape=(n_rows, n_columns)
    )


# --------------------------------------------------------------------------------- text
def encode_texts(texts: Collection[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the texts as UTF-8 bytes (uint8) end to end, and their offsets (int64, n + 1)."""
    pieces = [str(text).encode("utf-8", "surrogatepass") for text in texts]
    offsets = np.zeros(len(pieces) + 1, np.int64)
    np.cumsum([len(piece) for piece in pieces], out=offsets[1:])
    return np.frombuffer(b"".join(pieces), np.uint8), offsets


def decode_texts(data: np.ndarray, offsets: np.ndarray, *, where: str = "") -> list[str]:
    """Return the texts that :func:`encode_texts` wrote.

    Raises
    ------
    DataError
        If bytes and offsets disagree or are not UTF-8.
    """
    sound = (
        data.dtype == np.uint8
        and data.ndim == 1
        and offsets.dtype == np.int64
        and offsets.ndim == 1
        and len(offsets) > 0
        and offsets[0] == 0
        and offsets[-1] == len(data)
        and not np.any(offsets[1:] < offsets[:-1])
    )
    if not sound:
        raise DataError("Texts and their offsets disagree.", where=where, mend=_DAMAGED)
    raw, ends = data.tobytes(), offsets.tolist()
    try:
        return [raw[a:b].decode("utf-8", "surrogatepass") for a, b in itertools.pairwise(ends)]
    except UnicodeDecodeError as error:
        raise DataError(f"Not UTF-8 text: {error}.", where=where, mend=_DAMAGED) from error


def _object_array(texts: Collection[str]) -> np.ndarray:
    array = np.empty(len(texts), dtype=object)
    array[:] = list(texts)
    return array


# ------------------------------------------------------------------------------- graphs
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
        return DataError(message, where=self.where, mend=_DAMAGED)

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
                "This is not a stored graph.",
                where=self.where,
                mend="Choose a file that VGAE Studio wrote.",
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
                f"Stored by another version of the format: {meta['version']}; this one reads {VERSION}.",
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


# ------------------------------------------------------------------------------- files
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


def save_npz(path: Path, arrays: Mapping[str, np.ndarray], *, compress: bool = False) -> None:
    """Write arrays as npz without pickle, whole or not at all (temporary file, fsync, rename).

    Raises
    ------
    ValueError
        If an array holds Python objects.
    """
    path = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            write = np.savez_compressed if compress else np.savez
            write(file, allow_pickle=False, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def npz_headers(
    file: IO[bytes] | Path, *, where: str, limits: Limits = LIMITS
) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Return shape and type of every array of an npz, without reading the arrays.

    Raises
    ------
    DataError
        If it is not an npz, or a header disagrees with the size of its member.
    LimitError
        If it would decompress to more than ``limits.decompressed_bytes``.
    """
    headers: dict[str, tuple[tuple[int, ...], np.dtype]] = {}
    try:
        with zipfile.ZipFile(file) as archive:
            members = [m for m in archive.infolist() if m.filename.endswith(".npy")]
            if len(members) > 10_000:
                raise DataError(f"Holds {len(members):,} arrays.", where=where, mend=_DAMAGED)
            limits.check("decompressed_bytes", sum(m.file_size for m in members), where=where)
            for member in members:
                name = member.filename.removesuffix(".npy")
                with archive.open(member) as stream:
                    headers[name] = _npy_header(stream, member.file_size, where=f"{where}, {name}")
    except StudioError:
        raise
    except _UNREADABLE as error:
        raise DataError(f"Not a readable npz file: {error}.", where=where, mend=_DAMAGED) from error
    if not headers:
        raise DataError(
            "Holds no arrays.", where=where, mend="Save it with numpy.savez or scipy.sparse.save_npz."
        )
    return headers


def _npy_header(stream: IO[bytes], size: int, *, where: str) -> tuple[tuple[int, ...], np.dtype]:
    head = io.BytesIO(stream.read(70_000))
    try:
        version = np.lib.format.read_magic(head)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(head)
        else:
            shape, _, dtype = np.lib.format.read_array_header_2_0(head)
    except _UNREADABLE as error:
        raise DataError(
            f"Not a readable array: {' '.join(str(error).split())[:200]}.", where=where, mend=_DAMAGED
        ) from error
    if dtype.hasobject:
        return shape, dtype  # never read; callers that need it refuse it by name
    expected = int(np.prod([int(n) for n in shape], dtype=object)) * dtype.itemsize + head.tell()
    if any(n < 0 for n in shape) or expected != size:
        raise DataError(f"Claims {expected:,} bytes but holds {size:,}.", where=where, mend=_DAMAGED)
    return shape, dtype


def load_npz(
    path: Path, *, keys: Collection[str] | None = None, where: str | None = None, limits: Limits = LIMITS
) -> dict[str, np.ndarray]:
    """Return arrays of an npz of unknown origin: header checks first, never a pickle.

    Parameters
    ----------
    path : Path
    keys : collection of str, optional
        The arrays wanted; by default all.
    where : str, optional
        What the message names; by default the file's name.

    Raises
    ------
    DataError
        If the file is not an npz, a wanted array is missing or holds Python objects.
    LimitError
        If it would decompress to more than ``limits.decompressed_bytes``.
    """
    where = where or Path(path).name
    headers = npz_headers(Path(path), where=where, limits=limits)
    wanted = list(headers) if keys is None else list(keys)
    for key in wanted:
        if key not in headers:
            raise DataError(f"Array `{key}` is missing.", where=where, mend=_DAMAGED)
        if headers[key][1].hasobject:
            raise DataError(
                f"Array `{key}` holds pickled Python objects, which can run code when read.",
                where=where,
                mend="Save a sparse matrix with scipy.sparse.save_npz, other arrays as numbers or text.",
            )
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {key: stored[key] for key in wanted}
    except _UNREADABLE as error:
        raise DataError(f"Not a readable npz file: {error}.", where=where, mend=_DAMAGED) from error


def npy_header(path: Path, *, where: str) -> tuple[tuple[int, ...], np.dtype]:
    """Return shape and type of the array in an npy file, without reading it.

    Raises
    ------
    DataError
        If it is no npy file, or its header disagrees with its size.
    """
    with path.open("rb") as stream:
        return _npy_header(stream, path.stat().st_size, where=where)


def load_npy(path: Path, *, where: str) -> np.ndarray:
    """Return the array in an npy file of unknown origin; never a pickle.

    Raises
    ------
    DataError
        If it cannot be read, or holds Python objects.
    """
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except _UNREADABLE as error:
        raise DataError(f"Not a readable npy file: {error}.", where=where, mend=_DAMAGED) from error
