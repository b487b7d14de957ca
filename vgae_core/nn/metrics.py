"""Metrics: Keras classes for what Keras has none for, and the one place that makes them of resolved ones.

Metrics that expect predictions on the scale of the targets are wrapped by :class:`OnPrediction`.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any

import keras
from keras import ops

from vgae_core.catalogue.base import load
from vgae_core.catalogue.registration import registered
from vgae_core.model_parts.heads import Head
from vgae_core.nn import formulas
from vgae_core.nn.heads import KERAS_HEADS
from vgae_core.nn.losses import accepted
from vgae_core.settings.resolved_outputs import Objective, by_shape


def mean_sigma(y_true: Any, y_pred: Any) -> Any:
    """Return the mean standard deviation of each code, shape (n,), from means and log-variances side by side."""
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
        A key of :data:`vgae_core.model_parts.heads.HEADS`.
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
        hits, called = ops.cumsum(ops.flip(self.ones)), ops.cumsum(ops.flip(self.all))
        gained = ops.flip(self.ones) / ops.maximum(hits[-1], 1e-12)
        return ops.sum(gained * hits / ops.maximum(called, 1e-12))


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


def keras_metric(metric: Objective, output: str, head: Head, columns: int) -> keras.metrics.Metric:
    """Return the Keras metric of an output; "accuracy" and "crossentropy" go by its shape, as in Keras.

    Parameters
    ----------
    metric : Objective
    output : str
    head : Head
    columns : int
        Width of the targets of ``x_rec`` and ``output``, number of classes of ``labels``.

    Raises
    ------
    SpecError
        If its settings are not accepted.
    """
    if metric.tree is not None:
        return keras.metrics.MeanMetricWrapper(formulas.function(metric.tree), name=metric.name)
    return accepted("metric", metric.key, lambda: _metric(metric, output, head, columns), output)


def _metric(metric: Objective, output: str, head: Head, columns: int) -> keras.metrics.Metric:
    m, key, config, entry, name = keras.metrics, metric.key, metric.config, metric.entry, metric.name
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
        kind = getattr(m, by_shape(key, output, columns))
        if key == "crossentropy":
            return kind(from_logits=True, name=name)
        return kind(name=name) if output == "labels" else OnPrediction(kind(name=name), head.name, name=name)
    if key == "auc":
        return Ranking(m.AUC(name=name))
    if entry.builder:
        maker = load(entry.builder)
        # How many classes there are is no setting: the data say it.
        given: dict[str, Any] = {"n_classes": columns} if maker is MacroF1 else dict(config)
        built: Any = maker(**given, name=name) if _is_metric(maker) else m.MeanMetricWrapper(maker, name=name)
    else:
        given = {"from_logits": True} if entry.on_head else dict(config)
        built = getattr(m, entry.keras)(**given, name=name)
    on_head = entry.on_head or output in ("z_vars", "labels")
    return built if on_head else OnPrediction(built, head.name, name=name)


def _is_metric(maker: Any) -> bool:
    return inspect.isclass(maker)
