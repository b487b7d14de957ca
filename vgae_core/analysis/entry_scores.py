"""How the entries of a matrix are scored: by the network, combined with EASE where validation entries say how.

A conditional logit within rows weighs both scores (:func:`vgae_core.analysis.ease.weigh`), which ranks the columns of
a row best.  A regression on the weighted sum and on the number of values of the row gives the log odds of an entry.
All of it is one product of factors and one calibration, which keeps the order.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from vgae_core.analysis import ease
from vgae_core.analysis.calibration import CALIBRATION, calibrated, steepness
from vgae_core.analysis.entries import Left
from vgae_core.analysis.scoring import score_pairs
from vgae_core.analysis.stacking import Stack, fit_stack

Network = tuple[np.ndarray, np.ndarray]
"""Factors of the network's logits, float32 (n_rows, d) and (n_columns, d)."""

AT_ONCE_COLUMNS = 6_000
"""Columns up to which a page solves the regressions of EASE itself: 144 MB, and a few seconds of two processors."""


@dataclass(frozen=True, eq=False)
class EntryScores:
    """Factors whose inner products rank the columns of a row, and what makes logits of them.

    Parameters
    ----------
    left : csr_array or ndarray of float32, shape (n_rows, k)
    right : ndarray of float32, shape (n_columns, k)
    stack : mapping of str to float
        ``offset``, what ``network``, ``ease`` and ``row_values`` (logarithm of one more than the values of the row)
        count, the ``penalty`` of EASE, and the calibration of the sum; empty where the network scores alone.
    """

    left: Left
    right: np.ndarray
    stack: Stack = dataclasses.field(default_factory=dict)

    def of_rows(self, network: np.ndarray, rows: sparse.csr_array) -> EntryScores:
        """Return the scores of other rows, or of the same with other values.

        Parameters
        ----------
        network : ndarray of float32, shape (n, d)
            The network's left factors.
        rows : csr_array, shape (n, n_columns)
        """
        left = _left(self.stack, network, rows) if self.stack else network
        return dataclasses.replace(self, left=left)

    def products(self, rows: slice | np.ndarray) -> np.ndarray:
        """Return the inner products of some rows with all columns, float32 (n, n_columns)."""
        return np.asarray(self.left[rows] @ self.right.T)

    def logits(self, products: np.ndarray) -> np.ndarray:
        """Return the logits of inner products, float32 of the same shape, in the same order."""
        return calibrated(products, self.stack).astype(np.float32) if self.stack else products

    def steepness(self, products: np.ndarray) -> np.ndarray:
        """Return how much a logit grows with the network's own, float64 of the shape of `products`."""
        if not self.stack:
            return np.ones(np.shape(products))
        return float(self.stack["network"]) * steepness(products, self.stack)

    def __call__(self, pairs: np.ndarray) -> np.ndarray:
        """Return the logits of pairs (row, column), float32 (n_pairs,)."""
        if isinstance(self.left, np.ndarray):
            return score_pairs(self.left, pairs, self.right)
        return self.logits(ease.score_entries((self.left, self.right), pairs))


def combined(
    stack: Stack, network: Network, regressions: np.ndarray | None, rows: sparse.csr_array
) -> EntryScores:
    """Return the scores of a matrix by a network and the regressions of EASE.

    Parameters
    ----------
    stack : mapping of str to float
        As :func:`fit_entries` returns it; the network scores alone where it is empty.
    network : tuple of ndarray
        Its factors.
    regressions : ndarray of float32, shape (n_columns, n_columns), or None
        Right factors of EASE; None without a stack.
    rows : csr_array, shape (n_rows, n_columns)
        What the rows hold, as it is scored.
    """
    if not stack or regressions is None:
        return EntryScores(*network)
    d, width = network[1].shape[1], len(regressions)
    right = np.empty((width, d + width + 1), np.float32)
    right[:, :d], right[:, d:-1], right[:, -1] = network[1], regressions, 1.0
    return EntryScores(_left(stack, network[0], rows), right, stack)


def _left(stack: Stack, network: np.ndarray, rows: sparse.csr_array) -> sparse.csr_array:
    row_of = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))[rows.data != 0]
    same = stack["offset"] + stack["row_values"] * np.log1p(np.bincount(row_of, minlength=rows.shape[0]))
    parts = [
        sparse.csr_array(np.float32(stack["network"]) * network),
        np.float32(stack["ease"]) * ease.damped(rows),
        sparse.csr_array(same[:, None].astype(np.float32)),
    ]
    return sparse.csr_array(sparse.hstack(parts, format="csr"), dtype=np.float32)


def fit_entries(
    network: Network,
    matrix: tuple[sparse.csr_array, sparse.csr_array],
    validation: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
) -> dict[str, float]:
    """Return how a network's scores are combined with those of EASE; empty where that would turn their order.

    Parameters
    ----------
    network : tuple of ndarray
        Its factors.
    matrix : tuple of two csr_array, shape (n_rows, n_columns)
        What is learnt from, and what rows hold as they are scored: without held-out entries both.
    validation : tuple of two ndarray of int64, shape (n_pairs, 2)
        Validation entries, and zeros.
    rng : numpy.random.Generator
        Draws what both are weighed by.

    Returns
    -------
    dict of str to float
        See :class:`EntryScores`.
    """
    learnt, known = matrix
    entries, zeros = validation
    factors, penalty = ease.fit_ease(known, entries, learnt=learnt)
    weighed = ease.weigh(network, factors, known, entries, rng)
    plain = {"offset": 0.0, "network": weighed.network, "ease": weighed.ease, "row_values": 0.0}
    sums = combined({**plain, **CALIBRATION}, network, factors[1], known)
    pairs = np.concatenate([entries, zeros])
    n_filled = np.bincount(
        np.repeat(np.arange(known.shape[0]), np.diff(known.indptr))[known.data != 0],
        minlength=known.shape[0],
    )
    truth = np.repeat(np.array([1, 0], np.int8), [len(entries), len(zeros)])
    products = ease.score_entries((sums.left, sums.right), pairs)
    stack = fit_stack(products, {"row_values": n_filled[pairs[:, 0]]}, truth)
    if stack["network"] <= 0:
        return {}
    slope = stack["network"]
    return {
        **stack,
        "network": slope * weighed.network,
        "ease": slope * weighed.ease,
        "penalty": penalty,
    }
