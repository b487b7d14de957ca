"""From the latent distribution to codes, and to what the divergence is of."""

from __future__ import annotations

from typing import Any

import keras

from vgae_core.nn.latent_layers import BoundLogVar, SampleNormal
from vgae_core.nn.seeds import Seeds
from vgae_core.settings import ModelSpec


def bounded(latent: Any, model: ModelSpec) -> Any:
    """Return the latent distribution with log-variances within bounds."""
    return BoundLogVar(name="z_bounds")(latent) if model.variational else latent


def parts(latent: Any, model: ModelSpec) -> dict[str, Any]:
    """Return ``z_mean`` and, if variational, ``z_log_var`` from the two side by side."""
    if not model.variational:
        return {"z_mean": latent}
    return {"z_mean": latent[:, : model.latent_dim], "z_log_var": latent[:, model.latent_dim :]}


def sample(latent: Any, model: ModelSpec, seeds: Seeds) -> Any:
    """Return codes drawn from the latent distribution in training, and their means otherwise."""
    return SampleNormal(seeds(), name="z")(latent) if model.variational else latent


def z_vars(latent: Any, model: ModelSpec) -> Any:
    """Return mean and log-variance side by side; a plain auto-encoder repeats its mean."""
    return latent if model.variational else keras.layers.Concatenate(name="z_vars")([latent, latent])
