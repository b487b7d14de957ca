"""Encoders of finished runs without TensorFlow: :mod:`vgae_core.model_parts.encoders` carried out by NumPy.

An encoder is a list of steps.  Most make a node's row from that node's rows alone; the others pass messages, one hop.
So the rows that an edit of the graph can change are known step by step, and only those need working out again
(:mod:`vgae_core.analysis.network`).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from scipy import sparse

from vgae_core.catalogue.base import load
from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.data.propagation import LENGTH
from vgae_core.settings import ModelSpec

Layers = Mapping[str, tuple[np.ndarray, ...]]
"""Weights by the name of their layer, in Keras' order."""

_SMALLEST = 1e-12
"""Square of a length below which a row is not scaled (as in :class:`vgae_core.nn.layers.ScaleRows`)."""

_EPSILON = 1e-3
"""Added to variances in batch normalisation (Keras' default)."""


@dataclass(frozen=True)
class Step:
    """One step of an encoder.

    Parameters
    ----------
    kind : str
        ``"input"`` (features, or a table of free vectors), ``"rows"`` or ``"hop"``.
    inputs : tuple of int
        Steps it reads.
    function : callable or None
        Of a step of rows: from arrays with one row per node to another.
    table : ndarray of float32, shape (n_nodes, units), or None
        Of an input that is a table.
    """

    kind: Literal["input", "rows", "hop"]
    inputs: tuple[int, ...] = ()
    function: Callable[..., np.ndarray] | None = None
    table: np.ndarray | None = None

    def value(self, inputs: list[Any], features: Any | None, matrix: sparse.csr_array | None) -> Any:
        """Return its value for all nodes, from those of the steps it reads."""
        if self.kind == "input":
            return features if self.table is None else self.table
        if self.kind == "hop":
            return np.asarray(matrix @ inputs[0], np.float32)
        assert self.function is not None  # noqa: S101  steps of rows have one
        return self.function(*inputs)


@dataclass(frozen=True)
class Columns:
    """What a function makes of steps, not yet a step itself: whatever reads it does that at once."""

    inputs: tuple[int, ...]
    function: Callable[..., np.ndarray]


Value = int | Columns
"""A step, or what is still to be part of one."""


@dataclass
class Plan:
    """What an encoder does with the features, step by step (:class:`vgae_core.model_parts.encoders.Steps`).

    Parameters
    ----------
    model : ModelSpec
    layers : mapping of str to tuple of ndarray
    has_features : bool
        Whether nodes have features, or positions that stand in for them.
    free : bool
        Whether every node has a free vector beside these.
    once : bool
        Whether messages passed before training, so that the bias of the map comes after them.
    scale : str or None
        How rows of a matrix enter: ``"log"`` for log(1 + x), ``"length"`` for rows of length 1
        (:class:`vgae_core.nn.layers.ScaleInput`).
    """

    model: ModelSpec
    layers: Layers
    has_features: bool
    free: bool = False
    once: bool = False
    scale: str | None = None
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.has_features:
            self.steps.append(Step("input"))

    def encode(self) -> int:
        """Add the steps of the model's encoder and return the last one."""
        if self.once:
            return self._once()
        return self._step(load(ENCODERS[self.model.encoder].builder)(self, self.model))

    def _once(self) -> int:
        """Add the steps of an encoder whose messages passed before training: its map, then its hops, then its bias."""
        entry = ENCODERS[self.model.encoder]
        kernel, *bias = self.layers["latent_map"]
        first, mapped = affine((kernel,)), 0
        to_one_length = entry.once == "scaled_rows"
        mapped = self.rows(lambda x: first(scaled(x) if to_one_length else x), 0)
        for _ in range(self.model.hops if "hops" in entry.settings else 1):
            mapped = self._add(Step("hop", (mapped,)))
        return self.rows(lambda x: x + bias[0], mapped) if bias else mapped

    def run(self, last: int, features: Any | None, matrix: sparse.csr_array | None = None) -> np.ndarray:
        """Return the value of a step, forgetting every other as soon as no later step reads it.

        Parameters
        ----------
        last : int
        features : csr_array or ndarray, shape (n, n_columns), or None
        matrix : csr_array, shape (n, n), optional
            By which a hop multiplies.
        """
        to_read = Counter(i for step in self.steps for i in step.inputs)
        to_read[last] += 1
        values: dict[int, Any] = {}
        for number, step in enumerate(self.steps):
            values[number] = step.value([values[i] for i in step.inputs], features, matrix)
            for i in step.inputs:
                to_read[i] -= 1
                if not to_read[i]:
                    del values[i]
        return np.asarray(values[last])

    def _add(self, step: Step) -> int:
        self.steps.append(step)
        return len(self.steps) - 1

    def rows(self, function: Callable[..., np.ndarray], *inputs: int) -> int:
        """Add a step that works on each node's row by itself."""
        return self._add(Step("rows", inputs, function))

    def _step(self, value: Value) -> int:
        """Return the step of a value, added where it is none yet."""
        return value if isinstance(value, int) else self.rows(value.function, *value.inputs)

    def _of_columns(self, function: Callable[..., np.ndarray], *values: Value) -> Columns:
        """Return what a function makes of values, as part of the step that reads it."""
        parts = [value if isinstance(value, Columns) else Columns((value,), _same) for value in values]
        ends = list(itertools.accumulate(len(part.inputs) for part in parts))

        def apply(*arrays: np.ndarray) -> np.ndarray:
            starts = [0, *ends[:-1]]
            return function(
                *(part.function(*arrays[a:b]) for part, a, b in zip(parts, starts, ends, strict=True))
            )

        return Columns(tuple(step for part in parts for step in part.inputs), apply)

    @property
    def width(self) -> int:
        """Units of the latent distribution."""
        return self.model.latent_dim * (2 if self.model.variational else 1)

    def map(self, value: Value | None, units: int, name: str, *, bias: bool = False) -> int:
        """Add ``H W + b``; without a value before it the first map: of the input, of free vectors, or both."""
        if value is not None:
            return self.rows(affine(self.layers[name]), self._step(value))
        if not self.has_features:
            return self._table(name)
        scale, given = self.scale, 0
        if scale is not None:
            given = self.rows(lambda x: _entering(x, scale), 0)
        mapped = self.rows(affine(self.layers[name]), given)
        return self.rows(np.add, mapped, self._table(f"{name}_table")) if self.free else mapped

    def _table(self, name: str) -> int:
        """Add the table of free vectors of a layer."""
        return self._add(Step("input", table=self.layers[name][0]))

    def hop(self, value: Value, name: str) -> int:
        """Add one hop over the message edges."""
        return self._add(Step("hop", (self._step(value),)))

    def hop_back(self, value: Value, start: Value, share: float, name: str) -> int:
        """Add one hop that returns to the start with a share."""
        part = np.float32(share)
        return self.rows(
            lambda far, near: (1 - part) * far + part * near, self.hop(value, name), self._step(start)
        )

    def activated(self, value: Value, name: str) -> int:
        """Add relu, after batch normalisation where the layer has one."""
        last = self._step(value)
        if self.model.batch_normalisation:
            last = self.rows(batch_normalisation(self.layers[f"{name}_normalised"]), last)
        return self.rows(relu, last)

    def half(self, value: Value, which: int) -> Columns:
        """Return the first (0) or the second (1) half of the columns."""
        return self._of_columns(
            lambda x: x[:, x.shape[1] // 2 :] if which else x[:, : x.shape[1] // 2], value
        )

    def scaled(self, value: Value, name: str) -> Columns:
        """Return rows scaled to one length."""
        return self._of_columns(scaled, value)

    def beside(self, left: Value, right: Value, name: str) -> Columns:
        """Return the columns of both, side by side."""
        return self._of_columns(lambda x, y: np.concatenate([x, y], axis=1), left, right)

    def add(self, left: Value, right: Value, name: str) -> int:
        """Add the sum of both."""
        return self._step(self._of_columns(np.add, left, right))


def _same(x: np.ndarray) -> np.ndarray:
    return x


def affine(weights: tuple[np.ndarray, ...]) -> Callable[[Any], np.ndarray]:
    """Return the function ``x -> x W + b`` of a dense layer; of a sparse x too."""
    kernel, bias = weights[0], weights[1] if len(weights) > 1 else None

    def apply(x: Any) -> np.ndarray:
        product = np.asarray(x @ kernel, np.float32)
        return product if bias is None else product + bias

    return apply


def relu(x: np.ndarray) -> np.ndarray:
    """Return max(x, 0)."""
    return np.maximum(x, 0)


def batch_normalisation(weights: tuple[np.ndarray, ...]) -> Callable[[np.ndarray], np.ndarray]:
    """Return batch normalisation as after training, with the moving mean and variance."""
    gamma, beta, mean, variance = weights
    scale = (gamma / np.sqrt(variance + _EPSILON)).astype(np.float32)
    return lambda x: (x - mean) * scale + beta


def scaled(x: Any) -> Any:
    """Return x, dense or sparse, with every row of Euclidean length :data:`~vgae_core.data.propagation.LENGTH`."""
    square = np.asarray(x.multiply(x).sum(axis=1)) if sparse.issparse(x) else np.square(x).sum(axis=1)
    factor = (LENGTH / np.sqrt(np.maximum(square, _SMALLEST))).astype(np.float32)
    if sparse.issparse(x):
        return sparse.csr_array(sparse.dia_array((factor[None], [0]), shape=(len(factor),) * 2) @ x)
    return x * factor[:, None]


def _entering(x: Any, scale: str) -> Any:
    """Return rows of a matrix as they enter the network."""
    if scale == "length":
        return scaled(x) / np.float32(LENGTH)
    return x.log1p() if sparse.issparse(x) else np.log1p(x)
