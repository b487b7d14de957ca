"""What graph formats share: a networkx graph with its attributes becomes edges and a node table."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd

from vgae_core.data.findings import Finding, Part
from vgae_core.data.readers.base import (
    Edges,
    NodeTable,
    Probe,
    examples,
    object_array,
    shorten,
    whole_numbers,
)
from vgae_core.data.readers.classes import as_classes
from vgae_core.data.readers.column_names import LABEL_NAMES, WEIGHT_NAMES
from vgae_core.data.readers.lines import relation_codes
from vgae_core.data.readers.sides import sides_told
from vgae_core.data.readers.written_numbers import MISSING

if TYPE_CHECKING:
    import networkx as nx  # takes a quarter of a second: loaded by those who need it

MAX_ATTRIBUTES = 200
"""Of more node attributes than this, only those that most nodes have are looked at."""
USES = ("label", "value", "ignore")
"""What a node attribute may be used for."""
_FEW = 20
_VECTORS = frozenset(
    {
        "x",
        "feature",
        "features",
        "feat",
        "feats",
        "attr",
        "attrs",
        "nodefeatures",
        "nodefeature",
        "embedding",
        "vector",
    }
)
"""Names of attributes that list the features of a node."""
_NAMES = ("label", "name")
_SIDE = "bipartite"
"""The node attribute by which networkx tells the two sides of a graph, 0 and 1."""
_RELATIONS = frozenset(
    {
        "relation",
        "relationship",
        "relationtype",
        "interaction",
        "interactiontype",
        "sharedinteraction",
        "predicate",
        "edgetype",
        "rel",
    }
)
_T = TypeVar("_T")


def parse(probe: Probe, title: str, work: Callable[[], _T]) -> _T:
    """Return ``work()``; what networkx raises on a damaged file becomes one clear error.

    Raises
    ------
    DataError
    """
    import networkx as nx

    mend = "The file is probably damaged: write it anew."
    try:
        return work()
    except RecursionError as error:
        raise probe.error(f"Cannot be read as {title}: it is nested too deeply.", mend=mend) from error
    except (nx.NetworkXException, SyntaxError, AttributeError, RuntimeError) as error:
        raise probe.error(f"Cannot be read as {title}: {shorten(str(error), 200)}.", mend=mend) from error


def graph_edges(
    probe: Probe,
    graph: nx.Graph,
    title: str,
    *,
    n_nodes: int | None = None,
    n_edges: int | None = None,
) -> Edges:
    """Return edges, ids and node attributes of a networkx graph.

    Parameters
    ----------
    probe : Probe
    graph : networkx graph
    title : str
        Title of the format.
    n_nodes, n_edges : int, optional
        How many the file declares, to tell what networkx merged or added.

    Returns
    -------
    Edges
        Nodes are called by their labels if every node has its own, otherwise by their ids;
        whole-number ids are sorted.

    Raises
    ------
    DataError
        If the graph is empty, or ids or weights make no sense.
    LimitError
        If it is too large.
    """
    probe.limits.check("nodes", graph.number_of_nodes(), where=probe.name)
    probe.limits.check("edges", graph.number_of_edges(), where=probe.name)
    if not graph.number_of_nodes():
        raise probe.error("Holds no nodes.", mend="Hand in a graph with nodes and edges.")
    findings = _merged(probe, graph, n_nodes, n_edges)
    columns = _columns(graph.nodes(data=True), len(graph))
    ids, used = _ids(probe, list(graph), columns, findings)
    for name in used:
        del columns[name]
    position = {node: i for i, node in enumerate(graph)}
    ends = np.fromiter(
        map(position.__getitem__, itertools.chain.from_iterable(graph.edges())), np.int64
    ).reshape(-1, 2)
    weights = _weights(probe, graph, findings)
    relations, relation_names = _relations(probe, graph, findings)
    rows, cols, order = ends[:, 0], ends[:, 1], None
    if ids.dtype.kind == "i":  # sorted, as whole-number ids are everywhere
        order = np.argsort(ids, kind="stable")
        place = np.empty(len(ids), np.int64)
        place[order] = np.arange(len(ids))
        ids, rows, cols = ids[order], place[rows], place[cols]
    sides = _sides(probe, columns, rows, cols, ids, order, findings)
    table = node_table(probe, columns, ids, order=order, no_label="" if sides is None else _SIDE)
    features, name = _vectors(probe, graph, findings)
    if features is not None:
        table = dataclasses.replace(
            table,
            features=features if order is None else features[order],
            feature_names=tuple(f"{name}_{i}" for i in range(features.shape[1])),
        )
    return Edges(
        rows=np.ascontiguousarray(rows),
        cols=np.ascontiguousarray(cols),
        weights=weights,
        node_ids=ids,
        format=title,
        directed=graph.is_directed() and sides is None,
        symmetric=not graph.is_directed(),
        tables=(table,),
        findings=tuple(findings),
        relations=relations,
        relation_names=relation_names,
        sides=sides,
    )


def _sides(
    probe: Probe,
    columns: Mapping[str, tuple[list[int], list[str]]],
    rows: np.ndarray,
    cols: np.ndarray,
    ids: np.ndarray,
    order: np.ndarray | None,
    findings: list[Finding],
) -> np.ndarray | None:
    """Return the side of each node, int8 (n_nodes,), where all have networkx's attribute and its values are 0 and 1."""
    _, texts = columns.get(_SIDE, ([], []))
    if probe.how.sides == "one" or len(texts) < len(ids) or set(texts) != {"0", "1"}:
        return None
    sides = np.array(texts, np.int8)
    where = f"The node attribute {_SIDE} of {probe.name}"
    return sides_told(sides if order is None else sides[order], rows, cols, ids, where, findings)


def _vectors(probe: Probe, graph: nx.Graph, findings: list[Finding]) -> tuple[np.ndarray | None, str]:
    """Return the attribute that lists the features of each node, float32 (n_nodes, n_features), and its name.

    Other list attributes are reported in `findings`.
    """
    names = dict.fromkeys(
        name
        for _, attributes in graph.nodes(data=True)
        for name, value in attributes.items()
        if isinstance(value, list)
    )
    chosen: np.ndarray | None = None
    called = ""
    for name in sorted(names, key=lambda name: _plain(str(name)) not in _VECTORS):
        lists = [attributes.get(name) for _, attributes in graph.nodes(data=True)]
        if chosen is None and _plain(str(name)) in _VECTORS:
            chosen = _matrix(probe, lists)
            called = "" if chosen is None else str(name)
    if called:
        findings.append(Finding("features-from-attribute", "info",
            f"Features are the node attribute {shorten(called)} of {probe.name}.", len(graph)))  # fmt: skip
    left = [str(name) for name in names if str(name) != called]
    if left:
        findings.append(Finding("attributes-ignored", "info",
            f"Node attributes of {probe.name} that are lists and were not used: {', '.join(map(shorten, left[:5]))}. "
            "A list of features is called x or features, and has as many numbers for every node.", len(left),
            examples(left)))  # fmt: skip
    return chosen, called


def _matrix(probe: Probe, lists: list[Any]) -> np.ndarray | None:
    """Return lists of as many finite numbers each as float32, None if they are anything else."""
    if not all(isinstance(numbers, list) and numbers and len(numbers) == len(lists[0]) for numbers in lists):
        return None
    if not all(isinstance(x, int | float) for numbers in lists for x in numbers):
        return None
    probe.limits.check("feature_columns", len(lists[0]), where=probe.name)
    probe.limits.check("feature_values", len(lists) * len(lists[0]), where=probe.name)
    try:
        with np.errstate(over="ignore"):
            matrix = np.array(lists, np.float64).astype(np.float32)
    except OverflowError:
        return None
    return matrix if bool(np.isfinite(matrix).all()) else None


def _merged(probe: Probe, graph: nx.Graph, n_nodes: int | None, n_edges: int | None) -> list[Finding]:
    found: list[Finding] = []
    n, m = graph.number_of_nodes(), graph.number_of_edges()
    if n_nodes is not None and n > n_nodes:
        found.append(Finding("undeclared-nodes", "warning",
            f"{n - n_nodes:,} nodes of {probe.name} are named by edges only.", n - n_nodes))  # fmt: skip
    if n_nodes is not None and n < n_nodes:
        found.append(Finding("repeated-nodes", "warning",
            f"{n_nodes - n:,} nodes of {probe.name} repeat the id of another and were joined with it.",
            n_nodes - n))  # fmt: skip
    if n_edges is not None and m < n_edges:
        found.append(Finding("edges-ignored", "warning",
            f"{n_edges - m:,} of {n_edges:,} edges of {probe.name} could not be read, such as those of "
            "a second graph.", n_edges - m))  # fmt: skip
    return found


# ----------------------------------------------------------------------------------- nodes
def _columns(
    nodes: Iterable[tuple[Any, Mapping[str, Any]]], n: int
) -> dict[str, tuple[list[int], list[str]]]:
    """Return nodes and values (as texts) of each attribute; attributes of most nodes first."""
    found: dict[str, tuple[list[int], list[str]]] = {}
    for i, (_, attributes) in enumerate(nodes):
        for name, value in attributes.items():
            if isinstance(value, str | int | float):
                at, texts = found.setdefault(str(name), ([], []))
                at.append(i)
                texts.append(str(value).strip())
    frequent = sorted(found, key=lambda name: -len(found[name][0]))[:MAX_ATTRIBUTES]
    return {name: found[name] for name in frequent}


def _ids(
    probe: Probe,
    nodes: list[Any],
    columns: Mapping[str, tuple[list[int], list[str]]],
    findings: list[Finding],
) -> tuple[np.ndarray, list[str]]:
    """Return the name of each node, and the attributes that are names, not properties."""
    ids = pd.Series([str(node).strip() for node in nodes], dtype=object)
    if not ids.is_unique or bool((ids == "").any()):
        what = (
            "empty" if bool((ids == "").any()) else f"not unique: {shorten(ids[ids.duplicated()].iloc[0])!r}"
        )
        raise probe.error(f"A node id is {what}.", mend="Give every node its own id.")
    whole = whole_numbers(ids.astype("str")) if not ids.str.fullmatch(r"[+-]?0\d+").any() else None
    if whole is not None and len(np.unique(whole)) < len(whole):
        whole = None  # "1" and "1.0"
    plain = object_array(ids) if whole is None else whole
    for name, (at, texts) in columns.items():
        if name.lower() not in _NAMES or len(at) < len(ids):
            continue
        labels = pd.Series(texts, dtype=object)
        if bool((labels == ids).all()):
            return plain, [name]
        numeric = pd.to_numeric(labels, errors="coerce").notna().all()
        if not numeric and labels.is_unique and not bool((labels == "").any()):
            findings.append(Finding("named-nodes", "info",
                f"Nodes of {probe.name} are called by their {name}, not by their id.", len(ids),
                examples(f"{i} = {t}" for i, t in itertools.islice(zip(ids, texts, strict=True), 5)),
            ))  # fmt: skip
            return object_array(labels), [name]
    return plain, []


def node_table(
    probe: Probe,
    columns: Mapping[str, tuple[list[int], list[str]]],
    ids: np.ndarray,
    *,
    order: np.ndarray | None = None,
    no_label: str = "",
) -> NodeTable:
    """Return classes and values of node attributes.

    The class is the attribute that is called so, else a text with few values, else a whole
    number with few, else one with more; other numeric attributes are values. What is not used
    is named in a finding.

    Parameters
    ----------
    columns : mapping of str to (nodes, texts)
    ids : ndarray of int64 or of str objects, shape (n,)
        Node of each row.
    order : ndarray of int64, shape (n,), optional
        The node of each row, if columns stand in another order.
    no_label : str
        An attribute that is no class unless the user says so.
    """
    n = len(ids)
    full: dict[str, pd.Series] = {}
    for name, (at, texts) in columns.items():
        placed = np.full(n, "", dtype=object)
        placed[at] = texts
        full[name] = pd.Series(placed if order is None else placed[order], dtype="str")
    numeric = {name: _numeric(column) for name, column in full.items()}
    candidates: dict[str, tuple[tuple[bool, bool, bool], tuple[np.ndarray, tuple[str, ...]]]] = {}
    for name, column in full.items():
        found = as_classes(column, certain=_is_label(name))
        if found is not None and len(found[1]) > 1:
            rank = (not _is_label(name), len(found[1]) > _FEW, numeric[name] is not None)
            candidates[name] = (rank, found)
    said = probe.said_of(list(full), USES)
    chosen = next((name for name, use in said.items() if use == "label"), None)
    if chosen is None:
        free = [name for name in candidates if name not in said and name != no_label]
        chosen = min(free, key=lambda name: candidates[name][0], default=None)
    elif chosen not in candidates:
        raise probe.error(
            f"The node attribute {shorten(chosen)} has no classes that several nodes share.",
            mend="Choose another one for the label.",
        )
    classes, class_names = (None, ()) if chosen is None else candidates[chosen][1]
    findings: list[Finding] = []
    if chosen is not None:
        findings.append(Finding("labels-from-attribute", "info",
            f"Classes are the node attribute {shorten(chosen)} of {probe.name}.", len(class_names),
            examples(class_names)))  # fmt: skip
    values: dict[str, np.ndarray] = {}
    ignored: list[str] = []
    for name in full:
        numbers = numeric[name]
        if name == chosen:
            continue
        if numbers is None or said.get(name) == "ignore":
            ignored.append(name)
        elif bool(np.isinf(numbers).any()):
            count = int(np.isinf(numbers).sum())
            findings.append(Finding("infinite-values", "warning",
                f"The node attribute {shorten(name)} of {probe.name} was left out: "
                f"{count:,} values are infinite.", count))  # fmt: skip
        else:
            values[name] = numbers
    if ignored:
        findings.append(Finding("attributes-ignored", "info",
            f"Node attributes of {probe.name} that were not used: {', '.join(map(shorten, ignored[:5]))}"
            f"{'…' if len(ignored) > 5 else ''}.", len(ignored), examples(ignored)))  # fmt: skip
    return NodeTable(
        where=probe.name,
        n_rows=n,
        ids=ids,
        classes=classes,
        class_names=class_names,
        values=values,
        parts=tuple(
            Part(
                name,
                "label" if name == chosen else "value" if name in values else "ignore",
                shorten(", ".join(columns[name][1][:3])),
                USES if name in candidates else USES[1:],
            )
            for name in full
        ),
        findings=tuple(findings),
    )


def inner_parts(edges: Edges) -> tuple[Part, ...]:
    """Return the node attributes of a graph that was read."""
    return tuple(part for table in edges.tables for part in table.parts)


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-.]+", "", name).lower()


def _is_label(name: str) -> bool:
    return _plain(name) in LABEL_NAMES - {"label"} or _plain(name) == "modularityclass"


def _numeric(texts: pd.Series) -> np.ndarray | None:
    """Return float32 with NaN where unknown, or None if a text is no number."""
    known = (~texts.str.lower().isin({"", "nan", "none", "na", "null"})).to_numpy(bool)
    parsed = pd.to_numeric(texts.where(known), errors="coerce").to_numpy(np.float64)
    if not known.any() or np.isnan(parsed[known]).any():
        return None
    with np.errstate(over="ignore"):
        return parsed.astype(np.float32)


# ----------------------------------------------------------------------------------- edges
def _weights(probe: Probe, graph: nx.Graph, findings: list[Finding]) -> np.ndarray | None:
    """Return the weight of each edge, or None if the edges have no attribute that may be one."""
    m = graph.number_of_edges()
    counts: dict[str, int] = {}
    for _, _, attributes in graph.edges(data=True):
        for name in attributes:
            plain = _plain(str(name))
            if plain in WEIGHT_NAMES:
                counts[name] = counts.get(name, 0) + 1
    # The attribute called so, or another usual name that every edge has.
    chosen = next((name for name in counts if _plain(str(name)) == "weight"), None)
    chosen = chosen or next((name for name, count in counts.items() if count == m), None)
    if chosen is None:
        return None
    certain = _plain(str(chosen)) == "weight"
    given = [attributes.get(chosen, "") for _, _, attributes in graph.edges(data=True)]
    texts = pd.Series([str(value).strip() for value in given], dtype="str")
    missing = texts.str.lower().isin(MISSING)
    numbers = pd.to_numeric(texts.where(~missing, "1"), errors="coerce").to_numpy(np.float64)
    with np.errstate(over="ignore"):
        single = numbers.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(single))
    if len(bad) and not certain:
        return None  # another thing that is called value or count
    if len(bad):
        ends = next(itertools.islice(graph.edges(), int(bad[0]), None))
        raise probe.error(
            f"The weight of edge {shorten(str(ends[0]))} – {shorten(str(ends[1]))} is "
            f"{shorten(texts.iloc[bad[0]])!r}, not a finite number (edges like this: {len(bad):,}).",
            mend="Write a finite number for every weight.",
        )
    single[missing.to_numpy(bool)] = np.nan  # a repair says what they weigh
    return single


def _relations(
    probe: Probe, graph: nx.Graph, findings: list[Finding]
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Return the relation of each edge and the names of relations, if an attribute of edges is called so."""
    counts: dict[str, int] = {}
    for _, _, attributes in graph.edges(data=True):
        for name, value in attributes.items():
            if _plain(str(name)) in _RELATIONS and isinstance(value, str) and value.strip():
                counts[name] = counts.get(name, 0) + 1
    if not counts:
        return None, ()
    chosen = max(counts, key=lambda name: counts[name])
    texts = [str(attributes.get(chosen, "")).strip() for _, _, attributes in graph.edges(data=True)]
    if 2 * len(set(texts)) > max(len(texts), 4):
        return None, ()  # nearly every edge has its own: a description
    return relation_codes(probe, texts, findings)
