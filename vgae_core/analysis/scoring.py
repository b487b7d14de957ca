"""The decoder's logit of pairs of nodes.

The decoder is the inner product of two latent codes, or of two factors made from them; its
probability is the sigmoid of that logit.  Decoders that are no inner product bring their own
score.  Nothing here holds an n_nodes × n_nodes array.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy.special import expit

from vgae_core.analysis.decoders import pair_logits
from vgae_core.catalogue.decoders import without_factors
from vgae_core.data.blocks import take_rows

BLOCK_VALUES = 4_000_000
"""Values of a temporary array: 16 MB of float32."""

Score = Callable[[np.ndarray], np.ndarray]
"""From pairs int64 (n_pairs, 2) to the decoder's logits, float32 (n_pairs,)."""


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Return ``1 / (1 + exp(-logits))``, the decoder's probability of an edge.

    Parameters
    ----------
    logits : ndarray of float, any shape

    Returns
    -------
    ndarray of float64, same shape
        0 to 1.
    """
    return np.asarray(expit(logits.astype(np.float64)))


def score_pairs(z: np.ndarray, pairs: np.ndarray, right: np.ndarray | None = None) -> np.ndarray:
    """Return the decoder's logit of each pair, ``z_i · z_j``, or ``z_i · right_j``.

    Parameters
    ----------
    z : ndarray of float32, shape (n_nodes, latent_dim)
        Latent codes, or the left factors of the pairs.
    pairs : ndarray of int64, shape (n_pairs, 2)
    right : ndarray of float32, shape (n_columns, latent_dim), optional
        Right factors; `z` unless given.

    Returns
    -------
    ndarray of float32, shape (n_pairs,)
    """
    other = z if right is None else right
    logits = np.empty(len(pairs), dtype=np.float32)
    step = max(1, BLOCK_VALUES // max(1, z.shape[1]))
    for start in range(0, len(pairs), step):
        part = pairs[start : start + step]
        ends = take_rows(z, part[:, 0]), take_rows(other, part[:, 1])
        np.einsum("ij,ij->i", *ends, out=logits[start : start + step])
    return logits


def scorer(
    z: np.ndarray,
    factors: tuple[np.ndarray, np.ndarray],
    decoder: str = "inner_product",
    weights: Mapping[str, np.ndarray] | None = None,
) -> Score:
    """Return the function from pairs to logits of any decoder.

    Parameters
    ----------
    z : ndarray of float32, shape (n_nodes, latent_dim)
        Latent codes.
    factors : tuple of ndarray of float32, shapes (n_nodes, k) and (n_columns, k)
    decoder : str
        Key of :data:`vgae_core.catalogue.decoders.DECODERS`; with factors it is their inner product.
    weights : mapping of str to ndarray, optional
        What the formula of a decoder without factors reads.
    """
    if without_factors(decoder):
        return lambda pairs: pair_logits(decoder, z, pairs, weights or {})
    return lambda pairs: score_pairs(factors[0], pairs, factors[1])
