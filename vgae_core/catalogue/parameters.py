"""Settings of losses and metrics: what each means and its bounds, whichever loss or metric takes it."""

from __future__ import annotations

from dataclasses import dataclass

from vgae_core.catalogue.base import Entry


@dataclass(frozen=True, kw_only=True)
class ParameterEntry(Entry):
    """A number or switch that a loss or metric takes; its default stands in the entry of that loss or metric."""

    type: type = float
    low: float
    high: float
    step: float
    needs: str = ""
    """The switch without which it has no effect."""
    empty: str = ""
    """What leaving it empty means, where it has no default."""


_THRESHOLD = ParameterEntry(
    title="Threshold", help="Probability at or above which a one is predicted.", low=0.0, high=1.0, step=0.05
)

PARAMETERS: dict[str, ParameterEntry] = {
    "gamma": ParameterEntry(
        title="Gamma",
        help="How strongly easy cases are down-weighted: 0 is plain cross-entropy, 2 as published.",
        low=0.0,
        high=10.0,
        step=0.5,
    ),
    "apply_class_balancing": ParameterEntry(
        title="Class balancing",
        help="Ones are weighted by alpha, zeros by 1 - alpha.",
        type=bool,
        low=0.0,
        high=1.0,
        step=1.0,
    ),
    "alpha": ParameterEntry(
        title="Alpha",
        help="Weight of ones; that of zeros is 1 minus it.",
        low=0.0,
        high=1.0,
        step=0.05,
        needs="apply_class_balancing",
    ),
    "label_smoothing": ParameterEntry(
        title="Label smoothing",
        help="Share by which targets are moved towards 1/2, or towards equal shares of all columns.",
        low=0.0,
        high=0.95,
        step=0.05,
    ),
    "pos_weight": ParameterEntry(
        title="Weight of ones",
        help="Weight of a one relative to a zero.",
        low=0.0,
        high=1e6,
        step=1.0,
        empty="Zeros / ones",
    ),
    "norm": ParameterEntry(
        title="Norm", help="Factor of the whole loss.", low=0.0, high=1e6, step=0.5, empty="All / (2 zeros)"
    ),
    "delta": ParameterEntry(
        title="Delta",
        help="Up to this error the loss is squared, beyond it linear.",
        low=1e-6,
        high=1e6,
        step=0.5,
    ),
    "nats": ParameterEntry(
        title="Free nats",
        help="Divergence per latent dimension that costs nothing.",
        low=0.0,
        high=100.0,
        step=0.05,
    ),
    "threshold": _THRESHOLD,
    "thresholds": _THRESHOLD,
    "k": ParameterEntry(
        title="k",
        help="A prediction counts if the true class is among this many of the likeliest.",
        type=int,
        low=1,
        high=1000,
        step=1,
    ),
}
"""Settings of losses and metrics by name."""
