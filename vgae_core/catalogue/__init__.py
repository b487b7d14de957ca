"""The losses and metrics on offer, how one is named, and how more are added (standard library only).

An identifier is a name (``"focal"``), a name with settings (``"huber(delta=2)"``, stored as ``{"class_name": "huber",
"config": {"delta": 2}}``) or a formula (``"= mean(square(y_true - probability))"``, stored as a tree).  From Python it
may also be a Keras class or instance or a function.  Nothing but the entries of :data:`LOSSES` and :data:`METRICS` can
be named, whatever a specification from elsewhere says: no module is imported and no code deserialised for it.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.metadata
import inspect
import math
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from vgae_core import formula
from vgae_core.errors import SpecError

Identifier = str | Mapping[str, Any]
"""A loss or metric as a specification stores it: a name, ``{"class_name": …, "config": {…}}`` or ``{"formula": …}``."""

Kind = Literal["loss", "metric"]

MATRIX_KINDS = ("binary", "count", "non-negative", "real")
"""Kinds of values, from the narrowest to the widest."""

_POSITIVE = ("binary", "count", "non-negative")
_TABLES = ("x_rec", "output")
_PAIRS = ("adj_rec", *_TABLES)

ENTRY_POINTS = "vgae_core.objectives"
"""Entry-point group whose functions register losses and metrics, in installations that ask for it."""

PLUGINS = "VGAE_STUDIO_PLUGINS"
"""Environment variable; ``1`` loads :data:`ENTRY_POINTS` when the package is imported."""

MAX_SETTINGS = 16


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One choice of a catalogue: what a form shows and what the code resolves."""

    title: str
    help: str
    reference: str = ""


@dataclass(frozen=True, kw_only=True)
class ObjectiveEntry(Entry):
    """A loss or metric: the outputs it is offered for and the target values it accepts."""

    outputs: tuple[str, ...]
    targets: tuple[str, ...] = ()
    """Kinds of target values it makes sense for; empty means any."""
    scale: str = "identity"
    """Loss: what the head of a feature output gives (:data:`SCALES`). The other outputs give logits, but
    ``adj_rec`` under a loss of `weights`."""
    weights: bool = False
    """Loss: as one of ``adj_rec`` its targets are the weights of edges, divided by their mean, and 0 for non-edges."""
    scales: tuple[str, ...] = ()
    """Metric: the scales it can be worked out on; empty means any."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Settings it takes, with their defaults."""
    keras: str = ""
    """Keras' class of the same meaning, which is another name for it."""
    factory: Any = None
    """A registered function, class or instance, or ``"package.module:name"`` of one."""


SCALES: dict[str, str] = {
    "identity": "values",
    "logit": "probabilities",
    "log": "rates",
    "softplus": "weights",
    "softmax": "shares of the row's total",
    "negative_binomial": "means",
}
"""What a head's numbers stand for, and what they are called once brought to the scale of the targets."""

OUTPUTS: dict[str, Entry] = {
    "output": Entry(
        title="Matrix reconstruction",
        help="Each row of the matrix, decoded from its latent code; the loss is the likelihood of its values.",
    ),
    "adj_rec": Entry(
        title="Adjacency reconstruction",
        help="One logit for each supervised pair of nodes: is there an edge?",
        reference="Kipf & Welling 2016, Variational Graph Auto-Encoders, arXiv:1611.07308",
    ),
    "z_vars": Entry(
        title="Latent distribution (KL)",
        help="Mean and log-variance of each node's latent code side by side; its loss is the "
        "Kullback-Leibler divergence from the standard normal prior, in nats a node.",
        reference="Kingma & Welling 2014, Auto-Encoding Variational Bayes, arXiv:1312.6114",
    ),
    "x_rec": Entry(
        title="Feature reconstruction",
        help="Each node's feature row, decoded from its latent code.",
    ),
    "labels": Entry(
        title="Label prediction",
        help="One logit a class, from the latent code; nodes without a label do not count.",
    ),
}

LOSSES: dict[str, ObjectiveEntry] = {
    "binary_crossentropy": ObjectiveEntry(
        title="Binary cross-entropy",
        help="-[y log p + (1-y) log(1-p)], from logits: the likelihood of zeros and ones.",
        outputs=_PAIRS,
        targets=("binary",),
        scale="logit",
        config={"label_smoothing": 0.0},
        keras="BinaryCrossentropy",
    ),
    "weighted_binary_crossentropy": ObjectiveEntry(
        title="Weighted binary cross-entropy",
        help="-norm [pos_weight y log p + (1-y) log(1-p)]: ones count as much as zeros. Without settings "
        "pos_weight = zeros / ones and norm = all / (2 zeros), counted in each batch.",
        reference="Kipf & Welling 2016, arXiv:1611.07308, and its published code",
        outputs=_PAIRS,
        targets=("binary",),
        scale="logit",
        config={"pos_weight": None, "norm": None},
    ),
    "smoothed_binary_crossentropy": ObjectiveEntry(
        title="Label-smoothed binary cross-entropy",
        help="Binary cross-entropy to targets moved towards 1/2: y (1 - s) + s / 2. Guards against over-confidence.",
        reference="Szegedy et al. 2016, Rethinking the Inception Architecture, arXiv:1512.00567, section 7",
        outputs=_PAIRS,
        targets=("binary",),
        scale="logit",
        config={"label_smoothing": 0.1},
    ),
    "focal": ObjectiveEntry(
        title="Focal",
        help="Cross-entropy times (1-p_t)^gamma: easy pairs count less.",
        reference="Lin et al. 2017, Focal Loss for Dense Object Detection, arXiv:1708.02002",
        outputs=_PAIRS,
        targets=("binary",),
        scale="logit",
        config={"gamma": 2.0, "alpha": 0.25, "apply_class_balancing": False, "label_smoothing": 0.0},
        keras="BinaryFocalCrossentropy",
    ),
    "hinge": ObjectiveEntry(
        title="Hinge",
        help="max(0, 1 - s logit), s = 1 for ones and -1 for zeros: a margin, as in a support vector machine.",
        outputs=_PAIRS,
        targets=("binary",),
        scale="logit",
        keras="Hinge",
    ),
    "squared_hinge": ObjectiveEntry(
        title="Squared hinge",
        help="The square of the hinge: far misses count more.",
        outputs=_PAIRS,
        targets=("binary",),
        scale="logit",
        keras="SquaredHinge",
    ),
    "mean_squared_error": ObjectiveEntry(
        title="Mean squared error",
        help="(y - y_hat)^2: a Gaussian likelihood of fixed spread; on adjacency, of the probability (Brier "
        "score).",
        outputs=_PAIRS,
        keras="MeanSquaredError",
    ),
    "mean_absolute_error": ObjectiveEntry(
        title="Mean absolute error",
        help="|y - y_hat|: outliers count less; on adjacency, of the probability.",
        outputs=_PAIRS,
        keras="MeanAbsoluteError",
    ),
    "huber": ObjectiveEntry(
        title="Huber",
        help="Squared below delta, absolute above: a mean that outliers pull less.",
        reference="Huber 1964, doi:10.1214/aoms/1177703732",
        outputs=_PAIRS,
        config={"delta": 1.0},
        keras="Huber",
    ),
    "log_cosh": ObjectiveEntry(
        title="Log-cosh",
        help="log cosh(y_hat - y): a smooth Huber loss.",
        outputs=_PAIRS,
        keras="LogCosh",
    ),
    "poisson": ObjectiveEntry(
        title="Poisson",
        help="exp(logit) - y * logit: the negative log-likelihood of counts, up to a constant.",
        outputs=_TABLES,
        targets=_POSITIVE,
        scale="log",
        keras="Poisson",
    ),
    "weight_squared_error": ObjectiveEntry(
        title="Squared error of the weight",
        help="(w - y_hat)^2: w is the weight of an edge divided by the mean weight, and 0 for a non-edge.",
        outputs=("adj_rec",),
        weights=True,
    ),
    "weight_poisson": ObjectiveEntry(
        title="Poisson of the weight",
        help="r - w log r with the rate r = log(1 + exp(logit)): w is the weight of an edge divided by the mean "
        "weight, and 0 for a non-edge. Far misses of heavy edges count less than in the squared error.",
        outputs=("adj_rec",),
        scale="softplus",
        weights=True,
    ),
    "multinomial": ObjectiveEntry(
        title="Multinomial",
        help="-sum(y log softmax(logits)), divided by the number of columns: how a row's total falls on its "
        "columns. The usual choice for words and for clicks.",
        reference="Liang et al. 2018, Variational Autoencoders for Collaborative Filtering, arXiv:1802.05814",
        outputs=_TABLES,
        targets=_POSITIVE,
        scale="softmax",
    ),
    "categorical_crossentropy": ObjectiveEntry(
        title="Categorical cross-entropy over columns",
        help="-sum(y log softmax(logits)): the multinomial loss, not divided by the number of columns.",
        outputs=_TABLES,
        targets=_POSITIVE,
        scale="softmax",
        config={"label_smoothing": 0.0},
        keras="CategoricalCrossentropy",
    ),
    "negative_binomial": ObjectiveEntry(
        title="Negative binomial",
        help="Negative log-likelihood of over-dispersed counts: a mean for each entry and a dispersion for each "
        "column.",
        reference="Lopez et al. 2018, Deep generative modeling for single-cell transcriptomics, "
        "doi:10.1038/s41592-018-0229-2",
        outputs=("output",),
        targets=("binary", "count"),
        scale="negative_binomial",
    ),
    "cosine_similarity": ObjectiveEntry(
        title="Cosine",
        help="1 - cos(y, y_hat): the direction of the row, whatever its length.",
        outputs=_TABLES,
        keras="CosineSimilarity",
    ),
    "kl_normal": ObjectiveEntry(
        title="KL to the standard normal",
        help="-1/2 sum(1 + log s^2 - mu^2 - s^2), in nats a node.",
        reference="Kingma & Welling 2014, appendix B, arXiv:1312.6114",
        outputs=("z_vars",),
    ),
    "kl_free_bits": ObjectiveEntry(
        title="KL with free bits",
        help="The KL divergence, each latent dimension of each node counting at least `nats`: so much may be learnt "
        "for nothing, which keeps dimensions from collapsing.",
        reference="Kingma et al. 2016, Improving Variational Inference with Inverse Autoregressive Flow, "
        "arXiv:1606.04934, appendix C.8",
        outputs=("z_vars",),
        config={"nats": 0.25},
    ),
    "sparse_categorical_crossentropy": ObjectiveEntry(
        title="Categorical cross-entropy",
        help="-log p(class), from logits, over the nodes with a label in the training part.",
        outputs=("labels",),
        keras="SparseCategoricalCrossentropy",
    ),
    "sparse_categorical_focal": ObjectiveEntry(
        title="Categorical focal",
        help="-(1 - p)^gamma log p of the right class: nodes that are easy to tell count less.",
        reference="Lin et al. 2017, arXiv:1708.02002",
        outputs=("labels",),
        config={"gamma": 2.0},
    ),
}

METRICS: dict[str, ObjectiveEntry] = {
    "accuracy": ObjectiveEntry(
        title="accuracy",
        help="Resolved as Keras does, from the output's shape: binary, by class, or by the largest column.",
        outputs=("adj_rec", "labels", *_TABLES),
        targets=_POSITIVE,
    ),
    "crossentropy": ObjectiveEntry(
        title="crossentropy",
        help="Resolved as Keras does, from the output's shape: binary, by class, or over columns.",
        outputs=("adj_rec", "labels", *_TABLES),
        targets=_POSITIVE,
        scales=("logit", "softmax"),
    ),
    "binary_accuracy": ObjectiveEntry(
        title="Binary accuracy",
        help="Share of entries called right, a one from p >= 0.5 on.",
        outputs=_PAIRS,
        targets=("binary",),
        scales=("logit",),
        config={"threshold": 0.5},
        keras="BinaryAccuracy",
    ),
    "binary_crossentropy": ObjectiveEntry(
        title="Binary cross-entropy",
        help="-[y log p + (1-y) log(1-p)], the mean over entries.",
        outputs=_PAIRS,
        targets=("binary",),
        scales=("logit",),
        keras="BinaryCrossentropy",
    ),
    "precision": ObjectiveEntry(
        title="Precision",
        help="Share of the pairs or entries called ones (p >= 0.5) that are; 0 where none is called one.",
        outputs=_PAIRS,
        targets=("binary",),
        scales=("logit",),
        config={"thresholds": 0.5},
        keras="Precision",
    ),
    "recall": ObjectiveEntry(
        title="Recall",
        help="Share of the ones that are called ones (p >= 0.5); 0 without ones.",
        outputs=_PAIRS,
        targets=("binary",),
        scales=("logit",),
        config={"thresholds": 0.5},
        keras="Recall",
    ),
    "f1": ObjectiveEntry(
        title="F1",
        help="Harmonic mean of precision and recall at p >= 0.5; 0 where both are.",
        outputs=_PAIRS,
        targets=("binary",),
        scales=("logit",),
        config={"threshold": 0.5},
        keras="F1Score",
    ),
    "auc": ObjectiveEntry(
        title="AUC (streaming)",
        help="Area under the ROC curve of entries above 0 against zeros, over 200 thresholds, on the training data; 0 "
        "where one kind is missing. Slow; the validation AUC of the run is exact and always computed.",
        outputs=_PAIRS,
        targets=_POSITIVE,
        keras="AUC",
    ),
    "average_precision": ObjectiveEntry(
        title="Average precision (streaming)",
        help="Precision averaged over recall of entries above 0 among zeros, over 2,000 thresholds, on the training "
        "data; 0 without ones. The validation AP of the run is exact and always computed.",
        outputs=_PAIRS,
        targets=_POSITIVE,
    ),
    "mean_squared_error": ObjectiveEntry(
        title="Mean squared error",
        help="Mean of (y - y_hat)^2, on the scale of the targets.",
        outputs=_PAIRS,
        keras="MeanSquaredError",
    ),
    "root_mean_squared_error": ObjectiveEntry(
        title="Root mean squared error",
        help="Square root of the mean of (y - y_hat)^2, on the scale of the targets.",
        outputs=_PAIRS,
        keras="RootMeanSquaredError",
    ),
    "mean_absolute_error": ObjectiveEntry(
        title="Mean absolute error",
        help="Mean of |y - y_hat|, on the scale of the targets.",
        outputs=_PAIRS,
        keras="MeanAbsoluteError",
    ),
    "cosine_similarity": ObjectiveEntry(
        title="Cosine similarity",
        help="cos(y, y_hat), the mean over rows.",
        outputs=_TABLES,
        keras="CosineSimilarity",
    ),
    "top_k_accuracy": ObjectiveEntry(
        title="Top-k accuracy",
        help="Share of the nodes whose class is among the k likeliest.",
        outputs=("labels",),
        config={"k": 3},
        keras="SparseTopKCategoricalAccuracy",
    ),
    "macro_f1": ObjectiveEntry(
        title="Macro F1",
        help="F1 of each class, the mean over all classes; a class that is neither there nor named counts 0.",
        outputs=("labels",),
    ),
    "kl_normal": ObjectiveEntry(
        title="KL to the standard normal",
        help="Divergence from the prior in nats a node, whatever the loss is.",
        outputs=("z_vars",),
    ),
    "active_units": ObjectiveEntry(
        title="Active units",
        help="Latent dimensions whose mean varies over nodes (variance > 0.01).",
        reference="Burda et al. 2016, Importance Weighted Autoencoders, arXiv:1509.00519",
        outputs=("z_vars",),
    ),
    "mean_sigma": ObjectiveEntry(
        title="Mean sigma",
        help="Mean posterior standard deviation; 1 means the prior, so nothing learnt.",
        outputs=("z_vars",),
    ),
}

CATALOGUES: dict[str, dict[str, ObjectiveEntry]] = {"loss": LOSSES, "metric": METRICS}

BY_SHAPE: dict[str, str] = {
    "accuracy": "accuracy",
    "acc": "accuracy",
    "crossentropy": "crossentropy",
    "ce": "crossentropy",
}
"""Names that Keras resolves by the shapes of targets and output."""

_SHORT = {
    "bce": "binary_crossentropy",
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
    "mae": "mean_absolute_error",
    "ap": "average_precision",
    "logcosh": "log_cosh",
    "f1_score": "f1",
    "kl": "kl_normal",
}
_COMMON_CONFIG = ("name", "reduction", "dtype", "from_logits", "axis")
"""Settings of Keras' classes that the output decides here; they are left out."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `` Did you mean …? Known: …`` for an unknown name."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(repr(c) for c in close)}?" if close else ""
    return f"{hint} Known: {', '.join(known)}."


# ------------------------------------------------------------------------ identifiers
def identify(kind: Kind, value: Any) -> Identifier:
    """Return what a specification stores for a loss or metric, however it was written.

    Parameters
    ----------
    kind : str
        ``"loss"`` or ``"metric"``.
    value : str, mapping, Keras class or instance, or function
        A function or class of one's own is registered under its name (:func:`register_loss`), as an installation
        would do it, so that the specification can be stored; whoever loads it needs the same registration.

    Raises
    ------
    SpecError
        If it has no form that can be stored, or is a formula with an error.
    """
    if isinstance(value, str):
        if value.lstrip().startswith("="):
            return {"formula": formula.parse(value.lstrip()[1:])}
        return _call(kind, value) if "(" in value else value
    if isinstance(value, Mapping):
        return _mapping(kind, value)
    return _python(kind, value)


def _call(kind: Kind, text: str) -> Identifier:
    """Return the identifier in ``name(key=number, …)``."""
    mend = "Write it as name(setting=number), or a formula as = mean(…)."
    try:
        node = ast.parse(text.strip(), mode="eval").body if len(text) <= formula.MAX_TEXT else None
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise SpecError(f"Not a {kind}: {text!r:.80}.", mend=mend) from error
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.args:
        raise SpecError(f"Not a {kind}: {text!r:.80}.", mend=mend)
    config: dict[str, Any] = {}
    for keyword in node.keywords:
        try:
            config[str(keyword.arg)] = ast.literal_eval(keyword.value)
        except (ValueError, TypeError, RecursionError, MemoryError) as error:
            raise SpecError(f"Not a {kind}: {text!r:.80}.", mend=mend) from error
    return _mapping(kind, {"class_name": node.func.id, "config": config})


def _mapping(kind: Kind, value: Mapping[str, Any]) -> Identifier:
    keys = set(value)
    if keys == {"formula"}:
        tree = value["formula"]
        if isinstance(tree, str) and tree not in formula.PIECES:
            tree = formula.parse(tree)
        formula.check_form(tree)
        return {"formula": tree}
    # Keras' own serialisation also says where a class comes from; here only its name counts.
    if not {"class_name"} <= keys <= {"class_name", "config", "module", "registered_name", "build_config"}:
        raise SpecError(
            f"A {kind} is a name, a formula or {{class_name, config}}. Received an object with: "
            f"{', '.join(sorted(map(str, keys)))[:80]}."
        )
    name, config = value["class_name"], value.get("config") or {}
    if not isinstance(name, str) or not isinstance(config, Mapping) or len(config) > MAX_SETTINGS:
        raise SpecError(
            f"`class_name` is text and `config` a short object of settings. Received: {value!r:.80}."
        )
    kept: dict[str, Any] = {}
    for key, setting in config.items():
        if key in _COMMON_CONFIG:
            continue
        plain = setting is None or isinstance(setting, bool | int | float)
        if not plain or (isinstance(setting, float) and not math.isfinite(setting)):
            raise SpecError(
                f"Setting `{key}` of {kind} `{name}` must be a number. Received: {setting!r:.80}."
            )
        kept[str(key)] = setting
    return {"class_name": name, "config": kept} if kept else name


def _python(kind: Kind, value: Any) -> Identifier:
    """Return the identifier of a Keras or registered object, registering what is not known yet."""
    for name, entry in CATALOGUES[kind].items():
        if entry.factory is value and value is not None:
            return name
    thing = value if inspect.isclass(value) or inspect.isfunction(value) else type(value)
    name = getattr(thing, "__name__", "")
    if not callable(value) and not hasattr(value, "update_state"):
        raise SpecError(
            f"A {kind} is a name, an object, a class or a function. Received: {value!r:.80}.",
        )
    config: dict[str, Any] = {}
    if thing is not value:
        get_config = getattr(value, "get_config", None)
        if get_config is None:
            raise SpecError(
                f"This {kind} cannot be stored: {name} has no get_config.",
                mend="Pass a function or a class instead.",
            )
        # Keras keeps the settings of its wrapped functions apart from their configuration.
        config = {**get_config(), **getattr(value, "_fn_kwargs", {})}
        config.pop("fn", None)
    ours = thing.__module__.split(".")[0] == "keras"
    if not ours:
        if not name.isidentifier():
            raise SpecError(
                f"A {kind} without a name cannot be stored: {value!r:.80}.",
                mend="Define it with def, or write it as a formula.",
            )
        name = (register_loss if kind == "loss" else register_metric)(thing, replace=True)
    config = {key: setting for key, setting in config.items() if key not in _COMMON_CONFIG}
    if kind == "metric" and ours:
        if config.get("curve") == "PR":
            name = "average_precision"
        config = {k: v for k, v in config.items() if k in entry_config(kind, name)}
    return _mapping(kind, {"class_name": name, "config": config})


def entry_config(kind: Kind, name: str) -> Mapping[str, Any]:
    """Return the settings that a loss or metric takes, with their defaults; none for an unknown name."""
    entry = CATALOGUES[kind].get(find(kind, name) or "")
    return {} if entry is None else entry.config


def find(kind: Kind, name: str) -> str | None:
    """Return the catalogue's key for a name in any of Keras' spellings, or None."""
    catalogue = CATALOGUES[kind]
    if name in catalogue:
        return name
    lower = name.lower()
    for key in (BY_SHAPE.get(lower), _SHORT.get(lower), lower, _snake(name)):
        if key is not None and key in catalogue:
            return key
    # "Poisson", "BinaryFocalCrossentropy" and the like, and their functions' names.
    return next(
        (
            key
            for key, entry in catalogue.items()
            if entry.keras and name in (entry.keras, _snake(entry.keras))
        ),
        None,
    )


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def written(identifier: Identifier) -> str:
    """Return an identifier as text that :func:`identify` reads back."""
    if isinstance(identifier, str):
        return identifier
    if "formula" in identifier:
        return f"= {formula.show(identifier['formula'])}"
    settings = ", ".join(f"{key}={value!r}" for key, value in identifier.get("config", {}).items())
    return f"{identifier['class_name']}({settings})" if settings else str(identifier["class_name"])


def label(identifier: Identifier) -> str:
    """Return the name under which Keras logs a metric."""
    if isinstance(identifier, str):
        return identifier
    return "formula" if "formula" in identifier else str(identifier["class_name"])


def lookup(kind: Kind, identifier: Identifier, output: str, columns: int = 0) -> tuple[str, dict[str, Any]]:
    """Return the catalogue's key of an identifier and its settings, the defaults included.

    Parameters
    ----------
    kind : str
    identifier : str or mapping
        Not a formula.
    output : str
    columns : int
        Width of the output, which decides what "crossentropy" is.

    Raises
    ------
    SpecError
        If the name is unknown (near names are listed), makes no sense for the output, or lacks a setting.
    """
    where = f"outputs.{output}"
    catalogue = CATALOGUES[kind]
    name, given = (
        (identifier, {})
        if isinstance(identifier, str)
        else (str(identifier["class_name"]), dict(identifier.get("config", {})))
    )
    key = find(kind, name)
    if kind == "loss" and BY_SHAPE.get(name.lower()) == "crossentropy":
        wide = "binary_crossentropy" if columns == 1 else "categorical_crossentropy"
        key = {"adj_rec": "binary_crossentropy", "labels": "sparse_categorical_crossentropy"}.get(
            output, wide
        )
    if key is None:
        raise SpecError(f"Could not resolve {kind} {name!r:.60}.{nearest(name, catalogue)}", where=where)
    entry = catalogue[key]
    if output not in entry.outputs:
        fitting = [name for name, entry in catalogue.items() if output in entry.outputs]
        raise SpecError(
            f"{kind.capitalize()} `{key}` makes no sense for {OUTPUTS[output].title.lower()}.",
            where=where,
            mend=f"Choose one of: {', '.join(fitting)}.",
        )
    for setting in given:
        if setting not in entry.config and entry.factory is None:
            known = nearest(setting, entry.config) if entry.config else " It has none."
            raise SpecError(
                f"{kind.capitalize()} `{key}` has no setting `{setting:.40}`.{known}", where=where
            )
    return key, {**entry.config, **given}


def learns_weights(loss: Identifier) -> bool:
    """Return whether a loss of ``adj_rec`` has the weights of edges as its targets, not whether there is an edge."""
    if isinstance(loss, Mapping) and "formula" in loss:
        return False
    name = loss if isinstance(loss, str) else str(loss["class_name"])
    return LOSSES[key].weights if (key := find("loss", name)) else False


def scale_of(output: str, loss: Identifier, columns: int = 0) -> str:
    """Return what the head of an output gives under a loss: one of :data:`SCALES`.

    Raises
    ------
    SpecError
        As :func:`lookup`.
    """
    if output not in _TABLES and not (output == "adj_rec" and learns_weights(loss)):
        return {"adj_rec": "logit", "labels": "softmax"}.get(output, "identity")
    if isinstance(loss, Mapping) and "formula" in loss:
        return formula.scale(loss["formula"])
    return LOSSES[lookup("loss", loss, output, columns)[0]].scale


def targets_of(kind: Kind, identifier: Identifier, output: str, columns: int = 0) -> tuple[str, ...]:
    """Return the kinds of target values an identifier accepts; empty means any."""
    if isinstance(identifier, Mapping) and "formula" in identifier:
        used = formula.pieces(identifier["formula"])
        return ("binary",) if "probability" in used else _POSITIVE if "rate" in used else ()
    return CATALOGUES[kind][lookup(kind, identifier, output, columns)[0]].targets


# ----------------------------------------------------------------------- registration
def register_loss(
    loss: Any,
    *,
    name: str | None = None,
    title: str | None = None,
    help: str = "",
    reference: str = "",
    outputs: tuple[str, ...] = _PAIRS,
    targets: tuple[str, ...] = (),
    scale: str = "identity",
    replace: bool = False,
) -> str:
    """Offer a loss of one's own under a name, on the pages and in specifications, and return that name.

    Parameters
    ----------
    loss : function, keras.losses.Loss class, or str
        ``(y_true, y_pred) ->`` one number a row, or one an entry. As ``"package.module:name"`` it is imported when it
        is first used, so that processes without TensorFlow need not import it.
    name, title, help, reference : str
        What the catalogue shows; the name is that of the function, in snake case, unless given.
    outputs : tuple of str
        Outputs it is offered for. Heads of ``adj_rec`` and ``labels`` give logits.
    targets : tuple of str
        Kinds of target values it accepts (:data:`MATRIX_KINDS`); empty means any.
    scale : str
        What the head of ``x_rec`` and ``output`` gives under this loss (:data:`SCALES`).
    replace : bool
        Take the place of an earlier registration of that name. Built-in names are never replaced.

    Raises
    ------
    SpecError
        If the name is taken or no name, or an argument is not one of the choices.
    """
    if scale not in SCALES or scale == "negative_binomial":
        raise SpecError(
            f"`scale` is unknown: {scale!r}.{nearest(scale, set(SCALES) - {'negative_binomial'})}"
        )
    entry = ObjectiveEntry(
        title=title or "",
        help=help,
        reference=reference,
        outputs=outputs,
        targets=targets,
        scale=scale,
        factory=loss,
    )
    return _register("loss", name, entry, replace)


def register_metric(
    metric: Any,
    *,
    name: str | None = None,
    title: str | None = None,
    help: str = "",
    reference: str = "",
    outputs: tuple[str, ...] = tuple(OUTPUTS),
    targets: tuple[str, ...] = (),
    replace: bool = False,
) -> str:
    """Offer a metric of one's own under a name, and return that name.

    Parameters
    ----------
    metric : function, keras.metrics.Metric class, or str
        ``(y_true, y_pred) ->`` one number a row, or one an entry. Of ``adj_rec``, ``x_rec`` and ``output`` `y_pred` is
        on the scale of the targets (a probability, a rate, a value), of ``labels`` it is logits, and of ``z_vars`` mean
        and log-variance side by side.
    name, title, help, reference, outputs, targets, replace
        As in :func:`register_loss`.

    Raises
    ------
    SpecError
        As :func:`register_loss`.
    """
    entry = ObjectiveEntry(
        title=title or "", help=help, reference=reference, outputs=outputs, targets=targets, factory=metric
    )
    return _register("metric", name, entry, replace)


def _register(kind: Kind, name: str | None, entry: ObjectiveEntry, replace: bool) -> str:
    catalogue, thing = CATALOGUES[kind], entry.factory
    if isinstance(thing, str):
        if not re.fullmatch(r"[\w.]+:\w+", thing):
            raise SpecError(f"Expected `package.module:name`. Received: {thing!r}.", where=f"register_{kind}")
        name = name or thing.rpartition(":")[2]
    elif not callable(thing):
        raise SpecError(f"Expected a function or a class. Received: {thing!r:.80}.", where=f"register_{kind}")
    name = _snake(name or str(getattr(thing, "__name__", "")))
    if not name.isidentifier():
        raise SpecError(
            f"Expected a name. Received: {name!r}.", where=f"register_{kind}", mend="Pass `name`."
        )
    taken = catalogue.get(name)
    if find(kind, name) not in (None, name) or (taken is not None and (taken.factory is None or not replace)):
        raise SpecError(
            f"The {kind} `{name}` is taken.", where=f"register_{kind}", mend="Choose another name."
        )
    for given, known, what in ((entry.outputs, OUTPUTS, "outputs"), (entry.targets, MATRIX_KINDS, "targets")):
        strange = [item for item in given if item not in known]
        if strange:
            raise SpecError(
                f"`{what}` holds {strange[0]!r}.{nearest(strange[0], known)}", where=f"register_{kind}"
            )
    about = (
        entry.help or (inspect.getdoc(thing) or "" if not isinstance(thing, str) else "").partition("\n")[0]
    )
    catalogue[name] = ObjectiveEntry(
        **{
            **{f: getattr(entry, f) for f in ("reference", "outputs", "targets", "scale", "factory")},
            "title": entry.title or name.replace("_", " ").capitalize(),
            "help": about or "Registered by this installation.",
        }
    )
    return name


def registered(entry: ObjectiveEntry) -> Any:
    """Return the function or class of a registered entry, imported if it was given as text.

    Raises
    ------
    SpecError
        If the text of the registration names nothing.
    """
    if not isinstance(entry.factory, str):
        return entry.factory
    module, _, name = entry.factory.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise SpecError(
            f"`{entry.factory}` cannot be imported: {error}.",
            mend="Mend its registration, or install its package.",
        ) from error


def load_entry_points() -> list[str]:
    """Call every function of the entry-point group :data:`ENTRY_POINTS`, and return their names.

    Each registers what its package offers.  Code of an installed package runs, so this is done only where the
    environment asks for it (:data:`PLUGINS`).
    """
    found = []
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        typing.cast(Callable[[], object], point.load())()
        found.append(point.name)
    return found
