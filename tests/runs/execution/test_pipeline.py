"""Whole runs: reproducible, leak-free, cancellable, and what each output leaves behind."""

from __future__ import annotations

import contextlib
import dataclasses
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
import sklearn.metrics
from scipy import sparse

from tests.graphs import batches_of, communities, graph_from, karate
from vgae_core.analysis.calibration import CALIBRATION, calibrated
from vgae_core.analysis.stacking import LEAST_EDGES, joined
from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.catalogue.recipes import RECIPES
from vgae_core.data.link_splits import split_links
from vgae_core.errors import DataError, RunError, SpecError
from vgae_core.nn.models import build, describe
from vgae_core.nn.objectives import compile_arguments
from vgae_core.runs.execution.pipeline import execute
from vgae_core.runs.execution.preparation import prepare
from vgae_core.runs.store.folder import write_run_dir
from vgae_core.settings import RunSpec
from vgae_core.settings.defaults import for_family, offered_outputs
from vgae_core.settings.recipes import with_recipe
from vgae_core.settings.resolved_outputs import resolve
from vgae_core.training.events import EpochEnd, Finished, Stage, Started


def spec_for(graph, *on, **changes):
    offered = offered_outputs(feature_kind=graph.profile.feature_kind, has_labels=graph.profile.n_classes > 1)
    outputs = [o.to_dict() | {"enabled": o.enabled or o.name in on} for o in offered]
    spec = RunSpec.from_dict({"outputs": outputs, "training": {"epochs": 5}, "model": {"latent_dim": 8}})
    for key, value in changes.items():
        spec = spec.replace(key.replace("__", "."), value)
    return spec


def run(graph, spec, **kwargs):
    events = []
    return execute(spec, graph, on_event=events.append, **kwargs), events


@pytest.mark.parametrize("encoder", [name for name, entry in ENCODERS.items() if "vgae" in entry.families])
@pytest.mark.parametrize("batch", [0, 64])
def test_same_seed_same_result(encoder, batch):
    graph = communities()
    spec = spec_for(
        graph,
        "x_rec",
        "labels",
        model__encoder=encoder,
        training__batch_size=batch,
        model__dropout=0.2,
        model__input_dropout=0.1,
        model__batch_normalisation=True,
    )
    one, _ = run(graph, spec)
    two, _ = run(graph, spec)
    other, _ = run(graph, spec.replace("seed", 1))
    np.testing.assert_array_equal(one.z_mean, two.z_mean)
    assert one.metrics == two.metrics
    assert one.metrics["test"] != other.metrics["test"]


@pytest.mark.parametrize("family", ["vgae", "vae"])
@pytest.mark.parametrize("batch", [0, 64])
def test_a_run_prepared_ahead_gives_the_same_numbers(family, batch):
    """In another thread, with another model built in between: as a worker does it."""
    graph = communities()
    spec = spec_for(
        graph,
        "x_rec",
        "labels",
        training__batch_size=batch,
        training__kl_warmup_epochs=3,
        model__dropout=0.2,
        model__input_dropout=0.1,
        model__batch_normalisation=True,
    )
    if family == "vae":
        spec = for_family(spec, "vae", feature_kind=graph.profile.feature_kind, has_labels=True)
    straight, events = run(graph, spec)
    with ThreadPoolExecutor(1) as thread:
        prepared = thread.submit(prepare, spec, graph, ahead=True).result()
    describe(spec.replace("seed", 1), graph.profile)
    ahead, told = run(graph, spec, prepared=prepared)
    epochs, same = ([e for e in all_ if isinstance(e, EpochEnd)] for all_ in (events, told))
    assert [(e.epoch, e.logs, e.val, e.best) for e in epochs] == [
        (e.epoch, e.logs, e.val, e.best) for e in same
    ]
    assert straight.metrics == ahead.metrics
    np.testing.assert_array_equal(straight.z_mean, ahead.z_mean)
    for name, value in straight.state.items():
        np.testing.assert_array_equal(value, ahead.state[name])
    assert [e.name for e in told if isinstance(e, Stage)] == ["scoring", "baselines", "whole"]


def test_others_may_build_models_while_a_run_does_anything_but_build_its_own():
    graph = communities()
    spec = spec_for(graph).replace("training.epochs", 3)
    other = RunSpec().replace("model.latent_dim", 3).replace("model.dropout", 0.5)
    inside, built = [], []

    @contextlib.contextmanager
    def building():
        inside.append(True)
        yield
        inside.pop()
        built.append(describe(other, graph.profile))

    def on_event(event):
        assert not inside  # neither while the data are split, nor for eigenvectors or the first step
        built.append(describe(other, graph.profile))

    alone, beside = execute(spec, graph), execute(spec, graph, on_event=on_event, building=building)
    assert len(built) > 6
    assert alone.metrics["test"] == beside.metrics["test"]
    np.testing.assert_array_equal(alone.z_mean, beside.z_mean)


def test_events_tell_the_whole_story():
    graph = communities()
    result, events = run(graph, spec_for(graph, "x_rec", "labels", outputs__z_vars__metrics=["active_units"]))
    assert [e.name for e in events if isinstance(e, Stage)] == [
        "splitting",
        "building",
        "scoring",
        "baselines",
        "whole",
    ]
    started = next(e for e in events if isinstance(e, Started))
    assert started.epochs == 5
    epochs = [e for e in events if isinstance(e, EpochEnd)]
    assert [e.epoch for e in epochs] == [1, 2, 3, 4, 5]
    for e in epochs:
        weights = {"adj_rec": 1.0, "z_vars": 1 / graph.n_nodes, "x_rec": 0.1, "labels": 0.1}
        assert e.logs["loss"] == pytest.approx(
            sum(w * e.logs[f"{k}_loss"] for k, w in weights.items()), rel=1e-4
        )
        assert {"adj_rec_accuracy", "labels_accuracy", "z_vars_active_units"} <= set(e.logs)
        assert set(e.val) == {"roc_auc", "average_precision"}
    best = max(epochs, key=lambda e: sum(e.val.values()))
    assert result.finished.best_epoch == best.epoch
    assert [e.epoch for e in epochs if e.best][-1] == best.epoch
    assert isinstance(events[-1], Finished)
    assert result.metrics["val"]["roc_auc"] == pytest.approx(best.val["roc_auc"], abs=1e-9)


def test_reported_scores_are_those_of_scikit_learn_on_the_kept_arrays():
    graph = communities()
    result, _ = run(graph, spec_for(graph))
    y = np.r_[np.ones(len(result.split.test)), np.zeros(len(result.split.test_neg))]
    pairs = np.r_[result.split.test, result.split.test_neg]
    logits = np.einsum("ij,ij->i", result.z_mean[pairs[:, 0]], result.z_mean[pairs[:, 1]])
    expected = joined(logits, {}, result.stack)  # calibrated on the validation pairs
    np.testing.assert_allclose(result.scores["model"], expected, rtol=1e-4, atol=1e-4)
    for name, scores in result.scores.items():
        reported = result.metrics["test"] if name == "model" else result.metrics["baselines"][name]
        assert reported["roc_auc"] == pytest.approx(sklearn.metrics.roc_auc_score(y, scores), abs=1e-9)


def test_stacking_joins_scores_that_need_no_training_and_keeps_the_network_s_own_beside(tmp_path):
    graph = communities()
    spec = spec_for(graph, split__val_fraction=0.15, model__latent_dim=1)
    result, _ = run(graph, spec)
    alone, _ = run(graph, spec.replace("stacking", False))
    assert set(result.stack) == {"offset", "network", *CALIBRATION, *result.metrics["baselines"]}
    assert set(alone.stack) == {"offset", "network", *CALIBRATION}  # the network alone, as probabilities
    assert "network" not in alone.metrics
    slope, offset = alone.stack["network"], alone.stack["offset"]
    np.testing.assert_allclose(
        calibrated(offset + slope * result.scores["network"], alone.stack),
        alone.scores["model"],
        rtol=1e-4,
        atol=1e-4,
    )
    assert result.metrics["network"] == pytest.approx(alone.metrics["test"], abs=1e-9)
    assert result.metrics["val"] == alone.metrics["val"]
    assert result.metrics["test"] != alone.metrics["test"]
    assert result.metrics["test"]["roc_auc"] > alone.metrics["test"]["roc_auc"]
    y = np.r_[np.ones(len(result.split.test)), np.zeros(len(result.split.test_neg))]
    pairs = np.r_[result.split.test, result.split.test_neg]
    auc = sklearn.metrics.roc_auc_score(y, result.scores["model"])
    assert result.metrics["test"]["roc_auc"] == pytest.approx(auc, abs=1e-9)

    kept = write_run_dir(tmp_path / "run", spec, graph, result, []).result()
    assert kept.stack == result.stack
    np.testing.assert_allclose(kept.scorer(graph)(pairs), result.scores["model"], rtol=1e-5, atol=1e-6)
    i, j = pairs[-1]
    planted = dataclasses.replace(graph, adjacency=graph.adjacency + graph_from_pair(i, j, graph.n_nodes))
    np.testing.assert_array_equal(result.scorer(planted)(pairs), result.scorer(graph)(pairs))


def graph_from_pair(i, j, n):
    return sparse.csr_array((np.ones(2, np.float32), ([i, j], [j, i])), shape=(n, n))


def test_few_validation_edges_are_not_stacked():
    result, _ = run(communities(), spec_for(communities()))
    assert len(result.split.val) < LEAST_EDGES
    assert set(result.stack) == {"offset", "network", *CALIBRATION}  # calibrated all the same
    assert set(result.scores) == {"model", *result.metrics["baselines"]}


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_planted_test_edge_changes_nothing_the_model_learns(recipe):
    graph = communities()
    if RECIPES[recipe].features is False:
        graph = graph_from(graph.adjacency)
    spec = with_recipe(spec_for(graph, training__epochs=3), recipe)
    split = split_links(graph, spec.split, 0)
    planted = graph.adjacency.tolil()
    i, j = split.test_neg[0]
    planted[i, j] = planted[j, i] = 1
    with_edge = graph_from(planted.tocsr(), graph.features, graph.labels)
    more = dataclasses.replace(split, test=np.vstack([split.test, [[i, j]]]), test_neg=split.test_neg[1:])
    one, _ = run(graph, spec, split=split)
    two, _ = run(with_edge, spec, split=more)
    np.testing.assert_array_equal(one.z_mean, two.z_mean)


def test_cancel_ends_within_an_epoch_and_keeps_what_was_learnt():
    graph = communities()
    seen = []
    spec = spec_for(graph, training__epochs=1000)
    result = execute(
        spec, graph, on_event=seen.append, should_stop=lambda: sum(isinstance(e, EpochEnd) for e in seen) >= 3
    )
    assert sum(isinstance(e, EpochEnd) for e in seen) == 4
    assert result.finished.reason == "cancelled"
    assert result.z_mean.shape == (graph.n_nodes, 8)


def test_early_stopping_waits_for_its_patience_from_the_first_of_equal_epochs():
    graph = karate()
    spec = spec_for(graph, training__epochs=500, training__patience=7, training__learning_rate=1e-6)
    result, events = run(graph, spec)
    epochs = [e for e in events if isinstance(e, EpochEnd)]
    assert len({tuple(e.val.values()) for e in epochs}) == 1  # steps so small change no rank
    assert result.finished.reason == "early_stopped"
    assert (result.finished.best_epoch, epochs[-1].epoch) == (1, 8)


def test_the_last_weights_are_kept_where_the_specification_says_so():
    graph = karate()
    asked = {"training__epochs": 30, "training__patience": 3, "training__learning_rate": 0.3}
    best, _ = run(graph, spec_for(graph, **asked))
    last, events = run(graph, spec_for(graph, **asked, training__keep="last"))
    epochs = [e for e in events if isinstance(e, EpochEnd)]
    assert best.finished.reason == "early_stopped"
    assert last.finished.reason == "completed"
    assert last.finished.best_epoch == len(epochs) == 30
    # The validation scores of the result are those of the last epoch, not of the best one.
    assert last.metrics["val"]["roc_auc"] == pytest.approx(epochs[-1].val["roc_auc"], abs=1e-6)
    assert max(e.val["roc_auc"] for e in epochs) > epochs[-1].val["roc_auc"]


@pytest.mark.parametrize("batch", [0, 16])
def test_warm_up_raises_the_kl_weight_linearly(batch):
    graph = karate()
    spec = spec_for(
        graph, training__kl_warmup_epochs=4, training__batch_size=batch, outputs__z_vars__weight=34.0
    )
    _, events = run(graph, spec)
    for e in [e for e in events if isinstance(e, EpochEnd)]:
        weight = min(1.0, e.epoch / 4)
        assert e.logs["loss"] == pytest.approx(
            e.logs["adj_rec_loss"] + weight * e.logs["z_vars_loss"], rel=1e-4
        )


def test_optimiser_steps_follow_the_batch_size():
    graph = karate()
    steps = {}

    class Count(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            steps["n"] = int(self.model.optimizer.iterations)

    n = len(split_links(graph, spec_for(graph).split, 0).train)
    for size in (1, 10, 33, 0):
        execute(spec_for(graph, training__batch_size=size, training__epochs=2), graph, callbacks=[Count()])
        assert steps["n"] == 2 * (-(-n // size) if size else 1)


def test_node_outputs_leave_their_arrays_and_beat_trivial_answers():
    graph = communities(n=300)
    spec = spec_for(
        graph,
        "x_rec",
        "labels",
        training__epochs=150,
        outputs__x_rec__weight=1.0,
        outputs__labels__weight=1.0,
    )
    result, _ = run(graph, spec)
    probabilities = result.nodes["label_probabilities"]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    test = result.nodes["label_part"] == 2
    scores = result.metrics["labels"]
    assert scores["n_test"] == test.sum() > 0
    assert scores["accuracy"] == pytest.approx(np.mean(probabilities[test].argmax(1) == graph.labels[test]))
    assert scores["accuracy"] > scores["majority_accuracy"] + 0.3
    features = result.metrics["features"]
    assert features["mean_error"] < features["column_mean_error"]
    assert features["mean_error"] == pytest.approx(result.nodes["feature_error"].mean(), rel=1e-5)
    x = graph.features.toarray()
    assert features["column_mean_error"] == pytest.approx(
        sklearn.metrics.log_loss(x.ravel(), np.broadcast_to(x.mean(0), x.shape).ravel()), rel=1e-3
    )


def test_plain_auto_encoder_pays_no_divergence():
    graph = karate()
    result, events = run(graph, spec_for(graph, model__variational=False))
    assert result.z_log_var is None
    assert all(e.logs["z_vars_loss"] == 0 for e in events if isinstance(e, EpochEnd))


def test_without_validation_edges_the_lowest_loss_is_best():
    graph = karate()
    result, events = run(graph, spec_for(graph, split__val_fraction=0.0))
    epochs = [e for e in events if isinstance(e, EpochEnd)]
    assert result.finished.best_epoch == min(epochs, key=lambda e: e.logs["loss"]).epoch
    assert "val" not in result.metrics


def test_a_loss_that_overflows_at_once_is_an_error_with_the_remedy():
    graph = communities(dense=True)
    huge = dataclasses.replace(graph, features=graph.features * np.float32(1e25))
    with pytest.raises(RunError) as caught:
        run(huge, spec_for(huge, "x_rec", scaling="none"))
    assert "`x_rec`" in caught.value.message
    largest = np.abs(huge.features).max(axis=0).argmax()
    low, high = huge.features[:, largest].min(), huge.features[:, largest].max()
    assert f"Input column {largest + 1} holds values from {low:.7g} to {high:.7g}" in caught.value.message
    assert "set `scaling` to `by_kind`" in caught.value.message
    scaled, _ = run(huge, spec_for(huge, "x_rec"))
    assert np.isfinite(scaled.nodes["feature_error"]).all()


def test_a_run_that_diverges_later_says_so_and_keeps_its_best_weights():
    graph = communities()

    class Spoil(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 2:
                self.model.set_weights([w * np.nan for w in self.model.get_weights()])

    result, events = run(graph, spec_for(graph, training__epochs=50), callbacks=[Spoil()])
    epochs = [e for e in events if isinstance(e, EpochEnd)]
    assert result.finished.reason == "failed"
    assert "Lower the learning rate" in result.finished.message
    assert [e.epoch for e in epochs] == [1, 2, 3]
    best = max(epochs, key=lambda e: sum(e.val.values()))
    assert result.finished.best_epoch == best.epoch
    assert result.metrics["val"]["roc_auc"] == pytest.approx(best.val["roc_auc"], abs=1e-9)


def test_a_graph_too_small_to_split_is_refused():
    with pytest.raises(DataError):
        run(graph_from(np.array([[0, 1], [1, 0]])), spec_for(karate()))


def test_the_model_beats_every_baseline_on_planted_communities():
    graph = communities(n=400, seed=1)
    result, _ = run(graph, spec_for(graph, training__epochs=150, model__latent_dim=32))
    best = max(scores["roc_auc"] for scores in result.metrics["baselines"].values())
    assert result.metrics["test"]["roc_auc"] > best


@pytest.mark.parametrize("loss", ["binary_crossentropy", "weighted_binary_crossentropy"])
def test_all_pairs_train_on_the_dense_loss(loss):
    graph = communities()
    spec = spec_for(graph, "x_rec", "labels", training__supervision="all", outputs__adj_rec__loss=loss)
    split = split_links(graph, spec.split, spec.seed)
    built = build(spec, graph.profile)
    compiled, notes = compile_arguments(resolve(spec, graph.profile))
    built.model.compile(**compiled)
    batches = batches_of(graph, split, spec, np.zeros(graph.n_nodes, np.int8))
    x, y, w = next(iter(batches.dataset))
    logs = built.model.test_on_batch(x, y, w, return_dict=True)
    z = built.encoder(batches.encoder_inputs[0], training=False)["z_mean"].numpy()
    logits = z @ z.T
    target = np.eye(graph.n_nodes)
    target[tuple(split.train.T)] = target[tuple(split.train.T[::-1])] = 1
    count, edges = target.size, 2 * len(split.train)
    weighted = loss.startswith("weighted")
    pos_weight, norm = ((count - edges) / edges, count / (2 * (count - edges))) if weighted else (1, 1)
    value = pos_weight * target * np.logaddexp(0, -logits) + (1 - target) * np.logaddexp(0, logits)
    assert logs["adj_rec_loss"] == pytest.approx(norm * value.mean(), rel=1e-4)
    assert any(note.became == "left out" for note in notes)
    result, events = run(graph, spec)
    losses = [event.logs["adj_rec_loss"] for event in events if isinstance(event, EpochEnd)]
    assert losses[-1] < losses[0]
    assert np.isfinite(result.metrics["test"]["roc_auc"])


def test_all_pairs_refuse_a_loss_that_is_not_a_cross_entropy():
    graph = karate()
    spec = spec_for(graph, training__supervision="all", outputs__adj_rec__loss="focal")
    with pytest.raises(SpecError, match="all pairs"):
        execute(spec, graph)


@pytest.mark.parametrize("node_input", ["random", "spectral", "spectral_table"])
@pytest.mark.parametrize("encoder", ["normalised", "sage"])
def test_a_graph_without_features_may_be_given_some(node_input, encoder):
    graph = karate()
    spec = spec_for(graph, model__node_input=node_input, model__encoder=encoder, model__input_dim=10)
    result, events = run(graph, spec)
    again, _ = run(graph, spec)
    np.testing.assert_array_equal(result.z_mean, again.z_mean)
    stages = [e.name for e in events if isinstance(e, Stage)]
    assert ("positions" in stages) == (node_input != "random")  # which may take longer than the training
    assert result.model["inputs"]["features"].startswith("34 x 1")
    assert set(result.metrics["baselines"]).isdisjoint({"feature_cosine", "one_hop_cosine"})
    assert result.metrics["latent"]["latent_dim"] == 8
