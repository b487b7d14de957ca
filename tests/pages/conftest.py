"""Pages under AppTest: the real app.py on a temporary store, with an engine that starts nothing."""

import gc
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.app import frame, state
from dashboard.finished_runs.shared import KEPT
from vgae_core.runs.store.store import Store

ROOT = Path(__file__).resolve().parents[2]


class IdleEngine:
    """Stands in for the engine where a test is not about training."""

    state = "ready"

    def warm(self):
        """Start nothing."""

    def prepare(self, spec, graph, *, after=0.0):
        """Build nothing."""

    def close(self):
        """Nothing to end."""


@pytest.fixture(scope="module", autouse=True)
def _set_aside():
    """Leave what other tests of this process keep, TensorFlow's objects say, out of the search after each page."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def studio_store(tmp_path, monkeypatch):
    """The store the pages under test see."""
    st.cache_data.clear()
    KEPT.clear()
    store = Store(tmp_path / "home")
    monkeypatch.setattr(state, "store", lambda: store)
    yield store
    store.close()


@pytest.fixture
def studio_engine(studio_store, monkeypatch):
    """The engine the pages under test see."""
    engine = IdleEngine()
    monkeypatch.setattr(state, "engine", lambda: engine)
    return engine


@pytest.fixture
def app(studio_engine, monkeypatch):
    """Return a function that opens the app on a page: ``app("train", run=run_id)``.

    With ``workspace`` it is the visit of a browser that holds this token in its cookie.
    """
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(frame, "HEAD_START", 0)  # there is no browser that must paint first

    def open_page(page="data", *, workspace=None, **query):
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        if workspace:
            at.session_state["workspace"] = workspace
        for key, value in query.items():
            at.query_params[key] = value
        # Straight to the page: drawing the first one before would be most of the time of many tests.
        return at.run() if page == "data" else at.switch_page(f"pages/{page}.py").run()

    return open_page
