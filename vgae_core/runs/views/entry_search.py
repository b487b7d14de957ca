"""The search over all entries of a matrix, as a task of a child process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from vgae_core.runs.processes.background import step_back
from vgae_core.runs.views.node_tables import open_for_task


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
    result, graph = open_for_task(options)
    pairs, logits = result.missing_entries(graph, int(options["k"]), progress=progress)
    return {"pairs": pairs, "logits": logits}, {}
