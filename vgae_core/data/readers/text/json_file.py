"""JSON and JSON Lines, parsed once and bounded, and what kind of graph or table they hold."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from vgae_core.data.findings import Finding
from vgae_core.data.readers.base import Probe

MAX_DEPTH = 100
KNOWN = (
    'Known: {"nodes": [{"id": …}, …], "links": [{"source": …, "target": …}, …]}, Cytoscape.js, lists of edges '
    '([[source, target], …] or [{"source": …, "target": …}, …], also one per line), {node: [neighbour, …], …} and '
    "{node: [feature, …], …}."
)
_START = re.compile(rb"\A(\xef\xbb\xbf)?\s*+[\[{]")


def is_json(probe: Probe) -> bool:
    """Return whether the text begins as JSON does."""
    return probe.is_text and _START.match(probe.head) is not None


def load_json(probe: Probe, mend: str = KNOWN) -> Any:
    """Return what the file holds, parsed once; of JSON Lines a list of the lines.

    Numbers are finite and nesting is bounded.

    Raises
    ------
    DataError
        If it is not JSON, with the line where that shows.
    """
    if "json" not in probe.memo:
        probe.memo["json"] = _load(probe, mend)
    return probe.memo["json"]


def is_lines(probe: Probe) -> bool:
    """Return whether the file is JSON Lines: its first line is whole, and others like it follow."""
    if "json-lines" not in probe.memo:
        lines = [
            line.strip() for line in probe.head.decode("utf-8-sig", "replace").split("\n") if line.strip()
        ]
        first = lines[0] if len(lines) > 1 else ""
        whole = first[:1] in ("{", "[") and first[-1] in "]}" and lines[1][:1] == first[:1]
        probe.memo["json-lines"] = whole and _parses(first)
    found: bool = probe.memo["json-lines"]
    return found


def _parses(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _load(probe: Probe, mend: str) -> Any:
    try:
        text = probe.path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise probe.error(f"Not UTF-8 text: {error.reason}.", mend="Save it as UTF-8.") from error
    brackets = re.sub(r'"(?:[^"\\]|\\.)*+"|[^][{}"]++', "", text, flags=re.DOTALL)
    opening = np.isin(np.frombuffer(brackets.encode(), np.uint8), np.frombuffer(b"[{", np.uint8))
    if np.cumsum(np.where(opening, 1, -1)).max(initial=0) > MAX_DEPTH:
        raise probe.error(f"Nested more than {MAX_DEPTH} deep.", mend=mend)
    if not is_lines(probe):
        return _parsed(probe, text, 1, mend)
    rows = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    probe.memo["lines"] = [number for number, _ in rows]
    return [_parsed(probe, line, number, mend) for number, line in rows]


def _missing_or_error(probe: Probe) -> Callable[[str], None]:
    """Return what reads a constant that JSON does not know: NaN is a missing value, counted in the memo."""

    def constant(name: str) -> None:
        if name != "NaN":
            raise ValueError(f"{name} is not a number in JSON")
        probe.memo["json-nan"] = probe.memo.get("json-nan", 0) + 1

    return constant


def missing_values(probes: Iterable[Probe]) -> list[Finding]:
    """Return the findings that NaN, as Python writes it, was read as a missing value."""
    counts = {probe.name: probe.memo.get("json-nan", 0) for probe in probes}
    return [
        Finding(
            "missing-numbers", "info", f"NaN was read as a missing value in {name} ({count:,} times).", count
        )
        for name, count in counts.items()
        if count
    ]


def _parsed(probe: Probe, text: str, line: int, mend: str) -> Any:
    try:
        return json.loads(text, parse_constant=_missing_or_error(probe))
    except json.JSONDecodeError as error:
        raise probe.error(f"Not JSON: {error.msg}.", line=line + error.lineno - 1, mend=mend) from error
    except (ValueError, RecursionError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise probe.error(f"Not JSON: {what}.", line=line if line > 1 else None, mend=mend) from error


def is_scalar(value: Any) -> bool:
    """Return whether a value may call a node: a text or a whole number."""
    return isinstance(value, str | int) and not isinstance(value, bool)


def all_lists(values: Iterable[Any]) -> bool:
    """Return whether all values are lists."""
    return all(isinstance(value, list) for value in values)


def all_objects(values: Iterable[Any]) -> bool:
    """Return whether all values are objects."""
    return all(isinstance(value, dict) for value in values)
