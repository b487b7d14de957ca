"""Stacking: a logistic regression on logits and training-free scores, and where it is used."""

import dataclasses

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from tests.pages.finished_runs import make_graph, make_result
from vgae_core.analysis.baselines import run_baselines
from vgae_core.analysis.calibration import CALIBRATION, calibrated
from vgae_core.analysis.rankings import rank_links_task
from vgae_core.analysis.stacking import LEAST_EDGES, fit_stack, helps, joined, stacked


def made(n=400, seed=0):
    """A logit and two scores, each of which says something of the truth that the others do not."""
    rng = np.random.default_rng(seed)
    truth = np.repeat([1, 0], n // 2)
    logits = 2.0 * truth + rng.normal(scale=2, size=n)
    others = {
        "common_neighbours": rng.poisson(1 + 2 * truth).astype(float),
        "feature_cosine": rng.normal(0.1 + 0.2 * truth, 0.2),  # negative ones count as 0
    }
    return logits, others, truth


def test_the_fit_is_that_of_a_ridge_penalised_likelihood():
    logits, others, truth = made()
    columns = np.column_stack([logits, *(np.log1p(np.clip(v, 0, None)) for v in others.values())])
    mean, spread = columns.mean(axis=0), columns.std(axis=0)
    unit = (columns - mean) / spread

    def cost(w):
        margin = (2 * truth - 1) * (w[0] + unit @ w[1:])
        return np.logaddexp(0, -margin).sum() + 0.5 * w[1:] @ w[1:]

    best = minimize(cost, np.zeros(4), tol=1e-10).x
    stack = fit_stack(logits, others, truth)
    slopes = best[1:] / spread
    assert list(stack) == ["offset", "network", *others, *CALIBRATION]
    np.testing.assert_allclose([stack["network"], *(stack[k] for k in others)], slopes, rtol=1e-3)
    assert stack["offset"] == pytest.approx(best[0] - slopes @ mean, rel=1e-3, abs=1e-3)


def test_joined_is_its_formula_and_leaves_out_what_the_stack_does_not_name():
    stack = {"offset": -1.0, "network": 0.5, "common_neighbours": 2.0}
    others = {"common_neighbours": np.array([0.0, 3.0]), "adamic_adar": np.array([9.0, 9.0])}
    found = joined(np.array([1.0, -2.0]), others, stack)
    assert found.dtype == np.float32
    expected = np.array([-0.5, -2.0 + 2.0 * np.log(4.0)])
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    bent = {"shift": 0.1, "above": 0.4, "below": 2.0}
    found = joined(np.array([1.0, -2.0]), others, stack | bent)
    np.testing.assert_allclose(found, calibrated(expected, bent), rtol=1e-6)


def test_stacking_ranks_new_pairs_better_than_any_of_its_parts():
    stack = fit_stack(*made())
    logits, others, truth = made(seed=1)
    auc = roc_auc_score(truth, joined(logits, others, stack))
    assert auc > max(roc_auc_score(truth, values) for values in (logits, *others.values())) + 0.02
    # and its probabilities are as often right as they say
    p = expit(joined(logits, others, stack))
    assert p[p > 0.5].mean() == pytest.approx(truth[p > 0.5].mean(), abs=0.05)


def test_it_helps_where_other_scores_know_more_and_not_where_they_are_noise():
    logits, others, truth = made()
    assert helps(logits, others, truth)
    rng = np.random.default_rng(3)
    noise = {f"noise_{k}": rng.random(len(truth)) for k in range(6)}
    assert not helps(6.0 * truth + rng.normal(scale=2, size=len(truth)), noise, truth)


def test_it_is_not_used_with_few_validation_edges():
    logits, others, truth = made(2 * LEAST_EDGES)
    assert helps(logits, others, truth)
    few = np.arange(1, 2 * LEAST_EDGES)  # one edge less
    assert not helps(logits[few], {name: values[few] for name, values in others.items()}, truth[few])


def test_a_stacked_score_is_worked_out_from_messages_and_features():
    rng = np.random.default_rng(0)
    message = sparse.random_array((30, 30), density=0.2, rng=rng, format="csr", dtype=np.float32)
    features = rng.random((30, 5)).astype(np.float32)
    pairs = rng.integers(0, 30, (50, 2))
    stack = {"offset": 0.3, "network": 1.0, "resource_allocation": 2.0, "one_hop_cosine": -1.0}
    score = stacked(lambda p: p.sum(axis=1) / 10, stack, message, features)
    found = run_baselines(message, features, pairs)
    expected = 0.3 + pairs.sum(axis=1) / 10
    expected += 2 * np.log1p(found["resource_allocation"]) - np.log1p(np.maximum(found["one_hop_cosine"], 0))
    np.testing.assert_allclose(score(pairs), expected, rtol=1e-5)


@pytest.mark.parametrize("kind", ["sparse", "dense", "none"])
def test_links_are_ranked_in_another_process_as_here(kind):
    graph = make_graph()
    dense = np.random.default_rng(5).random((graph.n_nodes, 8)).astype(np.float32)
    features = {"sparse": sparse.csr_array(dense * (dense > 0.7)), "dense": dense, "none": None}[kind]
    graph = dataclasses.replace(graph, features=features)
    alone = make_result(graph)
    names = run_baselines(graph.adjacency, features, np.zeros((1, 2), np.int64))
    stack = {"offset": 0.0, "network": 0.5, **dict.fromkeys(names, 0.3)}
    result = dataclasses.replace(alone, model={**alone.model, "stack": stack})

    pairs, logits = result.missing_links(graph, 20)
    arrays, options = result.ranking_task(graph, 20)
    told, _ = rank_links_task(arrays, options, lambda share, text: None)
    np.testing.assert_array_equal(told["pairs"], pairs)
    np.testing.assert_allclose(told["logits"], logits, rtol=1e-6)
    # independently: score every pair without an edge, and sort
    i, j = np.triu_indices(graph.n_nodes, 1)
    free = np.asarray(graph.adjacency[i, j]).ravel() == 0
    every = np.column_stack([i[free], j[free]])
    best = np.sort(result.scorer(graph)(every))[::-1][:20]
    np.testing.assert_allclose(logits, best, rtol=1e-6)
    assert not np.array_equal(alone.missing_links(graph, 20)[0], pairs)
