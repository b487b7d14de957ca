"""Which settings of a run can vary in a sweep, and over what they vary unless told otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vgae_core.catalogue.recipes import RECIPES
from vgae_core.settings.fields import Setting, settings_of
from vgae_core.settings.model import OutputSpec
from vgae_core.settings.run import RunSpec
from vgae_core.settings.space import FIXED, RECIPE, WEIGHT, Dimension, value_of

_NO_SENSE = ("training.keep", "training.propagation", "model.sparse_input")
"""Settings that say how a run is done and not how good it gets."""

FACTOR = 10.0
"""How far below and above its value a number varies."""


def variable(spec: RunSpec) -> Iterator[Setting]:
    """Yield the settings of a specification that can vary and have an effect in it, the recipe first."""
    unused = spec.unused()
    for setting in settings_of(RunSpec, family=spec.model.family):
        if setting.key == RECIPE:
            titles = {name: entry.title for name, entry in RECIPES.items() if entry.tried}
            yield Setting(
                key=RECIPE,
                name=RECIPE,
                title="Recipe",
                type=str,
                default=next(iter(titles)),
                help="Network and training as in a recipe; whatever else varies comes on top.",
                choices=tuple(titles),
                labels=titles,
            )
        elif (
            not any(setting.key.startswith(fixed) for fixed in FIXED)
            and setting.key not in unused
            and setting.key not in _NO_SENSE
            and (setting.choices or setting.type in (bool, int, float, tuple[int, ...]))
        ):
            yield setting
    (weight,) = (setting for setting in settings_of(OutputSpec) if setting.name == "weight")
    for output in spec.active_outputs:
        key = WEIGHT.format(output.name)
        yield Setting(
            key=key,
            name=key,
            title=f"Weight of {output.name}",
            type=float,
            default=weight.default,
            help=weight.help,
            low=weight.low,
            high=weight.high,
        )


def proposed(spec: RunSpec, setting: Setting) -> Dimension:
    """Return a dimension around the value that a setting has: its choices, or numbers below and above."""
    if setting.key == RECIPE:
        return Dimension(key=RECIPE, values=setting.choices)
    value: Any = value_of(spec, setting.key)
    if setting.type is bool:
        return Dimension(key=setting.key, values=(False, True))
    if setting.choices:
        return Dimension(key=setting.key, values=setting.choices)
    if setting.type == tuple[int, ...]:
        smaller, larger = [max(1, n // 2) for n in value], [n * 2 for n in value]
        return Dimension(key=setting.key, values=([], smaller, list(value), larger) if value else ([], [64]))
    low, high = setting.low or 0.0, setting.high
    if setting.type is int:
        steps = (
            [value // 2, value, value * 2]
            if value
            else [0, int(setting.step or 1), 4 * int(setting.step or 1)]
        )
        bounded = (min(max(step, low), high if high is not None else step) for step in steps)
        return Dimension(key=setting.key, values=tuple(dict.fromkeys(int(step) for step in bounded)))
    if setting.step is not None and high is not None and high <= 1.0:  # a share
        return Dimension(key=setting.key, low=low, high=high)
    start = max(value / FACTOR, low) if value else 0.01
    end = (value or 0.1) * FACTOR
    return Dimension(key=setting.key, low=start, high=min(end, high) if high is not None else end, log=True)
