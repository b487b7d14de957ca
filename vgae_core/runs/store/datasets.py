"""Data sets on disk, by their content: those of runs, and uploads as they were read."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from vgae_core.data.arrays import graph_to_arrays, load_graph, save_graph
from vgae_core.data.dataset import GraphData, RawGraph
from vgae_core.errors import RunError
from vgae_core.runs.disk.files import atomic
from vgae_core.runs.disk.room import writing

RAW_DAYS = 30
"""Days after which an upload that nobody used, and no visitor of that time works on, is dropped."""

RAW_BYTES = 4_000_000_000
"""Bytes of all uploads kept; beyond them the least recently used ones go."""

_FINGERPRINT = re.compile(r"(raw-)?[0-9a-f]{64}")
T = TypeVar("T")


class Cache(Generic[T]):
    """The few values used last; they are shared, and by convention nobody changes them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._loading: dict[str, threading.Lock] = {}  # who wants what another loads waits, others do not
        self._values: OrderedDict[str, T] = OrderedDict()

    def get(self, key: str, load: Callable[[], T]) -> T:
        """Return the value of `key`, loaded when it is not at hand."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            loading = self._loading.setdefault(key, threading.Lock())
        with loading:
            with self._lock:
                if key in self._values:
                    return self._values[key]
            try:
                value = load()
                with self._lock:
                    self._values[key] = value
                    while len(self._values) > self._size:
                        self._values.popitem(last=False)
            finally:
                with self._lock:
                    self._loading.pop(key, None)
        return value

    def drop(self, key: str) -> None:
        """Forget one value."""
        with self._lock:
            self._values.pop(key, None)


class DataSets:
    """Data sets in one folder.

    Parameters
    ----------
    folder : Path
    is_wanted : callable
        Given the key of an upload and a time, whether a visitor who was here since works on it.
    """

    def __init__(self, folder: Path, is_wanted: Callable[[str, float], bool]) -> None:
        self._folder = folder
        self._wanted = is_wanted
        self._graphs: Cache[GraphData] = Cache(3)
        self._raws: Cache[RawGraph] = Cache(3)

    def save(self, graph: GraphData) -> str:
        """Keep a graph by its content and return its fingerprint."""
        self._keep(graph.fingerprint, graph)
        return graph.fingerprint

    def adopt(self, fingerprint: str, source: Path) -> None:
        """Keep a copy of a stored graph, already checked, whose content has this fingerprint.

        Raises
        ------
        RunError
            If that is no fingerprint, or the copy cannot be written.
        """
        if not _FINGERPRINT.fullmatch(fingerprint):
            raise RunError("Not the fingerprint of a data set.", where="dataset.json")
        target = self._folder / f"{fingerprint}.npz"
        if not target.exists():
            with writing(), atomic(target) as temporary:
                shutil.copyfile(source, temporary)

    def load(self, fingerprint: str) -> GraphData:
        """Return the graph with this fingerprint; raise RunError if it is not kept here."""
        graph = self._graphs.get(fingerprint, lambda: self._read(fingerprint))
        if not isinstance(graph, GraphData):
            raise RunError("Expected a graph after repairs.", where=fingerprint)
        return graph

    def save_raw(self, raw: RawGraph) -> str:
        """Keep a graph as it was read and return the key that finds it."""
        digest = hashlib.sha256()
        for key, array in sorted(graph_to_arrays(raw).items()):
            digest.update(f"{key}|{array.dtype.str}|{array.shape}|".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        key = f"raw-{digest.hexdigest()}"
        self._keep(key, raw)
        self._touch(key)
        self._tidy(spare=key)
        return key

    def load_raw(self, key: str) -> RawGraph:
        """Return the graph kept by :meth:`save_raw`; raise RunError if it is not kept here."""
        raw = self._raws.get(key, lambda: self._read(key))
        if not isinstance(raw, RawGraph):
            raise RunError("Expected a graph as it was read.", where=key)
        self._touch(key)
        return raw

    def _touch(self, key: str) -> None:
        """Note that a data set was used now."""
        with contextlib.suppress(FileNotFoundError):  # dropped while it was still in memory
            os.utime(self._folder / f"{key}.npz")

    def _tidy(self, *, spare: str) -> None:
        """Drop uploads that nobody needs any more, and the least recently used ones beyond :data:`RAW_BYTES`.

        Runs keep data sets of their own; a visitor whose upload was dropped is asked to hand it in again.
        """
        since = time.time() - 86_400 * RAW_DAYS
        found = []
        for path in (self._folder).glob("raw-*.npz"):
            with contextlib.suppress(FileNotFoundError):  # another process tidies too
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in found)
        for used, size, path in sorted(found):
            if path.stem == spare:
                continue
            if total > RAW_BYTES or (used < since and not self._wanted(path.stem, since)):
                path.unlink(missing_ok=True)
                self._raws.drop(path.stem)
                total -= size

    def _keep(self, key: str, graph: GraphData | RawGraph) -> None:
        path = self._folder / f"{key}.npz"
        if not path.exists():
            with writing(), atomic(path) as temporary:
                save_graph(temporary, graph)

    def _read(self, key: str) -> Any:
        if not isinstance(key, str) or not _FINGERPRINT.fullmatch(key):
            raise RunError(f"Not the fingerprint of a data set: {key!r}.")
        path = self._folder / f"{key}.npz"
        if not path.exists():
            raise RunError("This data set is no longer stored here.", mend="Load it again on the Data page.")
        return load_graph(path)

    def drop(self, fingerprint: str) -> None:
        """Remove a graph that nothing needs any more."""
        self._graphs.drop(fingerprint)
        (self._folder / f"{fingerprint}.npz").unlink(missing_ok=True)
