"""The embedding as a file, in formats other tools open.

All of it is of the graph as it is: with codes of all edges where the run has them (:attr:`RunResult.codes`).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from vgae_core.data.dataset import GraphData
from vgae_core.data.packed_texts import encode_texts
from vgae_core.errors import DataError
from vgae_core.runs.exports.h5ad import embedding_h5ad
from vgae_core.runs.exports.subgraph_files import GRAPH_FORMATS, write_graph
from vgae_core.runs.exports.table_files import protected, text_of, to_csv, to_parquet, write_bytes
from vgae_core.runs.results.codes import encoded_from
from vgae_core.runs.results.result import RunResult
from vgae_core.runs.views.node_tables import check_belongs, embedding_table, node_table


@dataclass(frozen=True)
class EmbeddingFormat:
    """One format of the embedding: what a button says and what it writes.

    ``write(result, graph, table, protect)`` returns the file: `table` is the node table, worked out where it is
    None, and `protect` as in :func:`to_csv`, where it is a text.
    """

    title: str
    help: str
    suffix: str
    mime: str
    write: Callable[[RunResult, GraphData, pd.DataFrame | None, bool], bytes]


def embedding_npz(result: RunResult, graph: GraphData) -> bytes:
    """Return ``z_mean``, ``z_log_var`` (variational runs), ``encoded_from``, ``node_ids`` and ``labels`` as npz.

    Opens with ``numpy.load(file, allow_pickle=False)``.  Texts, which are ids that are no integers and the names
    of labels, are UTF-8 bytes end to end with offsets: ``bytes(a["node_ids.text"][i:j]).decode()`` for the
    successive i, j of ``a["node_ids.offsets"]``.  An array of str would pad each to the longest.

    Parameters
    ----------
    result : RunResult
    graph : GraphData
        The graph the run was trained on.

    Returns
    -------
    bytes

    Raises
    ------
    DataError
        If the run is not of this graph.
    """
    check_belongs(result, graph)
    codes = result.codes
    arrays = {"z_mean": codes.z_mean, "encoded_from": np.array(encoded_from(result))}
    if graph.node_ids.dtype == object:
        arrays["node_ids.text"], arrays["node_ids.offsets"] = encode_texts(graph.node_ids.tolist())
    else:
        arrays["node_ids"] = graph.node_ids
    if codes.z_log_var is not None:
        arrays["z_log_var"] = codes.z_log_var
    if graph.labels is not None:
        arrays["labels"] = graph.labels
        arrays["label_names.text"], arrays["label_names.offsets"] = encode_texts(graph.label_names)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def projector_zip(
    result: RunResult, graph: GraphData, table: pd.DataFrame | None = None, *, protect: bool = False
) -> bytes:
    """Return the files of TensorBoard's embedding projector, zipped.

    Parameters
    ----------
    result : RunResult
    graph : GraphData
        The graph the run was trained on.
    table : DataFrame, optional
        The node table, where it is known.
    protect : bool
        As in :func:`to_csv`, of the texts in ``metadata.tsv``.

    Returns
    -------
    bytes
        A zip of ``vectors.tsv`` (no header), ``metadata.tsv`` (with one) and
        ``projector_config.pbtxt``, for projector.tensorflow.org or a TensorBoard log folder.

    Raises
    ------
    DataError
        If the run is not of this graph.
    """
    meta = node_table(result, graph) if table is None else table.copy()
    for name in meta.columns:  # a tab or line end within a name would shift every later row
        if not pd.api.types.is_numeric_dtype(meta[name]):
            meta[name] = meta[name].astype("str").str.replace(r"[\t\r\n\"]+", " ", regex=True)
    if protect:
        meta = protected(meta)
    vectors = io.StringIO()
    np.savetxt(vectors, result.codes.z_mean, fmt="%.7g", delimiter="\t")
    config = (
        'embeddings {\n  tensor_name: "z_mean"\n  tensor_path: "vectors.tsv"\n'
        '  metadata_path: "metadata.tsv"\n}\n'
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vectors.tsv", vectors.getvalue())
        archive.writestr("metadata.tsv", text_of(meta, "\t"))
        archive.writestr("projector_config.pbtxt", config)
    return buffer.getvalue()


EMBEDDING_FORMATS: dict[str, EmbeddingFormat] = {
    "csv": EmbeddingFormat(
        "CSV", "Node table and latent codes; spreadsheets open it.", ".csv", "text/csv",
        lambda result, graph, table, protect: to_csv(embedding_table(result, graph, table), protect=protect),
    ),
    "parquet": EmbeddingFormat(
        "Parquet", "Node table and latent codes, typed and small; pandas, Polars, DuckDB.", ".parquet",
        "application/vnd.apache.parquet",
        lambda result, graph, table, protect: to_parquet(embedding_table(result, graph, table)),
    ),
    "npz": EmbeddingFormat(
        "NumPy", "z_mean, z_log_var and node ids as arrays (npz, no pickle); texts as UTF-8 bytes with offsets.",
        ".npz", "application/octet-stream", lambda result, graph, table, protect: embedding_npz(result, graph),
    ),
    "projector": EmbeddingFormat(
        "TensorBoard projector", "vectors.tsv and metadata.tsv, zipped, for projector.tensorflow.org.",
        ".zip", "application/zip",
        lambda result, graph, table, protect: projector_zip(result, graph, table, protect=protect),
    ),
    "h5ad": EmbeddingFormat(
        "AnnData", "Features as X, node table as obs, codes in obsm, edges in obsp; scanpy and anndata.", ".h5ad",
        "application/x-hdf5", lambda result, graph, table, protect: embedding_h5ad(result, graph, table),
    ),
}  # fmt: skip

WHOLE_GRAPH_FORMATS: dict[str, EmbeddingFormat] = {
    name: EmbeddingFormat(
        entry.title,
        "Nodes with codes and all columns, edges with the model's scores, and the likeliest missing links; Gephi, "
        "networkx" + (", igraph." if name == "graphml" else "."),
        entry.suffix,
        entry.mime,
        lambda result, graph, table, protect, name=name: write_graph(result, graph, name, table),  # type: ignore[misc]
    )
    for name, entry in GRAPH_FORMATS.items()
}
"""Formats of the graph with the embedding; not of a matrix, which has no edges."""


def formats_for(graph: GraphData) -> dict[str, EmbeddingFormat]:
    """Return the formats in which an embedding of these data can be written."""
    return EMBEDDING_FORMATS | WHOLE_GRAPH_FORMATS if graph.has_edges else EMBEDDING_FORMATS


def write_embedding(path: Path | str, result: RunResult, graph: GraphData, *, protect: bool = False) -> None:
    """Write the embedding to `path` in the format its suffix names, atomically.

    Parameters
    ----------
    path : Path or str
        Ends in ``.csv``, ``.parquet``, ``.npz``, ``.zip`` (TensorBoard projector), ``.h5ad``, or of a graph in
        ``.graphml`` or ``.gexf``.
    result : RunResult
    graph : GraphData
        The graph the run was trained on.
    protect : bool
        As in :func:`to_csv`.

    Raises
    ------
    DataError
        If the suffix names no format, or the run is not of this graph.
    """
    path = Path(path)
    known = {entry.suffix: entry for entry in formats_for(graph).values()}
    if path.suffix.lower() not in known:
        raise DataError(
            f"No embedding format has the suffix {path.suffix!r}.",
            where=str(path),
            mend=f"Use {', '.join(known)}.",
        )
    write_bytes(path, known[path.suffix.lower()].write(result, graph, None, protect))
