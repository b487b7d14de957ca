"""Twelve visitors at once on one server while a model trains: seconds until a page is drawn, by page.

Each visitor is a session over Streamlit's own websocket, without a browser: what is measured is the server. They
look at runs of their own on a graph of 50,000 nodes, in turns at latent space, reconstruction and runs, and pause
like readers; one visitor came before them, so that libraries are loaded, and one whose views tell the processor time
that the first view of a run and the next take: on a busy machine go by that. Runs are as a worker leaves them. A
training process, of a worker's priority, takes what processor time it gets. `VISITORS_TRAINING=0` leaves it out.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.util import calc_hash

from tests.browser.conftest import Server
from vgae_core.data.synthetic import synthetic
from vgae_core.runs.execution.pipeline import execute
from vgae_core.runs.processes.background import step_back
from vgae_core.runs.store.store import Store
from vgae_core.runs.views.first_view import with_first_view
from vgae_core.settings import RunSpec

VISITORS, ROUNDS = 12, 2
NODES, EDGES, LATENT = 50_000, 250_000, 32
PAGES = ("latent_space", "reconstruction", "runs")
PAUSE = (2.0, 6.0)
"""Seconds for which a visitor looks at a page."""
PATIENCE = 300.0


def make_runs(home: Path, workspace: str) -> list[str]:
    """Keep a run for each visitor as a worker leaves it, briefly trained, and return their ids."""
    graph = synthetic(NODES, EDGES, n_features=16, seed=0)
    spec = RunSpec().replace("model.latent_dim", LATENT).replace("training.epochs", 3)
    result = with_first_view(execute(spec, graph), graph)
    ids, store = [], Store(home)
    for _ in range(VISITORS + 2):
        run = store.create_run(spec, graph, workspace)
        run.save_result(result)
        run.append_event(result.finished)
        ids.append(run.id)
    store.close()
    return ids


class Visitor:
    """One session: asks for pages and waits until the server has drawn them."""

    def __init__(self, url: str, workspace: str) -> None:
        self._url = url.replace("http", "ws", 1) + "/_stcore/stream"
        self._headers = {"Cookie": f"vgae_studio_workspace={workspace}"}

    async def __aenter__(self) -> Visitor:
        self._socket = await websockets.connect(
            self._url, subprotocols=["streamlit"], additional_headers=self._headers, max_size=None,  # type: ignore[list-item]
            ping_interval=None,
        )  # fmt: skip
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()

    async def open(self, page: str, query: str) -> tuple[float, int, int]:
        """Return seconds until the page's script has ended, bytes that came, and errors that it showed."""
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_script_hash = calc_hash(page)
        message.rerun_script.page_name = page
        start, size, errors = time.perf_counter(), 0, 0
        await self._socket.send(message.SerializeToString())
        while True:
            content = await asyncio.wait_for(self._socket.recv(), PATIENCE)
            size += len(content)
            if len(content) > 20_000:  # a table or a figure
                continue
            reply = ForwardMsg.FromString(content)  # type: ignore[arg-type]
            element = reply.delta.new_element if reply.HasField("delta") else None
            if element is not None and (element.HasField("exception") or element.alert.format == 1):
                errors += 1
            if reply.HasField("script_finished") and reply.script_finished == 0:
                return time.perf_counter() - start, size, errors


async def visit(
    url: str, workspace: str, run: str, seed: int, seen: list[tuple[str, float, int, int]]
) -> None:
    """Look at each page in turn, some rounds long."""
    chance = random.Random(seed)
    async with Visitor(url, workspace) as visitor:
        await visitor.open("runs", f"run={run}")
        for turn in range(ROUNDS * len(PAGES)):
            await asyncio.sleep(chance.uniform(*PAUSE))
            page = PAGES[(turn + seed) % len(PAGES)]
            seen.append((page, *await visitor.open(page, f"run={run}")))


def used(process: psutil.Process) -> float:
    """Return the processor time that a process has taken, its children that ended included."""
    return sum(process.cpu_times()[:4])


async def visit_alone(url: str, workspace: str, runs: list[str], server: psutil.Process) -> None:
    """Load the libraries by the pages of one run, and print what views of another take."""
    for run in runs:
        async with Visitor(url, workspace) as visitor:
            await visitor.open("runs", f"run={run}")
            for page in PAGES:
                times = []
                for _ in range(2):
                    before = used(server)
                    await visitor.open(page, f"run={run}")
                    await asyncio.sleep(3)  # what goes on in children belongs to it
                    times.append(used(server) - before)
                if run == runs[-1]:
                    print(
                        f"  {page:16} {times[0]:5.2f} s of processors for the first view, {times[1]:5.2f} s again"
                    )


async def visit_all(url: str, workspace: str, runs: list[str]) -> list[tuple[str, float, int, int]]:
    """Let all visitors in at once and return (page, seconds, bytes, errors) of every page they saw."""
    seen: list[tuple[str, float, int, int]] = []
    await asyncio.gather(*(visit(url, workspace, runs[i], i, seen) for i in range(VISITORS)))
    return seen


def main() -> None:
    workspace = "visitors-of-the-benchmark-0123456789abcdef"
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        runs = make_runs(home, workspace)
        training = None
        if os.environ.get("VISITORS_TRAINING", "1") != "0":
            command = [
                sys.executable,
                "-m",
                "vgae_core",
                "train",
                "sample:import-graph",
                "--out",
                f"{name}/run",
            ]
            settings = ["--set", "training.epochs=100000", "--set", "training.patience=0"]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            training = subprocess.Popen(
                [*command, *settings], preexec_fn=step_back, start_new_session=True, **quiet,  # type: ignore[call-overload]
            )  # fmt: skip
        server = Server(home)
        try:
            time.sleep(10)  # until the training trains and the server's own worker has started
            server_process = server.processes()[0]
            asyncio.run(visit_alone(server.url, workspace, runs[VISITORS:], server_process))
            start, before = time.perf_counter(), used(server_process)
            seen = asyncio.run(visit_all(server.url, workspace, runs))
            seconds = time.perf_counter() - start
            memory, taken = server_process.memory_info().rss / 2**20, used(server_process) - before
            working = training is not None and training.poll() is None
        finally:
            server.close()
            if training is not None:
                training.kill()
                training.wait()
    print(
        f"  {VISITORS} visitors, {NODES:,} nodes, {seconds:.0f} s, load {os.getloadavg()[0]:.1f}, "
        f"server {memory:.0f} MiB, {taken:.1f} s of processors, "
        f"{'while a model trained' if working else 'without training'}"
    )
    for page in PAGES:
        times = np.array([s for p, s, *_ in seen if p == page])
        sizes = np.array([b for p, _, b, _ in seen if p == page])
        errors = sum(e for p, _, _, e in seen if p == page)
        p50, p95 = np.percentile(times, [50, 95])
        print(
            f"  {page:16} p50 {p50:6.2f} s   p95 {p95:6.2f} s   slowest {times.max():6.2f} s   "
            f"{np.median(sizes) / 1e6:5.1f} MB a page   {len(times)} pages, {errors} errors"
        )
