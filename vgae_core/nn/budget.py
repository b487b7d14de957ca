"""What a run will need in memory and time, told before it starts."""

from __future__ import annotations

import itertools

from vgae_core.data.dataset import Profile
from vgae_core.data.propagation import SLAB_BYTES
from vgae_core.spec import DECODERS, ENCODERS, RunSpec

MAX_DENSE_ENTRIES = 20_000_000
"""Largest dense target (rows x columns) of a node-wise output in one step."""

BASE_MIB = 760.0
"""Resident memory of a worker process with TensorFlow loaded, before any data."""

MULTIPLY_ADDS_PER_SECOND = 1.2e9
"""Sustained rate of sparse products and row gathers on two cores of a current server."""

DENSE_MULTIPLY_ADDS_PER_SECOND = 2e10
"""Sustained rate of dense matrix products on the same machine."""

STEP_SECONDS = 0.008
"""Fixed cost of one training step: Python, callbacks and kernel launches."""


def node_batch(n_nodes: int, columns: int) -> int:
    """Return how many nodes a node-wise output is scored on in one step.

    All of them while the dense target stays below :data:`MAX_DENSE_ENTRIES`.
    """
    return min(n_nodes, max(256, MAX_DENSE_ENTRIES // max(columns, 1)))


def pairs_per_step(spec: RunSpec, n_train: int) -> int:
    """Return the positive pairs of one training step."""
    batch = spec.training.batch_size
    return min(batch, n_train) if batch else n_train


def estimate(spec: RunSpec, profile: Profile, parameters: int) -> dict[str, float]:
    """Return a rough estimate of the cost of a run.

    Every product is counted once forward and twice backward; every array of a step is assumed alive
    at the same time.

    Returns
    -------
    dict
        ``parameters``, ``memory_mib`` (resident peak of the worker), ``seconds_per_epoch``,
        ``seconds`` (all epochs, without early stopping) and ``steps_per_epoch``.
    """
    if spec.model.family == "vae":
        return _estimate_rows(spec, profile, parameters)
    if spec.training.propagation == "once":
        return _estimate_once(spec, profile, parameters)
    model, n = spec.model, profile.n_nodes
    used = ENCODERS[model.encoder].settings
    widths = [*(model.hidden_units if "hidden_units" in used else ()), model.latent_dim]
    hops = model.hops if "hops" in used else 1
    heads = 2 if model.variational else 1
    n_train = max(1, round(profile.n_edges * (1 - spec.split.val_fraction - spec.split.test_fraction)))
    positives = pairs_per_step(spec, n_train)
    pairs = positives * (1 + spec.training.negatives_per_positive)
    steps = -(-n_train // positives)
    arcs = (n_train if profile.directed else 2 * n_train) + n
    feature_entries = (profile.feature_nnz if profile.sparse_features else n * profile.n_features) or n

    first = widths[0] * (heads if len(widths) == 1 else 1)
    score = model.decoder_units if "decoder_units" in DECODERS[model.decoder].settings else 2
    work = arcs * sum(widths) * heads * hops + pairs * model.latent_dim * score
    dense, dense_work = 0, 0.0
    if profile.sparse_features or not profile.n_features:
        work += feature_entries * first
    else:
        dense_work += feature_entries * first
    for output in spec.active_outputs:
        columns = {"x_rec": profile.n_features, "labels": profile.n_classes}.get(output.name, 0)
        rows = node_batch(n, columns) if columns else 0
        dense += rows * columns
        dense_work += rows * columns * model.latent_dim
    work += 3 * dense  # the loss reads and writes every entry of the dense target
    if spec.training.supervision == "all":  # each pair of nodes once, block by block: time, but no memory
        work += 3 * n * n // 2
        dense_work += n * n / 2 * model.latent_dim
    rate = 3 * (work / MULTIPLY_ADDS_PER_SECOND + dense_work / DENSE_MULTIPLY_ADDS_PER_SECOND)
    seconds = steps * (STEP_SECONDS + rate)

    sparse_bytes = 40 * (arcs + (profile.feature_nnz if profile.sparse_features else 0))
    dense_bytes = 4 * (
        6 * n * (sum(widths) + heads * model.latent_dim)
        + pairs * (4 * model.latent_dim + 8)
        + 5 * dense
        + 4 * parameters
        + (0 if profile.sparse_features else 2 * n * profile.n_features)
    )
    return {
        "parameters": parameters,
        "memory_mib": BASE_MIB + (sparse_bytes + dense_bytes) / 2**20,
        "steps_per_epoch": steps,
        "seconds_per_epoch": seconds,
        "seconds": seconds * spec.training.epochs,
    }


def _estimate_once(spec: RunSpec, profile: Profile, parameters: int) -> dict[str, float]:
    """Return :func:`estimate` where messages pass once: a step knows the nodes of its pairs, and a share of all."""
    n, columns = profile.n_nodes, profile.n_features or spec.model.input_dim
    width = spec.model.latent_dim * (2 if spec.model.variational else 1)
    n_train = max(1, round(profile.n_edges * (1 - spec.split.val_fraction - spec.split.test_fraction)))
    positives = pairs_per_step(spec, n_train)
    pairs = positives * (1 + spec.training.negatives_per_positive)
    steps = -(-n_train // positives)
    rows = min(n, 2 * pairs + -(-n // steps))
    work = rows * (columns + 8 * width) + 2 * pairs * spec.model.latent_dim
    rate = 3 * (work / MULTIPLY_ADDS_PER_SECOND + rows * columns * width / DENSE_MULTIPLY_ADDS_PER_SECOND)
    slabs = 2 * min(SLAB_BYTES, 4 * n * columns)
    held = 60 * profile.n_edges + slabs + 4 * (3 * rows * columns + 8 * rows * width + 16 * pairs)
    seconds = steps * (STEP_SECONDS + rate)
    return {
        "parameters": parameters,
        "memory_mib": BASE_MIB + held / 2**20,
        "steps_per_epoch": steps,
        "seconds_per_epoch": seconds,
        "seconds": seconds * spec.training.epochs,
    }


def _estimate_rows(spec: RunSpec, profile: Profile, parameters: int) -> dict[str, float]:
    """Return :func:`estimate` of a matrix auto-encoder: rows are dense when they are decoded."""
    model, n, width = spec.model, profile.n_nodes, profile.n_features
    heads = 2 if model.variational else 1
    size = min(spec.training.batch_size or n, n)
    steps = -(-n // size)
    entered = profile.feature_nnz if model.sparse_input else n * width
    ends = [*model.hidden_units, heads * model.latent_dim]
    inner = sum(a * b for a, b in itertools.pairwise(ends)) * 2
    last = model.hidden_units[0] if model.hidden_units else model.latent_dim
    sparse_work = entered * ends[0] if model.sparse_input else 0
    dense_work = n * (inner + last * width) + (0 if model.sparse_input else entered * ends[0])
    work = sparse_work + 3 * n * width  # the loss reads and writes every entry of a decoded row
    rate = 3 * (work / MULTIPLY_ADDS_PER_SECOND + dense_work / DENSE_MULTIPLY_ADDS_PER_SECOND)
    seconds = steps * STEP_SECONDS + rate
    held = 40 * profile.feature_nnz + 4 * (8 * size * width + 4 * parameters + 4 * n * sum(ends))
    return {
        "parameters": parameters,
        "memory_mib": BASE_MIB + held / 2**20,
        "steps_per_epoch": steps,
        "seconds_per_epoch": seconds,
        "seconds": seconds * spec.training.epochs,
    }
