"""Which processes use a store: each has a name, and a lock on it that ends with the process, however it ends."""

from __future__ import annotations

import secrets
from pathlib import Path

from vgae_core.host.scratch import claim, is_claimed


class Owners:
    """The processes that use a store, this one among them.

    Parameters
    ----------
    folder : Path
        Where each keeps a file that it has locked.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.me = secrets.token_hex(8)
        self._claim = claim(self._path(self.me))

    def is_alive(self, owner: str) -> bool:
        """Return whether the process of this name still uses the store."""
        if owner == self.me:
            return True
        if is_claimed(self._path(owner)):
            return True
        self._path(owner).unlink(missing_ok=True)
        return False

    def close(self) -> None:
        """Let go of this process's name."""
        self._claim.close()
        self._path(self.me).unlink(missing_ok=True)

    def _path(self, owner: str) -> Path:
        return self._folder / f"{owner}.sqlite"
