"""The bounded child of :mod:`vgae_core.isolation`, forked instead of started: hundreds a minute."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import types
from pathlib import Path

from vgae_core.isolation import child

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [__name__, "tests.data.readers.fuzz_binary", "pytest", "vgae_core.data.readers", "sklearn.datasets", "h5py",
     "pyarrow.parquet", "pyarrow.csv", "scipy.io", "networkx"]
)  # fmt: skip


def start(target, *args):
    """Return a started child that runs `target`."""
    process = CONTEXT.Process(target=target, args=args)
    # A child runs the parent's main module again; tests of pages leave their script in its place.
    main, sys.modules["__main__"] = sys.modules["__main__"], types.ModuleType("__main__")
    try:
        process.start()
    finally:
        sys.modules["__main__"] = main
    return process


def _run(folder):
    tempfile.tempdir = str(folder)  # as isolation.start does by TMPDIR
    os._exit(child.main(folder))


class ForkedChild:
    """Stands for `subprocess.Popen` in `isolation`: same code and bounds, its imports done."""

    def __init__(self, command, **_):
        self.process = start(_run, Path(command[-1]))

    @property
    def returncode(self):
        return self.process.exitcode

    def poll(self):
        return self.process.exitcode

    def wait(self, timeout=None):
        self.process.join(timeout)
        if self.process.exitcode is None:
            raise subprocess.TimeoutExpired("child", timeout)

    def kill(self):
        self.process.kill()
