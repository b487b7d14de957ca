"""What ``Model.compile`` is given: losses, their weights and metrics by output, and how they came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras

from vgae_core.model_parts.heads import HEADS
from vgae_core.nn.exact import worked_out
from vgae_core.nn.losses import FunctionLoss, OnProbabilities, loss_of, no_divergence
from vgae_core.nn.metrics import OnPrediction, Ranking, keras_metric
from vgae_core.settings.resolved_outputs import Output


@dataclass(frozen=True)
class Resolution:
    """What was asked of an output, what Keras made of it, and why."""

    output: str
    role: str
    written: str
    became: str
    why: str


def _class_name(thing: Any) -> str:
    if isinstance(thing, OnPrediction):
        on = "" if thing.scale == "identity" else f" on {HEADS[thing.scale].words}"
        return _class_name(thing.metric) + on
    if isinstance(thing, Ranking):
        return f"{_class_name(thing.metric)} of the ranking"
    if isinstance(thing, OnProbabilities):
        return f"{_class_name(thing.loss)} on probabilities"
    if type(thing) in (FunctionLoss, keras.metrics.MeanMetricWrapper):
        return f"{thing.name} (function)"
    return type(thing).__name__


_WORKED = {"no_prior": no_divergence, "by_layer": worked_out}
"""Losses of outputs that need no loss of what the head gives: the layer sums all pairs itself, say."""


def compile_arguments(outputs: Mapping[str, Output]) -> tuple[dict[str, Any], list[Resolution]]:
    """Return ``loss``, ``loss_weights`` and ``weighted_metrics`` for ``Model.compile``, and how they came about.

    Every active output has an entry in each dict: Keras refuses partial ones.  Metrics are weighted, since
    pairs and nodes that the loss leaves out (weight 0) must not count in them either.  The weights of the losses
    are variables, so that a schedule can move them without compiling again.

    Parameters
    ----------
    outputs : mapping of str to Output
        From :func:`vgae_core.settings.resolved_outputs.resolve`.

    Raises
    ------
    SpecError
        If Keras does not accept the settings of a loss or a metric.
    """
    losses: dict[str, Any] = {}
    weights: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    notes: list[Resolution] = []
    for name, output in outputs.items():
        by_itself = _WORKED.get(output.worked)
        losses[name] = loss_of(output.loss, name) if by_itself is None else FunctionLoss(by_itself)
        weights[name] = keras.Variable(output.factor, trainable=False, dtype="float32", name=f"{name}_weight")
        metrics[name] = [keras_metric(one, name, output.head, output.columns) for one in output.metrics]
        became = "AllPairsCrossentropy" if output.worked == "by_layer" else _class_name(losses[name])
        notes.append(Resolution(name, "loss", output.loss.written, became, output.loss.why))
        over = f" / {output.divisor} {output.divided_by}" if output.divided_by else ""
        notes.append(
            Resolution(
                name, "weight", f"{output.weight:g}", f"{output.factor:.4g}", f"{output.weight:g}{over}"
            )
        )
        if output.left_out:
            names = ", ".join(output.left_out)
            notes.append(Resolution(name, "metric", names, "left out", "no logits of all pairs are kept"))
        for one, metric in zip(output.metrics, metrics[name], strict=True):
            notes.append(Resolution(name, "metric", one.written, _class_name(metric), one.why))
    return {"loss": losses, "loss_weights": weights, "weighted_metrics": metrics}, notes
