"""One line of the list of runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from vgae_core.settings import RunSpec
from vgae_core.training.events import Finished

Status = Literal["queued", "running", "finished", "cancelled", "failed", "lost"]
ACTIVE: tuple[Status, ...] = ("queued", "running")
LOST = "The server stopped before the run ended. Run it again."


def status_of(finished: Finished) -> Status:
    """Return the status of a run that ended."""
    return {"cancelled": "cancelled", "failed": "failed"}.get(finished.reason, "finished")  # type: ignore[return-value]


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """One line of the list of runs."""

    id: str
    status: Status
    created: float
    """Seconds since the Unix epoch, UTC."""
    dataset: str
    """Name of the data set."""
    fingerprint: str
    spec: RunSpec
    message: str = ""
    seconds: float | None = None
    best_epoch: int | None = None
    metrics: Mapping[str, Any] | None = None
    """As in metrics.json, once the run has a result."""
    problem: str = ""
    """Why this version cannot read the run's entry; its `spec` is then no more than the default."""

    @property
    def active(self) -> bool:
        """Whether the run waits or works."""
        return self.status in ACTIVE
