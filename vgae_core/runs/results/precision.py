"""How many of the pairs that come first turn out to be edges, at the density that a graph really has.

All pairs that are neither training nor validation edges are ranked by the model as it was scored; the test edges among
them are what was to be found.  That few pairs are edges is then in the measure itself: no probability has to be shifted
for it, and none has to hold beyond the pairs that calibrated it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from vgae_core.analysis.calibration import precision_by_rank
from vgae_core.analysis.link_filters import LinkSearch
from vgae_core.analysis.link_search import RANKED
from vgae_core.analysis.rankings import rank_links
from vgae_core.analysis.reconstruction import edge_parts
from vgae_core.data.dataset import GraphData
from vgae_core.runs.results.result import RunResult


@dataclass(frozen=True, eq=False)
class Precision:
    """The first pairs that are neither training nor validation edges, the likeliest first.

    Parameters
    ----------
    logits : ndarray of float32, shape (k,)
        Of the model, falling.
    hits : ndarray of bool, shape (k,)
        Whether the pair is a test edge.
    expected : ndarray of float64, shape (k,)
        Share of test edges about each place, falling.
    n_test : int
        Test edges in all.
    n_candidates : int
        Pairs that were ranked.
    """

    logits: np.ndarray
    hits: np.ndarray
    expected: np.ndarray
    n_test: int
    n_candidates: int

    @property
    def share(self) -> float:
        """Share of test edges among all ranked pairs: what guessing finds."""
        return self.n_test / max(self.n_candidates, 1)

    def within(self, n: int) -> float:
        """Return the share of test edges among the first `n` pairs; NaN where there are none."""
        return float(np.mean(self.hits[:n])) if n > 0 and len(self.hits) else float("nan")

    def at(self, logits: np.ndarray) -> np.ndarray:
        """Return the expected precision of pairs of some logits, float64; NaN below all that were ranked."""
        if not len(self.logits):
            return np.full(np.shape(logits), np.nan)
        wide = np.asarray(logits, np.float64)
        found = np.interp(wide, self.logits[::-1].astype(np.float64), self.expected[::-1])
        return np.where(wide < self.logits[-1], np.nan, found)

    def first_for(self, links: float) -> int | None:
        """Return how many pairs to take to expect so many links among them; None where all ranked hold fewer."""
        total = np.cumsum(self.expected)
        place = int(np.searchsorted(total, links - 1e-9))
        return place + 1 if place < len(total) else None


def measure_precision(result: RunResult, graph: GraphData, k: int = RANKED) -> Precision:
    """Rank all pairs that are neither training nor validation edges, and look which are test edges.

    Parameters
    ----------
    result : RunResult
        Of a graph; its codes of the training edges are ranked.
    graph : GraphData
    k : int
        Pairs looked at.
    """
    split, scored = result.split, result.scored
    known = np.concatenate([split.train, split.val])
    pattern = sparse.csr_array(
        (np.ones(len(known), np.int8), (known[:, 0], known[:, 1])), shape=graph.adjacency.shape
    )
    pairs, logits = rank_links(
        LinkSearch(),
        scored.left,
        scored.right,
        pattern,
        k,
        score=result.scorer(graph) if result.decoder or result.stack else None,
        directed=graph.directed,
        sides=graph.sides,
    )
    hits = edge_parts(split, pairs, graph.n_nodes, directed=graph.directed) == "test"
    n_candidates = graph.n_pairs - len(known)
    return Precision(logits, hits, precision_by_rank(hits), len(split.test), n_candidates)
