"""A result as JSON documents and groups of arrays, for disk, bundle and network, and back, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from vgae_core.catalogue.decoders import without_factors
from vgae_core.data.splits import PARTS, LinkSplit
from vgae_core.errors import RunError, SpecError
from vgae_core.model_parts.heads import HEADS
from vgae_core.runs.disk.files import finite, is_finite
from vgae_core.runs.results.result import Embedding, RunResult
from vgae_core.settings import RunSpec
from vgae_core.training.events import Finished, from_dict, to_dict

DOCUMENTS = ("spec", "metrics", "model", "environment", "finished")
ARRAYS = ("embedding", "split", "scores", "state", "nodes")
FIRST_VIEW = "first_view"
"""Group of arrays of a result that has them: no part of what is kept of every run."""


def result_to_parts(result: RunResult) -> tuple[dict[str, Any], dict[str, dict[str, np.ndarray]]]:
    """Return a result as JSON documents and groups of arrays, for disk, bundle and network.

    Returns
    -------
    documents : dict
        One entry for each of :data:`DOCUMENTS`.
    arrays : dict of dict of ndarray
        One entry for each of :data:`ARRAYS`, and :data:`FIRST_VIEW` where there are any.
    """
    embedding = {"z_mean": np.asarray(result.z_mean, np.float32)}
    if result.z_log_var is not None:
        embedding["z_log_var"] = np.asarray(result.z_log_var, np.float32)
    if result.factors is not None:
        embedding["left"], embedding["right"] = (np.asarray(f, np.float32) for f in result.factors)
    if result.whole is not None:
        embedding |= _whole_arrays(result.whole, result)
    embedding |= {f"decoder_{key}": np.asarray(value, np.float32) for key, value in result.decoder.items()}
    documents = {
        "spec": result.spec.to_dict(),
        "metrics": finite(result.metrics),
        "model": finite(result.model),
        "environment": finite(result.environment),
        "finished": finite(to_dict(result.finished)),
    }
    arrays: dict[str, dict[str, np.ndarray]] = {
        "embedding": embedding,
        "split": {part: np.asarray(getattr(result.split, part), np.int64) for part in PARTS},
        "scores": {k: np.asarray(v) for k, v in result.scores.items()},
        "state": {k: np.asarray(v) for k, v in result.state.items()},
        "nodes": {k: np.asarray(v) for k, v in result.nodes.items()},
    }
    if result.first_view:
        arrays[FIRST_VIEW] = {k: np.asarray(v) for k, v in result.first_view.items()}
    return documents, arrays


def result_from_parts(
    documents: Mapping[str, Any],
    arrays: Mapping[str, Mapping[str, np.ndarray]],
    *,
    n_nodes: int | None = None,
) -> RunResult:
    """Return the result described by :func:`result_to_parts`, its shapes checked.

    Raises
    ------
    RunError
        If a part is missing or its shape or type is not what the others say.
    """
    for name in DOCUMENTS:
        if not isinstance(documents.get(name), Mapping):
            raise RunError("Expected a JSON object.", where=f"{name}.json")
    split = arrays["split"]
    for part in PARTS:
        pairs = split.get(part)
        if pairs is None or pairs.dtype != np.int64 or pairs.ndim != 2 or pairs.shape[1] != 2:
            raise RunError(f"`{part}` must be int64 of shape (pairs, 2).", where="split.npz")
    z_mean, z_log_var = arrays["embedding"].get("z_mean"), arrays["embedding"].get("z_log_var")
    for name, z in (("z_mean", z_mean), ("z_log_var", z_log_var)):
        if name == "z_log_var" and z is None:
            continue
        if (
            z is None
            or z.dtype != np.float32
            or z.ndim != 2
            or (z_mean is not None and z.shape != z_mean.shape)
        ):
            raise RunError(f"`{name}` must be float32 of shape (n_nodes, latent_dim).", where="embedding.npz")
    n = 0 if z_mean is None else z_mean.shape[0]
    if n_nodes is not None and n != n_nodes:
        raise RunError(f"The embedding has {n} rows and the data set {n_nodes} nodes.", where="embedding.npz")
    factors = _factors(arrays["embedding"], n)
    width = n if factors is None else len(factors[1])
    for part in PARTS:
        pairs = split[part]
        if pairs.size and (int(pairs.min()) < 0 or np.any(pairs.max(axis=0) >= (n, width))):
            raise RunError(f"`{part}` names a pair outside {n} x {width}.", where="split.npz")
    n_test = len(split["test"]) + len(split["test_neg"])
    if "model" not in arrays["scores"]:
        raise RunError("`model` is missing.", where="scores.npz")
    for key, values in arrays["scores"].items():
        if values.shape != (n_test,) or values.dtype.kind != "f":
            raise RunError(
                f"`{key}` must hold one number for each of {n_test} test pairs.", where="scores.npz"
            )
    for key, values in arrays["nodes"].items():
        if values.ndim < 1 or values.shape[0] != n or values.dtype.kind not in "fiub":
            raise RunError(f"`{key}` must hold one row for each of {n} nodes.", where="nodes.npz")
    try:
        spec = RunSpec.of_run(documents["spec"])
    except SpecError as error:
        raise RunError(f"Not a specification of this version: {error}", where="spec.json") from error
    finished = parse_finished(documents["finished"])
    whole = _whole(arrays["embedding"], z_mean, z_log_var, factors)
    _check_scores(documents["model"], of_matrix=factors is not None and "decoder" not in documents["model"])
    return RunResult(
        spec=spec,
        metrics=documents["metrics"],
        z_mean=arrays["embedding"]["z_mean"],
        z_log_var=z_log_var,
        split=LinkSplit(**{part: split[part] for part in PARTS}),
        scores=dict(arrays["scores"]),
        state=dict(arrays["state"]),
        model=documents["model"],
        finished=finished,
        factors=factors,
        whole=whole,
        decoder=_decoder(documents["model"], arrays["embedding"]),
        nodes=dict(arrays["nodes"]),
        first_view=dict(arrays.get(FIRST_VIEW, {})),
        environment=documents["environment"],
    )


def parse_finished(document: Mapping[str, Any]) -> Finished:
    """Return how a run ended, as ``finished.json`` has it; raise RunError if it does not say so."""
    try:
        finished = from_dict(document)
    except (TypeError, ValueError) as error:
        raise RunError(f"Not the end of a run: {error}.", where="finished.json") from error
    if not isinstance(finished, Finished):
        raise RunError(f"Not the end of a run: {type(finished).__name__}.", where="finished.json")
    return finished


def _factors(embedding: Mapping[str, np.ndarray], n: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the factors of the pairs' logits, checked, or None where the codes are both."""
    left, right = embedding.get("left"), embedding.get("right")
    if left is None and right is None:
        return None
    if (
        left is None
        or right is None
        or any(f.dtype != np.float32 or f.ndim != 2 for f in (left, right))
        or left.shape[0] != n
        or left.shape[1] != right.shape[1]
    ):
        raise RunError(
            "`left` and `right` must be float32, (n_nodes, k) and (n_columns, k).", where="embedding.npz"
        )
    return left, right


def _whole_arrays(whole: Embedding, result: RunResult) -> dict[str, np.ndarray]:
    """Return the codes of all edges as arrays of the embedding; factors that are those of the run only once."""
    arrays = {"all_z_mean": whole.z_mean}
    if whole.z_log_var is not None:
        arrays["all_z_log_var"] = whole.z_log_var
    if whole.factors is not None:
        arrays["all_left"] = whole.left
        if whole.right is not result.right:
            arrays["all_right"] = whole.right
    return {name: np.asarray(values, np.float32) for name, values in arrays.items()}


def _whole(
    embedding: Mapping[str, np.ndarray],
    z_mean: np.ndarray | None,
    z_log_var: np.ndarray | None,
    factors: tuple[np.ndarray, np.ndarray] | None,
) -> Embedding | None:
    """Return the codes of all edges, checked against those of the training edges; None where a run has none."""
    kept = {name: values for name, values in embedding.items() if name.startswith("all_")}
    if not kept:
        return None
    left, right = (None, None) if factors is None else factors
    like = {"all_z_mean": z_mean, "all_z_log_var": z_log_var, "all_left": left, "all_right": right}
    needed = {name for name, values in like.items() if values is not None}
    fits = set(kept) in (needed, needed - {"all_right"})
    for name, values in kept.items():
        same = like.get(name)
        fits = fits and same is not None and values.dtype == np.float32 and values.shape == same.shape
    if not fits:
        raise RunError(
            "Arrays of all edges (`all_…`) must be float32, of the shapes of those of the training edges.",
            where="embedding.npz",
        )
    both = None if factors is None else (kept["all_left"], kept.get("all_right", factors[1]))
    return Embedding(kept["all_z_mean"], kept.get("all_z_log_var"), both)


def _decoder(model: Mapping[str, Any], embedding: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the weights of a decoder without factors, checked; empty for any other."""
    entry = without_factors(str(model.get("decoder")))
    weights: dict[str, np.ndarray] = {}
    sizes = {"latent_dim": embedding["z_mean"].shape[1]}
    for name, weight in entry.weights.items() if entry else ():
        value = embedding.get(f"decoder_{name}")
        if (
            value is None
            or value.dtype != np.float32
            or value.ndim != len(weight.shape)
            or any(
                (size if isinstance(size, int) else sizes.setdefault(size, n)) != n
                for size, n in zip(weight.shape, value.shape, strict=True)
            )
        ):
            raise RunError(f"`decoder_{name}` must be float32 of a fitting shape.", where="embedding.npz")
        weights[name] = value
    return weights


def _check_scores(model: Mapping[str, Any], *, of_matrix: bool) -> None:
    """Raise RunError unless what the model's scores are made of is said in numbers, where it is said."""
    stack = model.get("stack", {})
    wrong = not isinstance(stack, Mapping) or not all(map(is_finite, stack.values()))
    needed = {"offset", "network"} | ({"ease", "row_values", "penalty"} if of_matrix else set())
    if of_matrix and not wrong and stack and not 0.01 <= float(stack.get("penalty", 0.0)) <= 100.0:
        raise RunError("`penalty` must be between 0.01 and 100.", where="model.json")
    if wrong or (stack and not needed <= set(stack)):
        raise RunError("`stack` must hold a number for each score it joins.", where="model.json")
    if not is_finite(model.get("weight_unit", 1.0)):
        raise RunError("`weight_unit` must be a number.", where="model.json")
    if "weight_unit" in model and str(model.get("scale")) not in HEADS:
        raise RunError("`scale` must say what the network's numbers stand for.", where="model.json")
