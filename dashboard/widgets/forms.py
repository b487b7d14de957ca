"""From the specification's own description of a setting to the widget that edits it."""

from __future__ import annotations

import logging
import typing
from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard.app import frame, state
from dashboard.figures import charts
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


def field(
    setting: Setting,
    value: Any,
    key: str,
    *,
    disabled: bool = False,
    side_by_side: bool | None = None,
    keep: Callable[[Any], None] | None = None,
) -> Any:
    """Draw the widget for `setting` and return its value in the setting's own type.

    Type, bounds, choices, title and help come from the specification.  The widget
    takes `value` when it is first drawn and whenever the specification was replaced
    from outside a form (:func:`dashboard.app.state.spec_version`); between those it
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
    side_by_side : bool, optional
        Whether choices stand side by side; otherwise that goes by the room they need.
    keep : callable, optional
        Called with a new value before any page runs, instead of what stores the value of the setting's own widget.

    Returns
    -------
    Any
        bool, int, float, str, or a tuple of int or str.
    """
    chosen = _draw(setting, value, key, disabled, side_by_side, keep)
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


def any_refused() -> bool:
    """Return whether the specification at hand has refused a value that a widget still shows."""
    return bool(_refusals())


def _draw(
    setting: Setting,
    value: Any,
    key: str,
    disabled: bool,
    side_by_side: bool | None,
    keep: Callable[[Any], None] | None,
) -> Any:
    label, shown = setting.title + (" (%)" if setting.percent else ""), _shown(setting, value)
    common: dict[str, Any] = {"key": key, "help": charts.message(setting.help), "disabled": disabled}
    if keep is not None:
        common |= {"on_change": lambda: keep(_value(setting, st.session_state[key]))}
    elif key == setting.key:
        common |= {"on_change": _keep, "args": (setting,)}
    replaced = _replaced(key, shown)
    if setting.zero:
        # Only a field that begins empty can be emptied; what it holds comes from the session.
        if key not in st.session_state:
            st.session_state[key] = shown
        common["value"] = None
    elif not replaced:
        # The value itself, not only its place in the session: Streamlit forgets the latter for
        # widgets whose first run was cut short by the visitor's next click.
        common |= _initial(setting, shown, _stands(setting, side_by_side))
    if setting.type is bool:
        return st.toggle(label, **common)
    if setting.choices:
        if _is_list(setting):
            return _choices(setting, label, common)
        return _choice(setting, label, common, side_by_side)
    if setting.type in (int, float):
        draw = _whole if setting.type is int else _decimal
        return _value(setting, draw(setting, label, common))
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
    try:
        value = _value(setting, st.session_state[setting.key])
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


def _initial(setting: Setting, value: Any, stand: bool) -> dict[str, Any]:
    """Return the argument by which the widget of `setting` takes its first value."""
    if setting.choices and not _is_list(setting) and not stand:
        return {"index": setting.choices.index(value)}
    return {"default" if setting.choices or setting.type == tuple[str, ...] else "value": value}


def _shown(setting: Setting, value: Any) -> Any:
    """Return a value of a setting as its widget has it."""
    if value is None or (setting.zero and not value and not setting.optional):
        return None
    if setting.percent:
        return round(100 * value, 9)
    if setting.choices and _is_list(setting):
        return [choice for choice in value if choice in setting.choices]
    if setting.type == tuple[str, ...]:
        return list(value)
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else value


def _value(setting: Setting, shown: Any) -> Any:
    """Return what a widget has as a value of its setting; raise SpecError where it is none."""
    if setting.type == tuple[int, ...]:
        return _whole_numbers(setting, shown)
    if shown is None:
        return None if setting.optional else setting.type(0)
    if setting.percent:
        return round(shown / 100, 11)
    return setting.type(shown) if setting.type in (int, float) else shown


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


def _choice(setting: Setting, label: str, common: dict[str, Any], side_by_side: bool | None) -> str:
    common["format_func"] = lambda choice: _name(setting, choice)
    if _stands(setting, side_by_side):
        return str(st.segmented_control(label, setting.choices, required=True, **common))
    return str(st.selectbox(label, setting.choices, **common))


def _name(setting: Setting, choice: str) -> str:
    return setting.labels.get(choice, choice.replace("_", " ").capitalize())


def _stands(setting: Setting, side_by_side: bool | None) -> bool:
    """Return whether the choices of a setting stand side by side: as asked for, else where there is room."""
    return _fits_side_by_side(setting) if side_by_side is None else side_by_side


def _fits_side_by_side(setting: Setting) -> bool:
    names = [_name(setting, choice) for choice in setting.choices]
    # About 7 pixels a letter, and 26 for the frame of each choice.
    return len(names) <= FEW and sum(7 * len(name) + 26 for name in names) <= NARROW


def _whole(setting: Setting, label: str, common: dict[str, Any]) -> int | None:
    low = None if setting.low is None else int(setting.low)
    return st.number_input(
        label,
        min_value=1 if setting.zero and low == 0 else low,
        max_value=None if setting.high is None else int(setting.high),
        step=int(setting.step or 1),
        placeholder=setting.zero or None,
        **common,
    )


def _decimal(setting: Setting, label: str, common: dict[str, Any]) -> float | None:
    # Without a declared step the setting spans orders of magnitude: a fixed number of decimals would lie.
    scale = 100.0 if setting.percent else 1.0
    return st.number_input(
        label,
        min_value=None if setting.low is None else scale * setting.low,
        max_value=None if setting.high is None else scale * setting.high,
        step=scale * (setting.step or setting.default / 10 or 1.0),
        format="%g" if setting.percent or not setting.step else None,
        placeholder=setting.zero or None,
        **common,
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
