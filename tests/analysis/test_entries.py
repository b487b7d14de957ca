"""Entries of a matrix against naive loops and SciPy's distributions."""

import numpy as np
import pytest
import scipy.stats
from scipy import sparse

from vgae_core.analysis import entries
from vgae_core.errors import DataError
from vgae_core.model_parts.heads import HEADS


@pytest.fixture
def factors():
    rng = np.random.default_rng(0)
    left, right = (rng.normal(size=(n, 4)).astype(np.float32) for n in (23, 17))
    known = sparse.random_array((23, 17), density=0.2, rng=rng, format="csr", dtype=np.float32)
    known.data = rng.integers(1, 6, known.nnz).astype(np.float32)
    return left, right, known


@pytest.mark.parametrize("block", [4_000_000, 40])
@pytest.mark.parametrize("k", [1, 7, 1000])
def test_recommended_equals_a_naive_loop(factors, block, k, monkeypatch):
    monkeypatch.setattr(entries, "BLOCK_VALUES", block)
    left, right, known = factors
    seen = known.toarray() != 0
    every = sorted(
        ((i, j) for i in range(23) for j in range(17) if not seen[i, j]),
        key=lambda p: -float(left[p[0]] @ right[p[1]]),
    )[:k]
    told = []
    pairs, logits = entries.recommended(
        left, right, known, k, progress=lambda share, text: told.append(share)
    )
    assert pairs.tolist() == [list(p) for p in every]
    np.testing.assert_allclose(logits, [left[i] @ right[j] for i, j in every], atol=1e-5)
    assert told[-1] == 1.0


def test_recommended_to_one_row_equals_its_part_of_all(factors):
    left, right, known = factors
    pairs, _ = entries.recommended(left, right, known, 10_000)
    for row in (0, 22):
        columns, _ = entries.recommended_to(left, right, known, row, 5)
        assert columns.tolist() == pairs[pairs[:, 0] == row, 1][:5].tolist()
    with pytest.raises(DataError, match="between 0 and 22"):
        entries.recommended_to(left, right, known, 23)


def test_surprise_is_minus_the_log_likelihood():
    y, logits = np.array([1.0, 0.0, 1.0]), np.array([-3.0, 0.5, 4.0])
    p = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(HEADS["logit"].surprise(y, logits), -scipy.stats.bernoulli.logpmf(y, p))
    y = np.array([1.0, 4.0, 0.0])
    for scale in ("log", "softmax", "negative_binomial"):
        np.testing.assert_allclose(
            HEADS[scale].surprise(y, logits), -scipy.stats.poisson.logpmf(y, np.exp(logits))
        )
    normal = -scipy.stats.norm.logpdf(y, logits) - 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(HEADS["identity"].surprise(y, logits), normal)


@pytest.mark.parametrize("scale", list(HEADS))
def test_unexpected_is_sorted_and_complete(factors, scale):
    left, right, known = factors
    pairs, logits, nats = entries.unexpected(left, right, known, 10_000, HEADS[scale])
    assert {tuple(p) for p in pairs.tolist()} == set(zip(*map(list, known.nonzero()), strict=True))
    assert np.all(np.diff(nats) <= 0)
    values = known.toarray()[tuple(pairs.T)]
    np.testing.assert_allclose(nats, HEADS[scale].surprise(values, logits))
    first, *_ = entries.unexpected(left, right, known, 3, HEADS[scale])
    np.testing.assert_array_equal(first, pairs[:3])


@pytest.mark.parametrize("scale", list(HEADS))
def test_extreme_logits_stay_finite(scale):
    logits = np.array([-1e4, 1e4])
    assert np.isfinite(HEADS[scale].expected(logits)).all()
    assert np.isfinite(HEADS[scale].surprise(np.array([1.0, 3.0]), logits)).all()


def test_what_makes_no_sense_is_refused(factors):
    left, right, known = factors
    with pytest.raises(DataError, match="`k`"):
        entries.recommended(left, right, known, 0)
    with pytest.raises(DataError, match="shape"):
        entries.recommended(left, right, known[:5], 3)
