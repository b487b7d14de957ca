"""The scores of a run, worked out again: the same function as when it ended."""

from __future__ import annotations

from typing import Any

import numpy as np

from vgae_core.data.dataset import GraphData
from vgae_core.errors import RunError
from vgae_core.families import family_of
from vgae_core.runs.results.result import RunResult


def evaluate_result(result: RunResult, graph: GraphData) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return scores and metrics of a run (:meth:`vgae_core.families.base.Family.evaluate`) from what is kept of it.

    That is its codes, data and split.

    Raises
    ------
    RunError
        If the run is not of this graph.
    """
    if len(result.z_mean) != graph.n_nodes:
        raise RunError(f"The embedding has {len(result.z_mean)} rows and the data set {graph.n_nodes} nodes.")
    family = family_of(result.spec)
    return family.evaluate(
        result.spec,
        graph,
        result.split,
        family.known(graph, result.split),
        result.network(),
        factors=lambda: (result.left, result.right),
        stack=result.stack or None,
    )
