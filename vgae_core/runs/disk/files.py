"""JSON and arrays on disk: each file is written whole or not at all, and read without pickle."""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vgae_core.errors import LimitError, RunError

MEND = "Delete the run on the Runs page and train it again."
"""What helps where a file of a run is gone."""


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
        raise RunError("This file of the run is missing.", where=path.name, mend=MEND) from error
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
        raise RunError("This file of the run is missing.", where=path.name, mend=MEND) from error
    except MemoryError as error:
        raise LimitError(f"Not enough memory to read it: {error}.", where=path.name) from error
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise RunError(f"Not readable as arrays: {error}.", where=path.name) from error
    for array in arrays.values():
        array.setflags(write=False)  # a result is shared by every page that shows it
    return arrays


def is_finite(value: Any) -> bool:
    """Return whether a value from JSON is a number that a float can hold; True and False are none."""
    # Compared, not converted: JSON may hold whole numbers that no float can.
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) <= sys.float_info.max
