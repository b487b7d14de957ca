"""Character encodings and line ends: a text is UTF-8 with line feeds before a format sees it."""

from __future__ import annotations

import codecs
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import charset_normalizer

from vgae_core.data.findings import Choice, Judgement
from vgae_core.data.readers.base import Probe, shorten
from vgae_core.data.readers.text import alphabets
from vgae_core.settings import FileSpec
from vgae_core.settings.fields import settings_of

_BLOCK = 1 << 20
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x19\x1c-\x1f]")
"""Control characters no text has; it may end with Ctrl-Z and colour a terminal with Escape."""
_MAGIC = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive (or an Excel or Word document)"),
    (b"\x89HDF", "an HDF5 file"),
    (b"MATLAB 5.0", "a MATLAB file"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"\x93NUMPY", "a NumPy array (npy)"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x03", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x80\x05", "a Python pickle"),
)
_MARKUP = re.compile(rb"\s*<(\?xml|!doctype|html|graphml|gexf|svg)", re.IGNORECASE)
_TITLES = next(setting.labels for setting in settings_of(FileSpec) if setting.key == "encoding")
_DETECTED = {
    "cp932": "shift-jis", "shift_jis": "shift-jis", "gb18030": "gb18030", "gb2312": "gb18030", "gbk": "gb18030",
    "big5": "big5", "cp950": "big5", "cp949": "euc-kr", "euc_kr": "euc-kr", "euc_jp": "euc-jp",
}  # fmt: skip
"""Names that charset-normalizer gives encodings of two bytes per character, to those of
:class:`~vgae_core.settings.FileSpec`."""
_CODECS = {
    "shift-jis": "cp932",
    "euc-kr": "cp949",
    "koi8-r": "koi8-u",
    "latin-2": "iso8859-2",
    "greek": "iso8859-7",
}
"""Codecs of encodings under whose name most files hold what Windows, or a neighbouring country, added to them."""
_KEYS = {codec: key for key, codec in _CODECS.items()}
_OFFERED = 5
"""Encodings offered instead."""
_PLANES = 4
"""First bytes of the characters of a script in UTF-16, at most."""
_KANA = re.compile(rb"[\xa4\xa5][\xa1-\xf6]")
_SAMPLE = 16_384
"""Bytes, from the first line that is not ASCII on, in which an encoding is looked for."""
_FOREIGN = re.compile(rb"[\x80-\xff]")


def what_else(probe: Probe) -> str | None:
    """Return what a file that is no text is, in words, or None if it may be text."""
    for magic, name in _MAGIC:
        if probe.head.startswith(magic):
            return name
    if _MARKUP.match(probe.head):
        return "an XML or HTML document"
    return None if probe.is_text else "a binary file"


def as_utf8(probe: Probe, folder: Path) -> Probe:
    """Return the file, a text in another encoding or with the line ends of old Macs rewritten in `folder`.

    Binary files are returned as they are, and so is XML, which names its encoding itself.

    Raises
    ------
    DataError
        If the text is not in the encoding that the user gave.
    LimitError
        If it would become too large.
    """
    given = probe.how.encoding
    wide = _utf16(probe.head)
    if wide is None and what_else(probe) is not None:
        return probe
    if wide is not None and probe.head.decode(wide, "ignore").lstrip("\ufeff \t\r\n").startswith("<"):
        return probe
    encoding = given if given != "auto" else "utf-16" if wide is not None else _eight_bit(probe)
    if encoding not in ("utf-8", "utf-16"):
        probe.memo["foreign"] = _foreign(probe.path)
        if given == "auto":
            encoding = _likeliest(encoding, probe.memo["foreign"])
    codec = (wide or "utf-16") if encoding == "utf-16" else _CODECS.get(encoding, encoding)
    old_mac = b"\r" in probe.head and b"\n" not in probe.head
    if encoding == "utf-8" and not old_mac:
        return probe
    return _rewritten(probe, folder, encoding, codec, old_mac=old_mac)


def _rewritten(probe: Probe, folder: Path, encoding: str, codec: str, *, old_mac: bool) -> Probe:
    handle, target = tempfile.mkstemp(dir=folder)
    decoder = codecs.getincrementaldecoder(codec)("strict")
    written, lines = 0, 1
    with os.fdopen(handle, "wb") as out:
        for block, last in _blocks(probe.path):
            try:
                text = decoder.decode(block, last)
            except UnicodeError as error:  # also of UTF-16 without the mark of its byte order
                at, reason = None, str(error)
                if isinstance(error, UnicodeDecodeError):
                    at, reason = lines + error.object[: error.start].count(b"\n"), error.reason
                raise probe.error(
                    f"Not {_TITLES[encoding]} text: {reason}.",
                    line=at,
                    mend="Choose another encoding, or save the file as UTF-8.",
                ) from error
            lines += text.count("\n")
            if old_mac:
                text = text.replace("\r", "\n")
            written += out.write(text.removeprefix("\ufeff").encode("utf-8", "surrogatepass"))
            probe.limits.check("decompressed_bytes", written, where=probe.name)
    return probe.moved_to(Path(target), encoding=encoding)


def _blocks(path: Path) -> Iterator[tuple[bytes, bool]]:
    size, seen = path.stat().st_size, 0
    with open(path, "rb") as stream:
        while seen < size and (block := stream.read(_BLOCK)):
            seen += len(block)
            yield block, seen >= size


def _utf16(head: bytes) -> str | None:
    """Return the codec if the beginning is UTF-16: by its mark, or by a zero in every other byte."""
    if head.startswith(_MARKS):
        return "utf-16"
    sample = head[: min(len(head), 4096) // 2 * 2]
    if len(sample) < 4 or b"\0" not in sample:
        return None
    low, high = sample[::2], sample[1::2]
    for zeros, others, codec in ((high, low, "utf-16-le"), (low, high, "utf-16-be")):
        few = (
            0 in zeros and len(set(zeros)) <= _PLANES and len(zeros) > 4 * _PLANES
        )  # one script, and separators
        if (few or zeros.count(0) > 0.5 * len(zeros)) and not others.count(0):
            text = sample.decode(codec, "replace")
            return None if _CONTROL.search(text) or "\ufffd" in text else codec
    return None


def _eight_bit(probe: Probe) -> str:
    """Return the encoding of a text of single bytes: UTF-8 unless it is not, and then Windows-1252 or Latin-1.

    A text with more characters that are UTF-8 than bytes that are not is damaged UTF-8, which the reader refuses
    where it is damaged.
    """
    if _CONTROL.search(probe.head.decode("latin-1")):
        return "utf-8"
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    broken = sound = 0
    defined = True
    for block, last in _blocks(probe.path):
        if block.isascii():  # at memory speed, which most files are
            text = decoder.decode(b"", last)
        else:
            text = decoder.decode(block, last)
            defined = defined and not any(byte in block for byte in b"\x81\x8d\x8f\x90\x9d")
        bad = text.count("\ufffd")
        broken += bad
        sound += len(text) - len(text.encode("ascii", "ignore")) - bad
    if broken <= sound:
        return "utf-8"
    return "cp1252" if defined else "latin-1"


def _foreign(path: Path) -> bytes:
    """Return the text from the first line that is not ASCII on, as much as tells its encoding."""
    for block, _ in _blocks(path):
        if not block.isascii():
            match = _FOREIGN.search(block)
            at = block.rfind(b"\n", 0, match.start() if match else 0) + 1
            sample = block[at : at + _SAMPLE]
            end = sample.rfind(b"\n")
            return sample[:end] if end > 0 else sample
    return b""


def _likeliest(encoding: str, sample: bytes) -> str:
    """Return the likeliest encoding: that in which words are spelt best, else one of two bytes per character."""
    ranked = alphabets.ranked(sample)
    if ranked and ranked[0][0] >= alphabets.ENOUGH:
        key = _KEYS.get(ranked[0][1], ranked[0][1])
        return encoding if key in alphabets.WESTERN else key
    if _is_euc_jp(sample):
        return "euc-jp"
    match = charset_normalizer.from_bytes(sample).best()
    return _DETECTED.get(match.encoding, encoding) if match is not None else encoding


def _is_euc_jp(sample: bytes) -> bool:
    """Return whether the sample can be EUC-JP and has kana, whose first bytes are rare in Chinese and Korean."""
    try:
        text = sample.decode("euc-jp")
    except UnicodeDecodeError:
        return False
    foreign = sum(not char.isascii() for char in text)
    return sum("\u3041" <= char <= "\u30ff" for char in text) >= 0.1 * foreign and bool(_KANA.search(sample))


def judgements(probe: Probe, rows: list[list[str]]) -> tuple[Judgement, ...]:
    """Return what was decided about the encoding, if that is not UTF-8.

    Parameters
    ----------
    probe : Probe
    rows : list of list of str
        The first rows, for an example.
    """
    if probe.encoding == "utf-8":
        return ()
    title = _TITLES[probe.encoding]
    if probe.encoding == "utf-16":
        fields = [field for row in rows for field in row if not field.isascii()]
        example = f", e.g. {shorten(fields[0])!r}" if fields else ""
        return (Judgement("encoding", f"Read as {title}: two bytes per character{example}."),)
    sample = probe.memo.get("foreign", b"")
    ranked = [(value, _KEYS.get(codec, codec)) for value, codec, _ in alphabets.ranked(sample) if value > 0]
    keys = dict.fromkeys(
        [key for _, key in ranked[:_OFFERED]] + list(_DETECTED.values()) + ["cp1252", "latin-1"]
    )
    words = {_first_word(sample, probe.encoding): probe.encoding}
    for key in keys:
        words.setdefault(_first_word(sample, key), key)
    others = tuple(
        Choice(f"{_TITLES[key]}: {word}", {"encoding": key})
        for word, key in words.items()
        if word and key != probe.encoding
    )
    word = _first_word(sample, probe.encoding)
    example = f", e.g. {word!r}" if word else ""
    if probe.how.encoding != "auto":
        return (Judgement("encoding", f"Read as {title}, as chosen{example}.", others=others),)
    sure = (
        probe.encoding in alphabets.WESTERN
        and bool(ranked)
        and (ranked[0][1] in alphabets.WESTERN and ranked[0][0] >= alphabets.ENOUGH)
    )
    return (
        Judgement(
            "encoding",
            f"Read as {title}, because it is not UTF-8{example}.",
            sure,
            others,
            {"encoding": probe.encoding},
        ),
    )


def _first_word(sample: bytes, encoding: str) -> str | None:
    """Return the first word that is not ASCII; None if the text is not in this encoding."""
    try:
        text = sample.decode(_CODECS.get(encoding, encoding))
    except UnicodeDecodeError:
        return None
    words = re.findall(r"[^\s,;|]*[^\x00-\x7f][^\s,;|]*", text)
    return shorten(words[0], 20) if words else ""
