"""The form of a sweep: which settings of the specification at hand vary, how, and for how long."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from dashboard.app import state
from dashboard.figures import charts
from dashboard.widgets import forms
from vgae_core.catalogue.sweeps import OBJECTIVES, SEARCHES
from vgae_core.errors import SpecError
from vgae_core.settings import RunSpec
from vgae_core.settings.fields import Setting, settings_of
from vgae_core.settings.space import LOSS, Dimension, Space, objective, value_of
from vgae_core.settings.variable import proposed, variable

MOST = 6
"""Settings that vary at once on the page: with more, a sweep of a few dozen trials finds nothing."""

FIRST = ("training.learning_rate", "model.latent_dim")
"""What varies at first, where the specification has it."""


def form(spec: RunSpec) -> Space:
    """Draw the form and return the space it describes.

    Raises
    ------
    SpecError
        If what was entered is none.
    """
    offered = {setting.key: setting for setting in variable(spec)}
    st.session_state.setdefault("sweep_vary", [key for key in FIRST if key in offered])
    st.session_state["sweep_vary"] = [key for key in st.session_state["sweep_vary"] if key in offered]
    keys = st.multiselect(
        "Vary",
        list(offered),
        key="sweep_vary",
        max_selections=MOST,
        format_func=lambda key: offered[key].title,
        help="Settings of the Model page. Those that do not vary stay as they are there.",
        persist_state="session",
    )
    dimensions = [_dimension(spec, offered[key]) for key in keys]
    fields = {setting.name: setting for setting in settings_of(Space)}
    outputs = [output.name for output in spec.active_outputs]
    simplex: list[str] = []
    if len(outputs) > 1:
        simplex = st.multiselect(
            fields["simplex"].title,
            [name for name in outputs if f"outputs.{name}.weight" not in keys],
            key="sweep_simplex",
            help=fields["simplex"].help,
            placeholder="None",
            persist_state="session",
        )
    names = [*OBJECTIVES, *(name + LOSS for name in outputs)]
    with st.grid(min_column_width=200):
        with st.container():
            objectives = st.multiselect(
                fields["objectives"].title,
                names,
                default=list(fields["objectives"].default),
                max_selections=3,
                key="sweep_objectives",
                format_func=lambda name: objective(name, spec).title,
                help=fields["objectives"].help,
                persist_state="session",
            )
        with st.container():
            search = forms.field(fields["search"], "tpe", "sweep_search")
            st.caption(charts.plain(SEARCHES[search].help))
        for name in ("trials", "minutes", "seeds"):
            with st.container():
                setting = fields[name]
                forms.field(setting, setting.default, f"sweep_{name}")
        with st.container():
            forms.field(fields["prune"], True, "sweep_prune")
    space = Space(
        vary=tuple(dimensions),
        simplex=tuple(simplex),
        search=search,
        objectives=tuple(objectives),
        **{name: st.session_state[f"sweep_{name}"] for name in ("trials", "minutes", "seeds", "prune")},
    )
    space.check(spec)
    return space


def _dimension(spec: RunSpec, setting: Setting) -> Dimension:
    """Draw what one setting varies over and return it."""
    start, key = proposed(spec, setting), f"sweep_of_{setting.key}"
    now = "" if setting.key == "recipe" else f" (now {_text(value_of(spec, setting.key))})"
    label = f"{setting.title}{now}"
    if setting.choices or setting.type is bool:
        chosen = st.multiselect(
            label,
            list(start.values),
            default=list(start.values)[:4],
            key=key,
            format_func=lambda value: setting.labels.get(value, str(value)),
            help=charts.message(setting.help),
            persist_state="session",
        )
        return Dimension(key=setting.key, values=tuple(chosen))
    if start.values:
        text = st.text_input(
            label,
            "; ".join(map(_text, start.values)),
            key=key,
            help=f"{charts.message(setting.help)}  \nValues separated by semicolons.",
            persist_state="session",
        )
        return Dimension(key=setting.key, values=tuple(_value(setting, part) for part in text.split(";")))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        low = st.number_input(
            f"{label}, from",
            value=float(start.low or 0),
            format="%g",
            key=f"{key}_low",
            persist_state="session",
        )
        high = st.number_input(
            "to", value=float(start.high or 0), format="%g", key=f"{key}_high", persist_state="session"
        )
        log = st.toggle("Logarithmic", start.log, key=f"{key}_log", persist_state="session")
    return Dimension(key=setting.key, low=low, high=high, log=log)


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else f"{value:g}"


def _value(setting: Setting, text: str) -> Any:
    """Return one of the values in a text field: a number, or a list of whole numbers.

    Raises
    ------
    SpecError
        If it is none.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    try:
        if setting.type == tuple[int, ...]:
            return [int(part) for part in parts]
        (part,) = parts
        return int(part) if setting.type is int else float(part)
    except ValueError as error:
        raise SpecError(
            f"Expected values separated by semicolons. Received: {text!r:.60}.", where=setting.title
        ) from error


def command(spec: RunSpec, space: Space) -> str:
    """Return the command line that does the same on the files at hand."""
    source = state.source()
    files = source if source.startswith("sample:") else "YOUR_FILES"
    return f"python -m vgae_core sweep {files} --spec spec.json --space space.json --out sweep"


def as_json(spec: RunSpec) -> bytes:
    """Return a specification as the file that the command names."""
    return json.dumps(spec.to_dict(), indent=2).encode()
