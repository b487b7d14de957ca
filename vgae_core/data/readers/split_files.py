"""Lists of edges that come split for training (``train.txt``, ``valid.txt``, ``test.txt``), joined to one again.

The studio holds edges out itself; whoever brings the parts of a knowledge graph means all of them.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from vgae_core.data.findings import Finding, Judgement
from vgae_core.data.readers.base import HEAD, Probe, shorten
from vgae_core.data.readers.text.json_file import is_json

_NAME = re.compile(
    r"(?P<before>(?:.*[^a-z])?)(?P<part>train(?:ing)?|valid(?:ation)?|val|dev|test(?:ing)?)(?P<after>(?:[^a-z].*)?)"
)
_MEMO = "joined"


def joined(probes: Sequence[Probe]) -> list[Probe]:
    """Return the probes with the parts of each split list made one, which is called as the part for training is."""
    groups: dict[tuple[str, str], dict[str, Probe]] = {}
    for probe in probes:
        match = _NAME.fullmatch(probe.stem)
        if (
            match is not None
            and probe.how.role in ("auto", "edges")
            and not probe.how.uses
            and _is_list(probe)
        ):
            groups.setdefault((match["before"], match["after"]), {}).setdefault(match["part"][:3], probe)
    for parts in groups.values():
        others = [probe for part, probe in parts.items() if part != "tra"]
        if "tra" in parts and others and _alike([parts["tra"], *others]):
            whole = _join(parts["tra"], others)
            taken = set(map(id, others))
            probes = [whole if p is parts["tra"] else p for p in probes if id(p) not in taken]
    return list(probes)


def _is_list(probe: Probe) -> bool:
    return (
        probe.is_text
        and not is_json(probe)
        and not probe.head.lstrip().startswith(b"<")
        and len(_lines(probe)) > 0
    )


def _lines(probe: Probe) -> list[str]:
    lines = probe.head.decode("utf-8-sig", "replace").splitlines()
    return [line for line in (lines if len(probe.head) < HEAD else lines[:-1]) if line.strip()]


def _alike(probes: Sequence[Probe]) -> bool:
    """Return whether the files have as many columns, between the same delimiters: two to four."""
    shapes = set()
    for probe in probes:
        lines = [line for line in _lines(probe) if not re.fullmatch(r"\s*\d+\s*", line)]
        delimiter = next((sign for sign in "\t,;|" if lines and all(sign in line for line in lines)), None)
        widths = {len(line.split(delimiter)) for line in lines}
        if len(widths) != 1:
            return False
        shapes.add((delimiter, *widths))
    return len(shapes) == 1 and 2 <= next(iter(shapes))[1] <= 4  # type: ignore[operator]


def _join(first: Probe, others: Sequence[Probe]) -> Probe:
    """Return the lines of all files as one; a header or a count that they all begin with stands once, or not."""
    begins = [_lines(probe)[0].strip() for probe in (first, *others)]
    named = len(set(begins)) == 1
    counted = all(re.fullmatch(r"\d+", begin) for begin in begins)
    folder = tempfile.TemporaryDirectory(prefix="vgae-joined-", ignore_cleanup_errors=True)
    path = Path(folder.name) / "joined"
    size = 0
    with open(path, "wb") as out:
        for at, probe in enumerate((first, *others)):
            content = probe.path.read_bytes().removeprefix(b"\xef\xbb\xbf")
            if counted or (named and at):
                content = content.lstrip().partition(b"\n")[2]
            size += len(content)
            probe.limits.check("decompressed_bytes", size, where=probe.name)
            out.write(content if content.endswith(b"\n") else content + b"\n")
    memo = {
        **first.memo,
        _MEMO: ([probe.name for probe in others], folder),
    }  # the folder goes when the probe does
    return first.moved_to(path, memo=memo)


def judgements(probe: Probe) -> tuple[Judgement, ...]:
    """Return what is said of a file that others were joined to."""
    if _MEMO not in probe.memo:
        return ()
    return (Judgement("files", f"Joined with {_names(probe)}, parts of one list: a new split is made."),)


def findings(probes: Iterable[Probe]) -> list[Finding]:
    """Return the findings that files were joined."""
    return [
        Finding("files-joined", "info", f"{_names(probe)} joined with {probe.name}: parts of one list of edges.",
                len(probe.memo[_MEMO][0]), tuple(probe.memo[_MEMO][0]))
        for probe in probes if _MEMO in probe.memo
    ]  # fmt: skip


def _names(probe: Probe) -> str:
    return " and ".join(shorten(name) for name in probe.memo[_MEMO][0])
