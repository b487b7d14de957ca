"""What each column of a node table is used for, told from its name and its values, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from vgae_core.data.findings import Choice, Judgement
from vgae_core.data.readers.base import Content, Probe, shorten, whole_numbers
from vgae_core.data.readers.columns.classes import MAX_TEXT_CLASSES, as_classes, is_unknown
from vgae_core.data.readers.columns.evidence import Column, columns_of
from vgae_core.data.readers.columns.field_lists import list_sign, taken_apart
from vgae_core.data.readers.columns.names import (
    COMMUNITY_NAMES,
    LABEL_NAMES,
    NODE_NAMES,
    STATISTIC_NAMES,
    TITLE_NAMES,
    plain_name,
)
from vgae_core.data.readers.columns.text_table import NODE_USES, TextTable, texts_of
from vgae_core.data.readers.columns.vector_fields import are_vectors
from vgae_core.data.readers.text.frames import is_number, is_whole
from vgae_core.data.readers.text.written_numbers import MISSING, is_missing, parse

_CERTAIN_LABELS = COMMUNITY_NAMES | {
    "label", "labels", "class", "classes", "classlabel", "target", "targets",
}  # fmt: skip
_CERTAIN_ENDING = re.compile(r"(target|class|label)$")
_LABEL_ENDING = re.compile(r"(type|target|class|label|group|party|country|category)$")
MAX_CATEGORIES = 50
"""A column with more different texts does not become features, unless the user says so."""
_MOST_CLASSES = 20
"""Different texts up to which a column that nothing calls the label is proposed as such."""
_FEW = 4
"""Columns of numbers up to which each is looked at; a matrix of more may number or date what it likes."""
_SERIES = 5
"""Columns of numbers from which they are of one kind: words, components, bits."""
_ID_OF = re.compile(r"[\W_][iI][dD]$|[a-z0-9]I[dD]$")
"""What the number of something else is called: owner_id, ownerId."""
_FIRST = 1000
"""Rows that tell numbers from texts."""


def uses_of(
    probe: Probe, table: TextTable, frame: pd.DataFrame, content: Content, node_ids: np.ndarray
) -> dict[int, str]:
    """Return the use of each column: what the user says, else what names and values tell."""
    given = probe.said(table.names, NODE_USES)
    ids = named_id(table, given)
    if ids is not None and "id" not in given.values() and len(node_ids):
        ids = _of_the_graph(table, frame, ids, given, node_ids)
    if ids is None and 0 not in given:
        if "beside" in probe.memo:  # the edges say so
            ids = 0
        elif content == "features":
            by_position = table.header is not None and len(frame) == len(node_ids)
            ids = _looks_like_ids(frame, node_ids, certain=not by_position)
        elif table.shape.width > 1:
            ids = 0
    uses = given | ({} if ids is None else {ids: "id"})
    free = [i for i in range(table.shape.width) if i not in uses]
    if content == "names":
        uses |= dict.fromkeys(free, "ignore") | (
            {free[0]: "name"} if "name" not in given.values() and free else {}
        )
    elif content == "features":
        uses |= _uses_in_features(table, frame, free, set(given.values()))
    else:
        uses |= _uses_in_labels(probe, table, frame, free, set(given.values()))
    return dict(sorted(uses.items()))


def named_id(table: TextTable, given: Mapping[int, str]) -> int | None:
    """Return the column of node ids, if someone or its name says so."""
    column = next((i for i, use in given.items() if use == "id"), None)
    if column is None and table.header is not None:
        column = table.find(NODE_NAMES, given)
        if column is None and table.header[0] == "" and 0 not in given:
            column = 0
    return column


def _of_the_graph(
    table: TextTable, frame: pd.DataFrame, named: int, given: Mapping[int, str], node_ids: np.ndarray
) -> int:
    """Return the column called like ids if it holds nodes of the graph, else the other one that holds most of them."""
    if _count_nodes(texts_of(frame[named].iloc[:_FIRST]), node_ids):
        return named
    others = {
        i: texts_of(frame[i].iloc[:_FIRST])
        for i in range(frame.shape[1])
        if i not in given and (Column(i, table.name(i), ()).is_named_id or not is_numeric(frame[i]))
    }
    counts = {
        i: _count_nodes(texts, node_ids) for i, texts in others.items() if texts.nunique() == len(texts)
    }
    most = max(counts.values(), default=0)
    return next((i for i, count in counts.items() if count == most), named) if most else named


def _count_nodes(texts: pd.Series, node_ids: np.ndarray) -> int:
    """Return how many of these are nodes."""
    if node_ids.dtype.kind not in "iu":
        return int(pd.Series(node_ids).isin(texts).sum())
    whole = whole_numbers(texts[[is_whole(text) for text in texts]])
    return 0 if whole is None else int(np.isin(whole, node_ids).sum())


def is_numeric(column: pd.Series) -> bool:
    """Return whether a column holds numbers: at least half of what it has, the others being mistakes."""
    if column.dtype.kind in "biuf":
        return True
    known = [field for field in column.iloc[:_FIRST] if not is_missing(str(field))]
    if not known and len(column) > _FIRST:
        texts = texts_of(column)
        known = texts[~texts.str.lower().isin(MISSING)].iloc[:_FIRST].tolist()
    return bool(known) and 2 * sum(is_number(str(field)) for field in known) >= len(known)


def means_label(name: str) -> bool:
    """Return whether a plain name of a column says that it holds classes: by itself, or by its last word."""
    if name in TITLE_NAMES - LABEL_NAMES or name in STATISTIC_NAMES:
        return False
    return name in LABEL_NAMES | COMMUNITY_NAMES or _LABEL_ENDING.search(name) is not None


def only_classes(columns: Mapping[int, pd.Series]) -> int | None:
    """Return the one column of texts that are few and repeat, or None if there is none or another."""
    few = [
        i
        for i, texts in columns.items()
        if not is_numeric(texts) and are_categories(texts, _MOST_CLASSES) and texts.nunique() > 1
    ]
    return few[0] if len(few) == 1 else None


def tells_apart(column: Column) -> bool:
    """Return whether a column of numbers measures nothing: it holds times, or numbers something else."""
    return (
        bool(column.time)
        or column.is_named_time
        or (column.is_whole and _ID_OF.search(column.name) is not None)
    )


def are_names(texts: pd.Series, *, titled: bool = False) -> bool:
    """Return whether texts name the nodes they stand beside: (almost) each stands in one row only.

    Where the column is `titled` as names usually are, more of them may have namesakes.
    """
    known = texts[~is_unknown(texts)]
    n_distinct = known.nunique()
    least, share = (10, 3) if titled else (20, 2)
    different = n_distinct == len(known) or (n_distinct > least and share * n_distinct > len(known))
    return len(known) > 2 and different and not is_numeric(known)


def are_categories(texts: pd.Series, most: int = MAX_CATEGORIES) -> bool:
    """Return whether texts are few and repeat, so that one 0/1 column for each makes sense."""
    known = texts[~texts.str.lower().isin(MISSING)]
    return bool(len(known)) and 2 * known.nunique() <= len(known) and known.nunique() <= most


def _are_lists(texts: pd.Series) -> bool:
    """Return whether fields are lists of texts that are few and repeat."""
    sign = list_sign(texts.iloc[:_FIRST].tolist())
    return bool(sign) and are_categories(taken_apart(texts, sign)[0], MAX_TEXT_CLASSES)


def _uses_in_features(
    table: TextTable, frame: pd.DataFrame, free: list[int], given: set[str]
) -> dict[int, str]:
    """Return the use of each column beside features: numbers and categories are features, others may be told apart.

    Statistics of a graph, as Gephi writes them beside each node, know the edges that are held out: they are values.
    """
    uses: dict[int, str] = {}
    labelled, named = "label" in given, "name" in given
    texts_at = [i for i in free if not is_numeric(frame[i])]
    alone = _stand_beside_a_series(table, free, texts_at)
    few = len(free) - len(texts_at) <= _FEW
    columns = columns_of(table) if few and any(map(means_label, table.plain)) else []
    for i in free:
        name = table.plain[i] if table.header is not None else ""
        numeric = i not in texts_at
        called = (
            name in _CERTAIN_LABELS
            or (_CERTAIN_ENDING.search(name) is not None and name not in STATISTIC_NAMES)
            if numeric
            else means_label(name)
        )
        called |= name == "y" and "x" not in table.plain  # else it is a coordinate
        # LINQS' .content: no names, an id, many numbers, and the class in the last column, or before the numbers.
        called |= table.header is None and texts_at == [i] and i == table.shape.width - 1 and len(free) > 1
        called |= alone and texts_at == [i]
        texts = texts_of(frame[i]) if called or not numeric else None
        titled = name in TITLE_NAMES
        if texts is not None and not numeric and _are_lists(texts):
            uses[i] = "features"
        elif (
            texts is not None
            and not named
            and (titled or name in LABEL_NAMES)
            and are_names(texts, titled=titled)
        ):
            uses[i], named = "name", True
        elif texts is not None and called and not labelled and as_classes(texts, certain=True) is not None:
            uses[i], labelled = "label", True
        elif name in STATISTIC_NAMES and numeric:
            uses[i] = "value"
        elif numeric and columns and tells_apart(columns[i]):
            uses[i] = "value" if columns[i].time or columns[i].is_named_time else "ignore"
        elif numeric or (texts is not None and (are_categories(texts) or are_vectors(texts.iloc[:_FIRST]))):
            uses[i] = "features"
        else:
            uses[i] = "ignore"
    if named and not labelled:
        beside = {i: texts_of(frame[i]) for i in texts_at if uses[i] == "features"}
        classes = only_classes(beside)
        if classes is not None:
            uses[classes] = "label"
    return uses


def _stand_beside_a_series(table: TextTable, free: list[int], texts_at: list[int]) -> bool:
    """Return whether one column of texts stands beside many of numbers that are of one kind, such as w0, w1, ….

    The texts are then the class, whatever the column is called.
    """
    numbers = [i for i in free if i not in texts_at]
    if len(texts_at) != 1 or len(numbers) < _SERIES:
        return False
    if table.header is None:
        return True
    return len({re.sub(r"[\W_]*\d+$", "", table.header[i]) for i in numbers}) == 1


def _uses_in_labels(
    probe: Probe, table: TextTable, frame: pd.DataFrame, free: list[int], given: set[str]
) -> dict[int, str]:
    """Return the use of each column beside the ids: one is the label, one the name, other numbers are values."""
    uses: dict[int, str] = {}
    plain = table.plain if table.header is not None else ("",) * table.shape.width
    called = [i for i in free if means_label(plain[i])]
    labelled, named = "label" in given, "name" in given
    # The column called label goes first; without one, the last column that has classes.
    for i in [*called, *[i for i in reversed(free) if i not in called]]:
        texts = texts_of(frame[i])
        alone = len(free) == 1
        same = i not in called and not alone and texts.nunique() == 1  # tells no node from another
        titled = plain[i] in TITLE_NAMES
        if _are_lists(texts):
            uses[i] = "features"  # a node is of one class only
        elif not named and (alone or titled or plain[i] in LABEL_NAMES) and are_names(texts, titled=titled):
            uses[i], named = "name", True
        elif (
            not labelled
            and not same
            and plain[i] not in STATISTIC_NAMES
            and as_classes(texts, certain=i in called or alone) is not None
        ):
            uses[i], labelled = "label", True
        elif plain_name(table.name(i)).endswith("id") or not _are_values(texts, table):
            uses[i] = "ignore"
        else:
            uses[i] = "value"
    return uses


def _are_values(texts: pd.Series, table: TextTable) -> bool:
    """Return whether every known field is a number."""
    known = ~is_unknown(texts)
    values, _ = parse(texts[known], table.shape.decimal)
    return bool(known.any()) and not np.isnan(values).any()


def _looks_like_ids(frame: pd.DataFrame, node_ids: np.ndarray, *, certain: bool) -> int | None:
    """Return 0 if the first column, not named as such, can only be node ids.

    Texts are ids if hardly one repeats; whole numbers if each stands once and is that of a node, of which a few may be
    others' if `certain`.
    """
    if frame.shape[1] < 2:
        return None
    first = texts_of(frame[0])
    known = first[~first.str.lower().isin(MISSING)]
    if not all(is_number(text) for text in known.iloc[:_FIRST]):
        return 0 if known.nunique() >= 0.9 * len(known) else None
    whole = whole_numbers(first)
    if whole is None or len(np.unique(whole)) != len(whole):
        return None
    numbers = (
        node_ids
        if node_ids.dtype.kind in "iu"
        else np.array([int(i) for i in node_ids if is_whole(str(i))][: 10**7])
    )
    of_nodes = np.isin(whole, numbers) if len(numbers) else np.zeros(1)
    return 0 if of_nodes.all() or (certain and of_nodes.mean() > 0.5) else None


# ------------------------------------------------------------------------- what was decided
def judgements(probe: Probe, table: TextTable, uses: Mapping[int, str]) -> tuple[Judgement, ...]:
    """Return what was decided about the columns of a node table, with the evidence in its first rows.

    Parameters
    ----------
    probe : Probe
    table : TextTable
    uses : mapping of int to str
        The use of each column, by its position.
    """
    given = probe.said(table.names, NODE_USES)
    fields: dict[int, pd.Series] = {}
    for i, use in uses.items():
        if i in given or use in ("id", "ignore"):
            continue
        first = [row[i] for row in table.data if len(row) > i]
        known = next((text for text in first if not is_missing(text)), "0")
        if use != "features" or not is_number(known):  # of a thousand columns most are plain numbers
            fields[i] = pd.Series(first, dtype="str").str.strip()
    judged: list[Judgement] = []
    for i, texts in fields.items():
        called = table.names[i]
        title = f"Column {shorten(called, 40)}"
        if uses[i] == "name":
            change = {"role": "labels", f"uses.{called}": "label"}
            judged.append(
                Judgement(
                    "names",
                    f"{title} names the nodes: the first {len(texts):,} rows have {texts.nunique():,} different texts.",
                    others=(Choice("They are classes", change), _unused(called)),
                )
            )
        elif uses[i] == "label":
            judged.append(_label_judgement(table, uses, i, fields))
    categories = [i for i, texts in fields.items() if uses[i] == "features" and not is_numeric(texts)]
    categories = [
        i for i in categories if not fields[i].str.lower().isin(MISSING).all() and not are_vectors(fields[i])
    ]
    for i in categories[:5]:
        called, texts = table.names[i], fields[i]
        what = "lists" if list_sign(texts.tolist()) else "a few texts"
        judged.append(
            Judgement(
                "categories",
                f"Column {shorten(called, 40)} holds {what}, e.g. {_examples(texts)}: each text is a 0/1 feature.",
                others=(Choice("It is the label", {f"uses.{called}": "label"}), _unused(called)),
            )
        )
    plain = table.plain if table.header is not None else ()
    statistics = [i for i in fields if uses[i] == "value" and plain and plain[i] in STATISTIC_NAMES]
    if statistics:
        names = [table.names[i] for i in statistics]
        listed = ", ".join(shorten(name, 30) for name in names[:4]) + ("…" if len(names) > 4 else "")
        change = {"role": "features", **{f"uses.{name}": "features" for name in names}}
        judged.append(
            Judgement(
                "statistics",
                f"{listed}: computed from all edges, including held-out ones, so used for colouring only.",
                others=(Choice("Use them as features", change),),
            )
        )
    return tuple(judged)


def _label_judgement(
    table: TextTable, uses: Mapping[int, str], column: int, fields: Mapping[int, pd.Series]
) -> Judgement:
    """Return why a column is the label, and which others might be."""
    called, texts = table.names[column], fields[column]
    known = texts[~is_unknown(texts)]
    others = [
        Choice(
            f"{shorten(table.names[i], 30)} is the label",
            {f"uses.{table.names[i]}": "label", f"uses.{called}": "ignore"},
        )
        for i, other in fields.items()
        if i != column
        and 1 < other.nunique() <= MAX_TEXT_CLASSES
        and as_classes(other, certain=True) is not None
    ]
    where = "The last column" if table.header is None else f"Column {shorten(called, 40)}"
    text = (
        f"{where} holds the class of each node: {known.nunique():,} in the first {len(texts):,} rows, e.g. "
    )
    ways = [*others[:3], _unused(called)]
    if not is_numeric(known):
        change = {"role": "features", f"uses.{called}": "features"}
        ways.append(Choice("Each text is a 0/1 feature", change))
    return Judgement("label", f"{text}{_examples(known)}.", others=tuple(ways))


def _unused(name: str) -> Choice:
    return Choice(f"Leave {shorten(name, 30)} out", {f"uses.{name}": "ignore"})


def _examples(texts: pd.Series) -> str:
    return ", ".join(repr(shorten(str(text), 30)) for text in texts.unique()[:3])
