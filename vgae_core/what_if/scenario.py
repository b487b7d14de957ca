"""Scenarios: lists of edits that read as sentences, checked and written as JSON (standard library only).

A scenario is hostile until it is checked: it may come from a link or a file.  Everything in it is bounded here, and
nothing in it is run as code.  Names are looked up in the graph later (:mod:`vgae_core.what_if.edits`).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vgae_core.errors import SpecError
from vgae_core.what_if.checks import checked, checked_name, short
from vgae_core.what_if.edit_kinds import EDITS, PAIR_EDITS, EditField

FORMAT = 1
"""Version of the JSON of a scenario."""

MAX_EDITS = 100
"""Edits of one scenario."""

MAX_JSON = 500_000
"""Characters of a scenario as JSON."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One edit: its kind, a key of :data:`EDITS`, its values, and whether it counts."""

    kind: str
    values: Mapping[str, Any]
    on: bool = True

    def sentence(self) -> str:
        """Return what the edit does, as a person says it."""
        entry = EDITS[self.kind]
        words = {name: _words(entry.fields[name], value) for name, value in self.values.items()}
        if self.kind == "add_node":
            words["like"] = f" like {self.values['like']}" if self.values["like"] else ""
            words["nodes"] = f", linked to {words['nodes']}" if self.values["nodes"] else ""
            words["features"] = f", with {words['features']}" if self.values["features"] else ""
        text = entry.sentence.format(**words)
        return text[:1].upper() + text[1:]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        values = {
            key: list(value) if isinstance(value, tuple) else value for key, value in self.values.items()
        }
        return {"kind": self.kind, **values, **({} if self.on else {"on": False})}


def _words(entry: EditField, value: Any) -> str:
    if entry.kind == "nodes":
        return ", ".join(value) if len(value) <= 3 else f"{value[0]}, {value[1]} and {len(value) - 2} more"
    if entry.kind == "values":
        first = [f"{name} = {number:g}" for name, number in list(value.items())[:3]]
        return ", ".join(first) + (f" and {len(value) - 3} more" if len(value) > 3 else "")
    if entry.kind == "share":
        return f"{value:.0%}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def pair_edit(family: str, first: str, second: str, *, there: bool) -> Edit:
    """Return the edit that makes an edge or an entry of a pair, or ends it where it is `there`."""
    kind, fixed = PAIR_EDITS[family][there]
    ends = [name for name, field in EDITS[kind].fields.items() if field.kind in ("node", "column")]
    values: dict[str, Any] = dict(zip(ends, (first, second), strict=True)) | fixed
    return edit(kind, **values)


def edit(kind: str, *, on: bool = True, where: str = "", **values: Any) -> Edit:
    """Return a checked edit, with its defaults.

    Raises
    ------
    SpecError
        If the kind or a value is unknown, missing, of another type or out of bounds.
    """
    if not isinstance(kind, str) or kind not in EDITS:
        raise SpecError(
            f"Unknown kind of edit: {short(kind)}.", where=where, mend=f"One of: {', '.join(EDITS)}."
        )
    entry = EDITS[kind]
    for name in values:
        if name not in entry.fields:
            raise SpecError(
                f"`{kind}` has no `{short(name, quoted=False)}`.",
                where=where,
                mend=f"It has: {', '.join(entry.fields)}.",
            )
    if not isinstance(on, bool):
        raise SpecError(f"`on` must be true or false. Received: {short(on)}.", where=where)
    values_by_name: dict[str, Any] = {}
    for name, item in entry.fields.items():
        if name not in values:
            if item.required:
                raise SpecError(f"`{kind}` needs `{name}`.", where=where)
            values_by_name[name] = item.default
        else:
            values_by_name[name] = checked(item.kind, values[name], f"{where}: {name}" if where else name)
    return Edit(kind=kind, values=values_by_name, on=on)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A list of edits, and the pair that is watched.

    Parameters
    ----------
    edits : tuple of Edit
        In order; those switched off do not count.
    pair : tuple of two str, or None
        Names of the watched pair: two nodes, or a row and a column.  Without a second name, only the first is.
    name : str
        What its owner calls it.
    """

    edits: tuple[Edit, ...] = ()
    pair: tuple[str, str] | None = None
    name: str = ""
    version: int = field(default=FORMAT)

    @property
    def active(self) -> tuple[Edit, ...]:
        """The edits that count."""
        return tuple(item for item in self.edits if item.on)

    @property
    def size(self) -> int:
        """How many names and numbers it holds."""
        return sum(
            len(value) if isinstance(value, tuple | Mapping) else 1
            for item in self.edits
            for value in item.values.values()
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "version": self.version,
            "name": self.name,
            "pair": None if self.pair is None else list(self.pair),
            "edits": [item.to_dict() for item in self.edits],
        }

    def to_json(self) -> str:
        """Return the scenario as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=2, allow_nan=False)

    @classmethod
    def from_dict(cls, values: Any) -> Scenario:
        """Return the checked scenario.

        Raises
        ------
        SpecError
            If anything in it is unknown, of another type or out of bounds; it names the edit.
        """
        if not isinstance(values, Mapping):
            raise SpecError(f"A scenario is an object with `edits`. Received: {short(values)}.")
        known = {item.name for item in dataclasses.fields(cls)}
        for key in values:
            if key not in known:
                raise SpecError(f"A scenario has no `{short(key, quoted=False)}`.", mend=f"It has: {', '.join(sorted(known))}.")  # fmt: skip  # noqa: E501
        version = values.get("version", FORMAT)
        if version != FORMAT or isinstance(version, bool):
            raise SpecError(
                f"This scenario has version {short(version)}; this program reads version {FORMAT}.",
                where="version",
            )
        name = values.get("name", "")
        name = checked_name(name, "name", empty=True)
        pair = values.get("pair")
        if pair is not None:
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                raise SpecError(f"Expected two names. Received: {short(pair)}.", where="pair")
            pair = (checked_name(pair[0], "pair"), checked_name(pair[1], "pair", empty=True))
        edits = values.get("edits", [])
        if not isinstance(edits, list | tuple):
            raise SpecError(f"Expected a list of edits. Received: {short(edits)}.", where="edits")
        if len(edits) > MAX_EDITS:
            raise SpecError(
                f"A scenario may have at most {MAX_EDITS} edits. Received: {len(edits):,}.", where="edits"
            )
        chosen = []
        for number, item in enumerate(edits, start=1):
            where = f"edit {number}"
            if not isinstance(item, Mapping) or not all(isinstance(key, str) for key in item):
                raise SpecError(f"An edit is an object with `kind`. Received: {short(item)}.", where=where)
            rest = {key: value for key, value in item.items() if key not in ("kind", "on", "where")}
            if "where" in item:
                raise SpecError("An edit has no `where`.", where=where)
            chosen.append(edit(item.get("kind"), on=item.get("on", True), where=where, **rest))  # type: ignore[arg-type]
        return cls(edits=tuple(chosen), pair=pair, name=name)

    @classmethod
    def from_json(cls, text: str) -> Scenario:
        """Return the scenario in a JSON text; raise SpecError if it is none."""
        if len(text) > MAX_JSON:
            raise SpecError(f"A scenario may have at most {MAX_JSON:,} characters. Received: {len(text):,}.")
        try:
            values = json.loads(text, parse_constant=_refuse_constant)
        except RecursionError as error:
            raise SpecError("Not a scenario: it is nested too deeply.") from error
        except ValueError as error:
            raise SpecError(f"Not JSON: {error}.") from error
        return cls.from_dict(values)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")
