"""From identifiers to Keras objects: the one place that resolves losses and metrics.

Every head emits logits (log-rates for Poisson), so losses are built on logits and metrics
that expect probabilities are wrapped by :class:`OnProbabilities`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from vgae_core.data.dataset import Profile
from vgae_core.errors import SpecError
from vgae_core.spec import LOSSES, METRICS, OUTPUTS, Identifier, ObjectiveEntry, OutputSpec, RunSpec, nearest


@dataclass(frozen=True)
class Resolution:
    """What was asked of an output, what Keras made of it, and why."""

    output: str
    role: str
    written: str
    became: str
    why: str


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
def cosine_distance(y_true: Any, y_pred: Any) -> Any:
    """Return ``1 - cos(y, y_hat)`` a row, shape (n,); 1 where a row is zero."""
    return 1.0 - _cosine(y_true, y_pred)


@keras.saving.register_keras_serializable("vgae")
def multinomial(y_true: Any, y_pred: Any) -> Any:
    """Return ``-sum(y log softmax(logits)) / n_columns`` of each row, shape (n,).

    References
    ----------
    Liang et al. 2018, arXiv:1802.05814, equation 2.
    """
    y_true = ops.cast(y_true, y_pred.dtype)
    return -ops.mean(y_true * ops.log_softmax(y_pred, axis=-1), axis=-1)


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
    y_true = ops.cast(y_true, y_pred.dtype)
    r = ops.exp(log_r)
    gap = log_mean - log_r
    value = r * ops.softplus(gap) + y_true * ops.softplus(-gap)
    value += tf.math.lgamma(r) + tf.math.lgamma(y_true + 1.0) - tf.math.lgamma(y_true + r)
    return ops.mean(value, axis=-1)


def _cosine(y_true: Any, y_pred: Any) -> Any:
    y_true = ops.cast(y_true, y_pred.dtype)
    dot = ops.sum(y_true * y_pred, axis=-1)
    square = ops.sum(ops.square(y_true), axis=-1) * ops.sum(ops.square(y_pred), axis=-1)
    return dot * ops.rsqrt(ops.maximum(square, 1e-12))


def _mean_sigma(y_true: Any, y_pred: Any) -> Any:
    _, log_var = ops.split(y_pred, 2, axis=-1)
    return ops.mean(ops.exp(0.5 * log_var), axis=-1)


@keras.saving.register_keras_serializable("vgae")
class OnProbabilities(keras.metrics.Metric):
    """A metric of probabilities, fed with logits.

    Parameters
    ----------
    metric : keras.metrics.Metric
        Updated with ``sigmoid(logits)``.
    """

    def __init__(self, metric: keras.metrics.Metric, name: str | None = None) -> None:
        super().__init__(name=name or metric.name)
        self.metric = metric

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Update with ``sigmoid(y_pred)``."""
        self.metric.update_state(y_true, ops.sigmoid(y_pred), sample_weight=sample_weight)

    def result(self) -> Any:
        """Return the wrapped metric's result."""
        return self.metric.result()

    def reset_state(self) -> None:
        """Reset the wrapped metric."""
        self.metric.reset_state()


@keras.saving.register_keras_serializable("vgae")
class ActiveUnits(keras.metrics.Metric):
    """The number of latent dimensions whose mean has a variance above 0.01 over nodes.

    References
    ----------
    Burda et al. 2016, Importance Weighted Autoencoders, arXiv:1509.00519, section 5.1.
    """

    def __init__(self, name: str = "active_units") -> None:
        super().__init__(name=name)
        self.units = self.add_variable(shape=(), initializer="zeros", name="units")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Keep the count of the latest batch."""
        mean, _ = ops.split(y_pred, 2, axis=-1)
        self.units.assign(ops.sum(ops.cast(ops.var(mean, axis=0) > 0.01, self.units.dtype)))

    def result(self) -> Any:
        """Return the count."""
        return ops.convert_to_tensor(self.units)


_MEAN = "mean_with_sample_weight"


def _function(fn: Callable[[Any, Any], Any], name: str) -> keras.losses.Loss:
    loss = keras.losses.Loss(name=name, reduction=_MEAN)
    loss.call = fn  # type: ignore[method-assign]
    return loss


def _loss_builders(output: str) -> dict[str, Callable[[], keras.losses.Loss]]:
    return {
        "binary_crossentropy": lambda: keras.losses.BinaryCrossentropy(from_logits=True, reduction=_MEAN),
        "focal": lambda: keras.losses.BinaryFocalCrossentropy(from_logits=True, reduction=_MEAN),
        "mean_squared_error": lambda: (
            _function(brier, "brier")
            if output == "adj_rec"
            else keras.losses.MeanSquaredError(reduction=_MEAN)
        ),
        "poisson": lambda: _function(poisson_log_rate, "poisson_log_rate"),
        "multinomial": lambda: _function(multinomial, "multinomial"),
        "negative_binomial": lambda: _function(negative_binomial, "negative_binomial"),
        "cosine_similarity": lambda: _function(cosine_distance, "cosine_distance"),
        "kl_normal": lambda: _function(kl_normal, "kl_normal"),
        "sparse_categorical_crossentropy": lambda: keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction=_MEAN
        ),
    }


def _entry(kind: str, catalogue: dict[str, ObjectiveEntry], identifier: Identifier, output: str) -> str:
    """Return the catalogue's name for `identifier`, or raise SpecError."""
    where = f"outputs.{output}"
    if not isinstance(identifier, str):
        raise SpecError(f"A {kind} is named by text here. Received: {identifier!r}.", where=where)
    if identifier not in catalogue:
        raise SpecError(
            f"Could not resolve {kind} {identifier!r}.{nearest(identifier, catalogue)}", where=where
        )
    if output not in catalogue[identifier].outputs:
        fitting = [name for name, entry in catalogue.items() if output in entry.outputs]
        raise SpecError(
            f"{kind.capitalize()} `{identifier}` makes no sense for {OUTPUTS[output].title.lower()}.",
            where=where,
            mend=f"Choose one of: {', '.join(fitting)}.",
        )
    return identifier


def resolve_loss(identifier: Identifier, output: str) -> keras.losses.Loss:
    """Return the Keras loss of an output, working on logits.

    Raises
    ------
    SpecError
        If the name is unknown (near names are listed) or makes no sense for the output.
    """
    return _loss_builders(output)[_entry("loss", LOSSES, identifier, output)]()


def resolve_metric(identifier: Identifier, output: str) -> keras.metrics.Metric:
    """Return the Keras metric of an output; "accuracy" and "crossentropy" go by its shape and loss.

    Raises
    ------
    SpecError
        If the name is unknown (near names are listed) or makes no sense for the output.
    """
    name = _entry("metric", METRICS, identifier, output)
    m = keras.metrics
    if output == "labels":
        return {
            "accuracy": lambda: m.SparseCategoricalAccuracy(name=name),
            "crossentropy": lambda: m.SparseCategoricalCrossentropy(from_logits=True, name=name),
        }[name]()
    builders: dict[str, Callable[[], keras.metrics.Metric]] = {
        "accuracy": lambda: OnProbabilities(m.BinaryAccuracy(name=name)),
        "crossentropy": lambda: m.BinaryCrossentropy(from_logits=True, name=name),
        "precision": lambda: OnProbabilities(m.Precision(name=name)),
        "recall": lambda: OnProbabilities(m.Recall(name=name)),
        "auc": lambda: OnProbabilities(m.AUC(name=name)),
        "mean_squared_error": lambda: m.MeanSquaredError(name=name),
        "mean_absolute_error": lambda: m.MeanAbsoluteError(name=name),
        "cosine_similarity": lambda: m.MeanMetricWrapper(_cosine, name=name),
        "active_units": lambda: ActiveUnits(name=name),
        "mean_sigma": lambda: m.MeanMetricWrapper(_mean_sigma, name=name),
    }
    return builders[name]()


def check_targets(output: OutputSpec, feature_kind: str | None) -> None:
    """Refuse a loss that its target values make senseless.

    Raises
    ------
    SpecError
        E.g. binary cross-entropy on features that are not 0 or 1.
    """
    _entry("loss", LOSSES, output.loss, output.name)
    entry = LOSSES[str(output.loss)]
    if output.name in ("x_rec", "output") and entry.targets and feature_kind not in entry.targets:
        raise SpecError(
            f"`{output.loss}` needs {' or '.join(entry.targets)} values; these are {feature_kind}.",
            where=f"outputs.{output.name}",
            mend="Choose `mean_squared_error` or `cosine_similarity`.",
        )


def _class_name(thing: Any) -> str:
    if isinstance(thing, OnProbabilities):
        return f"{type(thing.metric).__name__} on probabilities"
    if type(thing) in (keras.losses.Loss, keras.metrics.MeanMetricWrapper):
        return f"{thing.name} (function)"
    return type(thing).__name__


def compile_arguments(spec: RunSpec, profile: Profile) -> tuple[dict[str, Any], list[Resolution]]:
    """Return ``loss``, ``loss_weights`` and ``metrics`` for ``Model.compile``, and how they came about.

    Every active output has an entry in each dict: Keras refuses partial ones.  The weights are
    variables, so that a schedule can move them without compiling again.  The KL weight is divided by
    the number of nodes (VGAE) or columns (VAE): with reconstruction losses that are means over pairs or
    columns and the mean of KL over rows, weight 1 is then the evidence lower bound, scaled.
    """
    many, what = (
        (profile.n_nodes, "nodes") if spec.model.family == "vgae" else (profile.n_features, "columns")
    )
    losses: dict[str, Any] = {}
    weights: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    notes: list[Resolution] = []
    for output in spec.active_outputs:
        plain = output.name == "z_vars" and not spec.model.variational
        loss = _function(no_divergence, "no_divergence") if plain else resolve_loss(output.loss, output.name)
        losses[output.name] = loss
        scale = 1.0 / many if output.name == "z_vars" else 1.0
        weights[output.name] = keras.Variable(
            output.weight * scale, trainable=False, dtype="float32", name=f"{output.name}_weight"
        )
        metrics[output.name] = [resolve_metric(metric, output.name) for metric in output.metrics]
        why = "plain auto-encoder: nothing to pull to a prior" if plain else LOSSES[str(output.loss)].help
        notes.append(Resolution(output.name, "loss", str(output.loss), _class_name(loss), why))
        factor = f"{output.weight:g} / {many} {what}" if output.name == "z_vars" else f"{output.weight:g}"
        notes.append(
            Resolution(output.name, "weight", f"{output.weight:g}", f"{output.weight * scale:.4g}", factor)
        )
        for written, metric in zip(output.metrics, metrics[output.name], strict=True):
            shape = "one logit a class" if output.name == "labels" else "one logit a pair"
            rule = f"{shape} and loss `{output.loss}`" if written in ("accuracy", "crossentropy") else ""
            notes.append(
                Resolution(
                    output.name,
                    "metric",
                    str(written),
                    _class_name(metric),
                    rule or METRICS[str(written)].help,
                )
            )
    return {"loss": losses, "loss_weights": weights, "metrics": metrics}, notes
