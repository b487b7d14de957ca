"""Groups of nodes: by their codes, by the graph, and by what needs no training, and how good each is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from vgae_core.analysis.graph_structure import communities, undirected
from vgae_core.analysis.latent_neighbours import directions
from vgae_core.analysis.smoothing import short, smoothed
from vgae_core.catalogue.base import Entry
from vgae_core.data.dataset import Features
from vgae_core.errors import LimitError
from vgae_core.settings.fields import Section, field_of

Report = Callable[[float, str], None]

METHODS: dict[str, Entry] = {
    "kmeans": Entry(
        title="k-means of the codes",
        help="A chosen number of clusters; each code joins the nearest centre.",
        reference="Lloyd 1982, Least squares quantization in PCM",
    ),
    "hdbscan": Entry(
        title="HDBSCAN of the codes",
        help="Dense regions, however many there are; nodes between them have no cluster.",
        reference="Campello, Moulavi & Sander 2013, Density-Based Clustering Based on Hierarchical Density Estimates",
    ),
    "leiden": Entry(
        title="Leiden of the graph",
        help="Communities of the graph alone: no features, no training.",
        reference="Traag, Waltman & van Eck 2019, arXiv:1810.08473",
    ),
    "smoothed": Entry(
        title="k-means of smoothed features",
        help="Features averaged over the neighbourhood, without training: what codes have to beat.",
        reference="Wu et al. 2019, arXiv:1902.07153",
    ),
}
"""Ways to find clusters, those of the codes first."""

SECONDS = 900.0
"""Time they may take together; who waits for them can cancel."""

DENSITY_NODES = 20_000
"""Nodes up to which HDBSCAN is run: its time grows with their square."""

RESTARTS = 10
"""Starts of k-means, of which the best counts; 3 above :data:`DENSITY_NODES`."""

SCORED = 5_000
"""Nodes drawn at random whose silhouettes are averaged; more would change the mean by less than it is read to."""

MOST_CLUSTERS = 50
"""Clusters up to which their number follows the communities of the graph."""


@dataclass(frozen=True, kw_only=True)
class ClusterSpec(Section):
    """How clusters are found: same settings and codes, same clusters."""

    n_clusters: int = field_of(
        0,
        "For k-means. 0 uses the number of labels or, without labels, of communities.",
        title="Clusters",
        low=0,
        high=255,
        step=1,
    )
    min_size: int = field_of(
        20, "HDBSCAN: size of the smallest cluster, in nodes.", title="Least size", low=2, high=10_000, step=1
    )
    unit_length: bool = field_of(
        True, "Scale every code and row to length 1, so that only directions count.", title="Directions only"
    )
    hops: int = field_of(
        4,
        "Steps over which features are averaged for the training-free comparison.",
        title="Steps of smoothing",
        low=0,
        high=16,
        step=1,
    )
    seed: int = field_of(
        0, "Fixes the starting points of k-means.", title="Seed", low=0, high=2**31 - 1, step=1
    )


def find_clusters(
    z: np.ndarray,
    spec: ClusterSpec,
    *,
    adjacency: sparse.csr_array | None = None,
    features: Features | None = None,
    labels: np.ndarray | None = None,
    progress: Report | None = None,
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the cluster of each node by each method that the data allow.

    Parameters
    ----------
    z : ndarray of float32, shape (n_nodes, latent_dim)
    spec : ClusterSpec
    adjacency : csr_array, shape (n_nodes, n_nodes), optional
        None of a matrix.
    features : csr_array or ndarray, shape (n_nodes, n_features), optional
        As the network takes them.
    labels : ndarray of int, shape (n_nodes,), optional
        -1 where unknown; only how many there are is used.
    progress : callable, optional

    Returns
    -------
    members : dict of str to ndarray of int32, shape (n_nodes,)
        By key of :data:`METHODS`: 0 the largest cluster, 1 the next, …; -1 none.
    left_out : dict of str to str
        Why a method was not used.
    """
    report = progress or (lambda share, text: None)
    members: dict[str, np.ndarray] = {}
    left_out: dict[str, str] = {}
    if adjacency is None:
        left_out["leiden"] = "A matrix has no edges."
    else:
        report(0.0, METHODS["leiden"].title)
        members["leiden"] = communities(adjacency)
    k = min(spec.n_clusters or _usual(labels, members.get("leiden")), len(z))
    codes = directions(z) if spec.unit_length else z
    report(0.2, METHODS["kmeans"].title)
    members["kmeans"] = _kmeans(codes, k, spec.seed)
    if len(z) > DENSITY_NODES:
        left_out["hdbscan"] = f"Only up to {DENSITY_NODES:,} nodes."
    else:
        report(0.5, METHODS["hdbscan"].title)
        members["hdbscan"] = _hdbscan(codes, spec.min_size)
    if features is None:
        left_out["smoothed"] = "The data have no features."
    else:
        report(0.7, METHODS["smoothed"].title)
        try:
            rows = short(features, spec.seed)
            if adjacency is not None:
                rows = smoothed(rows, adjacency, spec.hops)
            members["smoothed"] = _kmeans(directions(rows) if spec.unit_length else rows, k, spec.seed)
        except LimitError as error:
            left_out["smoothed"] = error.message
    return members, left_out


def _usual(labels: np.ndarray | None, community: np.ndarray | None) -> int:
    """Return how many clusters are looked for where nobody says: of labels, else of communities, else 8."""
    if labels is not None and (labels >= 0).any():
        return len(np.unique(labels[labels >= 0]))
    if community is not None and community.max(initial=-1) > 0:
        return min(int(community.max()) + 1, MOST_CLUSTERS)
    return 8


def _kmeans(rows: np.ndarray, k: int, seed: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    starts = RESTARTS if len(rows) <= DENSITY_NODES else 3
    model = KMeans(k, n_init=starts, random_state=seed)
    return by_size(model.fit_predict(np.ascontiguousarray(rows, np.float32)))


def _hdbscan(rows: np.ndarray, least: int) -> np.ndarray:
    from sklearn.cluster import HDBSCAN

    if len(rows) < 3:
        return np.full(len(rows), -1, np.int32)
    return by_size(HDBSCAN(min_cluster_size=max(2, min(least, len(rows) // 2)), copy=True).fit_predict(rows))


def by_size(member: np.ndarray) -> np.ndarray:
    """Return clusters numbered by their size, 0 the largest; what is below 0 becomes -1. int32, same shape."""
    inside = member >= 0
    values, place, counts = np.unique(member[inside], return_inverse=True, return_counts=True)
    rank = np.empty(len(values), np.int32)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(values), dtype=np.int32)
    result = np.full(len(member), -1, np.int32)
    result[inside] = rank[place]
    return result


# ----------------------------------------------------------------------------------- how good they are
def agreement(member: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return how far clusters agree with labels, over nodes with a label.

    Nodes without a cluster count as one more cluster.

    Parameters
    ----------
    member, labels : ndarray of int, shape (n_nodes,)
        -1 for none.

    Returns
    -------
    dict of str to float
        ``nmi`` (normalised mutual information, arithmetic mean of the entropies, 0 to 1) and ``ari`` (adjusted Rand
        index, 0 by chance, 1 the same); NaN without labels.
    """
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    known = labels >= 0
    if not known.any():
        return {"nmi": float("nan"), "ari": float("nan")}
    return {
        "nmi": float(normalized_mutual_info_score(labels[known], member[known])),
        "ari": float(adjusted_rand_score(labels[known], member[known])),
    }


def separation(member: np.ndarray, codes: np.ndarray, spec: ClusterSpec) -> dict[str, float]:
    """Return how far clusters lie apart among the codes, without asking for labels or edges.

    Parameters
    ----------
    member : ndarray of int, shape (n_nodes,)
        -1 for none; such nodes are left out.
    codes : ndarray of float32, shape (n_nodes, latent_dim)
        The same for clusters of anything else, so that all are measured in one space.
    spec : ClusterSpec
        Whether only directions count, and the seed of the sample of at most :data:`SCORED` nodes.

    Returns
    -------
    dict of str to float
        ``silhouette`` (-1 to 1, the mean over nodes); NaN of fewer than two clusters, or of as many as nodes.

    References
    ----------
    Rousseeuw 1987, Silhouettes: a graphical aid to the interpretation and validation of cluster analysis.
    """
    from sklearn.metrics import silhouette_score

    some = np.flatnonzero(member >= 0)
    if len(some) > SCORED:
        some = np.random.default_rng(spec.seed).choice(some, SCORED, replace=False)
    if not 2 <= len(np.unique(member[some])) < len(some):
        return {"silhouette": float("nan")}
    rows = directions(codes[some]) if spec.unit_length else codes[some]
    return {"silhouette": float(silhouette_score(rows, member[some]))}


def cohesion(member: np.ndarray, adjacency: sparse.csr_array) -> dict[str, float]:
    """Return how well a graph holds clusters together, without asking for labels.

    Weights count where all are positive. A node without a cluster is one by itself for the modularity, and is left out
    of the conductance.

    Parameters
    ----------
    member : ndarray of int, shape (n_nodes,)
        -1 for none.
    adjacency : csr_array, shape (n_nodes, n_nodes)

    Returns
    -------
    dict of str to float
        ``modularity`` (-0.5 to 1: edges inside clusters beyond those that chance puts there) and ``conductance`` (0 to
        1: edges that leave a cluster as a share of the edge ends in it or in the rest, whichever has fewer; the mean
        over clusters that have edges, as have their rests); NaN where there is nothing to divide by.

    References
    ----------
    Newman 2006, Modularity and community structure in networks; Yang & Leskovec 2015, Defining and evaluating network
    communities based on ground-truth.
    """
    both = undirected(adjacency)
    if not both.nnz:
        return {"modularity": float("nan"), "conductance": float("nan")}
    weights = both.data.astype(np.float64) if (both.data > 0).all() else np.ones(both.nnz)
    rows = np.repeat(np.arange(both.shape[0]), np.diff(both.indptr))
    strength = np.bincount(rows, weights, minlength=both.shape[0])
    total = float(strength.sum())
    group = member.astype(np.int64)
    alone = group < 0
    group[alone] = int(group.max(initial=-1)) + 1 + np.arange(int(alone.sum()))
    n_groups = int(group.max()) + 1
    volume = np.bincount(group, strength, minlength=n_groups)
    inside = np.bincount(group[rows], weights * (group[rows] == group[both.indices]), minlength=n_groups)
    clusters = np.unique(group[~alone])
    smaller = np.minimum(volume, total - volume)[clusters]
    cut = (volume - inside)[clusters]
    ratio = cut[smaller > 0] / smaller[smaller > 0]
    return {
        "modularity": float((inside / total - np.square(volume / total)).sum()),
        "conductance": float(ratio.mean()) if len(ratio) else float("nan"),
    }
