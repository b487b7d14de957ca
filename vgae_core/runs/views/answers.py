"""What a finished run says of the graph as it is: who is next for a node, and how likely some pairs are.

Scores of a run are measured with codes of its training edges.  Answers use every edge: one more pass of the encoder
over the whole graph, in plain arrays, with the weights as they were learnt.  Positions that stand in for missing
features stay those of the training edges, for which the weights were learnt.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from vgae_core.analysis.links import Direction, Links
from vgae_core.analysis.network import Codes, Network, layers_of
from vgae_core.analysis.node_baselines import NodeBaselines
from vgae_core.analysis.reconstruction import edge_parts
from vgae_core.analysis.scored_graph import Decoding, ScoredGraph
from vgae_core.analysis.scoring import Score
from vgae_core.analysis.stacking import others_of, stacked
from vgae_core.catalogue.base import load
from vgae_core.data.dataset import GraphData
from vgae_core.data.node_inputs import encoder_features, scaled_features
from vgae_core.data.node_pairs import within_a_side
from vgae_core.data.text import bare
from vgae_core.errors import DataError, RunError, StudioError
from vgae_core.runs.results.result import RunResult
from vgae_core.runs.views.link_tables import density, link_table

TOP = 50
"""Links ranked for one node, unless another number is asked for."""

RANKED_NODES = 1000
"""Different nodes up to which pairs get their rank among all candidates of both ends."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """The candidates of one node, the likeliest first.

    Parameters
    ----------
    node : int
    pairs : ndarray of int64, shape (k, 2)
        From `node`, or to it.
    logits : ndarray of float32, shape (k,)
    n_candidates : int
        Nodes that were ranked: all but the node and its neighbours.
    """

    node: int
    pairs: np.ndarray
    logits: np.ndarray
    n_candidates: int


class RunAnswers(Protocol):
    """What a finished run says of its data as they are, whatever the family of its model."""

    base_rate: float
    """Share of all pairs that are edges, or of all cells that hold an entry."""

    def pairs_of(self, names: Sequence[tuple[str, str]]) -> tuple[np.ndarray, list[str]]:
        """Return the pairs of which both names are known, int64 (n_pairs, 2), and the unknown names, each once."""

    def rank_table(self, node: int, k: int = TOP, direction: Direction = "out") -> pd.DataFrame:
        """Return the `k` likeliest pairs of a node or row that are none yet, with their ``rank``."""

    def existing_table(self, node: int, direction: Direction = "out") -> pd.DataFrame:
        """Return the edges of a node, or the entries of a row, the least likely first."""

    def score_table(self, pairs: np.ndarray) -> pd.DataFrame:
        """Return what the run says of some pairs, in their order."""


def answers_of(result: RunResult, graph: GraphData) -> RunAnswers:
    """Return what a finished run says of the graph or matrix that it was trained on, by its family.

    Raises
    ------
    RunError
        If its weights do not fit.
    """
    answers: RunAnswers = load(result.family.answers)(result, graph)
    return answers


class Answers:
    """Scores of pairs of a graph by a finished run, with codes of all edges.

    Parameters
    ----------
    result : RunResult
        Of a graph auto-encoder.
    graph : GraphData
        The graph it was trained on.
    encoded : bool
        Whether to encode all edges here, and to hold what the network says on the way (`network`), which edits go on
        from. Else the codes are those that the run brings, if it does.

    Raises
    ------
    RunError
        If the run is one of a matrix, or its weights do not fit.
    """

    def __init__(self, result: RunResult, graph: GraphData, *, encoded: bool = False) -> None:
        if not result.family.links_nodes:
            raise RunError("A matrix has entries, not links between nodes.", where="model.family",
                           mend="Ask a run of a graph.")  # fmt: skip
        self.result, self.graph = result, graph
        self.base_rate = density(graph)
        try:
            self._open(result, graph, encoded=encoded)
        except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
            if isinstance(error, StudioError):
                raise
            raise RunError(
                f"Its description does not fit its weights: {error}.", where="model.json"
            ) from error
        codes = [values for values in (self.codes.z_mean, self.codes.z_log_var) if values is not None]
        if not all(np.isfinite(values).all() for values in codes):
            raise RunError("Its weights give codes that are not finite.", where="state.npz")

    def _open(self, result: RunResult, graph: GraphData, *, encoded: bool) -> None:
        spec, layers = result.spec, layers_of(result.model, result.state)
        if result.whole is not None and not encoded:
            self.codes = Codes(result.whole.z_mean, result.whole.z_log_var)
        else:
            self.network = Network(
                spec,
                layers,
                graph.adjacency,
                encoder_features(graph, result.known(graph), spec),
                has_own_features=graph.features is not None,
            )
            self.codes = self.network.codes
        names = others_of(result.stack)
        features = scaled_features(graph, spec)
        self.scored = ScoredGraph(
            Links.of(graph.adjacency, directed=graph.directed),
            self.codes,
            Decoding(spec.model.decoder, layers, result.stack),
            NodeBaselines(graph.adjacency, features, names) if names else None,
            sides=graph.sides,
        )
        self.score: Score = self.scored.decoding.network(self.codes.z_mean, self.scored.factors)
        if result.stack:
            self.score = stacked(self.score, result.stack, graph.adjacency, features)

    @property
    def nbytes(self) -> int:
        """About how many bytes it takes beside the run's data."""
        return self.scored.nbytes

    @property
    def busiest(self) -> int:
        """The node with most links that leaves others to link to: where to begin."""
        links, sides = np.diff(self.scored.links.out.indptr), self.scored.sides
        others = len(links) - 1 if sides is None else np.bincount(sides, minlength=2)[1 - sides]
        return int(np.argmax(np.where(links < others, links, -1)))

    def candidates(self, node: int, direction: Direction = "out") -> np.ndarray:
        """Return all pairs of the node with those it has no edge to (or none from), int64 (n_candidates, 2)."""
        return self._pairs(node, self.scored.candidates(node, direction), direction)

    def _pairs(self, node: int, others: np.ndarray, direction: Direction) -> np.ndarray:
        ends = np.full(len(others), node), others
        return np.column_stack(ends if direction == "out" else ends[::-1]).astype(np.int64)

    def rank(self, node: int, k: int = TOP, direction: Direction = "out") -> Ranking:
        """Return the node's `k` likeliest new links, over all nodes it is not tied to.

        Raises
        ------
        DataError
            If there is no such node, or `k` < 1.
        """
        self._check(node, k)
        others = self.scored.candidates(node, direction)
        logits = self.scored.row(node, direction)[others]
        best = np.lexsort((others, -logits))[:k]
        return Ranking(node, self._pairs(node, others[best], direction), logits[best], len(others))

    def existing(self, node: int, direction: Direction = "out") -> Ranking:
        """Return the node's links, the least likely first."""
        self._check(node, 1)
        others = self.scored.links.row(node, direction)[0]
        others = others[others != node]
        logits = self.scored.row(node, direction)[others]
        order = np.lexsort((others, logits))
        return Ranking(node, self._pairs(node, others[order], direction), logits[order], len(others))

    def _check(self, node: int, k: int) -> None:
        if not 0 <= node < self.graph.n_nodes:
            raise DataError(f"`node` must be between 0 and {self.graph.n_nodes - 1}. Received: {node}.")
        if k < 1:
            raise DataError(f"`k` must be >= 1. Received: {k}.")

    def table(self, ranking: Ranking) -> pd.DataFrame:
        """Return a row per link: ``rank``, then the columns of :func:`vgae_core.runs.views.link_tables.link_table`."""
        table = link_table(self.graph, ranking.pairs, ranking.logits, n_val=len(self.result.split.val))
        table.insert(0, "rank", np.arange(1, len(table) + 1))
        return table

    def rank_table(self, node: int, k: int = TOP, direction: Direction = "out") -> pd.DataFrame:
        """Return :meth:`rank` as a table."""
        return self.table(self.rank(node, k, direction))

    def existing_table(self, node: int, direction: Direction = "out") -> pd.DataFrame:
        """Return :meth:`existing` as a table."""
        return self.table(self.existing(node, direction))

    def pairs_of(self, names: Sequence[tuple[str, str]]) -> tuple[np.ndarray, list[str]]:
        """Return :func:`pairs_of` this graph."""
        return pairs_of(self.graph, names)

    def score_table(self, pairs: np.ndarray) -> pd.DataFrame:
        """Return what the run says of some pairs, in their order.

        Parameters
        ----------
        pairs : ndarray of int64, shape (n_pairs, 2)

        Returns
        -------
        DataFrame
            Columns of :func:`vgae_core.runs.views.link_tables.link_table`; ``edge`` (training, validation, test, or
            empty); ``source_rank`` and ``target_rank``: 1 + the number of the node's candidates with a higher logit,
            missing where the pairs name more than :data:`RANKED_NODES` different nodes. Pairs of two nodes of one side
            of a two-sided graph have no score, see :func:`same_side`.
        """
        across = ~same_side(self.graph, pairs)
        logits = np.full(len(pairs), np.nan, np.float32)
        if across.any():
            logits[across] = self.score(pairs[across])
        table = link_table(self.graph, pairs, logits, n_val=len(self.result.split.val))
        table.insert(
            2, "edge", edge_parts(self.result.split, pairs, self.graph.n_nodes, directed=self.graph.directed)
        )
        directions: tuple[Direction, Direction] = ("out", "in" if self.graph.directed else "out")
        for at, (name, direction) in enumerate(zip(("source_rank", "target_rank"), directions, strict=True)):
            table[name] = np.where(across, self._ranks(pairs[:, at], pairs[:, 1 - at], direction), np.nan)
        return table

    def _ranks(self, nodes: np.ndarray, others: np.ndarray, direction: Direction) -> np.ndarray:
        ranks = np.full(len(nodes), np.nan)
        different = np.unique(nodes)
        if len(different) > RANKED_NODES:
            return ranks
        for node in different:
            mine = np.flatnonzero(nodes == node)
            row = self.scored.row(int(node), direction)
            candidates = np.sort(row[self.scored.candidates(int(node), direction)])
            # Logits of the same row: other ways of adding up the same terms may round differently.
            ranks[mine] = 1 + len(candidates) - np.searchsorted(candidates, row[others[mine]], side="right")
        return ranks


# ----------------------------------------------------------------------------- names
def find_node(graph: GraphData, name: str) -> int:
    """Return the node called `name`; case, accents, blanks and punctuation count only where they must.

    Raises
    ------
    DataError
        If no node, or more than one, is called so; it names the nearest.
    """
    exact = {str(node): i for i, node in enumerate(graph.node_ids)}
    if name in exact:
        return exact[name]
    plain = bare(name)
    alike = [i for text, i in exact.items() if bare(text) == plain]
    if len(alike) == 1:
        return alike[0]
    within = [text for text in exact if plain and plain in bare(text)]
    near = difflib.get_close_matches(name, exact, n=3, cutoff=0.5) if len(exact) <= 100_000 else []
    hints = [str(graph.node_ids[i]) for i in alike] or list(dict.fromkeys([*within[:5], *near]))[:5]
    what = f"More than one node is called {name!r:.60}." if alike else f"No node is called {name!r:.60}."
    mend = f"Did you mean {', '.join(f'{hint!r:.40}' for hint in hints)}?" if hints else "Check its spelling."
    raise DataError(what, mend=mend)


def same_side(graph: GraphData, pairs: np.ndarray) -> np.ndarray:
    """Return which pairs are of two nodes of one side of a two-sided graph, where there can be no edge; bool."""
    if graph.sides is None:
        return np.zeros(len(pairs), bool)
    return within_a_side(graph.sides, pairs[:, 0], pairs[:, 1])


def tell_same_side(graph: GraphData, pairs: np.ndarray) -> str:
    """Return why pairs of two nodes of one side have no score, in words; empty where there are none."""
    within = np.flatnonzero(same_side(graph, pairs))
    if graph.sides is None or not len(within):
        return ""
    first, second = pairs[within[0]]
    a, b = (f"{str(graph.node_ids[node])!r:.60}" for node in (first, second))
    which = f" ({str(graph.side_names[int(graph.sides[first])])!r:.60})" if graph.side_names else ""
    many = "1 pair joins two nodes" if len(within) == 1 else f"{len(within):,} pairs join two nodes"
    return (
        f"{many} of one side, e.g. {a} and {b}{which}: edges of this graph join its two sides only, so such a pair "
        "has no score."
    )


def pairs_of(graph: GraphData, names: Sequence[tuple[str, str]]) -> tuple[np.ndarray, list[str]]:
    """Return the pairs whose two names are nodes, int64 (n_pairs, 2), and the names that are none, each once."""
    known = {str(node): i for i, node in enumerate(graph.node_ids)}
    pairs: list[tuple[int, int]] = []
    unknown: dict[str, None] = {}
    for ends in names:
        places = [known.get(end.strip()) for end in ends]
        unknown.update((end, None) for end, place in zip(ends, places, strict=True) if place is None)
        if places[0] is not None and places[0] == places[1]:
            unknown[f"{ends[0]} with itself"] = None
        elif places[0] is not None and places[1] is not None:
            pairs.append((places[0], places[1]))
    return np.array(pairs, np.int64).reshape(-1, 2), list(unknown)
