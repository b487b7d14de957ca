"""The table of a model's outputs: loss, weight and metrics of each, and formulas of one's own."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard.app import frame, state
from dashboard.figures import charts
from dashboard.model import parameters
from dashboard.widgets import forms
from vgae_core.catalogue import formula
from vgae_core.catalogue.families import FAMILIES
from vgae_core.catalogue.identifiers import written
from vgae_core.catalogue.lookup import BY_SHAPE, find, head_of, snake
from vgae_core.catalogue.losses import LIKELIHOODS, LOSSES
from vgae_core.catalogue.metrics import METRICS
from vgae_core.catalogue.objectives import Identifier, Kind, ObjectiveEntry
from vgae_core.catalogue.outputs import OUTPUTS
from vgae_core.errors import SpecError
from vgae_core.model_parts.heads import Head
from vgae_core.settings import OutputSpec, RunSpec, resolved_outputs
from vgae_core.settings.defaults import offered_outputs
from vgae_core.settings.fields import Setting, settings_of

log = logging.getLogger("vgae_studio")


def complete(spec: RunSpec) -> RunSpec:
    """Return the specification with every output the data allow, those it lacks switched off."""
    profile = state.profile()
    possible = offered_outputs(
        feature_kind=profile.feature_kind,
        has_labels=profile.n_classes > 0,
        family=spec.model.family,
        own_units=profile.own_units,
    )
    names = {output.name for output in spec.outputs}
    missing = [dataclasses.replace(o, enabled=False) for o in possible if o.name not in names]
    return dataclasses.replace(spec, outputs=(*spec.outputs, *missing)) if missing else spec


def edit(output: OutputSpec) -> None:
    """Draw one row of the table of outputs."""
    by_name = _settings(output)
    always = FAMILIES[state.spec().model.family].always

    def draw(name: str) -> None:
        setting, value = by_name[name], getattr(output, name)
        if name == "metrics":  # a formula or a metric with settings is shown as text
            value = tuple(map(written, value))
        elif name == "loss":
            value = _name(value)
        forms.field(setting, value, setting.key)

    with st.container(border=True):
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"
        ):
            if output.name in always:
                st.markdown(by_name["enabled"].title, width="content")
            else:
                draw("enabled")
            st.caption(f"`{output.name}`", width="content")
        if output.enabled:
            columns = st.columns([13, 6, 10], gap="small")
            for column, name in zip(columns, ("loss", "weight", "metrics"), strict=True):
                with column:
                    draw(name)
                    if name == "weight":
                        _say_divided(output)
            parameters.edit(output)
            _explain(output)
            _edit_formulas(output)
        if output.name == "output":
            _explain_choice()


def _offered(
    catalogue: Mapping[str, ObjectiveEntry], output: OutputSpec, used: tuple[Any, ...]
) -> tuple[str, ...]:
    """Return the names that fit the output and its data, and those in use whether they fit or not."""
    kind = state.profile().feature_kind if output.name in ("x_rec", "output") else "binary"
    fitting = [
        name
        for name, entry in catalogue.items()
        if output.name in entry.outputs and (not entry.targets or kind in entry.targets)
    ]
    in_use = (name if isinstance(name, str) else written(name) for name in used)
    return (*fitting, *(name for name in in_use if name not in fitting))


def _name(identifier: Identifier) -> str:
    """Return a loss without its settings, which have fields of their own; a formula as it is written."""
    if isinstance(identifier, Mapping) and "formula" not in identifier:
        return str(identifier["class_name"])
    return written(identifier)


def _named(catalogue: Mapping[str, ObjectiveEntry], names: tuple[str, ...]) -> dict[str, str]:
    """Return each name's title; of a formula, that it is one."""
    return {
        name: f"Formula · {name[1:].strip()}" if name.startswith("=") else _title(catalogue, name)
        for name in names
    }


def _title(catalogue: Mapping[str, ObjectiveEntry], name: str) -> str:
    base, bracket, settings = name.partition("(")
    return catalogue[base].title + (f" ({settings}" if bracket else "") if base in catalogue else name


def _with_formula(names: tuple[str, ...], output: str, head: Head) -> tuple[str, ...]:
    """Return `names` and, last, a formula to begin with, where the head's numbers allow one."""
    if head.width > 1:  # several numbers per column fit no target
        return names
    text = written({"formula": formula.parse(formula.example(output, head.name))})
    return names if text in names else (*names, text)


def _settings(output: OutputSpec) -> dict[str, Setting]:
    """Return the output's settings, with the choices that make sense for it."""
    by_name = {setting.name: setting for setting in settings_of(OutputSpec, f"outputs.{output.name}.")}
    entry = OUTPUTS[output.name]
    profile = state.profile()
    by_data = head_of(output.name, LIKELIHOODS[profile.feature_kind or "real"][0])
    by_loss = head_of(output.name, output.loss, profile.n_features)
    losses = _with_formula(_offered(LOSSES, output, (_name(output.loss),)), output.name, by_data)
    metrics = _with_formula(_offered(METRICS, output, output.metrics), output.name, by_loss)
    by_name["enabled"] = dataclasses.replace(by_name["enabled"], title=entry.title, help=entry.help)
    for name, catalogue, names in (("loss", LOSSES, losses), ("metrics", METRICS, metrics)):
        setting = by_name[name]
        by_name[name] = dataclasses.replace(
            setting,
            choices=names,
            labels=_named(catalogue, names),
            help=f"{setting.help} The last one of the list is a formula: choose it to write your own.",
        )
    return by_name


def _keep_formula(key: str, output: str, place: int | None) -> None:
    """Put the formula that was typed into the specification, before any page runs.

    Parameters
    ----------
    key : str
        Of the text field.
    output : str
    place : int or None
        Of the metric; None is the loss.
    """
    try:
        state.set_spec(_with_tree(state.spec(), output, place, st.session_state[key]), replace=True)
    except SpecError as error:
        log.info("A formula was not kept: %s", error)  # the field, drawn again, shows the same error


def _with_tree(spec: RunSpec, output: str, place: int | None, text: str) -> RunSpec:
    """Return `spec` with another formula; raise SpecError, with the column, unless it is one for that output."""
    tree = formula.parse(text)
    formula.check(tree, output, loss=place is None)
    if place is None:
        return spec.replace(f"outputs.{output}.loss", {"formula": tree})
    metrics: list[Identifier] = list(spec.output(output).metrics)
    metrics[place] = {"formula": tree}
    if len(set(map(written, metrics))) < len(metrics):
        raise SpecError(
            "This metric is in the list already.", where="formula", mend="Remove it from the list."
        )
    return spec.replace(f"outputs.{output}.metrics", metrics)


def _edit_formulas(output: OutputSpec) -> None:
    """Draw a field for each formula in use, and the formula as it was understood."""
    places: list[tuple[int | None, str, Identifier]] = [(None, "Loss", output.loss)]
    places += [(i, "Metric", metric) for i, metric in enumerate(output.metrics)]
    in_use = [
        (place, role, identifier["formula"])
        for place, role, identifier in places
        if isinstance(identifier, Mapping) and "formula" in identifier
    ]
    for place, role, tree in in_use:
        shown = formula.show(tree)
        key = f"formula_{output.name}_{role}_{shown}_{state.spec_version()}"
        text = st.text_input(
            f"{role} as a formula",
            value=shown,
            max_chars=formula.MAX_TEXT,
            key=key,
            on_change=_keep_formula,
            args=(key, output.name, place),
            help="The result is averaged over each row. Formulas are parsed, never executed as code.",
        )
        if text != shown:
            try:
                _with_tree(state.spec(), output.name, place, text)
            except SpecError as error:
                frame.report(error)
                st.caption(f"Until it is complete, this one stays in use: `{shown}`")
                continue
        st.latex(formula.latex(tree))
    if in_use:
        with st.popover("What a formula can use", icon=":material/function:", type="tertiary"):
            st.markdown(_variables_of(output.name))


def _variables_of(output: str) -> str:
    """Return the variables and functions of an output's formulas as Markdown."""
    variables = [
        f"`{name}`: {charts.plain(variable.help)}"
        for name, variable in formula.VARIABLES.items()
        if output in variable.outputs
    ]
    functions = [
        f"`{name}({', '.join('xy'[: function.arguments])})`: {charts.plain(function.help)}"
        for name, function in formula.FUNCTIONS.items()
        if not function.sign
    ]
    return (
        "  \n".join(["**Variables**", *variables])
        + "\n\n"
        + "  \n".join(["**Functions**", "`+ - * /` and `**`, numbers and parentheses", *functions])
    )


def _explain(output: OutputSpec) -> None:
    """Say in a line each what the chosen loss and metrics are, with the name each has in Keras or here."""
    lines = [_line(LOSSES, _name(output.loss), "loss")]
    columns = resolved_outputs.columns_of(output.name, state.profile())
    for metric in output.metrics:
        name = _name(metric)
        key = BY_SHAPE.get(name)
        if key is None:
            lines.append(_line(METRICS, name, "metric"))
        else:
            became = snake(resolved_outputs.by_shape(key, output.name, columns))
            shape = resolved_outputs.shape_of(output.name, columns)
            lines.append(f"`{name}` → `{became}`: resolved as Keras does, from {shape}.")
    st.caption("  \n".join(charts.message(line) for line in lines if line))


def _line(catalogue: Mapping[str, ObjectiveEntry], name: str, kind: Kind) -> str:
    key = find(kind, name)
    return f"`{name}`: {catalogue[key].help}" if key else ""


def _say_divided(output: OutputSpec) -> None:
    """Say what the weight of the KL divergence is divided by."""
    spec = state.spec()
    divisor, what = resolved_outputs.divisor_of(output.name, spec.model.family, state.profile())
    if what and spec.model.variational:
        st.caption(f"÷ {divisor:,} {what}")


def _explain_choice() -> None:
    """Say why the likelihood of a matrix was preselected."""
    kind = state.profile().feature_kind
    loss, reason = LIKELIHOODS[kind or "real"]
    st.caption(
        f":material/lightbulb: Preselected by the data: {charts.message(f'`{loss}`, since {reason}')}."
    )
