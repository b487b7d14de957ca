"""What a worker must have in common with whoever sends it runs: the same sources and the same libraries."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping
from pathlib import Path

import vgae_core

_LIBRARIES = ("keras", "numpy", "scipy", "distributed")
_TENSORFLOW = ("tensorflow_cpu", "tensorflow")
"""Two packages with the same content, of which one is installed."""


@functools.cache
def versions() -> dict[str, str]:
    """Return versions by name; that of vgae_core with a digest of its sources, since checkouts differ without one."""
    found = {"vgae_core": f"{vgae_core.__version__} ({_digest()})"}
    found["Python"] = ".".join(platform.python_version_tuple()[:2])
    for name in _LIBRARIES:
        found[name] = _version(name)
    found["tensorflow"] = next((v for v in map(_version, _TENSORFLOW) if v != "none"), "none")
    return found


def differences(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """Return in words which versions differ, empty if none does."""
    return "; ".join(
        f"{name} {theirs.get(name, 'none')} there, {version} here"
        for name, version in ours.items()
        if theirs.get(name) != version
    )


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _digest() -> str:
    """Return eight digits that change with any source file of the package."""
    root = Path(vgae_core.__file__).parent
    total = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        total.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()[:8]
