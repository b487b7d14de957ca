"""What a child may run: a name per task, and the function behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

TASKS: dict[str, str] = {
    "bundle": "vgae_core.runs.exports.bundle_checks:check_task",
    "read": "vgae_core.data.readers:read_task",
    "look": "vgae_core.data.readers:look_task",
    "clusters": "vgae_core.runs.views.groupings:clusters_task",
    "first_view": "vgae_core.runs.views.first_view:first_view_task",
    "probe": "vgae_core.runs.views.groupings:probe_task",
    "project": "vgae_core.analysis.projection:project_task",
    "recommended": "vgae_core.runs.views.entry_search:recommended_task",
    "missing_links": "vgae_core.analysis.rankings:rank_links_task",
}
"""What a child may run: name → ``"module:function"``."""

ProgressCallback = Callable[[float, str], None]
Task = Callable[
    [dict[str, np.ndarray], dict[str, Any], ProgressCallback], tuple[dict[str, np.ndarray], dict[str, Any]]
]
