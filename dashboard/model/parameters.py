"""Fields for the settings of a loss or metric: focal's gamma, the threshold of F1."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard.app import state
from dashboard.widgets import forms
from vgae_core.catalogue.identifiers import identify
from vgae_core.catalogue.lookup import CATALOGUES, entry_config, find
from vgae_core.catalogue.objectives import Identifier, Kind
from vgae_core.catalogue.parameters import PARAMETERS, ParameterEntry
from vgae_core.settings import OutputSpec, RunSpec
from vgae_core.settings.fields import Setting


def edit(output: OutputSpec) -> None:
    """Draw a field for each setting of the loss and of the metrics of an output that has an effect."""
    places: list[tuple[Kind, int, Identifier]] = [("loss", 0, output.loss)]
    places += [("metric", at, metric) for at, metric in enumerate(output.metrics)]
    drawn = [
        (kind, at, identifier, name) for kind, at, identifier in places for name in _fields(kind, identifier)
    ]
    if not drawn:
        return
    with st.grid(min_column_width=150, gap="small"):
        for kind, at, identifier, name in drawn:
            title = PARAMETERS[name].title
            if kind == "metric":
                title += f" of {_title(kind, identifier)}"
            setting = _setting(
                f"outputs.{output.name}.{kind}.{at}.{name}", name, title, _config(kind, identifier)
            )
            keep = functools.partial(_keep, output.name, kind, at, name)
            with st.container():
                forms.field(setting, setting.default, f"parameter_{setting.key}", keep=keep)


def _setting(key: str, name: str, title: str, config: Mapping[str, Any]) -> Setting:
    """Return a setting of a loss or metric as forms see it; bounds give way to a value from elsewhere."""
    entry, value = PARAMETERS[name], config[name]
    if value is not None:
        value = entry.type(value)
    elif not entry.empty:
        value = entry.type(entry.low)
    return Setting(
        key=key, name=name, title=title, type=entry.type, default=value, help=entry.help,
        low=min(entry.low, value or entry.low), high=max(entry.high, value or entry.high), step=entry.step,
        zero=entry.empty, optional=bool(entry.empty),
    )  # fmt: skip


def with_setting(spec: RunSpec, output: str, kind: Kind, at: int, name: str, value: Any) -> RunSpec:
    """Return `spec` with another value of a setting of a loss or metric; what is as by default is left out.

    Parameters
    ----------
    spec : RunSpec
    output : str
    kind : str
        ``"loss"`` or ``"metric"``.
    at : int
        Place among the metrics.
    name : str
        Of the setting.
    value : bool, int, float or None
    """
    metrics = list(spec.output(output).metrics)
    identifier = spec.output(output).loss if kind == "loss" else metrics[at]
    config = {**_config(kind, identifier), name: value}
    defaults = entry_config(kind, _class(identifier))
    other = {key: setting for key, setting in config.items() if setting != defaults[key]}
    changed = identify(kind, {"class_name": _class(identifier), "config": other})
    if kind == "loss":
        return spec.replace(f"outputs.{output}.loss", changed)
    metrics[at] = changed
    return spec.replace(f"outputs.{output}.metrics", metrics)


def _keep(output: str, kind: Kind, at: int, name: str, value: Any) -> None:
    state.set_spec(with_setting(state.spec(), output, kind, at, name, value), replace=True)


def _fields(kind: Kind, identifier: Identifier) -> list[str]:
    config = _config(kind, identifier)

    def matters(entry: ParameterEntry) -> bool:
        return not entry.needs or bool(config.get(entry.needs))

    return [name for name in config if name in PARAMETERS and matters(PARAMETERS[name])]


def _class(identifier: Identifier) -> str:
    return identifier if isinstance(identifier, str) else str(identifier.get("class_name", ""))


def _config(kind: Kind, identifier: Identifier) -> dict[str, Any]:
    """Return the settings of a loss or metric, the defaults included; none of a formula."""
    given = identifier.get("config", {}) if isinstance(identifier, Mapping) else {}
    return {**entry_config(kind, _class(identifier)), **given}


def _title(kind: Kind, identifier: Identifier) -> str:
    key = find(kind, _class(identifier))
    return CATALOGUES[kind][key].title if key else _class(identifier)
