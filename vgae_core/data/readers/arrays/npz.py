"""NumPy archives: scipy.sparse.save_npz, the gnn-benchmark layout, and one dense matrix."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import sparse

from vgae_core.data.csr import validate_csr
from vgae_core.data.findings import Part
from vgae_core.data.npz import load_npz, npz_headers
from vgae_core.data.readers.arrays.matrices import (
    check_dense,
    check_matrix,
    dense_edges,
    label_codes,
    matrix_edges,
    matrix_table,
    refuse_labels,
)
from vgae_core.data.readers.base import (
    Content,
    Edges,
    Format,
    NodeTable,
    Probe,
    examples,
    object_array,
    shorten,
)

_COMPRESSED = {"data", "indices", "indptr", "shape", "format"}
_COORDINATE = {"data", "row", "col", "shape", "format"}
_USES = ("edges", "features", "ignore")
_BENCHMARK = {"adj_indices", "adj_indptr", "adj_shape"}


def array_headers(probe: Probe) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Return shape and type of every array, read once."""
    if "npz" not in probe.memo:
        probe.memo["npz"] = npz_headers(probe.path, where=probe.name, limits=probe.limits)
    found: dict[str, tuple[tuple[int, ...], np.dtype]] = probe.memo["npz"]
    return found


def is_archive(probe: Probe) -> bool:
    """Return whether the file is an npz, whatever arrays it holds."""
    return probe.head[:4] in (b"PK\x03\x04", b"PK\x05\x06") and (
        b".npy" in probe.head[:200] or probe.stem.endswith(".npz")
    )


def _small(probe: Probe, keys: set[str], prefix: str = "") -> dict[str, np.ndarray]:
    """Read the wanted arrays, their declared sizes checked against the limits first."""
    headers = array_headers(probe)
    for key in keys:
        shape, _ = headers.get(prefix + key, ((), np.dtype(float)))
        if key in ("shape", "format") and int(np.prod(shape, dtype=object)) > 2:
            raise probe.error(f"Array `{prefix}{key}` has shape {shape}.", mend="Save the file again.")
    found = load_npz(
        probe.path, keys=[prefix + key for key in sorted(keys)], where=probe.name, limits=probe.limits
    )
    return {key: found[prefix + key] for key in keys}


def _shape(probe: Probe, array: np.ndarray) -> tuple[int, int]:
    if array.dtype.kind not in "iu" or array.shape != (2,):
        raise probe.error(
            f"The shape must be two whole numbers. Received: {array!r}.", mend="Save the file again."
        )
    return int(array[0]), int(array[1])


# ------------------------------------------------------------------------ scipy.sparse.save_npz
def _is_scipy(probe: Probe) -> bool:
    return is_archive(probe) and {"format", "shape", "data"} <= set(array_headers(probe))


def _scipy_matrix(probe: Probe, content: Content | None = None) -> sparse.coo_array:
    kind = np.asarray(_small(probe, {"format"})["format"])
    name = kind.item() if kind.size == 1 else ""
    name = name.decode("ascii", "replace") if isinstance(name, bytes) else str(name)
    keys = {"csr": _COMPRESSED, "csc": _COMPRESSED, "coo": _COORDINATE}.get(name)
    if keys is None:
        raise probe.error(
            f"Sparse format {name!r} is not supported. Known: csr, csc, coo.",
            mend="Convert it with .tocsr() before scipy.sparse.save_npz.",
        )
    if name == "coo" and "coords" in array_headers(probe):  # written by newer SciPy for coo_array
        keys = {"data", "coords", "shape", "format"}
    shape = _shape(probe, _small(probe, {"shape"})["shape"])
    nnz = int(np.prod(array_headers(probe)["data"][0], dtype=object))
    check_matrix(probe, shape, nnz, content or _square(shape))
    parts = _small(probe, keys)
    if name == "coo":
        row, col = parts["coords"] if "coords" in parts else (parts["row"], parts["col"])
        return _checked_coo(probe, parts["data"], row, col, shape)
    compressed = shape if name == "csr" else (shape[1], shape[0])
    matrix = validate_csr(parts["data"], parts["indices"], parts["indptr"], compressed, where=probe.name)
    coo = matrix.tocoo()
    return coo if name == "csr" else coo.T


def _checked_coo(
    probe: Probe, data: np.ndarray, row: np.ndarray, col: np.ndarray, shape: tuple[int, int]
) -> sparse.coo_array:
    for name, array, bound in (("row", row, shape[0]), ("col", col, shape[1])):
        if array.dtype.kind not in "iu" or array.shape != data.shape or array.ndim != 1:
            raise probe.error(f"`{name}` must be one whole number per entry.", mend="Save the file again.")
        if array.size and not 0 <= int(array.min()) <= int(array.max()) < bound:
            raise probe.error(f"`{name}` must be between 0 and {bound - 1}.", mend="Save the file again.")
    return sparse.coo_array((data, (row, col)), shape=shape)


def _square(shape: tuple[int, ...]) -> Content:
    return "edges" if len(shape) == 2 and shape[0] == shape[1] else "features"


def _guess_scipy(probe: Probe) -> Content:
    return _square(_shape(probe, _small(probe, {"shape"})["shape"]))


def _scipy_edges(probe: Probe) -> Edges:
    return matrix_edges(probe, _scipy_matrix(probe, "edges"), "SciPy sparse matrix (npz)")


def _scipy_table(probe: Probe, content: Content, node_ids: np.ndarray) -> NodeTable:
    refuse_labels(probe, content)
    return matrix_table(probe, _scipy_matrix(probe, "features"))


SCIPY = Format(
    key="scipy-npz",
    title="SciPy sparse matrix (npz)",
    suffixes=("npz",),
    recognise=_is_scipy,
    guess=_guess_scipy,
    edges=_scipy_edges,
    table=_scipy_table,
)


# --------------------------------------------------------------------------- gnn-benchmark
def _is_benchmark(probe: Probe) -> bool:
    return is_archive(probe) and set(array_headers(probe)) >= _BENCHMARK


def _benchmark_matrix(probe: Probe, prefix: str, content: Content) -> sparse.csr_array:
    headers = array_headers(probe)
    shape = _shape(probe, _small(probe, {"shape"}, prefix)["shape"])
    nnz = int(np.prod(headers.get(prefix + "indices", ((0,), None))[0], dtype=object))
    check_matrix(probe, shape, nnz, content)
    keys = {"indices", "indptr"} | ({"data"} if prefix + "data" in headers else set())
    parts = _small(probe, keys, prefix)
    data = parts.get("data", np.ones(len(parts["indices"]), np.float32))
    return validate_csr(data, parts["indices"], parts["indptr"], shape, where=f"{probe.name}, {prefix}matrix")


def _texts(probe: Probe, key: str, count: int | None) -> list[str] | None:
    """Return an array of texts; None if it is absent, holds objects or does not fit."""
    shape, dtype = array_headers(probe).get(key, ((), np.dtype(object)))
    if dtype.kind not in "US" or len(shape) != 1 or (count is not None and shape[0] != count):
        return None
    return as_texts(probe, key, load_npz(probe.path, keys=[key], where=probe.name, limits=probe.limits)[key])


def as_texts(probe: Probe, key: str, array: np.ndarray) -> list[str]:
    """Return the texts of a one-dimensional array of texts or bytes.

    Raises
    ------
    DataError
        If a number in it is no character, which NumPy finds out too late.
    """
    if array.dtype.kind == "U":
        letters = np.frombuffer(array.tobytes(), np.dtype(np.uint32).newbyteorder(array.dtype.byteorder))
        if bool(((letters > 0x10FFFF) | ((letters >= 0xD800) & (letters < 0xE000))).any()):
            raise probe.error(
                f"Array `{shorten(key)}` does not hold valid text.", mend="Save the file again."
            )
    return [t.decode("utf-8", "replace") if isinstance(t, bytes) else str(t) for t in array.tolist()]


def _benchmark_labels(probe: Probe, n: int) -> tuple[np.ndarray, tuple[str, ...]] | None:
    shape, dtype = array_headers(probe).get("labels", ((), np.dtype(object)))
    if dtype.kind not in "iu" or shape != (n,):
        return None
    labels = load_npz(probe.path, keys=["labels"], where=probe.name, limits=probe.limits)["labels"]
    known = np.unique(labels[labels >= 0])
    names = _texts(probe, "class_names", None)
    if names is None or (len(known) and int(known[-1]) >= len(names)):
        return label_codes(labels)
    return np.where(labels >= 0, labels, -1).astype(np.int32), tuple(names)


def _benchmark_edges(probe: Probe) -> Edges:
    adjacency = _benchmark_matrix(probe, "adj_", "edges")
    n = adjacency.shape[0]
    edges = matrix_edges(probe, adjacency.tocoo(), "gnn-benchmark (npz)")
    names = _texts(probe, "node_names", n)
    ids = object_array(names) if names is not None and len(set(names)) == n else edges.node_ids
    tables: list[NodeTable] = []
    if {"attr_indices", "attr_indptr", "attr_shape"} <= set(array_headers(probe)):
        table = matrix_table(probe, _benchmark_matrix(probe, "attr_", "features"))
        assert table.features is not None  # noqa: S101  narrows the type
        words = _texts(probe, "attr_names", table.features.shape[1]) or ()
        tables.append(
            NodeTable(
                where=probe.name,
                n_rows=table.n_rows,
                ids=ids,
                features=table.features,
                feature_names=tuple(words),
            )
        )
    labels = _benchmark_labels(probe, n)
    if labels is not None:
        tables.append(
            NodeTable(where=probe.name, n_rows=n, ids=ids, classes=labels[0], class_names=labels[1])
        )
    return Edges(
        rows=edges.rows,
        cols=edges.cols,
        weights=edges.weights,
        node_ids=ids,
        format=edges.format,
        directed=edges.directed,
        tables=tuple(tables),
    )


GNN_BENCHMARK = Format(
    key="gnn-benchmark",
    title="gnn-benchmark (npz)",
    suffixes=("npz",),
    recognise=_is_benchmark,
    guess=lambda probe: "edges",
    edges=_benchmark_edges,
)


# ------------------------------------------------------------------------- one dense matrix
def _dense_key(probe: Probe) -> str:
    """Return the only two-dimensional array of numbers, or say what is there instead."""
    headers = array_headers(probe)
    said = probe.said_of(list(headers), _USES)
    matrices = [
        k
        for k, (shape, dtype) in headers.items()
        if len(shape) == 2 and dtype.kind in "biuf" and said.get(k) != "ignore"
    ]
    wanted = [k for k in matrices if k in said] or matrices
    if len(wanted) == 1:
        return wanted[0]
    if matrices:
        raise probe.error(
            f"Holds several matrices: {', '.join(examples(matrices))}.",
            mend="Choose which one to read, and ignore the others.",
        )
    objects = [k for k, (_, dtype) in headers.items() if dtype.hasobject]
    if objects:
        raise probe.error(
            f"Array `{objects[0]}` holds pickled Python objects, which can run code when read.",
            mend="Save the sparse matrix with scipy.sparse.save_npz and use that file.",
        )
    raise probe.error(
        f"Holds the arrays {', '.join(sorted(headers)[:8])}: not a known layout.",
        mend="Use scipy.sparse.save_npz, the gnn-benchmark names (adj_data, …), or one 2-D array.",
    )


def _dense_matrix(probe: Probe, content: Content) -> np.ndarray:
    key = _dense_key(probe)
    shape, _ = array_headers(probe)[key]
    check_dense(probe, shape, content)
    return load_npz(probe.path, keys=[key], where=probe.name, limits=probe.limits)[key]


def _dense_edges(probe: Probe) -> Edges:
    dense = _dense_matrix(probe, "edges")
    edges = dense_edges(probe, dense, "dense matrix (npz)")
    return dataclasses.replace(edges, parts=_dense_parts(probe, "edges"))


def _dense_parts(probe: Probe, content: Content) -> tuple[Part, ...]:
    """Return each array with its use, shape and type; of several matrices nobody chose, none has one."""
    headers = array_headers(probe)
    matrices = [k for k, (shape, dtype) in headers.items() if len(shape) == 2 and dtype.kind in "biuf"]
    said = probe.said_of(list(headers), _USES)
    chosen = next((k for k, use in said.items() if use != "ignore"), None)
    chosen = chosen or (matrices[0] if len(matrices) == 1 else None)
    return tuple(
        Part(
            name,
            content if name == chosen else "ignore",
            f"{' x '.join(map(str, shape))} {dtype}",
            _USES if name in matrices else ("ignore",),
        )
        for name, (shape, dtype) in headers.items()
    )


def _dense_table(probe: Probe, content: Content, node_ids: np.ndarray) -> NodeTable:
    refuse_labels(probe, content)
    table = matrix_table(probe, _dense_matrix(probe, "features"))
    return dataclasses.replace(table, parts=_dense_parts(probe, "features"))


def _guess_dense(probe: Probe) -> Content:
    said = set(probe.how.uses.values())
    if said & {"edges", "features"}:
        return "edges" if "edges" in said else "features"
    return _square(array_headers(probe)[_dense_key(probe)][0])


DENSE = Format(
    key="dense-npz",
    title="dense matrix (npz)",
    suffixes=("npz",),
    recognise=is_archive,
    guess=_guess_dense,
    edges=_dense_edges,
    table=_dense_table,
    parts=_dense_parts,
)
