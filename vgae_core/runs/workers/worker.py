"""What runs inside a worker process.

Arguments and results are JSON types and arrays; errors come back as data, so that
nothing but numbers and text crosses between the processes.
"""

from __future__ import annotations

import errno
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
from distributed import get_worker
from scipy import sparse

from vgae_core.data.arrays import graph_from_arrays
from vgae_core.data.dataset import GraphData, Profile
from vgae_core.data.splits import LinkSplit
from vgae_core.errors import StudioError
from vgae_core.runs.disk.event_log import event_line
from vgae_core.runs.disk.room import FULL, FULL_MEND
from vgae_core.runs.processes import environment
from vgae_core.runs.processes import versions as installed
from vgae_core.runs.results.result_parts import result_to_parts
from vgae_core.runs.views.first_view import with_first_view
from vgae_core.settings import RunSpec
from vgae_core.training.checkpoints import CHECKPOINT_SECONDS, Checkpoint
from vgae_core.training.events import EpochEnd, Event, Started

if TYPE_CHECKING:
    from vgae_core.runs.execution.preparation import Prepared

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.1
"""Epochs of a millisecond are sent together, this often."""

_stops: dict[str, threading.Event] = {}
_checkpoints: dict[str, dict[str, np.ndarray]] = {}
"""The last checkpoint of each run at work."""

_building = threading.Lock()
"""Held while a model is built, and no longer: others may forget all models, and Keras what it knows of this one."""

_ahead: dict[tuple[str, str], Prepared] = {}
"""The run that was prepared ahead, at most one, by specification and fingerprint of its data."""


def prepare(spec_json: str, fingerprint: str, arrays: Mapping[str, np.ndarray]) -> str:
    """Prepare a run that may be started soon, instead of the one that was prepared before.

    Returns why it could not be, or nothing; the visitor is told by :func:`run`.
    """
    from vgae_core.runs.execution.preparation import prepare as prepare_run

    if _ahead:
        _ahead.clear()
        _forget_models()
    try:
        spec = RunSpec.from_json(spec_json)
        _ahead[spec_json, fingerprint] = prepare_run(
            spec, _graph(arrays), ahead=True, building=lambda: _building
        )
    except Exception as error:
        logger.info("Nothing was prepared: %s", error)
        return f"{type(error).__name__}: {error}"
    return ""


def run(
    run_id: str,
    topic: str,
    spec_json: str,
    fingerprint: str,
    arrays: Mapping[str, np.ndarray],
    split: Mapping[str, np.ndarray] | None = None,
    start: Mapping[str, np.ndarray] | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> dict[str, Any]:
    """Execute one run, sending its events to `topic`.

    `split` has the parts of one that is not to be drawn, `start` is a checkpoint to go on from.

    Returns
    -------
    dict
        ``sent`` (number of events) and either ``documents`` and ``arrays`` of the result,
        or ``error`` and ``where``, ``mend`` (all text); and ``checkpoint``, the last one, or None.
    """
    stop_asked = _stops.setdefault(run_id, threading.Event())
    outbox = _Outbox(topic, run_id)

    def keep(checkpoint: Checkpoint) -> None:
        outbox.flush()  # its epochs are told before it can be fetched
        _checkpoints[run_id] = checkpoint.to_arrays()

    try:
        spec = RunSpec.from_json(spec_json)
        graph = _graph(arrays)
        from vgae_core.runs.execution.pipeline import execute

        prepared = _take(spec_json, fingerprint)  # nobody else has it, so it is freed with the run
        result = execute(
            spec,
            graph,
            split=None if split is None else LinkSplit(**split),
            start=None if start is None else Checkpoint.from_arrays(start),
            on_checkpoint=keep,
            checkpoint_seconds=checkpoint_seconds,
            prepared=prepared if split is None else None,
            on_event=outbox.put,
            should_stop=stop_asked.is_set,
            building=lambda: _building,
        )
        result = with_first_view(result, graph)
    except StudioError as error:
        problem = {"error": error.message, "where": error.where, "mend": error.mend}
        return {"sent": outbox.close(), **problem, "checkpoint": _checkpoints.get(run_id)}
    except Exception as error:
        logger.exception("Run %s failed", run_id)
        return {"sent": outbox.close(), **_explain(error), "checkpoint": _checkpoints.get(run_id)}
    finally:
        outbox.close()
        last = _checkpoints.pop(run_id, None)
        _stops.pop(run_id, None)
        _forget_models()
    documents, groups = result_to_parts(result)
    return {"sent": outbox.close(), "documents": documents, "arrays": groups, "checkpoint": last}


def checkpoint(run_id: str, known: int) -> dict[str, np.ndarray] | None:
    """Return the last checkpoint of a run at work, None unless it has more epochs than `known`."""
    last = _checkpoints.get(run_id)
    return None if last is None or int(last["epochs"][0]) <= known else last


def _take(spec_json: str, fingerprint: str) -> Prepared | None:
    prepared = _ahead.pop((spec_json, fingerprint), None)
    _ahead.clear()
    return prepared


def _graph(arrays: Mapping[str, np.ndarray]) -> GraphData:
    graph = graph_from_arrays(arrays)
    if not isinstance(graph, GraphData):
        raise TypeError("expected a graph after repairs")
    return graph


def stop(run_id: str) -> None:
    """Ask a run to end after the step it is in; asked early, it ends after its first."""
    _stops.setdefault(run_id, threading.Event()).set()


def describe(spec_json: str, profile: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``{"answer": …}`` with the description of a model, or ``error``, ``where`` and ``mend``."""
    from vgae_core.nn.models import describe as describe_model

    return _answer(describe_model, spec_json, profile)


def _answer(
    task: Callable[[RunSpec, Profile], Any], spec_json: str, profile: Mapping[str, Any]
) -> dict[str, Any]:
    try:
        with _building:
            return {"answer": task(RunSpec.from_json(spec_json), Profile(**profile))}
    except StudioError as error:
        return {"error": error.message, "where": error.where, "mend": error.mend}
    except Exception as error:
        logger.exception("The worker could not say what was asked: %s", task.__name__)
        return _explain(error)


def versions() -> dict[str, str]:
    """Return what this process runs, see :func:`vgae_core.runs.processes.versions.versions`."""
    return installed.versions()


def warm() -> float:
    """Import TensorFlow, train a tiny model once, and return the seconds it took."""
    started = time.perf_counter()
    environment.apply()
    environment.load_tensorflow()
    from vgae_core.runs.execution.pipeline import execute

    n = 40
    i = np.arange(n)
    rows, cols = np.r_[i, i], np.r_[(i + 1) % n, (i + 3) % n]
    half = sparse.csr_array((np.ones(2 * n, np.float32), (rows, cols)), shape=(n, n))
    graph = GraphData(
        name="warm-up",
        adjacency=sparse.csr_array(half + half.T),
        node_ids=i.astype(np.int64),
        features=sparse.csr_array(np.eye(n, dtype=np.float32)),
    )
    with _building:
        execute(RunSpec().replace("training.epochs", 2), graph)
    return time.perf_counter() - started


def _forget_models() -> None:
    """Free what Keras keeps of the models built so far; after a run, so that the next need not wait."""
    from vgae_core.runs.execution.pipeline import forget_models

    with _building:
        forget_models()


def resident_bytes() -> int:
    """Return the resident memory of this process."""
    return int(psutil.Process().memory_info().rss)


def _explain(error: Exception) -> dict[str, str]:
    """Return what to tell of an error nobody foresaw."""
    name = type(error).__name__
    if isinstance(error, MemoryError) or name == "ResourceExhaustedError":
        mend = "Choose a smaller batch size or latent size, or a smaller graph."
        return {"error": "The worker does not have enough memory for this run.", "where": "", "mend": mend}
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return {"error": FULL, "where": "", "mend": FULL_MEND}
    lines = str(error).strip().splitlines()
    detail = f"{name}: {lines[0]}" if lines else name
    return {
        "error": f"Training failed: {detail[:300]}",
        "where": "",
        "mend": "The server's log has the details.",
    }


class _Outbox:
    """Sends the events of a run in small bundles, in order, without holding the training up."""

    def __init__(self, topic: str, run_id: str) -> None:
        self._worker = get_worker()
        self._topic, self._run_id = topic, run_id
        self._lock = threading.Lock()
        self._lines: list[str] = []
        self._sent = 0
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._flush_often, name="events", daemon=True)
        self._thread.start()

    def put(self, event: Event) -> None:
        with self._lock:
            self._lines.append(event_line(event))
        if isinstance(event, Started) or (isinstance(event, EpochEnd) and event.epoch == 1):
            self.flush()

    def close(self) -> int:
        """Send what is left and return how many events were sent in all."""
        self._closed.set()
        self._thread.join()
        self.flush()
        return self._sent

    def _flush_often(self) -> None:
        while not self._closed.wait(FLUSH_SECONDS):
            self.flush()

    def flush(self) -> None:
        """Send what is there."""
        with self._lock:
            if self._lines:
                self._sent += len(self._lines)
                self._worker.log_event(self._topic, json.dumps([self._run_id, self._lines]))
                self._lines = []
