"""Milliseconds of what-if answers by graph size: an edit with its ranking, reasons, a full pass, the first answer.

Runs have random weights of the default model, stacked with every training-free score: what an answer costs goes by
shapes. Medians of several pairs that are edges, drawn with a fixed seed; one process, its threads as NumPy takes them.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable

import keras
import numpy as np
from scipy import sparse

from vgae_core.catalogue.baselines import baselines_of
from vgae_core.data.dataset import GraphData
from vgae_core.data.link_splits import split_links
from vgae_core.data.synthetic import synthetic
from vgae_core.nn.models import build, describe
from vgae_core.runs.results.result import RunResult
from vgae_core.settings import RunSpec
from vgae_core.training.events import Finished
from vgae_core.what_if import crossing, why
from vgae_core.what_if.answer import answer
from vgae_core.what_if.model import WhatIf
from vgae_core.what_if.scenario import Scenario, edit

SIZES = ((2_708, 5_278, 1_433), (20_000, 174_000, 500), (100_000, 900_000, 100))
PAIRS = 7
WORDS = 18
MANY = 100
"""Edges dropped before a full pass."""


def a_run(graph: GraphData, encoder: str) -> RunResult:
    """Return a run of random weights."""
    spec = RunSpec().replace("model.encoder", encoder)
    keras.utils.set_random_seed(0)
    built = build(spec, graph.profile)
    stack = {"offset": -1.0, "network": 0.5, **dict.fromkeys(baselines_of("links"), 0.2)}
    split = split_links(graph, spec.split, 0)
    return RunResult(
        spec=spec,
        metrics={},
        z_mean=np.zeros((graph.n_nodes, spec.model.latent_dim), np.float32),
        z_log_var=None,
        split=split,
        scores={},
        state={f"model/{i}": w for i, w in enumerate(built.model.get_weights())},
        model={**describe(spec, graph.profile), "stack": stack},
        finished=Finished(reason="completed", best_epoch=1, seconds=1.0),
    )


def words(n: int, n_features: int) -> sparse.csr_array:
    """Return sparse binary features, about :data:`WORDS` per node."""
    columns = np.random.default_rng(0).integers(0, n_features, n * WORDS)
    matrix = sparse.csr_array(
        (np.ones(n * WORDS, np.float32), columns, np.arange(n + 1) * WORDS), shape=(n, n_features)
    )
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def milliseconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return 1e3 * (time.perf_counter() - start)


def main() -> None:
    for n, m, n_features in SIZES:
        graph = dataclasses.replace(synthetic(n, m, n_features=1, seed=0), features=words(n, n_features))
        _ = graph.edges, graph.profile
        for encoder in ("normalised", "gcn"):
            measure(graph, encoder)


def measure(graph: GraphData, encoder: str) -> None:
    """Print what answers cost on one graph."""
    result = a_run(graph, encoder)
    rng = np.random.default_rng(1)
    names = [str(name) for name in graph.node_ids]
    edges = graph.edges[rng.choice(len(graph.edges), PAIRS, replace=False)].tolist()
    models: list[WhatIf] = []
    first = Scenario(pair=(names[edges[0][0]], names[edges[0][1]]))
    opened = milliseconds(lambda: (models.append(WhatIf(result, graph)), answer(models[0], first)))
    model = models[0]

    def drop(i: int, j: int) -> Scenario:
        return Scenario(
            edits=(edit("drop_edge", source=names[i], target=names[j]),), pair=(names[i], names[j])
        )

    def feature(i: int, j: int) -> Scenario:
        column = str(int(graph.features[[i]].indices[0]))
        return Scenario(
            edits=(edit("set_feature", node=names[i], feature=column, value=0.0),), pair=(names[i], names[j])
        )

    times: dict[str, list[float]] = {}
    for i, j in edges:
        times.setdefault("drop an edge", []).append(milliseconds(lambda: answer(model, drop(i, j))))  # noqa: B023
        times.setdefault("clear a feature", []).append(milliseconds(lambda: answer(model, feature(i, j))))  # noqa: B023
        nothing = model.changes([])

        def reasons() -> None:
            why.leave_out_edges(model, nothing, (i, j))  # noqa: B023
            why.leave_out_features(model, nothing, (i, j))  # noqa: B023

        tried = [len(f(model, nothing, (i, j)).found) for f in (why.leave_out_edges, why.leave_out_features)]
        times.setdefault("per edge or feature left out", []).append(
            milliseconds(reasons) / max(sum(tried), 1)
        )
        times.setdefault("what it takes", []).append(
            milliseconds(lambda: crossing.what_it_takes(model, nothing, (i, j), -5.0))  # noqa: B023
        )
    many = graph.edges[rng.choice(len(graph.edges), MANY, replace=False)].tolist()
    scenario = Scenario(
        edits=tuple(edit("drop_edge", source=names[i], target=names[j]) for i, j in many), pair=first.pair
    )
    print(
        f"  {graph.n_nodes:>7,} nodes, {graph.profile.n_edges:>7,} edges, {graph.profile.n_features:,} features, "
        f"{encoder}"
    )
    print(f"    first answer after opening   {opened:8.1f} ms")
    for name, values in times.items():
        print(f"    {name:<28} {statistics.median(values):8.1f} ms   (slowest {max(values):.1f})")
    print(f"    {MANY} edges dropped            {milliseconds(lambda: answer(model, scenario)):8.1f} ms")
    message = model.before.links.matrix()

    def whole() -> None:
        model.network.__class__(
            result.spec, model.network.layers, message, graph.features, has_own_features=True
        )

    print(f"    whole graph encoded anew     {milliseconds(whole):8.1f} ms", flush=True)
