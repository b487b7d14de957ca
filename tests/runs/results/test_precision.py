"""Precision at rank against a dense ranking of all pairs."""

import dataclasses

import numpy as np
import pytest

from tests.pages.finished_runs import make_graph, make_result
from vgae_core.runs.results.precision import Precision, measure_precision


@pytest.mark.parametrize(
    "stack", [{}, {"offset": -0.4, "network": 0.7, "shift": 0.1, "above": 0.5, "below": 1.5}]
)
def test_held_out_edges_are_found_among_all_pairs_that_are_neither_training_nor_validation(stack):
    graph = make_graph()
    result = make_result(graph, quality=0.8)
    result = dataclasses.replace(result, model={**result.model, "stack": stack})
    measured = measure_precision(result, graph, 60)
    i, j = np.triu_indices(graph.n_nodes, 1)
    every = np.column_stack([i, j])
    as_set = lambda pairs: {tuple(sorted(pair)) for pair in pairs.tolist()}  # noqa: E731
    known = as_set(result.split.train) | as_set(result.split.val)
    every = np.array([pair for pair in every.tolist() if tuple(pair) not in known])
    scores = result.scorer(graph)(every)
    best = np.argsort(-scores, kind="stable")[:60]
    test = as_set(result.split.test)
    np.testing.assert_allclose(measured.logits, scores[best], rtol=1e-4, atol=1e-5)
    assert measured.hits.tolist() == [tuple(every[place].tolist()) in test for place in best]
    assert measured.n_candidates == len(every)
    assert measured.share == len(test) / len(every)
    assert measured.within(10) == np.mean(measured.hits[:10])


def test_a_score_between_two_ranks_gets_what_lies_between_and_one_below_all_gets_none():
    hits = np.array([True, True, False, True, False, False])
    expected = np.array([1.0, 1.0, 0.5, 0.5, 0.0, 0.0])
    measured = Precision(np.array([6, 5, 4, 3, 2, 1], np.float32), hits, expected, 3, 600)
    np.testing.assert_allclose(measured.at(np.array([9.0, 4.5, 1.0, 0.5])), [1.0, 0.75, 0.0, np.nan])
    assert [measured.first_for(links) for links in (1, 2, 2.5, 3, 4)] == [1, 2, 3, 4, None]
    assert np.isnan(measured.within(0))


def test_without_pairs_nothing_is_expected():
    nothing = Precision(np.zeros(0, np.float32), np.zeros(0, bool), np.zeros(0), 0, 0)
    assert np.isnan(nothing.at(np.array([1.0]))).all()
    assert nothing.first_for(1) is None
    assert nothing.share == 0
