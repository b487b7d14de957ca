"""The zip of a bundle of unknown origin: sizes are compared before anything is unpacked, then hashes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vgae_core.errors import LimitError, RunError, StudioError
from vgae_core.host.limits import Limits
from vgae_core.runs.exports.bundle import (
    FORMAT,
    MANIFEST,
    MAX_EVENTS_BYTES,
    MEMBERS,
    MOST_RUNS,
    SET_FORMAT,
    SET_VERSION,
    VERSION,
    set_member,
)
from vgae_core.runs.store.notes import MAX_NAME

MAX_JSON_BYTES = 4_000_000
MAX_RATIO = 100
"""Bytes that one byte of a bundle may unpack to: a real one, of floats and indices, stays below 20."""

MEND = "Download the bundle again; it must come from VGAE Studio."

_FREE_BYTES = 20_000_000
"""Unpacked bytes that no ratio is asked of."""

_DEPTH = 30
"""Levels of nested JSON; the specification and the description of a model have fewer than ten."""


@contextlib.contextmanager
def _opened(bundle: Path) -> Iterator[zipfile.ZipFile]:
    """Open a bundle; what is no readable zip becomes a RunError."""
    try:
        with zipfile.ZipFile(bundle) as archive:
            yield archive
    except StudioError:
        raise
    except (
        zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError, ValueError,
    ) as error:  # fmt: skip
        raise RunError(f"Not a readable bundle: {error}.", mend=MEND) from error


def refused(message: str, where: str, mend: str = MEND) -> RunError:
    """Return the error of a bundle that is not accepted."""
    return RunError(message, where=where, mend=mend)


def unpack_set(bundle: Path, folder: Path, limits: Limits) -> list[Path] | None:
    """Copy the bundles that the bundle of several runs holds, and return where they lie; None if it is of one run.

    They are not compressed once more, so that all of them together are not larger than it is.
    """
    with _opened(bundle) as archive:
        infos = archive.infolist()
        names = [info.filename for info in infos]
        if set_member(0) not in names or MANIFEST not in names:
            return None
        members = [set_member(place) for place in range(len(infos) - 1)]
        if sorted(names) != sorted([*members, MANIFEST]) or len(members) > MOST_RUNS:
            raise RunError(f"Expected a manifest and up to {MOST_RUNS} runs.", where="bundle", mend=MEND)
        for info in infos:
            cap = MAX_JSON_BYTES if info.filename == MANIFEST else limits.upload_bytes
            if info.file_size > cap:
                raise LimitError(
                    f"{info.file_size:,} bytes exceed the limit of {cap:,}.", where=info.filename
                )
            if info.filename != MANIFEST and info.compress_type != zipfile.ZIP_STORED:
                raise refused("A bundle within a bundle must not be compressed.", info.filename)
        if sum(info.file_size for info in infos) > bundle.stat().st_size:  # members that overlap
            raise refused("Its members are larger than it is.", "bundle")
        _copy(archive, archive.getinfo(MANIFEST), folder / MANIFEST)
        check_version(parse(folder / MANIFEST), SET_FORMAT, SET_VERSION)
        for name in members:
            _copy(archive, archive.getinfo(name), folder / name)
        return [folder / name for name in members]


def unpack(bundle: Path, folder: Path, limits: Limits) -> str:
    """Copy the members of a run's bundle under their fixed names, and return the run's name, empty without one.

    Raises
    ------
    RunError
        If it is no bundle of a version known here, or a member is missing, unknown or damaged.
    LimitError
        If it is larger than this installation accepts.
    """
    with _opened(bundle) as archive:
        return _unpack(archive, folder, limits)


def _unpack(archive: zipfile.ZipFile, folder: Path, limits: Limits) -> str:
    infos = {info.filename: info for info in archive.infolist()}
    expected = {*MEMBERS, MANIFEST}
    if len(infos) != len(archive.infolist()) or set(infos) != expected:
        odd = sorted(set(infos) ^ expected)[:3]
        raise RunError(f"Not a bundle of a run: missing, unknown or repeated members {odd}.", mend=MEND)
    unpacked = sum(info.file_size for info in infos.values())
    limits.check("decompressed_bytes", unpacked, where="bundle")
    packed = sum(info.compress_size for info in infos.values())
    _check_ratio(packed, unpacked)
    for name, info in infos.items():
        kinds = {".json": MAX_JSON_BYTES, ".jsonl": MAX_EVENTS_BYTES}
        cap = kinds.get(Path(name).suffix, limits.decompressed_bytes)
        if info.file_size > cap:
            raise LimitError(f"{info.file_size:,} bytes exceed the limit of {cap:,}.", where=name)
    _copy(archive, infos[MANIFEST], folder / MANIFEST)
    manifest = parse(folder / MANIFEST)
    check_version(manifest, FORMAT, VERSION)
    files = manifest.get("files")
    for name in MEMBERS:
        digest = _copy(archive, infos[name], folder / name)
        entry = files.get(name) if isinstance(files, Mapping) else None
        if not isinstance(entry, Mapping) or entry.get("sha256") != digest:
            raise refused("Its hash is not the one of the manifest.", name)
    arrays = 0
    for name in MEMBERS:
        if name.endswith(".npz"):  # compressed once more, perhaps
            with zipfile.ZipFile(folder / name) as inner:
                arrays += sum(info.file_size for info in inner.infolist())
    limits.check("decompressed_bytes", arrays, where="bundle")
    _check_ratio(packed, arrays)
    return str(manifest.get("name", ""))[:MAX_NAME]


def check_version(manifest: Mapping[str, Any], format: str, newest: int) -> None:
    """Raise RunError unless a manifest is of a format, in a version up to `newest`."""
    version = manifest.get("version")
    if manifest.get("format") == format and type(version) is int and 1 <= version <= newest:
        return
    received = f"{manifest.get('format')!r}, version {version!r}"[:80]
    later = manifest.get("format") == format and type(version) is int and version > newest
    raise refused(
        f"Expected {format!r}, version {newest}. Received: {received}.",
        MANIFEST,
        "It was written by a later VGAE Studio: update this one." if later else MEND,
    )


def _check_ratio(packed: int, unpacked: int) -> None:
    if unpacked > _FREE_BYTES + MAX_RATIO * packed:
        raise LimitError(
            f"{packed:,} bytes would unpack to {unpacked:,}: more than {MAX_RATIO} times as many.",
            where="bundle",
        )


def _copy(archive: zipfile.ZipFile, info: zipfile.ZipInfo, to: Path) -> str:
    """Copy a member, no more of it than it claims, and return its SHA-256."""
    digest, size = hashlib.sha256(), 0
    with archive.open(info) as stream, to.open("wb") as file:
        while block := stream.read(2**20):
            size += len(block)
            if size > info.file_size:
                break
            digest.update(block)
            file.write(block)
    if size != info.file_size:
        raise refused("Its size is not the one it claims.", info.filename)
    return digest.hexdigest()


def parse(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file, not too deeply nested."""
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise refused(f"Not readable as JSON: {error}.", path.name) from error
    if not isinstance(value, dict):
        raise refused("Expected a JSON object.", path.name)
    level: list[Any] = [value]
    for _ in range(_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return value
    raise refused(f"JSON nested more than {_DEPTH} levels deep.", path.name)
