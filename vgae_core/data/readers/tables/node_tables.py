"""Node tables: delimited text with one node per row: features, a label, values, a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from vgae_core.data.findings import Finding
from vgae_core.data.readers.arrays.matrices import compact
from vgae_core.data.readers.base import (
    Content,
    NodeTable,
    Probe,
    examples,
    may_number_rows,
    object_array,
    shorten,
)
from vgae_core.data.readers.columns.classes import MAX_TEXT_CLASSES, as_classes, is_unknown, tell_unknown
from vgae_core.data.readers.columns.field_lists import list_sign, taken_apart
from vgae_core.data.readers.columns.names import COMMUNITY_NAMES, LABEL_NAMES
from vgae_core.data.readers.columns.node_uses import are_categories, is_numeric, judgements, named_id, uses_of
from vgae_core.data.readers.columns.text_table import NODE_USES, TextTable, texts_of
from vgae_core.data.readers.columns.vector_fields import are_vectors, parse_vectors
from vgae_core.data.readers.columns.vector_fields import width as width_of
from vgae_core.data.readers.text.byte_scans import count_lines
from vgae_core.data.readers.text.frames import numbers, read_frame
from vgae_core.data.readers.text.layouts import line_of
from vgae_core.data.readers.text.written_numbers import MISSING, parse

__all__ = ["judgements", "read_nodes", "uses_of"]

_FIRST = 1000
"""Rows that tell vectors from other texts."""
WIDE = 5
"""Columns of numbers from which a table is a matrix, in which a blank can stand for 0."""


def read_nodes(probe: Probe, table: TextTable, content: Content, node_ids: np.ndarray) -> NodeTable:
    """Read one row per node: its id, if there is one, then features, a label, values and a name."""
    shape = table.shape
    if content == "features":
        n_rows = count_lines(probe) - table.skip
        probe.limits.check("feature_values", max(0, n_rows) * shape.width, where=probe.name)
    first = named_id(table, probe.said(table.names, NODE_USES))
    frame = read_frame(
        probe, shape, skip=table.skip, dtype={first or 0: str} if content == "features" else str
    )
    if not len(frame):
        raise probe.error("Holds a header and no rows.", mend="Provide one row per node.")
    uses = probe.memo["node uses"] = uses_of(probe, table, frame, content, node_ids)
    columns: dict[str, list[int]] = {use: [] for use in NODE_USES}
    for i, use in uses.items():
        columns[use].append(i)
    by_position = not columns["id"] and len(node_ids) and probe.how.first_row == "auto"
    if by_position and len(frame) != len(node_ids) and not may_number_rows(node_ids, len(frame)):
        what = "rows" if content == "features" else content
        raise probe.error(
            f"Has {len(frame):,} {what} for {len(node_ids):,} nodes, and no column of node ids.",
            mend="Put the node id in the first column, under the heading `id`.",
        )
    findings: list[Finding] = []
    features, feature_names = None, tuple[str, ...]()
    if columns["features"]:
        features, feature_names = _features(probe, table, frame, columns["features"], findings)
    classes, class_names, values = _told_of_nodes(probe, table, frame, uses, findings)
    if features is None and classes is None and not values and not columns["name"]:
        if content == "features":
            raise probe.error("Holds ids but no features.", mend="Add a column of numbers per feature.")
        raise probe.error(
            "No column holds classes or numbers: every text occurs in one row only.",
            mend="Provide a column of labels that several nodes share.",
        )
    ignored = [table.name(i) for i in columns["ignore"]]
    if ignored:
        findings.append(Finding("columns-ignored", "info",
            f"Columns of {probe.name} that were not used: {', '.join(map(shorten, ignored[:5]))}"
            f"{'…' if len(ignored) > 5 else ''}.", len(ignored), examples(ignored)))  # fmt: skip
    return NodeTable(
        where=probe.name,
        n_rows=len(frame),
        ids=_unique_ids(probe, table, texts_of(frame[columns["id"][0]])) if columns["id"] else None,
        features=features,
        feature_names=feature_names,
        classes=classes,
        class_names=class_names,
        values=values,
        names=object_array(texts_of(frame[columns["name"][0]])) if columns["name"] else None,
        parts=table.parts(uses, NODE_USES),
        findings=tuple(findings),
    )


def _features(
    probe: Probe, table: TextTable, frame: pd.DataFrame, columns: Sequence[int], findings: list[Finding]
) -> tuple[Any, tuple[str, ...]]:
    """Return the features in these columns and their names, NaN where a number is missing.

    A column of texts becomes a 0/1 column per text. Where most cells of a matrix are blank, a blank is 0.
    """
    categories: dict[int, _Texts] = {}
    vectors: dict[int, int] = {}
    for i in columns:
        if not is_numeric(frame[i]):
            texts = texts_of(frame[i])
            if are_vectors(texts.iloc[:_FIRST]):
                vectors[i] = width_of(texts)
            else:
                categories[i] = _categories(probe, table, texts, i)
    width = sum(len(categories[i].words) if i in categories else vectors.get(i, 1) for i in columns)
    probe.limits.check("feature_columns", width, where=probe.name)
    probe.limits.check("feature_values", width * len(frame), where=probe.name)
    matrix = np.zeros((len(frame), width), np.float32)
    names: list[str] = []
    blanks: list[tuple[int, np.ndarray]] = []
    for i in columns:
        at = len(names)
        if i in categories:
            category = categories[i]
            matrix[category.rows, at + category.codes] = 1
            names += [f"{table.name(i)}={word}" for word in category.words]
            continue
        if i in vectors:
            matrix[:, at : at + vectors[i]] = _vectors(probe, table, texts_of(frame[i]), i, vectors[i])
            names += [f"{table.name(i)} {k}" for k in range(1, vectors[i] + 1)]
            continue
        matrix[:, at] = numbers(probe, table.shape, table.skip, frame[i], table.name(i))
        names.append(table.name(i))
        if frame[i].dtype.kind not in "biuf" and np.isnan(matrix[:, at]).any():
            blanks.append((at, np.flatnonzero((texts_of(frame[i]) == "").to_numpy())))
    n_numeric = len(columns) - len(categories) - len(vectors)
    n_blank = sum(len(rows) for _, rows in blanks)
    if n_numeric >= WIDE and 2 * n_blank > n_numeric * len(frame):
        for at, rows in blanks:
            matrix[rows, at] = 0
        findings.append(Finding("blank-cells", "info",
            f"{n_blank:,} of {n_numeric * len(frame):,} cells of {probe.name} are blank. Since most are, blanks were "
            f"read as 0.", n_blank))  # fmt: skip
    if categories:
        shown = ", ".join(
            f"{shorten(table.name(i), 30)} ({len(texts.words):,})"
            for i, texts in list(categories.items())[:5]
        )
        gaps = sum(len(frame) - len(np.unique(category.rows)) for category in categories.values())
        missing = f" {gaps:,} missing texts are 0 in all of them." if gaps else ""
        message = (
            f"Texts in {probe.name} became one 0/1 feature each, in columns {shown}"
            f"{'…' if len(categories) > 5 else ''}.{missing}"
        )
        columns_told = examples(table.name(i) for i in categories)
        findings.append(Finding("categories", "info", message, len(categories), columns_told))
    return compact(matrix), tuple(names) if table.header is not None or categories or vectors else ()


@dataclass(frozen=True)
class _Texts:
    """The texts in a column: the row and the word of each, and the different words in order."""

    rows: np.ndarray
    codes: np.ndarray
    words: tuple[str, ...]


def _categories(probe: Probe, table: TextTable, texts: pd.Series, column: int) -> _Texts:
    """Return the texts in a column, one for each row or, where fields list several, one for each of these.

    Raises
    ------
    DataError
        If there are too many.
    """
    rows = np.arange(len(texts))
    sign = list_sign(texts.iloc[:_FIRST].tolist())
    if sign:
        texts, rows = taken_apart(texts, sign)
    if not are_categories(texts, MAX_TEXT_CLASSES):
        raise probe.error(
            f"Column {table.name(column)} holds {texts.nunique():,} different texts in {len(texts):,} rows: "
            "too many for one feature per text.",
            mend="Choose another use for it.",
        )
    codes, words = pd.factorize(texts.mask(texts.str.lower().isin(MISSING)), sort=True)
    known = codes >= 0
    return _Texts(rows[known], codes[known].astype(np.int64), tuple(map(str, words)))


def _vectors(probe: Probe, table: TextTable, texts: pd.Series, column: int, n: int) -> np.ndarray:
    """Return the vectors in a column, float32, shape (n_rows, n), NaN where one is missing.

    Raises
    ------
    DataError
        Naming the line of the first that is no vector of `n` finite numbers.
    """
    values, bad = parse_vectors(texts, n)
    if len(bad):
        at = int(bad[0])
        raise probe.error(
            f"The value is {shorten(texts.iloc[at])!r}, not a vector of {n} numbers (rows like this: {len(bad):,}).",
            line=line_of(probe, table.shape, table.skip, at),
            column=table.name(column),
            mend="Give every row a vector of the same length.",
        )
    return values


def _told_of_nodes(
    probe: Probe, table: TextTable, frame: pd.DataFrame, uses: Mapping[int, str], findings: list[Finding]
) -> tuple[np.ndarray | None, tuple[str, ...], dict[str, np.ndarray]]:
    """Return classes, their names, and numeric values of the columns so used."""
    said = probe.said(table.names, NODE_USES)
    classes: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    values: dict[str, np.ndarray] = {}
    for i, use in uses.items():
        if use == "label":
            found = as_classes(texts_of(frame[i]), certain=True)
            if found is None:
                raise probe.error(
                    f"Column {table.name(i)} has {texts_of(frame[i]).nunique():,} different values in {len(frame):,} "
                    "rows, so it does not hold classes.",
                    mend="Choose another column for the label.",
                )
            classes, class_names = found
            findings.extend(tell_unknown(texts_of(frame[i]), table.name(i), probe.name))
        elif use == "value":
            measured = _as_values(probe, table, texts_of(frame[i]), i)
            if measured is None:
                raise probe.error(
                    f"Column {table.name(i)} holds texts that are not numbers.",
                    mend="Choose another use for it.",
                )
            values[table.name(i) if table.header is not None else "value"] = measured
            named = table.header is not None and table.plain[i] in LABEL_NAMES | COMMUNITY_NAMES
            if i not in said and (named or len(uses) - ("id" in uses.values()) == 1):
                findings.append(Finding("label-values", "info",
                    f"Column {table.name(i)} of {probe.name} is numeric with many values: "
                    "kept for colouring, not as classes.", int(frame[i].nunique())))  # fmt: skip
    return classes, class_names, values


def _unique_ids(probe: Probe, table: TextTable, ids: pd.Series) -> np.ndarray:
    """Return the ids as texts; each must stand in one row."""
    empty = np.flatnonzero((ids == "").to_numpy())
    if len(empty):
        raise probe.error(
            "The node of a row is empty.",
            line=line_of(probe, table.shape, table.skip, int(empty[0])),
            mend="Give every row a node id.",
        )
    twice = np.flatnonzero(ids.duplicated().to_numpy())
    if len(twice):
        at = int(twice[0])
        raise probe.error(
            f"Node {shorten(str(ids.iloc[at]))!r} has more than one row ({len(twice):,} rows too many).",
            line=line_of(probe, table.shape, table.skip, at),
            mend="Keep one row per node.",
        )
    return object_array(ids)


def _as_values(probe: Probe, table: TextTable, texts: pd.Series, column: int) -> np.ndarray | None:
    """Return float32 with NaN where unknown, or None if a known field is no number.

    Raises
    ------
    DataError
        Naming the line of the first infinite number.
    """
    known = (~is_unknown(texts)).to_numpy()
    parsed, _ = parse(texts, table.shape.decimal)
    with np.errstate(over="ignore"):
        single = parsed.astype(np.float32)
    if not known.any() or np.isnan(single[known]).any():
        return None
    infinite = np.flatnonzero(np.isinf(single))
    if len(infinite):
        at = int(infinite[0])
        raise probe.error(
            f"The value is {shorten(texts.iloc[at])!r}, not a finite number.",
            line=line_of(probe, table.shape, table.skip, at),
            column=table.name(column),
            mend="Write a finite number, or leave the field empty if the value is unknown.",
        )
    single[~known] = np.nan
    return single
