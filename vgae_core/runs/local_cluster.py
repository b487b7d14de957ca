"""Scheduler, nannies and workers of our own: processes on this machine that only this server can reach."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from typing import Any

import dask.config
import psutil
from distributed.deploy.subprocess import SubprocessCluster

from vgae_core.data.limits import SERVER_LIMITS
from vgae_core.runs import background, environment, watchdog

TRAIN = {"train": 1}
"""The resource that a worker offers which trains, and that a run takes: one run at a time in each."""


def start_local(threads: int, private: str, n_workers: int) -> Any:
    """Start scheduler, nannies and workers as processes of their own, on this machine only.

    Parameters
    ----------
    threads : int
        An operation of a worker is shared out among so many.
    private : str
        A folder that nobody else may enter.
    n_workers : int
    """
    root = str(Path(__file__).resolve().parents[2])
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if root not in paths:  # for the children, which are started from any folder
        os.environ["PYTHONPATH"] = os.pathsep.join([root, *filter(None, paths)])
    os.environ[watchdog.SERVER] = str(os.getpid())
    preload = [watchdog.__name__]
    # A worker that spills or pauses would look hung: it is ended at the limit, or not at all.
    # Dask's own sampling of what a worker does would only cost time here.
    ours = {
        "worker": {
            "memory": {"target": False, "spill": False, "pause": False},
            "profile": {"enabled": False},
        },
        "admin": {"system-monitor": {"gil": {"enabled": False}}},
    }
    defaults = {"distributed": dask.config.get("distributed")}  # a nanny merges one level deep only
    return SubprocessCluster(
        host="127.0.0.1",
        n_workers=n_workers,
        threads_per_worker=2,  # one trains, one describes models meanwhile
        scheduler_kwargs={
            "dashboard": False,
            "dashboard_address": "127.0.0.1:0",
            "allowed_failures": 0,  # a run that kills its worker is not tried again
            "preload": preload,
            "scheduler_file": os.path.join(private, "scheduler.json"),
        },
        worker_kwargs={
            "resources": TRAIN,
            "dashboard": False,
            # Above it the nanny ends the worker, not the kernel the server.
            "memory_limit": SERVER_LIMITS.run_memory_bytes // n_workers,
            "local_directory": private,
            "preload": [background.__name__],
            "preload_nanny": [*preload, environment.__name__],
            "env": {**environment.variables(threads), "TMPDIR": private},
            "config": dask.config.merge(defaults, {"distributed": ours}),
        },
        silence_logs=logging.ERROR,
    )


def end_local(cluster: Any) -> None:
    """End the processes of :func:`start_local` that did not close in order, with those below them."""
    for part in (*cluster.workers.values(), cluster.scheduler):
        process = getattr(part, "process", None)
        if process is None or process.returncode is not None:
            continue
        with contextlib.suppress(psutil.NoSuchProcess):
            family = psutil.Process(process.pid)
            for member in (*family.children(recursive=True), family):
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.kill()
