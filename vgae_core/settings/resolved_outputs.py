"""The outputs of a run, resolved once: loss, head, metrics, weight, and why they became what they are.

Nothing here is Keras: :mod:`vgae_core.nn.objectives` makes its losses and metrics of what is resolved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from vgae_core.catalogue import formula
from vgae_core.catalogue.families import FAMILIES
from vgae_core.catalogue.identifiers import label, written
from vgae_core.catalogue.lookup import BY_SHAPE, CATALOGUES, head_of, lookup, targets_of
from vgae_core.catalogue.objectives import Identifier, Kind, ObjectiveEntry
from vgae_core.catalogue.outputs import PAIRS, TABLES
from vgae_core.errors import SpecError
from vgae_core.model_parts.heads import HEADS, Head
from vgae_core.settings.model import OutputSpec
from vgae_core.settings.run import RunSpec

if TYPE_CHECKING:
    from vgae_core.data.dataset import Profile


@dataclass(frozen=True)
class Objective:
    """A loss or metric of an output, looked up.

    Parameters
    ----------
    kind : str
    written : str
        As a person writes it.
    name : str
        Under which it is logged.
    why : str
        What it is, or why a name became it.
    key : str
        Of its catalogue; empty for a formula.
    config : mapping
        Its settings, the defaults included.
    tree : Tree, optional
        Of a formula.
    """

    kind: Kind
    written: str
    name: str
    why: str
    key: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    tree: formula.Tree = None

    @property
    def entry(self) -> ObjectiveEntry:
        """What the catalogue says of it; there is nothing of a formula."""
        return CATALOGUES[self.kind][self.key]


Worked = Literal["from_output", "by_layer", "no_prior"]
"""How the loss of an output is worked out: from what the head gives; by the layer itself, of all pairs of nodes; or
not at all, for a plain auto-encoder has no distribution to pull to a prior."""


@dataclass(frozen=True)
class Output:
    """An active output of a run.

    Parameters
    ----------
    name : str
    columns : int
        Its width: features, classes, or 1.
    loss : Objective
    head : Head
    metrics : tuple of Objective
    weight : float
        As it was set.
    divisor : int
        What the weight is divided by.
    divided_by : str
        What that number counts.
    worked : str
        See :data:`Worked`.
    left_out : tuple of str
        Metrics that cannot be worked out.
    """

    name: str
    columns: int
    loss: Objective
    head: Head
    metrics: tuple[Objective, ...]
    weight: float
    divisor: int = 1
    divided_by: str = ""
    worked: Worked = "from_output"
    left_out: tuple[str, ...] = ()

    @property
    def learns_weights(self) -> bool:
        """Whether its targets are the weights of edges, not whether there is an edge."""
        return self.loss.tree is None and self.loss.entry.weights

    @property
    def factor(self) -> float:
        """What its loss counts in the total."""
        return self.weight * (1.0 / self.divisor)


def resolve(spec: RunSpec, profile: Profile) -> dict[str, Output]:
    """Return the active outputs of a run by name, in order.

    The weight of the KL divergence is divided by the number of nodes (VGAE) or columns (VAE): with reconstruction
    losses that are means over pairs or columns and the mean of the divergence over rows, weight 1 is then the evidence
    lower bound, scaled.

    Raises
    ------
    SpecError
        If an output has no data behind it, or its loss or one of its metrics is unknown or makes no sense for it, for
        the data or for the head that the loss asks for.
    """
    return {output.name: _resolved(output, spec, profile) for output in spec.active_outputs}


def _resolved(output: OutputSpec, spec: RunSpec, profile: Profile) -> Output:
    _check_data(output, profile)
    name = output.name
    columns = columns_of(name, profile)
    check_targets(output, profile.feature_kind, columns)
    loss, head = looked_up("loss", output.loss, name, columns), head_of(name, output.loss, columns)
    worked: Worked = "from_output"
    if name == "z_vars" and not spec.model.variational:
        worked = "no_prior"
        loss = Objective(
            "loss", loss.written, loss.name, "plain auto-encoder: no latent distribution, so no KL term"
        )
    elif name == "adj_rec" and spec.training.supervision == "all":
        worked = "by_layer"
    many, what = divisor_of(name, spec.model.family, profile)
    metrics = () if worked == "by_layer" else tuple(zip(output.metrics, _names(output.metrics), strict=True))
    return Output(
        name=name,
        columns=columns,
        loss=loss,
        head=head,
        metrics=tuple(metric_of(metric, name, output.loss, columns, as_name) for metric, as_name in metrics),
        weight=output.weight,
        divisor=many,
        divided_by=what,
        worked=worked,
        left_out=tuple(map(label, output.metrics)) if worked == "by_layer" else (),
    )


def _check_data(output: OutputSpec, profile: Profile) -> None:
    if output.name in TABLES and not profile.n_features:
        raise SpecError(
            "The data have no features to reconstruct.",
            where=f"outputs.{output.name}",
            mend="Switch it off." if output.name == "x_rec" else "Provide a matrix, or choose family `vgae`.",
        )
    if output.name == "labels" and profile.n_classes < 2:
        raise SpecError(
            f"Label prediction needs at least two classes. Received: {profile.n_classes}.",
            where="outputs.labels",
            mend="Switch it off, or upload labels.",
        )


def shape_of(output: str, columns: int) -> str:
    """Return the shape of an output in words."""
    words = {"adj_rec": "one logit per pair", "labels": f"one logit per class, {columns} classes"}
    return words.get(output, "one column" if columns == 1 else f"{columns} columns per row")


def by_shape(key: str, output: str, columns: int) -> str:
    """Return Keras' class of "accuracy" or "crossentropy" for an output.

    Keras' rule: one column is binary; a class number against several columns is sparse; else columns compete.

    Parameters
    ----------
    key : str
        ``"accuracy"`` or ``"crossentropy"``.
    output : str
    columns : int
        Width of the targets of ``x_rec`` and ``output``, number of classes of ``labels``.
    """
    if output == "labels":
        kind = "SparseCategorical"
    else:
        kind = "Binary" if output == "adj_rec" or columns == 1 else "Categorical"
    return kind + key.capitalize()


def columns_of(output: str, profile: Profile) -> int:
    """Return the width of an output: features, classes, or 1."""
    return profile.n_features if output in TABLES else profile.n_classes if output == "labels" else 1


def divisor_of(output: str, family: str, profile: Profile) -> tuple[int, str]:
    """Return what the weight of an output is divided by, and what that number counts."""
    if output != "z_vars":
        return 1, ""
    what = FAMILIES[family].divided_by
    return {"nodes": profile.n_nodes, "columns": profile.n_features}[what], what


def looked_up(
    kind: Kind, identifier: Identifier, output: str, columns: int = 0, name: str | None = None
) -> Objective:
    """Return what an identifier stands for.

    Parameters
    ----------
    kind : str
    identifier : str or mapping
        As a specification stores it.
    output : str
    columns : int
        Width of the output, which decides what "crossentropy" becomes.
    name : str, optional
        Under which it is logged.

    Raises
    ------
    SpecError
        If the name is unknown (near names are listed) or makes no sense for the output.
    """
    name, text = name or label(identifier), written(identifier)
    if isinstance(identifier, Mapping) and "formula" in identifier:
        tree = identifier["formula"]
        try:
            formula.check(tree, output, loss=kind == "loss")
        except SpecError as error:
            raise SpecError(
                error.message, where=f"outputs.{output}, {error.where}", mend=error.mend
            ) from error
        return Objective(kind, text, name, "your formula, averaged over each row", tree=tree)
    key, config = lookup(kind, identifier, output, columns)
    given = identifier if isinstance(identifier, str) else str(identifier["class_name"])
    why = CATALOGUES[kind][key].help
    if BY_SHAPE.get(given.lower()) is not None:
        why = f"as Keras resolves it: {shape_of(output, columns)}"
    return Objective(kind, text, name, why, key, config)


def metric_of(
    identifier: Identifier, output: str, loss: Identifier, columns: int, name: str | None = None
) -> Objective:
    """Return what a metric of an output stands for; its loss decides what the head gives.

    Raises
    ------
    SpecError
        As :func:`looked_up`, and if the metric needs another head.
    """
    metric, head = looked_up("metric", identifier, output, columns, name), head_of(output, loss, columns)
    where = f"outputs.{output}"
    given = f"under loss `{written(loss)}` the head gives {head.words}"
    if metric.tree is not None:
        needed = HEADS[formula.scale(metric.tree)]
        if needed.name != "identity" and output in PAIRS and needed is not head:
            raise SpecError(f"The formula needs {needed.words}; {given}.", where=where)
        if head.width > 1 and "y_pred" in formula.variables(metric.tree):
            raise SpecError(
                f"Under loss `{written(loss)}` the head gives several numbers per column, so `y_pred` cannot be "
                "compared with a target.",
                where=where,
                mend="Choose a metric from the list, or another loss.",
            )
        return metric
    # "accuracy" of features may also be that of values, as in Keras; an edge is there or not.
    scales = ("logit",) if (metric.key, output) == ("accuracy", "adj_rec") else metric.entry.scales
    if scales and output in PAIRS and head.name not in scales:
        words = " or ".join(HEADS[scale].words for scale in scales)
        raise SpecError(
            f"Metric `{metric.key}` needs {words}; {given}.",
            where=where,
            mend="Choose another metric, or another loss.",
        )
    return metric


def check_targets(output: OutputSpec, feature_kind: str | None, columns: int = 0) -> None:
    """Refuse a loss or a metric that its target values make senseless.

    Raises
    ------
    SpecError
        E.g. binary cross-entropy on features that are not 0 or 1.
    """
    if output.name not in TABLES:
        return
    for kind, catalogue in CATALOGUES.items():
        for identifier in (output.loss,) if kind == "loss" else output.metrics:
            accepted = targets_of(kind, identifier, output.name, columns)  # type: ignore[arg-type]
            if accepted and feature_kind not in accepted:
                fitting = [
                    name for name, entry in catalogue.items() if _fits(entry, output.name, feature_kind)
                ]
                raise SpecError(
                    f"`{written(identifier)}` needs {' or '.join(accepted)} values; these are {feature_kind}.",
                    where=f"outputs.{output.name}",
                    mend=f"Choose one of: {', '.join(fitting)}.",
                )


def _fits(entry: ObjectiveEntry, output: str, feature_kind: str | None) -> bool:
    return output in entry.outputs and (not entry.targets or feature_kind in entry.targets)


def _names(metrics: tuple[Identifier, ...]) -> list[str]:
    """Return a name for each metric in the log, none of them twice."""
    names: list[str] = []
    for metric in metrics:
        name, number = label(metric), 2
        while name in names:
            name, number = f"{label(metric)}_{number}", number + 1
        names.append(name)
    return names
