"""What an entry says of a loss or a metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from vgae_core.catalogue.base import Entry

Identifier = str | Mapping[str, Any]
"""A loss or metric as a specification stores it: a name, ``{"class_name": …, "config": {…}}`` or ``{"formula": …}``."""


Kind = Literal["loss", "metric"]


@dataclass(frozen=True, kw_only=True)
class ObjectiveEntry(Entry):
    """A loss or metric: the outputs it is offered for and the target values it accepts."""

    outputs: tuple[str, ...]
    targets: tuple[str, ...] = ()
    """Kinds of target values it makes sense for; empty means any."""
    scale: str = "identity"
    """Loss: what the head of a feature output gives (:data:`~vgae_core.model_parts.heads.HEADS`). The other outputs
    give logits, but ``adj_rec`` under a loss of `weights`."""
    weights: bool = False
    """Loss: as one of ``adj_rec`` its targets are the weights of edges, divided by their mean, and 0 for non-edges."""
    scales: tuple[str, ...] = ()
    """Metric: the scales it can be worked out on; empty means any."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Settings it takes, with their defaults."""
    keras: str = ""
    """Keras' class of the same meaning, which is another name for it."""
    builder: str = ""
    """Loss: a function of the house, as ``"package.module:name"``, where it is no class of Keras."""
    script: str = ""
    """Loss: how the script of a run writes it, settings in braces: an expression of `keras.losses`, or a function. A
    registered one has none, and its run no script."""
    factory: Any = None
    """A registered function, class or instance, or ``"package.module:name"`` of one."""
