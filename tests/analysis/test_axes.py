"""Latent axes and the profile of a node against SciPy and dense formulas."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from vgae_core.analysis import axes, node_profile
from vgae_core.analysis.latent_use import latent_metrics

RNG = np.random.default_rng(3)
N, D, F = 60, 4, 7
Z = RNG.normal(size=(N, D)).astype(np.float32)
Z[:, 3] = 1e-3 * Z[:, 3]  # collapsed
LOG_VAR = RNG.normal(-1, 0.5, size=(N, D)).astype(np.float32)
LABELS = np.where(RNG.random(N) < 0.2, -1, RNG.integers(0, 3, N))
DEGREE = RNG.integers(0, 9, N)
DENSE = np.where(RNG.random((N, F)) < 0.4, RNG.normal(size=(N, F)), 0).astype(np.float32)
DENSE[:, 6] = 0  # the same everywhere
NAMES = np.array([f"f{i}" for i in range(F)], object)


def test_the_table_of_axes():
    table = axes.axis_table(Z, LOG_VAR, degree=DEGREE, labels=LABELS)
    np.testing.assert_allclose(table["variance"], Z.astype(float).var(axis=0))
    assert table["active"].tolist() == [True, True, True, False]
    whole = latent_metrics(Z, LOG_VAR)
    assert table["kl"].sum() == pytest.approx(whole["kl"], rel=1e-5)
    assert table["active"].sum() == whole["active_units"]
    np.testing.assert_allclose(table["sigma"], np.exp(LOG_VAR / 2).mean(axis=0), rtol=1e-5)
    for axis in range(D):
        rho = stats.spearmanr(Z[:, axis], DEGREE).statistic
        assert table["degree"][axis] == pytest.approx(rho)
        groups = [Z[k == LABELS, axis].astype(float) for k in range(3)]
        f = stats.f_oneway(*groups).statistic  # η² = F (k-1) / (F (k-1) + n - k)
        share = 2 * f / (2 * f + (LABELS >= 0).sum() - 3)
        assert table["labels"][axis] == pytest.approx(share)


@pytest.mark.parametrize("matrix", [DENSE, sparse.csr_array(DENSE)], ids=["dense", "sparse"])
def test_features_and_labels_along_an_axis(matrix):
    summary = node_profile.summarise_columns(matrix)
    np.testing.assert_allclose(summary.mean, DENSE.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(summary.sd, DENSE.std(axis=0), atol=1e-6)
    np.testing.assert_allclose(summary.share, (DENSE != 0).mean(axis=0))
    table = axes.axis_features(Z[:, 0], matrix, NAMES, summary).set_index("feature")
    assert "f6" not in table.index
    for i in range(6):
        expected = stats.pearsonr(DENSE[:, i], Z[:, 0]).statistic
        assert table.loc[f"f{i}", "correlation"] == pytest.approx(expected, rel=1e-4)
    assert np.all(np.diff(np.abs(table["correlation"])) <= 0)
    along = axes.axis_labels(Z[:, 1], LABELS, ("a", "b", "c")).set_index("label")
    known = LABELS >= 0
    for k, name in enumerate("abc"):
        assert along.loc[name, "mean"] == pytest.approx(Z[k == LABELS, 1].mean(), rel=1e-5)
        expected = stats.pearsonr(LABELS[known] == k, Z[known, 1]).statistic
        assert along.loc[name, "correlation"] == pytest.approx(expected, rel=1e-5)
    nodes = np.array([1, 5, 9])
    here = axes.features_of(nodes, matrix, NAMES, summary).set_index("feature")
    score = (DENSE[nodes].mean(axis=0) - DENSE.mean(axis=0))[:6] / DENSE.std(axis=0)[:6]
    np.testing.assert_allclose(here.loc[NAMES[:6], "score"], score, rtol=1e-4, atol=1e-6)


def test_the_ends_of_an_axis_and_a_walk_along_it():
    high, low = axes.ends(Z[:, 2], 3)
    order = np.argsort(Z[:, 2])
    assert low.tolist() == order[:3].tolist()
    assert high.tolist() == order[::-1][:3].tolist()
    for start in (None, 7):
        place = (Z.mean(axis=0) if start is None else Z[start]).astype(float)
        place[2] += 1.5 * Z[:, 2].std()
        expected = np.argsort(((Z - place) ** 2).sum(axis=1))[:5]
        got = axes.place_on(Z, 2, 1.5, start)
        np.testing.assert_allclose(got, place, rtol=1e-5, atol=1e-6)
        assert axes.near_place(Z, got, 5).tolist() == expected.tolist()
    assert axes.near_place(Z, axes.place_on(Z, 0, 0.0, 7), 1).tolist() == [7]


@pytest.mark.parametrize("matrix", [DENSE, sparse.csr_array(DENSE)], ids=["dense", "sparse"])
def test_features_of_a_node_by_what_distinguishes_it(matrix):
    table = node_profile.node_features(matrix, NAMES, node_profile.summarise_columns(matrix), 11)
    score = pd.Series(stats.zscore(DENSE.astype(float), axis=0)[11], NAMES).fillna(0)
    listed = DENSE[11] != 0 if sparse.issparse(matrix) else np.ones(F, bool)
    assert set(table["feature"]) == set(NAMES[listed])
    table = table.set_index("feature")
    np.testing.assert_allclose(table["score"], score[table.index], rtol=1e-4, atol=1e-6)
    assert np.all(np.diff(np.abs(table["score"])) <= 1e-12)
    assert table["value"].to_dict() == dict(zip(NAMES[listed], DENSE[11][listed].astype(float), strict=True))


def test_where_a_node_stands_among_the_others():
    values = np.array([3.0, 1.0, 2.0, 2.0, np.nan])
    assert node_profile.percentile(values, 0) == 100
    assert node_profile.percentile(values, 2) == pytest.approx(
        stats.percentileofscore([3.0, 1.0, 2.0], 2.0, kind="mean")
    )
    assert np.isnan(node_profile.percentile(values, 4))


def test_the_code_of_a_node():
    table = node_profile.code_table(Z, LOG_VAR, node_profile.code_bounds(Z), 8)
    np.testing.assert_allclose(table["mean"], Z[8], rtol=1e-6)
    np.testing.assert_allclose(table["sigma"], np.exp(LOG_VAR[8] / 2), rtol=1e-6)
    np.testing.assert_allclose(table["high"], np.percentile(Z, 95, axis=0))
    assert "sigma" not in node_profile.code_table(Z, None, node_profile.code_bounds(Z), 8)
