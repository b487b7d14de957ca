"""The events of a run as lines of JSON: written one by one, read on from where one stopped."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from threading import Lock
from typing import Any

from vgae_core.errors import RunError
from vgae_core.runs.disk.files import finite
from vgae_core.training.events import Event, Finished, from_dict, to_dict


def event_line(event: Event) -> str:
    """Return the event as one line of JSON."""
    return json.dumps(finite(to_dict(event)), ensure_ascii=False, allow_nan=False)


RETIRED = ("Trial",)
"""Events that only earlier versions wrote: which recipe they tried."""


def parse_event(line: str) -> Event:
    """Return the event in a line of :func:`event_line`; numbers that were not finite come back as NaN.

    Raises
    ------
    ValueError
        If the line holds no event.
    """
    return _event(json.loads(line), line)


def parse_kept(line: str) -> Event | None:
    """Return :func:`parse_event` of a line of a kept log; None of an event that only earlier versions wrote."""
    values = json.loads(line)
    if isinstance(values, dict) and values.get("event") in RETIRED:
        return None
    return _event(values, line)


def _event(values: Any, line: str) -> Event:
    if not isinstance(values, dict):
        raise ValueError(f"Expected an object. Received: {line[:80]!r}.")
    for key in ("logs", "val"):
        if isinstance(values.get(key), dict):
            values[key] = {k: math.nan if v is None else v for k, v in values[key].items()}
    try:
        return from_dict(values)
    except TypeError as error:
        raise ValueError(str(error)) from error


class EventLog:
    """The events of one run; reading again costs only what was added since."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._offset = 0
        self._events: list[Event] = []

    def append(self, event: Event) -> None:
        """Add one event, whole or not at all; the end of a run is forced to disk.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        line = memoryview((event_line(event) + "\n").encode("utf-8"))
        with self._lock, self._path.open("ab", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            try:
                while line:  # a disk that gets full takes a part first
                    line = line[file.write(line) :]
                if isinstance(event, Finished):
                    os.fsync(file.fileno())
            except OSError:
                file.truncate(size)
                raise

    def read(self) -> tuple[Event, ...]:
        """Return every event so far; a last line cut off by a crash is left out.

        Raises
        ------
        RunError
            If another line is broken.
        """
        with self._lock:
            try:
                with self._path.open("rb") as file:
                    file.seek(self._offset)
                    for line in file:
                        if not line.endswith(b"\n"):
                            break  # cut off by a crash, or still being written
                        if (event := self._parsed(line)) is not None:
                            self._events.append(event)
                        self._offset += len(line)
            except FileNotFoundError:
                return ()
            return tuple(self._events)

    def _parsed(self, line: bytes) -> Event | None:
        try:
            return parse_kept(line.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            number = len(self._events) + 1
            raise RunError(f"Not an event: {error}.", where=f"{self._path.name}, line {number}") from error
