"""Encoders: how node features and message edges become a latent distribution.

To add one, write a function with the signature of :func:`gcn`, list it in
:data:`BUILDERS` and describe it in :data:`vgae_core.spec.ENCODERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vgae_core.nn.layers import FeatureDropout, NodeTable, Propagate, ScaleRows, SparseDense
from vgae_core.spec import ModelSpec

Latent = tuple[Any, Any | None]
"""(z_mean, z_log_var), each (n_nodes, latent_dim); z_log_var None for a plain auto-encoder."""


def _first_map(
    features: Any | None, adjacency: Any, n_nodes: int, model: ModelSpec, units: int, name: str, bias: bool
) -> Any:
    """Return ``X W``, or a table of free vectors where the graph has no features."""
    if features is None:
        return NodeTable(n_nodes, units, name=name)(adjacency)
    if model.dropout:
        features = FeatureDropout(model.dropout, name=f"{name}_dropout")(features)
    return SparseDense(units, use_bias=bias, name=name)(features)


def gcn(features: Any | None, adjacency: Any, n_nodes: int, model: ModelSpec) -> Latent:
    """Return the latent distribution of ``A relu(A X W0) W1`` (any number of hidden layers).

    Parameters
    ----------
    features : KerasTensor, shape (n_nodes, n_features), or None
    adjacency : sparse KerasTensor, shape (n_nodes, n_nodes)
        Normalised message edges.
    n_nodes : int
    model : ModelSpec

    References
    ----------
    Kipf & Welling 2016, Variational Graph Auto-Encoders, arXiv:1611.07308.
    """
    hidden: Any = None
    for depth, units in enumerate(model.hidden_units or (model.latent_dim,), start=1):
        name = f"hidden_{depth}"
        if depth == 1:
            mapped = _first_map(features, adjacency, n_nodes, model, units, name, bias=False)
        else:
            mapped = SparseDense(units, name=name)(_dropped(hidden, model, name))
        hidden = Propagate("relu", name=f"{name}_propagate")([mapped, adjacency])

    def head(name: str) -> Any:
        mapped = SparseDense(model.latent_dim, name=f"{name}_map")(_dropped(hidden, model, name))
        return Propagate(name=name)([mapped, adjacency])

    return head("z_mean"), head("z_log_var") if model.variational else None


def _dropped(hidden: Any, model: ModelSpec, name: str) -> Any:
    return FeatureDropout(model.dropout, name=f"{name}_dropout")(hidden) if model.dropout else hidden


def normalised(features: Any | None, adjacency: Any, n_nodes: int, model: ModelSpec) -> Latent:
    """Return the latent distribution whose mean is one hop over rows of X W scaled to one length.

    Parameters are those of :func:`gcn`.

    References
    ----------
    Ahn & Kim 2021, Variational Graph Normalized AutoEncoders, arXiv:2108.08046.
    """
    mapped = _first_map(features, adjacency, n_nodes, model, model.latent_dim, "z_mean_map", bias=True)
    z_mean = Propagate(name="z_mean")([ScaleRows(name="z_mean_scale")(mapped), adjacency])
    if not model.variational:
        return z_mean, None
    spread = _first_map(features, adjacency, n_nodes, model, model.latent_dim, "z_log_var_map", bias=True)
    return z_mean, Propagate(name="z_log_var")([spread, adjacency])


BUILDERS: dict[str, Callable[[Any | None, Any, int, ModelSpec], Latent]] = {
    "gcn": gcn,
    "normalised": normalised,
}
