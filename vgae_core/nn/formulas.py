"""Formulas of :mod:`vgae_core.catalogue.formula` as Keras operations, finite whatever they are given.

Every operation keeps its result within ±1e15, so that no product, quotient or power of two such values leaves
float32, and neither does its gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops

LARGEST = 1e15


def bounded(x: Any) -> Any:
    """Return x within ±1e15."""
    return ops.clip(x, -LARGEST, LARGEST)


def add(a: Any, b: Any) -> Any:
    """Return ``a + b``."""
    return bounded(a + b)


def subtract(a: Any, b: Any) -> Any:
    """Return ``a - b``."""
    return bounded(a - b)


def multiply(a: Any, b: Any) -> Any:
    """Return ``a b``."""
    return bounded(a * b)


def divide(a: Any, b: Any) -> Any:
    """Return ``a / b``; a divisor within ±1e-7 counts as 1e-7 with its sign."""
    sign = ops.where(b < 0, -1.0, 1.0)
    return bounded(a / (sign * ops.maximum(ops.abs(b), 1e-7)))


def negative(x: Any) -> Any:
    """Return ``-x``."""
    return -x


def power(x: Any, exponent: float) -> Any:
    """Return ``x ** exponent`` for 0.5, 2, 3 or 4, by products."""
    if exponent == 0.5:
        return sqrt(x)
    result = x
    for _ in range(int(exponent) - 1):
        result = multiply(result, x)
    return result


def log(x: Any) -> Any:
    """Return ``log(max(x, 1e-7))``."""
    return ops.log(ops.maximum(x, 1e-7))


def log1p(x: Any) -> Any:
    """Return ``log(1 + max(x, 0))``."""
    return ops.log1p(ops.maximum(x, 0.0))


def exp(x: Any) -> Any:
    """Return ``exp(min(x, 30))``."""
    return ops.exp(ops.minimum(x, 30.0))


def square(x: Any) -> Any:
    """Return ``x ** 2``."""
    return multiply(x, x)


def sqrt(x: Any) -> Any:
    """Return ``sqrt(max(x, 1e-12))``."""
    return ops.sqrt(ops.maximum(x, 1e-12))


def greater(a: Any, b: Any) -> Any:
    """Return 1 where ``a > b``, else 0."""
    return ops.where(a > b, 1.0, 0.0)


def mean(x: Any) -> Any:
    """Return the mean over the row, shape (n, 1)."""
    return ops.mean(x, axis=-1, keepdims=True)


def total(x: Any) -> Any:
    """Return the sum over the row, shape (n, 1)."""
    return bounded(ops.sum(x, axis=-1, keepdims=True))


def largest(x: Any) -> Any:
    """Return the largest value of the row, shape (n, 1)."""
    return ops.max(x, axis=-1, keepdims=True)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "negative": negative,
    "power": power,
    "log": log,
    "log1p": log1p,
    "exp": exp,
    "square": square,
    "sqrt": sqrt,
    "abs": ops.abs,
    "sigmoid": ops.sigmoid,
    "softplus": ops.softplus,
    "tanh": ops.tanh,
    "maximum": ops.maximum,
    "minimum": ops.minimum,
    "greater": greater,
    "mean": mean,
    "sum": total,
    "largest": largest,
}


def target(y_true: Any, y_pred: Any) -> Any:
    """Return the targets as numbers."""
    return ops.cast(y_true, y_pred.dtype)


def prediction(y_true: Any, y_pred: Any) -> Any:
    """Return what the head gives."""
    return y_pred


def probability(y_true: Any, y_pred: Any) -> Any:
    """Return ``sigmoid(y_pred)``."""
    return ops.sigmoid(y_pred)


def rate(y_true: Any, y_pred: Any) -> Any:
    """Return ``exp(y_pred)``."""
    return exp(y_pred)


def class_probability(y_true: Any, y_pred: Any) -> Any:
    """Return ``softmax(y_pred)``."""
    return ops.softmax(y_pred, axis=-1)


def true_class(y_true: Any, y_pred: Any) -> Any:
    """Return 1 in the column of each row's class, else 0."""
    return ops.one_hot(ops.reshape(ops.cast(y_true, "int32"), (-1,)), y_pred.shape[-1])


def z_mean(y_true: Any, y_pred: Any) -> Any:
    """Return the first half of the columns."""
    return ops.split(y_pred, 2, axis=-1)[0]


def z_log_var(y_true: Any, y_pred: Any) -> Any:
    """Return the second half of the columns."""
    return ops.split(y_pred, 2, axis=-1)[1]


VARIABLES: dict[str, Callable[[Any, Any], Any]] = {
    "y_true": target,
    "y_pred": prediction,
    "probability": probability,
    "rate": rate,
    "class_probability": class_probability,
    "true_class": true_class,
    "z_mean": z_mean,
    "z_log_var": z_log_var,
}


def function(tree: Any) -> Callable[[Any, Any], Any]:
    """Return the function ``(y_true, y_pred) -> (n,)`` of a checked formula: its mean over each row."""

    def work_out(node: Any, y_true: Any, y_pred: Any) -> Any:
        if isinstance(node, str):
            return VARIABLES[node](y_true, y_pred)
        if not isinstance(node, list | tuple):
            return float(node)
        if node[0] == "power":
            return power(work_out(node[1], y_true, y_pred), float(node[2]))
        return OPERATIONS[node[0]](*(work_out(argument, y_true, y_pred) for argument in node[1:]))

    def formula(y_true: Any, y_pred: Any) -> Any:
        return ops.mean(bounded(work_out(tree, y_true, y_pred)), axis=-1)

    formula.tree = tree  # type: ignore[attr-defined]  # for whoever writes it out as a program
    return formula
