"""What Python, NumPy or JavaScript print of lists and dicts, rewritten as JSON; nothing is evaluated.

``{'a': ['b', 'c']}``, ``{0: {1, 2}}``, ``defaultdict(<class 'list'>, …)``, ``tensor([[0, 1], [1, 2]])``, NumPy's
``[[0 1] [1 0]]`` and ``var graph = {nodes: […]};`` hold what JSON holds, in another spelling.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path

from vgae_core.data.readers.base import Probe

_LARGEST = 100_000_000
"""Bytes that are rewritten at most."""
_ASSIGNED = r"\s*+(?:(?:(?:var|let|const)\s++)?[A-Za-z_][\w.]*+\s*+=\s*+)?"
_BEFORE = (
    rf"{_ASSIGNED}"
    r"(?:(?:[A-Za-z_][\w.]*+)\(\s*+(?:<class '\w++'>,\s*+)?)*"
)
_OTHER_THAN_JSON = (
    r"[\[{]\s*(?:'|\[\s*'|[\[({]\s*-?[\d.]+\s+-?[\d.]|-?\d[\d.]*\s*:|-?\d+\s*,[^\]\[\n:]*\}|[A-Za-z_]\w*\s*:)"
)
_BEGINNING = re.compile(rf"({_BEFORE})(?:({_OTHER_THAN_JSON})|[\[{{](?!\s*\())")
_TOKEN = re.compile(
    r"""\s*+(?:
    (?P<text>[rubRUB]{0,2}(?:'(?:[^'\\\n]|\\.)*+'|"(?:[^"\\\n]|\\.)*+"))
    |(?P<number>[+-]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d++)?)
    |(?P<skip><class\s'\w+'>,?|[A-Za-z_]\w*=[^,()]*+,?)
    |(?P<call>[A-Za-z_][\w.]*+\()
    |(?P<word>-?[A-Za-z_$][\w$]*+)
    |(?P<sign>[\[\]{}(),:])
    |(?P<end>;?\s*\Z)
    )""",
    re.VERBOSE,
)
_WORDS = {"True": "true", "False": "false", "None": "null", "true": "true", "false": "false", "null": "null",
          "nan": "null", "NaN": "null", "undefined": "null"}  # fmt: skip


def as_json(probe: Probe, folder: Path) -> Probe:
    """Return the file, a printed list or dict rewritten as JSON in `folder`; any other as it is."""
    if not probe.is_text or probe.path.stat().st_size > _LARGEST:
        return probe
    match = _BEGINNING.match(probe.head.decode("utf-8-sig", "replace"))
    if match is None or not (match[1].strip() or match[2]):
        return probe
    try:
        text = _rewritten(probe.path.read_text("utf-8-sig"))
    except (ValueError, IndexError):
        return probe  # whoever reads it says what is wrong
    handle, target = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
    return probe.moved_to(Path(target))


def _plain(text: str) -> str:
    """Return what stands between quotes."""
    body = text[text.index(text[-1]) + 1 : -1]
    return re.sub(r"\\(['\"\\])", r"\1", body)


def _number(text: str) -> str:
    """Return a number as JSON writes it: with digits on both sides of the point."""
    text = re.sub(r"\.(?!\d)", ".0", re.sub(r"(?<!\d)\.", "0.", text.removeprefix("+")))
    return re.sub(r"^(-?)0+(?=\d)", r"\1", text)


class _Open:
    """A bracket that is not closed yet."""

    def __init__(self, sign: str, at: int) -> None:
        self.sign, self.at = sign, at
        self.is_dict = self.filled = False


def _rewritten(text: str) -> str:
    """Return a literal as JSON.

    Raises
    ------
    ValueError
        If it is none.
    """
    start = re.match(_ASSIGNED, text)
    at, out, stack = start.end() if start else 0, list[str](), list[_Open]()
    after_value = False
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError
        at, kind = match.end(), match.lastgroup
        part = match[kind] if kind else ""
        if kind == "end":
            break
        if kind == "skip":
            after_value = after_value and not part.endswith(",")
        elif kind == "call" or (kind == "sign" and part in "[{("):
            _separate(out, stack, after_value)
            stack.append(_Open("call" if kind == "call" else part, len(out)))
            out.append("" if kind == "call" else "[")
            after_value = False
        elif kind == "sign" and part in ")]}":
            _close(out, stack.pop(), part)
            after_value = True
        elif part == ",":
            out.append(",")
            after_value = False
        elif part == ":":
            stack[-1].is_dict = True
            out[-1] = out[-1] if out[-1].startswith('"') else json.dumps(out[-1])
            out.append(":")
            after_value = False
        else:
            _separate(out, stack, after_value)
            out.append(
                _number(part) if kind == "number" else json.dumps(_plain(part), ensure_ascii=False) if kind == "text"
                else _WORDS.get(part) or json.dumps(part, ensure_ascii=False)
            )  # fmt: skip
            after_value = True
    if stack:
        raise ValueError
    return "".join(out)


def _separate(out: list[str], stack: list[_Open], after_value: bool) -> None:
    """Write the comma that NumPy leaves out between two values."""
    if after_value:
        out.append(",")
    if stack:
        stack[-1].filled = True


def _close(out: list[str], opened: _Open, sign: str) -> None:
    """Write the end of a bracket, and its beginning now that it is known whether it is a dict.

    Raises
    ------
    ValueError
        If the two do not go together.
    """
    if {"call": ")", "(": ")", "[": "]", "{": "}"}[opened.sign] != sign:
        raise ValueError
    if out[-1] == ",":
        out.pop()
    if opened.sign == "call":
        out.append("" if opened.filled else "[]")
        return
    is_dict = opened.is_dict or (opened.sign == "{" and not opened.filled)
    out[opened.at] = "{" if is_dict else "["
    out.append("}" if is_dict else "]")
