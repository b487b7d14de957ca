"""Node tables: delimited text with one node per row: features, a label, values, a name."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from vgae_core.data.dataset import Finding
from vgae_core.data.readers.base import (
    Content,
    NodeTable,
    Probe,
    examples,
    object_array,
    shorten,
    whole_numbers,
)
from vgae_core.data.readers.column_names import LABEL_NAMES, NODE_NAMES, plain_name
from vgae_core.data.readers.matrices import compact
from vgae_core.data.readers.text import count_lines, is_number, is_whole, line_of, numbers, read_frame
from vgae_core.data.readers.text_table import NODE_USES, TextTable, texts_of

_CERTAIN_LABELS = frozenset(("label", "labels", "class", "classes", "classlabel", "target", "targets"))
MAX_NUMERIC_CLASSES = 100
"""A numeric label with more distinct values than this is a measurement, not a class."""
MAX_TEXT_CLASSES = 1000


def read_nodes(probe: Probe, table: TextTable, content: Content, node_ids: np.ndarray) -> NodeTable:
    """Read one row a node: its id, if there is one, then features, a label, values and a name."""
    shape = table.shape
    if content == "features":
        n_rows = count_lines(probe) - table.skip
        probe.limits.check("feature_values", max(0, n_rows) * shape.width, where=probe.name)
    first = _named_id(table, probe.said(table.names, NODE_USES))
    frame = read_frame(
        probe, shape, skip=table.skip, dtype={first or 0: str} if content == "features" else str
    )
    if not len(frame):
        raise probe.error("Holds a header and no rows.", mend="Hand in one row a node.")
    uses = uses_of(probe, table, frame, content, node_ids)
    columns: dict[str, list[int]] = {use: [] for use in NODE_USES}
    for i, use in uses.items():
        columns[use].append(i)
    if not columns["id"] and len(node_ids) and len(frame) != len(node_ids) and probe.how.first_row == "auto":
        what = "rows" if content == "features" else content
        raise probe.error(
            f"Has {len(frame):,} {what} for {len(node_ids):,} nodes, and no column of node ids.",
            mend="Put the node id in the first column, under the heading `id`.",
        )
    features = None
    if columns["features"]:
        matrix = np.empty((len(frame), len(columns["features"])), np.float32)
        for at, i in enumerate(columns["features"]):
            matrix[:, at] = numbers(probe, shape, table.skip, frame[i], table.name(i))
        features = compact(matrix)
    findings: list[Finding] = []
    classes, class_names, values = _told_of_nodes(probe, table, frame, uses, findings)
    if features is None and classes is None and not values and not columns["name"]:
        if content == "features":
            raise probe.error("Holds ids and no features.", mend="Add a column of numbers a feature.")
        raise probe.error(
            "No column holds classes or numbers: each text stands in one row only.",
            mend="Hand in a column of labels that several nodes share.",
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
        feature_names=tuple(table.name(i) for i in columns["features"]) if table.header is not None else (),
        classes=classes,
        class_names=class_names,
        values=values,
        names=object_array(texts_of(frame[columns["name"][0]])) if columns["name"] else None,
        parts=table.parts(uses, NODE_USES),
        findings=tuple(findings),
    )


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
                    f"Column {table.name(i)} has {texts_of(frame[i]).nunique():,} different values in "
                    f"{len(frame):,} rows: no classes.",
                    mend="Choose another column for the label.",
                )
            classes, class_names = found
        elif use == "value":
            measured = _as_values(probe, table, texts_of(frame[i]), i)
            if measured is None:
                raise probe.error(
                    f"Column {table.name(i)} holds texts that are no numbers.",
                    mend="Choose another use for it.",
                )
            values[table.name(i) if table.header is not None else "value"] = measured
            named = table.header is not None and table.plain[i] in LABEL_NAMES
            if i not in said and (named or len(uses) - ("id" in uses.values()) == 1):
                findings.append(Finding("label-values", "info",
                    f"Column {table.name(i)} of {probe.name} is numeric with many values: "
                    "kept for colouring, not as classes.", int(frame[i].nunique())))  # fmt: skip
    return classes, class_names, values


def _named_id(table: TextTable, said: Mapping[int, str]) -> int | None:
    """Return the column of node ids, if someone or its name says so."""
    column = next((i for i, use in said.items() if use == "id"), None)
    if column is None and table.header is not None:
        column = table.find(NODE_NAMES, said)
        if column is None and table.header[0] == "" and 0 not in said:
            column = 0
    return column


def uses_of(
    probe: Probe, table: TextTable, frame: pd.DataFrame, content: Content, node_ids: np.ndarray
) -> dict[int, str]:
    """Return the use of each column: what the user said, else what names and values tell."""
    said = probe.said(table.names, NODE_USES)
    ids = _named_id(table, said)
    if ids is None and 0 not in said:
        if content == "features":
            by_position = table.header is not None and len(frame) == len(node_ids)
            ids = _looks_like_ids(frame, node_ids, certain=not by_position)
        elif table.shape.width > 1:
            ids = 0
    uses = said | ({} if ids is None else {ids: "id"})
    free = [i for i in range(table.shape.width) if i not in uses]
    if content == "features":
        for i in free:
            uses[i] = _use_in_features(table, frame[i], i, labelled="label" in uses.values())
    elif content == "names":
        uses |= dict.fromkeys(free, "ignore") | (
            {free[0]: "name"} if "name" not in said.values() and free else {}
        )
    else:
        uses |= _uses_in_labels(probe, table, frame, free, labelled="label" in said.values())
    return dict(sorted(uses.items()))


def _use_in_features(table: TextTable, column: pd.Series, i: int, *, labelled: bool) -> str:
    """Return the use of a column beside features: texts are no features, and classes that are called so."""
    name = table.plain[i] if table.header is not None else ""
    numeric = column.dtype.kind in "biuf" or any(is_number(field) for field in column.iloc[:1000])
    called = name in (_CERTAIN_LABELS if numeric else LABEL_NAMES)
    if called and not labelled and as_classes(texts_of(column), certain=True) is not None:
        return "label"
    return "features" if numeric else "ignore"


def _uses_in_labels(
    probe: Probe, table: TextTable, frame: pd.DataFrame, free: list[int], *, labelled: bool
) -> dict[int, str]:
    """Return the use of each column beside the ids: one is the label, other numbers are values."""
    uses: dict[int, str] = {}
    named = [i for i in free if table.header is not None and table.plain[i] in LABEL_NAMES]
    # The column called label goes first; without one, the last column that has classes.
    for i in [*named, *[i for i in reversed(free) if i not in named]]:
        texts = texts_of(frame[i])
        certain = i in named or len(free) == 1
        if not labelled and as_classes(texts, certain=certain) is not None:
            uses[i], labelled = "label", True
        elif plain_name(table.name(i)).endswith("id") or _as_values(probe, table, texts, i) is None:
            uses[i] = "ignore"
        else:
            uses[i] = "value"
    return uses


def _looks_like_ids(frame: pd.DataFrame, node_ids: np.ndarray, *, certain: bool) -> int | None:
    """Return 0 if the first column, not named as such, can only be node ids.

    Texts are ids; whole numbers, each once and mostly those of nodes, if `certain`.
    """
    if frame.shape[1] < 2:
        return None
    first = texts_of(frame[0])
    if not all(is_number(text) for text in first.iloc[:1000]):
        return 0
    if not certain:
        return None
    whole = whole_numbers(first)
    if whole is None or len(np.unique(whole)) != len(whole):
        return None
    known = (
        node_ids
        if node_ids.dtype.kind in "iu"
        else np.array([int(i) for i in node_ids if is_whole(str(i))][: 10**7])
    )
    return 0 if len(known) and np.isin(whole, known).mean() > 0.5 else None


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
            mend="Keep one row a node.",
        )
    return object_array(ids)


UNKNOWN = {"", "nan", "na", "n/a", "none", "null", "?"}


def as_classes(texts: pd.Series, *, certain: bool) -> tuple[np.ndarray, tuple[str, ...]] | None:
    """Return class index (int32, -1 unknown) and names, or None if these are no classes."""
    known = ~texts.str.lower().isin(UNKNOWN)
    labelled = texts[known]
    if not len(labelled):
        return None
    n_classes = labelled.nunique()
    enough = 2 * n_classes <= len(labelled) or (certain and n_classes <= 20)
    whole = whole_numbers(labelled)
    if whole is not None:
        # All different, and with gaps between them: a measurement of a small graph.
        spread = n_classes == len(labelled) and int(whole.max()) - int(whole.min()) >= n_classes
        return (
            _numeric_classes(known, whole)
            if enough and not spread and n_classes <= MAX_NUMERIC_CLASSES
            else None
        )
    numeric = pd.to_numeric(labelled, errors="coerce").notna().all()
    if numeric or not enough or n_classes > MAX_TEXT_CLASSES:
        return None
    names, codes = np.unique(labelled.to_numpy(object).astype(str), return_inverse=True)
    return _spread(known, codes), tuple(map(str, names))


def _numeric_classes(known: pd.Series, whole: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    names, codes = np.unique(whole, return_inverse=True)
    return _spread(known, codes), tuple(map(str, names))


def _spread(known: pd.Series, codes: np.ndarray) -> np.ndarray:
    result = np.full(len(known), -1, np.int32)
    result[known.to_numpy()] = codes
    return result


def _as_values(probe: Probe, table: TextTable, texts: pd.Series, column: int) -> np.ndarray | None:
    """Return float32 with NaN where unknown, or None if a known field is no number.

    Raises
    ------
    DataError
        Naming the line of the first infinite number.
    """
    known = (~texts.str.lower().isin(UNKNOWN)).to_numpy()
    parsed = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64)
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
            mend="Write a finite number, or leave the field empty where the value is unknown.",
        )
    single[~known] = np.nan
    return single
