"""Which numbers beside the ends of an edge are its weight, and which are times, ids or numbers of rows."""

from __future__ import annotations

import re

from vgae_core.data.findings import Choice
from vgae_core.data.readers.base import shorten
from vgae_core.data.readers.columns.count_rows import counts_entries
from vgae_core.data.readers.columns.edge_ends import is_its_name
from vgae_core.data.readers.columns.edge_questions import ColumnJudge
from vgae_core.data.readers.columns.evidence import Column, named_pairs
from vgae_core.data.readers.columns.names import WEIGHT_NAMES

_ENOUGH = 5
"""Rows from which an order of the numbers in a column means something."""
_MANY = 10
"""Rows from which it is no chance that a column holds each number of a range once."""
_LONG = 10_000
"""Numbers from which whole ones that all differ, and are not rounded, look like ids."""
_FEWEST = 3
"""Rows from which long numbers that all differ look like ids."""
_REFERENCE = re.compile(r"pmid|pubmed|doi$|accession")
"""Names of columns that refer to something else."""
_MEASURE = re.compile(
    r"amount|count|weight|score|value|total|sum|volume|passengers|trips|flights|distance|flow|price|cost|length|"
    r"usd|eur|^n|^num|meters?$|km$"
)
"""Names of columns that measure, be their numbers long and different."""
_CHANCE = re.compile(
    r"^(p|q|adj\w*p|fdr)(val(ue)?s?|adj)?$|pval(ue)?s?$|qval(ue)?s?$|^padj|fdr$|^se$|^stderr$"
)
"""Names of columns that say how likely an edge is by chance, or how uncertain its weight."""


class NumberJudge(ColumnJudge):
    """Judges the numbers beside the ends."""

    def time_of(self, rest: list[Column]) -> Column | None:
        """Return, and tell, the column that holds the time of each edge."""
        named = next((c for c in rest if c.is_named_time and c.known and (c.time or not c.is_numeric)), None)
        seen = next((c for c in rest if c.time and c.plain not in WEIGHT_NAMES), None)
        column = named or seen or next((c for c in rest if c.is_named_time and c.is_numeric), None)
        if column is None:
            return None
        what = column.time or "times, by its name"
        others = (Choice("Use it as the weight", {self.key(column): "weight"}),) if column.is_numeric else ()
        self.judge(
            "time",
            f"{self.called(column)} holds {what} ({shorten(', '.join(column.known[:2]))}, …): not a weight, not used.",
            *others,
        )
        return column

    def weight_of(self, rest: list[Column], ends: tuple[Column, Column]) -> Column | None:
        """Return the column that weighs the edges; tell which do not, ask about those that may not."""
        numeric = [
            c
            for c in rest
            if c.is_mostly_numeric and (c.plain in WEIGHT_NAMES or not c.time.endswith("since 1970"))
        ]
        if len(numeric) == len(rest) == 1 and counts_entries(self.probe, self.table):
            return numeric[0]
        named = next((c for c in numeric if c.plain in WEIGHT_NAMES), None)
        if named is not None:
            return named
        of_nodes = {end for pair in named_pairs(self.columns) for end in pair}
        measures = [
            c for c in numeric
            if not _CHANCE.search(c.plain) and c not in of_nodes and not any(is_its_name(c, end) for end in ends)
        ]  # fmt: skip
        usable = [c for c in measures if not self._is_no_weight(c)]
        beside = [c for c in rest if c not in usable and len(c.distinct) > 1 and not _CHANCE.search(c.plain)]
        if len(usable) == 1 and (self.table.header is None or not beside):
            return usable[0]
        others = [c for c in usable if len(c.distinct) > 1]
        if others:
            self.judge(
                "weight",
                f"edges are not weighted: there is no evidence that {self.called(others[0])} holds weights.",
                *(Choice(f"Weigh edges by {self.called(c)}", {self.key(c): "weight"}) for c in others[:3]),
            )
        return None

    def _is_no_weight(self, column: Column) -> bool:
        """Return, and tell, whether numbers count rows, name edges or are times that only grow."""
        n = len(column.known)
        differ = len(column.distinct) == n
        if column.is_whole and _REFERENCE.search(column.plain):
            self._no_weight(column, "refers to something else, by its name")
            return True
        if column.is_whole and differ and _are_ids(column) and not _MEASURE.search(column.plain):
            why = f"holds long numbers that all differ ({_begins(column)})"
            self._no_weight(column, why, sure=column.is_named_id)
            return True
        if not column.is_whole or len(column.fields) < _ENOUGH:
            return False
        all_numbers = n >= _MANY and max(column.numbers) - min(column.numbers) == n - 1
        if differ and (column.counts_rows or all_numbers):
            self._no_weight(column, "numbers the rows")
        elif differ and column.is_named_id:
            self._no_weight(column, "has the name of an id and differs in every row")
        elif min(column.steps, default=-1) >= 0 and 2 * len(column.distinct) >= n:
            self._no_weight(column, f"grows from row to row ({_begins(column)})", sure=False)
        else:
            return False
        return True

    def _no_weight(self, column: Column, why: str, *, sure: bool = True) -> None:
        self.judge(
            "weight",
            f"{self.called(column)} {why}: not used as a weight.",
            Choice("Use it as the weight", {self.key(column): "weight"}),
            sure=sure,
            ignore=column,
        )


def _are_ids(column: Column) -> bool:
    """Return whether numbers that all differ are long, of about as many digits each, and not rounded."""
    digits = {len(field) for field in column.known}
    rounded = sum(field.endswith("0") for field in column.known)
    return (
        len(column.known) >= _FEWEST
        and min(column.numbers) >= _LONG
        and max(digits) - min(digits) <= 1
        and 2 * rounded < len(column.known)
    )


def _begins(column: Column) -> str:
    return shorten(", ".join(column.known[:4])) + ", …"
