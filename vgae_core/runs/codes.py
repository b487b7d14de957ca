"""Codes of all edges: what a finished run's encoder makes of the graph as it is, once the scores are measured.

A graph without features has positions in their place.  They stay those of the training edges, for which the weights
were learnt: eigenvectors of another graph are other columns.  So held-out edges reach the codes as messages, but do not
move the positions.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import sparse

from vgae_core.analysis.decoders import SAMPLED_PAIRS, bilinear, pair_factors
from vgae_core.analysis.full_pass import encode_graph, encode_matrix, entry_factors
from vgae_core.analysis.network import Codes, layers_of
from vgae_core.catalogue.base import load
from vgae_core.catalogue.decoders import without_factors
from vgae_core.data.blocks import row_blocks
from vgae_core.data.dataset import Features, GraphData
from vgae_core.data.entry_splits import without_entries
from vgae_core.data.node_inputs import (
    encoder_features,
    matrix_scaling,
    node_inputs,
    works_out_positions,
)
from vgae_core.errors import RunError, StudioError
from vgae_core.heads import HEADS
from vgae_core.runs.result import Embedding, RunResult

WHY = "training_codes"
"""Key of a run's ``model`` that says why there are no codes of all edges."""

SAME = 0.01
"""Largest difference to the kept codes of the training edges, relative to the largest code, up to which a run's weights
give these codes: other processors round differently."""

POSITIONS_NODES = 20_000
"""Nodes of a graph without features up to which eigenvectors are worked out again for a run kept without codes of all
edges: a few seconds."""


def with_all_edges(result: RunResult, graph: GraphData, *, positions: np.ndarray | None = None) -> RunResult:
    """Return the result with codes of all edges, or with the reason why there are none.

    Parameters
    ----------
    result : RunResult
    graph : GraphData
        The graph it was trained on.
    positions : ndarray of float32, shape (n_nodes, n_columns), optional
        What stood in for features in training, which then need not be worked out again.
    """
    try:
        whole = _encode_all(result, graph, positions)
    except (StudioError, MemoryError) as error:
        return _without(result, error.message if isinstance(error, StudioError) else "Too little memory.")
    model = {key: value for key, value in result.model.items() if key != WHY}
    return dataclasses.replace(result, whole=whole, model=model)


def completed(result: RunResult, graph: GraphData, *, most_nodes: int | None = None) -> RunResult:
    """Return a kept result with codes of all edges: its own, or worked out from its weights.

    Weights are only used if they give the run's codes of the training edges.  What its other outputs say of nodes stays
    as it was kept.

    Parameters
    ----------
    result : RunResult
    graph : GraphData
        The graph it was trained on.
    most_nodes : int, optional
        Nodes of a graph up to which they are worked out here.
    """
    if result.whole is not None or WHY in result.model:
        return result
    if most_nodes is not None and graph.n_nodes > most_nodes:
        return _without(result, "This run was kept without them, and its graph is too large to encode here.")
    positional = not result.of_matrix and works_out_positions(result.spec.model, graph.profile)
    if positional and graph.n_nodes > POSITIONS_NODES:
        return _without(
            result,
            "This run was kept without them, and the positions of so many nodes take long to work out.",
        )
    positions: np.ndarray | None = None
    try:
        if result.of_matrix:
            again = _encode_matrix(result, _known(result, graph), graph)
        else:
            message = result.split.message(graph.n_nodes, graph)
            if graph.features is None:
                positions = node_inputs(message, result.spec.model, result.spec.seed)
            again = _encode_graph(result, message, graph, positions)
    except (StudioError, MemoryError) as error:
        return _without(result, error.message if isinstance(error, StudioError) else "Too little memory.")
    largest, apart = 1e-6, 0.0
    for part, block in row_blocks(result.z_mean):
        largest = max(largest, float(np.abs(block).max(initial=0)))
        apart = max(apart, float(np.abs(block - again.z_mean[part]).max(initial=0)))
    if not apart <= SAME * largest:  # or not a number
        return _without(result, "Its weights do not give its codes of the training edges.")
    return with_all_edges(result, graph, positions=positions)


def encoded_from(result: RunResult) -> str:
    """Return what :attr:`RunResult.codes` are encoded from, in words."""
    part = "" if result.whole is not None else "training "
    if result.of_matrix:
        return f"{part}entries" if part else "the whole matrix"
    return f"{part}edges" if part else "all edges"


def explained(result: RunResult, graph: GraphData) -> str:
    """Return what :attr:`RunResult.codes` are encoded from and what that means, in a few sentences."""
    held_out = "entries" if result.of_matrix else "edges"
    if result.whole is None:
        reason = result.model.get(WHY, "This run was kept without others.")
        return f"Codes of the training {held_out} only. {reason}"
    told = (
        f"Codes are encoded from {encoded_from(result)}, held-out {held_out} included. "
        f"Scores are measured with codes of the training {held_out}."
    )
    if not result.of_matrix and works_out_positions(result.spec.model, graph.profile):
        told += (
            " The positions that stand in for features stay those of the training edges, for which the weights were "
            "learnt: held-out edges count as messages only."
        )
    return told


def _without(result: RunResult, reason: str) -> RunResult:
    return dataclasses.replace(result, whole=None, model={**result.model, WHY: reason})


def _encode_all(result: RunResult, graph: GraphData, positions: np.ndarray | None) -> Embedding:
    if result.of_matrix:
        whole = sparse.csr_array(graph.features, dtype=np.float32)
        codes = _encode_matrix(result, whole, graph)
        totals = None
        if result.head.of_shares:
            totals = np.asarray(whole.sum(axis=1), np.float32).ravel()
        layers = layers_of(result.model, result.state)
        left = entry_factors(result.spec, layers, codes.z_mean, result.right, totals)
        if left.shape[1] != result.right.shape[1]:
            raise RunError("Its weights do not fit its factors.", where="state.npz")
        return _checked(Embedding(codes.z_mean, codes.z_log_var, (left, result.right)))
    codes = _encode_graph(result, graph.adjacency, graph, positions)
    return _checked(Embedding(codes.z_mean, codes.z_log_var, _factors(result, graph, codes.z_mean)))


def _encode_graph(
    result: RunResult, message: sparse.csr_array, graph: GraphData, positions: np.ndarray | None
) -> Codes:
    spec = result.spec
    features: Features | None = positions
    if positions is None:
        training = result.split.message(graph.n_nodes, graph) if graph.features is None else message
        features = encoder_features(graph, training, spec)
    return encode_graph(
        spec,
        layers_of(result.model, result.state),
        message,
        features,
        has_own_features=graph.features is not None,
        directed=graph.directed,
    )


def _known(result: RunResult, graph: GraphData) -> sparse.csr_array:
    return without_entries(graph.features, np.concatenate([result.split.val, result.split.test]))


def _encode_matrix(result: RunResult, rows: sparse.csr_array, graph: GraphData) -> Codes:
    """Return the codes of rows, their columns in the units of training."""
    spec = result.spec
    if str(result.model.get("scale")) not in HEADS:
        raise RunError("It does not say what its numbers stand for.", where="model.json")
    scaling = matrix_scaling(_known(result, graph), spec)
    layers = layers_of(result.model, result.state)
    return encode_matrix(spec, layers, rows if scaling is None else scaling.apply(rows), result.head)


def _factors(result: RunResult, graph: GraphData, z: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return factors of a graph's pairs, as the run has them of the training edges."""
    if result.factors is None:
        return None
    name = result.decoder_name
    entry = without_factors(name)
    if entry is None:
        try:
            left, right = pair_factors(name, layers_of(result.model, result.state), z)
        except (KeyError, ValueError) as error:
            raise RunError("Its weights do not fit its decoder.", where="state.npz") from error
        return left, right
    rng = np.random.default_rng([result.spec.seed, 0xFAC])
    edges = graph.edges[rng.permutation(len(graph.edges))[: SAMPLED_PAIRS // 2]]
    pairs = np.concatenate([edges, rng.integers(0, len(z), (max(len(edges), 1000), 2))])
    return bilinear(z, pairs, load(entry.plain)(z, pairs, result.decoder), directed=graph.directed)


def _checked(whole: Embedding) -> Embedding:
    """Return codes and factors that are numbers, float32; raise RunError of any other."""
    for values in (whole.z_mean, whole.z_log_var, *(whole.factors or ())):
        for _, block in row_blocks(values) if values is not None else ():
            if not np.isfinite(block).all():
                raise RunError("Its weights give codes that are not finite.", where="state.npz")
    return whole
