"""What columns of features show: constants, row numbers, units that differ."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import sparse

from vgae_core.data.dataset import RawGraph
from vgae_core.data.report import inspect

N = 20


def raw_of(form=np.asarray, **columns):
    features = np.column_stack(list(columns.values())).astype(np.float32)
    return RawGraph(
        name="g", rows=np.arange(N - 1), cols=np.arange(1, N), weights=None, node_ids=np.arange(N),
        directed=False, format="test", features=form(features), feature_names=tuple(columns),
    )  # fmt: skip


def told(raw):
    codes = ("constant-columns", "id-like-columns", "different-scales", "own-units")
    return {f.code: f for f in inspect(raw).findings if f.code in codes}


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_each_is_told_with_its_columns(form):
    rng = np.random.default_rng(0)
    found = told(
        raw_of(
            form,
            flag=rng.integers(0, 2, N),
            unit=np.full(N, 4.0),
            row=np.arange(N),
            user_id=rng.permutation(N) + 500,
            weight_kg=rng.normal(70, 5, N),
            population=rng.integers(1_000_000, 900_000_000, N),
            charge=rng.normal(0, 1e-3, N),
        )
    )
    assert found["constant-columns"].examples == ("unit",)
    assert found["id-like-columns"].examples == ("row", "user_id")
    assert found["id-like-columns"].level == "warning"
    assert found["different-scales"].examples == ("charge", "population")
    assert found["own-units"].examples == ("user_id", "weight_kg", "population", "charge")


def test_the_range_is_named_in_the_columns_own_units():
    years = np.random.default_rng(1).integers(1950, 2020, N)
    found = told(raw_of(year=years))
    assert list(found) == ["own-units"]
    assert f"'year' ({years.min()} to {years.max()})" in found["own-units"].message


def test_counts_flags_and_unordered_numbers_are_not_told():
    rng = np.random.default_rng(2)
    assert not told(raw_of(words=rng.poisson(3, N), flag=rng.integers(0, 2, N), rank=rng.permutation(N)))


def test_missing_values_are_passed_over():
    values = np.random.default_rng(3).normal(170, 9, N)
    values[4] = np.nan
    found = told(raw_of(height=values, unit=np.where(np.arange(N) == 2, np.nan, 3.0)))
    assert found["constant-columns"].examples == ("unit",)
    assert f"{np.nanmin(values.astype(np.float32)):.7g}" in found["own-units"].message


def test_a_graph_that_cannot_be_divided_is_told_before_training():
    ends = np.array([(i, j) for i in range(6) for j in range(i + 1, 6)])
    complete = dataclasses.replace(raw_of(flag=np.ones(N)), rows=ends[:, 0], cols=ends[:, 1])
    whole = dataclasses.replace(complete, node_ids=np.arange(6), features=None, feature_names=())
    (finding,) = [f for f in inspect(whole).findings if f.code == "hard-to-split"]
    assert "Every pair of nodes is joined" in finding.message
    assert not [f for f in inspect(complete).findings if f.code == "hard-to-split"]
