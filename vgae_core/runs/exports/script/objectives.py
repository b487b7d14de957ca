"""Losses and metrics as a reader of Keras writes them: pieces of the script of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vgae_core.catalogue.lookup import lookup
from vgae_core.errors import RunError

KERAS_LOSSES = {
    "binary_crossentropy": "losses.BinaryCrossentropy(from_logits=True, label_smoothing={label_smoothing})",
    "smoothed_binary_crossentropy": (
        "losses.BinaryCrossentropy(from_logits=True, label_smoothing={label_smoothing})"
    ),
    "focal": (
        "losses.BinaryFocalCrossentropy(from_logits=True, gamma={gamma}, alpha={alpha}, "
        "apply_class_balancing={apply_class_balancing}, label_smoothing={label_smoothing})"
    ),
    "hinge": "losses.Hinge()",
    "squared_hinge": "losses.SquaredHinge()",
    "mean_squared_error": "losses.MeanSquaredError()",
    "weight_squared_error": "losses.MeanSquaredError()",
    "mean_absolute_error": "losses.MeanAbsoluteError()",
    "huber": "losses.Huber(delta={delta})",
    "log_cosh": "losses.LogCosh()",
    "categorical_crossentropy": (
        "losses.CategoricalCrossentropy(from_logits=True, label_smoothing={label_smoothing})"
    ),
    "sparse_categorical_crossentropy": "losses.SparseCategoricalCrossentropy(from_logits=True)",
}
"""Losses that Keras has, by their key in the catalogue."""

FUNCTIONS = {
    "kl_normal": '''
def kl_normal(y_true, y_pred):
    """The divergence of each latent normal distribution from N(0, 1); it needs no target."""
    mean, log_var = ops.split(y_pred, 2, axis=-1)
    return -0.5 * ops.sum(1 + log_var - mean**2 - ops.exp(log_var), axis=-1)
''',
    "kl_free_bits": '''
def kl_free_bits(y_true, y_pred):
    """The divergence from N(0, 1), where every latent dimension counts at least {nats} nats."""
    mean, log_var = ops.split(y_pred, 2, axis=-1)
    return ops.sum(ops.maximum(-0.5 * (1 + log_var - mean**2 - ops.exp(log_var)), {nats}), axis=-1)
''',
    "weighted_binary_crossentropy": '''
def weighted_binary_crossentropy(y_true, y_pred):
    """Cross-entropy in which the few ones weigh as much as the many zeros."""
    count, ones = ops.cast(ops.size(y_true), "float32"), ops.maximum(ops.sum(y_true), 1.0)
    zeros = ops.maximum(count - ones, 1.0)
    weight, norm = {pos_weight}, {norm}
    loss = weight * y_true * ops.softplus(-y_pred) + (1 - y_true) * ops.softplus(y_pred)
    return norm * ops.mean(loss, axis=-1)
''',
    "sparse_categorical_focal": '''
def sparse_categorical_focal(y_true, y_pred):
    """Cross-entropy that counts what is already classified well less."""
    truth = ops.one_hot(ops.reshape(ops.cast(y_true, "int32"), (-1,)), y_pred.shape[-1])
    log_p = ops.sum(truth * ops.log_softmax(y_pred), axis=-1)
    return -(ops.maximum(1 - ops.exp(log_p), 1e-7) ** {gamma}) * log_p
''',
    "poisson": '''
def poisson(y_true, y_pred):
    """Negative log-likelihood of counts whose rate is exp(y_pred); the cap keeps it finite."""
    return ops.mean(ops.exp(ops.minimum(y_pred, 30.0)) - y_true * y_pred, axis=-1)
''',
    "weight_poisson": '''
def weight_poisson(y_true, y_pred):
    """Negative log-likelihood of weights whose rate is softplus(y_pred), 0 where there is no edge."""
    rate = ops.softplus(y_pred)
    log_rate = ops.where(y_pred < -15.0, y_pred, ops.log(ops.maximum(rate, 1e-7)))
    return ops.mean(rate - y_true * log_rate, axis=-1)
''',
    "multinomial": '''
def multinomial(y_true, y_pred):
    """How a row's total falls on its columns: each unit is drawn from one softmax."""
    return -ops.mean(y_true * ops.log_softmax(y_pred, axis=-1), axis=-1)
''',
    "cosine_similarity": '''
def cosine_distance(y_true, y_pred):
    """1 - cosine of target and prediction; 1 where a row is zero."""
    square = ops.sum(y_true**2, axis=-1) * ops.sum(y_pred**2, axis=-1)
    return 1 - ops.sum(y_true * y_pred, axis=-1) * ops.rsqrt(ops.maximum(square, 1e-12))
''',
    "negative_binomial": '''
def negative_binomial(y_true, y_pred):
    """Negative log-likelihood of counts with mean m and variance m + m^2 / r; y_pred is log m and log r."""
    log_mean, log_r = ops.split(ops.clip(y_pred, -15.0, 15.0), 2, axis=-1)
    r, gap = ops.exp(log_r), log_mean - log_r
    value = r * ops.softplus(gap) + y_true * ops.softplus(-gap)
    value += tf.math.lgamma(r) + tf.math.lgamma(y_true + 1) - tf.math.lgamma(y_true + r)
    return ops.mean(value, axis=-1)
''',
    "zero_inflated_negative_binomial": '''
def zero_inflated_negative_binomial(y_true, y_pred):
    """Negative log-likelihood of counts with excess zeros; y_pred is log mean, log r and log odds of a zero."""
    log_expected, log_r, log_odds = ops.split(ops.clip(y_pred, -15.0, 15.0), 3, axis=-1)
    r, excess = ops.exp(log_r), ops.softplus(log_odds)
    gap = ops.minimum(log_expected + excess, 15.0) - log_r
    nats = r * ops.softplus(gap) + y_true * ops.softplus(-gap)
    nats += tf.math.lgamma(r) + tf.math.lgamma(y_true + 1) - tf.math.lgamma(y_true + r)
    return ops.mean(nats + excess - ops.where(y_true == 0, ops.softplus(log_odds + nats), 0.0), axis=-1)
''',
}
"""Losses that Keras has not, as functions."""

_NAMES = {"cosine_similarity": "cosine_distance"}

METRICS = {
    "accuracy": "metrics.BinaryAccuracy(threshold=0)",
    "binary_accuracy": "metrics.BinaryAccuracy(threshold=0)",
    "auc": "metrics.AUC(from_logits=True)",
    "average_precision": 'metrics.AUC(curve="PR", from_logits=True, name="average_precision")',
    "mean_squared_error": "metrics.MeanSquaredError()",
    "root_mean_squared_error": "metrics.RootMeanSquaredError()",
    "mean_absolute_error": "metrics.MeanAbsoluteError()",
}
LABEL_METRICS = {"accuracy": "metrics.SparseCategoricalAccuracy()"}
OF_PREDICTIONS = ("mean_squared_error", "root_mean_squared_error", "mean_absolute_error")
OF_LOGITS = ("accuracy", "binary_accuracy", "auc", "average_precision")


def loss(identifier: Any, output: str, columns: int) -> tuple[str, str]:
    """Return the loss of an output as an expression, and the function it needs, which may be empty.

    Raises
    ------
    RunError
        If the loss is one's own.
    """
    if isinstance(identifier, Mapping) and "formula" in identifier:
        return f"{output}_loss", _function(f"{output}_loss", identifier["formula"])
    key, config = lookup("loss", identifier, output, columns)
    if key in KERAS_LOSSES:
        text = KERAS_LOSSES[key].format(**config)
        return text.replace(", label_smoothing=0.0", ""), ""
    if key not in FUNCTIONS:
        raise _no_form(f"The loss `{key}`", output)
    if key == "weighted_binary_crossentropy":
        config = {
            "pos_weight": "zeros / ones" if config["pos_weight"] is None else config["pos_weight"],
            "norm": "count / (2 * zeros)" if config["norm"] is None else config["norm"],
        }
    return _NAMES.get(key, key), FUNCTIONS[key].strip("\n").format(**config)


PIECES = {
    "y_true": "y_true",
    "y_pred": "y_pred",
    "probability": "ops.sigmoid(y_pred)",
    "rate": "ops.exp(ops.minimum(y_pred, 30.0))",
    "class_probability": "ops.softmax(y_pred)",
    "true_class": 'ops.one_hot(ops.reshape(ops.cast(y_true, "int32"), (-1,)), y_pred.shape[-1])',
    "z_mean": "ops.split(y_pred, 2, axis=-1)[0]",
    "z_log_var": "ops.split(y_pred, 2, axis=-1)[1]",
}
"""Pieces of formulas as a reader of Keras writes them."""

OPERATIONS = {
    **{sign: f"({{}} {sign} {{}})" for sign in "+-*"},
    "/": "divide({}, {})",
    "negative": "-{}",
    "power": "({} ** {})",
    "log": "ops.log(ops.maximum({}, 1e-7))",
    "log1p": "ops.log1p(ops.maximum({}, 0.0))",
    "exp": "ops.exp(ops.minimum({}, 30.0))",
    "sqrt": "ops.sqrt(ops.maximum({}, 1e-12))",
    "greater": "ops.where({} > {}, 1.0, 0.0)",
    "mean": "ops.mean({}, axis=-1, keepdims=True)",
    "sum": "ops.sum({}, axis=-1, keepdims=True)",
    "largest": "ops.max({}, axis=-1, keepdims=True)",
}
"""Operations of formulas; any other has its name in `keras.ops`."""

_DIVIDE = '''def divide(a, b):
    """Return a / b, where b is kept away from 0."""
    return a / (ops.where(b < 0, -1.0, 1.0) * ops.maximum(ops.abs(b), 1e-7))


'''


def _function(name: str, tree: Any) -> str:
    """Return a formula as a function of Keras operations."""

    def write(node: Any) -> str:
        if isinstance(node, str):
            if node not in PIECES:
                raise _no_form(f"A formula with `{node}`", name.removesuffix("_loss"))
            return PIECES[node]
        if not isinstance(node, list | tuple):
            return repr(float(node))
        arguments = [write(argument) for argument in node[1:]]
        form = OPERATIONS.get(node[0], f"ops.{node[0]}({', '.join(['{}'] * len(arguments))})")
        return form.format(*arguments)

    body = write(tree)
    head = _DIVIDE if "divide(" in body else ""
    about = '"""The formula of this run, averaged over each row."""'
    return f"{head}def {name}(y_true, y_pred):\n    {about}\n    value = {body}\n    return ops.mean(value, axis=-1)"


def _no_form(what: str, output: str) -> RunError:
    return RunError(
        f"{what} is not one that scripts are written for.",
        where=f"outputs.{output}.loss",
        mend="Repeat the run from its specification: `train FILES --spec spec.json`.",
    )


def metrics(identifiers: Any, output: str, scale: str, columns: int) -> list[str]:
    """Return those metrics of an output that Keras has for what its head gives."""
    found = []
    for identifier in identifiers:
        if isinstance(identifier, Mapping) and "formula" in identifier:
            continue
        key = lookup("metric", identifier, output, columns)[0]
        table = LABEL_METRICS if output == "labels" else METRICS
        fits = {"logit": OF_LOGITS, "identity": OF_PREDICTIONS}.get(scale, ())
        if key in table and (output == "labels" or key in fits):
            found.append(table[key])
    return list(dict.fromkeys(found))
