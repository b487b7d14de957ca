"""Which links may be missing, ranked in several ways and filtered, over all pairs of nodes without an edge.

A ranking by score begins with the nodes of most links, whose codes are long.  A ranking by surprise asks how far the
model's view of a pair is from what its degrees alone say; a ranking by node gives each node its best new link.  Filters
are a part of the search: what is listed is the best of all pairs that pass, not what passes of the best.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from vgae_core.analysis.link_search import CANDIDATES, Report, likeliest, missing_links
from vgae_core.analysis.scoring import BLOCK_VALUES, Score, score_pairs, scorer
from vgae_core.analysis.stacking import stacked
from vgae_core.catalogue.base import Entry
from vgae_core.settings.fields import Section, field_of

ANY = -1
"""Number of no class: any label passes."""

PER_NODE = 20
"""Candidates that are scored for each node, where a score has no factors to rank all pairs by."""

SAMPLED = 5_000
"""Edges, and as many random pairs, on which factors are brought near such a score."""

SCORED_TOGETHER = 500_000
"""Pairs that are scored at a time."""

RANKINGS: dict[str, Entry] = {
    "score": Entry(
        title="Score",
        help="The likeliest pairs first. Nodes with many links tend to lead this list.",
    ),
    "surprise": Entry(
        title="Surprise",
        help="Pairs that the model finds likelier than their degrees alone make them: the divergence, in nats, of its "
        "probability from that of a random graph with the same degrees.",
        reference="Itti & Baldi 2009, doi:10.1016/j.visres.2008.09.007; Park & Newman 2004, arXiv:cond-mat/0405566",
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
class LinkSearch(Section):
    """A ranking of missing links and the filters on it."""

    ranking: str = field_of("score", "What puts a pair first.", title="Rank by", catalogue=RANKINGS)
    name: str = field_of(
        "",
        "Only links of nodes whose name contains this; case, accents and punctuation are ignored.",
        title="Name",
    )
    label: int = field_of(ANY, "Label of one end.", title="Label (one end)", low=ANY, high=10**6)
    other_label: int = field_of(
        ANY, "Label of the other end.", title="Label (other end)", low=ANY, high=10**6
    )
    least_degree: int = field_of(
        0, "Both nodes have at least so many neighbours.", title="Degree from", low=0, high=10**9, step=1
    )
    most_degree: int = field_of(
        0,
        "Both nodes have at most so many neighbours; 0 for no bound.",
        title="Degree to",
        low=0,
        high=10**9,
        step=1,
    )
    distance: str = field_of(
        "any", "How far apart the two are.", title="Distance in the graph", catalogue=DISTANCES
    )
    community: str = field_of(
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


# -------------------------------------------------------------------------------- surprise
class Degrees:
    """What degrees alone make of a pair, and by how much a model's view of it differs.

    Of all random graphs with given expected degrees, the one of largest entropy joins i and j independently with odds
    ``x_i x_j`` (Park & Newman 2004).  Where edges are few, ``x_i = k_i / sqrt(2m)``, and the odds are the expected
    number of edges of the configuration model, ``k_i k_j / 2m``; of arcs ``k_i^out k_j^in / m``, and ``k_i k_j / m``
    of the pairs across a two-sided graph.

    Parameters
    ----------
    known : csr_array, shape (n_nodes, n_nodes)
        Edges of the graph; weights and self-loops do not count, and a node without an edge counts as one of degree 1.
    directed : bool
    sides : ndarray of int8, shape (n_nodes,), optional
        Of a two-sided graph.

    References
    ----------
    Park & Newman 2004, Statistical mechanics of networks, arXiv:cond-mat/0405566.
    Itti & Baldi 2009, Bayesian surprise attracts human attention, doi:10.1016/j.visres.2008.09.007.
    Saerens, Latinne & Decaestecker 2002, Adjusting the outputs of a classifier to new a priori probabilities,
    doi:10.1162/089976602753284446.
    """

    def __init__(
        self, known: sparse.csr_array, *, directed: bool = False, sides: np.ndarray | None = None
    ) -> None:
        pattern = _pattern(known, directed=directed)
        n = pattern.shape[0]
        out, into = np.diff(pattern.indptr), np.bincount(pattern.indices, minlength=n)
        # An undirected edge stands in the pattern twice, and so does every pair among the n (n - 1).
        self._from, self._to = np.log(np.maximum(out, 1)), np.log(np.maximum(into, 1))
        every = n * (n - 1)
        if sides is not None:
            first = int(np.count_nonzero(sides == 0))
            every = 2 * first * (n - first)
        self._prior = float(np.log(max(pattern.nnz, 1)) - np.log(max(every - pattern.nnz, 1)))
        # Across two sides the degrees of each add up to m.
        self._total = float(np.log(max(pattern.nnz // (1 if sides is None else 2), 1)))

    def log_odds(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return ``log(k_i k_j / 2m)`` of pairs, float64."""
        return self._from[first] + self._to[second] - self._total

    def surprise(self, first: np.ndarray, second: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """Return how far the model's probability of pairs is from that of their degrees, in nats.

        The Kullback-Leibler divergence of p from q, ``p log(p / q) + (1 - p) log((1 - p) / (1 - q))``, less than 0
        where p < q: the model's p against q by the degrees.  A logit speaks of a world with as many edges as
        non-edges; p is its probability among all pairs of the graph, of which few are edges (Saerens et al. 2002).
        So neither a hub, whose q is high, nor a pair of which the model is not sure comes first.
        """
        x, t = logits.astype(np.float64) + self._prior, self.log_odds(first, second)
        yes, no = -np.logaddexp(0.0, -x), -np.logaddexp(0.0, x)
        p = np.exp(yes)
        apart = p * (yes + np.logaddexp(0.0, -t)) + np.exp(no) * (no + np.logaddexp(0.0, t))
        return np.where(x > t, apart, -apart)

    def least_logit(self, floor: float) -> float:
        """Return a logit below which no surprise exceeds `floor`: where p > q, the divergence is below -p log q."""
        if floor <= 0:
            return -np.inf
        most = float(
            np.logaddexp(0.0, self._total - self._from.min() - self._to.min())
        )  # -log of the least q
        p = floor / most
        return float(np.log(p) - np.log1p(-p)) - self._prior - 1e-3 if p < 1 else np.inf


def surprise(
    known: sparse.csr_array,
    pairs: np.ndarray,
    logits: np.ndarray,
    *,
    directed: bool = False,
    sides: np.ndarray | None = None,
) -> np.ndarray:
    """Return :meth:`Degrees.surprise` of pairs int64 (n_pairs, 2), float64 (n_pairs,), in nats."""
    return Degrees(known, directed=directed, sides=sides).surprise(pairs[:, 0], pairs[:, 1], logits)


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
    from scipy.sparse.csgraph import connected_components  # 0.1 s, which the links of one node do without

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
    allowed: Allowed | None = None,
    directed: bool = False,
    sides: np.ndarray | None = None,
    progress: Report | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first `k` pairs of a ranking, over all pairs without an edge that pass the filters.

    Exact where the score is the inner product of the factors.  With `score`, candidates are chosen by the factors, as
    :func:`vgae_core.analysis.link_search.missing_links` does, and ranked by it.

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
    allowed : callable, optional
        From :func:`allowed_pairs`.
    directed : bool
    sides : ndarray of int8, shape (n_nodes,), optional
        The side of each node of a two-sided graph: only pairs that join both are ranked.
    progress : callable, optional

    Returns
    -------
    pairs : ndarray of int64, shape (at most k, 2)
    logits : ndarray of float32
        The model's.
    """
    if sides is not None:
        allowed = across(sides, allowed)
    options: dict[str, Any] = {"allowed": allowed, "directed": directed, "progress": progress}
    same = None if left is right else right
    if search.ranking == "node_best":
        return _best_of_each(left, right, known, k, score, **options)
    if search.ranking == "score":
        return missing_links(left, known, k, right=same, score=score, **options)
    return _most_surprising(left, right, known, k, score, sides=sides, **options)


def across(sides: np.ndarray, allowed: Allowed | None) -> Allowed:
    """Return which pairs join both sides of a two-sided graph, of those that pass already."""

    def mask(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        keep = sides[rows][:, None] != sides[columns][None, :]
        return keep if allowed is None else keep & allowed(rows, columns)

    return mask


def _most_surprising(
    left: np.ndarray,
    right: np.ndarray,
    known: sparse.csr_array,
    k: int,
    score: Score | None,
    *,
    allowed: Allowed | None,
    directed: bool,
    sides: np.ndarray | None,
    progress: Report | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k` pairs without an edge of the greatest surprise, strip by strip."""
    degrees = Degrees(known, directed=directed, sides=sides)
    n, pattern = len(left), _pattern(known, directed=directed)
    line = (1.0, 0.0) if score is None else _line(left, right, pattern, score)
    many = k if score is None else CANDIDATES * k
    pairs, values = np.zeros((0, 2), np.int64), np.zeros(0)
    step = int(np.clip(BLOCK_VALUES // max(n, 1), 1, 1024))
    for start in range(0, n, step):
        rows = np.arange(start, min(start + step, n))
        columns = np.arange(0 if directed else start, n)
        strip = left[rows] @ right[columns].T
        if score is not None:
            strip = np.float32(line[0]) * strip + np.float32(line[1])
        strip[rows[:, None] == columns if directed else columns <= rows[:, None]] = -np.inf
        seen = pattern[rows][:, columns].tocoo()
        strip[seen.row, seen.col] = -np.inf
        if allowed is not None:
            strip[~allowed(rows, columns)] = -np.inf
        floor = float(values.min()) if len(values) == many else -np.inf
        row, column = np.nonzero(strip > degrees.least_logit(floor))
        found = degrees.surprise(rows[row], columns[column], strip[row, column])
        over = np.flatnonzero(found > floor)
        pairs = np.concatenate([pairs, np.column_stack([rows[row[over]], columns[column[over]]])])
        values = np.concatenate([values, found[over]])
        if len(values) > many:
            top = np.argpartition(-values, many - 1)[:many]
            pairs, values = pairs[top], values[top]
        if progress is not None:
            progress((rows[-1] + 1) / n, f"{rows[-1] + 1:,} of {n:,} nodes")
    logits = score_pairs(left, pairs, right) if score is None else score(pairs)
    value = degrees.surprise(pairs[:, 0], pairs[:, 1], logits)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -value))[:k]
    return pairs[order], logits[order]


def _line(
    left: np.ndarray, right: np.ndarray, pattern: sparse.csr_array, score: Score
) -> tuple[float, float]:
    """Return slope and offset that bring the factors' products near a score, on edges and random pairs.

    On a graph of 1,406 nodes, candidates chosen by this line held 99 of the 100 most surprising pairs of a stacked
    score; with the network's own share of that score, which leaves out what the other scores add, 67.
    """
    rng = np.random.default_rng(0)
    coo = pattern.tocoo()
    some = rng.permutation(coo.nnz)[:SAMPLED]
    edges = np.column_stack([coo.row[some], coo.col[some]]).astype(np.int64)
    pairs = np.concatenate([edges, rng.integers(0, len(left), (SAMPLED, 2))])
    product, logits = score_pairs(left, pairs, right).astype(np.float64), score(pairs).astype(np.float64)
    spread = float(product.var())
    slope = float(np.mean((product - product.mean()) * logits)) / spread if spread > 0 else 1.0
    return slope, float(logits.mean() - slope * product.mean())


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
        arrays of a CSR matrix; for filters ``named``, ``labels`` and ``communities``; ``sides`` int8 (n_nodes,) of a
        two-sided graph.
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
        allowed=allowed_pairs(search, known, directed=directed, **filters),
        directed=directed,
        sides=arrays.get("sides"),
        progress=progress,
    )
    return {"pairs": pairs, "logits": logits}, {}


def _matrix_of(pairs: np.ndarray, n: int) -> sparse.csr_array:
    """Return the matrix with a 1 at each pair, float32 (n, n)."""
    return sparse.csr_array((np.ones(len(pairs), np.float32), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
