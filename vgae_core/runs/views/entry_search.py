"""The search over all entries of a matrix, as a task of a child process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vgae_core.data.arrays import load_graph
from vgae_core.data.dataset import GraphData
from vgae_core.errors import DataError
from vgae_core.runs.processes.background import step_back
from vgae_core.runs.results.codes import completed
from vgae_core.runs.store.folder import RunFolder


def recommended_task(
    arrays: dict[str, np.ndarray], options: dict[str, Any], progress: Callable[[float, str], None]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return :meth:`vgae_core.runs.results.result.RunResult.missing_entries` as a task of a child process.

    Parameters
    ----------
    arrays : dict
        Empty.
    options : dict
        Paths of a ``run`` and of its ``graph``, and how many entries, ``k``.
    progress : callable

    Returns
    -------
    arrays : dict
        ``pairs`` int64 (k, 2) and ``logits`` float32 (k,).
    values : dict
        Empty.
    """
    step_back()
    graph = load_graph(Path(options["graph"]))
    if not isinstance(graph, GraphData):
        raise DataError("Expected a graph after repairs.", where=options["graph"])
    result = completed(RunFolder(Path(options["run"])).result(), graph)
    pairs, logits = result.missing_entries(graph, int(options["k"]), progress=progress)
    return {"pairs": pairs, "logits": logits}, {}
