"""The folder of one run: the only form in which a run lies on disk.

Every file but the event log is written whole (temporary file, fsync, rename), and
``finished.json`` is written last, so a folder has a result exactly when that file
is there.  Arrays are npz without pickle, everything else is JSON.

=================== ===========================================================
``spec.json``       the specification: first as asked for, with the result as trained
``dataset.json``    name and fingerprint of the data set
``graph.npz``       the data set itself (only in a folder that stands alone)
``events.jsonl``    one event a line, in order
``metrics.json``    test, validation and baseline scores
``model.json``      layers, shapes, parameters
``environment.json`` versions, threads, seed
``embedding.npz``   ``z_mean`` and, for a variational model, ``z_log_var``, of the
                    training edges; with ``all_`` in front of all edges
``split.npz``       ``train``, ``val``, ``val_neg``, ``test``, ``test_neg``
``scores.npz``      scores of the test pairs: the model's logits and the baselines'
``state.npz``       weights by position
``nodes.npz``       what the other outputs say of each node
``finished.json``   why and when it ended
=================== ===========================================================
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from vgae_core.analysis.decoders import WEIGHTS
from vgae_core.catalogue.outputs import SCALES
from vgae_core.data.arrays import load_graph, save_graph
from vgae_core.data.dataset import GraphData
from vgae_core.data.splits import LinkSplit
from vgae_core.errors import DataError, LimitError, RunError, SpecError
from vgae_core.runs.result import Embedding, RunResult
from vgae_core.settings import RunSpec
from vgae_core.training.events import EpochEnd, Event, Finished, from_dict, to_dict

SPLIT_PARTS = ("train", "val", "val_neg", "test", "test_neg")
DOCUMENTS = ("spec", "metrics", "model", "environment", "finished")
ARRAYS = ("embedding", "split", "scores", "state", "nodes")


# ------------------------------------------------------------------- atomic files
@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes its place, whole and on disk."""
    temporary = path.with_name(f".{secrets.token_hex(6)}{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_directory(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync_directory(path: Path) -> None:
    if os.name == "nt":  # directories cannot be opened there, and renames are journalled
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def finite(value: Any) -> Any:
    """Return `value` with NaN and infinities as None, so that the JSON is JSON everywhere."""
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.integer | np.bool_):
        return value.item()
    if isinstance(value, np.ndarray):
        return finite(value.tolist())
    if isinstance(value, Mapping):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    return value


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, atomically."""
    with atomic(path) as temporary:
        temporary.write_text(
            json.dumps(finite(value), indent=2, ensure_ascii=False, allow_nan=False), "utf-8"
        )


def read_json(path: Path) -> Any:
    """Return the JSON value in `path`; raise RunError if it is missing or broken."""
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise RunError("This file of the run is missing.", where=path.name) from error
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"Not readable as JSON: {error}.", where=path.name) from error


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays as npz, atomically; object arrays are refused."""
    for key, array in arrays.items():
        if np.asarray(array).dtype.hasobject:
            raise RunError(f"Array `{key}` holds Python objects.", where=path.name)
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays in `path`, read-only; raise RunError if it is missing or broken."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except FileNotFoundError as error:
        raise RunError("This file of the run is missing.", where=path.name) from error
    except MemoryError as error:
        raise LimitError(f"Needs more memory than there is: {error}.", where=path.name) from error
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise RunError(f"Not readable as arrays: {error}.", where=path.name) from error
    for array in arrays.values():
        array.setflags(write=False)  # a result is shared by every page that shows it
    return arrays


# ---------------------------------------------------------------- result <-> parts
def result_to_parts(result: RunResult) -> tuple[dict[str, Any], dict[str, dict[str, np.ndarray]]]:
    """Return a result as JSON documents and groups of arrays, for disk, bundle and network.

    Returns
    -------
    documents : dict
        One entry for each of :data:`DOCUMENTS`.
    arrays : dict of dict of ndarray
        One entry for each of :data:`ARRAYS`.
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
        "split": {part: np.asarray(getattr(result.split, part), np.int64) for part in SPLIT_PARTS},
        "scores": {k: np.asarray(v) for k, v in result.scores.items()},
        "state": {k: np.asarray(v) for k, v in result.state.items()},
        "nodes": {k: np.asarray(v) for k, v in result.nodes.items()},
    }
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
    for part in SPLIT_PARTS:
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
    for part in SPLIT_PARTS:
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
    finished = _finished(documents["finished"])
    whole = _whole(arrays["embedding"], z_mean, z_log_var, factors)
    _check_scores(documents["model"])
    return RunResult(
        spec=spec,
        metrics=documents["metrics"],
        z_mean=arrays["embedding"]["z_mean"],
        z_log_var=z_log_var,
        split=LinkSplit(**{part: split[part] for part in SPLIT_PARTS}),
        scores=dict(arrays["scores"]),
        state=dict(arrays["state"]),
        model=documents["model"],
        finished=finished,
        factors=factors,
        whole=whole,
        decoder=_decoder(documents["model"], arrays["embedding"]),
        nodes=dict(arrays["nodes"]),
        environment=documents["environment"],
    )


def _finished(document: Mapping[str, Any]) -> Finished:
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
    names = WEIGHTS.get(str(model.get("decoder")), ())
    weights = {name: embedding.get(f"decoder_{name}") for name in names}
    if not weights:
        return {}
    width = embedding["z_mean"].shape[1]
    units = () if weights["bias"] is None else weights["bias"].shape
    expected = {"kernel": (width, *units), "bias": units, "out": units}
    for name, value in weights.items():
        if value is None or value.dtype != np.float32 or value.shape != expected.get(name, ()):
            raise RunError(f"`decoder_{name}` must be float32 of a fitting shape.", where="embedding.npz")
    return weights  # type: ignore[return-value]


def is_finite(value: Any) -> bool:
    """Return whether a value from JSON is a number, neither NaN nor infinite; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check_scores(model: Mapping[str, Any]) -> None:
    """Raise RunError unless what the model's scores are made of is said in numbers, where it is said."""
    stack = model.get("stack", {})
    wrong = not isinstance(stack, Mapping) or not all(map(is_finite, stack.values()))
    if wrong or (stack and not {"offset", "network"} <= set(stack)):
        raise RunError("`stack` must hold a number for each score it joins.", where="model.json")
    if not is_finite(model.get("weight_unit", 1.0)):
        raise RunError("`weight_unit` must be a number.", where="model.json")
    if "weight_unit" in model and model.get("scale") not in SCALES:
        raise RunError("`scale` must say what the network's numbers stand for.", where="model.json")


# --------------------------------------------------------------------------- events
def event_line(event: Event) -> str:
    """Return the event as one line of JSON."""
    return json.dumps(finite(to_dict(event)), ensure_ascii=False, allow_nan=False)


def parse_event(line: str) -> Event:
    """Return the event in a line of :func:`event_line`; numbers that were not finite come back as NaN.

    Raises
    ------
    ValueError
        If the line holds no event.
    """
    values = json.loads(line)
    if not isinstance(values, dict):
        raise ValueError(f"Expected an object. Received: {line[:80]!r}.")
    for key in ("logs", "val"):
        if isinstance(values.get(key), dict):
            values[key] = {k: math.nan if v is None else v for k, v in values[key].items()}
    try:
        return from_dict(values)
    except TypeError as error:
        raise ValueError(str(error)) from error


class EventLog:
    """The events of one run; reading again costs only what was added since."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._offset = 0
        self._events: list[Event] = []

    def append(self, event: Event) -> None:
        """Add one event, whole or not at all; the end of a run is forced to disk.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        line = memoryview((event_line(event) + "\n").encode("utf-8"))
        with self._lock, self._path.open("ab", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            try:
                while line:  # a disk that gets full takes a part first
                    line = line[file.write(line) :]
                if isinstance(event, Finished):
                    os.fsync(file.fileno())
            except OSError:
                file.truncate(size)
                raise

    def read(self) -> tuple[Event, ...]:
        """Return every event so far; a last line cut off by a crash is left out.

        Raises
        ------
        RunError
            If another line is broken.
        """
        with self._lock:
            try:
                with self._path.open("rb") as file:
                    file.seek(self._offset)
                    for line in file:
                        if not line.endswith(b"\n"):
                            break  # cut off by a crash, or still being written
                        self._events.append(self._parsed(line))
                        self._offset += len(line)
            except FileNotFoundError:
                return ()
            return tuple(self._events)

    def _parsed(self, line: bytes) -> Event:
        try:
            return parse_event(line.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            number = len(self._events) + 1
            raise RunError(f"Not an event: {error}.", where=f"{self._path.name}, line {number}") from error


# --------------------------------------------------------------------------- folder
class RunFolder:
    """One run on disk.

    Parameters
    ----------
    path : Path
        The folder.
    """

    def __init__(self, path: Path, *, log: EventLog | None = None) -> None:
        self.path = path
        self._log = log or EventLog(path / "events.jsonl")
        self._spec: RunSpec | None = None

    @property
    def spec(self) -> RunSpec:
        """The specification of the run: as asked for until there is a result, then as trained."""
        if self._spec is None or self._spec.recipe == "auto":
            try:
                self._spec = RunSpec.of_run(read_json(self.path / "spec.json"))
            except SpecError as error:
                raise RunError(f"Not a specification of this version: {error}", where="spec.json") from error
        return self._spec

    @property
    def dataset(self) -> dict[str, str]:
        """``name`` and ``fingerprint`` of the data set."""
        return read_json(self.path / "dataset.json")

    @property
    def has_result(self) -> bool:
        """Whether the run left a result behind."""
        return (self.path / "finished.json").exists()

    def events(self) -> tuple[Event, ...]:
        """Return every event so far, in order."""
        return self._log.read()

    def history(self) -> list[EpochEnd]:
        """Return the epochs so far, in order."""
        return [event for event in self.events() if isinstance(event, EpochEnd)]

    def metrics(self) -> dict[str, Any]:
        """Return test, validation and baseline scores."""
        return read_json(self.path / "metrics.json")

    def finished(self) -> Finished:
        """Return why and when the run ended."""
        return _finished(read_json(self.path / "finished.json"))

    def result(self) -> RunResult:
        """Return what the run left behind.

        Raises
        ------
        RunError
            If there is no result (yet), or a file is missing or broken.
        """
        if not self.has_result:
            raise RunError("This run has no result.", mend="Wait for its end, or run it again.")
        documents = {name: read_json(self.path / f"{name}.json") for name in DOCUMENTS}
        return result_from_parts(documents, {name: read_arrays(self.path / f"{name}.npz") for name in ARRAYS})

    def graph(self) -> GraphData:
        """Return the data set kept in the folder, or beside it in the store that the folder belongs to."""
        path = self.path / "graph.npz"
        if not path.exists():
            fingerprint = str(self.dataset.get("fingerprint", ""))
            stored = self.path.parent.parent / "datasets" / f"{fingerprint}.npz"
            if not (fingerprint.isalnum() and stored.exists()):
                raise RunError(
                    "The data set of this run is missing.",
                    where=path.name,
                    mend="Use the run's bundle, unpacked.",
                )
            path = stored
        graph = load_graph(path)
        if not isinstance(graph, GraphData):
            raise DataError("Expected a graph after repairs.", where=path.name)
        return graph


def write_start(path: Path, spec: RunSpec, *, name: str, fingerprint: str) -> None:
    """Write what is known before a run: specification and data set."""
    path.mkdir(parents=True, exist_ok=True)
    write_json(path / "spec.json", spec.to_dict())
    write_json(path / "dataset.json", {"name": name, "fingerprint": fingerprint})


def write_result(path: Path, result: RunResult) -> None:
    """Write a result into a run's folder; the file that says so comes last."""
    documents, arrays = result_to_parts(result)
    for group, members in arrays.items():
        write_arrays(path / f"{group}.npz", members)
    for name in DOCUMENTS:  # "finished" is the last of them
        write_json(path / f"{name}.json", documents[name])


def write_run_dir(
    path: Path, spec: RunSpec, graph: GraphData, result: RunResult, events: Iterable[Event]
) -> RunFolder:
    """Write a run that stands alone, its data set included, and return it.

    Raises
    ------
    RunError
        If the folder exists and holds something.
    """
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise RunError(f"Expected a new or an empty folder. Received: {path}.", mend="Choose another one.")
    write_start(path, spec, name=graph.name, fingerprint=graph.fingerprint)
    with atomic(path / "graph.npz") as temporary:
        save_graph(temporary, graph)
    with atomic(path / "events.jsonl") as temporary:
        temporary.write_text("".join(event_line(e) + "\n" for e in events), "utf-8")
    write_result(path, result)
    return RunFolder(path)


def read_run_dir(path: Path) -> RunFolder:
    """Return the run in `path`.

    Raises
    ------
    RunError
        If `path` is no run's folder.
    """
    folder = RunFolder(Path(path))
    if not (folder.path / "spec.json").is_file():
        raise RunError(f"Not the folder of a run: {path}.", mend="It must hold spec.json.")
    _ = folder.spec  # read now, so that a broken one is told here
    return folder
