"""Edge lists: delimited text with one edge per row."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd

from vgae_core.data.findings import Finding, Part
from vgae_core.data.readers.base import (
    Edges,
    Probe,
    examples,
    factorize_ids,
    shorten,
    whole_numbers,
)
from vgae_core.data.readers.columns.count_rows import (
    begins_with_counts,
    count_row,
    counted,
    counted_shape,
    with_announced,
)
from vgae_core.data.readers.columns.edge_roles import EdgeRoles, edge_roles
from vgae_core.data.readers.columns.field_lists import taken_apart
from vgae_core.data.readers.columns.names import (
    SOURCE_NAMES,
    TARGET_NAMES,
    plain_name,
    same_but_for_a_mark,
    two_kinds,
)
from vgae_core.data.readers.columns.sides import SAMPLE, Sides, judge_sides
from vgae_core.data.readers.columns.text_table import EDGE_USES, TextTable, table_of, texts_of
from vgae_core.data.readers.columns.two_sides import apart, beyond_the_sample
from vgae_core.data.readers.tables import beside
from vgae_core.data.readers.text.byte_scans import count_lines
from vgae_core.data.readers.text.frames import numbers, read_frame
from vgae_core.data.readers.text.layouts import Layout, inner_comments, line_of

_GROUP = re.compile(r":(?:START|END)_ID\((.+)\)")
_FIRST = 1_000
"""Ids of which one that is no number tells that all of them are names."""


def edge_parts(table: TextTable, roles: EdgeRoles) -> tuple[Part, ...]:
    """Return each column with its use in an edge list."""
    return table.parts(roles.uses, EDGE_USES)


def read_edges(probe: Probe) -> Edges:
    """Return the edges of a table with one edge per row."""
    table = table_of(probe)
    table = dataclasses.replace(table, shape=dataclasses.replace(table.shape, inner_comments=True))
    shape = table.shape
    roles = edge_roles(probe, table)
    probe.limits.check("edges", count_lines(probe) - table.skip, where=probe.name)
    counts = count_row(probe, table)
    skip = table.skip if counts is None else shape.skip + 1
    frame = _frame(probe, table, roles, skip)
    if not len(frame) and counts is None:
        raise probe.error("Holds a header and no rows.", mend="Provide a file with one row per edge.")
    ends, text = _ids(probe, shape, skip, frame, roles)
    findings: list[Finding] = []
    announced = None
    if counts is not None:
        announced = counted(probe, table, counts, ends, text, findings)
        if announced is None:
            if len(shape.rows[0]) < shape.width and roles.weight is not None:
                raise probe.error(
                    f"Expected {shape.width} columns. Received: {len(shape.rows[0])}.",
                    line=skip,
                    mend="Give every row a weight.",
                )
            skip = table.skip
            frame = _frame(probe, table, roles, skip)
            ends, text = _ids(probe, shape, skip, frame, roles)
    weights = None if roles.weight is None else _weights(probe, table, skip, frame, roles.weight)
    if weights is None and roles.time is not None:
        weights = np.ones(len(frame), np.float32)  # contacts: each counts, and repeats add up
    relations, relation_names = _relations(frame, roles)
    if roles.list_sign:
        ends, weights, relations = _each_target(probe, roles, ends, weights, relations)
    sides = beyond_the_sample(probe, sides_of(probe, table, roles, ends), ends, findings)
    if sides.two and sides.shared:
        rows, cols, ids = apart(ends, prefixes(table, roles), findings)
    else:
        rows, cols, ids = factorize_ids(ends[0], ends[1])
    of_nodes = None
    if sides.two:
        of_nodes = np.zeros(len(ids), np.int8)
        of_nodes[cols] = 1
    elif announced is not None:
        rows, cols, ids = with_announced(announced[0], rows, cols, ids, findings)
    probe.limits.check("nodes", len(ids), where=probe.name)
    _tell(probe, table, roles, skip, findings)
    name = {
        ",": "CSV", "\t": "TSV", ";": "semicolon-separated", "": "space-separated", "|": "bar-separated",
        "::": "colon-separated",
    }[shape.separator]  # fmt: skip
    directed = roles.directed if roles.directed is not None else _announced_direction(shape)
    return Edges(
        rows=rows,
        cols=cols,
        weights=weights,
        node_ids=ids,
        format=f"edge list ({name})",
        directed=False if sides.two else directed,
        sides=of_nodes,
        side_names=_side_names(table, roles) if sides.two else (),
        parts=edge_parts(table, roles),
        relations=relations,
        relation_names=relation_names,
        findings=tuple(findings),
    )


def _frame(
    probe: Probe, table: TextTable, roles: EdgeRoles, skip: int, rows: int | None = None
) -> pd.DataFrame:
    """Return the columns that are used; kinds of edges as texts."""
    kinds: dict[int, type] = {} if roles.relation is None else {roles.relation: str}
    used = sorted(at for at, use in roles.uses.items() if use != "time")
    columns = None if table.shape.width <= 2 else used
    return read_frame(
        probe,
        table.shape,
        skip=skip,
        columns=columns,
        dtype=kinds or None,
        rows=rows,
    )


def _each_target(
    probe: Probe,
    roles: EdgeRoles,
    ends: list[np.ndarray | pd.Series],
    weights: np.ndarray | None = None,
    relations: np.ndarray | None = None,
) -> tuple[list[np.ndarray | pd.Series], np.ndarray | None, np.ndarray | None]:
    """Return the edges with one for each name in a list of targets."""
    source, target = (pd.Series(end).astype(str).astype("str") for end in ends)
    probe.limits.check("edges", len(target) + int(target.str.count(re.escape(roles.list_sign)).sum()),
                       where=probe.name)  # fmt: skip
    names, rows = taken_apart(target, roles.list_sign)
    both: list[np.ndarray | pd.Series] = [source.iloc[rows].reset_index(drop=True), names]
    whole = [_whole(pd.Series(column)) for column in both]
    if all(w is not None for w in whole):
        both = [w for w in whole if w is not None]
    return both, None if weights is None else weights[rows], None if relations is None else relations[rows]


def _relations(frame: pd.DataFrame, roles: EdgeRoles) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Return the kind of each edge and the names of the kinds, the most frequent first."""
    if roles.relation is None:
        return None, ()
    texts = texts_of(frame[roles.relation])
    order = texts.value_counts().index
    codes = pd.Categorical(texts, categories=order).codes.astype(np.int32)
    return codes, tuple(map(str, order))


def sides_of(
    probe: Probe,
    table: TextTable,
    roles: EdgeRoles,
    ends: list[np.ndarray | pd.Series] | None = None,
) -> Sides:
    """Return whether the ends are of two sets; what the user says goes first.

    Without `ends` the first rows of the file are read for them.
    """
    if "sides" not in probe.memo:
        if ends is None:
            skip = table.skip + begins_with_counts(probe, table)
            frame = _frame(probe, table, roles, skip, rows=SAMPLE)
            ends, _ = _ids(probe, table.shape, skip, frame, roles)
            if roles.list_sign:
                ends, *_ = _each_target(probe, roles, ends)
        left, right = (table.header[at] if table.header else "" for at in (roles.source, roles.target))
        found = judge_sides(
            *ends,
            comments=table.shape.comments,
            kinds=two_kinds(left, right) or _groups_differ(left, right),
            marked=same_but_for_a_mark(left, right)
            or (plain_name(left) in SOURCE_NAMES and plain_name(right) in TARGET_NAMES),
            shape=counted_shape(probe, table, ends),
            rated=roles.weight is not None and roles.time is not None and not table.shape.comments,
        )
        if not found.sure and (table_name := beside.describing(probe, *(end[:SAMPLE] for end in ends))):
            why = f"{table_name} has a row for the nodes of both columns"
            found = dataclasses.replace(found, two=False, why=why, sure=True)
        if probe.how.sides != "auto":
            found = dataclasses.replace(found, two=probe.how.sides == "two", why="as chosen", sure=True)
        probe.memo["sides"] = found
    sides: Sides = probe.memo["sides"]
    return sides


def _groups_differ(left: str, right: str) -> bool:
    """Return whether headers of Neo4j's import name two groups of ids: ``:START_ID(Person)``, ``:END_ID(Film)``."""
    groups = [match[1] for name in (left, right) if (match := _GROUP.search(name))]
    return len(groups) == 2 and groups[0] != groups[1]


def _side_names(table: TextTable, roles: EdgeRoles) -> tuple[str, ...]:
    """Return the headers of both ends, where they say more than which end it is."""
    if table.header is None:
        return ()
    names = tuple(shorten(table.header[at], 40) for at in (roles.source, roles.target))
    if _groups_differ(*names):
        names = tuple(match[1] for name in names if (match := _GROUP.search(name)))
    usual = SOURCE_NAMES | TARGET_NAMES | {""}
    return () if any(plain_name(name) in usual for name in names) else names


def prefixes(table: TextTable, roles: EdgeRoles) -> tuple[str, str]:
    """Return what ids of both sides begin with, so that they are apart: u and i of user and item, else r and c."""
    left, right = (
        plain_name(table.header[at]) if table.header else "" for at in (roles.source, roles.target)
    )
    if left[:1].isalpha() and right[:1].isalpha() and left[0] != right[0]:
        return left[0], right[0]
    return "r", "c"


def _tell(probe: Probe, table: TextTable, roles: EdgeRoles, skip: int, findings: list[Finding]) -> None:
    """Say which lines and columns were left out."""
    inner = inner_comments(probe, skip)
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
    findings.extend(
        Finding(f"column-{judgement.about}", "info", f"{probe.name}: {judgement.text}")
        for judgement in roles.judgements
        if judgement.about in ("relation", "time", "index", "lists")
    )
    unused = [i for i in range(table.shape.width) if i not in roles.uses]
    if unused:
        names = tuple(table.name(i) for i in unused)
        findings.append(
            Finding(
                "columns-ignored",
                "info",
                f"Columns of {probe.name} that were not used: {', '.join(map(shorten, names[:5]))}"
                f"{'…' if len(names) > 5 else '.'}",
                len(names),
                examples(names),
            )
        )


def _ids(
    probe: Probe, shape: Layout, skip: int, frame: pd.DataFrame, roles: EdgeRoles
) -> tuple[list[np.ndarray | pd.Series], bool]:
    """Return source and target ids, as int64 or both as texts, and whether they are texts."""
    source, target = roles.source, roles.target
    if all(frame[i].dtype == np.int64 for i in (source, target)):
        return [frame[source].to_numpy(), frame[target].to_numpy()], False
    columns = sorted({source, target})
    if not all(pd.api.types.is_string_dtype(frame[i].dtype) and frame[i].dtype != object for i in columns):
        # What pandas took for floats, booleans or huge numbers: names, exactly as written.
        frame = read_frame(
            probe,
            shape,
            skip=skip,
            columns=columns,
            rows=len(frame),
            dtype=dict.fromkeys(columns, str),
        )
    texts = [frame[i].astype(str).str.strip() for i in (source, target)]
    for side, column in zip(("source", "target"), texts, strict=True):
        empty = np.flatnonzero((column == "").to_numpy())
        if len(empty):
            raise probe.error(
                f"The {side} of an edge is empty (rows like this: {len(empty):,}).",
                line=line_of(probe, shape, skip, int(empty[0])),
                mend="One edge per line: source, target and, if there is one, a weight.",
            )
    whole = [_whole(column) for column in texts]
    if all(w is not None for w in whole):
        return [w for w in whole if w is not None], False
    return list(texts), True


def _whole(texts: pd.Series) -> np.ndarray | None:
    """Return int64 if every text is a whole number, none of them with a zero in front; else None."""
    if whole_numbers(texts.iloc[:_FIRST]) is None:
        return None  # most often: one that is none decides for all
    return None if texts.str.fullmatch(r"0\d+").any() else whole_numbers(texts)


def _weights(probe: Probe, table: TextTable, skip: int, frame: pd.DataFrame, column: int) -> np.ndarray:
    """Return the weight of each edge, NaN where it is missing."""
    return numbers(probe, table.shape, skip, frame[column], table.name(column))


def _announced_direction(shape: Layout) -> bool | None:
    """Return what the comments at the top say about direction (SNAP and KONECT habits)."""
    for comment in shape.comments:
        text = comment.lstrip("#% ").lower()
        if text.startswith(("directed graph", "asym")):
            return True
        if text.startswith(("undirected graph", "sym")):
            return False
    return None
