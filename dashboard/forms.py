"""From the specification's own description of a setting to the widget that edits it."""

from __future__ import annotations

import logging
import typing
from typing import Any

import streamlit as st

from dashboard import charts, frame, state
from vgae_core.catalogue.base import Entry
from vgae_core.errors import SpecError, StudioError
from vgae_core.settings.fields import Setting

log = logging.getLogger("vgae_studio")

_VERSIONS = "_field_versions"
_REFUSED = "_refused_settings"
FEW = 3
"""Up to this many choices stand side by side; more go into a list."""

NARROW = 180
"""Pixels of a column on a telephone; choices that need more go into a list, for they would wrap."""


def field(setting: Setting, value: Any, key: str, *, disabled: bool = False) -> Any:
    """Draw the widget for `setting` and return its value in the setting's own type.

    Type, bounds, choices, title and help come from the specification.  The widget
    takes `value` when it is first drawn and whenever the specification was replaced
    from outside a form (:func:`dashboard.state.spec_version`); between those it
    keeps what the visitor typed.

    A widget whose key is the setting's own path edits the specification at hand.  Its
    callback is all that writes there, for a value typed just before a click on another page
    comes with that page's run, which the page that drew the widget never sees.  A value
    that the specification refuses is kept until other settings allow it; the error
    stands below the widget.

    Parameters
    ----------
    setting : Setting
        From :func:`vgae_core.settings.fields.settings_of`.
    value : Any
        The value held by the specification now.
    key : str
        Widget key.
    disabled : bool
        Draw it without letting it be changed.

    Returns
    -------
    Any
        bool, int, float, str, or a tuple of int or str.
    """
    chosen = _draw(setting, value, key, disabled=disabled)
    refusal = refused(key)
    if refusal is not None:
        frame.report(refusal)
    return chosen


def about(entry: Entry) -> str:
    """Return help and reference of a choice as Markdown."""
    return charts.message(entry.help) + (f"  \n{charts.plain(entry.reference)}" if entry.reference else "")


def refused(key: str) -> StudioError | None:
    """Return why the value of a widget is not in the specification; None where it is."""
    refusal = _refusals().get(key)
    return None if refusal is None else refusal[1]


def _draw(setting: Setting, value: Any, key: str, *, disabled: bool) -> Any:
    label, shown = setting.title, _shown(setting, value)
    common: dict[str, Any] = {"key": key, "help": charts.message(setting.help), "disabled": disabled}
    if key == setting.key:
        common |= {"on_change": _keep, "args": (setting,)}
    if not _replaced(key, shown):
        # The value itself, not only its place in the session: Streamlit forgets the latter for
        # widgets whose first run was cut short by the visitor's next click.
        common |= _initial(setting, shown)
    if setting.type is bool:
        return st.toggle(label, **common)
    if setting.choices:
        draw = _choices if _is_list(setting) else _choice
        return draw(setting, label, common)
    if setting.type is int:
        return int(
            st.number_input(
                label,
                min_value=None if setting.low is None else int(setting.low),
                max_value=None if setting.high is None else int(setting.high),
                step=int(setting.step or 1),
                **common,
            )
        )
    if setting.type is float:
        return _decimal(setting, label, common)
    if setting.type == tuple[str, ...]:
        return tuple(st.multiselect(label, list(value), accept_new_options=True, **common))
    text = st.text_input(label, **common)
    if setting.type == tuple[int, ...]:
        try:
            return _whole_numbers(setting, text)
        except SpecError as error:
            st.error(charts.plain(error.message), title=setting.title)
            return tuple(value)
    return text


def _keep(setting: Setting) -> None:
    """Store the widget's value in the specification, before any page runs."""
    value = st.session_state[setting.key]
    try:
        if setting.type == tuple[int, ...]:
            value = _whole_numbers(setting, value)
    except SpecError as error:  # the widget, drawn again, shows it
        log.info("A value was not kept: %s", error)
        return
    refusals = _refusals()
    waiting = {setting.key: value, **{key: kept for key, (kept, _) in refusals.items() if key != setting.key}}
    refusals.clear()
    allowed = True
    while allowed:  # one value can make room for another
        allowed = False
        for key, wanted in list(waiting.items()):
            try:
                state.set_spec(state.spec().replace(key, wanted))
            except StudioError as error:
                refusals[key] = wanted, error
                log.info("A value was not kept: %s", error)
            else:
                del waiting[key]
                refusals.pop(key, None)
                allowed = True


def _refusals() -> dict[str, tuple[Any, StudioError]]:
    """Return values that the specification at hand has refused, with the reason, by the path of their setting."""
    version = state.spec_version()
    if st.session_state.get(_REFUSED, (None,))[0] != version:
        st.session_state[_REFUSED] = version, {}
    refusals: dict[str, tuple[Any, StudioError]] = st.session_state[_REFUSED][1]
    return refusals


def _replaced(key: str, value: Any) -> bool:
    """Put `value` into a widget drawn before, if the specification was replaced since; return whether."""
    seen = st.session_state.setdefault(_VERSIONS, {})
    version = state.spec_version()
    stale = key in st.session_state and seen.get(key, version) != version
    if stale:
        st.session_state[key] = value
    seen[key] = version
    return stale


def _initial(setting: Setting, value: Any) -> dict[str, Any]:
    """Return the argument by which the widget of `setting` takes its first value."""
    if setting.choices and not _is_list(setting) and not _side_by_side(setting):
        return {"index": setting.choices.index(value)}
    return {"default" if setting.choices or setting.type == tuple[str, ...] else "value": value}


def _shown(setting: Setting, value: Any) -> Any:
    if setting.choices and _is_list(setting):
        return [choice for choice in value if choice in setting.choices]
    if setting.type == tuple[str, ...]:
        return list(value)
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else value


def _is_list(setting: Setting) -> bool:
    return typing.get_origin(setting.type) is tuple


def _choices(setting: Setting, label: str, common: dict[str, Any]) -> tuple[str, ...]:
    chosen = st.multiselect(
        label,
        setting.choices,
        format_func=lambda choice: setting.labels.get(choice, choice),
        placeholder=setting.labels.get("", "None"),
        **common,
    )
    return tuple(chosen)


def _choice(setting: Setting, label: str, common: dict[str, Any]) -> str:
    common["format_func"] = lambda choice: _name(setting, choice)
    if _side_by_side(setting):
        return str(st.segmented_control(label, setting.choices, required=True, **common))
    return str(st.selectbox(label, setting.choices, **common))


def _name(setting: Setting, choice: str) -> str:
    return setting.labels.get(choice, choice.replace("_", " ").capitalize())


def _side_by_side(setting: Setting) -> bool:
    names = [_name(setting, choice) for choice in setting.choices]
    # About 7 pixels a letter, and 26 for the frame of each choice.
    return len(names) <= FEW and sum(7 * len(name) + 26 for name in names) <= NARROW


def _decimal(setting: Setting, label: str, common: dict[str, Any]) -> float:
    # Without a declared step the setting spans orders of magnitude: a fixed number of decimals would lie.
    return float(
        st.number_input(
            label,
            min_value=setting.low,
            max_value=setting.high,
            step=setting.step or setting.default / 10 or None,
            format=None if setting.step else "%g",
            **common,
        )
    )


def _whole_numbers(setting: Setting, text: str) -> tuple[int, ...]:
    """Return the numbers in `text`; raise SpecError unless they are whole and within bounds."""
    low, high = setting.low or 0, setting.high
    try:
        numbers = tuple(int(part) for part in text.replace(";", ",").split(",") if part.strip())
    except ValueError:
        expected = "Expected whole numbers separated by commas."
    else:
        if all(low <= n and (high is None or n <= high) for n in numbers):
            return numbers
        expected = f"Each number must be between {low:g} and {high:g}."
    raise SpecError(f"{expected} Received: {text}", where=setting.title)
