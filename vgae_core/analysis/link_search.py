"""The likeliest pairs without an edge and the least likely edges, exactly, strip by strip in memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse

from vgae_core.analysis.scoring import BLOCK_VALUES, Score, score_pairs
from vgae_core.errors import DataError

EXACT_NODES = 20_000
"""Nodes up to which the search over all pairs takes a few seconds; beyond it belongs in the background."""

RANKED = 1000
"""Pairs listed in a ranking."""

SECONDS = 900.0
"""Time a search in the background may take; who waits for it can cancel it."""

CANDIDATES = 50
"""Pairs that are scored for each one listed, where a decoder has no factors to rank all pairs by."""

Report = Callable[[float, str], None]
"""Called with the share of the work done, 0 to 1, and what is being done."""


def missing_links(
    z: np.ndarray,
    known: sparse.csr_array,
    k: int = 1000,
    *,
    right: np.ndarray | None = None,
    score: Score | None = None,
    allowed: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
    directed: bool = False,
    sides: np.ndarray | None = None,
    progress: Report | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k` pairs without an edge that the decoder finds likeliest.

    Exact over all pairs, strip by strip in memory, unless `score` is given.  Nodes are visited by
    falling length of their code, and a strip ends where ``|z_i| |z_j|``, the largest logit still
    possible (Cauchy-Schwarz), falls below the k-th best found so far.

    Parameters
    ----------
    z : ndarray of float32, shape (n_nodes, latent_dim)
        Latent codes, or left factors.
    known : csr_array, shape (n_nodes, n_nodes)
        Entries are pairs to leave out: every edge of the graph.  Taken in both directions
        unless `directed`.
    k : int
        How many; fewer are returned when the graph lacks fewer.
    right : ndarray of float32, shape (n_nodes, latent_dim), optional
        Right factors; `z` unless given.  Unless `directed`, the logit must not depend on the order of a pair.
    score : callable, optional
        The logit of a decoder without factors.  It ranks the :data:`CANDIDATES` · k pairs of the largest inner
        products of the factors, which only approximate it: a pair outside them is not found.
    allowed : callable, optional
        Which pairs of some rows and columns may be listed, bool (n_rows, n_columns); unless `directed` it must not
        depend on the order of a pair.
    directed : bool
        Rank arcs (i, j) and (j, i) separately.  The inner product of codes gives both the same logit.
    sides : ndarray of int8, shape (n_nodes,), optional
        The side of each node of a two-sided graph: only pairs that join both are ranked.
    progress : callable, optional
        Told the share of strips done.

    Returns
    -------
    pairs : ndarray of int64, shape (k, 2)
        Likeliest first; i < j unless `directed`; never i = j.  Equal logits stand in the
        order of their pairs.
    logits : ndarray of float32, shape (k,)

    Raises
    ------
    DataError
        If `k` < 1 or shapes disagree.
    """
    n, latent_dim = z.shape
    if k < 1:
        raise DataError(f"`k` must be >= 1. Received: {k}.")
    if known.shape != (n, n):
        raise DataError(f"`known` must have shape ({n}, {n}). Received: {known.shape}.")
    if score is not None:
        pairs, _ = missing_links(
            z,
            known,
            CANDIDATES * k,
            right=right,
            allowed=allowed,
            directed=directed,
            sides=sides,
            progress=progress,
        )
        return likeliest(pairs, score(pairs), k)
    lengths = np.linalg.norm(z.astype(np.float64), axis=1)
    order = np.argsort(-lengths, kind="stable")
    codes, lengths = np.ascontiguousarray(z[order], dtype=np.float32), lengths[order]
    others = codes if right is None else np.ascontiguousarray(right[order], dtype=np.float32)
    reach = lengths if right is None else np.linalg.norm(others.astype(np.float64), axis=1)
    # The longest right factor from each place on: what rows further down can still be paired with.
    longest = np.maximum.accumulate(reach[::-1])[::-1]
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n)
    blocked = _blocked(known, place, directed=directed)
    side = None if sides is None else sides[order]

    best = np.zeros(0, dtype=np.float32)
    pairs = np.zeros((0, 2), dtype=np.int64)
    floor = -np.inf
    step = int(np.clip(BLOCK_VALUES // max(n, 1), 1, 1024))
    for start in range(0, n, step):
        stop = min(start + step, n)
        first = 0 if directed else start
        # Rounding of a float32 product of `latent_dim` terms must not prune a true winner.
        slack = 1e-6 * (latent_dim + 8) * lengths[start] * longest[0]
        end = n
        if np.isfinite(floor):
            possible = lengths[start] * longest + slack >= floor
            end = int(np.count_nonzero(possible))
            if end <= first:
                break  # every later strip has shorter codes on both sides
        strip = codes[start:stop] @ others[first:end].T
        rows = np.arange(start, stop)[:, None]
        if directed:
            inside = rows[:, 0] < end
            strip[np.flatnonzero(inside), rows[inside, 0]] = -np.inf
        else:
            strip[np.arange(first, end)[None, :] <= rows] = -np.inf
        if side is not None:
            strip[side[start:stop, None] == side[None, first:end]] = -np.inf
        part = slice(blocked.indptr[start], blocked.indptr[stop])
        i = np.repeat(np.arange(stop - start), np.diff(blocked.indptr[start : stop + 1]))
        j = blocked.indices[part]
        keep = (j >= first) & (j < end)
        strip[i[keep], j[keep] - first] = -np.inf
        if allowed is not None:
            strip[~allowed(order[start:stop], order[first:end])] = -np.inf
        flat = strip.ravel()
        over = flat > floor
        if np.count_nonzero(over) > k:
            at = np.argpartition(flat, len(flat) - k)[len(flat) - k :]
        else:
            at = np.flatnonzero(over)
        best = np.concatenate([best, flat[at]])
        row, column = np.divmod(at, end - first)
        pairs = np.concatenate([pairs, np.column_stack([row + start, column + first])])
        if len(best) > k:
            top = np.argpartition(-best, k - 1)[:k]
            best, pairs = best[top], pairs[top]
        if len(best) == k:
            floor = float(best.min())
        if progress is not None:
            progress(stop / n, f"{stop:,} of {n:,} nodes")
    if progress is not None:
        progress(1.0, f"{n:,} of {n:,} nodes")
    pairs = order[pairs]
    if not directed:
        pairs = np.sort(pairs, axis=1)
    return likeliest(pairs, best, k)


def likeliest(pairs: np.ndarray, logits: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k` pairs of the largest logits, the largest first; equal ones in the order of their pairs."""
    rank = np.lexsort((pairs[:, 1], pairs[:, 0], -logits))[:k]
    return pairs[rank].astype(np.int64), logits[rank]


def _blocked(known: sparse.csr_array, place: np.ndarray, *, directed: bool) -> sparse.csr_array:
    """Return the pairs to leave out, as a CSR pattern in the order in which nodes are visited."""
    coo = sparse.coo_array(known)
    i, j = place[coo.row], place[coo.col]
    if not directed:
        i, j = np.concatenate([i, j]), np.concatenate([j, i])
    return sparse.csr_array((np.ones(len(i), dtype=np.int8), (i, j)), shape=known.shape)


def unlikely_links(
    z: np.ndarray, edges: np.ndarray, k: int = 1000, *, score: Score | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k` existing edges that the decoder finds least likely, the least likely first.

    Parameters
    ----------
    z : ndarray of float32, shape (n_nodes, latent_dim)
        Latent codes.
    edges : ndarray of int64, shape (n_edges, 2)
        Each edge once.
    k : int
        How many; all edges when there are fewer.
    score : callable, optional
        The decoder; inner products of `z` unless given.

    Returns
    -------
    pairs : ndarray of int64, shape (min(k, n_edges), 2)
    logits : ndarray of float32, shape (min(k, n_edges),)
    """
    logits = score_pairs(z, edges) if score is None else score(edges)
    rank = np.lexsort((edges[:, 1], edges[:, 0], logits))[:k]
    return edges[rank].astype(np.int64), logits[rank]
