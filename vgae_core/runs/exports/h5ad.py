"""The embedding as AnnData (.h5ad), written by h5py after the format's specification.

See https://anndata.readthedocs.io/en/latest/fileformat-prose.html, on-disk format of anndata 0.8 and later.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from vgae_core.data.dataset import GraphData
from vgae_core.runs.results.result import RunResult
from vgae_core.runs.views.node_tables import check_belongs, code_names, node_table

if TYPE_CHECKING:
    import h5py


def embedding_h5ad(result: RunResult, graph: GraphData, table: pd.DataFrame | None = None) -> bytes:
    """Return a run as AnnData.

    Parameters
    ----------
    result : RunResult
    graph : GraphData
        The graph the run was trained on.
    table : DataFrame, n_nodes rows, optional
        The node table, where it is known.

    Returns
    -------
    bytes
        ``X`` holds the features as they were read, or the codes where there are none; ``obs`` the node table, texts as
        categories, indexed by the nodes' names; ``obsm["X_vgae"]`` the mean codes and ``obsm["X_vgae_sigma"]`` their σ;
        ``obsp["connectivities"]`` the edges with their weights.

    Raises
    ------
    DataError
        If the run is not of this graph.
    """
    import h5py  # late: no page needs it to offer the file

    check_belongs(result, graph)
    table = node_table(result, graph) if table is None else table
    codes = result.codes
    x = codes.z_mean if graph.features is None else graph.features
    columns = graph.feature_names or [f"column {i + 1}" for i in range(x.shape[1])]
    names = code_names(result) if graph.features is None else columns
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        _kind(file, "anndata", "0.1.0")
        _write(file, "X", x)
        _frame(file, "obs", table["node"], table.drop(columns="node"))
        _frame(file, "var", pd.Series(list(names)), pd.DataFrame(index=range(len(names))))
        for name in ("obsm", "obsp", "varm", "varp", "layers", "uns"):
            _kind(file.create_group(name), "dict", "0.1.0")
        _write(file, "obsm/X_vgae", codes.z_mean)
        if codes.z_log_var is not None:
            _write(file, "obsm/X_vgae_sigma", np.exp(0.5 * codes.z_log_var))
        if graph.has_edges:
            _write(file, "obsp/connectivities", graph.adjacency)
    return buffer.getvalue()


def _kind(item: h5py.Group | h5py.Dataset, kind: str, version: str) -> None:
    item.attrs["encoding-type"], item.attrs["encoding-version"] = kind, version


def _texts(values: Any) -> list[str]:
    """Return texts that HDF5 can hold: it ends one at a zero byte."""
    return [str(value).replace("\0", " ").encode("utf-8", "replace").decode() for value in values]


def _write(group: h5py.Group, name: str, values: Any) -> None:
    """Write a matrix, an array of numbers, or a list of texts."""
    import h5py

    if sparse.issparse(values):
        matrix = sparse.csr_array(values)
        item = group.create_group(name)
        _kind(item, "csr_matrix", "0.1.0")
        item.attrs["shape"] = np.array(matrix.shape, np.int64)
        for part in ("data", "indices", "indptr"):
            item.create_dataset(part, data=getattr(matrix, part), **_packed(getattr(matrix, part)))
    elif isinstance(values, list):
        _kind(group.create_dataset(name, data=values, dtype=h5py.string_dtype()), "string-array", "0.2.0")
    else:
        _kind(group.create_dataset(name, data=values, **_packed(values)), "array", "0.2.0")


def _packed(values: np.ndarray) -> dict[str, Any]:
    return {"compression": "gzip", "compression_opts": 4} if values.size else {}


def _frame(file: h5py.File, name: str, index: pd.Series, table: pd.DataFrame) -> None:
    """Write a data frame; columns are called as the format allows: without slashes, each name once."""
    group = file.create_group(name)
    _kind(group, "dataframe", "0.2.0")
    group.attrs["_index"] = "_index"
    _write(group, "_index", _texts(index))
    order: list[str] = []
    for column, values in table.items():
        called = _texts([column])[0].replace("/", "_") or "_"
        while called in ("_index", ".", "..", *order):
            called += "_"
        order.append(called)
        if pd.api.types.is_numeric_dtype(values):
            _write(group, called, values.to_numpy())
        else:
            _categories(group, called, values)
    import h5py

    group.attrs.create("column-order", np.array(order, dtype=object), dtype=h5py.string_dtype())


def _categories(group: h5py.Group, name: str, values: pd.Series) -> None:
    codes, categories = pd.factorize(values, sort=True)
    item = group.create_group(name)
    _kind(item, "categorical", "0.2.0")
    item.attrs["ordered"] = False
    _write(item, "codes", codes.astype(np.int32))
    _write(item, "categories", _texts(categories))
