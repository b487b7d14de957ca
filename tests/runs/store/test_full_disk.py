"""A disk that gets full ends one run with a clear message, and nothing else."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess

import pytest

from tests.runs.made import OTHER, WORKSPACE, make_events, make_graph, make_result
from tests.runs.workers.test_engine import ENDLESS, SHORT, wait_for
from vgae_core.errors import RunError
from vgae_core.runs.disk import files
from vgae_core.runs.disk.event_log import EventLog
from vgae_core.runs.store.store import Store
from vgae_core.runs.workers.engine import Engine
from vgae_core.settings import RunSpec
from vgae_core.training.events import EpochEnd, Finished

MEGABYTES = 16


class MountedDisk:
    """A small file system of its own, really full when it is filled."""

    def __init__(self, path):
        self.path = path

    def fill(self):
        with open(self.path / "filler", "ab", buffering=0) as file:
            for size in (1 << 16, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"x" * size)

    def free(self):
        (self.path / "filler").unlink()


class RefusingDisk:
    """Stands for a full disk where none can be mounted: the two functions that write refuse."""

    def __init__(self, path):
        self.path, self._patch = path, pytest.MonkeyPatch()

    def fill(self):
        def refuse(*args, **kwargs):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        self._patch.setattr(EventLog, "append", refuse)
        self._patch.setattr(files, "_sync_directory", refuse)

    def free(self):
        self._patch.undo()


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    path = tmp_path_factory.mktemp("disk")
    command = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(path)]
    try:
        mounted = subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    yield MountedDisk(path) if mounted else RefusingDisk(path)
    if mounted:
        subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture
def store(disk):
    store = Store(disk.path / "home")
    yield store
    store.close()


@pytest.fixture
def full(disk):
    """Call to fill the disk; it is free again at the end."""
    filled = []

    def fill():
        disk.fill()
        filled.append(True)

    yield fill
    if filled:
        with contextlib.suppress(FileNotFoundError):
            disk.free()


@pytest.mark.skipif(os.name == "nt", reason="the local cluster needs POSIX processes")
@pytest.mark.slow
def test_training_goes_on_once_there_is_space_again(disk, store, full):
    engine = Engine(store)
    try:
        graph = make_graph(60)
        run = store.open_run(engine.submit(ENDLESS, graph, WORKSPACE))
        wait_for(lambda: run.history() or not run.info.active)
        full()
        wait_for(lambda: not run.info.active)
        assert run.info.status == "failed"
        assert run.info.message.startswith("The disk of the server is full.")
        with pytest.raises(RunError) as caught:
            engine.submit(SHORT, make_graph(61), OTHER)
        assert caught.value.message == "The disk of the server is full."
        # The worker is free again: its task was ended, not only forgotten.
        client = engine._workers.cluster.pool.client
        wait_for(lambda: not any(client.processing().values()), seconds=30)
        disk.free()
        again = store.open_run(engine.submit(SHORT, graph, WORKSPACE))
        wait_for(lambda: not again.info.active)
        assert again.info.status == "finished", again.info.message
        assert [type(e).__name__ for e in again.events()].count("Finished") == 1
        # What could not be written then is there now, also for who reads the log.
        assert isinstance(run.events()[-1], Finished)
        assert run.events()[-1].reason == "failed"
    finally:
        engine.close()


def test_a_result_waits_in_memory_for_space(disk, store, full):
    run = store.create_run(RunSpec(), make_graph(), WORKSPACE)
    run.set_running()
    full()
    run.keep(make_result())
    assert run.info.status == "failed"
    assert "kept in memory" in run.info.message
    assert not run.has_result
    store.endings.catch_up()
    assert not run.has_result
    disk.free()
    store.endings.catch_up()
    assert (run.info.status, run.info.message) == ("finished", "")
    assert run.result().z_mean.shape == (12, 4)


def test_a_run_that_cannot_be_made_leaves_nothing(disk, store, full):
    before = sorted(store.root.rglob("*"))
    full()
    for _ in range(3):
        with pytest.raises(RunError, match="disk of the server is full"):
            store.create_run(RunSpec(), make_graph(31), WORKSPACE)
    assert sorted(store.root.rglob("*")) == before
    assert store.list_runs(WORKSPACE) == [] or all(i.fingerprint for i in store.list_runs(WORKSPACE))


def test_an_event_is_written_whole_or_not_at_all(disk, full):
    log = EventLog(disk.path / "events.jsonl")
    events = [e for e in make_events(4) if isinstance(e, EpochEnd)]
    log.append(events[0])
    full()
    # Room for a part of the next one only, as long as it is less than a page of the file system.
    refused = 0
    for _ in range(200):
        try:
            log.append(events[1])
        except OSError:
            refused += 1
    assert refused
    disk.free()
    log.append(events[2])
    epochs = [event.epoch for event in EventLog(disk.path / "events.jsonl").read()]
    assert epochs == [1, *[2] * (200 - refused), 3]


def test_a_run_of_a_server_that_went_is_told_as_lost_on_a_full_disk(disk, full):
    first = Store(disk.path / "gone")
    first.create_run(RunSpec(), make_graph(), WORKSPACE)
    first.close()
    second = Store(disk.path / "gone")
    full()
    assert [i.status for i in second.list_runs(WORKSPACE)] == ["lost"]
    second.close()
