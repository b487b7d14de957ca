"""Where a training stands between two epochs: everything that the next one depends on, as plain arrays.

Batches, negatives and masks are pure functions of seed and step, so the number of epochs says where in the data a
training is; weights, the optimiser's moments and the states of random generators are variables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vgae_core.errors import RunError

CHECKPOINT_SECONDS = 15.0
"""Between two checkpoints of a training."""

_BEST, _VARIABLE = "best/", "variable/"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A training after some epochs.

    Parameters
    ----------
    epoch : int
        Epochs done.
    best_epoch : int
    best_score : float
        By which the best epoch is chosen.
    variables : sequence of ndarray
        Of the model and its optimiser, in their order.
    best_weights : sequence of ndarray
        Of the best epoch.
    patience_from : int
        Epoch before which patience does not count, 0 unless training goes on after it had ended.
    """

    epoch: int
    best_epoch: int
    best_score: float
    variables: Sequence[np.ndarray]
    best_weights: Sequence[np.ndarray]
    patience_from: int = 0

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the checkpoint as named arrays."""
        arrays = {
            "epochs": np.array([self.epoch, self.best_epoch, self.patience_from], np.int64),
            "best_score": np.array([self.best_score], np.float64),
        }
        arrays |= {f"{_VARIABLE}{i}": value for i, value in enumerate(self.variables)}
        return arrays | {f"{_BEST}{i}": value for i, value in enumerate(self.best_weights)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Checkpoint:
        """Return the checkpoint that :meth:`to_arrays` wrote.

        Raises
        ------
        RunError
            If it is none.
        """
        epochs, score = arrays.get("epochs"), arrays.get("best_score")
        if epochs is None or score is None or epochs.shape != (3,) or score.shape != (1,):
            raise RunError("Not a checkpoint.", mend="Train the run again from the beginning.")
        epoch, best_epoch, patience_from = (int(number) for number in epochs)
        return cls(
            epoch,
            best_epoch,
            float(score[0]),
            _listed(arrays, _VARIABLE),
            _listed(arrays, _BEST),
            patience_from,
        )


def _listed(arrays: Mapping[str, np.ndarray], prefix: str) -> list[np.ndarray]:
    n = sum(name.startswith(prefix) for name in arrays)
    return [arrays[f"{prefix}{i}"] for i in range(n)]


def size(variables: Iterable[Any]) -> int:
    """Return how many bytes a checkpoint of Keras variables takes, roughly: the best weights come on top."""
    return sum(int(np.prod(v.shape)) * np.dtype(v.dtype).itemsize for v in variables)


def restore(checkpoint: Checkpoint, variables: Sequence[Any]) -> None:
    """Give Keras variables the values they had.

    Raises
    ------
    RunError
        If the checkpoint is of another model.
    """
    shapes = [tuple(variable.shape) for variable in variables]
    if shapes != [value.shape for value in checkpoint.variables]:
        raise RunError("The checkpoint is of another model.", mend="Train the run again from the beginning.")
    for variable, value in zip(variables, checkpoint.variables, strict=True):
        variable.assign(value)
