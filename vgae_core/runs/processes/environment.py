"""The environment of every process that trains, set before TensorFlow is imported.

The dashboard's worker and the command line both take it from here, so that the same
seed gives the same numbers in both: the number of threads decides in which order sums
are taken.  It goes by the run, since the operations of a small graph are done sooner by one
thread than shared out among several.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import logging
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from vgae_core.host.importing import set_aside

if TYPE_CHECKING:
    from vgae_core.data.dataset import Profile
    from vgae_core.settings import RunSpec

SMALL_STEP_WORK = 1.104e8
"""Multiply-adds of a training step below which each of its operations gets one thread.

Measured on two processors: on graphs of ten thousand edges one is a fifth faster than two, at a hundred thousand they
are even, since the next batch is drawn beside the step.
"""

_INTRA_OP = "TF_NUM_INTRAOP_THREADS"

_TUNABLES, _HUGE_PAGES = "GLIBC_TUNABLES", "glibc.malloc.hugetlb"

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""From glibc's malloc.h."""

_LARGE, _FREE_TOP = 8 * 2**20, 16 * 2**20
"""Bytes from which an array has pages of its own, and bytes that may stay free at the top of the heap."""


_ahead = threading.Event()
"""Set where TensorFlow is imported before the run is known: it reads the threads of an operation with its first one."""

_OF_START = re.compile(rb"WARNING: All log messages before absl::|I\d{4} \d{2}:")
"""Lines of TensorFlow's start: a warning that logging has not begun, and what is for information."""


def operation_threads(spec: RunSpec, profile: Profile) -> int:
    """Return how many threads an operation of a run is shared out among: one if its steps are small, else all.

    What the environment says goes first.
    """
    if (asked := threads_asked(_INTRA_OP)) is not None:
        return asked
    # Not before: NumPy reads the environment when it is imported.
    from vgae_core.nn.budget import estimate

    return 1 if estimate(spec, profile)["work"] < SMALL_STEP_WORK else processors()


def threads_asked(name: str) -> int | None:
    """Return how many threads a variable of the environment asks for, None where it is not set.

    As TensorFlow reads ``TF_NUM_INTRAOP_THREADS`` and ``TF_NUM_INTEROP_THREADS``: what is no number above 0 asks
    for all processors.
    """
    threads = os.environ.get(name)
    if threads is None:
        return None
    return (int(threads) if threads.isdecimal() else 0) or processors()


def variables(threads: int | None = None) -> dict[str, str]:
    """Return the environment variables of a training process; those already set keep their value.

    Parameters
    ----------
    threads : int, optional
        From :func:`operation_threads`; left open without, for a process that does not know its run yet.
    """
    settings = {
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "TF_NUM_INTEROP_THREADS": str(processors()),
        # TensorFlow brings its own threads; more of them from BLAS would only be in their way.
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    if threads is not None:
        settings[_INTRA_OP] = str(threads)
    return {name: os.environ.get(name, value) for name, value in settings.items()}


def apply(threads: int | None = None) -> None:
    """Set :func:`variables` in this process.

    Raises
    ------
    RuntimeError
        If TensorFlow is loaded already, with other settings: it reads them once.
    """
    missing = {name: value for name, value in variables(threads).items() if name not in os.environ}
    if missing.keys() - ({_INTRA_OP} if _ahead.is_set() else set()) and "tensorflow" in sys.modules:
        raise RuntimeError(f"TensorFlow was imported before {', '.join(missing)} could be set.")
    os.environ.update(missing)
    _tidy_heap()
    # Each run traces functions of its own, which TensorFlow takes for a mistake.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def take_threads(threads: int) -> None:
    """Set how many threads an operation is shared out among, unless TensorFlow was loaded by somebody else."""
    if "tensorflow" not in sys.modules or _ahead.is_set():
        apply(threads)


def load_tensorflow() -> None:
    """Import TensorFlow without the lines about itself that it prints whatever ``TF_CPP_MIN_LOG_LEVEL`` says.

    All else that is written to standard error meanwhile is passed on.
    """
    if "tensorflow" in sys.modules:
        return
    sys.stderr.flush()
    error = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            with set_aside():
                importlib.import_module("tensorflow")
        finally:
            os.dup2(error, 2)
            os.close(error)
            file.seek(0)
            os.write(2, b"".join(line for line in file if not _OF_START.match(line)))


@contextlib.contextmanager
def loading_tensorflow() -> Iterator[None]:
    """Import TensorFlow beside a block that waits for another process, and be done with both: 0.5 s sooner."""
    if "tensorflow" not in sys.modules:
        apply()
        _ahead.set()
    thread = threading.Thread(target=load_tensorflow)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def at_start() -> dict[str, str]:
    """Return the environment variables that a process must be started with; empty where there are none to add.

    The C library reads them before the first line of Python. Arrays then lie on pages of 2 MiB where the kernel offers
    them on request, as most Linux systems do: rows read in no order miss fewer addresses, and memory that comes and
    goes with every step is handed out in fewer pieces. A million nodes learn in two thirds of the time.

    References
    ----------
    The GNU C Library Reference Manual, section Memory Allocation Tunables (glibc 2.35 or newer; older ones pass over
    the setting).
    """
    tunables = os.environ.get(_TUNABLES, "")
    if sys.platform != "linux" or _HUGE_PAGES in tunables:
        return {}
    return {_TUNABLES: ":".join(filter(None, [tunables, f"{_HUGE_PAGES}=1"]))}


def restart() -> None:
    """Start this program again, in the same process, unless it was started with what :func:`at_start` returns."""
    missing = at_start()
    if missing and sys.executable:
        os.execve(  # noqa: S606
            sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **missing}
        )


def dask_setup(nanny: Any) -> None:
    """Have a nanny start its workers with what :func:`at_start` returns; Dask calls this as it preloads the module."""
    nanny.pre_spawn_env.update(at_start())


def _tidy_heap() -> None:
    """Let the threads of this process share one heap and give large arrays back, where the C library is glibc.

    By default each thread may keep a heap of its own, and what a training step frees in one is of no use to the
    others: a sixth of the peak memory of a large graph.  And arrays of up to 32 MiB come from the heap, where what is
    freed between two of them is lost to larger ones: another sixth.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_TRIM_THRESHOLD, _FREE_TOP)


def processors() -> int:
    """Return the processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
