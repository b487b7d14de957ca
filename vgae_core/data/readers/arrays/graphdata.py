"""npz files with a pickled adjacency, as the GraphData collection has them.

``adj_matrix`` and ``node_attr`` are SciPy matrices wrapped in object arrays, so NumPy would
have to unpickle them.  They are read by :mod:`~vgae_core.data.readers.arrays.restricted_pickle`
instead: its fixed list of inert stand-ins is all these files use, and anything else in them
is refused.  ``metadata`` is never read.
"""

from __future__ import annotations

import dataclasses
import zipfile

import numpy as np
from scipy import sparse

from vgae_core.data.npz import load_npz
from vgae_core.data.readers.arrays import restricted_pickle
from vgae_core.data.readers.arrays.matrices import check_matrix, label_codes, matrix_edges, matrix_table
from vgae_core.data.readers.arrays.npz import array_headers, is_archive
from vgae_core.data.readers.base import Content, Edges, Format, NodeTable, Probe
from vgae_core.errors import DataError

_RECIPE = (
    'If you trust the file: scipy.sparse.save_npz("adj.npz", '
    'numpy.load(file, allow_pickle=True)["adj_matrix"].item()), and use that file.'
)


def _recognise(probe: Probe) -> bool:
    return (
        is_archive(probe)
        and "adj_matrix" in array_headers(probe)
        and array_headers(probe)["adj_matrix"][1].hasobject
    )


def _matrix(probe: Probe, key: str, content: Content) -> sparse.csr_array:
    where = f"{probe.name}, {key}"
    with zipfile.ZipFile(probe.path) as archive, archive.open(key + ".npy") as stream:
        if np.lib.format.read_magic(stream) == (1, 0):
            np.lib.format.read_array_header_1_0(stream)
        else:
            np.lib.format.read_array_header_2_0(stream)
        pickled = stream.read()
    what = f"Array `{key}` holds pickled Python objects, which can run code when read"
    try:
        held = restricted_pickle.load(pickled, where=where)
    except DataError as error:
        raise probe.error(f"{what}: {error.message}", mend=_RECIPE) from error
    matrix = held.only() if isinstance(held, restricted_pickle.Array) else None
    if not isinstance(matrix, restricted_pickle.Csr):
        raise probe.error(f"{what}: expected one CSR matrix.", mend=_RECIPE)
    shape = matrix.shape(where)
    check_matrix(probe, shape, 0, content)
    csr = matrix.matrix(where)
    check_matrix(probe, shape, csr.nnz, content)
    return csr


def _edges(probe: Probe) -> Edges:
    adjacency = _matrix(probe, "adj_matrix", "edges")
    edges = matrix_edges(probe, adjacency.tocoo(), "GraphData (npz)")
    n = adjacency.shape[0]
    tables: list[NodeTable] = []
    found = array_headers(probe)
    if "node_attr" in found and found["node_attr"][1].hasobject:
        tables.append(matrix_table(probe, _matrix(probe, "node_attr", "features")))
    shape, dtype = found.get("node_label", ((), np.dtype(object)))
    if dtype.kind in "iu" and shape == (n,):
        labels = load_npz(probe.path, keys=["node_label"], where=probe.name, limits=probe.limits)[
            "node_label"
        ]
        codes, names = label_codes(labels)
        tables.append(NodeTable(where=probe.name, n_rows=n, classes=codes, class_names=names))
    return dataclasses.replace(edges, tables=tuple(tables))


FORMAT = Format(
    key="graphdata-npz",
    title="GraphData (npz)",
    suffixes=("npz",),
    recognise=_recognise,
    guess=lambda probe: "edges",
    edges=_edges,
)
