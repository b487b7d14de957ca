"""The one place that knows the order of a run: split, build, train, score, compare, encode all edges."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy import sparse
from sklearn.metrics import accuracy_score, f1_score

from vgae_core import __version__
from vgae_core.analysis.decoders import SAMPLED_PAIRS, bilinear
from vgae_core.analysis.embedding import latent_metrics
from vgae_core.data.dataset import GraphData
from vgae_core.data.label_splits import LABEL_TEST, LABEL_TRAIN, label_parts
from vgae_core.data.node_inputs import (
    scaled_features,
    works_out_positions,
)
from vgae_core.data.scaling import describe_columns
from vgae_core.data.splits import LinkSplit
from vgae_core.errors import DataError, RunError, StudioError
from vgae_core.families import family_of
from vgae_core.families.base import TableData
from vgae_core.nn.models import (
    BuiltModel,
    build,
    decoder,
    describe,
    description,
    feature_head,
    pair_factors,
    pair_scorer,
    pair_weights,
)
from vgae_core.nn.objectives import compile_arguments
from vgae_core.runs.codes import with_all_edges
from vgae_core.runs.environment import processors, threads_asked
from vgae_core.runs.result import RunResult
from vgae_core.settings import RunSpec
from vgae_core.settings.recipes import candidates
from vgae_core.training.batches import Batches
from vgae_core.training.checkpoints import CHECKPOINT_SECONDS, Checkpoint
from vgae_core.training.events import EpochEnd, Event, Finished, Stage, Started, Trial
from vgae_core.training.progress import best_trial
from vgae_core.training.trainer import Encode, compile_model, make_encode, rehearse, train

__all__ = ["Prepared", "describe", "execute", "prepare"]

Building = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Prepared:
    """A run up to its first epoch: what :func:`prepare` returns and :func:`execute` goes on with, once.

    Parameters
    ----------
    split : LinkSplit
    known : csr_array
        What the model may see of the data (:meth:`vgae_core.families.base.Family.known`).
    label_part : ndarray of int8, shape (n_nodes,), or None
        Which nodes' labels are known, validated and tested.
    table : TableData or None
        What the output of features or of a matrix learns from.
    built, batches, encode
        Compiled network, training batches and the function that encodes the training data.
    compiled : dict
        Losses, metrics and weights by output.
    description : dict
        The model, as the run's folder keeps it.
    """

    split: LinkSplit
    known: sparse.csr_array
    label_part: np.ndarray | None
    table: TableData | None
    built: BuiltModel
    batches: Batches
    encode: Encode
    compiled: dict[str, Any]
    description: dict[str, Any]


def prepare(
    spec: RunSpec,
    graph: GraphData,
    *,
    split: LinkSplit | None = None,
    ahead: bool = False,
    on_event: Callable[[Event], None] = lambda event: None,
    building: Building = contextlib.nullcontext,
) -> Prepared:
    """Split the data, build and compile the model and make its batches.

    Where a recipe is to be chosen, the model is that of the first one tried.

    Parameters
    ----------
    spec, graph, split, on_event, building
        See :func:`execute`.
    ahead : bool
        Also let TensorFlow trace the first step, for a run that is started later; its numbers are the same.

    Raises
    ------
    SpecError, DataError
        As :func:`execute`.
    """
    if spec.recipe == "auto":
        spec = next(iter(candidates(spec, has_features=graph.features is not None).values()))
    on_event(Stage(name="splitting", at=time.time()))
    family = family_of(spec)
    if split is None:
        split = family.split(graph, spec)
    known = family.known(graph, split)
    label_part = label_parts(graph, spec.split, spec.seed)

    on_event(Stage(name="building", at=time.time()))
    with building():
        keras.utils.set_random_seed(spec.seed)  # from which Keras draws a seed for each layer
        built = build(spec, graph.profile)
        compiled, notes = compile_arguments(built.outputs)
    table = family.table(graph, known, spec, built.outputs)
    if table is not None:
        answer = built.outputs[table.output].head.trivial_answer(table.seen)  # type: ignore[arg-type]
        feature_head(built).bias.assign(answer)
    if works_out_positions(spec.model, graph.profile):
        on_event(Stage(name="positions", at=time.time()))
    batches = family.batches(graph, split, known, spec, label_part, table)
    model = description(built, spec, graph.profile, notes)
    model["expected_collisions"] = batches.expected_collisions
    model |= family.reading(graph, split, built.outputs)
    compile_model(built, batches, spec, compiled)
    encode = make_encode(built, batches)
    if ahead:
        rehearse(built, batches, encode)
    return Prepared(
        split=split,
        known=known,
        label_part=label_part,
        table=table,
        built=built,
        batches=batches,
        encode=encode,
        compiled=compiled,
        description=model,
    )


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
    once, for what people take home (:mod:`vgae_core.runs.codes`).

    Parameters
    ----------
    spec : RunSpec
        Where its recipe is ``auto``, every recipe that fits the data is trained on the same split; the best one is
        the specification of the result, and by itself gives the same result again.
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
        See :func:`vgae_core.training.trainer.train`; no checkpoints are made while recipes are tried.

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

    started = time.perf_counter()
    tried: list[Trial] = []
    if spec.recipe == "auto":
        spec, prepared, finished, tried = _best_recipe(
            spec,
            graph,
            split,
            prepared,
            on_event=on_event,
            should_stop=should_stop,
            callbacks=callbacks,
            building=building,
        )
    else:
        prepared = prepared or prepare(spec, graph, split=split, on_event=on_event, building=building)
        on_event(_started(spec, prepared))
        finished = _train(
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
    network = pair_scorer(built, spec.model, z_mean, batches.totals, batches.units)
    stack = family.stack(spec, graph, split, prepared.known, network)
    scores, metrics = family.evaluate(
        spec,
        graph,
        split,
        prepared.known,
        network,
        stack=stack,
        factors=lambda: pair_factors(built, z_mean, batches.totals, batches.units),
        before_baselines=lambda: stage("baselines"),
    )
    if "z_log_var" in latent:
        metrics["latent"] = latent_metrics(z_mean, latent["z_log_var"])
    nodes, node_metrics = _score_nodes(built, spec, graph, prepared.table, z_mean, label_part)
    metrics |= node_metrics
    stage("whole")
    if tried:
        metrics["trials"] = [dataclasses.asdict(one) for one in tried]

    result = RunResult(
        spec=spec,
        metrics=metrics,
        z_mean=z_mean,
        z_log_var=latent.get("z_log_var"),
        split=split,
        scores=scores,
        state={f"model/{i}": value for i, value in enumerate(built.model.get_weights())},
        model={**prepared.description, "stack": stack} if stack else prepared.description,
        factors=_factors(built, spec, split, z_mean, batches, graph.directed),
        decoder=pair_weights(built, spec.model),
        nodes=nodes,
        environment=environment(spec),
        finished=Finished(
            reason=finished.reason,
            best_epoch=finished.best_epoch,
            message=finished.message,
        ),
    )
    result = with_all_edges(result, graph, positions=_positions(graph, batches))
    if result.whole is not None:
        nodes, _ = _score_nodes(built, spec, graph, prepared.table, result.whole.z_mean, label_part)
        result = dataclasses.replace(result, nodes=nodes)
    seconds = time.perf_counter() - started
    result = dataclasses.replace(result, finished=dataclasses.replace(result.finished, seconds=seconds))
    on_event(result.finished)
    return result


def _positions(graph: GraphData, batches: Batches) -> np.ndarray | None:
    """Return what stands in for the features of a graph without any, where the batches hold it."""
    inputs = batches.encoder_inputs
    if graph.features is not None or not isinstance(inputs, list) or "features" not in inputs[0]:
        return None
    return np.asarray(inputs[0]["features"])


def _started(spec: RunSpec, prepared: Prepared) -> Started:
    return Started(
        model=prepared.description,
        epochs=spec.training.epochs,
        steps_per_epoch=prepared.batches.steps_per_epoch,
        at=time.time(),
    )


def _train(spec: RunSpec, graph: GraphData, prepared: Prepared, **told: Any) -> Finished:
    """Train what was prepared; keywords are those of :func:`vgae_core.training.trainer.train`."""
    finished = train(
        prepared.built,
        prepared.batches,
        prepared.split,
        spec,
        prepared.compiled,
        prepared.encode,
        **told,
    )
    if finished.reason != "failed":
        return finished
    return dataclasses.replace(finished, message=f"{finished.message} {_what_helps(spec, graph)}")


LARGE_INPUT = 100.0
"""Size of an input from which it is the likely cause of a loss that is not finite."""


def _what_helps(spec: RunSpec, graph: GraphData) -> str:
    """Return what the likely cause of a loss that is not finite is, and what helps."""
    features = scaled_features(graph, spec)
    if features is not None:
        columns = describe_columns(features)
        largest = int(np.argmax(np.maximum(-columns.low, columns.high)))
        low, high = float(columns.low[largest]), float(columns.high[largest])
        if max(-low, high) > LARGE_INPUT:
            name = repr(graph.feature_names[largest]) if graph.feature_names else f"{largest + 1}"
            entered = f"Input column {name:.60} holds values from {low:.7g} to {high:.7g}"
            if spec.scaling == "none":
                return f"{entered}: set `scaling` to `by_kind`."
            return f"{entered}, scaled as it is: take its logarithm, or leave it out."
    return f"Lower the learning rate (now {spec.training.learning_rate:g}) or the weights of the outputs."


TELL_SECONDS = 0.5
"""Between two events of a trial."""


def _best_recipe(
    spec: RunSpec,
    graph: GraphData,
    split: LinkSplit | None,
    prepared: Prepared | None,
    *,
    on_event: Callable[[Event], None],
    should_stop: Callable[[], bool],
    callbacks: Sequence[keras.callbacks.Callback],
    building: Building,
) -> tuple[RunSpec, Prepared, Finished, list[Trial]]:
    """Train every recipe that fits the data and return the best: specification, trained model, end and all trials.

    The best has the highest validation AUC + AP.  Its epochs are told at the end, as if it had been alone.  Only its
    weights are held while others are trained.  Stopping ends the recipe at work and leaves the rest untried.

    Raises
    ------
    StudioError
        If no recipe could be trained: why the last one could not; or a given split has no validation edges.
    """
    if split is not None and not len(split.val):
        raise DataError(
            "The automatic choice of a recipe needs validation edges, and the given split has none.",
            where="split",
            mend="Give a split with some, or set `recipe` to `own`.",
        )
    tried: list[Trial] = []
    refused: StudioError | None = None
    kept: tuple[RunSpec, list[np.ndarray], Finished, list[EpochEnd]] | None = None
    for name, candidate in candidates(spec, has_features=graph.features is not None).items():
        told = _Teller(name, candidate.training.epochs, on_event)
        message = ""
        try:
            prepared = prepared or prepare(
                candidate, graph, split=split, on_event=on_event, building=building
            )
            split = prepared.split
            finished = _train(
                candidate, graph, prepared, on_event=told, should_stop=should_stop, callbacks=callbacks
            )
            if finished.reason == "failed" and not finished.best_epoch:
                message = finished.message
        except StudioError as error:
            refused, message = error, error.message
        tried.append(told.end(message))
        if not message and prepared is not None and best_trial(tried) is tried[-1]:
            kept = (candidate, prepared.built.model.get_weights(), finished, told.epochs)
        prepared = None
        if should_stop():
            break
    if kept is None:
        raise refused or RunError(tried[-1].message)
    spec, weights, finished, epochs = kept
    prepared = prepare(spec, graph, split=split, on_event=on_event, building=building)
    prepared.built.model.set_weights(weights)
    on_event(_started(spec, prepared))
    for event in epochs:
        on_event(event)
    return spec, prepared, finished, tried


class _Teller:
    """Keeps the epochs of a trial and tells of them in a few events."""

    def __init__(self, recipe: str, n_epochs: int, on_event: Callable[[Event], None]) -> None:
        self._recipe, self._n_epochs, self._on_event = recipe, n_epochs, on_event
        self._begun, self._told = time.perf_counter(), 0.0
        self.epochs: list[EpochEnd] = []
        self._on_event(self._trial())

    def __call__(self, event: Event) -> None:
        if not isinstance(event, EpochEnd):
            return
        self.epochs.append(event)
        if time.perf_counter() - self._told > TELL_SECONDS:
            self._told = time.perf_counter()
            self._on_event(self._trial())

    def end(self, message: str) -> Trial:
        """Tell how the trial ended, and return it."""
        found = self._trial(message)
        self._on_event(found)
        return found

    def _trial(self, message: str = "") -> Trial:
        best = next((event for event in reversed(self.epochs) if event.best), None)
        return Trial(
            recipe=self._recipe,
            epoch=len(self.epochs),
            epochs=self._n_epochs,
            val=dict(best.val) if best and not message else {},
            best_epoch=best.epoch if best else 0,
            seconds=time.perf_counter() - self._begun,
            message=message,
        )


def _factors(
    built: BuiltModel,
    spec: RunSpec,
    split: LinkSplit,
    z_mean: np.ndarray,
    batches: Batches,
    directed: bool,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return what :attr:`RunResult.factors` holds: None where both are the codes.

    For a decoder without factors they are fitted to its logits of training edges and as many random pairs.
    """
    if pair_weights(built, spec.model):
        rng = np.random.default_rng([spec.seed, 0xFAC])
        half = SAMPLED_PAIRS // 2
        edges = split.train[rng.permutation(len(split.train))[:half]]
        pairs = np.concatenate([edges, rng.integers(0, len(z_mean), (max(len(edges), 1000), 2))])
        logits = pair_scorer(built, spec.model, z_mean)(pairs)
        return bilinear(z_mean, pairs, logits, directed=directed)
    left, right = pair_factors(built, z_mean, batches.totals, batches.units)
    return None if left is z_mean and right is z_mean else (left, right)


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


def _score_nodes(
    built: BuiltModel,
    spec: RunSpec,
    graph: GraphData,
    table: TableData | None,
    z_mean: np.ndarray,
    label_part: np.ndarray | None,
) -> tuple[dict[str, np.ndarray], dict[str, Mapping[str, float]]]:
    """Return what the node-wise outputs say of every node, and their scores beside a trivial answer."""
    arrays: dict[str, np.ndarray] = {}
    scores: dict[str, Mapping[str, float]] = {}
    names = [output.name for output in spec.active_outputs]
    if "labels" in names and graph.labels is not None and label_part is not None:
        logits = np.asarray(built.model.get_layer("labels")(z_mean))
        arrays["label_probabilities"] = np.asarray(keras.ops.softmax(logits), np.float32)
        arrays["label_part"] = label_part
        test = label_part == LABEL_TEST
        if test.any():
            predicted = logits[test].argmax(axis=1)
            truth = graph.labels[test]
            majority = np.bincount(graph.labels[label_part == LABEL_TRAIN]).argmax()
            scores["labels"] = {
                "accuracy": float(accuracy_score(truth, predicted)),
                "macro_f1": float(f1_score(truth, predicted, average="macro", zero_division=0)),
                "majority_accuracy": float(np.mean(truth == majority)),
                "n_test": int(test.sum()),
            }
    if table is not None:
        arrays["feature_error"], scores["features"] = _feature_errors(built, table, z_mean)
    return arrays, scores


def _feature_errors(
    built: BuiltModel, table: TableData, z_mean: np.ndarray
) -> tuple[np.ndarray, dict[str, float]]:
    """Return each node's feature loss, float32 (n_nodes,), and its mean beside the column means' loss."""
    features: Any = table.targets
    loss = built.model.loss[table.output]
    decode = decoder(built, table.output)
    n, width = features.shape
    answer = built.outputs[table.output].head.trivial_answer(features)
    step = max(1, 4_000_000 // width)
    errors, plain = np.empty(n, np.float32), np.empty(n, np.float32)
    for start in range(0, n, step):
        stop = min(n, start + step)
        block = features[start:stop]
        block = (block.toarray() if sparse.issparse(block) else np.asarray(block)).astype(np.float32)
        predicted = np.asarray(decode(z_mean[start:stop]))
        trivial = np.broadcast_to(answer, block.shape)
        if predicted.shape[1] > width:  # what only the loss reads stays the model's
            trivial = np.concatenate([trivial, predicted[:, width:]], axis=1)
        for into, values in ((errors, predicted), (plain, trivial.astype(np.float32))):
            into[start:stop] = (
                np.asarray(loss.call(tf.constant(block), tf.constant(values)))
                .reshape(stop - start, -1)
                .mean(1)
            )
    return errors, {"mean_error": float(errors.mean()), "column_mean_error": float(plain.mean())}
