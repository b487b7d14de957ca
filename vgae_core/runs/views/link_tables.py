"""Tables of pairs of nodes and of entries of a matrix, with names and what the graph says of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from vgae_core.analysis.calibration import at_share, vouched
from vgae_core.analysis.entries import EXACT_CELLS
from vgae_core.analysis.graph_structure import degree
from vgae_core.analysis.link_filters import LinkSearch
from vgae_core.analysis.link_search import EXACT_NODES
from vgae_core.analysis.scoring import probabilities, score_pairs
from vgae_core.analysis.surprise import surprise
from vgae_core.data.dataset import Features, GraphData, filled
from vgae_core.model_parts.heads import Head
from vgae_core.runs.results.result import RunResult
from vgae_core.runs.views.node_tables import class_names


def link_table(
    graph: GraphData,
    pairs: np.ndarray,
    logits: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    n_val: int | None = None,
) -> pd.DataFrame:
    """Return one row per pair of nodes, with names, probability and what the graph says of it.

    Parameters
    ----------
    graph : GraphData
    pairs : ndarray of int64, shape (n_pairs, 2)
    logits : ndarray of float32, shape (n_pairs,)
    weights : ndarray of float, shape (n_pairs,), optional
        What the model expects their weights to be.
    n_val : int, optional
        Validation edges: no probability is beyond what they can vouch for.

    Returns
    -------
    DataFrame
        ``source, target`` (ids), ``probability`` (0 to 1, among as many edges as non-edges),
        ``probability_at_density`` (among all pairs of the graph), ``logit``, ``expected_weight`` with `weights`,
        ``shared_neighbours`` (not of a two-sided graph, where there are none), ``source_degree, target_degree``;
        with labels also ``source_label, target_label``.
    """
    first, second = pairs[:, 0], pairs[:, 1]
    degrees = degree(graph.adjacency, directed=graph.directed)
    odds = logits if n_val is None else vouched(logits, n_val)
    columns: dict[str, object] = {
        "source": graph.node_ids[first],
        "target": graph.node_ids[second],
        "probability": probabilities(odds),
        "probability_at_density": at_share(odds, density(graph)),
        "logit": logits,
        **({} if weights is None else {"expected_weight": weights}),
        **({} if graph.sides is not None else {"shared_neighbours": _shared_neighbours(graph, pairs)}),
        "source_degree": degrees[first],
        "target_degree": degrees[second],
    }
    if graph.labels is not None:
        columns["source_label"] = class_names(graph.labels[first], graph.label_names)
        columns["target_label"] = class_names(graph.labels[second], graph.label_names)
    return pd.DataFrame(columns)


def density(graph: GraphData) -> float:
    """Return the share of the pairs of nodes that are edges."""
    return len(graph.edges) / max(graph.n_pairs, 1)


def filled_share(graph: GraphData) -> float:
    """Return the share of the cells of a matrix that hold an entry."""
    profile = graph.profile
    return profile.feature_nnz / max(profile.n_nodes * profile.n_features, 1)


def missing_table(
    graph: GraphData,
    pairs: np.ndarray,
    logits: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    n_val: int | None = None,
) -> pd.DataFrame:
    """Return :func:`link_table` of pairs without an edge, with ``surprise`` (nats) after ``logit``.

    Parameters are those of :func:`link_table`; for the surprise see :func:`vgae_core.analysis.surprise.surprise`.
    """
    table = link_table(graph, pairs, logits, weights, n_val=n_val)
    more = surprise(graph.adjacency, pairs, logits, directed=graph.directed, sides=graph.sides)
    table.insert(list(table).index("logit") + 1, "surprise", more)
    return table


def entry_table(
    graph: GraphData,
    pairs: np.ndarray,
    logits: np.ndarray,
    head: Head,
    *,
    nats: np.ndarray | None = None,
    odds: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return one row per entry of the matrix, with the names of its row and column.

    Parameters
    ----------
    graph : GraphData
        Its features are the matrix.
    pairs : ndarray of int64, shape (n_entries, 2)
        (row, column).
    logits : ndarray of float32, shape (n_entries,)
        Of the network.
    head : Head
    nats : ndarray of float64, shape (n_entries,), optional
        Surprise of stored values, which are then listed too.
    odds : ndarray of float, shape (n_entries,), optional
        Log odds of an entry, where the network's scores are combined with those of EASE.

    Returns
    -------
    DataFrame
        ``row, column`` (names); ``value`` and ``surprise`` with `nats`; with `odds` ``probability`` (among as many
        zeros) and ``probability_at_density`` (among all cells of the matrix); ``expected`` (a value, or without `odds`
        a probability under a head of these), ``row_values, column_values`` (values other than 0); with labels also
        ``row_label``.
    """
    first, second = pairs[:, 0], pairs[:, 1]
    matrix: Features = graph.features
    a_row, a_column = filled(matrix)
    columns: dict[str, object] = {"row": graph.node_ids[first], "column": column_names(graph)[second]}
    if nats is not None:
        # SciPy refuses to take no entry at all, which a row without values asks for.
        values = matrix[first, second] if len(pairs) else np.zeros(0)
        columns["value"] = np.asarray(values, np.float32).ravel()
    if odds is not None:
        columns["probability"] = probabilities(odds)
        columns["probability_at_density"] = at_share(odds, filled_share(graph))
    if odds is None or not head.of_probabilities:
        columns["expected"] = head.expected(logits)
    if nats is not None:
        columns["surprise"] = nats
    columns |= {"row_values": a_row[first], "column_values": a_column[second]}
    if graph.labels is not None:
        columns["row_label"] = class_names(graph.labels[first], graph.label_names)
    return pd.DataFrame(columns)


def scored_entries(
    result: RunResult, graph: GraphData, pairs: np.ndarray, logits: np.ndarray, *, combined: bool
) -> pd.DataFrame:
    """Return :func:`entry_table` of entries that a run scores; probabilities as far as its validation entries vouch.

    Parameters
    ----------
    result : RunResult
        Of a matrix.
    graph : GraphData
    pairs : ndarray of int64, shape (n_entries, 2)
    logits : ndarray of float32, shape (n_entries,)
        Of :meth:`vgae_core.runs.results.result.RunResult.entry_scores`.
    combined : bool
        Whether EASE has a part in them.
    """
    codes = result.codes
    network = score_pairs(codes.left, pairs, codes.right)
    odds = vouched(logits, len(result.split.val)) if combined else None
    return entry_table(graph, pairs, network, result.head, odds=odds)


def proposals(result: RunResult, graph: GraphData, k: int, search: LinkSearch | None = None) -> pd.DataFrame:
    """Return the first `k` links or entries that a run proposes, as :func:`missing_table` or :func:`entry_table`.

    Parameters
    ----------
    result : RunResult
    graph : GraphData
    k : int
    search : LinkSearch, optional
        Of links.
    """
    if result.family.links_nodes:
        pairs, logits = result.missing_links(graph, k, search)
        return missing_table(graph, pairs, logits, result.weights(pairs), n_val=len(result.split.val))
    pairs, logits = result.missing_entries(graph, k)
    return scored_entries(result, graph, pairs, logits, combined=bool(result.stack))


def is_searchable(result: RunResult, graph: GraphData) -> bool:
    """Return whether all pairs, or cells, of a run are few enough to be ranked while someone waits."""
    if result.family.links_nodes:
        return graph.n_nodes <= EXACT_NODES
    return graph.n_nodes * graph.profile.n_features <= EXACT_CELLS


def column_names(graph: GraphData) -> np.ndarray:
    """Return the name of every column of the features, or its number from 1; str objects (n_features,)."""
    names = graph.feature_names or [f"column {i + 1}" for i in range(graph.profile.n_features)]
    return np.array(names, dtype=object)


def _shared_neighbours(graph: GraphData, pairs: np.ndarray) -> np.ndarray:
    """Return how many nodes both ends of each pair are joined to; int64, shape (n_pairs,)."""
    pattern = graph.adjacency.astype(bool)
    if graph.directed:
        pattern = (pattern + pattern.T).tocsr()
    pattern = pattern.astype(np.int32)
    if pattern.diagonal().any():
        pattern.setdiag(0)
    pattern.eliminate_zeros()
    counts = np.zeros(len(pairs), dtype=np.int64)
    for start in range(0, len(pairs), 10_000):
        part = pairs[start : start + 10_000]
        both = pattern[part[:, 0]].multiply(pattern[part[:, 1]])
        counts[start : start + len(part)] = np.asarray(both.sum(axis=1)).ravel()
    return counts
