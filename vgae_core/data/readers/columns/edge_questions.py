"""What is asked about the columns of an edge list, and told of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from vgae_core.data.findings import Choice, Judgement
from vgae_core.data.readers.base import Probe, shorten
from vgae_core.data.readers.columns.count_rows import without_counts
from vgae_core.data.readers.columns.edge_ends import FEW, more_of_a_kind
from vgae_core.data.readers.columns.evidence import Column, columns_of, named_pairs
from vgae_core.data.readers.columns.text_table import EDGE_USES, TextTable

_LABELS = 20
"""Rows from which a list of nodes and few values may be one of labels."""


class ColumnJudge:
    """The columns of one table, and what is said of them."""

    def __init__(self, probe: Probe, table: TextTable) -> None:
        self.probe, self.table = probe, table
        self.columns = columns_of(without_counts(probe, table))
        self.said = probe.said(table.names, EDGE_USES)
        self.judgements: list[Judgement] = []
        self.width = len(self.columns)

    def key(self, column: Column) -> str:
        """Return the setting that says what a column is used for."""
        return f"uses.{self.table.names[column.index]}"

    def called(self, *columns: Column) -> str:
        """Return the columns in words: by header, or by number."""
        if self.table.header is not None and all(column.name for column in columns):
            return " and ".join(shorten(column.name, 30) for column in columns)
        numbers = " and ".join(str(column.index + 1) for column in columns)
        return f"column{'s' if len(columns) > 1 else ''} {numbers}"

    def judge(self, about: str, text: str, *others: Choice, sure: bool = True, **accept: Column) -> None:
        """Keep a judgement; `accept` has the columns that confirm it, by use."""
        confirmed = {self.key(column): use for use, column in accept.items()}
        self.judgements.append(Judgement(about, text[0].upper() + text[1:], sure, others, confirmed))

    def ask_about_triple(self, head: Column, kind: Column, tail: Column) -> None:
        """Ask whether a column of few numbers holds kinds of edges."""
        self.judge(
            "relation",
            f"{self.called(kind)} holds only {len(kind.distinct)} numbers, and {self.called(head, tail)} share most of "
            "theirs: kinds of edges between these two.",
            Choice(
                f"Edges join {self.called(head, kind)}, {self.called(tail)} is the weight",
                {self.key(head): "source", self.key(kind): "target", self.key(tail): "weight"},
            ),
            sure=False,
            source=head,
            relation=kind,
            target=tail,
        )

    def ask_about_layers(self, layer: Column, left: Column, right: Column) -> None:
        """Ask whether a first column of few, sorted numbers holds the layer of each edge."""
        self.judge(
            "relation",
            f"{self.called(layer)} holds only {len(layer.distinct)} numbers, in order, and {self.called(left, right)} "
            "share most of theirs: layers of edges between these two.",
            Choice(
                f"Edges join {self.called(layer, left)}",
                {self.key(layer): "source", self.key(left): "target", self.key(right): "ignore"},
            ),
            sure=False,
            relation=layer,
            source=left,
            target=right,
        )

    def ask_about_order(self, head: Column, kind: Column, tail: Column) -> None:
        """Ask which of two columns of few words holds the kind of each edge."""
        self.judge(
            "columns",
            f"edges join {self.called(head, tail)}, and {self.called(kind)} between them holds their kind; it may as "
            "well be the last one.",
            Choice(
                f"Edges join {self.called(head, kind)}, {self.called(tail)} holds their kind",
                {self.key(head): "source", self.key(kind): "target", self.key(tail): "relation"},
            ),
            sure=False,
            source=head,
            relation=kind,
            target=tail,
        )

    def ask_about_more(self, ends: tuple[Column | None, Column | None]) -> None:
        """Ask whether to go on where an end is one of several of its kind: link1, link2, link3."""
        source, target = ends
        more = [] if source is None or target is None else more_of_a_kind((source, target), self.columns)
        if source is not None and target is not None and more:
            self.judge(
                "columns",
                f"edges join {self.called(source, target)} only, but {self.called(*more[:4])} may also hold nodes. "
                "To read them all, write one edge per line.",
                sure=False,
                source=source,
                target=target,
            )

    def ask_which(self, source: Column, target: Column, others: Sequence[Column]) -> None:
        """Ask which columns edges join, where more than two hold nodes and no two of them share any."""
        pairs = list(itertools.combinations((source, target, *others[:2]), 2))
        self.judge(
            "columns",
            f"edges join {self.called(source, target)}, but {self.called(*others[:3])} may also hold nodes.",
            *(
                Choice(f"Edges join {self.called(a, b)}", {self.key(a): "source", self.key(b): "target"})
                for a, b in pairs[1:5]
            ),
            sure=False,
            source=source,
            target=target,
        )

    def ask_about_labels(self, source: Column, target: Column) -> None:
        """Ask whether a list with one row per node and few values beside them is one of labels."""
        rows = len(source.fields)
        if self.probe.how.role == "edges" or self.said or rows < _LABELS:
            return
        if len(source.distinct) == rows and len(target.distinct) <= FEW * rows:
            self.judgements.append(
                Judgement(
                    "role",
                    f"Each value stands once in {self.called(source)}, and {self.called(target)} holds "
                    f"only {len(target.distinct)} different ones: this may be a list of labels.",
                    False,
                    (Choice("Node labels", {"role": "labels"}),),
                    {"role": "edges"},
                )
            )

    def tell_other_pairs(self, chosen: Column, free: list[Column]) -> None:
        """Tell the other pairs of columns that could be the ends."""
        pairs = [pair for pair in named_pairs(free) if chosen not in pair and len(pair[0].distinct) > 1]
        mine = next((pair for pair in named_pairs(free) if chosen in pair), None)
        if not pairs or mine is None:
            return
        others = tuple(
            Choice(
                f"Edges join {self.called(left, right)}",
                {self.key(left): "source", self.key(right): "target"},
            )
            for left, right in pairs[:3]
        )
        self.judge("columns", f"edges join {self.called(*mine)}.", *others)
