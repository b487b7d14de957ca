"""Lets the pages of this machine come before its training; loaded by each local worker as it starts."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

NICENESS = 10
"""How far a training process steps back behind a page that is asked for meanwhile, as `nice` counts."""


_SESSION = Path("/proc/self/autogroup")


def step_back() -> None:
    """Lower the priority of this process, where the system knows priorities.

    On Linux `nice` may count within a session only, and sessions share the processors evenly: one that this process
    leads steps back as a whole.

    References
    ----------
    sched(7), section The autogroup feature.
    """
    if not hasattr(os, "nice"):
        return
    os.nice(NICENESS)
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):  # there are no such groups
            _SESSION.write_text(str(NICENESS), "ascii")


def dask_setup(worker: Any) -> None:
    """Lower the priority of a worker; Dask calls this as it preloads the module."""
    step_back()
