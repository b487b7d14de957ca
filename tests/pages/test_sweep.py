"""The Sweep page: the form, a sweep of made trials, and who may do what."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.app import state
from tests.runs.made import make_events, make_graph, make_result
from vgae_core.runs.sweeps.catalogue import SweepCatalogue
from vgae_core.runs.sweeps.manager import Sweeps
from vgae_core.runs.sweeps.study import Study
from vgae_core.settings import RunSpec
from vgae_core.settings.space import Space, value_of
from vgae_core.settings.variable import proposed, variable

TOKEN = "w" * 43


@pytest.fixture
def sweeps(studio_store, studio_engine, monkeypatch):
    studio_engine.slots = 0  # nothing is begun
    sweeps = Sweeps(studio_engine, studio_store)
    monkeypatch.setattr(state, "sweeps", lambda: sweeps)
    yield sweeps
    sweeps.close()


def made_sweep(store, *, objectives=("validation",), n=8):
    """A finished sweep of made trials, and its trials' values."""
    catalogue, graph = SweepCatalogue(store), make_graph()
    space = Space.from_dict(
        {
            "vary": [
                {"key": "training.learning_rate", "low": 0.001, "high": 0.1, "log": True},
                {"key": "model.encoder", "values": ["gcn", "linear"]},
            ],
            "objectives": list(objectives),
            "trials": n,
        }
    )
    sweep_id = catalogue.create(RunSpec(), graph, space, TOKEN)
    study = Study(space, RunSpec())
    rng = np.random.default_rng(0)
    for number in range(n):
        params = study.ask()
        values = rng.random(len(objectives)).tolist()
        run = store.create_run(RunSpec(), graph, TOKEN)
        for event in make_events():
            run.append_event(event)
        run.keep(make_result())
        catalogue.add_trial(sweep_id, number, params, study.point(params))
        catalogue.add_run(sweep_id, number, 0, run.id)
        catalogue.end_trial(sweep_id, number, "complete", values=values, seconds=1.0)
        study.tell(number, "complete", values)
    catalogue.update(sweep_id, status="finished")
    return sweep_id, study


def test_the_form_offers_a_sweep_and_its_command(app, sweeps):
    at = app("sweep", workspace=TOKEN)
    assert not at.exception
    assert not at.error
    assert at.multiselect(key="sweep_vary").value == ["training.learning_rate", "model.latent_dim"]
    assert "python -m vgae_core sweep sample:" in at.code[0].value
    at.multiselect(key="sweep_vary").set_value([]).run()
    assert [error.value for error in at.error]  # nothing varies: said, and no button
    assert "sweep_start" not in [button.key for button in at.button]


def test_start_begins_a_sweep_that_can_be_paused_and_cancelled(app, sweeps):
    at = app("sweep", workspace=TOKEN)
    at.button(key="sweep_start").click().run()
    assert not at.exception
    (info,) = sweeps.catalogue.of_workspace(TOKEN)
    assert info.space.search == "tpe"
    assert [dimension.key for dimension in info.space.vary] == ["training.learning_rate", "model.latent_dim"]
    at.button(key="sweep_pause").click().run()
    assert sweeps.catalogue.info(info.id).status == "paused"
    at.button(key="sweep_close").click().run()
    assert sweeps.catalogue.info(info.id).status == "cancelled"
    assert not at.exception


@pytest.mark.parametrize("objectives", [("validation",), ("validation", "seconds")])
def test_a_finished_sweep_shows_its_trials(app, sweeps, studio_store, objectives):
    _, study = made_sweep(studio_store, objectives=objectives)
    at = app("sweep", workspace=TOKEN)
    assert not at.exception
    assert not at.error
    (shown,) = [frame.value for frame in at.dataframe]
    assert list(shown["trial"]) == list(range(8))
    assert shown["run"].str.startswith("train?run=").all()
    score = shown.columns[shown.columns.str.contains("Validation")][0]
    best = max(range(8), key=lambda number: shown[score][number])
    assert study.best() == best
    assert at.selectbox(key="sweep_choice").options == [str(number) for number in study.front()]
    at.slider[0].set_range(float(shown[score].median()), float(shown[score].max())).run()
    assert len(at.dataframe[0].value) == 4
    assert not at.exception


def test_another_visitor_sees_none_of_it(app, sweeps, studio_store):
    made_sweep(studio_store)
    at = app("sweep", workspace="v" * 43)
    assert not at.dataframe
    assert not at.exception


def test_what_is_proposed_for_each_setting_can_vary():
    spec = RunSpec()
    keys = []
    for setting in variable(spec):
        keys.append(setting.key)
        Space(vary=(proposed(spec, setting),)).check(spec)
        if setting.key != "recipe":
            value_of(spec, setting.key)
    assert {"recipe", "training.learning_rate", "model.encoder", "outputs.z_vars.weight"} <= set(keys)
    assert not {key for key in keys if key.startswith(("dataset", "split", "seed"))}
