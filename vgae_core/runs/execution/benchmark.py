"""How fast this machine trains: one graph, a few epochs of the product's own ``fit``, one line of figures."""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import keras

from vgae_core.data.dataset import GraphData
from vgae_core.data.splits import LinkSplit
from vgae_core.families import family_of
from vgae_core.nn.models import build
from vgae_core.nn.objectives import compile_arguments
from vgae_core.runs.execution.pipeline import environment
from vgae_core.settings import RunSpec
from vgae_core.training.events import Event
from vgae_core.training.trainer import compile_model, make_encode, train


class _Clock(keras.callbacks.Callback):
    """Times the steps of each epoch, without what is done between epochs."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs: list[float] = []
        self.cpu: list[float] = []
        self._begun = self._ended = self._cpu = self._used = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._begun, self._cpu = time.perf_counter(), time.process_time()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._ended = time.perf_counter()
        self._used = time.process_time()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epochs.append(self._ended - self._begun)
        self.cpu.append(self._used - self._cpu)


def measure(spec: RunSpec, graph: GraphData, split: LinkSplit | None = None) -> dict[str, Any]:
    """Train `spec` on `graph` and return what it cost.

    Parameters
    ----------
    spec : RunSpec
        Of family ``vgae``; held-out validation edges are scored after each epoch, as in any run.
    graph : GraphData
    split : LinkSplit, optional
        Held-out pairs to use instead of drawing them.

    Returns
    -------
    dict
        ``nodes``, ``edges``, ``features``, ``epochs``, ``steps`` (an epoch), ``s_per_epoch`` (median, the steps
        alone), ``cpu_s_per_epoch`` (the same in processor time of all threads), ``s_per_epoch_validated`` (median,
        with validation), ``first_epoch_s``, ``prepare_s`` (split,
        normalisation, building), ``peak_rss_mib`` (of the process), and what was chosen: ``kernel``,
        ``encoder``, ``decoder``, ``supervision``, ``propagation``, ``threads`` (of an operation),
        ``batch`` (positive pairs a step).

    Raises
    ------
    StudioError
        As :func:`vgae_core.runs.execution.pipeline.execute`.
    """
    started, family = time.perf_counter(), family_of(spec)
    split = split or family.split(graph, spec)
    built = build(spec, graph.profile)
    compiled, _ = compile_arguments(built.outputs)
    batches = family.batches(graph, split, family.known(graph, split), spec, None, None)
    prepared = time.perf_counter() - started

    clock, validated, moments = _Clock(), [], []

    def tell(event: Event) -> None:
        moments.append(time.perf_counter())
        validated.append(event.seconds)  # type: ignore[union-attr]

    begun = time.perf_counter()
    compile_model(built, batches, spec, compiled)
    train(
        built,
        batches,
        split,
        spec,
        compiled,
        make_encode(built, batches),
        on_event=tell,
        should_stop=lambda: False,
        callbacks=[clock],
    )
    return {
        "nodes": graph.n_nodes,
        "edges": graph.profile.n_edges,
        "features": graph.profile.n_features,
        "epochs": len(clock.epochs),
        "steps": batches.steps_per_epoch,
        "s_per_epoch": round(statistics.median(clock.epochs), 6),
        "cpu_s_per_epoch": round(statistics.median(clock.cpu), 6),
        "s_per_epoch_validated": round(statistics.median(validated), 6),
        "first_epoch_s": round(moments[0] - begun, 4),
        "prepare_s": round(prepared, 4),
        "peak_rss_mib": round(peak_rss_mib()),
        "kernel": "csr",
        "encoder": spec.model.encoder,
        "decoder": spec.model.decoder,
        "supervision": spec.training.supervision,
        "propagation": spec.training.propagation,
        "threads": environment(spec)["intra_op_threads"],
        "batch": -(-len(split.train) // batches.steps_per_epoch),
    }


def peak_rss_mib() -> float:
    """Return the highest resident memory this process ever had, MiB."""
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().peak_wset) / 2**20
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
