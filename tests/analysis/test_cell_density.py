"""Densities of cells against loops over all pairs, and errors by kind against scikit-learn."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import log_loss, roc_auc_score

from vgae_core.analysis import cell_density as cells
from vgae_core.analysis.group_errors import by_class_pair, by_count, by_same_class, group_errors


def random_graph(n, *, directed, sides, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.random((n, n)) < 0.25
    if sides is not None:
        a &= sides[:, None] != sides[None, :]
    if not directed:
        a = np.triu(a, 1) | np.triu(a, 1).T
    np.fill_diagonal(a, 0)
    return a, rng.normal(size=(n, n))


def naive(bins, a, logits, share, *, directed, sides):
    """Return observed and expected densities by a loop over pairs."""
    k = bins.max() + 1
    edges, p, count = np.zeros((3, k, k))
    for i in range(len(a)):
        for j in range(len(a)):
            if i == j or min(bins[i], bins[j]) < 0 or (sides is not None and sides[i] == sides[j]):
                continue
            odds = np.exp(logits[i, j]) * share / (1 - share)
            at = bins[i], bins[j]
            edges[at] += a[i, j]
            p[at] += odds / (1 + odds)
            count[at] += 1
    with np.errstate(invalid="ignore"):
        return edges / count, p / count, count if directed else np.where(np.eye(k) > 0, count / 2, count)


@pytest.mark.parametrize(("directed", "two_sided"), [(False, False), (True, False), (False, True)])
def test_cells_are_those_of_a_loop_over_pairs(directed, two_sided):
    n = 23
    sides = (np.arange(n) % 3 == 0).astype(np.int8) if two_sided else None
    a, logits = random_graph(n, directed=directed, sides=sides)
    if not directed:
        logits = (logits + logits.T) / 2
    bins = np.arange(n) % 5 - 1
    found = cells.cell_density(
        bins, sparse.csr_array(a.astype(np.float32)), lambda pairs: logits[tuple(pairs.T)], 0.1,
        per_cell=1000, directed=directed, sides=sides,
    )  # fmt: skip
    observed, expected, count = naive(bins, a, logits, 0.1, directed=directed, sides=sides)
    np.testing.assert_allclose(found.observed, observed)
    np.testing.assert_allclose(found.expected, expected)
    np.testing.assert_array_equal(found.n_pairs, count)
    assert not found.is_sampled
    block = cells.cell_density(
        bins, sparse.csr_array(a.astype(np.float32)), lambda pairs: logits[tuple(pairs.T)], 0.1,
        per_cell=1000, n_rows=1, directed=directed, sides=sides,
    )  # fmt: skip
    for name, whole in (("observed", observed), ("expected", expected), ("n_pairs", count)):
        np.testing.assert_allclose(getattr(block, name), whole[:1, 1:])


def test_a_sample_of_a_cell_comes_near_all_of_it():
    a, logits = random_graph(120, directed=True, sides=None)
    bins = np.arange(120) % 2
    args = (bins, sparse.csr_array(a.astype(np.float32)), lambda pairs: logits[tuple(pairs.T)], 0.3)
    whole = cells.cell_density(*args, per_cell=10_000, directed=True)
    found = cells.cell_density(*args, per_cell=2_000, directed=True)
    assert found.is_sampled
    np.testing.assert_allclose(found.expected, whole.expected, atol=0.02)
    np.testing.assert_array_equal(found.observed, whole.observed)


def test_the_largest_groups_come_first_and_the_rest_is_one():
    groups, kept = cells.largest_groups(np.array([3, 3, 3, 0, 0, 1, -1, 2]), most=2)
    assert kept.tolist() == [3, 0]
    assert groups.tolist() == [0, 0, 0, 1, 1, 2, 2, 2]
    assert cells.bins_in_order(np.array([4, 2, 0]), n_nodes=5, n_bins=2).tolist() == [1, -1, 0, -1, 0]
    two = cells.bins_in_order(np.array([4, 2, 0]), np.array([1]), n_nodes=5, n_bins=2)
    assert two.tolist() == [1, 2, 0, -1, 0]


def test_errors_by_kind_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    truth, logits, kinds = rng.integers(0, 2, 400), rng.normal(size=400), rng.integers(-1, 3, 400)
    table = group_errors(truth, logits, kinds, ["a", "b", "c", "none"]).set_index("kind")
    assert table.index.tolist() == ["a", "b", "c"]
    p = 1 / (1 + np.exp(-logits))
    for number, name in enumerate("abc"):
        here = kinds == number
        assert table.loc[name, "loss"] == pytest.approx(log_loss(truth[here], p[here]))
        assert table.loc[name, "auc"] == pytest.approx(roc_auc_score(truth[here], logits[here]))
        assert table.loc[name, "edges"] == truth[here].sum()
        assert table.loc[name, "probability_non_edges"] == pytest.approx(p[here & (truth == 0)].mean())


def test_kinds_of_counts_and_classes():
    kinds, names = by_count(np.array([0, 1, 2, 3, 4, 7, 8, 10**6]))
    told = [names[kind] for kind in kinds]
    assert told == ["0", "1", "2 to 3", "2 to 3", "4 to 7", "4 to 7", "8 to 15", "2048 and more"]
    first, second = np.array([0, 1, 1, 2, -1]), np.array([1, 0, 1, 2, 0])
    kinds, names = by_class_pair(first, second, ["x", "y", "z"])
    assert [names[kind] if kind >= 0 else "" for kind in kinds] == ["x – y", "x – y", "y – y", "z – z", ""]
    assert by_same_class(first, second)[0].tolist() == [1, 1, 0, 0, -1]
