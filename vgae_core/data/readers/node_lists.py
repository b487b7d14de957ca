"""JSON objects that list the feature ids of each node, as the MUSAE data sets have them."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pandas as pd
from scipy import sparse

from vgae_core.data.readers.base import Content, Format, NodeTable, Probe, object_array, shorten


def _recognise(probe: Probe) -> bool:
    return probe.head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[") and probe.is_text


def _constant(name: str) -> float:
    raise ValueError(f"{name} is not a number in JSON")


def _load(probe: Probe) -> dict[str, list[int | str]]:
    mend = 'Expected {"node": [feature, feature, …], …}.'
    try:
        content = json.loads(probe.path.read_text("utf-8-sig"), parse_constant=_constant)
    except UnicodeDecodeError as error:
        raise probe.error(f"Not UTF-8 text: {error}.", mend="Save it as UTF-8.") from error
    except json.JSONDecodeError as error:
        raise probe.error(f"Not JSON: {error.msg}.", line=error.lineno, mend=mend) from error
    except (ValueError, RecursionError) as error:
        raise probe.error(f"Not JSON: {error}.", mend=mend) from error
    if not isinstance(content, dict) or not content:
        found = "an empty object" if content == {} else f"a {type(content).__name__}"
        raise probe.error(f"Holds {found}.", mend=mend)
    for node, ids in content.items():
        if not isinstance(ids, list):
            raise probe.error(f"Node {shorten(node)!r} has {shorten(repr(ids))} for features.", mend=mend)
    return content


def _table(probe: Probe, content: Content, node_ids: np.ndarray) -> NodeTable:
    if content == "labels":
        raise probe.error("Lists of features cannot be labels.", mend="Hand in labels as CSV: node,label.")
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
            mend='Expected {"node": [feature, feature, …], …}.',
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
    features = sparse.csr_array(
        (np.ones(len(flat), np.float32), (rows, columns)), shape=(len(lists), len(names))
    )
    features.sum_duplicates()
    features.data[:] = 1.0  # a feature listed twice is still one feature
    return NodeTable(
        where=probe.name,
        n_rows=len(lists),
        ids=object_array(lists),
        features=features,
        feature_names=tuple(map(str, names)),
    )


FORMAT = Format(
    key="json-node-lists",
    title="JSON lists of feature ids",
    suffixes=("json",),
    recognise=_recognise,
    guess=lambda probe: "features",
    table=_table,
)
