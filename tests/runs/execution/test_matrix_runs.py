"""Matrix auto-encoders: held-out entries stay out, every likelihood trains, scores are those of NumPy."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import sklearn.metrics
from scipy import sparse

from tests.dense_entries import dense_ease, dense_logits
from tests.graphs import communities
from vgae_core.analysis import ease
from vgae_core.analysis.baselines import entry_baselines, explained
from vgae_core.analysis.ranking_metrics import ranking_metrics
from vgae_core.catalogue.baselines import baselines_of
from vgae_core.catalogue.losses import LOSSES
from vgae_core.data.entry_splits import split_entries, without_entries
from vgae_core.errors import DataError, SpecError
from vgae_core.runs.execution.pipeline import execute
from vgae_core.runs.results.result_parts import result_from_parts, result_to_parts
from vgae_core.settings import RunSpec, SplitSpec
from vgae_core.settings.defaults import for_family


def counts(n=150, seed=0):
    graph = communities(n=n, seed=seed)
    rng = np.random.default_rng(seed)
    values = graph.features.copy()
    values.data = rng.poisson(3.0, len(values.data)).astype(np.float32) + 1
    return dataclasses.replace(graph, features=values)


def spec_for(graph, **changes):
    spec = for_family(RunSpec(), "vae", feature_kind=graph.profile.feature_kind, has_labels=True)
    for key, value in {"training__epochs": 4, **changes}.items():
        spec = spec.replace(key.replace("__", "."), value)
    return spec


LIKELIHOODS = [name for name, entry in LOSSES.items() if "output" in entry.outputs]


@pytest.mark.parametrize("sparse_input", [True, False])
@pytest.mark.parametrize("loss", LIKELIHOODS)
def test_every_likelihood_trains_or_is_refused_with_the_reason(loss, sparse_input):
    graph = counts()
    spec = spec_for(graph, outputs__output__loss=loss, model__sparse_input=sparse_input)
    if LOSSES[loss].targets and "count" not in LOSSES[loss].targets:
        with pytest.raises(SpecError, match="these are count"):
            execute(spec, graph)
        return
    result = execute(spec, graph)
    assert np.isfinite(result.z_mean).all()
    assert np.isfinite(result.nodes["feature_error"]).all()
    pairs = np.concatenate([result.split.test, result.split.test_neg])
    logits = np.einsum("ij,ij->i", result.left[pairs[:, 0]], result.right[pairs[:, 1]])
    np.testing.assert_allclose(result.scores["model"], logits, rtol=1e-3, atol=1e-4)
    y = np.repeat([1, 0], [len(result.split.test), len(result.split.test_neg)])
    assert result.metrics["test"]["roc_auc"] == pytest.approx(
        sklearn.metrics.roc_auc_score(y, result.scores["model"])
    )


def test_logits_of_a_multinomial_are_logarithms_of_expected_values():
    graph = counts()
    result = execute(spec_for(graph, outputs__output__loss="multinomial"), graph)
    known = without_entries(graph.features, np.concatenate([result.split.val, result.split.test]))
    expected = np.exp(result.left.astype(np.float64) @ result.right.T)
    np.testing.assert_allclose(
        expected.sum(axis=1), np.asarray(known.sum(axis=1)).ravel(), rtol=1e-4, atol=1e-5
    )


def test_baselines_are_factors_of_their_dense_formulas():
    graph = counts(n=40)
    matrix = graph.features.toarray().astype(np.float64)
    factors = entry_baselines(graph.features, 3)
    per_row, per_column = np.count_nonzero(matrix, axis=1), np.count_nonzero(matrix, axis=0)
    u, s, v = np.linalg.svd(matrix)
    truth = {
        "popularity": np.tile(per_column, (40, 1)),
        "row_column": np.outer(per_row, per_column),
        "svd": (u[:, :3] * s[:3]) @ v[:3],
    }
    assert [*factors, "ease"] == [*truth, "ease"] == list(baselines_of("entries"))
    for name, (left, right) in factors.items():
        np.testing.assert_allclose(left @ right.T, truth[name], atol=0.05, err_msg=name)


def test_model_and_baselines_are_ranked_on_the_same_entries():
    graph = counts()
    result = execute(spec_for(graph), graph)
    for scores in (result.metrics["test"], *result.metrics["baselines"].values()):
        assert {"roc_auc", "average_precision", "recall_at_20", "ndcg_at_20"} <= set(scores)


def ranked(scores, seen, held_out, k):
    """Return recall@k and NDCG@k by a loop over rows."""
    recall, ndcg = [], []
    for row in np.unique(held_out[:, 0]):
        wanted = set(held_out[held_out[:, 0] == row, 1])
        order = [j for j in np.argsort(-scores[row]) if seen[row, j] == 0][:k]
        gains = [(j in wanted) / np.log2(place + 2) for place, j in enumerate(order)]
        best = min(k, len(wanted))
        recall.append(sum(j in wanted for j in order) / best)
        ndcg.append(sum(gains) / sum(1 / np.log2(place + 2) for place in range(best)))
    return np.mean(recall), np.mean(ndcg)


@pytest.fixture(scope="module", params=["entries", "rows"])
def combined(request):
    graph = counts(n=300)
    spec = spec_for(graph, split__held_out=request.param, split__val_fraction=0.2, split__test_fraction=0.2)
    return graph, execute(spec, graph)


def seen_and_learnt(graph, split):
    """Return what rows hold as they are scored, and what is learnt from, by loops over the split."""
    seen = graph.features.toarray()
    for row, column in np.concatenate([split.val, split.test]):
        seen[row, column] = 0
    learnt = np.zeros_like(seen)
    for row, column in split.train:
        learnt[row, column] = seen[row, column]
    return seen, learnt


def test_scores_of_a_matrix_combine_network_and_ease(combined):
    graph, result = combined
    split = result.split
    seen, learnt = seen_and_learnt(graph, split)
    network = result.left.astype(float) @ result.right.T
    logits = dense_logits(result.stack, network, learnt, seen)
    pairs = np.concatenate([split.test, split.test_neg])
    truth = np.repeat([1, 0], [len(split.test), len(split.test_neg)])
    ease_scores = dense_ease(learnt, seen, result.stack["penalty"])
    popular = np.tile(np.count_nonzero(learnt, axis=0), (300, 1))
    found = {"model": logits, "network": network, "ease": ease_scores, "popularity": popular}
    measured = {
        "model": result.metrics["test"],
        "network": result.metrics["network"],
        **result.metrics["baselines"],
    }
    for name, scores in found.items():
        of_pairs = scores[tuple(pairs.T)]
        np.testing.assert_allclose(result.scores[name], of_pairs, rtol=2e-3, atol=2e-4, err_msg=name)
        auc = sklearn.metrics.roc_auc_score(truth, of_pairs)
        assert measured[name]["roc_auc"] == pytest.approx(auc, abs=1e-3)
        if name == "popularity":
            continue  # ties
        for k in (20, graph.features.shape[1]):
            recall, ndcg = ranked(scores, seen, split.test, k)
            if k == 20:
                assert measured[name]["recall_at_20"] == pytest.approx(recall, abs=3e-3)
                assert measured[name]["ndcg_at_20"] == pytest.approx(ndcg, abs=3e-3)
    p = 1 / (1 + np.exp(-result.scores["model"].astype(float)))
    assert p.mean() == pytest.approx(0.5, abs=0.1)  # log odds: half of these pairs are entries
    np.testing.assert_allclose(result.scorer(graph)(pairs), result.scores["model"], rtol=1e-4, atol=1e-5)
    whole = graph.features.toarray()
    again = dense_logits(result.stack, result.codes.left.astype(float) @ result.codes.right.T, learnt, whole)
    scores = result.entry_scores(graph)
    shown = scores.logits(scores.products(slice(0, 9)))
    np.testing.assert_allclose(shown, again[:9], rtol=2e-3, atol=2e-3)


def test_held_out_rows_are_scored_from_what_they_keep_and_never_trained_on(combined):
    graph, result = combined
    split = result.split
    if result.spec.split.held_out == "entries":
        assert set(split.test[:, 0]) <= set(split.train[:, 0])
        return
    x = graph.features.toarray()
    per_row = np.count_nonzero(x, axis=1)
    for entries, zeros in ((split.val, split.val_neg), (split.test, split.test_neg)):
        rows, hidden = np.unique(entries[:, 0], return_counts=True)
        assert len(rows) == 60
        assert not set(rows) & set(split.train[:, 0])
        np.testing.assert_array_equal(hidden, np.maximum(np.rint(0.2 * per_row[rows]), 1))
        np.testing.assert_array_equal(np.sort(zeros[:, 0]), np.sort(entries[:, 0]))
        assert (x[tuple(entries.T)] != 0).all()
        assert (x[tuple(zeros.T)] == 0).all()
        assert len(np.unique(zeros, axis=0)) == len(zeros)
    split.check(graph, "vae")
    # Whatever else a held-out row keeps, the run learns the same and codes the others alike.
    row = split.test[0, 0]
    changed = x.copy()
    changed[row, np.flatnonzero(seen_and_learnt(graph, split)[0][row])] = 999
    other = dataclasses.replace(graph, features=sparse.csr_array(changed))
    again = execute(result.spec, other, split=split)
    rest = np.arange(300) != row
    np.testing.assert_array_equal(again.z_mean[rest], result.z_mean[rest])
    assert np.abs(again.z_mean[row] - result.z_mean[row]).max() > 0


def test_too_few_rows_to_hold_out_are_refused():
    values = sparse.csr_array(np.eye(8, 5, dtype=np.float32))
    graph = dataclasses.replace(counts(n=8), features=values)
    with pytest.raises(DataError, match="only 0 have two entries"):
        split_entries(graph, SplitSpec(held_out="rows"), 0)


def test_a_matrix_too_wide_for_ease_says_so(monkeypatch):
    monkeypatch.setattr(ease, "MOST_COLUMNS", 5)
    graph = counts()
    result = execute(spec_for(graph), graph)
    assert not result.stack
    assert "network" not in result.metrics
    assert "ease" not in result.metrics["baselines"]
    assert explained(result.metrics["left_out"]).startswith("Left out: EASE (more than")


def test_training_beats_popularity_and_the_row_means():
    graph = counts(n=300)
    result = execute(spec_for(graph, training__epochs=80, training__batch_size=32), graph)
    assert result.metrics["test"]["roc_auc"] > result.metrics["baselines"]["popularity"]["roc_auc"] + 0.05
    assert result.metrics["features"]["mean_error"] < result.metrics["features"]["column_mean_error"]


def test_same_seed_same_result():
    graph = counts()
    spec = spec_for(graph, training__batch_size=32, model__dropout=0.2)
    one, two = execute(spec, graph), execute(spec, graph)
    np.testing.assert_array_equal(one.z_mean, two.z_mean)
    assert one.metrics == two.metrics


def test_a_changed_held_out_entry_changes_nothing_the_model_learns():
    graph = counts()
    split = split_entries(graph, SplitSpec(), 0)
    changed = graph.features.tolil()
    i, j = split.test[0]
    changed[i, j] = 1000
    other = dataclasses.replace(graph, features=sparse.csr_array(changed))
    spec = spec_for(graph)
    one, two = execute(spec, graph, split=split), execute(spec, other, split=split)
    np.testing.assert_array_equal(one.z_mean, two.z_mean)


@pytest.mark.parametrize("seed", range(5))
def test_held_out_entries_are_entries_and_negatives_are_zeros(seed):
    graph = counts(seed=seed)
    split = split_entries(graph, SplitSpec(val_fraction=0.1, test_fraction=0.2), seed)
    x = graph.features.toarray()
    for name in ("train", "val", "test"):
        assert np.all(x[tuple(getattr(split, name).T)] != 0)
    for name in ("val_neg", "test_neg"):
        assert np.all(x[tuple(getattr(split, name).T)] == 0)
    together = np.concatenate([split.train, split.val, split.test])
    assert len(np.unique(together, axis=0)) == len(together) == np.count_nonzero(x)
    left = without_entries(graph.features, np.concatenate([split.val, split.test])).toarray()
    assert np.count_nonzero(left) == len(split.train)
    had = np.count_nonzero(x, axis=1) > 0
    assert np.all(np.count_nonzero(left, axis=1)[had] > 0)


def test_a_dense_matrix_is_refused_with_the_reason():
    graph = communities(dense=True)
    with pytest.raises(DataError, match="zeros"):
        execute(spec_for(graph), graph)


def test_ranking_metrics_equal_a_naive_loop():
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(12, 3)).astype(np.float32), rng.normal(size=(30, 3)).astype(np.float32)
    seen = sparse.random_array((12, 30), density=0.2, rng=rng, format="csr")
    free = np.argwhere(seen.toarray() == 0)
    held = free[rng.permutation(len(free))[:40]]
    k, recalls, gains = 5, [], []
    for row in np.unique(held[:, 0]):
        wanted = set(held[held[:, 0] == row, 1])
        order = [j for j in np.argsort(-(right @ left[row])) if seen[row, j] == 0][:k]
        hits = [j in wanted for j in order]
        recalls.append(sum(hits) / min(k, len(wanted)))
        ideal = sum(1 / np.log2(r + 2) for r in range(min(k, len(wanted))))
        gains.append(sum(h / np.log2(r + 2) for r, h in enumerate(hits)) / ideal)
    got = ranking_metrics(left, right, seen, held, k)
    assert got["recall_at_5"] == pytest.approx(np.mean(recalls))
    assert got["ndcg_at_5"] == pytest.approx(np.mean(gains))
    assert set(got) == {"recall_at_5", "ndcg_at_5", "recall_at_30", "ndcg_at_30"}
    assert got["recall_at_30"] == 1.0


def test_a_result_survives_its_folder_form():
    graph = counts()
    result = execute(spec_for(graph), graph)
    again = result_from_parts(*result_to_parts(result), n_nodes=graph.n_nodes)
    np.testing.assert_array_equal(again.right, result.right)
    np.testing.assert_array_equal(again.split.test, result.split.test)


@pytest.mark.parametrize(
    ("key", "value", "fragment"),
    [("model.encoder", "gcn", "not one of a vae"), ("model.family", "vgae", "not one of a vgae")],
)
def test_families_do_not_mix(key, value, fragment):
    graph = counts()
    with pytest.raises(SpecError, match=fragment):
        spec_for(graph).replace(key, value)
