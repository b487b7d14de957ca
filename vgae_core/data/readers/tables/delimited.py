"""Delimited text: what a table of text holds, and the reader for it."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd

from vgae_core.data.findings import Choice, Judgement, Part
from vgae_core.data.readers.base import Content, Format, NodeTable, Probe
from vgae_core.data.readers.columns.edge_roles import edge_roles, means_edges
from vgae_core.data.readers.columns.evidence import columns_of
from vgae_core.data.readers.columns.names import (
    LABEL_NAMES,
    NODE_NAMES,
    STATISTIC_NAMES,
    TITLE_NAMES,
)
from vgae_core.data.readers.columns.neo4j_header import plain_header
from vgae_core.data.readers.columns.node_uses import are_names, means_label, only_classes, tells_apart
from vgae_core.data.readers.columns.text_table import LONG_USES, NODE_USES, TextTable, table_of
from vgae_core.data.readers.columns.vector_fields import are_vectors
from vgae_core.data.readers.tables import (
    beside,
    edge_judgements,
    edge_lists,
    feature_lists,
    node_tables,
)
from vgae_core.data.readers.tables.feature_lists import are_memberships, is_long
from vgae_core.data.readers.text.byte_scans import count_lines
from vgae_core.data.readers.text.encodings import what_else
from vgae_core.data.readers.text.frames import is_number
from vgae_core.data.readers.text.layouts import layout_judgements
from vgae_core.data.readers.text.written_numbers import is_missing

_HUGE = 1e15
"""Numbers below which a float tells whether it has a fraction."""
_WIDE = node_tables.WIDE
"""Columns from which a table of numbers without known names is a matrix rather than an edge list."""


def _table_of(probe: Probe) -> TextTable:
    """Return the table in a text file, its columns called as any other's."""
    table = table_of(probe)
    header = table.header and plain_header(table.header)
    if header != table.header:
        table = probe.memo["table"] = dataclasses.replace(table, header=header)
    return table


def _guess(probe: Probe) -> Content:
    table = _table_of(probe)
    said = set(probe.how.uses.values())
    if said & {"source", "target", "targets", "weight", "relation", "time"}:
        return "edges"
    if is_long(table, said) and said:
        return "features"
    if means_edges(table):
        return "edges"
    if _holds_vectors(table):
        return "features"
    if table.header is not None:
        if is_long(table, said) or _is_series(table):
            return "features"
        if table.shape.width == 2 and table.plain[0] in NODE_NAMES and _is_named(table):
            return "names"
        numbers = _numbers_beside(table)
        if numbers and table.find(NODE_NAMES) is not None and table.shape.width > 2:
            return "features"
        ids = table.find(NODE_NAMES)
        if ids is not None and _tells_classes(table, ids):
            return "labels"
        if table.find(NODE_NAMES) is not None and table.shape.width > 2:
            return "features"
        if table.shape.width == 2 and table.plain[0] in NODE_NAMES and _describes(table):
            return "labels"
    return "edges" if table.shape.width <= 3 and not _is_of_fractions(table) else "features"


def _is_of_fractions(table: TextTable) -> bool:
    """Return whether all columns but one at most hold numbers with fractions, which are no nodes."""
    columns = columns_of(table)
    fractions = [
        column.is_numeric
        and not column.is_code
        and any(value != round(value) for value in column.numbers if abs(value) < _HUGE)
        for column in columns
    ]
    return len(table.data) > 1 and sum(fractions) >= max(2, len(columns) - 1)


def _is_series(table: TextTable) -> bool:
    """Return whether all columns are called alike but for their number, three or more, and hold numbers."""
    columns = columns_of(table)
    stems = {re.sub(r"\d+$", "", column.plain) for column in columns}
    numbered = all(column.plain[-1:].isdigit() for column in columns)
    return (
        len(columns) > 2
        and len(stems) == 1
        and numbered
        and all(c.is_mostly_numeric and c.known for c in columns)
    )


def _holds_vectors(table: TextTable) -> bool:
    """Return whether a vector stands in one field beside the first column, which has each node once."""
    first, *rest = columns_of(table)
    return len(first.distinct) == len(first.fields) and any(are_vectors(column.fields) for column in rest)


def _is_named(table: TextTable) -> bool:
    """Return whether the second column names the nodes in the first: titles, or a label that no two of them share."""
    names = pd.Series([row[1] for row in table.data if len(row) == 2], dtype="str")
    name = table.plain[1]
    return name in TITLE_NAMES - LABEL_NAMES or (
        name in LABEL_NAMES and are_names(names, titled=name in TITLE_NAMES)
    )


def _tells_classes(table: TextTable, ids: int) -> bool:
    """Return whether a column beside the ids is called a label or a statistic, or has the only classes beside names."""
    if any(means_label(name) or name in STATISTIC_NAMES for i, name in enumerate(table.plain) if i != ids):
        return True
    columns = {c.index: pd.Series(c.fields, dtype="str") for c in columns_of(table) if c.index != ids}
    titled = table.find(TITLE_NAMES, (ids,)) is not None
    return titled and only_classes(columns) is not None


def _describes(table: TextTable) -> bool:
    """Return whether each node has one row and no text beside it is a node: classes, not neighbours."""
    rows = [row for row in table.data if len(row) == 2]
    nodes, others = {row[0] for row in rows}, {row[1] for row in rows}
    return len(nodes) == len(rows) and not nodes & others and not all(map(is_number, others))


def _numbers_beside(table: TextTable) -> int:
    """Return how many columns hold numbers that measure the nodes, as far as the first rows tell."""
    return sum(
        column.plain not in NODE_NAMES | STATISTIC_NAMES
        and not means_label(column.plain)
        and column.is_mostly_numeric
        and bool(column.known)
        and not tells_apart(column)
        for column in columns_of(table)
    )


def has_a_row_per_node(probe: Probe) -> bool:
    """Return whether each value of the first of two columns stands in one row, and none of them beside it."""
    columns = columns_of(_table_of(probe))
    first, *others = columns
    apart = len(columns) == 2 and not first.seen & others[0].seen
    return apart and len(first.fields) > 2 and len(first.distinct) == len(first.fields)


def is_wide(probe: Probe) -> bool:
    """Return whether the table can only be a matrix: named so, or five columns of numbers and more.

    Columns beside a first one that names each row once are enough of a matrix from three on, and a last one of texts
    may hold classes.
    """
    table = _table_of(probe)
    if is_long(table) or (table.header is not None and table.find(NODE_NAMES) is not None):
        return True
    if _is_of_fractions(table) or (table.header is not None and _is_series(table)):
        return True
    columns = list(zip(*(row for row in table.data if len(row) == table.shape.width), strict=True))
    numeric = [
        any(map(is_number, column)) and all(is_number(field) or is_missing(field) for field in column)
        for column in columns
    ]
    if table.shape.width > _WIDE + 1 and all(numeric[1:-1]):
        return True
    if not all(numeric[1:]):
        return False
    named = (
        table.header is not None
        and bool(columns)
        and not numeric[0]
        and len(set(columns[0])) == len(columns[0])
    )
    return table.shape.width >= (_WIDE - 1 if named else _WIDE)


def _judge(probe: Probe, content: Content) -> tuple[tuple[Judgement, ...], tuple[str, ...]]:
    """Return what was decided about the file and why, and its first edges in words."""
    laid_out = layout_judgements(probe)
    if content == "edges":
        judged, sentences = edge_judgements.judge_edges(probe)
        return (*laid_out, *judged), sentences
    table = _table_of(probe)
    if content == "features" and is_long(table, probe.how.uses.values()):
        return laid_out, ()
    if _are_memberships(probe, content):
        accept = {f"uses.{name}": use for name, use in zip(table.names, LONG_USES, strict=False)}
        text = "Many nodes have several labels, but a node has one class: each label becomes a 0/1 feature."
        return (*laid_out, Judgement(
            "role", text, False,
            (Choice("It holds edges", {"role": "edges"}), Choice("Ignore this file", {"role": "ignore"})),
            {"role": "features", **accept},
        )), ()  # fmt: skip
    if because := beside.why(probe):
        laid_out += (Judgement("role", because, others=(Choice("It holds edges", {"role": "edges"}),)),)
    uses = probe.memo.get("node uses")  # of all rows, if they have been read
    if uses is None:
        uses = node_tables.uses_of(probe, table, _first_rows(table), content, np.zeros(0, np.int64))
    return (*laid_out, *node_tables.judgements(probe, table, uses)), ()


def _first_rows(table: TextTable) -> pd.DataFrame:
    rows = [row for row in table.data if len(row) == table.shape.width]
    return pd.DataFrame(rows, columns=range(table.shape.width), dtype="str")


def _recognise(probe: Probe) -> bool:
    return what_else(probe) is None


def _table(probe: Probe, content: Content, node_ids: np.ndarray) -> NodeTable:
    table = _table_of(probe)
    rows = count_lines(probe) - table.skip
    by_position = table.header is None and rows == len(node_ids) and not probe.how.uses
    if content == "features" and is_long(table, probe.how.uses.values()) and not by_position:
        return feature_lists.read_long(probe, table)
    if _are_memberships(probe, content):
        return feature_lists.read_long(probe, table)
    return node_tables.read_nodes(probe, table, content, node_ids)


def _are_memberships(probe: Probe, content: Content) -> bool:
    """Return whether a table of labels has several of many a node, and nobody says that they are classes."""
    said = set(probe.how.uses.values())
    return content == "labels" and not said & set(NODE_USES[1:]) and are_memberships(_table_of(probe))


def _parts(probe: Probe, content: Content) -> tuple[Part, ...]:
    """Return what the columns would be used for, as far as the first rows tell."""
    table = _table_of(probe)
    if content == "edges":
        return edge_lists.edge_parts(table, edge_roles(probe, table))
    if (content == "features" and is_long(table, probe.how.uses.values())) or _are_memberships(
        probe, content
    ):
        return table.parts(feature_lists.uses_of(probe, table), LONG_USES)
    uses = node_tables.uses_of(probe, table, _first_rows(table), content, np.zeros(0, np.int64))
    return table.parts(uses, NODE_USES)


FORMAT = Format(
    key="delimited",
    title="Delimited text (CSV, TSV, spaces)",
    suffixes=("csv", "tsv", "txt", "edges", "edgelist", "dat"),
    recognise=_recognise,
    guess=_guess,
    edges=edge_lists.read_edges,
    table=_table,
    parts=_parts,
    judge=_judge,
)
