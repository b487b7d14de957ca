"""The real app on a free port, and a real Chromium in front of it."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from dashboard.app.state import COOKIE
from tests.browser.chromium import find

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = find()
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
WORKSPACE = "a-visitor-s-workspace-token-0123456789"
PATIENCE = 60_000
"""Milliseconds the slowest step may take on a busy machine with software rendering."""


def pytest_collection_modifyitems(items):
    """Mark everything here; skip it with a reason where there is no browser."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="no Chromium on this machine (set CHROMIUM)"))


QUIET = """([call, milliseconds]) => {
  const state = document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState
  const calls = (globalThis.quietSince ??= {}), now = performance.now()
  const unfolding = [...document.querySelectorAll("details")].some((box) => box.getAnimations().length)
  if (state !== "notRunning" || unfolding || !(call in calls)) calls[call] = now
  return now - calls[call] > milliseconds
}"""


def settled(page):
    """Wait until the script of the page has ended and did not start again at once, and nothing is unfolding."""
    page.wait_for_function(QUIET, arg=[time.monotonic_ns(), 300], polling=50)


def workspace_cookie(context):
    """Return the visitor's cookie, which the browser writes after everything else of the page."""
    until = time.monotonic() + PATIENCE / 1000
    while not (found := [c for c in context.cookies() if c["name"] == COOKIE]):
        assert time.monotonic() < until, "no cookie was written"
        context.pages[0].wait_for_timeout(100)
    return found[0]


class Server:
    """A running app with a store of its own."""

    def __init__(self, home):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.home = home
        self.log = home.parent / f"{home.name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "streamlit", "run", "app.py"),
                    *("--server.headless", "true", "--server.address", "127.0.0.1"),
                    *("--server.port", str(self.port)),
                ],
                cwd=ROOT,
                env={**os.environ, "VGAE_STUDIO_HOME": str(home)},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait()

    def _wait(self):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):  # noqa: S310
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError(f"The app did not start:\n{self.log.read_text()}")

    def processes(self):
        """Return the server's process and every process below it."""
        main = psutil.Process(self.process.pid)
        return [main, *main.children(recursive=True)]

    def close(self):
        """End the app and whatever it started."""
        mine = self.processes() if self.process.poll() is None else []
        self.process.terminate()
        _, alive = psutil.wait_procs(mine, timeout=10)
        for process in alive:
            process.kill()
        self.process.wait()


@pytest.fixture
def new_server(tmp_path):
    """Return a function that starts a fresh app."""
    servers = []

    def start():
        servers.append(Server(tmp_path / f"home{len(servers)}"))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One app for all tests; each is a visitor of its own, or has its own workspace in the store of the app."""
    running = Server(tmp_path_factory.mktemp("app") / "home")
    yield running
    running.close()


@pytest.fixture(scope="session")
def asked_run(server):
    """The id of a trained run of a small graph in `WORKSPACE`."""
    from tests.what_if.asking import small
    from vgae_core.runs.execution.pipeline import execute
    from vgae_core.runs.store.store import Store
    from vgae_core.settings import RunSpec

    graph = small(60)
    spec = RunSpec.from_dict({"model": {"latent_dim": 6}, "training": {"epochs": 10}})
    store = Store(server.home)
    run = store.create_run(spec, graph, WORKSPACE)
    result = execute(spec, graph)
    run.save_result(result)
    run.append_event(result.finished)
    store.close()
    return run.id


def visit(browser, server, path, *, workspace=None, theme="light"):
    """Return a new visitor's context and page on `path`; with `workspace`, whose token it is."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, color_scheme=theme)
    context.set_default_timeout(PATIENCE)
    if workspace:
        context.add_cookies([{"name": "vgae_studio_workspace", "value": workspace, "url": server.url}])
    page = context.new_page()
    page.goto(f"{server.url}/{path}")
    return context, page


@pytest.fixture(scope="session")
def browser():
    """One Chromium for all tests."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser):
    """A page of a new visitor, without cookies."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.crashes = []
    page.on("pageerror", lambda error: page.crashes.append(str(error)))
    yield page
    context.close()
    assert not page.crashes
