"""The space of a sweep: which settings vary, how points are searched, what is wanted, and for how long.

A space is JSON: ``{"vary": [{"key": "model.latent_dim", "values": [8, 16, 32]}], "trials": 12}``;
:func:`schema` describes it.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from vgae_core.catalogue.base import nearest
from vgae_core.catalogue.recipes import RECIPES
from vgae_core.catalogue.sweeps import OBJECTIVES, SEARCHES, ObjectiveOfSweep
from vgae_core.errors import SpecError
from vgae_core.settings.fields import Section, field_of, hints_of
from vgae_core.settings.recipes import candidates, with_recipe
from vgae_core.settings.run import RunSpec

MAX_JSON = 100_000
"""Characters of a space."""

MAX_DIMENSIONS = 12
MAX_VALUES = 50
MAX_GRID = 10_000

FIXED = ("dataset.", "split.", "seed", "model.family")
"""Settings that do not vary: all trials are scored on the same held-out pairs, and seeds are counted by themselves."""

RECIPE = "recipe"
"""The setting that puts a recipe's network and training in the place of those of the run, before others vary."""

WEIGHT = "outputs.{}.weight"


LOSS = "_loss"


def objective(name: str, spec: RunSpec) -> ObjectiveOfSweep:
    """Return what an objective is; raise SpecError if a run of `spec` has none of that name."""
    if name in OBJECTIVES:
        return OBJECTIVES[name]
    outputs = [output.name for output in spec.active_outputs]
    if name.removesuffix(LOSS) in outputs and name.endswith(LOSS):
        return ObjectiveOfSweep(
            title=f"Loss of {name.removesuffix(LOSS)}",
            help="Of the training pairs, in the best epoch, before its weight.",
            direction="minimize",
        )
    names = [*OBJECTIVES, *(output + LOSS for output in outputs)]
    raise SpecError(f"`objectives` has no {name!r:.60}.{nearest(name, names)}", where="objectives")


@dataclass(frozen=True, kw_only=True)
class Dimension(Section):
    """One setting that varies: over listed values, or between two bounds."""

    key: str = field_of(
        "", "Dotted path of a setting, as in `training.learning_rate`, or `recipe`.", title="Setting"
    )
    values: tuple[Any, ...] = field_of(
        (), "The values it takes; empty where bounds are given.", title="Values"
    )
    low: float | None = field_of(None, "Lower bound.", title="From")
    high: float | None = field_of(None, "Upper bound.", title="To")
    log: bool = field_of(False, "Draw uniformly on a logarithmic scale.", title="Logarithmic")
    points: int = field_of(
        4, "Number of grid values between the bounds.", title="Grid points", low=2, high=MAX_VALUES, step=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        where = self.key or "vary"
        bounds = (self.low, self.high)
        if bool(self.values) == any(bound is not None for bound in bounds):
            raise SpecError("Give either `values`, or `low` and `high`.", where=where)
        if len(self.values) > MAX_VALUES:
            raise SpecError(f"At most {MAX_VALUES} values. Received: {len(self.values)}.", where=where)
        if self.values:
            return
        for bound in bounds:
            number = isinstance(bound, int | float) and not isinstance(bound, bool)
            if not number or not abs(bound) <= sys.float_info.max:  # type: ignore[arg-type]
                raise SpecError(
                    f"`low` and `high` must be finite numbers. Received: {bound!r:.40}.", where=where
                )
        low, high = float(self.low or 0), float(self.high or 0)
        if not low < high or (self.log and low <= 0):
            order = "0 < low < high" if self.log else "low < high"
            raise SpecError(f"Expected {order}. Received: {low:g} and {high:g}.", where=where)

    def grid(self, *, whole: bool) -> list[Any]:
        """Return the values of a grid, whole numbers where the setting is one."""
        if self.values:
            return list(self.values)
        low, high = float(self.low or 0), float(self.high or 0)
        share = [step / (self.points - 1) for step in range(self.points)]
        points = [low * (high / low) ** s if self.log else low + (high - low) * s for s in share]
        return list(dict.fromkeys(round(point) for point in points)) if whole else points


@dataclass(frozen=True, kw_only=True)
class Space(Section):
    """A sweep: which settings vary, how, and for how long."""

    vary: tuple[Dimension, ...] = field_of((), "The settings that vary.", title="Vary")
    simplex: tuple[str, ...] = field_of(
        (),
        "Outputs whose loss weights vary together: positive, with a fixed sum, so that only their proportions are "
        "searched.",
        title="Loss weights with a fixed sum",
    )
    search: Literal["tpe", "random", "grid"] = field_of(
        "tpe",
        "How the next point is chosen.",
        title="Search",
        labels={name: entry.title for name, entry in SEARCHES.items()},
    )
    objectives: tuple[str, ...] = field_of(
        ("validation",),
        "What points are compared by; several objectives give a Pareto front.",
        title="Objectives",
    )
    trials: int = field_of(20, "Maximum number of points to try.", title="Trials", low=1, high=1000, step=1)
    minutes: float = field_of(
        30.0, "Minutes after which no further run starts.", title="Minutes", low=0.1, high=10_000.0, step=5.0
    )
    seeds: int = field_of(
        1,
        "Runs per point, from different initial weights on the same held-out pairs; their mean counts.",
        title="Seeds per point",
        low=1,
        high=20,
        step=1,
    )
    prune: bool = field_of(
        True,
        "End a run early if its best score so far is below the median of the others at the same epoch (with one "
        "validation objective; from the sixth trial on).",
        title="Stop hopeless trials",
    )
    seed: int = field_of(
        0, "Fixes which points are tried.", title="Seed of the search", low=0, high=2**31 - 1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        keys = [dimension.key for dimension in self.vary]
        if len(set(keys)) != len(keys) or len(set(self.simplex)) != len(self.simplex):
            raise SpecError("Each setting may vary once.", where="vary")
        if not (keys or self.simplex):
            raise SpecError("Nothing varies.", where="vary", mend="Name a setting, or outputs for `simplex`.")
        if len(keys) + len(self.simplex) > MAX_DIMENSIONS:
            raise SpecError(f"At most {MAX_DIMENSIONS} settings may vary.", where="vary")
        if not 1 <= len(self.objectives) <= 3 or len(set(self.objectives)) != len(self.objectives):
            raise SpecError("Expected one to three different objectives.", where="objectives")
        if self.simplex and (len(self.simplex) < 2 or self.search == "grid"):
            raise SpecError(
                "Loss weights with a fixed sum need at least two outputs, and no grid.", where="simplex"
            )

    @classmethod
    def from_json(cls, text: str) -> Space:
        """Return the space in `text`; raise SpecError if it is not one."""
        if len(text) > MAX_JSON:
            raise SpecError(f"A space has at most {MAX_JSON:,} characters. Received: {len(text):,}.")
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SpecError(f"Not a JSON space: {error}.") from error
        return cls.from_dict(values)

    def to_json(self) -> str:
        """Return the space as JSON text, without what is as it is by default."""
        plain = {name: _shortened(name, value) for name, value in self.to_dict().items()}
        defaults = {item.name: item.default for item in dataclasses.fields(Space)}
        return json.dumps(
            {n: v for n, v in plain.items() if n == "vary" or v != _listed(defaults[n])}, indent=2
        )

    @property
    def prunes(self) -> bool:
        """Whether hopeless trials are stopped: by one objective whose course an epoch tells."""
        return (
            self.prune
            and self.objectives[0] in ("validation", "roc_auc", "average_precision")
            and (len(self.objectives) == 1)
        )

    def check(self, spec: RunSpec) -> None:
        """Raise SpecError unless a sweep of `spec` can vary these settings and has these objectives."""
        for name in self.objectives:
            objective(name, spec)
        if not spec.split.val_fraction:
            raise SpecError(
                "A sweep chooses on validation pairs, but none are held out.",
                where="split.val_fraction",
                mend="Set it above 0.",
            )
        if spec.recipe != "own":
            raise SpecError(
                "A sweep needs a base run with fixed settings, but recipe is `auto`.",
                where="recipe",
                mend="Vary `recipe`.",
            )
        active = [output.name for output in spec.active_outputs]
        for name in self.simplex:
            if name not in active:
                raise SpecError(f"No output {name!r:.60} is on.{nearest(name, active)}", where="simplex")
            if any(dimension.key == WEIGHT.format(name) for dimension in self.vary):
                raise SpecError(f"The weight of `{name}` varies twice.", where="simplex")
        for dimension in self.vary:
            for value in dimension.grid(whole=self.is_whole(dimension, spec)):
                _changed(spec, dimension.key, value)
        if self.search == "grid" and math.prod(len(axis) for axis in self._axes(spec)) > MAX_GRID:
            raise SpecError(f"A grid has at most {MAX_GRID:,} points.", where="vary")

    def is_whole(self, dimension: Dimension, spec: RunSpec) -> bool:
        """Return whether a dimension takes whole numbers only."""
        return dimension.key != RECIPE and type(value_of(spec, dimension.key)) is int

    def grid(self, spec: RunSpec) -> Iterator[dict[str, Any]]:
        """Yield every point of the grid, in the order of the settings."""
        keys = [dimension.key for dimension in self.vary]
        for point in itertools.product(*self._axes(spec)):
            yield dict(zip(keys, point, strict=True))

    def _axes(self, spec: RunSpec) -> list[list[Any]]:
        return [dimension.grid(whole=self.is_whole(dimension, spec)) for dimension in self.vary]

    def at(self, spec: RunSpec, point: Mapping[str, Any]) -> RunSpec:
        """Return `spec` at a point: a value for the key of each dimension and each weight of the simplex.

        Raises
        ------
        SpecError
            If these values do not go together.
        """
        for key, value in sorted(
            point.items(), key=lambda item: item[0] != RECIPE
        ):  # which others then change
            spec = _changed(spec, key, value)
        return spec


def over_recipes(spec: RunSpec, *, has_features: bool, minutes: float) -> tuple[RunSpec, Space]:
    """Return the sweep that the automatic choice of a recipe is: the specification that varies, and its space.

    Parameters
    ----------
    spec : RunSpec
        Its epochs and patience are multiplied by what each recipe wants.
    has_features : bool
        Whether the nodes have any, which decides what is tried.
    minutes : float
        After which no further recipe is tried.
    """
    names = tuple(candidates(spec, has_features=has_features))
    vary = (Dimension(key=RECIPE, values=names),)
    longest = next(item.metadata["high"] for item in dataclasses.fields(Space) if item.name == "minutes")
    space = Space(
        vary=vary,
        search="grid",
        trials=len(names),
        minutes=min(minutes, longest),
        prune=False,
        seed=spec.seed,
    )
    return dataclasses.replace(spec, recipe="own"), space


def value_of(spec: RunSpec, key: str) -> Any:
    """Return the value of a setting by its dotted path; raise SpecError if there is none.

    ``outputs`` are addressed by name.
    """
    node: Any = spec
    for part in key.split("."):
        if isinstance(node, tuple):
            node = next((output for output in node if getattr(output, "name", None) == part), None)
        elif isinstance(node, Section) and part in hints_of(type(node)):
            node = getattr(node, part)
        else:
            node = None
        if node is None:
            spec.replace(key, None)  # says what is wrong
            raise SpecError(f"No setting is called `{key}`.")
    return node


def simplex(spec: RunSpec, names: Sequence[str], uniform: Sequence[float]) -> dict[str, float]:
    """Return weights that keep the sum they have in `spec`, uniform on the simplex where `uniform` is on (0, 1).

    Parameters
    ----------
    spec : RunSpec
    names : sequence of str
        Outputs.
    uniform : sequence of float
        One for each.

    References
    ----------
    Devroye 1986, Non-Uniform Random Variate Generation, chapter V, theorem 4.1: normalised exponential variables.
    """
    total = sum(spec.output(name).weight for name in names) or 1.0
    shares = [-math.log(u) for u in uniform]
    return {
        WEIGHT.format(name): total * share / sum(shares) for name, share in zip(names, shares, strict=True)
    }


def schema() -> dict[str, Any]:
    """Return the JSON schema (2020-12) of a space."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Space of a sweep",
        **_schema_of(Space),
        "required": ["vary"],
    }


def _schema_of(section: type[Section]) -> dict[str, Any]:
    hints, properties = hints_of(section), {}
    for item in dataclasses.fields(section):  # type: ignore[arg-type]
        hint, meta = hints[item.name], item.metadata
        kinds: dict[Any, dict[str, Any]] = {
            int: {"type": "integer"},
            float: {"type": "number"},
            bool: {"type": "boolean"},
            str: {"type": "string"},
            float | None: {"type": ["number", "null"]},
            tuple[str, ...]: {"type": "array", "items": {"type": "string"}},
            tuple[Any, ...]: {"type": "array", "maxItems": MAX_VALUES},
        }
        if hint == tuple[Dimension, ...]:
            kind: dict[str, Any] = {"type": "array", "items": _schema_of(Dimension) | {"required": ["key"]}}
        else:
            kind = kinds.get(hint) or {"enum": list(meta["labels"])}
        bounds = {"minimum": meta.get("low"), "maximum": meta.get("high")}
        properties[item.name] = {
            **kind,
            **{name: bound for name, bound in bounds.items() if bound is not None},
            "description": meta["help"],
            "default": _listed(item.default),
        }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _changed(spec: RunSpec, key: str, value: Any) -> RunSpec:
    if key == RECIPE:
        if value not in RECIPES:
            raise SpecError(
                f"`recipe` is unknown: {value!r:.60}.{nearest(str(value), RECIPES)}", where="vary"
            )
        return with_recipe(spec, value)
    if any(key.startswith(fixed) for fixed in FIXED):
        raise SpecError(
            f"`{key}` cannot vary: all trials use the same data and held-out pairs.",
            where="vary",
            mend="For several seeds per point, set `seeds`." if key == "seed" else "",
        )
    return spec.replace(key, value)


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _shortened(name: str, value: Any) -> Any:
    """Return a value as JSON, its dimensions without what is as it is by default."""
    if name != "vary":
        return _listed(value)
    defaults = {item.name: _listed(item.default) for item in dataclasses.fields(Dimension)}
    return [{k: v for k, v in dimension.items() if v != defaults[k]} for dimension in value]
