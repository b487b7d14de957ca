"""JSON objects that list something for each node: its neighbours, or its features as the MUSAE data sets do."""

from __future__ import annotations

import dataclasses
import itertools
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from vgae_core.data.findings import Choice, Finding, Judgement
from vgae_core.data.readers.arrays.matrices import check_finite
from vgae_core.data.readers.base import (
    N_EXAMPLES,
    Content,
    Edges,
    Format,
    NodeTable,
    Probe,
    object_array,
    shorten,
)
from vgae_core.data.readers.columns.first_edges import read_once
from vgae_core.data.readers.columns.two_sides import sided, sides_judgement
from vgae_core.data.readers.text.json_file import KNOWN, all_objects, is_json, is_scalar, load_json
from vgae_core.data.readers.text.lines import named_edges, weight_values

_NODE = ("id", "node", "name", "key")
_NEIGHBOURS = (
    "neighbors",
    "neighbours",
    "adjacent",
    "adjacency",
    "adj",
    "links",
    "edges",
    "targets",
    "imports",
    "friends",
    "children",
)
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_MEND = 'Expected {"node": [feature, feature, …], …}.'


def _listed(content: Any) -> dict[str, Any] | None:
    """Return the node lists of an object, of records ``{"id": …, "neighbors": […]}`` or of a list by position."""
    if isinstance(content, dict):
        return content
    if isinstance(content, list) and content and all_objects(content):
        names = [
            next((k for k in keys if all(k in record for record in content)), None)
            for keys in (_NODE, _NEIGHBOURS)
        ]
        node, lists = names
        if (
            node
            and lists
            and all(isinstance(record[lists], list) and is_scalar(record[node]) for record in content)
        ):
            return {str(record[node]): record[lists] for record in content}
    if (
        isinstance(content, list)
        and content
        and all(isinstance(x, list) and all(map(_is_place, x)) for x in content)
    ):
        inside = all(place < len(content) for row in content for place in row)
        return {str(i): row for i, row in enumerate(content)} if inside else None
    return None


def are_neighbour_records(content: Any) -> bool:
    """Return whether these are records of a node and its neighbours."""
    return (
        isinstance(content, list) and bool(content) and all_objects(content) and _listed(content) is not None
    )


def _is_place(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _load(probe: Probe, mend: str = _MEND) -> dict[str, Any]:
    content = load_json(probe, KNOWN)
    lists = _listed(content)
    if not lists:
        kind = "an empty object" if content == {} else f"a {type(content).__name__} of another kind"
        raise probe.error(f"Holds {kind}.", mend=KNOWN)
    if isinstance(content, dict) and isinstance(content.get("children"), list):
        raise probe.error(
            "Holds a tree of nested `children`, which is not supported.",
            mend="Convert it: json.dump(networkx.node_link_data(networkx.tree_graph(tree)), file).",
        )
    for node, ids in lists.items():
        if isinstance(ids, list) and ids and isinstance(ids[0], list):
            raise probe.error(
                f"{shorten(node)!r} has a list of lists: these are several graphs, or a table.",
                mend="Provide one graph per file, as [[source, target], …].",
            )
        if not isinstance(ids, list | dict):
            raise probe.error(f"Node {shorten(node)!r} has {shorten(repr(ids))} for features.", mend=mend)
    return lists


@dataclass(frozen=True)
class _Reading:
    """What the lists hold, and why."""

    neighbours: bool
    sure: bool
    why: str


def _reading(lists: dict[str, Any]) -> _Reading:
    """Return whether what is listed are nodes: how much of it is called as a key is, in the same range."""
    flat = {str(value) for ids in lists.values() for value in ids if is_scalar(value)}
    keys = {str(key) for key in lists}
    shared = len(flat & keys)
    if not flat or not shared:
        return _Reading(False, True, "no listed value is the name of a node")
    share = f"{shared:,} of {len(flat):,} different listed values are names of nodes that have a list"
    if shared == len(flat):
        return _Reading(True, True, share)
    whole = [[int(text) for text in texts if _WHOLE.fullmatch(text)] for texts in (flat, keys)]
    if [len(whole[0]), len(whole[1])] != [len(flat), len(keys)]:
        return _Reading(True, 2 * shared >= len(flat), share)
    values, nodes = whole
    slack = (max(nodes) - min(nodes)) // 10 + 1  # nodes without a list of their own may be the last ones
    inside = min(nodes) - slack <= min(values) and max(values) <= max(nodes) + slack
    if inside and 2 * shared >= len(flat):
        return _Reading(True, True, f"{share}, and all are in the same range")
    ranges = f"nodes are numbered {min(nodes)} to {max(nodes)}, listed values {min(values)} to {max(values)}"
    return _Reading(inside, False, f"{share}; {ranges}")


def are_neighbours(lists: dict[str, Any]) -> bool:
    """Return whether what is listed are likelier nodes than features."""
    return _reading(lists).neighbours


def _judge(probe: Probe, content: Content) -> tuple[tuple[Judgement, ...], tuple[str, ...]]:
    """Return whether the lists are neighbours or features and why, and the first of them in words."""
    if content not in ("edges", "features"):
        return (), ()
    lists = _load(probe)
    reading = _reading(lists)
    decided = probe.how.role == content
    edges = content == "edges"
    what = "neighbours" if edges else "features"
    as_edges, as_features = (
        Choice("The lists are neighbours: a graph", {"role": "edges"}),
        Choice("The lists are features of each node", {"role": "features"}),
    )
    alone = probe.memo.get("alone", True)
    judgement = Judgement(
        "role",
        f"The lists are read as {what}"
        + (
            ", as chosen."
            if decided
            else f": {reading.why}."
            if reading.neighbours == edges or not reading.sure
            else "."
        ),
        decided or reading.sure or not alone,
        (as_features if edges else as_edges,),
        {"role": content},
    )
    judgements = [judgement]
    if edges:
        read_once(probe, _edges)
        about_sides = sides_judgement(probe.memo["sides"]) if "sides" in probe.memo else None
        if about_sides is not None and decided:  # who says that they are neighbours has answered this, too
            judgements.append(dataclasses.replace(about_sides, sure=True))
    pairs = ((node, value) for node, ids in lists.items() for value in ids if is_scalar(value))
    link = " – " if edges else " has "
    return tuple(judgements), tuple(
        f"{shorten(node, 30)}{link}{shorten(str(value), 30)}"
        for node, value in itertools.islice(pairs, N_EXAMPLES)
    )


def _guess(probe: Probe) -> Content:
    return "edges" if are_neighbours(_load(probe)) else "features"


def _edges(probe: Probe) -> Edges:
    lists = _load(probe)
    findings: list[Finding] = []
    if not {str(value) for ids in lists.values() for value in ids if is_scalar(value)} & lists.keys():
        findings.append(Finding("no-overlap", "warning",
            f"Nothing that {probe.name} lists is the name of one of its {len(lists):,} nodes: these may be features.",
            len(lists)))  # fmt: skip
    sources: list[str] = []
    targets: list[str] = []
    weights: list[str] = []
    for node, neighbours in lists.items():
        for neighbour in neighbours:
            if not is_scalar(neighbour):
                raise probe.error(
                    f"A neighbour of node {shorten(node)!r} is {shorten(repr(neighbour))}.",
                    mend='Expected {"node": ["neighbour", …], …}.',
                )
            sources.append(node)
            targets.append(str(neighbour))
            weights.append(_weight(neighbours[neighbour]) if isinstance(neighbours, dict) else "")
        probe.limits.check("edges", len(sources), where=probe.name)
    values = weight_values(probe, weights, [0] * len(weights)) if any(weights) else None
    edges = named_edges(
        probe, sources, targets, "JSON lists of neighbours", weights=values, others=lists, findings=findings
    )
    return sided(probe, edges)


def _weight(value: Any) -> str:
    """Return the weight in what stands beside a neighbour, empty if there is none."""
    if isinstance(value, dict):
        value = value.get("weight", value.get("0"))  # networkx puts keys of parallel edges between
        value = value.get("weight") if isinstance(value, dict) else value
    return "" if value is None or isinstance(value, bool | list) else str(value)


def _table(probe: Probe, content: Content, node_ids: np.ndarray) -> NodeTable:
    if content == "labels":
        raise probe.error("Lists of features cannot be labels.", mend="Provide labels as CSV: node,label.")
    lists = _load(probe)
    counts = np.fromiter(map(len, lists.values()), np.int64, len(lists))
    probe.limits.check("feature_values", int(counts.sum()), where=probe.name)
    flat = list(itertools.chain.from_iterable(lists.values()))
    kinds = set(map(type, flat))
    if not kinds <= {int, str}:
        bad = next(kind for kind in kinds if kind not in (int, str))
        node = next(node for node, ids in lists.items() if any(type(i) is bad for i in ids))
        raise probe.error(
            "Feature ids must be whole numbers or texts. "
            f"Received a {bad.__name__} for node {shorten(node)!r}.",
            mend=_MEND,
        )
    if kinds == {int}:
        try:
            names, columns = np.unique(np.array(flat, np.int64), return_inverse=True)
        except OverflowError as error:
            raise probe.error(f"A feature id is too large: {error}.") from error
    else:
        columns, names = pd.factorize(object_array(map(str, flat)))
    probe.limits.check("feature_columns", len(names), where=probe.name)
    rows = np.repeat(np.arange(len(lists)), counts)
    given = _values(probe, lists, rows, columns)
    features = sparse.csr_array((given, (rows, columns)), shape=(len(lists), len(names)))
    features.sum_duplicates()
    if not all_objects(lists.values()):
        features.data[:] = 1.0  # a feature listed twice is still one feature
    return NodeTable(
        where=probe.name,
        n_rows=len(lists),
        ids=object_array(lists),
        features=features,
        feature_names=tuple(map(str, names)),
    )


def _values(probe: Probe, lists: dict[str, Any], rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the value of each feature: 1 if features are only listed."""
    if not all_objects(lists.values()):
        return np.ones(len(rows), np.float32)
    values = [value for features in lists.values() for value in features.values()]
    bad = next((value for value in values if not isinstance(value, int | float)), None)
    if bad is not None:
        raise probe.error(
            f"The value of a feature is {shorten(repr(bad))}.", mend='Expected {"node": {"feature": 1.5}}.'
        )
    try:
        numbers = np.array(values, np.float64)
    except OverflowError as error:
        raise probe.error(f"The value of a feature is too large: {error}.") from error
    check_finite(probe, numbers, rows, columns)
    return numbers.astype(np.float32)


FORMAT = Format(
    key="json-node-lists",
    title="JSON lists by node",
    suffixes=("json",),
    recognise=is_json,
    guess=_guess,
    edges=_edges,
    table=_table,
    judge=_judge,
)
