"""What a graph file says of its edges: which attribute is the weight, and which the kind."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from vgae_core.data.findings import Choice, Finding, Judgement, Part
from vgae_core.data.readers.base import Probe, shorten
from vgae_core.data.readers.columns.names import WEIGHT_NAMES
from vgae_core.data.readers.graphs.node_attributes import MAX_ATTRIBUTES, as_numbers, plain
from vgae_core.data.readers.text.lines import MAX_RELATIONS, relation_codes
from vgae_core.data.readers.text.written_numbers import MISSING

if TYPE_CHECKING:
    import networkx as nx

PREFIX = "edge "
"""What names of edge attributes begin with among the parts of a file, so that they are not those of nodes."""
EDGE_USES = ("weight", "relation", "ignore")
"""What an edge attribute may be used for."""
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


@dataclass(frozen=True, eq=False)
class EdgeAttributes:
    """The weight and the kind of each edge, float32 and int32 (n_edges,), and how they were chosen."""

    weights: np.ndarray | None
    relations: np.ndarray | None
    relation_names: tuple[str, ...]
    parts: tuple[Part, ...]
    judgements: tuple[Judgement, ...]


def edge_names(graph: nx.Graph) -> list[str]:
    """Return the attributes of edges that hold numbers or texts, those of most edges first."""
    counts: collections.Counter[str] = collections.Counter()
    for _, _, attributes in graph.edges(data=True):
        counts.update(str(name) for name, value in attributes.items() if isinstance(value, str | int | float))
    return [name for name, _ in counts.most_common(MAX_ATTRIBUTES)]


def edge_attributes(
    probe: Probe, graph: nx.Graph, names: list[str], said: Mapping[str, str], findings: list[Finding]
) -> EdgeAttributes:
    """Return weight and kind of each edge; what the user says goes first.

    Parameters
    ----------
    names : list of str
        As :func:`edge_names` gives them.
    said : mapping of str to str
        What the user says of edge attributes.
    findings : list of Finding

    Raises
    ------
    DataError
        If a weight is no finite number.
    """
    columns = {name: _column(graph, name) for name in names}
    numeric = [name for name, texts in columns.items() if as_numbers(texts) is not None]
    weight = _said(said, "weight") or _weight(columns, said)
    weights = (
        None if weight is None else _weights(probe, graph, columns[weight], certain=_is_certain(weight, said))
    )
    weight = None if weights is None else weight
    relation = _said(said, "relation") or _relation(columns, said)
    codes, kinds = (
        (None, ()) if relation is None else relation_codes(probe, list(columns[relation]), findings)
    )
    parts = tuple(
        Part(
            PREFIX + name,
            "weight" if name == weight else "relation" if name == relation else "ignore",
            shorten(", ".join(texts.iloc[:3])),
            tuple(
                use for use in EDGE_USES
                if use == "ignore" or (use == "weight" and name in {*numeric, weight})
                or (use == "relation" and texts.nunique() <= MAX_RELATIONS)
            ),
        )
        for name, texts in columns.items()
    )  # fmt: skip
    judgements = (
        *_weight_judgement(
            columns, weight, [name for name in numeric if name not in (weight, relation)], said
        ),
        *_relation_judgement(relation, kinds),
    )
    return EdgeAttributes(weights, codes, kinds, parts, judgements)


def _column(graph: nx.Graph, name: str) -> pd.Series:
    given = (attributes.get(name, "") for _, _, attributes in graph.edges(data=True))
    return pd.Series([_text(value) for value in given], dtype="str")


def _text(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int | float) else ""


def _said(said: Mapping[str, str], use: str) -> str | None:
    return next((name for name, its in said.items() if its == use), None)


def _is_certain(name: str, said: Mapping[str, str]) -> bool:
    return said.get(name) == "weight" or plain(name) == "weight"


def _weight(columns: Mapping[str, pd.Series], said: Mapping[str, str]) -> str | None:
    """Return the attribute called weight, or another usual name that every edge has."""
    usual = [name for name in columns if plain(name) in WEIGHT_NAMES and name not in said]
    called = next((name for name in usual if plain(name) == "weight"), None)
    return called or next((name for name in usual if bool((columns[name] != "").all())), None)


def _weights(probe: Probe, graph: nx.Graph, texts: pd.Series, *, certain: bool) -> np.ndarray | None:
    """Return the weight of each edge, NaN where it is missing; None if it is no number and not certainly the weight."""
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


def _relation(columns: Mapping[str, pd.Series], said: Mapping[str, str]) -> str | None:
    """Return the attribute that is called so, unless nearly every edge has a value of its own: a description."""
    usual = [
        name for name, texts in columns.items()
        if plain(name) in _RELATIONS and name not in said and as_numbers(texts) is None
    ]  # fmt: skip
    chosen = max(usual, key=lambda name: int((columns[name] != "").sum()), default=None)
    if chosen is None or 2 * columns[chosen].nunique() > max(len(columns[chosen]), 4):
        return None
    return chosen


def _weight_judgement(
    columns: Mapping[str, pd.Series], weight: str | None, others: list[str], said: Mapping[str, str]
) -> tuple[Judgement, ...]:
    """Return why edges are weighted, or are not although they have numbers."""
    others = [name for name in others if columns[name].nunique() > 1 or said.get(name) == "ignore"]
    ways = tuple(
        Choice(f"Weigh edges by {shorten(name, 30)}", {f"uses.{PREFIX}{name}": "weight"})
        for name in others[:3]
    )
    if weight is not None:
        known = columns[weight][~columns[weight].str.lower().isin(MISSING)]
        shown = ", ".join(known.iloc[:3])
        none = Choice("No weights", {f"uses.{PREFIX}{weight}": "ignore"})
        text = f"Edges are weighted by their attribute {shorten(weight)} ({shorten(shown)}, …)."
        return (Judgement("weight", text, others=(none, *ways)),)
    if not ways:
        return ()
    if "ignore" in map(said.get, others):
        return (Judgement("weight", "Edges are not weighted, as chosen.", others=ways),)
    text = f"Edges are not weighted: there is no evidence that {', '.join(shorten(name, 30) for name in others[:3])} "
    return (Judgement("weight", f"{text}{'hold' if len(others) > 1 else 'holds'} weights.", others=ways),)


def _relation_judgement(relation: str | None, kinds: tuple[str, ...]) -> tuple[Judgement, ...]:
    if relation is None:
        return ()
    shown = ", ".join(shorten(kind, 30) for kind in kinds[:3]) + ("…" if len(kinds) > 3 else "")
    text = f"The edge attribute {shorten(relation)} holds the kind of each edge ({shown})."
    leave = Choice(f"Leave {shorten(relation, 30)} out", {f"uses.{PREFIX}{relation}": "ignore"})
    return (Judgement("relation", text, others=(leave,)),)
