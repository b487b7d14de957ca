"""Long tables of features: delimited text with one node, feature and value per row."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from scipy import sparse

from vgae_core.data.findings import Finding
from vgae_core.data.non_edges import sorted_unique
from vgae_core.data.readers.base import (
    NodeTable,
    Probe,
    examples,
    factorize_ids,
    whole_numbers,
)
from vgae_core.data.readers.columns.names import FEATURE_NAMES, NODE_NAMES, SOURCE_NAMES
from vgae_core.data.readers.columns.text_table import LONG_USES, TextTable, texts_of
from vgae_core.data.readers.text.frames import is_number, is_whole, numbers, read_frame
from vgae_core.data.readers.text.layouts import line_of

_SEVERAL = 0.05
"""Share of the nodes with several labels from which that is no mistake."""


def is_long(table: TextTable, said: Collection[str] = ()) -> bool:
    """Whether the rows are (node, feature[, value])."""
    said = set(said)
    if said & {"feature_name", "feature_value"}:
        return True
    if said - {"id"}:
        return False
    if table.header is not None:
        return (
            len(table.plain) in (2, 3)
            and table.find(FEATURE_NAMES) in (0, 1)
            and table.find(NODE_NAMES | SOURCE_NAMES) in (0, 1)
        )
    data = [row for row in table.data if len(row) == 3]
    nodes = [row[0] for row in data]
    # Without names only repeated nodes over whole or text columns and numeric values tell.
    return (
        len(data) == len(table.data) > 1
        and len(set(nodes)) < len(nodes)
        and all(is_number(row[2]) for row in data)
        and all(is_whole(row[1]) or not is_number(row[1]) for row in data)
    )


def are_memberships(table: TextTable) -> bool:
    """Return whether the rows are (node, label) and more than a few nodes have several labels."""
    rows = [tuple(row) for row in (*table.data, *table.more) if len(row) == 2]
    if table.shape.width != 2 or not rows or table.find(NODE_NAMES) == 1:
        return False
    labels: dict[str, set[str]] = {}
    for node, label in rows:
        labels.setdefault(node, set()).add(label)
    several = sum(len(of_node) > 1 for of_node in labels.values())
    return several > 1 and several >= _SEVERAL * len(labels)


def uses_of(probe: Probe, table: TextTable) -> dict[int, str]:
    """Return the columns of node, feature and value."""
    said = probe.said(table.names, LONG_USES)
    uses = {use: i for i, use in said.items() if use != "ignore"}
    free = [i for i in range(table.shape.width) if i not in said]
    named = {
        "id": table.find(NODE_NAMES | SOURCE_NAMES, said),
        "feature_name": table.find(FEATURE_NAMES, said),
    }
    if None in [named[use] for use in named if use not in uses]:
        named = {}
    for use in ("id", "feature_name", "feature_value"):
        column = uses.get(use, named.get(use))
        left = [i for i in free if i not in {*uses.values(), *named.values()}]
        if column is None and (use != "feature_value" or table.shape.width == 3):
            column = next(iter(left), None)
        if column is not None:
            uses[use] = column
        elif use != "feature_value":
            raise probe.error(
                f"No column is left for the {use}.", mend="Choose the columns for node, feature and value."
            )
    return {i: use for use, i in uses.items()}


def read_long(probe: Probe, table: TextTable) -> NodeTable:
    """Read rows of node, feature and value; a missing value column means 1."""
    shape = table.shape
    uses = uses_of(probe, table)
    by_use = {use: i for i, use in uses.items()}
    node, feature, value = by_use["id"], by_use["feature_name"], by_use.get("feature_value")
    frame = read_frame(probe, shape, skip=table.skip)
    probe.limits.check("feature_values", len(frame), where=probe.name)
    (rows, ids), (columns, names) = (
        _codes(probe, table, frame, column, name) for name, column in (("node", node), ("feature", feature))
    )
    probe.limits.check("feature_columns", len(names), where=probe.name)
    data = (
        np.ones(len(frame), np.float32)
        if value is None
        else numbers(probe, shape, table.skip, frame[value], table.name(value))
    )
    keys = rows * len(names) + columns
    findings: tuple[Finding, ...] = ()
    if len(sorted_unique(keys)) < len(keys):
        repeated = pd.Series(keys)
        twice = np.flatnonzero(repeated.duplicated().to_numpy())
        shown = [f"{ids[rows[i]]} – {names[columns[i]]}" for i in twice[:5]]
        findings = (
            Finding(
                "feature-duplicates",
                "warning",
                f"{len(twice):,} rows of {probe.name} repeat a (node, feature) pair; the last value counts.",
                len(twice),
                examples(shown),
            ),
        )
        last = ~repeated.duplicated(keep="last").to_numpy()
        rows, columns, data = rows[last], columns[last], data[last]
    features = sparse.csr_array((data, (rows, columns)), shape=(len(ids), len(names)))
    features.sum_duplicates()
    features.eliminate_zeros()
    return NodeTable(
        where=probe.name,
        n_rows=len(ids),
        ids=ids,
        features=features,
        feature_names=tuple(map(str, names)),
        parts=table.parts(uses, LONG_USES),
        findings=findings,
    )


def _codes(
    probe: Probe, table: TextTable, frame: pd.DataFrame, column: int, what: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the position of each row's text among the distinct ones, and those; whole numbers are sorted."""
    values: np.ndarray | pd.Series = (
        frame[column].to_numpy() if frame[column].dtype == np.int64 else texts_of(frame[column])
    )
    if isinstance(values, pd.Series):
        empty = np.flatnonzero((values == "").to_numpy())
        if len(empty):
            raise probe.error(
                f"The {what} of a row is empty.",
                line=line_of(probe, table.shape, table.skip, int(empty[0])),
                mend="One row per value: node, feature, value.",
            )
        whole = None if values.str.fullmatch(r"0\d+").any() else whole_numbers(values)
        values = values if whole is None else whole
    positions, _, distinct = factorize_ids(values, values[:0])
    return positions, distinct
