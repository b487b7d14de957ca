"""How a sweep searches, and what its points are compared by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vgae_core.catalogue.base import Entry


@dataclass(frozen=True, kw_only=True)
class ObjectiveOfSweep(Entry):
    """What the points of a sweep are compared by."""

    direction: Literal["maximize", "minimize"]


OBJECTIVES: dict[str, ObjectiveOfSweep] = {
    "validation": ObjectiveOfSweep(
        title="Validation AUC + AP",
        help="The sum that selects a run's best epoch, at that epoch.",
        direction="maximize",
    ),
    "roc_auc": ObjectiveOfSweep(
        title="Validation AUC",
        help="Of the held-out validation pairs, in the best epoch.",
        direction="maximize",
    ),
    "average_precision": ObjectiveOfSweep(
        title="Validation average precision",
        help="Of the held-out validation pairs, in the best epoch.",
        direction="maximize",
    ),
    "seconds": ObjectiveOfSweep(
        title="Seconds of training",
        help="Wall-clock time of the whole training, on whichever machine ran it.",
        direction="minimize",
    ),
}
"""Objectives by name; beside them ``NAME_loss`` is the training loss of an output in the best epoch."""

SEARCHES: dict[str, Entry] = {
    "tpe": Entry(
        title="TPE",
        help="Tree-structured Parzen estimator: draws points near good ones, the first ten at random.",
        reference="Bergstra et al. 2011, Algorithms for Hyper-Parameter Optimization, NeurIPS",
    ),
    "random": Entry(
        title="Random",
        help="Draws every point independently.",
        reference="Bergstra & Bengio 2012, Random Search for Hyper-Parameter Optimization, JMLR 13",
    ),
    "grid": Entry(
        title="Grid",
        help="Every combination, in the order listed; a random subset if trials are fewer.",
    ),
}
