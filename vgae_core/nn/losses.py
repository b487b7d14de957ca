"""Losses: functions of targets and of what a head gives, and the one place that makes Keras losses of resolved ones.

Every head emits logits (log-rates for counts), so losses are built on them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from vgae_core.catalogue.base import load
from vgae_core.catalogue.registration import registered
from vgae_core.errors import SpecError
from vgae_core.nn import formulas
from vgae_core.settings.resolved_outputs import Objective


@keras.saving.register_keras_serializable("vgae")
def kl_normal(y_true: Any, y_pred: Any) -> Any:
    """Return the divergence of each row's normal from the standard normal, in nats.

    Parameters
    ----------
    y_true : tensor, shape (n_nodes, 1)
        Ignored: the prior is fixed.
    y_pred : tensor, shape (n_nodes, 2 * latent_dim)
        Mean and log-variance side by side.

    Returns
    -------
    tensor, shape (n_nodes,)
        ``-1/2 sum(1 + log s^2 - mu^2 - s^2)``.

    References
    ----------
    Kingma & Welling 2014, arXiv:1312.6114, appendix B.
    """
    mean, log_var = ops.split(y_pred, 2, axis=-1)
    return -0.5 * ops.sum(1.0 + log_var - ops.square(mean) - ops.exp(log_var), axis=-1)


@keras.saving.register_keras_serializable("vgae")
def no_divergence(y_true: Any, y_pred: Any) -> Any:
    """Return 0 a node: a plain auto-encoder has no distribution to pull to a prior."""
    return ops.zeros_like(y_pred[:, 0])


@keras.saving.register_keras_serializable("vgae")
def kl_free_bits(y_true: Any, y_pred: Any, nats: float = 0.25) -> Any:
    """Return the divergence of :func:`kl_normal` with every latent dimension counting at least `nats`, shape (n,).

    References
    ----------
    Kingma et al. 2016, arXiv:1606.04934, appendix C.8.
    """
    mean, log_var = ops.split(y_pred, 2, axis=-1)
    return ops.sum(ops.maximum(-0.5 * (1.0 + log_var - ops.square(mean) - ops.exp(log_var)), nats), axis=-1)


@keras.saving.register_keras_serializable("vgae")
def weighted_binary_crossentropy(
    y_true: Any, y_pred: Any, pos_weight: float | None = None, norm: float | None = None
) -> Any:
    """Return the mean over the last axis of ``-norm [pos_weight y log p + (1 - y) log(1 - p)]``, shape (n,).

    Parameters
    ----------
    y_true, y_pred : tensor, shape (n, k)
        Zeros and ones, and logits.
    pos_weight : float, optional
        Zeros divided by ones, counted in `y_true`, unless given.
    norm : float, optional
        Entries divided by twice the zeros, unless given.

    References
    ----------
    Kipf & Welling 2016, arXiv:1611.07308; weights as in the code of its authors.
    """
    y_true = ops.cast(y_true, y_pred.dtype)
    count = ops.cast(ops.size(y_true), y_pred.dtype)
    ones = ops.maximum(ops.sum(y_true), 1.0)
    zeros = ops.maximum(count - ones, 1.0)
    pos_weight = zeros / ones if pos_weight is None else pos_weight
    norm = count / (2.0 * zeros) if norm is None else norm
    loss = pos_weight * y_true * ops.softplus(-y_pred) + (1.0 - y_true) * ops.softplus(y_pred)
    return norm * ops.mean(loss, axis=-1)


@keras.saving.register_keras_serializable("vgae")
def sparse_categorical_focal(y_true: Any, y_pred: Any, gamma: float = 2.0) -> Any:
    """Return ``-(1 - p)^gamma log p`` of each row's class, shape (n,), for logits of shape (n, n_classes).

    References
    ----------
    Lin et al. 2017, arXiv:1708.02002.
    """
    truth = ops.one_hot(ops.reshape(ops.cast(y_true, "int32"), (-1,)), y_pred.shape[-1])
    log_p = ops.sum(truth * ops.log_softmax(y_pred, axis=-1), axis=-1)
    return -ops.power(ops.maximum(1.0 - ops.exp(log_p), 1e-7), gamma) * log_p


@keras.saving.register_keras_serializable("vgae")
def brier(y_true: Any, y_pred: Any) -> Any:
    """Return the mean over the last axis of ``(y - sigmoid(logit))^2``, shape (n,)."""
    return ops.mean(ops.square(ops.cast(y_true, y_pred.dtype) - ops.sigmoid(y_pred)), axis=-1)


@keras.saving.register_keras_serializable("vgae")
def poisson_log_rate(y_true: Any, y_pred: Any) -> Any:
    """Return the mean over the last axis of ``exp(r) - y r`` for log-rates r, shape (n,).

    Rates are capped at e^30, so that an extreme log-rate gives a large finite loss.
    """
    rate = ops.minimum(y_pred, 30.0)
    return ops.mean(ops.exp(rate) - ops.cast(y_true, y_pred.dtype) * y_pred, axis=-1)


@keras.saving.register_keras_serializable("vgae")
def weight_poisson(y_true: Any, y_pred: Any) -> Any:
    """Return the mean over the last axis of ``r - y log r`` for rates ``r = softplus(y_pred)``, shape (n,).

    The rate grows as its input does, not as its exponential: latent codes are drawn, and the exponential of an inner
    product of drawn codes has no bounds.
    """
    rate = ops.softplus(y_pred)
    # log softplus(x) is x - e^x / 2 + ... far below zero, where float32 has no rate to take the logarithm of.
    log_rate = ops.where(y_pred < -15.0, y_pred, ops.log(ops.maximum(rate, 1e-7)))
    return ops.mean(rate - ops.cast(y_true, y_pred.dtype) * log_rate, axis=-1)


@keras.saving.register_keras_serializable("vgae")
def cosine_distance(y_true: Any, y_pred: Any) -> Any:
    """Return ``1 - cos(y, y_hat)`` a row, shape (n,); 1 where a row is zero."""
    return 1.0 - cosine(y_true, y_pred)


@keras.saving.register_keras_serializable("vgae")
def multinomial(y_true: Any, y_pred: Any) -> Any:
    """Return ``-sum(y log softmax(logits)) / n_columns`` of each row, shape (n,).

    References
    ----------
    Liang et al. 2018, arXiv:1802.05814, equation 2.
    """
    y_true = ops.cast(y_true, y_pred.dtype)
    return -ops.mean(y_true * ops.log_softmax(y_pred, axis=-1), axis=-1)


def cosine(y_true: Any, y_pred: Any) -> Any:
    """Return ``cos(y, y_hat)`` of each row, shape (n,); 0 where a row is zero."""
    y_true = ops.cast(y_true, y_pred.dtype)
    dot = ops.sum(y_true * y_pred, axis=-1)
    square = ops.sum(ops.square(y_true), axis=-1) * ops.sum(ops.square(y_pred), axis=-1)
    return dot * ops.rsqrt(ops.maximum(square, 1e-12))


_MEAN = "mean_with_sample_weight"


@keras.saving.register_keras_serializable("vgae")
class FunctionLoss(keras.losses.Loss):
    """A function ``(y_true, y_pred)`` as a loss: the mean of what it gives, weighted by the sample weights.

    Parameters
    ----------
    fn : callable
        To one number a row, one an entry, or one for all.
    name : str
    **settings
        Further arguments of `fn`.
    """

    def __init__(self, fn: Callable[..., Any], name: str | None = None, **settings: Any) -> None:
        super().__init__(name=name or fn.__name__, reduction="mean_with_sample_weight")
        self.fn, self.settings = fn, settings

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each row or entry."""
        value = ops.convert_to_tensor(self.fn(y_true, y_pred, **self.settings))
        return ops.broadcast_to(value, (ops.shape(y_pred)[0],)) if len(value.shape) == 0 else value


@keras.saving.register_keras_serializable("vgae")
class OnProbabilities(keras.losses.Loss):
    """A loss of values as a loss of the probabilities behind logits."""

    def __init__(self, loss: keras.losses.Loss) -> None:
        super().__init__(name=loss.name, reduction=loss.reduction)
        self.loss = loss

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of ``sigmoid(y_pred)``."""
        return self.loss.call(y_true, ops.sigmoid(y_pred))


CLASSES: dict[str, str] = {"smoothed_binary_crossentropy": "BinaryCrossentropy"}
"""Losses that are a Keras class with other settings than its own entry."""


def accepted(kind: str, what: str, make: Callable[[], Any], output: str) -> Any:
    """Return ``make()``; Keras' complaints about settings become those of the specification."""
    try:
        return make()
    except SpecError:
        raise  # says already what is wrong and where
    except (TypeError, ValueError) as error:
        raise SpecError(
            f"Settings of {kind} `{what}` are not accepted: {error}", where=f"outputs.{output}"
        ) from error


def _own_loss(thing: Any, name: str, config: Mapping[str, Any]) -> keras.losses.Loss:
    """Return the loss of a registered function or class."""
    if inspect.isclass(thing):
        made: Any = thing(**config)
        return made if isinstance(made, keras.losses.Loss) else FunctionLoss(made, name)
    return FunctionLoss(thing, name, **config)


def loss_of(loss: Objective, output: str) -> keras.losses.Loss:
    """Return the Keras loss of an output, working on what its head gives.

    Raises
    ------
    SpecError
        If its settings are not accepted.
    """
    if loss.tree is not None:
        return FunctionLoss(formulas.function(loss.tree), "formula")
    key, config, entry = loss.key, dict(loss.config), loss.entry
    if entry.factory is not None:
        return accepted("loss", key, lambda: _own_loss(registered(entry), key, config), output)
    if entry.builder:
        given = {name: value for name, value in config.items() if value is not None}
        return FunctionLoss(load(entry.builder), **given)
    if key == "mean_squared_error" and output == "adj_rec":
        return FunctionLoss(brier)
    if key == "weight_squared_error":
        return keras.losses.MeanSquaredError(reduction=_MEAN)
    kind = getattr(keras.losses, CLASSES.get(key, entry.keras))
    if "from_logits" in inspect.signature(kind).parameters:
        config = {**config, "from_logits": True}
    made: keras.losses.Loss = accepted("loss", key, lambda: kind(**config, reduction=_MEAN), output)
    values = output == "adj_rec" and entry.scale == "identity"
    return OnProbabilities(made) if values else made
