"""HDF5 files of unknown origin, read by h5py.

HDF5 can reach outside a file: external and soft links, external storage and virtual data
sets read whatever path they name. So the whole tree is walked first, each link looked at
before what it leads to is opened, and every declared size compared with what is stored.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from vgae_core.data.readers.base import Probe, shorten

if TYPE_CHECKING:
    import h5py

_MEND = "Save it again with the program that made it."
_MAX_OBJECTS, _MAX_DEPTH, _MAX_TEXT = 5_000, 16, 1_000_000
_FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}
_RATIO = 1100
"""gzip packs at most 1032 bytes into one; a claim beyond that is a lie or a bomb."""


def is_hdf5(probe: Probe) -> bool:
    """Return whether the file begins as HDF5 does."""
    return probe.head.startswith(b"\x89HDF\r\n\x1a\n")


def open_checked(probe: Probe) -> h5py.File:
    """Return the open file, opened once; every object in it has been checked.

    Raises
    ------
    DataError
        If it reaches outside itself, is nested too deeply, or claims more than it holds.
    LimitError
        If it claims too much.
    """
    import h5py

    if "h5" not in probe.memo:
        file = h5py.File(probe.path, "r", rdcc_nbytes=0)
        _walk(probe, file)
        probe.memo["h5"] = file
    opened: h5py.File = probe.memo["h5"]
    return opened


def _walk(probe: Probe, file: h5py.File) -> None:
    import h5py

    size, seen = probe.path.stat().st_size, set()
    todo: list[tuple[h5py.Group, int]] = [(file["/"], 0)]
    while todo:
        group, depth = todo.pop()
        if depth > _MAX_DEPTH:
            raise probe.error(f"Groups are nested more than {_MAX_DEPTH} deep.", mend=_MEND)
        for name in group:
            at = f"{group.name.rstrip('/')}/{shorten(name)}"
            link = group.get(name, getlink=True)
            if type(link) is not h5py.HardLink:
                kind = "another file" if isinstance(link, h5py.ExternalLink) else "another place"
                raise probe.error(f"{at} is a link to {kind}; only data of its own is read.", mend=_MEND)
            found = group[name]
            address = h5py.h5o.get_info(found.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > _MAX_OBJECTS:
                raise probe.error(f"Holds more than {_MAX_OBJECTS:,} objects.", mend=_MEND)
            if isinstance(found, h5py.Group):
                todo.append((found, depth + 1))
            elif isinstance(found, h5py.Dataset):
                _check_dataset(probe, found, at, size)


def _check_dataset(probe: Probe, data: h5py.Dataset, at: str, file_size: int) -> None:
    """Refuse what lies outside the file, or claims more than the file can hold."""
    import h5py

    settings = data.id.get_create_plist()
    if settings.get_external_count() or settings.get_layout() == h5py.h5d.VIRTUAL:
        raise probe.error(f"{at} is stored in another file; only data of its own is read.", mend=_MEND)
    for position in range(settings.get_nfilters()):
        code = settings.get_filter(position)[0]
        if code not in _FILTERS:
            raise probe.error(f"{at} is compressed by filter {code}.", mend="Write it with gzip compression.")
    if data.shape is None:
        return
    stored, claimed = data.id.get_storage_size(), math.prod(data.shape) * data.dtype.itemsize
    probe.limits.check("decompressed_bytes", claimed, where=f"{probe.name}, {at}")
    if stored > file_size or claimed > _RATIO * stored:
        raise probe.error(f"{at} claims {claimed:,} bytes but holds {stored:,}.", mend=_MEND)
    if (
        data.chunks is not None
        and math.prod(data.chunks) * data.dtype.itemsize > probe.limits.decompressed_bytes
    ):
        raise probe.error(f"{at} is stored in chunks of {data.chunks}.", mend=_MEND)


def attribute(item: Any, name: str) -> Any:
    """Return a small attribute: text, or whole numbers; None if there is none such."""
    import h5py

    if name not in item.attrs:
        return None
    stored = item.attrs.get_id(name)
    text = h5py.check_string_dtype(stored.dtype) is not None
    if math.prod(stored.shape) > 2 or not (text or stored.dtype.kind in "iuS"):
        return None
    value = item.attrs[name]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def dataset(probe: Probe, group: Any, name: str, *, what: str, dims: int = 1) -> h5py.Dataset:
    """Return a data set of so many dimensions.

    Raises
    ------
    DataError
        If there is none such.
    """
    import h5py

    found = group.get(name) if isinstance(group, h5py.Group) else None
    if not isinstance(found, h5py.Dataset) or len(found.shape or ()) != dims:
        raise probe.error(f"{what} lacks `{name}`.", mend=_MEND)
    return found


def numbers(probe: Probe, data: h5py.Dataset) -> np.ndarray:
    """Return the numbers of a data set.

    Raises
    ------
    DataError
        If it holds something else.
    """
    if data.dtype.kind not in "biuf" or data.dtype.itemsize > 8:
        raise probe.error(f"{shorten(data.name)} holds no numbers: {data.dtype}.", mend=_MEND)
    return np.asarray(data[...])


def texts(probe: Probe, data: h5py.Dataset) -> list[str]:
    """Return the texts of a data set; numbers as texts.

    Raises
    ------
    DataError, LimitError
        If a text, or all together, are too long.
    """
    import h5py

    probe.limits.check("nodes", data.shape[0], where=f"{probe.name}, {shorten(data.name)}")
    if h5py.check_string_dtype(data.dtype) is None and data.dtype.kind != "S":
        return [str(number) for number in numbers(probe, data).tolist()]
    found: list[str] = []
    total = 0
    for at in range(0, data.shape[0], 1024):  # in pieces: many entries may share one long text
        for value in data[at : at + 1024].tolist():
            text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
            total += len(text)
            if len(text) > _MAX_TEXT:
                raise probe.error(f"{shorten(data.name)} holds a text of {len(text):,} letters.", mend=_MEND)
            found.append(text)
        probe.limits.check("decompressed_bytes", total, where=f"{probe.name}, {shorten(data.name)}")
    return found
