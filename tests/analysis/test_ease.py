"""EASE against regressions solved one by one, and its sum with another score."""

import numpy as np
from scipy import sparse
from scipy.special import log_softmax
from sklearn.linear_model import Ridge

from tests.dense_entries import dense_logits
from vgae_core.analysis import ease
from vgae_core.analysis.entry_scores import combined
from vgae_core.analysis.ranking_metrics import ranking_metrics


def counts(n=60, d=14, seed=0):
    """Rows of three kinds, whose counts go together."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, n)
    rate = np.where(np.arange(d)[None, :] % 3 == kind[:, None], 2.0, 0.2)
    return sparse.csr_array(rng.poisson(rate).astype(np.float32))


def test_each_column_is_a_ridge_regression_on_the_others():
    matrix = counts()
    dense, penalty = matrix.toarray().astype(float), 2.5
    weights = ease.column_weights(matrix, penalty)
    assert (np.diag(weights) == 0).all()
    for column in range(dense.shape[1]):
        others = np.delete(np.arange(dense.shape[1]), column)
        ridge = Ridge(alpha=penalty, fit_intercept=False).fit(dense[:, others], dense[:, column])
        np.testing.assert_allclose(weights[others, column], ridge.coef_, rtol=1e-3, atol=1e-4)


def test_values_are_damped_whatever_their_sign():
    matrix = sparse.csr_array(np.array([[0.0, 3.0], [-3.0, 0.0]], np.float32))
    np.testing.assert_allclose(ease.damped(matrix).toarray(), [[0, np.log(4)], [-np.log(4), 0]], rtol=1e-6)
    assert matrix[0, 1] == 3.0


def held_out(matrix, seed=0):
    """Return the matrix without a fifth of its entries, and these."""
    coo = matrix.tocoo()
    out = np.random.default_rng(seed).random(coo.nnz) < 0.2
    known = sparse.csr_array((coo.data[~out], (coo.row[~out], coo.col[~out])), shape=coo.shape)
    return known, np.column_stack([coo.row[out], coo.col[out]]).astype(np.int64)


def test_the_penalty_is_the_first_best_by_validation_entries():
    known, validation = held_out(counts(200, 30))
    (left, right), penalty = ease.fit_ease(known, validation)
    unit = (left.toarray() ** 2).sum() / left.shape[1]
    ndcg = [
        ranking_metrics(left, ease.column_weights(left, share * unit).T, known, validation)["ndcg_at_20"]
        for share in ease.PENALTIES
    ]
    rises = next((i for i in range(1, len(ndcg)) if ndcg[i] <= ndcg[i - 1]), len(ndcg))
    assert penalty == ease.PENALTIES[rises - 1]
    np.testing.assert_allclose(right, ease.column_weights(left, penalty * unit).T, rtol=1e-3, atol=1e-5)
    again, same = ease.fit_ease(known, validation, penalty)
    assert same == penalty
    np.testing.assert_array_equal(again[1], right)


def test_entries_are_scored_one_by_one_and_without_validation_entries_too():
    known, _ = held_out(counts())
    factors, penalty = ease.fit_ease(known, np.zeros((0, 2), np.int64))
    assert penalty == 1.0
    pairs = np.random.default_rng(0).integers(0, [60, 14], (40, 2))
    dense = factors[0].toarray() @ factors[1].T
    np.testing.assert_allclose(
        ease.score_entries(factors, pairs), dense[pairs[:, 0], pairs[:, 1]], rtol=1e-4, atol=1e-6
    )


def test_weights_are_those_of_a_conditional_logit(monkeypatch):
    known, validation = held_out(counts(300, 30), seed=1)
    factors, _ = ease.fit_ease(known, validation)
    rng = np.random.default_rng(3)
    network = (rng.normal(size=(300, 4)).astype(np.float32), rng.normal(size=(30, 4)).astype(np.float32))
    monkeypatch.setattr(ease, "AGAINST", 3000)  # about every column, many times
    monkeypatch.setattr(ease, "SHARES", (1.0,))
    weighed = ease.weigh(network, factors, known, validation, np.random.default_rng(0))
    held = sparse.csr_array((np.ones(len(validation)), validation.T), shape=known.shape)
    free = (known + held).toarray() == 0
    first, second = network[0] @ network[1].T, factors[0].toarray() @ factors[1].T

    def likelihood(a, b):
        scores = a * first + b * second
        found = [
            log_softmax(np.append(scores[i, j], np.repeat(scores[i, free[i]], 100)))[0]
            for i, j in validation[:200]
        ]
        return np.mean(found)

    best = likelihood(weighed.network, weighed.ease)
    for a, b in ((0.3, 0), (-0.3, 0), (0, 2), (0, -2)):
        assert likelihood(weighed.network + a, weighed.ease + b) < best + 0.02
    assert weighed.ease > 0
    assert abs(weighed.network) < 0.2  # noise says nothing


def test_of_the_network_counts_the_least_share_that_ranks_as_well_as_the_best():
    rng = np.random.default_rng(0)
    truth = rng.random((80, 40)) < 0.2
    validation = np.argwhere(truth & (rng.random((80, 40)) < 0.5))
    held = np.zeros_like(truth)
    held[tuple(validation.T)] = True
    known = sparse.csr_array((truth & ~held).astype(np.float32))
    knows, noise = held + 0.1 * rng.random((80, 40)), rng.random((80, 40))
    identity = np.eye(40, dtype=np.float32)
    for network, ease_scores, share in ((knows, noise, 1.0), (noise, knows, 0.2)):
        factors = (
            (network.astype(np.float32), identity),
            (sparse.csr_array(ease_scores.astype(np.float32)), identity),
        )
        assert ease._least_share(np.array([0.5, 0.5]), *factors, known, validation) == share


def test_combined_scores_are_those_of_dense_formulas_for_any_rows():
    known, validation = held_out(counts())
    stack = {"offset": -1.0, "network": 0.5, "ease": 2.0, "row_values": 0.3, "penalty": 1.0}
    stack |= {"shift": 0.2, "above": 0.7, "below": 1.3}
    factors, _ = ease.fit_ease(known, validation, stack["penalty"])
    rng = np.random.default_rng(0)
    network = (rng.normal(size=(60, 3)).astype(np.float32), rng.normal(size=(14, 3)).astype(np.float32))
    scores = combined(stack, network, factors[1], known)
    expected = dense_logits(stack, network[0] @ network[1].T, known.toarray(), known.toarray())
    np.testing.assert_allclose(scores.logits(scores.products(slice(None))), expected, rtol=1e-3, atol=1e-3)
    pairs = np.column_stack([rng.integers(0, 60, 40), rng.integers(0, 14, 40)])
    np.testing.assert_allclose(scores(pairs), expected[tuple(pairs.T)], rtol=1e-3, atol=1e-3)
    rows = counts(n=5, seed=9)
    others = scores.of_rows(network[0][:5], rows)
    expected = dense_logits(stack, network[0][:5] @ network[1].T, known.toarray(), rows.toarray())
    np.testing.assert_allclose(others.logits(others.products(slice(None))), expected, rtol=1e-3, atol=1e-3)
