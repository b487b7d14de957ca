"""Arcs of a chunk in the order of their nodes, so that those of a block of nodes are a slice of each chunk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vgae_core.data.non_edges import sorted_unique
from vgae_core.data.partitions.files import load, save

RANGES = 2**16
"""Ranges of node numbers in which arcs are counted, to cut nodes into blocks with about as many arcs each."""

SIDES = ("out", "in")
"""Arcs by their source, and by their target."""


def range_width(n_nodes: int) -> int:
    """Return how many node numbers a range has in which arcs are counted."""
    return -(-n_nodes // RANGES)


def sort_arcs(
    stem: Path,
    source: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray | None,
    n_nodes: int,
    *,
    loops: bool,
) -> tuple[np.ndarray, int]:
    """Write the arcs of a chunk as sorted numbers ``i * n_nodes + j``, once by source and once by target.

    Of edges without weights repeats are left out here already.

    Parameters
    ----------
    stem : Path
        Of the files' names.
    source, target : ndarray of int64, shape (n_rows,)
    weight : ndarray of float32, shape (n_rows,), or None
        An arc of weight 0 is none.
    n_nodes : int
    loops : bool
        Whether arcs from a node to itself are kept.

    Returns
    -------
    counts : ndarray of int64, shape (n_ranges,)
        Arcs of both sides in each range of node numbers.
    n_loops : int
    """
    there = np.ones(len(source), bool) if weight is None else weight != 0
    own = there & (source == target)
    if not loops:
        there &= ~own
    if not there.all():
        source, target = source[there], target[there]
        weight = None if weight is None else weight[there]
    width = range_width(n_nodes)
    counts = np.zeros(-(-n_nodes // width), np.int64)
    for side in SIDES:
        codes = (source if side == "out" else target) * np.int64(n_nodes)
        codes += target if side == "out" else source
        if weight is None:
            codes = sorted_unique(codes)
        else:
            order = np.argsort(codes, kind="stable")
            codes = codes[order]
            save(stem.with_suffix(f".{side}.weight.npy"), weight[order])
        save(stem.with_suffix(f".{side}.npy"), codes)
        codes //= n_nodes * width
        counts += np.bincount(codes, minlength=len(counts))
    return counts, int(np.count_nonzero(own))


def cut(counts: np.ndarray, n_nodes: int, most: int) -> np.ndarray:
    """Return the bounds of blocks of nodes with at most `most` arcs each, or of one range; int64 (n_blocks + 1,).

    Parameters
    ----------
    counts : ndarray of int64, shape (n_ranges,)
        Of all chunks together.
    n_nodes, most : int
    """
    bounds, inside = [0], 0
    for place, count in enumerate(counts.tolist()):
        if inside and inside + count > most:
            bounds.append(place)
            inside = 0
        inside += count
    return np.array([*(place * range_width(n_nodes) for place in bounds), n_nodes], np.int64)


def gather(
    stems: Sequence[Path], side: str, start: int, stop: int, n_nodes: int, *, weighted: bool, rule: str
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the arcs of a block of nodes, each once, from all chunks.

    Parameters
    ----------
    stems : sequence of Path
    side : str
    start, stop : int
        The nodes of the block.
    n_nodes : int
    weighted : bool
    rule : str
        How weights of repeats are merged: ``"sum"`` or ``"max"``.

    Returns
    -------
    codes : ndarray of int64
        ``i * n_nodes + j``, sorted.
    weights : ndarray of float32, or None
    """
    codes, weights = [], []
    for stem in stems:
        arcs = load(stem.with_suffix(f".{side}.npy"))
        begin, end = np.searchsorted(arcs, [start * n_nodes, stop * n_nodes]).tolist()
        codes.append(np.array(arcs[begin:end]))
        if weighted:
            weights.append(np.array(load(stem.with_suffix(f".{side}.weight.npy"))[begin:end]))
    together = np.concatenate(codes)
    codes.clear()
    if not weighted:
        return sorted_unique(together), None
    return merge(together, np.concatenate(weights), rule)


def merge(codes: np.ndarray, weights: np.ndarray, rule: str) -> tuple[np.ndarray, np.ndarray]:
    """Return different codes in order and the sum or the largest of the weights of each, float32."""
    order = np.argsort(codes, kind="stable")
    codes, weights = codes[order], weights[order]
    new = np.ones(len(codes), bool)
    np.not_equal(codes[1:], codes[:-1], out=new[1:])
    if new.all():
        return codes, weights
    places = np.flatnonzero(new)
    if rule == "max":
        return codes[places], np.maximum.reduceat(weights, places)
    return codes[places], np.add.reduceat(weights, places, dtype=np.float64).astype(np.float32)
