"""What a run tells while it works: plain records, JSON both ways (standard library only)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Started:
    """Training is about to begin.

    ``model`` is the description returned by :func:`vgae_core.nn.models.describe`.
    """

    model: Mapping[str, Any]
    epochs: int
    steps_per_epoch: int
    at: float
    """Seconds since the Unix epoch, UTC."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A named stage of the work began, e.g. ``"splitting"``, ``"baselines"``, ``"scoring"``."""

    name: str
    at: float


@dataclass(frozen=True, kw_only=True)
class EpochEnd:
    """One pass over the training pairs.

    ``logs`` holds Keras' numbers: ``loss``, ``<output>_loss`` and ``<output>_<metric>``;
    ``val`` the exact validation scores ``roc_auc`` and ``average_precision``.
    """

    epoch: int
    """From 1."""
    logs: Mapping[str, float]
    val: Mapping[str, float]
    seconds: float
    best: bool
    """Whether this is the best epoch so far, whose weights are kept."""
    val_logs: Mapping[str, float] = field(default_factory=dict)
    """Losses and metrics of the outputs on held-out edges and labels, named as in ``logs``."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The run ended."""

    reason: Literal["completed", "early_stopped", "cancelled", "failed"]
    best_epoch: int = 0
    seconds: float = 0.0
    message: str = ""
    """For ``failed``: one line that says what, where and how to mend it."""


Event = Started | Stage | EpochEnd | Finished
_KINDS: dict[str, type[Event]] = {
    kind.__name__: kind  # type: ignore[misc]
    for kind in (Started, Stage, EpochEnd, Finished)
}


def to_dict(event: Event) -> dict[str, Any]:
    """Return the event as plain JSON types, its class under ``"event"``."""
    return {"event": type(event).__name__, **dataclasses.asdict(event)}


def from_dict(values: Mapping[str, Any]) -> Event:
    """Return the event that :func:`to_dict` wrote.

    Raises
    ------
    ValueError
        If the record is of no known kind.
    """
    kind = _KINDS.get(str(values.get("event")))
    if kind is None:
        raise ValueError(f"Unknown event: {values.get('event')!r}.")
    known = {f.name for f in dataclasses.fields(kind)}
    return kind(**{key: value for key, value in values.items() if key in known})
