"""Training-free link scores: what a model must beat to be worth training.

Every baseline sees what the encoder sees and nothing else: the message edges, and the
node features where there are some.  Edge weights and directions are not used.

In a two-sided graph no node is joined to both ends of a pair, so counts of shared neighbours are 0 for every pair.
They are left out there, and paths of three edges take their place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np
from scipy import sparse

from vgae_core.catalogue.base import load
from vgae_core.catalogue.baselines import BASELINES, BaselineEntry, baselines_of
from vgae_core.data.blocks import take_rows
from vgae_core.data.dataset import Features, GraphData, filled
from vgae_core.data.edge_weights import edge_weights
from vgae_core.data.propagation import normalise, propagated_rows

_BUDGET = 8_000_000
"""Entries worked on at once (about 200 MB at the peak), so that memory does not grow with the graph."""

MOST_PATHS = 10_000_000_000
"""Sum of the squared degrees up to which paths of three edges are counted: about 1 s for each 1,000,000,000."""

NO_SHARED = "nodes of different sides share no neighbour"
TOO_MANY = "this graph has too many paths"
ALIKE = "the same for all pairs"
"""Why a baseline is left out."""

Factors = tuple[np.ndarray, np.ndarray]


def score(name: str, message: sparse.csr_array, features: Features | None, pairs: np.ndarray) -> np.ndarray:
    """Return a baseline's score of each pair; larger means a likelier edge.

    Parameters
    ----------
    name : str
        Of a baseline of links in :data:`~vgae_core.catalogue.baselines.BASELINES`.
    message : csr_array, shape (n_nodes, n_nodes)
        Adjacency of the message edges.
    features : csr_array or ndarray, shape (n_nodes, n_features), or None
    pairs : ndarray of int64, shape (pairs, 2)

    Returns
    -------
    ndarray of float64, shape (pairs,)

    Raises
    ------
    ValueError
        If the baseline needs features and there are none.
    """
    entry = BASELINES[name]
    if entry.needs_features and features is None:
        raise ValueError(f"Baseline {entry.title!r} needs node features. Received: features=None.")
    return _of_pattern(entry, pattern_of(message), features, pairs)


def _of_pattern(
    entry: BaselineEntry, pattern: sparse.csr_array, features: Features | None, pairs: np.ndarray
) -> np.ndarray:
    if entry.shared:
        weight = load(entry.shared)(np.diff(pattern.indptr))
        return _shared_neighbours(pattern, pairs, weight[:, None])[:, 0]
    return np.asarray(load(entry.score)(pattern, features, pairs))


def weight_baselines(
    message: sparse.csr_array, train: np.ndarray, edges: np.ndarray
) -> dict[str, np.ndarray]:
    """Return every baseline of weights for some edges, float64 (n_edges,).

    Parameters
    ----------
    message : csr_array, shape (n_nodes, n_nodes)
        Adjacency of the training edges.
    train, edges : ndarray of int64, shapes (n_train, 2) and (n_edges, 2)
        The training edges as pairs, and those whose weights are asked for.
    """
    return {name: load(entry.score)(message, train, edges) for name, entry in baselines_of("weights").items()}


def mean_weight(message: sparse.csr_array, train: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the mean weight of the training edges for every edge."""
    return np.full(len(edges), edge_weights(message, train).mean())


def strength_product(message: sparse.csr_array, train: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the product of the weights' sums at both ends, scaled to the mean weight of the training edges."""
    out, into = (np.asarray(message.sum(axis=axis), np.float64).ravel() for axis in (1, 0))

    def product(pairs: np.ndarray) -> np.ndarray:
        return out[pairs[:, 0]] * into[pairs[:, 1]]

    scale = edge_weights(message, train).mean() / max(product(train).mean(), np.finfo(float).tiny)
    return np.asarray(scale * product(edges))


def left_out(graph: GraphData) -> dict[str, str]:
    """Return why baselines are not scored on a two-sided graph, by name; empty for any other graph."""
    if graph.sides is None:
        return {}
    links = baselines_of("links")
    why = {name: NO_SHARED for name, baseline in links.items() if baseline.two_sided is False}
    degree = np.diff(graph.adjacency.indptr).astype(np.float64)
    if degree @ degree > MOST_PATHS:
        why |= {name: TOO_MANY for name, baseline in links.items() if baseline.two_sided}
    return why


def usable(graph: GraphData) -> tuple[str, ...]:
    """Return the baselines that can tell pairs of this graph apart, in the catalogue's order."""
    out, other = left_out(graph), graph.sides is None
    return tuple(
        name
        for name, entry in baselines_of("links").items()
        if entry.two_sided is not other and name not in out
    )


def stackable(graph: GraphData) -> tuple[str, ...]:
    """Return those of :func:`usable` that may be combined with a network's score."""
    return tuple(name for name in usable(graph) if BASELINES[name].stacked)


def explained(reasons: Mapping[str, str]) -> str:
    """Return which baselines were left out and why, one sentence; empty if none was."""
    names: dict[str, list[str]] = {}
    for name, why in reasons.items():
        names.setdefault(why, []).append(BASELINES[name].title if name in BASELINES else name)
    listed = "; ".join(f"{', '.join(titles)} ({why})" for why, titles in names.items())
    return f"Left out: {listed}." if listed else ""


def run_baselines(
    message: sparse.csr_array,
    features: Features | None,
    pairs: np.ndarray,
    names: Collection[str] | None = None,
) -> dict[str, np.ndarray]:
    """Return every applicable baseline's scores of some pairs.

    Parameters
    ----------
    message : csr_array, shape (n_nodes, n_nodes)
        Adjacency of the message edges.
    features : csr_array or ndarray, shape (n_nodes, n_features), or None
    pairs : ndarray of int64, shape (n_pairs, 2)
    names : collection of str, optional
        See :func:`usable`; by default those for graphs of one set of nodes.

    Returns
    -------
    dict of str to ndarray of float64, shape (n_pairs,)
        Keys of :data:`~vgae_core.catalogue.baselines.BASELINES`.
    """
    entries = {
        name: entry
        for name, entry in baselines_of("links").items()
        if (not entry.two_sided if names is None else name in names)
        and not (entry.needs_features and features is None)
    }
    pattern = pattern_of(message)
    scores: dict[str, np.ndarray] = {}
    if near := [name for name, entry in entries.items() if entry.shared]:
        # They differ in one weight per node: walk the neighbours once for all.
        degree = np.diff(pattern.indptr)
        weights = np.column_stack([load(entries[name].shared)(degree) for name in near])
        scores |= zip(near, _shared_neighbours(pattern, pairs, weights).T, strict=True)
    return {
        name: scores[name] if name in scores else _of_pattern(entry, pattern, features, pairs)
        for name, entry in entries.items()
    }


# ------------------------------------------------------------------------ neighbourhoods
def pattern_of(message: sparse.csr_array) -> sparse.csr_array:
    """Return who is joined to whom: symmetric, entries 1, no diagonal, canonical; float32."""
    pattern = sparse.csr_array(message + message.T)
    if pattern.diagonal().any():
        pattern.setdiag(0)
    pattern.eliminate_zeros()
    pattern.sum_duplicates()
    pattern.data = np.ones(pattern.nnz, dtype=np.float32)
    return pattern


def degree_product(pattern: sparse.csr_array, features: Features | None, pairs: np.ndarray) -> np.ndarray:
    """Return the product of the degrees of both ends."""
    degree = np.diff(pattern.indptr).astype(np.float64)
    return degree[pairs[:, 0]] * degree[pairs[:, 1]]


def one(degree: np.ndarray) -> np.ndarray:
    """Return 1 for each shared neighbour."""
    return np.ones(len(degree))


def inverse_log(degree: np.ndarray) -> np.ndarray:
    """Return 1 / log(degree) for each shared neighbour."""
    # A node shared by two others has degree 2 at least, so what lower degrees get never counts.
    return 1.0 / np.log(np.maximum(degree, 2))


def inverse(degree: np.ndarray) -> np.ndarray:
    """Return 1 / degree for each shared neighbour."""
    return 1.0 / np.maximum(degree, 1)


def _shared_neighbours(pattern: sparse.csr_array, pairs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the sum of `weights` over the shared neighbours of each pair.

    The neighbours of the end with fewer of them are looked up among the other's, so one
    hub costs nothing: 0.2 µs a neighbour.

    Parameters
    ----------
    pattern : csr_array, shape (n_nodes, n_nodes)
        As returned by :func:`pattern_of`.
    pairs : ndarray of int64, shape (pairs, 2)
    weights : ndarray of float64, shape (n_nodes, n_scores)

    Returns
    -------
    ndarray of float64, shape (pairs, n_scores)
    """
    degree = np.diff(pattern.indptr)
    swap = degree[pairs[:, 0]] > degree[pairs[:, 1]]
    few = np.where(swap, pairs[:, 1], pairs[:, 0])
    many = np.where(swap, pairs[:, 0], pairs[:, 1])
    result = np.empty((len(pairs), weights.shape[1]))
    for block in _blocks(degree[few]):
        neighbours = pattern[few[block]]
        pair = np.repeat(np.arange(neighbours.shape[0]), np.diff(neighbours.indptr))
        if not len(pair):
            result[block] = 0.0
            continue
        hit = np.asarray(pattern[many[block][pair], neighbours.indices]).ravel() != 0
        pair, shared = pair[hit], neighbours.indices[hit]
        for k in range(weights.shape[1]):
            result[block, k] = np.bincount(pair, weights=weights[shared, k], minlength=neighbours.shape[0])
    return result


def paths_of_three(pattern: sparse.csr_array, features: Features | None, pairs: np.ndarray) -> np.ndarray:
    """Return the sum over paths i – a – b – j of ``1 / sqrt(degree_a degree_b)``.

    The first two steps are walked once from each different node at one end, the end from which that costs less for
    each pair, and looked up at the neighbours of the other.
    """
    degree = np.diff(pattern.indptr)
    share = sparse.diags_array(1 / np.sqrt(np.maximum(degree, 1)), format="csr")
    middle = sparse.csr_array(share @ pattern.astype(np.float64) @ share)
    cost = _ones_like(pattern) @ degree.astype(np.float64)
    each = cost / np.maximum(np.bincount(pairs.ravel(), minlength=len(degree)), 1)
    swap = each[pairs[:, 0]] > each[pairs[:, 1]]
    start, end = np.where(swap, pairs[:, 1], pairs[:, 0]), np.where(swap, pairs[:, 0], pairs[:, 1])
    order = np.argsort(start, kind="stable")
    nodes, first = np.unique(start[order], return_index=True)
    bounds = np.append(first, len(order))
    result = np.zeros(len(pairs))
    looked_up = np.diff(np.append(0, np.cumsum(degree[end[order]]))[bounds])
    for block in _blocks(cost[nodes] + looked_up):
        walked = sparse.csr_array(pattern[nodes[block]] @ middle)
        if 4 * walked.nnz > np.prod(walked.shape):
            walked = walked.toarray()  # in which looking up takes a tenth of the time
        else:
            walked.sort_indices()
        mine = order[bounds[block.start] : bounds[block.stop]]
        neighbours = pattern[end[mine]]
        pair = np.repeat(np.arange(len(mine)), np.diff(neighbours.indptr))
        row = np.searchsorted(nodes[block], start[mine])[pair]
        found = np.asarray(walked[row, neighbours.indices]).ravel() if len(pair) else row
        result[mine] = np.bincount(pair, weights=found, minlength=len(mine))
    return result


# ------------------------------------------------------------------------ features
def feature_cosine(pattern: sparse.csr_array, features: Features | None, pairs: np.ndarray) -> np.ndarray:
    """Return the cosine of the features of both ends."""
    return _cosine(_present(features), pairs)


def one_hop_cosine(pattern: sparse.csr_array, features: Features | None, pairs: np.ndarray) -> np.ndarray:
    """Return the cosine of the features of both ends, averaged over their neighbours."""
    rows = _present(features)
    if sparse.issparse(rows):  # averages of sparse rows are far less sparse: only those of the pairs are made
        return _cosine(_unit_rows(rows), pairs, hop=normalise(pattern))
    return _cosine(propagated_rows(pattern, rows, scaled=True, symmetric=True), pairs)


def _cosine(rows: Features, pairs: np.ndarray, hop: sparse.csr_array | None = None) -> np.ndarray:
    """Return the cosine of the two rows of each pair, of ``hop @ rows`` (sparse rows only) if `hop` is given."""
    n, width = rows.shape
    size = np.diff(rows.indptr).astype(np.float64) if sparse.issparse(rows) else np.full(n, float(width))
    cost = size if hop is None else _ones_like(hop) @ size
    result = np.empty(len(pairs))
    for block in _blocks(cost[pairs].sum(axis=1)):
        nodes, place = np.unique(pairs[block], return_inverse=True)
        place = place.reshape(-1, 2)
        if hop is not None:
            local = _unit_rows(hop[nodes] @ rows)
        else:
            local = _unit_rows(rows[nodes] if sparse.issparse(rows) else take_rows(rows, nodes))
        left, right = local[place[:, 0]], local[place[:, 1]]
        if isinstance(left, np.ndarray):
            result[block] = np.einsum("ij,ij->i", left, np.asarray(right))
        else:
            result[block] = np.asarray(left.multiply(right) @ np.ones(width))
    return result


def _ones_like(matrix: sparse.csr_array) -> sparse.csr_array:
    return sparse.csr_array((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)


def _present(features: Features | None) -> Features:
    if features is None:
        raise ValueError("Node features are needed. Received: features=None.")
    return features


def _unit_rows(matrix: Features) -> Features:
    """Return the matrix with every row scaled to length 1 (zero rows stay zero); float64."""
    if isinstance(matrix, np.ndarray):
        dense = np.asarray(matrix, dtype=np.float64)
        length = np.linalg.norm(dense, axis=1, keepdims=True)
        return np.divide(dense, length, out=np.zeros_like(dense), where=length > 0)
    csr = sparse.csr_array(matrix).astype(np.float64)
    length = np.sqrt(np.asarray(csr.multiply(csr).sum(axis=1)).ravel())
    scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)
    return sparse.csr_array(
        (csr.data * np.repeat(scale, np.diff(csr.indptr)), csr.indices, csr.indptr), shape=csr.shape
    )


def _blocks(cost: np.ndarray) -> Iterator[slice]:
    """Yield slices that cover `cost`, each worth about :data:`_BUDGET` (one entry at least)."""
    total = np.cumsum(np.maximum(cost, 1), dtype=np.float64)
    start = 0
    while start < len(total):
        done = total[start - 1] if start else 0.0
        stop = max(start + 1, int(np.searchsorted(total, done + _BUDGET, side="right")))
        yield slice(start, stop)
        start = stop


# ------------------------------------------------------------------------ matrices
def entry_baselines(
    matrix: sparse.csr_array, rank: int, learnt: sparse.csr_array | None = None
) -> dict[str, Factors]:
    """Return every matrix baseline as two factors: entry (i, j) scores ``left_i . right_j``.

    Parameters
    ----------
    matrix : csr_array, shape (n_rows, n_columns)
        Without its held-out entries.
    rank : int
        Rank of the truncated singular value decomposition: the latent size it stands beside.
    learnt : csr_array, shape (n_rows, n_columns), optional
        What columns are judged by, where it is not `matrix`: rows that are new are empty in it.

    Returns
    -------
    dict of str to tuple of ndarrays of float32, shapes (n_rows, k) and (n_columns, k)
        Without those that have no factors of that rank.
    """
    made = {
        name: load(entry.score)(matrix, matrix if learnt is None else learnt, rank)
        for name, entry in baselines_of("entries").items()
        if entry.score
    }
    return {name: factors for name, factors in made.items() if factors is not None}


def popularity(matrix: sparse.csr_array, learnt: sparse.csr_array, rank: int) -> Factors:
    """Return factors of the number of entries per column."""
    per_column = _counts(learnt)[1]
    return np.ones((matrix.shape[0], 1), np.float32), per_column


def row_column(matrix: sparse.csr_array, learnt: sparse.csr_array, rank: int) -> Factors:
    """Return factors of the number of entries per row times that per column."""
    return _counts(matrix)[0], _counts(learnt)[1]


def _counts(matrix: sparse.csr_array) -> Factors:
    per_row, per_column = (count.astype(np.float32)[:, None] for count in filled(matrix))
    return per_row, per_column


def svd(matrix: sparse.csr_array, learnt: sparse.csr_array, rank: int) -> Factors | None:
    """Return factors of the truncated singular value decomposition, None of a matrix with one row or column.

    Rows are projected on the singular vectors of the columns.
    """
    rank = min(rank, min(matrix.shape) - 1)
    if rank < 1:
        return None
    from sklearn.decomposition import TruncatedSVD  # a second, and few graphs need it

    made = TruncatedSVD(rank, random_state=0).fit(learnt)
    return made.transform(matrix).astype(np.float32), made.components_.T.astype(np.float32)
