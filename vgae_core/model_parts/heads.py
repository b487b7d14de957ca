"""What the numbers of a last layer stand for: words, expected value, surprise, first answer (NumPy only).

The loss of an output decides its head.  Of a pair of nodes or an entry of a matrix, every head gives first the number
that is called its logit: a log odds, the logarithm of an expected value, or the value itself.  That one is what codes
and factors give back, so it is all that pages, rankings and exports need of a head.  How a head is built of Keras
layers is in :mod:`vgae_core.nn.heads`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

LARGEST_LOG = 50.0
"""Bound of a logarithm, so that its exponential is finite."""

Array = np.ndarray


def _as_it_is(values: Array) -> Array:
    return values


def _exponential(logits: Array) -> Array:
    return np.exp(np.clip(logits, -LARGEST_LOG, LARGEST_LOG))


def _softplus(logits: Array) -> Array:
    return np.logaddexp(0.0, logits)


def _probability(logits: Array) -> Array:
    from scipy.special import expit  # takes longer to import than everything else here

    return np.asarray(expit(logits))


def half_square(values: Array, logits: Array) -> Array:
    """Return half the squared difference: the nats of a normal distribution of variance 1, but for a constant."""
    return 0.5 * (values - logits) ** 2


def crossentropy(values: Array, logits: Array) -> Array:
    """Return the nats of zeros and ones under their log odds."""
    return np.logaddexp(0.0, logits) - values * logits


def poisson_nats(values: Array, log_rate: Array) -> Array:
    """Return the nats of counts under a Poisson distribution, from the logarithm of its mean."""
    from scipy.special import gammaln

    log_rate = np.clip(log_rate, -LARGEST_LOG, LARGEST_LOG)
    return np.asarray(np.exp(log_rate) - values * log_rate + gammaln(values + 1.0))


def _softplus_nats(values: Array, logits: Array) -> Array:
    return poisson_nats(values, np.log(np.maximum(_softplus(logits), 1e-20)))


def mean_itself(means: Array) -> Array:
    """Return the answer of a head of values to columns of these means: the means."""
    return means


def mean_log_odds(means: Array) -> Array:
    """Return the log odds of these means."""
    clipped = np.clip(means, 1e-6, 1 - 1e-6)
    return np.log(clipped / (1 - clipped))


def mean_logarithm(means: Array) -> Array:
    """Return the logarithms of these means."""
    return np.log(np.maximum(means, 1e-6))


@dataclass(frozen=True, kw_only=True)
class Head:
    """One kind of last layer; without other arguments, one that gives logarithms of expected values.

    Parameters
    ----------
    name : str
        Key of :data:`HEADS`, kept as ``scale`` with a run's model.
    words : str
        What its numbers are called once brought to the scale of the targets.
    width : int
        Numbers for each column: the logit first, then those that only the loss reads.
    mean : callable
        From logits to expected values, float64.
    nats : callable
        From values and logits to how little the values were expected.
    nats_help : str
        How that is worked out, in words.
    first_answer : callable
        From the means of columns to the logits that answer with them.
    low, high : float
        Bounds of the values it can stand for.
    row_scaling : str or None
        How rows of a matrix enter the network: ``"length"`` for rows of one length, ``"log"`` for log(1 + x); else
        as they are.
    of_shares : bool
        Whether it gives shares of a row's total, which the total turns into expected values.
    of_values : bool
        Whether targets and columns may be scaled: counts, rates and probabilities have their meaning in their own
        units, values have not.
    """

    name: str
    words: str
    width: int = 1
    mean: Callable[[Array], Array] = _exponential
    nats: Callable[[Array, Array], Array] = poisson_nats
    nats_help: str = "-log likelihood of the value, a Poisson count of the expected size"
    first_answer: Callable[[Array], Array] = mean_logarithm
    low: float = 0.0
    high: float = math.inf
    row_scaling: Literal["length", "log"] | None = None
    of_shares: bool = False
    of_values: bool = False

    @property
    def of_probabilities(self) -> bool:
        """Whether expected values are probabilities."""
        return self.high == 1.0

    def expected(self, logits: Array) -> Array:
        """Return what the model expects where it gives these logits, on the scale of the targets, float64.

        Parameters
        ----------
        logits : ndarray of float, any shape
        """
        return self.mean(np.asarray(logits, np.float64))

    def surprise(self, values: Array, logits: Array) -> Array:
        """Return how little the model expected these values, in nats, float64 (n_entries,); see `nats_help`.

        Parameters
        ----------
        values, logits : ndarray of float, shape (n_entries,)
        """
        return self.nats(np.asarray(values, np.float64), np.asarray(logits, np.float64))

    def trivial_answer(self, targets: Array) -> Array:
        """Return the constant row that answers with each column's mean, as logits, float32 (n_columns,).

        The head starts there, so that training only has to learn what differs between nodes.

        Parameters
        ----------
        targets : csr_array or ndarray, shape (n_rows, n_columns)
        """
        return self.first_answer(np.asarray(targets.mean(axis=0), np.float32).ravel())


HEADS: dict[str, Head] = {
    head.name: head
    for head in (
        Head(
            name="identity",
            words="values",
            mean=_as_it_is,
            nats=half_square,
            nats_help="half the squared difference to the expected value",
            first_answer=mean_itself,
            low=-math.inf,
            of_values=True,
        ),
        Head(
            name="logit",
            words="probabilities",
            mean=_probability,
            nats=crossentropy,
            nats_help="-log of the probability the model gives it",
            first_answer=mean_log_odds,
            high=1.0,
        ),
        Head(name="log", words="rates", row_scaling="log"),
        Head(name="softplus", words="weights", mean=_softplus, nats=_softplus_nats),
        Head(name="softmax", words="shares of the row's total", row_scaling="length", of_shares=True),
        Head(
            name="negative_binomial",
            words="means",
            width=2,
            nats_help="-log likelihood of the value, a Poisson count of the expected size; the column's dispersion is "
            "left out",
            row_scaling="log",
        ),
        Head(
            name="zero_inflated_negative_binomial",
            words="means",
            width=3,
            nats_help="-log likelihood of the value, a Poisson count of the expected size; dispersion and zero "
            "inflation are left out",
            row_scaling="log",
        ),
    )
}
"""Heads by name."""
