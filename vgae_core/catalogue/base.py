"""What every choice of a catalogue has."""

from __future__ import annotations

import difflib
import functools
import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One choice of a catalogue: what a form shows and what the code resolves."""

    title: str
    help: str
    reference: str = ""


@functools.cache
def load(place: str) -> Any:
    """Return the function or class that an entry names, imported when it is first used.

    So that every process knows every entry, and only one that trains loads TensorFlow.

    Parameters
    ----------
    place : str
        ``"package.module:name"``.
    """
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `` Did you mean …? Known: …`` for an unknown name."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(repr(c) for c in close)}?" if close else ""
    return f"{hint} Known: {', '.join(known)}."
