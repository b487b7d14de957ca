"""What was worked out of runs, kept once for all visitors who may see them, within a bound of bytes.

Every key begins with the run's unguessable id: whoever holds that may see the run. That of a graph is the fingerprint
of its content, which only its runs name. Values are not copied, so nobody changes them. Visitors who ask for the same
thing at once wait for the one who works it out.
"""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

import numpy as np
import pandas as pd
from scipy import sparse

from vgae_core.host.limits import SERVER_LIMITS

P = ParamSpec("P")
T = TypeVar("T")

_TEXT_BYTES = 80
"""Of a short str object with its reference."""


class Kept:
    """The values used last, as many as fit into `limit` bytes; the newest stays whatever its size.

    Parameters
    ----------
    limit : int
        Bytes, by :func:`size_of`.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._values: OrderedDict[Any, tuple[Any, int]] = OrderedDict()
        self._makers: dict[Any, threading.Lock] = {}
        self.bytes = 0

    def get(self, key: Any, make: Callable[[], T]) -> T:
        """Return the value of `key`; one thread makes it where there is none, and the others wait."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key][0]
            maker = self._makers.setdefault(key, threading.Lock())
        with maker:
            with self._lock:
                if key in self._values:  # made while this thread waited
                    return self._values[key][0]
            try:
                value = make()
                self._keep(key, value)
            finally:
                with self._lock:
                    self._makers.pop(key, None)
        return value

    def _keep(self, key: Any, value: Any) -> None:
        size = size_of(value)
        with self._lock:
            _, replaced = self._values.pop(key, (None, 0))
            self._values[key] = (value, size)
            self.bytes += size - replaced
            while self.bytes > self._limit and len(self._values) > 1:
                _, (_, freed) = self._values.popitem(last=False)
                self.bytes -= freed

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
            self.bytes = 0


KEPT = Kept(SERVER_LIMITS.shared_bytes)


def shared(function: Callable[P, T]) -> Callable[P, T]:
    """Keep what `function` returns for its arguments, of which the first is the id of a run."""

    @functools.wraps(function)
    def kept(*args: P.args, **kwargs: P.kwargs) -> T:
        key = (*args, *sorted(kwargs.items()), function.__qualname__)
        return KEPT.get(key, lambda: function(*args, **kwargs))

    return kept


def size_of(value: Any) -> int:
    """Return about how many bytes a value takes."""
    if isinstance(value, str):
        return _TEXT_BYTES + len(value)
    if isinstance(value, np.ndarray):
        return value.nbytes + (_TEXT_BYTES * value.size if value.dtype == object else 0)
    if isinstance(value, pd.DataFrame):
        texts = sum(
            pd.api.types.is_object_dtype(kind) for kind in value.dtypes
        )  # others are Arrow's, whose bytes are counted
        return int(value.memory_usage().sum()) + _TEXT_BYTES * texts * len(value)
    if sparse.issparse(value):
        return size_of([value.data, value.indices, value.indptr])
    if isinstance(value, Mapping):
        return sum(map(size_of, value.values()))
    if isinstance(value, list | tuple):
        few = value[:100]  # the first of many stand for all
        return int(sum(map(size_of, few)) / max(len(few), 1) * len(value))
    if dataclasses.is_dataclass(value):
        return sum(size_of(getattr(value, field.name)) for field in dataclasses.fields(value))
    return int(getattr(value, "nbytes", _TEXT_BYTES))
