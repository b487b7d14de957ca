"""Batches: the batch size counts, each pair comes once, nothing held out is seen."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from tests.graphs import batches_of, communities, graph_from, karate
from vgae_core.data.link_splits import split_links
from vgae_core.data.propagation import normalise
from vgae_core.settings import RunSpec, SplitSpec
from vgae_core.settings.defaults import offered_outputs
from vgae_core.training import pair_batches as module


def spec_with(graph, **changes):
    outputs = [
        o.to_dict() | {"enabled": True}
        for o in offered_outputs(
            feature_kind=graph.profile.feature_kind, has_labels=graph.profile.n_classes > 1
        )
    ]
    spec = RunSpec.from_dict({"outputs": outputs})
    for key, value in changes.items():
        spec = spec.replace(key.replace("__", "."), value)
    return spec


def epoch(batches, count=1):
    return [(dict(x.items()), y, w) for x, y, w in batches.dataset.take(batches.steps_per_epoch * count)]


@pytest.mark.parametrize("size", [1, 7, 64, 10_000, 0])
def test_the_batch_size_counts_and_every_pair_comes_once_an_epoch(size):
    graph = karate()
    split = split_links(graph, SplitSpec(), 0)
    batches = batches_of(graph, split, spec_with(graph, training__batch_size=size), np.zeros(34, np.int8))
    n = len(split.train)
    assert batches.steps_per_epoch == (-(-n // size) if size else 1)
    for number in range(2):
        steps = epoch(batches, 2)[number * batches.steps_per_epoch : (number + 1) * batches.steps_per_epoch]
        seen = []
        for x, y, _ in steps:
            positive = y["adj_rec"].numpy().ravel() == 1
            assert positive.sum() <= (size or n)
            seen.append(x["pairs"].numpy()[positive])
        seen = np.concatenate(seen)
        np.testing.assert_array_equal(np.unique(seen, axis=0), np.unique(split.train, axis=0))
        assert len(seen) == n


@pytest.mark.parametrize("supervision", ["sampled", "all"])
def test_batches_are_not_tuned_by_tensorflow(supervision):
    # An iterator of a tuned data set may take as long to let go of as it has lived.
    graph = karate()
    spec = spec_with(graph, training__supervision=supervision)
    batches = batches_of(graph, split_links(graph, SplitSpec(), 0), spec, np.zeros(34, np.int8))
    assert batches.dataset.options().autotune.enabled is False


def test_epochs_come_in_different_orders_and_seeds_repeat_them():
    graph = karate()
    split = split_links(graph, SplitSpec(), 0)

    def first_pairs(seed):
        batches = batches_of(graph, split, spec_with(graph, training__batch_size=8, seed=seed), np.zeros(34))
        return [x["pairs"].numpy() for x, _, _ in epoch(batches, 2)]

    one, again, other = first_pairs(0), first_pairs(0), first_pairs(1)
    np.testing.assert_array_equal(np.concatenate(one), np.concatenate(again))
    assert not np.array_equal(np.concatenate(one), np.concatenate(other))
    half = len(one) // 2
    assert not np.array_equal(one[0], one[half])


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("ratio", [1, 3])
def test_negatives_that_are_training_edges_do_not_count(directed, ratio):
    rng = np.random.default_rng(0)
    adjacency = np.triu(rng.random((20, 20)) < 0.5, 1).astype(np.float32)
    graph = graph_from(adjacency if directed else adjacency + adjacency.T, directed=directed)
    split = split_links(graph, SplitSpec(), 0)
    batches = batches_of(graph, split, spec_with(graph, training__negatives_per_positive=ratio))
    assert batches.expected_collisions == 0
    edges = {tuple(p) for p in split.train.tolist()}
    hits = 0
    for x, y, w in epoch(batches, 5):
        negative = y["adj_rec"].numpy().ravel() == 0
        assert negative.sum() == ratio * (~negative).sum()
        for (i, j), weight in zip(
            x["pairs"].numpy()[negative], w["adj_rec"].numpy().ravel()[negative], strict=True
        ):
            collides = (i, j) in edges or (not directed and (j, i) in edges) or i == j
            hits += collides
            assert weight == (0.0 if collides else 1.0)
    assert hits > 0


def test_the_encoder_is_given_training_edges_only():
    graph = communities()
    split = split_links(graph, SplitSpec(), 0)
    seen = batches_of(graph, split, spec_with(graph), np.zeros(graph.n_nodes)).encoder_inputs[0]["adjacency"]
    expected = np.zeros((graph.n_nodes, graph.n_nodes), np.float32)
    expected[tuple(split.train.T)] = 1
    expected = normalise(sparse.csr_array(expected + expected.T)).toarray()
    got = np.zeros_like(expected)
    got[tuple(seen.indices.numpy().T)] = seen.values.numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-6)


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("cap", [10**9, 30 * 40])
def test_feature_targets_are_the_rows_of_the_batch(dense, cap, monkeypatch):
    graph = communities(dense=dense)
    monkeypatch.setattr(module, "node_batch", lambda n, columns: min(n, cap // columns))
    split = split_links(graph, SplitSpec(), 0)
    part = np.where(np.arange(graph.n_nodes) % 3 == 0, 0, 2).astype(np.int8)
    x, y, w = epoch(batches_of(graph, split, spec_with(graph), part))[0]
    nodes = x["nodes"].numpy().ravel()
    assert len(nodes) == min(graph.n_nodes, cap // graph.features.shape[1])
    if dense:  # measurements: targets of squared errors are in standard deviations
        expected = StandardScaler().fit_transform(graph.features)
        np.testing.assert_allclose(y["x_rec"].numpy(), expected[nodes], rtol=1e-4, atol=1e-5)
    else:
        np.testing.assert_array_equal(y["x_rec"].numpy(), graph.features.toarray()[nodes])
    np.testing.assert_array_equal(y["labels"].numpy().ravel(), graph.labels[nodes])
    np.testing.assert_array_equal(w["labels"].numpy().ravel(), (part[nodes] == 0).astype(np.float32))
    assert set(x) == {"adjacency", "features", "pairs", "nodes"}
    assert set(y) == set(w) == {"adj_rec", "z_vars", "x_rec", "labels"}


def test_a_sparse_graph_reports_its_expected_collisions():
    n = 4000
    ring = sparse.csr_array((np.ones(n), (np.arange(n), (np.arange(n) + 1) % n)), shape=(n, n))
    graph = graph_from(ring + ring.T)
    split = split_links(graph, SplitSpec(), 0)
    batches = batches_of(graph, split, spec_with(graph))
    assert batches.expected_collisions == pytest.approx(2 * len(split.train) / (n * (n - 1)))


def test_pairs_come_in_two_sorted_lists_and_negatives_are_uniform():
    graph = communities()
    split = split_links(graph, SplitSpec(), 0)
    batches = batches_of(
        graph, split, spec_with(graph, training__negatives_per_positive=5), np.zeros(graph.n_nodes)
    )
    first, second = [], []
    for x, y, _ in epoch(batches, 40):
        pairs = x["pairs"].numpy()
        negative = y["adj_rec"].numpy().ravel() == 0
        for part in (pairs[~negative], pairs[negative]):
            assert np.all(np.diff(part[:, 0]) >= 0)
        first.append(pairs[negative, 0])
        second.append(pairs[negative, 1])
    for ends in (np.concatenate(first), np.concatenate(second)):
        counts = np.bincount(ends, minlength=graph.n_nodes)
        expected = len(ends) / graph.n_nodes
        assert np.abs(counts - expected).max() < 6 * np.sqrt(expected)
