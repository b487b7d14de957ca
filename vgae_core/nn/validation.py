"""Losses and metrics of the outputs on what is held out for validation, after each epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from vgae_core.nn.metrics import keras_metric
from vgae_core.nn.models import BuiltModel

Validate = Callable[[np.ndarray, np.ndarray], dict[str, float]]
"""From the mean codes of all nodes and the logits of the validation pairs, edges first, to losses and metrics."""


def make_validate(
    built: BuiltModel,
    losses: Mapping[str, Any],
    n_edges: int,
    n_pairs: int,
    labels: np.ndarray | None,
    nodes: np.ndarray,
) -> Validate:
    """Return a function that gives ``<output>_loss`` and ``<output>_<metric>`` as Keras logs them of training data.

    The mean code is used, not a sample of it. Of edges it is their loss where pairs are scored one by one; features
    have no held-out values, and held-out entries of a matrix are no whole rows, so these outputs have none.

    Parameters
    ----------
    built : BuiltModel
    losses : mapping of str to loss
        As the model is compiled with them.
    n_edges, n_pairs : int
        Validation edges, and these with as many non-edges.
    labels : ndarray of int, shape (n_nodes,), or None
    nodes : ndarray of int64, shape (n_validation,)
        Nodes whose label is held out for validation.
    """
    targets: dict[str, tf.Tensor] = {}
    pairs = built.outputs.get("adj_rec")
    if pairs is not None and n_pairs and pairs.worked == "from_output" and not pairs.learns_weights:
        targets["adj_rec"] = tf.constant((np.arange(n_pairs) < n_edges).astype(np.float32)[:, None])
    if "labels" in built.outputs and labels is not None and len(nodes):
        targets["labels"] = tf.constant(labels[nodes][:, None], tf.int32)
    if not targets:
        return lambda codes, logits: {}
    metrics: dict[str, list[keras.metrics.Metric]] = {
        name: [
            keras_metric(one, name, built.outputs[name].head, built.outputs[name].columns)
            for one in built.outputs[name].metrics
        ]
        for name in targets
    }

    @tf.function(autograph=False)
    def measure(predicted: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        logs = {}
        for name, y_pred in predicted.items():
            logs[f"{name}_loss"] = ops.mean(losses[name](targets[name], y_pred))
            for metric in metrics[name]:
                metric.reset_state()
                metric.update_state(targets[name], y_pred)
                logs[f"{name}_{metric.name}"] = metric.result()
        return logs

    def validate(codes: np.ndarray, logits: np.ndarray) -> dict[str, float]:
        predicted = {}
        if "adj_rec" in targets:
            predicted["adj_rec"] = tf.constant(logits[:, None], tf.float32)
        if "labels" in targets:
            predicted["labels"] = built.model.get_layer("labels")(codes[nodes])
        return {name: float(value) for name, value in measure(predicted).items()}

    return validate
