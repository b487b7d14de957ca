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
    """A function of targets and predictions, or for a metric a class of Keras' kind, as ``"package.module:name"``,
    where it is no class of Keras."""
    on_head: bool = False
    """Metric: whether it reads what the head gives, not predictions on the scale of the targets."""
    script: str | Mapping[str, str] = ""
    """How the script of a run writes it. Loss: an expression of `keras.losses`, or a function, settings in braces; a
    registered one has none, and its run no script. Metric: an expression that reads what the head gives, or one by
    Keras' class where the shape decides; scripts leave out those without, and those whose settings are not the
    defaults."""
    script_scales: tuple[str, ...] = ()
    """Metric: the heads, but of labels, that this expression reads rightly."""
    factory: Any = None
    """A registered function, class or instance, or ``"package.module:name"`` of one."""
