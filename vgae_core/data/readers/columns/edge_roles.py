"""Which columns of a table are the ends of an edge, its weight, its kind and its time: told from evidence."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from vgae_core.data.findings import Choice, Judgement
from vgae_core.data.readers.base import Probe, shorten
from vgae_core.data.readers.columns.edge_ends import (
    FEW,
    SHARED,
    are_kinds,
    are_layers,
    are_numbered_triples,
    are_triples,
    best_pair,
    could_be_nodes,
    counts_before_ends,
    ends_behind_an_id,
    have_partners,
    is_series,
)
from vgae_core.data.readers.columns.edge_numbers import NumberJudge
from vgae_core.data.readers.columns.evidence import (
    Column,
    columns_of,
    is_relation,
    named_pairs,
    overlap,
    tells_of_one_end,
)
from vgae_core.data.readers.columns.field_lists import SIGNS, list_sign
from vgae_core.data.readers.columns.names import (
    LABEL_NAMES,
    NODE_NAMES,
    RELATION_NAMES,
    SOURCE_NAMES,
    TARGET_NAMES,
    WEIGHT_NAMES,
    WIDEST,
    are_people,
)
from vgae_core.data.readers.columns.text_table import TextTable

_DIRECTIONS = {"directed": True, "undirected": False, "mutual": False}
_SOME = 4
"""Rows from which numbers that repeat may be kinds."""
_ROWS_OF_FEW = 10
"""Rows below which kinds of edges need not repeat."""


@dataclass(frozen=True)
class EdgeRoles:
    """The use of each column of an edge list, and why.

    Parameters
    ----------
    source, target : int
    weight, relation, time : int or None
    directed : bool or None
        What a column such as Gephi's ``Type`` says.
    list_sign : str
        What stands between several targets in one field; empty if each field is one.
    judgements : tuple of Judgement
    """

    source: int
    target: int
    weight: int | None = None
    relation: int | None = None
    time: int | None = None
    directed: bool | None = None
    list_sign: str = ""
    judgements: tuple[Judgement, ...] = ()

    @property
    def uses(self) -> dict[int, str]:
        """The use of each column that has one."""
        roles = ("source", "target", "weight", "relation", "time")
        uses = {at: role for role in roles if (at := getattr(self, role)) is not None}
        return uses | {self.target: "targets"} if self.list_sign else uses


def edge_roles(probe: Probe, table: TextTable) -> EdgeRoles:
    """Return the use of each column of an edge list; what the user says goes first.

    Raises
    ------
    DataError
        If there are not two columns for the ends of an edge.
    """
    if "edge roles" not in probe.memo:
        probe.memo["edge roles"] = _Judge(probe, table).roles()
    roles: EdgeRoles = probe.memo["edge roles"]
    return roles


def means_edges(table: TextTable) -> bool:
    """Return whether a table that may also be one of nodes has the columns of an edge list."""
    columns = columns_of(table)
    if table.header is None:
        return len(columns) > 3 and _is_list_of_contacts(columns)
    if table.find(SOURCE_NAMES) is not None and table.find(TARGET_NAMES) is not None:
        return True
    first = columns[0]
    if first.plain in NODE_NAMES and have_partners(first, columns[1:]):
        return True
    if len(columns) > 1 and first.plain in NODE_NAMES and len(first.distinct) == len(first.known):
        return ends_behind_an_id(
            columns
        )  # one row per node, unless its other columns are the ends of an edge
    return any(
        not is_series(left, right, columns)
        and all(end.is_whole or not end.is_numeric for end in (left, right))
        for left, right in named_pairs(columns)
    ) or any(
        are_kinds(left, right)
        and len(left.distinct) < len(left.known)
        and (
            left is first
            or (left.is_named_id and right.is_named_id and len(right.distinct) < len(right.known))
        )
        for left, right in itertools.combinations(columns[:WIDEST], 2)
    )


def _is_list_of_contacts(columns: Sequence[Column]) -> bool:
    """Return whether columns without names are two ends, then a number or two, then a time."""
    left, right, *rest = columns
    ends = all(end.filled == 1 and (end.is_whole or not end.is_numeric) for end in (left, right))
    repeats = len(left.distinct) < len(left.known)
    return ends and repeats and len(rest) <= 3 and any(column.time for column in rest)


class _Judge(NumberJudge):
    """Judges the columns of one table."""

    # --------------------------------------------------------------------- the whole
    def roles(self) -> EdgeRoles:
        width = self.table.shape.width
        if width < 2:
            raise self.probe.error(
                f"An edge needs two columns. Received: {shorten(' '.join(self.table.shape.rows[0]))!r}.",
                line=self.table.shape.skip + 1,
                mend="One edge per line: source, target and, if there is one, a weight.",
            )
        by_use = {use: self.columns[i] for i, use in self.said.items() if use != "ignore"}
        if "targets" in by_use:
            by_use["target"] = by_use["targets"]
        free = [column for column in self.columns if column.index not in self.said]
        numbers = None if {"source", "target"} & set(by_use) else self._row_numbers(free)
        free = [column for column in free if column is not numbers]
        self.width = len(self.columns) - (numbers is not None)
        relation: Column | None
        if self.table.header is None and len(free) == len(self.columns) and are_numbered_triples(free):
            source, relation, target = free
            self.ask_about_triple(source, relation, target)
        elif self.table.header is None and len(free) == len(self.columns) and are_layers(free):
            relation, source, target = free[:3]
            self.ask_about_layers(relation, source, target)
        else:
            source, target = self._ends(by_use.get("source"), by_use.get("target"), free)
            rest = [column for column in free if column not in (source, target)]
            relation = by_use.get("relation") or self._relation(rest, (source, target))
        rest = [column for column in free if column not in (source, target, relation)]
        time = by_use.get("time") or self.time_of(rest)
        if time is None and numbers is not None and len(numbers.distinct) < len(numbers.fields):
            time = numbers  # steps of time, in each of which several edges are seen
        weight = by_use.get("weight") or self.weight_of([c for c in rest if c is not time], (source, target))
        self.ask_about_labels(source, target)
        source, target, sign = self._lists(source, target)
        return EdgeRoles(
            source.index,
            target.index,
            None if weight is None else weight.index,
            None if relation is None else relation.index,
            None if time is None else time.index,
            self._directed(rest),
            sign,
            tuple(self.judgements),
        )

    # ---------------------------------------------------------------------- its parts
    def _ends(
        self, source: Column | None, target: Column | None, free: list[Column]
    ) -> tuple[Column, Column]:
        if source is not None and target is not None:
            return source, target
        ends: tuple[Column | None, Column | None]
        pairs = named_pairs(self.columns)
        by_name = [self._find(names, free) for names in (SOURCE_NAMES, TARGET_NAMES)]
        if source is not None or target is not None:
            mine = source or target
            partners = [
                end for pair in pairs if mine in pair for end in pair if end is not mine and end in free
            ]
            other = by_name[0 if source is None else 1] or next(iter([*partners, *free]), None)
            ends = (source or other, target or other)
        elif by_name[0] is not None and by_name[1] is not None and by_name[0] is not by_name[1]:
            ends = (by_name[0], by_name[1])
            self.tell_other_pairs(by_name[0], free)
        elif usable := [
            pair for pair in pairs if set(pair) <= set(free) and not is_series(*pair, self.columns)
        ]:
            ends = usable[0]
            self.tell_other_pairs(usable[0][0], free)
        elif kinds := [(a, b) for a, b in itertools.combinations(free[:WIDEST], 2) if are_kinds(a, b)]:
            ends = max(kinds, key=_take_part)
        else:
            first, second, *_ = (*self._by_content(free), None, None)
            ends = (first, second)
            self.ask_about_more(ends)
        if ends[0] is None or ends[1] is None or ends[0] is ends[1]:
            raise self.probe.error(
                "No two columns are left for source and target.", mend="Choose the two columns."
            )
        return ends[0], ends[1]

    def _find(self, names: frozenset[str], free: list[Column]) -> Column | None:
        return next((column for column in free if column.plain in names), None)

    def _row_numbers(self, free: list[Column]) -> Column | None:
        """Return the first column if it only numbers the rows, or counts steps of time."""
        if len(free) < 3 or not free[0].is_whole:
            return None
        first, left = free[:2]
        differ = len(first.distinct) == len(first.fields)
        unnamed = self.table.header is not None and first.plain in (
            "", "unnamed0", "index", "rownames", "row", "rowid", "rownumber", "nr", "no",
        )  # fmt: skip
        called_id = self.table.header is not None and first.is_named_id and first.plain not in SOURCE_NAMES
        by_name = (unnamed and (first.counts_rows or not overlap(first, left))) or (
            called_id and (ends_behind_an_id(free) or bool(named_pairs(free[1:])))
        )
        if differ and by_name:
            certain = True
        elif self.table.header is None and counts_before_ends(free):
            certain = differ and first.counts_rows and not left.is_numeric
        else:
            return None
        self.judge(
            "index",
            f"{self.called(first)} only grows ({shorten(', '.join(first.fields[:3]))}, …): row numbers or time "
            "steps, not used.",
            Choice(
                f"Edges join {self.called(first, left)}",
                {self.key(first): "source", self.key(left): "target"},
            ),
            sure=certain,
            ignore=first,
        )
        return first

    def _by_content(self, free: list[Column]) -> list[Column]:
        """Return the two columns whose values look most like nodes."""
        pair = best_pair(free)
        if self.table.header is not None and len(pair) == 2 and not overlap(*pair):
            fewest = min(len(end.distinct) for end in pair)
            others = [
                c for c in could_be_nodes(free)
                if c not in pair and len(c.distinct) > max(2, 0.5 * fewest)
                and (not c.is_numeric or (c.is_named_id and pair[0].is_numeric))
            ]  # fmt: skip
            if others:
                self.ask_which(pair[0], pair[1], others)
                return [*pair]
        if (
            are_triples(free)
            and pair == (free[0], free[2])
            and len(free[1].distinct) > 1
            and is_relation(free[2], (free[0], free[1]))
        ):
            self.ask_about_order(*free[:3])
            return [*pair]
        first = [c for c in free if c.known][:2]
        if len(pair) == 2 and list(pair) != first and len(first) == 2 and not is_relation(first[1], pair):
            shared = overlap(*pair)
            evidence = f": {shared:.0%} of the values of the shorter one occur in both" if shared else ""
            self.judge(
                "columns",
                f"edges join {self.called(*pair)}{evidence}.",
                Choice(
                    f"Edges join {self.called(*first)}",
                    {self.key(first[0]): "source", self.key(first[1]): "target"},
                ),
                source=pair[0],
                target=pair[1],
            )
        return [*pair]

    def _relation(self, rest: list[Column], ends: tuple[Column, Column]) -> Column | None:
        words = [
            c for c in rest
            if not (c.is_numeric or c.time or self._says_direction(c) or tells_of_one_end(c, self.columns))
        ]  # fmt: skip
        named = next((c for c in rest if c.plain in RELATION_NAMES and c.known), None)
        between = next((c for c in words if ends[0].index < c.index < ends[1].index and is_relation(c, ends)),
                       None)  # fmt: skip
        if between is None and len(ends[0].fields) < _ROWS_OF_FEW:
            between = next((c for c in words if _stands_between(c, ends)), None)
        only = words[0] if len(words) == 1 and is_relation(words[0], ends) else None
        if only is not None and self.table.header is not None and self.table.shape.width > 4:
            only = only if only.plain in LABEL_NAMES | {"type", "kind", "effect", "mechanism"} else None
        typed = next(
            (c for c in words if c.plain in ("type", "kind", "effect") and is_relation(c, ends)), None
        )
        relation = named or between or typed or only
        if relation is None:
            return self._numbered_relation(rest)
        kinds = sorted(relation.distinct, key=relation.known.count, reverse=True)
        shown = ", ".join(shorten(kind, 30) for kind in kinds[:3]) + ("…" if len(kinds) > 3 else "")
        others = [Choice(f"Leave {self.called(relation)} out", {self.key(relation): "ignore"})]
        if between is relation:
            others.append(
                Choice(
                    f"Edges join {self.called(ends[0], relation)}",
                    {self.key(ends[0]): "source", self.key(relation): "target"},
                )
            )
        self.judge(
            "relation",
            f"{self.called(relation)} holds the kind of each edge ({shown}); edges join {self.called(*ends)}.",
            *others,
        )
        return relation

    def _numbered_relation(self, rest: list[Column]) -> Column | None:
        """Return, and ask about, a column of few whole numbers from 0: as weights the 0 would be no edge."""
        column = next((c for c in rest if c.is_whole and c.plain not in WEIGHT_NAMES and not c.time), None)
        if column is None or self.width > 3 or len(column.fields) < _SOME:
            return None
        few = 1 < len(column.distinct) <= max(3, FEW * len(column.fields))
        if not few or min(column.numbers) not in (-1, 0) or 0 not in column.numbers:
            return None
        if max(column.numbers) >= len(column.fields):
            return None
        self.judge(
            "relation",
            f"{self.called(column)} holds few different numbers, including 0; an edge of weight 0 would be no edge, "
            "so these are relations.",
            Choice("Use it as the weight", {self.key(column): "weight"}),
            Choice("Leave it out", {self.key(column): "ignore"}),
            sure=False,
            relation=column,
        )
        return column

    def _lists(self, source: Column, target: Column) -> tuple[Column, Column, str]:
        """Return the ends, one with lists of nodes last, and what stands between the nodes of a list."""
        for one, other in ((source, target), (target, source)):
            said = self.said.get(other.index, "")
            sign = "" if said in ("source", "target") else list_sign(other.fields)
            if said == "targets":
                return (
                    one,
                    other,
                    sign or next((s for s in SIGNS if any(s in f for f in other.fields)), SIGNS[0]),
                )
            if sign:
                example = next(field for field in other.fields if sign in field)
                self.judge(
                    "lists",
                    f"{self.called(other)} holds lists ({shorten(example, 40)}): an edge to each name between "
                    f"{sign!r}.",
                    Choice("Each field is one node", {self.key(one): "source", self.key(other): "target"}),
                    sure=not sign.startswith(","),
                    source=one,
                    targets=other,
                )
                return one, other, sign
        return source, target, ""

    def _says_direction(self, column: Column) -> bool:
        return bool(column.known) and {field.lower() for field in column.known} <= set(_DIRECTIONS)

    def _directed(self, rest: list[Column]) -> bool | None:
        """Return what a column of "Directed" and "Undirected" says; arcs are kept if any is directed."""
        column = next((c for c in rest if self._says_direction(c)), None)
        if column is None:
            return None
        directed = any(_DIRECTIONS[field.lower()] for field in column.known)
        self.judge("direction", f"{self.called(column)} says that edges are "
                   f"{'directed' if directed else 'undirected'}.")  # fmt: skip
        return directed


def _stands_between(column: Column, ends: tuple[Column, Column]) -> bool:
    """Return whether words stand between ends that share their values, and occur in neither: kinds, few or not."""
    apart = not column.seen & (ends[0].seen | ends[1].seen) and column.filled == 1
    return apart and ends[0].index + 1 == column.index == ends[1].index - 1 and overlap(*ends) >= SHARED


def _take_part(ends: tuple[Column, Column]) -> tuple[bool, bool]:
    """Return what makes two kinds of things the likelier ends: both in several rows, and one of them people."""
    return all(len(end.distinct) < len(end.known) for end in ends), any(are_people(end.name) for end in ends)
