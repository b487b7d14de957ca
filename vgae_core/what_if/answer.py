"""One screen of answers: a watched pair, its rankings, codes, labels and errors, each before and after a scenario."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from vgae_core.analysis.links import Direction
from vgae_core.analysis.scored_graph import ScoredGraph, banded, probability, probability_at, vouched_logit
from vgae_core.catalogue.node_inputs import NODE_INPUTS
from vgae_core.errors import DataError
from vgae_core.what_if.changes import Changes
from vgae_core.what_if.model import Edited, WhatIf
from vgae_core.what_if.scenario import Scenario

TOP = 10
"""Likeliest new links compared before and after."""

MOVED = 20
"""Nodes listed whose codes moved most."""

TOUCHED = 10
"""Nodes that the edits name, listed with their labels and errors; of more, the first."""

SIGMAS = 2.0
"""Standard deviations within which a difference counts as noise."""

LEARNT = (
    "Uses the weights trained on the original data; retraining on the edited data may give other answers."
)
"""What every answer without retraining must say."""

POSITIONS = "Nodes have no features; the positions that replace them stay those of the training edges."
"""Note on graphs without features."""

REMEMBERED = (
    "This graph has no features, and the positions that replace them still reflect dropped edges. The effect of "
    "dropping edges is therefore underestimated; retraining shows the full effect."
)
"""The same note where an edge is dropped."""

NO_NOISE = "A plain auto-encoder has no noise to compare with: its codes have no variance."
"""Note on runs whose codes have no variance."""


@dataclass(frozen=True)
class Value:
    """A number before and after; None where there is none.

    Parameters
    ----------
    before, after : float or None
    noise : float or None
        Standard deviation of the difference, if both codes were drawn anew; None where codes have no noise.
    """

    before: float | None
    after: float | None
    noise: float | None = None

    @property
    def difference(self) -> float | None:
        """After less before."""
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def within_noise(self) -> bool:
        """Whether the difference is at most :data:`SIGMAS` standard deviations."""
        difference = self.difference
        return self.noise is not None and difference is not None and abs(difference) <= SIGMAS * self.noise

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {**dataclasses.asdict(self), "difference": self.difference, "within_noise": self.within_noise}


@dataclass(frozen=True)
class Linked:
    """One candidate of a node.

    Parameters
    ----------
    node : str
    rank : int
        Among the candidates; equal ones share it.
    logit : float
    at_density : float or None
        Probability among all pairs, as of the watched pair (:class:`PairAnswer`).
    was_linked : bool
        Whether the data link the two.
    """

    node: str
    rank: int
    logit: float
    at_density: float | None
    was_linked: bool = False


@dataclass(frozen=True)
class PairAnswer:
    """The watched pair.

    Parameters
    ----------
    source, target : str
    logit, probability : Value
        The probability is among as many pairs without an edge, or zeros; where the network alone scores a matrix, it
        is the network's probability or expected value.
    at_density : Value or None
        The probability among all pairs, or among all cells of the matrix; None where the network alone scores one.
    expected : Value or None
        What the network of a matrix of values expects.
    weight : Value
        Of the edge between them, 0 without one.
    rank : Value
        1 + the number of the source's candidates with a higher logit; of an edge the place it would have.
    candidates : Value
        How many there are, the target among them.
    share_above : Value
        Share of random pairs without an edge (of the data as they are) with a higher logit.
    """

    source: str
    target: str
    logit: Value
    probability: Value
    at_density: Value | None
    expected: Value | None
    weight: Value
    rank: Value
    candidates: Value
    share_above: Value


@dataclass(frozen=True)
class MovedNode:
    """A node whose code moved: how far (None of a new one), and the noise of such a distance (None without noise)."""

    node: str
    distance: float | None
    noise: float | None
    new: bool = False

    @property
    def within_noise(self) -> bool:
        """Whether it moved at most :data:`SIGMAS` times what two draws of its code lie apart."""
        return self.noise is not None and self.distance is not None and self.distance <= SIGMAS * self.noise


@dataclass(frozen=True)
class NodeAnswer:
    """A node that the edits name: its likeliest label with its probability, and its reconstruction error in nats."""

    node: str
    label_before: str | None
    label_after: str | None
    label_probability: Value
    error: Value


@dataclass(frozen=True)
class Answer:
    """What a scenario changes.

    Parameters
    ----------
    sentences : tuple of str
        The edits that count, in words.
    notes : tuple of str
        What is to be known beside the numbers.
    pair : PairAnswer or None
    source : str or None
        Whose candidates are compared: the first of the watched pair.
    top_before, top_after : tuple of Linked
        Its :data:`TOP` likeliest new links.
    moved : tuple of MovedNode
        The farthest first, at most :data:`MOVED`.
    n_moved : int
        Nodes whose code changed at all.
    nodes : tuple of NodeAnswer
        The nodes that the edits name.
    has_noise : bool
        Whether codes have noise.
    measure : str
        What ``pair.probability`` is: a probability, or an expected value.
    base_rate : float
        Share of edges among all pairs, or of entries among all cells, to which ``pair.at_density`` refers.
    """

    sentences: tuple[str, ...]
    notes: tuple[str, ...]
    pair: PairAnswer | None
    source: str | None
    top_before: tuple[Linked, ...]
    top_after: tuple[Linked, ...]
    moved: tuple[MovedNode, ...]
    n_moved: int
    nodes: tuple[NodeAnswer, ...]
    has_noise: bool
    measure: str = "probability"
    base_rate: float = 0.5

    @property
    def entered(self) -> tuple[str, ...]:
        """Who is among the likeliest after the edits and was not before."""
        before = {link.node for link in self.top_before}
        return tuple(link.node for link in self.top_after if link.node not in before)

    @property
    def left(self) -> tuple[str, ...]:
        """Who was among the likeliest before the edits and is not any more."""
        after = {link.node for link in self.top_after}
        return tuple(link.node for link in self.top_before if link.node not in after)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        values = _plain(self)
        return {**values, "entered": list(self.entered), "left": list(self.left)}


def _plain(value: Any) -> Any:
    if isinstance(value, Value):
        return value.to_dict()
    if dataclasses.is_dataclass(value):
        fields = {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
        return fields | ({"within_noise": value.within_noise} if isinstance(value, MovedNode) else {})
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def answer(model: WhatIf, scenario: Scenario, direction: Direction = "out") -> Answer:
    """Return what the edits of a scenario change.

    Parameters
    ----------
    model : WhatIf
    scenario : Scenario
        Of a graph.
    direction : str
        Of a directed graph: whether the candidates of the first of the pair are those it might point to.

    Raises
    ------
    DataError
        If a name is unknown or an edit cannot be made.
    RunError
        If the encoder cannot be given new nodes.
    """
    changes = model.changes(scenario.active)
    edited = model.after(changes)
    ends = watched(model, scenario, changes)
    source = None if ends is None else ends[0]
    pair = None
    top_before: tuple[Linked, ...] = ()
    top_after: tuple[Linked, ...] = ()
    if ends is not None:
        old = model.before.row(ends[0], direction) if ends[0] < model.before.n_nodes else None
        new = edited.view.row(ends[0], direction)
        if old is not None:
            top_before = _top(model, changes, model.before, ends[0], old, direction)
        top_after = _top(model, changes, edited.view, ends[0], new, direction)
        if ends[1] is not None:
            pair = _pair(model, changes, edited.view, (ends[0], ends[1]), old, new, direction)
    moved, n_moved = _moved(model, changes, edited)
    has_noise = model.before.codes.z_log_var is not None
    return Answer(
        sentences=tuple(item.sentence() for item in scenario.active),
        notes=(*_positions(model, changes), *changes.notes, LEARNT, *(() if has_noise else (NO_NOISE,))),
        pair=pair,
        source=None if source is None else model.name(source, changes),
        top_before=top_before,
        top_after=top_after,
        moved=moved,
        n_moved=n_moved,
        nodes=_nodes(model, changes, edited.view),
        has_noise=has_noise,
        base_rate=model.base_rate,
    )


def _positions(model: WhatIf, changes: Changes) -> tuple[str, ...]:
    if model.graph.features is not None or not NODE_INPUTS[model.result.spec.model.node_input].positions:
        return ()
    dropped = any(weight == 0 for weight in changes.weights.values())
    return (REMEMBERED if dropped else POSITIONS,)


def watched(model: WhatIf, scenario: Scenario, changes: Changes) -> tuple[int, int | None] | None:
    """Return the places of the watched pair; the second is None where only one node is watched."""
    if scenario.pair is None:
        return None
    first, second = scenario.pair
    places = model.names.find(first, changes.new), model.names.find(second, changes.new) if second else None
    if places[1] is None or places[0] == places[1]:
        return places[0], None
    if model.graph.sides is not None:
        sides = np.concatenate([model.graph.sides, np.array(changes.new_sides, np.int8)])
        if sides[places[0]] == sides[places[1]]:
            raise DataError(
                f"{first!r:.60} and {second!r:.60} are on the same side of this two-sided graph.",
                where="pair", mend="Watch a pair of nodes from different sides.",
            )  # fmt: skip
    return places


def _top(
    model: WhatIf, changes: Changes, view: ScoredGraph, node: int, logits: np.ndarray, direction: Direction
) -> tuple[Linked, ...]:
    free = view.candidates(node, direction)
    values = banded(logits)[free]
    floor = np.partition(values, len(values) - TOP)[len(values) - TOP] if len(free) > TOP else None
    high = np.flatnonzero(values >= floor) if floor is not None else np.arange(len(free))
    best = high[np.lexsort((free[high], -values[high]))][:TOP]
    linked = model.before.links.row(node, direction)[0] if node < model.before.n_nodes else free[:0]
    return tuple(
        Linked(
            model.name(int(free[at]), changes),
            1 + int(np.count_nonzero(values > values[at])),
            float(logits[free[at]]),
            probability_at(
                vouched_logit(float(logits[free[at]]), len(model.result.split.val)), model.base_rate
            ),
            was_linked=bool(np.isin(free[at], linked)),
        )
        for at in best.tolist()
    )


def _pair(
    model: WhatIf,
    changes: Changes,
    after: ScoredGraph,
    pair: tuple[int, int],
    old: np.ndarray | None,
    new: np.ndarray,
    direction: Direction,
) -> PairAnswer:
    arc = pair if direction == "out" else pair[::-1]
    before = model.before if old is not None and pair[1] < model.before.n_nodes else None

    def rank(view: ScoredGraph, logits: np.ndarray) -> tuple[float, float]:
        places = banded(logits)
        free = view.candidates(pair[0], direction)
        # An edge is no candidate: its rank is the place it would have.
        return float(1 + np.count_nonzero(places[free] > places[pair[1]])), float(
            len(np.union1d(free, pair[1]))
        )

    logits = [None if before is None else before.logit(*arc), after.logit(*arc)]
    odds = [None if logit is None else vouched_logit(logit, len(model.result.split.val)) for logit in logits]
    noises = [None if before is None else before.noise(*arc), after.noise(*arc)]
    noise = math.hypot(*noises) if None not in noises else None  # type: ignore[arg-type]
    ranks = [None if before is None else rank(before, old), rank(after, new)]  # type: ignore[arg-type]
    return PairAnswer(
        source=model.name(pair[0], changes),
        target=model.name(pair[1], changes),
        logit=Value(logits[0], logits[1], noise),
        probability=Value(*(None if logit is None else probability(logit) for logit in odds)),
        at_density=Value(
            *(None if logit is None else probability_at(logit, model.base_rate) for logit in odds)
        ),
        expected=None,
        weight=Value(None if before is None else before.links.weight(*arc), after.links.weight(*arc)),
        rank=Value(*(None if found is None else found[0] for found in ranks)),
        candidates=Value(*(None if found is None else found[1] for found in ranks)),
        share_above=Value(*(None if logit is None else model.share_above(logit) for logit in logits)),
    )


def _moved(model: WhatIf, changes: Changes, edited: Edited) -> tuple[tuple[MovedNode, ...], int]:
    """Return the nodes whose codes moved most, and how many did; new ones, which have no place before, come first."""
    nodes, n = edited.nodes, model.before.n_nodes
    old = nodes[nodes < n]
    before, after = model.before.codes, edited.view.codes
    distance = np.linalg.norm(after.z_mean[old] - before.z_mean[old], axis=1)
    noise = None
    if before.z_log_var is not None and after.z_log_var is not None:
        noise = np.sqrt((np.exp(before.z_log_var[old]) + np.exp(after.z_log_var[old])).sum(axis=1))
    differs = distance > 1e-6 * max(float(np.abs(before.z_mean).max()), 1e-6)
    order = np.argsort(-distance, kind="stable")[: min(int(np.count_nonzero(differs)), MOVED)]
    fresh = [MovedNode(name, None, None, new=True) for name in changes.new]
    rows = [
        MovedNode(
            model.name(int(old[at]), changes),
            float(distance[at]),
            None if noise is None else float(noise[at]),
        )
        for at in order.tolist()
    ]
    return (*fresh, *rows), int(np.count_nonzero(differs)) + len(fresh)


def _nodes(model: WhatIf, changes: Changes, after: ScoredGraph) -> tuple[NodeAnswer, ...]:
    nodes = changes.named[:TOUCHED]
    if not len(nodes):
        return ()
    n, names = model.before.n_nodes, model.graph.label_names
    known = nodes < n
    labels = after.label_probabilities(nodes)
    old = np.zeros((len(nodes), len(names)))
    if labels is not None:
        old[known] = model.before.label_probabilities(nodes[known])
    rows = []
    for at, node in enumerate(nodes.tolist()):
        label: list[str | None] = [None, None]
        values: list[float | None] = [None, None]
        if labels is not None:
            for side, row in enumerate((old[at] if known[at] else None, labels[at])):
                if row is not None:
                    best = int(row.argmax())
                    label[side], values[side] = str(names[best]), float(row[best])
        errors = [model.before.error(node) if known[at] else None, after.error(node)]
        rows.append(
            NodeAnswer(
                model.name(node, changes), label[0], label[1], Value(*values),
                Value(*(None if error is None or math.isnan(error) else error for error in errors)),
            )
        )  # fmt: skip
    return tuple(rows)
