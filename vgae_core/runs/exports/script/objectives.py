"""Losses and metrics as a reader of Keras writes them: pieces of the script of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vgae_core.catalogue.lookup import lookup
from vgae_core.catalogue.losses import LOSSES
from vgae_core.catalogue.metrics import METRICS
from vgae_core.errors import RunError
from vgae_core.settings.resolved_outputs import by_shape


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
    text = str(LOSSES[key].script).strip("\n") if key in LOSSES else ""
    if not text:
        raise _no_form(f"The loss `{key}`", output)
    if not text.startswith("def "):
        return text.format(**config).replace(", label_smoothing=0.0", ""), ""
    if key == "weighted_binary_crossentropy":
        config = {
            "pos_weight": "zeros / ones" if config["pos_weight"] is None else config["pos_weight"],
            "norm": "count / (2 * zeros)" if config["norm"] is None else config["norm"],
        }
    return text[len("def ") : text.index("(")], text.format(**config)


VARIABLES = {
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
            if node not in VARIABLES:
                raise _no_form(f"A formula with `{node}`", name.removesuffix("_loss"))
            return VARIABLES[node]
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
        f"{what} cannot be written in a script.",
        where=f"outputs.{output}.loss",
        mend="Repeat the run from its specification: `train FILES --spec spec.json`.",
    )


def metrics(identifiers: Any, output: str, scale: str, columns: int) -> list[str]:
    """Return those metrics of an output that Keras has for what its head gives."""
    expressions = []
    for identifier in identifiers:
        if isinstance(identifier, Mapping) and "formula" in identifier:
            continue
        key, config = lookup("metric", identifier, output, columns)
        entry = METRICS[key]
        fits = output == "labels" or scale in entry.script_scales
        if entry.script and fits and dict(config) == dict(entry.config):
            text = entry.script
            expressions.append(text if isinstance(text, str) else text[by_shape(key, output, columns)])
    return list(dict.fromkeys(expressions))
