"""What a graph file says of its nodes: their names, classes, numbers and features."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from vgae_core.data.findings import Choice, Finding, Judgement, Part
from vgae_core.data.readers.base import NodeTable, Probe, examples, object_array, shorten, whole_numbers
from vgae_core.data.readers.columns.classes import as_classes
from vgae_core.data.readers.columns.names import LABEL_NAMES, STATISTIC_NAMES

if TYPE_CHECKING:
    import networkx as nx

Columns = Mapping[str, tuple[list[int], list[str]]]
"""Nodes and values, as texts, of each attribute."""
MAX_ATTRIBUTES = 200
"""Of more attributes than this, only those that most nodes, or edges, have are looked at."""
NODE_USES = ("name", "label", "side", "value", "ignore")
"""What a node attribute may be used for."""
_FEW = 20
_MEASURE = re.compile(
    r"(?i)count|number|degree|centrality|coefficient|(^|[^a-z])(n|nr|no|num|size|age|year|rank|score)([^a-z]|$)"
)
_NAMES = ("label", "name")
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


def node_columns(nodes: Iterable[tuple[Any, Mapping[str, Any]]], n: int) -> Columns:
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


def node_names(
    probe: Probe, nodes: list[Any], columns: Columns, said: Mapping[str, str], findings: list[Finding]
) -> tuple[np.ndarray, list[str], Judgement | None]:
    """Return what each node is called, the attributes that say the same, and why.

    The attribute is the one that the user says, else one called label or name, with a text for every node that no other
    has; whole-number ids are integers.
    """
    ids = pd.Series([str(node).strip() for node in nodes], dtype=object)
    if not ids.is_unique or bool((ids == "").any()):
        what = (
            "empty" if bool((ids == "").any()) else f"not unique: {shorten(ids[ids.duplicated()].iloc[0])!r}"
        )
        raise probe.error(f"A node id is {what}.", mend="Give every node its own id.")
    whole = whole_numbers(ids.astype("str")) if not ids.str.fullmatch(r"[+-]?0\d+").any() else None
    if whole is not None and len(np.unique(whole)) < len(whole):
        whole = None  # "1" and "1.0"
    own = object_array(ids) if whole is None else whole
    chosen = next((name for name, use in said.items() if use == "name"), None)
    free = [name for name in columns if name.lower() in _NAMES and name not in said]
    ids_again: list[str] = []
    for name in free if chosen is None else [chosen]:
        at, texts = columns[name]
        names = pd.Series(texts, dtype=object)
        complete = len(at) == len(ids) and names.is_unique and not bool((names == "").any())
        if name == chosen and not complete:
            raise probe.error(
                f"The node attribute {shorten(name)} does not give every node a name of its own.",
                mend="Choose another attribute for the name, or none.",
            )
        if complete and bool((names == ids).all()):
            ids_again.append(name)
            continue
        if not complete or (name != chosen and pd.to_numeric(names, errors="coerce").notna().all()):
            continue
        shown = examples(f"{i} = {t}" for i, t in itertools.islice(zip(ids, texts, strict=True), 5))
        findings.append(Finding("named-nodes", "info",
            f"Nodes of {probe.name} are shown by their {name} instead of their id.", len(ids), shown))  # fmt: skip
        return (
            object_array(names),
            [*ids_again, name],
            Judgement(
                "names",
                f"Nodes are named by their attribute {shorten(name)}, which no two share ({', '.join(shown[:2])}, …).",
                others=(Choice("Show nodes by their id", {f"uses.{name}": "ignore"}),),
            ),
        )
    return own, ids_again, None


def node_table(
    probe: Probe,
    columns: Columns,
    ids: np.ndarray,
    said: Mapping[str, str],
    *,
    names: Collection[str] = (),
    order: np.ndarray | None = None,
    side: str = "",
) -> tuple[NodeTable, Judgement | None]:
    """Return classes and values of node attributes, and why the classes are those.

    The class is the attribute that is called so, else a text with few values, else a whole
    number with few, else one with more; other numeric attributes are values. What is not used
    is named in a finding.

    Parameters
    ----------
    columns : mapping of str to (nodes, texts)
    ids : ndarray of int64 or of str objects, shape (n,)
        Node of each row.
    said : mapping of str to str
        What the user says of attributes.
    names : collection of str
        Attributes that say what nodes are called.
    order : ndarray of int64, shape (n,), optional
        The node of each row, if columns stand in another order.
    side : str
        The attribute that tells the sides of nodes, which is no class unless the user says so.
    """
    n = len(ids)
    full: dict[str, pd.Series] = {}
    for column, (at, texts) in columns.items():
        placed = np.full(n, "", dtype=object)
        placed[at] = texts
        full[column] = pd.Series(placed if order is None else placed[order], dtype="str")
    numeric = {column: as_numbers(texts) for column, texts in full.items()}
    candidates: dict[str, tuple[tuple[bool, bool, bool], tuple[np.ndarray, tuple[str, ...]]]] = {}
    for column, series in full.items():
        found = None if column in names else as_classes(series, certain=_is_label(column))
        if found is not None and len(found[1]) > 1:
            rank = (not _is_label(column), len(found[1]) > _FEW, numeric[column] is not None)
            candidates[column] = (rank, found)
    chosen = next((column for column, use in said.items() if use == "label"), None)
    if chosen is None:
        free = [
            column
            for column in candidates
            if column not in said
            and column != side
            and not (numeric[column] is not None and _measures(column, candidates[column][0]))
        ]
        chosen = min(free, key=lambda column: candidates[column][0], default=None)
    elif chosen not in candidates:
        raise probe.error(
            f"The node attribute {shorten(chosen)} has no classes that several nodes share.",
            mend="Choose another attribute for the label.",
        )
    classes, class_names = (None, ()) if chosen is None else candidates[chosen][1]
    findings: list[Finding] = []
    if chosen is not None:
        findings.append(Finding("labels-from-attribute", "info",
            f"Classes are the node attribute {shorten(chosen)} of {probe.name}.", len(class_names),
            examples(class_names)))  # fmt: skip
    uses: dict[str, str] = {}
    values: dict[str, np.ndarray] = {}
    for column in full:
        numbers = numeric[column]
        if column == chosen or column in names:
            uses[column] = "label" if column == chosen else "name"
        elif column == side:
            uses[column] = "side"
        elif numbers is None or said.get(column) == "ignore":
            uses[column] = "ignore"
        elif bool(np.isinf(numbers).any()):
            uses[column] = "ignore"
            count = int(np.isinf(numbers).sum())
            findings.append(Finding("infinite-values", "warning",
                f"The node attribute {shorten(column)} of {probe.name} was left out: "
                f"{count:,} values are infinite.", count, (shorten(column),)))  # fmt: skip
        else:
            uses[column] = "value"
            values[column] = numbers
    left_out = {name for f in findings if f.code == "infinite-values" for name in f.examples}
    ignored = [c for c, use in uses.items() if use == "ignore" and shorten(c) not in left_out]
    if ignored:
        findings.append(Finding("attributes-ignored", "info",
            f"Node attributes of {probe.name} that were not used: {', '.join(map(shorten, ignored[:5]))}"
            f"{'…' if len(ignored) > 5 else '.'}", len(ignored), examples(ignored)))  # fmt: skip
    parts = tuple(
        Part(
            column,
            uses[column],
            shorten(", ".join(columns[column][1][:3])),
            tuple(
                use for use in NODE_USES
                if use == "ignore"
                or (use == "label" and column in candidates)
                or (use == "side" and (column == side or full[column].nunique() == 2))
                or (use == "value" and numeric[column] is not None)
                or (use == "name" and len(columns[column][0]) == n == len(set(columns[column][1])))
            ),
        )
        for column in full
    )  # fmt: skip
    table = NodeTable(
        where=probe.name,
        n_rows=n,
        ids=ids,
        classes=classes,
        class_names=class_names,
        values=values,
        parts=parts,
        findings=tuple(findings),
    )
    others = sorted((c for c in candidates if c not in (chosen, side)), key=lambda c: candidates[c][0])
    return table, None if chosen is None else _label_judgement(chosen, class_names, others)


def _label_judgement(chosen: str, class_names: tuple[str, ...], others: list[str]) -> Judgement:
    shown = ", ".join(shorten(name, 30) for name in class_names[:3]) + ("…" if len(class_names) > 3 else "")
    return Judgement(
        "label",
        f"Classes are the node attribute {shorten(chosen)} ({shown}).",
        others=(
            *(
                Choice(f"Use {shorten(other, 30)} as classes", {f"uses.{other}": "label"})
                for other in others[:2]
            ),
            Choice("No classes", {f"uses.{chosen}": "ignore"}),
        ),
    )


def vectors(probe: Probe, graph: nx.Graph, findings: list[Finding]) -> tuple[np.ndarray | None, str]:
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
    for name in sorted(names, key=lambda name: plain(str(name)) not in _VECTORS):
        lists = [attributes.get(name) for _, attributes in graph.nodes(data=True)]
        if chosen is None and plain(str(name)) in _VECTORS:
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


def plain(name: str) -> str:
    """Return a name in lower case, without blanks, dashes and dots."""
    return re.sub(r"[\s_\-.]+", "", name).lower()


def _measures(name: str, rank: tuple[bool, bool, bool]) -> bool:
    """Return whether numbers measure or count something, by their name or as they are many, and are no classes."""
    unnamed, many, _ = rank
    return (unnamed and many) or plain(name) in STATISTIC_NAMES or _MEASURE.search(name) is not None


def _is_label(name: str) -> bool:
    return plain(name) in LABEL_NAMES - {"label"} or plain(name) == "modularityclass"


def as_numbers(texts: pd.Series) -> np.ndarray | None:
    """Return float32 with NaN where unknown, or None if a text is no number."""
    known = (~texts.str.lower().isin({"", "nan", "none", "na", "null"})).to_numpy(bool)
    parsed = pd.to_numeric(texts.where(known), errors="coerce").to_numpy(np.float64)
    if not known.any() or np.isnan(parsed[known]).any():
        return None
    with np.errstate(over="ignore"):
        return parsed.astype(np.float32)
