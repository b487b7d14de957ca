"""Sweeps: the search, its rebuilding, trials on real workers, the honest choice."""

from __future__ import annotations

import json
import math
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from tests.cluster import hosts
from tests.runs.made import OTHER, WORKSPACE, make_graph
from tests.runs.workers.test_engine import wait_for
from vgae_core.data.link_splits import split_links
from vgae_core.errors import RunError, SpecError
from vgae_core.host.limits import ServerLimits
from vgae_core.runs.disk.room import StorageError
from vgae_core.runs.store.store import Store
from vgae_core.runs.sweeps import driver, manager
from vgae_core.runs.sweeps.catalogue import SweepCatalogue
from vgae_core.runs.sweeps.choice import optimism, optimism_of, table
from vgae_core.runs.sweeps.driver import validation_split
from vgae_core.runs.sweeps.manager import Sweeps
from vgae_core.runs.sweeps.study import Study
from vgae_core.runs.workers.engine import Engine
from vgae_core.runs.workers.where import Where
from vgae_core.settings import RunSpec
from vgae_core.settings.space import Space

SPEC = RunSpec().replace("training.epochs", 4).replace("training.patience", 0)


def space(**more) -> Space:
    rate = {"key": "training.learning_rate", "low": 1e-4, "high": 1.0, "log": True}
    return Space.from_dict({"vary": [rate, {"key": "model.latent_dim", "values": [4, 8, 16]}], **more})


def hill(point) -> float:
    """Highest at a learning rate of 0.03 with 8 dimensions."""
    return -((math.log10(point["training.learning_rate"] / 0.03)) ** 2) - 0.3 * (
        point["model.latent_dim"] != 8
    )


def search(study, n, start=()):
    for params, value in start:
        study.add(params, "complete", [value])
    tried = list(start)
    while len(tried) < n and (params := study.ask()) is not None:
        tried.append((params, hill(study.point(params))))
        study.tell(len(tried) - 1, "complete", [tried[-1][1]])
    return tried


def test_tpe_finds_a_known_optimum():
    study = Study(space(seed=1), SPEC)
    tried = search(study, 60)
    best = study.point(tried[study.best()][0])
    assert best["model.latent_dim"] == 8
    assert 0.02 < best["training.learning_rate"] < 0.045
    late = [value for _, value in tried[30:]]
    assert np.median(late) > np.median([value for _, value in tried[:10]])  # better than at random
    assert next(iter(study.importance())) == "training.learning_rate"


def test_a_grid_comes_once_each_and_ends():
    study = Study(space(search="grid"), SPEC)
    points = [study.point(params) for params, _ in search(study, 100)]
    assert len(points) == 12
    assert {point["model.latent_dim"] for point in points} == {4, 8, 16}
    rates = sorted({round(math.log10(point["training.learning_rate"]), 3) for point in points})
    assert rates == pytest.approx([-4, -4 + 4 / 3, -4 + 8 / 3, 0], abs=1e-3)
    assert len({json.dumps(point) for point in points}) == 12
    recipes = {"key": "recipe", "values": ["masked", "normalised"]}
    listed = Study(Space.from_dict({"vary": [recipes], "search": "grid", "seed": 3}), SPEC)
    assert [listed.point(listed.ask())["recipe"] for _ in range(2)] == ["masked", "normalised"]


def test_a_grid_larger_than_its_trials_gives_a_random_part():
    study = Study(space(search="grid", trials=6), SPEC)
    points = [study.point(study.ask()) for _ in range(6)]
    assert len({json.dumps(point) for point in points}) == 6
    # In the order listed they would have the first two rates.
    assert len({point["training.learning_rate"] for point in points}) > 2


@pytest.mark.parametrize("how", ["tpe", "random", "grid"])
def test_a_rebuilt_search_goes_on_as_if_never_interrupted(how):
    chosen = space(search=how, seed=4, trials=11)  # fewer than a grid has: their order is drawn
    whole = search(Study(chosen, SPEC), 11)
    assert search(Study(chosen, SPEC), 11, whole[:7]) == whole
    assert search(Study(space(search=how, seed=5, trials=11), SPEC), 11) != whole


def test_weights_of_a_simplex_keep_their_sum_and_fill_it():
    study = Study(Space.from_dict({"simplex": ["adj_rec", "z_vars"], "search": "random"}), SPEC)
    shares = []
    for number in range(200):
        point = study.point(study.ask())
        assert sum(point.values()) == pytest.approx(2.0)
        shares.append(point["outputs.adj_rec.weight"] / 2)
        study.tell(number, "complete", [0.0])
    counts = np.histogram(shares, bins=4, range=(0, 1))[0]
    assert counts.min() > 30  # uniform on the simplex of two


def test_a_front_of_two_objectives_is_that_of_a_plain_loop():
    study = Study(space(objectives=["validation", "seconds"]), SPEC)
    rng = np.random.default_rng(0)
    values = rng.random((25, 2)).round(2)
    for number, pair in enumerate(values):
        study.ask()
        study.tell(number, "complete", list(pair))
    beaten = [any((o[0] >= v[0]) & (o[1] <= v[1]) & (o != v).any() for o in values) for v in values]
    assert study.front() == [i for i, is_beaten in enumerate(beaten) if not is_beaten]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"vary": []}, "Nothing varies"),
        ({"vary": [{"key": "seed", "values": [1]}]}, "cannot vary"),
        ({"vary": [{"key": "split.val_fraction", "values": [0.1]}]}, "cannot vary"),
        ({"vary": [{"key": "training.epochs", "low": 0, "high": 5}]}, "must be between"),
        ({"vary": [{"key": "training.epochs", "low": 1, "high": 10**400}]}, "finite numbers"),
        ({"vary": [{"key": "model.latent_dim", "values": [8], "low": 1}]}, "either"),
        ({"vary": [{"key": "training.learning_rate", "low": 0, "high": 1, "log": True}]}, "0 < low"),
        ({"vary": [{"key": "model.nothing", "values": [8]}]}, "No setting"),
        ({"vary": [{"key": "model.latent_dim", "values": [8]}], "objectives": ["test"]}, "no 'test'"),
        ({"simplex": ["adj_rec", "labels"]}, "No output 'labels' is on"),
    ],
)
def test_a_space_that_makes_no_sense_is_explained(values, message):
    with pytest.raises(SpecError, match=message):
        Space.from_dict(values).check(SPEC)


def test_a_space_survives_json_and_fits_its_schema():
    jsonschema = pytest.importorskip("jsonschema")
    from vgae_core.settings.space import schema

    kept = space(simplex=["adj_rec", "z_vars"], trials=7, objectives=["roc_auc", "seconds"])
    assert Space.from_json(kept.to_json()) == kept
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(json.loads(kept.to_json()), schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"vary": [], "trial": 3}, schema())


def test_optimism_is_that_of_a_plain_loop_and_none_of_a_true_winner():
    rng = np.random.default_rng(1)
    truth = np.repeat([1, 0], 40)
    useless = [[rng.normal(size=80)] for _ in range(12)]
    luck = optimism(useless, 40, resamples=60)
    by_hand = max(roc_auc_score(truth, s) + average_precision_score(truth, s) for (s,) in useless)
    assert luck.best == pytest.approx(by_hand)
    assert luck.by > 0.1
    assert luck.corrected == pytest.approx(1.0, abs=0.12)  # chance: AUC and AP of 0.5
    winner = [[truth * 1.0], [rng.normal(size=80)]]
    assert optimism(winner, 40, resamples=60).by == pytest.approx(0.0)


def test_trials_never_see_the_test_pairs():
    graph = make_graph(60)
    drawn, split = split_links(graph, SPEC.split, SPEC.seed), validation_split(SPEC, graph)
    np.testing.assert_array_equal(split.test, drawn.val)
    np.testing.assert_array_equal(split.train, drawn.train)
    held = {tuple(pair) for pair in drawn.test}
    assert not held & {tuple(pair) for part in (split.train, split.val, split.test) for pair in part}


# ------------------------------------------------------------------------------ real workers
@pytest.fixture(scope="module")
def cluster():
    with hosts(1) as there:
        yield there


class House:
    """A store with engine and sweeps, that can be left and entered again."""

    def __init__(self, root, address, **limits):
        self.limits = ServerLimits(**limits)
        self.store = Store(root, limits=self.limits)
        self.engine = Engine(self.store, Where(address), limits=self.limits)
        self.sweeps = Sweeps(self.engine, self.store, limits=self.limits)

    def leave(self):
        self.sweeps.close()
        self.engine.close()
        self.store.close()

    def trials(self, sweep_id, n=1):
        """The trials, once so many are complete."""
        complete = lambda: sum(t.state == "complete" for t in self.sweeps.catalogue.trials(sweep_id))  # noqa: E731
        wait_for(lambda: complete() >= n)
        return self.sweeps.catalogue.trials(sweep_id)

    def ended(self, sweep_id):
        wait_for(lambda: not self.sweeps.catalogue.info(sweep_id).active)
        return self.sweeps.catalogue.info(sweep_id)


def refuse_at_random(monkeypatch):
    """Stand for another program that holds the catalogue now and then, and for a disk that is full."""
    chance = random.Random(0)
    for module in (manager, driver):
        monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    for name in ("add_trial", "add_run", "end_trial", "update"):
        method = getattr(SweepCatalogue, name)

        def write(*arguments, method=method, **values):
            if chance.random() < 0.4:
                raise StorageError("Refused.")
            return method(*arguments, **values)

        monkeypatch.setattr(SweepCatalogue, name, write)


@pytest.mark.slow
def test_a_sweep_is_the_same_again_and_after_a_restart_in_the_middle(cluster, tmp_path, monkeypatch):
    graph, chosen = make_graph(60), space(trials=4, search="random", prune=False)
    whole = House(tmp_path / "whole", cluster.address)
    sweep_id = whole.sweeps.start(SPEC, graph, chosen, WORKSPACE)
    info = whole.ended(sweep_id)
    expected = whole.sweeps.catalogue.trials(sweep_id)
    assert [trial.state for trial in expected] == ["complete"] * 4
    for trial in expected:  # an ordinary run
        run = whole.store.open_run(trial.runs[0])
        wait_for(lambda run=run: not run.info.active)
        assert run.metrics()["scored_on"] == "validation"
        assert sum(run.metrics()["val"][key] for key in ("roc_auc", "average_precision")) == pytest.approx(
            trial.values[0], abs=1e-6
        )
        assert whole.sweeps.catalogue.parts([run.id])[run.id] == (sweep_id, trial.number, False)
    best = max(expected, key=lambda trial: trial.values[0])
    refit = whole.store.open_run(info.refit)
    wait_for(lambda: not refit.info.active)
    assert info.chosen == best.number
    drawn = split_links(graph, SPEC.split, SPEC.seed)
    np.testing.assert_array_equal(refit.result().split.test, drawn.test)
    assert "scored_on" not in refit.metrics()
    with pytest.raises(RunError, match="happens only once"):
        whole.sweeps.refit(sweep_id, WORKSPACE)
    lost = whole.store.create_run(SPEC, graph, WORKSPACE)
    whole.store.update(lost.id, status="lost")
    whole.sweeps.catalogue.update(sweep_id, refit=lost.id)  # the process died while it was trained again
    again = whole.sweeps.refit(sweep_id, WORKSPACE)
    assert whole.sweeps.catalogue.info(sweep_id).refit == again != lost.id
    whole.engine.cancel(again)
    assert optimism_of(whole.store, expected).n_trials == 4
    assert list(table(info, expected)["state"]) == ["complete"] * 4
    whole.leave()

    first = House(tmp_path / "parts", cluster.address)
    sweep_id = first.sweeps.start(SPEC, graph, chosen, WORKSPACE)
    first.trials(sweep_id, 2)
    first.leave()  # in the middle of a trial, as a rule
    again = House(tmp_path / "parts", cluster.address)
    refuse_at_random(monkeypatch)
    again.ended(sweep_id)
    assert [(t.params, t.values) for t in again.sweeps.catalogue.trials(sweep_id)] == [
        (t.params, t.values) for t in expected
    ]
    again.leave()


@pytest.mark.slow
def test_a_sweep_pauses_goes_on_and_is_cancelled_by_its_owner_only(cluster, tmp_path):
    house = House(tmp_path, cluster.address, sweeps_of_one=1, sweep_runs=50)
    try:
        graph = make_graph(60)
        sweep_id = house.sweeps.start(SPEC, graph, space(trials=25, seeds=2), WORKSPACE)
        with pytest.raises(RunError, match="are still running or paused"):
            house.sweeps.start(SPEC, graph, space(), WORKSPACE)
        with pytest.raises(RunError, match="50 runs"):
            house.sweeps.start(SPEC, graph, space(trials=51), OTHER)
        with pytest.raises(RunError, match="among yours"):
            house.sweeps.pause(sweep_id, OTHER)
        trials = house.trials(sweep_id)
        house.sweeps.pause(sweep_id, WORKSPACE)
        wait_for(lambda: not house.engine._active)
        count = len(house.sweeps.catalogue.trials(sweep_id))
        time.sleep(1)
        assert len(house.sweeps.catalogue.trials(sweep_id)) == count
        assert len(trials[0].runs) == 2
        seeds = [house.store.open_run(run_id).spec.seed for run_id in trials[0].runs]
        assert seeds == [SPEC.seed, SPEC.seed + 1]
        splits = [house.store.open_run(run_id).result().split.val for run_id in trials[0].runs]
        np.testing.assert_array_equal(*splits)  # the same held-out pairs
        house.sweeps.resume(sweep_id, WORKSPACE)
        house.trials(sweep_id, 2)
        house.sweeps.cancel(sweep_id, WORKSPACE)
        wait_for(lambda: not house.engine._active and not house.engine._waiting)
        assert house.sweeps.catalogue.info(sweep_id).status == "cancelled"
    finally:
        house.leave()


@pytest.mark.slow
def test_a_point_that_cannot_be_is_one_failed_trial(cluster, tmp_path):
    house = House(tmp_path, cluster.address)
    try:
        # Masked edges do not go with the loss of all pairs.
        vary = [
            {"key": "training.supervision", "values": ["sampled", "all"]},
            {"key": "training.masked_edges", "values": [0.0, 0.5]},
        ]
        plain = SPEC.replace("outputs.adj_rec.metrics", [])
        sweep_id = house.sweeps.start(
            plain, make_graph(60), Space.from_dict({"vary": vary, "search": "grid"}), WORKSPACE
        )
        house.ended(sweep_id)
        trials = house.sweeps.catalogue.trials(sweep_id)
        (failed,) = [trial for trial in trials if trial.state == "failed"]
        assert failed.point == {"training.supervision": "all", "training.masked_edges": 0.5}
        assert "cannot be masked" in failed.message
        assert len(trials) == 4
    finally:
        house.leave()


def test_whose_sweep_it_is_says_the_catalogue(tmp_path):
    store = Store(tmp_path)
    catalogue = SweepCatalogue(store)
    sweep_id = catalogue.create(SPEC, make_graph(), space(), WORKSPACE)
    assert [info.id for info in catalogue.of_workspace(WORKSPACE)] == [sweep_id]
    assert catalogue.of_workspace(OTHER) == []
    assert catalogue.adopt_orphans() == []  # its process lives
    store.close()
    other = Store(tmp_path)
    assert SweepCatalogue(other).adopt_orphans() == [sweep_id]
    other.close()


@pytest.mark.slow
def test_a_killed_worker_costs_one_trial_and_no_finished_one(cluster, tmp_path):
    house = House(tmp_path, cluster.address)
    try:
        long = SPEC.replace("training.epochs", 400)
        chosen = space(trials=4, search="random", prune=False)
        sweep_id = house.sweeps.start(long, make_graph(60), chosen, WORKSPACE)
        before = house.trials(sweep_id)
        wait_for(lambda: house.engine._active)
        cluster.trainer(0).send_signal(signal.SIGKILL)
        house.ended(sweep_id)
        after = house.sweeps.catalogue.trials(sweep_id)
        assert len(after) == 4
        assert after[0] == before[0]
        states = [trial.state for trial in after]
        assert states.count("complete") >= 3
        for trial in after:
            assert trial.state == "complete" or "worker process died" in trial.message
    finally:
        house.leave()


@pytest.mark.slow
def test_the_command_sweeps_chooses_and_goes_on_where_it_was(cluster, tmp_path):
    chosen = space(trials=2, search="random").to_json()
    (tmp_path / "space.json").write_text(chosen)
    command = [
        *(sys.executable, "-m", "vgae_core", "sweep", "sample:karate-club", "--epochs", "3", "--json"),
        *(
            "--space",
            str(tmp_path / "space.json"),
            "--out",
            str(tmp_path / "out"),
            "--workers",
            cluster.address,
        ),
    ]
    told = []
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr
        told.append([json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")])
    assert [event["event"] for event in told[0]] == ["Trial", "Trial", "Result"]
    assert told[0] == told[1]  # nothing was trained again
    trials, result = told[0][:2], told[0][2]
    best = max(trials, key=lambda trial: trial["values"][0])
    assert result["chosen"] == {"trial": best["trial"], "settings": best["settings"]}
    assert result["test"] == json.loads((Path(result["run"]) / "metrics.json").read_text())["test"]
    assert len((tmp_path / "out" / "trials.csv").read_text().splitlines()) == 3
    other = subprocess.run([*command, "--trials", "3"], capture_output=True, text=True, timeout=240)
    assert other.returncode == 2
    assert "sweep with other settings" in other.stderr
