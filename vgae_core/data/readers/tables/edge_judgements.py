"""What is said of an edge list: what was decided about its rows and columns, and its first edges in words."""

from __future__ import annotations

import dataclasses

from vgae_core.data.findings import Choice, Judgement
from vgae_core.data.readers.base import N_EXAMPLES, Probe, shorten
from vgae_core.data.readers.columns.count_rows import begins_with_counts
from vgae_core.data.readers.columns.edge_roles import EdgeRoles, edge_roles
from vgae_core.data.readers.columns.field_lists import pieces
from vgae_core.data.readers.columns.sides import Sides
from vgae_core.data.readers.columns.text_table import TextTable, table_of
from vgae_core.data.readers.columns.two_sides import sides_judgement
from vgae_core.data.readers.tables.edge_lists import prefixes, sides_of


def judge_edges(probe: Probe) -> tuple[tuple[Judgement, ...], tuple[str, ...]]:
    """Return what was decided about an edge list and why, and its first edges in words."""
    table = table_of(probe)
    table = dataclasses.replace(table, shape=dataclasses.replace(table.shape, inner_comments=True))
    roles = edge_roles(probe, table)
    judgements = [_header_judgement(table), *roles.judgements]
    sides = sides_of(probe, table, roles)
    judgement = _sides_judgement(table, roles, sides)
    if judgement is not None:
        judgements.append(judgement)
    rows = table.data[begins_with_counts(probe, table) :]
    return tuple(judgements), _sentences(rows, table, roles, sides)


def _header_judgement(table: TextTable) -> Judgement:
    decision = table.decision
    text = f"{'The first row names the columns' if decision.present else 'No header row'}. {decision.why}"
    here, other = ("yes", "no") if decision.present else ("no", "yes")
    in_comment = table.header is not None and table.skip == table.shape.skip
    if in_comment:  # which is no edge
        said = f"A comment names the columns. {decision.why}"
        return Judgement("header", said, decision.sure, (), {"header": here})
    title = "The first row is an edge" if decision.present else "The first row names the columns"
    return Judgement("header", text, decision.sure, (Choice(title, {"header": other}),), {"header": here})


def _sides_judgement(table: TextTable, roles: EdgeRoles, sides: Sides) -> Judgement | None:
    uses = {roles.source: "id", roles.target: "feature_name"}
    if roles.weight is not None:
        uses[roles.weight] = "feature_value"
    columns = {f"uses.{name}": uses.get(i, "ignore") for i, name in enumerate(table.names)}
    return sides_judgement(sides, None if roles.list_sign else {"role": "features", **columns})


def _sentences(rows: list[list[str]], table: TextTable, roles: EdgeRoles, sides: Sides) -> tuple[str, ...]:
    """Return the first edges in words."""
    letters = prefixes(table, roles) if sides.two and sides.shared else ("", "")
    sentences = []
    for row in _edges_of([row for row in rows if len(row) == table.shape.width][:N_EXAMPLES], roles):
        left, right = (
            shorten(f"{a}{row[i]}", 30) for a, i in zip(letters, (roles.source, roles.target), strict=True)
        )
        relation = "" if roles.relation is None else shorten(row[roles.relation], 30)
        link = f" {relation} " if relation else " – "
        weight = f" (weight {shorten(row[roles.weight], 20)})" if roles.weight is not None else ""
        sentences.append(f"{left}{link}{right}{weight}")
    return tuple(sentences)


def _edges_of(rows: list[list[str]], roles: EdgeRoles) -> list[list[str]]:
    """Return the first edges of the rows: one for each target where a field lists several."""
    if not roles.list_sign:
        return rows
    at = roles.target
    edges = [[*row[:at], name, *row[at + 1 :]] for row in rows for name in pieces(row[at], roles.list_sign)]
    return edges[:N_EXAMPLES]
