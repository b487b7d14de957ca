"""JSON objects of arrays, as PyTorch Geometric names them: ``{"edge_index": [[…], […]], "x": …, "y": …}``.

The arrays become an npz archive, and its reader does the rest.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from vgae_core.data.findings import Part
from vgae_core.data.readers.arrays import edge_arrays
from vgae_core.data.readers.base import Content, Edges, Format, Probe, shorten
from vgae_core.data.readers.text.json_file import is_json, is_lines, load_json

_TITLE = "edge_index, x, y (JSON)"
_MEND = 'Expected {"edge_index": [[source, …], [target, …]], "x": [[number, …], …], "y": [class, …]}.'


def _recognise(probe: Probe) -> bool:
    if not is_json(probe) or is_lines(probe):
        return False
    content = load_json(probe)
    return isinstance(content, dict) and isinstance(content.get("edge_index"), list)


def _as_archive(probe: Probe) -> Probe:
    """Return the arrays as a probe of an npz archive."""
    if "archive" not in probe.memo:
        content = load_json(probe)
        arrays = {name: _array(probe, name, value) for name, value in content.items() if _is_array(value)}
        if not any(size == 2 for size in arrays["edge_index"].shape) or arrays["edge_index"].ndim != 2:
            raise probe.error("`edge_index` must be two lists of node numbers.", mend=_MEND)
        folder = tempfile.TemporaryDirectory(prefix="vgae-arrays-", ignore_cleanup_errors=True)
        path = Path(folder.name) / "arrays.npz"
        np.savez(path, allow_pickle=False, **arrays)  # type: ignore[arg-type]
        with open(path, "rb") as stream:
            head = stream.read(65_536)
        archive = Probe(probe.name, probe.stem, path, head, probe.limits, probe.how)
        probe.memo["archive"] = (archive, folder)  # the folder goes when the probe does
    return probe.memo["archive"][0]  # type: ignore[no-any-return]


def _is_array(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, int) and not isinstance(value, bool))


def _array(probe: Probe, name: str, value: Any) -> np.ndarray:
    try:
        array = np.array(value)
    except (ValueError, OverflowError) as error:  # lists of different lengths
        raise probe.error(f"The lists in `{shorten(name)}` differ in length.", mend=_MEND) from error
    if array.dtype == object:  # null among numbers
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise probe.error(f"`{shorten(name)}` holds more than numbers.", mend=_MEND) from error
    return array


def _edges(probe: Probe) -> Edges:
    read = edge_arrays.FORMAT.edges
    assert read is not None  # noqa: S101  narrows the type
    return dataclasses.replace(read(_as_archive(probe)), format=_TITLE)


def _parts(probe: Probe, content: Content) -> tuple[Part, ...]:
    parts = edge_arrays.FORMAT.parts
    assert parts is not None  # noqa: S101  narrows the type
    return parts(_as_archive(probe), content)


FORMAT = Format(
    key="json-arrays",
    title=_TITLE,
    suffixes=("json",),
    recognise=_recognise,
    guess=lambda probe: "edges",
    edges=_edges,
    parts=_parts,
)
