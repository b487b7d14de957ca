"""One NumPy array (npy): a matrix, a list of edges, or a label a node."""

from __future__ import annotations

import numpy as np

from vgae_core.data.npz import load_npy, npy_header
from vgae_core.data.readers.arrays.matrices import check_dense, dense_edges, label_codes, matrix_table
from vgae_core.data.readers.base import Content, Edges, Format, NodeTable, Probe

TITLE = "NumPy array (npy)"
_MEND = (
    "Provide a matrix of numbers, whole numbers of shape (2, edges), or one whole number per node as labels."
)


def _header(probe: Probe) -> tuple[tuple[int, ...], np.dtype]:
    """Return shape and type, read once; arrays of Python objects are refused."""
    if "npy" not in probe.memo:
        shape, dtype = npy_header(probe.path, where=probe.name)
        if dtype.hasobject:
            raise probe.error(
                "Holds pickled Python objects, which can run code when read.",
                mend="Save numbers with numpy.save, a sparse matrix with scipy.sparse.save_npz.",
            )
        if dtype.kind not in "biuf" or not 1 <= len(shape) <= 2 or 0 in shape:
            raise probe.error(f"Received: shape {shape} of {dtype}.", mend=_MEND)
        probe.memo["npy"] = shape, dtype
    found: tuple[tuple[int, ...], np.dtype] = probe.memo["npy"]
    return found


def _lists_edges(shape: tuple[int, ...], dtype: np.dtype) -> bool:
    """Return whether an array is a list of edges: two whole numbers each, and no square matrix."""
    return dtype.kind in "iu" and len(shape) == 2 and 2 in shape and shape[0] != shape[1]


def _guess(probe: Probe) -> Content:
    shape, dtype = _header(probe)
    if len(shape) == 1 or shape[1] == 1:
        return "labels" if dtype.kind in "biu" else "features"
    return "edges" if shape[0] == shape[1] or _lists_edges(shape, dtype) else "features"


def _edges(probe: Probe) -> Edges:
    shape, dtype = _header(probe)
    if not _lists_edges(shape, dtype):
        check_dense(probe, shape, "edges")
        return dense_edges(probe, load_npy(probe.path, where=probe.name), TITLE)
    probe.limits.check("edges", max(shape), where=probe.name)
    listed = load_npy(probe.path, where=probe.name)
    ends = listed if shape[0] == 2 else listed.T
    if dtype.kind == "u" and ends.max() > np.iinfo(np.int64).max:
        raise probe.error(f"Node number {ends.max()} is too large.", mend="Number the nodes from 0.")
    # What an edge names is a node, as in any list of edges; rows of features are matched by these numbers.
    ids, places = np.unique(ends.astype(np.int64), return_inverse=True)
    if ids[0] < 0:
        at = int(np.flatnonzero((ends < 0).any(axis=0))[0])
        raise probe.error(
            f"Edge {at}, counted from 0, is ({ends[0, at]}, {ends[1, at]}): node numbers cannot be negative.",
            mend="Number the nodes from 0.",
        )
    probe.limits.check("nodes", len(ids), where=probe.name)
    rows, cols = places.reshape(2, -1)
    return Edges(rows=rows, cols=cols, weights=None, node_ids=ids, format=TITLE)


def _table(probe: Probe, content: Content, node_ids: np.ndarray) -> NodeTable:
    shape, dtype = _header(probe)
    if content == "features":
        wide = shape if len(shape) == 2 else (*shape, 1)
        check_dense(probe, wide, "features")
        return matrix_table(probe, load_npy(probe.path, where=probe.name).reshape(wide))
    if content != "labels" or dtype.kind not in "biu" or (len(shape) == 2 and shape[1] != 1):
        raise probe.error(f"Cannot hold {content}. Received: shape {shape} of {dtype}.", mend=_MEND)
    probe.limits.check("nodes", shape[0], where=probe.name)
    labels = load_npy(probe.path, where=probe.name).ravel()
    codes, names = label_codes(labels.astype(np.uint8) if dtype.kind == "b" else labels)
    return NodeTable(where=probe.name, n_rows=len(labels), classes=codes, class_names=names)


FORMAT = Format(
    key="npy",
    title=TITLE,
    suffixes=("npy",),
    recognise=lambda probe: probe.head.startswith(b"\x93NUMPY"),
    guess=_guess,
    edges=_edges,
    table=_table,
)
