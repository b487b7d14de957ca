"""A finished run that answers what-if questions: every edit exactly, within its reach, without TensorFlow."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from vgae_core.analysis.decoders import pair_factors
from vgae_core.analysis.network import Codes, Moved
from vgae_core.analysis.node_baselines import NodeBaselines
from vgae_core.analysis.scored_graph import ScoredGraph, logit_of
from vgae_core.data.dataset import Features, GraphData
from vgae_core.data.node_inputs import node_inputs
from vgae_core.data.non_edges import sample_non_edges
from vgae_core.errors import DataError
from vgae_core.runs.results.embed import check_new_nodes
from vgae_core.runs.results.result import RunResult
from vgae_core.runs.views.answers import Answers
from vgae_core.runs.views.link_tables import density
from vgae_core.what_if.changes import Changes, Move
from vgae_core.what_if.edits import changes_of
from vgae_core.what_if.names import Names
from vgae_core.what_if.scenario import Edit, Scenario

SAMPLED_PAIRS = 5_000
"""Pairs without an edge among which a score is placed, to say how it stands among all pairs."""

PAIR_SEED = 0xA11

KEPT_CHANGES = 4
"""Scenarios whose changes are kept: every part of an answer asks for the same."""


@dataclass(frozen=True, eq=False)
class Edited:
    """A graph after a scenario.

    Parameters
    ----------
    view : ScoredGraph
    nodes : ndarray of int64
        Whose codes may differ, sorted; new nodes last.
    """

    view: ScoredGraph
    nodes: np.ndarray


class WhatIf:
    """What a finished run of a graph says if the graph were another.

    The weights stay as they were learnt.  Messages pass over all edges of the data, as in
    :class:`vgae_core.runs.views.answers.Answers`.

    Parameters
    ----------
    result : RunResult
        Of a graph auto-encoder.
    graph : GraphData
        The graph it was trained on.

    Raises
    ------
    RunError
        If the run is one of a matrix, or its weights do not fit.
    """

    def __init__(self, result: RunResult, graph: GraphData) -> None:
        self.answers = Answers(result, graph, encoded=True)
        self.result, self.graph, self.network = result, graph, self.answers.network
        self.before = self.answers.scored
        self.base_rate = density(graph)
        self._changes: dict[str, Changes] = {}
        self._lock = threading.Lock()  # visitors who look at one run share it
        self.names = Names(graph.node_ids.tolist(), "node")
        width = 0 if graph.features is None else graph.features.shape[1]
        self.columns = Names(graph.feature_names or range(width), "feature")

    @property
    def nbytes(self) -> int:
        """About how many bytes it takes beside the run's data."""
        return self.network.nbytes + self.before.nbytes

    @property
    def n_rows(self) -> int:
        """Number of nodes before any edit."""
        return self.before.n_nodes

    @property
    def busiest(self) -> int:
        """The node with most links: where to begin."""
        return self.answers.busiest

    @property
    def latent_dim(self) -> int:
        """Length of a code."""
        return int(self.before.codes.z_mean.shape[1])

    @property
    def noun(self) -> str:
        """What has a code."""
        return "node"

    def has_edges(self, name: str, edits: Sequence[Edit]) -> bool:
        """Return whether a node has an edge after edits."""
        changes = self.changes(edits)
        return len(changes.links.around(self.names.find(name, changes.new))) > 0

    def name(self, node: int, changes: Changes | None = None) -> str:
        """Return the name of a node, of a new one too."""
        if node < len(self.names):
            return self.names[node]
        return next(name for name, place in (changes.new if changes else {}).items() if place == node)

    def changes(self, edits: Sequence[Edit]) -> Changes:
        """Return what edits change; raise DataError or RunError where one cannot be made."""
        key = Scenario(edits=tuple(edits)).to_json()
        with self._lock:
            known = self._changes.get(key)
        if known is not None:
            return known
        for item in edits:
            if item.kind == "add_node":
                check_new_nodes(self.result.spec, self.graph)
        changes = changes_of(edits, self.graph, self.before.links, self.names, self.columns, self.latent_dim)
        with self._lock:
            self._changes[key] = changes
            if len(self._changes) > KEPT_CHANGES:
                del self._changes[next(iter(self._changes))]
        return changes

    # --------------------------------------------------------------------------- codes
    def _scaled(self, changes: Changes) -> Features | None:
        """Return the features of the edited nodes as the run takes them, of new nodes without features too."""
        if len(changes.rows):
            rows = np.stack([changes.features[node] for node in changes.rows.tolist()])
            features = sparse.csr_array(rows) if sparse.issparse(self.graph.features) else rows
            return features if self.result.spec.scaling == "none" else self.graph.scaling.apply(features)
        return None

    @property
    def z_mean(self) -> np.ndarray:
        """Mean codes of all nodes before any edit, float32 (n_nodes, latent_dim)."""
        return self.before.codes.z_mean

    def places(self, names: Sequence[str], changes: Changes) -> np.ndarray:
        """Return the numbers of nodes by their names, new ones too; int64 (len(names),)."""
        return np.array([self.names.find(name, changes.new) for name in names], np.int64)

    def codes_of(self, nodes: np.ndarray, changes: Changes) -> np.ndarray:
        """Return the mean codes of some nodes after changes, float32 (len(nodes), latent_dim)."""
        return self.after(changes).view.codes.z_mean[nodes]

    def moved(self, changes: Changes, of_nodes: np.ndarray | None = None) -> Moved:
        """Return the codes that differ after changes, of some nodes only if any are named."""
        rows, features, n_new = changes.rows, self._scaled(changes), len(changes.new)
        if n_new and self.graph.features is None:
            # Random columns: the first of them do not depend on how many nodes there are.
            columns = node_inputs(
                sparse.csr_array((changes.n_nodes, changes.n_nodes), dtype=np.float32),
                self.result.spec.model,
                self.result.spec.seed,
            )
            if columns is not None:
                rows, features = (
                    np.arange(changes.base.n_nodes, changes.n_nodes),
                    columns[changes.base.n_nodes :],
                )
        arcs, change = changes.arcs
        if not (len(arcs) or len(rows) or n_new):
            return Moved(np.zeros(0, np.int64), _take(self.before.codes, np.zeros(0, np.int64)))
        given = {"rows": rows, "features": features} if len(rows) else {}
        moved = self.network.edit(arcs, change, n_new=n_new, of_nodes=of_nodes, **given)  # type: ignore[arg-type]
        if not np.isfinite(moved.codes.z_mean).all():
            raise DataError(
                "These edits give codes that are not finite.", mend="Use smaller weights or values."
            )
        return moved

    def after(self, changes: Changes) -> Edited:
        """Return the whole graph after changes."""
        before, n_new = self.before, len(changes.new)
        moved = self.moved(changes)
        mean = _patched(before.codes.z_mean, n_new, moved.nodes, moved.codes.z_mean)
        nodes = moved.nodes
        for move in changes.moves:
            mean[move.node] = _step(move, mean)
            nodes = np.union1d(nodes, [move.node])
        log_var = before.codes.z_log_var
        if log_var is not None and moved.codes.z_log_var is not None:
            log_var = _patched(log_var, n_new, moved.nodes, moved.codes.z_log_var)
        factors = before.factors
        decoding = before.decoding
        if factors is not None and factors[0] is before.codes.z_mean:
            factors = mean, mean
        elif factors is not None:
            parts = pair_factors(decoding.decoder, decoding.layers, mean[nodes])
            left, right = (_patched(old, n_new, nodes, new) for old, new in zip(factors, parts, strict=True))
            factors = left, right
        sides = before.sides
        if sides is not None:
            sides = np.concatenate([sides, np.array(changes.new_sides, np.int8)])
        codes = Codes(mean, log_var)
        view = ScoredGraph(changes.links, codes, decoding, self._baselines(changes), factors, sides)
        return Edited(view, nodes)

    def _baselines(self, changes: Changes) -> NodeBaselines | None:
        if self.before.baselines is None:
            return None
        return self.before.baselines.edited(changes.links, changes.rows, self._scaled(changes))

    # ----------------------------------------------------------------------------- pairs
    def pair_codes(self, changes: Changes, pair: tuple[int, int]) -> np.ndarray:
        """Return the mean codes of the two nodes of a pair after changes, float32 (2, latent_dim)."""
        ends = [
            *pair,
            *(node for move in changes.moves for node in (move.node, move.target) if node is not None),
        ]
        nodes = np.unique(np.array(ends, np.int64))
        moved = self.moved(changes, nodes)
        known = nodes < self.before.n_nodes
        mean = np.zeros((len(nodes), self.latent_dim), np.float32)
        mean[known] = self.before.codes.z_mean[nodes[known]]
        places = np.searchsorted(nodes, moved.nodes)
        ours = (places < len(nodes)) & (nodes[np.minimum(places, len(nodes) - 1)] == moved.nodes)
        mean[places[ours]] = moved.codes.z_mean[ours]
        local = {int(node): at for at, node in enumerate(nodes)}
        for move in changes.moves:
            mean[local[move.node]] = _step(move, mean, local)
        return mean[[local[pair[0]], local[pair[1]]]]

    def parts_after(self, changes: Changes, pair: tuple[int, int]) -> dict[str, float]:
        """Return :meth:`ScoredGraph.parts` of a pair after changes; only what the pair rests on is worked out."""
        z = self.pair_codes(changes, pair)
        parts = {"network": float(self.before.decoding.network(z)(np.array([[0, 1]]))[0])}
        baselines = self._baselines(changes)
        return parts | (baselines.pair(*pair) if baselines is not None else {})

    def logit_after(self, changes: Changes, pair: tuple[int, int]) -> float:
        """Return the model's logit of a pair after changes; only what the pair rests on is worked out."""
        return logit_of(self.parts_after(changes, pair), self.before.decoding)

    @functools.cached_property
    def sampled_logits(self) -> np.ndarray:
        """Logits of random pairs without an edge, before any edit, sorted; float32 (at most SAMPLED_PAIRS,)."""
        every = self.graph.n_pairs - len(self.graph.edges)
        pairs = sample_non_edges(
            self.graph, min(SAMPLED_PAIRS, every), np.random.default_rng(PAIR_SEED)
        ) if every else np.zeros((0, 2), np.int64)  # fmt: skip
        return np.sort(self.answers.score(pairs)) if len(pairs) else np.zeros(0, np.float32)

    def share_above(self, logit: float) -> float:
        """Return the share of the sampled pairs without an edge whose logit is higher, NaN in a complete graph."""
        sample = self.sampled_logits
        return (
            float(1 - np.searchsorted(sample, logit, side="right") / len(sample)) if len(sample) else math.nan
        )


def _take(codes: Codes, nodes: np.ndarray) -> Codes:
    log_var = codes.z_log_var
    return Codes(codes.z_mean[nodes], None if log_var is None else log_var[nodes])


def _patched(base: np.ndarray, n_new: int, nodes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return a copy of `base` with rows added below it and some replaced."""
    result = np.empty((len(base) + n_new, base.shape[1]), base.dtype)
    result[: len(base)] = base
    result[len(base) :] = 0
    result[nodes] = rows
    return result


def _step(move: Move, mean: np.ndarray, places: Mapping[int, int] | None = None) -> np.ndarray:
    """Return the code of a node after a move; `places` are the rows of nodes in `mean`, where they are not all."""

    def code(node: int) -> np.ndarray:
        return mean[node if places is None else places[node]]

    if move.target is not None:
        share = np.float32(move.share)
        return (1 - share) * code(move.node) + share * code(move.target)
    moved = code(move.node).copy()
    moved[move.axis] += np.float32(move.by)
    return moved
