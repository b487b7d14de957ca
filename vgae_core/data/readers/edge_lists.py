"""Edge lists: delimited text with one edge per row."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd

from vgae_core.data.dataset import Finding, Part
from vgae_core.data.readers.base import Edges, Probe, examples, factorize_ids, shorten, whole_numbers
from vgae_core.data.readers.text import (
    Layout,
    count_lines,
    inner_comments,
    is_number,
    line_of,
    numbers,
    read_frame,
)
from vgae_core.data.readers.text_table import (
    EDGE_USES,
    SOURCE_NAMES,
    TARGET_NAMES,
    WEIGHT_NAMES,
    TextTable,
    leading_zeros,
    table_of,
)


def edge_columns(probe: Probe, table: TextTable) -> tuple[int, int, int | None]:
    """Return the columns of source, target and weight."""
    width = table.shape.width
    if width < 2:
        raise probe.error(
            f"An edge needs two columns. Received: {shorten(' '.join(table.shape.rows[0]))!r}.",
            line=table.shape.skip + 1,
            mend="One edge a line: source, target and, if there is one, a weight.",
        )
    said = probe.said(table.names, EDGE_USES)
    by_use = {use: i for i, use in said.items() if use != "ignore"}
    source, target, weight = (by_use.get(use) for use in ("source", "target", "weight"))
    free = [i for i in range(width) if i not in said]
    if source is None and target is None:
        source, target = table.find(SOURCE_NAMES, said), table.find(TARGET_NAMES, said)
        if source is None or target is None or source == target:
            source, target = (*free, None, None)[:2]
    elif source is None:
        source = next((i for i in free if i == table.find(SOURCE_NAMES, said)), next(iter(free), None))
    elif target is None:
        target = next((i for i in free if i == table.find(TARGET_NAMES, said)), next(iter(free), None))
    if source is None or target is None:
        raise probe.error(
            "No two columns are left for source and target.", mend="Say which columns they are."
        )
    if weight is None:
        weight = table.find(WEIGHT_NAMES, {source, target, *said})
    if weight is None and width == 3:
        other = ({0, 1, 2} - {source, target}).pop()
        # A third column of texts names the edge; numbers weigh it.
        fields = [row[other] for row in table.data if len(row) > other]
        weight = other if other in free and any(is_number(field) for field in fields) else None
    return source, target, weight


def edge_parts(table: TextTable, source: int, target: int, weight: int | None) -> tuple[Part, ...]:
    """Return each column with its use in an edge list."""
    uses = {source: "source", target: "target"} | ({} if weight is None else {weight: "weight"})
    return table.parts(uses, EDGE_USES)


def _count_row(probe: Probe, table: TextTable) -> tuple[int, int] | None:
    """Return the first row if it may be SNAP's "nodes edges"."""
    first = table.shape.rows[0]
    if table.header is not None or len(first) != 2 or len(table.shape.rows) < 2:
        return None
    if not all(re.fullmatch(r"\d{1,18}", field) for field in first):
        return None
    return int(first[0]), int(first[1])


def read_edges(probe: Probe) -> Edges:
    """Return the edges of a table with one edge per row."""
    table = table_of(probe)
    table = dataclasses.replace(table, shape=dataclasses.replace(table.shape, inner_comments=True))
    shape = table.shape
    source, target, weight = edge_columns(probe, table)
    probe.limits.check("edges", count_lines(probe) - table.skip, where=probe.name)
    counts = _count_row(probe, table)
    skip = table.skip
    if counts is not None:
        skip = shape.skip + 1
    columns = (
        None if shape.width <= 3 else sorted({source, target} | ({weight} if weight is not None else set()))
    )
    leading = leading_zeros(table, source, target)
    frame = read_frame(
        probe, shape, skip=skip, columns=columns, dtype={source: str, target: str} if leading else None
    )
    if not len(frame) and counts is None:
        raise probe.error("Holds a header and no rows.", mend="Hand in a file with one row an edge.")
    ends, text = _ids(probe, shape, skip, frame, source, target)
    findings: list[Finding] = []
    announced = None
    if counts is not None:
        if not text and _are_counts(counts, ends[0], ends[1]):
            announced = counts[0]
            findings.append(
                Finding(
                    "count-row",
                    "info",
                    f"The first row of {probe.name} was read as counts: {counts[0]:,} nodes, "
                    f"{counts[1]:,} edges.",
                )
            )
        else:
            if shape.width > 2 and weight is not None:
                raise probe.error(
                    f"Expected {shape.width} columns. Received: 2.",
                    line=skip,
                    mend="Give every row a weight.",
                )
            ends = [_prepend(value, end) for value, end in zip(shape.rows[0], ends, strict=True)]
    weights = None if weight is None else _weights(probe, table, skip, frame, weight)
    rows, cols, ids = factorize_ids(ends[0], ends[1])
    if announced is not None:
        rows, cols, ids = _announced(announced, rows, cols, ids, findings)
    probe.limits.check("nodes", len(ids), where=probe.name)
    inner = inner_comments(probe, skip) if shape.encoding != "utf-16" else []
    if inner:
        findings.append(
            Finding(
                "comment-lines",
                "info",
                f"{len(inner):,} lines between the rows of {probe.name} begin with # or % and were left out.",
                len(inner),
                tuple(f"line {line + 1}" for line in inner[:5]),
            )
        )
    unused = [i for i in range(shape.width) if i not in (source, target, weight)]
    if unused:
        names = tuple(table.name(i) for i in unused)
        findings.append(
            Finding(
                "columns-ignored",
                "info",
                f"Columns of {probe.name} that were not used: {', '.join(map(shorten, names[:5]))}"
                f"{'…' if len(names) > 5 else ''}.",
                len(names),
                examples(names),
            )
        )
    return Edges(
        rows=rows,
        cols=cols,
        weights=weights,
        node_ids=ids,
        format=f"edge list ({shape.title})",
        directed=_announced_direction(shape),
        parts=edge_parts(table, source, target, weight),
        findings=tuple(findings),
    )


def _ids(
    probe: Probe, shape: Layout, skip: int, frame: pd.DataFrame, source: int, target: int
) -> tuple[list[np.ndarray | pd.Series], bool]:
    """Return source and target ids, as int64 or both as texts, and whether they are texts."""
    if all(frame[i].dtype == np.int64 for i in (source, target)):
        return [frame[source].to_numpy(), frame[target].to_numpy()], False
    columns = sorted({source, target})
    if not all(pd.api.types.is_string_dtype(frame[i].dtype) and frame[i].dtype != object for i in columns):
        # What pandas took for floats, booleans or huge numbers: names, exactly as written.
        frame = read_frame(
            probe,
            shape,
            skip=skip,
            columns=columns if shape.width > 3 else None,
            dtype=dict.fromkeys(columns, str),
        )
    texts = [frame[i].astype(str).str.strip() for i in (source, target)]
    for side, column in zip(("source", "target"), texts, strict=True):
        empty = np.flatnonzero((column == "").to_numpy())
        if len(empty):
            raise probe.error(
                f"The {side} of an edge is empty (rows like this: {len(empty):,}).",
                line=line_of(probe, shape, skip, int(empty[0])),
                mend="One edge a line: source, target and, if there is one, a weight.",
            )
    whole = [None if column.str.fullmatch(r"0\d+").any() else whole_numbers(column) for column in texts]
    if all(w is not None for w in whole):
        return [w for w in whole if w is not None], False
    return list(texts), True


def _are_counts(
    counts: tuple[int, int], source: np.ndarray | pd.Series, target: np.ndarray | pd.Series
) -> bool:
    """Whether "a b" on the first line counts the nodes and edges of the rows below it."""
    n_nodes, n_edges = counts
    entries = len(source)
    if not entries:
        return n_edges == 0  # a graph that is announced to be empty
    low, high = min(int(source.min()), int(target.min())), max(int(source.max()), int(target.max()))
    fits = low >= 0 and (high < n_nodes or (low >= 1 and high <= n_nodes))
    # Listed once, or in both directions; some files drop self-loops and keep the old count.
    return fits and any(
        abs(n_edges - listed) <= 0.05 * listed for listed in (entries, 2 * entries, entries / 2)
    )


def _prepend(value: str, column: np.ndarray | pd.Series) -> np.ndarray | pd.Series:
    if isinstance(column, np.ndarray):
        return np.concatenate([[int(value)], column])
    return pd.concat([pd.Series([value], dtype=column.dtype), column], ignore_index=True)


def _announced(
    announced: int, rows: np.ndarray, cols: np.ndarray, ids: np.ndarray, findings: list[Finding]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Add the nodes that the count row announces and no edge names."""
    missing = announced - len(ids)
    if missing <= 0 or missing > 1_000_000:
        return rows, cols, ids
    first = 0 if len(ids) and ids[0] == 0 else 1
    complete = np.arange(first, first + announced, dtype=np.int64)
    if len(ids) and ids[-1] > complete[-1]:
        complete -= first
    findings.append(
        Finding("announced-nodes", "info", f"{missing:,} announced nodes have no edge.", missing,
                examples(np.setdiff1d(complete, ids, assume_unique=True)))
    )  # fmt: skip
    offset = int(complete[0]) if len(complete) else 0
    return ids[rows] - offset, ids[cols] - offset, complete


def _weights(probe: Probe, table: TextTable, skip: int, frame: pd.DataFrame, column: int) -> np.ndarray:
    values = frame[column]
    if table.shape.separator == ";" and values.dtype.kind not in "biuf":
        commas = values.astype(str).str.replace(",", ".", regex=False)
        if pd.to_numeric(commas, errors="coerce").notna().all():
            values = commas  # decimal commas, as spreadsheets in much of Europe write them
    return numbers(probe, table.shape, skip, values, table.name(column))


def _announced_direction(shape: Layout) -> bool | None:
    """Return what the comments at the top say about direction (SNAP and KONECT habits)."""
    for comment in shape.comments:
        text = comment.lstrip("#% ").lower()
        if text.startswith(("directed graph", "asym")):
            return True
        if text.startswith(("undirected graph", "sym")):
            return False
    return None
