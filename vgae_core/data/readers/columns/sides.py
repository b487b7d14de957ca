"""Whether the two ends of an edge are nodes of one set or of two (users and items), told from their ids.

Two columns of numbers that both count from 1 share their values whether they are one set or two. What tells:
in one set nobody is usually joined to itself, many edges come back, or each pair is listed in one order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vgae_core.data.findings import Finding
from vgae_core.data.node_pairs import within_a_side
from vgae_core.data.readers.base import examples

SAMPLE = 200_000
"""Rows that are looked at."""

_FIRST = 2_000
"""Rows among which most ids that stand on both sides are found already."""

_MANY, _HARDLY = 100, 0.01
"""Names on each side from which so small a share of common ones may be chance."""

_LOOPS = 3
"""Rows that chance would let join a number to itself, of two sets, from which it says something if none does."""

_LEAST = 2.5
"""Ids that one set of nodes would have on both sides, from which two sets are likelier if there is none."""

FEW = 20
"""Rows below which less says that numbers are of one set."""


@dataclass(frozen=True)
class Sides:
    """Whether ids are of two sets, why, and whether that is certain.

    ``shared`` says whether some id stands on both sides, ``told`` whether the file itself names two sets.
    """

    two: bool
    why: str
    sure: bool
    shared: bool
    told: bool = False


def judge_sides(
    source: np.ndarray | pd.Series,
    target: np.ndarray | pd.Series,
    *,
    comments: Sequence[str] = (),
    kinds: bool = False,
    marked: bool = False,
    rated: bool = False,
    same_names: bool = False,
    shape: tuple[int, int] | None = None,
) -> Sides:
    """Return whether the ids of the two ends are of two sets.

    Parameters
    ----------
    source, target : ndarray of int64 or Series of str, shape (n_edges,)
        Ids as read; the first :data:`SAMPLE` count.
    comments : sequence of str
        Comment lines at the top of the file, which may say it (KONECT: ``% bip``).
    kinds : bool
        Whether the headers name two kinds of things (user, item).
    marked : bool
        Whether the headers name the two ends of an edge (source, target).
    rated : bool
        Whether a rating stands beside them.
    same_names : bool
        Whether what is called the same is the same node, numbers too.
    shape : tuple of int, optional
        Rows and columns that the file counts in its first row.
    """
    said = {word for comment in comments for word in comment.lstrip("#% ").lower().split()[:2]}
    left, right = source[:SAMPLE], target[:SAMPLE]
    shared = _share(left[:_FIRST], right[:_FIRST]) or _share(left, right)
    if "bip" in said or "bipartite" in said:
        return Sides(True, "the file calls itself bipartite", True, shared, told=True)
    if said & {"sym", "asym", "directed", "undirected"}:
        return Sides(False, "the file says so", True, shared)
    if shape is not None and shape[0] != shape[1]:
        why = f"the first row counts {shape[0]:,} rows and {shape[1]:,} columns"
        return Sides(True, why, True, shared, told=True)
    if shared and same_names:
        return Sides(False, "some nodes occur at both ends", True, shared)
    if not shared and not kinds:
        different = [pd.Series(side).nunique() for side in (left, right)]
        repeat = max(different) < len(left)
        if min(different) < 2 or (min(different) < 3 and not repeat):
            return Sides(
                False, "", True, shared
            )  # a star, or two: each has two sides, whatever its nodes are
        if _expected_at_both(left, right) < _LEAST:  # hardly an id repeats: few could stand on both sides
            if marked or not repeat:
                return Sides(False, "", True, shared)
            return Sides(True, "no id stands in both columns", False, shared)
    if not isinstance(left, np.ndarray) or not isinstance(right, np.ndarray):
        return _of_texts(pd.Series(left), pd.Series(right), shared, kinds=kinds, marked=marked)
    if kinds:
        return Sides(True, "the headers name two kinds of things", True, shared, told=True)
    if marked:
        return Sides(False, "the headers name the two ends of an edge", True, shared)
    if not shared:
        return Sides(True, "the two columns share no number", False, shared)
    one, two = _signs(left, right, rated=rated)
    if rated and not one:
        return Sides(True, "the ids come with ratings and times", False, shared)
    if not one and len(left) < FEW:
        one = _signs_of_few(left, right)
    if one:
        return Sides(False, one, True, shared)
    return Sides(bool(two) and len(left) >= FEW, two, False, shared)


def sides_told(
    sides: np.ndarray, rows: np.ndarray, cols: np.ndarray, ids: np.ndarray, told: str, findings: list[Finding]
) -> np.ndarray | None:
    """Return the sides that a file gives to nodes, or None where its edges do not join both; a finding then says so.

    Parameters
    ----------
    sides : ndarray of int8, shape (n_nodes,)
    rows, cols : ndarray of int64, shape (n_entries,)
    ids : ndarray, shape (n_nodes,)
    told : str
        What gives them: ``"The node attribute bipartite of films.graphml"``.
    findings : list of Finding
    """
    within = np.flatnonzero(within_a_side(sides, rows, cols))
    if not len(within):
        return sides if len(np.unique(sides)) == 2 else None
    names = examples(f"{ids[rows[i]]} – {ids[cols[i]]}" for i in within[:3])
    findings.append(Finding("edges-within-a-side", "warning",
        f"{told} names two sides, but {len(within):,} of {len(rows):,} edges join nodes of one side, e.g. "
        f"{', '.join(names)}: read as one set of nodes. Remove these edges to train a two-sided graph.",
        len(within), names))  # fmt: skip
    return None


def _expected_at_both(left: np.ndarray | pd.Series, right: np.ndarray | pd.Series) -> float:
    """Return how many ids would stand on both sides if each edge of one set were listed in either order."""
    counts = pd.concat([pd.Series(left), pd.Series(right)]).value_counts().to_numpy(np.float64)
    return float((1 - 2.0 ** (1 - counts)).sum())


def _share(left: np.ndarray | pd.Series, right: np.ndarray | pd.Series) -> bool:
    """Return whether some id stands in both columns."""
    sides = [pd.Series(pd.unique(pd.Series(side))) for side in (left, right)]
    return bool(pd.concat(sides).duplicated().any())


def _of_texts(left: pd.Series, right: pd.Series, shared: bool, *, kinds: bool, marked: bool) -> Sides:
    rows = len(left)
    if shared and not marked:
        sets = set(left.unique()), set(right.unique())
        both, fewer = len(sets[0] & sets[1]), min(map(len, sets))
        if fewer >= _MANY and both <= _HARDLY * fewer:
            return Sides(True, f"of {fewer:,} names only {both:,} occur in both columns", False, shared)
    if shared:
        return Sides(False, "both columns share names", True, shared)
    if kinds:
        return Sides(True, "the headers name two kinds of things", True, shared, told=True)
    return Sides(True, "the two columns share no name", marked or rows < FEW // 2, shared)


def _signs(left: np.ndarray, right: np.ndarray, *, rated: bool = False) -> tuple[str, str]:
    """Return what speaks for one set and what for two, in words; empty if nothing does."""
    n_rows = len(left)
    in_order = bool((left <= right).all() or (left >= right).all())
    if n_rows < FEW and in_order:
        both, fewest = len(np.intersect1d(left, right)), min(len(np.unique(left)), len(np.unique(right)))
        in_order = 2 * both >= fewest and not (left == right).any()  # else one column may only run higher
    if n_rows >= 4 and in_order:
        return "each pair is listed in one order, the smaller number on the same side", ""
    known, codes = np.unique(np.concatenate([left, right]), return_inverse=True)
    a, b = codes[:n_rows], codes[n_rows:]
    span = int(known[-1]) - int(known[0]) + 1
    out, into = np.bincount(a, minlength=len(known)), np.bincount(b, minlength=len(known))
    at_both = int(((out > 0) & (into > 0)).sum())
    if span > 4 * len(known) and at_both > 2 * np.count_nonzero(out) * np.count_nonzero(into) / span:
        return "both columns share scattered numbers", ""
    low, high = ([int(pick(side)) for side in (left, right)] for pick in (np.min, np.max))
    loops, expected_loops = int((a == b).sum()), float((out * into).sum() / n_rows)
    arcs = np.unique(a * len(known) + b)
    heads, tails = arcs // len(known), arcs % len(known)
    back = int(np.isin(tails * len(known) + heads, arcs).sum()) - int((heads == tails).sum())
    expected_back = float((out[tails] * into[heads]).sum() / n_rows)
    all_back = back >= 6 and back == len(arcs) and not loops
    if all_back or (back >= 6 and back > 4 * expected_back):
        return f"{back:,} of {len(arcs):,} edges also occur in reverse", ""
    if expected_loops >= _LOOPS and loops <= expected_loops / 20:
        return (
            f"{loops or 'no'} edges join a number to itself, where chance would give {expected_loops:.0f}",
            "",
        )
    alike = abs(low[0] - low[1]) <= 1 and abs(high[0] - high[1]) <= max(1, 0.1 * max(high))
    if alike and not loops and expected_loops >= _LOOPS / 2:
        return f"no edge joins a number to itself, and both columns run up to about {max(high):,}", ""
    filled = [
        np.count_nonzero(count) / (int(side.max()) - int(side.min()) + 1)
        for count, side in ((out, left), (into, right))
    ]
    one_fills = rated and max(filled) >= 0.97  # each user has a rating: what items skip is among them anyway
    if not one_fills and min(filled) < 0.8 and len(known) >= 0.97 * span and n_rows >= 10:
        return "numbers missing in one column occur in the other", ""
    if loops >= 3 and loops >= expected_loops / 2:
        return "", f"{loops:,} rows join a number to itself, as expected by chance"
    if (
        not loops
        and len(known) >= FEW
        and abs(high[0] - high[1]) <= 0.02 * max(high)
        and abs(low[0] - low[1]) <= 1
    ):
        return f"both columns run from {min(low):,} to {max(high):,}", ""
    highest = sorted(high)
    if min(filled) >= 0.97 and highest[1] > 1.1 * highest[0] and n_rows >= 10:
        return "", f"each column has its own numbering, up to {highest[0]:,} and to {highest[1]:,}"
    return "", ""


def _signs_of_few(left: np.ndarray, right: np.ndarray) -> str:
    """Return what speaks for one set in a few rows, in words; empty if nothing does, or an id is joined to itself."""
    if (left == right).any():
        return ""
    pairs = set(zip(left.tolist(), right.tolist(), strict=True))
    if any((b, a) in pairs for a, b in pairs):
        return "an edge comes back the other way"
    follow = int((right[:-1] == left[1:]).sum())
    if follow >= 2 and 3 * follow >= len(left):
        return "edges begin where the one before ends"
    return ""
