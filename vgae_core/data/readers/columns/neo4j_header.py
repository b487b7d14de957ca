"""Headers of node tables as Neo4j's import and export tools write them: ``personId:ID(Person),age:int,:LABEL``.

https://neo4j.com/docs/operations-manual/current/import/
"""

from __future__ import annotations

import re

from vgae_core.data.readers.columns.names import NODE_NAMES, plain_name

_ID = re.compile(r"(?P<name>.*):ID(\(.*\))?(\{.*\})?")
_START = re.compile(r":START_ID(\(.*\))?")
_LABEL = re.compile(r".*:LABEL")
_TYPED = re.compile(
    r"(?P<name>.+):(int|long|float|double|boolean|byte|short|char|string|point|date|time|localtime|datetime|"
    r"localdatetime|duration|vector)(\{.*\})?(\[\])?",
    re.IGNORECASE,
)


def plain_header(header: tuple[str, ...]) -> tuple[str, ...]:
    """Return names of columns without what they say to Neo4j: the id is called so, and the class is the label.

    A header without an ``:ID``, or a ``:START_ID``, is returned as it is.
    """
    if not any(_ID.fullmatch(name) or _START.fullmatch(name) for name in header):
        return header
    return tuple(map(_plain, header))


def _plain(name: str) -> str:
    if (match := _ID.fullmatch(name)) is not None:
        own = match["name"]
        return own if plain_name(own) in NODE_NAMES - {"name", "nodename"} else "id"
    if _LABEL.fullmatch(name):
        return "label"
    match = _TYPED.fullmatch(name)
    return name if match is None else match["name"]
