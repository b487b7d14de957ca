"""How much of the latent space is used, and how certain codes are."""

from __future__ import annotations

import numpy as np

from vgae_core.data.blocks import row_blocks

ACTIVE = 0.01
"""Variance over nodes above which a latent dimension says something (Burda et al. 2016)."""


def latent_metrics(z_mean: np.ndarray, z_log_var: np.ndarray) -> dict[str, float]:
    """Return how much of the latent space is used: whether the posterior collapsed to the prior.

    Parameters
    ----------
    z_mean, z_log_var : ndarray of float32, shape (n_nodes, latent_dim)
        Gone through block by block.

    Returns
    -------
    dict of str to float
        ``active_units`` (dimensions whose mean varies by more than :data:`ACTIVE` over nodes), ``latent_dim``,
        ``kl`` (nats per node, from the standard normal) and ``mean_sigma``.

    References
    ----------
    Burda et al. 2016, Importance Weighted Autoencoders, arXiv:1509.00519, section 5.1.
    """
    n, width = z_mean.shape
    total, squares = np.zeros(width), np.zeros(width)
    divergence = sigma = 0.0
    for (_, mean), (_, log_var) in zip(row_blocks(z_mean), row_blocks(z_log_var), strict=True):
        mean, log_var = mean.astype(np.float64), log_var.astype(np.float64)
        variance = np.exp(np.clip(log_var, -50.0, 50.0))
        divergence += 0.5 * float((np.square(mean) + variance - 1.0 - log_var).sum())
        sigma += float(np.sqrt(variance).sum())
        mean -= z_mean[0]  # near the mean, so that the squares below do not cancel
        total += mean.sum(axis=0)
        squares += np.square(mean).sum(axis=0)
    spread = squares / n - np.square(total / n)
    return {
        "active_units": float(np.count_nonzero(spread > ACTIVE)),
        "latent_dim": float(width),
        "kl": divergence / n,
        "mean_sigma": sigma / (n * width),
    }


def uncertainty(z_log_var: np.ndarray) -> np.ndarray:
    """Return the mean standard deviation σ of each node's latent code.

    1 is the prior (nothing learnt of the node); towards 0 the code is certain.

    Parameters
    ----------
    z_log_var : ndarray of float32, shape (n_nodes, latent_dim)
        log σ².

    Returns
    -------
    ndarray of float32, shape (n_nodes,)
        In units of z.
    """
    return np.exp(0.5 * z_log_var.astype(np.float64)).mean(axis=1).astype(np.float32)
