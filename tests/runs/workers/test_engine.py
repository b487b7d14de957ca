"""The engine with a real worker process: training, cancelling, dying, leaving nothing behind."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import math
import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from scipy import sparse

from tests.runs.made import OTHER, WORKSPACE, make_graph
from vgae_core.data.dataset import GraphData
from vgae_core.data.repairs import repair
from vgae_core.data.samples import load_sample
from vgae_core.errors import RunError, StudioError
from vgae_core.host.limits import ServerLimits
from vgae_core.runs.processes import environment
from vgae_core.runs.processes.background import NICENESS
from vgae_core.runs.store import worked_out
from vgae_core.runs.store.folder import read_run_dir
from vgae_core.runs.store.resuming import can_continue, left
from vgae_core.runs.store.store import Store
from vgae_core.runs.views.node_tables import node_columns
from vgae_core.runs.workers import cluster as cluster_module
from vgae_core.runs.workers import worker_pool
from vgae_core.runs.workers import workers as workers_module
from vgae_core.runs.workers.engine import Engine
from vgae_core.runs.workers.where import Where
from vgae_core.settings import RunSpec
from vgae_core.settings.defaults import for_family
from vgae_core.training.events import Stage

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the local cluster needs POSIX processes")

SHORT = RunSpec().replace("training.epochs", 3)
ENDLESS = RunSpec().replace("training.epochs", 100_000).replace("training.patience", 0)


def wait_for(condition, *, seconds: float = 240.0):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return value


def busy() -> float:
    """How many times longer things take because others use this machine too; 1 when nobody does."""
    return max(1.0, os.getloadavg()[0] / os.cpu_count())


def worker_process() -> psutil.Process:
    """The one process below us that holds TensorFlow."""
    return max(psutil.Process().children(recursive=True), key=lambda p: p.memory_info().rss)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("home"))
    yield store
    store.close()


@pytest.fixture(scope="module")
def engine(store):
    engine = Engine(store)
    engine.warm()
    wait_for(lambda: engine.state != "starting", seconds=120)
    assert engine.state == "ready", engine.problem
    yield engine
    engine.close()
    assert engine.state == "closed"
    assert [p for p in psutil.Process().children() if "dask" in " ".join(p.cmdline())] == []


def test_a_run_tells_its_epochs_and_leaves_a_result(engine, store):
    graph = make_graph(60)
    run = store.open_run(engine.submit(SHORT, graph, WORKSPACE))
    wait_for(lambda: not run.info.active)
    assert run.info.status == "finished", run.info.message
    assert [e.epoch for e in run.history()] == [1, 2, 3]
    kinds = [type(e).__name__ for e in run.events()]
    assert kinds.count("Finished") == 1
    assert kinds[-1] == "Finished"
    result = run.result()
    assert result.z_mean.shape == (60, SHORT.model.latent_dim)
    kept, _ = worked_out.load(run.path, worked_out.FIRST_VIEW)
    np.testing.assert_array_equal(kept["community"], node_columns(result, graph)["community"])
    assert run.info.metrics["test"]["roc_auc"] == result.metrics["test"]["roc_auc"]
    assert engine.runs_ahead(run.id) is None


def reply(engine) -> str:
    """What the worker answered when it was asked to prepare a run."""
    return wait_for(lambda: engine._workers.cluster._ahead)[2].result(timeout=120)


def test_a_run_prepared_ahead_starts_at_its_first_epoch_and_ends_the_same(engine, store):
    graph = make_graph(60)
    told = {}
    for prepared in (graph, None):
        wait_for(lambda: not (engine._active or engine._waiting))
        if prepared is not None:
            engine.prepare(SHORT, prepared)
            assert reply(engine) == ""
        run = store.open_run(engine.submit(SHORT, graph, WORKSPACE))
        wait_for(lambda run=run: not run.info.active)
        stages = [e.name for e in run.events() if isinstance(e, Stage)]
        assert ("building" in stages) == (prepared is None)
        told[prepared is None] = run.metrics(), run.result().z_mean
    assert told[True][0] == told[False][0]
    np.testing.assert_array_equal(told[True][1], told[False][1])


def test_another_run_is_not_held_up_by_the_one_prepared(engine, store):
    graph = make_graph(60)
    engine.prepare(SHORT.replace("seed", 7), graph)
    run = store.open_run(engine.submit(SHORT, graph, WORKSPACE))
    wait_for(lambda: not run.info.active)
    assert run.info.status == "finished", run.info.message
    assert "building" in [e.name for e in run.events() if isinstance(e, Stage)]


def test_settings_being_edited_are_prepared_once_they_stay(engine, store):
    graph = make_graph(60)
    wait_for(lambda: not (engine._active or engine._waiting))
    engine.prepare(SHORT.replace("seed", 11), graph, after=120.0)
    engine.prepare(SHORT, graph, after=0.2)
    wait_for(lambda: engine._next_run is None)
    assert wait_for(lambda: engine._workers.cluster._ahead)[0] == SHORT.to_json()
    assert reply(engine) == ""
    run = store.open_run(engine.submit(SHORT, graph, WORKSPACE))
    wait_for(lambda: not run.info.active)
    assert "building" not in [e.name for e in run.events() if isinstance(e, Stage)]


def test_what_cannot_be_prepared_is_told_by_its_run(engine, store):
    pair = GraphData(
        name="pair",
        adjacency=sparse.csr_array(np.array([[0, 1], [1, 0]], np.float32)),
        node_ids=np.arange(2),
    )
    wait_for(lambda: not (engine._active or engine._waiting))
    engine.prepare(SHORT, pair)
    assert "edges" in reply(engine)
    run = store.open_run(engine.submit(SHORT, pair, WORKSPACE))
    wait_for(lambda: not run.info.active)
    assert run.info.status == "failed"
    assert "edges" in run.info.message


def test_models_of_large_runs_are_not_built_ahead(idle):
    engine, _ = idle
    engine._workers.state = "ready"
    engine.prepare(
        SHORT.replace("model.latent_dim", 1024).replace("model.hidden_units", (1024,)), make_graph(3000)
    )
    assert not engine._next_run.small
    engine.prepare(SHORT, make_graph(60))
    assert engine._next_run.small


def test_training_steps_back_behind_the_pages(engine):
    assert worker_process().nice() - psutil.Process().nice() == NICENESS


def test_the_server_has_no_tensorflow(tmp_path):
    code = """
import sys, pathlib
from vgae_core.data.dataset import Profile
from vgae_core.runs.workers.engine import Engine
from vgae_core.runs.store.store import Store
from vgae_core.settings import RunSpec

engine = Engine(Store(pathlib.Path(sys.argv[1])))
profile = Profile(10, 20, 0, 0, None, False, 0, False, False)
assert engine.describe(RunSpec(), profile)["parameters"] > 0
print(sorted({"tensorflow", "keras"} & set(sys.modules)))
engine.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_cancelling_acts_within_an_epoch_and_a_second(engine, store):
    run = store.open_run(engine.submit(ENDLESS, make_graph(60), WORKSPACE))
    wait_for(lambda: len(run.history()) > 2)
    epoch = max(e.seconds for e in run.history()[1:])
    asked = time.time()
    engine.cancel(run.id)
    wait_for(lambda: not run.info.active)
    ended = next(e.at for e in run.events() if isinstance(e, Stage) and e.name == "scoring")
    assert ended - asked < (epoch + 1.0) * busy()
    assert run.info.status == "cancelled"
    assert run.has_result  # what was learnt so far is kept


def test_others_wait_and_may_give_up(engine, store):
    graph = make_graph(60)
    first = store.open_run(engine.submit(ENDLESS, graph, WORKSPACE))
    second = store.open_run(engine.submit(SHORT, graph, OTHER))
    third = store.open_run(engine.submit(SHORT, graph, WORKSPACE))
    wait_for(lambda: first.history())
    assert first.info.status == "running"
    assert engine.runs_ahead(first.id) is None
    assert (second.info.status, engine.runs_ahead(second.id)) == ("queued", 1)
    assert (third.info.status, engine.runs_ahead(third.id)) == ("queued", 2)
    engine.cancel(second.id)
    assert second.info.status == "cancelled"
    assert engine.runs_ahead(third.id) == 1
    engine.cancel(first.id)
    wait_for(lambda: not third.info.active)
    assert third.info.status == "finished"
    assert second.history() == []


def test_a_model_is_described_while_another_trains(engine, store):
    graph = make_graph(60)
    run = store.open_run(engine.submit(ENDLESS, graph, WORKSPACE))
    wait_for(lambda: run.history())
    small = engine.describe(RunSpec().replace("model.latent_dim", 5), graph.profile)
    large = engine.describe(RunSpec().replace("model.latent_dim", 50), graph.profile)
    assert run.info.status == "running"
    engine.cancel(run.id)
    assert large["parameters"] == 10 * small["parameters"]
    assert {layer["name"] for layer in small["layers"]} >= {"adj_rec", "latent"}
    wait_for(lambda: not run.info.active)


def test_a_model_that_cannot_be_is_explained(engine):
    spec = RunSpec.from_dict(
        {"outputs": [*RunSpec().to_dict()["outputs"], {"name": "x_rec", "loss": "poisson"}]}
    )
    bare = GraphData(name="bare", adjacency=make_graph(9).adjacency, node_ids=np.arange(9))
    with pytest.raises(StudioError, match="no features"):
        engine.describe(spec, bare.profile)


def test_a_run_that_cannot_be_fails_with_a_reason(engine, store):
    adjacency = sparse.csr_array((np.ones(2, np.float32), ([0, 1], [1, 0])), shape=(2, 2))
    tiny = GraphData(name="tiny", adjacency=adjacency, node_ids=np.arange(2))
    run = store.open_run(engine.submit(SHORT, tiny, WORKSPACE))
    wait_for(lambda: not run.info.active)
    assert run.info.status == "failed"
    assert "Traceback" not in run.info.message
    assert len(run.info.message) > 20


def test_a_killed_worker_ends_one_run_only(engine, store):
    graph = make_graph(60)
    run = store.open_run(engine.submit(ENDLESS, graph, WORKSPACE))
    waiting = store.open_run(engine.submit(SHORT, graph, WORKSPACE))
    wait_for(lambda: run.history())
    worker_process().send_signal(signal.SIGKILL)
    wait_for(lambda: not run.info.active)
    assert run.info.status == "failed"
    assert "worker process died" in run.info.message
    assert "Resume or restart it" in run.info.message
    assert run.history()  # what it told stays
    wait_for(lambda: not waiting.info.active)
    assert waiting.info.status == "finished", waiting.info.message


def test_a_killed_run_is_gone_on_with_from_its_checkpoint(engine, store, monkeypatch):
    monkeypatch.setattr(cluster_module, "CHECKPOINT_SECONDS", 0.2)
    graph, spec = make_graph(60), SHORT.replace("training.epochs", 600).replace("training.patience", 0)
    whole = store.open_run(engine.submit(spec, graph, WORKSPACE))
    run = store.open_run(engine.submit(spec, graph, WORKSPACE))
    wait_for(lambda: not whole.info.active)
    wait_for(run.checkpoint_path.exists)
    worker_process().send_signal(signal.SIGKILL)
    wait_for(lambda: not run.info.active)
    assert run.info.status == "failed"
    assert can_continue(run)
    rest = left(run)
    assert 0 < rest < 600
    resumed = store.open_run(engine.go_on(run, WORKSPACE))
    wait_for(lambda: not resumed.info.active)
    assert resumed.info.status == "finished", resumed.info.message
    assert [e.epoch for e in resumed.history()] == list(range(1, 601))
    assert resumed.metrics()["test"] == pytest.approx(whole.metrics()["test"], abs=1e-6)
    assert resumed.metrics()["val"] == pytest.approx(whole.metrics()["val"], abs=1e-6)
    np.testing.assert_allclose(resumed.result().z_mean, whole.result().z_mean, atol=1e-6)
    assert left(resumed) == 0
    further = store.open_run(engine.go_on(resumed, WORKSPACE, more_epochs=7))
    wait_for(lambda: not further.info.active)
    assert len(further.history()) == 607
    with pytest.raises(RunError, match="all its epochs"):
        engine.go_on(whole, WORKSPACE)


def test_a_killed_scheduler_is_replaced(engine, store):
    run = store.open_run(engine.submit(ENDLESS, make_graph(60), WORKSPACE))
    wait_for(lambda: run.history())
    (scheduler,) = [
        p for p in psutil.Process().children() if "distributed.Scheduler" in " ".join(p.cmdline())
    ]
    scheduler.kill()
    wait_for(lambda: not run.info.active)
    assert run.info.status == "failed"
    again = store.open_run(engine.submit(SHORT, make_graph(60), WORKSPACE))
    wait_for(lambda: not again.info.active)
    assert again.info.status == "finished", again.info.message


def test_a_worker_that_grew_is_started_afresh(engine, store, monkeypatch):
    wait_for(lambda: engine.state == "ready")
    before = worker_process().pid
    monkeypatch.setattr(worker_pool, "RECYCLE_ABOVE_BYTES", 1)
    run = store.open_run(engine.submit(SHORT, make_graph(60), WORKSPACE))
    wait_for(lambda: not run.info.active)
    wait_for(lambda: not psutil.pid_exists(before))
    monkeypatch.undo()
    wait_for(lambda: engine.state == "ready" and worker_process().pid != before)
    again = store.open_run(engine.submit(SHORT, make_graph(60), WORKSPACE))
    wait_for(lambda: not again.info.active)
    assert (run.info.status, again.info.status) == ("finished", "finished")


# ---------------------------------------------------------------------------- taking turns
def test_a_run_ends_after_its_turn_if_another_visitor_waits(engine, store, monkeypatch):
    graph = make_graph(60)
    monkeypatch.setattr(engine, "_limits", ServerLimits(turn_seconds=1))
    long = store.open_run(engine.submit(ENDLESS, graph, WORKSPACE))
    again = store.open_run(engine.submit(SHORT, graph, WORKSPACE))  # one's own runs may take their time
    wait_for(lambda: long.history() and time.time() - long.events()[0].at > 1.5)
    assert long.info.status == "running"
    other = store.open_run(engine.submit(SHORT, graph, OTHER))
    assert (engine.runs_ahead(other.id), engine.runs_ahead(again.id)) == (1, 2)
    wait_for(lambda: not long.info.active)
    monkeypatch.undo()
    wait_for(lambda: not (other.info.active or again.info.active))
    assert long.info.status == "cancelled"
    assert long.info.message.startswith("Stopped after 1 s because another visitor's run was waiting.")
    assert long.result().finished.message == long.info.message
    assert (other.info.status, again.info.status) == ("finished", "finished")


def test_a_run_that_nobody_looks_at_ends_and_one_that_waits_does_not_begin(engine, store, monkeypatch):
    graph = make_graph(60)
    seconds = math.ceil(busy())
    monkeypatch.setattr(engine, "_limits", ServerLimits(unwatched_seconds=seconds))
    watched = store.open_run(engine.submit(ENDLESS, graph, WORKSPACE))
    waiting = store.open_run(engine.submit(SHORT, graph, OTHER))
    end = time.monotonic() + 2 * seconds
    while time.monotonic() < end or not watched.history():
        engine.look_at(watched.id)
        time.sleep(0.05)
    assert watched.info.status == "running"
    wait_for(lambda: not watched.info.active)
    assert f"nobody had viewed it for {seconds} s" in watched.info.message
    wait_for(lambda: not waiting.info.active)
    assert (waiting.info.status, waiting.history()) == ("cancelled", [])
    assert "nobody was waiting for it" in waiting.info.message


def test_a_run_that_does_not_end_is_ended_with_its_worker(engine, store, monkeypatch):
    graph = make_graph(60)
    monkeypatch.setattr(engine, "_limits", ServerLimits(ending_seconds=1))
    wait_for(lambda: engine.state == "ready")
    monkeypatch.setattr(
        engine._workers.cluster, "_ask_to_stop", lambda run_id: None
    )  # as in a stage that does not look
    run = store.open_run(engine.submit(ENDLESS, graph, WORKSPACE))
    wait_for(run.history)
    engine.cancel(run.id)
    wait_for(lambda: not run.info.active)
    assert run.info.status == "failed"
    assert "did not stop when asked to" in run.info.message
    after = store.open_run(engine.submit(SHORT, graph, WORKSPACE))
    wait_for(lambda: not after.info.active)
    assert after.info.status == "finished", after.info.message


@pytest.mark.parametrize(
    "error", [ValueError("unforeseen"), asyncio.CancelledError(), OSError(28, "No space")]
)
def test_no_error_ends_the_queue(engine, store, monkeypatch, error):
    def fail(*args, **kwargs):
        raise error

    wait_for(lambda: engine.state == "ready")
    with monkeypatch.context() as patch:
        patch.setattr(engine._workers.cluster, "execute", fail)
        run = store.open_run(engine.submit(SHORT, make_graph(60), WORKSPACE))
        wait_for(lambda: not run.info.active)
    assert "bug in the app" in run.info.message
    after = store.open_run(engine.submit(SHORT, make_graph(60), WORKSPACE))
    wait_for(lambda: not after.info.active)
    assert after.info.status == "finished", after.info.message


@pytest.mark.skipif(not environment.at_start(), reason="nothing to start a process with")
def test_the_worker_alone_is_started_with_huge_pages(engine):
    with_it = [
        process
        for process in psutil.Process().children(recursive=True)
        if "hugetlb" in process.environ().get("GLIBC_TUNABLES", "")
    ]
    assert with_it == [worker_process()]


@pytest.mark.skipif(environment.processors() < 2, reason="needs two processors")
def test_a_run_of_large_steps_gets_a_worker_with_more_threads(engine, store, monkeypatch):
    def train(**kwargs):
        run = store.open_run(engine.submit(SHORT, make_graph(60), WORKSPACE))
        wait_for(lambda: not run.info.active)
        assert run.info.status == "finished", run.info.message
        return run.result().environment["intra_op_threads"]

    assert train() == 1
    small = worker_process().pid
    with monkeypatch.context() as patch:
        patch.setattr(environment, "SMALL_STEP_WORK", 0.0)
        engine._workers._exchanged = time.monotonic()
        engine.prepare(SHORT, make_graph(60))
        wait_for(lambda: engine._next_run is None)
        assert engine._workers.threads == 1, "not exchanged so soon again for what may come"
        engine._workers._exchanged = -workers_module.EXCHANGE_SECONDS
        engine.prepare(SHORT, make_graph(60))
        wait_for(lambda: engine._workers.threads == environment.processors())
        # Asked while there is no worker, or by the one that goes: the next one answers.
        profile = make_graph(61).profile
        assert engine.describe(SHORT, profile)["parameters"] > 0
        assert not psutil.pid_exists(small)
        assert train() == environment.processors()
        large = worker_process().pid
    assert train() == 1, "exchanged at once for a run that was started"
    assert not psutil.pid_exists(large)


def test_everything_listens_on_loopback_only(engine):
    listening = [
        connection.laddr.ip
        for process in psutil.Process().children(recursive=True)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert all(ipaddress.ip_address(ip).is_loopback for ip in listening)


def test_page_and_command_line_give_the_same_numbers(engine, store, tmp_path):
    settings = ["--epochs", "15", "--seed", "5", "--set", "model.latent_dim=8"]
    out = tmp_path / "run"
    command = [sys.executable, "-m", "vgae_core", "train", "sample:karate-club", *settings, "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    graph = repair(load_sample("karate-club"), RunSpec().dataset.repairs)
    spec = for_family(RunSpec(seed=5), "vgae", feature_kind=None, has_labels=True)
    spec = spec.replace("training.epochs", 15).replace("model.latent_dim", 8)
    wait_for(lambda: not (engine._active or engine._waiting))
    engine.prepare(spec, graph)  # as the Train page does
    assert reply(engine) == ""
    run = store.open_run(engine.submit(spec, graph, WORKSPACE))
    wait_for(lambda: not run.info.active)
    told = json.loads((out / "metrics.json").read_text())
    for part in ("test", "val"):
        assert told[part] == pytest.approx(run.metrics()[part], abs=1e-6)
    for name, values in told["baselines"].items():
        assert values == pytest.approx(run.metrics()["baselines"][name], abs=1e-6)
    assert read_run_dir(out).result().spec.model == run.result().spec.model
    assert read_run_dir(out).result().environment == run.result().environment
    np.testing.assert_allclose(read_run_dir(out).result().z_mean, run.result().z_mean, atol=1e-6)


def test_another_engine_uses_the_same_cluster_by_address(engine, tmp_path):
    """The way to a remote cluster: everything travels, nothing is shared."""
    store = Store(tmp_path / "elsewhere")
    other = Engine(store, Where(engine._workers.cluster.pool.client.scheduler.address))
    run = store.open_run(other.submit(SHORT, make_graph(30, "afar"), WORKSPACE))
    wait_for(lambda: not run.info.active)
    assert run.info.status == "finished", run.info.message
    other.close()
    assert engine._workers.cluster.pool.is_warm()  # closing it leaves the cluster of others alone
    store.close()


# --------------------------------------------------------------------- without a worker
@pytest.fixture
def idle(tmp_path, monkeypatch):
    """An engine that starts no worker, so that everything waits."""
    monkeypatch.setattr(Engine, "warm", lambda self: None)
    store = Store(tmp_path / "home")
    engine = Engine(store)
    yield engine, store
    engine.close()
    store.close()


def test_nobody_fills_the_queue_alone(idle):
    engine, _ = idle
    graph = make_graph()
    for _ in range(ServerLimits().waiting_runs_of_one):
        engine.submit(SHORT, graph, WORKSPACE)
    with pytest.raises(RunError, match="of your runs are waiting"):
        engine.submit(SHORT, graph, WORKSPACE)
    engine.submit(SHORT, graph, OTHER)


def test_the_queue_has_an_end(idle):
    engine = Engine(idle[1], limits=ServerLimits(waiting_runs=2))
    for token in (WORKSPACE, OTHER):
        engine.submit(SHORT, make_graph(), token)
    with pytest.raises(RunError, match="2 runs are waiting"):
        engine.submit(SHORT, make_graph(), "a-third-workspace")


def test_closing_ends_what_waits(idle):
    engine, store = idle
    run = store.open_run(engine.submit(SHORT, make_graph(), WORKSPACE))
    engine.close()
    assert run.info.status == "failed"
    assert "server stopped" in run.info.message
    with pytest.raises(RunError, match="stopping"):
        engine.submit(SHORT, make_graph(), WORKSPACE)


def test_a_worker_that_does_not_start_is_told(tmp_path, monkeypatch):
    def fail(where, threads):
        raise OSError("no more processes")

    monkeypatch.setattr(workers_module, "Cluster", fail)
    store = Store(tmp_path)
    engine = Engine(store)
    run = store.open_run(engine.submit(SHORT, make_graph(), WORKSPACE))
    wait_for(lambda: not run.info.active)
    assert "no more processes" in run.info.message
    assert engine.state == "failed"
    with pytest.raises(RunError, match="no more processes"):
        engine.describe(SHORT, make_graph().profile)
    engine.close()
    store.close()


ENDS = """
import os, pathlib
starts = pathlib.Path({starts!r})
with starts.open("a") as file:
    file.write(".")
if starts.stat().st_size <= {deaths}:
    os._exit(3)
def dask_setup(nanny):
    pass
"""


@pytest.mark.parametrize("victim", ["nanny", "nanny, twice", "worker"])
def test_a_worker_that_dies_as_it_starts_is_noticed_at_once(tmp_path, monkeypatch, victim):
    """It is started once more: as the server begins, and again for the run."""
    if victim != "worker":
        code = ENDS.format(starts=str(tmp_path / "starts"), deaths=2 if "twice" in victim else 99)
        (tmp_path / "dies_at_once.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
        monkeypatch.setattr(environment, "__name__", "dies_at_once")  # the module that nannies load
    store = Store(tmp_path / "home")
    engine = Engine(store)
    began = time.monotonic()
    run = store.open_run(engine.submit(SHORT, make_graph(), WORKSPACE))
    if victim == "worker":
        wait_for(lambda: engine._workers.cluster is not None and engine._workers.cluster.pool.trainers())
        (nanny,) = engine._workers.cluster.pool._local.workers.values()
        (child,) = (
            process
            for process in psutil.Process(nanny.process.pid).children()
            if "spawn_main" in " ".join(process.cmdline())
        )
        child.kill()
        began = time.monotonic()
    wait_for(lambda: not run.info.active)
    assert time.monotonic() - began < 45 * busy()
    if victim != "nanny":  # the next one serves
        assert run.info.status == "finished", run.info.message
    else:
        assert "ended during start-up" in run.info.message
    engine.close()
    store.close()


SERVER = """
import sys, time
from vgae_core.runs.workers.engine import Engine
from vgae_core.runs.store.store import Store
engine = Engine(Store(sys.argv[1]))
engine.warm()
while engine._workers.cluster is None:
    time.sleep(0.05)
print("up", flush=True)
if sys.argv[2] == "wait":
    time.sleep(60)
"""


@pytest.mark.parametrize("ending", ["kill", "terminate", "exit"])
def test_a_server_that_goes_leaves_no_process_behind(tmp_path, ending):
    how = "exit" if ending == "exit" else "wait"
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path), how], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout.readline().strip() == "up"
    children = psutil.Process(server.pid).children(recursive=True)
    assert len(children) >= 2 or ending == "exit"
    if ending != "exit":
        getattr(server, ending)()
    server.wait(timeout=60)
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []
