"""Which links may be missing, ranked in several ways and filtered, over all pairs of nodes without an edge.

A ranking by score begins with the nodes of most links, whose codes are long.  A ranking by surprise asks how much more
the model expects of a pair than its degrees alone; a ranking by node gives each node its best new link.  Filters are a
part of the search: what is listed is the best of all pairs that pass, not what passes of the best.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from vgae_core.analysis.reconstruction import (
    BLOCK_VALUES,
    Report,
    Score,
    likeliest,
    missing_links,
    score_pairs,
    scorer,
)
from vgae_core.analysis.stacking import stacked
from vgae_core.catalogue import Entry
from vgae_core.spec import _Section, _setting

ANY = -1
"""Number of no class: any label passes."""

PER_NODE = 20
"""Candidates that are scored for each node, where a score has no factors to rank all pairs by."""

SCORED_TOGETHER = 500_000
"""Pairs that are scored at a time."""

RANKINGS: dict[str, Entry] = {
    "score": Entry(
        title="Score",
        help="The likeliest pairs first. Nodes with many links tend to lead this list.",
    ),
    "surprise": Entry(
        title="Surprise",
        help="Pairs that the model finds likelier than their degrees alone make them: the logit minus "
        "log(k_i k_j / 2m), the log odds in a random graph with the same degrees.",
        reference="Park & Newman 2004, Statistical mechanics of networks, arXiv:cond-mat/0405566",
    ),
    "node_best": Entry(
        title="Best of each node",
        help="Each node's likeliest new link, the likeliest first: every node gets a say.",
    ),
}
"""How missing links are ranked."""

DISTANCES: dict[str, Entry] = {
    "any": Entry(title="Any", help="However far apart."),
    "two": Entry(title="Two steps: a shared neighbour", help="They have a neighbour in common."),
    "more": Entry(title="Three steps or more", help="A path joins them, but no neighbour is shared."),
    "none": Entry(title="No path", help="They lie in different parts of the graph."),
}
"""How far apart two nodes are in the graph, arcs taken in both directions."""

COMMUNITIES: dict[str, Entry] = {
    "any": Entry(title="Any", help="Whatever their communities."),
    "same": Entry(title="The same", help="Both in one community."),
    "other": Entry(title="Different ones", help="In different communities, or in none."),
}


@dataclass(frozen=True, kw_only=True)
class LinkSearch(_Section):
    """A ranking of missing links and the filters on it."""

    ranking: str = _setting("score", "What puts a pair first.", title="Rank by", catalogue=RANKINGS)
    name: str = _setting(
        "",
        "Only links of nodes whose name contains this; case, accents and punctuation are ignored.",
        title="Name",
    )
    label: int = _setting(ANY, "Label of one end.", title="Label", low=ANY, high=10**6)
    other_label: int = _setting(
        ANY, "Label of the other end.", title="Label of the other", low=ANY, high=10**6
    )
    least_degree: int = _setting(
        0, "Both nodes have at least so many neighbours.", title="Degree from", low=0, high=10**9, step=1
    )
    most_degree: int = _setting(
        0,
        "Both nodes have at most so many neighbours; 0 for no bound.",
        title="Degree to",
        low=0,
        high=10**9,
        step=1,
    )
    distance: str = _setting(
        "any", "How far apart the two are.", title="Distance in the graph", catalogue=DISTANCES
    )
    community: str = _setting(
        "any", "Whether the two are in one community.", title="Communities", catalogue=COMMUNITIES
    )

    @property
    def n_filters(self) -> int:
        """Return how many filters are set, the name left out."""
        plain = LinkSearch()
        names = ("label", "other_label", "least_degree", "most_degree", "distance", "community")
        return sum(getattr(self, name) != getattr(plain, name) for name in names)


Allowed = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From rows (r,) and columns (c,), nodes both, to which of their pairs pass, bool (r, c)."""


# -------------------------------------------------------------------------------- degrees
def degree_terms(known: sparse.csr_array, *, directed: bool = False) -> tuple[np.ndarray, np.ndarray, float]:
    """Return a, b and c, so that degrees alone give the pair (i, j) the log odds ``a_i + b_j - c``.

    Of all random graphs with given expected degrees, the one of largest entropy joins i and j independently with odds
    ``x_i x_j`` (Park & Newman 2004).  Where edges are few, ``x_i = k_i / sqrt(2m)``, and the odds are the expected
    number of edges of the configuration model, ``k_i k_j / 2m``.  Of arcs they are ``k_i^out k_j^in / m``.

    Parameters
    ----------
    known : csr_array, shape (n_nodes, n_nodes)
        Edges of the graph; weights and self-loops do not count.
    directed : bool

    Returns
    -------
    a, b : ndarray of float64, shape (n_nodes,)
        Logarithms of degrees; a node without an edge counts as one of degree 1.
    c : float
        log 2m, or log m of arcs.

    References
    ----------
    Park & Newman 2004, Statistical mechanics of networks, arXiv:cond-mat/0405566.
    """
    pattern = _pattern(known, directed=directed)
    out, into = np.diff(pattern.indptr), np.bincount(pattern.indices, minlength=pattern.shape[0])
    total = float(np.log(max(pattern.nnz, 1)))  # an undirected edge stands in it twice
    return np.log(np.maximum(out, 1)), np.log(np.maximum(into, 1)), total


def surprise(
    known: sparse.csr_array, pairs: np.ndarray, logits: np.ndarray, *, directed: bool = False
) -> np.ndarray:
    """Return by how much the model expects pairs more than their degrees alone do, in nats.

    ``logit - log(k_i k_j / 2m)``, see :func:`degree_terms`.  The logit is that of a world with as many edges as
    non-edges, so the same number is in every surprise, and only differences of two of them mean something.

    Parameters
    ----------
    known : csr_array, shape (n_nodes, n_nodes)
    pairs : ndarray of int64, shape (n_pairs, 2)
    logits : ndarray of float, shape (n_pairs,)
    directed : bool

    Returns
    -------
    ndarray of float64, shape (n_pairs,)
    """
    a, b, c = degree_terms(known, directed=directed)
    return logits.astype(np.float64) - (a[pairs[:, 0]] + b[pairs[:, 1]] - c)


def _pattern(known: sparse.csr_array, *, directed: bool) -> sparse.csr_array:
    """Return the edges as entries of 1, without self-loops, in both directions unless directed."""
    coo = sparse.coo_array(known)
    keep = coo.row != coo.col
    i, j = coo.row[keep], coo.col[keep]
    if not directed:
        i, j = np.concatenate([i, j]), np.concatenate([j, i])
    pattern = sparse.csr_array((np.ones(len(i), np.float32), (i, j)), shape=known.shape)
    pattern.sum_duplicates()
    pattern.data[:] = 1
    return pattern


# -------------------------------------------------------------------------------- filters
def allowed_pairs(
    search: LinkSearch,
    known: sparse.csr_array,
    *,
    named: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    communities: np.ndarray | None = None,
    directed: bool = False,
) -> Allowed | None:
    """Return which pairs pass the filters of a search, or None where every pair does.

    Parameters
    ----------
    search : LinkSearch
    known : csr_array, shape (n_nodes, n_nodes)
        Edges of the graph.
    named : ndarray of bool, shape (n_nodes,), optional
        Nodes that have the name asked for: one end of a pair at least must be among them.
    labels : ndarray of int, shape (n_nodes,), optional
        Class of each node, needed by filters on labels.
    communities : ndarray of int, shape (n_nodes,), optional
        -1 for none; needed by that filter.
    directed : bool
        Whether the first label is that of the source.
    """
    if named is None and not search.n_filters:
        return None
    n = known.shape[0]
    # Direction plays a part in labels only.
    pattern = _pattern(known, directed=False)
    degree = np.diff(pattern.indptr)
    sized = np.ones(n, bool)
    if search.least_degree or search.most_degree:
        sized = (degree >= search.least_degree) & (degree <= (search.most_degree or n))
    parts = connected_components(pattern, directed=False)[1] if search.distance in ("more", "none") else None
    first, second = (
        np.ones(n, bool) if one == ANY or labels is None else labels == one
        for one in (search.label, search.other_label)
    )

    def mask(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        keep = sized[rows][:, None] & sized[columns][None, :]
        if named is not None:
            keep &= named[rows][:, None] | named[columns][None, :]
        if not (first.all() and second.all()):
            fits = first[rows][:, None] & second[columns][None, :]
            if not directed:
                fits |= second[rows][:, None] & first[columns][None, :]
            keep &= fits
        if search.community != "any" and communities is not None:
            mine = communities[rows][:, None]
            same = (mine == communities[columns][None, :]) & (mine >= 0)
            keep &= same if search.community == "same" else ~same
        if search.distance in ("two", "more"):
            near = (pattern[rows] @ pattern).toarray()[:, columns] > 0
            keep &= near if search.distance == "two" else ~near
        if parts is not None:
            joined = parts[rows][:, None] == parts[columns][None, :]
            keep &= joined if search.distance == "more" else ~joined
        return keep

    return mask


# ------------------------------------------------------------------------------- rankings
def rank_links(
    search: LinkSearch,
    left: np.ndarray,
    right: np.ndarray,
    known: sparse.csr_array,
    k: int,
    *,
    score: Score | None = None,
    slope: float = 1.0,
    allowed: Allowed | None = None,
    directed: bool = False,
    progress: Report | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first `k` pairs of a ranking, over all pairs without an edge that pass the filters.

    Exact where the score is the inner product of the factors.  With `score`, candidates are chosen by the factors, as
    :func:`vgae_core.analysis.reconstruction.missing_links` does, and ranked by it.

    Parameters
    ----------
    search : LinkSearch
    left, right : ndarray of float32, shape (n_nodes, d)
        Factors of the network's logits.
    known : csr_array, shape (n_nodes, n_nodes)
        Edges of the graph.
    k : int
    score : callable, optional
        The model's logit, where it is no inner product of the factors.
    slope : float
        What the network's logit counts in that score.
    allowed : callable, optional
        From :func:`allowed_pairs`.
    directed : bool
    progress : callable, optional

    Returns
    -------
    pairs : ndarray of int64, shape (at most k, 2)
    logits : ndarray of float32
        The model's.
    """
    options: dict[str, Any] = {"allowed": allowed, "directed": directed, "progress": progress}
    same = None if left is right else right
    if search.ranking == "node_best":
        return _best_of_each(left, right, known, k, score, **options)
    if search.ranking == "score":
        return missing_links(left, known, k, right=same, score=score, **options)
    a, b, c = degree_terms(known, directed=directed)
    one = np.ones(len(left))
    own = np.column_stack([slope * left, c - a, one]).astype(np.float32)
    other = np.column_stack([right, one, -b]).astype(np.float32)
    value = score or (lambda pairs: score_pairs(left, pairs, right))

    def surprising(pairs: np.ndarray) -> np.ndarray:
        terms = a[pairs[:, 0]] + b[pairs[:, 1]] - c
        return (value(pairs) - terms).astype(np.float32)

    pairs, _ = missing_links(
        own, known, k, right=other, score=None if score is None else surprising, **options
    )
    return pairs, value(pairs)


def _best_of_each(
    left: np.ndarray,
    right: np.ndarray,
    known: sparse.csr_array,
    k: int,
    score: Score | None,
    *,
    allowed: Allowed | None,
    directed: bool,
    progress: Report | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return each node's likeliest new link (or arc from it), the `k` likeliest of these."""
    n = len(left)
    pattern = _pattern(known, directed=directed)
    step = int(np.clip(BLOCK_VALUES // max(n, 1), 1, 1024))
    columns, many = np.arange(n), 1 if score is None else min(PER_NODE, n)
    best_pairs, best_logits = [np.zeros((0, 2), np.int64)], [np.zeros(0, np.float32)]
    waiting: list[np.ndarray] = []

    def settle() -> None:
        """Score the candidates and keep the best of each node."""
        pairs = np.concatenate(waiting)
        waiting.clear()
        logits = score_pairs(left, pairs, right) if score is None else score(pairs)
        order = np.lexsort((pairs[:, 1], -logits, pairs[:, 0]))
        leads = order[np.concatenate([[True], np.diff(pairs[order, 0]) > 0])] if len(order) else order
        best_pairs.append(pairs[leads])
        best_logits.append(logits[leads])

    for start in range(0, n, step):
        rows = np.arange(start, min(start + step, n))
        strip = left[rows] @ right.T
        strip[np.arange(len(rows)), rows] = -np.inf
        seen = pattern[rows].tocoo()
        strip[seen.row, seen.col] = -np.inf
        if allowed is not None:
            strip[~allowed(rows, columns)] = -np.inf
        at = np.argpartition(-strip, many - 1, axis=1)[:, :many]
        row = np.repeat(np.arange(len(rows)), many)
        there = np.isfinite(strip[row, at.ravel()])
        waiting.append(np.column_stack([rows[row], at.ravel()])[there].astype(np.int64))
        if sum(map(len, waiting)) >= SCORED_TOGETHER or rows[-1] == n - 1:
            settle()
        if progress is not None:
            progress((rows[-1] + 1) / n, f"{rows[-1] + 1:,} of {n:,} nodes")
    pairs, logits = np.concatenate(best_pairs), np.concatenate(best_logits)
    if not directed:
        pairs, places = np.unique(np.sort(pairs, axis=1), axis=0, return_index=True)
        logits = logits[places]
    return likeliest(pairs, logits, k)


def rank_links_task(
    arrays: Mapping[str, np.ndarray], options: Mapping[str, Any], progress: Report
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return :func:`rank_links` as a task of a child process.

    Parameters
    ----------
    arrays : mapping
        ``left`` and ``right`` float32 (n_nodes, k), the factors, ``edges`` int64 (n_edges, 2), the pairs to
        leave out; for a decoder without factors ``z`` and its weights, as ``weight_NAME``; for stacking
        ``message`` int64 (n_edges, 2), the edges that training-free scores see, and the features, dense or as three
        arrays of a CSR matrix; for filters ``named``, ``labels`` and ``communities``.
    options : mapping
        ``k`` int, ``directed`` bool, ``decoder`` str, ``stack`` dict, ``search`` dict of a :class:`LinkSearch` and
        ``n_features`` int of sparse features.
    progress : callable

    Returns
    -------
    arrays : dict
        ``pairs`` int64 (k, 2) and ``logits`` float32 (k,).
    values : dict
        Empty.
    """
    left, right, edges = arrays["left"], arrays["right"], arrays["edges"]
    search, directed, stack = (
        LinkSearch.from_dict(options["search"]),
        bool(options["directed"]),
        options["stack"],
    )
    decoder, start = str(options["decoder"]), "weight_"
    weights = {name.removeprefix(start): value for name, value in arrays.items() if name.startswith(start)}
    score = scorer(arrays["z"], (left, right), decoder, weights)
    if stack:
        features = arrays.get("features")
        if "features_data" in arrays:
            parts = tuple(arrays[f"features_{part}"] for part in ("data", "indices", "indptr"))
            features = sparse.csr_array(parts, shape=(len(left), int(options["n_features"])))
        score = stacked(score, stack, _matrix_of(arrays["message"], len(left)), features)
    known = _matrix_of(edges, len(left))
    filters = {name: arrays[name] for name in ("named", "labels", "communities") if name in arrays}
    pairs, logits = rank_links(
        search,
        left,
        left if np.array_equal(left, right) else right,
        known,
        int(options["k"]),
        score=score if weights or stack else None,
        slope=float(stack.get("network", 1.0)),
        allowed=allowed_pairs(search, known, directed=directed, **filters),
        directed=directed,
        progress=progress,
    )
    return {"pairs": pairs, "logits": logits}, {}


def _matrix_of(pairs: np.ndarray, n: int) -> sparse.csr_array:
    """Return the matrix with a 1 at each pair, float32 (n, n)."""
    return sparse.csr_array((np.ones(len(pairs), np.float32), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
