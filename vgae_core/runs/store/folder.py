"""The folder of one run: the only form in which a run lies on disk.

Every file but the event log is written whole (temporary file, fsync, rename), and
``finished.json`` is written last, so a folder has a result exactly when that file
is there.  Arrays are npz without pickle, everything else is JSON.

=================== ===========================================================
``spec.json``       the specification
``dataset.json``    name and fingerprint of the data set
``graph.npz``       the data set itself (only in a folder that stands alone); of one
                    prepared in parts ``dataset.json`` says where it lies
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
``worked-….npz``    what was worked out of the result (never in a bundle)
``checkpoint.npz``  what training goes on from (never in a bundle)
``finished.json``   why and when it ended
=================== ===========================================================
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vgae_core.data.arrays import load_graph, save_graph
from vgae_core.data.dataset import GraphData
from vgae_core.data.partitions.prepared import PreparedSplit, open_prepared
from vgae_core.errors import DataError, RunError, SpecError
from vgae_core.runs.disk.event_log import EventLog, event_line
from vgae_core.runs.disk.files import atomic, read_arrays, read_json, write_arrays, write_json
from vgae_core.runs.results.result import RunResult
from vgae_core.runs.results.result_parts import (
    ARRAYS,
    DOCUMENTS,
    FIRST_VIEW,
    parse_finished,
    result_from_parts,
    result_to_parts,
)
from vgae_core.runs.store import worked_out
from vgae_core.settings import RunSpec
from vgae_core.training.events import EpochEnd, Event, Finished


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
        """The specification of the run."""
        if self._spec is None:
            try:
                self._spec = RunSpec.of_run(read_json(self.path / "spec.json"))
            except SpecError as error:
                raise RunError(f"Not a specification of this version: {error}", where="spec.json") from error
        return self._spec

    @property
    def dataset(self) -> dict[str, str]:
        """``name`` and ``fingerprint`` of the data set; ``prepared``, the folder of one that was prepared in parts."""
        return read_json(self.path / "dataset.json")

    @property
    def has_result(self) -> bool:
        """Whether the run left a result behind."""
        return (self.path / "finished.json").exists()

    @property
    def checkpoint_path(self) -> Path:
        """Where the run's last checkpoint is kept, if it has one."""
        return self.path / "checkpoint.npz"

    @property
    def active(self) -> bool:
        """Whether the run waits or works, as far as its folder alone can tell: it never does."""
        return False

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
        return parse_finished(read_json(self.path / "finished.json"))

    def result(self) -> RunResult:
        """Return what the run left behind.

        Raises
        ------
        RunError
            If there is no result (yet), or a file is missing or broken.
        """
        if not self.has_result:
            raise RunError("This run has no result.", mend="Wait until it finishes, or train it again.")
        documents = {name: read_json(self.path / f"{name}.json") for name in DOCUMENTS}
        return result_from_parts(documents, {name: read_arrays(self.path / f"{name}.npz") for name in ARRAYS})

    def graph(self) -> GraphData:
        """Return the data set kept in the folder, or beside it in the store that the folder belongs to."""
        if (prepared := self._prepared()) is not None:
            return prepared[0]
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

    def prepared_split(self) -> PreparedSplit | None:
        """Return the split of a data set that was prepared in parts; None of any other."""
        prepared = self._prepared()
        return None if prepared is None else prepared[1]

    def _prepared(self) -> tuple[GraphData, PreparedSplit] | None:
        about = self.dataset
        if "prepared" not in about:
            return None
        graph, split, _ = open_prepared(about["prepared"])
        if graph.fingerprint != about["fingerprint"]:
            raise RunError("This folder holds another data set than the run's.", where=about["prepared"])
        return graph, split


def write_start(
    path: Path, spec: RunSpec, *, name: str, fingerprint: str, prepared: Path | None = None
) -> None:
    """Write what is known before a run: specification and data set, and the folder where it was prepared."""
    path.mkdir(parents=True, exist_ok=True)
    write_json(path / "spec.json", spec.to_dict())
    where = {} if prepared is None else {"prepared": str(prepared)}
    write_json(path / "dataset.json", {"name": name, "fingerprint": fingerprint, **where})


def write_result(path: Path, result: RunResult) -> None:
    """Write a result into a run's folder; the file that says so comes last."""
    documents, arrays = result_to_parts(result)
    for group in ARRAYS:
        write_arrays(path / f"{group}.npz", arrays[group])
    if FIRST_VIEW in arrays:
        worked_out.save(path, worked_out.FIRST_VIEW, arrays[FIRST_VIEW], {})
    for name in DOCUMENTS:  # "finished" is the last of them
        write_json(path / f"{name}.json", documents[name])


def write_beginning(path: Path, spec: RunSpec, graph: GraphData) -> None:
    """Write what is known before a run that stands alone, its data set included.

    Raises
    ------
    RunError
        If the folder exists and holds something.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise RunError(f"Expected a new or an empty folder. Received: {path}.", mend="Choose another one.")
    write_start(path, spec, name=graph.name, fingerprint=graph.fingerprint)
    with atomic(path / "graph.npz") as temporary:
        save_graph(temporary, graph)


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
    write_beginning(path, spec, graph)
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
