"""Which two columns hold the ends of an edge, where their names do not say: told from their values."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from vgae_core.data.readers.columns.evidence import Column, is_relation, named_pairs, overlap
from vgae_core.data.readers.columns.names import (
    FEATURE_NAMES,
    NODE_NAMES,
    WEIGHT_NAMES,
    WIDEST,
    same_but_for_a_mark,
    two_kinds,
)

FEW = 0.2
"""Share of another column's different values below which a column holds kinds rather than nodes."""

SHARED = 0.2
"""Share of common values from which two columns look like one set of nodes."""

_SENTENCE = 4
"""Words from which a field is a remark rather than a name, where no two rows have the same."""

_LEAST = 5
"""Rows from which the order of numbers says something."""


def could_be_nodes(columns: Sequence[Column]) -> list[Column]:
    """Return the columns that may hold ends of an edge: no times, no fractions, no remarks, no few kinds.

    Each of these is left out as long as two columns stay, or two of texts where there are two.
    """
    usable = [
        c for c in columns
        if c.known and not c.time and (c.is_whole or not c.is_numeric)
        and not ((c.plain in WEIGHT_NAMES or c.is_named_time) and c.is_numeric) and not _is_remark(c)
    ]  # fmt: skip
    if len(usable) < 2:
        return list(columns)
    richest = max((len(c.seen) for c in usable), default=0)
    texts = sum(not c.is_numeric for c in usable)
    for left_out in (
        lambda c: c.is_numeric and (c.has_points or (len(c.seen) == 1 and c.index > 1)),
        lambda c: not c.is_numeric and (len(c.seen) <= 2 or len(c.seen) < FEW * richest),
    ):
        kept = [c for c in usable if not left_out(c)]
        if len(kept) > 1 and (texts < 2 or sum(not c.is_numeric for c in kept) > 1):
            usable = kept
    return usable


def _is_remark(column: Column) -> bool:
    if column.is_numeric or len(column.distinct) < len(column.known):
        return False
    words = sum(len(field.split()) for field in column.known) / len(column.known)
    return words >= _SENTENCE


def best_pair(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the two columns that look most like the ends of an edge.

    Of texts those that share most values, unless they only tell of two columns of numbers that do; else a subject and
    an object around few words; else the first two of one kind, texts or whole numbers, which share values whether they
    are nodes or not, so that their order counts.  A column and another that only renames it are no ends.
    """
    nodes = could_be_nodes(columns[:WIDEST])
    pairs = [(a, b) for a, b in itertools.combinations(nodes, 2) if not is_its_name(a, b)]
    alike = [(a, b) for a, b in pairs if _is_number(a) == _is_number(b)]
    texts = [(a, b) for a, b in alike if not _is_number(a)]
    numbers = [(a, b) for a, b in alike if _is_number(a) and overlap(a, b) >= SHARED]
    sharing = [
        pair
        for pair in texts
        if overlap(*pair) >= SHARED and not any(_tell_of(pair, ends) for ends in numbers)
    ]
    if sharing:
        most = max(len(a.seen & b.seen) for a, b in sharing)
        return next(pair for pair in sharing if len(pair[0].seen & pair[1].seen) == most)
    if are_triples(columns):
        return columns[0], columns[2]
    plain = [
        pair
        for pair in alike
        if pair not in texts or not numbers or not any(_tell_of(pair, n) for n in numbers)
    ]
    if plain and (nodes[0] in plain[0] or len(nodes) < 3 or not _begins_an_edge(nodes[0])):
        return plain[0]
    return pairs[0] if pairs else tuple(nodes[:2])


def _begins_an_edge(first: Column) -> bool:
    """Return whether a first column that is of another kind than the next ones is an end all the same."""
    return not _is_number(first) or (not first.name and len(first.distinct) < len(first.known))


def _is_number(column: Column) -> bool:
    return column.is_whole and not column.is_code


def _tell_of(attributes: tuple[Column, Column], ends: tuple[Column, Column]) -> bool:
    """Return whether two columns tell of the nodes in two others: each node has one value, and several share it."""
    of_nodes: dict[str, str] = {}
    for end, attribute in zip(ends, attributes, strict=True):
        for node, value in zip(end.fields, attribute.fields, strict=True):
            if of_nodes.setdefault(node, value) != value:
                return False
    return len(set(of_nodes.values())) < len(of_nodes)


def are_kinds(left: Column, right: Column) -> bool:
    """Return whether headers speak of two kinds of things, and no number beside a text only counts one of them."""
    numbers = [c for c in (left, right) if c.is_numeric]
    counts = len(numbers) == 1 and not numbers[0].is_named_id and not numbers[0].is_code
    return two_kinds(left.name, right.name) and not counts


def are_triples(columns: Sequence[Column]) -> bool:
    """Return whether a table without names begins with head, relation and tail: few words between many others.

    None of the three occurs in another.  Of a few rows it is enough that the words are not more than the others.
    """
    if len(columns) < 3 or any(c.is_numeric or c.time or c.filled < 1 or c.name for c in columns[:3]):
        return False
    head, kind, tail = columns[:3]
    share = 1 if len(kind.fields) < 2 * _LEAST else 2
    fewest = share * len(kind.seen) <= min(len(head.seen), len(tail.seen))
    return fewest and is_relation(kind, (head, tail)) and not is_its_name(head, tail)


def are_layers(columns: Sequence[Column]) -> bool:
    """Return whether a table of numbers begins with the layer of each edge: few, sorted, and then its two ends."""
    if len(columns) < 3 or not all(c.is_whole and c.filled == 1 and not c.time for c in columns[:3]):
        return False
    layer, left, right = columns[:3]
    few = 2 * len(layer.seen) <= min(len(left.seen), len(right.seen)) and len(layer.distinct) > 1
    sorted_ = min(layer.steps, default=-1.0) >= 0
    rated = len(columns) == 3 and len(right.seen) < len(left.seen) / 2
    return few and sorted_ and not rated and len(layer.fields) >= _LEAST and overlap(left, right) >= 0.5


def is_its_name(left: Column, right: Column) -> bool:
    """Return whether each value on the left has one on the right and the other way round: an id and its name."""
    both = len(set(zip(left.fields, right.fields, strict=True)))
    distinct = len(left.distinct)
    return 2 < distinct == len(right.distinct) == both < len(left.fields)


def counts_before_ends(columns: Sequence[Column]) -> bool:
    """Return whether a table without names begins with numbers of rows, or steps of time, and not with an end.

    They only grow, and the two columns behind them share more values with each other than with them.
    """
    if len(columns) < 3 or not columns[0].is_whole or columns[0].time or len(columns[0].fields) < _LEAST:
        return False
    first, left, right = columns[:3]
    alike = left.is_whole == right.is_whole and (left.is_whole or not left.is_numeric)
    grows = min(first.steps, default=-1.0) >= 0
    rated = left.is_whole and len(right.distinct) < FEW * len(left.distinct)  # few different numbers: ratings
    if not alike or not grows or rated:
        return False
    if first.counts_rows:
        return overlap(left, right) >= max(SHARED, 0.5 if left.is_whole else SHARED)
    # Sources in order grow, too, but repeat, and are as small as their targets.
    beyond = left.is_whole and min(first.numbers) > max(*left.numbers, *right.numbers)
    many = len(first.distinct) >= 0.3 * len(first.fields)
    shared = overlap(left, right)
    apart = (
        left.is_whole and shared >= 0.5 and max(overlap(first, left), overlap(first, right)) < 0.5 * shared
    )
    return many and (beyond or apart) and overlap(left, right) >= SHARED


def are_numbered_triples(columns: Sequence[Column]) -> bool:
    """Return whether three columns are head, relation and tail by number.

    The middle one holds few numbers, and the outer ones share most of theirs.
    """
    if len(columns) != 3 or not all(c.is_whole and c.filled == 1 and not c.time for c in columns):
        return False
    head, kind, tail = columns
    few = 3 * len(kind.distinct) <= min(len(head.distinct), len(tail.distinct))
    return few and len(head.fields) >= _LEAST and overlap(head, tail) >= 0.5


def ends_behind_an_id(columns: Sequence[Column]) -> bool:
    """Return whether a table whose first column is an id of its own rows lists edges, not nodes.

    The ends are named as such, or two columns of texts share their values; the id is no node.
    """
    first, rest = columns[0], columns[1:]
    if first.plain not in NODE_NAMES or len(first.distinct) < len(first.known) or len(rest) < 2:
        return False
    for left, right in named_pairs(rest):
        stem = left.plain.rstrip("0123456789")
        series = sum(c.plain.rstrip("0123456789") == stem for c in rest) > 2
        foreign = first.counts_rows or not first.distinct & (left.distinct | right.distinct)
        numbers = left.is_numeric or right.is_numeric
        # Numbers called x1 and x2 are features; those of nodes repeat and are many.
        nodes = not numbers or (
            left.is_whole and right.is_whole and overlap(left, right) >= SHARED
            and min(len(left.distinct), len(right.distinct)) > 2
            and not same_but_for_a_mark(left.name.strip("0123456789_"), right.name.strip("0123456789_"))
            and left.plain.rstrip("0123456789abxyuvij") != ""
        )  # fmt: skip
        if foreign and nodes and not series:
            return True
    pair = best_pair(rest)
    if len(pair) < 2 or any(end.is_numeric for end in pair):
        return len(rest) > 1 and are_kinds(rest[0], rest[1])
    return overlap(*pair) >= 0.5 and not first.distinct & (pair[0].distinct | pair[1].distinct)


def have_partners(nodes: Column, columns: Sequence[Column]) -> bool:
    """Return whether nodes stand in several rows each, beside a column called an id that shares theirs."""
    partners = [c for c in columns if c.is_named_id and c.plain not in FEATURE_NAMES]
    return len(nodes.distinct) < len(nodes.known) and any(overlap(nodes, c) >= SHARED for c in partners)


def is_series(left: Column, right: Column, columns: Sequence[Column]) -> bool:
    """Return whether the two are of a series such as x1, x2, x3: features, not ends."""
    stem = left.plain.rstrip("0123456789")
    return sum(column.plain.rstrip("0123456789") == stem for column in columns) > 2 or (
        left.is_numeric and not left.is_whole
    )


def more_of_a_kind(ends: tuple[Column, Column], columns: Sequence[Column]) -> list[Column]:
    """Return the columns in a series of three or more with one of two ends: link2, link3 beside link1."""
    stems = [column.plain.rstrip("0123456789") for column in columns]
    of_ends = {stems[end.index] for end in ends} - {""}
    series = [column for column, stem in zip(columns, stems, strict=True) if stem in of_ends]
    return [column for column in series if column not in ends] if len(series) > 2 else []
