"""Training: one ``fit`` that tells every epoch, keeps the best weights and can be stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vgae_core.analysis.metrics import fast_auc_ap, rank_correlation
from vgae_core.data.blocks import let_go
from vgae_core.data.splits import LinkSplit
from vgae_core.host.limits import SERVER_LIMITS
from vgae_core.nn.models import BuiltModel
from vgae_core.nn.validation import Validate
from vgae_core.settings import RunSpec
from vgae_core.training.batches import Batches
from vgae_core.training.checkpoints import CHECKPOINT_SECONDS, Checkpoint, restore, size
from vgae_core.training.events import EpochEnd, Event, Finished

MAX_STEPS_PER_EXECUTION = 16


def steps_per_execution(steps_per_epoch: int) -> int:
    """Return how many steps TensorFlow may run between two looks at Python.

    A divisor of the steps of an epoch, since Keras runs whole executions and would overshoot.
    """
    return max(k for k in range(1, MAX_STEPS_PER_EXECUTION + 1) if steps_per_epoch % k == 0)


Encode = Callable[[], dict[str, np.ndarray]]
"""Codes of the training data with the weights of the moment, see :func:`make_encode`."""


def make_encode(built: BuiltModel, batches: Batches) -> Encode:
    """Return a function that encodes the training data with the current weights.

    It returns ``z_mean`` and, if variational, ``z_log_var``, float32 (n_nodes, latent_dim).
    """

    @tf.function(reduce_retracing=True, autograph=False)
    def encode(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return built.encoder(inputs, training=False)

    def run() -> dict[str, np.ndarray]:
        parts = (encode(inputs) for inputs in batches.encoder_inputs)
        if batches.room is None:
            together = list(parts)
            return {name: np.concatenate([part[name].numpy() for part in together]) for name in together[0]}
        codes = {name: batches.room(tensor.shape[1]) for name, tensor in built.encoder.output.items()}
        start = 0
        for part in parts:
            for name, block in part.items():
                codes[name][start : start + len(block)] = block.numpy()
                let_go(codes[name])
            start += len(block)
        return codes

    return run


class _Watch(keras.callbacks.Callback):
    """Scores each epoch on the validation pairs, keeps the best weights, tells and stops."""

    def __init__(
        self,
        built: BuiltModel,
        spec: RunSpec,
        split: LinkSplit,
        encode: Encode,
        kl_weight: keras.Variable,
        batches: Batches,
        on_event: Callable[[Event], None],
        should_stop: Callable[[], bool],
        start: Checkpoint | None,
        on_checkpoint: Callable[[Checkpoint], None] | None,
        checkpoint_seconds: float,
        validate: Validate,
    ) -> None:
        super().__init__()
        self.validate = validate
        self.built, self.spec, self.split = built, spec, split
        self.encode, self.kl_weight, self.batches = encode, kl_weight, batches
        self.full_kl_weight = float(kl_weight.numpy())
        self.on_event, self.should_stop = on_event, should_stop
        self.best_score, self.best_epoch = -np.inf, 0
        self.best_weights: list[np.ndarray] = []
        self.reason, self.epoch = "completed", 0
        self.infinite: list[str] = []
        self.started = 0.0
        self.patience_from = 0
        if start is not None:
            self.epoch, self.best_score, self.best_epoch = start.epoch, start.best_score, start.best_epoch
            self.best_weights, self.patience_from = list(start.best_weights), start.patience_from
        variables = state_of(built.model)
        if 2 * size(variables) > SERVER_LIMITS.checkpoint_bytes:
            on_checkpoint = None
        self.on_checkpoint, self.checkpoint_seconds = on_checkpoint, checkpoint_seconds
        self.checkpointed = time.perf_counter()
        self.before: Checkpoint | None = None
        """Where the epoch at work began, while it may still be cut short."""

    def checkpoint(self) -> Checkpoint:
        """Return where the training stands, between two epochs."""
        return Checkpoint(
            epoch=self.epoch,
            best_epoch=self.best_epoch,
            best_score=self.best_score,
            variables=[variable.numpy() for variable in state_of(self.built.model)],
            best_weights=list(self.best_weights),
            patience_from=self.patience_from,
        )

    def on_train_end(self, logs: Any = None) -> None:
        if self.on_checkpoint is not None and self.reason != "failed":
            self.on_checkpoint(self.before or self.checkpoint())

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.started = time.perf_counter()
        if self.on_checkpoint is not None and self.batches.steps_per_epoch > MAX_STEPS_PER_EXECUTION:
            self.before = self.checkpoint()
        warmup = self.spec.training.kl_warmup_epochs
        if warmup:
            self.kl_weight.assign(self.full_kl_weight * min(1.0, (epoch + 1) / warmup))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.should_stop():
            self.reason, self.model.stop_training = "cancelled", True
        if batch + 1 == self.batches.steps_per_epoch:
            self.before = None  # the epoch is whole

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch + 1
        logs = {key: float(value) for key, value in (logs or {}).items()}
        if not np.isfinite(logs["loss"]):
            names = [output.name for output in self.spec.active_outputs]
            self.infinite = [name for name in names if not np.isfinite(logs.get(f"{name}_loss", 0.0))]
            self.reason, self.model.stop_training = "failed", True
            return
        val: dict[str, float] = {}
        val_logs: dict[str, float] = {}
        quality = -logs["loss"]
        if len(self.split.val):
            batches = self.batches
            z_mean = self.encode()["z_mean"]
            score = self.built.scorer(z_mean, batches.totals, batches.units)
            positive, negative = score(self.split.val), score(self.split.val_neg)
            auc, ap = fast_auc_ap(positive, negative)
            val_logs = self.validate(z_mean, np.concatenate([positive, negative]))
            val, quality = {"roc_auc": auc, "average_precision": ap}, auc + ap
            if self.batches.val_weights is not None:
                quality += rank_correlation(self.batches.val_weights, positive) or 0.0
        best = quality > self.best_score or self.spec.training.keep == "last"
        if best:
            self.best_score, self.best_epoch = quality, epoch + 1
            self.best_weights = self.model.get_weights()
        self.on_event(
            EpochEnd(
                epoch=epoch + 1,
                logs=logs,
                val=val,
                seconds=time.perf_counter() - self.started,
                best=best,
                val_logs=val_logs,
            )
        )
        patience, since = self.spec.training.patience, max(self.best_epoch, self.patience_from)
        if (
            self.on_checkpoint is not None
            and self.before is None
            and time.perf_counter() - self.checkpointed > self.checkpoint_seconds
        ):
            self.checkpointed = time.perf_counter()
            self.on_checkpoint(self.checkpoint())
        if patience and epoch + 1 - since >= patience and self.reason == "completed":
            self.reason, self.model.stop_training = "early_stopped", True


def state_of(model: keras.Model) -> list[keras.Variable]:
    """Return the variables that the next step of a compiled model depends on, random generators included."""
    return [*model.variables, *model.optimizer.variables]


def _build_variables(model: keras.Model, batches: Batches) -> None:
    """Create what Keras would create in its first training step, which TensorFlow then has to trace twice."""
    model.optimizer.build(model.trainable_variables)
    _, y, weights = next(iter(batches.dataset))
    y_pred = {name: tf.zeros((len(y[name]), tensor.shape[-1])) for name, tensor in model.output.items()}
    model.compute_loss(y=y, y_pred=y_pred, sample_weight=weights)
    model.compute_metrics(None, y, y_pred, weights)


def compile_model(built: BuiltModel, batches: Batches, spec: RunSpec, compiled: dict[str, Any]) -> None:
    """Compile a model and create all its variables, so that :func:`train` or :func:`rehearse` can begin.

    Parameters are those of :func:`train`.
    """
    built.model.compile(
        optimizer=keras.optimizers.Adam(spec.training.learning_rate),
        steps_per_execution=steps_per_execution(batches.steps_per_epoch),
        jit_compile=False,
        **compiled,
    )
    _build_variables(built.model, batches)
    _fuse_calls(built.model)


def _fuse_calls(model: keras.Model) -> None:
    """Call TensorFlow once where Keras does so many times, which takes as long as a third of an epoch of a small graph.

    Keras resets and reads metrics one variable at a time, and asks after each step whether the data have come to an
    end; ours have none.
    """
    model.reset_metrics = tf.function(model.reset_metrics, autograph=False).get_concrete_function()
    model.get_metrics_result = tf.function(model.get_metrics_result, autograph=False).get_concrete_function()
    if model.steps_per_execution == 1:
        model.train_function = _one_step(model)


def _one_step(model: keras.Model) -> Callable[[tf.data.Iterator], dict[str, tf.Tensor]]:
    """Return what takes a batch from an iterator and learns from it: traced once, and called without more ado.

    A `tf.function` compares its arguments with those it was traced for at each call, which for an iterator of many
    tensors takes as long as a tenth of a step of a small graph.
    """
    traced: list[Callable[..., dict[str, tf.Tensor]]] = []

    def step(iterator: tf.data.Iterator) -> dict[str, tf.Tensor]:
        handles = tf.nest.flatten(iterator, expand_composites=True)
        if not traced:
            kind = tf.type_spec_from_value(iterator)

            def learn(*handles: tf.Tensor) -> dict[str, tf.Tensor]:
                same = tf.nest.pack_sequence_as(kind, handles, expand_composites=True)
                return model.train_step(next(same))

            traced.append(tf.function(learn, autograph=False).get_concrete_function(*handles))
        return traced[0](*handles)

    return step


def rehearse(built: BuiltModel, batches: Batches, encode: Encode) -> None:
    """Let TensorFlow trace a compiled model ahead of :func:`train`, which then gives the same numbers sooner.

    A training step is run and every variable put back.
    """
    model = built.model
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    values = [variable.numpy() for variable in variables]
    model.fit(
        batches.dataset,
        steps_per_epoch=steps_per_execution(batches.steps_per_epoch),
        shuffle=False,
        verbose=0,
    )
    encode()
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def train(
    built: BuiltModel,
    batches: Batches,
    split: LinkSplit,
    spec: RunSpec,
    compiled: dict[str, Any],
    encode: Encode,
    *,
    on_event: Callable[[Event], None],
    should_stop: Callable[[], bool],
    callbacks: Sequence[keras.callbacks.Callback] = (),
    start: Checkpoint | None = None,
    on_checkpoint: Callable[[Checkpoint], None] | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    validate: Validate = lambda codes, logits: {},
) -> Finished:
    """Train a compiled model in place and leave it with the weights of its best epoch.

    The best epoch is the one with the highest validation AUC + AP, to which a network that learns weights adds their
    rank correlation, or the lowest loss where no edge is held out for validation; the last one where the
    specification keeps that.

    Parameters
    ----------
    built, batches, split, spec
        Network, training batches, held-out pairs and settings of the run.
    compiled : dict
        From :func:`vgae_core.nn.objectives.compile_arguments`; :func:`compile_model` was given the same.
    encode : callable
        From :func:`make_encode`.
    on_event : callable
        Told an :class:`EpochEnd` after every epoch.
    should_stop : callable
        Polled after every execution of at most 16 steps; True ends the run as cancelled.
    callbacks : sequence of keras.callbacks.Callback
        Any others.
    start : Checkpoint, optional
        Go on from here instead of beginning; the numbers are those of a training that was not interrupted.
    on_checkpoint : callable, optional
        Told where the training stands now and then and at its end, unless that takes too many bytes or the loss was
        not finite.
    checkpoint_seconds : float
        Between two checkpoints at least.
    validate : callable
        From :func:`vgae_core.nn.validation.make_validate`; called after each epoch where there are validation pairs.

    Raises
    ------
    RunError
        If `start` is of another model.

    Returns
    -------
    Finished
        ``failed`` if the loss became infinite or not a number; the best weights so far are kept, and the message
        names the outputs whose loss it was.
    """
    watch = _Watch(
        built,
        spec,
        split,
        encode,
        compiled["loss_weights"]["z_vars"],
        batches,
        on_event,
        should_stop,
        start,
        on_checkpoint,
        checkpoint_seconds,
        validate,
    )
    started = time.perf_counter()
    dataset, first = batches.dataset, 0
    if start is not None:
        restore(start, state_of(built.model))
        first = start.epoch
        dataset = dataset.skip(first * batches.steps_per_epoch)
    built.model.fit(
        dataset,
        initial_epoch=first,
        epochs=spec.training.epochs,
        steps_per_epoch=batches.steps_per_epoch,
        shuffle=False,
        verbose=0,
        callbacks=[watch, *callbacks],
    )
    if watch.best_weights:
        built.model.set_weights(watch.best_weights)
    message = ""
    if watch.reason == "failed":
        whose = f" of output {' and '.join(f'`{name}`' for name in watch.infinite)}" if watch.infinite else ""
        message = f"The loss{whose} was not finite in epoch {watch.epoch}."
    return Finished(
        reason=watch.reason,  # type: ignore[arg-type]
        best_epoch=watch.best_epoch,
        seconds=time.perf_counter() - started,
        message=message,
    )
