"""A child process: results, progress, errors, limits and crashes."""

import gc
import subprocess
import time

import numpy as np
import pytest

from vgae_core import isolation
from vgae_core.data.readers import SourceFile, read, read_isolated
from vgae_core.errors import DataError, LimitError, RunError, SpecError
from vgae_core.host import limits as limits_module
from vgae_core.host.limits import Limits, ServerLimits

GENEROUS = isolation.ChildLimits(memory_bytes=500_000_000, seconds=60)


@pytest.fixture
def task(tmp_path, monkeypatch):
    """Return a function that makes a task of Python source (a `task` function) and its name."""

    def make(body):
        (tmp_path / "made_task.py").write_text(
            "import os, signal, time\nimport numpy as np\n"
            "from vgae_core.errors import *\n"
            "def task(arrays, options, progress):\n" + "".join(f"    {line}\n" for line in body.splitlines())
        )
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setitem(isolation.TASKS, "made", "made_task:task")
        return "made"

    return make


def test_arrays_and_options_go_there_and_back(task):
    name = task("return {'double': arrays['x'] * 2}, {'seen': options}")
    arrays, values = isolation.call(
        name, arrays={"x": np.arange(3, dtype=np.float32)}, options={"a": [1, "ü"]}, limits=GENEROUS
    )
    np.testing.assert_array_equal(arrays["double"], [0, 2, 4])
    assert arrays["double"].dtype == np.float32
    assert values == {"seen": {"a": [1, "ü"]}}


def test_progress_is_seen_while_the_child_works(task):
    name = task(
        "progress(0.25, 'first')\ntime.sleep(1.0)\nprogress(0.75, 'second')\ntime.sleep(0.5)\nreturn {}, {}"
    )
    seen = []
    isolation.call(name, limits=GENEROUS, progress=lambda fraction, message: seen.append((fraction, message)))
    assert (0.25, "first") in seen
    assert (0.75, "second") in seen
    assert [f for f, _ in seen] == sorted(f for f, _ in seen)


@pytest.mark.parametrize("kind", [DataError, LimitError, SpecError, RunError])
def test_errors_keep_their_kind_place_and_mend(task, kind):
    name = task(f"raise {kind.__name__}('What.', where='file, line 3', mend='Do this.')")
    with pytest.raises(kind) as caught:
        isolation.call(name, limits=GENEROUS)
    assert type(caught.value) is kind
    assert str(caught.value) == "file, line 3: What. Do this."


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", DataError, "crashed (SIGSEGV)"),
        ("os.kill(os.getpid(), signal.SIGKILL)", LimitError, "more memory"),
        ("os._exit(7)", DataError, "ended without a result (code 7)"),
        ("raise KeyError('surprise')", DataError, "ended without a result"),
        ("x = np.ones(10**9)\nreturn {}, {}", LimitError, "more memory than the limit of 500 MB"),
        ("return {'o': np.array([{}], dtype=object)}, {}", DataError, "ended without a result"),
    ],
)
def test_death_becomes_one_clear_error(task, body, kind, message):
    with pytest.raises(kind) as caught:
        isolation.call(task(body), limits=GENEROUS)
    assert type(caught.value) is kind
    assert message in str(caught.value)


def test_wall_time_is_bounded(task):
    began = time.monotonic()
    with pytest.raises(LimitError, match="longer than the limit of 1 s"):
        isolation.call(task("time.sleep(60)"), limits=isolation.ChildLimits(seconds=1))
    assert time.monotonic() - began < 10


def test_cancel_kills_the_child_and_forgets_its_files(task):
    job = isolation.start(task("time.sleep(60)"), limits=GENEROUS)
    process, folder = job._child.process, job._child.folder
    assert not job.poll().done
    job.cancel()
    assert process.returncode is not None
    assert not folder.exists()
    assert job.poll().done
    with pytest.raises(RunError, match="Cancelled"):
        job.result()


def test_a_forgotten_job_dies(task):
    job = isolation.start(task("time.sleep(60)"), limits=GENEROUS)
    process, folder = job._child.process, job._child.folder
    del job
    gc.collect()
    assert process.returncode is not None
    assert not folder.exists()


# ----------------------------------------------------------------------------- the queue
def share(monkeypatch, **values):
    monkeypatch.setattr(limits_module, "SERVER_LIMITS", ServerLimits(**values))


UNTIL = "while not os.path.exists(options['until']):\n    time.sleep(0.02)\nreturn {}, {}"


def started(job):
    return job._child.process is not None


def test_all_children_together_stay_within_the_memory(task, monkeypatch, tmp_path):
    share(monkeypatch, children=4, children_memory_bytes=2 * GENEROUS.memory_bytes)
    name = task(UNTIL)
    gates = [tmp_path / str(i) for i in range(4)]
    jobs = [isolation.start(name, options={"until": str(gate)}, limits=GENEROUS) for gate in gates]
    assert [started(job) for job in jobs] == [True, True, False, False]
    assert jobs[2].poll().message == "Queued: 2 tasks before this one"
    assert jobs[3].poll().message == "Queued: 3 tasks before this one"
    gates[1].touch()
    jobs[1].result()
    assert [started(job) for job in jobs] == [True, True, True, False]
    jobs[2].cancel()
    assert started(jobs[3])
    for gate in gates:
        gate.touch()
    assert jobs[3].result() == ({}, {})
    assert jobs[0].result() == ({}, {})


def test_who_waits_can_give_up(task, monkeypatch, tmp_path):
    share(monkeypatch, children=1)
    name = task(UNTIL)
    first = isolation.start(name, options={"until": str(tmp_path / "go")}, limits=GENEROUS)
    second = isolation.start(name, options={"until": str(tmp_path / "go")}, limits=GENEROUS)
    third = isolation.start(name, options={"until": str(tmp_path / "go")}, limits=GENEROUS)
    folder = second._child.folder
    del second
    gc.collect()
    assert not folder.exists()
    assert third.poll().message == "Queued: 1 task before this one"
    (tmp_path / "go").touch()
    first.result()
    assert third.result() == ({}, {})


def test_a_child_nobody_asks_after_gives_its_place_back(task, monkeypatch):
    share(monkeypatch, children=1)
    name = task("return {}, {}")
    forgotten = isolation.start(name, limits=GENEROUS)
    assert isolation.call(name, limits=GENEROUS) == ({}, {})
    assert forgotten.result() == ({}, {})


def test_the_queue_of_children_has_an_end(task, monkeypatch):
    share(monkeypatch, children=1, waiting_children=1)
    jobs = [isolation.start(task("time.sleep(60)"), limits=GENEROUS) for _ in range(2)]
    with pytest.raises(LimitError, match="1 tasks are waiting"):
        isolation.start(task("return {}, {}"), limits=GENEROUS)
    for job in jobs:
        job.cancel()


def test_a_process_that_cannot_be_started_is_told(task, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(11, "Resource temporarily unavailable")

    name = task("return {}, {}")
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", refuse)
        with pytest.raises(RunError, match="could not be started"):
            isolation.start(name, limits=GENEROUS).result()
    assert isolation.call(name, limits=GENEROUS) == ({}, {})


def test_the_child_sees_no_secrets(task, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hidden")
    _, values = isolation.call(task("return {}, {'names': sorted(os.environ)}"), limits=GENEROUS)
    assert "SECRET_TOKEN" not in values["names"]
    assert "PATH" in values["names"]


def test_unknown_task():
    with pytest.raises(KeyError, match="Unknown task: 'nope'"):
        isolation.start("nope")


@pytest.mark.parametrize("bad", [{"memory_bytes": 0}, {"seconds": 0}])
def test_limits_must_be_positive(bad):
    with pytest.raises(SpecError):
        isolation.ChildLimits(**bad)


# ---------------------------------------------------------------------------- the reader
def test_read_isolated_is_read(tmp_path):
    (tmp_path / "e.csv").write_text("a,b,2\nb,c,3\nc,c,1\n")
    (tmp_path / "l.csv").write_text("node,label\na,x\nb,y\nq,x\n")
    files = [SourceFile("e.csv", tmp_path / "e.csv"), SourceFile("l.csv", tmp_path / "l.csv")]
    here, there = read(files), read_isolated(files)
    for name in ("rows", "cols", "weights", "node_ids", "labels"):
        np.testing.assert_array_equal(getattr(here, name), getattr(there, name))
    for name in ("name", "directed", "format", "label_names", "findings", "symmetric", "files"):
        assert getattr(here, name) == getattr(there, name)


def test_read_isolated_tells_the_same_error(tmp_path):
    (tmp_path / "e.csv").write_text("a,b,2\nb,c,inf\n")
    with pytest.raises(DataError, match=r"e\.csv, line 2, column 3: The value is 'inf'"):
        read_isolated([SourceFile("e.csv", tmp_path / "e.csv")])


def test_read_isolated_is_bounded(tmp_path):
    (tmp_path / "e.csv").write_text("1,2\n" * 12_000_000)
    with pytest.raises(LimitError, match="memory"):
        read_isolated([SourceFile("e.csv", tmp_path / "e.csv")], limits=Limits(child_memory_bytes=60_000_000))
