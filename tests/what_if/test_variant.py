"""Variants: the same held-out pairs, paired differences against a bootstrap by hand, codes turned onto each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import procrustes
from sklearn.metrics import average_precision_score, roc_auc_score

from tests.what_if.asking import asked, small, spec_of
from tests.what_if.test_model import some_edits
from vgae_core.analysis import paired
from vgae_core.analysis.paired import paired_differences
from vgae_core.data.link_splits import split_links
from vgae_core.errors import DataError, RunError, SpecError
from vgae_core.runs.execution.pipeline import execute
from vgae_core.runs.views.paired_runs import shared_scores
from vgae_core.settings import RunSpec
from vgae_core.what_if.changes import edited_graph
from vgae_core.what_if.model import WhatIf
from vgae_core.what_if.scenario import Scenario, edit
from vgae_core.what_if.variant import Variant, aligned, compare, mark, variant_of, variant_split


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), directed=st.booleans())
def test_a_variant_holds_out_what_is_still_there(seed, directed):
    rng = np.random.default_rng(seed)
    graph = small(40, directed=directed)
    model, _ = asked(spec_of(graph), graph)
    split = split_links(graph, spec_of(graph).split, 1)
    changes = model.changes(some_edits(graph, rng))
    after = edited_graph(graph, changes, "edited")
    found = variant_split(split, changes, after)
    found.check(after)

    def keys(array):
        return {tuple(pair) if directed else tuple(sorted(pair)) for pair in array.tolist()}

    edges = keys(after.edges)
    assert keys(found.test) == keys(split.test) & edges
    assert keys(found.test_neg) == keys(split.test_neg) - edges
    assert keys(found.val) <= keys(split.val) & edges
    assert len(found.val) == len(found.val_neg)
    assert keys(found.train) == edges - keys(found.test) - keys(found.val)


def test_edits_that_leave_nothing_to_test_are_refused():
    graph = small(40)
    model, _ = asked(spec_of(graph), graph)
    split = split_links(graph, spec_of(graph).split, 1)
    names = graph.node_ids
    changes = model.changes(
        [edit("drop_edge", source=names[i], target=names[j]) for i, j in split.test.tolist()]
    )
    with pytest.raises(DataError, match="nothing to train on or to test"):
        variant_split(split, changes, edited_graph(graph, changes, "edited"))


def test_differences_are_those_of_scikit_learn_and_intervals_those_of_a_loop(monkeypatch):
    monkeypatch.setattr(paired, "DRAWS", 400)
    rng = np.random.default_rng(0)
    truth = np.arange(300) < 120
    first = rng.normal(size=300) + truth
    second = first + 0.5 * rng.normal(size=300) + 0.6 * truth
    found = paired_differences(truth, first, second)
    for name, measure in (("roc_auc", roc_auc_score), ("average_precision", average_precision_score)):
        assert found[name].first == pytest.approx(measure(truth, first), abs=1e-6)
        assert found[name].second == pytest.approx(measure(truth, second), abs=1e-6)
        draws = []
        for _ in range(400):
            some = np.concatenate([rng.integers(0, 120, 120), rng.integers(120, 300, 180)])
            draws.append(measure(truth[some], second[some]) - measure(truth[some], first[some]))
        low, high = np.quantile(draws, [0.025, 0.975])
        width = high - low
        assert found[name].low == pytest.approx(low, abs=0.2 * width)
        assert found[name].high == pytest.approx(high, abs=0.2 * width)
        assert not found[name].may_be_chance
    same = paired_differences(truth, first, first)
    assert all(score.difference == 0 and score.may_be_chance for score in same.values())


def test_codes_turned_onto_others_are_those_of_scipy():
    rng = np.random.default_rng(1)
    z = rng.normal(size=(50, 6)).astype(np.float32)
    turn, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    other = (3 * z @ turn + 5).astype(np.float32)
    places, distance = aligned(z, other)
    np.testing.assert_allclose(places, z, atol=1e-4)
    assert distance.max() < 1e-3
    noisy = (other + rng.normal(size=other.shape)).astype(np.float32)
    _, distance = aligned(z, noisy)
    _, _, disparity = procrustes(z, noisy)
    spread = ((z - z.mean(axis=0)) ** 2).sum()
    assert (distance**2).sum() / spread == pytest.approx(disparity, rel=1e-3)


def test_a_variant_is_compared_on_the_pairs_that_both_hold_out():
    graph = small(60)
    spec = RunSpec.from_dict({"model": {"latent_dim": 6}, "training": {"epochs": 8}})
    result = execute(spec, graph)
    model = WhatIf(result, graph)
    names = graph.node_ids
    i, j = (int(k) for k in result.split.test[0])
    scenario = Scenario(
        edits=(
            edit("drop_edge", source=names[i], target=names[j]),
            edit("add_node", name="X", like=names[5]),
        ),
        pair=(names[i], names[j]),
    )
    changes = model.changes(scenario.active)
    after = edited_graph(graph, changes, "edited")
    split = variant_split(result.split, changes, after)
    variant = WhatIf(execute(spec, after, split=split), after)
    truth, first, second = shared_scores(result, variant.result, after)
    assert truth.sum() == len(result.split.test) - 1
    own, other = result.scorer(graph), variant.result.scorer(after)
    pairs = np.concatenate([split.test, split.test_neg])
    np.testing.assert_allclose(np.sort(first), np.sort(own(pairs)), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(np.sort(second), np.sort(other(pairs)), rtol=1e-3, atol=1e-3)
    found = compare(model, variant, scenario)
    assert found.n_edges == len(result.split.test) - 1
    assert found.pair.logit.before == found.without.logit.before == pytest.approx(model.before.logit(i, j))
    assert found.pair.logit.after == pytest.approx(variant.before.logit(i, j))
    assert found.without.logit.after == pytest.approx(model.logit_after(changes, (i, j)), rel=1e-4)
    assert len(found.moved) == 20


def test_what_a_run_is_a_variant_of_is_kept_and_checked(tmp_path):
    assert variant_of(tmp_path) is None
    variant = Variant("abcdefgh", Scenario(edits=(edit("drop_edges", node="A"),), pair=("A", "B")))
    mark(tmp_path, variant)
    assert variant_of(tmp_path) == variant
    (tmp_path / "variant.json").write_text('{"of": 3}')
    with pytest.raises(RunError):
        variant_of(tmp_path)
    (tmp_path / "variant.json").write_text('{"of": "x", "scenario": 4}')
    with pytest.raises(SpecError):
        variant_of(tmp_path)
