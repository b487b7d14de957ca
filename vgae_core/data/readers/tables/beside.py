"""Node tables of few columns, told from edge lists by the file beside them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from vgae_core.data.readers.base import Content, Probe
from vgae_core.data.readers.columns.classes import as_classes
from vgae_core.data.readers.columns.edge_roles import edge_roles, means_edges
from vgae_core.data.readers.columns.evidence import columns_of
from vgae_core.data.readers.columns.names import (
    COMMUNITY_NAMES,
    LABEL_NAMES,
    NODE_NAMES,
    STATISTIC_NAMES,
    TARGET_NAMES,
)
from vgae_core.data.readers.columns.node_uses import are_names, is_numeric
from vgae_core.data.readers.columns.text_table import EDGE_USES, TextTable, table_of, texts_of
from vgae_core.data.readers.columns.vector_fields import are_vectors
from vgae_core.data.readers.tables.feature_lists import are_memberships
from vgae_core.data.readers.text.frames import read_frame
from vgae_core.errors import DataError

_ROWS = 200_000
"""Rows that are compared."""
_MOST = 0.5
"""Share of the ids of one file that are to be in the other."""
_NEARLY_ALL = 0.9
"""Share of the nodes that are to have a row where the numbers in it might be nodes as well."""
_FEW_GROUPS = 0.5
"""Groups per node from which they may be nodes as well."""


@dataclass(frozen=True)
class _Beginning:
    """The first rows of a table: first and second column, and the ids it would have as an edge list."""

    table: TextTable
    first: pd.Series
    second: pd.Series
    ids: frozenset[str]


def tables_of_nodes(probes: Mapping[int, Probe]) -> dict[int, Content]:
    """Return what those files hold that describe the nodes of another one; all of them might be edge lists.

    Such a table has one row per node, whose ids are mostly those of the other file, and beside them what is no node.
    Why is kept in the memo of its probe, for :func:`why`.

    Parameters
    ----------
    probes : mapping of int to Probe
        Delimited text, by its position among the files.
    """
    begun = {at: beginning for at, probe in probes.items() if (beginning := _begin(probe)) is not None}
    contents: dict[int, Content] = {}
    for at, mine in begun.items():
        if (
            set(probes[at].how.uses.values()) & (set(EDGE_USES) - {"ignore"})
            or probes[at].how.role == "edges"
        ):
            continue
        other = next((k for k, theirs in begun.items() if k != at and _describes(mine, theirs)), None)
        group = next((k for k, theirs in begun.items() if k != at and _are_groups(mine, theirs)), None)
        if other is None and group is not None:
            contents[at] = "labels"
            continue
        if other is None:
            continue
        contents[at] = _content(mine.table)
        shared = len(set(mine.first) & begun[other].ids)
        probes[at].memo["beside"] = (
            f"One row per node: {shared:,} of the {len(mine.first):,} ids in the first column occur in "
            f"{probes[other].name}."
        )
    return contents


def describing(edges: Probe, left: Iterable[object], right: Iterable[object]) -> str:
    """Return the name of a node table with a row for nearly all ids of both ends of an edge list; empty if none."""
    ends = [set(map(str, side)) for side in (left, right)]
    for probe in edges.memo.get("node tables", ()):
        table = _begin(probe)
        if table is not None:
            rows = set(table.first)
            if all(len(side & rows) >= _NEARLY_ALL * len(side) for side in ends):
                return probe.name
    return ""


def why(probe: Probe) -> str:
    """Return why a file is a node table rather than an edge list; empty if nothing beside it tells."""
    text: str = probe.memo.get("beside", "")
    return text


def _begin(probe: Probe) -> _Beginning | None:
    try:
        table = table_of(probe)
        if table.shape.width < 2:
            return None
        ends = _ends(probe, table)
        shape = dataclasses.replace(table.shape, inner_comments=True)
        columns = sorted({0, 1, *ends})
        frame = read_frame(probe, shape, skip=table.skip, columns=columns, dtype=str, rows=_ROWS)
    except DataError:
        return None  # its reader says what is wrong
    ids = frozenset().union(*(texts_of(frame[i]).unique() for i in ends)) - {""}
    return _Beginning(table, texts_of(frame[0]), texts_of(frame[1]), ids)


def _ends(probe: Probe, table: TextTable) -> tuple[int, ...]:
    """Return the columns that would be the ends of edges; none if there are not two."""
    try:
        roles = edge_roles(probe, table)
    except DataError:
        return ()
    return roles.source, roles.target


def _describes(mine: _Beginning, theirs: _Beginning) -> bool:
    """Return whether a table has one row per node of another one, and something else beside it."""
    first = set(mine.first)
    if len(first) < max(2, len(mine.first)) or means_edges(mine.table):
        return False
    shared = len(first & theirs.ids)
    if shared <= _MOST * min(len(first), len(theirs.ids)):
        return False
    if mine.table.header is not None and mine.table.plain[0] in NODE_NAMES:
        named = mine.table.plain[1]
        if is_numeric(mine.second) and named not in NODE_NAMES | TARGET_NAMES:
            return True
    beside = set(mine.second) - {""}
    if len(beside & (theirs.ids | first)) <= _MOST * len(beside):
        return True
    # Numbers that might be nodes: few of them, beside (almost) every node, are classes.
    return (
        is_numeric(mine.second)
        and shared >= _NEARLY_ALL * len(theirs.ids)
        and as_classes(mine.second, certain=False) is not None
    )


def _are_groups(mine: _Beginning, theirs: _Beginning) -> bool:
    """Return whether the rows of a table are nodes of another, longer one and the few groups that each is in."""
    nodes, groups = set(mine.first), set(mine.second)
    return (
        are_memberships(mine.table)
        and not means_edges(mine.table)
        and len(mine.first) < len(theirs.first)
        and len(nodes & theirs.ids) >= _NEARLY_ALL * len(nodes)
        and len(groups) <= _FEW_GROUPS * len(nodes)
    )


def _content(table: TextTable) -> Content:
    """Return what stands beside the ids: numbers are features, words and class numbers labels, else names."""
    told = LABEL_NAMES | COMMUNITY_NAMES | STATISTIC_NAMES
    columns = columns_of(table)[1:]
    if any(are_vectors(column.fields) for column in columns):
        return "features"
    numeric = [column for column in columns if column.is_mostly_numeric and column.known]
    if not numeric:
        texts = pd.Series(columns[0].fields, dtype="str")
        return "names" if len(columns) == 1 and are_names(texts) else "labels"
    if len(columns) == 1 and (table.header is None or columns[0].plain in told):
        classes = as_classes(pd.Series(columns[0].fields, dtype="str"), certain=False)
        return "labels" if classes is not None else "features"
    return "labels" if all(column.plain in told for column in numeric) else "features"
