"""What readers of line-based formats share: text, its lines with their numbers, and edges between names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from vgae_core.data.findings import Finding, Part
from vgae_core.data.readers.base import (
    Edges,
    NodeTable,
    Probe,
    examples,
    factorize_ids,
    shorten,
    whole_numbers,
)
from vgae_core.data.readers.text.written_numbers import MISSING

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_MARKS = (b"PK\x03\x04", b"\x89HDF", b"PAR1", b"%PDF", b"\x93NUMPY", b"<")
MAX_RELATIONS = 10_000


def read_text(probe: Probe) -> str:
    """Return the whole text with plain line ends; :mod:`vgae_core.data.readers.text.encodings` made it UTF-8.

    Raises
    ------
    DataError
        Naming the first line that is not.
    """
    try:
        text = probe.path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise probe.error("Not UTF-8 text.", line=line, mend="Save the file as UTF-8.") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def numbered(text: str, comments: tuple[str, ...] = ()) -> Iterator[tuple[int, str]]:
    """Yield number (from 1) and stripped text of each line that is neither blank nor a comment."""
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if stripped and not (comments and stripped.startswith(comments)):
            yield number, stripped


def head_lines(probe: Probe) -> list[str]:
    """Return the whole lines of the beginning, blank ones left out; none if it is no text."""
    if "head-lines" not in probe.memo:
        probe.memo["head-lines"] = _head_lines(probe)
    lines: list[str] = probe.memo["head-lines"]
    return lines


def _head_lines(probe: Probe) -> list[str]:
    if not probe.is_text or probe.head.startswith(_MARKS):
        return []
    coding = "utf-16" if probe.head[:2] in _UTF_16 else "utf-8-sig"
    lines = re.split("\r\n|\n|\r", probe.head.decode(coding, "replace"))
    if len(lines) > 1 and not is_whole(probe):
        lines = lines[:-1]
    return [line.rstrip() for line in lines if line.strip()]


def is_whole(probe: Probe) -> bool:
    """Return whether the beginning is the whole file."""
    return len(probe.head) >= probe.path.stat().st_size


def named(probe: Probe, *suffixes: str) -> bool:
    """Return whether the file's name has one of the endings."""
    return probe.stem.endswith(tuple(f".{suffix}" for suffix in suffixes))


def weight_values(
    probe: Probe,
    texts: Sequence[str] | pd.Series,
    lines: Sequence[int] | pd.Index,
    *,
    may_miss: bool = True,
) -> np.ndarray:
    """Return weights as float32; NaN where they are not known.

    Parameters
    ----------
    probe : Probe
    texts : sequence of str, length n_entries
    lines : sequence of int, length n_entries
        Line of each entry, for messages.
    may_miss : bool
        Whether a weight may be unknown; in a matrix it may not, as 1 would make an edge of it.

    Raises
    ------
    DataError
        Naming the line of the first weight that is no finite number.
    """
    column = pd.Series(texts, dtype="str").str.strip()
    unknown = column.str.lower().isin(MISSING).to_numpy(bool) & may_miss
    numbers = pd.to_numeric(column.mask(unknown, "1"), errors="coerce").to_numpy(np.float64)
    with np.errstate(over="ignore"):
        single = numbers.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(single))
    if len(bad):
        raise probe.error(
            f"The weight is {shorten(str(column.iloc[int(bad[0])]))!r}, not a finite number "
            f"(edges like this: {len(bad):,}).",
            line=int(lines[int(bad[0])]),
            mend="Write a finite number for every weight.",
        )
    single[unknown] = np.nan  # a repair says what they weigh
    return single


def relation_codes(
    probe: Probe, relations: Sequence[str], findings: list[Finding]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the relation of each entry as an int32 index, and the names; the count per relation is reported."""
    codes, names = pd.factorize(pd.Series(relations, dtype="str"))
    if len(names) > MAX_RELATIONS:
        raise probe.error(
            f"Has {len(names):,} different relations; at most {MAX_RELATIONS:,} are read.",
            mend="If these are not relations, provide the file as CSV with source and target as its first columns.",
        )
    counts = np.bincount(codes, minlength=len(names))
    frequent = np.argsort(-counts, kind="stable")[:5]
    listed = ", ".join(f"{shorten(str(names[i]))} ({counts[i]:,})" for i in frequent)
    findings.append(Finding("relations", "info",
        f"Edges of {probe.name} have {len(names):,} kind{'' if len(names) == 1 else 's'} of relation: {listed}"
        f"{'…' if len(names) > 5 else ''}. Relations are kept with the edges and are not nodes.",
        len(names), examples(names[frequent])))  # fmt: skip
    return codes.astype(np.int32), tuple(map(str, names))


def named_edges(
    probe: Probe,
    sources: Sequence[str] | np.ndarray,
    targets: Sequence[str] | np.ndarray,
    title: str,
    *,
    weights: np.ndarray | None = None,
    relations: Sequence[str] | None = None,
    others: Iterable[str] = (),
    directed: bool | None = None,
    tables: tuple[NodeTable, ...] = (),
    findings: Sequence[Finding] = (),
) -> Edges:
    """Return edges between names; whole-number names become sorted integers.

    Parameters
    ----------
    probe : Probe
    sources, targets : sequence of str, or ndarray of int64, length n_entries
    title : str
        Title of the format.
    weights : ndarray of float32, shape (n_entries,), optional
    relations : sequence of str, length n_entries, optional
    others : iterable of str
        Further nodes, which may have no edge.
    directed : bool, optional
        None if only the entries can tell.
    tables, findings
        Kept.

    Raises
    ------
    DataError
        If there is no node.
    LimitError
        If there are too many edges or nodes.
    """
    probe.limits.check("edges", len(sources), where=probe.name)
    n = len(sources)
    if isinstance(sources, np.ndarray) and isinstance(targets, np.ndarray) and sources.dtype.kind == "i":
        rows, cols, ids = factorize_ids(sources, targets)
    else:
        alone = list(others)
        flat = pd.Series([*sources, *targets, *alone], dtype="str")
        whole = None if flat.str.fullmatch(r"[+-]?0\d+").any() else whole_numbers(flat)
        places, _, ids = factorize_ids(
            flat if whole is None else whole, (flat if whole is None else whole)[:0]
        )
        rows, cols = places[:n], places[n : 2 * n]
    if not len(ids):
        raise probe.error("Holds no nodes.", mend=f"Save the {title} file again; it must contain edges.")
    probe.limits.check("nodes", len(ids), where=probe.name)
    told = list(findings)
    codes, names = (None, ()) if relations is None or not n else relation_codes(probe, relations, told)
    return Edges(
        rows=rows,
        cols=cols,
        weights=weights,
        node_ids=ids,
        format=title,
        directed=directed,
        symmetric=directed is False,
        tables=tables,
        findings=tuple(told),
        relations=codes,
        relation_names=names,
    )


def numbered_edges(
    probe: Probe,
    rows: np.ndarray,
    cols: np.ndarray,
    n: int,
    title: str,
    *,
    first: int = 1,
    ids: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    directed: bool | None = None,
    tables: tuple[NodeTable, ...] = (),
    parts: tuple[Part, ...] = (),
    findings: Sequence[Finding] = (),
) -> Edges:
    """Return edges among `n` announced nodes, which are called `first` to `first + n - 1` unless `ids` says otherwise.

    Parameters
    ----------
    rows, cols : ndarray of int64, shape (n_entries,)
        Positions from 0, already checked.
    """
    probe.limits.check("nodes", n, where=probe.name)
    probe.limits.check("edges", len(rows), where=probe.name)
    return Edges(
        rows=np.asarray(rows, np.int64),
        cols=np.asarray(cols, np.int64),
        weights=weights,
        node_ids=np.arange(first, first + n, dtype=np.int64) if ids is None else ids,
        format=title,
        directed=directed,
        symmetric=directed is False,
        tables=tables,
        parts=parts,
        findings=tuple(findings),
    )
