"""What only a look at every byte of a text can tell, in blocks of bytes: ten million rows take a moment."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator

import numpy as np

from vgae_core.data.readers.base import Probe

_BLOCK = 1 << 16
"""Bytes at a time: what fits the cache of a core is gone through several times faster."""
_LINE_FEED, _QUOTE, _ZERO = 10, 34, 48
_MOST_HITS = 100_000
"""More places than this are not looked at one by one."""


def _blocks(probe: Probe) -> Iterator[np.ndarray]:
    """Yield the bytes of the file in pieces that end with a line, but for lines longer than a block."""
    with open(probe.path, "rb") as stream:
        rest: list[bytes] = []
        while block := stream.read(_BLOCK):
            end = block.rfind(b"\n") + 1
            if end:
                yield np.frombuffer(b"".join([*rest, block[:end]]), np.uint8)
                rest = []
            rest.append(block[end:])
        if any(rest):
            yield np.frombuffer(b"".join(rest), np.uint8)


def _holds(probe: Probe, signs: bytes) -> bool:
    """Return whether one of the bytes stands anywhere in the file; a tenth of the time of finding lines."""
    with open(probe.path, "rb") as stream:
        return any(sign in block for block in iter(lambda: stream.read(_BLOCK), b"") for sign in signs)


def count_lines(probe: Probe) -> int:
    """Return the number of lines, at memory speed."""
    data = np.memmap(probe.path, dtype=np.uint8, mode="r")
    block = 1 << 24
    total = sum(
        int(np.count_nonzero(data[at : at + block] == _LINE_FEED)) for at in range(0, len(data), block)
    )
    return total + (1 if len(data) and data[-1] != _LINE_FEED else 0)


def lines_that_begin(probe: Probe, signs: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return number (from 0) and place in the file of every line but the first that begins with one of two signs.

    Both are int64, shape (n_lines,).
    """
    numbers, places = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    if not _holds(probe, signs):
        return numbers[0], places[0]
    data = np.memmap(probe.path, dtype=np.uint8, mode="r")
    first, second = signs
    lines_before, block = 0, 1 << 24
    for start in range(0, len(data), block):
        # One byte more than the block, to see what follows its last newline.
        piece = np.asarray(data[start : start + block + 1])
        ends = np.flatnonzero(piece[:block] == _LINE_FEED)
        inner = ends[ends + 1 < len(piece)]
        follows = piece[inner + 1]
        marked = np.flatnonzero((follows == first) | (follows == second))
        numbers.append(marked + lines_before + 1)
        places.append(inner[marked] + start + 1)
        lines_before += len(ends)
    return np.concatenate(numbers), np.concatenate(places)


def are_followed_by_blank(probe: Probe, places: np.ndarray) -> np.ndarray:
    """Return whether a blank, the end of the line or another sign follows the byte at each place; bool (n_places,)."""
    data = np.memmap(probe.path, dtype=np.uint8, mode="r")
    after = data[np.minimum(places + 1, len(data) - 1)]
    return np.isin(after, np.frombuffer(b" \t\r\n#%!", np.uint8))


def lines_at(probe: Probe, places: np.ndarray) -> Iterator[bytes]:
    """Yield the line that begins at each place."""
    with open(probe.path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for place in places.tolist():
            end = data.find(b"\n", place)
            yield data[place : len(data) if end < 0 else end]


def _separator_bytes(separator: str) -> bytes:
    return separator[-1:].encode() if separator else b" \t"


def padded_columns(probe: Probe, separator: str, split: Callable[[str], list[str]]) -> frozenset[int] | None:
    """Return the columns in which a field begins with 0 and another digit; None if they are too many to tell.

    Parameters
    ----------
    probe : Probe
    separator : str
    split : callable
        ``split(line) -> fields``.
    """
    before = [_LINE_FEED, _QUOTE, *_separator_bytes(separator)]
    columns: set[int] = set()
    looked = 0
    for piece in _blocks(probe):
        begins = np.empty(len(piece), bool)  # whether a field begins here
        begins[0] = True
        np.equal(piece[:-1], before[0], out=begins[1:])
        for sign in before[1:]:
            begins[1:] |= piece[:-1] == sign
        begins &= piece == _ZERO
        begins[-1] = False
        places = np.flatnonzero(begins)
        places = places[piece[places + 1] - _ZERO < 10]  # bytes below "0" wrap around
        if not len(places):
            continue
        raw = piece.tobytes()
        seen = -1
        for place in places.tolist():
            start = raw.rfind(b"\n", 0, place) + 1
            if start == seen:
                continue
            seen, looked = start, looked + 1
            if looked > _MOST_HITS:
                return None
            end = raw.find(b"\n", place)
            fields = split(raw[start : len(raw) if end < 0 else end].decode("utf-8", "replace"))
            columns |= {i for i, f in enumerate(fields) if f[:1] == "0" and f[1:2].isdigit()}
    return frozenset(columns)


def has_lone_quote(probe: Probe, separator: str, is_lone: Callable[[str, str | None], bool]) -> bool:
    """Return whether a field begins with a quotation mark that its line does not close.

    Parameters
    ----------
    probe : Probe
    separator : str
    is_lone : callable
        ``is_lone(line, next_line)`` has the last word about a suspicious line.
    """
    beside = np.zeros(256, bool)
    beside[[*_separator_bytes(separator), _LINE_FEED, 13]] = True
    looked = 0
    for piece in _blocks(probe):
        quotes = np.flatnonzero(piece == _QUOTE)
        if not len(quotes):
            continue
        padded = np.concatenate([[_LINE_FEED], piece, [_LINE_FEED]])
        opens, closes = beside[padded[quotes]], beside[padded[quotes + 2]]
        ends = np.flatnonzero(piece == _LINE_FEED)
        line = np.searchsorted(ends, quotes)
        balance = np.bincount(line, opens.astype(np.int8) - closes.astype(np.int8) + 2.0 * (opens & closes))
        suspicious = np.flatnonzero(balance > 0).tolist()
        lines = piece.tobytes().decode("utf-8", "replace").split("\n") if suspicious else []
        for number in suspicious:
            if is_lone(lines[number], lines[number + 1] if number + 1 < len(ends) else None):
                return True
            looked += 1
            if looked > _MOST_HITS:
                return False
    return False
