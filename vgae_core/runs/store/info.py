"""One line of the list of runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from vgae_core.catalogue.families import FAMILIES
from vgae_core.catalogue.identifiers import label
from vgae_core.data.text import shortened, visible
from vgae_core.settings import OutputSpec, RunSpec
from vgae_core.training.events import Finished

Status = Literal["queued", "running", "finished", "cancelled", "failed", "lost"]
ACTIVE: tuple[Status, ...] = ("queued", "running")
LOST = "The server stopped before the run finished. Resume it, or train it again."


def status_of(finished: Finished) -> Status:
    """Return the status of a run that ended."""
    return {"cancelled": "cancelled", "failed": "failed"}.get(finished.reason, "finished")  # type: ignore[return-value]


def _in_short(spec: RunSpec) -> list[str]:
    """Return the encoder, losses other than the usual one and outputs that can be switched off."""
    family = FAMILIES[spec.model.family]
    main = family.always[0]
    usual = OutputSpec(name=main).loss if main == "adj_rec" else ""
    loss = label(spec.output(main).loss)
    parts = [spec.model.encoder] if spec.model.encoder != "dense" else []
    parts += [loss.replace("_", " ")] if loss != usual else []
    parts += [f"+ {output.name}" for output in spec.active_outputs if output.name not in family.always]
    return parts


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
    number: int = 0
    """Of its owner's runs, counted from 1."""
    name: str = ""
    """What its owner calls it; empty where it goes by :attr:`title`."""
    tags: tuple[str, ...] = ()
    note: str = ""
    starred: bool = False
    problem: str = ""
    """Why this version cannot read the run's entry; its `spec` is then no more than the default."""

    @property
    def title(self) -> str:
        """What the run is called: by its owner, else by its data and what is not as it comes, with its number."""
        if self.name:
            return self.name
        parts = [shortened(visible(self.dataset), 40)]
        if not self.problem:
            parts += _in_short(self.spec)
        return f"{', '.join(parts)}, #{self.number}"

    @property
    def active(self) -> bool:
        """Whether the run waits or works."""
        return self.status in ACTIVE
