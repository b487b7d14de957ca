"""Codes of all edges: what a finished run's encoder makes of the graph as it is, once the scores are measured.

A graph without features has positions in their place.  They stay those of the training edges, for which the weights
were learnt: eigenvectors of another graph are other columns.  So held-out edges reach the codes as messages, but do not
move the positions.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import sparse

from vgae_core.analysis.network import layers_of
from vgae_core.data.blocks import row_blocks
from vgae_core.data.dataset import GraphData
from vgae_core.data.node_inputs import node_inputs, works_out_positions
from vgae_core.errors import RunError, StudioError
from vgae_core.families import family_of
from vgae_core.runs.results.result import Embedding, RunResult

WHY = "training_codes"
"""Key of a run's ``model`` that says why there are no codes of all edges."""

SAME = 0.01
"""Largest difference to the kept codes of the training edges, relative to the largest code, up to which a run's weights
give these codes: other processors round differently."""

POSITIONS_NODES = 20_000
"""Nodes of a graph without features up to which eigenvectors are worked out again for a run kept without codes of all
edges: a few seconds."""


def with_all_edges(
    result: RunResult, graph: GraphData, known: sparse.csr_array, *, positions: np.ndarray | None = None
) -> RunResult:
    """Return the result with codes of all edges, or with the reason why there are none.

    Parameters
    ----------
    result : RunResult
    graph : GraphData
        The graph it was trained on.
    known : csr_array
        What it could see of it (:meth:`vgae_core.families.base.Family.known`).
    positions : ndarray of float32, shape (n_nodes, n_columns), optional
        What stood in for features in training, which then need not be worked out again.
    """
    try:
        whole = _encode_all(result, graph, known, positions)
    except (StudioError, MemoryError) as error:
        return _without(result, _reason(error))
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
        return _without(
            result, "This run was stored without them, and its graph is too large to encode here."
        )
    if works_out_positions(result.spec.model, graph.profile) and graph.n_nodes > POSITIONS_NODES:
        return _without(
            result,
            "This run was stored without them, and computing positions of so many nodes takes too long.",
        )
    spec, family = result.spec, family_of(result.spec)
    try:
        known = family.known(graph, result.split)
        positions = node_inputs(known, spec.model, spec.seed) if graph.features is None else None
        layers = layers_of(result.model, result.state)
        again = family.encode(spec, result.model, layers, known, graph, known, positions)
    except (StudioError, MemoryError) as error:
        return _without(result, _reason(error))
    largest, apart = 1e-6, 0.0
    for part, block in row_blocks(result.z_mean):
        largest = max(largest, float(np.abs(block).max(initial=0)))
        apart = max(apart, float(np.abs(block - again.z_mean[part]).max(initial=0)))
    if not apart <= SAME * largest:  # or not a number
        return _without(result, "Its weights do not reproduce its codes of the training edges.")
    return with_all_edges(result, graph, known, positions=positions)


def encoded_from(result: RunResult) -> str:
    """Return what :attr:`RunResult.codes` are encoded from, in words."""
    return f"training {result.words.many}" if result.whole is None else result.words.whole


def explained(result: RunResult, graph: GraphData) -> str:
    """Return what :attr:`RunResult.codes` are encoded from and what that means; a second line holds details."""
    many = result.words.many
    if result.whole is None:
        reason = result.model.get(WHY, "This run was stored without others.")
        return f"Codes of the training {many} only. {reason}"
    sentences = (
        f"Codes are encoded from {encoded_from(result)}, held-out {many} included. "
        f"Scores are measured with codes of the training {many}."
    )
    if works_out_positions(result.spec.model, graph.profile):
        sentences += (
            "\nThe positions that stand in for features stay those of the training edges, for which the weights were "
            "learnt: held-out edges count as messages only."
        )
    return sentences


def _reason(error: StudioError | MemoryError) -> str:
    return error.message if isinstance(error, StudioError) else "Not enough memory."


def _without(result: RunResult, reason: str) -> RunResult:
    return dataclasses.replace(result, whole=None, model={**result.model, WHY: reason})


def _encode_all(
    result: RunResult, graph: GraphData, known: sparse.csr_array, positions: np.ndarray | None
) -> Embedding:
    spec, family, layers = result.spec, family_of(result.spec), layers_of(result.model, result.state)
    codes = family.encode(spec, result.model, layers, family.whole(graph), graph, known, positions)
    factors = result.factors
    if factors is not None:
        factors = family.whole_factors(
            spec, result.model, layers, graph, codes.z_mean, factors, result.decoder
        )
    return _checked(Embedding(codes.z_mean, codes.z_log_var, factors))


def _checked(whole: Embedding) -> Embedding:
    """Return codes and factors that are numbers, float32; raise RunError of any other."""
    for values in (whole.z_mean, whole.z_log_var, *(whole.factors or ())):
        for _, block in row_blocks(values) if values is not None else ():
            if not np.isfinite(block).all():
                raise RunError("Its weights give codes that are not finite.", where="state.npz")
    return whole
