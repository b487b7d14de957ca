"""Blocks of nodes: their edges merged, held out and normalised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from vgae_core.data.non_edges import sorted_unique
from vgae_core.data.partitions.files import load, save
from vgae_core.data.partitions.sorting import gather, merge
from vgae_core.data.propagation import row_sums

PAIRS = ("edges", "train", "val", "test")
"""Arrays of pairs that blocks are asked for: all edges, and the parts of the split."""

MATRICES = ("adjacency", "message", "propagation")
"""All edges, training edges, and these normalised; each in three arrays, as CSR has them."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is the same for all blocks.

    Parameters
    ----------
    n_nodes : int
    directed, weighted : bool
    rule : str
        How weights of repeats are merged.
    seed : int
        Of the split.
    val_fraction, test_fraction : float
    """

    n_nodes: int
    directed: bool
    weighted: bool
    rule: str
    seed: int
    val_fraction: float
    test_fraction: float


def held_out(codes: np.ndarray, plan: Plan) -> np.ndarray:
    """Return the part of each pair: 0 train, 1 validation, 2 test; int8 (n_pairs,).

    A pair's part follows from its number and the seed alone, so both arcs of a pair are in one part, and no task needs
    to know what another holds.  Shares are met on average.

    Parameters
    ----------
    codes : ndarray of int64, shape (n_pairs,)
        ``i * n_nodes + j``.
    plan : Plan

    References
    ----------
    Steele, Lea & Flood 2014, Fast splittable pseudorandom number generators (the mixing of SplitMix64).
    """
    first, second = np.divmod(codes, plan.n_nodes)
    mixed = (np.minimum(first, second) * plan.n_nodes + np.maximum(first, second)).astype(np.uint64)
    mixed += np.uint64(np.random.SeedSequence([plan.seed, 0x5911]).generate_state(1, np.uint64)[0])
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    drawn = (mixed >> np.uint64(11)) * 2.0**-53
    part = np.zeros(len(codes), np.int8)
    part[drawn < plan.val_fraction + plan.test_fraction] = 2
    part[drawn < plan.val_fraction] = 1
    part[first == second] = 0
    return part


def make_block(stem: Path, stems: Sequence[Path], start: int, stop: int, plan: Plan) -> dict[str, int]:
    """Write the edges and degrees of a block of nodes, and return how many of each there are.

    Parameters
    ----------
    stem : Path
        Of the block's files.
    stems : sequence of Path
        Of the chunks.
    start, stop : int
        The nodes of the block.
    plan : Plan
    """
    options = {"weighted": plan.weighted, "rule": plan.rule}
    codes, weights = gather(stems, "out", start, stop, plan.n_nodes, **options)  # type: ignore[arg-type]
    heard, heard_weights = gather(stems, "in", start, stop, plan.n_nodes, **options)  # type: ignore[arg-type]
    if not plan.directed:  # an edge counts for both directions; of two weights the larger
        codes = np.concatenate([codes, heard])
        if weights is None or heard_weights is None:
            codes = sorted_unique(codes)
        else:
            codes, weights = merge(codes, np.concatenate([weights, heard_weights]), "max")
    part = held_out(codes, plan)
    counts = {"adjacency": _write_matrix(stem, "adjacency", codes, weights, start, stop, plan.n_nodes)}
    train = part == 0
    known = codes[train], None if weights is None else weights[train]
    counts["message"] = _write_matrix(stem, "message", *known, start, stop, plan.n_nodes)
    if plan.directed:
        kept = held_out(heard, plan) == 0
        arrived = heard[kept], None if heard_weights is None else heard_weights[kept]
        _write_matrix(stem, "heard", *arrived, start, stop, plan.n_nodes)
    save(stem.with_suffix(".out_degree.npy"), row_sums(_matrix(stem, "message", plan.n_nodes)) + 1)
    heard_by = _matrix(stem, "heard" if plan.directed else "message", plan.n_nodes)
    save(stem.with_suffix(".in_degree.npy"), row_sums(heard_by) + 1)
    first, second = np.divmod(codes, plan.n_nodes)
    listed = first != second if plan.directed else first < second
    pairs, part = np.column_stack([first[listed], second[listed]]), part[listed]
    for name, chosen in zip(PAIRS, (pairs, *(pairs[part == k] for k in range(3))), strict=True):
        save(stem.with_suffix(f".{name}.npy"), chosen)
        counts[name] = len(chosen)
    return counts


def normalise_block(stem: Path, degrees: Path, start: int, stop: int, plan: Plan) -> int:
    """Write the rows of a block of the propagation matrix of the training edges; return how many entries they have.

    They are those of :func:`vgae_core.data.propagation.normalise`.

    Parameters
    ----------
    stem : Path
        Of the block's files.
    degrees : Path
        ``out_degree`` of all nodes.
    start, stop : int
        The nodes of the block.
    plan : Plan
    """
    heard = _matrix(stem, "heard" if plan.directed else "message", plan.n_nodes)
    own = sparse.eye_array(stop - start, plan.n_nodes, k=start, dtype=np.float32, format="csr")
    looped = sparse.csr_array(heard + own)
    looped.sort_indices()
    left, right = load(stem.with_suffix(".in_degree.npy")), load(degrees)
    count = np.diff(looped.indptr)
    scaled = looped.data / np.sqrt(np.repeat(left, count)) / np.sqrt(right[looped.indices])
    _save_matrix(stem, "propagation", count, looped.indices, scaled.astype(np.float32))
    return int(looped.nnz)


def _write_matrix(
    stem: Path, name: str, codes: np.ndarray, weights: np.ndarray | None, start: int, stop: int, n_nodes: int
) -> int:
    ends = np.searchsorted(codes, np.arange(start, stop + 1, dtype=np.int64) * n_nodes)
    data = np.ones(len(codes), np.float32) if weights is None else weights
    _save_matrix(stem, name, np.diff(ends), codes % n_nodes, data)
    return len(codes)


def _save_matrix(stem: Path, name: str, counts: np.ndarray, indices: np.ndarray, data: np.ndarray) -> None:
    save(stem.with_suffix(f".{name}.counts.npy"), counts)
    save(stem.with_suffix(f".{name}.indices.npy"), indices.astype(np.int32))
    save(stem.with_suffix(f".{name}.data.npy"), data)


def _matrix(stem: Path, name: str, n_nodes: int) -> sparse.csr_array:
    """Return the rows of a block, shape (stop - start, n_nodes)."""
    counts, indices, data = (
        load(stem.with_suffix(f".{name}.{part}.npy")) for part in ("counts", "indices", "data")
    )
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return sparse.csr_array((data, indices, starts), shape=(len(counts), n_nodes))
