"""How well held-out pairs of different kinds are scored: by degree, by label, by community."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import expit

from vgae_core.analysis.metrics import fast_auc_ap

LEAST = 5
"""Edges, and non-edges, from which a kind has an AUC of its own."""

MOST_PAIRS_OF_CLASSES = 15
"""Pairs of labels listed, those with most held-out edges."""

POWERS = 12
"""Intervals of counts: 0, 1, 2 to 3, 4 to 7 and so on."""


def group_errors(truth: np.ndarray, logits: np.ndarray, kinds: np.ndarray, names: list[str]) -> pd.DataFrame:
    """Return how well the pairs of each kind are scored, one row per kind that occurs.

    Parameters
    ----------
    truth : ndarray of bool or int, shape (n_pairs,)
        1 for an edge.
    logits : ndarray of float, shape (n_pairs,)
    kinds : ndarray of int, shape (n_pairs,)
        Number of the kind; -1 leaves a pair out.
    names : list of str
        Of the kinds.

    Returns
    -------
    DataFrame
        ``kind``; ``edges`` and ``non_edges`` (pairs); ``loss`` (mean cross-entropy in nats); ``probability_edges`` and
        ``probability_non_edges`` (means); ``auc``, NaN with fewer than :data:`LEAST` of either.
    """
    wide, is_edge = np.asarray(logits, np.float64), np.asarray(truth).astype(bool)
    loss = np.logaddexp(0.0, np.where(is_edge, -wide, wide))
    p = expit(wide)
    rows = []
    for kind, name in enumerate(names):
        edges, others = (kinds == kind) & is_edge, (kinds == kind) & ~is_edge
        n_edges, n_others = int(edges.sum()), int(others.sum())
        if not n_edges + n_others:
            continue
        enough = min(n_edges, n_others) >= LEAST
        rows.append(
            {
                "kind": name,
                "edges": n_edges,
                "non_edges": n_others,
                "loss": float(loss[kinds == kind].mean()),
                "probability_edges": float(p[edges].mean()) if n_edges else np.nan,
                "probability_non_edges": float(p[others].mean()) if n_others else np.nan,
                "auc": fast_auc_ap(wide[edges], wide[others])[0] if enough else np.nan,
            }
        )
    columns = ["kind", "edges", "non_edges", "loss", "probability_edges", "probability_non_edges", "auc"]
    return pd.DataFrame(rows, columns=columns)


def by_count(counts: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return the interval of each count, and what they are called: 0, 1, 2 to 3, 4 to 7 and so on."""
    exact = np.asarray(counts, np.int64)
    kinds = np.zeros(len(exact), np.int64)
    some = exact > 0
    kinds[some] = np.minimum(np.log2(exact[some]).astype(np.int64) + 1, POWERS)
    names = ["0", "1", *(f"{2**power} to {2 ** (power + 1) - 1}" for power in range(1, POWERS - 1))]
    return kinds, [*names, f"{2 ** (POWERS - 1)} and more"]


def by_class_pair(first: np.ndarray, second: np.ndarray, names: list[str]) -> tuple[np.ndarray, list[str]]:
    """Return the kind of each pair by the classes of its ends: the same, different, and the commonest pairs of them.

    Parameters
    ----------
    first, second : ndarray of int, shape (n_pairs,)
        Class of each end, -1 where unknown.
    names : list of str
        Of the classes.

    Returns
    -------
    kinds : ndarray of int64, shape (n_pairs,)
        -1 where a class is unknown, or the pair is not among the commonest.
    names : list of str
    """
    low, high = np.minimum(first, second).astype(np.int64), np.maximum(first, second).astype(np.int64)
    codes = np.where(low < 0, -1, low * max(len(names), 1) + high)
    known, counts = np.unique(codes[codes >= 0], return_counts=True)
    kept = known[np.argsort(-counts, kind="stable")][:MOST_PAIRS_OF_CLASSES]
    kinds = np.full(len(codes), -1, np.int64)
    for place, code in enumerate(kept.tolist()):
        kinds[codes == code] = place
    width = max(len(names), 1)
    return kinds, [f"{names[code // width]} – {names[code % width]}" for code in kept.tolist()]


def by_same_class(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return whether both ends of each pair are of one class; -1 where a class is unknown."""
    kinds = np.where((first < 0) | (second < 0), -1, np.where(first == second, 0, 1))
    return kinds.astype(np.int64), ["Same", "Different"]
