"""One pass of a finished run's encoder over a whole graph or matrix, in plain arrays and bounded memory.

:class:`vgae_core.analysis.network.Network` keeps the value of every step, since edits are answered from them.  Here a
value is forgotten as soon as no later step reads it; and where messages pass once, before training, the rows of nodes
go through mapped files block by block, as they did in training.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from vgae_core.analysis.entries import with_totals
from vgae_core.analysis.network import LOG_VAR_BOUNDS, Codes, decode_rows, encode_rows
from vgae_core.analysis.plain_encoders import Layers, Plan, scaled
from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.catalogue.node_inputs import NODE_INPUTS
from vgae_core.data.blocks import let_go, on_disk, row_blocks
from vgae_core.data.dataset import Features
from vgae_core.data.propagation import normalise, propagated_rows
from vgae_core.errors import RunError, StudioError
from vgae_core.model_parts.heads import Head
from vgae_core.settings import RunSpec


def encode_graph(
    spec: RunSpec,
    layers: Layers,
    message: sparse.csr_array,
    features: Features | None,
    *,
    has_own_features: bool,
    directed: bool,
) -> Codes:
    """Return the codes of all nodes, with messages over the edges of `message`.

    Parameters
    ----------
    spec : RunSpec
        Of a graph auto-encoder.
    layers : mapping of str to tuple of ndarray
        From :func:`vgae_core.analysis.network.layers_of`.
    message : csr_array, shape (n_nodes, n_nodes)
    features : csr_array or ndarray, shape (n_nodes, n_columns), or None
        As the run takes them; may be a mapped file.
    has_own_features : bool
        Whether these are the nodes' own, not positions that stand in for them.
    directed : bool
        Whether `message` may differ from its transpose.

    Returns
    -------
    Codes
        In mapped files where messages pass once.

    Raises
    ------
    RunError
        If there is no plain form of the encoder, its weights do not fit, or the disk has no room.
    DataError
        If an edge has a negative weight.
    """
    try:
        if spec.training.propagation == "once":
            return _passed_once(spec, layers, message, features, directed=directed)
        return _every_step(spec, layers, message, features, has_own_features=has_own_features)
    except StudioError:
        raise
    except (KeyError, ValueError, IndexError) as error:
        raise RunError("Its weights do not fit its graph.", where="state.npz") from error


def _every_step(
    spec: RunSpec,
    layers: Layers,
    message: sparse.csr_array,
    features: Features | None,
    *,
    has_own_features: bool,
) -> Codes:
    model = spec.model
    plan = Plan(
        model,
        layers,
        has_features=features is not None,
        free=not has_own_features and NODE_INPUTS[model.node_input].free,
    )
    last = plan.encode()
    matrix = normalise(message, ENCODERS[model.encoder].propagation)
    rows = sparse.csr_array(features, dtype=np.float32) if sparse.issparse(features) else features
    latent = plan.run(last, rows, matrix)
    if not model.variational:
        return Codes(latent, None)
    mean, log_var = np.split(latent, 2, axis=1)
    return Codes(np.ascontiguousarray(mean), np.clip(log_var, *LOG_VAR_BOUNDS))


def _passed_once(
    spec: RunSpec, layers: Layers, message: sparse.csr_array, features: Features | None, *, directed: bool
) -> Codes:
    """Return the codes where rows are mapped first: ``P^k (X W)`` is ``(P^k X) W`` with short rows to pass on."""
    if features is None:
        raise KeyError("features")
    model = spec.model
    kernel, *rest = layers["latent_map"]
    bias = rest[0] if rest else np.float32(0)
    mapped = on_disk((message.shape[0], kernel.shape[1]))
    for part, block in row_blocks(features):
        rows = scaled(block) if ENCODERS[model.encoder].once == "scaled_rows" else block
        mapped[part] = rows @ kernel
        let_go(mapped)
    hops = model.hops if "hops" in ENCODERS[model.encoder].settings else 1
    passed = propagated_rows(message, mapped, hops=hops, symmetric=not directed)
    del mapped
    d = model.latent_dim
    mean = on_disk((len(passed), d))
    log_var = on_disk((len(passed), d)) if model.variational else None
    for part, block in row_blocks(passed):
        latent = block + bias
        mean[part] = latent[:, :d]
        let_go(mean)
        if log_var is not None:
            log_var[part] = np.clip(latent[:, d:], *LOG_VAR_BOUNDS)
            let_go(log_var)
    return Codes(mean, log_var)


# ------------------------------------------------------------------------------- matrices
def encode_matrix(spec: RunSpec, layers: Layers, rows: sparse.csr_array, head: Head) -> Codes:
    """Return the codes of all rows of a matrix, a block of them at a time.

    Parameters
    ----------
    spec : RunSpec
        Of a matrix auto-encoder.
    layers : mapping of str to tuple of ndarray
    rows : csr_array, shape (n_rows, n_columns)
        As the run takes them.
    head : Head

    Raises
    ------
    RunError
        If its weights do not fit.
    """
    try:
        parts = [encode_rows(spec, layers, block, head.row_scaling) for _, block in row_blocks(rows)]
    except (KeyError, ValueError, IndexError) as error:
        raise RunError("Its weights do not fit its matrix.", where="state.npz") from error
    log_var = None if not spec.model.variational else np.concatenate([p.z_log_var for p in parts])  # type: ignore[misc]
    return Codes(np.concatenate([part.z_mean for part in parts]), log_var)


def entry_factors(
    spec: RunSpec, layers: Layers, z: np.ndarray, right: np.ndarray, totals: np.ndarray | None
) -> np.ndarray:
    """Return left factors of the entries' logits, which go with the right ones that the run has.

    Parameters
    ----------
    spec : RunSpec
        Of a matrix auto-encoder.
    layers : mapping of str to tuple of ndarray
    z : ndarray of float32, shape (n_rows, latent_dim)
    right : ndarray of float32, shape (n_columns, k)
    totals : ndarray of float32, shape (n_rows,), or None
        Sum of each row, where the model gives shares of it.

    Raises
    ------
    RunError
        If its weights do not fit.
    """
    try:
        left = decode_rows(layers, z, len(spec.model.hidden_units))
        return left if totals is None else with_totals(left, right[:, :-1], totals)[0]
    except (KeyError, ValueError, IndexError) as error:
        raise RunError("Its weights do not fit its matrix.", where="state.npz") from error
