"""Node tables, matched to the nodes of a graph by their ids.

The adjacency decides which nodes exist. Node ids of features and labels are matched to it:

- ids it lacks are left out and reported with their count and examples (an edge list with a
  typo must not grow a node, and a table of all users must not bury a graph of some);
- rows without ids that have a few nodes more than the edges name: their numbers are the ids, and
  what no edge names is an isolated node;
- nodes without a row get zero features or no label, which is reported too;
- if no id at all matches, the files do not belong together: an error.

A matrix without ids numbers its nodes from 0. A table without ids is matched by position.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from vgae_core.data.dataset import RawGraph
from vgae_core.data.findings import Finding
from vgae_core.data.non_edges import joined_pairs
from vgae_core.data.readers.base import (
    Edges,
    NodeTable,
    examples,
    may_number_rows,
    object_array,
    whole_numbers,
)
from vgae_core.data.text import shortened
from vgae_core.errors import DataError
from vgae_core.host.limits import Limits


def assemble(name: str, edges: Edges, tables: Sequence[NodeTable], limits: Limits) -> RawGraph:
    """Return the graph of some edges with what node tables say of its nodes."""
    findings = list(edges.findings)
    edges = _with_isolated(edges, tables, limits, findings)
    parts: dict[str, Any] = {}
    values: dict[str, np.ndarray] = {}
    called: np.ndarray | None = None
    for table in tables:
        rows, nodes = _match(table, edges.node_ids, findings)
        findings.extend(table.findings)
        n = len(edges.node_ids)
        if table.features is not None:
            parts["features"] = _place(table.features, rows, nodes, n)
            parts["feature_names"] = table.feature_names
        if table.classes is not None:
            labels = np.full(n, -1, np.int32)
            labels[nodes] = table.classes[rows]
            used = np.unique(labels[labels >= 0])
            if len(used) < len(table.class_names):  # classes of rows that were left out
                labels = np.where(labels >= 0, np.searchsorted(used, labels), -1).astype(np.int32)
            parts["labels"] = labels
            parts["label_names"] = tuple(table.class_names[i] for i in used)
        for key, column in table.values.items():
            placed = np.full(n, np.nan, np.float32)
            placed[nodes] = column[rows]
            values[key] = placed
        if table.names is not None:
            called = np.full(n, "", object)
            called[nodes] = table.names[rows]
    directed = edges.directed
    if directed is None:
        directed = tells_directions(edges.rows, edges.cols, edges.weights, len(edges.node_ids))
    ids = edges.node_ids if called is None else _named(edges.node_ids, called, findings)
    short = functools.partial(_short, limit=limits.name_length, findings=findings)
    if ids.dtype == object:
        ids = object_array(short("nodes", ids.tolist()))
    for key, kind in (("feature_names", "features"), ("label_names", "classes")):
        if parts.get(key):
            parts[key] = tuple(short(kind, parts[key]))
    values = dict(zip(short("columns", list(values)), values.values(), strict=True))
    return RawGraph(
        name=shortened(name, limits.name_length),
        rows=edges.rows,
        cols=edges.cols,
        weights=edges.weights,
        node_ids=ids,
        directed=directed,
        format=edges.format,
        values=values,
        findings=tuple(findings),
        symmetric=edges.symmetric,
        relations=edges.relations,
        relation_names=edges.relation_names,
        sides=edges.sides,
        side_names=tuple(shortened(side, limits.name_length) for side in edges.side_names),
        **parts,
    )


def _with_isolated(
    edges: Edges, tables: Sequence[NodeTable], limits: Limits, findings: list[Finding]
) -> Edges:
    """Return the edges with a node per row of the tables without ids, if ids can be numbers of rows and most are."""
    rows = {(table.n_rows, table.first_row): table for table in tables if table.ids is None}
    n, ids = len(edges.node_ids), edges.node_ids
    if len(rows) != 1 or edges.tables or edges.sides is not None:  # of two sides nothing says which is theirs
        return edges
    ((n_rows, _), table), *_ = rows.items()
    first = _first_row(table, ids)
    if first is None or not n < n_rows <= 2 * n or not first <= ids[0] <= ids[-1] < first + n_rows:
        return edges
    limits.check("nodes", n_rows, where=table.where)
    complete = np.arange(first, first + n_rows, dtype=np.int64)
    alone = np.setdiff1d(complete, ids, assume_unique=True)
    findings.append(Finding("isolated-rows", "info", f"{table.where} has {n_rows:,} rows and no node ids and were "
        f"numbered from {first}, like the nodes. No edge names {len(alone):,} of them, e.g. "
        f"{', '.join(examples(alone))}: isolated nodes.", len(alone), examples(alone)))  # fmt: skip
    positions = ids.astype(np.int64) - first
    return dataclasses.replace(
        edges, rows=positions[edges.rows], cols=positions[edges.cols], node_ids=complete
    )


def _short(kind: str, names: Sequence[str], *, limit: int, findings: list[Finding]) -> Sequence[str]:
    """Return names within the limit: of longer ones the beginning and a digest, which still tells them apart."""
    if max(map(len, names), default=0) <= limit:
        return names
    long = [name for name in names if len(name) > limit]
    findings.append(Finding("long-names", "warning", f"{len(long):,} names of {kind} are longer than {limit} "
        f"characters and were shortened. The longest has {max(map(len, long)):,}: check for a missing quotation mark "
        f"or a wrong column.", len(long), examples(long[:5])))  # fmt: skip
    return [shortened(name, limit) for name in names]


def _named(ids: np.ndarray, called: np.ndarray, findings: list[Finding]) -> np.ndarray:
    """Return the names of nodes: with the id where there is none, or where others have the same."""
    names = pd.Series(called, dtype="str")
    plain = pd.Series(ids).astype(str).astype("str")
    empty, twice = names == "", names.duplicated(keep=False)
    names = names.mask(twice, names + " (" + plain + ")").mask(empty, plain)
    if not names.is_unique:  # a node is called as another with its id
        names = names + " [" + plain + "]"
    shared = int((twice & ~empty).sum())
    more = f" {shared:,} share a name with another node, so their id is appended." if shared else ""
    findings.append(Finding("named-nodes", "info", f"{int((~empty).sum()):,} of {len(ids):,} nodes are shown by name "
        f"instead of id.{more}", shared,
        examples(f"{i} = {t}" for i, t in zip(plain[:5], names[:5], strict=True))))  # fmt: skip
    return object_array(names)


def tells_directions(rows: np.ndarray, cols: np.ndarray, weights: np.ndarray | None, n: int) -> bool:
    """Return whether the entries tell directions apart.

    They do if some entries, but not all, have one in the other direction, or if the two
    directions differ in weight; a missing weight is as any other.
    """
    pairs, n_arcs = joined_pairs(rows, cols, n)
    if n_arcs == len(pairs):  # none comes back
        return False
    if n_arcs < 2 * len(pairs):
        return True
    if weights is None:
        return False
    keep = rows != cols
    entries = (np.nan_to_num(weights[keep].astype(np.float64), nan=1.0), (rows[keep], cols[keep]))
    adjacency = sparse.coo_array(entries, shape=(n, n)).tocsr()
    return not bool(np.allclose((adjacency - adjacency.T).data, 0.0, atol=1e-6))


def _place(
    features: sparse.csr_array | np.ndarray, rows: np.ndarray, nodes: np.ndarray, n: int
) -> sparse.csr_array | np.ndarray:
    """Return the features with `rows[k]` moved to `nodes[k]` and zeros elsewhere."""
    if len(rows) == n == features.shape[0] and bool((nodes[np.argsort(rows)] == np.arange(n)).all()):
        return features
    if not sparse.issparse(features):
        placed = np.zeros((n, features.shape[1]), np.float32)
        placed[nodes] = features[rows]
        return placed
    moves = sparse.csr_array((np.ones(len(rows), np.float32), (nodes, rows)), shape=(n, features.shape[0]))
    moved = sparse.csr_array(moves @ features, dtype=np.float32)
    moved.sort_indices()
    return moved


def _match(table: NodeTable, node_ids: np.ndarray, findings: list[Finding]) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the table that belong to nodes, and the position of each node."""
    n = len(node_ids)
    if table.ids is None and table.n_rows == n and table.first_row is None:
        if node_ids.dtype.kind not in "iu" or not bool((node_ids == np.arange(n)).all()):
            order = "sorted" if node_ids.dtype.kind in "iu" else "in the order in which edges name them"
            findings.append(
                Finding(
                    "matched-by-position",
                    "warning",
                    f"{table.where} has no node ids: its rows were matched to the nodes {order}.",
                    n,
                    examples(node_ids),
                )
            )
        return np.arange(n), np.arange(n)
    ids = table.ids
    if ids is None:
        first = _first_row(table, node_ids)
        if first is None:
            raise DataError(
                f"Has {table.n_rows:,} rows for {n:,} nodes, and no column of node ids.",
                where=table.where,
                mend="Provide one row per node, or a table with a column of node ids.",
            )
        ids = np.arange(first, first + table.n_rows)  # row i is the node called first + i
        if first:
            findings.append(Finding("rows-from-one", "info",
                f"Rows of {table.where} were numbered from 1, like the nodes.", table.n_rows))  # fmt: skip
    positions = _positions(ids, node_ids)
    rows = np.flatnonzero(positions >= 0)
    unknown = np.flatnonzero(positions < 0)
    if not len(rows):
        raise DataError(
            f"None of its {len(ids):,} node ids is in the graph: it has {', '.join(examples(ids[:3]))}; "
            f"the graph has {', '.join(examples(node_ids[:3]))}.",
            where=table.where,
            mend="Use the same node ids in all files.",
        )
    if len(unknown):
        findings.append(
            Finding(
                "unknown-nodes",
                "warning",
                f"{len(unknown):,} of {len(ids):,} node ids in {table.where} are not in the graph and were left out, "
                f"e.g. {', '.join(examples(ids[unknown]))}.",
                len(unknown),
                examples(ids[unknown]),
            )
        )
    nodes = positions[rows]
    if len(nodes) < n:
        present = np.zeros(n, bool)
        present[nodes] = True
        missing = node_ids[~present]
        effect = "; their features are zero" if table.features is not None else ""
        findings.append(
            Finding(
                "nodes-without-row",
                "warning",
                f"{len(missing):,} of {n:,} nodes have no row in {table.where}, "
                f"e.g. {', '.join(examples(missing))}{effect}.",
                len(missing),
                examples(missing),
            )
        )
    return rows, nodes


def _first_row(table: NodeTable, node_ids: np.ndarray) -> int | None:
    """Return the node of the first row of a table without ids, or None if its rows cannot be nodes."""
    n = len(node_ids)
    if node_ids.dtype.kind not in "iu" or (n and int(node_ids[0]) < 0):
        return None
    if table.first_row is not None:
        return table.first_row
    if not may_number_rows(node_ids, table.n_rows):
        return None
    # The last node is called as many as there are rows: they count from 1.
    return int(int(node_ids[-1]) == table.n_rows)


def _positions(ids: np.ndarray, node_ids: np.ndarray) -> np.ndarray:
    """Return the position of each id in `node_ids`, -1 where it is not there."""
    if node_ids.dtype.kind in "iu":
        if ids.dtype.kind not in "iu":
            texts = pd.Series(ids, dtype="str")
            whole = texts.str.fullmatch(r"[+-]?\d{1,18}(\.0*)?").to_numpy(bool)
            numbers = np.zeros(len(ids), np.int64)
            converted = whole_numbers(texts[whole])
            if converted is not None:
                numbers[whole] = converted
            found = pd.Index(node_ids).get_indexer(pd.Index(numbers))
            return np.where(whole, found, -1)
        return np.asarray(pd.Index(node_ids).get_indexer(pd.Index(ids)))
    known = pd.Index(pd.Series(node_ids, dtype="str"))
    if not known.is_unique:
        raise DataError("Node ids of the graph are not unique.", mend="Give every node its own id.")
    return np.asarray(known.get_indexer(pd.Index(pd.Series(ids, dtype=object).astype(str).astype("str"))))
