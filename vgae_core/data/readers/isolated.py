"""Reading and looking in a child process, for files of unknown origin."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vgae_core import isolation
from vgae_core.data.arrays import graph_from_arrays, graph_to_arrays
from vgae_core.data.dataset import RawGraph
from vgae_core.data.findings import FileReport
from vgae_core.data.readers.source import SourceFile
from vgae_core.errors import DataError
from vgae_core.host.limits import LIMITS, Limits
from vgae_core.isolation import ProgressCallback
from vgae_core.settings import FileSpec


def read_isolated(
    files: Sequence[SourceFile],
    how: Sequence[FileSpec] = (),
    *,
    name: str | None = None,
    limits: Limits = LIMITS,
    progress: ProgressCallback | None = None,
) -> RawGraph:
    """Return the same as :func:`read`, from a child process with bounded memory and time.

    For files of unknown origin: whatever they do to the reader, this process lives on.

    Raises
    ------
    DataError, LimitError
        As :func:`read`; LimitError also if the child needs too much memory or time.
    """
    request = {**_request(files, how, limits), "name": name}
    arrays, _ = isolation.call("read", options=request, limits=_bounds(limits), progress=progress)
    arrays |= {name: arrays[name].astype(np.int64) for name in ("rows", "cols") if name in arrays}
    graph = graph_from_arrays(arrays, where=", ".join(f.name for f in files), limits=limits)
    if not isinstance(graph, RawGraph):
        raise DataError("The reader returned a graph of the wrong kind.", mend="Try again.")
    return graph


def look_isolated(
    files: Sequence[SourceFile],
    how: Sequence[FileSpec] = (),
    *,
    limits: Limits = LIMITS,
    progress: ProgressCallback | None = None,
) -> tuple[FileReport, ...]:
    """Return the same as :func:`look`, from a child process with bounded memory and time."""
    _, told = isolation.call(
        "look", options=_request(files, how, limits), limits=_bounds(limits), progress=progress
    )
    return tuple(FileReport.from_dict(report) for report in told["files"])


def _request(files: Sequence[SourceFile], how: Sequence[FileSpec], limits: Limits) -> dict[str, Any]:
    return {
        "files": [{"name": f.name, "path": os.fspath(Path(f.path).resolve())} for f in files],
        "how": [h.to_dict() for h in how],
        "limits": dataclasses.asdict(limits),
    }


def _requested(options: dict[str, Any]) -> tuple[list[SourceFile], list[FileSpec], Limits]:
    files = [SourceFile(f["name"], Path(f["path"])) for f in options["files"]]
    return files, [FileSpec.from_dict(h) for h in options["how"]], Limits(**options["limits"])


def _bounds(limits: Limits) -> isolation.ChildLimits:
    return isolation.ChildLimits(memory_bytes=limits.child_memory_bytes, seconds=limits.child_seconds)


def read_task(
    arrays: dict[str, np.ndarray], options: dict[str, Any], progress: ProgressCallback
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Run :func:`read` in the child: files in `options`, the graph's arrays out."""
    from vgae_core.data.readers.reading import read  # formats and pandas, which only the child needs

    files, how, limits = _requested(options)
    arrays = graph_to_arrays(read(files, how, name=options["name"], limits=limits, progress=progress))
    if (
        len(arrays["rows"]) and max(arrays["rows"].max(), arrays["cols"].max()) < 2**31
    ):  # half as much to hand over
        arrays |= {name: arrays[name].astype(np.int32) for name in ("rows", "cols")}
    return arrays, {}


def look_task(
    arrays: dict[str, np.ndarray], options: dict[str, Any], progress: ProgressCallback
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Run :func:`look` in the child: files in `options`, what they were taken for out."""
    from vgae_core.data.readers.reading import look

    files, how, limits = _requested(options)
    return {}, {"files": [report.to_dict() for report in look(files, how, limits=limits)]}
