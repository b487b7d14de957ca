"""Decoders of pairs as formulas of plain arrays: what a finished run needs to score pairs without its network.

Each is named by its entry in :data:`vgae_core.catalogue.decoders.DECODERS`.  Most are an inner product of two factors,
``left_i . right_j``, and give both; the others score pairs, and the bilinear function nearest to them finds the pairs
worth scoring among all.
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

NEAREST = 0.01
"""Added to squared distances before their logarithm (as in the code of Salha et al. 2019)."""

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
    left, right = load(entry.plain)(z, decoder_weights(decoder, layers))
    return left, right


# -------------------------------------------------------------------------- with factors
def inner_product(z: np.ndarray, weights: Weights) -> Factors:
    """Return the codes twice."""
    return z, z


def inner_product_bias(z: np.ndarray, weights: Weights) -> Factors:
    """Return factors of ``z_i . z_j + kernel . z_i + kernel . z_j + bias``."""
    one, term = _ones(z), z @ weights["kernel"][:, None]
    return np.hstack([z, term + weights["bias"], one]), np.hstack([z, one, term])


def distance(z: np.ndarray, weights: Weights) -> Factors:
    """Return factors of ``bias - scale |z_i - z_j|^2``."""
    one, scale = _ones(z), weights["scale"]
    length = -scale * np.square(z).sum(axis=1, keepdims=True)
    return np.hstack([2 * scale * z, length + weights["bias"], one]), np.hstack([z, one, length])


def distmult(z: np.ndarray, weights: Weights) -> Factors:
    """Return factors of ``sum_k scale_k z_ik z_jk + bias``."""
    one = _ones(z)
    return np.hstack([z * weights["scale"], one * weights["bias"]]), np.hstack([z, one])


def source_target(z: np.ndarray, weights: Weights) -> Factors:
    """Return factors of ``s_i . t_j + bias``, s and t the halves of a code."""
    one, half = _ones(z), z.shape[1] // 2
    return np.hstack([z[:, :half], one * weights["bias"]]), np.hstack([z[:, half:], one])


def _ones(z: np.ndarray) -> np.ndarray:
    return np.ones((len(z), 1), np.float32)


# ----------------------------------------------------------------------- without factors
def hadamard_mlp(z: np.ndarray, pairs: np.ndarray, weights: Weights) -> np.ndarray:
    """Return ``relu((z_i * z_j) W + b) . v + c`` of each pair.

    Parameters
    ----------
    z : ndarray of float32, shape (n_nodes, latent_dim)
    pairs : ndarray of int64, shape (n_pairs, 2)
    weights : mapping
        ``kernel`` W (latent_dim, units), ``bias`` b (units,), ``out`` v (units,), ``offset`` c ().

    Returns
    -------
    ndarray of float32, shape (n_pairs,)
    """
    kernel, bias, out, offset = (weights[name] for name in ("kernel", "bias", "out", "offset"))
    logits = np.empty(len(pairs), np.float32)
    step = max(1, _BLOCK // (2 * max(kernel.shape)))
    for start in range(0, len(pairs), step):
        part = pairs[start : start + step]
        hidden = (take_rows(z, part[:, 0]) * take_rows(z, part[:, 1])) @ kernel + bias
        logits[start : start + step] = np.maximum(hidden, 0) @ out + offset
    return logits


def gravity(z: np.ndarray, pairs: np.ndarray, weights: Weights) -> np.ndarray:
    """Return ``m_j - strength log(|z_i - z_j|^2 + 0.01) + bias`` of each arc i to j, m the last column of z.

    Parameters
    ----------
    z : ndarray of float32, shape (n_nodes, latent_dim)
    pairs : ndarray of int64, shape (n_pairs, 2)
    weights : mapping
        ``strength`` () and ``bias`` ().

    Returns
    -------
    ndarray of float32, shape (n_pairs,)
    """
    logits = np.empty(len(pairs), np.float32)
    step = max(1, _BLOCK // z.shape[1])
    for start in range(0, len(pairs), step):
        part = pairs[start : start + step]
        first, second = take_rows(z, part[:, 0]), take_rows(z, part[:, 1])
        apart = first[:, :-1] - second[:, :-1]
        square = np.einsum("ij,ij->i", apart, apart)
        pull = second[:, -1] - weights["strength"] * np.log(square + NEAREST) + weights["bias"]
        logits[start : start + step] = pull
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
