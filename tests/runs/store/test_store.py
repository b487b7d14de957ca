from __future__ import annotations

import contextlib
import json
import math
import os
import platform
import re
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runs.made import OTHER, WORKSPACE, make_events, make_graph, make_result
from vgae_core.data.dataset import RawGraph
from vgae_core.errors import RunError, SpecError
from vgae_core.host.limits import ServerLimits
from vgae_core.runs.disk import event_log, files
from vgae_core.runs.disk.event_log import event_line, parse_event
from vgae_core.runs.disk.room import StorageError
from vgae_core.runs.results.result_parts import result_from_parts, result_to_parts
from vgae_core.runs.store import database as database_module
from vgae_core.runs.store import datasets as datasets_module
from vgae_core.runs.store import sessions as sessions_module
from vgae_core.runs.store import store as store_module
from vgae_core.runs.store.folder import read_run_dir, write_run_dir
from vgae_core.runs.store.home import new_id
from vgae_core.runs.store.store import Store, default_root
from vgae_core.settings import RunSpec
from vgae_core.training.events import EpochEnd, Finished, Started


def assert_same_result(a, b):
    for name in ("z_mean", "z_log_var"):
        if getattr(a, name) is None:
            assert getattr(b, name) is None
        else:
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    for part in ("train", "val", "val_neg", "test", "test_neg"):
        np.testing.assert_array_equal(getattr(a.split, part), getattr(b.split, part))
    for group in ("scores", "state", "nodes"):
        assert set(getattr(a, group)) == set(getattr(b, group))
        for key, value in getattr(a, group).items():
            np.testing.assert_array_equal(value, getattr(b, group)[key])
    assert a.model == b.model
    assert a.environment == b.environment
    assert a.finished == b.finished
    assert a.metrics["test"] == b.metrics["test"]


# ------------------------------------------------------------------------ the life of a run
def test_a_run_from_queue_to_result(store, graph, result):
    run = store.create_run(RunSpec(seed=7), graph, WORKSPACE)
    assert run.info.status == "queued"
    assert run.info.active
    run.set_running()
    for event in make_events(3):
        run.append_event(event)
    assert run.info.status == "running"
    assert [e.epoch for e in run.history()] == [1, 2, 3]
    assert not run.has_result
    run.save_result(result)
    run.append_event(result.finished)

    again = store.open_run(run.id)
    assert again.spec == RunSpec(seed=7)
    assert again.info.status == "finished"
    assert again.info.best_epoch == 2
    assert again.info.metrics["test"] == {"roc_auc": 0.9, "average_precision": 0.8}
    assert again.events() == run.events()
    assert_same_result(result, again.result())
    assert again.graph().fingerprint == graph.fingerprint


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("completed", "finished"),
        ("early_stopped", "finished"),
        ("cancelled", "cancelled"),
        ("failed", "failed"),
    ],
)
def test_the_end_decides_the_status(store, graph, reason, status):
    run = store.create_run(RunSpec(), graph, WORKSPACE)
    run.append_event(Finished(reason=reason, message="why"))
    assert (run.info.status, run.info.message) == (status, "why")


def test_the_pace_of_earlier_runs_is_a_median_of_the_latest_here(store, graph, monkeypatch):
    def train(seconds, epochs=8):
        run = store.create_run(RunSpec(), graph, WORKSPACE)
        run.append_event(
            Started(model={"estimate": {"seconds_per_epoch": 0.1}}, epochs=epochs, steps_per_epoch=1, at=0.0)
        )
        for epoch in range(1, epochs + 1):
            run.append_event(
                EpochEnd(epoch=epoch, logs={}, val={}, seconds=9.0 if epoch == 1 else seconds, best=False)
            )
        run.end(Finished(reason="cancelled"))
        return run

    assert store.pace("vgae") is None
    runs = [train(0.1 * times) for times in (50, 1, 2, 3, 4, 5, 6, 7, 8, 9)]  # the first is forgotten
    train(0.1, epochs=4)  # too few to tell
    assert store.pace("vgae") == pytest.approx(5)
    assert store.pace("vae") is None
    store.delete_run(runs[0].id, WORKSPACE)
    monkeypatch.setattr(platform, "node", lambda: "another host")
    assert store.pace("vgae") is None


def test_no_id_looks_like_an_option():
    ids = {new_id() for _ in range(2000)}
    assert len(ids) == 2000
    assert all(re.fullmatch(r"[A-Za-z0-9_][\w-]{15}", one) for one in ids)


def test_a_run_without_result_says_so(store, graph):
    run = store.create_run(RunSpec(), graph, WORKSPACE)
    with pytest.raises(RunError, match="no result"):
        run.result()


def test_a_second_reader_sees_events_as_they_come(store, graph, tmp_path):
    run = store.create_run(RunSpec(), graph, WORKSPACE)
    other = Store(tmp_path / "home")
    reader = other.open_run(run.id)
    for k, event in enumerate(make_events(4), start=1):
        run.append_event(event)
        assert len(reader.events()) == k
    assert reader.info.status == "queued"  # its owner is alive, so it is not lost
    other.close()


def test_the_results_are_read_only(store, graph, result):
    run = store.create_run(RunSpec(), graph, WORKSPACE)
    run.save_result(result)
    with pytest.raises(ValueError, match="read-only"):
        run.result().z_mean[0, 0] = 1.0


# ---------------------------------------------------------------------------- who may see what
def test_workspaces_see_their_own_runs_only(store, graph):
    mine = store.create_run(RunSpec(), graph, WORKSPACE)
    theirs = store.create_run(RunSpec(), graph, OTHER)
    assert [i.id for i in store.list_runs(WORKSPACE)] == [mine.id]
    with pytest.raises(RunError, match="among yours"):
        store.delete_run(theirs.id, WORKSPACE)
    assert store.open_run(theirs.id).info.status == "queued"
    assert store.owns(WORKSPACE, mine.id)
    assert not store.owns(WORKSPACE, theirs.id)


def test_the_newest_run_comes_first(store, graph):
    ids = [store.create_run(RunSpec(seed=k), graph, WORKSPACE).id for k in range(3)]
    assert [i.id for i in store.list_runs(WORKSPACE)] == ids[::-1]


@pytest.mark.parametrize(
    "bad", ["", "../../etc/passwd", "..", "a/b", "short", "x" * 65, "0123456789\n", None, 5]
)
def test_ids_are_checked_before_the_disk_is_touched(store, bad):
    with pytest.raises(RunError):
        store.open_run(bad)
    with pytest.raises(RunError):
        store.load_dataset(bad)
    with pytest.raises(RunError):
        store.list_runs(bad)
    with pytest.raises(RunError):
        store.sessions.load(bad)


def test_ids_are_unguessable(store, graph):
    ids = {store.create_run(RunSpec(), graph, WORKSPACE).id for _ in range(20)}
    assert len(ids) == 20
    assert all(len(i) == 16 for i in ids)  # 96 bits


# ------------------------------------------------------------------------------------ deleting
def test_deleting_removes_folder_and_unneeded_data(store, graph):
    first, second = (store.create_run(RunSpec(), graph, WORKSPACE) for _ in range(2))
    for run in (first, second):
        run.append_event(Finished(reason="completed"))
    data = store.root / "datasets" / f"{graph.fingerprint}.npz"
    store.delete_run(first.id, WORKSPACE)
    assert not first.path.exists()
    assert data.exists()  # the second run needs it
    store.delete_run(second.id, WORKSPACE)
    assert not data.exists()
    with pytest.raises(RunError, match="No such run"):
        store.open_run(first.id)


def test_a_catalogue_that_cannot_be_read_says_nothing_of_a_run(tmp_path):
    store = Store(tmp_path / "home")
    run_id = store.create_run(RunSpec(), make_graph(), WORKSPACE).id
    assert store.find(run_id).info.status == "queued"
    assert store.find("A" * 16) is None
    store.close()
    with pytest.raises(StorageError):  # not None, by which the run would count as deleted
        store.find(run_id)


def test_deleting_keeps_data_a_visitor_works_on(store, graph):
    run = store.create_run(RunSpec(), graph, WORKSPACE)
    run.append_event(Finished(reason="completed"))
    store.sessions.save(OTHER, {"dataset": graph.fingerprint})
    store.delete_run(run.id, WORKSPACE)
    assert store.load_dataset(graph.fingerprint).n_nodes == graph.n_nodes


def test_a_run_at_work_cannot_be_deleted(store, graph):
    run = store.create_run(RunSpec(), graph, WORKSPACE)
    with pytest.raises(RunError, match="Cancel it first"):
        store.delete_run(run.id, WORKSPACE)


# ------------------------------------------------------------------------------- data, sessions
def test_a_data_set_is_kept_once_by_content(store, graph):
    assert store.save_dataset(graph) == store.save_dataset(make_graph()) == graph.fingerprint
    assert len(list((store.root / "datasets").iterdir())) == 1
    loaded = store.load_dataset(graph.fingerprint)
    np.testing.assert_array_equal(loaded.adjacency.toarray(), graph.adjacency.toarray())
    assert list(loaded.node_ids) == list(graph.node_ids)


def test_sessions_come_back(store):
    assert store.sessions.load(WORKSPACE) == {}
    store.sessions.save(WORKSPACE, {"run": "x"})
    store.sessions.save(WORKSPACE, {"run": "y", "source": "sample:karate-club"})
    assert store.sessions.load(WORKSPACE) == {"run": "y", "source": "sample:karate-club"}
    assert store.sessions.load(OTHER) == {}


def test_the_root_comes_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("VGAE_STUDIO_HOME", str(tmp_path / "here"))
    assert default_root() == tmp_path / "here"


# ---------------------------------------------------------------------------------- crashes
CHILD = """
import sys, time
from tests.runs.made import WORKSPACE, make_graph
from vgae_core.runs.store.store import Store
from vgae_core.settings import RunSpec
store = Store(sys.argv[1])
run = store.create_run(RunSpec(), make_graph(), WORKSPACE)
run.set_running()
print(run.id, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="uses SIGKILL")
def test_a_run_whose_server_was_killed_is_lost(tmp_path):
    home = tmp_path / "home"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(home)], stdout=subprocess.PIPE, text=True)
    try:
        run_id = child.stdout.readline().strip()
        store = Store(home)
        assert store.open_run(run_id).info.status == "running"  # the other server still lives
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert store.open_run(run_id).info.status == "lost"
        assert [i.status for i in store.list_runs(WORKSPACE)] == ["lost"]
        store.delete_run(run_id, WORKSPACE)
        store.close()
    finally:
        child.kill()


def test_a_closed_store_leaves_its_unfinished_runs_lost(tmp_path, graph):
    first = Store(tmp_path)
    run_id = first.create_run(RunSpec(), graph, WORKSPACE).id
    first.close()
    second = Store(tmp_path)
    assert second.open_run(run_id).info.status == "lost"
    assert "train it again" in second.open_run(run_id).info.message
    second.close()


def test_a_line_cut_off_by_a_crash_is_left_out(store, graph):
    run = store.create_run(RunSpec(), graph, WORKSPACE)
    for event in make_events(2):
        run.append_event(event)
    whole = run.path / "events.jsonl"
    text = whole.read_text()
    whole.write_text(text + text.splitlines()[-1][:20])
    assert len(event_log.EventLog(whole).read()) == 4


def test_a_broken_line_is_told_with_its_number(store, graph):
    run = store.create_run(RunSpec(), graph, WORKSPACE)
    (run.path / "events.jsonl").write_text(event_line(make_events(1)[0]) + "\n{nonsense}\n")
    with pytest.raises(RunError, match="line 2"):
        run.events()


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        files.write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


# ------------------------------------------------------------------------------- run folders
def test_a_folder_that_stands_alone(tmp_path, graph, result):
    events = [*make_events(2), result.finished]
    write_run_dir(tmp_path / "run", result.spec, graph, result, events)
    again = read_run_dir(tmp_path / "run")
    assert again.spec == RunSpec(seed=7)
    assert list(again.events()) == events
    assert again.graph().fingerprint == graph.fingerprint
    assert_same_result(result, again.result())
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text(), parse_constant=pytest.fail)
    assert set(metrics) == {"test", "val", "baselines"}
    assert metrics["val"]["average_precision"] is None
    with np.load(tmp_path / "run" / "split.npz", allow_pickle=False) as split:
        assert set(split.files) == {"train", "val", "val_neg", "test", "test_neg"}


def test_a_plain_auto_encoder_has_no_variance(tmp_path, graph):
    result = make_result(variational=False)
    write_run_dir(tmp_path / "run", RunSpec(), graph, result, [])
    assert read_run_dir(tmp_path / "run").result().z_log_var is None


def test_a_full_folder_is_not_overwritten(tmp_path, graph, result):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(RunError, match="empty folder"):
        write_run_dir(tmp_path, RunSpec(), graph, result, [])


def test_another_folder_is_no_run(tmp_path):
    with pytest.raises(RunError, match="Not the folder of a run"):
        read_run_dir(tmp_path)


def test_a_specification_of_the_future_is_told(tmp_path, graph, result):
    run = write_run_dir(tmp_path / "run", RunSpec(), graph, result, [])
    (run.path / "spec.json").write_text('{"sead": 1}')
    with pytest.raises(RunError, match="sead"):
        read_run_dir(tmp_path / "run")


def test_object_arrays_are_never_written(tmp_path):
    with pytest.raises(RunError, match="objects"):
        files.write_arrays(tmp_path / "a.npz", {"x": np.array([{}], dtype=object)})


@pytest.mark.parametrize(
    ("group", "key", "value", "told"),
    [
        ("embedding", "z_mean", np.zeros((12, 4), np.float64), "z_mean"),
        ("embedding", "z_log_var", np.zeros((12, 5), np.float32), "z_log_var"),
        ("split", "test", np.zeros((3, 2), np.int32), "test"),
        ("split", "test", np.full((3, 2), 12, np.int64), "12 x 12"),
        ("split", "train", np.full((3, 2), -1, np.int64), "12 x 12"),
        ("scores", "model", np.zeros(5, np.float32), "6 test pairs"),
        ("scores", "model", np.array(["x"] * 6), "6 test pairs"),
        ("nodes", "feature_error", np.zeros(11, np.float32), "12 nodes"),
    ],
)
def test_parts_that_do_not_fit_are_refused(result, group, key, value, told):
    documents, arrays = result_to_parts(result)
    arrays[group][key] = value
    with pytest.raises(RunError, match=told):
        result_from_parts(documents, arrays)


@pytest.mark.parametrize(
    "finished", [{}, {"event": "Stage", "name": "x", "at": 0}, {"event": "Finished"}, None]
)
def test_an_end_that_is_none_is_refused(result, finished):
    documents, arrays = result_to_parts(result)
    documents["finished"] = finished
    with pytest.raises(RunError, match=r"finished\.json"):
        result_from_parts(documents, arrays)


numbers = st.floats(allow_nan=True, allow_infinity=False)


@given(logs=st.dictionaries(st.text(max_size=8), numbers, max_size=4), epoch=st.integers(1, 10**6))
def test_events_survive_their_line(logs, epoch):
    event = EpochEnd(epoch=epoch, logs=logs, val={}, seconds=0.5, best=False)
    line = event_line(event)
    assert "\n" not in line
    again = parse_event(line)
    assert again.epoch == epoch
    assert set(again.logs) == set(logs)
    for key, value in logs.items():
        assert again.logs[key] == value or (math.isnan(value) and math.isnan(again.logs[key]))


def test_reading_events_costs_only_what_was_added(store, graph):
    run = store.create_run(RunSpec(), graph, WORKSPACE)
    with (run.path / "events.jsonl").open("w") as file:
        file.writelines(event_line(e) + "\n" for e in make_events(20_000))
    seconds = []
    for _ in range(6):
        start = time.perf_counter()
        assert len(run.history()) == 20_000
        seconds.append(time.perf_counter() - start)
    assert min(seconds[1:]) < seconds[0] / 3


def test_the_store_imports_no_tensorflow():
    code = "import sys, vgae_core.runs.store.store; sys.exit(any(m in sys.modules for m in ('tensorflow', 'keras')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_wrong_setting_is_a_spec_error():
    with pytest.raises(SpecError):
        RunSpec.from_dict({"seed": -1})


# ------------------------------------------------------------------------ uploads as they were read
def make_raw(name):
    return RawGraph(
        name=name, rows=np.array([0, 1]), cols=np.array([1, 2]), weights=None, node_ids=np.arange(3),
        directed=False, format="test",
    )  # fmt: skip


def kept(store):
    return {path.stem for path in (store.root / "datasets").glob("raw-*.npz")}


def age(store, key, days):
    """Pretend that an upload was used last so many days ago."""
    then = time.time() - 86_400 * days
    os.utime(store.root / "datasets" / f"{key}.npz", (then, then))


def test_uploads_that_nobody_needs_are_dropped(store):
    old, wanted, recent = (store.save_raw(make_raw(name)) for name in ("old", "wanted", "recent"))
    store.sessions.save(WORKSPACE, {"raw": wanted})
    for key, days in ((old, 31), (wanted, 31), (recent, 29)):
        age(store, key, days)
    new = store.save_raw(make_raw("new"))
    assert kept(store) == {wanted, recent, new}
    with pytest.raises(RunError, match="no longer stored"):
        store.load_raw(old)
    assert store.load_raw(wanted).name == "wanted"


def test_beyond_the_cap_the_least_recently_used_upload_goes(store, monkeypatch):
    keys = [store.save_raw(make_raw(name)) for name in "abc"]
    size = max(path.stat().st_size for path in (store.root / "datasets").glob("raw-*.npz"))
    for days, key in zip((3, 2, 1), keys, strict=True):
        age(store, key, days)
    assert store.load_raw(keys[0]).name == "a"  # used now
    monkeypatch.setattr(datasets_module, "RAW_BYTES", 3 * size)
    new = store.save_raw(make_raw("d"))
    assert kept(store) == {keys[0], keys[2], new}
    monkeypatch.setattr(datasets_module, "RAW_BYTES", 1)
    assert store.save_raw(make_raw("e")) in kept(store)  # the one just handed in stays
    assert len(kept(store)) == 1


# ------------------------------------------------------------------------- what is left behind
def grow_old(path, *, seconds=7200):
    then = time.time() - seconds
    for part in (*path.rglob("*"), path) if path.is_dir() else (path,):
        os.utime(part, (then, then))


def test_leftovers_of_killed_processes_are_swept_and_nothing_else(tmp_path):
    living = Store(tmp_path)
    run = living.create_run(RunSpec(), make_graph(), WORKSPACE)
    run.append_event(make_events()[0])
    stale, fresh, kept = [], [], [tmp_path / "runs" / run.id / "spec.json"]
    for folder in (tmp_path / "datasets", tmp_path / "runs" / run.id):
        for name, group in ((".0123456789ab.npz", stale), (".ba9876543210.npz", fresh)):
            (folder / name).write_bytes(b"half")
            group.append(folder / name)
    for name, group in (("no-entry-old", stale), ("no-entry-new", fresh)):
        (tmp_path / "runs" / name).mkdir()
        (tmp_path / "runs" / name / "spec.json").write_text("{}")
        group.append(tmp_path / "runs" / name)
    gone = Store(tmp_path)
    gone._home.owners._claim.close()  # as when its process is killed
    gone._database.close()
    stale.append(tmp_path / "owners" / f"{gone.owner}.sqlite")
    fresh.append(tmp_path / "owners" / f"{living.owner}.sqlite")
    for path in (*stale, *kept, fresh[-1]):
        grow_old(path)
    Store(tmp_path).close()
    assert [path for path in stale if path.exists()] == []
    assert [path for path in (*fresh, *kept) if not path.exists()] == []
    assert run.info.status == "queued"
    living.close()


@pytest.mark.parametrize("written", ["result", "result and end"])
def test_a_run_whose_result_is_complete_is_finished_after_a_restart(tmp_path, written):
    first = Store(tmp_path)
    run = first.create_run(RunSpec(), make_graph(), WORKSPACE)
    run.set_running()
    for event in make_events():
        run.append_event(event)
    run.save_result(make_result(reason="early_stopped"))
    if written != "result":
        run._log.append(make_result(reason="early_stopped").finished)
    first.close()
    second = Store(tmp_path)
    (info,) = second.list_runs(WORKSPACE)
    assert (info.status, info.message, info.best_epoch, info.seconds) == ("finished", "", 2, 1.5)
    assert info.metrics["test"]["roc_auc"] == 0.9
    assert info.spec.seed == 7
    events = second.open_run(run.id).events()
    assert [type(e).__name__ for e in events].count("Finished") == 1
    second.close()


def test_a_run_with_a_broken_result_is_lost(tmp_path):
    first = Store(tmp_path)
    run = first.create_run(RunSpec(), make_graph(), WORKSPACE)
    run.save_result(make_result())
    (run.path / "embedding.npz").write_bytes(b"no zip")
    first.close()
    second = Store(tmp_path)
    assert second.info(run.id).status == "lost"
    second.close()


def test_runs_kept_have_a_bound_in_number_and_bytes(tmp_path):
    store = Store(tmp_path, limits=ServerLimits(kept_runs=2))
    runs = [store.create_run(RunSpec(), make_graph(), WORKSPACE) for _ in range(2)]
    with pytest.raises(RunError, match="2 of your runs are stored here"):
        store.create_run(RunSpec(), make_graph(), WORKSPACE)
    store.create_run(RunSpec(), make_graph(), OTHER)
    runs[0].append_event(Finished(reason="failed"))
    store.delete_run(runs[0].id, WORKSPACE)
    store.create_run(RunSpec(), make_graph(), WORKSPACE)
    store.close()
    store = Store(tmp_path, limits=ServerLimits(kept_bytes_of_one=10))
    with pytest.raises(RunError, match="Your runs take"):
        store.create_run(RunSpec(), make_graph(), WORKSPACE)
    store.create_run(RunSpec(), make_graph(), "nobody-s-workspace")
    store.close()
    store = Store(tmp_path, limits=ServerLimits(kept_bytes=1000))
    with pytest.raises(RunError, match="runs of all visitors"):
        store.create_run(RunSpec(), make_graph(), "nobody-s-workspace")
    store.close()


@contextlib.contextmanager
def another_program(home):
    """Hold the catalogue as another process may: nobody else can write."""
    with contextlib.closing(sqlite3.connect(home / "catalogue.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def test_a_catalogue_that_another_program_holds_is_told_without_the_folders_of_the_server(tmp_path):
    store = Store(tmp_path / "home")
    token = database_module._patience.set(0.1)
    with (
        another_program(tmp_path / "home"),
        pytest.raises(RunError, match=r"catalogue of runs cannot be used.*locked.*try again") as caught,
    ):
        store.create_run(RunSpec(), make_graph(), WORKSPACE)
    database_module._patience.reset(token)
    assert str(tmp_path) not in str(caught.value)
    store.close()


def test_who_waits_for_the_catalogue_keeps_nobody_from_reading(tmp_path, monkeypatch):
    """And what was to be written is, once the other program lets go; meanwhile pages say why runs wait."""
    monkeypatch.setattr(store_module, "TOLD_SECONDS", 1e-9)
    store = Store(tmp_path)
    run = store.create_run(RunSpec(), make_graph(), WORKSPACE)
    assert not store.trouble
    with ThreadPoolExecutor(1) as pool:
        with another_program(tmp_path):
            waiting = pool.submit(run.set_running)
            while not store.trouble:
                assert not waiting.done()
            assert "Another program has held the catalogue" in store.trouble
            assert run.info.status == "queued"
            assert not waiting.done()
        waiting.result()
    assert run.info.status == "running"
    assert not store.trouble
    store.close()


def test_what_is_written_together_is_written_whole_or_not_at_all(tmp_path):
    store = Store(tmp_path)
    run = store.create_run(RunSpec(), make_graph(), WORKSPACE)

    def write_half():
        with store.writing() as database:
            database.execute("UPDATE runs SET status = 'running'")
            database.execute("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(RunError, match="no such table"):
        write_half()
    assert run.info.status == "queued"
    run.set_running()
    assert run.info.status == "running"
    store.close()


def test_visitors_without_end_do_not_fill_the_catalogue(tmp_path, monkeypatch):
    monkeypatch.setattr(sessions_module, "MOST_SESSIONS", 5)
    monkeypatch.setattr(sessions_module, "_TIDY_EVERY", 2)
    store = Store(tmp_path)
    for visitor in range(21):
        store.sessions.save(f"visitor-{visitor:04}", {"run_id": str(visitor)})
    assert [store.sessions.load(f"visitor-{visitor:04}") for visitor in range(16)] == [{}] * 16
    assert [store.sessions.load(f"visitor-{visitor:04}")["run_id"] for visitor in range(16, 21)] == [
        str(visitor) for visitor in range(16, 21)
    ]
    store.close()
