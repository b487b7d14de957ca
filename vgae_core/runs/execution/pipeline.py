"""The one place that knows the order of a run: split, build, train, score, compare, encode all edges."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import platform
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vgae_core import __version__
from vgae_core.analysis.latent_use import latent_metrics
from vgae_core.data.dataset import GraphData
from vgae_core.data.splits import LinkSplit
from vgae_core.errors import RunError
from vgae_core.families import family_of
from vgae_core.families.base import Factors
from vgae_core.runs.execution.node_scores import score_nodes
from vgae_core.runs.execution.preparation import Building, Prepared, prepare, started, train_prepared
from vgae_core.runs.processes.environment import processors, threads_asked
from vgae_core.runs.results.codes import with_all_edges
from vgae_core.runs.results.result import RunResult
from vgae_core.settings import RunSpec
from vgae_core.training.batches import Batches
from vgae_core.training.checkpoints import CHECKPOINT_SECONDS, Checkpoint
from vgae_core.training.events import Event, Finished, Stage


def execute(
    spec: RunSpec,
    graph: GraphData,
    *,
    split: LinkSplit | None = None,
    prepared: Prepared | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
    should_stop: Callable[[], bool] = lambda: False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    building: Building = contextlib.nullcontext,
    start: Checkpoint | None = None,
    on_checkpoint: Callable[[Checkpoint], None] | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> RunResult:
    """Run one specification on one graph and return everything it found.

    The same seed on the same machine gives the same numbers.  The encoder sees the training edges
    only; the test pairs are scored once, with the weights of the best validation epoch.  Then all edges are encoded
    once, for what people take home (:mod:`vgae_core.runs.results.codes`).

    Parameters
    ----------
    spec : RunSpec
        With settings of its own.
    graph : GraphData
        After the repairs of the specification.
    split : LinkSplit, optional
        Held-out pairs to use instead of drawing them.
    prepared : Prepared, optional
        From :func:`prepare` with the same arguments, which need not be done again.
    on_event : callable
        Told each :class:`~vgae_core.training.events.Event` as it happens.
    should_stop : callable
        Polled during training; True ends it, and what was learnt so far is scored and returned.
    callbacks : sequence of keras.callbacks.Callback
        Passed on to ``fit``.
    building : callable
        Returns a context entered while a model is built, and only then, where several threads build models:
        the seeds of layers come from a generator that they share.
    start, on_checkpoint, checkpoint_seconds
        See :func:`vgae_core.training.trainer.train`.

    Raises
    ------
    SpecError
        If the specification makes no sense for the data.
    DataError
        If the graph is too small to split or has negative weights.
    RunError
        If the loss is not finite from the first epoch on.
    """

    def stage(name: str) -> None:
        on_event(Stage(name=name, at=time.time()))

    began = time.perf_counter()
    prepared = prepared or prepare(spec, graph, split=split, on_event=on_event, building=building)
    on_event(started(spec, prepared))
    finished = train_prepared(
        spec,
        graph,
        prepared,
        on_event=on_event,
        should_stop=should_stop,
        callbacks=callbacks,
        start=start,
        on_checkpoint=on_checkpoint,
        checkpoint_seconds=checkpoint_seconds,
    )
    split, label_part, family = prepared.split, prepared.label_part, family_of(spec)
    built, batches = prepared.built, prepared.batches
    if finished.reason == "failed" and not finished.best_epoch:
        raise RunError(finished.message)

    stage("scoring")
    latent = prepared.encode()
    z_mean = latent["z_mean"]
    network = built.scorer(z_mean, batches.totals, batches.units)

    def factors() -> Factors:
        return built.factors(z_mean, batches.totals, batches.units)

    stack = family.stack(spec, graph, split, prepared.known, network, factors)
    scores, metrics = family.evaluate(
        spec,
        graph,
        split,
        prepared.known,
        network,
        stack=stack,
        factors=factors,
        before_baselines=lambda: stage("baselines"),
    )
    if "z_log_var" in latent:
        metrics["latent"] = latent_metrics(z_mean, latent["z_log_var"])
    nodes, node_metrics = score_nodes(built, spec, graph, prepared.table, z_mean, label_part)
    metrics |= node_metrics
    if len(split.val) and np.array_equal(split.test, split.val):  # a trial of a sweep
        metrics["scored_on"] = "validation"
    stage("whole")

    result = RunResult(
        spec=spec,
        metrics=metrics,
        z_mean=z_mean,
        z_log_var=latent.get("z_log_var"),
        split=split,
        scores=scores,
        state={f"model/{i}": value for i, value in enumerate(built.model.get_weights())},
        model={**prepared.description, "stack": stack} if stack else prepared.description,
        factors=family.factors(built, spec, graph, split, z_mean, batches),
        decoder=built.decoder_weights(),
        nodes=nodes,
        environment=environment(spec),
        finished=Finished(
            reason=finished.reason,
            best_epoch=finished.best_epoch,
            message=finished.message,
        ),
    )
    result = with_all_edges(result, graph, prepared.known, positions=_positions(graph, batches))
    if result.whole is not None:
        nodes, _ = score_nodes(built, spec, graph, prepared.table, result.whole.z_mean, label_part)
        result = dataclasses.replace(result, nodes=nodes)
    seconds = time.perf_counter() - began
    result = dataclasses.replace(result, finished=dataclasses.replace(result.finished, seconds=seconds))
    on_event(result.finished)
    return result


def _positions(graph: GraphData, batches: Batches) -> np.ndarray | None:
    """Return what stands in for the features of a graph without any, where the batches hold it."""
    inputs = batches.encoder_inputs
    if graph.features is not None or not isinstance(inputs, list) or "features" not in inputs[0]:
        return None
    return np.asarray(inputs[0]["features"])


def forget_models() -> None:
    """Free what Keras keeps of the models built so far in this process; never while one is being built."""
    keras.backend.clear_session()


def environment(spec: RunSpec) -> dict[str, Any]:
    """Return versions, threads and seed: what else a result depends on."""
    names = ("tensorflow_cpu", "tensorflow", "keras", "numpy", "scipy", "scikit-learn")
    versions = {}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # only one of the two TensorFlow packages is installed
    return {
        "vgae_core": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": versions,
        "intra_op_threads": _threads("INTRA", tf.config.threading.get_intra_op_parallelism_threads()),
        "inter_op_threads": _threads("INTER", tf.config.threading.get_inter_op_parallelism_threads()),
        "seed": spec.seed,
    }


def _threads(kind: str, configured: int) -> int:
    """Return what TensorFlow goes by: a number set in Python, else the environment's, else the processors."""
    return configured or threads_asked(f"TF_NUM_{kind}OP_THREADS") or processors()
