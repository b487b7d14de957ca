"""What a network is given of nodes: their features, scaled, or what stands in for them where a graph has none."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from vgae_core.catalogue.base import load
from vgae_core.catalogue.lookup import head_of
from vgae_core.catalogue.node_inputs import NODE_INPUTS
from vgae_core.data.dataset import Features, GraphData, Profile
from vgae_core.data.propagation import normalise
from vgae_core.data.scaling import ColumnScaling, column_scaling, describe_columns
from vgae_core.settings import ModelSpec, RunSpec

SPREAD = 0.3
"""Standard deviation of the spectral columns: with 1 they drown the free vectors beside them from the start."""

_DENSE_NODES = 200
"""Nodes up to which all eigenvectors are worked out at once."""

_TOLERANCE = 1e-3
"""Relative error of an eigenvalue: positions need no more."""

_ITERATED_NODES = 100_000
"""Nodes from which eigenvectors are approximated by subspace iteration, in time linear in the edges."""

_ROUNDS, _POWERS = 3, 6
"""Orthogonalisations of that iteration, and products before each."""


def input_columns(model: ModelSpec, profile: Profile) -> int:
    """Return how many columns the encoder is given: those of the features, or of :func:`node_inputs`.

    0 where every node has a free vector instead.
    """
    if profile.n_features:
        return profile.n_features
    entry = NODE_INPUTS[model.node_input]
    if not entry.builder:
        return 0
    return _n_vectors(model, profile.n_nodes) + 1 if entry.positions else model.input_dim


def works_out_positions(model: ModelSpec, profile: Profile) -> bool:
    """Return whether :func:`node_inputs` has eigenvectors to find, which takes long on a large graph."""
    return not profile.n_features and NODE_INPUTS[model.node_input].positions


def encoder_features(graph: GraphData, message: sparse.csr_array, spec: RunSpec) -> Features | None:
    """Return what the encoder is given of each node: :func:`scaled_features`, else :func:`node_inputs`."""
    features = scaled_features(graph, spec)
    return features if features is not None else node_inputs(message, spec.model, spec.seed)


def scaled_features(graph: GraphData, spec: RunSpec) -> Features | None:
    """Return the features of the nodes as a run of `spec` takes them, or None where there are none."""
    if graph.features is None or spec.scaling == "none":
        return graph.features
    return graph.scaling.apply(graph.features)


def feature_targets(graph: GraphData, spec: RunSpec, scaled: Features) -> Features:
    """Return what the output ``x_rec`` of a run is to give.

    Losses of values are in scaled units, so that no column outweighs the others; those of counts or of zeros and ones
    have their meaning in the columns' own.

    Parameters
    ----------
    graph : GraphData
    spec : RunSpec
    scaled : csr_array or ndarray, shape (n_nodes, n_features)
        From :func:`scaled_features`.
    """
    loss = spec.output("x_rec").loss
    return scaled if head_of("x_rec", loss, scaled.shape[1]).of_values else graph.features


def matrix_scaling(known: sparse.csr_array, spec: RunSpec) -> ColumnScaling | None:
    """Return how the columns of a matrix are divided for a run, or None where they stay as they are.

    Zeros stand for "no entry", so nothing is centred; and rates, shares and probabilities have their meaning in the
    columns' own units, so only losses of values are affected.

    Parameters
    ----------
    known : csr_array, shape (n_rows, n_columns)
        Without its held-out entries.
    spec : RunSpec
    """
    if spec.scaling == "none" or not head_of("output", spec.output("output").loss, known.shape[1]).of_values:
        return None
    scaling = column_scaling(describe_columns(known), centred=False)
    return scaling if scaling.changes else None


def node_inputs(message: sparse.csr_array, model: ModelSpec, seed: int) -> np.ndarray | None:
    """Return fixed columns for nodes without features, or None where each has a free vector.

    Parameters
    ----------
    message : csr_array, shape (n_nodes, n_nodes)
        Adjacency of the message edges, and of no others.
    model : ModelSpec
        Its ``node_input``: :func:`random_numbers`, :func:`positions` or none.
    seed : int
        Fixes the random columns, and the signs of the eigenvectors.

    Returns
    -------
    ndarray of float32, shape (n_nodes, input_columns), or None
    """
    builder = NODE_INPUTS[model.node_input].builder
    columns: np.ndarray | None = None
    if builder:
        columns = load(builder)(message, model, np.random.default_rng([seed, 0x1D]))
    return columns


def random_numbers(message: sparse.csr_array, model: ModelSpec, rng: np.random.Generator) -> np.ndarray:
    """Return normal numbers of variance ``1 / input_dim``, float32 (n_nodes, input_dim)."""
    size = message.shape[0], model.input_dim
    return rng.normal(scale=model.input_dim**-0.5, size=size).astype(np.float32)


def positions(message: sparse.csr_array, model: ModelSpec, rng: np.random.Generator) -> np.ndarray:
    """Return the leading eigenvectors of the symmetrised normalised adjacency, and the logarithm of the degree.

    Each has a standard deviation of :data:`SPREAD`; float32 (n_nodes, input_columns).

    References
    ----------
    Dwivedi et al. 2023, Benchmarking Graph Neural Networks, arXiv:2003.00982, section 4.3 (eigenvectors as positions).
    """
    n = message.shape[0]
    both = sparse.csr_array(message.maximum(message.T))
    degree = np.log1p(np.diff(both.indptr).astype(np.float64))
    degree = (degree - degree.mean()) / max(float(degree.std()), 1e-6)
    vectors = _leading(normalise(both), _n_vectors(model, n), rng) * np.sqrt(n)
    return (SPREAD * np.column_stack([vectors, degree])).astype(np.float32)


def _n_vectors(model: ModelSpec, n_nodes: int) -> int:
    return min(model.input_dim, max(n_nodes - 1, 1))


def _leading(matrix: sparse.csr_array, k: int, rng: np.random.Generator) -> np.ndarray:
    """Return the `k` eigenvectors of the largest eigenvalues of a symmetric matrix, float64 (n, k), largest first."""
    start = rng.normal(size=matrix.shape[0])
    if matrix.shape[0] <= _DENSE_NODES:
        _, vectors = np.linalg.eigh(matrix.toarray().astype(np.float64))
        vectors = vectors[:, ::-1][:, :k]
    elif matrix.shape[0] >= _ITERATED_NODES:
        vectors = _iterated(matrix, k, rng)
    else:
        from scipy.sparse.linalg import eigsh

        values, vectors = eigsh(matrix.astype(np.float64), k=k, which="LA", v0=start, tol=_TOLERANCE)
        vectors = vectors[:, np.argsort(-values, kind="stable")]
    # An eigenvector and its opposite are one: the seed says which, whatever the solver.
    signs = np.sign(start @ vectors)
    return np.asarray(vectors * np.where(signs == 0, 1.0, signs))


def _iterated(matrix: sparse.csr_array, k: int, rng: np.random.Generator) -> np.ndarray:
    """Return approximations of :func:`_leading` by subspace iteration, float32 (n, k).

    Products are with ``(A + I) / 2``, whose order of eigenvalues is that of A and none of which is negative.
    """
    block = rng.standard_normal((matrix.shape[0], k), dtype=np.float32)
    for _ in range(_ROUNDS):
        for _ in range(_POWERS):
            block = (matrix @ block + block) / np.float32(2)
        block, _ = np.linalg.qr(block)
    values, turn = np.linalg.eigh(block.T @ (matrix @ block))
    return np.asarray(block @ turn[:, np.argsort(-values, kind="stable")])
