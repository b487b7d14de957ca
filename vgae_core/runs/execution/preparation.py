"""A run up to its first epoch: data split, network built and compiled, batches made; and its training from there."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from vgae_core.data.dataset import GraphData
from vgae_core.data.label_splits import LABEL_VAL, label_parts
from vgae_core.data.node_inputs import scaled_features, works_out_positions
from vgae_core.data.scaling import describe_columns
from vgae_core.data.splits import LinkSplit
from vgae_core.errors import SpecError
from vgae_core.families import family_of
from vgae_core.families.base import TableData
from vgae_core.nn.models import BuiltModel, build, description
from vgae_core.nn.objectives import compile_arguments
from vgae_core.nn.validation import Validate, make_validate
from vgae_core.settings import RunSpec
from vgae_core.training.batches import Batches
from vgae_core.training.events import Event, Finished, Stage, Started
from vgae_core.training.trainer import Encode, compile_model, make_encode, rehearse, train

Building = Callable[[], AbstractContextManager[Any]]
"""Returns a context entered while a model is built, and only then, where several threads build models: the seeds of
layers come from a generator that they share."""


@dataclass(frozen=True)
class Prepared:
    """A run up to its first epoch, with which :func:`vgae_core.runs.execution.pipeline.execute` goes on, once.

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
    validate : callable
        From codes and logits to losses and metrics of what is held out for validation.
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
    validate: Validate


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

    Parameters
    ----------
    spec, graph, split, on_event, building
        See :func:`vgae_core.runs.execution.pipeline.execute`.
    ahead : bool
        Also let TensorFlow trace the first step, for a run that is started later; its numbers are the same.

    Raises
    ------
    SpecError, DataError
        As :func:`vgae_core.runs.execution.pipeline.execute`.
    """
    if spec.recipe == "auto":
        raise SpecError(
            "A single run needs fixed settings, but recipe is `auto`.",
            where="recipe",
            mend="Choose a recipe, or let a sweep choose one (`sweep` on the command line).",
        )
    on_event(Stage(name="splitting", at=time.time()))
    family = family_of(spec)
    if split is None:
        split = family.split(graph, spec)
    known = family.known(graph, split)
    label_part = label_parts(graph, spec.split, spec.seed)

    on_event(Stage(name="building", at=time.time()))
    with building():
        built = build(spec, graph.profile)
        compiled, notes = compile_arguments(built.outputs)
    table = family.table(graph, split, known, spec, built.outputs)
    if table is not None:
        answer = built.outputs[table.output].head.trivial_answer(table.learnt)  # type: ignore[arg-type]
        built.feature_head.bias.assign(answer)
    if works_out_positions(spec.model, graph.profile):
        on_event(Stage(name="positions", at=time.time()))
    batches = family.batches(graph, split, known, spec, label_part, table)
    model = description(built, spec, graph.profile, notes)
    model["expected_collisions"] = batches.expected_collisions
    model |= family.reading(graph, split, built.outputs)
    compile_model(built, batches, spec, compiled)
    encode = make_encode(built, batches)
    held_out = np.flatnonzero(label_part == LABEL_VAL) if label_part is not None else np.zeros(0, np.int64)
    n_val = len(split.val) + len(split.val_neg)
    validate = make_validate(built, compiled["loss"], len(split.val), n_val, graph.labels, held_out)
    if ahead:
        rehearse(built, batches, encode)
        if n_val:
            validate(encode()["z_mean"], np.zeros(n_val, np.float32))
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
        validate=validate,
    )


def started(spec: RunSpec, prepared: Prepared) -> Started:
    """Return the event with which the training of what was prepared begins."""
    return Started(
        model=prepared.description,
        epochs=spec.training.epochs,
        steps_per_epoch=prepared.batches.steps_per_epoch,
        at=time.time(),
    )


def train_prepared(spec: RunSpec, graph: GraphData, prepared: Prepared, **options: Any) -> Finished:
    """Train what was prepared; keywords are those of :func:`vgae_core.training.trainer.train`."""
    finished = train(
        prepared.built,
        prepared.batches,
        prepared.split,
        spec,
        prepared.compiled,
        prepared.encode,
        validate=prepared.validate,
        **options,
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
