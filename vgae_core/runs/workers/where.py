"""Where runs train: in workers of our own on this machine, or on a Dask cluster by its address."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vgae_core.errors import SpecError

WORKERS = "VGAE_STUDIO_WORKERS"
"""The environment variable with the address of a Dask scheduler."""

LOCAL_WORKERS = "VGAE_STUDIO_LOCAL_WORKERS"
"""The environment variable with the number of our own workers."""

MOST_LOCAL_WORKERS = 64

_ADDRESS = re.compile(r"(tcp|tls)://(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")
_TLS = ("ca-file", "client.cert", "client.key")
"""Dask's settings below ``distributed.comm.tls`` that a client of a ``tls://`` scheduler needs."""


@dataclass(frozen=True)
class Where:
    """Where runs train.

    Parameters
    ----------
    address : str, optional
        Of a Dask scheduler, ``tcp://host:port`` or ``tls://host:port``; workers of our own without.
    local_workers : int
        How many of our own, each of which trains one run at a time.

    Raises
    ------
    SpecError
        If the address is none, Dask is not told the certificates that ``tls://`` needs, or the number is out of bounds.
    """

    address: str | None = None
    local_workers: int = 1

    def __post_init__(self) -> None:
        if self.address is not None and not _ADDRESS.fullmatch(self.address):
            raise SpecError(
                f"Not the address of a Dask scheduler: {self.address!r:.80}.",
                where=WORKERS,
                mend="Write it as `tcp://host:8786`, or `tls://host:8786` with certificates.",
            )
        if not 1 <= self.local_workers <= MOST_LOCAL_WORKERS:
            raise SpecError(
                f"Workers of this machine must be 1 to {MOST_LOCAL_WORKERS}. Received: {self.local_workers}.",
                where=LOCAL_WORKERS,
            )
        if self.address is not None and self.address.startswith("tls://"):
            _check_certificates()

    @property
    def many(self) -> bool:
        """Whether several runs may train at the same time, and workers may come and go while others train."""
        return self.address is not None or self.local_workers > 1

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Where:
        """Return what :data:`WORKERS` and :data:`LOCAL_WORKERS` say, one worker of our own unless they are set.

        Raises
        ------
        SpecError
            As the class, or if the number is none.
        """
        environment = os.environ if environment is None else environment
        address = environment.get(WORKERS, "").strip() or None
        text = environment.get(LOCAL_WORKERS, "").strip() or "1"
        if not text.isdecimal():
            raise SpecError(f"`{LOCAL_WORKERS}` must be a whole number. Received: {text!r:.40}.")
        return cls(address, int(text))


def _check_certificates() -> None:
    """Raise SpecError unless Dask knows certificates that can be read."""
    import dask.config  # not for those who need none: the help of a command

    for name in _TLS:
        path = dask.config.get(f"distributed.comm.tls.{name}", None)
        variable = f"DASK_DISTRIBUTED__COMM__TLS__{name.replace('-', '_').replace('.', '__').upper()}"
        if not path:
            raise SpecError(
                "Workers by `tls://` need certificates.", where=WORKERS, mend=f"Set {variable} to a PEM file."
            )
        if not Path(path).is_file():
            raise SpecError(f"There is no file {path!r:.200}.", where=variable)
