"""The held-out pairs of a run by kind: degree, labels and communities of their ends, and how well each is scored."""

from __future__ import annotations

import numpy as np
import pandas as pd

from vgae_core.analysis.graph_structure import degree
from vgae_core.analysis.group_errors import by_class_pair, by_count, by_same_class, group_errors
from vgae_core.data.dataset import GraphData, filled
from vgae_core.runs.results.result import RunResult


def kind_tables(
    result: RunResult, graph: GraphData, communities: np.ndarray | None = None
) -> dict[str, pd.DataFrame]:
    """Return :func:`vgae_core.analysis.group_errors.group_errors` of the test pairs, by what tells them apart.

    Degrees, and values per row and column, are those that the model saw.

    Parameters
    ----------
    result : RunResult
    graph : GraphData
        The graph it was trained on.
    communities : ndarray of int, shape (n_nodes,), optional

    Returns
    -------
    dict of str to DataFrame
        By a title such as ``"Smaller degree"``.
    """
    split = result.split
    pairs = np.concatenate([split.test, split.test_neg])
    truth = np.arange(len(pairs)) < len(split.test)
    first, second = pairs[:, 0], pairs[:, 1]
    known = result.known(graph)
    kinds: dict[str, tuple[np.ndarray, list[str]]] = {}
    if not result.family.links_nodes:
        per_row, per_column = filled(known)
        kinds["Values in the row"] = by_count(per_row[first])
        kinds["Values in the column"] = by_count(per_column[second])
        if graph.labels is not None:
            kinds["Label of the row"] = (graph.labels[first].astype(np.int64), list(graph.label_names))
    else:
        degrees = degree(known)
        kinds["Smaller degree"] = by_count(np.minimum(degrees[first], degrees[second]))
        kinds["Larger degree"] = by_count(np.maximum(degrees[first], degrees[second]))
        if graph.labels is not None:
            labels, names = graph.labels, list(graph.label_names)
            kinds["Labels of both ends"] = by_same_class(labels[first], labels[second])
            kinds["Pair of labels"] = by_class_pair(labels[first], labels[second], names)
        if communities is not None:
            names = [f"Community {number}" for number in range(int(communities.max(initial=-1)) + 1)]
            kinds["Communities of both ends"] = by_same_class(communities[first], communities[second])
            kinds["Pair of communities"] = by_class_pair(communities[first], communities[second], names)
    logits = np.asarray(result.scores["model"])
    return {title: group_errors(truth, logits, kind, names) for title, (kind, names) in kinds.items()}
