"""The automatic choice of a recipe: what is tried, what is chosen, and that the choice repeats by itself."""

import dataclasses

import networkx as nx
import numpy as np
import pytest
from scipy import sparse

from tests.runs.made import WORKSPACE
from vgae_core.catalogue.recipes import RECIPES
from vgae_core.data.dataset import GraphData
from vgae_core.data.link_splits import split_links
from vgae_core.errors import DataError, RunError, SpecError
from vgae_core.runs.folder import RunFolder, write_run_dir
from vgae_core.runs.pipeline import execute
from vgae_core.runs.preparation import prepare
from vgae_core.runs.store import Store
from vgae_core.settings import RunSpec, SplitSpec
from vgae_core.settings.recipes import candidates, recipe_of, with_recipe
from vgae_core.training.events import EpochEnd, Stage, Started, Trial
from vgae_core.training.progress import progress, trials


def graph(*, features: bool) -> GraphData:
    """Return four communities of twelve; the features, where there are any, tell them."""
    g = nx.random_partition_graph([12] * 4, 0.5, 0.02, seed=1)
    rng = np.random.default_rng(0)
    told = np.repeat(np.eye(4, dtype=np.float32), 12, axis=0) * (rng.random((48, 4)) < 0.9)
    return GraphData(
        name="communities", adjacency=sparse.csr_array(nx.to_scipy_sparse_array(g, dtype=np.float32)),
        node_ids=np.arange(48), features=sparse.csr_array(told.astype(np.float32)) if features else None,
    )  # fmt: skip


AUTO = dataclasses.replace(RunSpec().replace("training.epochs", 8), recipe="auto", seed=3)


@pytest.fixture(scope="module", params=[True, False], ids=["features", "no features"])
def chosen(request):
    data, events = graph(features=request.param), []
    return data, events, execute(AUTO, data, on_event=events.append)


def test_every_recipe_that_fits_is_trained(chosen):
    data, events, result = chosen
    names = [n for n, e in RECIPES.items() if e.tried and e.features in (None, data.features is not None)]
    assert [one.recipe for one in trials(events)] == names
    assert len(names) >= 2
    for one in trials(events):
        assert one.epochs == with_recipe(AUTO, one.recipe).training.epochs
        assert one.epochs == 8 * RECIPES[one.recipe].longer
        assert 1 <= one.best_epoch <= one.epoch <= one.epochs
    assert result.metrics["trials"] == [dataclasses.asdict(one) for one in trials(events)]


def test_the_best_on_validation_is_kept_and_its_epochs_are_told(chosen):
    _, events, result = chosen
    best = max(trials(events), key=lambda one: sum(one.val.values()))
    assert result.spec == with_recipe(AUTO, best.recipe)
    assert result.spec.recipe == "own"
    started = [event for event in events if isinstance(event, Started)]
    assert [event.epochs for event in started] == [result.spec.training.epochs]
    epochs = [event for event in events if isinstance(event, EpochEnd)]
    assert [event.epoch for event in epochs] == list(range(1, best.epoch + 1))
    assert result.finished.best_epoch == best.best_epoch
    assert result.metrics["val"]["roc_auc"] == pytest.approx(best.val["roc_auc"], abs=1e-9)


def test_the_choice_by_itself_gives_the_same_result(chosen):
    data, _, result = chosen
    again = execute(result.spec, data)
    np.testing.assert_array_equal(again.z_mean, result.z_mean)
    assert again.metrics["test"] == result.metrics["test"]


def test_a_trial_scores_what_a_run_of_its_recipe_scores(chosen):
    data, events, _ = chosen
    one, told = trials(events)[0], []
    execute(with_recipe(AUTO, one.recipe), data, on_event=told.append)
    best = [event for event in told if isinstance(event, EpochEnd) and event.best][-1]
    assert (best.epoch, best.val) == (one.best_epoch, one.val)


def test_a_model_prepared_ahead_serves_the_first_trial(chosen):
    data, _, result = chosen
    again = execute(AUTO, data, prepared=prepare(AUTO, data, ahead=True))
    np.testing.assert_array_equal(again.z_mean, result.z_mean)


@pytest.mark.parametrize("at", [1, 2])
def test_stopping_leaves_the_rest_untried_and_keeps_the_best_so_far(at):
    data, events = graph(features=True), []
    stop = lambda: len(trials(events)) == at and trials(events)[-1].epoch > 0  # noqa: E731
    result = execute(AUTO, data, on_event=events.append, should_stop=stop)
    tried = trials(events)
    assert [one.recipe for one in tried] == list(candidates(AUTO, has_features=True))[:at]
    assert tried[-1].epoch < tried[-1].epochs
    best = max(tried, key=lambda one: sum(one.val.values()))
    assert result.spec == with_recipe(AUTO, best.recipe)
    assert result.finished.reason == ("cancelled" if best is tried[-1] else "completed")


def test_a_recipe_that_fails_is_passed_over(monkeypatch):
    broken = dataclasses.replace(
        RECIPES["normalised"], settings={"model.decoder": "gravity"}
    )  # directed only
    monkeypatch.setitem(RECIPES, "normalised", broken)
    result = execute(AUTO, graph(features=True))
    first, second = result.metrics["trials"]
    assert "tells directions apart" in first["message"]
    assert not first["val"]
    assert second["message"] == ""
    assert result.spec == with_recipe(AUTO, "masked")

    monkeypatch.setitem(RECIPES, "masked", broken)
    with pytest.raises(SpecError, match="tells directions apart"):
        execute(AUTO, graph(features=True))


def test_what_was_trained_is_what_the_folder_says(chosen, tmp_path):
    data, events, result = chosen
    folder = write_run_dir(tmp_path / "run", AUTO, data, result, events)
    assert folder.spec == result.spec
    assert RunFolder(tmp_path / "run").result().spec == result.spec

    store = Store(tmp_path / "home")
    run = store.create_run(AUTO, data, WORKSPACE)
    assert run.spec.recipe == "auto"
    run.save_result(result)
    assert run.spec == run.info.spec == result.spec


def test_an_unknown_specification_in_a_result_is_told(chosen, tmp_path):
    data, events, result = chosen
    folder = write_run_dir(tmp_path / "run", AUTO, data, result, events)
    (folder.path / "spec.json").write_text('{"colour": "red"}')
    with pytest.raises(RunError, match="Unknown setting `colour`"):
        folder.result()


def test_progress_counts_the_epochs_of_a_trial(chosen):
    _, events, _ = chosen
    until = next(i for i, e in enumerate(events) if isinstance(e, Trial) and e.epoch)
    at = progress(events[: until + 1])
    assert (at.stage, at.trial) == ("trying", events[until])
    assert at.fraction == events[until].epoch / events[until].epochs
    assert progress(events).trial is None
    assert any(isinstance(event, Stage) for event in events)


def test_auto_is_for_graphs_with_validation_edges():
    with pytest.raises(SpecError, match="needs validation edges"):
        AUTO.replace("split.val_fraction", 0.0)
    values = {**AUTO.to_dict(), "model": {"family": "vae", "encoder": "dense"}}
    values["outputs"] = [
        {"name": "output", "loss": "binary_crossentropy"},
        {"name": "z_vars", "loss": "kl_normal"},
    ]
    with pytest.raises(SpecError, match="needs a graph"):
        RunSpec.from_dict(values)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_changes_what_it_says_and_nothing_else_of_data_split_and_outputs(name):
    asked = RunSpec(seed=7).replace("split.test_fraction", 0.2).replace("model.latent_dim", 5)
    found = with_recipe(asked, name)
    assert (found.dataset, found.split, found.seed) == (asked.dataset, asked.split, asked.seed)
    assert found.training.epochs == asked.training.epochs * RECIPES[name].longer
    assert found.model.latent_dim == RECIPES[name].settings.get("model.latent_dim", 64)
    with pytest.raises(SpecError, match="`recipe` is unknown"):
        with_recipe(asked, name + "s")


def test_epochs_stay_within_their_bounds():
    found = with_recipe(RunSpec().replace("training.epochs", 90_000), "masked")
    assert found.training.epochs == 100_000
    assert found.training.patience == 4 * RunSpec().training.patience


@pytest.mark.parametrize("names", [["normalised", "masked", "kipf"], ["positions", "free_vectors"]])
def test_a_specification_tells_its_recipe(names):
    for name in names:
        found = with_recipe(RunSpec(), name)
        assert recipe_of(found, names) == recipe_of(found.replace("training.epochs", 3), names) == name
        assert recipe_of(found.replace("training.learning_rate", 0.02), names) is None
    assert recipe_of(AUTO, names) is None


def test_a_given_split_without_validation_edges_leaves_nothing_to_choose_by():
    data = graph(features=False)
    split = split_links(data, SplitSpec(val_fraction=0.0), 0)
    with pytest.raises(DataError, match="needs validation edges"):
        execute(AUTO, data, split=split)
