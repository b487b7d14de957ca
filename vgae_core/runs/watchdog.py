"""Ends a helper process as soon as the server that started it is gone, however it went.

Loaded by the scheduler and the nanny of the local cluster.  Nothing else ends them when
the server is killed outright; the worker follows its nanny by itself.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

INTERVAL = 0.5
"""Seconds between two looks."""


def dask_setup(server: Any) -> None:
    """Begin to watch; called by Dask once the scheduler or nanny stands."""
    parent = os.getppid()
    threading.Thread(target=_watch, args=(parent,), name="parent watch", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(INTERVAL)
    os._exit(1)
