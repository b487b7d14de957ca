"""Scaling by kind of column: scikit-learn's numbers, the same sparse and dense, and nothing done to counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from tests.graphs import graph_from
from vgae_core.data.blocks import on_disk
from vgae_core.data.node_inputs import matrix_scaling
from vgae_core.data.scaling import MAX_COUNT, column_scaling, describe_columns
from vgae_core.settings import RunSpec
from vgae_core.settings.defaults import for_family


def scaled(features, **options):
    return column_scaling(describe_columns(features), **options).apply(features)


def table(n=60, seed=0):
    """Return flags, small counts, years, salaries, measurements and a constant, float32 (n, 6)."""
    rng = np.random.default_rng(seed)
    columns = [
        rng.integers(0, 2, n),
        rng.poisson(2.0, n),
        rng.integers(1950, 2020, n),
        rng.integers(20, 140, n) * 1000,
        rng.normal(-3.0, 1e-4, n),
        np.full(n, 7.5),
    ]
    return np.column_stack(columns).astype(np.float32)


def test_each_column_is_scaled_by_what_it_holds():
    features = table()
    result = scaled(features)
    np.testing.assert_array_equal(result[:, :2], features[:, :2])
    expected = StandardScaler().fit_transform(features[:, 2:].astype(np.float64))
    np.testing.assert_allclose(result[:, 2:], expected, rtol=1e-4, atol=1e-4)
    assert result.dtype == np.float32
    assert np.ptp(result[:, 5]) == 0


def test_a_sparse_matrix_gets_the_same_and_stays_sparse():
    rng = np.random.default_rng(1)
    features = np.column_stack([table(), rng.normal(0, 5e4, (60, 3)) * (rng.random((60, 3)) < 0.1)])
    features = features[:, rng.permutation(9)].astype(np.float32)
    dense, result = scaled(features), scaled(sparse.csr_array(features))
    assert sparse.issparse(result)
    assert result.has_sorted_indices
    np.testing.assert_allclose(result.toarray(), dense, rtol=1e-6, atol=1e-6)
    mostly_zero = np.count_nonzero(features, axis=0) < 30
    np.testing.assert_array_equal((result.toarray() == 0)[:, mostly_zero], (features == 0)[:, mostly_zero])


def test_mostly_zero_columns_are_divided_by_the_size_of_their_values_only_where_it_is_extreme():
    large, share = np.zeros(40), np.zeros(40)
    large[[3, 9, 17]], share[[1, 2]] = (3e5, -4e5, 5e5), (0.02, 0.3)
    features = np.column_stack([large, share]).astype(np.float32)
    for result in (scaled(features), scaled(sparse.csr_array(features)).toarray()):
        np.testing.assert_allclose(
            result[:, 0], large / np.sqrt(np.mean(np.square([3e5, 4e5, 5e5]))), rtol=1e-6
        )
        np.testing.assert_array_equal(result[:, 1], features[:, 1])


def test_counts_and_flags_are_the_very_same_object():
    counts = np.random.default_rng(0).poisson(3.0, (50, 8)).astype(np.float32)
    counts[0], counts[1, 0] = 0, MAX_COUNT
    for features in (counts, sparse.csr_array(counts), (counts > 2).astype(np.float32)):
        assert scaled(features) is features
    counts[1, 0] = MAX_COUNT + 1
    assert scaled(counts) is not counts


@settings(max_examples=60)
@given(st.data())
def test_columns_are_described_as_numpy_does(data):
    n, width = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 4))
    value = st.sampled_from([0.0, 0.0, 1.0, 2.0, -3.5, 1e6, float("nan")])
    features = np.array(
        data.draw(st.lists(st.lists(value, min_size=width, max_size=width), min_size=n, max_size=n))
    )
    features = features.astype(np.float32)
    for given_ in (features, sparse.csr_array(features)):
        columns = describe_columns(given_)
        for j in range(width):
            there = features[:, j][~np.isnan(features[:, j])].astype(np.float64)
            there = there if len(there) else np.zeros(1)
            other = there[there != 0]
            assert (columns.low[j], columns.high[j]) == (there.min(), there.max())
            assert columns.mean[j] == pytest.approx(there.mean(), rel=1e-9)
            assert columns.sd[j] == pytest.approx(there.std(), rel=1e-6, abs=1e-9)
            assert columns.size[j] == pytest.approx(np.sqrt(np.mean(other**2)) if len(other) else 0)
            assert columns.filled[j] == len(other)
            assert columns.whole[j] == bool(np.all(there == np.floor(there)))


def test_a_mapped_file_gives_another_with_the_same_numbers():
    features = table(n=300)
    mapped = on_disk(features.shape)
    mapped[:] = features
    result = scaled(mapped)
    assert isinstance(result, np.memmap)
    np.testing.assert_array_equal(np.asarray(result), scaled(features))
    np.testing.assert_array_equal(np.asarray(mapped), features)


def test_a_matrix_is_divided_and_never_centred_and_only_under_losses_of_values():
    rng = np.random.default_rng(3)
    values = sparse.csr_array(rng.normal(5e4, 1e3, (40, 6)) * (rng.random((40, 6)) < 0.8), dtype=np.float32)
    graph = graph_from(np.zeros((40, 40)), values)
    spec = for_family(RunSpec(), "vae", feature_kind=graph.profile.feature_kind, has_labels=False)
    assert matrix_scaling(values, spec) is None  # shares of a row
    scaling = matrix_scaling(values, spec.replace("outputs.output.loss", "mean_squared_error"))
    assert not scaling.centre.any()
    column = values.toarray()[:, 0]
    assert scaling.unit[0] == pytest.approx(np.sqrt(np.mean(column[column != 0] ** 2)), rel=1e-6)
    none = spec.replace("outputs.output.loss", "mean_squared_error").replace("scaling", "none")
    assert matrix_scaling(values, none) is None


def test_the_profile_says_whether_columns_are_in_units_of_their_own():
    bare = np.zeros((60, 60))
    assert graph_from(bare, table()).profile.own_units
    assert not graph_from(bare, table()[:, :2]).profile.own_units
    assert not graph_from(bare).profile.own_units
