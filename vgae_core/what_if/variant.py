"""Variants: runs trained on an edited graph, compared with the run that was asked, on the same held-out pairs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vgae_core.analysis.alignment import aligned
from vgae_core.analysis.decisions import LEAST_TESTED
from vgae_core.analysis.links import Direction
from vgae_core.analysis.paired import Difference, paired_differences
from vgae_core.data.dataset import GraphData
from vgae_core.data.non_edges import codes, contains
from vgae_core.data.splits import LinkSplit
from vgae_core.errors import DataError, RunError
from vgae_core.runs.disk.files import atomic, read_json
from vgae_core.runs.disk.room import writing
from vgae_core.runs.views.paired_runs import shared_scores
from vgae_core.what_if.answer import MovedNode, PairAnswer, answer
from vgae_core.what_if.changes import Changes
from vgae_core.what_if.model import WhatIf
from vgae_core.what_if.scenario import Scenario

FILE = "variant.json"
"""Of a run's folder: which run it is a variant of, and by which edits."""

MOVED = 20
"""Nodes listed whose aligned codes lie farthest apart."""


@dataclass(frozen=True)
class Variant:
    """What a run is a variant of."""

    of: str
    scenario: Scenario


def mark(folder: Path, variant: Variant) -> None:
    """Note in a run's folder what it is a variant of; raise RunError if the disk refuses."""
    values = {"of": variant.of, "scenario": variant.scenario.to_dict()}
    with writing(), atomic(folder / FILE) as temporary:
        temporary.write_text(json.dumps(values, ensure_ascii=False, allow_nan=False), "utf-8")


def variant_of(folder: Path) -> Variant | None:
    """Return what a run is a variant of, None if it is none; raise RunError or SpecError if that cannot be read."""
    path = folder / FILE
    if not path.exists():
        return None
    values = read_json(path)
    if not isinstance(values, Mapping) or not isinstance(values.get("of"), str):
        raise RunError("It does not name the run it is a variant of.", where=FILE)
    return Variant(values["of"], Scenario.from_dict(values.get("scenario")))


def variant_split(split: LinkSplit, changes: Changes, edited: GraphData) -> LinkSplit:
    """Return the split of an edited graph that holds out the same pairs, as far as they are still what they were.

    Held-out edges that were dropped and held-out non-edges that were added go; edges that were added are trained on.

    Parameters
    ----------
    split : LinkSplit
        Of the graph before.
    changes : Changes
    edited : GraphData
        The graph after.

    Raises
    ------
    DataError
        If nothing to train on or to test is left.
    """
    n, directed = edited.n_nodes, edited.directed
    edges = np.sort(codes(edited.edges, n, directed=directed))

    def stay(pairs: np.ndarray, *, are_edges: bool) -> np.ndarray:
        return pairs[contains(edges, codes(pairs, n, directed=directed)) == are_edges]

    val, test = stay(split.val, are_edges=True), stay(split.test, are_edges=True)
    val_neg, test_neg = stay(split.val_neg, are_edges=False), stay(split.test_neg, are_edges=False)
    few = min(len(val), len(val_neg))
    held_out = np.sort(codes(np.concatenate([val[:few], test]), n, directed=directed))
    train = edited.edges[~contains(held_out, codes(edited.edges, n, directed=directed))]
    if not len(train) or not len(test) or not len(test_neg):
        raise DataError(
            "The edits leave nothing to train on or to test.", mend="Drop fewer edges before training again."
        )
    split = LinkSplit(train=train, val=val[:few], val_neg=val_neg[:few], test=test, test_neg=test_neg)
    split.check(edited)
    return split


@dataclass(frozen=True)
class Retrained:
    """A run beside a variant of it.

    Parameters
    ----------
    n_edges, n_others : int
        Test edges and non-edges that both hold out.
    scores : mapping of str to Difference
        Of the run and the variant, on these; empty with fewer than :data:`LEAST_TESTED` edges.
    pair : PairAnswer or None
        The watched pair: before, and in the variant.
    without : PairAnswer or None
        The watched pair: before, and after the edits with the weights as they were.
    moved : tuple of MovedNode
        Nodes whose codes lie farthest apart once the variant's are turned onto the run's.
    places : ndarray of float64, shape (len(moved), latent_dim)
        Their turned codes.
    """

    n_edges: int
    n_others: int
    scores: Mapping[str, Difference]
    pair: PairAnswer | None
    without: PairAnswer | None
    moved: tuple[MovedNode, ...]
    places: np.ndarray


def compare(model: WhatIf, variant: WhatIf, scenario: Scenario, direction: Direction = "out") -> Retrained:
    """Return how a variant, trained on the edited graph, differs from the run that was asked.

    Parameters
    ----------
    model : WhatIf
        Of the run.
    variant : WhatIf
        Of the run trained on the edited graph.
    scenario : Scenario
        The edits.
    direction : str
        As of :func:`vgae_core.what_if.answer.answer`.

    Raises
    ------
    DataError
        If the two hold out no pair in common.
    """
    truth, first, second = shared_scores(model.result, variant.result, variant.graph)
    unedited = Scenario(pair=scenario.pair)
    without = answer(model, Scenario(edits=scenario.active, pair=scenario.pair), direction).pair
    pair = None
    if without is not None:
        pair = _beside(without, answer(variant, unedited, direction).pair)
    places, distance = aligned(model.z_mean, variant.z_mean[: model.n_rows])
    order = np.argsort(-distance, kind="stable")[:MOVED]
    return Retrained(
        n_edges=int(truth.sum()),
        n_others=int((~truth).sum()),
        scores=paired_differences(truth, first, second) if truth.sum() >= LEAST_TESTED else {},
        pair=pair,
        without=without,
        moved=tuple(MovedNode(model.name(int(node)), float(distance[node]), None) for node in order),
        places=places[order],
    )


def _beside(without: PairAnswer, retrained: PairAnswer | None) -> PairAnswer | None:
    """Return the pair before, as of `without`, and in the variant."""
    if retrained is None:
        return None
    values = {}
    for name in ("logit", "probability", "weight", "rank", "candidates", "share_above"):
        values[name] = replace(getattr(without, name), after=getattr(retrained, name).after, noise=None)
    return replace(without, **values)
