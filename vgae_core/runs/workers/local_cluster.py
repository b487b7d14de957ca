"""Scheduler, nannies and workers of our own: processes on this machine that only this server can reach."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import Any

import dask.config
import psutil
from distributed.deploy.spec import SpecCluster
from distributed.deploy.subprocess import SubprocessScheduler, SubprocessWorker

from vgae_core.host.limits import SERVER_LIMITS
from vgae_core.runs.processes import background, environment, watchdog

TRAIN = {"train": 1}
"""The resource that a worker offers which trains, and that a run takes: one run at a time in each."""

LOOPBACK = "127.0.0.1"

SCHEDULER_LOG = "DASK_LOGGING__DISTRIBUTED"
"""The environment variable with which Dask chooses what its own processes log."""


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
    root = str(Path(__file__).resolve().parents[3])
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if root not in paths:  # for the children, which are started from any folder
        os.environ["PYTHONPATH"] = os.pathsep.join([root, *filter(None, paths)])
    os.environ[watchdog.SERVER] = str(os.getpid())
    os.environ.setdefault(SCHEDULER_LOG, "error")  # it would note each time we ask who is there
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
    scheduler = {
        "host": LOOPBACK,
        "port": 0,
        "dashboard": False,
        "dashboard_address": f"{LOOPBACK}:0",
        "allowed_failures": 0,  # a run that kills its worker is not tried again
        "preload": preload,
        "scheduler_file": os.path.join(private, "scheduler.json"),
    }
    worker = {
        "host": LOOPBACK,
        "nthreads": 2,  # one trains, one describes models meanwhile
        "silence_logs": logging.ERROR,
        "resources": TRAIN,
        "dashboard": False,
        # Above it the nanny ends the worker, not the kernel the server.
        "memory_limit": SERVER_LIMITS.run_memory_bytes // n_workers,
        "local_directory": private,
        "preload": [background.__name__],
        "preload_nanny": [*preload, environment.__name__],
        "env": {**environment.variables(threads), "TMPDIR": private},
        "config": dask.config.merge(defaults, {"distributed": ours}),
    }
    one = {"cls": SubprocessWorker, "options": {"worker_class": "distributed.Nanny", "worker_kwargs": worker}}
    return SpecCluster(
        scheduler={"cls": _Scheduler, "options": {"scheduler_kwargs": scheduler}},
        workers=dict.fromkeys(range(n_workers), one),
        worker=one,
        silence_logs=logging.ERROR,
    )


class _Scheduler(SubprocessScheduler):
    """A scheduler whose log is read: it would stand still as soon as the pipe is full, and every run with it."""

    _log: asyncio.Task[None] | None = None

    async def _start(self) -> None:
        await super()._start()
        if self.process is not None and self.process.stderr is not None:
            self._log = asyncio.create_task(_pass_on(self.process.stderr))

    async def close(self) -> None:
        if self._log is not None:
            self._log.cancel()
            await asyncio.wait([self._log])
        await super().close()


async def _pass_on(log: asyncio.StreamReader) -> None:
    while text := await log.read(2**16):
        sys.stderr.write(text.decode(errors="replace"))


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
