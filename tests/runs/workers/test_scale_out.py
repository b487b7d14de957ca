"""Workers elsewhere: a scheduler and three workers as processes of their own, nothing shared but a port."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.cluster import hosts
from tests.runs.made import WORKSPACE, make_graph
from tests.runs.workers.test_engine import ENDLESS, SHORT, busy, wait_for
from vgae_core.errors import RunError, SpecError
from vgae_core.host.limits import ServerLimits
from vgae_core.runs.processes.versions import differences, versions
from vgae_core.runs.store.store import Store
from vgae_core.runs.workers import worker_pool
from vgae_core.runs.workers.engine import IDLE_SECONDS, Engine
from vgae_core.runs.workers.where import LOCAL_WORKERS, WORKERS, Where

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="kills processes as POSIX does"),
]

MANY = ServerLimits(waiting_runs_of_one=20)


@pytest.fixture(scope="module")
def cluster():
    with hosts(3) as there:
        yield there


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "home")
    yield store
    store.close()


@pytest.fixture
def engine(cluster, store):
    engine = Engine(store, Where(cluster.address), limits=MANY)
    engine.warm()
    wait_for(lambda: engine.state == "ready" and engine.slots == 3)
    yield engine
    engine.close()


def ended(store, ids):
    runs = [store.open_run(run_id) for run_id in ids]
    wait_for(lambda: not any(run.info.active for run in runs))
    return runs


def test_three_workers_give_the_numbers_of_one_here(engine, store, tmp_path):
    graph = make_graph(60)
    specs = [SHORT.replace("seed", seed) for seed in range(4)]
    runs = ended(store, [engine.submit(spec, graph, WORKSPACE) for spec in specs])
    assert [run.info.status for run in runs] == ["finished"] * 4
    at_home = Store(tmp_path / "one")
    one = Engine(at_home, limits=MANY)
    alone = ended(at_home, [one.submit(spec, graph, WORKSPACE) for spec in specs])
    for there, here in zip(runs, alone, strict=True):
        assert [e.epoch for e in there.history()] == [1, 2, 3]
        for part in ("test", "val"):
            assert there.metrics()[part] == pytest.approx(here.metrics()[part], abs=1e-6)
    one.close()
    at_home.close()


def test_runs_work_at_the_same_time_and_are_cancelled_one_by_one(engine, store):
    runs = [store.open_run(engine.submit(ENDLESS, make_graph(60), WORKSPACE)) for _ in range(4)]
    wait_for(lambda: all(run.history() for run in runs[:3]))
    assert [run.info.status for run in runs] == ["running"] * 3 + ["queued"]
    assert engine.runs_ahead(runs[3].id) == 3
    engine.cancel(runs[1].id)
    wait_for(lambda: runs[3].history())
    assert runs[1].info.status == "cancelled"
    for run in runs:
        engine.cancel(run.id)
    ended(store, [run.id for run in runs])
    assert all(run.has_result for run in runs)


def test_a_killed_worker_ends_its_own_run_only(engine, cluster, store):
    runs = [store.open_run(engine.submit(ENDLESS, make_graph(60), WORKSPACE)) for _ in range(3)]
    wait_for(lambda: all(run.history() for run in runs))
    cluster.trainer(0).send_signal(signal.SIGKILL)
    wait_for(lambda: any(not run.info.active for run in runs))
    (dead,) = [run for run in runs if not run.info.active]
    assert "worker process died" in dead.info.message
    after = store.open_run(engine.submit(SHORT, make_graph(60), WORKSPACE))
    wait_for(lambda: not after.info.active)  # by the worker that its nanny started again
    assert after.info.status == "finished", after.info.message
    for run in runs:
        engine.cancel(run.id)
    assert sorted(run.info.status for run in ended(store, [run.id for run in runs])) == [
        "cancelled",
        "cancelled",
        "failed",
    ]


def test_a_worker_with_other_versions_is_refused(cluster, store, monkeypatch):
    monkeypatch.setattr(worker_pool, "versions", lambda: versions() | {"keras": "0.1"})
    engine = Engine(store, Where(cluster.address))
    engine.warm()
    wait_for(lambda: engine.state == "failed")
    assert f"has other package versions: keras {versions()['keras']} there, 0.1 here" in engine.problem
    engine.close()


def test_a_lost_scheduler_is_told_and_found_again(store):
    with hosts(1) as there:
        engine = Engine(store, Where(there.address))
        run = store.open_run(engine.submit(ENDLESS, make_graph(60), WORKSPACE))
        wait_for(lambda: run.history())
        there.scheduler.kill()
        lost = time.monotonic()
        wait_for(lambda: not run.info.active)
        assert time.monotonic() - lost < 10 * busy()
        assert f"{there.address} cannot be reached" in run.info.message
        waiting = store.open_run(engine.submit(SHORT, make_graph(60), WORKSPACE))
        wait_for(lambda: engine.state == "failed")
        with pytest.raises(RunError, match="cannot be reached"):
            engine.describe(SHORT, make_graph(61).profile)
        assert waiting.info.status == "queued"  # it waits for them
        there.start_scheduler()
        there.add_worker()
        wait_for(lambda: not waiting.info.active)
        assert waiting.info.status == "finished", waiting.info.message
        engine.close()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make certificates with")
def test_workers_by_tls(store, tmp_path, monkeypatch):
    key, pem = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=studio",
    ]
    subprocess.run([*command, "-keyout", key, "-out", pem], check=True, capture_output=True)
    parts = {"CA_FILE": pem}
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        parts |= {f"{role}__CERT": pem, f"{role}__KEY": key}
    variables = {f"DASK_DISTRIBUTED__COMM__TLS__{name}": value for name, value in parts.items()}
    import dask.config

    with hosts(1, protocol="tls", variables=variables) as there:
        with pytest.raises(SpecError, match="need certificates"):
            Where(there.address)
        ours = {"ca-file": pem, "client.cert": pem, "client.key": key}
        with dask.config.set({f"distributed.comm.tls.{name}": value for name, value in ours.items()}):
            engine = Engine(store, Where(there.address))
            (run,) = ended(store, [engine.submit(SHORT, make_graph(60), WORKSPACE)])
            assert run.info.status == "finished", run.info.message
            engine.close()


# --------------------------------------------------------------------------- settings alone
@pytest.mark.parametrize(
    "address", ["http://host:1", "host:8786", "tcp://host", "tcp://a b:1", "tcp://h:1/x"]
)
def test_what_is_no_address_is_said(address):
    with pytest.raises(SpecError, match="Not the address"):
        Where.from_environment({WORKERS: address})


def test_the_environment_says_where_runs_train():
    assert Where.from_environment({}) == Where(None, 1)
    assert Where.from_environment({WORKERS: " tcp://h:8786 ", LOCAL_WORKERS: "2"}) == Where("tcp://h:8786", 2)
    assert Where.from_environment({LOCAL_WORKERS: "3"}).many
    for wrong in ("0", "65", "two"):
        with pytest.raises(SpecError):
            Where.from_environment({LOCAL_WORKERS: wrong})


def test_differences_of_versions_are_told_by_name():
    assert differences({"keras": "3", "numpy": "2"}, {"keras": "3", "numpy": "2", "more": "1"}) == ""
    told = differences({"keras": "3", "numpy": "2"}, {"keras": "2"})
    assert told == "keras 2 there, 3 here; numpy none there, 2 here"


def test_several_workers_of_our_own_train_at_the_same_time(store, monkeypatch):
    engine = Engine(store, Where(local_workers=2), limits=MANY)
    try:
        engine.warm()
        wait_for(lambda: engine.state == "ready" and engine.slots == 2)
        looks, since, refresh = [], time.monotonic(), engine._workers.refresh
        monkeypatch.setattr(engine._workers, "refresh", lambda: looks.append(0) or refresh())
        assert engine.describe(SHORT, make_graph(60).profile)["parameters"]
        runs = [store.open_run(engine.submit(ENDLESS, make_graph(60), WORKSPACE)) for _ in range(3)]
        wait_for(lambda: all(run.history() for run in runs[:2]))
        assert [run.info.status for run in runs] == ["running", "running", "queued"]
        for run in runs:
            engine.cancel(run.id)
        ended(store, [run.id for run in runs])
        assert all(run.info.status == "cancelled" for run in runs)
        monkeypatch.setattr(
            worker_pool, "RECYCLE_ABOVE_BYTES", 1
        )  # no run begins on a worker that is exchanged
        for _ in range(2):
            (short,) = ended(store, [engine.submit(SHORT, make_graph(60), WORKSPACE)])
            assert short.info.status == "finished", short.info.message
        # Each lane looks after the workers every two seconds and after each run, and wakes no other for it.
        assert len(looks) <= 3 * ((time.monotonic() - since) / IDLE_SECONDS + 3)
        # More than a pipe holds: a scheduler whose log nobody reads stands still, and every run with it.
        client = engine._workers.cluster.pool.client
        written = client.sync(
            client._run_on_scheduler, lambda: sys.stderr.write(f"{'.' * 2**20}\n"), callback_timeout=60
        )
        assert written == 2**20 + 1
    finally:
        engine.close()
