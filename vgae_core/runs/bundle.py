"""A run in one file, to keep or to hand on: a zip of JSON and npz with the hash of every member.

A bundle comes from anywhere, so nothing in it is believed: a child process with bounded memory and time checks it
(:mod:`vgae_core.runs.bundle_checks`) and writes its run anew, and only then the run exists. The server itself never
loads what the checks need.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import IO, Any

from vgae_core import __version__, isolation
from vgae_core.data.arrays import save_graph
from vgae_core.data.limits import LIMITS, Limits
from vgae_core.errors import RunError
from vgae_core.runs.event_log import event_line
from vgae_core.runs.folder import RunFolder
from vgae_core.runs.result_parts import ARRAYS, DOCUMENTS
from vgae_core.runs.store import Store, StoredRun
from vgae_core.training.events import EpochEnd

FORMAT = "vgae-studio-run"
VERSION = 1
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


def export_bundle(run: RunFolder, to: Path | IO[bytes]) -> None:
    """Write a finished run as a bundle; of a log beyond :data:`MAX_EVENTS_BYTES` every second, fourth, … epoch.

    Parameters
    ----------
    run : RunFolder
        Of the store, or a folder that stands alone.
    to : Path or binary file

    Raises
    ------
    RunError
        If the run has no result.
    """
    if not run.has_result:
        raise RunError("Only a run with a result can be bundled.", mend="Wait for its end.")
    files: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="vgae-bundle-") as folder:
        graph_path = run.path / "graph.npz"
        if not graph_path.exists():  # in the store data sets are shared
            graph_path = Path(folder) / "graph.npz"
            save_graph(graph_path, run.graph())
        with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
            for name in MEMBERS:
                path = graph_path if name == "graph.npz" else run.path / name
                content = _log(run, path) if name == "events.jsonl" else path.read_bytes()
                files[name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
                archive.writestr(name, content)
            manifest = {"format": FORMAT, "version": VERSION, "vgae_core": __version__, "files": files}
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


def import_bundle(
    store: Store, source: Path | IO[bytes], workspace: str, *, limits: Limits = LIMITS
) -> StoredRun:
    """Check a bundle of unknown origin and keep its run under a new id of `workspace`.

    Raises
    ------
    RunError
        If it is not a bundle, is damaged, or its parts do not fit together.
    LimitError
        If it is larger than this installation accepts, or checking it takes more memory or time.
    """
    with tempfile.TemporaryDirectory(prefix="vgae-bundle-") as name:
        bundle, folder = Path(name) / "bundle.zip", Path(name) / "run"
        if isinstance(source, Path):
            limits.check("upload_bytes", source.stat().st_size, where=source.name)
            bundle = source.resolve()
        else:
            source.seek(0)
            with bundle.open("wb") as file:
                shutil.copyfileobj(source, file, 2**20)
            limits.check("upload_bytes", bundle.stat().st_size, where="bundle")
        isolation.call(
            "bundle",
            options={"bundle": str(bundle), "folder": str(folder), "limits": dataclasses.asdict(limits)},
            limits=isolation.ChildLimits(
                memory_bytes=limits.child_memory_bytes, seconds=float(limits.child_seconds)
            ),
        )
        return store.adopt_run(RunFolder(folder), workspace)
