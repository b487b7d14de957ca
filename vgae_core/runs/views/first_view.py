"""What the first view of a run needs and takes long: worked out as the run ends, or when it is first asked for."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from vgae_core.analysis.cell_density import GROUP_PAIRS, CellDensity, cell_density, largest_groups
from vgae_core.data.dataset import GraphData
from vgae_core.errors import StudioError
from vgae_core.host.limits import LIMITS
from vgae_core.runs.processes.background import step_back
from vgae_core.runs.results.result import RunResult
from vgae_core.runs.views.link_tables import density
from vgae_core.runs.views.node_tables import node_columns, open_for_task

SMALL_EDGES = 50_000
"""Edges up to which it takes less time than starting a process."""

SECONDS = 600.0
"""Time for that of a large graph."""

MOST_EDGES = 500_000
"""Edges up to which it is worked out as a run ends: some seconds beside the minutes that the run took."""

_BLOCKS = "blocks_"
_FIELDS = dataclasses.fields(CellDensity)

log = logging.getLogger(__name__)


def first_view(result: RunResult, graph: GraphData) -> dict[str, np.ndarray]:
    """Return what the first view of a run needs.

    Returns
    -------
    dict of str to ndarray
        :func:`vgae_core.runs.views.node_tables.node_columns`, and the parts of :func:`blocks`.
    """
    arrays = node_columns(result, graph)
    if "community" in arrays and result.family.links_nodes and graph.n_nodes <= LIMITS.answer_nodes:
        groups, _ = largest_groups(arrays["community"])
        between = group_density(result, graph, groups, GROUP_PAIRS)
        arrays |= {_BLOCKS + field.name: np.asarray(getattr(between, field.name)) for field in _FIELDS}
    return arrays


def blocks(arrays: Mapping[str, np.ndarray]) -> CellDensity | None:
    """Return the density between communities from :func:`first_view`; None if it is not in there."""
    if _BLOCKS + _FIELDS[0].name not in arrays:
        return None
    parts: dict[str, Any] = {field.name: arrays[_BLOCKS + field.name] for field in _FIELDS}
    return CellDensity(**parts | {"is_sampled": bool(parts["is_sampled"])})


def group_density(
    result: RunResult, graph: GraphData, groups: np.ndarray, per_cell: int, n_rows: int | None = None
) -> CellDensity:
    """Return :func:`vgae_core.analysis.cell_density.cell_density` of groups of nodes, as a run expects it."""
    return cell_density(
        groups,
        graph.adjacency,
        result.link_scorer(graph),
        density(graph),
        per_cell=per_cell,
        n_rows=n_rows,
        directed=graph.directed,
        sides=graph.sides,
    )


def with_first_view(result: RunResult, graph: GraphData) -> RunResult:
    """Return a result with :func:`first_view`, so that nobody who looks at the run waits for it.

    A larger graph, a trial of a sweep, and a run for which it fails go without: it is worked out when asked for.
    """
    if result.is_trial or graph.profile.n_edges > MOST_EDGES:
        return result
    try:
        return dataclasses.replace(result, first_view=first_view(result, graph))
    except (StudioError, MemoryError):
        log.exception("A run is kept without its first view.")
        return result


def first_view_task(
    arrays: dict[str, np.ndarray], options: dict[str, Any], progress: Callable[[float, str], None]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return :func:`first_view` as a task of a child process.

    `options` are those of :func:`vgae_core.runs.views.node_tables.open_for_task`.
    """
    step_back()
    return first_view(*open_for_task(options)), {}
