"""Everything that determines a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from vgae_core.catalogue.base import nearest
from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.catalogue.families import FAMILIES
from vgae_core.catalogue.lookup import learns_weights
from vgae_core.errors import SpecError
from vgae_core.settings.data import DatasetSpec, SplitSpec
from vgae_core.settings.fields import Section, field_of, settings_of
from vgae_core.settings.model import ModelSpec, OutputSpec
from vgae_core.settings.training import TrainingSpec
from vgae_core.settings.versions import FIRST, VERSION, migrated


def default_outputs() -> tuple[OutputSpec, ...]:
    """Return the outputs that every model of a graph has, as they are set at first."""
    return (
        OutputSpec(name="adj_rec", loss="binary_crossentropy", metrics=("accuracy",)),
        OutputSpec(name="z_vars", loss="kl_normal", metrics=()),
    )


@dataclass(frozen=True, kw_only=True)
class RunSpec(Section):
    """Everything that determines a run: same specification, data and machine, same metrics."""

    dataset: DatasetSpec = field_of(DatasetSpec, "The data.", title="Data")
    model: ModelSpec = field_of(ModelSpec, "The network.", title="Model")
    recipe: Literal["own", "auto"] = field_of(
        "own",
        "`own` trains with your network and training settings. `auto` (graphs only) tries recipes instead: a sweep "
        "trains each one that fits the data, and the one with the best validation score is trained again and scored on "
        "the test edges. A recipe may multiply epochs and patience.",
        title="Train",
        labels={"own": "One model", "auto": "Try recipes and keep the best"},
        families=("vgae",),
    )
    stacking: bool = field_of(
        True,
        "After training, a logistic regression on the validation edges combines the network's score of a pair with "
        "training-free scores: common neighbours, degrees, similarity of features. Used if it ranks the validation "
        "edges (at least 50) better than the network alone; the network's own scores are kept as well. "
        "(Ghasemian et al. 2020, arXiv:1909.07578)",
        title="Stacking",
        wording={
            "vae": (
                "Combine with EASE",
                "After training, the network's scores are combined with those of EASE, a regression of each column on "
                "all others, by weights fitted on the validation entries. Needs at least 50 of them, and at most "
                "10,000 columns; the network's own scores are kept as well. (Steck 2019, arXiv:1905.03375)",
            )
        },
    )
    scaling: Literal["by_kind", "none"] = field_of(
        "by_kind",
        "How feature columns enter the network. By kind: zeros and ones, and counts, stay as they are; any other "
        "column is scaled to mean 0 and standard deviation 1; one of mostly zeros is only divided, if its other values "
        "are very large or very small, so that zeros stay zeros. Columns of a matrix are only ever divided, under "
        "losses of values such as the squared error. Expected values and exports stay in the columns' own units.",
        title="Feature scaling",
        labels={"by_kind": "By kind of column", "none": "None"},
    )
    outputs: tuple[OutputSpec, ...] = field_of(default_outputs, "The model's named outputs.", title="Outputs")
    split: SplitSpec = field_of(SplitSpec, "The held-out edges.", title="Split")
    training: TrainingSpec = field_of(TrainingSpec, "The training.", title="Training")
    seed: int = field_of(
        0,
        "Fixes the split, initial weights, sampling and dropout.",
        title="Seed",
        low=0,
        high=2**31 - 1,
        step=1,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        names = [o.name for o in self.outputs]
        if len(set(names)) != len(names):
            raise SpecError(f"Each output may be listed once. Received: {', '.join(names)}.", where="outputs")
        family = FAMILIES[self.model.family]
        strange = [name for name in names if name not in family.outputs]
        if strange:
            raise SpecError(
                f"Output `{strange[0]}` is not one of a {self.model.family} model.",
                where="outputs",
                mend=f"It can have: {', '.join(family.outputs)}.",
            )
        if self.model.family not in ENCODERS[self.model.encoder].families:
            fitting = [name for name, entry in ENCODERS.items() if self.model.family in entry.families]
            raise SpecError(
                f"Encoder `{self.model.encoder}` is not one of a {self.model.family} model.",
                where="model.encoder",
                mend=f"Choose one of: {', '.join(fitting)}.",
            )
        training = self.training
        if training.masked_edges and (training.supervision == "all" or training.propagation == "once"):
            key = "supervision" if training.supervision == "all" else "propagation"
            raise SpecError(
                f"Edges cannot be masked with {key} `{getattr(training, key)}`.",
                where="training.masked_edges",
                mend=f"Set it to 0, or leave `training.{key}` at its default.",
            )
        if self.recipe == "auto" and not family.recipes:
            raise SpecError(
                "The automatic choice of a recipe needs a graph.",
                where="recipe",
                mend="Set `recipe` to `own`.",
            )
        if self.recipe == "auto" and not self.split.val_fraction:
            raise SpecError(
                "The automatic choice of a recipe needs validation edges.",
                where="recipe",
                mend="Set `split.val_fraction` above 0, or set `recipe` to `own`.",
            )
        for needed in family.always:
            if needed not in names or not self.output(needed).enabled:
                raise SpecError(
                    f"Output `{needed}` is always on in a {self.model.family} model.", where="outputs"
                )

    def output(self, name: str) -> OutputSpec:
        """Return the output called `name`; raise KeyError if there is none."""
        for output in self.outputs:
            if output.name == name:
                return output
        raise KeyError(name)

    @property
    def learns_weights(self) -> bool:
        """Whether the targets of the pairs are the weights of edges, not whether there is an edge."""
        return any(output.name == "adj_rec" and learns_weights(output.loss) for output in self.outputs)

    def unused(self) -> set[str]:
        """Return the keys of the settings that the others leave without effect."""
        parts = {"model": self.model.unused(), "training": self.training.unused()}
        return {f"{part}.{name}" for part, names in parts.items() for name in names}

    @property
    def active_outputs(self) -> tuple[OutputSpec, ...]:
        """The outputs that are switched on, in order."""
        return tuple(o for o in self.outputs if o.enabled)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types, with the version of their format."""
        return {"version": VERSION, **super().to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunSpec:
        """Return the specification described by `values`, of this version or an earlier one.

        Settings that it does not name take their defaults.

        Raises
        ------
        SpecError
            If a setting is unknown or out of bounds, or the version is later than this one.
        """
        return super().from_dict(migrated(values) if isinstance(values, Mapping) else values)

    def to_json(self) -> str:
        """Return the specification as JSON text."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_json(cls, text: str) -> RunSpec:
        """Return the specification in `text`; raise SpecError if it is not one."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SpecError(f"Not a JSON specification: {error}.") from error
        return cls.from_dict(values)

    @classmethod
    def of_run(cls, values: Mapping[str, Any]) -> RunSpec:
        """Return the specification that a run was stored with; one that names no version is of the first.

        Raises
        ------
        SpecError
            As :meth:`from_dict`.
        """
        return super().from_dict(migrated(values, unnamed=FIRST) if isinstance(values, Mapping) else values)

    def replace(self, key: str, value: Any) -> RunSpec:
        """Return a copy with one setting changed, named by its dotted path.

        ``outputs`` are addressed by name: ``outputs.z_vars.weight``.

        Raises
        ------
        SpecError
            If no setting has that path or the value is out of bounds.
        """
        values = super().to_dict()
        *path, last = key.split(".")
        node: Any = values
        for part in path:
            if isinstance(node, list):
                node = next((o for o in node if o["name"] == part), None)
            else:
                node = node.get(part) if isinstance(node, dict) else None
            if node is None:
                raise SpecError(
                    f"No setting is called `{key}`.{nearest(key, [s.key for s in settings_of(RunSpec)])}"
                )
        if not isinstance(node, dict) or last not in node:
            raise SpecError(
                f"No setting is called `{key}`.{nearest(key, [s.key for s in settings_of(RunSpec)])}"
            )
        node[last] = value
        return RunSpec.from_dict(values)
