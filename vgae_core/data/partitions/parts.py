"""Edges in parts: Parquet and delimited text files, a chunk of rows at a time."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from vgae_core.data.readers.columns.names import (
    SOURCE_NAMES,
    TARGET_NAMES,
    USUAL_NAMES,
    WEIGHT_NAMES,
    plain_name,
)
from vgae_core.errors import DataError

PARQUET = (".parquet", ".pq")
TEXT = (".csv", ".tsv", ".txt", ".edges", ".csv.gz", ".tsv.gz", ".txt.gz", ".csv.zst", ".tsv.zst")
"""Endings of the files that are taken from a folder."""

TEXT_BLOCK = 2**23
"""Bytes of a text that are parsed at a time."""

_FIRST_BYTES = 2**16
_ROW = re.compile(r"Row #(\d+): ?")
_WHOLE = re.compile(r"\s*-?\d+\s*")


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one task reads: a text file, or some row groups of a Parquet file.

    Parameters
    ----------
    path : str
    columns : tuple of str
        Source, target and, of weighted edges, weight.
    groups : tuple of int
        Row groups; empty for a text.
    first_row : int
        The row of the file, from 1, with which the part begins; of a text its header counts.
    delimiter : str
        Of a text.
    header : tuple of str
        All columns of a text.
    names : bool
        Whether nodes are called by names, which are kept as texts.
    """

    path: str
    columns: tuple[str, ...]
    groups: tuple[int, ...] = ()
    first_row: int = 1
    delimiter: str = ""
    header: tuple[str, ...] = ()
    names: bool = False


@dataclass(frozen=True)
class Chunk:
    """Edges of some rows as they were read.

    Parameters
    ----------
    source, target : pyarrow.Array
        Of int64, or of texts.
    weight : ndarray of float32, shape (n_rows,), or None
        Missing weights are 1.
    """

    source: pa.Array
    target: pa.Array
    weight: np.ndarray | None


def files_in(paths: Sequence[str]) -> list[Path]:
    """Return files, and those in folders that hold edges by their ending, in order.

    Raises
    ------
    DataError
        If there is no such file or folder, or the folder holds none.
    """
    result: list[Path] = []
    for text in paths:
        path = Path(text)
        if path.is_file():
            result.append(path)
        elif path.is_dir():
            inside = [
                file
                for file in sorted(path.rglob("*"))
                if file.name.lower().endswith(PARQUET + TEXT) and file.name[0] not in "._" and file.is_file()
            ]
            if not inside:
                raise DataError(
                    "The folder holds no parts.",
                    where=text,
                    mend=f"Parts end with {', '.join(PARQUET + TEXT)}.",
                )
            result += inside
        else:
            raise DataError("No such file.", where=text, mend="Check the path.")
    return [path.absolute() for path in result]


def parts_of(
    files: Sequence[Path], *, columns: Sequence[str] = (), names: bool = False, chunk_rows: int
) -> list[Part]:
    """Return what tasks are to read.

    The first file decides whether nodes are numbers or names and whether edges have weights; the others have to agree.

    Parameters
    ----------
    files : sequence of Path
    columns : sequence of str, optional
        Source, target and weight. Else the columns of usual names, or the first two and no weight.
    names : bool
        Whether numbers are names, too: those that do not count from 0.
    chunk_rows : int
        Rows of a part, where row groups allow it.

    Raises
    ------
    DataError
        If a file is not what it seems, lacks a column, or disagrees with the first.
    """
    result: list[Part] = []
    for path in files:
        try:
            if path.name.lower().endswith(PARQUET):
                found = _parquet_parts(path, columns, chunk_rows)
            elif path.stat().st_size:
                found = [_text_part(path, columns)]
            else:
                continue
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise unreadable(str(path), error) from error
        if not result:
            names = names or _has_names(found[0])
            weighted = len(found[0].columns) == 3
        elif (len(found[0].columns) == 3) != weighted:
            raise DataError(
                f"Expected {'a' if weighted else 'no'} weight, as in {Path(result[0].path).name}. "
                f"Received the columns: {', '.join(found[0].columns)}.",
                where=str(path),
                mend="Name the same columns for all parts with --columns SOURCE,TARGET[,WEIGHT].",
            )
        result += [dataclasses.replace(part, names=names) for part in found]
    if not result:
        raise DataError("All parts are empty.", where=str(files[0]))
    return result


def chunks(part: Part, chunk_rows: int) -> Iterator[Chunk]:
    """Yield the edges of a part, at most about `chunk_rows` at a time.

    Raises
    ------
    DataError
        With file and row, if an end of an edge is missing, no node number, or a weight is negative or not finite.
    """
    row, n_waiting = part.first_row, 0
    waiting: list[Chunk] = []
    try:
        for batch in _batches(part, chunk_rows):
            checked = _checked(batch, part, row)
            row += batch.num_rows
            if n_waiting and n_waiting + batch.num_rows > chunk_rows:
                yield _together(waiting)
                waiting, n_waiting = [], 0
            waiting.append(checked)
            n_waiting += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise unreadable(part.path, error) from error
    if n_waiting:
        yield _together(waiting)


def _together(chunks: Sequence[Chunk]) -> Chunk:
    if len(chunks) == 1:
        return chunks[0]
    weights = [chunk.weight for chunk in chunks if chunk.weight is not None]
    return Chunk(
        pa.concat_arrays([chunk.source for chunk in chunks]),
        pa.concat_arrays([chunk.target for chunk in chunks]),
        np.concatenate(weights) if weights else None,
    )


# ------------------------------------------------------------------------------- files
def _chosen(header: Sequence[str], columns: Sequence[str], path: Path) -> tuple[str, ...]:
    if columns:
        missing = [name for name in columns if name not in header]
        if missing:
            raise DataError(
                f"There is no column {missing[0]!r:.80}.",
                where=str(path),
                mend=f"Columns: {', '.join(header):.300}.",
            )
        return tuple(columns)
    plain = [plain_name(name) for name in header]
    source = next((i for i, name in enumerate(plain) if name in SOURCE_NAMES), None)
    target = next((i for i, name in enumerate(plain) if name in TARGET_NAMES), None)
    if source is None or target is None:
        source, target = 0, 1
    weight = next(
        (i for i, name in enumerate(plain) if name in WEIGHT_NAMES and i not in (source, target)), None
    )
    return tuple(header[i] for i in (source, target, weight) if i is not None)


def _need_two(header: Sequence[str], path: Path) -> None:
    if len(header) < 2:
        raise DataError(
            f"Expected two columns, source and target. Received: {', '.join(header):.80}.", where=str(path)
        )


def _parquet_parts(path: Path, columns: Sequence[str], chunk_rows: int) -> list[Part]:
    with pyarrow.parquet.ParquetFile(path) as file:
        header, about = file.schema_arrow.names, file.metadata
        _need_two(header, path)
        chosen = _chosen(header, columns, path)
        result, groups, rows, first = [], [], 0, 1
        for group in range(about.num_row_groups):
            groups.append(group)
            rows += about.row_group(group).num_rows
            if rows >= chunk_rows or group == about.num_row_groups - 1:
                result.append(Part(path=str(path), columns=chosen, groups=tuple(groups), first_row=first))
                first, groups, rows = first + rows, [], 0
    return result or [Part(path=str(path), columns=chosen, groups=())]


def first_lines(path: Path) -> list[str]:
    """Return the lines that a text begins with; one that is empty, if there are none."""
    with pa.input_stream(str(path), compression="detect") as stream:
        return (stream.read(_FIRST_BYTES) or b"").decode("utf-8-sig", "replace").splitlines() or [""]


def delimiter_of(line: str) -> str:
    """Return what the cells of a line are delimited by: the commonest of tab, comma, semicolon and blank."""
    return max("\t,; ", key=line.count)


def _text_part(path: Path, columns: Sequence[str]) -> Part:
    lines = first_lines(path)
    delimiter = delimiter_of(lines[0])
    header = [name.strip().strip('"') for name in lines[0].split(delimiter)]
    _need_two(header, path)
    if all(_WHOLE.fullmatch(name) for name in header[:2]):  # an edge
        header = [("source", "target", "weight", *(f"column {i}" for i in range(4, 4 + len(header))))[i]
                  for i in range(len(header))]  # fmt: skip
        first = 1
    elif set(columns) <= set(header) if columns else _is_header([plain_name(name) for name in header]):
        first = 2
    else:
        raise DataError(
            f"It is uncertain whether the first row names the columns: {lines[0]!r:.120}",
            where=str(path),
            mend="Write `source` and `target` there, or name the columns with --columns SOURCE,TARGET[,WEIGHT].",
        )
    return Part(
        path=str(path),
        columns=_chosen(header, columns if first == 2 else (), path),
        first_row=first,
        delimiter=delimiter,
        header=tuple(header),
    )


def _is_header(plain: Sequence[str]) -> bool:
    """Return whether the cells of a first row are usual names of the ends of edges."""
    both = any(name in SOURCE_NAMES for name in plain) and any(name in TARGET_NAMES for name in plain)
    return both or set(plain[:2]) <= USUAL_NAMES


def _has_names(part: Part) -> bool:
    """Return whether the ends of edges are other than whole numbers, going by types or the first rows."""
    if not part.delimiter:
        schema = pyarrow.parquet.read_schema(part.path)
        return not all(pa.types.is_integer(schema.field(name).type) for name in part.columns[:2])
    lines = first_lines(Path(part.path))[part.first_row - 1 :]
    places = [part.header.index(name) for name in part.columns[:2]]
    rows = [line.split(part.delimiter) for line in lines[:-1] or lines]
    cells = [row[i].strip('" ') for row in rows for i in places if i < len(row)]
    return not all(_WHOLE.fullmatch(cell) for cell in cells[:200])


def _batches(part: Part, chunk_rows: int) -> Iterator[pa.RecordBatch]:
    columns = list(part.columns)
    if not part.delimiter:
        with pyarrow.parquet.ParquetFile(part.path) as file:
            yield from file.iter_batches(
                chunk_rows, row_groups=list(part.groups), columns=columns, use_threads=False
            )
        return
    ends = pa.string() if part.names else pa.int64()
    types = dict(zip(columns, (ends, ends, pa.float32()), strict=False))
    reader = pyarrow.csv.open_csv(
        part.path,
        pyarrow.csv.ReadOptions(
            use_threads=False,  # so that errors know their row
            block_size=TEXT_BLOCK,
            column_names=list(part.header),
            skip_rows=part.first_row - 1,
        ),
        pyarrow.csv.ParseOptions(delimiter=part.delimiter),
        pyarrow.csv.ConvertOptions(column_types=types, include_columns=columns, strings_can_be_null=False),
    )
    with reader:
        yield from reader


# ------------------------------------------------------------------------------- values
def _checked(batch: pa.RecordBatch, part: Part, first_row: int) -> Chunk:
    def refuse(bad: Any, name: str, what: str) -> None:
        place = int(np.flatnonzero(np.asarray(bad))[0])
        value = batch.column(batch.schema.get_field_index(name))[place].as_py()
        raise DataError(
            f"Column {name!r} {what}. Received: {value!r:.80}.", where=f"{part.path}, row {first_row + place}"
        )

    def nulls(column: pa.Array) -> np.ndarray:
        return column.is_null().to_numpy(zero_copy_only=False)

    ends = []
    for name in part.columns[:2]:
        column = batch.column(batch.schema.get_field_index(name))
        if column.null_count:
            refuse(nulls(column), name, "must name a node in each row")
        if part.names:
            column = column.cast(pa.string())
            if pc.any(pc.equal(column, "")).as_py():
                refuse(pc.equal(column, ""), name, "must name a node in each row")
        else:
            if not pa.types.is_integer(column.type):
                raise DataError(
                    f"Column {name!r} must hold whole numbers, as the first part does. Received: {column.type}.",
                    where=part.path,
                    mend="If node ids are names, add --names.",
                )
            column = column.cast(pa.int64())
            values = column.to_numpy()
            if len(values) and values.min() < 0:
                refuse(values < 0, name, "must hold node numbers from 0 on")
        ends.append(column)
    if len(part.columns) < 3:
        return Chunk(ends[0], ends[1], None)
    name = part.columns[2]
    column = batch.column(batch.schema.get_field_index(name))
    weight = column.cast(pa.float32()).to_numpy(zero_copy_only=False).copy()
    weight[nulls(column) | np.isnan(weight)] = 1
    if len(weight) and not (weight.min() >= 0 and weight.max() < np.inf):
        refuse(~((weight >= 0) & (weight < np.inf)), name, "must hold weights >= 0")
    return Chunk(ends[0], ends[1], weight)


def unreadable(path: str, error: Exception) -> DataError:
    """Return the error that says which file, and where known which row, Arrow could not read."""
    text = " ".join(str(error).split())
    row = _ROW.search(text)
    where = f"{path}, row {row[1]}" if row else path
    mend = (
        "If node ids are names, add --names." if "int64" in text else "Save this part again, or leave it out."
    )
    return DataError(f"Not readable: {_ROW.sub('', text):.300}.", where=where, mend=mend)
