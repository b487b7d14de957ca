"""A Dask scheduler and workers as processes of their own, as on several hosts.

``python -m tests.cluster`` prints how many runs a minute 1, 2 and 3 workers of one thread each train.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from vgae_core.runs.processes import environment

ROOT = Path(__file__).resolve().parents[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Hosts:
    """One scheduler and any number of workers on this machine, each in processes of its own."""

    def __init__(self, *, protocol: str = "tcp", variables: dict[str, str] | None = None) -> None:
        self.port = free_port()
        self.address = f"{protocol}://127.0.0.1:{self.port}"
        self.variables = variables or {}
        self.workers: list[subprocess.Popen] = []
        self.scheduler: subprocess.Popen | None = None

    def _dask(self, *arguments: str, cwd: str | None = None) -> subprocess.Popen:
        variables = {
            **os.environ,
            **environment.variables(threads=1),
            **environment.at_start(),
            "PYTHONPATH": str(ROOT),
            **self.variables,
        }
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments],
            env=variables,
            cwd=cwd,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def start_scheduler(self) -> None:
        protocol = self.address.split(":")[0]
        where = ["--host", f"{protocol}://127.0.0.1", "--port", str(self.port)]
        self.scheduler = self._dask("scheduler", *where, "--no-dashboard", "--no-show")
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.1)
        raise RuntimeError("the scheduler does not answer")

    def add_worker(self) -> subprocess.Popen:
        folder = tempfile.mkdtemp(prefix="studio-worker-")
        more = ["--nworkers", "1", "--nthreads", "2", "--resources", "train=1", "--no-dashboard"]
        self.workers.append(
            self._dask("worker", self.address, *more, "--local-directory", folder, cwd=folder)
        )
        return self.workers[-1]

    def trainer(self, index: int) -> psutil.Process:
        """The process of a worker that trains, below its nanny."""
        children = psutil.Process(self.workers[index].pid).children(recursive=True)
        return max(children, key=lambda process: process.memory_info().rss)

    def stop(self) -> None:
        for process in [*self.workers, self.scheduler]:
            if process is None:
                continue
            with contextlib.suppress(psutil.NoSuchProcess):
                for child in psutil.Process(process.pid).children(recursive=True):
                    with contextlib.suppress(psutil.NoSuchProcess):
                        child.send_signal(signal.SIGKILL)
            process.kill()
            process.wait(timeout=30)


@contextlib.contextmanager
def hosts(n_workers: int, **options) -> Iterator[Hosts]:
    started = Hosts(**options)
    try:
        started.start_scheduler()
        for _ in range(n_workers):
            started.add_worker()
        yield started
    finally:
        started.stop()


def throughput(n_workers: int, *, runs: int = 12, epochs: int = 200) -> dict[str, float]:
    """Return runs a minute that so many workers train, and the processor seconds that a run takes."""
    from vgae_core.data.repairs import repair
    from vgae_core.data.samples import load_sample
    from vgae_core.host.limits import ServerLimits
    from vgae_core.runs.store.store import Store
    from vgae_core.runs.workers.engine import Engine
    from vgae_core.runs.workers.where import Where
    from vgae_core.settings import RunSpec

    spec = RunSpec().replace("training.epochs", epochs).replace("training.patience", 0)
    graph = repair(load_sample(spec.dataset.source.removeprefix("sample:")), spec.dataset.repairs)
    with hosts(n_workers) as there, tempfile.TemporaryDirectory() as home:
        store = Store(home)
        engine = Engine(store, Where(there.address), limits=ServerLimits(waiting_runs_of_one=runs + 1))
        engine.warm()
        while engine.state != "ready" or engine.slots < n_workers:
            time.sleep(0.2)
        processes = [there.trainer(i) for i in range(n_workers)]
        before = [sum(process.cpu_times()[:2]) for process in processes]
        began = time.monotonic()
        ids = [engine.submit(spec.replace("seed", seed), graph, "a" * 32) for seed in range(runs)]
        while any(store.open_run(run_id).info.active for run_id in ids):
            time.sleep(0.1)
        seconds = time.monotonic() - began
        used = sum(sum(process.cpu_times()[:2]) for process in processes) - sum(before)
        states = {store.open_run(run_id).info.status for run_id in ids}
        engine.close()
        store.close()
    assert states == {"finished"}, states
    return {"workers": n_workers, "runs_a_minute": 60 * runs / seconds, "cpu_seconds_a_run": used / runs}


if __name__ == "__main__":
    print(f"{environment.processors()} processors, load {os.getloadavg()[0]:.1f}")
    for count in (1, 2, 3):
        print({name: round(value, 2) for name, value in throughput(count).items()}, flush=True)
