"""Clusters, smoothed features and label probes against scikit-learn, networkx and dense formulas."""

import networkx as nx
import numpy as np
import pytest
from scipy import sparse
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vgae_core.analysis import clusters
from vgae_core.analysis.clusters import ClusterSpec, agreement, by_size, cohesion, find_clusters, separation
from vgae_core.analysis.probe import FOLDS, probe_labels
from vgae_core.analysis.smoothing import WIDTH, short, smoothed
from vgae_core.errors import DataError

RNG = np.random.default_rng(0)


def planted(n=90, weighted=False):
    g = nx.random_partition_graph([n // 3] * 3, 0.4, 0.02, seed=1)
    if weighted:
        for _, _, data in g.edges(data=True):
            data["weight"] = float(RNG.integers(1, 5))
    adjacency = sparse.csr_array(nx.to_scipy_sparse_array(g, dtype=np.float32))
    return nx.Graph(g), adjacency, np.repeat([0, 1, 2], n // 3).astype(np.int32)


@pytest.mark.parametrize("weighted", [False, True])
def test_modularity_and_conductance_are_those_of_networkx(weighted):
    g, adjacency, member = planted(weighted=weighted)
    weight = "weight" if weighted else None
    parts = [set(np.flatnonzero(member == k).tolist()) for k in range(3)]
    measured = cohesion(member, adjacency)
    assert measured["modularity"] == pytest.approx(nx.community.modularity(g, parts, weight=weight))
    expected = np.mean([nx.conductance(g, part, weight=weight) for part in parts])
    assert measured["conductance"] == pytest.approx(expected)


def test_nodes_without_a_cluster_are_alone_for_the_modularity():
    g, adjacency, member = planted()
    member[::7] = -1
    parts = [set(np.flatnonzero(member == k).tolist()) for k in range(3)]
    parts += [{int(i)} for i in np.flatnonzero(member < 0)]
    assert cohesion(member, adjacency)["modularity"] == pytest.approx(nx.community.modularity(g, parts))


def test_one_cluster_of_all_and_no_edges_have_no_conductance():
    _, adjacency, member = planted()
    assert np.isnan(cohesion(np.zeros_like(member), adjacency)["conductance"])
    nothing = sparse.csr_array((4, 4), dtype=np.float32)
    assert np.isnan(list(cohesion(np.zeros(4, np.int32), nothing).values())).all()


@pytest.mark.parametrize("unit_length", [False, True])
def test_the_silhouette_is_the_mean_over_nodes_in_clusters(unit_length):
    codes, member = RNG.normal(size=(60, 3)).astype(np.float32), RNG.integers(-1, 3, 60)
    codes[:, 0] += 2 * member
    inside = member >= 0
    x, of = codes[inside].astype(float), member[inside]
    if unit_length:
        x /= np.linalg.norm(x, axis=1, keepdims=True)
    far = np.linalg.norm(x[:, None] - x[None], axis=2)
    values = []
    for i, own in enumerate(of):
        mean = [far[i, of == k].sum() / (np.sum(of == k) - (k == own)) for k in range(3)]
        a, b = mean[own], min(mean[k] for k in range(3) if k != own)
        values.append((b - a) / max(a, b))
    spec = ClusterSpec(unit_length=unit_length)
    assert separation(member, codes, spec)["silhouette"] == pytest.approx(np.mean(values), rel=1e-4)
    assert np.isnan(separation(np.zeros(60, int), codes, spec)["silhouette"])
    assert np.isnan(separation(np.arange(60), codes, spec)["silhouette"])


def test_agreement_is_that_of_scikit_learn_over_labelled_nodes():
    member, labels = RNG.integers(-1, 4, 200), RNG.integers(-1, 3, 200)
    known = labels >= 0
    measured = agreement(member, labels)
    assert measured["nmi"] == pytest.approx(normalized_mutual_info_score(labels[known], member[known]))
    assert measured["ari"] == pytest.approx(adjusted_rand_score(labels[known], member[known]))
    assert np.isnan(agreement(member, np.full(200, -1))["nmi"])


def test_clusters_are_numbered_by_size():
    assert by_size(np.array([5, 5, 2, -1, 2, 2, 7])).tolist() == [1, 1, 0, -1, 0, 0, 2]


def test_every_method_gives_what_its_library_gives():
    _, adjacency, labels = planted()
    z = (np.eye(3)[labels] + 0.2 * RNG.normal(size=(90, 3))).astype(np.float32)
    features = sparse.csr_array((RNG.random((90, 40)) < 0.1).astype(np.float32))
    spec = ClusterSpec(min_size=8, hops=2)
    members, left_out = find_clusters(z, spec, adjacency=adjacency, features=features, labels=labels)
    assert not left_out
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    expected = {
        "kmeans": KMeans(3, n_init=10, random_state=0).fit_predict(unit),
        "hdbscan": HDBSCAN(min_cluster_size=8, copy=True).fit_predict(unit),
    }
    dense = adjacency.toarray() + np.eye(90)
    step = dense / np.sqrt(np.outer(dense.sum(axis=0), dense.sum(axis=0)))
    rows = (step @ step @ features.toarray()).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    expected["smoothed"] = KMeans(3, n_init=10, random_state=0).fit_predict(rows)
    for name, member in expected.items():
        assert adjusted_rand_score(members[name], member) == pytest.approx(1), name
    assert members["leiden"].max() == 2


def test_a_matrix_and_large_data_say_what_is_left_out(monkeypatch):
    monkeypatch.setattr(clusters, "DENSITY_NODES", 20)
    members, left_out = find_clusters(RNG.normal(size=(30, 4)).astype(np.float32), ClusterSpec())
    assert set(members) == {"kmeans"}
    assert set(left_out) == {"leiden", "hdbscan", "smoothed"}


def test_wide_features_are_shortened_before_they_are_smoothed():
    features = sparse.csr_array(sparse.random(300, 400, 0.05, random_state=0, format="csr", dtype=np.float32))
    columns = short(features)
    expected = TruncatedSVD(WIDTH, n_iter=4, random_state=0).fit_transform(features)
    np.testing.assert_allclose(columns, expected, rtol=1e-4, atol=1e-5)
    dense = RNG.normal(size=(5, 3)).astype(np.float32)
    np.testing.assert_array_equal(short(dense), dense)


def test_smoothing_takes_directions_and_negative_weights_as_edges():
    arcs = sparse.csr_array(np.array([[0, -2, 0], [0, 0, 1], [0, 0, 0]], np.float32))
    x = RNG.normal(size=(3, 2)).astype(np.float32)
    dense = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], float)
    step = dense / np.sqrt(np.outer(dense.sum(axis=0), dense.sum(axis=0)))
    np.testing.assert_allclose(smoothed(x, arcs, 3), step @ step @ step @ x, rtol=1e-5)


def test_a_probe_is_the_cross_validation_of_scikit_learn():
    labels = np.repeat([0, 1, 2], 40)
    x = np.eye(3)[labels] + RNG.normal(size=(120, 3))
    labels[::9] = -1
    labels = np.append(labels, 3)  # a label of one node
    x = np.vstack([x, np.zeros(3)])
    probes = probe_labels({"codes": x, "features": sparse.csr_array(x)}, labels)
    nodes = np.flatnonzero((labels >= 0) & (labels < 3))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    for score, scoring in (("accuracy", "accuracy"), ("macro_f1", "f1_macro")):
        expected = cross_val_score(model, x[nodes], labels[nodes], cv=folds, scoring=scoring)
        np.testing.assert_allclose(getattr(probes.of["codes"], score), expected)
    assert probes.majority == pytest.approx(np.bincount(labels[nodes]).max() / len(nodes))
    assert (probes.n_nodes, probes.n_classes, probes.n_rare) == (len(nodes), 3, 1)
    with pytest.raises(DataError, match="two labels"):
        probe_labels({"codes": x}, np.where(labels == 0, 0, -1))
