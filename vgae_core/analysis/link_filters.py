"""What a search for missing links asks for: a ranking, and filters on the pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from vgae_core.analysis.surprise import pattern_of
from vgae_core.catalogue.base import Entry
from vgae_core.settings.fields import Section, field_of

ANY = -1
"""Number of no class: any label passes."""

RANKINGS: dict[str, Entry] = {
    "score": Entry(
        title="Score",
        help="The likeliest pairs first. Nodes with many links tend to lead this list.",
    ),
    "surprise": Entry(
        title="Surprise",
        help="Pairs that are likelier to the model than their degrees suggest: the divergence, in nats, of its "
        "probability from that of a random graph with the same degrees.",
        reference="Itti & Baldi 2009, doi:10.1016/j.visres.2008.09.007; Park & Newman 2004, arXiv:cond-mat/0405566",
    ),
    "node_best": Entry(
        title="Best of each node",
        help="Each node's likeliest new link, the likeliest first: hubs cannot fill the list.",
    ),
}
"""How missing links are ranked."""

DISTANCES: dict[str, Entry] = {
    "any": Entry(title="Any", help="Any distance."),
    "two": Entry(title="Two steps: a shared neighbour", help="The two nodes share a neighbour."),
    "more": Entry(title="Three steps or more", help="A path connects them, but they share no neighbour."),
    "none": Entry(title="No path", help="They lie in different components."),
}
"""Distance between two nodes in the graph, ignoring directions."""

COMMUNITIES: dict[str, Entry] = {
    "any": Entry(title="Any", help="Any communities."),
    "same": Entry(title="The same", help="Both in the same community."),
    "other": Entry(title="Different ones", help="In different communities, or outside of any."),
}


@dataclass(frozen=True, kw_only=True)
class LinkSearch(Section):
    """A ranking of missing links and the filters on it."""

    ranking: str = field_of("score", "Order of the list.", title="Rank by", catalogue=RANKINGS)
    name: str = field_of(
        "",
        "Only links of nodes whose name contains this text; case, accents and punctuation are ignored.",
        title="Name",
    )
    label: int = field_of(ANY, "Label of one end.", title="Label (one end)", low=ANY, high=10**6)
    other_label: int = field_of(
        ANY, "Label of the other end.", title="Label (other end)", low=ANY, high=10**6
    )
    least_degree: int = field_of(
        0, "Minimum number of neighbours of both nodes.", title="Degree from", low=0, high=10**9, step=1
    )
    most_degree: int = field_of(
        0,
        "Maximum number of neighbours of both nodes; 0 means no limit.",
        title="Degree to",
        low=0,
        high=10**9,
        step=1,
    )
    distance: str = field_of(
        "any", "Distance between the two nodes.", title="Distance in the graph", catalogue=DISTANCES
    )
    community: str = field_of(
        "any", "Whether both nodes are in the same community.", title="Communities", catalogue=COMMUNITIES
    )

    @property
    def n_filters(self) -> int:
        """Return how many filters are set, the name left out."""
        plain = LinkSearch()
        names = ("label", "other_label", "least_degree", "most_degree", "distance", "community")
        return sum(getattr(self, name) != getattr(plain, name) for name in names)


Allowed = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From rows (r,) and columns (c,), nodes both, to which of their pairs pass, bool (r, c)."""


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
    from scipy.sparse.csgraph import connected_components  # 0.1 s, which the links of one node do without

    n = known.shape[0]
    # Direction plays a part in labels only.
    pattern = pattern_of(known, directed=False)
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


def across(sides: np.ndarray, allowed: Allowed | None) -> Allowed:
    """Return which pairs join both sides of a two-sided graph, of those that pass already."""

    def mask(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        keep = sides[rows][:, None] != sides[columns][None, :]
        return keep if allowed is None else keep & allowed(rows, columns)

    return mask
