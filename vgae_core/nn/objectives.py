"""From identifiers to Keras objects: the one place that resolves losses and metrics.

Every head emits logits (log-rates for Poisson), so losses are built on logits and metrics
that expect probabilities are wrapped by :class:`OnPrediction`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from vgae_core import formula
from vgae_core.catalogue.identifiers import label, written
from vgae_core.catalogue.lookup import BY_SHAPE, find, head_of, lookup, targets_of
from vgae_core.catalogue.losses import LOSSES
from vgae_core.catalogue.metrics import METRICS
from vgae_core.catalogue.objectives import Identifier, ObjectiveEntry
from vgae_core.catalogue.registration import registered
from vgae_core.data.dataset import Profile
from vgae_core.errors import SpecError
from vgae_core.heads import HEADS
from vgae_core.nn import formulas
from vgae_core.nn.exact import worked_out
from vgae_core.nn.heads import KERAS_HEADS
from vgae_core.settings import OutputSpec, RunSpec


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


class _Wrapper(keras.metrics.Metric):
    """A metric that shows another one its arguments in another form."""

    def __init__(self, metric: keras.metrics.Metric, name: str | None = None) -> None:
        super().__init__(name=name or metric.name)
        self.metric = metric

    def result(self) -> Any:
        """Return the wrapped metric's result."""
        return self.metric.result()

    def reset_state(self) -> None:
        """Reset the wrapped metric."""
        self.metric.reset_state()


@keras.saving.register_keras_serializable("vgae")
class OnPrediction(_Wrapper):
    """A metric of predictions on the scale of the targets, fed with what the head gives.

    Parameters
    ----------
    metric : keras.metrics.Metric
        Updated with what the head predicts.
    scale : str
        A key of :data:`vgae_core.heads.HEADS`.
    """

    def __init__(self, metric: keras.metrics.Metric, scale: str = "logit", name: str | None = None) -> None:
        super().__init__(metric, name)
        self.scale = scale

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Update with the head's prediction."""
        predicted = KERAS_HEADS[self.scale].prediction(y_true, y_pred)
        self.metric.update_state(y_true, predicted, sample_weight=sample_weight)


@keras.saving.register_keras_serializable("vgae")
class Ranking(_Wrapper):
    """A metric of how entries above 0 rank among zeros, whatever the scale of the head.

    The logit, log-rate or value goes through a sigmoid, which keeps the order and gives the range that
    Keras' thresholds need.
    """

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Update with ``y_true > 0`` and ``sigmoid(y_pred)``; of means and dispersions only the means count."""
        scores = y_pred[:, : y_true.shape[-1]]
        self.metric.update_state(
            ops.cast(y_true > 0, "float32"), ops.sigmoid(scores), sample_weight=sample_weight
        )


@keras.saving.register_keras_serializable("vgae")
class AveragePrecision(keras.metrics.Metric):
    """Precision averaged over recall, from counts of scores in 2,000 bins; 0 without ones.

    Equal scores count as one threshold, as in scikit-learn. (Keras' ``AUC(curve="PR")`` interpolates instead,
    which differs where scores are few or tied.)
    """

    def __init__(self, bins: int = 2000, name: str = "average_precision") -> None:
        super().__init__(name=name)
        self.bins = bins
        self.ones, self.all = (
            self.add_variable(shape=(bins,), initializer="zeros", name=part) for part in ("ones", "all")
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count entries above 0, and all entries, by score; any scale of scores will do."""
        scores = y_pred[:, : y_true.shape[-1]]
        weight = ops.ones_like(scores)
        if sample_weight is not None:
            weight *= ops.reshape(ops.cast(sample_weight, scores.dtype), (-1, 1))
        place = ops.cast((ops.softsign(scores) + 1.0) * (0.5 * self.bins), "int32")
        place = ops.reshape(ops.clip(place, 0, self.bins - 1), (-1,))
        ones = ops.reshape(weight * ops.cast(y_true > 0, scores.dtype), (-1,))
        self.ones.assign_add(ops.segment_sum(ones, place, self.bins))
        self.all.assign_add(ops.segment_sum(ops.reshape(weight, (-1,)), place, self.bins))

    def result(self) -> Any:
        """Return the sum of precision times gained recall, from the highest score down."""
        found, called = ops.cumsum(ops.flip(self.ones)), ops.cumsum(ops.flip(self.all))
        gained = ops.flip(self.ones) / ops.maximum(found[-1], 1e-12)
        return ops.sum(gained * found / ops.maximum(called, 1e-12))


@keras.saving.register_keras_serializable("vgae")
class F1(keras.metrics.Metric):
    """The harmonic mean of precision and recall over all entries; 0 where both are.

    Parameters
    ----------
    threshold : float
        Probability from which an entry is called a one.
    """

    def __init__(self, threshold: float = 0.5, name: str = "f1") -> None:
        super().__init__(name=name)
        self.threshold = threshold
        self.precision = keras.metrics.Precision(thresholds=threshold)
        self.recall = keras.metrics.Recall(thresholds=threshold)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count the hits and misses of probabilities."""
        for metric in (self.precision, self.recall):
            metric.update_state(y_true, y_pred, sample_weight=sample_weight)

    def result(self) -> Any:
        """Return 2 p r / (p + r)."""
        precision, recall = self.precision.result(), self.recall.result()
        return 2.0 * precision * recall / ops.maximum(precision + recall, 1e-12)

    def reset_state(self) -> None:
        """Forget all counts."""
        self.precision.reset_state()
        self.recall.reset_state()


@keras.saving.register_keras_serializable("vgae")
class MacroF1(keras.metrics.Metric):
    """The mean of the F1 scores of all classes, for targets (n, 1) and logits (n, n_classes).

    Parameters
    ----------
    n_classes : int
    """

    def __init__(self, n_classes: int, name: str = "macro_f1") -> None:
        super().__init__(name=name)
        self.n_classes = n_classes
        self.hits, self.named, self.there = (
            self.add_variable(shape=(n_classes,), initializer="zeros", name=part)
            for part in ("hits", "named", "there")
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count, of each class, nodes that are of it, are called it, and both."""
        there = ops.one_hot(ops.reshape(ops.cast(y_true, "int32"), (-1,)), self.n_classes)
        named = ops.one_hot(ops.argmax(y_pred, axis=-1), self.n_classes)
        if sample_weight is not None:
            weight = ops.reshape(ops.cast(sample_weight, there.dtype), (-1, 1))
            there, named = there * weight, named * weight
            both = ops.where(weight > 0, there * named / ops.maximum(weight, 1e-12), 0.0)
        else:
            both = there * named
        for variable, values in ((self.hits, both), (self.named, named), (self.there, there)):
            variable.assign_add(ops.sum(values, axis=0))

    def result(self) -> Any:
        """Return the mean F1; a class that is neither there nor named counts 0."""
        return ops.mean(2.0 * self.hits / ops.maximum(self.named + self.there, 1e-12))


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


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "weighted_binary_crossentropy": weighted_binary_crossentropy,
    "poisson": poisson_log_rate,
    "weight_poisson": weight_poisson,
    "multinomial": multinomial,
    "negative_binomial": negative_binomial,
    "cosine_similarity": cosine_distance,
    "kl_normal": kl_normal,
    "kl_free_bits": kl_free_bits,
    "sparse_categorical_focal": sparse_categorical_focal,
}
"""Losses that are functions of the house; all others are Keras' classes."""

CLASSES: dict[str, str] = {"smoothed_binary_crossentropy": "BinaryCrossentropy"}
"""Losses that are a Keras class with other settings than its own entry."""


def _built(kind: str, what: str, make: Callable[[], Any], output: str) -> Any:
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


def resolve_loss(identifier: Identifier, output: str, columns: int = 0) -> keras.losses.Loss:
    """Return the Keras loss of an output, working on what its head gives.

    Parameters
    ----------
    identifier : str or mapping
        As a specification stores it.
    output : str
    columns : int
        Width of the output, which decides what "crossentropy" becomes.

    Raises
    ------
    SpecError
        If the name is unknown (near names are listed) or makes no sense for the output.
    """
    if isinstance(identifier, Mapping) and "formula" in identifier:
        tree = identifier["formula"]
        _check_formula(tree, output, loss=True)
        return FunctionLoss(formulas.function(tree), "formula")
    key, config = lookup("loss", identifier, output, columns)
    entry = LOSSES[key]
    if entry.factory is not None:
        return _built("loss", key, lambda: _own_loss(registered(entry), key, config), output)
    if key in FUNCTIONS:
        given = {name: value for name, value in config.items() if value is not None}
        return FunctionLoss(FUNCTIONS[key], **given)
    if key == "mean_squared_error" and output == "adj_rec":
        return FunctionLoss(brier)
    if key == "weight_squared_error":
        return keras.losses.MeanSquaredError(reduction=_MEAN)
    kind = getattr(keras.losses, CLASSES.get(key, entry.keras))
    if "from_logits" in inspect.signature(kind).parameters:
        config = {**config, "from_logits": True}
    loss = _built("loss", key, lambda: kind(**config, reduction=_MEAN), output)
    values = output == "adj_rec" and entry.scale == "identity"
    return OnProbabilities(loss) if values else loss


def resolve_metric(
    identifier: Identifier,
    output: str,
    loss: Identifier = "mean_squared_error",
    columns: int = 2,
    name: str | None = None,
) -> keras.metrics.Metric:
    """Return the Keras metric of an output; "accuracy" and "crossentropy" go by its shape, as in Keras.

    Parameters
    ----------
    identifier : str or mapping
        As a specification stores it.
    output : str
    loss : str or mapping
        Of the same output: it decides what the head of a feature output gives.
    columns : int
        Width of the targets of ``x_rec`` and ``output``, number of classes of ``labels``.
    name : str, optional
        Under which it is logged.

    Raises
    ------
    SpecError
        If the name is unknown (near names are listed) or makes no sense for the output or its loss.
    """
    name = name or label(identifier)
    if isinstance(identifier, Mapping) and "formula" in identifier:
        tree = identifier["formula"]
        _check_formula(tree, output, loss=False)
        head, wanted = head_of(output, loss, columns), formula.scale(tree)
        if wanted != "identity" and output in ("adj_rec", "x_rec", "output") and wanted != head.name:
            raise SpecError(
                f"The formula needs {HEADS[wanted].words}; under loss `{written(loss)}` the head gives {head.words}.",
                where=f"outputs.{output}",
            )
        if head.width > 1 and "y_pred" in formula.pieces(tree):
            raise SpecError(
                f"Under loss `{written(loss)}` the head gives several numbers per column, "
                "so `y_pred` fits no target.",
                where=f"outputs.{output}",
                mend="Choose a metric from the list, or another loss.",
            )
        return keras.metrics.MeanMetricWrapper(formulas.function(tree), name=name)
    key, config = lookup("metric", identifier, output)
    return _built("metric", key, lambda: _metric(key, config, output, loss, columns, name), output)


def _metric(
    key: str, config: dict[str, Any], output: str, loss: Identifier, columns: int, name: str
) -> keras.metrics.Metric:
    m, entry, head = keras.metrics, METRICS[key], head_of(output, loss, columns)
    # "accuracy" of features may also be that of values, as in Keras; an edge is there or not.
    scales = ("logit",) if (key, output) == ("accuracy", "adj_rec") else entry.scales
    if scales and output in ("adj_rec", "x_rec", "output") and head.name not in scales:
        wanted = " or ".join(HEADS[scale].words for scale in scales)
        raise SpecError(
            f"Metric `{key}` needs {wanted}; under loss `{written(loss)}` the head gives {head.words}.",
            where=f"outputs.{output}",
            mend="Choose another metric, or another loss.",
        )
    if entry.factory is not None:
        thing = registered(entry)
        made: Any = (
            thing(**config)
            if inspect.isclass(thing)
            else m.MeanMetricWrapper(functools.partial(thing, **config), name=name)
        )
        made.name = name
        return made if output in ("z_vars", "labels") else OnPrediction(made, head.name, name=name)
    if key in ("accuracy", "crossentropy"):
        # Keras' rule: one column is binary; a class number against several columns is sparse; else columns compete.
        shape = "Binary" if output == "adj_rec" or columns == 1 else "Categorical"
        shape = "SparseCategorical" if output == "labels" else shape
        kind = getattr(m, shape + key.capitalize())
        if key == "crossentropy":
            return kind(from_logits=True, name=name)
        return kind(name=name) if output == "labels" else OnPrediction(kind(name=name), head.name, name=name)
    if key == "auc":
        return Ranking(m.AUC(name=name))
    if key == "average_precision":
        return AveragePrecision(name=name)
    metric: Any = {
        "f1": lambda: F1(name=name, **config),
        "macro_f1": lambda: MacroF1(columns, name=name),
        "cosine_similarity": lambda: m.MeanMetricWrapper(_cosine, name=name),
        "active_units": lambda: ActiveUnits(name=name),
        "mean_sigma": lambda: m.MeanMetricWrapper(_mean_sigma, name=name),
        "kl_normal": lambda: m.MeanMetricWrapper(kl_normal, name=name),
        "binary_crossentropy": lambda: m.BinaryCrossentropy(from_logits=True, name=name),
    }.get(key, lambda: getattr(m, entry.keras)(name=name, **config))()
    on_head = output in ("z_vars", "labels") or key == "binary_crossentropy"
    return metric if on_head else OnPrediction(metric, head.name, name=name)


def _check_formula(tree: Any, output: str, *, loss: bool) -> None:
    try:
        formula.check(tree, output, loss=loss)
    except SpecError as error:
        raise SpecError(error.message, where=f"outputs.{output}, {error.where}", mend=error.mend) from error


def check_targets(output: OutputSpec, feature_kind: str | None, columns: int = 0) -> None:
    """Refuse a loss or a metric that its target values make senseless.

    Raises
    ------
    SpecError
        E.g. binary cross-entropy on features that are not 0 or 1.
    """
    if output.name not in ("x_rec", "output"):
        return
    for kind, catalogue, identifiers in (
        ("loss", LOSSES, (output.loss,)),
        ("metric", METRICS, output.metrics),
    ):
        for identifier in identifiers:
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


def _why(kind: str, identifier: Identifier, output: str, columns: int) -> str:
    """Return why an identifier became what it did."""
    if isinstance(identifier, Mapping) and "formula" in identifier:
        return "your formula, the mean over each row"
    name = identifier if isinstance(identifier, str) else str(identifier["class_name"])
    if BY_SHAPE.get(name.lower()) is not None:
        shape = {"adj_rec": "one logit a pair", "labels": f"one logit a class, {columns} classes"}.get(
            output, "one column" if columns == 1 else f"{columns} columns a row"
        )
        return f"as Keras resolves it: {shape}"
    catalogue = LOSSES if kind == "loss" else METRICS
    return catalogue[find(kind, name) or name].help  # type: ignore[arg-type]


def compile_arguments(spec: RunSpec, profile: Profile) -> tuple[dict[str, Any], list[Resolution]]:
    """Return ``loss``, ``loss_weights`` and ``weighted_metrics`` for ``Model.compile``, and how they came about.

    Every active output has an entry in each dict: Keras refuses partial ones.  Metrics are weighted, since
    pairs and nodes that the loss leaves out (weight 0) must not count in them either.  The weights of the losses
    are variables, so that a schedule can move them without compiling again.  The KL weight is divided by
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
        columns = {
            "x_rec": profile.n_features,
            "output": profile.n_features,
            "labels": profile.n_classes,
        }.get(output.name, 1)
        check_targets(output, profile.feature_kind, columns)
        plain = output.name == "z_vars" and not spec.model.variational
        loss = resolve_loss(output.loss, output.name, columns)
        losses[output.name] = FunctionLoss(no_divergence) if plain else loss
        exact = output.name == "adj_rec" and spec.training.supervision == "all"
        if exact:  # the layer sums it block by block; there are no logits for metrics to look at
            losses[output.name] = FunctionLoss(worked_out)
        scale = 1.0 / many if output.name == "z_vars" else 1.0
        weights[output.name] = keras.Variable(
            output.weight * scale, trainable=False, dtype="float32", name=f"{output.name}_weight"
        )
        metrics[output.name] = [
            resolve_metric(metric, output.name, output.loss, columns, name)
            for metric, name in zip(output.metrics, _names(output.metrics), strict=True)
            if not exact
        ]
        why = (
            "plain auto-encoder: nothing to pull to a prior"
            if plain
            else _why("loss", output.loss, output.name, columns)
        )
        became = "AllPairsCrossentropy" if exact else _class_name(losses[output.name])
        notes.append(Resolution(output.name, "loss", written(output.loss), became, why))
        factor = f"{output.weight:g} / {many} {what}" if output.name == "z_vars" else f"{output.weight:g}"
        notes.append(
            Resolution(output.name, "weight", f"{output.weight:g}", f"{output.weight * scale:.4g}", factor)
        )
        if exact and output.metrics:
            names = ", ".join(map(label, output.metrics))
            notes.append(
                Resolution(output.name, "metric", names, "left out", "no logits of all pairs are kept")
            )
        for identifier, metric in zip(output.metrics, metrics[output.name], strict=not exact):
            why = _why("metric", identifier, output.name, columns)
            notes.append(Resolution(output.name, "metric", written(identifier), _class_name(metric), why))
    return {"loss": losses, "loss_weights": weights, "weighted_metrics": metrics}, notes


def _names(metrics: tuple[Identifier, ...]) -> list[str]:
    """Return a name for each metric in the log, none of them twice."""
    names: list[str] = []
    for metric in metrics:
        name, number = label(metric), 2
        while name in names:
            name, number = f"{label(metric)}_{number}", number + 1
        names.append(name)
    return names
