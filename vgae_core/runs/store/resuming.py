"""Going on with a run that was interrupted or has ended, from its last checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vgae_core.data.partitions.prepared import PreparedSplit
from vgae_core.data.splits import PARTS, LinkSplit
from vgae_core.errors import RunError
from vgae_core.runs.disk.files import read_arrays
from vgae_core.runs.store.folder import RunFolder
from vgae_core.settings import RunSpec
from vgae_core.training.checkpoints import Checkpoint
from vgae_core.training.events import EpochEnd

_SPLIT = "split/"


@dataclass(frozen=True, eq=False)
class Continuation:
    """What a run needs that goes on with another.

    Parameters
    ----------
    spec : RunSpec
    start : mapping of str to ndarray
        The checkpoint.
    history : tuple of EpochEnd
        The epochs before it.
    split : LinkSplit, optional
        Held-out pairs, where they were given and not drawn.
    """

    spec: RunSpec
    start: Mapping[str, np.ndarray]
    history: tuple[EpochEnd, ...]
    split: LinkSplit | None


def can_continue(run: RunFolder) -> bool:
    """Return whether a run has ended and has a checkpoint."""
    return not run.active and run.checkpoint_path.exists()


def left(run: RunFolder) -> int:
    """Return how many epochs an interrupted run still has to go, 0 where it had come to its end."""
    if run.has_result and run.finished().reason in ("completed", "early_stopped"):
        return 0
    return max(0, run.spec.training.epochs - _read(run)[0].epoch)


def continuation(run: RunFolder, more_epochs: int = 0) -> Continuation:
    """Return how to go on with a run.

    Parameters
    ----------
    run : RunFolder
    more_epochs : int
        Beyond those it has done, for which patience begins anew; without, it goes on to the end it was meant to have.

    Raises
    ------
    RunError
        If it has no checkpoint, or nothing is left to do.
    SpecError
        If these are more epochs than a run may have.
    """
    if not can_continue(run):
        raise RunError("This run has no checkpoint.", mend="Train it again from the beginning.")
    checkpoint, arrays = _read(run)
    spec = run.spec
    if more_epochs:
        spec = spec.replace("training.epochs", checkpoint.epoch + more_epochs)
        arrays = {
            **arrays,
            "epochs": np.array([checkpoint.epoch, checkpoint.best_epoch, checkpoint.epoch], np.int64),
        }
    elif left(run) < 1:
        raise RunError("This run has completed all its epochs.", mend="Train it further instead.")
    parts = {name.removeprefix(_SPLIT): array for name, array in arrays.items() if name.startswith(_SPLIT)}
    return Continuation(
        spec=spec,
        start={name: array for name, array in arrays.items() if not name.startswith(_SPLIT)},
        history=tuple(event for event in run.history() if event.epoch <= checkpoint.epoch),
        split=LinkSplit(**parts) if parts else run.prepared_split(),
    )


def split_arrays(split: LinkSplit | None) -> dict[str, np.ndarray]:
    """Return the parts of a split as a checkpoint keeps them; none where it is drawn, or lies in a prepared folder."""
    if split is None or isinstance(split, PreparedSplit):
        return {}
    return {f"{_SPLIT}{part}": getattr(split, part) for part in PARTS}


def _read(run: RunFolder) -> tuple[Checkpoint, dict[str, np.ndarray]]:
    arrays = read_arrays(run.checkpoint_path)
    return Checkpoint.from_arrays(arrays), arrays
