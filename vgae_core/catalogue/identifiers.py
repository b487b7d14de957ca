"""How a loss or metric is written and stored.

An identifier is a name (``"focal"``), a name with settings (``"huber(delta=2)"``, stored as ``{"class_name": "huber",
"config": {"delta": 2}}``) or a formula (``"= mean(square(y_true - probability))"``, stored as a tree).  From Python it
may also be a Keras class or instance or a function.  Nothing but the entries of the catalogue can
be named, whatever a specification from elsewhere says: no module is imported and no code deserialised for it.
"""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Mapping
from typing import Any

from vgae_core.catalogue import formula
from vgae_core.catalogue.lookup import CATALOGUES, entry_config
from vgae_core.catalogue.objectives import Identifier, Kind
from vgae_core.catalogue.registration import register_loss, register_metric
from vgae_core.errors import SpecError

MAX_SETTINGS = 16

_COMMON_CONFIG = ("name", "reduction", "dtype", "from_logits", "axis")
"""Settings of Keras' classes that the output decides here; they are left out."""


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
        if isinstance(tree, str) and tree not in formula.VARIABLES:
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
