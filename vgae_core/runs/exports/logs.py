"""The log of a run in the formats of Keras' CSVLogger and of TensorBoard, from the events it kept.

Wherever a run was trained, its events came back; so nothing has to be switched on beforehand, and nothing is written
elsewhere.
"""

from __future__ import annotations

import csv
import io
import math
import struct
from collections.abc import Callable, Iterable

from vgae_core.training.events import EpochEnd, Event, Started


def _rows(events: Iterable[Event]) -> list[tuple[float, int, dict[str, float]]]:
    """Return time (seconds since 1970, UTC), epoch from 1 and all numbers of each epoch."""
    at, rows = 0.0, []
    for event in events:
        if isinstance(event, Started):
            at = event.at
        elif isinstance(event, EpochEnd):
            at += event.seconds
            held_out = {**event.val_logs, **event.val}
            values = {**event.logs, **{f"val_{name}": value for name, value in held_out.items()}}
            rows.append((at, event.epoch, values))
    return rows


def csv_log(events: Iterable[Event]) -> bytes:
    """Return a table with one row an epoch, as ``keras.callbacks.CSVLogger`` writes it: epochs count from 0.

    Parameters
    ----------
    events : iterable of Event
        Of one run, in order.
    """
    rows = _rows(events)
    names = sorted({name for _, _, values in rows for name in values})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", *names])
    for _, epoch, values in rows:
        writer.writerow([epoch - 1, *(repr(values[name]) if name in values else "NA" for name in names)])
    return text.getvalue().encode()


def tensorboard_log(events: Iterable[Event]) -> bytes:
    """Return an event file for TensorBoard: one scalar a number and epoch.

    Parameters
    ----------
    events : iterable of Event
        Of one run, in order.

    Returns
    -------
    bytes
        TFRecords of ``tensorflow.Event``; TensorBoard reads files whose name holds ``tfevents``.
    """
    rows = _rows(events)
    out = [_record(_double(1, rows[0][0] if rows else 0.0) + _text(3, b"brain.Event:2"))]
    for at, epoch, values in rows:
        scalars = b"".join(
            _text(1, _text(1, f"epoch_{name}".encode()) + _tag(2, 5) + struct.pack("<f", value))
            for name, value in values.items()
            if math.isfinite(value)
        )
        out.append(_record(_double(1, at) + _tag(2, 0) + _varint(epoch - 1) + _text(5, scalars)))
    return b"".join(out)


LOGS: dict[str, Callable[[Iterable[Event]], bytes]] = {".csv": csv_log, ".tfevents": tensorboard_log}
"""What writes the log, by the suffix of the file."""


# ------------------------------------------------------- protocol buffers and TFRecords
def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _tag(field: int, wire: int) -> bytes:
    return _varint(field << 3 | wire)


def _double(field: int, value: float) -> bytes:
    return _tag(field, 1) + struct.pack("<d", value)


def _text(field: int, content: bytes) -> bytes:
    return _tag(field, 2) + _varint(len(content)) + content


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _crc_table()


def _masked_crc(content: bytes) -> bytes:
    """Return the masked CRC-32C that frames a TFRecord."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _record(content: bytes) -> bytes:
    length = struct.pack("<Q", len(content))
    return length + _masked_crc(length) + content + _masked_crc(content)
