"""The one table from heads to Keras: their last layers, and what they give on the scale of the targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from vgae_core.nn.layers import Dispersion


def linear(hidden: Any, units: int, name: str) -> Any:
    """Return one number per column."""
    return keras.layers.Dense(units, name=name)(hidden)


def with_dispersion(hidden: Any, units: int, name: str) -> Any:
    """Return the log of a mean per entry and, beside it, the log of an inverse dispersion per column."""
    return Dispersion(name=name)(keras.layers.Dense(units, name=LOGITS)(hidden))


LOGITS = "log_mean"
"""Name of the dense layer that gives the logits of a head with further numbers."""


def value(y_true: Any, y_pred: Any) -> Any:
    """Return the head's numbers as they are."""
    return y_pred


def probability(y_true: Any, y_pred: Any) -> Any:
    """Return the probabilities behind logits."""
    return ops.sigmoid(y_pred)


def rate(y_true: Any, y_pred: Any) -> Any:
    """Return expected values from their logarithms."""
    return ops.exp(ops.minimum(y_pred, 30.0))


def positive(y_true: Any, y_pred: Any) -> Any:
    """Return expected weights, which grow as the head's numbers do."""
    return ops.softplus(y_pred)


def share_of_total(y_true: Any, y_pred: Any) -> Any:
    """Return expected values from the shares of each row's total."""
    total = ops.sum(ops.cast(y_true, y_pred.dtype), axis=-1, keepdims=True)
    return total * ops.softmax(y_pred, axis=-1)


def first_of_two(y_true: Any, y_pred: Any) -> Any:
    """Return means from their logarithms, which stand before as many dispersions."""
    return ops.exp(ops.clip(ops.split(y_pred, 2, axis=-1)[0], -15.0, 15.0))


@dataclass(frozen=True)
class KerasHead:
    """How a head of :data:`vgae_core.heads.HEADS` is made and read in Keras.

    Parameters
    ----------
    prediction : callable
        From targets (n, k) and the head's numbers (n, width * k) to predictions on the scale of the targets (n, k).
    layers : callable
        From the last hidden layer, the number of columns k and the output's name to the output (n, width * k).
    """

    prediction: Callable[[Any, Any], Any]
    layers: Callable[[Any, int, str], Any] = linear


KERAS_HEADS: dict[str, KerasHead] = {
    "identity": KerasHead(value),
    "logit": KerasHead(probability),
    "log": KerasHead(rate),
    "softplus": KerasHead(positive),
    "softmax": KerasHead(share_of_total),
    "negative_binomial": KerasHead(first_of_two, with_dispersion),
}
