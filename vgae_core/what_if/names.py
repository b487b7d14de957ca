"""Things found by their names, exactly, with near misses for those that are not."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from vgae_core.errors import DataError

CLOSE_NAMES = 100_000
"""Names up to which near misses are looked for."""


class Names:
    """Finds things by name, exactly.

    Parameters
    ----------
    names : sequence
        In order.
    what : str
        What they are names of: ``"node"``, ``"feature"``, ``"row"`` or ``"column"``.
    """

    def __init__(self, names: Sequence[Any], what: str) -> None:
        self._names, self._what = names, what
        self._places: dict[str, int] = {}
        for place, name in enumerate(names):
            self._places.setdefault(str(name), place)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._names)

    def __contains__(self, name: str) -> bool:
        """Return whether something is called so."""
        return name in self._places

    def __getitem__(self, place: int) -> str:
        """Return the name at a place."""
        return str(self._names[place])

    def find(self, name: str, added: Mapping[str, int] | None = None) -> int:
        """Return the place of a name, among those that were added too.

        Raises
        ------
        DataError
            If nothing is called so; it names the nearest.
        """
        place = (added or {}).get(name, self._places.get(name))
        if place is not None:
            return place
        known = list(self._places) if len(self._places) <= CLOSE_NAMES else []
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
        mend = (
            f"Did you mean {', '.join(f'{other!r:.60}' for other in near)}?"
            if near
            else "Check its spelling."
        )
        raise DataError(f"No {self._what} is called {name!r:.60}.", mend=mend)
