"""Training-free link scores: what a model must beat to be worth training.

Every baseline sees what the encoder sees and nothing else: the message edges, and the
node features where there are some.  Edge weights and directions are not used.

In a two-sided graph no node is joined to both ends of a pair, so counts of shared neighbours are 0 for every pair.
They are left out there, and paths of three edges take their place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse

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

Kernel = Callable[[sparse.csr_array, Features | None, np.ndarray], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """One training-free score, with what a table shows of it."""

    title: str
    help: str
    kernel: Kernel
    needs_features: bool = False
    two_sided: bool | None = None
    """True if it is for two-sided graphs only, False if it is for all others only."""
    reference: str = ""

    def score(self, message: sparse.csr_array, features: Features | None, pairs: np.ndarray) -> np.ndarray:
        """Return the score of each pair; larger means a likelier edge.

        Parameters
        ----------
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
        if self.needs_features and features is None:
            raise ValueError(f"Baseline {self.title!r} needs node features. Received: features=None.")
        return self.kernel(pattern_of(message), features, pairs)


WEIGHT_BASELINES: dict[str, tuple[str, str]] = {
    "mean_weight": ("Mean weight", "The mean weight of the training edges, whichever the edge."),
    "strength_product": (
        "Product of strengths",
        "Sums of the weights at both ends, multiplied and scaled to the mean weight (Newman 2004, "
        "doi:10.1103/PhysRevE.70.056131).",
    ),
}
"""Training-free predictions of an edge's weight: title and what it is."""


def weight_baselines(
    message: sparse.csr_array, train: np.ndarray, edges: np.ndarray
) -> dict[str, np.ndarray]:
    """Return each of :data:`WEIGHT_BASELINES` for some edges, float64 (n_edges,).

    Parameters
    ----------
    message : csr_array, shape (n_nodes, n_nodes)
        Adjacency of the training edges.
    train, edges : ndarray of int64, shapes (n_train, 2) and (n_edges, 2)
        The training edges as pairs, and those whose weights are wanted.
    """
    mean = edge_weights(message, train).mean()
    out, into = (np.asarray(message.sum(axis=axis), np.float64).ravel() for axis in (1, 0))

    def product(pairs: np.ndarray) -> np.ndarray:
        return out[pairs[:, 0]] * into[pairs[:, 1]]

    scale = mean / max(product(train).mean(), np.finfo(float).tiny)
    return {"mean_weight": np.full(len(edges), mean), "strength_product": scale * product(edges)}


def left_out(graph: GraphData) -> dict[str, str]:
    """Return why baselines are not scored on a two-sided graph, by name; empty for any other graph."""
    if graph.sides is None:
        return {}
    why = {name: NO_SHARED for name, baseline in BASELINES.items() if baseline.two_sided is False}
    degree = np.diff(graph.adjacency.indptr).astype(np.float64)
    if degree @ degree > MOST_PATHS:
        why |= {name: TOO_MANY for name, baseline in BASELINES.items() if baseline.two_sided}
    return why


def usable(graph: GraphData) -> tuple[str, ...]:
    """Return the baselines that can tell pairs of this graph apart, in the order of :data:`BASELINES`."""
    out, other = left_out(graph), graph.sides is None
    return tuple(
        name for name, entry in BASELINES.items() if entry.two_sided is not other and name not in out
    )


def explained(reasons: Mapping[str, str]) -> str:
    """Return which baselines were left out and why, one sentence; empty if none was."""
    names: dict[str, list[str]] = {}
    for name, why in reasons.items():
        title = ENTRY_BASELINES[name][0] if name in ENTRY_BASELINES else name
        names.setdefault(why, []).append(BASELINES[name].title if name in BASELINES else title)
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
        Those wanted, see :func:`usable`; by default those for graphs of one set of nodes.

    Returns
    -------
    dict of str to ndarray of float64, shape (n_pairs,)
        Keys of :data:`BASELINES`.
    """
    wanted = {
        name for name, entry in BASELINES.items() if (not entry.two_sided if names is None else name in names)
    }
    pattern = pattern_of(message)
    scores: dict[str, np.ndarray] = {}
    if near := [name for name in NODE_WEIGHTS if name in wanted]:
        # They differ in one weight a node: walk the neighbours once for all.
        degree = np.diff(pattern.indptr)
        weights = np.column_stack([NODE_WEIGHTS[name](degree) for name in near])
        scores |= zip(near, _shared_neighbours(pattern, pairs, weights).T, strict=True)
    for name, baseline in BASELINES.items():
        if name in wanted and name not in scores and not (baseline.needs_features and features is None):
            scores[name] = baseline.kernel(pattern, features, pairs)
    return {name: scores[name] for name in BASELINES if name in scores}


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


def _degree_product(pattern: sparse.csr_array, features: Features | None, pairs: np.ndarray) -> np.ndarray:
    degree = np.diff(pattern.indptr).astype(np.float64)
    return degree[pairs[:, 0]] * degree[pairs[:, 1]]


def _ones(degree: np.ndarray) -> np.ndarray:
    return np.ones(len(degree))


def _inverse_log(degree: np.ndarray) -> np.ndarray:
    # A node shared by two others has degree 2 at least, so what lower degrees get never counts.
    return 1.0 / np.log(np.maximum(degree, 2))


def _inverse(degree: np.ndarray) -> np.ndarray:
    return 1.0 / np.maximum(degree, 1)


NODE_WEIGHTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "common_neighbours": _ones,
    "adamic_adar": _inverse_log,
    "resource_allocation": _inverse,
}
"""What a shared neighbour counts, from its degree."""


def _neighbourhood(name: str) -> Kernel:
    """Return the kernel of one score of :data:`NODE_WEIGHTS`."""
    weight = NODE_WEIGHTS[name]

    def kernel(pattern: sparse.csr_array, features: Features | None, pairs: np.ndarray) -> np.ndarray:
        return _shared_neighbours(pattern, pairs, weight(np.diff(pattern.indptr))[:, None])[:, 0]

    return kernel


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


def _paths_of_three(pattern: sparse.csr_array, features: Features | None, pairs: np.ndarray) -> np.ndarray:
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
def _feature_cosine(pattern: sparse.csr_array, features: Features | None, pairs: np.ndarray) -> np.ndarray:
    return _cosine(_present(features), pairs)


def _one_hop_cosine(pattern: sparse.csr_array, features: Features | None, pairs: np.ndarray) -> np.ndarray:
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


BASELINES: dict[str, Baseline] = {
    "degree_product": Baseline(
        title="Degree product",
        help="Nodes with many edges get more of them (preferential attachment).",
        kernel=_degree_product,
        reference="Barabási & Albert 1999, doi:10.1126/science.286.5439.509",
    ),
    "common_neighbours": Baseline(
        title="Common neighbours",
        help="Number of nodes joined to both.",
        kernel=_neighbourhood("common_neighbours"),
        two_sided=False,
        reference="Liben-Nowell & Kleinberg 2007, doi:10.1002/asi.20591",
    ),
    "adamic_adar": Baseline(
        title="Adamic-Adar",
        help="Common neighbours, each counted 1 / log(degree): sharing a rare neighbour says more.",
        kernel=_neighbourhood("adamic_adar"),
        two_sided=False,
        reference="Adamic & Adar 2003, doi:10.1016/S0378-8733(03)00009-1",
    ),
    "resource_allocation": Baseline(
        title="Resource allocation",
        help="Common neighbours, each counted 1 / degree.",
        kernel=_neighbourhood("resource_allocation"),
        two_sided=False,
        reference="Zhou, Lü & Zhang 2009, arXiv:0901.0553",
    ),
    "paths_of_three": Baseline(
        title="Paths of three edges",
        help="Paths from one node over a node of each side to the other, each counted 1 / sqrt(degrees): who is joined "
        "to the same things is joined to it.",
        kernel=_paths_of_three,
        two_sided=True,
        reference="Kovács et al. 2019, doi:10.1038/s41467-019-09177-y",
    ),
    "feature_cosine": Baseline(
        title="Feature cosine",
        help="Cosine of the two nodes' features; the graph is not used.",
        kernel=_feature_cosine,
        needs_features=True,
    ),
    "one_hop_cosine": Baseline(
        title="One-hop feature cosine",
        help="Cosine of the two nodes' features after averaging over neighbours once. Often hard to beat.",
        kernel=_one_hop_cosine,
        needs_features=True,
    ),
}
"""Every baseline, in the order tables show them."""


# ------------------------------------------------------------------------ matrices
def entry_baselines(matrix: sparse.csr_array, rank: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return every matrix baseline as two factors: entry (i, j) scores ``left_i . right_j``.

    Parameters
    ----------
    matrix : csr_array, shape (n_rows, n_columns)
        Without its held-out entries.
    rank : int
        Rank of the truncated singular value decomposition: the latent size it stands beside.

    Returns
    -------
    dict of str to tuple of ndarrays of float32, shapes (n_rows, k) and (n_columns, k)
        Keys of :data:`ENTRY_BASELINES`.
    """
    per_row, per_column = (count.astype(np.float32)[:, None] for count in filled(matrix))
    factors = {"popularity": (np.ones_like(per_row), per_column), "row_column": (per_row, per_column)}
    rank = min(rank, min(matrix.shape) - 1)
    if rank >= 1:
        from sklearn.decomposition import TruncatedSVD  # a second, and few graphs need it

        svd = TruncatedSVD(rank, random_state=0)
        left = svd.fit_transform(matrix).astype(np.float32)
        factors["svd"] = (left, svd.components_.T.astype(np.float32))
    return factors


ENTRY_BASELINES: dict[str, tuple[str, str]] = {
    "popularity": (
        "Popularity",
        "How many rows have something in this column: the same ranking for every row.",
    ),
    "row_column": ("Row x column", "Entries of the row times entries of the column."),
    "svd": (
        "Truncated SVD",
        "The entry in the best linear reconstruction of the same rank as the latent code "
        "(Halko et al. 2011).",
    ),
    "ease": (
        "EASE",
        "Each column by a ridge regression on all others, in closed form; the penalty is chosen on validation entries "
        "(Steck 2019).",
    ),
}
"""Title and help of each key of :func:`entry_baselines`, and of EASE (:mod:`vgae_core.analysis.ease`)."""
