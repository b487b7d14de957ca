"""Default specifications for the data at hand."""

from __future__ import annotations

from typing import Any

from vgae_core.catalogue.base import nearest
from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.catalogue.families import FAMILIES
from vgae_core.catalogue.losses import LIKELIHOODS
from vgae_core.catalogue.recipes import RECIPES
from vgae_core.errors import SpecError
from vgae_core.settings.model import OutputSpec
from vgae_core.settings.recipes import fitting
from vgae_core.settings.run import RunSpec, default_outputs

PREPARED_BATCH = 65_536
"""Training edges per step of a graph that was prepared in parts: a step then holds the rows of as many pairs."""


def in_steps(spec: RunSpec) -> RunSpec:
    """Return `spec` with messages that pass once and steps of bounded memory, as a graph in mapped files needs them.

    Nodes without features start from random numbers: eigenvectors are worked out in memory, and only if asked for.
    """
    spec = spec.replace("model.node_input", "random")
    if ENCODERS[spec.model.encoder].once == "never":
        spec = spec.replace("model.encoder", next(name for name, e in ENCODERS.items() if e.once != "never"))
    return spec.replace("training.propagation", "once").replace("training.batch_size", PREPARED_BATCH)


def for_family(
    spec: RunSpec, family: str, *, feature_kind: str | None, has_labels: bool, own_units: bool = False
) -> RunSpec:
    """Return `spec` turned into a model of another family, with that family's defaults.

    Data, split fractions and seed are kept; outputs, encoder, batch size and learning rate take their defaults.
    Arguments about the data are those of :func:`offered_outputs`.

    Raises
    ------
    SpecError
        If the family is unknown, or the data lack what it needs.
    """
    if family not in FAMILIES:
        raise SpecError(f"`family` is unknown: {family!r}.{nearest(family, FAMILIES)}")
    entry = FAMILIES[family]
    if entry.needs == "features" and feature_kind is None:
        raise SpecError(
            "A matrix auto-encoder needs features.",
            where="model.family",
            mend="Provide a matrix, or choose `vgae`.",
        )
    encoder = next(name for name, encoder in ENCODERS.items() if family in encoder.families)
    network: dict[str, Any] = {"encoder": encoder, **entry.defaults.get("model", {})}
    if feature_kind is None:
        recommended = RECIPES[fitting(has_features=False)[0]]
        network = {key.removeprefix("model."): value for key, value in recommended.settings.items()}
    values = spec.to_dict()
    return RunSpec.from_dict(
        {
            "dataset": values["dataset"],
            "split": values["split"],
            "seed": spec.seed,
            "stacking": spec.stacking,
            "scaling": spec.scaling,
            "model": {"family": family, **network},
            "training": dict(entry.defaults.get("training", {})),
            "outputs": [
                o.to_dict()
                for o in offered_outputs(
                    feature_kind=feature_kind, has_labels=has_labels, family=family, own_units=own_units
                )
            ],
        }
    )


def offered_outputs(
    *, feature_kind: str | None, has_labels: bool, family: str = "vgae", own_units: bool = False
) -> tuple[OutputSpec, ...]:
    """Return the outputs a data set can have, with the default loss and metrics of each.

    Parameters
    ----------
    feature_kind : str or None
        One of :data:`~vgae_core.catalogue.values.MATRIX_KINDS`, or None without features.
    has_labels : bool
        Whether some nodes carry a class label.
    own_units : bool
        Whether some columns are scaled: whole numbers such as years are then no counts of anything.
    """
    outputs = list(default_outputs())
    if "output" in FAMILIES[family].always:
        loss, _ = LIKELIHOODS[feature_kind or "real"]
        outputs[0] = OutputSpec(name="output", loss=loss)
    elif feature_kind is not None:
        losses = {"binary": "binary_crossentropy", "count": "mean_squared_error" if own_units else "poisson"}
        loss = losses.get(feature_kind, "mean_squared_error")
        outputs.append(OutputSpec(name="x_rec", enabled=False, loss=loss, weight=0.1, metrics=()))
    if has_labels:
        outputs.append(
            OutputSpec(
                name="labels",
                enabled=False,
                loss="sparse_categorical_crossentropy",
                weight=0.1,
                metrics=("accuracy",),
            )
        )
    return tuple(outputs)
