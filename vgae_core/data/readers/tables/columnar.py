"""Parquet and Arrow (Feather) tables of edges, node features or labels.

A column of vectors becomes one column per dimension.
A table becomes text with the same columns, and the reader of delimited text does the rest:
what is told from column names and values is then the same in both, as are the messages
(line 1 is the header).
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vgae_core.data.findings import Judgement, Part
from vgae_core.data.readers.base import Content, Edges, Format, NodeTable, Probe, shorten
from vgae_core.data.readers.columns.sides import SAMPLE
from vgae_core.data.readers.tables import delimited

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 65_536
_HEAD_ROWS = 200
_INDEX = re.compile(r"__index_level_\d+__")
"""What pandas calls an index without a name."""
_MEND = "Save it again, e.g. with pandas.DataFrame.to_parquet."


def _title(probe: Probe) -> str:
    return "Parquet" if probe.head.startswith(b"PAR1") else "Arrow"


def _recognise(probe: Probe) -> bool:
    return probe.head.startswith((b"PAR1", b"ARROW1\0\0", b"FEA1"))


def _batches(probe: Probe, rows: int | None = None) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Return the schema and the rows in batches, after checking what the file announces.

    Up to `rows` rows are counted against no limit: a first look.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    def bounded(columns: int, count: int) -> None:
        probe.limits.check("feature_columns", columns, where=probe.name)
        most = max(probe.limits.edges, probe.limits.feature_values)
        if columns * count > most * 4:
            probe.limits.check("feature_values", columns * count, where=probe.name)
        if columns * count > probe.limits.feature_values:
            probe.limits.check("edges", count, where=probe.name)

    if probe.head.startswith(b"PAR1"):
        file = pq.ParquetFile(probe.path)
        bounded(file.metadata.num_columns, file.metadata.num_rows if rows is None else 0)
        texts = [field.name for field in file.schema_arrow if pa.types.is_string(field.type)]
        # Texts stay dictionaries until their size is known: one long text may stand in every row.
        file = pq.ParquetFile(probe.path, read_dictionary=texts)
        return file.schema_arrow, file.iter_batches(batch_size=rows or _BATCH)
    if probe.head.startswith(b"FEA1"):
        raise probe.error(
            "Feather files of version 1 are not read.", mend="Write version 2 (Arrow), or Parquet."
        )
    reader = pa.ipc.open_file(pa.OSFile(str(probe.path)))

    def arrow() -> Iterator[pa.RecordBatch]:
        count = 0
        for position in range(reader.num_record_batches):
            batch = reader.get_batch(position)
            batch.validate(full=True)  # offsets of a hostile file may point anywhere
            count += batch.num_rows
            bounded(batch.num_columns, count if rows is None else min(count, rows))
            for at in range(0, batch.num_rows, rows or _BATCH):
                yield batch.slice(at, rows or _BATCH)

    return reader.schema, arrow()


def _is_vector(kind: Any) -> bool:
    """Return whether the values of a column are lists of numbers."""
    import pyarrow as pa

    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return lists and (pa.types.is_integer(kind.value_type) or pa.types.is_floating(kind.value_type))


def _unfolded(
    probe: Probe, schema: pa.Schema, batches: Iterator[pa.RecordBatch]
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Return the table with each column of vectors made one column per dimension, as the first row has them."""
    import pyarrow as pa

    vectors = [i for i, column in enumerate(schema) if _is_vector(column.type)]
    first = next(batches, None) if vectors else None
    if first is None or not first.num_rows:
        return schema, batches
    widths = {i: _width(probe, first.column(i), schema.field(i).name) for i in vectors}
    probe.limits.check("feature_columns", len(schema) + sum(widths.values()), where=probe.name)
    fields = []
    for i, column in enumerate(schema):
        number = pa.float32() if i in widths and pa.types.is_float16(column.type.value_type) else None
        kind = (number or column.type.value_type) if i in widths else None
        fields += (
            [pa.field(f"{column.name} {k}", kind) for k in range(1, widths[i] + 1)] if kind else [column]
        )
    unfolded = pa.schema(fields)

    def rows() -> Iterator[pa.RecordBatch]:
        before = 0
        for batch in itertools.chain([first], batches):
            columns: list[Any] = []
            for i, column in enumerate(batch.columns):
                if i in widths:
                    probe.limits.check(
                        "feature_values", (before + batch.num_rows) * widths[i], where=probe.name
                    )
                    columns += _dimensions(probe, column, widths[i], schema.field(i).name, before)
                else:
                    columns.append(column)
            yield pa.RecordBatch.from_arrays(columns, names=unfolded.names)
            before += batch.num_rows

    return unfolded, rows()


def _width(probe: Probe, column: pa.Array, name: str) -> int:
    import pyarrow.compute as pc

    width = pc.list_value_length(column)[0].as_py()
    if not width:
        raise probe.error("Has no vector.", line=2, column=shorten(name), mend="Give every row a vector.")
    return int(width)


def _dimensions(probe: Probe, column: pa.Array, width: int, name: str, before: int) -> list[Any]:
    """Return one array per dimension of the vectors of a batch."""
    import pyarrow as pa
    import pyarrow.compute as pc

    lengths = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    bad = np.flatnonzero(lengths != width)
    if len(bad):
        raise probe.error(
            f"Has {int(lengths[bad[0]])} numbers. The first row has {width}.",
            line=before + int(bad[0]) + 2,
            column=shorten(name),
            mend="Give every row a vector of the same length.",
        )
    flat = column.flatten()
    if pa.types.is_float16(flat.type):
        flat = flat.cast(pa.float32())
    return [flat.take(pa.array(np.arange(k, len(flat), width))) for k in range(width)]


def _plain(probe: Probe, schema: pa.Schema) -> list[tuple[int, Any]]:
    """Return the columns that text can hold: position, and the type to write them as."""
    import pyarrow as pa

    kept: list[tuple[int, Any]] = []
    for position, column in enumerate(schema):
        kind = column.type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        if pa.types.is_boolean(kind):
            kept.append((position, pa.int8()))
        elif number:
            kept.append((position, pa.float32() if pa.types.is_float16(kind) else kind))
        elif (
            pa.types.is_string(kind)
            or pa.types.is_large_string(kind)
            or pa.types.is_string_view(kind)
            or pa.types.is_temporal(kind)
            or pa.types.is_null(kind)
        ):
            kept.append((position, pa.large_string()))
        else:
            raise probe.error(
                f"Values of column {shorten(column.name)} are of type {shorten(str(kind))}.",
                mend="Keep columns of numbers, texts and vectors (lists of numbers). One row per neighbour: "
                f"table.explode({shorten(column.name)!r}).to_parquet(path); without the column: "
                f"table.drop(columns={shorten(column.name)!r}).to_parquet(path).",
            )
    if not kept:
        raise probe.error("Holds no columns.", mend=_MEND)
    return kept


def _as_text(probe: Probe, rows: int | None = None) -> Probe:
    """Return the table, or its first rows, as a probe of comma-separated text."""
    import pyarrow as pa
    from pyarrow import csv

    key = ("text", rows)
    if key in probe.memo:
        return probe.memo[key][0]  # type: ignore[no-any-return]
    folder = tempfile.TemporaryDirectory(prefix="vgae-table-", ignore_cleanup_errors=True)
    path = Path(folder.name) / "table.csv"
    try:
        schema, batches = _unfolded(probe, *_batches(probe, rows))
        columns = _plain(probe, schema)
        columns.sort(
            key=lambda column: not _INDEX.fullmatch(schema.field(column[0]).name)
        )  # as in CSV, first
        target = pa.schema([(_INDEX.sub("", schema.field(i).name), kind) for i, kind in columns])
        written = 0
        with open(path, "wb") as file, csv.CSVWriter(file, target) as out:
            for batch in batches:
                out.write_batch(
                    pa.record_batch(
                        [_cast(probe, batch.column(i), kind) for i, kind in columns], schema=target
                    )
                )
                written += batch.num_rows
                probe.limits.check("decompressed_bytes", file.tell(), where=probe.name)
                if rows is not None and written >= rows:
                    break
    except (pa.ArrowException, pa.ArrowInvalid) as error:
        if isinstance(error, MemoryError):
            raise
        raise probe.error(
            f"Not a readable {_title(probe)} file: {shorten(str(error), 200)}.", mend=_MEND
        ) from error
    if not written:
        raise probe.error("Holds no rows.", mend="Provide a table with one row per edge or node.")
    with open(path, "rb") as stream:
        head = stream.read(65_536)
    text = Probe(probe.name, probe.stem, path, head, probe.limits, probe.how)
    probe.memo[key] = (text, folder)  # the folder goes when the probe does
    return text


def _cast(probe: Probe, column: pa.Array, kind: Any) -> pa.Array:
    """Return the column as `kind`; the size of its texts is known before they are written out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        if pa.types.is_large_string(kind):
            lengths = pc.binary_length(column.dictionary).cast(pa.int64()).take(column.indices)
            probe.limits.check("decompressed_bytes", pc.sum(lengths).as_py() or 0, where=probe.name)
        column = column.dictionary_decode()
    return column.cast(kind)


def _edges(probe: Probe) -> Edges:
    edges = delimited.FORMAT.edges
    assert edges is not None  # noqa: S101  narrows the type
    return dataclasses.replace(edges(_as_text(probe)), format=f"edge list ({_title(probe)})")


def _table(probe: Probe, content: Content, node_ids: np.ndarray) -> NodeTable:
    table = delimited.FORMAT.table
    assert table is not None  # noqa: S101  narrows the type
    return table(_as_text(probe), content, node_ids)


def _parts(probe: Probe, content: Content) -> tuple[Part, ...]:
    parts = delimited.FORMAT.parts
    assert parts is not None  # noqa: S101  narrows the type
    head = _as_text(probe, _HEAD_ROWS)
    found = parts(head, content)
    probe.memo["preview"] = head.memo["table"].preview
    return found


def _judge(probe: Probe, content: Content) -> tuple[tuple[Judgement, ...], tuple[str, ...]]:
    judge = delimited.FORMAT.judge
    assert judge is not None  # noqa: S101  narrows the type
    # Which sets the ends are of is judged by many rows, so that a look and the reading agree.
    text = _as_text(probe) if ("text", None) in probe.memo else _as_text(probe, SAMPLE)
    return judge(text, content)


def beginning(probe: Probe) -> Probe:
    """Return the first rows of the table as a probe of comma-separated text."""
    return _as_text(probe, _HEAD_ROWS)


def is_wide(probe: Probe) -> bool:
    """Return whether the table can only be a matrix; see :func:`delimited.is_wide`."""
    return delimited.is_wide(beginning(probe))


FORMAT = Format(
    key="arrow-tables",
    title="Parquet or Arrow table",
    suffixes=("parquet", "feather", "arrow"),
    recognise=_recognise,
    guess=lambda probe: delimited.FORMAT.guess(beginning(probe)),
    edges=_edges,
    table=_table,
    parts=_parts,
    judge=_judge,
)
