"""The default recipe on the default sample: seconds, and its score beside every baseline's."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import resource
import statistics
import time

from vgae_core.data.repairs import repair
from vgae_core.data.samples import load_sample
from vgae_core.runs.processes import environment
from vgae_core.settings import RepairSpec, RunSpec
from vgae_core.training.events import EpochEnd, Event

SEEDS = 3


def main() -> None:
    graph = repair(load_sample("import-graph"), RepairSpec())
    environment.apply(environment.operation_threads(RunSpec(), graph.profile))
    from vgae_core.runs.execution.pipeline import execute

    print(f"{graph.name}: {graph.n_nodes:,} nodes, {len(graph.edges):,} edges; {SEEDS} seeds")
    table: dict[str, list[float]] = {}
    for seed in range(SEEDS):
        events: list[Event] = []
        start = time.perf_counter()
        result = execute(RunSpec().replace("seed", seed), graph, on_event=events.append)
        whole = time.perf_counter() - start
        epochs = [e.seconds for e in events if isinstance(e, EpochEnd)]
        print(
            f"  seed {seed}: {whole:5.1f} s, {len(epochs)} epochs of {1e3 * statistics.median(epochs):.1f} ms "
            f"(median), best epoch {result.finished.best_epoch}"
        )
        scores = {"this model": result.metrics["test"], **result.metrics["baselines"]}
        for name, values in scores.items():
            table.setdefault(name, []).append(values["roc_auc"])
    for name, values in sorted(table.items(), key=lambda item: -statistics.mean(item[1])):
        print(f"  {name:22s} test AUC {statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}")
    print(f"  peak resident memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
