"""What the name of a loss or metric stands for: its entry, its settings, its head and the targets of its output.

Names are read in any of Keras' spellings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vgae_core.catalogue import formula
from vgae_core.catalogue.base import nearest
from vgae_core.catalogue.losses import LOSSES
from vgae_core.catalogue.metrics import METRICS
from vgae_core.catalogue.objectives import Identifier, Kind, ObjectiveEntry
from vgae_core.catalogue.outputs import OUTPUTS, TABLES
from vgae_core.catalogue.values import POSITIVE
from vgae_core.errors import SpecError

if TYPE_CHECKING:
    from vgae_core.model_parts.heads import Head

CATALOGUES: dict[str, dict[str, ObjectiveEntry]] = {"loss": LOSSES, "metric": METRICS}


BY_SHAPE: dict[str, str] = {
    "accuracy": "accuracy",
    "acc": "accuracy",
    "crossentropy": "crossentropy",
    "ce": "crossentropy",
}
"""Names that Keras resolves by the shapes of targets and output."""


_SHORT = {
    "bce": "binary_crossentropy",
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
    "mae": "mean_absolute_error",
    "ap": "average_precision",
    "logcosh": "log_cosh",
    "f1_score": "f1",
    "kl": "kl_normal",
}


def find(kind: Kind, name: str) -> str | None:
    """Return the catalogue's key for a name in any of Keras' spellings, or None."""
    catalogue = CATALOGUES[kind]
    if name in catalogue:
        return name
    lower = name.lower()
    for key in (BY_SHAPE.get(lower), _SHORT.get(lower), lower, snake(name)):
        if key is not None and key in catalogue:
            return key
    # "Poisson", "BinaryFocalCrossentropy" and the like, and their functions' names.
    return next(
        (
            key
            for key, entry in catalogue.items()
            if entry.keras and name in (entry.keras, snake(entry.keras))
        ),
        None,
    )


def snake(name: str) -> str:
    """Return a class name as Keras writes its function: ``"LogCosh"`` is ``"log_cosh"``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def entry_config(kind: Kind, name: str) -> Mapping[str, Any]:
    """Return the settings that a loss or metric takes, with their defaults; none for an unknown name."""
    entry = CATALOGUES[kind].get(find(kind, name) or "")
    return {} if entry is None else entry.config


def lookup(kind: Kind, identifier: Identifier, output: str, columns: int = 0) -> tuple[str, dict[str, Any]]:
    """Return the catalogue's key of an identifier and its settings, the defaults included.

    Parameters
    ----------
    kind : str
    identifier : str or mapping
        Not a formula.
    output : str
    columns : int
        Width of the output, which decides what "crossentropy" is.

    Raises
    ------
    SpecError
        If the name is unknown (near names are listed), makes no sense for the output, or lacks a setting.
    """
    where = f"outputs.{output}"
    catalogue = CATALOGUES[kind]
    name, given = (
        (identifier, {})
        if isinstance(identifier, str)
        else (str(identifier["class_name"]), dict(identifier.get("config", {})))
    )
    key = find(kind, name)
    if kind == "loss" and BY_SHAPE.get(name.lower()) == "crossentropy":
        wide = "binary_crossentropy" if columns == 1 else "categorical_crossentropy"
        key = {"adj_rec": "binary_crossentropy", "labels": "sparse_categorical_crossentropy"}.get(
            output, wide
        )
    if key is None:
        raise SpecError(f"Could not resolve {kind} {name!r:.60}.{nearest(name, catalogue)}", where=where)
    entry = catalogue[key]
    if output not in entry.outputs:
        fitting = [name for name, entry in catalogue.items() if output in entry.outputs]
        raise SpecError(
            f"{kind.capitalize()} `{key}` does not apply to {OUTPUTS[output].title.lower()}.",
            where=where,
            mend=f"Choose one of: {', '.join(fitting)}.",
        )
    for setting in given:
        if setting not in entry.config and entry.factory is None:
            known = nearest(setting, entry.config) if entry.config else " It has none."
            raise SpecError(
                f"{kind.capitalize()} `{key}` has no setting `{setting:.40}`.{known}", where=where
            )
    return key, {**entry.config, **given}


def learns_weights(loss: Identifier) -> bool:
    """Return whether a loss of ``adj_rec`` has the weights of edges as its targets, not whether there is an edge."""
    if isinstance(loss, Mapping) and "formula" in loss:
        return False
    name = loss if isinstance(loss, str) else str(loss["class_name"])
    return LOSSES[key].weights if (key := find("loss", name)) else False


def head_of(output: str, loss: Identifier, columns: int = 0) -> Head:
    """Return the head of an output under a loss.

    Raises
    ------
    SpecError
        As :func:`lookup`.
    """
    from vgae_core.model_parts.heads import HEADS  # needs NumPy, which `--help` does without

    if output not in TABLES and not (output == "adj_rec" and learns_weights(loss)):
        return HEADS[{"adj_rec": "logit", "labels": "softmax"}.get(output, "identity")]
    if isinstance(loss, Mapping) and "formula" in loss:
        return HEADS[formula.scale(loss["formula"])]
    return HEADS[LOSSES[lookup("loss", loss, output, columns)[0]].scale]


def targets_of(kind: Kind, identifier: Identifier, output: str, columns: int = 0) -> tuple[str, ...]:
    """Return the kinds of target values an identifier accepts; empty means any."""
    if isinstance(identifier, Mapping) and "formula" in identifier:
        used = formula.variables(identifier["formula"])
        return ("binary",) if "probability" in used else POSITIVE if "rate" in used else ()
    return CATALOGUES[kind][lookup(kind, identifier, output, columns)[0]].targets
