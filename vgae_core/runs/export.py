"""What leaves the studio: tables of nodes, codes and links in formats other tools open.

All of it is of the graph as it is: with codes of all edges where the run has them (:attr:`RunResult.codes`).
"""

from __future__ import annotations

import csv
import functools
import io
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from vgae_core.analysis.embedding import communities, degree, uncertainty
from vgae_core.analysis.entries import expected
from vgae_core.analysis.rankings import surprise
from vgae_core.analysis.reconstruction import node_errors
from vgae_core.analysis.scoring import probabilities
from vgae_core.catalogue.base import Entry
from vgae_core.data.arrays import load_graph
from vgae_core.data.dataset import Features, GraphData, filled
from vgae_core.data.packed_texts import encode_texts
from vgae_core.errors import DataError
from vgae_core.runs.codes import completed, encoded_from
from vgae_core.runs.folder import RunFolder
from vgae_core.runs.result import RunResult

SMALL_EDGES = 50_000
"""Edges up to which the node table takes less time than starting a process."""

SECONDS = 600.0
"""Time for the node table of a large graph."""

_FORMULA = r"^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
"""Beginnings that spreadsheets take for a formula, as OWASP lists them; the full-width forms too."""

_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"


@dataclass(frozen=True)
class Format:
    """One format of the embedding: what a button says and what it writes.

    ``write(result, graph, table, protect)`` returns the file: `table` is the node table, worked out where it is
    None, and `protect` as in :func:`to_csv`, where it is a text.
    """

    title: str
    help: str
    suffix: str
    mime: str
    write: Callable[[RunResult, GraphData, pd.DataFrame | None, bool], bytes]


PROTECT = Entry(
    title="For spreadsheets: protect cells that look like formulas",
    help="An apostrophe is put in front of texts that begin with = + - or @ and are no numbers, so that Excel and "
    "LibreOffice do not calculate them. Leave it off to join the file with other data: names stay as they are.",
)
"""The choice beside downloads of text."""


# ---------------------------------------------------------------------------- tables
def node_table(
    result: RunResult, graph: GraphData, columns: Mapping[str, np.ndarray] | None = None
) -> pd.DataFrame:
    """Return one row a node: who it is and what the run says of it.

    Parameters
    ----------
    result : RunResult
    graph : GraphData
        The graph the run was trained on.
    columns : mapping, optional
        Of :func:`node_columns`, where they are known; those that are not among them are left out.

    Returns
    -------
    DataFrame
        Index 0 … n_nodes - 1.  ``node`` (id); ``label`` (class name, missing where unknown)
        where the data have labels; ``degree`` (distinct neighbours) and ``community`` (0 the
        largest, -1 without edges) where there are edges; ``row_values`` (values other than 0) and
        ``row_total`` (their sum) in a run on a matrix; ``uncertainty`` (mean σ, in units of z) in a
        variational run; ``reconstruction_error`` (nats a pair, NaN without edges) in a run on a graph;
        ``feature_error`` and ``predicted_label`` with its ``label_probability`` where the run has those
        outputs; then the data's own numeric values, called ``value_…`` where their name is one of these or a code's.

    Raises
    ------
    DataError
        If the run is not of this graph.
    """
    _check_belongs(result, graph)
    costly = node_columns(result, graph) if columns is None else columns
    table: dict[str, object] = {"node": graph.node_ids}
    if graph.labels is not None:
        table["label"] = _class_names(graph.labels, graph.label_names)
    if not graph.is_matrix:
        table["degree"] = degree(graph.adjacency)
    if "community" in costly:
        table["community"] = costly["community"]
    if result.of_matrix:
        matrix: Features = graph.features
        table["row_values"] = filled(matrix)[0]
        table["row_total"] = np.asarray(matrix.sum(axis=1), np.float32).ravel()
    if result.codes.z_log_var is not None:
        table["uncertainty"] = uncertainty(result.codes.z_log_var)
    if "reconstruction_error" in costly:
        table["reconstruction_error"] = costly["reconstruction_error"]
    if "feature_error" in result.nodes:
        table["feature_error"] = result.nodes["feature_error"]
    if "label_probabilities" in result.nodes:
        p = result.nodes["label_probabilities"]
        table["predicted_label"] = _class_names(p.argmax(axis=1), graph.label_names)
        table["label_probability"] = p.max(axis=1)
    codes = _code_names(result)
    for name, values in graph.values.items():
        while name in table or name in codes:
            name = f"value_{name}"
        table[name] = values
    return pd.DataFrame(table)


def node_columns(result: RunResult, graph: GraphData) -> dict[str, np.ndarray]:
    """Return the columns of :func:`node_table` that take seconds on a large graph: communities and errors."""
    columns: dict[str, np.ndarray] = {}
    if not graph.is_matrix:
        columns["community"] = communities(graph.adjacency)
    if not result.of_matrix:
        columns["reconstruction_error"] = node_errors(
            result.codes.z_mean, graph.adjacency, score=result.link_scorer(graph), sides=graph.sides
        )
    return columns


def node_columns_task(
    arrays: dict[str, np.ndarray], options: dict[str, Any], progress: Callable[[float, str], None]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return :func:`node_columns` as a task of a child process.

    `options` holds the paths of a run and of its graph, and ``most_nodes`` of
    :func:`vgae_core.runs.codes.completed`.
    """
    if hasattr(os, "nice"):
        os.nice(10)  # a page that is asked for meanwhile comes first
    graph = load_graph(Path(options["graph"]))
    if not isinstance(graph, GraphData):
        raise DataError("Expected a graph after repairs.", where=options["graph"])
    result = completed(RunFolder(Path(options["run"])).result(), graph, most_nodes=int(options["most_nodes"]))
    return node_columns(result, graph), {}


def _code_names(result: RunResult) -> list[str]:
    return [f"z_{i}" for i in range(result.z_mean.shape[1])]


def embedding_table(result: RunResult, graph: GraphData, table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return :func:`node_table` followed by the latent codes, ``z_0`` … ``z_{latent_dim - 1}``.

    Parameters
    ----------
    result : RunResult
    graph : GraphData
        The graph the run was trained on.
    table : DataFrame, optional
        The node table, where it is known.

    Returns
    -------
    DataFrame
        n_nodes rows; the codes are the z_mean of all edges (:attr:`RunResult.codes`), float32.

    Raises
    ------
    DataError
        If the run is not of this graph.
    """
    codes = pd.DataFrame(result.codes.z_mean, columns=_code_names(result))
    return pd.concat([node_table(result, graph) if table is None else table, codes], axis=1)


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
        ``shared_neighbours`` (not of a two-sided graph, where there are none), ``source_degree, target_degree``;
        with labels also ``source_label, target_label``.
    """
    first, second = pairs[:, 0], pairs[:, 1]
    degrees = degree(graph.adjacency)
    columns: dict[str, object] = {
        "source": graph.node_ids[first],
        "target": graph.node_ids[second],
        "probability": probabilities(logits),
        "logit": logits,
        **({} if weights is None else {"expected_weight": weights}),
        **({} if graph.sides is not None else {"shared_neighbours": _shared_neighbours(graph, pairs)}),
        "source_degree": degrees[first],
        "target_degree": degrees[second],
    }
    if graph.labels is not None:
        columns["source_label"] = _class_names(graph.labels[first], graph.label_names)
        columns["target_label"] = _class_names(graph.labels[second], graph.label_names)
    return pd.DataFrame(columns)


def missing_table(
    graph: GraphData, pairs: np.ndarray, logits: np.ndarray, weights: np.ndarray | None = None
) -> pd.DataFrame:
    """Return :func:`link_table` of pairs without an edge, with ``surprise`` (nats) after ``logit``.

    Parameters are those of :func:`link_table`; for the surprise see :func:`vgae_core.analysis.rankings.surprise`.
    """
    table = link_table(graph, pairs, logits, weights)
    more = surprise(graph.adjacency, pairs, logits, directed=graph.directed, sides=graph.sides)
    table.insert(list(table).index("logit") + 1, "surprise", more)
    return table


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
def to_csv(table: pd.DataFrame, *, protect: bool = False) -> bytes:
    """Return `table` as CSV (UTF-8).

    Parameters
    ----------
    table : DataFrame
    protect : bool
        Put an apostrophe in front of text, column names too, that a spreadsheet takes for a formula, as OWASP
        advises: it starts with ``= + - @``, one of their full-width forms or a control character, and is not a
        number. The names are then no longer those of the data.

    Returns
    -------
    bytes
    """
    return _text(_protected(table) if protect else table, ",")


def _text(table: pd.DataFrame, separator: str) -> bytes:
    texts = [table[name] for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    # A carriage return alone ends a row for most readers, but is not quoted of itself.
    returns = any(column.astype("str").str.contains("\r", regex=False, na=False).any() for column in texts)
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    content = table.to_csv(index=False, sep=separator, lineterminator="\n", quoting=quoting)
    return content.encode("utf-8", "backslashreplace")


def _protected(table: pd.DataFrame) -> pd.DataFrame:
    safe = table.copy()
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name]):
            safe[name] = _defused(safe[name])
    safe.columns = pd.Index(_defused(pd.Series(safe.columns.astype(str))))
    return safe


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
    _check_belongs(result, graph)
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
        meta = _protected(meta)
    vectors = io.StringIO()
    np.savetxt(vectors, result.codes.z_mean, fmt="%.7g", delimiter="\t")
    config = (
        'embeddings {\n  tensor_name: "z_mean"\n  tensor_path: "vectors.tsv"\n'
        '  metadata_path: "metadata.tsv"\n}\n'
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vectors.tsv", vectors.getvalue())
        archive.writestr("metadata.tsv", _text(meta, "\t"))
        archive.writestr("projector_config.pbtxt", config)
    return buffer.getvalue()


EMBEDDING_FORMATS: dict[str, Format] = {
    "csv": Format(
        "CSV", "Node table and latent codes; spreadsheets open it.", ".csv", "text/csv",
        lambda result, graph, table, protect: to_csv(embedding_table(result, graph, table), protect=protect),
    ),
    "parquet": Format(
        "Parquet", "Node table and latent codes, typed and small; pandas, Polars, DuckDB.", ".parquet",
        "application/vnd.apache.parquet",
        lambda result, graph, table, protect: to_parquet(embedding_table(result, graph, table)),
    ),
    "npz": Format(
        "NumPy", "z_mean, z_log_var and node ids as arrays (npz, no pickle); texts as UTF-8 bytes with offsets.",
        ".npz", "application/octet-stream", lambda result, graph, table, protect: embedding_npz(result, graph),
    ),
    "projector": Format(
        "TensorBoard projector", "vectors.tsv and metadata.tsv, zipped, for projector.tensorflow.org.",
        ".zip", "application/zip",
        lambda result, graph, table, protect: projector_zip(result, graph, table, protect=protect),
    ),
}  # fmt: skip


def write_embedding(path: Path | str, result: RunResult, graph: GraphData, *, protect: bool = False) -> None:
    """Write the embedding to `path` in the format its suffix names, atomically.

    Parameters
    ----------
    path : Path or str
        Ends in ``.csv``, ``.parquet``, ``.npz`` or ``.zip`` (TensorBoard projector).
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
    known = {entry.suffix: entry for entry in EMBEDDING_FORMATS.values()}
    if path.suffix.lower() not in known:
        raise DataError(
            f"No embedding format has the suffix {path.suffix!r}.",
            where=str(path),
            mend=f"Use {', '.join(known)}.",
        )
    _write(path, known[path.suffix.lower()].write(result, graph, None, protect))


def write_table(path: Path | str, table: pd.DataFrame, *, protect: bool = False) -> None:
    """Write `table` to `path` as CSV or Parquet, as its suffix says, atomically.

    Parameters
    ----------
    path : Path or str
        Ends in ``.csv`` or ``.parquet``.
    table : DataFrame
    protect : bool
        As in :func:`to_csv`.

    Raises
    ------
    DataError
        If the suffix names no format.
    """
    path = Path(path)
    writers: dict[str, Callable[[pd.DataFrame], bytes]] = {
        ".csv": functools.partial(to_csv, protect=protect),
        ".parquet": to_parquet,
    }
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
