"""Codes turned onto each other, and neighbourhoods in common."""

import numpy as np
import pytest
from scipy.spatial import procrustes
from scipy.stats import ortho_group

from vgae_core.analysis import alignment


def turned(z, seed=3):
    """The same codes elsewhere: turned, mirrored or not, stretched and moved."""
    turn = ortho_group.rvs(z.shape[1], random_state=seed)
    return (2.5 * z @ turn + 4.0).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_the_distance_after_turning_is_scipy_s(seed):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(60, 5)).astype(np.float32)
    other = turned(z, seed) + rng.normal(scale=0.5, size=z.shape).astype(np.float32)
    _, distance = alignment.aligned(z, other)
    _, _, disparity = procrustes(z, other)
    spread = np.square(z - z.mean(axis=0)).sum()
    assert np.square(distance).sum() / spread == pytest.approx(disparity, rel=1e-4)


def test_codes_of_another_length_are_turned_too():
    """Two dimensions within five: nothing is lost."""
    z = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    wide = turned(np.hstack([z, np.zeros((40, 3), np.float32)]))
    places, distance = alignment.aligned(z, wide)
    assert places.shape == z.shape
    assert distance.max() < 1e-4


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "inner_product"])
def test_the_overlap_is_that_of_a_plain_loop(metric):
    rng = np.random.default_rng(1)
    z, other = rng.normal(size=(2, 30, 4)).astype(np.float32)

    def near(codes, node):
        if metric == "cosine":
            codes = codes / np.linalg.norm(codes, axis=1, keepdims=True)
        values = (
            -np.linalg.norm(codes - codes[node], axis=1) if metric == "euclidean" else codes @ codes[node]
        )
        return set([int(i) for i in np.argsort(-values) if i != node][:6])

    both = [len(near(z, i) & near(other, i)) for i in range(30)]
    nodes, jaccard = alignment.neighbour_overlap(z, other, 6, metric)
    assert nodes.tolist() == list(range(30))
    assert jaccard == pytest.approx([both[i] / len(near(z, i) | near(other, i)) for i in range(30)])
    assert alignment.in_common(jaccard, 6).tolist() == [both.count(number) for number in range(7)]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_nodes_of_one_code_are_neighbours_in_every_run(metric):
    """Forty nodes, ten of each code: whichever nine are nearest, they are the same in both."""
    codes = np.random.default_rng(4).normal(size=(4, 3)).astype(np.float32)
    z = np.tile(codes, (10, 1))
    for k in (5, 9, 12):
        _, jaccard = alignment.neighbour_overlap(z, 3 * z + (metric == "euclidean"), k, metric)
        assert jaccard.tolist() == [1.0] * 40


def test_a_turn_changes_no_neighbourhood_and_many_nodes_are_sampled(monkeypatch):
    z = np.random.default_rng(2).normal(size=(50, 4)).astype(np.float32)
    _, jaccard = alignment.neighbour_overlap(z, turned(z), 10, "euclidean")
    assert jaccard.tolist() == [1.0] * 50
    monkeypatch.setattr(alignment, "MOST_NODES", 12)
    nodes, jaccard = alignment.neighbour_overlap(z, z, 100)
    assert len(nodes) == len(set(nodes.tolist())) == 12
    assert jaccard.tolist() == [1.0] * 12
