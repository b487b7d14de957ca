"""What a run will need in memory and time, told before it starts."""

from __future__ import annotations

import itertools
import math

from vgae_core.analysis.ease import MOST_COLUMNS
from vgae_core.catalogue.base import load
from vgae_core.catalogue.decoders import DECODERS
from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.catalogue.families import FAMILIES
from vgae_core.catalogue.node_inputs import NODE_INPUTS
from vgae_core.catalogue.recipes import RECIPES
from vgae_core.data.dataset import Profile
from vgae_core.data.node_inputs import input_columns
from vgae_core.data.propagation import SLAB_BYTES
from vgae_core.errors import LimitError
from vgae_core.settings import RunSpec
from vgae_core.settings.recipes import candidates

MAX_DENSE_ENTRIES = 20_000_000
"""Largest dense target (rows x columns) of a node-wise output in one step."""

BASE_MIB = 760.0
"""Resident memory of a worker process with TensorFlow loaded, before any data."""

SCORING_MIB = 40.0
"""What evaluating a run loads and takes beside, however small it is."""

NODE_FLOATS = 6.6
"""Numbers in memory at the peak of a step, for each number of a node's hidden and latent rows."""

PAIR_BYTES = 40
"""Memory of a scored pair: ends, logit, target, gradient. Codes of both ends are never gathered all at once."""

NEAR_BYTES, FAR_BYTES = 6 * 2**20, 25 * 2**20
"""A table of node rows as small as the first lies in the processor's cache, one as large as the second does not."""

NEAR_PER_SECOND, FAR_PER_SECOND = 5.5e9, 3.6e9
"""Multiply-adds of sparse products and row gathers, on two cores of a current server, for either table."""

DENSE_PER_SECOND = 6e10
"""Multiply-adds of dense matrix products on the same machine."""

DENSE_WEIGHT = 0.06
"""A dense multiply-add, counted in sparse ones (:func:`estimate`, ``work``)."""

STEP_SECONDS = 0.003
"""Fixed cost of one training step: Python, callbacks and kernel launches."""

SCORING_SECONDS = 1.0
"""Scoring test pairs and baselines, whatever the data."""

EASE_SECONDS = 6e-10
"""Of the columns of a matrix cubed: EASE inverts their products, once a penalty (measured: 16 s of one core's time for
2,670 columns)."""

EPOCH_SECONDS = 0.002
"""Fixed cost of the validation scores after each epoch, for which the nodes are encoded once more."""


def node_batch(n_nodes: int, columns: int) -> int:
    """Return how many nodes a node-wise output is scored on in one step.

    All of them while the dense target stays below :data:`MAX_DENSE_ENTRIES`.
    """
    return min(n_nodes, max(256, MAX_DENSE_ENTRIES // max(columns, 1)))


def pairs_per_step(spec: RunSpec, n_train: int) -> int:
    """Return the positive pairs of one training step."""
    batch = spec.training.batch_size
    return min(batch, n_train) if batch else n_train


def parameter_count(spec: RunSpec, profile: Profile) -> int:
    """Return how many numbers a run learns, worked out from shapes alone: nothing is built or allocated."""
    model, columns = spec.model, input_columns(spec.model, profile)
    heads = 2 if model.variational else 1
    width = heads * model.latent_dim
    encoder = ENCODERS[model.encoder]
    hidden = encoder.widths(model.hidden_units, model.latent_dim)
    units = [encoder.maps * size for size in (*hidden, width)]
    count = columns * units[0] + (units[0] if encoder.bias and columns else 0)
    if not columns or (not profile.n_features and NODE_INPUTS[model.node_input].free):
        count += profile.n_nodes * units[0]  # a free vector for each node
    for before, after in zip(hidden, units[1:], strict=True):
        count += before * after + (after if encoder.bias else 0)
    if model.batch_normalisation:
        count += 4 * sum(hidden)
    for output in spec.active_outputs:
        ends = {"x_rec": profile.n_features, "labels": profile.n_classes}.get(output.name, 0)
        count += (model.latent_dim + 1) * ends
        if output.name == "adj_rec":
            count += sum(
                math.prod(weight.sizes(model)) for weight in DECODERS[model.decoder].weights.values()
            )
        if output.name == "output":
            back = [model.latent_dim, *reversed(hidden), profile.n_features]
            count += sum((a + 1) * b for a, b in itertools.pairwise(back))
    return count


def estimate_run(spec: RunSpec, profile: Profile) -> dict[str, float]:
    """Return ``memory_mib``, ``seconds`` and ``scoring_seconds`` of a whole run.

    Where recipes are tried, all of them count, and the best once more.
    """
    costs = [estimate(one, profile) for one in _tried(spec, profile).values()]
    seconds = [cost["seconds"] for cost in costs]
    return {
        "memory_mib": max(cost["memory_mib"] for cost in costs),
        "seconds": sum(seconds) + (max(seconds) if spec.recipe == "auto" else 0.0),
        "scoring_seconds": max(cost["scoring_seconds"] for cost in costs),
    }


def _tried(spec: RunSpec, profile: Profile) -> dict[str, RunSpec]:
    """Return the specifications that a run trains, by recipe; by an empty name its own."""
    if spec.recipe != "auto":
        return {"": spec}
    return dict(candidates(spec, has_features=profile.n_features > 0))


def check_memory(spec: RunSpec, profile: Profile, available: int) -> None:
    """Refuse a run that needs more memory than there is, before it starts.

    Where a recipe is to be chosen, each one that would be tried counts.

    Parameters
    ----------
    spec, profile : RunSpec, Profile
    available : int
        Bytes a training process may take.

    Raises
    ------
    LimitError
        With the estimate, what there is, and the way on.
    """
    tried = _tried(spec, profile)
    needed = {name: estimate(one, profile)["memory_mib"] * 2**20 for name, one in tried.items()}
    name = max(needed, key=lambda key: needed[key])
    if needed[name] <= available:
        return
    fits = [RECIPES[key].title for key, size in needed.items() if key and size <= available]
    if fits:
        way = f"Choose a recipe that fits on the Model page ({', '.join(fits)}), or a smaller latent size"
    elif (
        profile.n_features
        and ENCODERS[spec.model.encoder].once != "never"
        and spec.training.propagation != "once"
    ):
        way = "Choose a smaller latent size, a smaller part of the data, or propagation `once`"
    else:
        way = "Choose a smaller latent or batch size, or a smaller part of the data"
    recipe = f" with recipe {RECIPES[name].title}" if name else ""
    raise LimitError(
        f"This run needs about {needed[name] / 1e9:.1f} GB of memory{recipe}; "
        f"a run may take {available / 1e9:.1f} GB here.",
        mend=f"{way}. On your own machine, VGAE_STUDIO_LIMIT_RUN_MEMORY_BYTES changes the limit.",
    )


def _rate(n_rows: int, width: int) -> float:
    """Return the sparse multiply-adds a second, by the size of the table of float32 rows that is gathered from."""
    size = min(max(4 * n_rows * width, NEAR_BYTES), FAR_BYTES)
    share = math.log(size / NEAR_BYTES) / math.log(FAR_BYTES / NEAR_BYTES)
    return NEAR_PER_SECOND ** (1 - share) * FAR_PER_SECOND**share


def estimate(spec: RunSpec, profile: Profile, parameters: int | None = None) -> dict[str, float]:
    """Return a rough estimate of the cost of a run.

    Every product is counted once forward and twice backward.

    Parameters
    ----------
    spec, profile : RunSpec, Profile
    parameters : int, optional
        Of the model, where it is built; :func:`parameter_count` otherwise.

    Returns
    -------
    dict
        ``parameters``, ``memory_mib`` (resident peak of the worker), ``seconds_per_epoch`` (on two cores that nobody
        else uses), ``seconds`` (all epochs, without early stopping), ``scoring_seconds`` (afterwards, baselines
        included), ``steps_per_epoch`` and ``work`` (of a step, sparse multiply-adds).
    """
    if parameters is None:
        parameters = parameter_count(spec, profile)
    costs: dict[str, float] = load(FAMILIES[spec.model.family].estimate)(spec, profile, parameters)
    return costs


def estimate_graph(spec: RunSpec, profile: Profile, parameters: int) -> dict[str, float]:
    """Return :func:`estimate` of a graph auto-encoder."""
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
    hidden = (
        sum(widths[:-1]) if ENCODERS[model.encoder].sends_hidden else 0
    )  # whose rows are sent along the edges
    encoding = arcs * (hidden + heads * model.latent_dim * hops)
    work = encoding + pairs * model.latent_dim * score
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
    floats = NODE_FLOATS * n * (sum(widths) + heads * model.latent_dim) + 5 * dense + 4 * parameters
    if not profile.sparse_features:
        floats += 2 * n * profile.n_features
    if "decoder_units" in DECODERS[model.decoder].settings:  # the layer of each pair, forward and backward
        floats += pairs * (4 * model.latent_dim + 3 * model.decoder_units)
    entries = arcs + (profile.feature_nnz if profile.sparse_features else 0)
    run_bytes = 40 * entries + 4 * floats + PAIR_BYTES * max(pairs, 2 * n_train)
    costs = _costs(spec, parameters, run_bytes, steps, work, dense_work, _rate(n, model.latent_dim), encoding)
    # Threads go by this count, in which hidden layers are as wide as if they had two heads: another one would give
    # runs of the same seed other last digits.
    costs["work"] += 3 * (arcs * sum(widths) * heads * hops - encoding)
    return costs


def _costs(
    spec: RunSpec,
    parameters: int,
    run_bytes: float,
    steps: int,
    work: float,
    dense_work: float,
    rate: float,
    encoding: float = 0.0,
) -> dict[str, float]:
    """Return the estimate, of the bytes at the peak and the multiply-adds of a step and of encoding all nodes."""
    seconds = steps * (STEP_SECONDS + 3 * (work / rate + dense_work / DENSE_PER_SECOND))
    seconds += EPOCH_SECONDS + encoding / rate
    return {
        "parameters": parameters,
        "memory_mib": BASE_MIB + SCORING_MIB + run_bytes / 2**20,
        "steps_per_epoch": steps,
        "seconds_per_epoch": seconds,
        "seconds": seconds * spec.training.epochs,
        "scoring_seconds": SCORING_SECONDS,
        "work": 3 * (work + DENSE_WEIGHT * dense_work),
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
    slabs = 2 * min(SLAB_BYTES, 4 * n * columns)
    run_bytes = 60 * profile.n_edges + slabs + 4 * (3 * rows * columns + 8 * rows * width + 16 * pairs)
    return _costs(spec, parameters, run_bytes, steps, work, rows * columns * width, _rate(n, columns))


def estimate_rows(spec: RunSpec, profile: Profile, parameters: int) -> dict[str, float]:
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
    run_bytes = 40 * profile.feature_nnz + 4 * (8 * size * width + 4 * parameters + 4 * n * sum(ends))
    costs = _costs(
        spec, parameters, run_bytes, steps, work / steps, dense_work / steps, _rate(width, ends[0])
    )
    if width <= MOST_COLUMNS:
        costs["scoring_seconds"] += EASE_SECONDS * width**3
    return costs
