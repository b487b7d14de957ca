"""What sets groups apart, against SciPy column by column, pandas and networkx."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from vgae_core.analysis import contrast
from vgae_core.errors import DataError

RNG = np.random.default_rng(4)
FIRST, SECOND = np.arange(0, 30), np.arange(35, 90)


def doubled(a, b, n, m):
    table = [[a, n - a], [b, m - b]]
    tails = [stats.fisher_exact(table, alternative=side).pvalue for side in ("greater", "less")]
    return min(1.0, 2 * min(tails))


def matrices():
    binary = (RNG.random((90, 7)) < 0.3).astype(np.float32)
    binary[:30, 2] = 1
    binary[:, 3] = 0
    values = np.where(RNG.random((90, 5)) < 0.6, 0, RNG.normal(size=(90, 5)).round(1)).astype(np.float32)
    both = np.concatenate([binary, values, np.ones((90, 1), np.float32)], axis=1)
    return {"dense": both, "sparse": sparse.csr_array(both)}


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("block", [3, 512])
def test_features_column_by_column(kind, block, monkeypatch):
    monkeypatch.setattr(contrast, "COLUMN_BLOCK", block)
    dense = matrices()["dense"] if kind == "dense" else matrices()["sparse"].toarray()
    matrix = dense if kind == "dense" else sparse.csr_array(dense)
    names = np.array([f"f{i}" for i in range(dense.shape[1])], dtype=object)
    table = contrast.features(matrix, names, FIRST, SECOND)
    assert table["p"].is_monotonic_increasing
    table = table.set_index("feature").loc[names]
    for i, name in enumerate(names):
        a, b = dense[FIRST, i].astype(float), dense[SECOND, i].astype(float)
        row = table.loc[name]
        assert row["first_mean"] == pytest.approx(a.mean(), abs=1e-6)
        assert row["second_share"] == pytest.approx((b != 0).mean())
        pairs = np.sign(a[:, None] - b[None])
        assert row["effect"] == pytest.approx(pairs.mean(), abs=1e-9)
        if set(np.unique(dense[:, i])) <= {0, 1}:
            assert row["p"] == pytest.approx(doubled((a != 0).sum(), (b != 0).sum(), len(a), len(b)))
        else:
            expected = stats.mannwhitneyu(a, b, method="asymptotic", use_continuity=False).pvalue
            assert row["p"] == pytest.approx(expected)
    np.testing.assert_allclose(table["adjusted_p"], stats.false_discovery_control(table["p"]))


def test_counts_against_a_cross_table():
    values = pd.Series(RNG.choice(["x", "y", "z", None], 90), dtype="str")
    table = contrast.counts(values, FIRST, SECOND).set_index("value")
    side = pd.Series(
        np.where(np.isin(np.arange(90), FIRST), "a", np.where(np.isin(np.arange(90), SECOND), "b", None))
    )
    cross = pd.crosstab(values, side)
    for name in "xyz":
        assert table.loc[name, "first"] == cross.loc[name, "a"]
        assert table.loc[name, "second"] == cross.loc[name, "b"]
        p = doubled(cross.loc[name, "a"], cross.loc[name, "b"], cross["a"].sum(), cross["b"].sum())
        assert table.loc[name, "p"] == pytest.approx(p)
    assert table["first_share"].sum() == pytest.approx(1)


def test_numbers_leave_missing_values_out():
    table = pd.DataFrame(
        {"node": [f"n{i}" for i in range(90)], "degree": RNG.integers(0, 9, 90), "x": RNG.normal(size=90)}
    )
    table.loc[::7, "x"] = np.nan
    table["empty"] = np.nan
    made = contrast.numbers(table, FIRST, SECOND).set_index("column")
    assert set(made.index) == {"degree", "x"}
    a, b = table["x"].iloc[FIRST].dropna(), table["x"].iloc[SECOND].dropna()
    assert made.loc["x", "first_median"] == pytest.approx(a.median())
    assert made.loc["x", "p"] == pytest.approx(stats.ranksums(a, b).pvalue)


def test_edges_against_networkx():
    graph = nx.gnp_random_graph(90, 0.1, seed=2)
    adjacency = sparse.csr_array(nx.to_scipy_sparse_array(graph, dtype=np.float32))
    made = contrast.linked(adjacency, FIRST, SECOND)
    assert made.inside_first == graph.subgraph(FIRST).number_of_edges()
    assert made.inside_second == graph.subgraph(SECOND).number_of_edges()
    assert made.between == sum(1 for _ in nx.edge_boundary(graph, FIRST, SECOND))
    k, m = dict(graph.degree), graph.number_of_edges()
    expected = sum(k[i] * k[j] / (2 * m) for i in FIRST for j in FIRST if i < j)
    assert made.expected_first == pytest.approx(expected)
    assert made.expected_between == pytest.approx(sum(k[i] * k[j] / (2 * m) for i in FIRST for j in SECOND))


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(DataError):
        contrast.check_groups(FIRST, np.zeros(0, np.int64))
    with pytest.raises(DataError):
        contrast.check_groups(FIRST, np.array([3]))
