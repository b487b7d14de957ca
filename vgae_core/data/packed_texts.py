"""Many texts as two arrays: UTF-8 bytes end to end, and where each begins."""

from __future__ import annotations

import itertools
from collections.abc import Collection

import numpy as np

from vgae_core.data.npz import DAMAGED
from vgae_core.errors import DataError


def encode_texts(texts: Collection[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the texts as UTF-8 bytes (uint8) end to end, and their offsets (int64, n + 1)."""
    pieces = [str(text).encode("utf-8", "surrogatepass") for text in texts]
    offsets = np.zeros(len(pieces) + 1, np.int64)
    np.cumsum([len(piece) for piece in pieces], out=offsets[1:])
    return np.frombuffer(b"".join(pieces), np.uint8), offsets


def decode_texts(data: np.ndarray, offsets: np.ndarray, *, where: str = "") -> list[str]:
    """Return the texts that :func:`encode_texts` wrote.

    Raises
    ------
    DataError
        If bytes and offsets disagree or are not UTF-8.
    """
    sound = (
        data.dtype == np.uint8
        and data.ndim == 1
        and offsets.dtype == np.int64
        and offsets.ndim == 1
        and len(offsets) > 0
        and offsets[0] == 0
        and offsets[-1] == len(data)
        and not np.any(offsets[1:] < offsets[:-1])
    )
    if not sound:
        raise DataError("Texts and their offsets disagree.", where=where, mend=DAMAGED)
    raw, ends = data.tobytes(), offsets.tolist()
    try:
        return [raw[a:b].decode("utf-8", "surrogatepass") for a, b in itertools.pairwise(ends)]
    except UnicodeDecodeError as error:
        raise DataError(f"Not UTF-8 text: {error}.", where=where, mend=DAMAGED) from error
