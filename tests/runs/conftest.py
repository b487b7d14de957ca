from __future__ import annotations

import pytest

from tests.runs.made import make_graph, make_result
from vgae_core.data.dataset import GraphData
from vgae_core.runs.results.result import RunResult
from vgae_core.runs.store.store import Store


@pytest.fixture
def graph() -> GraphData:
    return make_graph()


@pytest.fixture
def result() -> RunResult:
    return make_result()


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "home")
    yield store
    store.close()
