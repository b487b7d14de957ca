"""Finished runs of real graphs, made without training: spectral codes of the training edges."""

from __future__ import annotations

import networkx as nx
import numpy as np
from scipy import sparse
from scipy.sparse.linalg import eigsh
from streamlit.testing.v1 import AppTest

from vgae_core.analysis.baselines import run_baselines
from vgae_core.analysis.metrics import link_metrics
from vgae_core.analysis.scoring import score_pairs
from vgae_core.data.dataset import GraphData
from vgae_core.data.link_splits import split_links
from vgae_core.runs.results.result import RunResult
from vgae_core.settings import RunSpec, SplitSpec
from vgae_core.training.events import Finished

WORKSPACE = "a-visitor-s-workspace-token-0123456789"


def open_tab(at: AppTest, run_id: str, name: str) -> AppTest:
    """Open a tab of the rankings of a run; those opened before stay drawn."""
    at.session_state[f"rankings_{run_id}"] = name
    at.run()
    assert not at.exception
    assert not at.error
    return at


def make_graph(n: int = 90, *, nasty: str = "", seed: int = 0) -> GraphData:
    """Return three planted communities; `nasty` is added to every name."""
    sizes = [n // 3] * 3
    g = nx.random_partition_graph(sizes, min(0.3, 12 / sizes[0]), 1.0 / n, seed=seed)
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], n // 3).astype(np.int32)
    labels[::10] = -1
    return GraphData(
        name="three communities",
        adjacency=sparse.csr_array(nx.to_scipy_sparse_array(g, dtype=np.float32)),
        node_ids=np.array([f"person {i}{nasty}" for i in range(n)], dtype=object),
        labels=labels,
        label_names=("red", "green", "blue"),
        values={"income": rng.gamma(2.0, size=n).astype(np.float32)},
    )


def make_square() -> GraphData:
    """Return a ring of four nodes: the smallest graph that can be split and has enough non-edges."""
    adjacency = sparse.csr_array(nx.to_scipy_sparse_array(nx.cycle_graph(4), dtype=np.float32))
    return GraphData(name="square", adjacency=adjacency, node_ids=np.arange(4))


def make_result(graph: GraphData, *, quality: float = 1.0, variational: bool = True) -> RunResult:
    """Return a result whose codes mix the spectrum of the training edges (`quality`) with noise."""
    rng = np.random.default_rng(1)
    split = split_links(graph, SplitSpec(), 0)
    message = split.message(graph.n_nodes, graph)
    if graph.n_nodes > 1000:
        values, vectors = eigsh(message, 8, which="LA", v0=np.ones(graph.n_nodes))
    else:
        values, vectors = np.linalg.eigh(message.toarray())
    spectral = vectors[:, -8:] * np.sqrt(np.maximum(values[-8:], 0))
    noise = rng.normal(size=spectral.shape)
    z = (2 * (quality * spectral + (1 - quality) * noise)).astype(np.float32)
    pairs = np.concatenate([split.test, split.test_neg])
    y = np.arange(len(pairs)) < len(split.test)
    scores = {
        "model": score_pairs(z, pairs),
        **run_baselines(split.message(graph.n_nodes, graph), graph.features, pairs),
    }
    measured = {name: link_metrics(y, values) for name, values in scores.items()}
    return RunResult(
        spec=RunSpec(),
        metrics={"test": measured.pop("model"), "val": {}, "baselines": measured},
        z_mean=z,
        z_log_var=rng.normal(-2, 0.3, size=z.shape).astype(np.float32) if variational else None,
        split=split,
        scores={name: values.astype(np.float32) for name, values in scores.items()},
        state={},
        model={"layers": []},
        finished=Finished(reason="completed", best_epoch=7, seconds=1.0),
    )


def finish_run(store, graph: GraphData, result: RunResult | None = None, **kwargs):
    """Keep a finished run of `graph` in `store` and return it."""
    result = result or make_result(graph, **kwargs)
    run = store.create_run(RunSpec(), graph, WORKSPACE)
    run.save_result(result)
    run.append_event(result.finished)
    return run
