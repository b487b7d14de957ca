"""Formulas of decoders: how two latent codes become the logit of an edge, written once for Keras and for plain arrays.

Each is named by its entry in :data:`vgae_core.catalogue.decoders.DECODERS` and given `xp`, ``numpy`` or ``keras.ops``,
which call their functions by the same names.  Weights come by the names of the entry, on their own scale.

A decoder with factors is ``left_i . right_j``: from codes z, shape (n, latent_dim), it gives the columns of both
factors, arrays of shape (n, any).  The others give logits, shape (n_pairs,), from the codes of both ends of pairs,
shape (n_pairs, latent_dim).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Weights = Mapping[str, Any]
Columns = tuple[Any, ...]

NEAREST = 0.01
"""Added to squared distances before their logarithm (as in the code of Salha et al. 2019)."""


# -------------------------------------------------------------------------- with factors
def inner_product(xp: Any, z: Any, weights: Weights) -> tuple[Columns, Columns]:
    """Return the codes twice."""
    return (z,), (z,)


def inner_product_bias(xp: Any, z: Any, weights: Weights) -> tuple[Columns, Columns]:
    """Return factors of ``z_i . z_j + kernel . z_i + kernel . z_j + bias``."""
    one, term = xp.ones_like(z[:, :1]), xp.matmul(z, weights["kernel"])
    return (z, term + weights["bias"], one), (z, one, term)


def distance(xp: Any, z: Any, weights: Weights) -> tuple[Columns, Columns]:
    """Return factors of ``bias - scale |z_i - z_j|^2``."""
    one, scale = xp.ones_like(z[:, :1]), weights["scale"]
    length = -scale * xp.sum(xp.square(z), axis=1, keepdims=True)
    return (2.0 * scale * z, length + weights["bias"], one), (z, one, length)


def distmult(xp: Any, z: Any, weights: Weights) -> tuple[Columns, Columns]:
    """Return factors of ``sum_k scale_k z_ik z_jk + bias``."""
    one = xp.ones_like(z[:, :1])
    return (z * weights["scale"], one * weights["bias"]), (z, one)


def source_target(xp: Any, z: Any, weights: Weights) -> tuple[Columns, Columns]:
    """Return factors of ``s_i . t_j + bias``, s and t the halves of a code."""
    one, half = xp.ones_like(z[:, :1]), z.shape[1] // 2
    return (z[:, :half], one * weights["bias"]), (z[:, half:], one)


# ----------------------------------------------------------------------- without factors
def hadamard_mlp(xp: Any, first: Any, second: Any, weights: Weights) -> Any:
    """Return ``relu((z_i * z_j) kernel + bias) . out + offset`` of each pair."""
    hidden = xp.matmul(first * second, weights["kernel"]) + weights["bias"]
    return xp.matmul(xp.maximum(hidden, 0), weights["out"]) + weights["offset"]


def gravity(xp: Any, first: Any, second: Any, weights: Weights) -> Any:
    """Return ``m_j - strength log(|z_i - z_j|^2 + 0.01) + bias`` of each arc i to j, m the last column of z."""
    apart = first[:, :-1] - second[:, :-1]
    square = xp.einsum("ij,ij->i", apart, apart)
    return second[:, -1] - weights["strength"] * xp.log(square + NEAREST) + weights["bias"]
