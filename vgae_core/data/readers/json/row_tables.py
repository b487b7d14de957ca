"""JSON tables: lists of edges or of records, also one per line (JSON Lines), as pandas writes them.

A table becomes text with the same columns, and the reader of delimited text does the rest, as with
Parquet; messages name the record, or the line of JSON Lines.
"""

from __future__ import annotations

import csv
import dataclasses
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from vgae_core.data.findings import Judgement, Part
from vgae_core.data.readers.base import Content, Edges, Format, NodeTable, Probe, shorten
from vgae_core.data.readers.json.node_lists import are_neighbour_records
from vgae_core.data.readers.tables import delimited, dense_csv
from vgae_core.data.readers.text.json_file import (
    KNOWN,
    all_lists,
    all_objects,
    is_json,
    is_lines,
    is_scalar,
    load_json,
)
from vgae_core.errors import DataError

_T = TypeVar("_T")
_SOURCE = frozenset(["source", "src", "from", "node1", "u", "subject", "head", "sender"])
_TARGET = frozenset(["target", "dst", "to", "node2", "v", "object", "tail", "receiver"])


def _is_pair(row: Any) -> bool:
    return (
        isinstance(row, list)
        and len(row) > 1
        and not any(isinstance(value, list | dict) for value in row[:2])
    )


def _is_edge_index(content: Any) -> bool:
    """Return whether two long lists of whole numbers are all sources and all targets, as PyTorch Geometric has them."""
    if not (isinstance(content, list) and len(content) == 2 and all_lists(content)):
        return False
    numbers = [x for row in content for x in row]
    even = len(content[0]) == len(content[1]) > 3
    return even and all(isinstance(x, int) and not isinstance(x, bool) and x >= 0 for x in numbers)


def _is_map(content: Any) -> bool:
    """Return whether each key has one number or text, as class maps have, no value all keys differ in."""
    if not isinstance(content, dict) or len(content) < 2 or not all(map(is_scalar, content.values())):
        return False
    values = list(map(str, content.values()))
    return len(set(values)) < len(values)


def _records(content: Any) -> tuple[list[str] | None, list[list[Any]]] | None:
    """Return the names of the columns, or None without names, and the rows; None if this is no table."""
    if isinstance(content, list) and content and all_objects(content):
        names = list(dict.fromkeys(name for record in content for name in record))
        return names, [[record.get(name) for name in names] for record in content]
    if _is_edge_index(content):
        return ["source", "target"], [list(pair) for pair in zip(*content, strict=True)]
    if isinstance(content, list) and content and all(map(_is_pair, content)):
        return (None, content) if len({len(row) for row in content}) == 1 else None
    if not isinstance(content, dict):
        return None
    columns, data = content.get("columns"), content.get("data")
    if isinstance(columns, list) and isinstance(data, list) and all_lists(data):  # pandas, orient="split"
        return list(map(str, columns)), data
    if isinstance(data, list) and "schema" in content:  # pandas, orient="table"
        return _records(data)
    called = {str(name).lower() for name in content}
    values = list(content.values())
    if _is_map(content):
        return ["node", "label"], [list(pair) for pair in content.items()]
    if not (called & _SOURCE and called & _TARGET) or not values:
        return None
    if all_objects(values) and all(value.keys() == values[0].keys() for value in values):  # orient="columns"
        values = [list(value.values()) for value in values]
    if all_lists(values) and len({len(value) for value in values}) == 1:
        return list(content), [list(row) for row in zip(*values, strict=True)]
    return None


def _recognise(probe: Probe) -> bool:
    if not is_json(probe):
        return False
    content = load_json(probe)
    return not are_neighbour_records(content) and _records(content) is not None


def _as_text(probe: Probe) -> Probe:
    """Return the table as a probe of comma-separated text."""
    if "table-text" in probe.memo:
        return probe.memo["table-text"][0]  # type: ignore[no-any-return]
    table = _records(load_json(probe))
    if table is None:
        raise probe.error("Not a table.", mend=KNOWN)
    names, rows = table
    probe.limits.check("feature_columns", len(names or rows[0]), where=probe.name)
    folder = tempfile.TemporaryDirectory(prefix="vgae-table-", ignore_cleanup_errors=True)
    path = Path(folder.name) / "table.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        if names is not None:
            out.writerow(names)
        for at, row in enumerate(rows):
            out.writerow([_field(probe, value, at) for value in row])
            probe.limits.check("decompressed_bytes", file.tell(), where=probe.name)
    with open(path, "rb") as stream:
        head = stream.read(65_536)
    header = probe.how.header if probe.how.header != "auto" else "no" if names is None else "yes"
    how = dataclasses.replace(probe.how, separator="comma", header=header)
    text = Probe(probe.name, probe.stem, path, head, probe.limits, how)
    probe.memo["table-text"] = (text, folder)  # the folder goes when the probe does
    return text


def _field(probe: Probe, value: Any, at: int) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or (isinstance(value, float) and value.is_integer() and abs(value) < 2**53):
        return str(int(value))
    if isinstance(value, dict) and is_scalar(value.get("$oid")):  # MongoDB
        return str(value["$oid"])
    if isinstance(value, list | dict):
        kind = "a list" if isinstance(value, list) else "an object"
        raise probe.error(
            f"{_place(probe, at)} holds {kind}: {shorten(repr(value))}.",
            mend="Keep numbers and texts only, one per column.",
        )
    return re.sub(r"[\r\n]+", " ", str(value))


def _place(probe: Probe, at: int) -> str:
    lines = probe.memo.get("lines")
    return f"Line {lines[at]:,}" if lines else f"Record {at + 1:,}"


def _told(probe: Probe, work: Callable[[Probe], _T]) -> _T:
    """Run the reader of text; a line it names becomes the record, or the line of JSON Lines."""
    text = _as_text(probe)
    try:
        return work(text)
    except DataError as error:
        place = re.search(r", line (\d+)", error.where)
        if place is None:
            raise
        at = int(place[1]) - (1 if text.how.header == "no" else 2)
        lines = probe.memo.get("lines")
        named = f", line {lines[at]}" if lines and 0 <= at < len(lines) else f", record {at + 1}"
        error.where = error.where.replace(place[0], named, 1)
        raise


def _inner(probe: Probe) -> Format:
    """Return the format of text that reads the table: a matrix of numbers, or anything else."""
    text = _as_text(probe)
    return dense_csv.FORMAT if dense_csv.FORMAT.recognise(text) else delimited.FORMAT


def _title(probe: Probe) -> str:
    return "JSON Lines" if is_lines(probe) else "JSON"


def _edges(probe: Probe) -> Edges:
    if _is_map(load_json(probe)):
        raise probe.error(
            "Holds one value per node, such as its class, and no edges.",
            mend="Provide the edges as well.",
        )
    edges = _inner(probe).edges
    assert edges is not None  # noqa: S101  narrows the type
    found = _told(probe, edges)
    kind = "dense matrix" if _inner(probe) is dense_csv.FORMAT else "edge list"
    return dataclasses.replace(found, format=f"{kind} ({_title(probe)})")


def _table(probe: Probe, content: Content, node_ids: np.ndarray) -> NodeTable:
    table = _inner(probe).table
    assert table is not None  # noqa: S101  narrows the type
    return _told(probe, lambda text: table(text, content, node_ids))


def _parts(probe: Probe, content: Content) -> tuple[Part, ...]:
    parts = _inner(probe).parts
    if parts is None:
        return ()
    found = _told(probe, lambda text: parts(text, content))
    table = _as_text(probe).memo.get("table")
    if table is not None:
        probe.memo["preview"] = table.preview
    return found


def _judge(probe: Probe, content: Content) -> tuple[tuple[Judgement, ...], tuple[str, ...]]:
    judge = _inner(probe).judge
    if judge is None:
        return (), ()
    judgements, sentences = _told(probe, lambda text: judge(text, content))
    named = probe.how.header == "auto"  # JSON itself tells whether columns have names
    return tuple(one for one in judgements if not (named and one.about == "header")), sentences


FORMAT = Format(
    key="json-table",
    title="JSON table",
    suffixes=("json", "jsonl", "ndjson"),
    recognise=_recognise,
    guess=lambda probe: _told(probe, _inner(probe).guess),
    edges=_edges,
    table=_table,
    parts=_parts,
    judge=_judge,
)
