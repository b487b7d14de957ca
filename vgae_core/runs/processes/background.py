"""Lets the pages of this machine come before its training; loaded by each local worker as it starts."""

from __future__ import annotations

import os
from typing import Any

NICENESS = 10
"""How far a training process steps back behind a page that is asked for meanwhile, as `nice` counts."""


def step_back() -> None:
    """Lower the priority of this process, where the system knows priorities."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)


def dask_setup(worker: Any) -> None:
    """Lower the priority of a worker; Dask calls this as it preloads the module."""
    step_back()
