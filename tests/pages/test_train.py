"""The Train page with a stand-in for the engine: the test plays the worker."""

from __future__ import annotations

import base64
import dataclasses
import json

import numpy as np
import pytest

from dashboard.app import state
from dashboard.figures import charts
from dashboard.train import live
from tests.pages.finished_runs import finish_run, make_graph, make_result
from tests.runs.made import make_events
from vgae_core.errors import RunError
from vgae_core.host.limits import ServerLimits
from vgae_core.runs.sweeps.manager import Sweeps
from vgae_core.settings import RunSpec
from vgae_core.training.checkpoints import Checkpoint
from vgae_core.training.events import EpochEnd, Finished, Stage, Started
from vgae_core.training.progress import curves, progress

VISITOR = "a-visitor-s-workspace-token-0123456789"


class PlayedEngine:
    """Queues runs in the real store and does nothing with them until the test says so."""

    def __init__(self, store):
        self.store, self.state = store, "ready"
        self.submitted, self.cancelled, self.prepared, self.ahead = [], [], [], 0
        self.newcomers, self.looked_at = [], []

    def warm(self):
        pass

    def prepare(self, spec, graph, *, after=0.0):
        self.prepared.append((spec, graph.fingerprint))

    def close(self):
        pass

    def submit(self, spec, graph, workspace, *, newcomer=False):
        self.newcomers.append(newcomer)
        run = self.store.create_run(spec, graph, workspace)
        self.submitted.append(run.id)
        return run.id

    def look_at(self, run_id):
        self.looked_at.append(run_id)

    def cancel(self, run_id):
        self.cancelled.append(run_id)

    def is_cancelling(self, run_id):
        return run_id in self.cancelled

    def runs_ahead(self, run_id):
        return self.ahead if self.store.open_run(run_id).info.status == "queued" else None


@pytest.fixture
def engine(studio_store, studio_engine, monkeypatch):
    engine = PlayedEngine(studio_store)
    monkeypatch.setattr(state, "engine", lambda: engine)
    return engine


def button(at, key):
    return next((b for b in at.button if b.key == key), None)


def texts(at) -> str:
    elements = [*at.markdown, *at.caption, *at.error, *at.info, *at.warning]
    return "\n".join(str(e.value) for e in elements)


def titles(at) -> list[str]:
    return [e.proto.title for e in (*at.error, *at.info, *at.warning)]


def figure_titles(at) -> list[str]:
    import json

    return [json.loads(c.proto.spec)["layout"]["title"]["text"] for c in at.get("plotly_chart")]


def bar(at):
    return at.get("progress")[0].proto


def test_before_the_first_run_there_is_only_start(app, engine):
    at = app("train")
    assert not at.exception
    assert not button(at, "start").disabled
    assert button(at, "cancel") is None
    assert "Nothing has been trained yet" in titles(at)


def test_the_worker_prepares_what_start_would_begin(app, engine, studio_store):
    at = app("train")
    expected = [(at.session_state["spec"], at.session_state["graph"].fingerprint)]
    assert engine.prepared == expected
    button(at, "start").click().run()
    assert engine.prepared == expected  # nothing beside a run at work
    studio_store.open_run(engine.submitted[0]).append_event(Finished(reason="cancelled", message="Asked to."))
    at.run()
    assert engine.prepared == expected  # nor the same numbers again
    changed = at.session_state["spec"].replace("seed", 1)
    at.session_state["spec"] = changed
    at.run()
    assert engine.prepared[1:] == [(changed, expected[0][1])]


def test_a_worker_that_warms_up_is_told_until_it_is_ready(app, engine):
    engine.state = "starting"
    at = app("train")
    assert "warming up" in texts(at)
    engine.state = "ready"
    at.run()
    assert "warming up" not in texts(at)


def test_start_queues_the_settings_and_names_the_run_in_the_url(app, engine, studio_store):
    at = app("train")
    button(at, "start").click().run()
    assert not at.exception
    (run_id,) = engine.submitted
    assert at.query_params["run"] == run_id
    assert studio_store.open_run(run_id).spec == at.session_state["spec"]
    assert studio_store.open_run(run_id).graph().fingerprint == at.session_state["graph"].fingerprint
    assert button(at, "start").disabled
    assert button(at, "cancel").label == "Cancel"
    assert "waiting for the worker" in bar(at).text


def test_the_place_in_the_queue_is_told(app, engine):
    engine.ahead = 2
    at = app("train")
    button(at, "start").click().run()
    assert "2 runs before this one" in bar(at).text
    assert set(engine.looked_at) == set(engine.submitted)


def test_a_run_at_work_shows_progress_and_every_curve(app, engine, studio_store):
    at = app("train")
    button(at, "start").click().run()
    run = studio_store.open_run(engine.submitted[0])
    run.set_running()
    run.append_event(Stage(name="splitting", at=0))
    at.run()
    assert "Holding out edges" in bar(at).text
    run.append_event(Started(model={}, epochs=200, steps_per_epoch=1, at=0))
    for event in make_events(50):
        if isinstance(event, EpochEnd):
            run.append_event(event)
    at.run()
    assert not at.exception
    assert bar(at).value == 25
    assert "epoch 50 of at most 200" in bar(at).text
    assert "15 s left" in bar(at).text
    assert "(epoch 50)" in bar(at).text
    shown = figure_titles(at)
    assert shown[:2] == ["Validation scores", "Total loss"]
    assert [t.split(": ")[1] for t in shown[2:]] == ["loss", "accuracy", "loss, nats per node"]
    (table,) = at.dataframe
    assert list(table.value["epoch"])[:2] == [50, 49]
    assert {"loss", "adj_rec_loss", "z_vars_loss", "adj_rec_accuracy", "validation AUC"} <= set(table.value)


def test_a_full_disk_is_told_and_pages_still_work(app, engine, studio_store, monkeypatch):
    def refuse(*args, **kwargs):
        raise RunError("The disk of the server is full.", mend="Delete runs.")

    monkeypatch.setattr(studio_store.sessions, "save", refuse)
    monkeypatch.setattr(engine, "submit", refuse)
    at = app("train")
    assert not at.exception
    button(at, "start").click().run()
    assert not at.exception
    assert any("The disk of the server is full" in title for title in titles(at))
    at.session_state["run_id"] = "of-another-server-1"
    at.run()
    assert not at.exception
    assert any("will not find your last changes" in toast.value for toast in at.toast)


def test_the_cost_of_a_run_is_told_before_it_starts(app, engine, monkeypatch):
    at = app("train")
    assert "0.8 GiB of memory" in texts(at)
    graph = make_graph()
    line, warning = live.cost_lines(RunSpec(), graph.profile, ServerLimits(run_memory_bytes=500_000_000))
    assert line == ""
    assert "a run may take 0.5 GB here" in warning
    long = RunSpec().replace("training.epochs", 100_000)
    line, warning = live.cost_lines(long, graph.profile, ServerLimits(turn_seconds=60))
    assert "If another visitor waits, it ends after 60 s" in line
    assert not warning
    _, warning = live.cost_lines(long, graph.profile, ServerLimits(run_seconds=60))
    assert "it ends after 60 s" in warning


def test_who_shows_no_cookie_of_an_earlier_visit_is_a_newcomer(app, engine, studio_store, monkeypatch):
    cookies = {}
    monkeypatch.setattr(state, "_cookies", lambda: cookies)

    def start():
        at = app("train")
        button(at, "start").click().run()
        studio_store.open_run(engine.submitted[-1]).append_event(Finished(reason="cancelled"))
        return at.session_state["workspace"]

    start()
    made_up = cookies[state.COOKIE] = "a-token-that-this-server-never-gave-out"
    assert start() == made_up  # now there is work kept under it
    assert start() == made_up
    assert engine.newcomers == [True, True, False]


def test_a_run_that_the_server_stopped_says_why(app, engine, studio_store):
    graph = make_graph()
    why = "Stopped after 30 min because another visitor's run was waiting."
    result = make_result(graph)
    ended = dataclasses.replace(result.finished, reason="cancelled", message=why)
    run = finish_run(studio_store, graph, dataclasses.replace(result, finished=ended))
    at = app("train", workspace=VISITOR, run=run.id)
    assert "This run was cancelled" in titles(at)
    assert why in texts(at).replace("\\", "")
    assert "Test AUC" in [metric.label for metric in at.metric]


def test_cancel_asks_the_engine_once(app, engine, studio_store):
    at = app("train")
    button(at, "start").click().run()
    button(at, "cancel").click().run()
    assert engine.cancelled == engine.submitted
    assert button(at, "cancel").disabled
    assert "Stop" not in [b.label for b in at.button]
    studio_store.open_run(engine.submitted[0]).append_event(
        Finished(reason="cancelled", message="Cancelled before it started.")
    )
    at.run()
    assert "This run was cancelled" in titles(at)
    assert not button(at, "start").disabled


def test_leaving_and_coming_back_finds_the_run(app, engine, studio_store):
    at = app("train", workspace=VISITOR)
    button(at, "start").click().run()
    run_id = engine.submitted[0]
    at.switch_page("pages/data.py").run()
    at.switch_page("pages/train.py").run()
    name = charts.plain(studio_store.open_run(run_id).info.title)
    assert name in texts(at)
    assert at.query_params["run"] == run_id
    fresh = app("train", workspace=VISITOR)  # a reload: a new session of the same browser
    assert name in texts(fresh)
    assert button(fresh, "cancel") is not None


def test_a_failure_is_told_and_run_again_uses_its_own_settings(app, engine, studio_store):
    spec, graph = RunSpec(seed=99), make_graph()
    run = studio_store.create_run(spec, graph, VISITOR)
    run.append_event(
        Finished(reason="failed", message="The worker process died (out of memory?). Run it again.")
    )
    at = app("train", workspace=VISITOR, run=run.id)
    assert "This run failed" in titles(at)
    assert "worker process died" in texts(at)
    button(at, "again").click().run()
    again = studio_store.open_run(engine.submitted[0])
    assert again.spec == spec
    assert again.graph().fingerprint == graph.fingerprint
    assert at.query_params["run"] == again.id


def test_too_many_runs_are_told(app, engine, monkeypatch):
    def full(*args, **kwargs):
        raise RunError("5 of your runs are waiting already.", mend="Wait for one, or cancel one.")

    monkeypatch.setattr(engine, "submit", full)
    at = app("train")
    button(at, "start").click().run()
    assert not at.exception
    assert any("5 of your runs are waiting" in title for title in titles(at))


def test_the_outcome_stands_beside_the_best_baseline(app, engine, studio_store):
    graph = make_graph()
    result = make_result(graph)
    run = finish_run(studio_store, graph, result)
    at = app("train", workspace=VISITOR, run=run.id)
    assert not at.exception
    metrics = {m.label: m for m in at.metric}
    assert metrics["Test AUC"].value == f"{result.metrics['test']['roc_auc']:.3f}"
    best = max(result.metrics["baselines"].values(), key=lambda row: row["roc_auc"])
    difference = result.metrics["test"]["roc_auc"] - best["roc_auc"]
    assert metrics["Test AUC"].delta == f"{difference:+.3f}"
    pages = [link.proto.label for link in at.get("page_link")]
    assert "Latent space" in pages
    assert at.button(key="see_predicted").label == "See predicted links"


def test_a_stranger_with_the_link_may_look_but_not_cancel(app, engine, studio_store):
    run = studio_store.create_run(RunSpec(), make_graph(), VISITOR)
    run.set_running()
    at = app("train", workspace="another-visitor-s-token-0123456789-0123", run=run.id)
    assert charts.plain(run.info.title) in texts(at)
    assert button(at, "cancel") is None
    assert not button(at, "start").disabled


def test_a_link_to_nothing_says_so(app, engine):
    at = app("train", run="no-such-run-here")
    assert not at.exception
    assert "No such run." in titles(at)
    assert not button(at, "start").disabled


def test_start_tries_the_recipes_by_a_sweep_and_leads_to_it(app, engine, studio_store, monkeypatch):
    engine.slots = 0  # nothing is begun
    sweeps = Sweeps(engine, studio_store)
    monkeypatch.setattr(state, "sweeps", lambda: sweeps)
    try:
        at = app("train", workspace=VISITOR)
        at.session_state["spec"] = dataclasses.replace(RunSpec(), recipe="auto")
        at.run()
        assert button(at, "start").label == "Try the recipes"
        button(at, "start").click().run()
        assert not at.exception
        (info,) = sweeps.catalogue.of_workspace(VISITOR)
        assert [dimension.key for dimension in info.space.vary] == ["recipe"]
        assert info.spec.recipe == "own"
        assert at.query_params["sweep"] == info.id  # the Sweep page
        assert studio_store.list_runs(VISITOR) == []
    finally:
        sweeps.close()


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.2, "less than a second"), (12, "12 s"), (150, "2 min 30 s"), (7300, "2 h 01 min")],
)
def test_time_is_told_as_people_do(seconds, told):
    assert live.duration(seconds) == told


def test_the_best_epoch_is_marked_in_every_figure():
    events = [
        EpochEnd(
            epoch=k, logs={"loss": 1 / k}, val={"roc_auc": 0.5 + (k == 3) / 10}, seconds=0.1, best=k in (1, 3)
        )
        for k in range(1, 9)
    ]
    figure = live.validation_figure(curves(events), progress(events))
    stars = [trace for trace in figure.data if trace.mode == "markers"]
    assert [list(trace.x) for trace in stars] == [[3]]
    assert list(stars[0].y) == [0.6]
    assert live.total_figure(curves(events), progress(events), "log").layout.yaxis.type == "log"


def keep_checkpoint(run, epoch: int) -> None:
    run.save_checkpoint(
        Checkpoint(epoch, 1, 1.5, [np.zeros(2, np.float32)], [np.zeros(2, np.float32)]).to_arrays()
    )


@pytest.mark.parametrize("status", ["finished", "failed"])
def test_a_run_with_a_checkpoint_can_be_gone_on_with(app, engine, studio_store, status):
    asked = []

    def go_on(run, workspace, *, more_epochs=0, newcomer=False):
        asked.append((run.id, more_epochs))
        return run.id

    engine.go_on = go_on
    graph = make_graph()
    if status == "finished":
        run = finish_run(studio_store, graph)
    else:
        run = studio_store.create_run(RunSpec(), graph, VISITOR)
        run.end(Finished(reason="failed", message="The worker process died."))
    at = app("train", run=run.id)
    assert button(at, "resume") is None
    assert button(at, "further") is None
    keep_checkpoint(run, 40)
    at.run()
    assert not at.exception
    if status == "finished":
        at.number_input(key="more_epochs").set_value(30).run()
        button(at, "further").click().run()
        assert asked == [(run.id, 30)]
    else:
        assert "160 epochs left" in button(at, "resume").label
        button(at, "resume").click().run()
        assert asked == [(run.id, 0)]
    assert not at.exception


def test_the_run_before_on_the_same_data_is_grey(app, studio_store):
    graph = make_graph()
    first, second = finish_run(studio_store, graph), finish_run(studio_store, graph)
    other = finish_run(studio_store, make_graph(60))
    for run, scores in ((first, (0.6, 0.7)), (second, (0.8, 0.9)), (other, (0.5, 0.5))):
        for number, auc in enumerate(scores, start=1):
            run.append_event(
                EpochEnd(
                    epoch=number, logs={"loss": 1 / number}, val={"roc_auc": auc}, seconds=0.1, best=True
                )
            )
    at = app("train", workspace=VISITOR, run=second.id)
    assert not at.exception
    drawn = [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]
    (validation,) = (fig for fig in drawn if fig["layout"]["title"]["text"] == "Validation scores")
    grey = [trace for trace in validation["data"] if trace.get("name") == "Previous run"]
    (y,) = (trace["y"] for trace in grey)
    y = y if isinstance(y, list) else np.frombuffer(base64.b64decode(y["bdata"]), y["dtype"])
    np.testing.assert_allclose(y, [0.6, 0.7])
    at = app("train", workspace=VISITOR, run=first.id)
    names = [
        t["name"] for c in at.get("plotly_chart") for t in json.loads(c.proto.spec)["data"] if "name" in t
    ]
    assert "Previous run" not in names  # the other one came later, or is of other data


def test_a_trial_of_a_sweep_says_that_its_scores_are_of_validation_pairs(app, engine, studio_store):
    graph = make_graph()
    result = make_result(graph)
    trial = dataclasses.replace(result, metrics={**result.metrics, "scored_on": "validation"})
    at = app("train", run=finish_run(studio_store, graph, trial).id)
    assert not at.exception
    assert "Validation AUC" in [metric.label for metric in at.metric]
    assert "Test AUC" not in [metric.label for metric in at.metric]
    assert any("trial of a sweep" in info.value for info in at.info)
