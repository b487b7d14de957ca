"""Encoders of finished runs in plain arrays: the same steps as :mod:`vgae_core.nn.encoders`, without TensorFlow.

An encoder is a list of steps.  Most make a node's row from that node's rows alone; the others pass messages, one hop.
So the rows that an edit of the graph can change are known step by step, and only those need working out again
(:mod:`vgae_core.analysis.network`).  Each is named by its entry in
:data:`vgae_core.catalogue.encoders.ENCODERS`, adds its steps to a plan and returns the last one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from scipy import sparse

from vgae_core.catalogue.base import load
from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.data.propagation import LENGTH
from vgae_core.errors import RunError
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


@dataclass
class Plan:
    """What an encoder does with the features, step by step; the last step gives the latent distribution.

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
        """Add the steps of the model's encoder and return the last one.

        Raises
        ------
        RunError
            If the encoder has no plain form.
        """
        place = ENCODERS[self.model.encoder].plain
        if not place:
            raise RunError(f"Encoder `{self.model.encoder}` has no plain form.", where="model.encoder")
        return int(load(place)(self))

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

    def hop(self, value: int) -> int:
        """Add one hop over the message edges."""
        return self._add(Step("hop", (value,)))

    def table(self, name: str) -> int:
        """Add the table of free vectors of a layer."""
        return self._add(Step("input", table=self.layers[name][0]))

    def map(self, value: int | None, name: str) -> int:
        """Add ``H W + b``; without a value before it the first map: of features, of free vectors, or both."""
        if value is not None:
            return self.rows(affine(self.layers[name]), value)
        if not self.has_features:
            return self.table(name)
        mapped = self.rows(affine(self.layers[name]), 0)
        return self.rows(np.add, mapped, self.table(f"{name}_table")) if self.free else mapped

    def activated(self, value: int, name: str) -> int:
        """Add relu, after batch normalisation where the layer has one."""
        if self.model.batch_normalisation:
            value = self.rows(batch_normalisation(self.layers[f"{name}_normalised"]), value)
        return self.rows(relu, value)


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


# ---------------------------------------------------------------------------- encoders
def gcn(plan: Plan) -> int:
    """Return the last step of ``A relu(A X W0) W1``."""
    hidden: int | None = None
    for depth in range(1, len(plan.model.hidden_units or (plan.model.latent_dim,)) + 1):
        name = f"hidden_{depth}"
        hidden = plan.activated(plan.hop(plan.map(hidden, name)), name)
    return plan.hop(plan.map(hidden, "latent_map"))


def linear(plan: Plan) -> int:
    """Return the last step of ``A X W``."""
    return plan.hop(plan.map(None, "latent_map"))


def sgc(plan: Plan) -> int:
    """Return the last step of ``A^k X W``."""
    hidden = plan.map(None, "latent_map")
    for _ in range(plan.model.hops):
        hidden = plan.hop(hidden)
    return hidden


def normalised(plan: Plan) -> int:
    """Return the last step of one hop over rows of X W scaled to one length, or over X so scaled, then mapped."""
    d = plan.model.latent_dim
    if plan.once:
        kernel, bias = plan.layers["latent_map"]
        mapped = plan.rows(lambda x: affine((kernel,))(scaled(x)), 0)
        return plan.rows(lambda x: x + bias, plan.hop(mapped))
    both = plan.map(None, "latent_map")
    return plan.hop(plan.rows(lambda x: np.concatenate([scaled(x[:, :d]), x[:, d:]], axis=1), both))


def appnp(plan: Plan) -> int:
    """Return the last step of dense layers, propagated k times with a share of the start."""
    hidden: int | None = None
    for depth in range(1, len(plan.model.hidden_units) + 1):
        hidden = plan.activated(plan.map(hidden, f"hidden_{depth}"), f"hidden_{depth}")
    share = np.float32(plan.model.teleport)
    start = hidden = plan.map(hidden, "latent_map")
    for _ in range(plan.model.hops):
        hidden = plan.rows(lambda far, near: (1 - share) * far + share * near, plan.hop(hidden), start)
    return hidden


def sage(plan: Plan) -> int:
    """Return the last step of layers ``relu(X W + b + M (X V + c))``."""
    hidden: int | None = None
    names = [*(f"hidden_{depth}" for depth in range(1, len(plan.model.hidden_units) + 1)), "latent"]
    for name in names:
        both = plan.map(hidden, f"{name}_maps")
        own = plan.rows(lambda x: x[:, : x.shape[1] // 2], both)
        near = plan.hop(plan.rows(lambda x: x[:, x.shape[1] // 2 :], both))
        hidden = plan.rows(np.add, own, near)
        if name != "latent":
            hidden = plan.activated(hidden, name)
    assert hidden is not None  # noqa: S101  there is at least the latent layer
    return hidden


def dense(plan: Plan) -> int:
    """Return the last step of dense layers on rows of a matrix."""
    scale = plan.scale
    hidden = 0 if scale is None else plan.rows(lambda x: _entering(x, scale), 0)
    for depth in range(1, len(plan.model.hidden_units) + 1):
        hidden = plan.activated(plan.map(hidden, f"hidden_{depth}"), f"hidden_{depth}")
    return plan.map(hidden, "latent")
