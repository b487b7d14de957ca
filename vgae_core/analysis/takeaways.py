"""One sentence per picture of a data set: what to see in it."""

from __future__ import annotations

import numpy as np

from vgae_core.analysis.graph_views import FeatureView, LabelView, ValueView, degrees
from vgae_core.data.dataset import Features, GraphData, filled


def of_degrees(graph: GraphData) -> str:
    """Return what the degrees say: the median, and the node with the most neighbours."""
    outgoing, incoming = degrees(graph)
    total = outgoing + incoming if graph.directed else outgoing
    if not total.size or not total.any():
        return "No node has a neighbour."
    hub = int(np.argmax(total))
    what = "arc" if graph.directed else "neighbour"
    median = int(np.median(total))
    return (
        f"Half of all nodes have {median:,} {what}{'' if median == 1 else 's'} or fewer; "
        f"{_name(graph, hub)} has {total[hub]:,}."
    )


def of_adjacency(graph: GraphData, share: float = 0.1) -> str:
    """Return how much of all edges touches the best connected nodes.

    Parameters
    ----------
    graph : GraphData
    share : float
        Share of the nodes that counts as the best connected ones, in (0, 1).
    """
    outgoing, incoming = degrees(graph)
    top = np.zeros(graph.n_nodes, bool)
    n_top = max(1, round(share * graph.n_nodes))
    top[np.argsort(-(outgoing + incoming), kind="stable")[:n_top]] = True
    rows = np.repeat(np.arange(graph.n_nodes), np.diff(graph.adjacency.indptr))
    columns = graph.adjacency.indices
    other = rows != columns
    if not other.any():
        return "There are no edges between different nodes."
    touched = float(np.mean((top[rows] | top[columns])[other]))
    return f"{touched:.0%} of the edges touch the {share:.0%} of nodes with the most neighbours."


def of_features(view: FeatureView, whose: str = "node") -> str:
    """Return how many values a node or row has."""
    n = int(view.row_counts.sum())
    mean = view.n_values / n if n else 0.0
    return f"A {whose} has {mean:,.1f} non-zero values on average, of {view.n_features:,} columns."


def of_matrix(features: Features, share: float = 0.1) -> str:
    """Return how much of all values lies in the fullest rows."""
    falling = np.sort(filled(features)[0])[::-1]
    n_top = max(1, round(share * len(falling)))
    part = falling[:n_top].sum() / max(falling.sum(), 1)
    return f"The fullest {share:.0%} of the rows hold {part:.0%} of the values."


def of_columns(view: FeatureView, share: float = 0.1) -> str:
    """Return how much of all values lies in the fullest columns."""
    falling = np.sort(view.per_column)[::-1]
    n_top = max(1, round(share * len(falling)))
    top_share = falling[:n_top].sum() / max(view.n_values, 1)
    return f"The fullest {share:.0%} of the columns hold {top_share:.0%} of the values."


def of_values(view: ValueView) -> str:
    """Return the range and mean of the values other than 0."""
    return f"Non-zero values go from {view.least:,.4g} to {view.most:,.4g}, with a mean of {view.mean:,.4g}."


def of_labels(view: LabelView, whose: str = "node") -> str:
    """Return the share of the largest class, which always guessing it would get right."""
    total = sum(view.counts) + view.n_rest
    if not total:
        return f"No {whose} has a label."
    return (
        f"The largest class, {view.names[0]}, has {view.counts[0] / total:.0%} of the labelled {whose}s: "
        "always guessing it would be right that often."
    )


def of_weights(graph: GraphData, *, learnt: bool) -> str:
    """Return what the weights of the edges are used for, or an empty text for an unweighted graph.

    Parameters
    ----------
    graph : GraphData
    learnt : bool
        Whether the loss in use has the weights as its targets.
    """
    if not graph.profile.weighted:
        return ""
    use = (
        "and are what the loss learns to predict"
        if learnt
        else "but the loss only asks whether there is an edge"
    )
    return f"Weights count when neighbours are averaged, {use}."


def _name(graph: GraphData, node: int) -> str:
    return str(graph.node_ids[node])
