"""Draw the held-out edges of a graph, and as many exact non-edges."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from vgae_core.data.dataset import GraphData
from vgae_core.data.node_pairs import count_first, count_pairs
from vgae_core.data.non_edges import codes, sample_non_edges
from vgae_core.data.splits import LinkSplit
from vgae_core.errors import DataError
from vgae_core.settings import SplitSpec


def split_links(graph: GraphData, spec: SplitSpec, seed: int) -> LinkSplit:
    """Return a random split of the edges, with exact non-edges for validation and test.

    Both arcs of a reciprocated pair of a directed graph go to the same part: the decoder
    is symmetric, so a model that was shown ``j → i`` has been shown ``i → j``.

    Parameters
    ----------
    graph : GraphData
    spec : SplitSpec
        Fractions of the edges; a part asked for gets one edge at least.
    seed : int
        Same graph, specification and seed, same split.

    Returns
    -------
    LinkSplit

    Raises
    ------
    DataError
        If no edge would be left to learn from, or the graph has fewer non-edges than the
        evaluation needs.
    """
    n, edges = graph.n_nodes, graph.edges
    check_edges(n, len(edges), spec, directed=graph.directed, n_first=count_first(graph.sides))
    n_val, n_test = _held_out(len(edges), spec)
    rng = np.random.default_rng(seed)
    part = _assign(edges, n, n_val, n_test, directed=graph.directed, rng=rng)
    train, val, test = (edges[part == k] for k in range(3))
    if not (len(train) and len(test)):
        raise _few_pairs(edges, n)
    negatives = sample_non_edges(graph, len(val) + len(test), rng)
    return LinkSplit(
        train=train, val=val, test=test, val_neg=negatives[: len(val)], test_neg=negatives[len(val) :]
    )


def _few_pairs(edges: np.ndarray, n: int) -> DataError:
    joined = len(np.unique(codes(edges, n, directed=False)))
    return DataError(
        f"{joined} connected pairs of nodes are too few for training, validation and testing: both arcs of a pair go "
        "to the same part.",
        where="split",
        mend="Provide a graph with at least 3 connected pairs of nodes, or lower the held-out fractions.",
    )


def check_edges(
    n_nodes: int, n_edges: int, spec: SplitSpec, *, directed: bool = False, n_first: int = 0
) -> None:
    """Raise DataError if a graph has too few edges to divide, or too few non-edges to tell held-out ones from.

    Parameters
    ----------
    n_nodes, n_edges : int
        Edges between different nodes, or arcs.
    spec : SplitSpec
        Shares of the edges that are held out.
    directed : bool
    n_first : int
        Nodes of side 0 of a two-sided graph: only pairs that join both sides are without an edge.
    """
    n_val, n_test = _held_out(n_edges, spec)
    if n_edges - n_val - n_test < 1:
        least = 2 + (spec.val_fraction > 0)
        parts = "training, validation and testing" if spec.val_fraction > 0 else "training and testing"
        few = n_edges < least
        raise DataError(
            f"{n_edges:,} edge{'s are' if n_edges != 1 else ' is'} too few: {parts} need "
            + ("one each." if few else f"{n_val + n_test + 1:,} at these held-out fractions."),
            where="split",
            mend=f"Provide a graph with at least {least} edges"
            + (", or set `val_fraction` to 0." if n_edges == 2 else ".")
            if few
            else "Lower the held-out fractions, or provide a larger graph.",
        )
    pairs = count_pairs(n_nodes, directed=directed, n_first=n_first)
    weak = "Provide a graph that lacks some links. If edges have weights, drop the weak ones."
    if pairs == n_edges:
        every = (
            "Each node of one side is joined to each of the other"
            if n_first
            else "Every pair of nodes is joined"
        )
        raise DataError(
            f"{every} by an edge, so there are no missing links to find: the evaluation needs "
            f"{n_val + n_test:,} pairs of nodes without an edge, and the graph has 0.",
            where="split",
            mend=weak + (" Or read the file as one set of nodes." if n_first else ""),
        )
    if n_val + n_test > pairs - n_edges:
        smaller = _fitting_fractions(n_edges, pairs - n_edges, spec)
        raise DataError(
            f"The evaluation needs {n_val + n_test:,} pairs of nodes without an edge, and the graph has "
            f"{pairs - n_edges:,} (density {n_edges / pairs:.3f}).",
            where="split",
            mend=f"Set `val_fraction` to {smaller.val_fraction:g} and `test_fraction` to {smaller.test_fraction:g}, "
            "or leave weak edges out."
            if smaller
            else weak,
        )


def _fitting_fractions(n_edges: int, non_edges: int, spec: SplitSpec) -> SplitSpec | None:
    """Return fractions in the proportion of `spec`, to two places, for which non-edges suffice; None where none do."""
    factor = non_edges / sum(_held_out(n_edges, spec))
    val, test = (math.floor(100 * share * factor) / 100 for share in (spec.val_fraction, spec.test_fraction))
    least = next(f.metadata["low"] for f in dataclasses.fields(SplitSpec) if f.name == "test_fraction")
    for choice in ((val, max(test, least)), (0.0, max(test, least))):
        fitting = SplitSpec(val_fraction=choice[0], test_fraction=choice[1])
        if sum(_held_out(n_edges, fitting)) <= non_edges:
            return fitting
    return None


def _held_out(n_edges: int, spec: SplitSpec) -> tuple[int, int]:
    """Return how many edges are held out for validation and for testing; a part asked for gets one at least."""
    n_val = max(1, round(n_edges * spec.val_fraction)) if spec.val_fraction > 0 else 0
    return n_val, max(1, round(n_edges * spec.test_fraction))


def _assign(
    edges: np.ndarray, n: int, n_val: int, n_test: int, *, directed: bool, rng: np.random.Generator
) -> np.ndarray:
    """Return the part of each edge (0 train, 1 validation, 2 test); int8, shape (n_edges,)."""
    m = len(edges)
    if not directed:
        part = np.zeros(m, dtype=np.int8)
        order = rng.permutation(m)[: n_val + n_test]
        part[order[:n_val]] = 1
        part[order[n_val:]] = 2
        return part
    _, unit, size = np.unique(codes(edges, n, directed=False), return_inverse=True, return_counts=True)
    order = rng.permutation(len(size))
    before = np.cumsum(size[order]) - size[order]  # arcs dealt before each pair of nodes
    of_unit = np.zeros(len(size), dtype=np.int8)
    in_val = before < n_val
    of_unit[order[in_val]] = 1
    of_unit[order[~in_val & (before < size[order][in_val].sum() + n_test)]] = 2
    return of_unit[unit]
