"""Node features of a graph in parts: an array in the order of the nodes, or a table whose rows name their node."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from vgae_core.data.blocks import row_blocks
from vgae_core.data.partitions.files import digest_of, load, replace_whole
from vgae_core.data.partitions.naming import Named, Numbered
from vgae_core.data.partitions.parts import (
    PARQUET,
    TEXT_BLOCK,
    delimiter_of,
    files_in,
    first_lines,
    unreadable,
)
from vgae_core.data.readers.columns.names import NODE_NAMES, plain_name
from vgae_core.errors import DataError


def open_array(path: str) -> np.ndarray:
    """Return an npy file of numbers, mapped; raise DataError if it is none.

    Returns
    -------
    ndarray of numbers, shape (n_nodes, n_features)
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"Not a readable npy file: {error}.", where=path) from error
    if array.ndim != 2 or array.dtype.kind not in "biuf" or not array.shape[1]:
        raise DataError(
            f"Expected numbers in rows, one per node. Received: {array.dtype} of shape {array.shape}.",
            where=path,
        )
    return array


def write_array(array: np.ndarray, path: Path, source: str) -> str:
    """Write features as float32 and return their SHA-256 (hex)."""

    def write(temporary: Path) -> None:
        result = np.lib.format.open_memmap(temporary, "w+", np.float32, array.shape)
        for part, rows in row_blocks(array):
            result[part] = values = np.asarray(rows, np.float32)
            _check_finite(values, source, part.start)
        result.flush()

    replace_whole(path, write)
    return digest_of(load(path))


# ------------------------------------------------------------------------------- tables
@dataclass(frozen=True)
class FeatureTable:
    """A table of node features, in one file or several.

    Parameters
    ----------
    files : tuple of Path
    node : str
        The column that names the node: the first with a usual name, else the first of all.
    columns : tuple of str
        The features.
    """

    files: tuple[Path, ...]
    node: str
    columns: tuple[str, ...]


def open_table(path: str) -> FeatureTable:
    """Return what a table of features holds, going by its first file.

    Parameters
    ----------
    path : str
        A Parquet file, a delimited text whose first row names the columns, or a folder of these.

    Raises
    ------
    DataError
        If there is none, or it has fewer than two columns.
    """
    files = tuple(file for file in files_in([path]) if file.stat().st_size)
    if not files:
        raise DataError("The table is empty.", where=path)
    header = _header(files[0])
    if len(header) < 2 or len(set(header)) < len(header):
        raise DataError(
            "Expected a column that names the node, and one or more of numbers, each with a name of its own. "
            f"Received: {', '.join(header):.200}.",
            where=str(files[0]),
        )
    node = next((name for name in header if plain_name(name) in NODE_NAMES), header[0])
    return FeatureTable(files, node, tuple(name for name in header if name != node))


def write_table(
    table: FeatureTable, path: Path, n_nodes: int, nodes: Named | Numbered, *, block_rows: int
) -> tuple[str, int]:
    """Write the features of all nodes as float32, each row where its node is.

    Parameters
    ----------
    table : FeatureTable
    path : Path
        The npy that is written, shape (n_nodes, n_features).
    n_nodes : int
    nodes : Named or Numbered
    block_rows : int
        Rows read at a time.

    Returns
    -------
    digest : str
        SHA-256 (hex).
    without_edges : int
        Rows left out, whose node has no edge.

    Raises
    ------
    DataError
        With file and row, if a value is missing or no number, or a node comes twice; with a node that has no row.
    """
    without_edges = 0

    def write(temporary: Path) -> None:
        nonlocal without_edges
        result = np.lib.format.open_memmap(temporary, "w+", np.float32, (n_nodes, len(table.columns)))
        seen = np.zeros(n_nodes, bool)
        for file, first, ids, values in _rows(table, names=isinstance(nodes, Named), block_rows=block_rows):
            _check_finite(values, str(file), first)
            places = nodes.numbers(ids)
            known = np.flatnonzero(places >= 0)
            places, without_edges = places[known], without_edges + len(ids) - len(known)
            again = seen[places]
            again[np.setdiff1d(np.arange(len(places)), np.unique(places, return_index=True)[1])] = True
            if again.any():
                row = int(known[np.flatnonzero(again)[0]])
                raise DataError(
                    f"Node {ids[row].as_py()!r:.80} has a row already.", where=f"{file}, row {first + row}"
                )
            seen[places] = True
            result[places] = values[known]
        if not seen.all():
            raise DataError(
                f"{n_nodes - int(seen.sum()):,} of {n_nodes:,} nodes have no row of features, such as "
                f"{nodes.name(int(np.flatnonzero(~seen)[0]))!r:.80}.",
                where=str(table.files[0]),
                mend="Give each node of the edges a row.",
            )
        result.flush()

    replace_whole(path, write)
    return digest_of(load(path)), without_edges


def _header(file: Path) -> list[str]:
    """Return the names of the columns of a file."""
    try:
        if file.name.lower().endswith(PARQUET):
            return list(pyarrow.parquet.read_schema(file).names)
        line = first_lines(file)[0]
    except (pa.ArrowException, OSError) as error:
        raise unreadable(str(file), error) from error
    header = [name.strip().strip('"') for name in line.split(delimiter_of(line))]
    if any(_is_number(name) for name in header):
        raise DataError(
            f"Expected a first row that names the columns. Received: {line!r:.120}",
            where=str(file),
            mend="Write the names of the columns there.",
        )
    return header


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _rows(
    table: FeatureTable, *, names: bool, block_rows: int
) -> Iterator[tuple[Path, int, pa.Array, np.ndarray]]:
    """Yield file, number of the first row, what nodes are called and their features; some rows at a time."""
    ends = pa.string() if names else pa.int64()
    for file in table.files:
        header = _header(file)
        if missing := [name for name in (table.node, *table.columns) if name not in header]:
            raise DataError(
                f"There is no column {missing[0]!r:.80}, as in {table.files[0].name}.", where=str(file)
            )
        is_parquet = file.name.lower().endswith(PARQUET)
        row = 1 if is_parquet else 2
        try:
            batches = _parquet(file, table, block_rows) if is_parquet else _text(file, table, header, ends)
            for batch in batches:
                ids = batch.column(batch.schema.get_field_index(table.node))
                if ids.null_count:
                    bad = int(np.flatnonzero(ids.is_null().to_numpy(zero_copy_only=False))[0])
                    raise DataError("A row names no node.", where=f"{file}, row {row + bad}")
                yield file, row, ids.cast(ends), _values(batch, table.columns, str(file))
                row += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise unreadable(str(file), error) from error


def _parquet(file: Path, table: FeatureTable, block_rows: int) -> Iterator[pa.RecordBatch]:
    with pyarrow.parquet.ParquetFile(file) as opened:
        yield from opened.iter_batches(block_rows, columns=[table.node, *table.columns], use_threads=False)


def _text(file: Path, table: FeatureTable, header: list[str], ends: pa.DataType) -> Iterator[pa.RecordBatch]:
    types = {table.node: ends} | dict.fromkeys(table.columns, pa.float32())
    reader = pyarrow.csv.open_csv(
        file,
        pyarrow.csv.ReadOptions(
            use_threads=False, block_size=TEXT_BLOCK, column_names=header, skip_rows=1
        ),  # one thread, so that errors know their row
        pyarrow.csv.ParseOptions(delimiter=delimiter_of(first_lines(file)[0])),
        pyarrow.csv.ConvertOptions(
            column_types=types, include_columns=[table.node, *table.columns], strings_can_be_null=False
        ),
    )
    with reader:
        yield from reader


def _values(batch: pa.RecordBatch, columns: Sequence[str], file: str) -> np.ndarray:
    """Return the features of some rows, float32 (n_rows, n_features); NaN where a value is missing."""
    values = np.empty((batch.num_rows, len(columns)), np.float32)
    for place, name in enumerate(columns):
        column = batch.column(batch.schema.get_field_index(name))
        if not (
            pa.types.is_integer(column.type)
            or pa.types.is_floating(column.type)
            or pa.types.is_boolean(column.type)
        ):
            raise DataError(
                f"Column {name!r:.80} must hold numbers. Received: {column.type}.",
                where=file,
                mend="Leave it out, or write it as numbers.",
            )
        values[:, place] = column.cast(pa.float32(), safe=False).to_numpy(zero_copy_only=False)
    return values


def _check_finite(values: np.ndarray, source: str, first_row: int) -> None:
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        raise DataError(
            "A value is missing or not finite.",
            where=f"{source}, row {first_row + int(np.flatnonzero(~finite)[0])}",
        )
