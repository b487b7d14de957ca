"""EASE: each column of a matrix as a ridge regression on all others, in closed form, and its sum with a network.

References
----------
Steck 2019, Embarrassingly Shallow Autoencoders for Sparse Data, arXiv:1905.03375.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse
from scipy.special import logsumexp

from vgae_core.analysis.ranking_metrics import RANKED_AT, ranking_metrics, row_metrics

MOST_COLUMNS = 10_000
"""Columns up to which the regressions are solved: 400 MB, and about a minute for each penalty tried."""

TOO_WIDE = f"more than {MOST_COLUMNS:,} columns"
"""Why it is left out."""

PENALTIES = (0.1, 0.3, 1.0, 3.0)
"""Ridge penalties that are tried, in units of the mean squared length of a column."""

WEIGHED_ENTRIES = 4000
"""Validation entries by which a network and EASE are weighed, at most."""

AGAINST = 200
"""Random columns of the same row that each of them is compared with."""

SHARES = (0.2, 0.5, 1.0)
"""Of the network's weight in that comparison, what is tried in the ranking of whole rows."""

ERRORS = 2.0
"""Standard errors that a larger share must rank better by."""

RIDGE = 1e-4
"""Penalty on the weights of that comparison, which may be decided beyond doubt."""

Factors = tuple[sparse.csr_array, np.ndarray]
"""``left`` (n_rows, k) and ``right`` (n_columns, k): entry (i, j) scores ``left_i . right_j``."""


def damped(matrix: sparse.csr_array) -> sparse.csr_array:
    """Return ``sign(x) log(1 + |x|)`` of a matrix, float32: counts have long tails."""
    scaled = sparse.csr_array(matrix, dtype=np.float32, copy=True)
    scaled.data = np.sign(scaled.data) * np.log1p(np.abs(scaled.data))
    return scaled


def column_weights(matrix: sparse.csr_array, penalty: float) -> np.ndarray:
    """Return what each column counts in the regression of each other.

    Parameters
    ----------
    matrix : csr_array, shape (n_rows, n_columns)
    penalty : float
        Of the squared weights; positive.

    Returns
    -------
    ndarray of float32, shape (n_columns, n_columns)
        ``B = I - P / diag(P)`` with ``P = (X'X + penalty I)^-1``; the diagonal is 0. Column j regresses column j.
    """
    gram = np.asarray((matrix.T @ matrix).toarray(), np.float32)
    gram.flat[:: len(gram) + 1] += penalty
    # All in the memory of one square: LAPACK takes columns for rows, which of a symmetric matrix are the same.
    factor = linalg.cholesky(gram.T, overwrite_a=True, check_finite=False)
    (inverse, _) = linalg.lapack.spotri(factor, overwrite_c=True)
    weights = inverse.T
    _mirror(weights)
    weights /= -np.diag(weights)
    np.fill_diagonal(weights, 0.0)
    return np.ascontiguousarray(weights, np.float32)


def _mirror(square: np.ndarray, block: int = 512) -> None:
    """Copy the lower triangle of a square array to the upper one, in place: LAPACK gives one of them."""
    for start in range(0, len(square), block):
        stop = start + block
        corner = square[start:stop, start:stop]
        corner[:] = np.tril(corner) + np.tril(corner, -1).T
        square[start:stop, stop:] = square[stop:, start:stop].T


def fit_ease(
    known: sparse.csr_array,
    validation: np.ndarray,
    penalty: float | None = None,
    *,
    learnt: sparse.csr_array | None = None,
) -> tuple[Factors, float]:
    """Return the factors of EASE and its penalty, which ranks the validation entries best by NDCG.

    Parameters
    ----------
    known : csr_array, shape (n_rows, n_columns)
        What rows hold, without held-out entries.
    validation : ndarray of int64, shape (n_validation, 2)
        Without any, the penalty is the mean squared length of a column.
    penalty : float, optional
        In units of that; one of :data:`PENALTIES` unless given.
    learnt : csr_array, shape (n, n_columns), optional
        What the regressions are fitted to, where it is not `known`.

    Returns
    -------
    factors : tuple of csr_array and ndarray of float32
    penalty : float
    """
    left = damped(known)
    source = left if learnt is None else damped(learnt)
    unit = max(float(source.multiply(source).sum()) / source.shape[1], 1e-6)
    chosen, best, right = penalty or 1.0, -1.0, np.zeros((0, 0), np.float32)
    for share in (chosen,) if penalty or not len(validation) else PENALTIES:
        weights = column_weights(source, share * unit).T
        if penalty or not len(validation):
            return (left, weights), share
        ndcg = ranking_metrics(left, weights, known, validation)[f"ndcg_at_{min(RANKED_AT, left.shape[1])}"]
        if ndcg <= best:
            break  # it rises to one penalty and falls behind it
        chosen, best, right = share, ndcg, weights
    return (left, right), chosen


def score_entries(factors: Factors, pairs: np.ndarray) -> np.ndarray:
    """Return ``left_i . right_j`` of some entries, float32 (n_pairs,)."""
    left, right = factors
    found = np.empty(len(pairs), np.float32)
    step = max(1, 4_000_000 // right.shape[1])
    for start in range(0, len(pairs), step):
        part = pairs[start : start + step]
        found[start : start + step] = left[part[:, 0]].multiply(right[part[:, 1]]).sum(axis=1)
    return found


@dataclass(frozen=True)
class Weighed:
    """What a network's score and that of EASE count in the order of a row's columns."""

    network: float
    ease: float


def weigh(
    network: tuple[np.ndarray, np.ndarray],
    ease: Factors,
    known: sparse.csr_array,
    validation: np.ndarray,
    rng: np.random.Generator,
) -> Weighed:
    """Return the weights under which validation entries are likeliest among the columns that their rows lack.

    A conditional logit: in each row, held-out columns compete with random ones.  What is the same for a whole row
    does not count.  Most of these columns stand far down, where EASE says little: for the first ones the network then
    counts too much.  So of its weight the smallest share is taken that ranks the validation entries, within
    :data:`ERRORS` standard errors, as well as the best.

    Parameters
    ----------
    network : tuple of ndarray of float32, shapes (n_rows, d) and (n_columns, d)
    ease : tuple of csr_array and ndarray of float32
    known : csr_array, shape (n_rows, n_columns)
    validation : ndarray of int64, shape (n_validation, 2)
        At least one.
    rng : numpy.random.Generator
        Draws entries and columns.

    References
    ----------
    McFadden 1974, Conditional logit analysis of qualitative choice behavior.
    Hastie, Tibshirani & Friedman 2009, The Elements of Statistical Learning, section 7.10: a rule like that of one
    standard error.
    """
    from scipy.optimize import minimize  # needed once a run, and slow to load

    n_columns = known.shape[1]
    chosen = validation[np.sort(rng.permutation(len(validation))[:WEIGHED_ENTRIES])]
    columns = rng.integers(0, n_columns, (len(chosen), AGAINST + 1))
    columns[:, 0] = chosen[:, 1]
    pairs = np.column_stack([np.repeat(chosen[:, 0], AGAINST + 1), columns.ravel()])
    held_out = sparse.csr_array((np.ones(len(validation)), validation.T), shape=known.shape)
    taken = (np.asarray(known[pairs[:, 0], pairs[:, 1]]) != 0) | (
        np.asarray(held_out[pairs[:, 0], pairs[:, 1]]) != 0
    )
    taken = taken.reshape(columns.shape)
    taken[:, 0] = False
    both = np.stack([_rows(factors, chosen[:, 0], columns) for factors in (network, ease)], axis=-1).astype(
        float
    )
    spread = np.maximum(both.reshape(-1, 2).std(axis=0), 1e-12)
    both /= spread

    def cost(weights: np.ndarray) -> tuple[float, np.ndarray]:
        scores = np.where(taken, -np.inf, both @ weights)
        total = logsumexp(scores, axis=1)
        share = np.exp(scores - total[:, None])
        slope = np.einsum("nk,nkd->d", share, both) - both[:, 0].sum(axis=0)
        value = float((total - scores[:, 0]).mean() + RIDGE * weights @ weights)
        return value, slope / len(both) + 2 * RIDGE * weights

    weights = minimize(cost, np.ones(2), jac=True, method="L-BFGS-B").x / spread
    ranked = validation[np.isin(validation[:, 0], chosen[:, 0])]
    share = _least_share(weights, network, ease, known, ranked) if weights.min() > 0 else 1.0
    return Weighed(share * float(weights[0]), float(weights[1]))


def _least_share(
    weights: np.ndarray,
    network: tuple[np.ndarray, np.ndarray],
    ease: Factors,
    known: sparse.csr_array,
    validation: np.ndarray,
) -> float:
    """Return the least of :data:`SHARES` whose NDCG is within :data:`ERRORS` standard errors of the best."""
    right = np.concatenate([network[1], ease[1]], axis=1)
    key, ndcg = f"ndcg_at_{min(RANKED_AT, len(right))}", []
    for share in SHARES:
        parts = [
            sparse.csr_array(np.float32(share * weights[0]) * network[0]), np.float32(weights[1]) * ease[0]
        ]  # fmt: skip
        left = sparse.csr_array(sparse.hstack(parts, format="csr"))
        ndcg.append(row_metrics(left, right, known, validation)[key])
    behind = max(ndcg, key=np.mean) - np.array(ndcg)
    error = behind.std(axis=1) / np.sqrt(behind.shape[1])
    return SHARES[int(np.argmax(behind.mean(axis=1) <= ERRORS * error))]


def _rows(
    factors: tuple[np.ndarray, np.ndarray] | Factors, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """Return scores of some columns of each of some rows, float32 of the shape of `columns`."""
    left, right = factors
    found = np.empty(columns.shape, np.float32)
    step = max(1, 8_000_000 // len(right))
    for start in range(0, len(rows), step):
        block = np.asarray(left[rows[start : start + step]] @ right.T)
        found[start : start + step] = np.take_along_axis(block, columns[start : start + step], axis=1)
    return found
