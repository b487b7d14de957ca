"""Two models on the same held-out pairs: differences of scores with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vgae_core.analysis.metrics import fast_auc_ap

DRAWS = 500
"""Bootstrap samples."""

MOST_PAIRS = 20_000
"""Edges, and as many non-edges, that are drawn from; of more, a random part."""

LEVEL = 0.95
"""Share of the bootstrap samples within an interval."""

SEED = 0xB007

Measure = Callable[[np.ndarray, np.ndarray], float]
"""From scores of edges and of non-edges to a number."""

MEASURES: dict[str, Measure] = {
    "roc_auc": lambda edges, others: fast_auc_ap(edges, others)[0],
    "average_precision": lambda edges, others: fast_auc_ap(edges, others)[1],
}
"""What is compared, by the key of :data:`vgae_core.analysis.metrics.LINK_METRICS`."""


@dataclass(frozen=True)
class Difference:
    """One measure of two models on the same pairs.

    Parameters
    ----------
    first, second : float
    low, high : float
        Interval of second less first that holds :data:`LEVEL` of the bootstrap samples.
    """

    first: float
    second: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        """Second less first."""
        return self.second - self.first

    @property
    def may_be_chance(self) -> bool:
        """Whether the interval holds 0."""
        return self.low <= 0 <= self.high


def paired_differences(truth: np.ndarray, first: np.ndarray, second: np.ndarray) -> dict[str, Difference]:
    """Return how far two models differ on the same pairs, for each of :data:`MEASURES`.

    Edges and non-edges are resampled apart, each pair with both of its scores (Efron & Tibshirani 1993, chapter 8).

    Parameters
    ----------
    truth : ndarray of bool, shape (n_pairs,)
        True for an edge; both kinds must occur.
    first, second : ndarray of float, shape (n_pairs,)
        Scores, larger for a likelier edge.
    """
    rng = np.random.default_rng(SEED)
    edges, others = np.flatnonzero(truth), np.flatnonzero(~truth.astype(bool))
    drawn_edges, drawn_others = (
        rng.choice(part, MOST_PAIRS, replace=False) if len(part) > MOST_PAIRS else part
        for part in (edges, others)
    )
    samples: dict[str, list[float]] = {name: [] for name in MEASURES}
    for _ in range(DRAWS):
        some = rng.choice(drawn_edges, len(drawn_edges))
        rest = rng.choice(drawn_others, len(drawn_others))
        for name, measure in MEASURES.items():
            samples[name].append(measure(second[some], second[rest]) - measure(first[some], first[rest]))
    tail = (1 - LEVEL) / 2
    return {
        name: Difference(
            measure(first[edges], first[others]),
            measure(second[edges], second[others]),
            *(float(value) for value in np.quantile(samples[name], [tail, 1 - tail])),
        )
        for name, measure in MEASURES.items()
    }
