"""The one table from heads to Keras: their last layers, and what they give on the scale of the targets.

Beside it stand the likelihoods that read all the numbers of a head with several per column.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from vgae_core.nn.layers import Dispersion
from vgae_core.nn.seeds import Seeds

LOGITS = "log_mean"
"""Name of the dense layer that gives the logits of a head with further numbers."""


# -------------------------------------------------------------------------------- layers
def linear(hidden: Any, units: int, name: str, seeds: Seeds) -> Any:
    """Return one number per column."""
    return seeds.dense(units, name)(hidden)


def with_dispersion(hidden: Any, units: int, name: str, seeds: Seeds) -> Any:
    """Return the log of a mean per entry and, beside it, the log of an inverse dispersion per column."""
    return Dispersion(name=name)(seeds.dense(units, LOGITS)(hidden))


def with_dispersion_and_zeros(hidden: Any, units: int, name: str, seeds: Seeds) -> Any:
    """Return what :func:`with_dispersion` does and, beside it, the log odds of an excess zero per entry."""
    counts = with_dispersion(hidden, units, "dispersion", seeds)
    zeros = seeds.dense(units, "zero_logit")(hidden)
    return keras.layers.Concatenate(name=name)([counts, zeros])


# --------------------------------------------------------------------------- predictions
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


def first_mean(y_true: Any, y_pred: Any) -> Any:
    """Return expected values from their logarithms, the first numbers of the head."""
    return ops.exp(ops.clip(y_pred[:, : y_true.shape[-1]], -15.0, 15.0))


@dataclass(frozen=True)
class KerasHead:
    """How a head of :data:`vgae_core.model_parts.heads.HEADS` is made and read in Keras.

    Parameters
    ----------
    prediction : callable
        From targets (n, k) and the head's numbers (n, width * k) to predictions on the scale of the targets (n, k).
    layers : callable
        From the last hidden layer, the number of columns k and the output's name to the output (n, width * k).
    """

    prediction: Callable[[Any, Any], Any]
    layers: Callable[[Any, int, str, Seeds], Any] = linear


KERAS_HEADS: dict[str, KerasHead] = {
    "identity": KerasHead(value),
    "logit": KerasHead(probability),
    "log": KerasHead(rate),
    "softplus": KerasHead(positive),
    "softmax": KerasHead(share_of_total),
    "negative_binomial": KerasHead(first_mean, with_dispersion),
    "zero_inflated_negative_binomial": KerasHead(first_mean, with_dispersion_and_zeros),
}


# --------------------------------------------------------------------------- likelihoods
def _count_nats(y_true: Any, log_mean: Any, log_r: Any) -> Any:
    """Return the negative log-likelihood of each count under a negative binomial, shape (n, n_columns)."""
    r, gap = ops.exp(log_r), log_mean - log_r
    value = r * ops.softplus(gap) + y_true * ops.softplus(-gap)
    return value + tf.math.lgamma(r) + tf.math.lgamma(y_true + 1.0) - tf.math.lgamma(y_true + r)


@keras.saving.register_keras_serializable("vgae")
def negative_binomial(y_true: Any, y_pred: Any) -> Any:
    """Return the mean over columns of the negative log-likelihood of counts, shape (n,).

    Parameters
    ----------
    y_true : tensor, shape (n, n_columns)
        Counts.
    y_pred : tensor, shape (n, 2 * n_columns)
        Log of the mean m and log of the inverse dispersion r side by side; the variance is m + m^2 / r.

    Notes
    -----
    ``log G(r) + log G(y + 1) - log G(y + r) + r log(1 + m/r) + y log(1 + r/m)``; both logs are capped at 15,
    since log G of larger r loses its differences in float32.
    """
    log_mean, log_r = ops.split(ops.clip(y_pred, -15.0, 15.0), 2, axis=-1)
    return ops.mean(_count_nats(ops.cast(y_true, y_pred.dtype), log_mean, log_r), axis=-1)


@keras.saving.register_keras_serializable("vgae")
def zero_inflated_negative_binomial(y_true: Any, y_pred: Any) -> Any:
    """Return the mean over columns of the negative log-likelihood of counts with excess zeros, shape (n,).

    Parameters
    ----------
    y_true : tensor, shape (n, n_columns)
        Counts.
    y_pred : tensor, shape (n, 3 * n_columns)
        Log of the expected value e, log of the inverse dispersion r, and the log odds d of an excess zero.

    Notes
    -----
    A count is 0 with probability ``q = 1 / (1 + exp(-d))``, else negative binomial of mean ``m = e / (1 - q)``: so the
    first number is the logarithm of the expected value, as that of every other head of counts (Preisser et al. 2016).
    With the nats b of the negative binomial, those of the mixture are ``b + log(1 + exp(d))``, less
    ``log(1 + exp(d + b))`` where the count is 0.

    References
    ----------
    Lopez et al. 2018, doi:10.1038/s41592-018-0229-2.
    Preisser et al. 2016, Marginalized zero-inflated negative binomial regression, Statistics in Medicine 35.
    """
    log_expected, log_r, log_odds = ops.split(ops.clip(y_pred, -15.0, 15.0), 3, axis=-1)
    y_true, excess = ops.cast(y_true, y_pred.dtype), ops.softplus(log_odds)
    counted = _count_nats(y_true, ops.minimum(log_expected + excess, 15.0), log_r)
    return ops.mean(counted + excess - ops.where(y_true == 0, ops.softplus(log_odds + counted), 0.0), axis=-1)
