"""A run in one file, to keep or to hand on: a zip of JSON and npz with the hash of every member.

A bundle comes from anywhere, so nothing in it is believed: names, sizes, hashes, array
headers, shapes and indices are checked before a value is used, and the scores are worked
out again from the codes and pairs it holds.
"""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from vgae_core import __version__
from vgae_core.analysis.metrics import link_metrics
from vgae_core.data.arrays import load_graph, npz_headers, save_graph
from vgae_core.data.dataset import GraphData
from vgae_core.data.limits import LIMITS, Limits
from vgae_core.errors import DataError, LimitError, RunError, StudioError
from vgae_core.runs.folder import ARRAYS, DOCUMENTS, RunFolder, read_run_dir
from vgae_core.runs.store import Store, StoredRun
from vgae_core.spec import RECIPES
from vgae_core.training.events import Trial, from_dict

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

MAX_JSON_BYTES = 4_000_000
MAX_EVENTS_BYTES = 200_000_000
_MEND = "Download the bundle again; it must come from VGAE Studio."
_SAME = 1e-4
"""Largest difference between a score in a bundle and the same score worked out again."""


# ------------------------------------------------------------------------------ write
def export_bundle(run: RunFolder, to: Path | IO[bytes]) -> None:
    """Write a finished run as a bundle.

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
                content = path.read_bytes() if path.exists() else b""  # a run without any event
                files[name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
                archive.writestr(name, content)
            manifest = {"format": FORMAT, "version": VERSION, "vgae_core": __version__, "files": files}
            archive.writestr(MANIFEST, json.dumps(manifest, indent=2))


# ------------------------------------------------------------------------------- read
def import_bundle(
    store: Store, source: Path | IO[bytes], workspace: str, *, limits: Limits = LIMITS
) -> StoredRun:
    """Check a bundle of unknown origin and keep its run under a new id of `workspace`.

    Raises
    ------
    RunError
        If it is not a bundle, is damaged, or its parts do not fit together.
    LimitError
        If it is larger than this installation accepts.
    """
    with tempfile.TemporaryDirectory(prefix="vgae-bundle-") as name:
        folder = Path(name)
        try:
            with zipfile.ZipFile(source) as archive:
                _unpack(archive, folder, limits)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            OSError,
            RuntimeError,
        ) as error:
            if isinstance(error, StudioError):
                raise
            raise RunError(f"Not a readable bundle: {error}.", mend=_MEND) from error
        try:
            return _adopt(store, folder, workspace, limits)
        except LimitError:
            raise
        except (DataError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
            raise RunError(f"The bundle is damaged: {error}", mend=_MEND) from error


def _unpack(archive: zipfile.ZipFile, folder: Path, limits: Limits) -> None:
    """Copy the members under their fixed names, counting bytes and checking hashes."""
    infos = {info.filename: info for info in archive.infolist()}
    expected = {*MEMBERS, MANIFEST}
    if len(infos) != len(archive.infolist()) or set(infos) != expected:
        odd = sorted(set(infos) ^ expected)[:3]
        raise RunError(f"Not a bundle of a run: missing, unknown or repeated members {odd}.", mend=_MEND)
    limits.check("decompressed_bytes", sum(info.file_size for info in infos.values()), where="bundle")
    manifest = _parse(_read(archive, infos[MANIFEST], MAX_JSON_BYTES), MANIFEST)
    if manifest.get("format") != FORMAT or manifest.get("version") != VERSION:
        found = f"{manifest.get('format')!r}, version {manifest.get('version')!r}"[:80]
        raise RunError(
            f"Expected {FORMAT!r}, version {VERSION}. Received: {found}.", where=MANIFEST, mend=_MEND
        )
    files = manifest.get("files")
    for name in MEMBERS:
        cap = limits.decompressed_bytes
        if name.endswith(".json"):
            cap = MAX_JSON_BYTES
        elif name.endswith(".jsonl"):
            cap = MAX_EVENTS_BYTES
        content = _read(archive, infos[name], cap)
        entry = files.get(name) if isinstance(files, Mapping) else None
        if not isinstance(entry, Mapping) or entry.get("sha256") != hashlib.sha256(content).hexdigest():
            raise RunError("Its hash is not the one of the manifest.", where=name, mend=_MEND)
        (folder / name).write_bytes(content)


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, cap: int) -> bytes:
    """Return a member, reading no more of it than it claims."""
    if info.file_size > cap:
        raise LimitError(f"{info.file_size:,} bytes exceed the limit of {cap:,}.", where=info.filename)
    with archive.open(info) as stream:
        content = stream.read(info.file_size + 1)
    if len(content) != info.file_size:
        raise RunError("Its size is not the one it claims.", where=info.filename, mend=_MEND)
    return content


def _parse(content: bytes, where: str) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RunError(f"Not readable as JSON: {error}.", where=where, mend=_MEND) from error
    if not isinstance(value, dict):
        raise RunError("Expected a JSON object.", where=where, mend=_MEND)
    return value


def _adopt(store: Store, folder: Path, workspace: str, limits: Limits) -> StoredRun:
    for name in MEMBERS:
        path = folder / name
        if name.endswith(".npz") and _has_members(path):
            npz_headers(path, where=name, limits=limits)
        elif name.endswith(".json"):
            _parse(path.read_bytes(), name)
    graph = load_graph(folder / "graph.npz", limits=limits)
    if not isinstance(graph, GraphData):
        raise RunError("Expected a graph after repairs.", where="graph.npz", mend=_MEND)
    run = read_run_dir(folder)
    result = run.result()
    for group in ("z_mean", "z_log_var"):
        values = getattr(result, group)
        if values is not None and not np.isfinite(values).all():
            raise RunError(f"`{group}` holds values that are not finite.", where="embedding.npz", mend=_MEND)
    if not all(np.isfinite(values).all() for values in (*(result.factors or ()), *result.decoder.values())):
        raise RunError("The decoder holds values that are not finite.", where="embedding.npz", mend=_MEND)
    if not all(np.isfinite(values).all() for values in result.scores.values()):
        raise RunError("Holds values that are not finite.", where="scores.npz", mend=_MEND)
    _check_metrics(result.metrics, result.scores, len(result.split.test), len(result.split.test_neg))
    return store.adopt_run(run, graph, workspace)


def _has_members(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return bool(archive.infolist())


def _check_metrics(
    metrics: Mapping[str, Any], scores: Mapping[str, np.ndarray], n_test: int, n_test_neg: int
) -> None:
    """Check that the numbers shown are those that follow from the scores.

    Raises
    ------
    RunError
        If a number is missing, is none, or is another one.
    """
    if not n_test or not n_test_neg:
        raise RunError("Holds no test pairs.", where="split.npz", mend=_MEND)
    where = "metrics.json"
    baselines = metrics.get("baselines")
    if not isinstance(baselines, Mapping) or set(baselines) != set(scores) - {"model", "network"}:
        raise RunError("`baselines` must be those of scores.npz.", where=where, mend=_MEND)
    for group, values in metrics.items():
        if group == "trials":
            _check_trials(values)
            continue
        rows = values if group in ("baselines", "weights") else {group: values}
        if not isinstance(rows, Mapping):
            raise RunError(f"`{group}` must hold numbers.", where=where, mend=_MEND)
        for row in rows.values():
            if not isinstance(row, Mapping) or not all(_is_number(value) for value in row.values()):
                raise RunError(f"`{group}` must hold numbers.", where=where, mend=_MEND)
    truth = np.repeat([1, 0], [n_test, n_test_neg])
    for name, values in scores.items():
        told = metrics.get("test", {}) if name == "model" else {"network": {}, **metrics, **baselines}[name]
        for key, value in link_metrics(truth, values).items():
            if key in ("roc_auc", "average_precision") and not math.isclose(
                told.get(key) if _is_number(told.get(key)) and told.get(key) is not None else math.inf,
                value,
                abs_tol=_SAME,
            ):
                raise RunError(
                    f"`{key}` of {name!r} does not follow from the scores.", where=where, mend=_MEND
                )


def _check_trials(trials: Any) -> None:
    """Raise RunError unless `trials` is a list of recipes tried, each with its numbers."""
    try:
        told = [from_dict({"event": "Trial", **one}) for one in trials]
        fine = all(
            isinstance(one, Trial)
            and one.recipe in RECIPES
            and isinstance(one.message, str)
            and all(_is_number(v) for v in (one.epoch, one.epochs, one.best_epoch, one.seconds))
            and all(_is_number(v) for v in one.val.values())
            for one in told
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise RunError("`trials` must be a list of trials.", where="metrics.json", mend=_MEND) from error
    if not fine:
        raise RunError("`trials` must hold recipes and numbers.", where="metrics.json", mend=_MEND)


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
