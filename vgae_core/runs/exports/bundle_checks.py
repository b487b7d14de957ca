"""What a bundle of unknown origin must be before its run exists; this runs in a bounded child process.

Sizes are compared with each other before anything is unpacked, headers before an array is read, then types,
shapes and values.  Scores are worked out again from codes, data and split; what cannot be is listed under
``unchecked`` in the metrics, for the pages to say.  Codes of all edges are worked out anew from the weights.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import typing
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vgae_core.analysis.latent_use import latent_metrics
from vgae_core.catalogue.lookup import head_of, lookup
from vgae_core.data.arrays import load_graph
from vgae_core.data.dataset import GraphData
from vgae_core.data.node_pairs import within_a_side
from vgae_core.data.npz import load_npz, npz_headers
from vgae_core.data.splits import PARTS
from vgae_core.data.text import shortened
from vgae_core.errors import DataError, LimitError, RunError, SpecError, StudioError
from vgae_core.families import family_of
from vgae_core.host.limits import Limits
from vgae_core.model_parts.heads import HEADS
from vgae_core.runs.disk.event_log import parse_kept
from vgae_core.runs.disk.files import is_finite
from vgae_core.runs.disk.room import bytes_in
from vgae_core.runs.exports.bundle import MEMBERS
from vgae_core.runs.exports.bundle_zip import MAX_JSON_BYTES, MEND, parse, unpack, unpack_set
from vgae_core.runs.results.codes import WHY, completed
from vgae_core.runs.results.evaluation import evaluate_result
from vgae_core.runs.results.result import RunResult
from vgae_core.runs.results.result_parts import ARRAYS
from vgae_core.runs.store.folder import RunFolder, read_run_dir, write_run_dir
from vgae_core.settings import RunSpec
from vgae_core.training.events import EpochEnd, Event, Finished, from_dict

_LARGEST = 1e6
"""Of codes, factors and weights: far beyond any that was trained, and products of two stay finite in float32."""

_LARGEST_LOG_VAR = 100.0
_SAME = 1e-3
"""Largest difference between a score as stated and as worked out again."""


_STATED: dict[str, dict[str, float]] = {
    "labels": {"accuracy": 1, "macro_f1": 1, "majority_accuracy": 1, "n_test": 10**9},
    "features": {"mean_error": 1e12, "column_mean_error": 1e12},
}
"""Scores that are not worked out again, and their largest values."""


def check_task(
    arrays: dict[str, np.ndarray], options: dict[str, Any], progress: Callable[[float, str], None]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Run :func:`check_bundles` in a child: paths and limits in `options`."""
    names = check_bundles(
        Path(options["bundle"]), Path(options["folder"]), limits=Limits(**options["limits"])
    )
    return {}, {"names": names}


def check_bundles(bundle: Path, folder: Path, *, limits: Limits) -> list[str]:
    """Check a bundle and write its runs, all of them anew, as folders that stand alone.

    Parameters
    ----------
    bundle : Path
        The zip, of one run or of several.
    folder : Path
        Where the runs are written, in folders "0", "1", …; new.
    limits : Limits

    Returns
    -------
    list of str
        The name of each run, empty where it had none.

    Raises
    ------
    RunError
        If it is not a bundle, is damaged, or its parts do not fit together.
    LimitError
        If it is larger than this installation accepts.
    """
    folder.mkdir()
    members = unpack_set(bundle, folder, limits)
    if members is None:
        return [_check_bundle(bundle, folder / "0", limits)]
    names, written = [], 0
    for place, member in enumerate(members):
        try:
            names.append(_check_bundle(member, folder / str(place), limits))
            written += bytes_in([folder / str(place)])
            limits.check("decompressed_bytes", written, where="together with those before")
        except StudioError as error:
            where = ", ".join(filter(None, [member.name, error.where]))
            raise type(error)(error.message, where=where, mend=error.mend) from error
    return names


def _check_bundle(bundle: Path, folder: Path, limits: Limits) -> str:
    """Check the bundle of one run, write the run and return its name."""
    unpacked = folder.with_name(f"{folder.name}-unpacked")
    unpacked.mkdir()
    name = unpack(bundle, unpacked, limits)
    try:
        _rewrite(unpacked, folder, limits)
    except (LimitError, RunError):
        raise
    except (
        DataError, SpecError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, zipfile.BadZipFile,
    ) as error:  # fmt: skip
        raise RunError(f"The bundle is damaged: {error}", mend=MEND) from error
    shutil.rmtree(unpacked)
    return name


def _refuse(message: str, where: str, mend: str = MEND) -> RunError:
    return RunError(message, where=where, mend=mend)


# ----------------------------------------------------------------------------- headers
Headers = Mapping[str, tuple[tuple[int, ...], np.dtype]]


def _check_headers(folder: Path, limits: Limits) -> None:
    """Compare what the arrays claim to be with each other, before any is read."""
    headers: dict[str, Headers] = {}
    for name in ("graph", *ARRAYS):
        path = folder / f"{name}.npz"
        with zipfile.ZipFile(path) as archive:
            empty = not archive.infolist()
        headers[name] = {} if empty else npz_headers(path, where=path.name, limits=limits)
    if headers["graph"].get("meta", ((0,), np.dtype(np.uint8)))[0] > (MAX_JSON_BYTES,):
        raise LimitError("`meta` is too long.", where="graph.npz")
    meta = load_npz(folder / "graph.npz", keys=["meta"], limits=limits)["meta"]
    n = json.loads(meta.tobytes()).get("n_nodes")
    if type(n) is not int or not 2 <= n <= limits.nodes:
        raise _refuse(f"A graph of {n!r:.40} nodes.", "graph.npz")
    graph = headers["graph"]
    ids = graph.get("node_ids") or graph.get("node_ids.offsets")
    if ids is None or ids[0] not in ((n,), (n + 1,)):
        raise _refuse(f"Expected names of {n} nodes.", "graph.npz")
    for name, (shape, _) in headers["embedding"].items():
        rows = {"z_mean", "z_log_var", "left"}
        if name.removeprefix("all_") in rows and (len(shape) != 2 or shape[0] != n):
            raise _refuse(
                f"`{name}` has {shape[0] if shape else 0} rows and the data set {n} nodes.", "embedding.npz"
            )
    for name, (shape, _) in headers["nodes"].items():
        if not shape or shape[0] != n:
            raise _refuse(f"`{name}` must hold one row for each of {n} nodes.", "nodes.npz")
    test = sum(headers["split"][part][0][0] for part in PARTS[3:] if headers["split"].get(part, ((),))[0])
    for name, (shape, _) in headers["scores"].items():
        if shape != (test,):
            raise _refuse(f"`{name}` must hold one number for each of {test} test pairs.", "scores.npz")


# ------------------------------------------------------------------------------ values
def _rewrite(unpacked: Path, folder: Path, limits: Limits) -> RunFolder:
    """Check what the unpacked files hold and write it anew."""
    _check_headers(unpacked, limits)
    for name in MEMBERS:
        if name.endswith(".json"):
            parse(unpacked / name)
    graph = load_graph(unpacked / "graph.npz", limits=limits)
    if not isinstance(graph, GraphData):
        raise _refuse("Expected a graph after repairs.", "graph.npz")
    graph = _with_short_names(graph, limits.name_length)
    run = read_run_dir(unpacked)
    _check_finished(json.loads((unpacked / "finished.json").read_bytes()))
    result = run.result()
    _check_spec(result.spec, graph, result)
    _check_numbers(result)
    _check_nodes(result, graph)
    _check_split(result, graph)
    events = list(_events(unpacked / "events.jsonl"))
    result = _scored(result, graph)
    # Worked out anew from the weights, whatever the bundle says they are.
    model = {key: value for key, value in result.model.items() if key != WHY}
    result = completed(dataclasses.replace(result, whole=None, model=model), graph)
    return write_run_dir(folder, result.spec, graph, result, events)


def _with_short_names(graph: GraphData, limit: int) -> GraphData:
    """Return a graph with the names that reading would have left it: none longer than `limit`."""
    short = lambda names: tuple(shortened(str(name), limit) for name in names)  # noqa: E731
    ids = graph.node_ids
    return dataclasses.replace(
        graph,
        name=shortened(graph.name, limit),
        node_ids=np.array(short(ids), dtype=object) if ids.dtype == object else ids,
        feature_names=short(graph.feature_names),
        label_names=short(graph.label_names),
        relation_names=short(graph.relation_names),
        side_names=short(graph.side_names),
        values=dict(zip(short(graph.values), graph.values.values(), strict=True)),
    )


def _check_finished(values: Mapping[str, Any]) -> None:
    where = "finished.json"
    try:
        event = from_dict(values)
    except (TypeError, ValueError) as error:
        raise _refuse(f"Not the end of a run: {error}.", where) from error
    if not isinstance(event, Finished):
        raise _refuse("Not the end of a run.", where)
    _check_event(event, where)


def _check_spec(spec: RunSpec, graph: GraphData, result: RunResult) -> None:
    """Check that the settings are known here, and are those of this kind of data and result."""
    where = "spec.json"
    if spec.recipe == "auto":
        raise _refuse("Says that a recipe is to be chosen; a result has one.", where)
    family = spec.model.family
    if family not in graph.families:
        raise _refuse(f"`model.family` cannot be {family!r} for these data.", where)
    columns = graph.profile.n_features
    try:
        for output in spec.outputs:
            width = columns if output.name in ("x_rec", "output") else graph.profile.n_classes
            for kind, identifiers in (("loss", (output.loss,)), ("metric", output.metrics)):
                for one in identifiers:
                    if not (isinstance(one, Mapping) and "formula" in one):
                        lookup(kind, one, output.name, width)  # type: ignore[arg-type]
    except SpecError as error:
        raise RunError(
            error.message,
            where=f"{where}, {error.where}",
            mend=error.mend or "A loss of one's own must be registered here as well.",
        ) from error
    if not result.family.links_nodes:
        scale = head_of("output", spec.output("output").loss, columns).name
        if (
            result.factors is None
            or "decoder" in result.model
            or result.model.get("scale") not in (scale, None)
        ):
            raise _refuse("A matrix's model must have factors, and the scale of its loss.", "model.json")
        if str(result.model.get("scale")) not in HEADS:
            raise _refuse("`scale` must say what the model's numbers stand for.", "model.json")
        if len(result.right) != columns:
            raise _refuse(f"`right` must have {columns} rows, one per column.", "embedding.npz")
    else:
        if result.factors is not None and "decoder" not in result.model:
            raise _refuse("`decoder` is missing.", "model.json")
        if result.model.get("decoder", spec.model.decoder) != spec.model.decoder:
            raise _refuse(f"`decoder` must be {spec.model.decoder!r}.", "model.json")
        if result.factors is not None and len(result.right) != graph.n_nodes:
            raise _refuse(f"`right` must have {graph.n_nodes} rows, one per node.", "embedding.npz")
    if spec.learns_weights and "weight_unit" not in result.model:
        raise _refuse("`weight_unit` is missing.", "model.json")


def _check_numbers(result: RunResult) -> None:
    """Check that codes, factors, weights and what scores are made of are numbers one can reckon with."""
    groups = {"z_mean": result.z_mean, **{f"decoder_{k}": v for k, v in result.decoder.items()}}
    if result.factors is not None:
        groups |= {"left": result.left, "right": result.right}
    bounds = dict.fromkeys(groups, _LARGEST)
    if result.z_log_var is not None:
        groups["z_log_var"], bounds["z_log_var"] = result.z_log_var, _LARGEST_LOG_VAR
    for name, values in groups.items():
        if not np.isfinite(values).all() or (values.size and np.abs(values).max() > bounds[name]):
            raise _refuse(f"`{name}` must hold finite numbers up to {bounds[name]:g}.", "embedding.npz")
    if not all(values.dtype.kind in "fiub" and np.isfinite(values).all() for values in result.state.values()):
        raise _refuse("Weights must be finite numbers.", "state.npz")
    for name in ("stack", "weight_unit"):
        value = result.model.get(name, 0.0)
        numbers = value.values() if isinstance(value, Mapping) else [value]
        if any(not is_finite(v) or abs(v) > _LARGEST for v in numbers):
            raise _refuse(f"`{name}` must hold finite numbers up to {_LARGEST:g}.", "model.json")
    if not result.split.test.size or not result.split.test_neg.size:
        raise _refuse("Holds no test pairs.", "split.npz")


def _check_nodes(result: RunResult, graph: GraphData) -> None:
    """Check what the other outputs say of each node."""
    n, n_classes = graph.n_nodes, len(graph.label_names)
    shapes = {"feature_error": (n,), "label_probabilities": (n, n_classes), "label_part": (n,)}
    for name, values in result.nodes.items():
        if name not in shapes or values.shape != shapes[name] or not np.isfinite(values).all():
            raise _refuse(f"`{name:.40}` must be finite numbers of a known kind and shape.", "nodes.npz")
    if "label_probabilities" in result.nodes and graph.labels is None:
        raise _refuse("Holds labels of data that have none.", "nodes.npz")


def _check_split(result: RunResult, graph: GraphData) -> None:
    """Check that held-out pairs are what they are called, and in one part only."""
    pattern, joins_nodes = family_of(result.spec).pattern(graph), result.family.links_nodes
    # No trial of a sweep scores test pairs: its validation pairs stand in their place.
    trial = result.is_trial
    if trial and not (
        np.array_equal(result.split.test, result.split.val)
        and np.array_equal(result.split.test_neg, result.split.val_neg)
    ):
        raise _refuse("A trial of a sweep must be scored on its validation pairs.", "split.npz")
    keys = []
    for part in PARTS:
        pairs = getattr(result.split, part)
        if len(pairs):
            stored = np.asarray(pattern[pairs[:, 0], pairs[:, 1]]).ravel()
            if stored.any() if part.endswith("_neg") else not stored.all():
                kind = "a pair that is an edge" if part.endswith("_neg") else "a pair that is no edge"
                raise _refuse(f"`{part}` names {kind} of the data.", "split.npz")
        if joins_nodes and graph.sides is not None and within_a_side(graph.sides, *pairs.T).any():
            raise _refuse(f"`{part}` names a pair within one side of the data.", "split.npz")
        if not part.endswith("_neg") and not (trial and part == "test"):
            ends = pairs if result.ordered(graph) else np.sort(pairs, axis=1)
            keys.append(ends[:, 0] * max(pattern.shape) + ends[:, 1])
    every = np.concatenate(keys)
    if len(np.unique(every)) != len(every):
        raise _refuse("An edge is in two parts, or twice in one.", "split.npz")


def _scored(result: RunResult, graph: GraphData) -> RunResult:
    """Return the result with its scores worked out again, and a list of what was not."""
    where = "metrics.json"
    stated = result.metrics
    scores, metrics = evaluate_result(result, graph)
    if not all(np.isfinite(values).all() for values in scores.values()):
        raise _refuse("Gives scores that are not finite.", "model.json")
    if result.z_log_var is not None:
        metrics["latent"] = latent_metrics(result.z_mean, result.z_log_var)
    test = stated.get("test")
    for key in ("roc_auc", "average_precision"):
        value = test.get(key) if isinstance(test, Mapping) else None
        if not is_finite(value) or abs(value - metrics["test"][key]) > _SAME:
            raise _refuse(
                f"`test.{key}` is given as {value!r:.20} but does not follow from codes and data, "
                f"which give {metrics['test'][key]:.4f}.",
                where,
            )
    unchecked = ["curves"]
    for group in _STATED:
        if group in stated:
            metrics[group] = _stated(group, stated[group], where)
            unchecked.append(group)
    if result.is_trial:
        metrics["scored_on"] = stated["scored_on"]
    metrics["unchecked"] = unchecked
    return dataclasses.replace(result, scores=scores, metrics=metrics)


def _stated(group: str, row: Any, where: str) -> dict[str, Any]:
    """Return scores of labels or features as the bundle states them: those known here, numbers one can show."""
    known = _STATED[group]
    fine = isinstance(row, Mapping) and set(row) == set(known)
    if not fine or not all(is_finite(row[key]) and abs(row[key]) <= bound for key, bound in known.items()):
        raise _refuse(f"`{group}` must hold numbers for {', '.join(known)}.", where)
    if "n_test" in row and (type(row["n_test"]) is not int or row["n_test"] < 1):
        raise _refuse("`n_test` must be a number of nodes.", where)
    return dict(row)


# ------------------------------------------------------------------------------ events
def _events(path: Path) -> Iterator[Event]:
    """Yield the events of a log, each checked; its end is left out, since the result has it."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            where = f"{path.name}, line {number}"
            try:
                event = parse_kept(line.decode("utf-8"))
            except (ValueError, RecursionError) as error:
                raise _refuse(f"Not an event: {error!s:.200}", where) from error
            if event is not None:
                _check_event(event, where)
                yield event


def _check_event(event: Event, where: str) -> None:
    """Raise RunError unless every field of an event is what its class says."""
    hints = typing.get_type_hints(type(event))
    for field in dataclasses.fields(event):
        value, hint = getattr(event, field.name), hints[field.name]
        if typing.get_origin(hint) is typing.Literal:
            fine = isinstance(value, str) and value in typing.get_args(hint)
        elif hint is str:
            fine = isinstance(value, str) and len(value) <= 2000
        elif hint is int:
            fine = type(value) is int and 0 <= value < 10**9
        elif hint is float:
            fine = is_finite(value) and 0 <= value < 1e12
        elif hint is bool:
            fine = isinstance(value, bool)
        else:
            fine = isinstance(value, Mapping) and len(value) <= 200
            if fine and field.name == "model":
                estimate = value.get("estimate", {})  # the rest is read by nobody
                fine = isinstance(estimate, Mapping) and all(map(is_finite, estimate.values()))
            elif fine:
                fine = all(len(key) <= 200 and _is_logged(v) for key, v in value.items())
        if not fine:
            raise _refuse(f"`{field.name}` of {type(event).__name__} cannot be {value!r:.60}.", where)
    if isinstance(event, EpochEnd) and event.epoch < 1:
        raise _refuse("`epoch` counts from 1.", where)


def _is_logged(value: Any) -> bool:
    """Return whether a value is what a log may hold: a float, which may be NaN or infinite, or a whole number."""
    return value is None or isinstance(value, float) or is_finite(value)
