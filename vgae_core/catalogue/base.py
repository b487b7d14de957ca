"""What every choice of a catalogue has."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One choice of a catalogue: what a form shows and what the code resolves."""

    title: str
    help: str
    reference: str = ""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `` Did you mean …? Known: …`` for an unknown name."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(repr(c) for c in close)}?" if close else ""
    return f"{hint} Known: {', '.join(known)}."
