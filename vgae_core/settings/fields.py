"""How a setting is declared, checked and listed.  Standard library only."""

from __future__ import annotations

import dataclasses
import functools
import math
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from vgae_core.catalogue.base import Entry, nearest
from vgae_core.errors import SpecError


def field_of(default: Any, help: str, **metadata: Any) -> Any:
    """Return a dataclass field with its help text, bounds and choices."""
    if isinstance(default, types.FunctionType | type):
        return field(default_factory=default, metadata={"help": help, **metadata})
    return field(default=default, metadata={"help": help, **metadata})


@dataclass(frozen=True)
class Setting:
    """One setting as forms and documentation see it."""

    key: str
    """Dotted path, e.g. ``"training.epochs"``."""
    name: str
    title: str
    type: Any
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    entries: Mapping[str, Entry] = field(default_factory=dict)
    """Of the choices, where they come from a catalogue."""
    zero: str = ""
    """What 0 means, in words, where it is no number of anything; forms then show an empty field as this."""
    percent: bool = False
    """Whether it is a share, which forms show in percent."""
    optional: bool = False
    """Whether it may be left empty (None); `zero` then says what that means."""


hints_of: Callable[[type], dict[str, Any]] = functools.cache(typing.get_type_hints)
"""Types of a section's fields; resolving them takes a millisecond, and forms ask often."""


class Section:
    """Validation, JSON and introspection shared by every part of the specification."""

    def __post_init__(self) -> None:
        hints = hints_of(type(self))
        for item in dataclasses.fields(self):  # type: ignore[arg-type]
            value = _check(item, hints[item.name], getattr(self, item.name))
            object.__setattr__(self, item.name, value)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types, nested sections included."""
        return {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> typing.Self:
        """Return the section described by `values`; missing keys take their defaults.

        Raises
        ------
        SpecError
            If a key is unknown or a value out of bounds.
        """
        if not isinstance(values, Mapping):
            raise SpecError(f"Expected an object of settings. Received: {values!r:.80}.", where=cls.__name__)
        known = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
        hints = hints_of(cls)
        for key in values:
            if key not in known:
                raise SpecError(f"Unknown setting `{key}`.{nearest(str(key), known)}", where=cls.__name__)
        return cls(**{key: _typed(hints[key], value) for key, value in values.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, Section):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value


def _typed(hint: Any, value: Any) -> Any:
    """Turn JSON values back into sections and tuples."""
    if isinstance(hint, type) and issubclass(hint, Section):
        return hint.from_dict(value) if isinstance(value, Mapping) else value
    if typing.get_origin(hint) is tuple and isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_typed(typing.get_args(hint)[0], item) for item in value)
    return value


def _check(item: dataclasses.Field[Any], hint: Any, value: Any) -> Any:
    """Return `value` in its declared type, or raise SpecError naming the setting."""
    meta, name = item.metadata, item.name
    if typing.get_origin(hint) is Literal:
        choices = typing.get_args(hint)
        if value not in choices:
            raise SpecError(
                f"`{name}` must be one of {', '.join(map(str, choices))}. Received: {value!r:.80}."
            )
        return value
    if typing.get_origin(hint) is Mapping and "catalogue" in meta:
        return _named_choices(name, value, meta["catalogue"])
    if "catalogue" in meta and value not in meta["catalogue"]:
        raise SpecError(f"`{name}` is unknown: {value!r}.{nearest(str(value), meta['catalogue'])}")
    if hint is bool:
        if not isinstance(value, bool):
            raise SpecError(f"`{name}` must be true or false. Received: {value!r:.80}.")
        return value
    if hint in (int, float):
        return _number(name, hint, meta, value)
    if hint is str and not isinstance(value, str):
        raise SpecError(f"`{name}` must be text. Received: {value!r:.80}.")
    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)[0]
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise SpecError(f"`{name}` must be a list. Received: {value!r:.80}.")
        if inner is int:
            return tuple(_number(name, int, meta, v) for v in value)
        if isinstance(inner, type) and issubclass(inner, Section):
            for one in value:
                if not isinstance(one, inner):
                    raise SpecError(f"`{name}` must list objects ({inner.__name__}). Received: {one!r:.80}.")
        return tuple(value)
    if isinstance(hint, type) and issubclass(hint, Section) and not isinstance(value, hint):
        raise SpecError(f"`{name}` must be a {hint.__name__}. Received: {value!r:.80}.")
    return value


def _named_choices(name: str, value: Any, catalogue: Mapping[str, Entry]) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(k, str) for k in value):
        raise SpecError(f"`{name}` must be an object of texts. Received: {value!r:.80}.")
    for key, choice in value.items():
        if choice not in catalogue:
            raise SpecError(f"`{name}.{key}` is unknown: {choice!r}.{nearest(str(choice), catalogue)}")
    return dict(value)


def _number(name: str, kind: type, meta: Mapping[str, Any], value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpecError(f"`{name}` must be a number. Received: {value!r:.80}.")
    # Compared, not converted: JSON may hold whole numbers that no float can.
    if not abs(value) <= sys.float_info.max or (kind is int and value != int(value)):
        raise SpecError(
            f"`{name}` must be {'a whole' if kind is int else 'a finite'} number. Received: {value!r:.40}."
        )
    low, high = meta.get("low", -math.inf), meta.get("high", math.inf)
    if not low <= value <= high:
        raise SpecError(f"`{name}` must be between {low:g} and {high:g}. Received: {value!r:.80}.")
    return int(value) if kind is int else float(value)


def settings_of(section: type[Section], prefix: str = "", *, family: str | None = None) -> Iterator[Setting]:
    """Yield every setting below `section`, depth first, as forms and documentation need them.

    With a `family`, only the settings and choices that a model of that family has.
    """
    hints = hints_of(section)
    for item in dataclasses.fields(section):  # type: ignore[arg-type]
        hint, meta = hints[item.name], item.metadata
        if isinstance(hint, type) and issubclass(hint, Section):
            yield from settings_of(hint, f"{prefix}{item.name}.", family=family)
            continue
        if _lists_sections(hint) or (family and family not in meta.get("families", (family,))):
            continue
        title, text = meta.get("wording", {}).get(family, (meta["title"], meta["help"]))
        default = item.default if item.default_factory is dataclasses.MISSING else item.default_factory()
        catalogue = {
            key: entry
            for key, entry in meta.get("catalogue", {}).items()
            if not family or family in getattr(entry, "families", (family,))
        }
        yield Setting(
            key=prefix + item.name,
            name=item.name,
            title=title,
            type=hint,
            default=default,
            help=text,
            low=meta.get("low"),
            high=meta.get("high"),
            step=meta.get("step"),
            choices=typing.get_args(hint) if typing.get_origin(hint) is Literal else tuple(catalogue),
            labels=meta.get("labels") or {k: entry.title for k, entry in catalogue.items()},
            entries=catalogue,
            zero=_of_family(meta.get("zero", ""), family),
            percent=meta.get("percent", False),
        )


def _of_family(text: str | Mapping[str, str], family: str | None) -> str:
    """Return a text that may be another for each family; without a family, the first."""
    if isinstance(text, str):
        return text
    return text.get(family or "", next(iter(text.values())))


def _lists_sections(hint: Any) -> bool:
    inner = typing.get_args(hint)[:1]
    return bool(inner) and isinstance(inner[0], type) and issubclass(inner[0], Section)
