"""Edges whose two ends are nodes of two sets: their ids apart, what is asked about them, and the matrix they make."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from vgae_core.data.findings import Choice, Finding, Judgement
from vgae_core.data.readers.base import Edges, Format, NodeTable, Probe, examples, factorize_ids, object_array
from vgae_core.data.readers.columns.sides import SAMPLE, Sides, judge_sides

Ids = np.ndarray | pd.Series
AS_MATRIX = {"role": "features", "sides": "two"}
"""The settings that ask for a matrix, where a format has no columns to choose."""


# ------------------------------------------------------------------------------ two sets or one
def sided(probe: Probe, edges: Edges, *, same_names: bool = True) -> Edges:
    """Return the edges with the side of each node if their ends are nodes of two sets.

    What was decided is kept in the memo of the probe, for :func:`sides_judgement`.

    Parameters
    ----------
    probe : Probe
    edges : Edges
    same_names : bool
        Whether what is called the same is the same node, as where a program wrote a graph. In lists of numbers it need
        not be.
    """
    if not len(edges.rows):
        return edges
    ends = [_ids(edges.node_ids, end) for end in (edges.rows, edges.cols)]
    findings = list(edges.findings)
    sides = judge_sides(*ends, same_names=same_names)
    if probe.how.sides != "auto":
        sides = dataclasses.replace(sides, two=probe.how.sides == "two", why="as chosen", sure=True)
    sides = beyond_the_sample(probe, sides, ends, findings)
    probe.memo["sides"] = sides
    if not sides.two:
        return dataclasses.replace(edges, findings=tuple(findings))
    alone = np.setdiff1d(np.arange(len(edges.node_ids)), np.concatenate([edges.rows, edges.cols]))
    if sides.shared:
        rows, cols, ids = apart(ends, ("", "") if probe.memo.get("as matrix") else ("r", "c"), findings)
        edges = dataclasses.replace(edges, rows=rows, cols=cols, node_ids=ids, tables=())
    elif len(alone):
        findings.append(Finding("side-of-lone-nodes", "info", f"{len(alone):,} nodes of {probe.name} have no edge "
            f"that shows their side, so they were put on the first.", len(alone),
            examples(edges.node_ids[alone[:5]])))  # fmt: skip
    of_nodes = np.zeros(len(edges.node_ids), np.int8)
    of_nodes[edges.cols] = 1
    return dataclasses.replace(edges, sides=of_nodes, directed=False, findings=tuple(findings))


def _ids(node_ids: np.ndarray, positions: np.ndarray) -> Ids:
    ids = node_ids[positions]
    return ids if ids.dtype.kind in "iu" else pd.Series(ids, dtype="str")


def beyond_the_sample(probe: Probe, sides: Sides, ends: Sequence[Ids], findings: list[Finding]) -> Sides:
    """Return what is to be said of the sides after all rows, where the first ones shared no id."""
    if not sides.two or sides.shared or len(ends[0]) <= SAMPLE:
        return sides
    left, right = (pd.Series(pd.unique(pd.Series(end))) for end in ends)
    both = left[left.isin(right)]
    if not len(both):
        return sides
    if probe.how.sides == "two" or sides.told:
        return dataclasses.replace(sides, shared=True)
    findings.append(Finding("one-set-after-all", "warning",
        f"The first {SAMPLE:,} rows of {probe.name} share no id between source and target, but {len(both):,} ids, such "
        f"as {', '.join(examples(both))}, occur on both sides further down: read as one set of nodes. "
        "If these are different nodes with one name, read it as two sets.", len(both), examples(both)))  # fmt: skip
    return dataclasses.replace(sides, two=False)


def apart(
    ends: Sequence[Ids], letters: tuple[str, str], findings: list[Finding]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return positions and ids of two sets of nodes, whose ids begin with a letter each."""
    codes: list[np.ndarray] = []
    names: list[list[str]] = []
    for letter, end in zip(letters, ends, strict=True):
        positions, _, ids = factorize_ids(end, end[:0])
        codes.append(positions + sum(map(len, names)))
        names.append([f"{letter}{i}" for i in ids.tolist()])
    a, b = (side[0] for side in names)
    if any(letters):
        findings.append(Finding("two-sides", "info",
            f"Both columns number their own nodes: {len(names[0]):,} have names like {a}, {len(names[1]):,} like {b}.",
            len(names[0]) + len(names[1]), (a, b)))  # fmt: skip
    return codes[0], codes[1], object_array([*names[0], *names[1]])


# ------------------------------------------------------------------------------- what is asked
def sides_judgement(sides: Sides, matrix: Mapping[str, str] | None = AS_MATRIX) -> Judgement | None:
    """Return whether ends are of one set or two, and how to read the file as a matrix; None if nobody wonders.

    Parameters
    ----------
    sides : Sides
    matrix : mapping of str to str, optional
        The settings that ask for a matrix; None if the file cannot be read as one.
    """
    if not sides.two and sides.sure:
        return None
    as_matrix = () if matrix is None else (Choice("A matrix of rows × columns (VAE)", matrix),)
    two, one = Choice("Two sets of nodes", {"sides": "two"}), Choice("One set of nodes", {"sides": "one"})
    if sides.two:
        text = f"Two sets of nodes: {sides.why}. Read as a two-sided graph."
        return Judgement("sides", text, sides.sure, (*as_matrix, one), {"sides": "two"}, two.title)
    text = "Both columns are numbers in the same range, so they may or may not number the same nodes."
    return Judgement("sides", text, False, (two, *as_matrix), {"sides": "one"}, one.title)


# --------------------------------------------------------------------------------- as a matrix
def read_matrix(probe: Probe, format_: Format) -> NodeTable:
    """Return the edges of a file as a matrix: a row per node of the first side, a column per node of the second.

    Raises
    ------
    DataError
        If the nodes are not of two sides.
    """
    assert format_.edges is not None  # noqa: S101  who asks for it has looked
    how = dataclasses.replace(probe.how, role="edges", sides="two", uses={})
    memo = {key: kept for key, kept in probe.memo.items() if key not in ("edges", "sides")}
    edges = format_.edges(dataclasses.replace(probe, how=how, memo={**memo, "as matrix": True}))
    if edges.sides is None:
        raise probe.error(
            "Its nodes form one set, so it is unknown which are rows and which are columns.",
            mend="Read it as edges, or provide a table of rows, columns and values.",
        )
    first, second = (np.flatnonzero(edges.sides == side) for side in (0, 1))
    place = np.empty(len(edges.sides), np.int64)
    place[first], place[second] = np.arange(len(first)), np.arange(len(second))
    turned = edges.sides[edges.rows] == 1  # of an undirected graph either end may come first
    rows = place[np.where(turned, edges.cols, edges.rows)]
    cols = place[np.where(turned, edges.rows, edges.cols)]
    probe.limits.check("feature_columns", len(second), where=probe.name)
    probe.limits.check("feature_values", len(rows), where=probe.name)
    values = np.ones(len(rows), np.float32) if edges.weights is None else edges.weights
    features = sparse.csr_array((values, (rows, cols)), shape=(len(first), len(second)))
    features.sum_duplicates()
    features.eliminate_zeros()
    classes, class_names = _classes(edges, first)
    return NodeTable(
        where=probe.name,
        n_rows=len(first),
        ids=edges.node_ids[first],
        features=features,
        feature_names=tuple(map(str, edges.node_ids[second])),
        findings=edges.findings,
        classes=classes,
        class_names=class_names,
    )


def _classes(edges: Edges, first: np.ndarray) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Return the classes of the nodes that are rows, where the file itself tells those of all nodes."""
    table = next((t for t in edges.tables if t.classes is not None and t.n_rows == len(edges.node_ids)), None)
    if table is None or table.classes is None:
        return None, ()
    used, classes = np.unique(table.classes[first], return_inverse=True)
    known = used[used >= 0]
    if len(known) < 2:
        return None, ()  # all rows are of one class, such as the side itself
    return (classes - (len(used) - len(known))).astype(np.int32), tuple(table.class_names[i] for i in known)
