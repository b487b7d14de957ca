"""Scenarios: lists of edits that read as sentences, checked and written as JSON (standard library only).

A scenario is hostile until it is checked: it may come from a link or a file.  Everything in it is bounded here, and
nothing in it is run as code.  Names are looked up in the graph later (:mod:`vgae_core.what_if.edits`).
"""

from __future__ import annotations

import dataclasses
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from vgae_core.catalogue.base import Entry
from vgae_core.errors import SpecError

FORMAT = 1
"""Version of the JSON of a scenario."""

MAX_EDITS = 100
"""Edits of one scenario."""

MAX_NAMES = 1_000
"""Names in one edit, such as the nodes that are linked to another."""

MAX_TEXT = 500
"""Characters of one name."""

MAX_JSON = 500_000
"""Characters of a scenario as JSON."""

MIN_WEIGHT = 1e-6
"""Smallest weight of an edge that is added."""

MAX_NUMBER = 1e6
"""Largest size of a number in an edit."""

ValueKind = Literal["node", "nodes", "column", "values", "number", "weight", "axis", "share", "new"]


@dataclass(frozen=True, kw_only=True)
class EditField:
    """One value of an edit.

    Parameters
    ----------
    title : str
        Label in a form.
    kind : str
        ``"node"`` (a name; a row of a matrix too), ``"nodes"``, ``"column"`` (name of a feature or a column),
        ``"values"`` (column to number), ``"number"``, ``"weight"`` (above 0), ``"axis"`` (from 0), ``"share"``
        (0 to 1) or ``"new"`` (the name of a node to be added).
    default : object
        Taken where the edit does not say; None if it must.
    """

    title: str
    kind: ValueKind
    default: Any = None

    @property
    def required(self) -> bool:
        """Whether an edit must say it."""
        return self.default is None


@dataclass(frozen=True, kw_only=True)
class EditEntry(Entry):
    """One kind of edit.

    Parameters
    ----------
    sentence : str
        What it says, with its fields in braces.
    fields : mapping of str to EditField
    family : str
        Of the models it is for: a key of :data:`vgae_core.catalogue.families.FAMILIES`.
    needs : {"", "features", "new nodes"}
        What the run must have.
    """

    sentence: str
    fields: Mapping[str, EditField]
    family: str = "vgae"
    needs: Literal["", "features", "new nodes"] = ""


_NODE = EditField(title="Node", kind="node")

EDITS: dict[str, EditEntry] = {
    "drop_edge": EditEntry(
        title="Drop an edge",
        help="Remove the edge between two nodes; of a directed graph the one from the first to the second.",
        sentence="drop {source} – {target}",
        fields={"source": EditField(title="From", kind="node"), "target": EditField(title="To", kind="node")},
    ),
    "add_edge": EditEntry(
        title="Add an edge",
        help="Link two nodes. An edge that is there gets this weight.",
        sentence="add {source} – {target}, weight {weight}",
        fields={
            "source": EditField(title="From", kind="node"),
            "target": EditField(title="To", kind="node"),
            "weight": EditField(title="Weight", kind="weight", default=1.0),
        },
    ),
    "drop_edges": EditEntry(
        title="Drop all edges of a node",
        help="Remove every edge of a node, in both directions.",
        sentence="drop all edges of {node}",
        fields={"node": _NODE},
    ),
    "join": EditEntry(
        title="Link several nodes to one",
        help="Add an edge from each of several nodes to one. Edges that are there stay as they are.",
        sentence="link {nodes} to {target}",
        fields={
            "nodes": EditField(title="Nodes", kind="nodes"),
            "target": EditField(title="To", kind="node"),
        },
    ),
    "set_feature": EditEntry(
        title="Change a feature",
        help="Set one feature of a node, in its own units; 0 removes it.",
        sentence="set {feature} of {node} to {value}",
        fields={
            "node": _NODE,
            "feature": EditField(title="Feature", kind="column"),
            "value": EditField(title="Value", kind="number", default=0.0),
        },
        needs="features",
    ),
    "copy_features": EditEntry(
        title="Copy features",
        help="Give a node all features of another.",
        sentence="give {node} the features of {source}",
        fields={"node": _NODE, "source": EditField(title="Features of", kind="node")},
        needs="features",
    ),
    "add_node": EditEntry(
        title="Add a node",
        help="A new node with edges and features: its own, or those of a node it is like. Its edges are added to those "
        "of the node it is like.",
        sentence="add node {name}{like}{nodes}{features}",
        fields={
            "name": EditField(title="Name", kind="new"),
            "nodes": EditField(title="Linked to", kind="nodes", default=()),
            "like": EditField(title="Like", kind="node", default=""),
            "features": EditField(title="Features", kind="values", default={}),
        },
        needs="new nodes",
    ),
    "move_code": EditEntry(
        title="Move a code along an axis",
        help="Change one coordinate of a node's latent code, after the encoder. Edges and features stay.",
        sentence="move the code of {node} by {by} along z_{axis}",
        fields={
            "node": _NODE,
            "axis": EditField(title="Axis", kind="axis", default=0),
            "by": EditField(title="By", kind="number", default=1.0),
        },
    ),
    "move_towards": EditEntry(
        title="Move a code towards another",
        help="Move a node's latent code a share of the way to another's, after the encoder. 1 puts it there.",
        sentence="move the code of {node} {share} of the way to {target}",
        fields={
            "node": _NODE,
            "target": EditField(title="Towards", kind="node"),
            "share": EditField(title="Share of the way", kind="share", default=0.5),
        },
    ),
    "set_entry": EditEntry(
        title="Change an entry",
        help="Set the value of a row in one column; 0 clears it.",
        sentence="set {column} of {row} to {value}",
        fields={
            "row": EditField(title="Row", kind="node"),
            "column": EditField(title="Column", kind="column"),
            "value": EditField(title="Value", kind="number", default=1.0),
        },
        family="vae",
    ),
    "add_row": EditEntry(
        title="Add a row",
        help="A new row with a few entries.",
        sentence="add row {name} with {values}",
        fields={
            "name": EditField(title="Name", kind="new"),
            "values": EditField(title="Entries", kind="values"),
        },
        family="vae",
    ),
    "drop_column": EditEntry(
        title="Clear a column",
        help="Clear a column in every row.",
        sentence="clear column {column}",
        fields={"column": EditField(title="Column", kind="column")},
        family="vae",
    ),
}
"""Every kind of edit, in the order forms list them."""


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


def edit(kind: str, *, on: bool = True, where: str = "", **values: Any) -> Edit:
    """Return a checked edit, with its defaults.

    Raises
    ------
    SpecError
        If the kind or a value is unknown, missing, of another type or out of bounds.
    """
    if not isinstance(kind, str) or kind not in EDITS:
        raise SpecError(
            f"Unknown kind of edit: {_short(kind)}.", where=where, mend=f"One of: {', '.join(EDITS)}."
        )
    entry = EDITS[kind]
    for name in values:
        if name not in entry.fields:
            raise SpecError(
                f"`{kind}` has no `{_short(name, quoted=False)}`.",
                where=where,
                mend=f"It has: {', '.join(entry.fields)}.",
            )
    if not isinstance(on, bool):
        raise SpecError(f"`on` must be true or false. Received: {_short(on)}.", where=where)
    checked: dict[str, Any] = {}
    for name, item in entry.fields.items():
        if name not in values:
            if item.required:
                raise SpecError(f"`{kind}` needs `{name}`.", where=where)
            checked[name] = item.default
        else:
            checked[name] = _checked(item.kind, values[name], f"{where}: {name}" if where else name)
    return Edit(kind=kind, values=checked, on=on)


def _checked(kind: str, value: Any, where: str) -> Any:
    """Return a value of this kind; raise SpecError where it is none."""
    if (
        kind == "new"
        and isinstance(value, str)
        and any(unicodedata.category(sign)[0] == "C" for sign in value)
    ):
        raise SpecError("The name of something new holds signs that cannot be seen.", where=where)
    if kind in ("node", "column", "new"):
        return _name(value, where, empty=kind == "node" and value == "")
    if kind == "nodes":
        if not isinstance(value, list | tuple):
            raise SpecError(f"Expected a list of names. Received: {_short(value)}.", where=where)
        _few(value, where)
        return tuple(dict.fromkeys(_name(name, where) for name in value))
    if kind == "values":
        if not isinstance(value, Mapping):
            raise SpecError(f"Expected names with numbers. Received: {_short(value)}.", where=where)
        _few(value, where)
        return {_name(name, where): _number(number, where) for name, number in value.items()}
    number = _number(value, where)
    if kind == "axis":
        if number < 0 or number != int(number):
            raise SpecError(f"Expected a whole number from 0 on. Received: {_short(value)}.", where=where)
        return int(number)
    if kind == "share" and not 0 <= number <= 1:
        raise SpecError(f"Expected a number from 0 to 1. Received: {_short(value)}.", where=where)
    if kind == "weight" and number < MIN_WEIGHT:
        raise SpecError(f"A weight must be at least {MIN_WEIGHT:g}. Received: {_short(value)}.", where=where,
                        mend="Use `drop_edge` to remove an edge.")  # fmt: skip
    return number


def _name(value: Any, where: str, *, empty: bool = False) -> str:
    if not isinstance(value, str) or not (value or empty):
        raise SpecError(f"Expected a name. Received: {_short(value)}.", where=where)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise SpecError("A name holds half of a character.", where=where) from error
    if len(value) > MAX_TEXT:
        raise SpecError(f"A name may have {MAX_TEXT} characters. Received: {len(value):,}.", where=where)
    return value


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpecError(f"Expected a number. Received: {_short(value)}.", where=where)
    # Compared before it becomes a float: JSON may hold whole numbers that no float can.
    if value != value or not -MAX_NUMBER <= value <= MAX_NUMBER:
        raise SpecError(
            f"Expected a number from -{MAX_NUMBER:g} to {MAX_NUMBER:g}. Received: {_short(value)}.",
            where=where,
        )
    return float(value)


def _few(value: Any, where: str) -> None:
    if len(value) > MAX_NAMES:
        raise SpecError(f"An edit may name {MAX_NAMES:,} things. Received: {len(value):,}.", where=where)


def _short(value: Any, *, quoted: bool = True) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 200:
        return f"a whole number of {value.bit_length():,} bits"
    if isinstance(value, str):
        return f"{value!r:.60}" if quoted else f"{value:.60}"
    if isinstance(value, float | int) or value is None:
        return repr(value)
    return f"a {type(value).__name__}"


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
            raise SpecError(f"A scenario is an object with `edits`. Received: {_short(values)}.")
        known = {item.name for item in dataclasses.fields(cls)}
        for key in values:
            if key not in known:
                raise SpecError(f"A scenario has no `{_short(key, quoted=False)}`.", mend=f"It has: {', '.join(sorted(known))}.")  # fmt: skip  # noqa: E501
        version = values.get("version", FORMAT)
        if version != FORMAT or isinstance(version, bool):
            raise SpecError(
                f"This scenario has version {_short(version)}; this program reads version {FORMAT}.",
                where="version",
            )
        name = values.get("name", "")
        name = _name(name, "name", empty=True)
        pair = values.get("pair")
        if pair is not None:
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                raise SpecError(f"Expected two names. Received: {_short(pair)}.", where="pair")
            pair = (_name(pair[0], "pair"), _name(pair[1], "pair", empty=True))
        edits = values.get("edits", [])
        if not isinstance(edits, list | tuple):
            raise SpecError(f"Expected a list of edits. Received: {_short(edits)}.", where="edits")
        if len(edits) > MAX_EDITS:
            raise SpecError(
                f"A scenario may have {MAX_EDITS} edits. Received: {len(edits):,}.", where="edits"
            )
        checked = []
        for number, item in enumerate(edits, start=1):
            where = f"edit {number}"
            if not isinstance(item, Mapping) or not all(isinstance(key, str) for key in item):
                raise SpecError(f"An edit is an object with `kind`. Received: {_short(item)}.", where=where)
            rest = {key: value for key, value in item.items() if key not in ("kind", "on", "where")}
            if "where" in item:
                raise SpecError("An edit has no `where`.", where=where)
            checked.append(edit(item.get("kind"), on=item.get("on", True), where=where, **rest))  # type: ignore[arg-type]
        return cls(edits=tuple(checked), pair=pair, name=name)

    @classmethod
    def from_json(cls, text: str) -> Scenario:
        """Return the scenario in a JSON text; raise SpecError if it is none."""
        if len(text) > MAX_JSON:
            raise SpecError(f"A scenario may have {MAX_JSON:,} characters. Received: {len(text):,}.")
        try:
            values = json.loads(text, parse_constant=_refuse_constant)
        except RecursionError as error:
            raise SpecError("Not a scenario: it is nested too deeply.") from error
        except ValueError as error:
            raise SpecError(f"Not JSON: {error}.") from error
        return cls.from_dict(values)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")
