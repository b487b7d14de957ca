"""Where the runs of a command train."""

from __future__ import annotations

import argparse
import os

from vgae_core.runs.workers.where import LOCAL_WORKERS, WORKERS, Where


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say where runs train."""
    parser.add_argument(
        "--workers",
        metavar="ADDRESS",
        help=f"a Dask scheduler, tcp://host:8786 or tls://host:8786, whose workers train (default ${WORKERS})",
    )
    parser.add_argument(
        "--local-workers",
        type=int,
        metavar="N",
        help=f"workers on this machine (default ${LOCAL_WORKERS}, or 1)",
    )


def chosen(options: argparse.Namespace) -> Where:
    """Return where runs train, as the arguments say or else the environment; the environment says it from now on.

    Raises
    ------
    SpecError
        If it is no place.
    """
    if options.workers is not None:
        os.environ[WORKERS] = options.workers
    if options.local_workers is not None:
        os.environ[LOCAL_WORKERS] = str(options.local_workers)
    return Where.from_environment()
