"""Which points of a map are drawn, and their colours: fair samples, ranges, density."""

from __future__ import annotations

import numpy as np

MAX_POINTS = 20_000
"""Points drawn and selectable one by one; above it a fair sample stands on a density."""

MAX_LISTED = 5_000
"""Names offered in one list; of more, those that contain a text."""

MIN_ALIGNED = 3
"""Nodes on two maps from which one is turned onto the other."""


def sample_points(n: int, by: np.ndarray | None, cap: int = MAX_POINTS, seed: int = 0) -> np.ndarray:
    """Return a fair sample of rows: every class keeps its share, and none disappears.

    Parameters
    ----------
    n : int
        Number of rows.
    by : ndarray of int, shape (n,), or None
        Class of each row; None draws uniformly.
    cap : int
        Rows to keep at most.
    seed : int
        Same seed, same sample.

    Returns
    -------
    ndarray of int64, shape (min(n, cap),)
        Ascending rows; all of them when they fit.  A class keeps its share of `cap` rounded
        to a neighbouring whole number, and at least one row while there are no more classes
        than `cap`.
    """
    if n <= cap:
        return np.arange(n, dtype=np.int64)
    rng = np.random.default_rng(seed)
    if by is None:
        return np.sort(rng.choice(n, size=cap, replace=False)).astype(np.int64)
    _, member = np.unique(by, return_inverse=True)
    sizes = np.bincount(member)
    floor_one = 1 if len(sizes) <= cap else 0
    quota = _shares(sizes, cap, floor_one)
    # Shuffled, then stable-sorted by class: the first rows of each class are its random sample.
    shuffled = rng.permutation(n)
    order = shuffled[np.argsort(member[shuffled], kind="stable")]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    rank = np.arange(n) - np.repeat(starts, sizes)
    return np.sort(order[rank < np.repeat(quota, sizes)]).astype(np.int64)


def _shares(sizes: np.ndarray, cap: int, least: int) -> np.ndarray:
    """Split `cap` over classes in proportion to their sizes, largest remainders first."""
    exact = sizes * (cap / sizes.sum())
    quota = np.maximum(np.floor(exact), least).astype(np.int64)
    missing = cap - int(quota.sum())
    if missing > 0:
        quota[np.argsort(-(exact - quota), kind="stable")[:missing]] += 1
    while missing < 0:  # the minimum of one row took from the others: take it back from the largest
        take = np.argsort(-quota, kind="stable")[: min(-missing, int((quota > 1).sum()))]
        quota[take] -= 1
        missing += len(take)
    return quota


def colour_range(values: np.ndarray) -> tuple[float, float]:
    """Return the 1st and 99th percentile of the finite values, so that no outlier takes the whole scale.

    Parameters
    ----------
    values : ndarray of float, shape (n,)

    Returns
    -------
    low, high : float
        Always different; 0 and 1 without finite values.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = np.percentile(finite, [1, 99]).tolist()
    if low == high:
        low, high = float(finite.min()), float(finite.max())
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def points_per_cell(places: np.ndarray, side: int) -> np.ndarray:
    """Return how many points fall in each cell of a grid laid over them.

    Parameters
    ----------
    places : ndarray of float32, shape (n_points, 2)
    side : int
        Cells along each axis.

    Returns
    -------
    ndarray of int64, shape (side, side)
        Row is y, column is x, the lowest of each first.
    """
    low = places.min(axis=0)
    span = np.maximum(places.max(axis=0) - low, 1e-12)
    x, y = np.minimum((places - low) / span * side, side - 1).astype(np.int64).T
    return np.bincount(y * side + x, minlength=side * side).reshape(side, side)
