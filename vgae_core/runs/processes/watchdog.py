"""Ends a helper process as soon as the server that started it is gone, however it went.

Loaded by the scheduler and the nanny of the local cluster while they start.  Nothing else
ends them when the server is killed outright; the worker follows its nanny by itself.
"""

from __future__ import annotations

import os
import threading
import time

SERVER = "VGAE_STUDIO_SERVER_PID"
"""The environment variable that names the server's process to its children."""

INTERVAL = 0.5
"""Seconds between two looks."""


def _watch(server: int) -> None:
    # The parent's number changes when it dies; the server's own number could be given to
    # another process, and a server that died before this line is noticed all the same.
    while os.getppid() == server:
        time.sleep(INTERVAL)
    os._exit(1)


if SERVER in os.environ:
    _thread = threading.Thread(
        target=_watch, args=(int(os.environ[SERVER]),), name="server watch", daemon=True
    )
    _thread.start()
