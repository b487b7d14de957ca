"""What leaves the studio: tables of nodes, codes and links in formats other tools open."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from vgae_core.analysis.embedding import communities, degree, uncertainty
from vgae_core.analysis.entries import expected
from vgae_core.analysis.reconstruction import node_errors, probabilities
from vgae_core.data.dataset import Features, GraphData, filled
from vgae_core.errors import DataError
from vgae_core.runs.result import RunResult

_FORMULA = r"^[=+\-@\t\r\n]"
_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"


@dataclass(frozen=True)
class Format:
    """One format of the embedding: what a button says and what it writes."""

    title: str
    help: str
    suffix: str
    mime: str
    write: Callable[[RunResult, GraphData], bytes]


# ---------------------------------------------------------------------------- tables
def node_table(result: RunResult, graph: GraphData) -> pd.DataFrame:
    """Return one row a node: who it is and what the run says of it.

    Parameters
    ----------
    result : RunResult
    graph : GraphData
        The graph the run was trained on.

    Returns
    -------
    DataFrame
        Index 0 … n_nodes - 1.  ``node`` (id); ``label`` (class name, missing where unknown)
        where the data have labels; ``degree`` (distinct neighbours) and ``community`` (0 the
        largest, -1 without edges) where there are edges; ``row_values`` (values other than 0) and
        ``row_total`` (their sum) in a run on a matrix; ``uncertainty`` (mean σ, in units of z) in a
        variational run; ``reconstruction_error`` (nats a pair, NaN without edges) in a run on a graph;
        ``feature_error`` and ``predicted_label`` with its ``label_probability`` where the run has those
        outputs; then the data's own numeric values.

    Raises
    ------
    DataError
        If the run is not of this graph.
    """
    _check_belongs(result, graph)
    columns: dict[str, object] = {"node": graph.node_ids}
    if graph.labels is not None:
        columns["label"] = _class_names(graph.labels, graph.label_names)
    if not graph.is_matrix:
        columns["degree"] = degree(graph.adjacency)
        columns["community"] = communities(graph.adjacency)
    if result.of_matrix:
        matrix: Features = graph.features
        columns["row_values"] = filled(matrix)[0]
        columns["row_total"] = np.asarray(matrix.sum(axis=1), np.float32).ravel()
    if result.z_log_var is not None:
        columns["uncertainty"] = uncertainty(result.z_log_var)
    if not result.of_matrix:
        columns["reconstruction_error"] = node_errors(
            result.z_mean, graph.adjacency, score=result.scorer(graph)
        )
    if "feature_error" in result.nodes:
        columns["feature_error"] = result.nodes["feature_error"]
    if "label_probabilities" in result.nodes:
        p = result.nodes["label_probabilities"]
        columns["predicted_label"] = _class_names(p.argmax(axis=1), graph.label_names)
        columns["label_probability"] = p.max(axis=1)
    for name, values in graph.values.items():
        columns[name if name not in columns else f"value_{name}"] = values
    return pd.DataFrame(columns)


def embedding_table(result: RunResult, graph: GraphData) -> pd.DataFrame:
    """Return :func:`node_table` followed by the latent codes, ``z_0`` … ``z_{latent_dim - 1}``.

    Parameters
    ----------
    result : RunResult
    graph : GraphData
        The graph the run was trained on.

    Returns
    -------
    DataFrame
        n_nodes rows; the codes are z_mean, float32.

    Raises
    ------
    DataError
        If the run is not of this graph.
    """
    names = [f"z_{i}" for i in range(result.z_mean.shape[1])]
    return pd.concat([node_table(result, graph), pd.DataFrame(result.z_mean, columns=names)], axis=1)


def link_table(
    graph: GraphData, pairs: np.ndarray, logits: np.ndarray, weights: np.ndarray | None = None
) -> pd.DataFrame:
    """Return one row a pair of nodes, with names, probability and what the graph says of it.

    Parameters
    ----------
    graph : GraphData
    pairs : ndarray of int64, shape (n_pairs, 2)
    logits : ndarray of float32, shape (n_pairs,)
    weights : ndarray of float, shape (n_pairs,), optional
        What the model expects their weights to be.

    Returns
    -------
    DataFrame
        ``source, target`` (ids), ``probability`` (0 to 1), ``logit``, ``expected_weight`` with `weights`,
        ``shared_neighbours``, ``source_degree, target_degree``; with labels also ``source_label, target_label``.
    """
    first, second = pairs[:, 0], pairs[:, 1]
    degrees = degree(graph.adjacency)
    columns: dict[str, object] = {
        "source": graph.node_ids[first],
        "target": graph.node_ids[second],
        "probability": probabilities(logits),
        "logit": logits,
        **({} if weights is None else {"expected_weight": weights}),
        "shared_neighbours": _shared_neighbours(graph, pairs),
        "source_degree": degrees[first],
        "target_degree": degrees[second],
    }
    if graph.labels is not None:
        columns["source_label"] = _class_names(graph.labels[first], graph.label_names)
        columns["target_label"] = _class_names(graph.labels[second], graph.label_names)
    return pd.DataFrame(columns)


def entry_table(
    graph: GraphData,
    pairs: np.ndarray,
    logits: np.ndarray,
    scale: str,
    *,
    nats: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return one row an entry of the matrix, with the names of its row and column.

    Parameters
    ----------
    graph : GraphData
        Its features are the matrix.
    pairs : ndarray of int64, shape (n_entries, 2)
        (row, column).
    logits : ndarray of float32, shape (n_entries,)
    scale : str
        A key of :data:`vgae_core.analysis.entries.SURPRISE`.
    nats : ndarray of float64, shape (n_entries,), optional
        Surprise of stored values, which are then listed too.

    Returns
    -------
    DataFrame
        ``row, column`` (names); ``value`` and ``surprise`` with `nats`; ``expected`` (a probability on the
        scale ``"logit"``, else a value), ``row_values, column_values`` (values other than 0); with labels
        also ``row_label``.
    """
    first, second = pairs[:, 0], pairs[:, 1]
    matrix: Features = graph.features
    a_row, a_column = filled(matrix)
    columns: dict[str, object] = {"row": graph.node_ids[first], "column": column_names(graph)[second]}
    if nats is not None:
        columns["value"] = np.asarray(matrix[first, second], np.float32).ravel()
    columns["expected"] = expected(logits, scale)
    if nats is not None:
        columns["surprise"] = nats
    columns |= {"row_values": a_row[first], "column_values": a_column[second]}
    if graph.labels is not None:
        columns["row_label"] = _class_names(graph.labels[first], graph.label_names)
    return pd.DataFrame(columns)


def column_names(graph: GraphData) -> np.ndarray:
    """Return the name of every column of the features, or its number from 1; str objects (n_features,)."""
    names = graph.feature_names or [f"column {i + 1}" for i in range(graph.profile.n_features)]
    return np.array(names, dtype=object)


def _check_belongs(result: RunResult, graph: GraphData) -> None:
    if len(result.z_mean) != graph.n_nodes:
        raise DataError(
            f"The run has {len(result.z_mean)} nodes, the graph {graph.n_nodes}.",
            mend="Use the graph the run was trained on, with the same repairs.",
        )


def _class_names(labels: np.ndarray, names: tuple[str, ...]) -> pd.Series:
    """Return the name of each class, missing where the label is -1."""
    text = np.array([*names, None], dtype=object)
    return pd.Series(text[labels], dtype="str")


def _shared_neighbours(graph: GraphData, pairs: np.ndarray) -> np.ndarray:
    """Return how many nodes both ends of each pair are joined to; int64, shape (n_pairs,)."""
    pattern = graph.adjacency.astype(bool)
    pattern = (pattern + pattern.T).tocsr().astype(np.int32)
    pattern.setdiag(0)
    pattern.eliminate_zeros()
    counts = np.zeros(len(pairs), dtype=np.int64)
    for start in range(0, len(pairs), 10_000):
        part = pairs[start : start + 10_000]
        both = pattern[part[:, 0]].multiply(pattern[part[:, 1]])
        counts[start : start + len(part)] = np.asarray(both.sum(axis=1)).ravel()
    return counts


# ----------------------------------------------------------------------------- bytes
def to_csv(table: pd.DataFrame) -> bytes:
    """Return `table` as CSV (UTF-8), no cell of which a spreadsheet takes for a formula.

    Text that starts with ``= + - @`` or a control character, and is not a number, gets an
    apostrophe in front, as OWASP advises; column names too.

    Parameters
    ----------
    table : DataFrame

    Returns
    -------
    bytes
    """
    safe = table.copy()
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name]):
            safe[name] = _defused(safe[name])
    safe.columns = pd.Index(_defused(pd.Series(safe.columns.astype(str))))
    return safe.to_csv(index=False, lineterminator="\n").encode("utf-8", "backslashreplace")


def _defused(column: pd.Series) -> pd.Series:
    text = column.astype("str")
    risky = text.str.contains(_FORMULA, regex=True, na=False) & ~text.str.match(_NUMBER, na=False)
    return text.where(~risky, "'" + text)


def to_parquet(table: pd.DataFrame) -> bytes:
    """Return `table` as Parquet; ids that are text stay text, untouched.

    Parameters
    ----------
    table : DataFrame

    Returns
    -------
    bytes
    """
    plain = table.copy()
    for name in plain.columns:
        if plain[name].dtype == object:
            plain[name] = plain[name].astype("str")
    return plain.to_parquet(index=False)


def embedding_npz(result: RunResult, graph: GraphData) -> bytes:
    """Return ``z_mean``, ``z_log_var`` (variational runs), ``node_ids`` and ``labels`` as npz.

    Opens with ``numpy.load(file, allow_pickle=False)``.

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
    _check_belongs(result, graph)
    ids = graph.node_ids
    arrays = {"z_mean": result.z_mean, "node_ids": ids.astype(np.str_) if ids.dtype == object else ids}
    if result.z_log_var is not None:
        arrays["z_log_var"] = result.z_log_var
    if graph.labels is not None:
        arrays["labels"] = graph.labels
        arrays["label_names"] = np.array(graph.label_names, dtype=np.str_)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def projector_zip(result: RunResult, graph: GraphData) -> bytes:
    """Return the files of TensorBoard's embedding projector, zipped.

    Parameters
    ----------
    result : RunResult
    graph : GraphData
        The graph the run was trained on.

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
    meta = node_table(result, graph)
    for name in meta.columns:  # a tab or line end within a name would shift every later row
        if not pd.api.types.is_numeric_dtype(meta[name]):
            meta[name] = meta[name].astype("str").str.replace(r"[\t\r\n\"]+", " ", regex=True)
    vectors = io.StringIO()
    np.savetxt(vectors, result.z_mean, fmt="%.7g", delimiter="\t")
    config = (
        'embeddings {\n  tensor_name: "z_mean"\n  tensor_path: "vectors.tsv"\n'
        '  metadata_path: "metadata.tsv"\n}\n'
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vectors.tsv", vectors.getvalue())
        archive.writestr("metadata.tsv", meta.to_csv(sep="\t", index=False, na_rep="", lineterminator="\n"))
        archive.writestr("projector_config.pbtxt", config)
    return buffer.getvalue()


EMBEDDING_FORMATS: dict[str, Format] = {
    "csv": Format(
        "CSV", "Node table and latent codes; spreadsheets open it.", ".csv", "text/csv",
        lambda result, graph: to_csv(embedding_table(result, graph)),
    ),
    "parquet": Format(
        "Parquet", "Node table and latent codes, typed and small; pandas, Polars, DuckDB.", ".parquet",
        "application/vnd.apache.parquet", lambda result, graph: to_parquet(embedding_table(result, graph)),
    ),
    "npz": Format(
        "NumPy", "z_mean, z_log_var and node ids as arrays (npz, no pickle).", ".npz",
        "application/octet-stream", embedding_npz,
    ),
    "projector": Format(
        "TensorBoard projector", "vectors.tsv and metadata.tsv, zipped, for projector.tensorflow.org.",
        ".zip", "application/zip", projector_zip,
    ),
}  # fmt: skip


def write_embedding(path: Path | str, result: RunResult, graph: GraphData) -> None:
    """Write the embedding to `path` in the format its suffix names, atomically.

    Parameters
    ----------
    path : Path or str
        Ends in ``.csv``, ``.parquet``, ``.npz`` or ``.zip`` (TensorBoard projector).
    result : RunResult
    graph : GraphData
        The graph the run was trained on.

    Raises
    ------
    DataError
        If the suffix names no format, or the run is not of this graph.
    """
    path = Path(path)
    known = {entry.suffix: entry for entry in EMBEDDING_FORMATS.values()}
    if path.suffix.lower() not in known:
        raise DataError(
            f"No embedding format has the suffix {path.suffix!r}.",
            where=str(path),
            mend=f"Use {', '.join(known)}.",
        )
    _write(path, known[path.suffix.lower()].write(result, graph))


def write_table(path: Path | str, table: pd.DataFrame) -> None:
    """Write `table` to `path` as CSV or Parquet, as its suffix says, atomically.

    Parameters
    ----------
    path : Path or str
        Ends in ``.csv`` or ``.parquet``.
    table : DataFrame

    Raises
    ------
    DataError
        If the suffix names no format.
    """
    path = Path(path)
    writers = {".csv": to_csv, ".parquet": to_parquet}
    if path.suffix.lower() not in writers:
        raise DataError(
            f"No table format has the suffix {path.suffix!r}.", where=str(path), mend="Use .csv or .parquet."
        )
    _write(path, writers[path.suffix.lower()](table))


def _write(path: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
