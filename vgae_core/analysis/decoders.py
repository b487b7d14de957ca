"""Decoders on plain arrays: what a finished run needs to score pairs without its network.

The formulas are those of :mod:`vgae_core.model_parts.decoders`.  Most are an inner product of two factors; for the
others the bilinear function nearest to them finds the pairs worth scoring among all.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vgae_core.catalogue.base import load
from vgae_core.catalogue.decoders import DECODERS
from vgae_core.data.blocks import take_rows

SAMPLED_PAIRS = 50_000
"""Pairs on which :func:`bilinear` is fitted."""

RIDGE = 1e-3
"""Weight of the penalty of that fit, relative to the variance of the columns."""

_BLOCK = 4_000_000
"""Values of a temporary array: 16 MB of float32."""

Weights = Mapping[str, np.ndarray]
Factors = tuple[np.ndarray, np.ndarray]
Layers = Mapping[str, tuple[np.ndarray, ...]]


def decoder_weights(decoder: str, layers: Layers) -> dict[str, np.ndarray]:
    """Return the weights of a decoder by name.

    Parameters
    ----------
    decoder : str
        Key of :data:`~vgae_core.catalogue.decoders.DECODERS`.
    layers : mapping of str to tuple of ndarray
        Weights by the name of their layer.

    Raises
    ------
    KeyError, IndexError, ValueError
        If the layers are not those of the decoder.
    """
    weights = {}
    for name, weight in DECODERS[decoder].weights.items():
        value = layers[weight.layer][weight.place]
        value = value.reshape(value.shape[: len(weight.shape)])
        weights[name] = np.exp(value) if weight.log else value
    return weights


def pair_factors(decoder: str, layers: Layers, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return factors whose inner products are the logits of pairs, float32 (n, k) each; `z` where it has none.

    Parameters are those of :func:`decoder_weights`, with codes `z` of shape (n, latent_dim).
    """
    entry = DECODERS[decoder]
    if not entry.factors:
        return z, z
    columns = load(entry.formula)(np, z, decoder_weights(decoder, layers))
    left, right = (side[0] if len(side) == 1 else np.hstack(side) for side in columns)
    return left, right


def pair_logits(decoder: str, z: np.ndarray, pairs: np.ndarray, weights: Weights) -> np.ndarray:
    """Return the logits of pairs by a decoder without factors, float32 (n_pairs,), block by block.

    Parameters
    ----------
    decoder : str
        Key of :data:`~vgae_core.catalogue.decoders.DECODERS`.
    z : ndarray of float32, shape (n_nodes, latent_dim)
    pairs : ndarray of int64, shape (n_pairs, 2)
    weights : mapping of str to ndarray
        As :func:`decoder_weights` gives them.
    """
    formula = load(DECODERS[decoder].formula)
    logits = np.empty(len(pairs), np.float32)
    widest = max(z.shape[1], *(2 * max(value.shape) for value in weights.values() if value.ndim == 2), 1)
    step = max(1, _BLOCK // widest)
    for start in range(0, len(pairs), step):
        part = pairs[start : start + step]
        ends = take_rows(z, part[:, 0]), take_rows(z, part[:, 1])
        logits[start : start + step] = formula(np, *ends, weights)
    return logits


def bilinear(
    z: np.ndarray, pairs: np.ndarray, logits: np.ndarray, *, directed: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return factors whose inner products come near the logits of a decoder that has no factors.

    ``sum_k w_k z_ik z_jk + p (|z_i|^2 + |z_j|^2) + u . z_i + v . z_j + c``, fitted to the logits by least squares;
    u = v unless `directed`.  It ranks roughly as the decoder does, which is enough to choose the pairs that the
    decoder then scores.

    Parameters
    ----------
    z : ndarray of float32, shape (n_nodes, latent_dim)
    pairs : ndarray of int64, shape (n_pairs, 2)
        At most :data:`SAMPLED_PAIRS` of them are used.
    logits : ndarray of float32, shape (n_pairs,)
        What the decoder gives them.
    directed : bool

    Returns
    -------
    left, right : ndarray of float32, shape (n_nodes, latent_dim + 2)
    """
    if len(pairs) > SAMPLED_PAIRS:
        chosen = np.linspace(0, len(pairs) - 1, SAMPLED_PAIRS).astype(np.int64)
        pairs, logits = pairs[chosen], logits[chosen]
    square = np.square(z).sum(axis=1, keepdims=True)
    first, second = pairs[:, 0], pairs[:, 1]
    ends = [z[first], z[second]] if directed else [z[first] + z[second]]
    columns = np.concatenate([z[first] * z[second], square[first] + square[second], *ends], axis=1)
    columns = columns.astype(np.float64)
    centre, goal = columns.mean(axis=0), float(logits.mean(dtype=np.float64))
    columns -= centre
    gram = columns.T @ columns
    gram[np.diag_indices_from(gram)] += RIDGE * max(float(np.trace(gram)) / len(gram), 1e-12)
    solution = np.linalg.solve(gram, columns.T @ (logits - goal))
    d = z.shape[1]
    scale, length, u = solution[:d], solution[d], solution[d + 1 : 2 * d + 1]
    v = solution[2 * d + 1 :] if directed else u
    offset = goal - float(centre @ solution)
    one = np.ones((len(z), 1))
    left = np.concatenate([z * scale, length * square + z @ u[:, None] + offset, one], axis=1)
    right = np.concatenate([z, one, length * square + z @ v[:, None]], axis=1)
    return left.astype(np.float32), right.astype(np.float32)
