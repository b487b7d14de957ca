"""Runs in one file, to keep or to hand on.

The bundle of a run is a zip of JSON and npz with the hash of every member; that of several runs is a zip of such
bundles.  A bundle comes from anywhere, so nothing in it is believed: a child process with bounded memory and time
checks it (:mod:`vgae_core.runs.exports.bundle_checks`) and writes its runs anew, and only then they exist.
The server itself never loads what the checks need.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from vgae_core import __version__, isolation
from vgae_core.data.arrays import save_graph
from vgae_core.data.text import shortened, visible
from vgae_core.errors import RunError
from vgae_core.host.limits import LIMITS, Limits
from vgae_core.runs.disk.event_log import event_line
from vgae_core.runs.results.result_parts import ARRAYS, DOCUMENTS
from vgae_core.runs.store.folder import RunFolder
from vgae_core.runs.store.notes import MAX_NAME
from vgae_core.runs.store.store import Store
from vgae_core.runs.store.stored_run import StoredRun
from vgae_core.training.events import EpochEnd

FORMAT = "vgae-studio-run"
VERSION = 1
"""Of the bundle of one run. A reader reads this one and every earlier one."""

SET_FORMAT = "vgae-studio-runs"
SET_VERSION = 1
"""Of the bundle of several runs."""

MOST_RUNS = 50
"""Runs in one bundle."""

MANIFEST = "manifest.json"
MEMBERS = (
    "dataset.json",
    "graph.npz",
    "events.jsonl",
    *(f"{name}.npz" for name in ARRAYS),
    *(f"{name}.json" for name in DOCUMENTS),
)
"""Every member of a bundle besides the manifest; all of them must be there."""

MAX_EVENTS_BYTES = 8_000_000
"""A log of about 15,000 epochs; a longer one is thinned when the bundle is written."""


def export_bundles(runs: Sequence[tuple[str, RunFolder]], to: Path | IO[bytes]) -> None:
    """Write finished runs as one bundle: of one run its own, of several a zip of theirs.

    Parameters
    ----------
    runs : sequence of str and RunFolder
        Names, which may be empty, and folders; at least one, at most :data:`MOST_RUNS`.
    to : Path or binary file

    Raises
    ------
    RunError
        If there are too many, or one has no result.
    LimitError
        If together they are larger than a bundle that can be loaded again.
    """
    if not 1 <= len(runs) <= MOST_RUNS:
        raise RunError(f"A bundle holds 1 to {MOST_RUNS} runs. Received: {len(runs)}.")
    if len(runs) == 1:
        export_bundle(runs[0][1], to, name=runs[0][0])
        return
    LIMITS.check("upload_bytes", sum(bytes_of(run) for _, run in runs), where="bundle")
    members = [set_member(place) for place in range(len(runs))]
    with zipfile.ZipFile(to, "w", zipfile.ZIP_STORED) as archive:
        for member, (name, run) in zip(members, runs, strict=True):
            with archive.open(member, "w", force_zip64=True) as file:
                export_bundle(run, file, name=name)
        manifest = {"format": SET_FORMAT, "version": SET_VERSION, "vgae_core": __version__, "runs": members}
        archive.writestr(MANIFEST, json.dumps(manifest, indent=2))


def bytes_of(run: RunFolder) -> int:
    """Return what the members of a run's bundle take on disk: about as much as the bundle."""
    graph = run.graph_path if isinstance(run, StoredRun) else run.path / "graph.npz"
    paths = [graph, *(run.path / member for member in MEMBERS if member != "graph.npz")]
    return sum(path.stat().st_size for path in paths if path.exists())


def set_member(place: int) -> str:
    """Return what the bundle of a run is called in that of several."""
    return f"run-{place + 1:02d}.zip"


def export_bundle(run: RunFolder, to: Path | IO[bytes], *, name: str = "") -> None:
    """Write a finished run as a bundle; of a log beyond :data:`MAX_EVENTS_BYTES` every second, fourth, … epoch.

    Parameters
    ----------
    run : RunFolder
        Of the store, or a folder that stands alone.
    to : Path or binary file
    name : str
        What the run is called where the bundle is loaded; empty for the name it has there by itself.

    Raises
    ------
    RunError
        If the run has no result.
    """
    if not run.has_result:
        raise RunError(
            "Only finished runs can be exported as a bundle.",
            mend="Wait until it finishes, or train it again.",
        )
    files: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="vgae-bundle-") as folder:
        graph_path = run.path / "graph.npz"
        if not graph_path.exists():  # in the store data sets are shared
            graph_path = Path(folder) / "graph.npz"
            save_graph(graph_path, run.graph())
        with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
            for member in MEMBERS:
                path = graph_path if member == "graph.npz" else run.path / member
                content = _log(run, path) if member == "events.jsonl" else path.read_bytes()
                files[member] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
                archive.writestr(member, content)
            manifest: dict[str, Any] = {
                "format": FORMAT,
                "version": VERSION,
                "vgae_core": __version__,
                "files": files,
            }
            if name:
                manifest["name"] = name
            archive.writestr(MANIFEST, json.dumps(manifest, indent=2))


def _log(run: RunFolder, path: Path) -> bytes:
    """Return the log of a run, thinned until it may be loaded again; the last best epoch stays."""
    if not path.exists():  # a run without any event
        return b""
    if path.stat().st_size <= MAX_EVENTS_BYTES:
        return path.read_bytes()
    lines = [(event, event_line(event) + "\n") for event in run.events()]
    best = max((e.epoch for e, _ in lines if isinstance(e, EpochEnd) and e.best), default=0)
    step = 1
    while (size := sum(len(line.encode()) for _, line in lines)) > MAX_EVENTS_BYTES:
        step *= 2
        kept = [
            (event, line)
            for event, line in lines
            if not isinstance(event, EpochEnd) or event.epoch in (1, best) or not event.epoch % step
        ]
        if len(kept) == len(lines):
            raise RunError(f"Its log of {size:,} bytes is too long for a bundle.", where=path.name)
        lines = kept
    return "".join(line for _, line in lines).encode()


def import_bundles(
    store: Store, source: Path | IO[bytes], workspace: str, *, limits: Limits = LIMITS
) -> list[StoredRun]:
    """Check a bundle of unknown origin and keep its runs, all or none, under new ids of `workspace`.

    Raises
    ------
    RunError
        If it is not a bundle, is damaged, or its parts do not fit together.
    LimitError
        If it is larger than this installation accepts, or checking it takes more memory or time.
    """
    with tempfile.TemporaryDirectory(prefix="vgae-bundle-") as name:
        bundle, folder = Path(name) / "bundle.zip", Path(name) / "runs"
        if isinstance(source, Path):
            limits.check("upload_bytes", source.stat().st_size, where=source.name)
            bundle = source.resolve()
        else:
            source.seek(0)
            with bundle.open("wb") as file:
                shutil.copyfileobj(source, file, 2**20)
            limits.check("upload_bytes", bundle.stat().st_size, where="bundle")
        _, checked = isolation.call(
            "bundle",
            options={"bundle": str(bundle), "folder": str(folder), "limits": dataclasses.asdict(limits)},
            limits=isolation.ChildLimits(
                memory_bytes=limits.child_memory_bytes, seconds=float(limits.child_seconds)
            ),
        )
        runs: list[StoredRun] = []
        try:
            for place, called in enumerate(checked["names"]):
                run = store.adopt_run(RunFolder(folder / str(place)), workspace)
                runs.append(run)
                store.annotate(run.id, workspace, name=shortened(visible(called), MAX_NAME))
        except BaseException:
            for run in runs:
                store.delete_run(run.id, workspace)
            raise
        return runs
