"""The highest values of measurements that are taken over and over while something runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping


class Peaks:
    """Take a measurement again and again while the block runs, and keep the highest value of each of its parts.

    Parameters
    ----------
    measure : callable
        Returns values by name.
    seconds : float
        How long to wait between two of them.

    Attributes
    ----------
    highest : dict of str to float
    """

    def __init__(self, measure: Callable[[], Mapping[str, float]], seconds: float) -> None:
        self.highest: dict[str, float] = {}
        self._measure, self._seconds = measure, seconds

    def __enter__(self) -> Peaks:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._over.wait(self._seconds):
            for name, value in self._measure().items():
                self.highest[name] = max(self.highest.get(name, 0.0), value)

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
