"""Seconds of the server for each thing one does on the latent page, by graph size: wall and processor time.

The real page under AppTest, which draws all but has no browser. Runs have random weights, or codes of the graph's
communities, so that clusters and comparisons have something to find.
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from benchmarks.ask import a_run, words
from dashboard.app import frame, state
from dashboard.finished_runs import results
from vgae_core.data.dataset import GraphData
from vgae_core.data.link_splits import split_links
from vgae_core.data.synthetic import synthetic
from vgae_core.runs.results.result import Embedding
from vgae_core.runs.store.store import Store
from vgae_core.runs.store.stored_run import StoredRun
from vgae_core.runs.views.answers import Answers

SIZES = ((20_000, 100_000, 500), (1_000_000, 2_000_000, 0))
"""Nodes, edges, features."""

ROOT = Path(__file__).resolve().parents[1]


class IdleEngine:
    """Stands in for the engine: nothing is trained."""

    state = "ready"

    def warm(self) -> None:
        """Start nothing."""

    def prepare(self, spec: Any, graph: GraphData, *, after: float = 0.0) -> None:
        """Build nothing."""


def _encoded(graph: GraphData) -> Any:
    """Return a run whose codes are those of its random weights."""
    result = a_run(graph, "normalised")
    codes = Answers(result, graph).codes
    whole = Embedding(codes.z_mean, codes.z_log_var)
    return dataclasses.replace(result, z_mean=codes.z_mean, z_log_var=codes.z_log_var, whole=whole)


def make(n: int, m: int, n_features: int) -> tuple[GraphData, Any]:
    """Return a graph with labels and a run of it."""
    graph = synthetic(n, m, n_features=1)
    labels = (np.arange(n) // 50 % 12).astype(np.int32)
    graph = dataclasses.replace(
        graph, labels=labels, label_names=tuple(f"group {i}" for i in range(12)),
        features=words(n, n_features) if n_features else None,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    if n_features:
        return graph, _encoded(graph)
    z = rng.normal(size=(12, 16))[labels] + rng.normal(size=(n, 16))
    result = a_run(dataclasses.replace(graph, adjacency=graph.adjacency[:100, :100], labels=labels[:100],
                                       node_ids=graph.node_ids[:100]), "normalised")  # fmt: skip
    model = {key: value for key, value in result.model.items() if key != "stack"}
    return graph, dataclasses.replace(
        result, z_mean=z.astype(np.float32), z_log_var=np.full(z.shape, -2, np.float32),
        split=split_links(graph, result.spec.split, 0), model=model | {"training_codes": "Made up."},
    )  # fmt: skip


def keep(store: Store, n: int, m: int, n_features: int) -> StoredRun:
    """Keep a run of :func:`make` and return it."""
    graph, result = make(n, m, n_features)
    made_up = np.zeros(len(result.split.test) + len(result.split.test_neg), np.float32)
    result = dataclasses.replace(result, scores={"model": made_up, "network": made_up})
    run = store.create_run(result.spec, graph, "w" * 43)
    run.save_result(result)
    run.append_event(result.finished)
    return run


def timed(what: str, act: Callable[[], Any]) -> None:
    """Print how long something takes."""
    wall, processor = time.perf_counter(), time.process_time()
    at = act()
    print(
        f"{what:34} {time.perf_counter() - wall:7.2f} s  {time.process_time() - processor:7.2f} s of processor",
        flush=True,
    )
    if at.exception or at.error:
        print("   ", [e.value for e in at.exception], [e.proto.title for e in at.error])


def measure(n: int, m: int, n_features: int) -> None:
    """Go through the page with a run of this size."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        run = keep(store, n, m, n_features)
        state.store, state.engine = (lambda: store), IdleEngine  # type: ignore[assignment]
        frame.HEAD_START = 0
        print(f"{n:,} nodes, {m:,} edges", flush=True)
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=600)
        at.query_params["run"] = run.id
        timed("first view", lambda: at.switch_page("pages/latent_space.py").run())
        results.whole_node_table(run.id)
        timed("again, communities known", at.run)
        timed("again", at.run)
        timed("colour by degree", lambda: at.selectbox(key="map_colour").set_value("degree").run())
        timed("colour by label", lambda: at.selectbox(key="map_colour").set_value("label").run())
        for name in (7, 11):
            if n <= 5000:
                act = lambda name=name: at.selectbox(key="map_node").set_value(str(name)).run()  # noqa: E731
            else:
                act = lambda name=name: at.text_input(key="map_node_part").set_value(str(name)).run()  # noqa: E731
            timed(f"card of node {name}", act)
            if n > 5000:
                timed(
                    f"  chosen among matches, {name}",
                    lambda: at.selectbox(key="map_node_match").select_index(0).run(),
                )
        for step, nodes in enumerate((np.arange(n // 10), np.arange(n // 5, n // 3))):

            def select(nodes: np.ndarray = nodes) -> Any:
                at.session_state["map_selected"] = {run.id: nodes}
                return at.run()

            timed(f"selection {step + 1} ({len(nodes):,} nodes)", select)
        timed("latent axes", lambda: at.segmented_control(key="explore_view").set_value("axes").run())
        timed("walk along an axis", lambda: at.slider(key="axis_walk_0").set_value(1.5).run())
        timed("clusters", lambda: at.segmented_control(key="explore_view").set_value("clusters").run())
        timed("table", lambda: at.segmented_control(key="explore_view").set_value("table").run())
        store.close()


def main() -> None:
    """Measure every size, or the first few."""
    for size in SIZES[: int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2].isdigit() else None]:
        measure(*size)
